/* der.h: X.690 by hand, strict; and the digests of seal.h (FIPS 180-4 and RFC
 * 4231 examples). */
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/der.h"
#include "formats/codec/seal.h"
#include "tests/unit/suite.h"

static void
lengths(void)
{
	struct slice in = SLICE("\x04\x02hi\x05\x00");
	struct der_item it;

	CU_ASSERT(der_next(&in, &it) == 0 && it.tag == DER_OCTETS);
	CU_ASSERT(slice_is(it.v, "hi") && it.all.n == 4);
	CU_ASSERT(der_expect(&in, DER_NULL, &it) == 0 && in.n == 0);
	CU_ASSERT(der_next(&in, &it) == -1);
	CU_ASSERT(!der_strict(SLICE("\x04\x03hi"))); /* cut */
	CU_ASSERT(!der_strict(SLICE("\x04\x81\x02hi"))); /* not shortest */
	CU_ASSERT(!der_strict(SLICE("\x04\x02hi\x00"))); /* bytes after it */
	CU_ASSERT(!der_strict(SLICE("\x30\x80\x05\x00\x00\x00"))); /* BER */
	CU_ASSERT(!der_strict(SLICE("\x30\x03\x01\x01\x01"))); /* TRUE is FF */
	CU_ASSERT(!der_strict(SLICE("\x02\x02\x00\x05"))); /* 00 too many */
	CU_ASSERT(!der_strict(SLICE("\x03\x02\x01\x01"))); /* unused bit set */
	CU_ASSERT(!der_strict(SLICE("\x1f\x81\x01\x00"))); /* long tag */
	CU_ASSERT(der_strict(SLICE("\x30\x05\x01\x01\xff\x05\x00")));
	/* X.690 8.2, 8.3.2, 8.6.2, 8.8, 8.19.2 and their borders */
	CU_ASSERT(der_strict(SLICE("\x01\x01\x00")));
	CU_ASSERT(!der_strict(SLICE("\x01\x02\xff\xff")));
	CU_ASSERT(!der_strict(SLICE("\x02\x00")));
	CU_ASSERT(!der_strict(SLICE("\x02\x02\xff\x80")));
	CU_ASSERT(der_strict(SLICE("\x02\x02\xff\x7f")));
	CU_ASSERT(der_strict(SLICE("\x02\x02\x00\x80")));
	CU_ASSERT(!der_strict(SLICE("\x03\x00")));
	CU_ASSERT(!der_strict(SLICE("\x03\x02\x08\x00")));
	CU_ASSERT(!der_strict(SLICE("\x03\x01\x01")));
	CU_ASSERT(der_strict(SLICE("\x03\x01\x00")));
	CU_ASSERT(der_strict(SLICE("\x03\x02\x04\xf0")));
	CU_ASSERT(!der_strict(SLICE("\x05\x01\x00")));
	CU_ASSERT(!der_strict(SLICE("\x06\x00")));
	CU_ASSERT(!der_strict(SLICE("\x06\x01\x81"))); /* arc cut */
	CU_ASSERT(!der_strict(SLICE("\x06\x02\x80\x01"))); /* arc padded */
	CU_ASSERT(!der_strict(SLICE("\x06\x03\x2a\x80\x01")));
	CU_ASSERT(der_strict(SLICE("\x06\x03\x81\x80\x01")));
	CU_ASSERT(!der_strict(SLICE("\x10\x00"))); /* SEQUENCE, primitive */
	CU_ASSERT(!der_strict(SLICE("\x22\x03\x02\x01\x05")));
	CU_ASSERT(der_strict(SLICE("\xa0\x03\x02\x01\x05")));
	CU_ASSERT(!der_strict(SLICE("\x30\x03\x04\x05h")));
	char deep[2 * 200];
	for (int i = 0; i < 100; i++) { /* nested too deep to be meant */
		deep[2 * i] = '\x30';
		deep[2 * i + 1] = (char)(198 - 2 * i > 127 ? 0 : 198 - 2 * i);
	}
	CU_ASSERT(!der_strict((struct slice) { deep + 2 * 50, 100 }));
}

static void
serials(void)
{
	char hex[41];

	CU_ASSERT(der_serial(SLICE("\x00\x80\x01"), hex) == 0);
	CU_ASSERT_STRING_EQUAL(hex, "8001");
	CU_ASSERT(der_serial(SLICE("\x01\x33\xc3\x49"), hex) == 0);
	CU_ASSERT_STRING_EQUAL(hex, "0133c349");
	CU_ASSERT(der_serial(SLICE("\x00"), hex) == -1); /* zero */
	CU_ASSERT(der_serial(SLICE("\x80"), hex) == -1); /* negative */
	CU_ASSERT(der_serial(SLICE("aaaaaaaaaaaaaaaaaaaaa"), hex) == -1);
}

/* 2019-09-14 23:41:59 UTC: 18153 days after 1970 (49 years of 365 = 17885,
 * 12 leap days, 256 days of 2019 before 14 September). */
static void
times(void)
{
	struct der_item t = { DER_UTC_TIME, SLICE("190914234159Z"), { 0 } };
	int64_t ms;

	CU_ASSERT(der_time(&t, &ms) == 0);
	CU_ASSERT_EQUAL(ms, 18153 * DAY_MS + INT64_C(85319000));
	t = (struct der_item) { DER_TIME, SLICE("20190914234159Z"), { 0 } };
	CU_ASSERT(der_time(&t, &ms) == 0);
	CU_ASSERT_EQUAL(ms, 18153 * DAY_MS + INT64_C(85319000));
	t.v = SLICE("20190231000000Z");
	CU_ASSERT(der_time(&t, &ms) == -1);
	t.v = SLICE("20190914234159+0900");
	CU_ASSERT(der_time(&t, &ms) == -1);
	/* RFC 5280 4.1.2.5.1: from 50 on it is the last century; 1999-12-31
	 * is day 10956 (29 years of 365, 7 leap days, 364) */
	t = (struct der_item) { DER_UTC_TIME, SLICE("991231000000Z"), { 0 } };
	CU_ASSERT(der_time(&t, &ms) == 0);
	CU_ASSERT_EQUAL(ms, 10956 * DAY_MS);
	t.v = SLICE("491231000000Z");
	CU_ASSERT(der_time(&t, &ms) == 0 && ms > 10956 * DAY_MS);
	t.v = SLICE("190914244159Z");
	CU_ASSERT(der_time(&t, &ms) == -1);
	t.v = SLICE("190914236059Z");
	CU_ASSERT(der_time(&t, &ms) == -1);
	t.v = SLICE("190914234160Z");
	CU_ASSERT(der_time(&t, &ms) == -1);
	t.v = SLICE("1909142341x0Z");
	CU_ASSERT(der_time(&t, &ms) == -1);
	t.tag = DER_INTEGER;
	CU_ASSERT(der_time(&t, &ms) == -1);
}

static void
names(void)
{
	/* C=JP (Printable), O="a,b" (UTF8), CN=x */
	struct slice n =
	    SLICE("\x30\x28"
		  "\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02JP"
		  "\x31\x0c\x30\x0a\x06\x03\x55\x04\x0a\x0c\x03"
		  "a,b"
		  "\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02x ");
	char line[64];

	CU_ASSERT(der_name(n, line, sizeof(line)) == 0);
	CU_ASSERT_STRING_EQUAL(line, "CN=x ,O=a\\,b,C=JP");
	CU_ASSERT(der_name(n, line, 8) == -1); /* never cut */
	CU_ASSERT(der_oid_is(SLICE("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"),
	    "1.2.840.113549.1.7.2"));
	CU_ASSERT(der_oid_is(SLICE("\x88\x37\x01\x03\x1e"), "2.999.1.3.30"));
	/* an arc of 64 bits is none of ours */
	CU_ASSERT(!der_oid_is(
	    SLICE("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "1.2"));
}

/* A name of one part with this value, or with this AttributeTypeAndValue. */
static int
name_of(unsigned char tag, struct slice v, char line[64])
{
	char bytes[80];
	struct buf b;

	buf_init(&b, bytes, sizeof(bytes));
	buf_putc(&b, '\x30');
	buf_putc(&b, (char)(v.n + 11));
	buf_putc(&b, '\x31');
	buf_putc(&b, (char)(v.n + 9));
	buf_putc(&b, '\x30');
	buf_putc(&b, (char)(v.n + 7));
	buf_put(&b, SLICE("\x06\x03\x55\x04\x03"));
	buf_putc(&b, (char)tag);
	buf_putc(&b, (char)v.n);
	buf_put(&b, v);
	return der_name(buf_slice(&b), line, 64);
}

static void
odd_names(void)
{
	static const struct slice wrong[] = {
		{ "\x31\x00", 2 }, /* not a SEQUENCE */
		{ "\x30\x00", 2 }, /* of nothing */
		{ "\x30\x00\x05\x00", 4 }, /* more after it */
		{ "\x30\x02\x05\x00", 4 }, /* no SET in it */
		{ "\x30\x02\x31\x00", 4 }, /* an empty one */
		{ "\x30\x04\x31\x02\x30\x00", 6 }, /* no type */
		{ "\x30\x09\x31\x07\x30\x05\x06\x03\x55\x04\x03", 11 },
		{ "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03"
		  "\x0c\x02xy\x05\x00",
		    17 }, /* two values */
	};
	char line[64], many[2 + 17 * 12];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CU_ASSERT_EQUAL(der_name(wrong[i], line, sizeof(line)), -1);
	CU_ASSERT_EQUAL(name_of(0x0c, SLICE("a;b<c>=\"\\+"), line), 0);
	CU_ASSERT_STRING_EQUAL(line, "CN=a\\;b\\<c\\>\\=\\\"\\\\\\+");
	CU_ASSERT_EQUAL(name_of(0x16, SLICE("#a#"), line), 0);
	CU_ASSERT_STRING_EQUAL(line, "CN=\\#a#");
	CU_ASSERT_EQUAL(name_of(0x0c, SLICE("千代田区"), line), 0);
	CU_ASSERT_STRING_EQUAL(line, "CN=千代田区");
	CU_ASSERT_EQUAL(name_of(0x13, SLICE("千代田区"), line), -1);
	CU_ASSERT_EQUAL(name_of(0x0c, SLICE("\xff"), line), -1);
	CU_ASSERT_EQUAL(name_of(0x0c, SLICE("a\nb"), line), -1);
	CU_ASSERT_EQUAL(name_of(0x0c, SLICE("a\x7f"), line), -1);
	CU_ASSERT_EQUAL(name_of(0x0c, SLICE(""), line), -1);
	CU_ASSERT_EQUAL(name_of(0x04, SLICE("a"), line), -1);
	/* more parts than any name of ours: 17 of ten bytes */
	memcpy(many, "\x30\x81\xbb", 3);
	for (int i = 0; i < 17; i++)
		memcpy(many + 3 + 11 * i,
		    "\x31\x09\x30\x07\x06\x02\x55\x04\x0c\x01x", 11);
	CU_ASSERT_EQUAL(
	    der_name((struct slice) { many, 3 + 17 * 11 }, line, 64), -1);
}

/* Bytes looked at as a file: nothing beyond their end, in either way. */
static void
ends_of_files(void)
{
	struct der_file f;
	struct der_head h;

	der_file_bytes(&f, SLICE("\x04\x02hi"));
	CU_ASSERT_PTR_NOT_NULL(der_file_at(&f, 0, 4));
	CU_ASSERT_PTR_NULL(der_file_at(&f, -1, 1));
	CU_ASSERT_PTR_NULL(der_file_at(&f, 5, 0));
	CU_ASSERT_PTR_NULL(der_file_at(&f, 3, 2));
	CU_ASSERT_EQUAL(der_file_head(&f, 0, 4, false, &h), 0);
	CU_ASSERT(h.from == 2 && h.end == 4);
	CU_ASSERT_EQUAL(der_file_head(&f, 0, 3, false, &h), -1);
	CU_ASSERT_EQUAL(der_file_head(&f, 4, 4, false, &h), -1);
	CU_ASSERT_EQUAL(der_file_head(&f, 4, 2, false, &h), -1);
	der_file_close(&f);
}

static void
digests(void)
{
	unsigned char mac[32];
	char hex[65];

	seal_digest(SLICE("abc"), hex);
	CU_ASSERT_STRING_EQUAL(hex,
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");
	seal_hmac(SLICE("Jefe"), SLICE("what do ya want for nothing?"), mac);
	der_hex((struct slice) { (char *)mac, 32 }, hex, 65);
	CU_ASSERT_STRING_EQUAL(hex,
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
}

static CU_TestInfo tests[] = {
	{ "lengths are definite and shortest", lengths },
	{ "serial numbers are positive and canonical", serials },
	{ "times are UTC with seconds", times },
	{ "a name is one line, last part first", names },
	{ "names that are none, or need a backslash", odd_names },
	{ "nothing is read beyond the end", ends_of_files },
	{ "digests are those of the standards", digests },
	CU_TEST_INFO_NULL,
};
SUITE(der, tests);
