#include <stdlib.h>
#include <sys/mman.h>

#include "batch/describe.h"
#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/feeds.h"
#include "formats/nhi.h"
#include "formats/qualification.h"
#include "formats/receipt.h"
#include "formats/registry.h"
#include "tests/tools/rows.h"
#include "tests/unit/suite.h"

#define TODAY 20666 /* 2026-08-01 */

/* ---- a file in memory, read to its end ---- */
struct outcome {
	enum record_result end;
	struct record_counts n;
	struct diag_list list;
};

static struct outcome
read_most(struct slice bytes, const struct layout *l, enum syntax s,
    enum charset cs, int64_t most)
{
	struct outcome o = { 0 };
	struct record_source src = { "t", -1, bytes, l, s, cs, TODAY, 0, NULL,
		0, most, false };
	struct record_reader *r;
	struct record rec;

	diag_list_init(&o.list, 1000, NULL, DIAG_FATAL);
	src.sink = &o.list.sink;
	r = record_open(&src);
	do
		o.end = record_next(r, &rec);
	while (o.end == RECORD_OK || o.end == RECORD_REFUSED);
	o.n = record_count(r);
	record_close(r);
	return o;
}

static struct outcome
read_all(
    struct slice bytes, const struct layout *l, enum syntax s, enum charset cs)
{
	return read_most(bytes, l, s, cs, 0);
}

static int64_t
errors(const struct outcome *o)
{
	return o->list.sink.levels[DIAG_ERROR] +
	    o->list.sink.levels[DIAG_FATAL];
}

/* Exactly these bytes of CSV in UTF-8; true where just `code` is an error
 * and nothing else is. */
static bool
raises(const char *text, const struct layout *l, enum diag_code code)
{
	struct outcome o =
	    read_all(slice_of(text), l, SYNTAX_CSV, CHARSET_UTF8);
	bool just = o.list.sink.counts[code] == 1 && errors(&o) == 1;

	diag_list_free(&o.list);
	return just;
}

static struct slice
written(
    const struct layout *l, enum syntax s, enum charset cs, long n, char **to)
{
	struct diag_list list;
	int fd = memfd_create("t", MFD_CLOEXEC);
	off_t size;

	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	CU_ASSERT_EQUAL(rows_write(fd, "t", l, s, cs, n, &list.sink), 0);
	diag_list_free(&list);
	size = lseek(fd, 0, SEEK_END);
	*to = malloc((size_t)size + 1);
	CU_ASSERT_EQUAL(pread(fd, *to, (size_t)size, 0), size);
	close(fd);
	return (struct slice) { *to, (size_t)size };
}

static void
same_values(const struct record *rec, const struct layout *l, long number)
{
	struct rows rows;
	struct record want;

	rows_record(&rows, l, l->data, &want, number);
	CU_ASSERT_EQUAL(rec->number, number);
	for (unsigned i = 0; i < l->data->nfields; i++) {
		const struct field *f = &l->data->fields[i];

		if (f->type == FIELD_NUM || f->type == FIELD_DAY)
			CU_ASSERT_EQUAL(rec->v[i].n, want.v[i].n);
		if (f->type != FIELD_NUM)
			CU_ASSERT(slice_eq(rec->v[i].s, want.v[i].s));
	}
}

/* Its sender said utf8-bom; where nobody did, both are read. */
static void
declared_mark(void)
{
	static const char *const files[] = { "\xef\xbb\xbf", "" };

	for (int i = 0; i < 2; i++)
		for (int said = 0; said < 2; said++) {
			struct diag_list list;
			char text[64];
			struct record_source src = { .name = "t",
				.fd = -1,
				.layout = &qualification_layout,
				.syntax = SYNTAX_CSV,
				.charset = CHARSET_UTF8_BOM,
				.today = TODAY,
				.sink = &list.sink,
				.declared = said == 1 };

			snprintf(text, sizeof(text), "%s3,0,0\r\n", files[i]);
			src.bytes = slice_of(text);
			diag_list_init(&list, 10, NULL, DIAG_FATAL);
			struct record_reader *r = record_open(&src);
			struct record rec;
			CU_ASSERT_EQUAL(record_next(r, &rec), RECORD_BROKEN);
			CU_ASSERT_EQUAL(list.sink.counts[DIAG_ENCODING],
			    i == 1 && said == 1);
			record_close(r);
			diag_list_free(&list);
		}
}

static void
trip(const struct layout *l, enum syntax s, enum charset cs)
{
	struct record_source src = { "t", -1, { NULL, 0 }, l, s, cs, TODAY, 0,
		NULL, 0, 0, false };
	struct diag_list list;
	struct record_reader *r;
	struct record rec;
	long n = 0;
	char *bytes;

	src.bytes = written(l, s, cs, 300, &bytes);
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	src.sink = &list.sink;
	r = record_open(&src);
	while (record_next(r, &rec) == RECORD_OK)
		same_values(&rec, l, ++n);
	CU_ASSERT_EQUAL(record_next(r, &rec), RECORD_END);
	CU_ASSERT_EQUAL(n, 300);
	CU_ASSERT_EQUAL(list.n, 0);
	for (size_t i = 0; i < list.n; i++)
		fprintf(stderr, "%s/%s/%s: %s %s\n", l->name, syntax_names[s],
		    charset_names[cs], diag_table[list.v[i].code].code,
		    list.v[i].field);
	record_close(r);
	diag_list_free(&list);
	free(bytes);
}

static void
test_round_trip(void)
{
	for (int i = 0; registry[i] != NULL; i++)
		for (int s = 0; s < SYNTAX__MAX; s++)
			for (int cs = 0; cs < CHARSET__MAX; cs++)
				if (s != SYNTAX_FIXED || cs == CHARSET_CP932)
					trip(registry[i], (enum syntax)s,
					    (enum charset)cs);
}

/* ---- mutation: every row of every table ---- */
static void
join(struct buf *b, struct rows *rows, const struct layout *l,
    const struct format *f, int mutated, const char *value)
{
	struct record rec;

	rows_record(rows, l, f, &rec, 1);
	for (unsigned i = 0; i < f->nfields; i++) {
		const char *v = (int)i == mutated ? value : rows->text[i];

		if (i > 0)
			buf_putc(b, ',');
		if (f == l->trailer && (int)i == l->trailer_count)
			v = "1";
		buf_puts(b, v);
	}
	buf_puts(b, "\r\n");
}

/* One record whose field i has the value; the total fits what it says. */
static void
mutant(struct buf *b, const struct layout *l, int i, const char *value)
{
	struct rows rows;
	char total[32] = "0";
	const char *v;

	buf_clear(b);
	if (l->bare)
		for (unsigned k = 0; k < l->data->nfields; k++)
			buf_printf(b, "%s%s", l->data->fields[k].name,
			    k + 1 < l->data->nfields ? "," : "\r\n");
	if (l->header != NULL)
		join(b, &rows, l, l->header, -1, NULL);
	join(b, &rows, l, l->data, i, value);
	if (l->trailer == NULL)
		return;
	if (l->total_field >= 0) {
		v = i == l->total_field ? value : rows.text[l->total_field];
		if (slice_digits(slice_of(v)))
			snprintf(total, sizeof(total), "%s", v);
	}
	join(b, &rows, l, l->trailer, l->trailer_total, total);
}

static void
expect(const struct layout *l, int i, const char *value, enum diag_code code)
{
	char text[8192];
	struct buf b;
	struct outcome o;
	const struct field *f = &l->data->fields[i];
	int64_t class1 = 0;
	bool type = i == 0 && l->header != NULL;

	buf_init(&b, text, sizeof(text));
	mutant(&b, l, i, value);
	o = read_all(buf_slice(&b), l, SYNTAX_CSV, CHARSET_UTF8);
	/* a rule may miss another item beside this one (訂正区分): not counted
	 */
	for (size_t k = 0; k < o.list.n; k++)
		if (diag_table[o.list.v[k].code].code[1] == '1' &&
		    strcmp(o.list.v[k].field, f->name) == 0)
			class1++;
	if (type) {
		CU_ASSERT_EQUAL(o.end, RECORD_BROKEN);
		CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_RECORD_TYPE], 1);
	} else if (code == DIAG__MAX) {
		CU_ASSERT_EQUAL(class1, 0);
		if (class1 != 0)
			fprintf(stderr, "%s %s: '%s' refused\n", l->name,
			    f->name, value);
	} else {
		CU_ASSERT_EQUAL(o.n.refused, 1);
		CU_ASSERT_EQUAL(o.list.sink.counts[code], 1);
		CU_ASSERT_EQUAL(class1, 1);
		CU_ASSERT(o.list.n > 0 &&
		    strcmp(o.list.v[0].field, f->name) == 0 &&
		    o.list.v[0].item == f->item && o.list.v[0].record == 1);
		if (o.list.sink.counts[code] != 1 || class1 != 1)
			fprintf(stderr, "%s %s: %s not raised alone\n", l->name,
			    f->name, diag_table[code].code);
	}
	diag_list_free(&o.list);
}

static const char *
many(char *to, const char *one, unsigned n)
{
	struct buf b;

	buf_init(&b, to, 2048);
	while (n-- > 0)
		buf_puts(&b, one);
	return to;
}

/* Do the rules of the table ask for optional item i beside the examples of
 * the others (取得済 asks for the 機関別符号)? */
static bool
rule_asks_for(const struct layout *l, int i)
{
	struct rows rows;
	struct record rec;
	struct diag_list list;
	struct diag at = { .offset = -1 };
	bool asked = false;

	if (l->data->rules == NULL)
		return false;
	rows_record(&rows, l, l->data, &rec, 1);
	rec.bad = 0;
	record_set(&rec, i, (struct slice) { NULL, 0 });
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	for (const struct rule *x = l->data->rules; x->check != NULL; x++)
		x->check(&rec, TODAY, &at, &list.sink);
	for (size_t k = 0; k < list.n; k++)
		asked |= list.v[k].code == DIAG_MISSING &&
		    strcmp(list.v[k].field, l->data->fields[i].name) == 0;
	diag_list_free(&list);
	return asked;
}

static void
mutate(const struct layout *l, int i)
{
	/* clang-format off */
	static const struct {
		const char *letter; /* for too long */
		enum diag_code too_long;
		const char *alien;
		enum diag_code wrong;
	} by_type[FIELD__MAX] = {
		[FIELD_NUM] = { "1", DIAG_TOO_LONG, "x", DIAG_NOT_DIGITS },
		[FIELD_ANK] = { "A", DIAG_TOO_LONG, "あ", DIAG_NOT_ASCII },
		[FIELD_KANA] = { "ｱ", DIAG_TOO_LONG, "漢", DIAG_NOT_KANA },
		[FIELD_KANJI] = { "漢", DIAG_TOO_LONG, "a", DIAG_NOT_FULL_WIDTH },
		[FIELD_TEXT] = { "a", DIAG_TOO_LONG, "\x01", DIAG_CONTROL_CHARACTER },
		[FIELD_DAY] = { "1", DIAG_BAD_DATE, "20230230", DIAG_BAD_DATE },
		[FIELD_TIME] = { "1", DIAG_BAD_TIME, "20230101240000", DIAG_BAD_TIME },
		[FIELD_CODE] = { "z", DIAG_NOT_IN_CODES, "zz", DIAG_NOT_IN_CODES },
	};
	/* clang-format on */
	const struct field *f = &l->data->fields[i];
	unsigned n = f->width / (f->type == FIELD_KANJI ? 2 : 1);
	char text[2048];

	expect(l, i, "",
	    (f->flags & FIELD_REQUIRED) != 0 || rule_asks_for(l, i) ?
		DIAG_MISSING :
		DIAG__MAX);
	expect(l, i, many(text, by_type[f->type].letter, n + 1),
	    by_type[f->type].too_long);
	expect(l, i, by_type[f->type].alien, by_type[f->type].wrong);
	expect(l, i, "a\tb", DIAG_CONTROL_CHARACTER);
	if ((f->flags & FIELD_EXACT) != 0)
		expect(l, i, many(text, by_type[f->type].letter, n - 1),
		    DIAG_TOO_SHORT);
	if ((f->flags & FIELD_FREE) != 0)
		expect(l, i, "123456789018", DIAG_MY_NUMBER);
	if (f->type == FIELD_KANJI || f->type == FIELD_TEXT ||
	    f->type == FIELD_KANA)
		expect(l, i, "\xe6\xbc", DIAG_BAD_BYTES);
	for (const struct code *c = f->codes; c != NULL && c->code != NULL; c++)
		expect(l, i, c->code,
		    c->out_of_scope ? DIAG_OUT_OF_SCOPE : DIAG__MAX);
}

/* A value that its named check must refuse, though type and width are right:
 * some other last character than the example's. At least one of them has to be
 * refused, and by nothing but a code of values (E12..) of this very item. */
static void
mutate_checked(const struct layout *l, int i)
{
	static const char letters[] = "0123456789azAZ-_.~";
	const struct field *f = &l->data->fields[i];
	struct rows rows;
	struct record rec;
	char value[400], text[8192];
	int refused = 0;
	struct buf b;

	rows_record(&rows, l, l->data, &rec, 1);
	if (f->check == NULL || f->type == FIELD_CODE ||
	    rows.text[i][0] == '\0')
		return;
	for (size_t k = 0; letters[k] != '\0'; k++) {
		struct outcome o;

		if (f->type == FIELD_NUM &&
		    (letters[k] < '0' || letters[k] > '9'))
			continue;
		snprintf(value, sizeof(value), "%s", rows.text[i]);
		value[strlen(value) - 1] = letters[k];
		buf_init(&b, text, sizeof(text));
		mutant(&b, l, i, value);
		o = read_all(buf_slice(&b), l, SYNTAX_CSV, CHARSET_UTF8);
		if (o.n.refused == 1) {
			int here = 0;

			for (size_t n = 0; n < o.list.n; n++)
				here += o.list.v[n].field != NULL &&
				    strcmp(o.list.v[n].field, f->name) == 0 &&
				    strncmp(diag_table[o.list.v[n].code].code,
					"E12", 3) == 0;
			CU_ASSERT_EQUAL(here, 1);
			refused += here;
		}
		diag_list_free(&o.list);
	}
	/* 01..47, two digits, ASCII letters: any last character may be fine */
	CU_ASSERT(refused > 0 || f->check == check_person_id ||
	    f->check == check_branch || f->check == check_prefecture);
	if (f->check == check_insurer_number ||
	    f->check == check_institution_code) {
		snprintf(value, sizeof(value), "%s", rows.text[i]);
		value[strlen(value) - 1] =
		    (char)('0' + (value[strlen(value) - 1] - '0' + 1) % 10);
		expect(l, i, value, DIAG_CHECK_DIGIT);
	}
	if (f->check == check_prefecture)
		expect(l, i, "48", DIAG_BAD_PATTERN);
}

/* Fixed length, cut in the middle of a two-byte character: the last byte of
 * the item is a lead byte. */
static void
mutate_split(const struct layout *l, int i)
{
	const struct field *f = &l->data->fields[i];
	struct outcome o;
	char *bytes;
	struct slice whole;
	size_t at = 0, n = 0;

	if (f->type != FIELD_KANJI && f->type != FIELD_TEXT &&
	    f->type != FIELD_KANA)
		return;
	whole = written(l, SYNTAX_FIXED, CHARSET_CP932, 1, &bytes);
	if (l->header != NULL) /* the data record is the second line */
		while (bytes[n++] != '\n')
			;
	for (int k = 0; k < i; k++)
		at += l->data->fields[k].width;
	/* padded with U+3000, 8140: so not after a lead byte */
	memcpy(bytes + n + at + f->width - 2, " \x8a", 2);
	o = read_all(whole, l, SYNTAX_FIXED, CHARSET_CP932);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_BAD_BYTES], 1);
	CU_ASSERT(o.list.n > 0 && strcmp(o.list.v[0].field, f->name) == 0);
	if (o.list.sink.counts[DIAG_BAD_BYTES] != 1)
		fprintf(stderr, "%s %s: %s\n", l->name, f->name,
		    o.list.n == 0 ? "taken" :
				    diag_table[o.list.v[0].code].code);
	diag_list_free(&o.list);
	free(bytes);
}

/* A header or trailer whose items are not as they must be refuses the file,
 * and says which item. */
static void
mutate_frame(const struct layout *l, const struct format *part, int i)
{
	const struct field *f = &part->fields[i];
	const char *wrong = f->type == FIELD_NUM ? "x" :
	    f->type == FIELD_ANK		 ? "あ" :
						   "~";
	char text[8192];
	struct rows rows;
	struct outcome o;
	struct buf b;
	int here = 0;

	buf_init(&b, text, sizeof(text));
	join(&b, &rows, l, l->header, part == l->header ? i : -1, wrong);
	join(&b, &rows, l, l->data, -1, NULL);
	join(&b, &rows, l, l->trailer, part == l->trailer ? i : -1, wrong);
	o = read_all(buf_slice(&b), l, SYNTAX_CSV, CHARSET_UTF8);
	CU_ASSERT_EQUAL(o.end, RECORD_BROKEN);
	for (size_t n = 0; n < o.list.n; n++)
		here += o.list.v[n].field != NULL &&
		    strcmp(o.list.v[n].field, f->name) == 0 &&
		    diag_table[o.list.v[n].code].code[1] == '1';
	/* the count and total of a trailer are written over by join() */
	CU_ASSERT(here == 1 || (part == l->trailer && i == l->trailer_count));
	CU_ASSERT_EQUAL(
	    o.list.sink.counts[part == l->header ? DIAG_HEADER : DIAG_TRAILER],
	    part == l->trailer && i == l->trailer_count ? 0 : 1);
	diag_list_free(&o.list);
}

static void
test_checked(void)
{
	for (int k = 0; registry[k] != NULL; k++)
		for (unsigned i = 0; i < registry[k]->data->nfields; i++) {
			mutate_checked(registry[k], (int)i);
			mutate_split(registry[k], (int)i);
		}
}

static void
test_frames(void)
{
	for (int k = 0; registry[k] != NULL; k++) {
		const struct layout *l = registry[k];

		if (l->header == NULL)
			continue;
		for (unsigned i = 1; i < l->header->nfields; i++)
			mutate_frame(l, l->header, (int)i);
		for (unsigned i = 1; i < l->trailer->nfields; i++)
			if ((int)i != l->trailer_count)
				mutate_frame(l, l->trailer, (int)i);
	}
}

/* ---- a new version of a sender's layout ---- */

static int
lines_of(const struct exchange *e, enum describe_as as, const char *with)
{
	char *text = NULL, *p;
	size_t n;
	FILE *out = open_memstream(&text, &n);
	int lines = 0;

	CU_ASSERT_EQUAL(describe(e, as, out), 0);
	fclose(out);
	for (p = text; p != NULL && *p != '\0'; p = strchr(p, '\n') + 1) {
		size_t k = strcspn(p, "\n");

		lines +=
		    with == NULL || memmem(p, k, with, strlen(with)) != NULL;
	}
	free(text);
	return lines;
}

static void
schema_grows_by_one_line(const struct layout *l)
{
	struct exchange before = *exchange_find(SLICE("shikaku")),
			after = before;
	static const enum describe_as as[] = { DESCRIBE_XSD, DESCRIBE_YAML,
		DESCRIBE_MD };

	after.layout = l;
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(lines_of(&after, as[i], NULL),
		    lines_of(&before, as[i], NULL) + 1);
		CU_ASSERT_EQUAL(lines_of(&after, as[i], "CareKind"), 1);
		CU_ASSERT_EQUAL(lines_of(&before, as[i], "CareKind"), 0);
	}
}

/* One row more in a copy of the table, nothing else: read, written, checked,
 * described by that alone, in every syntax; one line more in its schema. */
static void
test_new_item(void)
{
	static const struct code kinds[] = { { "1", "one", "一", false },
		{ "2", "two", "二", false }, { NULL, NULL, NULL, false } };
	struct field fields[Q__MAX + 1];
	struct format format = qualification_format;
	struct layout layout = qualification_layout;

	memcpy(fields, qualification_format.fields, Q__MAX * sizeof(*fields));
	fields[Q__MAX] = (struct field) { "CareKind", "診療区分", Q__MAX + 1, 1,
		FIELD_CODE, FIELD_REQUIRED | FIELD_STORED, NULL, kinds };
	format.fields = fields;
	format.nfields = Q__MAX + 1;
	layout.data = &format;
	for (int s = 0; s < SYNTAX__MAX; s++)
		for (int cs = 0; cs < CHARSET__MAX; cs++)
			if (s != SYNTAX_FIXED || cs == CHARSET_CP932)
				trip(&layout, (enum syntax)s, (enum charset)cs);
	for (unsigned i = 1; i < format.nfields; i++)
		mutate(&layout, (int)i);
	schema_grows_by_one_line(&layout);
}

static void
test_mutation(void)
{
	for (int k = 0; registry[k] != NULL; k++)
		for (unsigned i = 0; i < registry[k]->data->nfields; i++)
			if (i > 0 || registry[k]->header == NULL)
				mutate(registry[k], (int)i);
			else
				expect(registry[k], 0, "7", DIAG__MAX);
}

/* ---- a file cut at every byte ---- */
static void
cut_everywhere(const struct layout *l, enum syntax s, enum charset cs)
{
	char *bytes, *part;
	struct slice whole = written(l, s, cs, 2, &bytes);
	size_t newline = s == SYNTAX_XML ? 1 : 2;

	for (size_t n = 0; n < whole.n - newline; n++) {
		struct outcome o;

		/* of its own, so that a reader past the end is caught */
		part = malloc(n + 1);
		memcpy(part, bytes, n);
		o = read_all((struct slice) { part, n }, l, s, cs);
		CU_ASSERT_EQUAL(o.end, RECORD_BROKEN);
		CU_ASSERT(o.list.sink.levels[DIAG_FATAL] >= 1);
		diag_list_free(&o.list);
		free(part);
	}
	free(bytes);
}

static void
test_cut(void)
{
	for (int i = 0; registry[i] != NULL; i++) {
		if (registry[i]->trailer == NULL)
			continue;
		cut_everywhere(registry[i], SYNTAX_CSV, CHARSET_CP932);
		cut_everywhere(registry[i], SYNTAX_CSV, CHARSET_UTF8_BOM);
		cut_everywhere(registry[i], SYNTAX_FIXED, CHARSET_CP932);
		cut_everywhere(registry[i], SYNTAX_XML, CHARSET_UTF8);
		cut_everywhere(registry[i], SYNTAX_XML, CHARSET_CP932);
	}
}

/* ---- what a file has to keep ---- */
#define H "1,1,KOSEI001,link,20260801,1\r\n"
#define CA "0123456789abcdef0123456789abcdef01234567"
#define D(n) "2," n "," CA ",01a2,P1,1,,,20260801010203\r\n"
#define T(n) "3," n ",0\r\n"

static void
test_numbers(void)
{
	const struct layout *l = &link_layout;

	CU_ASSERT(
	    raises(H D("1") D("2") D("4") D("5") T("4"), l, DIAG_NUMBER_ORDER));
	CU_ASSERT(
	    raises(H D("1") D("9") D("3") D("4") T("4"), l, DIAG_NUMBER_ORDER));
	CU_ASSERT(
	    raises(H D("1") D("2") D("2") D("3") T("4"), l, DIAG_NUMBER_ORDER));
	CU_ASSERT(raises(H D("2") D("3") T("2"), l, DIAG_NUMBER_ORDER));
}

static void
test_totals(void)
{
	const struct layout *l = &link_layout;

	CU_ASSERT(raises(H D("1") T("2"), l, DIAG_COUNT_DIFFERS));
	CU_ASSERT(raises(H D("1") "3,1,7\r\n", l, DIAG_TOTAL_DIFFERS));
	CU_ASSERT(raises(D("1") T("1"), l, DIAG_HEADER));
	CU_ASSERT(raises(T("0"), l, DIAG_HEADER));
	CU_ASSERT(raises(H D("1"), l, DIAG_TRAILER));
	CU_ASSERT(raises(H, l, DIAG_TRAILER));
	CU_ASSERT(raises("", l, DIAG_EMPTY_FILE));
	CU_ASSERT(raises(H H T("0"), l, DIAG_RECORD_TYPE));
	CU_ASSERT(raises(H "9,x\r\n" T("0"), l, DIAG_RECORD_TYPE));
	CU_ASSERT(raises(H T("0") D("1"), l, DIAG_AFTER_TRAILER));
	CU_ASSERT(raises(H T("0") "\r\n", l, DIAG_AFTER_TRAILER));
	CU_ASSERT(raises(H T("0") H T("0"), l, DIAG_AFTER_TRAILER));
}

static bool
fine(const char *text, const struct layout *l, int64_t notes)
{
	struct outcome o =
	    read_all(slice_of(text), l, SYNTAX_CSV, CHARSET_UTF8);
	bool good = o.end == RECORD_END && errors(&o) == 0 &&
	    o.list.sink.counts[DIAG_END_OF_FILE_MARK] == notes;

	diag_list_free(&o.list);
	return good;
}

static void
test_tolerance(void)
{
	const struct layout *l = &link_layout;

	CU_ASSERT(fine(H D("1") T("1"), l, 0));
	CU_ASSERT(fine(H D("1") T("1") "\x1a", l, 1));
	CU_ASSERT(fine(H D("1") T("1") "\x1a\r\n", l, 1));
	CU_ASSERT(fine(H D("1") "3,1,0\x1a", l, 1));
	CU_ASSERT(fine(H D("1") "3,1,0", l, 1));
	CU_ASSERT(fine("\xef\xbb\xbf" H D("1") T("1"), l, 0));
	CU_ASSERT(fine("1,1,KOSEI001,link,20260801,1\n3,0,0\n", l, 0));
	CU_ASSERT(
	    fine("\"1\",\"1\",KOSEI001,link,20260801,1,\r\n" T("0"), l, 0));
}

/* A NUL is a control character and ends nothing. */
static void
test_nul(void)
{
	const char text[] =
	    H "2,1," CA ",01a2,P1,1\0\0\0,,,20260801010203\r\n" T("1");
	struct outcome o = read_all((struct slice) { text, sizeof(text) - 1 },
	    &link_layout, SYNTAX_CSV, CHARSET_UTF8);

	CU_ASSERT_EQUAL(o.end, RECORD_END);
	CU_ASSERT_EQUAL(o.n.refused, 1);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_CONTROL_CHARACTER], 1);
	CU_ASSERT_EQUAL(o.list.n, 1);
	diag_list_free(&o.list);
}

static void
test_blocks(void)
{
	const char two[] = "1,1,KOKUHO13,nhi,20260801,1,131016\r\n"
			   "2,1,131016,H1,資格　太郎,0,138057,1,20260801,,\r\n"
			   "3,1,0\r\n"
			   "1,1,KOKUHO13,nhi,20260801,1,131024\r\n"
			   "2,1,131024,H1,資格　太郎,0,138057,1,20260801,,\r\n"
			   "2,2,131024,H2,資格　太郎,0,138057,1,20260801,,\r\n"
			   "3,2,0\r\n";

	CU_ASSERT(fine(two, &household_layout, 0));
	/* going on from the block before is as good */
	CU_ASSERT(fine("1,1,KOKUHO13,nhi,20260801,1,131016\r\n"
		       "2,1,131016,H1,資格　太郎,0,138057,1,20260801,,\r\n"
		       "3,1,0\r\n"
		       "1,1,KOKUHO13,nhi,20260801,1,131024\r\n"
		       "2,2,131024,H1,資格　太郎,0,138057,1,20260801,,\r\n"
		       "3,1,0\r\n",
	    &household_layout, 0));
}

static void
test_total_of_refused(void)
{
	char *bytes;
	struct slice s =
	    written(&qualification_layout, SYNTAX_CSV, CHARSET_UTF8, 3, &bytes);
	struct outcome o;
	char *at;

	/* 19500415 -> 19500400: the digits still count, the total tells */
	at = memmem(bytes, s.n, "19500415", 8);
	at[6] = at[7] = '0';
	o = read_all(s, &qualification_layout, SYNTAX_CSV, CHARSET_UTF8);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_BAD_DATE], 1);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_TOTAL_DIFFERS], 1);
	CU_ASSERT_EQUAL(o.end, RECORD_BROKEN);
	diag_list_free(&o.list);
	/* what is no number leaves the total out of it */
	at[6] = 'x';
	o = read_all(s, &qualification_layout, SYNTAX_CSV, CHARSET_UTF8);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_BAD_DATE], 1);
	CU_ASSERT_EQUAL(errors(&o), 1);
	CU_ASSERT_EQUAL(o.end, RECORD_END);
	CU_ASSERT_EQUAL(o.n.read, 3);
	CU_ASSERT_EQUAL(o.n.accepted, 2);
	CU_ASSERT_EQUAL(o.n.refused, 1);
	diag_list_free(&o.list);
	free(bytes);
}

static void
test_all_faults(void)
{
	/* serial odd, state unknown, time not real, number not next */
	struct outcome o =
	    read_all(SLICE(H "2,5," CA ",01a,P1,7,,,20260801250000\r\n" T("1")),
		&link_layout, SYNTAX_CSV, CHARSET_UTF8);

	CU_ASSERT_EQUAL(o.list.n, 4);
	CU_ASSERT_EQUAL(o.n.refused, 1);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_BAD_PATTERN], 1);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_NOT_IN_CODES], 1);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_BAD_TIME], 1);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_NUMBER_ORDER], 1);
	for (size_t i = 0; i < o.list.n; i++) {
		CU_ASSERT_EQUAL(o.list.v[i].line, 2);
		CU_ASSERT_EQUAL(o.list.v[i].record, 1);
		CU_ASSERT_EQUAL(o.list.v[i].offset, (int64_t)strlen(H));
	}
	diag_list_free(&o.list);
}

/* The limit itself is 50 million records: the same counter at two. */
static void
test_more_records_than_the_limit(void)
{
	static const char three[] =
	    "Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\n"
	    "06139992,intermediate,shikaku,,,\n"
	    "06160014,intermediate,shikaku,,,\n"
	    "34130013,intermediate,shikaku,,,\n";
	struct outcome o = read_most(
	    SLICE(three), &sender_layout, SYNTAX_CSV, CHARSET_UTF8, 2);

	CU_ASSERT_EQUAL(o.end, RECORD_BROKEN);
	CU_ASSERT_EQUAL(o.n.read, 2);
	CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_TOO_MANY_RECORDS], 1);
	diag_list_free(&o.list);
	o = read_most(
	    SLICE(three), &sender_layout, SYNTAX_CSV, CHARSET_UTF8, 3);
	CU_ASSERT_EQUAL(o.end, RECORD_END);
	CU_ASSERT_EQUAL(errors(&o), 0);
	diag_list_free(&o.list);
}

static void
test_site_table(void)
{
	CU_ASSERT(fine("Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\n"
		       "06139992,intermediate,shikaku,見本,,\n",
	    &sender_layout, 0));
	CU_ASSERT(raises("Sender,Feeds,Side\n", &sender_layout, DIAG_HEADER));
	{
		/* one bad row refuses a site's own table */
		struct outcome o = read_all(
		    SLICE("Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\n"
			  "06139992,moon,shikaku,,,\n"),
		    &sender_layout, SYNTAX_CSV, CHARSET_UTF8);

		CU_ASSERT_EQUAL(o.end, RECORD_BROKEN);
		CU_ASSERT_EQUAL(o.list.sink.counts[DIAG_TOO_MANY_REFUSED], 1);
		diag_list_free(&o.list);
	}
}

static void
test_pack(void)
{
	char bytes[8192];
	struct rows rows;
	struct record rec, back;
	struct buf b;

	rows_record(
	    &rows, &qualification_layout, &qualification_format, &rec, 5);
	buf_init(&b, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(record_pack(&rec, &b), 0);
	CU_ASSERT_EQUAL(
	    record_unpack(&qualification_format, buf_slice(&b), &back), 0);
	CU_ASSERT_EQUAL(back.v[Q_NUMBER].s.n, 0);
	CU_ASSERT(slice_is(back.v[Q_CHANGE].s, "1"));
	CU_ASSERT(slice_is(back.v[Q_NAME].s, "資格　十能表"));
	CU_ASSERT_EQUAL(back.v[Q_BIRTHDATE].n, day_of(1950, 4, 15));
	for (size_t n = 0; n < b.n; n++)
		CU_ASSERT_EQUAL(record_unpack(&qualification_format,
				    (struct slice) { bytes, n }, &back),
		    -1);
	bytes[b.n] = 0;
	CU_ASSERT_EQUAL(record_unpack(&qualification_format,
			    (struct slice) { bytes, b.n + 1 }, &back),
	    -1);
}

static void
test_write_refuses(void)
{
	struct diag_list list;
	struct record_writer *w;
	struct rows rows;
	struct record rec;
	int fd = memfd_create("t", MFD_CLOEXEC);

	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	w = record_create("t", fd, &qualification_layout, SYNTAX_CSV,
	    CHARSET_CP932, &list.sink);
	rows_record(
	    &rows, &qualification_layout, &qualification_format, &rec, 1);
	record_set(&rec, Q_BRANCH, SLICE("123"));
	CU_ASSERT_EQUAL(record_write(w, &rec), -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_TOO_LONG], 1);
	record_set(&rec, Q_BRANCH, SLICE("12"));
	record_set(&rec, Q_NAME, SLICE("𠮷野"));
	CU_ASSERT_EQUAL(record_write(w, &rec), -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_BAD_BYTES], 1);
	record_set(&rec, Q_NAME, SLICE("吉\n野"));
	CU_ASSERT_EQUAL(record_write(w, &rec), -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_CONTROL_CHARACTER], 1);
	record_set(&rec, Q_NAME, SLICE("吉野"));
	CU_ASSERT_EQUAL(record_write(w, &rec), 0);
	CU_ASSERT_EQUAL(record_finish(w), 0);
	CU_ASSERT_PTR_NULL(record_create("t", fd, &qualification_layout,
	    SYNTAX_FIXED, CHARSET_UTF8, &list.sink));
	diag_list_free(&list);
	close(fd);
}

static void
test_print(void)
{
	struct rows rows;
	struct record rec;
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	rows_record(
	    &rows, &qualification_layout, &qualification_format, &rec, 1);
	record_print(&rec, false, out);
	fflush(out);
	CU_ASSERT_PTR_NOT_NULL(
	    strstr(text, "  9 InsurerNumber (保険者番号): 138057\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " 15 Name (氏名): ●×6\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "十能"));
	CU_ASSERT_PTR_NULL(strstr(text, "19500415"));
	record_print(&rec, true, out);
	fflush(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "資格　十能表"));
	fclose(out);
	free(text);
}

/* The file, quotes and all, is that of whole records. */
static void
again_is_the_same(void)
{
	static const char *const names[] = { "a,b", "says \"yes\"", "plain" };
	static char text[2][4000];
	struct diag_list list;

	diag_list_init(&list, 10, NULL, DIAG_FATAL);

	for (int way = 0; way < 2; way++) {
		FILE *f = tmpfile();
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		struct record_writer *w =
		    record_create("t", fileno(f), &reflection_layout,
			SYNTAX_CSV, CHARSET_UTF8_BOM, &list.sink);
		struct record r;
		char number[8];
		record_init(&r, reflection_layout.data);
		for (int i = 0; i < 30; i++) {
			record_set(&r, R_REASON_EN, slice_of(names[i / 10]));
			record_set(&r, R_FILE, slice_of(names[2 - i / 10]));
			snprintf(number, sizeof(number), "%d", i * i);
			record_set(&r, R_RECORD, slice_of(number));
			CU_ASSERT_EQUAL(way == 1 && i % 10 != 0 ?
				record_write_again(w, &r, R_RECORD) :
				record_write(w, &r),
			    0);
		}
		CU_ASSERT_EQUAL(record_finish(w), 0);
		rewind(f);
		CU_ASSERT(fread(text[way], 1, sizeof(text[0]) - 1, f) > 200);
		fclose(f);
	}
	CU_ASSERT_STRING_EQUAL(text[0], text[1]);
	diag_list_free(&list);
}

static CU_TestInfo tests[] = {
	{ "a row written again differs in its number only", again_is_the_same },
	{ "what is written is read back, in every layout and syntax",
	    test_round_trip },
	{ "every row of every table refuses what it must", test_mutation },
	{ "bad check digits and split characters are told as such",
	    test_checked },
	{ "every item of header and trailer is held to its row", test_frames },
	{ "a new item of a sender's layout costs one row and one schema line",
	    test_new_item },
	{ "a file cut at any byte is never taken for whole", test_cut },
	{ "a slip in the running numbers is told once", test_numbers },
	{ "header, trailer, count and total have to be there and agree",
	    test_totals },
	{ "1A, BOM, LF and a missing last newline are tolerated",
	    test_tolerance },
	{ "a NUL is a control character", test_nul },
	{ "a federation's file holds a block per municipality", test_blocks },
	{ "the total is over refused records too, where it can be",
	    test_total_of_refused },
	{ "all faults of a record are told, with their place",
	    test_all_faults },
	{ "a byte order mark that was declared must be there", declared_mark },
	{ "more records than the limit", test_more_records_than_the_limit },
	{ "a site's table names its columns and is good as a whole",
	    test_site_table },
	{ "stored fields go into bytes and back, and nothing else", test_pack },
	{ "what does not fit its row is not written", test_write_refuses },
	{ "private fields are masked", test_print },
	CU_TEST_INFO_NULL,
};
SUITE(record, tests);
