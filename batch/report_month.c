/* A month's statistics: gathered, then made in every form. */
#include "batch/report_month.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/questions.h"
#include "batch/facts.h"
#include "batch/journals.h"
#include "batch/publish.h"
#include "batch/spool.h"
#include "batch/statistics.h"
#include "formats/codec/day.h"

struct month_report {
	struct run *run;
	struct diag_sink *sink;
	const char *root;
	struct statistics s;
	struct questions *count;
};

/* Raised, and in the report. */
static void
find(struct month_report *m, enum diag_code code, const char *subject)
{
	const struct diag_entry *i = &diag_table[code];

	diag_file(m->sink, code, subject, "month");
	statistics_find(&m->s, i->code, subject, i->ja, i->en);
	run_worst(m->run, EXIT_RECORDS);
}

/* ---- gathering ---- */

static int
on_line(void *arg, struct slice line)
{
	struct month_report *m = arg;

	questions_line(m->count, line);
	if ((++m->s.lines & 0xffff) == 0)
		run_progress(m->run, "month", m->s.lines, 0);
	return run_stopped() ? -1 : 0;
}

/* Days of the month between the first journal there is and the last day. */
static void
missing_days(struct month_report *m, const struct journals *j)
{
	char day[11];
	size_t i = 0;

	if (j->n == 0)
		return;
	for (int32_t d = m->s.first; d <= m->s.last; d++) {
		while (i < j->n && j->v[i].day < d)
			i++;
		if (i < j->n && j->v[i].day == d) {
			m->s.days++;
			continue;
		}
		if (d < j->v[0].day)
			continue; /* before the service began */
		day_format_iso(d, day);
		find(m, DIAG_JOURNAL_MISSING, day);
	}
}

static int
read_journals(struct month_report *m)
{
	struct journals j;
	int ok = journals_list(m->root, m->s.last, &j, m->sink);

	if (ok == -1)
		run_worst(m->run, EXIT_TEMPORARY);
	else
		missing_days(m, &j);
	for (size_t i = 0; ok == 0 && i < j.n; i++) {
		if (j.v[i].day < m->s.first)
			continue;
		questions_day(m->count, j.v[i].day);
		ok = journal_lines(m->root, &j.v[i], on_line, m, m->sink);
		if (ok == 0 && j.v[i].cut)
			find(m, DIAG_JOURNAL_CUT, j.v[i].name);
		if (ok != 0)
			run_worst(m->run,
			    run_stopped() ? EXIT_STOPPED : EXIT_INTEGRITY);
	}
	journals_free(&j);
	return ok == 0 ? 0 : -1;
}

static int
where_cmp(const void *a, const void *b)
{
	return strcmp(a, ((const struct where *)b)->code);
}

static void
where(void *arg, const char *code, char prefecture[8], char size_class[8])
{
	struct month_report *m = arg;
	const struct where *w = NULL;

	if (m->s.wheres > 0)
		w = bsearch(code, m->s.where, m->s.wheres, sizeof(*m->s.where),
		    where_cmp);
	snprintf(prefecture, 8, "%s", w == NULL ? "none" : w->prefecture);
	snprintf(size_class, 8, "%s", w == NULL ? "none" : w->size_class);
	if (w == NULL && m->s.set.kind[SNAPSHOT_INSTITUTIONS].generation > 0)
		find(m, DIAG_INSTITUTION_MISSING, code);
	if (w != NULL && w->closed)
		find(m, DIAG_INSTITUTION_CLOSED, code);
}

static int
gather(struct month_report *m)
{
	const struct config *c = m->run->config;

	if (read_journals(m) == -1)
		return -1;
	if (facts_institutions(&m->s, m->root, m->sink) == -1 ||
	    facts_ledgers(&m->s, c->intermediate_root, m->root, m->sink) ==
		-1 ||
	    facts_persons(&m->s, m->root, m->sink) == -1) {
		run_worst(m->run, EXIT_TEMPORARY);
		return -1;
	}
	for (int k = 0; k < SNAPSHOT__MAX; k++)
		figures_add(&m->s.figures, TABLE_ROWS, snapshot_names[k], "",
		    m->s.set.kind[k].rows);
	m->s.late = questions_late(m->count);
	questions_figures(m->count, &m->s.figures, where, m);
	figures_settle(&m->s.figures);
	m->s.hidden =
	    figures_hide(&m->s.figures, m->s.below, statistics_follow, &m->s);
	return 0;
}

/* ---- giving out ---- */

bool
report_same(const char *path, const char *other)
{
	char a[1 << 16], b[1 << 16];
	FILE *x = fopen(path, "re"), *y = fopen(other, "re");
	bool same = x != NULL && y != NULL;
	size_t n;

	while (same) {
		n = fread(a, 1, sizeof(a), x);
		if (fread(b, 1, sizeof(b), y) != n || memcmp(a, b, n) != 0)
			same = false;
		if (n < sizeof(a))
			break;
	}
	if (x != NULL)
		fclose(x);
	if (y != NULL)
		fclose(y);
	return same;
}

static const struct form {
	const char *ext;
	statistics_make_fn *make;
} forms[] = {
	{ ".sqlite", statistics_sqlite },
	{ ".csv", statistics_csv },
	{ ".json", statistics_json },
	{ ".html", statistics_html },
	{ ".xlsx", statistics_xlsx },
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

static int
give_out(struct month_report *m, const struct form *form, bool *changed)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX], name[48];
	struct publish p;

	statistics_name(&m->s, form->ext, name);
	spool_path(dir, m->root, "out/statistics");
	spool_path(path, dir, "%s", name);
	if (publish_make_dir(dir) == -1 || publish_open(&p, m->root) == -1)
		goto io;
	if (form->make(&m->s, p.temp, m->sink) == -1) {
		publish_abandon(&p);
		goto fail;
	}
	if (report_same(path, p.temp) || m->run->dry) {
		publish_abandon(&p);
		return 0;
	}
	*changed = true;
	if (publish_commit(&p, dir, name) == 0)
		return 0;
io:
	diag_file(m->sink, DIAG_IO, name, "%s", strerror(errno));
fail:
	run_worst(m->run, EXIT_TEMPORARY);
	return -1;
}

/* The month is over: what was said while it was open goes. */
static void
remove_open(struct month_report *m)
{
	char path[SPOOL_PATH_MAX], name[48];
	struct statistics open = m->s;

	open.closed = false;
	for (size_t i = 0; i < FORMS; i++) {
		statistics_name(&open, forms[i].ext, name);
		spool_path(path, m->root, "out/statistics/%s", name);
		unlink(path);
	}
}

int
report_month(struct run *run, const struct snapshot_set *set, bool *changed)
{
	struct month_report m = { .run = run,
		.sink = &run->log.sink,
		.root = run->config->qualification_root };
	int ok;

	m.s.site = run->config->site_name;
	m.s.first = day_month_first(run->day, 0);
	m.s.last = run->day;
	m.s.closed = run->day + 1 == day_month_first(run->day, 1);
	m.s.below = run->config->statistics_below;
	m.s.set = *set;
	m.count = questions_new();
	ok = gather(&m);
	for (size_t i = 0; i < FORMS && ok == 0; i++)
		ok = give_out(&m, &forms[i], changed);
	if (ok == 0 && m.s.closed && !run->dry)
		remove_open(&m);
	run_note(run, "month_lines", m.s.lines);
	run_note(run, "hidden", (int64_t)m.s.hidden);
	questions_free(m.count);
	statistics_free(&m.s);
	return ok;
}
