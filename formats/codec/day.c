/* Days, eras and Japanese time, by arithmetic alone. */
#include <stdio.h>

#include "formats/codec/day.h"

#define YEAR_FIRST 1868
#define YEAR_LAST 9999

static bool
is_leap(int y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

int32_t
day_of(int y, int m, int d)
{
	/* days from 1 March to the first of the month; days of the month */
	static const int16_t before[13] = { 0, 306, 337, 0, 31, 61, 92, 122,
		153, 184, 214, 245, 275 };
	static const int8_t days[13] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30,
		31, 30, 31 };
	int from, century;

	if (y < YEAR_FIRST || y > YEAR_LAST || m < 1 || m > 12 || d < 1 ||
	    (d > days[m] && !(m == 2 && d == 29 && is_leap(y))))
		return DAY_NONE;
	/* years from March: a leap day is the last of its year */
	from = y - (m < 3);
	century = from / 100;
	return 365 * from + from / 4 - century + century / 4 + before[m] + d -
	    719469;
}

/* Any day back to a civil date; floor division, so before 1970 too. */
void
day_civil(int32_t day, int *y, int *m, int *d)
{
	/* days since 0000-03-01, in eras of 400 years (146097 days) */
	int64_t z = (int64_t)day + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153; /* months from March */

	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

int
day_weekday(int32_t day)
{
	return (int)((((int64_t)day + 4) % 7 + 7) % 7);
}

/* n digits at p as a number; -1 where one is no digit. */
static int
digits(const char *p, int n)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		unsigned c = (unsigned char)p[i] - (unsigned)'0';
		if (c > 9)
			return -1;
		v = v * 10 + (int)c;
	}
	return v;
}

int32_t
day_parse(struct slice s)
{
	int v = s.n == 8 ? (int)slice_number(s) : -1;

	if (v == -1)
		return DAY_NONE;
	return day_of(v / 10000, v / 100 % 100, v % 100);
}

int32_t
day_parse_iso(struct slice s)
{
	int y, m, d;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-')
		return DAY_NONE;
	y = digits(s.p, 4);
	m = digits(s.p + 5, 2);
	d = digits(s.p + 8, 2);
	return day_of(y, m, d);
}

/* Receipt-world era digits (domain/numbers-and-codes.md 6). */
static const struct era {
	int first; /* YYYYMMDD of its first day */
	const char *name;
} eras[] = {
	{ 18680125, "明治" },
	{ 19120730, "大正" },
	{ 19261225, "昭和" },
	{ 19890108, "平成" },
	{ 20190501, "令和" },
};
#define ERAS (sizeof(eras) / sizeof(eras[0]))

int32_t
day_parse_era(struct slice s)
{
	int v, era, year;
	int32_t day;

	if (s.n != 7 || (v = digits(s.p, 7)) == -1)
		return DAY_NONE;
	era = v / 1000000;
	year = v / 10000 % 100;
	if (era < 1 || era > (int)ERAS || year == 0)
		return DAY_NONE;
	day = day_of(
	    eras[era - 1].first / 10000 + year - 1, v / 100 % 100, v % 100);
	/* A day before the era began was never written that way. */
	if (day != DAY_NONE &&
	    v % 10000 + (eras[era - 1].first / 10000 + year - 1) * 10000 <
		eras[era - 1].first)
		return DAY_NONE;
	return day;
}

static int
day_number(int32_t day)
{
	int y, m, d;

	day_civil(day, &y, &m, &d);
	return y * 10000 + m * 100 + d;
}

/* n as w digits at p. */
static char *
put_digits(char *p, int64_t n, int w)
{
	for (int i = w - 1; i >= 0; i--) {
		p[i] = (char)('0' + n % 10);
		n /= 10;
	}
	return p + w;
}

void
day_format(int32_t day, char out[9])
{
	out[0] = '\0';
	if (day != DAY_NONE)
		*put_digits(out, day_number(day), 8) = '\0';
}

static char *
put_iso(char *p, int32_t day)
{
	int n = day_number(day);

	p = put_digits(p, n / 10000, 4);
	*p++ = '-';
	p = put_digits(p, n / 100 % 100, 2);
	*p++ = '-';
	return put_digits(p, n % 100, 2);
}

void
day_format_iso(int32_t day, char out[11])
{
	out[0] = '\0';
	if (day != DAY_NONE)
		*put_iso(out, day) = '\0';
}

void
day_format_wareki(int32_t day, char out[32])
{
	struct buf b;
	size_t e = ERAS - 1;
	int n, year;

	buf_init(&b, out, 32);
	if (day == DAY_NONE)
		return;
	n = day_number(day);
	while (e > 0 && n < eras[e].first)
		e--;
	year = n / 10000 - eras[e].first / 10000 + 1;
	buf_puts(&b, eras[e].name);
	if (year == 1)
		buf_puts(&b, "元");
	else
		buf_printf(&b, "%d", year);
	buf_printf(&b, "年%d月%d日", n / 100 % 100, n % 100);
}

int32_t
day_birthday(int32_t birth, int years)
{
	int y, m, d;

	if (birth == DAY_NONE)
		return DAY_NONE;
	day_civil(birth, &y, &m, &d);
	y += years;
	if (m == 2 && d == 29 && !is_leap(y))
		return day_of(y, 3, 1);
	return day_of(y, m, d);
}

int32_t
day_month_first(int32_t day, int months)
{
	int y, m, d;

	if (day == DAY_NONE)
		return DAY_NONE;
	day_civil(day, &y, &m, &d);
	m = y * 12 + m - 1 + months;
	return day_of(m / 12, m % 12 + 1, 1);
}

int32_t
day_of_moment(int64_t ms)
{
	int64_t t = ms + JST_MS;

	return (int32_t)((t >= 0 ? t : t - DAY_MS + 1) / DAY_MS);
}

int64_t
day_clock(int64_t ms)
{
	return ms + JST_MS - day_of_moment(ms) * DAY_MS;
}

int64_t
day_moment(int32_t day, int64_t clock_ms)
{
	return day * DAY_MS - JST_MS + clock_ms;
}

void
day_format_time(int64_t ms, char out[15])
{
	int64_t s = day_clock(ms) / 1000;
	char *p = put_digits(out, day_number(day_of_moment(ms)), 8);

	p = put_digits(p, s / 3600, 2);
	p = put_digits(p, s / 60 % 60, 2);
	*put_digits(p, s % 60, 2) = '\0';
}

void
day_format_stamp(int64_t ms, char out[30])
{
	int64_t t = day_clock(ms), s = t / 1000;
	char *p = put_iso(out, day_of_moment(ms));

	*p++ = 'T';
	p = put_digits(p, s / 3600, 2);
	*p++ = ':';
	p = put_digits(p, s / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, s % 60, 2);
	*p++ = '.';
	p = put_digits(p, t % 1000, 3);
	for (const char *zone = "+09:00"; *zone != '\0'; zone++)
		*p++ = *zone;
	*p = '\0';
}
