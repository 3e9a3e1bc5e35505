#include "batch/month.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static struct diag_list said;

/* A table of two versions: from April on, and another from 16 August. */
static struct prices *
prices(void)
{
	char path[] = "/tmp/shikaku-month-XXXXXX";
	int fd = mkstemp(path);
	struct prices *p;

	CU_ASSERT_FATAL(fd != -1);
	dprintf(fd,
	    "PriceTable,Use,Price,ValidFrom,ValidUntil\r\n"
	    "A,1,1300,20260401,20260815\r\nA,2,700,20260401,20260815\r\n"
	    "B,1,1200,20260816,20260830\r\nB,2,600,20260816,20260830\r\n");
	close(fd);
	diag_list_free(&said);
	diag_list_init(&said, 10, NULL, DIAG_FATAL);
	p = prices_load(path, &said.sink);
	unlink(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

/* One detail record: "AT USE BILLING INSURER INSTITUTION VERSION", "-" for
 * what is empty. */
static int
add(struct month *m, const char *text)
{
	static const enum riyo_field of[] = { Y_AT, Y_USE, Y_BILLING, Y_INSURER,
		Y_INSTITUTION, Y_PRICES };
	char copy[160], *next = copy;
	struct record rec;

	snprintf(copy, sizeof(copy), "%s", text);
	record_init(&rec, &riyo_format);
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		const char *word = strsep(&next, " ");

		CU_ASSERT_PTR_NOT_NULL_FATAL(word);
		record_set(
		    &rec, of[i], slice_of(strcmp(word, "-") == 0 ? "" : word));
	}
	return month_add(m, &rec, "riyo-20260831.csv", &said.sink);
}

#define AT(day) "2026-08-" day "T10:00:00.000+09:00"

static void
the_days_of_a_month(void)
{
	CU_ASSERT_EQUAL(month_of(day_of(2026, 8, 31)), 202608);
	CU_ASSERT_EQUAL(month_first(202608), day_of(2026, 8, 1));
	CU_ASSERT_EQUAL(month_last(202608), day_of(2026, 8, 31));
	CU_ASSERT_EQUAL(month_last(202802), day_of(2028, 2, 29)); /* leap */
	CU_ASSERT_EQUAL(month_last(202702), day_of(2027, 2, 28));
	CU_ASSERT_EQUAL(month_after(202612), 202701);
	CU_ASSERT_EQUAL(month_last(202612), day_of(2026, 12, 31));
}

static void
records_of_one_kind_are_one_row(void)
{
	struct prices *p = prices();
	struct month *m = month_new(202608, p);
	const struct month_row *v;
	struct month_counts c;

	/* 1: due, twice; a retry of it; not known; a test of our own */
	CU_ASSERT_EQUAL(add(m, AT("01") " 1 1 06139992 1310100016 A"), 0);
	CU_ASSERT_EQUAL(add(m, AT("15") " 1 1 06139992 1310100024 A"), 0);
	CU_ASSERT_EQUAL(add(m, AT("15") " 1 2 06139992 1310100016 A"), 0);
	CU_ASSERT_EQUAL(add(m, AT("15") " 1 9 06139992 1310100016 A"), 0);
	CU_ASSERT_EQUAL(add(m, AT("15") " 1 3 06139992 1310100016 A"), 0);
	CU_ASSERT_EQUAL(month_rows(m, &v), 1);
	CU_ASSERT_EQUAL(v[0].month, 202608);
	CU_ASSERT_EQUAL(v[0].use, '1');
	CU_ASSERT_STRING_EQUAL(v[0].insurer, "06139992");
	CU_ASSERT_STRING_EQUAL(v[0].prefecture, "13");
	CU_ASSERT_EQUAL(v[0].kind, '1');
	CU_ASSERT_EQUAL(v[0].units, 2);
	CU_ASSERT_EQUAL(v[0].retries, 1);
	CU_ASSERT_EQUAL(v[0].unknown, 1);
	CU_ASSERT_EQUAL(v[0].other, 1);
	c = month_counts(m);
	CU_ASSERT_EQUAL(c.records, 5);
	CU_ASSERT_EQUAL(c.checks, 5);
	CU_ASSERT_EQUAL(c.provisions, 0);
	CU_ASSERT_EQUAL(c.late, 0);
	month_free(m);
	prices_free(p);
}

/* Each differs from the first in one thing; their order is that of the key. */
static void
what_differs_in_one_thing_is_a_row_of_its_own(void)
{
	static const char *const records[] = {
		AT("16") " 1 1 06139992 1310100016 B", /* version */
		AT("01") " 2 1 06139992 1310100016 A", /* use */
		AT("01") " 1 1 06139992 1330100016 A", /* kind: pharmacy */
		AT("01") " 1 1 06139992 2710100016 A", /* prefecture */
		AT("01") " 1 1 - 1310100016 A", /* nobody found */
		"2026-07-31T20:59:59.999+09:00 1 1 06139992 1310100016 A",
		AT("01") " 1 1 06139992 1310100016 A",
	};
	static const struct {
		int32_t month;
		char use;
		const char *insurer, *prefecture;
		char kind;
		const char *version;
	} want[] = { { 202607, '1', "06139992", "13", '1', "A" },
		{ 202608, '1', "", "13", '1', "A" },
		{ 202608, '1', "06139992", "13", '1', "A" },
		{ 202608, '1', "06139992", "13", '1', "B" },
		{ 202608, '1', "06139992", "13", '3', "A" },
		{ 202608, '1', "06139992", "27", '1', "A" },
		{ 202608, '2', "06139992", "13", '1', "A" } };
	struct prices *p = prices();
	struct month *m = month_new(202608, p);
	const struct month_row *v;

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		CU_ASSERT_EQUAL(add(m, records[i]), 0);
	CU_ASSERT_EQUAL_FATAL(month_rows(m, &v), 7);
	for (size_t i = 0; i < 7; i++) {
		CU_ASSERT_EQUAL(v[i].month, want[i].month);
		CU_ASSERT_EQUAL(v[i].use, want[i].use);
		CU_ASSERT_STRING_EQUAL(v[i].insurer, want[i].insurer);
		CU_ASSERT_STRING_EQUAL(v[i].prefecture, want[i].prefecture);
		CU_ASSERT_EQUAL(v[i].kind, want[i].kind);
		CU_ASSERT_STRING_EQUAL(
		    prices_version(p, v[i].version), want[i].version);
		CU_ASSERT_EQUAL(v[i].units, 1);
	}
	CU_ASSERT_EQUAL(month_counts(m).late, 1); /* of July */
	CU_ASSERT_EQUAL(month_counts(m).provisions, 1);
	month_free(m);
	prices_free(p);
}

/* More than the table has room for at first (512). */
static void
thousands_of_rows_are_kept_apart(void)
{
	struct prices *p = prices();
	struct month *m = month_new(202608, p);
	const struct month_row *v;
	char text[120];
	size_t n;

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 3400; i++) {
			snprintf(text, sizeof(text),
			    AT("02") " 1 1 %08d 1310100016 A",
			    (i * 7919) % 3400);
			CU_ASSERT_EQUAL(add(m, text), 0);
		}
	n = month_rows(m, &v);
	CU_ASSERT_EQUAL_FATAL(n, 3400);
	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%08d", (int)i);
		CU_ASSERT_STRING_EQUAL(v[i].insurer, text);
		CU_ASSERT_EQUAL(v[i].units, 2);
	}
	month_free(m);
	prices_free(p);
}

static void
what_cannot_be_billed_is_named(void)
{
	static const struct {
		const char *record;
		enum diag_code code;
	} cases[] = {
		/* of a month to come */
		{ "2026-09-01T08:00:00.000+09:00 1 1 06139992 1310100016 A",
		    DIAG_USAGE_BILL },
		/* the table ends on the 30th */
		{ AT("31") " 1 1 06139992 1310100016 B", DIAG_PRICE_GAP },
		/* the day was closed under another version */
		{ AT("16") " 1 1 06139992 1310100016 A", DIAG_PRICE_TABLE },
	};
	const struct month_row *v;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prices *p = prices();
		struct month *m = month_new(202608, p);

		CU_ASSERT_EQUAL(add(m, cases[i].record), -1);
		CU_ASSERT_EQUAL_FATAL(said.n, 1);
		CU_ASSERT_EQUAL(said.v[0].code, cases[i].code);
		CU_ASSERT_STRING_EQUAL(said.v[0].file, "riyo-20260831.csv");
		CU_ASSERT_EQUAL(month_rows(m, &v), 0);
		CU_ASSERT_EQUAL(month_counts(m).records, 0);
		month_free(m);
		prices_free(p);
	}
}

static void
without_a_levy_no_version_is_asked_for(void)
{
	struct prices *p = prices_load("", &said.sink);
	struct month *m = month_new(202608, p);
	const struct month_row *v;

	CU_ASSERT_EQUAL(add(m, AT("31") " 1 1 06139992 1310100016 -"), 0);
	CU_ASSERT_EQUAL_FATAL(month_rows(m, &v), 1);
	CU_ASSERT_EQUAL(v[0].version, -1);
	month_free(m);
	prices_free(p);
}

/* By the table of riyo_month (shikaku-riyo_month(5)). */
static void
the_file_has_a_row_for_each_and_the_sum_of_its_units(void)
{
	static const char want[] = "1,1,SHIKAKU0,riyo_month,20260831,3,\r\n"
				   "2,1,202607,1,06139992,13,1,1,0,0,0,1,A\r\n"
				   "2,2,202608,1,06139992,13,1,2,1,0,0,0,A\r\n"
				   "3,2,3\r\n";
	struct prices *p = prices();
	struct month *m = month_new(202608, p);
	char path[] = "/tmp/shikaku-month-XXXXXX", got[512];
	int fd = mkstemp(path);
	ssize_t n;

	CU_ASSERT_FATAL(fd != -1);
	unlink(path);
	CU_ASSERT_EQUAL(add(m, AT("01") " 1 1 06139992 1310100016 A"), 0);
	CU_ASSERT_EQUAL(add(m, AT("02") " 1 1 06139992 1310100016 A"), 0);
	CU_ASSERT_EQUAL(add(m, AT("02") " 1 2 06139992 1310100016 A"), 0);
	CU_ASSERT_EQUAL(
	    add(m, "2026-07-31T12:00:00.000+09:00 1 1 06139992 1310100016 A"),
	    0);
	CU_ASSERT_EQUAL(month_write(m, fd, "t", 3, &said.sink), 0);
	n = pread(fd, got, sizeof(got) - 1, 0);
	CU_ASSERT_FATAL(n > 0);
	got[n] = '\0';
	CU_ASSERT_STRING_EQUAL(got, want);
	close(fd);
	month_free(m);
	prices_free(p);
	diag_list_free(&said);
}

static CU_TestInfo tests[] = { { "the days of a month", the_days_of_a_month },
	{ "records of one kind are one row", records_of_one_kind_are_one_row },
	{ "what differs in one thing is a row of its own, in order",
	    what_differs_in_one_thing_is_a_row_of_its_own },
	{ "thousands of rows are kept apart",
	    thousands_of_rows_are_kept_apart },
	{ "what cannot be billed is named and not counted",
	    what_cannot_be_billed_is_named },
	{ "without a levy no version is asked for",
	    without_a_levy_no_version_is_asked_for },
	{ "the file has a row for each and the sum of its units",
	    the_file_has_a_row_for_each_and_the_sum_of_its_units },
	CU_TEST_INFO_NULL };
SUITE(month, tests);
