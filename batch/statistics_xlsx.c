/*
 * A month's statistics as a workbook: a summary, a sheet per table with its
 * chart, and what the tables mean. Hidden figures are × as on the page; a
 * combination that did not occur is 0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch/statistics.h"
#include "batch/statistics_chart.h"
#include "formats/codec/day.h"
#include "formats/codec/workbook.h"

#define HIDDEN "×"
#define CLOSING ((int64_t)21 * 3600 * 1000) /* nothing in it is a clock's */
#define BESIDE 75 /* wider tables have their chart below */
#define ROWS_DRAWN 60

struct pages {
	struct workbook *w;
	const struct statistics *s;
	struct workbook_column column[WORKBOOK_COLUMNS_MAX];
	char title[WORKBOOK_COLUMNS_MAX][100];
	struct slice cell[WORKBOOK_COLUMNS_MAX];
	char room[WORKBOOK_COLUMNS_MAX][64];
	int first; /* column of values */
	int ok;
};

/* Not to be given out: on every sheet. */
static const char *
state(const struct statistics *s)
{
	return s->revised ? " 再集計・運用者限り" :
	    !s->closed	  ? " 未確定・運用者限り" :
			    "";
}

static void
sheet(struct pages *p, const char *name, int columns)
{
	char head[400], first[11], last[11];
	struct workbook_sheet s = { .name = name,
		.head = head,
		.columns = p->column,
		.ncolumns = columns,
		.filled = true };

	day_format_iso(p->s->first, first);
	day_format_iso(p->s->last, last);
	snprintf(head, sizeof(head),
	    "&L&A&C%s～%s 世代 資格%lld・医療機関%lld%s&R%.60s", first, last,
	    (long long)p->s->set.kind[SNAPSHOT_QUALIFICATION].generation,
	    (long long)p->s->set.kind[SNAPSHOT_INSTITUTIONS].generation,
	    state(p->s), p->s->site);
	if (p->ok == 0)
		p->ok = workbook_sheet(p->w, &s);
}

static void
row(struct pages *p)
{
	if (p->ok == 0)
		p->ok = workbook_row(p->w, p->cell);
}

static struct slice
number(struct pages *p, int column, int64_t n)
{
	snprintf(
	    p->room[column], sizeof(p->room[column]), "%lld", (long long)n);
	return slice_of(p->room[column]);
}

static struct slice
value(struct pages *p, int column, const struct figure *x)
{
	return x != NULL && x->hidden ?
	    slice_of(HIDDEN) :
	    number(p, column, x == NULL ? 0 : x->value);
}

/* ---- summary ---- */

static void
item(struct pages *p, const char *ja, const char *en, struct slice v,
    const char *unit)
{
	p->cell[0] = slice_of(ja);
	p->cell[1] = slice_of(en);
	p->cell[2] = v;
	p->cell[3] = slice_of(unit);
	row(p);
}

static void
put_about(struct pages *p)
{
	const struct statistics *s = p->s;
	char first[11], last[11];

	day_format_iso(s->first, first);
	day_format_iso(s->last, last);
	item(p, "サイト", "site", slice_of(s->site), "");
	item(p, "対象の初日", "first day", slice_of(first), "");
	item(p, "対象の末日", "last day", slice_of(last), "");
	item(p, "状態", "state",
	    slice_of(s->revised ? "再集計 revised" :
		    s->closed	? "確定 closed" :
				  "未確定 open"),
	    "");
	item(p, "秘匿の基準（未満）", "figures below it are hidden",
	    number(p, 2, s->below), "");
	item(p, "利用記録のある日数", "days with a journal",
	    number(p, 2, s->days), "日");
	item(p, "遅れて記録された件数", "late usage records",
	    s->late > 0 && s->late < s->below ? slice_of(HIDDEN) :
						number(p, 2, s->late),
	    "件");
	item(p, "秘匿した値", "figures hidden",
	    number(p, 2, (int64_t)s->hidden), "");
	item(p, "資格の世代", "generation of the qualifications",
	    number(p, 2, s->set.kind[SNAPSHOT_QUALIFICATION].generation), "");
	item(p, "医療機関の世代", "generation of the institutions",
	    number(p, 2, s->set.kind[SNAPSHOT_INSTITUTIONS].generation), "");
}

static void
put_summary(struct pages *p)
{
	static const struct workbook_column columns[] = {
		{ .title = "項目", .width = 40, .wrap = true },
		{ .title = "Item", .width = 50, .wrap = true },
		{ .title = "値 value", .width = 22, .amount = true },
		{ .title = "単位", .width = 14 },
	};
	const struct statistics *s = p->s;

	memcpy(p->column, columns, sizeof(columns));
	sheet(p, "要約", 4);
	put_about(p);
	for (int t = 0; t < TABLE__MAX; t++) {
		const struct statistics_table_row *r = &statistics_tables[t];
		const struct figure *v;

		if (r->chart == CHART_NUMBER &&
		    figures_of(&s->figures, (enum statistics_table)t, &v) > 0)
			item(p, r->ja, r->en, value(p, 2, v), r->unit_ja);
	}
	for (size_t i = 0; i < s->findings; i++) {
		const struct finding *x = &s->finding[i];
		char ja[300];

		snprintf(ja, sizeof(ja), "留意事項 %s: %s", x->code, x->ja);
		item(p, ja, x->en, slice_of(x->subject), "");
	}
}

/* ---- a table ---- */

static void
title(struct pages *p, int column, const char *ja, const char *en, int width,
    bool amount)
{
	snprintf(p->title[column], sizeof(p->title[column]), "%s%s%s", ja,
	    strcmp(ja, en) == 0 ? "" : " ", strcmp(ja, en) == 0 ? "" : en);
	p->column[column] = (struct workbook_column) {
		.title = p->title[column], .width = width, .amount = amount
	};
}

/* The code, its name in both languages, and one column per value of the
 * second key. */
enum { CODE, JA, EN };

/* Are the names of these codes whole sentences? */
static bool
sentences(const struct statistics_table_row *r)
{
	return r->dim[0] == DIM_CODE || r->dim[0] == DIM_REASON;
}

static int
head(struct pages *p, enum statistics_table t, const struct chart_keys *by)
{
	const struct statistics_table_row *r = &statistics_tables[t];
	const struct statistics_dim_row *d = &statistics_dims[r->dim[0]];
	int wide = by->n > 8 ? 11 : 14;

	title(p, CODE, d->ja, d->name, 13, false);
	p->first = 1;
	if (r->chart != CHART_TABLE) { /* there they are codes alone */
		title(p, JA, "名称", "name", 24, false);
		title(p, EN, "名称（英）", "in English", 22, false);
		p->column[JA].wrap = p->column[EN].wrap = true;
		if (sentences(r))
			p->column[JA].width = p->column[EN].width = 48;
		p->first = 3;
	}
	if (r->dim[1] == DIM_NONE)
		title(p, p->first, r->unit_ja, r->unit, wide, true);
	for (size_t i = 0; r->dim[1] != DIM_NONE && i < by->n; i++) {
		char ja[64], en[64];

		title(p, p->first + (int)i,
		    statistics_label(r->dim[1], by->v[i], true, ja),
		    statistics_label(r->dim[1], by->v[i], false, en), wide,
		    true);
	}
	return p->first + (r->dim[1] == DIM_NONE ? 1 : (int)by->n);
}

static void
put_row(struct pages *p, enum statistics_table t, const char *key,
    const struct chart_keys *by)
{
	const struct statistics_table_row *r = &statistics_tables[t];
	size_t n = r->dim[1] == DIM_NONE ? 1 : by->n;
	char ja[64], en[64];

	p->cell[CODE] = slice_of(key);
	if (p->first > JA) {
		p->cell[JA] =
		    slice_of(statistics_label(r->dim[0], key, true, ja));
		p->cell[EN] =
		    slice_of(statistics_label(r->dim[0], key, false, en));
	}
	for (size_t i = 0; i < n; i++)
		p->cell[p->first + i] = value(p, p->first + (int)i,
		    figures_find(&p->s->figures, t, key,
			r->dim[1] == DIM_NONE ? "" : by->v[i]));
	row(p);
}

static void
draw(struct pages *p, enum statistics_table t, int columns, size_t rows)
{
	const struct statistics_table_row *r = &statistics_tables[t];
	bool runs = r->dim[0] == DIM_DAY || r->dim[0] == DIM_HOUR ||
	    r->dim[0] == DIM_AGE || r->dim[0] == DIM_WEEKDAY ||
	    r->chart == CHART_TILES;
	struct workbook_chart c = { .draw = r->chart == CHART_LINE ?
		    WORKBOOK_LINE :
		    runs ? WORKBOOK_COLUMNS :
			   WORKBOOK_BARS,
		.title = r->ja,
		.unit = r->unit_ja,
		.names = sentences(r) ? CODE : JA, /* no space to draw */
		.first = p->first,
		.series = columns - p->first,
		/* beside a wide table it would make the print tiny */
		.below = sentences(r) ||
		    p->first * 20 + (columns - p->first) * 12 > BESIDE + 20 };

	if (p->ok == 0 && r->chart != CHART_TABLE && rows <= ROWS_DRAWN &&
	    !chart_nothing_shown(&p->s->figures, t))
		p->ok = workbook_chart(p->w, &c);
}

static void
put_table(struct pages *p, enum statistics_table t)
{
	const struct statistics_table_row *r = &statistics_tables[t];
	struct chart_keys keys, by = { { "" }, 1 };
	const struct figure *v;
	size_t n = figures_of(&p->s->figures, t, &v);
	int columns;

	if (n == 0 || r->chart == CHART_NUMBER)
		return;
	if (r->dim[1] != DIM_NONE)
		chart_keys(&p->s->figures, t, 1, &by);
	columns = head(p, t, &by);
	sheet(p, r->ja, columns);
	if (r->chart == CHART_TABLE) { /* more keys than a chart could have */
		for (size_t i = 0; i < n; i++)
			put_row(p, t, v[i].key[0], &by);
		return;
	}
	chart_keys(&p->s->figures, t, 0, &keys);
	for (size_t i = 0; i < keys.n; i++)
		put_row(p, t, keys.v[i], &by);
	draw(p, t, columns, keys.n);
}

/* ---- definitions ---- */

static void
put_definitions(struct pages *p)
{
	static const struct workbook_column columns[] = {
		{ .title = "表", .width = 34, .wrap = true },
		{ .title = "Table", .width = 34, .wrap = true },
		{ .title = "区分 keys", .width = 22, .wrap = true },
		{ .title = "単位 unit", .width = 18, .wrap = true },
		{ .title = "出典", .width = 34, .wrap = true },
		{ .title = "Counted from", .width = 34, .wrap = true },
		{ .title = "秘匿 small figures hidden", .width = 14 },
		{ .title = "SQL", .width = 34 },
	};

	memcpy(p->column, columns, sizeof(columns));
	sheet(p, "定義", 8);
	for (int t = 0; t < TABLE__MAX; t++) {
		const struct statistics_table_row *r = &statistics_tables[t];
		char keys[120], unit[64];

		snprintf(keys, sizeof(keys), "%s%s%s",
		    statistics_dims[r->dim[0]].ja,
		    r->dim[1] == DIM_NONE ? "" : "・",
		    statistics_dims[r->dim[1]].ja);
		snprintf(unit, sizeof(unit), "%s %s", r->unit_ja, r->unit);
		p->cell[0] = slice_of(r->ja);
		p->cell[1] = slice_of(r->en);
		p->cell[2] = slice_of(keys);
		p->cell[3] = slice_of(unit);
		p->cell[4] = slice_of(r->from_ja);
		p->cell[5] = slice_of(r->from);
		p->cell[6] = slice_of(r->small ? "する yes" : "しない no");
		p->cell[7] = slice_of(r->name);
		row(p);
	}
}

int
statistics_xlsx(
    const struct statistics *s, const char *path, struct diag_sink *sink)
{
	struct pages *p = text_alloc(sizeof(*p));
	char *dir = text_dup(slice_of(path)), *slash = strrchr(dir, '/');
	int ok = -1;

	if (slash != NULL)
		*slash = '\0';
	p->s = s;
	p->w = workbook_create(path, dir, day_moment(s->last, CLOSING));
	if (p->w != NULL) {
		put_summary(p);
		for (int t = 0; t < TABLE__MAX; t++)
			put_table(p, (enum statistics_table)t);
		put_definitions(p);
		if (p->ok == 0)
			ok = workbook_finish(p->w);
		else
			workbook_abandon(p->w);
	}
	if (ok == -1)
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
	free(dir);
	free(p);
	return ok;
}
