/*
 * Reconciliation (突合) of an upload with what is in force: record by record,
 * counted per insurer. For batch/reconcile*.c only.
 *
 * The upload's own records are its segment, which ingest made from the file
 * and nobody may change; what is in force is walked in the snapshot. So what
 * the merge did is not taken on its word: neither its counts nor its code has
 * a part in this.
 *
 * A key that a later segment has too (a change of the next day, a full file
 * sent again, an order to drop what is past its retention, a change of key)
 * is no difference of this upload: it is counted apart.
 */
#ifndef BATCH_RECONCILE_H
#define BATCH_RECONCILE_H

#include "batch/ledger.h"
#include "batch/retention.h"
#include "batch/run.h"
#include "formats/segment.h"
#include "formats/snapshot.h"

struct reconcile_scope { /* an insurer, as typed keys begin */
	char scope[SEGMENT_SCOPE_SIZE + 1];
	int64_t records; /* of the upload that say there is a period */
	int64_t kept; /* refused by ingest; of a full file only */
	int64_t persons, periods, covered; /* in force; covered: without end */
	int64_t missing, changed, extra; /* extra: of a full file only */
	int64_t past; /* not in force, for they are past their retention */
	int64_t later; /* said otherwise by an upload that came after it */
};
struct reconcile {
	struct run *run;
	struct diag_sink *sink;
	const char *root;
	struct ledger *ledger;
	struct ledger_segment segment; /* of the upload */
	struct snapshot *snapshot; /* in force */
	struct retention retention; /* as of its day */
	char stem[64];
	bool full; /* 全件 */
	struct reconcile_scope *v; /* ascending */
	size_t n;
	int told; /* records told of by number */
};
/* Fills v. -1 raised, and the exit status set. */
int reconcile_compare(struct reconcile *r);
void reconcile_free(struct reconcile *r);

#endif
