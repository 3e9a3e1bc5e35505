/* Strict DER over slices and over files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/codec/der.h"

#define DEPTH_MAX 24

/* Tag and length at p; 0 and *head, *len, or -1. */
static int
head_of(const unsigned char *p, int64_t n, bool ber, unsigned *head,
    int64_t *len) /* -1: indefinite */
{
	unsigned octets;

	if (n < 2 || (p[0] & 0x1f) == 0x1f)
		return -1;
	*head = 2;
	*len = p[1];
	if (p[1] < 0x80)
		return 0;
	if (p[1] == 0x80) {
		*len = -1;
		return ber && (p[0] & 0x20) != 0 ? 0 : -1;
	}
	octets = p[1] & 0x7fu;
	if (octets > 6 || n < 2 + (int64_t)octets)
		return -1;
	*len = 0;
	for (unsigned i = 0; i < octets; i++)
		*len = *len << 8 | p[2 + i];
	*head += octets;
	if (!ber && (*len < 0x80 || p[2] == 0))
		return -1;
	return 0;
}

int
der_next(struct slice *in, struct der_item *out)
{
	unsigned head;
	int64_t len;

	if (in->n == 0 ||
	    head_of((const unsigned char *)in->p, (int64_t)in->n, false, &head,
		&len) == -1 ||
	    len > (int64_t)(in->n - head))
		return -1;
	out->tag = (unsigned char)in->p[0];
	out->v = (struct slice) { in->p + head, (size_t)len };
	out->all = (struct slice) { in->p, head + (size_t)len };
	in->p += out->all.n;
	in->n -= out->all.n;
	return 0;
}

int
der_expect(struct slice *in, unsigned char tag, struct der_item *out)
{
	if (!der_peek(*in, tag))
		return -1;
	return der_next(in, out);
}

bool
der_peek(struct slice in, unsigned char tag)
{
	return in.n > 0 && (unsigned char)in.p[0] == tag;
}

/* What a universal primitive may look like. */
static bool
primitive_ok(unsigned char tag, struct slice v)
{
	const unsigned char *p = (const unsigned char *)v.p;

	switch (tag) {
	case DER_BOOLEAN:
		return v.n == 1 && (p[0] == 0 || p[0] == 0xff);
	case DER_INTEGER:
	case DER_ENUMERATED:
		return v.n == 1 ||
		    (v.n > 1 && !(p[0] == 0 && p[1] < 0x80) &&
			!(p[0] == 0xff && p[1] >= 0x80));
	case DER_BITS:
		return v.n >= 1 && p[0] < 8 && (v.n > 1 || p[0] == 0) &&
		    (p[v.n - 1] & ((1u << p[0]) - 1) & (v.n > 1 ? 0xff : 0)) ==
		    0;
	case DER_NULL:
		return v.n == 0;
	case DER_OID:
		for (size_t i = 0; i < v.n; i++)
			if (p[i] == 0x80 && (i == 0 || p[i - 1] < 0x80))
				return false;
		return v.n > 0 && p[v.n - 1] < 0x80;
	default:
		return true;
	}
}

static bool
strict_all(struct slice in, int depth)
{
	struct der_item it;

	while (in.n > 0) {
		if (depth > DEPTH_MAX || der_next(&in, &it) == -1)
			return false;
		if ((it.tag & 0x20) != 0) {
			/* of the universal ones only SEQUENCE and SET */
			if ((it.tag & 0xc0) == 0 && it.tag != DER_SEQUENCE &&
			    it.tag != DER_SET)
				return false;
			if (!strict_all(it.v, depth + 1))
				return false;
		} else if (it.tag == 0x10 || it.tag == 0x11 || it.tag == 0x00 ||
		    !primitive_ok(it.tag, it.v)) {
			return false;
		}
	}
	return true;
}

bool
der_strict(struct slice in)
{
	struct slice rest = in;
	struct der_item it;

	return der_next(&rest, &it) == 0 && rest.n == 0 && strict_all(in, 0);
}

void
der_hex(struct slice v, char *hex, size_t size)
{
	size_t n = v.n < (size - 1) / 2 ? v.n : (size - 1) / 2;

	text_hex(v.p, n, hex);
	hex[2 * n] = '\0';
}

int
der_serial(struct slice v, char hex[41])
{
	if (v.n == 0 || !primitive_ok(DER_INTEGER, v) ||
	    ((unsigned char)v.p[0] & 0x80) != 0)
		return -1;
	if (v.p[0] == 0) {
		v.p++;
		v.n--;
	}
	if (v.n == 0 || v.n > 20)
		return -1;
	der_hex(v, hex, 41);
	return 0;
}

int
der_time(const struct der_item *t, int64_t *ms)
{
	size_t n = t->tag == DER_UTC_TIME ? 12 : 14;
	struct slice s = t->v, digits = { s.p, n };
	char text[15] = "20";
	int32_t day;
	int h, m, sec;

	if ((t->tag != DER_UTC_TIME && t->tag != DER_TIME) || s.n != n + 1 ||
	    s.p[n] != 'Z' || !slice_digits(digits))
		return -1;
	memcpy(text + 14 - n, s.p, n);
	if (n == 12 && s.p[0] >= '5')
		memcpy(text, "19", 2);
	day = day_parse((struct slice) { text, 8 });
	h = (int)slice_number((struct slice) { text + 8, 2 });
	m = (int)slice_number((struct slice) { text + 10, 2 });
	sec = (int)slice_number((struct slice) { text + 12, 2 });
	if (day == DAY_NONE || h > 23 || m > 59 || sec > 59)
		return -1;
	*ms = day * DAY_MS + ((h * 60 + m) * 60 + sec) * INT64_C(1000);
	return 0;
}

static void
put_oid(struct slice v, struct buf *out)
{
	uint64_t arc = 0;
	bool first = true;

	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];

		if (arc >> 50 != 0) {
			out->full = true; /* no arc of ours */
			return;
		}
		arc = arc << 7 | (c & 0x7f);
		if ((c & 0x80) != 0)
			continue;
		if (first) {
			unsigned top = arc < 80 ? (unsigned)arc / 40 : 2;

			buf_printf(out, "%u.%llu", top,
			    (unsigned long long)(arc - top * 40));
			first = false;
		} else {
			buf_printf(out, ".%llu", (unsigned long long)arc);
		}
		arc = 0;
	}
}

bool
der_oid_is(struct slice v, const char *dotted)
{
	char text[128];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	put_oid(v, &b);
	return !b.full && slice_is(buf_slice(&b), dotted);
}

static void
put_type(struct slice oid, struct buf *out)
{
	static const struct {
		unsigned char last; /* 2.5.4.n */
		const char *name;
	} types[] = { { 3, "CN" }, { 6, "C" }, { 7, "L" }, { 8, "ST" },
		{ 10, "O" }, { 11, "OU" } };

	if (oid.n == 3 && memcmp(oid.p, "\x55\x04", 2) == 0)
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if ((unsigned char)oid.p[2] == types[i].last) {
				buf_puts(out, types[i].name);
				return;
			}
	put_oid(oid, out);
}

/* UTF8String, PrintableString, IA5String; no control characters. */
static int
put_value(const struct der_item *v, struct buf *out)
{
	if ((v->tag != 0x0c && v->tag != 0x13 && v->tag != 0x16) ||
	    v->v.n == 0 || !text_utf8_ok(v->v))
		return -1;
	for (size_t i = 0; i < v->v.n; i++) {
		char c = v->v.p[i];

		if ((unsigned char)c < 0x20 || c == 0x7f ||
		    ((unsigned char)c >= 0x80 && v->tag != 0x0c))
			return -1;
		if (strchr(",+\"\\<>;=", c) != NULL || (i == 0 && c == '#'))
			buf_putc(out, '\\');
		buf_putc(out, c);
	}
	return 0;
}

int
der_name(struct slice name, char *out, size_t size)
{
	struct der_item part[16], it, oid, value;
	struct slice in = name, set;
	size_t n = 0;
	struct buf b;

	buf_init(&b, out, size);
	if (der_expect(&in, DER_SEQUENCE, &it) == -1 || in.n != 0)
		return -1;
	for (in = it.v; in.n > 0; n++)
		if (n == 16 || der_expect(&in, DER_SET, &part[n]) == -1)
			return -1;
	while (n-- > 0) {
		set = part[n].v;
		if (der_expect(&set, DER_SEQUENCE, &it) == -1 || set.n != 0 ||
		    der_expect(&it.v, DER_OID, &oid) == -1 ||
		    der_next(&it.v, &value) == -1 || it.v.n != 0)
			return -1;
		if (b.n > 0)
			buf_putc(&b, ',');
		put_type(oid.v, &b);
		buf_putc(&b, '=');
		if (put_value(&value, &b) == -1)
			return -1;
	}
	return b.full || b.n == 0 ? -1 : 0;
}

/* ---- files ---- */

int
der_file_open(struct der_file *f, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	*f = (struct der_file) { .fd = fd, .size = st.st_size };
	f->buf = text_alloc(DER_WINDOW);
	return 0;
}

void
der_file_bytes(struct der_file *f, struct slice bytes)
{
	*f = (struct der_file) { .fd = -1,
		.size = (int64_t)bytes.n,
		.buf = (unsigned char *)(uintptr_t)bytes.p,
		.have = bytes.n };
}

void
der_file_close(struct der_file *f)
{
	if (f->fd != -1)
		free(f->buf);
	f->buf = NULL;
}

const unsigned char *
der_file_at(struct der_file *f, int64_t at, size_t n)
{
	ssize_t got;

	if (at < 0 || at > f->size || (int64_t)n > f->size - at)
		return NULL;
	if (at >= f->at && at + (int64_t)n <= f->at + (int64_t)f->have)
		return f->buf + (at - f->at);
	if (f->fd == -1 || n > DER_WINDOW)
		return NULL;
	f->at = at;
	f->have = 0;
	while (f->have < n) {
		got = pread(f->fd, f->buf + f->have, DER_WINDOW - f->have,
		    at + (int64_t)f->have);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		f->have += (size_t)got;
	}
	return f->buf;
}

int
der_file_head(struct der_file *f, int64_t at, int64_t limit, bool ber,
    struct der_head *out)
{
	int64_t left = limit - at, len;
	size_t n = left < 8 ? (size_t)(left < 0 ? 0 : left) : 8;
	const unsigned char *p = der_file_at(f, at, n);
	unsigned head;

	if (p == NULL || head_of(p, (int64_t)n, ber, &head, &len) == -1)
		return -1;
	out->tag = p[0];
	out->from = at + head;
	out->end = len == -1 ? -1 : out->from + len;
	return len > left - (int64_t)head ? -1 : 0;
}
