/*
 * Server context of the responder: TLS 1.3 (1.2 only by configuration, ECDHE
 * and AEAD), client certificate required, session tickets under keys that
 * all workers share, buffers released when idle; and the institution behind a
 * client certificate: subject OU = 医療機関コード (10 digits), CN = terminal,
 * role (2.5.4.72, X.520) = what the account is for, where there are several.
 */
#ifndef ONLINE_TLS_H
#define ONLINE_TLS_H

#include <stdint.h>

#include "formats/codec/chain.h"
#include "formats/config.h"

struct tls_peer {
	char institution[11]; /* 医療機関コード; "" where none */
	char serial[41];
	char name[32]; /* CN; "" where none, or longer */
	char role[CONFIG_ROLE_MAX + 1]; /* of the account; "" where none */
	enum diag_code fault; /* DIAG__MAX: valid now */
	int64_t not_after; /* moment from which it no longer is */
};
/* What is known about a connection's peer: filled by a full handshake, looked
 * at again for every question (tls_peer_now). Zero at first; a connection's
 * SSL has it as app data. */
struct tls_slot {
	struct tls_peer peer;
	int64_t checked_at; /* 0: never */
	unsigned epoch;
};
/* The trust in force; replaced as a whole, epoch one higher. */
struct tls_trust {
	const struct chain *clients;
	unsigned epoch;
};
struct share;
struct ssl_ctx_st;
struct x509_st;
/* trust: must outlive the context and every connection made with it. */
struct ssl_ctx_st *tls_new(const struct config *c,
    const struct tls_trust *trust, struct share *share, struct diag_sink *sink);
void tls_free(struct ssl_ctx_st *ctx);
/* When the server's own certificate ends, ms. */
int64_t tls_own_until(const struct ssl_ctx_st *ctx);

/* Asked on every question, on resumed and long-open connections too: expiry
 * against `now`, the path and its CRL anew when the trust changed or a minute
 * has passed. */
struct tls_peer *tls_peer_now(struct tls_slot *slot, struct x509_st *cert,
    const struct tls_trust *trust, int64_t now);
/* The same of a certificate that a front end names: PEM, percent-encoded as
 * nginx's $ssl_client_escaped_cert. 0, -1: it is none. */
int tls_peer_read(struct slice escaped, const struct tls_trust *trust,
    int64_t now, struct tls_peer *out);

#endif
