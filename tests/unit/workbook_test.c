/* workbook.h: the same rows give the same file; nothing half is left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/workbook.h"
#include "tests/unit/suite.h"

static const struct workbook_column columns[] = {
	{ .title = "番号", .width = 8, .number = true },
	{ .title = "本文", .width = 20, .wrap = true },
};
static const struct workbook_sheet sheet = { .name = "一",
	.head = "&L見出し",
	.columns = columns,
	.ncolumns = 2,
	.print = 1 };

static void
name(char out[64], int n)
{
	snprintf(out, 64, "/tmp/shikaku-unit.%d.%d.xlsx", (int)getpid(), n);
}

static int
make(const char *path)
{
	struct workbook *w = workbook_create(path, "/tmp", 0);

	if (w == NULL || workbook_sheet(w, &sheet) == -1)
		return -1;
	for (int i = 0; i < 1000; i++) {
		struct slice cells[] = { SLICE("12"),
			i % 2 == 0 ? SLICE("=1+1\x01 𠮷\xff") : SLICE("0012") };

		if (workbook_row(w, cells) == -1)
			return -1;
	}
	return workbook_finish(w);
}

static size_t
slurp(const char *path, char *out, size_t max)
{
	FILE *f = fopen(path, "rb");
	size_t n = f == NULL ? 0 : fread(out, 1, max, f);

	if (f != NULL)
		fclose(f);
	return n;
}

static void
same(void)
{
	static char a[1 << 18], b[1 << 18];
	char one[64], two[64];
	size_t n, m;

	name(one, 1);
	name(two, 2);
	CU_ASSERT_EQUAL(make(one), 0);
	CU_ASSERT_EQUAL(make(two), 0);
	n = slurp(one, a, sizeof(a));
	m = slurp(two, b, sizeof(b));
	CU_ASSERT_TRUE(n > 1000 && n < sizeof(a));
	CU_ASSERT_EQUAL(memcmp(a, "PK\3\4", 4), 0);
	CU_ASSERT_TRUE(n == m && memcmp(a, b, n) == 0);
	unlink(one);
	unlink(two);
}

static void
nowhere(void)
{
	CU_ASSERT_EQUAL(make("/nonexistent/x.xlsx"), -1);
	CU_ASSERT_EQUAL(errno, ENOENT);
	if (access("/dev/full", W_OK) == 0 && getuid() != 0)
		CU_ASSERT_EQUAL(make("/dev/full"), -1);
}

static void
wrong(void)
{
	struct workbook_sheet bad = sheet;
	char path[64];
	struct workbook *w;

	name(path, 3);
	bad.name = "a/b";
	w = workbook_create(path, "/tmp", 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	CU_ASSERT_EQUAL(workbook_sheet(w, &bad), -1);
	workbook_abandon(w);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	workbook_abandon(NULL);
}

static CU_TestInfo tests[] = {
	{ "the same rows give the same bytes", same },
	{ "a folder that is not there is a failure with its errno", nowhere },
	{ "an abandoned workbook leaves nothing behind", wrong },
	CU_TEST_INFO_NULL,
};
SUITE(workbook, tests);
