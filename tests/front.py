"""jobs/nginx.conf run by a real nginx in front of a real responder
(tests/part-front.sh). The certificates are made by the openssl command."""
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, "tests")
import online as o  # noqa: E402
import tenants as t  # noqa: E402

o.ROOT = t.ROOT = ROOT = o.B + "/part-front"
o.PKI = t.PKI = PKI = ROOT + "/pki"
check = o.check
HOME, OTHER = o.HOME, "1319900028"
THEIRS = "tenants/theirs"  # OTHER's certificate


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    def __init__(self, port, front):
        self.tcp, self.https = free_port(), free_port()
        run = ROOT + "/nginx"
        os.makedirs(run, exist_ok=True)
        words = {"RUN": run, "RESPONDER": "127.0.0.1:%d" % port, "TCP": "127.0.0.1:%d" % self.tcp,
                 "HTTPS": "127.0.0.1:%d" % self.https, "CERT": PKI + "/server.pem", "KEY": PKI + "/server.key",
                 "CLIENT_CA": PKI + "/institution-ca.pem", "CLIENT_CRL": PKI + "/institution-ca.crl",
                 "FRONT_CERT": "%s/%s.pem" % (PKI, front), "FRONT_KEY": "%s/%s.key" % (PKI, front),
                 "SERVER_CA": PKI + "/site-ca.pem", "SERVER_NAME": "localhost"}
        with open("jobs/nginx.conf") as f:
            text = f.read()
        for word, value in words.items():
            text = text.replace("@%s@" % word, value)
        with open(run + "/nginx.conf", "w") as f:
            f.write(text.replace("worker_processes 2;", "worker_processes 1;"))
        r = subprocess.run(["nginx", "-t", "-c", run + "/nginx.conf", "-e", run + "/error.log"],
                           capture_output=True, text=True)
        check("nginx takes jobs/nginx.conf, every word replaced", r.returncode == 0 and not re.search("@[A-Z_]+@", text), r.stderr)
        self.p = subprocess.Popen(["nginx", "-c", run + "/nginx.conf", "-g", "daemon off;",
                                   "-e", run + "/error.log"])
        for port in (self.tcp, self.https):
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)

    def stop(self):
        self.p.terminate()
        self.p.wait()


class Door:
    """A port, for what wants a server."""

    def __init__(self, port):
        self.port = port


def ask_with(door, headers, client=HOME, code=HOME):
    c = o.connect(door, client)
    c.request("POST", "/oqs-api/search", body=json.dumps(t.question(code)),
              headers={"Content-Type": "application/json", **headers})
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, data


def test_tcp(n):
    door = Door(n.tcp)
    a = o.ask(door, o.number("12-34", "19800505"))
    check("TCP: answered, as the client's own certificate", a["status"] == 200 and a["validity"] == "1", a)
    status, data = ask_with(door, {}, client=THEIRS)
    check("TCP: another's code is refused", status == 403 and b"OE3002" in data, (status, data))
    a = o.ask(door, o.card_question(o.challenge(door), 1))
    check("TCP: a card", a["validity"] == "1", a)


def test_http(n):
    door = Door(n.https)
    conn = o.connect(door)
    for i in range(3):
        a = o.ask(door, o.number("12-34", "19800505"), conn=conn)
        check("HTTP: answered for the certificate named (%d)" % i, a["status"] == 200 and a["validity"] == "1", a)
    conn.close()
    a = o.ask(door, o.card_question(o.challenge(door), 1))
    check("HTTP: a card; its challenge is the named terminal's", a["validity"] == "1", a)
    for cert, code, want in ((THEIRS, OTHER, 200), (THEIRS, HOME, 403), (HOME, OTHER, 403)):
        status, data = ask_with(door, {}, client=cert, code=code)
        check("HTTP: %s speaks as %s: %d" % (cert, code, want), status == want
              and (want == 200 or b"OE3002" in data), (status, data))
    with open("%s/institutions/%s.pem" % (PKI, HOME)) as f:
        mine = urllib.parse.quote(f.read(), safe="")
    status, data = ask_with(door, {"X-Client-Cert": mine}, client=THEIRS)
    check("HTTP: a client's own X-Client-Cert counts for nothing", status == 403 and b"OE3002" in data, (status, data))
    try:
        status, data = ask_with(door, {}, client=None)
        check("HTTP: nobody without a certificate", status == 400, (status, data))  # nginx says it in HTTP
    except (ssl.SSLError, ConnectionError):
        check("HTTP: nobody without a certificate", True)
    status, _, data = o.post(door, b"", client=HOME, path="/healthz", due=0)
    check("HTTP: only questions pass", status == 404, (status, data))


def test_believed(s, front):
    """Straight to the responder, in every way somebody might pretend."""
    def pem(stem):
        with open("%s/%s.pem" % (PKI, stem)) as f:
            return urllib.parse.quote(f.read(), safe="")
    mine, revoked = pem("institutions/" + HOME), t.issue("tenants/f-revoked", "/CN=TERM10/OU=" + HOME)
    late, _ = t.issue("tenants/f-late", "/CN=TERM11/OU=" + HOME, int(time.time()) - 5)
    t.revoke(revoked[1])
    time.sleep(1.5)  # the responder has the new list
    named, _ = t.issue("tenants/f-named", "/CN=front/OU=" + OTHER)
    other, _ = t.issue("tenants/f-other", "/CN=front2")
    rows = [  # certificate of the connection, header, status, code
        ("the front end, for the institution", front, mine, 200, None),
        ("the front end, without a header", front, None, 403, b"OE3003"),
        ("the front end, with an empty one", front, "", 403, b"OE3003"),
        ("the front end, with something else", front, "%41%4", 403, b"OE3003"),
        ("the front end, for no certificate", front, "hello", 403, b"OE3003"),
        ("the front end, for itself", front, pem(front), 403, b"OE3001"),
        ("the front end, for a certificate of another CA", front, pem("server"), 403, b"OE3003"),
        ("the front end, for a revoked one", front, pem(revoked[0]), 403, b"OE3003"),
        ("the front end, for one run out", front, pem(late), 403, b"OE3003"),
        ("an institution, naming another", THEIRS, mine, 403, b"OE3002"),
        ("an institution whose CN is the front end's", named, mine, 403, b"OE3002"),
        ("another front end", other, mine, 403, b"OE3001"),
    ]
    for what, cert, header, want, code in rows:
        status, data = ask_with(s, {} if header is None else {"X-Client-Cert": header}, client=cert)
        check(what + ": %d" % want, status == want and (code is None or code in data)
              and (want == 200 or "見本".encode() not in data), (status, data[:300]))
    body = json.dumps(t.question(HOME)).encode()
    conn = o.connect(s, front)
    conn.putrequest("POST", "/oqs-api/search")
    for k, v in (("Content-Type", "application/json"), ("Content-Length", str(len(body))),
                 ("X-Client-Cert", mine), ("X-Client-Cert", mine)):
        conn.putheader(k, v)
    conn.endheaders(body)
    r = conn.getresponse()
    check("the front end, naming two: 403", r.status == 403 and b"OE3003" in r.read(), r.status)
    conn.close()


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(PKI + "/tenants")
    site = o.make_site(ROOT, True)
    o.tinyset(site, 1)
    with open(site) as f:
        text = f.read()
    with open(site, "w") as f:
        f.write(text.replace("  workers: 2\n", "  workers: 2\n  front: \"front\"\n"))
    plain = ROOT + "/plain.yaml"
    with open(plain, "w") as f:
        f.write(text)
    front, _ = t.issue("tenants/front", "/CN=front")
    t.issue(THEIRS, "/CN=TERM01/OU=" + OTHER)
    s = o.Server(site)
    n = Nginx(s.port, front)
    try:
        test_tcp(n)
        test_http(n)
        test_believed(s, front)
    finally:
        n.stop()
        s.stop()
    s = o.Server(plain)
    with open("%s/institutions/%s.pem" % (PKI, HOME)) as f:
        mine = urllib.parse.quote(f.read(), safe="")
    status, data = ask_with(s, {"X-Client-Cert": mine}, client=front)
    check("without responder.front nobody speaks for another", status == 403 and b"OE3001" in data, (status, data))
    s.stop()
    print("front: %d passed, %d failed" % (o.passed, o.failed))
    return o.failed != 0


if __name__ == "__main__":
    sys.exit(main())
