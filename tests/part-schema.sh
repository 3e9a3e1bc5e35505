#!/bin/bash
# What partners read and validate against says what our tables say: schemas and
# manual pages equal to the tables, and of every layout an example that is read,
# written back byte for byte, and validates.
. "$(dirname "$0")/part.sh"
W=$B/part-schema
rm -rf "$W"
mkdir -p "$W"
python3 tests/schema.py check "$B/shikaku-check" >"$W/out"
ok 'schemas and pages say what the tables say' $?
grep -v ' passed, ' "$W/out"
mandoc -Tlint -Wwarning formats/*.5 >"$W/mandoc"
ok 'the pages are good mdoc' $?

# an example of each
X=tests/data/layouts
"$B/shikaku-check" --describe | sed -n '3,$s/^| \([^ ]*\) .*/\1/p' >"$W/names"
[ "$(wc -l <"$W/names")" -ge 33 ]
ok 'the list is whole' $?
while read -r name; do
	example=$(find $X -name "$name.*" | head -1)
	[ -n "$example" ]
	ok "$name has an example in $X" $?
	[ -n "$example" ] || continue
	if [ "$name" = errors ]; then # all quoted: our writer needs no quotes
		"$B/tool-layout" trip "$name" "$example" >"$W/trip" 2>"$W/err" &&
		    python3 -c 'import csv, sys
a, b = (list(csv.reader(open(f, encoding="utf-8-sig", newline=""))) for f in sys.argv[1:])
sys.exit(a != b or len(a) < 2)' "$example" "$W/trip"
	else
		"$B/tool-layout" trip "$name" "$example" >"$W/trip" 2>"$W/err" &&
		    cmp -s "$example" "$W/trip"
	fi
	ok "$name: the example is read and written back the same" $?
	cat "$W/err"
	[ -f "schemas/$name.xsd" ] || continue
	xmllint --noout --schema "schemas/$name.xsd" "$example" 2>"$W/lint"
	ok "$name: the example validates" $?
	# each required leaf taken away: refused by the schema and by us
	while read -r leaf; do
		sed "s|<$leaf>[^<]*</$leaf>||" "$example" >"$W/bad.xml"
		! xmllint --noout --schema "schemas/$name.xsd" "$W/bad.xml" 2>/dev/null
		ok "$name without $leaf does not validate" $?
		! "$B/tool-layout" trip "$name" "$W/bad.xml" >/dev/null 2>"$W/err" && grep -Eq 'E1101|F330' "$W/err"
		ok "$name without $leaf is refused" $?
	done < <("$B/shikaku-check" --describe "$name" | awk -F'|' \
	    '$8 ~ /required/ && $5 ~ /[0-9]/ { gsub(/[ ・]/, "", $3); print $3 }' |
	    sort -u | while read -r leaf; do
		grep -q "<$leaf>" "$example" && [ "$leaf" != RecordType ] && echo "$leaf"
	    done)
done <"$W/names"

# the forms of --describe open in what they are made for
"$B/shikaku-check" --describe --as html >"$W/all.html"
xmllint --noout --html "$W/all.html" 2>"$W/html"
ok 'the page of all is HTML' $?
"$B/shikaku-check" --describe --as xlsx >"$W/all.xlsx"
ok 'the workbook of all' $?
for name in workbook sharedStrings; do
	unzip -p "$W/all.xlsx" "xl/$name.xml" >"$W/$name.xml" 2>/dev/null
done
[ "$(grep -o '<sheet ' "$W/workbook.xml" | wc -l)" -eq $(($(wc -l <"$W/names") + 1)) ]
ok 'a sheet per layout and one for the list' $?
unzip -p "$W/all.xlsx" 'xl/worksheets/*.xml' | grep -q 市町村被保険者ID || grep -q 市町村被保険者ID "$W/sharedStrings.xml"
ok 'the workbook has the Japanese names' $?
"$B/shikaku-check" --describe nothing 2>/dev/null
[ $? -eq 32 ]
ok 'a layout that is not there is wrong use' $?
"$B/shikaku-check" --describe link --as xsd 2>/dev/null
[ $? -eq 32 ]
ok 'XSD of what is no XML is wrong use' $?
"$B/shikaku-check" --describe link --as pdf 2>/dev/null
[ $? -eq 32 ]
ok 'a form that is not there is wrong use' $?

# a file of the record writer, and the server's own reading of it
xml=tests/data/shikaku/valid.xml
"$B/shikaku-check" -f shikaku -s xml -e utf8 $xml >"$W/check" 2>&1
ok 'the example of shikaku is what the receiver would take' $?
# columns of the error list: what the program writes is what the table says
printf '1,1,06139992,link,20260801,1,\r\n2,x\r\n' >"$W/link.csv"
"$B/shikaku-check" "$W/link.csv" >"$W/errors.csv" 2>/dev/null
"$B/tool-layout" trip errors "$W/errors.csv" >"$W/trip" 2>"$W/err"
ok 'an error list as it is written is read by its table' $?
cat "$W/err"
# shellcheck disable=SC2046
set -- $(sed -n 's/^layouts: \([0-9]*\) passed, \([0-9]*\) failed/\1 \2/p' "$W/out")
passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1}))
part_end
