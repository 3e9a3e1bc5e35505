/*
 * respond() against every small world: two periods with every combination of
 * beginning (資格取得), loss (喪失, also on the day of beginning), 有効開始,
 * 有効終了 and 回収 over a few days, in every relation of their holders, asked
 * on every day. So changes on the same day, gaps, overlaps, 短期 (until) and
 * covers that never were in force are all among them.
 *
 * The model is the decision table of domain/messages.md 9 over sets of days;
 * it shares neither code nor date arithmetic with respond.c.
 */
#include <unistd.h>

#include "online/respond.h"
#include "tests/unit/suite.h"
#include "tests/world.h"

#define CA "00112233445566778899aabbccddeeff00112233"
#define PARTITION "CN=Mihon-shi CRLDP,OU=Kaku-ken"
#define D0 18000 /* 2019-04-14: day 0 of the worlds */
#define TODAY 6
#define HORIZON 10 /* no period ends later, unless it is open */
#define BEGINS 3 /* days 1, 2, 3 */
#define BATCH 2400 /* worlds in one snapshot: 2 rows each, WORLD_MAX */

static struct world *world;
static struct respond_context context;
static struct config config;
static char dir[] = "/tmp/shikaku-respond-world-XXXXXX";
static struct diag_log diag;

/* Days after the beginning; -1: none. */
static const int lost_of[] = { -1, 0, 1, 2 }, until_of[] = { -1, 0, 1 },
		 back_of[] = { -1, 1 }, start_of[] = { -1, 1 };
#define SHAPES (4 * 3 * 2 * 2)

struct period {
	int from, lost, until, back, start; /* days; -1: none */
};

enum relation { /* of the second period to the first */
	SAME_CARD, /* same key, same print: a renewed card */
	OTHER_NUMBER, /* same key, another number printed */
	OTHER_INSURER, /* another key, paired as the same person */
	SECOND_KEY, /* same insurer and print, another key, same person */
	TWIN, /* same print but the 枝番, another person */
	UNPAIRED, /* another insurer, and nobody knows it is the same */
	RELATION__MAX
};
struct small {
	enum relation how;
	struct period p[2];
};
static struct small small[BATCH];
static int n_small, wrong;
static unsigned long asked_in_all, seen[6]; /* by validity */

static int
after(int from, int n)
{
	return n < 0 ? -1 : from + n;
}

static struct period
period_of(int n) /* 0 .. BEGINS * SHAPES - 1 */
{
	struct period p = { .from = 1 + n / SHAPES };

	n %= SHAPES;
	p.lost = after(p.from, lost_of[n % 4]);
	p.until = after(p.from, until_of[n / 4 % 3]);
	p.back = after(p.from, back_of[n / 12 % 2]);
	p.start = after(p.from, start_of[n / 24]);
	return p;
}

/* ---- the model: sets of days, bit d is day d ---- */

static unsigned
from_on(int d) /* day d and all that follow */
{
	return ((1u << (HORIZON + 1)) - 1) & ~((1u << d) - 1);
}

/* Cover, without a look at 有効開始. */
static unsigned
covered(const struct period *p)
{
	unsigned days = from_on(p->from);

	if (p->lost != -1) /* 喪失日 is the first day without cover */
		days &= ~from_on(p->lost);
	if (p->until != -1) /* 有効終了 is the last day with it */
		days &= ~from_on(p->until + 1);
	if (p->back != -1)
		days &= ~from_on(p->back);
	return days;
}

static bool
holds(const struct period *p, int d)
{
	unsigned days = covered(p);

	if (p->start != -1)
		days &= from_on(p->start);
	return (days & 1u << d) != 0;
}

/* Step 5: shown until `visible` days after its end; 0: for ever. */
static bool
is_shown(const struct period *p, int visible)
{
	unsigned days = covered(p);
	int end = p->from;

	if (visible == 0 || (days & 1u << HORIZON) != 0)
		return true;
	while (days >> end != 0)
		end++;
	return TODAY <= end + visible;
}

/*
 * Which of the periods in `among` that hold (or do not) on d is told of:
 * begun before to come; the last begun, or the next to come; then the first,
 * which has the smaller key. -1: none.
 */
static int
told(const struct small *s, unsigned among, int d, bool in_force)
{
	bool ok[2];

	for (int i = 0; i < 2; i++)
		ok[i] =
		    (among & 1u << i) != 0 && holds(&s->p[i], d) == in_force;
	if (!ok[0] || !ok[1])
		return ok[0] ? 0 : ok[1] ? 1 : -1;
	int x = s->p[0].from, y = s->p[1].from;
	if ((x <= d) != (y <= d))
		return x <= d ? 0 : 1;
	if (x <= d)
		return y > x ? 1 : 0;
	return y < x ? 1 : 0;
}

struct expected {
	enum validity validity;
	int who; /* whose record: 0, 1; -1 none */
};

/* asked: whose card it is; person: whose periods count as the same person's */
static struct expected
decide(
    const struct small *s, unsigned asked, unsigned person, int d, int visible)
{
	int old = told(s, asked, d, false);

	if (told(s, asked, d, true) != -1)
		return (struct expected) { VALIDITY_VALID,
			told(s, asked, d, true) };
	if (told(s, person, d, true) != -1)
		return (struct expected) { VALIDITY_NEW_CARD, old };
	if (is_shown(&s->p[old], visible))
		return (struct expected) { VALIDITY_INVALID, old };
	return (struct expected) { VALIDITY_NOBODY, -1 };
}

/* ---- the worlds ---- */

static char pool[8 << 20];
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
day_text(int day)
{
	char s[9];

	if (day == -1)
		return "";
	day_format(D0 + day, s);
	return text("%s", s);
}

static void
add_period(const struct small *s, int number, int i)
{
	const struct period *p = &s->p[i];
	bool other = i == 1 && (s->how == OTHER_INSURER || s->how == UNPAIRED);
	bool key = i == 1 && s->how != SAME_CARD && s->how != OTHER_NUMBER;
	int person = 2 * (number + 1) + (i == 1 && s->how == TWIN ? 1 : 0);
	const char *insurer = other ? "39139993" : "06139992";

	world_period(world, 'E', s->how == UNPAIRED ? 0 : person,
	    Q_INSURER_CODE, insurer, Q_PERSON_ID,
	    text("%c%05d", key ? 'B' : 'A', number), Q_INSURER_NUMBER, insurer,
	    Q_SYMBOL, text("記%d", number), Q_INSURED_NUMBER,
	    i == 1 && s->how == OTHER_NUMBER ? "２" : "１", Q_BRANCH,
	    i == 1 && s->how == TWIN ? "02" : "01", Q_NAME,
	    i == 0 ? "甲" : "乙", Q_BIRTHDATE, "19800505", Q_QUALIFIED_ON,
	    day_text(p->from), Q_LOST_ON, day_text(p->lost), Q_CARD_FROM,
	    day_text(p->start), Q_CARD_UNTIL, day_text(p->until),
	    Q_CARD_RETURNED_ON, day_text(p->back), -1);
}

static bool
open_batch(void)
{
	for (int i = 0; i < n_small; i++) {
		add_period(&small[i], i, 0);
		add_period(&small[i], i, 1);
		world_add(world, SNAPSHOT_CARDS, &link_format, L_SERIAL, L_CA,
		    CA, L_SERIAL, text("1%06x", (unsigned)i),
		    L_PROCESSING_NUMBER, text("P%d", 2 * (i + 1)), L_STATE, "1",
		    L_PROVIDED_AT, "20190401000000", -1);
	}
	return world_open(world, dir, D0 + TODAY, context.kind, &diag.sink) ==
	    0;
}

static void
close_batch(void)
{
	world_close(world, dir, context.kind);
	world->rows = 0;
	world->facts = 0;
	pool_used = 0;
	n_small = 0;
}

/* ---- asking ---- */

static struct query q;
static struct answer a;

static void
compare(const struct small *s, const char *by, int d, struct expected want)
{
	int who = !a.has_result			 ? -1 :
	    slice_is(a.result.v[Q_NAME].s, "甲") ? 0 :
						   1;

	asked_in_all++;
	seen[want.validity]++;
	if (a.segment_of_result == 1 && a.validity == want.validity &&
	    who == want.who)
		return;
	if (wrong++ < 10)
		fprintf(stderr,
		    "%s: relation %d, begun %d %d, lost %d %d, until %d %d, "
		    "back %d %d, start %d %d, day %d: wanted %d of %d, got %d "
		    "of %d\n",
		    by, (int)s->how, s->p[0].from, s->p[1].from, s->p[0].lost,
		    s->p[1].lost, s->p[0].until, s->p[1].until, s->p[0].back,
		    s->p[1].back, s->p[0].start, s->p[1].start, d,
		    (int)want.validity, want.who, (int)a.validity, who);
}

static void
ask_number(int d, const char *symbol, const char *number, const char *branch)
{
	q.kind = QUERY_NUMBER;
	q.day = D0 + d;
	memcpy(q.insurer8, "06139992", 9);
	q.birth = day_parse(slice_of("19800505"));
	q.search[SF_SYMBOL] = slice_of(symbol);
	q.search[SF_NUMBER] = slice_of(number);
	q.search[SF_BRANCH] = slice_of(branch);
	a.has_result = false;
	respond_number(&context, &q, D0 + TODAY, &a);
}

static void
ask_printed(const struct small *s, int number, int d)
{
	static const struct expected several = { VALIDITY_SEVERAL, -1 };
	unsigned asked = s->how == SAME_CARD || s->how == SECOND_KEY ? 3 : 1;
	unsigned person = s->how == UNPAIRED || s->how == TWIN ? 1 : 3;
	char symbol[16];

	snprintf(symbol, sizeof(symbol), "記%d", number);
	config.number_key = 1;
	for (int visible = 0; visible <= 2; visible += 2) {
		config.visible_days = visible;
		ask_number(d, symbol, "1", s->how == TWIN ? "01" : "");
		compare(s, "printed", d, decide(s, asked, person, d, visible));
	}
	config.visible_days = 0;
	if (s->how != TWIN)
		return;
	ask_number(d, symbol, "1", "");
	compare(s, "without branch", d, several);
	ask_number(d, symbol, "1", "02");
	compare(s, "the other twin", d, decide(s, 2, 2, d, 0));
}

static void
ask_report(const struct small *s, int number, int d)
{
	unsigned asked = s->how == SAME_CARD || s->how == OTHER_NUMBER ? 3 : 1;
	unsigned person = s->how == UNPAIRED || s->how == TWIN ? 1 : 3;
	char id[16];

	snprintf(id, sizeof(id), "A%05d", number);
	config.number_key = 0;
	ask_number(d, "", id, "");
	compare(s, "report", d, decide(s, asked, person, d, 0));
}

static void
ask_card(const struct small *s, int number, int d)
{
	unsigned all = s->how == TWIN ? 1 : 3;
	enum card_result why;
	struct chain_card card = { .ca = CA, .partition = PARTITION };

	/* nothing is left of the number asked before, whose text is gone */
	memset(q.search, 0, sizeof(q.search));
	q.kind = QUERY_CARD;
	q.day = D0 + d;
	snprintf(card.serial, sizeof(card.serial), "1%06x", (unsigned)number);
	a.has_result = false;
	a.error_code = NULL;
	respond_card(&context, &q, &card,
	    day_moment(D0 + TODAY, 10 * INT64_C(3600000)), &a, &why);
	if (s->how != UNPAIRED)
		compare(s, "card", d, decide(s, all, all, d, 0));
	else if (a.error_code == NULL || strcmp(a.error_code, "OE3005") != 0)
		wrong++; /* nobody's: looks as if it were not linked */
}

static void
ask_batch(void)
{
	if (!open_batch()) {
		wrong++;
		fprintf(stderr, "a snapshot could not be made\n");
	}
	for (int i = 0; i < n_small && context.kind[0] != NULL; i++)
		for (int d = 0; d < TODAY; d++) { /* none ends later */
			ask_printed(&small[i], i, d);
			ask_report(&small[i], i, d);
			ask_card(&small[i], i, d);
		}
	close_batch();
}

static void
ask_relation(enum relation how)
{
	int n = BEGINS * SHAPES;

	wrong = 0;
	asked_in_all = 0;
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < n * n; i++) {
		struct small s = { how,
			{ period_of(i % n), period_of(i / n) } };
		if (s.p[0].from != 1 && s.p[1].from != 1)
			continue; /* the same world a day or two earlier */
		if ((how == SAME_CARD || how == OTHER_NUMBER) &&
		    s.p[0].from == s.p[1].from)
			continue; /* key and beginning name a period */
		small[n_small++] = s;
		if (n_small == BATCH)
			ask_batch();
	}
	if (n_small > 0)
		ask_batch();
	CU_ASSERT_EQUAL(wrong, 0);
	/* not a sweep that asked nothing */
	CU_ASSERT(asked_in_all > 200000);
	CU_ASSERT(seen[VALIDITY_VALID] > 1000);
	CU_ASSERT(seen[VALIDITY_INVALID] > 1000);
	CU_ASSERT(seen[VALIDITY_NOBODY] > 1000);
}

static void
test_a_renewed_card_in_every_small_world(void)
{
	ask_relation(SAME_CARD);
}

static void
test_a_card_with_another_number_in_every_small_world(void)
{
	ask_relation(OTHER_NUMBER);
	CU_ASSERT(seen[VALIDITY_NEW_CARD] > 1000);
}

static void
test_another_insurer_in_every_small_world(void)
{
	ask_relation(OTHER_INSURER);
	CU_ASSERT(seen[VALIDITY_NEW_CARD] > 1000);
}

static void
test_a_second_key_at_one_insurer_in_every_small_world(void)
{
	ask_relation(SECOND_KEY);
}

static void
test_twins_in_every_small_world(void)
{
	ask_relation(TWIN);
	CU_ASSERT(seen[VALIDITY_SEVERAL] > 1000);
	CU_ASSERT_EQUAL(seen[VALIDITY_NEW_CARD], 0);
}

static void
test_unpaired_persons_in_every_small_world(void)
{
	ask_relation(UNPAIRED);
	CU_ASSERT_EQUAL(seen[VALIDITY_NEW_CARD], 0);
}

static int
setup(void)
{
	int64_t now = day_moment(D0 + TODAY, 0);

	diag_log_init(&diag, "respond_world_test", stderr);
	if (mkdtemp(dir) == NULL)
		return 1;
	world = world_new();
	world->ca = CA;
	world->partition = PARTITION;
	world->this_update = now;
	world->next_update = now + DAY_MS;
	config.phase = 2;
	config.number_inquiry = true;
	context.config = &config;
	return 0;
}

static int
teardown(void)
{
	rmdir(dir);
	world_free(world);
	return 0;
}

static CU_TestInfo tests[] = {
	{ "a renewed card, in every small world",
	    test_a_renewed_card_in_every_small_world },
	{ "a card with another number, in every small world",
	    test_a_card_with_another_number_in_every_small_world },
	{ "another insurer, in every small world",
	    test_another_insurer_in_every_small_world },
	{ "a second key at one insurer, in every small world",
	    test_a_second_key_at_one_insurer_in_every_small_world },
	{ "twins, in every small world", test_twins_in_every_small_world },
	{ "persons nobody has paired, in every small world",
	    test_unpaired_persons_in_every_small_world },
	CU_TEST_INFO_NULL,
};
extern const CU_SuiteInfo suite_respond_world;
const CU_SuiteInfo suite_respond_world = { "respond_world", setup, teardown,
	NULL, NULL, tests };
