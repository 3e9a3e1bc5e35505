"""Clients that hold connections and never finish (tests/part-slow.sh).

Ten thousand of every kind at once: silent after connecting, in the middle of
a handshake, of a head, of a body, and such as ask and never read. Beside them
honest clients go on being answered; each slow one is cut by its deadline of
ten seconds, however busily it trickles. Then slowhttptest, which knows no
client certificates, through a haproxy that has one.
"""
import json
import os
import re
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, "tests")
import online as o  # noqa: E402

o.ROOT = ROOT = o.B + "/part-slow"
o.PKI = PKI = ROOT + "/pki"
check = o.check
SLOW = 10000
TLS = int(os.environ.get("SLOW_TLS", "300"))
ATTACK = int(os.environ.get("ATTACK_SECONDS", "8"))
DEADLINE = 10  # a handshake, a request, the taking of an answer
ASAN = os.environ.get("VARIANT") == "asan"  # its memory and time are its own
MOST = 40 << 10  # bytes of worker memory per connection (the bench's row for idle ones)
BODY = json.dumps(o.number("12-34", "19800505")).encode()
HEAD = (b"POST /oqs-api/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n" % len(BODY))
# half a ClientHello: the record says 512 bytes, 100 come
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 89


def metrics():
    out = subprocess.run(["curl", "-s", "--max-time", "5", "--unix-socket", ROOT + "/admin.sock",
                          "http://admin/metrics"], capture_output=True, text=True).stdout
    return {k: float(v) for k, v in re.findall(r"^(\w+)(?:_total)? (\S+)$", out, re.M)}


def metric(name):
    m = metrics()
    return next(v for k, v in m.items() if k.startswith("shikaku_" + name))


def rss(s):
    total = 0
    for pid in s.workers():
        with open("/proc/%d/status" % pid) as f:
            total += int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1)) << 10
    return total


def honest(s, requests, *more):
    """tool-ask's figures: 16 connections, kept open or a handshake each."""
    out = subprocess.check_output(
        [o.B + "/tool-ask", "-p", str(s.port), "-k", PKI + "/institutions/%s.key" % o.HOME,
         "-t", PKI + "/institutions/%s.pem" % o.HOME, "-i", o.HOME, "-c", "16",
         "-n", str(requests), "-d", o.TODAY, "-q", ROOT + "/questions.tsv", *more], text=True,
        env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))  # the client only ends
    return {k: float(v) for k, v in (l.split()[:2] for l in out.splitlines() if l)}


def plain(s):
    return socket.create_connection(("127.0.0.1", s.port), timeout=10)


def secure(s, ctx):
    c = socket.socket()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    c.settimeout(10)
    c.connect(("127.0.0.1", s.port))
    return ctx.wrap_socket(c)


def trickle(held, stop):
    """One more byte each second, for whom a deadline per byte would be good."""
    while not stop.wait(1):
        for c, more in held:
            try:
                c.send(more)
            except OSError:
                pass


def is_cut(c):
    """The server has ended it: nothing, a reset, or no more after what came."""
    try:
        c.settimeout(0.2)
        while c.recv(65536):
            pass
        return True
    except (TimeoutError, socket.timeout):
        return False
    except OSError:
        return True


def test_ten_thousand(s):
    ctx = o.context(o.HOME)
    held, drip, stop = [], [], threading.Event()
    before = honest(s, 3000)
    memory = rss(s)
    slow_before = metric("connections_slow")
    trickler = threading.Thread(target=trickle, args=(drip, stop), daemon=True)
    began = time.monotonic()
    try:
        for i in range(TLS):
            c = secure(s, ctx)
            held.append(c)
            if i % 3 == 0:  # slow head
                c.sendall(HEAD[:40])
                drip.append((c, b"a"))
            elif i % 3 == 1:  # slow body
                c.sendall(HEAD + b"\r\n" + BODY[:10])
                drip.append((c, b" "))
            else:  # asks, and never reads an answer
                c.settimeout(0.05)
                try:
                    for _ in range(1000):
                        c.sendall(HEAD + b"\r\n" + BODY)
                except (TimeoutError, socket.timeout):
                    pass
        trickler.start()
        for i in range(SLOW - TLS):
            c = plain(s)
            held.append(c)
            if i % 2 == 0:
                c.sendall(HELLO)
        connected = time.monotonic() - began
        time.sleep(0.5)  # what the workers last told
        there = metric("connections")
        grown = rss(s) - memory
        kept = honest(s, 3000)
        fresh = honest(s, 200, "-m", "full")
        print("slow: %d connected in %.1f s, %.1f KiB each; p99 alone %.1f ms, beside them %.1f ms, "
              "of new handshakes %.1f ms" % (len(held), connected, grown / there / 1024,
                                             before["p99_us"] / 1e3, kept["p99_us"] / 1e3,
                                             fresh["p99_us"] / 1e3))
        check("all but those cut already are held at once", there > SLOW - TLS, there)
        check("kept connections: all answered beside %d slow ones" % SLOW,
              kept["not_200"] == kept["failed"] == 0 and kept["valid"] == 3000, kept)
        check("their p99 stays below 250 ms", (ASAN or kept["p99_us"] < 250e3), kept)
        check("new clients come in", fresh["failed"] == 0, fresh)
        check("a slow one costs less than an idle one may", ASAN or grown < MOST * there, (grown, there))
        time.sleep(max(0, began + connected + DEADLINE + 3 - time.monotonic()))
        left = [i for i, c in enumerate(held) if not is_cut(c)] if metric("connections") else []
        check("each is cut by its deadline, trickling or not", left == [], left[:20])
        check("and counted", metric("connections_slow") - slow_before >= SLOW - 10,
              (metric("connections_slow"), slow_before))
    finally:
        stop.set()
        for c in held:
            c.close()
    after = honest(s, 500)
    check("as if nothing had been", after["not_200"] == after["failed"] == 0, after)
    check("their memory has been given back", ASAN or rss(s) - memory < grown / 2, (rss(s), memory, grown))


def haproxy(s):
    """Plain HTTP in, the institution's mutual TLS out: byte for byte."""
    with open(ROOT + "/client.pem", "w") as f:
        for end in ("pem", "key"):
            with open("%s/institutions/%s.%s" % (PKI, o.HOME, end)) as g:
                f.write(g.read())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(ROOT + "/haproxy.cfg", "w") as f:
        f.write("global\n maxconn 4000\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n"
                " timeout server 60s\nlisten front\n bind 127.0.0.1:%d\n"
                " server responder 127.0.0.1:%d ssl crt %s/client.pem verify none\n"
                % (port, s.port, ROOT))
    p = subprocess.Popen(["haproxy", "-db", "-f", ROOT + "/haproxy.cfg"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(50):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    return p, port


def test_slowhttptest(s):
    if not shutil.which("slowhttptest") or not shutil.which("haproxy"):
        print("SKIP slowhttptest: it or haproxy is not installed")
        return
    p, port = haproxy(s)
    url = "http://127.0.0.1:%d" % port
    kinds = {
        "slow headers": ["-H", "-t", "GET", "-u", url + "/healthz", "-i", "2"],
        "slow body": ["-B", "-u", url + "/oqs-api/search", "-i", "2", "-s", "8192",
                      "-f", "application/json"],
        "slow read": ["-X", "-u", url + "/readyz", "-w", "8", "-y", "16", "-n", "3", "-z", "4", "-k", "3"],
    }
    attacks = {}
    try:
        for name, args in kinds.items():
            attacks[name] = subprocess.Popen(
                ["slowhttptest", *args, "-c", "500", "-r", "250", "-l", str(ATTACK), "-p", "3"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(3)
        kept = honest(s, 1000)
        check("beside slowhttptest honest ones are answered",
              kept["not_200"] == kept["failed"] == 0 and (ASAN or kept["p99_us"] < 250e3), kept)
        for name, attack in attacks.items():
            out = re.sub(r"\x1b\[[0-9;]*[mHJ]", "", attack.communicate()[0])
            available = re.findall(r"service available:\s+(\w+)", out)
            check("slowhttptest, %s: the service is there all the time" % name,
                  available and set(available) == {"YES"}, out[-600:])
    finally:
        p.terminate()
        p.wait()


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < SLOW + 500:
        print("SKIP slow: fewer than %d descriptors" % (SLOW + 500))
        print("slow: 0 passed, 0 failed")
        return 0
    site = o.make_site(ROOT, True)
    o.ROOT = ROOT
    subprocess.run([o.B + "/tool-tinyset", site, o.TODAY, "1"], check=True)
    with open(ROOT + "/questions.tsv", "w") as f:
        f.write("insurer\tsymbol\tnumber\tbranch\tbirth\n06139992\t12-34\t5678\t\t19800505\n")
    s = o.Server(site)
    try:
        test_ten_thousand(s)
        test_slowhttptest(s)
    finally:
        check("stops", s.stop() == 0)
    print("slow: %d passed, %d failed" % (o.passed, o.failed))
    return o.failed != 0


if __name__ == "__main__":
    sys.exit(main())
