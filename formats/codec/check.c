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

bool
check_is_my_number(struct slice v)
{
	const char *p = v.p, *end = v.p + v.n;
	char d[12];
	int n = 0;

	if (v.n < 12 || v.n > 36)
		return false;
	while (p < end) {
		uint32_t u = text_next(&p, end);

		if (u >= 0xff10 && u <= 0xff19)
			u -= 0xfee0;
		if (n == 12 || u < '0' || u > '9')
			return false;
		d[n++] = (char)u;
	}
	return n == 12 &&
	    d[11] - '0' == check_digit_my_number((struct slice) { d, 11 });
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
	for (size_t i = 0; i < v->s.n; i++) {
		char c = v->s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			(c >= 'a' && c <= 'z') || c == '-' || c == '_'))
			return DIAG_BAD_PATTERN;
	}
	return pattern(v->s.n >= 1 && v->s.n <= 20);
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
