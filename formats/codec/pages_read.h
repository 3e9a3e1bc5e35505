/*
 * Reads WITHOUT ROWID tables of a SQLite file without the library in
 * between: seek by the first columns of the primary key, walk in key order.
 * A question of the responder and a row of the merge cost a third of what
 * they do through prepared statements. The other half of pages.h; damage
 * gives -1, never a read outside the file.
 *
 *	cursor_init(&c, &view, root);
 *	for (r = cursor_seek(&c, key, n); r == 1; r = cursor_next(&c))
 *		n = cursor_columns(&c, values, max);   until the key differs
 *	cursor_free(&c);
 */
#ifndef FORMATS_CODEC_PAGES_READ_H
#define FORMATS_CODEC_PAGES_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/text.h"

#define CURSOR_LEVELS 16

struct pages_view { /* a whole file; borrowed */
	const unsigned char *map; /* mapped, or NULL: read from fd */
	int fd;
	uint32_t page_size, pages;
	bool window; /* give back what was walked over: see below */
};
/* From the file's first 100 bytes and its size. -1: no whole SQLite file. */
int pages_view_init(struct pages_view *v, const unsigned char *map, int fd,
    const unsigned char head[100], uint64_t size);

/* The whole file mapped, to be walked from end to end: a copy of nothing, and
 * memory stays flat, as pages are given back on the way. -1: as above, or it
 * cannot be mapped. */
int pages_view_map(struct pages_view *v, int fd);
void pages_view_unmap(struct pages_view *v);

enum column_type { COLUMN_NULL, COLUMN_INTEGER, COLUMN_TEXT, COLUMN_BLOB };
struct column {
	enum column_type type;
	int64_t n; /* INTEGER */
	struct slice s; /* TEXT, BLOB: points into the page */
};

struct cursor_level {
	uint32_t number;
	const unsigned char *page;
	unsigned char *store; /* where pages are read, not mapped */
	unsigned cells, at; /* cell at hand; interior: child at hand */
	bool leaf;
};
struct cursor {
	const struct pages_view *view;
	uint32_t root;
	unsigned depth; /* levels in use */
	uint32_t visited; /* pages since the seek: a tree has none twice */
	struct cursor_level level[CURSOR_LEVELS];
	struct slice record; /* at hand */
	char *scratch; /* a record gathered from overflow pages */
	size_t room;
};
void cursor_init(
    struct cursor *c, const struct pages_view *view, uint32_t root);
void cursor_free(struct cursor *c);
/* To the first row whose first n columns are not below key. 1 there is one,
 * 0 none, -1 damaged. n == 0: the first row. */
int cursor_seek(struct cursor *c, const struct column *key, unsigned n);
int cursor_next(struct cursor *c); /* 1, 0, -1 */
/* To a row about i/n (i < n) of the way from the first to behind the last: as
 * the pages of the tree say, without a walk. As cursor_seek(). */
int cursor_part(struct cursor *c, unsigned i, unsigned n);
/* The row at hand and those after it in its leaf that are below the key of n
 * columns (NULL: all of them): their cells lie one below the other. */
struct cursor_cells {
	const unsigned char *page, *pointers; /* 2 bytes each, big endian */
	size_t end; /* offset of the byte behind the first cell */
	unsigned n;
};
/* How many, 0 where they cannot be told so simply; -1 damaged. */
int cursor_run(struct cursor *c, const struct column *key, unsigned n,
    struct cursor_cells *out);
/* On by so many rows of these: to the last of `taken`. */
void cursor_skip(struct cursor *c, unsigned taken);
/* Up to max columns of the row at hand, good until the cursor moves; how
 * many, -1 damaged. */
int cursor_columns(const struct cursor *c, struct column *out, unsigned max);
/* The first n columns of the row at hand against key: <0, 0, >0. */
int cursor_cmp(const struct cursor *c, const struct column *key, unsigned n,
    int *order); /* 0, -1 damaged */

/*
 * What PRAGMA integrity_check asks of WITHOUT ROWID tables, of those that
 * pages.h has written, page by page from the file: every page of a tree once,
 * none of another; all leaves equally deep; every record whole and its cell
 * right below the one before; rows ascending by their first `key` columns,
 * none of these NULL.
 */
struct pages_check_table {
	uint32_t root;
	unsigned key; /* columns of the primary key */
	int64_t rows; /* out */
};
/* 0; -1 damaged. *others: pages that belong to none of the tables. */
int pages_check(const struct pages_view *v, struct pages_check_table *t,
    unsigned n, uint32_t *others);

#endif
