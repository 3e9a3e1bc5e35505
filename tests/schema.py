#!/usr/bin/env python3
"""Holds schemas/ and the manual pages of the layouts equal to their tables.

usage: schema.py check|write PROGRAM...   (PROGRAM: path of shikaku-check)

The table is asked for by shikaku-check --describe, as Markdown. For every
layout: schemas/layouts/NAME.yaml or schemas/NAME.xsd has each item, with its
number, name, width, need and codes, and nothing else; formats/NAME.5 has each
item in its section ITEMS. `write` makes the three anew (make layouts): the
prose of a page around ITEMS stays as it is.
"""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

XS = "{http://www.w3.org/2001/XMLSchema}"
mode, program = sys.argv[1], sys.argv[2]
passed = failed = 0


def check(what, good):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("differs:", what)


def describe(name, form):
    args = [program, "--describe", "--as", form] + ([name] if name else [])
    return subprocess.run(args, stdout=subprocess.PIPE, check=True).stdout.decode()


def cells(line):
    return [c.strip() for c in line.strip().strip("|").split(" | ")]


def layouts():
    """name -> row of the list"""
    rows = [cells(l) for l in describe(None, "md").splitlines()[2:]]
    return {r[0]: r for r in rows}


def table(name):
    """[(record, depth, item, name, ja, width, form, need, private, codes)]"""
    rows, record = [], ""
    for line in describe(name, "md").splitlines():
        title = re.match(r"## (\S+) \((.*)\)", line)
        if title:
            record = title.group(1)
        row = re.match(r"\| (\d+) \| (・*)(.*)\|$", line)
        if row:
            c = [x.strip() for x in row.group(3).split(" |")]
            codes = re.findall(r"(?:^|; )(\S+) ", c[7]) if c[7] else []
            rows.append((record, len(row.group(2)), int(row.group(1)), c[0],
                         c[1], c[2], c[3], c[5], c[6], codes))
    return rows


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def page_parts(text):
    """what is before, in and after the section ITEMS"""
    start = text.index(".Sh ITEMS\n")
    end = text.index("\n.Sh ", start + 1) + 1
    return text[:start], text[start:end], text[end:]


def check_yaml(name, rows, path):
    """Line by line, without a YAML reader: one line is one item."""
    got, record = [], ""
    for line in read(path).splitlines():
        if line.startswith('    name: "'):
            record = line.split('"')[1]
        m = re.match(r'      - \{ item: (\d+), name: "(.*?)", ja: "(.*?)"(.*) \}$', line)
        if m:
            rest = m.group(4)
            depth = re.search(r", depth: (\d+)", rest)
            width = re.search(r", bytes: (\d+)", rest)
            codes = re.search(r", codes: \{ (.*?) \}", rest)
            need = ["required"] * (", required: yes" in rest) + ["key"] * (", key: yes" in rest)
            got.append((record, int(depth.group(1)) if depth else 0,
                        int(m.group(1)), m.group(2), m.group(3),
                        width.group(1) if width else "", ", ".join(need),
                        "private" if ", private: yes" in rest else "",
                        re.findall(r'"(\S+?)": ', codes.group(1)) if codes else []))
    want = [r[:6] + r[7:] for r in rows]
    for row in want:
        check("%s: %s %s" % (path, row[0], row[3]), row in got)
    check("%s: nothing else" % path, [g for g in got if g not in want] == [])
    check("%s: in the same order" % path, [g[2] for g in got] == [r[2] for r in want])


def xsd_rows(element, depth, rows):
    """[(depth, name, required, codes, has children)] in order"""
    for e in element:
        if e.tag != XS + "element":
            xsd_rows(e, depth, rows)
            continue
        if e.get("name") is None:
            continue
        kids = e.find(XS + "complexType")
        codes = [c.get("value") for c in e.findall(
            XS + "simpleType/" + XS + "restriction/" + XS + "enumeration")]
        rows.append((depth, e.get("name"), e.get("minOccurs") != "0", codes,
                     kids is not None))
        if kids is not None:
            xsd_rows(kids, depth + 1, rows)
    return rows


def check_xsd(name, rows, path):
    root = ET.parse(path).getroot()
    got = xsd_rows(root, 0, [])
    if rows[0][0]:  # records: elements of their own beside the root
        got = [g for g in got if g[0] == 1]
        want = [(1, r[3], "required" in r[7], r[9], False) for r in rows]
    else:
        want = [(r[1], r[3], "required" in r[7], r[9], r[5] == "") for r in rows]
    check("%s has the items of the table, in order, as needed, with their codes" % path,
          got == want)
    for g, w in zip(got, want):
        check("%s: %s %s" % (path, g, w), g == w)


def check_page(name, rows, path):
    text = read(path)
    _, items, _ = page_parts(text)
    got = re.findall(r'^\.It "(\d+) (・*)(\S+) (.*)"$', items, re.M)
    want = [(str(r[2]), "・" * r[1], r[3], r[4]) for r in rows]
    if " " in "".join(r[3] for r in rows):  # a column called "how to mend"
        got = re.findall(r'^\.It "(.*)"$', items, re.M)
        want = ["%d %s %s" % (r[2], r[3], r[4]) for r in rows]
    check("%s has the items of the table" % path, got == want)
    check("%s is what the table makes" % path, items == describe(name, "man"))
    for word in (".Sh DESCRIPTION", ".Sh EXAMPLES", ".Sh SEE ALSO"):
        check("%s has %s" % (path, word), word in text)


def main():
    seen = set()
    for name, row in layouts().items():
        schema = os.path.join("schemas", row[5])
        page = "formats/%s.5" % name
        form = "xsd" if schema.endswith(".xsd") else "yaml"
        if mode == "write":
            os.makedirs(os.path.dirname(schema), exist_ok=True)
            with open(schema, "w", encoding="utf-8") as f:
                f.write(describe(name, form))
            before, _, after = page_parts(read(page))
            with open(page, "w", encoding="utf-8") as f:
                f.write(before + describe(name, "man") + after)
            continue
        seen |= {schema, page}
        rows = table(name)
        check("%s has rows" % name, len(rows) > 2)
        check("%s is there" % schema, os.path.exists(schema))
        check("%s is there" % page, os.path.exists(page))
        if not os.path.exists(schema) or not os.path.exists(page):
            continue
        check("%s is what the table makes" % schema, read(schema) == describe(name, form))
        (check_xsd if form == "xsd" else check_yaml)(name, rows, schema)
        check_page(name, rows, page)
    if mode == "write":
        return
    there = ["schemas/layouts/" + f for f in os.listdir("schemas/layouts")]
    there += ["schemas/" + f for f in os.listdir("schemas") if f.endswith(".xsd")]
    there += ["formats/" + f for f in os.listdir("formats") if f.endswith(".5")]
    check("nothing is described that is not exchanged: %s" % (set(there) - seen),
          set(there) <= seen)
    print("layouts: %d passed, %d failed" % (passed, failed))
    sys.exit(failed > 0)


main()
