/* Workbooks by libxlsxwriter in its constant-memory mode: a row leaves memory
 * when the next one begins. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <xlsxwriter.h>

#include "formats/codec/workbook.h"

#define CELL_BYTES (4 * (size_t)WORKBOOK_CELL_MAX)
#define FIRST_XLSX 1166368500 /* 2006-12-18 00:15 in Japan: ECMA-376 */
#define PAPER_A4 9
#define LINE_POINTS 13.5 /* of the 10-point text */
#define LINES_MAX 20

/* Okabe and Ito: told apart by the colour-blind. */
static const lxw_color_t palette[] = { 0x0072B2, 0xE69F00, 0x009E73, 0xCC79A7,
	0x56B4E9, 0xD55E00, 0xF0E442, 0x777777 };
#define COLOURS (sizeof(palette) / sizeof(palette[0]))

struct workbook {
	lxw_workbook *book;
	lxw_worksheet *sheet; /* the last one */
	lxw_format *head, *text, *wrap, *number, *amount, *word;
	const struct workbook_column *columns;
	int ncolumns;
	lxw_row_t rows; /* of the sheet, its header counted */
	char *path;
	char cell[CELL_BYTES + 1];
};

static lxw_format *
add_format(struct workbook *w, bool text, bool wrap)
{
	lxw_format *f = workbook_add_format(w->book);

	if (f == NULL)
		return NULL;
	if (text)
		format_set_num_format(f, "@");
	if (wrap)
		format_set_text_wrap(f);
	format_set_font_size(f, 10);
	format_set_align(f, LXW_ALIGN_VERTICAL_TOP);
	format_set_border(f, LXW_BORDER_HAIR);
	return f;
}

struct workbook *
workbook_create(const char *path, const char *temp_dir, int64_t created)
{
	char *dir = text_dup(slice_of(temp_dir));
	lxw_workbook_options options = {
		.constant_memory = LXW_TRUE, .tmpdir = dir, /* copied */
	};
	lxw_doc_properties properties = {
		.created = created == 0 ? FIRST_XLSX : created / 1000
	};
	struct workbook *w = text_alloc(sizeof(*w));

	w->path = text_dup(slice_of(path));
	errno = 0;
	w->book = workbook_new_opt(path, &options);
	free(dir);
	if (w->book != NULL &&
	    workbook_set_properties(w->book, &properties) == LXW_NO_ERROR) {
		w->head = add_format(w, true, true);
		w->text = add_format(w, true, false);
		w->wrap = add_format(w, true, true);
		w->number = add_format(w, false, false);
		w->amount = add_format(w, false, false);
		w->word = add_format(w, true, false);
	}
	if (w->head == NULL || w->text == NULL || w->wrap == NULL ||
	    w->number == NULL || w->amount == NULL || w->word == NULL) {
		workbook_abandon(w);
		errno = errno != 0 ? errno : ENOMEM;
		return NULL;
	}
	format_set_bold(w->head);
	format_set_bg_color(w->head, 0xDDE6F0);
	format_set_num_format(w->amount, "#,##0");
	format_set_align(w->word, LXW_ALIGN_RIGHT);
	return w;
}

/* libxlsxwriter does not look whether its temporary files could be written. */
static int
sheet_end(struct workbook *w)
{
	lxw_worksheet *s = w->sheet;

	if (s == NULL)
		return 0;
	worksheet_autofilter(
	    s, 0, 0, w->rows - 1, (lxw_col_t)(w->ncolumns - 1));
	if (s->optimize_tmpfile != NULL &&
	    (fflush(s->optimize_tmpfile) != 0 || ferror(s->optimize_tmpfile))) {
		errno = errno != 0 ? errno : EIO;
		return -1;
	}
	return 0;
}

static bool
is_clean(struct slice s)
{
	unsigned odd = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		odd |= (c < 0x20) | (c == 0x7f) | (c == 0xef);
	}
	return odd == 0 && s.n <= WORKBOOK_CELL_MAX && text_utf8_ok(s);
}

/* UTF-8 that a cell may hold, NUL-terminated. */
static const char *
clean(struct workbook *w, struct slice s)
{
	const char *p = s.p, *end = s.p + s.n;
	struct buf b;
	int chars = 0;

	buf_init(&b, w->cell, sizeof(w->cell));
	if (is_clean(s)) {
		buf_put(&b, s);
		return w->cell;
	}
	while (p < end && chars++ < WORKBOOK_CELL_MAX) {
		uint32_t u = text_next(&p, end);

		if (u == TEXT_BAD || u == 0xfffe || u == 0xffff)
			u = 0xfffd;
		else if (u < 0x20 || u == 0x7f)
			u = ' ';
		text_put(&b, u);
	}
	return w->cell;
}

/* Lines a wrapped text takes. Neither Excel nor LibreOffice measures rows of
 * a file that comes without heights; words break early: a tenth is added. */
static int
lines(struct slice s, int width)
{
	const char *p = s.p, *end = s.p + s.n;
	int half = 0, n;

	while (p < end)
		half += text_next(&p, end) < 0x80 ? 1 : 2;
	n = (half + half / 10 + width - 2) / (width - 1);
	return n < 1 ? 1 : n > LINES_MAX ? LINES_MAX : n;
}

static void
set_height(struct workbook *w, lxw_row_t row, const struct slice *cells)
{
	int most = 1;

	for (int i = 0; i < w->ncolumns; i++) {
		const struct workbook_column *c = &w->columns[i];
		struct slice s = row == 0 ? slice_of(c->title) : cells[i];
		int n = c->wrap || row == 0 ? lines(s, c->width) : 1;

		most = n > most ? n : most;
	}
	if (row == 0 || most > 1)
		worksheet_set_row(w->sheet, row, most * LINE_POINTS + 2, NULL);
}

static void
page(lxw_worksheet *s, const struct workbook_sheet *said)
{
	worksheet_set_landscape(s);
	worksheet_set_paper(s, PAPER_A4);
	worksheet_set_margins(s, 0.4, 0.4, 0.7, 0.5);
	worksheet_fit_to_pages(s, 1, 0);
	worksheet_repeat_rows(s, 0, 0);
	if (said->head != NULL)
		worksheet_set_header(s, said->head);
	worksheet_set_footer(s, "&C&P / &N");
	if (said->print > 0)
		worksheet_print_area(
		    s, 0, 0, LXW_ROW_MAX - 1, (lxw_col_t)(said->print - 1));
}

int
workbook_sheet(struct workbook *w, const struct workbook_sheet *said)
{
	lxw_worksheet *s;

	if (sheet_end(w) == -1)
		return -1;
	s = workbook_add_worksheet(w->book, said->name);
	if (s == NULL || said->ncolumns > WORKBOOK_COLUMNS_MAX) {
		errno = EINVAL;
		return -1;
	}
	w->sheet = s;
	w->columns = said->columns;
	w->ncolumns = said->ncolumns;
	w->rows = 1;
	page(s, said);
	for (int i = 0; i < said->ncolumns; i++) {
		const struct workbook_column *c = &said->columns[i];
		lxw_row_col_options fold = { .hidden = c->hidden };

		lxw_format *look = c->amount ? w->amount :
		    c->number		     ? w->number :
					       w->text;

		worksheet_set_column_opt(s, (lxw_col_t)i, (lxw_col_t)i,
		    c->width, said->filled ? NULL : look, &fold);
	}
	set_height(w, 0, NULL);
	for (int i = 0; i < said->ncolumns; i++)
		worksheet_write_string(s, 0, (lxw_col_t)i,
		    clean(w, slice_of(said->columns[i].title)), w->head);
	worksheet_freeze_panes(s, 1, 0);
	worksheet_ignore_errors(
	    s, LXW_IGNORE_NUMBER_STORED_AS_TEXT, "A1:XFD1048576");
	return 0;
}

int
workbook_row(struct workbook *w, const struct slice *cells)
{
	if (w->rows > WORKBOOK_ROWS_MAX) {
		errno = EFBIG;
		return -1;
	}
	set_height(w, w->rows, cells);
	for (int i = 0; i < w->ncolumns; i++) {
		const struct workbook_column *c = &w->columns[i];
		lxw_col_t col = (lxw_col_t)i;
		int64_t n =
		    c->number || c->amount ? slice_number(cells[i]) : -1;

		if (n >= 0)
			worksheet_write_number(w->sheet, w->rows, col,
			    (double)n, c->amount ? w->amount : w->number);
		else if (cells[i].n > 0) /* empty: looks as its column */
			worksheet_write_string(w->sheet, w->rows, col,
			    clean(w, cells[i]),
			    c->amount	? w->word :
				c->wrap ? w->wrap :
					  w->text);
	}
	w->rows++;
	return 0;
}

static void
add_series(struct workbook *w, lxw_chart *chart, int names, int column, int k)
{
	lxw_chart_series *s = chart_add_series(chart, NULL, NULL);
	lxw_chart_fill fill = { .color = palette[(size_t)k % COLOURS] };
	lxw_chart_line line = { .color = fill.color, .width = 2 };
	lxw_row_t last = w->rows - 1;

	chart_series_set_categories(
	    s, w->sheet->name, 1, (lxw_col_t)names, last, (lxw_col_t)names);
	chart_series_set_values(
	    s, w->sheet->name, 1, (lxw_col_t)column, last, (lxw_col_t)column);
	chart_series_set_name_range(s, w->sheet->name, 0, (lxw_col_t)column);
	chart_series_set_line(s, &line);
	if (chart->type != LXW_CHART_LINE)
		chart_series_set_fill(s, &fill);
}

int
workbook_chart(struct workbook *w, const struct workbook_chart *c)
{
	bool many = c->series > 1;
	char *words = text_dup(slice_of(c->title)); /* copied */
	int rows = (int)w->rows - 1;
	lxw_chart *chart = workbook_add_chart(w->book,
	    c->draw == WORKBOOK_LINE	 ? LXW_CHART_LINE :
		c->draw == WORKBOOK_BARS ? (many ? LXW_CHART_BAR_STACKED :
						   LXW_CHART_BAR) :
		many			 ? LXW_CHART_COLUMN_STACKED :
					   LXW_CHART_COLUMN);
	lxw_chart_options at = { .x_offset = 12,
		.y_offset = 12,
		.x_scale = 1.25,
		.y_scale = 1.3,
		.description = words };

	lxw_error e = LXW_ERROR_PARAMETER_VALIDATION;
	lxw_chart_axis *values;

	if (chart == NULL || rows < 1)
		goto out;
	for (int i = 0; i < c->series; i++)
		add_series(w, chart, c->names, c->first + i, i);
	/* from nothing on: a bar twice as long is twice as much */
	values = c->draw == WORKBOOK_BARS ? chart->x_axis : chart->y_axis;
	chart_axis_set_min(values, 0);
	chart_axis_set_num_format(values, "#,##0");
	chart_axis_set_name(values, c->unit);
	chart_title_set_name(chart, c->title);
	chart_legend_set_position(
	    chart, many ? LXW_CHART_LEGEND_BOTTOM : LXW_CHART_LEGEND_NONE);
	if (c->draw == WORKBOOK_BARS) {
		/* the first row on top; room for every name */
		chart_axis_set_reverse(chart->y_axis);
		chart_axis_set_interval_unit(chart->y_axis, 1);
		if (rows > 12)
			at.y_scale = 1.3 * rows / 12;
	} else if (c->below)
		at.x_scale = 1.9;
	e = worksheet_insert_chart_opt(w->sheet, c->below ? w->rows + 1 : 0,
	    (lxw_col_t)(c->below ? 0 : w->ncolumns), chart, &at);
out:
	free(words);
	if (e == LXW_NO_ERROR)
		return 0;
	errno = EINVAL;
	return -1;
}

static int
release(struct workbook *w, int r)
{
	int saved = errno;

	if (r == -1 && w->path != NULL)
		unlink(w->path);
	free(w->path);
	free(w);
	errno = saved;
	return r;
}

int
workbook_finish(struct workbook *w)
{
	lxw_error e;

	if (sheet_end(w) == -1) {
		lxw_workbook_free(w->book);
		return release(w, -1);
	}
	errno = 0;
	e = workbook_close(w->book);
	if (e == LXW_NO_ERROR)
		return release(w, 0);
	if (errno == 0)
		errno = EIO;
	return release(w, -1);
}

void
workbook_abandon(struct workbook *w)
{
	if (w == NULL)
		return;
	if (w->book != NULL)
		lxw_workbook_free(w->book);
	release(w, -1);
}
