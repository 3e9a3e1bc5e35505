#!/usr/bin/env python3
"""shikaku-bill against a second definition: journals made here, collect makes
the days, bill the months; summary and burden are computed again here, with
fractions, from the journal lines alone.
"""
import csv
import datetime
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from fractions import Fraction

sys.path.insert(0, "tests")
import verify as v  # noqa: E402  the chain's second definition

B = os.environ["B"]
W = v.W = B + "/part-bill"
S = W + "/site"
U = S + "/qualification/out/usage/"
check = v.check
DAYS = ["20260801", "20260802", "20260820", "20260821", "20260831", "20260901", "20260903", "20260930"]
PRICES = [("2026-1", 1, 1234, "20260401", "20260820"), ("2026-1", 2, 567, "20260401", "20260820"),
          ("2026-2", 1, 1333, "20260821", ""), ("2026-2", 2, 701, "20260821", "")]


def run(program, *more):
    return subprocess.run([B + "/shikaku-" + program, "-c", S + "/site.yaml", *more],
                          capture_output=True, text=True, errors="replace")


def iso(day):
    return "%s-%s-%s" % (day[:4], day[4:6], day[6:])


def site():
    shutil.rmtree(W, ignore_errors=True)
    os.makedirs(S)
    subprocess.run(["tests/site.sh", S], check=True)
    r = run("sample", "--people", "1000", "--seed", "1", "-D", "2026-08-01")
    assert r.returncode == 0, r.stderr
    r = subprocess.run(["tests/night.sh", S + "/site.yaml", "2026-08-01"], capture_output=True, text=True,
                       env=dict(os.environ, B=B))
    assert r.returncode < 8, r.stdout + r.stderr
    set_prices(PRICES)
    config("fees", "basis", "use")


def set_prices(rows):
    with open(S + "/masters/ryokin.csv", "w", newline="") as f:
        f.write("PriceTable,Use,Price,ValidFrom,ValidUntil\r\n")
        for row in rows:
            f.write("%s,%d,%d,%s,%s\r\n" % row)


def config(section, key, value):
    text = open(S + "/site.yaml").read()
    if "ryokin" not in text:
        text = text.replace("masters:\n", 'masters:\n  prices: "masters/ryokin.csv"\n')
    text = re.sub(r"\n%s:\n  .*\n" % section, "\n", text)
    open(S + "/site.yaml", "w").write(text + "%s:\n  %s: %s\n" % (section, key, value))


def insurers():
    with open(S + "/masters/insurers.csv", encoding="utf-8-sig", newline="") as f:
        return {row["InsurerCode"]: row["InsurerName"] for row in csv.DictReader(f)}


def line(rng, day, worker, n, second, codes, request=None):
    at = "%sT%02d:%02d:%02d.%03d+09:00" % (iso(day), 8 + second // 3600, second // 60 % 60, second % 60, n % 1000)
    result = rng.choice(["", "valid", "valid", "valid", "revoked", "notlinked", "unknown", "expired"])
    insurer = rng.choice(codes) if result == "valid" else ""
    request = request or "%016x" % rng.getrandbits(64)
    card = "03e8,2026-08-01T03:00:00.000+09:00,%s,%s,%016x" % (result, "ab" * 20, n) if result else ",,,,"
    institution = "%02d%d0000%03d" % (rng.choice([1, 13, 27, 47]), rng.choice([1, 3, 4, 6]), rng.randrange(1000))
    return "%s,%d,%d,%s,%s,0a,%s,%s,200,,,%s,1,%s,%d" % (
        at, worker, n, request, institution, "card" if result else "number", day, insurer, card, 100)


def journals(codes):
    """Every day's lines; of two days some come late, in the next month's first days."""
    rng = random.Random(5)
    folder = S + "/qualification/journal/"
    os.makedirs(folder, exist_ok=True)
    late, days = {}, {}
    for day in DAYS:
        lines = []
        for n in range(60):
            again = lines[-1].split(",")[3] if lines and rng.random() < 0.1 else None
            if n == 1 and days:  # the same 取引ID as on the day before
                again = next(x.split(",")[3] for x in reversed(days[max(days)]) if x.split(",")[15] == "valid")
            lines.append(line(rng, day, 0, n + 1, n * 300, codes, again))
        days[day] = lines
        name = "usage-%s.0.log" % day
        if day == "20260903":
            for n, whole in late.items():
                open(folder + n, "w").write(v.chained(n, whole))
        now = lines
        if day in ("20260820", "20260831"):
            now, late[name] = lines[:50], lines
        open(folder + name, "w").write(v.chained(name, now))
        r = run("collect", "-D", iso(day))
        check("collect of " + day, r.returncode == 0, r.stderr)
    return days


# ---- the second definition ----

FILES = {}  # day of a file -> what it billed


def records(file_day, lines):
    """(day, use, insurer, prefecture, kind, what) of each record of a day file, by rules 1 to 3."""
    due = FILES[file_day] = set()
    first = min(x[:10] for x in lines if x.split(",")[15])
    since = (datetime.date.fromisoformat(first) - datetime.timedelta(days=1)).strftime("%Y%m%d")
    before = set().union(*(FILES[d] for d in FILES if since <= d < file_day))
    for text in lines:
        c = text.split(",")
        result = c[15]
        if not result:
            continue
        for use in (1, 2) if result == "valid" else (1,):
            if result in ("unknown", "expired"):
                what = "unknown"
            elif (c[3], use) in due | before:
                what = "retry"
            else:
                what = "unit"
                due.add((c[3], use))
            yield c[0][:10].replace("-", ""), use, c[11], c[4][:2], c[4][2], what


def records_alone(lines):
    seen = set()
    for text in lines:
        c = text.split(",")
        for use in (1, 2) if c[15] == "valid" else (1,) if c[15] not in ("", "unknown", "expired") else ():
            yield "retry" if (c[3], use) in seen else "unit"
            seen.add((c[3], use))


def price(use, day):
    for version, u, milli, start, end in PRICES:
        if u == use and start <= day <= (end or "99999999"):
            return version, milli
    raise KeyError(day)


def summary(all_lines, month):
    """Rows of riyo_month of lines that went into the month's day files."""
    rows = {}
    for day, use, insurer, prefecture, kind, what in all_lines:
        key = (day[:6], str(use), insurer, prefecture, kind, price(use, day)[0])
        rows.setdefault(key, Counter())[what] += 1
        if what == "unit" and day[:6] < month:
            rows[key]["late"] += 1
    return rows


def file_rows(name):
    with open(U + name, encoding="utf-8", newline="") as f:
        rows = list(csv.reader(f))
    check(name + " has header and trailer", rows[0][0] == "1" and rows[-1][0] == "3", rows[0])
    check(name + " is counted by its trailer", int(rows[-1][1]) == len(rows) - 2, rows[-1])
    return rows[1:-1]


def read_summary(month):
    out = {}
    for r in file_rows("riyo_month-%s.csv" % month):
        out[(r[2], r[3], r[4], r[5], r[6], r[12])] = Counter(
            {k: int(n) for k, n in zip(("unit", "retry", "unknown", "other", "late"), r[7:12]) if int(n)})
    return out


def cost(recs):
    total = Counter()
    for day, use, insurer, _, _, what in recs:
        if what == "unit":
            total[insurer or "00000000"] += Fraction(price(use, day)[1], 1000)
    return total


def burden(month):
    """What the file says, as (month, change, insurer) -> yen; and what is in force of a month by all files."""
    return [(r[2], r[3], r[4], int(r[7]), int(r[8]), r[9], int(r[10]), r[11], r[5]) for r in
            file_rows("futan-%s.csv" % month)]


def in_force(months, of):
    yen = Counter()
    for m in months:
        for r in burden(m):
            if r[0] == of:
                yen[r[2]] += -r[6] if r[1] == "2" else r[6]
    return yen


def by_use():
    codes = sorted(insurers())[:7]
    days = journals(codes)
    first = [d for d in DAYS if d < "20260901"]
    r = run("bill", "-D", "2026-08-30")
    check("before the month has ended there is nothing to do", r.returncode == 1, (r.returncode, r.stderr))
    r = run("bill", "-n", "-D", "2026-08-31")
    check("a dry run", r.returncode == 0 and not os.path.exists(U + "bill-202608.yaml"), r.stderr)
    r = run("bill", "-D", "2026-09-30")
    check("both months are billed, in order", r.returncode == 0 and r.stdout.count("month=") == 2, (r.stdout, r.stderr))
    august, september = [], []
    for d in first:
        cut = days[d][:50] if d in ("20260820", "20260831") else days[d]
        august += records(d, cut)
    for d in DAYS[len(first):]:
        lines = days[d]
        if d == "20260903":
            lines = days["20260820"][50:] + days["20260831"][50:] + lines
        september += records(d, lines)
    check("August's summary", read_summary("202608") == summary(august, "202608"))
    check("September's summary, with what came late", read_summary("202609") == summary(september, "202609"))
    same_day = sum(1 for d in DAYS for x in records_alone(days[d]) if x == "retry")
    check("retries after midnight are among them", same_day < sum(1 for x in august + september if x[5] == "retry"))
    check("there is late use", any(k[0] == "202608" for k in read_summary("202609")))
    units = [sum(1 for x in m if x[5] == "unit") for m in (august, september)]
    check("the trailer's control total is the units", [int(open(U + "riyo_month-%s.csv" % m).read().split(",")[-1])
                                                       for m in ("202608", "202609")] == units, units)
    days_sum = 0
    for d in first:
        days_sum += int(re.search("billable: ([0-9]+)", open(U + "riyo-%s.yaml" % d).read()).group(1))
    check("day files add up to the month to the unit", days_sum == units[0], (days_sum, units[0]))
    want = {k: int(x) for k, x in cost(august).items()}
    got = {r[2]: r[6] for r in burden("202608")}
    check("August's burden, rounded down once", got == want, (got, want))
    names = insurers()
    check("names are the insurers'", all(r[8] == names.get(r[2], "取りまとめ機関") for r in burden("202608")))
    late = [x for x in september if x[0] < "20260901"]
    both = {k: int(x) for k, x in (cost(august) + cost(late)).items()}
    check("August in force after the corrections", dict(in_force(("202608", "202609"), "202608")) == both, both)
    changed = set(cost(late))
    rows = burden("202609")
    check("a reversal says what was stated", {(r[2], r[6]) for r in rows if r[1] == "2"} ==
          {(k, want[k]) for k in changed if k in want}, rows)
    check("and is stated anew", {r[2] for r in rows if r[1] == "3"} == changed, rows)
    check("September itself", {r[2]: r[6] for r in rows if r[0] == "202609"} ==
          {k: int(x) for k, x in cost([x for x in september if x[0] >= "20260901"]).items()}, rows)
    before = {f: open(U + f, "rb").read() for f in sorted(os.listdir(U))}
    r = run("bill", "-D", "2026-09-30")
    check("a second run has nothing to do", r.returncode == 1)
    os.remove(U + "bill-202609.yaml")
    r = run("bill", "-D", "2026-10-15")
    after = {f: open(U + f, "rb").read() for f in sorted(os.listdir(U)) if not f.endswith(".p7s")}
    check("made again it is the same bytes", r.returncode == 0 and
          all(before[f] == x for f, x in after.items()), r.stderr)
    versions = Counter(x[14] for d in DAYS for x in csv.reader(open(U + "riyo-%s.csv" % d, newline="")) if x[0] == "2")
    check("every record names the version of its day", set(versions) == {"2026-1", "2026-2"}, versions)
    r = run("verify")
    check("the days are proved, with their retries", r.returncode == 0, r.stderr)
    check("and so are both months", " months=2 " in r.stdout, r.stdout)
    r = run("bill", "-D", "2026-10-31")
    check("a month whose last day is not collected waits", r.returncode == 8 and "F4032" in r.stderr, r.stderr)


def fresh(month="202608"):
    """As before the bills of this month and later."""
    for f in os.listdir(U):
        m = re.match(r"(?:riyo_month|futan|ryokin|bill)-(\d{6})", f)
        if m and m.group(1) >= month:
            os.remove(U + f)


def stamped():
    """An RFC 3161 authority of OpenSSL: requests out, answers in, held to the heads."""
    t = W + "/tsa/"
    os.makedirs(t)
    exchange = S + "/qualification/tsa/"
    open(t + "e.cnf", "w").write(
        "[e]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
        "[tsa]\ndefault_tsa=d\n[d]\nserial=%sserial\ncrypto_device=builtin\nsigner_digest=sha256\n"
        "default_policy=2.999.1\ndigests=sha256\naccuracy=secs:1\ness_cert_id_alg=sha256\n" % t)

    def ca(name, pem):
        v.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                  "-subj", "/CN=TEST TSA CA", "-keyout", t + name + "-ca.key", "-out", pem)
        v.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                  "/CN=TEST " + name, "-keyout", t + name + ".key", "-out", t + name + ".csr")
        v.openssl("x509", "-req", "-in", t + name + ".csr", "-CA", pem, "-CAkey", t + name + "-ca.key", "-days",
                  "365", "-extfile", t + "e.cnf", "-extensions", "e", "-out", t + name + ".pem")

    ca("tsa", S + "/pki/tsa-ca.pem")
    ca("other", t + "other-ca.pem")
    open(t + "serial", "w").write("01\n")

    def answer(stem, name="tsa"):
        v.openssl("ts", "-reply", "-config", t + "e.cnf", "-section", "d", "-queryfile", exchange + stem + ".tsq",
                  "-signer", t + name + ".pem", "-inkey", t + name + ".key", "-out", exchange + stem + ".tsr")

    r = run("verify")
    check("no stamps are asked for where no authority is configured", " stamps=" not in r.stdout, r.stdout)
    text = open(S + "/site.yaml").read()
    open(S + "/site.yaml", "w").write(text.replace("trust:\n", 'trust:\n  tsa_ca: "pki/tsa-ca.pem"\n'))
    r = run("collect", "-D", "2026-09-30")
    stems = sorted(f[:-5] for f in os.listdir(U) if re.match(r"(riyo|bill)-[0-9]+\.yaml$", f))
    asked = sorted(f[:-4] for f in os.listdir(exchange))
    check("a request for each head", r.returncode == 1 and asked == stems and
          " unstamped=%d " % len(stems) in r.stdout, (asked, stems, r.stdout, r.stderr))
    q = subprocess.run(["openssl", "ts", "-query", "-in", exchange + stems[0] + ".tsq", "-text"],
                       capture_output=True, text=True).stdout
    check("openssl reads the request", "sha256" in q.lower() and "Certificate required: yes" in q, q)
    for stem in stems[1:]:
        answer(stem)
    answer(stems[0], "other")
    r = run("collect", "-D", "2026-09-30")
    check("an answer of another authority is told and not kept", "W4033" in r.stderr and
          " stamped=%d " % (len(stems) - 1) in r.stdout and not os.path.exists(U + stems[0] + ".tsr"), r.stderr)
    shutil.copy(U + stems[1] + ".tsr", exchange + stems[0] + ".tsr")
    r = run("collect", "-D", "2026-09-30")
    check("a good answer for another head is not kept either", "W4033" in r.stderr, r.stderr)
    answer(stems[0])
    r = run("collect", "-D", "2026-09-30")
    check("the right one is", r.returncode == 1 and " unstamped=0 " in r.stdout and os.listdir(exchange) == [],
          (r.stdout, r.stderr, os.listdir(exchange)))
    r = run("verify")
    check("verify proves all stamps", r.returncode == 0 and " stamps=%d " % len(stems) in r.stdout,
          (r.stdout, r.stderr))
    for stem in stems[:2]:
        r = subprocess.run(["openssl", "ts", "-verify", "-data", U + stem + ".yaml", "-in", U + stem + ".tsr",
                            "-CAfile", S + "/pki/tsa-ca.pem"], capture_output=True, text=True)
        check("openssl says so too", r.returncode == 0 and "OK" in r.stdout, r.stderr)
    riyo = [x for x in stems if x.startswith("riyo")]
    keep = open(U + riyo[2] + ".tsr", "rb").read()
    spoilt = bytearray(keep)
    spoilt[-5] ^= 1
    os.remove(U + riyo[2] + ".tsr")
    r = run("verify")
    check("a stamp taken away is missed", r.returncode == 36 and riyo[2] + ".yaml" in r.stderr, r.stderr)
    for what, data in (("one put in another's place is named", open(U + riyo[1] + ".tsr", "rb").read()),
                       ("and a spoilt one", bytes(spoilt))):
        open(U + riyo[2] + ".tsr", "wb").write(data)
        r = run("verify")
        check(what, r.returncode == 36 and riyo[2] + ".tsr" in r.stderr, r.stderr)
    open(U + riyo[2] + ".tsr", "wb").write(keep)
    os.rename(U + riyo[-1] + ".tsr", W + "/kept.tsr")
    r = run("verify")
    check("the last head may wait for its stamp", r.returncode == 0, r.stderr)
    for f in os.listdir(U):
        if f.endswith(".tsr"):
            os.remove(U + f)
    open(S + "/site.yaml", "w").write(text)


def by_persons():
    fresh()
    config("fees", "basis", "insured")
    r = run("bill", "-D", "2026-09-30")
    check("billed by insured persons", r.returncode == 0, r.stderr)
    r = run("verify")
    check("a bill by persons is proved", r.returncode == 0 and " months=2 " in r.stdout, (r.stdout, r.stderr))
    snapshot = sorted(f for f in os.listdir(S + "/qualification/snapshots") if f.startswith("qualification-"))[-1]
    persons = {}
    for month, last in (("202608", "20260831"), ("202609", "20260930")):
        sql = ("SELECT InsurerCode, count(DISTINCT key) FROM period WHERE QualificationDate <= '%s' AND "
               "(DisqualificationDate IS NULL OR DisqualificationDate > '%s') GROUP BY 1" % (last, last))
        out = subprocess.run(["sqlite3", "-readonly", S + "/qualification/snapshots/" + snapshot, sql],
                             capture_output=True, text=True, check=True).stdout
        persons[month] = {k: int(n) for k, n in (x.split("|") for x in out.split())}
    for month, files in (("202608", ("202608",)), ("202609", ("202609",))):
        rows = [r for m in files for r in burden(m) if r[0] == month]
        check("%s: persons are those of the snapshot" % month,
              {r[2]: int(r[5]) for r in rows if int(r[5]) > 0} == persons[month])
        units = {k: c["unit"] for k, c in read_summary(month).items() if k[0] == month}
        total = sum(Fraction(n * next(p[2] for p in PRICES if p[0] == k[5] and p[1] == int(k[1])), 1000)
                    for k, n in units.items())
        check("%s: shares are the total to the yen" % month, sum(r[6] for r in rows) == int(total), (rows, total))
        everybody = sum(persons[month].values())
        check("%s: no share is a yen off" % month, all(
            abs(r[6] - Fraction(int(total) * int(r[5]), everybody)) < 1 for r in rows))
    august = in_force(("202608", "202609"), "202608")
    total = sum(Fraction(c["unit"] * next(p[2] for p in PRICES if p[0] == k[5] and p[1] == int(k[1])), 1000)
                for m in ("202608", "202609") for k, c in read_summary(m).items() if k[0] == "202608")
    check("August, corrected, is its total", sum(august.values()) == int(total), (august, total))


def audited_persons():
    """Two shares, a yen from one to the other: the total stays."""
    def move():
        text = open(U + "futan-202608.csv", encoding="utf-8", newline="").read()
        rows = re.findall(r"\r\n2,(?:[^,]*,){9}([0-9]+),", text)
        more = next(i for i, n in enumerate(rows) if int(n) > 0)
        less = next(i for i, n in enumerate(rows) if int(n) > 0 and i > more)
        at = iter(range(len(rows)))

        def put(x):
            i = next(at)
            return x.group(1) + str(int(x.group(2)) + (i == more) - (i == less)) + ","
        text = re.sub(r"(\r\n2,(?:[^,]*,){9})([0-9]+),", put, text)
        open(U + "futan-202608.csv", "w", encoding="utf-8", newline="").write(text)
    forge("a yen moved from one share to another", "202608", move, "by persons", "futan-202608.csv", both=True)


def rounding():
    for how, one in (("half", lambda x: int(x + Fraction(1, 2))), ("up", lambda x: -int(-x // 1))):
        fresh()
        config("fees", "rounding", how)
        text = open(S + "/site.yaml").read()
        r = run("bill", "-D", "2026-08-31")
        check("rounding " + how, r.returncode == 0, (r.stderr, text[-200:]))
        r = run("verify")
        check("and proved", r.returncode == 0, r.stderr)
        want = Counter()
        for k, c in read_summary("202608").items():
            want[k[2] or "00000000"] += Fraction(
                c["unit"] * next(p[2] for p in PRICES if p[0] == k[5] and p[1] == int(k[1])), 1000)
        check("each total is rounded " + how, {r[2]: r[6] for r in burden("202608")} ==
              {k: one(x) for k, x in want.items() if x}, want)


def sha(name):
    return hashlib.sha256(open(U + name, "rb").read()).hexdigest()


def forge(what, month, change, want, file=None, both=False):
    """An insider: a file changed, its head made anew over it and signed with our own key."""
    keep = {f: open(U + f, "rb").read() for f in os.listdir(U)}
    change()
    for m in (month, "202609") if both else (month,):
        head = open(U + "bill-%s.yaml" % m).read()
        for key in ("summary", "burden", "prices"):
            name = re.search('%s: "(.*)"' % key, head).group(1)
            head = re.sub('%s_sha256: ".*"' % key, '%s_sha256: "%s"' % (key, sha(name)), head)
        if m == "202609":
            head = re.sub('previous: ".*"', 'previous: "%s"' % sha("bill-202608.yaml"), head)
        open(U + "bill-%s.yaml" % m, "w").write(head)
        pki = S + "/pki/"
        v.openssl("cms", "-sign", "-binary", "-outform", "DER", "-in", U + "bill-%s.yaml" % m, "-signer",
                  pki + "publish.pem", "-inkey", pki + "publish.key", "-out", U + "bill-%s.p7s" % m, "-nosmimecap",
                  "-md", "sha256")
    r = run("verify")
    check(what, r.returncode == 36 and want in r.stderr and (file or "") in r.stderr, (r.returncode, r.stderr[:500]))
    for f, data in keep.items():
        open(U + f, "wb").write(data)


def edit(name, old, new, count=1):
    def do():
        text = open(U + name, encoding="utf-8", newline="").read()
        changed = re.sub(old, new, text, count=count)
        assert text != changed, (name, old)
        open(U + name, "w", encoding="utf-8", newline="").write(changed)
    return do


def by_hand(month):
    """The commands of verify.8 for an auditor alone, as they stand there."""
    page = open("batch/verify.8", encoding="utf-8").read()
    section = page[page.index(".Ss A month's bill"):page.index(".Ss Snapshots")]
    blocks = re.findall(r"\.Bd -literal[^\n]*\n(.*?)\.Ed", section, re.S)
    shutil.copy(S + "/pki/site-ca.pem", month + "/out/usage/")
    who = max(burden("202608"), key=lambda r: (r[2] != "00000000", r[6]))
    script = "set -e\n" + "\n".join(blocks).replace("\\e", "\\").replace("06130012", who[2])
    r = subprocess.run(["bash", "-c", script], cwd=month, capture_output=True, text=True)
    lines = r.stdout.splitlines()
    ok = [x for x in lines if x.endswith(": OK")]
    rest = [x for x in lines if not x.endswith(": OK")]
    check("by hand: every digest is right", r.returncode == 0 and len(ok) == 3 + 5, (r.returncode, r.stdout, r.stderr))
    check("by hand: three times the same number", len(rest) == 5 and len(set(rest[:3])) == 1, rest)
    check("by hand: the burden is the rounded sum", rest[4].split(",")[10] == str(int(rest[3]) // 1000), rest)
    open(month + "/out/usage/futan-202608.csv", "a").write("x")
    r = subprocess.run(["bash", "-c", script], cwd=month, capture_output=True, text=True)
    check("by hand: a changed file is seen", r.returncode != 0 and "futan-202608.csv: FAILED" in r.stdout, r.stdout)


def audited():
    """What an auditor finds although every signature is good."""
    r = run("verify")
    check("all is proved before", r.returncode == 0, r.stderr)
    line3 = r"(\r\n2,3,(?:[^,]*,){5})([0-9]+)"
    forge("a summary that counts a unit more is named by its line", "202609",
          edit("riyo_month-202609.csv", line3, lambda x: x.group(1) + str(int(x.group(2)) + 1)),
          "riyo_month-202609.csv:4", "F4012")
    forge("a row of the summary left out", "202609",
          edit("riyo_month-202609.csv", r"\r\n2,1,[^\r]*", ""), "riyo_month-202609.csv", "F4012")
    amount = r"(\r\n2,2,(?:[^,]*,){8})([0-9]+)"
    forge("a burden a yen higher", "202608",
          edit("futan-202608.csv", amount, lambda x: x.group(1) + str(int(x.group(2)) + 1)), "F4012",
          "futan-202608.csv", both=True)
    text = open(U + "futan-202609.csv", encoding="utf-8").read()
    check("there is a reversal to forge", ",202608,2," in text)
    forge("a reversal of another sum than was stated", "202609",
          edit("futan-202609.csv", r"(,202608,2,(?:[^,]*,){6})([0-9]+)", lambda x: x.group(1) + "1" + x.group(2)),
          "reverses something else", "futan-202609.csv")
    forge("a dearer table of prices", "202609", edit("ryokin-202609.csv", ",1333,", ",1433,"), "F4012")
    forge("a day left out of the month", "202609",
          edit("bill-202609.yaml", r'  - name: "riyo-20260903.yaml"\n.*\n', ""), "leaves out a day", "bill-202609")
    forge("another number of units in the head", "202609",
          edit("bill-202609.yaml", r"billable: ([0-9]+)", lambda x: "billable: %d" % (int(x.group(1)) - 1)),
          "counts", "bill-202609")
    keep = {f: open(U + f, "rb").read() for f in os.listdir(U) if "202608." in f and not f.startswith("riyo-")}
    for f in keep:
        os.remove(U + f)
    r = run("verify")
    check("an archived month leaves the next to be proved as far as it can", r.returncode == 0 and
          " months=1 " in r.stdout, (r.returncode, r.stderr))
    for f, data in keep.items():
        open(U + f, "wb").write(data)
    os.remove(U + "bill-202608.yaml")
    os.remove(U + "bill-202608.p7s")
    open(U + "bill-202608.yaml", "wb").write(keep["bill-202608.yaml"])
    r = run("verify")
    check("a month without its signature", r.returncode == 36 and "bill-202608.p7s" in r.stderr, r.stderr)
    open(U + "bill-202608.p7s", "wb").write(keep["bill-202608.p7s"])
    month = W + "/month"
    shutil.copytree(S + "/qualification/journal", month + "/journal")
    shutil.copytree(U, month + "/out/usage")
    r = subprocess.run([B + "/shikaku-verify", "-t", S + "/pki/site-ca.pem", month], capture_output=True, text=True)
    check("alone, with nothing but the CA", r.returncode == 0 and " months=2 " in r.stdout, r.stderr)
    by_hand(month)
    v.edits(S, int(os.environ.get("BILL_EDITS", "80")))


def refused():
    fresh()
    for what, code, rows in (
            ("a gap is an error", "F4031", PRICES[:2] + [("2026-2", 1, 1333, "20260822", ""),
                                                         ("2026-2", 2, 701, "20260822", "")]),
            ("one use without a price too", "F4031", PRICES[:3]),
            ("two prices on a day", "F4030", PRICES + [("2026-2", 2, 702, "20260901", "")]),
            ("two versions on a day", "F4030", PRICES[:2] + [("2026-2", 1, 1333, "20260820", "")]),
            ("an empty table", "F4030", [])):
        set_prices(rows)
        r = run("bill", "-D", "2026-08-31")
        check(what, r.returncode == 33 and code in r.stderr and not os.path.exists(U + "futan-202608.csv"),
              (r.returncode, r.stderr))
    set_prices(PRICES)
    r = run("bill", "-D", "2026-08-31")
    check("the mended table bills", r.returncode == 0, r.stderr)
    set_prices([("2026-9",) + p[1:] for p in PRICES])
    r = run("bill", "-D", "2026-09-30")
    check("a version once billed must stay", r.returncode == 33 and "F4030" in r.stderr, r.stderr)
    set_prices(PRICES[:2])
    r = run("collect", "-D", "2026-10-05")
    check("a day nobody used needs no price", r.returncode == 0, r.stderr)
    rng = random.Random(9)
    open(S + "/qualification/journal/usage-20261006.0.log", "w").write(v.chained(
        "usage-20261006.0.log", [line(rng, "20261006", 0, n + 1, n, ["00010017"]) for n in range(9)]))
    r = run("collect", "-D", "2026-10-06")
    check("collect asks for the price of the day too", r.returncode == 33 and "F4031" in r.stderr and
          not os.path.exists(U + "riyo-20261006.csv"), (r.returncode, r.stderr))
    set_prices(PRICES)
    name = U + "riyo-20260902.csv"
    whole = open(U + "riyo-20260901.csv").read()
    open(U + "riyo-20260901.csv", "w", newline="").write(whole.replace(",1,", ",2,", 1))
    r = run("bill", "-D", "2026-09-30")
    check("a day file that was changed", r.returncode == 36 and "F4011" in r.stderr, (r.returncode, r.stderr, name))
    open(U + "riyo-20260901.csv", "w", newline="").write(whole)
    fresh()
    text = open(S + "/site.yaml").read()
    open(S + "/site.yaml", "w").write(text.replace('prices: "masters/ryokin.csv"', 'prices: ""'))
    r = run("bill", "-D", "2026-08-31")
    check("without a levy the summary is all there is", r.returncode == 0 and
          os.path.exists(U + "riyo_month-202608.csv") and not os.path.exists(U + "futan-202608.csv"), r.stderr)


if __name__ == "__main__":
    site()
    by_use()
    audited()
    stamped()
    by_persons()
    audited_persons()
    rounding()
    refused()
    print("bill: %d passed, %d failed" % (v.passed, v.failed))
    sys.exit(v.failed > 0)
