#!/bin/bash
# What is published, and by whose word: guard bands and the order that lets a
# withheld generation through; the order that goes back to an older one.
. "$(dirname "$0")/part.sh"
T="$B/part-publish"
rm -rf "$T"
mkdir -p "$T"
tests/site.sh "$T/pki-site"
"$B/shikaku-sample" -c "$T/pki-site/site.yaml" --people 1000 >/dev/null 2>&1
site() { # NAME ROWS_PERCENT INSURER_PERCENT NIGHT_LOSSES
	S="$T/$1" Q="$T/$1/qualification"
	tests/site.sh "$S"
	cp -R "$T/pki-site/pki" "$T/pki-site/masters" "$S/"
	printf 'guard:\n  rows_percent: %d\n  insurer_percent: %d\n  night_losses: %d\n' \
	    "$2" "$3" "$4" >>"$S/site.yaml"
}
rebuild() { # DAY ...
	day=$1
	shift
	"$B/shikaku-rebuild" -c "$S/site.yaml" -D "2026-08-$day" "$@" \
	    >"$S/out" 2>"$S/err"
	status=$?
	! grep -q 'Sanitizer\|runtime error' "$S/err" || cat "$S/err"
}
entry() { # KIND KEY: a line of the manifest in force
	awk -v k="$1:" -v f="$2:" '$1 == k { on = 1 } on && $1 == f { gsub(/"/, "", $2); print $2; exit }' "$Q/snapshots/current/manifest.yaml"
}
g() { entry qualification generation; }
serial() { awk '$1 == "serial:" { print $2 }' "$Q/snapshots/current/manifest.yaml"; }
said() { # CODE: how often
	grep -c "$1" "$S/err"
}
number() { sed -n 's/.*--accept-guard \([0-9]*\).*/\1/p' "$S/err" | head -n 1; }
books() { sqlite3 "$Q/ledger.sqlite" "SELECT notes FROM run WHERE program = 'rebuild' ORDER BY id DESC LIMIT 1"; }
rows() { # INSURER CHANGE FROM TO [more]
	i=$3
	while [ "$i" -le "$4" ]; do
		printf '%d\tChange=%s\tInsurerCode=%s\tPersonId=P%d\tInsurerNumber=%s\tSex1=1\tBirthdate=19800101\tQualificationDate=20200401%s\n' "$i" "$2" "$1" "$i" "$1" "${5:-}"
		i=$((i + 1))
	done
}
send() { # INSURER DAY SEQUENCE CHANGE FROM TO [more]
	{ printf 'upload\t%s\tshikaku\t202608%s\t%s\tperiod\n' "$1" "$2" "$3"
	    rows "$1" "$4" "$5" "$6" "${7:-}"; } | "$B/tool-segment" "$Q"
}

# ---- bands: of 1,000 periods the small insurer has 100 ----
site insurer 5 20 0
send 06139992 01 1 1 1 900
send 06139991 01 1 1 1 100
rebuild 01
is 'the first load has no band' '0 1' "$status $(g)"
send 06139991 02 2 9 1 20
rebuild 02
is '20 of 100 is within 20 %' '0 2 0' "$status $(g) $(said F4014)"
send 06139991 03 3 9 21 37 # 17 of 80: 21 %, of all 1.7 %
rebuild 03
is '17 of 80 is not' '35 2' "$status $(g)"
is 'insurer and counts are said' 1 "$(grep -c 'F4014.*insurer 06139991: 63 periods after 80' "$S/err")"
is 'and the number to order it by' 1 "$(said W4016)"
is 'the total is within its band' 0 "$(said F4006)"
n=$(number)
is 'a wrong number lets nothing through' '35 2' "$(rebuild 03 --accept-guard 12345; echo "$status $(g)")"
send 06139991 03 4 9 38 40
rebuild 03 --accept-guard "$n"
is 'nor does that of what was withheld before another file came' '35 2' "$status $(g)"
is 'which has another number' 0 "$([ "$(number)" != "$n" ]; echo $?)" 
n=$(number)
rebuild 03 -n --accept-guard "$n"
is 'with -n it stays' '0 2' "$status $(g)"
rebuild 03 --accept-guard "$n"
is 'the order publishes it' '0 3 960' "$status $(g) $(entry qualification rows)"
is 'and stands in the books' 1 "$(books | grep -c "outside=1 accepted_guard=$n")"
rebuild 03
is 'nothing is left' 1 $status

site losses 0 0 10
send 06139992 01 1 1 1 300
rebuild 01
send 06139992 02 2 3 1 10 $'\tDisqualificationDate=20260701\tReasonOfLoss=01'
rebuild 02
is 'ten losses are let through' '0 2' "$status $(g)"
send 06139992 03 3 3 11 15 $'\tDisqualificationDate=20260701\tReasonOfLoss=01'
send 06139992 03 4 9 16 21
rebuild 03
is 'five and six cancelled are not' '35 2 1' "$status $(g) $(grep -c 'F4015.*11 losses, limit 10' "$S/err")"

# ---- going back ----
site back 0 0 0
printf 'snapshots:\n  keep: 3\n' >>"$S/site.yaml"
for d in 1 2 3; do
	send 06139992 0$d $d 1 $((d * 100)) $((d * 100 + 9))
	rebuild 0$d
	eval "sum$d=\$(entry qualification sha256)"
done
is 'three generations' '3 30' "$(g) $(entry qualification rows)"
rebuild 03 --rollback 3
is 'to the one in force: nothing to do' 1 $status
rebuild 03 --rollback 9
is 'to one that never was' '34 3 1' "$status $(g) $(said F4017)"
before=$(serial)
rebuild 03 -n --rollback 1
is 'with -n it is only tried' "0 3 $before" "$status $(g) $(serial)"
rebuild 03 --rollback 1
# shellcheck disable=SC2154
is 'back to the first' "0 1 10 $sum1" "$status $(g) $(entry qualification rows) $(entry qualification sha256)"
is 'and it is said what waits' 1 "$(said W4018)"
is 'by a set with the next serial' $((before + 1)) "$(serial)"
is 'which follows the one before' "$(sha256sum <"$Q/snapshots/manifest-$(printf %06d "$before")/manifest.yaml" | cut -c1-64)" \
    "$(awk '$1 == "previous:" { gsub(/"/, "", $2); print $2 }' "$Q/snapshots/current/manifest.yaml")"
is 'signed' 0 "$(openssl cms -verify -binary -inform DER -in "$Q/snapshots/current/manifest.p7s" \
    -content "$Q/snapshots/current/manifest.yaml" -CAfile "$S/pki/site-ca.pem" -purpose any >/dev/null 2>&1; echo $?)"
is 'the order is in the books' 1 "$(books | grep -c "rollback_from=3 rollback=1 serial=$((before + 1))")"
is 'what came since waits' 2 "$(sqlite3 "$Q/ledger.sqlite" 'SELECT count(*) FROM segment WHERE generation = 0')"
verify() { "$B/shikaku-verify" --snapshots -c "$S/site.yaml" >"$S/out" 2>"$S/err"; status=$?; }
verify
is 'all that is kept is proved by another way' '0 0' "$status $(said F4019)"
if strace -o /dev/null true 2>/dev/null; then
	stopped=0
	for at in pread64:4 pread64:9 pread64:20 pread64:40; do # at the work of SQLite
		ASAN_OPTIONS="detect_leaks=0:${ASAN_OPTIONS:-}" strace -f -o /dev/null -e "trace=${at%:*}" -e "inject=${at%:*}:signal=SIGTERM:when=${at#*:}" \
		    "$B/shikaku-verify" --snapshots -c "$S/site.yaml" >"$S/out" 2>"$S/err"
		[ $? -eq 12 ] && [ "$(said F4019)" -eq 0 ] && stopped=$((stopped + 1))
	done
	is 'told to stop it stops, and calls nothing wrong that it has not looked at' 4 $stopped
else
	echo 'SKIP: no strace here: verify is not told to stop'
fi
found=0 tried=0
cp -R "$Q/snapshots" "$T/good"
spoilt() { # what was done to it must be found; then it is put right
	tried=$((tried + 1))
	verify
	if [ $status -eq 36 ] && [ "$(said F4019)" -ge 1 ]; then found=$((found + 1)); else echo "not found: $1 (exit $status)"; fi
	rm -rf "$Q/snapshots"
	cp -R "$T/good" "$Q/snapshots"
}
for f in "$Q"/snapshots/*.sqlite "$Q"/snapshots/manifest-*/manifest.*; do
	python3 - "$f" "$tried" <<'PY'
import random, sys
b = bytearray(open(sys.argv[1], "rb").read())
i = random.Random(int(sys.argv[2])).randrange(len(b) * 8)
b[i // 8] ^= 1 << i % 8
open(sys.argv[1], "wb").write(b)
PY
	spoilt "a bit of $f"
	truncate -s -1 "$f"
	spoilt "the end of $f"
done
cp "$Q/snapshots/qualification-000001.sqlite" "$Q/snapshots/qualification-000002.sqlite"
spoilt 'an older file under a newer name'
mv "$Q/snapshots/cards-000001.sqlite" "$T/x"
cp "$Q/snapshots/institutions-000001.sqlite" "$Q/snapshots/cards-000001.sqlite"
spoilt 'one kind under the name of another'
rm "$Q/snapshots/cards-000001.sqlite"
spoilt 'a file of the set in force gone'
cp "$Q"/snapshots/manifest-000002/* "$Q/snapshots/manifest-000003/"
spoilt 'a set under the name of another'
is 'every spoilt file was found' "$tried" "$found"
cp -R "$S" "$T/again"
rebuild 03
is 'the next night merges it again, under a new number' '0 4 30' "$status $(g) $(entry qualification rows)"
is 'nothing waits' 0 "$(sqlite3 "$Q/ledger.sqlite" 'SELECT count(*) FROM segment WHERE generation = 0')"
# shellcheck disable=SC2154
is 'the old files were not touched' "$sum3" "$(sha256sum <"$Q/snapshots/qualification-000003.sqlite" | cut -c1-64)"
rebuild 03 --rollback 1
is 'what is kept no more cannot be gone back to' '34 4' "$status $(g)"
S="$T/again" Q="$T/again/qualification"
rebuild 03 --rollback 3
is 'and forth again' "0 3 $sum3 0" "$status $(g) $(entry qualification sha256) $(sqlite3 "$Q/ledger.sqlite" 'SELECT count(*) FROM segment WHERE generation = 0')"
printf x | dd of="$Q/snapshots/qualification-000002.sqlite" bs=1 seek=5000 conv=notrunc 2>/dev/null
rebuild 03 --rollback 2
is 'a damaged generation is not gone back to' '36 3' "$status $(g)"
cp "$Q/snapshots/manifest-000002/manifest.p7s" "$Q/snapshots/manifest-000004/"
rebuild 03 --rollback 1
is 'nor one by a set whose signature is another' '36 3' "$status $(g)"

part_end
