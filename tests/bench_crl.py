#!/usr/bin/env python3
"""The nation's revocation lists: read, published, beside OpenSSL.

tests/bench_crl.py [ENTRIES [PARTITIONS [PEER]]] (10,000,000; 1,900; 1,000,000):
lists shaped as J-LIS's would be (37 bytes an entry, one list per municipality,
sizes from 1 to 50), signed by the sample's card CA. The peer reads one list of
PEER entries, and so do we. CPU seconds, user and system; peak resident size.
"""
import array
import datetime
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, "tests")
import bench  # noqa: E402

ROOT = bench.ROOT = os.path.join(bench.TOP, "build", "bench-crl")
B = bench.B
ENTRIES, PARTITIONS, PEER = [int(x) for x in sys.argv[1:4]] + [10_000_000, 1900, 1_000_000][len(sys.argv) - 1:]
NOW = datetime.datetime.strptime(bench.DAY, "%Y-%m-%d")


def tlv(tag, *parts):
    body = b"".join(parts)
    n = len(body)
    if n < 128:
        return bytes([tag, n]) + body
    length = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def oid(text):
    a = [int(x) for x in text.split(".")]
    out = bytes([a[0] * 40 + a[1]])
    for n in a[2:]:
        part = [n & 127]
        while n := n >> 7:
            part.insert(0, n & 127 | 128)
        out += bytes(part)
    return tlv(6, out)


def rdn(name, value):
    kind = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3"}[name]
    return tlv(0x31, tlv(0x30, oid(kind), tlv(0x13 if name == "C" else 0x0c, value.encode())))


SHA256_RSA = tlv(0x30, oid("1.2.840.113549.1.1.11"), tlv(5))


def utc(t):
    return tlv(0x17, t.strftime("%y%m%d%H%M%SZ").encode())


def entries_of(first, n):
    """n entries with ascending 4-byte serials from `first`: what J-LIS's are, 37 bytes each."""
    one = tlv(0x30, tlv(2, bytes(4)), utc(NOW - datetime.timedelta(days=30)),
              tlv(0x30, tlv(0x30, oid("2.5.29.21"), tlv(4, tlv(10, b"\4")))))
    assert len(one) == 37, len(one)
    out = bytearray(one * n)
    serials = array.array("I", range(first, first + 3 * n, 3))
    serials.byteswap()
    raw = serials.tobytes()
    for i in range(4):
        out[4 + i::37] = raw[i::4]
    return bytes(out)


def crl(path, ca, town, first, n, later=0):
    name = tlv(0x30, rdn("C", "JP"), rdn("O", "TESTPKI"), rdn("OU", "TESTPKI for user authentication"),
               rdn("OU", "CRL Distribution Points"), rdn("OU", "Testken"), rdn("CN", town))
    idp = tlv(0x30, tlv(0xa0, tlv(0xa0, tlv(0xa4, name))), tlv(0x81, b"\xff"))
    extensions = tlv(0xa0, tlv(
        0x30, tlv(0x30, oid("2.5.29.35"), tlv(4, tlv(0x30, tlv(0x80, ca["ski"])))),
        tlv(0x30, oid("2.5.29.28"), tlv(1, b"\xff"), tlv(4, idp)),
        tlv(0x30, oid("2.5.29.20"), tlv(4, tlv(2, bytes([0x10, later]))))))
    tbs = tlv(0x30, tlv(2, b"\1"), SHA256_RSA, ca["name"], utc(NOW + datetime.timedelta(days=later)),
              utc(NOW + datetime.timedelta(days=later + 3)),
              tlv(0x30, entries_of(first, n)), extensions)
    sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", ca["key"]], input=tbs, capture_output=True,
                         check=True).stdout
    with open(path, "wb") as f:
        f.write(tlv(0x30, tbs, SHA256_RSA, tlv(3, b"\0" + sig)))


def card_ca(folder):
    """Generation 1: its key, name and key id, from the certificate whose key it is."""
    key = folder + "/pki/card-ca-1.key"
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], capture_output=True, check=True).stdout
    for pem in re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----\n", open(folder + "/pki/card-ca.pem").read(), re.S):
        got = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=pem.encode(), capture_output=True).stdout
        if got == public:
            break
    else:
        sys.exit("no certificate of card CA 1")
    open(ROOT + "/ca.pem", "w").write(pem)
    text = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectKeyIdentifier"], input=pem, text=True,
                          capture_output=True).stdout
    ski = bytes.fromhex(text.strip().splitlines()[-1].strip().replace(":", ""))
    der = subprocess.run(["openssl", "x509", "-outform", "DER"], input=pem.encode(), capture_output=True).stdout
    text = subprocess.run(["openssl", "asn1parse", "-inform", "DER"], input=der, capture_output=True).stdout.decode()
    # the certificate's issuer: the first SEQUENCE at depth 2 after the algorithm's
    found = re.findall(r"^ *(\d+):d=2 +hl=(\d) l= *(\d+) cons: SEQUENCE", text, re.M)[1]
    at, head, length = (int(x) for x in found)
    return {"key": key, "ski": ski, "name": der[at:at + head + length]}


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    folder = ROOT + "/site"
    os.makedirs(ROOT + "/set")
    site = bench.site_for(folder)
    bench.run([B + "/shikaku-sample", "-c", site, "-D", bench.DAY, "--people", "1000", "--seed", "7"])
    for side in ("qualification", "intermediate"):
        for box in os.listdir(folder + "/" + side + "/box"):
            shutil.rmtree("%s/%s/box/%s/in" % (folder, side, box), ignore_errors=True)
            os.makedirs("%s/%s/box/%s/in" % (folder, side, box))
    ca = card_ca(folder)
    bench.say("%d entries in %d partitions" % (ENTRIES, PARTITIONS))
    weights = [1 + 49 * (i % 19 == 0) for i in range(PARTITIONS)]
    first, files, size = 0x01000000, [], 0
    for i, w in enumerate(weights):
        n = ENTRIES * w // sum(weights) + (ENTRIES - sum(ENTRIES * x // sum(weights) for x in weights)) * (i == 0)
        path = "%s/set/%s-P%04d_CRLDP.crl" % (ROOT, ca["ski"].hex()[:8], i)
        crl(path, ca, "P%04d CRLDP" % i, first + (i & 1) * 1000000, n)
        first += 3 * n
        files.append(path)
        size += os.path.getsize(path)
    bench.say("  %.0f MB of lists" % (size / 1e6))
    got = bench.run([B + "/tool-crl", ROOT + "/ca.pem", *files])
    read = {k: float(v) for k, v in (x.split() for x in got.out.splitlines())}
    assert read["entries"] == ENTRIES, read
    bench.row("crl.read", ENTRIES / read["cpu_s"], "entries/s", "aim", 8e6)

    one = ROOT + "/one.crl"
    crl(one, ca, "P9999 CRLDP", 0x01000000, PEER)
    best, mine = None, None
    for _ in range(3):
        peer = bench.run(["openssl", "crl", "-inform", "DER", "-in", one, "-CAfile", ROOT + "/ca.pem", "-verify",
                          "-noout"])
        ours = bench.run([B + "/tool-crl", ROOT + "/ca.pem", one])
        best = peer if best is None or peer.cpu < best.cpu else best
        mine = ours if mine is None or ours.cpu < mine.cpu else mine
    bench.row("crl.read_of_openssl", best.cpu / mine.cpu, "times", "aim", 15)
    bench.row("crl.rss_of_openssl", best.rss / mine.rss, "times", "aim", 50)
    bench.say("  %d entries in one list: openssl %.2f s %.0f MiB, we %.3f s %.1f MiB"
              % (PEER, best.cpu, best.rss, mine.cpu, mine.rss))

    day = bench.DAY.replace("-", "")
    subprocess.run([bench.TOP + "/tests/send.sh", folder, "JLIS0002", "crl", day, "1", *files], check=True,
                   stdout=subprocess.DEVNULL)
    ran = bench.program("intake", site)
    bench.say("  intake %.2f s CPU, %.0f MiB" % (ran.cpu, ran.rss))
    ran = bench.program("revoke", site)
    assert bench.number(ran.out, "entries") == ENTRIES, ran.out
    bench.say("  revoke %.2f s wall" % ran.seconds)
    bench.row("crl.publish_10m", ran.cpu, "CPU s", "cap", 10)
    # the next day one list in ten comes anew, the others are carried over
    again = files[::10]
    for i, path in enumerate(again):
        crl(path, ca, "P%04d CRLDP" % (10 * i), 0x01000000, 1000, 1)
    tomorrow = (NOW + datetime.timedelta(days=1)).strftime("%Y-%m-%d")
    subprocess.run([bench.TOP + "/tests/send.sh", folder, "JLIS0002", "crl", tomorrow.replace("-", ""), "2", *again],
                   check=True, stdout=subprocess.DEVNULL)
    bench.DAY = tomorrow
    bench.program("intake", site)
    next_day = bench.program("revoke", site)
    assert bench.number(next_day.out, "accepted") == len(again), next_day.out
    bench.say("  the next day, %d lists anew: revoke %.2f s CPU, %.0f MiB" % (len(again), next_day.cpu, next_day.rss))
    bench.row("crl.peak_rss", max(ran.rss, next_day.rss), "MiB", "cap", 64)
    shutil.rmtree(ROOT + "/set")
    shutil.rmtree(folder)
    bench.write_results(add=True)


main()
