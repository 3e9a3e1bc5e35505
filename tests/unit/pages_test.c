#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/pages.h"
#include "formats/codec/pages_read.h"
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
make_as(int page_size, int n, int longest, const char *strict)
{
	char sql[256], key[32], *value = malloc(70000);
	sqlite3 *db;
	struct page_row row;

	unlink(PATH);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(PATH, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql),
	    "PRAGMA page_size=%d; PRAGMA journal_mode=OFF;"
	    "CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, n INTEGER, v TEXT,"
	    " b BLOB) %s WITHOUT ROWID;"
	    "CREATE TABLE u (n INTEGER PRIMARY KEY NOT NULL) %s"
	    " WITHOUT ROWID;",
	    page_size, strict, strict);
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

static void
make(int page_size, int n, int longest)
{
	make_as(page_size, n, longest, "STRICT,");
}

/* Our own reader has every row in order, and finds each by its key. */
static void
read_back(int n, int longest, bool mapped)
{
	char key[32], *value = malloc(70000), *map = malloc(1 << 25);
	FILE *f = fopen(PATH, "r");
	struct pages_view v;
	struct cursor c;
	struct column k = { .type = COLUMN_TEXT }, col[5];
	int bad = 0, i = 0, r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t size = fread(map, 1, 1 << 25, f);
	CU_ASSERT_FATAL(size < 1 << 25);
	const unsigned char *m = (unsigned char *)map;
	CU_ASSERT_EQUAL_FATAL(
	    pages_view_init(&v, mapped ? m : NULL, fileno(f), m, size), 0);
	cursor_init(&c, &v, 2);
	for (r = cursor_seek(&c, NULL, 0); r == 1; r = cursor_next(&c), i++) {
		int len = snprintf(key, sizeof(key), "key%08d", i);
		size_t want = value_of(i, longest, value);
		bad += cursor_columns(&c, col, 5) != 4;
		bad += !slice_eq(col[0].s, (struct slice) { key, (size_t)len });
		bad += col[1].n != (i % 3 == 0 ? i : -((int64_t)i << 24));
		bad += !slice_eq(col[2].s, (struct slice) { value, want });
		bad += (col[2].type == COLUMN_NULL) != (want == 0);
		bad += col[3].s.n != want / 2;
	}
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(i, n);
	for (i = -1; i <= n; i += n > 3000 ? 97 : 1) {
		int order = 1, len = snprintf(key, sizeof(key), "key%08d", i);
		k.s = (struct slice) { key, (size_t)len };
		r = cursor_seek(&c, &k, 1);
		if (i == n || n == 0)
			bad += r != 0;
		else if (r != 1 || cursor_cmp(&c, &k, 1, &order) != 0)
			bad++;
		else
			bad += (order == 0) != (i >= 0); /* "key-..." < all */
	}
	cursor_free(&c);
	cursor_init(&c, &v, 3);
	for (i = -1; i<n; i += n> 3000 ? 97 : 1) {
		struct column u = { .type = COLUMN_INTEGER,
			.n = (int64_t)i * 1000003 - 499 };
		r = cursor_seek(&c, &u, 1); /* the next one */
		bad += r != (i + 1 < n);
		if (r == 1)
			bad += cursor_columns(&c, col, 1) != 1 ||
			    col[0].n != ((int64_t)i + 1) * 1000003 - 500;
	}
	CU_ASSERT_EQUAL(bad, 0);
	cursor_free(&c);
	fclose(f);
	free(map);
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

	read_back(n, longest, true);
	read_back(n, longest, false);
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

/* A file SQLite made itself, with rows put in and taken out at random. */
static void
of_sqlite(void)
{
	sqlite3 *db;
	struct pages_view v;
	struct cursor c;
	struct column col[2];
	unsigned char head[100];
	int64_t sum = 0, rows = 0, last = INT64_MIN;
	int r;

	unlink(PATH);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(PATH, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(
	    sqlite3_exec(db,
		"PRAGMA page_size=1024;"
		"CREATE TABLE t(k INTEGER PRIMARY KEY NOT NULL,"
		" v TEXT) WITHOUT ROWID;"
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT"
		" i + 1 FROM n WHERE i < 20000) INSERT INTO t SELECT"
		" (i * 7919) % 20011 - 9000, hex(zeroblob(i % 90))"
		" FROM n; DELETE FROM t WHERE k % 7 = 0;",
		NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	FILE *f = fopen(PATH, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fread(head, 1, 100, f), 100);
	fseek(f, 0, SEEK_END);
	CU_ASSERT_EQUAL_FATAL(
	    pages_view_init(&v, NULL, fileno(f), head, (uint64_t)ftell(f)), 0);
	cursor_init(&c, &v, 2);
	for (r = cursor_seek(&c, NULL, 0); r == 1; r = cursor_next(&c)) {
		CU_ASSERT_FATAL(cursor_columns(&c, col, 2) == 2);
		CU_ASSERT_FATAL(col[0].n > last);
		last = col[0].n;
		sum += col[0].n;
		rows++;
	}
	cursor_free(&c);
	fclose(f);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(PATH, &db), SQLITE_OK);
	sqlite3_stmt *st;
	sqlite3_prepare_v2(db, "SELECT count(*), sum(k) FROM t", -1, &st, NULL);
	sqlite3_step(st);
	CU_ASSERT_EQUAL(rows, sqlite3_column_int64(st, 0));
	CU_ASSERT_EQUAL(sum, sqlite3_column_int64(st, 1));
	sqlite3_finalize(st);
	sqlite3_close(db);
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

/* Table t of PATH into another file, up to key and from there on: as many
 * rows in one step as go, or each by itself. Its bytes. */
static char *
copy(const char *key, bool many, size_t *size, int *steps)
{
	struct column k = { .type = COLUMN_TEXT, .s = slice_of(key) };
	const char *path = scratch("-copy.sqlite");
	char *bytes = malloc(1 << 25);
	struct cursor_cells cells;
	struct pages_view v;
	struct cursor c;
	sqlite3 *db;
	int order = 0, r;

	unlink(path);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(
	    sqlite3_exec(db,
		"PRAGMA page_size=1024; CREATE TABLE t (k TEXT PRIMARY KEY"
		" NOT NULL, n, v, b) WITHOUT ROWID;",
		NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(db);
	FILE *f = fopen(PATH, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL_FATAL(pages_view_map(&v, fileno(f)), 0);
	fclose(f);
	struct pages *p = pages_open(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	struct pages_table *t = pages_table(p, 2);
	cursor_init(&c, &v, 2);
	*steps = 0;
	for (r = cursor_seek(&c, NULL, 0); r == 1; r = cursor_next(&c)) {
		unsigned taken = 0;
		if (many) {
			CU_ASSERT_EQUAL(cursor_cmp(&c, &k, 1, &order), 0);
			CU_ASSERT(cursor_run(&c, order < 0 ? &k : NULL, 1,
				      &cells) != -1);
			if (c.level[c.depth - 1].leaf)
				taken = pages_add_cells(t, &cells);
			cursor_skip(&c, taken);
		}
		if (taken == 0)
			CU_ASSERT_EQUAL(pages_add_record(t, c.record), 0);
		++*steps;
	}
	CU_ASSERT_EQUAL(r, 0);
	cursor_free(&c);
	CU_ASSERT_EQUAL(pages_close(p), 0);
	pages_view_unmap(&v);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	*size = fread(bytes, 1, 1 << 25, f);
	fclose(f);
	unlink(path);
	return bytes;
}

static void
copied_in_many(void)
{
	static const int longest[] = { 40, 300, 2500 };

	for (int i = 0; i < 3; i++) {
		size_t size[2];
		int steps[2];
		make(i == 1 ? 4096 : 1024, 700, longest[i]);
		char *one = copy("key00000333", false, &size[0], &steps[0]);
		char *many = copy("key00000333", true, &size[1], &steps[1]);
		CU_ASSERT_EQUAL(steps[0], 700);
		CU_ASSERT(i > 0 || steps[1] < 200);
		CU_ASSERT_EQUAL_FATAL(size[0], size[1]);
		CU_ASSERT_EQUAL(memcmp(one, many, size[0]), 0);
		free(one);
		free(many);
	}
	unlink(PATH);
}

/* 1 whole, 0 not: what our own check says, of the file read and mapped. */
static int
whole(int n, uint32_t *others)
{
	struct pages_check_table t[] = { { 2, 1, 0 }, { 3, 1, 0 } };
	struct pages_check_table m[] = { { 2, 1, 0 }, { 3, 1, 0 } };
	unsigned char head[100];
	struct pages_view v;
	FILE *f = fopen(PATH, "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fread(head, 1, 100, f), 100);
	fseek(f, 0, SEEK_END);
	CU_ASSERT_EQUAL_FATAL(
	    pages_view_init(&v, NULL, fileno(f), head, (uint64_t)ftell(f)), 0);
	int r = pages_check(&v, t, 2, others) == 0 && t[0].rows == n &&
	    t[1].rows == n;
	CU_ASSERT_EQUAL_FATAL(pages_view_map(&v, fileno(f)), 0);
	CU_ASSERT_EQUAL(pages_check(&v, m, 2, others) == 0 && m[0].rows == n &&
		m[1].rows == n,
	    r);
	pages_view_unmap(&v);
	fclose(f);
	return r;
}

static int
whole_to_sqlite(void)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int r = 0;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(PATH, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(
		db, "PRAGMA integrity_check(1)", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		r = strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
	sqlite3_finalize(st);
	sqlite3_close(db);
	return r;
}

/* Not STRICT: whether a value is text or a blob is no matter of pages. */
static void
as_sqlite_checks(void)
{
	int seen = 0, missed = 0;
	uint32_t others = 0;

	make_as(512, 300, 600, "");
	CU_ASSERT_EQUAL(whole(300, &others), 1);
	CU_ASSERT_EQUAL(others, 1);
	CU_ASSERT_EQUAL(whole_to_sqlite(), 1);
	FILE *f = fopen(PATH, "r+");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	for (long at = 512; at < size; at += 1 + at * 7919 % 101) {
		fseek(f, at, SEEK_SET);
		int was = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(was ^ (1 << at % 8), f);
		fflush(f);
		if (!whole_to_sqlite()) {
			seen++;
			missed += whole(300, &others);
		}
		fseek(f, at, SEEK_SET);
		fputc(was, f);
		fflush(f);
	}
	fclose(f);
	CU_ASSERT(seen > 100);
	CU_ASSERT_EQUAL(missed, 0);
	CU_ASSERT_EQUAL(whole(300, &others), 1);
	unlink(PATH);
}

static CU_TestInfo tests[] = {
	{ "rows copied many at once give the bytes of rows copied one by one",
	    copied_in_many },
	{ "our check finds every bit that integrity_check finds",
	    as_sqlite_checks },
	{ "trees of every small number of rows are whole", every_small_number },
	{ "trees of many levels are whole", many_levels },
	{ "large pages are whole", large_pages },
	{ "rows longer than a page go to overflow pages", overflow },
	{ "the same rows give the same bytes", same_bytes },
	{ "a file SQLite made is read as well", of_sqlite },
	{ "what is no SQLite file is not opened", not_a_file },
	CU_TEST_INFO_NULL,
};
SUITE(pages, tests);
