#!/bin/bash
# Drop boxes by a real sshd on loopback with jobs/sshd_shikaku.conf: an upload
# is seen when it is renamed, not before; one that broke off is resumed; no
# sender sees another's box or writes into its own out/.
. "$(dirname "$0")/part.sh"
end() {
	part_end
	exit
}
[ "$(id -u)" = 0 ] || { echo 'SKIP: not root: no accounts for senders'; end; }
command -v sshd >/dev/null && command -v sftp >/dev/null || { echo 'SKIP: no sshd'; end; }
# not below /root or the like: a chroot's path belongs to root alone
W=$(mktemp -d /srv/shikaku-dropbox.XXXXXX)
one=stest$$a two=stest$$b group=stest$$g
pid=
clean() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	userdel $one 2>/dev/null
	userdel $two 2>/dev/null
	groupdel $group 2>/dev/null
	rm -rf "$W"
}
trap clean EXIT
chmod 755 "$W"
tests/site.sh "$W/site" 0
S=$W/site/site.yaml D=2026-11-20
"$B/shikaku-sample" -c "$S" --people 1000 --seed 1 -D $D >/dev/null
ok 'a small country' $?
ROOT=$W/site/intermediate
chmod 755 "$W/site" "$ROOT" "$ROOT/box"
mapfile -t ids < <(cd "$ROOT/box" && for b in */; do ls "$b/in" | grep -q _shikaku_ && echo "${b%/}"; done | head -2)
a=${ids[0]} b=${ids[1]}
# the uploads go back to their senders: they come by sftp now
mkdir "$W/$a" "$W/$b"
for id in $a $b; do mv "$ROOT/box/$id/in/"* "$W/$id/"; done
groupadd --system $group
mkdir -p "$W/keys" "$W/pub"
for p in "$one $a" "$two $b"; do
	read -r user id <<<"$p"
	useradd --no-create-home --home-dir "$ROOT/box/$id" --shell /usr/sbin/nologin --groups $group "$user" 2>/dev/null
	usermod --password '*' "$user"
	chown root:root "$ROOT/box/$id" && chmod 755 "$ROOT/box/$id"
	mkdir -p "$ROOT/box/$id/in" "$ROOT/box/$id/out"
	chown "$user:root" "$ROOT/box/$id/in" && chmod 2770 "$ROOT/box/$id/in"
	chown "root:$group" "$ROOT/box/$id/out" && chmod 2750 "$ROOT/box/$id/out"
	ssh-keygen -q -t ed25519 -N '' -C TEST -f "$W/keys/$user"
	cp "$W/keys/$user.pub" "$W/pub/$user.pub"
done
ssh-keygen -q -t ed25519 -N '' -C TEST -f "$W/keys/host"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
{
	printf '%s\n' "Port $port" 'ListenAddress 127.0.0.1' "HostKey $W/keys/host" "PidFile $W/sshd.pid" \
	    'UsePAM no' 'LogLevel VERBOSE' 'Subsystem sftp internal-sftp'
	sed "s|shikaku-senders|$group|; s|/etc/shikaku/senders|$W/pub|" jobs/sshd_shikaku.conf
} >"$W/sshd.conf"
mkdir -p /run/sshd
"$(command -v sshd)" -t -f "$W/sshd.conf"
ok 'sshd takes the configuration' $?
"$(command -v sshd)" -D -f "$W/sshd.conf" -E "$W/sshd.log" &
pid=$!
for _ in $(seq 50); do ssh-keyscan -p "$port" 127.0.0.1 >"$W/known" 2>/dev/null && [ -s "$W/known" ] && break; sleep 0.1; done
box() { # ACCOUNT, commands on stdin
	timeout 60 sftp -q -b - -P "$port" -i "$W/keys/$1" -o IdentitiesOnly=yes -o UserKnownHostsFile="$W/known" \
	    -o StrictHostKeyChecking=yes "${@:2}" "$1@127.0.0.1" >"$W/sftp.out" 2>&1
}
intake() { "$B/shikaku-intake" -c "$S" -D $D >"$W/intake.out" 2>"$W/intake.err"; }
seen() { ls "$ROOT/ready" 2>/dev/null | grep -c "^$1_"; }
upload=$(find "$W/$a" -name '*_shikaku_*.zip.p7m' | head -1)
name=${upload##*/}

box $one <<<"put $upload in/$name.part"
ok 'a sender puts a file' $?
intake
[ "$(seen "$a")" = 0 ] && [ -f "$ROOT/box/$a/in/$name.part" ]
ok 'under .part it is not seen' $?
box $one <<<"rename in/$name.part in/$name"
ok 'and renames it' $?
intake
[ "$(seen "$a")" = 1 ] && [ -s "$ROOT/box/$a/out/${name%.zip.p7m}.receipt.yaml" ]
ok 'renamed it is taken, with a receipt' $?
box $one <<<"get out/${name%.zip.p7m}.receipt.yaml $W/receipt.yaml"
grep -q 'result: *"\?accepted' "$W/receipt.yaml" 2>/dev/null || grep -q accepted "$W/receipt.yaml"
ok 'the sender fetches the receipt' $?
grep -q "$(sha256sum "$upload" | cut -c1-64)" "$W/receipt.yaml"
ok 'which has the digest of what was sent' $?

# broken off in the middle, and resumed: a slow line, cut
upload=$(find "$W/$b" -name '*_shikaku_*.zip.p7m' | head -1)
name=${upload##*/}
big=$W/$b/big
cat "$upload" >"$big"
head -c 3000000 /dev/zero >>"$big"
timeout 3 sftp -q -b - -l 2000 -P "$port" -i "$W/keys/$two" -o IdentitiesOnly=yes -o UserKnownHostsFile="$W/known" \
    "$two@127.0.0.1" >/dev/null 2>&1 <<<"put $big in/$name.part"
cut=$(stat -c %s "$ROOT/box/$b/in/$name.part" 2>/dev/null || echo 0)
[ "$cut" -gt 0 ] && [ "$cut" -lt "$(stat -c %s "$big")" ]
ok "a transfer breaks off after $cut bytes" $?
intake
[ "$(seen "$b")" = 0 ]
ok 'nobody takes half a file' $?
# reput appends what is missing; here all of it is there, so the true size comes by a new put
box $two <<<"reput $big in/$name.part"
cmp -s "$big" "$ROOT/box/$b/in/$name.part"
ok 'it is resumed where it broke off' $?
box $two <<<"put $upload in/$name.part
rename in/$name.part in/$name"
intake
[ "$(seen "$b")" = 1 ]
ok 'and the right one is taken' $?

# walls
refused() { # DESCRIPTION ACCOUNT COMMAND
	box "$2" <<<"$3"
	[ $? -ne 0 ]
	ok "$1" $?
}
refused "no sender sees another's box" $one "ls ../$b"
refused 'nor the world outside' $one 'ls /etc'
refused 'nor writes into its own out/' $one "put $upload out/x"
refused 'nor beside its folders' $one "put $upload x"
refused 'nor removes a receipt' $one "rm out/$(ls "$ROOT/box/$a/out" | head -1)"
box $one <<<'ls -1'
[ "$(grep -v '^sftp>' "$W/sftp.out" | sort | tr '\n' ' ')" = 'in out ' ]
ok 'all it sees is in and out' $?
! timeout 20 ssh -q -p "$port" -i "$W/keys/$one" -o IdentitiesOnly=yes -o UserKnownHostsFile="$W/known" "$one@127.0.0.1" id 2>/dev/null | grep -q uid
ok 'there is no shell' $?
! timeout 20 sftp -q -b - -P "$port" -i "$W/keys/$two" -o IdentitiesOnly=yes -o UserKnownHostsFile="$W/known" "$one@127.0.0.1" <<<ls >/dev/null 2>&1
ok "another's key opens nothing" $?
ln -s "$W/site/pki" "$ROOT/box/$a/in/out-of-here" 2>/dev/null
refused 'a link leads nowhere out of the box' $one 'ls in/out-of-here/'
rm -f "$ROOT/box/$a/in/out-of-here"
end
