/*
 * The figures of a period, by table and keys (formats/statistics_table.h),
 * and which of them are hidden (秘匿): every one below the setting, and as
 * many more as it takes that none can be computed back from all the others.
 *
 * What a reader is taken to know: every figure shown, that sums over a shared
 * key agree between tables of a family, which institution is where, that a
 * hidden figure is at least 1. A hidden figure then can be anything in a range
 * at least as wide as the setting.
 */
#ifndef BATCH_FIGURES_H
#define BATCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#include "formats/statistics_table.h"

#define FIGURE_KEY 16
struct figure {
	enum statistics_table table;
	char key[2][FIGURE_KEY];
	int64_t value; /* > 0, but for totals */
	bool hidden;
};
struct figures {
	struct figure *v; /* once settled: by table, keys */
	size_t n, max;
};
void figures_free(struct figures *f);
/* Adds to what is under these keys. A zero makes no row. */
void figures_add(struct figures *f, enum statistics_table table,
    const char *key1, const char *key2, int64_t value);
/* Sorts, adds up; find() and hide() come after. */
void figures_settle(struct figures *f);
const struct figure *figures_find(const struct figures *f,
    enum statistics_table table, const char *key1, const char *key2);
/* Rows of a table: the first and how many. */
size_t figures_of(const struct figures *f, enum statistics_table table,
    const struct figure **v);

/* The value of `what` where `dim` is `value`; for an institution, whom the
 * caller knows. */
typedef void figures_follow_fn(void *arg, enum statistics_dim dim,
    const char *value, enum statistics_dim what, char out[FIGURE_KEY]);
/* below: the setting; 0 hides nothing. Returns how many are hidden. */
size_t figures_hide(
    struct figures *f, int below, figures_follow_fn *follow, void *arg);

#endif
