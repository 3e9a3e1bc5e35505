/*
 * Facts about a person's periods at several insurers, once the next generation
 * is built: told with the reflection result and in cover.csv, never a reason to
 * refuse. For rebuild.
 *
 *  W7008  cover at another insurer on the same days (複数該当)
 *  W7009  a move inside a prefecture (適用終了 without 資格喪失事由) and the
 *         next municipality of the prefecture begins later: days without cover
 *
 * Looked at: the persons whose periods or pairing changed in the run; not at a
 * first load, when everybody is new.
 */
#ifndef BATCH_REBUILD_FACTS_H
#define BATCH_REBUILD_FACTS_H

#include "batch/rebuild_reflect.h"
#include "formats/snapshot.h"

struct facts;
struct facts *facts_new(const char *work_dir);
/* The period from this day under the key is as this record says; record -1:
 * the key was paired, all its periods. pair: payload of a pair. -1 errno. */
int facts_touch(struct facts *f, struct slice pair,
    const char key[SEGMENT_KEY_SIZE], int file, int64_t record, int32_t from);
/* Another process goes on with them: as sort_save(), sort_take(). */
int facts_save(struct facts *f, const char *dir);
int facts_take(struct facts *f, const char *dir);
/* Looks at all of them in the new snapshot. 0, -1 raised. */
int facts_tell(struct facts *f, struct snapshot *s, struct reflect *r,
    struct diag_sink *sink);
void facts_free(struct facts *f);

#endif
