# Sourced by tests: a responder on a free port, by the clock or by another one.
# serve_start SITE.yaml LOG ['YYYY-MM-DD HH:MM:SS' (Japanese time)]
#	sets $serve_pid and $serve_port; 1 where it does not get ready
# serve_stop
# shellcheck shell=bash
serve_pid='' serve_port=''
serve_start() {
	local run=("$B/shikaku-responder" -c "$1") n=0
	: >"$2"
	if [ $# -ge 3 ]; then
		# by hand, not by the faketime program: that one would take the
		# signals for itself
		local utc lib
		utc=$(date -u -d "$3 +0900" '+%Y-%m-%d %H:%M:%S')
		lib=$(find /usr/lib -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
		[ -n "$lib" ] || { echo 'no libfaketime' >&2; return 1; }
		run=(env TZ=UTC LD_PRELOAD="$lib" FAKETIME="@$utc"
		    FAKETIME_DONT_FAKE_MONOTONIC=1
		    ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
		    "${run[@]}")
	fi
	"${run[@]}" >"$2" 2>&1 &
	serve_pid=$!
	while [ $n -lt 100 ]; do
		serve_port=$(sed -n 's/.*ready.* port=\([0-9]*\).*/\1/p' "$2" | head -n 1)
		[ -z "$serve_port" ] || return 0
		kill -0 "$serve_pid" 2>/dev/null || break
		sleep 0.1
		n=$((n + 1))
	done
	cat "$2" >&2
	serve_stop
	return 1
}
serve_stop() {
	[ -z "$serve_pid" ] && return 0
	kill "$serve_pid" 2>/dev/null
	wait "$serve_pid" 2>/dev/null
	serve_pid=''
}
