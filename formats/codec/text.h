/*
 * Bytes and text: borrowed slices, bounded buffers, character sets.
 *
 * A slice never owns. A buf writes into storage its caller gave it and never
 * grows past it: what does not fit is dropped whole and `full` stays set.
 * Text inside the program is UTF-8; CP932 exists only at the edges. Decoding
 * and encoding go by a table of ours (schemas/codes/cp932.tsv), never by
 * iconv, and follow glibc's CP932 (domain/character-encoding.md 2).
 */
#ifndef FORMATS_CODEC_TEXT_H
#define FORMATS_CODEC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

/* A slice over a string literal, and over a C string. */
#define SLICE(lit) ((struct slice) { (lit), sizeof(lit) - 1 })
struct slice slice_of(const char *s);

int slice_cmp(struct slice a, struct slice b); /* memcmp order, then length */

/* Asked of every field of every record, so they stand where they are used. */
static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
slice_is(struct slice a, const char *s)
{
	size_t n = strlen(s);

	return a.n == n && (n == 0 || memcmp(a.p, s, n) == 0);
}

/* n bytes, of which there mostly are few: up to 16 without a call. */
static inline void
text_copy(char *to, const char *from, size_t n)
{
	uint64_t a, z;
	uint32_t b, y;

	if (n > 16) {
		memcpy(to, from, n);
	} else if (n >= 8) {
		memcpy(&a, from, 8);
		memcpy(&z, from + n - 8, 8);
		memcpy(to, &a, 8);
		memcpy(to + n - 8, &z, 8);
	} else if (n >= 4) {
		memcpy(&b, from, 4);
		memcpy(&y, from + n - 4, 4);
		memcpy(to, &b, 4);
		memcpy(to + n - 4, &y, 4);
	} else if (n > 0) { /* first, middle, last: of one to three */
		to[0] = from[0];
		to[n / 2] = from[n / 2];
		to[n - 1] = from[n - 1];
	}
}

/* ASCII blanks at both ends. */
static inline struct slice
slice_trim(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Eight digits at p as a number, looked at in one step; -1: one is none. The
 * three products join neighbours: ones to pairs, pairs to fours, fours. */
static inline int32_t
eight_digits(const char *p)
{
	const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0);
	const uint64_t zeros = UINT64_C(0x3030303030303030);
	uint64_t w;

	memcpy(&w, p, 8);
	if ((w & high) != zeros ||
	    ((w + UINT64_C(0x0606060606060606)) & high) != zeros)
		return -1;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	w -= zeros;
	w = (w * 10 + (w >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
	w = (w * 100 + (w >> 16)) & UINT64_C(0x0000ffff0000ffff);
	return (int32_t)((uint32_t)(w * 10000) + (uint32_t)(w >> 32));
}

/* Not empty, 0-9 only. */
static inline bool
slice_digits(struct slice s)
{
	const char *p = s.p, *end = s.p + s.n;

	for (; end - p >= 8; p += 8)
		if (eight_digits(p) == -1)
			return false;
	for (; p < end; p++)
		if (*p < '0' || *p > '9')
			return false;
	return s.n > 0;
}

/* Decimal, at most 18 digits; -1 where it is not one. */
static inline int64_t
slice_number(struct slice s)
{
	const char *p = s.p, *end = s.p + s.n;
	int64_t n = 0;

	if (s.n > 18 || s.n == 0)
		return -1;
	for (; end - p >= 8; p += 8) {
		int32_t eight = eight_digits(p);

		if (eight == -1)
			return -1;
		n = n * 100000000 + eight;
	}
	for (; p < end; p++) {
		unsigned d = (unsigned)(unsigned char)*p - '0';

		if (d > 9)
			return -1;
		n = n * 10 + d;
	}
	return n;
}

/* Two lower-case digits a byte, no NUL. */
void text_hex(const void *bytes, size_t n, char *out);
/* All of it to fd; -1: errno. */
int text_write(int fd, struct slice bytes);

struct buf {
	char *p; /* the caller's storage */
	size_t n; /* bytes used; p[n] is NUL whenever max > 0 */
	size_t max; /* bytes usable, the NUL not counted */
	bool full; /* something did not fit */
};

/* storage[size]: one byte of it is kept for the NUL. */
void buf_init(struct buf *b, char *storage, size_t size);
void buf_clear(struct buf *b);
void buf_put(struct buf *b, struct slice s);
void buf_putc(struct buf *b, char c);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct slice buf_slice(const struct buf *b);

/* "file:PATH?QUERY", as SQLite takes it: a path may have what ends one in a URI
 * (RFC 3986: % ? #). Cut to fit, with NUL. */
void text_uri(const char *path, const char *query, char *out, size_t size);

/* Allocation that cannot fail: says so and ends the process with 11. */
void *text_alloc(size_t n); /* zeroed */
void *text_realloc(void *p, size_t n);
char *text_dup(struct slice s); /* NUL-terminated copy, yours to free */

enum charset {
	CHARSET_UTF8,
	CHARSET_UTF8_BOM, /* read: a BOM is skipped; written: with one */
	CHARSET_CP932, /* whatever calls itself "Shift_JIS" */
	CHARSET__MAX
};
extern const char *const charset_names[CHARSET__MAX]; /* "utf8", ... */
int charset_find(struct slice name); /* -1 where unknown */

#define TEXT_BAD 0xffffffffu
/* The code point at *p, which is moved past it; TEXT_BAD (and one byte
 * forward) on anything that is not shortest-form UTF-8, on surrogates and
 * above U+10FFFF. */
uint32_t text_next(const char **p, const char *end);
void text_put(struct buf *b, uint32_t code_point);
bool text_utf8_ok(struct slice s);
size_t text_chars(struct slice s); /* code points of well-formed UTF-8 */

/* CP932 -> UTF-8 appended to out. 0, or -1 on a byte sequence that CP932
 * does not have (nothing sensible is in out then). User-defined codes
 * (F040-F9FC) come out as U+E000..U+E757 and fail the repertoire later. */
int text_from_cp932(struct slice in, struct buf *out);
/* UTF-8 -> CP932. What cannot be written becomes `substitute` (a code point
 * that can) and is counted in *n (may be NULL). -1 on malformed UTF-8. */
int text_to_cp932(
    struct slice in, uint32_t substitute, struct buf *out, unsigned *n);
/* Bytes s would take in CP932; substitutes count two. */
size_t text_cp932_len(struct slice s);

/* The agreed repertoire (default: ASCII without controls, half-width
 * katakana, JIS X 0208 as CP932 decodes it, without NEC and IBM rows, and the
 * other spellings of its marks: U+301C, 2016, 2212, 2014, 00A2, 00A3, 00AC). */
bool text_in_repertoire(uint32_t code_point);
/* Copies in to out; each character outside the repertoire becomes
 * `substitute`, a variation selector is dropped (its base kept); returns how
 * many were replaced or dropped. U+301C becomes U+FF5E, as CP932 spells it,
 * uncounted. in must be well-formed. */
unsigned text_repertoire(struct slice in, uint32_t substitute, struct buf *out);
/* Where: a digit per character of what text_repertoire() makes of it, 1 where
 * it stands for another or lost its variation selector (代替文字使用位置, as
 * the cards' certificates have it), else 0. */
void text_mask(struct slice in, struct buf *out);

/* How many characters at p are three bytes of UTF-8 each, full width and of
 * the repertoire as they are: what names and addresses mostly are made of. */
size_t text_full_run(const char *p, const char *end);
/* CP932 whose every character is of the repertoire, as UTF-8 at q, where there
 * are three bytes for each of in: the end of it and the number of characters;
 * NULL where one is not, or where full_only and one is half width. */
char *text_cp932_plain(struct slice in, char *q, bool full_only, size_t *chars);

/* What a value is made of, in one pass: what field_check() asks. */
struct text_facts {
	size_t chars;
	size_t width; /* bytes in CP932; what it lacks counts two */
	bool ascii, half_kana, full; /* characters of this kind occur */
	bool control; /* C0, DEL, C1 */
	bool bad; /* malformed UTF-8: the rest of the facts says nothing */
	unsigned outside; /* text_repertoire() would replace or drop these */
	bool changes; /* text_repertoire() would change something */
};
void text_look(struct slice s, struct text_facts *f);

/* The match key of 記号/番号 (domain/numbers-and-codes.md 7): width folded as
 * NFKC does for ASCII and kana, hyphens unified (the long mark only between
 * digits or ASCII), blanks removed, upper case. Never for stored text. */
void text_fold(struct slice in, struct buf *out);

#endif
