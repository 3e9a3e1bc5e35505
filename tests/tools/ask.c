/*
 * tool-ask: a load over mutual TLS, one thread, any number of connections.
 *
 *  questions (default): N kept-alive connections, one question at a time on
 *      each, R in all, from a table of questions (header row; columns
 *      insurer, symbol, number, branch, birth, tab-separated) asked in turn;
 *      -w: that many ms of thought between answer and question
 *  -b FILE: whole bodies instead, a line each, asked in turn
 *  -m full, -m resumed: R handshakes, N at a time, each connection closed at
 *      once; resumed: each with the ticket of the one before
 *  -m idle: N connections, one question on each, then a line "idle" and
 *      silence until standard input ends
 *  -D DIR: a certificate per connection, DIR/CODE.{key,pem} in turn, each
 *      asking for its own institution; else -k, -t and -i
 *
 * Prints KEY VALUE lines: answers_per_s (handshakes too), p50_us, p99_us,
 * p999_us, max_us, not_200, valid, resumed, failed, client_cpu_us (per
 * answer: the client's own, apart from what it measures). -x: goes on when a
 * connection ends (opens it again) and counts failed ones.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "formats/codec/text.h"

#define REQUEST_MAX 6144 /* a question by card has a certificate in it */
#define ANSWER_MAX 32768

struct connection {
	int fd;
	SSL *ssl;
	SSL_CTX *ctx;
	SSL_SESSION *session;
	const char *institution;
	char *out, *in; /* while a question is under way */
	size_t out_n, out_done, in_n;
	int64_t asked, wake; /* ns; wake: asks again then; 0 not waiting */
	bool connected;
};
enum mode { QUESTIONS, FULL, RESUMED, IDLE };
static struct {
	int port, connections;
	long requests;
	enum mode mode;
	long think_ms;
	bool reopen;
	const char *dir;
	const char *path, *key, *cert, *questions, *institution, *day, *bodies;
} o = { 8443, 16, 10000, QUESTIONS, 0, false, NULL, "/oqs-api/search", NULL,
	NULL, NULL, "0000000000", "20260801", NULL };
static char **body;
static size_t bodies;
static long begun, ended, not_200, valid, resumed, failed;
static int ep;
static int64_t *latency;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
die(const char *what)
{
	fprintf(stderr, "tool-ask: %s: %s\n", what,
	    errno != 0 ? strerror(errno) : "failed");
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* ---- the questions ---- */

static void
put_field(struct buf *b, const char *name, const char *value)
{
	if (value[0] != '\0')
		buf_printf(b, "\"%s\":\"%s\",", name, value);
}

static void
add_question(const char *const v[5])
{
	char text[1024];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_printf(&b,
	    "{\"XmlMsg\":{\"MessageHeader\":{"
	    "\"QualificationConfirmationDate\":\"%s\","
	    "\"MedicalInstitutionCode\":\"0000000000\"},\"MessageBody\":{"
	    "\"QualificationConfirmSearchInfo\":{",
	    o.day);
	put_field(&b, "InsurerNumber", v[0]);
	put_field(&b, "InsuredCardSymbol", v[1]);
	put_field(&b, "InsuredIdentificationNumber", v[2]);
	put_field(&b, "InsuredBranchNumber", v[3]);
	put_field(&b, "Birthdate", v[4]);
	buf_puts(&b, "\"LimitApplicationCertificateRelatedConsFlg\":\"0\"}}}}");
	body = text_realloc(body, (bodies + 1) * sizeof(*body));
	body[bodies++] = text_dup(buf_slice(&b));
}

static void
read_bodies(void)
{
	char line[REQUEST_MAX - 256];
	FILE *f = fopen(o.bodies, "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		body = text_realloc(body, (bodies + 1) * sizeof(*body));
		body[bodies++] = text_dup(slice_of(line));
	}
	if (bodies == 0)
		die(o.bodies);
	fclose(f);
}

static int
column(char *const cell[], int cells, const char *name)
{
	for (int i = 0; i < cells; i++)
		if (strcmp(cell[i], name) == 0)
			return i;
	return -1;
}

static int
split(char *line, char *cell[], int max)
{
	int n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	while (line != NULL && n < max)
		cell[n++] = strsep(&line, "\t");
	return n;
}

static void
read_questions(void)
{
	static const char *const names[] = { "insurer", "symbol", "number",
		"branch", "birth" };
	char line[4096], head[4096], *cell[32], *name[32];
	const char *v[5];
	int cells = 0, at[5];
	FILE *f = o.questions == NULL ? NULL : fopen(o.questions, "r");

	if (f != NULL && fgets(head, sizeof(head), f) != NULL)
		cells = split(head, name, 32);
	for (int i = 0; i < 5; i++)
		at[i] = column(name, cells, names[i]);
	while (cells > 0 && fgets(line, sizeof(line), f) != NULL) {
		int n = split(line, cell, 32);
		for (int i = 0; i < 5; i++)
			v[i] = at[i] >= 0 && at[i] < n ? cell[at[i]] : "";
		add_question(v);
	}
	if (f != NULL)
		fclose(f);
	if (bodies == 0) {
		const char *const nobody[] = { "06139992", "1", "1", "",
			"19800101" };
		add_question(nobody);
	}
}

/* ---- one connection ---- */

/* Every body names a code of ten digits; the connection's own goes in. */
static void
begin(struct connection *c)
{
	const char *b = body[(size_t)begun++ % bodies];
	char *code;

	if (c->out == NULL)
		c->out = text_alloc(REQUEST_MAX);
	if (c->in == NULL)
		c->in = text_alloc(ANSWER_MAX);
	c->out_n = (size_t)snprintf(c->out, REQUEST_MAX,
	    "POST %s HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    o.path, strlen(b), b);
	code = strstr(c->out, "0000000000");
	if (code != NULL)
		memcpy(code, c->institution, 10);
	c->out_done = c->in_n = 0;
	c->wake = 0;
	c->asked = now_ns();
}

/* Length of the answer at the front of the buffer; 0: not whole yet. */
static size_t
whole(struct connection *c)
{
	char *end, *length;
	size_t n;

	c->in[c->in_n] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (end == NULL)
		return 0;
	length = strcasestr(c->in, "\r\nContent-Length:");
	if (length == NULL || length > end)
		die("answer without a length");
	n = (size_t)(end - c->in) + 4 + strtoul(length + 17, NULL, 10);
	return c->in_n >= n ? n : 0;
}

static void
count(struct connection *c)
{
	if (strncmp(c->in, "HTTP/1.1 200", 12) != 0)
		not_200++;
	if (strstr(c->in, "\"QualificationValidity\":\"1\"") != NULL)
		valid++;
	latency[ended++] = now_ns() - c->asked;
}

static void open_one(struct connection *c);

/* Ends a connection; the ticket it got is kept for the next one. */
static void
close_one(struct connection *c)
{
	if (o.mode == RESUMED && c->connected) {
		SSL_SESSION_free(c->session);
		c->session = SSL_get1_session(c->ssl);
	}
	if (c->connected)
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	close(c->fd);
	c->ssl = NULL;
	c->connected = false;
}

static void
lost(struct connection *c)
{
	if (!o.reopen)
		die("connection");
	failed += c->connected && c->out_n > 0;
	ERR_clear_error();
	close_one(c);
	c->out_n = c->out_done = c->in_n = 0;
	if (ended + failed < o.requests)
		open_one(c);
}

static void
greeted(struct connection *c)
{
	c->connected = true;
	resumed += SSL_session_reused(c->ssl);
	if (o.mode == QUESTIONS || o.mode == IDLE || o.mode == RESUMED) {
		if (o.mode == RESUMED || begun < o.requests)
			begin(c); /* a ticket comes with the first answer */
		return;
	}
	latency[ended++] = now_ns() - c->asked;
	close_one(c);
	if (begun < o.requests) {
		begun++;
		open_one(c);
	}
}

static void
answered(struct connection *c)
{
	count(c);
	c->out_n = c->out_done = c->in_n = 0;
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	if (o.mode == RESUMED) {
		close_one(c);
		if (begun < o.requests)
			open_one(c);
	} else if (o.mode == QUESTIONS && begun < o.requests) {
		if (o.think_ms > 0)
			c->wake = now_ns() + o.think_ms * 1000000L;
		else
			begin(c);
	}
}

/* Goes as far as it can; false: waiting for the socket. */
static bool
step(struct connection *c)
{
	int r;

	errno = 0;
	if (c->ssl == NULL)
		return false;
	ERR_clear_error();
	if (!c->connected) {
		r = SSL_connect(c->ssl);
		if (r == 1) {
			greeted(c);
			return c->ssl != NULL && c->connected;
		}
	} else if (c->out_done < c->out_n) {
		r = SSL_write(c->ssl, c->out + c->out_done,
		    (int)(c->out_n - c->out_done));
		if (r > 0) {
			c->out_done += (size_t)r;
			return true;
		}
	} else if (c->in != NULL) {
		r = SSL_read(
		    c->ssl, c->in + c->in_n, (int)(ANSWER_MAX - 1 - c->in_n));
		if (r > 0) {
			c->in_n += (size_t)r;
			if (whole(c) == 0)
				return true;
			answered(c);
			return c->ssl != NULL && c->connected;
		}
	} else {
		char nothing[64];
		r = SSL_read(c->ssl, nothing, sizeof(nothing));
		if (r > 0)
			die("an answer nobody asked for");
	}
	r = SSL_get_error(c->ssl, r);
	if (r != SSL_ERROR_WANT_READ && r != SSL_ERROR_WANT_WRITE)
		lost(c);
	return false;
}

static void
open_one(struct connection *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)o.port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data = { .ptr = c } };
	int one = 1;

	c->asked = now_ns();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1 ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->ssl = SSL_new(c->ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) == -1)
		die("tls");
	SSL_set_connect_state(c->ssl);
	if (c->session != NULL)
		SSL_set_session(c->ssl, c->session);
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
print(int64_t took)
{
	struct rusage used;

	if (ended == 0)
		die("no answer");
	qsort(latency, (size_t)ended, sizeof(*latency), by_value);
	printf("answers_per_s %.0f\n", (double)ended * 1e9 / (double)took);
	printf("p50_us %.0f\n", (double)latency[ended / 2] / 1e3);
	printf("p99_us %.0f\n", (double)latency[ended * 99 / 100] / 1e3);
	printf("p999_us %.0f\n", (double)latency[ended * 999 / 1000] / 1e3);
	printf("max_us %.0f\n", (double)latency[ended - 1] / 1e3);
	printf("not_200 %ld\nvalid %ld\nresumed %ld\nfailed %ld\n", not_200,
	    valid, resumed, failed);
	getrusage(RUSAGE_SELF, &used);
	printf("client_cpu_us %.1f\n",
	    ((double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec)) /
		(double)ended);
}

static SSL_CTX *
context(const char *key, const char *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL ||
	    SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("certificate or key");
	SSL_CTX_set_mode(
	    ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
	return ctx; /* a load on loopback: who answers is not asked */
}

/* The certificates of a folder, at most 1,000, given out in turn. */
static void
contexts(struct connection *all)
{
	static SSL_CTX *ctx[1000];
	static char code[1000][11];
	struct dirent **found;
	char key[600], cert[600];
	int n, used = 0;

	if (o.dir == NULL) {
		ctx[used++] = context(o.key, o.cert);
		snprintf(code[0], 11, "%s", o.institution);
	} else {
		n = scandir(o.dir, &found, NULL, alphasort);
		for (int i = 0; i < n && used < 1000; i++) {
			const char *name = found[i]->d_name;
			if (strlen(name) != 14 ||
			    strcmp(name + 10, ".key") != 0)
				continue;
			snprintf(code[used], 11, "%.10s", name);
			snprintf(key, sizeof(key), "%s/%s", o.dir, name);
			snprintf(
			    cert, sizeof(cert), "%s/%.10s.pem", o.dir, name);
			ctx[used++] = context(key, cert);
		}
	}
	if (used == 0)
		die("no certificate");
	for (int i = 0; i < o.connections; i++) {
		all[i].ctx = ctx[i % used];
		all[i].institution = code[i % used];
	}
}

static enum mode
mode_of(const char *s)
{
	return strcmp(s, "full") == 0 ? FULL :
	    strcmp(s, "resumed") == 0 ? RESUMED :
	    strcmp(s, "idle") == 0    ? IDLE :
					QUESTIONS;
}

static void
options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "p:u:k:t:q:b:i:d:c:n:m:w:D:x")) != -1) {
		if (c == 'p')
			o.port = (int)strtol(optarg, NULL, 10);
		else if (c == 'u')
			o.path = optarg;
		else if (c == 'k')
			o.key = optarg;
		else if (c == 't')
			o.cert = optarg;
		else if (c == 'q')
			o.questions = optarg;
		else if (c == 'b')
			o.bodies = optarg;
		else if (c == 'i')
			o.institution = optarg;
		else if (c == 'd')
			o.day = optarg;
		else if (c == 'c')
			o.connections = (int)strtol(optarg, NULL, 10);
		else if (c == 'n')
			o.requests = strtol(optarg, NULL, 10);
		else if (c == 'm')
			o.mode = mode_of(optarg);
		else if (c == 'w')
			o.think_ms = strtol(optarg, NULL, 10);
		else if (c == 'D')
			o.dir = optarg;
		else if (c == 'x')
			o.reopen = true;
	}
	if (o.mode == IDLE)
		o.requests = o.connections;
	if ((o.dir == NULL && (o.key == NULL || o.cert == NULL)) ||
	    o.requests < 1 || o.connections < 1 || o.connections > 20000) {
		fprintf(stderr,
		    "usage: tool-ask -p PORT {-k KEY -t CERT [-i CODE] | -D DIR} "
		    "[-m full|resumed|idle] [-u PATH] "
		    "[-q QUESTIONS.tsv | -b BODIES] "
		    "[-d YYYYMMDD] [-c CONNECTIONS] [-n REQUESTS] "
		    "[-w THINK_MS] [-x]\n");
		exit(32);
	}
}

/* Those whose time of thought is over. */
static void
wake(struct connection *all)
{
	int64_t now = now_ns();

	for (int i = 0; i < o.connections; i++) {
		struct connection *c = &all[i];
		if (c->wake == 0 || c->wake > now || begun >= o.requests)
			continue;
		begin(c);
		while (step(c))
			;
	}
}

static void
turn(struct connection *all)
{
	struct epoll_event got[256];
	int n = epoll_wait(ep, got, 256, o.think_ms > 0 ? 1 : 30000);

	if (n <= 0 && o.think_ms == 0)
		die("no answer in 30 s");
	for (int i = 0; i < n; i++)
		while (step(got[i].data.ptr))
			;
	if (o.think_ms > 0)
		wake(all);
}

int
main(int argc, char **argv)
{
	struct connection *all;
	int64_t from;
	char end;

	signal(SIGPIPE, SIG_IGN); /* a closed connection is said, not died of */
	options(argc, argv);
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (o.bodies != NULL)
		read_bodies();
	else
		read_questions();
	all = text_alloc((size_t)o.connections * sizeof(*all));
	latency =
	    text_alloc((size_t)(o.requests + o.connections) * sizeof(*latency));
	contexts(all);
	if (o.mode == FULL)
		begun = o.connections;
	from = now_ns();
	for (int i = 0; i < o.connections; i++) {
		open_one(&all[i]);
		if (o.mode == IDLE) /* one after another: no storm is asked */
			while (ended <= i)
				turn(all);
	}
	while (ended + failed < o.requests)
		turn(all);
	if (o.mode == IDLE) {
		puts("idle");
		fflush(stdout);
		while (read(STDIN_FILENO, &end, 1) > 0)
			;
	}
	print(now_ns() - from);
	return 0;
}
