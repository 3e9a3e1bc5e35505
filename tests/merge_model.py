#!/usr/bin/env python3
"""The merge a second time, by nobody who knows the first.

  merge_model.py make SEED NIGHT    the changes of one night (tool-segment's
                                    text) on stdout; nights build on the same
                                    small country
  merge_model.py verdicts ROOT SEED what an operator says of ROOT's held
                                    records: lines "release|drop STEM RECORD"
  merge_model.py check ROOT TEXT... the texts of all nights in their order
                                    (a generation each, TEXT.verdicts before
                                    it) against ROOT's snapshots and results
                                    it; TEXT.purge: an order of that day to
                                    drop what is past its retention;
                                    TEXT.forever: nothing is, that night)
  merge_model.py files SITE READY...  the uploads of all nights as intake left
                                    them (copies of ready/, one per night),
                                    read here by csv, ElementTree and codecs,
                                    against the qualification side of SITE

The rules are those of shikaku-merge(7), written down from it: a dict of
periods per key, uploads one after the other, in order of day, running number
and sender; a full file is looked at person by person.
"""
import csv
import datetime
import glob
import hashlib
import hmac
import os
import random
import sqlite3
import sys
import xml.etree.ElementTree as ET

SENDERS = ["06139992", "06130488", "39131008"]
# each person is a small world of its own; each insurer has full files
CITIES = ["00138057", "00139998", "00270017"]  # the first two: 13 東京
INSURERS = SENDERS + CITIES + ["0613%04d" % i for i in range(20)]
FAR = "99999999"


# ---- a small country, with every mistake an insurer can make ----

def day(rng, low=2000, high=2026):
    return "%04d%02d%02d" % (rng.randint(low, high), rng.randint(1, 12),
                             rng.randint(1, 28))


def person(insurer, n):
    rng = random.Random("%s %d" % (insurer, n))
    return {"InsurerCode": insurer,
            "PersonId": ("C%03d" if insurer in CITIES else "P%03d") % n,
            "InsurerNumber": insurer[2:] if insurer in CITIES else insurer,
            "InsuredCardSymbol": "１２",
            "InsuredIdentificationNumber": "%04d" % (n // 2),
            "Name": rng.choice(["山田　花子", "佐藤　太郎", "鈴木　一"]),
            "Sex1": rng.choice("12"), "Birthdate": day(rng, 1930, 1999)}


def change(rng, insurer, night):
    n = rng.randint(0, 25)
    r = person(insurer, n)
    if night >= rng.choice([2, 3, 3, 9]):
        r["PersonId"] = "P%03d" % n
    if rng.random() < 0.04:
        r["Sex1"] = "3"
    if rng.random() < 0.03:
        r["Birthdate"] = day(rng, 1930, 1999)
    if rng.random() < 0.3:
        r["Address"] = "東京都%d丁目" % rng.randint(1, 3)
    # few days, so that changes meet what is there
    r["QualificationDate"] = "%d0401" % rng.randint(2018, 2025)
    r["Change"] = rng.choice("1111222333399")
    r["ChangeDate"] = "20260801"
    if r["Change"] == "3" or rng.random() < 0.4:
        later = rng.choice([0, 0, 1, 1, 1, 2, 4])
        r["DisqualificationDate"] = "%d0401" % (
            int(r["QualificationDate"][:4]) + later)
        r["ReasonOfLoss"] = rng.choice(["01", "03", "99"])
        if insurer in CITIES and rng.random() < 0.8:
            del r["ReasonOfLoss"]  # moves inside the prefecture
    return r


def history(rng, insurer, n):
    """All periods of a person, as a full file has them; seldom wrong."""
    rows, year = [], rng.randint(2017, 2021)
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        r = person(insurer, n)
        if rng.random() < 0.02:
            r["Sex1"] = "3"
        r["QualificationDate"] = "%d0401" % year
        year += rng.choice([0, 1, 1, 2, 2, 2, 3])
        if rng.random() < 0.8:
            r["DisqualificationDate"] = "%d0401" % year
            r["ReasonOfLoss"] = rng.choice(["03", "99"])
        r["Change"] = rng.choice("111111112390")
        r["ChangeDate"] = "20260801"
        if any(x["QualificationDate"] == r["QualificationDate"]
               for x in rows):
            continue  # ingest refuses a period that is sent twice
        rows.append(r)
        year += rng.choice([0, 0, 0, 1])
    rng.shuffle(rows)
    return rows


def make(seed, night):
    rng = random.Random("%d %d" % (seed, night))
    out = []

    def upload(sender, feed, seq, kind, rows, scopes=()):
        out.append("\t".join(["upload", sender, feed, "202608%02d" % night,
                              "%d" % seq, kind] + list(scopes)))
        for number, row in rows:
            out.append("\t".join(["%d" % number] + [
                "%s=%s" % item for item in row.items() if item[1] != ""]))

    for sender in SENDERS:
        for seq in range(1, rng.randint(3, 5)):
            rows, scopes = [], []
            for insurer in INSURERS:
                # several files of a night, a full one among them or not
                if rng.random() < 0.1:
                    scopes.append(rng.choice("CE" if insurer in CITIES
                                             else "E") + insurer)
                    for n in range(26):
                        if rng.random() < 0.8:
                            rows += [{**r, "PersonId": {
                                "C": "C", "E": "P"}[scopes[-1][0]]
                                + r["PersonId"][1:]}
                                     for r in history(rng, insurer, n)]
                elif rng.random() < 0.5:
                    rows += [change(rng, insurer, night)
                             for _ in range(rng.randint(0, 40))]
            numbered, seen = [], set()
            for i, r in enumerate(rows):
                what = (r["InsurerCode"], r["PersonId"],
                        r["QualificationDate"])
                if what not in seen and rng.random() < 0.95:
                    numbered.append((i + 1, r))
                seen.add(what)
            upload(sender, "shikaku", seq, "period", numbered, scopes)
    pairs = [(i + 1, {"Key": "%sP%03d" % (
                          rng.choice(INSURERS + 4 * CITIES),
                          rng.randint(0, 30)),
                      "ProcessingNumber": "N%03d" % rng.randint(0, 40),
                      "Pseudonym": "%032x" % rng.randint(0, 99)})
             for i in range(rng.randint(20, 90))]
    for _, r in pairs:
        at = "C" if r["Key"][:8] in CITIES and rng.random() < 0.7 else "E"
        r["Key"] = at + (r["Key"].replace("P", "C") if at == "C"
                         else r["Key"])
    upload("JLIS0001", "codes", 1, "pair", pairs)
    if night > 1 and seed != 3:  # 市町村被保険者ID -> 被保険者枝番, some of them wrongly
        upload("KOKUHO13", "nhi", night, "rekey", [
            (i + 1, {"Key": "C%sC%03d" % (c, n), "To": "E%sP%03d" % (
                c, n if rng.random() < 0.9 else rng.randint(0, 25))})
            for i, (c, n) in enumerate(
                (c, n) for c in CITIES for n in range(28)
                if rng.random() < 0.5)])
    if night != 2:
        upload("JLIS0002", "link", 1, "card", [
            (i + 1, {"CaKeyId": rng.choice(["01" * 20, "ab" * 20]),
                     "SerialNumber": "%x" % rng.choice(
                         [rng.randint(1, 30), (1 << 63) + rng.randint(0, 3),
                          (1 << 90) + rng.randint(0, 3)]),
                     "ProcessingNumber": rng.choice([
                         "N%03d" % rng.randint(0, 3),
                         "N%03d" % rng.randint(0, 60)]),
                     "LinkState": rng.choice("1129"),
                     "ValidUntil": rng.choice(["", "", "20260802", "20300401"]),
                     "ProvidedAt": "202608%02d000000" % night})
            for i in range(30)])
    upload("KOSEI001", "iryokikan", 1, "institution", [
        (i + 1, {"InstitutionCode": "13%08d" % rng.randint(0, 20),
                 "Prefecture": "13", "SizeClass": rng.choice("012"),
                 "InstitutionName": "病院%d" % rng.randint(0, 3)})
        for i in range(10)])
    return "\n".join(out) + "\n"


def verdicts(root, seed):
    rng = random.Random(seed)
    for row in held_list(root):
        word = rng.choice(["release", "drop", ""])
        if word:
            print(word, row["File"], row["RecordNumber"])


# ---- the model ----

def key_of(row):
    return row.get("Key") or (
        ("C" if row["PersonId"][0] == "C" else "E")
        + row["InsurerCode"] + row["PersonId"]
        if "PersonId" in row else "E")


KINDS = {"1": "added", "2": "amended", "3": "lost", "9": "cancelled"}
REFUSED = ("refused", "held")


def who(record):
    return record["Sex1"], record["Birthdate"]


def days(record):
    return (record["QualificationDate"],
            record.get("DisqualificationDate", FAR))


def meet(a, b):
    return max(a[0], b[0]) < min(a[1], b[1])


def retention(site):
    """delete_days and left_days of a site; 0: for ever"""
    days = {"delete_days": 1827, "left_days": 1827}
    with open(os.path.join(site, "site.yaml"), encoding="utf-8") as f:
        for line in f:
            name, _, value = line.strip().partition(": ")
            if name in days:
                days[name] = int(value)
    return days["delete_days"], days["left_days"]


def date(text):
    return datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))


class Model:
    def __init__(self, delete_days=0, left_days=0):
        self.delete_days, self.left_days = delete_days, left_days
        self.before, self.pairs_before = {}, {}  # as the night found them
        self.dropped = 0
        self.periods = {}  # key: {from: record}
        self.pairs, self.cards, self.institutions = {}, {}, {}
        self.holds = {}  # (stem, record): (kind, row, code)
        self.removed = 0
        self.waiting = {}  # card: since

    # ---- retention: twice the same words, of the night before ----

    def has_left(self, key, today):
        """Died, or no cover anywhere"""
        one = self.pairs_before.get(key)
        keys = [k for k, p in self.pairs_before.items()
                if one is not None and p[1] == one[1]] or [key]
        mine = [r for k in keys for r in self.before.get(k, {}).values()]
        return (any(r.get("ReasonOfLoss") == "01" for r in mine)
                or not any(days(r)[1] > today for r in mine))

    def past(self, key, end, today):
        if end in (None, FAR):
            return False
        limit = (self.left_days if self.has_left(key, today)
                 else self.delete_days)
        return limit > 0 and (date(today) - date(end)).days > limit

    def over(self, end):
        """Not taken in any more, whoever it is of"""
        return end not in (None, FAR) and any(
            0 < limit < (date(self.today) - date(end)).days
            for limit in (self.delete_days, self.left_days))

    def order_purge(self, today):
        """What an order to drop speaks of: periods, and numbers of cards"""
        periods = {(k, f, r["DisqualificationDate"])
                   for k, p in self.before.items() for f, r in p.items()
                   if self.past(k, days(r)[1], today)}
        numbers = {self.pairs_before[k][0] for k, p in self.before.items()
                   if k in self.pairs_before and p
                   and all((k, f, days(r)[1]) in periods
                           for f, r in p.items())}
        return periods, {k: c["ProcessingNumber"]
                         for k, c in self.cards.items()
                         if c["ProcessingNumber"] in numbers}

    def purge(self, order, today):
        for key, f, end in order[0]:
            mine = self.periods.get(key, {})
            if f in mine and days(mine[f])[1] == end and \
                    self.past(key, end, today):
                del mine[f]
                self.dropped += 1
                if not mine:
                    self.pairs.pop(key, None)
        for card, number in order[1].items():
            people = {p for n, p in self.pairs.values() if n == number}
            if self.cards[card]["ProcessingNumber"] == number \
                    and len(people) != 1:
                del self.cards[card]
                self.dropped += 1

    def period(self, row, released=False):
        key = key_of(row)
        record = {k: v for k, v in row.items()
                  if k not in ("Change", "ChangeDate", "Key")}
        mine = self.periods.setdefault(key, {})
        name, change = record["QualificationDate"], row["Change"]
        stored = mine.get(name)
        if stored is None and self.over(days(record)[1]):
            return "unchanged", "N7019"
        if not released and any(who(r) != who(record) for r in mine.values()):
            return "held", "E7004"
        if change == "1" and stored is not None:
            if not released:
                return (("unchanged", "N7005") if stored == record
                        else ("refused", "E7001"))
            change = "2"
        if change != "1" and stored is None:
            return "refused", "E7002"
        after = dict(mine)
        if change == "9":
            del after[name]
        else:
            if change == "3":
                loss = {k: record.get(k) for k in
                        ("DisqualificationDate", "ReasonOfLoss")}
                record = {k: v for k, v in {**stored, **loss}.items() if v}
            after[name] = record
            if stored != record and any(
                    meet(days(record), days(r))
                    for f, r in mine.items() if f != name):
                return "refused", "E7003"
        state = "unchanged" if after == mine else KINDS[change]
        if released:
            before = after
            after = {f: {**r, "Sex1": row["Sex1"],
                         "Birthdate": row["Birthdate"]}
                     for f, r in after.items()}
            if state == "unchanged" and after != before:
                state = "amended"
        self.periods[key] = after
        return state, "N7005" if state == "unchanged" else ""

    def person(self, key, rows):
        """All that a full file says of one person."""
        mine = self.periods.get(key, {})
        fresh, said, keep = {}, [], False
        for number, row in rows:
            record = {k: v for k, v in row.items()
                      if k not in ("Change", "ChangeDate", "Key")}
            name, change = record["QualificationDate"], row["Change"]
            if change == "0":
                keep = True
                continue
            if name not in mine and self.over(days(record)[1]):
                result = "unchanged", "N7019"
            elif any(who(r) != who(record)
                   for r in list(mine.values()) + list(fresh.values())):
                result = "held", "E7004"
            elif change == "9":
                result = (("cancelled", "") if name in mine
                          else ("refused", "E7002"))
            elif any(meet(days(record), days(r)) for r in fresh.values()):
                result = "refused", "E7003"
            else:
                fresh[name] = record
                if name not in mine:
                    result = "added", ""
                elif mine[name] == record:
                    result = "unchanged", "N7005"
                else:
                    result = "lost" if change == "3" else "amended", ""
            said.append((number, row["QualificationDate"]) + result)
        if keep or any(r[2] in REFUSED for r in said):
            return [(n, s, c) if s in REFUSED or s == "unchanged"
                    else (n, "refused", "E7007") for n, _, s, c in said]
        self.removed += len(set(mine) - {f for _, f, _, _ in said})
        self.periods[key] = fresh
        return [(n, s, c) for n, _, s, c in said]

    def full(self, rows, scopes):
        """rows of the scopes only"""
        people, results = {}, []
        for number, row in rows:
            people.setdefault(key_of(row), []).append((number, row))
        for key in list(self.periods):
            if key[:9] in scopes and key not in people:
                self.removed += len(self.periods.pop(key))
        for key, said in people.items():
            results += self.person(key, said)
        return results

    @staticmethod
    def put(table, key, value):
        if table.get(key) == value:
            return "unchanged", "N7005"
        state = "amended" if key in table else "added"
        table[key] = value
        return state, ""

    def apply(self, kind, row, released=False):
        if kind == "period":
            return self.period(row, released)
        if kind == "rekey":
            return self.move(row["Key"], row["To"])
        if kind == "pair":
            return self.put(self.pairs, row["Key"],
                            (row["ProcessingNumber"], row["Pseudonym"]))
        if kind == "card":
            key = row["CaKeyId"], int(row["SerialNumber"], 16)
            stored = self.cards.get(key)
            if stored and not released:
                if stored["ProcessingNumber"] != row["ProcessingNumber"]:
                    if stored["LinkState"] == "1":  # answered for neither
                        self.cards[key] = {**stored, "LinkState": "8"}
                    return "held", "E7006"
                if stored["LinkState"] == "8" and row["LinkState"] == "1":
                    row = {**row, "LinkState": "8"}
            return self.put(self.cards, key, row)
        return self.put(self.institutions, row["InstitutionCode"], row)

    def tonight(self, today, wishes):
        """The state of the night before, and the new keys that nobody may
        move to"""
        self.today = today
        self.before = {k: dict(p) for k, p in self.periods.items()}
        self.pairs_before = dict(self.pairs)
        self.taken = {to for to in wishes if wishes.count(to) > 1
                      or self.periods.get(to)}

    def move(self, old, new):
        if new in self.taken:
            return "refused", "E7016"
        if not self.periods.get(old) and old not in self.pairs:
            return "refused", "E7002"
        self.periods[new] = {
            f: {**r, "InsurerCode": new[1:9], "PersonId": new[9:]}
            for f, r in self.periods.pop(old, {}).items()}
        if old in self.pairs:
            self.pairs.setdefault(new, self.pairs[old])
            del self.pairs[old]
        return "amended", ""

    def upload(self, name, kind, rows, scopes):
        """[(number, state, code)]; what is held is remembered."""
        inside = [r for r in rows if kind == "period"
                  and key_of(r[1])[:9] in scopes]
        results = self.full(inside, scopes)
        told = [r[0] for r in inside]
        results += [(number,) + self.apply(kind, row)
                    for number, row in rows if number not in told]
        by_number = dict(rows)
        for number, state, code in results:
            if state == "held":
                self.holds[name, number] = (kind, by_number[number], code)
        return sorted(results)

    def verdict(self, word, name, number):
        kind, row, _ = self.holds.pop((name, number))
        if word == "drop":
            if kind == "card":
                key = row["CaKeyId"], int(row["SerialNumber"], 16)
                if self.cards[key]["LinkState"] == "8":
                    self.cards[key] = {**self.cards[key], "LinkState": "1"}
            return "refused", "E7014"
        return self.apply(kind, row, True)


def uploads(text):
    """(day, sequence, sender, feed), kind, rows in order of record, scopes"""
    found = []
    for line in text.splitlines():
        item = line.split("\t")
        if item[0] == "upload":
            found.append(((item[3], int(item[4]), item[1], item[2]), item[5],
                          [], item[6:]))
        elif line:
            found[-1][2].append((int(item[0]), dict(
                i.split("=", 1) for i in item[1:])))
    return sorted(found, key=lambda u: u[:2])


def stem(u):
    return "%s_%s_%s_%04d" % (u[2], u[3], u[0], u[1])


def order_of(name):
    sender, feed, when, seq = name.split("_")
    return when, int(seq), sender, feed


def run_model(texts, times):
    """texts: (changes, verdicts, purge, forever) of each night, a generation each"""
    model, results, counts, cover = Model(*times), {}, {}, {}
    for g, (text, words, purge, forever) in enumerate(texts, 1):
        model.delete_days, model.left_days = (0, 0) if forever else times
        touched, paired, linked = [], set(), {}

        def told(name, rows, removed, kind, by_number):
            for n, s, _ in rows:
                if kind == "card":
                    row = by_number[n]
                    card = row["CaKeyId"], int(row["SerialNumber"], 16)
                    linked.setdefault(card, None)
                    if s in ("added", "amended"):
                        linked[card] = name, n
                if s not in ("added", "amended", "lost"):
                    continue
                row = by_number[n]
                if kind == "period":
                    touched.append((
                        key_of(row), row["QualificationDate"], name, n))
                elif kind == "pair":
                    paired.add(row["Key"])
            now = results.setdefault((g, name), [])
            now += [("%d" % n, s, c) for n, s, c in rows]
            now.sort(key=lambda r: int(r[0]))
            c = counts.setdefault((g, name), {})
            for _, s, _ in rows:
                c[s] = c.get(s, 0) + 1
            c["read"] = c.get("read", 0) + len(rows)
            c["removed"] = c.get("removed", 0) + removed
        words = [w.split() for w in words.splitlines()]
        words = sorted(words, key=lambda w: (order_of(w[1]), int(w[2])))
        files = uploads(text)
        model.tonight("202608%02d" % g, [r["To"] for _, kind, rows, _ in files
                       if kind == "rekey" for _, r in rows])
        order = model.order_purge(purge.strip()) if purge else None
        # what moves is at its new key before that key's own changes
        for letter in "CE":
            for word, name, number in words:
                number = int(number)
                kind, row, _ = model.holds.get((name, number), (0, 0, 0))
                if kind and key_of(row)[0] == letter:
                    told(name, [(number,) + model.verdict(
                        word, name, number)], 0, kind, {number: row})
            for u, kind, rows, scopes in files:
                model.removed = 0
                rows = [r for r in rows if key_of(r[1])[0] == letter]
                said = model.upload(stem(u), kind, rows,
                                    [s for s in scopes if s[0] == letter])
                told(stem(u), said, model.removed, kind, dict(rows))
        if order is not None:
            model.purge(order, model.today)
        wait(model, linked, results, g)
        cover[g] = facts(model, touched, paired, results, g) if g > 1 else []
    return model, results, counts, cover


def wait(model, linked, results, g):
    """Cards of people who are not registered; told to whoever linked them"""
    known = {number for number, _ in model.pairs.values()}
    before, model.waiting = model.waiting, {}
    for card in set(before) | set(linked):
        link = model.cards.get(card)
        if not link or link["LinkState"] not in "18" or \
                link.get("ValidUntil", FAR) <= "202608%02d" % g or \
                link["ProcessingNumber"] in known:
            continue
        model.waiting[card] = before.get(card, "202608%02d" % g)
        if linked.get(card):
            name, number = linked[card]
            results[g, name] = [
                (n, s, "W7017" if n == "%d" % number else c)
                for n, s, c in results[g, name]]


def city(record):
    """Prefecture of a municipality's record, or None"""
    number = record["InsurerNumber"]
    return number[:2] if len(number) == 6 and number[2] != "3" else None


def facts(model, touched, paired, results, g):
    """What is told of persons at several insurers; rows of cover.csv"""
    people, found, cover = {}, {}, set()
    for key, (_, pseudonym) in model.pairs.items():
        people.setdefault(pseudonym, []).extend(
            (key, f, r) for f, r in model.periods.get(key, {}).items())
    for periods in people.values():
        for a in periods:
            for b in periods:
                if a[0] == b[0]:
                    continue
                if meet(days(a[2]), days(b[2])):
                    found.setdefault(a[:2], set()).add((b[:2], "W7008"))
                end = a[2].get("DisqualificationDate")
                if city(a[2]) is None or end is None or \
                        "ReasonOfLoss" in a[2]:
                    continue
                # the first cover in the prefecture from that day on
                rest = [c for c in periods if city(c[2]) == city(a[2])
                        and days(c[2])[1] > end]
                first = min([c[1] for c in rest], default=FAR)
                if b in rest and b[1] == first and first > end:
                    found.setdefault(a[:2], set()).add((b[:2], "W7009"))
                    found.setdefault(b[:2], set()).add((a[:2], "W7009"))
    for key, day_, name, number in touched:
        codes = {c for _, c in found.get((key, day_), ())}
        if codes:
            rows = results[g, name]
            i = [r[0] for r in rows].index("%d" % number)
            rows[i] = rows[i][:2] + (min(codes),)
    those = {t[:2] for t in touched} | {p for p in found if p[0] in paired}
    for p in those:
        for other, code in found.get(p, ()):
            cover |= {p + (code,), other + (code,)}
    return [(k[1:9], k[9:], f, c) for k, f, c in sorted(cover)]




# ---- what is on disk ----

def snapshot(root, kind):
    manifest = open(os.path.join(root, "snapshots/current/manifest.yaml"),
                    encoding="utf-8").read()
    name = [w.strip('"') for w in manifest.split()
            if w.strip('"').startswith(kind + "-")][0]
    db = sqlite3.connect("file:%s?mode=ro" % os.path.join(
        root, "snapshots", name), uri=True)
    db.row_factory = sqlite3.Row
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    return db


def plain(row, skip=()):
    return {k: row[k] for k in row.keys()
            if row[k] is not None and k not in skip}


def serial(value):
    return value if isinstance(value, int) else int.from_bytes(value, "big")


def held_list(root):
    lists = sorted(glob.glob(os.path.join(root, "reflection/g*/held.csv")))
    with open(lists[-1], encoding="utf-8-sig", newline="") as f:
        return list(csv.DictReader(f))


failed = passed = 0


def same(what, want, got):
    global failed, passed
    if want == got:
        passed += 1
        return
    failed += 1
    print("FAILED: " + what)
    for k in sorted(set(want) | set(got), key=str):
        if want.get(k) != got.get(k):
            print("  %s\n    want %s\n    got  %s" % (
                k, want.get(k), got.get(k)))
            break


def check(root, texts):
    model, results, counts, cover = run_model(
        texts, retention(os.path.join(root, "..")))
    q = snapshot(root, "qualification")
    want = {(k, f): r for k, p in model.periods.items() for f, r in p.items()}
    same("periods", want, {
        (r["key"], r["QualificationDate"]): plain(r, ("key",))
        for r in q.execute("SELECT * FROM period")})
    same("pairs", model.pairs, {
        r["key"]: (r["processing_number"], r["pseudonym"].hex())
        for r in q.execute("SELECT * FROM person")})
    same("person to keys", {(p, k): 1 for k, (_, p) in model.pairs.items()}, {
        (r["pseudonym"].hex(), r["key"]): 1
        for r in q.execute("SELECT * FROM pseudonym")})
    same("numbers to person", {pair: 1 for pair in model.pairs.values()}, {
        (r["processing_number"], r["pseudonym"].hex()): 1
        for r in q.execute("SELECT * FROM pairing")})
    same("printed", {k: 1 for k, _ in want}, {
        r["key"]: 1 for r in q.execute("SELECT * FROM printed")})
    faces = {}
    for r in q.execute("SELECT * FROM printed"):
        faces.setdefault(r["hash"], set()).add(r["key"])
    expect = {}
    for (k, _), r in want.items():
        expect.setdefault((r["InsurerNumber"],
                           r["InsuredIdentificationNumber"],
                           r["Birthdate"]), set()).add(k)
    same("one hash per card face",
         {i: s for i, s in enumerate(sorted(map(sorted, expect.values())))},
         {i: s for i, s in enumerate(sorted(map(sorted, faces.values())))})
    c = snapshot(root, "cards")
    same("cards", {k: {f: v for f, v in r.items()
                       if f not in ("CaKeyId", "SerialNumber")}
                   for k, r in model.cards.items()}, {
        (r["ski"], serial(r["serial"])): plain(r, ("ca", "serial", "ski"))
        for r in c.execute(
            "SELECT card.*, ski FROM card JOIN ca ON ca.id = card.ca")})
    same("cards that wait", model.waiting, {
        (r["ski"], serial(r["serial"])): r["since"] for r in c.execute(
            "SELECT waiting.*, ski FROM waiting JOIN ca ON ca.id = waiting.ca")})
    i = snapshot(root, "institutions")
    same("institutions", model.institutions, {
        r["InstitutionCode"]: plain(r)
        for r in i.execute("SELECT * FROM institution")})
    got, got_counts, got_cover = {}, {}, {}
    for path in glob.glob(os.path.join(root, "reflection/g*/*.csv")):
        g = int(os.path.basename(os.path.dirname(path))[1:])
        with open(path, encoding="utf-8-sig", newline="") as f:
            rows = list(csv.DictReader(f))
        name = os.path.basename(path)[:-4]
        if name == "counts":
            for r in rows:
                got_counts[g, r["File"]] = {
                    k.lower(): int(v) for k, v in r.items()
                    if k != "File" and (v != "0" or k in ("Read", "Removed"))}
        if name == "cover":
            got_cover[g] = [(r["InsurerCode"], r["PersonId"],
                             r["QualificationDate"], r["Code"]) for r in rows]
        if "_" not in name:
            continue
        got[g, name] = [(r["RecordNumber"], r["State"], r["Code"])
                        for r in rows]
        if any(r["File"] != name or r["Generation"] != "%d" % g
               for r in rows):
            got[g, name].append("another file's rows")
    same("reflection results", {k: sorted(v, key=lambda r: int(r[0]))
                                for k, v in results.items()}, got)
    same("counts", counts, got_counts)
    db = sqlite3.connect("file:%s?mode=ro" % os.path.join(
        root, "ledger.sqlite"), uri=True)
    db.row_factory = sqlite3.Row
    books = {}
    for r in db.execute("SELECT * FROM reflection"):
        name = stem((r["day"].replace("-", ""), r["sequence"], r["sender"],
                     r["feed"]))
        books[r["generation"], name] = {
            k: r[k] for k in r.keys()[5:] if r[k] or k in ("read", "removed")}
    same("the ledger has the counts", counts, books)
    same("cover at two insurers", cover, got_cover)
    same("records on hold", {k: v[2] for k, v in model.holds.items()}, {
        (r["File"], int(r["RecordNumber"])): r["Code"]
        for r in held_list(root)})
    for c in got_counts.values():
        if c["read"] != sum(n for k, n in c.items()
                            if k not in ("read", "removed")):
            same("the books of an upload balance", c, {})
    results = {name: rows for (_, name), rows in results.items()}
    for name, rows in results.items():
        path = os.path.join(root, "box", name.split("_")[0], "out",
                            name + ".reflection.csv")
        own = "_link_" in name or "_iryokikan_" in name
        if os.path.exists(path) != own:
            same("out box of " + name, {"there": own},
                 {"there": os.path.exists(path)})
    states = sorted({r[1] for rows in results.values() for r in rows})
    print("model: %d passed, %d failed; %d people, %d periods, %d held, "
          "%d told, %d dropped, states %s" % (
              passed, failed, len(model.periods), len(want), len(model.holds),
              sum(map(len, cover.values())), model.dropped,
              " ".join(states)))


# ---- the files of the senders themselves ----

SHIKAKU = """RecordType RecordNumber Change ChangeDate InsurerCode PersonId
ProcessingNumber InsuredCardClassification InsurerNumber InsuredCardSymbol
InsuredIdentificationNumber InsuredBranchNumber PersonalFamilyClassification
InsuredName Name NameOfOther NameKana NameOfOtherKana Sex1 Sex2 Birthdate
PostNumber Address QualificationDate DisqualificationDate ReasonOfLoss
InsuredCertificateIssuanceDate InsuredCardValidDate InsuredCardExpirationDate
InsuredCardReturnDate InsuredPartialContributionRatio PreschoolClassification
ElderlyRecipientCertificateDate ElderlyRecipientValidStartDate
ElderlyRecipientValidEndDate ElderlyRecipientContributionRatio""".split()
CODES = """RecordType RecordNumber InsurerCode PersonId ProcessingNumber
Result ResultDate AgencyCode""".split()
HOUSEHOLD = [1, 9, 6, 15, 120, 1, 8, 1, 8, 8, 300]
PERSON = [1, 9, 6, 20, 15, 15, 1, 8, 64, 2, 40, 40, 2, 1, 120, 120, 1, 8, 8,
          2, 8, 2, 8, 8, 8, 8, 8, 1, 8, 8, 8, 3]
# what no repertoire and no width conversion can have changed
COMPARED = """QualificationDate DisqualificationDate ReasonOfLoss Sex1 Birthdate
InsurerNumber ProcessingNumber InsuredBranchNumber InsuredCardClassification
InsuredCardExpirationDate ElderlyRecipientContributionRatio""".split()


def data_rows(path, charset, names):
    if path.endswith(".xml"):
        for e in ET.parse(path).getroot().iter("Record"):
            yield {c.tag: c.text or "" for c in e}
        return
    with open(path, encoding=charset, newline="") as f:
        for row in csv.reader(f):
            if row and row[0] == "2":
                yield dict(zip(names, row))


def fixed_rows(path, widths):
    with open(path, "rb") as f:
        for line in f.read().split(b"\r\n"):
            if line[:1] != b"2":
                continue
            row, at = [], 0
            for w in widths:
                row.append(line[at:at + w].decode("cp932").strip(" \u3000"))
                at += w
            yield row


def nhi_rows(folder):
    houses = {(h[2], h[3]): h for h in fixed_rows(
        os.path.join(folder, "0001.txt"), HOUSEHOLD)}
    for p in fixed_rows(os.path.join(folder, "0002.txt"), PERSON):
        number = houses[p[2], p[5]][6].zfill(8)
        yield {"Key": "C" + number + p[3], "InsurerNumber": number[2:],
               "Change": p[6], "ProcessingNumber": p[8],
               "InsuredCardClassification": p[9], "InsuredBranchNumber": p[12],
               "Name": p[14], "Sex1": p[16], "Birthdate": p[17],
               "QualificationDate": p[22] or p[18],
               "DisqualificationDate": p[23] or p[20], "ReasonOfLoss": p[21],
               "InsuredCardExpirationDate": p[26],
               "ElderlyRecipientContributionRatio": p[31],
               "rest": "|".join(p[9:] + houses[p[2], p[5]][4:])}


def read_ready(site, ready):
    with open(os.path.join(site, "masters/insurers.csv"),
              encoding="utf-8-sig", newline="") as f:
        letter = {r["InsurerCode"]: "C" if r["Scheme"] == "nhi_city" else "E"
                  for r in csv.DictReader(f)}
    with open(os.path.join(site, "pki/pseudonym.hex"), encoding="ascii") as f:
        secret = bytes.fromhex(f.read().strip())
    found = []
    for name in os.listdir(ready):
        sender, feed, day_, seq = name.split("_")
        folder = os.path.join(ready, name)
        text = open(os.path.join(folder, "manifest.yaml"),
                    encoding="utf-8").read()
        charset = "cp932" if "charset: cp932" in text else "utf-8-sig"
        member = glob.glob(os.path.join(folder, "0001.*"))[0]
        kind, rows = "period", []
        if feed == "nhi":
            rows = list(nhi_rows(folder))
        elif feed == "shikaku":
            rows = list(data_rows(member, charset, SHIKAKU))
            for r in rows:
                r.pop("RecordType", None)
                r.pop("RecordNumber", None)
        elif feed == "codes":
            kind = "pair"
            for r in data_rows(member, charset, CODES):
                if r["Result"] != "1":
                    continue
                rows.append({
                    "Key": letter[r["InsurerCode"]] + r["InsurerCode"]
                           + r["PersonId"],
                    "ProcessingNumber": r["ProcessingNumber"],
                    "Pseudonym": hmac.new(
                        secret, r["AgencyCode"].encode(),
                        hashlib.sha256).hexdigest()[:32]})
        found.append(((day_, int(seq), sender, feed), kind, [
            {k: v for k, v in r.items() if v} for r in rows]))
    return sorted(found, key=lambda u: u[:2])


def check_files(site, readies):
    model, states = Model(*retention(site)), {}
    for n, ready in enumerate(readies, 1):
        model.tonight("202608%02d" % n, [])
        for u, kind, rows in read_ready(site, ready):
            for row in rows:
                state = model.apply(kind, row)[0]
                count = states.setdefault(stem(u), {})
                count[state] = count.get(state, 0) + 1
    root = os.path.join(site, "qualification")
    q = snapshot(root, "qualification")
    want = {(k, f): {n: r[n] for n in COMPARED if n in r}
            for k, p in model.periods.items() for f, r in p.items()}
    same("periods", want, {
        (r["key"], r["QualificationDate"]): {
            n: r[n] for n in COMPARED if r[n] is not None}
        for r in q.execute("SELECT * FROM period")})
    same("pairs", model.pairs, {
        r["key"]: (r["processing_number"], r["pseudonym"].hex())
        for r in q.execute("SELECT * FROM person")})
    got = {}
    for path in glob.glob(os.path.join(root, "reflection/g*/*.csv")):
        name = os.path.basename(path)[:-4]
        if "_link_" in name or "_iryokikan_" in name or "_" not in name:
            continue
        with open(path, encoding="utf-8-sig", newline="") as f:
            for r in csv.DictReader(f):
                count = got.setdefault(name, {})
                count[r["State"]] = count.get(r["State"], 0) + 1
    same("reflection results", states, got)
    print("model: %d passed, %d failed; %d periods, %d pairs, %d uploads" % (
        passed, failed, len(want), len(model.pairs), len(states)))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        sys.stdout.write(make(int(sys.argv[2]), int(sys.argv[3])))
    elif sys.argv[1] == "files":
        check_files(sys.argv[2], sys.argv[3:])
        sys.exit(failed != 0)
    elif sys.argv[1] == "verdicts":
        verdicts(sys.argv[2], sys.argv[3])
    else:
        check(sys.argv[2], [
            tuple(open(t, encoding="utf-8").read() if os.path.exists(t) else ""
                  for t in (name, name + ".verdicts", name + ".purge",
                            name + ".forever"))
            for name in sys.argv[3:]])
        sys.exit(failed != 0)
