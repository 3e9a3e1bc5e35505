/*
 * FHIR R4 by the table: what tests/fhir.py does not reach over a connection:
 * records with every field, dates that meet, and odd requests.
 */
#include <stdio.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/query.h"
#include "tests/unit/suite.h"

#define OURS "https://shikaku.example/fhir/StructureDefinition/"

static struct query q;
static struct answer a;
static const char *error;
static char bytes[65536];
static struct buf out;

static void
read_text(const char *text)
{
	query_read(QUERY_FHIR, slice_of(text), &q, &error);
}

static bool
refused(const char *text, const char *code)
{
	read_text(text);
	return error != NULL && strcmp(error, code) == 0;
}

static void
put(int field, const char *text)
{
	record_set(&a.result, field, slice_of(text));
}

static void
begin(void)
{
	memset(&a, 0, sizeof(a));
	a.query = &q;
	a.executed = day_moment(day_of(2019, 4, 15), 9 * INT64_C(3600000));
	a.segment_of_result = 1;
	a.validity = VALIDITY_VALID;
	a.has_result = true;
	record_init(&a.result, &qualification_format);
	put(Q_INSURER_NUMBER, "39139993");
	put(Q_NAME, "試験　花子");
	put(Q_SEX1, "3");
	put(Q_BIRTHDATE, "19461120");
	put(Q_QUALIFIED_ON, "20180801");
}

/* Written, and holds that text. */
static bool
has(const char *text)
{
	buf_init(&out, bytes, sizeof(bytes));
	return query_write(QUERY_FHIR, CHARSET_UTF8, &a, &out) == 0 &&
	    strstr(bytes, text) != NULL;
}

static void
test_the_example_is_read(void)
{
	static char text[8192];
	FILE *f = fopen("tests/data/fhir/request.json", "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	read_text(text);
	CU_ASSERT_PTR_NULL(error);
	CU_ASSERT_EQUAL(q.kind, QUERY_NUMBER);
	CU_ASSERT_EQUAL(q.day, day_of(2019, 4, 15));
	CU_ASSERT_EQUAL(q.birth, day_of(1980, 5, 5));
	CU_ASSERT_STRING_EQUAL(q.insurer8, "06139992");
	CU_ASSERT(slice_is(q.institution, "1319900010"));
	CU_ASSERT(slice_is(q.file_identifier, "20190415-0001"));
	CU_ASSERT(slice_is(q.search[SF_SYMBOL], "１２－３４"));
	CU_ASSERT(slice_is(q.search[SF_NUMBER], "５６７８"));
	CU_ASSERT(slice_is(q.search[SF_BRANCH], "01"));
}

#define REQUEST "{\"resourceType\":\"CoverageEligibilityRequest\""
#define CARD                                                                   \
	"\"extension\":[{\"url\":\"" OURS "CardSearchInfo\",\"extension\":["
#define CHALLENGE                                                              \
	"{\"url\":\"ChallengeId\",\"valueString\":"                            \
	"\"00112233445566778899aabbccddeeff\"}"

static void
test_a_card_is_asked_by_an_extension(void)
{
	read_text(REQUEST
	    ",\"servicedDate\":\"2019-04-15\",\"provider\":{"
	    "\"identifier\":{\"value\":\"1319900010\"}}," CARD CHALLENGE
	    ",{\"url\":\"Certificate\",\"valueBase64Binary\":\"MAA=\"},"
	    "{\"url\":\"Signature\",\"valueBase64Binary\":\"AAEC\"}]}]}");
	CU_ASSERT_PTR_NULL(error);
	CU_ASSERT_EQUAL(q.kind, QUERY_CARD);
	CU_ASSERT_EQUAL(q.card_der.n, 2);
	CU_ASSERT_EQUAL(q.card_signature.n, 3);
	CU_ASSERT(slice_is(q.challenge, "00112233445566778899aabbccddeeff"));
	/* a certificate that is none is no question by number either */
	CU_ASSERT(refused(REQUEST
	    ",\"servicedDate\":\"2019-04-15\",\"provider\":{"
	    "\"identifier\":{\"value\":\"1319900010\"}}," CARD CHALLENGE "]}]}",
	    "OE3004"));
	/* card and number at once */
	CU_ASSERT(refused(REQUEST
	    ",\"servicedDate\":\"2019-04-15\",\"insurer\":{\"identifier\":{"
	    "\"value\":\"06139992\"}}," CARD CHALLENGE "]}]}",
	    "OE1002"));
}

static void
test_odd_requests_are_refused(void)
{
	CU_ASSERT(refused("", "OE1002"));
	CU_ASSERT(refused("[]", "OE1002"));
	CU_ASSERT(refused("{}", "OE1002"));
	CU_ASSERT(refused("{\"resourceType\":1}", "OE1002"));
	CU_ASSERT(refused(REQUEST ",\"servicedDate\":{}}", "OE1002"));
	CU_ASSERT(refused(REQUEST "}", "OE2111")); /* no day */
	/* the day is not at its place: a list, a text in place of an object */
	CU_ASSERT(refused(REQUEST ",\"provider\":[],\"servicedDate\":"
				  "\"2019-04-15\"}",
	    "OE2121"));
	CU_ASSERT(refused(REQUEST ",\"contained\":\"x\",\"servicedDate\":"
				  "\"2019-04-15\"}",
	    "OE2121"));
	/* two challenges: which one? */
	CU_ASSERT(
	    refused(REQUEST "," CARD CHALLENGE "," CHALLENGE "]}]}", "OE1005"));
	CU_ASSERT(
	    refused(REQUEST ",\"servicedDate\":\"2019-04-15T00\"}", "OE2112"));
	CU_ASSERT(
	    refused(REQUEST ",\"servicedDate\":\"2019-02-29\"}", "OE2115"));
	CU_ASSERT(refused(
	    REQUEST ",\"servicedDate\":\"2019-04-1\\u0000\"}", "OE1002"));
}

static void
test_what_fhir_has_no_place_for_is_an_extension(void)
{
	query_read(QUERY_FHIR, SLICE(REQUEST "}"), &q, &error);
	begin();
	put(Q_ELDERLY_FROM, "20180801");
	put(Q_ELDERLY_RATIO, "020");
	put(Q_CARD_UNTIL, "20190731");
	CU_ASSERT(has("{\"url\":\"" OURS "ElderlyRecipientValidStartDate\","
		      "\"valueDate\":\"2018-08-01\"}"));
	CU_ASSERT(has("{\"url\":\"" OURS "ElderlyRecipientContributionRatio\","
		      "\"valueString\":\"020\"}"));
	CU_ASSERT(has("{\"url\":\"" OURS "InsuredCardExpirationDate\","
		      "\"valueDate\":\"2019-07-31\"}"));
	CU_ASSERT(has("\"gender\":\"unknown\""));
	CU_ASSERT(has("\"period\":{\"start\":\"2018-08-01\"}"));
	/* late-stage elderly: 7 of the kinds of insurance */
	CU_ASSERT(has("\"system\":\"urn:oid:1.2.392.100495.20.2.61\","
		      "\"code\":\"7\""));
}

static void
test_an_end_is_the_last_day_with_cover(void)
{
	begin();
	a.validity = VALIDITY_INVALID;
	put(Q_LOST_ON, "20180802");
	CU_ASSERT(has("\"period\":{\"end\":\"2018-08-01\",\"start\":"
		      "\"2018-08-01\"}"));
	CU_ASSERT(has("\"valueDate\":\"2018-08-02\""));
	CU_ASSERT(has("\"status\":\"cancelled\""));
	put(Q_LOST_ON, "20180801"); /* never in force: no such day */
	CU_ASSERT(has("\"period\":{\"start\":\"2018-08-01\"}"));
}

static void
test_what_does_not_fit_is_said(void)
{
	begin();
	buf_init(&out, bytes, 400);
	CU_ASSERT_EQUAL(query_write(QUERY_FHIR, CHARSET_UTF8, &a, &out), -1);
	CU_ASSERT(out.full);
	put(Q_NAME, "\xff"); /* never stored; and never sent */
	buf_init(&out, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(query_write(QUERY_FHIR, CHARSET_UTF8, &a, &out), -1);
}

static void
test_an_error_is_an_operation_outcome(void)
{
	begin();
	a.has_result = false;
	a.segment_of_result = 9;
	a.error_code = "OE4001";
	buf_init(&out, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(query_write(QUERY_FHIR, CHARSET_UTF8, &a, &out), 0);
	CU_ASSERT_STRING_EQUAL(bytes,
	    "{\"resourceType\":\"OperationOutcome\",\"issue\":[{"
	    "\"severity\":\"error\",\"details\":{\"coding\":[{\"system\":"
	    "\"https://shikaku.example/fhir/CodeSystem/oqs-error\","
	    "\"code\":\"OE4001\"}],\"text\":\"サービス時間外です。\"},"
	    "\"code\":\"transient\"}]}");
}

static CU_TestInfo tests[] = {
	{ "the example is read", test_the_example_is_read },
	{ "a card is asked by an extension",
	    test_a_card_is_asked_by_an_extension },
	{ "odd requests are refused", test_odd_requests_are_refused },
	{ "what FHIR has no place for is an extension",
	    test_what_fhir_has_no_place_for_is_an_extension },
	{ "an end is the last day with cover",
	    test_an_end_is_the_last_day_with_cover },
	{ "what does not fit is said", test_what_does_not_fit_is_said },
	{ "an error is an OperationOutcome",
	    test_an_error_is_an_operation_outcome },
	CU_TEST_INFO_NULL,
};
SUITE(query_fhir, tests);
