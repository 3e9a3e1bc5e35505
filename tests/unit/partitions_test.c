#include "batch/partitions.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/suite.h"

static struct chain_crl
crl(const char *ca, const char *name, const char *number, int64_t at)
{
	struct chain_crl c = { .this_update = at, .next_update = at + 1000 };

	snprintf(c.ca, sizeof(c.ca), "%s", ca);
	snprintf(c.partition, sizeof(c.partition), "%s", name);
	snprintf(c.number, sizeof(c.number), "%s", number);
	return c;
}

static void
a_newer_list_replaces_the_one_in_force(void)
{
	struct partitions p = { 0 };
	struct chain_crl a = crl("aa", "CN=Chiyoda-ku", "0f", 100);
	struct chain_crl b = crl("aa", "CN=Chiyoda-ku", "10", 200);

	CU_ASSERT_EQUAL(partitions_offer(&p, &a, "/x"), PARTITION_NEW);
	CU_ASSERT_EQUAL(partitions_offer(&p, &b, "/y"), PARTITION_NEW);
	CU_ASSERT_EQUAL(p.n, 1);
	CU_ASSERT_STRING_EQUAL(p.v[0].path, "/y");
	CU_ASSERT_STRING_EQUAL(p.v[0].crl.number, "10");
	partitions_free(&p);
}

static void
a_list_that_goes_back_in_number_or_time_is_refused(void)
{
	struct partitions p = { 0 };
	struct chain_crl now = crl("aa", "CN=Kita-ku", "100", 500);
	struct chain_crl number = crl("aa", "CN=Kita-ku", "ff", 600);
	struct chain_crl update = crl("aa", "CN=Kita-ku", "101", 400);
	struct chain_crl twice = crl("aa", "CN=Kita-ku", "100", 600);

	partitions_offer(&p, &now, "/x");
	CU_ASSERT_EQUAL(partitions_offer(&p, &number, "/y"), PARTITION_OLDER);
	CU_ASSERT_EQUAL(partitions_offer(&p, &update, "/y"), PARTITION_OLDER);
	CU_ASSERT_EQUAL(partitions_offer(&p, &twice, "/y"), PARTITION_OLDER);
	CU_ASSERT_STRING_EQUAL(p.v[0].path, "/x");
	partitions_free(&p);
}

static void
the_same_list_again_changes_nothing(void)
{
	struct partitions p = { 0 };
	struct chain_crl a = crl("aa", "CN=Kita-ku", "01", 500);
	struct chain_crl b = crl("aa", "CN=Kita-ku", "1", 500);

	CU_ASSERT_EQUAL(
	    partitions_keep(&p, 7, SLICE("aa\nCN=Kita-ku\n1\n500\n1500")), 0);
	CU_ASSERT_EQUAL(partitions_offer(&p, &a, "/y"), PARTITION_SAME);
	CU_ASSERT_EQUAL(partitions_offer(&p, &b, "/y"), PARTITION_SAME);
	CU_ASSERT_EQUAL(p.v[0].old, 7);
	CU_ASSERT_PTR_NULL(p.v[0].path);
	partitions_free(&p);
}

static void
one_name_under_two_ca_generations_is_two_partitions(void)
{
	struct partitions p = { 0 };
	struct chain_crl a = crl("bb", "CN=Kita-ku", "09", 500);
	struct chain_crl b = crl("aa", "CN=Kita-ku", "01", 500);
	struct chain_crl c = crl("aa", "CN=Asahi-ku", "01", 500);

	partitions_offer(&p, &a, "/a");
	partitions_offer(&p, &b, "/b");
	partitions_offer(&p, &c, "/c");
	partitions_order(&p);
	CU_ASSERT_EQUAL(p.n, 3);
	CU_ASSERT_STRING_EQUAL(p.v[0].path, "/c");
	CU_ASSERT_STRING_EQUAL(p.v[1].path, "/b");
	CU_ASSERT_STRING_EQUAL(p.v[2].path, "/a");
	partitions_free(&p);
}

static void
a_broken_row_of_the_old_generation_is_refused(void)
{
	struct partitions p = { 0 };

	CU_ASSERT_EQUAL(partitions_keep(&p, 1, SLICE("aa\nCN=x\n1\n5")), -1);
	CU_ASSERT_EQUAL(partitions_keep(&p, 1, SLICE("")), -1);
	CU_ASSERT_EQUAL(partitions_keep(&p, 1, SLICE("aa\nCN=x\n1\n5\nx")), -1);
	CU_ASSERT_EQUAL(p.n, 0);
	partitions_free(&p);
}

static void
numbers_compare_as_numbers(void)
{
	CU_ASSERT(partitions_number_cmp("ff", "100") < 0);
	CU_ASSERT(partitions_number_cmp("0100", "ff") > 0);
	CU_ASSERT(partitions_number_cmp("00", "") == 0);
	CU_ASSERT(partitions_number_cmp("0A", "a") == 0);
}

static CU_TestInfo tests[] = {
	{ "a newer list replaces the one in force",
	    a_newer_list_replaces_the_one_in_force },
	{ "a list that goes back in number or time is refused",
	    a_list_that_goes_back_in_number_or_time_is_refused },
	{ "the same list again changes nothing",
	    the_same_list_again_changes_nothing },
	{ "one name under two CA generations is two partitions",
	    one_name_under_two_ca_generations_is_two_partitions },
	{ "a broken row of the old generation is refused",
	    a_broken_row_of_the_old_generation_is_refused },
	{ "numbers compare as numbers", numbers_compare_as_numbers },
	CU_TEST_INFO_NULL,
};
SUITE(partitions, tests);
