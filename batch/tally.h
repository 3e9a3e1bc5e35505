/*
 * The day's questions, counted: usage lines in, figures of the statistics
 * file out. Memory: one row per institution that asked, nothing per question.
 * For batch/report.c.
 */
#ifndef BATCH_TALLY_H
#define BATCH_TALLY_H

#include "formats/statistics.h"
#include "formats/usage.h"

struct tally;
struct tally *tally_new(void);
void tally_free(struct tally *t);
void tally_add(struct tally *t, const struct record *line);
int64_t tally_total(const struct tally *t);
int64_t tally_kind(const struct tally *t, const char *kind);

/* The institution's prefecture and size class; "none" where unknown. */
typedef void tally_where_fn(
    void *arg, const char *code, char prefecture[8], char size_class[8]);
/* Every figure of the journal, themes TOTAL to TIME. -1: raised. */
int tally_write(struct tally *t, struct record_writer *w, int32_t day,
    tally_where_fn *where, void *arg);

#endif
