/*
 * Making seals: keys, opaque and detached. The content is read twice, once
 * to be digested, once to be written between the two halves of the frame;
 * it is never in memory, but for an envelope.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "formats/codec/seal_key.h"
#include "formats/codec/seal_walk.h"
#include "formats/limits.h"

#define OID_SIGNED "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define COPY_SIZE ((size_t)256 << 10)

/* ---- keys ---- */

static int
no_password(char *buf, int size, int rw, void *arg)
{
	(void)buf, (void)size, (void)rw, (void)arg;
	return -1;
}

static X509 *
read_cert(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *x = f != NULL ? PEM_read_X509(f, NULL, no_password, NULL) : NULL;

	if (f != NULL)
		fclose(f);
	return x;
}

/* A key that others may read is no key (0400 or 0600). */
static EVP_PKEY *
read_key(const char *path, const char **why)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = NULL;
	struct stat st;

	*why = "";
	if (f == NULL || fstat(fileno(f), &st) == -1) {
		*why = strerror(errno);
	} else if ((st.st_mode & 077) != 0) {
		*why = "open to others: chmod 600";
	} else {
		key = PEM_read_PrivateKey(f, NULL, no_password, NULL);
		if (key == NULL)
			*why = "no PEM key without password in it";
	}
	if (f != NULL)
		fclose(f);
	return key;
}

int
seal_cert_name(
    const char *cert_pem, char subject_cn[128], struct diag_sink *sink)
{
	X509 *x = read_cert(cert_pem);
	int r = 0;

	subject_cn[0] = '\0';
	if (x != NULL)
		seal_name_of(x, subject_cn);
	if (subject_cn[0] == '\0')
		r = seal_fault(sink, DIAG_KEY_UNREADABLE, cert_pem,
		    x == NULL ? "no PEM certificate in it" :
				"its subject has no one commonName");
	X509_free(x);
	return r;
}

struct seal_key *
seal_key_open(const char *key_pem, const char *cert_pem, struct diag_sink *sink)
{
	struct seal_key *k = text_alloc(sizeof(*k));
	const char *why;

	k->key = read_key(key_pem, &why);
	if (k->key == NULL) {
		seal_fault(sink, DIAG_KEY_UNREADABLE, key_pem, why);
		goto fail;
	}
	k->cert = read_cert(cert_pem);
	if (k->cert == NULL) {
		seal_fault(sink, DIAG_KEY_UNREADABLE, cert_pem,
		    "no PEM certificate in it");
		goto fail;
	}
	if (X509_check_private_key(k->cert, k->key) == 1)
		return k;
	seal_fault(
	    sink, DIAG_KEY_UNREADABLE, cert_pem, "does not belong to the key");
fail:
	seal_key_free(k);
	return NULL;
}

void
seal_key_free(struct seal_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->key);
	X509_free(k->cert);
	free(k);
}

/* ---- signing ---- */

/* Adds the one signer; the signing time is ours, not the clock's. */
static int
add_signer(
    CMS_ContentInfo *cms, const struct seal_key *k, int64_t now, unsigned flags)
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)(now / 1000));
	CMS_SignerInfo *si =
	    CMS_add1_signer(cms, k->cert, k->key, EVP_sha256(), flags);
	int ok = t != NULL && si != NULL &&
	    CMS_signed_add1_attr_by_NID(
		si, NID_pkcs9_signingTime, t->type, t, -1) == 1;

	ASN1_TIME_free(t);
	return ok ? 0 : -1;
}

/* A detached SignedData over `in`, DER; yours to OPENSSL_free. */
static unsigned char *
sign(BIO *in, const struct seal_key *k, int64_t now, int *n)
{
	const unsigned flags =
	    CMS_BINARY | CMS_DETACHED | CMS_NOSMIMECAP | CMS_PARTIAL;
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	unsigned char *der = NULL;

	*n = -1;
	if (cms != NULL && add_signer(cms, k, now, flags) == 0 &&
	    CMS_final(cms, in, NULL, flags) == 1)
		*n = i2d_CMS_ContentInfo(cms, &der);
	CMS_ContentInfo_free(cms);
	return *n > 0 ? der : NULL;
}

int
seal_sign_bytes(const char *name, struct slice content,
    const struct seal_key *signer, int64_t now, struct buf *sig,
    struct diag_sink *sink)
{
	BIO *in = content.n > INT32_MAX ?
	    NULL :
	    BIO_new_mem_buf(content.p, (int)content.n);
	unsigned char *der = NULL;
	int n, r = -1;

	if (in != NULL)
		der = sign(in, signer, now, &n);
	if (der == NULL) {
		seal_fault(sink, DIAG_KEY_UNREADABLE, name, NULL);
		goto out;
	}
	buf_put(sig, (struct slice) { (char *)der, (size_t)n });
	if (sig->full)
		seal_fault(sink, DIAG_IO, name, "signature too large");
	else
		r = 0;
out:
	OPENSSL_free(der);
	BIO_free(in);
	return r;
}

/* ---- opaque: the frame around the content ---- */

static void
put_head(struct buf *b, unsigned char tag, int64_t len)
{
	unsigned octets = 0;

	buf_putc(b, (char)tag);
	if (len < 0x80) {
		buf_putc(b, (char)len);
		return;
	}
	for (int64_t l = len; l > 0; l >>= 8)
		octets++;
	buf_putc(b, (char)(0x80 | octets));
	while (octets-- > 0)
		buf_putc(b, (char)(len >> (8 * octets)));
}

static int64_t
with_head(int64_t len)
{
	int64_t n = len + 2;

	if (len >= 0x80)
		for (int64_t l = len; l > 0; l >>= 8)
			n++;
	return n;
}

/* Everything in front of `size` bytes of content, and behind. */
static void
frame(const struct seal_parts *p, int64_t size, struct buf *front,
    struct buf *back)
{
	int64_t octets = with_head(size), content = with_head(octets);
	int64_t encap = (int64_t)p->type.n + content;
	int64_t data = (int64_t)(p->version.n + p->digests.n) +
	    with_head(encap) + with_head((int64_t)p->certificates.n) +
	    with_head((int64_t)p->signer.n);

	put_head(front, 0x30,
	    (int64_t)sizeof(OID_SIGNED) - 1 + with_head(with_head(data)));
	buf_put(front, SLICE(OID_SIGNED));
	put_head(front, 0xa0, with_head(data));
	put_head(front, 0x30, data);
	buf_put(front, p->version);
	buf_put(front, p->digests);
	put_head(front, 0x30, encap);
	buf_put(front, p->type);
	put_head(front, 0xa0, octets);
	put_head(front, 0x04, size);
	put_head(back, 0xa0, (int64_t)p->certificates.n);
	buf_put(back, p->certificates);
	put_head(back, 0x31, (int64_t)p->signer.n);
	buf_put(back, p->signer);
}

/* Exactly n bytes of `in` to fd. */
static int
copy(BIO *in, int fd, int64_t n)
{
	char *buf = text_alloc(COPY_SIZE);
	int got = 0;

	while (n > 0 && (got = BIO_read(in, buf, (int)COPY_SIZE)) > 0) {
		if (got > n ||
		    text_write(fd, (struct slice) { buf, (size_t)got }) == -1)
			break;
		n -= got;
	}
	free(buf);
	return n == 0 ? 0 : -1;
}

/* in can be read again from its begin. */
static int
seal_content(const char *name, BIO *in, int64_t size, int out_fd,
    const struct seal_key *signer, int64_t now, struct diag_sink *sink)
{
	char *store = text_alloc(2 * SEAL_FRAME_MAX);
	struct buf front, back;
	struct seal_parts p = { 0 };
	struct der_file f;
	unsigned char *der;
	const char *why = NULL;
	int n, r = -1;

	der = sign(in, signer, now, &n);
	if (der == NULL) {
		seal_fault(sink, DIAG_KEY_UNREADABLE, name, NULL);
		goto out;
	}
	der_file_bytes(&f, (struct slice) { (char *)der, (size_t)n });
	why = seal_walk(&f, &p);
	if (why != NULL) {
		seal_fault(sink, DIAG_KEY_UNREADABLE, name, why);
		goto out;
	}
	buf_init(&front, store, SEAL_FRAME_MAX);
	buf_init(&back, store + SEAL_FRAME_MAX, SEAL_FRAME_MAX);
	frame(&p, size, &front, &back);
	if (front.full || back.full || BIO_reset(in) < 0 ||
	    text_write(out_fd, buf_slice(&front)) == -1 ||
	    copy(in, out_fd, size) == -1 ||
	    text_write(out_fd, buf_slice(&back)) == -1) {
		seal_fault(sink, DIAG_IO, name, strerror(errno));
		goto out;
	}
	r = 0;
out:
	seal_parts_free(&p);
	OPENSSL_free(der);
	free(store);
	return r;
}

/* ---- enveloped first ---- */

static BIO *
envelope(
    BIO *in, int64_t size, const char *recipient_cert, struct diag_sink *sink)
{
	STACK_OF(X509) *to = sk_X509_new_null();
	X509 *x = read_cert(recipient_cert);
	BIO *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = NULL;
	bool ok = false;

	if (x == NULL || to == NULL || out == NULL ||
	    sk_X509_push(to, x) == 0) {
		seal_fault(sink, DIAG_KEY_UNREADABLE, recipient_cert, NULL);
		goto out;
	}
	if (size <= ENVELOPE_BYTES_MAX)
		cms = CMS_encrypt(to, in, EVP_aes_256_cbc(), CMS_BINARY);
	ok = cms != NULL && i2d_CMS_bio(out, cms) == 1;
	if (!ok)
		seal_fault(sink, DIAG_KEY_UNREADABLE, recipient_cert,
		    cms == NULL ? "cannot envelope for it" : NULL);
out:
	CMS_ContentInfo_free(cms);
	sk_X509_free(to);
	X509_free(x);
	if (ok)
		return out;
	BIO_free(out);
	return NULL;
}

int
seal_make(const char *name, int in_fd, int out_fd,
    const struct seal_key *signer, const char *recipient_cert, int64_t now,
    struct diag_sink *sink)
{
	BIO *in = BIO_new_fd(in_fd, BIO_NOCLOSE), *mem = NULL, *view = NULL;
	struct stat st;
	char *bytes;
	long n;
	int r = -1;

	if (in == NULL || fstat(in_fd, &st) == -1 ||
	    lseek(in_fd, 0, SEEK_SET) == -1) {
		seal_fault(sink, DIAG_IO, name, strerror(errno));
		goto out;
	}
	if (recipient_cert == NULL) {
		r = seal_content(
		    name, in, st.st_size, out_fd, signer, now, sink);
		goto out;
	}
	mem = envelope(in, st.st_size, recipient_cert, sink);
	if (mem == NULL)
		goto out;
	n = BIO_get_mem_data(mem, &bytes);
	view = BIO_new_mem_buf(bytes, (int)n);
	if (view == NULL)
		seal_fault(sink, DIAG_IO, name, "out of memory");
	else
		r = seal_content(name, view, n, out_fd, signer, now, sink);
out:
	BIO_free(view);
	BIO_free(mem);
	BIO_free(in);
	return r;
}
