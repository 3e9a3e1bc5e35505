/* The plain looks: one function for each type and charset. */
#include "formats/codec/plain.h"

#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"

static bool
never(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	(void)p, (void)raw, (void)out, (void)scratch;
	return false;
}

/* The width holds, and the named check of the row is content. */
static inline bool
holds(const struct plain *p, const struct value *v, size_t width)
{
	return width >= p->min && width <= p->max &&
	    (p->check == NULL || p->check(v) == DIAG__MAX);
}

static bool
look_number(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	(void)scratch;
	out->s = raw;
	out->n = slice_number(raw);
	return out->n >= 0 && holds(p, out, raw.n);
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static bool
look_ascii(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	const char *q = raw.p, *end = raw.p + raw.n;
	uint64_t outside = 0, w;

	(void)scratch;
	/* eight at once: the high bit of a byte that is not of 21..7E; 21 is
	 * borrowed and 01 carried within bytes of which none is above 7F */
	for (; end - q >= 8; q += 8) {
		memcpy(&w, q, 8);
		outside |= w;
		w &= EACH(0x7f);
		outside |= ~(w + EACH(0x80 - 0x21)) | (w + EACH(0x01));
	}
	outside &= EACH(0x80);
	for (; q < end; q++)
		outside |= (unsigned)((unsigned char)*q - 0x21u > 0x5du);
	out->s = raw;
	out->n = 0;
	return outside == 0 && holds(p, out, raw.n);
}

static bool
look_day(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	int32_t day = day_parse(raw);

	(void)scratch;
	out->s = raw;
	out->n = day;
	return day != DAY_NONE && (p->check == NULL || holds(p, out, p->min));
}

static uint16_t
code_word(const char *s, size_t n)
{
	return (uint16_t)((unsigned char)s[0] |
	    (n > 1 ? (unsigned)(unsigned char)s[1] << 8 : 0));
}

static bool
look_code(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	uint16_t word = code_word(raw.p, raw.n);
	bool found = false;

	(void)scratch;
	for (unsigned i = 0; i < p->ncodes && !found; i++)
		found = p->codes[i] == word;
	out->s = raw;
	out->n = 0;
	return found && raw.n <= 2 && (raw.n == 1 || raw.p[1] != '\0') &&
	    (p->check == NULL || holds(p, out, p->min));
}

/* Half-width katakana: EF BD A1..BF, EF BE 80..9F */
static inline bool
is_half_kana(const unsigned char *q)
{
	return q[0] == 0xef &&
	    ((q[1] == 0xbd && q[2] >= 0xa1 && q[2] <= 0xbf) ||
		(q[1] == 0xbe && q[2] >= 0x80 && q[2] <= 0x9f));
}

/* A capital, or one blank between others. */
static inline bool
kana_ascii(const char *p, const char *from, const char *end)
{
	if (*p == ' ')
		return p > from && p + 1 < end && p[1] != ' ';
	return *p >= 'A' && *p <= 'Z';
}

static bool
look_kana_utf8(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	const char *q = raw.p, *end = raw.p + raw.n;
	size_t n = 0;

	(void)scratch;
	for (; q < end; n++) {
		if (end - q >= 3 && is_half_kana((const unsigned char *)q))
			q += 3;
		else if (kana_ascii(q, raw.p, end))
			q++;
		else
			return false;
	}
	out->s = raw;
	out->n = 0;
	return holds(p, out, n);
}

/* Room for whatever raw becomes in UTF-8: three bytes for one at most. */
static inline bool
has_room(const struct buf *b, struct slice raw)
{
	return 3 * raw.n <= b->max - b->n;
}

/* The value is what was converted: from the end of scratch to q. */
static inline void
converted(struct value *out, const struct buf *scratch, const char *q)
{
	const char *from = scratch->p + scratch->n;

	out->s = (struct slice) { from, (size_t)(q - from) };
	out->n = 0;
}

/* It stays there only where the value is plain. */
static inline bool
keep_if(bool plain, const struct value *v, struct buf *scratch)
{
	if (plain)
		scratch->n += v->s.n;
	return plain;
}

static bool
look_kana_cp932(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	const char *end = raw.p + raw.n;
	char *q = scratch->p + scratch->n;

	if (!has_room(scratch, raw))
		return false;
	for (const char *r = raw.p; r < end; r++) {
		unsigned c = (unsigned char)*r;

		if (c - 0xa1 <= 0xdf - 0xa1) {
			*q++ = (char)0xef;
			*q++ = (char)(c < 0xc0 ? 0xbd : 0xbe);
			*q++ = (char)(c < 0xc0 ? c : c - 0x40);
		} else if (kana_ascii(r, raw.p, end)) {
			*q++ = *r;
		} else {
			return false;
		}
	}
	converted(out, scratch, q);
	return keep_if(holds(p, out, raw.n), out, scratch);
}

/* Blanks at the ends are trimmed, and U+3000 at the end: not plain. */
static inline bool
trimmed(struct slice utf8)
{
	return utf8.p[0] != ' ' && utf8.p[utf8.n - 1] != ' ' &&
	    (utf8.n < 3 || memcmp(utf8.p + utf8.n - 3, "\xe3\x80\x80", 3) != 0);
}

/* Twelve characters or more of free text may hold a 個人番号. */
static inline bool
text_holds(
    const struct plain *p, const struct value *v, size_t chars, size_t width)
{
	return trimmed(v->s) &&
	    !(p->free && chars >= 12 && check_is_my_number(v->s)) &&
	    holds(p, v, width);
}

static inline bool
look_text_utf8(
    const struct plain *p, struct slice raw, struct value *out, bool full_only)
{
	const char *q = raw.p, *end = raw.p + raw.n;
	size_t chars = 0, width = 0, run;

	while (q < end) {
		if ((run = text_full_run(q, end)) > 0) {
			chars += run;
			width += 2 * run;
			q += 3 * run;
			continue;
		}
		if (full_only)
			return false;
		if ((unsigned char)*q - 0x20u < 0x5fu)
			q++;
		else if (end - q >= 3 && is_half_kana((const void *)q))
			q += 3;
		else
			return false;
		chars++;
		width++;
	}
	out->s = raw;
	out->n = 0;
	return text_holds(p, out, chars, width);
}

static bool
look_kanji_utf8(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	(void)scratch;
	return look_text_utf8(p, raw, out, true);
}

static bool
look_any_utf8(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	(void)scratch;
	return look_text_utf8(p, raw, out, false);
}

static inline bool
look_text_cp932(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch, bool full_only)
{
	char *q = scratch->p + scratch->n;
	size_t chars;

	if (!has_room(scratch, raw) ||
	    (q = text_cp932_plain(raw, q, full_only, &chars)) == NULL)
		return false;
	converted(out, scratch, q);
	return keep_if(text_holds(p, out, chars, raw.n), out, scratch);
}

static bool
look_kanji_cp932(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	return look_text_cp932(p, raw, out, scratch, true);
}

static bool
look_any_cp932(const struct plain *p, struct slice raw, struct value *out,
    struct buf *scratch)
{
	return look_text_cp932(p, raw, out, scratch, false);
}

/* The codes in scope as words; a list with longer ones is not plain. */
static void
compile_codes(const struct field *f, struct plain *p)
{
	p->look = look_code;
	for (const struct code *c = f->codes; c != NULL && c->code != NULL;
	     c++) {
		size_t n = strlen(c->code);

		if (c->out_of_scope)
			continue;
		if (n < 1 || n > 2 || p->ncodes == PLAIN_CODES) {
			p->look = never;
			return;
		}
		p->codes[p->ncodes++] = code_word(c->code, n);
	}
}

void
plain_compile(const struct field *f, enum charset cs, struct plain *p)
{
	bool cp932 = cs == CHARSET_CP932;

	memset(p, 0, sizeof(*p));
	p->look = never;
	p->check = f->check;
	p->max = f->width;
	p->min = (f->flags & FIELD_EXACT) != 0 ? f->width : 0;
	p->free = (f->flags & FIELD_FREE) != 0;
	p->required = (f->flags & FIELD_REQUIRED) != 0;
	switch (f->type) {
	case FIELD_NUM:
		p->look = p->free ? never : look_number;
		break;
	case FIELD_ANK:
		p->look = p->free ? never : look_ascii;
		break;
	case FIELD_KANA:
		p->look = p->free ? never :
		    cp932	  ? look_kana_cp932 :
				    look_kana_utf8;
		break;
	case FIELD_KANJI:
		p->look = cp932 ? look_kanji_cp932 : look_kanji_utf8;
		break;
	case FIELD_TEXT:
		p->look = cp932 ? look_any_cp932 : look_any_utf8;
		break;
	case FIELD_DAY:
		p->look = look_day;
		break;
	case FIELD_CODE:
		compile_codes(f, p);
		break;
	case FIELD_TIME:
	case FIELD__MAX:
		break;
	}
}
