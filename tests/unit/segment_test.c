#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/codec/seal.h"
#include "formats/segment_make.h"
#include "tests/unit/suite.h"

#define PATH scratch(".seg")
#define CUT scratch("-cut.seg")

/* a name of this process: two checks may run side by side */
static const char *
scratch(const char *ext)
{
	static char path[2][64];
	char *p = path[ext[0] == '-'];

	snprintf(p, 64, "/tmp/shikaku-segment-%ld%s", (long)getpid(), ext);
	return p;
}

static void
put(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

static struct segment_head
head_of(void)
{
	struct segment_head h = { .kind = SEGMENT_PERIOD, .scheme = 'E' };

	memcpy(h.id.sender, "06139992", 9);
	h.id.feed = FEED_SHIKAKU;
	h.id.day = day_of(2026, 8, 1);
	h.id.sequence = 7;
	return h;
}

static void
key_of(char out[SEGMENT_KEY_SIZE], int i)
{
	memset(out, 0, SEGMENT_KEY_SIZE);
	snprintf(out, SEGMENT_KEY_SIZE, "E06139992%d", i);
}

/* n rows, added from the last to the first; two per key. */
static void
make(int n, struct segment_head *h)
{
	char key[SEGMENT_KEY_SIZE], text[64];

	unlink(PATH);
	*h = head_of();
	struct segment_make *m = segment_create(h, "/tmp");
	for (int i = n; i-- > 0;) {
		key_of(key, 1000 + i / 2);
		int len = snprintf(text, sizeof(text), "payload %d", i);
		CU_ASSERT_EQUAL(segment_add(m, key, i + 1,
				    (struct slice) { text, (size_t)len }),
		    0);
	}
	CU_ASSERT_EQUAL_FATAL(segment_finish(m, PATH, h), 0);
}

/* Rows read, or -1 where the segment is refused at any point. */
static int
read_all(const char *path, bool whole, size_t buffer)
{
	struct diag_sink sink = { .put = put };
	struct segment *s = segment_open(path, "test.seg", whole, &sink);
	struct segment_row row;
	char key[SEGMENT_KEY_SIZE], text[64];
	int r, n = 0;

	if (s == NULL) {
		CU_ASSERT_EQUAL(sink.counts[DIAG_SEGMENT_BROKEN], 1);
		return -1;
	}
	if (buffer > 0)
		segment_buffer(s, buffer);
	while ((r = segment_next(s, &row)) == 1) {
		key_of(key, 1000 + n / 2);
		snprintf(text, sizeof(text), "payload %d", n);
		if (memcmp(key, row.key, SEGMENT_KEY_SIZE) != 0 ||
		    row.record != n + 1 || !slice_is(row.payload, text))
			break;
		n++;
	}
	if (r == 0)
		CU_ASSERT_EQUAL(segment_next(s, &row), 0);
	if (r == -1) {
		CU_ASSERT_EQUAL(segment_next(s, &row), -1);
		CU_ASSERT_EQUAL(sink.counts[DIAG_SEGMENT_BROKEN], 1);
	}
	segment_close(s);
	return r == 0 ? n : -1;
}

static void
round_trip(void)
{
	struct diag_sink sink = { .put = put };
	struct segment_head h;

	make(1001, &h);
	CU_ASSERT_EQUAL(h.rows, 1001);
	CU_ASSERT_EQUAL(read_all(PATH, true, 0), 1001);
	CU_ASSERT_EQUAL(read_all(PATH, false, 0), 1001);
	CU_ASSERT_EQUAL(read_all(PATH, false, 64), 1001);
	struct segment *s = segment_open(PATH, "test.seg", false, &sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	const struct segment_head *got = segment_head(s);
	CU_ASSERT_EQUAL(got->kind, SEGMENT_PERIOD);
	CU_ASSERT_EQUAL(got->scheme, 'E');
	CU_ASSERT_EQUAL(got->rows, 1001);
	CU_ASSERT_STRING_EQUAL(got->digest, h.digest);
	CU_ASSERT_STRING_EQUAL(got->id.sender, "06139992");
	CU_ASSERT_EQUAL(got->id.feed, FEED_SHIKAKU);
	CU_ASSERT_EQUAL(got->id.day, day_of(2026, 8, 1));
	CU_ASSERT_EQUAL(got->id.sequence, 7);
	segment_close(s);
	make(0, &h);
	CU_ASSERT_EQUAL(read_all(PATH, true, 0), 0);
	CU_ASSERT_EQUAL(read_all(PATH, false, 0), 0);
	unlink(PATH);
}

static size_t
slurp(char *buf, size_t max)
{
	FILE *f = fopen(PATH, "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t n = fread(buf, 1, max, f);
	fclose(f);
	return n;
}

static void
spit(const char *buf, size_t n)
{
	FILE *f = fopen(CUT, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fwrite(buf, 1, n, f);
	fclose(f);
}

static void
digest(void)
{
	struct segment_head h;
	char buf[4096], hex[65];

	make(20, &h);
	size_t n = slurp(buf, sizeof(buf));
	seal_digest((struct slice) { buf, n - SEGMENT_TAIL_SIZE }, hex);
	CU_ASSERT_STRING_EQUAL(hex, h.digest);
	unlink(PATH);
}

static void
truncated(void)
{
	struct segment_head h;
	char buf[4096];
	int whole = 0;

	make(20, &h);
	size_t n = slurp(buf, sizeof(buf));
	CU_ASSERT_FATAL(n < sizeof(buf));
	for (size_t i = 0; i < n; i++) {
		spit(buf, i);
		whole += read_all(CUT, true, 0) != -1;
		whole += read_all(CUT, false, 0) != -1;
	}
	buf[n] = '\0';
	spit(buf, n + 1);
	whole += read_all(CUT, false, 0) != -1;
	CU_ASSERT_EQUAL(whole, 0);
	unlink(PATH);
	unlink(CUT);
}

static void
flipped(void)
{
	struct segment_head h;
	char buf[4096];
	int whole = 0;

	make(20, &h);
	size_t n = slurp(buf, sizeof(buf));
	for (size_t i = 0; i < n * 8; i++) {
		buf[i / 8] ^= (char)(1 << i % 8);
		spit(buf, n);
		whole += read_all(CUT, true, 0) != -1;
		whole += read_all(CUT, false, 64) != -1;
		buf[i / 8] ^= (char)(1 << i % 8);
	}
	CU_ASSERT_EQUAL(whole, 0);
	spit(buf, n);
	CU_ASSERT_EQUAL(read_all(CUT, true, 0), 20);
	unlink(PATH);
	unlink(CUT);
}

/* A sender of another shape would become a path. */
static void
sender_is_no_path(void)
{
	struct diag_sink sink = { .put = put };
	struct segment_head h = head_of();

	unlink(PATH);
	memcpy(h.id.sender, "../../x", 8);
	struct segment_make *m = segment_create(&h, "/tmp");
	CU_ASSERT_EQUAL_FATAL(segment_finish(m, PATH, &h), 0);
	CU_ASSERT_PTR_NULL(segment_open(PATH, "test.seg", true, &sink));
	unlink(PATH);
}

static bool
odd_only(void *arg, const struct segment_row *row)
{
	*(int *)arg += 1;
	return row->record % 2 == 1;
}

static void
filtered(void)
{
	struct diag_sink sink = { .put = put };
	struct segment_head h = head_of();
	struct segment_row row;
	char key[SEGMENT_KEY_SIZE];
	int seen = 0, n = 0;

	unlink(PATH);
	struct segment_make *m = segment_create(&h, "/tmp");
	segment_filter(m, odd_only, &seen);
	for (int i = 1; i <= 10; i++) {
		key_of(key, 5);
		CU_ASSERT_EQUAL(segment_add(m, key, i, SLICE("x")), 0);
	}
	CU_ASSERT_EQUAL_FATAL(segment_finish(m, PATH, &h), 0);
	CU_ASSERT_EQUAL(seen, 10);
	CU_ASSERT_EQUAL(h.rows, 5);
	struct segment *s = segment_open(PATH, "test.seg", true, &sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (; segment_next(s, &row) == 1; n++)
		CU_ASSERT_EQUAL(row.record, 2 * n + 1);
	CU_ASSERT_EQUAL(n, 5);
	segment_close(s);
	unlink(PATH);
}

/* n rows of 100 bytes with rising keys; every step-th is given last. */
static void
make_wide(int n, int step, bool late_scope, struct segment_head *h)
{
	char key[SEGMENT_KEY_SIZE], text[100];

	unlink(PATH);
	*h = head_of();
	struct segment_make *m = segment_create(h, "/tmp");
	CU_ASSERT_EQUAL(segment_add_scope(m, "E06139992"), 0);
	for (int late = 0; late < 2; late++)
		for (int i = 0; i < n; i++) {
			if ((step > 0 && i % step == step - 1) != (late == 1))
				continue;
			key_of(key, 100000 + i);
			memset(text, 'a' + i % 26, sizeof(text));
			CU_ASSERT_EQUAL_FATAL(
			    segment_add(m, key, i + 1,
				(struct slice) { text, sizeof(text) }),
			    0);
		}
	if (late_scope)
		CU_ASSERT_EQUAL(segment_add_scope(m, "C00138057"), 0);
	CU_ASSERT_EQUAL_FATAL(segment_finish(m, PATH, h), 0);
}

/* Rows in order need no sort; the file is the one the sort makes. */
static void
in_order_as_sorted(void)
{
	struct segment_head straight, late, scope, all;
	struct diag_sink sink = { .put = put };
	struct segment_row row;
	int n = 0, steps[] = { 2, 7, 20000, 1 };

	make_wide(20000, 0, false, &straight);
	struct segment *s = segment_open(PATH, "test.seg", true, &sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (; segment_next(s, &row) == 1; n++)
		CU_ASSERT_FATAL(row.record == n + 1 && row.payload.n == 100 &&
		    row.payload.p[99] == 'a' + n % 26);
	CU_ASSERT_EQUAL(n, 20000);
	segment_close(s);
	for (int i = 0; i < 4; i++) {
		make_wide(20000, steps[i], false, &late);
		CU_ASSERT_EQUAL(late.rows, 20000);
		CU_ASSERT_STRING_EQUAL(late.digest, straight.digest);
	}
	make_wide(20000, 0, true, &scope);
	CU_ASSERT_EQUAL(scope.scopes, 2);
	CU_ASSERT_STRING_NOT_EQUAL(scope.digest, straight.digest);
	make_wide(20000, 1, true, &all);
	CU_ASSERT_STRING_EQUAL(scope.digest, all.digest);
	unlink(PATH);
}

struct seen {
	char key[SEGMENT_KEY_SIZE]; /* of the row before */
	int begins, dropped;
};

static bool
first_of_key(void *arg, const struct segment_row *row)
{
	struct seen *s = arg;

	if (row == NULL) {
		s->begins++;
		memset(s->key, 0, sizeof(s->key));
		return true;
	}
	if (memcmp(s->key, row->key, SEGMENT_KEY_SIZE) == 0) {
		s->dropped++;
		return false;
	}
	memcpy(s->key, row->key, SEGMENT_KEY_SIZE);
	return true;
}

/* Keys 0..19999 each twice at once, and every third of them later again:
 * each row too many is dropped once. */
static void
filtered_late(void)
{
	struct segment_head h = head_of();
	struct seen seen = { .begins = 0 };
	char key[SEGMENT_KEY_SIZE];
	int record = 0, late = 0;

	unlink(PATH);
	struct segment_make *m = segment_create(&h, "/tmp");
	segment_filter(m, first_of_key, &seen);
	for (int i = 0; i < 40000; i++) {
		key_of(key, 100000 + i / 2);
		CU_ASSERT_EQUAL_FATAL(
		    segment_add(m, key, ++record, SLICE("payload")), 0);
	}
	CU_ASSERT_EQUAL(seen.dropped, 20000);
	for (int i = 0; i < 20000; i += 3, late++) {
		key_of(key, 100000 + i);
		CU_ASSERT_EQUAL_FATAL(
		    segment_add(m, key, ++record, SLICE("payload")), 0);
	}
	CU_ASSERT_EQUAL_FATAL(segment_finish(m, PATH, &h), 0);
	CU_ASSERT_EQUAL(seen.begins, 1);
	CU_ASSERT_EQUAL(seen.dropped, 20000 + late);
	CU_ASSERT_EQUAL(h.rows, 20000);
	unlink(PATH);
}

static void
never_over_another(void)
{
	struct segment_head h, other = head_of();

	make(2, &h);
	struct segment_make *m = segment_create(&other, "/tmp");
	CU_ASSERT_EQUAL(segment_finish(m, PATH, &other), -1);
	CU_ASSERT_EQUAL(errno, EEXIST);
	CU_ASSERT_EQUAL(read_all(PATH, true, 0), 2);
	m = segment_create(&other, "/tmp");
	char row[SEGMENT_KEY_SIZE];
	for (int i = 0; i < 50000; i++) { /* more than is kept in memory */
		key_of(row, 100000 + i);
		CU_ASSERT_EQUAL(segment_add(m, row, i + 1, SLICE("x")), 0);
	}
	CU_ASSERT_EQUAL(segment_finish(m, PATH, &other), -1);
	CU_ASSERT_EQUAL(errno, EEXIST);
	CU_ASSERT_EQUAL(read_all(PATH, true, 0), 2);
	unlink(PATH);
	m = segment_create(&other, "/tmp");
	char key[SEGMENT_KEY_SIZE] = "E", *big = calloc(1, 70000);
	CU_ASSERT_EQUAL(
	    segment_add(m, key, 1, (struct slice) { big, 70000 }), -1);
	CU_ASSERT_EQUAL(segment_finish(m, PATH, &other), -1);
	CU_ASSERT_EQUAL(errno, EMSGSIZE);
	CU_ASSERT_EQUAL(access(PATH, F_OK), -1);
	free(big);
	segment_abandon(NULL);
	segment_close(NULL);
}

/* Two insurers wholly, in any order and twice; 9 bytes each after the head. */
static void
scopes(void)
{
	struct diag_sink sink = { .put = put };
	struct segment_head h = head_of();
	char key[SEGMENT_KEY_SIZE];
	struct segment_row row;
	char bytes[400];

	unlink(PATH);
	struct segment_make *m = segment_create(&h, "/tmp");
	key_of(key, 1000);
	CU_ASSERT_EQUAL(segment_add(m, key, 1, SLICE("payload")), 0);
	CU_ASSERT_EQUAL(segment_add_scope(m, "E06139992"), 0);
	CU_ASSERT_EQUAL(segment_add_scope(m, "C00138057"), 0);
	CU_ASSERT_EQUAL(segment_add_scope(m, "E06139992"), 0);
	CU_ASSERT_EQUAL_FATAL(segment_finish(m, PATH, &h), 0);
	CU_ASSERT_EQUAL(h.scopes, 2);
	size_t n = slurp(bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(n, 48 + 18 + 8 + 13 + 7 + 48);
	CU_ASSERT(bytes[18] == 2 && bytes[19] == 0);
	CU_ASSERT(memcmp(bytes + 48, "C00138057E06139992", 18) == 0);
	for (int whole = 0; whole < 2; whole++) {
		struct segment *s =
		    segment_open(PATH, "test.seg", whole != 0, &sink);
		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(segment_head(s)->scopes, 2);
		CU_ASSERT(memcmp(segment_scope(s, 0), "C00138057", 9) == 0);
		CU_ASSERT(memcmp(segment_scope(s, 1), "E06139992", 9) == 0);
		CU_ASSERT_EQUAL(segment_next(s, &row), 1);
		CU_ASSERT(slice_is(row.payload, "payload"));
		CU_ASSERT_EQUAL(segment_next(s, &row), 0);
		segment_close(s);
	}
	unlink(PATH);
}

static CU_TestInfo tests[] = {
	{ "rows come back in order of key and record", round_trip },
	{ "the digest is SHA-256 of all but the tail", digest },
	{ "cut at any byte it is refused", truncated },
	{ "with any bit flipped it is refused", flipped },
	{ "a sender that would be a path is refused", sender_is_no_path },
	{ "a filter leaves rows out while they come in order", filtered },
	{ "rows in order give the file that rows in none give",
	    in_order_as_sorted },
	{ "a filter drops each row once, late rows among those streamed",
	    filtered_late },
	{ "what a segment replaces wholly stands before its rows", scopes },
	{ "an existing file is not written over, a huge row is refused",
	    never_over_another },
	CU_TEST_INFO_NULL,
};
SUITE(segment, tests);
