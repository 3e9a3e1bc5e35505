#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/pages_read.h"

#define LEAF 0x0a
#define INTERIOR 0x02
#define RECORD_MAX ((uint64_t)1 << 24)

static unsigned
be16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Bytes of the varint; 0: it does not end before `end`. */
static inline size_t
varint(const unsigned char *p, const unsigned char *end, uint64_t *out)
{
	uint64_t v = 0;

	if (p < end && p[0] < 128) {
		*out = p[0];
		return 1;
	}
	for (size_t i = 0; i < 8; i++) {
		if (p + i >= end)
			return 0;
		v = v << 7 | (p[i] & 127);
		if (p[i] < 128) {
			*out = v;
			return i + 1;
		}
	}
	if (p + 8 >= end)
		return 0;
	*out = v << 8 | p[8];
	return 9;
}

int
pages_view_init(struct pages_view *v, const unsigned char *map, int fd,
    const unsigned char head[100], uint64_t size)
{
	uint32_t page = be16(head + 16);

	page = page == 1 ? 65536 : page;
	if (memcmp(head, "SQLite format 3", 16) != 0 || page < 512 ||
	    (page & (page - 1)) != 0 || head[18] != 1 || head[19] != 1 ||
	    head[20] != 0 || size % page != 0 || size / page != be32(head + 28))
		return -1;
	v->map = map;
	v->fd = fd;
	v->page_size = page;
	v->pages = be32(head + 28);
	return 0;
}

/* A page, mapped or read into store. NULL: there is none of this number. */
static const unsigned char *
page_at(const struct pages_view *v, uint32_t number, unsigned char **store)
{
	uint64_t at = (uint64_t)(number - 1) * v->page_size;

	if (number < 2 || number > v->pages)
		return NULL;
	if (v->map != NULL)
		return v->map + at;
	if (*store == NULL)
		*store = text_alloc(v->page_size);
	for (size_t done = 0; done < v->page_size;) {
		ssize_t k = pread(v->fd, *store + done, v->page_size - done,
		    (off_t)(at + done));
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return NULL;
		done += (size_t)k;
	}
	return *store;
}

void
cursor_init(struct cursor *c, const struct pages_view *view, uint32_t root)
{
	memset(c, 0, sizeof(*c));
	c->view = view;
	c->root = root;
}

void
cursor_free(struct cursor *c)
{
	for (int i = 0; i < CURSOR_LEVELS; i++)
		free(c->level[i].store);
	free(c->scratch);
	memset(c, 0, sizeof(*c));
}

/* One level down to this page. */
static int
down(struct cursor *c, uint32_t number)
{
	if (c->depth == CURSOR_LEVELS || c->visited++ > c->view->pages)
		return -1;
	struct cursor_level *l = &c->level[c->depth];
	/* a page of before is only good where it is mapped */
	l->page = page_at(c->view, number, &l->store);
	if (l->page == NULL || (l->page[0] != LEAF && l->page[0] != INTERIOR))
		return -1;
	l->number = number;
	l->leaf = l->page[0] == LEAF;
	l->cells = be16(l->page + 3);
	l->at = 0;
	if ((l->leaf ? 8 : 12) + 2 * (uint64_t)l->cells > c->view->page_size)
		return -1;
	c->depth++;
	return 0;
}

static const unsigned char *
cell(const struct cursor *c, const struct cursor_level *l, unsigned i)
{
	unsigned at = be16(l->page + (l->leaf ? 8 : 12) + 2 * i);

	return at + 4 > c->view->page_size ? NULL : l->page + at;
}

/* The child left of cell i; i == cells: the rightmost. 0: damaged. */
static uint32_t
child(const struct cursor *c, const struct cursor_level *l, unsigned i)
{
	if (i == l->cells)
		return be32(l->page + 8);
	const unsigned char *p = cell(c, l, i);
	return p == NULL ? 0 : be32(p);
}

/* The rest of a record from its chain of overflow pages. */
static int
gather(struct cursor *c, const unsigned char *local, size_t n, size_t total,
    uint32_t next)
{
	unsigned char *store = NULL;
	size_t have = n, each = c->view->page_size - 4;
	int r = -1;

	if (total > c->room) {
		c->room = total;
		c->scratch = text_realloc(c->scratch, c->room);
	}
	memcpy(c->scratch, local, n);
	while (have < total) {
		const unsigned char *p = page_at(c->view, next, &store);
		size_t k = total - have < each ? total - have : each;
		if (p == NULL)
			goto out;
		memcpy(c->scratch + have, p + 4, k);
		have += k;
		next = be32(p);
	}
	c->record = (struct slice) { c->scratch, total };
	r = 0;
out:
	free(store);
	return r;
}

static int
record_at(struct cursor *c, const struct cursor_level *l, unsigned i)
{
	const unsigned char *end = l->page + c->view->page_size;
	const unsigned char *p = cell(c, l, i);
	uint64_t total;

	if (p == NULL)
		return -1;
	if (!l->leaf)
		p += 4;
	size_t n = varint(p, end, &total);
	if (n == 0 || total > RECORD_MAX)
		return -1;
	p += n;
	size_t most = (c->view->page_size - 12) * 64 / 255 - 23;
	if (total <= most) {
		if ((size_t)(end - p) < total)
			return -1;
		c->record = (struct slice) { (const char *)p, (size_t)total };
		return 0;
	}
	size_t least = (c->view->page_size - 12) * 32 / 255 - 23;
	size_t local =
	    least + (size_t)((total - least) % (c->view->page_size - 4));
	if (local > most)
		local = least;
	if ((size_t)(end - p) < local + 4)
		return -1;
	return gather(c, p, local, (size_t)total, be32(p + local));
}

static inline size_t
width_of(uint64_t type)
{
	static const unsigned char widths[] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0 };

	return type < 10 ? widths[type] :
	    type < 12	 ? 0 :
			   (size_t)(type - 12) / 2;
}

static inline void
column_of(uint64_t type, const unsigned char *p, size_t n, struct column *out)
{
	if (type >= 12) {
		out->type = type & 1 ? COLUMN_TEXT : COLUMN_BLOB;
		out->s = (struct slice) { (const char *)p, n };
		out->n = 0;
		return;
	}
	out->s = (struct slice) { NULL, 0 };
	out->type = type == 0 ? COLUMN_NULL : COLUMN_INTEGER;
	out->n = type == 9;
	if (n > 0) {
		uint64_t v = p[0] & 128 ? UINT64_MAX : 0;
		for (size_t i = 0; i < n; i++)
			v = v << 8 | p[i];
		out->n = (int64_t)v;
	}
}

int
cursor_columns(const struct cursor *c, struct column *out, unsigned max)
{
	const unsigned char *p = (const unsigned char *)c->record.p;
	const unsigned char *end = p + c->record.n;
	uint64_t header, type;
	unsigned n = 0;
	size_t k = varint(p, end, &header);

	if (k == 0 || header < k || header > c->record.n)
		return -1;
	const unsigned char *types = p + k, *body = p + header;
	const unsigned char *types_end = body;
	while (types < types_end && n < max) {
		if ((k = varint(types, types_end, &type)) == 0)
			return -1;
		types += k;
		size_t width = width_of(type);
		if (type == 7 || type == 10 || type == 11 ||
		    (size_t)(end - body) < width)
			return -1;
		column_of(type, body, width, &out[n++]);
		body += width;
	}
	return (int)n;
}

static int
column_cmp(const struct column *a, const struct column *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if (a->type == COLUMN_INTEGER)
		return a->n < b->n ? -1 : a->n > b->n;
	return slice_cmp(a->s, b->s);
}

int
cursor_cmp(
    const struct cursor *c, const struct column *key, unsigned n, int *order)
{
	struct column have[4];

	if (n > 4 || cursor_columns(c, have, n) != (int)n)
		return -1;
	*order = 0;
	for (unsigned i = 0; i < n && *order == 0; i++)
		*order = column_cmp(&have[i], &key[i]);
	return 0;
}

/* In the page at hand, to the first cell not below key. */
static int
search(struct cursor *c, struct cursor_level *l, const struct column *key,
    unsigned n)
{
	unsigned low = 0, high = l->cells;
	int order;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		if (record_at(c, l, middle) == -1 ||
		    cursor_cmp(c, key, n, &order) == -1)
			return -1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	l->at = low;
	return 0;
}

/* The row at hand is that of the lowest level with one left. */
static int
settle(struct cursor *c)
{
	while (c->depth > 0) {
		struct cursor_level *l = &c->level[c->depth - 1];
		if (l->at < l->cells)
			return record_at(c, l, l->at) == -1 ? -1 : 1;
		c->depth--;
	}
	return 0;
}

int
cursor_seek(struct cursor *c, const struct column *key, unsigned n)
{
	c->depth = 0;
	c->visited = 0;
	if (down(c, c->root) == -1)
		return -1;
	for (;;) {
		struct cursor_level *l = &c->level[c->depth - 1];
		if (n > 0 && search(c, l, key, n) == -1)
			return -1;
		if (l->leaf)
			return settle(c);
		if (down(c, child(c, l, l->at)) == -1)
			return -1;
	}
}

int
cursor_next(struct cursor *c)
{
	if (c->depth == 0)
		return 0;
	struct cursor_level *l = &c->level[c->depth - 1];
	l->at++;
	while (!l->leaf) { /* the leftmost row of the next child */
		if (down(c, child(c, l, l->at)) == -1)
			return -1;
		l = &c->level[c->depth - 1];
	}
	return settle(c);
}
