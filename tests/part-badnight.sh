#!/bin/bash
# Three bad nights as the operator finds them in the morning: an upload is held,
# the disk is full at the rebuild, a revocation list is gone. shikaku-status and
# shikaku-jobs show say what happened, to which file, and what to type; and what
# they say, typed, mends it.
. "$(dirname "$0")/part.sh"
W=$B/part-badnight
rm -rf "$W"
mkdir -p "$W/hooks/alarm.d"
D=2026-11-19 S=$W/site/site.yaml I=$W/site/intermediate Q=$W/site/qualification
tests/site.sh "$W/site" 0
printf 'jobs:\n  folder: "%s"\n  hooks: "%s"\n' "$W/jobs" "$W/hooks" >>"$S"
printf '#!/bin/sh\necho "$*" >>"%s/alarms"\n' "$W" >"$W/hooks/alarm.d/10-note"
chmod +x "$W/hooks/alarm.d/10-note"
# the net of every night, but for the minutes between two tries
mkdir -p "$W/jobs"
sed 's/every_minutes: [0-9]*/every_minutes: 0/; s/retries: [0-9]*/retries: 1/' jobs/nightly.yaml >"$W/jobs/nightly.yaml"
"$B/shikaku-sample" -c "$S" --people 1000 --seed 1 -D 2026-11-18 >/dev/null 2>&1
tests/night.sh "$S" 2026-11-18 >/dev/null 2>&1
"$B/shikaku-sample" -c "$S" --changes -D $D >/dev/null 2>&1
cp -a "$W/site" "$W/before"
again() {
	rm -rf "$W/site"
	cp -a "$W/before" "$W/site"
	: >"$W/alarms"
}
run() { # ARGS...: the net; status
	"$B/shikaku-jobs" run --now -c "$S" -D $D "$@" nightly >"$W/out" 2>"$W/err"
	status=$?
}
morning() { # what the operator reads, by day
	"$B/shikaku-status" -c "$S" -D $D >"$W/status" 2>&1
	word=$?
	"$B/shikaku-jobs" show -c "$S" -D $D nightly >"$W/show" 2>&1
}
said() { # FILE TEXT...: each of them is in it
	local f=$W/$1 t
	shift
	for t; do
		grep -qF -- "$t" "$f" || { echo "not in $f: $t"; return 1; }
	done
}
resume="shikaku-jobs run -c $S -D $D --resume nightly"

# ---- a night that nobody disturbs says nothing of all this ----
run
morning
is 'a calm night is OK' '0 0 0' "$status $word $(grep -cE 'held|--resume|by hand' "$W/show")"

# ---- an upload is held: the number before it has not come ----
again
up=$(ls "$I"/box/*/in/*_shikaku_*_0002.zip.p7m | head -n 1)
stem=$(basename "$up" .zip.p7m)
sender=${stem%%_*} held=${stem%_0002}_0003
openssl cms -verify -noverify -inform DER -in "$up" -out "$W/zip" 2>/dev/null
[ "$(head -c 2 "$W/zip")" = PK ] ||
	openssl cms -decrypt -inform DER -in "$W/zip" -out "$W/zip" -recip "$W/site/pki/open.pem" -inkey "$W/site/pki/open.key"
mkdir -p "$W/files"
unzip -q -o "$W/zip" -d "$W/files"
rm -f "$up" "$W/files/manifest.yaml"
sed -i '1s/,0002,/,0003,/; s/>0*2<\/Sequence>/>0003<\/Sequence>/' "$W"/files/shikaku.*
"$B/shikaku-pack" --key "$W/site/pki/senders/$sender.key" --cert "$W/site/pki/senders/$sender.pem" \
    --to "$I/box/$sender/in" "$W"/files/shikaku.* >"$W/pack" 2>&1 || cat "$W/pack"
run
morning
is 'a night with an upload held goes on; status warns' '5 1' "$status $word"
for f in status show; do
	said $f "held since $D: $held: E3501" 'missing: 0002' "shikaku-ingest -c $S --release $held --why TEXT"
	so $? "$f names the upload, why, and what to type"
done
"$B/shikaku-ingest" -c "$S" -D $D --release "$held" --why 'the sender has no 0002' >"$W/out" 2>&1
run
morning
is 'typed, and the net again: nothing is left' '0 0' "$word $(grep -c held "$W/show")"

# ---- the disk of the qualification side is full at the rebuild ----
again
cp -a "$Q" "$W/q"
if mount -t tmpfs -o size=40m none "$Q" 2>/dev/null; then
	trap 'umount "$Q" 2>/dev/null' EXIT
	cp -a "$W/q/." "$Q/"
	run --only intake,ingest,codes,deliver,intake-link,ingest-link,revoke
	dd if=/dev/zero of="$Q/filler" bs=1k 2>/dev/null
	truncate -s -100k "$Q/filler"
	run --resume
	morning
	is 'a full disk ends the night with 11; status warns' '11 1' "$status $word"
	said status "nightly/rebuild ended with 11 at try 2" "shikaku-jobs show -c $S -D $D nightly" "$resume"
	so $? 'status names the job, and what to type'
	said show 'tries used up, by hand' "$Q/work/" "qualification-000002.sqlite: fatal F4004" 'full' 'look at disk space' "$resume"
	so $? 'show has the file, the reason, the advice, and what to type'
	is 'somebody was called' "alarm net=nightly job=rebuild day=$D exit=11 alarm=call id=nightly-rebuild" "$(grep job=rebuild "$W/alarms")"
	rm "$Q/filler"
	run --resume
	morning
	is 'room made and typed: OK' '0 0 OK' "$status $word $(sed -n '1s/:.*//p' "$W/status")"
	# at the very beginning: which of the two disks, is said
	umount "$Q"
	rm -rf "$I" && cp -a "$W/before/intermediate" "$I"
	mount -t tmpfs -o size=40m none "$Q" && cp -a "$W/q/." "$Q/"
	dd if=/dev/zero of="$Q/filler" bs=1k 2>/dev/null
	run
	morning
	is 'a disk that is full before: 11' 11 "$status"
	said show "$Q/ledger.sqlite: fatal F9005" 'look at disk space'
	so $? 'which one is said'
	umount "$Q"
	trap - EXIT
else
	echo 'SKIP: no mount: a full disk is not tried'
fi
rm -rf "$W/q"

# ---- the list of revoked senders' certificates is gone ----
again
mv "$W/site/pki/insurer-ca.crl" "$W/crl"
run
morning
is 'without the revocation list nothing is taken: 33, once' '33 1 1' "$status $word $(grep -c 'alarm=call' "$W/alarms")"
said status 'nightly/intake ended with 33 at try 1' "$resume"
so $? 'status names the job'
said show 'by hand' "$W/site/pki/insurer-ca.crl: fatal F9004" 'No such file' 'look at path and permissions' "$resume"
so $? 'show has the file, the reason, the advice, and what to type'
mv "$W/crl" "$W/site/pki/insurer-ca.crl"
run --resume
morning
is 'brought back and typed: OK' '0 0' "$status $word"

# ---- more has changed than the site allows in a night ----
again
printf 'guard:\n  night_losses: 1\n' >>"$S"
run
morning
order=$(grep -o 'accept-guard [0-9]*' "$W/show" | head -n 1)
is 'what is withheld is told with the order that publishes it' '35 1 1' "$status $word $(grep -c 'W4016.*--accept-guard [0-9]' "$W/show")"
# shellcheck disable=SC2086
"$B/shikaku-rebuild" -c "$S" -D $D --$order >"$W/out" 2>&1
run --resume
morning
is 'typed, and the net again: OK' '0 0' "$status $word"

# ---- J-LIS's revocation lists have not come for two days ----
again
rm -f "$Q"/box/JLIS*/in/*_crl_*
faketime_() { TZ=Asia/Tokyo faketime '2026-11-20 12:00:00' "$@"; }
if command -v faketime >/dev/null; then
	export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
	faketime_ "$B/shikaku-jobs" run --now -c "$S" -D $D nightly >"$W/out" 2>"$W/err"
	faketime_ "$B/shikaku-status" -c "$S" >"$W/status" 2>&1
	is 'lists that are too old for freshness.hours are a warning' 1 $?
	said status 'the revocation snapshot is of 2026-11-18' 'ask J-LIS for the set, then run intake and revoke'
	so $? 'and of whom to ask, not that a night be run again'
else
	echo 'SKIP: no faketime'
fi
part_end
