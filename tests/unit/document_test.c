#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/document.h"
#include "formats/example.h"
#include "formats/manifest.h"
#include "formats/oqs.h"
#include "formats/query_table.h"
#include "formats/receipt.h"
#include "formats/registry.h"
#include "tests/unit/suite.h"

/* ---- a small table of both forms ---- */
static const struct document_row rows[] = {
	{ 0, DOC_BOX,
	    { "Top", "上", 0, 0, FIELD_TEXT, FIELD_REQUIRED, NULL, NULL } },
	{ 1, 0,
	    { "Number", "番号", 0, 3, FIELD_NUM, FIELD_REQUIRED, NULL, NULL } },
	{ 1, DOC_BOX | DOC_MANY,
	    { "Item", "項目", 0, 0, FIELD_TEXT, 0, NULL, NULL } },
	{ 2, DOC_QUOTED,
	    { "Name", "氏名", 0, 20, FIELD_TEXT, FIELD_REQUIRED, NULL, NULL } },
	{ 2, 0, { "Day", "日", 0, 8, FIELD_DAY, 0, NULL, NULL } },
};
static const struct document xml = { "small", "小", DOCUMENT_XML, NULL, rows, 5,
	NULL };
static const struct document yaml = { "small", "小", DOCUMENT_YAML, "small",
	rows, 5, NULL };
#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n"

/* Reads text; how often `code` was raised, and -1 where anything else was. */
static int
told(const struct document *d, const char *text, enum diag_code code)
{
	struct diag_list list;
	struct document_source src = { "t", slice_of(text), d, &list.sink };
	struct document_tree *t;
	int n, all = 0;

	diag_list_init(&list, 50, NULL, DIAG_FATAL);
	t = document_read(&src);
	n = code == DIAG__MAX ? 0 : (int)list.sink.counts[code];
	for (int i = DIAG_WARNING; i <= DIAG_FATAL; i++)
		all += (int)list.sink.levels[i];
	if (t != NULL)
		CU_ASSERT_EQUAL(t->faults > 0, all > 0);
	document_free(t);
	diag_list_free(&list);
	return all == n ? n : -1;
}

/* Reads text and writes it back into out; faults and unknown must be 0. */
static bool
same(const struct document *d, struct slice text, enum charset cs)
{
	size_t room = 2 * text.n + 4096;
	char *store = malloc(room);
	struct diag_list list;
	struct document_source src = { "t", text, d, &list.sink };
	struct document_tree *t;
	struct buf out;
	bool good;

	diag_list_init(&list, 50, NULL, DIAG_FATAL);
	buf_init(&out, store, room);
	t = document_read(&src);
	good = t != NULL && t->faults == 0 && t->unknown == 0 &&
	    document_write(t, cs, 0, &out, &list.sink) == 0 &&
	    slice_eq(text, buf_slice(&out));
	for (size_t i = 0; i < list.n; i++)
		fprintf(stderr, "%s:%d: %s %s\n", d->name, (int)list.v[i].line,
		    diag_table[list.v[i].code].code,
		    list.v[i].field == NULL ? "" : list.v[i].field);
	document_free(t);
	diag_list_free(&list);
	free(store);
	return good;
}

static void
test_small(void)
{
	static const char good[] = HEAD
	    "<Top>\n  <Number>7</Number>\n  <Item>\n    <Name>A&amp;B</Name>\n"
	    "    <Day>20260801</Day>\n  </Item>\n  <Item>\n"
	    "    <Name>見本</Name>\n  </Item>\n</Top>\n";
	static const char y[] = "# small\nTop:\n  Number: 7\n  Item:\n"
				"    - Name: \"A\\\"B\"\n      Day: 20260801\n"
				"    - Name: \"見本\"\n";
	static const char none[] = "# small\nTop:\n  Number: 7\n  Item: []\n";

	CU_ASSERT(same(&xml, SLICE(good), CHARSET_UTF8));
	CU_ASSERT(same(&yaml, SLICE(y), CHARSET_UTF8));
	CU_ASSERT(same(&yaml, SLICE(none), CHARSET_UTF8));
}

static void
test_xml_faults(void)
{
	CU_ASSERT_EQUAL(
	    told(&xml, "<Top><Number>7</Number></Top>", DIAG__MAX), 0);
	/* any order; unknown elements, whatever is in them, are ignored */
	CU_ASSERT_EQUAL(
	    told(&xml,
		"<Top><X><Number>x</Number></X><Item><Day>"
		"20260801</Day><Name>a</Name></Item><Number>7</Number></Top>",
		DIAG__MAX),
	    0);
	CU_ASSERT_EQUAL(told(&xml, "<Top/>", DIAG_MISSING), 1);
	CU_ASSERT_EQUAL(
	    told(&xml, "<Top><Number> </Number></Top>", DIAG_MISSING), 1);
	CU_ASSERT_EQUAL(told(&xml, "<Other/>", DIAG_MISSING), 1);
	CU_ASSERT_EQUAL(
	    told(&xml, "<Top><Number>7</Number><Number>8</Number></Top>",
		DIAG_ITEM_TWICE),
	    1);
	CU_ASSERT_EQUAL(
	    told(&xml, "<Top><Number>x</Number></Top>", DIAG_NOT_DIGITS), 1);
	CU_ASSERT_EQUAL(
	    told(&xml, "<Top><Number>7777</Number></Top>", DIAG_TOO_LONG), 1);
	CU_ASSERT_EQUAL(
	    told(&xml, "<Top><Number>7</Number><Item/></Top>", DIAG_MISSING),
	    1);
	CU_ASSERT_EQUAL(
	    told(&xml, "<Top><Number>7</Number>", DIAG_XML_SYNTAX), 1);
	CU_ASSERT_EQUAL(told(&xml, "<!DOCTYPE a><Top><Number>7</Number></Top>",
			    DIAG_XML_DOCTYPE),
	    1);
}

static void
test_yaml_faults(void)
{
	CU_ASSERT_EQUAL(told(&yaml, "Top:\n  Number: 7\n", DIAG__MAX), 0);
	CU_ASSERT_EQUAL(told(&yaml, "Top:\n  Number: 7\n  Other:\n    - a: 1\n",
			    DIAG_UNKNOWN_ITEM),
	    1);
	CU_ASSERT_EQUAL(told(&yaml, "Top:\n  Number: x\n", DIAG_NOT_DIGITS), 1);
	CU_ASSERT_EQUAL(
	    told(&yaml, "Top:\n  Number: []\n", DIAG_BAD_PATTERN), 1);
	CU_ASSERT_EQUAL(
	    told(&yaml, "Top:\n  Number: 7\n  Item: 3\n", DIAG_BAD_PATTERN), 1);
	CU_ASSERT_EQUAL(told(&yaml, "Top:\n  Number: 7\n  Item:\n    - 3\n",
			    DIAG_BAD_PATTERN),
	    1);
	CU_ASSERT_EQUAL(
	    told(&yaml, "Top:\n  Number: 7\n  Item:\n    - Day: 20260801\n",
		DIAG_MISSING),
	    1);
	CU_ASSERT_EQUAL(
	    told(&yaml, "Top: &a\n  Number: 7\n", DIAG_YAML_SYNTAX), 1);
}

static void
test_values(void)
{
	static const char text[] =
	    "<Top><Number> 7</Number><Item><Name>a</Name></Item>"
	    "<Item><Name>b</Name></Item></Top>";
	struct diag_list list;
	struct document_source src = { "t", SLICE(text), &xml, &list.sink };
	struct document_tree *t;
	char store[512];
	struct buf out;
	int top, item;

	diag_list_init(&list, 50, NULL, DIAG_FATAL);
	t = document_read(&src);
	CU_ASSERT_FATAL(t != NULL);
	CU_ASSERT(
	    slice_is(document_value(t, "Top/Number"), " 7")); /* as sent */
	CU_ASSERT(slice_is(document_value(t, "Top/Item/Name"), "a"));
	CU_ASSERT(slice_is(document_value(t, "Top/Nothing"), ""));
	CU_ASSERT(slice_is(document_value(t, "Top/Item/Day"), ""));
	top = document_child(t, 0, "Top");
	item = document_next(t, document_child(t, top, "Item"));
	CU_ASSERT(slice_is(t->v[document_child(t, item, "Name")].value, "b"));
	CU_ASSERT_EQUAL(document_next(t, item), -1);
	CU_ASSERT_EQUAL(document_parent(&xml, 4), 2);
	CU_ASSERT_EQUAL(document_parent(&xml, 0), -1);
	/* where there is no room, nothing half written is taken for whole */
	buf_init(&out, store, 40);
	CU_ASSERT_EQUAL(
	    document_write(t, CHARSET_UTF8, 0, &out, &list.sink), -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_TOO_LARGE], 1);
	document_free(t);
	document_free(NULL);
	diag_list_free(&list);
}

/* What is wrong with one of many is told with its place among them. */
static void
test_units(void)
{
	static const char text[] =
	    "<Top><Item><Name>a</Name></Item><Item><Day>20260801</Day></Item>"
	    "<Number>x</Number><Item><Name>c</Name><Day>1</Day></Item></Top>";
	struct diag_list list;
	struct document_source src = { "t", SLICE(text), &xml, &list.sink };
	struct document_tree *t;
	int64_t want[3] = { 0, 3, 2 }; /* as read; what is missing comes last */
	int item, faulty = 0;

	diag_list_init(&list, 50, NULL, DIAG_FATAL);
	CU_ASSERT_EQUAL(document_unit(&xml), 2);
	CU_ASSERT_EQUAL(document_unit(&oqs_single_request), -1);
	t = document_read(&src);
	CU_ASSERT_FATAL(t != NULL);
	CU_ASSERT_EQUAL(t->faults, 3);
	CU_ASSERT_EQUAL(t->outside, 1);
	CU_ASSERT_EQUAL_FATAL(list.n, 3);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(list.v[i].record, want[i]);
	item = document_child(t, document_child(t, 0, "Top"), "Item");
	for (; item >= 0; item = document_next(t, item))
		faulty = 10 * faulty + t->v[item].faulty;
	CU_ASSERT_EQUAL(faulty, 11); /* the second and the third */
	document_free(t);
	diag_list_free(&list);
}

static void
test_cp932(void)
{
	static const char text[] = "<Top><Number>7</Number><Item><Name>"
				   "髙𠮷</Name></Item></Top>";
	struct diag_list list;
	struct document_source src = { "t", SLICE(text), &xml, &list.sink };
	struct document_tree *t;
	char store[1024];
	struct buf out;

	diag_list_init(&list, 50, NULL, DIAG_FATAL);
	t = document_read(&src);
	CU_ASSERT_FATAL(t != NULL);
	buf_init(&out, store, sizeof(store));
	CU_ASSERT_EQUAL(
	    document_write(t, CHARSET_CP932, 0, &out, &list.sink), -1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_BAD_BYTES], 1);
	CU_ASSERT_EQUAL(out.n, 0);
	CU_ASSERT_EQUAL(
	    document_write(t, CHARSET_CP932, 0x25cf, &out, &list.sink), 0);
	/* 髙 is FBFC in CP932, ● is 819C */
	CU_ASSERT_PTR_NOT_NULL(strstr(store, "<Name>\xfb\xfc\x81\x9c</Name>"));
	CU_ASSERT_PTR_NOT_NULL(strstr(store, "encoding=\"Shift_JIS\""));
	document_free(t);
	diag_list_free(&list);
}

/* ---- every document of the registry, from its rows alone ---- */

/* A good tree of d: each required row and each leaf once. */
static int grow(struct document_tree *t, int parent, unsigned from,
    unsigned *end, int depth);

static int
add(struct document_tree *t, int parent, unsigned row)
{
	struct document_node *n;

	t->v = realloc(t->v, (size_t)(t->n + 1) * sizeof(*t->v));
	n = &t->v[t->n];
	memset(n, 0, sizeof(*n));
	n->row = row;
	n->parent = parent;
	n->next = n->first = n->last = -1;
	if (parent >= 0) {
		struct document_node *p = &t->v[parent];

		p->seen[row / 64] |= UINT64_C(1) << (row % 64);
		if (p->last >= 0)
			t->v[p->last].next = t->n;
		else
			p->first = t->n;
		p->last = t->n;
	}
	return t->n++;
}

static const char *
good_value(const struct field *f, struct buf *b)
{
	static const struct {
		const char *name, *value;
	} known[] = {
		{ "day", "2026-08-01" },
		{ "business_day", "2026-08-01" },
		{ "arrived", "2026-08-01T09:15:02.123+09:00" },
		{ "next_cut_off", "2026-08-01T21:00:00.000+09:00" },
		{ "expected_visible", "2026-08-02T08:00:00.000+09:00" },
		{ "code", "E1203" },
		{ "MedicalInstitutionCode", "0119900017" },
		{ "read", "7" },
		{ "accepted", "7" },
		{ "refused", "0" },
		{ "unchanged", "0" },
		{ "held", "0" },
		{ "NumberOfProcessingResult", "1" },
		{ "NumberOfNormalProcessing", "1" },
		{ "NumberOfError", "0" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i].name, f->name) == 0)
			return known[i].value;
	buf_clear(b);
	example_value(f, b);
	return b->p;
}

static int
grow(struct document_tree *t, int parent, unsigned from, unsigned *end,
    int depth)
{
	const struct document *d = t->document;
	char text[8192];
	struct buf b;
	unsigned i = from;

	buf_init(&b, text, sizeof(text));
	while (i < d->nrows && d->rows[i].depth >= depth) {
		int node = add(t, parent, i);

		if ((d->rows[i].flags & DOC_BOX) != 0) {
			grow(t, node, i + 1, &i, depth + 1);
			continue;
		}
		struct slice s = slice_of(good_value(&d->rows[i].field, &b));
		t->v[node].value = (struct slice) { text_dup(s), s.n };
		i++;
	}
	*end = i;
	return 0;
}

static struct document_tree *
good_tree(const struct document *d)
{
	struct document_tree *t = calloc(1, sizeof(*t));
	unsigned end;

	t->document = d;
	add(t, -1, 0);
	grow(t, 0, 0, &end, 0);
	CU_ASSERT_EQUAL(end, d->nrows);
	return t;
}

/* t written and read again: how often code was raised of the row's name; all:
 * whatever was raised. */
static int
raised(const struct document_tree *t, const char *field, enum diag_code code,
    int *all)
{
	char *store = malloc(1 << 16);
	struct diag_list list;
	struct document_source src = { "t", { NULL, 0 }, t->document,
		&list.sink };
	struct document_tree *again;
	struct buf out;
	int n = 0;

	diag_list_init(&list, 50, NULL, DIAG_FATAL);
	buf_init(&out, store, 1 << 16);
	CU_ASSERT_EQUAL(
	    document_write(t, CHARSET_UTF8, 0, &out, &list.sink), 0);
	src.bytes = buf_slice(&out);
	again = document_read(&src);
	*all = 0;
	for (size_t i = 0; i < list.n; i++) {
		if (diag_table[list.v[i].code].level < DIAG_ERROR)
			continue;
		++*all;
		n += list.v[i].code == code && list.v[i].field != NULL &&
		    strcmp(list.v[i].field, field) == 0;
	}
	document_free(again);
	diag_list_free(&list);
	free(store);
	return n;
}

static void
put(struct document_tree *t, int node, const char *value)
{
	free((char *)(uintptr_t)t->v[node].value.p);
	t->v[node].value =
	    (struct slice) { text_dup(slice_of(value)), strlen(value) };
}

static void
mutant(
    struct document_tree *t, int node, const char *value, enum diag_code code)
{
	const struct field *f = &t->document->rows[t->v[node].row].field;
	char *before = text_dup(t->v[node].value);
	int all, n;

	put(t, node, value);
	n = raised(t, f->name, code, &all);
	CU_ASSERT(n == 1 && all == 1);
	if (n != 1 || all != 1)
		fprintf(stderr, "%s %s: '%.40s': %s %d of %d\n",
		    t->document->name, f->name, value, diag_table[code].code, n,
		    all);
	put(t, node, before);
	free(before);
}

static void
mutate(struct document_tree *t, int node)
{
	const struct field *f = &t->document->rows[t->v[node].row].field;
	char text[8192];

	memset(text, f->type == FIELD_NUM ? '1' : 'A', sizeof(text));
	text[f->width + 1] = '\0';
	switch (f->type) {
	case FIELD_NUM:
		mutant(t, node, text, DIAG_TOO_LONG);
		mutant(t, node, "x", DIAG_NOT_DIGITS);
		break;
	case FIELD_ANK:
		mutant(t, node, text, DIAG_TOO_LONG);
		mutant(t, node, "あ", DIAG_NOT_ASCII);
		break;
	case FIELD_KANA:
		mutant(t, node, "漢", DIAG_NOT_KANA);
		break;
	case FIELD_KANJI:
		mutant(t, node, "a", DIAG_NOT_FULL_WIDTH);
		break;
	case FIELD_TEXT:
		mutant(t, node, text, DIAG_TOO_LONG);
		break;
	case FIELD_DAY:
		mutant(t, node, "20230230", DIAG_BAD_DATE);
		break;
	case FIELD_TIME:
		mutant(t, node, "20230101240000", DIAG_BAD_TIME);
		break;
	case FIELD_CODE:
		mutant(t, node, "~", DIAG_NOT_IN_CODES);
		break;
	case FIELD__MAX:
		break;
	}
	if ((f->flags & FIELD_REQUIRED) != 0)
		mutant(t, node, "", DIAG_MISSING);
	if ((f->flags & FIELD_EXACT) != 0) {
		text[f->width - 1] = '\0';
		mutant(t, node, text, DIAG_TOO_SHORT);
	}
}

static void
test_all(void)
{
	for (const struct exchange *e = exchanges; e->name != NULL; e++) {
		struct document_tree *t;
		char *store;
		struct diag_list list;
		struct buf out;
		int all;

		if (e->document == NULL)
			continue;
		t = good_tree(e->document);
		raised(t, "", DIAG__MAX, &all);
		CU_ASSERT_EQUAL(all, 0);
		store = malloc(1 << 16);
		diag_list_init(&list, 50, NULL, DIAG_FATAL);
		buf_init(&out, store, 1 << 16);
		CU_ASSERT_EQUAL(
		    document_write(t, CHARSET_UTF8, 0, &out, &list.sink), 0);
		CU_ASSERT(same(e->document, buf_slice(&out), CHARSET_UTF8));
		for (int i = 1; i < t->n; i++)
			if ((e->document->rows[t->v[i].row].flags & DOC_BOX) ==
			    0)
				mutate(t, i);
		diag_list_free(&list);
		free(store);
		document_free(t);
	}
}

/* ---- tables against what reads and writes the same papers ---- */

/* Every element query.c knows, in its order, is a row of question or answer. */
static void
test_query(void)
{
	const struct document *d[2] = {
		exchange_find(SLICE("OQSsiquc01req"))->document,
		exchange_find(SLICE("OQSsiquc01res"))->document
	};

	for (int k = 0; k < 2; k++) {
		unsigned at = 0;

		for (int i = 0; i < QUERY_ROWS && at < d[k]->nrows; i++)
			if (d[k]->rows[at].depth == query_rows[i].depth &&
			    strcmp(d[k]->rows[at].field.name,
				query_rows[i].name) == 0 &&
			    strcmp(d[k]->rows[at].field.ja, query_rows[i].ja) ==
				0)
				at++;
		CU_ASSERT_EQUAL(at, d[k]->nrows); /* a subsequence of query.c */
		if (at < d[k]->nrows)
			fprintf(stderr, "%s: %s\n", d[k]->name,
			    d[k]->rows[at].field.name);
	}
	for (int i = 0; i < QUERY_ROWS; i++) {
		bool there = false;

		for (int k = 0; k < 2; k++)
			for (unsigned r = 0; r < d[k]->nrows; r++)
				there |= strcmp(d[k]->rows[r].field.name,
					     query_rows[i].name) == 0;
		CU_ASSERT(there);
	}
}

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* What receipt.c and manifest.c write, the tables read and write the same. */
static void
test_papers(void)
{
	struct diag_list why;
	struct receipt_arrival a = { .file = "a\"\\資.zip",
		.sender = "06139992",
		.bytes = 7,
		.day = day_of(2026, 8, 1),
		.why = &why };
	struct receipt_check c = { .sha256 = SHA,
		.member = "shikaku.csv",
		.counts = { 10, 8, 2, 1, 0 },
		.accepted = true,
		.why = &why.sink,
		.day = day_of(2026, 8, 1) };
	struct manifest *m = manifest_new(2);
	char *text = NULL;
	size_t n;
	FILE *out;

	diag_list_init(&why, 5, NULL, DIAG_FATAL);
	memcpy(a.sha256, SHA, sizeof(a.sha256));
	a.arrived = day_moment(a.day, 123);
	a.cut_off = day_moment(a.day, 75600000);
	a.opening = day_moment(a.day + 1, 28800000);
	filename_parse(SLICE("06139992_shikaku_20260801_0007.zip.p7m"), &a.id);
	c.id = m->id = a.id;
	for (int i = 0; i < 2; i++) { /* without problems, and with one */
		out = open_memstream(&text, &n);
		a.accepted = i == 0;
		receipt_arrival_write(&a, out);
		fclose(out);
		CU_ASSERT(same(exchange_find(SLICE("receipt"))->document,
		    (struct slice) { text, n }, CHARSET_UTF8));
		free(text);
		out = open_memstream(&text, &n);
		receipt_check_write(&c, 1, out);
		fclose(out);
		CU_ASSERT(same(exchange_find(SLICE("check"))->document,
		    (struct slice) { text, n }, CHARSET_UTF8));
		free(text);
		diag_file(&why.sink, DIAG_FILE_NAME, "f", "no \"sequence\"");
	}
	for (int i = 0; i < 2; i++) {
		struct manifest_member *v = &m->member[i];

		snprintf(v->name, sizeof(v->name), "shikaku%d.csv", i);
		snprintf(v->layout, sizeof(v->layout), "shikaku");
		snprintf(v->syntax, sizeof(v->syntax), "csv");
		snprintf(v->charset, sizeof(v->charset), "cp932");
		memcpy(v->sha256, SHA, sizeof(v->sha256));
	}
	out = open_memstream(&text, &n);
	manifest_write(m, out);
	fclose(out);
	CU_ASSERT(same(exchange_find(SLICE("manifest"))->document,
	    (struct slice) { text, n }, CHARSET_UTF8));
	free(text);
	free(m);
	diag_list_free(&why);
}

/* 処理件数 = 正常件数 + エラー件数 = number of units (messages.md 6). */
static void
test_bulk_counts(void)
{
#define ANSWER(all, good, bad, unit)                                                         \
	"<XmlMsg><MessageHeader><ProcessExecutionTime>20190416054512</ProcessExecutionTime>" \
	"<QualificationConfirmationDate>20190416</QualificationConfirmationDate>"            \
	"<MedicalInstitutionCode>0119900017</MedicalInstitutionCode>"                        \
	"<ReceptionNumber>42</ReceptionNumber><SegmentOfResult>1</SegmentOfResult>"          \
	"<NumberOfProcessingResult>" all "</NumberOfProcessingResult>"                       \
	"<NumberOfNormalProcessing>" good "</NumberOfNormalProcessing>"                      \
	"<NumberOfError>" bad "</NumberOfError>"                                             \
	"<CharacterCodeIdentifier>0</CharacterCodeIdentifier></MessageHeader>"               \
	"<MessageBody>" unit "</MessageBody></XmlMsg>"
#define UNIT(status)                                                           \
	"<BulkConfirmUnit><QualificationConfirmSearchInfo/>"                   \
	"<ProcessingResultStatus>" status                                      \
	"</ProcessingResultStatus></BulkConfirmUnit>"
	const struct document *d =
	    exchange_find(SLICE("OQSmuquc02res"))->document;

	CU_ASSERT_EQUAL(
	    told(d, ANSWER("2", "1", "1", UNIT("1") UNIT("2")), DIAG__MAX), 0);
	CU_ASSERT_EQUAL(told(d, ANSWER("0", "0", "0", ""), DIAG__MAX), 0);
	CU_ASSERT_EQUAL(told(d, ANSWER("2", "2", "0", UNIT("1") UNIT("2")),
			    DIAG_COUNT_DIFFERS),
	    1);
	CU_ASSERT_EQUAL(told(d, ANSWER("3", "2", "1", UNIT("1") UNIT("2")),
			    DIAG_COUNT_DIFFERS),
	    1);
	CU_ASSERT_EQUAL(
	    told(d, ANSWER("1", "1", "0", ""), DIAG_COUNT_DIFFERS), 1);
}

static void
test_balance(void)
{
#define CHECK(accepted)                                                               \
	"kind: check\nreceipt: \"R\"\nfile: \"f\"\nsender: \"S\"\n"                   \
	"business_day: \"2026-08-01\"\nresult: \"accepted\"\nresult_ja: \"受付\"\n" \
	"members:\n  - name: \"m\"\n    read: 10\n    accepted: " accepted            \
	"\n    refused: 1\n    unchanged: 1\n    held: 1\n"                           \
	"    with_substitutes: 0\n    substitutes: 0\n    control_total: 0\n    problems: []\n"
	const struct document *d = exchange_find(SLICE("check"))->document;

	CU_ASSERT_EQUAL(told(d, CHECK("7"), DIAG__MAX), 0);
	CU_ASSERT_EQUAL(told(d, CHECK("8"), DIAG_UNBALANCED), 1);
}

static CU_TestInfo tests[] = {
	{ "a tree is read and written back, XML and YAML", test_small },
	{ "XML: what is missing, twice or wrong is told; unknown is not",
	    test_xml_faults },
	{ "YAML: unknown keys and wrong kinds are told too", test_yaml_faults },
	{ "values are found by their path, as they were sent", test_values },
	{ "a fault in one of many has its place among them", test_units },
	{ "what CP932 lacks is refused, or replaced where told so",
	    test_cp932 },
	{ "every document is written, read, and refuses what its rows must",
	    test_all },
	{ "question and answer have the elements query.c knows, in its order",
	    test_query },
	{ "receipts, check results and manifests are what their tables say",
	    test_papers },
	{ "the counts of a bulk answer agree", test_bulk_counts },
	{ "the books of a check result balance", test_balance },
	CU_TEST_INFO_NULL,
};
SUITE(document, tests);
