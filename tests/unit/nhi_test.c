#include "formats/codec/day.h"
#include "formats/nhi.h"
#include "formats/qualification.h"
#include "tests/unit/suite.h"

static void
person(struct record *p, struct record *h)
{
	record_init(h, &household_format);
	record_set(h, NH_HEAD_NAME, SLICE("見本　一郎"));
	record_set(h, NH_INSURER_NUMBER, SLICE("00138057"));
	record_set(h, NH_POST_NUMBER, SLICE("100-0001"));
	record_set(h, NH_ADDRESS, SLICE("見本市１"));
	record_init(p, &person_format);
	p->number = 7;
	p->line = 9;
	record_set(p, NP_NUMBER, SLICE("000000007"));
	record_set(p, NP_PERSON_ID, SLICE("ID1"));
	record_set(p, NP_CHANGE, SLICE("1"));
	record_set(p, NP_CARD_CLASS, SLICE("01"));
	record_set(p, NP_NAME, SLICE("見本　花子"));
	record_set(p, NP_BIRTHDATE, SLICE("19500502"));
	record_set(p, NP_QUALIFIED_ON, SLICE("20100401"));
}

static void
test_convert(void)
{
	struct record p, h, q;
	char pad[9];

	person(&p, &h);
	nhi_to_qualification(&p, &h, &q, pad);
	CU_ASSERT_PTR_EQUAL(q.format, &qualification_format);
	CU_ASSERT_EQUAL(q.number, 7);
	CU_ASSERT_EQUAL(q.line, 9);
	CU_ASSERT(slice_is(q.v[Q_INSURER_CODE].s, "00138057"));
	CU_ASSERT(slice_is(q.v[Q_INSURER_NUMBER].s, "138057"));
	CU_ASSERT(slice_is(q.v[Q_PERSON_ID].s, "ID1"));
	CU_ASSERT(slice_is(q.v[Q_INSURED_NAME].s, "見本　一郎"));
	CU_ASSERT(slice_is(q.v[Q_NAME].s, "見本　花子"));
	CU_ASSERT(slice_is(q.v[Q_ADDRESS].s, "見本市１"));
	CU_ASSERT_EQUAL(q.v[Q_QUALIFIED_ON].n, day_of(2010, 4, 1));
	CU_ASSERT_EQUAL(q.v[Q_LOST_ON].s.n, 0);
	CU_ASSERT_EQUAL(q.v[Q_RATIO].s.n, 0);
}

static void
test_moved(void)
{
	struct record p, h, q;
	char pad[9];

	person(&p, &h);
	record_set(&p, NP_APPLIED_FROM, SLICE("20250401"));
	record_set(&p, NP_APPLIED_UNTIL, SLICE("20260401"));
	nhi_to_qualification(&p, &h, &q, pad);
	CU_ASSERT_EQUAL(q.v[Q_QUALIFIED_ON].n, day_of(2025, 4, 1));
	CU_ASSERT_EQUAL(q.v[Q_LOST_ON].n, day_of(2026, 4, 1));
}

static void
nothing(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

static bool
just(const struct record *r, enum diag_code code)
{
	struct diag_sink sink = { .put = nothing };
	struct diag at = { .file = "t" };
	int n = 0;

	for (const struct rule *x = r->format->rules; x->check != NULL; x++)
		n += x->check(r, day_of(2026, 8, 1), &at, &sink);
	return code == DIAG__MAX ? n == 0 : n == 1 && sink.counts[code] == 1;
}

static void
test_rules(void)
{
	struct record p, h;

	person(&p, &h);
	CU_ASSERT(just(&p, DIAG__MAX));
	CU_ASSERT(just(&h, DIAG__MAX));
	record_set(&h, NH_INSURER_NUMBER, SLICE("06139992"));
	CU_ASSERT(just(&h, DIAG_SCHEME_ITEM));
	record_set(&h, NH_INSURER_NUMBER, SLICE("19136019"));
	CU_ASSERT(just(&h, DIAG_OUT_OF_SCOPE));
	record_set(&p, NP_APPLIED_FROM, SLICE("20250401"));
	record_set(&p, NP_APPLIED_UNTIL, SLICE("20250331"));
	CU_ASSERT(just(&p, DIAG_LOSS_BEFORE_START));
	/* moved inside the prefecture: the 資格 goes on, there is no reason */
	record_set(&p, NP_APPLIED_UNTIL, SLICE("20250401"));
	record_set(&p, NP_CHANGE, SLICE("3"));
	CU_ASSERT(just(&p, DIAG__MAX));
	record_set(&p, NP_LOST_ON, SLICE("20250401"));
	CU_ASSERT(just(&p, DIAG_REASON_WITHOUT_LOSS));
	person(&p, &h);
	record_set(&p, NP_CARD_CLASS, SLICE("D1"));
	CU_ASSERT(just(&p, DIAG_SCHEME_ITEM));
}

static CU_TestInfo tests[] = {
	{ "a person and a household become a qualification record",
	    test_convert },
	{ "適用開始 and 適用終了 name the period in this municipality",
	    test_moved },
	{ "the clauses of a period hold for a person record too", test_rules },
	CU_TEST_INFO_NULL,
};
SUITE(nhi, tests);
