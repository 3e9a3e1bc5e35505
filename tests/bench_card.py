#!/usr/bin/env python3
"""What a question by card costs beside one by number: card.extra_cpu.

tests/bench_card.py [QUESTIONS] (400 of each sort). One worker, its CPU by the
kernel's account of the task (/proc/PID/schedstat, ns). The challenge before
each question by card is asked and signed outside what is measured. Peer: two
RSA-2048 verifications as `openssl speed` has them at the same time.

As at 8:00: all questions of a sort on eight connections, one after the other;
.quiet: a question every 10 ms, the sorts in turn, of a worker that slept and
finds its caches cold. There a card not linked and a card of somebody without
cover must be of one class of time: the distance of their medians, in parts of
the cost of a question by card.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, "tests")
import bench  # noqa: E402
import online as o  # noqa: E402

N = int(sys.argv[1]) if len(sys.argv) > 1 else 400
SORTS = {"number": None, "card": 1, "not_linked": 3, "no_cover": 5}


def spent(pid):
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0])


def question(s, conn, card):
    """The body to send; a challenge is asked for and signed where it takes one."""
    if card is None:
        return json.dumps(o.number("12-34", "19800505"))
    data = o.post(s, b"", path="/oqs-api/challenge", kind=None, conn=conn)[2]
    return json.dumps(o.card_question(json.loads(data)["XmlMsg"]["MessageBody"]["CardChallengeInfo"], card))


def measure(s):
    """us of the worker's CPU by sort, a list each, asked in turn."""
    (pid,), conn = s.workers(), o.connect(s)
    got = {name: [] for name in SORTS}
    for n in range(N + 20):
        order = list(SORTS.items())
        random.Random(n).shuffle(order)
        for name, card in order:
            body = question(s, conn, card)
            time.sleep(0.005)  # the line of the one before is durable
            before = spent(pid)
            status = o.post(s, body, conn=conn)[0]
            time.sleep(0.005)
            if status not in (200, 400, 403, 404):
                sys.exit("%s: %d" % (name, status))
            if n >= 20:  # caches are warm
                got[name].append((spent(pid) - before) / 1000)
    conn.close()
    return got


def burst(s):
    """us of the worker's CPU for a question in a row of them, by sort."""
    (pid,), conn = s.workers(), o.connect(s)
    got = {}
    for _ in range(3):
        for name in ("number", "card"):
            with open(o.ROOT + "/bodies", "w") as f:
                for _ in range(N):
                    f.write(question(s, conn, SORTS[name]) + "\n")
            before = spent(pid)
            out = subprocess.check_output(
                [bench.B + "/tool-ask", "-p", str(s.port), "-b", o.ROOT + "/bodies", "-c", "8", "-n", str(N),
                 "-k", "%s/institutions/%s.key" % (o.PKI, o.HOME), "-t", "%s/institutions/%s.pem" % (o.PKI, o.HOME),
                 "-i", o.HOME], text=True)
            if not re.search(r"^not_200 +0$", out, re.M):
                sys.exit("%s: %s" % (name, out))
            got.setdefault(name, []).append((spent(pid) - before) / 1000 / N)
    conn.close()
    return {name: min(v) for name, v in got.items()}


def two_verifications():
    """us of CPU: openssl's own RSA-2048."""
    out = subprocess.run(["openssl", "speed", "-seconds", "2", "rsa2048"], capture_output=True, text=True).stdout
    return 2e6 / float(re.search(r"^rsa +2048 bits.* (\S+)$", out, re.M)[1])


def main():
    o.TOP, o.ROOT = bench.TOP, os.path.join(bench.TOP, "build", "bench-card")
    o.PKI = o.ROOT + "/pki"
    shutil.rmtree(o.ROOT, ignore_errors=True)
    os.makedirs(o.ROOT)
    site = o.make_site(o.ROOT, True)
    text = open(site).read().replace("workers: 2", "workers: 1")
    with open(site, "w") as f:
        f.write(text)
    o.tinyset(site, 1)
    s = o.Server(site)
    if s.port is None:
        sys.exit("no responder")
    try:
        got = measure(s)
        busy = burst(s)
    finally:
        s.stop()
    middle = {name: sorted(v)[len(v) // 2] for name, v in got.items()}
    bench.say("  " + "  ".join("%s %.0f us" % x for x in middle.items()))
    bench.say("  in a row: " + "  ".join("%s %.0f us" % x for x in busy.items()))
    extra = busy["card"] - busy["number"]
    bench.row("card.extra_cpu", extra, "us", "cap", 220)
    bench.row("card.extra_cpu.quiet", middle["card"] - middle["number"], "us")
    bench.row("card.extra_cpu.of_rsa", extra, "us", "openssl speed: 2 RSA-2048 verifications", two_verifications())
    bench.row("card.unlinked_apart", abs(middle["no_cover"] - middle["not_linked"]) / middle["no_cover"], "parts",
              "cap", 0.1)
    shutil.rmtree(o.ROOT)
    bench.write_results(add=True)


if __name__ == "__main__":
    main()
