/*
 * A segment: the accepted change records of one upload, sorted by key,
 * immutable; the contract between ingest and rebuild, and what a link
 * package carries. Order of rows: key, then record number. The same rows
 * give the same bytes. Integers are little endian:
 *
 *  head  48 bytes: magic "SHIKSEG1", u16 kind, u8 feed, u8 scheme letter or
 *        0, i32 day, u16 sequence, u16 0, sender (9 bytes, NUL-padded), zeros
 *  row   u16 payload length, u8 key length, u8 0, u32 record number, the key
 *        without its NULs at the end, payload (record_pack of kind's format)
 *  tail  48 bytes: magic "SHIKEND1", i64 number of rows, SHA-256 over head
 *        and rows
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
#define SEGMENT_HEAD_SIZE 48
#define SEGMENT_ROW_SIZE 8 /* in front of key and payload */
#define SEGMENT_TAIL_SIZE 48

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

/* Checks head and tail; `whole`: also the digest over all bytes, before the
 * first row; else the digest is checked on the way and a wrong one shows
 * when the last row has been read. NULL: SEGMENT_BROKEN raised. */
struct segment *segment_open(
    const char *path, const char *name, bool whole, struct diag_sink *sink);
const struct segment_head *segment_head(const struct segment *s);
/* Bytes to read at once (default 1 MiB), before the first row: whoever opens
 * a thousand segments has less for each. */
void segment_buffer(struct segment *s, size_t bytes);
/* 1: a row, good until the next call; 0: the end, all as it should be;
 * -1: SEGMENT_BROKEN raised (count, order, digest, cut row). */
int segment_next(struct segment *s, struct segment_row *row);
void segment_close(struct segment *s);

#endif
