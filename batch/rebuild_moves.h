/*
 * Persons whose key changes (市町村被保険者ID -> 被保険者枝番): what lies under
 * the old key is taken along to the new one, further on in the same pass. For
 * rebuild.
 *
 * Every old key ('C') stands before every new one ('E'): what moves is kept in
 * an external sort until the pass has come to the new keys.
 */
#ifndef BATCH_REBUILD_MOVES_H
#define BATCH_REBUILD_MOVES_H

#include "batch/rebuild_input.h"
#include "formats/snapshot.h"

struct moves;
/* Looks at all SEGMENT_REKEY rows first: a new key that has periods in the
 * base (NULL: none), or that two old keys want, is taken. NULL: raised. */
struct moves *moves_open(const struct inputs *in, const char *root,
    const char *work_dir, struct snapshot *base, struct diag_sink *sink);
bool moves_taken(const struct moves *m, int file, int64_t record);
/* The new key of a row's payload; false: it is none. */
bool moves_new_key(struct slice payload, char out[SEGMENT_KEY_SIZE]);
/* pair: payload of a pair, else of a period. -1 errno. */
int moves_add(struct moves *m, const char to[SEGMENT_KEY_SIZE], bool pair,
    struct slice payload);
/* Once no old key is left: the rows in order of their new keys. 0, -1 errno. */
int moves_begin(struct moves *m);
bool moves_begun(const struct moves *m);
const char *moves_key(const struct moves *m); /* NULL: no more */
struct slice moves_row(const struct moves *m, bool *pair);
int moves_next(struct moves *m); /* -1 errno */
void moves_free(struct moves *m);

#endif
