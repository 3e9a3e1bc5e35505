/*
 * The field descriptor: one row says name, item number, width, type, flags
 * and check of a field, and feeds readers, writers, SQL columns, receipts,
 * masking, the sample maker and the mutation tests.
 */
#ifndef FORMATS_CODEC_FIELD_H
#define FORMATS_CODEC_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/codec/text.h"

enum field_type {
	FIELD_NUM, /* digits; fixed: right-aligned, zeros on the left */
	FIELD_ANK, /* printable ASCII without blanks inside (ids, hex) */
	FIELD_KANA, /* half-width katakana, ASCII capitals, one blank inside */
	FIELD_KANJI, /* full width only; U+3000 as blank */
	FIELD_TEXT, /* anything of the repertoire, half or full width */
	FIELD_DAY, /* YYYYMMDD */
	FIELD_TIME, /* YYYYMMDDHHmmss */
	FIELD_CODE, /* one of a closed list (field.codes) */
	FIELD__MAX
};

enum field_flag {
	FIELD_REQUIRED = 1,
	FIELD_KEY = 2, /* part of the record's key */
	FIELD_PRIVATE = 4, /* masked by inspect, never in a log */
	FIELD_STORED = 8, /* goes into segment rows and snapshot columns */
	FIELD_EXACT = 16, /* NUM/ANK: exactly `width` characters */
	FIELD_FREE = 32 /* free text: guarded against 個人番号 */
};

struct code {
	const char *code, *en, *ja;
	bool out_of_scope; /* known, but excluded by the report (課題③) */
};

struct value {
	struct slice s; /* UTF-8, trimmed; n == 0: absent */
	int64_t n; /* DAY: day number; NUM: the number (<= 18 digits) */
};

struct field {
	const char *name; /* as in the specification, XML and SQL */
	const char *ja;
	int item; /* item number, for receipts */
	unsigned width; /* bytes in fixed length and CP932; KANJI: 2 a char */
	enum field_type type;
	unsigned flags;
	/* A named check of one value beyond its type; DIAG__MAX = fine. */
	enum diag_code (*check)(const struct value *v);
	const struct code *codes; /* CODE: ends with code == NULL */
};

/* What W1109 says in its detail: this, then text_mask(). */
#define FIELD_MASK "mask "
/*
 * One value against its row. raw is UTF-8 (already converted), not trimmed.
 * Fills *out; text whose characters had to be replaced is written to
 * scratch, `substitute` (0: ●) in their place, and *out points there. Returns
 * how many errors were raised into sink through *at (a template with file,
 * record, line filled in). An absent optional field is fine and leaves out->s.n
 * == 0.
 */
int field_check(const struct field *f, struct slice raw, struct value *out,
    struct buf *scratch, uint32_t substitute, const struct diag *at,
    struct diag_sink *sink);

/* Appended to out: what the row asks for, as the page of its layout has it;
 * its codes ("1 男 male; 2 女 female"); all of it for whoever must mend a
 * value: "半角カナ、40字以内" or "1 男、2 女". */
void field_form(const struct field *f, bool ja, struct buf *out);
void field_codes(const struct field *f, struct buf *out);
void field_expects(const struct field *f, bool ja, struct buf *out);

/* Largest length in characters that f allows. */
size_t field_chars(const struct field *f);
const struct code *field_code(const struct field *f, struct slice value);
/* v as inspect shows it: PRIVATE fields keep their length only ("●×6"). */
void field_mask(const struct field *f, struct slice v, struct buf *out);

#endif
