#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/manifest.h"
#include "tests/unit/suite.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct diag_list list;

static struct manifest *
get(const char *doc)
{
	diag_list_free(&list);
	diag_list_init(&list, 100, NULL, DIAG_FATAL);
	return manifest_read(slice_of(doc), "manifest.yaml", &list.sink);
}

static const char good[] = "sender: \"06139992\"\n"
			   "feed: shikaku\n"
			   "day: 2026-08-01\n"
			   "sequence: 7\n"
			   "members:\n"
			   "  - name: \"shikaku.csv\"\n"
			   "    layout: shikaku\n"
			   "    syntax: csv\n"
			   "    charset: cp932\n"
			   "    bytes: 1234\n"
			   "    sha256: \"" HEX "\"\n"
			   "    records: 10\n"
			   "    total: 199001010\n";

static void
a_manifest_is_read_and_written_as_the_same_text(void)
{
	struct manifest *m = get(good);
	char *text = NULL;
	size_t n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->id.sender, "06139992");
	CU_ASSERT_EQUAL(m->id.feed, FEED_SHIKAKU);
	CU_ASSERT_EQUAL(m->id.day, day_of(2026, 8, 1));
	CU_ASSERT_EQUAL(m->id.sequence, 7);
	CU_ASSERT_EQUAL_FATAL(m->members, 1);
	CU_ASSERT_STRING_EQUAL(m->member[0].name, "shikaku.csv");
	CU_ASSERT_STRING_EQUAL(m->member[0].charset, "cp932");
	CU_ASSERT_EQUAL(m->member[0].bytes, 1234);
	CU_ASSERT_EQUAL(m->member[0].records, 10);
	CU_ASSERT_EQUAL(m->member[0].total, 199001010);
	CU_ASSERT_STRING_EQUAL(m->member[0].sha256, HEX);
	FILE *f = open_memstream(&text, &n);
	manifest_write(m, f);
	fclose(f);
	CU_ASSERT_STRING_EQUAL(text, good);
	free(text);
	free(m);
}

static void
a_full_file_says_so_and_is_written_so(void)
{
	char doc[2000], *text = NULL, *at;
	size_t n = 0;

	snprintf(doc, sizeof(doc), "%s", good);
	at = strstr(doc, "members:");
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(at, sizeof(doc) - (size_t)(at - doc), "full: true\n%s",
	    strstr(good, "members:"));
	struct manifest *m = get(doc);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT(m->full);
	FILE *f = open_memstream(&text, &n);
	manifest_write(m, f);
	fclose(f);
	CU_ASSERT_STRING_EQUAL(text, doc);
	free(text);
	free(m);
	m = get(good);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT(!m->full);
	free(m);
	memcpy(strstr(doc, "true"), "TRUE", 4);
	CU_ASSERT_PTR_NULL(get(doc));
}

/* good with one text put in place of another: refused, one fault there. */
static void
refused(const char *from, const char *to, int line, const char *why)
{
	char doc[2000];
	const char *at = strstr(good, from);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(doc, sizeof(doc), "%.*s%s%s", (int)(at - good), good, to,
	    at + strlen(from));
	struct manifest *m = get(doc);
	CU_ASSERT_PTR_NULL(m);
	free(m);
	CU_ASSERT_EQUAL(list.n, 1);
	for (size_t i = 1; i < list.n; i++)
		fprintf(stderr, "%s: %s\n", to, list.v[i].detail);
	if (list.n == 0)
		return;
	CU_ASSERT_EQUAL(list.v[0].line, line);
	CU_ASSERT_PTR_NOT_NULL(strstr(list.v[0].detail, why));
	if (strstr(list.v[0].detail, why) == NULL)
		fprintf(stderr, "%s: %s\n", to, list.v[0].detail);
}

static void
every_value_is_held_to_its_form(void)
{
	refused("\"06139992\"", "\"0613999z\"", 1, "sender");
	refused("\"06139992\"", "\"061399921\"", 1, "sender");
	refused("feed: shikaku", "feed: other", 2, "feed");
	refused("2026-08-01", "2026-02-29", 3, "day");
	refused("sequence: 7", "sequence: 0", 4, "sequence");
	refused("sequence: 7", "sequence: 10000", 4, "sequence");
	refused("sequence: 7\n", "", 0, "sequence is missing");
	refused(
	    "sequence: 7\n", "sequence: 7\nmore: 1\n", 5, "unknown key more");
	refused("    bytes: 1234\n", "", 6, "members[0].bytes is missing");
	refused("1234", "-1", 10, "bytes");
	refused("1234", "\"\"", 10, "bytes");
	refused("shikaku.csv", "../shikaku.csv", 6, "name");
	refused("shikaku.csv", ".hidden", 6, "name");
	refused("    total", "    link: x\n    total", 13, "unknown key");
	refused("\"" HEX "\"", "\"0A\"", 11, "sha256");
}

static void
members_are_a_list_without_doubles(void)
{
	CU_ASSERT_PTR_NULL(get("sender: A\nfeed: nhi\nday: 2026-08-01\n"
			       "sequence: 1\nmembers: []\n"));
	CU_ASSERT_PTR_NULL(get("sender: A\nfeed: nhi\nday: 2026-08-01\n"
			       "sequence: 1\nmembers: x\n"));
	CU_ASSERT_PTR_NULL(get("sender: A\nfeed: nhi\nday: 2026-08-01\n"
			       "sequence: 1\nmembers: {name: x}\n"));
	CU_ASSERT_PTR_NULL(get("sender: A\nfeed: nhi\nday: 2026-08-01\n"
			       "sequence: 1\nmembers: [x]\n"));
	CU_ASSERT_PTR_NULL(get(""));
	CU_ASSERT_PTR_NULL(get("members"));
	char doc[2000];
	snprintf(doc, sizeof(doc), "%s%s", good, strstr(good, "  - name"));
	CU_ASSERT_PTR_NULL(get(doc));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(list.v[0].detail, "named twice"));
}

static void
as_many_members_as_a_crl_delivery_has_fit(void)
{
	struct manifest *m = manifest_new(PACKAGE_MEMBERS_MAX), *back;
	char *text = NULL;
	size_t n = 0;

	snprintf(m->id.sender, sizeof(m->id.sender), "JLIS0001");
	m->id.feed = FEED_CRL;
	m->id.day = day_of(2026, 8, 1);
	m->id.sequence = 1;
	for (int i = 0; i < m->members; i++) {
		struct manifest_member *v = &m->member[i];

		snprintf(v->name, sizeof(v->name), "%05d.crl", i);
		snprintf(v->layout, sizeof(v->layout), "crl");
		snprintf(v->syntax, sizeof(v->syntax), "der");
		snprintf(v->sha256, sizeof(v->sha256), HEX);
	}
	FILE *f = open_memstream(&text, &n);
	manifest_write(m, f);
	fclose(f);
	back = get(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	CU_ASSERT_EQUAL(back->members, PACKAGE_MEMBERS_MAX);
	CU_ASSERT_STRING_EQUAL(back->member[2047].name, "02047.crl");
	free(back);
	free(text);
	free(m);
}

static void
a_snapshot_set_is_read_as_it_was_written(void)
{
	struct snapshot_set s = { .serial = 12, .previous = HEX }, t;
	struct snapshot_set_entry *e = &s.kind[SNAPSHOT_CARDS];
	char *text = NULL;
	size_t n = 0;

	for (int i = 0; i < SNAPSHOT__MAX; i++)
		s.kind[i].day = DAY_NONE;
	e->generation = 3;
	snprintf(e->file, sizeof(e->file), "cards-000003.sqlite");
	snprintf(e->sha256, sizeof(e->sha256), HEX);
	snprintf(e->digest, sizeof(e->digest), HEX);
	e->rows = 5;
	e->day = day_of(2026, 8, 1);
	e->cut_off = day_moment(e->day, 21 * 3600000);
	FILE *f = open_memstream(&text, &n);
	snapshot_set_write(&s, f);
	fclose(f);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "cut_off: \"20260801210000\""));
	diag_list_free(&list);
	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	CU_ASSERT_EQUAL(
	    snapshot_set_read(slice_of(text), "m", &t, &list.sink), 0);
	CU_ASSERT_EQUAL(t.serial, 12);
	CU_ASSERT_STRING_EQUAL(t.previous, HEX);
	CU_ASSERT_EQUAL(t.kind[SNAPSHOT_CARDS].cut_off, e->cut_off);
	CU_ASSERT_STRING_EQUAL(t.kind[SNAPSHOT_CARDS].file, e->file);
	CU_ASSERT_EQUAL(t.kind[SNAPSHOT_CARDS].rows, 5);
	CU_ASSERT_EQUAL(t.kind[SNAPSHOT_QUALIFICATION].generation, 0);
	free(text);
}

static void
a_snapshot_set_of_another_shape_is_refused(void)
{
	static const char *const docs[] = { "", "serial: 1\nprevious: \"\"\n",
		"serial: 1\nprevious: \"\"\nsnapshots: [1]\n",
		"serial: 1\nprevious: \"\"\nsnapshots: x\n",
		"serial: 1\nprevious: \"\"\nsnapshots:\n  other: {a: 1}\n",
		"serial: 1\nprevious: \"\"\nsnapshots:\n  cards: {a: 1}\n",
		"serial: 1\nprevious: zz\nsnapshots:\n",
		"serial: x\nprevious: \"\"\nsnapshots:\n",
		"serial: 1\nprevious: \"\"\nsnapshots:\nmore: 1\n" };
	struct snapshot_set t;

	diag_list_free(&list);
	diag_list_init(&list, 100, NULL, DIAG_FATAL);
	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++)
		CU_ASSERT_EQUAL(
		    snapshot_set_read(slice_of(docs[i]), "m", &t, &list.sink),
		    -1);
	CU_ASSERT_EQUAL(snapshot_set_read(
			    slice_of("serial: 1\nprevious: \"\"\nsnapshots:\n"),
			    "m", &t, &list.sink),
	    0);
	diag_list_free(&list);
}

static CU_TestInfo tests[] = {
	{ "a full file says so and is written so",
	    a_full_file_says_so_and_is_written_so },
	{ "a manifest is read, and written as the same text",
	    a_manifest_is_read_and_written_as_the_same_text },
	{ "every value is held to its form", every_value_is_held_to_its_form },
	{ "members are a list without doubles",
	    members_are_a_list_without_doubles },
	{ "as many members as a CRL delivery has fit",
	    as_many_members_as_a_crl_delivery_has_fit },
	{ "a snapshot set is read as it was written",
	    a_snapshot_set_is_read_as_it_was_written },
	{ "a snapshot set of another shape is refused",
	    a_snapshot_set_of_another_shape_is_refused },
	CU_TEST_INFO_NULL,
};
SUITE(manifest, tests);
