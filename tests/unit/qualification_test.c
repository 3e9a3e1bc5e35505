#include "formats/codec/day.h"
#include "formats/qualification.h"
#include "tests/unit/suite.h"

#define TODAY 20666 /* 2026-08-01 */

/* A good record of a society's member, born 1990-05-10. */
static void
good(struct record *r)
{
	record_init(r, &qualification_format);
	record_set(r, Q_CHANGE, SLICE("1"));
	record_set(r, Q_CARD_CLASS, SLICE("01"));
	record_set(r, Q_INSURER_NUMBER, SLICE("06139992"));
	record_set(r, Q_BIRTHDATE, SLICE("19900510"));
	record_set(r, Q_QUALIFIED_ON, SLICE("20200401"));
}

static void
nothing(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

/* True where the rules raise just this; DIAG__MAX: nothing at all. */
static bool
just(const struct record *r, enum diag_code code)
{
	struct diag_sink sink = { .put = nothing };
	struct diag at = { .file = "t" };
	int n = 0;

	for (const struct rule *x = r->format->rules; x->check != NULL; x++)
		n += x->check(r, TODAY, &at, &sink);
	return code == DIAG__MAX ? n == 0 : n == 1 && sink.counts[code] == 1;
}

static bool
with(int field, const char *value, enum diag_code code)
{
	struct record r;

	good(&r);
	record_set(&r, field, slice_of(value));
	return just(&r, code);
}

static bool
with2(int f1, const char *v1, int f2, const char *v2, enum diag_code code)
{
	struct record r;

	good(&r);
	record_set(&r, f1, slice_of(v1));
	record_set(&r, f2, slice_of(v2));
	return just(&r, code);
}

static void
test_days(void)
{
	CU_ASSERT(with(Q_LOST_ON, "20200401", DIAG__MAX));
	CU_ASSERT(with(Q_LOST_ON, "20200331", DIAG_LOSS_BEFORE_START));
	CU_ASSERT(with(Q_QUALIFIED_ON, "19900510", DIAG__MAX));
	CU_ASSERT(with(Q_QUALIFIED_ON, "19900509", DIAG_START_BEFORE_BIRTH));
	CU_ASSERT(with(Q_QUALIFIED_ON, "20270801", DIAG__MAX));
	CU_ASSERT(with(Q_QUALIFIED_ON, "20270802", DIAG_TOO_FAR_AHEAD));
	CU_ASSERT(with2(
	    Q_BIRTHDATE, "20260801", Q_QUALIFIED_ON, "20260801", DIAG__MAX));
	CU_ASSERT(with2(Q_BIRTHDATE, "20260802", Q_QUALIFIED_ON, "20260802",
	    DIAG_BORN_LATER));
	CU_ASSERT(with2(
	    Q_CARD_FROM, "20200402", Q_CARD_UNTIL, "20200402", DIAG__MAX));
	CU_ASSERT(with2(Q_CARD_FROM, "20200402", Q_CARD_UNTIL, "20200401",
	    DIAG_CARD_PERIOD));
}

static void
test_loss(void)
{
	CU_ASSERT(with(Q_LOSS_REASON, "03", DIAG_REASON_WITHOUT_LOSS));
	CU_ASSERT(with(Q_CHANGE, "3", DIAG_REASON_WITHOUT_LOSS));
	CU_ASSERT(with2(
	    Q_CHANGE, "3", Q_LOST_ON, "20260401", DIAG_REASON_WITHOUT_LOSS));
	CU_ASSERT(with2(Q_LOSS_REASON, "03", Q_LOST_ON, "20260401", DIAG__MAX));
}

static void
test_scheme(void)
{
	CU_ASSERT(with(Q_RATIO, "010", DIAG_SCHEME_ITEM));
	CU_ASSERT(with(Q_CARD_CLASS, "05", DIAG_SCHEME_ITEM));
	CU_ASSERT(with(Q_CARD_CLASS, "D1", DIAG_SCHEME_ITEM));
	/* 被保険者受給資格者票 is of law 03, 特別療養費受給票 of law 04 */
	CU_ASSERT(
	    with2(Q_INSURER_NUMBER, "03130018", Q_CARD_CLASS, "D1", DIAG__MAX));
	CU_ASSERT(with2(Q_INSURER_NUMBER, "03130018", Q_CARD_CLASS, "D2",
	    DIAG_SCHEME_ITEM));
	CU_ASSERT(
	    with2(Q_INSURER_NUMBER, "04130019", Q_CARD_CLASS, "D2", DIAG__MAX));
	CU_ASSERT(with2(Q_INSURER_NUMBER, "04130019", Q_CARD_CLASS, "D1",
	    DIAG_SCHEME_ITEM));
	/* 退職 of NHI, 特例退職 of societies and mutual aid, 自衛官 of law 07
	 */
	CU_ASSERT(with(Q_CARD_CLASS, "02", DIAG_SCHEME_ITEM));
	CU_ASSERT(
	    with2(Q_INSURER_NUMBER, "139998", Q_CARD_CLASS, "02", DIAG__MAX));
	CU_ASSERT(with(Q_CARD_CLASS, "06", DIAG__MAX));
	CU_ASSERT(with2(
	    Q_INSURER_NUMBER, "139998", Q_CARD_CLASS, "06", DIAG_SCHEME_ITEM));
	CU_ASSERT(with(Q_CARD_CLASS, "07", DIAG_SCHEME_ITEM));
	CU_ASSERT(
	    with2(Q_INSURER_NUMBER, "07130014", Q_CARD_CLASS, "07", DIAG__MAX));
	CU_ASSERT(
	    with2(Q_INSURER_NUMBER, "139998", Q_CARD_CLASS, "05", DIAG__MAX));
	CU_ASSERT(with2(Q_INSURER_NUMBER, "139998", Q_CARD_CLASS, "03",
	    DIAG_SHORT_WITHOUT_END));
	CU_ASSERT(with(Q_INSURER_NUMBER, "19136019", DIAG_OUT_OF_SCOPE));
	/* 39: 1990-05-10 is 29 on 2020-04-01 */
	CU_ASSERT(with(Q_INSURER_NUMBER, "39139993", DIAG_LATE_ELDERLY_AGE));
	CU_ASSERT(with2(
	    Q_INSURER_NUMBER, "39139993", Q_BIRTHDATE, "19550401", DIAG__MAX));
	CU_ASSERT(with2(Q_INSURER_NUMBER, "39139993", Q_BIRTHDATE, "19550403",
	    DIAG_LATE_ELDERLY_AGE));
}

static bool
elderly(
    const char *birth, const char *from, const char *until, enum diag_code code)
{
	struct record r;

	good(&r);
	record_set(&r, Q_BIRTHDATE, slice_of(birth));
	record_set(&r, Q_ELDERLY_FROM, slice_of(from));
	record_set(&r, Q_ELDERLY_UNTIL, slice_of(until));
	record_set(&r, Q_ELDERLY_RATIO, SLICE("020"));
	return just(&r, code);
}

static void
test_elderly(void)
{
	/* born on the 1st: from that very month */
	CU_ASSERT(elderly("19500501", "20200501", "", DIAG__MAX));
	CU_ASSERT(elderly("19500501", "20200430", "", DIAG_ELDERLY_AGE));
	/* on the 2nd: from the next */
	CU_ASSERT(elderly("19500502", "20200531", "", DIAG_ELDERLY_AGE));
	CU_ASSERT(elderly("19500502", "20200601", "", DIAG__MAX));
	/* until the eve of the 75th birthday */
	CU_ASSERT(elderly("19500502", "20200601", "20250501", DIAG__MAX));
	CU_ASSERT(
	    elderly("19500502", "20200601", "20250502", DIAG_ELDERLY_AGE));
	CU_ASSERT(
	    elderly("19500502", "20200701", "20200630", DIAG_CARD_PERIOD));
	/* 29 February 1952: 70 is reached on 28 February 2022 */
	CU_ASSERT(elderly("19520229", "20220301", "", DIAG__MAX));
	CU_ASSERT(with2(Q_BIRTHDATE, "19500502", Q_ELDERLY_FROM, "20200601",
	    DIAG_ELDERLY_INCOMPLETE));
	CU_ASSERT(with(Q_ELDERLY_RATIO, "020", DIAG_ELDERLY_INCOMPLETE));
}

static void
test_bad_stays_alone(void)
{
	struct record r;

	/* a loss whose date its row refused is not said to lack a date */
	good(&r);
	record_set(&r, Q_CHANGE, SLICE("3"));
	record_set(&r, Q_LOSS_REASON, SLICE("03"));
	r.bad = UINT64_C(1) << Q_LOST_ON;
	CU_ASSERT(just(&r, DIAG__MAX));
	good(&r);
	record_set(&r, Q_INSURER_NUMBER, SLICE(""));
	r.bad = UINT64_C(1) << Q_INSURER_NUMBER;
	record_set(&r, Q_RATIO, SLICE("010"));
	CU_ASSERT(just(&r, DIAG__MAX));
}

static void
test_key(void)
{
	struct typed_key k;

	typed_key_make(&k, 'E', SLICE("06139992"), SLICE("P-1"));
	CU_ASSERT(slice_is(typed_key_text(&k), "E06139992P-1"));
	CU_ASSERT_EQUAL(k.b[31], 0);
	typed_key_make(&k, 'C', SLICE("138057"), SLICE("77"));
	CU_ASSERT(slice_is(typed_key_text(&k), "C0013805777"));
	typed_key_make(
	    &k, 'E', SLICE("06139992"), SLICE("0123456789012345678901234567"));
	CU_ASSERT_EQUAL(typed_key_text(&k).n, TYPED_KEY_SIZE);
}

static void
test_numbers(void)
{
	char out[9];

	CU_ASSERT_EQUAL(insurer_number_8(SLICE("  139998"), out), 0);
	CU_ASSERT_STRING_EQUAL(out, "00139998");
	CU_ASSERT_EQUAL(insurer_number_8(SLICE("06139992"), out), 0);
	CU_ASSERT_STRING_EQUAL(out, "06139992");
	CU_ASSERT_EQUAL(insurer_number_8(SLICE("0613999"), out), -1);
	CU_ASSERT_EQUAL(insurer_number_8(SLICE("0613999x"), out), -1);
	CU_ASSERT_EQUAL(insurer_number_8(SLICE(""), out), -1);
	/* clang-format off */
	static const struct { const char *n; enum scheme s; } t[] = {
		{ "138057", SCHEME_NHI_CITY }, { "00138057", SCHEME_NHI_CITY },
		{ "133033", SCHEME_NHI_UNION }, { "67138057", SCHEME_NHI_CITY },
		{ "01130012", SCHEME_KYOKAI }, { "03130018", SCHEME_DAY },
		{ "06139992", SCHEME_SOCIETY }, { "63139992", SCHEME_SOCIETY },
		{ "31130018", SCHEME_MUTUAL }, { "72130018", SCHEME_MUTUAL },
		{ "39139993", SCHEME_ELDERLY },
		{ "19136019", SCHEME_OUT_OF_SCOPE },
		{ "54136015", SCHEME_OUT_OF_SCOPE },
		{ "1234", SCHEME_OUT_OF_SCOPE },
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		CU_ASSERT_EQUAL(insurer_scheme(slice_of(t[i].n)), t[i].s);
}

static void
test_out_of_scope_numbers(void)
{
	static const int out[] = { 10, 25, 28, 30, 38, 51, 54, 66, 79 };
	char n[9] = "00130018";

	for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++) {
		n[0] = (char)('0' + out[i] / 10);
		n[1] = (char)('0' + out[i] % 10);
		CU_ASSERT_EQUAL(
		    insurer_scheme(slice_of(n)), SCHEME_OUT_OF_SCOPE);
	}
}

static void
test_printed(void)
{
	int32_t day = day_of(1990, 5, 10);
	uint64_t h = printed_hash(
	    SLICE("06139992"), SLICE("１２－３４"), SLICE("５６７"), day);

	CU_ASSERT_EQUAL(h,
	    printed_hash(SLICE("06139992"), SLICE("12-34"), SLICE("567"), day));
	CU_ASSERT_NOT_EQUAL(h,
	    printed_hash(SLICE("06139992"), SLICE("12-345"), SLICE("67"), day));
	CU_ASSERT_NOT_EQUAL(h,
	    printed_hash(
		SLICE("06139992"), SLICE("12-34"), SLICE("567"), day + 1));
	CU_ASSERT_NOT_EQUAL(h,
	    printed_hash(SLICE("01130012"), SLICE("12-34"), SLICE("567"), day));
}

static CU_TestInfo tests[] = {
	{ "days stand in their order", test_days },
	{ "a loss has its date and reason", test_loss },
	{ "items go with the scheme of the insurer", test_scheme },
	{ "高齢受給者証 is for 70 to 74, by month", test_elderly },
	{ "a rule leaves alone what a row refused", test_bad_stays_alone },
	{ "typed keys are letter, code, id", test_key },
	{ "insurer numbers tell their scheme", test_numbers },
	{ "公費 numbers are out of scope", test_out_of_scope_numbers },
	{ "the printed hash folds width and keeps fields apart", test_printed },
	CU_TEST_INFO_NULL,
};
SUITE(qualification, tests);
