/* seal.h against the openssl command: what it sealed we read, what we seal
 * it reads, and nothing that was touched passes. */
#include <sys/stat.h>

#include "formats/codec/seal.h"
#include "formats/limits.h"
#include "tests/pki/pki.h"

static struct chain *
trust(const char *crl)
{
	struct pki_sink s = pki_sink();
	struct chain *c =
	    chain_open(pki("ca.pem"), crl != NULL ? pki(crl) : NULL, &s.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static struct seal_key *
key(const char *name)
{
	struct pki_sink s = pki_sink();
	char k[64], c[64];
	struct seal_key *out;

	snprintf(k, sizeof(k), "%s.key", name);
	snprintf(c, sizeof(c), "%s.pem", name);
	out = seal_key_open(pki(k), pki(c), &s.sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	return out;
}

static int
temp(void)
{
	char path[] = "/tmp/shikaku-seal-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd != -1);
	unlink(path);
	return fd;
}

static bool
holds(int fd, struct slice want)
{
	char *p = malloc(want.n + 1);
	bool same = pread(fd, p, want.n + 1, 0) == (ssize_t)want.n &&
	    memcmp(p, want.p, want.n) == 0;

	free(p);
	return same;
}

static enum diag_code
open_it(const char *name, const struct chain *c, const struct seal_key *k,
    struct seal_signer *who)
{
	struct pki_sink s = pki_sink();
	struct slice want = pki_bytes("content");
	int in = pki_fd(name), out = temp();
	int r = seal_open(name, in, out, c, k, PKI_NOW, who, &s.sink);

	if (r == 0) {
		CU_ASSERT(holds(out, want));
		CU_ASSERT_EQUAL(s.sink.levels[DIAG_FATAL], 0);
	} else {
		CU_ASSERT(holds(out, SLICE("")));
		CU_ASSERT_EQUAL(s.sink.levels[DIAG_FATAL], 1);
	}
	close(in);
	close(out);
	free((char *)want.p);
	return s.last;
}

static void
sealed_by_openssl(void)
{
	static const char *const good[] = { "sealed-good.p7m", "sealed-rsa.p7m",
		"sealed-stream.p7m", "sealed-keyid.p7m", "sealed-sha512.p7m",
		"sealed-enveloped.p7m" };
	struct chain *c = trust("crl.pem");
	struct seal_key *k = key("open");
	struct seal_signer who;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (open_it(good[i], c, k, &who) != DIAG__MAX) {
			fprintf(stderr, "%s\n", good[i]);
			CU_FAIL("a good seal was refused");
		}
		CU_ASSERT_STRING_EQUAL(who.subject_cn, "06139992");
		CU_ASSERT(who.signing_time > 0);
	}
	seal_key_free(k);
	chain_free(c);
}

static void
wrong_seals(void)
{
	static const struct {
		const char *name;
		enum diag_code want;
	} bad[] = {
		{ "sealed-wrong.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-badweak.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-bad521.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-badsha1.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-badca.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-badv1.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-badnousage.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-badunknown.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-baduse.p7m", DIAG_SEAL_CHAIN },
		{ "sealed-expired.p7m", DIAG_SEAL_EXPIRED },
		{ "sealed-early.p7m", DIAG_SEAL_EXPIRED },
		{ "sealed-revoked.p7m", DIAG_SEAL_REVOKED },
		{ "sealed-two.p7m", DIAG_SEAL_BROKEN },
		{ "sealed-sha1.p7m", DIAG_SEAL_BROKEN },
		{ "sealed-pss.p7m", DIAG_SEAL_BROKEN },
		{ "sealed-noattr.p7m", DIAG_SEAL_BROKEN },
		{ "sealed-nocert.p7m", DIAG_SEAL_BROKEN },
		{ "detached.p7s", DIAG_SEAL_BROKEN },
		{ "enveloped", DIAG_SEAL_BROKEN },
		{ "content", DIAG_SEAL_BROKEN },
		{ "sealed-otherkey.p7m", DIAG_SEAL_DECRYPT },
	};
	struct chain *c = trust("crl.pem");
	struct seal_key *k = key("open");
	struct seal_signer who;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum diag_code code = open_it(bad[i].name, c, k, &who);

		if (code != bad[i].want) {
			fprintf(stderr, "%s: %d, not %d\n", bad[i].name, code,
			    bad[i].want);
			CU_FAIL("a wrong seal was judged wrongly");
		}
	}
	CU_ASSERT_EQUAL(
	    open_it("sealed-enveloped.p7m", c, NULL, &who), DIAG_SEAL_DECRYPT);
	chain_free(c);
	c = trust("stale.pem");
	CU_ASSERT_EQUAL(open_it("sealed-good.p7m", c, k, &who), DIAG_SEAL_CRL);
	chain_free(c);
	seal_key_free(k);
}

/* In a file of random bytes there is no pattern to hide in: every bit of
 * every byte matters. Two ways to change each byte, and each length. */
static void
touch_all(const char *name)
{
	struct slice in = pki_bytes(name);
	struct chain *c = trust("crl.pem");
	struct seal_signer who;
	char *p = text_alloc(in.n);
	int fd = temp(), out = temp(), accepted = 0, silent = 0;

	for (size_t i = 0; i < 3 * in.n; i++) {
		struct pki_sink s = pki_sink();
		size_t n = i < 2 * in.n ? in.n : i - 2 * in.n;

		memcpy(p, in.p, in.n);
		if (i < 2 * in.n)
			p[i % in.n] ^= i < in.n ? 0x01 : 0x20;
		CU_ASSERT_FATAL(
		    ftruncate(fd, 0) == 0 && pwrite(fd, p, n, 0) == (ssize_t)n);
		if (seal_open("x", fd, out, c, NULL, PKI_NOW, &who, &s.sink) ==
		    0) {
			fprintf(stderr, "%s: byte %zu\n", name, i % in.n);
			accepted++;
		}
		silent += s.sink.levels[DIAG_FATAL] != 1;
	}
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_EQUAL(silent, 0);
	close(fd);
	close(out);
	free(p);
	free((char *)in.p);
	chain_free(c);
}

static void
touched(void)
{
	touch_all("sealed-good.p7m");
	touch_all("sealed-stream.p7m");

	touch_all("sealed-keyid.p7m");
}

static void
sealed_by_us(void)
{
	struct pki_sink s = pki_sink();
	struct seal_key *k = key("good"), *o = key("open");
	struct chain *c = trust("crl.pem");
	struct slice want = pki_bytes("content");
	struct seal_signer who;
	char command[2048];
	int in = pki_fd("content"), out, back = temp();

	out =
	    open(pki("ours.p7m"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(
	    seal_make("ours", in, out, k, NULL, PKI_NOW, &s.sink), 0);
	CU_ASSERT_EQUAL(
	    seal_open("ours", out, back, c, NULL, PKI_NOW, &who, &s.sink), 0);
	CU_ASSERT(holds(back, want));
	CU_ASSERT_EQUAL(who.signing_time, PKI_NOW);
	CU_ASSERT_STRING_EQUAL(who.subject_cn, "06139992");
	close(out);
	snprintf(command, sizeof(command),
	    "openssl cms -verify -binary -inform DER -in %s -CAfile %s "
	    "-attime %lld -purpose any -out %s 2>/dev/null && cmp -s %s %s",
	    pki("ours.p7m"), pki("ca.pem"), (long long)(PKI_NOW / 1000),
	    pki("ours.out"), pki("ours.out"), pki("content"));
	CU_ASSERT_EQUAL(system(command), 0);

	out = temp();
	CU_ASSERT_EQUAL(
	    seal_make("ours", in, out, k, pki("open.pem"), PKI_NOW, &s.sink),
	    0);
	CU_ASSERT_EQUAL(
	    seal_open("ours", out, back, c, o, PKI_NOW, &who, &s.sink), 0);
	CU_ASSERT(holds(back, want));
	close(out);
	CU_ASSERT_EQUAL(s.sink.levels[DIAG_FATAL], 0);
	close(in);
	close(back);
	free((char *)want.p);
	seal_key_free(k);
	seal_key_free(o);
	chain_free(c);
	touch_all("ours.p7m");
}

/* Lengths at which DER takes one more octet, and past our windows. */
static void
sizes(void)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 255, 256, 65535, 65536,
		262143, 262144, 262145, 16777216 };
	struct pki_sink s = pki_sink();
	struct seal_key *k = key("goodrsa");
	struct chain *c = trust("crl.pem");
	struct seal_signer who;
	int in = temp(), out = temp(), back = temp();
	char *p = malloc(16777216);

	for (size_t i = 0; i < 16777216; i++)
		p[i] = (char)(i * 2654435761u >> 13);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CU_ASSERT_FATAL(ftruncate(in, 0) == 0 &&
		    pwrite(in, p, sizes[i], 0) == (ssize_t)sizes[i] &&
		    ftruncate(out, 0) == 0 && lseek(out, 0, SEEK_SET) == 0);
		CU_ASSERT_EQUAL(
		    seal_make("x", in, out, k, NULL, PKI_NOW, &s.sink), 0);
		CU_ASSERT_EQUAL(
		    seal_open("x", out, back, c, NULL, PKI_NOW, &who, &s.sink),
		    0);
		CU_ASSERT(holds(back, (struct slice) { p, sizes[i] }));
	}
	close(in);
	close(out);
	close(back);
	free(p);
	seal_key_free(k);
	chain_free(c);
}

static void
detached(void)
{
	struct pki_sink s = pki_sink();
	struct seal_key *k = key("good384");
	struct chain *c = trust("crl.pem");
	struct slice content = pki_bytes("content"),
		     theirs = pki_bytes("detached.p7s");
	char store[16384];
	struct seal_signer who;
	struct buf b;

	CU_ASSERT_EQUAL(
	    seal_verify_bytes("x", content, theirs, c, PKI_NOW, &who, &s.sink),
	    0);
	buf_init(&b, store, sizeof(store));
	CU_ASSERT_EQUAL(
	    seal_sign_bytes("x", content, k, PKI_NOW, &b, &s.sink), 0);
	CU_ASSERT_EQUAL(seal_verify_bytes("x", content, buf_slice(&b), c,
			    PKI_NOW, &who, &s.sink),
	    0);
	CU_ASSERT_EQUAL(s.sink.levels[DIAG_FATAL], 0);
	content.n--;
	CU_ASSERT_EQUAL(seal_verify_bytes("x", content, buf_slice(&b), c,
			    PKI_NOW, &who, &s.sink),
	    -1);
	CU_ASSERT_EQUAL(s.last, DIAG_SEAL_BROKEN);
	buf_init(&b, store, 100); /* never cut */
	CU_ASSERT_EQUAL(
	    seal_sign_bytes("x", content, k, PKI_NOW, &b, &s.sink), -1);
	free((char *)content.p);
	free((char *)theirs.p);
	seal_key_free(k);
	chain_free(c);
}

static void
keys(void)
{
	struct pki_sink s = pki_sink();

	CU_ASSERT_PTR_NULL(
	    seal_key_open(pki("good.key"), pki("wrong-no.pem"), &s.sink));
	CU_ASSERT_PTR_NULL(
	    seal_key_open(pki("rsa.key"), pki("good.pem"), &s.sink));
	CU_ASSERT_FATAL(chmod(pki("weak.key"), 0640) == 0);
	CU_ASSERT_PTR_NULL(
	    seal_key_open(pki("weak.key"), pki("badweak.pem"), &s.sink));
	CU_ASSERT_EQUAL(s.sink.counts[DIAG_KEY_UNREADABLE], 3);
}

static void
boxes(void)
{
	unsigned char key[32] = { 1 }, other[32] = { 2 };
	char box[128], plain[64];
	struct buf b, again, p;

	buf_init(&b, box, 60);
	CU_ASSERT_EQUAL(seal_box(key, SLICE("E1"), SLICE("code"), &b), 0);
	CU_ASSERT_EQUAL(b.n, 4 + SEAL_BOX_EXTRA);
	buf_init(&p, plain, sizeof(plain));
	CU_ASSERT_EQUAL(seal_unbox(key, SLICE("E1"), buf_slice(&b), &p), 0);
	CU_ASSERT(slice_is(buf_slice(&p), "code"));
	/* another key, another person, a changed bit, a cut */
	CU_ASSERT_EQUAL(seal_unbox(other, SLICE("E1"), buf_slice(&b), &p), -1);
	CU_ASSERT_EQUAL(seal_unbox(key, SLICE("E2"), buf_slice(&b), &p), -1);
	for (size_t i = 0; i < b.n; i++) {
		box[i] ^= 4;
		CU_ASSERT_EQUAL(
		    seal_unbox(key, SLICE("E1"), buf_slice(&b), &p), -1);
		box[i] ^= 4;
		CU_ASSERT_EQUAL(
		    seal_unbox(key, SLICE("E1"), (struct slice) { box, i }, &p),
		    -1);
	}
	/* the same value twice does not look the same */
	buf_init(&again, box + 64, 60);
	CU_ASSERT_EQUAL(seal_box(key, SLICE("E1"), SLICE("code"), &again), 0);
	CU_ASSERT(!slice_eq(buf_slice(&b), buf_slice(&again)));
	buf_init(&b, box, 31);
	CU_ASSERT_EQUAL(seal_box(key, SLICE("E1"), SLICE("code"), &b), -1);
}

static CU_TestInfo tests[] = {
	{ "a sealed value opens for its key and owner only", boxes },
	{ "what openssl sealed is read", sealed_by_openssl },
	{ "wrong seals are refused by name", wrong_seals },
	{ "no byte can be changed and no end cut off", touched },
	{ "openssl reads what we sealed", sealed_by_us },
	{ "content of every length", sizes },
	{ "detached signatures, theirs and ours", detached },
	{ "keys that fit and nobody else can read", keys },
	CU_TEST_INFO_NULL,
};
SUITE(seal, tests);
