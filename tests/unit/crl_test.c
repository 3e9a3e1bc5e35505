/*
 * Revocation lists put together here and signed by the TEST CA: entries that
 * are not the plain ones, and structures that a good signature does not make
 * right. Beside chain_test.c, whose lists openssl made.
 */
#include <openssl/pem.h>
#include <sys/mman.h>

#include "formats/codec/chain.h"
#include "formats/codec/der.h"
#include "tests/pki/pki.h"

#define ROOM ((size_t)64 << 10)

static char list_[ROOM]; /* crl-good.der, whole */
static struct slice tbs_parts[7]; /* version .. extensions */
static struct slice algorithm;
static EVP_PKEY *ca_key;
static struct chain_cards *pinned;

/* tag, length in its shortest form, contents */
static void
wrap(struct buf *out, unsigned char tag, struct slice v)
{
	buf_putc(out, (char)tag);
	if (v.n >= 0x100) {
		buf_putc(out, '\x82');
		buf_putc(out, (char)(v.n >> 8));
	} else if (v.n >= 0x80) {
		buf_putc(out, '\x81');
	}
	buf_putc(out, (char)v.n);
	buf_put(out, v);
}

static void
open_all(void)
{
	struct pki_sink s = pki_sink();
	struct slice der = pki_bytes("crl-good.der"), in;
	struct der_item it, part;
	FILE *f = fopen(pki("cards1.key"), "re");

	CU_ASSERT_FATAL(f != NULL && der.n < sizeof(list_));
	memcpy(list_, der.p, der.n);
	in = (struct slice) { list_, der.n };
	free((char *)der.p);
	CU_ASSERT_FATAL(der_next(&in, &it) == 0 && der_next(&it.v, &part) == 0);
	for (int i = 0; i < 7; i++) {
		struct der_item piece;
		CU_ASSERT_FATAL(der_next(&part.v, &piece) == 0);
		tbs_parts[i] = piece.all;
	}
	CU_ASSERT_FATAL(der_next(&it.v, &part) == 0);
	algorithm = part.all;
	ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ca_key);
	fclose(f);
	pinned = chain_cards_open(pki("cards.pem"), "2.999.1.3.30", &s.sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pinned);
}

static void
close_all(void)
{
	chain_cards_free(pinned);
	EVP_PKEY_free(ca_key);
}

/* A CertificateList around these bytes of a TBSCertList, signed anew. */
static void
sign(struct slice tbs, struct buf *out)
{
	static char body[ROOM];
	unsigned char sig[513];
	size_t n = sizeof(sig) - 1;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf b;

	sig[0] = 0; /* unused bits */
	CU_ASSERT_FATAL(
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ca_key) == 1 &&
	    EVP_DigestSign(
		ctx, sig + 1, &n, (const unsigned char *)tbs.p, tbs.n) == 1);
	EVP_MD_CTX_free(ctx);
	buf_init(&b, body, sizeof(body));
	buf_put(&b, tbs);
	buf_put(&b, algorithm);
	wrap(&b, DER_BITS, (struct slice) { (char *)sig, n + 1 });
	wrap(out, DER_SEQUENCE, buf_slice(&b));
}

/* The good list with other entries and perhaps other extensions. */
static void
assemble(struct slice entries, struct slice extensions, struct buf *out)
{
	static char body[ROOM], tbs[ROOM];
	struct buf b, t;

	buf_init(&b, body, sizeof(body));
	for (int i = 0; i < 5; i++)
		buf_put(&b, tbs_parts[i]);
	if (entries.p != NULL)
		wrap(&b, DER_SEQUENCE, entries);
	buf_put(&b, extensions.p != NULL ? extensions : tbs_parts[6]);
	buf_init(&t, tbs, sizeof(tbs));
	wrap(&t, DER_SEQUENCE, buf_slice(&b));
	sign(buf_slice(&t), out);
}

struct told {
	char text[512];
	int n, stop;
};

static int
on_entry(void *arg, struct slice serial, int64_t at, int reason)
{
	struct told *t = arg;
	size_t used = strlen(t->text);

	snprintf(t->text + used, sizeof(t->text) - used, "%.*s/%lld/%d ",
	    (int)serial.n, serial.p, (long long)at, reason);
	return ++t->n == t->stop;
}

/* DIAG__MAX where it is taken. */
static enum diag_code
walk(struct slice der, struct told *t)
{
	struct pki_sink s = pki_sink();
	struct chain_crl crl;
	int fd = memfd_create("crl", MFD_CLOEXEC), r;

	CU_ASSERT_FATAL(write(fd, der.p, der.n) == (ssize_t)der.n);
	r = chain_crl_walk("x", fd, pinned, &crl, on_entry, t, &s.sink);
	close(fd);
	CU_ASSERT(r == 0 ? s.last == DIAG__MAX :
			   s.sink.levels[DIAG_FATAL] == 1 || t->stop > 0);
	CU_ASSERT(r == -1 || crl.entries == t->n);
	return r == 0 ? DIAG__MAX : s.last;
}

static enum diag_code
entries_are(struct slice entries, struct told *t)
{
	static char der[ROOM];
	struct buf b;

	memset(t->text, 0, sizeof(t->text));
	t->n = 0;
	buf_init(&b, der, sizeof(der));
	assemble(entries, (struct slice) { NULL, 0 }, &b);
	return walk(buf_slice(&b), t);
}

/* 2026-07-01 00:00:00 UTC: 20635 days after 1970 (20666 less July's 31). */
#define JULY INT64_C(1782864000000)
#define UTC "\x17\x0d"
#define FIRST UTC "260701000000Z"

static void
odd_entries(void)
{
	struct told t = { .stop = 0 };

	open_all();
	CU_ASSERT_EQUAL(JULY, INT64_C(20635) * DAY_MS);
	/* GeneralizedTime; a serial of nine octets; an extension that is not
	 * critical before the reason; a second moment of the same day */
	CU_ASSERT_EQUAL(
	    entries_are(
		SLICE(
		    "\x30\x12\x02\x01\x05" FIRST "\x30\x14\x02\x01\x06\x18\x0f"
		    "20260701000001Z"
		    "\x30\x12\x02\x01\x07" UTC "260701235959Z"
		    "\x30\x33\x02\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00" FIRST
		    "\x30\x17"
		    "\x30\x09\x06\x03\x2a\x03\x04\x04\x02\x05\x00"
		    "\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x03"),
		&t),
	    DIAG__MAX);
	CU_ASSERT_STRING_EQUAL(t.text,
	    "05/1782864000000/-1 06/1782864001000/-1 07/1782950399000/-1 "
	    "010000000000000000/1782864000000/3 ");
	CU_ASSERT_EQUAL(1782950399000, JULY + DAY_MS - 1000);
	/* none at all: the list is left out */
	CU_ASSERT_EQUAL(entries_are((struct slice) { NULL, 0 }, &t), DIAG__MAX);
	CU_ASSERT_EQUAL(t.n, 0);
	/* the caller may stop */
	t.stop = 1;
	CU_ASSERT_EQUAL(entries_are(SLICE("\x30\x12\x02\x01\x05" FIRST
					  "\x30\x12\x02\x01\x06" FIRST),
			    &t),
	    DIAG__MAX);
	CU_ASSERT_EQUAL(t.n, 1);
	close_all();
}

static void
wrong_entries(void)
{
#define R "\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01"
	const struct {
		const char *what;
		struct slice bytes;
		enum diag_code code;
	} v[] = {
		{ "an empty list", { "", 0 }, DIAG_CRL_BROKEN },
		{ "not a sequence", SLICE("\x31\x12\x02\x01\x05" FIRST),
		    DIAG_CRL_BROKEN },
		{ "serial zero", SLICE("\x30\x12\x02\x01\x00" FIRST),
		    DIAG_CRL_BROKEN },
		{ "no serial", SLICE("\x30\x0f" FIRST), DIAG_CRL_BROKEN },
		{ "no moment", SLICE("\x30\x03\x02\x01\x05"), DIAG_CRL_BROKEN },
		{ "no such day",
		    SLICE("\x30\x12\x02\x01\x05" UTC "260231000000Z"),
		    DIAG_CRL_BROKEN },
		{ "no such hour, of a day seen before",
		    SLICE("\x30\x12\x02\x01\x05" FIRST
			  "\x30\x12\x02\x01\x06" UTC "260701240000Z"),
		    DIAG_CRL_BROKEN },
		{ "no such minute",
		    SLICE("\x30\x12\x02\x01\x05" FIRST
			  "\x30\x12\x02\x01\x06" UTC "260701006000Z"),
		    DIAG_CRL_BROKEN },
		{ "no such second",
		    SLICE("\x30\x12\x02\x01\x05" FIRST
			  "\x30\x12\x02\x01\x06" UTC "260701000060Z"),
		    DIAG_CRL_BROKEN },
		{ "letters in a moment",
		    SLICE("\x30\x12\x02\x01\x05" FIRST
			  "\x30\x12\x02\x01\x06" UTC "2607010000x0Z"),
		    DIAG_CRL_BROKEN },
		{ "not UTC",
		    SLICE("\x30\x12\x02\x01\x05" FIRST
			  "\x30\x12\x02\x01\x06" UTC "260701000000+"),
		    DIAG_CRL_BROKEN },
		{ "reason 7",
		    SLICE("\x30\x20\x02\x01\x05" FIRST "\x30\x0c" R "\x07"),
		    DIAG_CRL_BROKEN },
		{ "reason 8",
		    SLICE("\x30\x20\x02\x01\x05" FIRST "\x30\x0c" R "\x08"),
		    DIAG_CRL_BROKEN },
		{ "reason 11",
		    SLICE("\x30\x20\x02\x01\x05" FIRST "\x30\x0c" R "\x0b"),
		    DIAG_CRL_BROKEN },
		{ "two reasons",
		    SLICE("\x30\x2c\x02\x01\x05" FIRST "\x30\x18" R "\x01" R
			  "\x01"),
		    DIAG_CRL_BROKEN },
		{ "a reason that is a number",
		    SLICE("\x30\x20\x02\x01\x05" FIRST
			  "\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03"
			  "\x02\x01\x01"),
		    DIAG_CRL_BROKEN },
		{ "a critical extension unknown",
		    SLICE("\x30\x22\x02\x01\x05" FIRST
			  "\x30\x0e\x30\x0c\x06\x03\x2a\x03\x04"
			  "\x01\x01\xff\x04\x02\x05\x00"),
		    DIAG_CRL_BROKEN },
		{ "critical FALSE, which is the default",
		    SLICE("\x30\x22\x02\x01\x05" FIRST
			  "\x30\x0e\x30\x0c\x06\x03\x2a\x03\x04"
			  "\x01\x01\x00\x04\x02\x05\x00"),
		    DIAG_CRL_BROKEN },
		{ "extensions that are none",
		    SLICE("\x30\x14\x02\x01\x05" FIRST "\x05\x00"),
		    DIAG_CRL_BROKEN },
		{ "an extension cut",
		    SLICE("\x30\x1b\x02\x01\x05" FIRST
			  "\x30\x07\x30\x05\x06\x03\x2a\x03\x04"),
		    DIAG_CRL_BROKEN },
		{ "bytes after the extensions",
		    SLICE("\x30\x22\x02\x01\x05" FIRST "\x30\x0c" R "\x01"
			  "\x05\x00"),
		    DIAG_CRL_BROKEN },
		{ "the same serial twice",
		    SLICE("\x30\x12\x02\x01\x05" FIRST
			  "\x30\x12\x02\x01\x05" FIRST),
		    DIAG_CRL_TWICE },
		{ "a serial after a greater one",
		    SLICE("\x30\x12\x02\x01\x05" FIRST
			  "\x30\x12\x02\x01\x04" FIRST),
		    DIAG_CRL_UNSORTED },
		{ "a short serial after a long one",
		    SLICE("\x30\x13\x02\x02\x05\x00" FIRST
			  "\x30\x12\x02\x01\x06" FIRST),
		    DIAG_CRL_UNSORTED },
	};
	struct told t = { .stop = 0 };

	open_all();
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		enum diag_code code = entries_are(v[i].bytes, &t);

		if (code != v[i].code) {
			fprintf(stderr, "%s: %d\n", v[i].what, code);
			CU_FAIL("a wrong entry was judged wrongly");
		}
	}
	close_all();
}

/* One field of the head left out, given twice, or another tag. */
static void
wrong_heads(void)
{
	static char body[ROOM], tbs[ROOM], der[ROOM];
	struct told t = { .stop = 0 };
	struct buf b, w, d;

	open_all();
	for (int part = 0; part < 7; part++)
		for (int how = 0; how < 3; how++) {
			if (part == 5 && how == 0)
				continue; /* no entries: good */
			buf_init(&b, body, sizeof(body));
			for (int i = 0; i < 7; i++) {
				if (i != part) {
					buf_put(&b, tbs_parts[i]);
					continue;
				}
				if (how == 1)
					buf_put(&b, tbs_parts[i]);
				if (how == 2)
					buf_put(&b, SLICE("\x05\x00"));
				if (how == 1)
					buf_put(&b, tbs_parts[i]);
			}
			buf_init(&w, tbs, sizeof(tbs));
			wrap(&w, DER_SEQUENCE, buf_slice(&b));
			buf_init(&d, der, sizeof(der));
			sign(buf_slice(&w), &d);
			t.n = 0;
			enum diag_code code = walk(buf_slice(&d), &t);
			/* another issuer is not a pinned one */
			enum diag_code want = part == 2 && how == 2 ?
			    DIAG_CRL_SIGNATURE :
			    DIAG_CRL_BROKEN;
			if (code != want || t.n != 0) {
				fprintf(stderr, "part %d how %d: %d\n", part,
				    how, code);
				CU_FAIL("a wrong head was judged wrongly");
			}
		}
	close_all();
}

/* Every byte of the signed part changed, and the signature good again: no
 * crash, no silence, and what is still a list is told as one. */
static void
signed_nonsense(void)
{
	static const unsigned char how[] = { 0x01, 0x20, 0x80, 0xff };
	static char whole[ROOM], der[ROOM];
	int taken = 0, refused = 0;
	struct told t;
	struct buf b, d;
	struct slice in;
	struct der_item it, tbs;

	open_all();
	buf_init(&b, whole, sizeof(whole));
	assemble(SLICE("\x30\x12\x02\x01\x05" FIRST "\x30\x20\x02\x01\x06" FIRST
		       "\x30\x0c" R "\x01"
		       "\x30\x22\x02\x01\x07\x18\x0f"
		       "20260701000001Z"
		       "\x30\x0c" R "\x01"),
	    (struct slice) { NULL, 0 }, &b);
	in = buf_slice(&b);
	CU_ASSERT_FATAL(der_next(&in, &it) == 0 && der_next(&it.v, &tbs) == 0);
	for (size_t i = 0; i < tbs.all.n; i++)
		for (size_t k = 0; k < sizeof(how); k++) {
			char *at = (char *)(uintptr_t)tbs.all.p + i;

			*at = (char)(*at ^ how[k]);
			buf_init(&d, der, sizeof(der));
			sign(tbs.all, &d);
			*at = (char)(*at ^ how[k]);
			memset(&t, 0, sizeof(t));
			if (walk(buf_slice(&d), &t) == DIAG__MAX)
				taken++;
			else
				refused++;
		}
	/* a serial, a moment, a reason, the number may be others */
	CU_ASSERT(taken > 0 && refused > 4 * taken);
	close_all();
}

static CU_TestInfo tests[] = {
	{ "entries that are not the plain ones are read in full", odd_entries },
	{ "a good signature does not make a wrong entry right", wrong_entries },
	{ "nor a head with a part too many, too few or another", wrong_heads },
	{ "nor any byte changed before it was signed", signed_nonsense },
	CU_TEST_INFO_NULL,
};
SUITE(crl, tests);
