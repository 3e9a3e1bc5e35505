/*
 * What a syntax must provide. For record.c, input.c and the syntaxes only.
 *
 * A syntax cuts bytes into raw slices. It looks at a table for how many
 * fields there are, how wide (fixed length) or how called (XML), and never
 * checks a value. What is wrong with one record it notes in the raw record,
 * and record.c, which knows the record's number, raises it; what is wrong
 * with the file it raises itself.
 */
#ifndef FORMATS_CODEC_SYNTAX_H
#define FORMATS_CODEC_SYNTAX_H

#include "formats/codec/csv_look.h"
#include "formats/codec/record.h"

/*
 * Bytes of a file (or of memory) through one fixed buffer. [p, end) is what
 * was read and not yet taken. input_more() moves it to the front of the
 * buffer: slices of the record before end there, and only there.
 */
struct input {
	const char *name;
	struct diag_sink *sink;
	int fd;
	char *storage; /* NULL for memory */
	const char *p, *end;
	int64_t offset; /* of p in the file */
	bool eof;
};
/* Begins it: 0; -1: IO, EMPTY_FILE or ENCODING raised. A UTF-8 BOM is
 * skipped unless the file calls itself CP932. */
int input_open(struct input *in, const struct record_source *src);
/* 1: there is more than before; 0: there is no more; -1: IO raised. */
int input_more(struct input *in);
void input_take(struct input *in, size_t n);
/* Leaves the line, however long: 0, or -1 (IO raised). */
int input_skip_line(struct input *in);
void input_close(struct input *in);

/* A lone 1A (and its newline) where a record would begin ends a file; the
 * next two say so. */
bool input_at_mark(struct input *in);
void input_note_end(struct input *in, int64_t line);

#define SYNTAX_FAULTS 8
struct syntax_fault {
	enum diag_code code;
	int field; /* -1: none */
	char detail[80];
};

struct syntax_raw {
	struct slice v[RECORD_FIELDS_MAX]; /* still in the file's charset for
		CSV and fixed length; UTF-8 for XML. n == 0: absent */
	const struct format *format; /* which of header/data/trailer it is;
		NULL: none of them */
	int64_t line, offset; /* offset -1: not known */
	bool ascii; /* no byte of it is above 7F */
	bool lf; /* its line ends in LF without CR; never in XML */
	unsigned nfaults;
	struct syntax_fault fault[SYNTAX_FAULTS];
};
/* Notes a fault (the first SYNTAX_FAULTS of them); detail by printf. */
void syntax_fault(struct syntax_raw *raw, enum diag_code code, int field,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* By the record type in the first field: 1, 2, 3; NULL: unknown. */
const struct format *syntax_kind(const struct layout *l, struct slice type);

struct syntax_ops {
	/* NULL (diagnostic raised) where the file cannot even be begun. */
	void *(*open)(const struct record_source *src);
	/* RECORD_OK: a record, perhaps with faults; RECORD_REFUSED: it could
	 * not be cut (faults say why, v is not filled), go on; END; BROKEN
	 * (diagnostic raised). */
	enum record_result (*next)(void *state, struct syntax_raw *raw);
	void (*close)(void *state);

	/* Appends to out, in the file's charset; what does not fit there or
	 * cannot be written is -1, diagnostic raised. */
	int (*begin)(const struct layout *l, enum charset cs, struct buf *out);
	int (*write)(const struct layout *l, enum charset cs,
	    const struct record *rec, struct buf *out, const struct diag *at,
	    struct diag_sink *sink);
	int (*end)(const struct layout *l, enum charset cs, struct buf *out);
};
extern const struct syntax_ops csv_ops, fixed_ops, xml_ops;

/* One value in charset cs appended to out; -1: BAD_BYTES raised (CP932 has
 * no such character). */
int syntax_put(struct buf *out, const struct field *f, struct slice s,
    enum charset cs, const struct diag *at, struct diag_sink *sink);

#endif
