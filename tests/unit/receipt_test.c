/* receipt.h: numbers, YAML, error list; none of them holds a value. */
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/receipt.h"
#include "tests/unit/suite.h"

static struct filename
one_file(void)
{
	struct filename id = { "06139992", FEED_SHIKAKU, 0, 7 };

	id.day = day_of(2026, 8, 1);
	return id;
}

static void
number(void)
{
	struct filename id = one_file();
	char s[64];

	receipt_number(&id, s);
	CU_ASSERT_STRING_EQUAL(s, "R-20260801-06139992-shikaku-0007");
}

/* How often part occurs in s. */
static int
occurs(const char *s, const char *part)
{
	int n = 0;

	for (; (s = strstr(s, part)) != NULL; s++)
		n++;
	return n;
}

static void
arrival(void)
{
	struct diag_list why;
	struct receipt_arrival r = { .file = "a\"\x1b\xff\\資.zip",
		.sender = "06139992",
		.bytes = 12,
		.why = &why };
	char *s = NULL;
	size_t n;
	FILE *out = open_memstream(&s, &n);

	diag_list_init(&why, 10, NULL, DIAG_NOTE);
	diag_file(&why.sink, DIAG_FILE_NAME, r.file, "no sequence");
	r.day = day_of(2026, 8, 1);
	r.arrived = day_moment(r.day, 3600000);
	receipt_arrival_write(&r, out);
	fclose(out);
	CU_ASSERT_EQUAL(
	    occurs(s, "\nfile: \"a\\\"\\x1B\\xFF\\\\資.zip\"\n"), 1);
	CU_ASSERT_EQUAL(occurs(s, "\nresult: \"refused\"\n"), 1);
	CU_ASSERT_EQUAL(
	    occurs(s, "\narrived: \"2026-08-01T01:00:00.000+09:00\"\n"), 1);
	CU_ASSERT_EQUAL(occurs(s, "  - code: F3001\n"), 1);
	CU_ASSERT_EQUAL(occurs(s, "    detail: \"no sequence\"\n"), 1);
	free(s);
	diag_list_free(&why);
}

static void
check(void)
{
	struct diag_list why[2];
	struct receipt_check r[2] = { { .member = "nhi_household.txt",
					  .accepted = true },
		{ .member = "nhi_person.txt", .accepted = true } };
	struct diag d = { .code = DIAG_CHECK_DIGIT, .record = 1 };
	char *s = NULL;
	size_t n;
	FILE *out = open_memstream(&s, &n);

	for (int i = 0; i < 2; i++) {
		diag_list_init(&why[i], 1, NULL, DIAG_NOTE);
		r[i].id = one_file();
		r[i].day = day_of(2026, 8, 2);
		r[i].why = &why[i];
	}
	diag_raise(&why[1].sink, &d);
	diag_raise(&why[1].sink, &d); /* counted though the list is full */
	r[1].counts = (struct record_counts) { 10, 8, 2, 1 };
	r[1].total = 123456;
	receipt_check_write(r, 2, out);
	fclose(out);
	CU_ASSERT_EQUAL(occurs(s, "receipt: \"R-20260801-06139992-"), 1);
	CU_ASSERT_EQUAL(occurs(s, "result: \"accepted_in_part\""), 1);
	CU_ASSERT_EQUAL(occurs(s, "problems: []"), 1);
	CU_ASSERT_EQUAL(occurs(s, "- code: E1203"), 1);
	CU_ASSERT_EQUAL(occurs(s, "count: 2\n"), 1);
	CU_ASSERT_EQUAL(occurs(s, "    read: 10\n    accepted: 8\n"), 1);
	CU_ASSERT_EQUAL(occurs(s, "control_total: 123456\n"), 1);
	free(s);
	for (int i = 0; i < 2; i++)
		diag_list_free(&why[i]);
}

static void
errors(void)
{
	struct diag_list l;
	struct diag d = { .code = DIAG_TOO_LONG,
		.file = "a.csv",
		.record = 3,
		.line = 5,
		.offset = 99,
		.field = "Name",
		.item = 15,
		.detail = "at most \"4\"" };
	char *s = NULL;
	size_t n;
	FILE *out = open_memstream(&s, &n);

	diag_list_init(&l, 1, NULL, DIAG_NOTE);
	diag_raise(&l.sink, &d);
	diag_raise(&l.sink, &d);
	receipt_errors_head(out);
	receipt_errors_rows(&l, out);
	fclose(out);
	CU_ASSERT_EQUAL(strncmp(s, "\xef\xbb\xbf\"ファイル\"", 15), 0);
	CU_ASSERT_EQUAL(occurs(s, "\r\n"), 3);
	/* the hundredth byte */
	CU_ASSERT_EQUAL(
	    occurs(s,
		"\n\"a.csv\",\"5\",\"100\",\"3\",\"15\",\"Name\",\"E1102\","
		"\"エラー\",\"項目の桁数が上限を超えています。レコードを受け付"
		"けません\",\"レイアウトの桁数以内で設定してください\",\"item "
		"is longer than its width; record refused (at most "
		"\"\"4\"\")\",\"shorten the item to the width in the "
		"layout\"\r\n"),
	    1);
	CU_ASSERT_EQUAL(
	    occurs(s, "\n\"a.csv\",\"\",\"\",\"\",\"\",\"\",\"N3313\","), 1);
	CU_ASSERT_EQUAL(occurs(s, "(1 more)"), 1);
	free(s);
	diag_list_free(&l);
}

static CU_TestInfo tests[] = {
	{ "a receipt's number says the file", number },
	{ "an arrival receipt survives any file name", arrival },
	{ "a check result counts every code of every member", check },
	{ "an error list is CSV for a spreadsheet, and says where it was cut",
	    errors },
	CU_TEST_INFO_NULL,
};
SUITE(receipt, tests);
