#!/bin/bash
# shikaku-rebuild --shard i/N and --join N: N processes make the bytes of one;
# a shard that is missing, of other inputs, damaged or killed is named, and
# nothing is published without it.
. "$(dirname "$0")/part.sh"
T="$B/part-shards"
rm -rf "$T"
mkdir -p "$T"
tests/site.sh "$T/pki-site"
"$B/shikaku-sample" -c "$T/pki-site/site.yaml" --people 1000 >/dev/null 2>&1
site() { # NAME [BAND]
	S="$T/$1" Q="$T/$1/qualification"
	rm -rf "$S"
	tests/site.sh "$S"
	cp -R "$T/pki-site/pki" "$T/pki-site/masters" "$S/"
	printf 'guard:\n  rows_percent: %d\n  insurer_percent: 0\n' "${2:-0}" >>"$S/site.yaml"
}
rebuild() { # DAY ...: its status
	d=$1
	shift
	"$B/shikaku-rebuild" -c "$S/site.yaml" -D "2026-08-$d" "$@" >"$S/out" 2>"$S/err"
	status=$?
	! grep -q 'Sanitizer\|runtime error' "$S/err" || cat "$S/err"
	return $status
}
# a generation by N processes at a time
shards() { # DAY N
	pids='' i=1 worst=0
	while [ "$i" -le "$2" ]; do
		"$B/shikaku-rebuild" -c "$S/site.yaml" -D "2026-08-$1" --shard "$i/$2" >"$S/out.$i" 2>"$S/err.$i" &
		pids="$pids $!"
		i=$((i + 1))
	done
	for p in $pids; do
		wait "$p" || worst="$? $worst"
	done
	rebuild "$1" --join "$2"
	status=$?
}
field() { sed "s/.* $1=\([0-9]*\).*/\1/" "$S/out"; }
books() { sed 's/ seconds=.*//; s/ shards=[0-9]*//' "$S/out"; }
bytes() { # ROOT: all that is published, as sums
	(cd "$1" && find snapshots/*.sqlite reflection -type f | sort | xargs sha256sum)
}
rows_of() { # FOLDER: periods and persons in its rows
	awk '$1 == "bytes:" { n = $2 } $2 == "name:" { name = $3 } name == "rows" && $1 == "bytes:" { print $2 }' "$1/part.yaml"
}

# ---- the same bytes as one process: first load, changes, keys that change, ----
# ---- operators' words, orders to drop; 2, 3 and 7 at a time               ----
night() { # SEED N: what comes in on night N, retention and orders too
	python3 tests/merge_model.py make "$1" "$2" >"$S/night$2"
	"$B/tool-segment" "$Q" <"$S/night$2"
	[ "$1" -lt 4 ] || [ "$2" -lt 2 ] || "$B/shikaku-purge" -c "$S/site.yaml" -D "2026-08-0$2" >/dev/null 2>&1
	[ "$2" -lt 2 ] || [ -z "$words" ] || "$B/shikaku-hold" -c "$S/site.yaml" -D "2026-08-0$2" $words >/dev/null 2>&1
}
said() { # NIGHT: an operator's words about it, the same for every site
	python3 tests/merge_model.py verdicts "$Q" "$1" |
	    sed 's/^release \(.*\) /-r \1:/; s/^drop \(.*\) /-d \1:/' | tr '\n' ' '
}
for seed in 1 3 4; do # keys change in the later nights of 1 and 4: one range has all
	case $seed in 3) counts='2 7' ;; *) counts=3 ;; esac
	for k in $counts; do
		site "s$seed-$k"
		[ $seed -ne 4 ] || printf 'retention:\n  delete_days: 700\n  left_days: 1700\n' >>"$S/site.yaml"
	done
	site "one$seed"
	[ $seed -ne 4 ] || printf 'retention:\n  delete_days: 700\n  left_days: 1700\n' >>"$S/site.yaml"
	for n in 1 2 3; do
		S="$T/one$seed" Q="$S/qualification"
		words=''
		[ $n -eq 1 ] || words=$(said $n)
		night $seed $n
		rebuild "0$n"
		want=$(bytes "$Q") balance=$(books)
		for k in $counts; do
			S="$T/s$seed-$k" Q="$S/qualification"
			night $seed $n
			shards "0$n" $k
			is "seed $seed night $n: $k shards end as one process" '4 0' "$status $worst"
			is "seed $seed night $n: $k shards, the same bytes" "$want" "$(bytes "$Q")"
			is "seed $seed night $n: $k shards, the same books" "$balance" "$(books)"
		done
	done
	is "seed $seed: no part is left" '' "$(ls "$Q/work")"
done

# ---- many rows: the ranges are about equally large ----
site large
"$B/shikaku-sample" -c "$S/site.yaml" --people 3000 --seed 3 -D 2026-08-01 >/dev/null
tests/night.sh "$S/site.yaml" 2026-08-01 intake ingest codes deliver intake ingest revoke >"$S/night"
cp -R "$S" "$T/large1"
for i in 1 2 3 4; do
	rebuild 01 --shard $i/4
	is "shard $i of a country's first load" 0 $?
done
for i in 1 2 3 4; do rows_of "$Q/work/rebuild-${i}of4"; done >"$S/sizes"
is 'no range has more than twice its share, or less than half' 4 "$(awk '{ v[NR] = $1; s += $1 } END { for (i in v) n += v[i] > s / 8 && v[i] < s / 2; print n }' "$S/sizes")"
is 'a shard that is there is not made again' 1 "$(rebuild 01 --shard 2/4; echo $?)"
rebuild 01 --join 4
is 'joined' '0 4' "$status $(field shards)"
S=$T/large1
rebuild 01
is 'as one process' "$(bytes "$S/qualification")" "$(bytes "$Q")"
S=$T/large
tests/night.sh "$S/site.yaml" 2026-08-01 deliver >/dev/null
"$B/shikaku-sample" -c "$S/site.yaml" --changes -D 2026-08-02 >/dev/null
tests/night.sh "$S/site.yaml" 2026-08-02 intake ingest codes deliver intake ingest revoke >"$S/night"

# ---- what can go wrong ----
join() { # its status, and what is told of each shard
	rebuild 02 --join "$1"
	echo "$? $(sed -n 's/.*F4020.*run shikaku-rebuild --shard \([0-9/]*\).*/\1/p' "$S/err" | tr '\n' ' ')"
}
current() { readlink "$Q/snapshots/current"; }
before=$(current)
is 'no shard is there: named, 8' '8 1/3 2/3 3/3 ' "$(join 3)"
for i in 1 2 3; do rebuild 02 --shard $i/3; done
cp -R "$S" "$T/parts" # all parts are there
rm -rf "$Q/work/rebuild-2of3"
is 'one is missing: named, 8' '8 2/3 ' "$(join 3)"
is 'of two shards none is there' '8 1/2 2/2 ' "$(join 2)"
rebuild 02 --shard 2/3
for f in rows pairing results counts touched; do
	p=$Q/work/rebuild-2of3/$f
	cp "$p" "$S/kept"
	printf X >>"$p"
	is "a part with a damaged $f is named" '8 2/3 ' "$(join 3)"
	cp "$S/kept" "$p"
done
p=$Q/work/rebuild-3of3/rows
printf X | dd of="$p" bs=1 seek=1000 conv=notrunc 2>/dev/null
is 'one byte is enough' '8 3/3 ' "$(join 3)"
is 'and the shard is made anew' 0 "$(rebuild 02 --shard 3/3; echo $?)"
: >"$Q/work/rebuild-1of3/part.yaml"
is 'a part.yaml that is empty' '8 1/3 ' "$(join 3)"
rebuild 02 --shard 1/3
rebuild 02 --shard 1/3 -n
is 'another day is another plan' '8 1/3 2/3 3/3 ' "$(rebuild 03 --join 3
    echo "$? $(sed -n 's/.*F4020.*run shikaku-rebuild --shard \([0-9/]*\).*/\1/p' "$S/err" | tr '\n' ' ')")"
printf 'retention:\n  delete_days: 999\n' >>"$S/site.yaml"
is 'so is another retention' '8 1/3 2/3 3/3 ' "$(join 3)"
sed -i '/^retention/,$d' "$S/site.yaml"
printf 'upload\t06139992\tshikaku\t20260802\t77\tperiod\n1\tChange=1\tInsurerCode=06139992\tPersonId=LATE\tInsurerNumber=06139992\tSex1=1\tBirthdate=19800101\tQualificationDate=20200401\n' | "$B/tool-segment" "$Q"
is 'a segment that came since: all are of other inputs' '8 1/3 2/3 3/3 ' "$(join 3)"
is 'nothing was published by any of them' "$before" "$(current)"
for i in 1 3; do rebuild 02 --shard $i/3; done
is 'the one that was not made again is named' '8 2/3 ' "$(join 3)"
rebuild 02
is 'one process may do it after all' 1 $((status == 0 || status == 4))
is 'and no part is left' '' "$(ls "$Q/work")"
is 'nothing to do for a shard' 1 "$(rebuild 02 --shard 1/3; echo $?)"
is 'nor for a join' 1 "$(rebuild 02 --join 3; echo $?)"

# locks: shards side by side, join alone; the same shard once
S="$T/parts" Q="$S/qualification"
mkdir -p "$Q/run"
exec 8>"$Q/run/rebuild.lock"
flock -s 8
is 'while a shard runs nobody joins' 10 "$(rebuild 02 --join 3 8>&-; echo $?)"
flock -x 8
is 'while a join runs no shard begins' 10 "$(rebuild 02 --shard 1/3 8>&-; echo $?)"
exec 8>&-
exec 8>"$Q/run/rebuild-1of3.lock"
flock -x 8
is 'the same shard runs once' 10 "$(rebuild 02 --shard 1/3 8>&-; echo $?)"
exec 8>&-

# killed anywhere: a shard or the join; the run after it ends as if nothing was
cp -R "$S" "$T/joined"
S="$T/joined" Q="$S/qualification"
rebuild 02 --join 3
want=$(bytes "$Q")
unlike='' kills=0
for at in ${AT:-rename:1 rename:3 rename:6 fsync:5 fsync:12 write:8}; do
	for what in '--shard 2/3' '--join 3'; do
		rm -rf "$T/killed"
		cp -R "$T/parts" "$T/killed"
		S="$T/killed" Q="$S/qualification"
		[ "$what" = '--join 3' ] || rm -rf "$Q/work/rebuild-2of3"
		# shellcheck disable=SC2086
		ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -o /dev/null \
		    -e "inject=${at%:*}:signal=KILL:when=${at#*:}" \
		    "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 $what >/dev/null 2>&1
		[ $? -ne 137 ] || kills=$((kills + 1))
		for i in 1 2 3; do rebuild 02 --shard $i/3; done
		rebuild 02 --join 3
		[ "$want" = "$(bytes "$Q")" ] || unlike="$unlike $what:$at"
		[ -z "$(ls "$Q/work")" ] || unlike="$unlike litter:$what:$at"
	done
done
# (rename:6 is that of the link "current": what it was called before lay in work/ for ever)
is 'killed anywhere, the runs after it end as the undisturbed ones' '' "$unlike"
is 'most were killed' 1 $((kills >= 8))
echo "kills: $kills"

# a guard band over the joined whole
site guard 10
rows() { # CHANGE FROM TO
	i=$2
	while [ "$i" -le "$3" ]; do
		printf '%d\tChange=%s\tInsurerCode=06139992\tPersonId=P%d\tInsurerNumber=06139992\tSex1=1\tBirthdate=19800101\tQualificationDate=20200401\n' "$i" "$1" "$i"
		i=$((i + 1))
	done
}
{ printf 'upload\t06139992\tshikaku\t20260801\t1\tperiod\n'; rows 1 1 40; } | "$B/tool-segment" "$Q"
shards 01 2
is 'a small first load in two' 0 $status
{ printf 'upload\t06139992\tshikaku\t20260802\t2\tperiod\n'; rows 9 1 5; } | "$B/tool-segment" "$Q"
shards 02 2
is 'a fall of 12 % is withheld' '35 1' "$status $(grep -c F4006 "$S/err")"
order=$(sed -n 's/.*--accept-guard \([0-9]*\).*/\1/p' "$S/err")
is 'and let through by order, of the same parts' 0 "$(rebuild 02 --join 2 --accept-guard "$order"; echo $?)"

# usage
for words in '--shard 0/2' '--shard 3/2' '--shard 2' '--shard 1/65' '--join 0' '--join 65' '--shard 1/2 --join 2' '--shard 1/2 --rollback 1' '--join 2 --rollback 1'; do
	# shellcheck disable=SC2086
	is "$words is 32" 32 "$(rebuild 02 $words; echo $?)"
done
part_end
