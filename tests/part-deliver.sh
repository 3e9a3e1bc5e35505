#!/bin/sh
# shikaku-deliver: every waiting segment crosses once and arrives as it left,
# whatever stops the run in between.
set -u
cd "$(dirname "$0")/.." || exit 64
: "${B:?folder of the build}"
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # strace and leaks do not mix
exec python3 tests/deliver.py
