#!/bin/bash
# shikaku-codes: who is asked for, what comes back, who is told by
# マイナポータル, another pseudonym key; and what a kill leaves to the next run.
. "$(dirname "$0")/part.sh"
T=$B/part-pairing
rm -rf "$T"
mkdir -p "$T"
S=$T/site I=$T/site/intermediate Q=$T/site/qualification
tests/site.sh "$S"
# who has only periods that ended long ago is asked for too, but is in no
# generation (shikaku-purge); here everybody stays
printf 'retention:\n  delete_days: 0\n  left_days: 0\n' >>"$S/site.yaml"
"$B/shikaku-sample" -c "$S/site.yaml" --people 1000 --seed 4 -D 2026-08-01 >/dev/null 2>&1
mv "$I"/box/JLIS0001/in/*codes* "$T/codes.p7m.held"
codes() { # WORD DAY ...: status; the summary's numbers by field
	word=$1 day=$2
	shift 2
	"$B/shikaku-codes" "$word" -c "$S/site.yaml" -D "2026-08-$day" "$@" >"$T/out" 2>"$T/err"
	status=$?
	! grep -q 'Sanitizer\|runtime error' "$T/err" || cat "$T/err"
}
field() { sed -n "s/.* $1=\([0-9]*\).*/\1/p" "$T/out"; }
night() { # DAY STEP...
	day=$1
	shift
	tests/night.sh "$S/site.yaml" "2026-08-$day" "$@" >"$T/night" 2>&1
}
P=$I/pairing/pairing.sqlite
ask() { sqlite3 "file:$1?mode=ro" "$2"; }
O=$I/box/JLIS0001/out
people() { sed -n 's/^2,[0-9]*,\([^,]*\),\([^,]*\),.*/\2/p' "$1" | sort; }

# ---- everybody who is registered and has none ----
night 01 intake ingest deliver intake ingest revoke rebuild
codes request 01
R1=$O/IM000001_code_request_20260801_0001.csv
is 'a request' "0 $(people "$R1" | wc -l)" "$status $(field accepted)"
is 'of exactly those whom the other side has periods of' \
    "$(ask "$Q/snapshots/qualification-000001.sqlite" 'SELECT DISTINCT key FROM period' | cut -c 10- | sort)" "$(people "$R1")"
is 'every 処理通番 once' '' "$(cut -d, -f5 "$R1" | grep '^[A-Z]' | sort | uniq -d)"
is 'all for the first time' 1 "$(sed -n 's/^2,.*,\([12]\)\r*$/\1/p' "$R1" | sort -u)"
"$B/shikaku-check" -f code_request "$R1" >"$T/check" 2>&1
is 'its layout is kept' 0 $?
codes request 01
is 'nobody is asked for twice' '1 0' "$status $(field accepted)"
is 'the file is its owner'"'"'s' '700 600' "$(stat -c %a "$I/pairing" "$P" | tr '\n' ' ' | sed 's/ $//')"
# a run killed after it had named the list and before the list was there
mv "$R1" "$T/first.csv"
sqlite3 "$P" "UPDATE list SET published = 0"
codes request 02
is 'a list cut off is written again, the same' 0 "$(cmp "$R1" "$T/first.csv"; echo $?)"

# ---- the answers ----
cp "$T/codes.p7m.held" "$I/box/JLIS0001/in/JLIS0001_codes_20260801_0001.zip.p7m"
night 01 intake
cp -R "$I/ready" "$T/ready"
strace -f -qq -o /dev/null -e inject=rename:signal=KILL:when=1 \
    "$B/shikaku-codes" -c "$S/site.yaml" -D 2026-08-01 >/dev/null 2>&1 # killed
is 'killed on the way' 137 $?
is 'nothing counts yet' 0 "$(ask "$P" 'SELECT count(*) FROM person WHERE state = 1')"
codes accept 01
none=$(field without_code)
is 'results' "0 $(($(field read) - none))" "$status $(ask "$P" 'SELECT count(*) FROM person WHERE state = 1')"
is 'nothing is staged any more' 0 "$(ask "$P" 'SELECT count(*) FROM staged')"
is 'answers under another number are listed' "$(field read)" \
    "$(grep -c ',number.$' "$I/pairing/JLIS0001_codes_20260801_0001.odd.csv")"
codes request 01
is 'who has a code is never asked for again, who has none not at once' '1 0' "$status $(field accepted)"
codes request 08
is 'but a week later' "0 $none" "$status $(field accepted)"
is 'again' "$none" "$(grep -c '^2,.*,2.$' "$O/IM000001_code_request_20260808_0001.csv")"
is 'no code is in any of it' 0 "$(cut -d, -f8 "$T"/ready/*/0001.csv | grep '^[0-9A-Za-z]\{8,\}' | sort -u >"$T/secret"; grep -rlFf "$T/secret" "$O" "$I/pairing" "$I/segments" "$I/ledger.sqlite" | wc -l)"
is 'though there are many' 1 $(($(wc -l <"$T/secret") > 300))

# ---- duplicates, orphans, another code ----
X=$(ask "$P" "SELECT key FROM person WHERE state <> 1 AND key GLOB 'E*' LIMIT 1")
N=$(ask "$P" "SELECT number FROM person WHERE key = '$X'")
n=1
file() { # KEY:NUMBER:CODE...
	n=$((n + 1))
	{
		printf '1,1,JLIS0001,codes,20260808,%04d,\r\n' $n
		i=0
		for r; do
			i=$((i + 1))
			IFS=: read -r k num c <<<"$r"
			printf '2,%d,%s,%s,%s,1,20260808,%s\r\n' $i "${k:1:8}" "${k:9}" "$num" "$c"
		done
		printf '3,%d,0\r\n' $i
	} >"$T/codes.csv"
	tests/send.sh "$S" JLIS0001 codes 20260808 $n "$T/codes.csv" >/dev/null
	night 08 intake
	codes accept 08
}
file "$X:$N:KODEAAAA0001" "E${X:1:8}WAIF1:N9:KODEBBBB0002"
is 'a late code and one of nobody' '0 2 1' "$status $(field accepted) $(field orphan)"
is 'the orphan is listed' 'JLIS0001_codes_20260808_0002,2,orphan' "$(tail -n 1 "$I/pairing/JLIS0001_codes_20260808_0002.odd.csv" | tr -d '\r')"
file "$X:$N:KODEAAAA0001"
is 'the same again is a duplicate' '0 1 1' "$status $(field accepted) $(field duplicate)"
file "$X:$N:KODECCCC0003"
is 'another code is refused' '4 1' "$status $(field refused)"
is 'by name, without its value' '1 0' "$(grep -c E6005 "$O/JLIS0001_codes_20260808_0004.errors.csv") $(grep -c KODE "$O/JLIS0001_codes_20260808_0004.errors.csv")"
is 'the first one stays' "$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(cat "$S/pki/pairing.hex")" <(printf KODEAAAA0001) | sed 's/.*= //' | cut -c 1-32)" \
    "$(ask "$P" "SELECT lower(hex(mark)) FROM person WHERE key = '$X'")"

# ---- who is told by マイナポータル ----
codes notice 08
is 'no scheme, no notice' '1 0' "$status $(field accepted)"
printf 'notice:\n  schemes: "society+nhi_city"\n  text: "2026-1"\n' >>"$S/site.yaml"
codes notice 08
L=$I/out/notice/IM000001_notice_20260808_0001.csv
# independent: by pseudonym and scheme, the orphan left out
letters=$(awk -F, 'NR > 1 { gsub(/[\r"]/, ""); print $3 "\t" $2 "\t" $1 }' "$S/masters/insurers.csv")
night 08 deliver intake ingest revoke rebuild
G=$(cd "$Q/snapshots" && echo qualification-* | sed 's/.* //')
want=$(ask "$Q/snapshots/$G" 'SELECT hex(pseudonym), key FROM person' | awk -F'|' -v t="$letters" '
	BEGIN { n = split(t, l, "\n"); for (i = 1; i <= n; i++) { split(l[i], f, "\t"); s["E" f[2]] = f[1]; s["C" substr("00000000" f[3], length(f[3]) + 1)] = f[1] } }
	{ c = s[substr($2, 1, 9)]; if ((c == "society" || c == "nhi_city") && substr($2, 10) != "WAIF1" && !(($1, c) in seen)) { seen[$1, c]; n2++ } }
	END { print n2 }')
is 'each person once for each scheme' "$want" "$(grep -c '^2,' "$L")"
is 'by scheme' 'nhi_city society' "$(sed -n 's/^2,\([^,]*,\)\{5\}\([a-z_]*\),.*/\2/p' "$L" | uniq | tr '\n' ' ' | sed 's/ $//')"
is 'the trailer counts them' "3,$want,0" "$(tail -n 1 "$L" | tr -d '\r')"
"$B/shikaku-check" "$L" >"$T/check" 2>&1
is 'its layout is kept' 0 $?
codes notice 08
is 'nobody is told twice' '1 0' "$status $(field accepted)"
codes notice 08 --withdraw IM000001_notice_20260808_0001:2 --correct IM000001_notice_20260808_0001:1 --withdraw IM000001_notice_20260808_0001:99999
C=$I/out/notice/IM000001_notice_20260808_0002.csv
is 'a correction file, and what is none is told' '4 2 1 1' "$status $(field accepted) $(field refused) $(grep -c E6006 "$T/err")"
is 'names what it corrects' '9,2 2,1' "$(sed -n 's/^2,[0-9]*,\([0-9]\),.*,IM000001_notice_20260808_0001,\([0-9]*\).*/\1,\2/p' "$C" | tr '\n' ' ' | sed 's/ $//')"
"$B/shikaku-check" "$C" >"$T/check" 2>&1
is 'its layout is kept' 0 $?
sed -i 's/text: "2026-1"/text: "2026-2"/' "$S/site.yaml"
codes notice 08
is 'a new 文面版 is for everybody' "0 $want" "$status $(field accepted)"

# ---- another pseudonym key ----
pseudonyms() { ask "$Q/snapshots/$1" 'SELECT key, dense_rank() OVER (ORDER BY first) FROM (SELECT key, min(key) OVER (PARTITION BY pseudonym) AS first FROM person) ORDER BY key' | sha256sum; }
before=$(pseudonyms "$G")
old=$(ask "$Q/snapshots/$G" 'SELECT hex(pseudonym) FROM person ORDER BY 1' | sort -u)
openssl rand -hex 32 >"$S/pki/pseudonym.hex"
codes rotate 08
is 'all codes under the new key' "0 $(ask "$P" 'SELECT count(*) FROM person WHERE state = 1')" "$status $(field accepted)"
night 08 deliver intake ingest revoke rebuild
G=$(cd "$Q/snapshots" && echo qualification-* | sed 's/.* //')
is 'the same people' "$before" "$(pseudonyms "$G")"
is 'none of the old pseudonyms' '' "$(comm -12 <(echo "$old") <(ask "$Q/snapshots/$G" 'SELECT hex(pseudonym) FROM person' | sort -u))"
is 'by the keyed hash of the code' "$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(cat "$S/pki/pseudonym.hex")" <(printf KODEAAAA0001) | sed 's/.*= //' | cut -c 1-32)" \
    "$(ask "$Q/snapshots/$G" "SELECT lower(hex(pseudonym)) FROM person WHERE key = '$X'")"

# ---- keys and permissions ----
cp "$S/pki/pairing.hex" "$T/pairing.hex"
openssl rand -hex 32 >"$S/pki/pairing.hex"
codes rotate 08
is 'another key opens nothing' '33 1' "$status $(grep -c F9004 "$T/err")"
cp "$T/pairing.hex" "$S/pki/pairing.hex"
chmod 644 "$P"
codes request 08
is 'a pairing file others may read is not used' '33 1' "$status $(grep -c F9004 "$T/err")"
chmod 600 "$P"
codes nonsense 08
is 'no such word' 32 "$status"
codes request 08 --withdraw IM000001_notice_20260808_0001:2
is 'only notices are corrected' 32 "$status"

part_end
