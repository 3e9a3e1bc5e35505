/* The cells of a layout's table, and the papers for people. */
#include "batch/describe.h"

#include <errno.h>
#include <string.h>

#include "batch/describe_schema.h"
#include "formats/codec/workbook.h"
#include "formats/example.h"

const char *const describe_names[DESCRIBE__MAX] = {
	[DESCRIBE_MD] = "md",
	[DESCRIBE_HTML] = "html",
	[DESCRIBE_XLSX] = "xlsx",
	[DESCRIBE_YAML] = "yaml",
	[DESCRIBE_XSD] = "xsd",
	[DESCRIBE_MAN] = "man",
};

const char *const describe_titles[D__MAX] = {
	[D_ITEM] = "Item 項番",
	[D_NAME] = "Name",
	[D_NAME_JA] = "項目名",
	[D_WIDTH] = "Bytes 桁数",
	[D_FORM] = "Form",
	[D_FORM_JA] = "形式",
	[D_NEED] = "Need 要否",
	[D_PRIVATE] = "Private 秘匿",
	[D_CODES] = "Codes コード",
	[D_EXAMPLE] = "Example 例",
};

static void
put_form(const struct exchange_row *x, struct buf *b, bool ja)
{
	const struct field *f = x->field;

	if ((x->flags & DOC_BOX) != 0) {
		buf_puts(b, ja ? "親項目" : "container");
		if ((x->flags & DOC_MANY) != 0)
			buf_puts(b, ja ? "、繰返し" : ", repeated");
		return;
	}
	field_form(f, ja, b);
}

static void
put_need(const struct field *f, struct buf *b)
{
	if ((f->flags & FIELD_REQUIRED) != 0)
		buf_puts(b, "required");
	if ((f->flags & FIELD_KEY) != 0)
		buf_puts(b, (f->flags & FIELD_REQUIRED) != 0 ? ", key" : "key");
}

/* The feed and the record type are what this very layout has there. */
static void
put_example(
    const struct exchange *e, const struct exchange_row *x, struct buf *b)
{
	const struct layout *l = e->layout;

	if (l != NULL && l->header != NULL && x->item == 1)
		buf_puts(b,
		    x->part == l->header   ? "1" :
			x->part == l->data ? "2" :
					     "3");
	else if (l != NULL && x->part == l->header &&
	    strcmp(x->field->name, "Feed") == 0)
		buf_puts(b, strncmp(l->name, "nhi_", 4) == 0 ? "nhi" : l->name);
	else
		example_alone(x->field, b);
}

void
describe_row(const struct exchange *e, const struct exchange_row *x,
    struct describe_row *out)
{
	struct buf b;
	bool box = (x->flags & DOC_BOX) != 0;

	buf_init(&b, out->text, sizeof(out->text));
	for (int i = 0; i < D__MAX; i++) {
		size_t start = b.n;

		if (i == D_ITEM)
			buf_printf(&b, "%d", x->item);
		if (i == D_NAME) {
			for (int k = 0; k < x->depth; k++)
				buf_puts(&b, "・");
			buf_puts(&b, x->field->name);
		}
		if (i == D_NAME_JA)
			buf_puts(&b, x->field->ja);
		if (i == D_WIDTH && !box)
			buf_printf(&b, "%u", x->field->width);
		if (i == D_FORM || i == D_FORM_JA)
			put_form(x, &b, i == D_FORM_JA);
		if (i == D_NEED)
			put_need(x->field, &b);
		if (i == D_PRIVATE && (x->field->flags & FIELD_PRIVATE) != 0)
			buf_puts(&b, "private");
		if (i == D_CODES && !box)
			field_codes(x->field, &b);
		if (i == D_EXAMPLE && !box)
			put_example(e, x, &b);
		out->cell[i] =
		    (struct slice) { out->text + start, b.n - start };
	}
}

static bool
has_xml(const struct exchange *e)
{
	size_t n = strlen(e->schema);

	return strcmp(e->schema + n - 4, ".xsd") == 0;
}

/* What is said about the file as a whole: a name and a text each. */
struct fact {
	const char *name, *text;
};
enum { FACTS = 6 };

static int
facts_of(const struct exchange *e, struct fact f[FACTS], char text[200])
{
	const struct layout *l = e->layout;
	int n = 0;

	f[n++] = (struct fact) { "From 作成", e->from };
	f[n++] = (struct fact) { "To 受領", e->to };
	f[n++] = (struct fact) { "Files ファイル名", e->file };
	f[n++] = (struct fact) { "Schema 定義", e->schema };
	if (l != NULL && l->total_field >= 0) {
		snprintf(text, 200, "%s %s",
		    l->data->fields[l->total_field].name,
		    l->data->fields[l->total_field].ja);
		f[n++] = (struct fact) { "Control total 合計値", text };
	}
	if (l != NULL && l->blocks)
		f[n++] = (struct fact) { "Blocks 構成",
			"header, data, trailer per municipality, in order of "
			"市町村コード" };
	else if (l != NULL && l->bare)
		f[n++] = (struct fact) { "First row 先頭行",
			"names of the columns 項目名" };
	return n;
}

void
describe_list(FILE *out)
{
	fputs("| Layout | 名称 | What | From | To | Schema |\n"
	      "|---|---|---|---|---|---|\n",
	    out);
	for (const struct exchange *e = exchanges; e->name != NULL; e++)
		fprintf(out, "| %s | %s | %s | %s | %s | %s |\n", e->name,
		    exchange_ja(e), e->en, e->from, e->to, e->schema);
}

/* ---- Markdown ---- */

static void
put_rules(
    const struct format *f, FILE *out, const char *before, const char *after)
{
	if (f == NULL || f->rules == NULL)
		return;
	fprintf(out, "%sRules across items 項目間チェック:", before);
	for (const struct rule *r = f->rules; r->check != NULL; r++)
		fprintf(out, "%s %s", r == f->rules ? "" : ";", r->clause);
	fputs(after, out);
}

static void
markdown(const struct exchange *e, FILE *out)
{
	struct exchange_row x = { 0 };
	struct describe_row row;
	const struct format *part = NULL;
	struct fact f[FACTS];
	char text[200];
	int n = facts_of(e, f, text);
	bool first = true;

	fprintf(out, "# %s (%s)\n\n%s\n\n| | |\n|---|---|\n", e->name,
	    exchange_ja(e), e->en);
	for (int i = 0; i < n; i++)
		fprintf(out, "| %s | %s |\n", f[i].name, f[i].text);
	while (exchange_next(e, &x)) {
		if (first || x.part != part) {
			put_rules(part, out, "\n", "\n");
			if (x.part != NULL)
				fprintf(out, "\n## %s (%s)\n", x.part->name,
				    x.part->ja);
			fputs("\n|", out);
			for (int i = 0; i < D__MAX; i++)
				fprintf(out, " %s |", describe_titles[i]);
			fputs("\n|---|---|---|---|---|---|---|---|---|---|\n",
			    out);
		}
		first = false;
		part = x.part;
		describe_row(e, &x, &row);
		putc('|', out);
		for (int i = 0; i < D__MAX; i++)
			fprintf(
			    out, " %.*s |", (int)row.cell[i].n, row.cell[i].p);
		putc('\n', out);
	}
	put_rules(part, out, "\n", "\n");
}

/* ---- HTML ---- */

static void
put_html(struct slice s, FILE *out)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '<')
			fputs("&lt;", out);
		else if (c == '&')
			fputs("&amp;", out);
		else
			putc(c, out);
	}
}

static void
html_head(const char *title, FILE *out)
{
	fprintf(out,
	    "<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n<title>%s</title>\n<style>\n"
	    "body { font-family: sans-serif; margin: 2em; }\n"
	    "table { border-collapse: collapse; margin: 1em 0; }\n"
	    "th, td { border: 1px solid #888; padding: .2em .5em; "
	    "text-align: left; vertical-align: top; font-size: 90%%; }\n"
	    "th { background: #e8eef4; }\n"
	    "td:nth-child(4) { text-align: right; }\n"
	    "@media print { h2 { break-before: page; } }\n"
	    "</style>\n</head>\n<body>\n",
	    title);
}

static void
html_table(const struct exchange *e, FILE *out)
{
	struct exchange_row x = { 0 };
	struct describe_row row;
	const struct format *part = NULL;
	struct fact f[FACTS];
	char text[200];
	int n = facts_of(e, f, text);
	bool open = false;

	fprintf(out, "<h2 id=\"%s\">%s %s</h2>\n<p>%s</p>\n<table>\n", e->name,
	    e->name, exchange_ja(e), e->en);
	for (int i = 0; i < n; i++)
		fprintf(out, "<tr><th>%s</th><td>%s</td></tr>\n", f[i].name,
		    f[i].text);
	fputs("</table>\n", out);
	while (exchange_next(e, &x)) {
		if (!open || x.part != part) {
			if (open)
				fputs("</table>\n", out);
			put_rules(part, out, "<p>", "</p>\n");
			if (x.part != NULL)
				fprintf(out, "<h3>%s %s</h3>\n", x.part->name,
				    x.part->ja);
			fputs("<table>\n<tr>", out);
			for (int i = 0; i < D__MAX; i++)
				fprintf(out, "<th>%s</th>", describe_titles[i]);
			fputs("</tr>\n", out);
		}
		open = true;
		part = x.part;
		describe_row(e, &x, &row);
		fputs("<tr>", out);
		for (int i = 0; i < D__MAX; i++) {
			fputs("<td>", out);
			put_html(row.cell[i], out);
			fputs("</td>", out);
		}
		fputs("</tr>\n", out);
	}
	fputs("</table>\n", out);
	put_rules(part, out, "<p>", "</p>\n");
}

static void
html(const struct exchange *e, FILE *out)
{
	html_head(e->name, out);
	html_table(e, out);
	fputs("</body>\n</html>\n", out);
}

void
describe_html_all(FILE *out)
{
	html_head("shikaku: layouts レイアウト一覧", out);
	fputs("<h1>Layouts レイアウト一覧</h1>\n<table>\n", out);
	for (const struct exchange *e = exchanges; e->name != NULL; e++)
		fprintf(out,
		    "<tr><td><a href=\"#%s\">%s</a></td><td>%s</td>"
		    "<td>%s</td><td>%s</td><td>%s</td></tr>\n",
		    e->name, e->name, exchange_ja(e), e->en, e->from, e->to);
	fputs("</table>\n", out);
	for (const struct exchange *e = exchanges; e->name != NULL; e++)
		html_table(e, out);
	fputs("</body>\n</html>\n", out);
}

int
describe(const struct exchange *e, enum describe_as as, FILE *out)
{
	switch (as) {
	case DESCRIBE_MD:
		markdown(e, out);
		return 0;
	case DESCRIBE_HTML:
		html(e, out);
		return 0;
	case DESCRIBE_YAML:
		describe_yaml(e, out);
		return 0;
	case DESCRIBE_XSD:
		if (!has_xml(e))
			return -1;
		describe_xsd(e, out);
		return 0;
	case DESCRIBE_MAN:
		describe_man(e, out);
		return 0;
	case DESCRIBE_XLSX:
	case DESCRIBE__MAX:
		break;
	}
	return -1;
}

/* ---- workbook ---- */

static const struct workbook_column columns[D__MAX + 1] = {
	{ .title = "Record レコード", .width = 14, .wrap = true },
	{ .title = "Item 項番", .width = 7, .number = true },
	{ .title = "Name", .width = 32, .wrap = true },
	{ .title = "項目名", .width = 28, .wrap = true },
	{ .title = "Bytes 桁数", .width = 7, .number = true },
	{ .title = "Form", .width = 24, .wrap = true },
	{ .title = "形式", .width = 20, .wrap = true },
	{ .title = "Need 要否", .width = 12, .wrap = true },
	{ .title = "Private 秘匿", .width = 9 },
	{ .title = "Codes コード", .width = 48, .wrap = true },
	{ .title = "Example 例", .width = 24, .wrap = true },
};
static const struct workbook_column list_columns[] = {
	{ .title = "Layout レイアウト", .width = 18 },
	{ .title = "名称", .width = 34, .wrap = true },
	{ .title = "What", .width = 40, .wrap = true },
	{ .title = "From 作成", .width = 26, .wrap = true },
	{ .title = "To 受領", .width = 26, .wrap = true },
	{ .title = "Files ファイル名", .width = 34, .wrap = true },
	{ .title = "Schema 定義", .width = 24 },
};

static int
list_sheet(struct workbook *w, const struct exchange *one)
{
	struct workbook_sheet s = { .name = "一覧",
		.columns = list_columns,
		.ncolumns = sizeof(list_columns) / sizeof(*list_columns) };

	if (workbook_sheet(w, &s) == -1)
		return -1;
	for (const struct exchange *e = exchanges; e->name != NULL; e++) {
		struct slice cell[] = { slice_of(e->name),
			slice_of(exchange_ja(e)), slice_of(e->en),
			slice_of(e->from), slice_of(e->to), slice_of(e->file),
			slice_of(e->schema) };

		if ((one == NULL || one == e) && workbook_row(w, cell) == -1)
			return -1;
	}
	return 0;
}

static int
layout_sheet(struct workbook *w, const struct exchange *e)
{
	char head[200];
	struct workbook_sheet s = { .name = e->name,
		.head = head,
		.columns = columns,
		.ncolumns = D__MAX + 1 };
	struct exchange_row x = { 0 };
	struct describe_row row;
	struct slice cell[D__MAX + 1];

	snprintf(head, sizeof(head), "%s %s", e->name, exchange_ja(e));
	if (workbook_sheet(w, &s) == -1)
		return -1;
	while (exchange_next(e, &x)) {
		describe_row(e, &x, &row);
		cell[0] = slice_of(x.part != NULL ? x.part->ja : "");
		memcpy(cell + 1, row.cell, sizeof(row.cell));
		if (workbook_row(w, cell) == -1)
			return -1;
	}
	return 0;
}

int
describe_workbook(
    const struct exchange *e, const char *path, const char *temp_dir)
{
	struct workbook *w = workbook_create(path, temp_dir, 0);
	int r, error;

	if (w == NULL)
		return -1;
	r = list_sheet(w, e);
	for (const struct exchange *i = exchanges; r == 0 && i->name != NULL;
	     i++)
		if (e == NULL || e == i)
			r = layout_sheet(w, i);
	if (r == 0)
		return workbook_finish(w);
	error = errno;
	workbook_abandon(w);
	errno = error;
	return -1;
}
