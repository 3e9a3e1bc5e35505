/*
 * Calendar days and Japanese time, without a clock.
 *
 * A day is a count of days since 1970-01-01 in the Gregorian calendar, as
 * int32_t; DAY_NONE means "no day". A moment is milliseconds since the epoch
 * (UTC) as int64_t. JST is +9 h, always; TZ and locale are never asked.
 * Nobody here calls time(): a main() reads the clock once and hands it down.
 */
#ifndef FORMATS_CODEC_DAY_H
#define FORMATS_CODEC_DAY_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/text.h"

#define DAY_NONE INT32_MIN
#define DAY_MS INT64_C(86400000)
#define JST_MS INT64_C(32400000) /* +9 h */

/* y 1868..9999; DAY_NONE where there is no such day. */
int32_t day_of(int y, int m, int d);
void day_civil(int32_t day, int *y, int *m, int *d);
int day_weekday(int32_t day); /* 0 Sunday .. 6 Saturday */

/* "YYYYMMDD", "YYYY-MM-DD"; DAY_NONE on anything else. */
int32_t day_parse(struct slice s);
int32_t day_parse_iso(struct slice s);
/* Era digit + YYMMDD ("5010501" is 令和1-05-01 = 2019-05-01). A day past the
 * end of its era is read on (平成31年5月1日 is 2019-05-01). */
int32_t day_parse_era(struct slice s);
void day_format(int32_t day, char out[9]); /* YYYYMMDD */
void day_format_iso(int32_t day, char out[11]);
/* "令和元年5月1日"; for people, UTF-8, at most 31 bytes and NUL. */
void day_format_wareki(int32_t day, char out[32]);

/* The n-th birthday as a day: a child of 29 February has it on 1 March in
 * other years. */
int32_t day_birthday(int32_t birth, int years);
int32_t day_month_first(int32_t day, int months); /* 1st of month + months */

/* Moments. */
int32_t day_of_moment(int64_t ms); /* the JST day */
int64_t day_clock(int64_t ms); /* ms since JST midnight */
int64_t day_moment(int32_t day, int64_t clock_ms);
void day_format_time(int64_t ms, char out[15]); /* YYYYMMDDHHmmss, JST */
/* "2026-08-01T09:15:02.123+09:00" */
void day_format_stamp(int64_t ms, char out[30]);

#endif
