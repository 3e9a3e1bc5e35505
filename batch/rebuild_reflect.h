/*
 * Reflection results (反映状況): what became of every change record of a
 * run, one file per upload, in the order of its records. For rebuild.
 */
#ifndef BATCH_REBUILD_REFLECT_H
#define BATCH_REBUILD_REFLECT_H

#include "batch/rebuild_input.h"

struct reflect;
struct reflect *reflect_new(const char *work_dir);
/* code: DIAG__MAX reflected; UNCHANGED; PERSON_CHANGED held; else refused. */
int reflect_add(struct reflect *r, int file, int64_t record,
    enum diag_code code); /* -1 errno */
/* Writes dir/STEM.csv of every upload, synced. -1 raised. Frees r. */
int reflect_write(struct reflect *r, const struct inputs *in, const char *dir,
    int64_t generation, int64_t visible_at, struct diag_sink *sink);
void reflect_free(struct reflect *r);

#endif
