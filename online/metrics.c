/* OpenMetrics 1.0, one row a family; counters are sums over the workers. */
#include "online/admin.h"

#include <stddef.h>

#define W(member) offsetof(struct share_worker, member)

static const char *const kinds[SHARE_KINDS] = { "number", "printed", "card",
	"challenge", "other" };
static const char *const validities[6] = { "none", "1", "2", "3", "4", "5" };
static const char *const bounds[SHARE_BUCKETS] = { "0.0005", "0.001", "0.002",
	"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "+Inf" };
static const char *const snapshots[4] = { "qualification", "cards",
	"revocation", "institutions" };

static int64_t
value(const struct share_worker *w, size_t at)
{
	return atomic_load_explicit(
	    (const _Atomic int64_t *)((const char *)w + at),
	    memory_order_relaxed);
}

static int64_t
sum(const struct share *s, int workers, size_t at)
{
	int64_t n = 0;

	for (int i = 0; i < workers; i++)
		n += value(&s->worker[i], at);
	return n;
}

static void
head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# TYPE shikaku_%s %s\n# HELP shikaku_%s %s\n", name,
	    type, name, help);
}

static const struct {
	const char *name;
	size_t at;
	const char *help;
} counters[] = {
	{ "connections_accepted", W(accepted), "TCP connections taken" },
	{ "handshakes_full", W(full), "TLS handshakes with certificate check" },
	{ "handshakes_resumed", W(resumed), "TLS handshakes by ticket" },
	{ "handshakes_failed", W(failed), "TLS handshakes that failed" },
	{ "connections_slow", W(slow), "connections cut by a deadline" },
	{ "journal_commits", W(commits), "group commits of the usage journal" },
	{ "journal_lines", W(commit_lines), "usage lines made durable" },
	{ "journal_failures", W(commit_failures), "commits that failed" },
	{ "questions_limited", W(limited), "questions over a rate limit" },
	{ "enumeration_alarms", W(enumerations),
	    "certificates with unusually many answers nobody" },
	{ "snapshot_switches", W(switches), "snapshot sets put in force" },
	{ "snapshot_refusals", W(set_refused), "snapshot sets not believed" },
};

static void
put_labelled(struct buf *b, const struct share *s, int workers,
    const char *name, const char *label, const char *const *values, int n,
    size_t at, const char *help)
{
	head(b, name, "counter", help);
	for (int i = 0; i < n; i++)
		buf_printf(b, "shikaku_%s_total{%s=\"%s\"} %lld\n", name, label,
		    values[i],
		    (long long)sum(
			s, workers, at + (size_t)i * sizeof(_Atomic int64_t)));
}

static void
put_latency(struct buf *b, const struct share *s, int workers)
{
	int64_t n = 0;

	head(b, "answer_seconds", "histogram",
	    "from the whole request to its answer, journal included");
	for (int i = 0; i < SHARE_BUCKETS; i++) {
		n += sum(s, workers,
		    W(latency) + (size_t)i * sizeof(_Atomic int64_t));
		buf_printf(b, "shikaku_answer_seconds_bucket{le=\"%s\"} %lld\n",
		    bounds[i], (long long)n);
	}
	buf_printf(b,
	    "shikaku_answer_seconds_count %lld\n"
	    "shikaku_answer_seconds_sum %.6f\n",
	    (long long)n, (double)sum(s, workers, W(latency_us)) / 1e6);
}

/* Gauges of the worker that is furthest behind. */
static int64_t
least(const struct share *s, int workers, size_t at)
{
	int64_t n = INT64_MAX;

	for (int i = 0; i < workers; i++) {
		int64_t v = value(&s->worker[i], at);
		n = v < n ? v : n;
	}
	return n == INT64_MAX ? 0 : n;
}

static void
put_gauge(struct buf *b, const char *name, const char *help, double value)
{
	head(b, name, "gauge", help);
	buf_printf(b, "shikaku_%s %.15g\n", name, value);
}

void
metrics_write(const struct config *c, const struct share *s, int workers,
    int64_t now, struct buf *b)
{
	int ready = 0;
	int64_t until;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		head(b, counters[i].name, "counter", counters[i].help);
		buf_printf(b, "shikaku_%s_total %lld\n", counters[i].name,
		    (long long)sum(s, workers, counters[i].at));
	}
	put_labelled(b, s, workers, "answers", "kind", kinds, SHARE_KINDS,
	    W(answers), "answers and refusals by kind of question");
	put_labelled(b, s, workers, "validity", "code", validities, 6,
	    W(validity), "answers by QualificationValidity");
	put_latency(b, s, workers);
	for (int i = 0; i < workers; i++)
		ready += s->worker[i].ready ? 1 : 0;
	put_gauge(b, "workers", "workers configured", c->workers);
	put_gauge(b, "workers_ready", "workers that answer", ready);
	put_gauge(b, "connections", "open connections",
	    (double)sum(s, workers, W(connections)));
	put_gauge(b, "journal_commit_seconds_sum", "time spent in commits",
	    (double)sum(s, workers, W(commit_us)) / 1e6);
	head(b, "generation", "gauge", "snapshot generation in force");
	for (int i = 0; i < 4; i++)
		buf_printf(b, "shikaku_generation{kind=\"%s\"} %lld\n",
		    snapshots[i],
		    (long long)least(s, workers,
			W(generation) + (size_t)i * sizeof(_Atomic int64_t)));
	put_gauge(b, "snapshot_age_seconds", "since its cut-off",
	    (double)(now - least(s, workers, W(cut_off))) / 1e3);
	until = least(s, workers, W(crl_until));
	put_gauge(b, "crl_left_seconds", "until the CRL must be renewed",
	    until == 0 ? 0 : (double)(until - now) / 1e3);
	until = least(s, workers, W(cert_until));
	put_gauge(b, "certificate_left_days", "of the server's certificate",
	    until == 0 ? 0 : (double)(until - now) / 86400e3);
	buf_puts(b, "# EOF\n");
}
