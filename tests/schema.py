#!/usr/bin/env python3
"""Holds schemas/shikaku.xsd equal to the field table.

usage: schema.py XSD TABLE.md   (TABLE.md: shikaku-inspect -t shikaku)
For every row of the table: the XSD has the element, in the same record, as
optional as the table says; nothing more stands in the XSD.
"""
import re
import sys
import xml.etree.ElementTree as ET

XS = "{http://www.w3.org/2001/XMLSchema}"
passed = failed = 0


def check(what, good):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("differs:", what)


xsd = ET.parse(sys.argv[1]).getroot()
have = {}
for record in xsd.findall(XS + "element"):
    for e in record.iter(XS + "element"):
        if e is not record and e.get("name"):
            limit = e.find(".//" + XS + "maxLength")
            have[(record.get("name"), e.get("name"))] = (
                e.get("minOccurs") != "0",
                int(limit.get("value")) if limit is not None else None)
record = None
rows = 0
for line in open(sys.argv[2], encoding="utf-8"):
    title = re.match(r"#+ .*?\b(Header|Record|Trailer)\b", line)
    if title:
        record = title.group(1)
        continue
    cells = [c.strip() for c in line.strip().strip("|").split("|")]
    if record is None or len(cells) < 5 or not cells[0].isdigit():
        continue
    rows += 1
    name = cells[1].strip("`")
    key = (record, name)
    check("%s/%s is in the XSD" % key, key in have)
    if key in have:
        required = "required" in line.lower()
        check("%s/%s required: %s" % (record, name, required),
              have.pop(key)[0] == required)
check("the table has rows", rows > 30)
check("nothing else in the XSD: %s" % list(have), not have)
print("schema: %d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
