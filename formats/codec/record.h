/*
 * Records over any syntax: a table (struct format) meets a syntax (CSV,
 * fixed length, XML) here and nowhere else.
 *
 *	reader = record_open(&source);
 *	while ((r = record_next(reader, &rec)) <= RECORD_REFUSED)
 *		if (r == RECORD_OK) ...rec is good until the next call...
 *	record_close(reader);
 *
 * A file is a layout: an optional header record, data records, an optional
 * trailer record (record type in the first field: 1, 2, 3). Files of a
 * federation hold one header..trailer block per municipality (`blocks`).
 * Slices point into the reader's buffers: no allocation per record.
 *
 * A refused record is filled as far as its rows were content: what a row
 * refused is empty and has its bit in `bad`; a record that could not even be
 * cut is all empty. Fixed length is CP932 only; XML says its charset itself,
 * and it has to be the one of the source.
 */
#ifndef FORMATS_CODEC_RECORD_H
#define FORMATS_CODEC_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "formats/codec/diag.h"
#include "formats/codec/field.h"
#include "formats/codec/text.h"
#include "formats/limits.h"

enum syntax { SYNTAX_CSV, SYNTAX_FIXED, SYNTAX_XML, SYNTAX__MAX };
extern const char *const syntax_names[SYNTAX__MAX]; /* "csv", ... */
int syntax_find(struct slice name); /* -1 where unknown */

struct record;
/* A rule across the fields of one record; raises into sink by at and returns
 * how many errors it raised. `today` is the business day. */
struct rule {
	const char *clause; /* where it is written: "report 課題③", "F1" */
	int (*check)(const struct record *r, int32_t today,
	    const struct diag *at, struct diag_sink *sink);
};

struct format {
	const char *name; /* XML element of one record; SQL table */
	const char *ja;
	const struct field *fields;
	unsigned nfields; /* <= RECORD_FIELDS_MAX */
	const struct rule *rules; /* ends with check == NULL; may be NULL */
};

struct layout {
	const char *name; /* registry name and XML root: "shikaku" */
	const char *ja;
	const struct format *header; /* NULL: none. fields[0] = record type */
	const struct format *data;
	const struct format *trailer; /* NULL: none */
	/* Indexes of the fields the reader itself compares; -1: none. */
	int trailer_count; /* in trailer: number of data records */
	int trailer_total; /* in trailer: control total */
	int total_field; /* in data: the field summed into it (NUM or DAY as
			    digits), modulo 10^15; over all data records,
			    refused ones too. A record that gives no number
			    there switches the comparison off: its own
			    diagnostic says so */
	int number_field; /* in data: running number from 1, per block or going
			     on from the block before; -1 */
	bool blocks; /* header..trailer may repeat */
	bool bare; /* CSV: a row of column names first, no record types */
	unsigned refuse_percent; /* more refused records than this refuse the
				    whole file; 100: never */
};

struct record {
	const struct format *format;
	struct value v[RECORD_FIELDS_MAX];
	int64_t number; /* data record of the file, from 1 */
	int64_t line; /* CSV, XML: line; fixed: record of the file */
	int64_t offset; /* byte offset of the record in the file; -1: XML */
	unsigned replaced; /* characters outside the repertoire, of all items */
	uint64_t bad; /* bit per field its row refused: rules leave it alone */
};

enum record_result {
	RECORD_OK, /* every row and rule was content */
	RECORD_REFUSED, /* diagnostics raised; counted; go on */
	RECORD_END, /* trailer seen (where there is one), counts agree */
	RECORD_BROKEN /* the file as a whole is refused; diagnostic raised */
};

/* What may be overlooked in the files of a sender (formats/leniency.h). Each
 * kind is told once, with its place, and then only counted. */
enum record_lenient {
	RECORD_LENIENT_TOTAL = 1, /* trailer's total 0 is none */
	RECORD_LENIENT_NUMBER = 2, /* running numbers may jump */
	RECORD_LENIENT_WIDTH = 4, /* KANJI takes half width too */
	RECORD_LENIENT_LINES = 8, /* LF alone is a line end like CRLF */
	RECORD_LENIENT_BLANKS = 16 /* blanks around values of CSV and XML */
};
struct record_source {
	const char *name; /* for diagnostics: the file's name, no folder */
	int fd; /* read from here; record_close() does not close it. -1: bytes
		 */
	struct slice bytes; /* where fd is -1 */
	const struct layout *layout;
	enum syntax syntax;
	enum charset charset;
	int32_t today; /* business day, for rules */
	uint32_t substitute; /* text.substitute; 0: ● */
	struct diag_sink *sink;
	unsigned lenient; /* enum record_lenient; 0: nothing is overlooked */
	int64_t most; /* records of the file; 0: RECORDS_PER_FILE_MAX */
	bool declared; /* its sender said the charset: utf8-bom has its mark */
};

struct record_counts {
	int64_t read, accepted, refused;
	int64_t replaced, substitutes; /* records with some; characters */
};

struct record_reader *record_open(const struct record_source *src);
enum record_result record_next(struct record_reader *r, struct record *rec);
/* The header and trailer last read (of the current block); NULL before. */
const struct record *record_header(const struct record_reader *r);
const struct record *record_trailer(const struct record_reader *r);
struct record_counts record_count(const struct record_reader *r);
void record_close(struct record_reader *r);
/* A table that an operator keeps (bare layout, CSV, UTF-8), whole: each() with
 * every row that is well; not 0 from it says that the row is wrong after all.
 * 0: all is well; 1: something is wrong, and raised; -1: it cannot be opened,
 * see errno. */
int record_table(const char *path, const struct layout *layout,
    struct diag_sink *sink, int (*each)(void *arg, const struct record *rec),
    void *arg);

/*
 * Writing, by the same rows. Values are UTF-8; a value that does not fit its
 * row is a fault (-1, diagnostic), never a truncation. Header and trailer are
 * written from records the caller filled; count and total of the trailer are
 * filled by the writer. The writer buffers; record_finish() flushes.
 */
struct record_writer *record_create(const char *name, int fd,
    const struct layout *layout, enum syntax syntax, enum charset charset,
    struct diag_sink *sink);
int record_write_header(struct record_writer *w, const struct record *rec);
int record_write(struct record_writer *w, const struct record *rec);
/* rec is the one written last but for digits in one field: what record_write()
 * would write, in CSV without looking at the other fields again. */
int record_write_again(
    struct record_writer *w, const struct record *rec, int field);
int record_write_trailer(struct record_writer *w, struct record *rec);
int record_finish(struct record_writer *w); /* frees w; fd stays open */

/* Empties rec and gives it its format; sets a text value (not copied). */
void record_init(struct record *rec, const struct format *f);
void record_set(struct record *rec, int field, struct slice s);

/*
 * STORED fields of one record as bytes, in row order, each u16 length (little
 * endian) + bytes; the payload of a segment row. unpack points into `in` and
 * fills typed numbers again; -1 where `in` is not such bytes.
 */
int record_pack(const struct record *rec, struct buf *out);
int record_unpack(const struct format *f, struct slice in, struct record *rec);

/* One record as readable lines. */
void record_print(const struct record *rec, bool unmask, FILE *out);

#endif
