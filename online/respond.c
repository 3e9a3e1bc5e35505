#include "online/respond.h"

#include <string.h>

#include "formats/codec/day.h"

const char *const card_result_names[] = { "", "valid", "revoked", "expired",
	"unknown", "notlinked", "bad" };

#define KEYS_MAX 32 /* typed keys of one person, or behind one printed hash */

static int32_t
day_of_field(const struct record *rec, int field)
{
	return rec->v[field].s.n == 0 ? DAY_NONE : (int32_t)rec->v[field].n;
}

/*
 * 高齢者の医療の確保に関する法律 50条, 健康保険法 36条, 国民健康保険法 6条:
 * from the 75th birthday itself nobody is covered but by 後期高齢, whether or
 * not the insurer has sent the loss yet. DAY_NONE: this period knows no such
 * day.
 */
static int32_t
too_old_from(const struct record *period)
{
	struct slice insurer = period->v[Q_INSURER_NUMBER].s;
	int32_t birth = day_of_field(period, Q_BIRTHDATE);

	return insurer_scheme(insurer) == SCHEME_ELDERLY ?
	    DAY_NONE :
	    day_birthday(birth, 75);
}

bool
respond_in_force(const struct record *period, int32_t day)
{
	int32_t from = day_of_field(period, Q_QUALIFIED_ON);
	int32_t lost = day_of_field(period, Q_LOST_ON);
	int32_t card_from = day_of_field(period, Q_CARD_FROM);
	int32_t card_until = day_of_field(period, Q_CARD_UNTIL);
	int32_t returned = day_of_field(period, Q_CARD_RETURNED_ON);
	int32_t old = too_old_from(period);

	return from != DAY_NONE && from <= day &&
	    (lost == DAY_NONE || day < lost) &&
	    (card_from == DAY_NONE || card_from <= day) &&
	    (card_until == DAY_NONE || day <= card_until) &&
	    (returned == DAY_NONE || day < returned) &&
	    (old == DAY_NONE || day < old);
}

/* The first day on which the period no longer holds; DAY_NONE: open. */
static int32_t
period_end(const struct record *period)
{
	int32_t end = day_of_field(period, Q_LOST_ON);
	int32_t until = day_of_field(period, Q_CARD_UNTIL);
	int32_t returned = day_of_field(period, Q_CARD_RETURNED_ON);
	int32_t old = too_old_from(period);

	if (until != DAY_NONE && (end == DAY_NONE || until + 1 < end))
		end = until + 1;
	if (returned != DAY_NONE && (end == DAY_NONE || returned < end))
		end = returned;
	if (old != DAY_NONE && (end == DAY_NONE || old < end))
		end = old;
	return end;
}

/* 高齢受給者証 on a day; one without an end ends with the eve of 75. */
static bool
elderly_holds(const struct record *period, int32_t day)
{
	int32_t from = day_of_field(period, Q_ELDERLY_FROM);
	int32_t until = day_of_field(period, Q_ELDERLY_UNTIL);
	int32_t birth = day_of_field(period, Q_BIRTHDATE);

	return (from == DAY_NONE || from <= day) &&
	    (until == DAY_NONE || day <= until) &&
	    day < day_birthday(birth, 75);
}

/* 未就学: until the first 31 March on or after the day 6 is reached, which is
 * the eve of the birthday (年齢計算ニ関スル法律). */
static bool
preschool_holds(const struct record *period, int32_t day)
{
	int32_t birth = day_of_field(period, Q_BIRTHDATE);
	int y, m, d;

	if (birth == DAY_NONE)
		return true;
	day_civil(day_birthday(birth, 6) - 1, &y, &m, &d);
	return day <= day_of(m <= 3 ? y : y + 1, 3, 31);
}

/* ---- the best period of those offered ---- */

struct pick {
	bool has;
	struct typed_key key;
	int32_t begins;
	bool begun; /* on the asked day */
	struct record rec;
	char store[RECORD_BYTES_MAX];
	struct buf buf;
};

static void
pick_init(struct pick *p)
{
	p->has = false;
}

static bool
copy_record(const struct record *from, struct record *to, struct buf *store)
{
	*to = *from;
	for (unsigned i = 0; i < from->format->nfields; i++) {
		struct slice s = from->v[i].s;
		to->v[i].s = (struct slice) { store->p + store->n, s.n };
		buf_put(store, s);
	}
	return !store->full;
}

/*
 * Which of two is the better one: begun by the asked day before one that lies
 * ahead; of those begun the one acquired last, of those ahead the nearest;
 * then the smaller typed key. So several in force at once (cover at two
 * insurers, an overlap two senders made) always give the same answer.
 */
static bool
is_better(const struct pick *old, const struct typed_key *key, int32_t begins,
    bool begun)
{
	if (!old->has)
		return true;
	if (begun != old->begun)
		return begun;
	if (begins != old->begins)
		return begun ? begins > old->begins : begins < old->begins;
	return memcmp(key->b, old->key.b, TYPED_KEY_SIZE) < 0;
}

static void
pick_offer(struct pick *p, const struct typed_key *key,
    const struct record *rec, int32_t day)
{
	int32_t begins = day_of_field(rec, Q_QUALIFIED_ON);
	bool begun = begins != DAY_NONE && begins <= day;

	if (!is_better(p, key, begins, begun))
		return;
	buf_init(&p->buf, p->store, sizeof(p->store));
	if (!copy_record(rec, &p->rec, &p->buf))
		return; /* longer than any record we accepted */
	p->has = true;
	p->key = *key;
	p->begins = begins;
	p->begun = begun;
}

/* ---- walking the keys ---- */

struct keys {
	struct typed_key v[KEYS_MAX];
	int n;
	bool over;
};

static int
on_key(void *arg, const struct typed_key *key)
{
	struct keys *k = arg;

	for (int i = 0; i < k->n; i++)
		if (memcmp(k->v[i].b, key->b, TYPED_KEY_SIZE) == 0)
			return 0;
	if (k->n == KEYS_MAX)
		k->over = true;
	else
		k->v[k->n++] = *key;
	return 0;
}

struct search {
	const struct respond_context *c;
	const struct query *q;
	struct snapshot *s; /* qualification */
	int32_t day;
	bool printed; /* compare what is printed; else the birth date only */
	bool here; /* a period of the key being walked matched */
	struct pick in_force, old; /* of the card asked about */
	struct pick other; /* in force, any card of the person */
	struct slice symbol, number, branch; /* folded, of the question */
	char store[256];
};

static struct slice
folded(struct slice s, struct buf *b)
{
	size_t from = b->n;

	text_fold(s, b);
	return (struct slice) { b->p + from, b->n - from };
}

static bool
same_folded(struct slice stored, struct slice asked)
{
	char p[256];
	struct buf b;

	buf_init(&b, p, sizeof(p));
	text_fold(stored, &b);
	return !b.full && slice_eq(buf_slice(&b), asked);
}

/* The hash found it; only the whole comparison decides. 枝番 only if given. */
static bool
same_card(const struct search *w, const struct record *rec)
{
	char n8[9];

	if (insurer_number_8(rec->v[Q_INSURER_NUMBER].s, n8) == -1 ||
	    memcmp(n8, w->q->insurer8, 8) != 0)
		return false;
	if (!same_folded(rec->v[Q_SYMBOL].s, w->symbol) ||
	    !same_folded(rec->v[Q_INSURED_NUMBER].s, w->number))
		return false;
	return w->branch.n == 0 || same_folded(rec->v[Q_BRANCH].s, w->branch);
}

static int
on_asked(void *arg, const struct typed_key *key, const struct record *rec)
{
	struct search *w = arg;

	if (day_of_field(rec, Q_BIRTHDATE) != w->q->birth)
		return 0;
	if (w->printed && !same_card(w, rec))
		return 0;
	w->here = true;
	pick_offer(respond_in_force(rec, w->day) ? &w->in_force : &w->old, key,
	    rec, w->day);
	return 0;
}

static int
on_other(void *arg, const struct typed_key *key, const struct record *rec)
{
	struct search *w = arg;

	if (respond_in_force(rec, w->day))
		pick_offer(&w->other, key, rec, w->day);
	return 0;
}

static int
on_card(void *arg, const struct typed_key *key, const struct record *rec)
{
	struct search *w = arg;

	pick_offer(respond_in_force(rec, w->day) ? &w->in_force : &w->old, key,
	    rec, w->day);
	return 0;
}

/* Keeps those keys that hold what was asked for. -1: the snapshot is broken. */
static int
keep_matching(struct search *w, struct keys *k)
{
	int n = 0;

	for (int i = 0; i < k->n; i++) {
		w->here = false;
		if (snapshot_periods(w->s, &k->v[i], on_asked, w) == -1)
			return -1;
		if (w->here)
			k->v[n++] = k->v[i];
	}
	k->n = n;
	return 0;
}

/* One person may hold two typed keys at one insurer; two keys are several
 * persons unless one pseudonym says otherwise. 1 yes, 0 no, -1 broken. */
static int
is_one_person(struct search *w, const struct keys *k)
{
	unsigned char first[16], next[16];
	int found = 1;

	if (k->n <= 1)
		return 1;
	found = snapshot_pseudonym(w->s, &k->v[0], first);
	for (int i = 1; i < k->n && found == 1; i++) {
		found = snapshot_pseudonym(w->s, &k->v[i], next);
		if (found == 1 && memcmp(first, next, 16) != 0)
			found = 0;
	}
	return found;
}

/* ---- filling the answer ---- */

static void
refuse(struct answer *a, const char *code)
{
	a->segment_of_result = 9;
	a->error_code = code;
	a->error_ja = query_error_ja(code);
	a->validity = VALIDITY_NONE_YET;
	a->has_result = false;
}

/* The answer speaks of the asked day: what does not hold then (a 高齢受給者証
 * before or after its time, 未就学 of a child at school) is not told. */
static void
clear_other_days(struct record *result, int32_t day)
{
	static const int elderly[] = { Q_ELDERLY_ISSUED_ON, Q_ELDERLY_FROM,
		Q_ELDERLY_UNTIL, Q_ELDERLY_RATIO };
	bool holds = elderly_holds(result, day);

	for (size_t i = 0; !holds && i < 4; i++)
		result->v[elderly[i]].s.n = 0;
	if (!preschool_holds(result, day))
		result->v[Q_PRESCHOOL].s.n = 0;
}

static void
give(const struct search *w, struct answer *a, enum validity validity,
    const struct pick *p)
{
	char n8[9];
	struct slice name, code = p->rec.v[Q_INSURER_CODE].s;
	struct buf b;

	a->segment_of_result = 1;
	a->validity = validity;
	buf_init(&b, a->store, sizeof(a->store));
	a->has_result = copy_record(&p->rec, &a->result, &b);
	clear_other_days(&a->result, w->day);
	if (code.n < sizeof(a->insurer_code)) {
		memcpy(a->insurer_code, code.p, code.n);
		a->insurer_code[code.n] = '\0';
	}
	if (insurer_number_8(p->rec.v[Q_INSURER_NUMBER].s, n8) == -1)
		return;
	name = snapshot_insurer_name(w->s, (struct slice) { n8, 8 });
	a->insurer_name = (struct slice) { b.p + b.n, name.n };
	buf_put(&b, name);
	if (b.full)
		refuse(a, "OE9001");
}

static void
give_none(struct answer *a, enum validity validity)
{
	a->segment_of_result = 1;
	a->validity = validity;
	a->has_result = false;
}

/* Past the retention time a lost period is as if it were not there. */
static bool
is_visible(const struct search *w, const struct pick *p, int32_t today)
{
	int32_t end = period_end(&p->rec);

	return w->c->config->visible_days <= 0 || end == DAY_NONE ||
	    today <= end + w->c->config->visible_days;
}

/* ---- by number ---- */

static int
find_by_report_number(struct search *w, struct keys *k)
{
	struct slice code = { w->q->insurer8, 8 };
	struct slice id = slice_trim(w->q->search[SF_NUMBER]);
	bool city = slice_digits(code) &&
	    insurer_scheme(code) == SCHEME_NHI_CITY &&
	    w->c->config->city_key == 0;
	char p[128];
	struct buf b;

	buf_init(&b, p, sizeof(p));
	text_fold(id, &b);
	w->printed = false;
	k->n = 1;
	typed_key_make(&k->v[0], city ? 'C' : 'E', code, buf_slice(&b));
	return keep_matching(w, k);
}

static int
find_by_printed(struct search *w, struct keys *k)
{
	struct slice n8 = { w->q->insurer8, 8 };
	uint64_t hash = printed_hash(
	    n8, w->q->search[SF_SYMBOL], w->q->search[SF_NUMBER], w->q->birth);

	w->printed = true;
	k->n = 0;
	if (snapshot_printed(w->s, hash, on_key, k) == -1)
		return -1;
	return keep_matching(w, k);
}

/*
 * messages.md 4.3. `both` asks by the report's number first where neither 記号
 * nor 枝番 is given. A 後期高齢 card has neither of them printed on it, so a
 * number that is nobody's own is then looked for as a printed one.
 */
static int
find(struct search *w, struct keys *k)
{
	enum { REPORT, CARD_FACE, BOTH } by = w->c->config->number_key;
	bool plain =
	    w->q->search[SF_SYMBOL].n == 0 && w->q->search[SF_BRANCH].n == 0;

	k->n = 0;
	k->over = false;
	if (by != CARD_FACE && plain && find_by_report_number(w, k) == -1)
		return -1;
	if (by == REPORT || k->n > 0)
		return 0;
	return find_by_printed(w, k);
}

/* Step 4 of the table: has the person another card in force on that day? */
static int
look_at_others(struct search *w, const struct keys *k)
{
	struct keys all = { .n = 0 };
	unsigned char pseudonym[16];
	int found;

	for (int i = 0; i < k->n; i++)
		on_key(&all, &k->v[i]);
	found = snapshot_pseudonym(w->s, &k->v[0], pseudonym);
	if (found == 1 &&
	    snapshot_person_keys(w->s, pseudonym, on_key, &all) == -1)
		found = -1;
	for (int i = 0; i < all.n && found != -1; i++)
		if (snapshot_periods(w->s, &all.v[i], on_other, w) == -1)
			found = -1;
	return found == -1 ? -1 : 0;
}

static int
decide_number(struct search *w, int32_t today, struct answer *a)
{
	struct keys k;
	int one;

	if (find(w, &k) == -1)
		return -1;
	if (k.n == 0) {
		give_none(a, VALIDITY_NOBODY);
		return 0;
	}
	one = k.over ? 0 : is_one_person(w, &k);
	if (one == 0)
		give_none(a, VALIDITY_SEVERAL);
	if (one != 1)
		return one;
	if (w->in_force.has) {
		give(w, a, VALIDITY_VALID, &w->in_force);
		return 0;
	}
	if (look_at_others(w, &k) == -1)
		return -1;
	/* the new card's numbers are not told to who knows the old one only */
	if (w->other.has)
		give(w, a, VALIDITY_NEW_CARD, &w->old);
	else if (is_visible(w, &w->old, today))
		give(w, a, VALIDITY_INVALID, &w->old);
	else
		give_none(a, VALIDITY_NOBODY);
	return 0;
}

static void
search_init(
    struct search *w, const struct respond_context *c, const struct query *q)
{
	struct buf b;

	w->c = c;
	w->q = q;
	w->s = c->kind[SNAPSHOT_QUALIFICATION];
	w->day = q->day;
	pick_init(&w->in_force);
	pick_init(&w->old);
	pick_init(&w->other);
	buf_init(&b, w->store, sizeof(w->store));
	w->symbol = folded(q->search[SF_SYMBOL], &b);
	w->number = folded(q->search[SF_NUMBER], &b);
	w->branch = folded(q->search[SF_BRANCH], &b);
}

void
respond_number(const struct respond_context *c, const struct query *q,
    int32_t today, struct answer *a)
{
	struct search w;

	if (c->config->phase < 2 || !c->config->number_inquiry) {
		refuse(a, "OE4002");
		return;
	}
	if (c->kind[SNAPSHOT_QUALIFICATION] == NULL) {
		refuse(a, "OE9002");
		return;
	}
	search_init(&w, c, q);
	if (decide_number(&w, today, a) == -1)
		refuse(a, "OE9001");
}

/* ---- by card ---- */

/* Revocation first (jpki-and-pinless.md 6.3 e): no partition, or one past its
 * next update, can say nothing about this card. */
static const char *
check_revocation(struct snapshot *s, const struct chain_card *card, int64_t now,
    enum card_result *why)
{
	struct snapshot_partition partition;
	int64_t revoked_at;
	int reason, found;

	*why = CARD_CANNOT_SAY;
	if (s == NULL)
		return "OE9003";
	found = snapshot_partition(s, card->ca, card->partition, &partition);
	if (found == -1)
		return "OE9001";
	if (found == 0 || now >= partition.next_update)
		return "OE9003";
	found =
	    snapshot_revoked(s, card->ca, card->serial, &revoked_at, &reason);
	if (found == -1)
		return "OE9001";
	*why = found == 1 ? CARD_IS_REVOKED : CARD_VALID;
	return found == 1 ? "OE3004" : NULL;
}

/* Card -> 処理通番 -> person -> keys. 1 found, 0 not, -1 broken. */
static int
find_by_card(struct search *w, const struct chain_card *card, int32_t today,
    struct keys *k)
{
	struct snapshot_card link;
	unsigned char pseudonym[16];
	int found;

	k->n = 0;
	k->over = false;
	if (w->c->kind[SNAPSHOT_CARDS] == NULL)
		return 0;
	found = snapshot_card(
	    w->c->kind[SNAPSHOT_CARDS], card->ca, card->serial, &link);
	if (found != 1)
		return found;
	if (link.state != 1 || (link.from != DAY_NONE && today < link.from) ||
	    (link.until != DAY_NONE && today > link.until))
		return 0;
	found =
	    snapshot_pairing(w->s, slice_of(link.processing_number), pseudonym);
	if (found != 1)
		return found;
	return snapshot_person_keys(w->s, pseudonym, on_key, k) == -1 ? -1 : 1;
}

void
respond_card(const struct respond_context *c, const struct query *q,
    const struct chain_card *card, int64_t now, struct answer *a,
    enum card_result *why)
{
	int32_t today = day_of_moment(now);
	struct search w;
	struct keys k;
	const char *refused =
	    check_revocation(c->kind[SNAPSHOT_REVOCATION], card, now, why);
	int found;

	if (refused == NULL && c->kind[SNAPSHOT_QUALIFICATION] == NULL)
		refused = "OE9002";
	if (refused != NULL) {
		refuse(a, refused);
		return;
	}
	search_init(&w, c, q);
	found = find_by_card(&w, card, today, &k);
	if (found == 0)
		*why = CARD_NOT_LINKED;
	for (int i = 0; found == 1 && i < k.n; i++)
		if (snapshot_periods(w.s, &k.v[i], on_card, &w) == -1)
			found = -1;
	if (found == -1)
		refuse(a, "OE9001");
	else if (w.in_force.has)
		give(&w, a, VALIDITY_VALID, &w.in_force);
	else if (w.old.has && is_visible(&w, &w.old, today))
		give(&w, a, VALIDITY_INVALID, &w.old);
	else /* not linked, nobody's, or too old: the terminal sees no
		difference (6.3 h); the usage line does */
		refuse(a, "OE3005");
}

/* ---- the institution ---- */

const char *
respond_institution(const struct respond_context *c, struct slice certified,
    struct slice claimed, int32_t today, struct snapshot_institution *out)
{
	int found;

	if (c->kind[SNAPSHOT_INSTITUTIONS] == NULL)
		return "OE9002";
	found = snapshot_institution(
	    c->kind[SNAPSHOT_INSTITUTIONS], certified, out);
	if (found == -1)
		return "OE9001";
	if (found == 0 || (out->from != DAY_NONE && today < out->from) ||
	    (out->until != DAY_NONE && today > out->until))
		return "OE3001";
	if (c->config->phase < 2 && !out->pilot)
		return "OE3001"; /* only the pilot's participants (phase 1) */
	if (claimed.n > 0 && !slice_eq(certified, claimed))
		return "OE3002";
	return NULL;
}
