/*
 * The statistics of one business day and the figures of now: one CSV for
 * analysts (long format), one text file for Prometheus. Counts only, no
 * person; the CSV is a function of the journals, the ledgers and the set in
 * force, so the same again changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/journals.h"
#include "batch/ledger.h"
#include "batch/partitions.h"
#include "batch/publish.h"
#include "batch/report_diff.h"
#include "batch/report_month.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "batch/tally.h"
#include "formats/codec/day.h"
#include "formats/snapshot.h"

struct feed_figures {
	int64_t files[FILE__MAX];
	int64_t read, accepted, refused, unchanged;
};

struct report {
	struct run run;
	struct diag_sink *sink;
	const char *root;
	struct tally *tally;
	struct feed_figures feed[FEED__MAX]; /* of both sides */
	bool outgoing; /* reading the side that packages leave */
	struct snapshot_set set;
	struct snapshot *institutions; /* NULL: none yet */
	bool changed; /* something was written */
	int64_t partitions, oldest_update, first_next; /* moments; 0 none */
};

/* ---- gathering ---- */

static int
on_line(void *arg, const struct record *line)
{
	struct report *r = arg;

	tally_add(r->tally, line);
	r->run.read++;
	r->run.accepted++;
	run_progress(&r->run, "journal", r->run.read, 0);
	return 0;
}

static int
read_journals(struct report *r)
{
	struct journals j;
	int ok = journals_list(r->root, r->run.day, &j, r->sink);

	if (ok == -1)
		run_worst(&r->run, EXIT_TEMPORARY);
	for (size_t i = 0; ok == 0 && i < j.n; i++) {
		if (j.v[i].day != r->run.day)
			continue;
		r->run.files++;
		if (journal_prove(r->root, &j.v[i], 0, NULL, r->sink) == -1 ||
		    journal_each(r->root, &j.v[i], on_line, r, r->sink) == -1) {
			run_worst(&r->run, EXIT_INTEGRITY);
			ok = -1;
		}
	}
	journals_free(&j);
	return ok;
}

static int
on_file(void *arg, const struct ledger_file *f)
{
	struct report *r = arg;
	struct feed_figures *x;

	if (f->id.day != r->run.day || (unsigned)f->id.feed >= FEED__MAX ||
	    (f->id.feed == FEED_PACKAGE && r->outgoing))
		return 0; /* a package is counted where it arrives */
	x = &r->feed[f->id.feed];
	x->files[f->state]++;
	x->read += f->read;
	x->accepted += f->accepted;
	x->refused += f->refused;
	x->unchanged += f->unchanged;
	return 0;
}

static int
read_ledger(struct report *r, const char *root)
{
	char path[SPOOL_PATH_MAX];
	struct ledger *l;
	int ok = 0;

	if (*root == '\0')
		return 0;
	r->outgoing = root != r->root;
	spool_path(path, root, "ledger.sqlite");
	if (access(path, F_OK) == -1)
		return 0; /* nothing has come in yet */
	if ((l = ledger_open(root, r->sink)) == NULL)
		ok = -1;
	for (int s = 0; ok == 0 && s < FILE__MAX; s++)
		ok = ledger_each(l, (enum file_state)s, on_file, r);
	ledger_close(l);
	if (ok == -1)
		run_worst(&r->run, EXIT_TEMPORARY);
	return ok;
}

/* Oldest thisUpdate and first nextUpdate of the partitions in force. */
static void
read_partitions(struct report *r, const char *dir)
{
	const struct snapshot_set_entry *e = &r->set.kind[SNAPSHOT_REVOCATION];
	struct partitions p = { 0 };
	struct snapshot_walk_row row;
	struct snapshot_walk *w;
	struct snapshot *s;

	if (e->generation == 0 ||
	    (s = snapshot_open(dir, SNAPSHOT_REVOCATION, e, false, r->sink)) ==
		NULL)
		return;
	w = snapshot_walk_open(s);
	while (w != NULL && snapshot_walk_next(w, &row) == 1 && row.pair)
		if (partitions_keep(&p, row.order, row.payload) == -1)
			break;
	for (size_t i = 0; i < p.n; i++) {
		const struct chain_crl *c = &p.v[i].crl;

		if (i == 0 || c->this_update < r->oldest_update)
			r->oldest_update = c->this_update;
		if (i == 0 || c->next_update < r->first_next)
			r->first_next = c->next_update;
	}
	r->partitions = (int64_t)p.n;
	partitions_free(&p);
	snapshot_walk_close(w);
	snapshot_close(s);
}

static int
read_set(struct report *r)
{
	const struct config *c = r->run.config;
	struct chain *trust = chain_open(
	    c->site_ca, *c->site_crl == '\0' ? NULL : c->site_crl, r->sink);
	char dir[SPOOL_PATH_MAX], digest[65], publisher[128];
	int found;

	if (trust == NULL ||
	    seal_cert_name(c->publish_cert, publisher, r->sink) == -1) {
		chain_free(trust);
		run_worst(&r->run, EXIT_CONFIG);
		return -1;
	}
	found = publish_current(
	    r->root, trust, publisher, r->run.now, &r->set, digest, r->sink);
	chain_free(trust);
	if (found == -1) {
		run_worst(&r->run, EXIT_INTEGRITY);
		return -1;
	}
	spool_path(dir, r->root, "snapshots");
	if (r->set.kind[SNAPSHOT_INSTITUTIONS].generation > 0)
		r->institutions = snapshot_open(dir, SNAPSHOT_INSTITUTIONS,
		    &r->set.kind[SNAPSHOT_INSTITUTIONS], false, r->sink);
	read_partitions(r, dir);
	return 0;
}

/* ---- the statistics file ---- */

static void
where(void *arg, const char *code, char prefecture[8], char size_class[8])
{
	struct report *r = arg;
	struct snapshot_institution i;

	if (r->institutions == NULL ||
	    snapshot_institution(r->institutions, slice_of(code), &i) != 1)
		return;
	snprintf(prefecture, 8, "%s", i.prefecture);
	snprintf(size_class, 8, "%s", i.size_class);
}

static int
write_feed(struct record_writer *w, int32_t day, const char *feed,
    const struct feed_figures *x)
{
	const struct {
		const char *name;
		int64_t n;
	} books[] = { { "read", x->read }, { "accepted", x->accepted },
		{ "refused", x->refused }, { "unchanged", x->unchanged } };
	int64_t files = 0;
	int ok = 0;

	for (int s = 0; s < FILE__MAX; s++) {
		files += x->files[s];
		if (x->files[s] > 0 && ok == 0)
			ok = statistics_write(w, day, THEME_FILES, feed,
			    file_state_names[s], x->files[s]);
	}
	for (int i = 0; i < 4 && files > 0 && ok == 0; i++)
		ok = statistics_write(
		    w, day, THEME_RECORDS, feed, books[i].name, books[i].n);
	return ok;
}

static int
write_set(struct record_writer *w, int32_t day, const struct snapshot_set *set)
{
	int ok = 0;

	for (int k = 0; k < SNAPSHOT__MAX && ok == 0; k++) {
		if (set->kind[k].generation == 0)
			continue;
		ok = statistics_write(w, day, THEME_GENERATION,
		    snapshot_names[k], "", set->kind[k].generation);
		if (ok == 0)
			ok = statistics_write(w, day, THEME_ROWS,
			    snapshot_names[k], "", set->kind[k].rows);
	}
	return ok;
}

static int
write_figures(struct report *r, const char *name, int fd)
{
	int32_t day = r->run.day;
	struct record_writer *w = record_create(name, fd, &statistics_layout,
	    SYNTAX_CSV, CHARSET_UTF8_BOM, r->sink);
	int ok;

	if (w == NULL)
		return -1;
	ok = tally_write(r->tally, w, day, where, r);
	for (int f = 0; f < FEED__MAX && ok == 0; f++)
		ok = write_feed(w, day, feed_names[f], &r->feed[f]);
	if (ok == 0)
		ok = write_set(w, day, &r->set);
	return record_finish(w) == -1 ? -1 : ok;
}

static int
publish_statistics(struct report *r)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX], name[40], d[9];
	struct publish p;

	day_format(r->run.day, d);
	snprintf(name, sizeof(name), "statistics-%s.csv", d);
	spool_path(dir, r->root, "out/statistics");
	spool_path(path, dir, "%s", name);
	if (publish_make_dir(dir) == -1 || publish_open(&p, r->root) == -1)
		goto io;
	if (write_figures(r, name, fileno(p.f)) == -1) {
		publish_abandon(&p);
		goto io;
	}
	if (report_same(path, p.temp) || r->run.dry) {
		publish_abandon(&p);
		return 0;
	}
	r->changed = true;
	if (publish_commit(&p, dir, name) == 0)
		return 0;
io:
	diag_file(r->sink, DIAG_IO, name, "%s", strerror(errno));
	run_worst(&r->run, EXIT_TEMPORARY);
	return -1;
}

/* ---- metrics ---- */

static void
metric(FILE *f, const char *name, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
metrics_set(const struct report *r, FILE *f)
{
	metric(f, "shikaku_snapshot_generation", "generation in force");
	for (int k = 0; k < SNAPSHOT__MAX; k++)
		fprintf(f, "shikaku_snapshot_generation{kind=\"%s\"} %lld\n",
		    snapshot_names[k], (long long)r->set.kind[k].generation);
	metric(f, "shikaku_snapshot_rows", "rows of the generation in force");
	for (int k = 0; k < SNAPSHOT__MAX; k++)
		fprintf(f, "shikaku_snapshot_rows{kind=\"%s\"} %lld\n",
		    snapshot_names[k], (long long)r->set.kind[k].rows);
	metric(f, "shikaku_snapshot_cut_off_timestamp_seconds",
	    "moment up to which inputs were taken");
	for (int k = 0; k < SNAPSHOT__MAX; k++)
		fprintf(f,
		    "shikaku_snapshot_cut_off_timestamp_seconds"
		    "{kind=\"%s\"} %lld\n",
		    snapshot_names[k],
		    (long long)r->set.kind[k].cut_off / 1000);
}

static void
metrics_crl(const struct report *r, FILE *f)
{
	int64_t age = r->run.now - r->oldest_update;

	metric(f, "shikaku_crl_partitions", "revocation partitions in force");
	fprintf(f, "shikaku_crl_partitions %lld\n", (long long)r->partitions);
	if (r->partitions == 0)
		return;
	metric(f, "shikaku_crl_age_seconds", "age of the oldest partition");
	fprintf(f, "shikaku_crl_age_seconds %lld\n", (long long)age / 1000);
	metric(f, "shikaku_crl_next_update_timestamp_seconds",
	    "when the first partition goes stale");
	fprintf(f, "shikaku_crl_next_update_timestamp_seconds %lld\n",
	    (long long)r->first_next / 1000);
}

static void
metrics_day(const struct report *r, FILE *f)
{
	metric(f, "shikaku_questions", "usage lines of the business day");
	fprintf(
	    f, "shikaku_questions %lld\n", (long long)tally_total(r->tally));
	metric(f, "shikaku_files", "uploads named for the business day");
	for (int feed = 0; feed < FEED__MAX; feed++)
		for (int s = 0; s < FILE__MAX; s++)
			if (r->feed[feed].files[s] > 0)
				fprintf(f,
				    "shikaku_files{feed=\"%s\",state=\"%s\"} "
				    "%lld\n",
				    feed_names[feed], file_state_names[s],
				    (long long)r->feed[feed].files[s]);
	metric(f, "shikaku_records_refused", "records refused, of those files");
	for (int feed = 0; feed < FEED__MAX; feed++)
		fprintf(f, "shikaku_records_refused{feed=\"%s\"} %lld\n",
		    feed_names[feed], (long long)r->feed[feed].refused);
}

/* Always, whatever became of the statistics: monitoring must see a failure. */
static void
publish_metrics(struct report *r)
{
	char dir[SPOOL_PATH_MAX];
	struct publish p;

	if (r->run.dry)
		return;
	spool_path(dir, r->root, "out");
	if (publish_make_dir(dir) == -1 || publish_open(&p, r->root) == -1)
		goto io;
	metric(p.f, "shikaku_report_last_run_timestamp_seconds",
	    "when this file was made");
	fprintf(p.f, "shikaku_report_last_run_timestamp_seconds %lld\n",
	    (long long)r->run.now / 1000);
	metric(p.f, "shikaku_report_last_exit", "exit status of that run");
	fprintf(p.f, "shikaku_report_last_exit %d\n", r->run.exit);
	metrics_set(r, p.f);
	metrics_crl(r, p.f);
	metrics_day(r, p.f);
	if (publish_commit(&p, dir, "metrics.prom") == 0)
		return;
io:
	diag_file(r->sink, DIAG_IO, "metrics.prom", "%s", strerror(errno));
	run_worst(&r->run, EXIT_TEMPORARY);
}

static void
publish_all(struct report *r)
{
	if (publish_statistics(r) == -1 ||
	    report_month(&r->run, &r->set, &r->changed) == -1)
		return;
	if (!r->changed && !r->run.dry)
		run_worst(&r->run, EXIT_NOTHING);
}

int
main(int argc, char **argv)
{
	struct report r = { 0 };

	if (argc > 1 && strcmp(argv[1], "diff") == 0)
		return report_diff(argc - 1, argv + 1);
	if (run_begin(&r.run, "report", argc, argv, NULL) == -1)
		return run_end(&r.run);
	r.sink = &r.run.log.sink;
	r.root = r.run.config->qualification_root;
	r.tally = tally_new();
	if (*r.root == '\0') {
		diag_file(r.sink, DIAG_CONFIG, r.run.config_path,
		    "qualification.root is empty: report works on that side");
		run_worst(&r.run, EXIT_CONFIG);
	} else if (run_lock(&r.run, r.root) == 0) {
		if (read_journals(&r) == 0 &&
		    read_ledger(&r, r.run.config->intermediate_root) == 0 &&
		    read_ledger(&r, r.root) == 0 && read_set(&r) == 0)
			publish_all(&r);
		publish_metrics(&r);
	}
	snapshot_close(r.institutions);
	tally_free(r.tally);
	return run_end(&r.run);
}
