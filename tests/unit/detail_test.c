/* detail.h: what a diagnostic says more, in Japanese, with its numbers. */
#include <stdlib.h>
#include <string.h>

#include "formats/codec/detail.h"
#include "tests/unit/suite.h"

/* What printf made of the form comes out in Japanese; "" for none. */
static const char *
said(enum diag_code code, const char *detail)
{
	static char s[200];
	struct buf b;

	buf_init(&b, s, sizeof(s) - 1);
	if (!detail_ja(code, slice_of(detail), &b))
		CU_ASSERT_EQUAL(b.n, 0);
	s[b.n] = '\0';
	return s;
}

static const char *
made(const char *form, long long a, long long b, int c)
{
	static char s[200];

	if (strcmp(form, DETAIL_FIELDS) == 0)
		snprintf(s, sizeof(s), DETAIL_FIELDS, (unsigned)a, (unsigned)b);
	else if (strcmp(form, DETAIL_TRAILER_COUNT) == 0)
		snprintf(s, sizeof(s), DETAIL_TRAILER_COUNT, a, b);
	else
		snprintf(s, sizeof(s), DETAIL_SHARE, a, b, c);
	return s;
}

static void
numbers(void)
{
	char s[200];

	CU_ASSERT_STRING_EQUAL(
	    said(DIAG_FIELD_COUNT, made(DETAIL_FIELDS, 36, 20, 0)),
	    "この行の項目数は20、レイアウトでは36です");
	CU_ASSERT_STRING_EQUAL(
	    said(DIAG_COUNT_DIFFERS, made(DETAIL_TRAILER_COUNT, 30, 29, 0)),
	    "トレーラの件数は30、実際のデータレコードは29件です");
	CU_ASSERT_STRING_EQUAL(
	    said(DIAG_TOO_MANY_REFUSED, made(DETAIL_SHARE, 15, 30, 20)),
	    "30件中15件がエラーです（上限20%）");
	snprintf(s, sizeof(s), DETAIL_LOST, "06139992", 21LL, 100LL, 20);
	CU_ASSERT_STRING_EQUAL(said(DIAG_MASS_LOSS, s),
	    "保険者06139992: 一日に100件中21件が喪失となります（上限20%）");
	snprintf(s, sizeof(s), DETAIL_BLANKED, "06139992", "Address", 59LL,
	    60LL, 1LL, 58LL);
	CU_ASSERT_STRING_EQUAL(said(DIAG_ITEM_BLANKED, s),
	    "保険者06139992: Addressは前回60件中59件に設定、今回は58件中1件です");
}

/* Two forms of one code do not take each other's sentences. */
static void
two_forms(void)
{
	char s[200];

	snprintf(s, sizeof(s), DETAIL_BYTES, (size_t)800, (size_t)799);
	CU_ASSERT_STRING_EQUAL(said(DIAG_RECORD_LENGTH, s),
	    "このレコードは799バイト、レイアウトでは800バイトです");
	snprintf(s, sizeof(s), DETAIL_BYTES_MORE, (size_t)800, (size_t)900);
	CU_ASSERT_STRING_EQUAL(said(DIAG_RECORD_LENGTH, s),
	    "このレコードは900バイトより長く、レイアウトでは800バイトです");
	snprintf(s, sizeof(s), DETAIL_MISSING, 3);
	CU_ASSERT_STRING_EQUAL(said(DIAG_SEQUENCE_HELD, s), "未着の連番: 0003");
	snprintf(s, sizeof(s), DETAIL_MISSING_MANY, 3, 12);
	CU_ASSERT_STRING_EQUAL(
	    said(DIAG_SEQUENCE_GAP, s), "未着の連番: 0003から0012まで");
}

static void
others(void)
{
	CU_ASSERT_STRING_EQUAL(said(DIAG_FIELD_COUNT, ""), "");
	CU_ASSERT_STRING_EQUAL(said(DIAG_FIELD_COUNT, "36 expected"), "");
	CU_ASSERT_STRING_EQUAL(
	    said(DIAG_FIELD_COUNT, "36 expected, 20 found."), "");
	CU_ASSERT_STRING_EQUAL(
	    said(DIAG_FIELD_COUNT, " expected, 20 found"), "");
	CU_ASSERT_STRING_EQUAL(
	    said(DIAG_BAD_DATE, "36 expected, 20 found"), "");
	CU_ASSERT_STRING_EQUAL(said(DIAG_HELD_BEHIND, ""), "");
	CU_ASSERT_STRING_EQUAL(said(DIAG_HELD_BEHIND, "A_shikaku_1"),
	    "先に解決するファイル: A_shikaku_1");
}

static CU_TestInfo tests[] = {
	{ "a detail has its numbers in Japanese", numbers },
	{ "two forms of one code are told apart", two_forms },
	{ "what has no form has no Japanese", others },
	CU_TEST_INFO_NULL,
};

SUITE(detail, tests);
