#!/usr/bin/env python3
"""Whose certificate may speak for whom, and until when.

Every certificate with every claimed code over mutual TLS: one yes a row, or
none. A certificate that runs out or is revoked while its connection is open
gets no further answer on it. The certificates and the revocation list are
made by the openssl command, not by us.
"""
import datetime
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import time

sys.path.insert(0, "tests")
import online as o  # noqa: E402

B = os.environ["B"]
o.ROOT = ROOT = B + "/part-tenants"
o.PKI = PKI = ROOT + "/pki"
check = o.check
LIVE = ["0119900017", "1319900010", "1319900028", "2719900017"]
CLOSED = "4719900013"
NOBODY = "1319900036"  # a code like any other, in no master
EXTENSIONS = ("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
              "extendedKeyUsage=clientAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
serial = 0x70000


def openssl(*args, clock=None, given=None):
    env = dict(os.environ, TZ="UTC")
    cmd = ["openssl", *args]
    if clock is not None:
        day = datetime.datetime.fromtimestamp(clock, datetime.timezone.utc)
        cmd = ["faketime", "-f", day.strftime("@%Y-%m-%d %H:%M:%S"), *cmd]
    r = subprocess.run(cmd, capture_output=True, env=env, input=given)
    if r.returncode != 0:
        raise RuntimeError(r.stderr.decode())
    return r.stdout


def issue(stem, subject, ends=None):
    """A client certificate under institution-ca; ends: the second it runs out."""
    global serial
    serial += 1
    path = "%s/%s" % (PKI, stem)
    with open(ROOT + "/ext", "w") as f:
        f.write(EXTENSIONS)
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch",
            "-keyout", path + ".key", "-out", ROOT + "/csr", "-subj", "/C=JP/O=shikaku TEST" + subject)
    openssl("x509", "-req", "-in", ROOT + "/csr", "-CA", PKI + "/institution-ca.pem",
            "-CAkey", PKI + "/institution-ca.key", "-set_serial", str(serial), "-sha256", "-days", "1",
            "-extfile", ROOT + "/ext", "-out", path + ".pem", clock=None if ends is None else ends - 86400)
    return stem, serial


def revoke(number):
    """The CA's list anew, with one more certificate."""
    when = datetime.datetime.now(datetime.timezone.utc)
    with open(ROOT + "/index.txt", "w") as f:
        f.write("R\t%s\t%s\t%06X\tunknown\t/CN=x\n" % (
            (when + datetime.timedelta(days=1)).strftime("%y%m%d%H%M%SZ"), when.strftime("%y%m%d%H%M%SZ"), number))
    old = openssl("crl", "-in", PKI + "/institution-ca.crl", "-noout", "-crlnumber").decode()
    with open(ROOT + "/crlnumber", "w") as f:
        f.write("%06X\n" % (int(old.strip().split("=")[1], 16) + 1))
    with open(ROOT + "/ca.cnf", "w") as f:
        f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s/index.txt\ncrlnumber=%s/crlnumber\ndefault_md=sha256\n"
                "default_crl_days=30\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n" % (ROOT, ROOT))
    openssl("ca", "-gencrl", "-config", ROOT + "/ca.cnf", "-cert", PKI + "/institution-ca.pem",
            "-keyfile", PKI + "/institution-ca.key", "-out", PKI + "/institution-ca.crl.new")
    os.rename(PKI + "/institution-ca.crl.new", PKI + "/institution-ca.crl")


def question(code):
    return o.number("12-34", "19800505", institution=code)


def test_matrix(s):
    rows = {}  # certificate -> the codes that may be its own
    for code in LIVE:
        for terminal in (1, 2):
            rows[issue("tenants/m-%s-%d" % (code, terminal), "/CN=TERM%02d/OU=%s" % (terminal, code))[0]] = [code]
    rows[issue("tenants/m-closed", "/CN=TERM01/OU=" + CLOSED)[0]] = []
    rows[issue("tenants/m-nobody", "/CN=TERM01/OU=" + NOBODY)[0]] = []
    rows[issue("tenants/m-none", "/CN=TERM01")[0]] = []
    rows[issue("tenants/m-two", "/CN=TERM01/OU=%s/OU=%s" % (LIVE[0], LIVE[1]))[0]] = []
    rows[issue("tenants/m-both", "/CN=%s/OU=%s" % (LIVE[0], LIVE[1]))[0]] = [LIVE[1]]
    rows[issue("tenants/m-long", "/CN=TERM01/OU=%s0" % LIVE[0])[0]] = []
    rows[issue("tenants/m-dept", "/CN=TERM01/OU=Dept/OU=" + LIVE[2])[0]] = [LIVE[2]]
    claimed = LIVE + [CLOSED, NOBODY, "", LIVE[0][:9], LIVE[0] + "0", LIVE[0][:9] + "8"]
    for cert, own in rows.items():
        conn = o.connect(s, cert)
        yes, leaks = [], []
        for code in claimed:
            status, _, data = o.post(s, json.dumps(question(code)), conn=conn, due=0)
            if status == 200:
                yes.append(code)
            elif "見本".encode() in data:
                leaks.append(code)
        conn.close()
        check("%s speaks for %s" % (cert, own), yes == own, yes)
        check("%s: no refusal tells of a person" % cert, not leaks, leaks)


def ends_on_open_connection(s, what, cert, act, until):
    """Asked before and after on one connection; then on a new one."""
    conn = o.connect(s, cert)
    status, _, _ = o.post(s, json.dumps(question(LIVE[1])), conn=conn, due=0)
    check("%s: answered before" % what, status == 200, status)
    act()
    while time.time() < until:
        time.sleep(0.05)
    status, _, data = o.post(s, json.dumps(question(LIVE[1])), conn=conn, due=0)
    check("%s: the next question on the open connection is refused" % what,
          status == 403 and b"OE3003" in data and "見本".encode() not in data, (status, data[:200]))
    conn.close()
    try:
        status, _, data = o.post(s, json.dumps(question(LIVE[1])), client=cert, due=0)
        check("%s: a new connection is refused" % what, False, (status, data[:200]))
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        check("%s: a new connection is refused" % what, True)


def test_ends(s):
    other = o.connect(s)
    ends = int(time.time()) + 4
    cert, _ = issue("tenants/e-soon", "/CN=TERM09/OU=" + LIVE[1], ends)
    ends_on_open_connection(s, "expired", cert, lambda: None, ends + 1.1)
    cert, number = issue("tenants/e-revoked", "/CN=TERM10/OU=" + LIVE[1])
    ends_on_open_connection(s, "revoked", cert, lambda: revoke(number), time.time() + 1.5)
    status, _, _ = o.post(s, json.dumps(question(LIVE[1])), conn=other, due=0)
    check("another terminal of the institution is answered on", status == 200, status)
    other.close()


# Who may ask what. Accounts by the role in their certificate; every row is
# asked in each phase, of an institution of the pilot and of one outside it.
ROLES = "reception number+card, ward card, desk number"
NUMBER, PRINTED, CARD, CHALLENGE = "number", "printed", "card", "challenge"
RIGHTS = {  # role(s) of the certificate -> what institutions.roles gives it
    (): set(),
    ("reception",): {NUMBER, PRINTED, CARD, CHALLENGE},
    ("ward",): {CARD, CHALLENGE},
    ("desk",): {NUMBER, PRINTED},
    ("cleaner",): set(),  # not in the list
    ("Ward",): set(),  # names are exact
    ("ward", "desk"): set(),  # two are none
    ("wardwardwardwardward",): set(),  # longer than a role may be
}
PILOT, OUTSIDE = LIVE[1], LIVE[3]


def expected(phase, code, rights, kind):
    """The status line's number and the code, in the order of the ladder."""
    if phase == 1 and code == OUTSIDE:
        return 403, "OE3001"
    if rights is not None and kind not in rights:
        return 403, "OE3007"
    if phase == 1 and kind in (NUMBER, PRINTED):
        return 403, "OE4002"
    return 200, None


def ask_kind(s, kind, code, cert):
    """Status and code; a card's challenge is asked with the same account."""
    if kind == CHALLENGE:
        status, _, data = o.post(s, b"", client=cert, path="/oqs-api/challenge", kind=None, due=0)
    elif kind == CARD:
        status, _, data = o.post(s, b"", client=cert, path="/oqs-api/challenge", kind=None, due=0)
        info = json.loads(data)["XmlMsg"]["MessageBody"].get("CardChallengeInfo")
        # where there is no challenge the card question must fall as well
        info = info or {"ChallengeId": "0" * 32, "ToBeSigned": "AAAA"}
        status, _, data = o.post(s, json.dumps(o.card_question(info, 1, institution=code)),
                                 client=cert, due=0)
    elif kind == PRINTED:
        status, _, data = o.post(s, json.dumps(question(code)), client=cert, due=0)
    else:
        status, _, data = o.post(s, json.dumps(o.number(
            None, "19661120", institution=code, insurer="00139998", num="4260")), client=cert, due=0)
    if status != 200:
        check("%s: no refusal tells of a person" % kind, "見本".encode() not in data)
    return status, json.loads(data)["XmlMsg"]["MessageHeader"].get("ErrorCode")


def test_rights(site):
    with open(site) as f:
        text = f.read()
    certs = {}
    for code in (PILOT, OUTSIDE):
        for n, roles in enumerate(RIGHTS):
            certs[code, roles] = issue(
                "tenants/r-%s-%d" % (code, n), "/CN=TERM2%d/OU=%s" % (n, code)
                + "".join("/role=" + r for r in roles))[0]
    for phase in (1, 2):
        for setting in (ROLES, ""):
            path = "%s/rights-%d-%d.yaml" % (ROOT, phase, bool(setting))
            with open(path, "w") as f:
                f.write(text.replace("phase: 2\n", "phase: %d\n" % phase).replace(
                    "  max_active: 0\n", "  max_active: 100\n  roles: \"%s\"\n" % setting))
            s = o.Server(path)
            for (code, roles), cert in certs.items():
                if setting == "" and roles not in ((), ("ward",)):
                    continue  # one account: whatever the role says
                rights = RIGHTS[roles] if setting else None
                for kind in (NUMBER, PRINTED, CARD, CHALLENGE):
                    got = ask_kind(s, kind, code, cert)
                    want = expected(phase, code, rights, kind)
                    check("phase %d, roles %s, %s asks by %s as %s" % (
                        phase, "set" if setting else "not set", code, kind, "+".join(roles) or "nothing"),
                        got == want, (got, want))
            s.stop()


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(PKI + "/tenants")
    site = o.make_site(ROOT, True)
    o.tinyset(site, 1)
    s = o.Server(site)
    if s.port is None:
        print("tenants: 0 passed, 1 failed")
        return True
    try:
        test_matrix(s)
        test_ends(s)
    finally:
        s.stop()
    test_rights(site)
    print("tenants: %d passed, %d failed" % (o.passed, o.failed))
    return o.failed > 0


if __name__ == "__main__":
    sys.exit(main())
