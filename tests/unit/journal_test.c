/* The usage journal: what is promised durable is there, chained; what a
 * crash left is cut. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/usage_chain.h"
#include "online/journal.h"
#include "tests/unit/suite.h"

#define DAY 18000 /* 2019-04-14 */

static char dir[] = "/tmp/shikaku-journal-XXXXXX";
static struct diag_list seen;
static int answered, denied;

static int
setup(void)
{
	diag_list_init(&seen, 100, NULL, DIAG_FATAL);
	return mkdtemp(dir) == NULL;
}

static void
path_of(int32_t day, int worker, char out[128])
{
	char name[48];

	usage_journal_name(day, worker, name);
	snprintf(out, 128, "%s/%s", dir, name);
}

static void
begin(void)
{
	char path[128];

	for (int worker = 0; worker < 3; worker++)
		for (int day = DAY; day < DAY + 2; day++) {
			path_of(day, worker, path);
			unlink(path);
		}
	diag_list_clear(&seen);
	memset(seen.sink.counts, 0, sizeof(seen.sink.counts));
	answered = denied = 0;
}

static int
teardown(void)
{
	begin();
	rmdir(dir);
	diag_list_free(&seen);
	return 0;
}

static void
done(void *arg, bool durable)
{
	(void)arg;
	if (durable)
		answered++;
	else
		denied++;
}

static int
append(struct journal *j, const char *request)
{
	struct record line;

	record_init(&line, &usage_format);
	record_set(&line, U_AT, SLICE("2019-04-14T09:00:00.000+09:00"));
	record_set(&line, U_REQUEST, slice_of(request));
	record_set(&line, U_INSTITUTION, SLICE("1319900010"));
	record_set(&line, U_KIND, SLICE("number"));
	record_set(&line, U_STATUS, SLICE("200"));
	record_set(&line, U_MICROS, SLICE("42"));
	return journal_append(j, &line, done, NULL);
}

static char bytes[1 << 20];

static size_t
slurp(int32_t day, int worker)
{
	char path[128];
	size_t n = 0;
	FILE *f;

	path_of(day, worker, path);
	f = fopen(path, "rb");
	if (f != NULL) {
		n = fread(bytes, 1, sizeof(bytes) - 1, f);
		fclose(f);
	}
	bytes[n] = '\0';
	return n;
}

/* Lines after the row of names whose chain and number are right, from the
 * first on; -1 where one is not. */
static int
chained(int32_t day, int worker)
{
	char chain[17], want[32];
	int n = -1;
	char *p = bytes;

	slurp(day, worker);
	usage_chain_first(day, worker, chain);
	for (char *eol; (eol = strchr(p, '\n')) != NULL; p = eol + 1, n++) {
		char *comma = eol;
		if (n == -1)
			continue;
		while (*comma != ',')
			comma--;
		usage_chain(
		    chain, (struct slice) { p, (size_t)(comma - p) }, chain);
		snprintf(want, sizeof(want), ",%s\n", chain);
		if (strncmp(comma, want, 18) != 0)
			return -1;
		snprintf(want, sizeof(want), ",%d,%d,", worker, n + 1);
		if (strstr(p, want) == NULL || strstr(p, want) > eol)
			return -1;
	}
	return *p == '\0' ? n : -1;
}

static struct journal *
open_it(int32_t day)
{
	struct journal *j = journal_open(dir, 1, day, &seen.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(j);
	return j;
}

static void
test_an_answer_may_leave_after_the_commit_only(void)
{
	struct journal *j;

	begin();
	j = open_it(DAY);
	CU_ASSERT_EQUAL(append(j, "00000000000000a1"), 0);
	CU_ASSERT_EQUAL(append(j, "00000000000000a2"), 0);
	CU_ASSERT_EQUAL(journal_waiting(j), 2);
	CU_ASSERT_EQUAL(answered, 0);
	CU_ASSERT_EQUAL(chained(DAY, 1), 0);
	CU_ASSERT_EQUAL(journal_commit(j), 0);
	CU_ASSERT_EQUAL(answered, 2);
	CU_ASSERT_EQUAL(chained(DAY, 1), 2);
	CU_ASSERT_EQUAL(journal_commit(j), 0);
	CU_ASSERT_EQUAL(chained(DAY, 1), 2);
	journal_close(j);
}

static void
test_numbers_and_chain_go_on_after_a_restart(void)
{
	struct journal *j;

	begin();
	for (int i = 1; i <= 3; i++) {
		j = open_it(DAY);
		append(j, "00000000000000b1");
		journal_commit(j);
		journal_close(j);
		CU_ASSERT_EQUAL(chained(DAY, 1), i);
	}
	CU_ASSERT_EQUAL(seen.n, 0);
}

static void
test_a_new_day_has_a_file_of_its_own(void)
{
	struct journal *j;

	begin();
	j = open_it(DAY);
	append(j, "00000000000000c1");
	CU_ASSERT_EQUAL(journal_day(j, DAY + 1), 0);
	CU_ASSERT_EQUAL(answered, 1); /* the old day's line went first */
	append(j, "00000000000000c2");
	journal_close(j);
	CU_ASSERT_EQUAL(answered, 2);
	CU_ASSERT_EQUAL(chained(DAY, 1), 1);
	CU_ASSERT_EQUAL(chained(DAY + 1, 1), 1);
}

/* A file of three lines, cut at every byte, is whole again after an open:
 * every line that was complete is kept, nothing else. */
static void
test_a_file_cut_at_any_byte_is_repaired(void)
{
	static char whole[4096];
	char path[128];
	struct journal *j;
	size_t n, wrong = 0;

	begin();
	path_of(DAY, 1, path);
	j = open_it(DAY);
	for (int i = 0; i < 3; i++)
		append(j, "00000000000000d1");
	journal_close(j);
	n = slurp(DAY, 1);
	CU_ASSERT_FATAL(n > 300 && n < sizeof(whole));
	memcpy(whole, bytes, n);
	for (size_t cut = 0; cut <= n; cut++) {
		int lines = -1;
		int fd = open(path, O_WRONLY | O_TRUNC);
		if (fd == -1 || write(fd, whole, cut) != (ssize_t)cut)
			wrong++;
		close(fd);
		for (size_t i = 0; i < cut; i++)
			lines += whole[i] == '\n';
		j = open_it(DAY);
		append(j, "00000000000000d2");
		journal_close(j);
		if (chained(DAY, 1) != (lines < 0 ? 0 : lines) + 1)
			wrong++;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(seen.sink.counts[DIAG_JOURNAL_TAIL] > 0);
}

static void
test_zeros_and_broken_lines_at_the_end_are_cut(void)
{
	static const char *const tails[] = { "\n", "x\n",
		",,,,,,,,,,,,,,,,,,,0000000000000000\n" };
	struct journal *j;
	char path[128];

	path_of(DAY, 1, path);
	for (size_t i = 0; i <= 3; i++) {
		FILE *f;
		begin();
		j = open_it(DAY);
		append(j, "00000000000000e1");
		journal_close(j);
		f = fopen(path, "ab");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		if (i < 3)
			fputs(tails[i], f);
		else
			fwrite("\0\0\0\0\0\0\0\n", 1, 8, f);
		fclose(f);
		j = open_it(DAY);
		append(j, "00000000000000e2");
		journal_close(j);
		CU_ASSERT_EQUAL(chained(DAY, 1), 2);
		CU_ASSERT_EQUAL(seen.sink.counts[DIAG_JOURNAL_TAIL], 1);
	}
}

static void
test_two_responders_do_not_share_a_journal(void)
{
	struct journal *j;

	begin();
	j = open_it(DAY);
	CU_ASSERT_PTR_NULL(journal_open(dir, 1, DAY, &seen.sink));
	CU_ASSERT_EQUAL(seen.sink.counts[DIAG_LOCKED], 1);
	journal_close(j);
}

static void
test_a_value_that_would_break_a_line_is_refused(void)
{
	struct journal *j;

	begin();
	j = open_it(DAY);
	CU_ASSERT_EQUAL(append(j, "0000,000"), -1);
	CU_ASSERT_EQUAL(append(j, "0000\n000"), -1);
	CU_ASSERT_EQUAL(append(j, "0000\"000"), -1);
	CU_ASSERT_EQUAL(append(j, "00000000000000f1"), 0);
	journal_close(j);
	CU_ASSERT_EQUAL(chained(DAY, 1), 1);
}

static void
test_the_queue_is_bounded(void)
{
	struct journal *j;
	int n = 0;

	begin();
	j = open_it(DAY);
	while (n < 100000 && append(j, "00000000000000f2") == 0)
		n++;
	CU_ASSERT(n >= 1024 && n < 100000);
	CU_ASSERT_EQUAL(journal_commit(j), 0);
	CU_ASSERT_EQUAL(answered, n);
	CU_ASSERT_EQUAL(append(j, "00000000000000f3"), 0);
	journal_close(j);
	CU_ASSERT_EQUAL(chained(DAY, 1), n + 1);
}

static void
test_a_folder_that_is_not_there_is_said(void)
{
	begin();
	CU_ASSERT_PTR_NULL(
	    journal_open("/nonexistent/journal", 1, DAY, &seen.sink));
	CU_ASSERT_EQUAL(seen.sink.counts[DIAG_IO], 1);
}

static CU_TestInfo tests[] = {
	{ "an answer may leave after the commit only",
	    test_an_answer_may_leave_after_the_commit_only },
	{ "numbers and chain go on after a restart",
	    test_numbers_and_chain_go_on_after_a_restart },
	{ "a new day has a file of its own",
	    test_a_new_day_has_a_file_of_its_own },
	{ "a file cut at any byte is repaired",
	    test_a_file_cut_at_any_byte_is_repaired },
	{ "zeros and broken lines at the end are cut",
	    test_zeros_and_broken_lines_at_the_end_are_cut },
	{ "two responders do not share a journal",
	    test_two_responders_do_not_share_a_journal },
	{ "a value that would break a line is refused",
	    test_a_value_that_would_break_a_line_is_refused },
	{ "the queue is bounded", test_the_queue_is_bounded },
	{ "a folder that is not there is said",
	    test_a_folder_that_is_not_there_is_said },
	CU_TEST_INFO_NULL,
};
extern const CU_SuiteInfo suite_journal;
const CU_SuiteInfo suite_journal = { "journal", setup, teardown, NULL, NULL,
	tests };
