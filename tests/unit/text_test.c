/* text.h: slices, buffers, UTF-8, and CP932 with glibc's iconv as oracle. */
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/text.h"
#include "tests/unit/suite.h"

static void
slices(void)
{
	CU_ASSERT_TRUE(slice_eq(slice_trim(SLICE("  a b \t")), SLICE("a b")));
	CU_ASSERT_EQUAL(slice_trim(SLICE("   ")).n, 0);
	CU_ASSERT_TRUE(slice_is(slice_of(NULL), ""));
	CU_ASSERT_TRUE(slice_cmp(SLICE("ab"), SLICE("abc")) < 0);
	CU_ASSERT_TRUE(slice_cmp(SLICE("b"), SLICE("abc")) > 0);
	CU_ASSERT_TRUE(slice_cmp(SLICE("\xe3"), SLICE("z")) > 0);
	CU_ASSERT_EQUAL(slice_number(SLICE("999999999999999999")),
	    INT64_C(999999999999999999));
	CU_ASSERT_EQUAL(slice_number(SLICE("1000000000000000000")), -1);
	CU_ASSERT_EQUAL(slice_number(SLICE("")), -1);
	CU_ASSERT_EQUAL(slice_number(SLICE("-1")), -1);
}

static void
buffers(void)
{
	char s[8];
	struct buf b;

	buf_init(&b, s, sizeof(s));
	buf_puts(&b, "abc");
	buf_puts(&b, "defgh"); /* does not fit: dropped whole */
	CU_ASSERT_TRUE(b.full);
	CU_ASSERT_STRING_EQUAL(b.p, "abc");
	buf_puts(&b, "defg");
	CU_ASSERT_STRING_EQUAL(b.p, "abcdefg");
	buf_clear(&b);
	CU_ASSERT_FALSE(b.full);
	buf_printf(&b, "%d", 1234567);
	CU_ASSERT_STRING_EQUAL(b.p, "1234567");
	buf_printf(&b, "%d", 8);
	CU_ASSERT_TRUE(b.full);
	CU_ASSERT_STRING_EQUAL(b.p, "1234567");
	buf_init(&b, NULL, 0);
	buf_putc(&b, 'x');
	buf_printf(&b, "x");
	CU_ASSERT_TRUE(b.full && b.n == 0);
}

/* Whether the whole of s is one well-formed character. */
static bool
one(const char *s)
{
	const char *p = s, *end = s + strlen(s);

	return text_next(&p, end) != TEXT_BAD && p == end;
}

static void
utf8(void)
{
	bool same = true;

	for (uint32_t u = 1; u <= 0x10ffff; u++) {
		char s[5];
		const char *p = s;
		struct buf b;

		buf_init(&b, s, sizeof(s));
		text_put(&b, u);
		same = same &&
		    text_next(&p, s + b.n) ==
			((u & 0x1ff800) == 0xd800 ? TEXT_BAD : u);
	}
	CU_ASSERT_TRUE(same);
	CU_ASSERT_TRUE(one("\xf4\x8f\xbf\xbf"));
	CU_ASSERT_FALSE(one("\xc0\x80")); /* overlong */
	CU_ASSERT_FALSE(one("\xe0\x9f\xbf"));
	CU_ASSERT_FALSE(one("\xf0\x8f\xbf\xbf"));
	CU_ASSERT_FALSE(one("\xf4\x90\x80\x80")); /* above U+10FFFF */
	CU_ASSERT_FALSE(one("\xed\xa0\x80")); /* surrogate */
	CU_ASSERT_FALSE(one("\xe3\x81")); /* cut */
	CU_ASSERT_FALSE(one("\x80"));
	CU_ASSERT_FALSE(one("\xff"));
	CU_ASSERT_FALSE(text_utf8_ok(SLICE("資\xe6\xa0")));
	CU_ASSERT_TRUE(text_utf8_ok(SLICE("資格")));
	CU_ASSERT_EQUAL(text_chars(SLICE("資格ab")), 4);
}

/* What glibc makes of n bytes; -1 refused. */
static int
oracle(iconv_t cd, const char *in, size_t n, char *out, size_t max)
{
	char copy[8], *p = copy, *q = out;
	size_t room = max;

	memcpy(copy, in, n);
	iconv(cd, NULL, NULL, NULL, NULL);
	if (iconv(cd, &p, &n, &q, &room) == (size_t)-1 || n > 0)
		return -1;
	return (int)(max - room);
}

/* Every one-byte and two-byte sequence there is. */
static void
decode_all(void)
{
	iconv_t cd = iconv_open("UTF-8", "CP932");
	unsigned good = 0, user = 0, wrong = 0;

	for (unsigned i = 0; i < 0x10100; i++) {
		char in[2] = { (char)(i >> 8), (char)i };
		char want[16], got[16];
		size_t n = i < 0x10000 ? 2 : 1;
		struct buf b;
		int w, r;

		if (n == 1)
			in[0] = (char)(i & 0xff);
		w = oracle(cd, in, n, want, sizeof(want));
		buf_init(&b, got, sizeof(got));
		r = text_from_cp932((struct slice) { in, n }, &b);
		if ((r == -1) != (w == -1) ||
		    (w >= 0 &&
			((size_t)w != b.n || memcmp(want, got, b.n) != 0)))
			wrong++;
		/* one code of two bytes, not two of one */
		if (w > 0 && n == 2 && text_chars(buf_slice(&b)) == 1) {
			good++;
			user += i >= 0xf040 && i <= 0xf9fc;
		}
	}
	iconv_close(cd);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(good, 7787 - 63 + 1880);
	CU_ASSERT_EQUAL(user, 1880);
}

/* Every code point of the first plane, and one beyond. */
static void
encode_all(void)
{
	iconv_t cd = iconv_open("CP932", "UTF-8");
	unsigned wrong = 0, none = 0;

	for (uint32_t u = 1; u <= 0x10000; u++) {
		char in[5], want[16], got[16];
		struct buf s, b;
		unsigned replaced;
		int w;

		if ((u & 0xf800) == 0xd800)
			continue;
		buf_init(&s, in, sizeof(in));
		text_put(&s, u);
		w = oracle(cd, in, s.n, want, sizeof(want));
		buf_init(&b, got, sizeof(got));
		if (text_to_cp932(buf_slice(&s), 0x25cf, &b, &replaced) == -1)
			wrong++;
		else if (w <= 0)
			wrong += replaced != 1 ||
			    !slice_is(buf_slice(&b), "\x81\x9c");
		else
			wrong += replaced != 0 || (size_t)w != b.n ||
			    memcmp(want, got, b.n) != 0 ||
			    text_cp932_len(buf_slice(&s)) != b.n;
		none += w <= 0;
	}
	iconv_close(cd);
	CU_ASSERT_EQUAL(wrong, 0);
	/* 9,405 of 63,488 can be written (counted with iconv(1) by hand) */
	CU_ASSERT_EQUAL(none, 0x10000 - 0x800 - 9405);
}

static struct slice
to_utf8(const char *cp932, struct buf *b)
{
	buf_clear(b);
	if (text_from_cp932(slice_of(cp932), b) == -1)
		return SLICE("(bad)");
	return buf_slice(b);
}

static void
wave_dash(void)
{
	char s[64];
	struct buf b;

	buf_init(&b, s, sizeof(s));
	CU_ASSERT_TRUE(slice_is(
	    to_utf8("\x81\x60\x81\x61\x81\x7c\x81\x91\x81\x92\x81\xca", &b),
	    "～∥－￠￡￢"));
	buf_clear(&b);
	text_to_cp932(SLICE("〜‖−¢£¬—～∥－￠￡￢―"), '?', &b, NULL);
	CU_ASSERT_STRING_EQUAL(b.p,
	    "\x81\x60\x81\x61\x81\x7c\x81\x91\x81\x92\x81\xca\x81\x5c"
	    "\x81\x60\x81\x61\x81\x7c\x81\x91\x81\x92\x81\xca\x81\x5c");
	buf_clear(&b);
	CU_ASSERT_EQUAL(text_repertoire(SLICE("3〜5−1"), 0x25cf, &b), 0);
	CU_ASSERT_STRING_EQUAL(b.p, "3～5−1");
}

/* 5C as a trail byte, a lead cut off at the end, a bad trail. */
static void
borders(void)
{
	char s[16];
	struct buf b;

	buf_init(&b, s, sizeof(s));
	CU_ASSERT_TRUE(slice_is(to_utf8("\x95\x5c,\x83\x5c", &b), "表,ソ"));
	CU_ASSERT_TRUE(slice_is(to_utf8("A\xb6\xde\\~", &b), "Aｶﾞ\\~"));
	CU_ASSERT_TRUE(slice_is(to_utf8("ab\x95", &b), "(bad)"));
	CU_ASSERT_TRUE(slice_is(to_utf8("\x95\x20", &b), "(bad)"));
	CU_ASSERT_TRUE(slice_is(to_utf8("\x80", &b), "(bad)"));
	CU_ASSERT_TRUE(slice_is(to_utf8("\xfd\x40", &b), "(bad)"));
	/* 16 bytes hold five of three and the NUL; six are dropped whole */
	buf_clear(&b);
	CU_ASSERT_EQUAL(text_from_cp932(SLICE("\x95\x5c\x95\x5c\x95\x5c\x95\x5c"
					      "\x95\x5c\x95\x5c"),
			    &b),
	    0);
	CU_ASSERT_TRUE(b.full && b.n == 0);
	CU_ASSERT_TRUE(slice_is(to_utf8("\x95\x5c\x95\x5c\x95\x5c\x95\x5c"
					"\x95\x5c",
				    &b),
	    "表表表表表"));
	CU_ASSERT_FALSE(b.full);
}

static void
spellings(void)
{
	char s[16];
	struct buf b;
	unsigned n;

	buf_init(&b, s, sizeof(s));
	text_to_cp932(SLICE("濵髙≒№"), 0x25cf, &b, &n);
	CU_ASSERT_STRING_EQUAL(b.p, "\xfb\x4d\xfb\xfc\x81\xe0\x87\x82");
	CU_ASSERT_EQUAL(n, 0);
	buf_clear(&b);
	text_to_cp932(SLICE("𠮷a"), 0x3013, &b, &n);
	CU_ASSERT_STRING_EQUAL(b.p,
	    "\x81\xac"
	    "a");
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(text_cp932_len(SLICE("aｶ表𠮷")), 6);
	buf_clear(&b);
	CU_ASSERT_EQUAL(text_to_cp932(SLICE("a\xff"), '?', &b, &n), -1);
}

static void
repertoire(void)
{
	char s[64];
	struct buf b;
	unsigned n = 0;

	for (uint32_t u = 0; u <= 0xffff; u++)
		n += text_in_repertoire(u);
	/* ASCII 95, katakana 63, JIS X 0208 6,879, the seven other spellings */
	CU_ASSERT_EQUAL(n, 95 + 63 + 6879 + 7);
	CU_ASSERT_TRUE(text_in_repertoire(0x2252)); /* ≒, though NEC has it */
	CU_ASSERT_FALSE(text_in_repertoire(0x9ad9)); /* 髙 */
	CU_ASSERT_FALSE(text_in_repertoire(0xfa11)); /* 﨑 */
	CU_ASSERT_FALSE(text_in_repertoire(0x2460)); /* ① */
	CU_ASSERT_FALSE(text_in_repertoire(0xe000));
	CU_ASSERT_FALSE(text_in_repertoire(0xfffd));
	CU_ASSERT_FALSE(text_in_repertoire(0xa5));
	CU_ASSERT_FALSE(text_in_repertoire(0x20bb7));
	CU_ASSERT_FALSE(text_in_repertoire('\n'));
	CU_ASSERT_FALSE(text_in_repertoire(0x7f));
	buf_init(&b, s, sizeof(s));
	CU_ASSERT_EQUAL(
	    text_repertoire(SLICE("髙橋　𠮷葛\U000e0100子"), 0x25cf, &b), 3);
	CU_ASSERT_STRING_EQUAL(b.p, "●橋　●葛子");
	/* a digit for each of these six; 葛 lost its selector */
	buf_clear(&b);
	text_mask(SLICE("髙橋　𠮷葛\U000e0100子"), &b);
	CU_ASSERT_STRING_EQUAL(b.p, "100110");
	/* 〜 is only spelt otherwise; a selector of nothing has no place */
	buf_clear(&b);
	text_mask(SLICE("\U000e0100a〜①"), &b);
	CU_ASSERT_STRING_EQUAL(b.p, "001");
}

static void
look(void)
{
	struct text_facts f;

	text_look(SLICE("ab表ｶﾞ髙"), &f);
	CU_ASSERT_EQUAL(f.chars, 6);
	CU_ASSERT_EQUAL(f.width, 8);
	CU_ASSERT_TRUE(f.ascii && f.half_kana && f.full && f.changes);
	CU_ASSERT_TRUE(!f.bad && !f.control);
	CU_ASSERT_EQUAL(f.outside, 1);
	text_look(SLICE("葛\U000e0100〜"), &f);
	CU_ASSERT_EQUAL(f.chars, 2);
	CU_ASSERT_EQUAL(f.width, 4);
	CU_ASSERT_EQUAL(f.outside, 1);
	text_look(SLICE("〜"), &f);
	CU_ASSERT_TRUE(f.changes && f.outside == 0);
	text_look(SLICE("資\xc2\x85"), &f);
	CU_ASSERT_TRUE(f.control);
	text_look(SLICE("資\x80"), &f);
	CU_ASSERT_TRUE(f.bad);
}

static const char *
folded(const char *in)
{
	static char s[128];
	struct buf b;

	buf_init(&b, s, sizeof(s));
	text_fold(slice_of(in), &b);
	return s;
}

static void
fold(void)
{
	CU_ASSERT_STRING_EQUAL(folded("１２－３４"), "12-34");
	CU_ASSERT_STRING_EQUAL(folded("１２−３４"), "12-34");
	CU_ASSERT_STRING_EQUAL(folded("12‐3–4—5―6‑7‒8"), "12-3-4-5-6-7-8");
	CU_ASSERT_STRING_EQUAL(folded("12ー34"), "12-34");
	CU_ASSERT_STRING_EQUAL(folded("12ｰ34"), "12-34");
	CU_ASSERT_STRING_EQUAL(folded("サーバー1"), "サーバー1");
	CU_ASSERT_STRING_EQUAL(folded("ｻｰﾊﾞｰ"), "サーバー");
	CU_ASSERT_STRING_EQUAL(folded("ﾊﾟﾋﾞｳﾞ･ｱﾞ"), "パビヴ・ア\u3099");
	CU_ASSERT_STRING_EQUAL(folded("　ａ　ｂ c "), "ABC");
	CU_ASSERT_STRING_EQUAL(folded("か\u3099は\u309a"), "がぱ");
	CU_ASSERT_STRING_EQUAL(folded("記号あいう・１８７"), "記号あいう・187");
	CU_ASSERT_STRING_EQUAL(folded(""), "");
}

static void
charsets(void)
{
	CU_ASSERT_EQUAL(charset_find(SLICE("utf8")), CHARSET_UTF8);
	CU_ASSERT_EQUAL(charset_find(SLICE("utf8-bom")), CHARSET_UTF8_BOM);
	CU_ASSERT_EQUAL(charset_find(SLICE("cp932")), CHARSET_CP932);
	CU_ASSERT_EQUAL(charset_find(SLICE("sjis")), -1);
}

static void
uri(void)
{
	char out[40];

	text_uri("/a/50% of #1?.sqlite", "mode=ro", out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "file:/a/50%25 of %231%3F.sqlite?mode=ro");
	text_uri("/0123456789", "mode=ro", out, 10);
	CU_ASSERT(strlen(out) < 10);
}

static CU_TestInfo tests[] = {
	{ "slices are compared, trimmed and read as numbers", slices },
	{ "a buffer drops whole what does not fit", buffers },
	{ "UTF-8 is shortest form, no surrogates, nothing above 10FFFF", utf8 },
	{ "every CP932 sequence decodes as glibc does", decode_all },
	{ "every code point encodes as glibc does", encode_all },
	{ "the wave dash family goes both ways", wave_dash },
	{ "trail byte 5C, cut leads and bad trails", borders },
	{ "duplicates are written in glibc's spelling", spellings },
	{ "the repertoire is JIS X 0208 without NEC and IBM rows", repertoire },
	{ "the facts of a value come in one look", look },
	{ "card numbers fold to one key", fold },
	{ "character sets have names", charsets },
	{ "a path in a URI keeps its percent signs", uri },
	CU_TEST_INFO_NULL,
};
SUITE(text, tests);
