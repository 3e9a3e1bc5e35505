#include <stdlib.h>
#include <string.h>

#include "formats/codec/yaml.h"
#include "formats/limits.h"
#include "tests/unit/suite.h"

static struct diag_list list;

static struct yaml *
get(const char *doc)
{
	diag_list_free(&list);
	diag_list_init(&list, 200, NULL, DIAG_FATAL);
	return yaml_read(slice_of(doc), "t.yaml", &list.sink);
}

/* The document is refused with one fault there. */
static void
refused_at(const char *doc, int line, int column, const char *why)
{
	struct yaml *y = get(doc);

	CU_ASSERT_PTR_NULL(y);
	CU_ASSERT_EQUAL(list.n, 1);
	if (list.n > 0) {
		CU_ASSERT_EQUAL(list.v[0].code, DIAG_YAML_SYNTAX);
		CU_ASSERT_STRING_EQUAL(list.v[0].file, "t.yaml");
		CU_ASSERT_EQUAL(list.v[0].line, line);
		CU_ASSERT_EQUAL(list.v[0].column, column);
		CU_ASSERT_PTR_NOT_NULL(strstr(list.v[0].detail, why));
		if (strstr(list.v[0].detail, why) == NULL)
			fprintf(stderr, "%s\n", list.v[0].detail);
	}
	yaml_close(y);
	diag_list_free(&list);
}

static void
values_have_paths(void)
{
	struct yaml *y = get("a: 1\n"
			     "b:\n"
			     "  c: \"x\"\n"
			     "  d: [p, q]\n"
			     "e:\n"
			     "  - f: 2\n"
			     "    g:\n"
			     "  - f: 3\n");
	const struct yaml_node *n;

	CU_ASSERT_PTR_NOT_NULL_FATAL(y);
	CU_ASSERT_EQUAL(y->n, 12);
	n = yaml_find(y, "b.c");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	CU_ASSERT_STRING_EQUAL(n->value, "x");
	CU_ASSERT_STRING_EQUAL(n->key, "c");
	CU_ASSERT_TRUE(n->quoted);
	CU_ASSERT_EQUAL(n->line, 3);
	CU_ASSERT_EQUAL(n->column, 3);
	CU_ASSERT_EQUAL(n->value_column, 6);
	n = yaml_find(y, "b.d[1]");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	CU_ASSERT_STRING_EQUAL(n->value, "q");
	CU_ASSERT_STRING_EQUAL(n->key, "[1]");
	n = yaml_find(y, "e[1].f");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	CU_ASSERT_STRING_EQUAL(n->value, "3");
	CU_ASSERT_FALSE(n->quoted);
	n = yaml_find(y, "e[0].g");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	CU_ASSERT_STRING_EQUAL(n->value, "");
	n = yaml_find(y, "b");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	CU_ASSERT_EQUAL(n->kind, YAML_MAP);
	CU_ASSERT_PTR_NULL(yaml_find(y, "b.x"));
	yaml_close(y);
}

static void
nodes_keep_the_order_of_the_file(void)
{
	struct yaml *y = get("z: 1\na: 2\nm: 3\n");

	CU_ASSERT_PTR_NOT_NULL_FATAL(y);
	CU_ASSERT_STRING_EQUAL(y->v[0].path, "z");
	CU_ASSERT_STRING_EQUAL(y->v[1].path, "a");
	CU_ASSERT_STRING_EQUAL(y->v[2].path, "m");
	yaml_close(y);
}

static void
an_empty_document_has_no_nodes(void)
{
	static const char *const docs[] = { "", "# only a comment\n", "{}\n" };

	for (size_t i = 0; i < 3; i++) {
		struct yaml *y = get(docs[i]);

		CU_ASSERT_PTR_NOT_NULL_FATAL(y);
		CU_ASSERT_EQUAL(y->n, 0);
		CU_ASSERT_PTR_NULL(yaml_find(y, "a"));
		yaml_close(y);
	}
}

static void
what_is_not_allowed_is_refused_where_it_stands(void)
{
	refused_at("a: &x 1\nb: 2\n", 1, 4, "anchor");
	refused_at("a: 1\nb: *x\n", 2, 4, "aliases");
	refused_at("a: !!str 1\n", 1, 4, "tags");
	refused_at("a: !!map {b: 1}\n", 1, 4, "tags");
	refused_at("a: &x [1]\n", 1, 4, "anchor");
	refused_at("<<: 1\n", 1, 1, "merge");
	refused_at("a: 1\n---\nb: 2\n", 2, 1, "more than one document");
	refused_at("%YAML 1.1\n---\na: 1\n", 1, 1, "directives");
	refused_at("b: 0\n? [x]\n: 1\n", 2, 3, "plain word");
	refused_at("a b: 1\n", 1, 1, "letters");
	refused_at("a.b: 1\n", 1, 1, "letters");
	refused_at("\"\": 1\n", 1, 1, "letters");
	refused_at("word\n", 1, 1, "keys are expected");
	refused_at("a: \"x\\0y\"\n", 1, 4, "control");
}

static void
a_key_given_twice_is_refused_at_the_second(void)
{
	refused_at("a: 1\nb: 2\na: 3\n", 3, 1, "first on line 1");
	refused_at("s:\n  x: 1\n  y: 1\ns:\n  x: 1\n", 4, 1, "key s is");
	struct yaml *y = get("s:\n  a: 1\nt:\n  a: 1\n");
	CU_ASSERT_PTR_NOT_NULL(y);
	yaml_close(y);
}

static void
all_faults_are_told_at_once(void)
{
	struct yaml *y = get("a: &x 1\nb: *x\nc: !t 1\nb: 4\n");

	CU_ASSERT_PTR_NULL(y);
	CU_ASSERT_EQUAL(list.n, 3); /* the alias left no node to double */
	diag_list_free(&list);
}

static void
broken_syntax_is_told_with_its_place(void)
{
	struct yaml *y = get("a: 1\nb: [1, 2\nc: 3\n");

	CU_ASSERT_PTR_NULL(y);
	CU_ASSERT_EQUAL(list.n, 1);
	CU_ASSERT_EQUAL(list.v[0].line, 3);
	y = get("a: \xff\n");
	CU_ASSERT_PTR_NULL(y);
	CU_ASSERT_EQUAL(list.n, 1);
	y = get("\xff\xfe"
		"a"); /* a UTF-16 byte order mark */
	CU_ASSERT_PTR_NULL(y);
	diag_list_free(&list);
}

static void
nesting_beyond_the_limit_is_refused(void)
{
	struct yaml *y = get("a: [[[[[[[1]]]]]]]\n"); /* 8 with the map */

	CU_ASSERT_PTR_NOT_NULL(y);
	yaml_close(y);
	refused_at("a: [[[[[[[[1]]]]]]]]\n", 1, 11, "deep");
	char deep[20001];
	memset(deep, '[', 20000);
	deep[20000] = '\0';
	refused_at(deep, 1, YAML_DEPTH_MAX + 1, "deep");
}

static void
size_and_number_of_nodes_are_limited(void)
{
	size_t n = CONFIG_BYTES_MAX + 1;
	char *big = malloc(n + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	memset(big, '#', n);
	big[n] = '\0';
	refused_at(big, 1, 1, "larger");
	big[n - 1] = '\0';
	struct yaml *y = get(big);
	CU_ASSERT_PTR_NOT_NULL(y);
	yaml_close(y);
	char *p = big;
	p += sprintf(p, "a: [");
	for (int i = 0; i < YAML_NODES_MAX - 1; i++)
		p += sprintf(p, "1,");
	sprintf(p, "]");
	y = get(big);
	CU_ASSERT_PTR_NOT_NULL(y);
	yaml_close(y);
	sprintf(p, "1]");
	refused_at(big, 1, 5 + 2 * (YAML_NODES_MAX - 1), "limit");
	memset(big, 'v', YAML_VALUE_MAX + 5);
	memcpy(big, "a: ", 3);
	big[YAML_VALUE_MAX + 3] = '\0';
	y = get(big);
	CU_ASSERT_PTR_NOT_NULL(y);
	yaml_close(y);
	big[YAML_VALUE_MAX + 3] = 'v';
	big[YAML_VALUE_MAX + 4] = '\0';
	refused_at(big, 1, 4, "longer");
	free(big);
	diag_list_free(&list);
}

static void
a_quoted_value_reads_back_as_itself(void)
{
	char store[200], doc[220];
	struct buf out;
	const char *value = "a\"b\\c: #\t資格";

	buf_init(&out, store, sizeof(store));
	yaml_quote(slice_of(value), &out);
	snprintf(doc, sizeof(doc), "k: %s\n", store);
	struct yaml *y = get(doc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(y);
	CU_ASSERT_STRING_EQUAL(yaml_find(y, "k")->value, value);
	yaml_close(y);
	diag_list_free(&list);
}

static CU_TestInfo tests[] = {
	{ "values have paths", values_have_paths },
	{ "nodes keep the order of the file",
	    nodes_keep_the_order_of_the_file },
	{ "an empty document has no nodes", an_empty_document_has_no_nodes },
	{ "what is not allowed is refused where it stands",
	    what_is_not_allowed_is_refused_where_it_stands },
	{ "a key given twice is refused at the second",
	    a_key_given_twice_is_refused_at_the_second },
	{ "all faults are told at once", all_faults_are_told_at_once },
	{ "broken syntax is told with its place",
	    broken_syntax_is_told_with_its_place },
	{ "nesting beyond the limit is refused",
	    nesting_beyond_the_limit_is_refused },
	{ "size and number of nodes are limited",
	    size_and_number_of_nodes_are_limited },
	{ "a quoted value reads back as itself",
	    a_quoted_value_reads_back_as_itself },
	CU_TEST_INFO_NULL,
};
SUITE(yaml, tests);
