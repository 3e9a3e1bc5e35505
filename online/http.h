/*
 * One bounded request in, one response out, over mutual TLS; hides libevent's
 * evhttp. POST and GET only, Content-Length only, no chunked body, headers
 * <= HTTP_HEADER_MAX, body <= HTTP_BODY_MAX; anything else is answered 400 /
 * 405 / 413 / 431 and closed here.
 */
#ifndef ONLINE_HTTP_H
#define ONLINE_HTTP_H

#include "formats/codec/text.h"

struct event_base;
struct ssl_ctx_st;
struct x509_st;
struct http;
struct http_request; /* lives until http_reply() */

/* Calls serve() for each whole request; it must reply once, now or later. */
struct http *http_new(struct event_base *base, struct ssl_ctx_st *tls,
    void (*serve)(void *arg, struct http_request *r), void *arg,
    int idle_seconds);
int http_accept(struct http *h, int listen_fd);
void http_stop_accepting(struct http *h);
size_t http_open_requests(const struct http *h);
void http_free(struct http *h);

struct slice http_method(const struct http_request *r);
struct slice http_path(const struct http_request *r);
struct slice http_body(const struct http_request *r);
struct slice http_header(const struct http_request *r, const char *name);
struct x509_st *http_peer(const struct http_request *r); /* borrowed */
int64_t http_accepted_at(const struct http_request *r); /* ms, CLOCK_REALTIME */
/* retry_after: seconds, 0 none; close: end the connection. */
void http_reply(struct http_request *r, int status, const char *content_type,
    struct slice body, int retry_after, bool close);

#endif
