#!/usr/bin/env python3
"""The openssl command as oracle for cards, their signatures and their lists.

What openssl refuses, we refuse. What openssl takes, we take, but for the cases
of the tables below: each is stricter on purpose and is held to be so, so that
no row can stay when its reason has gone. Who is revoked, both say alike.
"""
import os
import shutil
import subprocess
import sys

B = os.environ["B"]
PKI = B + "/pki"
W = B + "/part-oracle"
NOW = 20666 * 86400 + 3 * 3600  # 2026-08-01 12:00 JST, as tests/pki/make.sh says
CARDS = ["good", "second", "fake", "expired", "early", "e3", "3072", "ec", "policy", "soft", "nonrep", "ca",
         "unknown", "nodp", "uri", "two", "noaki", "keyid", "leaf", "akiserial", "server", "sha512"]
LISTS = ["good", "empty", "second", "fake", "chuo", "ca", "indirect", "some", "uri", "soft", "noidp", "noaki", "delta",
         "unknown", "nonumber", "sha512"]
# stricter than openssl: name -> why (domain/jpki-and-pinless.md 3.3 and 6)
STRICT_CARDS = {
    "e3": "e is 65537", "3072": "RSA of 2048 bits", "ec": "RSA", "policy": "the policy of user certificates",
    "soft": "keyUsage is critical", "nonrep": "digitalSignature alone", "ca": "a leaf", "nodp": "its partition",
    "uri": "its partition is a directoryName", "two": "one partition",
    "server": "no extended use", "sha512": "SHA-256",
    "trailing": "DER ends where it says",
}
STRICT_LISTS = {
    "ca": "a list of users", "indirect": "no indirect lists", "some": "all reasons", "uri": "a directoryName",
    "soft": "the distribution point is critical", "noidp": "its partition", "noaki": "the CA generation by its AKI",
    "delta": "no delta lists", "unknown": "no critical extension we do not know", "nonumber": "a cRLNumber",
    "sha512": "SHA-256", "trailing": "DER ends where it says",
}
STRICT_SIGNATURES = {}
passed = failed = 0


def check(what, ok, seen=None):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED: %s%s" % (what, "" if seen is None else ": %r" % (seen,)))


def openssl(*args):
    r = subprocess.run(["openssl", *args], capture_output=True, text=True)
    return r.returncode, r.stdout + r.stderr


def ours(what, *files):
    r = subprocess.run([B + "/tool-chain", PKI + "/cards.pem", "2.999.1.3.30", str(NOW * 1000), what, *files],
                       capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in r.stdout.splitlines()]
    return {os.path.basename(r[0]): r[1:] for r in rows}


def agree(kind, name, they, we, strict):
    """they: openssl takes it; we: our code, or ok."""
    if not they:
        check("%s %s: openssl refuses, so do we" % (kind, name), we != "ok", we)
        check("%s %s: no row for what openssl refuses" % (kind, name), name not in strict)
    elif name in strict:
        check("%s %s: stricter than openssl: %s" % (kind, name, strict[name]), we != "ok", we)
    else:
        check("%s %s: both take it" % (kind, name), we == "ok", we)


def spoil(path, out, how):
    data = bytearray(open(path, "rb").read())
    if how == "cut":
        data = data[:-20]
    elif how == "trailing":
        data += b"\0"
    elif how == "signature":
        data[-1] ^= 1
    elif how == "signed":
        data[60] ^= 1
    with open(out, "wb") as f:
        f.write(data)
    return out


def pem(path, kind):
    out = W + "/" + os.path.basename(path) + ".pem"
    openssl(kind, "-inform", "DER", "-in", path, "-out", out)
    return out


def card_verdict(path):
    """By the path alone; lists are asked below."""
    if not os.path.exists(pem(path, "x509")):
        return False
    status, _ = openssl("verify", "-x509_strict", "-attime", str(NOW), "-CAfile", PKI + "/cards.pem", pem(path, "x509"))
    return status == 0


def list_verdict(path):
    """By either generation: with both in one file it goes by their name, which is the same, and takes the first."""
    return any("verify OK" in openssl("crl", "-inform", "DER", "-in", path, "-noout", "-verify",
                                      "-CAfile", "%s/%s.pem" % (PKI, ca))[1] for ca in ("cards1", "cards2"))


def cards():
    files = {n: "%s/card-%s.der" % (PKI, n) for n in CARDS}
    for how in ("cut", "trailing", "signature", "signed"):
        files[how] = spoil(files["good"], "%s/card-%s.der" % (W, how), how)
    said = ours("card", *files.values())
    for name, path in files.items():
        agree("card", name, card_verdict(path), said["card-%s.der" % name][0], STRICT_CARDS)
    check("every row of the cards' table is a case", set(STRICT_CARDS) <= set(files))


def lists():
    files = {n: "%s/crl-%s.der" % (PKI, n) for n in LISTS}
    for how in ("cut", "trailing", "signature", "signed"):
        files[how] = spoil(files["good"], "%s/crl-%s.der" % (W, how), how)
    said = ours("crl", *files.values())
    for name, path in files.items():
        agree("list", name, list_verdict(path), said["crl-%s.der" % name][0], STRICT_LISTS)
    check("every row of the lists' table is a case", set(STRICT_LISTS) <= set(files))
    return said


def revoked(said):
    """Each card against each list that both take: revoked, good, or not this list's business."""
    mine = ours("card", *["%s/card-%s.der" % (PKI, n) for n in ("good", "second")])
    check("both cards are good ones", all(r[0] == "ok" for r in mine.values()), mine)
    seen = set()
    for card in ("good", "second", "gone1", "gone2", "gone3"):
        stem = ("card-" if card in ("good", "second") else "") + card
        cert = "%s/%s.pem" % (PKI, stem)
        serial = openssl("x509", "-in", cert, "-noout", "-serial")[1].strip().split("=")[1].lower()
        issuer = "second" if card == "second" else "good"
        for name in ("good", "empty", "second", "chuo"):
            code, partition, serials = said["crl-%s.der" % name]
            check("list %s is taken" % name, code == "ok", code)
            status, words = openssl("verify", "-attime", str(NOW), "-CAfile", PKI + "/cards.pem", "-crl_check",
                                    "-CRLfile", pem("%s/crl-%s.der" % (PKI, name), "crl"), cert)
            they = "revoked" if "certificate revoked" in words else "good" if status == 0 else "not its list"
            own = partition == said["crl-good.der"][1] and (name == "second") == (issuer == "second")
            we = "not its list" if not own else "revoked" if serial in serials.split() else "good"
            check("card %s by list %s: %s" % (card, name, we), we == they, (they, words[-200:]))
            seen.add(we)
    check("all three verdicts were seen", seen == {"revoked", "good", "not its list"}, seen)


def signatures():
    card, text = PKI + "/card-good.der", PKI + "/challenge"
    good = open(PKI + "/challenge.sig", "rb").read()
    other = W + "/other"
    with open(other, "wb") as f:
        f.write(open(text, "rb").read() + b"x")
    openssl("dgst", "-sha256", "-sign", PKI + "/card.key", "-out", W + "/other.sig", other)
    for name, data in (("short", good[:255]), ("long", good + b"\0"), ("empty", b""), ("zeros", bytes(256)),
                       ("flipped", good[:100] + bytes([good[100] ^ 1]) + good[101:])):
        with open("%s/%s.sig" % (W, name), "wb") as f:
            f.write(data)
    files = {"good": PKI + "/challenge.sig", "sha512": PKI + "/challenge512.sig", "pss": PKI + "/challengepss.sig",
             "other": W + "/other.sig"}
    files.update({n: "%s/%s.sig" % (W, n) for n in ("short", "long", "empty", "zeros", "flipped")})
    key = W + "/card.pub"
    r = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", card, "-noout", "-pubkey"], capture_output=True)
    with open(key, "wb") as f:
        f.write(r.stdout)
    said = ours("challenge", card, text, *files.values())
    taken = 0
    for name, path in files.items():
        status, _ = openssl("pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-digest", "sha256",
                            "-in", text, "-sigfile", path)  # dgst reads no more of it than the key is long
        they = status == 0
        taken += they
        agree("signature", name, they, said[os.path.basename(path)][0], STRICT_SIGNATURES)
    check("one signature is good", taken == 1, taken)


def main():
    shutil.rmtree(W, ignore_errors=True)
    os.makedirs(W)
    subprocess.run(["tests/pki/make.sh", PKI], check=True)
    cards()
    revoked(lists())
    signatures()
    print("oracle: %d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
