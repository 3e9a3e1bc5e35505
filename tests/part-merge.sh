#!/bin/sh
# shikaku-rebuild over three nights of a small random country, against an
# independent model (merge_model.py); and what it does with damage, guard
# bands and repetition.
set -u
cd "$(dirname "$0")/.." || exit 64
: "${B:?folder of the build}"
T="$B/part-merge"
passed=0 failed=0
is() { # NAME WANT GOT
	if [ "$2" = "$3" ]; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "FAILED: $1"
		echo "  want: $2"
		echo "  got:  $3"
	fi
}
rm -rf "$T"
mkdir -p "$T"
tests/site.sh "$T/pki-site"
"$B/shikaku-sample" -c "$T/pki-site/site.yaml" --people 1000 >/dev/null 2>&1
site() { # NAME: a site with keys and tables, nothing in it
	S="$T/$1" Q="$T/$1/qualification"
	rm -rf "$S"
	tests/site.sh "$S"
	cp -R "$T/pki-site/pki" "$T/pki-site/masters" "$S/"
	printf 'guard:\n  rows_percent: %d\n' "${2:-0}" >>"$S/site.yaml"
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

for seed in 1 2 3; do
	site "nights$seed"
	texts=
	for n in 1 2 3; do
		python3 tests/merge_model.py make $seed $n >"$S/night$n"
		"$B/tool-segment" "$Q" <"$S/night$n" || failed=$((failed + 1))
		rebuild "0$n"
		is "seed $seed night $n: some are refused" 4 "$status"
		texts="$texts $S/night$n"
		# shellcheck disable=SC2086
		line=$(python3 tests/merge_model.py check "$Q" $texts)
		echo "$line" | grep FAILED -A 3
		is "seed $seed night $n agrees with the model" '11 passed, 0 failed' \
		    "$(echo "$line" | sed -n 's/^model: \([0-9]* passed, [0-9]* failed\).*/\1/p')"
		is "seed $seed night $n: the books balance" "$(field read)" \
		    "$(($(field accepted) + $(field refused) + $(field unchanged) + $(field held)))"
	done
	three=$(digests)
	[ $seed -ne 1 ] || cp -R "$S" "$T/three"
	# all nights in one merge end at the same rows
	site "once$seed"
	for n in 1 2 3; do
		"$B/tool-segment" "$Q" <"$T/nights$seed/night$n"
	done
	rebuild 03
	is "seed $seed: one merge of three nights" "$three" "$(digests)"
done

# the same again: nothing to do, the same files
S="$T/three" Q="$T/three/qualification"
before=$(readlink "$Q/snapshots/current")
rebuild 03
is 'nothing to do is 1' 1 $status
is 'nothing was published' "$before" "$(readlink "$Q/snapshots/current")"
is 'work is empty' '' "$(ls "$Q/work")"

# the same inputs, the same bytes
site again
for n in 1 2 3; do
	"$B/tool-segment" "$Q" <"$T/three/night$n"
	rebuild "0$n"
done
for k in qualification cards institutions; do
	is "$k: same inputs, same bytes" \
	    "$(sha256sum <"$T/three/qualification/snapshots/$k-000003.sqlite")" \
	    "$(sha256sum <"$Q/snapshots/$k-000003.sqlite")"
done
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

echo "merge: $passed passed, $failed failed"
[ $failed -eq 0 ]
