/* A month's statistics as an SQLite file: schemas/statistics.sql. */
#include <sqlite3.h>
#include <string.h>

#include "batch/statistics.h"
#include "formats/codec/day.h"
#include "formats/codec/text.h"

static const char schema[] =
#include "statistics.sql.h"
    ;
static const char *const families[FAMILY__MAX] = {
	[FAMILY_QUESTIONS] = "questions",
	[FAMILY_PERSONS] = "persons",
	[FAMILY_FILES] = "files",
	[FAMILY_CHANGES] = "changes",
	[FAMILY_SNAPSHOTS] = "snapshots",
	[FAMILY_RECORDS] = "records",
	[FAMILY_PROBLEMS] = "problems",
	[FAMILY_DELAYS] = "delays",
	[FAMILY_RUNS] = "runs",
	[FAMILY_TIMES] = "times",
	[FAMILY_BYTES] = "bytes",
	[FAMILY_USAGE] = "usage",
	[FAMILY_COST] = "cost",
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *st;
	int at; /* of the next value */
	int rc;
};

static void
prepare(struct store *d, const char *sql)
{
	sqlite3_finalize(d->st);
	d->st = NULL;
	if (d->rc == SQLITE_OK)
		d->rc = sqlite3_prepare_v2(d->db, sql, -1, &d->st, NULL);
	d->at = 0;
}

static void
text(struct store *d, const char *s)
{
	if (d->rc == SQLITE_OK)
		d->rc =
		    sqlite3_bind_text(d->st, ++d->at, s, -1, SQLITE_TRANSIENT);
}

static void
number(struct store *d, int64_t n)
{
	if (d->rc == SQLITE_OK)
		d->rc = sqlite3_bind_int64(d->st, ++d->at, n);
}

static void
nothing(struct store *d)
{
	if (d->rc == SQLITE_OK)
		d->rc = sqlite3_bind_null(d->st, ++d->at);
}

static void
row(struct store *d)
{
	if (d->rc == SQLITE_OK && sqlite3_step(d->st) != SQLITE_DONE)
		d->rc = sqlite3_errcode(d->db);
	if (d->st != NULL)
		sqlite3_reset(d->st);
	d->at = 0;
}

static void
exec(struct store *d, const char *sql)
{
	if (d->rc == SQLITE_OK)
		d->rc = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
}

static void about(struct store *d, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void
about(struct store *d, const char *name, const char *fmt, ...)
{
	char value[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	text(d, name);
	text(d, value);
	row(d);
}

static void
put_about(struct store *d, const struct statistics *s)
{
	char first[11], last[11], name[64];

	day_format_iso(s->first, first);
	day_format_iso(s->last, last);
	prepare(d, "INSERT INTO about VALUES (?, ?)");
	about(d, "site", "%s", s->site);
	about(d, "month", "%.7s", first);
	about(d, "first_day", "%s", first);
	about(d, "last_day", "%s", last);
	about(d, "closed", "%d", s->closed);
	if (s->revised)
		about(d, "revised", "1");
	about(d, "below", "%d", s->below);
	about(d, "journal_days", "%d", s->days);
	about(d, "usage_lines", "%lld", (long long)s->lines);
	if (s->late > 0 && s->late < s->below)
		about(d, "late_lines", "×"); /* hidden, as on the page */
	else
		about(d, "late_lines", "%lld", (long long)s->late);
	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		snprintf(
		    name, sizeof(name), "generation_%s", snapshot_names[k]);
		about(d, name, "%lld", (long long)s->set.kind[k].generation);
	}
}

static void
put_view(struct store *d, int table)
{
	const struct statistics_table_row *t = &statistics_tables[table];
	char sql[1500];
	struct buf b;

	buf_init(&b, sql, sizeof(sql));
	buf_printf(&b, "CREATE VIEW %s AS SELECT ", t->name);
	for (int k = 0; k < 2; k++) {
		const char *n = statistics_dims[t->dim[k]].name;

		if (t->dim[k] == DIM_NONE)
			continue;
		for (int l = 0; l < 3; l++)
			if (l == 0)
				buf_printf(&b, "key%d AS %s, ", k + 1, n);
			else
				buf_printf(&b,
				    "(SELECT %s FROM label WHERE key = '%s' AND "
				    "label.value = key%d) AS %s_%s, ",
				    l == 1 ? "ja" : "en", n, k + 1, n,
				    l == 1 ? "ja" : "en");
	}
	buf_printf(&b, "value, hidden FROM figure WHERE theme = %d", table + 1);
	buf_putc(&b, '\0');
	exec(d, sql);
}

static void
put_themes(struct store *d)
{
	prepare(d,
	    "INSERT INTO theme VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	for (int i = 0; i < TABLE__MAX; i++) {
		const struct statistics_table_row *t = &statistics_tables[i];

		number(d, i + 1);
		text(d, t->name);
		text(d, t->name);
		text(d, t->ja);
		text(d, t->en);
		text(d, families[t->family]);
		text(d, t->unit);
		text(d, t->unit_ja);
		text(d, statistics_dims[t->dim[0]].name);
		text(d, statistics_dims[t->dim[1]].name);
		number(d, t->small);
		text(d, t->from_ja);
		text(d, t->from);
		row(d);
	}
	for (int i = 0; i < TABLE__MAX; i++)
		put_view(d, i);
	prepare(d, "INSERT INTO query VALUES (?, ?, ?, ?)");
	for (const struct statistics_query *q = statistics_queries;
	     q->name != NULL; q++) {
		text(d, q->name);
		text(d, q->ja);
		text(d, q->en);
		text(d, q->sql);
		row(d);
	}
}

static void
label(struct store *d, enum statistics_dim dim, const char *value)
{
	char ja[64], en[64];

	text(d, statistics_dims[dim].name);
	text(d, value);
	text(d,
	    *value == '\0' ? statistics_dims[dim].ja :
			     statistics_label(dim, value, true, ja));
	text(d,
	    *value == '\0' ? statistics_dims[dim].en :
			     statistics_label(dim, value, false, en));
	row(d);
}

static void
put_labels(struct store *d, const struct statistics *s)
{
	prepare(d, "INSERT OR IGNORE INTO label VALUES (?, ?, ?, ?)");
	for (int i = DIM_NONE + 1; i < DIM__MAX; i++)
		label(d, (enum statistics_dim)i, "");
	for (size_t i = 0; i < s->figures.n; i++)
		for (int k = 0; k < 2; k++) {
			const struct figure *x = &s->figures.v[i];
			enum statistics_dim dim =
			    statistics_tables[x->table].dim[k];

			if (dim != DIM_NONE)
				label(d, dim, x->key[k]);
		}
}

static void
put_figures(struct store *d, const struct statistics *s)
{
	prepare(d, "INSERT INTO figure VALUES (?, ?, ?, ?, ?)");
	for (size_t i = 0; i < s->figures.n; i++) {
		const struct figure *x = &s->figures.v[i];

		number(d, x->table + 1);
		text(d, x->key[0]);
		text(d, x->key[1]);
		if (x->hidden)
			nothing(d);
		else
			number(d, x->value);
		number(d, x->hidden);
		row(d);
	}
	prepare(d, "INSERT INTO institution VALUES (?, ?, ?)");
	for (size_t i = 0; i < s->wheres; i++) {
		text(d, s->where[i].code);
		text(d, s->where[i].prefecture);
		text(d, s->where[i].size_class);
		row(d);
	}
	prepare(d, "INSERT INTO finding VALUES (?, ?, ?, ?)");
	for (size_t i = 0; i < s->findings; i++) {
		text(d, s->finding[i].code);
		text(d, s->finding[i].subject);
		text(d, s->finding[i].ja);
		text(d, s->finding[i].en);
		row(d);
	}
}

int
statistics_sqlite(
    const struct statistics *s, const char *path, struct diag_sink *sink)
{
	struct store d = { 0 };

	d.rc = sqlite3_open_v2(
	    path, &d.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	exec(&d,
	    "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF;"
	    "PRAGMA synchronous = OFF; BEGIN");
	exec(&d, schema);
	put_about(&d, s);
	put_themes(&d);
	put_labels(&d, s);
	put_figures(&d, s);
	prepare(&d, "COMMIT");
	row(&d);
	sqlite3_finalize(d.st);
	if (d.rc != SQLITE_OK)
		diag_file(sink, DIAG_IO, path, "%s", sqlite3_errmsg(d.db));
	sqlite3_close(d.db);
	return d.rc == SQLITE_OK ? 0 : -1;
}
