#include "formats/codec/day.h"
#include "formats/filename.h"
#include "tests/unit/suite.h"

static void
test_parse(void)
{
	struct filename f;
	char name[64];

	CU_ASSERT_EQUAL(
	    filename_parse(SLICE("06139992_shikaku_20260801_0007.zip.p7m"), &f),
	    0);
	CU_ASSERT_STRING_EQUAL(f.sender, "06139992");
	CU_ASSERT_EQUAL(f.feed, FEED_SHIKAKU);
	CU_ASSERT_EQUAL(f.day, day_of(2026, 8, 1));
	CU_ASSERT_EQUAL(f.sequence, 7);
	filename_format(&f, ".receipt.yaml", name);
	CU_ASSERT_STRING_EQUAL(
	    name, "06139992_shikaku_20260801_0007.receipt.yaml");
	filename_format(&f, "", name);
	CU_ASSERT_EQUAL(filename_parse_stem(slice_of(name), &f), 0);
	CU_ASSERT_EQUAL(f.sequence, 7);
}

static void
test_refused(void)
{
	static const char *const bad[] = {
		"",
		".zip.p7m",
		"06139992_shikaku_20260801_0007.zip",
		"06139992_shikaku_20260801_0007.zip.p7m.part",
		"06139992_shikaku_20260801_0007x.zip.p7m",
		"06139992_shikaku_20260801_0000.zip.p7m",
		"06139992_shikaku_20260801_007.zip.p7m",
		"06139992_shikaku_20260801_00070.zip.p7m",
		"06139992_shikaku_20260832_0007.zip.p7m",
		"06139992_SHIKAKU_20260801_0007.zip.p7m",
		"06139992_other_20260801_0007.zip.p7m",
		"061399920_shikaku_20260801_0007.zip.p7m",
		"0613999a_shikaku_20260801_0007.zip.p7m",
		"_shikaku_20260801_0007.zip.p7m",
		"../x_shikaku_20260801_0007.zip.p7m",
		"06139992_shikaku_20260801__0007.zip.p7m",
		"06139992_shikaku.zip.p7m",
	};
	struct filename f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(filename_parse(slice_of(bad[i]), &f), -1);
	CU_ASSERT_EQUAL(
	    filename_parse(
		(struct slice) { "A\0_nhi_20260801_0001.zip.p7m", 29 }, &f),
	    -1);
}

static void
test_feeds(void)
{
	for (int i = 0; i < FEED__MAX; i++)
		CU_ASSERT_EQUAL(feed_find(slice_of(feed_names[i])), i);
	CU_ASSERT_EQUAL(feed_find(SLICE("iryo")), -1);
}

static CU_TestInfo tests[] = {
	{ "a name tells sender, feed, day and sequence", test_parse },
	{ "anything else is no name", test_refused },
	{ "every feed is found by its name", test_feeds },
	CU_TEST_INFO_NULL,
};
SUITE(filename, tests);
