#!/usr/bin/env python3
"""The merge a second time, by nobody who knows the first.

  merge_model.py make SEED NIGHT    the changes of one night (tool-segment's
                                    text) on stdout; nights build on the same
                                    small country
  merge_model.py check ROOT TEXT... the texts of all nights in their order
                                    against ROOT's snapshots and results
  merge_model.py files SITE READY...  the uploads of all nights as intake left
                                    them (copies of ready/, one per night),
                                    read here by csv, ElementTree and codecs,
                                    against the qualification side of SITE

The rules are those of the manual page, written down from it: a dict of
periods per key, changes in order of day, running number, sender, record.
"""
import csv
import glob
import hashlib
import hmac
import os
import random
import sqlite3
import sys
import xml.etree.ElementTree as ET

INSURERS = ["06139992", "06130488", "39131008"]
FAR = "99999999"


# ---- a small country, with every mistake an insurer can make ----

def day(rng, low=2000, high=2026):
    return "%04d%02d%02d" % (rng.randint(low, high), rng.randint(1, 12),
                             rng.randint(1, 28))


def person(insurer, n):
    rng = random.Random("%s %d" % (insurer, n))
    return {"InsurerCode": insurer, "PersonId": "P%03d" % n,
            "InsurerNumber": insurer, "InsuredCardSymbol": "１２",
            "InsuredIdentificationNumber": "%04d" % (n // 2),
            "Name": rng.choice(["山田　花子", "佐藤　太郎", "鈴木　一"]),
            "Sex1": rng.choice("12"), "Birthdate": day(rng, 1930, 1999)}


def change(rng, insurer):
    n = rng.randint(0, 25)
    r = person(insurer, n)
    if rng.random() < 0.04:
        r["Sex1"] = "3"
    if rng.random() < 0.03:
        r["Birthdate"] = day(rng, 1930, 1999)
    if rng.random() < 0.3:
        r["Address"] = "東京都%d丁目" % rng.randint(1, 3)
    # few days, so that changes meet what is there
    r["QualificationDate"] = "%d0401" % rng.randint(2018, 2025)
    r["Change"] = rng.choice("1111222333399")
    r["ChangeDate"] = "20260801"
    if r["Change"] == "3" or rng.random() < 0.4:
        later = rng.choice([0, 0, 1, 1, 1, 2, 4])
        r["DisqualificationDate"] = "%d0401" % (
            int(r["QualificationDate"][:4]) + later)
        r["ReasonOfLoss"] = rng.choice(["01", "03", "99"])
    return r


def make(seed, night):
    rng = random.Random("%d %d" % (seed, night))
    out = []

    def upload(sender, feed, seq, kind, rows):
        out.append("\t".join(["upload", sender, feed, "202608%02d" % night,
                              "%d" % seq, kind]))
        for number, row in rows:
            out.append("\t".join(["%d" % number] + [
                "%s=%s" % item for item in row.items() if item[1] != ""]))

    for insurer in INSURERS:
        for seq in range(1, rng.randint(2, 4)):
            rows = [(i + 1, change(rng, insurer))
                    for i in range(rng.randint(0, 40))]
            upload(insurer, "shikaku", seq, "period",
                   [r for r in rows if rng.random() < 0.9])
    pairs = [(i + 1, {"Key": "E%sP%03d" % (rng.choice(INSURERS),
                                           rng.randint(0, 30)),
                      "ProcessingNumber": "N%03d" % rng.randint(0, 40),
                      "Pseudonym": "%032x" % rng.randint(0, 12)})
             for i in range(rng.randint(0, 20))]
    upload("JLIS0001", "codes", 1, "pair", pairs)
    if night != 2:
        upload("JLIS0002", "link", 1, "card", [
            (i + 1, {"CaKeyId": rng.choice(["01" * 20, "ab" * 20]),
                     "SerialNumber": "%x" % rng.choice(
                         [rng.randint(1, 30), (1 << 63) + rng.randint(0, 3),
                          (1 << 90) + rng.randint(0, 3)]),
                     "ProcessingNumber": "N%03d" % rng.randint(0, 40),
                     "LinkState": rng.choice("1129"),
                     "ProvidedAt": "202608%02d000000" % night})
            for i in range(30)])
    upload("KOSEI001", "iryokikan", 1, "institution", [
        (i + 1, {"InstitutionCode": "13%08d" % rng.randint(0, 20),
                 "Prefecture": "13", "SizeClass": rng.choice("012"),
                 "InstitutionName": "病院%d" % rng.randint(0, 3)})
        for i in range(10)])
    return "\n".join(out) + "\n"


# ---- the model ----

class Model:
    def __init__(self):
        self.periods = {}  # key: {from: record}
        self.pairs, self.cards, self.institutions = {}, {}, {}

    def overlap(self, key, record):
        a, b = record["QualificationDate"], record.get(
            "DisqualificationDate", FAR)
        for other, r in self.periods[key].items():
            if other == record["QualificationDate"]:
                continue
            if max(a, other) < min(b, r.get("DisqualificationDate", FAR)):
                return True
        return False

    def period(self, row):
        key = row.get("Key") or "E" + row["InsurerCode"] + row["PersonId"]
        record = {k: v for k, v in row.items()
                  if k not in ("Change", "ChangeDate", "Key")}
        mine = self.periods.setdefault(key, {})
        name = record["QualificationDate"]
        for r in mine.values():
            if (r["Sex1"], r["Birthdate"]) != (
                    record["Sex1"], record["Birthdate"]):
                return "held", "E7004"
        stored = mine.get(name)
        if row["Change"] == "1":
            if stored is not None:
                return (("unchanged", "N7005") if stored == record
                        else ("refused", "E7001"))
        elif stored is None:
            return "refused", "E7002"
        if row["Change"] == "9":
            del mine[name]
            return "reflected", ""
        if row["Change"] == "3":
            loss = {k: record.get(k) for k in
                    ("DisqualificationDate", "ReasonOfLoss")}
            record = {k: v for k, v in {**stored, **loss}.items() if v}
        if stored == record:
            return "unchanged", "N7005"
        if self.overlap(key, record):
            return "refused", "E7003"
        mine[name] = record
        return "reflected", ""

    @staticmethod
    def put(table, key, value):
        if table.get(key) == value:
            return "unchanged", "N7005"
        table[key] = value
        return "reflected", ""

    def apply(self, kind, row):
        if kind == "period":
            return self.period(row)
        if kind == "pair":
            return self.put(self.pairs, row["Key"],
                            (row["ProcessingNumber"], row["Pseudonym"]))
        if kind == "card":
            return self.put(self.cards,
                            (row["CaKeyId"], int(row["SerialNumber"], 16)),
                            row)
        return self.put(self.institutions, row["InstitutionCode"], row)


def uploads(text):
    """(day, sequence, sender, feed), kind, rows in order of record."""
    found = []
    for line in text.splitlines():
        item = line.split("\t")
        if item[0] == "upload":
            found.append(((item[3], int(item[4]), item[1], item[2]), item[5],
                          []))
        elif line:
            found[-1][2].append((int(item[0]), dict(
                i.split("=", 1) for i in item[1:])))
    return sorted(found)


def stem(u):
    return "%s_%s_%s_%04d" % (u[2], u[3], u[0], u[1])


def run_model(texts):
    model, results = Model(), {}
    for text in texts:
        for u, kind, rows in uploads(text):
            results.setdefault(stem(u), [])
            for number, row in rows:
                results[stem(u)].append(
                    ("%d" % number,) + model.apply(kind, row))
    return model, results


# ---- what is on disk ----

def snapshot(root, kind):
    manifest = open(os.path.join(root, "snapshots/current/manifest.yaml"),
                    encoding="utf-8").read()
    name = [w.strip('"') for w in manifest.split()
            if w.strip('"').startswith(kind + "-")][0]
    db = sqlite3.connect("file:%s?mode=ro" % os.path.join(
        root, "snapshots", name), uri=True)
    db.row_factory = sqlite3.Row
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    return db


def plain(row, skip=()):
    return {k: row[k] for k in row.keys()
            if row[k] is not None and k not in skip}


def serial(value):
    return value if isinstance(value, int) else int.from_bytes(value, "big")


failed = passed = 0


def same(what, want, got):
    global failed, passed
    if want == got:
        passed += 1
        return
    failed += 1
    print("FAILED: " + what)
    for k in sorted(set(want) | set(got), key=str):
        if want.get(k) != got.get(k):
            print("  %s\n    want %s\n    got  %s" % (
                k, want.get(k), got.get(k)))
            break


def check(root, texts):
    model, results = run_model(texts)
    q = snapshot(root, "qualification")
    want = {(k, f): r for k, p in model.periods.items() for f, r in p.items()}
    same("periods", want, {
        (r["key"], r["QualificationDate"]): plain(r, ("key",))
        for r in q.execute("SELECT * FROM period")})
    same("pairs", model.pairs, {
        r["key"]: (r["processing_number"], r["pseudonym"].hex())
        for r in q.execute("SELECT * FROM person")})
    same("person to keys", {(p, k): 1 for k, (_, p) in model.pairs.items()}, {
        (r["pseudonym"].hex(), r["key"]): 1
        for r in q.execute("SELECT * FROM pseudonym")})
    same("numbers to person", {pair: 1 for pair in model.pairs.values()}, {
        (r["processing_number"], r["pseudonym"].hex()): 1
        for r in q.execute("SELECT * FROM pairing")})
    same("printed", {k: 1 for k, _ in want}, {
        r["key"]: 1 for r in q.execute("SELECT * FROM printed")})
    faces = {}
    for r in q.execute("SELECT * FROM printed"):
        faces.setdefault(r["hash"], set()).add(r["key"])
    expect = {}
    for (k, _), r in want.items():
        expect.setdefault((r["InsurerNumber"],
                           r["InsuredIdentificationNumber"],
                           r["Birthdate"]), set()).add(k)
    same("one hash per card face",
         {i: s for i, s in enumerate(sorted(map(sorted, expect.values())))},
         {i: s for i, s in enumerate(sorted(map(sorted, faces.values())))})
    c = snapshot(root, "cards")
    same("cards", {k: {f: v for f, v in r.items()
                       if f not in ("CaKeyId", "SerialNumber")}
                   for k, r in model.cards.items()}, {
        (r["ski"], serial(r["serial"])): plain(r, ("ca", "serial", "ski"))
        for r in c.execute(
            "SELECT card.*, ski FROM card JOIN ca ON ca.id = card.ca")})
    i = snapshot(root, "institutions")
    same("institutions", model.institutions, {
        r["InstitutionCode"]: plain(r)
        for r in i.execute("SELECT * FROM institution")})
    got = {}
    for path in glob.glob(os.path.join(root, "reflection/g*/*.csv")):
        with open(path, encoding="utf-8-sig", newline="") as f:
            rows = list(csv.DictReader(f))
        name = os.path.basename(path)[:-4]
        got[name] = [(r["RecordNumber"], r["State"], r["Code"]) for r in rows]
        if any(r["File"] != name for r in rows):
            got[name].append("another file's rows")
    same("reflection results", results, got)
    for name, rows in results.items():
        path = os.path.join(root, "box", name.split("_")[0], "out",
                            name + ".reflection.csv")
        own = "_link_" in name or "_iryokikan_" in name
        if os.path.exists(path) != own:
            same("out box of " + name, {"there": own},
                 {"there": os.path.exists(path)})
    states = sorted({r[1] for rows in results.values() for r in rows})
    print("model: %d passed, %d failed; %d periods, states %s" % (
        passed, failed, len(want), " ".join(states)))


# ---- the files of the senders themselves ----

SHIKAKU = """RecordType RecordNumber Change ChangeDate InsurerCode PersonId
ProcessingNumber InsuredCardClassification InsurerNumber InsuredCardSymbol
InsuredIdentificationNumber InsuredBranchNumber PersonalFamilyClassification
InsuredName Name NameOfOther NameKana NameOfOtherKana Sex1 Sex2 Birthdate
PostNumber Address QualificationDate DisqualificationDate ReasonOfLoss
InsuredCertificateIssuanceDate InsuredCardValidDate InsuredCardExpirationDate
InsuredCardReturnDate InsuredPartialContributionRatio PreschoolClassification
ElderlyRecipientCertificateDate ElderlyRecipientValidStartDate
ElderlyRecipientValidEndDate ElderlyRecipientContributionRatio""".split()
CODES = """RecordType RecordNumber InsurerCode PersonId ProcessingNumber
Result ResultDate AgencyCode""".split()
HOUSEHOLD = [1, 9, 6, 15, 120, 1, 8, 1, 8, 8, 300]
PERSON = [1, 9, 6, 20, 15, 15, 1, 8, 64, 2, 40, 40, 2, 1, 120, 120, 1, 8, 8,
          2, 8, 2, 8, 8, 8, 8, 8, 1, 8, 8, 8, 3]
# what no repertoire and no width conversion can have changed
COMPARED = """QualificationDate DisqualificationDate ReasonOfLoss Sex1 Birthdate
InsurerNumber ProcessingNumber InsuredBranchNumber InsuredCardClassification
InsuredCardExpirationDate ElderlyRecipientContributionRatio""".split()


def data_rows(path, charset, names):
    if path.endswith(".xml"):
        for e in ET.parse(path).getroot().iter("Record"):
            yield {c.tag: c.text or "" for c in e}
        return
    with open(path, encoding=charset, newline="") as f:
        for row in csv.reader(f):
            if row and row[0] == "2":
                yield dict(zip(names, row))


def fixed_rows(path, widths):
    with open(path, "rb") as f:
        for line in f.read().split(b"\r\n"):
            if line[:1] != b"2":
                continue
            row, at = [], 0
            for w in widths:
                row.append(line[at:at + w].decode("cp932").strip(" \u3000"))
                at += w
            yield row


def nhi_rows(folder):
    houses = {(h[2], h[3]): h for h in fixed_rows(
        os.path.join(folder, "0001.txt"), HOUSEHOLD)}
    for p in fixed_rows(os.path.join(folder, "0002.txt"), PERSON):
        number = houses[p[2], p[5]][6].zfill(8)
        yield {"Key": "C" + number + p[3], "InsurerNumber": number[2:],
               "Change": p[6], "ProcessingNumber": p[8],
               "InsuredCardClassification": p[9], "InsuredBranchNumber": p[12],
               "Name": p[14], "Sex1": p[16], "Birthdate": p[17],
               "QualificationDate": p[22] or p[18],
               "DisqualificationDate": p[23] or p[20], "ReasonOfLoss": p[21],
               "InsuredCardExpirationDate": p[26],
               "ElderlyRecipientContributionRatio": p[31],
               "rest": "|".join(p[9:] + houses[p[2], p[5]][4:])}


def read_ready(site, ready):
    with open(os.path.join(site, "masters/insurers.csv"),
              encoding="utf-8-sig", newline="") as f:
        letter = {r["InsurerCode"]: "C" if r["Scheme"] == "nhi_city" else "E"
                  for r in csv.DictReader(f)}
    with open(os.path.join(site, "pki/pseudonym.hex"), encoding="ascii") as f:
        secret = bytes.fromhex(f.read().strip())
    found = []
    for name in os.listdir(ready):
        sender, feed, day_, seq = name.split("_")
        folder = os.path.join(ready, name)
        text = open(os.path.join(folder, "manifest.yaml"),
                    encoding="utf-8").read()
        charset = "cp932" if "charset: cp932" in text else "utf-8-sig"
        member = glob.glob(os.path.join(folder, "0001.*"))[0]
        kind, rows = "period", []
        if feed == "nhi":
            rows = list(nhi_rows(folder))
        elif feed == "shikaku":
            rows = list(data_rows(member, charset, SHIKAKU))
            for r in rows:
                r.pop("RecordType", None)
                r.pop("RecordNumber", None)
        elif feed == "codes":
            kind = "pair"
            for r in data_rows(member, charset, CODES):
                if r["Result"] != "1":
                    continue
                rows.append({
                    "Key": letter[r["InsurerCode"]] + r["InsurerCode"]
                           + r["PersonId"],
                    "ProcessingNumber": r["ProcessingNumber"],
                    "Pseudonym": hmac.new(
                        secret, r["AgencyCode"].encode(),
                        hashlib.sha256).hexdigest()[:32]})
        found.append(((day_, int(seq), sender, feed), kind, [
            {k: v for k, v in r.items() if v} for r in rows]))
    return sorted(found, key=lambda u: u[:2])


def check_files(site, readies):
    model, states = Model(), {}
    for ready in readies:
        for u, kind, rows in read_ready(site, ready):
            for row in rows:
                state = model.apply(kind, row)[0]
                count = states.setdefault(stem(u), {})
                count[state] = count.get(state, 0) + 1
    root = os.path.join(site, "qualification")
    q = snapshot(root, "qualification")
    want = {(k, f): {n: r[n] for n in COMPARED if n in r}
            for k, p in model.periods.items() for f, r in p.items()}
    same("periods", want, {
        (r["key"], r["QualificationDate"]): {
            n: r[n] for n in COMPARED if r[n] is not None}
        for r in q.execute("SELECT * FROM period")})
    same("pairs", model.pairs, {
        r["key"]: (r["processing_number"], r["pseudonym"].hex())
        for r in q.execute("SELECT * FROM person")})
    got = {}
    for path in glob.glob(os.path.join(root, "reflection/g*/*.csv")):
        name = os.path.basename(path)[:-4]
        if "_link_" in name or "_iryokikan_" in name:
            continue
        with open(path, encoding="utf-8-sig", newline="") as f:
            for r in csv.DictReader(f):
                count = got.setdefault(name, {})
                count[r["State"]] = count.get(r["State"], 0) + 1
    same("reflection results", states, got)
    print("model: %d passed, %d failed; %d periods, %d pairs, %d uploads" % (
        passed, failed, len(want), len(model.pairs), len(states)))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        sys.stdout.write(make(int(sys.argv[2]), int(sys.argv[3])))
    elif sys.argv[1] == "files":
        check_files(sys.argv[2], sys.argv[3:])
        sys.exit(failed != 0)
    else:
        check(sys.argv[2], [open(t, encoding="utf-8").read()
                            for t in sys.argv[3:]])
        sys.exit(failed != 0)
