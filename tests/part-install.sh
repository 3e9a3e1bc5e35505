#!/bin/sh
# make install into a scratch DESTDIR: every program, its page, schemas and
# jobs are there; every page renders; every program answers -h and -V, and
# refuses to run without a configuration (32).
set -u
cd "$(dirname "$0")/.." || exit 64
B=${B:-$PWD/build/release}
W=$B/part-install
passed=0 failed=0
ok() { # DESCRIPTION COMMAND...
	what=$1
	shift
	if "$@" >"$W/out" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok: $what"
		head -n 5 "$W/out"
	fi
}
rm -rf "$W"
mkdir -p "$W"
make --no-print-directory VARIANT="${VARIANT:-release}" install \
    DESTDIR="$W/root" PREFIX=/usr >"$W/install.log" 2>&1
for page in batch/*.8 online/*.8; do
	n=$(basename "$page" .8)
	bin=$W/root/usr/sbin/shikaku-$n
	man=$W/root/usr/share/man/man8/shikaku-$n.8
	ok "shikaku-$n is installed" test -x "$bin"
	ok "its page is installed and renders" sh -c "mandoc -Tutf8 '$man' | sed 's/.\x08//g' | grep -q 'EXIT STATUS'"
	ok "its page lints" mandoc -Tlint -Wwarning "$man"
	ok "shikaku-$n -h" sh -c "'$bin' -h | grep -q shikaku-$n"
	ok "shikaku-$n -V" sh -c "'$bin' -V | grep -q shikaku"
	# no arguments at all: usage, 32
	ok "shikaku-$n without arguments ends with 32" \
	    sh -c "'$bin' </dev/null >/dev/null 2>&1; test \$? -eq 32"
done
ok 'schemas are installed' test -s "$W/root/usr/share/shikaku/schemas/site.yaml"
ok 'jobs are installed' test -s "$W/root/usr/share/shikaku/jobs/nightly.yaml"
ok 'diagnostics page is installed' test -s "$W/root/usr/share/man/man7/shikaku-diag.7"
echo "install: $passed passed, $failed failed"
[ $failed -eq 0 ]
