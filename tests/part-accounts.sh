#!/bin/bash
# jobs/accounts.tsv held to be true: on an overlay of this machine the accounts
# and folders are made as the packages make them, a night runs as shikaku, the
# responder as shikaku-responder, and each account tries to read and write each
# row, and each file the night has made.
. "$(dirname "$0")/part.sh"
W=$B/part-accounts # inside: /opt/part-accounts
end() {
	part_end
	exit
}
D=2026-11-20
roles='shikaku shikaku-responder shikaku-audit shikaku-stats sender other'
as() { # ROLE COMMAND...
	a=$1
	shift
	case $a in sender) a=$sender ;; other) a=nobody ;; esac
	setpriv --reuid "$a" --regid "$(id -g "$a")" --init-groups -- "$@"
}
# what ROLE can do with PATHs on stdin: "r" and "w" lines
can() {
	as "$1" sh -c 'while read -r p; do
		if [ -d "$p" ]; then
			ls "$p" >/dev/null 2>&1 && echo "$p r"
			(: >"$p/.try") 2>/dev/null && rm "$p/.try" && echo "$p w"
		else
			head -c 1 "$p" >/dev/null 2>&1 && echo "$p r"
			[ -w "$p" ] && echo "$p w"
		fi
	done'
}
inside() {
	mkdir -p "$W"
	mount -t proc proc /proc
	cd "$1" || exit 64
	sender=s06160014
	# ---- as the packages do ----
	cp jobs/deb/sysusers.conf /usr/lib/sysusers.d/shikaku.conf
	awk -F'\t' -f jobs/deb/tmpfiles.awk jobs/accounts.tsv >/usr/lib/tmpfiles.d/shikaku.conf
	systemd-sysusers shikaku.conf 2>"$W/err" && systemd-tmpfiles --create shikaku.conf 2>>"$W/err"
	so $? "accounts and folders are made: $(grep shikaku "$W/err" | head -1)"
	cp jobs/deb/site.yaml jobs/deb/responder.yaml /etc/shikaku/
	# ---- a small country, its keys where the configuration looks for them ----
	tests/site.sh /srv/country 0
	sed -i 's|root: "|&/srv/country/|' /srv/country/site.yaml
	"$B/shikaku-sample" -c /srv/country/site.yaml --people 1000 --seed 1 -D $D >/dev/null 2>&1
	status=$?
	ok 'a small country' $status
	[ $status -eq 0 ] || return
	C=/srv/country
	cp $C/masters/*.csv /etc/shikaku/masters/
	cp $C/pki/*.pem $C/pki/*.crl /etc/shikaku/pki/
	for k in open.key deliver.key publish.key pseudonym.hex pairing.hex; do
		install -o shikaku -g shikaku -m 600 "$C/pki/$k" /etc/shikaku/keys/
	done
	for k in server.key usage.hex; do
		install -o shikaku-responder -g shikaku-responder -m 600 "$C/pki/$k" /etc/shikaku/responder/
	done
	sed -i '/card_ca/a\  card_policy: "2.999.1.3.30"' /etc/shikaku/site.yaml /etc/shikaku/responder.yaml
	sed -i 's/port: 8443/port: 0\n  workers: 1/' /etc/shikaku/responder.yaml
	chown root:shikaku /etc/shikaku/masters/*.csv
	chmod 640 /etc/shikaku/masters/*.csv
	# ---- boxes as sshd_shikaku.conf says; the sender in question has an account ----
	useradd --no-create-home --home-dir /var/lib/shikaku/boxes/06160014 --shell /usr/sbin/nologin \
	    --groups shikaku-senders $sender
	# all senders have a box: nobody but root makes one in a folder of root's
	for id in $(tail -n +2 $C/masters/senders.csv | cut -d, -f1 | tr -d '"'); do
		box=$C/intermediate/box/$id owner=shikaku
		[ "$id" = 06160014 ] && owner=$sender
		install -d -m 755 "/var/lib/shikaku/boxes/$id"
		install -d -o $owner -g shikaku -m 2770 "/var/lib/shikaku/boxes/$id/in"
		install -d -o shikaku -g shikaku-senders -m 2750 "/var/lib/shikaku/boxes/$id/out"
		for f in "$box"/in/*; do
			[ ! -e "$f" ] || install -o $owner -g shikaku -m 660 "$f" "/var/lib/shikaku/boxes/$id/in/"
		done
	done
	for box in $C/qualification/box/*; do
		install -d -o shikaku -g shikaku "/var/lib/shikaku/qualification/box/${box##*/}" "/var/lib/shikaku/qualification/box/${box##*/}/in"
		for f in "$box"/in/*; do
			[ ! -e "$f" ] || install -o shikaku -g shikaku -m 640 "$f" "/var/lib/shikaku/qualification/box/${box##*/}/in/"
		done
	done
	S=/etc/shikaku/site.yaml
	as shikaku "$B/shikaku-check" --config $S >"$W/config" 2>&1
	# the keys of the responder are not for the night to read
	[ "$(sed -n 's/.*fatal F[0-9]* \([a-z_.]*\):.*/\1/p' "$W/config" | tr '\n' ' ')" = 'keys.usage responder.key ' ]
	so $? "of the packaged configuration only the responder's keys are not the night's: $(head -1 "$W/config")"
	as shikaku timeout 60 "$B/shikaku-jobs" run --now -c $S -D $D jobs/nightly.yaml >"$W/night" 2>&1
	status=$?
	[ $status -le 5 ]
	so $? "a night as shikaku (exit $status): $(grep -h 'fatal\|error' "$W/night" | head -2)"
	[ $status -le 5 ] || { tail -n 3 /var/lib/shikaku/*/log/*; return; }
	# ---- a sender of the table whose box nobody made ----
	none=$(ls /var/lib/shikaku/boxes | grep -v 06160014 | head -1)
	mv "/var/lib/shikaku/boxes/$none" /root/
	as shikaku "$B/shikaku-intake" -c $S -D $D >"$W/out" 2>"$W/err"
	status=$?
	[ $status -le 1 ] && [ "$(grep -c "boxes/$none/in\|box/$none/in: warning W9042" "$W/err")" = 1 ]
	so $? "a box that is missing is named, and the others are taken (exit $status): $(head -1 "$W/err")"
	mv "/root/$none" /var/lib/shikaku/boxes/
	# ---- the responder ----
	as shikaku-responder "$B/shikaku-responder" -c /etc/shikaku/responder.yaml >"$W/responder" 2>&1 &
	pid=$!
	for _ in $(seq 100); do
		grep -q ' ready ' "$W/responder" && break
		sleep 0.1
	done
	grep -q ' ready ' "$W/responder"
	so $? "the responder is ready with the snapshots of the night: $(tail -1 "$W/responder")"
	port=$(sed -n 's/.* ready .*port=\([0-9]*\).*/\1/p' "$W/responder")
	who=$(ls $C/pki/institutions/*.pem | head -1)
	curl -s --max-time 10 --cacert $C/pki/site-ca.pem --cert "$who" --key "${who%.pem}.key" \
	    --resolve "localhost:${port:-1}:127.0.0.1" -H 'Content-Type: application/json' -d '{}' \
	    "https://localhost:${port:-1}/oqs-api/search" >"$W/answer" 2>&1
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	ls /var/lib/shikaku/qualification/journal/usage-*.log >/dev/null 2>&1
	so $? "and writes its journal: $(head -c 200 "$W/answer")"
	as shikaku-audit "$B/shikaku-verify" -V >/dev/null
	# ---- the table, row by row ----
	grep -v '^#\|->' jobs/accounts.tsv >"$W/rows"
	for role in $roles; do
		cut -f1 "$W/rows" | can "$role" | sort >"$W/can"
		awk -F'\t' -v role="$role" '
			function has(list, i, n, v) { n = split(list, v, " "); for (i = 1; i <= n; i++) if (v[i] == role) return 1; return 0 }
			{ if (has($5)) print $1 " r"; if (has($6)) print $1 " w" }' "$W/rows" | sort >"$W/may"
		diff "$W/may" "$W/can" >"$W/diff"
		so $? "$role may and can the same: $(grep '^[<>]' "$W/diff" | head -3 | tr '\n' ';')"
	done
	# ---- and every file below has the readers of the row above it ----
	find /var/lib/shikaku /etc/shikaku -type f ! -path '*/boxes/*' | sort >"$W/files"
	[ "$(wc -l <"$W/files")" -gt 40 ]
	so $? "the night has made files ($(wc -l <"$W/files"))"
	for role in shikaku-responder shikaku-audit shikaku-stats sender other; do
		can "$role" <"$W/files" | sort >"$W/can"
		awk -F'\t' -v role="$role" '
			function has(list, i, n, v) { n = split(list, v, " "); for (i = 1; i <= n; i++) if (v[i] == role) return 1; return 0 }
			FILENAME ~ /rows$/ { readers[$1] = $5; writers[$1] = $6; next }
			{ p = $1
			  while (p != "" && !(p in readers)) sub(/\/[^\/]*$/, "", p)
			  if (has(readers[p])) print $1 " r"
			  if (has(writers[p])) print $1 " w" }' "$W/rows" "$W/files" | sort >"$W/may"
		diff "$W/may" "$W/can" >"$W/diff"
		so $? "$role with each file: $(grep '^[<>]' "$W/diff" | head -3 | tr '\n' ';')"
	done
	# ---- the sender: its own receipts, nothing of another ----
	box=/var/lib/shikaku/boxes/06160014
	as sender sh -c "ls $box/out/*.receipt.yaml && cat $box/out/*.receipt.yaml" >"$W/out" 2>&1
	so $? "a sender reads its receipts: $(tail -1 "$W/out")"
	as sender sh -c ": >$box/in/x.part" && ! as sender sh -c ": >$box/out/x" 2>/dev/null
	ok 'writes into in/ and not into out/' $?
	other=$(ls /var/lib/shikaku/boxes | grep -v 06160014 | head -1)
	! as sender ls "/var/lib/shikaku/boxes/$other/in" >/dev/null 2>&1
	ok 'and does not see what another sends' $?
	! as shikaku sh -c ': >/etc/shikaku/site.yaml' 2>/dev/null && ! as shikaku-responder sh -c ': >/etc/shikaku/responder.yaml' 2>/dev/null
	ok 'no account changes its own configuration' $?
}
if [ "${1:-}" = --inside ]; then
	inside "$2"
	cat "$W/night" "$W/config"
	echo "counts $passed $failed"
	exit
fi
rm -rf "$W"
mkdir -p "$W/m"
if ! unshare -m sh -c "mount -t tmpfs tmpfs $W/m && mkdir $W/m/u $W/m/w $W/m/r && mount -t overlay overlay -o lowerdir=/,upperdir=$W/m/u,workdir=$W/m/w $W/m/r" 2>/dev/null; then
	echo 'SKIP: no overlay here (not root): accounts cannot be made'
	end
fi
command -v systemd-sysusers >/dev/null || { echo 'SKIP: no systemd-sysusers'; end; }
# programs in a place every account can reach
unshare -m -p -f --kill-child sh -c "mount -t tmpfs tmpfs $W/m && mkdir $W/m/u $W/m/w $W/m/r $W/m/bin &&
    mount -t overlay overlay -o lowerdir=/,upperdir=$W/m/u,workdir=$W/m/w $W/m/r &&
    mkdir -p $W/m/r/opt/tree && cp $B/shikaku-* $W/m/r/opt/ && cp -R jobs tests $W/m/r/opt/tree/ && chmod -R a+rX $W/m/r/opt &&
    mount --rbind /dev $W/m/r/dev &&
    B=/opt exec chroot $W/m/r /opt/tree/tests/part-accounts.sh --inside /opt/tree" >"$W/inside" 2>&1
grep '^FAILED' "$W/inside"
read -r p f <<<"$(sed -n 's/^counts //p' "$W/inside")"
[ -n "${p:-}" ] || { cat "$W/inside"; p=0 f=1; }
passed=$((passed + p)) failed=$((failed + f))
end
