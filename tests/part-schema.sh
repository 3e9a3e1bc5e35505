#!/bin/sh
# What partners validate against says what our tables say: XSD and table
# equal, and a file the record writer made validates.
set -u
cd "$(dirname "$0")/.." || exit 64
B=${B:-$PWD/build/release}
W=$B/part-schema
rm -rf "$W"
mkdir -p "$W"
"$B/shikaku-inspect" -t shikaku >"$W/table.md" || { echo 'schema: 0 passed, 1 failed'; exit 1; }
python3 tests/schema.py schemas/shikaku.xsd "$W/table.md" >"$W/out"
status=$?
grep -v ' passed, ' "$W/out"
set -- $(sed -n 's/^schema: \([0-9]*\) passed, \([0-9]*\) failed/\1 \2/p' "$W/out")
passed=${1:-0} failed=${2:-1}
xml=tests/data/shikaku/valid.xml
if xmllint --noout --schema schemas/shikaku.xsd $xml 2>"$W/lint" &&
    "$B/shikaku-check" -f shikaku -s xml -e utf8 $xml >"$W/check" 2>&1; then
	passed=$((passed + 1))
else
	failed=$((failed + 1)); cat "$W/lint" "$W/check"
fi
# and both refuse a record without its required name
sed 's|<Name>[^<]*</Name>||' $xml >"$W/bad.xml"
if ! xmllint --noout --schema schemas/shikaku.xsd "$W/bad.xml" 2>/dev/null &&
    "$B/shikaku-check" -f shikaku -s xml -e utf8 "$W/bad.xml" 2>/dev/null | grep -q E1101; then
	passed=$((passed + 1))
else
	failed=$((failed + 1)); echo 'not ok: a missing Name is refused by both'
fi
echo "schema: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $status -eq 0 ]
