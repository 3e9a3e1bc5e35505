/*
 * A segment: the accepted change records of one upload, sorted by key,
 * immutable; the contract between ingest and rebuild, and what a link
 * package carries. Head: magic, version, layout, sender, feed, day,
 * sequence. Rows: key, order, source record number, payload
 * (record_pack). Tail: count and SHA-256 over everything before it.
 * Integers little endian. Order of rows: key, then record number.
 *
 *	s = segment_open(...); while (segment_next(s, &row) == 1) ...; close
 */
#ifndef FORMATS_SEGMENT_H
#define FORMATS_SEGMENT_H

#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/codec/text.h"
#include "formats/filename.h"

#define SEGMENT_KEY_SIZE 32

enum segment_kind { /* what the key is, and which snapshot it changes */
	SEGMENT_PERIOD, /* typed_key; qualification_format payload */
	SEGMENT_PAIR, /* typed_key; payload: 処理通番 LF pseudonym(32 hex) */
	SEGMENT_CARD, /* CA (20 bytes) + serial right-aligned in 12 bytes;
			 link_format payload */
	SEGMENT_INSTITUTION, /* 10-digit code; institution_format payload */
	SEGMENT__MAX
};

struct segment_head {
	enum segment_kind kind;
	struct filename id; /* the upload it came from */
	int64_t rows;
	char digest[65]; /* SHA-256 of the segment file without its tail */
	char scheme; /* 'E' or 'C' for PERIOD and PAIR; else 0 */
};
struct segment_row {
	const char *key; /* SEGMENT_KEY_SIZE bytes */
	int64_t record; /* record number in the source file */
	struct slice payload;
};
struct segment;

/* Checks head and tail; `whole`: also the digest over all bytes. NULL:
 * SEGMENT_BROKEN raised. */
struct segment *segment_open(const char *path, const char *name, bool whole,
    struct diag_sink *sink);
const struct segment_head *segment_head(const struct segment *s);
int segment_next(struct segment *s, struct segment_row *row); /* 1 0 -1 */
void segment_close(struct segment *s);

#endif
