#!/bin/bash
# Replays the corpus of every fuzz target.
. "$(dirname "$0")/part.sh"
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
part_end
