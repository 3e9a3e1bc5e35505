/*
 * respond() and the calendar: birthdays, certificates, births and losses, each
 * on the day before and on the day itself. Every row is a sentence and was
 * worked out by hand from domain/messages.md 9 and the laws named there.
 */
#include <unistd.h>

#include "online/respond.h"
#include "tests/unit/suite.h"
#include "tests/world.h"

#define CA "00112233445566778899aabbccddeeff00112233"
#define PARTITION "CN=Mihon-shi CRLDP,OU=Kaku-ken"
#define SOCIETY "06139992"
#define CITY "00139998"
#define ELDERLY "39139993"

static struct world *world;
static struct respond_context context;
static struct config config;
static char dir[] = "/tmp/shikaku-respond-day-XXXXXX";
static struct diag_log diag;

/* ---- the people ---- */

struct person {
	const char *number; /* printed; also the person's id */
	const char *insurer, *birth, *gained, *lost, *reason;
	const char *class, *from, *until, *returned;
	const char *elderly_from, *elderly_until, *preschool;
	int pseudonym; /* 0: not paired */
};

/* clang-format off */
static const struct person people[] = {
/* 75 */
{ "101", SOCIETY, "19440415", "20000401", .class = "01" },
{ "102", SOCIETY, "19440415", "20000401", .class = "01", .pseudonym = 102 },
{ "103", ELDERLY, "19440415", "20190415", .class = "01", .pseudonym = 102 },
{ "104", CITY, "19440229", "20150401", .class = "01" },
{ "105", SOCIETY, "19440301", "20150401", .class = "01" },
{ "106", SOCIETY, "19440401", "20150401", .class = "01" },
{ "107", ELDERLY, "19500101", "20160101", .class = "01" },
{ "108", CITY, "19440415", "20150401", .class = "01", .from = "20180801", .until = "20190731" },
{ "109", SOCIETY, "19440415", "20150401", "20190401", "03", .class = "01" },
/* 70 */
{ "201", SOCIETY, "19490415", "20150401", .class = "01", .elderly_from = "20190501", .elderly_until = "20190731" },
{ "202", SOCIETY, "19490501", "20150401", .class = "01", .elderly_from = "20190501", .elderly_until = "20190731" },
{ "203", SOCIETY, "19480229", "20150401", .class = "01", .elderly_from = "20180301", .elderly_until = "20180731" },
{ "204", SOCIETY, "19440415", "20150401", .class = "01", .elderly_from = "20140501" },
/* 未就学 */
{ "301", SOCIETY, "20130402", "20130402", .class = "01", .preschool = "1" },
{ "302", SOCIETY, "20130401", "20130401", .class = "01", .preschool = "1" },
{ "303", SOCIETY, "20120229", "20120229", .class = "01", .preschool = "1" },
{ "304", SOCIETY, "20121231", "20121231", .class = "01", .preschool = "1" },
/* 短期被保険者証, 資格証明書 */
{ "401", CITY, "19800505", "20180401", .class = "03", .from = "20190401", .until = "20190930" },
{ "402", CITY, "19800505", "20180401", .class = "05", .from = "20190401", .until = "20200331" },
{ "403", CITY, "19800505", "20180401", .class = "05", .from = "20190401" },
{ "404", CITY, "19800505", "20180401", .class = "03", .from = "20190401", .until = "20190930", .returned = "20190601" },
{ "405", CITY, "19800505", "20180401", "20190930", "99", .class = "03", .from = "20190401", .until = "20190930" },
/* births and losses */
{ "501", SOCIETY, "20190410", "20190410", .class = "01" },
{ "502", SOCIETY, "20160229", "20160229", .class = "01" },
{ "503", SOCIETY, "19800505", "20150401", "20190501", "01", .class = "01" },
{ "504", SOCIETY, "19800505", "20190401", "20190401", "99", .class = "01" },
{ "505", SOCIETY, "19800505", "20150401", "20190401", "03", .class = "01", .pseudonym = 505 },
{ "506", CITY, "19800505", "20190401", .class = "01", .pseudonym = 505 },
};

struct row {
	const char *sentence, *number, *insurer, *birth, *asked;
	enum validity validity;
	const char *today; /* of asking; NULL: the asked day */
	const char *class, *reason; /* of the result; NULL: not looked at */
	const char *elderly_from, *preschool; /* "": must not be told */
};

static const struct row at_75[] = {
{ "the day before the 75th birthday an employee is covered", "101", SOCIETY, "19440415", "20190414", VALIDITY_VALID, .reason = "" },
{ "on the 75th birthday the employee's cover has ended, loss sent or not", "101", SOCIETY, "19440415", "20190415", VALIDITY_INVALID, .reason = "" },
{ "the old card is good on the eve though 後期高齢 is known already", "102", SOCIETY, "19440415", "20190414", VALIDITY_VALID, .today = NULL },
{ "on the 75th birthday the old card says that there is a new one", "102", SOCIETY, "19440415", "20190415", VALIDITY_NEW_CARD, .today = NULL },
{ "the 後期高齢 card is not good on the eve; the old one is", "103", ELDERLY, "19440415", "20190414", VALIDITY_NEW_CARD, .today = NULL },
{ "the 後期高齢 card is good on the 75th birthday", "103", ELDERLY, "19440415", "20190415", VALIDITY_VALID, .today = NULL },
{ "born on 29 February: covered on 28 February of the 75th year", "104", CITY, "19440229", "20190228", VALIDITY_VALID, .today = NULL },
{ "born on 29 February: 75 on 1 March of an ordinary year", "104", CITY, "19440229", "20190301", VALIDITY_INVALID, .today = NULL },
{ "born on 1 March: covered on 28 February", "105", SOCIETY, "19440301", "20190228", VALIDITY_VALID, .today = NULL },
{ "born on 1 March: 75 on 1 March", "105", SOCIETY, "19440301", "20190301", VALIDITY_INVALID, .today = NULL },
{ "born on the 1st: covered on the last day of the month before", "106", SOCIETY, "19440401", "20190331", VALIDITY_VALID, .today = NULL },
{ "born on the 1st: 75 on the 1st", "106", SOCIETY, "19440401", "20190401", VALIDITY_INVALID, .today = NULL },
{ "後期高齢 by disability, the day before the beginning", "107", ELDERLY, "19500101", "20151231", VALIDITY_INVALID, .today = NULL },
{ "後期高齢 by disability begins at 66", "107", ELDERLY, "19500101", "20160101", VALIDITY_VALID, .today = NULL },
{ "後期高齢 goes on over the 75th birthday", "107", ELDERLY, "19500101", "20250101", VALIDITY_VALID, .today = NULL },
{ "a card printed longer than its holder's 74 years is good on the eve", "108", CITY, "19440415", "20190414", VALIDITY_VALID, .today = NULL },
{ "a card printed longer ends on the 75th birthday all the same", "108", CITY, "19440415", "20190415", VALIDITY_INVALID, .today = NULL },
{ "ten days after the 75th birthday the old record is still shown", "101", SOCIETY, "19440415", "20190415", VALIDITY_INVALID, .today = "20190425" },
{ "eleven days after it, with ten of retention, nobody is there", "101", SOCIETY, "19440415", "20190415", VALIDITY_NOBODY, .today = "20190426" },
{ "an earlier loss counts for the retention, not the birthday", "109", SOCIETY, "19440415", "20190411", VALIDITY_INVALID, .today = "20190411", .reason = "03" },
{ "ten days after the loss the birthday brings nothing back", "109", SOCIETY, "19440415", "20190412", VALIDITY_NOBODY, .today = "20190412" },
};

static const struct row at_70[] = {
{ "高齢受給者証 is not told of in the month of the 70th birthday", "201", SOCIETY, "19490415", "20190430", VALIDITY_VALID, .elderly_from = "" },
{ "高齢受給者証 from the first of the month after it", "201", SOCIETY, "19490415", "20190501", VALIDITY_VALID, .elderly_from = "20190501" },
{ "高齢受給者証 on its last day", "201", SOCIETY, "19490415", "20190731", VALIDITY_VALID, .elderly_from = "20190501" },
{ "高齢受給者証 is over on the day after its last", "201", SOCIETY, "19490415", "20190801", VALIDITY_VALID, .elderly_from = "" },
{ "born on the 1st: not yet on the eve of 70", "202", SOCIETY, "19490501", "20190430", VALIDITY_VALID, .elderly_from = "" },
{ "born on the 1st: in that very month, on the birthday", "202", SOCIETY, "19490501", "20190501", VALIDITY_VALID, .elderly_from = "20190501" },
{ "born on 29 February: 70 is reached on 28 February, not told then", "203", SOCIETY, "19480229", "20180228", VALIDITY_VALID, .elderly_from = "" },
{ "born on 29 February: told from 1 March of an ordinary year", "203", SOCIETY, "19480229", "20180301", VALIDITY_VALID, .elderly_from = "20180301" },
{ "without an end 高齢受給者証 holds on the eve of 75", "204", SOCIETY, "19440415", "20190414", VALIDITY_VALID, .elderly_from = "20140501" },
{ "without an end 高齢受給者証 ends at 75, with the cover", "204", SOCIETY, "19440415", "20190415", VALIDITY_INVALID, .elderly_from = "" },
};

static const struct row at_6[] = {
{ "born on 2 April: 6 on 1 April, 未就学 one more year", "301", SOCIETY, "20130402", "20200331", VALIDITY_VALID, .preschool = "1" },
{ "born on 2 April: at school from 1 April a year later", "301", SOCIETY, "20130402", "20200401", VALIDITY_VALID, .preschool = "" },
{ "born on 1 April: 6 on 31 March, which is the last day of 未就学", "302", SOCIETY, "20130401", "20190331", VALIDITY_VALID, .preschool = "1" },
{ "born on 1 April: belongs to the earlier year", "302", SOCIETY, "20130401", "20190401", VALIDITY_VALID, .preschool = "" },
{ "born on 29 February: 未就学 until 31 March", "303", SOCIETY, "20120229", "20180331", VALIDITY_VALID, .preschool = "1" },
{ "born on 29 February: at school from 1 April", "303", SOCIETY, "20120229", "20180401", VALIDITY_VALID, .preschool = "" },
{ "born on 31 December: 未就学 until the March after", "304", SOCIETY, "20121231", "20190331", VALIDITY_VALID, .preschool = "1" },
{ "born on 31 December: at school from the April after", "304", SOCIETY, "20121231", "20190401", VALIDITY_VALID, .preschool = "" },
};

static const struct row of_certificates[] = {
{ "短期: the day before it begins", "401", CITY, "19800505", "20190331", VALIDITY_INVALID, .class = "03" },
{ "短期: its first day", "401", CITY, "19800505", "20190401", VALIDITY_VALID, .class = "03" },
{ "短期: its last day", "401", CITY, "19800505", "20190930", VALIDITY_VALID, .class = "03" },
{ "短期: the day after its last", "401", CITY, "19800505", "20191001", VALIDITY_INVALID, .class = "03" },
{ "短期 called in: the day before", "404", CITY, "19800505", "20190531", VALIDITY_VALID, .today = NULL },
{ "短期 called in: the day itself", "404", CITY, "19800505", "20190601", VALIDITY_INVALID, .today = NULL },
{ "短期 whose last day is the day of loss: the day before", "405", CITY, "19800505", "20190929", VALIDITY_VALID, .today = NULL },
{ "短期 whose last day is the day of loss: lost", "405", CITY, "19800505", "20190930", VALIDITY_INVALID, .reason = "99" },
{ "資格証明書: the day before it begins", "402", CITY, "19800505", "20190331", VALIDITY_INVALID, .class = "05" },
{ "資格証明書 is a cover, told by its class: first day", "402", CITY, "19800505", "20190401", VALIDITY_VALID, .class = "05" },
{ "資格証明書: its last day", "402", CITY, "19800505", "20200331", VALIDITY_VALID, .class = "05" },
{ "資格証明書: the day after its last", "402", CITY, "19800505", "20200401", VALIDITY_INVALID, .class = "05" },
{ "資格証明書 without an end goes on", "403", CITY, "19800505", "20290401", VALIDITY_VALID, .class = "05" },
};

static const struct row of_births_and_losses[] = {
{ "asked for the day before the birth: known, not covered", "501", SOCIETY, "20190410", "20190409", VALIDITY_INVALID, .today = NULL },
{ "covered on the day of birth", "501", SOCIETY, "20190410", "20190410", VALIDITY_VALID, .today = NULL },
{ "born on 29 February: not covered on 28 February", "502", SOCIETY, "20160229", "20160228", VALIDITY_INVALID, .today = NULL },
{ "born on 29 February: covered on that day", "502", SOCIETY, "20160229", "20160229", VALIDITY_VALID, .today = NULL },
{ "the day before 資格喪失日 is the last with cover", "503", SOCIETY, "19800505", "20190430", VALIDITY_VALID, .today = NULL },
{ "資格喪失日 is the first day without", "503", SOCIETY, "19800505", "20190501", VALIDITY_INVALID, .reason = "01" },
{ "lost on the day of acquisition: never covered", "504", SOCIETY, "19800505", "20190401", VALIDITY_INVALID, .reason = "99" },
{ "lost on the day of acquisition: not the day before either", "504", SOCIETY, "19800505", "20190331", VALIDITY_INVALID, .today = NULL },
{ "a change of insurer without a gap: old card on its last day", "505", SOCIETY, "19800505", "20190331", VALIDITY_VALID, .today = NULL },
{ "a change of insurer: old card on 資格喪失日 says there is a new one", "505", SOCIETY, "19800505", "20190401", VALIDITY_NEW_CARD, .reason = "03" },
{ "a change of insurer: the new card on its first day", "506", CITY, "19800505", "20190401", VALIDITY_VALID, .today = NULL },
{ "another birth date is nobody", "506", CITY, "19800506", "20190401", VALIDITY_NOBODY, .today = NULL },
};
/* clang-format on */

/* ---- asking ---- */

static struct query q;
static struct answer a;

static bool
is_told(int field, const char *want)
{
	struct slice got = a.has_result ? a.result.v[field].s : SLICE("");

	return want == NULL || slice_is(got, want);
}

static void
ask(const struct row *r)
{
	int32_t day = day_parse(slice_of(r->asked));
	int32_t today = r->today == NULL ? day : day_parse(slice_of(r->today));

	memset(&q, 0, sizeof(q));
	memset(&a, 0, sizeof(a));
	q.day = day;
	memcpy(q.insurer8, r->insurer, 9);
	q.search[SF_INSURER] = slice_of(r->insurer);
	q.search[SF_SYMBOL] = SLICE("日");
	q.search[SF_NUMBER] = slice_of(r->number);
	q.birth = day_parse(slice_of(r->birth));
	config.visible_days = r->today == NULL ? 0 : 10;
	respond_number(&context, &q, today, &a);
}

static void
ask_all(const struct row *rows, size_t n)
{
	int wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		bool result = r->validity == VALIDITY_VALID ||
		    r->validity == VALIDITY_INVALID ||
		    r->validity == VALIDITY_NEW_CARD;
		ask(r);
		if (a.segment_of_result == 1 && a.validity == r->validity &&
		    a.has_result == result && is_told(Q_CARD_CLASS, r->class) &&
		    is_told(Q_LOSS_REASON, r->reason) &&
		    is_told(Q_ELDERLY_FROM, r->elderly_from) &&
		    is_told(Q_PRESCHOOL, r->preschool))
			continue;
		wrong++;
		fprintf(stderr, "%s: wanted %d, got %d\n", r->sentence,
		    (int)r->validity, (int)a.validity);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

#define ALL(rows) ask_all(rows, sizeof(rows) / sizeof((rows)[0]))

static void
test_75(void)
{
	ALL(at_75);
}

static void
test_70(void)
{
	ALL(at_70);
}

static void
test_6(void)
{
	ALL(at_6);
}

static void
test_certificates(void)
{
	ALL(of_certificates);
}

static void
test_births_and_losses(void)
{
	ALL(of_births_and_losses);
}

/* The card of somebody turning 75 finds the cover that holds on the day. */
static void
test_a_card_over_the_75th_birthday(void)
{
	struct chain_card card = {
		.ca = CA, .serial = "2000001", .partition = PARTITION
	};
	static const char *const asked[] = { "20190414", "20190415" };
	static const char *const whose[] = { SOCIETY, ELDERLY };
	enum card_result why;

	config.visible_days = 0;
	for (int i = 0; i < 2; i++) {
		memset(&q, 0, sizeof(q));
		memset(&a, 0, sizeof(a));
		q.kind = QUERY_CARD;
		q.day = day_parse(slice_of(asked[i]));
		respond_card(&context, &q, &card, world->this_update, &a, &why);
		CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
		CU_ASSERT_STRING_EQUAL(a.insurer_code, whose[i]);
	}
}

/* ---- the world ---- */

static void
add_person(const struct person *p)
{
	world_period(world, 'E', p->pseudonym, Q_INSURER_CODE, p->insurer,
	    Q_PERSON_ID, p->number, Q_INSURER_NUMBER, p->insurer, Q_SYMBOL,
	    "日", Q_INSURED_NUMBER, p->number, Q_NAME, "試験", Q_BIRTHDATE,
	    p->birth, Q_QUALIFIED_ON, p->gained, Q_LOST_ON, p->lost,
	    Q_LOSS_REASON, p->reason, Q_CARD_CLASS, p->class, Q_CARD_FROM,
	    p->from, Q_CARD_UNTIL, p->until, Q_CARD_RETURNED_ON, p->returned,
	    Q_ELDERLY_FROM, p->elderly_from, Q_ELDERLY_UNTIL, p->elderly_until,
	    Q_ELDERLY_RATIO, p->elderly_from == NULL ? NULL : "020",
	    Q_PRESCHOOL, p->preschool, -1);
}

static int
setup(void)
{
	int32_t day = day_of(2019, 4, 15);

	diag_log_init(&diag, "respond_day_test", stderr);
	if (mkdtemp(dir) == NULL)
		return 1;
	world = world_new();
	world->ca = CA;
	world->partition = PARTITION;
	world->this_update = day_moment(day, 0);
	world->next_update = world->this_update + DAY_MS;
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
		add_person(&people[i]);
	world_add(world, SNAPSHOT_CARDS, &link_format, L_SERIAL, L_CA, CA,
	    L_SERIAL, "2000001", L_PROCESSING_NUMBER, "P102", L_STATE, "1",
	    L_PROVIDED_AT, "20190401000000", -1);
	if (world_open(world, dir, day, context.kind, &diag.sink) == -1)
		return 1;
	config.phase = 2;
	config.number_inquiry = true;
	config.number_key = 1;
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
	{ "from the 75th birthday itself only 後期高齢 covers", test_75 },
	{ "高齢受給者証 is told of on its own days only", test_70 },
	{ "未就学 ends with the school year's eve", test_6 },
	{ "短期被保険者証 and 資格証明書 hold from their first day to their last",
	    test_certificates },
	{ "births and losses, the day before and the day itself",
	    test_births_and_losses },
	{ "a card over the 75th birthday", test_a_card_over_the_75th_birthday },
	CU_TEST_INFO_NULL,
};
extern const CU_SuiteInfo suite_respond_day;
const CU_SuiteInfo suite_respond_day = { "respond_day", setup, teardown, NULL,
	NULL, tests };
