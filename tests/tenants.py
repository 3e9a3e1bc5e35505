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
    print("tenants: %d passed, %d failed" % (o.passed, o.failed))
    return o.failed > 0


if __name__ == "__main__":
    sys.exit(main())
