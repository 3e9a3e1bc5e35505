#!/bin/bash
# shikaku-rebuild over three nights of a small random country, against an
# independent model (merge_model.py); and what it does with damage, guard
# bands and repetition.
. "$(dirname "$0")/part.sh"
T="$B/part-merge"
rm -rf "$T"
mkdir -p "$T"
tests/site.sh "$T/pki-site"
"$B/shikaku-sample" -c "$T/pki-site/site.yaml" --people 1000 >/dev/null 2>&1
site() { # NAME: a site with keys and tables, nothing in it
	S="$T/$1" Q="$T/$1/qualification"
	rm -rf "$S"
	tests/site.sh "$S"
	cp -R "$T/pki-site/pki" "$T/pki-site/masters" "$S/"
	printf 'guard:\n  rows_percent: %d\n  insurer_percent: 0\n' "${2:-0}" >>"$S/site.yaml"
}
rebuild() { # DAY ...: status in $status
	d=$1
	shift
	"$B/shikaku-rebuild" -c "$S/site.yaml" -D "2026-08-$d" "$@" \
	    >"$S/out" 2>"$S/err"
	status=$?
	! grep -q 'Sanitizer\|runtime error' "$S/err" || cat "$S/err"
}
field() { sed "s/.* $1=\([0-9]*\).*/\1/" "$S/out"; }
entry() { # KIND KEY: a line of the manifest in force
	awk -v k="$1:" -v f="$2:" '$1 == k { on = 1 } on && $1 == f { gsub(/"/, "", $2); print $2; exit }' "$Q/snapshots/current/manifest.yaml"
}
digests() { for k in qualification cards institutions; do entry $k digest; done; }

bytes() { # ROOT: all that is published, as sums
	(cd "$1" && find snapshots/*.sqlite reflection -type f | sort | xargs sha256sum)
}
operator() { # NIGHT: says something about half of what is on hold
	python3 tests/merge_model.py verdicts "$Q" "$1" >"$S/night$1.verdicts"
	# shellcheck disable=SC2046
	"$B/shikaku-hold" -c "$S/site.yaml" -D "2026-08-0$1" $(sed \
	    's/^release \(.*\) /-r \1:/; s/^drop \(.*\) /-d \1:/' "$S/night$1.verdicts") \
	    >"$S/out" 2>"$S/err"
	is "night $1: the operator's words are taken" \
	    "0 $(wc -l <"$S/night$1.verdicts")" "$? $(field accepted)"
}

for seed in 1 2 3; do
	site "nights$seed"
	texts=
	for n in 1 2 3; do
		python3 tests/merge_model.py make $seed $n >"$S/night$n"
		[ $seed -eq 3 ] || [ $n -eq 1 ] || operator $n
		"$B/tool-segment" "$Q" <"$S/night$n" || failed=$((failed + 1))
		rebuild "0$n"
		is "seed $seed night $n: some are refused" 4 "$status"
		texts="$texts $S/night$n"
		# shellcheck disable=SC2086
		line=$(python3 tests/merge_model.py check "$Q" $texts)
		echo "$line" | grep -A 3 FAILED
		is "seed $seed night $n agrees with the model" '14 passed, 0 failed' \
		    "$(echo "$line" | sed -n 's/^model: \([0-9]* passed, [0-9]* failed\).*/\1/p')"
		is "seed $seed night $n: the books balance" "$(field read)" \
		    "$(($(field accepted) + $(field refused) + $(field unchanged) + $(field held)))"
	done
	echo "$line"
	[ $seed -ne 1 ] || cp -R "$S" "$T/three"
done

# the same with other times for those who left, and orders to drop: what is
# past goes at the end of its night
for seed in 4 5; do
	site "nights$seed"
	cp "$S/site.yaml" "$S/first.yaml"
	printf 'retention:\n  delete_days: 0\n  left_days: 0\n' >>"$S/site.yaml"
	echo yes >"$S/night1.forever"
	texts=
	for n in 1 2 3; do
		python3 tests/merge_model.py make $seed $n >"$S/night$n"
		"$B/tool-segment" "$Q" <"$S/night$n" || failed=$((failed + 1))
		if [ $n -gt 1 ]; then
			{ cat "$S/first.yaml"
			  printf 'retention:\n  delete_days: %d\n  left_days: %d\n' \
			      $((seed == 4 ? 700 : 1700)) $((seed == 4 ? 1700 : 700)); } >"$S/site.yaml"
			echo 2026080$n >"$S/night$n.purge"
			"$B/shikaku-purge" -c "$S/site.yaml" -D 2026-08-0$n >"$S/out" 2>"$S/err"
			is "seed $seed night $n: the order is given" 0 $?
		fi
		rebuild "0$n"
		texts="$texts $S/night$n"
		# shellcheck disable=SC2086
		line=$(python3 tests/merge_model.py check "$Q" $texts)
		echo "$line" | grep -A 3 FAILED
		is "seed $seed night $n agrees with the model, retention too" '14 passed, 0 failed' \
		    "$(echo "$line" | sed -n 's/^model: \([0-9]* passed, [0-9]* failed\).*/\1/p')"
	done
	is "seed $seed: something was dropped" 1 "$(($(echo "$line" | sed 's/.* \([0-9]*\) dropped.*/\1/') > 60))"
	echo "$line"
done

# all nights in one merge end at the same rows, where no operator spoke and no
# key changed
S="$T/nights3" Q="$S/qualification"
three=$(digests)
site once3
for n in 1 2 3; do
	"$B/tool-segment" "$Q" <"$T/nights3/night$n"
done
rebuild 03
is 'one merge of three nights' "$three" "$(digests)"

# the archived segments alone make every generation again, byte for byte
site archive
mkdir -p "$Q/segments"
from="$T/nights1/qualification"
for n in 1 2 3; do
	"$B/tool-segment" "$Q" </dev/null
	cp "$from"/segments/* "$Q/segments/"
	sqlite3 "$Q/ledger.sqlite" "ATTACH '$from/ledger.sqlite' AS was;
	    INSERT INTO segment SELECT name, kind, rows, digest, 0, sender, feed, day, sequence
	    FROM was.segment WHERE generation = $n"
	rebuild "0$n"
done
is 'the archived segments alone give the same bytes' "$(bytes "$from")" "$(bytes "$Q")"
is 'operators spoke' 1 "$(($(find "$Q/segments" -name '*.verdict-*' | wc -l) > 9))"

# any order of arrival, killed anywhere: the same bytes
shuffled() { # NIGHT SEED: the uploads of a night in another order
	awk -v seed="$2" 'BEGIN { srand(seed) } /^upload/ { k = rand() }
	    { printf "%.9f\t%d\t%s\n", k, NR, $0 }' "$T/nights1/night$1" |
	    LC_ALL=C sort -k 1,1 -k 2,2n | cut -f 3-
}
kills=0
for i in 1 2 3 4 5 6; do
	site "killed$i"
	for n in 1 2 3; do
		shuffled $n $i >"$S/night$n"
		if [ $n -gt 1 ]; then
			cp "$T/nights1/night$n.verdicts" "$S/"
			# shellcheck disable=SC2046
			"$B/shikaku-hold" -c "$S/site.yaml" -D "2026-08-0$n" $(sed \
			    's/^release \(.*\) /-r \1:/; s/^drop \(.*\) /-d \1:/' "$S/night$n.verdicts") >/dev/null
		fi
		"$B/tool-segment" "$Q" <"$S/night$n"
		case $i in 1 | 2 | 3) call=rename when=$i ;; *) call=fsync when=$((6 * i - 20)) ;; esac
		strace -f -qq -o /dev/null -e inject=$call:signal=KILL:when=$when \
		    "$B/shikaku-rebuild" -c "$S/site.yaml" -D "2026-08-0$n" >/dev/null 2>&1
		[ $? -ne 137 ] || kills=$((kills + 1))
		rebuild "0$n"
	done
	is "killed at $call $when, in another order: the same bytes" \
	    "$(bytes "$from")" "$(bytes "$Q")"
done

is 'nearly all of them were killed' 1 $((kills >= 14))

# the worked examples of the manual page
site examples
for n in 1 2; do
	python3 tests/merge_examples.py make formats/merge.7 $n | "$B/tool-segment" "$Q"
	rebuild "0$n"
done
line=$(python3 tests/merge_examples.py check formats/merge.7 "$Q")
echo "$line" | grep FAILED
is 'the examples of shikaku-merge(7) are true' '49 passed, 0 failed' "${line##*: }"

# what an operator may say
S="$T/nights1" Q="$S/qualification"
first=$(awk -F, 'NR == 2 { print $1 ":" $2 }' "$Q/reflection/g000003/held.csv")
"$B/shikaku-hold" -c "$S/site.yaml" -D 2026-08-03 >"$S/out"
is 'the list is the list of the newest generation' \
    "$(tail -n +2 "$Q/reflection/g000003/held.csv" | awk -F, '{ print $1 ":" $2, $3, $6 }')" \
    "$(sed \$d "$S/out" | awk -F'\t' '{ print $1, $2, $3 }')"
is 'and says what was said: nothing' '-' "$(sed \$d "$S/out" | cut -f 4 | sort -u)"
hold() { # ...: status and counts
	"$B/shikaku-hold" -c "$S/site.yaml" -D 2026-08-03 "$@" >"$S/out" 2>"$S/err"
	echo "$? $(field read) $(field accepted) $(field refused) $(field unchanged)"
}
is '-n says nothing' '0 1 1 0 0' "$(hold -n -r "$first")"
is 'a record is released' '0 1 1 0 0' "$(hold -r "$first")"
is 'the first word stands' '0 1 0 0 1' "$(hold -d "$first")"
is 'what is not on hold cannot be released' '4 1 0 1 0' "$(hold -r 06139992_shikaku_20260801_0099:3)"
is 'and is told' 1 "$(grep -c E7015 "$S/err")"
n=$(grep -c "^${first%:*}," "$Q/reflection/g000003/held.csv")
is 'the rest of an upload goes at once' "0 $n $((n - 1)) 0 1" "$(hold -d "${first%:*}")"
is 'no such upload name is 32' 32 "$(hold -r nonsense | cut -d ' ' -f 1)"
rebuild 04
is 'the rebuild does it' "0 1 $n" \
    "$(grep -c "^${first%:*}," "$Q/reflection/g000004/held.csv") $(find "$Q/reflection/g000004" -name "${first%:*}.csv" | wc -l) $(field read)"

# the same again: nothing to do, the same files
S="$T/three" Q="$T/three/qualification"
before=$(readlink "$Q/snapshots/current")
rebuild 03
is 'nothing to do is 1' 1 $status
is 'nothing was published' "$before" "$(readlink "$Q/snapshots/current")"
is 'work is empty' '' "$(ls "$Q/work")"

# the same inputs, the same bytes
is 'the manifest has the sum of the file' \
    "$(sha256sum <"$Q/snapshots/qualification-000003.sqlite" | cut -d ' ' -f 1)" \
    "$(entry qualification sha256)"

# a file sent again changes nothing
grep -v '^#' "$T/three/night1" | sed 's/202608010*/2026080/; s/\t20260801\t/\t20260804\t/' >"$S/again"
sed 's/\t20260801\t/\t20260804\t/' "$T/three/night1" >"$S/again"
"$B/tool-segment" "$Q" <"$S/again"
rebuild 04 -n
is '-n ends as the real run would' 4 $status
is '-n publishes nothing' 3 "$(entry qualification generation)"
is '-n leaves no results' 'g000001 g000002 g000003' \
    "$(cd "$Q/reflection" && echo .g[0-9]* g* | sed 's/^\.g[^ ]* //')"
is '-n leaves no work' '' "$(ls "$Q/work")"

# first run of all: every snapshot can be opened
site empty
mkdir -p "$Q"
rebuild 01
is 'an empty side has its first generation' '0 1 1 1' \
    "$status $(entry qualification generation) $(entry cards generation) $(entry institutions generation)"
is 'revocation is left to revoke' '' "$(entry revocation generation)"

# guard band: half of the rows cancelled in a night
site guard 10
rows() { # CHANGE FROM TO
	i=$2
	while [ "$i" -le "$3" ]; do
		printf '%d\tChange=%s\tInsurerCode=06139992\tPersonId=P%d\tInsurerNumber=06139992\tSex1=1\tBirthdate=19800101\tQualificationDate=20200401\n' "$i" "$1" "$i"
		i=$((i + 1))
	done
}
{ printf 'upload\t06139992\tshikaku\t20260801\t1\tperiod\n'; rows 1 1 40; } | "$B/tool-segment" "$Q"
rebuild 01
is 'the first load knows no band' 0 $status
{ printf 'upload\t06139992\tshikaku\t20260802\t2\tperiod\n'; rows 9 1 5; } | "$B/tool-segment" "$Q"
rebuild 02
is 'a fall of 12 % is withheld' '35 1' "$status $(entry qualification generation)"
is 'and named' 1 "$(grep -c F4006 "$S/err")"
sed -i 's/rows_percent: 10/rows_percent: 13/' "$S/site.yaml"
rebuild 02
is 'within a wider band it is published' '0 2 35' \
    "$status $(entry qualification generation) $(entry qualification rows)"

# damage
site damage
"$B/tool-segment" "$Q" <"$T/three/night1"
seg=$(ls "$Q"/segments/*.period.seg | head -n 1)
printf 'x' | dd of="$seg" bs=1 seek=100 conv=notrunc 2>/dev/null
rebuild 01
is 'a damaged segment is 36' '36 1' "$status $(grep -c F4001 "$S/err")"
is 'and nothing is published' '' "$(readlink "$Q/snapshots/current")"
site damaged-base
"$B/tool-segment" "$Q" <"$T/three/night1"
rebuild 01
"$B/tool-segment" "$Q" <"$T/three/night2"
printf 'x' | dd of="$Q/snapshots/qualification-000001.sqlite" bs=1 seek=30000 conv=notrunc 2>/dev/null
rebuild 02
is 'a damaged snapshot is 36' '36 1' "$status $(grep -c F4003 "$S/err")"
is 'and the old generation stays named' 1 "$(entry qualification generation)"

# kept generations
site keep
printf 'snapshots:\n  keep: 2\n' >>"$S/site.yaml"
for n in 1 2 3; do
	"$B/tool-segment" "$Q" <"$T/three/night$n"
	rebuild "0$n"
done
is 'two generations are kept' \
    'qualification-000002.sqlite qualification-000003.sqlite' \
    "$(cd "$Q/snapshots" && echo qualification-*)"
is 'all segments are in the ledger with their generation' '1 2 3' \
    "$(sqlite3 "$Q/ledger.sqlite" 'SELECT DISTINCT generation FROM segment ORDER BY 1' | tr '\n' ' ' | sed 's/ $//')"

# a country's own files, from the drop box on, read a second time by Python
site country
"$B/shikaku-sample" -c "$S/site.yaml" --people 6000 --seed 9 -D 2026-08-01 >/dev/null
kept=
for n in 1 2 3; do
	[ $n -eq 1 ] || "$B/shikaku-sample" -c "$S/site.yaml" --changes -D 2026-08-0$n >/dev/null
	tests/night.sh "$S/site.yaml" 2026-08-0$n intake >"$S/night"
	cp -R "$S/intermediate/ready" "$S/ready$n"
	kept="$kept $S/ready$n"
	tests/night.sh "$S/site.yaml" 2026-08-0$n ingest codes deliver intake ingest revoke rebuild deliver >>"$S/night"
	is "the country's night $n" 0 $?
done
# shellcheck disable=SC2086
line=$(python3 tests/merge_model.py files "$S" $kept)
echo "$line"
is 'three nights of files agree with the model' '3 passed, 0 failed' \
    "$(echo "$line" | sed -n 's/^model: \([0-9]* passed, [0-9]* failed\).*/\1/p')"

# usage
"$B/shikaku-rebuild" >/dev/null 2>&1
is 'no configuration is 32' 32 $?

part_end
