/*
 * What changes do to the stored periods of one key: the rules of the merge,
 * and nothing else. For batch/rebuild_build.c. The rules in words, with worked
 * examples: shikaku-merge(7).
 *
 *	merge_begin(m); merge_load(m, period) per stored period, oldest first;
 *	merge_apply(m, change) per change, in order, or merge_full() for all
 *	records of the key in a full file; then merge_period(m, i) for i below
 *	m->n are the periods of the next generation, oldest first.
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
	/* whether a period of the key that ended then is past its retention;
	 * stored: or was not taken in any more; NULL: kept for ever */
	bool (*past)(void *arg, int32_t until, bool stored);
	void *past_arg;
	struct record rec; /* merge_period()'s */
};

void merge_init(struct merge *m);
void merge_free(struct merge *m);
void merge_begin(struct merge *m);
/* 0; -1: the record cannot be packed. */
int merge_load(struct merge *m, const struct record *period);
/* What became of it: ADDED, AMENDED, LOST, CANCELLED: reflected; UNCHANGED; or
 * the code it is refused or held by. DIAG_SEGMENT_BROKEN: no change at all. */
enum diag_code merge_apply(struct merge *m, const struct record *change);
/* A held change an operator lets through: 性別1 and 生年月日 of all periods of
 * the key become the change's; a 新規 for a stored period counts as 変更. */
enum diag_code merge_release(struct merge *m, const struct record *change);
/* An order to drop a period: PURGED where it is there, ended when the order
 * says, and is past its retention; else UNCHANGED. */
enum diag_code merge_purge(struct merge *m, const struct record *order);
/* The record is of a period that is not stored and past its retention. */
bool merge_over(const struct merge *m, const struct record *change);
/*
 * A card link (紐付情報) where the certificate has one already. The same
 * 処理通番: AMENDED, 新旧区分 and validity are the change's. Another one:
 * CARD_TWO_PERSONS, the change is held and neither is answered: the stored
 * link becomes LINK_DISPUTED until an operator releases the change (it is
 * taken) or drops it (the stored one is in force again). Either record's
 * 新旧区分 may be set; it stays a borrowed constant.
 */
#define LINK_IN_FORCE "1"
#define LINK_DISPUTED "8"
enum diag_code merge_link(struct record *stored, struct record *change);
void merge_link_settle(struct record *stored);

/*
 * A full file (全件): all its records of one key at once. Its periods replace
 * the stored ones; 新規, 変更 and 喪失 say the same, that the period is so;
 * 取消: it is not. Where any of them is refused or held, or was refused by
 * ingest (CHANGE_KEEP), the person stays as stored and the others are refused
 * with E7007: never half a person.
 */
struct merge_row {
	int64_t record;
	int32_t from; /* out: 資格取得年月日 */
	char *payload;
	size_t n, room;
	enum diag_code code; /* out; DIAG__MAX: a CHANGE_KEEP has no result */
};
/* How many stored periods went without a record of their own; -1: broken. */
int merge_full(struct merge *m, struct merge_row *rows, size_t n);

/* For the reflection result: the state of a result code. */
enum merge_state {
	MERGE_ADDED,
	MERGE_AMENDED,
	MERGE_LOST,
	MERGE_CANCELLED,
	MERGE_UNCHANGED,
	MERGE_REFUSED,
	MERGE_HELD,
	MERGE__MAX
};
extern const char *const merge_state_names[MERGE__MAX];
enum merge_state merge_state(enum diag_code code);
/* A whole 新規: where nothing is stored, it is the period itself, and need not
 * go through all of this. */
bool merge_is_first(const struct record *change);
/* Good until the next call of anything here; NULL: broken. */
const struct record *merge_period(struct merge *m, size_t i);

#endif
