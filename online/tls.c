#include "online/tls.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "formats/codec/day.h"

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

struct ssl_ctx_st *
tls_new(
    const struct config *c, const struct chain *trust, struct diag_sink *sink)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL || load_own(ctx, c, sink) == -1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	/* No resumption: a ticket would outlive a revocation, and costs more
	 * than the full handshake it saves (performance 6). */
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* a record in one system call */
	SSL_CTX_set1_cert_store(ctx, chain_store(trust));
	SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
	SSL_CTX_set_verify(
	    ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	/* clients with several certificates choose by these names */
	SSL_CTX_set_client_CA_list(
	    ctx, SSL_load_client_CA_file(c->institution_ca));
	ERR_clear_error();
	return ctx;
}

void
tls_free(struct ssl_ctx_st *ctx)
{
	SSL_CTX_free(ctx);
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

void
tls_peer(struct x509_st *cert, const struct chain *trust, int64_t now,
    struct tls_peer *out)
{
	memset(out, 0, sizeof(*out));
	find_institution(cert, out->institution);
	find_serial(cert, out->serial);
	out->not_after = moment_of(X509_get0_notAfter(cert));
	out->fault = chain_check(trust, cert, CHAIN_CLIENT, now);
}
