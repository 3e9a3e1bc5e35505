/*
 * A segment: the accepted change records of one upload, sorted by key,
 * immutable; the contract between ingest and rebuild, and what a link
 * package carries. Order of rows: key, then record number. The same rows
 * give the same bytes. Integers are little endian:
 *
 *  head  48 bytes: magic "SHIKSEG1", u16 kind, u8 feed, u8 scheme letter or
 *        0, i32 day, u16 sequence, u16 number of scopes, sender (9 bytes,
 *        NUL-padded), u8 order, zeros
 *  scope 9 bytes: the first bytes of a typed key (letter, 保険者コード), each
 *        once, ascending
 *  row   u16 payload length, u8 key length, u8 0, u32 record number, the key
 *        without its NULs at the end, payload (record_pack of kind's format)
 *  tail  48 bytes: magic "SHIKEND1", i64 number of rows, SHA-256 over head
 *        and rows
 *
 * A scope says that the upload is the whole set (全件) of an insurer, or of a
 * municipality of a federation: what is stored under these first bytes of a
 * key and is not in the segment goes. The rows of a key that is in no scope
 * are changes, as in a segment without scopes. A record of a scope that ingest
 * refused must leave a row with 異動区分 CHANGE_KEEP in its place: then the
 * person stays as stored. Where even the key of a refused record is not known,
 * the file cannot be taken as whole. PERIOD only.
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
#define SEGMENT_SCOPE_SIZE 9 /* letter and 保険者コード of a typed key */
#define SEGMENT_ROW_SIZE 8 /* in front of key and payload */
#define SEGMENT_TAIL_SIZE 48

enum segment_kind { /* what the key is, and which snapshot it changes */
	SEGMENT_PERIOD, /* typed_key; qualification_format payload */
	SEGMENT_PAIR, /* typed_key; payload: 処理通番 LF pseudonym(32 hex) */
	SEGMENT_CARD, /* CA (20 bytes) + serial right-aligned in 12 bytes;
			 link_format payload */
	SEGMENT_INSTITUTION, /* 10-digit code; institution_format payload */
	SEGMENT_REKEY, /* typed key 'C'; payload: the key 'E' (no NULs) that has
			  all of it from now on */
	SEGMENT__MAX
};

/* An operator's word on held records of the upload: the segment has their
 * rows again (shikaku-hold). */
enum segment_order {
	SEGMENT_CHANGES, /* no order: what the sender wants */
	SEGMENT_RELEASE = 'R', /* apply them without what they were held for */
	SEGMENT_DROP = 'D', /* refuse them */
	SEGMENT_PURGE = 'P' /* of no upload: drop what is past its retention
			       (shikaku-purge). PERIOD, payload: 資格取得年月日
			       and 資格喪失年月日; CARD, payload: 処理通番 */
};
struct segment_head {
	enum segment_kind kind;
	enum segment_order order;
	unsigned scopes; /* 0: changes only; see segment_scope() */
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
/* Scope i below head's scopes: SEGMENT_SCOPE_SIZE bytes, ascending; good as
 * long as the segment is open. */
const char *segment_scope(const struct segment *s, unsigned i);
/* Bytes to read at once (default 1 MiB), before the first row: whoever opens
 * a thousand segments has less for each. */
void segment_buffer(struct segment *s, size_t bytes);
/* 1: a row, good until the next call; 0: the end, all as it should be;
 * -1: SEGMENT_BROKEN raised (count, order, digest, cut row). */
int segment_next(struct segment *s, struct segment_row *row);
/* A key of the segment about i/n of the way through its bytes, where rows can
 * be told there: for a guess how keys are spread, not checked by any digest. 1,
 * 0, -1 raised. */
int segment_part(
    struct segment *s, unsigned i, unsigned n, char key[SEGMENT_KEY_SIZE]);
void segment_close(struct segment *s);

#endif
