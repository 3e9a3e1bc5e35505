/*
 * A month's statistics as they are given out: one SQLite file, one CSV with a
 * description of its columns in JSON, one HTML page. All from the same
 * figures; the same figures, the same bytes.
 */
#ifndef BATCH_STATISTICS_H
#define BATCH_STATISTICS_H

#include <stdio.h>

#include "batch/figures.h"
#include "formats/codec/diag.h"
#include "formats/manifest.h"

struct finding {
	char code[8], subject[64];
	char ja[200], en[200];
};
struct where { /* an institution of the master in force */
	char code[FIGURE_KEY], prefecture[8], size_class[8];
	bool closed; /* before the period */
};
struct own { /* what a sender may know of itself */
	char sender[FIGURE_KEY];
	bool intermediate; /* where its box is */
	struct figures figures;
};
struct statistics {
	const char *site;
	const char *sender, *sender_name; /* of its own page; NULL: of all */
	int32_t first, last; /* days counted; last: of the run or the month */
	bool of_day; /* one day's, not a month's */
	bool closed; /* the month is over and billed; the day's service is over
		      */
	bool revised; /* another version of a month that is given out */
	int64_t open; /* ms of the day: when the service opens */
	int below; /* figures below it are hidden */
	int64_t lines, late; /* usage lines; of another day than their file's */
	int days; /* with a journal */
	size_t hidden;
	struct snapshot_set set;
	struct figures figures;
	struct finding *finding;
	size_t findings, finding_max;
	struct where *where; /* by code */
	size_t wheres, where_max;
	struct own *own; /* by sender */
	size_t owns, own_max;
};
void statistics_free(struct statistics *s);
void statistics_find(struct statistics *s, const char *code,
    const char *subject, const char *ja, const char *en);
/* The figures of a sender's own, made where it has none yet. */
struct own *statistics_own(struct statistics *s, const char *sender);
/* statistics-YYYYMM[-open | -revised]EXT */
void statistics_name(const struct statistics *s, const char *ext, char out[48]);
/* For figures_hide(). arg: struct statistics. */
void statistics_follow(void *arg, enum statistics_dim dim, const char *value,
    enum statistics_dim what, char out[FIGURE_KEY]);

/* Each fills a file that is there and empty, path; -1 raised. */
typedef int statistics_make_fn(
    const struct statistics *s, const char *path, struct diag_sink *sink);
statistics_make_fn statistics_sqlite, statistics_csv, statistics_json,
    statistics_html, statistics_xlsx;

#endif
