#!/bin/bash
# Every planted fault is reported, and nothing else is: a country of 20,000
# with faults of every class a sender can cause, through the real night, then
# the changes of the next day; and the generator's own promises.
. "$(dirname "$0")/part.sh"
T="$B/part-planted" PEOPLE=20000 D=2026-08-03 D1=2026-08-04
run() { # DAY PROGRAM: what a program must not say, and the statuses it may end with
	[ -x "$B/shikaku-$2" ] || return 0
	"$B/shikaku-$2" -c "$S/site.yaml" -D "$1" >"$S/$2.out" 2>"$S/$2.err"
	case $? in
	0 | 1 | 4 | 5) ;;
	*)
		ok "shikaku-$2 on $1" 1
		tail -5 "$S/$2.err" "$S/$2.out"
		;;
	esac
}
night() { # DAY
	for p in intake ingest codes deliver intake ingest revoke rebuild deliver; do
		run "$1" "$p"
	done
}
sample() {
	"$B/shikaku-sample" -c "$S/site.yaml" "$@" >"$S/sample.out" 2>"$S/sample.err"
}
# manifests of the uploads that openssl can open, sorted: digests of members
manifests() {
	for f in "$1"/*/box/*/in/*.zip.p7m; do
		case $f in *_crl_*) continue ;; esac
		openssl cms -verify -binary -inform DER -in "$f" \
			-CAfile "$1/pki/insurer-ca.pem" -out "$1/zip" 2>/dev/null || continue
		unzip -p "$1/zip" manifest.yaml 2>/dev/null
	done
}
rm -rf "$T"

# the same seed, the same members
for s in a b c; do
	S="$T/$s"
	tests/site.sh "$S"
	[ $s = c ] && seed=6 || seed=5
	sample --people 2000 --seed "$seed" -D $D
	ok "a country of 2,000 ($s)" $?
	manifests "$S" >"$T/$s.manifests"
done
[ "$(grep -c sha256 "$T/a.manifests")" -gt 50 ]
ok 'uploads can be opened by openssl and unzip' $?
cmp -s "$T/a.manifests" "$T/b.manifests"
ok 'the same seed gives the same members' $?
! cmp -s "$T/a.manifests" "$T/c.manifests"
ok 'another seed gives others' $?
[ -z "$(find "$T/a/pki" \( -name '*.key' -o -name '*.hex' \) ! -perm 600)" ]
ok 'private keys are for their owner only' $?
[ -z "$(find "$T/a" -name '*.part')" ]
ok 'nothing half-written is left in the boxes' $?
for f in "$T"/a/pki/cards/*.der; do
	openssl verify -CAfile "$T/a/pki/card-ca.pem" -no_check_time \
		"$f" >/dev/null 2>&1 || echo "$f"
done >"$T/cards"
[ ! -s "$T/cards" ]
ok 'every test card is of one of the two CA generations' $?
[ "$(cut -f9 "$T/a/pki/cards.tsv" | sort -u | grep -c .)" -eq 6 ]
ok 'test cards of every state' $?

# faults of every class
S="$T/site"
tests/site.sh "$S"
sample --people $PEOPLE --seed 1 -D $D --faults 0.02
ok 'a country with faults' $?
night $D
tests/planted.py "$S" >"$S/compare1"
ok 'every planted fault is reported, and nothing else' $?
cat "$S/compare1"
[ "$(awk '/^planted [0-9]/ { print $5 }' "$S/compare1")" -ge 65 ]
ok 'of at least 65 codes' $?

# the next day
sample --changes -D $D1 --faults 0.02
ok 'the changes of the next day' $?
night $D1
tests/planted.py "$S" >"$S/compare2"
ok 'the same holds after the next day' $?
cat "$S/compare2"

part_end
