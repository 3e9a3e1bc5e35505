#!/bin/bash
# Every program of the night, torn at a random call: killed at a write, a sync
# or a rename; no space from a write on; a sync that fails once; no descriptor
# left from an open on. It ends with a status of formats/exit.h, says done only
# where it is, and the next run ends as the undisturbed one, without litter.
# One fault for each third program here, in turn; make torture: POINTS=25 of
# each for all. SEED says where.
. "$(dirname "$0")/part.sh"
W=$B/part-torn
rm -rf "$W"
mkdir -p "$W"
if ! strace -o /dev/null true 2>/dev/null; then
	echo 'SKIP: no strace here'
	part_end
	exit
fi
D=2026-11-19 S=$W/site/site.yaml points=${POINTS:-0} seed=${SEED:-20261119}
RANDOM=$seed
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # it cannot look under strace
tests/site.sh "$W/site" 0
printf 'backup:\n  folder: "%s/site/backup"\n' "$W" >>"$S"
"$B/shikaku-sample" -c "$S" --people 1000 --seed 1 -D 2026-11-18 >/dev/null 2>&1
tests/night.sh "$S" 2026-11-18 >/dev/null 2>&1
# a part of the country's changes is enough
"$B/shikaku-sample" -c "$S" --changes -D $D >/dev/null 2>&1
ls "$W"/site/intermediate/box/*/in/*.p7m | awk 'NR > 8' | grep -v JLIS | xargs rm -f
rm -f "$W"/site/intermediate/box/*/out/* # of the night before
mkdir -p "$W/site/backup"

run() { # PROGRAM WORD...: under strace where $inject is set
	local p=$1
	shift
	{ "${inject[@]}" "$B/shikaku-$p" "$@" -c "$S" -D $D >"$W/out" 2>"$W/err"; } 2>/dev/null
}
inject=()
# all that anybody gets to see, and the books; not what is signed or has a clock in it
seen() {
	(cd "$W/site" && find $parts -type f ! -name '*.log' ! -name '*.p7[sm]' ! -name '*.receipt.yaml' ! -name '*.sqlite-*' \
	    ! -name ledger.sqlite ! -path '*/run/*' ! -path 'backup/*' ! -path '*/manifest-*/*' ! -name '*.xlsx' \
	    ! -name '*.prom' ! -path '*/pairing/*' ! -path '*/statistics/*' ! -name 'manifest.yaml' -exec sha256sum {} + | sort -k2
	find intermediate qualification -name '*.p7m' -o -name '*.receipt.yaml' -o -path '*/work/*' -o -name '*.part' -o -name '*.xlsx' -o -path '*/statistics/*' | sort
	# a generation whose last sync failed may be there: then there are two
	ls -A backup | grep -v '^backup-[0-9-]*\.[0-9]*$'
	for r in intermediate qualification; do
		sqlite3 $r/ledger.sqlite 'SELECT sender, feed, day, sequence, state, read, accepted, refused, unchanged, generation, reason, turn FROM file ORDER BY 1, 2, 3, 4;
		    SELECT name, kind, rows, generation FROM segment ORDER BY 1; SELECT * FROM reflection ORDER BY 1, 2, 3, 4, 5; SELECT * FROM problem ORDER BY 1, 2, 3, 4, 5'
	done) 2>&1
}
parts='intermediate qualification backup' # keys and tables stay as they are
keep() { # COPY: of the site
	rm -rf "$1"
	mkdir "$1"
	(cd "$W/site" && tar cf "$1/tar" $parts)
}
place() { # COPY: it is the site
	(cd "$W/site" && rm -rf $parts && tar xpf "$1/tar")
}
calls() { # CALLS: how many of them
	grep -cE "^[0-9]+ +($(tr ',' '|' <<<"$1"))\(" "$W/trace"
}
exits=$(sed -n 's/.*EXIT_[A-Z_]* = \([0-9]*\).*/\1/p' formats/exit.h | tr '\n' ' ')
torn=0 turn=0
tear() { # WHAT INJECTION FIRST LAST PROGRAM...: at points between them
	local what=$1 how=$2 first=$3 last=$4 i n status
	shift 4
	turn=$(((turn + 1) % 4))
	[ "$last" -ge "$first" ] || return 0
	# in check the faults take turns, so that each program has one of them
	[ "$points" -gt 0 ] || [ $turn -eq $((began % 4)) ] || return 0
	for i in $(seq "$((points > 0 ? points : 1))"); do
		n=$((first + (RANDOM * 32768 + RANDOM) % (last - first + 1)))
		place "$W/before"
		inject=(strace -f --seccomp-bpf -qq -o /dev/null -e "inject=${how//@/$n}")
		run "$@"
		status=$?
		inject=()
		torn=$((torn + 1))
		[[ " $exits 137 " == *" $status "* ]] || echo "$* $what $n: exit $status" >>"$W/odd"
		if [ $status -le 5 ] && [ $status -ge 0 ]; then
			seen | cmp -s - "$W/after" || {
				echo "$* $what $n: exit $status, but not done" >>"$W/early"
				seen | diff "$W/after" - | head -n 3 >>"$W/early"
			}
		fi
		run "$@"
		status=$?
		[ $status -le 5 ] || echo "$* $what $n: then exit $status: $(grep -m 1 fatal "$W/err")" >>"$W/unlike"
		seen >"$W/now"
		cmp -s "$W/now" "$W/after" || {
			echo "$* $what $n:" >>"$W/unlike"
			diff "$W/after" "$W/now" | head -n 3 >>"$W/unlike"
		}
	done
}
: >"$W/odd"
: >"$W/early"
: >"$W/unlike"
began=0
while read -r -a step; do
	if [ "$points" -eq 0 ] && [ $((began % 3)) -ne $((seed % 3)) ]; then
		run "${step[@]}"
		status=$?
		[ $status -le 5 ] || { echo "${step[*]}: exit $status"; cat "$W/err"; }
		began=$((began + 1)) turn=$((turn + 1))
		continue
	fi
	keep "$W/before"
	inject=(strace -f --seccomp-bpf -qq -o "$W/trace" -e trace=write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,openat)
	run "${step[@]}"
	status=$?
	inject=()
	[ $status -le 5 ] || { echo "${step[*]}: exit $status"; cat "$W/err"; }
	began=$((began + 1))
	seen >"$W/after"
	keep "$W/done"
	opens=$(grep -E '^[0-9]+ +openat\(' "$W/trace" | grep -n -m 1 'site.yaml' | cut -d: -f1)
	tear killed 'write,pwrite64,fsync,fdatasync,rename,renameat,renameat2:signal=KILL:when=@' 1 \
	    "$(calls write,pwrite64,fsync,fdatasync,rename,renameat,renameat2)" "${step[@]}"
	tear 'no space' 'write,pwrite64:error=ENOSPC:when=@+' 1 "$(calls write,pwrite64)" "${step[@]}"
	tear 'a sync fails' 'fsync,fdatasync:error=EIO:when=@' 1 "$(calls fsync,fdatasync)" "${step[@]}"
	tear 'no descriptor' 'openat:error=EMFILE:when=@+' "${opens:-1}" "$(calls openat)" "${step[@]}"
	place "$W/done"
done <<'END'
intake
ingest
arrivals
codes
codes request
codes notice
deliver
intake
ingest
revoke
rebuild
deliver
collect
report
backup
END
is 'every program of the night ends as it should' 15 $began
[ $torn -ge 4 ]
ok "they are torn ($torn times, SEED=$seed)" $?
is 'each ends with a status of the table, or killed' '' "$(cat "$W/odd")"
is 'says done only where it is' '' "$(cat "$W/early")"
is 'and the next run ends as the undisturbed one, without litter' '' "$(cat "$W/unlike")"
part_end
