/*
 * Certificate paths. OpenSSL builds and verifies the path; afterwards the
 * leaf must fit a profile of ours, because even strict path building lets
 * weak keys, a missing extended key usage, a CA certificate as leaf and v1
 * through (engineering/reliability.md 7 rule 5).
 *
 * Every certificate of the trust file is an anchor: the path is leaf, anchor
 * and nothing between, so nobody can make us build long ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

#include "formats/codec/chain.h"

struct chain {
	X509_STORE *store;
};

static int
no_password(char *buf, int size, int rw, void *arg)
{
	(void)buf, (void)size, (void)rw, (void)arg;
	return -1;
}

static int
unreadable(struct diag_sink *sink, const char *path, const char *why)
{
	ERR_clear_error();
	diag_file(sink, DIAG_KEY_UNREADABLE, path, "%s", why);
	return -1;
}

/* After the last object PEM_read says "no start line"; all else is a fault. */
static bool
pem_at_end(void)
{
	unsigned long e = ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static int
add_anchors(X509_STORE *store, const char *path, struct diag_sink *sink)
{
	FILE *f = fopen(path, "re");
	X509 *x;
	int n = 0, r = -1;

	if (f == NULL)
		return unreadable(sink, path, strerror(errno));
	ERR_clear_error();
	while ((x = PEM_read_X509(f, NULL, no_password, NULL)) != NULL) {
		r = X509_check_ca(x) == 1 && X509_STORE_add_cert(store, x);
		X509_free(x);
		if (r != 1) {
			r = unreadable(sink, path, "not a CA certificate");
			goto out;
		}
		n++;
	}
	r = n > 0 && pem_at_end() ? 0 :
				    unreadable(sink, path,
					"a PEM file of CA certificates is "
					"needed");
	ERR_clear_error();
out:
	fclose(f);
	return r;
}

static int
add_crls(X509_STORE *store, const char *path, struct diag_sink *sink)
{
	FILE *f = fopen(path, "re");
	X509_CRL *crl;
	int n = 0, r = -1;

	if (f == NULL)
		return unreadable(sink, path, strerror(errno));
	ERR_clear_error();
	while ((crl = PEM_read_X509_CRL(f, NULL, no_password, NULL)) != NULL) {
		/* one without number or end could be an old one */
		r = X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1) >= 0 &&
		    X509_CRL_get0_nextUpdate(crl) != NULL &&
		    X509_STORE_add_crl(store, crl);
		X509_CRL_free(crl);
		if (r != 1) {
			r = unreadable(
			    sink, path, "CRL without number or next update");
			goto out;
		}
		n++;
	}
	r = n > 0 && pem_at_end() ?
	    0 :
	    unreadable(sink, path, "a PEM file of CRLs is needed");
	ERR_clear_error();
out:
	fclose(f);
	return r;
}

static void
narrow(
    const ASN1_TIME *begin, const ASN1_TIME *end, int64_t *from, int64_t *until)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	const ASN1_TIME *t[2] = { begin, end };
	int64_t ms[2] = { INT64_MIN, INT64_MAX };
	int days, seconds;

	for (int i = 0; i < 2; i++)
		if (t[i] != NULL &&
		    ASN1_TIME_diff(&days, &seconds, epoch, t[i]) == 1)
			ms[i] =
			    days * INT64_C(86400000) + seconds * INT64_C(1000);
	ASN1_TIME_free(epoch);
	*from = ms[0] > *from ? ms[0] : *from;
	*until = ms[1] < *until ? ms[1] : *until;
}

int
chain_period(const char *pem, int64_t *from, int64_t *until)
{
	FILE *f = fopen(pem, "re");
	X509_CRL *crl;
	X509 *x;
	int n = 0;

	*from = INT64_MIN;
	*until = INT64_MAX;
	if (f == NULL)
		return -1;
	for (; (x = PEM_read_X509(f, NULL, no_password, NULL)) != NULL; n++) {
		narrow(
		    X509_get0_notBefore(x), X509_get0_notAfter(x), from, until);
		X509_free(x);
	}
	rewind(f);
	for (; (crl = PEM_read_X509_CRL(f, NULL, no_password, NULL)) != NULL;
	     n++) {
		narrow(X509_CRL_get0_lastUpdate(crl),
		    X509_CRL_get0_nextUpdate(crl), from, until);
		X509_CRL_free(crl);
	}
	ERR_clear_error();
	fclose(f);
	return n > 0 ? 0 : -1;
}

struct chain *
chain_open(const char *ca_pem, const char *crl_pem, struct diag_sink *sink)
{
	struct chain *c = text_alloc(sizeof(*c));
	unsigned long flags = X509_V_FLAG_X509_STRICT |
	    X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CHECK_SS_SIGNATURE;

	c->store = X509_STORE_new();
	if (c->store == NULL) {
		diag_file(sink, DIAG_KEY_UNREADABLE, ca_pem, "out of memory");
		goto fail;
	}
	if (add_anchors(c->store, ca_pem, sink) == -1)
		goto fail;
	if (crl_pem != NULL) {
		flags |= X509_V_FLAG_CRL_CHECK;
		if (add_crls(c->store, crl_pem, sink) == -1)
			goto fail;
	}
	X509_STORE_set_flags(c->store, flags);
	return c;
fail:
	chain_free(c);
	return NULL;
}

void
chain_free(struct chain *c)
{
	if (c == NULL)
		return;
	X509_STORE_free(c->store);
	free(c);
}

/* ---- one leaf ---- */

static enum diag_code
path_fault(int error, int depth)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return depth == 0 ? DIAG_SEAL_EXPIRED : DIAG_SEAL_CHAIN;
	case X509_V_ERR_CERT_REVOKED:
		return DIAG_SEAL_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return DIAG_SEAL_CRL;
	default:
		return DIAG_SEAL_CHAIN;
	}
}

static enum diag_code
path_check(const struct chain *c, X509 *leaf, int64_t now)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	enum diag_code code = DIAG_SEAL_CHAIN;

	if (ctx == NULL || !X509_STORE_CTX_init(ctx, c->store, leaf, NULL))
		goto out;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)(now / 1000));
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	X509_VERIFY_PARAM_set_depth(param, 1);
	if (X509_verify_cert(ctx) == 1)
		code = DIAG__MAX;
	else
		code = path_fault(X509_STORE_CTX_get_error(ctx),
		    X509_STORE_CTX_get_error_depth(ctx));
out:
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return code;
}

static bool
rsa_ok(EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool ok = EVP_PKEY_get_bits(key) >= 2048 &&
	    EVP_PKEY_get_bits(key) <= 8192 &&
	    EVP_PKEY_get_bn_param(key, "e", &e) == 1 && BN_is_odd(e) &&
	    BN_num_bits(e) >= 17 && BN_num_bits(e) <= 64;

	BN_free(e);
	return ok;
}

static bool
key_ok(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	char group[32];
	size_t n;

	if (key == NULL)
		return false;
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return rsa_ok(key);
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1)
		return false;
	return strcmp(group, SN_X9_62_prime256v1) == 0 ||
	    strcmp(group, SN_secp384r1) == 0;
}

static bool
signature_ok(X509 *x)
{
	int md, pkey, bits;

	return X509_get_signature_info(x, &md, &pkey, &bits, NULL) == 1 &&
	    (md == NID_sha256 || md == NID_sha384 || md == NID_sha512) &&
	    (pkey == NID_rsaEncryption || pkey == NID_X9_62_id_ecPublicKey);
}

/* Key usage: to sign, and nothing of a CA. Extended: TLS must say it; a
 * signer of files need not, but one made for something else is refused. */
static bool
usage_ok(X509 *x, enum chain_use use)
{
	uint32_t flags = X509_get_extension_flags(x);
	uint32_t ku = X509_get_key_usage(x);
	uint32_t xku = X509_get_extended_key_usage(x);

	if ((flags & EXFLAG_KUSAGE) == 0 || (ku & KU_DIGITAL_SIGNATURE) == 0 ||
	    (ku & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
		return false;
	if ((flags & EXFLAG_XKUSAGE) == 0)
		return use == CHAIN_SIGN;
	switch (use) {
	case CHAIN_SIGN:
		return (xku & XKU_SMIME) != 0;
	case CHAIN_SERVER:
		return (xku & XKU_SSL_SERVER) != 0;
	default:
		return (xku & XKU_SSL_CLIENT) != 0;
	}
}

static bool
profile_ok(X509 *x, enum chain_use use)
{
	uint32_t flags = X509_get_extension_flags(x);

	return X509_get_version(x) == X509_VERSION_3 &&
	    (flags &
		(EXFLAG_CA | EXFLAG_INVALID | EXFLAG_CRITICAL | EXFLAG_SS |
		    EXFLAG_PROXY)) == 0 &&
	    key_ok(x) && signature_ok(x) && usage_ok(x, use);
}

enum diag_code
chain_check(const struct chain *c, struct x509_st *leaf, enum chain_use use,
    int64_t now)
{
	enum diag_code code = path_check(c, leaf, now);

	if (code == DIAG__MAX && !profile_ok(leaf, use))
		code = DIAG_SEAL_CHAIN;
	return code;
}
