#include "online/limit.h"
#include "tests/unit/suite.h"

#define NOW INT64_C(1555286400000) /* a whole second, a whole ten minutes */

static void
test_a_certificate_has_its_questions_a_second(void)
{
	struct share *s = share_new();
	struct slice a = SLICE("0a1b"), b = SLICE("0a1c");

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_FALSE(limit_rate(s, a, NOW + i * 300, 3));
	CU_ASSERT_TRUE(limit_rate(s, a, NOW + 999, 3));
	CU_ASSERT_FALSE(limit_rate(s, b, NOW + 999, 3));
	CU_ASSERT_FALSE(limit_rate(s, a, NOW + 1000, 3));
	CU_ASSERT_FALSE(limit_rate(s, a, NOW + 1000, 0));
	share_free(s);
}

static void
test_nobody_too_often_is_said_once(void)
{
	struct share *s = share_new();
	int said = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	for (int i = 0; i < 10; i++)
		said += limit_nobody(s, SLICE("0a1b"), NOW + i * 1000, 5);
	CU_ASSERT_EQUAL(said, 1);
	for (int i = 0; i < 10; i++) /* the next ten minutes */
		said += limit_nobody(s, SLICE("0a1b"), NOW + 600000, 5);
	CU_ASSERT_EQUAL(said, 2);
	share_free(s);
}

static void
test_the_first_institutions_of_a_day_take_part(void)
{
	struct share *s = share_new();

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(limit_active(s, SLICE("1319900010"), 18000, 2));
	CU_ASSERT_TRUE(limit_active(s, SLICE("0119900017"), 18000, 2));
	CU_ASSERT_FALSE(limit_active(s, SLICE("2719900018"), 18000, 2));
	CU_ASSERT_TRUE(limit_active(s, SLICE("1319900010"), 18000, 2));
	CU_ASSERT_TRUE(limit_active(s, SLICE("2719900018"), 18001, 2));
	share_free(s);
}

static CU_TestInfo tests[] = {
	{ "a certificate has its questions a second",
	    test_a_certificate_has_its_questions_a_second },
	{ "nobody too often is said once", test_nobody_too_often_is_said_once },
	{ "the first institutions of a day take part",
	    test_the_first_institutions_of_a_day_take_part },
	CU_TEST_INFO_NULL
};
SUITE(limit, tests);
