#!/bin/bash
# make install into a scratch DESTDIR: every program, its page, schemas and
# jobs are there; every page renders; every program answers -h and -V, and
# refuses to run without a configuration (32).
. "$(dirname "$0")/part.sh"
W=$B/part-install
does() { # DESCRIPTION COMMAND...
	"${@:2}" >"$W/out" 2>&1
	so $? "$1: $(head -n 5 "$W/out")"
}
rm -rf "$W"
mkdir -p "$W"
make --no-print-directory VARIANT="${VARIANT:-release}" install \
    DESTDIR="$W/root" PREFIX=/usr >"$W/install.log" 2>&1
for page in batch/*.8 online/*.8; do
	n=$(basename "$page" .8)
	bin=$W/root/usr/sbin/shikaku-$n
	man=$W/root/usr/share/man/man8/shikaku-$n.8
	does "shikaku-$n is installed" test -x "$bin"
	does "its page is installed and renders" sh -c "mandoc -Tutf8 '$man' | sed 's/.\x08//g' | grep -q 'EXIT STATUS'"
	does "its page lints" mandoc -Tlint -Wwarning "$man"
	does "shikaku-$n -h" sh -c "'$bin' -h | grep -q shikaku-$n"
	does "shikaku-$n -V" sh -c "'$bin' -V | grep -q shikaku"
	# no arguments at all: usage, 32
	does "shikaku-$n without arguments ends with 32" \
	    sh -c "'$bin' </dev/null >/dev/null 2>&1; test \$? -eq 32"
done
does 'schemas are installed' test -s "$W/root/usr/share/shikaku/schemas/site.yaml"
does 'jobs are installed' test -s "$W/root/usr/share/shikaku/jobs/nightly.yaml"
does 'diagnostics page is installed' test -s "$W/root/usr/share/man/man7/shikaku-diag.7"
part_end
