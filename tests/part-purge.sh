#!/bin/bash
# Retention: shikaku-purge orders, the next rebuild drops, and nothing of it is
# found again in any published file; the archived segments alone give the same
# bytes. (What is dropped of a random country: part-merge, against the model.)
. "$(dirname "$0")/part.sh"
T="$B/part-purge"
rm -rf "$T"
mkdir -p "$T"
tests/site.sh "$T/pki-site"
"$B/shikaku-sample" -c "$T/pki-site/site.yaml" --people 1000 >/dev/null 2>&1
site() { # NAME
	S="$T/$1" Q="$T/$1/qualification"
	tests/site.sh "$S"
	cp -R "$T/pki-site/pki" "$T/pki-site/masters" "$S/"
	printf 'guard:\n  rows_percent: 0\n  insurer_percent: 0\nsnapshots:\n  keep: 1\n' >>"$S/site.yaml"
	cp "$S/site.yaml" "$S/forever.yaml"
	printf 'retention:\n  delete_days: 0\n  left_days: 0\n' >>"$S/forever.yaml"
	printf 'retention:\n  delete_days: 1000\n  left_days: 2000\n' >>"$S/site.yaml"
}
run() { # PROGRAM DAY ...: status in $status
	program=$1 d=$2
	shift 2
	"$B/shikaku-$program" -c "$S/$yaml" -D "2026-08-$d" "$@" >"$S/out" 2>"$S/err"
	status=$?
	! grep -q 'Sanitizer\|runtime error' "$S/err" || cat "$S/err"
}
said() { # FIELD of the summary
	sed -n "\$s/.* $1=\([0-9]*\).*/\1/p" "$S/out"
}
newest() { # KIND: the file
	sed -n "s/.*\"\{0,1\}\($1-[0-9]*\.sqlite\).*/\1/p" "$Q/snapshots/current/manifest.yaml" | head -n 1
}
sql() { sqlite3 "file:$Q/snapshots/$(newest "$1")?mode=ro" "$2" | tr '\n' ' ' | sed 's/ $//'; }

n=0
period() { # CHANGE INSURER PERSON FROM UNTIL [REASON]
	n=$((n + 1))
	printf '%d\tChange=%s\tInsurerCode=%s\tPersonId=%s\tInsurerNumber=%s\tName=NAME%s\tSex1=1\tBirthdate=19800101\tQualificationDate=%s' \
	    $n "$1" "$2" "$3" "$2" "$3" "$4"
	[ -z "$5" ] || printf '\tDisqualificationDate=%s\tReasonOfLoss=%s' "$5" "${6:-03}"
	printf '\n'
}
pair() { # INSURER PERSON NUMBER PSEUDONYM
	n=$((n + 1))
	printf '%d\tKey=E%s%s\tProcessingNumber=%s\tPseudonym=%032d\n' $n "$1" "$2" "$3" "$4"
}
card() { # SERIAL NUMBER
	n=$((n + 1))
	printf '%d\tCaKeyId=%s\tSerialNumber=%s\tProcessingNumber=%s\tLinkState=1\tProvidedAt=20260801000000\n' \
	    $n 0101010101010101010101010101010101010101 "$1" "$2"
}
# 2026-08-02 less 1000 days is 2023-11-06, less 2000 days 2021-02-09
X=06139992 Y=06130488
night1() {
	printf 'upload\t%s\tshikaku\t20260801\t1\tperiod\n' $X
	period 1 $X GONE 20150401 20200401    # nobody's cover: past both times
	period 1 $X MOVED 20150401 20220401   # cover at another insurer
	period 1 $X LEFT 20150401 20220401    # none anywhere: kept longer
	period 1 $X DEAD 20150401 20220401 01 # died, though another is not ended
	period 1 $X STAYS 20100401 20200401   # only the first period of two
	period 1 $X STAYS 20200401 ''
	period 1 $X LATE 20150401 20250401
	period 1 $X MENDED 20150401 20200401  # corrected on the night it goes
	printf 'upload\t%s\tshikaku\t20260801\t1\tperiod\n' $Y
	period 1 $Y MOVED2 20220401 ''
	period 1 $Y DEAD2 20220401 ''
	printf 'upload\tJLIS0001\tcodes\t20260801\t1\tpair\n'
	pair $X GONE NUMBERGONE 1
	pair $X MOVED NUMBERMOVED 2
	pair $Y MOVED2 NUMBERMOVED 2
	pair $X LEFT NUMBERLEFT 3
	pair $X DEAD NUMBERDEAD 4
	pair $Y DEAD2 NUMBERDEAD 4
	pair $X STAYS NUMBERSTAYS 5
	printf 'upload\tJLIS0002\tlink\t20260801\t1\tcard\n'
	card a1 NUMBERGONE
	card a2 NUMBERMOVED
	card a3 NUMBERLEFT
}
night2() {
	printf 'upload\t%s\tshikaku\t20260802\t2\tperiod\n' $X
	period 2 $X MENDED 20150401 20260701
}
night3() { # all that the insurer has ever had of some of them
	printf 'upload\t%s\tshikaku\t20260803\t3\tperiod\tE%s\n' $X $X
	period 1 $X GONE 20150401 20200401
	period 1 $X STAYS 20100401 20200401
	period 1 $X STAYS 20200401 ''
	period 1 $X MOVED 20150401 20220401
}

site one
yaml=forever.yaml
night1 | "$B/tool-segment" "$Q"
run rebuild 01
is 'kept for ever: all are there' '0 10 3' "$status $(sql qualification 'SELECT count(*) FROM period') $(sql cards 'SELECT count(*) FROM card')"
run purge 02
is 'kept for ever: there is nothing to drop' '1 10 0' "$status $(said read) $(said accepted)"

yaml=site.yaml
want='insurer 06139992	periods 4	persons 3'
run purge 02 -n
is '-n says what would go' "0 $want" "$status $(head -n 1 "$S/out")"
is 'and gives no order' '' "$(find "$Q/segments" -name 'PURGE_*')"
run purge 02
is 'it says how many, of each insurer' "0 2 $want" "$status $(wc -l <"$S/out") $(head -n 1 "$S/out")"
is 'the books balance' '13 6 7 2' "$(said read) $(said accepted) $(said unchanged) $(said cards)"
is 'no name and no key is said' 0 "$(cat "$S/out" "$S/err" | grep -c 'NAME\|NUMBER\|GONE')"
is 'nothing is published by it' 'qualification-000001.sqlite' "$(newest qualification)"
run purge 02
is 'an order that waits is enough' '1 2' "$status $(find "$Q/segments" -name 'PURGE_*' | wc -l)"
night2 | "$B/tool-segment" "$Q"
run rebuild 02
is 'the rebuild drops them' '0 3 1' "$status $(said purged) $(said purged_cards)"
is 'and says so of the insurer' 'N7020 insurer 06139992: 3 periods, 2 persons' \
    "$(sed -n 's/.*\(N7020\).*\(insurer.*persons\).*/\1 \2/p' "$S/err")"
is 'what is left' \
    'DEAD-20220401 DEAD2- LATE-20250401 LEFT-20220401 MENDED-20260701 MOVED2- STAYS-' \
    "$(sql qualification "SELECT substr(key, 10) || '-' || coalesce(DisqualificationDate, '') FROM period ORDER BY 1")"
is 'whose pairing' 'DEAD DEAD2 LEFT MOVED2 STAYS' "$(sql qualification 'SELECT substr(key, 10) FROM person ORDER BY 1')"
is 'whose cards' 'NUMBERLEFT NUMBERMOVED' "$(sql cards 'SELECT ProcessingNumber FROM card ORDER BY 1')"
is 'the order is of no upload: no result, no row of counts' '0 0' \
    "$(find "$Q/reflection" "$Q/box" -name 'PURGE*' | wc -l) $(grep -c PURGE "$Q/reflection/g000002/counts.csv")"
run verify 02 --snapshots
is 'the independent check is content' 0 $status

# it does not come back
night3 | "$B/tool-segment" "$Q"
run rebuild 03
is 'a full file does not bring it back' "0 3 4" \
    "$status $(grep -c 'unchanged,N7019' "$Q/reflection/g000003/${X}_shikaku_20260803_0003.csv") $(said unchanged)"
is 'only what it keeps is there' 'DEAD2 MOVED2 STAYS' "$(sql qualification 'SELECT substr(key, 10) FROM period ORDER BY 1')"
run report 03
found() { # WHAT: in how many published files its bytes are
	grep -rlaF "$1" "$Q/snapshots" "$Q/reflection" "$Q/out" "$Q/box" "$Q/journal" 2>/dev/null | wc -l
}
is 'the search finds what is there' 1 $(($(found NAMESTAYS) > 0))
is 'what was dropped is in no published file' '0 0 0 0' "$(found NAMEGONE) $(found NUMBERGONE) $(found E${X}GONE) $(found E${X}MOVED)"
is 'nor in the digests of a dropped period' 0 "$(sql qualification "SELECT count(*) FROM period WHERE QualificationDate = '20100401'")"
run purge 03
is 'nothing more is past' 1 "$status"

# the archived segments alone, with the settings of each night
from="$Q"
bytes() { (cd "$1" && find snapshots/*.sqlite reflection -type f | sort | xargs sha256sum); }
site again
mkdir -p "$Q/segments"
for g in 1 2 3; do
	[ $g -eq 1 ] && yaml=forever.yaml || yaml=site.yaml
	"$B/tool-segment" "$Q" </dev/null
	cp "$from"/segments/* "$Q/segments/"
	sqlite3 "$Q/ledger.sqlite" "ATTACH '$from/ledger.sqlite' AS was;
	    INSERT INTO segment SELECT name, kind, rows, digest, 0, sender, feed, day, sequence
	    FROM was.segment WHERE generation = $g"
	run rebuild 0$g
done
is 'the archived segments alone give the same bytes' "$(bytes "$from")" "$(bytes "$Q")"

# killed at any call that matters: the order is given once, and whole
site killed
yaml=forever.yaml
night1 | "$B/tool-segment" "$Q"
run rebuild 01
yaml=site.yaml
cp -R "$Q" "$T/killed.before"
kills=0
for at in rename:1 rename:2 fsync:1 fsync:2 fsync:3 fdatasync:1 fdatasync:2; do
	rm -rf "$Q"
	cp -R "$T/killed.before" "$Q"
	strace -f -qq -o /dev/null -e "inject=${at%:*}:signal=KILL:when=${at#*:}" \
	    "$B/shikaku-purge" -c "$S/site.yaml" -D 2026-08-02 >/dev/null 2>&1
	[ $? -ne 137 ] || kills=$((kills + 1))
	run purge 03
	run rebuild 03
	is "killed at $at: dropped once" '4 1' "$(said purged) $(said purged_cards)"
	is "killed at $at: no file the ledger does not know" "$(ls "$Q/segments" | sort)" \
	    "$(sqlite3 "$Q/ledger.sqlite" 'SELECT name FROM segment' | sort)"
done
is 'most of them were killed' 1 $((kills >= 5))

# an order under a name that is no order's, and one of an upload that is one
site forged
yaml=site.yaml
night2 | sed 's/^upload\t[0-9]*\tshikaku/upload\tPURGE\tpackage/' | "$B/tool-segment" "$Q"
run rebuild 02
is 'changes under the name of an order are damage' '36 1' "$status $(grep -c F4001 "$S/err")"

"$B/shikaku-purge" >/dev/null 2>&1
is 'no configuration is 32' 32 $?
run purge 02 more
is 'operands are 32' 32 $status
part_end
