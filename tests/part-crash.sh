#!/bin/bash
# kill -9 anywhere in shikaku-rebuild: whoever reads sees the old generation
# or the new one, whole; the run after it ends as if nothing had happened.
. "$(dirname "$0")/part.sh"
T="$B/part-crash"
KILLS="${KILLS:-60}" # make torture: every call
rm -rf "$T"
mkdir -p "$T"
tests/site.sh "$T/pki-site"
"$B/shikaku-sample" -c "$T/pki-site/site.yaml" --people 1000 >/dev/null 2>&1
tests/site.sh "$T/base"
cp -R "$T/pki-site/pki" "$T/pki-site/masters" "$T/base/"
printf 'guard:\n  rows_percent: 0\n  insurer_percent: 0\n' >>"$T/base/site.yaml"
rm -rf "$T/pki-site"
S="$T/base" Q="$T/base/qualification"
rebuild() { "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 >"$S/out" 2>"$S/err"; }
for n in 1 2; do
	python3 tests/merge_model.py make 7 $n >"$S/night$n"
	"$B/tool-segment" "$Q" <"$S/night$n"
	[ $n -ne 1 ] || "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-01 >/dev/null 2>&1
done

# Every name in a root with the sum of its content; of the manifests the text
# without the signature, of the ledger the rows.
tree() {
	(
		cd "$1" || exit
		find . -type f ! -name '*.p7s' ! -name 'ledger.sqlite*' ! -path './run/*' | LC_ALL=C sort | xargs sha256sum
		find . -name '*.p7s' | LC_ALL=C sort
		readlink snapshots/current
		sqlite3 ledger.sqlite 'SELECT name, kind, rows, digest, generation FROM segment ORDER BY name; SELECT sender, feed, sequence, day, state, generation FROM file ORDER BY 1, 2, 3, 4'
	)
}
# What a reader sees: which generation, or what is wrong with it.
seen() {
	m="$1/snapshots/current/manifest.yaml"
	[ -f "$1/snapshots/current/manifest.p7s" ] || { echo 'no signature'; return; }
	awk '$1 == "file:" { gsub(/"/, "", $2); f = $2 } $1 == "sha256:" { gsub(/"/, "", $2); print $2 "  " f }' "$m" >"$T/sums"
	(cd "$1/snapshots" && sha256sum --quiet -c "$T/sums") >/dev/null 2>&1 || { echo 'not whole'; return; }
	awk '$1 == "serial:" { print $2 }' "$m"
}

cp -R "$T/base" "$T/clean"
S="$T/clean" Q="$T/clean/qualification"
rebuild
is 'the undisturbed run' 4 $?
tree "$Q" >"$T/want"
is 'a reader sees its generation' 2 "$(seen "$Q")"

CALLS=write,pwrite64,fsync,rename,unlink,unlinkat,rmdir,mkdir,symlink,openat,ftruncate,close
rm -rf "$T/clean"
cp -R "$T/base" "$T/clean"
strace -f -o "$T/trace" -e "trace=$CALLS" "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 >/dev/null 2>&1
is 'traced, it ends the same' "$(cat "$T/want")" "$(tree "$Q")"

# The last of each kind of call matter most: all renames, fsyncs, links; the
# rest evenly.
plan() {
	for c in rename fsync symlink unlink unlinkat rmdir ftruncate pwrite64 write mkdir openat close; do
		n=$(grep -c " $c(" "$T/trace")
		case $c in
		rename | symlink) want=$n ;;
		fsync) want=$((KILLS / 3)) ;;
		*) want=$((KILLS / 15)) ;;
		esac
		[ "$want" -le "$n" ] || want=$n
		i=1
		while [ "$i" -le "$want" ]; do
			echo "$c $((n - (i - 1) * n / want))"
			i=$((i + 1))
		done
	done
}
plan >"$T/plan"
old=0 new=0 bad='' unlike=''
S="$T/run" Q="$T/run/qualification"
while read -r call nth; do
	rm -rf "$T/run"
	cp -R "$T/base" "$T/run"
	strace -f -o /dev/null -e "trace=$call" -e "inject=$call:signal=SIGKILL:when=$nth" \
	    "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 >/dev/null 2>&1
	case $(seen "$Q") in
	1) old=$((old + 1)) ;;
	2) new=$((new + 1)) ;;
	*) bad="$bad $call:$nth" ;;
	esac
	rebuild
	tree "$Q" >"$T/got"
	cmp -s "$T/want" "$T/got" || {
		unlike="$unlike $call:$nth"
		diff "$T/want" "$T/got" | head -n 5
	}
done <"$T/plan"
is 'killed anywhere, a reader sees one generation, whole' '' "$bad"
is 'and the run after it ends as the undisturbed one' '' "$unlike"
is 'some were killed before the manifest' yes "$([ $old -gt 0 ] && echo yes)"
is 'and some after it' yes "$([ $new -gt 0 ] && echo yes)"
echo "kills: $old saw the old generation, $new the new one"

# ---- a disk that answers EIO, at one call after the other ----
# (After the manifest it took the reflection results away with it, for ever.)
# The run may fail or get by; what a reader sees is whole, and the next run
# ends as the undisturbed one. A call that fails is not tried again.
EIOS="${EIOS:-20}"
: >"$T/eio"
for c in rename fsync symlink pwrite64 write mkdir openat read pread64 unlinkat ftruncate; do
	n=$(grep -c " $c(" "$T/trace")
	[ "$n" -gt 0 ] || n=20
	want=$((EIOS / 8 + 1))
	[ "$want" -le "$n" ] || want=$n
	i=1
	while [ "$i" -le "$want" ]; do
		echo "$c $((n - (i - 1) * n / want))"
		i=$((i + 1))
	done
done >"$T/eio"
runs=0 failing=0 bad='' unlike='' silent=''
# (the leak check cannot work under ptrace)
asan=${ASAN_OPTIONS:-}
ASAN_OPTIONS="$asan:detect_leaks=0"
export ASAN_OPTIONS
while read -r call nth; do
	rm -rf "$T/run"
	cp -R "$T/base" "$T/run"
	strace -f -o "$T/eio.trace" -e "trace=$call" -e "inject=$call:error=EIO:when=$nth" \
	    "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 >"$S/out" 2>"$S/err"
	status=$?
	[ $status -ne 127 ] || continue # the loader's own read
	runs=$((runs + 1))
	[ $status -le 4 ] || failing=$((failing + 1))
	# it ends of its own accord, and says why where it fails
	[ $status -le 64 ] || bad="$bad $call:$nth:status=$status"
	[ $status -le 4 ] || [ $call = write ] || grep -q ' fatal ' "$S/err" || silent="$silent $call:$nth:$status"
	case "$status $(seen "$Q")" in
	[04]\ 2) ;;
	[04]\ *) bad="$bad $call:$nth:said-$status-without-it" ;;
	*\ 1 | *\ 2) ;;
	*) bad="$bad $call:$nth" ;;
	esac
	rebuild
	tree "$Q" >"$T/got"
	cmp -s "$T/want" "$T/got" || unlike="$unlike $call:$nth"
done <"$T/eio"
is 'EIO anywhere: a reader sees one generation, whole; 0 and 4 only where it is the new one' '' "$bad"
is 'what fails is told' '' "$silent"
is 'and the run after it ends as the undisturbed one' '' "$unlike"
is 'most were noticed' yes "$([ $failing -gt $((runs / 4)) ] && echo yes)"
echo "EIO: $runs injected, $failing runs failed"
ASAN_OPTIONS=$asan

# ---- --rollback killed anywhere: the set of before or the older one ----
back() { "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 --rollback 1 >"$S/out" 2>"$S/err"; }
rm -rf "$T/two"
cp -R "$T/base" "$T/two"
S="$T/two" Q="$T/two/qualification"
rebuild
rm -rf "$T/clean"
cp -R "$T/two" "$T/clean"
S="$T/clean" Q="$T/clean/qualification"
strace -f -o "$T/trace" -e "trace=$CALLS" "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 --rollback 1 >/dev/null 2>&1
is 'back to the first generation, as the third set' 3 "$(seen "$Q")"
tree "$Q" >"$T/want-back"
named() { awk '$1 == "file:" { print $2 }' "$1/snapshots/current/manifest.yaml" | grep -c 000001; }
is 'all of it of the first' 3 "$(named "$Q")"
KILLS=$((KILLS / 4))
plan >"$T/plan"
old=0 new=0 bad='' unlike=''
S="$T/run" Q="$T/run/qualification"
while read -r call nth; do
	rm -rf "$T/run"
	cp -R "$T/two" "$T/run"
	strace -f -o /dev/null -e "trace=$call" -e "inject=$call:signal=SIGKILL:when=$nth" \
	    "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 --rollback 1 >/dev/null 2>&1
	case $(seen "$Q") in
	2) old=$((old + 1)) ;;
	3) new=$((new + 1)) ;;
	*) bad="$bad $call:$nth" ;;
	esac
	back
	tree "$Q" >"$T/got"
	cmp -s "$T/want-back" "$T/got" || unlike="$unlike $call:$nth"
done <"$T/plan"
is 'an order to go back killed anywhere: one set, whole' '' "$bad"
is 'and given again it ends as the undisturbed one' '' "$unlike"
is 'some before the switch, some after' yes "$([ $old -gt 0 ] && [ $new -gt 0 ] && echo yes)"
echo "rollback: $old saw the set of before, $new the one of the order"

# a full disk: every write fails from some point on. (Leaks are looked for in
# the runs without strace: the leak check cannot work under ptrace.)
ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
export ASAN_OPTIONS
S="$T/run" Q="$T/run/qualification"
for nth in 1 5 20; do
	rm -rf "$T/run"
	cp -R "$T/base" "$T/run"
	strace -f -o /dev/null -e trace=pwrite64 -e "inject=pwrite64:error=ENOSPC:when=$nth+" \
	    "$B/shikaku-rebuild" -c "$S/site.yaml" -D 2026-08-02 >/dev/null 2>&1
	is "ENOSPC from the ${nth}th pwrite on is 11 and the old generation stays" '11 1' "$? $(seen "$Q")"
	rebuild
	tree "$Q" >"$T/got"
	is 'with space again it ends as the undisturbed one' "$(cat "$T/want")" "$(cat "$T/got")"
done
part_end
