#!/bin/bash
# shikaku-check on record files and roots, shikaku-inspect on every kind of
# file: what a sender is told beforehand, what an operator is told afterwards,
# and that nothing private is shown unasked.
. "$(dirname "$0")/part.sh"
W=$B/part-check
has() { grep -q -e "$1" "$W/out"; }
has_not() { ! grep -q -e "$1" "$W/out"; }
said() { grep -q -e "$1" "$W/err"; }
run() { # PROGRAM ARGUMENTS: status in $status
	p=$1
	shift
	"$B/shikaku-$p" "$@" >"$W/out" 2>"$W/err"
	status=$?
}
rm -rf "$W"
mkdir -p "$W"
tests/site.sh "$W"
SITE=$W/site.yaml I=$W/intermediate Q=$W/qualification

# ---- a record file before it is sent: senders table, three rows ----
printf 'Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\r\nA,intermediate,shikaku,山田健保,,\r\nB,intermediate,nhi,国保,20260801,\r\n' >"$W/senders.csv"
run check "$W/senders.csv"
does 'a right file: 0' test $status -eq 0
does 'its list has a head only' test "$(wc -l <"$W/out")" -eq 1
does 'and begins with a byte order mark' test "$(head -c 3 "$W/out" | od -An -tx1 | tr -d ' ')" = efbbbf
does 'the verdict has the counts' said 'layout=senders syntax=csv charset=utf8-bom read=2 accepted=2 refused=0'
printf 'Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\r\na,nowhere,shikaku,秘密,20260230,\r\nB,intermediate,nhi,国保,,\r\n' >"$W/bad.csv"
run check -f senders "$W/bad.csv"
does 'a table of ours with a bad row is refused whole: 34' test $status -eq 34
does 'every fault of the row is listed' test "$(grep -c '"E1[0-9]*"' "$W/out")" -eq 3
does 'no value is' has_not '秘密'
run check "$W/bad.csv"
does 'a name that says nothing: 34' test $status -eq 34
does 'and -f is asked for' said 'with -f'
run check -f nonsense "$W/bad.csv"
does 'an unknown layout: 34' test $status -eq 34
run check "$W/absent.csv"
does 'no such file: 34' test $status -eq 34
mkdir "$W/empty"
: >"$W/empty/senders.csv"
run check "$W/empty/senders.csv"
does 'an empty file: 34' test $status -eq 34

# ---- what was agreed is said, not guessed ----
"$B/tool-layout" example iryokikan >"$W/iryokikan.csv"
run check "$W/iryokikan.csv"
all=$status
sed 's/\r$//' "$W/iryokikan.csv" >"$W/empty/iryokikan.csv"
run check "$W/empty/iryokikan.csv"
does 'lines in LF alone: 34' test $status -eq 34
does 'F3317' has '"F3317"'
run check --agreed lf "$W/empty/iryokikan.csv"
does 'agreed: as with CR LF' test $status -eq $all
does 'a note' has '"N3513"'
run check --agreed everything "$W/iryokikan.csv"
does 'a leniency nobody knows: 32' test $status -eq 32
rm "$W/iryokikan.csv" "$W/empty/iryokikan.csv"

# ---- a message: bulk inquiry, each person judged alone ----
X=tests/data/layouts
for f in "$X"/OQS*.xml "$X"/*.yaml; do
	run check "$f"
	does "$(basename "$f") would be taken: 0" test "$status $(wc -l <"$W/out")" = '0 1'
	name=$(basename "$f")
	does 'as what it is' said "layout=${name%.*} syntax=${name##*.} "
done
cp "$X/crl.yaml" "$W/manifest.yaml"
run check "$W/manifest.yaml"
does 'a manifest is known by its feed' said 'layout=crl syntax=yaml read=2 accepted=2'
rm "$W/manifest.yaml"
# the second person has no birth date, the third a letter in 保険者番号
awk '/<QualificationConfirmSearchInfo>/ { n++ } n == 2 && /<Birthdate>/ { next }
    n == 3 && /<InsurerNumber>/ { sub(/1399/, "x399") } { print }' "$X/OQSmuquc01req.xml" >"$W/OQSmuquc01req_1.xml"
iconv -f UTF-8 -t CP932 "$W/OQSmuquc01req_1.xml" | sed 's/UTF-8/Shift_JIS/' >"$W/OQSmuquc01req_2.xml"
for n in 1 2; do
	run check --with-rows "$W/OQSmuquc01req_$n.xml"
	does 'two persons of three have faults: 4' test $status -eq 4
	does 'and are counted' said 'read=3 accepted=1 refused=2'
	does 'a row says line, person, item, code' has "\"OQSmuquc01req_$n.xml\",\"18\",\"\",\"2\",\"12\",\"Birthdate\",\"E1101\""
	does 'and in Japanese what it is about' has '"資格確認照会用情報（QualificationConfirmSearchInfo）","","生年月日","必須'
	does 'the row of the third' has '"3","8","InsurerNumber","E1104".*>  x39998<.*>102_1<'
	does 'no more than these' test "$(wc -l <"$W/out")" -eq 3
done
run check "$W/OQSmuquc01req_1.xml"
does 'without --with-rows no value is shown' has_not 'x39998\|102_1'
sed 's/>20190416</>20190431</' "$X/OQSmuquc01req.xml" >"$W/OQSmuquc01req_3.xml"
run check "$W/OQSmuquc01req_3.xml"
does 'a fault of the header spoils the whole: 34' test $status -eq 34
does 'is the message itself' has '"4","","","3","QualificationConfirmationDate","E1201","エラー","資格確認一括照会要求（OQSmuquc01req）"'
does 'and all of it is refused' said 'read=3 accepted=0 refused=3'
sed 's/<NumberOfError>[0-9]*/<NumberOfError>9/' "$X/OQSmuquc02res.xml" >"$W/answer.xml"
run check -f OQSmuquc02res "$W/answer.xml"
does 'counts that do not add up: 34' test $status -eq 34
does 'F3303' has '"F3303"'
sed 's/<MessageBody>/<MessageBody><Extra>1<\/Extra>/' "$X/OQSmuquc02req.xml" >"$W/OQSmuquc02req_1.xml"
run check "$W/OQSmuquc02req_1.xml"
does 'an element of no item is passed over: 0' test $status -eq 0
does 'and told' said '1 elements are of no item'
printf '<!DOCTYPE a []>\n<XmlMsg/>\n' >"$W/OQSmuquc02req_2.xml"
run check "$W/OQSmuquc02req_2.xml"
does 'a DOCTYPE: 34' test $status -eq 34
does 'F3307' has '"F3307"'
: >"$W/OQSmuquc02req_3.xml"
run check "$W/OQSmuquc02req_3.xml"
does 'an empty message: 34' test $status -eq 34
does 'F3009' has '"F3009"'
truncate -s 65M "$W/OQSmuquc01req_4.xml"
run check "$W/OQSmuquc01req_4.xml"
does 'one beyond the limit: 34' test $status -eq 34
does 'F3008' has '"F3008"'
rm "$W"/OQS*.xml "$W/answer.xml"
sed 's/records: [0-9]*/records: x/' "$X/manifest.yaml" >"$W/manifest.yaml"
run check "$W/manifest.yaml"
does 'a manifest with a fault is refused whole: 34' test $status -eq 34
does 'its member is named' has '"構成ファイル（members）","","[^"]*","数字以外'
rm "$W/manifest.yaml"
run check
does 'nothing named: 32' test $status -eq 32
run inspect
does 'nothing to inspect: 32' test $status -eq 32

# ---- a country, a night ----
"$B/shikaku-sample" -c "$SITE" --people 1000 --seed 1 -D 2026-08-01 >/dev/null 2>&1
UP=$(find "$I/box" -name '*_shikaku_*.p7m' | sort | head -n 1)
run inspect -c "$SITE" "$UP"
does 'a sealed upload is opened' test $status -eq 0
does 'its signer is named' has "signer $(basename "$UP" | cut -d_ -f1),"
does 'its manifest is shown' has 'layout: shikaku'
run inspect "$UP"
does 'not without a site: 34' test $status -eq 34
printf 'x' >>"$UP.copy.p7m" && cat "$UP" >>"$UP.copy.p7m" && mv "$UP.copy.p7m" "$W/broken.zip.p7m"
run inspect -c "$SITE" "$W/broken.zip.p7m"
does 'a broken seal: 34' test $status -eq 34
"$B/shikaku-intake" -c "$SITE" -D 2026-08-01 >/dev/null 2>&1
for m in "$I"/ready/*_shikaku_*/0001.* "$I"/ready/*_nhi_*/0001.*; do
	run check "$m"
	does "what is sent is right: $m" test $status -eq 0
done
CSV=$(find "$I/ready" -name '0001.csv' -size +2k | sort | head -n 1)
run inspect "$CSV"
does 'a record file is shown' test $status -eq 0
does 'with names of items in Japanese' has '保険者番号'
does 'names masked' has 'Name (氏名): ●×'
does 'ten records' test "$(grep -c '^record' "$W/out")" -le 10
run inspect -u -l 1 "$CSV"
does 'unmasked where asked' has_not '●×'
# one record spoiled: the others would be taken
D=$(dirname "$CSV")
mkdir "$W/spoiled"
cp "$D/manifest.yaml" "$W/spoiled/"
awk -F, 'BEGIN { OFS = "," } NR == 2 { $9 = ($9 ~ /^"/ ? "\"06139991\"" : "06139991") } { print }' "$CSV" >"$W/spoiled/0001.csv"
run check "$W/spoiled/0001.csv"
does 'a wrong check digit: 4' test $status -eq 4
does 'is listed with its code' has '"E1203"'
does 'in record 1' has '"1","9","InsurerNumber","E1203"'
head -c 1500 "$CSV" >"$W/spoiled/0001.csv"
run check "$W/spoiled/0001.csv"
does 'a cut file: 34' test $status -eq 34
for p in ingest codes deliver intake ingest revoke rebuild; do
	[ -x "$B/shikaku-$p" ] && "$B/shikaku-$p" -c "$SITE" -D 2026-08-01 >/dev/null 2>&1
done

# ---- the roots ----
run check -c "$SITE"
does 'after a night the roots are in order: 0' test $status -eq 0
does 'no problems on either side' has 'problems_intermediate=0.*problems_qualification=0'
SEG=$(find "$I/segments" -name '*.period.seg' | sort | head -n 1)
run inspect -l 1 "$SEG"
does 'a segment is shown' test $status -eq 0
does 'its key fields masked' has 'PersonId (被保険者枝番): ●×'
for s in "$Q"/snapshots/*.sqlite; do
	run inspect -l 1 "$s"
	does "a snapshot is shown: $s" test $status -eq 0
	does 'with its generation' has 'generation 1$'
done
run inspect "$Q/snapshots/current/manifest.yaml"
does 'a manifest is shown' has '^serial: '
run inspect "$I/ledger.sqlite"
does 'a ledger is none of these: 34' test $status -eq 34
RECEIPT=$(find "$I/box" -name '*.receipt.yaml' | sort | head -n 1)
run inspect "$RECEIPT"
does 'a receipt is shown' test $status -eq 0

cp "$SEG" "$W/seg"
printf '\001' | dd of="$SEG" bs=1 seek=100 conv=notrunc 2>/dev/null
run check -c "$SITE"
does 'a changed byte in a segment: 36' test $status -eq 36
does 'is a broken segment' said F4001
run inspect "$SEG"
does 'and inspect refuses it: 34' test $status -eq 34
cp "$W/seg" "$SEG"
mv "$SEG" "$W/seg"
run check -c "$SITE"
does 'a segment gone: 36' test $status -eq 36
does 'is told' said 'F9009.*in the ledger, but not there'
mv "$W/seg" "$SEG"
cp "$SEG" "$I/segments/00000000_shikaku_20260801_0009.period.seg"
run check -c "$SITE"
does 'a segment nobody knows: 36' test $status -eq 36
rm "$I/segments/00000000_shikaku_20260801_0009.period.seg"
DONE=$(find "$I/done" -type f | sort | head -n 1)
mv "$DONE" "$I/refused/"
run check -c "$SITE"
does 'an upload in the wrong folder: 36' test $status -eq 36
does 'is told' said 'F9009.*accepted, but not in done/'
mv "$I/refused/$(basename "$DONE")" "$DONE"
cp "$DONE" "$I/done/00000000_shikaku_20260801_0009.zip.p7m"
run check -c "$SITE"
does 'an upload nobody knows: 36' test $status -eq 36
rm "$I/done/00000000_shikaku_20260801_0009.zip.p7m"
sqlite3 "$I/ledger.sqlite" 'UPDATE file SET read = read + 1 WHERE sender = (SELECT min(sender) FROM file)'
run check -c "$SITE"
does 'books that do not balance are told' said F9008
does 'and end with more than 35' test $status -ge 36
sqlite3 "$I/ledger.sqlite" 'UPDATE file SET read = read - 1 WHERE sender = (SELECT min(sender) FROM file)'
run check -c "$SITE"
does 'all put back: 0' test $status -eq 0
M=$(readlink -f "$Q/snapshots/current/manifest.yaml")
cp "$M" "$W/manifest.yaml"
sed -i 's/^serial: .*/serial: 9/' "$M"
run check -c "$SITE"
does 'a manifest changed after it was signed: 36' test $status -eq 36
does 'is told' said F4007
cp "$W/manifest.yaml" "$M"
SNAP=$(find "$Q/snapshots" -name '*.sqlite' | sort | head -n 1)
cp "$SNAP" "$W/snap"
chmod u+w "$SNAP"
printf '\377' | dd of="$SNAP" bs=1 seek=5000 conv=notrunc 2>/dev/null
run check -c "$SITE"
does 'a changed byte in a snapshot: 36' test $status -eq 36
does 'is told' said F4003
cp "$W/snap" "$SNAP"

# ---- tables ----
for l in shikaku nhi_household nhi_person link codes iryokikan senders insurers usage riyo reflection; do
	run inspect -t "$l"
	does "the table of $l" test $status -eq 0 -a "$(grep -c '^| [0-9]' "$W/out")" -gt 3
done
run inspect -t nothing
does 'no such table: 32' test $status -eq 32
does 'the layouts are named' said 'nhi_person'
part_end
