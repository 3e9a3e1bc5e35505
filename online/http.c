#include "online/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/ssl.h>

#include "online/connection.h"

#define ACCEPTS 16 /* at a time: a handshake costs a millisecond */

static int64_t
now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
	struct http *h = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = accept4(
		    listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			connection_begin(h, fd);
			continue;
		}
		/* out of descriptors: again at once would only spin */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS)
			event_del(h->accept);
		break;
	}
}

/* Once a second: who took too long, for whatever it was. */
static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;
	struct http_connection *c, *next;
	int64_t now = now_ms(CLOCK_MONOTONIC);

	(void)fd;
	(void)what;
	if (h->accept != NULL && !h->stopping)
		event_add(h->accept, NULL);
	for (c = LIST_FIRST(&h->all); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->state == SERVING || now <= c->deadline)
			continue;
		if (c->state != LINGERING && (c->state != HEAD || c->in_n > 0))
			h->counts.slow++;
		connection_free(c);
	}
}

/* ---- from outside ---- */

struct http *
http_new(struct event_base *base, struct ssl_ctx_st *tls,
    void (*serve_)(void *arg, struct http_request *r), void *arg,
    int idle_seconds)
{
	struct http *h = text_alloc(sizeof(*h));
	struct timeval second = { 1, 0 };

	h->base = base;
	h->tls = tls;
	h->serve = serve_;
	h->arg = arg;
	h->idle_seconds = idle_seconds;
	LIST_INIT(&h->all);
	h->sweep = event_new(base, -1, EV_PERSIST, on_sweep, h);
	if (h->sweep != NULL)
		event_add(h->sweep, &second);
	return h;
}

int
http_accept(struct http *h, int listen_fd)
{
	evutil_make_socket_nonblocking(listen_fd);
	h->accept =
	    event_new(h->base, listen_fd, EV_READ | EV_PERSIST, on_accept, h);
	return h->accept == NULL ? -1 : event_add(h->accept, NULL);
}

void
http_tls(struct http *h, struct ssl_ctx_st *tls)
{
	h->tls = tls;
}

void
http_close_idle(struct http *h)
{
	struct http_connection *c, *next;

	for (c = LIST_FIRST(&h->all); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->state == HEAD && c->in_n == 0)
			connection_free(c);
	}
}

void
http_stop_accepting(struct http *h)
{
	struct http_connection *c, *next;

	h->stopping = true;
	if (h->accept != NULL)
		event_del(h->accept);
	http_close_idle(h);
	for (c = LIST_FIRST(&h->all); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->state == SHAKING)
			connection_free(c);
	}
}

const struct http_counts *
http_counts(const struct http *h)
{
	return &h->counts;
}

size_t
http_open_requests(const struct http *h)
{
	const struct http_connection *c;
	size_t n = h->open;

	LIST_FOREACH(c, &h->all, link)
	if (c->state == SENDING)
		n++;
	return n;
}

void
http_free(struct http *h)
{
	if (h == NULL)
		return;
	while (!LIST_EMPTY(&h->all))
		connection_free(LIST_FIRST(&h->all));
	if (h->accept != NULL)
		event_free(h->accept);
	if (h->sweep != NULL)
		event_free(h->sweep);
	free(h);
}

/* ---- what serve() sees ---- */

int
http_fault(const struct http_request *r)
{
	return r->fault;
}

struct slice
http_method(const struct http_request *r)
{
	return r->c->h->head.method;
}

struct slice
http_path(const struct http_request *r)
{
	return r->c->h->head.path;
}

struct slice
http_body(const struct http_request *r)
{
	return r->c->h->body;
}

struct slice
http_header(const struct http_request *r, const char *name)
{
	int n;
	struct slice found = http_head_find(&r->c->h->head, name, &n);

	return n == 1 ? found : SLICE("");
}

struct x509_st *
http_peer(const struct http_request *r)
{
	return SSL_get0_peer_certificate(r->c->ssl);
}

void *
http_slot(const struct http_request *r)
{
	return r->c->slot;
}

int64_t
http_accepted_at(const struct http_request *r)
{
	return r->accepted_at;
}

void
http_reply(
    struct http_request *r, const struct http_answer *answer, struct slice body)
{
	struct http_connection *c = r->c;
	struct http *h = c->h;
	struct http_answer a = *answer;
	struct buf b;

	a.length = body.n;
	a.close = a.close || c->close || h->stopping;
	c->close = a.close;
	if (r->accepted_at / 1000 != h->date_at) {
		h->date_at = r->accepted_at / 1000;
		http_date(r->accepted_at, h->date);
	}
	buf_init(&b, h->reply, sizeof(h->reply));
	http_head_write(&b, &a, h->date);
	buf_put(&b, body);
	h->open--;
	c->state = SENDING;
	/* head and body in one write: one TLS record */
	connection_send(c, b.p, b.n);
}
