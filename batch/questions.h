/*
 * Usage lines -> the figures of FAMILY_QUESTIONS, in one pass: each line is
 * looked at where it lies and adds to a few counters; nothing is kept of it.
 * Memory: some MiB, and 80 bytes for each institution and insurer that occurs.
 */
#ifndef BATCH_QUESTIONS_H
#define BATCH_QUESTIONS_H

#include "batch/figures.h"
#include "formats/usage.h"

struct questions;
struct questions *questions_new(void);
void questions_free(struct questions *c);
/* What follows is of the journal of this day; days come in order. */
void questions_day(struct questions *c, int32_t day);
/* The columns of one line of the journal (batch/journals.h). */
void questions_line(struct questions *c, const struct slice v[U__MAX]);

int64_t questions_total(const struct questions *c);
int64_t questions_late(const struct questions *c); /* used on another day */

/* Where an institution is: prefecture and size class, "none" where the master
 * has not got it. */
typedef void questions_where_fn(
    void *arg, const char *code, char prefecture[8], char size_class[8]);
void questions_figures(const struct questions *c, struct figures *f,
    questions_where_fn *where, void *arg);

#endif
