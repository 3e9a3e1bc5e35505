#!/bin/bash
# What the site sees: its hooks called on arrival, refusal and publication; the
# metrics, alert rules and dashboard agree; the nets of month and year on their
# days, and written out for other schedulers.
. "$(dirname "$0")/part.sh"
W=$B/part-operations
rm -rf "$W"
mkdir -p "$W/bin"
skip() { echo "SKIP: $1"; }
D=2026-11-20
tests/site.sh "$W/site" 0
S=$W/site/site.yaml
printf 'jobs:\n  folder: "%s"\n  hooks: "%s"\n' "$PWD/jobs" "$W/hooks" >>"$S"
sed -i "s|^masters:|&\n  holidays: \"$PWD/tests/data/calendar/syukujitsu.csv\"|" "$S"
for e in arrival refusal publish; do
	mkdir -p "$W/hooks/$e.d"
	printf '#!/bin/sh\necho "$*" >>"%s/%s"\n' "$W" "$e" >"$W/hooks/$e.d/10-note"
	chmod +x "$W/hooks/$e.d/10-note"
	: >"$W/$e"
done
# one that fails changes nothing
printf '#!/bin/sh\nexit 9\n' >"$W/hooks/arrival.d/20-fails"
chmod +x "$W/hooks/arrival.d/20-fails"
"$B/shikaku-sample" -c "$S" --people 1000 --seed 1 -D $D >/dev/null 2>&1
ok 'a small country' $?
# ---- hooks ----
a=$(ls "$W"/site/intermediate/box/*/in/*_shikaku_* | head -1)
bad=$(basename "$a" .zip.p7m)
head -c 500 "$a" >"$W/cut"
mv "$W/cut" "$a"
"$B/shikaku-intake" -n -c "$S" -D $D >/dev/null 2>&1
[ ! -s "$W/arrival" ] && [ ! -s "$W/refusal" ]
ok 'a dry run calls nobody' $?
"$B/shikaku-intake" -c "$S" -D $D >"$W/out" 2>"$W/err"
[ $? -eq 5 ]
ok 'a hook that fails does not change how intake ends' $?
rows() { sqlite3 "$W/site/$1/ledger.sqlite" "SELECT count(*) FROM file WHERE state $2 'refused'"; }
[ "$(wc -l <"$W/arrival")" = $(($(rows intermediate '<>') + $(rows qualification '<>'))) ] && [ -s "$W/arrival" ]
ok "arrival is told once for each of the uploads in the books" $?
[ "$(wc -l <"$W/refusal")" = 1 ] && code=$(sqlite3 "$W/site/intermediate/ledger.sqlite" "SELECT reason FROM file WHERE state = 'refused'") &&
	[ "$(cat "$W/refusal")" = "refusal side=intermediate sender=${bad%%_*} upload=$bad day=$D code=$code" ]
so $? "the one that is refused is told with its code: $(cat "$W/refusal")"
n=$(wc -l <"$W/arrival")
"$B/shikaku-intake" -c "$S" -D $D >/dev/null 2>&1
[ "$(wc -l <"$W/arrival")" = "$n" ] && [ "$(wc -l <"$W/refusal")" = 1 ]
ok 'a second run tells nothing again' $?
"$B/shikaku-jobs" run --now -c "$S" -D $D jobs/nightly.yaml >"$W/night" 2>"$W/err"
status=$?
[ $status -le 5 ]
so $? "the night (exit $status): $(grep -h 'fatal' "$W/err" | head -1)"
[ "$(sort "$W/publish")" = "publish kind=qualification generation=1 day=$D
publish kind=revocation generation=1 day=$D" ]
so $? "publication is told, with its generation: $(head -3 "$W/publish" | tr '\n' ';')"
# ---- status: one advice, and a way to settle ----
status() { "$B/shikaku-status" -c "$S" "$@" >"$W/status" 2>&1; }
status "$bad"
[ $? -eq 5 ] && [ "$(sed -n 's/^next: //p' "$W/status")" = "$(sed -n 's/^mend: //p' "$W/status")" ]
so $? "what a refused upload asks next is what its code says: $(grep -h '^next' "$W/status")"
sqlite3 "$W/site/intermediate/ledger.sqlite" "UPDATE file SET reason = 'F3106' WHERE state = 'refused'"
status "$bad"
grep -q '^next: "operator: .*the same file again' "$W/status" && ! grep -q 'new running number\|新しい連番' "$W/status"
so $? "F3106 asks for the CRL and lets the same file come again: $(grep -h '^next' "$W/status")"
box=$W/site/qualification/box/IM000001/in
mkdir -p "$box"
lost=IM000001_package_${D//-/}_0009
echo 'not a package' >"$box/$lost.zip.p7m"
"$B/shikaku-intake" -c "$S" -D $D >/dev/null 2>&1
status -D $D
[ $? -eq 2 ] && grep -q "^CRITICAL: 1 link packages.*--refuse $lost" "$W/status"
so $? "a link package that was refused is critical, and it says how to settle it: $(head -1 "$W/status")"
"$B/shikaku-ingest" -c "$S" -D $D --refuse $lost >/dev/null 2>&1
[ $? -eq 32 ]
ok 'nothing is settled without a reason' $?
"$B/shikaku-ingest" -c "$S" -D $D --refuse $lost --why 'put there by a drill' >/dev/null 2>&1
status -D $D
! grep -q 'link packages' "$W/status"
ok 'settled, it is asked for no more' $?
[ "$(sqlite3 "$W/site/qualification/ledger.sqlite" "SELECT verdict, why FROM hold WHERE feed = 'package'")" = 'refuse|put there by a drill' ]
ok 'and the books say who settled it, and why' $?
echo 'nor this one' >"$box/$lost.zip.p7m"
"$B/shikaku-intake" -c "$S" -D $D >/dev/null 2>&1
status -D $D
[ $? -eq 2 ] && grep -q 'CRITICAL: 1 link packages' "$W/status"
ok 'another of the same name is asked for again' $?
"$B/shikaku-ingest" -c "$S" -D $D --refuse $lost --why 'drill' >/dev/null 2>&1
# ---- metrics, rules, dashboard ----
printf 'Sender,Feed,Calendar,By,CallAfter\r\n%s,shikaku,every day,21:00,\r\n' "${bad%%_*}" >"$W/site/masters/arrivals.csv"
sed "s|^masters:|&\n  arrivals: \"masters/arrivals.csv\"|" "$S" >"$W/site/expects.yaml"
"$B/shikaku-arrivals" -c "$W/site/expects.yaml" -D $D >"$W/out" 2>&1
[ $? -eq 5 ] && grep -q ' missed=1 ' "$W/out"
so $? "an upload that was refused has not come: $(tail -1 "$W/out")"
P=$W/metrics.prom
cat "$W"/site/qualification/out/*.prom >"$P"
python3 - "$P" <<'END'
# the text format: comments, NAME{LABEL="VALUE",...} NUMBER; each metric is
# announced by TYPE and HELP, and no sample stands twice
import json, re, sys
seen, typed, helped, labels = set(), set(), set(), {}
for line in open(sys.argv[1], encoding="utf-8"):
    line = line.rstrip("\n")
    m = re.fullmatch(r"# (TYPE|HELP) ([a-z_:][a-z0-9_:]*) (.+)", line)
    if m:
        (typed if m[1] == "TYPE" else helped).add(m[2])
        assert m[1] != "TYPE" or m[3] in ("gauge", "counter", "histogram"), line
        continue
    m = re.fullmatch(r'([a-z_:][a-z0-9_:]*)(\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?)', line)
    assert m, line
    assert m[1] in typed and m[1] in helped, line
    assert m[1] + (m[2] or "") not in seen, line
    seen.add(m[1] + (m[2] or ""))
    labels.setdefault(m[1], []).append(dict(re.findall(r'([a-z_]+)="([^"]*)"', m[2] or "")))
assert len(labels) >= 10, labels
def uses(where, text):
    found = 0
    for name, at in re.findall(r"(shikaku_[a-z0-9_]+)(?:\{([^}]*)\})?", text):
        assert name in labels, f"{where}: no metric {name}"
        for k, v in re.findall(r'([a-z_]+)="([^"]*)"', at or ""):
            # held files are there on a day that has some
            assert k in labels[name][0], f"{where}: {name} has no label {k}"
            assert (k, v) == ("state", "held") or any(l[k] == v for l in labels[name]), f"{where}: {name} {k}={v}"
        found += 1
    assert found, f"{where}: names no metric: {text}"
rules = open("jobs/alerts.yml", encoding="utf-8").read()
exprs = re.findall(r"^        expr: (.+)$", rules, re.M)
assert len(exprs) == rules.count("- alert:") >= 8
for e in exprs: uses("alerts.yml", e)
board = json.load(open("jobs/grafana.json", encoding="utf-8"))
ids = [p["id"] for p in board["panels"]]
assert len(set(ids)) == len(ids) >= 8 and board["title"] and board["schemaVersion"]
for p in board["panels"]:
    assert p["targets"] and 0 <= p["gridPos"]["x"] <= 24 - p["gridPos"]["w"]
    for t in p["targets"]: uses(p["title"], t["expr"])
# nothing that is measured is left unseen
shown = rules + json.dumps(board)
for name in labels: assert name in shown, f"{name} is in no rule and no panel"
END
ok 'each metric is well formed, every name and label in a rule or panel is one, every one is in some' $?
grep -q 'FILE_HELD\] = "held"' batch/ledger.c
ok 'held is a state of an upload' $?
if command -v promtool >/dev/null; then
	promtool check rules jobs/alerts.yml >"$W/out" 2>&1
	so $? "promtool check rules: $(tail -1 "$W/out")"
	promtool check metrics <"$P" >"$W/out" 2>&1
	so $? "promtool check metrics: $(head -1 "$W/out")"
else
	skip 'no promtool'
	python3 -c 'import yaml' 2>/dev/null && { python3 -c 'import yaml, sys
g = yaml.safe_load(open("jobs/alerts.yml", encoding="utf-8"))["groups"]
for r in g[0]["rules"]: assert set(r) <= {"alert", "expr", "for", "labels", "annotations"} and r["labels"]["severity"] in ("call", "morning") and r["annotations"]["runbook"]'; ok 'the rules have the keys of rules' $?; }
fi
# ---- nets of the month and of the year ----
cp "$B/shikaku-jobs" "$W/bin/"
for p in collect bill report verify calendar purge; do
	printf '#!/bin/sh\necho "%s $*" >>"%s/asked"\necho "shikaku-%s: day=x read=0 accepted=0 refused=0 files=0 exit=0"\n' $p "$W" $p >"$W/bin/shikaku-$p"
	chmod +x "$W/bin/shikaku-$p"
done
J=$W/bin/shikaku-jobs
today() { # NET DAY: whether the net is for the day
	"$J" plan -c "$S" -D "$2" "$1" >"$W/plan" 2>&1 && ! grep -q 'not today' "$W/plan"
}
not_today() {
	"$J" plan -c "$S" -D "$2" "$1" >"$W/plan" 2>&1
	[ "$(grep -c 'not today' "$W/plan")" = "$(grep -c '^  - name' "$1")" ]
}
# 1 November 2026 is a Sunday, the 3rd a holiday; 1 to 3 January are no business days, 2026-01-05 is a Monday
for d in 2026-11-02 2026-12-01 2026-01-05; do
	today jobs/monthly.yaml $d
	ok "$d is the month's first business day" $?
done
for d in 2026-11-01 2026-11-03 2026-11-04 2026-01-01 2026-01-06; do
	not_today jobs/monthly.yaml $d
	ok "$d is not" $?
done
today jobs/yearly.yaml 2026-04-01 && not_today jobs/yearly.yaml 2026-04-02
ok 'the year begins on 1 April' $?
# 3 May 2026 is a Sunday and a holiday, so the 6th is one too
sed 's/yearly 04-01, after/yearly 05-03, after/' jobs/yearly.yaml >"$W/may.yaml"
for d in 03 04 05 06 08; do not_today "$W/may.yaml" 2026-05-$d || break; done && today "$W/may.yaml" 2026-05-07
ok 'a day that is closed goes to the next business day' $?
"$J" run --now -c "$S" -D 2026-11-02 jobs/monthly.yaml >"$W/out" 2>&1
[ $? -le 5 ] && [ "$(cut -d' ' -f1 "$W/asked" | tr '\n' ' ')" = 'collect bill report verify ' ] && [ "$(grep -c -- '-D 2026-10-31$' "$W/asked")" = 3 ]
so $? "the month that ended on 31 October is closed: $(tr '\n' ';' <"$W/asked")"
: >"$W/asked"
"$J" run --now -c "$S" -D 2026-04-01 jobs/yearly.yaml >"$W/out" 2>&1
[ $? -le 5 ] && [ "$(tail -1 "$W/asked" | cut -d' ' -f1)" = purge ]
so $? "nothing is dropped before all is proved: $(cut -d' ' -f1 "$W/asked" | tr '\n' ' ')"
for net in intraday monthly yearly; do
	N=jobs/$net.yaml
	export_() { "$B/shikaku-jobs" export --programs /usr/sbin --to "$@" $N; }
	jobs=$(grep -c '^  - name:' $N)
	if command -v systemd-analyze >/dev/null; then
		export_ systemd -o "$W/units-$net" >/dev/null
		sed -i "s|/usr/sbin/|$B/|; /^Documentation/d" "$W/units-$net"/*.service
		systemd-analyze verify "$W/units-$net"/* >"$W/out" 2>&1
		[ $? -eq 0 ] && ! grep -q "shikaku-$net" "$W/out"
		so $? "$net: systemd-analyze verify has nothing to say: $(head -1 "$W/out")"
	fi
	export_ cron | grep -v '^#\|^MAILTO' | grep -qE '^\*/[0-9]+( \*){4} shikaku /usr/sbin/shikaku-jobs run '"$net"' --tick '
	ok "$net: crontab" $?
	export_ slurm >"$W/s.sh" && bash -n "$W/s.sh" && [ "$(grep -c '=$(submit ' "$W/s.sh")" = "$jobs" ]
	ok "$net: the Slurm script parses and has $jobs jobs" $?
	export_ airflow >"$W/dag.py" && python3 -m py_compile "$W/dag.py"
	ok "$net: the DAG compiles" $?
	export_ dot >"$W/n.dot"
	! command -v dot >/dev/null || dot -Tsvg "$W/n.dot" 2>/dev/null | xmllint --noout -
	ok "$net: graphviz draws it" $?
	export_ jp1 >"$W/n.jp1" && [ "$(grep -c 'ty=j;' "$W/n.jp1")" = "$jobs" ] && ! grep -q '19[67][0-9]-' "$W/n.jp1"
	ok "$net: JP1 has $jobs jobs and no day of its own" $?
done
N=jobs/monthly.yaml
export_ jp1 | grep -q 'prm="run monthly --now --only bill -c /etc/shikaku/site.yaml";'
ok "JP1 leaves the month's last day to the runner" $?
part_end
