#!/bin/bash
# shikaku-check --config: each wrong configuration ends with 33 and is told
# where it is wrong, all of it at once; a right one ends with 0; the manual
# page of the catalogue has every code.
. "$(dirname "$0")/part.sh"
W=$B/part-config
rm -rf "$W"
mkdir -p "$W"
check() { # the file's name as site.yaml; status in $status
	(cd "$W" && "$B/shikaku-check" --config site.yaml) >"$W/out" 2>"$W/err"
	status=$?
}
# wrong WHAT WANT...: standard input is the configuration; each WANT
# (LINE:COLUMN code key) stands in the log, and nothing else does
wrong() {
	what=$1
	shift
	cat >"$W/site.yaml"
	check
	does "$what: 33" test "$status" -eq 33
	does "$what: $# faults" test "$(grep -c 'fatal F' "$W/err")" -eq $#
	for want in "$@"; do
		place=${want%% *}
		does "$what: $want" grep -qF "site.yaml:$place: fatal ${want#* }: " "$W/err"
	done
}
ROOT='qualification: {root: q}'

wrong 'a misspelt key' '3:3 F9002 responder.prot' <<E2
$ROOT
responder:
  prot: 8443
E2
does 'the nearest key is named' grep -q 'did you mean responder.port?' "$W/err"
wrong 'a misspelt section' '2:1 F9002 servise' <<E2
$ROOT
servise:
  open: "08:00"
E2
does 'the nearest section is named' grep -q 'did you mean service?' "$W/err"
wrong 'a key in the wrong section' '2:1 F9002 port' <<E2
$ROOT
port: 8443
E2
wrong 'a number out of range' '2:19 F9002 responder.port' <<E2
$ROOT
responder: {port: 65536}
E2
wrong 'text for a number' '2:8 F9002 phase' <<E2
$ROOT
phase: "2"
E2
wrong 'yes for true' '2:27 F9002 number_inquiry.enabled' <<E2
$ROOT
number_inquiry: {enabled: yes}
E2
wrong 'a word not in the list' '2:20 F9002 person_key.city' <<E2
$ROOT
person_key: {city: edaban2}
E2
wrong 'no such time' '2:17 F9002 service.open' <<E2
$ROOT
service: {open: "25:00"}
E2
wrong 'a list for a map' '2:12 F9002 snapshots' <<E2
$ROOT
snapshots: [1]
E2
wrong 'a map for a value' '2:8 F9002 phase' <<E2
$ROOT
phase: {now: 1}
E2
wrong 'an anchor and its alias' '2:8 F3315' '3:27 F3315' <<E2
$ROOT
phase: &one 1
number_inquiry: {enabled: *one}
E2
wrong 'a tag' '2:8 F3315' <<E2
$ROOT
phase: !!int 1
E2
wrong 'a merge key' '2:1 F3315' <<E2
$ROOT
<<: {phase: 1}
E2
wrong 'a key given twice' '3:1 F3315' <<E2
$ROOT
phase: 1
phase: 2
E2
wrong 'two documents' '2:1 F3315' <<E2
$ROOT
---
phase: 1
E2
wrong 'a directive' '1:1 F3315' <<E2
%YAML 1.1
---
$ROOT
E2
wrong 'nested too deeply' '2:15 F3315' <<E2
$ROOT
phase: [[[[[[[[1]]]]]]]]
E2
wrong 'no root' '1:1 F9002 intermediate.root' <<E2
phase: 1
E2
wrong 'one root for both sides' '1:23 F9002 qualification.root' <<E2
qualification: {root: "q"}
intermediate: {root: "q"}
E2
wrong 'many faults at once' '2:8 F9002 phase' '3:1 F9002 phas' '4:12 F9002 snapshots' '6:9 F9002 responder.port' <<E2
$ROOT
phase: 3
phas: 1
snapshots: 7
responder:
  port: -1
E2
printf 'phase: [1\n' >"$W/site.yaml"
check
does 'broken YAML: 33' test "$status" -eq 33
does 'broken YAML is told with its place' grep -q 'site.yaml:2:1: fatal F3315' "$W/err"
rm "$W/site.yaml"
check
does 'no file: 33' test "$status" -eq 33
head -c 1100000 /dev/zero | tr '\0' '#' >"$W/site.yaml"
check
does 'too large: 33' test "$status" -eq 33

# what the keys point at
tests/site.sh "$W"
check
does 'nothing is there: 33' test "$status" -eq 33
does 'every file is named with the place of its key' \
    test "$(grep -cE 'site.yaml:[0-9]+:[0-9]+: fatal F900[24] (masters|trust|keys|responder)\.[a-z_]+: .*No such file' "$W/err")" -eq 19
"$B/shikaku-sample" -c "$W/site.yaml" --people 1000 --seed 1 -D 2026-08-01 >/dev/null 2>&1
check
does 'all is there: 0' test "$status" -eq 0
end=$(openssl x509 -in "$W/pki/publish.pem" -noout -enddate | sed 's/.*=//')
at() { # MOMENT: check as of then (a clock by libfaketime)
	# ASan wants to be the first library; libfaketime is put before it
	(cd "$W" && ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" faketime "$(date -u -d "$1" '+%Y-%m-%d %H:%M:%S')" "$B/shikaku-check" --config site.yaml) >"$W/out" 2>"$W/err"
	status=$?
}
at "$end - 10 days"
does 'a certificate that ends in 10 days is told' grep -q 'warning W9010 keys.publish_cert: .*ends on' "$W/err"
at "$end + 2 days"
does 'one that has ended: 33' test "$status" -eq 33
does 'and is told' grep -q 'F9002 keys.publish_cert: .*ends on' "$W/err"
chmod 644 "$W/pki/publish.key"
check
does 'a key open to others: 33' test "$status" -eq 33
does 'and its key is named' grep -qE 'F9004 keys.publish_key: .*open to others' "$W/err"
chmod 600 "$W/pki/publish.key"
cp "$W/pki/server.key" "$W/pki/deliver.key"
check
does 'a key that does not fit its certificate: 33' test "$status" -eq 33
echo junk >"$W/pki/insurer-ca.pem"
echo 12 >"$W/pki/usage.hex"
check
does 'a CA that is none' grep -q 'insurer-ca.pem' "$W/err"
does 'a short secret' grep -qE 'F9004 keys.usage: .*64 hex digits' "$W/err"

# the page of the catalogue
make -s build/gen/diag.7
sed -n 's/^DIAG([A-Z0-9_]*, [A-Z]*, "\([NWEF][0-9]*\)".*/\1/p' formats/codec/diag.def >"$W/codes"
while read -r c; do
	does "a paragraph for $c" grep -q "^\.It Sy $c " build/gen/diag.7
done <"$W/codes"
does 'as many paragraphs as codes' test "$(grep -c '^\.It Sy' build/gen/diag.7)" -eq "$(grep -c '^DIAG(' formats/codec/diag.def)"
does 'codes stand in order and once' test -z "$(sed -n 's/^DIAG([A-Z0-9_]*, [A-Z]*, "[NWEF]\([0-9]*\)".*/\1/p' formats/codec/diag.def | sort | uniq -d)"
does 'the page lints' mandoc -Tlint -Wwarning build/gen/diag.7
part_end
