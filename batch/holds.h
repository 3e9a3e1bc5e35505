/*
 * The list of records on hold, what each upload of a generation came to, and
 * the periods of one person at two insurers that do not fit together: the
 * files held.csv, counts.csv and cover.csv of a generation's reflection
 * results. For rebuild, deliver and shikaku-hold.
 *
 * The list of generation g is that of g-1, plus what g held, minus those an
 * operator released or dropped. The records themselves lie in their segments,
 * which are never changed.
 */
#ifndef BATCH_HOLDS_H
#define BATCH_HOLDS_H

#include "batch/ledger.h"
#include "batch/merge.h"
#include "formats/qualification.h"

struct counts {
	int64_t read, state[MERGE__MAX], removed;
};
/* dir/counts.csv, synced. 0, -1 raised. */
int counts_write(const char *dir, const struct filename *files,
    const struct counts *counts, size_t n, struct diag_sink *sink);
/* Calls each() per row; non-zero from it stops. 0 also where there is no such
 * file; -1 raised. */
int counts_read(const char *dir,
    int (*each)(void *arg, const char *stem, const struct counts *c), void *arg,
    struct diag_sink *sink);

/* The rows of a generation's counts.csv into the ledger; of ours: only of
 * uploads the ledger has. One transaction. 0, -1 raised. */
int counts_enter(struct ledger *l, const char *dir, int64_t generation,
    bool ours, struct diag_sink *sink);

struct hold {
	char stem[64], segment[80];
	int64_t record, generation;
	enum diag_code code;
};
int holds_read(const char *dir, int (*each)(void *arg, const struct hold *h),
    void *arg, struct diag_sink *sink);
/* The folder in reflection/ that has the list in force: of the newest
 * generation up to this one. 1; 0: none; -1 errno. */
int holds_folder(const char *root, int64_t generation, char *out);

struct holds;
struct holds *holds_new(const char *work_dir);
/* A record of this segment: held, where the code says so; else an operator's
 * word was carried out and it is on hold no more. -1 errno. */
int holds_add(struct holds *h, const struct ledger_segment *s, int64_t record,
    enum diag_code code);
/* Another process goes on with them: as sort_save(), sort_take(). */
int holds_save(struct holds *h, const char *dir);
int holds_take(struct holds *h, const char *dir);
/* dir/held.csv from that of before (NULL: none); 0, -1 raised. */
int holds_write(struct holds *h, const char *before, const char *dir,
    int64_t generation, struct diag_sink *sink);
void holds_free(struct holds *h);

struct covers;
struct covers *covers_new(const char *work_dir);
int covers_add(struct covers *c, const struct typed_key *key, int32_t from,
    enum diag_code code); /* -1 errno */
/* dir/cover.csv by key and day, each fact once. 0, -1 raised. */
int covers_write(struct covers *c, const char *dir, struct diag_sink *sink);
void covers_free(struct covers *c);

#endif
