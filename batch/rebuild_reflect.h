/*
 * Reflection results (反映状況): what became of every change record of a
 * run, one file per upload, in the order of its records; and what they add up
 * to. For rebuild.
 *
 * In reflection/gNNNNNN/:
 *  STEM.csv    a row per change record (formats/receipt.h)
 *  counts.csv  a row per upload (formats/held.h)
 *  cover.csv   periods that meet another insurer's
 *  held.csv    all records on hold after this generation
 */
#ifndef BATCH_REBUILD_REFLECT_H
#define BATCH_REBUILD_REFLECT_H

#include "batch/merge.h"
#include "batch/rebuild_input.h"

struct reflect;
struct reflect *reflect_new(const struct inputs *in, const char *work_dir);
/* code: a result of the merge (batch/merge.h). -1 errno. */
int reflect_add(struct reflect *r, const struct change *c, int64_t record,
    enum diag_code code);
/* A fact about a record that was reflected: told with its result. */
int reflect_note(
    struct reflect *r, int file, int64_t record, enum diag_code code);
/* A fact about a period of anybody's: to its insurer, in cover.csv. */
int reflect_cover(struct reflect *r, const struct typed_key *key, int32_t from,
    enum diag_code code);
/* Stored periods that a full file has not got. */
void reflect_removed(struct reflect *r, int file, int64_t n);
/* Another process goes on with it: what this one has of a range of keys as the
 * files results, held and counts of dir, synced (nothing may be added after);
 * and these added, ranges in their order, ahead of anything else. -1 errno. */
int reflect_save(struct reflect *r, const char *dir);
int reflect_take(struct reflect *r, const char *dir);
/* Writes the files into dir, synced. before: the folder with the held.csv in
 * force, or NULL. -1 raised. Frees r. */
int reflect_write(struct reflect *r, const char *before, const char *dir,
    int64_t generation, int64_t visible_at, struct diag_sink *sink);
void reflect_free(struct reflect *r);

#endif
