#!/bin/bash
# The job net against what there is: programs, order, exit codes, pages.
. "$(dirname "$0")/part.sh"
exits=$(sed -n 's/.*EXIT_[A-Z_]* = \([0-9]*\).*/\1/p' formats/exit.h | sort -n)
is_exit() { grep -qx "$1" <<<"$exits"; }

for net in jobs/*.yaml; do
	jobs=$(sed -n 's/^  - name: *//p' "$net")
	[ -n "$jobs" ]
	ok "$net names jobs" $?
	[ -z "$(sort <<<"$jobs" | uniq -d)" ]
	ok "$net names no job twice" $?
	# every job has every key
	for key in program args after window deadline retries every_minutes \
	    expected_minutes reason by_hand; do
		[ "$(grep -c "^    $key:" "$net")" -eq "$(wc -l <<<"$jobs")" ]
		ok "$net: every job says $key" $?
	done
	while read -r p; do
		[ -x "$B/$p" ]
		ok "$net: $p exists" $?
	done < <(sed -n 's/^    program: *//p' "$net" | sort -u)
	# an upstream stands before: so there is no circle
	awk '/^  - name:/ { n = $3 } /^    after:/ { gsub(/"/, "")
	    for (i = 2; i <= NF; i++) if (!($i in seen)) { print n " after " $i; bad = 1 }
	    seen[n] = 1 } END { exit bad }' "$net"
	ok "$net: upstreams stand before" $?
	for list in go_on retry stop; do
		for c in $(sed -n "s/^$list: *\"\(.*\)\"/\1/p" "$net"); do
			is_exit "$c"
			ok "$net: $list $c is an exit status" $?
		done
	done
	[ "$(sed -n 's/^\(go_on\|retry\|stop\): *"\(.*\)"/\2/p' "$net" |
	    tr ' ' '\n' | sort -n)" = "$exits" ]
	ok "$net: every exit status has its answer" $?
done

for page in batch/*.8 online/*.8 tests/sample/*.8; do
	[ -f "$page" ] || continue
	listed=$(awk '/^\.Sh/ { on = /EXIT STATUS/; next } on' "$page" | grep -oE '\b[0-9]{1,2}\b' | sort -nu)
	[ -n "$listed" ]
	ok "$page lists exit statuses" $?
	for c in $listed; do
		# monitors (Nagios and its kin) want 0 to 3 of the one word
		[ "$page" = batch/status.8 ] && [ "$c" -lt 4 ] && continue
		is_exit "$c"
		ok "$page: exit status $c is in formats/exit.h" $?
	done
	for c in $(grep -oE '\b[FEWN][0-9]{4}\b' "$page" | sort -u); do
		grep -q "\"$c\"" formats/codec/diag.def
		ok "$page: $c is in the catalogue" $?
	done
	for s in NAME SYNOPSIS DESCRIPTION FILES EXAMPLES DIAGNOSTICS; do
		grep -q "^\.Sh $s" "$page"
		ok "$page has $s" $?
	done
	mandoc -Tlint -Wwarning "$page" >/dev/null
	ok "$page is clean mdoc" $?
	name=$(basename "$page" .8)
	"$B/shikaku-$name" -h >/dev/null 2>&1
	ok "shikaku-$name -h ends 0" $?
	"$B/shikaku-$name" -c /nonexistent/site.yaml >/dev/null 2>&1
	s=$?
	if [ "$name" = status ]; then
		[ $s -eq 3 ] # UNKNOWN
	else
		[ $s -ge 32 ] && is_exit $s
	fi
	ok "shikaku-$name refuses a missing configuration ($s)" $?
done
part_end
