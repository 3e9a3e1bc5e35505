/*
 * The books of one side: files, sequences, counts, runs, segments,
 * deliveries, reflection. SQLite, synchronous=FULL; one writer; no person in
 * it. Every statement stands in one table in ledger.c. Schema:
 * schemas/ledger.sql.
 */
#ifndef BATCH_LEDGER_H
#define BATCH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/filename.h"

struct ledger;
/* NULL: raised; LEDGER_GONE where there is none any more (ledger_gone()). */
struct ledger *ledger_open(const char *root, struct diag_sink *sink);
/* Is there none, though what was in one is: uploads done with, segments? */
bool ledger_gone(const char *root);
/* Only to look: nothing is made or written, and another account's books can
 * be read. NULL: raised. */
struct ledger *ledger_look(const char *root, struct diag_sink *sink);
void ledger_close(struct ledger *l);
/* A copy of books as they are at one moment, also while somebody writes in
 * them (SQLite's backup call); of any SQLite file. -1 raised. */
int ledger_copy(const char *from, const char *to, struct diag_sink *sink);
/* Does the file hold together (PRAGMA integrity_check)? 0, -1 raised. */
int ledger_whole(const char *path, struct diag_sink *sink);

enum file_state { /* an upload is in exactly one (I2) */
	FILE_ARRIVED,
	FILE_READY,
	FILE_HELD, /* read, and kept back as a whole: see ledger_hold */
	FILE_REFUSED,
	FILE_INGESTED,
	FILE_DELIVERED,
	FILE_REFLECTED,
	FILE__MAX
};
extern const char *const file_state_names[FILE__MAX];

struct ledger_file {
	struct filename id;
	char sha256[65];
	int64_t bytes, arrived;
	enum file_state state;
	int64_t read, accepted, refused, unchanged, held;
	int64_t generation;
	char reason[8]; /* diagnostic code where refused or held */
	bool late; /* to put: it fills a gap, and is not the last one */
};
/* 1 found, 0 not, -1 raised. */
int ledger_file_get(
    struct ledger *l, const struct filename *id, struct ledger_file *out);
/* Same bytes under any name (replay)? */
int ledger_file_by_digest(
    struct ledger *l, const char *sha256, struct ledger_file *out);
/* Last accepted sequence and its day of sender + feed; 0 found none. */
int ledger_sequence(struct ledger *l, const char *sender, enum feed feed,
    int32_t *day, int *sequence);
/* Insert or replace in one transaction. -1 raised. */
int ledger_file_put(struct ledger *l, const struct ledger_file *f);
/* Files in a state, in order of day, sequence, sender. each() may write;
 * non-zero from it stops and is returned. */
int ledger_each(struct ledger *l, enum file_state state,
    int (*each)(void *arg, const struct ledger_file *f), void *arg);
/* 1: an upload of the same sender and feed with an older day, or the same day
 * and a lower number, is held: *first is the oldest. */
int ledger_held_before(
    struct ledger *l, const struct filename *id, struct filename *first);

/* Why an upload is held as a whole, one row per code. */
enum hold_verdict {
	HOLD_OPEN,
	HOLD_RELEASE, /* an operator: take it all the same */
	HOLD_REFUSE, /* an operator: refuse it */
	HOLD_ARRIVED, /* what it waited for has come */
	HOLD__MAX
};
extern const char *const hold_verdict_names[HOLD__MAX]; /* "" release ... */
struct ledger_hold {
	struct filename id;
	char sha256[65]; /* of the upload */
	char code[8], detail[200];
	int32_t since; /* business day */
	enum hold_verdict verdict;
	char who[40], why[200];
	int64_t at; /* moment of the verdict */
};
/* A reason that is there keeps its verdict and gets the new detail. */
int ledger_hold_put(struct ledger *l, const struct ledger_hold *h);
/* Those of an upload, by code; NULL: all open ones, by day and number. As
 * ledger_each(). */
int ledger_holds(struct ledger *l, const struct filename *id,
    int (*each)(void *arg, const struct ledger_hold *h), void *arg);
/* Over every open reason of h->id: verdict, who, at, why of h; the numbers it
 * waited for are given up. How many; -1 raised. */
int ledger_hold_decide(struct ledger *l, const struct ledger_hold *h);
/* The upload waits for the numbers from..to (round the ring at 9999). */
int ledger_missing_put(
    struct ledger *l, const struct filename *waits, int from, int to);
/* 1: the number of id is waited for, *waits says by which. */
int ledger_missing_get(
    struct ledger *l, const struct filename *id, struct filename *waits);
/* The number has come. Nothing else missing: its reason is HOLD_ARRIVED. */
int ledger_missing_arrived(struct ledger *l, const struct filename *id,
    const struct filename *waits, int64_t at);

/* Counts of an insurer in a sender's feed, and of one of its items. */
struct ledger_stock {
	int64_t covered, lost; /* lost: on `day` */
	int32_t day;
};
struct ledger_fill {
	int64_t records, filled;
	int32_t day;
};
/* 1 found, 0 not, -1 raised. Of id, sender and feed count. */
int ledger_stock_get(struct ledger *l, const struct filename *id,
    const char *insurer, struct ledger_stock *out);
int ledger_stock_put(struct ledger *l, const struct filename *id,
    const char *insurer, const struct ledger_stock *s);
int ledger_fill_get(struct ledger *l, const struct filename *id,
    const char *insurer, const char *field, struct ledger_fill *out);
int ledger_fill_put(struct ledger *l, const struct filename *id,
    const char *insurer, const char *field, const struct ledger_fill *f);

/* How often a code was raised when the upload was read; adds to what is there.
 * Read again, what was there goes first. */
int ledger_problems_drop(struct ledger *l, const struct filename *id);
int ledger_problem_add(struct ledger *l, const struct filename *id,
    const char *code, int64_t count);

/* Segments: name, kind, rows, digest, state. A segment is used by the next
 * generation after it became known. */
struct ledger_segment {
	char name[80]; /* file in segments/ */
	int kind;
	int64_t rows;
	char digest[65];
	int64_t generation; /* 0: not yet merged (qualification side) or not
			       delivered (intermediate side: package number) */
	struct filename id;
};
/* 1 found, 0 not, -1 raised. */
int ledger_segment_get(
    struct ledger *l, const char *name, struct ledger_segment *out);
int ledger_segment_put(struct ledger *l, const struct ledger_segment *s);
/* Those of a generation (0: waiting; -1: all), in order of day, sequence,
 * sender, name. */
int ledger_segments(struct ledger *l, int64_t generation,
    int (*each)(void *arg, const struct ledger_segment *s), void *arg);
/* What the records of an upload came to in a generation; replaces. */
struct ledger_reflection {
	struct filename id;
	int64_t generation;
	/* read, then added amended lost cancelled unchanged refused held, then
	 * removed */
	int64_t read, state[7], removed;
};
int ledger_reflection_put(struct ledger *l, const struct ledger_reflection *r);

/* Who has signed for what an upload came to at one insurer. */
#define LEDGER_WHY_MAX 200
struct ledger_signoff {
	struct filename id;
	char scope[10]; /* as typed keys begin: letter, 保険者コード */
	int64_t generation; /* that was in force */
	int64_t records, refused; /* of the upload */
	int64_t persons, periods; /* in force */
	int64_t difference; /* records that are not as they were sent */
	char who[40], why[LEDGER_WHY_MAX];
	int64_t at; /* moment */
};
/* 1; 0 it was signed for before, which stands; -1 raised. */
int ledger_signoff_put(struct ledger *l, const struct ledger_signoff *s);
/* All, by insurer, as they were signed. each() only looks. */
int ledger_signoffs(struct ledger *l,
    int (*each)(void *arg, const struct ledger_signoff *s), void *arg);

int ledger_begin(struct ledger *l);
int ledger_commit(struct ledger *l);
void ledger_rollback(struct ledger *l);
/* Runs: one row each, for a scheduler's story of the night: what ran, where,
 * how long, with which end; what was killed has none. */
struct ledger_run {
	int64_t id; /* given by ledger_run_begin() */
	char program[32];
	char step[81]; /* of a job net; "": by hand */
	int32_t day;
	char host[65], boot[37]; /* boot id: a pid means nothing after it */
	int64_t pid;
	int64_t began, ended; /* moments; ended 0: no end */
	int64_t ms;
	int exit;
	int64_t read, accepted, refused, unchanged, files, files_refused;
	char notes[1024]; /* " KEY=VALUE ..." */
};
int ledger_run_begin(struct ledger *l, struct ledger_run *r);
int ledger_run_end(struct ledger *l, const struct ledger_run *r);
/* Those of a business day, as they began. As ledger_each(). */
int ledger_runs(struct ledger *l, int32_t day,
    int (*each)(void *arg, const struct ledger_run *r), void *arg);

/* Jobs of a net, a row per try: the restart points of shikaku-jobs. */
struct ledger_job {
	int64_t id; /* given by ledger_job_begin() */
	char net[25], job[25];
	int32_t day;
	int attempt; /* from 1 */
	char host[65], boot[37];
	int64_t pid; /* of the runner */
	int64_t began, ended; /* moments; ended 0: no end */
	int64_t ms;
	int exit;
	int64_t read, accepted, refused, files;
};
int ledger_job_begin(struct ledger *l, struct ledger_job *j);
int ledger_job_end(struct ledger *l, const struct ledger_job *j);
/* Those of a net ("": of all) on a business day, as they began; DAY_NONE: of
 * all days. */
int ledger_jobs(struct ledger *l, const char *net, int32_t day,
    int (*each)(void *arg, const struct ledger_job *j), void *arg);

#endif
