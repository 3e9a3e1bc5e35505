/* Writing: by the same rows as reading. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/syntax.h"

#define BUFFER ((size_t)256 << 10)
#define ROOM ((size_t)64 << 10) /* a record in its most wordy syntax */
#define LAST ((size_t)2048)
#define TOTAL_MODULUS INT64_C(1000000000000000)

struct record_writer {
	const char *name;
	int fd;
	const struct layout *layout;
	const struct syntax_ops *ops;
	enum syntax syntax;
	enum charset charset;
	struct diag_sink *sink;
	struct buf out;
	int64_t number; /* data records written */
	int64_t count, total; /* of the block */
	char count_text[24], total_text[24];
	bool failed;
	char last[LAST]; /* CSV: the row written last; empty: not kept */
	size_t last_n;
	int cut; /* field that record_write_again() looked for; -1: none */
	size_t cut_from, cut_to; /* where it lies in last */
	char storage[BUFFER];
};

static int
flush(struct record_writer *w)
{
	const char *p = w->out.p, *end = p + w->out.n;

	while (p < end) {
		ssize_t n = write(w->fd, p, (size_t)(end - p));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			diag_file(w->sink, DIAG_IO, w->name, "write: errno %d",
			    errno);
			w->failed = true;
			return -1;
		}
		p += n;
	}
	buf_clear(&w->out);
	return 0;
}

struct record_writer *
record_create(const char *name, int fd, const struct layout *layout,
    enum syntax syntax, enum charset charset, struct diag_sink *sink)
{
	struct record_writer *w = text_alloc(sizeof(*w));

	w->name = name;
	w->fd = fd;
	w->layout = layout;
	w->ops = syntax == SYNTAX_CSV ? &csv_ops :
	    syntax == SYNTAX_FIXED    ? &fixed_ops :
					&xml_ops;
	w->syntax = syntax;
	w->charset = charset;
	w->sink = sink;
	buf_init(&w->out, w->storage, sizeof(w->storage));
	if (w->ops->begin(layout, charset, &w->out) == 0)
		return w;
	diag_file(sink, DIAG_ENCODING, name, "fixed length is CP932");
	free(w);
	return NULL;
}

/* Does the value fit its row? Widths are bytes of CP932 in every syntax. */
static enum diag_code
fits(const struct field *f, struct slice s)
{
	unsigned char high = 0;

	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return DIAG_CONTROL_CHARACTER;
		high |= (unsigned char)s.p[i];
	}
	if ((high < 0x80 ? s.n : text_cp932_len(s)) > f->width)
		return DIAG_TOO_LONG;
	return DIAG__MAX;
}

static int
put(struct record_writer *w, const struct record *rec, int64_t number)
{
	const struct format *f = rec->format;
	struct diag at = { .file = w->name, .record = number, .offset = -1 };
	size_t start = w->out.n;

	if (w->failed)
		return -1;
	for (unsigned i = 0; i < f->nfields; i++) {
		at.code = fits(&f->fields[i], rec->v[i].s);
		if (at.code == DIAG__MAX)
			continue;
		at.field = f->fields[i].name;
		at.item = f->fields[i].item;
		diag_raise(w->sink, &at);
		return -1;
	}
	if (w->ops->write(w->layout, w->charset, rec, &w->out, &at, w->sink) ==
	    -1) {
		w->out.n = start;
		return -1;
	}
	if (w->out.full) {
		at.code = DIAG_TOO_LONG;
		diag_raise(w->sink, &at);
		w->failed = true;
		return -1;
	}
	w->last_n = 0;
	w->cut = -1;
	if (w->syntax == SYNTAX_CSV && w->out.n - start <= LAST) {
		w->last_n = w->out.n - start;
		memcpy(w->last, w->out.p + start, w->last_n);
	}
	return w->out.n > BUFFER - ROOM ? flush(w) : 0;
}

int
record_write_header(struct record_writer *w, const struct record *rec)
{
	w->count = 0;
	w->total = 0;
	return put(w, rec, 0);
}

int
record_write(struct record_writer *w, const struct record *rec)
{
	int i = w->layout->total_field;
	int64_t n = i < 0 ? 0 : slice_number(rec->v[i].s);

	if (put(w, rec, w->number + 1) == -1)
		return -1;
	w->number++;
	w->count++;
	if (n > 0)
		w->total = (w->total + n % TOTAL_MODULUS) % TOTAL_MODULUS;
	return 0;
}

/* Where field i lies in the row written last; false: it is quoted. */
static bool
cut_last(struct record_writer *w, int field)
{
	bool quoted = false;
	size_t from = 0, i;
	int at = 0;

	for (i = 0; i < w->last_n; i++) {
		char c = w->last[i];
		quoted = c == '"' ? !quoted : quoted;
		if (quoted || (c != ',' && c != '\r'))
			continue;
		if (at++ == field)
			break;
		from = i + 1;
	}
	w->cut = field;
	w->cut_from = from;
	w->cut_to = i;
	return i < w->last_n && (i == from || w->last[from] != '"');
}

int
record_write_again(struct record_writer *w, const struct record *rec, int field)
{
	struct slice s = rec->v[field].s;

	if (w->failed)
		return -1;
	if (w->layout->total_field >= 0 || w->last_n == 0 ||
	    s.n > rec->format->fields[field].width ||
	    (w->cut != field && !cut_last(w, field))) {
		w->last_n = 0;
		return record_write(w, rec);
	}
	buf_put(&w->out, (struct slice) { w->last, w->cut_from });
	buf_put(&w->out, s);
	buf_put(&w->out,
	    (struct slice) { w->last + w->cut_to, w->last_n - w->cut_to });
	w->number++;
	w->count++;
	return w->out.n > BUFFER - ROOM ? flush(w) : 0;
}

int
record_write_trailer(struct record_writer *w, struct record *rec)
{
	const struct layout *l = w->layout;

	snprintf(
	    w->count_text, sizeof(w->count_text), "%lld", (long long)w->count);
	snprintf(
	    w->total_text, sizeof(w->total_text), "%lld", (long long)w->total);
	if (l->trailer_count >= 0)
		record_set(rec, l->trailer_count, slice_of(w->count_text));
	if (l->trailer_total >= 0)
		record_set(rec, l->trailer_total, slice_of(w->total_text));
	return put(w, rec, 0);
}

int
record_finish(struct record_writer *w)
{
	int r;

	if (w == NULL)
		return -1;
	r = w->failed ? -1 : w->ops->end(w->layout, w->charset, &w->out);
	if (r == 0)
		r = flush(w);
	free(w);
	return r;
}
