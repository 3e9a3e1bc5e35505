#!/bin/sh
# Who may include whom, one door per library, calls that are banned.
# Prints what breaks a rule, then the count of rules.
set -u
cd "$(dirname "$0")/.." || exit 64
passed=0 failed=0
# rule NAME PATTERN FILES...: the pattern must not occur
rule() {
	name=$1 pattern=$2
	shift 2
	[ $# -gt 0 ] || { passed=$((passed + 1)); return; }
	if grep -nE "$pattern" "$@" /dev/null; then
		echo "rule broken: $name"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
ls_() { git ls-files -co --exclude-standard -- "$@"; }
# the files given, minus those named after --
but() {
	skip=$1
	shift
	ls_ "$@" | grep -vE "^($skip)$"
}
# shellcheck disable=SC2046
{
rule 'online does not include batch' '#include "batch/' $(ls_ 'online/*.[ch]')
rule 'batch does not include online' '#include "online/' $(ls_ 'batch/*.[ch]')
rule 'formats includes formats only' '#include "(batch|online|tests)/' $(ls_ 'formats/*.[ch]')
if grep -nE '#include "formats/[a-z_]+\.h"' $(ls_ 'formats/codec/*.[ch]') | grep -vE 'formats/(limits|exit)\.h'; then
	echo 'rule broken: codec includes codec, limits.h and exit.h only'; failed=$((failed + 1))
else passed=$((passed + 1)); fi
rule 'includes from the root' '#include "[a-z_]+\.h"' $(but 'formats/x' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'segment_make is for ingest, codes, hold and purge' 'segment_make\.h' $(but 'formats/segment_make\.[ch]|batch/ingest.*\.c|batch/codes\.c|batch/hold\.c|batch/purge\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'snapshot_make is for rebuild and revoke' 'snapshot_make\.h' $(but 'formats/snapshot_make\.[ch]|batch/rebuild.*\.c|batch/revoke\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'syntax.h is for record.c and the syntaxes' 'codec/syntax\.h' $(but 'formats/codec/(record|record_write|input|csv|fixed|xml_record)\.c|formats/codec/syntax\.h' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'libxml2 in xml.c' '#include <libxml' $(but 'formats/codec/xml\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'libyaml in yaml.c' '#include <yaml' $(but 'formats/codec/yaml\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'jansson in json.c and query_fhir.c' '#include <jansson' $(but 'formats/(codec/json|query_fhir)\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'libxlsxwriter in workbook.c' '#include <xlsxwriter' $(but 'formats/codec/workbook\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'libarchive in archive.c' '#include <archive' $(but 'formats/codec/archive\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
# verify has its own way to it, so that it shares no code with what it proves
rule 'OpenSSL in seal, chain, tls, http, connection, verify' '#include <openssl' $(but 'formats/codec/(seal|seal_hash|seal_key|seal_make|seal_stamp|chain|chain_card|chain_crl)\.c|batch/verify_trust\.c|online/(tls|http|connection)\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'SQLite in snapshot, ledger, pairing, statistics and verify' '#include <sqlite3' $(but 'formats/snapshot(_make)?\.c|batch/(ledger|pairing|facts|statistics_sqlite|report_diff|query|verify_snapshots)\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'libevent in worker, http, connection, usage_line' '#include <event2' $(but 'online/(worker|http|connection|usage_line)\.c' 'batch/*.[ch]' 'online/*.[ch]' 'formats/*.[ch]')
rule 'no foreign header in ours' '#include <(openssl|sqlite3|libxml|event2|archive|yaml|jansson|xlsxwriter)' $(ls_ 'batch/*.h' 'online/*.h' 'formats/*.h')
rule 'the clock is read in run.c and the responder only' '(^|[^a-z_])(time|gettimeofday|clock_gettime|localtime|mktime|gmtime)(_r)?\(' $(but 'batch/run\.c|online/(worker|http|connection|responder|question|usage_line|tls|journal|admin)\.c' 'batch/*.c' 'online/*.c' 'formats/*.c')
rule 'no unbounded calls' '(^|[^a-z_])(strcpy|strcat|sprintf|vsprintf|gets|strtok|system|popen|atoi|atol|tmpnam|mktemp)\(' $(ls_ 'batch/*.c' 'online/*.c' 'formats/*.c')
rule 'a status is read before a text that runs a command' '^[[:space:]]*(ok|is|check) ".*\$\(.*" \$\?$' $(ls_ 'tests/*.sh')
rule 'no locale' 'setlocale|tolower|toupper|isalpha|isdigit\(' $(ls_ 'batch/*.c' 'online/*.c' 'formats/*.c')
# the tool is not on a bare machine; make lint brings it
if ! command -v clang-format >/dev/null || clang-format --dry-run -Werror $(ls_ '*.c' '*.h'); then
	passed=$((passed + 1))
else
	echo 'rule broken: sources stand as .clang-format has it (clang-format -i)'
	failed=$((failed + 1))
fi
}
echo "rules: $passed passed, $failed failed"
[ $failed -eq 0 ]
