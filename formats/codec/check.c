/* Check digits and forms of single values (domain/numbers-and-codes.md). */
#include <string.h>

#include "formats/codec/check.h"

int
check_digit_folded(struct slice body)
{
	int sum = 0;

	for (size_t i = 0; i < body.n; i++) {
		int d = body.p[body.n - 1 - i] - '0';

		if (i % 2 == 0)
			d = d < 5 ? 2 * d : 2 * d - 9;
		sum += d;
	}
	return (10 - sum % 10) % 10;
}

int
check_digit_my_number(struct slice body11)
{
	int sum = 0, rest;

	for (int n = 1; n <= 11; n++)
		sum += (body11.p[11 - n] - '0') * (n <= 6 ? n + 1 : n - 5);
	rest = sum % 11;
	return rest <= 1 ? 0 : 11 - rest;
}

/* The digit that begins at p, half or full width, and its length; -1: none. */
static int
digit_at(const char *p, const char *end, size_t *n)
{
	*n = 1;
	if (*p >= '0' && *p <= '9')
		return *p - '0';
	*n = 3; /* U+FF10..FF19 is EF BC 90..99 */
	if (end - p < 3 || memcmp(p, "\xef\xbc", 2) != 0 ||
	    (unsigned char)p[2] < 0x90 || (unsigned char)p[2] > 0x99)
		return -1;
	return (unsigned char)p[2] - 0x90;
}

/* Where a run of digits may still begin that has the byte at `at`. */
static const char *
run_begins(const char *from, const char *at)
{
	size_t n;

	/* onto the first byte of a character */
	for (int i = 0;
	     i < 2 && at > from && ((unsigned char)*at & 0xc0) == 0x80; i++)
		at--;
	while (at > from) {
		if (at[-1] >= '0' && at[-1] <= '9')
			at--;
		else if (at - from >= 3 && digit_at(at - 3, at, &n) >= 0 &&
		    n == 3)
			at -= 3;
		else
			break;
	}
	return at;
}

/* What people set between groups of digits: one of these. */
static bool
is_between(uint32_t u)
{
	return u == ' ' || u == '-' || u == 0x3000 || u == 0xff0d ||
	    u == 0x2212 || (u >= 0x2010 && u <= 0x2015) || u == 0x30fc ||
	    u == 0xff70;
}

/* Digits from *p on, at most 12 of them put to d; -1: more. Moves *p. */
static int
take_group(const char **p, const char *end, char *d)
{
	size_t n;
	int digit, group = 0;

	for (; *p < end && (digit = digit_at(*p, end, &n)) >= 0; *p += n) {
		if (group == 12)
			return -1;
		d[group++] = (char)('0' + digit);
	}
	return group;
}

/* Twelve digits from p on in equal groups, one character between each two. */
static bool
grouped_at(const char *p, const char *end)
{
	char d[24];
	int size = take_group(&p, end, d);

	if (size < 1 || size == 12 || 12 % size != 0)
		return false;
	for (int digits = size; digits < 12; digits += size)
		if (p == end || !is_between(text_next(&p, end)) ||
		    take_group(&p, end, d + digits) != size)
			return false;
	return d[11] - '0' == check_digit_my_number((struct slice) { d, 11 });
}

/* "1234-5678-9018", "1234 5678 9018", "123456−789018": as it is printed on
 * the cards, or as people write it. */
static bool
is_grouped(struct slice v)
{
	const char *p = v.p, *end = v.p + v.n;
	bool before = false;
	size_t n;

	while (p < end) {
		bool digit = digit_at(p, end, &n) >= 0;

		if (digit && !before && grouped_at(p, end))
			return true;
		before = digit;
		(void)text_next(&p, end);
	}
	return false;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Of eight bytes, 1 in each that is 30..39 or 90..99. */
static inline uint64_t
digit_bytes(const char *p)
{
	uint64_t w, high;

	memcpy(&w, p, 8);
	high = w & EACH(0x80);
	w ^= high | high >> 2; /* 90..99 become 30..39; none above 7F */
	return ((w + EACH(0x80 - 0x30)) & ~(w + EACH(0x80 - 0x3a)) &
		   EACH(0x80)) >>
	    7;
}

/* Can there be twelve digits, half or full width? */
static bool
many_digits(struct slice v)
{
	const char *p = v.p, *end = v.p + v.n;
	uint64_t n = 0;

	while (end - p >= 8 && n < 12) {
		uint64_t sum = 0; /* a byte of it holds 255 at most */

		for (int i = 0; i < 31 && end - p >= 8; i++, p += 8)
			sum += digit_bytes(p);
		n += sum * EACH(1) >> 56;
	}
	for (; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		n += (unsigned)((unsigned char)(c - '0') < 10) +
		    (unsigned)((unsigned char)(c - 0x90) < 10);
	}
	return n >= 12;
}

/* The byte at p, two bytes behind it, is one of a digit, half or full width. */
static inline bool
of_digit(const char *p)
{
	unsigned char c = (unsigned char)p[0], b = (unsigned char)p[-1],
		      a = (unsigned char)p[-2];

	return (c >= '0' && c <= '9') || c == 0xef ||
	    (c == 0xbc && b == 0xef) ||
	    (c >= 0x90 && c <= 0x99 && b == 0xbc && a == 0xef);
}

/* Of twelve digits in a row one lies on every twelfth byte, so most of a text
 * is never looked at. */
bool
check_is_my_number(struct slice v)
{
	const char *from = v.p, *end = v.p + v.n;
	char d[12];

	while (end - from >= 12) {
		const char *p = from + 11;
		size_t n, digits = 0;
		int digit;

		if (!of_digit(p)) {
			from += 12;
			continue;
		}
		for (p = run_begins(from, p);
		     p < end && (digit = digit_at(p, end, &n)) >= 0;
		     p += n, digits++)
			if (digits < 12)
				d[digits] = (char)('0' + digit);
		if (digits == 12 &&
		    d[11] - '0' ==
			check_digit_my_number((struct slice) { d, 11 }))
			return true;
		from = p > from + 12 ? p : from + 12;
	}
	return many_digits(v) && is_grouped(v);
}

static enum diag_code
pattern(bool good)
{
	return good ? DIAG__MAX : DIAG_BAD_PATTERN;
}

static bool
digit_holds(struct slice body)
{
	return body.p[body.n] - '0' == check_digit_folded(body);
}

enum diag_code
check_insurer_number(const struct value *v)
{
	struct slice s = v->s;

	if ((s.n != 6 && s.n != 8) || !slice_digits(s))
		return DIAG_BAD_PATTERN;
	s.n--;
	return digit_holds(s) ? DIAG__MAX : DIAG_CHECK_DIGIT;
}

static bool
is_prefecture(struct slice s)
{
	int n = (s.p[0] - '0') * 10 + s.p[1] - '0';

	return n >= 1 && n <= 47;
}

/* Two regimes are in use: nine digits, and in 11-14 the last six only.
 * Either will do; the master decides who is registered. */
enum diag_code
check_institution_code(const struct value *v)
{
	if (v->s.n != 10 || !slice_digits(v->s) || !is_prefecture(v->s))
		return DIAG_BAD_PATTERN;
	if (digit_holds((struct slice) { v->s.p, 9 }) ||
	    digit_holds((struct slice) { v->s.p + 3, 6 }))
		return DIAG__MAX;
	return DIAG_CHECK_DIGIT;
}

/* Opaque, but it becomes part of keys and names of the sort: 1-20 letters,
 * digits, hyphens, underscores. */
enum diag_code
check_person_id(const struct value *v)
{
	/* letters, digits, - and _ by their code */
	static const uint64_t in[2] = { UINT64_C(0x03ff200000000000),
		UINT64_C(0x07fffffe87fffffe) };
	uint64_t outside = 0;

	for (size_t i = 0; i < v->s.n; i++) {
		unsigned char c = (unsigned char)v->s.p[i];

		outside |= (~in[c >> 6 & 1] >> (c & 63) & 1) | c >> 7;
	}
	return pattern(outside == 0 && v->s.n >= 1 && v->s.n <= 20);
}

enum diag_code
check_post_number(const struct value *v)
{
	return pattern(v->s.n == 8 && v->s.p[3] == '-' &&
	    slice_digits((struct slice) { v->s.p, 3 }) &&
	    slice_digits((struct slice) { v->s.p + 4, 4 }));
}

enum diag_code
check_branch(const struct value *v)
{
	return pattern(v->s.n == 2 && slice_digits(v->s));
}

enum diag_code
check_ratio(const struct value *v)
{
	return pattern(slice_is(v->s, "010") || slice_is(v->s, "020") ||
	    slice_is(v->s, "030"));
}

enum diag_code
check_prefecture(const struct value *v)
{
	return pattern(
	    v->s.n == 2 && slice_digits(v->s) && is_prefecture(v->s));
}

static bool
is_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			(c >= 'A' && c <= 'F')))
			return false;
	}
	return s.n > 0;
}

enum diag_code
check_serial(const struct value *v)
{
	return pattern(v->s.n % 2 == 0 && v->s.n <= 40 && is_hex(v->s));
}

enum diag_code
check_sha256(const struct value *v)
{
	return pattern(v->s.n == 64 && is_hex(v->s));
}

/* 都道府県 2 + 市区町村 3, with or without the check digit of JIS X 0402. */
enum diag_code
check_municipality(const struct value *v)
{
	return pattern((v->s.n == 5 || v->s.n == 6) && slice_digits(v->s) &&
	    is_prefecture(v->s));
}
