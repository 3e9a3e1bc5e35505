/* The error list as papers: one table of columns, three forms. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/detail.h"
#include "formats/codec/sort.h"
#include "formats/codec/workbook.h"
#include "formats/error_row.h"
#include "formats/example.h"
#include "formats/receipt.h"

#define GETA                                                                   \
	0x3013 /* 〓: stands in CP932 for what it lacks; ● would look like  \
		  the substitute of a stored name */
#define NOTE_MAX 1000 /* a mask of 512 and ten positions named */
#define MEND_MAX 1600 /* cells of 800 characters (error_table.c) */
#define CELL_MAX (4 * RECORD_BYTES_MAX)
#define LINE_MAX_ (2 * CELL_MAX + 32 * ERROR_TEXT_MAX)

/* clang-format off */
static const struct workbook_column columns[E__MAX] = {
	[E_FILE] = { .title = "ファイル", .width = 16, .wrap = true },
	[E_LINE] = { .title = "行番号", .width = 8, .number = true },
	[E_BYTE] = { .title = "バイト位置", .width = 9, .number = true },
	[E_RECORD] = { .title = "レコード番号", .width = 9, .number = true },
	[E_ITEM] = { .title = "項目番号", .width = 6, .number = true },
	[E_NAME] = { .title = "item", .width = 16, .wrap = true },
	[E_CODE] = { .title = "コード", .width = 8 },
	[E_LEVEL] = { .title = "重要度", .width = 10, .wrap = true },
	[E_KIND] = { .title = "レコード種別", .width = 14, .wrap = true },
	[E_KEY] = { .title = "キー", .width = 24, .wrap = true },
	[E_NAME_JA] = { .title = "項目名", .width = 16, .wrap = true },
	[E_REASON_JA] = { .title = "理由", .width = 34, .wrap = true },
	[E_MEND_JA] = { .title = "直し方", .width = 34, .wrap = true },
	[E_REASON] = { .title = "reason", .width = 42, .wrap = true },
	[E_MEND] = { .title = "how to mend", .width = 42, .wrap = true },
	[E_RECEIPT] = { .title = "受付番号", .width = 42 },
	[E_NOTE] = { .title = "備考", .width = 30, .wrap = true },
	[E_ROW] = { .title = "送付した行", .width = 100 },
};
#define PRINTED (E_MEND_JA + 1) /* what a clerk needs on paper */

static const struct workbook_column guide_columns[] = {
	{ .title = "見方・直し方", .width = 24, .wrap = true },
	{ .title = "説明", .width = 74, .wrap = true },
	{ .title = "how to read this list", .width = 74, .wrap = true },
};
static const char *const guide[][3] = {
	{ "1", "「エラーリスト」シートの各行が、送付したファイルの問題一件です。",
	  "Each row of the sheet is one problem of the file that was sent." },
	{ "2", "「行番号」（ファイルの先頭行が1）で送付したファイルの該当箇所を開き、「項目名」の項目（CSVでは「項目番号」番目の列）を「直し方」に従って直します。",
	  "Open your file at 行番号 (its first line is 1), find the item (in CSV the column 項目番号, from 1) and mend it as 直し方 says." },
	{ "3", "重要度が「エラー」のレコードは受け付けていません。直したレコードだけを、新しい連番のファイルで送ってください。受け付けたレコードの再送は不要です。",
	  "Records with エラー were not accepted: send only these again, mended, in a file with a new running number. What was accepted need not be sent again." },
	{ "4", "「ファイルエラー」が一行でもあれば、ファイル全体を受け付けていません。直したファイル全体を、新しい連番で送ってください。",
	  "With one ファイルエラー the whole file was refused: mend it and send all of it under a new running number." },
	{ "5", "「警告」「参考」のレコードは受け付けています。対応は任意です。",
	  "Records with 警告 or 参考 were accepted; mending is optional." },
	{ "行番号", "CSV・XML：行（1から）。固定長：レコード（1から、ヘッダを含む）。",
	  "CSV, XML: line from 1. Fixed length: record of the file from 1, header included." },
	{ "バイト位置", "レコードの先頭のバイト位置（ファイルの先頭が1）。",
	  "Where the record begins; the first byte of the file is 1." },
	{ "レコード番号", "データレコードの通し番号（1から、ヘッダを含まない）。",
	  "Data records from 1, headers not counted." },
	{ "キー", "*** は個人情報のため表示しません。行番号で送付したファイルを参照してください。? は値が不正であることを示します。",
	  "*** is personal and not shown: look it up in your file by its line. ? means the value itself was refused." },
	{ "受付番号", "問い合わせの際にお知らせください。",
	  "Name it when you ask the operator." },
};
/* clang-format on */

struct error_writer {
	struct error_paper paper;
	struct workbook *book;
	int columns;
	int64_t rows, skipped;
	int failed; /* errno */
	/* the row at hand */
	struct slice cell[E__MAX];
	char number[4][24];
	char reason[2 * ERROR_TEXT_MAX], kind[200];
	char mend_ja[MEND_MAX], mend[MEND_MAX];
	struct slice expected[2]; /* in them, of this fault of this item */
	const struct field *of_field;
	enum diag_code of_code;
	char note[NOTE_MAX], lacks[NOTE_MAX + 100]; /* and of CP932 */
	char row[CELL_MAX];
	char line[LINE_MAX_], cp932[LINE_MAX_];
};

static void
fail(struct error_writer *w)
{
	if (w->failed == 0)
		w->failed = errno != 0 ? errno : EIO;
}

/* ---- CSV ---- */

/* Cells a spreadsheet would take for a formula, full width ones too
 * (＝ U+FF1D, ＋ FF0B, － FF0D, ＠ FF20), as a Japanese Excel does. */
static bool
is_formula(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	switch (p[0]) {
	case '=':
	case '+':
	case '-':
	case '@':
	case '\t':
	case '\r':
		return true;
	case 0xef:
		return s.n >= 3 && p[1] == 0xbc &&
		    (p[2] == 0x9d || p[2] == 0x8b || p[2] == 0x8d ||
			p[2] == 0xa0);
	}
	return false;
}

static bool
is_plain(struct slice s)
{
	unsigned odd = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		odd |= (c < 0x20) | (c == '"') | (c == 0x7f);
	}
	return odd == 0;
}

static void
csv_cell(struct slice s, struct buf *out)
{
	buf_putc(out, '"');
	if (s.n > 0 && is_formula(s))
		buf_putc(out, '\'');
	if (is_plain(s)) {
		buf_put(out, s);
	} else
		for (size_t i = 0; i < s.n; i++) {
			char c = s.p[i];

			if (c == '"')
				buf_putc(out, '"');
			buf_putc(out,
			    (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c);
		}
	buf_putc(out, '"');
}

static struct slice
csv_line(struct error_writer *w)
{
	struct buf b;

	buf_init(&b, w->line, sizeof(w->line));
	for (int i = 0; i < w->columns; i++) {
		if (i > 0)
			buf_putc(&b, ',');
		csv_cell(w->cell[i], &b);
	}
	buf_puts(&b, "\r\n");
	return buf_slice(&b);
}

static void
put(struct error_writer *w, FILE *f, struct slice s)
{
	if (fwrite(s.p, 1, s.n, f) != s.n)
		fail(w);
}

/* A second time with a note where something had to be replaced. */
static void
put_cp932(struct error_writer *w, struct slice line)
{
	struct slice note = w->cell[E_NOTE];
	unsigned n = 0;
	struct buf b;

	buf_init(&b, w->cp932, sizeof(w->cp932));
	text_to_cp932(line, GETA, &b, &n);
	if (n > 0) {
		snprintf(w->lacks, sizeof(w->lacks),
		    "%.*s%sCP932で表せない文字を〓で示しました（%u字）",
		    (int)note.n, note.p, note.n > 0 ? "。" : "", n);
		w->cell[E_NOTE] = slice_of(w->lacks);
		line = csv_line(w);
		w->cell[E_NOTE] = note;
		buf_clear(&b);
		text_to_cp932(line, GETA, &b, NULL);
	}
	put(w, w->paper.cp932, buf_slice(&b));
}

/* The cells, into every form that is wanted. */
static void
put_row(struct error_writer *w)
{
	const struct error_paper *p = &w->paper;
	struct slice line;

	errno = 0;
	if (p->csv != NULL || p->cp932 != NULL) {
		line = csv_line(w);
		if (p->csv != NULL)
			put(w, p->csv, line);
		if (p->cp932 != NULL)
			put_cp932(w, line);
	}
	if (w->book != NULL && workbook_row(w->book, w->cell) == -1)
		fail(w);
}

/* ---- one row ---- */

static void
set_number(struct error_writer *w, enum error_column c, int64_t n)
{
	char *s = w->number[c - E_LINE];

	s[0] = '\0';
	if (n > 0)
		snprintf(s, sizeof(w->number[0]), "%lld", (long long)n);
	w->cell[c] = slice_of(s);
}

static const struct field *
find_field(const struct format *f, const struct error_row *r)
{
	for (unsigned i = 0; f != NULL && i < f->nfields; i++)
		if (f->fields[i].item == r->item &&
		    slice_is(r->field, f->fields[i].name))
			return &f->fields[i];
	return NULL;
}

/* Which of the layout's records it is about; NULL: the file. A header is
 * refused with its file: the first of the two that has the field. */
static const struct format *
format_of(const struct layout *l, const struct error_row *r)
{
	bool last = r->code == DIAG_TRAILER || r->code == DIAG_COUNT_DIFFERS ||
	    r->code == DIAG_TOTAL_DIFFERS;

	if (l == NULL || (r->record == 0 && r->line == 0))
		return NULL;
	if (r->record > 0)
		return l->data;
	if (last)
		return l->trailer;
	if (r->code == DIAG_HEADER || find_field(l->header, r) != NULL)
		return l->header;
	return find_field(l->trailer, r) != NULL ? l->trailer : NULL;
}

/* Faults of a single value, which its row of the layout tells how to mend. */
static bool
is_of_value(enum diag_code c)
{
	switch (c) {
	case DIAG_MISSING:
	case DIAG_TOO_LONG:
	case DIAG_TOO_SHORT:
	case DIAG_NOT_DIGITS:
	case DIAG_NOT_ASCII:
	case DIAG_NOT_KANA:
	case DIAG_NOT_FULL_WIDTH:
	case DIAG_BAD_DATE:
	case DIAG_BAD_TIME:
	case DIAG_NOT_IN_CODES:
	case DIAG_BAD_PATTERN:
		return true;
	default:
		return false;
	}
}

static void
make_expected(
    struct error_writer *w, enum diag_code code, const struct field *f)
{
	const struct diag_entry *e = &diag_table[code];
	struct buf ja, en;

	buf_init(&ja, w->mend_ja, sizeof(w->mend_ja));
	buf_init(&en, w->mend, sizeof(w->mend));
	buf_printf(&ja, "%s（正しい値: ", e->mend_ja);
	buf_printf(&en, "%s (expected: ", e->mend_en);
	field_expects(f, true, &ja);
	field_expects(f, false, &en);
	if (f->type != FIELD_CODE) {
		buf_puts(&ja, "。例 ");
		buf_puts(&en, "; example ");
		example_alone(f, &ja);
		example_alone(f, &en);
	}
	buf_puts(&ja, "）");
	buf_puts(&en, ")");
	w->expected[0] = ja.full ? slice_of(e->mend_ja) : buf_slice(&ja);
	w->expected[1] = en.full ? slice_of(e->mend_en) : buf_slice(&en);
	w->of_field = f;
	w->of_code = code;
}

/* "... (expected: 1 男、2 女)": nobody should need the layout beside the list.
 * Faults come in droves of the same kind. */
static void
set_expected(
    struct error_writer *w, const struct error_row *r, const struct field *f)
{
	if (f == NULL || !is_of_value(r->code))
		return;
	if (w->of_field != f || w->of_code != r->code)
		make_expected(w, r->code, f);
	w->cell[E_MEND_JA] = w->expected[0];
	w->cell[E_MEND] = w->expected[1];
}

static void
set_kind(
    struct error_writer *w, const struct layout *l, const struct error_row *r)
{
	const struct format *f = format_of(l, r);
	const struct field *field = find_field(f, r);

	set_expected(w, r, field);
	snprintf(w->kind, sizeof(w->kind), "%s（%s）",
	    f != NULL ? f->ja : "ファイル", f != NULL ? f->name : "file");
	w->cell[E_KIND] = slice_of(w->kind);
	w->cell[E_NAME_JA] = field != NULL ? slice_of(field->ja) : r->field;
}

static void
set_texts(struct error_writer *w, const struct error_row *r)
{
	const struct diag_entry *e = &diag_table[r->code];

	w->cell[E_CODE] = slice_of(e->code);
	w->cell[E_LEVEL] = slice_of(receipt_level_ja(e->level));
	w->cell[E_REASON_JA] = slice_of(e->ja);
	w->cell[E_MEND_JA] = slice_of(e->mend_ja);
	w->cell[E_REASON] = slice_of(e->en);
	w->cell[E_MEND] = slice_of(e->mend_en);
	if (r->detail.n > 0) {
		snprintf(w->reason, sizeof(w->reason), "%s (%.*s)", e->en,
		    (int)r->detail.n, r->detail.p);
		w->cell[E_REASON] = slice_of(w->reason);
	}
}

/* Where the substitutes stand, for people and for programs:
 * "2・5文字目を代替文字に置き換えました（位置01001）". */
static void
set_note(struct error_writer *w, const struct error_row *r)
{
	const struct slice head = SLICE(FIELD_MASK);
	struct slice mask = r->detail;
	const char *between = "";
	struct buf b;
	int n = 0;

	w->cell[E_NOTE] = (struct slice) { "", 0 };
	buf_init(&b, w->note, sizeof(w->note));
	if (detail_ja(r->code, r->detail, &b)) {
		w->cell[E_NOTE] = buf_slice(&b);
		return;
	}
	if (r->code != DIAG_REPLACED || mask.n <= head.n ||
	    memcmp(mask.p, head.p, head.n) != 0)
		return;
	mask.p += head.n;
	mask.n -= head.n;
	for (size_t i = 0; i < mask.n; i++)
		if (mask.p[i] == '1' && n++ < 10) {
			buf_printf(&b, "%s%zu", between, i + 1);
			between = "・";
		}
	buf_puts(&b, n > 10 ? "文字目ほかを" : "文字目を");
	buf_puts(&b, "代替文字に置き換えました（位置");
	buf_put(&b, mask);
	buf_puts(&b, "）");
	w->cell[E_NOTE] = buf_slice(&b);
}

static void
write_row(struct error_writer *w, const struct layout *l,
    const struct error_row *r, struct slice sent)
{
	w->cell[E_FILE] = r->file;
	set_number(w, E_LINE, r->line);
	set_number(w, E_BYTE, r->offset + 1);
	set_number(w, E_RECORD, r->record);
	set_number(w, E_ITEM, r->item);
	w->cell[E_NAME] = r->field;
	w->cell[E_KEY] = r->key;
	set_texts(w, r);
	set_kind(w, l, r);
	w->cell[E_RECEIPT] = slice_of(w->paper.receipt);
	set_note(w, r);
	w->cell[E_ROW] = sent;
	put_row(w);
	w->rows++;
}

/* ---- the paper ---- */

static void
put_titles(struct error_writer *w)
{
	FILE *csv = w->paper.csv;
	struct workbook *book = w->book;

	for (int i = 0; i < E__MAX; i++)
		w->cell[i] = slice_of(columns[i].title);
	if (csv != NULL)
		put(w, csv, SLICE("\xef\xbb\xbf"));
	w->book = NULL; /* has its own */
	put_row(w);
	w->book = book;
}

static int
open_book(struct error_writer *w)
{
	const struct error_paper *p = &w->paper;
	char head[200];
	struct workbook_sheet list = { .name = "エラーリスト",
		.head = head,
		.columns = columns,
		.ncolumns = w->columns,
		.print = PRINTED };

	snprintf(head, sizeof(head), "&Lエラーリスト&R%s%s",
	    p->receipt[0] != '\0' ? "受付番号 " : "", p->receipt);
	w->book = workbook_create(p->xlsx, p->temp_dir, p->created);
	return w->book == NULL ? -1 : workbook_sheet(w->book, &list);
}

struct error_writer *
error_writer_open(const struct error_paper *p)
{
	struct error_writer *w = text_alloc(sizeof(*w));

	w->paper = *p;
	w->columns = p->with_rows ? E__MAX : E_ROW;
	errno = 0;
	if (p->xlsx != NULL && open_book(w) == -1)
		fail(w);
	put_titles(w);
	return w;
}

int
error_writer_add(struct error_writer *w, struct error_list *l,
    const struct record_source *src)
{
	struct error_source *again = error_source_open(src);
	struct error_row r;
	struct slice packed;
	const void *key;
	struct buf b;
	int got = error_rows_begin(l);

	while (got == 1 && w->failed == 0 &&
	    (got = sort_next(l->sort, &key, &packed)) == 1) {
		const unsigned char *k = key;

		if (w->rows >= w->paper.max) {
			w->skipped++;
			continue;
		}
		error_row_unpack(packed, &r);
		r.record = 0;
		for (int i = 0; i < ERROR_KEY_SIZE; i++)
			r.record = r.record << 8 | k[i];
		error_source_place(again, &r, w->paper.with_rows);
		buf_init(&b, w->row, sizeof(w->row));
		if (w->paper.with_rows)
			error_source_row(again, &r, &b);
		write_row(
		    w, src != NULL ? src->layout : NULL, &r, buf_slice(&b));
	}
	if (got == -1)
		fail(w);
	w->skipped += l->dropped;
	error_source_close(again);
	return w->failed == 0 ? 0 : -1;
}

static struct slice
text(const char *s)
{
	return s == NULL ? (struct slice) { "", 0 } : slice_of(s);
}

int
error_writer_diag(struct error_writer *w, const struct diag *d)
{
	struct error_row r = { .code = d->code,
		.item = d->item,
		.offset = -1,
		.file = text(d->file),
		.field = text(d->field),
		.detail = text(d->detail),
		.key = { "", 0 } };

	if (w->rows >= w->paper.max)
		w->skipped++;
	else
		write_row(w, NULL, &r, (struct slice) { "", 0 });
	return w->failed == 0 ? 0 : -1;
}

static int
put_guide(struct workbook *book)
{
	const struct workbook_sheet sheet = {
		.name = "見方", .columns = guide_columns, .ncolumns = 3
	};

	if (workbook_sheet(book, &sheet) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(guide) / sizeof(guide[0]); i++) {
		struct slice cells[3];

		for (int c = 0; c < 3; c++)
			cells[c] = slice_of(guide[i][c]);
		if (workbook_row(book, cells) == -1)
			return -1;
	}
	return 0;
}

int
error_writer_close(struct error_writer *w)
{
	char more[40];
	struct diag cut = { .code = DIAG_LIST_CUT, .detail = more };
	int failed;

	if (w->skipped > 0) {
		snprintf(
		    more, sizeof(more), "%lld more", (long long)w->skipped);
		w->paper.max = INT64_MAX;
		error_writer_diag(w, &cut);
	}
	errno = 0;
	if (w->failed == 0 && w->book != NULL && put_guide(w->book) == -1)
		fail(w);
	if (w->failed != 0)
		workbook_abandon(w->book);
	else if (w->book != NULL && workbook_finish(w->book) == -1)
		fail(w);
	failed = w->failed;
	free(w);
	errno = failed;
	return failed == 0 ? 0 : -1;
}
