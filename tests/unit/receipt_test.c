/* receipt.h: numbers, YAML, error list; none of them holds a value. */
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/receipt.h"
#include "tests/unit/suite.h"

#define SHA "0123abcd45670000000000000000000000000000000000000000000000000000"

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

	struct filename back;
	struct slice digest;

	receipt_number(&id, SHA, s);
	CU_ASSERT_STRING_EQUAL(s, "R-20260801-06139992-shikaku-0007-0123abcd");
	CU_ASSERT_EQUAL(receipt_number_parse(slice_of(s), &back, &digest), 0);
	CU_ASSERT_STRING_EQUAL(back.sender, "06139992");
	CU_ASSERT_EQUAL(back.feed, FEED_SHIKAKU);
	CU_ASSERT_EQUAL(back.day, id.day);
	CU_ASSERT_EQUAL(back.sequence, 7);
	CU_ASSERT_TRUE(slice_is(digest, "0123abcd"));
	receipt_number_unnamed("06139992", SHA, s);
	CU_ASSERT_STRING_EQUAL(s, "R-06139992-unnamed-0123abcd4567");
	CU_ASSERT_EQUAL(receipt_number_parse(slice_of(s), &back, &digest), -1);
	CU_ASSERT_EQUAL(
	    receipt_number_parse(
		SLICE("R-20260801-06139992-shikaku-0007"), &back, &digest),
	    -1);
}

static void
cut_off(void)
{
	int32_t day = day_of(2026, 8, 1);
	const int64_t nine = INT64_C(21) * 3600000;

	/* at 20:59:59.999 it is today's, at 21:00 tomorrow's */
	CU_ASSERT_EQUAL(receipt_next(day_moment(day, nine - 1), nine),
	    day_moment(day, nine));
	CU_ASSERT_EQUAL(receipt_next(day_moment(day, nine), nine),
	    day_moment(day + 1, nine));
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
	r.cut_off = day_moment(r.day, INT64_C(21) * 3600000);
	memcpy(r.sha256, SHA, sizeof(r.sha256));
	receipt_arrival_write(&r, out);
	fclose(out);
	CU_ASSERT_EQUAL(
	    occurs(s, "\nfile: \"a\\\"\\x1B\\xFF\\\\資.zip\"\n"), 1);
	CU_ASSERT_EQUAL(occurs(s, "\nresult: \"refused\"\n"), 1);
	CU_ASSERT_EQUAL(
	    occurs(s, "\narrived: \"2026-08-01T01:00:00.000+09:00\"\n"), 1);
	CU_ASSERT_EQUAL(
	    occurs(s, "\nreceipt: \"R-06139992-unnamed-0123abcd4567\"\n"), 1);
	CU_ASSERT_EQUAL(
	    occurs(s, "\nnext_cut_off: \"2026-08-01T21:00:00.000+09:00\"\n"),
	    1);
	CU_ASSERT_EQUAL(occurs(s, "expected_visible"), 0);
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
		r[i].sha256 = SHA;
		r[i].why = &why[i].sink;
	}
	diag_raise(&why[1].sink, &d);
	diag_raise(&why[1].sink, &d); /* counted though the list is full */
	r[1].counts = (struct record_counts) { 10, 8, 2, 1, 3 };
	r[1].total = 123456;
	receipt_check_write(r, 2, out);
	fclose(out);
	CU_ASSERT_EQUAL(occurs(s, "receipt: \"R-20260801-06139992-"), 1);
	CU_ASSERT_EQUAL(occurs(s, "result: \"accepted_in_part\""), 1);
	CU_ASSERT_EQUAL(occurs(s, "problems: []"), 1);
	CU_ASSERT_EQUAL(occurs(s,
			    "    with_substitutes: 1\n"
			    "    substitutes: 3\n"),
	    1);
	CU_ASSERT_EQUAL(occurs(s, "- code: E1203"), 1);
	CU_ASSERT_EQUAL(occurs(s, "count: 2\n"), 1);
	CU_ASSERT_EQUAL(occurs(s, "    read: 10\n    accepted: 8\n"), 1);
	CU_ASSERT_EQUAL(occurs(s, "control_total: 123456\n"), 1);
	free(s);
	for (int i = 0; i < 2; i++)
		diag_list_free(&why[i]);
}

static CU_TestInfo tests[] = {
	{ "a receipt's number says the file", number },
	{ "an arrival receipt survives any file name", arrival },
	{ "a check result counts every code of every member", check },
	{ "the next cut-off is the first one after the moment", cut_off },
	CU_TEST_INFO_NULL,
};
SUITE(receipt, tests);
