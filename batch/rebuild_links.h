/*
 * Card links (紐付情報) whose person is not registered yet: kept like any
 * other, listed in the cards snapshot (table waiting), told of in the
 * reflection result (W7017), looked for again in every generation that has new
 * people. And how many certificates are claimed for two persons (E7018). For
 * rebuild.
 *
 *	links_new(); per card of the new generation, ascending:
 *	links_waits(), links_add(); links_tell() before the snapshot is finished
 */
#ifndef BATCH_REBUILD_LINKS_H
#define BATCH_REBUILD_LINKS_H

#include "batch/rebuild_reflect.h"
#include "batch/run.h"
#include "formats/snapshot.h"

struct links;
struct snapshot_make;
/* base: the cards snapshot in force, or NULL. NULL: raised. */
struct links *links_new(
    struct run *run, const char *work_dir, struct snapshot *base);
/* Did the card wait in the base? 1, 0, -1 raised. */
int links_waits(struct links *l, const char key[SEGMENT_KEY_SIZE]);
/* The card last asked about, to be looked up; file -1: no record of the run
 * says how it is. -1 raised. */
int links_add(struct links *l, const char key[SEGMENT_KEY_SIZE],
    const struct record *link, int file, int64_t record);
void links_count(struct links *l, enum diag_code code);
/* Looks all of them up among the persons registered in the new generation.
 * 0, -1 raised. */
int links_tell(struct links *l, const char *dir,
    const struct snapshot_set_entry *persons, struct snapshot_make *make,
    struct reflect *r);
void links_free(struct links *l);

#endif
