/* A member looked at again: where a record stands, and how it was sent. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/error_row.h"

#define WINDOW ((size_t)64 << 10)

struct error_source {
	struct record_source src;
	bool there;
	/* the second reading */
	struct record_reader *reader;
	struct record rec;
	struct diag_sink quiet;
	bool over;
	char key[ERROR_TEXT_MAX];
	/* the search for XML elements: how many were passed, up to where */
	int64_t elements, at;
	char window[WINDOW];
	char raw[RECORD_BYTES_MAX];
};

struct error_source *
error_source_open(const struct record_source *src)
{
	struct error_source *e = text_alloc(sizeof(*e));

	if (src == NULL)
		return e;
	e->src = *src;
	e->src.sink = &e->quiet;
	e->there = src->layout != NULL && (src->fd != -1 || src->bytes.n > 0);
	return e;
}

void
error_source_close(struct error_source *e)
{
	record_close(e->reader);
	free(e);
}

/* ---- place ---- */

static bool
read_up_to(struct error_source *e, int64_t record)
{
	enum record_result r;

	if (e->reader == NULL && !e->over) {
		if (e->src.fd != -1 && lseek(e->src.fd, 0, SEEK_SET) == -1)
			return false;
		e->reader = record_open(&e->src);
	}
	while (!e->over && e->rec.number < record) {
		r = record_next(e->reader, &e->rec);
		e->over = r == RECORD_END || r == RECORD_BROKEN;
	}
	return !e->over && e->rec.number == record;
}

void
error_source_place(struct error_source *e, struct error_row *r, bool whole_key)
{
	struct buf b;

	if (!e->there || r->record == 0 || r->line > 0 ||
	    !read_up_to(e, r->record))
		return;
	r->line = e->rec.line;
	r->offset = e->rec.offset;
	buf_init(&b, e->key, sizeof(e->key));
	error_row_key(&e->rec, whole_key, &b);
	r->key = buf_slice(&b);
}

/* ---- row ---- */

static size_t
look(struct error_source *e, int64_t at, char *out, size_t max)
{
	ssize_t n;

	if (e->src.fd != -1) {
		n = pread(e->src.fd, out, max, at);
		return n > 0 ? (size_t)n : 0;
	}
	if (at < 0 || (size_t)at >= e->src.bytes.n)
		return 0;
	if (max > e->src.bytes.n - (size_t)at)
		max = e->src.bytes.n - (size_t)at;
	memcpy(out, e->src.bytes.p + at, max);
	return max;
}

/* Bytes of the row at p, its line end left out; a line end within quotes of
 * CSV is no end. */
static size_t
row_length(const struct error_source *e, const char *p, size_t n)
{
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		if (e->src.syntax == SYNTAX_CSV && p[i] == '"')
			quoted = !quoted;
		if (!quoted && (p[i] == '\n' || p[i] == '\r'))
			return i;
	}
	return n;
}

/* Where "<NAME" of data record n begins; -1. Goes forward only. */
static int64_t
find_element(struct error_source *e, int64_t record)
{
	const char *name = e->src.layout->data->name;
	size_t n = strlen(name), have;

	while ((have = look(e, e->at, e->window, WINDOW)) > n + 1) {
		const char *p = e->window, *end = e->window + have - n - 1;

		while (p < end &&
		    (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
			if (memcmp(p + 1, name, n) == 0 &&
			    strchr(" \t\r\n>/", p[n + 1]) != NULL &&
			    p[n + 1] != '\0' && ++e->elements == record) {
				e->at += p - e->window + 1;
				return e->at - 1;
			}
			p++;
		}
		e->at += (int64_t)(have - n - 1);
	}
	return -1;
}

static size_t
element_length(const struct error_source *e, const char *p, size_t n)
{
	char end[72];
	int m = snprintf(end, sizeof(end), "</%s>", e->src.layout->data->name);
	const char *found = memmem(p, n, end, (size_t)m);

	return found == NULL ? n : (size_t)(found - p) + (size_t)m;
}

/* One character of CP932, or U+FFFD: how many bytes it took. */
static size_t
put_cp932(const char *p, size_t n, struct buf *out)
{
	char text[16];
	struct buf b;

	for (size_t k = 1; k <= 2 && k <= n; k++) {
		buf_init(&b, text, sizeof(text));
		if (text_from_cp932((struct slice) { p, k }, &b) == 0) {
			buf_put(out, buf_slice(&b));
			return k;
		}
	}
	text_put(out, 0xfffd);
	return 1;
}

static void
put_text(const struct error_source *e, struct slice s, struct buf *out)
{
	const char *p = s.p, *end = s.p + s.n;
	/* XML says its charset itself, perhaps Shift_JIS */
	bool cp932 = e->src.syntax == SYNTAX_XML ?
	    !text_utf8_ok(s) :
	    e->src.charset == CHARSET_CP932;

	while (p < end) {
		uint32_t u;

		if (cp932) {
			p += put_cp932(p, (size_t)(end - p), out);
			continue;
		}
		u = text_next(&p, end);
		text_put(out, u == TEXT_BAD ? 0xfffd : u);
	}
}

void
error_source_row(
    struct error_source *e, const struct error_row *r, struct buf *out)
{
	int64_t at = r->offset;
	bool xml = e->src.syntax == SYNTAX_XML;
	size_t n;

	if (!e->there || (r->record == 0 && (r->line == 0 || xml)))
		return;
	if (xml && at < 0) {
		if (e->elements < r->record)
			at = find_element(e, r->record);
		else if (e->elements == r->record)
			at = e->at - 1; /* of the same record as before */
	}
	if (at < 0)
		return;
	n = look(e, at, e->raw, sizeof(e->raw));
	n = xml ? element_length(e, e->raw, n) : row_length(e, e->raw, n);
	put_text(e, (struct slice) { e->raw, n }, out);
}
