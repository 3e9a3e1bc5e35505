/* leniency.h: what is mended anyway is told as a warning, or quietly where it
 * was agreed; once with its place, and counted. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "formats/leniency.h"
#include "formats/qualification.h"
#include "tests/tools/rows.h"
#include "tests/unit/suite.h"

#define TODAY 20666 /* 2026-08-01 */

/* Three records of the layout as CSV or fixed length; yours to free. */
static char *
three(enum syntax s, enum charset cs)
{
	struct diag_list list;
	int fd = memfd_create("t", MFD_CLOEXEC);
	off_t n;

	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	CU_ASSERT_EQUAL_FATAL(
	    rows_write(fd, "t", &qualification_layout, s, cs, 3, &list.sink),
	    0);
	diag_list_free(&list);
	n = lseek(fd, 0, SEEK_END);
	char *p = calloc(1, (size_t)n + 100);
	CU_ASSERT_FATAL(pread(fd, p, (size_t)n, 0) == n);
	close(fd);
	return p;
}

static void
without_cr(char *p)
{
	char *q = p;

	for (; *p != '\0'; p++)
		if (*p != '\r')
			*q++ = *p;
	*q = '\0';
}

/* Blanks before and after the name in each record, full width behind. */
static char *
with_blanks(const char *p)
{
	char *out = calloc(2, strlen(p) + 100), *q = out;
	const char *name = "資格　十能表";
	size_t n = strlen(name);

	while (*p != '\0')
		if (strncmp(p, name, n) == 0) {
			q += sprintf(q, " %s　 ", name);
			p += n;
		} else {
			*q++ = *p++;
		}
	return out;
}

struct told {
	enum record_result end;
	int64_t accepted;
	struct diag_list list;
};

static struct told
read_it(const char *p, enum syntax s, enum charset cs, unsigned lenient)
{
	struct told t;
	struct record_source src = { .name = "t",
		.fd = -1,
		.bytes = slice_of(p),
		.layout = &qualification_layout,
		.syntax = s,
		.charset = cs,
		.today = TODAY,
		.lenient = lenient };
	struct record_reader *r;
	struct record rec;

	diag_list_init(&t.list, 100, NULL, DIAG_FATAL);
	src.sink = &t.list.sink;
	r = record_open(&src);
	while ((t.end = record_next(r, &rec)) == RECORD_OK)
		CU_ASSERT(slice_is(rec.v[Q_NAME].s, "資格　十能表"));
	t.accepted = record_count(r).accepted;
	record_close(r);
	return t;
}

/* Taken, told once, counted as often as said, and nothing else. */
static void
is_told(struct told *t, enum diag_code code, int64_t count, const char *field)
{
	CU_ASSERT_EQUAL(t->end, RECORD_END);
	CU_ASSERT_EQUAL(t->accepted, 3);
	CU_ASSERT_EQUAL(t->list.n, code == DIAG__MAX ? 0 : 1);
	if (t->list.n == 1) {
		const struct diag *d = &t->list.v[0];

		CU_ASSERT_EQUAL(d->code, code);
		CU_ASSERT_EQUAL(d->record, 1);
		CU_ASSERT_EQUAL(d->line, 2);
		CU_ASSERT(field == NULL ? d->field == NULL :
					  strcmp(d->field, field) == 0);
		CU_ASSERT_EQUAL(t->list.sink.counts[code], count);
		CU_ASSERT_EQUAL(
		    t->list.sink.levels[diag_table[code].level], count);
	}
	diag_list_free(&t->list);
}

static void
line_ends(void)
{
	for (int s = SYNTAX_CSV; s <= SYNTAX_FIXED; s++) {
		enum charset cs =
		    s == SYNTAX_FIXED ? CHARSET_CP932 : CHARSET_UTF8;
		char *p = three((enum syntax)s, cs);
		struct told t = read_it(p, (enum syntax)s, cs, 0);

		is_told(&t, DIAG__MAX, 0, NULL); /* CR LF */
		without_cr(p);
		t = read_it(p, (enum syntax)s, cs, 0);
		/* refused whole, but read to its end */
		CU_ASSERT_EQUAL(t.end, RECORD_BROKEN);
		t.end = RECORD_END;
		is_told(&t, DIAG_LINE_ENDS, 3, NULL);
		t = read_it(p, (enum syntax)s, cs, RECORD_LENIENT_LINES);
		is_told(&t, DIAG_LENIENT_LINES, 3, NULL);
		free(p);
	}
}

static void
blanks(void)
{
	char *p = three(SYNTAX_CSV, CHARSET_UTF8), *q = with_blanks(p);
	struct told t = read_it(q, SYNTAX_CSV, CHARSET_UTF8, 0);

	/* each record has the example in three items, and is refused */
	CU_ASSERT_EQUAL(t.end, RECORD_REFUSED);
	CU_ASSERT_EQUAL(t.accepted, 0);
	CU_ASSERT_EQUAL_FATAL(t.list.n, 3);
	for (size_t i = 0; i < t.list.n; i++)
		CU_ASSERT_EQUAL(t.list.v[i].code, DIAG_BLANKS);
	CU_ASSERT_EQUAL(t.list.v[1].record, 1);
	CU_ASSERT_STRING_EQUAL(
	    t.list.v[1].field, qualification_format.fields[Q_NAME].name);
	diag_list_free(&t.list);
	t = read_it(q, SYNTAX_CSV, CHARSET_UTF8, RECORD_LENIENT_BLANKS);
	CU_ASSERT_EQUAL(t.list.sink.counts[DIAG_LENIENT_BLANKS] % 3, 0);
	is_told(&t, DIAG_LENIENT_BLANKS,
	    t.list.sink.counts[DIAG_LENIENT_BLANKS],
	    qualification_format.fields[Q_INSURED_NAME].name);
	free(q);
	free(p);
	/* padding of fixed length is no blank to take off */
	p = three(SYNTAX_FIXED, CHARSET_CP932);
	t = read_it(p, SYNTAX_FIXED, CHARSET_CP932, 0);
	is_told(&t, DIAG__MAX, 0, NULL);
	free(p);
}

/* What an operator may write, and what is counted under it. */
static void
names(void)
{
	for (int i = 0; i < LENIENT__MAX; i++) {
		const struct leniency_row *r = &leniency_table[i];
		const struct field *f = &leniency_layout.data->fields[LN_NAME];

		CU_ASSERT_PTR_NOT_NULL(field_code(f, slice_of(r->name)));
		CU_ASSERT(
		    diag_table[r->used].level < diag_table[r->softens].level);
	}
}

static CU_TestInfo tests[] = {
	{ "LF alone refuses the file, if it was not agreed", line_ends },
	{ "blanks around a value refuse the record, if not agreed", blanks },
	{ "each has a name, and softens what it says", names },
	CU_TEST_INFO_NULL,
};
SUITE(leniency, tests);
