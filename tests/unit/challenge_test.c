#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/codec/text.h"
#include "online/challenge.h"
#include "tests/unit/suite.h"

#define NOW INT64_C(1555286400000)
#define PLACE "1319900010", "0a1b"

static struct challenges *c;
static struct challenge ch, out;

static int
setup(void)
{
	c = challenges_new();
	return c == NULL;
}

static int
teardown(void)
{
	challenges_free(c);
	return 0;
}

static void
test_a_challenge_is_good_once(void)
{
	int again = 0;

	CU_ASSERT_EQUAL(challenge_issue(c, PLACE, NOW, &ch), 0);
	CU_ASSERT_EQUAL(strlen(ch.id), 32);
	CU_ASSERT(challenge_take(c, ch.id, PLACE, NOW + 5000, 120, &out));
	CU_ASSERT_EQUAL(memcmp(out.bytes, ch.bytes, 32), 0);
	CU_ASSERT_EQUAL(out.issued, NOW);
	/* and at no moment of its 120 s again, nor after */
	for (int64_t at = NOW; at < NOW + 400000; at += 500)
		again += challenge_take(c, ch.id, PLACE, at, 120, &out);
	CU_ASSERT_EQUAL(again, 0);
}

static void
test_no_two_challenges_are_alike(void)
{
	struct challenge other;

	challenge_issue(c, PLACE, NOW, &ch);
	challenge_issue(c, PLACE, NOW, &other);
	CU_ASSERT_STRING_NOT_EQUAL(ch.id, other.id);
	CU_ASSERT_NOT_EQUAL(memcmp(ch.bytes, other.bytes, 32), 0);
}

static void
test_it_is_for_this_institution_and_terminal_only(void)
{
	challenge_issue(c, PLACE, NOW, &ch);
	/* the same letters, parted elsewhere */
	CU_ASSERT(
	    !challenge_take(c, ch.id, "13199000100", "a1b", NOW, 90, &out));
	CU_ASSERT(
	    !challenge_take(c, ch.id, "131990001", "00a1b", NOW, 90, &out));
	CU_ASSERT(
	    !challenge_take(c, ch.id, "13199000100a1b", "", NOW, 90, &out));
	CU_ASSERT(
	    !challenge_take(c, ch.id, "0119900017", "0a1b", NOW, 90, &out));
	CU_ASSERT(
	    !challenge_take(c, ch.id, "1319900010", "0a1c", NOW, 90, &out));
	CU_ASSERT(challenge_take(c, ch.id, PLACE, NOW, 90, &out));
}

/* 120 s from the second of issue: its last millisecond, and the next. */
static void
test_it_is_good_for_120_seconds_and_not_a_millisecond_more(void)
{
	challenge_issue(c, PLACE, NOW + 999, &ch);
	CU_ASSERT_EQUAL(ch.issued, NOW);
	CU_ASSERT(!challenge_take(c, ch.id, PLACE, NOW + 120001, 120, &out));
	CU_ASSERT(!challenge_take(c, ch.id, PLACE, NOW - 1, 120, &out));
	CU_ASSERT(challenge_take(c, ch.id, PLACE, NOW + 120000, 120, &out));
	CU_ASSERT(!challenge_take(c, ch.id, PLACE, NOW + 120000, 120, &out));
	challenge_issue(c, PLACE, NOW, &ch); /* at once */
	CU_ASSERT(challenge_take(c, ch.id, PLACE, NOW, 120, &out));
}

/* The id shows 6 bytes of a MAC with the same key: nothing of the challenge
 * can be told from them, or from the id. */
static void
test_the_id_tells_nothing_of_the_challenge(void)
{
	char hex[65];
	int found = 0;

	for (int n = 0; n < 1000; n++) {
		challenge_issue(c, PLACE, NOW, &ch);
		text_hex(ch.bytes, 32, hex);
		hex[64] = '\0';
		for (size_t i = 0; i + 12 <= 64; i += 2) /* the tag's 6 bytes */
			found += memcmp(hex + i, ch.id + 20, 12) == 0;
	}
	CU_ASSERT_EQUAL(found, 0);
}

/* A restarted responder has another key: what was out is void, at once. */
static void
test_after_a_restart_what_was_out_is_void(void)
{
	struct challenges *next = challenges_new();
	struct challenge fresh;

	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	challenge_issue(c, PLACE, NOW, &ch);
	CU_ASSERT(!challenge_take(next, ch.id, PLACE, NOW + 1, 120, &out));
	challenge_issue(next, PLACE, NOW + 2, &fresh);
	CU_ASSERT(challenge_take(next, fresh.id, PLACE, NOW + 3, 120, &out));
	CU_ASSERT(!challenge_take(c, fresh.id, PLACE, NOW + 3, 120, &out));
	challenges_free(next);
}

static void
test_an_id_that_is_not_ours_is_nothing(void)
{
	static const char *const ids[] = { "", "00",
		"00000000000000000000000000000000",
		"ZZZZ0000000000000000000000000000",
		"000000000000000000000000000000000" };
	char changed[33];
	int taken = 0;

	for (size_t i = 0; i < 5; i++)
		CU_ASSERT(!challenge_take(c, ids[i], PLACE, NOW, 90, &out));
	challenge_issue(c, PLACE, NOW, &ch);
	for (size_t i = 0; i < 32; i++) { /* any digit changed */
		memcpy(changed, ch.id, 33);
		changed[i] = changed[i] == '0' ? '1' : '0';
		taken += challenge_take(c, changed, PLACE, NOW, 90, &out);
	}
	CU_ASSERT_EQUAL(taken, 0);
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* What of an id is remembered, said another way: 28 bits of the second, which
 * are digits 4 to 10, and 36 of the tag, which are digits 22 to 29 and 31. */
static uint64_t
remembered(const char *id)
{
	char text[17];

	snprintf(text, sizeof(text), "%.7s%.8s%.1s", id + 3, id + 22, id + 31);
	return strtoull(text, NULL, 16);
}

static void
test_many_are_remembered_and_forgotten_in_time(void)
{
	enum { N = 10000 };
	static uint64_t seen[N];
	int refused = 0, twice = 0, alike = 0;

	/* 20 seconds at 500 a second, then the same again much later */
	for (int round = 0; round < 2; round++) {
		int64_t at = NOW + round * INT64_C(1000000);
		for (int i = 0; i < N; i++, at += 2) {
			challenge_issue(c, PLACE, at, &ch);
			seen[i] = remembered(ch.id);
			refused +=
			    !challenge_take(c, ch.id, PLACE, at, 90, &out);
			twice += challenge_take(c, ch.id, PLACE, at, 90, &out);
		}
		qsort(seen, N, sizeof(seen[0]), by_value);
		for (int i = 1; i < N; i++)
			alike += seen[i] == seen[i - 1];
	}
	/* two of a second with the same 36 bits shut each other out, as once
	 * in 14,000 runs of this; nobody else is */
	CU_ASSERT_EQUAL(refused, alike);
	CU_ASSERT_EQUAL(twice, 0);
}

/* Four processes take the same challenges at the same time. */
static void
test_exactly_one_of_four_workers_gets_it(void)
{
	enum { N = 500, WORKERS = 4 };
	static struct challenge many[N];
	char got[N];
	int ends[2], total[N] = { 0 }, more = 0, none = 0;

	for (int i = 0; i < N; i++)
		challenge_issue(c, PLACE, NOW + i * 100, &many[i]);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	for (int w = 0; w < WORKERS; w++) {
		if (fork() != 0)
			continue;
		for (int i = 0; i < N; i++)
			got[i] = challenge_take(
			    c, many[i].id, PLACE, NOW + 50000, 120, &out);
		_exit(write(ends[1], got, N) != N);
	}
	for (int w = 0; w < WORKERS; w++) {
		CU_ASSERT_EQUAL(read(ends[0], got, N), N);
		for (int i = 0; i < N; i++)
			total[i] += got[i];
		wait(NULL);
	}
	for (int i = 0; i < N; i++) {
		more += total[i] > 1;
		none += total[i] == 0;
	}
	CU_ASSERT_EQUAL(more, 0);
	CU_ASSERT_EQUAL(none, 0);
	close(ends[0]);
	close(ends[1]);
}

static CU_TestInfo tests[] = {
	{ "a challenge is good once", test_a_challenge_is_good_once },
	{ "no two challenges are alike", test_no_two_challenges_are_alike },
	{ "it is for this institution and terminal only",
	    test_it_is_for_this_institution_and_terminal_only },
	{ "it is good for 120 seconds and not a millisecond more",
	    test_it_is_good_for_120_seconds_and_not_a_millisecond_more },
	{ "the id tells nothing of the challenge",
	    test_the_id_tells_nothing_of_the_challenge },
	{ "after a restart what was out is void",
	    test_after_a_restart_what_was_out_is_void },
	{ "an id that is not ours is nothing",
	    test_an_id_that_is_not_ours_is_nothing },
	{ "many are remembered, and forgotten in time",
	    test_many_are_remembered_and_forgotten_in_time },
	{ "exactly one of four workers gets it",
	    test_exactly_one_of_four_workers_gets_it },
	CU_TEST_INFO_NULL,
};
extern const CU_SuiteInfo suite_challenge;
const CU_SuiteInfo suite_challenge = { "challenge", setup, teardown, NULL, NULL,
	tests };
