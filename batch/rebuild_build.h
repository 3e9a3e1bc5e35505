/*
 * One snapshot of the next generation: the newest one and the new changes
 * side by side, in one pass in key order. For batch/rebuild.c.
 */
#ifndef BATCH_REBUILD_BUILD_H
#define BATCH_REBUILD_BUILD_H

#include "batch/guard.h"
#include "batch/rebuild_input.h"
#include "batch/rebuild_reflect.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/manifest.h"

struct purged { /* what an order to purge came to */
	struct purged_scope { /* an insurer, as typed keys begin */
		char scope[SEGMENT_SCOPE_SIZE];
		int64_t periods, persons;
	} * v; /* by scope */
	size_t n, max;
	int64_t periods, cards;
};
/* That of the key's insurer; keys come in order. */
struct purged_scope *purged_scope(struct purged *t, const char *key);
struct build {
	struct run *run; /* its books are kept here */
	const char *root;
	const char *work_dir; /* where the file is made */
	const char *insurers; /* masters.insurers; QUALIFICATION only */
	const char *senders;
	const struct inputs *in;
	struct reflect *reflect;
	/* CARDS: who is registered, in this generation */
	const char *persons_dir;
	const struct snapshot_set_entry *persons;
	struct purged *purged;
	struct guard *guard; /* counts of QUALIFICATION; to be judged */
	/* QUALIFICATION by several processes: the range of keys this one has,
	 * or the folders of their parts, checked, in the order of their ranges
	 */
	const struct key_range *range; /* NULL: all */
	const char (*parts)[SPOOL_PATH_MAX];
	int n_parts; /* 0: it merges itself */
};
/* Segment kinds (bits) that go into a snapshot of this kind; 0: none. */
unsigned build_inputs(enum snapshot_kind kind);
/* old: the entry in force (generation 0: none). next: generation, day and
 * cut_off given, the rest filled. 0, -1 raised. */
int build_snapshot(const struct build *b, enum snapshot_kind kind,
    const struct snapshot_set_entry *old, struct snapshot_set_entry *next);
/* The range of the qualification snapshot as a part in work_dir, with what
 * b->reflect has. 0, -1 raised. */
int build_part(const struct build *b, const struct snapshot_set_entry *old);

#endif
