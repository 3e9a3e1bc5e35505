#include <string.h>

#include "online/http_head.h"
#include "tests/unit/suite.h"

static struct http_head head;

static int
parse(const char *text)
{
	size_t scanned = 0;
	ssize_t n = http_head_scan(text, strlen(text), &scanned);

	return n > 0 ? http_head_parse(&head, text, (size_t)n) : -1;
}

static void
test_a_head_is_found_whenever_it_is_cut(void)
{
	static const char text[] =
	    "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nrest";

	for (size_t cut = 1; cut <= sizeof(text) - 1; cut++) {
		size_t scanned = 0;
		ssize_t first = http_head_scan(text, cut, &scanned);
		ssize_t n = http_head_scan(text, sizeof(text) - 1, &scanned);
		/* 21 + 2, 7 + 2, 2 */
		CU_ASSERT_EQUAL(first, cut < 34 ? 0 : 34);
		CU_ASSERT_EQUAL(n, 34);
	}
}

static void
test_a_post_has_one_length(void)
{
	int n;

	CU_ASSERT_EQUAL(parse("POST /a HTTP/1.1\r\nHost: x\r\n"
			      "content-LENGTH: 12\r\nX-a:  b \r\n\r\n"),
	    0);
	CU_ASSERT_EQUAL(head.length, 12);
	CU_ASSERT_TRUE(slice_is(head.method, "POST"));
	CU_ASSERT_TRUE(slice_is(head.path, "/a"));
	CU_ASSERT_TRUE(slice_is(http_head_find(&head, "x-A", &n), "b"));
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_FALSE(head.close);
	CU_ASSERT_EQUAL(parse("POST /a HTTP/1.1\r\nHost: x\r\n\r\n"), 411);
	CU_ASSERT_EQUAL(parse("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: "
			      "1\r\nContent-Length: 1\r\n\r\n"),
	    400);
	CU_ASSERT_EQUAL(parse("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: "
			      "65537\r\n\r\n"),
	    413);
}

static void
test_a_head_keeps_nothing_of_the_one_before(void)
{
	CU_ASSERT_EQUAL(parse("POST /a HTTP/1.0\r\nContent-Length: 3\r\n"
			      "Expect: 100-continue\r\n\r\n"),
	    0);
	CU_ASSERT_TRUE(head.close && head.expects);
	CU_ASSERT_EQUAL(parse("GET /b HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
	CU_ASSERT_EQUAL(head.length, 0);
	CU_ASSERT_FALSE(head.close || head.expects);
	CU_ASSERT_EQUAL(head.headers, 1);
}

static void
test_an_answer_says_what_closes_and_when_to_come_again(void)
{
	static const struct http_answer a = { 503, "text/plain", 7, 60, true,
		"GET", "00ff00ff00ff00ff" };
	char text[512], date[HTTP_DATE_SIZE];
	struct buf b;

	/* the example of RFC 9110 5.6.7: 784111777 s after 1970, UTC */
	http_date(INT64_C(784111777) * 1000, date);
	CU_ASSERT_STRING_EQUAL(date, "Sun, 06 Nov 1994 08:49:37 GMT");
	buf_init(&b, text, sizeof(text));
	http_head_write(&b, &a, date);
	CU_ASSERT_STRING_EQUAL(text,
	    "HTTP/1.1 503 Service Unavailable\r\n"
	    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Content-Type: text/plain\r\nContent-Length: 7\r\n"
	    "Cache-Control: no-store\r\n"
	    "X-Request-Id: 00ff00ff00ff00ff\r\nAllow: GET\r\n"
	    "Retry-After: 60\r\n"
	    "Connection: close\r\n\r\n");
}

static CU_TestInfo tests[] = { { "a head is found whenever it is cut",
				   test_a_head_is_found_whenever_it_is_cut },
	{ "a POST has one length", test_a_post_has_one_length },
	{ "a head keeps nothing of the one before",
	    test_a_head_keeps_nothing_of_the_one_before },
	{ "an answer says what closes and when to come again",
	    test_an_answer_says_what_closes_and_when_to_come_again },
	CU_TEST_INFO_NULL };
SUITE(http_head, tests);
