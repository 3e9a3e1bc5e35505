#!/bin/bash
# shikaku-revoke on delivery sets whose lists `openssl ca -gencrl` made and
# which zip and openssl packed: what is taken, refused, kept, and restarted.
. "$(dirname "$0")/part.sh"
W=$B/part-revoke
rm -rf "$W"
mkdir -p "$W/crl"
tests/site.sh "$W"
"$B/shikaku-sample" -c "$W/site.yaml" --people 1000 --seed 3 -D 2026-08-03 >"$W/sample.log" 2>&1
is 'sample' 0 $?
rm -rf "$W"/qualification/box/*/in/* "$W"/intermediate/box/*/in/*
Q=$W/qualification

# ---- a card CA's registration office, in openssl's own words ----
csplit -s -z -f "$W/crl/ca-" -b '%d.pem' "$W/pki/card-ca.pem" '/BEGIN CERT/' '{*}'
ca_of() { # KEY -> its certificate among the pinned ones
	for c in "$W"/crl/ca-*.pem; do
		[ "$(openssl x509 -in "$c" -noout -pubkey)" = "$(openssl pkey -in "$1" -pubout)" ] && echo "$c"
	done
}
skid() { openssl x509 -in "$1" -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' :' | tr A-F a-f; }
cn_town() { echo "$1-shi CRLDP"; }
# crl OUT GENERATION TOWN NUMBER UPDATE NEXT [SERIAL...]   (UPDATE, NEXT: YYMMDDHHMMSSZ)
crl() {
	local out=$1 key=$W/pki/card-ca-$2.key town=$3 number=$4 update=$5 next=$6 d=$W/crl/office
	shift 6
	rm -rf "$d"
	mkdir -p "$d"
	: >"$d/index"
	for s; do
		printf 'R\t300101000000Z\t%s,superseded\t%s\tunknown\t/CN=x\n' 260701000000Z "$s" >>"$d/index"
	done
	echo "$number" >"$d/number"
	cat >"$d/cnf" <<END
[ca]
default_ca = d
[d]
database = $d/index
crlnumber = $d/number
default_md = sha256
crl_extensions = e
[e]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical,@idp
[idp]
fullname = dirName:name
onlyuser = ${ONLYUSER:-TRUE}
[name]
C = JP
O = TESTPKI
0.OU = TESTPKI for user authentication
1.OU = CRL Distribution Points
2.OU = Testken
CN = $(cn_town "$town")
END
	openssl ca -config "$d/cnf" -gencrl -crl_lastupdate "$update" -crl_nextupdate "$next" \
	    -keyfile "${KEY:-$key}" -cert "${CERT:-$(ca_of "$key")}" -out "$d/pem" 2>"$d/err" || cat "$d/err"
	openssl crl -in "$d/pem" -outform DER -out "$out"
}
name_of() { echo "$W/crl/set/$(skid "$(ca_of "$W/pki/card-ca-$1.key")" | cut -c1-8)-$2-shi_CRLDP.crl"; }
new_set() { rm -rf "$W/crl/set"; mkdir -p "$W/crl/set"; }
send() { # DAY SEQUENCE -> stem
	tests/send.sh "$W" JLIS0002 crl "$1" "$2" "$W"/crl/set/*.crl
}
run() { # PROGRAM DAY ARGS
	out=$("$B/shikaku-$1" -c "$W/site.yaml" -D "$2" "${@:3}" 2>"$W/err")
	status=$?
}
night() { # DAY
	run intake "$1"
	run revoke "$1"
}
field() { sed -n "s/.* $1=\([0-9]*\).*/\1/p" <<<"$out"; }
file() { sed -n '/revocation/,/cut_off/s/.*file: *"\{0,1\}\([^"]*\)"\{0,1\}/\1/p' "$Q/snapshots/current/manifest.yaml"; }
sql() { sqlite3 "$Q/snapshots/$(file)" "$1"; }
check() { cat "$Q/box/JLIS0002/out/$1.check.yaml" 2>/dev/null; }
errors() { tr -d '"\r' <"$Q/box/JLIS0002/out/$1.errors.csv" 2>/dev/null; }

# ---- nothing, then the first set ----
run revoke 2026-08-03
is 'nothing has come' 1 "$status"
new_set
crl "$(name_of 1 Aoi)" 1 Aoi 1000 260803090000Z 260806090000Z 0A 0B0C0D0E
crl "$(name_of 2 Aoi)" 2 Aoi 1000 260803090000Z 260806090000Z 0F
crl "$(name_of 1 Midori)" 1 Midori 1000 260803090000Z 260806090000Z
one=$(send 20260803 1)
night 2026-08-03
is 'first set' 0 "$status"
is 'three partitions read' '3 3 0' "$(field read) $(field accepted) $(field refused)"
is 'generation 1' 1 "$(field generation)"
is 'entries' 3 "$(sql 'SELECT count(*) FROM revoked')"
is 'partitions' 3 "$(sql 'SELECT count(*) FROM "partition"')"
is 'the sender gets a check result' 1 "$(check "$one" | grep -c 'accepted: 3\|受付.*3')"
is 'no error list where there is no error' no "$([ -e "$Q/box/JLIS0002/out/$one.errors.csv" ] && echo yes || echo no)"
is 'ready is empty' 0 "$(find "$Q/ready" -mindepth 1 | wc -l)"
first=$(file) sum=$(cksum <"$Q/snapshots/$(file)")
run revoke 2026-08-03
is 'again: nothing to do' 1 "$status"

# ---- the next day: replaced, kept, the same, older, misplaced, broken ----
new_set
crl "$(name_of 1 Aoi)" 1 Aoi 1001 260804090000Z 260807090000Z 0A 1F
crl "$(name_of 2 Aoi)" 2 Aoi 1000 260803090000Z 260806090000Z 0F
send 20260804 2 >/dev/null
night 2026-08-04
is 'next day' 0 "$status"
is 'one taken, one the same' '2 1 0 1' "$(field read) $(field accepted) $(field refused) $(field unchanged)"
is 'entries are replaced, not added' '10 15 31 ' "$(sql 'SELECT serial FROM revoked ORDER BY serial' | tr '\n' ' ')"
is 'partitions that did not come are kept' 3 "$(sql 'SELECT count(*) FROM "partition"')"
is 'generation g is still there, untouched' "$sum" "$(cksum <"$Q/snapshots/$first")"
is 'the manifest goes on from the one before' 2 "$(field generation)"

new_set
crl "$(name_of 1 Aoi)" 1 Aoi 0FFF 260805090000Z 260808090000Z
crl "$(name_of 2 Aoi)" 2 Aoi 1002 260802090000Z 260808090000Z
crl "$(name_of 1 Midori)" 1 Aka 1005 260805090000Z 260808090000Z
KEY=$W/pki/site-ca.key CERT=$W/pki/site-ca.pem crl "$(name_of 1 Kuro)" 1 Kuro 1000 260805090000Z 260808090000Z
crl "$(name_of 1 Shiro)" 1 Shiro 1000 260805090000Z 260808090000Z 0A
printf 'xyzw' | dd of="$(name_of 1 Shiro)" bs=1 seek=$(($(stat -c %s "$(name_of 1 Shiro)") - 9)) conv=notrunc 2>/dev/null
crl "$(name_of 2 Midori)" 2 Midori 1000 260805090000Z 260808090000Z 77
three=$(send 20260805 3)
night 2026-08-05
is 'some refused: exit 4' 4 "$status"
is 'one good of six' '6 1 5 0' "$(field read) $(field accepted) $(field refused) $(field unchanged)"
for c in F3401 F3402 F3403 F3404; do
	errors "$three" | grep -q "$c"
	is "error list says $c" 0 $?
done
is 'F3403 for number and for time' 2 "$(errors "$three" | grep -c F3403)"
is 'the last good ones stay' '10 15 31 119 ' "$(sql 'SELECT serial FROM revoked ORDER BY serial' | tr '\n' ' ')"
is 'and the good one is in' 4 "$(sql 'SELECT count(*) FROM "partition"')"

# ---- nothing good at all ----
new_set
crl "$(name_of 1 Aoi)" 1 Aoi 0001 260806090000Z 260809090000Z
send 20260806 4 >/dev/null
g=$(file)
night 2026-08-06
is 'whole set refused: exit 5' 5 "$status"
is 'generation stays' "$g" "$(file)"

# ---- lists with a good signature that must not be believed ----
# resign FILE KEY [FROM TO]: one serial number exchanged (hex), signed anew
resign() {
	python3 - "$@" <<'END'
import subprocess, sys
path, key, *change = sys.argv[1:]
der = bytearray(open(path, "rb").read())
if change:
    old, new = (bytes.fromhex("0201" + c + "170d") for c in change)
    assert der.count(old) == 1
    at = der.index(old)
    der[at:at + len(old)] = new
assert der[4] == 0x30 and der[5] == 0x82  # both lengths in two bytes
end = 4 + 4 + int.from_bytes(der[6:8], "big")
der[-256:] = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=der[4:end],
                            stdout=subprocess.PIPE, check=True).stdout
open(path, "wb").write(der)
END
}
new_set
crl "$(name_of 1 Aoi)" 1 Aoi 1100 260807090000Z 260810090000Z 0A 0B
resign "$(name_of 1 Aoi)" "$W/pki/card-ca-1.key" 0b 0a
crl "$(name_of 2 Aoi)" 2 Aoi 1100 260807090000Z 260810090000Z 0A 0B
resign "$(name_of 2 Aoi)" "$W/pki/card-ca-2.key" 0b 09
for g in 1 2; do
	is "openssl finds the signature of the odd list of generation $g good" 'verify OK' \
	    "$(openssl crl -inform DER -in "$(name_of $g Aoi)" -noout -verify -CAfile "$(ca_of "$W/pki/card-ca-$g.key")" 2>&1)"
done
crl "$(name_of 1 Midori)" 1 Midori 1100 260807150000Z 260810090000Z
crl "$(name_of 2 Midori)" 2 Midori 1100 260807090000Z 260810090000Z
resign "$(name_of 2 Midori)" "$W/pki/card-ca-1.key"
is 'openssl finds the other generation out too' 1 \
    "$(openssl crl -inform DER -in "$(name_of 2 Midori)" -noout -verify -CAfile "$(ca_of "$W/pki/card-ca-2.key")" 2>&1 | grep -c 'verify failure')"
crl "$(name_of 1 Shiro)" 1 Shiro 1100 260807090000Z 260810090000Z
truncate -s -10 "$(name_of 1 Shiro)"
odd=$(send 20260807 5)
g=$(file)
night 2026-08-07
is 'none of them is taken' '5 5 0' "$status $(field refused) $(field accepted)"
is 'generation stays again' "$g" "$(file)"
for c in F3407=Aoi F3406=Aoi F3408=Midori F3402=Midori F3401=Shiro; do
	is "one list is refused by ${c%=*}" 1 "$(errors "$odd" | grep "${c%=*}" | grep -c "${c#*=}-shi")"
done

# ---- stale, at the end of a later day ----
run revoke 2026-08-20
is 'stale partitions are told' 4 "$(grep -c W3405 "$W/err")"

# ---- dry run, then killed anywhere ----
new_set
crl "$(name_of 1 Aoi)" 1 Aoi 2000 260820090000Z 260823090000Z 0A 55
send 20260820 6 >/dev/null
run intake 2026-08-20
g=$(file)
run revoke 2026-08-20 -n
is 'dry run' 0 "$status"
is 'publishes nothing' "$g" "$(file)"
cp -a "$W" "$W.keep"
"$B/shikaku-revoke" -c "$W/site.yaml" -D 2026-08-20 >/dev/null 2>&1
want=$(sha256sum <"$Q/snapshots/$(file)")
wanted=$(file)
killed=0
if command -v strace >/dev/null; then
	for n in 1 2 3 4 6 8; do
		for call in renameat,rename,renameat2 fsync,fdatasync; do
			rm -rf "$W"
			cp -a "$W.keep" "$W"
			(strace -f -qq -o /dev/null -e "inject=$call:signal=SIGKILL:when=$n" \
			    "$B/shikaku-revoke" -c "$W/site.yaml" -D 2026-08-20) >/dev/null 2>&1 && continue
			killed=$((killed + 1))
			run revoke 2026-08-20
			[ "$status" -le 1 ]
			is "run after a kill at $call $n ends well ($status)" 0 $?
			is "same bytes after a kill at $call $n" "$want $wanted" "$(sha256sum <"$Q/snapshots/$(file)") $(file)"
			is "books closed after a kill at $call $n" 'reflected 1 1' "$(sqlite3 -separator ' ' "$Q/ledger.sqlite" "SELECT state, read, accepted FROM file WHERE sequence = 6"; find "$Q/ready" -mindepth 1)"
		done
	done
fi
rm -rf "$W.keep"
echo "kills: $killed"
part_end
