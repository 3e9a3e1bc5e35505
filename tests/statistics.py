#!/usr/bin/env python3
"""A month's statistics, by a way of their own.

  journals ROOT YYYY-MM LINES MASTER   a month of usage journals, seed 1
  equal ROOT OTHER FILE.sqlite     every figure counted again from journals,
                                   ledgers and snapshots: all equal, none more
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
import random
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
            institution = r.choice(busy) if r.random() < 0.995 else ""
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
        age = "%02d" % min(100, years // 5 * 5)
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
    for kind in ("qualification", "institutions", "cards", "revocation"):
        want["snapshot_rows", kind, ""] = current[kind].execute("SELECT \"rows\" FROM generation").fetchone()[0]
    got = published(db)
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
        got[v["table"], v["key1"], v["key2"]] = int(v["value"]) if v["value"] else None
        assert (v["value"] == "") == (v["hidden"] == "1")
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
    drawn = {ja for ja, key1, n in db.execute("SELECT ja, theme.key1, count(*) FROM theme JOIN figure ON theme = id WHERE theme.key1 NOT IN ('', 'institution', 'insurer') GROUP BY id")}
    sheets = {sheet.title: len(sheet._charts) for sheet in openpyxl.load_workbook(book)}
    charts = {s for s, n in sheets.items() if n}
    assert charts == drawn, charts ^ drawn
    assert list(sheets)[0] == "要約" and list(sheets)[-1] == "定義"
    # a chart points at cells: it keeps no figure of its own
    parts = zipfile.ZipFile(book)
    assert not [n for n in parts.namelist() if "/charts/" in n and b"<c:v>" in parts.read(n)]
    print("sheets %d, charts %d, figures %d" % (len(sheets), len(charts), len(got)))
    sys.exit(got != want)


{"journals": journals, "equal": equal, "attack": attack, "csv": csv_same, "xlsx": xlsx_same}[sys.argv[1]](*sys.argv[2:])
