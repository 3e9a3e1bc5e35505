/*
 * A workbook (XLSX) written row after row in constant memory: the one door to
 * libxlsxwriter. Knows sheets, columns and cells; what they say is the
 * caller's. A text cell is a text for ever: digits keep their zeros, what
 * begins with "=" is no formula. The same rows give the same bytes.
 *
 *	w = workbook_create(path, temp_dir, created);
 *	workbook_sheet(w, &sheet);
 *	workbook_row(w, cells);			as many cells as columns
 *	workbook_finish(w);			0, or -1 with errno set
 */
#ifndef FORMATS_CODEC_WORKBOOK_H
#define FORMATS_CODEC_WORKBOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/text.h"

#define WORKBOOK_ROWS_MAX 1048575 /* of a sheet, below its header */
#define WORKBOOK_CELL_MAX 32767 /* characters of a cell */
#define WORKBOOK_COLUMNS_MAX 64

struct workbook_column {
	const char *title;
	int width; /* in half-width characters */
	bool number; /* digits become a number: for positions, not for ids */
	bool wrap;
	bool hidden; /* folded away; the reader may open it */
	bool amount; /* a number shown as 1,234; what is none stands right */
};
struct workbook_sheet {
	const char *name; /* at most 31 characters, none of []:*?/\ */
	const char *head; /* printed on every page; NULL: none */
	const struct workbook_column *columns;
	int ncolumns;
	int print; /* so many columns from the left are printed; 0: all */
	bool filled; /* no frames where there is no cell: charts stand there */
};

enum workbook_draw { WORKBOOK_LINE, WORKBOOK_BARS, WORKBOOK_COLUMNS };
/* A native chart of columns of the sheet, stacked where there are several. */
struct workbook_chart {
	enum workbook_draw draw;
	const char *title, *unit; /* unit: over the axis of the values */
	int names; /* column of the categories; 0: the first */
	int first, series; /* columns of the values */
	bool below; /* the rows; else beside them */
};

struct workbook;
/* temp_dir: for the unfinished sheets. created: moment for its properties, of
 * the content, not of a clock; 0: that of the first XLSX. NULL: errno. */
struct workbook *workbook_create(
    const char *path, const char *temp_dir, int64_t created);
/* The next sheet: a frozen header row with a filter, A4 landscape. */
int workbook_sheet(struct workbook *w, const struct workbook_sheet *s);
/* The next row of the sheet; UTF-8; control characters become blanks. Rows
 * beyond WORKBOOK_ROWS_MAX are not written: -1, errno EFBIG. */
int workbook_row(struct workbook *w, const struct slice *cells);
/* Draws the rows there are; they begin below the header. */
int workbook_chart(struct workbook *w, const struct workbook_chart *c);
/* Writes the file and frees w. A file that is not whole is removed. */
int workbook_finish(struct workbook *w);
/* Frees w; nothing is left behind. */
void workbook_abandon(struct workbook *w);

#endif
