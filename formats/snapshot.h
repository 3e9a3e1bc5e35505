/*
 * A published snapshot, read-only: SQLite files, opened immutable and
 * deserialized over an mmap; one connection per process. Schema:
 * schemas/snapshot.sql. Four kinds (formats/manifest.h), each with its own
 * generation:
 *
 *  qualification: period(key, period columns...), person(key, pseudonym,
 *                 processing_number), printed(hash, key), pseudonym(..key),
 *                 pairing(processing_number, key, pseudonym), insurer(..)
 *  cards:         ca(id, ski), card(ca, serial, ProcessingNumber, ...),
 *                 waiting(ca, serial, since)
 *  revocation:    ca(id, ski), partition(ca, name, this_update, ..),
 *                 revoked(ca, serial, partition, revoked_at, reason)
 *  institutions:  institution(InstitutionCode, ...)
 *  all:           readme, generation (one row), input (segments merged)
 */
#ifndef FORMATS_SNAPSHOT_H
#define FORMATS_SNAPSHOT_H

#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/feeds.h"
#include "formats/manifest.h"
#include "formats/qualification.h"
#include "formats/segment.h"

struct snapshot;

/* dir + entry->file; `check_file`: SHA-256 of the bytes equals the entry's
 * (reads the file once from end to end, which also warms it). NULL:
 * SNAPSHOT_* raised. entry->generation 0: whichever the file says it is (for
 * inspect; snapshot_entry() then has it). */
struct snapshot *snapshot_open(const char *dir, enum snapshot_kind kind,
    const struct snapshot_set_entry *entry, bool check_file,
    struct diag_sink *sink);
void snapshot_close(struct snapshot *s);
/* check_file for whoever has work to do meanwhile, on a snapshot opened
 * without it: the digest is computed in a thread. end: 0, -1 SNAPSHOT_DIGEST
 * raised; nothing made of what was read is good before. 0 where none is under
 * way. */
void snapshot_check_begin(struct snapshot *s);
int snapshot_check_end(struct snapshot *s);
/* Gives back the memory of what was looked up so far: for whoever asks of
 * millions in turn. Answers stay the same. */
void snapshot_forget(struct snapshot *s);
const struct snapshot_set_entry *snapshot_entry(const struct snapshot *s);

/* Periods of a person by typed key, oldest first. Calls each() per period;
 * rec is good during the call. Returns how many, -1 on a broken file. */
typedef int snapshot_period_fn(
    void *arg, const struct typed_key *key, const struct record *rec);
int snapshot_periods(struct snapshot *s, const struct typed_key *key,
    snapshot_period_fn *each, void *arg);
/* Candidate keys by printed_hash(); by pseudonym (16 bytes). */
typedef int snapshot_key_fn(void *arg, const struct typed_key *key);
int snapshot_printed(
    struct snapshot *s, uint64_t hash, snapshot_key_fn *each, void *arg);
int snapshot_person_keys(struct snapshot *s, const unsigned char pseudonym[16],
    snapshot_key_fn *each, void *arg);
/* 1 found, 0 not, -1 broken. */
int snapshot_pseudonym(struct snapshot *s, const struct typed_key *key,
    unsigned char pseudonym[16]);
/* Also 0 where two persons claim the number: nobody, not the wrong one. */
int snapshot_pairing(struct snapshot *s, struct slice processing_number,
    unsigned char pseudonym[16]);
/* Is anybody registered under the number? 1, 0, -1. For many, which must come
 * in ascending order: then it is one walk. */
int snapshot_paired(struct snapshot *s, struct slice processing_number);
/* Borrowed until the next call; n == 0 where unknown. */
struct slice snapshot_insurer_name(struct snapshot *s, struct slice number8);

struct snapshot_card {
	char processing_number[65];
	int state; /* 新旧区分; 8: claimed for two persons */
	int32_t from, until;
};
int snapshot_card(struct snapshot *s, const char *ca, const char *serial,
    struct snapshot_card *out);

struct snapshot_partition {
	int64_t this_update, next_update;
	char number[41];
};
int snapshot_partition(struct snapshot *s, const char *ca,
    const char *partition, struct snapshot_partition *out);
int snapshot_revoked(struct snapshot *s, const char *ca, const char *serial,
    int64_t *revoked_at, int *reason);

struct snapshot_institution {
	char code[11], prefecture[3], size_class[5], name[256];
	int32_t from, until;
	bool pilot;
	enum charset encoding;
};
int snapshot_institution(
    struct snapshot *s, struct slice code, struct snapshot_institution *out);

/* The segments merged into this generation; -1: broken, or each() said so. */
int snapshot_inputs(struct snapshot *s,
    int (*each)(void *arg, const char *name, const char *digest), void *arg);

/* Every row in key order, for the merge; QUALIFICATION: a key's pair row
 * comes before its periods. REVOCATION: first all partitions (pair true;
 * payload "CA LF NAME LF NUMBER LF THIS LF NEXT", moments in ms), then all
 * entries (payload "SERIAL LF AT LF REASON"), in any order; `order` is the
 * partition's number in this file. Reads through a cache of its own, not the
 * mapping: memory stays flat. */
struct snapshot_walk;
struct snapshot_walk_row {
	char key[SEGMENT_KEY_SIZE]; /* as segment keys */
	int64_t order; /* REVOCATION: see above; else 0 */
	bool pair; /* person row: payload as SEGMENT_PAIR, no record */
	struct slice payload;
	const struct record *rec; /* the STORED fields; good until next; NULL
		for pair rows and REVOCATION */
	struct slice record; /* as it lies in the file; good until next */
	int ca; /* CARDS: ca.id in this file */
	const char *ski; /* CARDS: its subject key identifier */
};
struct snapshot_walk *snapshot_walk_open(struct snapshot *s);
/* QUALIFICATION, before the first step: on from this key. */
void snapshot_walk_from(
    struct snapshot_walk *w, const char key[SEGMENT_KEY_SIZE]);
/* QUALIFICATION: the key about i/n of the way through the periods. 1, 0 there
 * are none, -1 raised. */
int snapshot_part(
    struct snapshot *s, unsigned i, unsigned n, char key[SEGMENT_KEY_SIZE]);
/* 1, 0 at the end, -1 SNAPSHOT_IDENTITY raised. */
int snapshot_walk_next(struct snapshot_walk *w, struct snapshot_walk_row *r);
/* The same in two steps, for whoever looks into few of the rows: step gives
 * all but payload and rec, fill gives these (0, -1). */
int snapshot_walk_step(struct snapshot_walk *w, struct snapshot_walk_row *r);
int snapshot_walk_fill(struct snapshot_walk *w, struct snapshot_walk_row *r);
void snapshot_walk_close(struct snapshot_walk *w);

/* The rows of one of the large tables as they lie, in order of its key. */
struct cursor;
struct snapshot_rows;
struct snapshot_rows *snapshot_rows_open(
    struct snapshot *s, const char *table); /* NULL: raised */
/* The next row under *at, good until the next call. 1, 0, -1 raised. */
int snapshot_rows_next(struct snapshot_rows *r, const struct cursor **at);
/* Copies the row at hand and those after it that are below the key of n
 * columns (NULL: all), as far as that is one step, and goes to the last of
 * them. How many, or 0; -1 raised. */
struct column;
struct pages_table;
int snapshot_rows_copy(struct snapshot_rows *r, const struct column *below,
    unsigned n, struct pages_table *to);
void snapshot_rows_close(struct snapshot_rows *r);

/* CARDS: the cards of people who are not registered yet, in the order of the
 * cards: rows of "waiting", where there are any. 1, 0, -1 raised. */
bool snapshot_any_waiting(struct snapshot *s);
int snapshot_waiting(
    struct snapshot_rows *r, char key[SEGMENT_KEY_SIZE], int32_t *since);

/*
 * What both halves of the format must agree on. Columns of the main table:
 * the STORED fields of its record in order, but for those that the change or
 * the key says. Returns how many.
 */
unsigned snapshot_columns(
    const struct format *f, unsigned char out[RECORD_FIELDS_MAX]);
/* A certificate's serial (hex, 1-20 octets) as the store orders it: *n is
 * its number where that is below 2^63 (true), else out its 20 octets. */
bool snapshot_serial(const char *hex, int64_t *n, unsigned char out[20]);
int32_t snapshot_application_id(enum snapshot_kind kind);
#define SNAPSHOT_VERSION 3 /* user_version */
#define SNAPSHOT_OLDEST 2 /* still read: its digest was SHA-256 */

#endif
