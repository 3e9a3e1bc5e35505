#include "online/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "formats/codec/day.h"
#include "formats/limits.h"

#define HEADERS_MAX 64
#define PATH_BYTES_MAX 128
#define REPLY_BYTES (HTTP_BODY_MAX + 1024)
#define LINGER_BYTES (1 << 20) /* read and thrown away before a close */
#define HANDSHAKE_SECONDS 10
#define LINGER_SECONDS 2

enum state { SHAKING, HEAD, BODY, SERVING, SENDING, LINGERING };

struct header {
	struct slice name, value;
};
struct http_request {
	struct http_connection *c;
	char *head; /* bytes of the request's head; slices point into it */
	struct slice method, path, body;
	struct header header[HEADERS_MAX];
	int headers;
	size_t length; /* of the body */
	int fault;
	bool close, expects;
	int64_t accepted_at;
};
struct http_connection {
	LIST_ENTRY(http_connection) link;
	struct http *h;
	struct bufferevent *bev;
	struct http_request *r;
	enum state state;
	size_t scanned; /* of the head so far */
	size_t thrown;
	int64_t deadline; /* monotonic ms */
	bool close; /* after the answer */
	alignas(max_align_t) char slot[HTTP_SLOT_SIZE];
};
struct http {
	struct event_base *base;
	SSL_CTX *tls;
	void (*serve)(void *arg, struct http_request *r);
	void *arg;
	int idle_seconds;
	struct evconnlistener *listener;
	struct event *sweep;
	LIST_HEAD(, http_connection) all;
	size_t connections, open;
	unsigned tls_failures;
	bool stopping;
	char reply[REPLY_BYTES]; /* the answer being sent */
};

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

/* ---- the grammar ---- */

static bool
is_token(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_value(unsigned char c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool
same_name(struct slice a, const char *b)
{
	size_t n = strlen(b);

	if (a.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char x = a.p[i], y = b[i];
		if (x >= 'A' && x <= 'Z')
			x = (char)(x + 32);
		if (y >= 'A' && y <= 'Z')
			y = (char)(y + 32);
		if (x != y)
			return false;
	}
	return true;
}

/* METHOD SP /path SP HTTP/1.x */
static int
parse_request_line(struct http_request *r, struct slice line)
{
	const char *end = line.p + line.n, *p = line.p, *start = p;

	while (p < end && is_token((unsigned char)*p))
		p++;
	r->method = (struct slice) { start, (size_t)(p - start) };
	if (p == end || r->method.n == 0 || *p++ != ' ')
		return 400;
	start = p;
	while (p<end && * p> 0x20 && *p < 0x7f)
		p++;
	r->path = (struct slice) { start, (size_t)(p - start) };
	if (p == end || r->path.n == 0 || r->path.p[0] != '/' || *p++ != ' ')
		return 400;
	line = (struct slice) { p, (size_t)(end - p) };
	if (slice_is(line, "HTTP/1.0"))
		r->close = true;
	else if (!slice_is(line, "HTTP/1.1"))
		return 400;
	if (r->path.n > PATH_BYTES_MAX)
		return 400;
	if (!slice_is(r->method, "POST") && !slice_is(r->method, "GET"))
		return 405;
	return 0;
}

/* name ":" OWS value OWS; no folding, no blank before the colon. */
static int
parse_header(struct http_request *r, struct slice line)
{
	size_t colon = 0, from, to = line.n;

	while (colon < line.n && is_token((unsigned char)line.p[colon]))
		colon++;
	if (colon == 0 || colon == line.n || line.p[colon] != ':')
		return 400;
	for (size_t i = colon + 1; i < line.n; i++)
		if (!is_value((unsigned char)line.p[i]))
			return 400;
	from = colon + 1;
	while (from < to && (line.p[from] == ' ' || line.p[from] == '\t'))
		from++;
	while (to > from && (line.p[to - 1] == ' ' || line.p[to - 1] == '\t'))
		to--;
	if (r->headers == HEADERS_MAX)
		return 431;
	r->header[r->headers].name = (struct slice) { line.p, colon };
	r->header[r->headers++].value =
	    (struct slice) { line.p + from, to - from };
	return 0;
}

/* The one header of that name; *n tells how often it is there. */
static struct slice
find_header(const struct http_request *r, const char *name, int *n)
{
	struct slice found = { NULL, 0 };

	*n = 0;
	for (int i = 0; i < r->headers; i++)
		if (same_name(r->header[i].name, name)) {
			found = r->header[i].value;
			++*n;
		}
	return found;
}

/* What frames the message: nothing but one plain Content-Length (G17). */
static int
parse_framing(struct http_request *r)
{
	int n;
	struct slice v;
	bool post = slice_is(r->method, "POST");

	find_header(r, "Transfer-Encoding", &n);
	if (n > 0)
		return 400;
	find_header(r, "Host", &n);
	if (n > 1 || (n == 0 && !r->close))
		return 400;
	v = find_header(r, "Connection", &n);
	if (n > 0 && same_name(v, "close"))
		r->close = true;
	v = find_header(r, "Expect", &n);
	if (n > 0 && !same_name(v, "100-continue"))
		return 417;
	r->expects = n > 0;
	v = find_header(r, "Content-Length", &n);
	if (n == 0)
		return post ? 411 : 0;
	if (n > 1 || slice_number(v) < 0)
		return v.n > 18 && n == 1 && slice_digits(v) ? 413 : 400;
	if (slice_number(v) > HTTP_BODY_MAX)
		return 413;
	r->length = (size_t)slice_number(v);
	return !post && r->length > 0 ? 400 : 0;
}

static int
parse_head(struct http_request *r, size_t n)
{
	const char *p = r->head, *end = p + n - 2; /* the empty line */
	int fault = 0;

	for (int line = 0; p < end && fault == 0; line++) {
		const char *eol = memchr(p, '\r', (size_t)(end - p));
		struct slice s = { p, (size_t)(eol - p) };
		fault =
		    line == 0 ? parse_request_line(r, s) : parse_header(r, s);
		p = eol + 2;
	}
	return fault != 0 ? fault : parse_framing(r);
}

/*
 * Looks for the empty line that ends a head, byte for byte: CR only before
 * LF, LF only after CR, no NUL. Returns the head's length, 0: more is needed,
 * -1: it can never become one.
 */
static ssize_t
scan_head(const char *p, size_t n, size_t *scanned)
{
	for (size_t i = *scanned; i < n; i++) {
		if (p[i] == '\0')
			return -1;
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			return -1;
		if (i > 0 && p[i - 1] == '\r' && p[i] != '\n')
			return -1;
		if (p[i] == '\n' && i >= 3 && p[i - 2] == '\n')
			return (ssize_t)(i + 1);
		if (p[i] == '\n' && i == 1)
			return -1; /* an empty line instead of a request */
	}
	*scanned = n;
	return 0;
}

/* ---- one connection ---- */

static void
request_free(struct http_request *r)
{
	if (r == NULL)
		return;
	free(r->head);
	free((char *)(uintptr_t)r->body.p);
	free(r);
}

static void
connection_free(struct http_connection *c)
{
	if (c->state == SERVING)
		c->h->open--;
	LIST_REMOVE(c, link);
	c->h->connections--;
	request_free(c->r);
	bufferevent_free(c->bev);
	free(c);
}

static void
serve(struct http_connection *c)
{
	c->state = SERVING; /* the next one waits in the buffer, bounded */
	c->h->open++;
	c->h->serve(c->h->arg, c->r);
}

static struct http_request *
request_new(struct http_connection *c)
{
	struct http_request *r = text_alloc(sizeof(*r));

	r->c = c;
	r->accepted_at = now_ms(CLOCK_REALTIME);
	c->r = r;
	return r;
}

static void
serve_fault(struct http_connection *c, int fault)
{
	if (c->r == NULL)
		request_new(c);
	c->r->fault = fault;
	c->r->close = true;
	serve(c);
}

/* True: the state went on, look again. */
static bool
read_head(struct http_connection *c, struct evbuffer *in)
{
	size_t n = evbuffer_get_length(in);
	ssize_t head;
	struct http_request *r;

	if (n == 0)
		return false;
	if (c->scanned == 0 && c->r == NULL)
		set_deadline(c, c->h->idle_seconds); /* for the whole head */
	if (n > HTTP_HEADER_MAX)
		n = HTTP_HEADER_MAX;
	head = scan_head(
	    (const char *)evbuffer_pullup(in, (ssize_t)n), n, &c->scanned);
	if (head == 0 && n < HTTP_HEADER_MAX)
		return false;
	if (head <= 0) {
		serve_fault(c, head == 0 ? 431 : 400);
		return false;
	}
	r = request_new(c);
	r->head = text_alloc((size_t)head + 1);
	evbuffer_remove(in, r->head, (size_t)head);
	r->fault = parse_head(r, (size_t)head);
	if (r->fault != 0) {
		serve_fault(c, r->fault);
		return false;
	}
	c->state = BODY;
	if (r->expects && evbuffer_get_length(in) < r->length)
		bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	return true;
}

static void
read_body(struct http_connection *c, struct evbuffer *in)
{
	struct http_request *r = c->r;
	char *p;

	if (evbuffer_get_length(in) < r->length)
		return;
	if (r->length > 0) {
		p = text_alloc(r->length + 1);
		evbuffer_remove(in, p, r->length);
		r->body = (struct slice) { p, r->length };
	}
	serve(c);
}

static void
read_input(struct http_connection *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->state == LINGERING) {
		c->thrown += evbuffer_get_length(in);
		evbuffer_drain(in, evbuffer_get_length(in));
		if (c->thrown > LINGER_BYTES)
			connection_free(c);
		return;
	}
	if (c->state == HEAD && !read_head(c, in))
		return;
	if (c->state == BODY)
		read_body(c, in);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	read_input(arg);
}

/* Everything sent: the next request, or the end. The other side may still be
 * sending what we refuse; a close now would make its kernel throw the answer
 * away, so read on a little. */
static void
answered(struct http_connection *c)
{
	if (c->close) {
		c->state = LINGERING;
		set_deadline(c, LINGER_SECONDS);
		SSL_shutdown(bufferevent_openssl_get_ssl(c->bev));
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	} else {
		c->state = HEAD;
		c->scanned = 0;
		set_deadline(c, c->h->idle_seconds);
	}
	/* what came meanwhile; later, so that no request nests in another */
	if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
		bufferevent_trigger(c->bev, EV_READ,
		    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	struct http_connection *c = arg;

	if (c->state == SENDING &&
	    evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		answered(c);
}

/*
 * Straight into the socket, which nearly always takes the whole answer: the
 * event loop need not be told to wait for it. What it does not take goes the
 * ordinary way; OpenSSL sees the same bytes again (moving write buffer).
 */
static void
send_bytes(struct http_connection *c, const char *p, size_t n)
{
	SSL *ssl = bufferevent_openssl_get_ssl(c->bev);
	int r = 0;

	if (evbuffer_get_length(bufferevent_get_output(c->bev)) == 0) {
		ERR_clear_error();
		r = SSL_write(ssl, p, (int)n);
	}
	if (r > 0 && (size_t)r == n)
		answered(c);
	else if (r > 0)
		bufferevent_write(c->bev, p + r, n - (size_t)r);
	else
		bufferevent_write(c->bev, p, n); /* or finds the error again */
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct http_connection *c = arg;

	(void)bev;
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		c->state = HEAD;
		set_deadline(c, c->h->idle_seconds);
		return;
	}
	if (c->state == SHAKING)
		c->h->tls_failures++;
	/* A half-closed connection gets the answer it waits for. */
	if (c->state == SERVING ||
	    (c->state == SENDING && (what & BEV_EVENT_EOF) != 0))
		c->close = true;
	else
		connection_free(c);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int length, void *arg)
{
	struct http *h = arg;
	struct http_connection *c;
	SSL *ssl = SSL_new(h->tls);
	int one = 1;

	(void)listener;
	(void)address;
	(void)length;
	if (ssl == NULL) {
		evutil_closesocket(fd);
		return;
	}
	/* without it every answer waits 40 ms for an acknowledgement */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c = text_alloc(sizeof(*c));
	c->h = h;
	c->bev = bufferevent_openssl_socket_new(h->base, fd, ssl,
	    BUFFEREVENT_SSL_ACCEPTING,
	    BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (c->bev == NULL) {
		SSL_free(ssl);
		evutil_closesocket(fd);
		free(c);
		return;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	set_deadline(c, HANDSHAKE_SECONDS);
	LIST_INSERT_HEAD(&h->all, c, link);
	h->connections++;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_BODY_MAX);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* Out of descriptors: accepting again at once would only spin. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	evconnlistener_disable(listener);
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
	if (h->listener != NULL && !h->stopping)
		evconnlistener_enable(h->listener);
	for (c = LIST_FIRST(&h->all); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->state != SERVING && now > c->deadline)
			connection_free(c);
	}
}

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
	h->listener = evconnlistener_new(
	    h->base, on_accept, h, LEV_OPT_CLOSE_ON_EXEC, 0, listen_fd);
	if (h->listener == NULL)
		return -1;
	evconnlistener_set_error_cb(h->listener, on_accept_error);
	return 0;
}

void
http_tls(struct http *h, struct ssl_ctx_st *tls)
{
	h->tls = tls;
}

void
http_stop_accepting(struct http *h)
{
	struct http_connection *c, *next;

	h->stopping = true;
	if (h->listener != NULL)
		evconnlistener_disable(h->listener);
	for (c = LIST_FIRST(&h->all); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		if (c->state == SHAKING ||
		    (c->state == HEAD && c->scanned == 0))
			connection_free(c);
	}
}

unsigned
http_tls_failures(struct http *h)
{
	unsigned n = h->tls_failures;

	h->tls_failures = 0;
	return n;
}

size_t
http_connections(const struct http *h)
{
	return h->connections;
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
	if (h->listener != NULL)
		evconnlistener_free(h->listener);
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
	return r->method;
}

struct slice
http_path(const struct http_request *r)
{
	return r->path;
}

struct slice
http_body(const struct http_request *r)
{
	return r->body;
}

struct slice
http_header(const struct http_request *r, const char *name)
{
	int n;

	return find_header(r, name, &n);
}

struct x509_st *
http_peer(const struct http_request *r)
{
	SSL *ssl = bufferevent_openssl_get_ssl(r->c->bev);

	return ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);
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

static const char *
reason(int status)
{
	static const struct {
		int status;
		const char *text;
	} of[] = { { 200, "OK" }, { 400, "Bad Request" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 411, "Length Required" }, { 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 417, "Expectation Failed" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" } };

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (of[i].status == status)
			return of[i].text;
	return "Other";
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7) */
static void
put_date(struct buf *b, int64_t ms)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t utc = ms - JST_MS, clock = day_clock(utc) / 1000;
	int32_t day = day_of_moment(utc);
	int y, m, d;

	day_civil(day, &y, &m, &d);
	buf_printf(b, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
	    days + 3 * day_weekday(day), d, months + 3 * (m - 1), y,
	    (int)(clock / 3600), (int)(clock / 60 % 60), (int)(clock % 60));
}

void
http_reply(struct http_request *r, int status, const char *content_type,
    struct slice body, int retry_after, bool close)
{
	struct http_connection *c = r->c;
	struct buf b;

	c->close = c->close || r->close || close || c->h->stopping;
	buf_init(&b, c->h->reply, sizeof(c->h->reply));
	buf_printf(&b, "HTTP/1.1 %d %s\r\n", status, reason(status));
	put_date(&b, r->accepted_at);
	buf_printf(&b, "Content-Type: %s\r\nContent-Length: %zu\r\n",
	    content_type, body.n);
	buf_puts(&b, "Cache-Control: no-store\r\n");
	if (status == 405)
		buf_puts(&b, "Allow: GET, POST\r\n");
	if (retry_after > 0)
		buf_printf(&b, "Retry-After: %d\r\n", retry_after);
	if (c->close)
		buf_puts(&b, "Connection: close\r\n");
	buf_puts(&b, "\r\n");
	buf_put(&b, body);
	c->r = NULL;
	c->h->open--;
	c->state = SENDING;
	set_deadline(c, c->h->idle_seconds);
	request_free(r);
	/* head and body in one write: one TLS record */
	send_bytes(c, b.p, b.n);
}
