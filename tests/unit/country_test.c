/* The synthetic country: right numbers, the same for the same seed, and in
 * proportions like the real one's (domain/scale-and-calendar.md). */
#include "tests/unit/suite.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "tests/sample/country.h"
#include "tests/sample/words.h"

#define PEOPLE 40000

static struct country *
make(uint64_t seed)
{
	return country_new(seed, PEOPLE, day_of(2026, 8, 3));
}

static void
numbers_are_right(void)
{
	struct country *c = make(1);
	int kinds[SCHEME__MAX] = { 0 };
	int64_t at = 0;

	for (int i = 0; i < c->offices; i++) {
		const struct office *o = &c->office[i];
		size_t n = strlen(o->number);
		struct slice body = { o->number, n - 1 };

		CU_ASSERT_EQUAL(
		    o->number[n - 1] - '0', check_digit_folded(body));
		CU_ASSERT_EQUAL(insurer_scheme(slice_of(o->number)), o->scheme);
		CU_ASSERT_EQUAL(o->first, at);
		kinds[o->scheme]++;
		at += o->people;
		for (int k = 0; k < i; k++)
			CU_ASSERT(strcmp(c->office[k].number, o->number) != 0);
	}
	CU_ASSERT_EQUAL(at, PEOPLE);
	CU_ASSERT_EQUAL(kinds[SCHEME_KYOKAI], 47);
	CU_ASSERT_EQUAL(kinds[SCHEME_ELDERLY], 47);
	CU_ASSERT(kinds[SCHEME_NHI_CITY] >= 94);
	CU_ASSERT(kinds[SCHEME_SOCIETY] > 0 && kinds[SCHEME_MUTUAL] > 0);
	CU_ASSERT(kinds[SCHEME_NHI_UNION] > 0 && kinds[SCHEME_DAY] > 0);
	country_free(c);
}

/* Two numbers of the list in domain/numbers-and-codes.md 1. */
static void
kyokai_has_its_known_numbers(void)
{
	struct country *c = make(1);
	bool tokyo = false, okinawa = false;

	for (int i = 0; i < c->offices; i++) {
		tokyo |= strcmp(c->office[i].number, "01130012") == 0;
		okinawa |= strcmp(c->office[i].number, "01470012") == 0;
	}
	CU_ASSERT(tokyo && okinawa);
	country_free(c);
}

static bool
same(const struct member *a, const struct member *b)
{
	return a->index == b->index && a->hash == b->hash && a->sex == b->sex &&
	    a->birth == b->birth && a->from == b->from &&
	    a->until == b->until && a->given == b->given;
}

static void
anyone_can_be_asked_for_at_random(void)
{
	struct country *a = make(7), *b = make(7), *other = make(8);
	struct household x, y;
	int differ = 0;

	for (int i = 0; i < a->offices; i++)
		for (int64_t p = 0; p < a->office[i].people; p += x.n) {
			country_household(a, &a->office[i], p, &x);
			CU_ASSERT_EQUAL(x.start, p);
			for (int m = 0; m < x.n; m++) {
				country_household(b, &b->office[i], p + m, &y);
				CU_ASSERT(same(&x.m[m], &y.m[m]));
			}
			country_household(other, &other->office[0],
			    p % other->office[0].people, &y);
			differ += x.m[0].hash != y.m[0].hash;
		}
	CU_ASSERT(differ > PEOPLE / 4);
	country_free(a);
	country_free(b);
	country_free(other);
}

struct counts {
	int n, female, under20, over64, dead, moved, cards, revoked, rare, lost;
};

static void
count(const struct country *c, const struct household *hh,
    const struct member *m, struct counts *k)
{
	int age = country_age(m, c->day);
	struct cover was;
	struct card card;

	k->n++;
	k->female += m->sex == '2';
	k->under20 += age < 20;
	k->over64 += age >= 65;
	k->dead += m->until != DAY_NONE && strcmp(m->loss, "01") == 0;
	k->lost += m->until != DAY_NONE;
	k->moved += country_earlier(c, hh, m, &was);
	k->rare += hh->surname >= surnames_n;
	country_card(c, hh, m, 0, &card);
	k->cards += card.has;
	k->revoked += card.revoked_on != DAY_NONE;
	CU_ASSERT(m->birth <= c->day && m->from >= m->birth);
	CU_ASSERT(m->from <= c->day + 1);
	CU_ASSERT(m->until == DAY_NONE || m->until > m->from);
	if (hh->office->scheme == SCHEME_ELDERLY) {
		CU_ASSERT(m->from >= day_birthday(m->birth, 65) - 1);
	} else {
		CU_ASSERT(day_birthday(m->birth, 75) > c->day);
	}
}

static void
between(double low, double value, double high)
{
	CU_ASSERT(low <= value && value <= high);
	if (value < low || value > high)
		fprintf(stderr, "%g is not in %g..%g\n", value, low, high);
}

static void
proportions_are_like_the_real_ones(void)
{
	struct country *c = make(1);
	struct household hh;
	struct counts k = { 0 };

	for (int i = 0; i < c->offices; i++)
		for (int64_t p = 0; p < c->office[i].people; p += hh.n) {
			country_household(c, &c->office[i], p, &hh);
			for (int m = 0; m < hh.n; m++)
				count(c, &hh, &hh.m[m], &k);
		}
	CU_ASSERT_EQUAL(k.n, PEOPLE);
	between(0.44, (double)k.female / k.n, 0.56);
	between(0.12, (double)k.under20 / k.n, 0.24);
	between(0.22, (double)k.over64 / k.n, 0.36);
	between(0.001, (double)k.dead / k.n, 0.02);
	between(0.05, (double)k.moved / k.n, 0.12); /* 8 % and moves */
	between(0.03, (double)k.rare / k.n, 0.06); /* 4.5 % */
	between(0.77, (double)k.cards / k.n, 0.81); /* 79 % */
	between(0.015, (double)k.revoked / k.cards, 0.04); /* 2 %, the dead */
	country_free(c);
}

/* Whoever came from an office is a guest there, and the reverse. */
static void
movers_are_found_from_both_ends(void)
{
	struct country *c = make(3);
	struct household hh;
	struct guests g;
	struct cover was, v;
	int came = 0, guests = 0, kinds[4] = { 0 };

	for (int i = 0; i < c->offices; i++) {
		const struct office *o = &c->office[i];
		int64_t last = -1;
		int kind = 0;

		for (int64_t p = 0; p < o->people; p += hh.n) {
			country_household(c, o, p, &hh);
			for (int m = 0; m < hh.n; m++)
				came += country_earlier(c, &hh, &hh.m[m], &was);
		}
		guests_start(&g, c, o);
		while (guests_next(&g, &v)) {
			CU_ASSERT_PTR_EQUAL(v.office, o);
			CU_ASSERT(v.kind > kind || v.ordinal > last);
			CU_ASSERT(v.until == DAY_NONE || v.until <= v.m->from);
			CU_ASSERT(v.hh->office != o);
			last = v.ordinal;
			kind = v.kind;
			kinds[v.kind]++;
			guests++;
		}
	}
	CU_ASSERT_EQUAL(came, guests);
	CU_ASSERT(kinds[1] > 0 && kinds[2] > 0 && kinds[3] > 0);
	country_free(c);
}

static int
by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
serials_have_four_octets_and_are_unique(void)
{
	static uint32_t serial[2 * PEOPLE];
	struct country *c = make(1);
	struct household hh;
	struct card k;
	size_t n = 0;

	for (int i = 0; i < c->offices; i++)
		for (int64_t p = 0; p < c->office[i].people; p += hh.n) {
			country_household(c, &c->office[i], p, &hh);
			for (int m = 0; m < hh.n; m++) {
				country_card(c, &hh, &hh.m[m], 0, &k);
				if (k.has)
					serial[n++] = k.serial;
				if (k.old_serial != 0)
					serial[n++] = k.old_serial;
			}
		}
	qsort(serial, n, sizeof(serial[0]), by_value);
	for (size_t i = 1; i < n; i++)
		CU_ASSERT(serial[i] > serial[i - 1]);
	CU_ASSERT(serial[0] >= 0x10000000u && serial[n - 1] < 0x20000000u);
	country_free(c);
}

static CU_TestInfo tests[] = {
	{ "insurer numbers have right check digits, of all kinds",
	    numbers_are_right },
	{ "協会けんぽ has the numbers known from the list",
	    kyokai_has_its_known_numbers },
	{ "anybody can be asked for at random, the same for the same seed",
	    anyone_can_be_asked_for_at_random },
	{ "proportions are like the real ones",
	    proportions_are_like_the_real_ones },
	{ "movers are found from both ends", movers_are_found_from_both_ends },
	{ "card serials have four octets and are unique",
	    serials_have_four_octets_and_are_unique },
	CU_TEST_INFO_NULL,
};
SUITE(country, tests);
