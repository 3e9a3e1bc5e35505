/*
 * Opening seals. seal_walk.c finds the content on disk and holds the frame
 * to the profile; OpenSSL's CMS then verifies a detached SignedData made of
 * the frame over the content as it is read; chain.c judges the signer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "formats/codec/seal_key.h"
#include "formats/codec/seal_walk.h"
#include "formats/limits.h"

#define OID_ENVELOPED_HEAD "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
#define OID_AUTH_ENVELOPED_HEAD                                                \
	"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"

int
seal_fault(struct diag_sink *sink, enum diag_code code, const char *name,
    const char *why)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e != 0 ? ERR_reason_error_string(e) : NULL;

	if (why == NULL)
		why = reason != NULL ? reason : "";
	diag_file(sink, code, name, "%s", why);
	ERR_clear_error();
	return -1;
}

/* ---- the content as a BIO ---- */

static int
content_read(BIO *bio, char *buf, int n)
{
	struct seal_content *c = BIO_get_data(bio);
	const unsigned char *p;
	int64_t got = n > 0 ? seal_content_next(c, (size_t)n, &p) : 0;

	if (got > 0)
		memcpy(buf, p, (size_t)got);
	return (int)got;
}

static long
content_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio, (void)num, (void)ptr;
	return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO *
content_bio(BIO_METHOD *method, struct seal_content *c)
{
	BIO *bio;

	BIO_meth_set_read(method, content_read);
	BIO_meth_set_ctrl(method, content_ctrl);
	bio = BIO_new(method);
	if (bio != NULL) {
		BIO_set_data(bio, c);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* ---- verification: one act ---- */

/* The signer is named in a part that no signature covers: byte for byte. */
static bool
names_signer(const struct seal_parts *p, X509 *x)
{
	const unsigned char *der;
	unsigned char store[40], *q = store;
	size_t n;
	int len;

	if (p->issuer.n == 0) /* by key id, compared by OpenSSL as bytes */
		return true;
	if (X509_NAME_get0_der(X509_get_issuer_name(x), &der, &n) != 1 ||
	    !slice_eq(p->issuer, (struct slice) { (const char *)der, n }) ||
	    X509_get0_serialNumber(x)->length > 24)
		return false;
	len = i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &q);
	return len > 0 &&
	    slice_eq(
		p->serial, (struct slice) { (const char *)store, (size_t)len });
}

void
seal_name_of(X509 *x, char subject_cn[128])
{
	X509_NAME *name = X509_get_subject_name(x);
	int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	struct buf b;
	int len = -1;

	/* one common name only: which of two is meant? */
	if (i >= 0 && X509_NAME_get_index_by_NID(name, NID_commonName, i) < 0)
		len = ASN1_STRING_to_UTF8(&utf8,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
	buf_init(&b, subject_cn, 128);
	if (len > 0 && memchr(utf8, 0, (size_t)len) == NULL)
		buf_put(&b, (struct slice) { (char *)utf8, (size_t)len });
	OPENSSL_free(utf8);
}

static void
tell_signer(X509 *x, const struct seal_parts *p, struct seal_signer *out)
{
	BIGNUM *n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex = n != NULL ? BN_bn2hex(n) : NULL;
	struct buf b;

	memset(out, 0, sizeof(*out));
	seal_name_of(x, out->subject_cn);
	buf_init(&b, out->serial, sizeof(out->serial));
	buf_puts(&b, hex != NULL ? hex : "");
	out->signing_time = p->signing_time;
	OPENSSL_free(hex);
	BN_free(n);
}

/* content: NULL where `in` says where it is. */
static int
verify(const char *name, const struct seal_parts *p, BIO *in, BIO *out,
    const struct chain *trust, int64_t now, struct seal_signer *signer,
    struct diag_sink *sink)
{
	const unsigned flags =
	    CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY | CMS_NOCRL;
	STACK_OF(X509) *signers = NULL;
	CMS_ContentInfo *cms;
	enum diag_code code;
	size_t n;
	char *frame = seal_detached(p, &n);
	const unsigned char *q = (const unsigned char *)frame;
	int r = -1;

	cms = d2i_CMS_ContentInfo(NULL, &q, (long)n);
	if (cms == NULL || CMS_verify(cms, NULL, NULL, in, out, flags) != 1) {
		seal_fault(sink, DIAG_SEAL_BROKEN, name, NULL);
		goto out;
	}
	signers = CMS_get0_signers(cms);
	if (signers == NULL || sk_X509_num(signers) != 1 ||
	    !names_signer(p, sk_X509_value(signers, 0))) {
		seal_fault(sink, DIAG_SEAL_BROKEN, name, "signer");
		goto out;
	}
	code = chain_check(trust, sk_X509_value(signers, 0), CHAIN_SIGN, now);
	if (code != DIAG__MAX) {
		diag_file(sink, code, name, NULL);
		goto out;
	}
	tell_signer(sk_X509_value(signers, 0), p, signer);
	r = 0;
out:
	sk_X509_free(signers);
	CMS_ContentInfo_free(cms);
	free(frame);
	ERR_clear_error();
	return r;
}

int
seal_verify_bytes(const char *name, struct slice content, struct slice sig,
    const struct chain *trust, int64_t now, struct seal_signer *signer,
    struct diag_sink *sink)
{
	struct der_file f;
	struct seal_parts p;
	const char *why;
	BIO *in = NULL;
	int r = -1;

	der_file_bytes(&f, sig);
	why = seal_walk(&f, &p);
	if (why == NULL && !p.detached)
		why = "a detached signature is needed";
	if (why != NULL || content.n > INT32_MAX) {
		seal_fault(sink, DIAG_SEAL_BROKEN, name, why);
		goto out;
	}
	in = BIO_new_mem_buf(content.p, (int)content.n);
	if (in == NULL)
		seal_fault(sink, DIAG_IO, name, "out of memory");
	else
		r = verify(name, &p, in, NULL, trust, now, signer, sink);
out:
	BIO_free(in);
	seal_parts_free(&p);
	der_file_close(&f);
	return r;
}

/* ---- an envelope inside the seal ---- */

/* 1: in begins like a ContentInfo of an envelope; length forms are skipped
 * over, CMS will look again. */
static bool
is_envelope(struct slice in)
{
	const struct slice oids[] = { SLICE(OID_ENVELOPED_HEAD),
		SLICE(OID_AUTH_ENVELOPED_HEAD) };
	size_t head;

	if (in.n < 16 || in.p[0] != 0x30)
		return false;
	head = (in.p[1] & 0x80) != 0 ? 2 + (size_t)(in.p[1] & 0x7f) : 2;
	for (int i = 0; i < 2; i++)
		if (in.n >= head + oids[i].n &&
		    memcmp(in.p + head, oids[i].p, oids[i].n) == 0)
			return true;
	return false;
}

/* Plain bytes of an envelope; NULL raised. */
static BIO *
decrypt(const char *name, struct slice in, bool bare,
    const struct seal_key *key, struct diag_sink *sink)
{
	static const char front[] = "\x30\x80" OID_ENVELOPED_HEAD "\xa0\x80";
	size_t size = in.n + sizeof(front) + 4;
	char *whole = text_alloc(size);
	const unsigned char *q = (const unsigned char *)whole;
	BIO *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms;
	struct buf b;
	bool ok;

	buf_init(&b, whole, size);
	if (bare)
		buf_put(&b, (struct slice) { front, sizeof(front) - 1 });
	buf_put(&b, in);
	if (bare)
		buf_put(&b, SLICE("\x00\x00\x00\x00"));
	cms = d2i_CMS_ContentInfo(NULL, &q, (long)b.n);
	ok = cms != NULL && out != NULL &&
	    (size_t)(q - (unsigned char *)whole) == b.n &&
	    CMS_decrypt(cms, key->key, key->cert, NULL, out, CMS_BINARY) == 1;
	CMS_ContentInfo_free(cms);
	free(whole);
	if (ok)
		return out;
	BIO_free(out);
	seal_fault(sink, DIAG_SEAL_DECRYPT, name, NULL);
	return NULL;
}

/* What was verified lies in out_fd; it becomes what was in the envelope. */
static int
open_envelope(const char *name, int out_fd, int64_t size, bool bare,
    const struct seal_key *key, struct diag_sink *sink)
{
	char *in = NULL, *plain;
	BIO *out = NULL;
	long n;
	int r = -1;

	if (key == NULL || size > ENVELOPE_BYTES_MAX)
		return seal_fault(sink, DIAG_SEAL_DECRYPT, name,
		    key == NULL ? "no key for envelopes" : "too large");
	in = text_alloc((size_t)size);
	if (pread(out_fd, in, (size_t)size, 0) != size) {
		seal_fault(sink, DIAG_IO, name, strerror(errno));
		goto out;
	}
	out =
	    decrypt(name, (struct slice) { in, (size_t)size }, bare, key, sink);
	if (out == NULL)
		goto out;
	n = BIO_get_mem_data(out, &plain);
	if (ftruncate(out_fd, 0) == -1 || lseek(out_fd, 0, SEEK_SET) == -1 ||
	    text_write(out_fd,
		(struct slice) { plain, n > 0 ? (size_t)n : 0 }) == -1) {
		seal_fault(sink, DIAG_IO, name, strerror(errno));
		goto out;
	}
	r = 0;
out:
	BIO_free(out);
	free(in);
	return r;
}

/* ---- files ---- */

/* Verifies while the content goes to out_fd. */
static int
verify_file(const char *name, const struct seal_parts *p, int out_fd,
    const struct chain *trust, int64_t now, struct seal_signer *signer,
    struct diag_sink *sink)
{
	struct seal_content content;
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "content");
	BIO *in = NULL, *out = BIO_new_fd(out_fd, BIO_NOCLOSE);
	BIO *buffer = BIO_new(BIO_f_buffer());
	int r = -1;

	seal_content_begin(&content, p);
	if (method != NULL)
		in = content_bio(method, &content);
	if (in == NULL || out == NULL || buffer == NULL ||
	    BIO_set_write_buffer_size(buffer, 1 << 18) != 1) {
		seal_fault(sink, DIAG_IO, name, NULL);
		goto out;
	}
	BIO_push(buffer, out);
	r = verify(name, p, in, buffer, trust, now, signer, sink);
	if (r == 0 && BIO_flush(buffer) != 1)
		r = seal_fault(sink, DIAG_IO, name, strerror(errno));
out:
	BIO_free(in);
	BIO_free(buffer);
	BIO_free(out);
	BIO_meth_free(method);
	return r;
}

int
seal_open(const char *name, int fd, int out_fd, const struct chain *trust,
    const struct seal_key *key, int64_t now, struct seal_signer *signer,
    struct diag_sink *sink)
{
	struct der_file f;
	struct seal_parts p;
	const char *why;
	char front[64];
	int64_t size;
	ssize_t n;
	bool bare;
	int r = -1;

	if (der_file_open(&f, fd) == -1)
		return seal_fault(sink, DIAG_IO, name, strerror(errno));
	why = seal_walk(&f, &p);
	if (why == NULL && p.detached)
		why = "the content is not in it";
	if (why != NULL) {
		seal_fault(sink, DIAG_SEAL_BROKEN, name, why);
		goto out;
	}
	if (ftruncate(out_fd, 0) == -1 || lseek(out_fd, 0, SEEK_SET) == -1) {
		seal_fault(sink, DIAG_IO, name, strerror(errno));
		goto out;
	}
	r = verify_file(name, &p, out_fd, trust, now, signer, sink);
	if (r == -1)
		goto out;
	size = lseek(out_fd, 0, SEEK_CUR);
	n = pread(out_fd, front, sizeof(front), 0);
	bare = p.type.n > 0 && p.type.p[p.type.n - 1] == 3;
	if (size == -1 || n == -1)
		r = seal_fault(sink, DIAG_IO, name, strerror(errno));
	else if (bare || is_envelope((struct slice) { front, (size_t)n }))
		r = open_envelope(name, out_fd, size, bare, key, sink);
out:
	/* what was not verified is nobody's to find */
	if (r == -1 && ftruncate(out_fd, 0) == -1)
		seal_fault(sink, DIAG_IO, name, strerror(errno));
	seal_parts_free(&p);
	der_file_close(&f);
	return r;
}
