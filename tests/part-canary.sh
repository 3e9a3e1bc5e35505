#!/bin/bash
# A whole small night with known 機関別符号 and a known pseudonym key: no byte
# the night wrote on either side, and no argument of a program, has one of
# them, as it is, in hexadecimal or in base64. Only the pairing file may know
# them, and it has them sealed.
. "$(dirname "$0")/part.sh"
T=$B/part-canary
rm -rf "$T"
mkdir -p "$T"
S=$T/site I=$T/site/intermediate
D=2026-08-01
tests/site.sh "$S"
"$B/shikaku-sample" -c "$S/site.yaml" --people 1000 --seed 6 -D $D >/dev/null 2>&1
printf 'notice:\n  schemes: "society+nhi_city+kyokai"\n' >>"$S/site.yaml"
site() { "$@" 2>>"$S/log.txt"; }

# ---- a night; the arguments of all programs are kept ----
strace -f --seccomp-bpf -qq -s 4096 -e trace=execve -o "$T/execve.txt" \
    tests/night.sh "$S/site.yaml" $D intake ingest >"$S/night.txt" 2>&1
# what J-LIS sent, as intake laid it out: the codes are known from here
cut -d, -f8 "$I"/ready/JLIS0001_codes*/0001.csv | tr -d '"\r' | grep '^[0-9A-Za-z]\{8,\}$' | sort -u >"$T/codes"
is 'codes are known' 1 $(($(wc -l <"$T/codes") > 500))
# beside them a file with a code too long, one given twice, one of another
# person's number: the ways an error list could tell one
first=$(head -n 1 "$T/codes")
person=$(grep -m 1 "$first" "$I"/ready/JLIS0001_codes*/0001.csv | cut -d, -f3,4,5)
long=CANARYLONG$(printf '%060d' 7)
mkdir "$T/2" "$T/3"
in=${person%%,*}
cat >"$T/2/codes.csv" <<EOF
1,1,JLIS0001,codes,20260801,0002,
2,1,$person,1,20260801,CANARYOTHER0001
2,2,$in,WAIF1,N1,1,20260801,$long
2,3,$in,WAIF2,N2,2,20260801,CANARYSTATE0002
2,4,$in,WAIF3,N3,1,20260801,CANARYTWICE0003
2,5,$in,WAIF3,N3,1,20260801,CANARYTWICE0004
2,6,99999999,WAIF4,N4,1,20260801,CANARYNOBODY005
3,6,0
EOF
sed -i 's/$/\r/' "$T/2/codes.csv"
tests/send.sh "$S" JLIS0001 codes 20260801 2 "$T/2/codes.csv" >/dev/null
printf '%s\n' CANARYOTHER0001 "$long" CANARYSTATE0002 CANARYTWICE0003 CANARYTWICE0004 CANARYNOBODY005 >>"$T/codes"
strace -f --seccomp-bpf -qq -s 4096 -e trace=execve -o "$T/execve2.txt" \
    tests/night.sh "$S/site.yaml" $D intake codes codes-request codes-notice deliver intake ingest revoke rebuild deliver collect report >>"$S/night.txt" 2>&1
is 'the night ran' 1 "$(grep -c '^  rebuild .* 0  ' "$S/night.txt")"
# another key, and once more over
openssl rand -hex 32 >"$T/second.hex"
cp "$S/pki/pseudonym.hex" "$T/first.hex"
cp "$T/second.hex" "$S/pki/pseudonym.hex"
site "$B/shikaku-codes" rotate -c "$S/site.yaml" -D $D >>"$S/night.txt"
is 'and was taken up again under another key' 0 $?
tests/night.sh "$S/site.yaml" $D deliver intake ingest rebuild deliver >>"$S/night.txt" 2>&1
# what people look at
for f in "$I"/segments/*.pair.seg "$I"/box/JLIS0001/out/*; do
	site "$B/shikaku-inspect" "$f"
done >"$S/inspected.txt"
site "$B/shikaku-status" -c "$S/site.yaml" >"$S/status.txt"

# ---- the search ----
{
	cat "$T/codes"
	cat "$T/first.hex" "$T/second.hex" "$S/pki/pairing.hex"
} >"$T/secrets"
# every form that is text, as lines for grep; a key has its bytes too
python3 - "$T" <<'PY'
import base64, re, sys
forms = set()
for n, s in enumerate(open(sys.argv[1] + "/secrets").read().split()):
    key = re.fullmatch("[0-9a-f]{64}", s)
    raw = bytes.fromhex(s) if key else s.encode()
    forms |= {s.encode(), raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):  # wherever it begins among others
        b = base64.b64encode(b"\0" * shift + raw)
        forms.add(b[4 if shift else 0:(len(raw) + shift) // 3 * 4])
    if key:
        open("%s/key%d.bin" % (sys.argv[1], n), "wb").write(raw)
with open(sys.argv[1] + "/needles", "wb") as f:
    f.write(b"\n".join(sorted(x for x in forms if len(x) >= 8)) + b"\n")
PY
search() { # FILE...: those that have one
	LC_ALL=C grep -laFf "$T/needles" -- "$@"
	python3 - "$T" "$@" <<'PY'
import glob, sys
keys = [open(k, "rb").read() for k in glob.glob(sys.argv[1] + "/key*.bin")]
assert len(keys) == 3
for path in sys.argv[2:]:
    data = open(path, "rb").read()
    if any(k in data for k in keys):
        print(path)
PY
}
find "$S" -type f -not -path "$S/pki/*" >"$T/files"
mapfile -t files <"$T/files"
search "${files[@]}" "$T/execve.txt" "$T/execve2.txt" >"$T/found"
is 'nothing the night wrote has a code or a key' '' "$(cat "$T/found")"
is 'with thousands of needles, in hundreds of files' 1 $(($(wc -l <"$T/needles") > 3000 && ${#files[@]} > 300))
for what in box segments snapshots reflection pairing ledger.sqlite "done" log.txt night.txt codes.log; do
	is "looked into $what" 1 $(($(grep -c "/$what" "$T/files") > 0))
done
is 'the arguments of the programs were seen' 1 $(($(grep -c 'shikaku-codes' "$T/execve2.txt") >= 3))
# the search finds what is there: the same, raw, in hex, in base64, a key
printf 'x%sy' "$first" >"$T/raw"
printf 'x%sy' "$(printf %s "$first" | od -An -tx1 | tr -d ' \n')" >"$T/hex"
printf 'ab%s' "$first" | base64 >"$T/base64"
{ printf 'x\000y'; cat "$T"/key*.bin; } >"$T/bytes"
is 'what is planted is found' "$T/raw $T/hex $T/base64 $T/bytes" "$(search "$T/raw" "$T/hex" "$T/base64" "$T/bytes" | tr '\n' ' ' | sed 's/ $//')"
is 'the refused records were told, without their codes' 'E1102 E1208 E2104 E6001 E6005 ' "$(tail -n +2 "$I/box/JLIS0001/out/JLIS0001_codes_20260801_0002.errors.csv" | grep -o '"[EF][0-9]\{4\}"' | tr -d '"' | sort -u | tr '\n' ' ')"

# ---- no image of the process: a crash in the middle ----
rm -rf "$T/core"
mkdir "$T/core"
cp "$T/first.hex" "$S/pki/pseudonym.hex"
crash() { # PROGRAM...: how it ended
	(cd "$T/core" && ulimit -c unlimited && ASAN_OPTIONS="${ASAN_OPTIONS:-}:handle_segv=0:detect_leaks=0" strace -q -e trace=fsync,fdatasync -e inject=fsync,fdatasync:signal=SEGV:when=1 \
	    -o "$T/crash.txt" "$@" >/dev/null 2>&1)
	grep -o 'killed by SIG[A-Z]*.*' "$T/crash.txt"
}
sed 's/20260801,0002/20260801,0003/' "$T/2/codes.csv" >"$T/3/codes.csv"
tests/send.sh "$S" JLIS0001 codes 20260801 3 "$T/3/codes.csv" >/dev/null
tests/night.sh "$S/site.yaml" $D intake >/dev/null
abs() { (cd "$(dirname "$1")" && echo "$PWD/$(basename "$1")"); }
is 'a crash of shikaku-codes leaves no core' 'killed by SIGSEGV +++' "$(crash "$(abs "$B/shikaku-codes")" -c "$(abs "$S/site.yaml")" -D $D)"
is 'not in the folder either' '' "$(ls "$T/core")"

part_end
