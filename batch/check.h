/*
 * The three things shikaku-check looks at: a configuration, a record file
 * before it is sent, a root. Each says all it finds.
 */
#ifndef BATCH_CHECK_H
#define BATCH_CHECK_H

#include "batch/identify.h"
#include "batch/run.h"

/* The keys, then what they point at: files there, keys owner-only and fitting
 * their certificates, trust and tables readable. 0, -1 raised. */
int check_config(const char *path, int64_t now, struct diag_sink *sink);

/* What the receiver would say; the error list to stdout. Raises the run's
 * exit: 0, 4, 34. */
void check_file(
    struct run *run, const char *path, const struct identify_options *told);

/* Ledger against folders, segments, published set. 36 where they differ. */
void check_root(struct run *run, const char *root, bool qualification);

#endif
