/* Charts. Units of a viewBox 480 wide; a reader's screen scales it. */
#include "batch/statistics_chart.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codec/text.h"

enum { WIDE = 480, COLOURS = 8 };

/* Place of a value in its code list, for the order. */
static int
place_of(enum statistics_dim dim, const char *value)
{
	const struct code *c = statistics_dims[dim].codes;

	if (strcmp(value, "none") == 0 && dim != DIM_ANSWER)
		return 1000;
	for (int i = 0; c != NULL && c[i].code != NULL; i++)
		if (strcmp(c[i].code, value) == 0)
			return i;
	return 999;
}

static bool
before(enum statistics_dim dim, const char *a, const char *b)
{
	int x = place_of(dim, a), y = place_of(dim, b);

	return x != y ? x < y : strcmp(a, b) < 0;
}

void
chart_keys(const struct figures *all, enum statistics_table table, int key,
    struct chart_keys *out)
{
	enum statistics_dim dim = statistics_tables[table].dim[key];
	const struct figure *v;
	size_t n = figures_of(all, table, &v);

	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		const char *k = v[i].key[key];
		size_t at = 0;

		while (at < out->n && before(dim, out->v[at], k))
			at++;
		if ((at < out->n && strcmp(out->v[at], k) == 0) ||
		    out->n == CHART_KEYS_MAX)
			continue;
		memmove(&out->v[at + 1], &out->v[at],
		    (out->n - at) * sizeof(out->v[0]));
		out->v[at] = k;
		out->n++;
	}
}

static int64_t
shown(const struct figures *all, enum statistics_table table, const char *a,
    const char *b)
{
	const struct figure *x = figures_find(all, table, a, b);

	return x == NULL || x->hidden ? 0 : x->value;
}

/* Of a key over all values of the other. */
static int64_t
sum_of(const struct figures *all, enum statistics_table table, const char *a,
    bool *hidden)
{
	const struct figure *v;
	size_t n = figures_of(all, table, &v);
	int64_t sum = 0;

	*hidden = false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].key[0], a) == 0) {
			sum += v[i].hidden ? 0 : v[i].value;
			*hidden |= v[i].hidden;
		}
	return sum;
}

static void
name(FILE *f, enum statistics_dim dim, const char *key)
{
	char room[64];

	html_text(f, statistics_label(dim, key, true, room));
}

/* Beside a bar there is space for so many letters, a Japanese one is two. Its
 * letters are 11 high: so wide are the widest. */
enum { NAME_MOST = 30, NAME_SPACE = 180, LATIN = 7, KANJI = 11 };

/* The code itself where its name would be a sentence. */
static const char *
name_of(enum statistics_dim dim, const char *key, char room[64])
{
	if ((dim == DIM_CODE || dim == DIM_REASON) && strcmp(key, "none") != 0)
		return key;
	return statistics_label(dim, key, true, room);
}

static void
name_short(FILE *f, enum statistics_dim dim, const char *key, int most)
{
	char room[64], cut[128];
	const char *s = name_of(dim, key, room);
	size_t n = 0;
	int units = 0;

	while (s[n] != '\0' && units < most && n + 4 < sizeof(cut)) {
		units += (s[n] & 0x80) != 0 ? 2 : 1;
		n++;
		while ((s[n] & 0xc0) == 0x80)
			n++;
	}
	snprintf(
	    cut, sizeof(cut), "%.*s%s", (int)n, s, s[n] == '\0' ? "" : "…");
	html_text(f, cut);
}

/* The space that the longest of these names takes. */
static int
name_space(enum statistics_dim dim, const struct chart_keys *k)
{
	char room[64];
	int longest = 0, wide;

	for (size_t i = 0; i < k->n; i++) {
		wide = 0;
		for (const char *s = name_of(dim, k->v[i], room); *s != '\0';
		     s++)
			wide += (*s & 0x80) == 0 ? LATIN :
			    (*s & 0xc0) == 0xc0	 ? KANJI :
						   0;
		if (wide > longest)
			longest = wide;
	}
	return 10 + (longest > NAME_SPACE ? NAME_SPACE : longest);
}

/* 1,234,567件＋× */
static int
number_space(int64_t n, const char *unit_ja)
{
	int digits = 1, unit = (int)strlen(unit_ja) / 3;

	for (int64_t ten = 10; ten <= n; ten *= 10)
		digits++;
	return 10 + LATIN * (digits + (digits - 1) / 3) + (unit + 2) * KANJI;
}

/* ---- frame ---- */

static int64_t
round_up(int64_t n)
{
	int64_t ten = 1;

	while (ten * 10 <= n)
		ten *= 10;
	for (int i = 1; i <= 10; i++)
		if (ten * i >= n)
			return ten * i;
	return n;
}

static void
open_svg(
    FILE *f, const struct figures *all, enum statistics_table table, int high)
{
	const struct statistics_table_row *t = &statistics_tables[table];
	const struct figure *v, *top = NULL;
	size_t n = figures_of(all, table, &v), hidden = 0;

	for (size_t i = 0; i < n; i++) {
		hidden += v[i].hidden;
		if (!v[i].hidden && (top == NULL || v[i].value > top->value))
			top = &v[i];
	}
	fprintf(f,
	    "<svg viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-labelledby=\"t%d d%d\"><title id=\"t%d\">%s / %s</title>"
	    "<desc id=\"d%d\">",
	    WIDE, high, table, table, table, t->ja, t->en, table);
	if (top != NULL) {
		fputs("最大 largest: ", f);
		name(f, t->dim[0], top->key[0]);
		if (t->dim[1] != DIM_NONE) {
			fputs("・", f);
			name(f, t->dim[1], top->key[1]);
		}
		fputc(' ', f);
		html_number(f, top->value);
		fputs(t->unit_ja, f);
	}
	if (hidden > 0)
		fprintf(f, "。秘匿 hidden: %zu", hidden);
	fputs("。数値は下の表 figures in the table below.</desc>\n", f);
}

/* The unit stands over the figures of the scale. */
static void
scale(FILE *f, int left, int top, int bottom, int64_t most, const char *unit_ja)
{
	fprintf(f,
	    "<text class=\"soft\" text-anchor=\"end\" x=\"%d\" "
	    "y=\"%d\">%s</text>",
	    left - 4, top - 12, unit_ja);
	for (int i = 0; i <= 4; i++) {
		double y = bottom - (bottom - top) * i / 4.0;

		if (most % 4 != 0 && i % 4 != 0)
			continue;
		fprintf(f,
		    "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
		    "y2=\"%.1f\"/><text class=\"soft\" text-anchor=\"end\" "
		    "x=\"%d\" y=\"%.1f\">",
		    left, WIDE - 5, y, y, left - 4, y + 4);
		html_number(f, most * i / 4);
		fputs("</text>", f);
	}
	fputc('\n', f);
}

static void
legend(FILE *f, enum statistics_dim dim, const struct chart_keys *k)
{
	fputs("<ul class=\"legend\">", f);
	for (size_t i = 0; i < k->n; i++) {
		char room[64], other[64];
		const char *en;

		fprintf(f, "<li><i style=\"background:var(--c%zu)\"></i>",
		    i % COLOURS);
		name(f, dim, k->v[i]);
		en = statistics_label(dim, k->v[i], false, room);
		if (strcmp(en, statistics_label(dim, k->v[i], true, other)) !=
		    0) {
			fputs(" <small lang=\"en\">", f);
			html_text(f, en);
			fputs("</small>", f);
		}
		fputs("</li>", f);
	}
	fputs("</ul>\n", f);
}

/* ---- the kinds ---- */

static void
draw_line(FILE *f, const struct figures *all, enum statistics_table table)
{
	enum { LEFT = 55, TOP = 26, BOTTOM = 184, HIGH = 214 };
	struct chart_keys k;
	enum statistics_dim dim = statistics_tables[table].dim[0];
	const struct figure *x;
	int64_t most = 1;
	double step;

	chart_keys(all, table, 0, &k);
	for (size_t i = 0; i < k.n; i++)
		if (shown(all, table, k.v[i], "") > most)
			most = shown(all, table, k.v[i], "");
	most = round_up(most);
	step = k.n > 1 ? (double)(WIDE - LEFT - 35) / (double)(k.n - 1) : 0;
	open_svg(f, all, table, HIGH);
	scale(f, LEFT, TOP, BOTTOM, most, statistics_tables[table].unit_ja);
	for (size_t i = 0, pen = 0; i < k.n; i++) {
		x = figures_find(all, table, k.v[i], "");
		if (x == NULL || x->hidden) {
			fputs(pen ? "\"/>" : "", f);
			pen = 0;
			continue;
		}
		fprintf(f, "%s%.1f %.1f ",
		    pen++ ? "L" :
			    "<path fill=\"none\" stroke=\"var(--c0)\" "
			    "stroke-width=\"2\" d=\"M",
		    LEFT + 10 + step * (double)i,
		    BOTTOM -
			(double)(BOTTOM - TOP) * (double)x->value /
			    (double)most);
		if (i + 1 == k.n)
			fputs("\"/>", f);
	}
	for (size_t i = 0; i < k.n; i++) {
		double at = LEFT + 10 + step * (double)i;

		x = figures_find(all, table, k.v[i], "");
		if (x != NULL && !x->hidden)
			fprintf(f,
			    "<circle r=\"3\" fill=\"var(--c0)\" cx=\"%.1f\" "
			    "cy=\"%.1f\"/>",
			    at,
			    BOTTOM -
				(double)(BOTTOM - TOP) * (double)x->value /
				    (double)most);
		if (k.n > 10 && i % 5 != 0)
			continue;
		fprintf(f, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">",
		    at, BOTTOM + 18);
		name(f, dim, k.v[i]);
		fputs("</text>", f);
	}
	fputs("</svg>\n", f);
}

/* A chart of what went wrong is not dwarfed by all that did not; the table
 * under it has that too. */
static void
leave_none(enum statistics_dim dim, struct chart_keys *k)
{
	if ((dim == DIM_CODE || dim == DIM_REASON) && k->n > 1 &&
	    strcmp(k->v[k->n - 1], "none") == 0)
		k->n--;
}

/* Bars from left to right, stacked where there is a second key. */
static void
draw_bars(FILE *f, const struct figures *all, enum statistics_table table)
{
	enum { ROW = 22 };
	const struct statistics_table_row *t = &statistics_tables[table];
	struct chart_keys k, by = { { "" }, 1 };
	int64_t most = 1, n;
	int left, room;
	bool hidden;

	chart_keys(all, table, 0, &k);
	leave_none(t->dim[0], &k);
	left = name_space(t->dim[0], &k);
	if (t->dim[1] != DIM_NONE)
		chart_keys(all, table, 1, &by);
	for (size_t i = 0; i < k.n; i++)
		if ((n = sum_of(all, table, k.v[i], &hidden)) > most)
			most = n;
	room = WIDE - left - number_space(most, t->unit_ja);
	if (t->dim[1] != DIM_NONE)
		legend(f, t->dim[1], &by);
	open_svg(f, all, table, ROW * (int)k.n + 4);
	for (size_t i = 0; i < k.n; i++) {
		double at = left, wide;
		int y = ROW * (int)i + 2;

		n = sum_of(all, table, k.v[i], &hidden);
		fprintf(f, "<text text-anchor=\"end\" x=\"%d\" y=\"%d\">",
		    left - 6, y + 14);
		name_short(f, t->dim[0], k.v[i], NAME_MOST);
		fputs("</text>", f);
		for (size_t j = 0; j < by.n; j++) {
			wide = (double)room *
			    (double)shown(all, table, k.v[i], by.v[j]) /
			    (double)most;
			if (wide <= 0)
				continue;
			fprintf(f,
			    "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
			    "height=\"%d\" fill=\"var(--c%zu)\" "
			    "stroke=\"var(--bg)\" stroke-width=\".5\"/>",
			    at, y, wide < 1 ? 1 : wide, ROW - 5, j % COLOURS);
			at += wide;
		}
		fprintf(f, "<text class=\"soft\" x=\"%.1f\" y=\"%d\">", at + 4,
		    y + 14);
		if (n > 0) {
			html_number(f, n);
			fputs(t->unit_ja, f);
		}
		fputs(hidden && n > 0 ? "＋×" : hidden ? "×" : "", f);
		fputs("</text>\n", f);
	}
	fputs("</svg>\n", f);
}

/* Columns, stacked, for keys that run (hours, ages, days). */
static void
draw_columns(FILE *f, const struct figures *all, enum statistics_table table)
{
	enum { LEFT = 55, TOP = 26, BOTTOM = 204, HIGH = 234 };
	const struct statistics_table_row *t = &statistics_tables[table];
	struct chart_keys k, by;
	int64_t most = 1, n;
	double step;
	bool hidden;

	chart_keys(all, table, 0, &k);
	chart_keys(all, table, 1, &by);
	for (size_t i = 0; i < k.n; i++)
		if ((n = sum_of(all, table, k.v[i], &hidden)) > most)
			most = n;
	most = round_up(most);
	step = (double)(WIDE - LEFT - 10) / (double)(k.n > 8 ? k.n : 8);
	legend(f, t->dim[1], &by);
	open_svg(f, all, table, HIGH);
	scale(f, LEFT, TOP, BOTTOM, most, t->unit_ja);
	for (size_t i = 0; i < k.n; i++) {
		double y = BOTTOM, x = LEFT + 4 + step * (double)i, high;

		for (size_t j = 0; j < by.n; j++) {
			high = (double)(BOTTOM - TOP) *
			    (double)shown(all, table, k.v[i], by.v[j]) /
			    (double)most;
			if (high <= 0)
				continue;
			y -= high;
			fprintf(f,
			    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
			    "height=\"%.1f\" fill=\"var(--c%zu)\" "
			    "stroke=\"var(--bg)\" stroke-width=\".5\"/>",
			    x, y, step * 0.8, high, j % COLOURS);
		}
		/* else who reads takes what is left for the whole */
		sum_of(all, table, k.v[i], &hidden);
		if (hidden)
			fprintf(f,
			    "<text class=\"soft\" text-anchor=\"middle\" "
			    "x=\"%.1f\" y=\"%.1f\">×</text>",
			    x + step * 0.4, y - 3);
		if (k.n > 10 && i % 3 != 0)
			continue;
		fprintf(f, "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">",
		    x + step * 0.4, BOTTOM + 18);
		if (t->dim[0] == DIM_AGE)
			fprintf(f, "%lld歳",
			    (long long)slice_number(slice_of(k.v[i])));
		else
			name(f, t->dim[0], k.v[i]);
		fputs("</text>\n", f);
	}
	fputs("</svg>\n", f);
}

/* A shade from low to high by share; its text is read on both. */
static void
shade(FILE *f, double x, double y, double w, double h, const char *text,
    int64_t value, int64_t most, bool hidden)
{
	double share = most > 0 ? (double)value / (double)most : 0;

	fprintf(f,
	    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
	    "rx=\"2\" stroke=\"var(--bg)\" fill=\"",
	    x, y, w, h);
	if (value == 0 && !hidden)
		fputs("var(--card)\"/>", f);
	else
		fprintf(f,
		    "color-mix(in srgb,var(--high) %.0f%%,var(--low))\"/>",
		    share * 100);
	if (text == NULL)
		return;
	fprintf(f,
	    "<text text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\" "
	    "style=\"font-size:10px%s\">%s%s</text>",
	    x + w / 2, y + h / 2 + 3.5, share > 0.5 ? ";fill:var(--bg)" : "",
	    text, hidden && value == 0 ? "×" : "");
}

/* What the shades mean, two lines from y on. */
static void
shades(FILE *f, int y, int64_t most, const struct statistics_table_row *t)
{
	fprintf(
	    f, "<text class=\"soft\" x=\"5\" y=\"%d\">濃いほど多い（最大 ", y);
	html_number(f, most);
	fprintf(f,
	    "%s、秘匿分を除く）。灰色 なし、× 秘匿</text><text class=\"soft\" "
	    "x=\"5\" y=\"%d\" lang=\"en\">darker is more (most ",
	    t->unit_ja, y + 16);
	html_number(f, most);
	fputs(", without what is hidden); grey none, × hidden</text>\n", f);
}

static void
draw_heat(FILE *f, const struct figures *all, enum statistics_table table)
{
	enum { LEFT = 40, TOP = 20, ROW = 26 };
	const struct statistics_table_row *t = &statistics_tables[table];
	struct chart_keys row, column;
	int64_t most = 1;
	double step;
	const struct figure *v;
	size_t n = figures_of(all, table, &v);

	chart_keys(all, table, 0, &row);
	chart_keys(all, table, 1, &column);
	for (size_t i = 0; i < n; i++)
		if (!v[i].hidden && v[i].value > most)
			most = v[i].value;
	step =
	    (double)(WIDE - LEFT - 5) / (double)(column.n > 6 ? column.n : 6);
	open_svg(f, all, table, TOP + ROW * (int)row.n + 40);
	for (size_t c = 0; c < column.n; c++)
		fprintf(f,
		    "<text text-anchor=\"middle\" x=\"%.1f\" y=\"14\">%s</text>",
		    LEFT + step * ((double)c + 0.5), column.v[c]);
	for (size_t r = 0; r < row.n; r++) {
		fprintf(f, "<text text-anchor=\"end\" x=\"%d\" y=\"%d\">",
		    LEFT - 8, TOP + ROW * (int)r + 17);
		name(f, t->dim[0], row.v[r]);
		fputs("</text>", f);
		for (size_t c = 0; c < column.n; c++) {
			const struct figure *x =
			    figures_find(all, table, row.v[r], column.v[c]);

			shade(f, LEFT + step * (double)c, TOP + ROW * (int)r,
			    step, ROW, x != NULL && x->hidden ? "" : NULL,
			    x == NULL || x->hidden ? 0 : x->value, most,
			    x != NULL && x->hidden);
		}
		fputc('\n', f);
	}
	shades(f, TOP + ROW * (int)row.n + 18, most, t);
	fputs("</svg>\n", f);
}

/* Where a prefecture's tile lies: column and row, 01 to 47. */
static const char tiles[47][2] = { { 12, 0 }, { 12, 2 }, { 12, 3 }, { 12, 4 },
	{ 11, 3 }, { 11, 4 }, { 12, 5 }, { 12, 6 }, { 11, 6 }, { 10, 6 },
	{ 11, 7 }, { 12, 8 }, { 11, 8 }, { 11, 9 }, { 10, 5 }, { 9, 5 },
	{ 8, 5 }, { 7, 5 }, { 10, 8 }, { 9, 6 }, { 8, 6 }, { 10, 9 }, { 9, 7 },
	{ 8, 8 }, { 7, 6 }, { 6, 6 }, { 6, 8 }, { 5, 6 }, { 7, 8 }, { 7, 9 },
	{ 4, 6 }, { 3, 6 }, { 4, 7 }, { 3, 7 }, { 2, 7 }, { 5, 9 }, { 5, 10 },
	{ 4, 9 }, { 4, 10 }, { 1, 7 }, { 0, 8 }, { 0, 9 }, { 1, 9 }, { 2, 8 },
	{ 2, 9 }, { 1, 10 }, { 0, 12 } };

static void
draw_tiles(FILE *f, const struct figures *all, enum statistics_table table)
{
	const double step = 36, high = 28;
	int64_t most = 1, n;
	char code[4], short_name[16];
	bool hidden;

	for (int p = 1; p <= 47; p++) {
		snprintf(code, sizeof(code), "%02d", p);
		if ((n = sum_of(all, table, code, &hidden)) > most)
			most = n;
	}
	open_svg(f, all, table, (int)(high * 13 + 4));
	for (int p = 1; p <= 47; p++) {
		const char *full;
		char room[64];
		size_t len;

		snprintf(code, sizeof(code), "%02d", p);
		full = statistics_label(DIM_PREFECTURE, code, true, room);
		len = strlen(full);
		/* 東京都 -> 東京; 北海道 stays */
		if (len > 6 && p != 1)
			len -= 3;
		n = sum_of(all, table, code, &hidden);
		snprintf(
		    short_name, sizeof(short_name), "%.*s", (int)len, full);
		shade(f, 5 + step * tiles[p - 1][0], 2 + high * tiles[p - 1][1],
		    step, high, short_name, n, most, hidden);
	}
	shades(f, 20, most, &statistics_tables[table]);
	fputs("</svg>\n", f);
}

bool
chart_nothing_shown(const struct figures *all, enum statistics_table table)
{
	const struct figure *v;
	size_t n = figures_of(all, table, &v);

	for (size_t i = 0; i < n; i++)
		if (!v[i].hidden)
			return false;
	return true;
}

void
chart_draw(FILE *f, const struct figures *all, enum statistics_table table)
{
	enum statistics_dim dim = statistics_tables[table].dim[0];
	bool runs = dim == DIM_HOUR || dim == DIM_AGE || dim == DIM_DAY;

	if (statistics_tables[table].chart != CHART_TABLE &&
	    chart_nothing_shown(all, table)) {
		fputs(
		    "<p class=\"from\">すべて秘匿のため図はありません。 No chart: "
		    "every figure is hidden.</p>\n",
		    f);
		return;
	}
	switch (statistics_tables[table].chart) {
	case CHART_LINE:
		draw_line(f, all, table);
		break;
	case CHART_BARS:
		draw_bars(f, all, table);
		break;
	case CHART_STACK:
		if (runs)
			draw_columns(f, all, table);
		else
			draw_bars(f, all, table);
		break;
	case CHART_HEAT:
		draw_heat(f, all, table);
		break;
	case CHART_TILES:
		draw_tiles(f, all, table);
		break;
	case CHART_NUMBER:
	case CHART_TABLE:
		break;
	}
}
