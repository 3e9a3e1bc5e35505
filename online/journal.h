/*
 * The usage journal: ROOT/journal/usage-YYYYMMDD.WORKER.log, append-only,
 * one formats/usage.h line per question or refusal, chained. Group commit:
 * lines of a few milliseconds go out in one write and one fdatasync; only
 * then are the answers they belong to sent. A line cut by a crash is
 * completed away at the next open (its answer never left).
 */
#ifndef ONLINE_JOURNAL_H
#define ONLINE_JOURNAL_H

#include "formats/usage.h"

struct journal;
struct journal *journal_open(
    const char *folder, int worker, int32_t day, struct diag_sink *sink);
/* Queues one line; done(arg, ok) is called from journal_commit(). The line's
 * WORKER, SEQUENCE and CHAIN are filled here. -1: refused (over the queue). */
int journal_append(struct journal *j, struct record *line,
    void (*done)(void *arg, bool durable), void *arg);
/* Writes and syncs what waits, then calls every done(). 0; -1: nothing of it
 * is durable, every done() got false, and the journal refuses from now on
 * until journal_open() succeeds again. */
int journal_commit(struct journal *j);
size_t journal_waiting(const struct journal *j);
int journal_day(struct journal *j, int32_t day); /* switches files */
void journal_close(struct journal *j);

#endif
