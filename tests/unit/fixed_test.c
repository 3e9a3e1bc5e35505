#include <stdlib.h>
#include <string.h>

#include "formats/nhi.h"
#include "formats/qualification.h"
#include "tests/unit/suite.h"

/* 1 9 6 15 120 1 8 1 8 8 300 */
#define WIDTH 477

static struct diag_list list;
static struct record last;
static char kept[200];

static enum record_result
read_lines(char lines[][WIDTH + 1], const char *newline, int n,
    struct record_counts *counts)
{
	struct record_source src = { .name = "t",
		.fd = -1,
		.layout = &household_layout,
		.syntax = SYNTAX_FIXED,
		.charset = CHARSET_CP932,
		.today = 20666,
		.sink = &list.sink };
	struct record_reader *r;
	enum record_result res;
	char bytes[8 * 512];
	struct buf b;

	buf_init(&b, bytes, sizeof(bytes));
	for (int i = 0; i < n; i++) {
		buf_puts(&b, lines[i]);
		buf_puts(&b, newline);
	}
	src.bytes = buf_slice(&b);
	diag_list_init(&list, 100, NULL, DIAG_FATAL);
	r = record_open(&src);
	while (
	    (res = record_next(r, &last)) == RECORD_OK || res == RECORD_REFUSED)
		if (res == RECORD_OK)
			snprintf(kept, sizeof(kept), "%.*s",
			    (int)last.v[NH_HEAD_NAME].s.n,
			    last.v[NH_HEAD_NAME].s.p);
	*counts = record_count(r);
	record_close(r);
	return res;
}

static void
line(char *to, const char *begin)
{
	size_t n = strlen(begin);

	memset(to, ' ', WIDTH);
	memcpy(to, begin, n);
	to[WIDTH] = '\0';
}

/* 資格 in CP932: 8E 91 8A 69; 表 ends in 5C: 95 5C */
#define NAME "\x8e\x91\x8a\x69\x81\x40\x95\x5c"
#define DATA "2000000001131016H1             " NAME

static void
fill(char lines[3][WIDTH + 1])
{
	line(lines[0],
	    "1"
	    "1 "
	    "KOKUHO13"
	    "nhi             "
	    "20260801"
	    "0001"
	    "131016");
	line(lines[1], DATA);
	memcpy(lines[1] + 31 + 120,
	    "0001380571"
	    "20260801"
	    "100-0001",
	    26);
	line(lines[2],
	    "3"
	    "000000001"
	    "000000000000000");
}

static void
test_cut(void)
{
	char lines[3][WIDTH + 1];
	struct record_counts n;

	fill(lines);
	CU_ASSERT_EQUAL(read_lines(lines, "\r\n", 3, &n), RECORD_END);
	CU_ASSERT_EQUAL(n.accepted, 1);
	CU_ASSERT_EQUAL(list.n, 0);
	CU_ASSERT_STRING_EQUAL(kept, "資格　表");
	diag_list_free(&list);
	/* read all the same, and refused as a whole */
	CU_ASSERT_EQUAL(read_lines(lines, "\n", 3, &n), RECORD_BROKEN);
	CU_ASSERT_EQUAL(n.accepted, 1);
	CU_ASSERT_EQUAL(list.n, 1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_LINE_ENDS], 1);
	diag_list_free(&list);
}

static void
test_full_width_padding(void)
{
	char lines[3][WIDTH + 1];
	struct record_counts n;

	fill(lines);
	for (int i = 31 + 8; i < 31 + 120; i += 2)
		memcpy(lines[1] + i, "\x81\x40", 2);
	CU_ASSERT_EQUAL(read_lines(lines, "\r\n", 3, &n), RECORD_END);
	CU_ASSERT_EQUAL(n.accepted, 1);
	CU_ASSERT_STRING_EQUAL(kept, "資格　表");
	diag_list_free(&list);
}

static void
test_trimmed(void)
{
	char lines[3][WIDTH + 1];
	struct record_counts n;

	fill(lines);
	lines[1][WIDTH - 1] = '\0';
	CU_ASSERT_EQUAL(read_lines(lines, "\r\n", 3, &n), RECORD_END);
	CU_ASSERT_EQUAL(n.refused, 1);
	CU_ASSERT_EQUAL(list.n, 1);
	CU_ASSERT_EQUAL(list.v[0].code, DIAG_RECORD_LENGTH);
	CU_ASSERT_EQUAL(list.v[0].record, 1);
	CU_ASSERT_EQUAL(list.v[0].line, 2);
	CU_ASSERT_STRING_EQUAL(
	    list.v[0].detail, "477 bytes expected, 476 found");
	diag_list_free(&list);
	fill(lines);
	lines[2][WIDTH - 1] = '\0';
	CU_ASSERT_EQUAL(read_lines(lines, "\r\n", 3, &n), RECORD_BROKEN);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_TRAILER], 1);
	diag_list_free(&list);
}

static void
test_half_character(void)
{
	char lines[3][WIDTH + 1];
	struct record_counts n;

	/* an odd half-width byte shifts the name: its last byte is cut */
	fill(lines);
	for (int i = 31; i < 31 + 120; i += 2)
		memcpy(lines[1] + i, "\x8e\x91", 2);
	memmove(lines[1] + 32, lines[1] + 31, 119);
	lines[1][31] = 'x';
	CU_ASSERT_EQUAL(read_lines(lines, "\r\n", 3, &n), RECORD_END);
	CU_ASSERT_EQUAL(n.refused, 1);
	CU_ASSERT_EQUAL(list.v[0].code, DIAG_BAD_BYTES);
	CU_ASSERT_STRING_EQUAL(list.v[0].field, "HeadName");
	diag_list_free(&list);
}

static void
test_padding_not_blank(void)
{
	char lines[3][WIDTH + 1];
	struct record_counts n;

	fill(lines);
	lines[2][WIDTH - 1] = 'x';
	CU_ASSERT_EQUAL(read_lines(lines, "\r\n", 3, &n), RECORD_BROKEN);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_RECORD_LENGTH], 1);
	diag_list_free(&list);
}

static CU_TestInfo tests[] = {
	{ "items are cut by width and converted afterwards", test_cut },
	{ "full-width blanks are padding too", test_full_width_padding },
	{ "trimmed blanks are a length fault of that record", test_trimmed },
	{ "a character cut in two is a fault of its item",
	    test_half_character },
	{ "what stands after the items must be blank", test_padding_not_blank },
	CU_TEST_INFO_NULL,
};
SUITE(fixed, tests);
