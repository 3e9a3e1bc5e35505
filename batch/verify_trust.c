/* The auditor's own way to OpenSSL: signatures and digests. */
#include "batch/verify.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

struct verify_trust {
	X509_STORE *store;
};

struct verify_trust *
verify_trust_open(
    const char *ca_pem, const char *crl_pem, struct diag_sink *sink)
{
	struct verify_trust *t = calloc(1, sizeof(*t));
	unsigned long flags = X509_V_FLAG_NO_CHECK_TIME;

	if (t == NULL || (t->store = X509_STORE_new()) == NULL)
		abort();
	if (X509_STORE_load_file(t->store, ca_pem) != 1) {
		diag_file(sink, DIAG_KEY_UNREADABLE, ca_pem, NULL);
		goto fail;
	}
	if (crl_pem != NULL) {
		if (X509_STORE_load_file(t->store, crl_pem) != 1) {
			diag_file(sink, DIAG_KEY_UNREADABLE, crl_pem, NULL);
			goto fail;
		}
		flags |= X509_V_FLAG_CRL_CHECK;
	}
	/* An archive is read years later: what must lie inside the signer's
	 * days is the time of signing, in_its_days() below. */
	X509_STORE_set_flags(t->store, flags);
	X509_STORE_set_purpose(t->store, X509_PURPOSE_ANY);
	return t;
fail:
	verify_trust_free(t);
	ERR_clear_error();
	return NULL;
}

void
verify_trust_free(struct verify_trust *t)
{
	if (t == NULL)
		return;
	X509_STORE_free(t->store);
	free(t);
}

static bool
in_its_days(CMS_SignerInfo *si, X509 *cert)
{
	int at = CMS_signed_get_attr_by_NID(si, NID_pkcs9_signingTime, -1);
	X509_ATTRIBUTE *a = at < 0 ? NULL : CMS_signed_get_attr(si, at);
	const ASN1_TYPE *type =
	    a == NULL ? NULL : X509_ATTRIBUTE_get0_type(a, 0);
	int day, second;

	if (type == NULL ||
	    (type->type != V_ASN1_UTCTIME &&
		type->type != V_ASN1_GENERALIZEDTIME))
		return false;
	const ASN1_TIME *when = type->value.asn1_string;
	if (ASN1_TIME_diff(&day, &second, X509_get0_notBefore(cert), when) !=
		1 ||
	    day < 0 || second < 0)
		return false;
	return ASN1_TIME_diff(&day, &second, when, X509_get0_notAfter(cert)) ==
	    1 &&
	    day >= 0 && second >= 0;
}

/* One element: its content, and *p moved behind it. -1: not that tag. */
static int
element(const unsigned char **p, const unsigned char *end, int tag,
    const unsigned char **inside, const unsigned char **inside_end)
{
	const unsigned char *at = *p;
	long len;
	int got, class;

	if (at >= end ||
	    (ASN1_get_object(&at, &len, &got, &class, end - at) & 0x81) != 0 ||
	    (tag >= 0 && got != tag))
		return -1;
	*p = at + len; /* first: p may be inside's own */
	*inside = at;
	*inside_end = at + len;
	return 0;
}

static bool
is_one(const unsigned char **p, const unsigned char *end)
{
	const unsigned char *v, *v_end;

	return element(p, end, V_ASN1_INTEGER, &v, &v_end) == 0 &&
	    v_end - v == 1 && *v == 1;
}

/* What no signature covers and OpenSSL does not look at: both versions are 1
 * (RFC 5652 5.1, 5.3: data, and a signer named by issuer and serial). */
static bool
versions_are_one(const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n, *last = NULL, *last_end = NULL;
	const unsigned char *v, *v_end;

	if (element(&p, end, V_ASN1_SEQUENCE, &p, &end) == -1 ||
	    element(&p, end, V_ASN1_OBJECT, &v, &v_end) == -1 ||
	    element(&p, end, 0, &p, &end) == -1 ||
	    element(&p, end, V_ASN1_SEQUENCE, &p, &end) == -1 ||
	    !is_one(&p, end))
		return false;
	while (p < end)
		if (element(&p, end, -1, &last, &last_end) == -1)
			return false;
	return last != NULL &&
	    element(&last, last_end, V_ASN1_SEQUENCE, &last, &last_end) == 0 &&
	    is_one(&last, last_end);
}

/* Nor these: the kind of content, the name of the signature's algorithm. */
static bool
names_are_right(CMS_ContentInfo *cms, CMS_SignerInfo *si)
{
	X509_ALGOR *digest, *sig;
	int hash, key, nid;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, &sig);
	nid = OBJ_obj2nid(sig->algorithm);
	if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data ||
	    OBJ_obj2nid(digest->algorithm) != NID_sha256)
		return false;
	return nid == NID_rsaEncryption ||
	    (OBJ_find_sigid_algs(nid, &hash, &key) == 1 && hash == NID_sha256);
}

/* Names are compared without case: the very bytes must be the same. */
static bool
names_its_signer(CMS_SignerInfo *si, X509 *cert)
{
	X509_NAME *issuer = NULL;
	const unsigned char *a, *b;
	size_t n, m;

	return CMS_SignerInfo_get0_signer_id(si, NULL, &issuer, NULL) == 1 &&
	    issuer != NULL && X509_NAME_get0_der(issuer, &a, &n) == 1 &&
	    X509_NAME_get0_der(X509_get_issuer_name(cert), &b, &m) == 1 &&
	    n == m && memcmp(a, b, n) == 0;
}

/* DER, not merely BER: encoded again it is the same. */
static bool
is_der(CMS_ContentInfo *cms, const void *sig, size_t m)
{
	unsigned char *again = NULL;
	int n = i2d_CMS_ContentInfo(cms, &again);
	bool same =
	    n > 0 && (size_t)n == m && memcmp(again, sig, (size_t)n) == 0;

	OPENSSL_free(again);
	return same;
}

static const char *
judge(CMS_ContentInfo *cms, struct verify_trust *t, BIO *doc, char cn[128])
{
	STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
	STACK_OF(X509) * certs;
	const char *wrong = NULL;

	if (infos == NULL || sk_CMS_SignerInfo_num(infos) != 1)
		return "not exactly one signer";
	if (!names_are_right(cms, sk_CMS_SignerInfo_value(infos, 0)))
		return "not a signature over data with SHA-256";
	if (CMS_verify(
		cms, NULL, t->store, doc, NULL, CMS_BINARY | CMS_DETACHED) != 1)
		return "signature or its certificate is not good";
	certs = CMS_get0_signers(cms);
	if (certs == NULL || sk_X509_num(certs) != 1)
		wrong = "no signer's certificate";
	else if (X509_NAME_get_text_by_NID(
		     X509_get_subject_name(sk_X509_value(certs, 0)),
		     NID_commonName, cn, 128) < 1)
		wrong = "signer has no name";
	else if (!names_its_signer(sk_CMS_SignerInfo_value(infos, 0),
		     sk_X509_value(certs, 0)))
		wrong = "signer is not named by its certificate's issuer";
	else if (!in_its_days(sk_CMS_SignerInfo_value(infos, 0),
		     sk_X509_value(certs, 0)))
		wrong = "signed outside the days of its certificate";
	sk_X509_free(certs);
	return wrong;
}

const char *
verify_signature(struct verify_trust *t, const void *doc, size_t n,
    const void *sig, size_t m, char cn[128])
{
	const unsigned char *p = sig;
	const char *wrong = "not a CMS signature";
	BIO *bio = BIO_new_mem_buf(doc, (int)n);
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)m);

	if (cms != NULL && bio != NULL && is_der(cms, sig, m) &&
	    versions_are_one(sig, m))
		wrong = judge(cms, t, bio, cn);
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	ERR_clear_error();
	return wrong;
}

/* An archive is read when the authority's certificate has long ended: what
 * counts is that it signed, and when it says it did. */
const char *
verify_stamp(const char *ca_pem, const void *doc, size_t n, const void *tsr,
    size_t m, char when[32])
{
	const unsigned char *p = tsr;
	const char *wrong = "not a time stamp over this head";
	TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)m);
	TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
	X509_STORE *store = X509_STORE_new();
	TS_TST_INFO *info = resp == NULL ? NULL : TS_RESP_get_tst_info(resp);
	int hash = 0;

	if (ctx == NULL || store == NULL)
		abort();
	if (info != NULL)
		hash = OBJ_obj2nid(
		    TS_MSG_IMPRINT_get_algo(TS_TST_INFO_get_msg_imprint(info))
			->algorithm);
	TS_VERIFY_CTX_set_flags(
	    ctx, TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_DATA);
	TS_VERIFY_CTX_set_data(ctx, BIO_new_mem_buf(doc, (int)n));
	X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME);
	if (X509_STORE_load_file(store, ca_pem) != 1)
		wrong = "the authority's CA cannot be read";
	TS_VERIFY_CTX_set_store(ctx, store);
	if (hash == NID_sha256 && p == (const unsigned char *)tsr + m &&
	    TS_RESP_verify_response(ctx, resp) == 1) {
		wrong = NULL;
		snprintf(when, 32, "%.*s",
		    ASN1_STRING_length(TS_TST_INFO_get_time(info)),
		    (const char *)ASN1_STRING_get0_data(
			TS_TST_INFO_get_time(info)));
	}
	TS_VERIFY_CTX_free(ctx);
	TS_RESP_free(resp);
	ERR_clear_error();
	return wrong;
}

int
verify_name(const char *cert_pem, char cn[128])
{
	FILE *f = fopen(cert_pem, "rb");
	X509 *cert = f != NULL ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	int n = -1;

	if (cert != NULL)
		n = X509_NAME_get_text_by_NID(
		    X509_get_subject_name(cert), NID_commonName, cn, 128);
	X509_free(cert);
	if (f != NULL)
		fclose(f);
	ERR_clear_error();
	return n < 1 ? -1 : 0;
}

/* One context for all: to look the algorithm up costs more than to hash a
 * line. */
static EVP_MD_CTX *
sha256(void)
{
	static EVP_MD_CTX *ctx;

	if (ctx == NULL) {
		ctx = EVP_MD_CTX_new();
		if (ctx == NULL ||
		    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
			abort();
	} else if (EVP_DigestInit_ex(ctx, NULL, NULL) != 1)
		abort();
	return ctx;
}

void
verify_sha256(
    const void *a, size_t n, const void *b, size_t m, unsigned char out[32])
{
	EVP_MD_CTX *ctx = sha256();

	if (EVP_DigestUpdate(ctx, a, n) != 1 ||
	    EVP_DigestUpdate(ctx, b, m) != 1 ||
	    EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		abort();
}

int
verify_sha256_file(
    const char *path, char hex[65], int (*each)(void *arg), void *arg)
{
	static char block[1 << 20];
	unsigned char out[32];
	size_t n;
	FILE *f = fopen(path, "rb");
	EVP_MD_CTX *ctx = sha256();
	int r = 0;

	if (f == NULL)
		return -1;
	while (r == 0 && (n = fread(block, 1, sizeof(block), f)) > 0) {
		if (EVP_DigestUpdate(ctx, block, n) != 1)
			abort();
		r = each != NULL && each(arg) != 0 ? 1 : 0;
	}
	if (ferror(f) != 0)
		r = -1;
	fclose(f);
	if (EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		abort();
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", out[i]);
	return r;
}
