#!/bin/bash
# Published snapshots as a stranger reads them: the queries of
# shikaku-snapshot(7) by the sqlite3 shell, SQLite's integrity_check, and the
# digest computed another way (snapshot_model.py); a night carried over holds
# the bytes of the same people loaded at once.
. "$(dirname "$0")/part.sh"
T="$B/part-snapshot"
rm -rf "$T"
mkdir -p "$T"
S="$T/site" Q="$T/site/qualification"
tests/site.sh "$S"
"$B/shikaku-sample" -c "$S/site.yaml" --people 1000 >/dev/null 2>&1
printf 'guard:\n  rows_percent: 0\n  insurer_percent: 0\n' >>"$S/site.yaml"
for n in 1 2; do
	python3 tests/merge_model.py make 11 $n >"$T/night$n"
	"$B/tool-segment" "$Q" <"$T/night$n" || failed=$((failed + 1))
	"$B/shikaku-rebuild" -c "$S/site.yaml" -D "2026-08-0$n" >"$T/out" 2>"$T/err"
	is "night $n is rebuilt, some records refused" 4 $?
done

# revocation lists come from a country's own delivery
tests/site.sh "$T/lists"
"$B/shikaku-sample" -c "$T/lists/site.yaml" --people 1000 -D 2026-08-02 >/dev/null 2>&1
tests/night.sh "$T/lists/site.yaml" 2026-08-02 intake ingest codes deliver intake ingest revoke >/dev/null
cp "$T/lists"/qualification/snapshots/revocation-* "$Q/snapshots/"

ask() { # FILE QUERY...: parameters of the page are set from the file itself
	f=$1
	shift
	sqlite3 -init /dev/null "file:$f?immutable=1" "$@" 2>&1
}
lines=0
for kind in qualification cards revocation institutions; do
	f=$(find "$Q/snapshots" -name "$kind-*.sqlite" | sort | tail -1)
	[ $kind = revocation ] || is "$kind: the digest another way" 'same all' "$(python3 tests/snapshot_model.py digest "$f")"
	is "$kind: integrity_check" ok "$(ask "$f" 'PRAGMA integrity_check')"
	key="" number=""
	if [ $kind = qualification ]; then
		key=$(ask "$f" 'SELECT key FROM person JOIN period USING (key) WHERE DisqualificationDate IS NULL AND QualificationDate < 20260801 ORDER BY key LIMIT 1')
		number=$(ask "$f" "SELECT processing_number FROM person WHERE key = '$key'")
	fi
	python3 tests/snapshot_model.py queries formats/snapshot.7 $kind >"$T/queries"
	while read -r query; do
		lines=$((lines + 1))
		got=$(ask "$f" ".parameter set :key \"'$key'\"" \
			".parameter set :number \"'$number'\"" \
			".parameter set :day \"'20260801'\"" "$query")
		case "$got" in
		'' | *rror*) is "$kind: $query" 'an answer' "$got" ;;
		*) passed=$((passed + 1)) ;;
		esac
	done <"$T/queries"
done
is 'queries of the page were asked' 1 $((lines >= 20))
Q2="$Q/snapshots/qualification-000002.sqlite"
is 'every stored pairing is in both orders' "$(ask "$Q2" 'SELECT key, processing_number, hex(pseudonym) FROM person ORDER BY key' | sha256sum)" \
	"$(ask "$Q2" 'SELECT key, a.processing_number, hex(a.pseudonym) FROM pairing AS a JOIN pseudonym AS b USING (key, pseudonym) ORDER BY key' | sha256sum)"
is 'a key is in printed for every card of its periods' 0 "$(ask "$Q2" 'SELECT count(*) FROM period WHERE key NOT IN (SELECT key FROM printed) AND InsurerNumber IS NOT NULL')"
rm -rf "$T"
part_end
