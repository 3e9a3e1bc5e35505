/*
 * The burden, computed again: by the summaries of all months here and the
 * table of prices kept beside the bill. What is in force of a month is what
 * its records say, one after the other: stated, reversed, stated anew.
 */
#include "batch/verify_month.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { /* columns of futan-YYYYMM.csv */
	B_TYPE,
	B_NUMBER,
	B_MONTH,
	B_CHANGE,
	B_INSURER,
	B_NAME,
	B_BASIS,
	B_CHECKS,
	B_PROVISIONS,
	B_PERSONS,
	B_AMOUNT,
	B_PRICES,
	B__MAX
};
/* of a row in force; S_VERSION: hash of the 料金表版, 0: reversed */
enum { S_YEN, S_CHECKS, S_PROVISIONS, S_PERSONS, S_BASIS, S_VERSION };

/* ---- prices ---- */

static const char *const price_columns[] = { "PriceTable", "Use", "Price",
	"ValidFrom", "ValidUntil" };

static bool
add_price(struct months *m, const struct csv_line *l, const int at[5])
{
	struct month_price *p;
	const char *v[5];

	for (int i = 0; i < 5; i++)
		v[i] = at[i] < l->n ? l->v[at[i]] : "";
	if (strlen(v[0]) > 16 || strlen(v[3]) != 8 ||
	    (*v[4] != '\0' && strlen(v[4]) != 8) || verify_number(v[2]) < 0)
		return false;
	m->price = realloc(m->price, (m->prices + 1) * sizeof(*m->price));
	if (m->price == NULL)
		abort();
	p = &m->price[m->prices++];
	*p = (struct month_price) { .use = v[1][0] - '0',
		.milli = verify_number(v[2]) };
	snprintf(p->version, sizeof(p->version), "%s", v[0]);
	snprintf(p->from, sizeof(p->from), "%s", v[3]);
	snprintf(p->until, sizeof(p->until), "%s",
	    *v[4] == '\0' ? "99999999" : v[4]);
	return true;
}

int
month_read_prices(struct months *m)
{
	const char *name = m->h->file[F_PRICES];
	char path[1024], *text = NULL;
	struct csv_line l;
	int at[5] = { -1, -1, -1, -1, -1 };
	size_t size = 0;
	int64_t n = 0;
	bool ok = true;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", m->v->usage, name);
	f = fopen(path, "rb");
	while (f != NULL && ok && getline(&text, &size, f) > 0) {
		bool bom = n++ == 0 && strncmp(text, "\xef\xbb\xbf", 3) == 0;

		csv_cut(text + 3 * bom, &l);
		if (n > 1 && l.n > 1)
			ok = add_price(m, &l, at);
		for (int i = 0; n == 1 && i < l.n && i < CSV_COLUMNS; i++)
			for (int k = 0; k < 5; k++)
				if (strcmp(l.v[i], price_columns[k]) == 0)
					at[k] = i;
		for (int k = 0; n == 1 && k < 5; k++)
			ok &= at[k] >= 0;
	}
	free(text);
	if (f != NULL)
		fclose(f);
	if (ok && m->prices > 0)
		return 0;
	return month_bad(m, name, n, "not a table of prices");
}

const char *
month_version(const struct months *m, int use, const char *day)
{
	for (size_t i = 0; i < m->prices; i++)
		if (m->price[i].use == use &&
		    strcmp(m->price[i].from, day) <= 0 &&
		    strcmp(day, m->price[i].until) <= 0)
			return m->price[i].version;
	return NULL;
}

static int64_t
milli_of(const struct months *m, const char *version, int use)
{
	for (size_t i = 0; i < m->prices; i++)
		if (m->price[i].use == use &&
		    strcmp(m->price[i].version, version) == 0)
			return m->price[i].milli;
	return -1;
}

/* ---- the records ---- */

static int64_t
hash_of(const char *s)
{
	uint64_t x = 5381;

	for (; *s != '\0'; s++)
		x = x * 33 + (unsigned char)*s;
	return (int64_t)(x >> 1 | 1);
}

static bool
numbers_of(const struct csv_line *l, int64_t n[MONTH_COUNTS])
{
	n[S_YEN] = verify_number(l->v[B_AMOUNT]);
	n[S_CHECKS] = verify_number(l->v[B_CHECKS]);
	n[S_PROVISIONS] = verify_number(l->v[B_PROVISIONS]);
	n[S_PERSONS] =
	    *l->v[B_PERSONS] == '\0' ? -1 : verify_number(l->v[B_PERSONS]);
	n[S_BASIS] = l->v[B_BASIS][0];
	n[S_VERSION] = hash_of(l->v[B_PRICES]);
	return n[S_YEN] >= 0 && n[S_CHECKS] >= 0 && n[S_PROVISIONS] >= 0;
}

/* One record against what is in force before it. */
static const char *
take_record(struct months *m, const struct csv_line *l, int64_t *yen)
{
	int64_t n[MONTH_COUNTS];
	struct count_row *row, *month;
	char key[24];
	bool old;

	if (l->n != B__MAX || strlen(l->v[B_MONTH]) != 6 ||
	    strlen(l->v[B_INSURER]) != 8 || !numbers_of(l, n))
		return "is not as the manual describes it";
	month = count_row(&m->stated, l->v[B_MONTH], true);
	if (month->n[0] == 0)
		month->n[0] = m->h->sequence; /* first stated here */
	old = month->n[0] < m->h->sequence;
	snprintf(key, sizeof(key), "%s,%s", l->v[B_MONTH], l->v[B_INSURER]);
	if (strtol(key, NULL, 10) < m->first)
		old = true; /* as far as can be told */
	row = count_row(&m->stated, key, true);
	switch (l->v[B_CHANGE][0]) {
	case '2':
		if (row->n[S_VERSION] == 0)
			return strtol(key, NULL, 10) < m->first ?
			    NULL :
			    "reverses what is not in force";
		if (memcmp(row->n, n, sizeof(n)) != 0)
			return "reverses something else than was stated";
		row->n[S_VERSION] = 0;
		*yen -= n[S_YEN];
		return NULL;
	case '1':
	case '3':
		if (row->n[S_VERSION] != 0)
			return "states what is in force already";
		if ((l->v[B_CHANGE][0] == '3') != old)
			return "1 for a month's first statement, 3 after it";
		memcpy(row->n, n, sizeof(n));
		*yen += n[S_YEN];
		return NULL;
	default:
		return "訂正区分 is 1, 2 or 3";
	}
}

static int
read_burden(struct months *m)
{
	char path[1024], *text = NULL;
	const char *name = m->h->file[F_BURDEN], *wrong = NULL;
	struct csv_line l;
	size_t size = 0;
	int64_t n = 0, rows = 0, total = 0, yen = 0;
	bool ended = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", m->v->usage, name);
	f = fopen(path, "rb");
	while (f != NULL && wrong == NULL && getline(&text, &size, f) > 0) {
		n++;
		csv_cut(text, &l);
		if (ended)
			wrong = "a line behind the trailer";
		else if (strcmp(l.v[0], "2") == 0) {
			wrong = take_record(m, &l, &yen);
			if (wrong == NULL &&
			    verify_number(l.v[B_NUMBER]) != ++rows)
				wrong = "record number";
			if (wrong == NULL)
				total += verify_number(l.v[B_AMOUNT]);
		} else if (strcmp(l.v[0], "3") == 0 && l.n == 3) {
			ended = true;
			if (verify_number(l.v[1]) != rows ||
			    verify_number(l.v[2]) !=
				total % INT64_C(1000000000000000))
				wrong = "count or control total of the trailer";
		} else if (n != 1)
			wrong = "neither header, record nor trailer";
	}
	if (wrong == NULL && !ended)
		wrong = "the trailer is missing";
	free(text);
	if (f != NULL)
		fclose(f);
	if (wrong == NULL && yen != m->h->n[N_YEN] && m->first == 0)
		return verify_bad(m->v, DIAG_USAGE_HEAD, m->h->name, 0,
		    "its yen are not those of the burden");
	return wrong == NULL ? 0 : month_bad(m, name, n, wrong);
}

/* ---- computed again ---- */

struct insurer_sum {
	const char *insurer;
	int64_t milli, units[2];
	const int64_t *stated; /* NULL: nothing is */
	int64_t yen, rest;
};
struct month_sum {
	struct insurer_sum *v;
	size_t n;
	int64_t milli;
};

static int64_t
yen_of(const struct months *m, int64_t milli)
{
	if (strcmp(m->h->rounding, "up") == 0)
		return milli / 1000 + (milli % 1000 > 0);
	if (strcmp(m->h->rounding, "half") == 0)
		return milli / 1000 + (milli % 1000 >= 500);
	return milli / 1000;
}

static struct insurer_sum *
sum_of(struct month_sum *s, const char *insurer)
{
	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->v[i].insurer, insurer, 8) == 0)
			return &s->v[i];
	s->v = realloc(s->v, (s->n + 1) * sizeof(*s->v));
	if (s->v == NULL)
		abort();
	s->v[s->n] = (struct insurer_sum) { .insurer = insurer };
	return &s->v[s->n++];
}

/* Units of the month, and what is in force of it. */
static const char *
gather(const struct months *m, int month, struct month_sum *s)
{
	for (size_t i = 0; i < m->units.size; i++) {
		const struct count_row *r = &m->units.v[i];
		struct insurer_sum *x;
		char version[24];
		const char *end;
		int64_t milli;
		int use;

		if (r->key == NULL || strtol(r->key, NULL, 10) != month ||
		    r->n[0] == 0)
			continue;
		end = strrchr(r->key, ',');
		use = end[1] - '0';
		snprintf(version, sizeof(version), "%.*s",
		    (int)(end - r->key - 16), r->key + 16);
		milli = milli_of(m, version, use);
		if (milli < 0 || use < 1 || use > 2)
			return "a 料金表版 is not in the table";
		x = sum_of(s, r->key + 7);
		x->units[use - 1] += r->n[0];
		if (__builtin_mul_overflow(milli, r->n[0], &milli) ||
		    __builtin_add_overflow(s->milli, milli, &s->milli))
			return "beyond what can be computed";
		x->milli += milli;
	}
	for (size_t i = 0; i < m->stated.size; i++) {
		const struct count_row *r = &m->stated.v[i];

		if (r->key != NULL && strlen(r->key) == 15 &&
		    strtol(r->key, NULL, 10) == month && r->n[S_VERSION] != 0)
			sum_of(s, r->key + 7)->stated = r->n;
	}
	return NULL;
}

static int
by_rest(const void *a, const void *b)
{
	const struct insurer_sum *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest > y->rest ? -1 : 1;
	return strncmp(x->insurer, y->insurer, 8);
}

/* Whole yen by persons, then one each to the largest remainders. */
static const char *
share(const struct months *m, struct month_sum *s)
{
	int64_t total = yen_of(m, s->milli), persons = 0, left = total;

	for (size_t i = 0; i < s->n; i++)
		persons += s->v[i].stated[S_PERSONS];
	for (size_t i = 0; i < s->n; i++) {
		int64_t part;

		if (s->v[i].stated[S_PERSONS] < 0 || persons == 0 ||
		    __builtin_mul_overflow(
			total, s->v[i].stated[S_PERSONS], &part))
			return "persons that cannot be shared by";
		s->v[i].yen = part / persons;
		s->v[i].rest = part % persons;
		left -= s->v[i].yen;
	}
	qsort(s->v, s->n, sizeof(*s->v), by_rest);
	for (size_t i = 0; i < s->n && left > 0; i++, left--)
		s->v[i].yen++;
	return NULL;
}

static const char *
judge(const struct months *m, struct month_sum *s)
{
	bool insured = false;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].stated == NULL)
			return "an insurer's units are not in it";
		insured |= s->v[i].stated[S_BASIS] == '2';
		s->v[i].yen = yen_of(m, s->v[i].milli);
	}
	if (insured) {
		const char *wrong = share(m, s);

		if (wrong != NULL)
			return wrong;
	}
	for (size_t i = 0; i < s->n; i++) {
		const int64_t *n = s->v[i].stated;

		if (n[S_CHECKS] != s->v[i].units[0] ||
		    n[S_PROVISIONS] != s->v[i].units[1])
			return "units are not those of the summaries";
		if ((n[S_BASIS] == '2') != insured)
			return "two bases in one month";
		if (n[S_YEN] != s->v[i].yen)
			return insured ?
			    "a share is not the total's by persons" :
			    "a burden is not units times price, rounded once";
	}
	return NULL;
}

static void
prove_month(struct months *m, int month)
{
	struct month_sum s = { 0 };
	const char *wrong = gather(m, month, &s);
	char text[160];

	if (wrong == NULL && s.n > 0)
		wrong = judge(m, &s);
	if (wrong != NULL) {
		snprintf(text, sizeof(text), "month %d: %s", month, wrong);
		month_bad(m, m->h->file[F_BURDEN], 0, text);
	}
	free(s.v);
}

static int
earliest(const struct count_table *t, int from, int before)
{
	for (size_t i = 0; i < t->size; i++) {
		const char *key = t->v[i].key;
		int x = key == NULL ? 0 : (int)strtol(key, NULL, 10);

		if (x >= from && x < before)
			before = x;
	}
	return before;
}

/* Every month of use that can be known whole, after this file. */
int
month_burden(struct months *m)
{
	int64_t before = m->v->bad;
	int month, end = m->h->month + 1;

	if (read_burden(m) == -1)
		return -1;
	for (int from = m->first > 0 ? m->first : 1;; from = month + 1) {
		month =
		    earliest(&m->stated, from, earliest(&m->units, from, end));
		if (month >= end)
			break;
		prove_month(m, month);
	}
	return m->v->bad == before ? 0 : -1;
}
