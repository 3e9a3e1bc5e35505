/*
 * shikaku-arrivals: who should have sent and has not. Says so, tells the site's
 * programs each stage once (late, missed, call), and leaves metrics; the night
 * goes on meanwhile. --wait NET: first, is that net at work? (late.yaml)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "batch/expected.h"
#include "batch/hooks.h"
#include "batch/publish.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

#define TOLD "arrivals.told" /* in ROOT/run */
#define TOLD_MAX ((size_t)4 << 20)

struct job {
	struct run run;
	const char *root, *wait_for;
	struct expectations e;
	char *told; /* lines of the last run, as told_line() */
};

static int
option(void *arg, int letter, const char *value)
{
	struct job *j = arg;

	if (letter != 'w' ||
	    value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-")] !=
		'\0')
		return -1;
	j->wait_for = value;
	return 0;
}

static int
io(struct job *j, const char *path)
{
	diag_file(&j->run.log.sink, DIAG_IO, path, "%s", strerror(errno));
	run_worst(&j->run, EXIT_TEMPORARY);
	return -1;
}

/* Its runner holds a lock as long as it is at work, on the side where it keeps
 * its books. */
static bool
at_work(struct job *j, const char *net)
{
	const struct config *c = j->run.config;
	char path[SPOOL_PATH_MAX];
	int fd;
	bool busy;

	spool_path(path,
	    c->intermediate_root[0] != '\0' ? c->intermediate_root : j->root,
	    "run/jobs-%s.lock", net);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	busy = fd != -1 && flock(fd, LOCK_SH | LOCK_NB) == -1;
	if (fd != -1)
		close(fd);
	if (busy)
		diag_file(&j->run.log.sink, DIAG_LOCKED, path,
		    "the net %s is at work; asked again later", net);
	return busy;
}

/* ---- alarms, each stage once ---- */

static void
told_line(const struct job *j, const struct expected *e, char out[80])
{
	char iso[11];

	day_format_iso(j->run.day, iso);
	snprintf(out, 80, "%s %s %s %s %d\n", e->sender, feed_names[e->feed],
	    iso, arrival_names[e->state], e->missed);
}

static void
alarm_of(struct job *j, const struct expected *e)
{
	char line[80], text[160];

	expected_text(e, j->run.day, text);
	diag_file(&j->run.log.sink,
	    e->state == ARRIVAL_LATE ? DIAG_ARRIVAL_LATE : DIAG_ARRIVAL_MISSED,
	    e->sender, "%s", text);
	told_line(j, e, line);
	if (j->told == NULL || strstr(j->told, line) == NULL)
		hooks_expected(&j->run, e->sender, feed_names[e->feed],
		    arrival_names[e->state],
		    e->state == ARRIVAL_CALL ? "call" : "morning", e->missed);
}

/* Lost, it costs a second alarm. */
static int
write_told(struct job *j)
{
	char dir[SPOOL_PATH_MAX], line[80];
	struct publish p;

	spool_path(dir, j->root, "run");
	if (publish_open(&p, j->root) == -1)
		return io(j, dir);
	for (size_t i = 0; i < j->e.n; i++) {
		if (j->e.v[i].state < ARRIVAL_LATE)
			continue;
		told_line(j, &j->e.v[i], line);
		fputs(line, p.f);
	}
	return publish_commit(&p, dir, TOLD) == -1 ? io(j, TOLD) : 0;
}

/* ---- metrics ---- */

static void
metric(FILE *f, const char *name, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
write_metric(struct job *j, FILE *f, const char *name, bool state)
{
	for (size_t i = 0; i < j->e.n; i++) {
		const struct expected *e = &j->e.v[i];
		int late = (int)e->state - ARRIVAL_AWAITED;

		fprintf(f, "%s{sender=\"%s\",feed=\"%s\"} %d\n", name,
		    e->sender, feed_names[e->feed],
		    !state	 ? e->missed :
			late < 0 ? 0 :
				   late);
	}
}

static int
write_metrics(struct job *j)
{
	char dir[SPOOL_PATH_MAX];
	struct publish p;

	spool_path(dir, j->root, "out");
	if (publish_make_dir(dir) == -1 || publish_open(&p, j->root) == -1)
		return io(j, dir);
	metric(p.f, "shikaku_arrivals_last_run_timestamp_seconds",
	    "when this file was made");
	fprintf(p.f, "shikaku_arrivals_last_run_timestamp_seconds %lld\n",
	    (long long)(j->run.now / 1000));
	metric(p.f, "shikaku_arrival_stage",
	    "of what is expected: 0 nothing is wrong, 1 late, 2 missed, 3 call");
	write_metric(j, p.f, "shikaku_arrival_stage", true);
	metric(p.f, "shikaku_arrival_missed",
	    "due days in a row without an upload");
	write_metric(j, p.f, "shikaku_arrival_missed", false);
	return publish_commit(&p, dir, "arrivals.prom") == -1 ?
	    io(j, "arrivals.prom") :
	    0;
}

/* ---- the run ---- */

static void
list(const struct job *j)
{
	char text[160];

	for (size_t i = 0; i < j->e.n; i++) {
		expected_text(&j->e.v[i], j->run.day, text);
		puts(text);
	}
}

static void
arrivals(struct job *j)
{
	const struct config *c = j->run.config;
	char path[SPOOL_PATH_MAX];
	size_t n = 0;

	j->root = c->qualification_root[0] != '\0' ? c->qualification_root :
						     c->intermediate_root;
	if (run_lock(&j->run, j->root) == -1)
		return;
	if (j->wait_for != NULL && at_work(j, j->wait_for)) {
		run_worst(&j->run, EXIT_NOT_READY);
		return;
	}
	if (expected_judge(&j->run, j->run.day, j->run.now, &j->e) == -1)
		return;
	if (j->run.verbose)
		list(j);
	spool_path(path, j->root, "run/%s", TOLD);
	j->told = spool_slurp(path, TOLD_MAX, &n);
	for (size_t i = 0; i < j->e.n; i++)
		if (j->e.v[i].state >= ARRIVAL_LATE)
			alarm_of(j, &j->e.v[i]);
	if (!j->run.dry && j->e.n > 0 && write_told(j) == 0)
		write_metrics(j);
	for (int s = ARRIVAL_CAME; s < ARRIVAL__MAX; s++)
		run_note(&j->run, arrival_names[s], (int64_t)j->e.count[s]);
	if (j->e.n == 0)
		run_worst(&j->run, EXIT_NOTHING);
	/* the night goes on: done, and some files are not there */
	if (j->e.count[ARRIVAL_LATE] + j->e.count[ARRIVAL_MISSED] +
		j->e.count[ARRIVAL_CALL] >
	    0)
		run_worst(&j->run, EXIT_FILES);
}

int
main(int argc, char **argv)
{
	static const struct run_long longs[] = { { "wait", 'w', true },
		{ NULL, 0, false } };
	struct job j = { .root = NULL };
	struct run_options extra = { .letters = "w:",
		.longs = longs,
		.option = option,
		.arg = &j,
		.usage =
		    "shikaku-arrivals -c SITE.yaml [-nv] [-D YYYY-MM-DD] "
		    "[--wait NET]\n"
		    "  -c FILE     configuration of the site\n"
		    "  --wait NET  exit 8 while that job net is at work\n" };

	if (run_begin(&j.run, "arrivals", argc, argv, &extra) == 0) {
		j.run.countless = true;
		arrivals(&j);
		free(j.told);
		expected_free(&j.e);
	}
	return run_end(&j.run);
}
