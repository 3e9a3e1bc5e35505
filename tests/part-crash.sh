#!/bin/sh
# kill -9 anywhere in shikaku-rebuild: whoever reads sees the old generation
# or the new one, whole; the run after it ends as if nothing had happened.
set -u
cd "$(dirname "$0")/.." || exit 64
: "${B:?folder of the build}"
T="$B/part-crash"
KILLS="${KILLS:-60}"
passed=0 failed=0
is() { # NAME WANT GOT
	if [ "$2" = "$3" ]; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "FAILED: $1"
		echo "  want: $2"
		echo "  got:  $3"
	fi
}
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
	for c in rename fsync symlink unlink pwrite64 write mkdir openat close; do
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
echo "crash: $passed passed, $failed failed"
[ $failed -eq 0 ]
