/*
 * tool-ask: a load of questions over kept-alive mutual TLS. N connections,
 * one question at a time on each, R questions in all, from a table of
 * questions (header row; columns insurer, symbol, number, branch, birth,
 * tab-separated) asked in turn. Prints KEY VALUE lines: answers_per_s,
 * p50_us, p99_us, max_us, not_200, valid.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "formats/codec/text.h"

#define REQUEST_MAX 2048
#define ANSWER_MAX 65536

struct connection {
	int fd;
	SSL *ssl;
	char out[REQUEST_MAX], in[ANSWER_MAX];
	size_t out_n, out_done, in_n;
	int64_t asked;
	bool connected;
};
static struct {
	int port, connections;
	long requests;
	const char *path, *key, *cert, *questions, *institution, *day;
} o = { 8443, 16, 10000, "/oqs-api/search", NULL, NULL, NULL, "0000000000",
	"20260801" };
static char **body;
static size_t bodies;
static long begun, ended, not_200, valid;
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
	    "\"MedicalInstitutionCode\":\"%s\"},\"MessageBody\":{"
	    "\"QualificationConfirmSearchInfo\":{",
	    o.day, o.institution);
	put_field(&b, "InsurerNumber", v[0]);
	put_field(&b, "InsuredCardSymbol", v[1]);
	put_field(&b, "InsuredIdentificationNumber", v[2]);
	put_field(&b, "InsuredBranchNumber", v[3]);
	put_field(&b, "Birthdate", v[4]);
	buf_puts(&b, "\"LimitApplicationCertificateRelatedConsFlg\":\"0\"}}}}");
	body = text_realloc(body, (bodies + 1) * sizeof(*body));
	body[bodies++] = text_dup(buf_slice(&b));
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

static void
begin(struct connection *c)
{
	const char *b = body[(size_t)begun++ % bodies];

	c->out_n = (size_t)snprintf(c->out, sizeof(c->out),
	    "POST %s HTTP/1.1\r\nHost: localhost\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    o.path, strlen(b), b);
	c->out_done = c->in_n = 0;
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

/* Goes as far as it can; false: waiting for the socket. */
static bool
step(struct connection *c)
{
	int r;

	errno = 0;
	if (!c->connected) {
		r = SSL_connect(c->ssl);
		if (r == 1) {
			c->connected = true;
			if (begun < o.requests)
				begin(c);
			return true;
		}
	} else if (c->out_done < c->out_n) {
		r = SSL_write(c->ssl, c->out + c->out_done,
		    (int)(c->out_n - c->out_done));
		if (r > 0) {
			c->out_done += (size_t)r;
			return true;
		}
	} else {
		r = SSL_read(
		    c->ssl, c->in + c->in_n, (int)(ANSWER_MAX - 1 - c->in_n));
		if (r > 0) {
			c->in_n += (size_t)r;
			if (whole(c) == 0)
				return true;
			count(c);
			c->out_n = c->out_done = c->in_n = 0;
			if (begun < o.requests)
				begin(c);
			return true;
		}
	}
	r = SSL_get_error(c->ssl, r);
	if (r != SSL_ERROR_WANT_READ && r != SSL_ERROR_WANT_WRITE)
		die("connection");
	return false;
}

static void
open_one(struct connection *c, SSL_CTX *ctx, int ep)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)o.port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data = { .ptr = c } };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1 ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->ssl = SSL_new(ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) == -1)
		die("tls");
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
	qsort(latency, (size_t)ended, sizeof(*latency), by_value);
	printf("answers_per_s %.0f\n", (double)ended * 1e9 / (double)took);
	printf("p50_us %.0f\n", (double)latency[ended / 2] / 1e3);
	printf("p99_us %.0f\n", (double)latency[ended * 99 / 100] / 1e3);
	printf("max_us %.0f\n", (double)latency[ended - 1] / 1e3);
	printf("not_200 %ld\nvalid %ld\n", not_200, valid);
}

static SSL_CTX *
context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL ||
	    SSL_CTX_use_certificate_chain_file(ctx, o.cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, o.key, SSL_FILETYPE_PEM) != 1)
		die("certificate or key");
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
	return ctx; /* a load on loopback: who answers is not asked */
}

static void
options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "p:u:k:t:q:i:d:c:n:")) != -1) {
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
		else if (c == 'i')
			o.institution = optarg;
		else if (c == 'd')
			o.day = optarg;
		else if (c == 'c')
			o.connections = (int)strtol(optarg, NULL, 10);
		else if (c == 'n')
			o.requests = strtol(optarg, NULL, 10);
	}
	if (o.key == NULL || o.cert == NULL || o.requests < 1 ||
	    o.connections < 1 || o.connections > 10000) {
		fprintf(stderr,
		    "usage: tool-ask -p PORT -k KEY -t CERT [-u PATH] [-q "
		    "QUESTIONS.tsv] [-i CODE] [-d YYYYMMDD] [-c CONNECTIONS] "
		    "[-n REQUESTS]\n");
		exit(32);
	}
}

int
main(int argc, char **argv)
{
	struct epoll_event got[256];
	struct connection *all;
	int64_t from;
	SSL_CTX *ctx;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	signal(SIGPIPE, SIG_IGN); /* a closed connection is said, not died of */
	options(argc, argv);
	read_questions();
	ctx = context();
	all = text_alloc((size_t)o.connections * sizeof(*all));
	latency = text_alloc((size_t)o.requests * sizeof(*latency));
	for (int i = 0; i < o.connections; i++)
		open_one(&all[i], ctx, ep);
	from = now_ns();
	while (ended < o.requests) {
		int n = epoll_wait(ep, got, 256, 30000);
		if (n <= 0)
			die("no answer in 30 s");
		for (int i = 0; i < n; i++)
			while (step(got[i].data.ptr))
				;
	}
	print(now_ns() - from);
	for (int i = 0; i < o.connections; i++) {
		SSL_free(all[i].ssl);
		close(all[i].fd);
	}
	for (size_t i = 0; i < bodies; i++)
		free(body[i]);
	free(body);
	free(all);
	free(latency);
	SSL_CTX_free(ctx);
	return 0;
}
