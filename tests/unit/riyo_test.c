#include "batch/riyo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "tests/unit/suite.h"

static struct record
line(const char *at, const char *sequence, const char *request,
    const char *result)
{
	struct record rec;

	record_init(&rec, &usage_format);
	record_set(&rec, U_AT, slice_of(at));
	record_set(&rec, U_WORKER, SLICE("1"));
	record_set(&rec, U_SEQUENCE, slice_of(sequence));
	rec.v[U_WORKER].n = 1;
	rec.v[U_SEQUENCE].n = slice_number(slice_of(sequence));
	record_set(&rec, U_REQUEST, slice_of(request));
	record_set(&rec, U_INSTITUTION, SLICE("1310000011"));
	record_set(&rec, U_CARD_RESULT, slice_of(result));
	return rec;
}

/* masters.prices empty: no levy. */
static const struct prices *
no_prices(void)
{
	static struct prices *p;

	if (p == NULL)
		p = prices_load("", &(struct diag_sink) { 0 });
	return p;
}

/* The file as text; yours to free. */
static char *
written(struct riyo *r, struct riyo_counts *c)
{
	struct diag_list list;
	char *text = text_alloc(1 << 16);
	FILE *f = tmpfile();
	size_t n;
	bool gap;

	diag_list_init(&list, 10, NULL, DIAG_FATAL);
	CU_ASSERT_EQUAL(
	    riyo_write(r, fileno(f), "riyo", 20666, 1, c, &gap, &list.sink), 0);
	CU_ASSERT_EQUAL(list.n, 0);
	rewind(f);
	n = fread(text, 1, (1 << 16) - 1, f);
	text[n] = '\0';
	fclose(f);
	diag_list_free(&list);
	riyo_free(r);
	return text;
}

#define T1 "2026-08-01T09:00:00.001+09:00"
#define T2 "2026-08-01T09:00:00.002+09:00"
#define T3 "2026-08-01T09:00:00.003+09:00"

static void
a_valid_card_gives_a_check_and_a_provision(void)
{
	struct riyo *r = riyo_new("/tmp", no_prices());
	struct record a = line(T1, "1", "00000000000000aa", "valid");
	struct riyo_counts c;
	char *text;

	CU_ASSERT_EQUAL(riyo_add(r, &a), 2);
	text = written(r, &c);
	CU_ASSERT_EQUAL(c.records, 2);
	CU_ASSERT_EQUAL(c.checks, 1);
	CU_ASSERT_EQUAL(c.provisions, 1);
	CU_ASSERT_EQUAL(c.due, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "20260801"));
	free(text);
}

static void
questions_by_number_are_not_in_the_file(void)
{
	struct riyo *r = riyo_new("/tmp", no_prices());
	struct record a = line(T1, "1", "00000000000000aa", "");
	struct riyo_counts c;

	CU_ASSERT_EQUAL(riyo_add(r, &a), 0);
	free(written(r, &c));
	CU_ASSERT_EQUAL(c.records, 0);
}

static void
revoked_and_not_linked_cards_give_a_check_only(void)
{
	struct riyo *r = riyo_new("/tmp", no_prices());
	struct record a = line(T1, "1", "00000000000000aa", "revoked");
	struct record b = line(T2, "2", "00000000000000ab", "notlinked");
	struct riyo_counts c;
	char *text;

	CU_ASSERT_EQUAL(riyo_add(r, &a), 1);
	CU_ASSERT_EQUAL(riyo_add(r, &b), 1);
	text = written(r, &c);
	CU_ASSERT_EQUAL(c.due, 2);
	CU_ASSERT_EQUAL(c.provisions, 0);
	CU_ASSERT_PTR_NULL(strstr(text, "notlinked"));
	free(text);
}

static void
a_retry_is_due_once_and_what_cannot_be_told_never(void)
{
	struct riyo *r = riyo_new("/tmp", no_prices());
	struct record lost = line(T1, "1", "00000000000000aa", "unknown");
	struct record late = line(T3, "3", "00000000000000aa", "valid");
	struct record good = line(T2, "2", "00000000000000aa", "valid");
	struct riyo_counts c;
	char *text, *first, *second;

	riyo_add(r, &late);
	riyo_add(r, &lost);
	riyo_add(r, &good);
	text = written(r, &c);
	CU_ASSERT_EQUAL(c.records, 5);
	CU_ASSERT_EQUAL(c.unknown, 1);
	CU_ASSERT_EQUAL(c.due, 2);
	CU_ASSERT_EQUAL(c.retries, 2);
	/* by time of use, whatever order they came in */
	first = strstr(text, T2);
	second = strstr(text, T3);
	CU_ASSERT(first != NULL && second != NULL && first < second);
	free(text);
}

/* The certificate is not proven: J-LIS's lists were not asked. */
static void
a_certificate_that_is_not_proven_gives_no_record(void)
{
	struct riyo *r = riyo_new("/tmp", no_prices());
	struct record a = line(T1, "1", "00000000000000aa", "bad");
	struct riyo_counts c;

	CU_ASSERT_EQUAL(riyo_add(r, &a), 0);
	CU_ASSERT_EQUAL(riyo_first(r), DAY_NONE);
	free(written(r, &c));
	CU_ASSERT_EQUAL(c.records, 0);
}

/* Rule 2 over midnight: the file of the day before has the same 取引ID. */
static void
what_an_earlier_file_billed_is_a_retry_in_this_one(void)
{
	struct riyo *r = riyo_new("/tmp", no_prices());
	struct record a = line(T1, "1", "00000000000000aa", "valid");
	struct record before;
	struct riyo_counts c;

	record_init(&before, &riyo_format);
	record_set(&before, Y_USE, SLICE("1"));
	record_set(&before, Y_REQUEST, SLICE("00000000000000aa"));
	record_set(&before, Y_BILLING, SLICE("1"));
	CU_ASSERT_EQUAL(riyo_before(r, &before), 0);
	/* of the other use only what was not billable: no help */
	record_set(&before, Y_USE, SLICE("2"));
	record_set(&before, Y_BILLING, SLICE("9"));
	CU_ASSERT_EQUAL(riyo_before(r, &before), 0);
	CU_ASSERT_EQUAL(riyo_add(r, &a), 2);
	CU_ASSERT_EQUAL(riyo_first(r), 20666);
	free(written(r, &c));
	CU_ASSERT_EQUAL(c.records, 2);
	CU_ASSERT_EQUAL(c.due, 1);
	CU_ASSERT_EQUAL(c.retries, 1);
}

static CU_TestInfo tests[] = {
	{ "a valid card gives a check and a provision",
	    a_valid_card_gives_a_check_and_a_provision },
	{ "questions by number are not in the file",
	    questions_by_number_are_not_in_the_file },
	{ "revoked and not linked cards give a check only",
	    revoked_and_not_linked_cards_give_a_check_only },
	{ "a retry is due once and what cannot be told never",
	    a_retry_is_due_once_and_what_cannot_be_told_never },
	{ "a certificate that is not proven gives no record",
	    a_certificate_that_is_not_proven_gives_no_record },
	{ "what an earlier file billed is a retry in this one",
	    what_an_earlier_file_billed_is_a_retry_in_this_one },
	CU_TEST_INFO_NULL,
};
SUITE(riyo, tests);
