/*
 * The examples of domain/messages.md 12 lie in tests/data/oqs as they stand
 * there; what is expected of them was read from the text, not from output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/query.h"
#include "tests/unit/suite.h"

static char file_bytes[HTTP_BODY_MAX + 1];

static struct slice
example(const char *name)
{
	char path[128];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/oqs/%s", name);
	f = fopen(path, "rb");
	if (f != NULL) {
		n = fread(file_bytes, 1, HTTP_BODY_MAX, f);
		fclose(f);
	}
	CU_ASSERT_FATAL(n > 0);
	file_bytes[n] = '\0';
	return (struct slice) { file_bytes, n };
}

static struct query q;
static const char *error;

static int
read_text(enum query_wire wire, const char *text)
{
	return query_read(wire, slice_of(text), &q, &error);
}

/* What a question with this body is refused with. */
static bool
refused(enum query_wire wire, const char *text, const char *code)
{
	return read_text(wire, text) == -1 && strcmp(error, code) == 0;
}

static char out_bytes[32768];
static struct buf out;

static bool
writes(enum query_wire wire, enum charset cs, const struct answer *a,
    const char *name)
{
	struct slice want = example(name);
	bool same;

	buf_init(&out, out_bytes, sizeof(out_bytes));
	same = query_write(wire, cs, a, &out) == 0 &&
	    slice_eq(buf_slice(&out), want);
	if (!same)
		fprintf(stderr, "%s: written:\n%.*s", name, (int)out.n, out.p);
	return same;
}

static void
set(struct answer *a, int field, const char *v)
{
	record_set(&a->result, field, slice_of(v));
}

/* "YYYYMMDDHHmmss" in Japanese time */
static int64_t
at(int y, int m, int d, int hour, int minute, int second)
{
	return day_moment(day_of(y, m, d),
	    ((hour * 60 + minute) * 60 + second) * INT64_C(1000));
}

static void
answer_init(struct answer *a, const struct query *asked)
{
	memset(a, 0, sizeof(*a));
	a->query = asked;
	a->segment_of_result = 1;
	record_init(&a->result, &qualification_format);
}

/* ---- reading ---- */

static void
test_every_element_of_12_1_is_read(void)
{
	CU_ASSERT_EQUAL(
	    query_read(QUERY_XML, example("12_1.xml"), &q, &error), 0);
	CU_ASSERT_PTR_NULL(error);
	CU_ASSERT_EQUAL(q.kind, QUERY_NUMBER);
	CU_ASSERT_EQUAL(q.day, day_of(2019, 4, 15));
	CU_ASSERT(slice_is(q.institution, "0119900017"));
	CU_ASSERT(slice_is(q.file_identifier, "A0001"));
	CU_ASSERT(slice_is(q.search[SF_INSURER], "06139992"));
	CU_ASSERT(slice_is(q.search[SF_SYMBOL], "１２－３４"));
	CU_ASSERT(slice_is(q.search[SF_NUMBER], "５６７８"));
	CU_ASSERT(slice_is(q.search[SF_BRANCH], "01"));
	CU_ASSERT(slice_is(q.search[SF_BIRTHDATE], "19800505"));
	CU_ASSERT(slice_is(q.search[SF_LIMIT_FLAG], "0"));
	CU_ASSERT(slice_is(q.search[SF_IDENTIFIER], "100_1"));
	CU_ASSERT_STRING_EQUAL(q.insurer8, "06139992");
	CU_ASSERT_EQUAL(q.birth, day_of(1980, 5, 5));
	CU_ASSERT_EQUAL(q.unknown, 0);
}

static void
test_the_json_question_12_9_is_read(void)
{
	CU_ASSERT_EQUAL(
	    query_read(QUERY_JSON, example("12_9.json"), &q, &error), 0);
	CU_ASSERT(slice_is(q.institution, "1319900010"));
	CU_ASSERT(slice_is(q.search[SF_NUMBER], "4260"));
	CU_ASSERT_STRING_EQUAL(q.insurer8, "00139998");
	CU_ASSERT_EQUAL(q.file_identifier.n, 0);
}

static void
test_a_bulk_upload_is_no_single_question(void)
{
	CU_ASSERT_EQUAL(
	    query_read(QUERY_XML, example("12_6.xml"), &q, &error), -1);
	CU_ASSERT_STRING_EQUAL(error, "OE1005");
	CU_ASSERT_EQUAL(
	    query_read(QUERY_XML, example("12_7a.xml"), &q, &error), -1);
	CU_ASSERT_EQUAL(
	    query_read(QUERY_XML, example("12_7b.xml"), &q, &error), -1);
	CU_ASSERT_STRING_EQUAL(error, "OE2111");
	CU_ASSERT_EQUAL(
	    query_read(QUERY_XML, example("12_8.xml"), &q, &error), -1);
}

#define HEAD                                                                   \
	"<MessageHeader>"                                                      \
	"<MedicalInstitutionCode>1319900010</MedicalInstitutionCode>"          \
	"<QualificationConfirmationDate>20190415"                              \
	"</QualificationConfirmationDate></MessageHeader>"
#define BODY(x)                                                                \
	"<MessageBody><QualificationConfirmSearchInfo>" x                      \
	"</QualificationConfirmSearchInfo></MessageBody>"
#define NUMBER "<InsuredIdentificationNumber>4260</InsuredIdentificationNumber>"
#define BIRTH "<Birthdate>19461120</Birthdate>"
#define INSURER "<InsurerNumber>  139998</InsurerNumber>"
#define DECLARATION "<?xml version='1.0' encoding='UTF-8' standalone='no'?>"

static void
test_order_is_free_and_unknown_elements_are_counted(void)
{
	CU_ASSERT_EQUAL(read_text(QUERY_XML,
			    DECLARATION "<XmlMsg>" BODY(BIRTH
				"<SomethingNew><Birthdate>1"
				"</Birthdate></SomethingNew>" NUMBER INSURER)
				HEAD "</XmlMsg>"),
	    0);
	CU_ASSERT_EQUAL(q.birth, day_of(1946, 11, 20));
	CU_ASSERT_STRING_EQUAL(q.insurer8, "00139998");
	CU_ASSERT(slice_is(q.search[SF_INSURER], "  139998"));
	CU_ASSERT_EQUAL(q.unknown, 2);
}

static void
test_blanks_inside_tags_are_tolerated(void)
{
	CU_ASSERT_EQUAL(
	    read_text(QUERY_XML,
		DECLARATION "<XmlMsg >" HEAD BODY(INSURER
		    "<InsuredIdentificationNumber >4260"
		    "</InsuredIdentificationNumber >" BIRTH) "</XmlMsg >"),
	    0);
	CU_ASSERT(slice_is(q.search[SF_NUMBER], "4260"));
}

static void
test_an_insurer_number_may_be_padded_with_zeros_or_not_at_all(void)
{
	static const char *const forms[] = { "00139998", "139998" };

	for (size_t i = 0; i < 2; i++) {
		char text[1024];
		snprintf(text, sizeof(text),
		    "<XmlMsg>" HEAD BODY(
			"<InsurerNumber>%s</InsurerNumber>" NUMBER
			    BIRTH) "</XmlMsg>",
		    forms[i]);
		CU_ASSERT_EQUAL(read_text(QUERY_XML, text), 0);
		CU_ASSERT_STRING_EQUAL(q.insurer8, "00139998");
	}
}

static void
test_shift_jis_is_read_as_cp932(void)
{
	/* 記号 ①－髙: NEC row 13 and an IBM character (FB FC) */
	static const char text[] =
	    "<?xml version=\"1.0\" encoding=\"Shift_JIS\"?><XmlMsg>" HEAD BODY(
		"<InsurerNumber>06139992</InsurerNumber>"
		"<InsuredCardSymbol>\x87\x40\x81\x7c\xfb\xfc"
		"</InsuredCardSymbol>" NUMBER BIRTH) "</XmlMsg>";

	CU_ASSERT_EQUAL(read_text(QUERY_XML, text), 0);
	CU_ASSERT(slice_is(q.search[SF_SYMBOL], "①－髙"));
}

static void
test_duplicates_are_refused(void)
{
	CU_ASSERT(refused(QUERY_XML,
	    "<XmlMsg>" HEAD BODY(INSURER NUMBER BIRTH BIRTH) "</XmlMsg>",
	    "OE1005"));
	CU_ASSERT(refused(QUERY_XML,
	    "<XmlMsg>" HEAD HEAD BODY(INSURER NUMBER BIRTH) "</XmlMsg>",
	    "OE1005"));
	CU_ASSERT(refused(QUERY_JSON,
	    "{\"XmlMsg\":{\"MessageHeader\":{},\"MessageHeader\":{}}}",
	    "OE1005"));
}

static void
test_dtd_and_entities_are_refused(void)
{
	CU_ASSERT(refused(QUERY_XML,
	    "<!DOCTYPE XmlMsg><XmlMsg>" HEAD BODY(
		INSURER NUMBER BIRTH) "</XmlMsg>",
	    "OE1006"));
	CU_ASSERT(refused(QUERY_XML,
	    "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]>"
	    "<XmlMsg>&a;</XmlMsg>",
	    "OE1006"));
}

static void
test_what_is_no_message_is_refused(void)
{
	CU_ASSERT(refused(QUERY_XML, "", "OE1002"));
	CU_ASSERT(refused(QUERY_XML, "hello", "OE1002"));
	CU_ASSERT(refused(QUERY_XML, "<Other/>", "OE1002"));
	CU_ASSERT(refused(QUERY_JSON, "", "OE1002"));
	CU_ASSERT(refused(QUERY_JSON, "[]", "OE1002"));
	CU_ASSERT(refused(QUERY_JSON, "{}", "OE1002"));
	CU_ASSERT(refused(QUERY_JSON, "{\"XmlMsg\":7}", "OE1002"));
	CU_ASSERT(refused(QUERY_JSON, "{\"Other\":{}}", "OE1002"));
}

static void
test_every_truncation_is_refused(void)
{
	static const struct {
		const char *name;
		enum query_wire wire;
	} of[] = { { "12_1.xml", QUERY_XML }, { "12_9.json", QUERY_JSON } };

	for (size_t k = 0; k < 2; k++) {
		struct slice s = example(of[k].name);
		int read = 0;
		/* the last byte is the newline after the document */
		for (size_t n = 0; n + 1 < s.n; n++)
			if (query_read(of[k].wire, (struct slice) { s.p, n },
				&q, &error) == 0)
				read++;
		CU_ASSERT_EQUAL(read, 0);
	}
}

static void
put_element(struct buf *b, const char *name, const char *value)
{
	if (value[0] != '\0')
		buf_printf(b, "<%s>%s</%s>", name, value, name);
}

/* One field with one value; the rest as it should be. */
static bool
field(const char *element, const char *value, const char *code)
{
	static const char *const names[] = { "InsurerNumber",
		"InsuredIdentificationNumber", "Birthdate",
		"QualificationConfirmationDate", "MedicalInstitutionCode" };
	static const char *const good[] = { "06139992", "5678", "19800505",
		"20190415", "0119900017" };
	char head[512], body[1024], text[2048];
	struct buf h, b;
	bool known = false;

	buf_init(&h, head, sizeof(head));
	buf_init(&b, body, sizeof(body));
	for (size_t i = 0; i < 5; i++) {
		bool this = strcmp(names[i], element) == 0;
		known = known || this;
		put_element(i < 3 ? &b : &h, names[i], this ? value : good[i]);
	}
	if (!known)
		put_element(&b, element, value);
	snprintf(text, sizeof(text),
	    "<XmlMsg><MessageHeader>%s</MessageHeader>" BODY("%s") "</XmlMsg>",
	    head, body);
	if (code == NULL)
		return read_text(QUERY_XML, text) == 0;
	return refused(QUERY_XML, text, code);
}

static void
test_a_wrong_field_is_named_by_its_code(void)
{
	static const struct {
		const char *element, *value, *code;
	} cases[] = {
		{ "InsurerNumber", "", "OE2011" },
		{ "InsurerNumber", "0613999", "OE2012" },
		{ "InsurerNumber", "0613999あ", "OE2012" },
		{ "InsurerNumber", "0613-992", "OE2013" },
		{ "InsuredCardSymbol", "123456789012345678901", "OE2022" },
		{ "InsuredCardSymbol", "1\t2", "OE2023" },
		{ "InsuredIdentificationNumber", "", "OE2031" },
		{ "InsuredIdentificationNumber",
		    "１２３４５６７８９０１"
		    "２３４５６７８９０１",
		    "OE2032" },
		{ "InsuredBranchNumber", "1", "OE2042" },
		{ "InsuredBranchNumber", "0a", "OE2043" },
		{ "Birthdate", "", "OE2051" },
		{ "Birthdate", "1980505", "OE2052" },
		{ "Birthdate", "198005x5", "OE2053" },
		{ "Birthdate", "19461131", "OE2055" },
		{ "LimitApplicationCertificateRelatedConsFlg", "2", "OE2066" },
		{ "QualificationConfirmationDate", "", "OE2111" },
		{ "QualificationConfirmationDate", "20190229", "OE2115" },
		{ "MedicalInstitutionCode", "", "OE2121" },
		{ "MedicalInstitutionCode", "119900017", "OE2122" },
		{ "MedicalInstitutionCode", "011990001A", "OE2123" },
		{ "MedicalInstitutionCode", "0119900018", "OE2124" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool ok =
		    field(cases[i].element, cases[i].value, cases[i].code);
		if (!ok)
			fprintf(stderr, "%s=%s: got %s\n", cases[i].element,
			    cases[i].value, error == NULL ? "-" : error);
		CU_ASSERT(ok);
		CU_ASSERT_STRING_NOT_EQUAL(
		    query_error_ja(cases[i].code), query_error_ja("OE0000"));
	}
	CU_ASSERT(field("InsuredBranchNumber", "０１", NULL));
	CU_ASSERT(field("InsuredCardSymbol", "12345678901234567890", NULL));
}

static void
test_a_check_digit_is_asked_of_a_printed_number_only(void)
{
	/* 06139993: wrong digit. Alone it may be a 保険者コード (4.3). */
	CU_ASSERT(field("InsurerNumber", "06139993", NULL));
	CU_ASSERT(refused(QUERY_XML,
	    "<XmlMsg>" HEAD BODY(
		"<InsurerNumber>06139993</InsurerNumber>" NUMBER BIRTH
		"<InsuredBranchNumber>01</InsuredBranchNumber>") "</XmlMsg>",
	    "OE2014"));
}

static void
test_what_could_be_read_is_there_beside_the_error(void)
{
	CU_ASSERT(refused(QUERY_XML,
	    "<XmlMsg><MessageHeader><ArbitraryFileIdentifier>a=b&amp;c"
	    "</ArbitraryFileIdentifier><MedicalInstitutionCode>1319900010"
	    "</MedicalInstitutionCode></MessageHeader></XmlMsg>",
	    "OE2111"));
	CU_ASSERT(slice_is(q.file_identifier, "a=b&c"));
	CU_ASSERT(slice_is(q.institution, "1319900010"));
}

static void
test_a_card_question_is_decoded(void)
{
	static const char text[] =
	    "{\"XmlMsg\":{\"MessageHeader\":{"
	    "\"QualificationConfirmationDate\":\"20190415\","
	    "\"MedicalInstitutionCode\":\"1319900010\"},"
	    "\"MessageBody\":{\"CardSearchInfo\":{"
	    "\"ChallengeId\":\"0123456789abcdef0123456789abcdef\","
	    "\"Certificate\":\"MIIB\",\"Signature\":\"Zm9vYg==\"}}}}";

	CU_ASSERT_EQUAL(read_text(QUERY_JSON, text), 0);
	CU_ASSERT_EQUAL(q.kind, QUERY_CARD);
	CU_ASSERT(slice_is(q.card_der, "\x30\x82\x01"));
	CU_ASSERT(slice_is(q.card_signature, "foob"));
	CU_ASSERT(slice_is(q.challenge, "0123456789abcdef0123456789abcdef"));
}

static void
test_base64_is_strict(void)
{
	/* RFC 4648 10: "foobar" and its beginnings; then what is not allowed */
	static const struct {
		const char *text, *bytes;
	} cases[] = { { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" },
		{ "Zm9vYmE=", "fooba" }, { "Zm9vYmFy", "foobar" },
		{ "Zh==", NULL }, { "Zm9=", NULL }, { "Zg=", NULL },
		{ "Zg", NULL }, { "Z===", NULL }, { "====", NULL },
		{ "Zg==Zg==", NULL }, { "Zm 9v", NULL }, { "Zm9v\\n", NULL },
		{ "Zm-_", NULL } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		int r;
		snprintf(text, sizeof(text),
		    "{\"XmlMsg\":{\"MessageHeader\":{"
		    "\"QualificationConfirmationDate\":\"20190415\","
		    "\"MedicalInstitutionCode\":\"1319900010\"},"
		    "\"MessageBody\":{\"CardSearchInfo\":{"
		    "\"ChallengeId\":\"0123456789abcdef0123456789abcdef\","
		    "\"Certificate\":\"MIIB\",\"Signature\":\"%s\"}}}}",
		    cases[i].text);
		r = read_text(QUERY_JSON, text);
		if (cases[i].bytes == NULL) {
			CU_ASSERT_EQUAL(r, -1);
		} else {
			CU_ASSERT_EQUAL(r, 0);
			CU_ASSERT(slice_is(q.card_signature, cases[i].bytes));
			buf_init(&out, out_bytes, sizeof(out_bytes));
			query_base64(slice_of(cases[i].bytes), &out);
			CU_ASSERT(slice_is(buf_slice(&out), cases[i].text));
		}
	}
}

static void
test_two_questions_at_once_are_refused(void)
{
	CU_ASSERT(refused(QUERY_XML,
	    "<XmlMsg>" HEAD "<MessageBody><QualificationConfirmSearchInfo/>"
	    "<CardSearchInfo/></MessageBody></XmlMsg>",
	    "OE1002"));
}

static void
test_a_challenge_is_asked_for_with_a_header_or_nothing(void)
{
	CU_ASSERT_EQUAL(
	    query_read_challenge(QUERY_JSON, SLICE(""), &q, &error), 0);
	CU_ASSERT_EQUAL(q.kind, QUERY_CHALLENGE);
	CU_ASSERT_EQUAL(q.institution.n, 0);
	CU_ASSERT_EQUAL(query_read_challenge(QUERY_XML,
			    SLICE("<XmlMsg>" HEAD "</XmlMsg>"), &q, &error),
	    0);
	CU_ASSERT(slice_is(q.institution, "1319900010"));
	CU_ASSERT_EQUAL(
	    query_read_challenge(QUERY_XML, SLICE("<x/>"), &q, &error), -1);
}

/* ---- writing ---- */

static void
test_the_valid_answer_12_2_byte_for_byte(void)
{
	static struct query asked;
	static struct answer a;

	CU_ASSERT_EQUAL(
	    query_read(QUERY_XML, example("12_1.xml"), &asked, &error), 0);
	answer_init(&a, &asked);
	a.executed = at(2019, 4, 15, 10, 15, 2);
	a.validity = VALIDITY_VALID;
	a.has_result = true;
	set(&a, Q_CARD_CLASS, "01");
	set(&a, Q_INSURER_NUMBER, "06139992");
	set(&a, Q_SYMBOL, "１２－３４");
	set(&a, Q_INSURED_NUMBER, "５６７８");
	set(&a, Q_BRANCH, "01");
	set(&a, Q_FAMILY, "1");
	set(&a, Q_NAME, "見本　太郎");
	set(&a, Q_KANA, "ﾐﾎﾝ ﾀﾛｳ");
	set(&a, Q_SEX1, "1");
	set(&a, Q_BIRTHDATE, "19800505");
	set(&a, Q_ADDRESS, "架空県見本市一丁目１番１号");
	set(&a, Q_POST_NUMBER, "000-0000");
	set(&a, Q_QUALIFIED_ON, "20150401");
	set(&a, Q_CARD_ISSUED_ON, "20150401");
	set(&a, Q_CARD_FROM, "20150401");
	a.insurer_name = SLICE("見本健康保険組合");
	CU_ASSERT(writes(QUERY_XML, CHARSET_UTF8, &a, "12_2.xml"));
}

static void
test_nobody_found_12_3_byte_for_byte(void)
{
	static struct query asked;
	static struct answer a;

	CU_ASSERT_EQUAL(
	    query_read(QUERY_XML,
		SLICE(
		    "<XmlMsg><MessageHeader><QualificationConfirmationDate>"
		    "20190415</QualificationConfirmationDate>"
		    "<MedicalInstitutionCode>0119900017"
		    "</MedicalInstitutionCode><ArbitraryFileIdentifier>A0002"
		    "</ArbitraryFileIdentifier></MessageHeader>" BODY(
			"<InsurerNumber>39139993</InsurerNumber>"
			"<InsuredIdentificationNumber>００００００１９"
			"</InsuredIdentificationNumber>"
			"<Birthdate>19400301</Birthdate>"
			"<LimitApplicationCertificateRelatedConsFlg>0"
			"</LimitApplicationCertificateRelatedConsFlg>") "</XmlMsg>"),
		&asked, &error),
	    0);
	answer_init(&a, &asked);
	a.executed = at(2019, 4, 15, 10, 16, 40);
	a.validity = VALIDITY_NOBODY;
	CU_ASSERT(writes(QUERY_XML, CHARSET_UTF8, &a, "12_3.xml"));
}

static void
test_service_closed_12_4_byte_for_byte(void)
{
	static struct query asked;
	static struct answer a;

	CU_ASSERT_EQUAL(
	    query_read(QUERY_XML, example("12_1.xml"), &asked, &error), 0);
	asked.file_identifier = SLICE("A0003");
	answer_init(&a, &asked);
	a.executed = at(2019, 4, 15, 21, 15, 3);
	a.segment_of_result = 9;
	a.error_code = "OE4001";
	CU_ASSERT(writes(QUERY_XML, CHARSET_UTF8, &a, "12_4.xml"));
}

static void
elderly_answer(struct answer *a)
{
	set(a, Q_CARD_CLASS, "01");
	set(a, Q_INSURER_NUMBER, "139998");
	set(a, Q_INSURED_NUMBER, "4260");
	set(a, Q_FAMILY, "1");
	set(a, Q_INSURED_NAME, "試験　花子");
	set(a, Q_NAME, "試験　花子");
	set(a, Q_KANA, "ｼｹﾝ ﾊﾅｺ");
	set(a, Q_SEX1, "2");
	set(a, Q_BIRTHDATE, "19461120");
	set(a, Q_POST_NUMBER, "000-0000");
	set(a, Q_CARD_FROM, "20180801");
	set(a, Q_CARD_UNTIL, "20190731");
	set(a, Q_ELDERLY_ISSUED_ON, "20180801");
	set(a, Q_ELDERLY_FROM, "20180801");
	set(a, Q_ELDERLY_UNTIL, "20190731");
	set(a, Q_ELDERLY_RATIO, "020");
	a->insurer_name = SLICE("見本区");
	a->validity = VALIDITY_VALID;
	a->has_result = true;
}

static void
test_the_face_form_12_5_byte_for_byte(void)
{
	static struct query asked;
	static struct answer a;

	asked.kind = QUERY_CARD;
	asked.day = day_of(2019, 4, 15);
	asked.institution = SLICE("1319900010");
	answer_init(&a, &asked);
	a.executed = at(2019, 4, 15, 9, 30, 11);
	elderly_answer(&a);
	set(&a, Q_ADDRESS, "架空都見本区二丁目２番");
	set(&a, Q_QUALIFIED_ON, "20061201");
	set(&a, Q_CARD_ISSUED_ON, "20180801");
	CU_ASSERT(writes(QUERY_XML, CHARSET_UTF8, &a, "12_5.xml"));
}

static void
test_the_json_answer_12_10_byte_for_byte(void)
{
	static struct query asked;
	static struct answer a;

	CU_ASSERT_EQUAL(
	    query_read(QUERY_JSON, example("12_9.json"), &asked, &error), 0);
	answer_init(&a, &asked);
	a.executed = at(2019, 4, 15, 9, 45, 0);
	elderly_answer(&a);
	CU_ASSERT(writes(QUERY_JSON, CHARSET_UTF8, &a, "12_10.json"));
}

static bool
has(const char *part)
{
	return strstr(out.p, part) != NULL;
}

static void
test_cp932_answers_are_cp932_with_substitutes(void)
{
	static struct query asked;
	static struct answer a;

	asked.kind = QUERY_CARD;
	asked.day = day_of(2019, 4, 15);
	asked.institution = SLICE("1319900010");
	answer_init(&a, &asked);
	a.has_result = true;
	a.validity = VALIDITY_VALID;
	set(&a, Q_NAME, "𠮷田　髙子"); /* U+20BB7 is not in CP932 */
	a.insurer_name = SLICE("A&B<健保>");
	buf_init(&out, out_bytes, sizeof(out_bytes));
	CU_ASSERT_EQUAL(query_write(QUERY_XML, CHARSET_CP932, &a, &out), 0);
	CU_ASSERT(has("<?xml version=\"1.0\" encoding=\"Shift_JIS\" "
		      "standalone=\"no\"?>\n<XmlMsg>\n"));
	/* ● 81 9C, 田 93 63, blank 81 40, 髙 FB FC, 子 8E 71 */
	CU_ASSERT(has("<Name>\x81\x9c\x93\x63\x81\x40\xfb\xfc\x8e\x71</Name>"));
	CU_ASSERT(has("<InsurerName>A&amp;B&lt;\x8c\x92\x95\xdb&gt;<"));
	CU_ASSERT(has("<CharacterCodeIdentifier>1<"));
	CU_ASSERT_PTR_NULL(strstr(out.p, "&#"));
	a.substitute = 0x3013; /* 〓 81 AC */
	buf_clear(&out);
	CU_ASSERT_EQUAL(query_write(QUERY_XML, CHARSET_CP932, &a, &out), 0);
	CU_ASSERT(has("<Name>\x81\xac\x93\x63"));
}

static void
test_empty_leaves_and_containers_are_left_out(void)
{
	static struct answer a;

	answer_init(&a, NULL);
	memcpy(a.institution, "1319900010", 11);
	a.has_result = true;
	a.validity = VALIDITY_INVALID;
	set(&a, Q_NAME, "見本");
	for (enum query_wire wire = QUERY_XML; wire <= QUERY_JSON; wire++) {
		buf_init(&out, out_bytes, sizeof(out_bytes));
		CU_ASSERT_EQUAL(query_write(wire, CHARSET_UTF8, &a, &out), 0);
		CU_ASSERT(!has("Elderly"));
		CU_ASSERT(!has("QualificationConfirmSearchInfo"));
		CU_ASSERT(!has("InsuredCardSymbol"));
		CU_ASSERT(!has("null"));
		CU_ASSERT(has("1319900010"));
	}
}

static void
test_an_unreadable_question_has_a_whole_answer(void)
{
	static struct answer a;

	answer_init(&a, NULL);
	a.executed = at(2019, 4, 15, 9, 45, 0);
	a.segment_of_result = 9;
	a.error_code = "OE1002";
	memcpy(a.institution, "1319900010", 11);
	buf_init(&out, out_bytes, sizeof(out_bytes));
	CU_ASSERT_EQUAL(query_write(QUERY_JSON, CHARSET_UTF8, &a, &out), 0);
	CU_ASSERT_STRING_EQUAL(out.p,
	    "{\"XmlMsg\":{\"MessageHeader\":{\"ProcessExecutionTime\":"
	    "\"20190415094500\",\"QualificationConfirmationDate\":"
	    "\"20190415\",\"MedicalInstitutionCode\":\"1319900010\","
	    "\"ReferenceClassification\":\"2\",\"SegmentOfResult\":\"9\","
	    "\"ErrorCode\":\"OE1002\",\"ErrorMessage\":"
	    "\"電文の形式が正しくありません。\","
	    "\"CharacterCodeIdentifier\":\"0\"},\"MessageBody\":"
	    "{\"ProcessingResultStatus\":\"2\"}}}\n");
}

static void
test_a_challenge_is_given_in_the_envelope(void)
{
	static struct query asked;
	static struct answer a;

	query_read_challenge(QUERY_JSON, SLICE(""), &asked, &error);
	answer_init(&a, &asked);
	memcpy(a.institution, "1319900010", 11);
	memcpy(a.challenge_id, "0123456789abcdef0123456789abcdef", 33);
	memcpy(a.challenge_signed, "T1FT", 5);
	a.challenge_until = at(2019, 4, 15, 9, 46, 30);
	buf_init(&out, out_bytes, sizeof(out_bytes));
	CU_ASSERT_EQUAL(query_write(QUERY_JSON, CHARSET_UTF8, &a, &out), 0);
	CU_ASSERT(
	    has("\"CardChallengeInfo\":{\"ChallengeId\":"
		"\"0123456789abcdef0123456789abcdef\",\"ToBeSigned\":\"T1FT\","
		"\"ExpiresAt\":\"20190415094630\"},"
		"\"ProcessingResultStatus\":\"1\"}"));
}

static void
test_the_bytes_a_card_signs_name_everything(void)
{
	unsigned char challenge[32];
	char want[20 + 32 + 10 + 4 + 14];

	memset(challenge, 'c', sizeof(challenge));
	memcpy(want, "OQS-PINLESS-AUTH-V1\0", 20);
	memset(want + 20, 'c', 32);
	memcpy(want + 52,
	    "1319900010"
	    "0A1B"
	    "20190415094500",
	    28);
	buf_init(&out, out_bytes, sizeof(out_bytes));
	query_to_be_signed(
	    challenge, "1319900010", "0A1B", at(2019, 4, 15, 9, 45, 0), &out);
	CU_ASSERT(
	    slice_eq(buf_slice(&out), (struct slice) { want, sizeof(want) }));
}

static void
test_an_answer_that_does_not_fit_says_so(void)
{
	static struct answer a;
	char small[100];
	struct buf b;

	answer_init(&a, NULL);
	buf_init(&b, small, sizeof(small));
	CU_ASSERT_EQUAL(query_write(QUERY_XML, CHARSET_UTF8, &a, &b), -1);
}

static CU_TestInfo tests[] = {
	{ "every element of 12.1 is read", test_every_element_of_12_1_is_read },
	{ "the JSON question 12.9 is read",
	    test_the_json_question_12_9_is_read },
	{ "a bulk upload is no single question",
	    test_a_bulk_upload_is_no_single_question },
	{ "order is free, unknown elements are counted",
	    test_order_is_free_and_unknown_elements_are_counted },
	{ "blanks inside tags are tolerated",
	    test_blanks_inside_tags_are_tolerated },
	{ "an insurer number may be padded with zeros or not at all",
	    test_an_insurer_number_may_be_padded_with_zeros_or_not_at_all },
	{ "Shift_JIS is read as CP932", test_shift_jis_is_read_as_cp932 },
	{ "duplicates are refused", test_duplicates_are_refused },
	{ "DTD and entities are refused", test_dtd_and_entities_are_refused },
	{ "what is no message is refused", test_what_is_no_message_is_refused },
	{ "every truncation is refused", test_every_truncation_is_refused },
	{ "a wrong field is named by its code",
	    test_a_wrong_field_is_named_by_its_code },
	{ "a check digit is asked of a printed number only",
	    test_a_check_digit_is_asked_of_a_printed_number_only },
	{ "what could be read is there beside the error",
	    test_what_could_be_read_is_there_beside_the_error },
	{ "a card question is decoded", test_a_card_question_is_decoded },
	{ "base64 is strict", test_base64_is_strict },
	{ "two questions at once are refused",
	    test_two_questions_at_once_are_refused },
	{ "a challenge is asked for with a header or nothing",
	    test_a_challenge_is_asked_for_with_a_header_or_nothing },
	{ "the valid answer 12.2 byte for byte",
	    test_the_valid_answer_12_2_byte_for_byte },
	{ "nobody found 12.3 byte for byte",
	    test_nobody_found_12_3_byte_for_byte },
	{ "service closed 12.4 byte for byte",
	    test_service_closed_12_4_byte_for_byte },
	{ "the face form 12.5 byte for byte",
	    test_the_face_form_12_5_byte_for_byte },
	{ "the JSON answer 12.10 byte for byte",
	    test_the_json_answer_12_10_byte_for_byte },
	{ "CP932 answers are CP932 with substitutes",
	    test_cp932_answers_are_cp932_with_substitutes },
	{ "empty leaves and containers are left out",
	    test_empty_leaves_and_containers_are_left_out },
	{ "an unreadable question has a whole answer",
	    test_an_unreadable_question_has_a_whole_answer },
	{ "a challenge is given in the envelope",
	    test_a_challenge_is_given_in_the_envelope },
	{ "the bytes a card signs name everything",
	    test_the_bytes_a_card_signs_name_everything },
	{ "an answer that does not fit says so",
	    test_an_answer_that_does_not_fit_says_so },
	CU_TEST_INFO_NULL,
};
SUITE(query, tests);
