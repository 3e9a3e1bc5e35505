/* pairing.h: who has which key, after a mapping that is in part refused. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/pairing.h"
#include "batch/spool.h"
#include "tests/unit/suite.h"

static char root[] = "/tmp/shikaku-pairing-XXXXXX";
static struct diag_sink quiet;

static struct typed_key
key(const char *text)
{
	struct typed_key k = { { 0 } };

	memcpy(k.b, text, strlen(text));
	return k;
}

static struct pairing *
begin(void)
{
	static const unsigned char secret[PAIRING_KEY] = { 7 };
	struct pairing *p;

	strcpy(root, "/tmp/shikaku-pairing-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
	p = pairing_open(root, secret, &quiet);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

static void
add(struct pairing *p, const char *k)
{
	struct typed_key t = key(k);

	CU_ASSERT_EQUAL(pairing_register(p, &t), 0);
}

static void
wish(struct pairing *p, const char *from, const char *to)
{
	struct typed_key a = key(from), b = key(to);

	CU_ASSERT_EQUAL(pairing_wish(p, &a, &b), 0);
}

/* The persons, read by SQLite itself; removes all of it. */
static void
holds(struct pairing *p, const char *want)
{
	char path[SPOOL_PATH_MAX], got[400] = "";
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;

	pairing_close(p);
	spool_path(path, root, "pairing/pairing.sqlite");
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(
	    sqlite3_prepare_v2(db,
		"SELECT group_concat(\"key\" || coalesce('=' || number, ''), "
		"' ') FROM (SELECT * FROM person ORDER BY \"key\")",
		-1, &st, NULL),
	    SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_step(st), SQLITE_ROW);
	snprintf(
	    got, sizeof(got), "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	sqlite3_close(db);
	CU_ASSERT_STRING_EQUAL(got, want);
	spool_remove_tree(root);
}

/* Known to J-LIS as 処理通番 n. */
static void
answered(struct pairing *p, const char *k, const char *n)
{
	struct pairing_result r = { .file = "f",
		.record = 1,
		.key = key(k),
		.number = slice_of(n),
		.state = 1,
		.day = 20000,
		.code = SLICE("TESTCODE") };

	r.code = slice_of(n); /* each another one */
	CU_ASSERT_EQUAL(pairing_unstage(p, "f"), 0);
	CU_ASSERT_EQUAL(pairing_stage(p, &r), 0);
	CU_ASSERT_EQUAL(pairing_settle(p, "f", true), 0);
}

static void
moves(void)
{
	struct pairing *p = begin();

	CU_ASSERT_EQUAL(pairing_begin(p), 0);
	add(p, "C1");
	answered(p, "C1", "11");
	add(p, "C2");
	CU_ASSERT_EQUAL(pairing_commit(p), 0);
	CU_ASSERT_EQUAL(pairing_begin(p), 0);
	wish(p, "C1", "E1");
	wish(p, "C2", "E2");
	wish(p, "C3", "E3"); /* nobody */
	CU_ASSERT_EQUAL(pairing_rekey(p), 0);
	add(p, "E1"); /* a change of the same night, under the new key */
	add(p, "E9");
	CU_ASSERT_EQUAL(pairing_commit(p), 0);
	holds(p, "E1=11 E2 E9");
}

static void
stays(void)
{
	struct pairing *p = begin();

	CU_ASSERT_EQUAL(pairing_begin(p), 0);
	add(p, "C2");
	answered(p, "C2", "22");
	add(p, "C3");
	answered(p, "C3", "33");
	add(p, "C4");
	answered(p, "C4", "44");
	add(p, "E4"); /* somebody else, not yet asked for */
	CU_ASSERT_EQUAL(pairing_commit(p), 0);
	CU_ASSERT_EQUAL(pairing_begin(p), 0);
	wish(p, "C2", "E2");
	wish(p, "C3", "E2"); /* two want one key */
	wish(p, "C4", "E4"); /* which has records of its own */
	CU_ASSERT_EQUAL(pairing_rekey(p), 0);
	CU_ASSERT_EQUAL(pairing_commit(p), 0);
	holds(p, "C2=22 C3=33 C4=44 E4");
}

static CU_TestInfo tests[] = {
	{ "a person goes over with the code that came", moves },
	{ "a mapping that is refused (E7016) leaves no trace", stays },
	CU_TEST_INFO_NULL,
};
SUITE(pairing, tests);
