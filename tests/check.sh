#!/bin/sh
# make check: every part prints "part: N passed, M failed"; this sums them,
# and ends non-zero if any part failed or printed no such line.
set -u
cd "$(dirname "$0")/.." || exit 64
export VARIANT="${VARIANT:-release}"
export B="$PWD/build/$VARIANT"
export TZ=America/New_York LC_ALL=C # nothing may depend on them
log="$B/check.log"
mkdir -p "$B"
: >"$log"
bad=
part() {
	name=$1
	shift
	start=$(date +%s)
	"$@" >"$B/check-$name.out" 2>&1
	status=$?
	line=$(grep -E '^[a-z0-9-]+: [0-9]+ passed, [0-9]+ failed' "$B/check-$name.out" | tail -n 1)
	if [ $status -ne 0 ] || [ -z "$line" ]; then
		bad="$bad $name"
		tail -n 60 "$B/check-$name.out"
		[ -n "$line" ] || line="$name: 0 passed, 1 failed"
	fi
	echo "$line ($(($(date +%s) - start)) s)"
	echo "$line" >>"$log"
}
part rules tests/rules.sh
part headers make --no-print-directory headers
part unit "$B/unit" -r "$B/unit-codes.tsv"
for p in tests/part-*.sh; do
	[ -x "$p" ] || continue
	n=${p#tests/part-}
	part "${n%.sh}" "$p"
done
awk '{ p += $2; f += $4 } END { printf "%d passed, %d failed\n", p, f; exit f > 0 }' "$log"
status=$?
[ -z "$bad" ] || { echo "failed parts:$bad" >&2; exit 1; }
exit $status
