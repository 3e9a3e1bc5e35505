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
	{ "digests are those of the standards", digests },
	CU_TEST_INFO_NULL,
};
SUITE(der, tests);
