/*
 * An accepted upload on its way into a segment. For batch/ingest*.c and
 * batch/codes.c only: both take uploads out of ready/, read the members by
 * their tables, refuse what does not fit and leave a sorted segment, a check
 * result and an error list.
 *
 *	ingest_side(&run, root, feeds)	every upload of a side, in order
 *	  feed->read(u)			ingest_open, ingest_each, ingest_add
 *	  decide: refused, held (ingest_hold.c, ingest_guard.c) or taken
 *	  segment, receipts, ledger, then ready/STEM goes: in this order, so
 *	  that a run killed anywhere is made up by the next one
 */
#ifndef BATCH_INGEST_H
#define BATCH_INGEST_H

#include "batch/ledger.h"
#include "batch/lenient.h"
#include "batch/partners.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/error_list.h"
#include "formats/codec/day.h"
#include "formats/manifest.h"
#include "formats/qualification.h"
#include "formats/receipt.h"
#include "formats/segment.h"

#define INGEST_DATES 64
#define INGEST_HOLDS 8 /* kinds of reasons to hold a file */

struct ingest_member {
	const struct manifest_member *said;
	char name[256]; /* STEM/MEMBER, for people */
	int fd;
	struct record_reader *reader;
	struct record_source src; /* as it is read; layout NULL: it is not */
	struct error_list faults;
	struct record_counts counts; /* when read: the reader's and ours */
	int64_t refused; /* by us, after the reader was content */
	int64_t total; /* of the trailers */
	int64_t header_line, trailer_line; /* last looked at */
	bool broken;
};
struct ingest_segment {
	char work[SPOOL_PATH_MAX]; /* finished, in work/ */
	struct ledger_segment row;
};
/* What a file says of an insurer, beside what is in the ledger. */
struct ingest_count {
	char insurer[9]; /* 保険者番号, 8 digits */
	int64_t gained, amended, lost; /* periods without an end; ends */
	int64_t rows, filled[Q__MAX]; /* new and amended records */
};
/* --release, --refuse */
struct ingest_order {
	const char *stem, *why;
	bool refuse, done;
};
#define INGEST_ORDERS_MAX 64
struct ingest_orders {
	int n;
	const char *why;
	struct ingest_order v[INGEST_ORDERS_MAX];
};
struct ingest_feed;
struct segment_make;
struct ingest_upload {
	struct run *run;
	const char *root;
	struct ledger *ledger;
	const struct partners *partners; /* NULL where the run has none */
	struct lenient *agreed; /* masters.leniencies */
	const struct ingest_feed *feed;
	struct ledger_file file;
	char stem[64];
	struct manifest *manifest;
	struct ingest_member member[2];
	int members; /* of member[] in use */
	struct segment_make *make;
	struct segment_head head; /* .scheme may be set by read() */
	struct ingest_segment *segment; /* what comes out */
	int segments;
	int64_t unchanged; /* rows of segments that were there before */
	char pack[2 * RECORD_BYTES_MAX];
	/* the row before, to find the same key twice */
	char last_key[SEGMENT_KEY_SIZE];
	char last_payload[UINT16_MAX];
	size_t last_n;
	int64_t last_record;
	/* acquisition dates seen under last_key: a bit per day, and the first
	 * of them, to take them back */
	uint8_t *dates;
	size_t date[INGEST_DATES], ndates;
	int64_t date_record[INGEST_DATES]; /* which record had it */
	/* the insurer asked for last */
	char number8[9];
	const struct insurer *insurer;
	unsigned lenient; /* a bit per enum leniency */
	bool full; /* the manifest says: 全件 */
	bool unsure; /* of a full file: a person could not be told */
	struct ingest_count *count;
	int counts, count_at;
	struct ledger_hold say[INGEST_HOLDS]; /* from the ledger */
	int said;
	struct ledger_hold hold[INGEST_HOLDS]; /* what it is held for now */
	int holds;
	void *arg; /* of the program */
};
struct ingest_feed {
	enum feed feed;
	enum segment_kind kind;
	const struct layout *layouts[2]; /* its members; else NULL */
	/* Reads all members to their end, whatever their faults. -1: the
	 * environment failed (IO raised), the upload stays in ready/. */
	int (*read)(struct ingest_upload *u);
};

/* Every upload in ready/ of one of the feeds (ends with read == NULL), by
 * day, sequence, sender. */
int ingest_side(struct run *run, const char *root,
    const struct ingest_feed *feeds, const struct partners *partners,
    struct ingest_orders *orders, void *arg);

/* Opens a reader over each of the feed's layouts: member[0], member[1]. A
 * member that is not there or cannot be begun is broken. */
void ingest_open(struct ingest_upload *u);
/* As record_next(); also holds headers to the file's name and, at the end,
 * count and total to the manifest. */
enum record_result ingest_next(
    struct ingest_upload *u, struct ingest_member *m, struct record *rec);
/* The whole of member i through take(); -1 from it ends the walk. */
int ingest_each(struct ingest_upload *u, int i,
    int (*take)(
	struct ingest_upload *u, struct ingest_member *m, struct record *rec));
/* The record is refused after all. */
void ingest_refuse(struct ingest_member *m, const struct record *rec,
    enum diag_code code, int field, const char *detail);
/* The registered insurer of a number, if it is this sender's; else NULL. */
const struct insurer *ingest_insurer(
    struct ingest_upload *u, struct slice number);
/* Into the segment: the STORED fields of rec, or bytes. */
int ingest_add(struct ingest_upload *u, const char key[SEGMENT_KEY_SIZE],
    const struct record *rec);
int ingest_add_period(struct ingest_upload *u, const char *number8,
    const char key[SEGMENT_KEY_SIZE], const struct record *rec);
/* A refused record of a full file: a row that keeps its person. */
int ingest_keep(struct ingest_upload *u, const struct record *rec);
int ingest_add_bytes(struct ingest_upload *u, const char key[SEGMENT_KEY_SIZE],
    int64_t record, struct slice payload);
/* A segment that is finished and lies in work/. */
void ingest_segment(
    struct ingest_upload *u, const char *work, const struct segment_head *head);
/* Name of a segment in segments/: STEM.KIND.seg */
void ingest_segment_name(const struct segment_head *head, char out[80]);

/* ingest_guard.c: counts a period record (by 1, or -1 where it was refused
 * after all); holds the file where counts are out of bounds; enters them. */
void ingest_count(struct ingest_upload *u, const char *number8,
    const struct record *qualification, int by);
int ingest_guard(struct ingest_upload *u);
int ingest_guard_enter(struct ingest_upload *u);

/* ingest_hold.c. load: what was said before; hold: one more reason, unless it
 * was released from it; order: reasons from the running numbers; enter: into
 * the ledger; waits: 1 where it still has to. */
int ingest_hold_load(struct ingest_upload *u);
bool ingest_hold_verdict(const struct ingest_upload *u, enum hold_verdict v);
bool ingest_hold_decided(const struct ingest_upload *u, enum diag_code code);
void ingest_hold(
    struct ingest_upload *u, enum diag_code code, const char *detail);
int ingest_hold_order(struct ingest_upload *u);
int ingest_hold_enter(struct ingest_upload *u);
int ingest_hold_receipt(
    const struct ingest_upload *u, struct receipt_hold out[INGEST_HOLDS]);
void ingest_hold_count(struct ingest_upload *u);
int ingest_hold_waits(struct ingest_upload *u);
/* Enters the verdicts; those that met a held upload are done. */
int ingest_obey(
    struct ledger *l, struct run *run, struct ingest_orders *orders);

int ingest_nhi_read(struct ingest_upload *u);
int ingest_package_read(struct ingest_upload *u);

#endif
