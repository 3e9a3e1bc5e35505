/*
 * shikaku-jobs: the night from its definition in jobs/: checked, drawn,
 * planned, run, told, and written out for other schedulers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/net_export.h"
#include "batch/net_plan.h"
#include "batch/net_run.h"
#include "batch/publish.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

enum { NOW = 256, RESUME, FROM, ONLY, TO, AS, TICK, ACCOUNT, PROGRAMS };

struct request {
	struct run run;
	const char *from, *only, *to, *as, *folder, *account, *programs;
	bool now, resume, tick;
	char own[SPOOL_PATH_MAX]; /* folder of this program */
	char path[SPOOL_PATH_MAX];
	struct net *net;
	struct net_order order;
	char lease[80];
};

static int
option(void *arg, int letter, const char *value)
{
	struct request *q = arg;

	switch (letter) {
	case NOW:
		q->now = true;
		return 0;
	case RESUME:
		q->resume = true;
		return 0;
	case TICK:
		q->tick = true;
		return 0;
	case FROM:
		q->from = value;
		return 0;
	case ONLY:
		q->only = value;
		return 0;
	case TO:
		q->to = value;
		return 0;
	case AS:
		q->as = value;
		return strcmp(value, "json") == 0 ||
			strcmp(value, "table") == 0 ?
		    0 :
		    -1;
	case ACCOUNT:
		q->account = value;
		return 0;
	case PROGRAMS:
		q->programs = value;
		return 0;
	case 'o':
		q->folder = value;
		return 0;
	default:
		return -1;
	}
}

static const struct run_long longs[] = {
	{ "now", NOW, false },
	{ "resume", RESUME, false },
	{ "from", FROM, true },
	{ "only", ONLY, true },
	{ "to", TO, true },
	{ "as", AS, true },
	{ "tick", TICK, false },
	{ "account", ACCOUNT, true },
	{ "programs", PROGRAMS, true },
	{ "out", 'o', true },
	{ NULL, 0, false },
};

static int
wrong(struct request *q, const char *fmt, const char *what)
{
	fputs("shikaku-jobs: ", stderr);
	fprintf(stderr, "%s%s%s\n", fmt, what[0] == '\0' ? "" : ": ", what);
	run_worst(&q->run, EXIT_BAD_USAGE);
	return -1;
}

/* ---- which net, which of its jobs ---- */

/* Programs stand beside this one. */
static void
find_own(struct request *q)
{
	ssize_t n = readlink("/proc/self/exe", q->own, sizeof(q->own) - 1);
	char *slash;

	q->own[n > 0 ? n : 0] = '\0';
	slash = strrchr(q->own, '/');
	if (slash != NULL)
		*slash = '\0';
}

/* A path, or the name of one in jobs.folder. */
static int
open_net(struct request *q, const char *name, bool check_programs)
{
	size_t n = strlen(name);

	if (strchr(name, '/') != NULL ||
	    (n > 5 && strcmp(name + n - 5, ".yaml") == 0))
		snprintf(q->path, sizeof(q->path), "%s", name);
	else if (q->run.config != NULL)
		spool_path(
		    q->path, q->run.config->jobs_folder, "%s.yaml", name);
	else
		return wrong(q,
		    "name the site by -c, or give the path of the net", name);
	q->net =
	    net_read(q->path, check_programs ? q->own : NULL, &q->run.log.sink);
	if (q->net == NULL) {
		run_worst(&q->run, EXIT_CONFIG);
		return -1;
	}
	return 0;
}

/* --only A,B; --from A: A and all that comes after it. */
static int
choose_jobs(struct request *q)
{
	const struct net *net = q->net;
	uint64_t all = net->n == 64 ? UINT64_MAX : (UINT64_C(1) << net->n) - 1;
	const char *p = q->only;
	int at;

	q->order.chosen = all;
	if (q->only != NULL) {
		q->order.chosen = 0;
		while (*p != '\0') {
			char name[NET_NAME_MAX + 1];
			size_t n = strcspn(p, ",");

			snprintf(name, sizeof(name), "%.*s",
			    n > NET_NAME_MAX ? 0 : (int)n, p);
			if ((at = net_find(net, name)) == -1)
				return wrong(q, "no such job in the net", p);
			q->order.chosen |= UINT64_C(1) << at;
			p += n + (p[n] == ',');
		}
	}
	if (q->from != NULL) {
		uint64_t from;

		if ((at = net_find(net, q->from)) == -1)
			return wrong(q, "no such job in the net", q->from);
		from = UINT64_C(1) << at;
		for (int i = at + 1; i < net->n; i++)
			for (int k = 0; k < net->job[i].n_after; k++)
				if ((from >> net->job[i].after[k] & 1) != 0)
					from |= UINT64_C(1) << i;
		q->order.chosen &= from;
	}
	return 0;
}

static const char *
root_of(const struct config *c)
{
	return c->intermediate_root[0] != '\0' ? c->intermediate_root :
						 c->qualification_root;
}

static int
open_holidays(struct request *q)
{
	const struct config *c = q->run.config;

	if (c == NULL || c->holidays[0] == '\0')
		return 0;
	q->order.holidays = holidays_read(c->holidays, &q->run.log.sink);
	if (q->order.holidays == NULL) {
		run_worst(&q->run, EXIT_CONFIG);
		return -1;
	}
	return 0;
}

/* A net with its jobs chosen, its calendar and a site. */
static int
open_order(struct request *q, const char *name, bool check_programs)
{
	if (q->run.config == NULL)
		return wrong(q, "name the site by -c", "");
	if (open_net(q, name, check_programs) == -1 || choose_jobs(q) == -1 ||
	    open_holidays(q) == -1)
		return -1;
	q->order.net = q->net;
	q->order.programs = q->own;
	q->order.now = q->now;
	q->order.resume = q->resume;
	q->order.quiet = q->tick;
	q->order.json = q->as != NULL ? strcmp(q->as, "json") == 0 :
					isatty(STDOUT_FILENO) != 1;
	return 0;
}

/* ---- commands ---- */

static int
cmd_check(struct request *q)
{
	if (q->run.argc < 2)
		return wrong(q, "check: name the nets", "");
	q->run.silent = true;
	for (int i = 1; i < q->run.argc; i++) {
		if (open_net(q, q->run.argv[i], true) == -1)
			continue;
		printf("%s: %d jobs, well / 問題なし\n", q->run.argv[i],
		    q->net->n);
		net_free(q->net);
		q->net = NULL;
	}
	return 0;
}

/* "### NAME" begins a file of folder. */
static int
split(struct request *q, char *all)
{
	char *p = all;

	if (publish_make_dir(q->folder) == -1)
		goto fail;
	while (p != NULL && strncmp(p, "### ", 4) == 0) {
		char path[SPOOL_PATH_MAX], *end = strchr(p, '\n');
		char *next = strstr(end, "\n### ");
		size_t n =
		    next == NULL ? strlen(end + 1) : (size_t)(next - end);
		FILE *f;

		*end = '\0';
		spool_path(path, q->folder, "%s", p + 4);
		if ((f = fopen(path, "we")) == NULL)
			goto fail;
		fwrite(end + 1, 1, n, f);
		if (fclose(f) != 0)
			goto fail;
		puts(path);
		p = next == NULL ? NULL : next + 1;
	}
	return 0;
fail:
	diag_file(&q->run.log.sink, DIAG_IO, q->folder, "%s", strerror(errno));
	run_worst(&q->run, EXIT_TEMPORARY);
	return -1;
}

static int
export_net(struct request *q, const char *form, const char *name)
{
	const struct export_form *f = export_find(form);
	struct export_place at = {
		.programs = q->programs != NULL ? q->programs : q->own,
		.site = q->run.config_path != NULL ? q->run.config_path :
						     "/etc/shikaku/site.yaml",
		.account = q->account != NULL ? q->account : "shikaku",
	};
	char *all = NULL;
	size_t n = 0;
	FILE *out;
	int r = -1;

	if (f == NULL)
		return wrong(q, "no such form", form);
	if (open_net(q, name, false) == -1)
		return -1;
	if (f->several != (q->folder != NULL))
		return wrong(q,
		    f->several ? "several files: give -o FOLDER" :
				 "one file: it goes to stdout, no -o",
		    form);
	if ((out = open_memstream(&all, &n)) == NULL)
		goto out;
	r = f->write(out, q->net, &at);
	if (fclose(out) != 0)
		r = -1;
	if (r == 0 && f->several)
		r = split(q, all);
	else if (r == 0)
		fwrite(all, 1, n, stdout);
out:
	free(all);
	return r;
}

static int
cmd_export(struct request *q)
{
	q->run.silent = true;
	if (q->run.argc != 2 || q->to == NULL)
		return wrong(q, "export: --to FORM NET", "");
	return export_net(q, q->to, q->run.argv[1]);
}

static int
cmd_graph(struct request *q)
{
	q->run.silent = true;
	if (q->run.argc != 2)
		return wrong(q, "graph: name the net", "");
	return export_net(q, "svg", q->run.argv[1]);
}

static int
cmd_plan(struct request *q)
{
	q->run.silent = true;
	if (open_order(q, q->run.argc > 1 ? q->run.argv[1] : "nightly", true) ==
	    -1)
		return -1;
	return net_plan(&q->run, &q->order, root_of(q->run.config));
}

static int
cmd_show(struct request *q)
{
	q->run.silent = true;
	if (open_order(
		q, q->run.argc > 1 ? q->run.argv[1] : "nightly", false) == -1)
		return -1;
	return net_show(&q->run, q->net, root_of(q->run.config),
	    q->as != NULL && strcmp(q->as, "json") == 0);
}

/* Is it time? A scheduler without a zone only knocks. */
static bool
outside(const struct request *q)
{
	int64_t now = run_moment(&q->run);

	for (int i = 0; i < q->net->n; i++)
		if ((q->order.chosen >> i & 1) != 0 &&
		    now >= net_moment(q->run.day, q->net->job[i].opens) &&
		    now < net_moment(q->run.day, q->net->job[i].closes))
			return false;
	return true;
}

static int
cmd_run(struct request *q)
{
	struct run *run = &q->run;
	const char *root;

	if (run->argc != 2)
		return wrong(q, "run: name the net", "");
	if (open_order(q, run->argv[1], true) == -1)
		return -1;
	if (run->day > day_of_moment(run->now)) {
		diag_file(&run->log.sink, DIAG_DAY_TO_COME, "-D",
		    "the night of a day to come is not run");
		run_worst(run, EXIT_WINDOW);
		return -1;
	}
	if (q->tick && outside(q)) {
		run->silent = true;
		run_worst(run, EXIT_NOTHING);
		return 0;
	}
	if (run->dry) { /* what would run, nothing else */
		run->silent = true;
		return net_plan(run, &q->order, root_of(run->config));
	}
	root = root_of(run->config);
	run->countless = true; /* records are counted by its programs */
	/* one runner of a net, or of one job of it; the programs have their
	 * own locks besides */
	snprintf(q->lease, sizeof(q->lease), "jobs-%s%s%s", q->net->name,
	    q->only != NULL ? "-" : "", q->only != NULL ? q->only : "");
	run->lease = q->lease;
	if (run_lock(run, root) == -1) {
		/* a runner that is at work answers the knock */
		if (q->tick && run->exit == EXIT_LOCKED)
			run->exit = EXIT_NOTHING;
		return -1;
	}
	return net_run(run, &q->order, root);
}

static const struct command {
	const char *name;
	int (*run)(struct request *q);
} commands[] = {
	{ "check", cmd_check },
	{ "graph", cmd_graph },
	{ "plan", cmd_plan },
	{ "run", cmd_run },
	{ "show", cmd_show },
	{ "export", cmd_export },
};

static int
act(struct request *q)
{
	const char *name = q->run.argc > 0 ? q->run.argv[0] : "";

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(q);
	return wrong(
	    q, "name a command: check graph plan run show export", name);
}

int
main(int argc, char **argv)
{
	static const char usage[] =
	    "shikaku-jobs check NET.yaml...\n"
	    "       shikaku-jobs graph NET.yaml >NET.svg\n"
	    "       shikaku-jobs export --to FORM [-o FOLDER] NET.yaml\n"
	    "       shikaku-jobs plan|show -c SITE.yaml [-D DAY] [NET]\n"
	    "       shikaku-jobs run -c SITE.yaml [-D DAY] [-n] [--resume] "
	    "[--from JOB]\n"
	    "           [--only JOB,...] [--now] [--tick] [--as table|json] "
	    "NET\n"
	    "  -c FILE  configuration of the site\n"
	    "  --resume what is done stays done\n"
	    "  --now    whatever the hour and the calendar\n"
	    "  --tick   quietly nothing outside the net's hours\n";
	struct request q = { .from = NULL };
	struct run_options extra = {
		.operands = true,
		.no_config = true,
		.letters = "o:",
		.longs = longs,
		.option = option,
		.arg = &q,
		.usage = usage,
	};

	find_own(&q);
	if (run_begin(&q.run, "jobs", argc, argv, &extra) == 0)
		act(&q);
	net_free(q.net);
	holidays_free(q.order.holidays);
	return run_end(&q.run);
}
