#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/ledger.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static char root[64];
static struct diag_list list;
static struct ledger *ledger;

static void
begin(void)
{
	snprintf(root, sizeof(root), "/tmp/shikaku-ledger-%ld", (long)getpid());
	spool_remove_tree(root);
	mkdir(root, 0700);
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	ledger = ledger_open(root, &list.sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ledger);
}

static void
end(void)
{
	ledger_close(ledger);
	diag_list_free(&list);
	spool_remove_tree(root);
}

static struct ledger_file
file(const char *sender, int sequence, enum file_state state)
{
	struct ledger_file f = { .state = state, .bytes = 5, .arrived = 7 };

	snprintf(f.id.sender, sizeof(f.id.sender), "%s", sender);
	f.id.feed = FEED_SHIKAKU;
	f.id.day = day_of(2026, 8, 1);
	f.id.sequence = sequence;
	memset(f.sha256, '0' + sequence % 10, 64);
	return f;
}

static void
a_file_is_found_as_it_was_put(void)
{
	struct ledger_file f = file("06139992", 7, FILE_INGESTED), g;

	begin();
	f.read = 10;
	f.accepted = 6;
	f.refused = 3;
	f.unchanged = 1;
	f.generation = 4;
	snprintf(f.reason, sizeof(f.reason), "F3101");
	CU_ASSERT_EQUAL(ledger_file_get(ledger, &f.id, &g), 0);
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &f), 0);
	CU_ASSERT_EQUAL(ledger_file_get(ledger, &f.id, &g), 1);
	CU_ASSERT_STRING_EQUAL(g.id.sender, "06139992");
	CU_ASSERT_EQUAL(g.id.feed, FEED_SHIKAKU);
	CU_ASSERT_EQUAL(g.id.day, f.id.day);
	CU_ASSERT_EQUAL(g.id.sequence, 7);
	CU_ASSERT_STRING_EQUAL(g.sha256, f.sha256);
	CU_ASSERT_EQUAL(g.state, FILE_INGESTED);
	CU_ASSERT_EQUAL(g.bytes, 5);
	CU_ASSERT_EQUAL(g.arrived, 7);
	CU_ASSERT_EQUAL(g.read, 10);
	CU_ASSERT_EQUAL(g.accepted, 6);
	CU_ASSERT_EQUAL(g.refused, 3);
	CU_ASSERT_EQUAL(g.unchanged, 1);
	CU_ASSERT_EQUAL(g.generation, 4);
	CU_ASSERT_STRING_EQUAL(g.reason, "F3101");
	memset(&g, 0, sizeof(g));
	CU_ASSERT_EQUAL(ledger_file_by_digest(ledger, f.sha256, &g), 1);
	CU_ASSERT_EQUAL(g.id.sequence, 7);
	CU_ASSERT_EQUAL(ledger_file_by_digest(ledger, "none", &g), 0);
	end();
}

static void
the_last_sequence_is_that_accepted_last_even_across_the_wrap(void)
{
	struct ledger_file a = file("A", 9999, FILE_READY),
			   b = file("A", 1, FILE_READY),
			   c = file("A", 500, FILE_REFUSED),
			   other = file("B", 3, FILE_READY);
	int32_t day;
	int n;

	begin();
	CU_ASSERT_EQUAL(
	    ledger_sequence(ledger, "A", FEED_SHIKAKU, &day, &n), 0);
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &a), 0);
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &b), 0);
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &c), 0);
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &other), 0);
	CU_ASSERT_EQUAL(
	    ledger_sequence(ledger, "A", FEED_SHIKAKU, &day, &n), 1);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(day, day_of(2026, 8, 1));
	/* an older file that goes on does not become the last again */
	a.state = FILE_INGESTED;
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &a), 0);
	a.state = FILE_READY;
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &a), 0);
	CU_ASSERT_EQUAL(
	    ledger_sequence(ledger, "A", FEED_SHIKAKU, &day, &n), 1);
	CU_ASSERT_EQUAL(n, 1);
	/* one refused later was accepted at the door all the same */
	b.state = FILE_REFUSED;
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &b), 0);
	CU_ASSERT_EQUAL(
	    ledger_sequence(ledger, "A", FEED_SHIKAKU, &day, &n), 1);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(ledger_sequence(ledger, "A", FEED_NHI, &day, &n), 0);
	end();
}

static char seen[200];

static int
move_on(void *arg, const struct ledger_file *f)
{
	struct ledger_file g = *f;
	size_t n = strlen(seen);

	(void)arg;
	snprintf(
	    seen + n, sizeof(seen) - n, "%s%d ", f->id.sender, f->id.sequence);
	g.state = FILE_INGESTED;
	return ledger_file_put(ledger, &g);
}

static void
files_of_a_state_come_in_order_and_may_be_moved_on(void)
{
	struct ledger_file v[] = { file("B", 2, FILE_READY),
		file("A", 2, FILE_READY), file("C", 1, FILE_READY),
		file("D", 1, FILE_REFUSED) };

	begin();
	for (size_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(ledger_file_put(ledger, &v[i]), 0);
	seen[0] = '\0';
	CU_ASSERT_EQUAL(ledger_each(ledger, FILE_READY, move_on, NULL), 0);
	CU_ASSERT_STRING_EQUAL(seen, "C1 A2 B2 ");
	seen[0] = '\0';
	CU_ASSERT_EQUAL(ledger_each(ledger, FILE_READY, move_on, NULL), 0);
	CU_ASSERT_STRING_EQUAL(seen, "");
	end();
}

static int
name_segment(void *arg, const struct ledger_segment *s)
{
	size_t n = strlen(seen);

	(void)arg;
	snprintf(seen + n, sizeof(seen) - n, "%s:%lld ", s->name,
	    (long long)s->rows);
	return s->kind == 9 ? 5 : 0;
}

static void
segments_wait_until_a_generation_takes_them(void)
{
	struct ledger_segment s = { .name = "a.seg", .rows = 3 },
			      t = { .name = "b.seg", .rows = 4 };

	begin();
	s.id = t.id = file("A", 1, FILE_READY).id;
	CU_ASSERT_EQUAL(ledger_segment_put(ledger, &t), 0);
	CU_ASSERT_EQUAL(ledger_segment_put(ledger, &s), 0);
	CU_ASSERT_EQUAL(ledger_segment_get(ledger, "b.seg", &s), 1);
	CU_ASSERT_EQUAL(s.rows, 4);
	CU_ASSERT_EQUAL(ledger_segment_get(ledger, "c.seg", &s), 0);
	CU_ASSERT_EQUAL(ledger_segment_get(ledger, "a.seg", &s), 1);
	seen[0] = '\0';
	CU_ASSERT_EQUAL(ledger_segments(ledger, 0, name_segment, NULL), 0);
	CU_ASSERT_STRING_EQUAL(seen, "a.seg:3 b.seg:4 ");
	s.generation = 1;
	CU_ASSERT_EQUAL(ledger_segment_put(ledger, &s), 0);
	seen[0] = '\0';
	CU_ASSERT_EQUAL(ledger_segments(ledger, 0, name_segment, NULL), 0);
	CU_ASSERT_EQUAL(ledger_segments(ledger, 1, name_segment, NULL), 0);
	CU_ASSERT_STRING_EQUAL(seen, "b.seg:4 a.seg:3 ");
	t.kind = 9; /* what each() returns comes back */
	CU_ASSERT_EQUAL(ledger_segment_put(ledger, &t), 0);
	CU_ASSERT_EQUAL(ledger_segments(ledger, 0, name_segment, NULL), 5);
	end();
}

static void
a_transaction_rolled_back_leaves_nothing(void)
{
	struct ledger_file f = file("A", 1, FILE_READY), g;

	begin();
	CU_ASSERT_EQUAL(ledger_begin(ledger), 0);
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &f), 0);
	ledger_rollback(ledger);
	CU_ASSERT_EQUAL(ledger_file_get(ledger, &f.id, &g), 0);
	CU_ASSERT_EQUAL(ledger_begin(ledger), 0);
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &f), 0);
	CU_ASSERT_EQUAL(ledger_commit(ledger), 0);
	ledger_rollback(ledger); /* nothing is open: harmless */
	ledger_close(ledger);
	ledger = ledger_open(root, &list.sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ledger);
	CU_ASSERT_EQUAL(ledger_file_get(ledger, &f.id, &g), 1);
	CU_ASSERT_EQUAL(list.n, 0);
	end();
}

static int
keep_run(void *arg, const struct ledger_run *r)
{
	struct ledger_run *v = arg;

	v[v[0].id == 0 ? 0 : 1] = *r;
	return 0;
}

static void
a_run_has_no_end_until_it_is_given_one(void)
{
	struct ledger_run a = { .program = "intake",
		.step = "nightly/1-intake",
		.day = day_of(2026, 8, 1),
		.host = "a",
		.boot = "b",
		.pid = 7,
		.began = 1000 },
			  b = a, got[2] = { 0 };

	begin();
	snprintf(b.program, sizeof(b.program), "ingest");
	CU_ASSERT_EQUAL(ledger_run_begin(ledger, &a), 0);
	CU_ASSERT_EQUAL(ledger_run_begin(ledger, &b), 0);
	CU_ASSERT_TRUE(a.id > 0 && b.id > a.id);
	b.ended = 3500;
	b.ms = 2400; /* the clock was set meanwhile */
	b.exit = 4;
	b.read = 10;
	b.accepted = 6;
	b.refused = 3;
	b.unchanged = 1;
	b.files = 2;
	b.files_refused = 1;
	snprintf(b.notes, sizeof(b.notes), " packages=1");
	CU_ASSERT_EQUAL(ledger_run_end(ledger, &b), 0);
	CU_ASSERT_EQUAL(
	    ledger_runs(ledger, day_of(2026, 8, 2), keep_run, got), 0);
	CU_ASSERT_EQUAL(got[0].id, 0);
	CU_ASSERT_EQUAL(
	    ledger_runs(ledger, day_of(2026, 8, 1), keep_run, got), 0);
	CU_ASSERT_EQUAL(memcmp(&got[0], &a, sizeof(a)), 0);
	CU_ASSERT_EQUAL(memcmp(&got[1], &b, sizeof(b)), 0);
	CU_ASSERT_EQUAL(list.n, 0);
	end();
}

static void
a_file_that_is_no_ledger_is_refused(void)
{
	char path[SPOOL_PATH_MAX];

	begin();
	ledger_close(ledger);
	spool_path(path, root, "ledger.sqlite");
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i < 1000; i++)
		fputs("not a database ", f);
	fclose(f);
	ledger = ledger_open(root, &list.sink);
	CU_ASSERT_PTR_NULL(ledger);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_LEDGER], 1);
	end();
}

static CU_TestInfo tests[] = {
	{ "a file is found as it was put", a_file_is_found_as_it_was_put },
	{ "the last sequence is that accepted last, even across the wrap",
	    the_last_sequence_is_that_accepted_last_even_across_the_wrap },
	{ "files of a state come in order and may be moved on",
	    files_of_a_state_come_in_order_and_may_be_moved_on },
	{ "segments wait until a generation takes them",
	    segments_wait_until_a_generation_takes_them },
	{ "a transaction rolled back leaves nothing",
	    a_transaction_rolled_back_leaves_nothing },
	{ "a run has no end until it is given one",
	    a_run_has_no_end_until_it_is_given_one },
	{ "a file that is no ledger is refused",
	    a_file_that_is_no_ledger_is_refused },
	CU_TEST_INFO_NULL,
};
SUITE(ledger, tests);
