/* What all forms of a month's statistics share; CSV and JSON. */
#include "batch/statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/statistics.h"

void
statistics_free(struct statistics *s)
{
	figures_free(&s->figures);
	free(s->finding);
	free(s->where);
	for (size_t i = 0; i < s->owns; i++)
		figures_free(&s->own[i].figures);
	free(s->own);
}

struct own *
statistics_own(struct statistics *s, const char *sender)
{
	size_t low = 0, high = s->owns, at;
	int by;

	while (low < high) {
		at = low + (high - low) / 2;
		by = strcmp(s->own[at].sender, sender);
		if (by == 0)
			return &s->own[at];
		if (by < 0)
			low = at + 1;
		else
			high = at;
	}
	if (s->owns == s->own_max) {
		s->own_max = s->own_max == 0 ? 256 : s->own_max * 2;
		s->own = text_realloc(s->own, s->own_max * sizeof(*s->own));
	}
	memmove(&s->own[low + 1], &s->own[low],
	    (s->owns++ - low) * sizeof(*s->own));
	s->own[low] = (struct own) { 0 };
	snprintf(s->own[low].sender, FIGURE_KEY, "%s", sender);
	return &s->own[low];
}

void
statistics_find(struct statistics *s, const char *code, const char *subject,
    const char *ja, const char *en)
{
	struct finding *f;

	for (size_t i = 0; i < s->findings; i++)
		if (strcmp(s->finding[i].code, code) == 0 &&
		    strcmp(s->finding[i].subject, subject) == 0)
			return;
	if (s->findings == s->finding_max) {
		s->finding_max = s->finding_max == 0 ? 16 : s->finding_max * 2;
		s->finding = text_realloc(
		    s->finding, s->finding_max * sizeof(*s->finding));
	}
	f = &s->finding[s->findings++];
	snprintf(f->code, sizeof(f->code), "%s", code);
	snprintf(f->subject, sizeof(f->subject), "%s", subject);
	snprintf(f->ja, sizeof(f->ja), "%s", ja);
	snprintf(f->en, sizeof(f->en), "%s", en);
}

void
statistics_name(const struct statistics *s, const char *ext, char out[48])
{
	char d[9];

	day_format(s->first, d);
	if (s->of_day) {
		snprintf(out, 48, "statistics-%s%s", d, ext);
		return;
	}
	snprintf(out, 48, "statistics-%.6s%s%s", d,
	    s->revised	   ? "-revised" :
		!s->closed ? "-open" :
			     "",
	    ext);
}

static int
where_cmp(const void *a, const void *b)
{
	return strcmp(
	    ((const struct where *)a)->code, ((const struct where *)b)->code);
}

void
statistics_follow(void *arg, enum statistics_dim dim, const char *value,
    enum statistics_dim what, char out[FIGURE_KEY])
{
	const struct statistics *s = arg;
	struct where x = { "", "none", "none", false };
	const struct where *w = NULL;
	int32_t day;

	snprintf(out, FIGURE_KEY, "none");
	if (what == DIM_WEEKDAY &&
	    (day = day_parse(slice_of(value))) != DAY_NONE)
		snprintf(out, FIGURE_KEY, "%d", day_weekday(day));
	if (what == DIM_OUTCOME) {
		bool answered = dim == DIM_CODE ? strcmp(value, "none") == 0 :
						  strcmp(value, "refused") != 0;

		snprintf(
		    out, FIGURE_KEY, "%s", answered ? "answered" : "refused");
	}
	if (dim != DIM_INSTITUTION)
		return;
	snprintf(x.code, sizeof(x.code), "%s", value);
	if (s->wheres > 0)
		w = bsearch(
		    &x, s->where, s->wheres, sizeof(*s->where), where_cmp);
	if (w == NULL)
		w = &x;
	snprintf(out, FIGURE_KEY, "%s",
	    what == DIM_PREFECTURE ? w->prefecture : w->size_class);
}

static FILE *
begin(const char *path, struct diag_sink *sink)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
	return f;
}

static int
finish(FILE *f, const char *path, struct diag_sink *sink)
{
	bool bad = ferror(f) != 0;

	if (fclose(f) == EOF || bad) {
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
		return -1;
	}
	return 0;
}

/* ---- CSV ---- */

static void
set_key(struct record *rec, int at, const struct figure *x, int k, char ja[64],
    char en[64])
{
	enum statistics_dim dim = statistics_tables[x->table].dim[k];

	if (dim == DIM_NONE)
		return;
	record_set(rec, at, slice_of(x->key[k]));
	record_set(
	    rec, at + 1, slice_of(statistics_label(dim, x->key[k], true, ja)));
	record_set(
	    rec, at + 2, slice_of(statistics_label(dim, x->key[k], false, en)));
}

static int
put_figure(struct record_writer *w, const struct figure *x)
{
	const struct statistics_table_row *t = &statistics_tables[x->table];
	char ja[2][64], en[2][64], value[24];
	struct record rec;

	snprintf(value, sizeof(value), "%lld", (long long)x->value);
	record_init(&rec, &statistics_format);
	record_set(&rec, ST_TABLE, slice_of(t->name));
	record_set(&rec, ST_TABLE_JA, slice_of(t->ja));
	record_set(&rec, ST_TABLE_EN, slice_of(t->en));
	set_key(&rec, ST_KEY1, x, 0, ja[0], en[0]);
	set_key(&rec, ST_KEY2, x, 1, ja[1], en[1]);
	record_set(&rec, ST_VALUE, x->hidden ? SLICE("") : slice_of(value));
	record_set(&rec, ST_UNIT, slice_of(t->unit));
	record_set(&rec, ST_HIDDEN, x->hidden ? SLICE("1") : SLICE("0"));
	return record_write(w, &rec);
}

int
statistics_csv(
    const struct statistics *s, const char *path, struct diag_sink *sink)
{
	FILE *f = begin(path, sink);
	struct record_writer *w;
	int ok = 0;

	if (f == NULL)
		return -1;
	w = record_create(path, fileno(f), &statistics_layout, SYNTAX_CSV,
	    CHARSET_UTF8_BOM, sink);
	for (size_t i = 0; w != NULL && ok == 0 && i < s->figures.n; i++)
		ok = put_figure(w, &s->figures.v[i]);
	if (w == NULL || record_finish(w) == -1)
		ok = -1;
	return finish(f, path, sink) == -1 ? -1 : ok;
}

/* ---- its description; no text of ours has a quote or backslash ---- */

int
statistics_json(
    const struct statistics *s, const char *path, struct diag_sink *sink)
{
	FILE *f = begin(path, sink);
	char name[48];

	if (f == NULL)
		return -1;
	statistics_name(s, ".csv", name);
	fprintf(f,
	    "{\n  \"file\": \"%s\",\n  \"charset\": \"UTF-8\",\n"
	    "  \"columns\": [\n",
	    name);
	for (int i = 0; i < ST__MAX; i++)
		fprintf(f,
		    "    {\"name\": \"%s\", \"ja\": \"%s\", \"en\": \"%s\"}%s\n",
		    statistics_format.fields[i].name,
		    statistics_format.fields[i].ja, statistics_columns[i],
		    i + 1 < ST__MAX ? "," : "");
	fputs("  ],\n  \"tables\": [\n", f);
	for (int t = 0; t < TABLE__MAX; t++) {
		const struct statistics_table_row *r = &statistics_tables[t];

		fprintf(f,
		    "    {\"name\": \"%s\", \"ja\": \"%s\", \"en\": \"%s\", "
		    "\"unit\": \"%s\", \"key1\": \"%s\", \"key2\": \"%s\", "
		    "\"source_ja\": \"%s\", \"source\": \"%s\"}%s\n",
		    r->name, r->ja, r->en, r->unit,
		    statistics_dims[r->dim[0]].name,
		    statistics_dims[r->dim[1]].name, r->from_ja, r->from,
		    t + 1 < TABLE__MAX ? "," : "");
	}
	fputs("  ]\n}\n", f);
	return finish(f, path, sink);
}
