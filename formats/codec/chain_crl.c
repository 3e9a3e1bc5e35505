/*
 * One partition of the card CAs' revocation lists (RFC 5280 5, domain/
 * jpki-and-pinless.md 3), walked where it lies: a national set has ten
 * million entries, an object each would be gigabytes. Head, extensions and
 * signature are looked at first (lengths are definite, so the entries can be
 * stepped over), then the entries are handed out: nothing is given before
 * the signature is known to be good, though chain.h promises less.
 */
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "formats/codec/chain_cards.h"
#include "formats/codec/day.h"
#include "formats/limits.h"

#define HEAD_MAX ((int64_t)8192) /* names and extensions together */
#define ENTRY_MAX ((int64_t)1024)

struct crl {
	const char *name;
	struct der_file f;
	struct diag_sink *sink;
	const struct chain_cards *cards;
	struct chain_crl *out;
	int64_t tbs_at, tbs_end; /* tag to end: what is signed */
	int64_t entries_at, entries_end;
	char head[2048]; /* copies of the small parts */
	struct slice issuer, key_id;
};

static int
broken(const struct crl *c, const char *what)
{
	diag_file(c->sink, DIAG_CRL_BROKEN, c->name, "%s", what);
	return -1;
}

/* ---- extensions of the list ---- */

/* issuingDistributionPoint: a full list of people's certificates of one
 * directory name; neither indirect nor for some reasons only. */
static int
take_point(struct crl *c, struct slice v)
{
	struct der_item list, it;

	if (der_expect(&v, DER_SEQUENCE, &list) == -1 ||
	    der_expect(&list.v, 0xa0, &it) == -1 ||
	    chain_point_name(
		it.all, c->out->partition, sizeof(c->out->partition)) == -1)
		return broken(c,
		    "issuingDistributionPoint is not one "
		    "directory name");
	if (der_peek(list.v, 0x81)) {
		(void)der_next(&list.v, &it);
		if (it.v.n != 1 || it.v.p[0] != '\xff')
			return broken(c, "onlyContainsUserCerts");
	}
	if (list.v.n != 0)
		return broken(c,
		    "indirect list, list of CA certificates, or "
		    "list of some reasons");
	return 0;
}

static int
take_key_id(struct crl *c, struct slice v)
{
	struct der_item list, id;

	if (der_expect(&v, DER_SEQUENCE, &list) == -1 ||
	    der_expect(&list.v, 0x80, &id) == -1)
		return broken(c, "authorityKeyIdentifier without key id");
	c->key_id = id.v;
	return 0;
}

static int
take_extension(struct crl *c, const struct chain_extension *e, unsigned *seen)
{
	static const struct {
		const char *oid; /* of 2.5.29.n: n */
		bool must_be_critical;
	} known[] = { { "\x55\x1d\x23", false }, { "\x55\x1d\x14", false },
		{ "\x55\x1d\x1c", true }, { "\x55\x1d\x1b", true } };
	unsigned i;
	struct slice v = e->value;
	struct der_item it;

	for (i = 0; i < 4; i++)
		if (e->oid.n == 3 && memcmp(e->oid.p, known[i].oid, 3) == 0)
			break;
	if (i == 4)
		return e->critical ? broken(c, "unknown critical extension") :
				     0;
	if ((*seen & 1u << i) != 0)
		return broken(c, "extension given twice");
	*seen |= 1u << i;
	if (known[i].must_be_critical && !e->critical)
		return broken(c, "extension must be critical");
	switch (i) {
	case 0:
		return take_key_id(c, v);
	case 1:
		if (der_expect(&v, DER_INTEGER, &it) == -1 ||
		    der_serial(it.v, c->out->number) == -1)
			return broken(c, "cRLNumber");
		return 0;
	case 2:
		return take_point(c, v);
	default:
		return broken(c, "delta list");
	}
}

static int
take_extensions(struct crl *c, struct slice in)
{
	struct der_item list;
	struct chain_extension e;
	unsigned seen = 0;

	/* [0] EXPLICIT SEQUENCE OF */
	if (der_expect(&in, DER_SEQUENCE, &list) == -1 || in.n != 0)
		return broken(c, "extensions");
	while (list.v.n > 0) {
		if (chain_extension_next(&list.v, &e) == -1)
			return broken(c, "extensions");
		if (take_extension(c, &e, &seen) == -1)
			return -1;
	}
	if (seen != 7)
		return broken(c,
		    "authorityKeyIdentifier, cRLNumber and "
		    "issuingDistributionPoint are needed");
	return 0;
}

/* ---- head ---- */

/* The small item at *at of the file, copied to where it stays; moves *at. */
static int
small_item(struct crl *c, int64_t *at, int64_t end, char *store, size_t size,
    struct der_item *out)
{
	struct der_head h;
	const unsigned char *p;
	struct slice in = { store, 0 };

	if (der_file_head(&c->f, *at, end, false, &h) == -1 ||
	    h.end - *at > (int64_t)size)
		return -1;
	in.n = (size_t)(h.end - *at);
	p = der_file_at(&c->f, *at, in.n);
	if (p == NULL)
		return -1;
	memcpy(store, p, in.n);
	*at = h.end;
	return der_strict(in) ? der_next(&in, out) : -1;
}

/* Steps over revokedCertificates, if there are any. */
static int
skip_entries(struct crl *c, int64_t *at)
{
	struct der_head h;

	c->entries_at = c->entries_end = *at;
	if (*at == c->tbs_end)
		return 0;
	if (der_file_head(&c->f, *at, c->tbs_end, false, &h) == -1)
		return -1;
	if (h.tag != DER_SEQUENCE)
		return 0;
	c->entries_at = h.from;
	c->entries_end = *at = h.end;
	return h.from == h.end ? -1 : 0; /* empty: left out in DER */
}

static int
read_tbs(struct crl *c, int64_t at)
{
	char store[256], extensions[HEAD_MAX];
	struct der_item it;

	if (small_item(c, &at, c->tbs_end, store, sizeof(store), &it) == -1 ||
	    !slice_eq(it.all, SLICE("\x02\x01\x01")))
		return broken(c, "version 2 is needed");
	if (small_item(c, &at, c->tbs_end, store, sizeof(store), &it) == -1 ||
	    !slice_eq(it.all, CHAIN_SHA256_RSA))
		return broken(c, "sha256WithRSAEncryption is needed");
	if (small_item(c, &at, c->tbs_end, c->head, sizeof(c->head), &it) == -1)
		return broken(c, "issuer");
	c->issuer = it.all;
	if (small_item(c, &at, c->tbs_end, store, sizeof(store), &it) == -1 ||
	    der_time(&it, &c->out->this_update) == -1)
		return broken(c, "thisUpdate");
	if (small_item(c, &at, c->tbs_end, store, sizeof(store), &it) == -1 ||
	    der_time(&it, &c->out->next_update) == -1 ||
	    c->out->next_update <= c->out->this_update)
		return broken(c, "nextUpdate");
	if (skip_entries(c, &at) == -1)
		return broken(c, "revokedCertificates");
	if (small_item(c, &at, c->tbs_end, extensions, sizeof(extensions),
		&it) == -1 ||
	    it.tag != 0xa0 || at != c->tbs_end)
		return broken(c, "extensions");
	if (take_extensions(c, it.v) == -1)
		return -1;
	/* extensions[] ends with this function: keep the key id */
	if (c->key_id.n != 20 || c->issuer.n + 20 > sizeof(c->head))
		return broken(c, "authorityKeyIdentifier");
	memcpy(c->head + c->issuer.n, c->key_id.p, 20);
	c->key_id.p = c->head + c->issuer.n;
	der_hex(c->key_id, c->out->ca, sizeof(c->out->ca));
	return 0;
}

/* ---- signature ---- */

static int
digest_tbs(struct crl *c, EVP_MD_CTX *ctx)
{
	int64_t at = c->tbs_at;

	while (at < c->tbs_end) {
		int64_t left = c->tbs_end - at;
		size_t n =
		    left < (int64_t)DER_WINDOW ? (size_t)left : DER_WINDOW;
		const unsigned char *p = der_file_at(&c->f, at, n);

		if (p == NULL || EVP_DigestVerifyUpdate(ctx, p, n) != 1)
			return -1;
		at += (int64_t)n;
	}
	return 0;
}

static int
verify(struct crl *c, struct slice sig)
{
	const struct chain_cards_ca *ca = chain_cards_find(c->cards, c->key_id);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -1;

	if (ctx != NULL && ca != NULL && slice_eq(c->issuer, ca->subject) &&
	    EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
		X509_get0_pubkey(ca->cert)) == 1 &&
	    digest_tbs(c, ctx) == 0 &&
	    EVP_DigestVerifyFinal(ctx, (const unsigned char *)sig.p, sig.n) ==
		1)
		r = 0;
	else
		diag_file(c->sink, DIAG_CRL_SIGNATURE, c->name, "%s",
		    ca == NULL ? "not of a pinned CA" : "");
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return r;
}

/* CertificateList: tbs, algorithm, signature; nothing after it. */
static int
read_list(struct crl *c)
{
	char store[1024];
	struct der_head list, tbs;
	struct der_item it;
	int64_t at;

	if (der_file_head(&c->f, 0, c->f.size, false, &list) == -1 ||
	    list.tag != DER_SEQUENCE || list.end != c->f.size ||
	    der_file_head(&c->f, list.from, list.end, false, &tbs) == -1 ||
	    tbs.tag != DER_SEQUENCE)
		return broken(c, "not one DER CertificateList");
	c->tbs_at = list.from;
	c->tbs_end = at = tbs.end;
	if (read_tbs(c, tbs.from) == -1)
		return -1;
	if (small_item(c, &at, list.end, store, sizeof(store), &it) == -1 ||
	    !slice_eq(it.all, CHAIN_SHA256_RSA))
		return broken(c, "sha256WithRSAEncryption is needed");
	if (small_item(c, &at, list.end, store, sizeof(store), &it) == -1 ||
	    at != list.end || it.tag != DER_BITS || it.v.n < 2 ||
	    it.v.p[0] != 0)
		return broken(c, "signature");
	return verify(c, (struct slice) { it.v.p + 1, it.v.n - 1 });
}

/* ---- entries ---- */

struct entry {
	char serial[41];
	int64_t at;
	int reason;
	/* the day of the entry before: one list names few of them */
	char day[6];
	int64_t day_ms;
};

static bool
reason_known(unsigned char reason)
{
	/* 7 is not used, 8 belongs to delta lists */
	return reason <= 10 && reason != 7 && reason != 8;
}

static int
entry_extensions(struct crl *c, struct slice in, struct entry *e)
{
	struct der_item list, it;
	struct chain_extension x;

	if (der_expect(&in, DER_SEQUENCE, &list) == -1 || in.n != 0)
		return broken(c, "extensions of an entry");
	while (list.v.n > 0) {
		if (chain_extension_next(&list.v, &x) == -1)
			return broken(c, "extensions of an entry");
		if (x.oid.n == 3 && memcmp(x.oid.p, "\x55\x1d\x15", 3) == 0) {
			if (e->reason != -1 || x.value.n != 3 ||
			    der_expect(&x.value, DER_ENUMERATED, &it) == -1)
				return broken(c, "reasonCode");
			e->reason = it.v.p[0];
			if (!reason_known((unsigned char)it.v.p[0]))
				return broken(c, "reasonCode");
		} else if (x.critical) {
			return broken(
			    c, "unknown critical extension of an entry");
		}
	}
	return 0;
}

static int
read_entry(struct crl *c, struct slice in, struct entry *e)
{
	struct der_item it;

	e->reason = -1;
	if (der_expect(&in, DER_INTEGER, &it) == -1 ||
	    der_serial(it.v, e->serial) == -1 || der_next(&in, &it) == -1 ||
	    der_time(&it, &e->at) == -1)
		return broken(c, "entry");
	return in.n == 0 ? 0 : entry_extensions(c, in, e);
}

/* "YYMMDDHHMMSSZ" by the day of the entry before. */
static bool
plain_time(const char *p, struct entry *e)
{
	struct der_item it = { .tag = DER_UTC_TIME, .v = { p, 13 } };
	int v[3];

	if (memcmp(p, e->day, 6) != 0) {
		if (der_time(&it, &e->at) == -1)
			return false;
		memcpy(e->day, p, 6);
		e->day_ms =
		    e->at - e->at % DAY_MS - (e->at % DAY_MS < 0 ? DAY_MS : 0);
		return true;
	}
	for (int i = 0; i < 3; i++) {
		unsigned a = (unsigned char)p[6 + 2 * i] - (unsigned)'0';
		unsigned b = (unsigned char)p[7 + 2 * i] - (unsigned)'0';

		if (a > 9 || b > 9)
			return false;
		v[i] = (int)(a * 10 + b);
	}
	if (v[0] > 23 || v[1] > 59 || v[2] > 59 || p[12] != 'Z')
		return false;
	e->at = e->day_ms + ((v[0] * 60 + v[1]) * 60 + v[2]) * INT64_C(1000);
	return true;
}

/* The entry nearly all are (jpki-and-pinless.md 3.1): a short serial, a
 * UTCTime, no extension or reasonCode alone. False: look at it in full. */
static bool
plain_entry(struct slice in, struct entry *e)
{
	static const char reason[] = "\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15"
				     "\x04\x03\x0a\x01";
	struct slice serial;
	const char *p = in.p;

	if (in.n < 2 + 1 + 15 || p[0] != DER_INTEGER || p[1] < 1 || p[1] > 8)
		return false;
	serial = (struct slice) { p + 2, (size_t)p[1] };
	p += 2 + serial.n;
	in.n -= 2 + serial.n;
	if ((in.n != 15 && in.n != 29) || p[0] != DER_UTC_TIME || p[1] != 13 ||
	    !plain_time(p + 2, e))
		return false;
	e->reason = -1;
	if (in.n == 29) {
		if (memcmp(p + 15, reason, 13) != 0 ||
		    !reason_known((unsigned char)p[28]))
			return false;
		e->reason = p[28];
	}
	return der_serial(serial, e->serial) == 0;
}

/* By number: hexadecimal without leading zero bytes. */
static int
serial_cmp(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);

	return na != nb ? (na < nb ? -1 : 1) : memcmp(a, b, na);
}

/* Each serial once and ascending: what comes twice has two reasons and two
 * moments, and nobody can say which holds. */
static int
check_order(const struct crl *c, const struct entry *e, const char *last)
{
	int cmp = serial_cmp(last, e->serial);

	if (cmp < 0)
		return 0;
	diag_file(c->sink, cmp == 0 ? DIAG_CRL_TWICE : DIAG_CRL_UNSORTED,
	    c->name, "entry %lld", (long long)c->out->entries + 1);
	return -1;
}

static int
walk_entries(struct crl *c,
    int (*entry)(
	void *arg, struct slice serial_hex, int64_t revoked_at, int reason),
    void *arg)
{
	int64_t at = c->entries_at;
	struct der_head h;
	struct entry e = { .serial = "" };
	struct slice in;
	char last[41];

	while (at < c->entries_end) {
		if (der_file_head(&c->f, at, c->entries_end, false, &h) == -1 ||
		    h.tag != DER_SEQUENCE || h.end - h.from > ENTRY_MAX)
			return broken(c, "entry");
		in.n = (size_t)(h.end - h.from);
		in.p = (const char *)der_file_at(&c->f, h.from, in.n);
		if (in.p == NULL)
			return broken(c, "entry");
		memcpy(last, e.serial, sizeof(last));
		if (!plain_entry(in, &e) && read_entry(c, in, &e) == -1)
			return -1;
		if (check_order(c, &e, last) == -1)
			return -1;
		if (entry(arg, slice_of(e.serial), e.at, e.reason) != 0)
			return -1;
		c->out->entries++;
		at = h.end;
	}
	return 0;
}

int
chain_crl_walk(const char *name, int fd, const struct chain_cards *cards,
    struct chain_crl *out,
    int (*entry)(
	void *arg, struct slice serial_hex, int64_t revoked_at, int reason),
    void *arg, struct diag_sink *sink)
{
	struct crl c = {
		.name = name, .cards = cards, .out = out, .sink = sink
	};
	int r = -1;

	memset(out, 0, sizeof(*out));
	if (der_file_open(&c.f, fd) == -1) {
		diag_file(sink, DIAG_IO, name, "%s", strerror(errno));
		return -1;
	}
	if (c.f.size > CRL_BYTES_MAX)
		broken(&c, "too large");
	else if (read_list(&c) == 0)
		r = walk_entries(&c, entry, arg);
	der_file_close(&c.f);
	return r;
}
