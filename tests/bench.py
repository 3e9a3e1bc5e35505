#!/usr/bin/env python3
"""The benchmark: one synthetic country, one night, questions under load.

Every figure stands beside a peer measured in the same run on the same data:
sqlite3 .import for ingest and first load, a bare prepared SQLite statement
for lookups, nginx with the same certificates for answers. Times are wall
seconds of a whole process; memory is its peak resident size (wait4).
Nothing here judges: it prints and writes build/bench/results.tsv.
"""
import hashlib
import os
import re
import shutil
import sqlite3
import signal
import subprocess
import sys
import tempfile
import time

B = os.environ["B"]
TOP = os.getcwd()
DAY = "2026-08-01"
ROOT = os.path.join(TOP, "build", "bench")
results = []


def say(text):
    print(text, flush=True)


def row(name, value, unit, peer="", peer_value=None):
    ratio = "" if not peer_value else "%.3f" % (value / peer_value)
    shown = "" if peer_value is None else "%.4g" % peer_value
    results.append((name, "%.4g" % value, unit, peer, shown, ratio))
    say("  %-22s %12.4g %-12s %s %s %s" % (name, value, unit, peer, shown, ratio))


class Ran:
    def __init__(self, status, seconds, cpu, rss, out):
        self.status, self.seconds, self.cpu, self.rss, self.out = (
            status, seconds, cpu, rss, out)


def run(argv, ok=(0, 1, 4, 5), **kw):
    """Runs one process; wall and CPU seconds, peak MiB, its stdout. time(1)
    stands between: a process keeps the peak of the one it was forked from
    over execve(), and this one is larger than what it measures."""
    log = open(os.path.join(ROOT, "run.out"), "w+b")
    peak = os.path.join(ROOT, "run.peak")
    start = time.monotonic()
    child = subprocess.Popen(["/usr/bin/time", "-q", "-f", "%M", "-o", peak, *argv], stdout=log, **kw)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    log.seek(0)
    out = log.read().decode()
    if child.returncode not in ok:
        sys.exit("%s ended with %d\n%s" % (" ".join(argv), child.returncode, out))
    with open(peak) as f:
        rss = int(f.read()) / 1024
    return Ran(child.returncode, seconds, usage.ru_utime + usage.ru_stime, rss, out)


def program(name, site, *more, **kw):
    return run([B + "/shikaku-" + name, "-c", site, "-D", DAY, *more], **kw)


def number(text, key):
    """KEY=N of a summary line, the sum where it occurs several times."""
    return sum(int(n) for n in re.findall(r"\b%s=(\d+)" % key, text))


def site_for(folder):
    os.makedirs(folder, exist_ok=True)
    subprocess.run([TOP + "/tests/site.sh", folder], check=True)
    return os.path.join(folder, "site.yaml")


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            h.update(chunk)
    return h.hexdigest()


# ---- ingest, one syntax at a time, the same records ----

SYNTAXES = {  # row name: syntax, charset, member, its file in ready/STEM/
    "csv_utf8": ("csv", "utf8", "shikaku.csv", "0001.csv"),
    "csv_cp932": ("csv", "cp932", "shikaku.csv", "0001.csv"),
    "fixed": ("fixed", "cp932", "shikaku.txt", "0001.txt"),
    "xml": ("xml", "utf8", "shikaku.xml", "0001.xml"),
}


def manifest_of(folder):
    with open(os.path.join(folder, "manifest.yaml"), encoding="utf-8") as f:
        return f.read()


def member_of(text):
    one = {}
    for key in ("name", "syntax", "charset", "bytes", "sha256", "records"):
        one[key] = re.search(r"\b%s: *\"?([^\s\"]+)\"?" % key, text).group(1)
    return one


def convert(stems, ready, name, target):
    """The same uploads with their member in another syntax."""
    syntax, charset, member, file = SYNTAXES[name]
    for stem in stems:
        source = os.path.join(ready, stem)
        text = manifest_of(source)
        was = member_of(text)
        folder = os.path.join(target, stem)
        os.makedirs(folder)
        path = os.path.join(folder, file)
        have = [f for f in os.listdir(source) if f.startswith("0001.")][0]
        subprocess.run(
            [B + "/tool-convert", "shikaku", was["syntax"], was["charset"],
             os.path.join(source, have), syntax, charset, path],
            check=True, stdout=subprocess.DEVNULL)
        for key, new in (("name", member), ("syntax", syntax),
                         ("charset", charset),
                         ("bytes", str(os.path.getsize(path))),
                         ("sha256", sha256(path))):
            text = re.sub(r"(\b%s: *\"?)%s(\"?)" % (key, re.escape(was[key])),
                          lambda m, v=new: m.group(1) + v + m.group(2), text)
        with open(os.path.join(folder, "manifest.yaml"), "w",
                  encoding="utf-8") as f:
            f.write(text)


def sqlite_import(files, header_rows=1):
    """sqlite3 .import of the data rows of CSV files into text columns."""
    whole = os.path.join(ROOT, "peer.csv")
    records = 0
    width = 0
    with open(whole, "wb") as out:
        for path in files:
            with open(path, "rb") as f:
                for line in f:
                    if line.startswith(b'2,') or line.startswith(b'"2",'):
                        width = max(width, line.count(b","))
                        out.write(line)
                        records += 1
    db = os.path.join(ROOT, "peer.sqlite")
    if os.path.exists(db):
        os.unlink(db)
    columns = ",".join("c%d TEXT" % i for i in range(width + 1))
    ran = run(["sqlite3", db, "PRAGMA journal_mode=OFF;",
               "PRAGMA synchronous=OFF;", "CREATE TABLE t(%s);" % columns,
               ".mode csv", ".import %s t" % whole])
    size = os.path.getsize(whole)
    return records, size, ran


LARGE = int(os.environ.get("LARGE", "1000000"))  # records of the one file


def large_upload(ready, stems, target, ordered=True):
    """One upload of LARGE records: the rows of the largest CSV over and over,
    each another person's; in order of the persons, as insurers send them, or
    in none."""
    def size(stem):
        path = os.path.join(ready, stem, "0001.csv")
        utf8 = "charset: utf8" in manifest_of(os.path.join(ready, stem))
        return os.path.getsize(path) if os.path.exists(path) and utf8 else 0
    stem = max(stems, key=size)
    with open(os.path.join(ready, stem, "0001.csv"), "rb") as f:
        lines = f.read().split(b"\r\n")
    rows = [line.split(b",") for line in lines if line.startswith(b"2,")]
    folder = os.path.join(target, stem)
    os.makedirs(folder)
    path = os.path.join(folder, "0001.csv")
    total = 0
    with open(path, "wb") as out:
        out.write(lines[0] + b"\r\n")
        for i in range(LARGE):
            row_i = rows[i % len(rows)]
            row_i[1] = b"%d" % (i + 1)
            row_i[5] = b"P%012d" % (
                i + 1 if ordered else (i + 1) * 618033988749 % 999999999989)
            total += int(row_i[20])
            out.write(b",".join(row_i) + b"\r\n")
        out.write(b"3,%d,%d\r\n" % (LARGE, total % 10 ** 15))
    text = manifest_of(os.path.join(ready, stem))
    for key, new in (("bytes", os.path.getsize(path)), ("sha256", sha256(path)),
                     ("records", LARGE), ("total", total % 10 ** 15)):
        text = re.sub(r"(\b%s: *\"?)[0-9a-f]+" % key, r"\g<1>%s" % new, text)
    with open(os.path.join(folder, "manifest.yaml"), "w", encoding="utf-8") as f:
        f.write(text)
    return [stem]


def ingest_once(folder, stems, ready, name):
    """These uploads in one syntax through shikaku-ingest: (records, run,
    members); the site stays until the next call."""
    target = os.path.join(ROOT, "ingest-syntax")
    shutil.rmtree(target, ignore_errors=True)
    other = site_for(target)
    copy = os.path.join(target, "intermediate")
    os.makedirs(os.path.join(copy, "ready"))
    convert(stems, ready, name, os.path.join(copy, "ready"))
    for part in ("pki", "masters"):
        shutil.copytree(os.path.join(folder, part),
                        os.path.join(target, part), dirs_exist_ok=True)
    shutil.copy(os.path.join(folder, "intermediate", "ledger.sqlite"), copy)
    subprocess.run(["sqlite3", os.path.join(copy, "ledger.sqlite"),
                    "DELETE FROM file WHERE feed <> 'shikaku'"], check=True)
    members = [os.path.join(copy, "ready", s, SYNTAXES[name][3]) for s in stems]
    size = sum(os.path.getsize(m) for m in members)
    for m in members:  # into the page cache, as intake has just written them
        with open(m, "rb") as f:
            while f.read(1 << 20):
                pass
    keep = [os.path.join(ROOT, "peer-%d-%s" % (i, os.path.basename(m)))
            for i, m in enumerate(members)] if len(members) == 1 else []
    for m, k in zip(members, keep):
        if os.path.exists(k):
            os.unlink(k)
        os.link(m, k)  # ingest clears ready/ away
    got = program("ingest", other)
    read = number(got.out, "read")
    if read == 0 or number(got.out, "accepted") != read:
        sys.exit("ingest %s refused records: %s" % (name, got.out))
    say("  ingest %s: %d records of %d files, %.0f MB, %.2f s wall, %.2f s CPU,"
        " %.0f MiB" % (name, read, len(stems), size / 1e6, got.seconds,
                       got.cpu, got.rss))
    return read, got, keep


def xmllint(path):
    """xmllint --stream --schema of the same XML: its CPU seconds."""
    ran = run(["xmllint", "--stream", "--noout", "--schema",
               TOP + "/schemas/shikaku.xsd", path], stderr=subprocess.DEVNULL)
    return ran.cpu


def postgres_copy(path, columns):
    """COPY of the same CSV into text columns: seconds of psql's wall clock;
    None where no server of this user answers."""
    ask = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    if not shutil.which("psql") or subprocess.run(
            ask + ["-c", "SELECT 1"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, check=False).returncode:
        return None
    names = ",".join("c%d text" % i for i in range(columns))
    return run(ask + ["-c", "CREATE TEMP TABLE t(%s)" % names,
                      "-c", "\\copy t from '%s' csv" % path]).seconds


def bench_large(folder, ready, stems):
    """One file of a million records. Records per second of CPU time: what one
    core does, whatever else the machine is at; _wall with every sync."""
    large = os.path.join(ROOT, "large")
    os.makedirs(large)
    one = large_upload(ready, stems, large)
    peers = {}
    peak = 0
    for name in SYNTAXES:
        read, got, members = ingest_once(folder, one, large, name)
        if name == "csv_utf8":
            records, _, ran = sqlite_import(members)
            peers["csv"] = ("sqlite3 .import, CPU", records / ran.cpu)
            seconds = postgres_copy(os.path.join(ROOT, "peer.csv"), 36)
            if seconds:
                row("ingest.csv_utf8_copy", read / got.seconds, "records/s",
                    "PostgreSQL COPY", records / seconds)
        if name == "xml":
            peers["xml"] = ("xmllint --stream --schema, CPU",
                            read / xmllint(members[0]))
        row("ingest." + name, read / got.cpu, "records/s",
            *peers.get(name[:3], peers["csv"]))
        row("ingest.%s_wall" % name, read / got.seconds, "records/s")
        for m in members:
            os.unlink(m)
        peak = max(peak, got.rss)
    shutil.rmtree(large)
    os.makedirs(large)
    one = large_upload(ready, stems, large, ordered=False)
    read, got, members = ingest_once(folder, one, large, "csv_utf8")
    row("ingest.csv_utf8_no_order", read / got.cpu, "records/s", *peers["csv"])
    for m in members:
        os.unlink(m)
    shutil.rmtree(large)
    return max(peak, got.rss)


def bench_ingest(site, folder):
    ready = os.path.join(folder, "intermediate", "ready")
    stems = [s for s in sorted(os.listdir(ready)) if "_shikaku_" in s]
    peak = bench_large(folder, ready, stems)
    for name in SYNTAXES:  # the country as it is: many files, most of them small
        read, got, _ = ingest_once(folder, stems, ready, name)
        row("ingest.%s_many" % name, read / got.seconds, "records/s")
        peak = max(peak, got.rss)
    shutil.rmtree(os.path.join(ROOT, "ingest-syntax"))
    row("ingest.peak_rss", peak, "MiB", "cap", 256)


def bench_error_list(site, faults=1000000):
    """A file in which every record has one fault: read, listed, written."""
    source = os.path.join(ROOT, "faults.csv")
    listed = os.path.join(ROOT, "errors.csv")
    subprocess.run([sys.executable, "tests/returns.py", "many", source,
                    str(faults)], check=True)
    capped = os.path.join(os.path.dirname(site), "capped.yaml")
    shutil.copy(site, capped)
    with open(capped, "a") as f:
        f.write("errors:\n  max_rows: 1000000\n")
    ran = program("check", capped, "-f", "shikaku", "--csv", listed, source,
                  stderr=subprocess.DEVNULL)
    db = os.path.join(ROOT, "peer.sqlite")
    if os.path.exists(db):
        os.unlink(db)
    run(["sqlite3", db, ".mode csv", ".import %s t" % listed])
    peer = run(["sqlite3", db, ".mode csv", ".once %s" % (listed + ".peer"),
                "SELECT * FROM t"])
    row("check.error_list", faults / ran.seconds, "faults/s",
        "sqlite3 writes the same CSV", faults / peer.seconds)
    row("check.error_list_rss", ran.rss, "MiB", "cap", 256)
    ran = program("check", capped, "-f", "shikaku", "--xlsx",
                  os.path.join(ROOT, "errors.xlsx"), source,
                  stderr=subprocess.DEVNULL)
    row("check.error_list_xlsx", faults / ran.seconds, "faults/s")
    for path in (source, listed, listed + ".peer", db,
                 os.path.join(ROOT, "errors.xlsx")):
        os.unlink(path)


# ---- the night ----

def bench_night(site, folder):
    for name in ("codes", "deliver", "intake", "ingest", "revoke"):
        ran = program(name, site)
        say("  %-8s %6.2f s %5.0f MiB  %s"
            % (name, ran.seconds, ran.rss, ran.out.strip().split("\n")[-1]))
    ran = program("rebuild", site)
    say("  rebuild  %6.2f s %5.0f MiB  %s"
        % (ran.seconds, ran.rss, ran.out.strip().split("\n")[-1]))
    snapshots = os.path.join(folder, "qualification", "snapshots")
    newest = sorted(f for f in os.listdir(snapshots)
                    if f.startswith("qualification-") and f.endswith(".sqlite"))[-1]
    return os.path.join(snapshots, newest)


# ---- the store: tests/tools/store.c, each phase a process of its own ----

def store(persons, *more):
    """tool-store: its figures by name."""
    folder = os.path.join(ROOT, "store")
    out = subprocess.check_output(
        [B + "/tool-store", "-n", str(persons), "-d", folder, *more], text=True)
    return folder, {l.split()[0]: float(l.split()[1]) for l in out.splitlines()}


def best_store(persons, rounds, *more):
    """The best of several runs, of ours and of the peers alike: other work on
    the machine only ever makes a run slower."""
    folder, best = store(persons, *more)
    load = [best["first_load.us_per_row"]]
    delta = [best["delta_1pct.us_per_row"]]
    for _ in range(rounds - 1):
        again = store(persons, *more)[1]
        load.append(again["first_load.us_per_row"])
        delta.append(again["delta_1pct.us_per_row"])
        for key, value in again.items():
            fast = key.endswith("_per_s") or key.startswith("lookup.")
            slow = key.endswith(("us_per_row", ".wall"))
            if fast or slow:
                best[key] = (max if fast else min)(best[key], value)
            else:
                best[key] = max(best[key], value)
    # beside a single run of another size: what such a run comes to here
    best["first_load.middle"] = sorted(load)[rounds // 2]
    best["delta_1pct.middle"] = sorted(delta)[rounds // 2]
    return folder, best


def peer_import(csv, persons):
    """sqlite3 .import of the records, and an index on their key."""
    db = os.path.join(ROOT, "peer.sqlite")
    if os.path.exists(db):
        os.unlink(db)
    with open(csv) as f:
        width = f.readline().count(",") + 1
    columns = ",".join("c%d TEXT" % i for i in range(width))
    ran = run(["sqlite3", db, "PRAGMA journal_mode=OFF;",
               "PRAGMA synchronous=OFF;", "CREATE TABLE t(%s);" % columns,
               ".mode csv", ".import %s t" % csv, "CREATE INDEX i ON t(c0);"])
    os.unlink(db)
    return persons / ran.cpu


def peer_postgres(csv, persons):
    """COPY and two indexes, wall; then SELECT by key, pgbench -S style."""
    found = sorted(f for f in os.listdir("/usr/lib/postgresql")) \
        if os.path.isdir("/usr/lib/postgresql") else []
    if not found or os.getuid() != 0:
        say("  SKIP PostgreSQL: %s" % (
            "only root can run it as postgres" if found else "not installed"))
        return None
    tools = "/usr/lib/postgresql/%s/bin/" % found[-1]
    where = "/tmp/shikaku-bench-pg"
    shutil.rmtree(where, ignore_errors=True)
    os.makedirs(where)
    shutil.chown(where, "postgres", "postgres")
    shutil.copy(csv, where + "/peer.csv")
    os.chmod(where + "/peer.csv", 0o644)

    def pg(*argv, **kw):
        return subprocess.run(["runuser", "-u", "postgres", "--", *argv],
                              check=True, capture_output=True, text=True,
                              cwd="/", **kw).stdout

    def psql(sql):
        return pg("psql", "-h", where, "-p", "54329", "-qAtc", sql, "postgres")

    pg(tools + "initdb", "-D", where + "/d", "-A", "trust")
    pg(tools + "pg_ctl", "-D", where + "/d", "-w", "-l", where + "/log", "-o",
       "-p 54329 -k %s -c listen_addresses='' -c fsync=off -c wal_level=minimal"
       " -c max_wal_senders=0 -c shared_buffers=2GB -c maintenance_work_mem=256MB"
       % where, "start")
    try:
        with open(csv) as f:
            names = ["c%d" % i for i in range(f.readline().count(",") + 1)]
        start = time.monotonic()
        psql("BEGIN; CREATE TABLE t (n serial, %s); COPY t (%s) FROM"
             " '%s/peer.csv' WITH (FORMAT csv); CREATE UNIQUE INDEX k ON"
             " t (c0, c20); COMMIT;"
             % (", ".join(c + " text" for c in names), ", ".join(names), where))
        seconds = time.monotonic() - start
        psql("CREATE UNIQUE INDEX i ON t (n)")
        psql("VACUUM ANALYZE t")
        with open(where + "/q.sql", "w") as f:
            f.write("\\set r random(1, %d)\nSELECT * FROM t WHERE n = :r;\n"
                    % persons)
        out = pg("pgbench", "-h", where, "-p", "54329", "-n", "-M", "prepared",
                 "-f", where + "/q.sql", "-T", "8", "postgres")
        return persons / seconds, float(re.search(r"tps = ([\d.]+)", out)[1])
    finally:
        pg(tools + "pg_ctl", "-D", where + "/d", "-m", "immediate", "stop")
        shutil.rmtree(where, ignore_errors=True)


def bench_store(small, large):
    folder, one = best_store(small, int(os.environ.get("ROUNDS", "3")), "-c", "-p")
    csv = os.path.join(folder, "peer.csv")
    by_import = peer_import(csv, small)
    postgres = peer_postgres(csv, small)
    os.unlink(csv)
    _, ten = store(large)
    shutil.rmtree(folder)
    delta = max(ten["delta_1pct.rows_per_s"], one["delta_1pct.rows_per_s"])
    one_load = one["first_load.rows_per_s"]
    row("rebuild.first_load", one_load, "persons/s",
        "sqlite3 .import + CREATE INDEX, CPU", by_import)
    row("rebuild.first_load.user", 1e6 / one["first_load.user_us_per_row"],
        "persons/s of user time", "aim", 450000)
    row("rebuild.delta_1pct.user", 1e6 / one["delta_1pct.user_us_per_row"],
        "persons/s of user time", "aim", 450000)
    row("rebuild.first_load.insert", one_load, "persons/s",
        "bare INSERT in key order, CPU", one["peer_sqlite.rows_per_s"])
    row("rebuild.first_load.lmdb", one_load, "persons/s",
        "LMDB MDB_APPEND, CPU", one["peer_lmdb.rows_per_s"])
    row("rebuild.delta_1pct", delta, "persons/s",
        "bare INSERT in key order, CPU", one["peer_sqlite.rows_per_s"])
    if postgres:
        row("rebuild.first_load.postgresql", small / one["first_load.wall"],
            "persons/s", "COPY + unique index, wall", postgres[0])
        row("lookup.typed_key.postgresql", one["lookup.typed_key"], "1/s",
            "pgbench, SELECT by key", postgres[1])
    row("rebuild.growth_10x",
        max(ten[k + ".us_per_row"] / one[k + ".middle"]
            for k in ("first_load", "delta_1pct")),
        "%g/%g persons" % (large, small), "aim", 1.15)
    row("rebuild.peak_rss", max(v for k, v in ten.items()
                                if k.endswith(".peak_rss")), "MiB", "cap", 512)
    row("rebuild.disk_peak", ten["delta_1pct.disk_peak"], "snapshots", "cap", 2.2)
    row("lookup.typed_key", ten["lookup.typed_key"], "1/s", "aim", 400000)
    row("lookup.typed_key.small", one["lookup.typed_key"], "1/s", "aim", 400000)
    row("lookup.card", ten["lookup.card"], "1/s", "aim", 250000)
    row("lookup.card.small", one["lookup.card"], "1/s", "aim", 250000)
    row("link.merge", ten["cards.rows_per_s"], "links/s", "aim", 1000000)


NATION = {"persons": 125e6, "periods": 200e6, "cards": 100e6, "changes": 0.5e6}


def nation_ingest(records):
    """One upload of so many records, from the ready spool to its segment:
    records, CPU seconds, wall, bytes of CSV, MiB."""
    global LARGE
    LARGE = records
    folder = os.path.join(ROOT, "country")
    shutil.rmtree(folder, ignore_errors=True)
    site = site_for(folder)
    run([B + "/shikaku-sample", "-c", site, "-D", DAY, "--people", "20000",
         "--seed", "7"])
    program("intake", site)
    ready = os.path.join(folder, "intermediate", "ready")
    large = os.path.join(ROOT, "large")
    shutil.rmtree(large, ignore_errors=True)
    os.makedirs(large)
    one = large_upload(ready, [s for s in sorted(os.listdir(ready))
                               if "_shikaku_" in s], large)
    size = os.path.getsize(os.path.join(large, one[0], "0001.csv"))
    read, got, members = ingest_once(folder, one, large, "csv_utf8")
    for path in members:
        os.unlink(path)
    for path in (large, folder, os.path.join(ROOT, "ingest-syntax")):
        shutil.rmtree(path)
    return read, got.cpu, got.seconds, size, got.rss


def bench_nation(persons):
    """The largest store the disk allows, step by step, and how long the
    nation would take at its cost per row: 125 M persons, 200 M periods, 100 M
    cards. CPU seconds: the machine may be busy. Two cores, cards beside the
    qualifications; one process each."""
    records = min(persons, int(os.environ.get("NATION_RECORDS", "1000000")))
    read, cpu, wall, size, rss = nation_ingest(records)
    steps = [("ingest", read, cpu, wall, size, rss)]
    _, got = store(persons, "-s", "3400")
    for step in ("first_load", "delta_1pct", "cards"):
        steps.append((step, persons, got[step + ".us_per_row"] * persons / 1e6,
                      got[step + ".wall"], got[step + ".bytes_per_row"] * persons,
                      got[step + ".peak_rss"]))
    say("  %-10s %10s %9s %9s %10s %8s %8s %6s" % (
        "step", "rows", "CPU s", "wall s", "CPU us/row", "MB", "B/row", "MiB"))
    for name, rows, cpu, wall, size, rss in steps:
        say("  %-10s %10d %9.1f %9.1f %10.3f %8.0f %8.1f %6.0f" % (
            name, rows, cpu, wall, cpu / rows * 1e6, size / 1e6, size / rows, rss))
        row("nation.%s.cpu_per_row" % name, cpu / rows * 1e6, "us")
        row("nation.%s.wall" % name, wall, "s at %d rows" % rows)
        row("nation.%s.bytes_per_row" % name, size / rows,
            "B in" if name == "ingest" else "B")
    for key in ("first_load.disk_peak", "delta_1pct.disk_peak"):
        row("nation." + key, got[key], "snapshots", "cap", 2.2)
    for key in ("lookup.typed_key", "lookup.card"):
        row("nation." + key, got[key], "1/s", "aim",
            400000 if key.endswith("key") else 250000)
    row("nation.peak_rss", max(s[5] for s in steps[1:]), "MiB", "cap", 512)
    each = {s[0]: s[2] / s[1] / 60 for s in steps}  # minutes per row
    # a row here is a period with its person; 75 M of the periods have none
    whole = each["first_load"] * NATION["periods"]
    cards = each["cards"] * NATION["cards"]
    row("nation.rebuild_minutes", max(whole, cards), "CPU minutes", "aim", 10)
    row("nation.rebuild_minutes.two_cores", (whole + cards) / 2,
        "CPU minutes / 2", "aim", 10)
    row("nation.night_minutes", each["delta_1pct"] * NATION["periods"] +
        each["ingest"] * NATION["changes"], "CPU minutes", "aim", 10)
    row("nation.ingest_minutes", each["ingest"] * NATION["periods"],
        "CPU minutes, all anew")
    row("nation.disk", 2.2 * (got["first_load.bytes_per_row"] * NATION["periods"]
                              + got["cards.bytes_per_row"] * NATION["cards"]) / 1e9,
        "GB at the peak")


def bench_lookup(folder):
    out = subprocess.check_output(
        [B + "/tool-lookup", os.path.join(folder, "site.yaml")], text=True)
    figures = dict(line.split()[:2] for line in out.splitlines() if line)
    row("lookup.typed_key.country", float(figures["typed_key"]), "1/s",
        "sqlite3 statement, mmap", float(figures["typed_key_peer"]))
    row("lookup.card.country", float(figures["card"]), "1/s",
        "sqlite3 statement, mmap", float(figures["card_peer"]))


# ---- online ----

def cpu_of(pids):
    total = 0
    tick = os.sysconf("SC_CLK_TCK")
    for pid in pids:
        with open("/proc/%d/stat" % pid) as f:
            part = f.read().rsplit(")", 1)[1].split()
        total += int(part[11]) + int(part[12])
    return total / tick


def children(pid):
    """The process and all below it: faketime and the supervisor have some."""
    out = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True,
                         text=True).stdout.split()
    return [pid] + [c for p in out for c in children(int(p))]


def memory_of(pids):
    """KiB of their own, mapped files left out; of the largest of them."""
    most = 0
    for pid in pids:
        with open("/proc/%d/status" % pid) as f:
            most = max(most, int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1)))
    return most


def stop(child):
    os.killpg(child.pid, signal.SIGTERM)
    child.wait(30)


def ask_command(folder, port, path, *more):
    return [B + "/tool-ask", "-p", str(port), "-u", path,
            "-D", os.path.join(folder, "pki", "institutions"),
            "-q", os.path.join(ROOT, "questions.tsv"), "-d", "20260802", *more]


def ask(folder, port, path, requests, *more):
    """tool-ask's figures; a certificate per connection."""
    more = more or ("-c", "64")
    out = subprocess.check_output(
        ask_command(folder, port, path, "-n", str(requests), *more), text=True)
    return {k: float(v) for k, v in (l.split()[:2] for l in out.splitlines() if l)}


def measured(server, folder, port, path, requests, *more):
    """The figures, and the server's processor microseconds per answer."""
    pids = children(server.pid)
    before = cpu_of(pids)
    got = ask(folder, port, path, requests, *more)
    return got, (cpu_of(pids) - before) / requests * 1e6


def idle_of(server, folder, port, path, connections):
    """KiB of the server's own memory that an open, silent connection takes."""
    pids = children(server.pid)
    before = memory_of(pids)
    child = subprocess.Popen(
        ask_command(folder, port, path, "-m", "idle", "-c", str(connections)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = child.stdout.readline()
    after = memory_of(pids)
    child.communicate("")
    return (after - before) / connections if line == "idle\n" else float("nan")


def load(server, folder, port, path):
    """One server under every load: the rows' figures."""
    figures = {}
    ask(folder, port, path, 5000)
    figures["answers"], figures["cpu"] = measured(
        server, folder, port, path, 100000)
    _, figures["full"] = measured(server, folder, port, path, 6000,
                                  "-c", "16", "-m", "full")
    got, figures["resumed"] = measured(server, folder, port, path, 6000,
                                       "-c", "16", "-m", "resumed")
    if got["resumed"] < 5900:
        say("  only %d of 6000 handshakes were resumed" % got["resumed"])
    # 1,000 connections at 80 % of what this server can do
    most = figures["answers"]["answers_per_s"]
    figures["at80"] = ask(folder, port, path, 40000, "-c", "1000",
                          "-w", str(int(1000 / (0.8 * most) * 1000) + 1))
    figures["rss"] = memory_of(children(server.pid)) / 1024
    return figures


NGINX = """daemon off; master_process on; worker_processes 1;
worker_rlimit_nofile 20000; pid %(root)s/nginx.pid; error_log stderr crit;
events { worker_connections 19000; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 600;
 client_body_temp_path %(root)s/nb; proxy_temp_path %(root)s/np;
 fastcgi_temp_path %(root)s/nf; uwsgi_temp_path %(root)s/nu;
 scgi_temp_path %(root)s/ns;
 server { listen 127.0.0.1:%(port)d ssl backlog=1024; ssl_protocols TLSv1.3;
  ssl_session_tickets on; ssl_session_timeout 1h;
  ssl_certificate %(pki)s/server.pem; ssl_certificate_key %(pki)s/server.key;
  ssl_client_certificate %(pki)s/institution-ca.pem; ssl_verify_client on;
  ssl_crl %(pki)s/institution-ca.crl;
  location / { default_type application/json; return 200 "%(text)s"; } } }
"""


def bench_online(site, folder, snapshot, port=18443):
    with open(os.path.join(ROOT, "questions.tsv"), "w") as f:
        f.write("insurer\tsymbol\tnumber\tbranch\tbirth\n")
        f.write(subprocess.check_output(
            ["sqlite3", "-separator", "\t", "file:%s?immutable=1" % snapshot,
             "SELECT InsurerNumber, coalesce(InsuredCardSymbol, ''),"
             " InsuredIdentificationNumber, coalesce(InsuredBranchNumber, ''),"
             " Birthdate FROM printed AS p JOIN period USING (key)"
             " ORDER BY p.hash LIMIT 50000"], text=True))
    one = os.path.join(folder, "one.yaml")  # a worker each, idle kept open
    with open(site) as f, open(one, "w") as out:
        out.write(f.read() + "  workers: 1\n  idle_seconds: 600\n")
    connections = int(os.environ.get("IDLE", "15000"))
    clock = []
    hour = (time.time() + 9 * 3600) % 86400 / 3600
    if not 8 <= hour < 20.5:
        clock = ["faketime", "-f", "@2026-08-02 01:00:00"]  # 10:00 JST
    conf = os.path.join(ROOT, "nginx.conf")
    with open(conf, "w") as f:
        f.write(NGINX % {"root": ROOT, "port": port + 1, "text": "x" * 1100,
                         "pki": os.path.join(folder, "pki")})

    def responder():
        server = subprocess.Popen(
            clock + [B + "/shikaku-responder", "-c", one],
            stderr=subprocess.PIPE, text=True, env={**os.environ, "TZ": "UTC"},
            start_new_session=True)
        for line in server.stderr:
            if "ready" in line:
                break
        return server

    def under(start, what, *args):
        server = start()
        time.sleep(0.5)
        try:
            return what(server, folder, *args)
        finally:
            stop(server)

    def nginx():
        return subprocess.Popen(["/usr/sbin/nginx", "-c", conf],
                                start_new_session=True)
    got = under(responder, load, port, "/oqs-api/search")
    peer = under(nginx, load, port + 1, "/")
    # servers of their own: what one has freed before would be used again
    got["idle"] = under(responder, idle_of, port, "/oqs-api/search", connections)
    peer["idle"] = under(nginx, idle_of, port + 1, "/", connections)
    name = "nginx, fixed answer"
    row("online.cpu_per_answer", got["cpu"], "us", name, peer["cpu"])
    row("online.answers", got["answers"]["answers_per_s"], "1/s", name,
        peer["answers"]["answers_per_s"])
    say("  responder: %d of 100000 not 200, %d valid; the client's own %.0f us"
        % (got["answers"]["not_200"], got["answers"]["valid"],
           got["answers"]["client_cpu_us"]))
    # of one core, by its processor time: the client shares the machine. The
    # resumed ones each ask one question: its cost is taken off again.
    for kind, off in (("full", 0), ("resumed", 1)):
        row("online.handshake_" + kind,
            1e6 / (got[kind] - off * got["cpu"]), "1/s a core",
            "nginx, same settings", 1e6 / (peer[kind] - off * peer["cpu"]))
    row("online.return_at_8", 230000 * got["full"] / 1e6 / 2, "s",
        "most, two cores", 150)
    row("online.p99", got["at80"]["p99_us"] / 1e3, "ms", name,
        peer["at80"]["p99_us"] / 1e3)
    row("online.idle_connection", got["idle"], "KiB", "nginx", peer["idle"])
    row("online.worker_rss", got["rss"], "MiB", "cap", 64)


def postgres(files, groups):
    """CPU seconds of PostgreSQL for the same, in one process of its own."""
    bin_ = "/usr/lib/postgresql/15/bin/"
    if not os.path.exists(bin_ + "postgres"):
        say("  SKIP PostgreSQL: it is not installed")
        return None
    home = tempfile.mkdtemp(prefix="shikaku-bench-", dir="/tmp")
    try:
        as_ = []
        if os.getuid() == 0:
            shutil.chown(home, "postgres")
            as_ = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        os.chmod(home, 0o755)
        data = home + "/data"
        run(as_ + [bin_ + "initdb", "-D", data, "-E", "UTF8", "--locale=C", "-N"], cwd=home, stderr=subprocess.DEVNULL)
        sql = "CREATE UNLOGGED TABLE u (%s);\n" % ", ".join("c%d text" % i for i in range(1, 21))
        for i, f in enumerate(files):
            shutil.copy(f, "%s/%d" % (home, i))
            os.chmod("%s/%d" % (home, i), 0o644)
            sql += "COPY u FROM '%s/%d' (FORMAT csv, HEADER);\n" % (home, i)
        for by in groups:
            sql += "SELECT count(*) FROM (SELECT count(*) FROM u GROUP BY %s) t;\n" % by
        with open(home + "/sql", "w") as f:
            f.write(sql)
        # single-user mode: one process, so that its CPU time is all of it
        return run(as_ + [bin_ + "postgres", "--single", "-D", data, "-c", "fsync=off", "-c", "work_mem=256MB", "postgres"],
                   cwd=home, stdin=open(home + "/sql"), stderr=subprocess.DEVNULL)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def thicken(path, times):
    """A usage journal with every line so many times, numbered and chained anew."""
    with open(path) as f:
        names, *lines = f.readlines()
    parts = [line.rsplit(",", 1)[0].split(",", 3) for line in lines]
    chain = hashlib.sha256(os.path.basename(path).encode()).hexdigest()[:16]
    n = 0
    with open(path, "w") as f:
        f.write(names)
        for at, worker, _, rest in (p for p in parts for _ in range(times)):
            n += 1
            body = "%s,%s,%d,%s" % (at, worker, n, rest)
            chain = hashlib.sha256((chain + body).encode()).hexdigest()[:16]
            f.write(body + "," + chain + "\n")


def bench_report(folder, millions=int(os.environ.get("REPORT_MILLIONS", 12))):
    """A month of usage lines: proved, counted, given out; the sqlite3 shell
    reads the same files and counts the same questions. CPU seconds."""
    root = folder + "/qualification"
    master = os.path.join(ROOT, "master.csv")
    with open(master, "w") as f:
        for name in sorted(os.listdir(root + "/snapshots")):
            if name.startswith("institutions-"):
                db = sqlite3.connect("file:%s/snapshots/%s?immutable=1" % (root, name), uri=True)
                f.writelines(c + "\n" for (c,) in db.execute("SELECT InstitutionCode FROM institution ORDER BY 1"))
                break
    os.makedirs(root + "/journal", exist_ok=True)
    subprocess.run([sys.executable, TOP + "/tests/statistics.py", "journals", root, "2025-05", "1000000", master], check=True)
    lines = millions * 1000000
    files = sorted(os.path.join(root, "journal", n) for n in os.listdir(root + "/journal") if n.startswith("usage-202505"))
    for path in files:
        thicken(path, millions)
    ran = run([B + "/shikaku-report", "-c", folder + "/site.yaml", "-D", "2025-05-31"])
    script = "CREATE TABLE u (%s);\n.mode csv\n" % ", ".join("c%d" % i for i in range(1, 21))
    script += "".join(".import --skip 1 %s u\n" % f for f in files)
    groups = ("substr(c1, 1, 10)", "substr(c1, 12, 2), c7", "c10, c11, c7", "c16", "c5", "c12")
    for by in groups:
        script += "SELECT count(*) FROM (SELECT count(*) FROM u GROUP BY %s);\n" % by
    path = os.path.join(ROOT, "report.sql")
    with open(path, "w") as f:
        f.write(script)
    peer = run(["sqlite3", ":memory:"], stdin=open(path))
    row("report.records", lines / ran.cpu, "1/s", "sqlite3 .import + GROUP BY, CPU", lines / peer.cpu)
    other = postgres(files, groups)
    if other:
        row("report.records", lines / ran.cpu, "1/s", "PostgreSQL COPY + GROUP BY, CPU", lines / other.cpu)
    row("report.peak_rss", ran.rss, "MiB", "cap", 256)
    row("report.html_size", os.path.getsize(root + "/out/statistics/statistics-202505-open.html") / 1024, "KiB", "cap", 2048)


def write_results(name="results.tsv", add=False):
    """The rows of this run; add: to the common list, in place of their own."""
    path = os.path.join(TOP, "build", "bench", name)
    kept = []
    if add and os.path.exists(path):
        with open(path) as f:
            own = {r[0] for r in results}
            kept = [line for line in f if line.split("\t")[0] not in own | {"name"}]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write("name\tvalue\tunit\tpeer\tpeer value\tratio\n")
        f.writelines(kept)
        for r in results:
            f.write("\t".join(r) + "\n")
    say("written: build/bench/" + name)


def main():
    people = sys.argv[1]
    if people in ("nation", "store"):
        os.makedirs(ROOT, exist_ok=True)
        sizes = [int(n) for n in sys.argv[2:]]
        bench_nation(*sizes) if people == "nation" else bench_store(*sizes)
        write_results(people + ".tsv")
        return
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    folder = os.path.join(ROOT, "country")
    subprocess.run([TOP + "/tests/site.sh", folder, "18443"], check=True)
    site = os.path.join(folder, "site.yaml")
    say("a country of %s people" % people)
    ran = run([B + "/shikaku-sample", "-c", site, "-D", DAY, "--people", people,
               "--seed", "7"])
    say("  sample   %6.2f s %5.0f MiB" % (ran.seconds, ran.rss))
    row("sample.people", int(people) / ran.seconds, "persons/s")
    ran = program("intake", site)
    say("  intake   %6.2f s %5.0f MiB  %s" % (ran.seconds, ran.rss, ran.out.strip()))
    only = os.environ.get("ONLY", "")
    if only != "online":
        say("ingest, the same records in four syntaxes")
        bench_ingest(site, folder)
        say("error lists")
        bench_error_list(site)
    if only == "ingest":
        write_results()
        return
    say("the night")
    ran = program("ingest", site)
    say("  ingest   %6.2f s %5.0f MiB  %s" % (ran.seconds, ran.rss, ran.out.strip()))
    snapshot = bench_night(site, folder)
    if only != "online":
        say("lookups")
        bench_lookup(folder)
        say("a month's statistics")
        bench_report(folder)
        say("the store")
        bench_store(1000000, int(os.environ.get("STORE", "10000000")))
    say("online")
    bench_online(site, folder, snapshot)
    write_results()


if __name__ == "__main__":
    main()
