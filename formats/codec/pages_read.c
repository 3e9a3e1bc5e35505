#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/pages_read.h"

#define LEAF 0x0a
#define INTERIOR 0x02
#define WINDOW 512 /* pages walked before they are given back */
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
	v->window = false;
	return 0;
}

int
pages_view_map(struct pages_view *v, int fd)
{
	struct stat st;

	v->map = NULL;
	if (fstat(fd, &st) == -1 || st.st_size < 512)
		return -1;
	void *map =
	    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -1;
	if (pages_view_init(v, map, -1, map, (uint64_t)st.st_size) == -1) {
		munmap(map, (size_t)st.st_size);
		v->map = NULL;
		return -1;
	}
	madvise(map, (size_t)st.st_size, MADV_SEQUENTIAL);
	v->window = true;
	return 0;
}

static size_t
bytes_of(const struct pages_view *v)
{
	return (size_t)v->pages * v->page_size;
}

void
pages_view_unmap(struct pages_view *v)
{
	if (v->map != NULL)
		munmap((void *)(uintptr_t)v->map, bytes_of(v));
	v->map = NULL;
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
	if (c->view->window && c->visited % WINDOW == 0) /* they come back */
		madvise((void *)(uintptr_t)c->view->map, bytes_of(c->view),
		    MADV_DONTNEED);
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

/* The first column of cell i where that can be had in a few steps: a text,
 * blob or integer whose record lies in the page whole. */
static inline bool
first_column(const struct cursor *c, const struct cursor_level *l, unsigned i,
    struct column *out)
{
	const unsigned char *end = l->page + c->view->page_size;
	const unsigned char *p = cell(c, l, i);
	size_t total;

	if (p == NULL || end - p < 16)
		return false;
	if (!l->leaf)
		p += 4;
	total = *p++;
	if (total >= 128) {
		if (*p >= 128)
			return false;
		total = (total & 127) << 7 | *p++;
	}
	size_t header = p[0], type = p[1];
	if (header >= 128 || type >= 128 || header > total ||
	    total > (c->view->page_size - 12) * 64 / 255 - 23 ||
	    (size_t)(end - p) < total || type == 7 || type == 10 || type == 11)
		return false;
	size_t width = width_of(type);
	if (header < 2 || header + width > total)
		return false;
	column_of(type, p + header, width, out);
	return true;
}

static inline void
prefetch(const struct cursor_level *l, unsigned i)
{
	if (i < l->cells)
		__builtin_prefetch(
		    l->page + be16(l->page + (l->leaf ? 8 : 12) + 2 * i));
}

/* Cell i against key. */
static int
probe(struct cursor *c, struct cursor_level *l, unsigned i,
    const struct column *key, unsigned n, int *order)
{
	struct column first;

	if (first_column(c, l, i, &first)) {
		*order = column_cmp(&first, &key[0]);
		if (*order != 0 || n == 1)
			return 0;
	}
	return record_at(c, l, i) == -1 ? -1 : cursor_cmp(c, key, n, order);
}

/* In the page at hand, to the first cell not below key. Each cell costs a wait
 * for memory, so the two that may be next are asked for ahead of time. */
static int
search(struct cursor *c, struct cursor_level *l, const struct column *key,
    unsigned n, unsigned low)
{
	unsigned high = l->cells;
	int order;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		prefetch(l, low + (middle - low) / 2);
		prefetch(l, middle + 1 + (high - middle - 1) / 2);
		if (probe(c, l, middle, key, n, &order) == -1)
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
		if (n > 0 && search(c, l, key, n, 0) == -1)
			return -1;
		if (l->leaf)
			return settle(c);
		if (down(c, child(c, l, l->at)) == -1)
			return -1;
	}
}

int
cursor_part(struct cursor *c, unsigned i, unsigned n)
{
	uint64_t rest = ((uint64_t)i << 32) / n; /* of 2^32 */

	c->depth = 0;
	c->visited = 0;
	if (down(c, c->root) == -1)
		return -1;
	for (;;) {
		struct cursor_level *l = &c->level[c->depth - 1];
		uint64_t at = rest * (l->cells + (l->leaf ? 0 : 1));
		l->at = (unsigned)(at >> 32);
		rest = at & UINT32_MAX;
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

int
cursor_run(struct cursor *c, const struct column *key, unsigned n,
    struct cursor_cells *out)
{
	if (c->depth == 0)
		return 0;
	struct cursor_level *l = &c->level[c->depth - 1];
	unsigned from = l->at;
	int r = 0;

	if (!l->leaf || from >= l->cells)
		return 0;
	unsigned to = l->cells;
	if (key != NULL) {
		r = search(c, l, key, n, from);
		to = l->at;
		l->at = from;
	}
	*out = (struct cursor_cells) {
		.page = l->page,
		.pointers = l->page + 8 + 2 * (size_t)from,
		.end = from == 0 ? c->view->page_size :
				   be16(l->page + 8 + 2 * (size_t)(from - 1)),
		.n = to - from,
	};
	return r == -1 || record_at(c, l, from) == -1 ? -1 : (int)out->n;
}

void
cursor_skip(struct cursor *c, unsigned taken)
{
	if (c->depth > 0 && taken > 0)
		c->level[c->depth - 1].at += taken - 1;
}

/* ---- the check of whole tables ---- */

#define KEY_MAX 4 /* columns of a primary key */
#define LAST_MAX 1024 /* bytes of one */
#define RARE ((uint32_t)1 << 20) /* more than the widths of a header */

struct check {
	struct cursor cursor; /* its levels hold the pages of the path */
	unsigned char *seen; /* a bit per page */
	uint32_t count; /* pages seen */
	struct pages_check_table *table;
	uint64_t types[KEY_MAX]; /* of the key before, and its columns */
	const unsigned char *last;
	unsigned char bytes[LAST_MAX]; /* they, where the page does not stay */
	unsigned leaf; /* depth of the leaves; 0: none seen */
	/* by serial type; RARE: none, or its first byte of several */
	uint32_t width[256];
};

static int
check_seen(struct check *c, uint32_t number)
{
	unsigned char bit = (unsigned char)(1u << (number & 7));

	if (number < 2 || number > c->cursor.view->pages ||
	    (c->seen[number >> 3] & bit))
		return -1;
	c->seen[number >> 3] |= bit;
	c->count++;
	return 0;
}

/* The overflow pages of the record at hand, and the bytes of its cell. */
static int
check_cell(
    struct check *c, const struct cursor_level *l, unsigned i, size_t *size)
{
	const struct pages_view *v = c->cursor.view;
	const unsigned char *p = cell(&c->cursor, l, i);
	size_t most = (v->page_size - 12) * 64 / 255 - 23;
	size_t least = (v->page_size - 12) * 32 / 255 - 23;
	unsigned char *store = NULL;
	uint64_t total;
	int r = -1;
	size_t head = l->leaf ? 0 : 4;

	/* record_at() has looked at it: it lies inside the page */
	head += varint(p + head, l->page + v->page_size, &total);
	*size = head + (size_t)total;
	if (total <= most)
		return 0;
	size_t each = v->page_size - 4, local = least + (total - least) % each;
	if (local > most)
		local = least;
	*size = head + local + 4;
	uint32_t next = be32(p + head + local);
	for (size_t have = local; have < total; have += each) {
		const unsigned char *page;
		if (check_seen(c, next) == -1 ||
		    (page = page_at(v, next, &store)) == NULL)
			goto out;
		next = be32(page);
	}
	r = next == 0 ? 0 : -1;
out:
	free(store);
	return r;
}

/* A record's serial types add up to its bytes. */
static int
check_record(const struct slice record)
{
	const unsigned char *p = (const unsigned char *)record.p;
	uint64_t header, type, body = 0;
	size_t k = varint(p, p + record.n, &header);

	if (k == 0 || header < k || header > record.n)
		return -1;
	for (const unsigned char *t = p + k, *end = p + header; t < end;) {
		if (*t < 128) {
			type = *t++;
		} else {
			if ((k = varint(t, end, &type)) == 0)
				return -1;
			t += k;
		}
		if (type == 7 || type == 10 || type == 11)
			return -1;
		body += width_of(type);
	}
	return header + body == record.n ? 0 : -1;
}

/* The serial types of the key's columns, which lie at *body; and those of all
 * columns add up to the record's bytes. */
static int
check_columns(
    struct check *c, uint64_t types[KEY_MAX], const unsigned char **body)
{
	struct slice r = c->cursor.record;
	const unsigned char *p = (const unsigned char *)r.p;
	unsigned n = c->table->key;
	uint64_t header = r.n > 0 ? p[0] : 0;
	uint32_t sum = 0;

	if (header <= n || header > r.n || header >= 128)
		goto rare;
	for (size_t i = 1; i < header; i++) {
		uint32_t type = p[i];
		if (type < 128) {
			sum += c->width[type];
			continue;
		}
		/* a text of 58 bytes or more: an address */
		if (++i == header || p[i] >= 128 || type == 128)
			goto rare;
		sum += ((type & 127) << 7 | p[i]) / 2 - 6;
	}
	if (sum >= RARE)
		goto rare;
	if (header + sum != r.n)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (p[1 + i] >= 128)
			goto rare;
		types[i] = p[1 + i];
	}
	*body = p + header;
	return 0;
rare:
	if (check_record(r) == -1)
		return -1;
	const unsigned char *t = p + varint(p, p + r.n, &header);
	*body = p + header;
	for (unsigned i = 0; i < n; i++) {
		if (t >= *body)
			return -1;
		t += varint(t, *body, &types[i]);
	}
	return 0;
}

/* Two keys column by column. */
static int
key_order(unsigned n, const uint64_t *a_types, const unsigned char *a,
    const uint64_t *b_types, const unsigned char *b)
{
	int order = 0;

	for (unsigned i = 0; i < n && order == 0; i++) {
		size_t x = width_of(a_types[i]), y = width_of(b_types[i]);
		struct column v, w;
		column_of(a_types[i], a, x, &v);
		column_of(b_types[i], b, y, &w);
		order = column_cmp(&v, &w);
		a += x;
		b += y;
	}
	return order;
}

/* Above the row before by the columns of the key; then it is that. stays: the
 * bytes of the record outlive the page. Most keys are texts and blobs as long
 * as those before: their bytes are compared at once. */
static int
check_order(struct check *c, bool stays)
{
	uint64_t types[KEY_MAX];
	const unsigned char *body;
	unsigned n = c->table->key;
	size_t size = 0;
	bool alike = true;
	int order = 1;

	if (check_columns(c, types, &body) == -1)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (types[i] == 0)
			return -1;
		alike = alike && types[i] >= 12 && types[i] == c->types[i];
		size += width_of(types[i]);
	}
	if (c->table->rows++ > 0)
		order = alike ? memcmp(body, c->last, size) :
				key_order(n, types, body, c->types, c->last);
	if (order <= 0)
		return -1;
	memcpy(c->types, types, n * sizeof(*types));
	c->last = body;
	if (stays)
		return 0;
	if (size > LAST_MAX)
		return -1;
	memcpy(c->bytes, body, size);
	c->last = c->bytes;
	return 0;
}

/* Cell i lies right below *edge; *edge moves. */
static int
check_row(
    struct check *c, const struct cursor_level *l, unsigned i, size_t *edge)
{
	struct cursor *at = &c->cursor;
	size_t head = l->leaf ? 0 : 4, size, page = at->view->page_size;
	size_t from = be16(l->page + (l->leaf ? 8 : 12) + 2 * i);
	uint64_t total = 0;

	if (from + head >= page)
		return -1;
	size_t k = varint(l->page + from + head, l->page + page, &total);
	bool whole = k > 0 && total <= (page - 12) * 64 / 255 - 23;
	if (whole) {
		size = head + k + (size_t)total;
		at->record =
		    (struct slice) { (const char *)l->page + from + head + k,
			    (size_t)total };
		if (from + size > page)
			return -1;
	} else if (record_at(at, l, i) == -1 ||
	    check_cell(c, l, i, &size) == -1)
		return -1;
	size = size < 4 ? 4 : size;
	if (from + size != *edge)
		return -1;
	*edge = from;
	return check_order(c, whole && at->view->map != NULL);
}

/* A page and all below it; the recursion is as deep as the tree. */
static int
check_page(struct check *c, uint32_t number)
{
	struct cursor *at = &c->cursor;

	if (check_seen(c, number) == -1 || down(at, number) == -1)
		return -1;
	struct cursor_level *l = &at->level[at->depth - 1];
	if (l->leaf && c->leaf == 0)
		c->leaf = at->depth;
	if (l->leaf && c->leaf != at->depth)
		return -1;
	size_t edge = at->view->page_size; /* cells lie from here downwards */
	for (unsigned i = 0; i < l->cells; i++) {
		if (!l->leaf && check_page(c, child(at, l, i)) == -1)
			return -1;
		if (check_row(c, l, i, &edge) == -1)
			return -1;
	}
	/* no free blocks, the content where the header says, no fragments */
	if ((l->leaf ? 8 : 12) + 2 * (size_t)l->cells > edge ||
	    be16(l->page + 1) != 0 || be16(l->page + 5) != (edge & 0xffff) ||
	    l->page[7] != 0)
		return -1;
	if (!l->leaf && check_page(c, child(at, l, l->cells)) == -1)
		return -1;
	at->depth--;
	return 0;
}

int
pages_check(const struct pages_view *v, struct pages_check_table *t, unsigned n,
    uint32_t *others)
{
	struct check *c = text_alloc(sizeof(*c));
	int r = 0;

	c->seen = text_alloc(v->pages / 8 + 1);
	for (unsigned type = 0; type < 256; type++)
		c->width[type] =
		    type == 7 || type == 10 || type == 11 || type >= 128 ?
		    RARE :
		    (uint32_t)width_of(type);
	for (unsigned i = 0; i < n && r == 0; i++) {
		cursor_init(&c->cursor, v, t[i].root);
		c->table = &t[i];
		c->leaf = 0;
		t[i].rows = 0;
		r = t[i].key > KEY_MAX ? -1 : check_page(c, t[i].root);
		cursor_free(&c->cursor);
	}
	*others = v->pages - c->count;
	free(c->seen);
	free(c);
	return r;
}
