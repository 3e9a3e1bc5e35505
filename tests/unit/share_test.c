#include <string.h>

#include "online/share.h"
#include "tests/unit/suite.h"

static void
test_a_ticket_key_is_good_for_two_terms(void)
{
	struct share *s = share_new();
	struct ticket_copy first, second, found;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(share_ticket_newest(s, &first), 1);
	CU_ASSERT_EQUAL(share_ticket_find(s, first.name, &found), 1);
	CU_ASSERT_EQUAL(memcmp(&found, &first, sizeof(found)), 0);
	CU_ASSERT_EQUAL(share_ticket_rotate(s), 0);
	CU_ASSERT_EQUAL(share_ticket_newest(s, &second), 1);
	CU_ASSERT_NOT_EQUAL(memcmp(second.aes, first.aes, 32), 0);
	CU_ASSERT_EQUAL(share_ticket_find(s, first.name, &found), 2);
	CU_ASSERT_EQUAL(memcmp(&found, &first, sizeof(found)), 0);
	CU_ASSERT_EQUAL(share_ticket_rotate(s), 0);
	CU_ASSERT_EQUAL(share_ticket_find(s, first.name, &found), 0);
	CU_ASSERT_EQUAL(share_ticket_find(s, second.name, &found), 2);
	share_free(s);
}

static void
test_a_forgotten_ticket_key_is_nowhere(void)
{
	struct share *s = share_new();
	struct ticket_copy first;
	bool seen = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	share_ticket_newest(s, &first);
	for (int i = 0; i < 3; i++)
		share_ticket_rotate(s);
	for (int i = 0; i < TICKET_KEYS; i++)
		seen = seen || memcmp(s->ticket[i].aes, first.aes, 32) == 0;
	CU_ASSERT_FALSE(seen);
	share_free(s);
}

static void
test_a_file_is_read_whole_by_one_worker_only(void)
{
	struct share *s = share_new();

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_FALSE(share_verified(s, 77));
	share_verified_note(s, 77);
	CU_ASSERT_TRUE(share_verified(s, 77));
	CU_ASSERT_FALSE(share_verified(s, 77 + 64));
	share_verified_note(s, 77 + 64); /* takes its place: 77 is read anew */
	CU_ASSERT_FALSE(share_verified(s, 77));
	share_free(s);
}

static CU_TestInfo tests[] = { { "a ticket key is good for two terms",
				   test_a_ticket_key_is_good_for_two_terms },
	{ "a forgotten ticket key is nowhere",
	    test_a_forgotten_ticket_key_is_nowhere },
	{ "a file is read whole by one worker only",
	    test_a_file_is_read_whole_by_one_worker_only },
	CU_TEST_INFO_NULL };
SUITE(share, tests);
