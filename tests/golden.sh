#!/bin/sh
# Golden cases of the real programs: tests/cases/PROGRAM/CASE/ holds cmd (a
# shell script; $BIN names the build folder's programs), in/ (copied to a
# scratch folder where cmd runs) and want/ (stdout, stderr, exit, and any file
# cmd leaves in out/). `golden.sh` runs all; `golden.sh bless PROGRAM/CASE`
# accepts the new output: read the difference before you commit it.
set -u
cd "$(dirname "$0")/.." || exit 64
B=${B:-$PWD/build/${VARIANT:-release}}
passed=0 failed=0
run() { # CASE-FOLDER -> $got
	got=$B/golden/${1#tests/cases/}
	rm -rf "$got"
	mkdir -p "$got/work/out"
	[ -d "$1/in" ] && cp -R "$1/in/." "$got/work/"
	(cd "$got/work" && BIN=$B TZ=America/New_York LC_ALL=C sh -eu "$OLDPWD/$1/cmd") \
	    >"$got/stdout" 2>"$got/stderr" </dev/null
	echo $? >"$got/exit"
	mkdir -p "$got/got"
	mv "$got/stdout" "$got/stderr" "$got/exit" "$got/got/"
	# seconds are not part of what is promised
	sed -i -E 's/seconds=[0-9.]+/seconds=S/' "$got/got/stdout" "$got/got/stderr"
	cp -R "$got/work/out/." "$got/got/"
}
if [ "${1:-}" = bless ]; then
	run "tests/cases/$2"
	rm -rf "tests/cases/$2/want"
	cp -R "$got/got" "tests/cases/$2/want"
	git diff --stat -- "tests/cases/$2"
	exit
fi
for c in tests/cases/*/*/; do
	c=${c%/}
	[ -f "$c/cmd" ] || continue
	run "$c"
	if diff -r "$c/want" "$got/got"; then
		passed=$((passed + 1))
	else
		echo "case differs: $c (golden.sh bless ${c#tests/cases/} accepts it)"
		failed=$((failed + 1))
	fi
done
echo "golden: $passed passed, $failed failed"
[ $failed -eq 0 ]
