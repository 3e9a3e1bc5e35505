/* Slices, bounded buffers, allocation, UTF-8 and CP932 by table. */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/text.h"
#include "formats/exit.h"

/*
 * Both directions of CP932 by index, zero where there is nothing. Codes with
 * two spellings are written as glibc does: JIS before NEC row 13, IBM before
 * the NEC selection of IBM (the Makefile chooses; the test asks glibc).
 */
/* clang-format off */
#define DECODE(code, unicode) [code] = unicode,
#define ENCODE(unicode, code)
#define REPERTOIRE(word, bits)
static const uint16_t decode_table[0x10000] = {
#include "cp932.inc"
};
#undef DECODE
#undef ENCODE
#define DECODE(code, unicode)
#define ENCODE(unicode, code) [unicode] = code,
static const uint16_t encode_table[0x10000] = {
#include "cp932.inc"
	/* the spellings of JIS mappings other than Microsoft's */
	[0x00a2] = 0x8191, [0x00a3] = 0x8192, [0x00ac] = 0x81ca,
	[0x2014] = 0x815c, [0x2016] = 0x8161, [0x2212] = 0x817c,
	[0x301c] = 0x8160, [0x00a5] = 0x5c, [0x203e] = 0x7e,
};
#undef ENCODE
#undef REPERTOIRE
#define ENCODE(unicode, code)
#define REPERTOIRE(word, bits) [word] = bits,
static const uint32_t full_table[0x10000 / 32] = { /* 8 KiB: stays at hand */
#include "cp932.inc"
};
#undef DECODE
#undef ENCODE
#undef REPERTOIRE
/* clang-format on */

#define WAVE_JIS 0x301cu
#define WAVE_CP932 0xff5eu
#define USER_FIRST 0xe000u
#define USER_LAST 0xe757u

const char *const charset_names[CHARSET__MAX] = {
	[CHARSET_UTF8] = "utf8",
	[CHARSET_UTF8_BOM] = "utf8-bom",
	[CHARSET_CP932] = "cp932",
};

struct slice
slice_of(const char *s)
{
	return (struct slice) { s, s == NULL ? 0 : strlen(s) };
}

int
slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return (a.n > b.n) - (a.n < b.n);
}

void
buf_init(struct buf *b, char *storage, size_t size)
{
	b->p = storage;
	b->max = size > 0 ? size - 1 : 0;
	buf_clear(b);
}

static void
buf_end(struct buf *b)
{
	if (b->max > 0)
		b->p[b->n] = '\0';
}

void
buf_clear(struct buf *b)
{
	b->n = 0;
	b->full = false;
	buf_end(b);
}

void
buf_put(struct buf *b, struct slice s)
{
	if (s.n > b->max - b->n) {
		b->full = true;
		return;
	}
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	buf_end(b);
}

void
buf_putc(struct buf *b, char c)
{
	if (b->n == b->max) {
		b->full = true;
		return;
	}
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, slice_of(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->max - b->n;
	va_list ap;
	int n;

	if (b->max == 0) {
		b->full = true;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(b->p + b->n, room + 1, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > room)
		b->full = true;
	else
		b->n += (size_t)n;
	buf_end(b);
}

struct slice
buf_slice(const struct buf *b)
{
	return (struct slice) { b->p, b->n };
}

void
text_uri(const char *path, const char *query, char *out, size_t size)
{
	struct buf b;

	buf_init(&b, out, size);
	buf_puts(&b, "file:");
	for (; *path != '\0'; path++)
		if (strchr("%?#", *path) != NULL)
			buf_printf(&b, "%%%02X", (unsigned char)*path);
		else
			buf_putc(&b, *path);
	buf_printf(&b, "?%s", query);
}

static void *
alive(void *p)
{
	static const char said[] = "shikaku: out of memory; run stopped\n";

	if (p == NULL) {
		fputs(said, stderr);
		_Exit(EXIT_TEMPORARY);
	}
	return p;
}

void
text_hex(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
}

int
text_write(int fd, struct slice bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return 0;
}

void *
text_alloc(size_t n)
{
	return alive(calloc(1, n > 0 ? n : 1));
}

void *
text_realloc(void *p, size_t n)
{
	return alive(realloc(p, n > 0 ? n : 1));
}

char *
text_dup(struct slice s)
{
	char *p = text_alloc(s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

int
charset_find(struct slice name)
{
	for (int i = 0; i < CHARSET__MAX; i++)
		if (slice_is(name, charset_names[i]))
			return i;
	return -1;
}

/* One continuation byte at p[i], or TEXT_BAD's bits. */
static uint32_t
tail(const unsigned char *p, int i)
{
	return (p[i] & 0xc0) == 0x80 ? p[i] & 0x3fu : TEXT_BAD;
}

static uint32_t
next_long(const unsigned char *p, size_t n, int *len)
{
	uint32_t a, b, c, u;

	*len = 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < 2)
		return TEXT_BAD;
	a = tail(p, 1);
	if (p[0] < 0xe0) {
		*len = a == TEXT_BAD ? 1 : 2;
		return a == TEXT_BAD ? TEXT_BAD : (p[0] & 0x1fu) << 6 | a;
	}
	b = n < 3 ? TEXT_BAD : tail(p, 2);
	if (a == TEXT_BAD || b == TEXT_BAD)
		return TEXT_BAD;
	if (p[0] < 0xf0) {
		u = (p[0] & 0xfu) << 12 | a << 6 | b;
		if (u < 0x800 || (u & 0xf800) == 0xd800)
			return TEXT_BAD;
		*len = 3;
		return u;
	}
	c = n < 4 ? TEXT_BAD : tail(p, 3);
	u = (p[0] & 7u) << 18 | a << 12 | b << 6 | c;
	if (c == TEXT_BAD || u < 0x10000 || u > 0x10ffff)
		return TEXT_BAD;
	*len = 4;
	return u;
}

uint32_t
text_next(const char **p, const char *end)
{
	const unsigned char *q = (const unsigned char *)*p;
	uint32_t u = *q;
	int len = 1;

	if (u >= 0x80)
		u = next_long(q, (size_t)(end - *p), &len);
	*p += len;
	return u;
}

/* At most four bytes at q. */
static char *
put_utf8(char *q, uint32_t u)
{
	if (u < 0x80) {
		*q++ = (char)u;
		return q;
	}
	if (u < 0x800) {
		*q++ = (char)(0xc0 | u >> 6);
	} else {
		if (u < 0x10000) {
			*q++ = (char)(0xe0 | u >> 12);
		} else {
			*q++ = (char)(0xf0 | u >> 18);
			*q++ = (char)(0x80 | (u >> 12 & 0x3f));
		}
		*q++ = (char)(0x80 | (u >> 6 & 0x3f));
	}
	*q++ = (char)(0x80 | (u & 0x3f));
	return q;
}

void
text_put(struct buf *b, uint32_t code_point)
{
	char s[4];

	buf_put(b, (struct slice) { s, (size_t)(put_utf8(s, code_point) - s) });
}

bool
text_utf8_ok(struct slice s)
{
	const char *end = s.p + s.n;

	for (const char *p = s.p; p < end;)
		if (text_next(&p, end) == TEXT_BAD)
			return false;
	return true;
}

size_t
text_chars(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* How many bytes at p are ASCII, eight looked at in one step. */
static size_t
ascii_run(const char *p, const char *end)
{
	const char *q = p;
	uint64_t w;

	for (; end - q >= 8; q += 8) {
		memcpy(&w, q, 8);
		if (w & UINT64_C(0x8080808080808080))
			break;
	}
	while (q < end && (unsigned char)*q < 0x80)
		q++;
	return (size_t)(q - p);
}

/* The character of CP932 at *p (not ASCII), moved past it; 0: none. */
static uint32_t
next_cp932(const char **p, const char *end)
{
	unsigned lead = (unsigned char)*(*p)++, trail;

	if (lead >= 0xa1 && lead <= 0xdf)
		return decode_table[lead];
	if (lead < 0x81 || lead > 0xfc || lead == 0xa0 || *p == end)
		return 0;
	trail = (unsigned char)*(*p)++;
	if (lead < 0xf0 || lead > 0xf9)
		return decode_table[lead << 8 | trail];
	if (trail < 0x40 || trail == 0x7f || trail > 0xfc)
		return 0;
	return USER_FIRST + (lead - 0xf0) * 188 + trail - 0x40 - (trail > 0x7f);
}

int
text_from_cp932(struct slice in, struct buf *out)
{
	const char *p = in.p, *end = in.p + in.n;
	size_t start = out->n, n;
	char *q = out->p + start, *limit = out->p + out->max;
	uint32_t u;

	while (p < end) {
		n = ascii_run(p, end);
		if (n > (size_t)(limit - q))
			goto full;
		if (n > 0)
			memcpy(q, p, n);
		p += n;
		q += n;
		while (p < end && (unsigned char)*p >= 0x80) {
			if ((u = next_cp932(&p, end)) == 0)
				return -1;
			/* every one of them is two or three bytes of UTF-8 */
			if (limit - q < 3)
				goto full;
			if (u < 0x800) {
				q = put_utf8(q, u);
				continue;
			}
			*q++ = (char)(0xe0 | u >> 12);
			*q++ = (char)(0x80 | (u >> 6 & 0x3f));
			*q++ = (char)(0x80 | (u & 0x3f));
		}
	}
	out->n = (size_t)(q - out->p);
	buf_end(out);
	return 0;
full:
	out->full = true;
	buf_end(out);
	return 0;
}

/* The code of u in CP932; 0 (for any but U+0000): none. */
static uint32_t
to_code(uint32_t u)
{
	if (u < 0x80)
		return u;
	if (u >= USER_FIRST && u <= USER_LAST) {
		uint32_t i = u - USER_FIRST, trail = i % 188;
		return (0xf0 + i / 188) << 8 | (0x40 + trail + (trail >= 63));
	}
	return u > 0xffff ? 0 : encode_table[u];
}

static void
put_code(struct buf *out, uint32_t code)
{
	char s[2] = { (char)(code >> 8), (char)code };

	if (code > 0xff)
		buf_put(out, (struct slice) { s, 2 });
	else
		buf_putc(out, s[1]);
}

int
text_to_cp932(
    struct slice in, uint32_t substitute, struct buf *out, unsigned *n)
{
	const char *p = in.p, *end = in.p + in.n;
	size_t start = out->n, run;
	bool was_full = out->full;
	unsigned replaced = 0;
	uint32_t u, code;

	out->full = false;
	while (p < end && !out->full) {
		if ((run = ascii_run(p, end)) > 0) {
			buf_put(out, (struct slice) { p, run });
			p += run;
			continue;
		}
		if ((u = text_next(&p, end)) == TEXT_BAD)
			return -1;
		if ((code = to_code(u)) == 0) {
			replaced++;
			code = to_code(substitute);
		}
		put_code(out, code);
	}
	if (out->full) {
		out->n = start;
		buf_end(out);
	}
	out->full = out->full || was_full;
	if (n != NULL)
		*n = replaced;
	return 0;
}

size_t
text_cp932_len(struct slice s)
{
	const char *p = s.p, *end = s.p + s.n;
	size_t n = 0, run;
	uint32_t code;

	while (p < end) {
		run = ascii_run(p, end);
		n += run;
		p += run;
		while (p < end && (unsigned char)*p >= 0x80) {
			code = to_code(text_next(&p, end));
			n += code > 0 && code < 0x100 ? 1 : 2;
		}
	}
	return n;
}

/* What its CP932 code says of a character beyond ASCII: half-width katakana
 * A1-DF, JIS X 0208 rows 1-8 and 16-84 (row 13 is NEC's), nothing else. */
static bool
code_in_repertoire(uint32_t code)
{
	return (code >= 0x889f && code <= 0xeaa4) ||
	    (code >= 0x8140 && code <= 0x84be) ||
	    (code >= 0xa1 && code <= 0xdf);
}

static inline bool
is_full(uint32_t u)
{
	return (full_table[u / 32] >> u % 32 & 1) != 0;
}

bool
text_in_repertoire(uint32_t code_point)
{
	if (code_point < 0x80)
		return code_point >= 0x20 && code_point < 0x7f;
	return code_point <= 0xffff &&
	    (is_full(code_point) || code_point == WAVE_JIS ||
		(code_point >= 0xff61 && code_point <= 0xff9f));
}

static bool
is_selector(uint32_t u)
{
	return (u >= 0xfe00 && u <= 0xfe0f) || (u >= 0xe0100 && u <= 0xe01ef) ||
	    (u >= 0x180b && u <= 0x180d);
}

unsigned
text_repertoire(struct slice in, uint32_t substitute, struct buf *out)
{
	const char *p = in.p, *end = in.p + in.n;
	unsigned n = 0;

	while (p < end) {
		uint32_t u = text_next(&p, end);

		if (u == WAVE_JIS)
			u = WAVE_CP932;
		if (text_in_repertoire(u)) {
			text_put(out, u);
			continue;
		}
		n++;
		if (!is_selector(u))
			text_put(out, substitute);
	}
	return n;
}

void
text_mask(struct slice in, struct buf *out)
{
	const char *p = in.p, *end = in.p + in.n;
	size_t start = out->n;

	while (p < end) {
		uint32_t u = text_next(&p, end);

		if (!is_selector(u))
			buf_putc(out,
			    u == WAVE_JIS || text_in_repertoire(u) ? '0' : '1');
		else if (out->n > start)
			out->p[out->n - 1] = '1';
	}
}

static void
look_long(uint32_t u, struct text_facts *f)
{
	uint32_t code = u <= 0xffff ? encode_table[u] : 0;

	if (u < 0xa0) {
		f->control = true;
	} else if (is_selector(u)) {
		f->outside++;
		f->changes = true;
		f->width -= 2; /* dropped: takes no room */
		f->chars--;
	} else if (!code_in_repertoire(code)) {
		f->outside++;
		f->changes = true;
		f->full = true;
	} else if (code < 0x100) {
		f->half_kana = true;
		f->width--;
	} else {
		f->full = true;
		f->changes = f->changes || u == WAVE_JIS;
	}
	f->chars++;
	f->width += 2;
}

/* The character whose three bytes (and one more) are in w, little endian, is
 * full width and of the repertoire: 64 characters share two bytes and a row of
 * bits. A two-byte character may not come in three: from U+0800, row 32. */
static inline bool
is_full_utf8(uint32_t w)
{
	uint32_t at = (w & 0xf) << 6 | (w >> 8 & 0x3f);
	uint64_t row;

	memcpy(&row, full_table + 2 * at, sizeof(row));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	row = row << 32 | row >> 32;
#endif
	return (w & 0xc0c0f0) == 0x8080e0 && at >= 32 &&
	    (row >> (w >> 16 & 63) & 1) != 0;
}

size_t
text_full_run(const char *p, const char *end)
{
	const char *from = p;
	uint32_t w = 0;

	/* four bytes at once, of which the last is the next one's */
	for (; end - p > 3; p += 3) {
		memcpy(&w, p, sizeof(w));
		if (!is_full_utf8(le32toh(w)))
			return (size_t)(p - from) / 3;
	}
	if (end - p == 3) {
		memcpy(&w, p, 3);
		p += is_full_utf8(le32toh(w)) ? 3 : 0;
	}
	return (size_t)(p - from) / 3;
}

/* Characters of two bytes that take three in UTF-8, as many as stand at *p:
 * written four bytes at once, of which the last is the next one's. Returns how
 * many there were. */
static inline size_t
full_from_cp932(const unsigned char **p, const unsigned char *end, char **q)
{
	const unsigned char *from = *p;
	uint32_t code, u, w;

	for (; end - *p >= 2; *p += 2) {
		code = (uint32_t)(*p)[0] << 8 | (*p)[1];
		u = decode_table[code]; /* 0 where a kana stands first */
		if (u < 0x800 || code < 0x8140 || !code_in_repertoire(code))
			break;
		w = htole32(
		    0x8080e0 | u >> 12 | (u << 2 & 0x3f00) | (u & 0x3f) << 16);
		memcpy(*q, &w, sizeof(w));
		*q += 3;
	}
	return (size_t)(*p - from) / 2;
}

char *
text_cp932_plain(struct slice in, char *q, bool full_only, size_t *chars)
{
	const unsigned char *p = (const unsigned char *)in.p, *end = p + in.n;
	size_t n = full_from_cp932(&p, end, &q);

	for (; p < end; n += 1 + full_from_cp932(&p, end, &q)) {
		uint32_t code = *p++, u = code;

		if (code >= 0x80 && (code < 0xa1 || code > 0xdf)) {
			if (p == end)
				return NULL;
			code = code << 8 | *p++;
			u = code_in_repertoire(code) ? decode_table[code] : 0;
			if (u == 0)
				return NULL;
		} else if (full_only || u - 0x20 > 0xdf - 0x20 || u == 0x7f) {
			return NULL;
		} else if (u >= 0xa1) {
			u += 0xff61 - 0xa1;
		}
		q = put_utf8(q, u);
	}
	*chars = n;
	return q;
}

void
text_look(struct slice s, struct text_facts *f)
{
	const char *p = s.p, *end = s.p + s.n;
	size_t run;
	uint32_t u;

	memset(f, 0, sizeof(*f));
	while (p < end) {
		if ((run = text_full_run(p, end)) > 0) {
			f->full = true;
			f->chars += run;
			f->width += run * 2;
			p += 3 * run;
		} else if ((unsigned char)*p < 0x80) {
			f->control = f->control || (unsigned char)*p < 0x20 ||
			    *p == 0x7f;
			f->ascii = true;
			f->chars++;
			f->width++;
			p++;
		} else if ((u = text_next(&p, end)) == TEXT_BAD) {
			f->bad = true;
			return;
		} else {
			look_long(u, f);
		}
	}
}

/* Half-width katakana U+FF61..U+FF9F as NFKC spells them. */
static const uint16_t kana_full[] = { 0x3002, 0x300c, 0x300d, 0x3001, 0x30fb,
	0x30f2, 0x30a1, 0x30a3, 0x30a5, 0x30a7, 0x30a9, 0x30e3, 0x30e5, 0x30e7,
	0x30c3, 0x30fc, 0x30a2, 0x30a4, 0x30a6, 0x30a8, 0x30aa, 0x30ab, 0x30ad,
	0x30af, 0x30b1, 0x30b3, 0x30b5, 0x30b7, 0x30b9, 0x30bb, 0x30bd, 0x30bf,
	0x30c1, 0x30c4, 0x30c6, 0x30c8, 0x30ca, 0x30cb, 0x30cc, 0x30cd, 0x30ce,
	0x30cf, 0x30d2, 0x30d5, 0x30d8, 0x30db, 0x30de, 0x30df, 0x30e0, 0x30e1,
	0x30e2, 0x30e4, 0x30e6, 0x30e8, 0x30e9, 0x30ea, 0x30eb, 0x30ec, 0x30ed,
	0x30ef, 0x30f3, 0x3099, 0x309a };

/* kana with a following voiced (1) or half-voiced (2) mark as one character;
 * 0 where there is none. Hiragana and katakana lie 0x60 apart. */
static uint32_t
voiced(uint32_t kana, int mark)
{
	uint32_t k = kana >= 0x3041 && kana <= 0x3096 ? kana + 0x60 : kana;
	uint32_t shift = kana - k;

	if (k >= 0x30cf && k <= 0x30db && (k - 0x30cf) % 3 == 0)
		return k + shift + (uint32_t)mark;
	if (mark == 2)
		return 0;
	if ((k >= 0x30ab && k <= 0x30c1 && k % 2 == 1) || k == 0x30c4 ||
	    k == 0x30c6 || k == 0x30c8)
		return k + shift + 1;
	if (k == 0x30a6)
		return 0x30f4 + shift;
	if (kana >= 0x30ef && kana <= 0x30f2)
		return kana + 8;
	return 0;
}

static bool
is_hyphen(uint32_t u)
{
	return u == 0x2212 || (u >= 0x2010 && u <= 0x2015);
}

/* NFKC for ASCII and kana, one character. */
static uint32_t
fold_width(uint32_t u)
{
	if (u >= 0xff01 && u <= 0xff5e)
		return u - 0xfee0;
	if (u == 0x3000)
		return ' ';
	if (u >= 0xff61 && u <= 0xff9f)
		return kana_full[u - 0xff61];
	if (u == WAVE_JIS)
		return '~';
	return is_hyphen(u) ? '-' : u;
}

/* The character at *p, width folded, its voiced mark taken in. */
static uint32_t
fold_next(const char **p, const char *end)
{
	uint32_t u = fold_width(text_next(p, end)), mark, both;
	const char *ahead = *p;

	if (u < 0x3040 || u > 0x30ff || ahead == end)
		return u;
	mark = fold_width(text_next(&ahead, end));
	if (mark != 0x3099 && mark != 0x309a)
		return u;
	both = voiced(u, mark == 0x3099 ? 1 : 2);
	if (both != 0)
		*p = ahead;
	return both != 0 ? both : u;
}

#define LONG_MARK 0x30fcu

/* Most symbols and numbers are ASCII: nothing to fold but letters. */
static bool
fold_ascii(struct slice in, struct buf *out)
{
	size_t n = 0;

	if (in.n > 64)
		return false;
	char folded[64];
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c >= 0x80)
			return false;
		folded[n] = (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
		n += c != ' ' && c != '\t';
	}
	buf_put(out, (struct slice) { folded, n });
	return true;
}

void
text_fold(struct slice in, struct buf *out)
{
	if (fold_ascii(in, out))
		return;
	const char *p = in.p, *end = in.p + in.n;
	uint32_t before = 0; /* the character before, folded; 0: none */

	while (p < end) {
		uint32_t u = fold_next(&p, end), after = 0;
		const char *ahead = p;

		if (u == LONG_MARK && before > 0 && before < 0x80) {
			while (ahead < end &&
			    (after = fold_next(&ahead, end)) == LONG_MARK)
				continue;
			if (after > 0 && after < 0x80)
				u = '-';
		}
		before = u;
		if (u >= 'a' && u <= 'z')
			u -= 'a' - 'A';
		if (u != ' ' && u != '\t' && u != TEXT_BAD)
			text_put(out, u);
	}
}
