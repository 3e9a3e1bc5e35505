#!/usr/bin/env python3
"""shikaku-verify against edits: whole days are proved, every edit is found.

The journals are written here, by a second definition of the chain; collect
makes the files; then each seeded edit is made in a copy, and verify must end
with 36 and name the file that was edited, or the one that proves it.
"""
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys

B = os.environ["B"]
W = B + "/part-verify"
DAYS = ["20260801", "20260802", "20260803"]
NAMES = ("At,Worker,Sequence,Request,InstitutionCode,Terminal,Kind,ConfirmationDate,Status,Code,"
         "Validity,InsurerCode,Generation,CrlNumber,CrlUpdate,CardResult,CaKeyId,SerialHash,Micros,Chain")
passed = failed = 0


def check(what, ok, seen=None):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("not ok: %s: %r" % (what, seen))


def chained(name, bodies):
    chain = hashlib.sha256(name.encode()).hexdigest()[:16]
    lines = [NAMES]
    for body in bodies:
        chain = hashlib.sha256((chain + body).encode()).hexdigest()[:16]
        lines.append(body + "," + chain)
    return "".join(x + "\n" for x in lines)


def body(rng, day, worker, n, second):
    at = "%s-%s-%sT%02d:%02d:%02d.%03d+09:00" % (
        day[:4], day[4:6], day[6:], 8 + second // 3600, second // 60 % 60, second % 60, rng.randrange(1000))
    result = rng.choice(["", "", "valid", "valid", "valid", "revoked", "notlinked", "unknown", "expired"])
    request = "%016x" % (rng.getrandbits(64) if rng.random() > 0.1 else 77)  # some retries
    card = ("03e8,2026-08-01T03:00:00.000+09:00,%s,%s,%016x" % (result, "ab" * 20, rng.getrandbits(64))
            if result else ",,,,")
    code = {"valid": "", "": "", "revoked": "OE3004", "expired": "OE3003", "notlinked": "OE3005",
            "unknown": "OE9003"}[result]
    return "%s,%d,%d,%s,13100000%02d,0a,%s,%s,200,%s,%s,06130012,1,%s,%d" % (
        at, worker, n, request, rng.randrange(100), "card" if result else "number", day, code,
        "" if code else "1", card, rng.randrange(50, 5000))


def run(program, site, *more):
    return subprocess.run([B + "/shikaku-" + program, "-c", site + "/site.yaml", *more],
                          capture_output=True, text=True, errors="replace")


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def prepare():
    site = W + "/site"
    shutil.rmtree(W, ignore_errors=True)
    os.makedirs(site + "/pki")
    subprocess.run(["tests/site.sh", site], check=True, capture_output=True)
    pki = site + "/pki/"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
            "-subj", "/CN=TEST site CA", "-keyout", pki + "site-ca.key", "-out", pki + "site-ca.pem")
    open(pki + "leaf.cnf", "w").write("[e]\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n")
    for name in ("publish", "deliver"):
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                "/CN=TEST " + name, "-keyout", pki + name + ".key", "-out", pki + name + ".csr")
        openssl("x509", "-req", "-in", pki + name + ".csr", "-CA", pki + "site-ca.pem", "-CAkey",
                pki + "site-ca.key", "-days", "365", "-extfile", pki + "leaf.cnf", "-extensions", "e", "-out",
                pki + name + ".pem")
        os.chmod(pki + name + ".key", 0o600)
    open(pki + "ca.cnf", "w").write("[ca]\ndefault_ca=d\n[d]\ndatabase=%sindex\ncrlnumber=%snumber\n"
                                    "default_md=sha256\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n"
                                    % (pki, pki))
    open(pki + "index", "w").close()
    open(pki + "number", "w").write("01\n")
    openssl("ca", "-config", pki + "ca.cnf", "-gencrl", "-crldays", "30", "-keyfile", pki + "site-ca.key",
            "-cert", pki + "site-ca.pem", "-out", pki + "site-ca.crl")
    return site


def days(site):
    """Two workers a day; some lines of the first day come late."""
    rng = random.Random(1)
    folder = site + "/qualification/journal/"
    os.makedirs(folder)
    late = {}
    for day in DAYS:
        for name, bodies in late.items():
            open(folder + name, "w").write(chained(name, bodies))
        for worker in (0, 1):
            name = "usage-%s.%d.log" % (day, worker)
            seconds = sorted(rng.randrange(46800) for _ in range(40))
            bodies = [body(rng, day, worker, n + 1, s) for n, s in enumerate(seconds)]
            open(folder + name, "w").write(chained(name, bodies[:36] if day == DAYS[0] else bodies))
            if day == DAYS[0]:
                late[name] = bodies
        r = run("collect", site, "-D", "%s-%s-%s" % (day[:4], day[4:6], day[6:]))
        check("collect of " + day, r.returncode == 0, r.stderr)


# ---- edits ----

def read(path):
    return open(path, encoding="utf-8", newline="").read()


def rechain(name, lines):
    """What somebody would do who knows how: make the chain anew."""
    return chained(name, [x.rsplit(",", 1)[0] for x in lines])


def renumber(lines):
    out = []
    for n, line in enumerate(lines):
        v = line.split(",")
        v[2] = str(n + 1)
        out.append(",".join(v))
    return out


def edit_journal(rng, site, kind):
    folder = site + "/qualification/journal/"
    name = rng.choice(sorted(os.listdir(folder)))
    head, *lines = read(folder + name).splitlines()
    i = rng.randrange(len(lines))
    expert = rng.random() < 0.5
    if kind == "change":
        at = rng.randrange(len(lines[i]) - (17 if expert else 0))
        new = rng.choice([c for c in "0123456789abcdefvx" if c != lines[i][at]])
        lines[i] = lines[i][:at] + new + lines[i][at + 1:]
    elif kind == "delete":
        del lines[i]
    elif kind == "insert":
        lines.insert(i, lines[rng.randrange(len(lines))])
    elif kind == "swap":
        j = rng.choice([k for k in range(len(lines)) if k != i])
        lines[i], lines[j] = lines[j], lines[i]
    elif kind == "cut":
        lines = lines[:i]
    elif kind == "fork":
        fresh = random.Random(rng.random())
        day, worker = name[6:14], int(name[15])
        lines = lines[:i] + [body(fresh, day, worker, n + 1, 40000) + ",x" for n in range(i, len(lines))]
        expert = True
    if expert:
        lines = renumber(lines)
        text = rechain(name, lines)
    else:
        text = "".join(x + "\n" for x in [head] + lines)
    if rng.random() < 0.1:
        os.remove(folder + name)
        return name, "removed"
    if text.startswith(read(folder + name)):  # nothing, or a late line, which no head has taken yet
        return None, None
    open(folder + name, "w", newline="").write(text)
    return name, kind + (" rechained" if expert else "")


def edit_usage(rng, site, kind):
    folder = site + "/qualification/out/usage/"
    name = rng.choice(sorted(os.listdir(folder)))
    data = bytearray(open(folder + name, "rb").read())
    before = bytes(data)
    i = rng.randrange(len(data))
    if kind == "change":
        data[i] ^= 1 << rng.randrange(8)
    elif kind == "delete":
        del data[i]
    elif kind == "insert":
        data.insert(i, data[rng.randrange(len(data))])
    elif kind == "swap":
        j = rng.randrange(len(data))
        data[i], data[j] = data[j], data[i]
    elif kind == "cut":
        data = data[:i]
    elif kind == "fork":
        other = rng.choice([x for x in sorted(os.listdir(folder)) if x[-4:] == name[-4:] and x != name])
        data = bytearray(open(folder + other, "rb").read())
    if bytes(data) == before:
        return None, None
    open(folder + name, "wb").write(bytes(data))
    return name, kind


def fault_names(text):
    return re.findall(r"shikaku-verify: ([^ :]+)(?::(\d+))?: ", text)


def edits(site, count):
    rng = random.Random(20260801)
    copy = W + "/copy"
    shutil.copytree(site, copy)
    made = {}
    done = found = named = 0
    while done < count:
        kind = rng.choice(["change", "delete", "insert", "swap", "cut", "fork"])
        edit = edit_journal if rng.random() < 0.6 else edit_usage
        name, what = edit(rng, copy, kind)
        if name is None:
            continue
        done += 1
        made[what] = made.get(what, 0) + 1
        r = run("verify", copy)
        said = fault_names(r.stderr)
        if r.returncode == 36 and said:
            found += 1
            named += any(name[:13] in f or name == f for f, _ in said)
        else:
            print("not found: %s %s: exit %d %s" % (name, what, r.returncode, r.stderr[:200]))
        sub = "journal/" if name.startswith("usage-") else "out/usage/"
        shutil.copyfile(site + "/qualification/" + sub + name, copy + "/qualification/" + sub + name)
    check("all of %d edits are found" % count, found == count, (found, made))
    check("nearly always by the file edited, else by the one that proves it", named >= count * 0.9, named)
    check("and nothing when all is put back", run("verify", copy).returncode == 0)


def by_an_expert(site):
    """A line changed, the chain, the usage file and its head made anew, signed by another of our keys."""
    copy = W + "/expert"
    shutil.copytree(site, copy)
    q = copy + "/qualification/"
    name = "usage-%s.0.log" % DAYS[2]
    lines = read(q + "journal/" + name).splitlines()[1:]
    at = next(i for i, x in enumerate(lines) if ",valid," in x)
    lines[at] = lines[at].replace("06130012", "06130020", 1)
    open(q + "journal/" + name, "w").write(rechain(name, lines))
    for f in os.listdir(q + "out/usage"):
        if DAYS[2] in f:
            os.remove(q + "out/usage/" + f)
    text = read(copy + "/site.yaml").replace("publish_key: \"pki/publish.key\"", "publish_key: \"pki/deliver.key\"")
    text = text.replace("publish_cert: \"pki/publish.pem\"", "publish_cert: \"pki/deliver.pem\"")
    open(copy + "/forged.yaml", "w").write(text)
    r = subprocess.run([B + "/shikaku-collect", "-c", copy + "/forged.yaml", "-D", "2026-08-03"],
                       capture_output=True, text=True, errors="replace")
    check("the forger's collect", r.returncode == 0, r.stderr)
    r = run("verify", copy)
    check("signed by another of our keys", r.returncode == 36 and "riyo-%s.p7s" % DAYS[2] in r.stderr, r.stderr)


def a_bill_of_more(site):
    """A retry made billable, and the head made anew over it: the journals do not say so."""
    copy = W + "/more"
    shutil.copytree(site, copy)
    u = copy + "/qualification/out/usage/riyo-" + DAYS[2]
    lines = read(u + ".csv").splitlines()
    at = next(i for i, x in enumerate(lines) if x.startswith("2,") and x.split(",")[13] == "2")
    v = lines[at].split(",")
    v[13] = "1"
    lines[at] = ",".join(v)
    text = "\r\n".join(lines) + "\r\n"
    open(u + ".csv", "w", newline="").write(text)
    head = re.sub('sha256: "[0-9a-f]*"', 'sha256: "%s"' % hashlib.sha256(text.encode()).hexdigest(), read(u + ".yaml"))
    open(u + ".yaml", "w", newline="").write(head)
    pki = copy + "/pki/"
    openssl("cms", "-sign", "-binary", "-outform", "DER", "-in", u + ".yaml", "-signer", pki + "publish.pem",
            "-inkey", pki + "publish.key", "-out", u + ".p7s", "-nosmimecap", "-md", "sha256")
    r = run("verify", copy)
    check("a retry that was billed is named by its line", r.returncode == 36 and "F4012" in r.stderr and
          "riyo-%s.csv:%d:" % (DAYS[2], at + 1) in r.stderr, r.stderr)


def alone(site):
    """As an auditor: a copy, the CA, nothing else."""
    month = W + "/month"
    shutil.copytree(site + "/qualification/journal", month + "/journal")
    shutil.copytree(site + "/qualification/out/usage", month + "/out/usage")
    pki = site + "/pki/"
    ask = [B + "/shikaku-verify", "-t", pki + "site-ca.pem", "-r", pki + "site-ca.crl", month]
    r = subprocess.run(ask, capture_output=True, text=True, errors="replace")
    check("a month is proved alone", r.returncode == 0 and " faults=0 " in r.stdout, (r.stdout, r.stderr))
    # the first day archived away: what is left still proves itself
    for f in os.listdir(month + "/out/usage"):
        if DAYS[0] in f:
            os.remove(month + "/out/usage/" + f)
    r = subprocess.run(ask, capture_output=True, text=True, errors="replace")
    check("so is what follows an archived head", r.returncode == 0, r.stderr)
    os.remove(month + "/out/usage/riyo-%s.yaml" % DAYS[1])
    r = subprocess.run(ask, capture_output=True, text=True, errors="replace")
    check("a head that is gone leaves its journals open, told", r.returncode == 36 or " open=0 " not in r.stdout,
          (r.stdout, r.stderr))
    r = subprocess.run([B + "/shikaku-verify", month], capture_output=True, text=True, errors="replace")
    check("without anchors it is wrong usage", r.returncode == 32, r.returncode)
    # openssl says the same of a signature
    u = site + "/qualification/out/usage/riyo-" + DAYS[0]
    r = subprocess.run(["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", u + ".p7s", "-content",
                        u + ".yaml", "-CAfile", pki + "site-ca.pem", "-purpose", "any", "-out", "/dev/null"],
                       capture_output=True)
    check("openssl accepts the head's signature", r.returncode == 0, r.stderr)


def revoked(site):
    copy = W + "/revoked"
    shutil.copytree(site, copy)
    pki = copy + "/pki/"
    cnf = read(pki + "ca.cnf").replace("/site/pki/", "/revoked/pki/")
    open(pki + "ca.cnf", "w").write(cnf)
    for args in (["-revoke", pki + "publish.pem"], ["-gencrl", "-crldays", "30", "-out", pki + "site-ca.crl"]):
        openssl("ca", "-config", pki + "ca.cnf", "-keyfile", pki + "site-ca.key", "-cert", pki + "site-ca.pem", *args)
    r = run("verify", copy)
    check("a revoked signer is refused", r.returncode == 36 and "F4011" in r.stderr, r.stderr)


def today(site):
    """Lines no head has taken: proved by the chain, counted as open."""
    copy = W + "/today"
    shutil.copytree(site, copy)
    name = "usage-20260804.0.log"
    rng = random.Random(4)
    text = chained(name, [body(rng, "20260804", 0, n + 1, n) for n in range(5)])
    open(copy + "/qualification/journal/" + name, "w").write(text)
    r = run("verify", copy)
    check("today's lines are open", r.returncode == 0 and " open=5 " in r.stdout, (r.stdout, r.stderr))
    open(copy + "/qualification/journal/" + name, "w").write(text.replace("13100000", "13100001", 1))
    r = run("verify", copy)
    check("a changed one is named", r.returncode == 36 and name + ":" in r.stderr, r.stderr)


if __name__ == "__main__":
    site = prepare()
    r = run("verify", site)
    check("an empty folder has nothing to prove", r.returncode in (1, 36), r.returncode)
    days(site)
    r = run("verify", site)
    check("three days are proved", r.returncode == 0, (r.stdout, r.stderr))
    lines = sum(read(site + "/qualification/journal/" + f).count("\n") - 1
                for f in os.listdir(site + "/qualification/journal"))
    check("every line once", " read=%d " % lines in r.stdout and lines == 240, r.stdout)
    records = sum(read(site + "/qualification/out/usage/" + f).count("\n2,")
                  for f in os.listdir(site + "/qualification/out/usage") if f.endswith(".csv"))
    check("every record once", " records=%d " % records in r.stdout, (records, r.stdout))
    edits(site, int(sys.argv[1]))
    by_an_expert(site)
    a_bill_of_more(site)
    alone(site)
    revoked(site)
    today(site)
    print("verify: %d passed, %d failed" % (passed, failed))
    sys.exit(failed > 0)
