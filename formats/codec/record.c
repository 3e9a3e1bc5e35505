/* Reading: a table meets a syntax. What a file must keep, it keeps here. */
#include "formats/codec/record.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/codec/detail.h"
#include "formats/codec/plain.h"
#include "formats/codec/syntax.h"

const char *const syntax_names[SYNTAX__MAX] = {
	[SYNTAX_CSV] = "csv",
	[SYNTAX_FIXED] = "fixed",
	[SYNTAX_XML] = "xml",
};

/* Half-width kana is one byte in CP932 and three in UTF-8. */
#define SCRATCH (3 * RECORD_BYTES_MAX + 1)
#define TOTAL_MODULUS INT64_C(1000000000000000) /* 15 digits */

enum kind { HEADER, DATA, TRAILER, KINDS };
enum place { AT_START, IN_BLOCK, AFTER_BLOCK };

/* A header or trailer outlives the record after it. */
struct kept {
	struct record rec;
	char text[SCRATCH];
	bool there;
};

struct record_reader {
	struct record_source src;
	const struct syntax_ops *ops;
	void *state;
	enum record_result over; /* RECORD_OK while there may be more */
	enum place place;
	struct record_counts counts;
	int64_t numbers[2]; /* next running number: two that are fine */
	int64_t in_block; /* data records of it */
	int64_t total;
	bool total_known, unlike; /* lines that were not agreed */
	struct kept header, trailer;
	struct syntax_raw raw;
	struct plain plain[KINDS][RECORD_FIELDS_MAX]; /* the rows, compiled */
	char utf8[SCRATCH], replaced[SCRATCH];
	struct buf utf8_buf, replaced_buf;
};

int
syntax_find(struct slice name)
{
	for (int i = 0; i < SYNTAX__MAX; i++)
		if (slice_is(name, syntax_names[i]))
			return i;
	return -1;
}

static const struct syntax_ops *
ops_of(enum syntax s)
{
	switch (s) {
	case SYNTAX_CSV:
		return &csv_ops;
	case SYNTAX_FIXED:
		return &fixed_ops;
	case SYNTAX_XML:
	case SYNTAX__MAX:
		break;
	}
	return &xml_ops;
}

/* Syntaxes whose values still are in the charset of the file. */
static bool
decodes(const struct record_source *src)
{
	return src->charset == CHARSET_CP932 && src->syntax != SYNTAX_XML;
}

static void
compile(struct record_reader *r)
{
	const struct layout *l = r->src.layout;
	const struct format *kinds[KINDS] = { l->header, l->data, l->trailer };
	enum charset cs = decodes(&r->src) ? CHARSET_CP932 : CHARSET_UTF8;

	for (int k = 0; k < KINDS; k++)
		for (unsigned i = 0; kinds[k] && i < kinds[k]->nfields; i++)
			plain_compile(
			    &kinds[k]->fields[i], cs, &r->plain[k][i]);
}

struct record_reader *
record_open(const struct record_source *src)
{
	struct record_reader *r = text_alloc(sizeof(*r));

	r->src = *src;
	r->ops = ops_of(src->syntax);
	r->over = RECORD_OK;
	r->numbers[0] = r->numbers[1] = 1;
	r->total_known = true;
	buf_init(&r->utf8_buf, r->utf8, sizeof(r->utf8));
	buf_init(&r->replaced_buf, r->replaced, sizeof(r->replaced));
	compile(r);
	r->state = r->ops->open(src);
	if (r->state == NULL)
		r->over = RECORD_BROKEN;
	return r;
}

void
record_close(struct record_reader *r)
{
	if (r == NULL)
		return;
	if (r->state != NULL)
		r->ops->close(r->state);
	free(r);
}

int
record_table(const char *path, const struct layout *layout,
    struct diag_sink *sink, int (*each)(void *arg, const struct record *rec),
    void *arg)
{
	struct record_source src = { .name = path,
		.fd = open(path, O_RDONLY | O_CLOEXEC),
		.layout = layout,
		.syntax = SYNTAX_CSV,
		.charset = CHARSET_UTF8_BOM,
		.today = DAY_NONE,
		.sink = sink };
	struct record_reader *reader;
	struct record rec;
	enum record_result r;
	int wrong = 0;

	if (src.fd == -1)
		return -1;
	reader = record_open(&src);
	while ((r = record_next(reader, &rec)) <= RECORD_REFUSED)
		if (r == RECORD_REFUSED || each(arg, &rec) != 0)
			wrong = 1;
	record_close(reader);
	close(src.fd);
	return r == RECORD_END ? wrong : 1;
}

const struct record *
record_header(const struct record_reader *r)
{
	return r->header.there ? &r->header.rec : NULL;
}

const struct record *
record_trailer(const struct record_reader *r)
{
	return r->trailer.there ? &r->trailer.rec : NULL;
}

struct record_counts
record_count(const struct record_reader *r)
{
	return r->counts;
}

static struct diag
here(const struct record_reader *r)
{
	struct diag d = { .file = r->src.name,
		.line = r->raw.line,
		.offset = r->raw.offset };

	return d;
}

static enum record_result
broken(struct record_reader *r, enum diag_code code, const char *detail)
{
	struct diag d = here(r);

	d.code = code;
	d.detail = detail;
	diag_raise(r->src.sink, &d);
	r->over = RECORD_BROKEN;
	return RECORD_BROKEN;
}

static bool
is_ascii(struct slice s)
{
	const char *p = s.p, *end = s.p + s.n;
	uint64_t w;

	for (; end - p >= 8; p += 8) {
		memcpy(&w, p, 8);
		if ((w & UINT64_C(0x8080808080808080)) != 0)
			return false;
	}
	for (; p < end; p++)
		if ((unsigned char)*p > 0x7f)
			return false;
	return true;
}

static void
raise_field(struct record_reader *r, enum diag_code code, const struct field *f,
    const struct diag *at)
{
	struct diag d = *at;

	d.code = code;
	d.field = f->name;
	d.item = f->item;
	diag_raise(r->src.sink, &d);
}

/* *s into UTF-8 where it is not yet: 0, or -1 (BAD_BYTES raised). */
static int
to_utf8(struct record_reader *r, const struct field *f, struct slice *s,
    const struct diag *at)
{
	size_t start = r->utf8_buf.n;

	if (!decodes(&r->src) || is_ascii(*s))
		return 0;
	if (text_from_cp932(*s, &r->utf8_buf) != 0 || r->utf8_buf.full) {
		raise_field(r, DIAG_BAD_BYTES, f, at);
		return -1;
	}
	*s = (struct slice) { r->utf8 + start, r->utf8_buf.n - start };
	return 0;
}

/* A leniency was used: told once, with its place, and then only counted: a
 * million of them must not push the faults out of the error list. */
static void
overlook(struct record_reader *r, enum diag_code code, const struct field *f,
    const struct diag *at)
{
	struct diag_sink *sink = r->src.sink;
	struct diag d = *at;

	if (sink->counts[code] == 0) {
		d.code = code;
		d.field = f == NULL ? NULL : f->name;
		d.item = f == NULL ? 0 : f->item;
		diag_raise(sink, &d);
		return;
	}
	sink->counts[code]++;
	sink->levels[diag_table[code].level]++;
}

/* Files of our own (bare: masters) are written by hand. */
static bool
is_granted(const struct record_reader *r, unsigned bit)
{
	return r->src.layout->header == NULL || (r->src.lenient & bit) != 0;
}

/* Lines that end in LF alone: told once and counted; where it was not agreed,
 * the file is read to its end all the same, for what else is wrong. */
static void
look_line(struct record_reader *r, const struct diag *at)
{
	bool granted = is_granted(r, RECORD_LENIENT_LINES);

	if (!r->raw.lf || r->src.layout->header == NULL)
		return;
	overlook(r, granted ? DIAG_LENIENT_LINES : DIAG_LINE_ENDS, NULL, at);
	r->unlike = r->unlike || !granted;
}

/* Blanks that field_check() takes off. Those before a 保険者番号 are one of its
 * two shapes (domain/numbers-and-codes.md 1). */
static bool
has_blanks(const struct field *f, struct slice s)
{
	if (f->check == check_insurer_number)
		while (s.n > 0 && s.p[0] == ' ')
			s = (struct slice) { s.p + 1, s.n - 1 };
	return s.n > 0 &&
	    (s.p[0] == ' ' || s.p[s.n - 1] == ' ' ||
		(s.n >= 3 && memcmp(s.p + s.n - 3, "\xe3\x80\x80", 3) == 0));
}

static int
look_blanks(struct record_reader *r, const struct field *f, struct slice s,
    const struct diag *at)
{
	if (r->src.syntax == SYNTAX_FIXED || r->src.layout->header == NULL ||
	    !has_blanks(f, s))
		return 0;
	if (!is_granted(r, RECORD_LENIENT_BLANKS)) {
		raise_field(r, DIAG_BLANKS, f, at);
		return 1;
	}
	overlook(r, DIAG_LENIENT_BLANKS, f, at);
	return 0;
}

/* A full-width item that may hold half width too. */
static int
check_any_width(struct record_reader *r, const struct field *f, struct slice s,
    struct value *out, const struct diag *at)
{
	struct field any = *f;
	struct text_facts facts;
	int n;

	any.type = FIELD_TEXT;
	n = field_check(
	    &any, s, out, &r->replaced_buf, r->src.substitute, at, r->src.sink);
	if (n > 0 || out->s.n == 0)
		return n;
	text_look(out->s, &facts);
	if (facts.ascii || facts.half_kana)
		overlook(r, DIAG_LENIENT_WIDTH, f, at);
	return 0;
}

/* One row with a value that is not plainly right, or lacks one. */
static int
check_closely(struct record_reader *r, const struct field *f, struct slice s,
    struct record *rec, unsigned i, const struct diag *at)
{
	int64_t before = r->src.sink->counts[DIAG_REPLACED];
	struct text_facts facts;
	int n;

	if (!r->raw.ascii && to_utf8(r, f, &s, at) != 0)
		return 1;
	if (f->type == FIELD_KANJI &&
	    (r->src.lenient & RECORD_LENIENT_WIDTH) != 0)
		n = check_any_width(r, f, s, &rec->v[i], at);
	else
		n = field_check(f, s, &rec->v[i], &r->replaced_buf,
		    r->src.substitute, at, r->src.sink);
	if (n == 0)
		n = look_blanks(r, f, s, at);
	if (r->src.sink->counts[DIAG_REPLACED] != before) {
		text_look(s, &facts);
		rec->replaced += facts.outside;
	}
	return n;
}

/* Every row, then every rule: how many errors they raised. */
static int
check_record(struct record_reader *r, enum kind kind, struct record *rec,
    const struct diag *at)
{
	const struct value none = { { NULL, 0 }, 0 };
	const struct format *f = r->raw.format;
	const struct plain *plain = r->plain[kind];
	int errors = 0, n;

	rec->format = f;
	rec->line = r->raw.line;
	rec->offset = r->raw.offset;
	rec->bad = 0;
	rec->replaced = 0;
	buf_clear(&r->utf8_buf);
	buf_clear(&r->replaced_buf);
	for (unsigned i = 0; i < f->nfields; i++) {
		struct slice s = r->raw.v[i];

		if (s.n == 0 && !plain[i].required) {
			rec->v[i] = none;
			continue;
		}
		if (s.n > 0 &&
		    plain_value(&plain[i], s, &rec->v[i], &r->utf8_buf))
			continue;
		n = check_closely(r, &f->fields[i], s, rec, i, at);
		if (n == 0)
			continue;
		errors += n;
		rec->bad |= UINT64_C(1) << i;
		rec->v[i] = none;
	}
	for (const struct rule *x = f->rules; x != NULL && x->check != NULL;
	     x++)
		errors += x->check(rec, r->src.today, at, r->src.sink);
	return errors;
}

/* What the syntax noted: how many. */
static int
raise_faults(struct record_reader *r, const struct diag *at)
{
	for (unsigned i = 0; i < r->raw.nfaults; i++) {
		const struct syntax_fault *f = &r->raw.fault[i];
		struct diag d = *at;

		d.code = f->code;
		if (f->field >= 0) {
			d.field = r->raw.format->fields[f->field].name;
			d.item = r->raw.format->fields[f->field].item;
		}
		d.detail = f->detail[0] != '\0' ? f->detail : NULL;
		diag_raise(r->src.sink, &d);
	}
	return (int)r->raw.nfaults;
}

static void
keep(struct kept *k)
{
	struct buf b;

	buf_init(&b, k->text, sizeof(k->text));
	for (unsigned i = 0; i < k->rec.format->nfields; i++) {
		struct slice *s = &k->rec.v[i].s;
		size_t start = b.n;

		buf_put(&b, *s);
		*s = (struct slice) { k->text + start, b.n - start };
	}
	k->there = true;
}

static enum record_result
read_header(struct record_reader *r, enum record_result cut)
{
	struct diag at = here(r);
	int errors = raise_faults(r, &at);

	if (r->place == IN_BLOCK)
		return broken(r, DIAG_RECORD_TYPE, "a second header");
	if (cut == RECORD_OK)
		errors += check_record(r, HEADER, &r->header.rec, &at);
	if (errors > 0 || cut != RECORD_OK)
		return broken(r, DIAG_HEADER, NULL);
	r->header.rec.number = 0;
	keep(&r->header);
	r->place = IN_BLOCK;
	r->in_block = 0;
	r->total = 0;
	r->total_known = true;
	return RECORD_OK;
}

static enum record_result
read_trailer(struct record_reader *r, enum record_result cut)
{
	const struct layout *l = r->src.layout;
	struct diag at = here(r);
	int errors = raise_faults(r, &at);
	const struct value *v = r->trailer.rec.v;
	char detail[80];

	if (cut == RECORD_OK)
		errors += check_record(r, TRAILER, &r->trailer.rec, &at);
	if (errors > 0 || cut != RECORD_OK)
		return broken(r, DIAG_TRAILER, "the trailer is not whole");
	r->trailer.rec.number = 0;
	keep(&r->trailer);
	r->place = AFTER_BLOCK;
	if (l->trailer_count >= 0 && v[l->trailer_count].n != r->in_block) {
		snprintf(detail, sizeof(detail), DETAIL_TRAILER_COUNT,
		    (long long)v[l->trailer_count].n, (long long)r->in_block);
		return broken(r, DIAG_COUNT_DIFFERS, detail);
	}
	if (l->trailer_total >= 0 && r->total_known &&
	    v[l->trailer_total].n != r->total) {
		if ((r->src.lenient & RECORD_LENIENT_TOTAL) == 0 ||
		    v[l->trailer_total].n != 0)
			return broken(r, DIAG_TOTAL_DIFFERS, NULL);
		overlook(r, DIAG_LENIENT_TOTAL,
		    &r->trailer.rec.format->fields[l->trailer_total], &at);
	}
	return RECORD_OK;
}

/* The running number is the next one; after a gap or a slip either the one
 * after it or the one that was due, so that one fault is told once. */
static int
check_number(
    struct record_reader *r, const struct record *rec, const struct diag *at)
{
	int i = r->src.layout->number_field;
	int64_t n;
	bool good;

	if (i < 0)
		return 0;
	if ((rec->bad >> i & 1) != 0) {
		r->numbers[0]++;
		r->numbers[1] = r->numbers[0];
		return 0;
	}
	n = rec->v[i].n;
	good = n == r->numbers[0] || n == r->numbers[1] ||
	    (r->in_block == 1 && n == 1);
	r->numbers[1] = n + 1;
	r->numbers[0] = good ? n + 1 : r->numbers[0] + 1;
	if (good)
		return 0;
	if ((r->src.lenient & RECORD_LENIENT_NUMBER) != 0) {
		overlook(r, DIAG_LENIENT_NUMBER, &rec->format->fields[i], at);
		return 0;
	}
	raise_field(r, DIAG_NUMBER_ORDER, &rec->format->fields[i], at);
	return 1;
}

static void
add_total(struct record_reader *r, enum record_result cut)
{
	int i = r->src.layout->total_field;
	int64_t n;

	if (i < 0)
		return;
	n = cut == RECORD_OK ? slice_number(slice_trim(r->raw.v[i])) : -1;
	if (n < 0)
		r->total_known = false;
	else
		r->total = (r->total + n % TOTAL_MODULUS) % TOTAL_MODULUS;
}

static enum record_result
read_data(struct record_reader *r, enum record_result cut, struct record *rec)
{
	struct diag at = here(r);
	int errors;

	if (r->counts.read ==
	    (r->src.most > 0 ? r->src.most : RECORDS_PER_FILE_MAX))
		return broken(r, DIAG_TOO_MANY_RECORDS, NULL);
	r->counts.read++;
	r->in_block++;
	at.record = r->counts.read;
	add_total(r, cut);
	errors = raise_faults(r, &at);
	rec->number = r->counts.read;
	if (cut != RECORD_OK) {
		/* its number cannot be read: the next one may follow it */
		r->numbers[0]++;
		r->numbers[1]++;
		record_init(rec, r->src.layout->data);
		rec->number = r->counts.read;
		rec->line = r->raw.line;
		rec->offset = r->raw.offset;
		r->counts.refused++;
		return RECORD_REFUSED;
	}
	look_line(r, &at);
	errors += check_record(r, DATA, rec, &at);
	errors += check_number(r, rec, &at);
	if (rec->replaced > 0)
		r->counts.replaced++;
	r->counts.substitutes += rec->replaced;
	if (errors > 0) {
		r->counts.refused++;
		return RECORD_REFUSED;
	}
	r->counts.accepted++;
	return RECORD_OK;
}

/* No more records: was everything there that has to be? */
static enum record_result
finish(struct record_reader *r)
{
	const struct layout *l = r->src.layout;
	int64_t refused = r->counts.refused * 100;

	r->over = RECORD_END;
	if (l->header != NULL && !r->header.there)
		return broken(r, DIAG_HEADER, DETAIL_NO_HEADER);
	if (l->trailer != NULL && r->place != AFTER_BLOCK)
		return broken(r, DIAG_TRAILER, NULL);
	if (refused > r->counts.read * (int64_t)l->refuse_percent)
		return broken(r, DIAG_TOO_MANY_REFUSED, NULL);
	if (r->unlike) /* raised when it was met */
		r->over = RECORD_BROKEN;
	return r->over;
}

/* Which record may stand here: RECORD_OK, or BROKEN (raised). */
static enum record_result
check_place(struct record_reader *r)
{
	const struct layout *l = r->src.layout;
	const struct format *f = r->raw.format;

	if (r->place == AFTER_BLOCK && !(l->blocks && f == l->header))
		return broken(r, DIAG_AFTER_TRAILER, NULL);
	if (f == NULL && r->raw.nfaults == 0)
		return broken(r, DIAG_RECORD_TYPE, "1, 2 or 3 is expected");
	if (r->place == AT_START && l->header != NULL && f != l->header)
		return broken(r, DIAG_HEADER, "the first record is no header");
	return RECORD_OK;
}

enum record_result
record_next(struct record_reader *r, struct record *rec)
{
	const struct layout *l = r->src.layout;
	enum record_result cut, did;

	while (r->over == RECORD_OK) {
		cut = r->ops->next(r->state, &r->raw);
		if (cut == RECORD_BROKEN)
			r->over = RECORD_BROKEN;
		if (cut == RECORD_BROKEN)
			break;
		if (cut == RECORD_END)
			return finish(r);
		if (check_place(r) != RECORD_OK)
			break;
		/* a record nobody can name is taken for data */
		if (l->header != NULL && r->raw.format == l->header)
			did = read_header(r, cut);
		else if (l->trailer != NULL && r->raw.format == l->trailer)
			did = read_trailer(r, cut);
		else
			return read_data(r, cut, rec);
		if (did != RECORD_OK)
			break;
	}
	return r->over;
}

void
record_init(struct record *rec, const struct format *f)
{
	memset(rec, 0, sizeof(*rec));
	rec->format = f;
	rec->offset = -1;
}

void
record_set(struct record *rec, int field, struct slice s)
{
	rec->v[field].s = s;
	rec->v[field].n = 0;
	switch (rec->format->fields[field].type) {
	case FIELD_DAY:
		rec->v[field].n = s.n > 0 ? day_parse(s) : 0;
		break;
	case FIELD_NUM:
		if (s.n > 0 && s.n <= 18 && slice_digits(s))
			rec->v[field].n = slice_number(s);
		break;
	default:
		break;
	}
}

int
record_pack(const struct record *rec, struct buf *out)
{
	const struct format *f = rec->format;
	char *p = out->p + out->n, *end = out->p + out->max;

	for (unsigned i = 0; i < f->nfields; i++) {
		struct slice s = rec->v[i].s;

		if ((f->fields[i].flags & FIELD_STORED) == 0)
			continue;
		if (s.n > UINT16_MAX || (size_t)(end - p) < 2 + s.n) {
			out->full = out->full || s.n <= UINT16_MAX;
			return -1;
		}
		*p++ = (char)(s.n & 0xff);
		*p++ = (char)(s.n >> 8);
		text_copy(p, s.p, s.n);
		p += s.n;
	}
	out->n = (size_t)(p - out->p);
	if (out->max > 0)
		*p = '\0';
	return 0;
}

static inline void
unpack_field(
    enum field_type type, const unsigned char *p, size_t n, struct value *v)
{
	v->s = (struct slice) { (const char *)p, n };
	if (type == FIELD_DAY)
		v->n = day_parse(v->s);
	else if (type == FIELD_NUM && n <= 18 && slice_digits(v->s))
		v->n = slice_number(v->s);
}

int
record_unpack(const struct format *f, struct slice in, struct record *rec)
{
	const unsigned char *p = (const unsigned char *)in.p, *end = p + in.n;

	rec->format = f;
	rec->number = rec->line = 0;
	rec->offset = -1;
	rec->replaced = 0;
	rec->bad = 0;
	for (unsigned i = 0; i < f->nfields; i++) {
		struct value *v = &rec->v[i];
		size_t n, left = (size_t)(end - p);

		*v = (struct value) { { NULL, 0 }, 0 };
		if ((f->fields[i].flags & FIELD_STORED) == 0)
			continue;
		if (left < 2)
			return -1;
		n = (size_t)(p[0] | p[1] << 8);
		if (left - 2 < n)
			return -1;
		p += 2;
		if (n > 0)
			unpack_field(f->fields[i].type, p, n, v);
		p += n;
	}
	return p == end ? 0 : -1;
}
