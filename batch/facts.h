/*
 * Figures that are a GROUP BY over a ledger or over the qualification
 * snapshot: one statement each, read-only.
 */
#ifndef BATCH_FACTS_H
#define BATCH_FACTS_H

#include "batch/statistics.h"

/* Of both roots ("" where there is none): files, changes of the period. */
int facts_ledgers(struct statistics *s, const char *intermediate,
    const char *qualification, struct diag_sink *sink);
/* Rows and bytes of the files of s->set. */
int facts_snapshots(
    struct statistics *s, const char *root, struct diag_sink *sink);
/* Periods in force on s->last, in the set s->set. */
int facts_persons(
    struct statistics *s, const char *root, struct diag_sink *sink);
/* Codes that records of the institution master were refused for. */
int facts_master(struct statistics *s, const char *root,
    void (*each)(void *arg, const char *code), void *arg,
    struct diag_sink *sink);
/* Institutions of the master in force, with what is odd about those that
 * asked: not there, closed before the period. */
int facts_institutions(
    struct statistics *s, const char *root, struct diag_sink *sink);

#endif
