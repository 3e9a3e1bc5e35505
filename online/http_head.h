/*
 * The grammar of a request's head, and the head of an answer: bytes only, no
 * socket. What http.h promises about strictness is decided here.
 */
#ifndef ONLINE_HTTP_HEAD_H
#define ONLINE_HTTP_HEAD_H

#include <stdint.h>
#include <sys/types.h>

#include "formats/codec/text.h"

#define HTTP_HEADERS_MAX 64
#define HTTP_PATH_MAX 128
#define HTTP_DATE_SIZE 40

struct http_header {
	struct slice name, value;
};
struct http_head { /* slices point into the bytes parsed */
	struct slice method, path;
	struct http_header header[HTTP_HEADERS_MAX];
	int headers;
	size_t length; /* of the body */
	bool close; /* HTTP/1.0, or the client said so */
	bool expects; /* 100-continue */
};

/*
 * Looks for the empty line that ends a head, byte for byte: CR only before
 * LF, LF only after CR, no NUL. *scanned: bytes already looked at. Returns
 * the head's length, 0: more is needed, -1: it can never become one.
 */
ssize_t http_head_scan(const char *p, size_t n, size_t *scanned);
/* Parses a head of scan's length. 0, or the status to refuse it with. */
int http_head_parse(struct http_head *h, const char *p, size_t n);
/* The one header of that name; *n tells how often it is there. */
struct slice http_head_find(
    const struct http_head *h, const char *name, int *n);

/* Status line and headers of an answer; `date` as http_date() wrote it. */
struct http_answer {
	int status;
	const char *content_type;
	size_t length;
	int retry_after; /* seconds, 0 none */
	bool close;
	const char *allow; /* 405: methods of the path; NULL none */
	const char *request_id; /* NULL or "": none */
};
void http_head_write(struct buf *b, const struct http_answer *a,
    const char date[HTTP_DATE_SIZE]);
/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7) */
void http_date(int64_t ms, char out[HTTP_DATE_SIZE]);

#endif
