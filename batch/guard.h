/*
 * Guard bands of a rebuild (許容範囲): a night that changes more than the site
 * has set waits for a person. Judged for the qualification snapshot: its rows,
 * the periods of every insurer, and the losses of the night; of the other
 * kinds the rows. For rebuild.
 */
#ifndef BATCH_GUARD_H
#define BATCH_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "formats/config.h"
#include "formats/manifest.h"
#include "formats/segment.h"

struct guard_scope { /* an insurer, as typed keys begin */
	char scope[SEGMENT_SCOPE_SIZE];
	int64_t before, after; /* periods */
};
struct guard {
	struct guard_scope *v; /* by scope */
	size_t n, max;
	int64_t losses; /* periods ended, cancelled, or gone in a full file */
};

/* A period read (before) or written. Keys of either come in ascending order,
 * the one read at most one insurer ahead. */
void guard_row(struct guard *g, const char *key, bool written);
/* Periods that go from one insurer's keys to another's (-n, then n) change
 * neither of them: as if they had been read there. */
void guard_move(struct guard *g, const char *key, int64_t n);
/* What another process counted, of keys that come after. */
void guard_take(struct guard *g, const struct guard_scope *scope);
/* Raises F4006, F4014, F4015 for what is outside; how many. Not at a first
 * load. g: NULL for kinds other than qualification. */
int guard_judge(const struct guard *g, const struct config *c,
    const struct snapshot_set_entry *before,
    const struct snapshot_set_entry *after, struct diag_sink *sink);
void guard_free(struct guard *g);

#endif
