/* chain.h over certificates the openssl command made (tests/pki/make.sh). */
#include <openssl/pem.h>

#include "formats/codec/chain.h"
#include "tests/pki/pki.h"

static X509 *
cert(const char *name)
{
	FILE *f = fopen(pki(name), "r");
	X509 *x = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f != NULL)
		fclose(f);
	CU_ASSERT_PTR_NOT_NULL_FATAL(x);
	return x;
}

static struct chain *
trust(const char *ca, const char *crl)
{
	struct pki_sink s = pki_sink();
	struct chain *c =
	    chain_open(pki(ca), crl != NULL ? pki(crl) : NULL, &s.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static enum diag_code
judge(const struct chain *c, const char *name, enum chain_use use, int64_t now)
{
	X509 *x = cert(name);
	enum diag_code code = chain_check(c, x, use, now);

	X509_free(x);
	return code;
}

static void
good_signers(void)
{
	static const char *const good[] = { "good.pem", "good384.pem",
		"goodrsa.pem", "second.pem" };
	struct chain *c = trust("ca.pem", "crl.pem");

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CU_ASSERT_EQUAL(
		    judge(c, good[i], CHAIN_SIGN, PKI_NOW), DIAG__MAX);
	chain_free(c);
}

static void
bad_signers(void)
{
	static const char *const bad[] = { "wrong.pem", "badweak.pem",
		"bad521.pem", "badsha1.pem", "badca.pem", "badv1.pem",
		"badnousage.pem", "badunknown.pem", "baduse.pem", "open.pem",
		"ca.pem" };
	struct chain *c = trust("ca.pem", "crl.pem");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (judge(c, bad[i], CHAIN_SIGN, PKI_NOW) != DIAG_SEAL_CHAIN)
			CU_FAIL("a certificate not fit to sign was let in");
	CU_ASSERT_EQUAL(
	    judge(c, "revoked.pem", CHAIN_SIGN, PKI_NOW), DIAG_SEAL_REVOKED);
	CU_ASSERT_EQUAL(
	    judge(c, "expired.pem", CHAIN_SIGN, PKI_NOW), DIAG_SEAL_EXPIRED);
	CU_ASSERT_EQUAL(
	    judge(c, "early.pem", CHAIN_SIGN, PKI_NOW), DIAG_SEAL_EXPIRED);
	chain_free(c);
}

/* expired.pem ends with 2026-07-31 23:59:59 JST (the last second is out, as
 * OpenSSL counts), early.pem begins with 2026-08-02 00:00:00. */
static void
edges(void)
{
	struct chain *c = trust("ca.pem", NULL);
	int64_t midnight = PKI_NOW - INT64_C(12) * 3600000;

	CU_ASSERT_EQUAL(
	    judge(c, "expired.pem", CHAIN_SIGN, midnight - 2000), DIAG__MAX);
	CU_ASSERT_EQUAL(
	    judge(c, "expired.pem", CHAIN_SIGN, midnight), DIAG_SEAL_EXPIRED);
	CU_ASSERT_EQUAL(
	    judge(c, "early.pem", CHAIN_SIGN, midnight + DAY_MS - 1000),
	    DIAG_SEAL_EXPIRED);
	CU_ASSERT_EQUAL(
	    judge(c, "early.pem", CHAIN_SIGN, midnight + DAY_MS), DIAG__MAX);
	chain_free(c);
}

static void
uses(void)
{
	struct chain *c = trust("ca.pem", "crl.pem");

	CU_ASSERT_EQUAL(
	    judge(c, "client.pem", CHAIN_CLIENT, PKI_NOW), DIAG__MAX);
	CU_ASSERT_EQUAL(
	    judge(c, "server.pem", CHAIN_SERVER, PKI_NOW), DIAG__MAX);
	CU_ASSERT_EQUAL(
	    judge(c, "server.pem", CHAIN_CLIENT, PKI_NOW), DIAG_SEAL_CHAIN);
	CU_ASSERT_EQUAL(
	    judge(c, "client.pem", CHAIN_SERVER, PKI_NOW), DIAG_SEAL_CHAIN);
	/* without extended key usage: not for TLS */
	CU_ASSERT_EQUAL(
	    judge(c, "good.pem", CHAIN_CLIENT, PKI_NOW), DIAG_SEAL_CHAIN);
	CU_ASSERT_EQUAL(
	    judge(c, "client.pem", CHAIN_SIGN, PKI_NOW), DIAG_SEAL_CHAIN);
	chain_free(c);
}

static void
stale_crl(void)
{
	struct chain *c = trust("ca.pem", "stale.pem");

	CU_ASSERT_EQUAL(
	    judge(c, "good.pem", CHAIN_SIGN, PKI_NOW), DIAG_SEAL_CRL);
	chain_free(c);
	/* same name, other key: its signature does not fit */
	c = trust("ca.pem", "othercrl.pem");
	CU_ASSERT_EQUAL(
	    judge(c, "good.pem", CHAIN_SIGN, PKI_NOW), DIAG_SEAL_CRL);
	chain_free(c);
}

static void
trust_files(void)
{
	static const char *const bad[][2] = { { "missing.pem", "crl.pem" },
		{ "ca.pem", "missing.pem" }, { "good.pem", "crl.pem" },
		{ "content", "crl.pem" }, { "ca.pem", "content" },
		{ "ca.pem", "nonumber.pem" } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pki_sink s = pki_sink();
		struct chain *c =
		    chain_open(pki(bad[i][0]), pki(bad[i][1]), &s.sink);

		CU_ASSERT_PTR_NULL(c);
		CU_ASSERT_EQUAL(s.last, DIAG_KEY_UNREADABLE);
		CU_ASSERT_EQUAL(s.sink.levels[DIAG_FATAL], 1);
	}
}

/* ---- cards ---- */

static struct chain_cards *
cards(void)
{
	struct pki_sink s = pki_sink();
	struct chain_cards *c =
	    chain_cards_open(pki("cards.pem"), "2.999.1.3.30", &s.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static enum diag_code
card(const struct chain_cards *c, const char *name, const char *sig,
    struct chain_card *out)
{
	struct slice der = pki_bytes(name), s = pki_bytes(sig),
		     m = pki_bytes("challenge");
	enum diag_code code = chain_card_check(c, der, m, s, PKI_NOW, out);

	free((char *)der.p);
	free((char *)s.p);
	free((char *)m.p);
	return code;
}

#define CHIYODA                                                                \
	"CN=Chiyoda-ku CRLDP,OU=Tokyo-to,OU=CRL Distribution Points,"          \
	"OU=TESTPKI for user authentication,O=TESTPKI,C=JP"

static void
good_cards(void)
{
	struct chain_cards *c = cards();
	struct chain_card one, two;

	CU_ASSERT_EQUAL(
	    card(c, "card-good.der", "challenge.sig", &one), DIAG__MAX);
	CU_ASSERT_STRING_EQUAL(one.serial, "0133c349");
	CU_ASSERT_STRING_EQUAL(one.partition, CHIYODA);
	CU_ASSERT_EQUAL(strlen(one.ca), 40);
	/* 2048-12-31 14:59:59 UTC, the last second of the day in Japan */
	CU_ASSERT_EQUAL(
	    one.not_after, day_moment(day_of(2049, 1, 1), 0) - 1000);
	CU_ASSERT_EQUAL(
	    card(c, "card-second.der", "challenge.sig", &two), DIAG__MAX);
	CU_ASSERT_STRING_NOT_EQUAL(one.ca, two.ca);
	chain_cards_free(c);
}

static void
bad_cards(void)
{
	static const struct {
		const char *name;
		enum diag_code want;
	} bad[] = {
		{ "card-fake.der", DIAG_CARD_CHAIN },
		{ "card-expired.der", DIAG_CARD_EXPIRED },
		{ "card-early.der", DIAG_CARD_EXPIRED },
		{ "card-noaki.der", DIAG_CARD_CHAIN },
		{ "card-akiserial.der", DIAG_CARD_CHAIN },
		{ "card-e3.der", DIAG_CARD_PROFILE },
		{ "card-3072.der", DIAG_CARD_PROFILE },
		{ "card-ec.der", DIAG_CARD_PROFILE },
		{ "card-sha512.der", DIAG_CARD_PROFILE },
		{ "card-policy.der", DIAG_CARD_PROFILE },
		{ "card-soft.der", DIAG_CARD_PROFILE },
		{ "card-nonrep.der", DIAG_CARD_PROFILE },
		{ "card-ca.der", DIAG_CARD_PROFILE },
		{ "card-unknown.der", DIAG_CARD_PROFILE },
		{ "card-nodp.der", DIAG_CARD_PROFILE },
		{ "card-uri.der", DIAG_CARD_PROFILE },
		{ "card-two.der", DIAG_CARD_PROFILE },
		{ "card-server.der", DIAG_CARD_PROFILE },
		{ "content", DIAG_CARD_PROFILE },
	};
	struct chain_cards *c = cards();
	struct chain_card out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		enum diag_code code =
		    card(c, bad[i].name, "challenge.sig", &out);

		if (code != bad[i].want) {
			fprintf(stderr, "%s: %d, not %d\n", bad[i].name, code,
			    bad[i].want);
			CU_FAIL("a wrong card was judged wrongly");
		}
	}
	CU_ASSERT_EQUAL(card(c, "card-good.der", "challenge512.sig", &out),
	    DIAG_CARD_SIGNATURE);
	CU_ASSERT_EQUAL(card(c, "card-good.der", "challengepss.sig", &out),
	    DIAG_CARD_SIGNATURE);
	CU_ASSERT_EQUAL(
	    card(c, "card-good.der", "challenge", &out), DIAG_CARD_SIGNATURE);
	chain_cards_free(c);
}

/* A signature is 256 bytes, not one fewer or more, at either end. */
static void
sizes_of_signatures(void)
{
	struct slice der = pki_bytes("card-good.der"),
		     sig = pki_bytes("challenge.sig"),
		     m = pki_bytes("challenge");
	struct chain_cards *c = cards();
	struct chain_card out;
	char longer[258] = { 0 };

	CU_ASSERT_EQUAL_FATAL(sig.n, 256);
	memcpy(longer + 1, sig.p, 256);
	struct slice wrong[] = { { sig.p, 255 }, { sig.p + 1, 255 },
		{ longer, 257 }, { longer + 1, 257 }, { longer, 256 },
		{ sig.p, 0 } };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CU_ASSERT_EQUAL(
		    chain_card_check(c, der, m, wrong[i], PKI_NOW, &out),
		    DIAG_CARD_SIGNATURE);
	CU_ASSERT_EQUAL(
	    chain_card_check(c, der, m, sig, PKI_NOW, &out), DIAG__MAX);
	free((char *)der.p);
	free((char *)sig.p);
	free((char *)m.p);
	chain_cards_free(c);
}

static enum diag_code
card_at(const struct chain_cards *c, const char *name, int64_t now)
{
	struct slice der = pki_bytes(name), sig = pki_bytes("challenge.sig"),
		     m = pki_bytes("challenge");
	struct chain_card out;
	enum diag_code code = chain_card_check(c, der, m, sig, now, &out);

	free((char *)der.p);
	free((char *)sig.p);
	free((char *)m.p);
	return code;
}

/* Until 23:59:59 JST, that second included; from 9:00:00 JST on. */
static void
seconds_of_a_card(void)
{
	struct chain_cards *c = cards();
	int64_t end = day_moment(day_of(2026, 8, 1), 0);
	int64_t begin = day_moment(day_of(2026, 9, 1), INT64_C(9) * 3600000);

	CU_ASSERT_EQUAL(card_at(c, "card-expired.der", end - 1), DIAG__MAX);
	CU_ASSERT_EQUAL(card_at(c, "card-expired.der", end), DIAG_CARD_EXPIRED);
	CU_ASSERT_EQUAL(card_at(c, "card-early.der", begin), DIAG__MAX);
	CU_ASSERT_EQUAL(
	    card_at(c, "card-early.der", begin - 1), DIAG_CARD_EXPIRED);
	chain_cards_free(c);
}

/* A store with another generation only: as a card of a test CA, or of the
 * signing CA, meets the pinned ones. */
static void
not_pinned(void)
{
	struct pki_sink s = pki_sink();
	struct chain_cards *c =
	    chain_cards_open(pki("cards2.pem"), "2.999.1.3.30", &s.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(card_at(c, "card-good.der", PKI_NOW), DIAG_CARD_CHAIN);
	CU_ASSERT_EQUAL(card_at(c, "card-second.der", PKI_NOW), DIAG__MAX);
	chain_cards_free(c);
}

static void
flipped_card(void)
{
	struct slice der = pki_bytes("card-good.der"),
		     sig = pki_bytes("challenge.sig"),
		     m = pki_bytes("challenge");
	char *p = malloc(der.n + 1);
	struct chain_cards *c = cards();
	struct chain_card out;
	int accepted = 0;

	memcpy(p, der.p, der.n);
	for (size_t i = 0; i < der.n; i++) {
		p[i] ^= 0x01;
		accepted += chain_card_check(c, (struct slice) { p, der.n }, m,
				sig, PKI_NOW, &out) == DIAG__MAX;
		p[i] ^= 0x01 ^ 0x20;
		accepted += chain_card_check(c, (struct slice) { p, der.n }, m,
				sig, PKI_NOW, &out) == DIAG__MAX;
		p[i] ^= 0x20;
		accepted += chain_card_check(c, (struct slice) { p, i }, m, sig,
				PKI_NOW, &out) == DIAG__MAX;
	}
	CU_ASSERT_EQUAL(accepted, 0);
	p[der.n] = 0;
	CU_ASSERT_EQUAL(chain_card_check(c, (struct slice) { p, der.n + 1 }, m,
			    sig, PKI_NOW, &out),
	    DIAG_CARD_PROFILE);
	free(p);
	free((char *)der.p);
	free((char *)sig.p);
	free((char *)m.p);
	chain_cards_free(c);
}

/* ---- partitions ---- */

struct seen {
	int n;
	char text[256];
};

static int
on_entry(void *arg, struct slice serial, int64_t at, int reason)
{
	struct seen *s = arg;
	size_t used = strlen(s->text);

	CU_ASSERT(at > 0);
	snprintf(s->text + used, sizeof(s->text) - used, "%.*s/%d ",
	    (int)serial.n, serial.p, reason);
	s->n++;
	return 0;
}

static void
good_partition(void)
{
	struct chain_cards *c = cards();
	struct pki_sink s = pki_sink();
	struct chain_crl crl;
	struct chain_card card_;
	struct seen seen = { 0 };
	int fd = pki_fd("crl-good.der");

	CU_ASSERT_EQUAL(
	    chain_crl_walk("good", fd, c, &crl, on_entry, &seen, &s.sink), 0);
	close(fd);
	/* superseded 4, certificateHold 6, none given */
	CU_ASSERT_STRING_EQUAL(seen.text, "0133c35a/4 0133c35b/6 0133c35c/-1 ");
	CU_ASSERT_EQUAL(crl.entries, 3);
	CU_ASSERT_STRING_EQUAL(crl.number, "08");
	/* 2026-07-31 00:00 UTC is 09:00 in Japan */
	CU_ASSERT_EQUAL(crl.this_update,
	    day_moment(day_of(2026, 7, 31), INT64_C(9) * 3600000));
	CU_ASSERT_EQUAL(crl.next_update,
	    day_moment(day_of(2026, 9, 1), INT64_C(9) * 3600000));
	/* what a card says and what a list says is the same string */
	card(c, "card-good.der", "challenge.sig", &card_);
	CU_ASSERT_STRING_EQUAL(crl.partition, card_.partition);
	CU_ASSERT_STRING_EQUAL(crl.ca, card_.ca);
	fd = pki_fd("crl-empty.der");
	CU_ASSERT_EQUAL(
	    chain_crl_walk("empty", fd, c, &crl, on_entry, &seen, &s.sink), 0);
	CU_ASSERT_EQUAL(crl.entries, 0);
	close(fd);
	fd = pki_fd("crl-chuo.der");
	CU_ASSERT_EQUAL(
	    chain_crl_walk("chuo", fd, c, &crl, on_entry, &seen, &s.sink), 0);
	CU_ASSERT_STRING_NOT_EQUAL(crl.partition, card_.partition);
	close(fd);
	fd = pki_fd("crl-second.der");
	CU_ASSERT_EQUAL(
	    chain_crl_walk("two", fd, c, &crl, on_entry, &seen, &s.sink), 0);
	CU_ASSERT_STRING_NOT_EQUAL(crl.ca, card_.ca);
	close(fd);
	CU_ASSERT_EQUAL(s.sink.levels[DIAG_FATAL], 0);
	chain_cards_free(c);
}

static void
bad_partitions(void)
{
	static const struct {
		const char *name;
		enum diag_code want;
	} bad[] = {
		{ "crl-fake.der", DIAG_CRL_SIGNATURE },
		{ "crl-ca.der", DIAG_CRL_BROKEN },
		{ "crl-indirect.der", DIAG_CRL_BROKEN },
		{ "crl-some.der", DIAG_CRL_BROKEN },
		{ "crl-uri.der", DIAG_CRL_BROKEN },
		{ "crl-soft.der", DIAG_CRL_BROKEN },
		{ "crl-noidp.der", DIAG_CRL_BROKEN },
		{ "crl-noaki.der", DIAG_CRL_BROKEN },
		{ "crl-delta.der", DIAG_CRL_BROKEN },
		{ "crl-unknown.der", DIAG_CRL_BROKEN },
		{ "crl-nonumber.der", DIAG_CRL_BROKEN },
		{ "crl-sha512.der", DIAG_CRL_BROKEN },
		{ "crl.pem", DIAG_CRL_BROKEN },
		{ "card-good.der", DIAG_CRL_BROKEN },
	};
	struct chain_cards *c = cards();
	struct chain_crl crl;
	struct seen seen = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pki_sink s = pki_sink();
		int fd = pki_fd(bad[i].name);
		int r = chain_crl_walk(
		    bad[i].name, fd, c, &crl, on_entry, &seen, &s.sink);

		if (r != -1 || s.last != bad[i].want) {
			fprintf(stderr, "%s: %d %d\n", bad[i].name, r, s.last);
			CU_FAIL("a wrong list was judged wrongly");
		}
		close(fd);
	}
	CU_ASSERT_EQUAL(seen.n, 0);
	chain_cards_free(c);
}

static void
flipped_partition(void)
{
	struct slice der = pki_bytes("crl-good.der");
	char *p = malloc(der.n), path[] = "/tmp/shikaku-crl-XXXXXX";
	struct chain_cards *c = cards();
	struct seen seen = { 0 };
	struct chain_crl crl;
	int accepted = 0, fd = mkstemp(path);

	CU_ASSERT_FATAL(fd != -1);
	unlink(path);
	for (size_t i = 0; i < 2 * der.n; i++) {
		struct pki_sink s = pki_sink();
		size_t n = i < der.n ? der.n : i - der.n;

		memcpy(p, der.p, der.n);
		if (i < der.n)
			p[i] ^= 0x01;
		CU_ASSERT_FATAL(
		    ftruncate(fd, 0) == 0 && pwrite(fd, p, n, 0) == (ssize_t)n);
		if (chain_crl_walk(
			"x", fd, c, &crl, on_entry, &seen, &s.sink) == 0)
			accepted++;
		else if (s.sink.levels[DIAG_FATAL] != 1)
			CU_FAIL("refused without a word, or with two");
	}
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_EQUAL(seen.n, 0);
	close(fd);
	free(p);
	free((char *)der.p);
	chain_cards_free(c);
}

static void
card_cas(void)
{
	static const char *const bad[] = { "ca.pem", "card-good.pem", "content",
		"missing.pem" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pki_sink s = pki_sink();

		CU_ASSERT_PTR_NULL(
		    chain_cards_open(pki(bad[i]), "2.999.1.3.30", &s.sink));
		CU_ASSERT_EQUAL(s.last, DIAG_KEY_UNREADABLE);
	}
}

static CU_TestInfo tests[] = {
	{ "good signers are let in", good_signers },
	{ "signers of every wrong sort are refused by name", bad_signers },
	{ "validity counts to the second", edges },
	{ "a certificate serves its use only", uses },
	{ "a stale or foreign CRL refuses everybody", stale_crl },
	{ "trust files that are not what they should be", trust_files },
	{ "cards of both CA generations are let in", good_cards },
	{ "cards of every wrong sort are refused by name", bad_cards },
	{ "a card's signature has 256 bytes", sizes_of_signatures },
	{ "a card's validity counts to the second", seconds_of_a_card },
	{ "a card of a CA that is not pinned is not let in", not_pinned },
	{ "no flipped or cut card is let in", flipped_card },
	{ "a partition gives its head and entries", good_partition },
	{ "partitions of every wrong sort give no entry", bad_partitions },
	{ "no flipped or cut partition gives an entry", flipped_partition },
	{ "only card CAs can be pinned", card_cas },
	CU_TEST_INFO_NULL,
};
SUITE(chain, tests);
