/*
 * The tables of a month's statistics (O4), each described once: name, both
 * languages, unit, what its one or two keys are, how it is drawn. Feeds the
 * figures' suppression, the SQLite file with its views, the CSV and its
 * description, the HTML report and the documentation.
 *
 * Tables of one family count the same things: summed over the values of a key
 * they share (or that follows from a key: an institution's prefecture), they
 * give the same. No two tables of a family share two keys.
 */
#ifndef FORMATS_STATISTICS_TABLE_H
#define FORMATS_STATISTICS_TABLE_H

#include "formats/codec/field.h"

enum statistics_dim {
	DIM_NONE,
	DIM_DAY, /* YYYYMMDD */
	DIM_WEEKDAY, /* 0 Sunday .. 6 */
	DIM_HOUR, /* JST, 00..23 */
	DIM_KIND,
	DIM_ANSWER, /* 1..5 資格有効性, none: no judgement asked, refused */
	DIM_OUTCOME, /* answered, refused: follows from answer and code */
	DIM_CODE, /* OE code; none: answered */
	DIM_CARD,
	DIM_TIME, /* class of the time until the answer was ready */
	DIM_PREFECTURE,
	DIM_SIZE,
	DIM_INSTITUTION,
	DIM_INSURER,
	DIM_SCHEME,
	DIM_AGE, /* five-year class: 000, 005, .. 100 */
	DIM_SEX,
	DIM_CLASS, /* 被保険者証区分 */
	DIM_FEED,
	DIM_STATE,
	DIM_REASON, /* diagnostic code of a refused file; none */
	DIM_LATE, /* days after the day in its name */
	DIM_CHANGE,
	DIM_SNAPSHOT,
	DIM_RESULT, /* of a record */
	DIM_DELAY, /* class of the time from arrival to visibility */
	DIM_PROGRAM,
	DIM_EXIT, /* formats/exit.h; none: it has no end */
	DIM_USE, /* 利用種別 */
	DIM_BILLING, /* 課金対象区分 */
	DIM_PRICES, /* 料金表版 */
	DIM__MAX
};
struct statistics_dim_row {
	const char *name, *ja, *en; /* name: column of SQL and CSV */
	const struct code *codes; /* its values' names; NULL: as they are */
};
extern const struct statistics_dim_row statistics_dims[DIM__MAX];
/* What else is known where this is: DIM_NONE at the end. */
extern const enum statistics_dim statistics_follows[DIM__MAX][3];

enum statistics_family {
	FAMILY_QUESTIONS,
	FAMILY_PERSONS,
	FAMILY_FILES,
	FAMILY_CHANGES,
	FAMILY_SNAPSHOTS,
	FAMILY_RECORDS,
	FAMILY_PROBLEMS,
	FAMILY_DELAYS,
	FAMILY_RUNS,
	FAMILY_TIMES,
	FAMILY_BYTES,
	FAMILY_USAGE,
	FAMILY_COST,
	FAMILY__MAX
};
enum statistics_chart {
	CHART_NUMBER,
	CHART_LINE,
	CHART_BARS,
	CHART_STACK,
	CHART_HEAT,
	CHART_TILES,
	CHART_TABLE /* no drawing: too many rows */
};
enum statistics_table {
	TABLE_QUESTIONS,
	TABLE_DAY,
	TABLE_WEEKDAY_HOUR,
	TABLE_HOUR_KIND,
	TABLE_ANSWER_KIND,
	TABLE_CODE,
	TABLE_CARD,
	TABLE_TIME_KIND,
	TABLE_PREFECTURE_KIND,
	TABLE_SIZE_KIND,
	TABLE_INSTITUTION,
	TABLE_INSURER,
	TABLE_INSURED,
	TABLE_SCHEME_SEX,
	TABLE_AGE_SEX,
	TABLE_INSURED_PREFECTURE,
	TABLE_CLASS,
	TABLE_FEED_STATE,
	TABLE_REASON,
	TABLE_LATE,
	TABLE_DELAY,
	TABLE_RECORDS,
	TABLE_PROBLEM,
	TABLE_CHANGE,
	TABLE_UNITS,
	TABLE_COST,
	TABLE_RUNS,
	TABLE_RUN_TIME,
	TABLE_ROWS,
	TABLE_BYTES,
	TABLE__MAX
};
struct statistics_table_row {
	const char *name, *ja, *en;
	enum statistics_family family;
	const char *unit, *unit_ja;
	enum statistics_dim dim[2];
	enum statistics_chart chart;
	bool small; /* few of it are hidden: they may point at a person */
	const char *from_ja, *from; /* which inputs */
};
extern const struct statistics_table_row statistics_tables[TABLE__MAX];

/* Name of a key's value in a language ("" for none of it). The value itself
 * where it has no other name. Borrowed or in `room`. */
const char *statistics_label(
    enum statistics_dim dim, const char *value, bool ja, char room[64]);

/* A question of the report that its SQLite file answers by name. */
struct statistics_query {
	const char *name, *ja, *en, *sql;
};
extern const struct statistics_query statistics_queries[]; /* name NULL ends */

#endif
