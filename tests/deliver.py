"""part-deliver: a small country's segments cross to the other side; killed at
system calls; reflection results come back once."""
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys

B = os.environ["B"]
T = B + "/part-deliver"
DAY = "2026-08-01"
passed = failed = 0


def check(name, ok, more=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED:", name, more)


def command(site, program, *more, day=DAY):
    return [B + "/shikaku-" + program, "-c", site + "/site.yaml", "-D", day, *more]


def run(site, program, *more, day=DAY):
    r = subprocess.run(command(site, program, *more, day=day), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, errors="replace")
    if r.returncode < 0 or "Sanitizer" in r.stderr:
        check(program + " does not crash", False, r.stderr[-2000:])
    return r.returncode


def rows(site, side, sql):
    with sqlite3.connect("%s/%s/ledger.sqlite" % (site, side)) as db:
        return db.execute(sql).fetchall()


def files(folder):
    return {n: hashlib.sha256(open(folder + "/" + n, "rb").read()).hexdigest()
            for n in sorted(os.listdir(folder))} if os.path.isdir(folder) else {}


def box(site):
    return sorted(files(site + "/qualification/box/IM000001/in"))


def prepare():
    """A site whose segments wait on the intermediate side."""
    site = T + "/first"
    subprocess.run(["tests/site.sh", site], check=True)
    subprocess.run([B + "/shikaku-sample", "-c", site + "/site.yaml", "--people", "1000",
                    "-D", DAY], stdout=subprocess.DEVNULL, check=True)
    # what the other side's own senders bring is another test's business
    shutil.rmtree(site + "/qualification/box", ignore_errors=True)
    # a handful of senders is enough
    boxes = site + "/intermediate/box"
    for n in sorted(os.listdir(boxes))[6:]:
        shutil.rmtree(boxes + "/" + n)
    for p in ("intake", "ingest"):
        run(site, p)
    return site


def copy(frm, name):
    site = T + "/" + name
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(frm, site, symlinks=True)
    return site


def arrives(site):
    """Other side takes it in; what left and what came."""
    left = files(site + "/intermediate/segments")
    status = (run(site, "intake"), run(site, "ingest"))
    return left, files(site + "/qualification/segments"), status


def crosses(first):
    site = copy(first, "crosses")
    n = len(files(site + "/intermediate/segments"))
    check("there is something to deliver", n > 3, n)
    check("a dry run delivers nothing", run(site, "deliver", "-n") == 0 and box(site) == [])
    check("nor does a day that has not come", run(site, "deliver", day="2099-01-01") == 9 and
          box(site) == [])
    check("a day without its -D is no day", run(site, "deliver", "2026-07-31") == 32 and
          box(site) == [])
    check("segments are delivered", run(site, "deliver") == 0 and len(box(site)) == 1, box(site))
    check("none waits any more", rows(
        site, "intermediate", "SELECT count(*) FROM segment WHERE generation = 0") == [(0,)])
    check("again there is nothing to do", run(site, "deliver") == 1 and len(box(site)) == 1)
    left, came, status = arrives(site)
    check("the other side accepts the package", status == (0, 0), status)
    check("every segment came as it left", left == came, (len(left), len(came)))
    check("uploads are delivered", rows(
        site, "intermediate", "SELECT DISTINCT state FROM file") == [("delivered",)])
    # a reflection result comes back, once
    stem = sorted(left)[0].split(".")[0]
    sender = stem.split("_")[0]
    folder = site + "/qualification/reflection/g000001"
    os.makedirs(folder)
    open(folder + "/" + stem + ".csv", "w").write("first\n")
    out = site + "/intermediate/box/%s/out/%s.reflection.csv" % (sender, stem)
    check("a dry run says so and leaves it", run(site, "deliver", "-n") == 0 and
          not os.path.exists(out))
    check("a result comes back to its sender", run(site, "deliver") == 0 and
          open(out).read() == "first\n")
    check("and its upload is reflected in the generation", rows(
        site, "intermediate", "SELECT state, generation FROM file WHERE sender = '%s'"
        % sender) == [("reflected", 1)])
    os.unlink(out)
    check("it comes once", run(site, "deliver") == 1 and not os.path.exists(out))


def half_handed_over(first):
    """Killed just before the rename: a dry run leaves even that undone."""
    site = copy(first, "half")
    run(site, "deliver")
    name = site + "/qualification/box/IM000001/in/" + box(site)[0]
    os.rename(name, name + ".part")
    with sqlite3.connect(site + "/intermediate/ledger.sqlite") as db:
        db.execute("UPDATE file SET state = 'ready' WHERE feed = 'package'")
    before = rows(site, "intermediate", "SELECT * FROM file")
    run(site, "deliver", "-n")
    check("a dry run hands nothing over", os.path.exists(name + ".part") and
          before == rows(site, "intermediate", "SELECT * FROM file"))
    run(site, "deliver")
    check("the next run does", os.path.exists(name))


def on_an_old_day(first):
    """What is delivered on a day before the last package still arrives."""
    site = copy(first, "old")
    run(site, "deliver")
    run(site, "intake")
    run(site, "ingest")
    with sqlite3.connect(site + "/intermediate/ledger.sqlite") as db:
        db.execute("UPDATE segment SET generation = 0")
    run(site, "deliver", day="2026-07-01")
    check("a package is never of a day before the last", [
        n[:26] for n in box(site)] == ["IM000001_package_20260801_"], box(site))
    check("and the other side accepts it", run(site, "intake") == 0)


def killed(first):
    calls = "write,pwrite64,fsync,fdatasync,rename,renameat,unlink,mkdir,openat,ftruncate"
    step = int(os.environ.get("KILL_STEP", "5"))
    at, kills, wrong = 1, 0, []
    while True:
        site = copy(first, "killed")
        r = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=" + calls, "-e",
                            "inject=%s:signal=SIGKILL:when=%d" % (calls, at)]
                           + command(site, "deliver"),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if r.returncode == 0:
            break
        kills += 1
        run(site, "deliver")
        litter = [n for n in os.listdir(site + "/intermediate/work")]
        there = box(site)
        left, came, status = arrives(site)
        if len(there) != 1 or left != came or status != (0, 0) or litter or rows(
                site, "intermediate", "SELECT count(*) FROM segment WHERE generation = 0"
        ) != [(0,)]:
            wrong.append((at, there, len(left), len(came), status, litter))
        at += step
    check("killed at %d calls: every segment crosses once" % kills,
          not wrong and kills * step > 40, (kills, wrong[:3]))


shutil.rmtree(T, ignore_errors=True)
os.makedirs(T)
first = prepare()
crosses(first)
half_handed_over(first)
on_an_old_day(first)
if shutil.which("strace"):
    killed(first)
print("deliver: %d passed, %d failed" % (passed, failed))
sys.exit(failed != 0)
