/*
 * Which days: business days (営業日) and the rules of a job net's calendar.
 *
 * Holidays come from the Cabinet Office's table (内閣府 国民の祝日 CSV, CP932:
 * a head line, then Y/M/D,name). They are fixed by law only for the years the
 * table has (春分・秋分 are announced each February): a day outside is refused,
 * never guessed. Closed are Saturday, Sunday, holidays and 29 December to
 * 3 January (行政機関の休日に関する法律 1条).
 */
#ifndef BATCH_HOLIDAYS_H
#define BATCH_HOLIDAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/diag.h"

struct holidays; /* sorted days, with names */
/* NULL: raised. Every line is checked: a day that is not one, not ascending, or
 * twice; a year without 元日; no name. */
struct holidays *holidays_read(const char *path, struct diag_sink *sink);
void holidays_free(struct holidays *h);
/* First and last day the table can speak of: whole years. */
void holidays_span(const struct holidays *h, int32_t *first, int32_t *last);
/* UTF-8; NULL: none. */
const char *holidays_name(const struct holidays *h, int32_t day);
/* 1, 0; -1: outside the table's years, or no table (raised). */
int holidays_business(
    const struct holidays *h, int32_t day, struct diag_sink *sink);

enum day_rule_kind {
	DAYS_EVERY, /* "every day" */
	DAYS_BUSINESS, /* "business days" */
	DAYS_CLOSED, /* "closed days" */
	DAYS_WEEKLY, /* "weekly mon thu" */
	DAYS_MONTHLY, /* "monthly 10", "monthly last": day of the month */
	DAYS_NTH_BUSINESS, /* "business day 3", "business day -1" (last) */
	DAYS_YEARLY, /* "yearly 04-01" */
	DAYS_NEVER, /* "on demand": only by hand */
};
enum day_shift { /* where the day is closed; JP1 sh=ca, be, af */
	SHIFT_NONE, /* run all the same */
	SHIFT_BEFORE, /* "..., before": last business day before */
	SHIFT_AFTER, /* "..., after": next business day */
	SHIFT_SKIP, /* "..., skip" */
};
struct day_rule {
	enum day_rule_kind kind;
	enum day_shift shift;
	unsigned weekdays; /* bit 0: Sunday */
	int month, n; /* day of month, 31 or "last": 0; nth business day */
};
/* 0; -1: no rule. */
int day_rule_parse(const char *s, struct day_rule *out);
/* Is the day one of the rule's? 1, 0; -1: raised. h NULL: rules that ask for
 * business days are refused. */
int day_rule_due(const struct day_rule *r, const struct holidays *h,
    int32_t day, struct diag_sink *sink);
bool day_rule_asks(const struct day_rule *r); /* for business days */

#endif
