/* day.h: days against a second way of counting, eras, Japanese time. */
#include <string.h>

#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static int
last_of(int y, int m)
{
	if (m == 2)
		return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 29 : 28;
	return m == 4 || m == 6 || m == 9 || m == 11 ? 30 : 31;
}

/* Walks day by day from 1868-01-01 (which lies 37256 days before 1970: 102
 * years of 365 plus 26 leap days less 1900) over all years. */
static void
every_day(void)
{
	int32_t day = -(102 * 365 + 25);
	int weekday = 3; /* 1868-01-01 was a Wednesday */
	bool same = true;

	for (int y = 1868; y <= 9999; y++)
		for (int m = 1; m <= 12; m++)
			for (int d = 1; d <= last_of(y, m); d++, day++) {
				int y1, m1, d1;

				day_civil(day, &y1, &m1, &d1);
				same = same && day_of(y, m, d) == day &&
				    y1 == y && m1 == m && d1 == d &&
				    day_weekday(day) == weekday;
				weekday = (weekday + 1) % 7;
			}
	CU_ASSERT_TRUE(same);
}

static void
known(void)
{
	CU_ASSERT_EQUAL(day_of(1970, 1, 1), 0);
	CU_ASSERT_EQUAL(day_of(2000, 1, 1), 10957);
	CU_ASSERT_EQUAL(day_weekday(day_of(2026, 8, 1)), 6); /* Saturday */
	CU_ASSERT_EQUAL(day_weekday(day_of(1964, 10, 10)), 6);
	CU_ASSERT_EQUAL(day_of(2000, 2, 29), day_of(2000, 3, 1) - 1);
	CU_ASSERT_EQUAL(day_of(1900, 2, 29), DAY_NONE);
	CU_ASSERT_EQUAL(day_of(2026, 2, 29), DAY_NONE);
	CU_ASSERT_EQUAL(day_of(2026, 13, 1), DAY_NONE);
	CU_ASSERT_EQUAL(day_of(2026, 0, 1), DAY_NONE);
	CU_ASSERT_EQUAL(day_of(2026, 4, 31), DAY_NONE);
	CU_ASSERT_EQUAL(day_of(2026, 4, 0), DAY_NONE);
	CU_ASSERT_EQUAL(day_of(1867, 12, 31), DAY_NONE);
	CU_ASSERT_EQUAL(day_of(10000, 1, 1), DAY_NONE);
}

static void
parse(void)
{
	CU_ASSERT_EQUAL(day_parse(SLICE("20260801")), day_of(2026, 8, 1));
	CU_ASSERT_EQUAL(day_parse(SLICE("20260800")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse(SLICE("2026080")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse(SLICE("2026 801")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse(SLICE("+2026080")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse(SLICE("")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_iso(SLICE("2026-08-01")), day_of(2026, 8, 1));
	CU_ASSERT_EQUAL(day_parse_iso(SLICE("2026/08/01")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_iso(SLICE("2026-08-1x")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_iso(SLICE("2026-08-011")), DAY_NONE);
}

static void
eras(void)
{
	CU_ASSERT_EQUAL(day_parse_era(SLICE("5010501")), day_of(2019, 5, 1));
	CU_ASSERT_EQUAL(day_parse_era(SLICE("4310430")), day_of(2019, 4, 30));
	/* 平成31年5月1日: written by systems that had not changed over */
	CU_ASSERT_EQUAL(day_parse_era(SLICE("4310501")), day_of(2019, 5, 1));
	CU_ASSERT_EQUAL(day_parse_era(SLICE("3640107")), day_of(1989, 1, 7));
	CU_ASSERT_EQUAL(day_parse_era(SLICE("4010108")), day_of(1989, 1, 8));
	CU_ASSERT_EQUAL(day_parse_era(SLICE("3011225")), day_of(1926, 12, 25));
	CU_ASSERT_EQUAL(day_parse_era(SLICE("2010730")), day_of(1912, 7, 30));
	CU_ASSERT_EQUAL(day_parse_era(SLICE("1330401")), day_of(1900, 4, 1));
	/* before an era began nobody wrote it */
	CU_ASSERT_EQUAL(day_parse_era(SLICE("4010107")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_era(SLICE("5010430")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_era(SLICE("5000101")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_era(SLICE("6010101")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_era(SLICE("0010101")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_era(SLICE("3020229")), DAY_NONE);
	CU_ASSERT_EQUAL(day_parse_era(SLICE("501050")), DAY_NONE);
}

static void
wareki(void)
{
	char s[32];

	day_format_wareki(day_of(2019, 5, 1), s);
	CU_ASSERT_STRING_EQUAL(s, "令和元年5月1日");
	day_format_wareki(day_of(2019, 4, 30), s);
	CU_ASSERT_STRING_EQUAL(s, "平成31年4月30日");
	day_format_wareki(day_of(1926, 12, 24), s);
	CU_ASSERT_STRING_EQUAL(s, "大正15年12月24日");
	day_format_wareki(day_of(9999, 12, 31), s);
	CU_ASSERT_STRING_EQUAL(s, "令和7981年12月31日");
	day_format_wareki(DAY_NONE, s);
	CU_ASSERT_STRING_EQUAL(s, "");
}

static void
formats(void)
{
	char a[9], b[11];

	day_format(day_of(1964, 2, 29), a);
	CU_ASSERT_STRING_EQUAL(a, "19640229");
	day_format_iso(day_of(1964, 2, 29), b);
	CU_ASSERT_STRING_EQUAL(b, "1964-02-29");
	day_format(DAY_NONE, a);
	CU_ASSERT_STRING_EQUAL(a, "");
}

static void
birthdays(void)
{
	int32_t leap = day_of(1956, 2, 29);

	CU_ASSERT_EQUAL(day_birthday(leap, 70), day_of(2026, 3, 1));
	CU_ASSERT_EQUAL(day_birthday(leap, 72), day_of(2028, 2, 29));
	CU_ASSERT_EQUAL(
	    day_birthday(day_of(1951, 8, 1), 75), day_of(2026, 8, 1));
	CU_ASSERT_EQUAL(
	    day_month_first(day_of(2026, 12, 31), 1), day_of(2027, 1, 1));
	CU_ASSERT_EQUAL(
	    day_month_first(day_of(2026, 1, 15), -1), day_of(2025, 12, 1));
	CU_ASSERT_EQUAL(
	    day_month_first(day_of(2026, 8, 31), 0), day_of(2026, 8, 1));
}

/* 2026-08-01 00:15:02.123 UTC is 09:15:02.123 in Japan. */
static void
moments(void)
{
	int64_t t = day_of(2026, 8, 1) * DAY_MS + (15 * 60 + 2) * 1000 + 123;
	char time[15], stamp[30];

	day_format_time(t, time);
	CU_ASSERT_STRING_EQUAL(time, "20260801091502");
	day_format_stamp(t, stamp);
	CU_ASSERT_STRING_EQUAL(stamp, "2026-08-01T09:15:02.123+09:00");
	CU_ASSERT_EQUAL(day_of_moment(t), day_of(2026, 8, 1));
	/* 15:00 UTC is midnight in Japan */
	t = day_of(2026, 8, 1) * DAY_MS + 15 * INT64_C(3600000);
	CU_ASSERT_EQUAL(day_of_moment(t), day_of(2026, 8, 2));
	CU_ASSERT_EQUAL(day_of_moment(t - 1), day_of(2026, 8, 1));
	CU_ASSERT_EQUAL(day_clock(t), 0);
	CU_ASSERT_EQUAL(day_clock(t - 1), DAY_MS - 1);
	CU_ASSERT_EQUAL(day_moment(day_of(2026, 8, 2), 0), t);
	/* before 1970 too */
	CU_ASSERT_EQUAL(day_of_moment(-JST_MS - 1), -1);
	CU_ASSERT_EQUAL(day_clock(-JST_MS - 1), DAY_MS - 1);
}

static CU_TestInfo tests[] = {
	{ "every day of 1868 to 9999 agrees with walking there", every_day },
	{ "known days, and days that are none", known },
	{ "only whole digits are a day", parse },
	{ "平成31年5月1日 is read; a day before its era is not", eras },
	{ "Japanese years for people", wareki },
	{ "days as digits", formats },
	{ "a child of 29 February has its birthday on 1 March", birthdays },
	{ "moments are Japanese time whatever TZ says", moments },
	CU_TEST_INFO_NULL,
};
SUITE(day, tests);
