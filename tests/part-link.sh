#!/bin/bash
# Card links (紐付情報) over five nights: several certificates of a person,
# replaced ones, people who register later, one certificate for two people.
. "$(dirname "$0")/part.sh"
T="$B/part-link"
rm -rf "$T"
mkdir -p "$T"
S="$T/site" Q="$T/site/qualification"
tests/site.sh "$S"
"$B/shikaku-sample" -c "$S/site.yaml" --people 1000 >/dev/null 2>&1
rm -rf "$S/intermediate" "$Q"
printf 'guard:\n  rows_percent: 0\n  insurer_percent: 0\n' >>"$S/site.yaml"
n=0
CA=8cd5586a6a891485e559379b7e29d410cfd28b35
night() { # segments on stdin
	n=$((n + 1))
	sed "s/@/2026080$n/g; s/%/$n/g; s/ /\t/g" | "$B/tool-segment" "$Q"
	"$B/shikaku-rebuild" -c "$S/site.yaml" -D "2026-08-0$n" >"$S/out" 2>"$S/err"
	status=$?
}
field() { sed "s/.* $1=\([0-9]*\).*/\1/" "$S/out"; }
card() { # SERIAL STATE NUMBER [FIELD=...]: record
	record=$((record + 1))
	echo "$record CaKeyId=$CA SerialNumber=$1 ProcessingNumber=$3 LinkState=$2 ProvidedAt=@050000${4:+ $4}"
}
upload() { # KIND
	record=0
	case $1 in
	card) echo "upload JLIS0002 link @ % card" ;;
	pair) echo "upload JLIS0001 codes @ % pair" ;;
	period) echo "upload 06139992 shikaku @ % period" ;;
	esac
}
person() { echo "$1 Change=1 InsurerCode=06139992 PersonId=$2 InsurerNumber=06139992 Sex1=1 Birthdate=19800101 QualificationDate=20200401"; }
pair() { echo "$1 Key=E06139992$2 ProcessingNumber=$3 Pseudonym=$(printf '%032d' "$1")"; }
cards() { # SQL
	g=$(sed -n '/^cards:/,$s/^  file: *"\{0,1\}\(cards[^"]*\).*/\1/p' "$Q/snapshots/current/manifest.yaml" | head -n 1)
	[ -n "$g" ] || g=$(cd "$Q/snapshots" && echo cards-* | sed 's/.* //')
	sqlite3 "file:$Q/snapshots/$g?immutable=1" "$1" | tr '\n' ' ' | sed 's/ $//'
}
states='SELECT printf("%x", serial) || "=" || LinkState || ProcessingNumber FROM card ORDER BY serial'

# A has two certificates in force and one that is replaced; B has one; nobody
# has number NC, and one of NC's is at its end already
night <<EOF
$(upload period; person 1 A; person 2 B)
$(upload pair; pair 1 A NA; pair 2 B NB)
$(upload card; card 10 1 NA; card 11 1 NA; card 12 2 NA; card 20 1 NB; card 30 1 NC; card 31 1 NC ValidUntil=20260801; card 32 9 NC)
EOF
is 'the first night takes all' '0 11' "$status $(field accepted)"
is 'all links are kept' '10=1NA 11=1NA 12=2NA 20=1NB 30=1NC 31=1NC 32=9NC' "$(cards "$states")"
is 'one card waits for a person' '1 30' "$(field cards_waiting) $(cards 'SELECT printf("%x", serial) FROM waiting')"
is 'and its sender is told' 1 "$(grep -c '^JLIS0002_link_20260801_0001,5,.*W7017' "$(find "$Q/reflection" -name 'JLIS0002_link_20260801*.csv')")"
is 'of this one only' 1 "$(cat "$Q"/reflection/g000001/*.csv | grep -c W7017)"
is 'nobody is claimed twice' 0 "$(grep -c E7018 "$S/err")"

# nothing of the card's comes, but the person does
night <<EOF
$(upload pair; pair 2 C NX)
EOF
is 'other people do not end the wait' '0 1 20260801' "$status $(field cards_waiting) $(cards 'SELECT since FROM waiting')"
night <<EOF
$(upload pair; pair 3 C NC)
EOF
is 'the wait ends with the person' '0 0' "$status $(field cards_waiting)"
is 'in the list too' '' "$(cards 'SELECT * FROM waiting')"

# B's certificate is claimed for A; A's own is ended and a new one comes
night <<EOF
$(upload card; card 20 1 NA; card 10 9 NA; card 13 1 NA)
EOF
is 'a claim for a second person: held' '4 1 2' "$status $(field held) $(field accepted)"
is 'and an alarm' 1 "$(grep -c E7018 "$S/err")"
is 'answered for neither' '10=9NA 11=1NA 12=2NA 13=1NA 20=8NB 30=1NC 31=1NC 32=9NC' "$(cards "$states")"
is 'no number of a person in the log' 0 "$(grep -c 'NA\|NB' "$S/err")"
night <<EOF
$(upload card; card 20 1 NB)
EOF
is 'its own link again settles nothing' 1 "$(cards "$states" | grep -c '20=8NB')"
"$B/shikaku-hold" -c "$S/site.yaml" -D 2026-08-05 -d JLIS0002_link_20260804_0004:1 >"$S/out" 2>"$S/err"
night </dev/null
is 'the claim dropped: the old link holds' 1 "$(cards "$states" | grep -c '20=1NB')"
night <<EOF
$(upload card; card 20 1 NA)
EOF
is 'claimed again' 1 "$(cards "$states" | grep -c '20=8NB')"
"$B/shikaku-hold" -c "$S/site.yaml" -D 2026-08-07 -r "JLIS0002_link_20260807_0007" >"$S/out" 2>"$S/err"
night </dev/null
is 'the claim released: it holds' 1 "$(cards "$states" | grep -c '20=1NA')"
is 'nothing is on hold any more' 1 "$(wc -l <"$(find "$Q/reflection" -name held.csv | sort | tail -n 1)")"

part_end
