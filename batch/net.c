/* A job net read from its file, and what can be wrong with one. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/net.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/yaml.h"
#include "formats/exit.h"

#define FILE_MAX ((size_t)1 << 20)

const char *const net_alarm_names[] = { "none", "morning", "call", NULL };

enum type {
	TEXT,
	NAME, /* [a-z0-9-]+, at most NET_NAME_MAX */
	PROGRAM, /* shikaku-NAME */
	NAMES, /* of earlier jobs, blanks between */
	DAYS, /* day_rule_parse() */
	CLOCK, /* HH:MM, ms of the day */
	TIME, /* HH:MM, ms of the net */
	WINDOW, /* HH:MM-HH:MM */
	INT,
	YES, /* yes|no */
	ALARM,
	STATUSES, /* exit statuses, blanks between */
};
struct key {
	const char *name;
	enum type type;
	bool must;
	size_t at;
	int min, max;
};

/* clang-format off */
#define N(member) offsetof(struct net, member)
static const struct key net_keys[] = {
{ "net",           NAME,     true,  N(name), 0, 0 },
{ "title",         TEXT,     true,  N(title), 0, 0 },
{ "title_ja",      TEXT,     true,  N(title_ja), 0, 0 },
{ "calendar",      DAYS,     true,  N(calendar), 0, 0 },
{ "starts",        CLOCK,    true,  N(starts), 0, 0 },
{ "every_minutes", INT,      false, N(every_minutes), 0, 720 },
{ "at_once",       INT,      true,  N(at_once), 1, 16 },
{ "go_on",         STATUSES, true,  N(go_on), 0, 0 },
{ "retry",         STATUSES, true,  N(retry), 0, 0 },
{ "stop",          STATUSES, true,  N(stop), 0, 0 },
};
#define J(member) offsetof(struct job, member)
static const struct key job_keys[] = {
{ "name",             NAME,    true,  J(name), 0, 0 },
{ "program",          PROGRAM, true,  J(program), 0, 0 },
{ "args",             TEXT,    true,  J(args), 0, 0 },
{ "after",            NAMES,   true,  J(after), 0, 0 },
{ "calendar",         DAYS,    false, J(calendar), 0, 0 },
{ "window",           WINDOW,  true,  J(opens), 0, 0 },
{ "deadline",         TIME,    true,  J(deadline), 0, 0 },
{ "retries",          INT,     true,  J(retries), 0, 100 },
{ "every_minutes",    INT,     true,  J(every_minutes), 0, 720 },
{ "expected_minutes", INT,     true,  J(expected_minutes), 0, 720 },
{ "limit_minutes",    INT,     false, J(limit_minutes), 0, 1440 },
{ "alone",            YES,     false, J(alone), 0, 0 },
{ "always",           YES,     false, J(always), 0, 0 },
{ "alarm",            ALARM,   true,  J(alarm), 0, 0 },
{ "reason",           TEXT,    true,  J(reason), 0, 0 },
{ "reason_ja",        TEXT,    true,  J(reason_ja), 0, 0 },
{ "by_hand",          TEXT,    true,  J(by_hand), 0, 0 },
{ "by_hand_ja",       TEXT,    true,  J(by_hand_ja), 0, 0 },
};
/* clang-format on */
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct reading {
	struct net *net;
	const char *programs;
	struct diag_sink *sink;
	int faults;
};

static void __attribute__((format(printf, 4, 5)))
fault(struct reading *r, int line, int column, const char *fmt, ...)
{
	char detail[300];
	struct diag d = { .code = DIAG_JOB_NET,
		.file = r->net->path,
		.line = line,
		.column = column,
		.offset = -1,
		.detail = detail };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	diag_raise(r->sink, &d);
	r->faults++;
}

/* ---- one value ---- */

static bool
is_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= NET_NAME_MAX &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n &&
	    s[0] != '-';
}

/* "HH:MM" of n bytes; -1. */
static int64_t
clock_of(const char *s, size_t n)
{
	int64_t h, m;

	if (n != 5 || s[2] != ':')
		return -1;
	h = slice_number((struct slice) { s, 2 });
	m = slice_number((struct slice) { s + 3, 2 });
	if (h < 0 || h > 23 || m < 0 || m > 59)
		return -1;
	return (h * 60 + m) * 60000;
}

/* On the net's own day, or on the next. */
static int64_t
time_of(const struct net *net, const char *s, size_t n)
{
	int64_t t = clock_of(s, n);

	return t == -1 || t >= net->starts ? t : t + DAY_MS;
}

static int
take_window(const struct net *net, const char *s, int64_t *opens)
{
	int64_t *closes = opens + 1;

	if (strlen(s) != 11 || s[5] != '-')
		return -1;
	*opens = time_of(net, s, 5);
	*closes = time_of(net, s + 6, 5);
	if (*closes == net->starts) /* until it starts again */
		*closes += DAY_MS;
	return *opens == -1 || *closes == -1 || *closes <= *opens ? -1 : 0;
}

static int
take_after(struct reading *r, struct job *job, const char *s)
{
	const char *p = s;

	job->n_after = 0;
	while (*p != '\0') {
		size_t n = strcspn(p, " ");
		char name[NET_NAME_MAX + 1];
		int at;

		if (n == 0) {
			p++;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s",
		    n > NET_NAME_MAX ? NET_NAME_MAX : (int)n, p);
		at = net_find(r->net, name);
		/* so there can be no circle */
		if (at == -1 || at >= (int)(job - r->net->job) ||
		    job->n_after == NET_AFTER_MAX)
			return -1;
		job->after[job->n_after++] = at;
		p += n;
	}
	return 0;
}

static int
take_statuses(uint64_t *set, const char *s)
{
	while (*s != '\0') {
		size_t n = strcspn(s, " ");
		int64_t v = slice_number((struct slice) { s, n });

		if (n > 0) {
			/* EXIT_BUG, 64, has bit 63 */
			if (v < 0 || v > EXIT_BUG || v == EXIT_BUG - 1)
				return -1;
			*set |= UINT64_C(1) << (v == EXIT_BUG ? 63 : v);
		}
		s += n;
		s += strspn(s, " ");
	}
	return 0;
}

static int
take_choice(const char *s, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(s, names[i]) == 0)
			return i;
	return -1;
}

/* One value into its place; -1: it is not what its type expects. */
typedef int taker(struct reading *r, const struct key *k, void *base, void *at,
    const char *s);

static int
take_text(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)r, (void)k, (void)base;
	*(const char **)at = s;
	return 0;
}

static int
take_name(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)r, (void)k, (void)base;
	if (!is_name(s))
		return -1;
	snprintf(at, NET_NAME_MAX + 1, "%s", s);
	return 0;
}

static int
take_program(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)r, (void)k, (void)base;
	*(const char **)at = s;
	return strncmp(s, "shikaku-", 8) == 0 && is_name(s + 8) ? 0 : -1;
}

static int
take_names(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)k, (void)at;
	return take_after(r, base, s);
}

static int
take_days(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)r, (void)k, (void)base;
	return day_rule_parse(s, at);
}

static int
take_clock(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)r, (void)k, (void)base;
	*(int64_t *)at = clock_of(s, strlen(s));
	return *(int64_t *)at == -1 ? -1 : 0;
}

static int
take_time(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)k, (void)base;
	*(int64_t *)at = time_of(r->net, s, strlen(s));
	return *(int64_t *)at == -1 ? -1 : 0;
}

static int
take_span(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)k, (void)base;
	return take_window(r->net, s, at);
}

static int
take_int(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	int64_t n = slice_number(slice_of(s));

	(void)r, (void)base;
	*(int *)at = (int)n;
	return n >= k->min && n <= k->max ? 0 : -1;
}

static int
take_yes(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	static const char *const yes[] = { "no", "yes", NULL };
	int i = take_choice(s, yes);

	(void)r, (void)k, (void)base;
	*(bool *)at = i == 1;
	return i == -1 ? -1 : 0;
}

static int
take_alarm(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)r, (void)k, (void)base;
	*(int *)at = take_choice(s, net_alarm_names);
	return *(int *)at == -1 ? -1 : 0;
}

static int
take_set(
    struct reading *r, const struct key *k, void *base, void *at, const char *s)
{
	(void)r, (void)k, (void)base;
	return take_statuses(at, s);
}

static const struct {
	taker *take;
	const char *expected;
} types[] = {
	[TEXT] = { take_text, "" },
	[NAME] = { take_name, "expected a name of a-z, 0-9, -, at most 24" },
	[PROGRAM] = { take_program, "expected shikaku-NAME" },
	[NAMES] = { take_names,
	    "expected names of jobs that stand before this one" },
	[DAYS] = { take_days,
	    "expected \"every day\", \"business days\", \"monthly 10, "
	    "after\" or another rule of shikaku-jobs(8)" },
	[CLOCK] = { take_clock, "expected HH:MM" },
	[TIME] = { take_time, "expected HH:MM" },
	[WINDOW] = { take_span,
	    "expected HH:MM-HH:MM, ending before the net starts again" },
	[INT] = { take_int, "expected a number within its range" },
	[YES] = { take_yes, "expected yes or no" },
	[ALARM] = { take_alarm, "expected none, morning or call" },
	[STATUSES] = { take_set, "expected exit statuses with blanks between" },
};

/* ---- the file ---- */

static const struct key *
find_key(const struct key *keys, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* Every key of a map at prefix; those of the table that must be there are. */
static void
take_map(struct reading *r, const struct yaml *y, const char *prefix,
    const struct key *keys, size_t n_keys, void *base, int line)
{
	size_t len = strlen(prefix);
	char path[80];

	for (size_t i = 0; i < y->n; i++) {
		const struct yaml_node *v = &y->v[i];

		if (strncmp(v->path, prefix, len) != 0 ||
		    strpbrk(v->path + len, ".[") != NULL ||
		    v->path[len] == '\0')
			continue;
		if (len == 0 && strcmp(v->path, "jobs") == 0)
			continue;
		if (find_key(keys, n_keys, v->path + len) == NULL)
			fault(r, v->line, v->column, "%s: no such key", v->key);
		else if (v->kind != YAML_SCALAR)
			fault(r, v->line, v->column, "%s: expected a value",
			    v->key);
	}
	for (size_t i = 0; i < n_keys; i++) {
		const struct yaml_node *v;

		snprintf(path, sizeof(path), "%s%s", prefix, keys[i].name);
		v = yaml_find(y, path);
		if (v == NULL) {
			if (keys[i].must)
				fault(r, line, 0, "%s: missing", keys[i].name);
			continue;
		}
		if (v->kind != YAML_SCALAR)
			continue;
		if (types[keys[i].type].take(r, &keys[i], base,
			(char *)base + keys[i].at, v->value) == -1)
			fault(r, v->value_line, v->value_column, "%s: %s",
			    keys[i].name, types[keys[i].type].expected);
	}
}

static void
take_job(struct reading *r, const struct yaml *y, const struct yaml_node *v)
{
	struct net *net = r->net;
	struct job *job = &net->job[net->n];
	char prefix[40], path[80], file[SPOOL_PATH_MAX];
	int faults = r->faults;

	if (net->n == NET_JOBS_MAX) {
		fault(r, v->line, v->column, "more than %d jobs", NET_JOBS_MAX);
		return;
	}
	memset(job, 0, sizeof(*job));
	job->line = v->line;
	snprintf(prefix, sizeof(prefix), "%s.", v->path);
	take_map(r, y, prefix, job_keys, COUNT(job_keys), job, v->line);
	snprintf(path, sizeof(path), "%scalendar", prefix);
	job->has_calendar = yaml_find(y, path) != NULL;
	if (!job->has_calendar)
		job->calendar = net->calendar;
	if (job->name[0] != '\0' && net_find(net, job->name) != -1)
		fault(r, v->line, v->column, "%s: named twice", job->name);
	if (job->program != NULL && r->programs != NULL &&
	    r->faults == faults) {
		spool_path(file, r->programs, "%s", job->program);
		if (access(file, X_OK) == -1)
			fault(r, v->line, v->column, "%s: no such program",
			    job->program);
	}
	net->n++;
}

/* Every exit status has one answer. */
static void
check_statuses(struct reading *r)
{
	static const int all[] = { EXIT_OK, EXIT_NOTHING, EXIT_RECORDS,
		EXIT_FILES, EXIT_NOT_READY, EXIT_WINDOW, EXIT_LOCKED,
		EXIT_TEMPORARY, EXIT_STOPPED, EXIT_DEADLINE, EXIT_BAD_USAGE,
		EXIT_CONFIG, EXIT_INPUT, EXIT_GUARD, EXIT_INTEGRITY, EXIT_BUG };
	const struct net *net = r->net;
	uint64_t known = 0;

	for (size_t i = 0; i < COUNT(all); i++) {
		int n = net_has(net->go_on, all[i]) +
		    net_has(net->retry, all[i]) + net_has(net->stop, all[i]);

		known |= UINT64_C(1) << (all[i] == EXIT_BUG ? 63 : all[i]);
		if (n != 1)
			fault(r, 1, 0,
			    "exit status %d must stand in one of go_on, retry, "
			    "stop",
			    all[i]);
	}
	if (((net->go_on | net->retry | net->stop) & ~known) != 0)
		fault(r, 1, 0,
		    "go_on, retry or stop names an exit status that no "
		    "program has");
}

/* By the expected durations, does each job end inside its window and before
 * its deadline? */
static void
check_times(struct reading *r)
{
	const struct net *net = r->net;
	int64_t ends[NET_JOBS_MAX];

	net_earliest(net, ends);
	for (int i = 0; i < net->n; i++) {
		const struct job *job = &net->job[i];
		int64_t end = ends[i] % DAY_MS;
		int64_t until =
		    job->deadline < job->closes ? job->deadline : job->closes;

		if (ends[i] > until)
			fault(r, job->line, 0,
			    "%s: cannot be met: by the expected durations it "
			    "ends at %02d:%02d at the earliest",
			    job->name, (int)(end / 3600000),
			    (int)(end / 60000 % 60));
		if (job->limit_minutes > 0 &&
		    job->limit_minutes < job->expected_minutes)
			fault(r, job->line, 0,
			    "%s: limit_minutes is below expected_minutes",
			    job->name);
	}
}

struct net *
net_read(const char *path, const char *programs, struct diag_sink *sink)
{
	struct net *net = text_alloc(sizeof(*net));
	struct reading r = { .net = net, .programs = programs, .sink = sink };
	const struct yaml_node *jobs;
	struct yaml *y = NULL;
	size_t n = 0;
	char *all = spool_slurp(path, FILE_MAX, &n);

	net->path = text_dup(slice_of(path));
	if (all == NULL) {
		fault(&r, 0, 0, "%s", strerror(errno));
		goto fail;
	}
	y = yaml_read((struct slice) { all, n }, path, sink);
	free(all);
	if (y == NULL)
		goto fail;
	net->store = y; /* the texts are its own */
	take_map(&r, y, "", net_keys, COUNT(net_keys), net, 1);
	jobs = yaml_find(y, "jobs");
	if (jobs == NULL || jobs->kind != YAML_LIST)
		fault(&r, 1, 0, "jobs: missing");
	for (size_t i = 0; i < y->n; i++)
		if (strncmp(y->v[i].path, "jobs[", 5) == 0 &&
		    strchr(y->v[i].path, ']')[1] == '\0')
			take_job(&r, y, &y->v[i]);
	if (r.faults == 0 && net->n == 0)
		fault(&r, 1, 0, "jobs: none");
	if (r.faults == 0) {
		check_statuses(&r);
		check_times(&r);
	}
	if (r.faults == 0)
		return net;
fail:
	net_free(net);
	return NULL;
}

void
net_free(struct net *net)
{
	if (net == NULL)
		return;
	if (net->store != NULL)
		yaml_close(net->store);
	free((void *)(uintptr_t)net->path);
	free(net);
}

int
net_find(const struct net *net, const char *name)
{
	for (int i = 0; i < net->n; i++)
		if (strcmp(net->job[i].name, name) == 0)
			return i;
	return -1;
}

int64_t
net_moment(int32_t d, int64_t t)
{
	return day_moment(d, 0) + t;
}

bool
net_has(uint64_t set, int status)
{
	if (status < 0 || status > EXIT_BUG || status == EXIT_BUG - 1)
		return false;
	return (set >> (status == EXIT_BUG ? 63 : status) & 1) != 0;
}

void
net_earliest(const struct net *net, int64_t ends[NET_JOBS_MAX])
{
	for (int i = 0; i < net->n; i++) {
		const struct job *job = &net->job[i];
		int64_t begins = job->opens;

		for (int k = 0; k < job->n_after; k++)
			if (ends[job->after[k]] > begins)
				begins = ends[job->after[k]];
		ends[i] = begins + job->expected_minutes * INT64_C(60000);
	}
}

/* The last day of the month before. */
static void
month_end(int32_t day, char iso[11])
{
	day_format_iso(day, iso);
	day_format_iso(day - ((iso[8] - '0') * 10 + iso[9] - '0'), iso);
}

void
net_argv(const struct job *job, const char *site, int32_t day, char store[2048],
    char *argv[NET_ARGS_MAX + 1])
{
	const char *p = job->args;
	struct buf b;
	char iso[11], end[11];
	int n = 0;

	day_format_iso(day, iso);
	month_end(day, end);
	buf_init(&b, store, 2048);
	buf_puts(&b, job->program);
	argv[n++] = store;
	while (*p != '\0' && n < NET_ARGS_MAX) {
		size_t len = strcspn(p, " ");

		if (len > 0) {
			buf_putc(&b, '\0');
			argv[n++] = store + b.n;
			if (len == 5 && memcmp(p, "$SITE", 5) == 0)
				buf_puts(&b, site);
			else if (len == 4 && memcmp(p, "$DAY", 4) == 0)
				buf_puts(&b, iso);
			else if (len == 10 && memcmp(p, NET_MONTH_END, 10) == 0)
				buf_puts(&b, end);
			else
				buf_put(&b, (struct slice) { p, len });
		}
		p += len;
		p += strspn(p, " ");
	}
	argv[n] = NULL;
}
