#!/bin/bash
# Two responder hosts behind a real HAProxy: the second one gets its generations
# by jobs/replicate.sh (rsync). One is behind and is drained, one is killed: no
# question fails, and no answer is of the old generation once the new one is
# answered from by the host that is in turn.
. "$(dirname "$0")/part.sh"
T="$B/part-replica"
for tool in haproxy rsync curl; do
	if ! command -v $tool >/dev/null && [ ! -x /usr/sbin/$tool ]; then
		echo "SKIP: no $tool here"
		echo 'replica: 0 passed, 0 failed'
		exit 0
	fi
done
PATH=$PATH:/usr/sbin
. tests/serve.sh
rm -rf "$T"
mkdir -p "$T"
A="$T/a" C="$T/b"
tests/site.sh "$A"
printf 'service:\n  open: "00:00"\n  close: "24:00"\n' >>"$A/site.yaml"
sed -i 's/^  port: .*/  port: 0/' "$A/site.yaml"
D1=2026-08-01 D2=2026-08-02
"$B/shikaku-sample" -c "$A/site.yaml" --people 1000 --seed 3 -D $D1 >/dev/null 2>&1
tests/night.sh "$A/site.yaml" $D1 >"$A/night" 2>&1
so $? "the first night: $(tail -n 1 "$A/night")"
# the second host has the keys and the tables, and nothing else
mkdir -p "$C/qualification/journal"
cp -R "$A/pki" "$A/masters" "$A/site.yaml" "$C/"
replicate() { jobs/replicate.sh "$A/qualification" "$C/qualification" >>"$T/copy" 2>&1; }
replicate
is 'a generation comes over' "0 $(readlink "$A/qualification/snapshots/current")" \
    "$? $(readlink "$C/qualification/snapshots/current")"
"$B/shikaku-verify" -c "$C/site.yaml" -D $D1 --snapshots >"$T/verify" 2>&1
is 'and is proved there' 0 $?

pids=
finish() {
	for p in $pids; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
}
trap finish EXIT
serve_start "$A/site.yaml" "$A/log" '2026-08-02 10:00:00' || exit 1
port_a=$serve_port pid_a=$serve_pid
serve_start "$C/site.yaml" "$C/log" '2026-08-02 10:00:00' || exit 1
port_b=$serve_port pid_b=$serve_pid
pids="$pid_a $pid_b"
client=$(find "$A/pki/institutions" -name '*.pem' | sort | head -n 1)
port=$((20000 + $$ % 20000))
cat "$client" "${client%.pem}.key" >"$T/probe.pem"
sed -e "s|@PORT@|127.0.0.1:$port|; s|@A@|127.0.0.1:$port_a|; s|@B@|127.0.0.1:$port_b|" \
    -e "s|@PROBE@|$T/probe.pem|; s|@CA@|$A/pki/site-ca.pem|" \
    -e '/^\(global\|defaults\)$/,/^$/s|/run/haproxy/admin.sock|'"$T/h.sock|" \
    jobs/haproxy.cfg >"$T/haproxy.cfg"
haproxy -q -c -f "$T/haproxy.cfg" >"$T/haproxy.check" 2>&1
is 'the example configuration is one' 0 $?
haproxy -db -f "$T/haproxy.cfg" >"$T/haproxy.log" 2>&1 &
pids="$pids $!"
ready() { # PORT: status of readyz, asked by an institution
	curl -s -o "$T/readyz" -w '%{http_code}' --max-time 5 --cacert "$A/pki/site-ca.pem" \
	    --cert "$client" --key "${client%.pem}.key" \
	    --connect-to "::127.0.0.1:$1" "https://localhost/readyz"
}
serial() { sed -n 's/.*"serial":\([0-9]*\).*/\1/p' "$T/readyz"; }
until_is() { # WANT COMMAND...: within 15 s
	want=$1 i=0
	shift
	while [ "$("$@")" != "$want" ] && [ $i -lt 75 ]; do
		sleep 0.2
		i=$((i + 1))
	done
	"$@"
}
is 'both are ready' '200 200' "$(ready "$port_a") $(ready "$port_b")"
is 'and the one in front' 200 "$(until_is 200 ready "$port")"
asked=0 bad=0 again=0 serials=
ask() { # N questions through HAProxy, each on a connection of its own
	local n=0
	while [ $n -lt "$1" ]; do
		n=$((n + 1)) asked=$((asked + 1))
		# a terminal asks once more where the connection breaks: what was
		# under way on a host that dies is nobody's to save in TCP mode
		if [ "$(ready "$port")" != 200 ]; then
			again=$((again + 1))
			[ "$(ready "$port")" = 200 ] || bad=$((bad + 1))
		fi
		serials="$serials $(serial)"
	done
}
up() { # servers in turn
	printf 'show stat\n' | socat - "UNIX-CONNECT:$T/h.sock" 2>/dev/null |
	    awk -F, '$1 == "responders" && $2 != "BACKEND" && $18 ~ /^UP/ { n++ } END { print n + 0 }'
}
ask 10
is 'every question is answered' '10 0' "$asked $bad"

# a new generation at the first host; the second one knows of it, and has not
# got it yet
"$B/shikaku-sample" -c "$A/site.yaml" --changes -D $D2 >/dev/null 2>&1
old=$(serial)
tests/night.sh "$A/site.yaml" $D2 >"$A/night" 2>&1
so $? "the next night: $(tail -n 1 "$A/night")"
ln -sfn "$(readlink "$A/qualification/snapshots/current")" "$C/qualification/snapshots/awaited"
is 'the one behind says so' 503 "$(until_is 503 ready "$port_b")"
is 'by name' 1 "$(grep -c '"behind":true' "$T/readyz")"
is 'the other one is ready' 200 "$(until_is 200 ready "$port_a")"
if command -v socat >/dev/null; then
	is 'the one behind is out of turn' 1 "$(until_is 1 up)"
else
	sleep 3
fi
serials=
ask 20
is 'no question fails or is asked twice, none is answered from the old generation' "30 0 0 0" \
    "$asked $bad $again $(echo "$serials" | tr ' ' '\n' | grep -cx "$old")"
replicate
is 'it comes over' "$(readlink "$A/qualification/snapshots/current")" "$(readlink "$C/qualification/snapshots/current")"
is 'the second one is back in turn' 200 "$(until_is 200 ready "$port_b")"
sleep 2

# the first host dies
kill -9 "$pid_a"
wait "$pid_a" 2>/dev/null
ask 20
is 'one is killed: no question fails' '50 0' "$asked $bad"
is 'and at most what was under way is asked again' 1 $((again <= 1))

# a copy that was cut or changed on the way is not switched to
cp -R "$A/qualification" "$T/changed"
new="$T/changed/snapshots"
printf 'x' | dd of="$(find "$new" -name 'qualification-*.sqlite' | sort | tail -n 1)" bs=1 seek=20000 conv=notrunc 2>/dev/null
mkdir -p "$T/c/snapshots"
jobs/replicate.sh "$T/changed" "$T/c" >>"$T/copy" 2>&1
is 'bytes changed on the way: not in force there' '36 ' "$? $(readlink "$T/c/snapshots/current")"

part_end
