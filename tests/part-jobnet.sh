#!/bin/bash
# shikaku-jobs and shikaku-calendar as the operator's scheduler uses them:
# order, tries, windows, resuming after kill -9, and what the exporters write
# read by the tools it is for. Programs of the nets here are small scripts.
. "$(dirname "$0")/part.sh"
W=$B/part-jobnet
rm -rf "$W"
mkdir -p "$W/bin" "$W/root" "$W/hooks/alarm.d"
skip() { echo "SKIP: $1"; }
tests/site.sh "$W/site" 0 >/dev/null
cat >>"$W/site/site.yaml" <<END
jobs:
  folder: "$PWD/jobs"
  hooks: "$W/hooks"
END
sed -i "s|^masters:|&\n  holidays: \"$PWD/tests/data/calendar/syukujitsu.csv\"|" "$W/site/site.yaml"
S=$W/site/site.yaml D=2026-11-22
cp "$B/shikaku-jobs" "$W/bin/"
J=$W/bin/shikaku-jobs

# a program of the tests: notes that it ran, then does as $W/do/NAME says
cat >"$W/bin/program" <<'END'
#!/bin/bash
me=$(basename "$0")
me=${me#shikaku-}
W=$(dirname "$0")/..
echo "$me begins $SHIKAKU_STEP $*" >>"$W/trace"
s=0
[ -f "$W/do/$me" ] && . "$W/do/$me"
echo "$me says something" >&2
echo "$me ends" >>"$W/trace"
echo "shikaku-$me: day=x read=7 accepted=6 refused=1 files=2 exit=$s"
exit $s
END
chmod +x "$W/bin/program"
for p in a b c d; do ln -s program "$W/bin/shikaku-$p"; done
mkdir "$W/do"
cat >"$W/hooks/alarm.d/10-note" <<END
#!/bin/bash
echo "\$*" >>"$W/alarms"
END
chmod +x "$W/hooks/alarm.d/10-note"

job() { # NAME AFTER [MORE LINES]
	cat <<END
  - name: $1
    program: shikaku-$1
    args: "-c \$SITE -D \$DAY"
    after: "$2"
    window: "21:05-07:00"
    deadline: "06:30"
    retries: 2
    every_minutes: 0
    expected_minutes: 1
    alarm: call
    reason: "r"
    reason_ja: "理由"
    by_hand: "look"
    by_hand_ja: "確認"
END
	[ $# -lt 3 ] || printf '    %s\n' "${@:3}"
}
net() { # NAME, jobs on stdin
	cat <<END
net: $1
title: "t"
title_ja: "題"
calendar: every day
starts: "21:00"
at_once: 2
go_on: "0 1 4 5"
retry: "8 10 11 12 13"
stop: "9 32 33 34 35 36 64"
jobs:
END
	cat
}
{ job a ''; job b a; job c a; job d 'b c'; } | net four >"$W/four.yaml"
run() { # ARGS...: out, status
	rm -f "$W/trace" "$W/alarms"
	out=$("$J" run -c "$S" -D $D "$@" 2>"$W/err")
	status=$?
}
forget() { rm -f "$W/do"/*; find "$W/site" -name 'ledger.sqlite*' -delete; }
trace() { sed 's/ \(begins\|ends\).*/ \1/' "$W/trace" | tr '\n' ' '; }

# ---- order ----
"$J" check "$W/four.yaml" >/dev/null
ok 'a net that is well passes the check' $?
run --now --as json "$W/four.yaml"
ok "all run (exit $status)" "$status"
[ "$(wc -l <"$W/trace")" = 8 ]
ok 'each ran once' $?
grep -q "^a begins four/a -c $S -D $D\$" "$W/trace"
ok 'a program gets site and day, and knows its step' $?
order=$(trace)
[[ $order == 'a begins a ends '* && $order == *' d begins d ends ' ]]
ok "what is waited for runs before ($order)" $?
python3 - "$W/four.yaml" <<END
import json
events = [json.loads(l) for l in '''$out'''.splitlines() if l.startswith('{')]
kinds = [(e["event"], e.get("job")) for e in events]
assert kinds[0] == ("night_begins", None) and kinds[-1] == ("night_ends", None), kinds
assert kinds.count(("job_ends", "d")) == 1
end = [e for e in events if e["event"] == "job_ends" and e["job"] == "d"][0]
assert (end["read"], end["accepted"], end["refused"], end["files"], end["exit"]) == (7, 6, 1, 2, 0), end
# what a collector is told to expect, in the page
page = open("batch/jobs.8", encoding="utf-8").read()
page = page[page.index(".Sh EVENTS"):page.index(".Sh JOB NETS")]
import re
told = set(re.findall(r"^\\.It Cm (\S+)", page, re.M))
assert {e["event"] for e in events} <= told, told
assert told == set(re.findall(r'"((?:night|job)_[a-z]+)"', open("batch/net_tell.c").read())), told
keys = {w for l in re.findall(r"^\\.Cm (.+)", page, re.M) for w in re.findall(r"[a-z_]+", l)} - told
assert {k for e in events for k in e} == keys, {k for e in events for k in e} ^ keys
END
ok 'every event is a JSON line with the counts' $?
echo 'sleep 1' >"$W/do/b"
cp "$W/do/b" "$W/do/c"
run --now "$W/four.yaml"
[[ $(trace) =~ (b\ begins\ c\ begins|c\ begins\ b\ begins) ]]
ok 'two run beside each other' $?
sed -i 's/at_once: 2/at_once: 1/' "$W/four.yaml"
run --now "$W/four.yaml"
! [[ $(trace) =~ (b\ begins\ c\ begins|c\ begins\ b\ begins) ]]
ok 'at_once: 1 runs one after the other' $?
sed -i 's/at_once: 1/at_once: 2/' "$W/four.yaml"
grep -q 'a says something' "$W"/site/*/log/$D.four.a.log
ok 'what a program says is in its log' $?

# ---- resuming ----
forget
run --now --resume "$W/four.yaml"
run --now --resume "$W/four.yaml"
[ $status -eq 1 ] && [ ! -f "$W/trace" ]
ok "what is done stays done: exit 1 ($status)" $?
run --now --only b "$W/four.yaml"
[ "$(trace)" = 'b begins b ends ' ]
ok '--only runs only that' $?
run --now --resume "$W/four.yaml"
[ "$(trace)" = 'd begins d ends ' ]
ok 'what comes after a job that ran again is due again' $?
run --now --from c "$W/four.yaml"
[ "$(trace)" = 'c begins c ends d begins d ends ' ]
ok '--from runs it and what comes after' $?

# ---- tries ----
forget
echo 'n=$(grep -c "b begins" $W/trace); [ $n -ge 3 ] || s=11' >"$W/do/b"
run --now "$W/four.yaml"
[ $status -eq 0 ] && [ "$(grep -c 'b begins' "$W/trace")" = 3 ]
ok "11 is tried again, and then it is well (exit $status)" $?
[ "$(grep -c W9034 "$W/err")" = 2 ] && [ ! -f "$W/alarms" ]
ok 'two warnings, no alarm' $?
echo 's=11' >"$W/do/b"
run --now "$W/four.yaml"
[ $status -eq 11 ] && [ "$(grep -c 'b begins' "$W/trace")" = 3 ] && ! grep -q 'd begins' "$W/trace"
ok "no more tries: what comes after is not started (exit $status)" $?
grep -q 'F9033.*look / 確認' "$W/err" && grep -q 'b says something' "$W/err"
ok 'the diagnostic says what to do by hand; the end of the log stands before it' $?
grep -qx "alarm net=four job=b day=$D exit=11 alarm=call id=four-b" "$W/alarms"
ok 'the alarm is called with the name of its runbook page' $?
echo 's=35' >"$W/do/b"
run --now "$W/four.yaml"
[ $status -eq 35 ] && [ "$(grep -c 'b begins' "$W/trace")" = 1 ] && grep -q 'c ends' "$W/trace"
ok "35 is not tried again; what does not wait for it runs (exit $status)" $?
echo 's=9' >"$W/do/b"
run --now "$W/four.yaml"
[ $status -eq 9 ] && [ "$(grep -c 'b begins' "$W/trace")" = 1 ] && [ -z "$(grep -L '^stop: "9 ' jobs/*.yaml)" ]
ok "a wrong day (F9012, exit 9) stays wrong: it is not tried again, in none of our nets" $?
echo 'n=$(grep -c "b begins" $W/trace); [ $n -ge 2 ] && s=8 || { s=11; echo "shikaku-b: x: fatal F9001: of the first try" >&2; }' >"$W/do/b"
sed 's/retries: 2/retries: 1/' "$W/four.yaml" >"$W/twice.yaml"
run --now "$W/twice.yaml"
"$J" show -c "$S" -D $D "$W/twice.yaml" >"$W/show"
[ $status -eq 11 ] || [ $status -eq 8 ] && grep -q 'of the first try' "$W"/site/*/log/$D.four.b.log && ! grep -q 'of the first try' "$W/show"
ok 'show says why the last try failed, not an earlier one whose words are in the same log' $?
[[ $out == *'shikaku-jobs: day='"$D"' jobs=4 done=2 failed=1 left=1 skipped=0 tried_again=1 seconds='* && $out != *' read='*' exit=8' ]]
so $? "the runner's summary counts jobs, not records it never read: ${out##*$'\n'}"
echo 's=4' >"$W/do/b"
run --now "$W/four.yaml"
[ $status -eq 4 ] && grep -q 'd ends' "$W/trace"
ok "4 goes on and is the net's (exit $status)" $?
"$J" show -c "$S" -D $D "$W/four.yaml" >"$W/show"
[ "$(grep -c '^  [abcd] ' "$W/show")" = 4 ] && grep -q '^  b .* 4 ' "$W/show"
ok 'show tells the story of the night' $?
{ job a ''; job b a; job d 'b' 'always: yes'; } | net always >"$W/always.yaml"
echo 's=36' >"$W/do/b"
run --now "$W/always.yaml"
[ $status -eq 36 ] && grep -q 'd ends' "$W/trace"
ok "always: runs although what is before it failed (exit $status)" $?

# ---- the clock ----
forget
at() { # JST "YYYY-MM-DD HH:MM:SS" ARGS...
	rm -f "$W/trace" "$W/alarms"
	out=$(ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" TZ=Asia/Tokyo faketime "$1" "$J" run -c "$S" "${@:2}" 2>"$W/err")
	status=$?
}
if command -v faketime >/dev/null; then
	at '2026-11-22 23:00:00' "$W/four.yaml"
	[ $status -eq 0 ] && grep -q 'D 2026-11-22' "$W/trace"
	ok "inside the window it runs for the day that began (exit $status)" $?
	at '2026-11-23 03:00:00' --tick --resume "$W/four.yaml"
	[ $status -eq 1 ] && [ ! -f "$W/trace" ] && [ -z "$out" ]
	ok "03:00 is still the same night: nothing left (exit $status)" $?
	forget
	at '2026-11-23 07:30:00' "$W/four.yaml"
	[ $status -eq 9 ] && [ ! -f "$W/trace" ] && grep -q F9036 "$W/err"
	ok "after the window nothing starts: exit 9 ($status)" $?
	at '2026-11-22 12:00:00' --tick "$W/four.yaml"
	[ $status -eq 1 ] && [ -z "$out" ] && [ ! -s "$W/err" ]
	ok "a knock by day is silent (exit $status)" $?
	{ job a '' 'limit_minutes: 1'; } | net limit >"$W/limit.yaml"
	echo 'trap "s=12; exit 12" TERM; for i in $(seq 600); do sleep 0.1; done' >"$W/do/a"
	# the window ends two seconds after the start
	at '2026-11-23 06:59:58' "$W/limit.yaml"
	[ $status -eq 13 ] && grep -q F9036 "$W/err"
	ok "at the window's end it is asked to stop: exit 13 ($status)" $?
	# a clock sixty times as fast: the limit of a minute is a second
	rm -f "$W/do/a"
	echo 'trap "exit 12" TERM; while :; do read -rt 0.1 <> <(:); done' >"$W/do/a"
	sed 's/retries: 2/retries: 0/' "$W/limit.yaml" >"$W/limit0.yaml"
	rm -f "$W/alarms"
	ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" TZ=Asia/Tokyo faketime -f '@2026-11-22 22:00:00 x60' \
	    "$J" run -c "$S" "$W/limit0.yaml" >/dev/null 2>"$W/err"
	status=$?
	[ $status -eq 13 ] && grep -q W9037 "$W/err" && grep -q 'job=a.*exit=13' "$W/alarms"
	ok "longer than its limit: asked to stop, exit 13 ($status)" $?
	echo 'sleep 3' >"$W/do/a"
	at '2026-11-23 06:29:58' "$W/limit.yaml"
	[ $status -eq 0 ] && grep -q W9035 "$W/err" && grep -q 'alarm=call' "$W/alarms"
	ok "past its deadline it is said, and goes on (exit $status)" $?
	forget
else
	skip 'no faketime: windows are not tried'
fi
run --now -D 2999-01-01 "$W/four.yaml"
[ $status -eq 9 ]
ok "a day to come is refused (exit $status)" $?

# ---- signals ----
forget
echo 'trap "exit 12" TERM; for i in $(seq 100); do sleep 0.1; done' >"$W/do/a"
"$J" run -c "$S" -D $D --now "$W/four.yaml" >/dev/null 2>"$W/err" &
pid=$!
for _ in $(seq 50); do grep -q 'a begins' "$W/trace" 2>/dev/null && break; sleep 0.1; done
"$J" run -c "$S" -D $D --now "$W/four.yaml" >/dev/null 2>&1
[ $? -eq 10 ]
ok 'a second runner of the net is refused: exit 10' $?
kill -TERM $pid
wait $pid
status=$?
[ $status -eq 12 ]
ok "SIGTERM ends program and runner: exit 12 ($status)" $?
rm -f "$W/trace"
"$J" run -c "$S" -D $D --now "$W/four.yaml" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 50); do grep -q 'a begins' "$W/trace" 2>/dev/null && break; sleep 0.1; done
kill -KILL $pid
wait $pid 2>/dev/null
sleep 0.5
! pgrep -f "$W/bin/shikaku-a " >/dev/null
ok 'kill -9 of the runner takes its programs along' $?
rm -f "$W/do/a"
run --now --resume "$W/four.yaml"
[ $status -eq 0 ] && [[ $(trace) == 'a begins a ends '*'d ends ' ]]
ok "and --resume begins with what was cut (exit $status)" $?
[ "$(sqlite3 "$(ls "$W"/site/*/ledger.sqlite | head -1)" "SELECT count(*) FROM job WHERE ended IS NULL")" -ge 1 ]
ok 'a try that was killed has no end in the books' $?

printf '#!/bin/sh\nexit 3\n' >"$W/hooks/alarm.d/20-fails"
chmod +x "$W/hooks/alarm.d/20-fails"
echo 's=34' >"$W/do/a"
run --now "$W/four.yaml"
[ $status -eq 34 ] && grep -q W9039 "$W/err" && grep -q 'job=a' "$W/alarms"
ok "a program of the site that fails changes nothing else (exit $status)" $?
rm -f "$W/hooks/alarm.d/20-fails" "$W/do/a"

# ---- what is refused ----
refused() { # DESCRIPTION SED-PROGRAM
	sed "$2" "$W/four.yaml" >"$W/bad.yaml"
	"$J" check "$W/bad.yaml" >/dev/null 2>"$W/err"
	[ $? -eq 33 ] && grep -q "bad.yaml:[0-9].*F9030" "$W/err"
	ok "$1" $?
}
refused 'a program that is not there' 's/shikaku-c$/shikaku-nobody/'
refused 'a job that waits for itself' 's/after: "a"/after: "b"/'
refused 'a window that cannot be met' '0,/expected_minutes: 1/s//expected_minutes: 700/'
refused 'an exit status without an answer' 's/stop: "9 32 /stop: "9 /'
refused 'a calendar that is no rule' 's/every day/now and then/'
for net in jobs/*.yaml; do
	"$B/shikaku-jobs" check "$net" >/dev/null 2>"$W/err"
	so $? "$net is well: $(head -1 "$W/err")"
done

# ---- exporters, by the tools they are for ----
N=jobs/nightly.yaml
# how many jobs and arrows, counted in the text of the net
jobs=$(grep -c '^  - name:' $N)
arrows=$(sed -n 's/^    after: *"\(.*\)"/\1/p' $N | wc -w)
export_() { "$B/shikaku-jobs" export --programs /usr/sbin --to "$@" $N; }
export_ systemd -o "$W/units" >/dev/null
ok 'systemd units are written' $?
if command -v systemd-analyze >/dev/null; then
	# the programs and pages are not installed here
	sed -i "s|/usr/sbin/|$B/|; /^Documentation/d" "$W"/units/*.service
	systemd-analyze verify "$W"/units/*.service "$W"/units/*.timer "$W"/units/*.target >"$W/verify" 2>&1
	[ $? -eq 0 ] && ! grep -q "$W/units\|shikaku-nightly" "$W/verify"
	so $? "systemd-analyze verify has nothing to say $(head -2 "$W/verify")"
	worst=$(systemd-analyze security --offline=yes "$W"/units/*.service 2>/dev/null |
	    sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p' | sort -n | tail -1)
	awk -v w="${worst:-9}" 'BEGIN { exit !(w <= 1.5) }'
	ok "systemd-analyze security: $worst, at most 1.5" $?
	when=$(sed -n 's/^OnCalendar=//p' "$W"/units/*.timer)
	systemd-analyze calendar "$when" >/dev/null 2>&1
	ok "$when is a calendar" $?
	# how far apart two beginnings are, by systemd's own word
	for m in 5 60 180 45; do
		sed "s/^every_minutes: .*/every_minutes: $m/" jobs/intraday.yaml >"$W/every.yaml"
		rm -rf "$W/every"
		"$B/shikaku-jobs" export --to systemd -o "$W/every" "$W/every.yaml" >/dev/null
		n=$(sed -n 's/^OnCalendar=//p' "$W"/every/*.timer | while read -r when; do
			TZ=UTC systemd-analyze calendar --base-time='2026-11-19 15:00:01 UTC' --iterations=300 "$when"
		done 2>"$W/err" | grep -o '2026-11-20 0[0-8]:[0-9:]*' | sort -u | wc -l)
		[ "$n" = $((9 * 60 / m)) ] && [ ! -s "$W/err" ]
		so $? "every $m minutes begins $((9 * 60 / m)) times from 9:00 to 18:00 in Japan: $n $(head -1 "$W/err")"
	done
else
	skip 'no systemd-analyze'
fi
export_ airflow >"$W/dag.py"
python3 - "$W/dag.py" "$jobs" <<'END'
# the DAG run against stand-ins of the three modules it needs
import sys, types
class Task:
    def __init__(self, **k): self.k, self.up = k, []
    def __rshift__(self, other): other.up.append(self.k["task_id"])
class Dag:
    def __init__(self, name, **k): self.name, self.k = name, k
    def __enter__(self): return self
    def __exit__(self, *a): pass
def module(name, **k):
    m = types.ModuleType(name); m.__dict__.update(k); sys.modules[name] = m
module("pendulum", datetime=lambda *a, tz: (a, tz))
module("airflow", DAG=Dag); module("airflow.operators"); module("airflow.operators.bash", BashOperator=Task)
space = {}
exec(compile(open(sys.argv[1]).read(), "dag", "exec"), space)
task = space["task"]
assert len(task) == int(sys.argv[2]) and task["rebuild"].up == ["revoke"]
assert sorted(task["report"].up) == ["collect", "deliver-back"] and task["report"].k["trigger_rule"] == "all_done"
assert "--only rebuild" in task["rebuild"].k["bash_command"] and "{{ ds }}" in task["rebuild"].k["bash_command"]
assert space["dag"].k["schedule"] == "5 21 * * *"
END
ok 'the DAG has the jobs and their order' $?
export_ slurm >"$W/slurm.sh"
mkdir "$W/slurm"
cat >"$W/slurm/sbatch" <<'END'
#!/bin/bash
# stands for sbatch: notes what is asked, answers with a number
cd "$(dirname "$0")" || exit 1
n=$(($(cat n 2>/dev/null || echo 100) + 1))
echo $n >n
echo "$n $*" >>asked
echo $n
END
chmod +x "$W/slurm/sbatch"
PATH=$W/slurm:$PATH bash "$W/slurm.sh" >"$W/slurm/out"
ok 'the Slurm script runs' $?
number() { sed -n "s/^\([0-9]*\) .*--job-name=shikaku-nightly-$1 .*/\1/p" "$W/slurm/asked"; }
[ "$(wc -l <"$W/slurm/asked")" = "$jobs" ] && grep -q -- '--job-name=shikaku-nightly-ingest .*--dependency=afterok:101 ' "$W/slurm/asked" &&
	grep -q -- "nightly-report .*--dependency=afterany:$(number collect):$(number deliver-back) " "$W/slurm/asked"
ok "and asks for all $jobs jobs in their order" $?
export_ jp1 >"$W/net.jp1"
python3 - "$W/net.jp1" "$jobs" "$arrows" <<'END'
# the grammar of unit definition text: unit=name,mode,owner,group; { items }
import re, sys
text = open(sys.argv[1]).read()
pos = 0
def eat(pattern):
    global pos
    m = re.compile(r"\s*" + pattern).match(text, pos)
    assert m, text[pos:pos + 60]
    pos = m.end()
    return m
def unit():
    name = eat(r"unit=([^,;]{1,30}),[^,;]*,[^,;]*,[^,;]*;").group(1)
    eat(r"\{")
    items, children = [], {}
    while not re.compile(r"\s*\}").match(text, pos):
        if re.compile(r"\s*unit=").match(text, pos):
            n, i, _ = unit()
            children[n] = i
        else:
            m = eat(r'([a-z]+)=((?:"[^"]*"|[^";])*);')
            items.append((m.group(1), m.group(2)))
    eat(r"\}")
    return name, items, children
name, items, children = unit()
assert not text[pos:].strip() and name == "nightly"
assert len(children) == int(sys.argv[2]) and dict(items)["ty"] == "n"
arrows = [v for k, v in items if k == "ar"]
assert "(f=revoke,t=rebuild)" in arrows and len(arrows) == int(sys.argv[3]), arrows
for n, i in children.items():
    d = dict(i)
    assert d["ty"] == "j" and d["jd"] == "cod" and d["wth"] == "3" and d["tho"] == "7"
    assert d["rjs"] == "8" and d["rje"] == "13" and 1 <= int(d["rec"]) <= 12 and 1 <= int(d["rei"]) <= 10
    assert 1 <= int(d["etm"]) <= 1440 and len(d["cm"].encode()) <= 82
    assert d["sc"].strip('"').startswith("/usr/sbin/shikaku-")
END
ok 'JP1 text follows its grammar and limits' $?
export_ cron >"$W/cron"
grep -v '^#\|^MAILTO' "$W/cron" | grep -qE '^\*/5( \*){4} shikaku /usr/sbin/shikaku-jobs run nightly --tick --resume -c /etc/shikaku/site.yaml >/dev/null$'
ok 'the crontab has its one line' $?
export_ dot >"$W/net.dot"
if command -v dot >/dev/null; then
	dot -Tsvg "$W/net.dot" >/dev/null 2>&1
	ok 'graphviz draws the dot file' $?
else
	[ "$(grep -c -- '->' "$W/net.dot")" = "$arrows" ]
	ok "the dot file has $arrows arrows" $?
fi
"$B/shikaku-jobs" graph $N >"$W/net.svg" && xmllint --noout "$W/net.svg" && [ "$(grep -c '<rect' "$W/net.svg")" = "$jobs" ]
ok 'the picture is XML with a box a job' $?
make -s build/gen/runbook.7 && mandoc -Tlint -Wwarning build/gen/runbook.7 >"$W/lint"
so $? "the runbook is clean mdoc $(head -1 "$W/lint")"

# ---- plan and calendar ----
"$J" plan -c "$S" -D 2026-11-24 "$W/four.yaml" >"$W/plan" 2>&1
[ "$(grep -c ' 21:05' "$W/plan")" -ge 1 ]
ok 'the plan says when' $?
# a night of history, then a hundred times as much waits as on that day
D0=$(ls -d "$W"/site/intermediate "$W"/site/qualification 2>/dev/null | head -1)
sqlite3 "$D0/ledger.sqlite" "DELETE FROM job; INSERT INTO job (net, job, day, attempt, host, boot, pid, began, ended, ms, exit, read)
	VALUES ('four', 'a', '2026-11-22', 1, 'h', 'b', 1, 1, 2, 600000, 0, 9);
	INSERT INTO file VALUES ('06000000', 'shikaku', '2026-11-22', 1, '$(printf %064d 1)', 1000, $(date -u -d '2026-11-22 12:00' +%s)000, 'ingested', 9, 9, 0, 0, 0, '', NULL, 0)"
mkdir -p "$D0/box/06000000/in"
head -c 100000 /dev/zero >"$D0/box/06000000/in/06000000_shikaku_20261123_0002.zip.p7m"
"$J" plan -c "$S" -D 2026-11-23 "$W/four.yaml" >"$W/plan" 2>&1
# 10 minutes x 100 = 16 h 40, from 21:05 to 13:45; until 06:30 of the deadline: 436 minutes late
grep -q '10000 % of a normal night' "$W/plan" && grep -q 'a  *21:05 +13:45 +06:30  history' "$W/plan" && grep -q 'W9038.*a: 436 minutes late' "$W/plan"
ok "a great night is warned of before it starts" $?
rm "$D0"/box/06000000/in/*
sed 's/calendar: every day/calendar: business days/' "$W/four.yaml" >"$W/business.yaml"
"$J" plan -c "$S" -D 2026-11-23 "$W/business.yaml" >"$W/plan" 2>&1
[ "$(grep -c 'not today' "$W/plan")" = 4 ]
ok 'a holiday is not a business day' $?
"$J" plan -c "$S" -D 2028-01-05 "$W/business.yaml" >"$W/plan" 2>&1
[ $? -eq 33 ] && grep -q F9032 "$W/plan"
ok 'a year the table has not got is refused' $?
C="$B/shikaku-calendar -c $S"
$C -D 2026-09-22 | grep -q 'closed.*休日'
ok 'the day between two holidays is named' $?
[ "$($C --list 2026 | wc -l)" = 18 ]
ok '2026 has 18 holidays' $?
$C --rule 'monthly 10, after' -D 2026-10-13
a=$?
$C --rule 'monthly 10, after' -D 2026-10-12
b=$?
[ $a = 0 ] && [ $b = 1 ]
ok 'a rule answers by exit status' $?
cp "$W/site/site.yaml" "$W/site/own.yaml"
mkdir -p "$W/site/masters"
cp tests/data/calendar/syukujitsu.csv "$W/site/masters/days.csv"
sed -i "s|^  holidays:.*|  holidays: \"masters/days.csv\"|" "$W/site/own.yaml"
head -c 300 tests/data/calendar/syukujitsu.csv >"$W/cut.csv"
"$B/shikaku-calendar" -c "$W/site/own.yaml" --import "$W/cut.csv" >/dev/null 2>&1
[ $? -eq 34 ] && cmp -s tests/data/calendar/syukujitsu.csv "$W/site/masters/days.csv"
ok 'a table that was cut is refused and the old one stays' $?
rm "$W/site/masters/days.csv"
"$B/shikaku-calendar" -c "$W/site/own.yaml" --import tests/data/calendar/syukujitsu.csv >/dev/null &&
	cmp -s tests/data/calendar/syukujitsu.csv "$W/site/masters/days.csv"
ok 'a whole one is put in place' $?

part_end
