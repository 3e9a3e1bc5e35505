#!/bin/bash
# Two municipalities go over from 市町村被保険者ID to 被保険者枝番 (shikaku-rekey(5)):
# nothing of anybody is lost, hospitals get the same answers before and after,
# what cannot be moved is told by name, and a second time harms nobody.
. "$(dirname "$0")/part.sh"
T=$B/part-rekey
. tests/serve.sh
trap serve_stop EXIT
rm -rf "$T"
mkdir -p "$T/files"
S=$T/site I=$T/site/intermediate Q=$T/site/qualification
tests/site.sh "$S" 0
# the bands as narrow as they go: what moves is no loss
printf 'guard:\n  rows_percent: 1\n  insurer_percent: 1\n  min_records: 1\n' >>"$S/site.yaml"
"$B/shikaku-sample" -c "$S/site.yaml" --people 1000 --seed 3 -D 2026-08-01 >"$T/sample" 2>&1
night() { # DAY: status in $status
	tests/night.sh "$S/site.yaml" "2026-08-$1" >"$T/night" 2>&1
	status=$?
	! grep -q 'Sanitizer\|runtime error' "$S"/*.log || cat "$S"/*.log
}
snap() { sqlite3 "file:$(find "$Q/snapshots" -name 'qualification-*.sqlite' | sort | tail -n 1)?mode=ro" "$1"; }
sql() { sqlite3 "$I/ledger.sqlite" "$1"; }
pack() { # SENDER SEQUENCE FILE...
	sender=$1 n=$2
	shift 2
	sed -i "1s/,rekey,20260802,[0-9]*,/,rekey,20260802,$n,/" "$T/files/rekey.csv"
	"$B/shikaku-pack" --key "$S/pki/senders/$sender.key" --cert "$S/pki/senders/$sender.pem" \
	    --to "$I/box/$sender/in" "$@" >"$T/pack" 2>&1 || [ $? -eq 4 ] || cat "$T/pack"
}
answers() { # HOUR FILE: what the hospitals are told, but for the moment
	serve_start "$S/site.yaml" "$T/responder.log" "$1" || return
	while IFS='|' read -r insurer number birth symbol branch; do
		tests/ask.sh -j -p "$serve_port" -d 20260802 "$S" number "$insurer" "$number" "$birth" "$symbol" "$branch"
	done <"$T/questions" | grep . | sed 's/"ProcessExecutionTime":"[0-9]*",//' >"$2"
	grep -v '^#' "$S/pki/cards.tsv" | cut -f10 | while read -r card; do
		tests/ask.sh -j -p "$serve_port" -d 20260802 "$S" card "$card"
	done | grep . | sed 's/"ProcessExecutionTime":"[0-9]*",//' >>"$2"
	serve_stop
}
count() { sort | uniq -c | awk '{ printf "%s%s x%s", (NR > 1 ? " " : ""), $2, $1 }'; }
result() { # SEQUENCE: codes of the reflection result, counted
	sed 1d "$I/box/KOKUHO13/out/KOKUHO13_rekey_20260802_$1.reflection.csv" | cut -d, -f3,4 | sed 's/,$//; s/.*,//' | count
}

night 01
is 'the first night ends well' 0 "$status"
history="SELECT substr(key, 2, 8) c, count(*), count(DISTINCT key), group_concat(QualificationDate || coalesce(DisqualificationDate, '') || Name || coalesce(ProcessingNumber, ''), ' ') FROM (SELECT * FROM period WHERE key GLOB '[CE]0013*' ORDER BY QualificationDate, Name, Birthdate) GROUP BY 1"
before=$(snap "$history")
paired=$(snap "SELECT count(*) FROM person WHERE key GLOB 'C0013*'")
people=$(snap "SELECT count(DISTINCT key) FROM period WHERE key GLOB 'C0013*'")
snap "SELECT DISTINCT InsurerNumber, InsuredIdentificationNumber, Birthdate, InsuredCardSymbol, InsuredBranchNumber FROM period WHERE key GLOB 'C0013*' ORDER BY 1, Birthdate" | awk 'NR % 3 == 1' >"$T/questions"
snap "SELECT InsurerNumber, InsuredIdentificationNumber, Birthdate, InsuredCardSymbol, InsuredBranchNumber FROM period WHERE key GLOB 'C0013*' ORDER BY key LIMIT 1" >>"$T/questions"
is 'there are people to move, and most are paired' yes \
    "$([ "$people" -ge 20 ] && [ "$paired" -ge 20 ] && echo yes)"
good=$(python3 tests/rekey.py "$(find "$Q/snapshots" -name 'qualification-000001.sqlite')" "$T/files")
"$B/shikaku-check" --as csv "$T/files/rekey.csv" >"$T/check" 2>&1
is 'a sender checks it first' 4 $?
answers '2026-08-02 10:00:00' "$T/before"
is 'hospitals are answered' "$(wc -l <"$T/questions")" "$(head -n "$(wc -l <"$T/questions")" "$T/before" | grep -c '"QualificationValidity":"[12]"')"

# ---- too early: the site has not gone over ----
pack KOKUHO13 1 "$T/files/rekey.csv"
night 02
is 'before the switch the mapping is refused: F3515' 'refused F3515' \
    "$(sql "SELECT state || ' ' || reason FROM file WHERE sender = 'KOKUHO13' AND feed = 'rekey'")"
is 'and nobody has moved' "$before" "$(snap "$history")"
is 'nobody at all' 0 "$(snap "SELECT count(*) FROM period WHERE key GLOB 'E0013*1E*'")"

# ---- the switch, and a change under a new key the same night ----
printf 'person_key:\n  city: edaban\n' >>"$S/site.yaml"
pack KOKUHO13 2 "$T/files/rekey.csv"
pack KOKUHO15 1 "$T/files/other/rekey.csv"
last=$(sql "SELECT coalesce(max(sequence), 0) FROM file WHERE sender = 'KOKUHO13' AND feed = 'nhi'")
sed -i "s/nhi             202608020002/nhi             20260802$(printf '%04d' $((last + 1)))/" "$T"/files/nhi_*.txt
pack KOKUHO13 2 "$T/files/nhi_household.txt" "$T/files/nhi_person.txt"
night 02
is 'the night of the switch ends with faults of records only' 4 "$status"
is 'read = accepted + refused' "$((good + 8)) $((good + 3)) 5" \
    "$(sql "SELECT read || ' ' || accepted || ' ' || refused FROM file WHERE sender = 'KOKUHO13' AND feed = 'rekey' AND sequence = 2")"
is 'each fault has its code' 'E1101 E1208 E2210 E2212 E6001' \
    "$(tail -n +2 "$I/box/KOKUHO13/out/KOKUHO13_rekey_20260802_0002.errors.csv" | grep -o '"[EF][0-9][0-9]*"' | tr -d '"' | sort | tr '\n' ' ' | sed 's/ $//')"
is 'everybody is moved; nobody, and two who want one key, are told' "E7002 x1 E7016 x2 amended x$good" "$(result 0002)"
is 'a card holder moved too' "1 0" "$(cut -f1 "$S/pki/cards.tsv" | grep -c '^C0015') $(snap "SELECT count(*) FROM person WHERE key GLOB 'C0015*'")"
is 'nothing is left under the old keys' '0 0' "$(snap "SELECT (SELECT count(*) FROM period WHERE key GLOB 'C0013*') || ' ' || (SELECT count(*) FROM person WHERE key GLOB 'C0013*')")"
first=$(snap "SELECT Name FROM period WHERE Name = '移行　太郎'")
is 'a change of the same night found its person' '移行　太郎' "$first"
is 'all periods and pairings are under the new ones' "$people $paired" \
    "$(snap "SELECT (SELECT count(DISTINCT key) FROM period WHERE key GLOB 'E0013*00[12][13]E*') || ' ' || (SELECT count(*) FROM person WHERE key GLOB 'E0013*E*')")"
is 'the stored record says its key' 0 \
    "$(snap "SELECT count(*) FROM period WHERE key GLOB 'E0013*' AND key <> 'E' || InsurerCode || PersonId")"
is 'of 機関別符号 too: nobody of them is asked for again' 0 \
    "$(sqlite3 "$I/pairing/pairing.sqlite" "SELECT count(*) FROM person WHERE key GLOB 'C0013*'")"
is 'no more than that changed' "$(sed 's/[^ |]*$//; s/ .*//' <<<"$before" | cut -d'|' -f1-3)" \
    "$(snap "$history" | sed 's/[^ |]*$//; s/ .*//' | cut -d'|' -f1-3)"
answers '2026-08-03 10:00:00' "$T/after"
is 'hospitals get the same answers, but for the new name' "$(wc -l <"$T/before") 1" \
    "$(wc -l <"$T/after") $(diff "$T/before" "$T/after" | grep -c '^>')"
is 'which is the one that was sent' 1 "$(diff "$T/before" "$T/after" | grep '^>' | grep -c '"Name":"移行　太郎"')"

# ---- once more ----
said=$(snap "SELECT * FROM period ORDER BY key" | sha256sum)
pack KOKUHO13 3 "$T/files/rekey.csv"
night 02
is 'the same mapping again: everybody has gone over already' "E7002 x1 E7016 x$((good + 2))" "$(result 0003)"
is 'and nothing changed' "$said" "$(snap "SELECT * FROM period ORDER BY key" | sha256sum)"
part_end
