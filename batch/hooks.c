/* Calling the site's programs on an event. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/hooks.h"
#include "batch/net.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

#define PATIENCE_MS 10000

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

void
hooks_call(struct run *run, enum hook event, const char *const *pairs)
{
	const char *folder = run->config->hooks_folder;
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];
	char store[HOOK_PAIRS_MAX][256], name[16];
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
	for (int i = 0; i < HOOK_PAIRS_MAX && pairs[i] != NULL; i++) {
		snprintf(store[i], sizeof(store[i]), "%s", pairs[i]);
		argv[n++] = store[i];
	}
	argv[n] = NULL;
	for (size_t i = 0; i < names.n; i++) {
		spool_path(path, dir, "%s", names.v[i]);
		argv[0] = path;
		if (access(path, X_OK) == 0)
			call(run, path, argv);
	}
	spool_free(&names);
}

void
hooks_alarm(struct run *run, const struct job *job, const char *net, int status)
{
	char p[6][100];
	const char *pairs[7] = { p[0], p[1], p[2], p[3], p[4], p[5], NULL };
	char iso[11];

	if (job->alarm == ALARM_NONE)
		return;
	day_format_iso(run->day, iso);
	snprintf(p[0], sizeof(p[0]), "net=%s", net);
	snprintf(p[1], sizeof(p[1]), "job=%s", job->name);
	snprintf(p[2], sizeof(p[2]), "day=%s", iso);
	snprintf(p[3], sizeof(p[3]), "exit=%d", status);
	snprintf(p[4], sizeof(p[4]), "alarm=%s", net_alarm_names[job->alarm]);
	/* the page of what to do: shikaku-runbook(7) */
	snprintf(p[5], sizeof(p[5]), "id=%s-%s", net, job->name);
	hooks_call(run, HOOK_ALARM, pairs);
}

void
hooks_upload(struct run *run, const char *side, const char *sender,
    const char *stem, const char *code)
{
	char p[5][100];
	const char *pairs[6] = { p[0], p[1], p[2], p[3], NULL, NULL };
	char iso[11];

	day_format_iso(run->day, iso);
	snprintf(p[0], sizeof(p[0]), "side=%s", side);
	snprintf(p[1], sizeof(p[1]), "sender=%s", sender);
	snprintf(p[2], sizeof(p[2]), "upload=%s", stem);
	snprintf(p[3], sizeof(p[3]), "day=%s", iso);
	if (code != NULL) {
		snprintf(p[4], sizeof(p[4]), "code=%s", code);
		pairs[4] = p[4];
	}
	hooks_call(run, code == NULL ? HOOK_ARRIVAL : HOOK_REFUSAL, pairs);
}

void
hooks_publish(struct run *run, const char *kind, int64_t generation, bool back)
{
	char p[4][60];
	const char *pairs[5] = { p[0], p[1], p[2], NULL, NULL };
	char iso[11];

	day_format_iso(run->day, iso);
	snprintf(p[0], sizeof(p[0]), "kind=%s", kind);
	snprintf(p[1], sizeof(p[1]), "generation=%lld", (long long)generation);
	snprintf(p[2], sizeof(p[2]), "day=%s", iso);
	if (back) {
		snprintf(p[3], sizeof(p[3]), "rollback=1");
		pairs[3] = p[3];
	}
	hooks_call(run, HOOK_PUBLISH, pairs);
}
