#include <stdio.h>

#include "formats/burden.h"
#include "formats/notice.h"
#include "formats/qualification.h"
#include "tests/unit/suite.h"

#define PRICES "PriceTable,Use,Price,ValidFrom,ValidUntil\r\n"
#define BURDEN "1,1,SHIKAKU0,futan,20260903,1,\r\n"
#define NOTICE "1,1,SHIKAKU0,notice,20260802,2,\r\n"
#define WHOM "06139992,E_0001,P1,society,01,2026-1,20260801,"

/* How often `code` was raised for `item`; -1 where another error was too. */
static int
told(const struct layout *l, const char *text, enum diag_code code, int item)
{
	struct diag_list list;
	struct record_source src = { .name = "t",
		.fd = -1,
		.bytes = slice_of(text),
		.layout = l,
		.syntax = SYNTAX_CSV,
		.charset = CHARSET_UTF8,
		.sink = &list.sink };
	struct record_reader *r;
	struct record rec;
	int n = 0, others = 0;

	diag_list_init(&list, 50, NULL, DIAG_FATAL);
	r = record_open(&src);
	while (record_next(r, &rec) <= RECORD_REFUSED)
		;
	record_close(r);
	for (size_t i = 0; i < list.n; i++) {
		if (list.v[i].code == code && list.v[i].item == item)
			n++;
		else if (diag_table[list.v[i].code].level == DIAG_ERROR)
			others++;
	}
	diag_list_free(&list);
	return others > 0 ? -1 : n;
}

static void
test_prices(void)
{
	const struct layout *l = &price_layout;

	CU_ASSERT_EQUAL(
	    told(l, PRICES "2026-1,1,1000,20260401,\r\n", DIAG_CARD_PERIOD, 5),
	    0);
	CU_ASSERT_EQUAL(told(l, PRICES "2026-1,1,1000,20260401,20260401\r\n",
			    DIAG_CARD_PERIOD, 5),
	    0);
	CU_ASSERT_EQUAL(told(l, PRICES "2026-1,1,1000,20260401,20260331\r\n",
			    DIAG_CARD_PERIOD, 5),
	    1);
	CU_ASSERT_EQUAL(told(l, PRICES "2026-1,1,1000,20260431,20260331\r\n",
			    DIAG_BAD_DATE, 4),
	    1);
}

static void
test_months(void)
{
	static const char *const months[] = { "202600", "202613", "190000",
		"000007" };
	char text[256];

	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text),
		    BURDEN "2,1,%s,1,06139992,,1,1,1,,2,2026-1\r\n3,1,2\r\n",
		    months[i]);
		CU_ASSERT_EQUAL(
		    told(&burden_layout, text, DIAG_BAD_DATE, 3), 1);
	}
}

/* By insured persons (算定基礎 2) their number must be told. */
static void
test_basis(void)
{
	const struct layout *l = &burden_layout;

	CU_ASSERT_EQUAL(
	    told(l,
		BURDEN
		"2,1,202608,1,06139992,,2,0,0,500,70,2026-1\r\n3,1,70\r\n",
		DIAG_MISSING, 10),
	    0);
	CU_ASSERT_EQUAL(
	    told(l,
		BURDEN "2,1,202608,1,06139992,,2,0,0,,70,2026-1\r\n3,1,70\r\n",
		DIAG_MISSING, 10),
	    1);
	CU_ASSERT_EQUAL(
	    told(l,
		BURDEN "2,1,202608,1,06139992,,9,0,0,,70,2026-1\r\n3,1,70\r\n",
		DIAG_NOT_IN_CODES, 7),
	    1);
}

/* A correction names what it corrects, a new notice has nothing to name. */
static void
test_corrections(void)
{
	const struct layout *l = &notice_layout;
#define FILE_1 "SHIKAKU0_notice_20260801_0001"
	CU_ASSERT_EQUAL(
	    told(l, NOTICE "2,1,1," WHOM ",\r\n3,1,0\r\n", DIAG_MISSING, 11),
	    0);
	CU_ASSERT_EQUAL(told(l, NOTICE "2,1,9," WHOM FILE_1 ",14\r\n3,1,0\r\n",
			    DIAG_MISSING, 11),
	    0);
	CU_ASSERT_EQUAL(
	    told(l, NOTICE "2,1,2," WHOM ",14\r\n3,1,0\r\n", DIAG_MISSING, 11),
	    1);
	CU_ASSERT_EQUAL(told(l, NOTICE "2,1,2," WHOM FILE_1 ",\r\n3,1,0\r\n",
			    DIAG_MISSING, 12),
	    1);
	CU_ASSERT_EQUAL(told(l, NOTICE "2,1,1," WHOM FILE_1 ",\r\n3,1,0\r\n",
			    DIAG_UNKNOWN_ITEM, 11),
	    1);
	CU_ASSERT_EQUAL(told(l, NOTICE "2,1,5," WHOM FILE_1 ",\r\n3,1,0\r\n",
			    DIAG_NOT_IN_CODES, 3),
	    1);
}

static CU_TestInfo tests[] = {
	{ "a price does not end before it begins", test_prices },
	{ "a month is one of a calendar", test_months },
	{ "a burden by insured persons says how many", test_basis },
	{ "a correction names what it corrects", test_corrections },
	CU_TEST_INFO_NULL,
};
SUITE(burden, tests);
