#!/bin/bash
# What a sender gets back: error lists in three forms that say the same, opened
# by LibreOffice and openpyxl; shikaku-check beforehand saying what the server
# says; shikaku-status at every step of an upload and of a night.
. "$(dirname "$0")/part.sh"
T="$B/part-returns"
site() { # a site of its own in $T/$1
	S="$T/$1" I="$T/$1/intermediate" Q="$T/$1/qualification"
	mkdir -p "$S"
	tests/site.sh "$S"
	mkdir -p "$S/masters" "$S/pki" "$I/ready" "$I/work" "$Q"
	printf 'Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\r\n06139992,intermediate,shikaku,健保,,\r\nKOKUHO13,intermediate,nhi,国保連,,\r\n' >"$S/masters/senders.csv"
	printf 'InsurerNumber,InsurerCode,Scheme,InsurerName,Prefecture,Sender\r\n06139992,06139992,society,健保,13,06139992\r\n139998,00139998,nhi_city,市,13,KOKUHO13\r\n' >"$S/masters/insurers.csv"
	for r in "$I" "$Q"; do sqlite3 "$r/ledger.sqlite" <schemas/ledger.sql; done
}
run() { # PROGRAM ...: status in $status
	p=$1
	shift
	"$B/shikaku-$p" -c "$S/site.yaml" -D 2026-08-01 "$@" >"$S/out" 2>"$S/err"
	status=$?
	! grep -q 'Sanitizer' "$S/err" || cat "$S/err"
}
check() {
	"$B/shikaku-check" -D 2026-08-01 "$@" >"$T/out" 2>"$T/err"
	status=$?
	! grep -q 'Sanitizer' "$T/err" || cat "$T/err"
}
py() { /usr/bin/python3 tests/returns.py "$@" 2>&1 | tail -n 1; }
codes_of() { # record:code of a list
	tail -n +2 "$1" | tr -d '"\r' | awk -F, '{ print $4 ":" $7 }' | tr '\n' ' ' | sed 's/ $//'
}
# what the server alone knows: receipt number, name of the upload
bare() { sed -E 's/"R-[^"]*"/""/; s/^"06139992_shikaku_20260801_000[0-9]\//"/' "$1"; }
rm -rf "$T"
mkdir -p "$T/utf8" "$T/cp932" "$T/odd"
WANT=$(python3 -c 'import sys; sys.path.insert(0, "tests"); import returns; print(returns.WANT)')
O=06139992_shikaku_20260801

# ---- the server's papers ----
site lists
python3 tests/returns.py make "$I" faulty
python3 tests/returns.py make "$I" good
run ingest
is 'refused records are 4' 4 $status
OUT=$I/box/06139992/out
is 'every upload has its papers' \
    "$(for n in 1 2 3 8; do for e in check.yaml errors.cp932.csv errors.csv errors.xlsx; do echo ${O}_000$n.$e; done; done)" "$(ls "$OUT")"
for n in 1 2 3; do
	is "form $n: every problem, by record" "$WANT" "$(codes_of "$OUT/${O}_000$n.errors.csv")"
	is "form $n: the CP932 list says the same" 0 "$(py cp932 "$OUT/${O}_000$n.errors.csv" "$OUT/${O}_000$n.errors.cp932.csv")"
done
is 'a key given twice has its line, as the rest' "$(printf '5 6\n12 13')" \
    "$(tr -d '"' <"$OUT/${O}_0001.errors.csv" | awk -F, '$7 == "E6001" { print $4, $2 }')"
python3 tests/returns.py files "$T"
is 'lines and bytes are those of the file' 10 "$(py place "$OUT/${O}_0001.errors.csv" "$T/utf8/shikaku.csv")"
is 'a file without problems has a list of titles' 1 "$(wc -l <"$OUT/${O}_0008.errors.csv")"
NUMBER=$(sed -n 's/^receipt: "\(.*\)"/\1/p' "$OUT/${O}_0001.check.yaml")
is 'the receipt number: day, sender, feed, sequence, digest' \
    "R-20260801-06139992-shikaku-0001-$(printf %s ${O}_0001 | sha256sum | cut -c1-8)" "$NUMBER"
is 'it stands in every row' 10 "$(grep -c "\"$NUMBER\"" "$OUT/${O}_0001.errors.csv")"
ok 'and on every page of the workbook' "$(unzip -p "$OUT/${O}_0001.errors.xlsx" xl/worksheets/sheet1.xml | grep -q "<oddHeader>.*$NUMBER"; echo $?)"
ok 'the result has read, accepted, refused, unchanged, held and what the records are' \
    "$(tr '\n' ' ' <"$OUT/${O}_0001.check.yaml" | grep -q 'record_kind: "加入者情報"     read: 14     accepted: 6     refused: 8     unchanged: 0     held: 0'; echo $?)"
ok 'no private value in any paper' "$(for f in "$OUT"/*; do case $f in *.xlsx) unzip -p "$f" ;; *.cp932.csv) iconv -f cp932 "$f" ;; *) cat "$f" ;; esac; done | grep -qE '山田|髙|橋|123456789018|P000|19500230|cmd'; [ $? -eq 1 ]; echo $?)"
ok 'of the key only what is not private' "$(grep -q '"保険者コード=06139992 / 被保険者枝番=\*\*\* / 資格取得年月日=20200401"' "$OUT/${O}_0001.errors.csv"; echo $?)"
cp -a "$OUT" "$T/first"
site again
python3 tests/returns.py make "$I" faulty
python3 tests/returns.py make "$I" good
run ingest
ok 'the same uploads give the same bytes' "$(diff -r "$T/first" "$I/box/06139992/out" >/dev/null; echo $?)"
site nhi
python3 tests/returns.py make "$I" nhi
run ingest
ok 'two members, one list; each row names its own' "$(cut -d, -f1 "$I/box/KOKUHO13/out/KOKUHO13_nhi_20260801_0001.errors.csv" | sort -u | tr '\n' ' ' | grep -q 'nhi_household.txt" "KOKUHO13_nhi_20260801_0001/nhi_person.txt'; echo $?)"
is 'a row of each has its line' 0 "$(tail -n +2 "$I/box/KOKUHO13/out/KOKUHO13_nhi_20260801_0001.errors.csv" | tr -d '"' | awk -F, '$2 == "" { n++ } END { print n + 0 }')"
site cut
python3 tests/returns.py make "$I" cut
run ingest
ok 'a file refused as a whole says so in its list' "$(grep -q '"ファイルエラー"' "$I/box/06139992/out/${O}_0009.errors.csv"; echo $?)"

# ---- the sender's own check ----
for f in utf8 cp932; do
	check --csv "$T/$f.csv" --cp932 "$T/$f.cp932.csv" --xlsx "$T/$f.xlsx" "$T/$f/shikaku.csv"
	is "$f: refused records are 4" 4 $status
	is "$f: nothing on stdout where files are named" 0 "$(wc -c <"$T/out")"
done
n=1
for f in utf8 cp932; do
	bare "$T/first/${O}_000$n.errors.csv" >"$T/want"
	ok "$f: byte for byte what the server says" "$(cmp -s "$T/want" "$T/$f.csv"; echo $?)"
	iconv -f cp932 -t utf-8 "$T/first/${O}_000$n.errors.cp932.csv" >"$T/want.932"
	iconv -f cp932 -t utf-8 "$T/$f.cp932.csv" >"$T/got.932"
	bare "$T/want.932" >"$T/want"
	ok "$f: in CP932 too" "$(cmp -s "$T/want" "$T/got.932"; echo $?)"
	n=$((n + 1))
done
check "$T/utf8/shikaku.xml"
bare "$T/first/${O}_0003.errors.csv" >"$T/want"
ok 'xml: byte for byte what the server says' "$(cmp -s "$T/want" "$T/out"; echo $?)"
check --with-rows "$T/utf8/shikaku.csv"
is 'with rows: each row as sent, beside its problem' 10 "$(py place "$T/out" "$T/utf8/shikaku.csv")"
ok 'and the whole key' "$(grep -q '被保険者枝番=P00002' "$T/out"; echo $?)"
ok 'a row that begins like a formula is none' "$(printf '=1+1,1\r\n' >"$T/odd/x.csv"; "$B/shikaku-check" -f shikaku --with-rows "$T/odd/x.csv" 2>/dev/null | tail -n +2 | grep -q ",\"'=1+1,1\"\|\"\"$(printf '\r')"; echo $?)"
check --with-rows "$T/utf8/shikaku.xml"
is 'with rows: the element of XML as sent' 10 "$(tail -n +2 "$T/out" | grep -c '"<Record>.*</Record>"')"
ok 'of the right record' "$(grep '^"shikaku.xml","[0-9]*","","11"' "$T/out" | grep -q '<RecordNumber>11</RecordNumber>'; echo $?)"
check --with-rows --csv "$T/odd.csv" --cp932 "$T/odd.cp932.csv" --xlsx "$T/odd.xlsx" "$T/odd/shikaku.csv"
ok 'what CP932 lacks becomes a geta mark, noted, and nothing else changes' "$([ "$(py cp932 "$T/odd.csv" "$T/odd.cp932.csv")" -ge 1 ]; echo $?)"
check -D 2026-08-01 tests/cases/check/valid/in/shikaku.xml
is 'a right file is 0' 0 $status
check --csv "$T/cut.csv" tests/cases/check/cut/in/shikaku.csv
is 'a file refused as a whole is 34' 34 $status
check --csv /nonexistent/x.csv "$T/utf8/shikaku.csv"
is 'a list that cannot be written is 11' 11 $status
[ -e /dev/full ] && {
	check --csv /dev/full "$T/utf8/shikaku.csv"
	is 'nor is a full disk passed over' 11 $status
}

# ---- formula injection: a file's own name reaches the first cell ----
cp "$T/utf8/shikaku.csv" "$T/odd/=cmd.shikaku.csv"
check -f shikaku --csv "$T/guard.csv" --xlsx "$T/guard.xlsx" "$T/odd/=cmd.shikaku.csv"
is 'CSV: no cell begins like a formula' 0 "$(python3 - "$T/guard.csv" "$T/odd.csv" "$T/utf8.csv" <<'END'
import csv, sys
print(sum(c[:1] in tuple("=+-@\t\r＝＋－＠") for p in sys.argv[1:] for r in
          csv.reader(open(p, encoding="utf-8-sig", newline="")) for c in r))
END
)"
ok 'it is kept, behind a quote' "$(grep -q "^\"'=cmd.shikaku.csv\"" "$T/guard.csv"; echo $?)"

# ---- a million faults, as fits the build: constant memory, a cap that is told ----
N=60000
python3 tests/returns.py many "$T/many.csv" $N
cp "$S/site.yaml" "$T/many.yaml"
mkdir -p "$T/masters" "$T/pki"
printf '\nerrors:\n  max_rows: 100\n' >>"$T/many.yaml"
"$B/shikaku-check" -c "$T/many.yaml" -f shikaku --csv "$T/cap.csv" --xlsx "$T/cap.xlsx" "$T/many.csv" 2>/dev/null
is 'a capped list: titles, so many rows, one that tells the rest' 102 "$(wc -l <"$T/cap.csv")"
ok 'by number' "$(tail -n 1 "$T/cap.csv" | grep -q "N3313.*($((N - 100)) more)"; echo $?)"
if [ "${VARIANT:-release}" != asan ]; then
	small=$( (prlimit --as=150000000 "$B/shikaku-check" -f shikaku --csv "$T/all.csv" --cp932 /dev/null --xlsx "$T/all.xlsx" "$T/many.csv" 2>/dev/null); echo $?)
	is 'all of them, within 150 MB of address space' "4 $((N + 1))" "$small $(wc -l <"$T/all.csv")"
fi

# ---- spreadsheets open it ----
if /usr/bin/python3 -c 'import openpyxl' 2>/dev/null; then
	for f in "$T/utf8" "$T/odd" "$T/guard" "$T/cap"; do
		ok "openpyxl: cells, types, no formula ($(basename "$f"))" "$([ "$(py xlsx "$f.csv" "$f.xlsx")" -gt 0 ]; echo $?)"
	done
	ok 'openpyxl: the server'"'"'s workbook' "$([ "$(py xlsx "$T/first/${O}_0001.errors.csv" "$T/first/${O}_0001.errors.xlsx")" -gt 0 ]; echo $?)"
else
	echo 'SKIP openpyxl: python3-openpyxl is not installed'
fi
if command -v soffice >/dev/null 2>&1; then
	# it names files after sheets, which are Japanese
	office() { LC_ALL=C.UTF-8 HOME="$T" timeout 120 soffice -env:UserInstallation="file://$T/office" --headless "$@" >/dev/null 2>&1; }
	mkdir -p "$T/back"
	office --convert-to 'csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,1' --outdir "$T/back" \
	    "$T/utf8.xlsx" "$T/odd.xlsx" "$T/guard.xlsx"
	for f in utf8 odd guard; do
		b=$(find "$T/back" -name "$f*.csv" | head -n 1)
		is "LibreOffice: $f.xlsx as CSV has the same cells" "$(grep -c '' "$T/$f.csv")" "$(py cells "$T/$f.csv" "$b")"
	done
	# the CSV a clerk opens by a click: leading zeros of ids stay only as text
	office --convert-to 'xlsx' --infilter='CSV:44,34,76,1,,0,true' --outdir "$T/back" "$T/guard.csv"
	ok 'LibreOffice: the CSV opens without a formula' "$(unzip -p "$T/back/guard.xlsx" xl/worksheets/sheet1.xml 2>/dev/null | grep -c '<f' | grep -qx 0; echo $?)"
	office --convert-to pdf --outdir "$T/back" "$T/first/${O}_0001.errors.xlsx"
	if command -v pdftotext >/dev/null 2>&1; then
		pdftotext -layout "$T/back/${O}_0001.errors.pdf" "$T/back/pdf.txt"
		ok 'LibreOffice: on paper the receipt number and how to mend' "$(grep -q "$NUMBER" "$T/back/pdf.txt" && grep -q '番号の入力誤りを確認してください' "$T/back/pdf.txt"; echo $?)"
		pdftoppm -r 110 -png "$T/back/${O}_0001.errors.pdf" "$T/back/page"
	else
		echo 'SKIP paper: poppler-utils is not installed'
	fi
else
	echo 'SKIP LibreOffice: libreoffice-calc-nogui is not installed'
fi

# ---- status ----
status_of() { # OPERAND...: keys state and exit
	"$B/shikaku-status" -c "$S/site.yaml" "$@" >"$S/status" 2>"$S/err"
	status=$?
	echo "$(sed -n 's/^state: "\(.*\)"/\1/p' "$S/status" | tr '\n' ' ')$status"
}
night() { # one word and exit
	"$B/shikaku-status" -c "$S/site.yaml" -D "$1" >"$S/status" 2>"$S/err"
	status=$?
	echo "$(head -n 1 "$S/status" | cut -d: -f1) $status"
}
S="$T/life" I="$T/life/intermediate" Q="$T/life/qualification"
mkdir -p "$S"
tests/site.sh "$S"
"$B/shikaku-sample" -c "$S/site.yaml" --people 1000 --seed 7 -D 2026-08-01 >/dev/null 2>&1
is 'a site where nothing was ever run' 'CRITICAL 2' "$(night 2026-08-01)"
U=$(find "$I/box" -name '*_shikaku_*.p7m' | sort | head -n 1)
STEM=$(basename "$U" .zip.p7m) SENDER=$(basename "$U" | cut -d_ -f1)
is 'in the box' 'in_box 8' "$(status_of "$STEM")"
cp "$U" "$T/upload"
sum=$(sha256sum <"$U" | cut -c1-8)
printf nonsense >"$I/box/$SENDER/in/nonsense.zip.p7m"
run intake
is 'arrived' 'arrived 8' "$(status_of "$STEM.zip.p7m")"
R=$(sed -n 's/^receipt: "\(.*\)"/\1/p' "$I/box/$SENDER/out/$STEM.receipt.yaml")
is 'its receipt number ends in its digest' "R-20260801-$SENDER-shikaku-$(echo "$STEM" | cut -d_ -f4)-$sum" "$R"
ok 'the receipt names the next cut-off, at 21:00 in Japan' "$(grep -q '^next_cut_off: "....-..-..T21:00:00.000+09:00"$' "$I/box/$SENDER/out/$STEM.receipt.yaml"; echo $?)"
visible=$(sed -n 's/^expected_visible: "\(.*\)"$/\1/p' "$I/box/$SENDER/out/$STEM.receipt.yaml")
arrived=$(sed -n 's/^arrived: "\(.*\)"$/\1/p' "$I/box/$SENDER/out/$STEM.receipt.yaml")
# the business day is long past: the first opening after the arrival, in Japan
ok "and from when on it can be asked for: $visible" "$(echo "$visible" | grep -q 'T08:00:00.000+09:00$' && [[ $visible > $arrived ]] &&
    [ $(($(date -d "$visible" +%s) - $(date -d "$arrived" +%s))) -le 86400 ]; echo $?)"
is 'by its number' 'arrived 8' "$(status_of "$R")"
UNNAMED=$(sed -n 's/^receipt: "\(.*\)"/\1/p' "$I/box/$SENDER/out/"unnamed-*.receipt.yaml)
is 'a file without a name is refused; it has a number too' "R-$SENDER-unnamed-$(printf nonsense | sha256sum | cut -c1-12)" "$UNNAMED"
is 'by which it is found' 'refused 5' "$(status_of "$UNNAMED")"
printf 'x' >>"$I/box/$SENDER/in/$STEM.zip.p7m.part" && mv "$I/box/$SENDER/in/$STEM.zip.p7m.part" "$I/box/$SENDER/in/$STEM.zip.p7m"
other=$(sha256sum <"$I/box/$SENDER/in/$STEM.zip.p7m" | cut -c1-8)
run intake
is 'another file of the same name has another number' 'refused 5' "$(status_of "${R%-*}-$other")"
is 'and does not touch the first' 'arrived 8' "$(status_of "$R")"
is 'a number nobody gave' 'unknown 34' "$(status_of "${R%-*}-00000000")"
is 'nor is nonsense known' 'unknown 34' "$(status_of ../../etc/passwd)"
is 'half a night is a warning' 'CRITICAL 2' "$(night 2026-08-01)"
run ingest
is 'checked' 'checked 8' "$(status_of "$R")"
run codes
run deliver
is 'delivered' 'delivered 8' "$(status_of "$R")"
ok 'in which package' "$(grep -q '^package: 202608010001$' "$S/status"; echo $?)"
for p in intake ingest revoke rebuild; do run $p; done
is 'reflected, though no result was carried back yet' 'reflected 0' "$(status_of "$R")"
run deliver
is 'reflected' 'reflected 0' "$(status_of "$R")"
ok 'in generation 1' "$(grep -q '^generation: 1$' "$S/status"; echo $?)"
ok 'every record by what became of it' "$(n=$(sed -n 's/^records: { read: \([0-9]*\).*/\1/p' "$S/status"); grep -q "^reflection: { added: $n }$" "$S/status"; echo $?)"
ok 'visible since' "$(grep -q '^visible_\(since\|from\): "' "$S/status"; echo $?)"
is 'several at once: the worst decides' 'reflected unknown 34' "$(status_of "$R" nothing)"
tree() { find "$I" "$Q" -type f ! -name 'ledger.sqlite-*' -printf '%p %s %T@\n' | sort; }
tree >"$T/before"
is 'a night well done' 'OK 0' "$(night 2026-08-01)"
tree >"$T/after"
ok 'status writes nothing' "$(cmp -s "$T/before" "$T/after"; echo $?)"
cp "$T/upload" "$I/box/$SENDER/in/${SENDER}_shikaku_20260801_0099.zip.p7m"
is 'a file the night should have taken' 'WARNING 1' "$(night 2026-08-01)"
ok 'and what to do' "$(grep -q 'run intake and ingest again / .*再実行' "$S/status"; echo $?)"
rm "$I/box/$SENDER/in/${SENDER}_shikaku_20260801_0099.zip.p7m"
is 'a set too old' 'WARNING 1' "$("$B/shikaku-status" -c "$S/site.yaml" >"$S/status" 2>/dev/null; s=$?; echo "$(head -n 1 "$S/status" | cut -d: -f1) $s")"
cp "$S/site.yaml" "$S/stop.yaml"
printf '\nfreshness:\n  stop: true\n' >>"$S/stop.yaml"
is 'where the responder stops for it' 'CRITICAL 2' "$("$B/shikaku-status" -c "$S/stop.yaml" >"$S/status" 2>/dev/null; s=$?; echo "$(head -n 1 "$S/status" | cut -d: -f1) $s")"
# what an operator was told was well, and was not
sql() { sqlite3 "$1/ledger.sqlite" "$2"; }
SNAP=$(find "$Q/snapshots" -name 'qualification-*.sqlite' | sort | tail -n 1)
mv "$SNAP" "$T/snap"
is 'a snapshot of the set that is not there: no question is answered' 'CRITICAL 2' "$(night 2026-08-01)"
mv "$T/snap" "$SNAP"
sql "$Q" "UPDATE file SET state = 'refused' WHERE feed = 'package'"
is 'a link package that was refused: its changes reach nobody' 'CRITICAL 2' "$(night 2026-08-01)"
ok 'which, and where to put it' "$(grep -q 'refused/IM000001_package_20260801_0001.*box/IM000001/in' "$S/status"; echo $?)"
sql "$Q" "UPDATE file SET state = 'ingested' WHERE feed = 'package'"
cp "$I/ledger.sqlite" "$T/ledger"
sql "$I" "UPDATE file SET state = 'refused' WHERE feed <> 'package'"
is 'more refused than accepted is no sender of ours who errs' 'WARNING 1' "$(night 2026-08-01)"
ok 'look here first' "$(grep -q 'trust.insurer_crl' "$S/status"; echo $?)"
rm "$I"/ledger.sqlite*
is 'a ledger that is gone is no site where nothing was run' 'CRITICAL 2' "$(night 2026-08-01)"
"$B/shikaku-check" -c "$S/site.yaml" >/dev/null 2>"$S/err"
is 'check: 36' 36 $?
ok 'by its name' "$(grep -q 'ledger.sqlite: fatal F9041' "$S/err"; echo $?)"
"$B/shikaku-intake" -c "$S/site.yaml" -D 2026-08-01 >/dev/null 2>"$S/err"
ok 'no new one is begun over old files' "$([ $? -ge 11 ] && [ ! -e "$I/ledger.sqlite" ] && grep -q F9041 "$S/err"; echo $?)"
cp "$T/ledger" "$I/ledger.sqlite"
is 'put back, all is well' 'OK 0' "$(night 2026-08-01)"
# a night run late, after the service has opened: its files are counted
was=$("$B/shikaku-status" -c "$S/site.yaml" -D 2026-08-01 | grep -o 'files_accepted=[0-9]*')
late=$(ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS:-}" TZ=UTC faketime -f '@2026-08-02 01:00:00' "$B/shikaku-status" -c "$S/site.yaml" | grep -o 'files_accepted=[0-9]*')
ok 'a night run late counts the same files, asked for by its day or not' "$([ -n "$was" ] && [ "$was" != files_accepted=0 ] && [ "$was" = "$late" ]; echo $?)"
M=$(readlink -f "$Q/snapshots/current/manifest.yaml")
cp "$M" "$T/manifest"
sed -i 's/^serial: .*/serial: 9/' "$M"
is 'a set that is not ours' 'CRITICAL 2' "$(night 2026-08-01)"
cp "$T/manifest" "$M"
is 'one side alone is read as far as it goes' 'reflected 0' "$(sed '/^qualification:/,/root:/d' "$S/site.yaml" >"$S/one.yaml"; "$B/shikaku-status" -c "$S/one.yaml" "$R" >"$S/status" 2>"$S/err"; s=$?; echo "$(sed -n 's/^state: "\(.*\)"/\1/p' "$S/status") $s")"
printf 'nonsense: 1\n' >"$S/bad.yaml"
is 'a wrong configuration is UNKNOWN for a monitor' 'UNKNOWN 3' "$("$B/shikaku-status" -c "$S/bad.yaml" >"$S/status" 2>/dev/null; s=$?; echo "$(head -n 1 "$S/status" | cut -d: -f1) $s")"
"$B/shikaku-status" -c "$S/bad.yaml" "$R" >/dev/null 2>&1
is 'and 33 otherwise' 33 $?
part_end
