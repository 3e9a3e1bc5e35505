#!/bin/bash
# The night is killed at a random moment, runner and program at once, and
# resumed: it publishes the bytes of the night nobody disturbed. Three times
# here; make torture does it ROUNDS=100 times.
. "$(dirname "$0")/part.sh"
W=$B/part-nightkill
rounds=${ROUNDS:-3}
rm -rf "$W"
mkdir -p "$W"
D=2026-11-19 NEXT=2026-11-20 NET=jobs/nightly.yaml
S=$W/site/site.yaml
tests/site.sh "$W/site" 0
"$B/shikaku-sample" -c "$S" --people 1000 --seed 1 -D $D >/dev/null
tests/night.sh "$S" $D >/dev/null
"$B/shikaku-sample" -c "$S" --changes -D $NEXT >/dev/null
cp -a "$W/site" "$W/calm"
# what hospitals and senders get to see; signatures differ by nature
seen() { # SITE
	(cd "$1" && find qualification/snapshots -maxdepth 1 -name '*.sqlite' -exec sha256sum {} + | sort -k2
	find qualification/reflection intermediate/box/*/out -name '*.reflection.csv' -exec sha256sum {} + | sort -k2)
}
began=$(date +%s%N)
"$B/shikaku-jobs" run --now -c "$W/calm/site.yaml" -D $NEXT $NET >"$W/calm.out" 2>&1
[ $? -le 5 ]
ok 'a night that nobody disturbs' $?
whole=$((($(date +%s%N) - began) / 1000000))
seen "$W/calm" >"$W/calm.sums"
[ "$(grep -c sqlite "$W/calm.sums")" -ge 5 ]
ok 'publishes snapshots' $?
# the moments are random, and said, so that one can be tried again: SEED=
seed=${SEED:-$$}
RANDOM=$seed
for i in $(seq "$rounds"); do
	rm -rf "$W/torn"
	cp -a "$W/site" "$W/torn"
	T=$W/torn/site.yaml
	ms=$(((RANDOM * 32768 + RANDOM) % whole))
	setsid "$B/shikaku-jobs" run --now -c "$T" -D $NEXT $NET >"$W/torn.out" 2>&1 &
	pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	# the programs are in groups of their own: runner and programs by name
	kill -KILL $pid $(pgrep -f "shikaku-[a-z]* .*$T") 2>/dev/null
	wait $pid 2>/dev/null
	cut=$(sqlite3 "$W/torn/intermediate/ledger.sqlite" "SELECT coalesce(max(job), '-') FROM job WHERE net = 'nightly' AND ended IS NULL" 2>/dev/null)
	"$B/shikaku-jobs" run --now --resume -c "$T" -D $NEXT $NET >"$W/torn.out" 2>"$W/torn.err"
	status=$?
	[ $status -le 5 ]
	so $? "seed $seed round $i: cut after $ms ms in $cut, resumed (exit $status): $(grep -m1 fatal "$W/torn.err")"
	seen "$W/torn" >"$W/torn.sums"
	cmp -s "$W/calm.sums" "$W/torn.sums"
	so $? "seed $seed round $i: cut after $ms ms in $cut, the bytes are those of the calm night: $(diff "$W/calm.sums" "$W/torn.sums" | head -2 | tr '\n' ' ')"
	"$B/shikaku-check" -c "$T" >/dev/null 2>"$W/check.err"
	so $? "seed $seed round $i: both roots keep their promises: $(head -1 "$W/check.err")"
	litter=$(find "$W"/torn/*/work -mindepth 1 | head -1)
	[ -z "$litter" ]
	ok "seed $seed round $i: no litter ($litter)" $?
	[ -t 1 ] && printf '\r%d of %d: %d failed ' "$i" "$rounds" "${failed:?}"
done
part_end
