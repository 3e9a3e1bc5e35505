/*
 * respond() where something is wrong or at its limit: a snapshot that breaks
 * in the middle of a question, more people behind one printed number than we
 * count, records as long as a record may be, links of cards before their day.
 */
#include <errno.h>
#include <unistd.h>

#include "online/respond.h"
#include "tests/unit/faults.h"
#include "tests/unit/suite.h"
#include "tests/world.h"

#define CA "00112233445566778899aabbccddeeff00112233"
#define PARTITION "CN=Mihon-shi CRLDP,OU=Kaku-ken"
#define SOCIETY "06139992"
#define ELDERLY "39139993"
#define TODAY 18001 /* 2019-04-15 */
#define CROWD 40 /* more than respond.c counts */

static struct world *world;
static struct respond_context context;
static struct config config;
static char dir[] = "/tmp/shikaku-respond-fault-XXXXXX";
static struct diag_log diag;
static char long_address[301], crowd_id[CROWD][8];

static struct query q;
static struct answer a;
static enum card_result why;

static void
ask_number(const char *symbol, const char *number)
{
	memset(&q, 0, sizeof(q));
	memset(&a, 0, sizeof(a));
	q.day = TODAY;
	memcpy(q.insurer8, SOCIETY, 9);
	q.search[SF_INSURER] = SLICE(SOCIETY);
	q.search[SF_SYMBOL] = slice_of(symbol);
	q.search[SF_NUMBER] = slice_of(number);
	q.birth = day_of(1980, 5, 5);
	respond_number(&context, &q, TODAY, &a);
}

static void
ask_card(const char *serial, int32_t day)
{
	struct chain_card card = { .ca = CA, .partition = PARTITION };

	memset(&q, 0, sizeof(q));
	memset(&a, 0, sizeof(a));
	q.kind = QUERY_CARD;
	q.day = TODAY;
	snprintf(card.serial, sizeof(card.serial), "%s", serial);
	respond_card(&context, &q, &card,
	    day_moment(day, INT64_C(10) * 3600 * 1000), &a, &why);
}

/* The n-th call of `function` fails, for every n there is: each time the
 * answer is OE9001 and tells of nobody. How often it struck. */
static int
break_in_turn(const char *function, void (*ask)(void))
{
	int n = 0;

	for (const char *struck = function; struck != NULL;) {
		faults_arm(function, n + 1, EIO);
		ask();
		struck = faults_disarm();
		if (struck == NULL)
			break;
		n++;
		CU_ASSERT_EQUAL(a.segment_of_result, 9);
		CU_ASSERT_EQUAL(a.validity, VALIDITY_NONE_YET);
		CU_ASSERT_FALSE(a.has_result);
		CU_ASSERT_PTR_NOT_NULL_FATAL(a.error_code);
		CU_ASSERT_STRING_EQUAL(a.error_code, "OE9001");
	}
	/* and without a fault the question is one that is answered */
	CU_ASSERT_EQUAL(a.segment_of_result, 1);
	return n;
}

static void
by_old_card(void)
{
	ask_number("旧", "1");
}

static void
by_two_keys(void)
{
	ask_number("双", "1");
}

static void
by_report(void)
{
	config.number_key = 0;
	ask_number("", "OLD");
	config.number_key = 2;
}

static void
by_card(void)
{
	ask_card("2000001", TODAY);
}

static void
test_a_number_question_to_a_broken_snapshot_is_no_answer(void)
{
	config.number_key = 2;
	/* the old card: its own periods, then those of both keys */
	CU_ASSERT_EQUAL(break_in_turn("snapshot_periods", by_old_card), 3);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_printed", by_old_card), 1);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_pseudonym", by_old_card), 1);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_person_keys", by_old_card), 1);
	/* three keys behind one number: is it one person? */
	CU_ASSERT_EQUAL(break_in_turn("snapshot_pseudonym", by_two_keys), 3);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_periods", by_report), 3);
}

static void
test_a_card_question_to_a_broken_snapshot_is_no_answer(void)
{
	CU_ASSERT_EQUAL(break_in_turn("snapshot_partition", by_card), 1);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_revoked", by_card), 1);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_card", by_card), 1);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_pairing", by_card), 1);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_person_keys", by_card), 1);
	CU_ASSERT_EQUAL(break_in_turn("snapshot_periods", by_card), 2);
}

static void
test_an_institution_looked_up_in_a_broken_snapshot_is_not_let_in(void)
{
	struct snapshot_institution out;
	const char *code;

	faults_arm("snapshot_institution", 1, EIO);
	code = respond_institution(
	    &context, SLICE("1319900010"), SLICE(""), TODAY, &out);
	CU_ASSERT_STRING_EQUAL(faults_disarm(), "snapshot_institution");
	CU_ASSERT_STRING_EQUAL(code, "OE9001");
	code = respond_institution(
	    &context, SLICE("1319900010"), SLICE(""), TODAY, &out);
	CU_ASSERT_PTR_NULL(code); /* from and until open: in its time */
}

static void
test_one_person_with_three_keys_is_one_and_two_persons_are_several(void)
{
	ask_number("双", "1");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
	/* the first two keys are one person's, the third another's */
	ask_number("三", "1");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_SEVERAL);
	CU_ASSERT_FALSE(a.has_result);
	/* nothing says whether these two are one person */
	ask_number("未", "1");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_SEVERAL);
	/* a twin who died is still somebody with that number */
	ask_number("故", "1");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_SEVERAL);
}

static void
test_more_keys_than_we_count_are_several_persons(void)
{
	ask_number("多", "1");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_SEVERAL);
	CU_ASSERT_FALSE(a.has_result);
}

static void
test_a_branch_alone_asks_by_the_printed_keys(void)
{
	/* 記号 is not given: the branch says it is a printed number */
	ask_number("", "77");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
	ask_number("", "77");
	q.search[SF_BRANCH] = SLICE("02");
	memset(&a, 0, sizeof(a));
	respond_number(&context, &q, TODAY, &a);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	q.search[SF_BRANCH] = SLICE("01");
	memset(&a, 0, sizeof(a));
	respond_number(&context, &q, TODAY, &a);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
}

static void
test_a_symbol_longer_than_any_printed_is_nobody(void)
{
	static char symbol[300];

	memset(symbol, '1', sizeof(symbol) - 1);
	ask_number(symbol, "1");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
}

static void
test_a_long_record_is_given_whole(void)
{
	ask_number("長", "1");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
	CU_ASSERT(slice_is(a.result.v[Q_ADDRESS].s, long_address));
	CU_ASSERT(slice_is(a.insurer_name, "見本健康保険組合"));
}

static void
test_a_card_s_link_holds_from_its_first_day_to_its_last(void)
{
	static const struct {
		int32_t day;
		bool linked;
	} on[] = { { TODAY - 1, false }, { TODAY, true }, { TODAY + 1, true },
		{ TODAY + 2, false } };

	for (size_t i = 0; i < 4; i++) {
		ask_card("2000002", on[i].day);
		if (on[i].linked) {
			CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
			continue;
		}
		CU_ASSERT_STRING_EQUAL(a.error_code, "OE3005");
		CU_ASSERT_EQUAL(why, CARD_NOT_LINKED);
	}
}

/* Who may know whom a card belongs to: not the terminal (6.3 h). */
static void
test_a_card_not_linked_and_one_without_cover_are_one_answer(void)
{
	struct answer nobody, early, over;

	ask_card("9999999", TODAY); /* no link */
	nobody = a;
	CU_ASSERT_EQUAL(why, CARD_NOT_LINKED);
	ask_card("2000002", TODAY - 1); /* a link of another day */
	early = a;
	config.visible_days = 10;
	ask_card("2000003", TODAY + 1); /* linked; cover beyond retention */
	config.visible_days = 0;
	over = a;
	CU_ASSERT_EQUAL(why, CARD_VALID);
	CU_ASSERT_STRING_EQUAL(nobody.error_code, "OE3005");
	CU_ASSERT_EQUAL(memcmp(&nobody, &early, sizeof(a)), 0);
	CU_ASSERT_EQUAL(memcmp(&nobody, &over, sizeof(a)), 0);
}

static void
test_a_card_of_one_whose_cover_lies_beyond_the_retention(void)
{
	config.visible_days = 10;
	ask_card("2000003", TODAY); /* lost ten days ago: still told */
	CU_ASSERT_EQUAL(a.validity, VALIDITY_INVALID);
	ask_card("2000003", TODAY + 1);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE3005");
	CU_ASSERT_EQUAL(why, CARD_VALID); /* the usage line tells them apart */
	/* a cover still to come is never beyond the retention */
	ask_number("来", "1");
	CU_ASSERT_EQUAL(a.validity, VALIDITY_INVALID);
	config.visible_days = 0;
}

/* ---- the world ---- */

static void
add(const char *symbol, const char *number, const char *id, int pseudonym,
    const char *gained, const char *lost)
{
	world_period(world, 'E', pseudonym, Q_INSURER_CODE, SOCIETY,
	    Q_PERSON_ID, id, Q_INSURER_NUMBER, SOCIETY, Q_SYMBOL, symbol,
	    Q_INSURED_NUMBER, number, Q_BRANCH, "01", Q_NAME, "試験",
	    Q_BIRTHDATE, "19800505", Q_QUALIFIED_ON, gained, Q_LOST_ON, lost,
	    Q_ADDRESS, strcmp(symbol, "長") == 0 ? long_address : NULL, -1);
}

static void
add_people(void)
{
	add("旧", "1", "OLD", 1, "20150401", "20190401");
	world_period(world, 'E', 1, Q_INSURER_CODE, ELDERLY, Q_PERSON_ID, "NEW",
	    Q_INSURER_NUMBER, ELDERLY, Q_INSURED_NUMBER, "2", Q_NAME, "試験",
	    Q_BIRTHDATE, "19800505", Q_QUALIFIED_ON, "20190401", -1);
	add("双", "1", "A1", 2, "20150401", NULL);
	add("双", "1", "A2", 2, "20160401", NULL);
	add("双", "1", "A3", 2, "20170401", NULL);
	add("三", "1", "B1", 3, "20150401", NULL);
	add("三", "1", "B2", 3, "20150401", NULL);
	add("三", "1", "B3", 4, "20150401", NULL);
	add("未", "1", "C1", 0, "20150401", NULL);
	add("未", "1", "C2", 0, "20150401", NULL);
	add("故", "1", "D1", 5, "20150401", NULL);
	add("故", "1", "D2", 6, "20150401", "20160401");
	add("", "77", "F1", 7, "20150401", NULL);
	add("長", "1", "G1", 8, "20150401", NULL);
	add("済", "1", "H1", 9, "20150401", "20190405");
	add("来", "1", "I1", 10, "20190501", NULL);
	for (int i = 0; i < CROWD; i++) {
		snprintf(crowd_id[i], sizeof(crowd_id[i]), "M%d", i);
		add("多", "1", crowd_id[i], 11, "20150401", NULL);
	}
}

static void
add_card(
    const char *serial, const char *number, const char *from, const char *until)
{
	world_add(world, SNAPSHOT_CARDS, &link_format, L_SERIAL, L_CA, CA,
	    L_SERIAL, serial, L_PROCESSING_NUMBER, number, L_STATE, "1",
	    L_VALID_FROM, from, L_VALID_UNTIL, until, L_PROVIDED_AT,
	    "20190401000000", -1);
}

static int
setup(void)
{
	diag_log_init(&diag, "respond_fault_test", stderr);
	if (mkdtemp(dir) == NULL)
		return 1;
	memset(long_address, 'x', sizeof(long_address) - 1);
	world = world_new();
	world->ca = CA;
	world->partition = PARTITION;
	world->this_update = day_moment(TODAY, 0);
	world->next_update = world->this_update + 9 * DAY_MS;
	add_people();
	add_card("2000001", "P1", NULL, NULL);
	add_card("2000002", "P2", "20190415", "20190416");
	add_card("2000003", "P9", NULL, NULL);
	world_add(world, SNAPSHOT_QUALIFICATION, &insurer_format, N_NUMBER,
	    N_NUMBER, SOCIETY, N_CODE, SOCIETY, N_SCHEME, "society", N_NAME,
	    "見本健康保険組合", -1);
	world_add(world, SNAPSHOT_INSTITUTIONS, &institution_format, I_CODE,
	    I_CODE, "1319900010", I_PREFECTURE, "13", I_SIZE_CLASS, "3",
	    I_PILOT, "0", -1);
	if (world_open(world, dir, TODAY, context.kind, &diag.sink) == -1)
		return 1;
	config.phase = 2;
	config.number_inquiry = true;
	config.number_key = 2;
	context.config = &config;
	return 0;
}

static int
teardown(void)
{
	world_close(world, dir, context.kind);
	rmdir(dir);
	world_free(world);
	return 0;
}

static CU_TestInfo tests[] = {
	{ "a number question to a snapshot that breaks is no answer",
	    test_a_number_question_to_a_broken_snapshot_is_no_answer },
	{ "a card question to a snapshot that breaks is no answer",
	    test_a_card_question_to_a_broken_snapshot_is_no_answer },
	{ "an institution looked up in a broken snapshot is not let in",
	    test_an_institution_looked_up_in_a_broken_snapshot_is_not_let_in },
	{ "one person with three keys is one, two persons are several",
	    test_one_person_with_three_keys_is_one_and_two_persons_are_several },
	{ "more keys than we count are several persons",
	    test_more_keys_than_we_count_are_several_persons },
	{ "a branch alone asks by the printed keys",
	    test_a_branch_alone_asks_by_the_printed_keys },
	{ "a symbol longer than any printed is nobody",
	    test_a_symbol_longer_than_any_printed_is_nobody },
	{ "a long record is given whole", test_a_long_record_is_given_whole },
	{ "a card not linked and one without cover are one answer",
	    test_a_card_not_linked_and_one_without_cover_are_one_answer },
	{ "a card's link holds from its first day to its last",
	    test_a_card_s_link_holds_from_its_first_day_to_its_last },
	{ "a card of one whose cover lies beyond the retention",
	    test_a_card_of_one_whose_cover_lies_beyond_the_retention },
	CU_TEST_INFO_NULL,
};
extern const CU_SuiteInfo suite_respond_fault;
const CU_SuiteInfo suite_respond_fault = { "respond_fault", setup, teardown,
	NULL, NULL, tests };
