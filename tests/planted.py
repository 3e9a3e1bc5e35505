#!/usr/bin/env python3
"""tests/planted.py SITE_FOLDER [since=YYYYMMDD]: what shikaku-sample planted
against what the senders were told.

planted.tsv names every diagnostic that must be raised: stem, member, record,
item, code. Told are the rows of every box/SENDER/out/STEM.errors.csv, the
problems of every STEM.receipt.yaml and, for class 7, the rows of every
STEM.reflection.csv that are not plainly reflected. Both must be equal, row by
row. Ordinary names outside the repertoire (W1109) are planted rows like any
other. Only a stem's newest receipt is there, and notes (N....) about a file
as a whole are no faults: they are left out unless planted.
Prints what differs and ends 1, or the number of rows and ends 0."""
import csv
import glob
import io
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections import Counter

folder = sys.argv[1]


def planted():
    rows = []
    with open(os.path.join(folder, "planted.tsv"), encoding="utf-8") as f:
        for line in f:
            if not line.startswith("#"):
                stem, member, record, item, code, _ = line.rstrip("\n").split("\t")
                if record == "0":  # a file as a whole: told without a place
                    member = item = ""
                rows.append((stem, member, record, item, code))
    return rows


def errors(path):
    stem = os.path.basename(path)[: -len(".errors.csv")]
    with open(path, encoding="utf-8-sig", newline="") as f:
        for row in csv.DictReader(f):
            member = row["ファイル"].partition("/")[2]
            record = row["レコード番号"] or "0"
            item = row["item"] if record != "0" else ""
            yield (stem, member if record != "0" else "", record, item, row["コード"])


def receipt(path):
    """By the name it was uploaded under: what the receipt itself is called
    is intake's affair where the name was no good or had been used."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    name = re.search(r'^file: "(.*)"$', text, re.M).group(1)
    stem = name[: -len(".zip.p7m")] if name.endswith(".zip.p7m") else name
    for code in re.findall(r"^ *- code: \"?([A-Z]\d{4})", text, re.M):
        yield (stem, "", "0", "", code)


def reflection(path):
    stem = os.path.basename(path)[: -len(".reflection.csv")]
    with open(path, encoding="utf-8-sig", newline="") as f:
        for row in csv.reader(f):
            if len(row) > 3 and re.fullmatch(r"[EWNF]\d{4}", row[3]):
                yield (stem, "", row[1], "", row[3])


def waiting(path):
    """W7017 is nobody's fault and not planted: it is due where a link was
    taken (added, amended) of a card in force (新旧区分 1, not past its end)
    whose 処理通番 nobody of that generation has. Read from the upload itself,
    by openssl and unzip, and from the snapshot."""
    stem = os.path.basename(path)[: -len(".reflection.csv")]
    upload = os.path.join(folder, "qualification", "done", stem + ".zip.p7m")
    if "_link_" not in stem or not os.path.exists(upload):
        return
    inner = subprocess.run(["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", upload, "-noverify"],
                           capture_output=True, check=True).stdout
    text = zipfile.ZipFile(io.BytesIO(inner)).read("link.csv").decode("utf-8-sig")
    day = stem.split("_")[2]
    number = {row[1]: row[4] for row in csv.reader(io.StringIO(text))
              if row and row[0] == "2" and row[5] == "1" and (row[7] == "" or row[7] > day)}
    with open(path, encoding="utf-8-sig", newline="") as f:
        rows = [row for row in csv.reader(f) if len(row) > 6 and row[2] in ("added", "amended") and row[1] in number]
    paired = {}
    for row in rows:
        g = int(row[6])
        if g not in paired:
            db = sqlite3.connect(os.path.join(folder, "qualification", "snapshots", f"qualification-{g:06}.sqlite"))
            paired[g] = {r[0] for r in db.execute("SELECT processing_number FROM pairing")}
        if number[row[1]] not in paired[g]:
            yield (stem, "", row[1], "", "W7017")


want = planted()
known = {(r[0], r[4]) for r in want}
class7 = {r for r in want if r[4][1] == "7"}
want = [(r[0], "", r[2], "", r[4]) if r in class7 else r for r in want]
got = []
reflected = False
for side in ("intermediate", "qualification"):
    out = os.path.join(folder, side, "box", "*", "out")
    for path in sorted(glob.glob(os.path.join(out, "*.errors.csv"))):
        got += errors(path)
    for path in sorted(glob.glob(os.path.join(out, "*.receipt.yaml"))):
        got += receipt(path)
    for path in sorted(glob.glob(os.path.join(out, "*.reflection.csv"))):
        reflected = True
        got += reflection(path)
        want += waiting(path)
if not reflected:  # the night has not come so far
    want = [r for r in want if r[4][1] != "7"]
got = [r for r in got if not (r[4][0] == "N" and (r[0], r[4]) not in known)]
missing = Counter(want) - Counter(got)
extra = Counter(got) - Counter(want)
for name, rows in (("planted, not reported", missing), ("reported, not planted", extra)):
    for row, n in sorted(rows.items())[:40]:
        print(f"{name}: {' '.join(row)}" + (f" x{n}" if n > 1 else ""))
    if len(rows) > 40:
        print(f"{name}: {len(rows) - 40} more")
codes = Counter(r[4] for r in want)
print(f"planted {len(want)} rows of {len(codes)} codes; missing {sum(missing.values())}, extra {sum(extra.values())}")
sys.exit(1 if missing or extra else 0)
