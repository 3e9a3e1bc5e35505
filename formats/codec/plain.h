/*
 * What nearly every value is, seen at once: digits of the right width, a real
 * day, a code of the list, text of the repertoire. One row of a table is
 * compiled into one function for its type and charset.
 *
 * plain_value() never refuses: false only says "look closer", and then
 * field_check(), which alone knows what is wrong and how to mend it, is
 * asked. Where it says true, field_check() would have raised nothing and
 * given the same value (tests/unit/plain_test.c holds them together).
 * For record.c only.
 */
#ifndef FORMATS_CODEC_PLAIN_H
#define FORMATS_CODEC_PLAIN_H

#include "formats/codec/field.h"

#define PLAIN_CODES 24 /* codes of at most two bytes; longer lists: never */

struct plain {
	/* raw is not empty and in the charset of the file. What has to be
	 * converted goes to scratch. */
	bool (*look)(const struct plain *p, struct slice raw, struct value *out,
	    struct buf *scratch);
	enum diag_code (*check)(const struct value *v); /* of the row */
	unsigned min, max; /* width, as the row counts it */
	bool free; /* FIELD_FREE */
	bool required;
	unsigned ncodes;
	uint16_t codes[PLAIN_CODES];
};

void plain_compile(const struct field *f, enum charset cs, struct plain *p);

static inline bool
plain_value(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	return p->look(p, raw, out, scratch);
}

#endif
