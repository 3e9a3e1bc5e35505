# Sourced first by tests/part-NAME.sh: the root of the tree, the build, the
# count of what passed and failed.
# is WHAT WANT GOT	equal
# ok WHAT STATUS	0
# so STATUS WHAT	the same where WHAT has a $( ), which would take its place
# does WHAT COMMAND...	its status is 0; else what it left in $W/out and $W/err
# part_end		the closing line; its status is the part's
# shellcheck shell=bash
set -u
cd "$(dirname "$0")/.." || exit 64
: "${B:=$PWD/build/release}" # folder of the build
export B
passed=0 failed=0
is() {
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED: %s\n  want: %s\n  got:  %s\n' "$1" "$2" "$3"
	fi
}
ok() {
	if [ "$2" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $1"
	fi
}
so() { ok "$2" "$1"; }
does() {
	local what=$1

	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $what"
		head -n 5 "$W/out" "$W/err" 2>/dev/null
	fi
}
part_end() {
	local name=${0##*/part-}

	echo "${name%.sh}: $passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}
