/*
 * What a change does to the stored periods of its key: the rules of the
 * merge, and nothing else. For batch/rebuild.c.
 *
 *	merge_begin(m); merge_load(m, period) per stored period, oldest first;
 *	merge_apply(m, change) per change, in order; then merge_period(m, i)
 *	for i below m->n are the periods of the next generation, oldest first.
 *
 * A period is named by its 資格取得年月日. Rules, the first that applies:
 *
 *  any      性別1 or 生年月日 other than the stored periods': E7004, held
 *  新規     there and the same: N7005; there and not the same: E7001
 *  変更     not there: E7002; the same: N7005; else replaced whole
 *  喪失     not there: E7002; 喪失年月日 and 喪失事由 the same: N7005; else
 *           these two are taken
 *  取消     not there: E7002; else removed
 *  新規 変更 喪失  [取得, 喪失) would overlap another period's: E7003
 *
 * The same: every STORED field but 異動区分 and 異動年月日.
 */
#ifndef BATCH_MERGE_H
#define BATCH_MERGE_H

#include "formats/qualification.h"

struct merge_period {
	int32_t from, until; /* until INT32_MAX: open */
	char *payload; /* record_pack() without 異動区分, 異動年月日 */
	size_t n, room;
};
struct merge {
	struct merge_period *v; /* by from; the first n are in use */
	size_t n, max;
	char sex[8];
	size_t sex_n;
	int64_t birth;
	char *packed; /* scratch */
	struct record rec; /* merge_period()'s */
};

void merge_init(struct merge *m);
void merge_free(struct merge *m);
void merge_begin(struct merge *m);
/* 0; -1: the record cannot be packed. */
int merge_load(struct merge *m, const struct record *period);
/* DIAG__MAX: reflected; UNCHANGED; or the code it is refused or held by.
 * DIAG_SEGMENT_BROKEN: no change at all. */
enum diag_code merge_apply(struct merge *m, const struct record *change);
/* A whole 新規: where nothing is stored, it is the period itself, and need not
 * go through all of this. */
bool merge_is_first(const struct record *change);
/* Good until the next call of anything here; NULL: broken. */
const struct record *merge_period(struct merge *m, size_t i);

#endif
