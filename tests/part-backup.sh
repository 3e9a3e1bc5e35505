#!/bin/bash
# shikaku-backup: three nights, three generations; the drill restores all of
# them, and a real responder answers a hospital from each.
. "$(dirname "$0")/part.sh"
W=$B/part-backup
chmod -R u+w "$W" 2>/dev/null
rm -rf "$W"
mkdir -p "$W"
. tests/serve.sh
trap serve_stop EXIT
S=$W/site/site.yaml K=$W/backups
backup() { "$B/shikaku-backup" -c "$S" "$@"; }
tests/site.sh "$W/site" 0
"$B/shikaku-sample" -c "$S" --people 1000 --seed 1 -D 2026-11-18 >/dev/null
backup --to "$K" --list >/dev/null 2>&1
for day in 18 19 20; do
	[ $day = 18 ] || "$B/shikaku-sample" -c "$S" --changes -D 2026-11-$day >/dev/null
	tests/night.sh "$S" 2026-11-$day >"$W/night"
	backup -D 2026-11-$day --to "$K" --keys "$W/keys" >"$W/out.$day" 2>"$W/err"
	so $? "the night of $day is backed up: $(head -1 "$W/err")"
done
[ "$(backup --to "$K" --list | wc -l)" = 3 ]
ok 'three generations are listed' $?
for g in "$K"/backup-*; do
	(cd "$g" && sha256sum -c --quiet SHA256SUMS)
	so $? "sha256sum proves $(basename "$g") alone"
	n=$(find "$g" -type f ! -name SHA256SUMS | wc -l)
	[ "$n" = "$(wc -l <"$g/SHA256SUMS")" ]
	ok "and every file of it has a sum ($n)" $?
done
g1=$K/backup-2026-11-18.001 g3=$K/backup-2026-11-20.001
# whatever had a receipt is in the newest generation, byte for byte
while read -r f; do
	cmp -s "$f" "$g3/${f#"$W"/site/}"
	ok "${f##*/} is there" $?
done < <(find "$W/site/intermediate/done" "$W/site/qualification/done" -type f | sort | head -40)
cmp -s "$W/site/intermediate/ledger.sqlite" "$g3/intermediate/ledger.sqlite" ||
	[ "$(sqlite3 "$W/site/intermediate/ledger.sqlite" 'SELECT * FROM file ORDER BY 1,2,3,4' | sha256sum)" = \
	    "$(sqlite3 "$g3/intermediate/ledger.sqlite" 'SELECT * FROM file ORDER BY 1,2,3,4' | sha256sum)" ]
ok 'the books are the books' $?
same=$(find "$g1/intermediate/done" "$g1/intermediate/segments" -type f -links +2 | wc -l)
[ "$same" -gt 10 ]
ok "what did not change is one file on disk in all three ($same)" $?
[ "$(sed -n 's/.* \([0-9]*\) bytes$/\1/p' "$W/out.20" | head -1)" -lt "$(sed -n 's/.* files, \([0-9]*\) bytes;.*/\1/p' "$W/out.20" | head -1)" ]
ok 'a generation costs less than all there is' $?
! find "$g3" -type f \( -name '*.key' -o -name 'pseudonym*' -o -name 'usage.hex' \) | grep -q .
ok 'no key is in a generation' $?
key=$(tr -d '\n' <"$W/site/pki/pseudonym.hex")
! grep -rqF "$key" "$g3"
ok 'nor the bytes of the pseudonym key' $?
[ "$(stat -c %a "$W/keys")" = 700 ] && cmp -s "$W/site/pki/pseudonym.hex" "$W/keys/pseudonym.hex" &&
	[ "$(find "$W/keys" -type f ! -perm 400 | wc -l)" = 0 ]
ok 'keys lie apart, 0400' $?
[ "$(find "$g3" -type f ! -name SHA256SUMS -perm /222 | wc -l)" = 0 ] && [ "$(find "$g3" -type d -perm /222 | wc -l)" = 0 ]
ok 'a finished generation is read-only' $?
! find "$g3" \( -name run -o -name work -o -name log \) -maxdepth 2 | grep -q .
ok 'what a program makes anew is left out' $?

# ---- the drill ----
backup --to "$K" --drill --into "$W/drill" >"$W/drill.out" 2>"$W/err"
so $? "the drill restores newest, n-1, n-2: $(head -1 "$W/err")"
[ "$(grep -c 'answers: .* persons asked, all found' "$W/drill.out")" = 3 ] &&
	[ "$(sed -n 's/.*generation \([0-9]*\) answers.*/\1/p' "$W/drill.out" | tr '\n' ' ')" = '3 2 1 ' ]
ok 'each of its own generation' $?
IFS='|' read -r _ insurer symbol number branch birth _ _ \
    <<<"$(awk -F'\t' '!/^#/ && $7 == 1 && $3 != "" { print; exit }' "$W/site/pki/ask.tsv" | tr '\t' '|')"
for g in 18 19 20; do
	R=$W/drill/backup-2026-11-$g.001
	"$B/shikaku-check" -c "$R/site.yaml" >/dev/null 2>"$W/err"
	so $? "roots of $g keep their promises: $(head -1 "$W/err")"
	serve_start "$R/site.yaml" "$W/responder.$g.log" "2026-11-$((g + 1)) 10:00:00"
	ok "a responder starts on $g" $?
	tests/ask.sh -p "$serve_port" -d "202611$((g + 1))" "$W/site" number "$insurer" "$number" "$birth" "$symbol" "$branch" >"$W/answer.$g" 2>&1
	grep -q "有効" "$W/answer.$g"
	so $? "and answers a hospital: $(head -1 "$W/answer.$g")"
	serve_stop
done
[ "$(stat -c %a "$R/intermediate/pairing" "$R/intermediate/pairing/pairing.sqlite" | tr '\n' ' ')" = '700 600 ' ]
ok 'what was for its owner alone is so again' $?
cmp -s "$W/site/intermediate/ledger.sqlite" "$W/drill/backup-2026-11-20.001/intermediate/ledger.sqlite" ||
	[ "$(sqlite3 "$W/drill/backup-2026-11-20.001/intermediate/ledger.sqlite" 'PRAGMA integrity_check')" = ok ]
ok 'restored books hold together' $?
# the restored site goes on where it was: the next night makes the same bytes
"$B/shikaku-sample" -c "$S" --changes -D 2026-11-21 >/dev/null
R=$W/drill/backup-2026-11-20.001
for side in intermediate qualification; do
	for box in "$W/site/$side"/box/*/in; do
		for f in "$box"/*.p7m; do
			[ -f "$f" ] && cp "$f" "$R/${box#"$W"/site/}/"
		done
	done
done
tests/night.sh "$S" 2026-11-21 >/dev/null
tests/night.sh "$R/site.yaml" 2026-11-21 >/dev/null
(cd "$W/site/qualification/snapshots" && sha256sum ./*000004.sqlite) >"$W/here"
(cd "$R/qualification/snapshots" && sha256sum ./*000004.sqlite) >"$W/there"
[ -s "$W/here" ] && cmp -s "$W/here" "$W/there"
ok 'the next night on what was restored publishes the same bytes' $?

# ---- what is not whole ----
chmod -R u+w "$K"
mkdir "$W/broken"
cp -a "$g3" "$W/broken/"
f=$(find "$W/broken/backup-2026-11-20.001/qualification/snapshots" -name 'qualification-*.sqlite' | tail -1)
printf x | dd of="$f" bs=1 seek=5000 conv=notrunc 2>/dev/null
backup --restore "$W/broken/backup-2026-11-20.001" --into "$W/r1" >/dev/null 2>"$W/err"
[ $? -eq 36 ] && grep -q F9040 "$W/err"
ok 'one changed byte: exit 36' $?
rm -rf "$W/broken" && mkdir "$W/broken" && cp -a "$g3" "$W/broken/"
rm "$(find "$W/broken" -name '*.seg' | head -1)"
backup --restore "$W/broken/backup-2026-11-20.001" --into "$W/r2" >/dev/null 2>&1
[ $? -ne 0 ]
ok 'one missing file is not restored silently' $?
backup --restore "$g3" --into "$W/site" >/dev/null 2>"$W/err"
[ $? -eq 11 ] && grep -q 'not empty' "$W/err"
ok 'a folder that is not empty is left alone' $?
# a generation that was cut leaves nothing behind
mkdir -p "$K/.unfinished/x" && echo y >"$K/.unfinished/x/y"
backup -D 2026-11-21 --to "$K" --keep 2 >/dev/null 2>&1
[ ! -e "$K/.unfinished" ] && [ "$(backup --to "$K" --list | wc -l)" = 2 ]
ok 'what was cut is removed; --keep 2 leaves two' $?
backup --to "$K" --mark backup-2026-11-20.001 >/dev/null
backup -D 2026-11-21 --to "$K" --keep 1 >/dev/null 2>&1
[ "$(backup --to "$K" --list | tr -s ' ' | tr '\n' ';')" = 'backup-2026-11-20.001 kept;backup-2026-11-21.002;' ]
ok "a marked one is never removed" $?
(
	flock -n 9
	backup -D 2026-11-21 --to "$K" >/dev/null 2>&1
) 9<"$W/site/intermediate/run/ingest.lock"
[ $? -eq 10 ]
ok 'while a program of the night runs nothing is taken: exit 10' $?
backup -D 2026-11-21 --to "$W/full" >/dev/null 2>&1
rm -rf "$W/full"
if mkdir -p "$W/small" && mount -t tmpfs -o size=256k none "$W/small" 2>/dev/null; then
	backup -D 2026-11-21 --to "$W/small" >/dev/null 2>&1
	[ $? -eq 11 ] && [ "$(backup --to "$W/small" --list | wc -l)" = 0 ]
	ok 'a full disk: exit 11, no generation' $?
	umount "$W/small"
else
	echo 'SKIP: no mount: a full disk is not tried'
fi
chmod -R u+w "$W"
part_end
