/*
 * Statistics as rows (O4): one figure a row, of a day or of a month; CSV, UTF-8
 * with BOM, so that a spreadsheet opens it and a program groups it. Which
 * figures there are: formats/statistics_table.h. No person in it.
 */
#ifndef FORMATS_STATISTICS_H
#define FORMATS_STATISTICS_H

#include "formats/codec/record.h"

enum statistics_field {
	ST_TABLE,
	ST_TABLE_JA,
	ST_TABLE_EN,
	ST_KEY1, /* "" where the table has none */
	ST_KEY1_JA,
	ST_KEY1_EN,
	ST_KEY2,
	ST_KEY2_JA,
	ST_KEY2_EN,
	ST_VALUE, /* "" where hidden */
	ST_UNIT,
	ST_HIDDEN, /* 1: hidden (秘匿), 0: not */
	ST__MAX
};
extern const struct format statistics_format;
extern const struct layout statistics_layout; /* "statistics", bare CSV */
/* What each column means, in English; the Japanese is the field's own. */
extern const char *const statistics_columns[ST__MAX];

#endif
