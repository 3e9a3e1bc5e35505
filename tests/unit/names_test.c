/* Names of files: crl_name.h, usage_chain.h. */
#include <string.h>

#include <stdio.h>
#include "formats/codec/day.h"
#include "formats/crl_name.h"
#include "formats/usage_chain.h"
#include "tests/unit/suite.h"

#define KEY "8cd5586a0123456789abcdef0123456789abcdef"

static void
partitions(void)
{
	char name[129], cn[300];

	crl_name(KEY, "CN=Chiyoda-ku CRLDP,OU=JPKI,C=JP", name);
	CU_ASSERT_STRING_EQUAL(name, "8cd5586a-Chiyoda-ku_CRLDP.crl");
	crl_name(KEY, "OU=JPKI,CN=Chuo_9,C=JP", name);
	CU_ASSERT_STRING_EQUAL(name, "8cd5586a-Chuo_9.crl");
	crl_name(KEY, "OU=CN,CN=../a\\,b", name); /* no path comes of it */
	CU_ASSERT_STRING_EQUAL(name, "8cd5586a-___a_.crl");
	crl_name(KEY, "OU=JPKI,C=JP", name);
	CU_ASSERT_STRING_EQUAL(name, "8cd5586a-.crl");
	crl_name("12", "CN=z~{[@`", name);
	CU_ASSERT_STRING_EQUAL(name, "12-z_____.crl");
	memset(cn, 'x', sizeof(cn));
	memcpy(cn, "CN=", 3);
	cn[299] = '\0';
	crl_name(KEY, cn, name);
	CU_ASSERT_EQUAL(strlen(name), 8 + 1 + 100 + 4);
}

static void
journals(void)
{
	static const char *const wrong[] = { "", "usage-20260801.log",
		"usage-20260801.12345.log", "Usage-20260801.1.log",
		"usage-20260801.1.lo_", "usage-20260801-1.log",
		"usage-20260230.1.log", "usage-20260801.x.log",
		"usage-20260801..log.", "usage-20260801.-1.log",
		"usage-20260801.123456.log" };
	char name[48];
	int32_t day;
	int worker;

	usage_journal_name(day_of(2026, 8, 1), 7, name);
	CU_ASSERT_STRING_EQUAL(name, "usage-20260801.7.log");
	CU_ASSERT_EQUAL(usage_journal_parse(slice_of(name), &day, &worker), 0);
	CU_ASSERT(day == day_of(2026, 8, 1) && worker == 7);
	CU_ASSERT_EQUAL(usage_journal_parse(
			    SLICE("usage-20260801.9999.log"), &day, &worker),
	    0);
	CU_ASSERT_EQUAL(worker, 9999);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		int r = usage_journal_parse(slice_of(wrong[i]), &day, &worker);

		CU_ASSERT_EQUAL(r, -1);
		if (r != -1)
			fprintf(stderr, "taken: %s\n", wrong[i]);
	}
}

static CU_TestInfo tests[] = {
	{ "a partition's file is named by its CA and CN", partitions },
	{ "a journal's name says its day and worker", journals },
	CU_TEST_INFO_NULL,
};
SUITE(names, tests);
