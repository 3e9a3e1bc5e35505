#!/bin/bash
# Faults a reviewer found, each by its name: what must not happen again when
# books are put back from a copy, segments are edited, runs overlap or stop.
. "$(dirname "$0")/part.sh"
T=$B/part-faults
D=2025-08-04 NEXT=2025-08-05 THIRD=2025-08-06
rm -rf "$T"
mkdir -p "$T"
site() { # NAME FROM: a copy of a site; paths in it are relative
	W=$T/$1 I=$T/$1/intermediate Q=$T/$1/qualification
	cp -R "$T/$2" "$W"
}
run() { # PROGRAM DAY ...: its status
	local program=$1 day=$2
	shift 2
	"$B/shikaku-$program" -c "$W/site.yaml" -D "$day" "$@" >"$W/out" 2>"$W/err"
	echo $?
}
books() { sqlite3 "$1/ledger.sqlite" "$2"; }
current() { readlink "$Q/snapshots/current"; }

# ---- a country: before the package, after one night, after two ----
tests/site.sh "$T/sent" 0
"$B/shikaku-sample" -c "$T/sent/site.yaml" --people 1000 --seed 7 -D $D >/dev/null
tests/night.sh "$T/sent/site.yaml" $D intake ingest codes >/dev/null
site one sent
tests/night.sh "$W/site.yaml" $D deliver intake ingest revoke rebuild deliver >/dev/null
is 'the first night ends well' 0 $?
site two one
"$B/shikaku-sample" -c "$W/site.yaml" --changes -D $NEXT >/dev/null
tests/night.sh "$W/site.yaml" $NEXT >/dev/null
is 'the second night ends well' 0 $?

# ---- the run table stayed empty: nobody could tell last night's story ----
story() { books "$1" "SELECT program || ' ' || coalesce(exit, 'no end') FROM run WHERE day = '$2' ORDER BY id" | tr '\n' ';'; }
is 'the first night as the intermediate side has it' \
    'intake 0;ingest 0;codes 0;deliver 0;intake 0;ingest 0;deliver 0;' "$(story "$T/one/intermediate" $D)"
is 'and as the other side has it' 'intake 0;ingest 0;intake 0;ingest 0;revoke 0;rebuild 0;' \
    "$(story "$T/one/qualification" $D)"
is 'what each side read adds up' "$(books "$T/one/intermediate" "SELECT sum(read) FROM file WHERE feed <> 'package' AND feed <> 'codes'")" \
    "$(books "$T/one/intermediate" "SELECT sum(read) FROM run WHERE program = 'ingest'")"
site killed sent
(
	export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # cannot work under ptrace
	strace -f -o /dev/null -e trace=rename -e inject=rename:signal=SIGKILL:when=1 \
	    "$B/shikaku-deliver" -c "$W/site.yaml" -D $NEXT >/dev/null 2>&1
	:
) 2>/dev/null
is 'the next one hands over what was ready' 0 "$(run deliver $NEXT)"
is 'a run that was killed has no end' 'deliver no end;deliver 0;' "$(story "$I" $NEXT)"

# ---- killed in the moment a sheet of an error list has a name, ingest left it in work/ for ever ----
# the night that comes: everything as it was before it was read
tests/site.sh "$T/unread" 0
"$B/shikaku-sample" -c "$T/unread/site.yaml" --people 1000 --seed 7 --faults 0.01 -D $D >/dev/null
tests/night.sh "$T/unread/site.yaml" $D intake >/dev/null
W=$T/unread I=$W/intermediate
(
	export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
	strace -f -o "$T/sheets.trace" -e trace=unlink -e inject=unlink:signal=SIGKILL:when=2 \
	    "$B/shikaku-ingest" -c "$W/site.yaml" -D $D >/dev/null 2>&1
	:
) 2>/dev/null
is 'killed where a sheet of an error list has a name' 1 "$(grep -c 'unlink(.*/tmp\.' "$T/sheets.trace")"
is 'the next run reads what was left' 5 "$(run ingest $D)"
is 'and leaves nothing in work/' '' "$(find "$I/work" "$W/qualification/work" -mindepth 1)"

# ---- deliver sent a segment that had been edited ----
site edited sent
s=$(find "$I/segments" -name '*.seg' -size +1k | sort | head -n 1)
printf X | dd of="$s" bs=1 seek=200 conv=notrunc 2>/dev/null
is 'an edited segment stops deliver: 36' 36 "$(run deliver $D)"
is 'nothing is sent' '' "$(find "$Q/box/IM000001/in" -name '*.p7m' 2>/dev/null)"
is 'every segment waits on' 0 "$(books "$I" 'SELECT count(*) FROM segment WHERE generation <> 0')"
is 'a dry run says so too' 36 "$(run deliver $D -n)"
site missing sent
rm "$(find "$I/segments" -name '*.seg' | sort | head -n 1)"
is 'so does a missing one' 36 "$(run deliver $D)"

# ---- any key under trust.site_ca could sign any thing of ours ----
sign() { # AS IN OUT ...: sealed anew by another of the site's own keys
	local as=$1 in=$2 out=$3
	shift 3
	openssl cms -sign -binary -in "$in" -signer "$W/pki/$as.pem" -inkey "$W/pki/$as.key" \
	    -md sha256 -outform DER -out "$out" "$@"
}
site package sent
run deliver $D >/dev/null
p=$(find "$Q/box/IM000001/in" -name '*.p7m')
openssl cms -verify -noverify -binary -inform DER -in "$p" -out "$W/package.zip" 2>/dev/null
rm "$p"
sign publish "$W/package.zip" "$p" -nodetach
is 'a package the publisher signed is refused' '5 1' "$(run intake $D) $(grep -c 'F3105' "$W/err")"
sign deliver "$W/package.zip" "$p" -nodetach
is 'the same signed by the deliverer is taken' 0 "$(run intake $D)"
site manifest one
c=$Q/snapshots/$(current)
sign deliver "$c/manifest.yaml" "$c/manifest.p7s"
is 'a set the deliverer signed is not believed' '36 1 0' "$(run rebuild $NEXT) $(
    grep -c F4007 "$W/err") $(grep -c F3 "$W/err")"
is 'by no program' '36 36' "$(run revoke $NEXT) $(run report $NEXT)"
sign publish "$c/manifest.yaml" "$c/manifest.p7s"
is 'the same signed by the publisher is' 1 "$(run rebuild $NEXT)"

# ---- a package with segments of an older one made them wait again (I3) ----
site again two
before=$(current)
books "$I" 'UPDATE segment SET generation = 0'
run deliver $NEXT >/dev/null
run intake $NEXT >/dev/null
is 'a package of known segments is taken' 0 "$(run ingest $NEXT)"
is 'all its rows are unchanged' '0 0' "$(books "$Q" "SELECT accepted, read - unchanged FROM file
    WHERE feed = 'package' ORDER BY turn DESC LIMIT 1" | tr '|' ' ')"
is 'no segment waits again' 0 "$(books "$Q" 'SELECT count(*) FROM segment WHERE generation = 0')"
is 'nothing is merged twice' "1 $before" "$(run rebuild $NEXT) $(current)"

# ---- a ledger two generations behind merged the first of them again ----
site restored two
before=$(current)
books "$Q" "UPDATE segment SET generation = 0; UPDATE file SET state = 'ingested', generation = 0 WHERE state = 'reflected' AND feed <> 'crl'"
is 'an old ledger learns from all snapshots kept' "1 $before" "$(run rebuild $NEXT) $(current)"
is 'each segment has the generation that merged it' '1 2' \
    "$(books "$Q" 'SELECT DISTINCT generation FROM segment ORDER BY 1' | tr '\n' ' ' | sed 's/ $//')"
is 'as it was' "$(books "$T/two/qualification" 'SELECT name, generation FROM segment')" \
    "$(books "$Q" 'SELECT name, generation FROM segment')"

# ---- rebuild for an earlier day put the cut-off back (I11) ----
site past two
before=$(current)
books "$Q" 'UPDATE segment SET generation = 0 WHERE name = (SELECT max(name) FROM segment)'
is 'a day before the generation in force is outside the window' 9 "$(run rebuild $D)"
is 'it is told why' 1 "$(grep -c F9012 "$W/err")"
is 'so it is for revoke' "9 1" "$(run revoke $D) $(grep -c F9012 "$W/err")"
is 'nothing is published' "$before" "$(current)"
is 'on its own day the books are set right' 1 "$(run rebuild $NEXT)"

# ---- revoke said 0 when the books of the last run could not be closed (I20) ----
site closed two
books "$Q" "UPDATE file SET state = 'ingested' WHERE feed = 'crl';
    CREATE TRIGGER full BEFORE INSERT ON file BEGIN SELECT RAISE(ABORT, 'disk full'); END"
is 'books that cannot be written are 11' 11 "$(run revoke $NEXT)"

# ---- a third delivery waits ----
site third two
"$B/shikaku-sample" -c "$W/site.yaml" --changes -D $THIRD >/dev/null
tests/night.sh "$W/site.yaml" $THIRD intake ingest codes deliver intake ingest >/dev/null
is 'the third delivery is in' 0 $?

# ---- revocation snapshots and manifests were kept for ever ----
site kept third
printf 'snapshots:\n  keep: 1\n' >>"$W/site.yaml"
there() { find "$Q/snapshots" -maxdepth 1 -name "$1" -printf '%f\n' | LC_ALL=C sort; }
is 'before, all are there' '2 2 4' "$(there 'revocation-*' | wc -l) $(there 'qualification-*' | wc -l) $(
    there 'manifest-*' | wc -l)"
tests/night.sh "$W/site.yaml" $THIRD revoke rebuild >/dev/null
named() { awk '$1 == "file:" { gsub(/"/, "", $2); print $2 }' "$1/snapshots/current/manifest.yaml" | sort; }
is 'with keep 1 there is what the set in force names' "$(named "$Q")" "$(there '*.sqlite')"
is 'and no other set' "$(current)" "$(there 'manifest-*')"
is 'the root keeps its promises' 0 "$("$B/shikaku-check" -c "$W/site.yaml" >"$W/out" 2>&1; echo $?)"

# ---- rebuild and revoke could both switch to the same serial ----
site both third
before=$(current)
exec 8>"$Q/run/publish.lock"
flock 8
"$B/shikaku-rebuild" -c "$W/site.yaml" -D $THIRD >/dev/null 2>"$W/err.rebuild" 8>&- &
rebuild=$!
"$B/shikaku-revoke" -c "$W/site.yaml" -D $THIRD >/dev/null 2>"$W/err.revoke" 8>&- &
revoke=$!
for _ in $(seq 100); do # both have made their snapshots and wait
	[ -e "$Q/snapshots/revocation-000003.sqlite" ] && [ -e "$Q/snapshots/qualification-000003.sqlite" ] && break
	sleep 0.1
done
sleep 0.3
is 'who publishes waits for the other' "$before" "$(current)"
exec 8>&-
wait $rebuild
a=$?
wait $revoke
is 'both end well' '0 0' "$a $?"
is 'one after the other' manifest-000006 "$(current)"
is 'and neither undoes the other' 'qualification-000003.sqlite revocation-000003.sqlite' \
    "$(named "$Q" | grep -E '^(qualification|revocation)' | tr '\n' ' ' | sed 's/ $//')"
part_end
