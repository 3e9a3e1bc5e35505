#include <stdlib.h>
#include <string.h>

#include "formats/codec/record.h"
#include "formats/codec/xml.h"
#include "formats/feeds.h"
#include "tests/unit/suite.h"

static struct diag_list list;
static char seen[4096];
static struct buf trace;

static int
on_open(void *arg, struct slice name, int depth, int64_t line)
{
	(void)arg;
	buf_printf(
	    &trace, "<%.*s %d %d>", (int)name.n, name.p, depth, (int)line);
	return slice_is(name, "stop");
}

static int
on_close(
    void *arg, struct slice name, struct slice text, int depth, int64_t line)
{
	(void)arg;
	(void)line;
	(void)depth;
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
	return xml_walk(doc, &h, "t", &list.sink);
}

static void
gives(const char *doc, const char *events)
{
	CU_ASSERT_EQUAL(walk(slice_of(doc)), 0);
	CU_ASSERT_EQUAL(list.n, 0);
	CU_ASSERT_STRING_EQUAL(seen, events);
	diag_list_free(&list);
}

static void
refused(struct slice doc, enum diag_code code)
{
	CU_ASSERT_EQUAL(walk(doc), -1);
	CU_ASSERT_EQUAL(list.n, 1);
	CU_ASSERT_EQUAL(list.sink.counts[code], 1);
	if (list.sink.counts[code] != 1)
		fprintf(
		    stderr, "%.60s: not %s\n", doc.p, diag_table[code].code);
	diag_list_free(&list);
}

#define V "<?xml version=\"1.0\"?>"

static void
test_events(void)
{
	gives("<a>x</a>", "<a 0 1>[x]</a>");
	gives("\xef\xbb\xbf" V "\n<a>\n  <b>x &amp; y</b>\n</a>",
	    "<a 0 2><b 1 3>[x & y]</b>[]</a>");
	gives("<n:a xmlns:n='u'><n:b n:c='d'/></n:a>",
	    "<a 0 1><b 1 1>[]</b>[]</a>");
	gives("<a><!-- c --><?p i?><![CDATA[<x>]]></a>", "<a 0 1>[<x>]</a>");
	gives("<a>&#x8868;</a>", "<a 0 1>[表]</a>");
	gives("<a> x </a>", "<a 0 1>[ x ]</a>");
	gives("<a>1<b/>2</a>", "<a 0 1><b 1 1>[]</b>[12]</a>");
	CU_ASSERT_EQUAL(walk(SLICE("<a><stop/></a>")), 1);
	CU_ASSERT_EQUAL(list.n, 0);
	diag_list_free(&list);
}

static void
test_refused(void)
{
	refused(SLICE(""), DIAG_XML_SYNTAX);
	refused(SLICE("<a>"), DIAG_XML_SYNTAX);
	refused(SLICE("<a></b>"), DIAG_XML_SYNTAX);
	refused(SLICE("<a/><b/>"), DIAG_XML_SYNTAX);
	refused(SLICE("<a>&nothing;</a>"), DIAG_XML_SYNTAX);
	refused(SLICE("<?xml version=\"1.1\"?><a/>"), DIAG_XML_SYNTAX);
	refused(SLICE("<?xml version=\"1.0\"<a/>"), DIAG_XML_SYNTAX);
	refused(SLICE("<!DOCTYPE a><a/>"), DIAG_XML_DOCTYPE);
	refused(SLICE(V "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"),
	    DIAG_XML_DOCTYPE);
	refused(SLICE("<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]>"
		      "<a>&c;</a>"),
	    DIAG_XML_DOCTYPE);
	refused(SLICE("<a>\x01</a>"), DIAG_ENCODING);
	refused(SLICE("<a>\xe3\x81</a>"), DIAG_ENCODING);
	refused(SLICE("<?xml version=\"1.0\" encoding=\"EUC-JP\"?><a/>"),
	    DIAG_ENCODING);
	refused(SLICE("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>"),
	    DIAG_ENCODING);
}

static void
test_limits(void)
{
	char *big = malloc(300001);
	char deep[200];

	buf_init(&trace, deep, sizeof(deep));
	for (int i = 0; i < 17; i++)
		buf_puts(&trace, "<a>");
	refused((struct slice) { deep, 17 * 3 }, DIAG_XML_DEPTH);
	memset(big, 'x', 300000);
	memcpy(big, "<a>", 3);
	refused((struct slice) { big, 300000 }, DIAG_XML_DEPTH);
	memcpy(big, "<a ", 3);
	refused((struct slice) { big, 300000 }, DIAG_XML_DEPTH);
	memcpy(big, "<a b='", 6);
	refused((struct slice) { big, 300000 }, DIAG_XML_DEPTH);
	memcpy(big, "<!--", 4);
	refused((struct slice) { big, 300000 }, DIAG_XML_DEPTH);
	memcpy(big, "<?xml version=\"1.0\"", 19);
	refused((struct slice) { big, 300000 }, DIAG_XML_SYNTAX);
	free(big);
}

/* 表 is 95 5C: cut at each byte of the pieces decoded. */
static void
test_cp932(void)
{
	static const char *const names[] = { "Shift_JIS", "Windows-31J",
		"CP932", "shift_jis" };
	char doc[9000], want[200];

	for (size_t i = 0; i < 4; i++) {
		snprintf(doc, sizeof(doc),
		    "<?xml version='1.0' encoding='%s'?><a>\x95\x5c\xfb\xfc"
		    "\xb6\xde\x87\x40~</a>",
		    names[i]);
		gives(doc, "<a 0 1>[表髙ｶﾞ①~]</a>");
	}
	for (int pad = 0; pad < 3; pad++) {
		int n = snprintf(doc, sizeof(doc),
		    "<?xml version='1.0' encoding='cp932'?><r>%*s", pad, "");

		for (; n < 8000; n += 9)
			memcpy(doc + n, "<a>\x95\x5c</a>", 10);
		memcpy(doc + n, "</r>", 5);
		CU_ASSERT_EQUAL(walk(slice_of(doc)), 0);
		CU_ASSERT_EQUAL(list.n, 0);
		snprintf(want, sizeof(want), "[表]</a><a 1 1>[表]</a>");
		CU_ASSERT_PTR_NOT_NULL(strstr(seen, want));
		diag_list_free(&list);
	}
	refused(SLICE("<?xml version='1.0' encoding='cp932'?><a>\x95</a>"),
	    DIAG_ENCODING);
	/* the end of the document comes on a boundary of what is decoded */
	refused(SLICE("<?xml version='1.0' encoding='cp932'?><a>\x95\x5c"),
	    DIAG_XML_SYNTAX);
	refused(SLICE("<?xml version='1.0' encoding='cp932'?><a/>\x95"),
	    DIAG_ENCODING);
}

/* XML 1.0, 2.8 and 4.3.3: blanks and either quote; names without regard to
 * case. What we cannot read as a declaration decides nothing by chance. */
static void
test_declarations(void)
{
	static const char *const good[] = {
		"<?xml version='1.0' encoding='utf-8'?><a/>",
		"<?xml version=\"1.0\" encoding=\"UTF8\" ?><a/>",
		"<?xml\tversion = '1.0'\r\nencoding\t=\n'US-ASCII'?><a/>",
		"<?xml version='1.0' standalone='yes'?><a/>",
		"<?xml version='1.0' encoding=''?><a/>",
		"<?xml version='1.0' encodings='latin1'?><a/>",
	};
	static const struct {
		const char *doc;
		enum diag_code code;
	} bad[] = {
		{ "<?xml version='1.0' encoding='utf-88'?><a/>",
		    DIAG_ENCODING },
		{ "<?xml version='1.0' encoding='utf'?><a/>", DIAG_ENCODING },
		{ "<?xml version='1.0' encoding='EUC-JP'?><a/>",
		    DIAG_ENCODING },
		{ "<?xml version='1.0' encoding='cp9321'?><a/>",
		    DIAG_ENCODING },
		{ "<?xml version='1.1'?><a/>", DIAG_XML_SYNTAX },
		{ "<?xml version=1.0?><a/>", DIAG_XML_SYNTAX },
		{ "<?xml version= ?><a/>", DIAG_XML_SYNTAX },
		{ "<?xml version='1.0?><a/>", DIAG_XML_SYNTAX },
		{ "<?xml reversion='1.0'?><a/>", DIAG_XML_SYNTAX },
		{ "<?xml encoding='utf-8'?><a/>", DIAG_XML_SYNTAX },
		{ "<?xml version='1.0' encoding='utf-8' <a/>",
		    DIAG_XML_SYNTAX },
		{ "<?xmlversion='1.0'?><a/>", DIAG_XML_SYNTAX },
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		gives(good[i], i == 2 ? "<a 0 3>[]</a>" : "<a 0 1>[]</a>");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(slice_of(bad[i].doc), bad[i].code);
}

static void
test_escape(void)
{
	char text[100];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	xml_escape(SLICE("表<a href=\"x\">&'</a>"), &b);
	CU_ASSERT_STRING_EQUAL(
	    text, "表&lt;a href=&quot;x&quot;&gt;&amp;&apos;&lt;/a&gt;");
}

/* ---- records ---- */
#define CA "0123456789abcdef0123456789abcdef01234567"
#define HEAD                                                                   \
	"<link><Header><Version>1</Version><Sender>JLIS0001</Sender>"          \
	"<Feed>link</Feed><Day>20260801</Day><Sequence>1</Sequence></Header>"
#define ITEMS                                                                  \
	"<RecordNumber>1</RecordNumber><ProvidedAt>20260801010203"             \
	"</ProvidedAt><CaKeyId>" CA "</CaKeyId><SerialNumber>01a2"             \
	"</SerialNumber><ProcessingNumber>P</ProcessingNumber><LinkState>1"    \
	"</LinkState>"
#define TAIL "<Trailer><Count>1</Count><Total>0</Total></Trailer></link>"

static enum record_result
read_doc(struct slice doc, enum charset cs)
{
	struct record_source src = { .name = "t",
		.fd = -1,
		.bytes = doc,
		.layout = &link_layout,
		.syntax = SYNTAX_XML,
		.charset = cs,
		.today = 20666,
		.sink = &list.sink };
	struct record_reader *r;
	struct record rec;
	enum record_result res;

	diag_list_init(&list, 100, NULL, DIAG_FATAL);
	r = record_open(&src);
	while (
	    (res = record_next(r, &rec)) == RECORD_OK || res == RECORD_REFUSED)
		;
	record_close(r);
	return res;
}

static void
record_raises(struct slice doc, enum diag_code code, const char *detail)
{
	read_doc(doc, CHARSET_UTF8);
	CU_ASSERT_EQUAL(list.n, 1);
	CU_ASSERT_EQUAL(list.sink.counts[code], 1);
	if (list.n >= 1 && detail != NULL)
		CU_ASSERT_STRING_EQUAL(list.v[0].detail, detail);
	diag_list_free(&list);
}

static void
test_records(void)
{
	CU_ASSERT_EQUAL(
	    read_doc(SLICE(HEAD "<Link>" ITEMS "</Link>" TAIL), CHARSET_UTF8),
	    RECORD_END);
	CU_ASSERT_EQUAL(list.n, 0);
	diag_list_free(&list);
	CU_ASSERT_EQUAL(
	    read_doc(SLICE(HEAD "<Link>\n<RecordType>2</RecordType>"
				"<ValidFrom/>" ITEMS "</Link>" TAIL),
		CHARSET_UTF8),
	    RECORD_END);
	CU_ASSERT_EQUAL(list.n, 0);
	diag_list_free(&list);
}

static void
test_record_faults(void)
{
	record_raises(
	    SLICE(HEAD "<Link>" ITEMS "<MyNumber>1</MyNumber></Link>" TAIL),
	    DIAG_UNKNOWN_ITEM, "MyNumber");
	record_raises(
	    SLICE(
		HEAD "<Link>" ITEMS "<LimitApplicationCertificateInfo><A>1</A>"
		     "</LimitApplicationCertificateInfo></Link>" TAIL),
	    DIAG_OUT_OF_SCOPE, "LimitApplicationCertificateInfo");
	record_raises(SLICE(HEAD "<Link>" ITEMS "<氏名>1</氏名></Link>" TAIL),
	    DIAG_UNKNOWN_ITEM, NULL);
	record_raises(
	    SLICE(HEAD "<Link>" ITEMS "<LinkState>2</LinkState></Link>" TAIL),
	    DIAG_ITEM_TWICE, NULL);
	record_raises(SLICE(HEAD "<Link>" ITEMS "text</Link>" TAIL),
	    DIAG_UNKNOWN_ITEM, NULL);
	record_raises(SLICE(HEAD "<Other/>" TAIL), DIAG_RECORD_TYPE, NULL);
	record_raises(
	    SLICE(HEAD "<Link><RecordType>3</RecordType>" ITEMS "</Link>" TAIL),
	    DIAG_RECORD_TYPE, NULL);
	record_raises(SLICE("<codes/>"), DIAG_HEADER, NULL);
	record_raises(
	    SLICE(HEAD "<Link>" ITEMS "</Link></link>"), DIAG_TRAILER, NULL);
	record_raises(SLICE("<!DOCTYPE link><link/>"), DIAG_XML_DOCTYPE, NULL);
}

static void
test_charset(void)
{
	CU_ASSERT_EQUAL(
	    read_doc(SLICE(HEAD "<Link>" ITEMS "</Link>" TAIL), CHARSET_CP932),
	    RECORD_BROKEN);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_ENCODING], 1);
	diag_list_free(&list);
	CU_ASSERT_EQUAL(
	    read_doc(SLICE("<?xml version='1.0' encoding='Shift_JIS'?>" HEAD
			   "<Link>" ITEMS "</Link>" TAIL),
		CHARSET_UTF8),
	    RECORD_BROKEN);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_ENCODING], 1);
	diag_list_free(&list);
}

static CU_TestInfo tests[] = {
	{ "a document comes as events with its text", test_events },
	{ "DOCTYPE, entities, 1.1, other charsets are refused", test_refused },
	{ "depth, texts, tags and comments have limits", test_limits },
	{ "what calls itself Shift_JIS is decoded as CP932", test_cp932 },
	{ "a declaration is read as XML 1.0 writes it, or refused",
	    test_declarations },
	{ "five characters are escaped", test_escape },
	{ "items come in any order, empty ones may be left out", test_records },
	{ "unknown, excluded and doubled items are told by name",
	    test_record_faults },
	{ "manifest and declaration have to agree on the charset",
	    test_charset },
	CU_TEST_INFO_NULL,
};
SUITE(xml, tests);
