#!/bin/sh
# shikaku-intake against what outsiders may send, each beside a good
# neighbour that must go through; and killed at its system calls.
set -u
cd "$(dirname "$0")/.." || exit 64
: "${B:?folder of the build}"
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # strace and leaks do not mix
tests/pki/make.sh "$B/pki" || exit 64
exec python3 tests/intake.py
