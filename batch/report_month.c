/* A month's statistics: gathered, then made in every form. */
#include "batch/report_month.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/questions.h"
#include "batch/facts.h"
#include "batch/facts_usage.h"
#include "batch/journals.h"
#include "batch/partners.h"
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
	struct partners *partners;
	const struct statistics *month; /* of a day: what is gathered */
	bool last_there; /* the last day has a journal */
};

/* Raised, and in the report. */
static void
find(struct month_report *m, enum diag_code code, const char *subject)
{
	const struct diag_entry *i = &diag_table[code];

	if (!m->s.of_day) /* the month has said so */
		diag_file(m->sink, code, subject, "month");
	statistics_find(&m->s, i->code, subject, i->ja, i->en);
	run_worst(m->run, EXIT_RECORDS);
}

/* ---- gathering ---- */

static int
on_line(void *arg, const struct slice v[U__MAX])
{
	struct month_report *m = arg;

	questions_line(m->count, v);
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
			m->last_there = d == m->s.last;
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

static void
price_gap(void *arg, int32_t from, int32_t to)
{
	char a[11], b[11], days[24];

	day_format_iso(from, a);
	day_format_iso(to, b);
	snprintf(days, sizeof(days), "%s..%s", a, b);
	find(arg, DIAG_PRICES_MISSING, days);
}

static int
gather_usage(struct month_report *m)
{
	const char *path = m->run->config->prices;
	struct prices *prices = prices_load(path, m->sink);
	int ok;

	if (prices == NULL)
		find(m, DIAG_PRICE_TABLE, path);
	else
		facts_price_gaps(&m->s, prices, price_gap, m);
	ok = facts_usage(&m->s, m->root, prices, m->sink);
	prices_free(prices);
	return ok;
}

/* A code of the institution master's records. */
static void
flawed(void *arg, const char *code)
{
	find(arg, DIAG_MASTER_FLAWED, code);
}

/* While the service answers, the last day's journal grows. */
static void
still_open(struct month_report *m)
{
	int64_t close = day_moment(m->s.last, m->run->config->service_close);
	char day[11];

	if (m->run->now >= close || !m->last_there)
		return;
	day_format_iso(m->s.last, day);
	find(m, DIAG_JOURNAL_OPEN, day);
}

/* Of the questions, a sender sees those about its insured, as published. */
static int
own_questions(struct month_report *m)
{
	const struct config *c = m->run->config;
	struct partners *p = partners_load(c->senders, c->insurers, m->sink);
	const struct insurer *v;
	const struct figure *x;
	size_t n, nx = figures_of(&m->s.figures, TABLE_INSURER, &x);
	struct own *o;

	if (p == NULL) {
		run_worst(m->run, EXIT_CONFIG);
		return -1;
	}
	m->partners = p;
	n = partners_insurers(p, &v);
	for (size_t i = 0; i < nx; i++)
		for (size_t k = 0; k < n; k++) {
			if (strcmp(v[k].code, x[i].key[0]) != 0)
				continue;
			o = statistics_own(&m->s, v[k].sender);
			o->intermediate = true;
			figures_add(&o->figures, TABLE_INSURER, x[i].key[0], "",
			    x[i].value);
			o->figures.v[o->figures.n - 1].hidden = x[i].hidden;
			break;
		}
	for (size_t i = 0; i < m->s.owns; i++)
		figures_settle(&m->s.own[i].figures);
	return 0;
}

/* The month's are of the same day: its last. */
static int
gather_persons(struct month_report *m)
{
	const struct figure *v;
	size_t n;

	if (m->month == NULL)
		return facts_persons(&m->s, m->root, m->sink);
	for (int t = 0; t < TABLE__MAX; t++) {
		if (statistics_tables[t].family != FAMILY_PERSONS)
			continue;
		n = figures_of(
		    &m->month->figures, (enum statistics_table)t, &v);
		for (size_t i = 0; i < n; i++)
			figures_add(&m->s.figures, (enum statistics_table)t,
			    v[i].key[0], v[i].key[1], v[i].value);
	}
	return 0;
}

/* Prices are known to all: the cost of hidden units tells how many they are. */
static void
hide_costs(struct statistics *s)
{
	for (size_t i = 0; i < s->figures.n; i++) {
		struct figure *x = &s->figures.v[i];
		const struct figure *units;

		if (x->table != TABLE_COST || x->hidden)
			continue;
		units = figures_find(
		    &s->figures, TABLE_UNITS, x->key[0], "billable");
		x->hidden = units != NULL && units->hidden;
		s->hidden += x->hidden;
	}
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
	    facts_master(&m->s, m->root, flawed, m, m->sink) == -1 ||
	    (!m->s.of_day && gather_usage(m) == -1) ||
	    facts_snapshots(&m->s, m->root, m->sink) == -1 ||
	    gather_persons(m) == -1) {
		run_worst(m->run, EXIT_TEMPORARY);
		return -1;
	}
	still_open(m);
	m->s.late = questions_late(m->count);
	questions_figures(m->count, &m->s.figures, where, m);
	figures_settle(&m->s.figures);
	m->s.hidden =
	    figures_hide(&m->s.figures, m->s.below, statistics_follow, &m->s);
	hide_costs(&m->s);
	return m->s.of_day ? 0 : own_questions(m);
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
#define FORMS_OF_DAY 3 /* the first: as data */

static int
give_out(struct month_report *m, const struct statistics *s, const char *root,
    const char *dir, const struct form *form, bool *changed)
{
	char path[SPOOL_PATH_MAX], name[48];
	struct publish p;

	statistics_name(s, form->ext, name);
	spool_path(path, dir, "%s", name);
	if (publish_make_dir(dir) == -1 || publish_open(&p, root) == -1)
		goto io;
	if (form->make(s, p.temp, m->sink) == -1) {
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

static int
give_out_all(struct month_report *m, size_t n, bool *changed)
{
	char dir[SPOOL_PATH_MAX];
	int ok = 0;

	spool_path(dir, m->root, "out/statistics");
	for (size_t i = 0; i < n && ok == 0; i++)
		ok = give_out(m, &m->s, m->root, dir, &forms[i], changed);
	return ok;
}

/* A page for each sender beside its receipts, once the month is over. */
static int
give_out_own(struct month_report *m, bool *changed)
{
	static const struct form page = { ".html", statistics_html };
	const struct config *c = m->run->config;
	char dir[SPOOL_PATH_MAX];
	int ok = 0;

	for (size_t i = 0; i < m->s.owns && ok == 0; i++) {
		const struct own *o = &m->s.own[i];
		const struct sender *who =
		    partners_sender(m->partners, o->sender);
		struct statistics own = m->s;
		const char *root =
		    o->intermediate ? c->intermediate_root : m->root;

		if (who == NULL || *root == '\0')
			continue; /* none of ours: a package */
		own.sender = o->sender;
		own.sender_name = who->name;
		own.figures = o->figures;
		own.findings = 0;
		spool_path(dir, root, "box/%s/out", o->sender);
		ok = give_out(m, &own, root, dir, &page, changed);
		run_progress(m->run, "pages", (int64_t)i, (int64_t)m->s.owns);
	}
	return ok;
}

/* A closed month is given out once: what two versions of it differ by is what
 * came between them, and tells a hidden figure. What is counted otherwise later
 * is written beside it, for the operator. */
static int
compare_given(struct month_report *m)
{
	char path[SPOOL_PATH_MAX], name[48];
	struct publish p;
	int ok;

	statistics_name(&m->s, forms[0].ext, name);
	spool_path(path, m->root, "out/statistics/%s", name);
	if (!m->s.closed || access(path, F_OK) == -1)
		return 0;
	if (publish_open(&p, m->root) == -1) {
		diag_file(m->sink, DIAG_IO, name, "%s", strerror(errno));
		run_worst(m->run, EXIT_TEMPORARY);
		return -1;
	}
	ok = forms[0].make(&m->s, p.temp, m->sink);
	if (ok == -1)
		run_worst(m->run, EXIT_TEMPORARY);
	else
		m->s.revised = !report_same(path, p.temp);
	publish_abandon(&p);
	return ok;
}

/* The month is over: what was said while it was open goes; and what was
 * counted otherwise, where it no longer is. */
static void
remove_others(struct month_report *m)
{
	char path[SPOOL_PATH_MAX], name[48];
	struct statistics other = m->s;

	for (size_t i = 0; i < 2 * FORMS; i++) {
		other.closed = false;
		other.revised = i >= FORMS;
		if (other.revised && m->s.revised)
			break;
		statistics_name(&other, forms[i % FORMS].ext, name);
		spool_path(path, m->root, "out/statistics/%s", name);
		unlink(path);
	}
}

static int
report_day(struct month_report *month, bool *changed)
{
	const struct config *c = month->run->config;
	struct month_report m = { .run = month->run,
		.sink = month->sink,
		.root = month->root,
		.month = &month->s };
	int ok;

	m.s.site = c->site_name;
	m.s.of_day = true;
	m.s.first = m.s.last = m.run->day;
	m.s.closed = m.run->now >= day_moment(m.run->day, c->service_close);
	m.s.below = c->statistics_below;
	m.s.open = c->service_open;
	m.s.set = month->s.set;
	m.count = questions_new();
	ok = gather(&m);
	if (ok == 0)
		ok = give_out_all(&m, FORMS_OF_DAY, changed);
	questions_free(m.count);
	statistics_free(&m.s);
	return ok;
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
	m.s.closed = run->day + 1 == day_month_first(run->day, 1) &&
	    run->now >= day_moment(run->day, run->config->service_close) &&
	    facts_billed(&m.s, m.root);
	m.s.below = run->config->statistics_below;
	m.s.open = run->config->service_open;
	m.s.set = *set;
	m.count = questions_new();
	ok = gather(&m);
	if (ok == 0)
		ok = compare_given(&m);
	if (ok == 0)
		ok = give_out_all(&m, FORMS, changed);
	if (ok == 0)
		ok = report_day(&m, changed);
	if (ok == 0 && m.s.closed && !m.s.revised)
		ok = give_out_own(&m, changed);
	if (ok == 0 && m.s.closed && !run->dry)
		remove_others(&m);
	run_note(run, "revised", m.s.revised);
	run_note(run, "month_lines", m.s.lines);
	run_note(run, "hidden", (int64_t)m.s.hidden);
	partners_free(m.partners);
	questions_free(m.count);
	statistics_free(&m.s);
	return ok;
}
