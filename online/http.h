/*
 * One bounded request in, one response out, over mutual TLS; hides libevent
 * and the socket.
 * A closed grammar of HTTP/1.1 and 1.0: POST and GET, one Content-Length, no
 * Transfer-Encoding, headers <= HTTP_HEADER_MAX, body <= HTTP_BODY_MAX. Any
 * other byte (bare CR or LF, NUL, blank before a colon, folded line, two
 * lengths) makes a fault, answered 400, 405, 411, 413, 417 or 431, and the
 * connection closes. The grammar is ours (http_head.h), and not evhttp: evhttp
 * takes bare LF, cuts a header at NUL and falls back to
 * Content-Length beside a Transfer-Encoding list, and none of it can be seen
 * afterwards (reliability G16, G17, rule 6).
 */
#ifndef ONLINE_HTTP_H
#define ONLINE_HTTP_H

#include "online/http_head.h"

struct event_base;
struct ssl_ctx_st;
struct x509_st;
struct http;
struct http_request; /* lives until http_reply() */

#define HTTP_SLOT_SIZE 160

/* Calls serve() for each whole request and for each fault; it must reply
 * once, now or later. One request of a connection at a time. */
struct http *http_new(struct event_base *base, struct ssl_ctx_st *tls,
    void (*serve)(void *arg, struct http_request *r), void *arg,
    int idle_seconds);
int http_accept(struct http *h, int listen_fd);
/* Contexts for new connections from now on (a new CRL). */
void http_tls(struct http *h, struct ssl_ctx_st *tls);
/* No new connection; idle ones are closed, others after their answer. */
void http_stop_accepting(struct http *h);
void http_close_idle(struct http *h);
struct http_counts { /* since the start */
	int64_t accepted, full, resumed; /* handshakes */
	int64_t failed; /* handshakes */
	int64_t slow; /* cut by a deadline */
	int64_t connections; /* now */
};
const struct http_counts *http_counts(const struct http *h);
size_t http_open_requests(const struct http *h);
void http_free(struct http *h);

/* Method, path, body and headers are good while serve() runs, the others
 * until the reply. http_fault: 0, or the status this request must be refused
 * with; method, body and headers are missing then, the path too unless it is
 * 405. */
int http_fault(const struct http_request *r);
struct slice http_method(const struct http_request *r);
struct slice http_path(const struct http_request *r);
struct slice http_body(const struct http_request *r);
/* "" where it is missing, or there twice. */
struct slice http_header(const struct http_request *r, const char *name);
struct x509_st *http_peer(const struct http_request *r); /* borrowed */
/* HTTP_SLOT_SIZE bytes of the connection, zero at first: what a caller has
 * found out about its peer. Aligned for any type. */
void *http_slot(const struct http_request *r);
int64_t http_accepted_at(const struct http_request *r); /* ms, CLOCK_REALTIME */
/* a->close: end the connection; a->length is set here. */
void http_reply(struct http_request *r, const struct http_answer *answer,
    struct slice body);

#endif
