"""The responder as a whole: tests/part-online.sh runs this.

tool-tinyset (tests/tools/tinyset.c) makes keys and a published snapshot set
of a handful of people; every expected value below was read from there and
from the OQS messages, not from answers.
"""
import base64
import datetime
import glob
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time

B = os.environ["B"]
TOP = os.getcwd()
ROOT = os.path.join(B, "part-online")
PKI = os.path.join(ROOT, "pki")
TODAY = (datetime.datetime.utcnow() + datetime.timedelta(hours=9)).strftime("%Y%m%d")
LOST = (datetime.datetime.strptime(TODAY, "%Y%m%d") - datetime.timedelta(days=200)).strftime("%Y%m%d")
BEFORE = (datetime.datetime.strptime(TODAY, "%Y%m%d") - datetime.timedelta(days=201)).strftime("%Y%m%d")
HOME = "1319900010"  # answers in UTF-8
SJIS = "0119900017"  # answers in Shift_JIS

# a sanitizer's runtime does not mind faketime's library before it
os.environ["ASAN_OPTIONS"] = "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")

passed = failed = 0
lines_due = 0  # questions and refusals that must each have a usage line


def check(what, ok, seen=None):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED: %s%s" % (what, "" if seen is None else ": %r" % (seen,)))
        sys.stdout.flush()


# ---- server ----

class Server:
    def __init__(self, site, clock=None, limit=None):
        cmd = [B + "/shikaku-responder", "-c", site]
        env = {**os.environ, "TZ": "UTC"}
        if clock:  # the faketime program would stand between us and SIGTERM
            env["LD_PRELOAD"] = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")[0]
            if "FAKETIME_TIMESTAMP_FILE" not in env:
                env["FAKETIME"] = clock
        if limit:
            cmd = ["bash", "-c", "ulimit -f %d; exec \"$@\"" % limit, "x"] + cmd
        self.p = subprocess.Popen(cmd, stderr=subprocess.PIPE, text=True, env=env)
        self.log = []
        self.port = None
        for line in self.p.stderr:
            self.log.append(line)
            m = re.search(r"ready address=\S+ port=(\d+)", line)
            if m:
                self.port = int(m.group(1))
                break
        threading.Thread(target=self.drain, daemon=True).start()
        if self.port is None:
            self.p.wait()
            print("".join(self.log))

    def drain(self):
        for line in self.p.stderr:
            self.log.append(line)

    def workers(self):
        out = subprocess.run(["pgrep", "-P", str(self.p.pid)],
                             capture_output=True, text=True).stdout
        def is_worker(pid):
            try:
                with open("/proc/%s/comm" % pid) as f:
                    return f.read() != "shikaku-admin\n"
            except OSError:
                return False
        return sorted(int(x) for x in out.split() if is_worker(x))

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        try:
            return self.p.wait(20)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return -1


def context(client):
    c = ssl.create_default_context(cafile=PKI + "/site-ca.pem")
    c.check_hostname = False
    if client:
        stem = client if "/" in client else "institutions/" + client
        c.load_cert_chain("%s/%s.pem" % (PKI, stem), "%s/%s.key" % (PKI, stem))
    return c


def connect(server, client=HOME):
    c = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=20,
                                    context=context(client))
    c.connect()
    return c


def post(server, body, client=HOME, path="/oqs-api/search",
         kind="application/json", conn=None, due=1):
    """Status, headers, body."""
    global lines_due
    lines_due += due
    c = conn or connect(server, client)
    c.request("POST", path, body=body, headers={"Content-Type": kind} if kind else {})
    r = c.getresponse()
    data = r.read()
    if conn is None:
        c.close()
    return r.status, dict((k.lower(), v) for k, v in r.getheaders()), data


def header(institution, day=TODAY, ident=None):
    h = {"QualificationConfirmationDate": day, "MedicalInstitutionCode": institution}
    if ident:
        h["ArbitraryFileIdentifier"] = ident
    return h


def number(symbol, birth, institution=HOME, insurer="06139992", num="5678",
           branch=None, day=TODAY):
    info = {"InsurerNumber": insurer}
    if symbol:
        info["InsuredCardSymbol"] = symbol
    info["InsuredIdentificationNumber"] = num
    if branch:
        info["InsuredBranchNumber"] = branch
    info["Birthdate"] = birth
    info["LimitApplicationCertificateRelatedConsFlg"] = "0"
    return {"XmlMsg": {"MessageHeader": header(institution, day, "ID1"),
                       "MessageBody": {"QualificationConfirmSearchInfo": info}}}


def as_xml(q, encoding="UTF-8"):
    def put(name, v):
        if isinstance(v, dict):
            return "<%s>%s</%s>" % (name, "".join(put(k, x) for k, x in v.items()), name)
        return "<%s>%s</%s>" % (name, v, name)
    text = "<?xml version=\"1.0\" encoding=\"%s\" standalone=\"no\"?>" % encoding
    text += put("XmlMsg", q["XmlMsg"])
    return text.encode("cp932" if encoding == "Shift_JIS" else "utf-8")


def ask(server, q, **how):
    status, headers, data = post(server, json.dumps(q), **how)
    m = json.loads(data)["XmlMsg"]
    result = [x["ResultOfQualificationConfirmation"]
              for x in m["MessageBody"].get("ResultList", [])]
    return {"status": status, "headers": headers, "head": m["MessageHeader"],
            "body": m["MessageBody"], "validity": m["MessageBody"].get("QualificationValidity"),
            "code": m["MessageHeader"].get("ErrorCode"),
            "result": result[0] if result else None}


# ---- questions by number ----

def test_numbers(s):
    a = ask(s, number("12-34", "19800505"))
    check("valid: 200, 1", a["status"] == 200 and a["validity"] == "1", a)
    check("valid: the record", a["result"]["Name"] == "見本　太郎"
          and a["result"]["InsurerName"] == "見本健康保険組合"
          and a["result"]["Address"] == "架空県見本市一丁目"
          and a["result"]["InsuredCardClassification"] == "01", a["result"])
    check("valid: echo and header", a["head"]["ArbitraryFileIdentifier"] == "ID1"
          and a["head"]["MedicalInstitutionCode"] == HOME
          and a["head"]["SegmentOfResult"] == "1"
          and a["body"]["QualificationConfirmSearchInfo"]["InsuredCardSymbol"] == "12-34", a)
    check("answers are not stored", a["headers"].get("cache-control") == "no-store")
    a = ask(s, number("１２－３５", "19810505"))
    check("lost: 2 with date and reason", a["validity"] == "2"
          and a["result"]["DisqualificationDate"] == LOST
          and a["result"]["ReasonOfLoss"] == "99", a)
    a = ask(s, number("12-35", "19810505", day=BEFORE))
    check("lost, asked for the day before: 1", a["validity"] == "1", a)
    a = ask(s, number("12-36", "19820505"))
    check("new card elsewhere: 3 with the old record", a["validity"] == "3"
          and a["result"]["InsurerNumber"] == "06139992"
          and a["result"]["ReasonOfLoss"] == "03", a)
    a = ask(s, number("12-99", "19800505"))
    check("nobody: 200, 4, no list", a["status"] == 200 and a["validity"] == "4"
          and "ResultList" not in a["body"], a)
    a = ask(s, number("12-37", "20100505"))
    check("twins: 5, no list", a["validity"] == "5" and a["result"] is None, a)
    a = ask(s, number("12-37", "20100505", branch="02"))
    check("twins by branch: 1", a["validity"] == "1"
          and a["result"]["Name"] == "見本　二子", a)
    a = ask(s, number(None, "19661120", insurer="00139998", num="4260"))
    check("municipal: 1, number with zeros in JSON", a["validity"] == "1"
          and a["result"]["InsurerNumber"] == "00139998", a)


def test_xml(s):
    status, headers, data = post(s, as_xml(number("１２－３４", "19800505")),
                                 kind="application/xml")
    check("XML: declaration and type", status == 200 and data.startswith(
        b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<XmlMsg>\n')
          and headers["content-type"] == "application/xml; charset=UTF-8", data[:200])
    check("XML: valid", "<QualificationValidity>1<".encode() in data, data)
    q = number(None, "19661120", institution=SJIS, insurer="  139998", num="4260")
    status, headers, data = post(s, as_xml(q, "Shift_JIS"), client=SJIS,
                                 kind="application/xml")
    text = data.decode("cp932")
    check("Shift_JIS by institution", status == 200
          and 'encoding="Shift_JIS"' in text
          and "<CharacterCodeIdentifier>1<" in text, text)
    check("Shift_JIS: substitute for what it lacks", "<Name>●田　髙子<" in text, text)
    check("XML: NHI number with two blanks", "<InsurerNumber>  139998<" in text, text)
    status, _, data = post(s, b"<XmlMsg>", client=SJIS, kind="application/xml")
    check("Shift_JIS refusals too", status == 400 and "OE1002" in data.decode("cp932")
          and "電文" in data.decode("cp932"), data)


def test_parsers(s):
    """What we write, read by three XML parsers that share no code: libxml2, Xerces-C, REXML (Ruby)."""
    ruby = ("require 'rexml/document'; d = REXML::Document.new(File.binread(ARGV[0])); "
            "puts REXML::XPath.match(d, '//Name').map { |e| e.text }")
    parsers = (("xmllint", ["xmllint", "--noout", "--nonet", "--shell"]),
               ("DOMPrint", ["DOMPrint", "-wenc=UTF-8", "-wfpp=off"]),
               ("ruby", ["ruby", "-e", ruby]))
    for client, encoding, name in ((HOME, "UTF-8", "見本　太郎"), (SJIS, "Shift_JIS", "見本　太郎")):
        q = number("１２－３４", "19800505", institution=client)
        status, _, data = post(s, as_xml(q, encoding), client=client, kind="application/xml")
        check("%s: answered" % encoding, status == 200 and encoding.encode() in data[:60], data[:80])
        path = ROOT + "/answer.xml"
        with open(path, "wb") as f:
            f.write(data)
        for tool, cmd in parsers:
            if not shutil.which(tool):
                print("SKIP %s: not installed" % tool)
                continue
            r = subprocess.run(cmd + [path], capture_output=True, timeout=30,
                               input=b"cat //Name/text()\n" if tool == "xmllint" else None)
            said = r.stdout.decode("utf-8", "replace")
            if tool == "DOMPrint":
                said = "".join(re.findall("<Name>([^<]*)</Name>", said))
            check("%s by %s: well-formed, the name as it was" % (encoding, tool),
                  r.returncode == 0 and name in said and not r.stderr, (r.returncode, said[-300:], r.stderr[-300:]))
    # a letter only CP932 has: iconv's SHIFT_JIS, which libxml2 reads by, lacks it
    q = number(None, "19661120", institution=SJIS, insurer="  139998", num="4260")
    status, _, data = post(s, as_xml(q, "Shift_JIS"), client=SJIS, kind="application/xml")
    check("CP932's own letter: answered", status == 200 and b"\xfb\xfc" in data, data[:80])
    with open(path, "wb") as f:
        f.write(data)
    if shutil.which("DOMPrint"):
        r = subprocess.run(parsers[1][1] + [path], capture_output=True, timeout=30)
        check("CP932's own letter by DOMPrint", r.returncode == 0 and not r.stderr
              and "<Name>●田　髙子</Name>" in r.stdout.decode(), (r.returncode, r.stderr[-300:]))


def test_curl(s):
    """A client nobody here wrote, in both syntaxes."""
    global lines_due
    for kind, body, want in (
            ("application/json", json.dumps(number("12-34", "19800505")).encode(),
             '"QualificationValidity":"1"'),
            ("application/xml", as_xml(number("12-35", "19810505")),
             "<QualificationValidity>2<")):
        lines_due += 1
        out = subprocess.run(
            ["curl", "-sS", "--cacert", PKI + "/site-ca.pem",
             "--cert", PKI + "/institutions/%s.pem" % HOME,
             "--key", PKI + "/institutions/%s.key" % HOME,
             "-H", "Content-Type: " + kind, "--data-binary", "@-",
             "https://localhost:%d/oqs-api/search" % s.port],
            input=body, capture_output=True)
        check("curl " + kind, want in out.stdout.decode(), out)


def test_refusals(s):
    a = ask(s, number("12-34", "19801505"))
    check("no such birth date: 400 OE2055", a["status"] == 400 and a["code"] == "OE2055"
          and a["head"]["SegmentOfResult"] == "9"
          and a["body"]["ProcessingResultStatus"] == "2", a)
    a = ask(s, number("12-34", "19800505", institution=SJIS))
    check("another's code: 403 OE3002", a["status"] == 403 and a["code"] == "OE3002"
          and a["result"] is None, a)
    for body, kind, want in ((b"{", "application/json", "OE1002"),
                             (b"", "application/json", "OE1002"),
                             (b"<!DOCTYPE x><XmlMsg/>", "application/xml", "OE1006")):
        status, _, data = post(s, body, kind=kind)
        check("unreadable: 400 " + want, status == 400 and want in data.decode(), data)
    status, _, data = post(s, b"x", kind="text/plain")
    check("other media type: 415 OE1013", status == 415 and "OE1013" in data.decode(), data)
    for method, path, want, code, allow in (
            ("POST", "/", 404, "OE1011", None), ("GET", "/../etc/passwd", 404, "OE1011", None),
            ("GET", "/oqs-api/search", 405, "OE1012", "POST"),
            ("GET", "/oqs-api/challenge", 405, "OE1012", "POST"),
            ("POST", "/healthz", 405, "OE1012", "GET"),
            ("DELETE", "/readyz", 405, "OE1012", "GET"),
            ("PUT", "/oqs-api/search", 405, "OE1012", "POST"),
            ("PUT", "/none", 404, "OE1011", None)):
        global lines_due
        lines_due += 1
        c = connect(s)
        c.request(method, path, body=b"" if method in ("POST", "PUT") else None)
        r = c.getresponse()
        head = json.loads(r.read())["XmlMsg"]["MessageHeader"]
        check("%s %s: %d %s" % (method, path, want, code), r.status == want
              and head["ErrorCode"] == code and len(head["ErrorMessage"]) > 5
              and r.headers["Allow"] == allow, (r.status, head, r.headers["Allow"]))
        c.close()


# ---- certificates ----

def test_certificates(s):
    global lines_due
    q = json.dumps(number("12-34", "19800505"))
    for name in (None, "bad/expired", "bad/revoked", "bad/otherca", "bad/selfsigned"):
        try:
            status, _, data = post(s, q, client=name, due=0)
            check("%s: refused by TLS" % name, False, (status, data))
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            check("%s: refused by TLS" % name, True)
    for name in ("bad/weak", "bad/wronguse"):
        try:
            status, _, data = post(s, q, client=name, due=0)
            lines_due += 1
            check("%s: 403" % name, status == 403 and b"OE3003" in data, (status, data))
        except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
            check("%s: refused by TLS" % name, True)
    for name, code in (("bad/unknown", "OE3001"), ("bad/nocode", "OE3001")):
        a = ask(s, number("12-34", "19800505"), client=name)
        check("%s: 403 %s" % (name, code), a["status"] == 403 and a["code"] == code, a)
    c = context(HOME)
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        with socket.create_connection(("127.0.0.1", s.port)) as raw:
            c.wrap_socket(raw)
        check("TLS 1.2 is refused", False)
    except (ssl.SSLError, ConnectionError):
        check("TLS 1.2 is refused", True)


# ---- cards ----

def challenge(s, client=HOME, conn=None):
    status, _, data = post(s, b"", client=client, path="/oqs-api/challenge",
                           kind=None, conn=conn)
    m = json.loads(data)["XmlMsg"]["MessageBody"]
    check("challenge: 200", status == 200 and m["ProcessingResultStatus"] == "1", m)
    return m["CardChallengeInfo"]


def card_question(ch, card, institution=HOME, key=None, signed=None, spoil=False):
    signed = base64.b64decode(ch["ToBeSigned"]) if signed is None else signed
    # few keys, each on several cards (tests/sample/pki.c)
    key = key or "%s/cards/%03d.key" % (PKI, card)
    sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key],
                         input=signed, capture_output=True, check=True).stdout
    if spoil:
        sig = sig[:-1] + bytes([sig[-1] ^ 1])
    der = open("%s/cards/%03d.der" % (PKI, card), "rb").read()
    info = {"ChallengeId": ch["ChallengeId"],
            "Certificate": base64.b64encode(der).decode(),
            "Signature": base64.b64encode(sig).decode()}
    return {"XmlMsg": {"MessageHeader": header(institution),
                       "MessageBody": {"CardSearchInfo": info}}}


def bare(headers, body):
    """An answer without what differs in any two of the same question."""
    body = re.sub(rb'("ProcessExecutionTime":)"\d+"', rb'\1""', body)
    kept = {k: v for k, v in headers.items() if k not in ("x-request-id", "date")}
    return repr(sorted(kept.items())), body


def test_cards(s):
    ch = challenge(s)
    signed = base64.b64decode(ch["ToBeSigned"])
    check("challenge: what is signed", signed.startswith(b"OQS-PINLESS-AUTH-V1\0")
          and signed[20:52].hex() == ch["Challenge"] and HOME.encode() in signed, ch)
    q = card_question(ch, 1)
    a = ask(s, q)
    check("card: 1 with the record", a["status"] == 200 and a["validity"] == "1"
          and a["result"]["Name"] == "見本　太郎"
          and a["head"]["ReferenceClassification"] == "1", a)
    a = ask(s, q)
    check("card: the same challenge again: OE3006", a["code"] == "OE3006", a)
    a = ask(s, card_question(challenge(s), 1, spoil=True))
    check("card: wrong signature: OE3004", a["code"] == "OE3004", a)
    a = ask(s, card_question(challenge(s), 1, signed=b"something else"))
    check("card: other bytes signed: OE3004", a["code"] == "OE3004", a)
    a = ask(s, card_question(challenge(s), 2))
    revoked = a
    check("card: revoked: OE3004", a["code"] == "OE3004", a)
    a = ask(s, card_question(challenge(s), 4))
    check("card: expired: OE3004", a["code"] == "OE3004", a)
    check("card: revoked and expired look alike",
          {**revoked["head"], "ProcessExecutionTime": 0} ==
          {**a["head"], "ProcessExecutionTime": 0}, (revoked, a))
    a = ask(s, card_question(challenge(s), 3))
    check("card: not linked: OE3005", a["code"] == "OE3005", a)
    # nor does the terminal see whether it is of somebody (6.3 h)
    seen = [post(s, json.dumps(card_question(challenge(s), n))) for n in (3, 5)]
    check("card: of somebody without cover: the same to the letter, but times and names of requests",
          seen[0][0] == seen[1][0] and list(seen[0][1]) == list(seen[1][1])
          and len({bare(h, d) for _, h, d in seen}) == 1 and b"OE3005" in seen[1][2], seen)
    ch = challenge(s)
    q = card_question(ch, 1)
    q["XmlMsg"]["MessageHeader"]["MedicalInstitutionCode"] = SJIS
    a = ask(s, q, client=SJIS)
    check("card: another terminal's challenge: OE3006", a["code"] == "OE3006", a)
    status, _, data = post(s, as_xml(card_question(challenge(s), 1)),
                           kind="application/xml")
    check("card: as XML", status == 200
          and b"<QualificationValidity>1<" in data, data)
    # issued on one connection, used on others: whichever worker they reach
    taken = [ask(s, card_question(challenge(s), 1))["validity"] for _ in range(6)]
    check("card: any worker takes it", taken == ["1"] * 6, taken)


# ---- HTTP ----

def raw(s, data, wait=5):
    """Everything the server says to these bytes until it closes."""
    got = b""
    with socket.create_connection(("127.0.0.1", s.port), timeout=wait) as plain:
        with context(HOME).wrap_socket(plain) as t:
            try:
                t.sendall(data)
                while True:
                    part = t.recv(65536)
                    if not part:
                        break
                    got += part
            except (ssl.SSLError, ConnectionError, socket.timeout) as e:
                if isinstance(e, socket.timeout):
                    got += b"(still open)"
    return got


def test_http(s):
    global lines_due
    q = json.dumps(number("12-34", "19800505")).encode()
    good = (b"POST /oqs-api/search HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(q))
    post11 = b"POST /oqs-api/search HTTP/1.1\r\n"
    bad = [
        ("bare LF", good.replace(b"\r\n", b"\n") + b"\n" + q, 400),
        ("bare CR", good + b"X: a\rb\r\n\r\n" + q, 400),
        ("NUL in a header", good + b"X: a\0b\r\n\r\n" + q, 400),
        ("NUL before Transfer-Encoding", good + b"X: a\0\r\nTransfer-Encoding: chunked\r\n\r\n" + q, 400),
        ("empty field name", good + b": a\r\n\r\n" + q, 400),
        ("blank before the colon", good + b"X : a\r\n\r\n" + q, 400),
        ("folded line", good + b"X: a\r\n b\r\n\r\n" + q, 400),
        ("no colon", good + b"Xyz\r\n\r\n" + q, 400),
        ("chunked", post11 + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("chunked beside a length", good + b"Transfer-Encoding: chunked\r\n\r\n" + q, 400),
        ("a list of codings", good + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + q, 400),
        ("identity", good + b"transfer-encoding: identity\r\n\r\n" + q, 400),
        ("two lengths", good + b"Content-Length: 0\r\n\r\n" + q, 400),
        ("two equal lengths", good + b"Content-Length: %d\r\n\r\n" % len(q) + q, 400),
        ("a list of lengths", post11 + b"Host: x\r\nContent-Length: 5, 5\r\n\r\nhello", 400),
        ("negative length", post11 + b"Host: x\r\nContent-Length: -1\r\n\r\n", 400),
        ("signed length", post11 + b"Host: x\r\nContent-Length: +5\r\n\r\nhello", 400),
        ("hexadecimal length", post11 + b"Host: x\r\nContent-Length: 0x5\r\n\r\nhello", 400),
        ("no length", post11 + b"Host: x\r\n\r\n", 411),
        ("huge length", post11 + b"Host: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        ("no host", post11 + b"Content-Length: 0\r\n\r\n", 400),
        ("two hosts", post11 + b"Host: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n", 400),
        ("bad version", b"POST /oqs-api/search HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        ("HTTP/0.9", b"GET /healthz\r\n\r\n", 400),
        ("two blanks", b"POST  /oqs-api/search HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("absolute form", b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("other method", b"PUT /oqs-api/search HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405),
        ("lower case method", b"post /oqs-api/search HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("GET with a body", b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 400),
        ("empty line first", b"\r\n" + good + b"\r\n" + q, 400),
        ("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", None),
        ("long request line", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 431),
        ("long header", good + b"X: " + b"a" * 9000 + b"\r\n\r\n" + q, 431),
        ("many headers", good + b"X: a\r\n" * 100 + b"\r\n" + q, 431),
        ("unknown expectation", good + b"Expect: cake\r\n\r\n" + q, 417),
    ]
    second = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    codes = {405: "OE1012", 411: "OE1015", 413: "OE1003", 417: "OE1017", 431: "OE1016"}
    for name, data, want in bad:
        if want is None:
            continue
        lines_due += 1
        # a second request behind it must never be answered
        got = raw(s, data + second)
        ok = got.startswith(b"HTTP/1.1 %d " % want) and got.count(b"HTTP/1.1") == 1 \
            and b"Connection: close" in got and b"(still open)" not in got \
            and b'"ErrorCode":"%s"' % codes.get(want, "OE1014").encode() in got
        check("HTTP: %s: %d and close" % (name, want), ok, got[:300])
    # every well-formed one of our shapes has its answer
    lines_due += 4
    got = raw(s, good + b"Connection: close\r\n\r\n" + q)
    check("HTTP: good", got.startswith(b"HTTP/1.1 200 "), got[:200])
    got = raw(s, good.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host: x\r\n", b"") + b"\r\n" + q)
    check("HTTP: 1.0 is answered and closed", got.startswith(b"HTTP/1.1 200 ")
          and b"Connection: close" in got, got[:200])
    got = raw(s, good + b"\r\n" + q + good + b"Connection: close\r\n\r\n" + q)
    check("HTTP: two on one connection", got.count(b"HTTP/1.1 200 ") == 2, got[:200])
    # its body never comes: no question, no line
    got = raw(s, good + b"Expect: 100-continue\r\nConnection: close\r\n\r\n", wait=1)
    check("HTTP: continue", got.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"), got[:200])
    status, _, data = post(s, b"x" * 65537)
    check("HTTP: body over the limit: 413", status == 413 and b"OE1003" in data, data[:200])
    status, _, data = post(s, b"x" * 65536)
    check("HTTP: body at the limit is read", status == 400 and b"OE1002" in data, data[:200])
    # byte by byte
    lines_due += 1
    with socket.create_connection(("127.0.0.1", s.port), timeout=10) as plain:
        with context(HOME).wrap_socket(plain) as t:
            for b in good + b"\r\n" + q:
                t.sendall(bytes([b]))
            got = t.recv(65536)
    check("HTTP: byte by byte", got.startswith(b"HTTP/1.1 200 "), got[:200])


def test_state(s):
    c = connect(s)
    c.request("GET", "/healthz")
    r = c.getresponse()
    r.read()
    check("healthz: 200", r.status == 200)
    c.request("GET", "/readyz")
    r = c.getresponse()
    state = json.loads(r.read())
    check("readyz: generations", r.status == 200 and state["ready"] is True
          and state["generations"] == {"qualification": 1, "cards": 1,
                                       "revocation": 1, "institutions": 1}, state)
    c.close()


# ---- the journal ----

def journal(root=ROOT):
    rows = []
    for path in sorted(glob.glob(root + "/qualification/journal/usage-*.log")):
        name = os.path.basename(path)
        text = open(path, "rb").read()
        assert text.endswith(b"\n"), path
        prev = hashlib.sha256(name.encode()).hexdigest()[:16]
        names = None
        for n, line in enumerate(text.decode().splitlines()):
            if names is None:
                names = line.split(",")
                continue
            row = dict(zip(names, line.split(",")))
            assert len(line.split(",")) == len(names), line
            assert row["Sequence"] == str(n), line
            rows.append(row)
    return rows


def test_journal(ids):
    rows = journal()
    check("an answer's X-Request-Id is its usage line's", len(set(ids)) == len(ids) > 2
          and all(i in [r["Request"] for r in rows] for i in ids), ids)
    asked = [r for r in rows if r["Status"] != "000"]
    check("one line per question or refusal", len(asked) == lines_due,
          (len(asked), lines_due))
    check("refused handshakes have lines", len(rows) - len(asked) >= 4,
          len(rows) - len(asked))
    kinds = {r["Kind"] for r in asked}
    check("kinds of questions", kinds == {"number", "printed", "card", "challenge", "other"}, kinds)
    results = {r["CardResult"] for r in asked} - {""}
    check("the line knows what the answer does not say",
          {"valid", "revoked", "expired", "notlinked", "bad"} <= results, results)
    good = [r for r in asked if r["Kind"] == "card" and r["CardResult"] == "valid" and r["Code"] == ""]
    check("card lines: hash, CRL, insurer", all(
        len(r["SerialHash"]) == 16 and r["CrlNumber"] == "0a" and r["InsurerCode"] == "06139992"
        and r["Generation"] == "1" for r in good) and len(good) > 0, good[:1])
    # any four digits may stand in a hash, a clock reading or a duration
    hashes = {"At", "Request", "CaKeyId", "SerialHash", "Micros", "Chain"}
    check("the columns of chance are still called so", hashes <= set(rows[0]), rows[0].keys())
    text = " ".join(v for r in rows for k, v in r.items() if k not in hashes)
    check("no person in the journal", not any(
        x in text for x in ("見本", "5678", "19800505", "1000001", "12-34")), None)
    check("an institution in every line that has one", all(
        len(r["InstitutionCode"]) in (0, 10) for r in rows))


# ---- generations, crashes, ends ----

def tinyset(site, serial):
    subprocess.run([B + "/tool-tinyset", site, TODAY, str(serial)], check=True)


def test_generations(s, site):
    conn = connect(s)
    tinyset(site, 2)
    began = time.time()
    while time.time() < began + 5:
        a = ask(s, number("12-34", "19800505"), conn=conn)
        if a["result"]["Address"] == "架空県見本市二丁目":
            break
    check("a new generation is seen within a second or so",
          a["result"]["Address"] == "架空県見本市二丁目" and time.time() - began < 2.5,
          time.time() - began)
    snapshots = ROOT + "/qualification/snapshots"
    for serial, change in ((3, "tampered"), (1, "older")):
        path = "%s/manifest-%06d" % (snapshots, 900 + serial)
        old = os.readlink(snapshots + "/current")
        shutil.copytree(os.path.join(snapshots, old), path)
        text = open(path + "/manifest.yaml").read()
        with open(path + "/manifest.yaml", "w") as f:
            f.write(text.replace("serial: 2", "serial: %d" % serial))
        os.symlink(os.path.basename(path), snapshots + "/x")
        os.rename(snapshots + "/x", snapshots + "/current")
        time.sleep(1)
        a = ask(s, number("12-34", "19800505"), conn=conn)
        check("a manifest that is %s is not believed" % change,
              a["result"]["Address"] == "架空県見本市二丁目"
              and any("F4007" in l for l in s.log), s.log[-3:])
        os.symlink(old, snapshots + "/x")
        os.rename(snapshots + "/x", snapshots + "/current")
    # a set that another of our own signers wrote: the deliverer, say
    old = os.readlink(snapshots + "/current")
    text = open(os.path.join(snapshots, old) + "/manifest.yaml").read()
    for serial, who in ((905, "deliver"), (906, "publish")):
        path = "%s/manifest-%06d" % (snapshots, serial)
        os.makedirs(path)
        with open(path + "/manifest.yaml", "w") as f:
            f.write(text.replace("serial: 2", "serial: %d" % serial))
        subprocess.run(["openssl", "cms", "-sign", "-binary", "-in", path + "/manifest.yaml",
                        "-signer", PKI + "/%s.pem" % who, "-inkey", PKI + "/%s.key" % who,
                        "-md", "sha256", "-outform", "DER", "-out", path + "/manifest.p7s"],
                       check=True)
        told = len(s.log)
        os.symlink(os.path.basename(path), snapshots + "/x")
        os.rename(snapshots + "/x", snapshots + "/current")
        time.sleep(1)
        faults = [c for c in ("F3", "F4") if any(" " + c in l for l in s.log[told:])]
        check("a manifest signed by %s.key" % who,
              faults == (["F4"] if who == "deliver" else []), s.log[told:])
    os.symlink(old, snapshots + "/x")
    os.rename(snapshots + "/x", snapshots + "/current")
    conn.close()


def test_revocation_reload(s):
    """A CRL that comes while a connection is open counts at once."""
    conn = connect(s)
    a = ask(s, number("12-34", "19800505"), conn=conn)
    check("before the new CRL: 200", a["status"] == 200, a)
    crl = PKI + "/institution-ca.crl"
    good = open(crl, "rb").read()
    with open(crl + ".new", "w") as f:
        f.write("no CRL at all\n")
    os.rename(crl + ".new", crl)
    time.sleep(0.8)
    a = ask(s, number("12-34", "19800505"), conn=conn)
    check("a CRL that cannot be read changes nothing", a["status"] == 200, a)
    with open(crl + ".new", "wb") as f:
        f.write(good)
    os.rename(crl + ".new", crl)
    time.sleep(0.8)
    a = ask(s, number("12-34", "19800505"), conn=conn)
    check("a good one is taken again", a["status"] == 200, a)
    conn.close()


def test_killed_worker(s):
    before = s.workers()
    check("two workers", len(before) == 2, before)
    used = card_question(challenge(s), 1)
    check("card: used before the kill", ask(s, used)["validity"] == "1")
    unused = card_question(challenge(s), 1)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    began = time.time()
    a = None
    while time.time() < began + 20:
        try:
            a = ask(s, number("12-34", "19800505"))
            break
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
    after = s.workers()
    check("killed workers are replaced", a is not None and a["validity"] == "1"
          and not set(before) & set(after), (before, after))
    check("crash to first answer within 4 s", time.time() - began < 4, time.time() - began)
    check("the log says so", "W9014" in "".join(s.log), s.log[-3:])
    a = ask(s, used)
    check("card: a used challenge stays used when the workers are others", a["code"] == "OE3006", a)
    a = ask(s, unused)
    check("card: a killed worker's challenge is good at the next", a["validity"] == "1", a)
    a = ask(s, unused)
    check("card: and there once", a["code"] == "OE3006", a)


def test_switching(s, site):
    """Switches under load, every other candidate spoilt: no question fails,
    no answer mixes generations, no spoilt one is served."""
    made = ROOT + "/made"
    shutil.rmtree(made, ignore_errors=True)
    snapshots = ROOT + "/qualification/snapshots"
    stop = threading.Event()
    failures, places = [], set()
    known = {"架空県見本市一丁目", "架空県見本市二丁目"}

    def load():
        q = json.dumps(number("12-34", "19800505"))
        c = connect(s)
        while not stop.is_set():
            try:
                status, _, data = post(s, q, conn=c, due=0)
                r = json.loads(data)["XmlMsg"]["MessageBody"]["ResultList"][0]
                places.add(r["ResultOfQualificationConfirmation"]["Address"])
                if status != 200:
                    failures.append(status)
            except (OSError, http.client.HTTPException, KeyError) as e:
                failures.append(str(e))
                c = connect(s)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    slow = []
    switches = int(os.environ.get("SWITCHES", "12"))  # make torture: 200
    started = time.time()
    for serial in range(10, 10 + switches):
        tinyset(site, serial)
        good = os.readlink(snapshots + "/current")
        began = time.time()
        if serial % 2:  # a spoilt candidate over it: its signature is of another text
            path = snapshots + "/manifest-%06d" % (5000 + serial)
            shutil.copytree(os.path.join(snapshots, good), path)
            with open(path + "/manifest.yaml", "a") as f:
                f.write("# spoilt\n")
            os.symlink(os.path.basename(path), snapshots + "/x")
            os.rename(snapshots + "/x", snapshots + "/current")
            time.sleep(0.25)
            os.symlink(good, snapshots + "/x")
            os.rename(snapshots + "/x", snapshots + "/current")
        seen = 0
        while seen < serial and time.time() < began + 3:
            c = connect(s)
            c.request("GET", "/readyz")
            seen = json.loads(c.getresponse().read())["serial"]
            c.close()
        slow.append(time.time() - began)
    stop.set()
    for t in threads:
        t.join()
    check("switches under load: no question fails", not failures, failures[:3])
    check("switches under load: only published data", places <= known, places)
    check("each is visible within a second or so", max(slow) < 2.5, slow)
    if switches > 12:
        print("%d switches, half of them over a spoilt candidate, in %.0f s" % (switches, time.time() - started))


def test_admin(s):
    def ask_admin(method, path):
        out = subprocess.run(
            ["curl", "-s", "-i", "-X", method, "--max-time", "5", "--unix-socket",
             ROOT + "/admin.sock", "http://admin" + path], capture_output=True, text=True)
        head, _, body = out.stdout.partition("\n\n")
        return int(head.split()[1]) if head else 0, body
    check("admin: mode 0600", os.stat(ROOT + "/admin.sock").st_mode & 0o777 == 0o600)
    check("admin: healthz", ask_admin("GET", "/healthz")[0] == 200)
    status, body = ask_admin("GET", "/readyz")
    state = json.loads(body)
    check("admin: readyz", status == 200 and state["ready"] and state["crl_fresh"]
          and state["disk"], state)
    status, text = ask_admin("GET", "/metrics")
    def metric(name):
        return float(re.search("^" + re.escape(name) + r" (\S+)$", text, re.M).group(1))
    check("metrics: end", status == 200 and text.endswith("# EOF\n"), text[-50:])
    lines = [r for r in journal() if r["Status"] != "000"]
    kinds = sum(metric('shikaku_answers_total{kind="%s"}' % k)
                for k in ("number", "printed", "card", "challenge", "other"))
    check("metrics: an answer per usage line", kinds == len(lines), (kinds, len(lines)))
    check("metrics: histogram counts them all",
          metric("shikaku_answer_seconds_count") == kinds, kinds)
    check("metrics: workers", metric("shikaku_workers_ready") == 2)
    if shutil.which("promtool"):
        out = subprocess.run(["promtool", "check", "metrics"], input=text,
                             capture_output=True, text=True)
        check("promtool", out.returncode == 0, out.stderr)
    else:
        print("SKIP promtool: not installed")
    check("admin: other paths", ask_admin("GET", "/x")[0] == 404)
    check("admin: reload", ask_admin("POST", "/reload")[0] == 200)
    time.sleep(0.3)
    check("admin: answered after reload", ask(s, number("12-34", "19800505"))["status"] == 200)


def test_confined(s):
    """What a worker may do is asked of the kernel, not of the worker."""
    with open("/proc/%d/status" % s.workers()[0]) as f:
        state = dict(l.split(":\t") for l in f.read().splitlines() if ":\t" in l)
    check("worker: no capability", int(state["CapEff"], 16) == 0
          and int(state["CapBnd"], 16) == 0, state["CapEff"])
    check("worker: no new privileges", state["NoNewPrivs"] == "1")
    if "asan" in B or "coverage" in B:
        print("SKIP seccomp: not under", B.rsplit("/", 1)[1])
    else:
        check("worker: system calls filtered", state["Seccomp"] == "2", state["Seccomp"])


def test_stuck_worker(s):
    """Stopped is stuck: replaced within a second, its socket served again."""
    before = s.workers()
    os.kill(before[0], signal.SIGSTOP)
    began = time.time()
    while before[0] in s.workers() and time.time() < began + 5:
        time.sleep(0.02)
    check("a stopped worker is ended within a second", time.time() - began < 1,
          time.time() - began)
    time.sleep(0.1)
    while len(s.workers()) < 2 and time.time() < began + 5:
        time.sleep(0.02)
    check("and replaced within two", time.time() - began < 2, time.time() - began)
    a = [ask(s, number("12-34", "19800505"))["validity"] for _ in range(8)]
    check("and every connection is answered", a == ["1"] * 8, a)


def resume(s, session=None, ctx=None):
    """A question on a connection of its own; whether it was resumed, status,
    and the session to resume."""
    global lines_due
    lines_due += 1
    q = json.dumps(number("12-34", "19800505")).encode()
    with socket.create_connection(("127.0.0.1", s.port), timeout=10) as plain:
        with ctx.wrap_socket(plain, session=session) as t:
            t.sendall(b"POST /oqs-api/search HTTP/1.1\r\nHost: x\r\nContent-Type: "
                      b"application/json\r\nContent-Length: %d\r\n\r\n" % len(q) + q)
            got = t.recv(65536)
            return t.session_reused, int(got.split()[1]), t.session


def test_resumption(s):
    ctx = context(HOME)
    used, status, session = resume(s, None, ctx)
    check("first a full handshake", not used and status == 200, (used, status))
    # whichever of the two workers they reach
    seen = [resume(s, session, ctx)[:2] for _ in range(8)]
    check("a ticket is good at every worker", seen == [(True, 200)] * 8, seen)
    for pid in s.workers():
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)
    seen = resume(s, session, ctx)[:2]
    check("and at workers begun after it was given", seen == (True, 200), seen)


def test_kill_under_load(s):
    """Every answer that left has its line, whatever was killed when."""
    answers = [0]
    stop = threading.Event()

    def load():
        q = json.dumps(number("12-35", "19810505"))
        while not stop.is_set():
            try:
                c = connect(s)
                while not stop.is_set():
                    status, _, _ = post(s, q, conn=c, due=0)
                    answers[0] += status == 200
            except (OSError, http.client.HTTPException, ssl.SSLError):
                pass

    lines = len([r for r in journal() if r["Status"] != "000"])
    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        time.sleep(1.2)
        workers = s.workers()
        if workers:
            os.kill(workers[0], signal.SIGKILL)
    time.sleep(1.5)
    stop.set()
    for t in threads:
        t.join()
    time.sleep(0.2)
    got = len([r for r in journal() if r["Status"] != "000"]) - lines
    check("no answer without its line under kill -9",
          answers[0] > 50 and got >= answers[0], (answers[0], got))
    check("few lines without an answer", got - answers[0] <= 3 * 8, (answers[0], got))


def test_end(s):
    conn = connect(s)
    ask(s, number("12-34", "19800505"), conn=conn)
    status = s.stop()
    check("SIGTERM: drained, exit 0", status == 0, (status, s.log[-5:]))
    time.sleep(0.2)
    bad = [l for l in s.log if "Sanitizer" in l or "runtime error" in l]
    check("no sanitizer spoke", not bad, bad)
    try:
        ask(s, number("12-34", "19800505"), conn=conn, due=0)
        check("afterwards nobody answers", False)
    except (OSError, http.client.HTTPException):
        check("afterwards nobody answers", True)


def alive(pid):
    """Not ended; an orphan may wait a while for its new parent to take notice."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_killed_parent(site):
    """kill -9 of the parent while a worker cannot end at once (its disk is slow,
    a stop stands for it): the one begun anew waits for its journal."""
    s = Server(site)
    workers = s.workers()
    used, unused = (card_question(challenge(s), 1) for _ in range(2))
    check("card: used before the restart", ask(s, used)["validity"] == "1")
    os.kill(workers[0], signal.SIGSTOP)
    s.p.kill()
    s.p.wait()

    def go_on():
        try:
            os.kill(workers[0], signal.SIGCONT)
        except ProcessLookupError:  # an orphaned group is let go on by the kernel
            pass
    threading.Timer(1, go_on).start()
    s = Server(site)
    check("begun anew after kill -9 of the parent", s.port is not None, s.log[-2:])
    if s.port is None:
        return
    a = [ask(s, number("12-34", "19800505"))["validity"] for _ in range(4)]
    check("and it answers", a == ["1"] * 4, a)
    a = [ask(s, q)["code"] for q in (used, unused)]
    check("card: after a restart no challenge of before is good, used or not", a == ["OE3006"] * 2, a)
    a = ask(s, card_question(challenge(s), 1))
    check("card: a new one is", a["validity"] == "1", a)
    until = time.time() + 10
    while any(alive(w) for w in workers) and time.time() < until:
        time.sleep(0.05)
    check("nobody of the old ones is left", not any(alive(w) for w in workers))
    s.stop()


def test_full_disk(site):
    """Where no line can be written, no answer leaves."""
    for p in glob.glob(ROOT + "/qualification/journal/*"):
        os.remove(p)
    s = Server(site, limit=16)
    seen = []
    for _ in range(600):
        try:
            seen.append(ask(s, number("12-34", "19800505"))["status"])
        except (OSError, http.client.HTTPException) as e:
            seen.append(str(e))
        if seen[-1] != 200:
            break
    check("journal full: 503", seen[-1] == 503, seen[-3:])
    lines = len([r for r in journal() if r["Status"] == "200"])
    check("journal full: as many answers as lines", seen.count(200) == lines,
          (seen.count(200), lines))
    s.stop()


def test_hours(site, day_site):
    day = "%s-%s-%s" % (TODAY[:4], TODAY[4:6], TODAY[6:])
    eve = (datetime.date(int(TODAY[:4]), int(TODAY[4:6]), int(TODAY[6:]))
           - datetime.timedelta(days=1)).isoformat()
    s = Server(day_site, clock="@%s 21:00:00" % eve)  # 06:00 JST
    a = ask(s, number("12-34", "19800505"))
    check("06:00: 503 OE4001", a["status"] == 503 and a["code"] == "OE4001"
          and a["head"]["ErrorMessage"] == "サービス時間外です。"
          and a["head"]["ArbitraryFileIdentifier"] == "ID1", a)
    wait = int(a["headers"].get("retry-after", 0))
    check("06:00: Retry-After to 08:00", 7100 < wait <= 7200, wait)
    check("06:00: stops", s.stop() == 0)
    s = Server(day_site, clock="@%s 01:00:00" % day)  # 10:00 JST
    a = ask(s, number("12-34", "19800505"))
    check("10:00: answered", a["status"] == 200 and a["validity"] == "1"
          and a["head"]["ProcessExecutionTime"].startswith(TODAY + "10"), a)
    s.stop()
    s = Server(day_site, clock="@%s 12:00:01" % day)  # 21:00:01 JST
    a = ask(s, number("12-34", "19800505"))
    check("21:00:01: 503", a["status"] == 503 and a["code"] == "OE4001", a)
    s.stop()
    with open(day_site) as f:
        text = f.read()
    with open(ROOT + "/short.yaml", "w") as f:
        f.write(text + "service:\n  exceptions: \"%s 11:00-12:00\"\n" % day)
    s = Server(ROOT + "/short.yaml", clock="@%s 01:00:00" % day)
    a = ask(s, number("12-34", "19800505"))
    wait = int(a["headers"].get("retry-after", 0))
    check("a day with other hours: 10:00 is before 11:00", a["status"] == 503
          and 3500 < wait <= 3600, (a, wait))
    s.stop()


def test_clock_jump(site):
    stamp = PKI + "/clock"  # a folder that a confined worker may read

    def set_clock(seconds):
        with open(stamp + ".new", "w") as f:
            f.write("%+d\n" % seconds)
        os.rename(stamp + ".new", stamp)
    set_clock(0)
    os.environ["FAKETIME_TIMESTAMP_FILE"] = stamp
    os.environ["FAKETIME_NO_CACHE"] = "1"
    os.environ["DONT_FAKE_MONOTONIC"] = "1"
    s = Server(site, clock="+0")
    for name in ("FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE", "DONT_FAKE_MONOTONIC"):
        del os.environ[name]
    check("clock steady: answered", ask(s, number("12-34", "19800505"))["status"] == 200)
    set_clock(3600)
    time.sleep(0.5)
    a = ask(s, number("12-34", "19800505"))
    check("clock jumped an hour: refused", a["status"] == 503 and a["code"] == "OE9001"
          and any("W9013" in l for l in s.log), (a, s.log[-3:]))
    set_clock(0)
    time.sleep(0.5)
    check("clock back: answered", ask(s, number("12-34", "19800505"))["status"] == 200)
    set_clock(-60)
    time.sleep(0.5)
    check("clock back a minute: refused",
          ask(s, number("12-34", "19800505"))["status"] == 503)
    s.p.send_signal(signal.SIGHUP)
    time.sleep(0.7)
    check("an operator says it is right: answered",
          ask(s, number("12-34", "19800505"))["status"] == 200)
    s.stop()


def test_limits():
    with open(ROOT + "/site.yaml") as f:
        text = f.read()
    with open(ROOT + "/limits.yaml", "w") as f:
        f.write(text.replace("  workers: 2\n", "  workers: 2\n  rate: 5\n  nobody_alarm: 3\n"))
    s = Server(ROOT + "/limits.yaml")
    seen = [ask(s, number("12-99", "19800505")) for _ in range(30)]
    over = [a for a in seen if a["status"] == 429]
    check("over the rate: 429 OE4003, Retry-After", over and all(
        a["code"] == "OE4003" and a["headers"]["retry-after"] == "1" for a in over),
        [a["status"] for a in seen])
    check("a few a second are answered", len(seen) - len(over) >= 5, len(over))
    check("another certificate is answered", ask(
        s, number(None, "19661120", institution=SJIS, insurer="00139998", num="4260"),
        client=SJIS)["status"] == 200)
    time.sleep(0.2)
    alarms = [l for l in s.log if "W9015" in l]
    check("numbers tried: one alarm, naming no number", len(alarms) == 1
          and HOME in alarms[0] and "12-99" not in alarms[0], alarms)
    s.stop()


def test_nothing_published():
    folder = ROOT + "/empty"
    shutil.copytree(PKI, folder + "/pki")
    os.makedirs(folder + "/qualification/snapshots")
    os.makedirs(folder + "/qualification/journal")
    shutil.copy(ROOT + "/site.yaml", folder)
    s = Server(folder + "/site.yaml")
    a = ask(s, number("12-34", "19800505"), due=0)
    check("nothing published: 503 OE9002", a["status"] == 503 and a["code"] == "OE9002", a)
    c = connect(s)
    c.request("GET", "/readyz")
    r = c.getresponse()
    r.read()
    check("nothing published: not ready", r.status == 503, r.status)
    s.stop()


def test_unit():
    """The unit file's own grade (reliability G28)."""
    unit = TOP + "/jobs/shikaku-responder.service"
    if not shutil.which("systemd-analyze"):
        print("SKIP systemd-analyze: not installed")
        return
    out = subprocess.run(["systemd-analyze", "security", "--offline=true",
                          "--threshold=15", "--no-pager", unit],
                         capture_output=True, text=True)
    if "Unknown" in out.stderr or "unrecognized" in out.stderr:
        print("SKIP systemd-analyze security --offline: not known here")
        return
    check("unit: exposure at most 1.5", out.returncode == 0, out.stdout[-200:] + out.stderr)


def test_configuration():
    def run(*args):
        return subprocess.run([B + "/shikaku-responder", *args],
                              capture_output=True, text=True)
    check("no -c: 32", run().returncode == 32)
    check("no such file: 33", run("-c", ROOT + "/none.yaml").returncode == 33)
    folder = ROOT + "/nokey"
    shutil.copytree(PKI, folder + "/pki")
    os.makedirs(folder + "/qualification/journal")
    shutil.copy(ROOT + "/site.yaml", folder)
    os.chmod(folder + "/pki/server.key", 0o644)
    r = run("-c", folder + "/site.yaml")
    check("a key open to others: 33 and F9004", r.returncode == 33 and "F9004" in r.stderr, r)


def test_page():
    """Every code there is has a row in the manual page; OE2FFK are one."""
    with open("formats/query.c") as f:
        codes = re.findall(r'^\{ "(OE\d{4})"', f.read(), re.M)
    with open("online/responder.8") as f:
        rows = re.findall(r"^\.It (.*OE.*?) Ta \d{3} Ta", f.read(), re.M)
    there = set()
    for row in rows:
        for a, b in re.findall(r"OE(\d{4})(?:-OE(\d{4}))?", row):
            there.update("OE%04d" % n for n in range(int(a), int(b or a) + 1))
    missing = [c for c in codes if not c.startswith("OE2") and c not in there]
    check("the page has every code", len(codes) > 40 and not missing, missing)


def make_site(folder, hours):
    subprocess.run([TOP + "/tests/site.sh", folder, "0"], check=True)
    with open(folder + "/site.yaml", "a") as f:
        f.write("  workers: 2\n  admin: \"admin.sock\"\n")
        if hours:
            f.write("service:\n  open: \"00:00\"\n  close: \"24:00\"\n")
    return folder + "/site.yaml"


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    day_site = make_site(ROOT, False)
    os.rename(day_site, ROOT + "/day.yaml")
    site = make_site(ROOT, True)
    tinyset(site, 1)
    s = Server(site)
    if s.port is None:
        print("online: 0 passed, 1 failed")
        return 1
    try:
        test_numbers(s)
        test_xml(s)
        test_parsers(s)
        test_curl(s)
        test_refusals(s)
        test_certificates(s)
        test_cards(s)
        test_http(s)
        test_state(s)
        time.sleep(0.6)
        ids = [ask(s, number("12-34", "19800505"))["headers"]["x-request-id"],
               ask(s, number("12-34", "19801505"))["headers"]["x-request-id"],
               post(s, b"x", path="/none")[1]["x-request-id"]]
        time.sleep(0.3)
        test_journal(ids)
        test_admin(s)
        test_confined(s)
        test_generations(s, site)
        test_switching(s, site)
        test_revocation_reload(s)
        test_resumption(s)
        test_killed_worker(s)
        test_stuck_worker(s)
        test_kill_under_load(s)
        test_end(s)
    finally:
        if s.p.poll() is None:
            s.stop()
    test_killed_parent(site)
    test_full_disk(site)
    test_hours(site, ROOT + "/day.yaml")
    test_clock_jump(site)
    test_limits()
    test_nothing_published()
    test_configuration()
    test_unit()
    test_page()
    print("online: %d passed, %d failed" % (passed, failed))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
