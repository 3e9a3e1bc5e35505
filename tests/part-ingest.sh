#!/bin/bash
# shikaku-ingest and shikaku-codes on uploads as intake leaves them: what is
# accepted, what is refused and why, and that a run killed anywhere is made up.
. "$(dirname "$0")/part.sh"
T="$B/part-ingest"
site() { # a site of its own in $T/$1
	S="$T/$1" I="$T/$1/intermediate" Q="$T/$1/qualification"
	rm -rf "$S"
	mkdir -p "$S"
	tests/site.sh "$S"
	mkdir -p "$S/masters" "$S/pki" "$I/ready" "$Q/ready"
	printf '%064d\n' 7 >"$S/pki/pseudonym.hex"
	printf '%064d\n' 8 >"$S/pki/pairing.hex"
	chmod 600 "$S/pki/pseudonym.hex" "$S/pki/pairing.hex"
	cat >"$S/masters/senders.csv" <<-EOF
	Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn
	06139992,intermediate,shikaku,健保,,
	06130488,intermediate,shikaku,他の健保,,
	39139993,intermediate,shikaku,広域連合,,
	KOKUHO13,intermediate,nhi,東京都国保連,,
	JLIS0001,intermediate,codes,J-LIS,,
	JLIS0002,qualification,crl+link,J-LIS,,
	KOSEI001,qualification,iryokikan,厚生局,,
	EOF
	cat >"$S/masters/insurers.csv" <<-EOF
	InsurerNumber,InsurerCode,Scheme,InsurerName,Prefecture,Sender
	06139992,06139992,society,健保,13,06139992
	06130488,06130488,society,他の健保,13,06130488
	39139993,39139993,elderly,広域連合,13,39139993
	139998,00139998,nhi_city,市,13,KOKUHO13
	EOF
	for r in "$I" "$Q"; do sqlite3 "$r/ledger.sqlite" <schemas/ledger.sql; done
}
run() { # PROGRAM ...: status in $status, summary in $S/out
	p=$1
	shift
	"$B/shikaku-$p" -c "$S/site.yaml" -D 2026-08-01 "$@" >"$S/out" 2>"$S/err"
	status=$?
	! grep -q 'F9001\|Sanitizer' "$S/err" || cat "$S/err"
}
books() { sed 's/.* \(read=[0-9]*\) \(accepted=[0-9]*\) \(refused=[0-9]*\) .*/\1 \2 \3/' "$S/out"; }
codes_of() { # record:code of an error list, sorted
	tail -n +2 "$1" | tr -d '"\r' | awk -F, '{ print $4 ":" $7 }' | sort -V | tr '\n' ' '
}
rows() { python3 tests/ingest.py rows "$1"; }
make_() { python3 tests/ingest.py "$@"; }
state() { sqlite3 "$1/ledger.sqlite" "SELECT state || ' ' || reason FROM file WHERE feed = '$2' AND sequence = $3"; }
O=06139992_shikaku_20260801

# nothing there
site faults
run ingest
is 'nothing to do is 1' 1 $status

# faults, all of them and nothing else
make_ faults "$I"
run ingest
is 'refused records are 4' 4 $status
is 'the books' 'read=12 accepted=4 refused=8' "$(books)"
is 'every fault is listed by record and code' \
    '2:E1203 3:E1208 4:E2212 5:E6001 7:E1206 8:W1109 9:E6001 10:E1101 10:E1204 11:E1205 ' \
    "$(codes_of "$I/box/06139992/out/${O}_0001.errors.csv")"
is 'accepted rows by key, then record' \
    'E06139992P00001 1 E06139992P00001 6 E06139992P00008 8 E06139992P00012 12 ' \
    "$(rows "$I/segments/${O}_0001.period.seg" | cut -d' ' -f1,2 | tr '\n' ' ')"
ok 'what was replaced is stored as ●' "$(rows "$I/segments/${O}_0001.period.seg" | grep '●橋　花子' >/dev/null; echo $?)"
ok 'no value in list and receipt' "$(grep -q '123456789018\|山田\|髙\|橋' "$I"/box/*/out/*; [ $? -eq 1 ]; echo $?)"
ok 'the operator hears of a 個人番号' "$(grep -q E1206 "$S/err"; echo $?)"
ok 'and the summary counts it' "$(grep -q ' my_numbers=1 ' "$S/out"; echo $?)"
ok 'the result counts each code' "$(grep -A9 'code: E6001' "$I/box/06139992/out/${O}_0001.check.yaml" | grep -q 'count: 2'; echo $?)"
is 'the ledger has it' 'ingested |4|8|4' "$(state "$I" shikaku 1)|$(sqlite3 "$I/ledger.sqlite" 'SELECT accepted, refused FROM file')|$(sqlite3 "$I/ledger.sqlite" 'SELECT rows FROM segment')"
ok 'ready is empty' "$(rmdir "$I/ready"; echo $?)"
run ingest
is 'a second run has nothing to do' 1 $status

# the same records in four forms give the same rows
site same
make_ same "$I"
run ingest
is 'four forms are accepted' '0 read=80 accepted=80 refused=0' "$status $(books)"
for n in 12 13 14; do
	ok "form $n gives the rows of form 11" "$(for k in 11 $n; do rows "$I/segments/${O}_00$k.period.seg"; done | sort | uniq -c | awk '$1 != 2 { bad = 1 } END { exit bad }'; echo $?)"
done

# files refused as a whole do not stop the others
site whole
make_ whole "$I"
run ingest
is 'refused files are 5' 5 $status
is 'each for its reason' '21:F3301 22:F3302 23: 24:F3303 25:F3304 26:F3302 27: 28:F3204 ' \
    "$(sqlite3 "$I/ledger.sqlite" "SELECT sequence || ':' || reason FROM file ORDER BY 1" | tr '\n' ' ')"
is 'the books still balance' 'read=18 accepted=3 refused=15' "$(books)"
is 'only the good ones have segments' "${O}_0023.period.seg ${O}_0027.period.seg" "$(ls "$I/segments" | tr '\n' ' ' | sed 's/ $//')"
site percent
printf 'ingest:\n  refuse_percent: 50\n' >>"$S/site.yaml"
make_ faults "$I"
run ingest
is 'too many refused records refuse the file' '5 refused F3311' "$status $(state "$I" shikaku 1)"

# municipal NHI: the join
site nhi
make_ nhi "$I"
run ingest
N=KOKUHO13_nhi_20260801_0001
is 'NHI books' '4 read=19 accepted=9 refused=10' "$status $(books)"
is 'NHI faults' '3:E6003 3:E6004 4:E6001 5:E1208 5:E6004 6:E6001 7:E6003 8:E6003 9:E1104 10:E6001 ' \
    "$(codes_of "$I/box/KOKUHO13/out/$N.errors.csv")"
is 'NHI rows' 'C00139998A1 1 C00139998A2 2 C00139998A4 4 C00139998B2 11 ' \
    "$(rows "$I/segments/$N.period.seg" | cut -d' ' -f1,2 | tr '\n' ' ')"
ok 'the household gives head, address and insurer; 適用開始 names the period' \
    "$(rows "$I/segments/$N.period.seg" | grep 'A4.*|139998|.*|山田　一郎|.*|東京都|20220701|' >/dev/null; echo $?)"

# a full file of a federation: a refused person stays as stored
site nhi-kept
make_ nhi_kept "$I"
run ingest
is 'NHI full, two refused: taken' '4 read=9 accepted=7 refused=2' "$status $(books)"
is 'the faults' '1:E1104 4:E6003 ' "$(codes_of "$I/box/KOKUHO13/out/$N.errors.csv")"
is 'their rows keep them: no period, 変更区分 0' \
    'scope C00139998 C00139998A1 1 C00139998A2 2 C00139998A4 3 C00139998A9 4 C00139998B2 5 ' \
    "$(rows "$I/segments/$N.period.seg" | cut -d' ' -f1,2 | tr '\n' ' ')"
ok 'and hold nothing else of the record' "$(rows "$I/segments/$N.period.seg" | grep 'A[19] ' | grep -q '山田'; [ $? -eq 1 ]; echo $?)"
site nhi-unsure
make_ nhi_unsure "$I"
run ingest
is 'who cannot be told refuses the full file' '5 refused F3507' "$status $(state "$I" nhi 1)"

# 機関別符号
site codes
make_ codes "$I"
run codes
is 'codes books' '4 read=7 accepted=4 refused=3' "$status $(books)"
is 'codes faults' '5:E1208 6:E6001 7:E1101 ' "$(codes_of "$I"/box/JLIS0001/out/*.errors.csv)"
want=$(for c in 1 1 2; do printf 'SECRETAGENCYCODE000%d' $c | openssl dgst -sha256 -mac HMAC \
    -macopt "hexkey:$(cat "$S/pki/pseudonym.hex")" | sed 's/.*= //' | cut -c1-32; done | tr '\n' ' ')
set -- $want
is 'pairs: one person has one pseudonym at every insurer' \
    "C00139998A1 4 SN4|$3 E06139992P00001 1 SN1|$1 E39139993Q1 2 SN2|$2 " \
    "$(rows "$I/segments/JLIS0001_codes_20260801_0001.pair.seg" | tr '\n' ' ')"
ok 'no 機関別符号 is left anywhere' "$(grep -rqa SECRETAGENCY "$S"; [ $? -eq 1 ]; echo $?)"
chmod 644 "$S/pki/pseudonym.hex"
run codes
is 'a key others can read is refused' 33 $status

# the qualification side
site source
make_ faults "$I"
make_ codes "$I"
run ingest
run codes
from="$I"
site qualification
make_ qualification "$Q"
make_ package "$Q" "$from"
run ingest
is 'qualification books' '4 read=12 accepted=10 refused=2' "$status $(books)"
is 'a serial of 20 octets and a serial twice are refused' '2:E1207 3:E6001 ' "$(codes_of "$Q/box/JLIS0001/out/JLIS0001_link_20260801_0001.errors.csv")"
is 'the key of a card is CA and serial' '0123456789abcdef0123456789abcdef0123456700000000000000000000ff01 1' \
    "$(rows "$Q/segments/JLIS0001_link_20260801_0001.card.seg" | cut -d' ' -f1,2)"
ok 'segments of a package are taken over as they are' "$(for s in "$from"/segments/*; do cmp -s "$s" "$Q/segments/${s##*/}" || echo differs; done | grep -q .; [ $? -eq 1 ]; echo $?)"
is 'ledger: four segments, none merged yet' '4|0' "$(sqlite3 "$Q/ledger.sqlite" 'SELECT count(*), max(generation) FROM segment')"
python3 -c "
import sys; sys.path.insert(0, 'tests'); import ingest
ingest.package('$Q', '$from', 2, True)"
run ingest
is 'a spoilt segment refuses the package' '5 refused F4001' "$status $(state "$Q" package 2)"

# killed at the n-th call of each kind that changes something, then run again
result() { (cd "$1" && find . -type f ! -name '*.lock' ! -name 'ledger*' ! -path './ready/*' -exec sha256sum {} + | sort -k2
	sqlite3 ledger.sqlite "SELECT * FROM segment; SELECT sequence, state, accepted, refused FROM file"; find ready work -mindepth 1); }
site kill
make_ faults "$I"
make_ whole "$I"
mkdir -p "$I/done" # as intake leaves them
for u in "$I"/ready/*; do : >"$I/done/${u##*/}.zip.p7m"; done
cp -a "$S" "$T/kill.before"
run ingest
result "$I" >"$T/kill.want"
if strace -o /dev/null true 2>/dev/null; then
	kills=0 ready=0
	for at in rename:1 rename:2 rename:3 rename:5 fsync:1 fsync:4 fdatasync:1 fdatasync:3 pwrite64:5 unlinkat:1 unlinkat:4 unlink:1 openat:30; do
		rm -rf "$S"
		cp -a "$T/kill.before" "$S"
		(strace -f -o /dev/null -e "inject=${at%:*}:signal=KILL:when=${at#*:}" \
		    "$B/shikaku-ingest" -c "$S/site.yaml" -D 2026-08-01
		    exit $?) >/dev/null 2>&1
		[ $? -eq 137 ] && kills=$((kills + 1))
		sed '/^qualification:/,+1d' "$S/site.yaml" >"$S/one-side.yaml"
		"$B/shikaku-check" -c "$S/one-side.yaml" >"$T/kill.out" 2>"$T/kill.err"
		checked=$?
		[ $checked -eq 8 ] && ready=$((ready + 1))
		ok "killed at $at: shikaku-check -c finds nothing lost" "$([ $checked -eq 0 ] || { [ $checked -eq 8 ] && grep -q 'W9043.*run shikaku-ingest' "$T/kill.err"; }; echo $?)"
		run ingest
		result "$I" >"$T/kill.got"
		ok "killed at $at: the next run makes it up" "$(cmp -s "$T/kill.want" "$T/kill.got"; echo $?)"
	done
	ok 'and some of the kills it does see' "$([ $ready -ge 1 ]; echo $?)"
	ok "most of the kills did kill ($kills of 13)" "$([ $kills -ge 9 ]; echo $?)"
fi
rm -rf "$T/kill.before"

part_end
