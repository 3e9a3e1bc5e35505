#!/bin/bash
# A sender that should have sent and has not: late, missed, called; the night
# goes on without it and says so; what comes before the deadline is published in
# the same night by late.yaml. The clock is faketime's.
. "$(dirname "$0")/part.sh"
W=$B/part-arrivals
rm -rf "$W"
mkdir -p "$W/hooks/alarm.d"
if ! command -v faketime >/dev/null; then
	echo 'SKIP: no faketime'
	part_end
	exit
fi
# 2026-11-20 is a Friday, the 23rd a holiday: business days are 20, 24, 25
tests/site.sh "$W/site" 0
S=$W/site/site.yaml
printf 'jobs:\n  folder: "%s"\n  hooks: "%s"\n' "$PWD/jobs" "$W/hooks" >>"$S"
sed -i "s|^masters:|&\n  holidays: \"$PWD/tests/data/calendar/syukujitsu.csv\"\n  arrivals: \"masters/arrivals.csv\"|" "$S"
printf '#!/bin/sh\necho "$*" >>"%s/alarms"\n' "$W" >"$W/hooks/alarm.d/10-note"
chmod +x "$W/hooks/alarm.d/10-note"
"$B/shikaku-sample" -c "$S" --people 1000 --seed 1 -D 2026-11-19 >/dev/null 2>&1
tests/night.sh "$S" 2026-11-19 >/dev/null 2>&1
"$B/shikaku-sample" -c "$S" --changes -D 2026-11-20 >/dev/null 2>&1
# of two insurers' files of the 20th one is kept back
late=$(ls "$W"/site/intermediate/box/*/in/*_shikaku_20261120_* | head -1)
file=$(basename "$late")
who=${file%%_*}
other=$(ls "$W"/site/intermediate/box/*/in/*_shikaku_20261120_* | sed -n 2p)
other=$(basename "$other")
other=${other%%_*}
mv "$late" "$W/"
printf 'Sender,Feed,Calendar,By,CallAfter\r\n%s,shikaku,business days,21:00,3\r\n%s,shikaku,business days,21:00,\r\n' "$who" "$other" >"$W/site/masters/arrivals.csv"
at() { # "JST" PROGRAM ARGS...: status
	: >"$W/alarms"
	ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" TZ=Asia/Tokyo faketime "$1" "$B/shikaku-$2" "${@:3}" >"$W/out" 2>"$W/err"
	status=$?
}
A='arrivals -c '$S
at '2026-11-20 15:00:00' $A -v
[ $status -eq 0 ] && grep -q "^$who shikaku: awaited, by 2026-11-20T21:00, last of 2026-11-19, missed 0" "$W/out" && grep -q "^$other shikaku: came" "$W/out"
so $? "before its time it is awaited; one in its box has come (exit $status): $(head -2 "$W/out" | tr '\n' ';')"
at '2026-11-20 21:10:00' jobs run --now -c "$S" --as table nightly
[ $status -le 5 ] && grep -q '^  arrivals .* 5 ' "$W/out"
so $? "the night goes on without the late one (exit $status): $(grep fatal "$W/err" | head -1)"
[ "$(cat "$W/alarms")" = "alarm sender=$who feed=shikaku day=2026-11-20 missed=1 alarm=morning id=arrival-late" ]
so $? "and tells who is late, once: $(head -2 "$W/alarms")"
grep -q "W9045.*$who shikaku: late" "$W"/site/intermediate/log/2026-11-20.nightly.arrivals.log
ok 'W9045 is in the log of the night' $?
at '2026-11-20 22:30:00' jobs show -c "$S" nightly
grep -q "without / 未着: $who shikaku: late, by 2026-11-20T21:00" "$W/out"
ok 'show says without whom' $?
at '2026-11-20 22:30:00' status -c "$S" -D 2026-11-20
grep -q "^WARNING: $who shikaku: late.*late.yaml still takes it" "$W/out"
so $? "status says what to do: $(head -1 "$W/out")"
at '2026-11-20 22:31:00' $A
[ $status -eq 5 ] && [ ! -s "$W/alarms" ]
ok "a stage is told once (exit $status)" $?
P=$W/site/qualification/out/arrivals.prom
grep -qx "shikaku_arrival_stage{sender=\"$who\",feed=\"shikaku\"} 1" "$P" && grep -qx "shikaku_arrival_stage{sender=\"$other\",feed=\"shikaku\"} 0" "$P"
ok 'the metrics say late of the one and nothing of the other' $?
# ---- late.yaml ----
# a runner's lock on the net nightly
flock "$W/site/intermediate/run/jobs-nightly.lock" -c 'sleep 8' &
pid=$!
sleep 0.3
at '2026-11-20 22:59:00' $A --wait nightly
[ $status -eq 8 ] && grep -q 'F9003.*nightly is at work' "$W/err"
ok "while the night is at work the late net waits: exit 8 ($status)" $?
kill $pid 2>/dev/null
wait $pid 2>/dev/null
generation() { basename "$(find "$W/site/qualification/snapshots" -maxdepth 1 -name 'qualification-*.sqlite' | sort | tail -1)"; }
before=$(generation)
at '2026-11-20 23:00:00' jobs run -c "$S" --tick late
[ $status -le 5 ] && [ "$(generation)" = "$before" ]
ok "nothing came late: no generation is made (exit $status)" $?
mv "$W/$file" "$late"
at '2026-11-21 02:00:00' jobs run -c "$S" --tick late
[ $status -le 5 ] && [ "$(generation)" \> "$before" ]
so $? "what came by 2:00 is published in the same night (exit $status, $before to $(generation)): $(grep fatal "$W/err" | head -1)"
[ -s "$W/site/intermediate/box/$who/out/${file%.zip.p7m}.reflection.csv" ]
ok 'and its sender has the result' $?
at '2026-11-21 02:30:00' status -c "$S" -D 2026-11-20
! grep -q "$who" "$W/out"
so $? "status asks for it no more: $(head -2 "$W/out" | tr '\n' ';')"
"$B/shikaku-jobs" plan -c "$S" -D 2026-11-20 late >"$W/out" 2>&1 && ! grep -q W9038 "$W/out"
ok 'the late net is well inside its hours' $?
# ---- missed, then called ----
at '2026-11-22 12:00:00' $A -v
[ $status -eq 0 ] && [ "$(grep -c 'not due' "$W/out")" = 2 ]
ok "on a Sunday nothing is due (exit $status)" $?
at '2026-11-25 07:00:00' $A
[ $status -eq 5 ] && [ "$(grep -c 'id=arrival-late' "$W/alarms")" = 2 ]
so $? "after the holiday both are late, before the night is over: $(head -2 "$W/alarms" | tr '\n' ';')"
at '2026-11-25 09:00:00' $A
[ $status -eq 5 ] && [ "$(grep -c 'missed=1 alarm=morning id=arrival-missed' "$W/alarms")" = 2 ] && [ "$(grep -c W9046 "$W/err")" = 2 ]
so $? "in the morning they are missed: $(head -2 "$W/alarms" | tr '\n' ';')"
at '2026-11-25 21:30:00' $A
grep -q "sender=$other .*missed=2 alarm=call id=arrival-call" "$W/alarms" && grep -q "sender=$who .*missed=2 alarm=morning id=arrival-missed" "$W/alarms"
so $? "two due days in a row: who is to be called for two is, who for three is not yet: $(tr '\n' ';' <"$W/alarms")"
at '2026-11-26 09:00:00' status -c "$S"
[ $status -eq 2 ] && grep -q "^CRITICAL: $other shikaku: call, .*missed 2" "$W/out"
so $? "and status is critical of it (exit $status)"
# ---- wrong ----
printf 'Sender,Feed,Calendar,By,CallAfter\r\n%s,shikaku,now and then,21:00,\r\n' "$who" >"$W/site/masters/arrivals.csv"
at '2026-11-26 09:00:00' $A
[ $status -eq 33 ] && grep -q 'arrivals.csv:2.*F9006 Calendar.*business days' "$W/err"
so $? "a calendar that is no rule is named with its line (exit $status): $(head -1 "$W/err")"
printf 'Sender,Feed,Calendar,By,CallAfter\r\n%s,shikaku,every day,25:00,\r\n' "$who" >"$W/site/masters/arrivals.csv"
at '2026-11-26 09:00:00' $A
[ $status -eq 33 ] && grep -q 'By' "$W/err"
ok "so is a time that is none (exit $status)" $?
sed -i '/  arrivals:/d' "$S"
at '2026-11-26 09:00:00' $A
[ $status -eq 1 ] && [ ! -s "$W/err" ]
ok "without a table nothing is expected: exit 1 ($status)" $?
part_end
