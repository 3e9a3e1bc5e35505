/*
 * The books of one side: files, sequences, counts, runs, segments,
 * deliveries, reflection. SQLite, synchronous=FULL; one writer; no person in
 * it. Every statement stands in one table in ledger.c. Schema:
 * schemas/ledger.sql.
 */
#ifndef BATCH_LEDGER_H
#define BATCH_LEDGER_H

#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/filename.h"

struct ledger;
struct ledger *ledger_open(const char *root, struct diag_sink *sink);
/* Only to look: nothing is made or written, and another account's books can
 * be read. NULL: raised. */
struct ledger *ledger_look(const char *root, struct diag_sink *sink);
void ledger_close(struct ledger *l);

enum file_state { /* an upload is in exactly one (I2) */
	FILE_ARRIVED,
	FILE_READY,
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
	int64_t read, accepted, refused, unchanged;
	int64_t generation;
	char reason[8]; /* diagnostic code where refused */
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

#endif
