#!/bin/bash
# The whole day at 3,000 people: what every sender sends, the night, questions
# over mutual TLS, usage file, statistics; at each hand-over nothing is lost.
# Then everything once more (changes nothing), and a second night.
. "$(dirname "$0")/part.sh"
W=$B/part-day
D=2025-08-04 NEXT=2025-08-05
rm -rf "$W"
mkdir -p "$W"
. tests/serve.sh
trap serve_stop EXIT
I=$W/intermediate Q=$W/qualification
books() { # SQL over both ledgers
	for l in "$I" "$Q"; do sqlite3 "$l/ledger.sqlite" "$1"; done
}
sum() { awk '{ n += $1 } END { print n + 0 }'; }
entry() { # KIND KEY of the set in force
	awk -v k="$1" -v f="$2:" '/^[a-z ]*[a-z]+:$/ { gsub(/[ :]/, ""); kind = $0 }
	    kind == k && $1 == f { gsub(/"/, ""); print $2; exit }' "$Q/snapshots/current/manifest.yaml"
}
snap() { sqlite3 "$Q/snapshots/$(entry "$1" file)" "$2"; }
uploads() { find "$I/box" "$Q/box" -path '*/in/*' -name '*.p7m' | wc -l; }
# all that is published and stored, but for what tells the time
contents() {
	(cd "$W" && find intermediate qualification -type f ! -path '*/run/*' \
	    ! -path '*/work/*' ! -name 'ledger.sqlite*' ! -name metrics.prom -print0 |
	    sort -z | xargs -0 sha256sum | sha256sum)
	books 'SELECT sender, feed, day, sequence, state, read, accepted, refused, unchanged, generation FROM file ORDER BY 1, 2, 3, 4'
}

# ---- everybody sends ----
tests/site.sh "$W" 0
"$B/shikaku-sample" -c "$W/site.yaml" --people 3000 --seed 7 -D $D >"$W/sample.log"
is 'the country is made' 0 $?
sent=$(uploads)
insured=$(sed -n 's/.*insurers, federations *\([0-9]*\) records.*/\1/p' "$W/sample.log")

# ---- the night ----
tests/night.sh "$W/site.yaml" $D >"$W/night.out"
is 'the night ends well' 0 $?
cat "$W/night.out"
is 'every drop box is empty' 0 "$(uploads)"
packages=$(sqlite3 "$Q/ledger.sqlite" "SELECT count(*) FROM file WHERE feed = 'package'")
is 'one package crossed' 1 "$packages"
is 'every upload is in the books' $((sent + packages)) "$( (sqlite3 "$I/ledger.sqlite" "SELECT count(*) FROM file WHERE feed <> 'package'"
	    sqlite3 "$Q/ledger.sqlite" 'SELECT count(*) FROM file') | sum)"
is 'in one state, and none waits (I2)' 0 "$(books "SELECT count(*) FROM file WHERE state IN ('arrived', 'ready')" | sum)"
is 'in one place' $((sent + packages)) "$(find "$I/done" "$Q/done" "$I/refused" "$Q/refused" -name '*.p7m' | wc -l)"
is 'nothing is left in ready' 0 "$(find "$I/ready" "$Q/ready" -mindepth 1 | wc -l)"
is 'read = accepted + refused + unchanged, of every upload' 0 \
    "$(books 'SELECT count(*) FROM file WHERE read <> accepted + refused + unchanged' | sum)"
is 'nothing was refused' '0 0' "$(books 'SELECT sum(refused) FROM file' | sum) $(books "SELECT count(*) FROM file WHERE state = 'refused'" | sum)"
is 'ingest accepts what the insurers sent' "$insured" \
    "$(books "SELECT sum(accepted) FROM file WHERE feed IN ('shikaku', 'nhi')" | sum)"
periods=$(sqlite3 "$I/ledger.sqlite" 'SELECT sum(rows) FROM segment WHERE kind = 0')
is 'segments crossed whole' "$periods" "$(sqlite3 "$Q/ledger.sqlite" 'SELECT sum(rows) FROM segment WHERE kind = 0')"
# but those that ended more than retention.delete_days (1827) before: not taken in
limit=$(date -u -d "$D 1827 days ago" +%Y%m%d)
past=$(for f in "$Q"/segments/*.period.seg; do "$B/shikaku-inspect" -l 0 "$f"; done |
    awk -v limit="$limit" '/DisqualificationDate / && $NF < limit { n++ } END { print n + 0 }')
is 'every period is in generation 1' "1 $((periods - past))" "$(entry qualification generation) $(snap qualification 'SELECT count(*) FROM period')"
is 'every card link' "$(books "SELECT sum(accepted) FROM file WHERE feed = 'link'" | sum)" "$(snap cards 'SELECT count(*) FROM card')"
is 'every institution' "$(books "SELECT sum(accepted) FROM file WHERE feed = 'iryokikan'" | sum)" "$(snap institutions 'SELECT count(*) FROM institution')"
is 'every revocation list' "$(books "SELECT sum(accepted) FROM file WHERE feed = 'crl'" | sum)" "$(snap revocation 'SELECT count(*) FROM "partition"')"
is 'a receipt for every upload' "$sent" "$(find "$I/box" "$Q/box" -name '*.receipt.yaml' ! -name 'IM*' | wc -l)"
reflected=$(find "$I/box" -name '*.reflection.csv' -exec tail -q -n +2 {} + | wc -l)
is 'a reflection result for every accepted record' "$periods" \
    "$(find "$I/box" \( -name '*shikaku*.reflection.csv' -o -name '*nhi*.reflection.csv' \) -exec tail -q -n +2 {} + | wc -l)"
echo "  uploads $sent, records $insured, periods $periods, reflected $reflected"

# ---- questions, at 10 in the morning ----
serve_start "$W/site.yaml" "$W/responder.log" "$NEXT 10:00:00"
is 'the responder gets ready' 0 $?
asked=0
while IFS='|' read -r _ insurer symbol number branch birth want what; do
	got=$(tests/ask.sh -j -p "$serve_port" -d ${NEXT//-/} "$W" number "$insurer" "$number" "$birth" "$symbol" "$branch" |
	    sed -n 's/.*"QualificationValidity": *"\([0-9]\)".*/\1/p')
	is "asked by number: $what" "$want" "$got"
	asked=$((asked + 1))
done < <(grep -v '^#' "$W/pki/ask.tsv" | tr '\t' '|')
# what a card's state must come to
while IFS='|' read -r _ _ _ _ _ _ _ _ state file; do
	got=$(tests/ask.sh -j -p "$serve_port" -d ${NEXT//-/} "$W" card "$file" |
	    sed -n 's/.*"QualificationValidity": *"\([0-9]\)".*/\1/p; s/.*"ErrorCode": *"\(OE[0-9]*\)".*/\1/p' | head -n 1)
	case $state in
	valid) want=1 ;;
	lost) want=$got; [ "$got" = 2 ] || [ "$got" = OE3005 ] || want='2 or OE3005' ;;
	revoked | expired) want=OE3004 ;;
	notlinked) want=OE3005 ;;
	*) want='?' ;;
	esac
	is "asked by card $file: $state" "$want" "$got"
	asked=$((asked + 2)) # the challenge is a question too
done < <(grep -v '^#' "$W/pki/cards.tsv" | tr '\t' '|')
serve_stop
serve_start "$W/site.yaml" "$W/responder2.log" "$NEXT 21:00:01"
is 'the responder starts outside its hours too' 0 $?
got=$(tests/ask.sh -j -p "$serve_port" -d ${NEXT//-/} "$W" number 06139992 1 19800505 | grep -o 'OE4001')
is 'and refuses: OE4001' OE4001 "$got"
asked=$((asked + 1))
# a card and a hospital's software say what is wrong, too
got=$(tests/ask.sh -j -p "$serve_port" -d ${NEXT//-/} "$W" card 001)
is 'the challenge is refused outside the hours, and shown' OE4001 "$(grep -o OE4001 <<<"$got")"
asked=$((asked + 1))
serve_stop
"$B/shikaku-card" -c "$W/site.yaml" 001 <<<"$got" >"$W/out" 2>"$W/err"
is 'a card does not sign what is no challenge' '34 0 1' "$? $(wc -c <"$W/out") $(grep -c 'no ChallengeId .* ErrorMessage' "$W/err")"
"$B/shikaku-card" -c "$W/site.yaml" 001 <<<'no JSON' >"$W/out" 2>"$W/err"
is 'nor what is no JSON' '34 0' "$? $(wc -c <"$W/out")"
"$B/shikaku-card" -c "$W/site.yaml" 999 </dev/null >"$W/out" 2>"$W/err"
is 'a card that is not there' '33 1' "$? $(grep -c 'no card 999: .*cards.tsv lists them' "$W/err")"
"$B/shikaku-card" -c "$W/site.yaml" ../x </dev/null >"$W/out" 2>"$W/err"
is 'a card is named by digits' 32 $?
lines=$(cat "$Q"/journal/usage-${NEXT//-/}.*.log | grep -vc '^At,')
is 'a usage line for every answer (I5)' $asked "$lines"

# ---- usage file and statistics ----
tests/night.sh "$W/site.yaml" $NEXT collect report >"$W/after.out"
is 'collect and report end well' 0 $?
cat "$W/after.out"
riyo=$Q/out/usage/riyo-${NEXT//-/}.csv
want=$(cat "$Q"/journal/usage-*.log | awk -F, '$1 != "At" && $16 != "" { n++; if ($16 == "valid") n++ } END { print n + 0 }')
is '利用実績 holds every check and provision' "$want" "$(tr -d '"\r' <"$riyo" | awk -F, '$1 == 2' | wc -l)"
is 'and its trailer says so' "$want" "$(tr -d '"\r' <"$riyo" | awk -F, '$1 == 3 { print $2 }')"
stat=$Q/out/statistics/statistics-${NEXT//-/}.sqlite
is 'every question is counted' "$lines" "$(sqlite3 "$stat" 'SELECT value FROM questions')"
is 'institutions are known by prefecture' 0 "$(sqlite3 "$stat" "SELECT count(*) FROM questions_by_prefecture_and_kind WHERE prefecture = 'none'")"
name=$(snap qualification 'SELECT Name FROM period LIMIT 1')
is 'no name in usage, statistics, journal' 0 "$(grep -rlF "$name" "$Q/out" "$Q/journal" | wc -l)"

# ---- everything once more ----
before=$(contents)
for p in intake ingest codes deliver intake ingest revoke rebuild deliver; do
	"$B/shikaku-$p" -c "$W/site.yaml" -D $D >"$W/again.out" 2>"$W/again.err"
	is "$p again: nothing to do" 1 $?
done
for p in collect report; do
	"$B/shikaku-$p" -c "$W/site.yaml" -D $NEXT >"$W/again.out" 2>"$W/again.err"
	is "$p again: nothing to do" 1 $?
done
is 'and nothing has changed' "$before" "$(contents)"

# ---- the second night ----
"$B/shikaku-sample" -c "$W/site.yaml" --changes -D $NEXT >"$W/sample2.log"
is 'changes are made' 0 $?
sent2=$(uploads)
tests/night.sh "$W/site.yaml" $NEXT >"$W/night2.out"
is 'the second night ends well' 0 $?
cat "$W/night2.out"
is 'generation 2' 2 "$(entry qualification generation)"
is 'every box is empty again' 0 "$(uploads)"
is 'none waits' 0 "$(books "SELECT count(*) FROM file WHERE state IN ('arrived', 'ready')" | sum)"
is 'the books balance' 0 "$(books 'SELECT count(*) FROM file WHERE read <> accepted + refused + unchanged' | sum)"
is 'generation 1 is still there' 1 "$(find "$Q/snapshots" -name 'qualification-000001.sqlite' | wc -l)"
echo "  uploads of the second day $sent2"
part_end
