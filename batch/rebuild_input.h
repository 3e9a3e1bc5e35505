/*
 * The new segments of a run, read side by side: all changes by key, and for
 * one key by business day, sequence, sender and record number. For rebuild.
 *
 * Damage anywhere (head, order, count, digest, a digest other than the
 * ledger's) raises SEGMENT_BROKEN; what was read before it must not be
 * published then. A segment's own digest is known only at its end.
 */
#ifndef BATCH_REBUILD_INPUT_H
#define BATCH_REBUILD_INPUT_H

#include "batch/ledger.h"
#include "formats/segment.h"

struct inputs { /* all segments not yet merged, in the order of changes */
	struct ledger_segment *v;
	size_t n, max;
	int *file; /* of each segment: index into files */
	struct filename *files; /* uploads, each once */
	size_t n_files;
	size_t
	    n_uploads; /* of them: the rest are orders to purge, last of all */
};
int inputs_load(struct inputs *in, struct ledger *ledger);
bool inputs_any(const struct inputs *in, unsigned kinds);
void inputs_free(struct inputs *in);

/* Keys from `from` on and below `to`. */
struct key_range {
	char from[SEGMENT_KEY_SIZE], to[SEGMENT_KEY_SIZE];
	bool open; /* to the end */
};
/* Where a key is: -1 below, 0 in it, 1 above. range NULL: all keys. */
int key_range_cmp(const struct key_range *range, const char *key);

struct change {
	const char *key; /* SEGMENT_KEY_SIZE bytes */
	enum segment_kind kind;
	enum segment_order order;
	int file; /* index into files */
	int rank; /* of its segment in the order of changes */
	int64_t record;
	struct slice payload;
};
struct changes;
/* Those of the kinds (bit per enum segment_kind) and of the range (NULL: all).
 * Segments are read whole all the same, for their digests; but for those that
 * begin above the range: who has the range of their first row reads them.
 * NULL: raised. */
struct changes *changes_open(const struct inputs *in, unsigned kinds,
    const struct key_range *range, const char *root, struct diag_sink *sink);
/* The next change, or NULL at the end. Good until changes_next(). */
const struct change *changes_at(const struct changes *c);
int changes_next(struct changes *c); /* 0, -1 raised */
/* The full files (全件) whose scope the key is in, by rank; NULL: none. */
struct change_scope {
	char scope[SEGMENT_SCOPE_SIZE];
	int rank, file;
};
const struct change_scope *changes_scopes(
    struct changes *c, const char *key, size_t *n);
void changes_close(struct changes *c);

#endif
