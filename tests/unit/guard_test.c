#include "batch/guard.h"

#include <string.h>

#include "tests/unit/suite.h"

/* Typed keys: letter, 保険者コード, person. */
#define A "E00000001P1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define B "E00000002P1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define C "E00000003P1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

struct heard {
	struct diag_sink sink;
	char detail[4][160];
	int n;
};

static void
hear(struct diag_sink *sink, const struct diag *d)
{
	struct heard *h = (struct heard *)sink;

	if (h->n < 4)
		snprintf(
		    h->detail[h->n++], sizeof(h->detail[0]), "%s", d->detail);
}

static void
rows(struct guard *g, const char *key, int before, int after)
{
	for (int i = 0; i < before; i++)
		guard_row(g, key, false);
	for (int i = 0; i < after; i++)
		guard_row(g, key, true);
}

static int
judge(const struct guard *g, const struct config *c, int64_t before,
    int64_t after, struct heard *h)
{
	struct snapshot_set_entry was = { .rows = before },
				  is = { .rows = after };

	memset(h, 0, sizeof(*h));
	h->sink.put = hear;
	return guard_judge(g, c, &was, &is, &h->sink);
}

static void
rows_within_the_band(void)
{
	struct config c = { .guard_rows_percent = 5 };
	struct heard h;

	/* 5 % of 1,000 is 50: as much is let through, one more is not */
	CU_ASSERT_EQUAL(judge(NULL, &c, 1000, 1050, &h), 0);
	CU_ASSERT_EQUAL(judge(NULL, &c, 1000, 950, &h), 0);
	CU_ASSERT_EQUAL(judge(NULL, &c, 1000, 1051, &h), 1);
	CU_ASSERT_STRING_EQUAL(h.detail[0], "1051 rows after 1000");
	CU_ASSERT_EQUAL(judge(NULL, &c, 1000, 949, &h), 1);
	CU_ASSERT_EQUAL(h.sink.counts[DIAG_GUARD_ROWS], 1);
	/* 5 % of 19 is less than one row */
	CU_ASSERT_EQUAL(judge(NULL, &c, 19, 20, &h), 1);
	CU_ASSERT_EQUAL(judge(NULL, &c, 20, 21, &h), 0);
	/* more rows than a product of them and percent has room for */
	CU_ASSERT_EQUAL(
	    judge(NULL, &c, INT64_MAX / 2, INT64_MAX / 2 - 1, &h), 0);
	CU_ASSERT_EQUAL(judge(NULL, &c, INT64_MAX / 2, 0, &h), 1);
}

static void
no_band(void)
{
	struct config c = { .guard_rows_percent = 5 };
	struct heard h;

	CU_ASSERT_EQUAL(judge(NULL, &c, 0, 100000, &h), 0); /* first load */
	c.guard_rows_percent = 0;
	CU_ASSERT_EQUAL(judge(NULL, &c, 1000, 1, &h), 0);
}

static void
each_insurer_by_itself(void)
{
	struct config c = { .guard_insurer_percent = 10, .guard_records = 10 };
	struct guard g = { 0 };
	struct heard h;

	rows(&g, A, 100, 89); /* 11 % fewer */
	rows(&g, B, 9, 0); /* gone, but below guard.min_records */
	rows(&g, C, 100, 110); /* 10 % more */
	CU_ASSERT_EQUAL(judge(&g, &c, 209, 199, &h), 1);
	CU_ASSERT_EQUAL(h.sink.counts[DIAG_GUARD_INSURER], 1);
	CU_ASSERT_STRING_EQUAL(
	    h.detail[0], "insurer 00000001: 89 periods after 100");
	/* of another kind of snapshot only the rows count */
	CU_ASSERT_EQUAL(judge(NULL, &c, 209, 199, &h), 0);
	guard_free(&g);
}

/* The next generation's rows are written while the base is read one insurer
 * ahead. */
static void
read_one_insurer_ahead(void)
{
	struct config c = { .guard_insurer_percent = 10, .guard_records = 1 };
	struct guard g = { 0 };
	struct heard h;

	guard_row(&g, A, false);
	guard_row(&g, C, false);
	guard_row(&g, A, true);
	guard_row(&g, B, true); /* new: no band */
	guard_row(&g, C, true);
	CU_ASSERT_EQUAL(g.n, 3);
	CU_ASSERT_EQUAL(memcmp(g.v[1].scope, B, SEGMENT_SCOPE_SIZE), 0);
	CU_ASSERT_EQUAL(judge(&g, &c, 2, 3, &h), 0);
	guard_free(&g);
}

static void
moved_keys_are_no_change(void)
{
	struct config c = { .guard_insurer_percent = 10, .guard_records = 1 };
	struct guard g = { 0 };
	struct heard h;

	rows(&g, A, 10, 0);
	rows(&g, B, 0, 10);
	CU_ASSERT_EQUAL(judge(&g, &c, 10, 10, &h), 1);
	guard_move(&g, A, -10);
	guard_move(&g, B, 10);
	CU_ASSERT_EQUAL(judge(&g, &c, 10, 10, &h), 0);
	guard_move(&g, A, -1); /* below nothing there is nothing */
	CU_ASSERT_EQUAL(g.v[0].before, 0);
	guard_free(&g);
}

static void
losses_of_a_night(void)
{
	struct config c = { .guard_night_losses = 3 };
	struct guard g = { .losses = 3 };
	struct heard h;

	CU_ASSERT_EQUAL(judge(&g, &c, 10, 10, &h), 0);
	g.losses = 4;
	CU_ASSERT_EQUAL(judge(&g, &c, 10, 10, &h), 1);
	CU_ASSERT_STRING_EQUAL(h.detail[0], "4 losses, limit 3");
	CU_ASSERT_EQUAL(judge(&g, &c, 0, 10, &h), 0);
	c.guard_night_losses = 0;
	CU_ASSERT_EQUAL(judge(&g, &c, 10, 10, &h), 0);
	guard_free(&g);
}

/* An insurer that lies across two ranges of keys is counted in both. */
static void
counts_of_two_processes(void)
{
	struct guard first = { 0 }, second = { 0 }, all = { 0 };

	rows(&first, A, 5, 6);
	rows(&first, B, 1, 1);
	rows(&second, B, 2, 0);
	rows(&second, C, 0, 7);
	for (size_t i = 0; i < first.n; i++)
		guard_take(&all, &first.v[i]);
	for (size_t i = 0; i < second.n; i++)
		guard_take(&all, &second.v[i]);
	CU_ASSERT_EQUAL_FATAL(all.n, 3);
	CU_ASSERT_EQUAL(all.v[0].after, 6);
	CU_ASSERT_EQUAL(all.v[1].before, 3);
	CU_ASSERT_EQUAL(all.v[1].after, 1);
	CU_ASSERT_EQUAL(all.v[2].after, 7);
	guard_free(&first);
	guard_free(&second);
	guard_free(&all);
}

static CU_TestInfo tests[] = {
	{ "rows may change by so many percent and not by one row more",
	    rows_within_the_band },
	{ "a first load has no band, nor has a site that sets none", no_band },
	{ "each insurer has a band of its own, small ones none",
	    each_insurer_by_itself },
	{ "rows are counted while the base is read one insurer ahead",
	    read_one_insurer_ahead },
	{ "keys that move change neither insurer", moved_keys_are_no_change },
	{ "losses of a night have a limit", losses_of_a_night },
	{ "what two processes counted adds up", counts_of_two_processes },
	CU_TEST_INFO_NULL,
};
SUITE(guard, tests);
