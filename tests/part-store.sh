#!/bin/bash
# The store's bench (tests/tools/store.c) runs: a small country through first
# load, a night, cards and lookups, beside its peers. Its figures are made in
# make bench; here it only has to have them all.
. "$(dirname "$0")/part.sh"
W=$B/part-store
rm -rf "$W"
mkdir -p "$W"
# the tool keeps its lists of inputs until it ends
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
"$B/tool-store" -n 3000 -d "$W/store" -s 7 -c -p >"$W/out" 2>&1
so $? "it runs: $(tail -n 5 "$W/out")"
for name in first_load.rows_per_s first_load.peak_rss delta_1pct.rows_per_s \
	delta_1pct.disk_peak cards.rows_per_s lookup.typed_key lookup.card \
	peer_sqlite.rows_per_s peer_lmdb.rows_per_s; do
	awk -v n="$name" '$1 == n && $2 > 0 { ok = 1 } END { exit !ok }' "$W/out"
	ok "the figure $name" $?
done
is 'the peers had every row' 3000 "$(wc -l <"$W/store/peer.csv")"
rm -rf "$W"
part_end
