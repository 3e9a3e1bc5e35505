#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/pages.h"
#include "tests/unit/suite.h"

#define PATH scratch(".sqlite")

/* a name of this process: two checks may run side by side */
static const char *
scratch(const char *ext)
{
	static char path[2][64];
	char *p = path[ext[0] == '-'];

	snprintf(p, 64, "/tmp/shikaku-pages-%ld%s", (long)getpid(), ext);
	return p;
}

/* Value of row i: its length goes from nothing to several overflow pages. */
static size_t
value_of(int i, int longest, char *out)
{
	size_t n = longest == 0 ? 0 : (size_t)((i * 7919) % longest);

	for (size_t k = 0; k < n; k++)
		out[k] = (char)('a' + (i + (int)k) % 26);
	return n;
}

static void
make(int page_size, int n, int longest)
{
	char sql[256], key[32], *value = malloc(70000);
	sqlite3 *db;
	struct page_row row;

	unlink(PATH);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(PATH, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql),
	    "PRAGMA page_size=%d; PRAGMA journal_mode=OFF;"
	    "CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, n INTEGER, v TEXT,"
	    " b BLOB) STRICT, WITHOUT ROWID;"
	    "CREATE TABLE u (n INTEGER PRIMARY KEY NOT NULL) STRICT,"
	    " WITHOUT ROWID;",
	    page_size);
	CU_ASSERT_EQUAL_FATAL(
	    sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	struct pages *p = pages_open(PATH);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	struct pages_table *t = pages_table(p, 2), *u = pages_table(p, 3);
	row_init(&row);
	for (int i = 0; i < n; i++) {
		int k = snprintf(key, sizeof(key), "key%08d", i);
		size_t v = value_of(i, longest, value);
		row_begin(&row);
		row_text(&row, (struct slice) { key, (size_t)k });
		row_int(&row, i % 3 == 0 ? i : -((int64_t)i << 24));
		row_text(&row, (struct slice) { value, v });
		row_blob(&row, value, v / 2);
		CU_ASSERT_EQUAL(pages_add(t, &row), 0);
		row_begin(&row);
		row_int(&row, (int64_t)i * 1000003 - 500);
		CU_ASSERT_EQUAL(pages_add(u, &row), 0);
	}
	row_free(&row);
	CU_ASSERT_EQUAL(pages_close(p), 0);
	free(value);
}

/* SQLite finds no fault and reads back what was written. */
static void
verify(int n, int longest)
{
	char key[32], *value = malloc(70000);
	sqlite3 *db;
	sqlite3_stmt *st;
	int bad = 0, i = 0;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(PATH, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL);
	CU_ASSERT_EQUAL(sqlite3_step(st), SQLITE_ROW);
	const char *said = (const char *)sqlite3_column_text(st, 0);
	CU_ASSERT_STRING_EQUAL(said, "ok");
	if (said == NULL || strcmp(said, "ok") != 0)
		fprintf(stderr, "n %d longest %d: %s\n", n, longest, said);
	sqlite3_finalize(st);
	sqlite3_prepare_v2(db,
	    "SELECT t.k, t.n, t.v, t.b, u.n FROM t, u WHERE"
	    " u.n = CAST(substr(t.k, 4) AS INTEGER) * 1000003 - 500"
	    " ORDER BY t.k",
	    -1, &st, NULL);
	for (; sqlite3_step(st) == SQLITE_ROW; i++) {
		snprintf(key, sizeof(key), "key%08d", i);
		size_t v = value_of(i, longest, value);
		bad +=
		    strcmp(key, (const char *)sqlite3_column_text(st, 0)) != 0;
		bad += sqlite3_column_int64(st, 1) !=
		    (i % 3 == 0 ? i : -((int64_t)i << 24));
		bad += (size_t)sqlite3_column_bytes(st, 2) != v ||
		    (v > 0 &&
			memcmp(sqlite3_column_text(st, 2), value, v) != 0);
		bad += (size_t)sqlite3_column_bytes(st, 3) != v / 2;
	}
	CU_ASSERT_EQUAL(i, n);
	CU_ASSERT_EQUAL(bad, 0);
	sqlite3_finalize(st);
	/* and goes on as with any file of its own */
	CU_ASSERT_EQUAL(sqlite3_exec(db,
			    "INSERT INTO t VALUES ('key', 1, 'x', x'00');"
			    "DELETE FROM t WHERE n % 2 = 0; VACUUM",
			    NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	free(value);
	unlink(PATH);
}

static void
every_small_number(void)
{
	for (int n = 0; n < 400; n += n < 40 ? 1 : 13) {
		make(512, n, 60);
		verify(n, 60);
	}
}

static void
many_levels(void)
{
	make(512, 30000, 20);
	verify(30000, 20);
	make(1024, 4999, 90);
	verify(4999, 90);
}

static void
large_pages(void)
{
	make(16384, 20000, 400);
	verify(20000, 400);
	make(65536, 5000, 400);
	verify(5000, 400);
}

static void
overflow(void)
{
	make(512, 500, 3000);
	verify(500, 3000);
	make(16384, 200, 60000);
	verify(200, 60000);
}

static void
same_bytes(void)
{
	char *a = malloc(1 << 22), *b = malloc(1 << 22);
	size_t n[2];

	for (int i = 0; i < 2; i++) {
		make(4096, 3000, 300);
		FILE *f = fopen(PATH, "r");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		n[i] = fread(i ? b : a, 1, 1 << 22, f);
		fclose(f);
	}
	CU_ASSERT_EQUAL(n[0], n[1]);
	CU_ASSERT_EQUAL(memcmp(a, b, n[0]), 0);
	free(a);
	free(b);
	unlink(PATH);
}

static void
not_a_file(void)
{
	FILE *f = fopen(PATH, "w");

	CU_ASSERT_PTR_NULL(pages_open("/nonexistent"));
	CU_ASSERT_PTR_NULL(pages_open(PATH));
	for (int i = 0; i < 200; i++)
		fputc(i, f);
	fclose(f);
	CU_ASSERT_PTR_NULL(pages_open(PATH));
	unlink(PATH);
}

static CU_TestInfo tests[] = {
	{ "trees of every small number of rows are whole", every_small_number },
	{ "trees of many levels are whole", many_levels },
	{ "large pages are whole", large_pages },
	{ "rows longer than a page go to overflow pages", overflow },
	{ "the same rows give the same bytes", same_bytes },
	{ "what is no SQLite file is not opened", not_a_file },
	CU_TEST_INFO_NULL,
};
SUITE(pages, tests);
