/*
 * A month's statistics as one HTML page: no script, nothing fetched. Under
 * every chart its figures as a table, and which generation, days and query
 * they come from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch/statistics.h"
#include "batch/statistics_chart.h"
#include "formats/codec/day.h"

#define ROWS_MAX 50 /* of a table; all are in the CSV */

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#59636e;"
    "--line:#d1d9e0;--card:#f6f8fa;--low:#deebf7;--high:#08519c;"
    "--c0:#0072b2;--c1:#e69f00;--c2:#009e73;--c3:#cc79a7;--c4:#56b4e9;"
    "--c5:#d55e00;--c6:#f0e442;--c7:#777}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#0d1117;--fg:#e6edf3;"
    "--soft:#9198a1;--line:#3d444d;--card:#151b23;--low:#12304d;"
    "--high:#79c0ff;--c0:#4aa8e0;--c4:#0072b2}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--bg);"
    "color:var(--fg);font:1rem/1.6 'Hiragino Sans','Noto Sans CJK JP',"
    "'Yu Gothic',Meiryo,IPAPGothic,sans-serif;overflow-wrap:anywhere}\n"
    "h1,h2{word-break:keep-all}h1{font-size:1.5rem;line-height:1.3}h2{font-size:1.15rem;"
    "margin:0 0 .25rem}h1 small,h2 small{display:block;color:var(--soft);"
    "font-size:.8em;font-weight:normal}\n"
    "section{border:1px solid var(--line);border-radius:.5rem;"
    "padding:1rem;margin:1rem 0;break-inside:avoid}\n"
    ".numbers{display:grid;gap:.75rem;"
    "grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));"
    "padding:0;margin:1rem 0}\n"
    ".numbers div{background:var(--card);border-radius:.5rem;"
    "padding:.6rem .8rem}.numbers dt{color:var(--soft);font-size:.85rem}"
    ".numbers dd{margin:0;font-size:1.3rem;font-weight:bold}\n"
    "svg{display:block;width:100%;max-width:44rem;height:auto;"
    "margin:.5rem 0}svg text{fill:var(--fg);font-size:11px}"
    "svg .soft{fill:var(--soft)}svg .axis{stroke:var(--line)}\n"
    "figure{margin:0}.scroll{overflow-x:auto;max-width:100%}\n"
    /* a telephone: its letters stay legible, the drawing is pushed aside */
    "@media screen and (max-width:30rem){section{padding:.75rem}"
    "figure svg{width:30rem}tbody th small{display:block}"
    "tbody th{white-space:normal;min-width:7rem}}\n"
    "table{border-collapse:collapse;font-size:.85rem;"
    "overflow-wrap:normal}\n"
    "th,td{border-bottom:1px solid var(--line);padding:.2rem .6rem;"
    "text-align:left;font-weight:normal;white-space:nowrap}"
    "td{text-align:right;font-variant-numeric:tabular-nums}"
    "thead th{color:var(--soft);text-align:right}"
    "thead th:first-child{text-align:left}th small{color:var(--soft)}"
    "thead th{white-space:normal;min-width:4.5rem;vertical-align:bottom}"
    "@media screen and (min-width:60rem){thead th{min-width:3.4rem}}"
    ".words,thead th.words{text-align:left;white-space:normal;min-width:14rem}"
    ".cross thead small{display:block}\n"
    ".from{color:var(--soft);font-size:.8rem;margin:.5rem 0 0}"
    ".warn{border-left:.3rem solid var(--c5);padding-left:.8rem}\n"
    "ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;"
    "margin:.5rem 0;padding:0;font-size:.85rem}ul.legend i{display:inline-"
    "block;width:.9rem;height:.9rem;margin-right:.35rem;"
    "vertical-align:-.1rem;border-radius:2px}\n"
    "@page{size:A4;margin:14mm}@media print{:root{--bg:#fff;--fg:#000;"
    "--soft:#444;--line:#bbb;--card:#f4f4f4;--low:#deebf7;--high:#08519c}"
    "body{padding:0;max-width:none;font-size:9.5pt}"
    "svg{max-width:150mm}.scroll{overflow:visible}"
    "table{font-size:7.5pt}th,td{padding:.1rem .3rem;white-space:normal}"
    "i,rect{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n"
    "</style>\n";

void
html_text(FILE *f, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*s, f);
		}
}

/* 1,234,567 */
void
html_number(FILE *f, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
			fputc(',', f);
		fputc(digits[i], f);
	}
}

static void
put_value(FILE *f, const struct figure *x)
{
	fputs("<td>", f);
	if (x == NULL)
		fputc('0', f);
	else if (x->hidden)
		fputs("<abbr title=\"秘匿 hidden\">×</abbr>", f);
	else
		html_number(f, x->value);
	fputs("</td>", f);
}

static void
put_name(FILE *f, enum statistics_dim dim, const char *key)
{
	char ja[64], en[64];
	const char *a = statistics_label(dim, key, true, ja);
	const char *b = statistics_label(dim, key, false, en);

	html_text(f, a);
	if ((dim == DIM_CODE || dim == DIM_REASON) &&
	    strcmp(key, "none") != 0) {
		if (strcmp(a, key) != 0)
			fprintf(f, " <small>%s</small>", key);
	} else if (strcmp(a, b) != 0) {
		fputs(" <small>", f);
		html_text(f, b);
		fputs("</small>", f);
	}
}

/* Largest first, as a list of ranks; the hidden ones last. */
static int
rank_cmp(const void *a, const void *b)
{
	const struct figure *x = *(const struct figure *const *)a;
	const struct figure *y = *(const struct figure *const *)b;
	int64_t m = x->hidden ? -1 : x->value, n = y->hidden ? -1 : y->value;

	if (m != n)
		return m > n ? -1 : 1;
	return strcmp(x->key[0], y->key[0]);
}

static void
put_list(FILE *f, const struct figures *all, enum statistics_table table)
{
	const struct statistics_table_row *t = &statistics_tables[table];
	const struct figure *v;
	size_t n = figures_of(all, table, &v);
	const struct figure **by = text_alloc((n + 1) * sizeof(*by));
	struct chart_keys keys;

	for (size_t i = 0; i < n; i++)
		by[i] = &v[i];
	if (t->chart == CHART_TABLE && n > 1)
		qsort(by, n, sizeof(const struct figure *), rank_cmp);
	else if (t->chart != CHART_TABLE) { /* as the chart has them */
		chart_keys(all, table, 0, &keys);
		n = keys.n;
		for (size_t i = 0; i < n; i++)
			by[i] = figures_find(all, table, keys.v[i], "");
	}
	fprintf(f,
	    "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">%s "
	    "<small>%s</small></th><th scope=\"col\">%s</th></tr></thead>"
	    "<tbody>\n",
	    statistics_dims[t->dim[0]].ja, statistics_dims[t->dim[0]].en,
	    t->unit_ja);
	for (size_t i = 0; i < n && i < ROWS_MAX; i++) {
		fputs("<tr><th scope=\"row\">", f);
		put_name(f, t->dim[0], by[i]->key[0]);
		fputs("</th>", f);
		put_value(f, by[i]);
		fputs("</tr>\n", f);
	}
	fputs("</tbody></table></div>\n", f);
	if (n > ROWS_MAX)
		fprintf(f,
		    "<p class=\"from\">上位%d行。全%zu行はCSVにあります。 The "
		    "first %d rows; all %zu are in the CSV.</p>\n",
		    ROWS_MAX, n, ROWS_MAX, n);
	free(by);
}

static void
put_cross(FILE *f, const struct figures *all, enum statistics_table table)
{
	const struct statistics_table_row *t = &statistics_tables[table];
	struct chart_keys row, column;

	chart_keys(all, table, 0, &row);
	chart_keys(all, table, 1, &column);
	fprintf(f,
	    "<div class=\"scroll\" tabindex=\"0\"><table class=\"cross\"><thead><tr>"
	    "<th scope=\"col\">%s <small>%s</small></th>",
	    statistics_dims[t->dim[0]].ja, statistics_dims[t->dim[0]].en);
	for (size_t c = 0; c < column.n; c++) {
		fputs("<th scope=\"col\">", f);
		put_name(f, t->dim[1], column.v[c]);
		fputs("</th>", f);
	}
	fputs("</tr></thead><tbody>\n", f);
	for (size_t r = 0; r < row.n; r++) {
		fputs("<tr><th scope=\"row\">", f);
		put_name(f, t->dim[0], row.v[r]);
		fputs("</th>", f);
		for (size_t c = 0; c < column.n; c++)
			put_value(
			    f, figures_find(all, table, row.v[r], column.v[c]));
		fputs("</tr>\n", f);
	}
	fputs("</tbody></table></div>\n", f);
}

/* ---- a sender's own page: what it did wrong, and how to mend it ---- */

struct problem {
	const char *code;
	int64_t n;
};

static int
problem_cmp(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return strcmp(x->code, y->code);
}

static void
put_problem(FILE *f, size_t rank, const struct problem *p)
{
	int code = diag_find(slice_of(p->code));

	fprintf(f, "<tr><td>%zu</td><th scope=\"row\"><code>%s</code></th><td>",
	    rank, p->code);
	html_number(f, p->n);
	fputs("</td><td class=\"words\">", f);
	if (code != -1) {
		html_text(f, diag_table[code].ja);
		fputs(" <small lang=\"en\">", f);
		html_text(f, diag_table[code].en);
		fputs("</small></td><td class=\"words\">", f);
		html_text(f, diag_table[code].mend_ja);
		fputs(" <small lang=\"en\">", f);
		html_text(f, diag_table[code].mend_en);
		fputs("</small>", f);
	}
	fputs("</td></tr>\n", f);
}

/* A ledger from before there were problems in it has none to rank. */
static int64_t
refused_records(const struct statistics *s)
{
	const struct figure *v;
	size_t n = figures_of(&s->figures, TABLE_RECORDS, &v);
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].key[1], "refused") == 0)
			sum += v[i].value;
	return sum;
}

static void
put_problems(FILE *f, const struct statistics *s)
{
	const struct figure *v;
	int64_t refused = refused_records(s);
	size_t n = figures_of(&s->figures, TABLE_PROBLEM, &v), k = 0;
	struct problem *p = text_alloc((n + 1) * sizeof(*p));

	fputs("<section id=\"problems\"><h2>直していただきたいこと<small "
	      "lang=\"en\">What to mend, most frequent first</small></h2>\n",
	    f);
	for (size_t i = 0; i < n; i++) {
		if (k == 0 || strcmp(p[k - 1].code, v[i].key[0]) != 0)
			p[k++] = (struct problem) { v[i].key[0], 0 };
		p[k - 1].n += v[i].value;
	}
	if (k == 0 && refused > 0) {
		fputs(
		    "<p>エラーの内訳がこの月の台帳にありません（エラーのレコード ",
		    f);
		html_number(f, refused);
		fputs("件）。 <span lang=\"en\">What was wrong is not in the "
		      "ledger of this month; records refused: ",
		    f);
		html_number(f, refused);
		fputs(".</span></p>\n", f);
	} else if (k == 0)
		fputs(
		    "<p>エラーも警告もありません。 <span lang=\"en\">Neither errors "
		    "nor warnings.</span></p>\n",
		    f);
	else {
		qsort(p, k, sizeof(*p), problem_cmp);
		fputs("<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>"
		      "<th scope=\"col\">順位</th><th scope=\"col\">コード</th>"
		      "<th scope=\"col\">件数</th><th scope=\"col\" "
		      "class=\"words\">理由 "
		      "<small>reason</small></th><th scope=\"col\" "
		      "class=\"words\">直し方 "
		      "<small>how to mend</small></th></tr></thead><tbody>\n",
		    f);
		for (size_t i = 0; i < k; i++)
			put_problem(f, i + 1, &p[i]);
		fputs("</tbody></table></div>\n", f);
	}
	fputs(
	    "<p class=\"from\">各ファイルのエラーリスト（STEM.errors.csv）に行番号と項目が"
	    "あります。 Rows and items are in the error list of each "
	    "file.</p></section>\n",
	    f);
	free(p);
}

static void
put_section(FILE *f, const struct statistics *s, enum statistics_table table)
{
	const struct statistics_table_row *t = &statistics_tables[table];
	const struct figure *v;
	size_t n = figures_of(&s->figures, table, &v);
	char first[11], last[11];

	if (n == 0 || t->chart == CHART_NUMBER)
		return;
	day_format_iso(s->first, first);
	day_format_iso(s->last, last);
	fprintf(f,
	    "<section id=\"%s\"><h2>%s<small lang=\"en\">%s</small></h2>"
	    "<figure class=\"scroll\" tabindex=\"0\">\n",
	    t->name, t->ja, t->en);
	chart_draw(f, &s->figures, table);
	fputs("</figure>\n", f);
	if (t->dim[1] == DIM_NONE)
		put_list(f, &s->figures, table);
	else
		put_cross(f, &s->figures, table);
	fprintf(f, "<p class=\"from\">対象: %s～%s。出典: %s。", first, last,
	    t->from_ja);
	fprintf(f, " Days %s to %s; from %s. ", first, last, t->from);
	fprintf(f,
	    "世代 generation: 資格%lld・医療機関%lld. "
	    "<code>SELECT * FROM %s</code></p></section>\n",
	    (long long)s->set.kind[SNAPSHOT_QUALIFICATION].generation,
	    (long long)s->set.kind[SNAPSHOT_INSTITUTIONS].generation, t->name);
}

static void
put_number(FILE *f, const char *ja, const char *en, int64_t n, bool hidden)
{
	fprintf(f, "<div><dt>%s <span lang=\"en\">%s</span></dt><dd>", ja, en);
	if (hidden)
		fputs("×", f);
	else
		html_number(f, n);
	fputs("</dd></div>\n", f);
}

static void
put_summary(FILE *f, const struct statistics *s)
{
	fputs("<dl class=\"numbers\">\n", f);
	for (int t = 0; t < TABLE__MAX; t++) {
		const struct figure *v;

		if (statistics_tables[t].chart != CHART_NUMBER ||
		    figures_of(&s->figures, (enum statistics_table)t, &v) == 0)
			continue;
		put_number(f, statistics_tables[t].ja, statistics_tables[t].en,
		    v->value, v->hidden);
	}
	if (s->sender != NULL) {
		fputs("</dl>\n", f);
		return;
	}
	put_number(
	    f, "利用記録のある日数", "Days with a journal", s->days, false);
	put_number(f, "遅れて記録された件数", "Late usage records", s->late,
	    s->late > 0 && s->late < s->below);
	put_number(
	    f, "秘匿した値", "Figures hidden", (int64_t)s->hidden, false);
	fputs("</dl>\n", f);
}

static void
put_findings(FILE *f, const struct statistics *s)
{
	if (s->findings == 0)
		return;
	fputs("<section class=\"warn\" id=\"findings\"><h2>留意事項<small "
	      "lang=\"en\">What was wrong with the inputs</small></h2><ul>\n",
	    f);
	for (size_t i = 0; i < s->findings && i < ROWS_MAX; i++) {
		const struct finding *x = &s->finding[i];

		fprintf(f, "<li><code>%s</code> ", x->code);
		html_text(f, x->subject);
		fprintf(f, ": %s <small lang=\"en\">%s</small></li>\n", x->ja,
		    x->en);
	}
	fputs("</ul></section>\n", f);
}

static void
put_head(FILE *f, const struct statistics *s)
{
	char first[11], last[11], csv[48], json[48], sqlite[48], xlsx[48];
	int y, m, d;

	day_format_iso(s->first, first);
	day_format_iso(s->last, last);
	day_civil(s->first, &y, &m, &d);
	statistics_name(s, ".csv", csv);
	statistics_name(s, ".json", json);
	statistics_name(s, ".sqlite", sqlite);
	statistics_name(s, ".xlsx", xlsx);
	fprintf(f,
	    "<!DOCTYPE html>\n<html lang=\"ja\">\n<head>\n<meta "
	    "charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n"
	    "<title>資格確認 月次統計 %d年%d月</title>\n%s</head>\n<body>\n"
	    "<h1>資格確認 月次統計 %d年%d月<small lang=\"en\">Statistics of the "
	    "qualification check, %.7s</small></h1>\n<p>",
	    y, m, style, y, m, first);
	html_text(f, s->site);
	fprintf(f, "。対象 %s～%s。", first, last);
	if (s->sender != NULL) {
		fprintf(f, "<br>送信元 <strong>%s ", s->sender);
		html_text(f, s->sender_name);
		fputs("</strong> <span lang=\"en\">Of what this sender sent, "
		      "and of its insured alone.</span></p>\n",
		    f);
		if (s->below > 0)
			fprintf(f,
			    "<p>照会件数の × は秘匿（%d未満など）。 <span lang=\"en\">"
			    "× instead of a number of questions: hidden, as "
			    "below %d.</span></p>\n",
			    s->below, s->below);
		return;
	}
	fprintf(f,
	    "データ <a href=\"%s\">CSV</a> "
	    "<a href=\"%s\">列の説明 columns</a> <a href=\"%s\">SQLite</a> "
	    "<a href=\"%s\">Excel</a></p>\n",
	    csv, json, sqlite, xlsx);
	if (s->revised)
		fputs(
		    "<p class=\"warn\"><strong>再集計: 公表済みの月の数え直しです。"
		    "公表値との差から秘匿した値が分かるため、運用者限り。</strong>"
		    " <span lang=\"en\">Revised: this month is given out already; "
		    "what differs would give hidden figures away. For the "
		    "operator, not to be given out.</span></p>\n",
		    f);
	else if (!s->closed)
		fputs(
		    "<p class=\"warn\"><strong>未確定: この月は終わっていないか、請求集計"
		    "がまだです。運用者限り。</strong>"
		    " <span lang=\"en\">Open: this month has not ended or is not "
		    "billed; its figures still grow. For the operator, not to be "
		    "given out.</span></p>\n",
		    f);
	if (s->below > 0)
		fprintf(f,
		    "<p>× は秘匿（%d未満の値と、それを逆算させないための値）。 <span "
		    "lang=\"en\">× is hidden: a figure below %d, or one that "
		    "would give such a figure away.</span></p>\n",
		    s->below, s->below);
}

int
statistics_html(
    const struct statistics *s, const char *path, struct diag_sink *sink)
{
	FILE *f = fopen(path, "we");
	bool bad;

	if (f == NULL) {
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
		return -1;
	}
	put_head(f, s);
	put_summary(f, s);
	put_findings(f, s);
	if (s->sender != NULL)
		put_problems(f, s);
	for (int t = 0; t < TABLE__MAX; t++)
		if (s->sender == NULL || t != TABLE_PROBLEM)
			put_section(f, s, (enum statistics_table)t);
	fputs("</body>\n</html>\n", f);
	bad = ferror(f) != 0;
	if (fclose(f) == EOF || bad) {
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
		return -1;
	}
	return 0;
}
