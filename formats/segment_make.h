/*
 * Builds a segment. For batch/ingest.c, batch/codes.c and batch/hold.c only.
 * add() in any order: rows that come in order are written at once, into a file
 * without a name in work_dir; the others are sorted (external, SORT_MEMORY) by
 * finish(), which fsyncs and gives the file its name, on the same file system
 * as work_dir. The caller publishes the finished file by rename.
 */
#ifndef FORMATS_SEGMENT_MAKE_H
#define FORMATS_SEGMENT_MAKE_H

#include <stdbool.h>

#include "formats/segment.h"

struct segment_make;
struct segment_make *segment_create(
    const struct segment_head *head, const char *work_dir);
int segment_add(struct segment_make *m, const void *key, int64_t record,
    struct slice payload);
/* The upload is the whole set of this scope (see segment.h). Any order, any
 * number of times. */
int segment_add_scope(
    struct segment_make *m, const char scope[SEGMENT_SCOPE_SIZE]);
/* keep() sees every row in order before it is written and says whether it
 * stays: how ingest finds a period sent twice in one file, in flat memory. Set
 * before the first row. Rows that came in order are asked for when they come;
 * with row NULL it is told that all that stayed comes again, with the rows
 * that came late in between. Record numbers have to ascend as they come. */
void segment_filter(struct segment_make *m,
    bool (*keep)(void *arg, const struct segment_row *row), void *arg);
/* Writes to path (which must not exist). head's rows, scopes and digest are
 * filled.
 * 0; -1: errno set. Frees m either way. */
int segment_finish(
    struct segment_make *m, const char *path, struct segment_head *head);
void segment_abandon(struct segment_make *m);

#endif
