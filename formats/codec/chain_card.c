/*
 * The card's certificate (利用者証明用電子証明書) and the signature it makes:
 * domain/jpki-and-pinless.md 2 and 6.3 c, d, f. There is one tier: the leaf
 * is under a pinned CA or it is not. All generations have one name, so the
 * key identifier selects.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "formats/codec/chain_cards.h"
#include "formats/limits.h"

#define SIGNATURE_SIZE 256 /* RSA-2048 */

struct chain_cards {
	struct chain_cards_ca ca[CHAIN_CARDS_MAX];
	int n;
	char policy[64];
};

static int64_t
moment_of(const ASN1_TIME *t)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;

	if (epoch != NULL)
		(void)ASN1_TIME_diff(&days, &seconds, epoch, t);
	ASN1_TIME_free(epoch);
	return days * INT64_C(86400000) + seconds * INT64_C(1000);
}

static struct slice
name_der(const X509_NAME *name)
{
	const unsigned char *p = NULL;
	size_t n = 0;

	if (X509_NAME_get0_der(name, &p, &n) != 1)
		return SLICE("");
	return (struct slice) { (const char *)p, n };
}

static bool
rsa_2048(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	BIGNUM *e = NULL;
	bool ok = key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	    EVP_PKEY_get_bits(key) == 2048 &&
	    EVP_PKEY_get_bn_param(key, "e", &e) == 1 && BN_is_word(e, 65537);

	BN_free(e);
	return ok;
}

/* ---- the pinned generations ---- */

static int
pin(struct chain_cards *c, X509 *x)
{
	struct chain_cards_ca *ca = &c->ca[c->n];
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(x);

	if (c->n == CHAIN_CARDS_MAX || X509_check_ca(x) != 1 || ski == NULL ||
	    ski->length != 20 || !rsa_2048(x) ||
	    X509_get_signature_nid(x) != NID_sha256WithRSAEncryption)
		return -1;
	der_hex((struct slice) { (char *)ski->data, 20 }, ca->ski, 41);
	for (int i = 0; i < c->n; i++)
		if (strcmp(c->ca[i].ski, ca->ski) == 0)
			return -1;
	ca->not_before = moment_of(X509_get0_notBefore(x));
	ca->not_after = moment_of(X509_get0_notAfter(x));
	ca->subject = name_der(X509_get_subject_name(x));
	ca->cert = x;
	c->n++;
	return 0;
}

struct chain_cards *
chain_cards_open(
    const char *ca_pem, const char *policy_oid, struct diag_sink *sink)
{
	struct chain_cards *c = text_alloc(sizeof(*c));
	const char *why = "a PEM file of card CA certificates is needed";
	FILE *f = fopen(ca_pem, "re");
	struct buf b;
	X509 *x;

	buf_init(&b, c->policy, sizeof(c->policy));
	buf_puts(&b, policy_oid);
	if (f == NULL) {
		why = strerror(errno);
		goto fail;
	}
	while ((x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
		if (pin(c, x) == -1) {
			X509_free(x);
			why = "not a card CA: RSA-2048, SHA-256, own key id";
			goto fail;
		}
	}
	ERR_clear_error();
	if (c->n == 0 || b.full)
		goto fail;
	fclose(f);
	return c;
fail:
	if (f != NULL)
		fclose(f);
	ERR_clear_error();
	diag_file(sink, DIAG_KEY_UNREADABLE, ca_pem, "%s", why);
	chain_cards_free(c);
	return NULL;
}

void
chain_cards_free(struct chain_cards *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < c->n; i++)
		X509_free(c->ca[i].cert);
	free(c);
}

const struct chain_cards_ca *
chain_cards_find(const struct chain_cards *c, struct slice key_id)
{
	char hex[41];

	if (key_id.n != 20)
		return NULL;
	der_hex(key_id, hex, sizeof(hex));
	for (int i = 0; i < c->n; i++)
		if (strcmp(c->ca[i].ski, hex) == 0)
			return &c->ca[i];
	return NULL;
}

/* ---- the leaf, step by step ---- */

int
chain_point_name(struct slice point_name, char *out, size_t size)
{
	struct der_item full, names, dir;
	struct slice in = point_name;

	/* [0] fullName of exactly one [4] directoryName */
	if (der_expect(&in, 0xa0, &full) == -1 || in.n != 0 ||
	    der_expect(&full.v, 0xa0, &names) == -1 || full.v.n != 0 ||
	    der_expect(&names.v, 0xa4, &dir) == -1 || names.v.n != 0)
		return -1;
	return der_name(dir.v, out, size);
}

int
chain_extension_next(struct slice *in, struct chain_extension *e)
{
	struct der_item it, part;

	if (der_expect(in, DER_SEQUENCE, &it) == -1 ||
	    der_expect(&it.v, DER_OID, &part) == -1)
		return -1;
	e->oid = part.v;
	e->critical = false;
	if (der_peek(it.v, DER_BOOLEAN)) {
		(void)der_next(&it.v, &part);
		e->critical = part.v.n == 1 && part.v.p[0] == '\xff';
		if (!e->critical)
			return -1; /* FALSE is the default: not DER */
	}
	if (der_expect(&it.v, DER_OCTETS, &part) == -1 || it.v.n != 0)
		return -1;
	e->value = part.v;
	return der_strict(part.v) ? 0 : -1;
}

/* ---- the certificate: domain/jpki-and-pinless.md 2 ---- */

/* Read where it lies, in one pass: d2i_X509() would look for a decoder of the
 * key in every provider, which takes six times as long as verifying with it.
 * Strict as a profile may be: what is not of its shape is refused. */
struct certificate {
	struct slice tbs, signature;
	struct slice issuer; /* Name, DER */
	struct slice modulus; /* 256 bytes */
	struct slice usage, extended, constraints, policies, points, key_id;
};

#define EXTENSIONS_MAX 32

static const struct {
	const char *oid; /* 2.5.29.n */
	size_t at; /* in struct certificate */
	bool must, critical; /* be there; then be critical */
} extensions[] = {
	{ "\x55\x1d\x0f", offsetof(struct certificate, usage), true, true },
	{ "\x55\x1d\x20", offsetof(struct certificate, policies), true, true },
	{ "\x55\x1d\x1f", offsetof(struct certificate, points), true, false },
	{ "\x55\x1d\x25", offsetof(struct certificate, extended), false,
	    false },
	{ "\x55\x1d\x13", offsetof(struct certificate, constraints), false,
	    false },
	{ "\x55\x1d\x23", offsetof(struct certificate, key_id), false, false }
};
#define NEXTENSIONS (sizeof(extensions) / sizeof(extensions[0]))

static struct slice *
value_of(struct certificate *x, size_t i)
{
	return (struct slice *)(void *)((char *)x + extensions[i].at);
}

/* Into its place, or passed over where it is not critical. */
static int
take_extension(struct certificate *x, const struct chain_extension *e)
{
	for (size_t i = 0; i < NEXTENSIONS; i++) {
		if (!slice_eq(e->oid, (struct slice) { extensions[i].oid, 3 }))
			continue;
		*value_of(x, i) = e->value;
		return extensions[i].critical && !e->critical ? -1 : 0;
	}
	return e->critical ? -1 : 0;
}

/* None twice, none critical that we do not know. */
static int
take_extensions(struct certificate *x, struct slice in)
{
	struct slice seen[EXTENSIONS_MAX];
	struct chain_extension e;
	struct der_item list;
	int n = 0;

	if (der_expect(&in, DER_SEQUENCE, &list) == -1 || in.n != 0)
		return -1;
	for (; list.v.n > 0; seen[n++] = e.oid) {
		if (n == EXTENSIONS_MAX ||
		    chain_extension_next(&list.v, &e) == -1 ||
		    take_extension(x, &e) == -1)
			return -1;
		for (int i = 0; i < n; i++)
			if (slice_eq(seen[i], e.oid))
				return -1;
	}
	for (size_t i = 0; i < NEXTENSIONS; i++)
		if (extensions[i].must && value_of(x, i)->n == 0)
			return -1;
	return 0;
}

/* rsaEncryption, 2048 bits, e 65537: nothing but the modulus can differ. */
static int
take_key(struct certificate *x, struct slice info)
{
	static const char front[] =
	    "\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01"
	    "\x01\x05\x00\x03\x82\x01\x0f\x00\x30\x82\x01\x0a\x02\x82\x01\x01"
	    "\x00";
	static const char back[] = "\x02\x03\x01\x00\x01";
	const size_t f = sizeof(front) - 1, b = sizeof(back) - 1;

	if (info.n != f + SIGNATURE_SIZE + b || memcmp(info.p, front, f) != 0 ||
	    memcmp(info.p + f + SIGNATURE_SIZE, back, b) != 0 ||
	    ((unsigned char)info.p[f] & 0x80) == 0)
		return -1;
	x->modulus = (struct slice) { info.p + f, SIGNATURE_SIZE };
	return 0;
}

static int
take_validity(struct slice in, struct chain_card *out)
{
	struct der_item from, until;

	return der_next(&in, &from) == -1 || der_next(&in, &until) == -1 ||
		in.n != 0 || der_time(&from, &out->not_before) == -1 ||
		der_time(&until, &out->not_after) == -1 ?
	    -1 :
	    0;
}

/* Version 3; no unique identifiers. */
static int
take_tbs(struct certificate *x, struct slice in, struct chain_card *out)
{
	struct der_item it;

	if (der_next(&in, &it) == -1 ||
	    !slice_eq(it.all, SLICE("\xa0\x03\x02\x01\x02")) ||
	    der_expect(&in, DER_INTEGER, &it) == -1 ||
	    der_serial(it.v, out->serial) == -1 || der_next(&in, &it) == -1 ||
	    !slice_eq(it.all, CHAIN_SHA256_RSA) ||
	    der_expect(&in, DER_SEQUENCE, &it) == -1)
		return -1;
	x->issuer = it.all;
	return der_expect(&in, DER_SEQUENCE, &it) == -1 ||
		take_validity(it.v, out) == -1 ||
		der_expect(&in, DER_SEQUENCE, &it) == -1 || /* subject */
		der_expect(&in, DER_SEQUENCE, &it) == -1 ||
		take_key(x, it.all) == -1 || der_expect(&in, 0xa3, &it) == -1 ||
		in.n != 0 || take_extensions(x, it.v) == -1 ?
	    -1 :
	    0;
}

static int
take_certificate(
    struct certificate *x, struct slice der, struct chain_card *out)
{
	struct der_item whole, it;

	if (der.n > CERT_DER_MAX || !der_strict(der) ||
	    der_expect(&der, DER_SEQUENCE, &whole) == -1 || der.n != 0 ||
	    der_expect(&whole.v, DER_SEQUENCE, &it) == -1)
		return -1;
	x->tbs = it.all;
	if (take_tbs(x, it.v, out) == -1 || der_next(&whole.v, &it) == -1 ||
	    !slice_eq(it.all, CHAIN_SHA256_RSA) ||
	    der_expect(&whole.v, DER_BITS, &it) == -1 || whole.v.n != 0 ||
	    it.v.n != 1 + SIGNATURE_SIZE || it.v.p[0] != 0)
		return -1;
	x->signature = (struct slice) { it.v.p + 1, SIGNATURE_SIZE };
	return 0;
}

static bool
policy_ok(struct slice in, const char *policy)
{
	struct der_item list, one, oid;

	if (der_expect(&in, DER_SEQUENCE, &list) == -1)
		return false;
	while (list.v.n > 0) {
		if (der_expect(&list.v, DER_SEQUENCE, &one) == -1 ||
		    der_expect(&one.v, DER_OID, &oid) == -1)
			return false;
		if (der_oid_is(oid.v, policy))
			return true;
	}
	return false;
}

/* digitalSignature alone; no CA; where uses are named, clientAuth is. */
static bool
usage_ok(const struct certificate *x)
{
	struct slice in = x->extended;
	struct der_item list, oid;
	bool client = in.n == 0;

	if (!slice_eq(x->usage, SLICE("\x03\x02\x07\x80")) ||
	    (x->constraints.n > 0 &&
		!slice_eq(x->constraints, SLICE("\x30\x00"))))
		return false;
	if (client)
		return true;
	if (der_expect(&in, DER_SEQUENCE, &list) == -1)
		return false;
	while (list.v.n > 0) {
		if (der_expect(&list.v, DER_OID, &oid) == -1)
			return false;
		client |= der_oid_is(oid.v, "1.3.6.1.5.5.7.3.2");
	}
	return client;
}

/* One distribution point, named by a directory name. */
static bool
point_ok(struct slice in, struct chain_card *out)
{
	struct der_item list, point, name;

	return der_expect(&in, DER_SEQUENCE, &list) == 0 &&
	    der_expect(&list.v, DER_SEQUENCE, &point) == 0 && list.v.n == 0 &&
	    der_expect(&point.v, 0xa0, &name) == 0 && point.v.n == 0 &&
	    chain_point_name(
		name.all, out->partition, sizeof(out->partition)) == 0;
}

/* ---- who issued it ---- */

/* Where the key identifier names the CA's own certificate too, it must be
 * this one: by the name of its issuer and its serial. */
static bool
names_certificate(struct slice rest, X509 *ca)
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(ca);
	struct der_item it, name;
	char own[41], named[41];

	if (rest.n == 0)
		return true;
	if (der_expect(&rest, 0xa1, &it) == -1 ||
	    der_expect(&it.v, 0xa4, &name) == -1 || it.v.n != 0 ||
	    !slice_eq(name.v, name_der(X509_get_issuer_name(ca))) ||
	    der_expect(&rest, 0x82, &it) == -1 || rest.n != 0 ||
	    der_serial(it.v, named) == -1)
		return false;
	der_hex((struct slice) { (const char *)ASN1_STRING_get0_data(n),
		    (size_t)ASN1_STRING_length(n) },
	    own, sizeof(own));
	return strcmp(own, named) == 0;
}

/* The padding is OpenSSL's business, not ours. */
static bool
verified(EVP_PKEY *key, struct slice bytes, struct slice sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && key != NULL && sig.n == SIGNATURE_SIZE &&
	    EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n,
		(const unsigned char *)bytes.p, bytes.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

/* 6.3 d: the generation by key id, its name byte for byte, its signature. */
static bool
issued_by_pinned(const struct chain_cards *c, const struct certificate *x,
    int64_t now, struct chain_card *out)
{
	struct slice in = x->key_id;
	struct der_item list, id;
	const struct chain_cards_ca *ca;

	if (der_expect(&in, DER_SEQUENCE, &list) == -1 ||
	    der_expect(&list.v, 0x80, &id) == -1)
		return false;
	ca = chain_cards_find(c, id.v);
	if (ca == NULL)
		return false;
	memcpy(out->ca, ca->ski, sizeof(out->ca));
	return slice_eq(x->issuer, ca->subject) &&
	    names_certificate(list.v, ca->cert) && now >= ca->not_before &&
	    now <= ca->not_after + 999 &&
	    verified(X509_get0_pubkey(ca->cert), x->tbs, x->signature);
}

static EVP_PKEY *
key_of(const struct certificate *x)
{
	unsigned char native[SIGNATURE_SIZE];
	unsigned e = 65537;
	OSSL_PARAM with[] = { OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, native,
				  SIGNATURE_SIZE),
		OSSL_PARAM_uint(OSSL_PKEY_PARAM_RSA_E, &e), OSSL_PARAM_END };
	BIGNUM *n = BN_bin2bn(
	    (const unsigned char *)x->modulus.p, SIGNATURE_SIZE, NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (n == NULL || ctx == NULL ||
	    BN_bn2nativepad(n, native, SIGNATURE_SIZE) != SIGNATURE_SIZE ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, with) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	return key;
}

enum diag_code
chain_card_check(const struct chain_cards *c, struct slice der,
    struct slice signed_, struct slice sig, int64_t now, struct chain_card *out)
{
	struct certificate x = { .key_id = { NULL, 0 } };
	EVP_PKEY *key = NULL;
	enum diag_code code = DIAG_CARD_PROFILE;

	memset(out, 0, sizeof(*out));
	if (take_certificate(&x, der, out) == -1 || !usage_ok(&x) ||
	    !policy_ok(x.policies, c->policy) || !point_ok(x.points, out))
		goto out;
	code = DIAG_CARD_CHAIN;
	if (!issued_by_pinned(c, &x, now, out))
		goto out;
	code = DIAG_CARD_EXPIRED;
	if (now < out->not_before || now > out->not_after + 999)
		goto out;
	code = DIAG_CARD_SIGNATURE;
	key = key_of(&x); /* 6.3 f */
	if (!verified(key, signed_, sig))
		goto out;
	code = DIAG__MAX;
out:
	EVP_PKEY_free(key);
	ERR_clear_error();
	return code;
}
