/* Begin and end of every batch run. The one clock of the batch programs. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "batch/ledger.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/mapped.h"

#define NIGHT_ENDS (INT64_C(8) * 3600000)
#define PROGRESS_AFTER 2000
#define PROGRESS_EVERY 200

/* Set by a signal; there is no other way to hear of one. */
static volatile sig_atomic_t stopped;

static void
on_stop(int signal_number)
{
	stopped = signal_number;
}

bool
run_stopped(void)
{
	return stopped != 0;
}

static int64_t
clock_ms(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) == -1)
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
run_monotonic(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t
run_moment(const struct run *run)
{
	return run->now + (run_monotonic() - run->began);
}

void
run_worst(struct run *run, enum exit_code code)
{
	if ((int)code > run->exit)
		run->exit = (int)code;
}

static void
usage(const struct run *run, const struct run_options *extra, FILE *out)
{
	if (extra != NULL && extra->usage != NULL)
		fprintf(out, "usage: %s", extra->usage);
	else
		fprintf(out,
		    "usage: shikaku-%s -c SITE.yaml [-nv] [-D YYYY-MM-DD]\n"
		    "  -c FILE  configuration of the site\n",
		    run->name);
	fputs("  -D DAY   business day; default: today in Japan, before 08:00 "
	      "yesterday\n",
	    out);
	if (extra == NULL || !extra->no_config)
		fputs("  -n       do everything but commit and publish\n", out);
	fputs("  -v       say more\n"
	      "  -h, -V   this text; the version\n",
	    out);
}

static void
handle_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigemptyset(&stop.sa_mask);
	sigemptyset(&ignore.sa_mask);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	mapped_watch(EXIT_INTEGRITY);
}

#define COMMON_LONGS 6
static const struct option common_longs[COMMON_LONGS] = {
	{ "config", required_argument, NULL, 'c' },
	{ "day", required_argument, NULL, 'D' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
};

/* The common ones and the program's own. */
static void
all_longs(struct option out[COMMON_LONGS + RUN_LONGS_MAX + 1],
    const struct run_options *extra)
{
	int n = COMMON_LONGS;

	memcpy(out, common_longs, sizeof(common_longs));
	if (extra != NULL && extra->longs != NULL)
		for (const struct run_long *l = extra->longs;
		     l->name != NULL && n < COMMON_LONGS + RUN_LONGS_MAX; l++)
			out[n++] = (struct option) { l->name,
				l->value ? required_argument : no_argument,
				NULL, l->letter };
	memset(&out[n], 0, sizeof(out[n]));
}

/* One option. 0; -1: the usage is wrong; 1: nothing is left to do. */
static int
take_option(struct run *run, const struct run_options *extra, int letter)
{
	switch (letter) {
	case 'c':
		run->config_path = optarg;
		return 0;
	case 'D':
		run->day = day_parse_iso(slice_of(optarg));
		run->day_given = true;
		if (run->day != DAY_NONE)
			return 0;
		fprintf(stderr, "shikaku-%s: -D %s: give a day as YYYY-MM-DD\n",
		    run->name, optarg);
		return -1;
	case 'n':
		run->dry = true;
		return 0;
	case 'v':
		run->verbose = true;
		return 0;
	case 'h':
		usage(run, extra, stdout);
		return 1;
	case 'V':
		printf("shikaku-%s %s\n", run->name, RUN_VERSION);
		return 1;
	case '?':
	case ':':
		return -1;
	default:
		return extra->option(extra->arg, letter, optarg);
	}
}

/* As take_option(), for all of them. */
static int
take_options(
    struct run *run, int argc, char **argv, const struct run_options *extra)
{
	struct option longs[COMMON_LONGS + RUN_LONGS_MAX + 1];
	char letters[80];
	int c, r = 0;

	all_longs(longs, extra);
	snprintf(letters, sizeof(letters), "c:D:nvhV%s",
	    extra != NULL && extra->letters != NULL ? extra->letters : "");
	optind = 1;
	while (
	    r == 0 && (c = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		r = take_option(run, extra, c);
	run->argc = argc - optind;
	run->argv = argv + optind;
	if (r == 0 && run->config_path == NULL &&
	    (extra == NULL || !extra->no_config)) {
		fprintf(stderr, "shikaku-%s: name the site by -c\n", run->name);
		r = -1;
	}
	/* a day without its -D must not run on another day */
	if (r == 0 && (extra == NULL || !extra->operands) && run->argc > 0) {
		fprintf(stderr, "shikaku-%s: %s: options only, no operands\n",
		    run->name, run->argv[0]);
		r = -1;
	}
	if (r == -1)
		usage(run, extra, stderr);
	return r;
}

/* A number in the environment is believed only where it is a pipe; the job net
 * may be slow to read it, and that must not stop the work. */
static int
progress_pipe(void)
{
	const char *s = getenv("SHIKAKU_PROGRESS");
	int64_t fd = s == NULL ? -1 : slice_number(slice_of(s));
	struct stat st;

	if (fd < 3 || fd > 1023 || fstat((int)fd, &st) == -1 ||
	    !S_ISFIFO(st.st_mode))
		return -1;
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	fcntl((int)fd, F_SETFL, O_WRONLY | O_NONBLOCK);
	return (int)fd;
}

int
run_begin(struct run *run, const char *name, int argc, char **argv,
    const struct run_options *extra)
{
	memset(run, 0, sizeof(*run));
	run->name = name;
	for (int i = 0; i < 2; i++)
		run->side[i].lock = run->side[i].program_lock = -1;
	run->progress_fd = -1;
	run->day = DAY_NONE;
	diag_log_init(&run->log, name, stderr);
	switch (take_options(run, argc, argv, extra)) {
	case -1:
		run_worst(run, EXIT_BAD_USAGE);
		return -1;
	case 1:
		return -1;
	}
	run->began = run_monotonic();
	run->now = clock_ms(CLOCK_REALTIME);
	if (run->day == DAY_NONE)
		run->day = day_of_moment(run->now - NIGHT_ENDS);
	if (run->day > day_of_moment(run->now) &&
	    (extra == NULL || (!extra->no_config && !extra->days_to_come))) {
		char today[11];

		day_format_iso(day_of_moment(run->now), today);
		diag_file(&run->log.sink, DIAG_DAY_TO_COME, "-D",
		    "today in Japan is %s", today);
		run_worst(run, EXIT_WINDOW);
		return -1;
	}
	run->tty = isatty(STDERR_FILENO) == 1;
	run->progress_fd = progress_pipe();
	umask(027);
	handle_signals();
	if (run->config_path == NULL)
		return 0;
	run->config = config_load(run->config_path, &run->log.sink);
	if (run->config == NULL) {
		run_worst(run, EXIT_CONFIG);
		return -1;
	}
	return 0;
}

/* What a killed run of this program left behind. */
static void
empty_work(const struct run *run, const char *root)
{
	struct spool_names names;
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX], prefix[64];

	snprintf(prefix, sizeof(prefix), "shikaku-%s.", run->name);
	spool_path(dir, root, "work");
	if (spool_all(dir, &names) == -1)
		return;
	for (size_t i = 0; i < names.n; i++) {
		if (strncmp(names.v[i], prefix, strlen(prefix)) != 0)
			continue;
		spool_path(path, root, "work/%s", names.v[i]);
		spool_remove_tree(path);
	}
	spool_free(&names);
}

static void
say_holder(struct run *run, int fd, const char *path)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	diag_file(&run->log.sink, DIAG_LOCKED, path, "held by process %s",
	    slice_digits(slice_of(pid)) ? pid : "?");
	run_worst(run, EXIT_LOCKED);
}

/* ---- the run in the books of a side ---- */

/* First line of a small file of the kernel's. */
static void
read_line(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, out, size - 1);

	if (fd != -1)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

void
run_account(char out[40])
{
	struct passwd *p = getpwuid(getuid());

	if (p != NULL)
		snprintf(out, 40, "%s", p->pw_name);
	else
		snprintf(out, 40, "uid %ld", (long)getuid());
}

void
run_holder(char host[65], char boot[37], int64_t *pid)
{
	memset(host, 0, 65);
	if (gethostname(host, 64) == -1)
		host[0] = '\0';
	read_line("/proc/sys/kernel/random/boot_id", boot, 37);
	*pid = (int64_t)getpid();
}

/* What a job net calls the step; nothing that is not a name. */
static void
take_step(char out[81])
{
	const char *step = getenv("SHIKAKU_STEP");
	size_t n = step == NULL ? 0 : strlen(step);

	if (n == 0 || n > 80 ||
	    strspn(step,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._/-") != n)
		n = 0;
	if (n > 0)
		memcpy(out, step, n);
	out[n] = '\0';
}

/* The counts of this side alone: less what was counted when it began. */
static void
count_side(const struct run *run, struct ledger_run *row, int sign)
{
	row->read += sign * run->read;
	row->accepted += sign * run->accepted;
	row->refused += sign * run->refused;
	row->unchanged += sign * run->unchanged;
	row->files += sign * run->files;
	row->files_refused += sign * run->files_refused;
}

static int
begin_row(struct run *run, const char *root, int i)
{
	struct ledger_run *row;

	if (run->dry)
		return 0;
	run->side[i].ledger = ledger_open(root, &run->log.sink);
	if (run->side[i].ledger == NULL)
		return -1;
	row = text_alloc(sizeof(*row));
	run->side[i].row = row;
	snprintf(row->program, sizeof(row->program), "%s", run->name);
	take_step(row->step);
	row->day = run->day;
	run_holder(row->host, row->boot, &row->pid);
	row->began = clock_ms(CLOCK_REALTIME);
	if (i > 0 && run->side[i - 1].row != NULL)
		count_side(run, run->side[i - 1].row, 1);
	count_side(run, row, -1);
	return ledger_run_begin(run->side[i].ledger, row);
}

static void
end_rows(struct run *run)
{
	int64_t ms = run_monotonic() - run->began;
	int last = run->side[1].row != NULL ? 1 : 0;

	if (run->side[last].row != NULL)
		count_side(run, run->side[last].row, 1);
	for (int i = 0; i < 2; i++) {
		struct ledger_run *row = run->side[i].row;

		if (row != NULL && row->id > 0) {
			row->ended = clock_ms(CLOCK_REALTIME);
			row->ms = ms;
			row->exit = run->exit;
			snprintf(
			    row->notes, sizeof(row->notes), "%s", run->extra);
			if (ledger_run_end(run->side[i].ledger, row) == -1)
				run_worst(run, EXIT_TEMPORARY);
		}
		ledger_close(run->side[i].ledger);
		free(row);
	}
}

/* A file of ROOT/run locked; -1: raised. */
static int
take_lock(struct run *run, const char *root, const char *name, int how)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, root, "run/%s.lock", name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd == -1) {
		diag_file(&run->log.sink, DIAG_IO, path, "%s", strerror(errno));
		run_worst(run, EXIT_TEMPORARY);
		return -1;
	}
	if (flock(fd, how | LOCK_NB) == -1) {
		say_holder(run, fd, path);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%ld\n", (long)getpid());
	return fd;
}

int
run_lock(struct run *run, const char *root)
{
	int i = run->side[0].lock == -1 ? 0 : 1;

	if (spool_init(root) == -1) {
		diag_file(&run->log.sink, DIAG_IO, root, "%s", strerror(errno));
		run_worst(run, EXIT_TEMPORARY);
		return -1;
	}
	if (run->shared) {
		run->side[i].program_lock =
		    take_lock(run, root, run->name, LOCK_SH);
		if (run->side[i].program_lock == -1)
			return -1;
	}
	run->side[i].lock = take_lock(
	    run, root, run->lease != NULL ? run->lease : run->name, LOCK_EX);
	if (run->side[i].lock == -1)
		return -1;
	if (!run->shared)
		empty_work(run, root);
	if (begin_row(run, root, i) == 0)
		return 0;
	run_worst(run, EXIT_TEMPORARY);
	return -1;
}

void
run_progress(struct run *run, const char *phase, int64_t done, int64_t total)
{
	int64_t now;

	if (!run->tty && run->progress_fd == -1)
		return;
	now = run_monotonic();
	if (now - run->began < PROGRESS_AFTER ||
	    now - run->progress_at < PROGRESS_EVERY)
		return;
	run->progress_at = now;
	if (run->progress_fd != -1) {
		dprintf(run->progress_fd, "%s %lld %lld\n", phase,
		    (long long)done, (long long)total);
		return;
	}
	fprintf(
	    stderr, "\rshikaku-%s: %s %lld", run->name, phase, (long long)done);
	if (total > 0)
		fprintf(stderr, " of %lld (%d%%)", (long long)total,
		    (int)(done * 100 / total));
	fputs("\033[K", stderr);
}

void
run_note(struct run *run, const char *key, int64_t value)
{
	struct buf b;
	size_t n = strlen(run->extra);

	buf_init(&b, run->extra + n, sizeof(run->extra) - n);
	buf_printf(&b, " %s=%lld", key, (long long)value);
}

/* read = accepted + refused + unchanged + held (I2), or it is a fault of ours.
 */
static void
balance(struct run *run)
{
	if (run->read ==
	    run->accepted + run->refused + run->unchanged + run->held)
		return;
	diag_file(&run->log.sink, DIAG_UNBALANCED, NULL,
	    "read %lld, accepted %lld, refused %lld, unchanged %lld, held %lld",
	    (long long)run->read, (long long)run->accepted,
	    (long long)run->refused, (long long)run->unchanged,
	    (long long)run->held);
	run_worst(run, EXIT_BUG);
}

static void
summary(struct run *run)
{
	char day[11];
	int64_t ms = run_monotonic() - run->began;

	day_format_iso(run->day, day);
	printf("shikaku-%s: day=%s", run->name, day);
	if (!run->countless)
		printf(" read=%lld accepted=%lld refused=%lld unchanged=%lld "
		       "files=%lld refused_files=%lld",
		    (long long)run->read, (long long)run->accepted,
		    (long long)run->refused, (long long)run->unchanged,
		    (long long)run->files, (long long)run->files_refused);
	printf("%s%s seconds=%lld.%03d exit=%d\n", run->extra,
	    run->dry ? " dry=1" : "", (long long)(ms / 1000), (int)(ms % 1000),
	    run->exit);
}

int
run_end(struct run *run)
{
	if (run->began != 0) {
		if (run->progress_at != 0 && run->tty)
			fputs("\r\033[K", stderr);
		balance(run);
		end_rows(run);
		if (!run->silent)
			summary(run);
	}
	for (int i = 0; i < 2; i++) {
		if (run->side[i].lock != -1)
			close(run->side[i].lock);
		if (run->side[i].program_lock != -1)
			close(run->side[i].program_lock);
	}
	config_free(run->config);
	run->config = NULL;
	if (fflush(stdout) != 0)
		run_worst(run, EXIT_TEMPORARY);
	return run->exit;
}
