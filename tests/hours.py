"""When questions are answered, to the millisecond (tests/part-hours.sh).

The responder's CLOCK_REALTIME is libfaketime's and stands still at the moment
each row names; its monotonic clock goes on. What counts is the moment the
head of a request has been read, not the one of the answer.
"""
import datetime
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, "tests")
import online as o  # noqa: E402

o.ROOT = ROOT = o.B + "/part-hours"
o.PKI = PKI = ROOT + "/pki"
check = o.check
STAMP = PKI + "/clock"  # a folder that a confined worker may read
D = datetime.datetime.strptime(o.TODAY, "%Y%m%d")
QUESTION = o.number("12-34", "19800505")


def day(n):
    return (D + datetime.timedelta(days=n)).strftime("%Y-%m-%d")


# n-th day from today, JST, answered or the Retry-After, what it shows.
# Today 8:00-21:00; tomorrow until midnight, then two hours more; the third
# day after that is closed.
EXCEPTIONS = "%s 08:00-24:00, %s 00:00-02:00, %s closed, %s 11:00-12:00" % (
    day(1), day(2), day(3), day(5))
EDGES = [
    (0, "00:00:00.000", 8 * 3600, "midnight is before 8:00"),
    (0, "07:59:58.999", 2, "the wait is rounded up to whole seconds"),
    (0, "07:59:59.000", 1, "a second before opening"),
    (0, "07:59:59.999", 1, "the last millisecond before opening"),
    (0, "08:00:00.000", None, "the first millisecond"),
    (0, "20:59:59.999", None, "the last millisecond"),
    (0, "21:00:00.000", 11 * 3600, "closed on the dot"),
    (0, "21:00:00.001", 11 * 3600, "a part of a second counts as one"),
    (0, "23:59:59.999", 8 * 3600 + 1, "a day's last millisecond"),
    (1, "07:59:59.999", 1, "a longer day begins as others do"),
    (1, "21:00:00.000", None, "a longer day goes on at 21:00"),
    (1, "23:59:59.999", None, "until its last millisecond"),
    (2, "00:00:00.000", None, "and over midnight into the next"),
    (2, "01:59:59.999", None, "which ends at 2:00"),
    # the next day is closed, so it opens at 8:00 on the one after
    (2, "02:00:00.000", 54 * 3600, "over a closed day to the next opening"),
    (2, "12:00:00.000", 44 * 3600, "noon of a day that was open at night only"),
    (3, "08:00:00.000", 24 * 3600, "a closed day does not open"),
    (3, "20:59:59.999", 11 * 3600 + 1, "and has no last millisecond"),
    (5, "10:59:59.999", 1, "a shorter day opens later"),
    (5, "11:00:00.000", None, "at its own hour"),
    (5, "11:59:59.999", None, "until its own last millisecond"),
    (5, "12:00:00.000", 20 * 3600, "and opens again the day after"),
]


def moment(n, clock):
    t = D + datetime.timedelta(days=n)
    h, m, s = clock.split(":")
    t += datetime.timedelta(hours=int(h), minutes=int(m), milliseconds=round(float(s) * 1000))
    return t - datetime.timedelta(hours=9)  # the responder's TZ is UTC


def set_clock(n, clock):
    t = moment(n, clock)
    with open(STAMP + ".new", "w") as f:
        f.write(t.strftime("%Y-%m-%d %H:%M:%S") + ".%03d\n" % (t.microsecond // 1000))
    os.rename(STAMP + ".new", STAMP)


def ask_at(s, n, clock, conn=None):
    """Sets the clock and has every worker believe it, then asks."""
    set_clock(n, clock)
    end = time.monotonic() + 8
    while True:
        s.p.send_signal(signal.SIGHUP)
        time.sleep(0.05)
        a = o.ask(s, QUESTION, conn=conn)
        if a["code"] != "OE9001" or time.monotonic() > end:
            return a


def stamp_of(n, clock):
    return day(n) + "T" + clock + "+09:00"


def test_edges(s):
    for n, clock, wait, why in EDGES:
        a = ask_at(s, n, clock)
        name = "day %d %s: %s" % (n, clock, why)
        if wait is None:
            check(name, a["status"] == 200 and a["validity"] == "1"
                  and "retry-after" not in a["headers"], a)
        else:
            check(name, a["status"] == 503 and a["code"] == "OE4001"
                  and a["headers"].get("retry-after") == str(wait), a)
        check(name + " (time of the answer)", a["head"]["ProcessExecutionTime"]
              == (day(n) + clock[:8]).replace("-", "").replace(":", ""), a["head"])
    time.sleep(0.3)
    at = [r["At"] for r in o.journal(ROOT)]
    check("the journal has every edge to the millisecond",
          all(stamp_of(n, clock) in at for n, clock, _, _ in EDGES), at[-5:])


def raw_request(parts, conn, between):
    """Sends the parts, calling between() after each but the last."""
    for i, part in enumerate(parts):
        conn.sock.sendall(part)
        if i + 1 < len(parts):
            time.sleep(0.2)
            between()
            time.sleep(0.1)
    r = http.client.HTTPResponse(conn.sock, method="POST")
    r.begin()
    data = r.read()
    return r.status, data


def test_acceptance(s):
    body = o.json.dumps(QUESTION).encode()
    head = (b"POST /oqs-api/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body))
    cases = [
        ("head read at 20:59:59.999, body at 21:00: answered",
         [head + body[:40], body[40:]], "20:59:59.999", "21:00:00.000", 200),
        ("head not whole before 21:00: refused",
         [head[:-2], head[-2:] + body], "20:59:59.999", "21:00:00.000", 503),
        ("head read at 07:59:59.999, body at 8:00: refused",
         [head + body[:40], body[40:]], "07:59:59.999", "08:00:00.000", 503),
        ("head not whole before 8:00: answered",
         [head[:-2], head[-2:] + body], "07:59:59.999", "08:00:00.000", 200),
    ]
    for name, parts, before, after, want in cases:
        first = ask_at(s, 0, before)
        conn = o.connect(s)
        status, data = raw_request(parts, conn, lambda: set_clock(0, after))
        conn.close()
        check(name, status == want and first["status"] in (200, 503)
              and (b"OE4001" in data) == (want == 503), (status, data[:300]))


def test_open_connections(s):
    """21:00 lets go who is silent; a client that asks again is refused."""
    ask_at(s, 0, "20:59:59.000")
    silent = o.connect(s)
    o.ask(s, QUESTION, conn=silent)
    set_clock(0, "21:00:00.000")
    silent.sock.settimeout(5)
    try:
        left = silent.sock.recv(1)
    except socket.timeout:
        left = None
    check("a silent connection is closed at 21:00", left == b"", left)
    a = o.ask(s, QUESTION)
    check("a new connection is told", a["status"] == 503 and a["code"] == "OE4001", a)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    site = o.make_site(ROOT, False)
    with open(site, "a") as f:
        f.write("service:\n  exceptions: \"%s\"\n" % EXCEPTIONS)
    subprocess.run([o.B + "/tool-tinyset", site, o.TODAY, "1"], check=True)
    set_clock(0, "07:00:00.000")
    os.environ.update(FAKETIME_TIMESTAMP_FILE=STAMP, FAKETIME_NO_CACHE="1",
                      DONT_FAKE_MONOTONIC="1")
    s = o.Server(site, clock="+0")
    try:
        test_edges(s)
        test_acceptance(s)
        test_open_connections(s)
    finally:
        check("stops", s.stop() == 0)
    print("hours: %d passed, %d failed" % (o.passed, o.failed))
    return o.failed != 0


if __name__ == "__main__":
    sys.exit(main())
