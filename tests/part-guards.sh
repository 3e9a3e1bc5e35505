#!/bin/bash
# Files held as a whole (保留): by counts against the ledger, by a gap in the
# running numbers, behind one another; released, refused, and nothing lost.
. "$(dirname "$0")/part.sh"
T="$B/part-guards"
site() { # a site of its own in $T/$1
	S="$T/$1" I="$T/$1/intermediate"
	rm -rf "$S"
	mkdir -p "$S"
	tests/site.sh "$S"
	mkdir -p "$S/masters" "$S/pki" "$I/ready" "$S/qualification/ready"
	cat >"$S/masters/senders.csv" <<-EOF
	Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn
	06139992,intermediate,shikaku,健保,,
	KOKUHO13,intermediate,nhi,東京都国保連,,
	EOF
	cat >"$S/masters/insurers.csv" <<-EOF
	InsurerNumber,InsurerCode,Scheme,InsurerName,Prefecture,Sender
	06139992,06139992,society,健保,13,06139992
	06130488,06130488,society,もう一つの健保,13,06139992
	139998,00139998,nhi_city,市,13,KOKUHO13
	EOF
	sqlite3 "$I/ledger.sqlite" <schemas/ledger.sql
}
day=2026-08-01
run() { # shikaku-ingest ...: status in $status
	"$B/shikaku-ingest" -c "$S/site.yaml" -D $day "$@" >"$S/out" 2>"$S/err"
	status=$?
	! grep -q 'F9\|Sanitizer' "$S/err" || cat "$S/err"
}
books() { sed -n 's/.* \(read=[0-9]*\) \(accepted=[0-9]*\) \(refused=[0-9]*\) .* \(held=[0-9]*\) \(held_files=[0-9]*\) .*/\1 \2 \3 \4 \5/p' "$S/out"; }
make_() { python3 tests/ingest.py "$@"; }
sql() { sqlite3 "$I/ledger.sqlite" "$1" | tr '\n' ' ' | sed 's/ $//'; }
state() { sql "SELECT sequence || ' ' || state || ' ' || reason FROM file ORDER BY day, sequence"; }
said() { # SEQUENCE: result and codes of the check result
	f=$(ls "$I"/box/*/out/*_"$1".check.yaml)
	echo "$(sed -n 's/^result: "\(.*\)"/\1/p' "$f") $(sed -n '/^held_for/,/^members/s/.*code: //p' "$f" | tr '\n' ' ')"
}
listed() { tail -n +2 "$I/box/06139992/out/$1.errors.csv" | grep -o '"[EFWN][0-9][0-9][0-9][0-9]"' | tr -d '"' | sort | uniq -c | awk '{ print $2 "x" $1 }' | tr '\n' ' ' | sed 's/ $//'; }
O=06139992_shikaku_20260801

# mass loss
site loss
make_ plain "$I" 1 100
run
is 'a first file has nothing to be held to' '0 read=100 accepted=100 refused=0 held=0 held_files=0' "$status $(books)"
is 'what is there is in the books' '06139992 100 0' "$(sql "SELECT insurer || ' ' || covered || ' ' || lost FROM stock")"
make_ plain "$I" 2 20 Change=3 DisqualificationDate=20260801 ReasonOfLoss=99
run
is 'a fifth lost in a day is the limit' '0 2 ingested' "$status $(state | cut -d' ' -f4-5)"
is 'and is counted' '80 20' "$(sql 'SELECT covered || " " || lost FROM stock')"
make_ plain "$I" 3 1 Change=3 DisqualificationDate=20260801 ReasonOfLoss=99
run
is 'one more on that day is held' '5 read=1 accepted=0 refused=0 held=1 held_files=1' "$status $(books)"
is 'the ledger says why' '3 held E3502' "$(state | cut -d' ' -f7-9)"
is 'with the numbers' 'E3502 insurer 06139992: 21 of 100 in a day; at most 20 percent 2026-08-01' \
    "$(sql "SELECT code || ' ' || detail || ' ' || since FROM hold")"
is 'the sender reads it' 'held E3502 ' "$(said 0003)"
ok 'with the numbers too' "$(grep -q 'detail: "insurer 06139992: 21 of 100' "$I/box/06139992/out/${O}_0003.check.yaml"; echo $?)"
ok 'in Japanese too' "$(grep -q 'detail_ja: "保険者06139992: 一日に100件中21件が喪失となります（上限20%）"' "$I/box/06139992/out/${O}_0003.check.yaml"; echo $?)"
ok 'a result that holds is what its table says' "$("$B/shikaku-check" "$I/box/06139992/out/${O}_0003.check.yaml" >"$S/own" 2>&1; echo $?)"
ok 'read = held in the result' "$(grep -q '^    held: 1$' "$I/box/06139992/out/${O}_0003.check.yaml"; echo $?)"
is 'exactly that is in the error list' 'E3502x1' "$(listed ${O}_0003)"
is 'the operator sees its name' "held	${O}_0003	E3502" "$(grep '^held' "$S/out" | cut -f1-3)"
is 'it lies in ready/ and has no segment' "${O}_0003 2" "$(ls "$I/ready") $(ls "$I/segments" | wc -l)"
cp "$I/box/06139992/out/${O}_0003.check.yaml" "$S/before.yaml"
run
is 'again: it waits, and is not read' '5 read=0 accepted=0 refused=0 held=0 held_files=1' "$status $(books)"
ok 'and its result stays' "$(cmp -s "$S/before.yaml" "$I/box/06139992/out/${O}_0003.check.yaml"; echo $?)"
python3 -c "
import sys; sys.path.insert(0, 'tests'); import ingest
ingest.plain('$I', 4, 3, first=501)"
run
is 'a file behind it waits too, for that alone' '5 held E3504 ' "$status $(said 0004)"
is 'and has no reason of its own in the books' '1' "$(sql 'SELECT count(*) FROM hold')"
ok 'it says behind which' "$(grep -q "detail: \"${O}_0003\"" "$I/box/06139992/out/${O}_0004.check.yaml"; echo $?)"
run --release ${O}_0003
is 'a verdict without a reason is wrong usage' "32 $(state)" "$status $(state)"
run --release ${O}_0009 --why x
is 'so is one on what is not held' '32 E7015' "$status $(grep -o E7015 "$S/err")"
run --release ${O}_0003 --why '合併のため' -n
is '-n says what would be, and enters nothing' '' "$(sql 'SELECT verdict FROM hold')"
run --release ${O}_0003 --why '合併のため'
is 'released, both go on' '0 read=4 accepted=4 refused=0 held=0 held_files=0' "$status $(books)"
is 'in their order' '1 ingested  2 ingested  3 ingested  4 ingested' "$(state | sed 's/  */ /g; s/ingested /ingested  /g; s/ *$//')"
is 'who, why and that it was said is kept' "release $(id -un) 合併のため" "$(sql "SELECT verdict || ' ' || who || ' ' || why FROM hold WHERE at > 0")"
ok 'the sender reads that it was released' "$(grep -q N3506 "$I/box/06139992/out/${O}_0003.check.yaml"; echo $?)"
is 'and what was released is not held against the next' '82 0' "$(sql 'SELECT covered || " " || lost FROM stock')"
ok 'ready is empty' "$(rmdir "$I/ready"; echo $?)"

# the next day begins anew; refused, the number is free and the next goes on
mkdir "$I/ready"
day=2026-08-02
export DAY=20260802
make_ plain "$I" 5 17 Change=3 DisqualificationDate=20260801 ReasonOfLoss=99
make_ plain "$I" 6 1 PersonId=P00900
run
is '17 of 82 are held, the other waits' '5 read=18 accepted=0 refused=0 held=18 held_files=2' "$status $(books)"
P=06139992_shikaku_20260802
run --refuse ${P}_0005 --why 誤り
is 'refused: it and only it' '5 read=18 accepted=1 refused=17 held=0 held_files=0' "$status $(books)"
is 'both have their state' '5 refused F3505 6 ingested' "$(state | sed 's/.*5 ref/5 ref/; s/ *$//')"
is 'the result says so' 'refused ' "$(said 0005)"
is 'and lists it' 'F3505x1' "$(listed ${P}_0005)"
is 'nothing of it was counted' '83' "$(sql 'SELECT covered FROM stock')"
# the number again, with other content: the old verdict is not for it
make_ plain "$I" 7 17 Change=3 DisqualificationDate=20260801 ReasonOfLoss=99
sqlite3 "$I/ledger.sqlite" "INSERT INTO hold (sender, feed, day, sequence, sha256, code, detail, since, verdict)
 VALUES ('06139992','shikaku','2026-08-02',7,'another','E3502','','2026-08-02','release')"
run
is 'a verdict holds for the bytes it was given on' '5 held E3502 ' "$status $(said 0007)"
day=2026-08-01
unset DAY

# an item blanked out
site blank
make_ plain "$I" 1 60
make_ plain "$I" 2 60 Change=2 Address= PostNumber=100-0002
run
is 'an item that was there and is gone' '5 read=120 accepted=60 refused=0 held=60 held_files=1' "$status $(books)"
is 'holds the file' 'held E3503 ' "$(said 0002)"
is 'and is named' 'insurer 06139992, Address: filled in 60 of 60 records before, in 0 of 60 now' "$(sql 'SELECT detail FROM hold')"
is 'exactly that is listed' 'E3503x1' "$(listed ${O}_0002)"
site blank2
make_ plain "$I" 1 60
make_ plain "$I" 2 60 Change=2 Address= +Address=東京都
make_ plain "$I" 3 49 Change=2 PostNumber=
make_ plain "$I" 4 60 Change=3 Address= DisqualificationDate=20260801 ReasonOfLoss=99
printf 'guard:\n  loss_percent: 0\n' >>"$S/site.yaml"
run
is 'one that is still there, too few records, and losses are not held' '0 read=229 accepted=229 refused=0 held=0 held_files=0' "$status $(books)"
site blank3
make_ plain "$I" 1 60 InsurerNumber=06130488 InsurerCode=06130488
make_ plain "$I" 2 60 Address=
run
is 'another insurer of the sender is another matter' '0 0' "$status $(sql 'SELECT count(*) FROM hold')"
printf 'guard:\n  blank_before: 0\n' >>"$S/site.yaml"
make_ plain "$I" 3 60 InsurerNumber=06130488 InsurerCode=06130488 Address= Change=2
run
is 'switched off' 0 $status

# what was refused is not counted
site twice
make_ plain "$I" 1 60 PersonId=P1
run
is 'a period sent sixty times is one' '4 1' "$status $(sql 'SELECT covered FROM stock')"

# full files
site full
make_ plain "$I" 1 100
make_ whole_set "$I" 2 90
run
is 'a full file is taken' '0 read=190 accepted=190 refused=0 held=0 held_files=0' "$status $(books)"
is 'its segment is a whole set of the insurer' 'scope E06139992 91' "$(python3 tests/ingest.py rows "$I/segments/${O}_0002.period.seg" | sed -n '1p') $(python3 tests/ingest.py rows "$I/segments/${O}_0002.period.seg" | wc -l)"
is 'and its count is what is there' '90 0' "$(sql 'SELECT covered || " " || lost FROM stock')"
make_ whole_set "$I" 3 71
run
is 'a fifth missing from a full file is held' '5 held E3502 ' "$status $(said 0003)"
is 'with the numbers' 'insurer 06139992: 19 of 90 in a day; at most 20 percent' "$(sql 'SELECT detail FROM hold')"
site full2
make_ whole_set "$I" 1 60 +Name=
run
is 'a refused record keeps its person' '4 E06139992P00060 60 0' \
    "$status $(python3 tests/ingest.py rows "$I/segments/${O}_0001.period.seg" | tail -1 | sed 's/|.*//')"
make_ whole_set "$I" 2 60 +PersonId=
run
is 'a record of nobody refuses a full file' '5 refused F3507' "$status $(sql 'SELECT state, reason FROM file WHERE sequence = 2' | tr '|' ' ')"
is 'and both are listed' 'E1101x1 F3507x1' "$(listed ${O}_0002)"
make_ whole_set "$I" 3 60 +PersonId=P00001
run
is 'so does a period given twice' 'E6001x1 F3507x1' "$(listed ${O}_0003)"
site fullnhi
make_ nhi_full "$I"
run
is 'a full file of a federation names its municipalities' '0 scope C00139998' "$status $(python3 tests/ingest.py rows "$I/segments/KOKUHO13_nhi_20260801_0001.period.seg" | grep scope)"

# leniencies: of one sender, by name, until a day, each use counted
lenient() { printf '%s\n' Sender,Leniency,Until,Agreed "$@" >"$S/masters/leniencies.csv"
	grep -q leniencies "$S/site.yaml" || sed -i 's,^masters:,&\n  leniencies: "masters/leniencies.csv",' "$S/site.yaml"; }
count_of() { sed -n "/code: $1/,/count/s/.*count: //p" "$I/box/06139992/out/$2.check.yaml"; }
site lenient
make_ lenient_set "$I"
cp -a "$S" "$T/lenient.before"
run
is 'nothing agreed: refused' '1 refused F3304 2 ingested 3 ingested' "$(state | tr -s ' ' | sed 's/ $//')"
is 'by code' 'E6002x1|E1107x2' "$(listed ${O}_0002)|$(listed ${O}_0003)"
rm -rf "$S"
mv "$T/lenient.before" "$S"
lenient 06139992,no_total,20260801,電話 06139992,running_number,, 06139992,half_width,, 06139992,sequence_gap,,
run
is 'agreed: taken' '0 read=9 accepted=9 refused=0 held=0 held_files=0' "$status $(books)"
is 'and counted, each under its code' '1 1 2' "$(count_of N3510 ${O}_0001) $(count_of N3511 ${O}_0002) $(count_of N3512 ${O}_0003)"
is 'told once each' 'N3510x1 N3511x1 N3512x1' "$(listed ${O}_0001) $(listed ${O}_0002) $(listed ${O}_0003)"
is 'half width is stored as it came' 1 "$(python3 tests/ingest.py rows "$I/segments/${O}_0003.period.seg" | grep -c '山田ABC')"
site until
make_ lenient_set "$I"
lenient 06139992,no_total,20260731, 06130488,running_number,,
run
is 'over, or of somebody else: as if not agreed' '1 refused F3304' "$(state | sed 's/ *2 .*//')"
is 'the records too' 'E6002x1' "$(listed ${O}_0002)"
lenient 06139992,everything,,
run
is 'a leniency nobody knows stops the run' 33 $status

site strict
make_ strict_set "$I"
cp -a "$S" "$T/strict.before"
run
is 'lines in LF refuse the file, blanks their record' '1 refused F3317 2 ingested' "$(state | sed 's/ *$//')"
is 'told once, and the record' 'F3317x1|E1112x1' "$(listed ${O}_0001)|$(listed ${O}_0002)"
rm -rf "$S"
mv "$T/strict.before" "$S"
lenient 06139992,lf,, 06139992,blanks,,
run
is 'both agreed: taken' '0 read=6 accepted=6 refused=0 held=0 held_files=0' "$status $(books)"
is 'and counted' '3 1' "$(count_of N3513 ${O}_0001) $(count_of N3514 ${O}_0002)"
is 'a name is stored without its blanks' 3 "$(python3 tests/ingest.py rows "$I/segments/${O}_0002.period.seg" | grep -c '|山田　太郎|')"

# killed while it holds, and while it lets go
result() { (cd "$I" && find . -type f ! -name '*.lock' ! -name 'ledger*' -exec sha256sum {} + | sort -k2
	sqlite3 ledger.sqlite "SELECT * FROM segment; SELECT sequence, state, held, accepted FROM file; SELECT * FROM stock; SELECT * FROM fill; SELECT code, detail FROM hold"); }
site kill
make_ plain "$I" 1 60
make_ plain "$I" 2 30 Change=3 DisqualificationDate=20260801 ReasonOfLoss=99
make_ plain "$I" 3 2 PersonId=P00900 +PersonId=P00901
cp -a "$S" "$T/kill.before"
run
result >"$T/kill.want"
if strace -o /dev/null true 2>/dev/null; then
	kills=0 wrong=
	for at in rename:2 rename:4 rename:6 rename:8 rename:11 fsync:3 fsync:9 fdatasync:1 fdatasync:3 pwrite64:5 pwrite64:20 unlinkat:1 openat:40; do
		rm -rf "$S"
		cp -a "$T/kill.before" "$S"
		(strace -f -o /dev/null -e "inject=${at%:*}:signal=KILL:when=${at#*:}" \
		    "$B/shikaku-ingest" -c "$S/site.yaml" -D 2026-08-01
		    exit $?) >/dev/null 2>&1
		[ $? -eq 137 ] && kills=$((kills + 1))
		run
		result >"$T/kill.got"
		cmp -s "$T/kill.want" "$T/kill.got" || wrong="$wrong $at"
	done
	is 'killed anywhere, the next run makes it up' '' "$wrong"
	ok "most of the kills did kill ($kills of 13)" "$([ $kills -ge 9 ]; echo $?)"
fi
rm -rf "$T/kill.before"

part_end
