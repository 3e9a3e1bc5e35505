#!/bin/bash
# The store's bench (tests/tools/store.c) runs: a small country through first
# load, a night, cards and lookups, beside its peers. Its figures are made in
# make bench; here it only has to have them all.
set -u
cd "$(dirname "$0")/.." || exit 64
B="${B:-$PWD/build/release}"
dir="$B/part-store"
passed=0 failed=0
rm -rf "$dir"
mkdir -p "$dir"
# the tool keeps its lists of inputs until it ends
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
if "$B/tool-store" -n 3000 -d "$dir/store" -s 7 -c -p >"$dir/out" 2>&1; then
	passed=1
else
	failed=1
	tail -n 5 "$dir/out"
fi
for name in first_load.rows_per_s first_load.peak_rss delta_1pct.rows_per_s \
	delta_1pct.disk_peak cards.rows_per_s lookup.typed_key lookup.card \
	peer_sqlite.rows_per_s peer_lmdb.rows_per_s; do
	if awk -v n="$name" '$1 == n && $2 > 0 { ok = 1 } END { exit !ok }' "$dir/out"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "  no figure: $name"
	fi
done
rows=$(wc -l <"$dir/store/peer.csv")
if [ "$rows" = 3000 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
rm -rf "$dir"
echo "store: $passed passed, $failed failed"
[ "$failed" = 0 ]
