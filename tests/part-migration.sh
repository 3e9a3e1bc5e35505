#!/bin/bash
# The migration, rehearsed twice (shikaku-migration(7)): insurers join one by
# one with a whole file, each reconciled and signed for; the pilot's phase, then
# all institutions; municipalities go over to 被保険者枝番; one of them sends in
# the other layout beside its neighbour. The second rehearsal begins with empty
# roots and must end with the same bytes, counts and answers.
. "$(dirname "$0")/part.sh"
T=$B/part-migration
. tests/serve.sh
trap serve_stop EXIT
rm -rf "$T"
mkdir -p "$T/files" "$T/boxes"
S=$T/site I=$T/site/intermediate Q=$T/site/qualification
A=06110019 C=06280010 X=00273011 N=KOKUHO13
tests/site.sh "$S" 0
"$B/shikaku-sample" -c "$S/site.yaml" --people 1000 --seed 3 -D 2026-08-01 >"$T/sample" 2>&1

# ---- what the senders have, out of their uploads ----
for p in "$I"/box/*/in/*_0001.zip.p7m; do
	s=$(basename "$p" | cut -d_ -f1)
	# who sends in several files is not in this story
	[ "$s" != JLIS0001 ] && [ ! -e "${p%_0001.zip.p7m}_0002.zip.p7m" ] || continue
	mkdir -p "$T/files/$s"
	openssl cms -verify -noverify -inform DER -in "$p" -out "$T/zip" 2>/dev/null
	[ "$(head -c 2 "$T/zip")" = PK ] || { # sealed for the receiver
		openssl cms -decrypt -inform DER -in "$T/zip" -out "$T/opened" \
		    -recip "$S/pki/open.pem" -inkey "$S/pki/open.key" && mv "$T/opened" "$T/zip"
	}
	unzip -q -o "$T/zip" -d "$T/files/$s" 2>/dev/null && rm "$T/files/$s/manifest.yaml" "$p"
done
for p in "$I"/box/*/in/*_0002.zip.p7m; do
	basename "$p" | cut -d_ -f1
done >"$T/out_of_it"
rm -f "$I"/box/*/in/*_shikaku_* "$I"/box/*/in/*_nhi_*
cp -a "$I/box" "$T/boxes/intermediate" && cp -a "$Q/box" "$T/boxes/qualification"
# the others, who send their first load as it lies there, come at last
mkdir -p "$T/others"
for s in "$T"/files/*; do
	s=$(basename "$s")
	case $s in
	"$A" | "$C" | "$X" | "$N") ;;
	*) echo "$s" ;;
	esac
done >"$T/others/list"
# an insurer's day to join, of the table of senders
sed -i "s/^\($C,.*\),,\(.\?\)$/\1,20260802,\2/" "$S/masters/senders.csv"
sed -i "s/^$N,intermediate,nhi+rekey,/$N,intermediate,nhi+rekey+shikaku,/" "$S/masters/senders.csv"
cp "$S/site.yaml" "$T/site.yaml"
count() { grep -ac '^2' "$@"; }
over() { # FILE DAY: records of it that ended so long ago that nobody takes them in
	local limit
	limit=$(date -u -d "$2 - 1827 days" +%Y%m%d)
	grep -a '^2' "$1" | cut -d, -f25 | awk -v limit="$limit" '$1 != "" && $1 < limit' | wc -l
}

# one rehearsal; every check of the second is one of the first again
rehearse() { # FOLDER
	local R=$T/$1
	mkdir -p "$R"
	rm -rf "$I" "$Q" "$T/work"
	mkdir -p "$I" "$Q"
	cp -a "$T/boxes/intermediate" "$I/box" && cp -a "$T/boxes/qualification" "$Q/box"
	cp -a "$T/files" "$T/work"
	sed 's/^phase: 2/phase: 1/' "$T/site.yaml" >"$S/site.yaml"
	night() { # DAY: status in $status; what it published
		tests/night.sh "$S/site.yaml" "2026-08-0$1" >"$R/night$1" 2>&1
		# the worst of its steps; 1 is nothing to do
		status=$(awk '$7 ~ /^[0-9]+$/ && $7 > w && $7 > 1 { w = $7 } END { print w + 0 }' "$R/night$1")
		# so many people at once are more than a night may change: the
		# operator compares, and says the number of this very content
		if [ $status -eq 35 ]; then
			local n
			n=$(sed -n 's/.*--accept-guard \([0-9]*\).*/\1/p' "$R/night$1" | tail -n 1)
			echo "guard 2026-08-0$1" >>"$R/said"
			"$B/shikaku-rebuild" -c "$S/site.yaml" -D "2026-08-0$1" --accept-guard "$n" >"$T/out" 2>&1
			status=$(awk '$7 ~ /^[0-9]+$/ && $7 > w && $7 > 1 && $7 < 35 { w = $7 } END { print w + 0 }' "$R/night$1")
			tests/night.sh "$S/site.yaml" "2026-08-0$1" deliver >>"$R/night$1" 2>&1
		fi
		! grep -q 'Sanitizer\|runtime error' "$S"/*.log || cat "$S"/*.log
		(cd "$Q/snapshots" && sha256sum qualification-*.sqlite cards-*.sqlite) >>"$R/published"
	}
	snap() { find "$Q/snapshots" -name 'qualification-*.sqlite' | sort | tail -n 1; }
	snap_persons() { ask_sql "SELECT count(DISTINCT key) FROM period WHERE key GLOB '$1*'"; }
	ask_sql() { sqlite3 "file:$(snap)?mode=ro" "$1"; }
	pack() { # SENDER ARGS...
		"$B/shikaku-pack" --key "$S/pki/senders/$1.key" --cert "$S/pki/senders/$1.pem" \
		    --to "$I/box/$1/in" "${@:2}" >"$T/pack" 2>&1
		local r=$?
		[ $r -eq 0 ] || [ $r -eq 4 ] || cat "$T/pack"
	}
	rec() { # ARGS...: status, lines, summary
		"$B/shikaku-reconcile" -c "$S/site.yaml" -D 2026-08-06 "$@" >"$R/out" 2>"$R/err"
		status=$?
		grep -v '^shikaku-reconcile' "$R/out" | cut -f1-11 | sed 's/[0-9-]*T[0-9:.]*+09:00/when/' >>"$R/said"
		line=$(grep -v '^[#0-9fK]\|^shikaku\|whole\|changes' "$R/out" | cut -f1-11 | tr '\t' ' ' | sort | head -n 3)
	}
	answers() { # HOUR FILE QUESTIONS: validity of each, and what was said
		serve_start "$S/site.yaml" "$T/responder.log" "$1" || return
		while IFS='|' read -r _ insurer symbol number branch birth rest; do
			tests/ask.sh -j -p "$serve_port" -d 20260806 "$S" number "$insurer" "$number" "$birth" "$symbol" "$branch"
			echo
		done <"$3" | grep . | grep -o '"QualificationValidity":"[0-9]"\|OE[0-9]*' | sed 's/.*:"\(.\)"/\1/' >"$2"
		serve_stop
	}

	# ---- the first insurer, and what all need; the other one is too early ----
	python3 tests/migration.py again "$T/work/$C/shikaku.csv" 20260801 1
	pack "$A" --full "$T/work/$A/shikaku.csv"
	pack "$C" --full "$T/work/$C/shikaku.csv"
	rec "${A}_shikaku_20260801_0001"
	is 'before the night there is nothing to compare' '8 E7023' "$status $(grep -o 'E7023' "$R/err" | head -n 1)"
	night 1
	is 'the first night ends with one file refused' 5 "$status"
	is 'that of an insurer that has not joined, by name' "refused" \
	    "$(sqlite3 "$I/ledger.sqlite" "SELECT state FROM file WHERE sender = '$C'")"
	rec "${A}_shikaku_20260801_0001"
	n=$(count "$T/work/$A/shikaku.csv") past=$(over "$T/work/$A/shikaku.csv" 20260801)
	here=$((n - past)) p=$(snap_persons "E$A") covered=$(grep -a '^2' "$T/work/$A/shikaku.csv" | cut -d, -f25 | grep -c '^$')
	is 'what was sent is in force, record by record' \
	    "0 E$A $n 0 $p $here $covered 0 0 0 $past 0" "$status $line"
	rec -n --sign "${A}_shikaku_20260801_0001"
	is '-n signs nothing' '0 0' "$status $(sqlite3 "$Q/ledger.sqlite" 'SELECT count(*) FROM signoff')"
	rec --sign "${A}_shikaku_20260801_0001"
	is 'it is signed for, by name' "0 E$A|1|$n|0|$p|$here|0|$(id -un)" \
	    "$status $(sqlite3 "$Q/ledger.sqlite" 'SELECT insurer, generation, records, refused, persons, periods, difference, who FROM signoff')"
	rec --sign "${A}_shikaku_20260801_0001"
	is 'a signature stays as it is' '1 1' "$status $(sqlite3 "$Q/ledger.sqlite" 'SELECT count(*) FROM signoff')"

	# ---- phase 1: the pilot's institutions, by card ----
	grep "^E$A" "$S/pki/ask.tsv" | head -n 3 | tr '\t' '|' >"$T/ask1"
	answers '2026-08-02 10:00:00' "$R/phase1" "$T/ask1"
	is 'in phase 1 nobody is answered by number' "$(wc -l <"$T/ask1")" "$(grep -c OE4002 "$R/phase1")"

	# ---- the second joins: some of its records are wrong ----
	python3 tests/migration.py again "$T/work/$C/shikaku.csv" 20260802 2 2 >"$T/two"
	pack "$C" --full "$T/work/$C/shikaku.csv"
	night 2
	is 'the second night ends with records refused' 4 "$status"
	rec "${C}_shikaku_20260802_0002"
	n=$(count "$T/work/$C/shikaku.csv")
	is 'what was refused is counted' "4 $((n - 2)) 2 2" "$status $(cut -d' ' -f2,3,7 <<<"$line")"
	is 'a person the merge took nothing of is told by record: E7021' "$(cat "$T/two")" \
	    "$(sed -n 's/.* record \([0-9]*\): error E7021.*missing.*/\1/p' "$R/err" | tr '\n' ' ' | sed 's/ $//')"
	is 'also of the file' "file: read $n, accepted $((n - 2)), refused 2, unchanged 0" "$(grep '^file:' "$R/out")"
	rec --sign "${C}_shikaku_20260802_0002"
	is 'and not signed for without a reason' '34 E7022 1' \
	    "$status $(grep -o E7022 "$R/err" | head -n 1) $(sqlite3 "$Q/ledger.sqlite" 'SELECT count(*) FROM signoff')"
	rec --sign --why 'two records come again as changes' "${C}_shikaku_20260802_0002"
	is 'with one it is' "4 4|two records come again as changes" \
	    "$status $(sqlite3 "$Q/ledger.sqlite" "SELECT difference, why FROM signoff WHERE sender = '$C'")"
	rec "${A}_shikaku_20260801_0001"
	is 'the first is as it was' "0 0 0 0 $past 0" "$status $(cut -d' ' -f7-11 <<<"$line")"

	# ---- a federation, and a sender of XML: three layouts side by side ----
	sed -i 's/20260801</20260803</' "$T/work/$X/shikaku.xml"
	sed -i "s/nhi             20260801/nhi             20260803/" "$T/work/$N"/nhi_*.txt
	pack "$X" --full "$T/work/$X/shikaku.xml"
	pack "$N" --full "$T/work/$N/nhi_household.txt" "$T/work/$N/nhi_person.txt"
	night 3
	is 'the third night ends well' 0 "$status"
	rec --sign "${X}_shikaku_20260803_0001"
	is 'XML is in force as it was sent' "0 $(grep -o '<Record>' "$T/work/$X/shikaku.xml" | wc -l)" "$status $(cut -d' ' -f2 <<<"$line")"
	rec --sign "${N}_nhi_20260803_0001"
	is 'two municipalities, a line each' "0 C00130013 C00130021 $(count "$T/work/$N/nhi_person.txt")" \
	    "$status $(cut -d' ' -f1 <<<"$line" | tr '\n' ' ')$(awk '{ n += $2 } END { print n }' <<<"$line")"

	# ---- all the others, in one night ----
	while read -r s; do
		sed -i 's/20260801</20260804</' "$T/work/$s"/*.xml 2>/dev/null
		sed -i '1s/,20260801,/,20260804,/' "$T/work/$s"/*.csv 2>/dev/null
		sed -i 's/nhi             20260801/nhi             20260804/' "$T/work/$s"/*.txt 2>/dev/null
		pack "$s" "$T/work/$s"/*
	done <"$T/others/list"
	night 4
	is 'the night of the others ends well' 0 "$status"
	bad=0
	while read -r s; do
		rec --sign "${s}_$([ -e "$T/work/$s/nhi_person.txt" ] && echo nhi || echo shikaku)_20260804_0001"
		[ $status -eq 0 ] || bad=$((bad + 1))
	done <"$T/others/list"
	is 'each is in force as it was sent' 0 "$bad"
	rec
	awk -F'\t' '$3 == "-" { print $1 }' "$R/out" | sort >"$T/not"
	is 'nobody is in force who has not been signed for' '0 0' \
	    "$status $(ask_sql 'SELECT DISTINCT substr(key, 2, 8) FROM period' | sort | comm -12 - "$T/not" | wc -l)"
	is 'and no insurer with people is left out' "$(ask_sql 'SELECT count(DISTINCT substr(key, 1, 9)) FROM period')" \
	    "$(sqlite3 "$Q/ledger.sqlite" 'SELECT count(DISTINCT insurer) FROM signoff')"

	# ---- phase 2 ----
	sed -i 's/^phase: 1/phase: 2/' "$S/site.yaml"
	grep -v '^#' "$S/pki/ask.tsv" | awk -F'\t' 'NR == FNR { out[$1]; next } !(substr($1, 2, 8) in out)' "$T/out_of_it" - | head -n 16 | tr '\t' '|' >"$T/ask2"
	answers '2026-08-05 10:00:00' "$R/phase2" "$T/ask2"
	is 'in phase 2 they are, as the country says' "$(cut -d'|' -f7 "$T/ask2" | tr '\n' ' ')" \
	    "$(cat "$R/phase2" | tr '\n' ' ')"

	# ---- municipalities go over to 被保険者枝番 ----
	rows=$(ask_sql "SELECT count(*) FROM period")
	python3 tests/migration.py mapping "$(snap)" 20260805 >"$T/work/rekey.csv"
	printf 'person_key:\n  city: edaban\n' >>"$S/site.yaml"
	pack "$N" "$T/work/rekey.csv"
	night 5
	is 'the night of the switch ends well, and nobody is lost' "0 $rows 0" \
	    "$status $(ask_sql "SELECT count(*) FROM period") $(ask_sql "SELECT count(*) FROM period WHERE key GLOB 'C0013*'")"
	rec "${N}_nhi_20260803_0001"
	is 'what was sent under the old keys is later work' '0 0 0' "$status $(awk '{ n += $7 + $8 + $9; m += $11 == 0 } END { print n, m }' <<<"$line")"

	# ---- the old layout and the new one, of one federation, in one night ----
	city=$(head -c 45 "$T/work/$N/nhi_person.txt" | tail -c 6)
	python3 tests/migration.py new "$T/work/$N" 20260806 2 "$city"
	pack "$N" --full "$T/work/$N/nhi_household.txt" "$T/work/$N/nhi_person.txt"
	python3 tests/migration.py layout "$(snap)" 20260806 00130021 >"$T/work/shikaku.csv"
	pack "$N" --full "$T/work/shikaku.csv"
	old=$(ask_sql 'SELECT * FROM period' | sha256sum)
	night 6
	is 'the night of both layouts ends well' 0 "$status"
	rec --sign "${N}_nhi_20260806_0002"
	is 'the old layout is in force as it was sent' '0 E00130013 0 0 0 0' "$status $(cut -d' ' -f1,7-9,11 <<<"$line")"
	rec --sign "${N}_shikaku_20260806_0001"
	is 'the new one too' '0 E00130021 0 0 0 0' "$status $(cut -d' ' -f1,7-9,11 <<<"$line")"
	is 'and nothing is said otherwise for it' "$old" "$(ask_sql 'SELECT * FROM period' | sha256sum)"
	answers '2026-08-07 10:00:00' "$R/both" "$T/ask2"
	so "$(cmp -s "$R/phase2" "$R/both"; echo $?)" 'hospitals get the answers they got before'
	sqlite3 "$Q/ledger.sqlite" 'SELECT sender, feed, day, sequence, insurer, generation, records, refused, persons, periods, difference, why FROM signoff ORDER BY 1, 2, 3, 4, 5' >"$R/signed"
}

rehearse first
rehearse second
for f in published said signed phase1 phase2 both; do
	[ -s "$T/first/$f" ] && cmp -s "$T/first/$f" "$T/second/$f"
	so $? "the second rehearsal ends with the same: $f"
done
part_end
