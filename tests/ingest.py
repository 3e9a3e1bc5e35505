#!/usr/bin/env python3
"""Uploads as intake would leave them, for part-ingest.sh; and an independent
reader of segments.

  ingest.py make ROOT SET    ready/STEM + ledger row of each file of the set
  ingest.py rows SEGMENT     a line per row: key, record, payload items
"""
import hashlib
import os
import sqlite3
import sys

SHIKAKU = """RecordType RecordNumber Change ChangeDate InsurerCode PersonId
ProcessingNumber InsuredCardClassification InsurerNumber InsuredCardSymbol
InsuredIdentificationNumber InsuredBranchNumber PersonalFamilyClassification
InsuredName Name NameOfOther NameKana NameOfOtherKana Sex1 Sex2 Birthdate
PostNumber Address QualificationDate DisqualificationDate ReasonOfLoss
InsuredCertificateIssuanceDate InsuredCardValidDate InsuredCardExpirationDate
InsuredCardReturnDate InsuredPartialContributionRatio PreschoolClassification
ElderlyRecipientCertificateDate ElderlyRecipientValidStartDate
ElderlyRecipientValidEndDate ElderlyRecipientContributionRatio""".split()
HEADER = "RecordType Version Sender Feed Day Sequence MunicipalityCode".split()
TRAILER = "RecordType Count Total".split()
HOUSEHOLD = [1, 9, 6, 15, 120, 1, 8, 1, 8, 8, 300]
PERSON = [1, 9, 6, 20, 15, 15, 1, 8, 64, 2, 40, 40, 2, 1, 120, 120, 1, 8, 8,
          2, 8, 2, 8, 8, 8, 8, 8, 1, 8, 8, 8, 3]
DAY = os.environ.get("DAY", "20260801")


def person(n, **change):
    """Record n of an insurer, all content."""
    r = dict(zip(SHIKAKU, [""] * len(SHIKAKU)))
    r.update(RecordType="2", RecordNumber=str(n), Change="1",
             ChangeDate=DAY, InsurerCode="06139992", PersonId="P%05d" % n,
             InsuredCardClassification="01", InsurerNumber="06139992",
             InsuredCardSymbol="１２", InsuredIdentificationNumber="%04d" % n,
             InsuredBranchNumber="00", PersonalFamilyClassification="1",
             Name="山田　太郎", NameKana="ﾔﾏﾀﾞ ﾀﾛｳ", Sex1="1",
             Birthdate="%d0102" % (1950 + n % 50), PostNumber="100-0001",
             Address="東京都千代田区1-2-3", QualificationDate="20200401")
    r.update(change)
    return r


def total(records):
    return sum(int(r["Birthdate"]) for r in records if r["Birthdate"].isdigit())


def frame(sender, feed, seq, city=""):
    return ["1", "1", sender, feed, DAY, "%04d" % seq, city]


def csv(sender, feed, seq, rows, sum_=0, head=None, tail=True):
    out = [head or frame(sender, feed, seq)] + rows
    if tail:
        out.append(["3", str(len(rows)), str(sum_)])
    return "".join(",".join('"%s"' % c if "," in c else c for c in r) + "\r\n"
                   for r in out)


def xml(sender, feed, seq, records, sum_):
    def element(name, items):
        return "<%s>%s</%s>\n" % (name, "".join(
            "<%s>%s</%s>" % (k, v, k) for k, v in items if v), name)
    return ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s>\n" % feed +
            element("Header", zip(HEADER, frame(sender, feed, seq))) +
            "".join(element("Record", r.items()) for r in records) +
            element("Trailer", zip(TRAILER, ["3", str(len(records)),
                                             str(sum_)])) +
            "</%s>\n" % feed)


def fixed(widths, rows):
    """CP932 lines; items cut short would be a fault of this script."""
    out = b""
    for row in rows:
        line = b""
        for w, v in zip(widths, row):
            b = v.encode("cp932")
            assert len(b) <= w, (w, v)
            line += b + b" " * (w - len(b))
        out += line + b" " * (sum(widths) - len(line)) + b"\r\n"
    return out


def frames(widths, sender, seq, city, rows, sum_):
    """A block: header and trailer have widths of their own."""
    full = sum(widths)

    def line(ws, vs):
        return b"".join(v.encode().ljust(w) for w, v in zip(ws, vs))
    head = line([1, 2, 8, 16, 8, 4, 6], frame(sender, "nhi", seq, city))
    tail = line([1, 9, 15], ["3", "%09d" % len(rows), "%015d" % sum_])
    return (head.ljust(full) + b"\r\n" + fixed(widths, rows) +
            tail.ljust(full) + b"\r\n")


def put(root, sender, feed, seq, members, full=False):
    """members: (name, layout, syntax, charset, bytes, records, total)"""
    stem = "%s_%s_%s_%04d" % (sender, feed, DAY, seq)
    at = os.path.join(root, "ready", stem)
    os.makedirs(at)
    ext = {"fixed": "txt", "der": "crl"}
    iso = "%s-%s-%s" % (DAY[:4], DAY[4:6], DAY[6:])
    text = ('sender: "%s"\nfeed: %s\nday: %s\nsequence: %d\n%smembers:\n'
            % (sender, feed, iso, seq, "full: true\n" if full else ""))
    for i, (name, layout, syntax, charset, data, n, sum_) in enumerate(members):
        if isinstance(data, str):
            data = data.encode("cp932" if charset == "cp932" else "utf-8")
        with open("%s/%04d.%s" % (at, i + 1, ext.get(syntax, syntax)),
                  "wb") as f:
            f.write(data)
        text += '  - name: "%s"\n    layout: %s\n    syntax: %s\n' % (
            name, layout, syntax)
        if charset:
            text += "    charset: %s\n" % charset
        text += ('    bytes: %d\n    sha256: "%s"\n    records: %d\n'
                 "    total: %d\n" % (len(data),
                                      hashlib.sha256(data).hexdigest(), n,
                                      sum_))
    with open(at + "/manifest.yaml", "w") as f:
        f.write(text)
    db = sqlite3.connect(os.path.join(root, "ledger.sqlite"))
    db.execute("INSERT INTO file VALUES (?,?,?,?,?,1,0,'ready',0,0,0,0,0,'',?,0)",
               (sender, feed, iso, seq,
                hashlib.sha256(stem.encode()).hexdigest(), seq))
    db.commit()


def shikaku(root, seq, records, syntax="csv", charset="utf8", **other):
    sender = "06139992"
    sum_ = total(records)
    if syntax == "xml":
        data = xml(sender, "shikaku", seq, records, sum_)
    else:
        data = csv(sender, "shikaku", seq, [list(r.values()) for r in records],
                   sum_, other.get("head"), other.get("tail", True))
    n = other.get("n", len(records))
    if charset == "utf8-bom" and other.get("mark", True):
        data = "\ufeff" + data
    if "cut" in other:
        data = data[:other["cut"]]
    put(root, sender, "shikaku", seq,
        [("shikaku." + syntax, "shikaku", syntax, charset, data, n,
          other.get("total", sum_))], other.get("full", False))


def plain(root, seq, n, *changes, first=1, full=False):
    """n records alike; changes: Item=value, +Item=value of the last record."""
    records = [person(i + 1, PersonId="P%05d" % (int(first) + i)) for i in range(int(n))]
    for c in changes:
        k, v = c.lstrip("+").split("=")
        for rec in records[-1:] if c[0] == "+" else records:
            rec[k] = v
    shikaku(root, int(seq), records, full=full)


def whole_set(root, seq, n, *changes):
    plain(root, seq, n, *changes, full=True)


def lenient_set(root):
    """No total; a running number that jumps; names with half width."""
    r = [person(n) for n in range(1, 4)]
    rows = [list(x.values()) for x in r]
    put(root, "06139992", "shikaku", 1, [("shikaku.csv", "shikaku", "csv", "utf8",
        csv("06139992", "shikaku", 1, rows, 0), 3, 0)])
    r = [person(n, PersonId="Q%d" % n) for n in range(1, 4)]
    r[2]["RecordNumber"] = "9"
    shikaku(root, 2, r)
    r = [person(n, PersonId="R%d" % n) for n in range(1, 4)]
    r[0]["Name"] = "山田ABC"
    r[1]["InsuredName"] = "ﾔﾏﾀﾞ"
    shikaku(root, 3, r)


def strict_set(root):
    """Lines in LF alone; blanks around a name, and before a 6-digit number."""
    r = [person(n) for n in range(1, 4)]
    data = csv("06139992", "shikaku", 1, [list(x.values()) for x in r],
               total(r)).replace("\r\n", "\n")
    put(root, "06139992", "shikaku", 1, [
        ("shikaku.csv", "shikaku", "csv", "utf8", data, 3, total(r))])
    r = [person(n, PersonId="Q%d" % n) for n in range(1, 4)]
    r[1]["Name"] = "山田　太郎 "
    shikaku(root, 2, r)


def nhi_full(root):
    """Two municipalities of one insurer each, as a whole set."""
    nhi(root, True)


def nhi_kept(root):
    """The same, with two persons refused who can be told."""
    nhi(root, True, "kept")


def nhi_unsure(root):
    """The same, with one refused who cannot be told: no ID."""
    nhi(root, True, "unsure")


def faults(root):
    """One of each that ingest itself finds, and some of the tables'."""
    r = [person(n) for n in range(1, 13)]
    r[1]["InsurerNumber"] = "06139993"  # E1203
    r[2]["InsurerNumber"] = "06130488"  # E1208: another sender's
    r[3]["InsurerCode"] = "06139993"  # E2212
    r[4]["PersonId"] = r[0]["PersonId"]  # E6001: same date as record 1
    r[5]["PersonId"] = r[0]["PersonId"]  # fine: another date
    r[5]["QualificationDate"] = "20210401"
    r[6]["Address"] = "123456789018"  # E1206
    r[7]["Name"] = "髙橋　花子"  # W1109
    r[8]["PersonId"] = r[0]["PersonId"]  # E6001: same date as record 6
    r[8]["QualificationDate"] = "20210401"
    r[9]["Name"] = ""  # E1101 and E1204: both are listed
    r[9]["Sex1"] = "9"
    r[10]["InsuredCardClassification"] = "A1"  # E1205
    shikaku(root, 1, r)


def same(root):
    """The same twenty records in four forms."""
    r = [person(21 - n, RecordNumber=str(n)) for n in range(1, 21)]
    r[4]["Address"] = "ソ十表,\\能"  # 5C as trail byte, a comma
    shikaku(root, 11, r)
    shikaku(root, 12, r, charset="cp932")
    shikaku(root, 13, r, syntax="xml")
    shikaku(root, 14, r, charset="utf8-bom", cut=None)


def whole(root):
    """Files refused as a whole, and good ones between them."""
    r = [person(n) for n in range(1, 4)]
    shikaku(root, 21, r, head=frame("06139992", "shikaku", 99))
    shikaku(root, 22, r, tail=False)
    shikaku(root, 23, r)
    shikaku(root, 24, r, n=4)
    shikaku(root, 25, r, total=1)
    shikaku(root, 26, r, charset="cp932", cut=-20)
    shikaku(root, 27, [], total=0)
    put(root, "06139992", "shikaku", 28, [("link.csv", "link", "csv", "utf8",
                                           "", 0, 0)])


def nhi(root, full=False, fault=None):
    """Two municipalities; households 1 3 5 7 and 1 2."""
    def house(n, city, hh, number="139998"):
        return ["2", "%09d" % n, city, hh, "山田　一郎", "", number, "1", DAY,
                "100-0001", "東京都"]

    def one(n, city, hh, id_, **c):
        return ["2", "%09d" % n, city, id_, "", hh, "1", DAY, "", "01", "",
                "%04d" % n, c.get("branch", "01"), "1", "山田　花子",
                "ﾔﾏﾀﾞ ﾊﾅｺ", "2", "19600401",
                c.get("date", "20200401"), "", "", "",
                c.get("applied", ""), ""] + [""] * 8
    h1 = [house(1, "131016", "001"), house(2, "131016", "003"),
          house(3, "131016", "002"),  # E6004
          house(4, "131016", "003"),  # E6001
          house(5, "131016", "005", "138057"),  # E1208
          house(6, "131016", "007")]
    p1 = [one(1, "131016", "001", "A1"), one(2, "131016", "001", "A2"),
          one(3, "131016", "002", "A3"),  # E6003: its household is refused
          one(4, "131016", "003", "A4", applied="20220701"),
          one(5, "131016", "001", "A5"),  # E6004
          one(6, "131016", "003", "A4", applied="20220701"),  # E6001
          one(7, "131016", "004", "A7"),  # E6003
          one(8, "131016", "005", "A8"),  # E6003
          one(9, "131016", "007", "A9", branch="1x")]  # E1104
    h2 = [house(7, "131024", "001"), house(8, "131024", "002")]
    p2 = [one(10, "131024", "001", "A1"),  # E6001: the ID of record 1
          one(11, "131024", "002", "B2")]
    if full:  # no faults
        h1, p1 = h1[:2], p1[:2] + p1[3:4]
        p2 = p2[1:]
        if fault == "kept":
            p1[0][12] = "1x"  # E1104: A1, the first of the city
            p1.append(one(4, "131016", "009", "A9"))  # E6003
        if fault == "unsure":
            p1[1][3] = ""  # E1101
        for n, rec in enumerate(h1 + h2 + [] ):
            rec[1] = "%09d" % (n + 1)
        for n, rec in enumerate(p1 + p2):
            rec[1] = "%09d" % (n + 1)
    s = 19600401
    hd = (frames(HOUSEHOLD, "KOKUHO13", 1, "131016", h1, 0) +
          frames(HOUSEHOLD, "KOKUHO13", 1, "131024", h2, 0))
    pd = (frames(PERSON, "KOKUHO13", 1, "131016", p1, s * len(p1)) +
          frames(PERSON, "KOKUHO13", 1, "131024", p2, s * len(p2)))
    put(root, "KOKUHO13", "nhi", 1, [
        ("nhi_household.txt", "nhi_household", "fixed", "cp932", hd,
         len(h1) + len(h2), 0),
        ("nhi_person.txt", "nhi_person", "fixed", "cp932", pd, len(p1) + len(p2),
         (len(p1) + len(p2)) * s)], full)


CODE_A, CODE_B = "SECRETAGENCYCODE0001", "SECRETAGENCYCODE0002"


def codes(root):
    rows = [["2", "1", "06139992", "P00001", "SN1", "1", DAY, CODE_A],
            ["2", "2", "39139993", "Q1", "SN2", "1", DAY, CODE_A],
            ["2", "3", "06139992", "P00002", "SN3", "2", DAY, ""],
            ["2", "4", "00139998", "A1", "SN4", "1", DAY, CODE_B],
            ["2", "5", "06130006", "X", "SN5", "1", DAY, CODE_B],  # E1208
            ["2", "6", "06139992", "P00001", "SN1", "1", DAY, CODE_B],  # E6001
            ["2", "7", "06139992", "P00003", "SN7", "1", DAY, ""]]  # E1101
    put(root, "JLIS0001", "codes", 1, [("codes.csv", "codes", "csv", "utf8",
                                        csv("JLIS0001", "codes", 1, rows),
                                        len(rows), 0)])


def qualification(root):
    ca = "0123456789abcdef0123456789abcdef01234567"
    rows = [["2", "1", ca, "00ff01", "SN1", "1", "", "", DAY + "090000"],
            ["2", "2", ca, "1" * 40, "SN2", "1", "", "", DAY + "090000"],
            ["2", "3", ca, "ff01", "SN3", "1", "", "", DAY + "090000"]]
    put(root, "JLIS0001", "link", 1, [("link.csv", "link", "csv", "utf8",
                                       csv("JLIS0001", "link", 1, rows), 3,
                                       0)])
    inst = [["2", "1", "0110112489", "01", "1", "", "病院"] + [""] * 6,
            ["2", "2", "1310110049", "13", "1", "", "医院"] + [""] * 6]
    put(root, "KOSEI001", "iryokikan", 1, [
        ("iryokikan.csv", "iryokikan", "csv", "utf8",
         csv("KOSEI001", "iryokikan", 1, inst), 2, 0)])


def package(root, source, seq=1, spoil=False):
    members = []
    for name in sorted(os.listdir(source + "/segments")):
        with open(source + "/segments/" + name, "rb") as f:
            data = f.read()
        n = len(list(rows_of(data)))
        if spoil and not members:
            data = data[:60] + bytes([data[60] ^ 1]) + data[61:]
        members.append((name, "segment", "seg", "", data, n, 0))
    put(root, "IM000001", "package", seq, members)


def rows_of(data):
    """formats/segment.h: head 48, rows, tail 48."""
    assert data[:8] == b"SHIKSEG1" and data[-48:-40] == b"SHIKEND1"
    assert hashlib.sha256(data[:-48]).digest() == data[-32:]
    scopes = int.from_bytes(data[18:20], "little")
    at, n = 48 + 9 * scopes, 0
    while at < len(data) - 48:
        size = int.from_bytes(data[at:at + 2], "little")
        klen = data[at + 2]
        record = int.from_bytes(data[at + 4:at + 8], "little")
        at += 8
        yield data[at:at + klen], record, data[at + klen:at + klen + size]
        at += klen + size
        n += 1
    assert n == int.from_bytes(data[-40:-32], "little")


def show(path):
    with open(path, "rb") as f:
        data = f.read()
    for i in range(int.from_bytes(data[18:20], "little")):
        print("scope", data[48 + 9 * i:57 + 9 * i].decode())
    for key, record, payload in rows_of(data):
        items = []
        if data[8] == 1:  # a pair is text
            items = payload.decode().split("\n")
        else:
            at = 0
            while at < len(payload):
                n = int.from_bytes(payload[at:at + 2], "little")
                items.append(payload[at + 2:at + 2 + n].decode())
                at += 2 + n
        shown = key.decode() if key.isascii() and key.isalnum() else key.hex()
        print("%s %d %s" % (shown, record, "|".join(items)))


if __name__ == "__main__":
    if sys.argv[1] == "rows":
        show(sys.argv[2])
    else:
        globals()[sys.argv[1]](*sys.argv[2:])
