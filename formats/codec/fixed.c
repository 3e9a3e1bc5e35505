/*
 * Fixed length: CP932, every line as long as the longest record of the
 * layout, padded with blanks, CRLF (LF tolerated). Items are cut as bytes,
 * by the widths of the rows, and converted afterwards (record.c).
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/detail.h"
#include "formats/codec/syntax.h"

#define KANJI_BLANK "\x81\x40"

struct fixed {
	struct input in;
	const struct layout *layout;
	size_t width; /* of a line without its newline */
	int64_t line;
};

static size_t
width_of(const struct format *f)
{
	size_t n = 0;

	for (unsigned i = 0; f != NULL && i < f->nfields; i++)
		n += f->fields[i].width;
	return n;
}

static size_t
line_width(const struct layout *l)
{
	size_t h = width_of(l->header), d = width_of(l->data),
	       t = width_of(l->trailer);
	size_t n = h > d ? h : d;

	return n > t ? n : t;
}

static void *
fixed_open(const struct record_source *src)
{
	struct fixed *x = text_alloc(sizeof(*x));

	x->layout = src->layout;
	x->width = line_width(src->layout);
	x->line = 1;
	if (src->charset != CHARSET_CP932) {
		diag_file(src->sink, DIAG_ENCODING, src->name,
		    "fixed length is CP932");
		goto out;
	}
	if (input_open(&x->in, src) == 0)
		return x;
	input_close(&x->in);
out:
	free(x);
	return NULL;
}

static void
fixed_close(void *state)
{
	struct fixed *x = state;

	input_close(&x->in);
	free(x);
}

/* A line without its newline. *taken: with it; 0 bytes more than a record
 * may have are kept, the rest of a longer line is left out. */
static enum record_result
line(struct fixed *x, struct slice *s, size_t *taken)
{
	const char *lf;
	int r;

	if (x->in.p == x->in.end && (r = input_more(&x->in)) != 1)
		return r == 0 ? RECORD_END : RECORD_BROKEN;
	if (input_at_mark(&x->in)) {
		input_note_end(&x->in, x->line);
		return RECORD_END;
	}
	for (;;) {
		size_t have = (size_t)(x->in.end - x->in.p);

		if (have > RECORD_BYTES_MAX + 2)
			have = RECORD_BYTES_MAX + 2;
		lf = memchr(x->in.p, '\n', have);
		if (lf != NULL || have == RECORD_BYTES_MAX + 2)
			break;
		if ((r = input_more(&x->in)) == -1)
			return RECORD_BROKEN;
		if (r == 0)
			break;
	}
	s->p = x->in.p;
	s->n = (size_t)((lf != NULL ? lf : x->in.end) - x->in.p);
	*taken = s->n + (lf != NULL);
	if (lf == NULL && s->n > RECORD_BYTES_MAX)
		return RECORD_REFUSED;
	if (lf == NULL) {
		input_note_end(&x->in, x->line);
		if (s->n > 0 && s->p[s->n - 1] == '\x1a')
			s->n--;
	}
	if (s->n > 0 && s->p[s->n - 1] == '\r')
		s->n--;
	return RECORD_OK;
}

static bool
blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ')
			return false;
	return true;
}

/* Eight bytes, the first one lowest. */
static inline uint64_t
word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

/* The length of s without what repeats at its end: `pattern` is eight bytes,
 * of which each `step` are the same. Most of a record is such padding. */
static inline size_t
without(struct slice s, const char *pattern, size_t step)
{
	uint64_t w = word(pattern);

	for (; s.n >= 32; s.n -= 32) {
		const char *p = s.p + s.n - 32;

		if (((word(p) ^ w) | (word(p + 8) ^ w) | (word(p + 16) ^ w) |
			(word(p + 24) ^ w)) != 0)
			break;
	}
	for (; s.n >= 8; s.n -= 8) {
		uint64_t x = word(s.p + s.n - 8) ^ w;

		if (x != 0) /* the last bytes that are the same, in steps */
			return s.n -
			    ((size_t)__builtin_clzll(x) / 8 & ~(step - 1));
	}
	while (s.n >= step && s.p[s.n - 1] == pattern[step - 1] &&
	    s.p[s.n - step] == pattern[0])
		s.n -= step;
	return s.n;
}

/* Blanks at the end; of full-width items their blanks too, which lie at
 * even places. */
static struct slice
strip(const struct field *f, struct slice s)
{
	s.n = without(s, "        ", 1);
	if (f->type == FIELD_KANJI && s.n % 2 == 0)
		s.n = without(
		    s, KANJI_BLANK KANJI_BLANK KANJI_BLANK KANJI_BLANK, 2);
	return s;
}

static enum record_result
cut(const struct format *f, struct slice s, struct syntax_raw *raw)
{
	for (unsigned i = 0; i < f->nfields; i++) {
		unsigned w = f->fields[i].width;

		raw->v[i] = strip(&f->fields[i], (struct slice) { s.p, w });
		s.p += w;
		s.n -= w;
	}
	if (blank(s.p, s.n))
		return RECORD_OK;
	syntax_fault(
	    raw, DIAG_RECORD_LENGTH, -1, "the padding at the end is not blank");
	return RECORD_REFUSED;
}

static enum record_result
fixed_next(void *state, struct syntax_raw *raw)
{
	struct fixed *x = state;
	struct slice s = { NULL, 0 };
	size_t taken = 0;
	enum record_result r;

	raw->nfaults = 0;
	raw->ascii = false;
	raw->line = x->line;
	raw->offset = x->in.offset;
	r = line(x, &s, &taken);
	if (r == RECORD_END || r == RECORD_BROKEN)
		return r;
	x->line++;
	raw->format =
	    syntax_kind(x->layout, (struct slice) { s.p, s.n > 0 ? 1 : 0 });
	if (r == RECORD_REFUSED || s.n != x->width) {
		syntax_fault(raw, DIAG_RECORD_LENGTH, -1,
		    r == RECORD_REFUSED ? DETAIL_BYTES_MORE : DETAIL_BYTES,
		    x->width, s.n);
		if (r == RECORD_OK)
			input_take(&x->in, taken);
		else if (input_skip_line(&x->in) == -1)
			return RECORD_BROKEN;
		return RECORD_REFUSED;
	}
	raw->lf = taken == s.n + 1 && s.p[s.n] == '\n';
	input_take(&x->in, taken);
	return raw->format == NULL ? RECORD_OK : cut(raw->format, s, raw);
}

static int
fixed_begin(const struct layout *l, enum charset cs, struct buf *out)
{
	(void)l;
	(void)out;
	return cs == CHARSET_CP932 ? 0 : -1;
}

static void
pad(struct buf *out, const struct field *f, size_t n)
{
	for (; f->type == FIELD_KANJI && n >= 2; n -= 2)
		buf_puts(out, KANJI_BLANK);
	for (; n > 0; n--)
		buf_putc(out, ' ');
}

static int
fixed_write(const struct layout *l, enum charset cs, const struct record *rec,
    struct buf *out, const struct diag *at, struct diag_sink *sink)
{
	const struct format *f = rec->format;
	size_t start = out->n, from;

	for (unsigned i = 0; i < f->nfields; i++) {
		const struct field *row = &f->fields[i];
		struct slice s = rec->v[i].s;

		from = out->n;
		if (row->type == FIELD_NUM && s.n > 0)
			for (size_t z = s.n; z < row->width; z++)
				buf_putc(out, '0');
		if (s.n > 0 && syntax_put(out, row, s, cs, at, sink) == -1)
			return -1;
		pad(out, row, row->width - (out->n - from));
	}
	for (size_t n = line_width(l) - (out->n - start); n > 0; n--)
		buf_putc(out, ' ');
	buf_puts(out, "\r\n");
	return 0;
}

static int
fixed_end(const struct layout *l, enum charset cs, struct buf *out)
{
	(void)l;
	(void)cs;
	(void)out;
	return 0;
}

const struct syntax_ops fixed_ops = {
	fixed_open,
	fixed_next,
	fixed_close,
	fixed_begin,
	fixed_write,
	fixed_end,
};
