#!/usr/bin/env python3
"""testssl.sh over the responder's port, judged by its own severities."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, "tests")
import online as o  # noqa: E402

o.ROOT = ROOT = os.environ["B"] + "/part-testssl"
o.PKI = PKI = ROOT + "/pki"


def look(port, what):
    """What testssl.sh finds: id -> (severity, words)."""
    out = ROOT + "/found.json"
    if os.path.exists(out):
        os.remove(out)
    subprocess.run(["testssl", "--openssl", ROOT + "/openssl", "--quiet", "--color", "0", "--warnings", "batch", "--add-ca", PKI + "/site-ca.pem",
                    "--jsonfile", out, *what, "127.0.0.1:%d" % port], capture_output=True, timeout=500)
    with open(out) as f:
        return {x["id"]: (x["severity"], x["finding"]) for x in json.load(f)}


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    site = o.make_site(ROOT, True)
    o.tinyset(site, 1)
    # With a hospital's certificate: without one the refusal comes after a TLS 1.3
    # handshake that is complete for the client, and where s_client sees it before
    # it ends by itself testssl takes the port for dead and stops (seen on a busy
    # machine).
    with open(ROOT + "/openssl", "w") as f:
        f.write('#!/bin/sh\nc="%s/institutions/%s"\n[ "$1" != s_client ] || { shift; set -- s_client -cert "$c.pem" '
                '-key "$c.key" "$@"; }\nexec openssl "$@"\n' % (PKI, o.HOME))
    os.chmod(ROOT + "/openssl", 0o755)
    s = o.Server(site)
    try:
        found = look(s.port, ["-p"])
        said = {k: v[1] for k, v in found.items()}
        o.check("it saw TLS 1.3 and nothing else", "offered" in said.get("TLS1_3", "") and all(
            said.get(k, "").startswith("not offered") for k in ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2")), said)
        found.update(look(s.port, ["-s"]))
        if os.environ.get("ALL"):
            found.update(look(s.port, ["-U"]))
            o.check("it looked for weaknesses by name", {"heartbleed", "CCS", "ROBOT", "LUCKY13"} <= set(found), found)
        # DEBUG and WARN are about the tool: no GOST here, and HTTP it cannot ask without a certificate
        bad = {k: v for k, v in found.items() if v[0] not in ("OK", "INFO", "DEBUG", "WARN")}
        o.check("nothing above INFO", not bad, bad)
        o.check("it judged something", sum(v[0] == "OK" for v in found.values()) >= 8, found)
    finally:
        s.stop()
    print("testssl: %d passed, %d failed" % (o.passed, o.failed))
    return o.failed > 0


if __name__ == "__main__":
    sys.exit(main())
