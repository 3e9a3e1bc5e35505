#!/bin/bash
# bill over months of days made by collect: summary and burden as a second
# definition computes them, corrections, gaps, roundings, both levies.
set -u
cd "$(dirname "$0")/.." || exit 64
: "${B:=$PWD/build/release}"
export B
exec python3 tests/bill.py
