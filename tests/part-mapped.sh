#!/bin/bash
# A file that is mapped is cut short under whoever reads it: a batch run says
# which and publishes nothing; a responder's worker ends without an answer, is
# replaced, and the new one refuses the file. Nobody gets an answer that is
# neither of the old content nor of the new.
. "$(dirname "$0")/part.sh"
T="$B/part-mapped"
. tests/serve.sh
rm -rf "$T"
mkdir -p "$T"
D1=2026-08-01 D2=2026-08-02
S=$T/site Q=$T/site/qualification
tests/site.sh "$S" 0
printf 'service:\n  open: "00:00"\n  close: "24:00"\n' >>"$S/site.yaml"
"$B/shikaku-sample" -c "$S/site.yaml" --people 6000 --seed 3 -D $D1 >/dev/null 2>&1
tests/night.sh "$S/site.yaml" $D1 >"$T/night" 2>&1 || tail -n 3 "$T/night"
"$B/shikaku-sample" -c "$S/site.yaml" --changes -D $D2 >/dev/null 2>&1
tests/night.sh "$S/site.yaml" $D2 intake ingest codes deliver intake ingest >"$T/night" 2>&1
base=$(sed -n 's/.*file: "\(qualification-.*\)".*/\1/p' "$Q/snapshots/current/manifest.yaml")
cp "$Q/snapshots/$base" "$T/whole"
current=$(readlink "$Q/snapshots/current")

# ---- rebuild: stopped while it reads, the file is cut, and on ----
ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -o /dev/null -e trace=openat \
    -e 'inject=openat:signal=SIGSTOP:when='"$(
	ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -e trace=openat -o "$T/trace" \
	    "$B/shikaku-rebuild" -c "$S/site.yaml" -D $D2 -n >/dev/null 2>&1
	# the new file is made: the old one is open and mapped by then
	grep -n 'build/qualification-.*O_RDWR' "$T/trace" | head -n 1 | cut -d: -f1
    )" \
    "$B/shikaku-rebuild" -c "$S/site.yaml" -D $D2 >"$T/out" 2>"$T/err" &
tracer=$!
pid=
for _ in $(seq 100); do
	pid=$(pgrep -P $tracer | head -n 1)
	[ -n "$pid" ] && grep -q '^State:.*[tT]' "/proc/$pid/status" 2>/dev/null && grep -q "$base" "/proc/$pid/maps" && break
	sleep 0.1
done
sleep 0.3
truncate -s 32768 "$Q/snapshots/$base"
kill -CONT "$pid"
wait $tracer
is 'a base cut short under a rebuild: 36' 36 $?
is 'it is named' 1 "$(grep -c "$base: fatal F4021" "$T/err")"
is 'nothing was published' "$current" "$(readlink "$Q/snapshots/current")"
"$B/shikaku-rebuild" -c "$S/site.yaml" -D $D2 >"$T/out" 2>"$T/err"
is 'the file as it is now is refused: 36' 36 $?
cp "$T/whole" "$Q/snapshots/$base"
"$B/shikaku-rebuild" -c "$S/site.yaml" -D $D2 >"$T/out" 2>"$T/err"
is 'brought back, the night ends well' 1 $(($? <= 4))

# ---- a responder ----
base=$(sed -n 's/.*file: "\(qualification-.*\)".*/\1/p' "$Q/snapshots/current/manifest.yaml")
cp "$Q/snapshots/$base" "$T/whole"
serve_start "$S/site.yaml" "$T/log" '2026-08-03 10:00:00' || exit 1
trap 'serve_stop' EXIT
sqlite3 -separator ' ' "$Q/snapshots/$base" "SELECT InsurerNumber, InsuredIdentificationNumber, Birthdate, coalesce(InsuredCardSymbol, '-')
    FROM period WHERE DisqualificationDate IS NULL AND InsuredIdentificationNumber IS NOT NULL ORDER BY random() LIMIT 12" >"$T/people"
ask() { # the answers' bodies, one a line, of all the people
	while read -r insurer number birth symbol; do
		[ "$symbol" != - ] || symbol=
		tests/ask.sh -j -p "$serve_port" -d 20260803 "$S" number "$insurer" "$number" "$birth" $symbol 2>>"$T/ask.err" |
		    tr -d '\n' | sed 's/"ProcessExecutionTime":"[0-9]*",//'
		echo
	done <"$T/people"
}
ask >"$T/before"
good=$(grep -c 'ResultList' "$T/before")
is 'before, people are found' 1 $((good >= 8))
truncate -s 32768 "$Q/snapshots/$base"
ask >"$T/during"
wrong=0
while IFS= read -r line <&3 && IFS= read -r was <&4; do
	# the same, "later, please", or none: nothing else
	case $line in '' | "$was" | *OE9002*) ;; *) wrong=$((wrong + 1)) ;; esac
done 3<"$T/during" 4<"$T/before"
is 'while the file is gone nobody is answered otherwise' 0 $wrong
is 'a worker ended over it' 1 $(($(grep -c 'fatal F4021' "$T/log") >= 1))
sleep 2
kill -0 "$serve_pid"
is 'the responder itself goes on' 0 $?
cp "$T/whole" "$Q/snapshots/$base"
n=0 same=no
while [ $n -lt 30 ] && [ $same = no ]; do
	sleep 1
	ask >"$T/after"
	cmp -s "$T/before" "$T/after" && same=yes
	n=$((n + 1))
done
is 'with the file back it answers again' yes $same
part_end
