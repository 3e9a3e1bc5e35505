#!/usr/bin/env python3
"""Files of a federation that goes over from 市町村被保険者ID to 被保険者枝番, for
part-rekey.sh: rekey.py SNAPSHOT OUT

  OUT/rekey.csv            everybody of 130013 and 130021, and at the end what
                           cannot be: see `wrong`
  OUT/nhi_household.txt    a change of the same night under the new keys: the
  OUT/nhi_person.txt       first person of 130013 has another name
  OUT/other/rekey.csv      another federation's people, a card holder among them
"""
import os
import sqlite3
import sys

os.environ["DAY"] = "20260802"
sys.path.insert(0, os.path.dirname(__file__))
from ingest import HOUSEHOLD, PERSON, csv, frames  # noqa: E402

SENDER = "KOKUHO13"
snapshot, out = sys.argv[1:]
db = sqlite3.connect("file:%s?mode=ro" % snapshot, uri=True)


def put(name, data):
    with open(os.path.join(out, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def new_id(code, old):
    return "E%s%s" % (code[-4:], old)


rows = []
for number, code, id_ in db.execute(
        "SELECT DISTINCT InsurerNumber, substr(key, 2, 8), substr(key, 10)"
        " FROM period WHERE key GLOB 'C0013*' UNION"
        " SELECT '130013', substr(key, 2, 8), substr(key, 10) FROM person"
        " WHERE key GLOB 'C00130013*' UNION"
        " SELECT '130021', substr(key, 2, 8), substr(key, 10) FROM person"
        " WHERE key GLOB 'C00130021*' ORDER BY 2, 3"):
    rows.append([number, id_, code, new_id(code, id_)])
good = len(rows)
wrong = [
    ["130013", "NOBODY", "00130013", "EN1"],  # E7002 in the night
    [rows[0][0], rows[0][1], rows[0][2], "EN2"],  # E6001: the old key again
    ["270017", "X1", "00270017", "EN3"],  # E1208: another federation's
    ["130013", "X2", "00130021", "EN4"],  # E2212
    ["06139992", "X3", "00130013", "EN5"],  # E2210: no municipality
    ["130013", "", "00130013", "EN6"],  # E1101
]
twins = [["130013", "TWIN%d" % n, "00130013", "ETWIN"] for n in (1, 2)]
everything = [["2", str(n + 1)] + r for n, r in enumerate(rows + wrong + twins)]
put("rekey.csv", csv(SENDER, "rekey", 1, everything))
os.makedirs(out + "/other", exist_ok=True)
put("other/rekey.csv", csv("KOKUHO15", "rekey", 1, [
    ["2", str(n + 1), number, id_, code, new_id(code, id_)]
    for n, (number, code, id_) in enumerate(db.execute(
        "SELECT DISTINCT InsurerNumber, substr(key, 2, 8), substr(key, 10)"
        " FROM period WHERE key GLOB 'C0015*'"))]))
print(good)

# 変更 of the whole record, as it is stored but for the name
names = {r[1]: i for i, r in enumerate(db.execute("PRAGMA table_info(period)"))}
p = db.execute("SELECT * FROM period WHERE key = ?",
               ("C" + rows[0][2] + rows[0][1],)).fetchone()


def v(name):
    return p[names[name]] or ""


house = ["2", "000000001", "131016", "000000001", v("InsuredName"), "",
         rows[0][0], "2", "20260802", v("PostNumber"), v("Address")]
one = ["2", "000000001", "131016", rows[0][3], "", "000000001", "2",
       "20260802", v("ProcessingNumber"), v("InsuredCardClassification"),
       v("InsuredCardSymbol"), v("InsuredIdentificationNumber"),
       v("InsuredBranchNumber"), v("PersonalFamilyClassification"),
       "移行　太郎", v("NameKana"), v("Sex1"), v("Birthdate"),
       v("QualificationDate"), v("ReasonOfLoss"), v("DisqualificationDate"),
       "", "", "", v("InsuredCertificateIssuanceDate"),
       v("InsuredCardValidDate"), v("InsuredCardExpirationDate"),
       v("PreschoolClassification"), v("ElderlyRecipientCertificateDate"),
       v("ElderlyRecipientValidStartDate"), v("ElderlyRecipientValidEndDate"),
       v("ElderlyRecipientContributionRatio")]
put("nhi_household.txt", frames(HOUSEHOLD, SENDER, 2, "131016", [house], 0))
put("nhi_person.txt", frames(PERSON, SENDER, 2, "131016", [one],
                             int(v("Birthdate"))))
