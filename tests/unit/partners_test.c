#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/partners.h"
#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static struct diag_list list;

#define SENDER_HEAD "Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\r\n"
#define INSURER_HEAD                                                           \
	"InsurerNumber,InsurerCode,Scheme,InsurerName,Prefecture,Sender\r\n"

static struct partners *
get(const char *senders, const char *insurers)
{
	char a[64], b[64];
	FILE *f;

	snprintf(a, sizeof(a), "/tmp/shikaku-senders-%ld", (long)getpid());
	snprintf(b, sizeof(b), "/tmp/shikaku-insurers-%ld", (long)getpid());
	f = fopen(a, "w");
	fputs(senders, f);
	fclose(f);
	f = fopen(b, "w");
	fputs(insurers, f);
	fclose(f);
	diag_list_free(&list);
	diag_list_init(&list, 20, NULL, DIAG_FATAL);
	struct partners *p = partners_load(a, b, &list.sink);
	unlink(a);
	unlink(b);
	return p;
}

/* 01130012: 協会けんぽ 東京支部 with its right check digit; 138057 is 文京区's
 * municipal number with its right check digit 7. */
static void
senders_and_insurers_are_found(void)
{
	struct partners *p = get(SENDER_HEAD
	    "KOKUHO13,intermediate,nhi,東京都国保連合会,20180401,\r\n"
	    "06139992,intermediate,shikaku,A,,20301231\r\n"
	    "JLIS0001,qualification,crl+link,J-LIS,,\r\n",
	    INSURER_HEAD
	    "01130012,01130012,kyokai,協会けんぽ東京,13,06139992\r\n"
	    "138057,00138057,nhi_city,文京区,13,KOKUHO13\r\n");
	const struct sender *s;
	const struct insurer *i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	s = partners_sender(p, "KOKUHO13");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_FALSE(s->qualification);
	CU_ASSERT_EQUAL(s->feeds, 1u << FEED_NHI);
	CU_ASSERT_EQUAL(s->joins_on, day_of(2018, 4, 1));
	CU_ASSERT_EQUAL(s->leaves_on, DAY_NONE);
	CU_ASSERT_STRING_EQUAL(s->name, "東京都国保連合会");
	s = partners_sender(p, "JLIS0001");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_TRUE(s->qualification);
	CU_ASSERT_EQUAL(s->feeds, 1u << FEED_CRL | 1u << FEED_LINK);
	CU_ASSERT_PTR_NULL(partners_sender(p, "JLIS"));
	i = partners_insurer(p, "00138057");
	CU_ASSERT_PTR_NOT_NULL_FATAL(i);
	CU_ASSERT_EQUAL(i->scheme, SCHEME_NHI_CITY);
	CU_ASSERT_STRING_EQUAL(i->sender, "KOKUHO13");
	CU_ASSERT_EQUAL(partners_senders(p, &s), 3);
	CU_ASSERT_STRING_EQUAL(s[0].id, "06139992");
	CU_ASSERT_EQUAL(partners_insurers(p, &i), 2);
	CU_ASSERT_STRING_EQUAL(i[1].number8, "01130012");
	partners_free(p);
}

static void
refused(const char *senders, const char *insurers)
{
	struct partners *p = get(senders, insurers);

	CU_ASSERT_PTR_NULL(p);
	CU_ASSERT_TRUE(list.sink.counts[DIAG_PARTNER_TABLE] > 0);
	if (p != NULL)
		fprintf(stderr, "accepted: %s%s", senders, insurers);
	partners_free(p);
}

static void
a_table_that_is_wrong_anywhere_is_refused(void)
{
	refused(SENDER_HEAD "A,intermediate,link,,,\r\n", INSURER_HEAD);
	refused(SENDER_HEAD "A,intermediate,shikaku+,,,\r\n"
			    "A,intermediate,shikaku,,,\r\n",
	    INSURER_HEAD);
	refused(SENDER_HEAD "A,intermediate,other,,,\r\n", INSURER_HEAD);
	refused(SENDER_HEAD "A,elsewhere,shikaku,,,\r\n", INSURER_HEAD);
	refused(SENDER_HEAD "a,intermediate,shikaku,,,\r\n", INSURER_HEAD);
	refused(SENDER_HEAD "A,intermediate,shikaku,,,\r\n",
	    INSURER_HEAD "01130012,01130012,kyokai,N,13,B\r\n");
	refused(SENDER_HEAD "A,intermediate,shikaku,,,\r\n",
	    INSURER_HEAD "01130013,01130012,kyokai,N,13,A\r\n");
	refused(SENDER_HEAD "A,intermediate,shikaku,,,\r\n",
	    INSURER_HEAD "01130012,01130012,kyokai,N,13,A\r\n"
			 "01130012,01130012,kyokai,N,13,A\r\n");
	refused("", "");
	CU_ASSERT_PTR_NULL(
	    partners_load("/nonexistent", "/nonexistent", &list.sink));
}

static void
a_byte_order_mark_is_read_over(void)
{
	struct partners *p =
	    get("\xef\xbb\xbf" SENDER_HEAD "A,intermediate,shikaku,,,\r\n",
		"\xef\xbb\xbf" INSURER_HEAD);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	CU_ASSERT_PTR_NOT_NULL(partners_sender(p, "A"));
	partners_free(p);
	diag_list_free(&list);
}

static CU_TestInfo tests[] = {
	{ "senders and insurers are found", senders_and_insurers_are_found },
	{ "a table that is wrong anywhere is refused",
	    a_table_that_is_wrong_anywhere_is_refused },
	{ "a byte order mark is read over", a_byte_order_mark_is_read_over },
	CU_TEST_INFO_NULL,
};
SUITE(partners, tests);
