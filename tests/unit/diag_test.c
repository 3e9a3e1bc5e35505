/* diag.h: the catalogue, the log line, the list. */
#include <stdlib.h>
#include <string.h>

#include "formats/codec/diag.h"
#include "tests/unit/suite.h"

static void
catalogue(void)
{
	static const char letters[] = "NWEF"; /* by level */

	for (int i = 0; i < DIAG__MAX; i++) {
		const struct diag_entry *e = &diag_table[i];

		CU_ASSERT_EQUAL(strlen(e->code), 5);
		CU_ASSERT_EQUAL(e->code[0], letters[e->level]);
		CU_ASSERT_TRUE(slice_digits(slice_of(e->code + 1)));
		CU_ASSERT_EQUAL(diag_find(slice_of(e->code)), i);
		CU_ASSERT_TRUE(
		    e->en[0] && e->ja[0] && e->mend_en[0] && e->mend_ja[0]);
		for (int j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(
			    e->code + 1, diag_table[j].code + 1);
	}
	CU_ASSERT_EQUAL(diag_find(SLICE("E9999")), -1);
}

static void
log_line(void)
{
	struct diag d = { .code = DIAG_CHECK_DIGIT,
		.file = "a.csv",
		.record = 183,
		.line = 184,
		.field = "InsurerNumber" };
	struct diag_log log;
	char *s = NULL;
	size_t n;
	FILE *out = open_memstream(&s, &n);

	diag_log_init(&log, "ingest", out);
	diag_raise(&log.sink, &d);
	d.line = 0; /* what is told of no longer has its file's lines */
	diag_raise(&log.sink, &d);
	diag_file(&log.sink, DIAG_FILE_NAME, "x\033[2J", "%s", "no \"_\"");
	fclose(out);
	CU_ASSERT_STRING_EQUAL(s,
	    "shikaku-ingest: a.csv:184: error E1203 InsurerNumber: check digit "
	    "does not match; record refused\n"
	    "shikaku-ingest: a.csv record 183: error E1203 InsurerNumber: "
	    "check digit does not match; record refused\n"
	    "shikaku-ingest: x?[2J: fatal F3001: file name is not of the "
	    "agreed form; file refused (no \"_\")\n");
	CU_ASSERT_EQUAL(log.sink.counts[DIAG_CHECK_DIGIT], 2);
	CU_ASSERT_EQUAL(log.sink.levels[DIAG_FATAL], 1);
	free(s);
}

static void
list(void)
{
	struct diag_list outer, l;
	char name[] = "one.csv";

	diag_list_init(&outer, 10, NULL, DIAG_NOTE);
	diag_list_init(&l, 3, &outer.sink, DIAG_FATAL);
	for (int i = 1; i <= 5; i++) {
		struct diag d = { .code = i == 2 ? DIAG_TRAILER : DIAG_MISSING,
			.file = name,
			.record = i,
			.field = i < 3 ? "Name" : "Sex1" };

		diag_raise(&l.sink, &d);
	}
	name[0] = 'X'; /* the list has its own copy */
	CU_ASSERT_EQUAL(l.n, 3);
	CU_ASSERT_EQUAL(l.dropped, 2);
	CU_ASSERT_EQUAL(l.sink.counts[DIAG_MISSING], 4);
	CU_ASSERT_STRING_EQUAL(l.v[0].file, "one.csv");
	CU_ASSERT_STRING_EQUAL(l.v[1].field, "Name");
	CU_ASSERT_STRING_EQUAL(l.v[2].field, "Sex1");
	CU_ASSERT_EQUAL(l.v[2].record, 3);
	CU_ASSERT_EQUAL(outer.n, 1);
	CU_ASSERT_EQUAL(outer.v[0].code, DIAG_TRAILER);
	diag_list_clear(&l);
	CU_ASSERT_EQUAL(l.n, 0);
	CU_ASSERT_EQUAL(l.sink.counts[DIAG_MISSING], 0);
	diag_file(&l.sink, DIAG_EMPTY_FILE, "two.csv", NULL);
	CU_ASSERT_EQUAL(l.n, 1);
	diag_list_free(&l);
	diag_list_free(&outer);
}

static CU_TestInfo tests[] = {
	{ "every code is unique and begins with its level", catalogue },
	{ "the log line is the one editors can jump to", log_line },
	{ "a list keeps so many, counts the rest, passes the worst on", list },
	CU_TEST_INFO_NULL,
};
SUITE(diag, tests);
