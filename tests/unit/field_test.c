/* field.h: each type with good and bad values, worked out from field.h. */
#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/codec/field.h"
#include "tests/unit/suite.h"

static const struct code sexes[] = { { "1", "male", "男", false },
	{ "2", "female", "女", false }, { "A1", "aid", "扶助", true },
	{ NULL, NULL, NULL, false } };

/* clang-format off */
static const struct field
    num   = { "Num", "数", 1, 8, FIELD_NUM, FIELD_REQUIRED, NULL, NULL },
    exact = { "Exact", "数", 2, 4, FIELD_NUM, FIELD_EXACT, NULL, NULL },
    ins   = { "Ins", "保険者番号", 3, 8, FIELD_NUM, 0, check_insurer_number, NULL },
    ank   = { "Ank", "英数", 4, 20, FIELD_ANK, FIELD_FREE, NULL, NULL },
    kana  = { "Kana", "カナ", 5, 10, FIELD_KANA, FIELD_PRIVATE, NULL, NULL },
    kanji = { "Kanji", "漢字", 6, 10, FIELD_KANJI, 0, NULL, NULL },
    text  = { "Text", "文字", 7, 24, FIELD_TEXT, FIELD_FREE | FIELD_PRIVATE, NULL, NULL },
    day   = { "Day", "日", 8, 8, FIELD_DAY, 0, NULL, NULL },
    at    = { "Time", "時", 9, 14, FIELD_TIME, 0, NULL, NULL },
    sex   = { "Sex", "性", 10, 2, FIELD_CODE, 0, NULL, sexes };
/* clang-format on */

static struct value last;
static struct diag_list raised;
static char storage[256];
static uint32_t mark; /* the substitute asked for */

/* The code raised by value v in f: "ok" where none; warnings too. */
static const char *
said(const struct field *f, const char *v)
{
	const struct diag where = { .file = "f", .record = 7, .line = 8 };
	struct buf scratch;
	int n;

	buf_init(&scratch, storage, sizeof(storage));
	diag_list_free(&raised);
	diag_list_init(&raised, 10, NULL, DIAG_NOTE);
	n = field_check(
	    f, slice_of(v), &last, &scratch, mark, &where, &raised.sink);
	if (n != raised.sink.levels[DIAG_ERROR])
		return "miscounted";
	if (raised.n == 0)
		return "ok";
	if (raised.n > 1 || raised.v[0].record != 7 || raised.v[0].line != 8 ||
	    raised.v[0].item != f->item ||
	    strcmp(raised.v[0].field, f->name) != 0)
		return "misplaced";
	return diag_table[raised.v[0].code].code;
}

static void
numbers(void)
{
	CU_ASSERT_STRING_EQUAL(said(&num, "00012"), "ok");
	CU_ASSERT_EQUAL(last.n, 12);
	CU_ASSERT_STRING_EQUAL(said(&num, ""), "E1101");
	CU_ASSERT_STRING_EQUAL(said(&num, "    "), "E1101");
	CU_ASSERT_STRING_EQUAL(said(&num, "　　"), "E1101");
	CU_ASSERT_STRING_EQUAL(said(&num, "123456789"), "E1102");
	CU_ASSERT_STRING_EQUAL(said(&num, "12a"), "E1104");
	CU_ASSERT_STRING_EQUAL(said(&num, "-12"), "E1104");
	CU_ASSERT_STRING_EQUAL(said(&num, "１２"), "E1104");
	CU_ASSERT_STRING_EQUAL(said(&num, "1 2"), "E1104");
	CU_ASSERT_STRING_EQUAL(said(&num, "1\t2"), "E1110");
	CU_ASSERT_STRING_EQUAL(said(&exact, "123"), "E1103");
	CU_ASSERT_STRING_EQUAL(raised.v[0].detail, "exactly 4");
	CU_ASSERT_STRING_EQUAL(said(&exact, "12345"), "E1102");
	CU_ASSERT_STRING_EQUAL(said(&exact, ""), "ok");
	CU_ASSERT_EQUAL(last.s.n, 0);
	CU_ASSERT_STRING_EQUAL(said(&ins, "  139998"), "ok");
	CU_ASSERT_TRUE(slice_is(last.s, "139998"));
	CU_ASSERT_STRING_EQUAL(said(&ins, "139997"), "E1203");
	CU_ASSERT_STRING_EQUAL(said(&ins, "1399981"), "E1207");
}

static void
ids(void)
{
	CU_ASSERT_STRING_EQUAL(said(&ank, "aZ-09_~!"), "ok");
	CU_ASSERT_STRING_EQUAL(said(&ank, "a b"), "E1105");
	CU_ASSERT_STRING_EQUAL(said(&ank, "aé"), "E1105");
	CU_ASSERT_STRING_EQUAL(said(&ank, "a\x7f"), "E1110");
	CU_ASSERT_STRING_EQUAL(said(&ank, "aaaaaaaaaabbbbbbbbbbc"), "E1102");
}

static void
kana_names(void)
{
	CU_ASSERT_STRING_EQUAL(said(&kana, "ﾔﾏﾀﾞ ﾊﾅｺ  "), "ok");
	CU_ASSERT_TRUE(slice_is(last.s, "ﾔﾏﾀﾞ ﾊﾅｺ"));
	CU_ASSERT_STRING_EQUAL(said(&kana, "ABC ｱ"), "ok");
	CU_ASSERT_STRING_EQUAL(said(&kana, "ﾔﾏﾀﾞ  ﾊﾅｺ"), "E1106");
	CU_ASSERT_STRING_EQUAL(said(&kana, "ヤマダ"), "E1106");
	CU_ASSERT_STRING_EQUAL(said(&kana, "ｱ1"), "E1106");
	CU_ASSERT_STRING_EQUAL(said(&kana, "abc"), "E1106");
	CU_ASSERT_STRING_EQUAL(said(&kana, "ｱ髙"), "E1106");
	CU_ASSERT_STRING_EQUAL(said(&kana, "ｱ\xef\xbd"), "E1108");
	CU_ASSERT_STRING_EQUAL(said(&kana, "ｱｱｱｱｱｱｱｱｱｱ"), "ok");
	CU_ASSERT_STRING_EQUAL(said(&kana, "ｱｱｱｱｱｱｱｱｱｱｱ"), "E1102");
}

static void
kanji_names(void)
{
	CU_ASSERT_STRING_EQUAL(said(&kanji, "山田　花　　"), "ok");
	CU_ASSERT_TRUE(slice_is(last.s, "山田　花"));
	CU_ASSERT_STRING_EQUAL(said(&kanji, "山田 花"), "E1107");
	CU_ASSERT_STRING_EQUAL(said(&kanji, "ABC"), "E1107");
	CU_ASSERT_STRING_EQUAL(said(&kanji, "ﾔﾏﾀﾞ"), "E1107");
	CU_ASSERT_STRING_EQUAL(said(&kanji, "一二三四五六"), "E1102");
	CU_ASSERT_STRING_EQUAL(said(&kanji, "髙橋"), "W1109");
	CU_ASSERT_TRUE(slice_is(last.s, "●橋"));
	CU_ASSERT_STRING_EQUAL(raised.v[0].detail, "mask 10");
	CU_ASSERT_STRING_EQUAL(said(&kanji, "山葛\U000e0100髙　"), "W1109");
	CU_ASSERT_STRING_EQUAL(raised.v[0].detail, "mask 011");
	CU_ASSERT_STRING_EQUAL(said(&kanji, "山\xff"), "E1108");
	CU_ASSERT_STRING_EQUAL(said(&kanji, "山\xc2\x81"), "E1110");
	CU_ASSERT_EQUAL(field_chars(&kanji), 5);
}

static void
texts(void)
{
	CU_ASSERT_STRING_EQUAL(said(&text, "東京都1-2-3 ｱﾊﾟｰﾄ"), "ok");
	CU_ASSERT_STRING_EQUAL(
	    said(&text, "一二三四五六七八九十一二3"), "E1102");
	CU_ASSERT_STRING_EQUAL(said(&text, "3〜5"), "ok");
	CU_ASSERT_TRUE(slice_is(last.s, "3～5"));
	CU_ASSERT_STRING_EQUAL(said(&text, "①番"), "W1109");
	CU_ASSERT_TRUE(slice_is(last.s, "●番"));
	mark = 0x3013;
	CU_ASSERT_STRING_EQUAL(said(&text, "①番"), "W1109");
	CU_ASSERT_TRUE(slice_is(last.s, "〓番"));
	mark = 0;
	CU_ASSERT_STRING_EQUAL(said(&text, "a\nb"), "E1110");
	CU_ASSERT_STRING_EQUAL(said(&text, "\U000e0100"), "E1207");
	/* 12345678901 has the check digit 8 */
	CU_ASSERT_STRING_EQUAL(said(&text, " 123456789018 "), "E1206");
	CU_ASSERT_STRING_EQUAL(
	    said(&text, "１２３４５６７８９０１８"), "E1206");
	CU_ASSERT_STRING_EQUAL(said(&text, "123456789017"), "ok");
	CU_ASSERT_STRING_EQUAL(said(&ank, "123456789018"), "E1206");
}

static void
days(void)
{
	CU_ASSERT_STRING_EQUAL(said(&day, "20240229"), "ok");
	CU_ASSERT_EQUAL(last.n, day_of(2024, 2, 29));
	CU_ASSERT_STRING_EQUAL(said(&day, "20230229"), "E1201");
	CU_ASSERT_STRING_EQUAL(said(&day, "2024-02-29"), "E1201");
	CU_ASSERT_STRING_EQUAL(said(&day, "00000000"), "E1201");
	CU_ASSERT_STRING_EQUAL(said(&day, "        "), "ok");
	CU_ASSERT_STRING_EQUAL(said(&at, "20260801091502"), "ok");
	CU_ASSERT_EQUAL(last.n,
	    day_moment(day_of(2026, 8, 1), (9 * 3600 + 15 * 60 + 2) * 1000));
	CU_ASSERT_STRING_EQUAL(said(&at, "20260801240000"), "E1202");
	CU_ASSERT_STRING_EQUAL(said(&at, "20260801236000"), "E1202");
	CU_ASSERT_STRING_EQUAL(said(&at, "20260801235960"), "E1202");
	CU_ASSERT_STRING_EQUAL(said(&at, "20260801"), "E1202");
	CU_ASSERT_STRING_EQUAL(said(&at, "2026080109150x"), "E1202");
}

static void
lists(void)
{
	CU_ASSERT_STRING_EQUAL(said(&sex, "1"), "ok");
	CU_ASSERT_STRING_EQUAL(said(&sex, "9"), "E1204");
	CU_ASSERT_STRING_EQUAL(said(&sex, "１"), "E1204");
	CU_ASSERT_STRING_EQUAL(said(&sex, "A1"), "E1205");
	CU_ASSERT_STRING_EQUAL(field_code(&sex, SLICE("2"))->en, "female");
}

static void
masks(void)
{
	char s[64];
	struct buf b;

	buf_init(&b, s, sizeof(s));
	field_mask(&kana, SLICE("ﾔﾏﾀﾞ"), &b);
	CU_ASSERT_STRING_EQUAL(b.p, "●×4");
	buf_clear(&b);
	field_mask(&num, SLICE("12"), &b);
	CU_ASSERT_STRING_EQUAL(b.p, "12");
	buf_clear(&b);
	field_mask(&kana, SLICE(""), &b);
	CU_ASSERT_STRING_EQUAL(b.p, "");
	diag_list_free(&raised);
}

static CU_TestInfo tests[] = {
	{ "numbers are digits of a width", numbers },
	{ "ids are printable ASCII without blanks", ids },
	{ "kana is half width with one blank between", kana_names },
	{ "kanji is full width, strangers become ●", kanji_names },
	{ "free text is guarded against 個人番号", texts },
	{ "days and times are real ones", days },
	{ "codes are of the list and in scope", lists },
	{ "private values keep their length only", masks },
	CU_TEST_INFO_NULL,
};
SUITE(field, tests);
