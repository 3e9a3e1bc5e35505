/*
 * The card's certificate (利用者証明用電子証明書) and the signature it makes:
 * domain/jpki-and-pinless.md 2 and 6.3 c, d, f. There is one tier: the leaf
 * is under a pinned CA or it is not. All generations have one name, so the
 * key identifier selects.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
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

static struct slice
extension(X509 *x, int nid, bool *critical)
{
	int i = X509_get_ext_by_NID(x, nid, -1);
	X509_EXTENSION *e = X509_get_ext(x, i);
	const ASN1_OCTET_STRING *v;

	if (e == NULL)
		return SLICE("");
	*critical = X509_EXTENSION_get_critical(e) == 1;
	v = X509_EXTENSION_get_data(e);
	return (struct slice) { (const char *)v->data, (size_t)v->length };
}

/* No extension twice, each value one strict item. */
static bool
extensions_ok(X509 *x)
{
	for (int i = 0; i < X509_get_ext_count(x); i++) {
		X509_EXTENSION *e = X509_get_ext(x, i);
		const ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(e);

		if (X509_get_ext_by_OBJ(x, X509_EXTENSION_get_object(e), i) !=
			-1 ||
		    !der_strict((struct slice) {
			(const char *)v->data, (size_t)v->length }))
			return false;
	}
	return true;
}

static bool
policy_ok(X509 *x, const char *policy)
{
	bool critical = false;
	struct slice in = extension(x, NID_certificate_policies, &critical);
	struct der_item list, one, oid;

	if (!critical || der_expect(&in, DER_SEQUENCE, &list) == -1)
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

static bool
usage_ok(X509 *x)
{
	uint32_t flags = X509_get_extension_flags(x);
	bool critical = false;

	(void)extension(x, NID_key_usage, &critical);
	return critical && X509_get_key_usage(x) == KU_DIGITAL_SIGNATURE &&
	    (flags & (EXFLAG_CA | EXFLAG_INVALID | EXFLAG_CRITICAL)) == 0 &&
	    ((flags & EXFLAG_XKUSAGE) == 0 ||
		(X509_get_extended_key_usage(x) & XKU_SSL_CLIENT) != 0);
}

static bool
algorithm_ok(X509 *x)
{
	const X509_ALGOR *outer;
	int type;

	X509_get0_signature(NULL, &outer, x);
	X509_ALGOR_get0(NULL, &type, NULL, outer);
	return X509_get_signature_nid(x) == NID_sha256WithRSAEncryption &&
	    type == V_ASN1_NULL &&
	    X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(x)) == 0;
}

/* One distribution point, named by a directory name. */
static bool
point_ok(X509 *x, struct chain_card *out)
{
	bool critical;
	struct slice in = extension(x, NID_crl_distribution_points, &critical);
	struct der_item list, point, name;

	return der_expect(&in, DER_SEQUENCE, &list) == 0 &&
	    der_expect(&list.v, DER_SEQUENCE, &point) == 0 && list.v.n == 0 &&
	    der_expect(&point.v, 0xa0, &name) == 0 && point.v.n == 0 &&
	    chain_point_name(
		name.all, out->partition, sizeof(out->partition)) == 0;
}

static bool
serial_ok(X509 *x, struct chain_card *out)
{
	const ASN1_INTEGER *n = X509_get0_serialNumber(x);
	unsigned char store[32], *p = store;
	struct slice in = { (const char *)store, 0 };
	struct der_item it;
	int len = n->length > 24 ? -1 : i2d_ASN1_INTEGER(n, &p);

	in.n = len > 0 ? (size_t)len : 0;
	return der_expect(&in, DER_INTEGER, &it) == 0 &&
	    der_serial(it.v, out->serial) == 0;
}

/* 6.3 c */
static bool
profile_ok(const struct chain_cards *c, X509 *x, struct chain_card *out)
{
	out->not_before = moment_of(X509_get0_notBefore(x));
	out->not_after = moment_of(X509_get0_notAfter(x));
	return serial_ok(x, out) && X509_get_version(x) == X509_VERSION_3 &&
	    rsa_2048(x) && algorithm_ok(x) && extensions_ok(x) && usage_ok(x) &&
	    policy_ok(x, c->policy) && point_ok(x, out);
}

/* 6.3 d: the generation by key id, its name byte for byte, its signature. */
static bool
issued_by_pinned(
    const struct chain_cards *c, X509 *x, int64_t now, struct chain_card *out)
{
	const ASN1_OCTET_STRING *id = X509_get0_authority_key_id(x);
	const struct chain_cards_ca *ca = id == NULL ?
	    NULL :
	    chain_cards_find(
		c, (struct slice) { (char *)id->data, (size_t)id->length });

	if (ca == NULL)
		return false;
	memcpy(out->ca, ca->ski, sizeof(out->ca));
	return slice_eq(name_der(X509_get_issuer_name(x)), ca->subject) &&
	    X509_check_issued(ca->cert, x) == X509_V_OK &&
	    now >= ca->not_before && now <= ca->not_after + 999 &&
	    X509_verify(x, X509_get0_pubkey(ca->cert)) == 1;
}

/* 6.3 f: the padding is OpenSSL's business, not ours. */
static bool
signed_by(X509 *x, struct slice signed_, struct slice sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && sig.n == SIGNATURE_SIZE &&
	    EVP_DigestVerifyInit(
		ctx, NULL, EVP_sha256(), NULL, X509_get0_pubkey(x)) == 1 &&
	    EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n,
		(const unsigned char *)signed_.p, signed_.n) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

static X509 *
parse(struct slice der)
{
	const unsigned char *p = (const unsigned char *)der.p;

	if (der.n > CERT_DER_MAX || !der_strict(der))
		return NULL;
	return d2i_X509(NULL, &p, (long)der.n);
}

enum diag_code
chain_card_check(const struct chain_cards *c, struct slice der,
    struct slice signed_, struct slice sig, int64_t now, struct chain_card *out)
{
	X509 *x = parse(der);
	enum diag_code code = DIAG_CARD_PROFILE;

	memset(out, 0, sizeof(*out));
	if (x == NULL || !profile_ok(c, x, out))
		goto out;
	code = DIAG_CARD_CHAIN;
	if (!issued_by_pinned(c, x, now, out))
		goto out;
	code = DIAG_CARD_EXPIRED;
	if (now < out->not_before || now > out->not_after + 999)
		goto out;
	code = DIAG_CARD_SIGNATURE;
	if (!signed_by(x, signed_, sig))
		goto out;
	code = DIAG__MAX;
out:
	X509_free(x);
	ERR_clear_error();
	return code;
}
