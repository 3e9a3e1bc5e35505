#include "batch/prices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "tests/unit/suite.h"

#define HEAD "PriceTable,Use,Price,ValidFrom,ValidUntil\r\n"

static struct diag_list said;

/* A table of these rows, loaded; what was raised is in said. */
static struct prices *
table(const char *rows)
{
	char path[] = "/tmp/shikaku-prices-XXXXXX";
	int fd = mkstemp(path);
	struct prices *p;

	CU_ASSERT_FATAL(fd != -1);
	dprintf(fd, "%s%s", HEAD, rows);
	close(fd);
	diag_list_free(&said);
	diag_list_init(&said, 10, NULL, DIAG_FATAL);
	p = prices_load(path, &said.sink);
	unlink(path);
	return p;
}

/* Refused, by a reason of ours with its line before "see above". */
static void
refused(const char *rows, int64_t line)
{
	struct prices *p = table(rows);

	CU_ASSERT_PTR_NULL(p);
	CU_ASSERT_FATAL(said.n == 2);
	CU_ASSERT_EQUAL(said.v[0].code, DIAG_PRICE_TABLE);
	CU_ASSERT_EQUAL(said.v[0].line, line);
	CU_ASSERT_EQUAL(said.v[1].code, DIAG_PRICE_TABLE);
	prices_free(p);
}

static void
no_table_is_no_levy(void)
{
	struct prices *p = prices_load("", &said.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT(prices_none(p));
	CU_ASSERT_STRING_EQUAL(prices_version(p, -1), "");
	prices_free(p);
}

static void
a_price_holds_from_its_first_day_to_its_last(void)
{
	struct prices *p = table("T-1,1,1300,20260401,20260930\r\n"
				 "T-1,2,700,20260401,20260930\r\n"
				 "T-2,1,1250,20261002,\r\n");
	int one, two;

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT(!prices_none(p));
	one = prices_find(p, slice_of("T-1"));
	two = prices_find(p, slice_of("T-2"));
	CU_ASSERT(one >= 0 && two >= 0 && one != two);
	CU_ASSERT_EQUAL(prices_find(p, slice_of("T-3")), -1);
	CU_ASSERT_STRING_EQUAL(prices_version(p, two), "T-2");
	CU_ASSERT_EQUAL(prices_on(p, 1, day_of(2026, 3, 31)), -1);
	CU_ASSERT_EQUAL(prices_on(p, 1, day_of(2026, 4, 1)), one);
	CU_ASSERT_EQUAL(prices_on(p, 2, day_of(2026, 9, 30)), one);
	/* the first of October has none: a gap, not the price before */
	CU_ASSERT_EQUAL(prices_on(p, 1, day_of(2026, 10, 1)), -1);
	CU_ASSERT_EQUAL(prices_on(p, 1, day_of(2026, 10, 2)), two);
	CU_ASSERT_EQUAL(prices_on(p, 1, day_of(2099, 12, 31)), two);
	CU_ASSERT_EQUAL(prices_on(p, 2, day_of(2026, 10, 2)), -1);
	CU_ASSERT_EQUAL(prices_of(p, one, 1), 1300);
	CU_ASSERT_EQUAL(prices_of(p, one, 2), 700);
	CU_ASSERT_EQUAL(prices_of(p, two, 1), 1250);
	CU_ASSERT_EQUAL(prices_of(p, two, 2), -1);
	prices_free(p);
}

static void
what_a_bill_could_read_in_two_ways_is_refused(void)
{
	/* two prices of one use on the last day of the first */
	refused("T-1,1,1300,20260401,20260930\r\n"
		"T-1,1,1300,20260930,\r\n",
	    3);
	/* two versions on one day, though of two uses */
	refused("T-1,1,1300,20260401,\r\nT-2,2,700,20260401,\r\n", 3);
	/* a new price under the old version */
	refused("T-1,1,1300,20260401,20260930\r\n"
		"T-1,1,1250,20261001,\r\n",
	    3);
}

static void
a_table_without_a_row_is_a_mistake(void)
{
	CU_ASSERT_PTR_NULL(table(""));
	CU_ASSERT_FATAL(said.n == 1);
	CU_ASSERT_EQUAL(said.v[0].code, DIAG_PRICE_TABLE);
	diag_list_free(&said);
}

static CU_TestInfo tests[] = {
	{ "no table is no levy", no_table_is_no_levy },
	{ "a price holds from its first day to its last, and no day more",
	    a_price_holds_from_its_first_day_to_its_last },
	{ "what a bill could read in two ways is refused",
	    what_a_bill_could_read_in_two_ways_is_refused },
	{ "a table without a row is a mistake",
	    a_table_without_a_row_is_a_mistake },
	CU_TEST_INFO_NULL,
};
SUITE(prices, tests);
