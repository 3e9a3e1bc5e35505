/* Business days and the rules of a calendar. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch/holidays.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

#define TABLE_MAX ((size_t)1 << 20)
#define SHIFT_MAX 14 /* closed days on end; more means a broken table */

struct holiday {
	int32_t day;
	char name[64];
};
struct holidays {
	struct holiday *v;
	size_t n, max;
	char *path;
};

/* ---- the table ---- */

static int
bad(const struct holidays *h, struct diag_sink *sink, int line,
    const char *detail)
{
	struct diag d = { .code = DIAG_HOLIDAY_TABLE,
		.file = h->path,
		.line = line,
		.offset = -1,
		.detail = detail };

	diag_raise(sink, &d);
	return -1;
}

/* "2026/1/1": the Cabinet Office writes no leading zeros. */
static int32_t
table_day(struct slice s)
{
	int v[3] = { 0, 0, 0 }, part = 0, digits = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '/' && part < 2 && digits > 0) {
			part++;
			digits = 0;
		} else if (s.p[i] >= '0' && s.p[i] <= '9' && digits < 4) {
			v[part] = v[part] * 10 + (s.p[i] - '0');
			digits++;
		} else
			return DAY_NONE;
	}
	return part == 2 && digits > 0 ? day_of(v[0], v[1], v[2]) : DAY_NONE;
}

static int
take_line(
    struct holidays *h, struct slice line, int number, struct diag_sink *sink)
{
	struct holiday *d;
	const char *comma = memchr(line.p, ',', line.n);
	struct slice left, right;
	struct buf name;

	if (comma == NULL)
		return bad(h, sink, number, "expected Y/M/D,name");
	left = (struct slice) { line.p, (size_t)(comma - line.p) };
	right = (struct slice) { comma + 1, line.n - left.n - 1 };
	if (h->n == h->max) {
		h->max = h->max == 0 ? 1024 : 2 * h->max;
		h->v = text_realloc(h->v, h->max * sizeof(*h->v));
	}
	d = &h->v[h->n];
	memset(d, 0, sizeof(*d));
	d->day = table_day(slice_trim(left));
	if (d->day == DAY_NONE)
		return bad(h, sink, number, "no such day; expected Y/M/D");
	if (h->n > 0 && h->v[h->n - 1].day >= d->day)
		return bad(h, sink, number, "days must ascend");
	buf_init(&name, d->name, sizeof(d->name));
	if (text_from_cp932(slice_trim(right), &name) == -1 || name.full)
		return bad(h, sink, number, "name is not CP932, or too long");
	if (name.n == 0)
		return bad(h, sink, number, "name is missing");
	h->n++;
	return 0;
}

/* A table cut short would make holidays business days: 元日 stands first in
 * every year, and a year has at least eight more (国民の祝日に関する法律). */
static int
whole_years(const struct holidays *h, struct diag_sink *sink)
{
	int y, m, d, year = 0, count = 0;

	for (size_t i = 0; i <= h->n; i++) {
		y = m = d = 0;
		if (i < h->n)
			day_civil(h->v[i].day, &y, &m, &d);
		if (y == year) {
			count++;
			continue;
		}
		if (year != 0 && count < 9)
			return bad(h, sink, (int)i + 1,
			    "a year has fewer than 9 holidays: the table is "
			    "cut");
		if (i < h->n && (m != 1 || d != 1))
			return bad(h, sink, (int)i + 2,
			    "a year does not begin with 1 January");
		if (i < h->n && year != 0 && y != year + 1)
			return bad(h, sink, (int)i + 2, "a year is missing");
		year = y;
		count = 1;
	}
	return 0;
}

struct holidays *
holidays_read(const char *path, struct diag_sink *sink)
{
	struct holidays *h = text_alloc(sizeof(*h));
	size_t n = 0;
	char *all = spool_slurp(path, TABLE_MAX, &n);
	int line = 0, r = 0;

	h->path = text_dup(slice_of(path));
	if (all == NULL) {
		diag_file(
		    sink, DIAG_HOLIDAY_TABLE, path, "%s", strerror(errno));
		goto fail;
	}
	for (char *p = all; r == 0 && p < all + n;) {
		char *end = memchr(p, '\n', (size_t)(all + n - p));
		size_t len =
		    end == NULL ? (size_t)(all + n - p) : (size_t)(end - p);

		if (++line > 1 && slice_trim((struct slice) { p, len }).n > 0 &&
		    !(len == 1 && *p == '\r')) {
			if (len > 0 && p[len - 1] == '\r')
				len--;
			r = take_line(h, (struct slice) { p, len }, line, sink);
		}
		p = end == NULL ? all + n : end + 1;
	}
	if (r == 0 && h->n == 0)
		r = bad(h, sink, line, "no holiday in it");
	if (r == 0)
		r = whole_years(h, sink);
	if (r == -1)
		goto fail;
	free(all);
	return h;
fail:
	free(all);
	holidays_free(h);
	return NULL;
}

void
holidays_free(struct holidays *h)
{
	if (h == NULL)
		return;
	free(h->v);
	free(h->path);
	free(h);
}

void
holidays_span(const struct holidays *h, int32_t *first, int32_t *last)
{
	int y, m, d;

	day_civil(h->v[0].day, &y, &m, &d);
	*first = day_of(y, 1, 1);
	day_civil(h->v[h->n - 1].day, &y, &m, &d);
	*last = day_of(y, 12, 31);
}

static int
by_day(const void *key, const void *item)
{
	int32_t a = *(const int32_t *)key;
	int32_t b = ((const struct holiday *)item)->day;

	return a < b ? -1 : a > b;
}

const char *
holidays_name(const struct holidays *h, int32_t day)
{
	const struct holiday *d =
	    bsearch(&day, h->v, h->n, sizeof(*h->v), by_day);

	return d == NULL ? NULL : d->name;
}

int
holidays_business(const struct holidays *h, int32_t day, struct diag_sink *sink)
{
	int32_t first, last;
	char iso[11];
	int y, m, d, weekday = day_weekday(day);

	if (h == NULL) {
		diag_file(sink, DIAG_HOLIDAY_TABLE, "masters.holidays",
		    "no table is named, and the calendar asks for business "
		    "days");
		return -1;
	}
	holidays_span(h, &first, &last);
	if (day < first || day > last) {
		day_format_iso(day, iso);
		diag_file(sink, DIAG_HOLIDAY_YEARS, h->path, "%s", iso);
		return -1;
	}
	day_civil(day, &y, &m, &d);
	return weekday != 0 && weekday != 6 && !(m == 12 && d >= 29) &&
	    !(m == 1 && d <= 3) && holidays_name(h, day) == NULL;
}

/* ---- the rules ---- */

static const char *const weekday_names[7] = { "sun", "mon", "tue", "wed", "thu",
	"fri", "sat" };

/* The next word, and past it. */
static struct slice
word(const char **p)
{
	struct slice w;

	while (**p == ' ')
		(*p)++;
	w.p = *p;
	while (**p != '\0' && **p != ' ' && **p != ',')
		(*p)++;
	w.n = (size_t)(*p - w.p);
	return w;
}

static int
number(struct slice w, int min, int max)
{
	int64_t n = slice_number(w);

	return n < min || n > max ? -1 : (int)n;
}

/* "-1" counts from the end of the month. */
static int
nth(struct slice w)
{
	int n;

	if (w.n > 1 && w.p[0] == '-') {
		n = number((struct slice) { w.p + 1, w.n - 1 }, 1, 23);
		return n == -1 ? 0 : -n;
	}
	n = number(w, 1, 23);
	return n == -1 ? 0 : n;
}

static int
parse_weekdays(const char **p, struct day_rule *out)
{
	struct slice w;

	while ((w = word(p)).n > 0) {
		int i = 0;

		while (i < 7 && !slice_is(w, weekday_names[i]))
			i++;
		if (i == 7)
			return -1;
		out->weekdays |= 1u << i;
	}
	return out->weekdays == 0 ? -1 : 0;
}

static int
parse_kind(const char **p, struct day_rule *out)
{
	struct slice first = word(p), w;

	if (slice_is(first, "weekly")) {
		out->kind = DAYS_WEEKLY;
		return parse_weekdays(p, out);
	}
	w = word(p);
	if (slice_is(first, "every") && slice_is(w, "day"))
		out->kind = DAYS_EVERY;
	else if (slice_is(first, "on") && slice_is(w, "demand"))
		out->kind = DAYS_NEVER;
	else if (slice_is(first, "business") && slice_is(w, "days"))
		out->kind = DAYS_BUSINESS;
	else if (slice_is(first, "closed") && slice_is(w, "days"))
		out->kind = DAYS_CLOSED;
	else if (slice_is(first, "business") && slice_is(w, "day")) {
		out->kind = DAYS_NTH_BUSINESS;
		return (out->n = nth(word(p))) == 0 ? -1 : 0;
	} else if (slice_is(first, "monthly")) {
		out->kind = DAYS_MONTHLY;
		out->n = slice_is(w, "last") ? 0 : number(w, 1, 31);
		return out->n == -1 ? -1 : 0;
	} else if (slice_is(first, "yearly") && w.n == 5 && w.p[2] == '-') {
		out->kind = DAYS_YEARLY;
		out->month = number((struct slice) { w.p, 2 }, 1, 12);
		out->n = number((struct slice) { w.p + 3, 2 }, 1, 31);
		/* 29 February would be skipped three years of four */
		return out->month == -1 || out->n == -1 ||
			day_of(2001, out->month, out->n) == DAY_NONE ?
		    -1 :
		    0;
	} else
		return -1;
	return 0;
}

int
day_rule_parse(const char *s, struct day_rule *out)
{
	const char *p = s;
	struct slice w;

	memset(out, 0, sizeof(*out));
	if (parse_kind(&p, out) == -1)
		return -1;
	while (*p == ' ')
		p++;
	if (*p == '\0')
		return 0;
	/* only a day that is named can fall on a closed one */
	if (*p != ',' ||
	    (out->kind != DAYS_MONTHLY && out->kind != DAYS_YEARLY &&
		out->kind != DAYS_WEEKLY))
		return -1;
	p++;
	w = word(&p);
	if (slice_is(w, "before"))
		out->shift = SHIFT_BEFORE;
	else if (slice_is(w, "after"))
		out->shift = SHIFT_AFTER;
	else if (slice_is(w, "skip"))
		out->shift = SHIFT_SKIP;
	else
		return -1;
	return *p == '\0' ? 0 : -1;
}

bool
day_rule_asks(const struct day_rule *r)
{
	return r->kind == DAYS_BUSINESS || r->kind == DAYS_CLOSED ||
	    r->kind == DAYS_NTH_BUSINESS || r->shift != SHIFT_NONE;
}

/* Is it the n-th business day of its month, from the end where n < 0? */
static int
nth_business(
    int n, const struct holidays *h, int32_t day, struct diag_sink *sink)
{
	int32_t first = day_month_first(day, 0), end = day_month_first(day, 1);
	int count = 0, step = n > 0 ? 1 : -1;
	int b = holidays_business(h, day, sink);

	if (b != 1)
		return b;
	for (int32_t d = day; d >= first && d < end; d -= step) {
		if ((b = holidays_business(h, d, sink)) == -1)
			return -1;
		count += b;
	}
	return count == n * step;
}

/* Does the rule name this day, closed or not? */
static bool
named(const struct day_rule *r, int32_t day)
{
	int y, m, d;

	day_civil(day, &y, &m, &d);
	switch (r->kind) {
	case DAYS_EVERY:
		return true;
	case DAYS_WEEKLY:
		return (r->weekdays >> day_weekday(day) & 1) != 0;
	case DAYS_MONTHLY: {
		int last =
		    (int)(day_month_first(day, 1) - day_month_first(day, 0));

		return d == (r->n == 0 || r->n > last ? last : r->n);
	}
	case DAYS_YEARLY:
		return m == r->month && d == r->n;
	default:
		return false;
	}
}

/* A day that is open is due if it is named, or if the closed days just before
 * (after) it were and their turn was shifted on to it. */
static int
shifted(const struct day_rule *r, const struct holidays *h, int32_t day,
    struct diag_sink *sink)
{
	int step = r->shift == SHIFT_AFTER ? -1 : 1;
	int b = holidays_business(h, day, sink);

	if (b != 1)
		return b;
	if (named(r, day))
		return 1;
	if (r->shift == SHIFT_SKIP)
		return 0;
	for (int i = 1; i <= SHIFT_MAX; i++) {
		int32_t d = day + step * i;

		if ((b = holidays_business(h, d, sink)) == -1)
			return -1;
		if (b == 1)
			return 0;
		if (named(r, d))
			return 1;
	}
	return 0;
}

int
day_rule_due(const struct day_rule *r, const struct holidays *h, int32_t day,
    struct diag_sink *sink)
{
	int b;

	switch (r->kind) {
	case DAYS_NEVER:
		return 0;
	case DAYS_BUSINESS:
		return holidays_business(h, day, sink);
	case DAYS_CLOSED:
		b = holidays_business(h, day, sink);
		return b == -1 ? -1 : !b;
	case DAYS_NTH_BUSINESS:
		return nth_business(r->n, h, day, sink);
	default:
		if (r->shift != SHIFT_NONE)
			return shifted(r, h, day, sink);
		return named(r, day);
	}
}
