/* Calling the site's programs on an event. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/hooks.h"
#include "batch/net.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

#define PATIENCE_MS 10000
#define HOOK_PAIRS_MAX 12

enum hook { HOOK_ARRIVAL, HOOK_REFUSAL, HOOK_PUBLISH, HOOK_ALARM };

static const char *const hook_names[] = { "arrival", "refusal", "publish",
	"alarm" };

static void
warn(struct run *run, const char *path, const char *why)
{
	diag_file(&run->log.sink, DIAG_HOOK, path, "%s", why);
}

static void
call(struct run *run, const char *path, char *const *argv)
{
	int status = 0, fd;
	struct pollfd wait;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execv(path, argv);
		_exit(127);
	}
	if (pid == -1) {
		warn(run, path, strerror(errno));
		return;
	}
	fd = pidfd_open(pid, 0);
	wait = (struct pollfd) { fd, POLLIN, 0 };
	if (fd != -1 && poll(&wait, 1, PATIENCE_MS) != 1) {
		kill(pid, SIGKILL);
		warn(run, path, "took more than 10 seconds; killed");
	}
	if (fd != -1)
		close(fd);
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0)
		warn(run, path, "ended with a failure");
}

/* KEY=VALUE of one event, as its programs get them. */
struct pairs {
	char text[HOOK_PAIRS_MAX][100];
	int n;
};

static void __attribute__((format(printf, 2, 3)))
add(struct pairs *p, const char *fmt, ...)
{
	va_list ap;

	if (p->n == HOOK_PAIRS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(p->text[p->n++], sizeof(p->text[0]), fmt, ap);
	va_end(ap);
}

static void
tell(struct run *run, enum hook event, struct pairs *p)
{
	const char *folder = run->config->hooks_folder;
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX], name[16];
	char *argv[HOOK_PAIRS_MAX + 3];
	struct spool_names names;
	int n = 1;

	if (folder[0] == '\0' || run->dry)
		return;
	spool_path(dir, folder, "%s.d", hook_names[event]);
	if (spool_list(dir, &names) == -1)
		return; /* no such event here */
	snprintf(name, sizeof(name), "%s", hook_names[event]);
	argv[n++] = name;
	for (int i = 0; i < p->n; i++)
		argv[n++] = p->text[i];
	argv[n] = NULL;
	for (size_t i = 0; i < names.n; i++) {
		spool_path(path, dir, "%s", names.v[i]);
		argv[0] = path;
		if (access(path, X_OK) == 0)
			call(run, path, argv);
	}
	spool_free(&names);
}

static void
add_day(struct pairs *p, const struct run *run)
{
	char iso[11];

	day_format_iso(run->day, iso);
	add(p, "day=%s", iso);
}

void
hooks_alarm(struct run *run, const struct job *job, const char *net, int status)
{
	struct pairs p = { .n = 0 };

	if (job->alarm == ALARM_NONE)
		return;
	add(&p, "net=%s", net);
	add(&p, "job=%s", job->name);
	add_day(&p, run);
	add(&p, "exit=%d", status);
	add(&p, "alarm=%s", net_alarm_names[job->alarm]);
	/* the page of what to do: shikaku-runbook(7) */
	add(&p, "id=%s-%s", net, job->name);
	tell(run, HOOK_ALARM, &p);
}

void
hooks_expected(struct run *run, const char *sender, const char *feed,
    const char *stage, const char *urgency, int missed)
{
	struct pairs p = { .n = 0 };

	add(&p, "sender=%s", sender);
	add(&p, "feed=%s", feed);
	add_day(&p, run);
	add(&p, "missed=%d", missed);
	add(&p, "alarm=%s", urgency);
	add(&p, "id=arrival-%s", stage);
	tell(run, HOOK_ALARM, &p);
}

void
hooks_upload(struct run *run, const char *side, const char *sender,
    const char *stem, const char *code)
{
	struct pairs p = { .n = 0 };

	add(&p, "side=%s", side);
	add(&p, "sender=%s", sender);
	add(&p, "upload=%s", stem);
	add_day(&p, run);
	if (code != NULL)
		add(&p, "code=%s", code);
	tell(run, code == NULL ? HOOK_ARRIVAL : HOOK_REFUSAL, &p);
}

void
hooks_publish(struct run *run, const char *kind, int64_t generation, bool back)
{
	struct pairs p = { .n = 0 };

	add(&p, "kind=%s", kind);
	add(&p, "generation=%lld", (long long)generation);
	add_day(&p, run);
	if (back)
		add(&p, "rollback=1");
	tell(run, HOOK_PUBLISH, &p);
}
