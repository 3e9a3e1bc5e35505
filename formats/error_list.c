/* The error list while it is collected: rows packed into an external sort. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/sort.h"
#include "formats/error_row.h"

#define MEMORY (INT64_C(8) << 20)
#define ROW_MAX (4 * ERROR_TEXT_MAX + 64)

/* What stands before the texts; only this program reads it again. */
struct head {
	int32_t code, item;
	int64_t line, offset;
	uint16_t file, field, detail, key; /* bytes */
};

static uint16_t
length(struct slice s)
{
	size_t n = s.n;

	if (n > ERROR_TEXT_MAX) /* not within a character */
		for (n = ERROR_TEXT_MAX; (s.p[n] & 0xc0) == 0x80; n--)
			;
	return (uint16_t)n;
}

void
error_row_pack(const struct error_row *r, struct buf *out)
{
	struct head h = { .code = (int32_t)r->code,
		.item = r->item,
		.line = r->line,
		.offset = r->offset,
		.file = length(r->file),
		.field = length(r->field),
		.detail = length(r->detail),
		.key = length(r->key) };

	buf_put(out, (struct slice) { (const char *)&h, sizeof(h) });
	buf_put(out, (struct slice) { r->file.p, h.file });
	buf_put(out, (struct slice) { r->field.p, h.field });
	buf_put(out, (struct slice) { r->detail.p, h.detail });
	buf_put(out, (struct slice) { r->key.p, h.key });
}

static struct slice
take(const char **p, uint16_t n)
{
	struct slice s = { *p, n };

	*p += n;
	return s;
}

void
error_row_unpack(struct slice in, struct error_row *r)
{
	const char *p = in.p + sizeof(struct head);
	struct head h;

	memcpy(&h, in.p, sizeof(h));
	r->code = (enum diag_code)h.code;
	r->item = h.item;
	r->line = h.line;
	r->offset = h.offset;
	r->file = take(&p, h.file);
	r->field = take(&p, h.field);
	r->detail = take(&p, h.detail);
	r->key = take(&p, h.key);
}

void
error_row_key(const struct record *rec, bool whole, struct buf *out)
{
	const char *between = "";
	bool there = false;

	for (unsigned i = 0; rec->format != NULL && i < rec->format->nfields;
	     i++)
		there = there || rec->v[i].s.n > 0;
	if (!there) /* it could not even be cut */
		return;
	for (unsigned i = 0; i < rec->format->nfields; i++) {
		const struct field *f = &rec->format->fields[i];

		if ((f->flags & FIELD_KEY) == 0)
			continue;
		buf_printf(out, "%s%s=", between, f->ja);
		if (rec->v[i].s.n == 0) /* refused: its own row says why */
			buf_puts(out, "?");
		else if (whole || (f->flags & FIELD_PRIVATE) == 0)
			buf_put(out, rec->v[i].s);
		else
			buf_puts(out, "***");
		between = " / ";
	}
}

static void
add(struct error_list *l, int64_t record, struct slice packed)
{
	unsigned char key[ERROR_KEY_SIZE];

	for (int i = 0; i < ERROR_KEY_SIZE; i++)
		key[i] = (unsigned char)((uint64_t)record >> (56 - 8 * i));
	if (l->sort == NULL)
		l->sort = sort_new(ERROR_KEY_SIZE, MEMORY, l->work_dir);
	if (l->failed == 0 && sort_add(l->sort, key, packed) == -1)
		l->failed = errno;
}

/* The rows that wait, with this key. */
static void
settle(struct error_list *l, struct slice key)
{
	char row[ROW_MAX];

	for (size_t at = 0; at < l->pending.n;) {
		uint32_t n;
		struct head h;
		struct buf b;

		memcpy(&n, l->pending.p + at, sizeof(n));
		at += sizeof(n);
		memcpy(&h, l->pending.p + at, sizeof(h));
		h.key = length(key);
		buf_init(&b, row, sizeof(row));
		buf_put(&b, (struct slice) { (const char *)&h, sizeof(h) });
		buf_put(&b,
		    (struct slice) {
			l->pending.p + at + sizeof(h), n - sizeof(h) });
		buf_put(&b, (struct slice) { key.p, h.key });
		add(l, l->pending.record, buf_slice(&b));
		at += n;
	}
	l->pending.n = 0;
}

static void
hold(struct error_list *l, int64_t record, struct slice packed)
{
	uint32_t n = (uint32_t)packed.n;
	size_t need = l->pending.n + sizeof(n) + packed.n;

	if (need > l->pending.max) {
		l->pending.max = 2 * need;
		l->pending.p = text_realloc(l->pending.p, l->pending.max);
	}
	memcpy(l->pending.p + l->pending.n, &n, sizeof(n));
	memcpy(l->pending.p + l->pending.n + sizeof(n), packed.p, packed.n);
	l->pending.n = need;
	l->pending.record = record;
}

static struct slice
text(const char *s)
{
	return s == NULL ? (struct slice) { "", 0 } : slice_of(s);
}

static void
put(struct diag_sink *sink, const struct diag *d)
{
	struct error_list *l = (struct error_list *)sink;
	struct error_row r = { .code = d->code,
		.item = d->item,
		.line = d->line,
		.offset = d->record > 0 || d->line > 0 ? d->offset : -1,
		.file = text(d->file),
		.field = text(d->field),
		.detail = text(d->detail),
		.key = { "", 0 } };
	char row[ROW_MAX];
	struct buf b;

	if (l->next != NULL && diag_table[d->code].level >= l->pass)
		diag_raise(l->next, d);
	if (l->pending.n > 0 && d->record != l->pending.record)
		settle(l, (struct slice) { "", 0 });
	if (l->rows == l->max) {
		l->dropped++;
		return;
	}
	l->rows++;
	buf_init(&b, row, sizeof(row));
	error_row_pack(&r, &b);
	if (d->record > 0 && d->line > 0)
		hold(l, d->record, buf_slice(&b));
	else
		add(l, d->record, buf_slice(&b));
}

static void
settle_record(struct error_list *l, const struct record *rec)
{
	char key[ERROR_TEXT_MAX];
	struct buf b;

	buf_init(&b, key, sizeof(key));
	error_row_key(rec, l->whole_keys, &b);
	settle(l, buf_slice(&b));
}

void
error_list_record(struct error_list *l, const struct record *rec)
{
	if (l->pending.n > 0 && l->pending.record == rec->number)
		settle_record(l, rec);
}

int
error_rows_begin(struct error_list *l)
{
	settle(l, (struct slice) { "", 0 });
	if (l->failed == 0 && l->sort != NULL && sort_finish(l->sort) == -1)
		l->failed = errno;
	if (l->failed != 0) {
		errno = l->failed;
		return -1;
	}
	return l->sort != NULL;
}

void
error_list_init(struct error_list *l, const char *work_dir, int64_t max,
    struct diag_sink *next, enum diag_level pass)
{
	memset(l, 0, sizeof(*l));
	l->sink.put = put;
	l->work_dir = text_dup(slice_of(work_dir));
	l->max = max;
	l->next = next;
	l->pass = pass;
}

void
error_list_free(struct error_list *l)
{
	if (l->sort != NULL)
		sort_free(l->sort);
	free(l->work_dir);
	free(l->pending.p);
	l->sort = NULL;
	l->work_dir = l->pending.p = NULL;
	l->pending.n = l->pending.max = 0;
}
