#!/bin/bash
# Every diagnostic: a row in both languages, a paragraph of the manual, and a
# test input that raises it.
set -u
cd "$(dirname "$0")/.." || exit 64
: "${B:?folder of the build}"
W=$B/part-codes
rm -rf "$W"
mkdir -p "$W"
# what the suites raised: of this check, or of a run of their own
[ -s "$B/unit-codes.tsv" ] && [ "$B/unit-codes.tsv" -nt "$B/unit" ] ||
	"$B/unit" -r "$B/unit-codes.tsv" >/dev/null 2>&1
# what the sample plants, and part-planted proves to be told, row by row
tests/site.sh "$W/site" && "$B/shikaku-sample" -c "$W/site/site.yaml" \
	--people 20000 --seed 1 -D 2026-08-03 --faults 0.02 >"$W/sample" 2>&1 &&
	"$B/shikaku-sample" -c "$W/site/site.yaml" --changes -D 2026-08-04 --faults 0.02 >"$W/changes" 2>&1
cp "$W/site/planted.tsv" "$W/planted.tsv" && rm -rf "$W/site"
make -s build/gen/diag.7
exec python3 tests/codes.py "$B/unit-codes.tsv" "$W/planted.tsv" build/gen/diag.7
