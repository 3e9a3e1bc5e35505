#!/usr/bin/env python3
"""The worked examples of shikaku-merge(7), taken from the page itself.

  merge_examples.py make PAGE NIGHT   the changes of the night before (1) and
                                      of the night (2), as tool-segment reads
                                      them
  merge_examples.py check PAGE ROOT   what ROOT's generation 2 made of them
"""
import csv
import glob
import os
import re
import sqlite3
import sys

CHANGE = {"new": "1", "amend": "2", "loss": "3", "cancel": "9", "keep": "0"}
SENDER = "06139992"


def examples(page):
    """[(title, insurer, [lines of words])]"""
    text = open(page, encoding="utf-8").read().split(".Sh EXAMPLES", 1)[1]
    found = re.findall(
        r"\.Ss ([^\n]*)\n\.Bd -literal[^\n]*\n(.*?)\.Ed\n", text, re.S)
    return [(title, "0613%04d" % i, [l.split() for l in body.splitlines()])
            for i, (title, body) in enumerate(found, 1)]


def row(insurer, change, days, name, more=()):
    a, b = days.split("-")
    r = {"Change": CHANGE[change], "InsurerCode": insurer, "PersonId": "P1",
         "InsurerNumber": insurer, "InsuredIdentificationNumber": "1",
         "Name": name, "Sex1": "2", "Birthdate": "19800203",
         "QualificationDate": a}
    if b:
        r.update(DisqualificationDate=b, ReasonOfLoss="03")
    for m in more:
        if m.startswith("sex="):
            r["Sex1"] = m[4:]
    return r


def other(insurer):
    return "39" + insurer[2:]


def plan(page):
    """Night 1 rows, pairs; night 2: {file: (rows, scopes)} with the record
    number each line of an example got: {(example, line): (file, number)}"""
    stored, pairs, files, place = [], [], {}, {}
    for e, (_, insurer, lines) in enumerate(examples(page)):
        for n, w in enumerate(lines):
            if w[0] == "stored":
                stored.append(row(insurer, "new", w[1], w[2]))
            elif w[0] == "elsewhere":
                stored.append(row(other(insurer), "new", w[1], "A"))
                pairs += [("E" + k + "P1", "N%d" % e, "%032x" % (e + 1))
                          for k in (insurer, other(insurer))]
            elif w[0] in ("file", "full"):
                rows, scopes = files.setdefault(int(w[1]), ([], set()))
                if w[0] == "full":
                    scopes.add("E" + insurer)
                if len(w) > 2:
                    rows.append(row(insurer, w[2], w[3], w[4], w[5:]))
                    place[e, n] = int(w[1]), len(rows)
            elif w[0] != "after":
                sys.exit("merge_examples: what is %s?" % w[0])
    return stored, pairs, files, place


def upload(day, seq, kind, rows, scopes=(), feed="shikaku"):
    print("\t".join(["upload", SENDER, feed, day, "%d" % seq, kind]
                    + sorted(scopes)))
    for i, r in enumerate(rows, 1):
        print("\t".join(["%d" % i] + ["%s=%s" % x for x in r.items()]))


def make(page, night):
    stored, pairs, files, _ = plan(page)
    if night == 1:
        upload("20260801", 1, "period", stored)
        upload("20260801", 1, "pair", [
            {"Key": k, "ProcessingNumber": n, "Pseudonym": p}
            for k, n, p in pairs], feed="codes")
    else:
        for seq, (rows, scopes) in sorted(files.items()):
            upload("20260802", seq, "period", rows, scopes)


def check(page, root):
    passed = failed = 0
    _, _, _, place = plan(page)
    db = sqlite3.connect(glob.glob(
        os.path.join(root, "snapshots/qualification-000002*"))[0])
    results = {}
    for path in glob.glob(os.path.join(root, "reflection/g000002/*_*.csv")):
        with open(path, encoding="utf-8-sig", newline="") as f:
            for r in csv.DictReader(f):
                results[int(path[-8:-4]), int(r["RecordNumber"])] = (
                    [r["State"]] + [r["Code"]] * (r["Code"] != ""))
    for e, (title, insurer, lines) in enumerate(examples(page)):
        for n, w in enumerate(lines):
            if w[0] not in ("file", "full") or len(w) < 3:
                continue
            want = w[w.index("=") + 1:] if "=" in w else None
            got = results.get(place[e, n])
            if want == got:
                passed += 1
            else:
                failed += 1
                print("FAILED: %s: %s: want %s, got %s" % (
                    title, " ".join(w), want, got))
        want = [w[1:] for w in lines if w[0] == "after"]
        got = [[a + "-" + (b or ""), name] for a, b, name in db.execute(
            "SELECT QualificationDate, DisqualificationDate, Name FROM period"
            " WHERE key = ? ORDER BY 1", ("E" + insurer + "P1",))]
        if want == got:
            passed += 1
        else:
            failed += 1
            print("FAILED: %s: want %s, got %s" % (title, want, got))
    print("examples: %d passed, %d failed" % (passed, failed))
    return failed == 0


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(not check(sys.argv[2], sys.argv[3]))
