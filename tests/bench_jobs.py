#!/usr/bin/env python3
"""What the runner of job nets costs: jobs.step_overhead, jobs.demo_night,
backup.restore, backup.rto.

tests/bench_jobs.py [PEOPLE] (200,000). A step's own cost: a net of forty steps
that find nothing to do, against the same program started forty times by hand.
The demo's night: nightly.yaml until the results are sent, against its programs
one after another on a copy of the same spool. Wall seconds: waiting is what a
runner may cost; best of three.
"""
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, "tests")
import bench  # noqa: E402

ROOT = bench.ROOT = os.path.join(bench.TOP, "build", "bench-jobs")
PEOPLE = sys.argv[1] if len(sys.argv) > 1 else "200000"
STEPS = 40
NATION = 125_000_000
UNTIL = "deliver-back"  # what follows is the next day's

HEAD = """net: bench
title: "steps that find nothing"
title_ja: "計測用"
calendar: every day
starts: "00:00"
at_once: 1
go_on: "0 1 4 5"
retry: "8 10 11 12 13"
stop: "9 32 33 34 35 36 64"

jobs:
"""
STEP = """  - name: s%02d
    program: shikaku-arrivals
    args: "-c $SITE -D $DAY"
    after: "%s"
    window: "00:00-23:59"
    deadline: "23:59"
    retries: 0
    every_minutes: 1
    expected_minutes: 1
    alarm: none
    reason: "nothing"
    reason_ja: "なし"
    by_hand: "nothing"
    by_hand_ja: "なし"
"""


def timed(argv, ok):
    began = time.monotonic()
    r = subprocess.run(argv, capture_output=True, text=True)
    if r.returncode not in ok:
        sys.exit("%s ended with %d\n%s%s" % (" ".join(argv), r.returncode, r.stdout[-2000:], r.stderr[-2000:]))
    return time.monotonic() - began


def jobs(site, net, *more):
    return timed([bench.B + "/shikaku-jobs", "run", "--now", "-c", site, "-D", bench.DAY, *more, net], (0, 1, 4, 5))


def steps():
    """[(name, program, arguments)] of the nightly net, in its order."""
    with open("jobs/nightly.yaml", encoding="utf-8") as f:
        return re.findall(r'  - name: (\S+)\n    program: (\S+)\n    args: "([^"]*)"', f.read())


def bench_steps():
    site = bench.site_for(ROOT + "/steps")
    net = ROOT + "/bench.yaml"
    with open(net, "w", encoding="utf-8") as f:
        f.write(HEAD + "".join(STEP % (i, "s%02d" % (i - 1) if i else "") for i in range(STEPS)))
    by_hand = min(sum(timed([bench.B + "/shikaku-arrivals", "-c", site, "-D", bench.DAY], (1,)) for _ in range(STEPS))
                  for _ in range(3))
    by_net = min(jobs(site, net) for _ in range(3))
    bench.row("jobs.step_overhead", (by_net - by_hand) / STEPS * 1000, "ms", "cap", 50)


def moved(to):
    """The spool of that night, again, in a folder of its own."""
    shutil.copytree(ROOT + "/spool", to)
    site = to + "/site.yaml"
    with open(site, encoding="utf-8") as f:
        text = f.read().replace(ROOT + "/spool", to)
    with open(site, "w", encoding="utf-8") as f:
        f.write(text)
    return site


def by_hand(site, wanted):
    return sum(timed([bench.B + "/" + program, *arguments.replace("$SITE", site).replace("$DAY", bench.DAY).split()],
                     (0, 1, 4, 5)) for name, program, arguments in steps() if name in wanted)


def manifest(folder):
    with open(folder + "/qualification/snapshots/current/manifest.yaml") as f:
        return f.read()


def bench_night():
    site = bench.site_for(ROOT + "/spool")
    bench.run([bench.B + "/shikaku-sample", "-c", site, "-D", bench.DAY, "--people", PEOPLE, "--seed", "7"])
    names = [s[0] for s in steps()]
    wanted = names[:names.index(UNTIL) + 1]
    net, hand = [], []
    for _ in range(3):
        for other in ("night", "again"):
            shutil.rmtree(ROOT + "/" + other, ignore_errors=True)
        hand.append(by_hand(moved(ROOT + "/again"), wanted))
        net.append(jobs(moved(ROOT + "/night"), "jobs/nightly.yaml", "--only", ",".join(wanted)))
        assert manifest(ROOT + "/night") == manifest(ROOT + "/again"), "the two nights published other bytes"
    bench.row("jobs.demo_night", min(net) / min(hand), "ratio", "cap", 1.1)


def bytes_of(folder):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(folder) for f in files)


def bench_restore():
    """RTO (復旧時間): the whole site of that night from its backup, proved and
    asked; the nation's has as many times the bytes as it has people."""
    site, to, into = ROOT + "/night/site.yaml", ROOT + "/backup", ROOT + "/restored"
    timed([bench.B + "/shikaku-backup", "-c", site, "-D", bench.DAY, "--to", to], (0,))
    (generation,) = (n for n in os.listdir(to) if n.startswith("backup-"))
    size = bytes_of(to + "/" + generation)
    took = timed([bench.B + "/shikaku-backup", "-c", site, "--restore", to + "/" + generation, "--into", into], (0,))
    bench.row("backup.restore", size / took / 1e6, "MB/s")
    bench.row("backup.bytes_per_person", size / int(PEOPLE), "B")
    bench.row("backup.rto", NATION / int(PEOPLE) * took / 60, "minutes, calculated for 125 M people", "cap", 120)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    bench.say("the runner of job nets")
    bench_steps()
    bench_night()
    bench_restore()
    bench.write_results(add=True)
    shutil.rmtree(ROOT, ignore_errors=True)


main()
