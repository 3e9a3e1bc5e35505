/* The runner of a job net. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/hooks.h"
#include "batch/net_run.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

#define MINUTE INT64_C(60000)
#define KILL_AFTER MINUTE /* from the request to stop */
#define LOOK_EVERY 1000 /* windows, deadlines, limits */
#define LOG_TAIL 20

const char *const task_state_names[] = { "waits", "runs", "done", "failed",
	"left", "skipped" };

static int
io(struct night *night, const char *path)
{
	diag_file(&night->run->log.sink, DIAG_IO, path, "%s", strerror(errno));
	run_worst(night->run, EXIT_TEMPORARY);
	return -1;
}

/* ---- which of them ---- */

struct done { /* last try of each job, of earlier runs */
	const struct net *net;
	struct ledger_job row[NET_JOBS_MAX];
};

static int
take_done(void *arg, const struct ledger_job *j)
{
	struct done *d = arg;
	int i = net_find(d->net, j->job);

	if (i != -1)
		d->row[i] = *j;
	return 0;
}

/* A job is done if its last try ended well and began after the last try of
 * all before it had ended: what was run again since makes it due again. */
static void
take_up(struct night *night, const struct done *d)
{
	const struct net *net = night->order->net;

	for (int i = 0; i < net->n; i++) {
		const struct ledger_job *row = &d->row[i];
		struct task *t = &night->task[i];
		bool well = row->ended > 0 && net_has(net->go_on, row->exit);

		for (int k = 0; k < t->job->n_after; k++) {
			const struct ledger_job *up = &d->row[t->job->after[k]];

			if (night->task[t->job->after[k]].state == TASK_WAITS ||
			    up->ended > row->began)
				well = false;
		}
		t->row = *row;
		if (t->state == TASK_WAITS && well)
			t->state = TASK_DONE;
	}
}

static int
choose(struct night *night)
{
	const struct net_order *o = night->order;
	struct done d = { .net = o->net };

	for (int i = 0; i < o->net->n; i++) {
		struct task *t = &night->task[i];
		int due;

		t->job = &o->net->job[i];
		t->pidfd = t->out = t->progress = -1;
		t->state = TASK_SKIPPED;
		if ((o->chosen >> i & 1) == 0)
			continue;
		due = day_rule_due(&t->job->calendar, o->holidays,
		    night->run->day, &night->run->log.sink);
		if (due == -1) {
			run_worst(night->run, EXIT_CONFIG);
			return -1;
		}
		/* who names a job, or says --now, means it */
		if (due == 1 || o->now)
			t->state = TASK_WAITS;
	}
	if (ledger_jobs(night->ledger, o->net->name, night->run->day, take_done,
		&d) == -1)
		return -1;
	if (o->resume)
		take_up(night, &d);
	else
		for (int i = 0; i < o->net->n; i++)
			night->task[i].row = d.row[i];
	return 0;
}

/* ---- one child ---- */

static int
open_log(struct night *night, struct task *t)
{
	char iso[11];
	int fd;

	day_format_iso(night->run->day, iso);
	spool_path(t->log, night->root, "log/%s.%s.%s.log", iso,
	    night->order->net->name, t->job->name);
	fd = open(t->log,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	return fd == -1 ? io(night, t->log) : fd;
}

static void __attribute__((noreturn)) become(const struct night *night,
    const struct task *t, pid_t runner, int out, int err, int progress)
{
	char program[SPOOL_PATH_MAX], store[2048], name[64];
	char *argv[NET_ARGS_MAX + 1];
	int null = open("/dev/null", O_RDONLY);

	/* a runner that is killed takes its children along, softly: each ends
	 * at its restart point */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != runner)
		_exit(EXIT_STOPPED);
	setpgid(0, 0);
	snprintf(
	    name, sizeof(name), "%s/%s", night->order->net->name, t->job->name);
	setenv("SHIKAKU_STEP", name, 1);
	snprintf(name, sizeof(name), "%d", progress);
	setenv("SHIKAKU_PROGRESS", name, 1);
	fcntl(progress, F_SETFD, 0);
	signal(SIGPIPE, SIG_DFL);
	spool_path(program, night->order->programs, "%s", t->job->program);
	net_argv(t->job, night->run->config_path, night->run->day, store, argv);
	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(out, STDOUT_FILENO) == -1 || dup2(err, STDERR_FILENO) == -1)
		_exit(EXIT_TEMPORARY);
	execv(program, argv);
	dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
	_exit(EXIT_CONFIG);
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* The row stands in the books before the program runs. */
static int
enter(struct night *night, struct task *t)
{
	struct ledger_job *row = &t->row;
	int attempt = row->attempt + 1;

	memset(row, 0, sizeof(*row));
	snprintf(row->net, sizeof(row->net), "%s", night->order->net->name);
	snprintf(row->job, sizeof(row->job), "%s", t->job->name);
	row->day = night->run->day;
	row->attempt = attempt;
	run_holder(row->host, row->boot, &row->pid);
	row->began = run_moment(night->run);
	return ledger_job_begin(night->ledger, row);
}

/* One line in the log of the job, for who reads it and for show. */
static void
mark_try(const struct task *t, int log)
{
	char stamp[30];

	day_format_stamp(t->row.began, stamp);
	dprintf(log, NET_TRY_MARK "%d, %s\n", t->row.attempt, stamp);
}

static int
start(struct night *night, struct task *t)
{
	int out[2] = { -1, -1 }, progress[2] = { -1, -1 }, log;
	pid_t runner = getpid(), pid = -1;

	if ((log = open_log(night, t)) == -1)
		return -1;
	if (pipe2(out, O_CLOEXEC) == -1 || pipe2(progress, O_CLOEXEC) == -1) {
		io(night, "pipe");
		goto out;
	}
	if (enter(night, t) == -1)
		goto out;
	mark_try(t, log);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		become(night, t, runner, out[1], log, progress[1]);
	if (pid == -1) {
		io(night, "fork");
		goto out;
	}
	t->pid = pid;
	t->pidfd = pidfd_open(pid, 0);
	t->out = out[0];
	t->progress = progress[0];
	fcntl(t->out, F_SETFL, O_RDONLY | O_NONBLOCK);
	fcntl(t->progress, F_SETFL, O_RDONLY | O_NONBLOCK);
	out[0] = progress[0] = -1;
	t->state = TASK_RUNS;
	t->tries++;
	t->began = run_monotonic();
	t->n_last = t->n_line = 0;
	t->last[0] = t->phase[0] = '\0';
	t->done = t->total = t->ask_at = t->kill_at = 0;
	t->too_long = t->time_up = false;
	night->running++;
	net_tell(night, JOB_BEGINS, t);
out:
	close(log);
	for (int i = 0; i < 2; i++) {
		close_fd(&out[i]);
		close_fd(&progress[i]);
	}
	return pid == -1 ? -1 : 0;
}

static void
take_line(struct task *t, bool progress)
{
	if (!progress) {
		memcpy(t->last, t->line, t->n_line);
		t->last[t->n_line] = '\0';
		t->n_last = t->n_line;
	}
	t->n_line = 0;
}

/* Whatever the child's stdout has; only its last line counts. */
static void
read_out(struct task *t)
{
	char b[4096];
	ssize_t n;

	while ((n = read(t->out, b, sizeof(b))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (b[i] == '\n')
				take_line(t, false);
			else if (t->n_line < sizeof(t->line) - 1)
				t->line[t->n_line++] = b[i];
		}
}

/* "PHASE DONE TOTAL\n": a pipe gives such a line whole. */
static void
read_progress(struct task *t)
{
	char b[4096], *p, *end;
	ssize_t n;

	while ((n = read(t->progress, b, sizeof(b) - 1)) > 0) {
		b[n] = '\0';
		while (n > 0 && b[n - 1] == '\n')
			b[--n] = '\0';
		p = strrchr(b, '\n');
		p = p == NULL ? b : p + 1;
		end = p + strcspn(p, " ");
		snprintf(t->phase, sizeof(t->phase), "%.*s", (int)(end - p), p);
		t->done = strtoll(end, &end, 10);
		t->total = strtoll(end, NULL, 10);
	}
}

/* KEY=VALUE of the summary; 0 where it is not there. */
static int64_t
said(const struct task *t, const char *key)
{
	char word[40];
	const char *p;

	snprintf(word, sizeof(word), " %s=", key);
	p = strstr(t->last, word);
	return p == NULL ? 0 : strtoll(p + strlen(word), NULL, 10);
}

/* The end of its log, for who reads only ours. */
static void
show_log(const struct task *t)
{
	size_t n = 0, from;
	char *all = spool_slurp(t->log, (size_t)64 << 20, &n);
	int lines = 0;

	if (all == NULL)
		return;
	for (from = n; from > 0; from--)
		if (all[from - 1] == '\n' && ++lines > LOG_TAIL)
			break;
	fwrite(all + from, 1, n - from, stderr);
	free(all);
}

static void
failed(struct night *night, struct task *t, int status)
{
	t->state = TASK_FAILED;
	run_worst(night->run, (enum exit_code)status);
	show_log(t);
	diag_file(&night->run->log.sink, DIAG_JOB_FAILED, t->log,
	    "%s/%s: exit %d after %d of %d tries; by hand: %s / %s",
	    night->order->net->name, t->job->name, status, t->tries,
	    t->job->retries + 1, t->job->by_hand, t->job->by_hand_ja);
	hooks_alarm(night->run, t->job, night->order->net->name, status);
}

static void
judge(struct night *night, struct task *t, int status)
{
	const struct net *net = night->order->net;

	/* asked to stop by us, and it did: what it was asked for counts */
	if (t->too_long && (status == EXIT_STOPPED || status > EXIT_BUG))
		status = EXIT_DEADLINE;
	if (net_has(net->go_on, status)) {
		t->state = TASK_DONE;
		if (status != EXIT_NOTHING)
			run_worst(night->run, (enum exit_code)status);
		return;
	}
	if (t->time_up) {
		t->state = TASK_LEFT;
		run_worst(night->run, EXIT_DEADLINE);
		return;
	}
	if (run_stopped()) {
		t->state = TASK_LEFT;
		run_worst(night->run, EXIT_STOPPED);
		return;
	}
	if (net_has(net->retry, status) && t->tries <= t->job->retries) {
		t->state = TASK_WAITS;
		t->not_before =
		    run_moment(night->run) + t->job->every_minutes * MINUTE;
		diag_file(&night->run->log.sink, DIAG_JOB_AGAIN, t->log,
		    "%s: exit %d; try %d of %d in %d minutes", t->job->name,
		    status, t->tries + 1, t->job->retries + 1,
		    t->job->every_minutes);
		return;
	}
	failed(night, t, status);
}

/* A child that a signal ended said nothing itself. */
static int
exit_of(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM ?
	    EXIT_STOPPED :
	    EXIT_BUG;
}

static int
reap(struct night *night, struct task *t)
{
	int status = 0, code;

	if (waitpid((pid_t)t->pid, &status, 0) == -1)
		return io(night, "waitpid");
	read_out(t);
	close_fd(&t->pidfd);
	close_fd(&t->out);
	close_fd(&t->progress);
	night->running--;
	code = exit_of(status);
	t->row.ended = run_moment(night->run);
	t->row.ms = run_monotonic() - t->began;
	t->row.exit = code;
	t->row.read = said(t, "read");
	t->row.accepted = said(t, "accepted");
	t->row.refused = said(t, "refused");
	t->row.files = said(t, "files");
	if (ledger_job_end(night->ledger, &t->row) == -1)
		return -1;
	judge(night, t, code);
	net_tell(night, t->state == TASK_WAITS ? JOB_WAITS : JOB_ENDS, t);
	return 0;
}

/* ---- the clock's part ---- */

static void
ask_to_stop(struct task *t)
{
	if (t->ask_at == 0) {
		t->ask_at = run_monotonic();
		kill((pid_t)t->pid, SIGTERM);
	} else if (t->kill_at == 0 &&
	    run_monotonic() - t->ask_at > KILL_AFTER) {
		t->kill_at = run_monotonic();
		kill((pid_t)t->pid, SIGKILL);
	}
}

static void
time_over(struct night *night, struct task *t)
{
	char stamp[30];

	if (t->time_up)
		return;
	t->time_up = true;
	day_format_stamp(net_moment(night->run->day, t->job->closes), stamp);
	diag_file(&night->run->log.sink, DIAG_JOB_WINDOW,
	    night->order->net->name, "%s: until %.16s", t->job->name, stamp);
	hooks_alarm(night->run, t->job, night->order->net->name, EXIT_DEADLINE);
}

static void
watch(struct night *night, struct task *t)
{
	int64_t now = run_moment(night->run), ran = run_monotonic() - t->began;
	const struct job *job = t->job;
	char stamp[30];

	if (run_stopped())
		ask_to_stop(t);
	if (job->limit_minutes > 0 && ran > job->limit_minutes * MINUTE) {
		if (!t->too_long)
			diag_file(&night->run->log.sink, DIAG_JOB_TOO_LONG,
			    night->order->net->name, "%s: %d minutes",
			    job->name, job->limit_minutes);
		t->too_long = true;
		ask_to_stop(t);
	}
	if (night->order->now)
		return;
	if (now > net_moment(night->run->day, job->deadline) && !t->late) {
		t->late = true;
		day_format_stamp(
		    net_moment(night->run->day, job->deadline), stamp);
		diag_file(&night->run->log.sink, DIAG_JOB_LATE,
		    night->order->net->name, "%s: %.16s", job->name, stamp);
		hooks_alarm(
		    night->run, job, night->order->net->name, EXIT_DEADLINE);
	}
	if (now > net_moment(night->run->day, job->closes)) {
		time_over(night, t);
		ask_to_stop(t);
	}
}

enum ripe { NOT_YET, RIPE, NEVER };

static enum ripe
ripe(struct night *night, const struct task *t)
{
	bool over = true;

	for (int k = 0; k < t->job->n_after; k++) {
		enum task_state up = night->task[t->job->after[k]].state;

		if (up == TASK_WAITS || up == TASK_RUNS)
			over = false;
		/* what was left out on purpose holds nobody up */
		if ((up == TASK_FAILED || up == TASK_LEFT) && !t->job->always)
			return NEVER;
	}
	return over ? RIPE : NOT_YET;
}

static bool
room_for(const struct night *night, const struct task *t)
{
	const struct net *net = night->order->net;

	if (night->running >= net->at_once ||
	    (t->job->alone && night->running > 0))
		return false;
	for (int i = 0; i < net->n; i++)
		if (night->task[i].state == TASK_RUNS &&
		    (night->task[i].job->alone ||
			/* a program waits for itself: it has one lock */
			strcmp(night->task[i].job->program, t->job->program) ==
			    0))
			return false;
	return true;
}

/* Starts what may start now. 0; -1: cannot go on. */
static int
advance(struct night *night)
{
	for (int i = 0; i < night->order->net->n; i++) {
		struct task *t = &night->task[i];
		int64_t now = run_moment(night->run);
		enum ripe r;

		if (t->state != TASK_WAITS)
			continue;
		r = ripe(night, t);
		if (!night->order->now &&
		    now >= net_moment(night->run->day, t->job->closes)) {
			time_over(night, t);
			t->state = TASK_LEFT;
			run_worst(night->run,
			    t->tries > 0 ? EXIT_DEADLINE : EXIT_WINDOW);
			net_tell(night, JOB_ENDS, t);
		} else if (r == NEVER) {
			t->state = TASK_LEFT;
			net_tell(night, JOB_ENDS, t);
		} else if (r == RIPE && now >= t->not_before &&
		    (night->order->now ||
			now >= net_moment(night->run->day, t->job->opens)) &&
		    room_for(night, t) && start(night, t) == -1)
			return -1;
	}
	return 0;
}

/* How long there is surely nothing to do but wait for children, in ms. */
static int
nap(const struct night *night)
{
	int64_t now = run_moment(night->run), until = now + LOOK_EVERY;

	for (int i = 0; i < night->order->net->n; i++) {
		const struct task *t = &night->task[i];

		if (t->state == TASK_WAITS && t->not_before > now &&
		    t->not_before < until)
			until = t->not_before;
	}
	if (night->run->tty && until > now + 200)
		until = now + 200;
	return (int)(until - now);
}

static int
attend(struct night *night)
{
	struct pollfd fds[3 * NET_JOBS_MAX];
	int n = 0;

	for (int i = 0; i < night->order->net->n; i++) {
		struct task *t = &night->task[i];

		if (t->state != TASK_RUNS)
			continue;
		fds[n++] = (struct pollfd) { t->pidfd, POLLIN, 0 };
		fds[n++] = (struct pollfd) { t->out, POLLIN, 0 };
		fds[n++] = (struct pollfd) { t->progress, POLLIN, 0 };
	}
	if (poll(fds, (nfds_t)n, nap(night)) == -1 && errno != EINTR)
		return io(night, "poll");
	n = 0;
	for (int i = 0; i < night->order->net->n; i++) {
		struct task *t = &night->task[i];

		if (t->state != TASK_RUNS)
			continue;
		if ((fds[n].revents & POLLIN) != 0) {
			if (reap(night, t) == -1)
				return -1;
		} else {
			/* a closed pipe would wake us for ever */
			if (fds[n + 1].revents != 0)
				read_out(t);
			if ((fds[n + 1].revents & (POLLHUP | POLLIN)) ==
			    POLLHUP)
				close_fd(&t->out);
			if (fds[n + 2].revents != 0)
				read_progress(t);
			if ((fds[n + 2].revents & (POLLHUP | POLLIN)) ==
			    POLLHUP)
				close_fd(&t->progress);
			watch(night, t);
		}
		n += 3;
	}
	return 0;
}

static bool
waiting(const struct night *night)
{
	for (int i = 0; i < night->order->net->n; i++)
		if (night->task[i].state == TASK_WAITS)
			return true;
	return false;
}

/* Children never outlive a runner that gives up. */
static void
stop_all(struct night *night)
{
	for (int i = 0; i < night->order->net->n; i++) {
		struct task *t = &night->task[i];

		if (t->state != TASK_RUNS)
			continue;
		kill((pid_t)t->pid, SIGTERM);
		waitpid((pid_t)t->pid, NULL, 0);
		close_fd(&t->pidfd);
		close_fd(&t->out);
		close_fd(&t->progress);
	}
}

/* The summary: how many jobs came to what, and tries beyond the first. */
static void
count_jobs(const struct night *night)
{
	int64_t n[TASK_SKIPPED + 1] = { 0 }, again = 0;

	for (int i = 0; i < night->order->net->n; i++) {
		const struct task *t = &night->task[i];

		n[t->state]++;
		again += t->tries > 1 ? t->tries - 1 : 0;
	}
	run_note(night->run, "jobs", night->order->net->n);
	run_note(night->run, "done", n[TASK_DONE]);
	run_note(night->run, "failed", n[TASK_FAILED]);
	run_note(night->run, "left", n[TASK_LEFT] + n[TASK_WAITS]);
	run_note(night->run, "skipped", n[TASK_SKIPPED]);
	run_note(night->run, "tried_again", again);
}

int
net_run(struct run *run, const struct net_order *order, const char *root)
{
	struct night *night = text_alloc(sizeof(*night));
	bool idle = true;
	int r = -1;

	night->run = run;
	night->order = order;
	night->root = root;
	if ((night->ledger = ledger_open(root, &run->log.sink)) == NULL) {
		run_worst(run, EXIT_TEMPORARY);
		goto out;
	}
	if (choose(night) == -1)
		goto out;
	if (order->quiet && !waiting(night)) {
		run->silent = true;
		run_worst(run, EXIT_NOTHING);
		r = 0;
		goto out;
	}
	net_tell(night, NIGHT_BEGINS, NULL);
	do {
		if (!run_stopped() && advance(night) == -1)
			goto out;
		net_draw(night, false);
		if (night->running > 0 || (waiting(night) && !run_stopped()))
			if (attend(night) == -1)
				goto out;
	} while (night->running > 0 || (waiting(night) && !run_stopped()));
	if (run_stopped())
		run_worst(run, EXIT_STOPPED);
	for (int i = 0; i < order->net->n; i++)
		idle = idle &&
		    (night->task[i].state == TASK_SKIPPED ||
			(night->task[i].state == TASK_DONE &&
			    (night->task[i].tries == 0 ||
				night->task[i].row.exit == EXIT_NOTHING)));
	if (idle)
		run_worst(run, EXIT_NOTHING);
	count_jobs(night);
	net_draw(night, true);
	net_tell(night, NIGHT_ENDS, NULL);
	r = 0;
out:
	if (r == -1) {
		stop_all(night);
		run_worst(run, EXIT_TEMPORARY);
	}
	ledger_close(night->ledger);
	free(night);
	return r;
}
