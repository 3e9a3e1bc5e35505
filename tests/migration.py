#!/usr/bin/env python3
"""Files of a migration, for part-migration.sh:

  migration.py again FILE DAY SEQUENCE [WRONG]
      the delivery (CSV) of another day; of WRONG records the sex is spoiled,
      and the last person in cover has another period that overlaps it;
      prints the two record numbers
  migration.py mapping SNAPSHOT DAY > rekey.csv
      everybody of KOKUHO13: 市町村被保険者ID X becomes 被保険者枝番 EX
  migration.py new FOLDER DAY SEQUENCE CITY
      nhi_household.txt and nhi_person.txt in it, under the new keys, and of
      this municipality (市町村コード) only
  migration.py layout SNAPSHOT DAY CODE > shikaku.csv
      all of one insurer of KOKUHO13 as it is stored, in the other layout
"""
import datetime
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(__file__))
SENDER = "KOKUHO13"


def again(path, day, seq, wrong=0):
    with open(path, "rb") as f:
        lines = f.read().split(b"\r\n")
    head = lines[0].split(b",")
    head[4:6] = [day.encode(), b"%04d" % int(seq)]
    lines[0] = b",".join(head)
    for n in range(1, int(wrong) + 1):
        row = lines[n].split(b",")
        row[18] = b"7"  # 性別1: 1 2 3
        lines[n] = b",".join(row)
    if int(wrong) > 0:
        end = lines[-2].split(b",")
        last = [l.split(b",") for l in lines[1:-2] if not l.split(b",")[24]][-1]
        print(last[1].decode(), int(end[1]) + 1)
        last[1] = b"%d" % (int(end[1]) + 1)
        before = datetime.date(*map(int, re.match(
            rb"(....)(..)(..)", last[23]).groups())) - datetime.timedelta(1)
        last[23] = before.strftime("%Y%m%d").encode()  # 資格取得年月日
        lines.insert(-2, b",".join(last))
        end[1:3] = b"%d" % (int(end[1]) + 1), b"%d" % (int(end[2]) + int(last[20]))
        lines[-2] = b",".join(end)
    with open(path, "wb") as f:
        f.write(b"\r\n".join(lines))


def new(folder, day, seq, city):
    for name in ("nhi_household.txt", "nhi_person.txt"):
        path, out, keep, n = os.path.join(folder, name), b"", False, 0
        with open(path, "rb") as f:
            lines = f.read().split(b"\r\n")[:-1]
        for line in lines:
            if line[:1] == b"1":
                keep = line[39:45].decode() == city
                line = line[:27] + b"%s%04d" % (day.encode(), int(seq)) + line[39:]
            elif line[:1] == b"2" and keep:
                n += 1
                line = line[:1] + b"%09d" % n + line[10:]
                if name == "nhi_person.txt":
                    line = (line[:16] + (b"E" + line[16:36].rstrip()).ljust(20) +
                            line[36:])
            out += line + b"\r\n" if keep else b""
        with open(path, "wb") as f:
            f.write(out)


if sys.argv[1] == "again":
    again(*sys.argv[2:])
elif sys.argv[1] == "new":
    new(*sys.argv[2:])
else:
    snapshot, day = sys.argv[2:4]
    os.environ["DAY"] = day
    from ingest import SHIKAKU, csv
    db = sqlite3.connect("file:%s?mode=ro" % snapshot, uri=True)
    if sys.argv[1] == "mapping":
        keys = db.execute(
            "SELECT DISTINCT substr(key, 2, 8), substr(key, 10) FROM"
            " (SELECT key FROM period UNION SELECT key FROM person)"
            " WHERE key GLOB 'C0013*' ORDER BY 1, 2").fetchall()
        sys.stdout.write(csv(SENDER, "rekey", 1, [
            ["2", str(n + 1), code[2:], id_, code, "E" + id_]
            for n, (code, id_) in enumerate(keys)]))
    else:
        db.row_factory = sqlite3.Row
        rows, total = [], 0
        for p in db.execute("SELECT * FROM period WHERE key GLOB ? ORDER BY"
                            " key, QualificationDate", ("E" + sys.argv[4] + "*",)):
            r = {n: p[n] if n in p.keys() and p[n] else "" for n in SHIKAKU}
            r.update(RecordType="2", RecordNumber=str(len(rows) + 1),
                     Change="1", ChangeDate=day)
            rows.append([r[n] for n in SHIKAKU])
            total += int(re.sub(r"\D", "", r["Birthdate"]))
        sys.stdout.write(csv(SENDER, "shikaku", 1, rows, total))
