/* One value against its row. */
#include <stdio.h>
#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/codec/field.h"

#define SUBSTITUTE 0x25cfu /* ●, where the caller names none */

/* What each byte is; the bits of a value are or-ed together. */
#define DIGIT 1
#define GRAPH 2 /* printable ASCII but digits and blank */
#define BLANK 4
#define CTRL 8
#define HIGH 16
#define LOWER 32 /* besides GRAPH: printable ASCII not allowed in kana */

/* clang-format off */
#define C8 CTRL, CTRL, CTRL, CTRL, CTRL, CTRL, CTRL, CTRL
#define D8 DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT
#define L (GRAPH | LOWER)
#define U8 GRAPH, GRAPH, GRAPH, GRAPH, GRAPH, GRAPH, GRAPH, GRAPH
#define L8 L, L, L, L, L, L, L, L
#define H8 HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH, HIGH
static const uint8_t classes[256] = {
	C8, C8, C8, C8,
	BLANK, L, L, L, L, L, L, L, L8, /*  !"#$%&'()*+,-./ */
	D8, DIGIT, DIGIT, L, L, L, L, L, L,
	L, GRAPH, GRAPH, GRAPH, GRAPH, GRAPH, GRAPH, GRAPH, /* @A-G */
	U8, U8, GRAPH, GRAPH, GRAPH, L, L, L, L, L, /* H-Z[\]^_ */
	L8, L8, L8, L, L, L, L, L, L, L, CTRL, /* `a-z{|}~ DEL */
	H8, H8, H8, H8, H8, H8, H8, H8, H8, H8, H8, H8, H8, H8, H8, H8,
};
#undef L
/* clang-format on */

static unsigned
classify(struct slice s)
{
	unsigned all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= classes[(unsigned char)s.p[i]];
	return all;
}

#define KANJI_BLANK "\xe3\x80\x80" /* U+3000 */

/* ASCII blanks at both ends, U+3000 at the end: the padding of fixed length
 * and of "  139998". */
static struct slice
trim(struct slice s)
{
	for (; s.n > 0 && s.p[0] == ' '; s.n--)
		s.p++;
	for (;;) {
		if (s.n > 0 && s.p[s.n - 1] == ' ')
			s.n--;
		else if (s.n >= 3 && memcmp(s.p + s.n - 3, KANJI_BLANK, 3) == 0)
			s.n -= 3;
		else
			return s;
	}
}

/* Half-width katakana and capitals, single blanks between; marks and digits
 * are not kana. s is trimmed. */
static bool
is_kana(struct slice s, unsigned class, size_t *chars)
{
	const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
	size_t n = 0;

	if ((class & (DIGIT | LOWER)) != 0)
		return false;
	for (; p < end; n++) {
		if (*p == ' ' && p[1] == ' ') /* never last: trimmed */
			return false;
		if (*p < 0x80) {
			p++;
			continue;
		}
		/* U+FF61..FF9F: EF BD A1..BF, EF BE 80..9F */
		if (end - p < 3 || p[0] != 0xef ||
		    !((p[1] == 0xbd && p[2] >= 0xa1 && p[2] <= 0xbf) ||
			(p[1] == 0xbe && p[2] >= 0x80 && p[2] <= 0x9f)))
			return false;
		p += 3;
	}
	*chars = n;
	return true;
}

/* The codes below: DIAG__MAX is content. */
static enum diag_code
check_width(const struct field *f, size_t n)
{
	if (n > f->width)
		return DIAG_TOO_LONG;
	if (n < f->width && (f->flags & FIELD_EXACT) != 0)
		return DIAG_TOO_SHORT;
	return DIAG__MAX;
}

static enum diag_code
check_ascii(const struct field *f, struct value *v, unsigned class)
{
	if (f->type == FIELD_NUM) {
		if (class != DIGIT)
			return DIAG_NOT_DIGITS;
		if (v->s.n <= 18)
			v->n = slice_number(v->s);
	} else if ((class & (BLANK | HIGH)) != 0) {
		return DIAG_NOT_ASCII;
	}
	return check_width(f, v->s.n);
}

static enum diag_code
check_kana(const struct field *f, struct value *v, unsigned class)
{
	size_t chars;

	if (!is_kana(v->s, class, &chars))
		return text_utf8_ok(v->s) ? DIAG_NOT_KANA : DIAG_BAD_BYTES;
	return check_width(f, chars);
}

/* Where text goes that had to be mended, with what, and how much of it. */
struct mending {
	struct buf *scratch;
	uint32_t substitute;
	unsigned replaced;
	struct slice was; /* before */
};

/* Text of the repertoire; where it had to be mended v points to scratch. */
static enum diag_code
check_text(const struct field *f, struct value *v, struct mending *mend)
{
	struct buf *b = mend->scratch;
	struct text_facts facts;
	size_t start = b->n;

	text_look(v->s, &facts);
	if (facts.bad)
		return DIAG_BAD_BYTES;
	if (facts.control)
		return DIAG_CONTROL_CHARACTER;
	if ((f->flags & FIELD_FREE) != 0 && check_is_my_number(v->s))
		return DIAG_MY_NUMBER;
	if (f->type == FIELD_KANJI && (facts.ascii || facts.half_kana))
		return DIAG_NOT_FULL_WIDTH;
	if (facts.width > f->width)
		return DIAG_TOO_LONG;
	if (facts.width < f->width && (f->flags & FIELD_EXACT) != 0)
		return DIAG_TOO_SHORT;
	if (!facts.changes)
		return DIAG__MAX;
	mend->was = v->s;
	mend->replaced = text_repertoire(v->s, mend->substitute, b);
	if (b->full)
		return DIAG_TOO_LONG;
	v->s = (struct slice) { b->p + start, b->n - start };
	return DIAG__MAX;
}

static enum diag_code
check_day(struct value *v)
{
	int32_t day = day_parse(v->s);

	if (day == DAY_NONE)
		return DIAG_BAD_DATE;
	v->n = day;
	return DIAG__MAX;
}

static enum diag_code
check_time(struct value *v)
{
	int64_t n = v->s.n == 14 ? slice_number(v->s) : -1;
	int h = (int)(n / 10000 % 100), m = (int)(n / 100 % 100);
	int32_t day =
	    n == -1 ? DAY_NONE : day_parse((struct slice) { v->s.p, 8 });

	if (day == DAY_NONE || h > 23 || m > 59 || n % 100 > 59)
		return DIAG_BAD_TIME;
	v->n = day_moment(day, ((h * 60 + m) * 60 + n % 100) * 1000);
	return DIAG__MAX;
}

static enum diag_code
check_code(const struct field *f, struct value *v)
{
	const struct code *c = field_code(f, v->s);

	if (c == NULL)
		return DIAG_NOT_IN_CODES;
	return c->out_of_scope ? DIAG_OUT_OF_SCOPE : DIAG__MAX;
}

/* What nearly every value is: a real day, a code in scope. Anything else is
 * looked at again, for the right name of its fault. */
static bool
is_plain(const struct field *f, struct value *v)
{
	const struct code *c;

	if (f->type == FIELD_DAY)
		return check_day(v) == DIAG__MAX;
	if (f->type != FIELD_CODE)
		return false;
	c = field_code(f, v->s);
	return c != NULL && !c->out_of_scope;
}

static enum diag_code
check_type(const struct field *f, struct value *v, struct mending *mend)
{
	unsigned class;

	if (f->type == FIELD_KANJI || f->type == FIELD_TEXT)
		return check_text(f, v, mend);
	class = classify(v->s);
	if ((class & CTRL) != 0)
		return DIAG_CONTROL_CHARACTER;
	if ((f->flags & FIELD_FREE) != 0 && check_is_my_number(v->s))
		return DIAG_MY_NUMBER;
	switch (f->type) {
	case FIELD_NUM:
	case FIELD_ANK:
		return check_ascii(f, v, class);
	case FIELD_KANA:
		return check_kana(f, v, class);
	case FIELD_DAY:
		return check_day(v);
	case FIELD_TIME:
		return check_time(v);
	case FIELD_CODE:
		return check_code(f, v);
	default:
		return DIAG_BAD_PATTERN;
	}
}

static void
raise_at(const struct field *f, enum diag_code code, const struct diag *at,
    struct diag_sink *sink, const char *detail)
{
	struct diag d = *at;

	d.code = code;
	d.field = f->name;
	d.item = f->item;
	d.detail = detail;
	diag_raise(sink, &d);
}

static int
refuse(const struct field *f, enum diag_code code, const struct diag *at,
    struct diag_sink *sink)
{
	char detail[64];

	switch (code) {
	case DIAG_TOO_LONG:
	case DIAG_TOO_SHORT:
		snprintf(detail, sizeof(detail), "%s %u",
		    (f->flags & FIELD_EXACT) != 0 ? "exactly" : "at most",
		    f->width);
		break;
	default:
		detail[0] = '\0';
	}
	raise_at(f, code, at, sink, detail[0] != '\0' ? detail : NULL);
	return 1;
}

/* With the positions (domain/character-encoding.md 3.2): "mask 0100". */
static void
raise_replaced(const struct field *f, struct slice was, const struct diag *at,
    struct diag_sink *sink)
{
	char mask[512]; /* more than any item has characters */
	struct buf b;

	buf_init(&b, mask, sizeof(mask));
	buf_puts(&b, FIELD_MASK);
	text_mask(was, &b);
	raise_at(f, DIAG_REPLACED, at, sink, mask);
}

int
field_check(const struct field *f, struct slice raw, struct value *out,
    struct buf *scratch, uint32_t substitute, const struct diag *at,
    struct diag_sink *sink)
{
	struct mending mend = { scratch,
		substitute != 0 ? substitute : SUBSTITUTE, 0, { NULL, 0 } };
	enum diag_code code;

	out->s = trim(raw);
	out->n = 0;
	if (out->s.n == 0) {
		if ((f->flags & FIELD_REQUIRED) == 0)
			return 0;
		return refuse(f, DIAG_MISSING, at, sink);
	}
	code = is_plain(f, out) ? DIAG__MAX : check_type(f, out, &mend);
	if (code == DIAG__MAX && out->s.n == 0) /* nothing but selectors */
		code = DIAG_BAD_PATTERN;
	if (code == DIAG__MAX && f->check != NULL)
		code = f->check(out);
	if (code != DIAG__MAX)
		return refuse(f, code, at, sink);
	if (mend.replaced > 0)
		raise_replaced(f, mend.was, at, sink);
	return 0;
}

size_t
field_chars(const struct field *f)
{
	return f->type == FIELD_KANJI ? f->width / 2 : f->width;
}

const struct code *
field_code(const struct field *f, struct slice value)
{
	for (const struct code *c = f->codes; c != NULL && c->code != NULL; c++)
		if (strnlen(c->code, value.n + 1) == value.n &&
		    memcmp(c->code, value.p, value.n) == 0)
			return c;
	return NULL;
}

void
field_mask(const struct field *f, struct slice v, struct buf *out)
{
	if ((f->flags & FIELD_PRIVATE) == 0 || v.n == 0)
		buf_put(out, v);
	else
		buf_printf(out, "●×%zu", text_chars(v));
}
