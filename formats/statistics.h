/*
 * The statistics file of one day (O4): long format, one figure a row: theme,
 * up to two keys, value, unit, and every name in Japanese and English. CSV,
 * UTF-8 with BOM, so that a spreadsheet opens it and a program groups it.
 * Sums over the keys of a theme equal the day's total. No person in it.
 */
#ifndef FORMATS_STATISTICS_H
#define FORMATS_STATISTICS_H

#include "formats/codec/record.h"

enum statistics_field {
	ST_DAY,
	ST_THEME,
	ST_KEY1,
	ST_KEY2,
	ST_VALUE,
	ST_UNIT,
	ST_THEME_JA,
	ST_KEY1_JA,
	ST_KEY2_JA,
	ST_THEME_EN,
	ST_KEY1_EN,
	ST_KEY2_EN,
	ST__MAX
};
extern const struct format statistics_format;
extern const struct layout statistics_layout; /* "statistics", bare CSV */

enum statistics_theme {
	THEME_TOTAL, /* all lines of the journal */
	THEME_KIND, /* kind x answered, refused */
	THEME_HOUR, /* JST hour 00..23 x kind */
	THEME_VALIDITY, /* QualificationValidity x kind; "none": refused */
	THEME_REFUSAL, /* OE code x kind; "none": answered */
	THEME_CARD, /* result of the card's check; "none": no card */
	THEME_PREFECTURE, /* of the institution x kind */
	THEME_SIZE, /* size class of the institution x kind */
	THEME_TIME, /* time taken: mean, max */
	THEME_FILES, /* feed x state: uploads named for the day */
	THEME_RECORDS, /* feed x read, accepted, refused, unchanged */
	THEME_GENERATION, /* snapshot: generation in force */
	THEME_ROWS, /* snapshot: rows */
	THEME__MAX
};
extern const char *const statistics_theme_names[THEME__MAX];

struct record_writer;
/* One figure; key1 and key2 may be "". The names are looked up here. */
int statistics_write(struct record_writer *w, int32_t day,
    enum statistics_theme theme, const char *key1, const char *key2,
    int64_t value);

#endif
