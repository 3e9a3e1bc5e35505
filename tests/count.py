#!/usr/bin/env python3
"""Answers counted at the client = usage records = bill, difference 0.

A real responder on loopback, terminals that ask by card with simulated cards,
ask again on purpose, spoil signatures, lose their answers to kill -9 of a
worker and of the whole responder, and ask again until they are answered. Then
collect, bill and verify; every number is held to what the client counted.
"""
import datetime
import glob
import http.client
import json
import os
import random
import re
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter

sys.path.insert(0, "tests")
import online as o  # noqa: E402  the client's half: challenge, card, question

B = os.environ["B"]
o.ROOT = ROOT = B + "/part-count"
o.PKI = ROOT + "/pki"
Q = ROOT + "/qualification"
check = o.check
lock = threading.Lock()
answered = Counter()  # attempts that were answered: code or "valid"
transactions = {}  # (institution, identifier, card) -> what was answered
lost = Counter()  # attempts without an answer
INSTITUTIONS = ["1319900010", "0119900017"]
# card -> what the answer says, checks and provisions of one transaction; card 4 is expired: no list is asked
CARDS = {1: ("valid", 1, 1), 2: ("OE3004", 1, 0), 3: ("OE3005", 1, 0), 4: ("OE3004", 0, 0)}


def batch(program, day, clock=None):
    env = dict(os.environ, TZ="UTC")
    if clock:
        env["LD_PRELOAD"] = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0]
        env["FAKETIME"] = clock
    return subprocess.run([B + "/shikaku-" + program, "-c", ROOT + "/site.yaml", *(["-D", day] if day else [])],
                          capture_output=True, text=True, env=env)


def attempt(s, rng, institution, identifier, card, spoil=False):
    """One challenge and one question; None where no answer came."""
    try:
        conn = o.connect(s, institution)
        status, _, data = o.post(s, b"", client=institution, path="/oqs-api/challenge", kind=None, conn=conn, due=0)
        if status != 200:
            return None
        ch = json.loads(data)["XmlMsg"]["MessageBody"]["CardChallengeInfo"]
        q = o.card_question(ch, card, institution, spoil=spoil)
        q["XmlMsg"]["MessageHeader"]["ArbitraryFileIdentifier"] = identifier
        status, _, data = o.post(s, json.dumps(q), client=institution, conn=conn, due=0)
        conn.close()
        m = json.loads(data)["XmlMsg"]
        code = m["MessageHeader"].get("ErrorCode")
        if status == 503 or code in ("OE9001", "OE9002", "OE9003"):
            return None
        return code or "valid"
    except (OSError, http.client.HTTPException, ssl.SSLError, ValueError, KeyError):
        return None


def terminal(server, number, count):
    """A desk at the hospital: each patient is asked about until there is an answer."""
    rng = random.Random(number)
    institution = INSTITUTIONS[number % 2]
    for i in range(count):
        card = rng.choice([1, 1, 1, 1, 2, 3, 4])
        identifier = "%d-%d" % (number // 2, i)  # two institutions share their identifiers
        if rng.random() < 0.1:  # a reader that spoils the signature first
            said = attempt(server[0], rng, institution, identifier, card, spoil=True)
            with lock:
                (answered if said else lost)["bad" if said else "attempts"] += 1
            if said not in (None, "OE3004"):
                check("a spoiled signature is refused", False, said)
        again = 1 + (rng.random() < 0.2)  # some ask again although they were answered
        until = time.time() + 60
        while again > 0 and time.time() < until:
            said = attempt(server[0], rng, institution, identifier, card)
            with lock:
                if said is None:
                    lost["attempts"] += 1
                else:
                    answered[said] += 1
                    transactions.setdefault((institution, identifier, card), []).append(said)
                    again -= 1
            if said is None:
                time.sleep(0.05)


def run_terminals(server, numbers, count, disturb):
    threads = [threading.Thread(target=terminal, args=(server, n, count)) for n in numbers]
    for t in threads:
        t.start()
    disturb(threads)
    for t in threads:
        t.join()


def kills(server):
    """kill -9 of a worker, of both, of the whole responder with its workers; begun anew."""
    def disturb(threads):
        for turn in range(6):
            time.sleep(0.5)
            if not any(t.is_alive() for t in threads):
                break
            workers = server[0].workers()
            if turn == 3:
                port = server[0].port
                server[0].p.kill()
                for pid in workers:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                server[0].p.wait()
                server[0] = o.Server(ROOT + "/site.yaml")
                check("begun anew", server[0].port is not None and port is not None)
            else:
                for pid in workers[:1 + turn % 2]:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
    return disturb


def lines():
    return [r for r in o.journal(ROOT) if r["Kind"] == "card"]


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    site = o.make_site(ROOT, True)
    text = open(site).read().replace("masters:\n", 'masters:\n  prices: "masters/ryokin.csv"\n')
    open(site, "w").write(text)
    o.tinyset(site, 1)
    os.makedirs(ROOT + "/masters", exist_ok=True)
    open(ROOT + "/masters/senders.csv", "w").write(
        "Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\r\n06139992,intermediate,shikaku,TEST,,\r\n")
    open(ROOT + "/masters/insurers.csv", "w").write(
        "InsurerNumber,InsurerCode,Scheme,InsurerName,Prefecture,Sender\r\n"
        "06139992,06139992,society,TEST,13,06139992\r\n")
    open(ROOT + "/masters/ryokin.csv", "w").write(
        "PriceTable,Use,Price,ValidFrom,ValidUntil\r\nT-1,1,1300,20200101,\r\nT-1,2,700,20200101,\r\n")
    day = datetime.datetime.strptime(o.TODAY, "%Y%m%d").date()
    server = [o.Server(site)]
    run_terminals(server, range(2), 30, lambda threads: None)
    check("nothing was lost while nothing was killed", lost["attempts"] == 0, lost)
    check("lines = answers", len(lines()) == sum(answered.values()), (len(lines()), answered))
    run_terminals(server, range(2, 6), 30, kills(server))
    check("some answers were lost to the kills", lost["attempts"] > 0, lost)
    status = server[0].stop()
    check("the responder ends", status == 0, status)
    rows = lines()
    extra = len(rows) - sum(answered.values())
    check("no answer without its line; lines beyond are answers that were lost",
          0 <= extra <= lost["attempts"], (extra, lost, answered))
    wanted = Counter()
    for (_, _, card), said in transactions.items():
        what, checks, provisions = CARDS[card]
        check("card %d is answered %s" % (card, what), set(said) == {what}, said) if set(said) != {what} else None
        wanted["checks"] += checks
        wanted["provisions"] += provisions
    check("every patient was answered", len(transactions) == 6 * 30, len(transactions))
    check("there were retries", sum(answered.values()) > len(transactions) + 10, answered)

    r = batch("collect", day.isoformat())
    check("collect", r.returncode == 0, r.stderr)
    records = []
    for path in glob.glob(Q + "/out/usage/riyo-*.csv"):
        records += [x.split(",") for x in open(path).read().splitlines() if x.startswith("2,")]
    bill = Counter((x[3], x[13]) for x in records)
    check("billable checks = transactions answered, difference 0", bill[("1", "1")] == wanted["checks"],
          (bill, wanted))
    check("billable provisions = transactions answered with a person, difference 0",
          bill[("2", "1")] == wanted["provisions"], (bill, wanted))
    proven = [x for x in rows if x["CardResult"] != "bad"]
    check("records = lines with a proven card", sum(n for (use, _), n in bill.items() if use == "1") == len(proven),
          (bill, len(proven)))
    check("a spoiled signature is no check", answered["bad"] > 0 and len(proven) < len(rows))

    # the month, seen from its end: the last day is collected, then billed
    last = (day.replace(day=28) + datetime.timedelta(days=4)).replace(day=1) - datetime.timedelta(days=1)
    clock = "@%s 15:30:00" % last.isoformat()  # UTC: half past midnight of the first
    if last != day:
        r = batch("collect", last.isoformat(), clock)
        check("collect of the last day", r.returncode == 0, r.stderr)
    r = batch("bill", last.isoformat(), clock)
    check("bill", r.returncode == 0, r.stderr)
    month = last.strftime("%Y%m")
    summary = [x.split(",") for x in open(Q + "/out/usage/riyo_month-%s.csv" % month).read().splitlines()
               if x.startswith("2,")]
    units = Counter()
    for x in summary:
        units[x[3]] += int(x[7])
    check("the month's units = transactions answered", units == Counter(
        {"1": wanted["checks"], "2": wanted["provisions"]}), (units, wanted))
    burden = [x.split(",") for x in open(Q + "/out/usage/futan-%s.csv" % month, encoding="utf-8").read().splitlines()
              if x.startswith("2,")]
    check("the bill's units are they too", sum(int(x[7]) for x in burden) == wanted["checks"]
          and sum(int(x[8]) for x in burden) == wanted["provisions"], burden)
    by = Counter()
    for (_, _, card), said in transactions.items():
        by[CARDS[card][1] + CARDS[card][2]] += 1
    yen = {("%08d" % 0): by[1] * 1300 // 1000}
    insurer = next(x["InsurerCode"] for x in rows if x["InsurerCode"])
    yen[insurer] = by[2] * 2000 // 1000
    check("and the yen", {x[4]: int(x[10]) for x in burden} == yen, (burden, yen))
    r = batch("verify", None)
    check("verify proves all of it", r.returncode == 0 and " months=1 " in r.stdout, (r.stdout, r.stderr))
    print("count: %d passed, %d failed" % (o.passed, o.failed))
    return o.failed > 0


if __name__ == "__main__":
    sys.exit(main())
