#!/bin/sh
# Makes the TEST certificates of the suites chain and seal under $1 (default
# $B/pki) with the openssl command alone: none of our own code has a hand in
# what our code is measured by. Kept once made; all dates are fixed, and the
# tests ask as of 2026-08-01 12:00 JST.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-${B:-build/release}/pki}
stamp=$(cksum <"$here/make.sh")
[ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
exec 9>"$(dirname "$out")/.pki.lock"
flock 9
[ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
rm -rf "$out"
mkdir -p "$out"
cd "$out"
umask 077
exec 3>make.log
say() { "$@" >&3 2>&3 || { echo "pki: failed: $*" >&2; tail -5 make.log >&2; exit 1; }; }

from=20160101000000Z until=20481231145959Z
ec() { say openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:"$2" -out "$1.key"; }
rsa() { say openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:"$2" -pkeyopt rsa_keygen_pubexp:"${3:-65537}" -out "$1.key"; }

cat >conf <<'END'
[req]
distinguished_name=none
prompt=no
string_mask=utf8only
[none]
CN=none
[any]
countryName=optional
organizationName=optional
organizationalUnitName=optional
commonName=optional
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[sign]
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[client]
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[server]
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[leafca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,digitalSignature,keyCertSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[nousage]
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[unknown]
keyUsage=critical,digitalSignature
1.2.3.4=critical,DER:0500
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[open]
keyUsage=critical,keyEncipherment
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[crl]
authorityKeyIdentifier=keyid
END

# a CA folder: authority NAME SUBJECT SECTION
authority() {
	mkdir -p "db/$1"
	: >"db/$1/index.txt"
	echo 'unique_subject = no' >"db/$1/index.txt.attr"
	echo 1000 >"db/$1/serial"
	echo 07 >"db/$1/crlnumber"
	{
		cat conf
		printf '[here]\ndatabase=db/%s/index.txt\nserial=db/%s/serial\n' "$1" "$1"
		printf 'new_certs_dir=db/%s\ndefault_md=sha256\npolicy=any\n' "$1"
		printf 'certificate=%s.pem\nprivate_key=%s.key\n' "$1" "$1"
		printf 'unique_subject=no\npreserve=yes\nemail_in_dn=no\nstring_mask=utf8only\n'
		printf 'crlnumber=db/%s/crlnumber\n' "$1"
	} >"db/$1/conf"
	say openssl req -new -utf8 -config conf -key "$1.key" -subj "$2" -out db/req.pem
	say openssl ca -batch -selfsign -config "db/$1/conf" -name here -keyfile "$1.key" \
		-startdate $from -enddate $until -extensions "$3" -in db/req.pem -notext -out "$1.pem"
}
# leaf CA NAME KEY SUBJECT SECTION [FROM UNTIL [MD]]
leaf() {
	say openssl req -new -utf8 -config conf -key "$3.key" -subj "$4" -out db/req.pem
	set -- "$1" "$2" "$3" "$4" "$5" "${6:-$from}" "${7:-$until}" "${8:-sha256}"
	say openssl ca -batch -config "db/$1/conf" -name here -startdate "$6" -enddate "$7" -md "$8" \
		${5:+-extensions "$5"} -in db/req.pem -notext -out "$2.pem"
	[ "$2" = "$3" ] || cp "$3.key" "$2.key"
}
revoke() { say openssl ca -config "db/$1/conf" -name here -revoke "$2.pem" -crl_reason "${3:-keyCompromise}"; }
# crl CA FILE SECTION [LAST NEXT]
crl() {
	say openssl ca -config "db/$1/conf" -name here -gencrl ${3:+-crlexts "$3"} \
		-crl_lastupdate "${4:-20260731000000Z}" -crl_nextupdate "${5:-20260901000000Z}" -out "$2"
}

# ---- signers of uploads and clients ----
ec ca P-256
authority ca '/C=JP/O=shikaku TEST/CN=TEST insurer CA' ca
ec other-ca P-256
authority other-ca '/C=JP/O=shikaku TEST/CN=TEST insurer CA' ca
ec leaf P-256
ec p384 P-384
ec p521 P-521
rsa rsa 2048
rsa weak 1024
s='/C=JP/O=shikaku TEST/CN=06139992'
leaf ca good leaf "$s" sign
leaf ca good384 p384 "$s" sign
leaf ca goodrsa rsa "$s" sign
leaf ca second leaf '/C=JP/O=shikaku TEST/CN=06010011' sign
leaf ca expired leaf "$s" sign 20160101000000Z 20260731145959Z
leaf ca longago leaf "$s" sign 20160101000000Z 20161231145959Z
leaf ca early leaf "$s" sign 20260801150000Z $until
leaf ca revoked leaf "$s" sign
leaf ca badweak weak "$s" sign
leaf ca bad521 p521 "$s" sign
leaf ca badsha1 leaf "$s" sign $from $until sha1
leaf ca badca leaf "$s" leafca
leaf ca badv1 leaf "$s" ''
leaf ca badnousage leaf "$s" nousage
leaf ca badunknown leaf "$s" unknown
leaf ca baduse leaf "$s" client
leaf ca client leaf '/C=JP/O=shikaku TEST/OU=1312345670/CN=terminal 1' client
leaf ca server leaf '/C=JP/O=shikaku TEST/CN=localhost' server
leaf ca open rsa '/C=JP/O=shikaku TEST/CN=TEST open' open
leaf other-ca wrong leaf "$s" sign
revoke ca revoked
# the black-box tests run by the real clock: nothing here may end soon
crl ca crl.pem crl 20160601000000Z 20481201000000Z
crl ca stale.pem crl 20160601000000Z 20160701000000Z
crl other-ca othercrl.pem crl 20160601000000Z 20481201000000Z
sed '/^crlnumber=/d' db/ca/conf >db/conf.tmp && mv db/conf.tmp db/ca/conf
crl ca nonumber.pem ''

# ---- cards: domain/jpki-and-pinless.md 1, 2 ----
cat >>conf <<'END'
[cardca]
keyUsage=critical,keyCertSign,cRLSign
basicConstraints=critical,CA:TRUE
subjectKeyIdentifier=hash
crlDistributionPoints=dpca
[dpca]
fullname=dirName:dnca
[dnca]
C=JP
O=TESTPKI
1.OU=TESTPKI for user authentication
2.OU=shikaku TEST Agency
[fakeca]
keyUsage=critical,keyCertSign,cRLSign
basicConstraints=critical,CA:TRUE
subjectKeyIdentifier=FAKEKEYID
[card]
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
certificatePolicies=critical,@pol
issuerAltName=dirName:ian
crlDistributionPoints=dp
authorityKeyIdentifier=keyid:always,issuer:always
subjectKeyIdentifier=hash
[pol]
policyIdentifier=2.999.1.3.30
CPS.1=http://test.invalid/cps.html
[ian]
C=JP
O=TESTPKI
[dp]
fullname=dirName:chiyoda
[chiyoda]
C=JP
O=TESTPKI
1.OU=TESTPKI for user authentication
2.OU=CRL Distribution Points
3.OU=Tokyo-to
CN=Chiyoda-ku CRLDP
[chuo]
C=JP
O=TESTPKI
1.OU=TESTPKI for user authentication
2.OU=CRL Distribution Points
3.OU=Tokyo-to
CN=Chuo-ku CRLDP
[uri]
fullname=URI:http://test.invalid/x.crl
END
# variants of [card]: one line changed, added or taken away each
variant() {
	echo "[$1]" >>conf
	sed -n '/^\[card\]/,/^\[pol\]/{/^\[/!p}' conf.cards | sed "$2" >>conf
}
cp conf conf.cards
variant v_policy '/^certificatePolicies/s/.*/certificatePolicies=critical,2.999.1.3.31/'
variant v_soft '/^certificatePolicies/s/.*/certificatePolicies=2.999.1.3.30/'
variant v_nonrep '/^keyUsage/s/$/,nonRepudiation/'
variant v_ca '1i basicConstraints=critical,CA:TRUE'
variant v_unknown '1i 1.2.3.4=critical,DER:0500'
variant v_nodp '/^crlDistributionPoints/d'
variant v_uri '/^crlDistributionPoints/s/dp$/uri/'
variant v_two '/^crlDistributionPoints/s/dp$/dp,uri/'
variant v_noaki '/^authorityKeyIdentifier/s/=.*/=none/'
variant v_keyid '/^authorityKeyIdentifier/s/,issuer:always//'
variant v_leaf '1i basicConstraints=critical,CA:FALSE'
variant v_server '/^extendedKeyUsage/s/clientAuth/serverAuth/'
cat >>conf <<'END'
[part]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=critical,@idp
[idp]
fullname=dirName:chiyoda
onlyuser=TRUE
[idp2]
fullname=dirName:chuo
onlyuser=TRUE
[idpca]
fullname=dirName:chiyoda
onlyCA=TRUE
[idpindirect]
fullname=dirName:chiyoda
indirectCRL=TRUE
[idpsome]
fullname=dirName:chiyoda
onlysomereasons=keyCompromise
[idpuri]
fullname=URI:http://test.invalid/x.crl
[p_chuo]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=critical,@idp2
[p_ca]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=critical,@idpca
[p_indirect]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=critical,@idpindirect
[p_some]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=critical,@idpsome
[p_uri]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=critical,@idpuri
[p_soft]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=@idp
[p_noidp]
authorityKeyIdentifier=keyid:always
[p_noaki]
issuingDistributionPoint=critical,@idp
[p_delta]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=critical,@idp
deltaCRL=critical,DER:020101
[p_unknown]
authorityKeyIdentifier=keyid:always
issuingDistributionPoint=critical,@idp
1.2.3.4=critical,DER:0500
END
d='/C=JP/O=TESTPKI/OU=TESTPKI for user authentication/OU=shikaku TEST Agency'
rsa cards1 2048
rsa cards2 2048
rsa cards3 2048
authority cards1 "$d" cardca
authority cards2 "$d" cardca
id=$(openssl x509 -in cards1.pem -noout -ext subjectKeyIdentifier | sed -n '2s/ //gp')
sed "s/FAKEKEYID/$id/" conf >conf.tmp && mv conf.tmp conf
authority cards3 "$d" fakeca
cat cards1.pem cards2.pem >cards.pem
rsa card 2048
rsa card3 2048 3
rsa card4096 3072
c='/C=JP/CN=ABCDEFGHIJKLMN13101TEST'
card() { # CA NAME KEY SECTION [FROM UNTIL]
	ca=$1 name=$2 key=$3 section=$4
	shift 4
	leaf "$ca" "$name" "$key" "$c" "$section" "$@"
	say openssl x509 -in "$name.pem" -outform DER -out "$name.der"
}
echo 0133C349 >db/cards1/serial
card cards1 card-good card card
card cards2 card-second card card
card cards3 card-fake card card
card cards1 card-expired card card 20210801000000Z 20260731145959Z
card cards1 card-early card card 20260901000000Z 20310801145959Z
card cards1 card-e3 card3 card
card cards1 card-3072 card4096 card
card cards1 card-ec leaf card
for v in policy soft nonrep ca unknown nodp uri two noaki server; do
	card cards1 "card-$v" card "v_$v"
done
leaf cards1 card-sha512 card "$c" card $from $until sha512
say openssl x509 -in card-sha512.pem -outform DER -out card-sha512.der
# the answer of a card to a challenge, and one with another digest
printf 'OQS-PINLESS-AUTH-V1' >challenge
say openssl dgst -sha256 -sign card.key -out challenge.sig challenge
say openssl dgst -sha512 -sign card.key -out challenge512.sig challenge
say openssl dgst -sha256 -sign card.key -sigopt rsa_padding_mode:pss -out challengepss.sig challenge

# ---- partitions ----
partition() { # CA NAME SECTION [LAST NEXT]
	ca=$1 name=$2 section=$3
	shift 3
	crl "$ca" db/crl.pem "$section" "$@"
	say openssl crl -in db/crl.pem -outform DER -out "crl-$name.der"
}
partition cards1 empty part
card cards1 gone1 card card
card cards1 gone2 card card
card cards1 gone3 card card
revoke cards1 gone1 superseded
revoke cards1 gone2 certificateHold
say openssl ca -config db/cards1/conf -name here -revoke gone3.pem
partition cards1 good part
partition cards2 second part
partition cards3 fake part
for v in chuo ca indirect some uri soft noidp noaki delta unknown; do
	partition cards1 "$v" "p_$v"
done
cp db/cards1/conf db/keep
sed '/^crlnumber=/d' db/keep >db/cards1/conf
partition cards1 nonumber part
cp db/keep db/cards1/conf
sed 's/^default_md=.*/default_md=sha512/' db/keep >db/cards1/conf
partition cards1 sha512 part
cp db/keep db/cards1/conf
# last, for the serials above stand in tests
for v in keyid leaf; do
	card cards1 "card-$v" card "v_$v"
done
# the key identifier names a certificate of the CA with another serial
aki=$(openssl asn1parse -in card-good.pem | grep -A 1 'Authority Key' | sed -n 's/.*HEX DUMP\]://p')
case $aki in
*0) other=1 ;;
*) other=0 ;;
esac
{
	echo '[v_akiserial]'
	sed -n '/^\[card\]/,/^\[pol\]/{/^\[/!p}' conf.cards | sed "/^authorityKeyIdentifier/s/=.*/=DER:${aki%?}$other/"
} >>db/cards1/conf
card cards1 card-akiserial card v_akiserial

# ---- what openssl seals, for our reader ----
printf 'PK the content, not really a zip\n' >content
seal() {
	name=$1
	shift
	say openssl cms -sign -binary -nodetach -outform DER -in content -out "sealed-$name.p7m" "$@"
}
seal good -md sha256 -signer good.pem -inkey good.key
seal rsa -md sha256 -signer goodrsa.pem -inkey goodrsa.key
seal stream -md sha384 -stream -signer good384.pem -inkey good384.key
seal keyid -md sha256 -keyid -signer good.pem -inkey good.key
seal sha512 -md sha512 -signer good.pem -inkey good.key
seal pss -md sha256 -signer goodrsa.pem -inkey goodrsa.key -keyopt rsa_padding_mode:pss
seal two -md sha256 -signer good.pem -inkey good.key -signer second.pem -inkey second.key
seal sha1 -md sha1 -signer good.pem -inkey good.key
seal noattr -md sha256 -noattr -signer good.pem -inkey good.key
seal nocert -md sha256 -nocerts -signer good.pem -inkey good.key
seal wrong -md sha256 -signer wrong.pem -inkey wrong.key
for n in expired early revoked badweak bad521 badsha1 badca badv1 badnousage badunknown baduse; do
	seal "$n" -md sha256 -signer $n.pem -inkey $n.key
done
say openssl cms -sign -binary -outform DER -md sha256 -in content -out detached.p7s -signer good.pem -inkey good.key
say openssl cms -encrypt -binary -aes256 -outform DER -in content -out enveloped open.pem
say openssl cms -sign -binary -nodetach -outform DER -md sha256 -in enveloped -out sealed-enveloped.p7m -signer good.pem -inkey good.key
say openssl cms -encrypt -binary -aes256 -outform DER -in content -out enveloped2 good384.pem
say openssl cms -sign -binary -nodetach -outform DER -md sha256 -in enveloped2 -out sealed-otherkey.p7m -signer good.pem -inkey good.key
echo "$stamp" >stamp
