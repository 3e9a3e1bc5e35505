/*
 * Server context of the responder: TLS 1.3, client certificate required,
 * no session tickets, buffers released when idle; and the institution behind
 * a client certificate: subject OU = 医療機関コード (10 digits), CN = terminal.
 */
#ifndef ONLINE_TLS_H
#define ONLINE_TLS_H

#include <stdint.h>

#include "formats/codec/chain.h"
#include "formats/config.h"

struct ssl_ctx_st;
struct ssl_ctx_st *tls_new(
    const struct config *c, const struct chain *trust, struct diag_sink *sink);
void tls_free(struct ssl_ctx_st *ctx);
struct tls_peer {
	char institution[11]; /* 医療機関コード; "" where none */
	char serial[41];
	enum diag_code fault; /* DIAG__MAX: valid now */
	int64_t not_after; /* moment from which it no longer is */
};
/* Checked on every request, not on every connection. */
void tls_peer(struct x509_st *cert, const struct chain *trust, int64_t now,
    struct tls_peer *out);

#endif
