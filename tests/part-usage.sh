#!/bin/bash
# collect and report over journals made here, line by line, by a second
# definition of the chain (Python): what they count is counted again by awk.
. "$(dirname "$0")/part.sh"
W=$B/part-usage
rm -rf "$W"
mkdir -p "$W/pki"
tests/site.sh "$W"
printf 'statistics:\n  below: 0\n' >>"$W/site.yaml" # what is hidden: tests/part-statistics.sh
Q=$W/qualification
mkdir -p "$Q/journal"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj '/CN=TEST site' -keyout "$W/pki/site-ca.key" -out "$W/pki/site-ca.pem" 2>/dev/null
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\ndefault_md=sha256\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n' \
    "$W/pki/index" "$W/pki/number" >"$W/pki/ca.cnf"
: >"$W/pki/index"
echo 01 >"$W/pki/number"
openssl ca -config "$W/pki/ca.cnf" -gencrl -crldays 30 -keyfile "$W/pki/site-ca.key" \
    -cert "$W/pki/site-ca.pem" -out "$W/pki/site-ca.crl" 2>/dev/null
printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n' >"$W/pki/leaf.cnf"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=TEST publisher' \
    -keyout "$W/pki/publish.key" -out "$W/pki/publish.csr" 2>/dev/null
openssl x509 -req -in "$W/pki/publish.csr" -CA "$W/pki/site-ca.pem" -CAkey "$W/pki/site-ca.key" -days 365 \
    -extfile "$W/pki/leaf.cnf" -out "$W/pki/publish.pem" 2>/dev/null
chmod 600 "$W/pki/publish.key"
mkdir -p "$W/masters" # whose own pages report writes
printf 'Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\r\n06139992,intermediate,shikaku,TEST,,\r\n' >"$W/masters/senders.csv"
printf 'InsurerNumber,InsurerCode,Scheme,InsurerName,Prefecture,Sender\r\n06139992,06139992,society,TEST,13,06139992\r\n' >"$W/masters/insurers.csv"

cat >"$W/journal.py" <<'END'
import hashlib, sys
NAMES = ("At,Worker,Sequence,Request,InstitutionCode,Terminal,Kind,ConfirmationDate,Status,Code,Validity,"
    "InsurerCode,Generation,CrlNumber,CrlUpdate,CardResult,CaKeyId,SerialHash,Micros,Chain")
def write(folder, day, worker, rows, mode="w"):
    name = "usage-%s.%d.log" % (day, worker)
    path = folder + "/" + name
    chain, n = hashlib.sha256(name.encode()).hexdigest()[:16], 0
    if mode == "a":
        last = open(path).read().rstrip("\n").split("\n")[-1]
        chain, n = last.rsplit(",", 1)[1], int(last.split(",")[2])
    f = open(path, mode)
    if mode == "w":
        f.write(NAMES + "\n")
    for r in rows:
        n += 1
        line = r.replace("W,S", "%d,%d" % (worker, n))
        chain = hashlib.sha256((chain + line).encode()).hexdigest()[:16]
        f.write(line + "," + chain + "\n")
def number(at, request, code="", validity="1", kind="number"):
    return "%s,W,S,%s,1310000011,0a,%s,20260801,200,%s,%s,06130012,1,,,,,,120" % (at, request, kind, code, validity)
def card(at, request, result, institution="2710000011"):
    code = {"valid": "", "revoked": "OE3004", "unknown": "OE9003", "notlinked": "OE3005"}[result]
    return "%s,W,S,%s,%s,0b,card,20260801,200,%s,%s,06130012,1,03e8,2026-08-01T18:00:00.000+09:00,%s,%s,%s,350" % (
        at, request, institution, code, "" if code else "1", result, "ab" * 20, "0123456789abcdef")
END
make_day() {
	python3 - "$W" "$Q/journal" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from journal import *
j = sys.argv[2]
t = "2026-08-01T%02d:%02d:00.000+09:00"
a = [number(t % (8, i), "%016x" % i) for i in range(20)]
a += [card(t % (9, i), "%016x" % (100 + i), "valid") for i in range(7)]
a += [number(t % (10, i), "%016x" % (200 + i), "OE2014", "") for i in range(3)]
b = [card(t % (9, 30 + i), "%016x" % (300 + i), r) for i, r in enumerate(["revoked", "notlinked", "unknown", "valid"])]
b += [card(t % (9, 40), "%016x" % 303, "valid")]  # the same 取引ID again
write(j, "20260801", 0, a)
write(j, "20260801", 1, b)
END
}
make_day
lines() { cat "$Q"/journal/usage-"$1".*.log | grep -vc '^At,'; }
field() { sed -n "s/.* $1=\([0-9]*\).*/\1/p"; }
run() { # PROGRAM ARGS -> output in $out, status in $status
	out=$("$B/shikaku-$1" -c "$W/site.yaml" "${@:2}" 2>"$W/err")
	status=$?
}

# ---- collect ----
run collect -D 2026-08-01
is 'first collect' 0 "$status"
is 'collect reads every line' "$(lines 20260801)" "$(field read <<<"$out")"
csv=$Q/out/usage/riyo-20260801.csv
detail() { tail -n +2 "$1" | grep -c '^"\{0,1\}2"\{0,1\},'; }
# 12 card questions: a check each, and a provision for the 9 valid ones
want=$(awk -F, 'FNR > 1 && $16 != "" { n++; if ($16 == "valid") n++ } END { print n }' "$Q"/journal/usage-20260801.*.log)
is 'detail records' "$want" "$(detail "$csv")"
is 'trailer counts them' "$want" "$(tail -n 1 "$csv" | tr -d '"\r' | cut -d, -f2)"
is 'control total' "$want" "$(tail -n 1 "$csv" | tr -d '"\r' | cut -d, -f3)"
billing() { tr -d '"\r' <"$1" | awk -F, -v c="$2" '$1 == 2 && $14 == c' | wc -l; }
is 'retries of one 取引ID' 2 "$(billing "$csv" 2)"
is 'checks without a result' 1 "$(billing "$csv" 9)"
is 'billable' $((want - 3)) "$(billing "$csv" 1)"
is 'records stand by time of use' "$(tr -d '"\r' <"$csv" | awk -F, '$1 == 2 { print $3 }' | sort | cksum)" \
    "$(tr -d '"\r' <"$csv" | awk -F, '$1 == 2 { print $3 }' | cksum)"
before=$(cat "$Q"/out/usage/* | cksum)
run collect -D 2026-08-01
is 'second collect has nothing to do' 1 "$status"
is 'and changes nothing' "$before" "$(cat "$Q"/out/usage/* | cksum)"

# ---- late lines go into the next file ----
python3 - "$W" "$Q/journal" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from journal import *
write(sys.argv[2], "20260801", 1, [card("2026-08-01T20:59:59.000+09:00", "%016x" % 400, "valid")], "a")
write(sys.argv[2], "20260802", 0, [card("2026-08-02T09:00:00.000+09:00", "%016x" % 500, "revoked"),
    number("2026-08-02T09:00:01.000+09:00", "%016x" % 501)])
END
run collect -D 2026-08-02
is 'collect of the next day' 0 "$status"
is 'late lines are told' 1 "$(field late <<<"$out")"
is 'two of the late line, one of the day' 3 "$(detail "$Q/out/usage/riyo-20260802.csv")"
is 'the late one keeps its own time' 2 "$(grep -c '2026-08-01T20:59:59' "$Q/out/usage/riyo-20260802.csv")"
is 'the closed file is not touched' "$before" "$(cat "$Q"/out/usage/riyo-20260801.* | cksum)"

# ---- report ----
run report -D 2026-08-01
is 'report' 0 "$status"
stat=$Q/out/statistics/statistics-20260801.csv
is 'byte-order mark' 'efbbbf' "$(head -c 3 "$stat" | od -An -tx1 | tr -d ' ')"
# table, both keys, value
figures() {
	python3 - "$stat" "$1" <<'END' | sort
import csv, sys
for v in csv.DictReader(open(sys.argv[1], encoding="utf-8-sig", newline="")):
    if v["Table"] == sys.argv[2]:
        print(*[x for x in (v["Key1"], v["Key2"], v["Value"]) if x])
END
}
sum() { figures "$1" | awk '{ n += $NF } END { print n + 0 }'; }
for t in $(tr -d '"\r' <"$stat" | cut -d, -f1 | grep '^questions' | sort -u); do
	is "sum of $t" "$(lines 20260801)" "$(sum "$t")"
done
is 'twelve tables of questions' 12 "$(tr -d '"\r' <"$stat" | cut -d, -f1 | grep '^questions' | sort -u | wc -l)"
again() { # AWK EXPRESSION of the keys
	# shellcheck disable=SC2016
	awk -F, "FNR > 1 { k = $1; n[k]++ } END { for (k in n) print k, n[k] }" "$Q"/journal/usage-20260801.*.log | sort
}
is 'by hour and kind, counted again' "$(again 'substr($1, 12, 2) " " $7')" "$(figures questions_by_hour_and_kind)"
is 'by refusal' "$(again '($10 == "" ? "none" : $10)')" "$(figures questions_by_code)"
is 'by answer and kind' "$(again '($10 != "" ? "refused" : $11 == "" ? "none" : $11) " " $7')" "$(figures questions_by_answer_and_kind)"
is 'by institution' "$(again '($5 == "" ? "none" : $5)')" "$(figures questions_by_institution)"
is 'no hash and no number of a person in it' 0 "$(grep -cE '0123456789abcdef|abababab' "$stat")"
sum1=$(cksum <"$stat")
run report -D 2026-08-01
is 'second report has nothing to do' 1 "$status"
is 'and changes nothing' "$sum1" "$(cksum <"$stat")"
is 'metrics are there' 1 "$(grep -c "^shikaku_questions $(lines 20260801)\$" "$Q/out/metrics.prom")"

# ---- a journal somebody changed ----
cp "$Q/journal/usage-20260802.0.log" "$W/keep.log"
sed -i '2s/revoked/expired/' "$Q/journal/usage-20260802.0.log"
run collect -D 2026-08-03
is 'a changed journal stops collect' 36 "$status"
is 'with its code' 1 "$(grep -c 'F4009' "$W/err")"
is 'nothing is written' no "$([ -e "$Q/out/usage/riyo-20260803.csv" ] && echo yes || echo no)"
run report -D 2026-08-02
is 'and report' 36 "$status"
cp "$W/keep.log" "$Q/journal/usage-20260802.0.log"
printf '2026-08-02T10:00:00.000+09:00,0,3,cut' >>"$Q/journal/usage-20260802.0.log"
run collect -D 2026-08-03
is 'a line cut by a crash is left alone' 0 "$status"
is 'a day without questions has an empty file' 0 "$(detail "$Q/out/usage/riyo-20260803.csv")"
run collect -D 2036-01-01
is 'a day that has not come' 9 "$status"
part_end
