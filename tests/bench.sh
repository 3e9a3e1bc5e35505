#!/bin/sh
# make bench: first figures of one run on at least a million people, each
# beside a peer measured in the same run, in build/bench/results.tsv
# (name, value, unit, peer, peer value, ratio). PEOPLE=... for another size.
set -eu
cd "$(dirname "$0")/.."
export B="$PWD/build/release"
python3 tests/bench.py "${PEOPLE:-1300000}"
[ "${ONLY:-}" = "" ] || exit 0
python3 tests/bench_crl.py "${ENTRIES:-10000000}"
python3 tests/bench_card.py "${CARDS:-400}"
python3 tests/bench_usage.py "${USAGE_LINES:-1000000}"
exec python3 tests/bench_jobs.py
