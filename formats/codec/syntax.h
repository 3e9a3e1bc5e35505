/*
 * What a syntax must provide. For record.c and the four syntaxes only.
 *
 * A syntax cuts bytes into raw slices and knows no table: it is told how many
 * fields there are and (fixed length) how wide, (XML, YAML) how they are
 * called. It never checks a value.
 */
#ifndef FORMATS_CODEC_SYNTAX_H
#define FORMATS_CODEC_SYNTAX_H

#include "formats/codec/record.h"

struct syntax_raw {
	struct slice v[RECORD_FIELDS_MAX]; /* still in the file's charset for
		CSV and fixed length; UTF-8 for XML and YAML. p == NULL: absent */
	unsigned n; /* fields the record had */
	const struct format *format; /* which of header/data/trailer it is */
	int64_t line, offset;
	size_t bytes; /* of the record as it lay in the file */
};

struct syntax_ops {
	/* NULL (diagnostic raised) where the file cannot even be begun. */
	void *(*open)(const struct record_source *src);
	/* RECORD_OK: a record; RECORD_REFUSED: this record is malformed
	 * (diagnostic raised), go on; END; BROKEN (diagnostic raised). */
	enum record_result (*next)(void *state, struct syntax_raw *raw);
	void (*close)(void *state);

	/* Appends to out, in the file's charset. rec->format tells the kind. */
	int (*begin)(const struct layout *l, enum charset cs, struct buf *out);
	int (*write)(const struct layout *l, enum charset cs,
	    const struct record *rec, struct buf *out, struct diag_sink *sink);
	int (*end)(const struct layout *l, enum charset cs, struct buf *out);
};
extern const struct syntax_ops csv_ops, fixed_ops, xml_ops, yaml_ops;

#endif
