#include "batch/journals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/spool.h"
#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static const char names[] =
    "At,Worker,Sequence,Request,InstitutionCode,Terminal,Kind,"
    "ConfirmationDate,Status,Code,Validity,InsurerCode,Generation,CrlNumber,"
    "CrlUpdate,CardResult,CaKeyId,SerialHash,Micros,Chain\n";

static char root[64];

static void
begin(void)
{
	char path[SPOOL_PATH_MAX];

	snprintf(root, sizeof(root), "/tmp/shikaku-journals.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL(mkdtemp(root));
	spool_path(path, root, "journal");
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
}

/* Lines 1..n of worker 3's journal, chained; `cut`: the last without LF. */
static void
write_lines(const char *name, int n, bool cut, const char *result)
{
	char path[SPOOL_PATH_MAX], line[256], chain[17];
	FILE *f;

	spool_path(path, root, "journal/%s", name);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(names, f);
	usage_chain_first(day_of(2026, 8, 1), 3, chain);
	for (int i = 1; i <= n; i++) {
		snprintf(line, sizeof(line),
		    "2026-08-01T09:00:00.%03d+09:00,3,%d,00000000000000%02x,"
		    "1310000011,,card,20260801,200,,1,06130012,1,,,%s,,,%d",
		    i, i, i, result, 100 * i);
		usage_chain(chain, slice_of(line), chain);
		fprintf(f, "%s,%s%s", line, chain, cut && i == n ? "" : "\n");
	}
	fclose(f);
}

static void
write_journal(const char *name, int n, bool cut)
{
	write_lines(name, n, cut, "valid");
}

static int
count(void *arg, const struct record *line)
{
	int64_t *sum = arg;

	if (line == NULL) { /* about no card */
		*sum += 1;
		return 0;
	}
	*sum += slice_number(line->v[U_MICROS].s);
	return 0;
}

static struct journal_file
the_file(void)
{
	struct journal_file f = { .day = day_of(2026, 8, 1), .worker = 3 };

	usage_journal_name(f.day, f.worker, f.name);
	return f;
}

static void
end(void)
{
	spool_remove_tree(root);
}

static void
a_chained_journal_is_proved_and_read(void)
{
	struct journal_file f = the_file();
	struct diag_list list;
	char at[17];
	int64_t sum = 0;

	begin();
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	write_journal(f.name, 3, false);
	CU_ASSERT_EQUAL(journal_prove(root, &f, 2, at, &list.sink), 0);
	CU_ASSERT_EQUAL(f.lines, 3);
	CU_ASSERT_FALSE(f.cut);
	CU_ASSERT_EQUAL(strlen(at), 16);
	CU_ASSERT_STRING_NOT_EQUAL(at, f.chain);
	CU_ASSERT_EQUAL(
	    journal_each(root, &f, NULL, count, &sum, &list.sink), 0);
	CU_ASSERT_EQUAL(sum, 600);
	sum = 0;
	f.from = 2;
	CU_ASSERT_EQUAL(journal_each(root, &f, at, count, &sum, &list.sink), 0);
	CU_ASSERT_EQUAL(sum, 300);
	CU_ASSERT_EQUAL(list.n, 0);
	diag_list_free(&list);
	end();
}

static void
a_line_cut_by_a_crash_is_left_alone(void)
{
	struct journal_file f = the_file();
	struct diag_list list;
	int64_t sum = 0;

	begin();
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	write_journal(f.name, 3, true);
	CU_ASSERT_EQUAL(journal_prove(root, &f, 0, NULL, &list.sink), 0);
	CU_ASSERT_EQUAL(f.lines, 2);
	CU_ASSERT_TRUE(f.cut);
	CU_ASSERT_EQUAL(
	    journal_each(root, &f, NULL, count, &sum, &list.sink), 0);
	CU_ASSERT_EQUAL(sum, 300);
	diag_list_free(&list);
	end();
}

static void
what_was_taken_before_must_be_the_same_lines_still(void)
{
	struct journal_file f = the_file();
	struct diag_list list;
	int64_t sum = 0;

	begin();
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	write_journal(f.name, 3, false);
	f.from = 2;
	CU_ASSERT_EQUAL(
	    journal_each(root, &f, "0123456789abcdef", count, &sum, &list.sink),
	    -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_JOURNAL_CHAIN], 1);
	f.from = 4; /* more than there are now: cut */
	CU_ASSERT_EQUAL(
	    journal_each(root, &f, "0123456789abcdef", count, &sum, &list.sink),
	    -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_JOURNAL_CHAIN], 2);
	CU_ASSERT_EQUAL(sum, 0);
	diag_list_free(&list);
	end();
}

static void
lines_about_no_card_are_counted_and_not_read(void)
{
	struct journal_file f = the_file();
	struct diag_list list;
	int64_t sum = 0;

	begin();
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	write_lines(f.name, 3, false, "");
	CU_ASSERT_EQUAL(
	    journal_each(root, &f, NULL, count, &sum, &list.sink), 0);
	CU_ASSERT_EQUAL(sum, 3);
	CU_ASSERT_EQUAL(list.n, 0);
	diag_list_free(&list);
	end();
}

/* The chain is right, so the writer wrote it: a fault of ours, and named. */
static void
a_card_line_that_is_no_usage_line_is_refused(void)
{
	static const char *const results[] = { "perhaps", "valid,x,,,1" };

	for (size_t i = 0; i < 2; i++) {
		struct journal_file f = the_file();
		struct diag_list list;
		int64_t sum = 0;

		begin();
		diag_list_init(&list, 10, NULL, DIAG_FATAL);
		write_lines(f.name, 1, false, results[i]);
		CU_ASSERT_EQUAL(
		    journal_each(root, &f, NULL, count, &sum, &list.sink), -1);
		CU_ASSERT_EQUAL(list.sink.counts[DIAG_JOURNAL_CHAIN], 1);
		CU_ASSERT_EQUAL(sum, 0);
		diag_list_free(&list);
		end();
	}
}

/* One byte of line `line` changed to its neighbour. */
static void
tamper(const char *name, int line, int column)
{
	char path[SPOOL_PATH_MAX], text[4096];
	size_t n;
	char *p = text;
	FILE *f;

	spool_path(path, root, "journal/%s", name);
	f = fopen(path, "r+");
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	for (int i = 0; i < line; i++)
		p = strchr(p, '\n') + 1;
	p[column] ^= 1;
	rewind(f);
	fwrite(text, 1, n, f);
	fclose(f);
}

static void
a_changed_line_breaks_the_chain(void)
{
	struct journal_file f = the_file();
	struct diag_list list;

	begin();
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	write_journal(f.name, 3, false);
	tamper(f.name, 2, 15);
	CU_ASSERT_EQUAL(journal_prove(root, &f, 0, NULL, &list.sink), -1);
	CU_ASSERT_EQUAL(f.lines, 1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_JOURNAL_CHAIN], 1);
	diag_list_free(&list);
	end();
}

static void
a_journal_under_another_workers_name_is_refused(void)
{
	struct journal_file f = the_file();
	struct diag_list list;

	begin();
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	f.worker = 4;
	usage_journal_name(f.day, f.worker, f.name);
	write_journal(f.name, 3, false);
	CU_ASSERT_EQUAL(journal_prove(root, &f, 0, NULL, &list.sink), -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_JOURNAL_CHAIN], 1);
	diag_list_free(&list);
	end();
}

static void
journals_are_listed_by_day_and_worker(void)
{
	struct journals j;
	struct diag_list list;

	begin();
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	write_journal("usage-20260801.10.log", 1, false);
	write_journal("usage-20260801.9.log", 1, false);
	write_journal("usage-20260731.12.log", 1, false);
	write_journal("usage-20260802.1.log", 1, false);
	write_journal("other.log", 1, false);
	CU_ASSERT_EQUAL(
	    journals_list(root, day_of(2026, 8, 1), &j, &list.sink), 0);
	CU_ASSERT_EQUAL_FATAL(j.n, 3);
	CU_ASSERT_STRING_EQUAL(j.v[0].name, "usage-20260731.12.log");
	CU_ASSERT_STRING_EQUAL(j.v[1].name, "usage-20260801.9.log");
	CU_ASSERT_STRING_EQUAL(j.v[2].name, "usage-20260801.10.log");
	journals_free(&j);
	diag_list_free(&list);
	end();
}

static CU_TestInfo tests[] = {
	{ "a chained journal is proved and read",
	    a_chained_journal_is_proved_and_read },
	{ "a line cut by a crash is left alone",
	    a_line_cut_by_a_crash_is_left_alone },
	{ "what was taken before must be the same lines still",
	    what_was_taken_before_must_be_the_same_lines_still },
	{ "lines about no card are counted and not read",
	    lines_about_no_card_are_counted_and_not_read },
	{ "a card line that is no usage line is refused",
	    a_card_line_that_is_no_usage_line_is_refused },
	{ "a changed line breaks the chain", a_changed_line_breaks_the_chain },
	{ "a journal under another worker's name is refused",
	    a_journal_under_another_workers_name_is_refused },
	{ "journals are listed by day and worker",
	    journals_are_listed_by_day_and_worker },
	CU_TEST_INFO_NULL,
};
SUITE(journals, tests);
