/* Days and rules by the printed calendars of 2025 to 2027. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch/holidays.h"
#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static struct diag_list list;
static struct holidays *table;

static void
begin(void)
{
	diag_list_init(&list, 20, NULL, DIAG_FATAL);
	table = holidays_read("tests/data/calendar/syukujitsu.csv", &list.sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(table);
}

static void
end(void)
{
	holidays_free(table);
	diag_list_free(&list);
}

static int
business(int y, int m, int d)
{
	return holidays_business(table, day_of(y, m, d), &list.sink);
}

static void
weekdays_are_open_and_weekends_are_not(void)
{
	begin();
	CU_ASSERT_EQUAL(business(2026, 11, 20), 1); /* Friday */
	CU_ASSERT_EQUAL(business(2026, 11, 21), 0);
	CU_ASSERT_EQUAL(business(2026, 11, 22), 0);
	CU_ASSERT_EQUAL(business(2026, 11, 23), 0); /* 勤労感謝の日, Monday */
	CU_ASSERT_EQUAL(business(2026, 11, 24), 1);
	/* a day between two holidays */
	CU_ASSERT_EQUAL(business(2026, 9, 22), 0);
	CU_ASSERT_STRING_EQUAL(
	    holidays_name(table, day_of(2026, 9, 22)), "休日");
	end();
}

static void
the_turn_of_the_year_is_closed_by_law(void)
{
	begin();
	CU_ASSERT_EQUAL(business(2026, 12, 28), 1);
	for (int d = 29; d <= 31; d++)
		CU_ASSERT_EQUAL(business(2026, 12, d), 0);
	for (int d = 1; d <= 3; d++)
		CU_ASSERT_EQUAL(business(2027, 1, d), 0);
	CU_ASSERT_EQUAL(business(2027, 1, 4), 1);
	end();
}

static void
a_year_the_table_has_not_got_is_refused(void)
{
	begin();
	CU_ASSERT_EQUAL(business(2028, 1, 5), -1);
	CU_ASSERT_EQUAL(business(2024, 12, 31), -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_HOLIDAY_YEARS], 2);
	CU_ASSERT_EQUAL(
	    holidays_business(NULL, day_of(2026, 1, 5), &list.sink), -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_HOLIDAY_TABLE], 1);
	end();
}

static int
due(const char *rule, int y, int m, int d)
{
	struct day_rule r;

	CU_ASSERT_EQUAL_FATAL(day_rule_parse(rule, &r), 0);
	return day_rule_due(&r, table, day_of(y, m, d), &list.sink);
}

static void
rules_name_their_days(void)
{
	begin();
	CU_ASSERT_EQUAL(due("every day", 2026, 1, 1), 1);
	CU_ASSERT_EQUAL(due("on demand", 2026, 1, 5), 0);
	CU_ASSERT_EQUAL(due("business days", 2026, 5, 7), 1);
	CU_ASSERT_EQUAL(due("business days", 2026, 5, 6), 0);
	CU_ASSERT_EQUAL(due("closed days", 2026, 5, 6), 1);
	CU_ASSERT_EQUAL(due("weekly mon thu", 2026, 11, 26), 1);
	CU_ASSERT_EQUAL(due("weekly mon thu", 2026, 11, 27), 0);
	CU_ASSERT_EQUAL(due("monthly 10", 2026, 10, 10), 1); /* Saturday */
	CU_ASSERT_EQUAL(due("monthly 10", 2026, 10, 11), 0);
	CU_ASSERT_EQUAL(due("monthly last", 2028, 2, 29), 1);
	CU_ASSERT_EQUAL(due("monthly last", 2027, 2, 28), 1);
	CU_ASSERT_EQUAL(due("monthly 31", 2027, 4, 30), 1);
	CU_ASSERT_EQUAL(due("yearly 04-01", 2027, 4, 1), 1);
	CU_ASSERT_EQUAL(due("yearly 04-01", 2027, 4, 2), 0);
	end();
}

/* January 2027: the 4th is the first business day, the 29th the last; May 2026
 * begins Friday 1, then 7, 8. */
static void
the_nth_business_day_is_counted_from_either_end(void)
{
	begin();
	CU_ASSERT_EQUAL(due("business day 1", 2027, 1, 4), 1);
	CU_ASSERT_EQUAL(due("business day 1", 2027, 1, 5), 0);
	CU_ASSERT_EQUAL(due("business day 2", 2026, 5, 7), 1);
	CU_ASSERT_EQUAL(due("business day 3", 2026, 5, 8), 1);
	CU_ASSERT_EQUAL(due("business day 3", 2026, 5, 9), 0);
	CU_ASSERT_EQUAL(due("business day -1", 2027, 1, 29), 1);
	CU_ASSERT_EQUAL(due("business day -1", 2027, 1, 30), 0);
	CU_ASSERT_EQUAL(due("business day -1", 2026, 12, 28), 1);
	end();
}

/* 10 October 2026 is a Saturday, the 12th a holiday. */
static void
a_closed_day_is_shifted_as_the_rule_says(void)
{
	begin();
	CU_ASSERT_EQUAL(due("monthly 10, before", 2026, 10, 9), 1);
	CU_ASSERT_EQUAL(due("monthly 10, before", 2026, 10, 10), 0);
	CU_ASSERT_EQUAL(due("monthly 10, after", 2026, 10, 9), 0);
	CU_ASSERT_EQUAL(due("monthly 10, after", 2026, 10, 13), 1);
	CU_ASSERT_EQUAL(due("monthly 10, after", 2026, 10, 14), 0);
	CU_ASSERT_EQUAL(due("monthly 10, skip", 2026, 10, 13), 0);
	CU_ASSERT_EQUAL(due("monthly 10, skip", 2026, 11, 10), 1);
	/* over the new year: the last of the month goes back to the 28th */
	CU_ASSERT_EQUAL(due("monthly last, before", 2026, 12, 28), 1);
	CU_ASSERT_EQUAL(due("yearly 01-01, after", 2027, 1, 4), 1);
	end();
}

static void
what_is_no_rule_is_refused(void)
{
	static const char *const wrong[] = { "", "daily", "every", "every days",
		"weekly", "weekly foo", "monthly", "monthly 0", "monthly 32",
		"business day", "business day 0", "business day 24",
		"yearly 02-29", "yearly 13-01", "yearly 4-1",
		"every day, after", "monthly 10, later", "monthly 10 after",
		"monthly 10, after all" };
	struct day_rule r;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		CU_ASSERT_EQUAL(day_rule_parse(wrong[i], &r), -1);
}

static int
refused(const char *csv)
{
	char path[64];
	FILE *f;
	struct holidays *h;
	int64_t before;

	diag_list_init(&list, 20, NULL, DIAG_FATAL);
	before = list.sink.counts[DIAG_HOLIDAY_TABLE];
	snprintf(
	    path, sizeof(path), "/tmp/shikaku-days-%ld.csv", (long)getpid());
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("head\n", f);
	fputs(csv, f);
	fclose(f);
	h = holidays_read(path, &list.sink);
	unlink(path);
	before = list.sink.counts[DIAG_HOLIDAY_TABLE] - before;
	diag_list_free(&list);
	holidays_free(h);
	return h == NULL && before == 1;
}

static void
a_table_that_is_cut_or_wrong_is_refused(void)
{
	CU_ASSERT_TRUE(refused(""));
	CU_ASSERT_TRUE(refused("2026/1/1\n"));
	CU_ASSERT_TRUE(refused("2026/1/1,\n"));
	CU_ASSERT_TRUE(refused("2026/13/1,x\n"));
	CU_ASSERT_TRUE(refused("2026-01-01,x\n"));
	CU_ASSERT_TRUE(refused("2026/1/1,x\n2026/1/1,x\n")); /* twice */
	CU_ASSERT_TRUE(refused("2026/1/2,x\n")); /* 元日 is missing */
	CU_ASSERT_TRUE(refused("2026/1/1,x\n2026/5/3,x\n")); /* cut */
	CU_ASSERT_TRUE(refused("2026/1/1,\x81\n")); /* not CP932 */
	diag_list_init(&list, 20, NULL, DIAG_FATAL);
	CU_ASSERT_PTR_NULL(holidays_read("/nonexistent/days.csv", &list.sink));
	diag_list_free(&list);
}

static CU_TestInfo tests[] = {
	{ "weekdays are open and weekends are not",
	    weekdays_are_open_and_weekends_are_not },
	{ "the turn of the year is closed by law",
	    the_turn_of_the_year_is_closed_by_law },
	{ "a year the table has not got is refused",
	    a_year_the_table_has_not_got_is_refused },
	{ "rules name their days", rules_name_their_days },
	{ "the nth business day is counted from either end",
	    the_nth_business_day_is_counted_from_either_end },
	{ "a closed day is shifted as the rule says",
	    a_closed_day_is_shifted_as_the_rule_says },
	{ "what is no rule is refused", what_is_no_rule_is_refused },
	{ "a table that is cut or wrong is refused",
	    a_table_that_is_cut_or_wrong_is_refused },
	CU_TEST_INFO_NULL,
};
SUITE(holidays, tests);
