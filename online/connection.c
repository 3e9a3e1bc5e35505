/*
 * One connection: handshake, read one request, hand it over, send its
 * answer, wait for the next. OpenSSL is called straight on the non-blocking
 * socket; libevent only tells when. A request that arrives in one piece is
 * parsed where it was decrypted and costs no allocation; one that does not
 * is gathered in a buffer of its connection.
 */
#include "online/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#define LINGER_BYTES (1 << 20) /* read and thrown away before a close */
/* what good clients never meet: from the first byte to the last */
#define HANDSHAKE_SECONDS 10
#define REQUEST_SECONDS 10
#define SEND_SECONDS 10
#define LINGER_SECONDS 2

static void on_ready(evutil_socket_t fd, short what, void *arg);

static int64_t
now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
set_deadline(struct http_connection *c, int seconds)
{
	c->deadline = now_ms(CLOCK_MONOTONIC) + seconds * INT64_C(1000);
}

static void
watch(struct http_connection *c, short what)
{
	if (c->watched == what)
		return;
	event_del(c->event);
	c->watched = what;
	if (what == 0)
		return;
	event_assign(
	    c->event, c->h->base, c->fd, what | EV_PERSIST, on_ready, c);
	event_priority_set(c->event, c->state == SHAKING ? 1 : 0);
	event_add(c->event, NULL);
}

static void
in_free(struct http_connection *c)
{
	free(c->in);
	c->in = NULL;
	c->in_n = c->in_size = 0;
}

/* The other side is told, where it waits for nothing of ours. */
void
connection_free(struct http_connection *c)
{
	if (c->state == SERVING)
		c->h->open--;
	if (c->state == HEAD || c->state == BODY) {
		ERR_clear_error();
		SSL_shutdown(c->ssl);
	}
	LIST_REMOVE(c, link);
	c->h->counts.connections--;
	event_free(c->event);
	SSL_free(c->ssl);
	close(c->fd);
	in_free(c);
	free(c->out);
	free(c);
}

/* What a call of OpenSSL wants; false: the connection is at its end. */
static bool
wait_for(struct http_connection *c, int r)
{
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		watch(c, EV_READ);
		return true;
	case SSL_ERROR_WANT_WRITE:
		watch(c, EV_WRITE);
		return true;
	default:
		ERR_clear_error();
		return false;
	}
}

/* ---- reading ---- */

static void
serve(struct http_connection *c)
{
	c->state = SERVING;
	c->h->open++;
	c->h->serve(c->h->arg, &c->r);
}

static void
serve_fault(struct http_connection *c, int fault)
{
	struct slice path = fault == 405 ? c->h->head.path : SLICE("");
	char *old = c->in; /* the path lies in it */

	if (c->state == HEAD)
		c->r.accepted_at = now_ms(CLOCK_REALTIME);
	memset(&c->h->head, 0, offsetof(struct http_head, header));
	c->h->head.headers = 0;
	c->h->head.path = path;
	c->h->body = (struct slice) { NULL, 0 };
	c->r.fault = fault;
	c->close = true;
	c->in = NULL;
	c->in_n = c->in_size = 0;
	serve(c);
	free(old);
}

/* 1 served (or refused), 0: more is needed. p[0..n): all that came. */
static int
take_request(struct http_connection *c, char *p, size_t n)
{
	struct http *h = c->h;
	struct http_head *head = &h->head;
	size_t rest;
	ssize_t found = (ssize_t)c->head_n;
	int fault;

	if (c->state == HEAD) {
		size_t max = n < HTTP_HEADER_MAX ? n : HTTP_HEADER_MAX;
		found = http_head_scan(p, max, &c->scanned);
		if (found == 0 && max < HTTP_HEADER_MAX)
			return 0;
		if (found <= 0) {
			serve_fault(c, found == 0 ? 431 : 400);
			return 1;
		}
		c->r.accepted_at = now_ms(CLOCK_REALTIME);
	} else if (n < c->head_n + c->length) {
		return 0;
	}
	fault = http_head_parse(head, p, (size_t)found);
	if (fault != 0) {
		serve_fault(c, fault);
		return 1;
	}
	c->head_n = (size_t)found;
	c->length = head->length;
	if (n < c->head_n + c->length) {
		c->state = BODY;
		if (head->expects)
			SSL_write(c->ssl, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		return 0;
	}
	h->body = (struct slice) { p + c->head_n, c->length };
	c->close = c->close || head->close;
	c->r.fault = 0;
	rest = n - c->head_n - c->length;
	if (rest > 0) { /* the next one's bytes wait */
		char *kept = text_alloc(rest);
		char *old = c->in;
		memcpy(kept, p + c->head_n + c->length, rest);
		c->in = kept;
		c->in_n = c->in_size = rest;
		serve(c);
		free(old);
	} else if (c->in != NULL) {
		char *old = c->in; /* the request lies in it */
		c->in = NULL;
		c->in_n = c->in_size = 0;
		serve(c);
		free(old);
	} else {
		serve(c);
	}
	return 1;
}

/* Room for more behind what was gathered; the scratch where nothing was. */
static char *
room(struct http_connection *c, size_t *n)
{
	size_t want;

	if (c->in == NULL) {
		*n = sizeof(c->h->scratch);
		return c->h->scratch;
	}
	if (c->in_n == c->in_size) {
		want = c->in_size < 1024 ? 2048 : c->in_size * 2;
		c->in_size = want < HTTP_IN_MAX ? want : HTTP_IN_MAX;
		c->in = text_realloc(c->in, c->in_size);
	}
	*n = c->in_size - c->in_n;
	return c->in + c->in_n;
}

/* An incomplete request: gathered with the connection, by a deadline. */
static void
gather(struct http_connection *c, const char *p, size_t n)
{
	if (c->in == NULL) {
		c->in_size = n < 1024 ? 1024 : n;
		c->in = text_alloc(c->in_size);
		memcpy(c->in, p, n);
		c->in_n = n;
		set_deadline(c, REQUEST_SECONDS);
	} else {
		c->in_n += n;
	}
}

static void
read_request(struct http_connection *c)
{
	char *p;
	size_t n;
	int r;

	/* bytes that came with the request before */
	if (c->in_n > 0 && c->scanned == 0 && c->state == HEAD) {
		set_deadline(c, REQUEST_SECONDS);
		if (take_request(c, c->in, c->in_n) == 1)
			return;
	}
	do {
		p = room(c, &n);
		ERR_clear_error();
		r = SSL_read(c->ssl, p, (int)n);
		if (r <= 0) {
			if (!wait_for(c, r))
				connection_free(c);
			return;
		}
		if (c->in != NULL)
			gather(c, p, (size_t)r);
		if (take_request(c, c->in != NULL ? c->in : p,
			c->in != NULL ? c->in_n : (size_t)r) == 1)
			return;
		if (c->in == NULL)
			gather(c, p, (size_t)r);
	} while (SSL_has_pending(c->ssl) == 1);
	watch(c, EV_READ);
}

/* What comes after a last answer: the other side may still be sending what
 * we refused; a close now would make its kernel throw the answer away. */
static void
throw_away(struct http_connection *c)
{
	ssize_t n = recv(c->fd, c->h->scratch, sizeof(c->h->scratch), 0);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	c->thrown += n > 0 ? (size_t)n : 0;
	if (n <= 0 || c->thrown > LINGER_BYTES)
		connection_free(c);
}

/* ---- sending ---- */

/* Everything sent: the next request, or the end. */
static void
answered(struct http_connection *c)
{
	free(c->out);
	c->out = NULL;
	c->scanned = 0;
	if (c->close) {
		c->state = LINGERING;
		set_deadline(c, LINGER_SECONDS);
		ERR_clear_error();
		SSL_shutdown(c->ssl);
		shutdown(c->fd, SHUT_WR);
		watch(c, EV_READ);
		return;
	}
	c->state = HEAD;
	set_deadline(c, c->h->idle_seconds);
	watch(c, EV_READ);
	/* what came meanwhile; later, so that no request nests in another */
	if (c->in_n > 0 || SSL_has_pending(c->ssl) == 1)
		event_active(c->event, EV_READ, 1);
}

static void
send_rest(struct http_connection *c)
{
	int r;

	ERR_clear_error();
	r = SSL_write(
	    c->ssl, c->out + c->out_done, (int)(c->out_n - c->out_done));
	if (r <= 0) {
		if (!wait_for(c, r))
			connection_free(c);
		return;
	}
	c->out_done += (size_t)r;
	if (c->out_done == c->out_n)
		answered(c);
}

/* Nearly always the socket takes the whole answer at once. */
void
connection_send(struct http_connection *c, const char *p, size_t n)
{
	int r;

	set_deadline(c, SEND_SECONDS);
	ERR_clear_error();
	r = SSL_write(c->ssl, p, (int)n);
	if (r > 0 && (size_t)r == n) {
		answered(c);
		return;
	}
	if (r <= 0 && !wait_for(c, r)) {
		connection_free(c);
		return;
	}
	c->out_n = n - (r > 0 ? (size_t)r : 0);
	c->out_done = 0;
	c->out = text_alloc(c->out_n);
	memcpy(c->out, p + (n - c->out_n), c->out_n);
	watch(c, EV_WRITE);
}

/* ---- handshakes ---- */

static void
shake(struct http_connection *c)
{
	int r;

	ERR_clear_error();
	r = SSL_accept(c->ssl);
	if (r != 1) {
		if (!wait_for(c, r)) {
			c->h->counts.failed++;
			connection_free(c);
		}
		return;
	}
	if (SSL_session_reused(c->ssl))
		c->h->counts.resumed++;
	else
		c->h->counts.full++;
	c->state = HEAD;
	set_deadline(c, c->h->idle_seconds);
	watch(c, 0); /* from now on before any handshake */
	watch(c, EV_READ);
	if (SSL_has_pending(c->ssl) == 1)
		event_active(c->event, EV_READ, 1);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct http_connection *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case SHAKING:
		shake(c);
		break;
	case HEAD:
	case BODY:
		read_request(c);
		break;
	case SERVING: /* more bytes, or the end: looked at afterwards */
		watch(c, 0);
		break;
	case SENDING:
		send_rest(c);
		break;
	case LINGERING:
		throw_away(c);
		break;
	}
}

void
connection_begin(struct http *h, int fd)
{
	struct http_connection *c;
	SSL *ssl = SSL_new(h->tls);
	struct event *event = event_new(h->base, fd, EV_READ, on_ready, NULL);
	int one = 1;

	if (event == NULL || ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
		if (event != NULL)
			event_free(event);
		SSL_free(ssl);
		close(fd);
		return;
	}
	/* without it every answer waits 40 ms for an acknowledgement */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c = text_alloc(sizeof(*c));
	c->h = h;
	c->fd = fd;
	c->ssl = ssl;
	c->event = event;
	c->r.c = c;
	SSL_set_app_data(ssl, c->slot);
	LIST_INSERT_HEAD(&h->all, c, link);
	h->counts.connections++;
	h->counts.accepted++;
	set_deadline(c, HANDSHAKE_SECONDS);
	watch(c, EV_READ);
}
