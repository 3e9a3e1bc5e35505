#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch/net.h"
#include "batch/net_plan.h"
#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static struct diag_list list;
static char path[64];

#define NET                                                                    \
	"net: small\ntitle: \"t\"\ntitle_ja: \"j\"\ncalendar: every day\n"     \
	"starts: \"21:00\"\nat_once: 2\n"
#define ANSWERS                                                                \
	"go_on: \"0 1 4 5\"\nretry: \"8 9 10 11 12 13\"\n"                     \
	"stop: \"32 33 34 35 36 64\"\n"
#define JOB(name, after, window, deadline, minutes)                            \
	"  - name: " name "\n    program: shikaku-" name "\n"                  \
	"    args: \"-c $SITE -D $DAY --x\"\n    after: \"" after "\"\n"       \
	"    window: \"" window "\"\n    deadline: \"" deadline "\"\n"         \
	"    retries: 2\n    every_minutes: 1\n    expected_minutes: " minutes \
	"\n    alarm: call\n    reason: \"r\"\n    reason_ja: \"r\"\n"         \
	"    by_hand: \"h\"\n    by_hand_ja: \"h\"\n"
#define A JOB("a", "", "21:05-07:00", "07:00", "60")
#define B JOB("b", "a", "21:05-07:00", "07:00", "30")

static struct net *
read_net(const char *text)
{
	FILE *f;

	diag_list_init(&list, 50, NULL, DIAG_FATAL);
	snprintf(
	    path, sizeof(path), "/tmp/shikaku-net-%ld.yaml", (long)getpid());
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	return net_read(path, NULL, &list.sink);
}

static void
done(struct net *net)
{
	net_free(net);
	diag_list_free(&list);
	unlink(path);
}

/* Refused, and said so once, at the line. */
static bool
refused(const char *text, int line, const char *word)
{
	struct net *net = read_net(text);
	bool ok = net == NULL && list.n == 1 &&
	    list.v[0].code == DIAG_JOB_NET && list.v[0].line == line &&
	    strstr(list.v[0].detail, word) != NULL;

	if (!ok && list.n > 0)
		fprintf(stderr, "%lld: %s\n", (long long)list.v[0].line,
		    list.v[0].detail);
	done(net);
	return ok;
}

static void
a_net_is_read_as_it_is_written(void)
{
	struct net *net = read_net(NET ANSWERS "jobs:\n" A B);
	char store[2048];
	char *argv[NET_ARGS_MAX + 1];

	CU_ASSERT_PTR_NOT_NULL_FATAL(net);
	CU_ASSERT_EQUAL(net->n, 2);
	CU_ASSERT_EQUAL(net_find(net, "b"), 1);
	CU_ASSERT_EQUAL(net_find(net, "c"), -1);
	CU_ASSERT_EQUAL(net->job[1].n_after, 1);
	CU_ASSERT_EQUAL(net->job[1].after[0], 0);
	CU_ASSERT_EQUAL(net->job[0].alarm, ALARM_CALL);
	CU_ASSERT_TRUE(net_has(net->go_on, 5));
	CU_ASSERT_FALSE(net_has(net->go_on, 8));
	CU_ASSERT_TRUE(net_has(net->stop, 64));
	CU_ASSERT_FALSE(net_has(net->stop, 63));
	net_argv(&net->job[0], "/x/site.yaml", day_of(2026, 8, 1), store, argv);
	CU_ASSERT_STRING_EQUAL(argv[0], "shikaku-a");
	CU_ASSERT_STRING_EQUAL(argv[2], "/x/site.yaml");
	CU_ASSERT_STRING_EQUAL(argv[4], "2026-08-01");
	CU_ASSERT_STRING_EQUAL(argv[5], "--x");
	CU_ASSERT_PTR_NULL(argv[6]);
	done(net);
}

/* 21:05 is on the business day, 07:00 on the next morning. */
static void
times_before_the_start_are_on_the_next_morning(void)
{
	struct net *net = read_net(NET ANSWERS "jobs:\n" A);
	int32_t d = day_of(2026, 8, 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(net);
	CU_ASSERT_EQUAL(net_moment(d, net->job[0].opens),
	    day_moment(d, (21 * 60 + 5) * INT64_C(60000)));
	CU_ASSERT_EQUAL(net_moment(d, net->job[0].closes),
	    day_moment(d + 1, 7 * 60 * INT64_C(60000)));
	done(net);
}

/* a: 21:05 + 60 min; b after it + 30: 22:35. */
static void
the_earliest_end_goes_along_the_longest_way(void)
{
	struct net *net = read_net(NET ANSWERS "jobs:\n" A B);
	int64_t ends[NET_JOBS_MAX];

	CU_ASSERT_PTR_NOT_NULL_FATAL(net);
	net_earliest(net, ends);
	CU_ASSERT_EQUAL(ends[0], (22 * 60 + 5) * INT64_C(60000));
	CU_ASSERT_EQUAL(ends[1], (22 * 60 + 35) * INT64_C(60000));
	done(net);
}

/* NET has 6 lines, ANSWERS 3; jobs: is the 10th, the first job the 11th. */
static void
what_is_wrong_is_said_with_its_line(void)
{
	CU_ASSERT_TRUE(refused(NET "go_on: \"0 1 4 5\"\nretry: \"8 9 10 11 12 "
				   "13\"\nstop: \"32 33 34 35 36\"\njobs:\n" A,
	    1, "64"));
	CU_ASSERT_TRUE(refused(NET "go_on: \"0 1 4 5 7\"\nretry: \"8 9 10 11 "
				   "12 13\"\nstop: \"32 33 34 35 36 "
				   "64\"\njobs:\n" A,
	    1, "no program"));
	CU_ASSERT_TRUE(refused(NET ANSWERS, 1, "jobs"));
	CU_ASSERT_TRUE(
	    refused(NET "speed: 9\n" ANSWERS "jobs:\n" A, 7, "no such key"));
	/* a circle cannot be written: what is waited for stands before */
	CU_ASSERT_TRUE(refused(NET ANSWERS
	    "jobs:\n" JOB("a", "b", "21:05-07:00", "07:00", "1") B,
	    14, "after"));
	CU_ASSERT_TRUE(refused(NET ANSWERS "jobs:\n" A A, 25, "twice"));
	CU_ASSERT_TRUE(refused(NET ANSWERS
	    "jobs:\n" JOB("a", "", "07:00-21:05", "07:00", "1"),
	    15, "window"));
	CU_ASSERT_TRUE(refused(NET ANSWERS
	    "jobs:\n" JOB("a", "", "21:05-25:00", "07:00", "1"),
	    15, "window"));
	CU_ASSERT_TRUE(refused(NET ANSWERS
	    "jobs:\n" JOB("a", "", "21:05-07:00", "7:00", "1"),
	    16, "deadline"));
	CU_ASSERT_TRUE(refused(NET ANSWERS
	    "jobs:\n" JOB("a", "", "21:05-07:00", "07:00", "900"),
	    19, "expected_minutes"));
	/* ten hours do not fit before 07:00 */
	CU_ASSERT_TRUE(refused(NET ANSWERS
	    "jobs:\n" JOB("a", "", "21:05-07:00", "07:00", "600"),
	    11, "cannot be met"));
	CU_ASSERT_TRUE(refused(NET ANSWERS
	    "jobs:\n" JOB("a", "", "21:05-07:00", "22:00", "60"),
	    11, "22:05"));
}

static void
the_middle_of_a_history_is_not_moved_by_one_bad_night(void)
{
	int64_t odd[] = { 100, 3, 2 }, even[] = { 9, 1, 3, 100 }, one[] = { 7 };

	CU_ASSERT_EQUAL(net_median(odd, 3), 3);
	CU_ASSERT_EQUAL(net_median(even, 4), 3);
	CU_ASSERT_EQUAL(net_median(one, 1), 7);
}

static CU_TestInfo tests[] = {
	{ "a net is read as it is written", a_net_is_read_as_it_is_written },
	{ "times before the start are on the next morning",
	    times_before_the_start_are_on_the_next_morning },
	{ "the earliest end goes along the longest way",
	    the_earliest_end_goes_along_the_longest_way },
	{ "what is wrong is said with its line",
	    what_is_wrong_is_said_with_its_line },
	{ "the middle of a history is not moved by one bad night",
	    the_middle_of_a_history_is_not_moved_by_one_bad_night },
	CU_TEST_INFO_NULL,
};
SUITE(net, tests);
