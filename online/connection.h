/*
 * What http.c and connection.c share: one connection and its request.
 * OpenSSL and libevent show here; nobody else includes it.
 */
#ifndef ONLINE_CONNECTION_H
#define ONLINE_CONNECTION_H

#include <stdalign.h>
#include <stddef.h>
#include <sys/queue.h>

#include "formats/limits.h"
#include "online/http.h"
#include "online/http_head.h"

#define HTTP_IN_MAX (HTTP_HEADER_MAX + HTTP_BODY_MAX)
#define HTTP_REPLY_MAX (HTTP_BODY_MAX + 1024)

enum http_state { SHAKING, HEAD, BODY, SERVING, SENDING, LINGERING };

struct http_request {
	struct http_connection *c;
	int64_t accepted_at;
	int fault;
};
struct http_connection {
	LIST_ENTRY(http_connection) link;
	struct http *h;
	struct ssl_st *ssl;
	struct event *event;
	int fd;
	short watched; /* EV_READ, EV_WRITE or 0 */
	enum http_state state;
	bool close; /* after the answer */
	struct http_request r;
	char *in, *out; /* only while something is incomplete */
	size_t in_n, in_size, out_n, out_done;
	size_t scanned, head_n, length; /* of the request being gathered */
	size_t thrown;
	int64_t deadline; /* monotonic ms */
	alignas(max_align_t) char slot[HTTP_SLOT_SIZE];
};
struct http {
	struct event_base *base;
	struct ssl_ctx_st *tls;
	void (*serve)(void *arg, struct http_request *r);
	void *arg;
	int idle_seconds;
	int listen_fd;
	struct event *accept, *sweep;
	LIST_HEAD(, http_connection) all;
	struct http_counts counts;
	size_t open;
	bool stopping;
	struct http_head head; /* of the request being served */
	struct slice body;
	int64_t date_at;
	char date[HTTP_DATE_SIZE];
	char scratch[HTTP_IN_MAX]; /* one piece, decrypted */
	char reply[HTTP_REPLY_MAX]; /* the answer being sent */
};

/* Takes the accepted descriptor; a handshake begins. */
void connection_begin(struct http *h, int fd);
void connection_free(struct http_connection *c);
/* Ends SERVING: sends, and goes on with the next request or closes. */
void connection_send(struct http_connection *c, const char *p, size_t n);

#endif
