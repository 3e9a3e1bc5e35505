/*
 * respond() against small worlds. The exhaustive part asks every pair of
 * periods of a few days on every day and compares with a model that knows
 * nothing but sets of days.
 */
#include <unistd.h>

#include "online/respond.h"
#include "tests/unit/suite.h"
#include "tests/world.h"

#define CA "00112233445566778899aabbccddeeff00112233"
#define PARTITION "CN=Mihon-shi CRLDP,OU=Kaku-ken"
#define D0 18000 /* the day the tests count from: 2019-04-14 */
#define TODAY 6

static struct world *world;
static struct respond_context context;
static struct config config;
static char dir[] = "/tmp/shikaku-respond-XXXXXX";
static struct diag_log diag;

/* Texts that records point at. */
static char pool[1 << 20];
static size_t pool_used;

__attribute__((format(printf, 1, 2))) static const char *
text(const char *fmt, ...)
{
	char *p = pool + pool_used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p, sizeof(pool) - pool_used, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n + 1 > sizeof(pool) - pool_used)
		abort();
	pool_used += (size_t)n + 1;
	return p;
}

static const char *
day_text(int day) /* counted from D0; 0: none */
{
	char s[9];

	if (day == 0)
		return "";
	day_format(D0 + day, s);
	return text("%s", s);
}

/* ---- the exhaustive world ---- */

enum end { OPEN, LOST1, LOST2, UNTIL0, UNTIL1, BACK1, BOTH, END__MAX };
static const struct {
	int lost, until, back; /* days after the beginning; -1: none */
} ends[END__MAX] = { [OPEN] = { -1, -1, -1 },
	[LOST1] = { 1, -1, -1 },
	[LOST2] = { 2, -1, -1 },
	[UNTIL0] = { -1, 0, -1 },
	[UNTIL1] = { -1, 1, -1 },
	[BACK1] = { -1, -1, 1 },
	[BOTH] = { 2, 0, -1 } };
enum arrangement { /* of the second period beside the first */
	SAME_CARD, /* same key, same print: a renewed card */
	OTHER_NUMBER, /* same key, another number printed */
	OTHER_INSURER, /* another key, paired as the same person */
	SECOND_KEY, /* same insurer and print, another key, same person */
	TWIN, /* the same, but another person */
	UNPAIRED, /* another insurer, and nobody knows it is the same */
	ARRANGEMENT__MAX
};
struct small {
	int from[2];
	enum end end[2];
	enum arrangement how;
	int number;
	unsigned days[2]; /* bit d: in force on day d */
};

static void
add_small_period(const struct small *s, int i)
{
	bool other = i == 1 && (s->how == OTHER_INSURER || s->how == UNPAIRED);
	bool key = i == 1 && s->how != SAME_CARD && s->how != OTHER_NUMBER;
	int person = s->number * 2 +
	    (i == 1 && (s->how == TWIN || s->how == UNPAIRED) ? 1 : 0);
	int f = s->from[i];
	const char *number = i == 1 && s->how == OTHER_NUMBER ? "２" : "１";

#define AFTER(x) (ends[s->end[i]].x < 0 ? "" : day_text(f + ends[s->end[i]].x))
	world_period(world, 'E', s->how == UNPAIRED ? 0 : person,
	    Q_INSURER_CODE, other ? "39139993" : "06139992", Q_PERSON_ID,
	    text("%c%05d", key ? 'B' : 'A', s->number), Q_INSURER_NUMBER,
	    other ? "39139993" : "06139992", Q_SYMBOL, text("記%d", s->number),
	    Q_INSURED_NUMBER, number, Q_NAME, i == 0 ? "甲" : "乙", Q_BIRTHDATE,
	    "19800505", Q_QUALIFIED_ON, day_text(f), Q_LOST_ON, AFTER(lost),
	    Q_CARD_UNTIL, AFTER(until), Q_CARD_RETURNED_ON, AFTER(back), -1);
#undef AFTER
}

/* In force is worked out day by day, the way a person would. */
static unsigned
days_of(int from, enum end end)
{
	unsigned days = 0;

	for (int d = 0; d <= TODAY + 3; d++) {
		int n = d - from;
		if (n < 0)
			continue;
		if (ends[end].lost != -1 && n >= ends[end].lost)
			continue;
		if (ends[end].until != -1 && n > ends[end].until)
			continue;
		if (ends[end].back != -1 && n >= ends[end].back)
			continue;
		days |= 1u << d;
	}
	return days;
}

static struct small small[2000];
static int n_small;

static void
add_small_worlds(void)
{
	struct small s = { .number = 0 };

	for (int how = 0; how < ARRANGEMENT__MAX; how++)
		for (int f = 0; f < 9; f++)
			for (int e = 0; e < END__MAX * END__MAX; e++) {
				s.how = (enum arrangement)how;
				s.from[0] = 1 + f / 3;
				s.from[1] = 1 + f % 3;
				s.end[0] = (enum end)(e % END__MAX);
				s.end[1] = (enum end)(e / END__MAX);
				/* key and begin name a period */
				if (how <= OTHER_NUMBER &&
				    s.from[0] == s.from[1])
					continue;
				/* every third pair of ends is enough for most
				 */
				if (how > OTHER_NUMBER && (e + f) % 2 != 0)
					continue;
				if (n_small == 2000)
					return;
				s.number = ++n_small;
				for (int i = 0; i < 2; i++) {
					s.days[i] =
					    days_of(s.from[i], s.end[i]);
					add_small_period(&s, i);
				}
				small[n_small - 1] = s;
			}
}

/* What must come out: the validity and whose record, 0 甲, 1 乙, -1 none. */
struct expected {
	enum validity validity;
	int who;
};

/* The last day of cover + 1; 99 where the set of days is open. */
static int
gone_from(unsigned days, int from)
{
	int last = from - 1;

	for (int d = 0; d <= TODAY + 3; d++)
		if ((days >> d & 1) != 0)
			last = d;
	return last == TODAY + 3 ? 99 : last + 1;
}

/* Of the periods in `among`: in force on day d, the one begun last; the first
 * one where both began on one day (its key is the smaller one, or it is the
 * same). -1: none. */
static int
latest(const struct small *s, unsigned among, int d, bool in_force)
{
	int best = -1;

	for (int i = 0; i < 2; i++) {
		bool is = (s->days[i] >> d & 1) != 0;
		if ((among >> i & 1) == 0 || is != in_force)
			continue;
		if (s->from[i] <= d &&
		    (best == -1 || s->from[best] > d ||
			s->from[i] > s->from[best]))
			best = i;
		else if (s->from[i] > d &&
		    (best == -1 ||
			(s->from[best] > d && s->from[i] < s->from[best])))
			best = i;
	}
	return best;
}

static struct expected
model(
    const struct small *s, unsigned asked, unsigned person, int d, int visible)
{
	int now = latest(s, asked, d, true);
	int old = latest(s, asked, d, false);

	if (now != -1)
		return (struct expected) { VALIDITY_VALID, now };
	if (latest(s, person, d, true) != -1)
		return (struct expected) { VALIDITY_NEW_CARD, old };
	if (visible > 0 &&
	    TODAY > gone_from(s->days[old], s->from[old]) + visible)
		return (struct expected) { VALIDITY_NOBODY, -1 };
	return (struct expected) { VALIDITY_INVALID, old };
}

/* ---- asking ---- */

static struct query q;
static struct answer a;
static enum card_result why;

static void
ask_init(int day)
{
	memset(&q, 0, sizeof(q));
	memset(&a, 0, sizeof(a));
	q.day = D0 + day;
}

static void
ask_printed(const char *insurer8, const char *symbol, const char *number,
    const char *branch, const char *birth, int day)
{
	ask_init(day);
	memcpy(q.insurer8, insurer8, 9);
	q.search[SF_INSURER] = slice_of(insurer8);
	q.search[SF_SYMBOL] = slice_of(symbol);
	q.search[SF_NUMBER] = slice_of(number);
	q.search[SF_BRANCH] = slice_of(branch);
	q.birth = day_parse(slice_of(birth));
	respond_number(&context, &q, D0 + TODAY, &a);
}

static void
ask_card(const char *serial, int day)
{
	struct chain_card card;

	ask_init(day);
	q.kind = QUERY_CARD;
	memset(&card, 0, sizeof(card));
	memcpy(card.ca, CA, 41);
	snprintf(card.serial, sizeof(card.serial), "%s", serial);
	snprintf(card.partition, sizeof(card.partition), "%s", PARTITION);
	respond_card(&context, &q, &card,
	    day_moment(D0 + TODAY, 10 * INT64_C(3600000)), &a, &why);
}

static int
who(void)
{
	if (!a.has_result)
		return -1;
	return slice_is(a.result.v[Q_NAME].s, "甲") ? 0 : 1;
}

static int wrong;

static void
compare(const struct small *s, const char *by, int d, struct expected want)
{
	if (a.segment_of_result == 1 && a.validity == want.validity &&
	    who() == want.who)
		return;
	if (wrong++ < 10)
		fprintf(stderr,
		    "%s: how %d from %d %d end %d %d day %d: wanted %d/%d, "
		    "got %d/%d %s\n",
		    by, (int)s->how, s->from[0], s->from[1], (int)s->end[0],
		    (int)s->end[1], d, (int)want.validity, want.who,
		    (int)a.validity, who(),
		    a.error_code == NULL ? "" : a.error_code);
}

static void
test_every_pair_of_periods_on_every_day_by_printed_number(void)
{
	static const int retention[] = { 0, 3 };
	static const struct expected several = { VALIDITY_SEVERAL, -1 };
	char symbol[16];

	wrong = 0;
	config.number_key = 1;
	for (int v = 0; v < 2; v++)
		for (int i = 0; i < n_small; i++)
			for (int d = 0; d <= TODAY; d++) {
				const struct small *s = &small[i];
				unsigned asked = s->how == SAME_CARD ||
					s->how == SECOND_KEY ?
				    3 :
				    1;
				unsigned person = s->how == UNPAIRED ? 1 : 3;
				config.visible_days = retention[v];
				snprintf(
				    symbol, sizeof(symbol), "記%d", s->number);
				ask_printed(
				    "06139992", symbol, "1", "", "19800505", d);
				compare(s, "printed", d,
				    s->how == TWIN ? several :
						     model(s, asked, person, d,
							 retention[v]));
			}
	config.visible_days = 0;
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(n_small > 1000);
}

static void
test_every_pair_of_periods_on_every_day_by_report_number(void)
{
	char id[16];

	wrong = 0;
	config.number_key = 0;
	for (int i = 0; i < n_small; i++)
		for (int d = 0; d <= TODAY; d++) {
			const struct small *s = &small[i];
			unsigned asked = s->how <= OTHER_NUMBER ? 3 : 1;
			unsigned person =
			    s->how == UNPAIRED || s->how == TWIN ? 1 : 3;
			snprintf(id, sizeof(id), "A%05d", s->number);
			ask_printed("06139992", "", id, "", "19800505", d);
			compare(s, "report", d, model(s, asked, person, d, 0));
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void
test_every_pair_of_periods_on_every_day_by_card(void)
{
	char serial[16];

	wrong = 0;
	for (int i = 0; i < n_small; i++)
		for (int d = 0; d <= TODAY; d++) {
			const struct small *s = &small[i];
			unsigned all = s->how == TWIN ? 1 : 3;
			struct expected want = model(s, all, all, d, 0);
			snprintf(serial, sizeof(serial), "1%06x",
			    (unsigned)s->number * 2);
			ask_card(serial, d);
			if (s->how == UNPAIRED) {
				if (strcmp(a.error_code, "OE3005") != 0)
					wrong++;
				continue;
			}
			compare(s, "card", d, want);
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- single clauses ---- */

static void
add_people(void)
{
	/* twins, born the same day, told apart by their 枝番 only */
	for (int i = 0; i < 2; i++)
		world_period(world, 'E', 9001 + i, Q_INSURER_CODE, "06139992",
		    Q_PERSON_ID, i == 0 ? "T1" : "T2", Q_INSURER_NUMBER,
		    "06139992", Q_SYMBOL, "１２－３４", Q_INSURED_NUMBER,
		    "５６７８", Q_BRANCH, i == 0 ? "01" : "02", Q_NAME,
		    i == 0 ? "甲" : "乙", Q_BIRTHDATE, "20100505",
		    Q_QUALIFIED_ON, day_text(1), -1);
	/* municipal NHI: number of six digits, 市町村被保険者ID */
	world_period(world, 'C', 9003, Q_INSURER_CODE, "00139998", Q_PERSON_ID,
	    "4260", Q_INSURER_NUMBER, "139998", Q_INSURED_NUMBER, "4261",
	    Q_NAME, "甲", Q_BIRTHDATE, "19461120", Q_QUALIFIED_ON, day_text(1),
	    -1);
	/* 後期高齢: neither 記号 nor 枝番 */
	world_period(world, 'E', 9004, Q_INSURER_CODE, "39139993", Q_PERSON_ID,
	    "X77", Q_INSURER_NUMBER, "39139993", Q_INSURED_NUMBER,
	    "００００００１９", Q_NAME, "乙", Q_BIRTHDATE, "19400301",
	    Q_QUALIFIED_ON, day_text(1), Q_LOST_ON, day_text(3), Q_LOSS_REASON,
	    "03", -1);
	world_add(world, SNAPSHOT_QUALIFICATION, &insurer_format, N_NUMBER,
	    N_NUMBER, "06139992", N_CODE, "06139992", N_SCHEME, "society",
	    N_NAME, "見本健康保険組合", -1);
	world_add(world, SNAPSHOT_CARDS, &link_format, L_SERIAL, L_CA, CA,
	    L_SERIAL, "2000001", L_PROCESSING_NUMBER, "P9001", L_STATE, "2",
	    L_PROVIDED_AT, "20190401000000", -1);
	world_add(world, SNAPSHOT_CARDS, &link_format, L_SERIAL, L_CA, CA,
	    L_SERIAL, "2000002", L_PROCESSING_NUMBER, "P9001", L_STATE, "1",
	    L_VALID_UNTIL, day_text(TODAY - 1), L_PROVIDED_AT, "20190401000000",
	    -1);
	world_add(world, SNAPSHOT_CARDS, &link_format, L_SERIAL, L_CA, CA,
	    L_SERIAL, "2000003", L_PROCESSING_NUMBER, "P9001", L_STATE, "1",
	    L_PROVIDED_AT, "20190401000000", -1);
	world_add(world, SNAPSHOT_CARDS, &link_format, L_SERIAL, L_CA, CA,
	    L_SERIAL, "2000004", L_PROCESSING_NUMBER, "P9001", L_STATE, "1",
	    L_PROVIDED_AT, "20190401000000", -1);
	world->revoked[world->n_revoked++] = "2000004";
}

static void
add_institutions(void)
{
	static const struct {
		const char *code;
		int from, until;
		const char *pilot, *encoding;
	} of[] = { { "0119900017", 1, 0, "1", "cp932" },
		{ "1319900010", 1, TODAY, "0", "utf8" },
		{ "0219900016", TODAY + 1, 0, "1", "" },
		{ "0319900015", 1, TODAY - 1, "1", "" } };

	for (size_t i = 0; i < 4; i++)
		world_add(world, SNAPSHOT_INSTITUTIONS, &institution_format,
		    I_CODE, I_CODE, of[i].code, I_PREFECTURE, "13",
		    I_SIZE_CLASS, "3", I_FROM, day_text(of[i].from), I_UNTIL,
		    day_text(of[i].until), I_PILOT, of[i].pilot, I_ENCODING,
		    of[i].encoding, -1);
}

static int
setup(void)
{
	int64_t now = day_moment(D0 + TODAY, 0);

	diag_log_init(&diag, "respond_test", stderr);
	if (mkdtemp(dir) == NULL)
		return 1;
	world = world_new();
	world->ca = CA;
	world->partition = PARTITION;
	world->this_update = now;
	world->next_update = now + DAY_MS;
	add_small_worlds();
	for (int i = 0; i < n_small; i++)
		world_add(world, SNAPSHOT_CARDS, &link_format, L_SERIAL, L_CA,
		    CA, L_SERIAL, text("1%06x", (unsigned)(i + 1) * 2),
		    L_PROCESSING_NUMBER, text("P%d", (i + 1) * 2), L_STATE, "1",
		    L_PROVIDED_AT, "20190401000000", -1);
	add_people();
	add_institutions();
	if (world_open(world, dir, D0 + TODAY, context.kind, &diag.sink) == -1)
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

static void
test_twins_are_told_apart_by_their_branch_only(void)
{
	config.number_key = 2;
	ask_printed("06139992", "12-34", "5678", "", "20100505", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_SEVERAL);
	CU_ASSERT_EQUAL(who(), -1);
	ask_printed("06139992", "１２ー３４", "５６７８", "02", "20100505", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
	CU_ASSERT_EQUAL(who(), 1);
	CU_ASSERT(slice_is(a.insurer_name, "見本健康保険組合"));
	CU_ASSERT_STRING_EQUAL(a.insurer_code, "06139992");
	ask_printed("06139992", "12-34", "5678", "03", "20100505", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
}

static void
test_one_wrong_key_is_nobody(void)
{
	config.number_key = 2;
	ask_printed("06139992", "12-34", "5679", "01", "20100505", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	ask_printed("06139992", "12-35", "5678", "01", "20100505", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	ask_printed("06139992", "12-34", "5678", "01", "20100506", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	ask_printed("39139993", "12-34", "5678", "01", "20100505", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	CU_ASSERT_EQUAL(a.segment_of_result, 1);
}

static void
test_a_municipal_person_is_found_by_the_city_id(void)
{
	config.number_key = 0;
	ask_printed("00139998", "", "4260", "", "19461120", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
	ask_printed("00139998", "", "４２６０", "", "19461120", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
	ask_printed("00139998", "", "4260", "", "19461121", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	config.city_key = 1; /* 'E': another key altogether */
	ask_printed("00139998", "", "4260", "", "19461120", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	config.city_key = 0;
}

static void
test_the_keys_asked_by_are_a_setting(void)
{
	config.number_key = 0; /* report: no printed number */
	ask_printed("06139992", "12-34", "5678", "01", "20100505", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	config.number_key = 1; /* card_face: no own number */
	ask_printed("39139993", "", "X77", "", "19400301", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_NOBODY);
	config.number_key = 2; /* both; nothing but a number is printed */
	ask_printed("39139993", "", "X77", "", "19400301", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
	ask_printed("39139993", "", "00000019", "", "19400301", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
}

static void
test_a_lost_period_says_when_and_why(void)
{
	config.number_key = 2;
	ask_printed("39139993", "", "00000019", "", "19400301", 3);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_INVALID);
	CU_ASSERT(slice_is(a.result.v[Q_LOST_ON].s, day_text(3)));
	CU_ASSERT(slice_is(a.result.v[Q_LOSS_REASON].s, "03"));
}

static void
test_the_pilot_answers_no_numbers(void)
{
	config.phase = 1;
	ask_printed("06139992", "12-34", "5678", "01", "20100505", 2);
	CU_ASSERT_EQUAL(a.segment_of_result, 9);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE4002");
	config.phase = 2;
	config.number_inquiry = false;
	ask_printed("06139992", "12-34", "5678", "01", "20100505", 2);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE4002");
	config.number_inquiry = true;
}

static void
test_a_card_that_is_not_linked_looks_like_one_without_cover(void)
{
	static const char *const serials[] = { "2ffffff", "2000001",
		"2000002" };

	for (size_t i = 0; i < 3; i++) { /* unknown, replaced, run out */
		ask_card(serials[i], 2);
		CU_ASSERT_STRING_EQUAL(a.error_code, "OE3005");
		CU_ASSERT_EQUAL(why, CARD_NOT_LINKED);
	}
	ask_card("2000003", 2);
	CU_ASSERT_EQUAL(a.validity, VALIDITY_VALID);
	CU_ASSERT_EQUAL(why, CARD_VALID);
}

static void
test_a_revoked_card_is_refused(void)
{
	ask_card("2000004", 2);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE3004");
	CU_ASSERT_EQUAL(why, CARD_IS_REVOKED);
	CU_ASSERT_EQUAL(who(), -1);
}

static void
test_without_a_fresh_partition_no_card_is_believed(void)
{
	struct chain_card card;
	int64_t stale = world->next_update;
	struct snapshot *revocation = context.kind[SNAPSHOT_REVOCATION];

	ask_init(2);
	memset(&card, 0, sizeof(card));
	memcpy(card.ca, CA, 41);
	memcpy(card.serial, "2000003", 8);
	memcpy(card.partition, PARTITION, sizeof(PARTITION));
	respond_card(&context, &q, &card, stale - 1, &a, &why);
	CU_ASSERT_PTR_NULL(a.error_code);
	respond_card(&context, &q, &card, stale, &a, &why);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE9003");
	CU_ASSERT_EQUAL(why, CARD_CANNOT_SAY);
	memcpy(card.partition, "CN=Other", 9);
	respond_card(&context, &q, &card, stale - 1, &a, &why);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE9003");
	context.kind[SNAPSHOT_REVOCATION] = NULL;
	ask_card("2000003", 2);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE9003");
	context.kind[SNAPSHOT_REVOCATION] = revocation;
}

static const char *
institution(const char *certified, const char *claimed)
{
	struct snapshot_institution out;
	const char *code = respond_institution(
	    &context, slice_of(certified), slice_of(claimed), D0 + TODAY, &out);

	return code == NULL ? "" : code;
}

static void
test_an_institution_must_be_known_and_in_its_time(void)
{
	CU_ASSERT_STRING_EQUAL(institution("0119900017", "0119900017"), "");
	CU_ASSERT_STRING_EQUAL(institution("1319900010", ""), "");
	CU_ASSERT_STRING_EQUAL(
	    institution("1319900010", "0119900017"), "OE3002");
	CU_ASSERT_STRING_EQUAL(institution("9999999999", ""), "OE3001");
	CU_ASSERT_STRING_EQUAL(institution("0219900016", ""), "OE3001");
	CU_ASSERT_STRING_EQUAL(institution("0319900015", ""), "OE3001");
	config.phase = 1; /* the pilot's participants only */
	CU_ASSERT_STRING_EQUAL(institution("0119900017", ""), "");
	CU_ASSERT_STRING_EQUAL(institution("1319900010", ""), "OE3001");
	config.phase = 2;
}

static void
test_a_snapshot_that_is_missing_refuses(void)
{
	struct snapshot_institution out;
	struct snapshot *qualification = context.kind[SNAPSHOT_QUALIFICATION];
	struct snapshot *cards = context.kind[SNAPSHOT_CARDS];
	struct snapshot *institutions = context.kind[SNAPSHOT_INSTITUTIONS];

	context.kind[SNAPSHOT_QUALIFICATION] = NULL;
	ask_printed("06139992", "12-34", "5678", "01", "20100505", 2);
	CU_ASSERT_EQUAL(a.segment_of_result, 9);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE9002");
	ask_card("2000003", 2);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE9002");
	context.kind[SNAPSHOT_QUALIFICATION] = qualification;
	context.kind[SNAPSHOT_CARDS] = NULL;
	ask_card("2000003", 2);
	CU_ASSERT_STRING_EQUAL(a.error_code, "OE3005");
	context.kind[SNAPSHOT_CARDS] = cards;
	context.kind[SNAPSHOT_INSTITUTIONS] = NULL;
	CU_ASSERT_STRING_EQUAL(
	    respond_institution(&context, slice_of("0119900017"),
		slice_of("0119900017"), D0 + TODAY, &out),
	    "OE9002");
	context.kind[SNAPSHOT_INSTITUTIONS] = institutions;
}

static CU_TestInfo tests[] = {
	{ "a snapshot that is missing refuses",
	    test_a_snapshot_that_is_missing_refuses },
	{ "every pair of periods on every day, by printed number",
	    test_every_pair_of_periods_on_every_day_by_printed_number },
	{ "every pair of periods on every day, by the report's number",
	    test_every_pair_of_periods_on_every_day_by_report_number },
	{ "every pair of periods on every day, by card",
	    test_every_pair_of_periods_on_every_day_by_card },
	{ "twins are told apart by their branch only",
	    test_twins_are_told_apart_by_their_branch_only },
	{ "one wrong key is nobody", test_one_wrong_key_is_nobody },
	{ "a municipal person is found by the city id",
	    test_a_municipal_person_is_found_by_the_city_id },
	{ "the keys asked by are a setting",
	    test_the_keys_asked_by_are_a_setting },
	{ "a lost period says when and why",
	    test_a_lost_period_says_when_and_why },
	{ "the pilot answers no numbers", test_the_pilot_answers_no_numbers },
	{ "a card that is not linked looks like one without cover",
	    test_a_card_that_is_not_linked_looks_like_one_without_cover },
	{ "a revoked card is refused", test_a_revoked_card_is_refused },
	{ "without a fresh partition no card is believed",
	    test_without_a_fresh_partition_no_card_is_believed },
	{ "an institution must be known and in its time",
	    test_an_institution_must_be_known_and_in_its_time },
	CU_TEST_INFO_NULL,
};
extern const CU_SuiteInfo suite_respond;
const CU_SuiteInfo suite_respond = { "respond", setup, teardown, NULL, NULL,
	tests };
