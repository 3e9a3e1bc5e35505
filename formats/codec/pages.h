/*
 * Writes the rows of SQLite tables as the pages SQLite itself would make of
 * them (https://www.sqlite.org/fileformat2.html), in key order and without
 * the library in between: a WITHOUT ROWID table is a b-tree of records, and
 * from sorted rows that is a stream of full pages. Several times as fast as
 * the best INSERT loop, and the same bytes on every machine. For snapshots.
 *
 * The library makes the file first (DDL: every table has its root page) and
 * checks it afterwards (integrity_check); it cannot tell the difference.
 *
 *	p = pages_open(path);
 *	t = pages_table(p, rootpage);
 *	row_begin(&row); row_text(&row, ..); ... pages_add(t, &row) per row;
 *	pages_close(p);
 *
 * Columns are given in the order they lie on disk: the primary key's first,
 * then the others as declared. Rows ascend by primary key (not checked here:
 * integrity_check does).
 */
#ifndef FORMATS_CODEC_PAGES_H
#define FORMATS_CODEC_PAGES_H

#include <stdint.h>

#include "formats/codec/field.h"
#include "formats/codec/text.h"

#define PAGE_COLUMNS_MAX 64

#define PAGE_ROW_FRONT 4 /* room for the header's size in front */

struct page_row { /* one record being put together */
	unsigned char front[PAGE_ROW_FRONT + PAGE_COLUMNS_MAX * 9];
	size_t ntypes;
	char *body;
	size_t n, max;
};
void row_init(struct page_row *r);
void row_free(struct page_row *r);
void row_begin(struct page_row *r);
void row_text(struct page_row *r, struct slice s); /* empty: NULL */
void row_values(struct page_row *r, const struct value *v,
    const unsigned char *columns, unsigned n); /* as row_text() of each */
void row_blob(struct page_row *r, const void *p, size_t n);
void row_int(struct page_row *r, int64_t v);
void row_null(struct page_row *r);
/* The record as it lies in the file: its header, then r->body (r->n bytes).
 * Good until the row changes. */
struct slice row_header(struct page_row *r);

struct pages;
struct pages_table;
/* NULL: errno set (EINVAL: not a fresh SQLite file of page size 512 up). */
struct pages *pages_open(const char *path);
struct pages_table *pages_table(struct pages *p, uint32_t root);
int pages_add(struct pages_table *t, struct page_row *r);
/* A whole record, as cursor.record of another file has it. */
int pages_add_record(struct pages_table *t, struct slice record);
/* Whole cells of a leaf of another file, as cursor_run() has them: those that
 * go into the page at hand without more ado. How many; the next one is for
 * pages_add_record(). */
struct cursor_cells;
unsigned pages_add_cells(
    struct pages_table *t, const struct cursor_cells *cells);
/* Ends every table, writes roots and the file header's page count. 0, or -1
 * with errno set. Frees p and its tables either way. Does not sync. */
int pages_close(struct pages *p);

#endif
