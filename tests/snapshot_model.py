#!/usr/bin/env python3
"""The digest of a snapshot, computed another way.

digest FILE: reads the rows by SQLite, makes each into a record of the file
format (https://www.sqlite.org/fileformat2.html#record_format) by the page's
own words, and prints XXH3-128 over them beside what the file says.
queries PAGE KIND: the literal blocks of snapshot.7 under a comment
"query KIND" (or all), a block a line, for the sqlite3 shell.
"""
import ctypes
import sqlite3
import sys


class XXH3:
    """128 bits, by libxxhash."""

    class Value(ctypes.Structure):
        _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]

    def __init__(self):
        self.lib = ctypes.CDLL("libxxhash.so.0")
        self.lib.XXH3_createState.restype = ctypes.c_void_p
        self.lib.XXH3_128bits_digest.restype = self.Value
        self.state = ctypes.c_void_p(self.lib.XXH3_createState())
        self.lib.XXH3_128bits_reset(self.state)

    def update(self, data):
        self.lib.XXH3_128bits_update(
            self.state, data, ctypes.c_size_t(len(data)))

    def hexdigest(self):
        value = self.lib.XXH3_128bits_digest(self.state)
        return "%016x%016x" % (value.high, value.low)


def varint(n):
    out = [n & 127]
    while n >> 7:
        n >>= 7
        out.insert(0, n & 127 | 128)
    return bytes(out)


def value(v):
    """Serial type and bytes."""
    if v is None:
        return 0, b""
    if isinstance(v, str):
        return 13 + 2 * len(v.encode()), v.encode()
    if isinstance(v, bytes):
        return 12 + 2 * len(v), v
    if v in (0, 1):
        return 8 + v, b""
    for kind, width in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 8)):
        if -(1 << 8 * width - 1) <= v < 1 << 8 * width - 1:
            return kind, v.to_bytes(width, "big", signed=True)
    raise ValueError(v)


def record(row):
    cells = [value(v) for v in row]
    types = b"".join(varint(kind) for kind, _ in cells)
    n = len(types) + 1
    if n > 127:
        n += 1
    return varint(n) + types + b"".join(b for _, b in cells)


def rows(db, table):
    """The columns as they lie: the primary key's first, in its order."""
    info = db.execute('PRAGMA table_info("%s")' % table).fetchall()
    keys = sorted((c for c in info if c[5]), key=lambda c: c[5])
    names = [c[1] for c in keys] + [c[1] for c in info if not c[5]]
    text = ",".join('"%s"' % n for n in names)
    order = ",".join('"%s"' % c[1] for c in keys)
    return db.execute('SELECT %s FROM "%s" ORDER BY %s' % (text, table, order))


def digest(path):
    db = sqlite3.connect("file:%s?immutable=1" % path, uri=True)
    kind, said, n = db.execute(
        'SELECT kind, digest, "rows" FROM generation').fetchone()
    table = {"qualification": "period", "cards": "card",
             "revocation": "revoked", "institutions": "institution"}[kind]
    hashed = XXH3()
    count = 0
    persons = rows(db, "person") if kind == "qualification" else iter(())
    person = next(persons, None)
    for row in rows(db, table):
        while person is not None and person[0] <= row[0]:
            hashed.update(record(person))
            person = next(persons, None)
        hashed.update(record(row))
        count += 1
    while person is not None:
        hashed.update(record(person))
        person = next(persons, None)
    print("%s %s" % ("same" if said == hashed.hexdigest() else "other",
                     "all" if n == count else "%d of %d" % (count, n)))


def queries(page, kind):
    block = None
    wanted = False
    for line in open(page, encoding="utf-8"):
        if line.startswith('.\\" query '):
            wanted = line.split()[2] in (kind, "all")
        elif line.startswith(".Bd -literal"):
            block = []
        elif line.startswith(".Ed") and block is not None:
            if wanted:
                print(" ".join(l for l in block if not l.startswith(".")))
            block, wanted = None, False
        elif block is not None:
            block.append(line.strip().replace("\\&", ""))


if sys.argv[1] == "digest":
    digest(sys.argv[2])
else:
    queries(sys.argv[2], sys.argv[3])
