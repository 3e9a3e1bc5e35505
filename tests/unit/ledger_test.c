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

static int
count_holds(void *arg, const struct ledger_hold *h)
{
	int *n = arg;

	n[h->verdict]++;
	return 0;
}

static struct ledger_hold
hold(const struct ledger_file *f, const char *code)
{
	struct ledger_hold h = { .id = f->id, .since = f->id.day };

	memcpy(h.sha256, f->sha256, sizeof(h.sha256));
	snprintf(h.code, sizeof(h.code), "%s", code);
	return h;
}

static void
a_held_file_waits(void)
{
	struct ledger_file four = file("06139992", 4, FILE_HELD);
	struct ledger_file two = file("06139992", 2, FILE_READY);
	struct ledger_hold h = hold(&four, "E3501");
	struct filename waits, first;
	int n[HOLD__MAX] = { 0 };

	begin();
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &four), 0);
	CU_ASSERT_EQUAL(ledger_hold_put(ledger, &h), 0);
	CU_ASSERT_EQUAL(ledger_missing_put(ledger, &four.id, 9999, 2), 0);
	CU_ASSERT_EQUAL(ledger_missing_get(ledger, &two.id, &waits), 1);
	CU_ASSERT_EQUAL(waits.sequence, 4);
	CU_ASSERT_EQUAL(ledger_missing_get(ledger, &four.id, &waits), 0);
	CU_ASSERT_EQUAL(ledger_held_before(ledger, &two.id, &first), 0);
	two.id.day++;
	CU_ASSERT_EQUAL(ledger_held_before(ledger, &two.id, &first), 1);
	CU_ASSERT_EQUAL(first.sequence, 4);
	/* 9999, 1, 2 round the ring: the last of them lets it go on */
	for (int i = 9999; i != 3; i = i % 9999 + 1) {
		CU_ASSERT_EQUAL(n[HOLD_ARRIVED], 0);
		two.id.sequence = i;
		CU_ASSERT_EQUAL(
		    ledger_missing_arrived(ledger, &two.id, &four.id, 5), 0);
		memset(n, 0, sizeof(n));
		ledger_holds(ledger, &four.id, count_holds, n);
	}
	CU_ASSERT_EQUAL(n[HOLD_ARRIVED], 1);
	CU_ASSERT_EQUAL(n[HOLD_OPEN], 0);
	end();
}

static void
a_verdict_is_kept(void)
{
	struct ledger_file f = file("06139992", 4, FILE_HELD);
	struct ledger_hold h = hold(&f, "E3502"), said = h;
	int n[HOLD__MAX] = { 0 };

	begin();
	CU_ASSERT_EQUAL(ledger_hold_put(ledger, &h), 0);
	said.verdict = HOLD_RELEASE;
	snprintf(said.who, sizeof(said.who), "somebody");
	CU_ASSERT_EQUAL(ledger_hold_decide(ledger, &said), 1);
	said.verdict = HOLD_REFUSE;
	CU_ASSERT_EQUAL(ledger_hold_decide(ledger, &said), 0);
	CU_ASSERT_EQUAL(ledger_hold_put(ledger, &h), 0);
	ledger_holds(ledger, &f.id, count_holds, n);
	CU_ASSERT_EQUAL(n[HOLD_RELEASE], 1);
	CU_ASSERT_EQUAL(n[HOLD_OPEN] + n[HOLD_REFUSE], 0);
	/* only open ones are asked for without a name */
	memset(n, 0, sizeof(n));
	ledger_holds(ledger, NULL, count_holds, n);
	CU_ASSERT_EQUAL(n[HOLD_RELEASE], 0);
	end();
}

static void
a_late_file_is_not_the_last(void)
{
	struct ledger_file four = file("06139992", 4, FILE_READY);
	struct ledger_file two = file("06139992", 2, FILE_READY);
	int32_t on;
	int sequence = 0;

	begin();
	two.late = true;
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &four), 0);
	CU_ASSERT_EQUAL(ledger_file_put(ledger, &two), 0);
	CU_ASSERT_EQUAL(
	    ledger_sequence(ledger, "06139992", FEED_SHIKAKU, &on, &sequence),
	    1);
	CU_ASSERT_EQUAL(sequence, 4);
	end();
}

static void
counts_are_kept_by_insurer(void)
{
	struct ledger_file f = file("06139992", 4, FILE_INGESTED);
	struct ledger_stock s = { 10, 2, f.id.day }, t = { 0, 0, 0 };
	struct ledger_fill l = { 10, 9, f.id.day }, m = { 0, 0, 0 };

	begin();
	CU_ASSERT_EQUAL(ledger_stock_put(ledger, &f.id, "06139992", &s), 0);
	CU_ASSERT_EQUAL(ledger_stock_get(ledger, &f.id, "06130488", &t), 0);
	CU_ASSERT_EQUAL(ledger_stock_get(ledger, &f.id, "06139992", &t), 1);
	CU_ASSERT_EQUAL(t.covered, 10);
	CU_ASSERT_EQUAL(t.lost, 2);
	CU_ASSERT_EQUAL(t.day, f.id.day);
	CU_ASSERT_EQUAL(
	    ledger_fill_put(ledger, &f.id, "06139992", "Address", &l), 0);
	CU_ASSERT_EQUAL(
	    ledger_fill_get(ledger, &f.id, "06139992", "Sex2", &m), 0);
	CU_ASSERT_EQUAL(
	    ledger_fill_get(ledger, &f.id, "06139992", "Address", &m), 1);
	CU_ASSERT_EQUAL(m.records, 10);
	CU_ASSERT_EQUAL(m.filled, 9);
	end();
}

static int
last_job(void *arg, const struct ledger_job *j)
{
	*(struct ledger_job *)arg = *j;
	return 0;
}

static void
a_try_of_a_job_has_no_end_until_it_is_given_one(void)
{
	struct ledger_job j = { .net = "nightly",
		.job = "intake",
		.day = day_of(2026, 8, 1),
		.attempt = 2,
		.pid = 7,
		.began = 1000 };
	struct ledger_job got = { .id = 0 };

	begin();
	CU_ASSERT_EQUAL(ledger_job_begin(ledger, &j), 0);
	CU_ASSERT_EQUAL(
	    ledger_jobs(ledger, "nightly", j.day, last_job, &got), 0);
	CU_ASSERT_EQUAL(got.id, j.id);
	CU_ASSERT_EQUAL(got.ended, 0);
	CU_ASSERT_EQUAL(got.attempt, 2);
	j.ended = 3000;
	j.ms = 2000;
	j.exit = 4;
	j.read = 9;
	j.refused = 1;
	CU_ASSERT_EQUAL(ledger_job_end(ledger, &j), 0);
	CU_ASSERT_EQUAL(
	    ledger_jobs(ledger, "nightly", DAY_NONE, last_job, &got), 0);
	CU_ASSERT_EQUAL(got.ended, 3000);
	CU_ASSERT_EQUAL(got.exit, 4);
	CU_ASSERT_EQUAL(got.read, 9);
	got.id = 0;
	CU_ASSERT_EQUAL(
	    ledger_jobs(ledger, "nightly", j.day + 1, last_job, &got), 0);
	CU_ASSERT_EQUAL(
	    ledger_jobs(ledger, "monthly", DAY_NONE, last_job, &got), 0);
	CU_ASSERT_EQUAL(got.id, 0);
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
	{ "a held file waits for its numbers", a_held_file_waits },
	{ "a verdict is said once and keeps its words", a_verdict_is_kept },
	{ "a late file is not the last one", a_late_file_is_not_the_last },
	{ "a try of a job has no end until it is given one",
	    a_try_of_a_job_has_no_end_until_it_is_given_one },
	{ "counts are kept by insurer", counts_are_kept_by_insurer },
	CU_TEST_INFO_NULL,
};
SUITE(ledger, tests);
