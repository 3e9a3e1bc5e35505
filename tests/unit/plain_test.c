/* plain.h: whatever it calls plain, field_check() takes as it is and gives the
 * same value for. Thousands of values per row: good, bent and random ones. */
#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/plain.h"
#include "formats/registry.h"
#include "tests/tools/rows.h"
#include "tests/unit/suite.h"

/* xorshift: the same values in every run */
static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* What values are bent with: each is the edge of some rule. */
static const char *const bits[] = { "0", "9", "00", " ", "  ", "A", "a", "ｱ",
	"ﾟ", "｡", "漢", "　", "〜", "～", "﨑", "𠮷", "Ω", "§", "¢", "−",
	"\x01", "\x7f", "\x80", "\xe3\x80", "\xed\xa0\x80", "\xe0\x81\x81",
	"\xef\xbf\xbf", "-", "_", "20240229", "20230229", "123456789018",
	"１２３４", "01", "\xee\x80\x80", "葛\xf3\xa0\x84\x80", "/", ":", "表",
	"ソ", "@", "[", "`", "{", "~" };

static size_t
bend(uint64_t *seed, const char *good, char *out)
{
	size_t n = strlen(good), at;
	const char *bit = bits[next(seed) % (sizeof(bits) / sizeof(*bits))];
	size_t m = strlen(bit);

	memcpy(out, good, n);
	switch (next(seed) % 5) {
	case 0:
		return n;
	case 1: /* put in */
		at = next(seed) % (n + 1);
		memmove(out + at + m, out + at, n - at);
		memcpy(out + at, bit, m);
		return n + m;
	case 2: /* cut */
		return n > 0 ? next(seed) % n : 0;
	case 3: /* one byte is another */
		if (n > 0)
			out[next(seed) % n] = (char)next(seed);
		return n;
	default: /* nothing but bits */
		for (n = 0; next(seed) % 4 != 0 && n < 300; n += m) {
			bit = bits[next(seed) % (sizeof(bits) / sizeof(*bits))];
			m = strlen(bit);
			memcpy(out + n, bit, m);
		}
		return n;
	}
}

struct tally {
	int64_t plain, same;
};

/* One value both ways; where it is plain, field_check() has to agree. */
static void
compare(const struct field *f, const struct plain *p, enum charset cs,
    struct slice raw, struct tally *t)
{
	static char a[4096], b[4096], c[4096];
	struct diag_sink sink = { 0 };
	struct diag at = { .offset = -1 };
	struct buf scratch, utf8, mended;
	struct value fast, slow;
	struct slice s = raw;

	buf_init(&scratch, a, sizeof(a));
	buf_init(&utf8, b, sizeof(b));
	buf_init(&mended, c, sizeof(c));
	if (raw.n == 0 || !plain_value(p, raw, &fast, &scratch)) {
		CU_ASSERT_FATAL(scratch.n == 0);
		return;
	}
	t->plain++;
	if (cs == CHARSET_CP932) {
		CU_ASSERT_FATAL(text_from_cp932(raw, &utf8) == 0);
		s = buf_slice(&utf8);
	}
	if (field_check(f, s, &slow, &mended, 0, &at, &sink) == 0 &&
	    slice_eq(fast.s, slow.s) && fast.n == slow.n &&
	    sink.counts[DIAG_REPLACED] == 0)
		t->same++;
}

static void
each_field(struct field f, const char *good, uint64_t *seed)
{
	static const enum charset sets[] = { CHARSET_UTF8, CHARSET_CP932 };
	struct tally t = { 0, 0 };
	char value[1024], cp932[1024];
	struct plain p;
	struct buf b;

	for (int c = 0; c < 2; c++) {
		plain_compile(&f, sets[c], &p);
		for (int i = 0; i < 1500; i++) {
			struct slice s = { value, bend(seed, good, value) };

			buf_init(&b, cp932, sizeof(cp932));
			if (sets[c] == CHARSET_CP932 && i % 8 != 0) {
				if (text_to_cp932(s, '?', &b, NULL) != 0)
					continue;
				s = buf_slice(&b);
			}
			compare(&f, &p, sets[c], s, &t);
		}
	}
	CU_ASSERT(t.same == t.plain);
	if (f.type != FIELD_TIME && good[0] != '\0' &&
	    !(f.type == FIELD_CODE && strlen(good) > 2))
		CU_ASSERT(t.plain > 100); /* it does speed something up */
}

static void
random_values(void)
{
	uint64_t seed = 20260801;
	struct rows rows;

	for (const struct layout *const *l = registry; *l != NULL; l++) {
		const struct format *f = (*l)->data;

		for (unsigned i = 0; i < f->nfields; i++) {
			struct field row = f->fields[i];
			struct slice good = rows_text(&rows, i, &row);

			each_field(row, good.p, &seed);
			row.flags ^= FIELD_EXACT; /* and what no row has yet */
			row.flags ^= FIELD_FREE;
			row.check = NULL;
			row.width = (unsigned)(next(&seed) % 12 + 1);
			each_field(row, "", &seed);
		}
	}
}

/* Every two-byte code, and every one-byte code, alone and doubled. */
static void
every_code(void)
{
	static const enum field_type types[] = { FIELD_KANJI, FIELD_TEXT,
		FIELD_KANA, FIELD_ANK };
	struct tally t = { 0, 0 };
	struct plain p;

	for (int k = 0; k < 4; k++) {
		struct field f = { "F", "F", 1, 8, types[k], 0, NULL, NULL };

		plain_compile(&f, CHARSET_CP932, &p);
		for (unsigned code = 0; code < 0x10000; code++) {
			char s[4] = { (char)(code >> 8), (char)code,
				(char)(code >> 8), (char)code };
			compare(
			    &f, &p, CHARSET_CP932, (struct slice) { s, 4 }, &t);
			if (code < 0x100)
				compare(&f, &p, CHARSET_CP932,
				    (struct slice) { s + 1, 1 }, &t);
		}
	}
	CU_ASSERT(t.same == t.plain);
	CU_ASSERT(t.plain > 2 * 6000);
}

/* Every code point as UTF-8, shortest form and one byte too long. */
static void
every_code_point(void)
{
	struct field text = { "F", "F", 1, 8, FIELD_TEXT, 0, NULL, NULL };
	struct field kanji = { "F", "F", 1, 8, FIELD_KANJI, 0, NULL, NULL };
	struct tally t = { 0, 0 };
	struct plain p[2];
	char bytes[8];
	struct buf b;

	plain_compile(&text, CHARSET_UTF8, &p[0]);
	plain_compile(&kanji, CHARSET_UTF8, &p[1]);
	for (uint32_t u = 0; u < 0x11000; u++) {
		char three[3] = { (char)(0xe0 | u >> 12),
			(char)(0x80 | (u >> 6 & 0x3f)),
			(char)(0x80 | (u & 0x3f)) };

		buf_init(&b, bytes, sizeof(bytes));
		text_put(&b, u);
		compare(&text, &p[0], CHARSET_UTF8, buf_slice(&b), &t);
		compare(&kanji, &p[1], CHARSET_UTF8, buf_slice(&b), &t);
		compare(&kanji, &p[1], CHARSET_UTF8,
		    (struct slice) { three, 3 }, &t);
	}
	CU_ASSERT(t.same == t.plain);
	/* JIS X 0208 has 6,879 characters; a few are written in two bytes of
	 * UTF-8 and left to field_check() */
	CU_ASSERT(t.plain > 3 * 6000);
}

static CU_TestInfo tests[] = {
	{ "what is plain is what field_check() takes: random values",
	    random_values },
	{ "what is plain is what field_check() takes: every CP932 code",
	    every_code },
	{ "what is plain is what field_check() takes: every code point",
	    every_code_point },
	CU_TEST_INFO_NULL,
};
SUITE(plain, tests);
