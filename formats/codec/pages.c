/*
 * A level of a tree has one page at hand. When a cell does not fit, the page
 * is full: the cell waits until the next one comes, then it goes up into the
 * level above as the divider between the full page and the next. At the end a
 * cell still waiting changes places with the last of the page, so that no
 * page is ever empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/pages.h"
#include "formats/codec/pages_read.h"

#define LEVELS 12 /* of at least 4 children each and 2^32 pages: enough */
#define OUT_BYTES ((size_t)1 << 20)
#define LOCK_BYTE 0x40000000 /* the page that holds it is never used */
#define LEAF 0x0a /* b-tree page flags: leaf, interior of an index */
#define INTERIOR 0x02

struct level {
	unsigned char *page;
	unsigned cells, top, last; /* number, lowest used byte, last's size */
	bool waiting;
	unsigned char *wait; /* a cell without its child number */
	size_t wait_n;
	uint32_t wait_left;
};

struct pages_table {
	struct pages *pages;
	struct pages_table *next;
	uint32_t root;
	unsigned levels;
	struct level level[LEVELS];
	unsigned char *cell;
};

struct pages {
	int fd;
	int error; /* errno of the first write that failed */
	size_t size; /* of a page */
	size_t local_max, local_min;
	uint32_t next; /* number of the next new page */
	uint32_t lock; /* number of the page never used */
	char *out; /* new pages not yet written */
	size_t n;
	int64_t at;
	struct pages_table *tables;
};

static void
put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static void
put32(unsigned char *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t
get32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static size_t
put_long(unsigned char *p, uint64_t v)
{
	unsigned char b[9];
	size_t n = 0;

	do
		b[n++] = (unsigned char)(v & 127);
	while ((v >>= 7) != 0); /* lengths and types: never above 2^56 */
	for (size_t i = 0; i < n; i++)
		p[i] = b[n - 1 - i] | (i + 1 < n ? 128 : 0);
	return n;
}

/* Nearly all are of one byte or two. */
static inline size_t
put_varint(unsigned char *p, uint64_t v)
{
	if (v < 128) {
		p[0] = (unsigned char)v;
		return 1;
	}
	if (v >= 128 * 128)
		return put_long(p, v);
	p[0] = (unsigned char)(v >> 7 | 128);
	p[1] = (unsigned char)(v & 127);
	return 2;
}

/* ---- a record ---- */

void
row_init(struct page_row *r)
{
	r->max = 4096;
	r->body = text_alloc(r->max);
	row_begin(r);
}

void
row_free(struct page_row *r)
{
	free(r->body);
	r->body = NULL;
}

void
row_begin(struct page_row *r)
{
	r->ntypes = 0;
	r->n = 0;
}

static unsigned char *
types_of(struct page_row *r)
{
	return r->front + PAGE_ROW_FRONT;
}

/* The header's size counts itself. */
struct slice
row_header(struct page_row *r)
{
	size_t n = r->ntypes + 1 < 128 ? 1 : 2;

	put_varint(types_of(r) - n, r->ntypes + n);
	return (struct slice) { (char *)types_of(r) - n, r->ntypes + n };
}

static inline void
row_put(struct page_row *r, uint64_t type, const void *p, size_t n)
{
	if (r->ntypes + 9 > sizeof(r->front) - PAGE_ROW_FRONT)
		abort(); /* more columns than any table of ours */
	r->ntypes += put_varint(types_of(r) + r->ntypes, type);
	if (r->n + n > r->max) {
		r->max = 2 * (r->n + n);
		r->body = text_realloc(r->body, r->max);
	}
	text_copy(r->body + r->n, p, n);
	r->n += n;
}

void
row_null(struct page_row *r)
{
	row_put(r, 0, NULL, 0);
}

void
row_text(struct page_row *r, struct slice s)
{
	row_put(r, s.n == 0 ? 0 : 13 + 2 * (uint64_t)s.n, s.p, s.n);
}

/* Columns of a record at once, of less than 2^20 bytes each: the hot loop of
 * every snapshot. */
void
row_values(struct page_row *r, const struct value *v,
    const unsigned char *columns, unsigned n)
{
	size_t total = 0;

	for (unsigned i = 0; i < n; i++)
		total += v[columns[i]].s.n;
	if (r->n + total > r->max) {
		r->max = 2 * (r->n + total);
		r->body = text_realloc(r->body, r->max);
	}
	if (r->ntypes + 9 * (size_t)n > sizeof(r->front) - PAGE_ROW_FRONT)
		abort();
	unsigned char *types = types_of(r) + r->ntypes;
	char *body = r->body + r->n;
	for (unsigned i = 0; i < n; i++) {
		struct slice s = v[columns[i]].s;
		size_t len = s.n;
		if (len == 0) {
			*types++ = 0;
			continue;
		}
		size_t type = 13 + 2 * len;
		if (type < 128)
			*types++ = (unsigned char)type;
		else
			types += put_varint(types, type);
		text_copy(body, s.p, len);
		body += len;
	}
	r->ntypes = (size_t)(types - types_of(r));
	r->n = (size_t)(body - r->body);
}

void
row_blob(struct page_row *r, const void *p, size_t n)
{
	row_put(r, 12 + 2 * (uint64_t)n, p, n);
}

/* The shortest of the six widths; 0 and 1 have types of their own. */
void
row_int(struct page_row *r, int64_t v)
{
	static const unsigned char widths[] = { 1, 2, 3, 4, 6, 8 };
	unsigned char b[8];

	if (v == 0 || v == 1) {
		row_put(r, 8 + (uint64_t)v, NULL, 0);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		b[i] = (unsigned char)((uint64_t)v >> (56 - 8 * i));
	for (unsigned t = 0; t < 6; t++) {
		unsigned bits = 8 * widths[t] - 1;
		if (t == 5 ||
		    (v >= -(INT64_C(1) << bits) && v < INT64_C(1) << bits)) {
			row_put(r, t + 1, b + 8 - widths[t], widths[t]);
			return;
		}
	}
}

/* ---- new pages: one stream ---- */

static void
write_all(struct pages *p, const void *data, size_t n, int64_t at)
{
	const char *b = data;

	while (n > 0 && p->error == 0) {
		ssize_t k = pwrite(p->fd, b, n, at);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0) {
			p->error = k == 0 ? EIO : errno;
			return;
		}
		b += k;
		n -= (size_t)k;
		at += k;
	}
}

static void
flush(struct pages *p)
{
	write_all(p, p->out, p->n, p->at);
	p->at += (int64_t)p->n;
	p->n = 0;
}

/* The next new page; its number. */
static uint32_t
emit(struct pages *p, const unsigned char *page)
{
	for (;;) {
		if (p->n + p->size > OUT_BYTES)
			flush(p);
		char *to = p->out + p->n;
		p->n += p->size;
		if (p->next++ == p->lock) {
			memset(to, 0, p->size);
			continue;
		}
		memcpy(to, page, p->size);
		return p->next - 1;
	}
}

/* The number emit() will give to the page after n more. */
static uint32_t
number_after(const struct pages *p, uint32_t n)
{
	uint32_t first = p->next == p->lock ? p->next + 1 : p->next;

	return first < p->lock && first + n >= p->lock ? first + n + 1 :
							 first + n;
}

/* ---- a tree ---- */

static void
level_reset(const struct pages *p, struct level *l, bool leaf)
{
	if (l->page == NULL) {
		l->page = text_alloc(p->size);
		l->wait = text_alloc(p->local_max + 16);
	}
	memset(l->page, 0, p->size);
	l->page[0] = leaf ? LEAF : INTERIOR;
	l->cells = 0;
	l->top = (unsigned)p->size;
	l->waiting = false;
}

/* n bytes of cell, after the child's number on interior pages. */
static bool
level_put(struct level *l, bool leaf, uint32_t left, const unsigned char *cell,
    size_t n)
{
	unsigned head = leaf ? 8 : 12, size = (unsigned)n + (leaf ? 0 : 4);

	if (size < 4)
		size = 4;
	if (l->top < head + 2 * (l->cells + 1) + size)
		return false;
	l->top -= size;
	l->last = size;
	unsigned char *to = l->page + l->top;
	if (!leaf) {
		put32(to, left);
		to += 4;
	}
	memcpy(to, cell, n);
	put16(l->page + head + 2 * l->cells, l->top);
	l->cells++;
	return true;
}

static void
level_seal(const struct pages *p, struct level *l, bool leaf, uint32_t right)
{
	put16(l->page + 3, l->cells);
	/* 65536 is written as 0: an empty page of that size */
	put16(l->page + 5, l->top == 65536 ? 0 : l->top);
	if (!leaf)
		put32(l->page + 8, right);
	(void)p;
}

static void
tree_put(struct pages_table *t, unsigned lv, uint32_t left,
    const unsigned char *cell, size_t n)
{
	struct pages *p = t->pages;
	struct level *l = &t->level[lv];

	if (lv >= LEVELS)
		abort();
	if (lv == t->levels) {
		level_reset(p, l, lv == 0);
		t->levels++;
	}
	if (l->waiting) {
		level_seal(p, l, lv == 0, l->wait_left);
		tree_put(t, lv + 1, emit(p, l->page), l->wait, l->wait_n);
		level_reset(p, l, lv == 0);
	}
	if (!level_put(l, lv == 0, left, cell, n)) {
		memcpy(l->wait, cell, n);
		l->wait_n = n;
		l->wait_left = left;
		l->waiting = true;
	}
}

static void
tree_end(struct pages_table *t)
{
	struct pages *p = t->pages;
	uint32_t right = 0;

	if (t->levels == 0)
		return; /* no rows: the root is as the library left it */
	for (unsigned lv = 0;; lv++) {
		struct level *l = &t->level[lv];
		bool leaf = lv == 0;
		if (l->waiting) { /* the last of the page goes up instead */
			unsigned char *cell = l->page + l->top;
			size_t n = l->last - (leaf ? 0 : 4);
			uint32_t middle = leaf ? 0 : get32(cell);
			unsigned char *up = text_alloc(n);
			memcpy(up, cell + (leaf ? 0 : 4), n);
			memset(cell, 0, l->last);
			l->top += l->last;
			l->cells--;
			memset(l->page + (leaf ? 8 : 12) + 2 * l->cells, 0, 2);
			level_seal(p, l, leaf, middle);
			tree_put(t, lv + 1, emit(p, l->page), up, n);
			free(up);
			level_reset(p, l, leaf);
			level_put(l, leaf, l->wait_left, l->wait, l->wait_n);
		}
		level_seal(p, l, leaf, right);
		if (lv + 1 == t->levels) {
			write_all(p, l->page, p->size,
			    ((int64_t)t->root - 1) * (int64_t)p->size);
			return;
		}
		right = emit(p, l->page);
	}
}

/* What does not fit into a page goes to a chain of overflow pages. */
static size_t
overflow(
    struct pages *p, unsigned char *cell, size_t at, const char *rest, size_t n)
{
	unsigned char *page = text_alloc(p->size);
	size_t room = p->size - 4;

	put32(cell + at, number_after(p, 0));
	while (n > 0) {
		size_t k = n < room ? n : room;
		memset(page, 0, p->size);
		put32(page, n > k ? number_after(p, 1) : 0);
		memcpy(page + 4, rest, k);
		emit(p, page);
		rest += k;
		n -= k;
	}
	free(page);
	return at + 4;
}

/* A record in two pieces that fits a page is put together where it lies in
 * the page at hand; false: there is no room, or no page. */
static bool
put_in_place(struct pages_table *t, struct slice head, struct slice body)
{
	struct level *l = &t->level[0];
	size_t total = head.n + body.n;
	unsigned size = (unsigned)(total + (total < 128 ? 1 : 2));

	if (t->levels == 0 || l->waiting || size < 4 ||
	    total > t->pages->local_max ||
	    l->top < 8 + 2 * (l->cells + 1) + size)
		return false;
	l->top -= size;
	l->last = size;
	unsigned char *to = l->page + l->top;
	to += put_varint(to, total);
	memcpy(to, head.p, head.n);
	if (body.n > 0)
		memcpy(to + head.n, body.p, body.n);
	put16(l->page + 8 + 2 * l->cells, l->top);
	l->cells++;
	return true;
}

static int
put_record(struct pages_table *t, struct slice head, struct slice body)
{
	struct pages *p = t->pages;
	size_t total = head.n + body.n, local = total, n;

	if (put_in_place(t, head, body))
		goto out;
	if (total > p->local_max) {
		local = p->local_min + (total - p->local_min) % (p->size - 4);
		if (local > p->local_max)
			local = p->local_min;
	}
	n = put_varint(t->cell, total);
	if (head.n > local) { /* the smallest pages hold at least a header */
		p->error = p->error ? p->error : EMSGSIZE;
		goto out;
	}
	memcpy(t->cell + n, head.p, head.n);
	n += head.n;
	if (local > head.n)
		memcpy(t->cell + n, body.p, local - head.n);
	n += local - head.n;
	if (local < total)
		n = overflow(
		    p, t->cell, n, body.p + local - head.n, total - local);
	tree_put(t, 0, 0, t->cell, n);
out:
	errno = p->error;
	return p->error == 0 ? 0 : -1;
}

int
pages_add(struct pages_table *t, struct page_row *r)
{
	return put_record(t, row_header(r), (struct slice) { r->body, r->n });
}

/* The first byte or two say how long the header is. */
int
pages_add_record(struct pages_table *t, struct slice record)
{
	const unsigned char *p = (const unsigned char *)record.p;
	size_t n = 0;

	if (record.n > 0)
		n = p[0] < 128 || record.n < 2 ?
		    p[0] :
		    (size_t)(p[0] & 127) << 7 | p[1];
	if (n == 0 || n > record.n) {
		errno = EINVAL;
		return -1;
	}
	return put_record(t, (struct slice) { record.p, n },
	    (struct slice) { record.p + n, record.n - n });
}

/* A cell that has overflow pages names them: it is longer than local_min, and
 * left alone. */
unsigned
pages_add_cells(struct pages_table *t, const struct cursor_cells *cells)
{
	struct level *l = &t->level[0];
	unsigned n = 0, lowest = (unsigned)cells->end, top = l->top;

	if (t->levels == 0 || l->waiting || cells->end > t->pages->size)
		return 0;
	for (; n < cells->n; n++) {
		const unsigned char *at = cells->pointers + 2 * (size_t)n;
		unsigned from = (unsigned)at[0] << 8 | at[1];
		if (from < 8 || from >= lowest ||
		    lowest - from > t->pages->local_min ||
		    top < 8 + 2 * (l->cells + 1) + (lowest - from))
			break;
		top -= lowest - from;
		l->last = lowest - from;
		put16(l->page + 8 + 2 * l->cells, top);
		l->cells++;
		lowest = from;
	}
	memcpy(l->page + top, cells->page + lowest, l->top - top);
	l->top = top;
	return n;
}

struct pages *
pages_open(const char *path)
{
	struct pages *p = text_alloc(sizeof(*p));
	unsigned char head[100];

	p->fd = open(path, O_RDWR | O_CLOEXEC);
	if (p->fd == -1)
		goto bad;
	errno = EINVAL;
	if (pread(p->fd, head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head, "SQLite format 3", 16) != 0 || head[20] != 0)
		goto bad;
	p->size = (size_t)head[16] << 8 | head[17];
	p->size = p->size == 1 ? 65536 : p->size;
	if (p->size < 512)
		goto bad;
	p->local_max = (p->size - 12) * 64 / 255 - 23;
	p->local_min = (p->size - 12) * 32 / 255 - 23;
	p->next = get32(head + 28) + 1;
	p->lock = (uint32_t)(LOCK_BYTE / p->size) + 1;
	p->at = (int64_t)(p->next - 1) * (int64_t)p->size;
	p->out = text_alloc(OUT_BYTES);
	return p;
bad:
	if (p->fd != -1)
		close(p->fd);
	free(p);
	return NULL;
}

struct pages_table *
pages_table(struct pages *p, uint32_t root)
{
	struct pages_table *t = text_alloc(sizeof(*t));

	t->pages = p;
	t->root = root;
	t->cell = text_alloc(p->local_max + 32);
	t->next = p->tables;
	p->tables = t;
	return t;
}

static void
table_free(struct pages_table *t)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		free(t->level[i].page);
		free(t->level[i].wait);
	}
	free(t->cell);
	free(t);
}

int
pages_close(struct pages *p)
{
	unsigned char count[4];

	for (struct pages_table *t = p->tables, *next; t != NULL; t = next) {
		next = t->next;
		tree_end(t);
		table_free(t);
	}
	flush(p);
	put32(count, p->next - 1);
	write_all(p, count, sizeof(count), 28);
	if (close(p->fd) == -1 && p->error == 0)
		p->error = errno;
	int error = p->error;
	free(p->out);
	free(p);
	errno = error;
	return error == 0 ? 0 : -1;
}
