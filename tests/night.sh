#!/bin/bash
# tests/night.sh SITE.yaml DAY [STEP...]: runs the night (jobs/nightly.yaml) of
# one business day, one line a step; ends at the first step that asks for a
# person (exit status 8 and above), with its log.
set -u
: "${B:=$(dirname "$0")/../build/release}"
[ $# -ge 2 ] || { echo "usage: $0 SITE.yaml YYYY-MM-DD [STEP...]" >&2; exit 32; }
site=$1 day=$2
shift 2
[ $# -gt 0 ] || set -- intake ingest codes codes-request codes-notice deliver intake ingest revoke rebuild deliver
what() {
	case $1 in
	intake) echo '受付: seals, sequence numbers, archives' ;;
	ingest) echo '検査: every field and rule' ;;
	codes) echo '機関別符号: to pseudonyms' ;;
	codes-request) echo '機関別符号: asked for' ;;
	codes-notice) echo 'お知らせ: whom to tell' ;;
	deliver) echo '連携: across the two sides' ;;
	revoke) echo '失効: revocation lists' ;;
	rebuild) echo '更新: generation g+1' ;;
	collect) echo '利用実績: the day'"'"'s usage' ;;
	bill) echo '月次: summary and burden of the month' ;;
	report) echo '統計: the day'"'"'s figures' ;;
	esac
}
field() { sed -n "s/.* $1=\([0-9.]*\).*/\1/p" <<<"$out"; }
worst=0
printf '  %-13s %10s %9s %9s %6s %8s %5s\n' step read accepted refused files seconds exit
for step; do
	log=$(dirname "$site")/$step.log
	word=() # of the program: codes-request is shikaku-codes request
	[ "$step" = "${step#*-}" ] || word=("${step#*-}")
	out=$("$B/shikaku-${step%%-*}" "${word[@]}" -c "$site" -D "$day" 2>>"$log" | tail -n 1)
	status=$(field exit)
	status=${status:-64}
	printf '  %-13s %10s %9s %9s %6s %8s %5s  %s\n' "$step" "$(field read)" \
	    "$(field accepted)" "$(field refused)" "$(field files)" \
	    "$(field seconds)" "$status" "$(what "$step")"
	# 1: nothing to do, as most nights have for one of them
	[ "$status" -le 1 ] || [ "$status" -le "$worst" ] || worst=$status
	if [ "$status" -ge 8 ]; then
		tail -n 20 "$log"
		exit "$status"
	fi
done
exit "$worst"
