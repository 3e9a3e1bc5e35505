#!/usr/bin/env python3
"""A month's statistics, by a way of their own.

  journals ROOT YYYY-MM LINES MASTER   a month of usage journals, seed 1
  equal ROOT OTHER FILE.sqlite     every figure counted again from journals,
                                   ledgers and snapshots: all equal, none more
  own ROOT OTHER FILE.sqlite       each sender's page: its own, nobody else's
  attack FILE.sqlite BELOW         tries to compute hidden figures back
  csv FILE.sqlite FILE.csv         the CSV says the same
  xlsx FILE.sqlite FILE.xlsx       the workbook too, opened by openpyxl
  attack FILE.sqlite BELOW FILE.xlsx   with what the workbook shows
"""
import csv
import collections
import datetime
import glob
import hashlib
import json
import os
import random
import re
import sqlite3
import sys
from fractions import Fraction

NAMES = ("At,Worker,Sequence,Request,InstitutionCode,Terminal,Kind,ConfirmationDate,Status,Code,Validity,"
         "InsurerCode,Generation,CrlNumber,CrlUpdate,CardResult,CaKeyId,SerialHash,Micros,Chain")


def journals(root, month, lines, master):
    r = random.Random(1)
    codes = [l.rstrip("\n").split(",")[0] for l in open(master)]
    busy = [codes[int(len(codes) * r.random() ** 3)] for _ in range(400)]
    first = datetime.date.fromisoformat(month + "-01")
    days = [first + datetime.timedelta(d) for d in range(31)]
    days = [d for d in days if d.month == first.month]
    weights = [1 if d.weekday() == 6 else 8 for d in days]
    per = collections.Counter(r.choices(days, weights, k=int(lines)))
    kinds = ["number", "printed", "card", "challenge", "other"]
    for day in days:
        files = []
        for worker in (0, 1):
            name = "usage-%s.%d.log" % (day.strftime("%Y%m%d"), worker)
            f = open("%s/journal/%s" % (root, name), "w")
            f.write(NAMES + "\n")
            files.append([f, hashlib.sha256(name.encode()).hexdigest()[:16], 0])
        for i in range(per[day]):
            worker = r.randrange(2)
            file = files[worker]
            file[2] += 1
            kind = r.choices(kinds, [40, 8, 30, 30, 1])[0]
            hour = min(20, max(8, int(r.gauss(11, 3))))
            code, validity, card, insurer = "", "", "", ""
            if kind == "card":
                card = r.choices(["valid", "revoked", "expired", "unknown", "notlinked"], [90, 4, 3, 1, 2])[0]
                code = {"valid": "", "revoked": "OE3004", "expired": "OE3004", "unknown": "OE9003",
                        "notlinked": "OE3005"}[card]
            elif r.random() < 0.04:
                code = r.choices(["OE2014", "OE4001", "OE9001", "OE2055"], [50, 20, 1, 9])[0]
            if not code and kind != "challenge" and kind != "other":
                validity = r.choices("12345", [90, 4, 3, 3, 0.2])[0]
                if validity == "1":
                    insurer = "%08d" % (6000000 + int(400 * r.random() ** 2))
            institution = r.choice(busy) if kind != "other" or r.random() < 0.5 else ""
            at = day if r.random() < 0.999 else day - datetime.timedelta(1)
            line = ",".join(["%sT%02d:%02d:%02d.%03d+09:00" % (at, hour, r.randrange(60), r.randrange(60), r.randrange(1000)),
                             str(worker), str(file[2]), "%016x" % r.getrandbits(64), institution, "0a", kind,
                             day.strftime("%Y%m%d"), "200", code, validity, insurer, "1", "", "", card, "",
                             "", str(int(r.lognormvariate(6, 1.3)))])
            file[1] = hashlib.sha256((file[1] + line).encode()).hexdigest()[:16]
            file[0].write(line + "," + file[1] + "\n")
        for file in files:
            file[0].close()


def published(db):
    return {(t, a, b): v for t, a, b, v in db.execute(
        "SELECT name, figure.key1, figure.key2, value FROM figure JOIN theme ON id = theme")}


def lists(root, other, first, last, sender="*"):
    """Problems, row by row from the error lists in the out boxes."""
    for side in (other, root):
        for path in glob.glob("%s/box/%s/out/*.errors.csv" % (side, sender)):
            who, feed, day = os.path.basename(path).split("_")[:3]
            if first.replace("-", "") <= day <= last.replace("-", ""):
                for row in csv.DictReader(open(path, encoding="utf-8-sig", newline="")):
                    yield row["コード"], feed, 1


def delays(root, other, first, last, sender=None):
    """Hours from arrival to the opening after the night, or to the end of a later rebuild."""
    files = {}
    for side in (root, other):
        for *key, arrived in sqlite3.connect("file:%s/ledger.sqlite?mode=ro" % side, uri=True).execute(
                "SELECT sender, feed, day, sequence, arrived FROM file"):
            files[tuple(key)] = arrived
    ledger = sqlite3.connect("file:%s/ledger.sqlite?mode=ro" % root, uri=True)
    made = {}
    for day, ended, notes in ledger.execute("SELECT day, ended, notes FROM run WHERE program = 'rebuild' AND exit IN (0, 4, 5)"):
        notes = dict(n.split("=") for n in notes.split())
        if "generation" in notes:
            opening = datetime.datetime.fromisoformat(day + "T08:00:00+09:00") + datetime.timedelta(1)
            made[int(notes["generation"])] = max(ended, int(opening.timestamp() * 1000))
    seen = {}
    for *key, g in ledger.execute("SELECT sender, feed, day, sequence, generation FROM reflection"):
        if first <= key[2] <= last and sender in (None, key[0]):
            seen[tuple(key)] = min(g, seen.get(tuple(key), g))
    return [(made[g] - files[key]) / 3600000 for key, g in seen.items()]


def billed(root, first):
    out = collections.Counter()
    path = "%s/out/usage/riyo_month-%s.csv" % (root, first.replace("-", "")[:6])
    prices = {}
    for row in csv.DictReader(open(root + "/../masters/ryokin.csv")):
        prices[row["PriceTable"], row["Use"]] = Fraction(int(row["Price"]), 1000)
    for row in csv.reader(open(path, newline="")):
        if row[0] != "2":
            continue
        use, version = row[3], row[12]
        for name, n in zip(("billable", "retry", "unknown", "other"), row[7:11]):
            out["usage_by_use_and_billing", use, name] += int(n)
        out["cost_by_use_and_prices", use, version] += int(row[7]) * prices[version, use]
    return {k: int(v + Fraction(1, 2)) if k[0][0] == "c" else v for k, v in out.items()}


def own(root, other, path):
    """Each sender's page: its own figures, all of them, and nobody else's."""
    db = sqlite3.connect("file:%s?immutable=1" % path, uri=True)
    about = dict(db.execute("SELECT name, value FROM about"))
    first, last = about["first_day"], about["last_day"]
    name = "statistics-%s.html" % first.replace("-", "")[:6]
    with open(root + "/../masters/insurers.csv", encoding="utf-8-sig", newline="") as f:
        insurers = list(csv.DictReader(f))
    with open(root + "/../masters/senders.csv", encoding="utf-8-sig", newline="") as f:
        senders = {row["Sender"] for row in csv.DictReader(f)}
    codes = collections.defaultdict(set)
    for row in insurers:
        codes[row["Sender"]].add(row["InsurerCode"])
    shown = {k[1]: v for k, v in published(db).items() if k[0] == "questions_by_insurer"}
    pages = {p.split("/")[-3]: p for side in (root, other) for p in glob.glob("%s/box/*/out/%s" % (side, name))}
    bad = 0
    sent = collections.defaultdict(collections.Counter)
    for side in (other, root):
        for d, sender, feed, state, results in sqlite3.connect("file:%s/ledger.sqlite?mode=ro" % side, uri=True).execute(
                "SELECT day, sender, feed, state, accepted + refused + unchanged + held FROM file"):
            if first <= d <= last and sender in senders and (feed != "package" or side == root):
                sent[sender]["files"] += 1
                sent[sender]["records"] += results
    expected = set(sent) | {s for s in codes if codes[s] & set(shown)}
    if set(pages) != expected:
        print("pages differ:", set(pages) ^ expected)
        bad += 1
    everyone = senders | {c for s in codes.values() for c in s}
    for sender, p in sorted(pages.items()):
        text = open(p).read()
        alien = {x for x in everyone - {sender} - codes[sender] if re.search(r"(?<![0-9A-Z])%s(?![0-9])" % x, text)}
        sums = collections.Counter()
        for section, body in re.findall(r'<section id="(\w+)">(.*?)</section>', text, re.S):
            cells = [c.replace(",", "") for c in re.findall(r"<td>([0-9,]+|<abbr[^>]*>×</abbr>)</td>", body)]
            if section == "problems":
                ranks = [(code, int(n.replace(",", ""))) for code, n in re.findall(r"<code>(\w+)</code></th><td>([0-9,]+)</td>", body)]
                want = collections.Counter(c for c, _, _ in lists(root, other, first, last, sender))
                if ranks != sorted(want.items(), key=lambda x: (-x[1], x[0])):
                    print(sender, "problems", ranks, want)
                    bad += 1
                bad += body.count('<td class="words"') != 2 * len(ranks)
            elif section == "questions_by_insurer":
                got = sorted("×" if c[0] == "<" else c for c in cells)
                want = sorted("×" if shown[c] is None else str(shown[c]) for c in codes[sender] if c in shown)
                if got != want:
                    print(sender, section, got, want)
                    bad += 1
            else:
                sums[section] = sum(int(c) for c in cells)
        for section in ("files_by_feed_and_state", "files_by_reason", "files_by_lateness"):
            if sums[section] != sent[sender]["files"]:
                print(sender, section, sums[section], sent[sender]["files"])
                bad += 1
        if sums["records_by_feed_and_result"] != sent[sender]["records"] or alien or \
                sums["files_by_delay"] != len(delays(root, other, first, last, sender)):
            print(sender, sums, sent[sender], alien)
            bad += 1
    print("pages %d, wrong %d" % (len(pages), bad))
    sys.exit(bad > 0 or not pages)


def equal(root, other, path):
    db = sqlite3.connect("file:%s?immutable=1" % path, uri=True)
    about = dict(db.execute("SELECT name, value FROM about"))
    first, last = about["first_day"], about["last_day"]
    want = collections.Counter()
    current = {}
    for kind in ("qualification", "institutions", "cards", "revocation"):
        g = about["generation_" + kind]
        if g != "0":
            (name,) = glob.glob("%s/snapshots/%s-%06d*.sqlite" % (root, kind, int(g)))
            current[kind] = sqlite3.connect("file:%s?immutable=1" % name, uri=True)
    where = {c: (p or "none", s or "none") for c, p, s in current["institutions"].execute(
        "SELECT InstitutionCode, Prefecture, SizeClass FROM institution")}
    want["questions", "", ""] = 0
    late = 0
    for name in glob.glob(root + "/journal/usage-*.log"):
        day = name.split("usage-")[1][:8]
        if not first.replace("-", "") <= day <= last.replace("-", ""):
            continue
        for v in csv.DictReader(open(name)):
            kind, hour = v["Kind"], v["At"][11:13]
            late += v["At"][:10].replace("-", "") != day
            prefecture, size = where.get(v["InstitutionCode"], ("none", "none"))
            weekday = datetime.date(int(day[:4]), int(day[4:6]), int(day[6:])).isoweekday() % 7
            micros = int(v["Micros"])
            time = sum(micros >= t for t in (100, 500, 1000, 5000, 50000, 500000, 3000000))
            for key in (("questions", "", ""), ("questions_by_day", day, ""),
                        ("questions_by_weekday_and_hour", str(weekday), hour),
                        ("questions_by_hour_and_kind", hour, kind),
                        ("questions_by_answer_and_kind", "refused" if v["Code"] else v["Validity"] or "none", kind),
                        ("questions_by_code", v["Code"] or "none", ""),
                        ("questions_by_card_result", v["CardResult"] or "none", ""),
                        ("questions_by_time_and_kind", str(time), kind),
                        ("questions_by_prefecture_and_kind", prefecture, kind),
                        ("questions_by_size_and_kind", size, kind),
                        ("questions_by_institution", v["InstitutionCode"] or "none", ""),
                        ("questions_by_insurer", v["InsurerCode"] or "none", "")):
                want[key] += 1
    insurers = {n: (s, p) for n, s, p in current["qualification"].execute("SELECT number, Scheme, Prefecture FROM insurer")}
    day = int(last.replace("-", ""))
    for number, birth, sex, certificate, began, lost in current["qualification"].execute(
            "SELECT InsurerNumber, Birthdate, Sex1, InsuredCardClassification, QualificationDate, DisqualificationDate FROM period"):
        if int(began) > day or (lost is not None and int(lost) <= day):
            continue
        scheme, prefecture = insurers.get(number.rjust(8, "0"), ("none", "none"))
        years = (day - int(birth)) // 10000
        age = "%03d" % min(100, years // 5 * 5)
        for key in (("insured", "", ""), ("insured_by_scheme_and_sex", scheme, sex),
                    ("insured_by_age_and_sex", age, sex), ("insured_by_prefecture", prefecture or "none", ""),
                    ("insured_by_certificate", certificate or "none", "")):
            want[key] += 1
    for side, own in ((other, False), (root, True)):
        ledger = sqlite3.connect("file:%s/ledger.sqlite?mode=ro" % side, uri=True)
        for d, feed, state, reason, arrived in ledger.execute("SELECT day, feed, state, reason, arrived FROM file"):
            if not first <= d <= last or (feed == "package" and not own):
                continue
            came = (datetime.datetime.fromtimestamp(arrived / 1000, datetime.timezone(datetime.timedelta(hours=9)))).date()
            days = (came - datetime.date.fromisoformat(d)).days
            want["files_by_feed_and_state", feed, state] += 1
            want["files_by_reason", reason or "none", ""] += 1
            want["files_by_lateness", "early" if days < 0 else str(days) if days < 2 else "2" if days <= 7 else "3", ""] += 1
        names = ("added", "amended", "lost", "cancelled", "unchanged", "refused", "held", "removed")
        for row in ledger.execute("SELECT day, %s FROM reflection" % ", ".join(names)) if own else ():
            for change, n in zip(names, row[1:]):
                if first <= row[0] <= last and n:
                    want["changes_by_day", row[0].replace("-", ""), change] += n
        for d, feed, results in ledger.execute("SELECT day, feed, json_array(accepted, refused, unchanged, held) FROM file"):
            if first <= d <= last and (feed != "package" or own):
                for name, n in zip(("accepted", "refused", "unchanged", "held"), json.loads(results)):
                    want["records_by_feed_and_result", feed, name] += n
        for d, program, exit_, ms in ledger.execute("SELECT day, program, exit, ms FROM run"):
            if first <= d <= last and program != "report" and exit_ != 1:  # 1: nothing to do
                want["runs_by_program_and_exit", program, "none" if exit_ is None else str(exit_)] += 1
                want["run_time_by_program", program, ""] += ms or 0
    for kind in ("qualification", "institutions", "cards", "revocation"):
        want["snapshot_rows", kind, ""] = current[kind].execute("SELECT \"rows\" FROM generation").fetchone()[0]
    for code, feed, n in lists(root, other, first, last):
        want["problems_by_code_and_feed", code, feed] += n
    for h in delays(root, other, first, last):
        want["files_by_delay", str(sum(h >= t for t in (6, 12, 24, 48, 168))), ""] += 1
    for kind in current:
        (name,) = glob.glob("%s/snapshots/%s-%06d*.sqlite" % (root, kind, int(about["generation_" + kind])))
        want["snapshot_bytes", kind, ""] = os.path.getsize(name)
    want.update(billed(root, first))
    got = published(db)
    missing = {n for (n,) in db.execute("SELECT name FROM theme")} - {k[0] for k in want}
    assert not missing, missing
    want = {k: n for k, n in want.items() if n or k[1] == ""}
    for key in sorted(set(got) | set(want)):
        if got.get(key) != want.get(key):
            print("differs:", key, got.get(key), want.get(key))
    bad = got != want or about["late_lines"] != str(late)
    print("figures %d, differing %d" % (len(want), sum(got.get(k) != want.get(k) for k in set(got) | set(want))))
    sys.exit(bad)


# ---- computing hidden figures back ----

def equations(db, figures):
    """What any reader knows: sums over a key agree between the tables of a
    family, and where each institution is."""
    where = {c: (p, s) for c, p, s in db.execute("SELECT code, prefecture, size_class FROM institution")}
    themes = {n: (f, a, b) for n, f, a, b in db.execute("SELECT name, family, key1, key2 FROM theme")}
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for cell in figures:
        family, *keys = themes[cell[0]]
        facts = [("all", "")]
        for key, value in zip(keys, cell[1:]):
            if not key:
                continue
            facts.append((key, value))
            if key == "day":
                d = datetime.date(int(value[:4]), int(value[4:6]), int(value[6:]))
                facts.append(("weekday", str(d.isoweekday() % 7)))
            if key == "institution":
                p, s = where.get(value, ("none", "none"))
                facts += [("prefecture", p), ("size_class", s)]
            if key == "code":
                facts.append(("outcome", "answered" if value == "none" else "refused"))
            if key == "answer":
                facts.append(("outcome", "refused" if value == "refused" else "answered"))
        for fact in facts:
            groups[family, fact][cell[0]].append(cell)
    out = []
    for tables in groups.values():
        sums = []
        for cells in tables.values():
            hidden = [c for c in cells if figures[c] is None]
            sums.append((hidden, sum(figures[c] or 0 for c in cells)))
        known = [s for h, s in sums if not h]
        base, right = ([], known[0]) if known else sums[0]
        for hidden, n in sums:
            assert hidden or not known or n == known[0], "tables disagree"
            row = collections.Counter(hidden)
            row.subtract(base)
            row = {c: v for c, v in row.items() if v}
            if row:
                out.append((row, right - n))
    return figures, out


def attack(path, below, book=None):
    below = int(below)
    db = sqlite3.connect("file:%s?immutable=1" % path, uri=True)
    figures, rows = equations(db, workbook(db, book) if book else published(db))
    hidden = [c for c, v in figures.items() if v is None]
    small = {n for n, s in db.execute("SELECT name, small FROM theme") if s}
    found = 0
    for cell, v in figures.items():
        if v is not None and cell[0] in small and v < below:
            print("a small figure is shown:", cell, v)
            found += 1
    # elimination, exact: a row left with one unknown determines it
    pivots = {}
    for row, right in rows:
        row = {c: Fraction(v) for c, v in row.items()}
        while row:
            c = min(row)
            if c not in pivots:
                f = row[c]
                pivots[c] = ({k: v / f for k, v in row.items()}, right / f)
                break
            other, n = pivots[c]
            f = row[c]
            right -= f * n
            for k, v in other.items():
                row[k] = row.get(k, 0) - f * v
                if not row[k]:
                    del row[k]
    for c in sorted(pivots, reverse=True):
        row, right = pivots[c]
        row = dict(row)
        for k in sorted(row):
            if k != c and k in pivots:
                other, n = pivots[k]
                f = row.get(k, 0)
                right -= f * n
                for kk, v in other.items():
                    row[kk] = row.get(kk, 0) - f * v
                    if not row[kk]:
                        del row[kk]
        pivots[c] = row, right
        if len(row) == 1:
            print("computed back:", c, right)
            found += 1
    # bounds: every hidden figure is at least 1
    low = {c: 1 for c in hidden}
    high = {c: 10 ** 12 for c in hidden}
    for _ in range(1000):
        moved = False
        for row, right in rows:
            for c, f in row.items():
                rest = [(k, v) for k, v in row.items() if k != c]
                most = right - sum(v * (low[k] if v > 0 else high[k]) for k, v in rest)
                least = right - sum(v * (high[k] if v > 0 else low[k]) for k, v in rest)
                if f < 0:
                    least, most = -most, -least
                if most < high[c]:
                    high[c], moved = most, True
                if least > low[c]:
                    low[c], moved = least, True
        if not moved:
            break
    for c in hidden:
        if high[c] - low[c] < below - 1:
            print("too narrow:", c, low[c], high[c])
            found += 1
    print("figures %d, hidden %d, equations %d, computed back %d" % (len(figures), len(hidden), len(rows), found))
    sys.exit(found > 0 or not hidden)


def csv_same(path, csv_path):
    got = {}
    raw = open(csv_path, "rb").read()
    assert raw.startswith(b"\xef\xbb\xbf"), "no byte-order mark"
    for v in csv.DictReader(raw.decode("utf-8-sig").splitlines()):
        got[v["Table"], v["Key1"], v["Key2"]] = int(v["Value"]) if v["Value"] else None
        assert (v["Value"] == "") == (v["Hidden"] == "1")
    want = published(sqlite3.connect("file:%s?immutable=1" % path, uri=True))
    print("rows %d" % len(got))
    sys.exit(got != want)


def workbook(db, path):
    """The figures of a workbook; a key in no cell of it did not occur."""
    import openpyxl
    book = openpyxl.load_workbook(path)
    themes = {ja: (name, key1, key2) for name, ja, key1, key2 in db.execute("SELECT name, ja, key1, key2 FROM theme")}
    label = {(k, "%s %s" % (ja, en) if ja != en else ja): v for k, v, ja, en in db.execute("SELECT key, value, ja, en FROM label")}
    names = {en: (name, ja) for name, ja, en in db.execute("SELECT name, ja, en FROM theme WHERE key1 = ''")}
    got = {}
    for sheet in book:
        assert sheet.freeze_panes == "A2", sheet.title
        assert sheet.page_setup.orientation == "landscape" and int(sheet.page_setup.paperSize) == 9, sheet.title
        rows = list(sheet.iter_rows())
        for row in rows:
            for cell in row:
                assert cell.data_type in "sn", (sheet.title, cell.coordinate, cell.data_type)
        if sheet.title == "要約":
            for row in rows:
                if row[1].value in names:
                    got[names[row[1].value][0], "", ""] = cell_value(row[2])
        if sheet.title not in themes:
            continue
        name, key1, key2 = themes[sheet.title]
        first = 1 if len(rows[0]) < 4 else 3
        for row in rows[1:]:
            assert row[0].data_type == "s" and row[0].number_format == "@", (sheet.title, row[0].coordinate)
            for title, cell in zip(rows[0][first:], row[first:]):
                value = cell_value(cell)
                if value != 0:
                    got[name, row[0].value, label[key2, title.value] if key2 else ""] = value
    return got


def cell_value(cell):
    if cell.value == "×":
        return None
    assert cell.data_type == "n" and cell.number_format == "#,##0", (cell.coordinate, cell.value)
    return cell.value


def xlsx_same(path, book):
    import openpyxl
    import zipfile
    db = sqlite3.connect("file:%s?immutable=1" % path, uri=True)
    want = {k: v for k, v in published(db).items() if v != 0 or not k[1]}
    got = workbook(db, book)
    for key in sorted(set(got) | set(want)):
        if got.get(key, 0) != want.get(key, 0):
            print("differs:", key, got.get(key), want.get(key))
    drawn = {ja for ja, key1, n in db.execute("SELECT ja, theme.key1, count(*) FROM theme JOIN figure ON theme = id WHERE theme.key1 NOT IN ('', 'institution', 'insurer') GROUP BY id HAVING min(hidden) = 0")}
    sheets = {sheet.title: len(sheet._charts) for sheet in openpyxl.load_workbook(book)}
    charts = {s for s, n in sheets.items() if n}
    assert charts == drawn, charts ^ drawn
    about = dict(db.execute("SELECT name, value FROM about"))
    units = dict(db.execute("SELECT ja, unit_ja FROM theme"))
    for sheet in openpyxl.load_workbook(book):
        for chart in sheet._charts:
            axis = chart.y_axis if chart.y_axis.tagname == "valAx" else chart.x_axis
            assert axis.scaling.min == 0, (sheet.title, "an axis that does not begin at 0")
            unit = "".join(r.t for p in axis.title.tx.rich.p for r in p.r or [])
            assert unit == units[sheet.title], (sheet.title, unit)
        said = sheet.oddHeader.center.text
        assert said == "%s～%s 世代 資格%s・医療機関%s" % tuple(about[x] for x in (
            "first_day", "last_day", "generation_qualification", "generation_institutions")), (sheet.title, said)
    assert list(sheets)[0] == "要約" and list(sheets)[-1] == "定義"
    # a chart points at cells: it keeps no figure of its own
    parts = zipfile.ZipFile(book)
    assert not [n for n in parts.namelist() if "/charts/" in n and b"<c:v>" in parts.read(n)]
    print("sheets %d, charts %d, figures %d" % (len(sheets), len(charts), len(got)))
    sys.exit(got != want)


{"journals": journals, "equal": equal, "attack": attack, "csv": csv_same, "xlsx": xlsx_same,
 "own": own}[sys.argv[1]](*sys.argv[2:])
