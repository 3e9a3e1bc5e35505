#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/ledger.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static char dir[64], site[100], root[100], out[4096];

static void
make_site(void)
{
	snprintf(dir, sizeof(dir), "/tmp/shikaku-run-%ld", (long)getpid());
	snprintf(site, sizeof(site), "%s/site.yaml", dir);
	snprintf(root, sizeof(root), "%s/q", dir);
	mkdir(dir, 0700);
	FILE *f = fopen(site, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("qualification:\n  root: q\n", f);
	fclose(f);
}

static int
no_option(void *arg, int letter, const char *value)
{
	*(const char **)arg = value;
	return letter == 'x' ? 0 : -1;
}

/* Runs body in a child with argv; its exit status; out: what it printed. */
static int
child(void (*body)(struct run *run), const char *const *args)
{
	char path[120];
	char *argv[20] = { NULL };
	int argc = 0, status = 0;

	for (; args[argc] != NULL; argc++)
		argv[argc] = text_dup(slice_of(args[argc]));
	snprintf(path, sizeof(path), "%s.out", dir);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		struct run run;
		const char *x = NULL;
		struct run_options extra = { .operands = true,
			.letters = "x:",
			.option = no_option,
			.arg = &x,
			.usage = "shikaku-test -c SITE.yaml [-x X] [FILE]\n" };
		int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

		dup2(fd, 1);
		dup2(fd, 2);
		if (run_begin(&run, "test", argc, argv, &extra) == 0)
			body(&run);
		int r = run_end(&run);
		fflush(NULL);
		_exit(r);
	}
	waitpid(pid, &status, 0);
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, out, sizeof(out) - 1);
	out[n > 0 ? n : 0] = '\0';
	close(fd);
	unlink(path);
	while (argc > 0)
		free(argv[--argc]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
done(void)
{
	spool_remove_tree(dir);
}

static void
nothing(struct run *run)
{
	(void)run;
}

static void
balanced(struct run *run)
{
	run->read = 10;
	run->accepted = 7;
	run->refused = 1;
	run->unchanged = 2;
	run->files = 1;
	run_note(run, "segments", 3);
	run_worst(run, EXIT_RECORDS);
	run_worst(run, EXIT_NOTHING);
}

static void
unbalanced(struct run *run)
{
	balanced(run);
	run->read = 11;
}

static void
the_summary_has_the_books_and_the_worst_exit(void)
{
	const char *argv[] = { "test", "-c", site, "-D", "2026-08-01", NULL };

	make_site();
	CU_ASSERT_EQUAL(child(balanced, argv), 4);
	CU_ASSERT_PTR_EQUAL(strstr(out,
				"shikaku-test: day=2026-08-01 read=10 "
				"accepted=7 refused=1 unchanged=2 files=1 "
				"refused_files=0 segments=3 seconds=0."),
	    out);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, " exit=4\n"));
	done();
}

static void
books_that_do_not_balance_are_a_bug(void)
{
	const char *argv[] = { "test", "-c", site, NULL };

	make_site();
	CU_ASSERT_EQUAL(child(unbalanced, argv), 64);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "F9008"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "exit=64"));
	done();
}

static void
wrong_usage_ends_with_32_and_wrong_configuration_with_33(void)
{
	const char *none[] = { "test", NULL };
	const char *day[] = { "test", "-c", site, "-D", "2026-02-29", NULL };
	const char *letter[] = { "test", "-c", site, "-q", NULL };
	const char *help[] = { "test", "-h", NULL };
	const char *version[] = { "test", "-V", NULL };
	const char *absent[] = { "test", "-c", "/nonexistent.yaml", NULL };

	make_site();
	CU_ASSERT_EQUAL(child(nothing, none), 32);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "usage: shikaku-test"));
	CU_ASSERT_EQUAL(child(nothing, day), 32);
	CU_ASSERT_EQUAL(child(nothing, letter), 32);
	CU_ASSERT_EQUAL(child(nothing, help), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "[-x X] [FILE]"));
	CU_ASSERT_EQUAL(child(nothing, version), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "shikaku-test "));
	CU_ASSERT_EQUAL(child(nothing, absent), 33);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "/nonexistent.yaml: fatal F9002"));
	done();
}

static void
see_options(struct run *run)
{
	if (!run->dry || !run->verbose || run->argc != 1 ||
	    strcmp(run->argv[0], "file") != 0)
		run_worst(run, EXIT_BUG);
	if (run->day != day_of(2026, 8, 1))
		run_worst(run, EXIT_BUG);
}

static void
options_and_operands_are_taken_apart(void)
{
	const char *argv[] = { "test", "-nv", "--config", site, "-x", "y",
		"--day", "2026-08-01", "file", NULL };

	make_site();
	CU_ASSERT_EQUAL(child(see_options, argv), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, " dry=1 "));
	done();
}

static void
the_night_belongs_to_the_day_before(struct run *run)
{
	if (run->day != day_of_moment(run->now - INT64_C(28800000)))
		run_worst(run, EXIT_BUG);
}

static void
the_business_day_changes_at_eight_in_japan(void)
{
	const char *argv[] = { "test", "-c", site, NULL };

	make_site();
	CU_ASSERT_EQUAL(child(the_night_belongs_to_the_day_before, argv), 0);
	done();
}

static void
lock_twice(struct run *run)
{
	struct run second = *run;

	second.side[0].lock = second.side[1].lock = -1;
	if (run_lock(run, root) == -1 || run_lock(&second, root) == 0)
		run_worst(run, EXIT_BUG);
	run_worst(run, (enum exit_code)second.exit);
}

static void
a_second_run_on_the_same_root_is_locked_out(void)
{
	const char *argv[] = { "test", "-c", site, NULL };
	char left[160], other[160];
	FILE *f;

	make_site();
	CU_ASSERT_EQUAL_FATAL(spool_init(root), 0);
	snprintf(left, sizeof(left), "%s/work/shikaku-test.1.1", root);
	snprintf(other, sizeof(other), "%s/work/shikaku-tester.1.1", root);
	f = fopen(left, "w");
	fclose(f);
	f = fopen(other, "w");
	fclose(f);
	CU_ASSERT_EQUAL(child(lock_twice, argv), 10);
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "F9003"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "held by process "));
	CU_ASSERT_EQUAL(access(left, F_OK), -1);
	CU_ASSERT_EQUAL(access(other, F_OK), 0);
	done();
}

static void
stop(struct run *run)
{
	if (run_stopped())
		run_worst(run, EXIT_BUG);
	raise(SIGPIPE);
	raise(SIGTERM);
	if (run_stopped())
		run_worst(run, EXIT_STOPPED);
}

static void
a_signal_asks_to_stop_and_does_not_kill(void)
{
	const char *argv[] = { "test", "-c", site, NULL };

	make_site();
	CU_ASSERT_EQUAL(child(stop, argv), 12);
	done();
}

static int
last_run(void *arg, const struct ledger_run *r)
{
	*(struct ledger_run *)arg = *r;
	return 0;
}

/* The last run of 2026-08-01 in one side's books; id 0: none. */
static struct ledger_run
run_of(const char *at)
{
	struct ledger_run got = { 0 };
	struct diag_sink quiet = { 0 };
	struct ledger *l = ledger_open(at, &quiet);

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	CU_ASSERT_EQUAL(ledger_runs(l, day_of(2026, 8, 1), last_run, &got), 0);
	ledger_close(l);
	return got;
}

static const char *
other_root(void)
{
	static char path[120];

	snprintf(path, sizeof(path), "%s/i", dir);
	return path;
}

static void
work_on_two_sides(struct run *run)
{
	if (run_lock(run, other_root()) == -1)
		return;
	run->read = run->accepted = 3;
	run->files = 1;
	if (run_lock(run, root) == -1)
		return;
	run->read += 7;
	run->refused = 5;
	run->unchanged = 2;
	run->files += 2;
	run->files_refused = 1;
	run_note(run, "packages", 4);
	run_worst(run, EXIT_FILES);
}

static void
a_run_is_in_the_books_of_each_side_with_its_end(void)
{
	const char *argv[] = { "test", "-c", site, "-D", "2026-08-01", NULL };
	struct ledger_run i, q;

	make_site();
	setenv("SHIKAKU_STEP", "nightly/2-ingest", 1);
	CU_ASSERT_EQUAL(child(work_on_two_sides, argv), 5);
	unsetenv("SHIKAKU_STEP");
	i = run_of(other_root());
	q = run_of(root);
	CU_ASSERT_STRING_EQUAL(q.program, "test");
	CU_ASSERT_STRING_EQUAL(q.step, "nightly/2-ingest");
	CU_ASSERT_STRING_EQUAL(q.notes, " packages=4");
	CU_ASSERT_EQUAL(strlen(q.boot), 36);
	CU_ASSERT_TRUE(q.host[0] != '\0' && q.pid > 1);
	CU_ASSERT_TRUE(q.began > 0 && q.ended >= q.began);
	CU_ASSERT_EQUAL(q.exit, 5);
	CU_ASSERT_EQUAL(i.exit, 5);
	CU_ASSERT_EQUAL(i.read, 3);
	CU_ASSERT_EQUAL(i.accepted, 3);
	CU_ASSERT_EQUAL(i.files, 1);
	CU_ASSERT_EQUAL(q.read, 7);
	CU_ASSERT_EQUAL(q.accepted, 0);
	CU_ASSERT_EQUAL(q.refused, 5);
	CU_ASSERT_EQUAL(q.unchanged, 2);
	CU_ASSERT_EQUAL(q.files, 2);
	CU_ASSERT_EQUAL(q.files_refused, 1);
	/* what is no name of a step does not get into the books */
	setenv("SHIKAKU_STEP", "a step'; DROP", 1);
	CU_ASSERT_EQUAL(child(work_on_two_sides, argv), 5);
	unsetenv("SHIKAKU_STEP");
	CU_ASSERT_STRING_EQUAL(run_of(root).step, "");
	done();
}

static void
be_killed(struct run *run)
{
	if (run_lock(run, root) == 0)
		raise(SIGKILL);
}

static void
a_run_that_was_killed_has_no_end(void)
{
	const char *argv[] = { "test", "-c", site, "-D", "2026-08-01", NULL };
	struct ledger_run r;

	make_site();
	CU_ASSERT_EQUAL(child(be_killed, argv), -1);
	r = run_of(root);
	CU_ASSERT_STRING_EQUAL(r.program, "test");
	CU_ASSERT_EQUAL(r.ended, 0);
	done();
}

static void
a_dry_run_is_not_in_the_books(void)
{
	const char *argv[] = { "test", "-nc", site, "-D", "2026-08-01", NULL };

	make_site();
	CU_ASSERT_EQUAL(child(work_on_two_sides, argv), 5);
	CU_ASSERT_EQUAL(run_of(root).id, 0);
	done();
}

static CU_TestInfo tests[] = {
	{ "the summary has the books and the worst exit",
	    the_summary_has_the_books_and_the_worst_exit },
	{ "books that do not balance are a bug",
	    books_that_do_not_balance_are_a_bug },
	{ "wrong usage ends with 32 and wrong configuration with 33",
	    wrong_usage_ends_with_32_and_wrong_configuration_with_33 },
	{ "options and operands are taken apart",
	    options_and_operands_are_taken_apart },
	{ "the business day changes at eight in Japan",
	    the_business_day_changes_at_eight_in_japan },
	{ "a second run on the same root is locked out",
	    a_second_run_on_the_same_root_is_locked_out },
	{ "a signal asks to stop and does not kill",
	    a_signal_asks_to_stop_and_does_not_kill },
	{ "a run is in the books of each side, with its end",
	    a_run_is_in_the_books_of_each_side_with_its_end },
	{ "a run that was killed has no end",
	    a_run_that_was_killed_has_no_end },
	{ "a dry run is not in the books", a_dry_run_is_not_in_the_books },
	CU_TEST_INFO_NULL,
};
SUITE(run, tests);
