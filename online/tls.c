#include "online/tls.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "formats/codec/day.h"
#include "formats/limits.h"
#include "online/share.h"

#define PEER_MS INT64_C(60000) /* a peer's path is built anew after this */

static int
refuse(struct diag_sink *sink, const char *file, const char *what)
{
	ERR_clear_error();
	diag_file(sink, DIAG_KEY_UNREADABLE, file, "%s", what);
	return -1;
}

static int
load_own(SSL_CTX *ctx, const struct config *c, struct diag_sink *sink)
{
	struct stat st;

	if (stat(c->server_key, &st) == -1 || (st.st_mode & 077) != 0)
		return refuse(sink, c->server_key, "missing, or not 0600");
	if (SSL_CTX_use_certificate_chain_file(ctx, c->server_cert) != 1)
		return refuse(sink, c->server_cert, "certificate");
	if (SSL_CTX_use_PrivateKey_file(ctx, c->server_key, SSL_FILETYPE_PEM) !=
	    1)
		return refuse(sink, c->server_key, "private key");
	if (SSL_CTX_check_private_key(ctx) != 1)
		return refuse(sink, c->server_key, "not the certificate's");
	return 0;
}

/* The one OU that is a 医療機関コード; none, or two, is nobody. */
static void
find_institution(X509 *cert, char out[11])
{
	X509_NAME *name = X509_get_subject_name(cert);
	int i = -1, found = 0;

	out[0] = '\0';
	while ((i = X509_NAME_get_index_by_NID(
		    name, NID_organizationalUnitName, i)) >= 0) {
		ASN1_STRING *s =
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
		struct slice v = { (const char *)ASN1_STRING_get0_data(s),
			(size_t)ASN1_STRING_length(s) };
		if (v.n != 10 || !slice_digits(v))
			continue;
		memcpy(out, v.p, 10);
		out[10] = '\0';
		found++;
	}
	if (found != 1)
		out[0] = '\0';
}

/* The one value of an attribute; none, two, or a longer one is "". */
static void
find_one(X509 *cert, int nid, char *out, size_t size)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int i = X509_NAME_get_index_by_NID(name, nid, -1);
	const ASN1_STRING *s;
	struct slice v;

	out[0] = '\0';
	if (i < 0 || X509_NAME_get_index_by_NID(name, nid, i) >= 0)
		return;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));
	v = (struct slice) { (const char *)ASN1_STRING_get0_data(s),
		(size_t)ASN1_STRING_length(s) };
	if (v.n >= size || memchr(v.p, '\0', v.n) != NULL)
		return;
	memcpy(out, v.p, v.n);
	out[v.n] = '\0';
}

static void
find_serial(X509 *cert, char out[41])
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	int n = ASN1_STRING_length(serial);
	const unsigned char *p = ASN1_STRING_get0_data(serial);

	out[0] = '\0';
	for (int i = 0; i < n && i < 20; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static int64_t
moment_of(const ASN1_TIME *t)
{
	struct tm tm;

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	return (int64_t)day_of(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) *
	    DAY_MS +
	    ((tm.tm_hour * 60 + tm.tm_min) * 60 + tm.tm_sec) * INT64_C(1000);
}

static void
look(X509 *cert, const struct chain *trust, int64_t now, struct tls_peer *out)
{
	memset(out, 0, sizeof(*out));
	find_institution(cert, out->institution);
	find_serial(cert, out->serial);
	find_one(cert, NID_role, out->role, sizeof(out->role));
	find_one(cert, NID_commonName, out->name, sizeof(out->name));
	out->not_after = moment_of(X509_get0_notAfter(cert));
	out->fault = chain_check(trust, cert, CHAIN_CLIENT, now);
}

struct tls_peer *
tls_peer_now(struct tls_slot *slot, struct x509_st *cert,
    const struct tls_trust *trust, int64_t now)
{
	if (slot->checked_at == 0 || slot->epoch != trust->epoch ||
	    now > slot->peer.not_after || now - slot->checked_at > PEER_MS ||
	    now < slot->checked_at) {
		look(cert, trust->clients, now, &slot->peer);
		slot->checked_at = now;
		slot->epoch = trust->epoch;
	}
	return &slot->peer;
}

static int
hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'A' && c <= 'F'    ? c - 'A' + 10 :
	    c >= 'a' && c <= 'f'    ? c - 'a' + 10 :
				      -1;
}

/* RFC 3986 2.1; false: not so encoded, or too long */
static bool
unescape(struct slice s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			buf_putc(out, s.p[i]);
			continue;
		}
		if (i + 2 >= s.n || hex_of(s.p[i + 1]) < 0 ||
		    hex_of(s.p[i + 2]) < 0)
			return false;
		buf_putc(
		    out, (char)(hex_of(s.p[i + 1]) << 4 | hex_of(s.p[i + 2])));
		i += 2;
	}
	return !out->full;
}

int
tls_peer_read(struct slice escaped, const struct tls_trust *trust, int64_t now,
    struct tls_peer *out)
{
	char pem[HTTP_HEADER_MAX];
	struct buf b;
	BIO *bio;
	X509 *cert = NULL;

	buf_init(&b, pem, sizeof(pem));
	if (!unescape(escaped, &b))
		return -1;
	bio = BIO_new_mem_buf(b.p, (int)b.n);
	if (bio != NULL)
		/* an empty password: it never asks for one */
		cert =
		    PEM_read_bio_X509(bio, NULL, NULL, (void *)(uintptr_t) "");
	BIO_free(bio);
	if (cert == NULL) {
		ERR_clear_error();
		return -1;
	}
	look(cert, trust->clients, now, out);
	X509_free(cert);
	return 0;
}

/* ---- session tickets ---- */

/* A ticket holds the client's certificate: a resumed connection is asked who
 * it is and whether it is revoked like any other, at every question. */
static int
on_ticket(SSL *ssl, unsigned char name[16], unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int enc)
{
	const struct share *share =
	    SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0);
	struct ticket_copy key;
	OSSL_PARAM params[3];
	int r = enc ? share_ticket_newest(share, &key) :
		      share_ticket_find(share, name, &key);

	if (r == 0)
		return 0;
	params[0] = OSSL_PARAM_construct_octet_string(
	    OSSL_MAC_PARAM_KEY, key.mac, sizeof(key.mac));
	params[1] = OSSL_PARAM_construct_utf8_string(
	    OSSL_MAC_PARAM_DIGEST, (char[]) { "SHA256" }, 0);
	params[2] = OSSL_PARAM_construct_end();
	if (enc) {
		memcpy(name, key.name, sizeof(key.name));
		if (RAND_bytes(iv, 16) != 1)
			r = -1;
	}
	if (r != -1 &&
	    (EVP_CipherInit_ex(
		 cipher, EVP_aes_256_cbc(), NULL, key.aes, iv, enc) != 1 ||
		EVP_MAC_CTX_set_params(mac, params) != 1))
		r = -1;
	OPENSSL_cleanse(&key, sizeof(key));
	return r;
}

static void
set_tickets(SSL_CTX *ctx, const struct config *c, struct share *share)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (c->ticket_minutes == 0 || share == NULL) {
		SSL_CTX_set_num_tickets(ctx, 0);
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		return;
	}
	SSL_CTX_set_ex_data(ctx, 0, share);
	SSL_CTX_set_num_tickets(ctx, 1); /* each costs 190 us */
	SSL_CTX_set_timeout(ctx, c->ticket_minutes * 60L);
	SSL_CTX_set_session_id_context(
	    ctx, (const unsigned char *)"shikaku", 7);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}

/* ---- the client's certificate ---- */

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Instead of OpenSSL's own check: ours, which the first question then need
 * not do again (190 us of a handshake of a millisecond). */
static int
on_verify(X509_STORE_CTX *ctx, void *arg)
{
	const struct tls_trust *trust = arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	struct tls_slot *slot = ssl == NULL ? NULL : SSL_get_app_data(ssl);
	int64_t now = now_ms();

	if (slot == NULL || cert == NULL) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
		return 0;
	}
	if (tls_peer_now(slot, cert, trust, now)->fault == DIAG__MAX)
		return 1;
	X509_STORE_CTX_set_error(ctx,
	    now > slot->peer.not_after ? X509_V_ERR_CERT_HAS_EXPIRED :
					 X509_V_ERR_CERT_REJECTED);
	return 0;
}

/* ---- the context ---- */

/* CRYPTREC, high security: 1.3; 1.2 with forward secrecy and AEAD only. */
static bool
set_versions(SSL_CTX *ctx, const struct config *c)
{
	return SSL_CTX_set_min_proto_version(
		   ctx, c->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(ctx,
		"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
		"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
		"ECDHE-ECDSA-CHACHA20-POLY1305:"
		"ECDHE-RSA-CHACHA20-POLY1305") == 1 &&
	    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
}

struct ssl_ctx_st *
tls_new(const struct config *c, const struct tls_trust *trust,
    struct share *share, struct diag_sink *sink)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || load_own(ctx, c, sink) == -1 ||
	    !set_versions(ctx, c)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	set_tickets(ctx, c, share);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* a record in one system call */
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(
	    ctx, on_verify, (void *)(uintptr_t)trust);
	/* clients with several certificates choose by these names */
	SSL_CTX_set_client_CA_list(
	    ctx, SSL_load_client_CA_file(c->institution_ca));
	ERR_clear_error();
	return ctx;
}

int64_t
tls_own_until(const struct ssl_ctx_st *ctx)
{
	X509 *own = SSL_CTX_get0_certificate(ctx);

	return own == NULL ? 0 : moment_of(X509_get0_notAfter(own));
}

void
tls_free(struct ssl_ctx_st *ctx)
{
	SSL_CTX_free(ctx);
}
