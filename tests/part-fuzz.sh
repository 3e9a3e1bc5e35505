#!/bin/sh
# Replays the corpus of every fuzz target.
set -u
cd "$(dirname "$0")/.." || exit 64
B="${B:-$PWD/build/release}"
passed=0 failed=0
for src in tests/fuzz/fuzz_*.c; do
	t=${src#tests/fuzz/fuzz_}
	t=${t%.c}
	if n=$("$B/replay-$t" "tests/fuzz/corpus/$t"); then
		passed=$((passed + n))
	else
		echo "replay-$t failed"
		failed=$((failed + 1))
	fi
done
echo "fuzz: $passed passed, $failed failed"
[ $failed -eq 0 ]
