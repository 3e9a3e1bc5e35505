/*
 * The statistics of the month and of the business day (batch/report_month.h),
 * and the figures of now as a text file for Prometheus. Counts only, no person.
 */
#include <errno.h>
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
#include "formats/snapshot.h"

struct feed_figures {
	int64_t files[FILE__MAX];
	int64_t refused;
};

struct report {
	struct run run;
	struct diag_sink *sink;
	const char *root;
	struct feed_figures feed[FEED__MAX]; /* of both sides */
	bool outgoing; /* reading the side that packages leave */
	struct snapshot_set set;
	int64_t partitions, oldest_update, first_next; /* moments; 0 none */
};

/* ---- gathering ---- */

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
		ok = journal_prove(r->root, &j.v[i], 0, NULL, r->sink);
		if (ok == -1)
			run_worst(&r->run, EXIT_INTEGRITY);
		r->run.read += j.v[i].lines;
		r->run.accepted += j.v[i].lines;
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
	x->refused += f->refused;
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
	read_partitions(r, dir);
	return 0;
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
	fprintf(f, "shikaku_questions %lld\n", (long long)r->run.read);
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
	bool changed = false;

	if (report_month(&r->run, &r->set, &changed) == 0 && !changed &&
	    !r->run.dry)
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
	return run_end(&r.run);
}
