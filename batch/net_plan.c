/* A plan of the night: the calendar, the clock, the history, the volume. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "batch/net_plan.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

#define NIGHTS 14 /* of history: the last ones of each job */

struct history {
	const struct net *net;
	struct past { /* a ring of the last nights */
		int64_t ms[NIGHTS];
		int n;
		bool records; /* it read any: its time goes with the volume */
	} job[NET_JOBS_MAX];
};

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int64_t
net_median(int64_t *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return v[(n - 1) / 2];
}

static int
take_past(void *arg, const struct ledger_job *j)
{
	struct history *h = arg;
	int i = net_find(h->net, j->job);

	/* a night with nothing to do says nothing about one with work */
	if (i == -1 || j->ended == 0 || j->exit == EXIT_NOTHING ||
	    !net_has(h->net->go_on, j->exit))
		return 0;
	h->job[i].ms[h->job[i].n++ % NIGHTS] = j->ms;
	h->job[i].records |= j->read > 0;
	return 0;
}

/* ---- volume: bytes that came on each of the last days, and that wait ---- */

struct volume {
	int32_t day; /* of the plan */
	int64_t bytes[NIGHTS]; /* that came 1..NIGHTS days before */
	int64_t waiting;
};

static int
take_file(void *arg, const struct ledger_file *f)
{
	struct volume *v = arg;
	int32_t ago = v->day - day_of_moment(f->arrived);

	if (f->state == FILE_READY)
		v->waiting += f->bytes;
	else if (ago >= 1 && ago <= NIGHTS && f->state != FILE_REFUSED)
		v->bytes[ago - 1] += f->bytes;
	return 0;
}

static void
take_upload(void *arg, const char *name, const struct stat *st)
{
	struct volume *v = arg;

	(void)name;
	v->waiting += (int64_t)st->st_size;
}

/* How many times a normal night it is, in percent; at least 100, so that a
 * quiet evening does not promise what a late file breaks. */
static int
times_normal(struct volume *v)
{
	int64_t normal[NIGHTS], median;
	int n = 0;

	for (int i = 0; i < NIGHTS; i++)
		if (v->bytes[i] > 0)
			normal[n++] = v->bytes[i];
	if (n == 0)
		return 100;
	median = net_median(normal, n);
	return v->waiting <= median ? 100 : (int)(v->waiting * 100 / median);
}

/* ---- the plan ---- */

struct plan {
	struct run *run;
	const struct net_order *order;
	struct history past;
	struct volume volume;
	int percent;
	int64_t ends[NET_JOBS_MAX]; /* ms of the net; of one left out: 0 */
};

static int64_t
estimate(struct plan *p, int i)
{
	struct past *past = &p->past.job[i];
	int n = past->n < NIGHTS ? past->n : NIGHTS;
	int64_t ms;

	if (n == 0)
		return p->order->net->job[i].expected_minutes * INT64_C(60000);
	ms = net_median(past->ms, n);
	return past->records ? ms * p->percent / 100 : ms;
}

static void
print_clock(int64_t t, int32_t day)
{
	int64_t m = t / 60000 % 1440;

	printf(" %s%02d:%02d", t >= DAY_MS ? "+" : " ", (int)(m / 60),
	    (int)(m % 60));
	(void)day;
}

static int
plan_job(struct plan *p, int i)
{
	const struct job *job = &p->order->net->job[i];
	struct diag_sink *sink = &p->run->log.sink;
	int due =
	    day_rule_due(&job->calendar, p->order->holidays, p->run->day, sink);
	int64_t begins = job->opens;

	if (due == -1) {
		run_worst(p->run, EXIT_CONFIG);
		return -1;
	}
	printf("  %-14s", job->name);
	if (due == 0) {
		printf("  not today: its calendar / "
		       "暦により本日は対象外\n");
		return 0;
	}
	for (int k = 0; k < job->n_after; k++)
		if (p->ends[job->after[k]] > begins)
			begins = p->ends[job->after[k]];
	p->ends[i] = begins + estimate(p, i);
	print_clock(begins, p->run->day);
	print_clock(p->ends[i], p->run->day);
	print_clock(job->deadline, p->run->day);
	printf("  %s\n", p->past.job[i].n > 0 ? "history" : "expected");
	if (p->ends[i] > job->deadline || p->ends[i] > job->closes)
		diag_file(sink, DIAG_JOB_PLAN, p->order->net->name,
		    "%s: %lld minutes late", job->name,
		    (long long)((p->ends[i] -
				    (job->deadline < job->closes ?
					    job->deadline :
					    job->closes)) /
			    60000 +
			1));
	return 0;
}

int
net_plan(struct run *run, const struct net_order *order, const char *root)
{
	struct plan *p = text_alloc(sizeof(*p));
	struct ledger *l;
	char path[SPOOL_PATH_MAX], iso[11];
	struct stat st;
	int r = -1;

	p->run = run;
	p->order = order;
	p->past.net = order->net;
	p->volume.day = run->day;
	if (root != NULL)
		spool_path(path, root, "ledger.sqlite");
	if (root != NULL && stat(path, &st) == 0) {
		if ((l = ledger_look(root, &run->log.sink)) == NULL)
			goto out;
		ledger_jobs(l, order->net->name, DAY_NONE, take_past, &p->past);
		for (int i = 0; i < FILE__MAX; i++)
			ledger_each(
			    l, (enum file_state)i, take_file, &p->volume);
		ledger_close(l);
		spool_uploads(root, take_upload, &p->volume);
	}
	p->percent = times_normal(&p->volume);
	day_format_iso(run->day, iso);
	printf("%s %s: %s / %s\n", order->net->name, iso, order->net->title,
	    order->net->title_ja);
	printf("  waiting %lld bytes, %d %% of a normal night / "
	       "受付待ち\n",
	    (long long)p->volume.waiting, p->percent);
	printf("  %-14s %6s %6s %6s  by\n", "job", "from", "to", "until");
	for (int i = 0; i < order->net->n; i++)
		if ((order->chosen >> i & 1) != 0 && plan_job(p, i) == -1)
			goto out;
	r = 0;
out:
	free(p);
	return r;
}
