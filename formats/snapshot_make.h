/*
 * Builds one snapshot. For batch/rebuild.c and batch/revoke.c only.
 * Rows come in key order; tables by another order are sorted outside
 * (external sort) and written last. finish(): identity, README table, counts,
 * integrity_check by SQLite itself, rollback-journal mode, fsync; fills
 * *entry. Same rows, same bytes (but for the version stamp of the SQLite
 * library in the file's header).
 */
#ifndef FORMATS_SNAPSHOT_MAKE_H
#define FORMATS_SNAPSHOT_MAKE_H

#include "formats/snapshot.h"

struct snapshot_make;
/* The file is made in work_dir; the caller publishes it by rename.
 * entry: generation, day, cut_off given; file named by it; file, sha256,
 * digest, rows filled by finish. NULL: SNAPSHOT_WRITE raised. */
struct snapshot_make *snapshot_create(const char *work_dir,
    enum snapshot_kind kind, const struct snapshot_set_entry *entry,
    struct diag_sink *sink);
/* QUALIFICATION: per key first the person row (pair payload, may be empty),
 * then its periods by 資格取得日. */
int snapshot_add_person(struct snapshot_make *m, const struct typed_key *key,
    struct slice pair_payload);
int snapshot_add_period(struct snapshot_make *m, const struct typed_key *key,
    const struct record *rec);
/* QUALIFICATION, before the first row: what is not said to go of base, which
 * must be open until finish, stays in the other orders. Then every row of
 * base is kept as it lies, or dropped (rec, pair_payload: as it was there)
 * and perhaps added again. Same bytes as without. */
void snapshot_carry(struct snapshot_make *m, struct snapshot *base);
int snapshot_drop_person(struct snapshot_make *m, const struct typed_key *key,
    struct slice pair_payload);
int snapshot_drop_period(struct snapshot_make *m, const struct typed_key *key,
    const struct record *rec);
/* A row of the generation before, as a walk gives it. 0, -1; 1: it cannot be
 * kept as it lies (its CA has another number here): add it. */
int snapshot_keep(struct snapshot_make *m, const struct snapshot_walk_row *row);
int snapshot_add_insurer(struct snapshot_make *m, const struct record *rec);
/* CARDS, INSTITUTIONS: key and record of the segment row. */
int snapshot_add_card(struct snapshot_make *m, const struct record *rec);
/* CARDS, after the last card: one of them whose person is not registered yet,
 * in the order of the cards. */
int snapshot_add_waiting(
    struct snapshot_make *m, const char key[SEGMENT_KEY_SIZE], int32_t since);
int snapshot_add_institution(struct snapshot_make *m, const struct record *rec);
/* REVOCATION: a partition, then its entries (any order of serials). */
int snapshot_add_partition(struct snapshot_make *m, const char *ca,
    const char *name, int64_t this_update, int64_t next_update,
    const char *number);
int snapshot_add_revoked(
    struct snapshot_make *m, const char *serial, int64_t at, int reason);
/* A segment that went into it, for the `input` table. */
int snapshot_add_input(struct snapshot_make *m, const char *name,
    const char *digest, int64_t rows);
/* 0, or -1 SNAPSHOT_WRITE raised and the file removed. Frees m either way. */
int snapshot_finish(struct snapshot_make *m, struct snapshot_set_entry *entry);
void snapshot_abandon(struct snapshot_make *m);

/*
 * A snapshot made by several processes, each with a range of keys:
 * QUALIFICATION. A part is the files rows, printed, pseudonym and pairing of a
 * folder, synced; the whole is made by snapshot_create(), snapshot_carry(),
 * snapshot_join() of each part in the order of their keys, and finish: the
 * same bytes as by one process. Parts are taken as they are: whoever joins
 * them checks them first.
 */
/* As snapshot_create(); person, period, drop, carry and keep are for it. */
struct snapshot_make *snapshot_create_part(
    const char *dir, struct diag_sink *sink);
int snapshot_finish_part(struct snapshot_make *m); /* as snapshot_finish() */
int snapshot_join(struct snapshot_make *m, const char *dir); /* 0, -1 raised */

#endif
