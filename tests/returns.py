#!/usr/bin/env python3
"""What a sender gets back, looked at from outside, for part-returns.sh.

  returns.py make ROOT SET       ready/STEM + ledger row, as tests/ingest.py
  returns.py files DIR           a faulty file in four forms
  returns.py many FILE N         N records, each with one fault
  returns.py place LIST FILE     every row of the list points at its record
  returns.py xlsx LIST.csv X     the workbook, cell by cell, by openpyxl
  returns.py cells A.csv B.csv   two CSV files hold the same cells
  returns.py cp932 LIST.csv C    the CP932 list says the same
"""
import csv
import io
import re
import sys

sys.path.insert(0, "tests")
import ingest  # noqa: E402

MARKS = "=+-@\t\r＝＋－＠"


def faulty():
    r = [ingest.person(n) for n in range(1, 15)]
    r[1]["InsurerNumber"] = "06139993"  # E1203
    r[2]["Birthdate"] = "19500230"  # E1201
    r[4]["PersonId"] = r[0]["PersonId"]  # E6001: as record 1
    r[6]["Address"] = "123456789018"  # E1206
    r[7]["Name"] = "髙橋　花子"  # W1109
    r[9]["Name"] = ""  # E1101, E1204
    r[9]["Sex1"] = "9"
    r[10]["InsuredCardClassification"] = "A1"  # E1205
    r[11]["PersonId"] = r[0]["PersonId"]  # E6001
    r[12]["InsuredCardSymbol"] = "=cmd|' /C calc'!A0"  # fine, and hostile
    r[12]["QualificationDate"] = "1"  # E1201
    return r


WANT = ("2:E1203 3:E1201 5:E6001 7:E1206 8:W1109 10:E1101 10:E1204 11:E1205 "
        "12:E6001 13:E1201")


def make(root, which):
    if which == "faulty":
        for seq, syntax, charset in ((1, "csv", "utf8"), (2, "csv", "cp932"),
                                     (3, "xml", "utf8")):
            ingest.shikaku(root, seq, faulty(), syntax, charset)
    elif which == "cut":
        ingest.shikaku(root, 9, faulty(), tail=False)
    elif which == "good":
        ingest.shikaku(root, 8, [ingest.person(1)])
    else:
        ingest.nhi(root)


def files(where):
    r = faulty()
    rows = [list(x.values()) for x in r]
    text = ingest.csv("06139992", "shikaku", 1, rows, ingest.total(r))
    for name, data in (("utf8", text.encode()), ("cp932", text.encode("cp932"))):
        with open("%s/%s/shikaku.csv" % (where, name), "wb") as f:
            f.write(data)
    with open(where + "/utf8/shikaku.xml", "w", encoding="utf-8") as f:
        f.write(ingest.xml("06139992", "shikaku", 1, r, ingest.total(r)))
    # a name CP932 lacks, and bytes that are no text
    r[3]["Name"] = "𠮷田　太郎"
    r[3]["PersonId"] = "吉"
    rows = [list(x.values()) for x in r]
    data = ingest.csv("06139992", "shikaku", 1, rows, ingest.total(r)).encode()
    with open(where + "/odd/shikaku.csv", "wb") as f:
        f.write(data.replace(b"0006,00,1", b"00\xff6,00,1"))


def many(path, n):
    with open(path, "w", encoding="utf-8") as f:
        f.write(ingest.csv("06139992", "shikaku", 1, [], tail=False))
        row = list(ingest.person(1, InsurerNumber="06139993").values())
        for i in range(1, n + 1):
            row[1], row[5] = str(i), "P%07d" % i
            f.write(",".join(row) + "\r\n")
        f.write("3,%d,%d\r\n" % (n, n * 19510102))


def read(path, encoding="utf-8-sig"):
    with open(path, encoding=encoding, newline="") as f:
        return list(csv.reader(f))


def place(path, source):
    """Line and byte position, looked up by themselves."""
    with open(source, "rb") as f:
        data = f.read()
    at = [0]
    for m in re.finditer(b"\r\n|\n", data):
        at.append(m.end())
    rows = read(path)
    col = {t: i for i, t in enumerate(rows[0])}
    n = 0
    for r in rows[1:]:
        record, line = int(r[col["レコード番号"]]), int(r[col["行番号"]])
        assert line == record + 1, r
        assert int(r[col["バイト位置"]]) == at[line - 1] + 1, r
        if "送付した行" in col:
            sent = data[at[line - 1]:at[line] - 2].decode("utf-8", "replace")
            assert r[col["送付した行"]] == sent, (r, sent)
        n += 1
    print(n)


def unguard(s):
    return s[1:] if s[:1] == "'" and s[1:2] and s[1] in MARKS else s


def xlsx(path, book):
    import openpyxl
    w = openpyxl.load_workbook(book)
    assert w.sheetnames == ["エラーリスト", "見方"], w.sheetnames
    sheet = w["エラーリスト"]
    want = read(path)
    numbers = {"行番号", "バイト位置", "レコード番号", "項目番号"}
    got = 0
    assert sheet.max_row == len(want), (sheet.max_row, len(want))
    assert sheet.freeze_panes == "A2", sheet.freeze_panes
    for row, cells in zip(want, sheet.iter_rows()):
        for title, text, cell in zip(want[0], row, cells):
            assert cell.data_type != "f", cell.coordinate
            if title in numbers and row is not want[0]:
                assert (cell.value is None and text == "") or (
                    cell.data_type == "n" and str(cell.value) == text), (
                        cell.coordinate, cell.value, text)
            else:
                assert cell.data_type in "sn" and (
                    cell.value or "") == unguard(text), (
                        cell.coordinate, cell.value, text)
                if cell.value is not None:
                    assert cell.number_format == "@", cell.coordinate
            got += 1
    print(got)


def cells(a, b):
    x = [[unguard(c) for c in r] for r in read(a)]
    y = read(b)
    for r, s in zip(x, y):
        assert r == s[:len(r)] and not any(s[len(r):]), (r, s)
    assert len(x) == len(y), (len(x), len(y))
    print(len(x))


def cp932(a, b):
    """The same cells; what CP932 lacks is 〓, and a note says how many."""
    noted = 0
    with open(b, "rb") as f:
        text = f.read().decode("cp932")
    y = list(csv.reader(io.StringIO(text, newline="")))
    x = read(a)
    note = x[0].index("備考")
    assert len(x) == len(y)
    for r, s in zip(x, y):
        lacks = 0
        for i, (c, d) in enumerate(zip(r, s)):
            if i == note:
                continue
            assert len(c) == len(d), (c, d)
            for p, q in zip(c, d):
                if p != q:
                    try:
                        p.encode("cp932")
                    except UnicodeEncodeError:
                        assert q == "〓", (c, d)
                        lacks += 1
        assert (s[note] == r[note]) == (lacks == 0), s
        if lacks:
            assert "（%d字）" % lacks in s[note], (lacks, s[note])
            noted += 1
    print(noted)


if __name__ == "__main__":
    {"make": make, "files": files, "place": place, "xlsx": xlsx,
     "cells": cells, "cp932": cp932,
     "many": lambda p, n: many(p, int(n))}[sys.argv[1]](*sys.argv[2:])
