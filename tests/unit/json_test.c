#include <string.h>

#include "formats/codec/json.h"
#include "tests/unit/suite.h"

static struct diag_list list;
static char seen[4096];
static struct buf trace;

static int
on_open(void *arg, struct slice name, int depth, int64_t line)
{
	(void)arg;
	(void)line;
	buf_printf(&trace, "<%.*s %d>", (int)name.n, name.p, depth);
	return slice_is(name, "stop");
}

static int
on_close(
    void *arg, struct slice name, struct slice text, int depth, int64_t line)
{
	(void)arg;
	(void)depth;
	(void)line;
	buf_printf(
	    &trace, "[%.*s]</%.*s>", (int)text.n, text.p, (int)name.n, name.p);
	return 0;
}

static int
walk(struct slice doc)
{
	struct xml_handler h = { on_open, on_close, NULL };

	buf_init(&trace, seen, sizeof(seen));
	diag_list_init(&list, 100, NULL, DIAG_FATAL);
	return json_walk(doc, &h, "t", &list.sink);
}

static void
test_events(void)
{
	CU_ASSERT_EQUAL(
	    walk(SLICE("{\"b\":{\"y\":\"1\",\"x\":\"表\\u8868\"},\"a\":\"\","
		       "\"n\":null,\"l\":[{\"k\":\"1\"},{\"k\":\"2\"}],"
		       "\"e\":[]}")),
	    0);
	CU_ASSERT_STRING_EQUAL(seen,
	    "<b 0><y 1>[1]</y><x 1>[表表]</x>[]</b><a 0>[]</a>"
	    "<l 0><k 1>[1]</k>[]</l><l 0><k 1>[2]</k>[]</l>");
	CU_ASSERT_EQUAL(list.n, 0);
	diag_list_free(&list);
	CU_ASSERT_EQUAL(walk(SLICE("{\"stop\":\"\",\"a\":\"\"}")), 1);
	CU_ASSERT_STRING_EQUAL(seen, "<stop 0>");
	diag_list_free(&list);
}

static void
test_refused(void)
{
	static const char *const bad[] = { "", "[]", "\"x\"", "{", "{}x",
		"{\"a\":1}", "{\"a\":true}", "{\"a\":[[]]}", "{\"a\":[1]}",
		"{\"a\":\"1\",\"a\":\"2\"}", "{\"a\":\"\\u0000\"}",
		"{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}", "{a:\"1\"}" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CU_ASSERT_EQUAL(walk(slice_of(bad[i])), -1);
		/* a key given twice is named besides */
		CU_ASSERT_EQUAL(
		    list.n, 1 + (size_t)list.sink.counts[DIAG_ITEM_TWICE]);
		CU_ASSERT_EQUAL(list.sink.counts[DIAG_QUESTION], 1);
		diag_list_free(&list);
	}
}

static void
test_deep(void)
{
	char deep[8192] = "";

	for (int i = 0; i < 17; i++)
		memcpy(deep + 5 * i, "{\"a\":", 6);
	memcpy(deep + 85, "\"x\"", 4);
	memset(deep + 88, '}', 17);
	CU_ASSERT_EQUAL(walk(slice_of(deep)), -1);
	diag_list_free(&list);
	memset(deep, '[', 8000);
	CU_ASSERT_EQUAL(walk((struct slice) { deep, 8000 }), -1);
	diag_list_free(&list);
}

static void
test_quote(void)
{
	char text[100];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	json_quote(SLICE("表\"\\\n"), &b);
	CU_ASSERT_STRING_EQUAL(text, "\"表\\\"\\\\\\u000a\"");
}

static CU_TestInfo tests[] = {
	{ "objects, arrays and strings come as events", test_events },
	{ "what is no string, twice or malformed is refused", test_refused },
	{ "depth has a limit", test_deep },
	{ "strings are quoted, non-ASCII left raw", test_quote },
	CU_TEST_INFO_NULL,
};
SUITE(json, tests);
