/*
 * CSV: RFC 4180, LF tolerated. Neither of CP932's trail bytes is a comma, a
 * quote or a newline (all below 40), so one cutter serves all charsets.
 */
#include <stdlib.h>
#include <string.h>

#include "formats/codec/detail.h"
#include "formats/codec/syntax.h"

struct csv {
	struct input in;
	const struct layout *layout;
	int64_t line; /* of in.p, from 1 */
	bool began;
	unsigned n; /* fields of the row */
	char scratch[RECORD_BYTES_MAX]; /* items with doubled quotes */
	size_t used;
	csv_look *look;
};

enum cut { CUT_ROW, CUT_MORE, CUT_QUOTES, CUT_BAD };

static void
field(struct csv *c, struct syntax_raw *raw, const char *from, const char *to)
{
	if (c->n < RECORD_FIELDS_MAX)
		raw->v[c->n] = (struct slice) { from, (size_t)(to - from) };
	c->n++;
}

static const char *
before_cr(const char *from, const char *to)
{
	return to > from && to[-1] == '\r' ? to - 1 : to;
}

/* A row without quotes, by blocks. *len: its bytes with the newline. */
static enum cut
cut_plain(struct csv *c, struct syntax_raw *raw, size_t *len)
{
	const char *begin = c->in.p, *end = c->in.end, *from = begin;
	uint64_t high = 0, row;
	struct csv_block b;
	char tail[64];
	unsigned n = 0; /* fields; a local one stays in a register */

	for (const char *q = begin; q < end; q += 64) {
		const char *block = q;

		if (end - q < 64) {
			memset(tail, 0, sizeof(tail));
			memcpy(tail, q, (size_t)(end - q));
			block = tail;
		}
		c->look(block, &b);
		/* the bits in front of the first newline: of this row */
		row = (b.newlines & (0 - b.newlines)) - 1;
		if ((b.quotes & row) != 0)
			return CUT_QUOTES;
		high |= b.high & row;
		for (b.commas &= row; b.commas != 0; b.commas &= b.commas - 1) {
			const char *comma = q + __builtin_ctzll(b.commas);

			if (n < RECORD_FIELDS_MAX)
				raw->v[n] = (struct slice) { from,
					(size_t)(comma - from) };
			n++;
			from = comma + 1;
		}
		if (b.newlines == 0)
			continue;
		q += __builtin_ctzll(b.newlines);
		c->n = n;
		field(c, raw, from, before_cr(from, q));
		*len = (size_t)(q + 1 - begin);
		raw->ascii = high == 0;
		return CUT_ROW;
	}
	if (!c->in.eof)
		return CUT_MORE;
	if (end[-1] == '\x1a')
		end--;
	c->n = n;
	field(c, raw, from, before_cr(from, end));
	*len = (size_t)(c->in.end - begin);
	raw->ascii = high == 0;
	return CUT_ROW;
}

/* A quoted item whose first quote is at *p. Moves *p past the last one. */
static enum cut
cut_quoted(struct csv *c, struct syntax_raw *raw, const char **p)
{
	const char *end = c->in.end, *from = *p + 1, *q, *close;
	size_t start = c->used, n;
	bool doubled = false;

	for (q = from;; q = close + 2) {
		close = q < end ? memchr(q, '"', (size_t)(end - q)) : NULL;
		if (close == NULL)
			return c->in.eof ? CUT_BAD : CUT_MORE;
		if (close + 1 == end && !c->in.eof)
			return CUT_MORE;
		if (close + 1 == end || close[1] != '"')
			break;
		doubled = true;
		n = (size_t)(close + 1 - q);
		if (n > sizeof(c->scratch) - c->used)
			return CUT_BAD;
		memcpy(c->scratch + c->used, q, n);
		c->used += n;
	}
	*p = close + 1;
	if (!doubled) {
		field(c, raw, from, close);
		return CUT_ROW;
	}
	n = (size_t)(close - q);
	if (n > sizeof(c->scratch) - c->used)
		return CUT_BAD;
	memcpy(c->scratch + c->used, q, n);
	c->used += n;
	field(c, raw, c->scratch + start, c->scratch + c->used);
	return CUT_ROW;
}

/* Is a newline, or the end of the file, at p? */
static bool
ends_row(const struct csv *c, const char *p, const char *end)
{
	size_t n = (size_t)(end - p);

	return (n >= 1 && *p == '\n') ||
	    (n >= 2 && p[0] == '\r' && p[1] == '\n') ||
	    (c->in.eof && (n == 0 || (n == 1 && *p == '\r')));
}

/* A row with quotes, item by item. */
static enum cut
cut_slow(struct csv *c, struct syntax_raw *raw, size_t *len)
{
	const char *p = c->in.p, *end = c->in.end, *from;
	enum cut r;

	c->n = 0;
	c->used = 0;
	raw->ascii = false;
	if (c->in.eof && end[-1] == '\x1a')
		end--;
	for (;; p++) {
		if (p < end && *p == '"') {
			if ((r = cut_quoted(c, raw, &p)) != CUT_ROW)
				return r;
		} else {
			for (from = p; p < end && *p != ',' && *p != '\n'; p++)
				if (*p == '"')
					return CUT_BAD;
			if (p == end || *p == '\n')
				p = before_cr(from, p);
			field(c, raw, from, p);
		}
		if (!c->in.eof && end - p < 2)
			return CUT_MORE;
		if (p == end || *p != ',')
			break;
	}
	if (!ends_row(c, p, end))
		return CUT_BAD;
	p = memchr(p, '\n', (size_t)(end - p));
	*len = (size_t)((p == NULL ? c->in.end : p + 1) - c->in.p);
	return CUT_ROW;
}

/* A row that cannot be cut: what it would have been, and why not. The next
 * line is taken for a new record. */
static enum record_result
uncut(struct csv *c, struct syntax_raw *raw)
{
	struct slice type = { c->in.p, 1 };
	const char *lf = memchr(c->in.p, '\n', (size_t)(c->in.end - c->in.p));

	if (*type.p == '"' && c->in.end - c->in.p > 1)
		type.p++;
	raw->format = syntax_kind(c->layout, type);
	if ((lf == NULL ? c->in.end : lf) - c->in.p > RECORD_BYTES_MAX)
		syntax_fault(raw, DIAG_RECORD_LENGTH, -1,
		    "longer than %d bytes", RECORD_BYTES_MAX);
	else
		syntax_fault(raw, DIAG_QUOTING, -1, "%s", "");
	c->line++;
	return input_skip_line(&c->in) == -1 ? RECORD_BROKEN : RECORD_REFUSED;
}

static int64_t
newlines(struct slice s)
{
	const char *p = s.p, *end = s.p + s.n;
	int64_t n = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n++;
		p++;
	}
	return n;
}

/* One row into raw, without a look at its meaning. */
static enum record_result
row(struct csv *c, struct syntax_raw *raw)
{
	size_t len = 0;
	bool quotes;
	enum cut cut;
	int r;

	if (c->in.p == c->in.end && (r = input_more(&c->in)) != 1)
		return r == 0 ? RECORD_END : RECORD_BROKEN;
	if (input_at_mark(&c->in)) {
		input_note_end(&c->in, c->line);
		return RECORD_END;
	}
	for (;;) {
		cut = cut_plain(c, raw, &len);
		quotes = cut == CUT_QUOTES;
		if (quotes)
			cut = cut_slow(c, raw, &len);
		if (cut != CUT_MORE ||
		    c->in.end - c->in.p > RECORD_BYTES_MAX + 2)
			break;
		if (input_more(&c->in) == -1)
			return RECORD_BROKEN;
	}
	raw->line = c->line;
	raw->offset = c->in.offset;
	if (cut != CUT_ROW || len > RECORD_BYTES_MAX + 2)
		return uncut(c, raw);
	if (c->in.p[len - 1] != '\n')
		input_note_end(&c->in, c->line);
	raw->lf =
	    c->in.p[len - 1] == '\n' && len > 1 && c->in.p[len - 2] != '\r';
	c->line += quotes ? newlines((struct slice) { c->in.p, len }) : 1;
	input_take(&c->in, len);
	return RECORD_OK;
}

/* The first row of a bare file: the names of the columns, in order. */
static enum record_result
names_row(struct csv *c, struct syntax_raw *raw)
{
	const struct format *f = c->layout->data;
	enum record_result r = row(c, raw);
	bool same = r == RECORD_OK && c->n == f->nfields;

	if (r == RECORD_BROKEN)
		return r;
	for (unsigned i = 0; same && i < f->nfields; i++)
		same = slice_is(raw->v[i], f->fields[i].name);
	if (same)
		return RECORD_OK;
	diag_file(c->in.sink, DIAG_HEADER, c->in.name,
	    "first row is not the names of the %u columns", f->nfields);
	return RECORD_BROKEN;
}

/* A header may leave out its last optional items (MunicipalityCode). */
static void
fill_header(struct csv *c, struct syntax_raw *raw)
{
	const struct format *f = raw->format;
	unsigned n = c->n;

	while (n < f->nfields && (f->fields[n].flags & FIELD_REQUIRED) == 0)
		n++;
	if (n != f->nfields)
		return;
	for (; c->n < n; c->n++)
		raw->v[c->n] = (struct slice) { NULL, 0 };
}

static enum record_result
csv_next(void *state, struct syntax_raw *raw)
{
	struct csv *c = state;
	enum record_result r;

	raw->nfaults = 0;
	if (c->layout->bare && !c->began) {
		c->began = true;
		if ((r = names_row(c, raw)) != RECORD_OK)
			return r;
	}
	if ((r = row(c, raw)) != RECORD_OK)
		return r;
	raw->format = syntax_kind(c->layout, raw->v[0]);
	if (raw->format == NULL)
		return RECORD_OK;
	if (raw->format == c->layout->header && c->n < raw->format->nfields)
		fill_header(c, raw);
	if (c->n == raw->format->nfields)
		return RECORD_OK;
	syntax_fault(raw, DIAG_FIELD_COUNT, -1, DETAIL_FIELDS,
	    raw->format->nfields, c->n);
	return RECORD_REFUSED;
}

static void *
csv_open(const struct record_source *src)
{
	struct csv *c = text_alloc(sizeof(*c));

	c->layout = src->layout;
	c->line = 1;
	c->look = csv_look_best();
	if (input_open(&c->in, src) == 0)
		return c;
	input_close(&c->in);
	free(c);
	return NULL;
}

static void
csv_close(void *state)
{
	struct csv *c = state;

	input_close(&c->in);
	free(c);
}

static bool
needs_quotes(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\n' ||
		    s.p[i] == '\r')
			return true;
	return s.n > 0 && (s.p[0] == ' ' || s.p[s.n - 1] == ' ');
}

static int
csv_begin(const struct layout *l, enum charset cs, struct buf *out)
{
	if (cs == CHARSET_UTF8_BOM)
		buf_puts(out, "\xef\xbb\xbf");
	if (!l->bare)
		return 0;
	for (unsigned i = 0; i < l->data->nfields; i++) {
		if (i > 0)
			buf_putc(out, ',');
		buf_puts(out, l->data->fields[i].name);
	}
	buf_puts(out, "\r\n");
	return 0;
}

/* In quotes, each quote doubled; UTF-8 and CP932 alike (see the top). */
static void
quote(struct buf *out, size_t from)
{
	char copy[RECORD_BYTES_MAX];
	size_t n = out->n - from;

	if (n > sizeof(copy)) {
		out->full = true;
		return;
	}
	memcpy(copy, out->p + from, n);
	out->n = from;
	buf_putc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (copy[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, copy[i]);
	}
	buf_putc(out, '"');
}

static int
csv_write(const struct layout *l, enum charset cs, const struct record *rec,
    struct buf *out, const struct diag *at, struct diag_sink *sink)
{
	const struct format *f = rec->format;

	(void)l;
	for (unsigned i = 0; i < f->nfields; i++) {
		struct slice s = rec->v[i].s;
		size_t from;

		if (i > 0)
			buf_putc(out, ',');
		from = out->n;
		if (s.n == 0)
			continue;
		if (syntax_put(out, &f->fields[i], s, cs, at, sink) == -1)
			return -1;
		if (needs_quotes(s))
			quote(out, from);
	}
	buf_puts(out, "\r\n");
	return 0;
}

static int
csv_end(const struct layout *l, enum charset cs, struct buf *out)
{
	(void)l;
	(void)cs;
	(void)out;
	return 0;
}

const struct syntax_ops csv_ops = {
	csv_open,
	csv_next,
	csv_close,
	csv_begin,
	csv_write,
	csv_end,
};
