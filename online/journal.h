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
/*
 * Group commit, beside the event loop: start hands what waits to a thread
 * (nothing happens while one commit is under way), journal_fd() becomes
 * readable when it has ended, finish calls every done() of it and returns
 * true with the lines and the time it took; false: nothing has ended. After a
 * failure every done() gets false, also those that waited for the next
 * commit, and the journal is broken: it refuses until journal_open().
 */
void journal_start(struct journal *j);
bool journal_finish(struct journal *j, size_t *lines, int64_t *micros);
int journal_fd(const struct journal *j);
bool journal_broken(const struct journal *j);
/* All of it at once: waits for what is under way and for the rest. 0; -1: the
 * journal is broken. */
int journal_commit(struct journal *j);
size_t journal_waiting(const struct journal *j); /* not handed over */
int journal_day(struct journal *j, int32_t day); /* switches files */
void journal_close(struct journal *j);

#endif
