#!/bin/bash
# A month's statistics: a country of 2,000 people, a night, a month of journals
# written here. Every figure is counted again by Python, hidden figures are
# attacked, the page is shown by Chromium at three widths.
. "$(dirname "$0")/part.sh"
W=$B/part-statistics
D=2026-08-03
rm -rf "$W"
mkdir -p "$W"
I=$W/intermediate Q=$W/qualification S=$W/qualification/out/statistics
tests/site.sh "$W" 0
"$B/shikaku-sample" -c "$W/site.yaml" --people 2000 --seed 3 --faults 0.02 -D $D >"$W/sample.log"
tests/night.sh "$W/site.yaml" $D intake ingest codes deliver intake ingest revoke rebuild deliver >"$W/night.log" 2>&1
is 'the night ends, with files refused' 5 $?
master() { sqlite3 -separator , "$(find "$Q/snapshots" -name 'institutions-*.sqlite')" \
	"SELECT InstitutionCode, Prefecture FROM institution ORDER BY 1"; }
master >"$W/master.csv"
mkdir -p "$Q/journal"
python3 tests/statistics.py journals "$Q" 2026-08 6000 "$W/master.csv"
# the month's use of the JPKI, collected and billed; its price changes within
printf 'PriceTable,Use,Price,ValidFrom,ValidUntil\r\n2026-1,1,1234,20260401,20260820\r\n2026-1,2,567,20260401,20260820\r\n2026-2,1,1333,20260821,\r\n2026-2,2,701,20260821,\r\n' >"$W/masters/ryokin.csv"
sed -i 's|^masters:|&\n  prices: "masters/ryokin.csv"|' "$W/site.yaml"
bad=0
for i in $(seq 1 31); do
	"$B/shikaku-collect" -c "$W/site.yaml" -D "$(printf '2026-08-%02d' "$i")" >>"$W/collect.log" 2>&1 || bad=$((bad + 1))
done
is 'the month is collected' 0 $bad
"$B/shikaku-bill" -c "$W/site.yaml" -D 2026-08-31 >"$W/bill.log" 2>&1
is 'and billed' 0 $?
again() { # a month that is given out is not made again: withdrawn
	rm -f "$S"/statistics-202608.* "$S"/statistics-202608-revised.*
	report "$@"
}
report() { # DAY ARGS
	"$B/shikaku-report" -c "$W/site.yaml" -D "$1" "${@:2}" >"$W/out" 2>"$W/err"
	status=$?
}
sed '$a\statistics:\n  below: 0' "$W/site.yaml" >"$W/all.yaml"

# ---- every figure, none hidden ----
"$B/shikaku-report" -c "$W/all.yaml" -D 2026-08-31 >"$W/all.out" 2>"$W/err"
is 'a whole month, the institution master that came with faults' 4 $?
is 'they are named' 'W4044 E1203 W4044 E2206' "$(sqlite3 -separator ' ' "$S/statistics-202608.sqlite" 'SELECT code, subject FROM finding ORDER BY 1, 2' | tr '\n' ' ' | sed 's/ $//')"
is 'every usage line is counted' 6000 "$(sed -n 's/.* month_lines=\([0-9]*\).*/\1/p' "$W/all.out")"
python3 tests/statistics.py equal "$Q" "$I" "$S/statistics-202608.sqlite" >"$W/equal"
is 'every figure counted again is the same' 0 $?
cat "$W/equal"
python3 tests/statistics.py own "$Q" "$I" "$S/statistics-202608.sqlite" >"$W/own"
is "each sender's page is its own" 0 $?
cat "$W/own"
mv "$S" "$W/all"
sqlite3 "$Q/ledger.sqlite" "DELETE FROM problem WHERE feed = 'iryokikan'" # from here on without

# ---- hidden ----
report 2026-08-31
is 'with small figures hidden' 0 "$status"
mv "$Q/out/usage/riyo_month-202608.csv" "$W/"
mv "$S" "$W/billed"
report 2026-08-31
is 'a month that is not billed is open' '1 0' "$(find "$S" -name 'statistics-202608-open.sqlite' | wc -l) $(find "$S" -name 'statistics-202608.*' | wc -l)"
rm -r "$S"
mv "$W/billed" "$S"
mv "$W/riyo_month-202608.csv" "$Q/out/usage/"
db=$S/statistics-202608.sqlite
python3 tests/statistics.py attack "$db" 10 >"$W/attack"
is 'no hidden figure is computed back' 0 $?
cat "$W/attack"
python3 tests/statistics.py csv "$db" "$S/statistics-202608.csv" >/dev/null
is 'the CSV says the same' 0 $?
if /usr/bin/python3 -c 'import openpyxl' 2>/dev/null; then
	/usr/bin/python3 tests/statistics.py xlsx "$db" "$S/statistics-202608.xlsx" >"$W/xlsx"
	is 'the workbook too, numbers as numbers, with its charts' 0 $?
	cat "$W/xlsx"
	/usr/bin/python3 tests/statistics.py attack "$db" 10 "$S/statistics-202608.xlsx" >/dev/null
	is 'and gives no hidden figure away' 0 $?
else
	echo 'SKIP: no python3-openpyxl: the workbook is not read'
fi
python3 -m json.tool "$S/statistics-202608.json" >/dev/null
is 'its description is JSON' 0 $?
is 'what is shown is what was counted' 0 "$(sqlite3 "$db" "ATTACH '$W/all/statistics-202608.sqlite' AS a;
	SELECT count(*) FROM figure f LEFT JOIN a.figure g USING (theme, key1, key2) WHERE f.hidden = 0 AND f.value IS NOT g.value")"
# the attack is worth something: with the secondary ones shown it succeeds
cp "$db" "$W/primary.sqlite"
sqlite3 "$W/primary.sqlite" "ATTACH '$W/all/statistics-202608.sqlite' AS a; UPDATE figure SET hidden = 0, value =
	(SELECT value FROM a.figure g WHERE g.theme = figure.theme AND g.key1 = figure.key1 AND g.key2 = figure.key2)
	WHERE hidden AND (SELECT value FROM a.figure g WHERE g.theme = figure.theme AND g.key1 = figure.key1 AND g.key2 = figure.key2) >= 10"
python3 tests/statistics.py attack "$W/primary.sqlite" 10 >"$W/attack2"
is 'hiding the small ones alone would not do' 1 $?
is 'what came late, few, is hidden in every form' '× 1 1' "$(sqlite3 "$db" "SELECT value FROM about WHERE name = 'late_lines'") $(grep -A 1 'Late usage records' "${db%.sqlite}.html" | grep -c '<dd>×</dd>') $(sqlite3 "$W/all/statistics-202608.sqlite" "SELECT value BETWEEN 1 AND 9 FROM about WHERE name = 'late_lines'")"
is 'no name in it' 0 "$(grep -lF "$(sqlite3 "$(find "$Q/snapshots" -name 'qualification-*.sqlite')" 'SELECT Name FROM period LIMIT 1')" "$S"/* | wc -l)"
bad=0
while read -r name; do
	sqlite3 -readonly "$db" "$(sqlite3 "$db" "SELECT sql FROM query WHERE name = '$name'")" >>"$W/queries" 2>&1 || bad=$((bad + 1))
done < <(sqlite3 "$db" 'SELECT name FROM query')
is 'every query inside runs' 0 $bad
is 'it is sound' ok "$(sqlite3 "$db" 'PRAGMA integrity_check')"

cp "$db" "$W/a.sqlite"

# ---- shikaku-query ----
query() { "$B/shikaku-query" "$@" 2>"$W/err"; }
is 'SQL, as CSV' "day,value" "$(query -f csv "$db" 'SELECT day, value FROM questions_by_day' | head -n 1 | tr -d '\r')"
is 'the same rows as sqlite3' "$(sqlite3 -separator '	' "$db" 'SELECT day, value FROM questions_by_day')" \
    "$(query "$db" 'SELECT day, value FROM questions_by_day' | tail -n +2)"
is 'JSON is JSON, a hidden figure null' "$(sqlite3 "$db" 'SELECT count(*) FROM figure WHERE hidden')" \
    "$(query -f json "$db" 'SELECT * FROM figure' | python3 -c 'import json, sys; print(sum(r["value"] is None for r in json.load(sys.stdin)))')"
is 'Markdown' '| --- | --- |' "$(query -f markdown -q busiest-days "$db" | sed -n 2p)"
is 'a canned query' 6 "$(query -q busiest-hours "$db" | wc -l)"
is 'the list of them' 13 "$(query -l "$db" | wc -l)"
before=$(cksum <"$db")
query "$db" 'DELETE FROM figure'
is 'what writes is refused' 32 $?
query "$db" 'SELECT 1; DROP TABLE figure'
is 'two statements too' 32 $?
query -q nothing "$db"
is 'a query that is not there' 32 $?
query "$W/nothing.sqlite" 'SELECT 1'
is 'a file that is not there' 32 $?
is 'and nothing was written' "$before" "$(cksum <"$db")"

# ---- the same again, an open month, the past ----
before=$(cat "$S"/statistics-202608.* | cksum)
report 2026-08-31
is 'again: nothing to do' 1 "$status"
report 2026-08-20
is 'a day of the past' 0 "$status"
is 'is an open month' '0 2026-08-20' "$(sqlite3 -separator ' ' "$S/statistics-202608-open.sqlite" "SELECT value FROM about WHERE name IN ('closed', 'last_day') ORDER BY name" | tr '\n' ' ' | sed 's/ $//')"
is 'and says so' 1 "$(grep -c '未確定' "$S/statistics-202608-open.html")"
is 'the closed one is not touched' "$before" "$(cat "$S"/statistics-202608.* | cksum)"
report 2026-08-31
is 'and what was open goes' 0 "$(find "$S" -name '*-open*' | wc -l)"

# ---- the day ----
is 'the day has a file too' "$(cat "$Q"/journal/usage-20260831.*.log | grep -vc '^At,')" "$(sqlite3 "$S/statistics-20260831.sqlite" 'SELECT value FROM questions')"
is 'it has what is insured, as the month has' 0 "$(sqlite3 "$S/statistics-20260831.sqlite" "ATTACH '$db' AS m; SELECT count(*) FROM insured JOIN m.insured b WHERE b.value IS NOT insured.value")"
python3 tests/statistics.py attack "$S/statistics-20260831.sqlite" 10 >/dev/null
is 'and gives no hidden figure away' 0 $?

# ---- bad input: named in the report and in the exit code ----
is 'no finding so far' 0 "$(sqlite3 "$db" 'SELECT count(*) FROM finding')"
finding() { sqlite3 -separator ' ' "$db" "SELECT code, subject FROM finding ORDER BY code, subject"; }
mv "$Q"/journal/usage-20260812.*.log "$W/"
printf '2026-08-31T10:00:00.000+09:00,0,3,cut' >>"$Q/journal/usage-20260831.0.log"
again 2026-08-31
is 'a day without a journal, a line cut: done, but' 4 "$status"
is 'both named' 'W4042 2026-08-12 W4043 usage-20260831.0.log' "$(finding | tr '\n' ' ' | sed 's/ $//')"
is 'on standard error too' 2 "$(grep -cE 'W4042|W4043' "$W/err")"
mv "$W"/usage-20260812.*.log "$Q/journal/"
sed -i '$d' "$Q/journal/usage-20260831.0.log"
# the set in force is signed; a master of another day is a snapshot of its own
late=$(python3 - "$Q/journal" <<'END'
import hashlib, sys
name = "usage-20260831.7.log"
first = open(sys.argv[1] + "/usage-20260830.0.log").readlines()
v = first[1].split(",")
v[0], v[1], v[2], v[4] = "2026-08-31T10:00:00.000+09:00", "7", "1", "4799999999"
line = ",".join(v[:-1])
chain = hashlib.sha256((hashlib.sha256(name.encode()).hexdigest()[:16] + line).encode()).hexdigest()[:16]
print(first[0] + line + "," + chain)
END
)
again 2026-08-31 # without it: given out
given=$(cat "$S"/statistics-202608.* "$I"/box/*/out/statistics-202608.html | cksum)
echo "$late" >"$Q/journal/usage-20260831.7.log"
report 2026-08-31
is 'a month given out is not given out again: two versions tell a hidden figure' "$given" "$(cat "$S"/statistics-202608.* "$I"/box/*/out/statistics-202608.html | cksum)"
revised=$S/statistics-202608-revised.sqlite
is 'what is counted now is beside it, for the operator' '4 1 1 5' "$status $(sed -n 's/.* revised=\([0-9]*\).*/\1/p' "$W/out") $(grep -c '再集計.*運用者限り' "${revised%.sqlite}.html") $(find "$S" -name '*-revised.*' | wc -l)"
"$B/shikaku-report" -c "$W/all.yaml" -D 2026-08-31 >/dev/null 2>&1
is 'nor with a setting that hides nothing' "$given" "$(cat "$S"/statistics-202608.* "$I"/box/*/out/statistics-202608.html | cksum)"
report 2026-08-31
is 'an institution the master has not got' '4 W4040 4799999999' "$status $(db=$revised finding)"
"$B/shikaku-report" diff "$db" "$revised" >"$W/diff"
is 'diff tells what changed' 0 $?
is 'a record came since, on that day' 2 "$(grep -cE 'usage records: \+1 |questions changed: 20260831 ' "$W/diff")"
is 'and the finding it brought' 1 "$(grep -c '^| new | W4040 | 4799999999 |' "$W/diff")"
is 'and the figure, to the unit' '| questions |  |  | 6000 | 6001 | +1 |' "$(grep '^| questions | ' "$W/diff" | tail -n 1)"
"$B/shikaku-report" diff "$db" "$db" >/dev/null
is 'a file and itself: nothing changed' 1 $?
"$B/shikaku-report" diff "$db" "$W/site.yaml" 2>/dev/null
is 'a file that is none' 32 $?
rm -f "$Q/journal/usage-20260831.7.log"
report 2026-08-31
is 'counted as given out: nothing is beside it' '0 0' "$status $(find "$S" -name '*-revised.*' | wc -l)"

master_db=$(find "$Q/snapshots" -name 'institutions-*.sqlite')
cp "$master_db" "$W/master.sqlite"
chmod u+w "$master_db"
closed=$(sqlite3 "$db" "SELECT institution FROM questions_by_institution WHERE institution <> 'none' LIMIT 1")
sqlite3 "$master_db" "UPDATE institution SET DesignatedUntil = '20260331' WHERE InstitutionCode = '$closed'"
again 2026-08-31
is 'an institution that was closed before' "4 W4041 $closed" "$status $(finding)"
cp "$W/master.sqlite" "$master_db"

cp "$Q/out/usage/riyo_month-202608.csv" "$W/"
awk -F, -v OFS=, '$1 == 2 && $4 == 2 { $8 = n++ ? 0 : 7 } $1 == 2 { sum += $8 } $1 == 3 { sub(/[0-9]+/, sum, $3) } { print }' "$W/riyo_month-202608.csv" >"$Q/out/usage/riyo_month-202608.csv"
again 2026-08-31
is 'few units are hidden, and what they cost, for the price is known' '1 1 0' "$(sqlite3 -separator ' ' "$db" "SELECT (SELECT hidden FROM usage_by_use_and_billing WHERE use = '2' AND billing = 'billable'), min(hidden) FILTER (WHERE use = '2'), max(hidden) FILTER (WHERE use = '1') FROM cost_by_use_and_prices")"
cp "$W/riyo_month-202608.csv" "$Q/out/usage/"

sed -i '/2026-2,2/d' "$W/masters/ryokin.csv"
again 2026-08-31
is 'days without a price' '4 W4046 2026-08-21..2026-08-31' "$status $(finding)"
printf '2026-2,2,701,20260821,\r\n' >>"$W/masters/ryokin.csv"
ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS:-}" faketime '2026-08-31 06:00:00 UTC' "$B/shikaku-report" -c "$W/site.yaml" -D 2026-08-31 >"$W/out" 2>"$W/err"
is 'while the service is open, so is the month' '4 W4045 2026-08-31' "$? $(db=${db%.sqlite}-open.sqlite finding)"

# a master that has an institution twice, the next month
printf '1,1,KOSEI001,iryokikan,20260901,2,\r\n2,1,1310110049,13,1,,医院,,,,,,\r\n2,2,1310110056,13,1,,薬局,,,,,,\r\n2,3,1310110049,13,1,,病院,,,,,,\r\n3,3,0\r\n' >"$W/iryokikan.csv"
tests/send.sh "$W" KOSEI001 iryokikan 20260901 2 "$W/iryokikan.csv" >/dev/null
tests/night.sh "$W/site.yaml" 2026-09-01 intake ingest >"$W/twice.log" 2>&1
report 2026-09-01
is 'an institution twice in the master' '4 E6001' \
    "$status $(sqlite3 "$S/statistics-202609-open.sqlite" "SELECT subject FROM finding WHERE code = 'W4044'")"
is 'and which record is in the error list' '"3"' "$(awk -F, '/E6001/ { print $4 }' "$Q/box/KOSEI001/out/KOSEI001_iryokikan_20260901_0002.errors.csv")"
find "$S" -name '*-open*' -delete

# ---- the workbook, on paper ----
again 2026-08-31
before=$(sha256sum <"$S/statistics-202608.xlsx")
mv "$S/statistics-202608.xlsx" "$W/book.xlsx"
again 2026-08-31
is 'made again, the workbook has the same bytes' "$before" "$(sha256sum <"$S/statistics-202608.xlsx")"
if command -v soffice >/dev/null; then
	soffice "-env:UserInstallation=file://$W/office" --headless --convert-to pdf --outdir "$W" "$W/book.xlsx" >/dev/null 2>&1
	is 'LibreOffice prints it on A4 landscape' '842 595' "$(pdfinfo "$W/book.pdf" 2>/dev/null | awk '/^Page size/ { printf "%d %d", $3 + .5, $5 + .5 }')"
	is 'its charts have their titles, its sheets their names' 2 "$(pdftotext -f 2 -l 2 "$W/book.pdf" - 2>/dev/null | grep -c '^日別の照会件数$')"
	rm -rf "$W/office"
else
	echo 'SKIP: no LibreOffice: the workbook is not printed'
fi

# ---- books from before there were problems in them ----
sqlite3 "$I/ledger.sqlite" 'DROP TABLE problem; DROP TABLE signoff; PRAGMA user_version = 4'
again 2026-08-31
is 'older books are brought up to date' '0 6 0' "$status $(sqlite3 "$I/ledger.sqlite" 'PRAGMA user_version; SELECT count(*) FROM problem' | tr '\n' ' ' | sed 's/ $//')"

is 'a sender whose records were refused is not told that nothing was wrong' '0 1' \
    "$(grep -c 'エラーも警告もありません' "$I/box/06139117/out/statistics-202608.html") $(grep -c 'エラーの内訳がこの月の台帳にありません（エラーのレコード [1-9]' "$I/box/06139117/out/statistics-202608.html")"

is 'and a legend has its English' 1 "$(sed -n '/id="records_by_feed_and_result"/,/<svg/p' "$I/box/06139117/out/statistics-202608.html" | grep -c 'エラー <small lang="en">refused</small></li>')"

# ---- the page ----
page=$S/statistics-202608.html
is 'the page is small' yes "$([ "$(stat -c %s "$page")" -lt 2000000 ] && echo yes)"
is 'no script, nothing fetched' 0 "$(grep -cE '<script|src=|https?://|@import|url\(' "$page")"
section() { sed -n "/<section id=\"$1\"/,/<\/section>/p" "$page"; }
for t in questions_by_hour_and_kind insured_by_age_and_sex; do
	is "a column of $t of which a part is hidden says so" "$(sqlite3 "$db" "SELECT count(DISTINCT figure.key1) FROM figure JOIN theme ON theme = id WHERE theme.name = '$t' AND hidden")" \
	    "$(section $t | grep -o '>×</text>' | wc -l)"
	is 'and its scale has a unit' 1 "$(section $t | grep -c '>件</text>')"
done
is 'a heat map says what its darkest is' 1 "$(section questions_by_weekday_and_hour | grep -c "最大 $(sqlite3 "$db" 'SELECT max(value) FROM questions_by_weekday_and_hour')件")"
is 'every chart has a title and words' "$(grep -c '<svg' "$page")" "$(grep -c '<svg.*role="img".*<title id=.*<desc id=' "$page")"
xmllint --html --noout "$page" 2>&1 | grep -avE 'Tag (svg|section|figure|rect|text|line|path|circle|title|desc) invalid' | grep -qa error
is 'it is well formed' 1 $?
browser=$(command -v chromium || command -v chromium-browser)
if [ -z "$browser" ]; then
	echo 'SKIP: no chromium: the page is not shown'
else
	for width in 360 768 1280; do
		# a frame of that width: headless windows are never below 500
		printf '<body style="margin:0"><iframe id="f" style="width:%dpx;height:900px;border:0" src="%s"></iframe><script>f.onload = () => { const d = f.contentDocument; document.title = "over " + (d.documentElement.scrollWidth - d.documentElement.clientWidth) }</script>' \
		    $width "file://$page" >"$W/frame.html"
		"$browser" --headless --no-sandbox --disable-gpu --allow-file-access-from-files --user-data-dir="$W/chrome" \
		    --virtual-time-budget=4000 --window-size=1400,1000 --dump-dom "file://$W/frame.html" 2>/dev/null >"$W/dom"
		is "no overflow at $width px" 0 "$(sed -n 's/.*<title>over \([0-9]*\)<.*/\1/p' "$W/dom")"
	done
	"$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$W/chrome" --print-to-pdf="$W/page.pdf" "file://$page" >/dev/null 2>&1
	is 'it prints on A4' '595 842' "$(pdfinfo "$W/page.pdf" 2>/dev/null | awk '/^Page size/ { printf "%d %d", $3 + .5, $5 + .5 }')"
	rm -rf "$W/chrome"
fi
part_end
