#!/usr/bin/env python3
"""tests/codes.py UNIT-CODES.tsv PLANTED.tsv DIAG.7

For every row of diag.def: texts in both languages that say what to do, a
paragraph in shikaku-diag(7), and where a test input raises it:

  unit     raised while a CUnit suite ran (counted by the linker's wrap)
  planted  planted by shikaku-sample; part-planted holds that exactly these
           rows are told
  golden   in the blessed output of a golden case
  asserted named by a test of the real programs, or, where a function returns
           the code instead of raising it, by a CUnit assertion

What has none of these is DEBT: a list that may only become shorter. Prints
the table to standard output."""
import glob
import re
import sys

# Codes no test raises yet. Never add one: give a new code its test.
DEBT = set()

unit_codes, planted, manual = sys.argv[1:]
passed = failed = 0


def check(what, good):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("not ok:", what)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


rows = re.findall(r'^DIAG\((\w+), (\w+), "(\w+)", "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\)',
                  read("formats/codec/diag.def"), re.M)
raised = dict(l.split("\t") for l in read(unit_codes).splitlines())
plants = {l.split("\t")[4] for l in read(planted).splitlines()
          if l and not l.startswith("#")}
golden = {p: read(p) for p in glob.glob("tests/cases/*/*/want/*")}
programs = {p: read(p) for p in glob.glob("tests/*.py") + glob.glob("tests/part-*.sh")
            if not p.endswith(("codes.py", "part-codes.sh"))}
units = {p: read(p) for p in glob.glob("tests/unit/*_test.c")}
pages = re.split(r"^\.It Sy ", read(manual), flags=re.M)[1:]
pages = {p.split()[0]: p for p in pages}


def evidence(symbol, code):
    if code in raised:
        return "unit " + raised[code]
    if code in plants:
        return "planted"
    for path, text in sorted(golden.items()):
        if code in text:
            return "golden " + path.split("/want/")[0]
    for path, text in sorted(programs.items()):
        for line in text.splitlines():
            if re.search(r"\b%s\b" % code, line.split("#")[0]):
                return "asserted " + path
    for path, text in sorted(units.items()):
        if re.search(r"(?:ASSERT|\{)[^;]*\bDIAG_%s\b" % symbol, text):
            return "asserted " + path
    return None


check("the catalogue was read whole",
      len(rows) == len(re.findall(r"^DIAG\(", read("formats/codec/diag.def"), re.M)) > 100)
check("no code twice", len({r[2] for r in rows}) == len(rows))
without = set()
for symbol, level, code, en, ja, mend_en, mend_ja in rows:
    check("%s begins with its level" % code, code[0] == level[0])
    check("%s is said in English" % code, len(en) > 4 and en.isascii() or re.search("[a-z]{3}", en))
    for what, text in (("reason", ja), ("how to mend", mend_ja)):
        check("%s: the %s is Japanese" % (code, what),
              re.search("[\u3040-\u30ff\u4e00-\u9fff]", text))
    check("%s says how to mend it" % code, len(mend_en.split()) >= 2)
    page = pages.get(code, "")
    check("%s has a paragraph: what it means, what to do, in both languages" % code,
          symbol in page and "What to do: " in page and "対応：" in page and
          len(re.findall(r"[.。)）]\n", page)) >= 4)
    how = evidence(symbol, code)
    print("%s\t%s" % (code, how or ("debt" if code in DEBT else "NO TEST RAISES IT")))
    check("%s is raised by a test input" % code, how or code in DEBT)
    if not how:
        without.add(code)
check("the debt is no longer than what is owed: %s" % sorted(DEBT - without),
      DEBT <= without)
print("codes: %d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
