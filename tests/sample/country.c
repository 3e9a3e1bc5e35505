/* People as pure functions of (seed, index). */
#include "tests/sample/country.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "tests/sample/words.h"

#define YEARS(n) ((n)*1461 / 4) /* in days */

enum {
	SALT_BLOCK = 1,
	SALT_HOUSE,
	SALT_PERSON,
	SALT_OFFICE,
	SALT_CARD,
	SALT_EVENT,
	SALT_JUKI,
	SALT_AGENCY,
	SALT_MOVE,
	SALT_TWIN
};

/* The finaliser of splitmix64: a permutation of 64 bits. */
static uint64_t
mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
country_hash(const struct country *c, uint64_t a, uint64_t b)
{
	return mix(mix(c->seed + a * UINT64_C(0x9e3779b97f4a7c15)) + b);
}

struct dice {
	uint64_t s;
};

static unsigned
roll(struct dice *d, unsigned n)
{
	d->s += UINT64_C(0x9e3779b97f4a7c15);
	return (unsigned)((mix(d->s) >> 32) * n >> 32);
}

static unsigned
roll_low(struct dice *d, unsigned n) /* small ones more often */
{
	unsigned a = roll(d, n), b = roll(d, n);

	return a < b ? a : b;
}

/* ---- the offices ---- */

static int64_t
clamp(int64_t n, int64_t low, int64_t high)
{
	return n < low ? low : n > high ? high : n;
}

/* body: the digits without the check digit */
static void
number(struct office *o, int body, int digits)
{
	struct buf n;
	int digit;

	buf_init(&n, o->number, sizeof(o->number));
	buf_printf(&n, "%0*d", digits, body);
	digit = check_digit_folded(buf_slice(&n));
	buf_putc(&n, (char)('0' + digit));
	buf_init(&n, o->code, sizeof(o->code));
	buf_printf(&n, "%s%s", digits == 5 ? "00" : "", o->number);
	memcpy(o->sender, o->code, sizeof(o->sender));
}

static struct office *
add(struct country *c, enum scheme s, int prefecture)
{
	struct office *o = &c->office[c->offices++];

	o->scheme = s;
	o->prefecture = prefecture;
	return o;
}

static void
name(struct office *o, const char *fmt, const char *a, const char *b,
    const char *d)
{
	struct buf n;

	buf_init(&n, o->name, sizeof(o->name));
	buf_printf(&n, "%s%s%s%s", a, b, d, fmt);
}

static const char *
town_part(int town, int which)
{
	return which == 0 ?
	    town_first[(unsigned)town % town_first_n] :
	    town_last[(unsigned)town / town_first_n % town_last_n];
}

/* Municipalities: at least two in a prefecture, so that people can move. */
static void
cities(struct country *c, int total)
{
	int weight = 0;

	for (int p = 0; p < 47; p++)
		weight += prefectures[p].weight;
	for (int p = 0; p < 47; p++) {
		int n = 2 + (total - 94) * prefectures[p].weight / weight;

		n = (int)clamp(n, 2, 192);
		c->city_of[p] = c->offices;
		for (int i = 0; i < n; i++) {
			struct office *o = add(c, SCHEME_NHI_CITY, p + 1);
			struct buf b;

			number(o, (p + 1) * 1000 + i + 1, 5);
			o->town = i;
			buf_init(&b, o->municipality, sizeof(o->municipality));
			buf_printf(&b, "%02d%03d", p + 1, 101 + i);
			buf_init(&b, o->sender, sizeof(o->sender));
			buf_printf(&b, "KOKUHO%02d", p + 1);
			name(o, "国民健康保険", prefectures[p].name,
			    town_part(i, 0), town_part(i, 1));
		}
	}
	c->city_of[47] = c->cities = c->offices;
}

static const char *const kinds[] = { "電機", "鉄鋼", "運輸", "印刷", "食品",
	"建設", "薬品", "繊維", "商事", "機械", "情報", "化学" };

/* Societies and the like: a serial number within their prefecture. */
static void
series(struct country *c, enum scheme s, int total, int law, const char *what)
{
	int serial[48] = { 0 };

	for (int i = 0; i < total; i++) {
		uint64_t h = country_hash(
		    c, SALT_OFFICE, (uint64_t)s * 100000 + (unsigned)i);
		int p = c->residence[h % 1024] + 1;
		struct office *o = add(c, s, p);

		serial[p]++;
		if (s == SCHEME_NHI_UNION)
			number(o, p * 1000 + 300 + serial[p], 5);
		else
			number(o,
			    (law + (s == SCHEME_MUTUAL ? i % 4 : 0)) * 100000 +
				p * 1000 + serial[p],
			    7);
		name(o, what, town_first[h >> 10 & 15], kinds[(h >> 20) % 12],
		    "");
	}
}

static void
nationwide(struct country *c)
{
	for (int p = 1; p <= 47; p++) {
		struct office *o = add(c, SCHEME_KYOKAI, p);

		number(o, 100000 + p * 1000 + 1, 7);
		memcpy(o->code, "01000009", 9);
		memcpy(o->sender, "01000009", 9);
		name(
		    o, "支部", "全国健康保険協会", prefectures[p - 1].name, "");
	}
	for (int law = 3; law <= 4; law++) {
		struct office *o = add(c, SCHEME_DAY, 13);

		number(o, law * 100000 + 13001, 7);
		memcpy(o->code, "01000009", 9);
		memcpy(o->sender, "01000009", 9);
		name(o,
		    law == 3 ? "（日雇・一般療養）" : "（日雇・特別療養費）",
		    "全国健康保険協会", "", "");
	}
}

static void
elders(struct country *c)
{
	c->elderly = c->offices;
	for (int p = 1; p <= 47; p++) {
		struct office *o = add(c, SCHEME_ELDERLY, p);

		number(o, 3900000 + p * 1000 + 1, 7);
		name(o, "後期高齢者医療広域連合", prefectures[p - 1].name, "",
		    "");
	}
}

/* Shares of the schemes, of 10,000 (domain/scale-and-calendar.md 1). */
static const int shares[SCHEME__MAX] = {
	[SCHEME_NHI_CITY] = 2150,
	[SCHEME_KYOKAI] = 3200,
	[SCHEME_SOCIETY] = 2250,
	[SCHEME_MUTUAL] = 720,
	[SCHEME_NHI_UNION] = 210,
	[SCHEME_DAY] = 5,
	[SCHEME_ELDERLY] = 1465,
};

static int64_t
weight(const struct country *c, const struct office *o)
{
	uint64_t h = country_hash(c, SALT_OFFICE, (uint64_t)(o - c->office));
	int64_t uneven = 20 + (int64_t)(h % 100) * (int64_t)(h >> 8 & 127) / 64;
	int64_t w = prefectures[o->prefecture - 1].weight;

	if (o->scheme == SCHEME_KYOKAI || o->scheme == SCHEME_ELDERLY)
		return w;
	if (o->scheme == SCHEME_NHI_CITY)
		return w * uneven;
	return o->scheme == SCHEME_DAY ? 1 : uneven;
}

static void
people(struct country *c)
{
	int64_t total[SCHEME__MAX] = { 0 }, run[SCHEME__MAX] = { 0 }, at = 0;

	for (int i = 0; i < c->offices; i++)
		total[c->office[i].scheme] += weight(c, &c->office[i]);
	for (int i = 0; i < c->offices; i++) {
		struct office *o = &c->office[i];
		double all = (double)c->people * shares[o->scheme] / 10000;
		int64_t low = (int64_t)(all * (double)run[o->scheme] /
		    (double)total[o->scheme]);

		run[o->scheme] += weight(c, o);
		o->first = at;
		o->people = (int64_t)(all * (double)run[o->scheme] /
				(double)total[o->scheme]) -
		    low;
		at += o->people;
	}
	/* what rounding lost stays with the last */
	c->office[c->offices - 1].people += c->people - at;
}

static uint64_t
inverse(uint64_t a, uint64_t n) /* gcd(a, n) == 1 */
{
	int64_t t = 0, next = 1, r = (int64_t)n, s = (int64_t)a, q, x;

	while (s != 0) {
		q = r / s;
		x = t - q * next;
		t = next;
		next = x;
		x = r - q * s;
		r = s;
		s = x;
	}
	return (uint64_t)(t < 0 ? t + (int64_t)n : t);
}

static uint64_t
gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

static int64_t
slots(int64_t begin, int64_t end, int step, int residue)
{
	int64_t n = end - begin - residue;

	return n <= 0 ? 0 : (n + step - 1) / step;
}

static void
movers(const struct country *c, struct movers *m, int to, int to_end, int from,
    int from_end, int step)
{
	int64_t a, b;

	m->to = c->office[to].first;
	m->to_end = c->office[to_end - 1].first + c->office[to_end - 1].people;
	m->from = c->office[from].first;
	m->from_end =
	    c->office[from_end - 1].first + c->office[from_end - 1].people;
	m->step = step;
	m->residue = step / 2;
	a = slots(m->to, m->to_end, step, m->residue);
	b = slots(m->from, m->from_end, step, m->residue);
	m->n = (uint64_t)(a > b ? a : b);
	m->a = 1;
	m->inverse = 0;
	if (m->n < 2)
		return;
	m->a = country_hash(c, SALT_MOVE, (uint64_t)to) % m->n;
	while (m->a == 0 || gcd(m->a, m->n) != 1)
		m->a = (m->a + 1) % m->n;
	m->inverse = inverse(m->a, m->n);
	m->b = country_hash(c, SALT_MOVE, (uint64_t)to + 1000000) % m->n;
}

static void
partitions(struct country *c)
{
	int total = (int)clamp(c->people / 20000, 47, 1900);
	int sum = 0, all = 0;

	for (int p = 0; p < 47; p++)
		all += prefectures[p].weight;
	for (int p = 0; p < 47; p++) {
		int towns = c->city_of[p + 1] - c->city_of[p];

		c->parts[p] = (int)clamp(
		    (int64_t)total * prefectures[p].weight / all, 1, towns);
		c->part_of[p] = sum;
		sum += c->parts[p];
	}
	c->part_of[47] = sum;
}

static void
residences(struct country *c)
{
	int all = 0, run = 0, p = 0;

	for (int i = 0; i < 47; i++)
		all += prefectures[i].weight;
	for (int i = 0; i < 1024; i++) {
		while (
		    p < 46 && i * all >= (run + prefectures[p].weight) * 1024)
			run += prefectures[p++].weight;
		c->residence[i] = (unsigned char)p;
	}
}

struct country *
country_new(uint64_t seed, int64_t n, int32_t day)
{
	struct country *c = text_alloc(sizeof(*c));

	c->seed = mix(seed + 1);
	c->people = n;
	c->day = day;
	c->office = text_alloc(4096 * sizeof(*c->office));
	residences(c);
	cities(c, (int)clamp(n / 1000, 94, 1716));
	series(c, SCHEME_SOCIETY, (int)clamp(n / 2000, 4, 1388), 6,
	    "健康保険組合");
	series(c, SCHEME_MUTUAL, (int)clamp(n / 25000, 4, 85), 31, "共済組合");
	series(c, SCHEME_NHI_UNION, (int)clamp(n / 12500, 3, 160), 0,
	    "国民健康保険組合");
	nationwide(c);
	elders(c);
	people(c);
	movers(c, &c->job, 0, c->elderly, 0, c->elderly, 5);
	movers(c, &c->old, c->elderly, c->offices, 0, c->cities, 4);
	for (int p = 0; p < 47; p++)
		movers(c, &c->city[p], c->city_of[p], c->city_of[p + 1],
		    c->city_of[p], c->city_of[p + 1], 13);
	partitions(c);
	return c;
}

void
country_free(struct country *c)
{
	if (c != NULL)
		free(c->office);
	free(c);
}

const struct office *
country_office(const struct country *c, int64_t index)
{
	int low = 0, high = c->offices - 1;

	while (low < high) {
		int mid = (low + high + 1) / 2;

		if (c->office[mid].first <= index)
			low = mid;
		else
			high = mid - 1;
	}
	while (low > 0 && c->office[low].people == 0)
		low--;
	return &c->office[low];
}

/* ---- households ---- */

/* How twelve people live together: employees with dependants, NHI. */
static const char *const patterns[2][8] = {
	{ "1113114", "1212114", "411123", "1111224", "3111141", "1112121111",
	    "51121110", "2311113" },
	{ "1121121111", "121211112", "1311121110", "2112112110", "4111121",
	    "11111111112", "1212213", "3112115" },
};

static void
block(const struct country *c, const struct office *o, int64_t pos, int *at,
    int *size)
{
	int64_t b = pos / 12;
	int inside = (int)(pos % 12), sum = 0, n = 1;
	const char *p;
	bool nhi =
	    o->scheme == SCHEME_NHI_CITY || o->scheme == SCHEME_NHI_UNION;

	if (o->scheme == SCHEME_ELDERLY || o->scheme == SCHEME_DAY) {
		*at = inside;
		*size = 1;
		return;
	}
	p = patterns[nhi]
		    [country_hash(c, SALT_BLOCK, (uint64_t)(o->first + b)) & 7];
	for (; *p != '\0'; p++) {
		n = *p - '0';
		if (inside < sum + n)
			break;
		sum += n;
	}
	*at = sum;
	*size = *p == '\0' ? 12 - sum : n;
	if (sum + *size > 12)
		*size = 12 - sum;
}

static int
head_age(enum scheme s, struct dice *d)
{
	unsigned k = roll(d, 100);

	switch (s) {
	case SCHEME_ELDERLY:
		return (int)(k < 3 ? 66 + roll(d, 8) : 75 + roll_low(d, 27));
	case SCHEME_NHI_CITY:
	case SCHEME_NHI_UNION:
		return (int)(k < 45 ? 60 + roll(d, 15) :
			k < 80	    ? 30 + roll(d, 30) :
				      20 + roll(d, 10));
	default:
		return (int)(k < 3 ? 68 + roll(d, 6) :
				     19 + roll(d, 26) + roll(d, 24));
	}
}

static int32_t
born(const struct country *c, int age, struct dice *d, bool elderly)
{
	int32_t b = c->day - YEARS(age) - (int32_t)roll(d, 365) - 1;

	if (!elderly && age >= 73 && day_birthday(b, 75) <= c->day + 1)
		b += 400;
	return b;
}

static unsigned char
given_name(const struct country *c, int32_t birth, char sex, struct dice *d)
{
	unsigned n = sex == '1' ? male_names_n : female_names_n;
	int age = (c->day - birth) / 365;
	int i = age * (int)n / 95 + (int)roll(d, 13) - 6;

	return (unsigned char)clamp(i, 0, (int)n - 1);
}

/* Ages and roles of a household; from[0] is the insured person. */
static void
relatives(
    const struct country *c, struct household *hh, int age, struct dice *d)
{
	bool nhi = hh->office->scheme == SCHEME_NHI_CITY;
	bool spouse = hh->n > 1 && roll(d, 100) < (nhi ? 65u : 42u);
	bool parent = hh->n > 4 && roll(d, 100) < 40;

	for (int i = 1; i < hh->n; i++) {
		struct member *m = &hh->m[i];
		int a;

		m->sex = roll(d, 2) ? '1' : '2';
		if (i == 1 && spouse) {
			a = (int)clamp(age - 5 + (int)roll(d, 9), 19, 74);
			m->sex = hh->m[0].sex == '1' ? '2' : '1';
		} else if (parent && i == hh->n - 1 && age < 50) {
			a = (int)clamp(age + 22 + (int)roll(d, 9), 45, 74);
		} else {
			a = age - 22 - (int)roll(d, 14);
			if (a > 22 || a < 0)
				a = (int)roll(d, a < 0 ? 4 : 23);
		}
		m->birth = born(c, a, d, false);
		if (i > 1 && a < 20 && roll(d, 100) < 3) /* twins */
			m->birth = hh->m[i - 1].birth > c->day - YEARS(20) ?
			    hh->m[i - 1].birth :
			    m->birth;
	}
}

static int32_t
later(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

static int32_t
school_year(int32_t day) /* the 1 April on or before */
{
	int y, m, dd;

	day_civil(day, &y, &m, &dd);
	return day_of(m < 4 ? y - 1 : y, 4, 1);
}

static int32_t
acquired(const struct country *c, const struct household *hh, struct dice *d)
{
	const struct member *m = &hh->m[0];
	int32_t from, grown = day_birthday(m->birth, 18);

	switch (hh->office->scheme) {
	case SCHEME_ELDERLY:
		from = day_birthday(m->birth, 75);
		if (from > c->day)
			from = later(day_birthday(m->birth, 65),
			    c->day - (int32_t)roll(d, 1500));
		return from;
	case SCHEME_NHI_CITY:
	case SCHEME_NHI_UNION:
		return later(c->day - (int32_t)roll_low(d, 7000), m->birth);
	default:
		from = later(c->day - (int32_t)roll_low(d, 10000), grown);
		if (roll(d, 100) < 40)
			from = later(school_year(from), grown);
		return from;
	}
}

/* Cover that has ended without another one: death and the like. */
static void
ended(const struct country *c, struct household *hh, struct member *m)
{
	unsigned per = (unsigned)(m->hash >> 40) % 10000;
	int age = country_age(m, c->day);
	unsigned dead = age >= 75 ? 300 : age >= 60 ? 50 : 4;
	bool nhi = hh->office->scheme == SCHEME_NHI_CITY;

	if (m->family == '1' && hh->n > 1)
		dead = 0;
	if (per < dead)
		m->loss = "01";
	else if (per < dead + 30 && hh->n == 1)
		m->loss = nhi ? "02" : "99";
	else
		return;
	m->until = c->day - (int32_t)((m->hash >> 20) % 500);
	if (m->until <= m->from)
		m->until = m->from + 1;
	if (m->until > c->day || m->until <= m->from) {
		m->until = DAY_NONE;
		m->loss = "";
	}
}

static bool
in_slot(const struct movers *v, int64_t index)
{
	return index >= v->to && index < v->to_end &&
	    (index - v->to) % v->step == v->residue;
}

/* After a move inside the prefecture the cover here is younger than the
 * 資格, which goes on. */
static void
moved(const struct country *c, const struct household *hh, struct member *m)
{
	struct cover was;

	if (hh->office->scheme == SCHEME_NHI_CITY &&
	    in_slot(&c->city[hh->office->prefecture - 1], m->index) &&
	    country_earlier(c, hh, m, &was) && was.kind == 1 + MOVERS_CITY)
		m->moved = was.applied_until;
}

int
country_household(const struct country *c, const struct office *o, int64_t pos,
    struct household *hh)
{
	struct dice d;
	int at, size, age;

	block(c, o, pos, &at, &size);
	hh->office = o;
	hh->start = pos - pos % 12 + at;
	hh->n = (int)clamp(size, 1, HOUSEHOLD_MAX);
	if (hh->start + hh->n > o->people)
		hh->n = (int)(o->people - hh->start);
	d.s = country_hash(c, SALT_HOUSE, (uint64_t)(o->first + hh->start));
	hh->prefecture = o->prefecture - 1;
	if ((o->scheme == SCHEME_SOCIETY || o->scheme == SCHEME_MUTUAL) &&
	    roll(&d, 100) < 40)
		hh->prefecture = c->residence[roll(&d, 1024)];
	hh->town = o->scheme == SCHEME_NHI_CITY ?
	    o->town :
	    (int)roll(&d,
		(unsigned)(c->city_of[hh->prefecture + 1] -
		    c->city_of[hh->prefecture]));
	hh->surname = roll(&d, 1000) < 45 ?
	    surnames_n + roll(&d, rare_surnames_n) :
	    roll_low(&d, surnames_n);
	age = head_age(o->scheme, &d);
	hh->m[0].sex = roll(&d, 100) < (hh->n > 1 ? 75u : 50u) ? '1' : '2';
	hh->m[0].birth = born(c, age, &d, o->scheme == SCHEME_ELDERLY);
	relatives(c, hh, age, &d);
	hh->m[0].from = acquired(c, hh, &d);
	for (int i = 0; i < hh->n; i++) {
		struct member *m = &hh->m[i];

		m->index = o->first + hh->start + i;
		m->hash = country_hash(c, SALT_PERSON, (uint64_t)m->index);
		m->family = i == 0 ? '1' : '2';
		m->branch = (unsigned char)i;
		m->given = given_name(c, m->birth, m->sex, &d);
		m->from = later(hh->m[0].from, m->birth);
		m->until = DAY_NONE;
		m->loss = "";
		m->moved = DAY_NONE;
		ended(c, hh, m);
		moved(c, hh, m);
	}
	return hh->n;
}

void
country_cover(
    const struct household *hh, const struct member *m, struct cover *out)
{
	memset(out, 0, sizeof(*out));
	out->office = hh->office;
	out->ordinal = m->index - hh->office->first;
	out->house = hh->start;
	out->hh = hh;
	out->m = m;
	out->from = m->from;
	out->until = m->until;
	out->applied_from = m->moved;
	out->applied_until = DAY_NONE;
	out->loss = m->loss;
}

int
country_age(const struct member *m, int32_t day)
{
	int y, mo, d, by, bm, bd;

	day_civil(day, &y, &mo, &d);
	day_civil(m->birth, &by, &bm, &bd);
	return y - by - (mo < bm || (mo == bm && d < bd));
}

/* ---- earlier covers ---- */

/*
 * Whether m of kind came from somewhere, and until when it was covered
 * there; fills what the earlier office tells of it.
 */
static bool
earlier(const struct country *c, int kind, const struct member *m,
    struct cover *out)
{
	int age = country_age(m, c->day);
	int32_t back = 200 + (int32_t)(m->hash % 3000);

	out->loss = "03";
	out->applied_from = out->applied_until = DAY_NONE;
	switch (kind) {
	case MOVERS_JOB:
		if (age < 20 || age > 72 || m->family != '1' ||
		    m->from < c->day - YEARS(9))
			return false;
		out->until = m->from - (int32_t)((m->hash >> 16) % 3) * 7;
		out->from =
		    later(out->until - back, day_birthday(m->birth, 18));
		return out->from < out->until && out->until <= m->from;
	case MOVERS_OLD:
		out->until = m->from;
		out->from = m->from - back;
		return m->from == day_birthday(m->birth, 75) &&
		    m->from >= c->day - YEARS(5);
	default:
		if (m->from > c->day - 100 || m->until != DAY_NONE)
			return false;
		out->from = m->from;
		out->until = DAY_NONE;
		out->loss = "";
		out->applied_from = m->from;
		out->applied_until = m->from + 30 +
		    (int32_t)(m->hash % (unsigned)(c->day - m->from - 60));
		return true;
	}
}

static const struct movers *
movers_of(const struct country *c, int kind, int prefecture)
{
	return kind == MOVERS_JOB ? &c->job :
	    kind == MOVERS_OLD	  ? &c->old :
				    &c->city[prefecture];
}

static bool
may_send(int kind, const struct office *from, const struct office *to)
{
	if (from == to || from->scheme == SCHEME_DAY)
		return false;
	if (kind == MOVERS_JOB) /* a move of residence is another thing */
		return from->scheme != SCHEME_NHI_CITY ||
		    to->scheme != SCHEME_NHI_CITY;
	return true;
}

bool
country_earlier(const struct country *c, const struct household *hh,
    const struct member *m, struct cover *out)
{
	for (int kind = 0; kind < MOVERS__MAX; kind++) {
		const struct movers *v =
		    movers_of(c, kind, hh->office->prefecture - 1);
		int64_t s, i;

		if ((kind == MOVERS_CITY &&
			hh->office->scheme != SCHEME_NHI_CITY) ||
		    !in_slot(v, m->index) || v->n < 2)
			continue;
		s = (m->index - v->to) / v->step;
		s = (int64_t)((v->a * (uint64_t)s + v->b) % v->n);
		i = v->from + s * v->step + v->residue;
		if (i >= v->from_end)
			continue;
		out->office = country_office(c, i);
		out->kind = 1 + kind;
		out->ordinal = i - out->office->first;
		out->house = out->ordinal;
		out->hh = hh;
		out->m = m;
		if (may_send(kind, out->office, hh->office) &&
		    earlier(c, kind, m, out))
			return true;
	}
	return false;
}

void
guests_start(struct guests *g, const struct country *c, const struct office *o)
{
	g->c = c;
	g->o = o;
	g->kind = 0;
	g->slot = -1;
}

/* The person of slot s' (the inverse of country_earlier). */
static bool
guest(struct guests *g, const struct movers *v, int64_t slot, struct cover *out)
{
	const struct country *c = g->c;
	const struct office *o;
	uint64_t s = (uint64_t)slot + v->n - v->b;
	int64_t i;

	s = s % v->n * v->inverse % v->n; /* n < 2^27 */
	i = v->to + (int64_t)s * v->step + v->residue;
	if (i >= v->to_end)
		return false;
	o = country_office(c, i);
	country_household(c, o, i - o->first, &g->hh);
	i -= o->first + g->hh.start;
	if (i >= g->hh.n || !country_earlier(c, &g->hh, &g->hh.m[i], out))
		return false;
	return out->office == g->o && out->kind == 1 + g->kind &&
	    out->ordinal == v->from + slot * v->step + v->residue - g->o->first;
}

bool
guests_next(struct guests *g, struct cover *out)
{
	for (; g->kind < MOVERS__MAX; g->kind++, g->slot = -1) {
		const struct movers *v =
		    movers_of(g->c, g->kind, g->o->prefecture - 1);
		int64_t begin = g->o->first, end = begin + g->o->people;

		if (v->n < 2 || begin >= v->from_end || end <= v->from ||
		    (g->kind == MOVERS_CITY && g->o->scheme != SCHEME_NHI_CITY))
			continue;
		if (g->slot < 0) {
			g->slot = (begin - v->from - v->residue) / v->step;
			while (v->from + g->slot * v->step + v->residue < begin)
				g->slot++;
		}
		while (v->from + g->slot * v->step + v->residue < end)
			if (guest(g, v, g->slot++, out))
				return true;
	}
	return false;
}

/* ---- cards ---- */

void
country_card(const struct country *c, const struct household *hh,
    const struct member *m, int day, struct card *out)
{
	uint64_t h = country_hash(c, SALT_CARD, (uint64_t)m->index);
	unsigned per = (unsigned)(h >> 32) % 1000;
	uint32_t n = (uint32_t)m->index * 2;

	memset(out, 0, sizeof(*out));
	out->revoked_on = DAY_NONE;
	out->has = h % 100 < 79;
	if (!out->has)
		return;
	/* one increasing counter in reality; here a permutation of 28 bits */
	out->serial = 0x10000000u + ((n * 0x9E3779B1u) & 0x0fffffffu);
	out->generation = h >> 8 & 1;
	out->from = c->day - (out->generation ? 20 : YEARS(2) + 30) -
	    (int32_t)((h >> 9) % YEARS(1));
	out->until = day_birthday(out->from, 5) - 1;
	out->partition =
	    c->part_of[hh->prefecture] + hh->town % c->parts[hh->prefecture];
	if (per < 20) { /* lost or stolen */
		out->revoked_on = c->day - 1 - (int32_t)((h >> 20) % 300);
		out->reason = 4 + (int)(h >> 50 & 1); /* superseded, ceased */
	} else if (m->until != DAY_NONE && m->loss[1] == '1') {
		out->revoked_on = m->until;
		out->reason = 5; /* cessationOfOperation */
	} else if (per >= 970) { /* replaced: an older card is superseded */
		out->old_serial =
		    0x10000000u + (((n + 1) * 0x9E3779B1u) & 0x0fffffffu);
		out->old_generation = 0;
	} else if ((h >> 20) % 3000 < (unsigned)day) {
		out->revoked_on = c->day + 1 + (int32_t)((h >> 20) % 3000);
		out->reason = 6; /* certificateHold: lost today */
	}
	if (out->revoked_on != DAY_NONE && out->revoked_on < out->from)
		out->revoked_on = out->from;
}

int
country_partitions(const struct country *c)
{
	return c->part_of[47];
}

void
country_partition(
    const struct country *c, int partition, char ou[32], char cn[40])
{
	struct buf b;
	int p = 0;

	while (c->part_of[p + 1] <= partition)
		p++;
	buf_init(&b, ou, 32);
	buf_puts(&b, prefectures[p].roman);
	buf_init(&b, cn, 40);
	/* the member's name is made of the CN alone */
	buf_printf(&b, "Town%04d-shi CRLDP", partition + 1);
}

/* ---- later days ---- */

enum event
country_event(const struct country *c, const struct household *hh,
    const struct member *m, int day, const struct office **to)
{
	uint64_t h = country_hash(c, SALT_EVENT, (uint64_t)m->index);
	unsigned kind = (unsigned)(h >> 32) % 100;
	int age;

	(void)hh;
	*to = NULL;
	if (h % 700 + 1 != (unsigned)day || m->until != DAY_NONE)
		return EVENT_NONE;
	if (kind < 45)
		return EVENT_AMEND;
	age = country_age(m, c->day);
	if (kind < 48)
		return EVENT_CANCEL;
	if (kind < 56)
		return age > 20 && age < 45 ? EVENT_BIRTH : EVENT_AMEND;
	if (age < 20 || age > 70 || kind < 75 || c->elderly == 0)
		return EVENT_LOSS;
	*to = country_office(
	    c, (int64_t)((h >> 8) % (uint64_t)c->office[c->elderly].first));
	return *to == hh->office || (*to)->scheme == SCHEME_DAY ? EVENT_LOSS :
								  EVENT_MOVE;
}

bool
country_calm(const struct country *c, const struct member *m, int days)
{
	return country_hash(c, SALT_EVENT, (uint64_t)m->index) % 700 >=
	    (unsigned)days;
}

/* ---- the numbers of 住基ネット ---- */

static void
hex(uint64_t n, char *out)
{
	for (int i = 15; i >= 0; i--, n >>= 4)
		out[i] = "0123456789ABCDEF"[n & 15];
}

/* mix() is a permutation, so no two people share one. */
void
country_processing_number(
    const struct country *c, const struct member *m, char out[17])
{
	hex(mix(mix(c->seed + SALT_JUKI) ^ (uint64_t)m->index), out);
	out[16] = '\0';
}

void
country_agency_code(
    const struct country *c, const struct member *m, char out[33])
{
	hex(mix(mix(c->seed + SALT_AGENCY) ^ (uint64_t)m->index), out);
	hex(country_hash(c, SALT_AGENCY, (uint64_t)m->index), out + 16);
	out[32] = '\0';
}
