#include "online/http_head.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/limits.h"

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
parse_request_line(struct http_head *r, struct slice line)
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
	if (r->path.n > HTTP_PATH_MAX)
		return 400;
	if (!slice_is(r->method, "POST") && !slice_is(r->method, "GET"))
		return 405;
	return 0;
}

/* name ":" OWS value OWS; no folding, no blank before the colon. */
static int
parse_header(struct http_head *r, struct slice line)
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
	if (r->headers == HTTP_HEADERS_MAX)
		return 431;
	r->header[r->headers].name = (struct slice) { line.p, colon };
	r->header[r->headers++].value =
	    (struct slice) { line.p + from, to - from };
	return 0;
}

/* The one header of that name; *n tells how often it is there. */
struct slice
http_head_find(const struct http_head *r, const char *name, int *n)
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
parse_framing(struct http_head *r)
{
	int n;
	struct slice v;
	bool post = slice_is(r->method, "POST");

	http_head_find(r, "Transfer-Encoding", &n);
	if (n > 0)
		return 400;
	http_head_find(r, "Host", &n);
	if (n > 1 || (n == 0 && !r->close))
		return 400;
	v = http_head_find(r, "Connection", &n);
	if (n > 0 && same_name(v, "close"))
		r->close = true;
	v = http_head_find(r, "Expect", &n);
	if (n > 0 && !same_name(v, "100-continue"))
		return 417;
	r->expects = n > 0;
	v = http_head_find(r, "Content-Length", &n);
	if (n == 0)
		return post ? 411 : 0;
	if (n > 1 || slice_number(v) < 0)
		return v.n > 18 && n == 1 && slice_digits(v) ? 413 : 400;
	if (slice_number(v) > HTTP_BODY_MAX)
		return 413;
	r->length = (size_t)slice_number(v);
	return !post && r->length > 0 ? 400 : 0;
}

int
http_head_parse(struct http_head *r, const char *p, size_t n)
{
	const char *end = p + n - 2; /* the empty line */
	int fault = 0;

	memset(r, 0, offsetof(struct http_head, header));
	r->headers = 0;
	r->length = 0;
	r->close = r->expects = false;

	for (int line = 0; p < end && fault == 0; line++) {
		const char *eol = memchr(p, '\r', (size_t)(end - p));
		struct slice s = { p, (size_t)(eol - p) };
		fault =
		    line == 0 ? parse_request_line(r, s) : parse_header(r, s);
		p = eol + 2;
	}
	return fault != 0 ? fault : parse_framing(r);
}

ssize_t
http_head_scan(const char *p, size_t n, size_t *scanned)
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

/* ---- answers ---- */

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
		{ 417, "Expectation Failed" }, { 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" } };

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (of[i].status == status)
			return of[i].text;
	return "Other";
}

void
http_date(int64_t ms, char out[HTTP_DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t utc = ms - JST_MS, clock = day_clock(utc) / 1000;
	int32_t day = day_of_moment(utc);
	int y, m, d;

	day_civil(day, &y, &m, &d);
	snprintf(out, HTTP_DATE_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
	    days + 3 * day_weekday(day), d % 100, months + 3 * (m - 1),
	    y % 10000, (int)(clock / 3600) % 24, (int)(clock / 60 % 60),
	    (int)(clock % 60));
}

static void
put_number(struct buf *b, int64_t n)
{
	char text[24];
	int at = sizeof(text);

	do
		text[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	buf_put(b, (struct slice) { text + at, sizeof(text) - (size_t)at });
}

void
http_head_write(
    struct buf *b, const struct http_answer *a, const char date[HTTP_DATE_SIZE])
{
	buf_puts(b, "HTTP/1.1 ");
	put_number(b, a->status);
	buf_putc(b, ' ');
	buf_puts(b, reason(a->status));
	buf_puts(b, "\r\nDate: ");
	buf_puts(b, date);
	buf_puts(b, "\r\nContent-Type: ");
	buf_puts(b, a->content_type);
	buf_puts(b, "\r\nContent-Length: ");
	put_number(b, (int64_t)a->length);
	buf_puts(b, "\r\nCache-Control: no-store\r\n");
	if (a->request_id != NULL && a->request_id[0] != '\0') {
		buf_puts(b, "X-Request-Id: ");
		buf_puts(b, a->request_id);
		buf_puts(b, "\r\n");
	}
	if (a->allow != NULL) {
		buf_puts(b, "Allow: ");
		buf_puts(b, a->allow);
		buf_puts(b, "\r\n");
	}
	if (a->retry_after > 0) {
		buf_puts(b, "Retry-After: ");
		put_number(b, a->retry_after);
		buf_puts(b, "\r\n");
	}
	buf_puts(b, a->close ? "Connection: close\r\n\r\n" : "\r\n");
}
