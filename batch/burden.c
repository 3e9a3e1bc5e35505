/* Who bears what of a month. */
#include "batch/burden.h"

#include <stdlib.h>
#include <string.h>

#include "batch/month.h"
#include "formats/qualification.h"

struct units {
	int32_t month;
	char insurer[9];
	int version;
	int64_t n[PRICES_USES];
};
struct row { /* of the burden file */
	int32_t month;
	char insurer[9];
	enum burden_basis basis;
	int64_t units[PRICES_USES];
	int64_t persons; /* -1: not said */
	int64_t yen;
	int version;
	int64_t rest; /* of the division, for the last yen of a share */
};
struct rows {
	struct row *v;
	size_t n, max;
};
struct burden {
	const struct prices *prices;
	enum burden_basis basis;
	enum burden_rounding rounding;
	struct units *unit;
	size_t n, max;
	struct rows persons; /* of months not stated yet */
	struct rows stated; /* in force by the files before */
};

struct burden *
burden_new(const struct prices *prices, enum burden_basis basis,
    enum burden_rounding rounding)
{
	struct burden *b = text_alloc(sizeof(*b));

	b->prices = prices;
	b->basis = basis;
	b->rounding = rounding;
	return b;
}

void
burden_free(struct burden *b)
{
	if (b == NULL)
		return;
	free(b->unit);
	free(b->persons.v);
	free(b->stated.v);
	free(b);
}

static struct row *
push(struct rows *rows, const struct row *r)
{
	if (rows->n == rows->max) {
		rows->max = rows->max == 0 ? 256 : 2 * rows->max;
		rows->v = text_realloc(rows->v, rows->max * sizeof(*rows->v));
	}
	rows->v[rows->n] = *r;
	return &rows->v[rows->n++];
}

void
burden_add(struct burden *b, int32_t month, char use, const char *insurer,
    int version, int64_t units)
{
	struct units *u;

	if (version < 0)
		return; /* of a time without a levy */
	if (b->n == b->max) {
		b->max = b->max == 0 ? 1024 : 2 * b->max;
		b->unit = text_realloc(b->unit, b->max * sizeof(*b->unit));
	}
	u = &b->unit[b->n++];
	*u = (struct units) { .month = month, .version = version };
	snprintf(u->insurer, sizeof(u->insurer), "%s",
	    *insurer == '\0' ? BURDEN_NOBODY : insurer);
	u->n[use - '1'] = units;
}

void
burden_persons(struct burden *b, int32_t month, const char *insurer, int64_t n)
{
	struct row r = { .month = month, .persons = n };

	snprintf(r.insurer, sizeof(r.insurer), "%s", insurer);
	push(&b->persons, &r);
}

/* ---- what was stated before ---- */

static int
by_insurer(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->month != y->month)
		return x->month < y->month ? -1 : 1;
	return strcmp(x->insurer, y->insurer);
}

static struct row *
stated_row(const struct burden *b, const struct row *key)
{
	for (size_t i = 0; i < b->stated.n; i++)
		if (by_insurer(&b->stated.v[i], key) == 0)
			return &b->stated.v[i];
	return NULL;
}

int
burden_before(struct burden *b, const struct record *rec)
{
	struct slice persons = rec->v[BU_PERSONS].s;
	struct row r = {
		.month = (int32_t)slice_number(rec->v[BU_MONTH].s),
		.basis = slice_is(rec->v[BU_BASIS].s, "2") ? BASIS_PERSONS :
							     BASIS_USE,
		.units = { slice_number(rec->v[BU_CHECKS].s),
		    slice_number(rec->v[BU_PROVISIONS].s) },
		.persons = persons.n == 0 ? -1 : slice_number(persons),
		.yen = slice_number(rec->v[BU_AMOUNT].s),
		.version = prices_find(b->prices, rec->v[BU_PRICES].s),
	};
	struct row *old;

	snprintf(r.insurer, sizeof(r.insurer), "%.*s",
	    (int)rec->v[BU_INSURER].s.n, rec->v[BU_INSURER].s.p);
	if (!slice_is(rec->v[BU_CHANGE].s, "2")) {
		push(&b->stated, &r);
	} else if ((old = stated_row(b, &r)) != NULL) {
		*old = b->stated.v[--b->stated.n];
	}
	return r.version == -1 ? -1 : 0;
}

bool
burden_stated(const struct burden *b, int32_t month)
{
	for (size_t i = 0; i < b->stated.n; i++)
		if (b->stated.v[i].month == month)
			return true;
	return false;
}

/* ---- the sum ---- */

static int64_t
yen_of(const struct burden *b, int64_t milli)
{
	switch (b->rounding) {
	case ROUND_HALF:
		return (milli + 500) / 1000;
	case ROUND_UP:
		return (milli + 999) / 1000;
	default:
		return milli / 1000;
	}
}

static int
by_units(const void *a, const void *b)
{
	const struct units *x = a, *y = b;
	int c;

	if (x->month != y->month)
		return x->month < y->month ? -1 : 1;
	if ((c = strcmp(x->insurer, y->insurer)) != 0)
		return c;
	return x->version < y->version ? -1 : x->version > y->version;
}

/* Adds price times units to *milli; -1 overflow. */
static int
cost(const struct burden *b, const struct units *u, int64_t *milli)
{
	for (int use = 0; use < PRICES_USES; use++) {
		int64_t price = prices_of(b->prices, u->version, use + 1);
		int64_t n;

		if (u->n[use] == 0)
			continue;
		if (price < 0 || __builtin_mul_overflow(price, u->n[use], &n) ||
		    __builtin_add_overflow(*milli, n, milli) ||
		    *milli > INT64_MAX / 2)
			return -1;
	}
	return 0;
}

/* Rows of one month by use, in order; *all: thousandths of a yen. */
static int
sum_use(const struct burden *b, int32_t month, struct rows *out, int64_t *all)
{
	int64_t milli = 0;
	struct row *r = NULL;

	*all = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct units *u = &b->unit[i];

		if (u->month != month || u->n[0] + u->n[1] == 0)
			continue;
		if (r == NULL || strcmp(r->insurer, u->insurer) != 0) {
			struct row fresh = { .month = month, .persons = -1 };

			memcpy(fresh.insurer, u->insurer, sizeof(u->insurer));
			r = push(out, &fresh);
			milli = 0;
		}
		for (int use = 0; use < PRICES_USES; use++)
			r->units[use] += u->n[use];
		if (u->version > r->version)
			r->version = u->version;
		if (cost(b, u, &milli) == -1 || cost(b, u, all) == -1)
			return -1;
		r->yen = yen_of(b, milli);
	}
	return 0;
}

static int
by_rest(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;

	if ((*x)->rest != (*y)->rest)
		return (*x)->rest > (*y)->rest ? -1 : 1;
	return strcmp((*x)->insurer, (*y)->insurer);
}

/* yen by persons: whole parts first, then a yen each to the largest rests
 * (最大剰余法), so that the sum is the total. */
static int
share(struct rows *rows, int64_t yen)
{
	struct row **order = text_alloc((rows->n + 1) * sizeof(*order));
	int64_t persons = 0, left = yen, n;
	int ok = -1;

	for (size_t i = 0; i < rows->n; i++)
		persons += rows->v[i].persons;
	for (size_t i = 0; i < rows->n; i++) {
		struct row *r = order[i] = &rows->v[i];

		if (__builtin_mul_overflow(yen, r->persons, &n))
			goto out;
		r->yen = persons == 0 ? 0 : n / persons;
		r->rest = persons == 0 ? 0 : n % persons;
		left -= r->yen;
	}
	qsort(order, rows->n, sizeof(*order), by_rest);
	for (size_t i = 0; i < rows->n && left > 0 && persons > 0; i++, left--)
		order[i]->yen++;
	ok = 0;
out:
	free(order);
	return ok;
}

/* Every insurer with persons, beside those with units. */
static void
add_persons(const struct burden *b, int32_t month, struct rows *out)
{
	const struct rows *from =
	    burden_stated(b, month) ? &b->stated : &b->persons;

	for (size_t i = 0; i < out->n; i++)
		out->v[i].persons = 0;
	qsort(out->v, out->n, sizeof(*out->v), by_insurer);
	for (size_t i = 0, n = out->n; i < from->n; i++) {
		struct row *r = NULL;

		if (from->v[i].month != month || from->v[i].persons <= 0)
			continue;
		if (n > 0)
			r = bsearch(
			    &from->v[i], out->v, n, sizeof(*r), by_insurer);
		if (r != NULL) {
			r->persons = from->v[i].persons;
		} else {
			struct row fresh = from->v[i];

			fresh.units[0] = fresh.units[1] = 0;
			push(out, &fresh);
		}
	}
}

static int
sum_month(const struct burden *b, int32_t month, struct rows *out)
{
	enum burden_basis basis = b->basis;
	int version;
	int64_t all;

	for (size_t i = 0; i < b->stated.n; i++)
		if (b->stated.v[i].month == month)
			basis = b->stated.v[i].basis; /* as it was begun */
	if (sum_use(b, month, out, &all) == -1)
		return -1;
	if (basis == BASIS_USE)
		return 0;
	add_persons(b, month, out);
	version = prices_on(b->prices, 1, month_last(month));
	for (size_t i = 0; i < out->n; i++) {
		out->v[i].basis = BASIS_PERSONS;
		out->v[i].version = version;
	}
	if (share(out, yen_of(b, all)) == -1)
		return -1;
	qsort(out->v, out->n, sizeof(*out->v), by_insurer);
	return 0;
}

/* ---- the file ---- */

struct out {
	const struct burden *b;
	struct record_writer *w;
	burden_name_fn *name_of;
	void *arg;
	const char *name;
	struct diag_sink *sink;
	int64_t records, yen; /* yen: reversals taken off */
};

static int
write_row(struct out *o, const struct row *r, int change)
{
	char text[8][24];
	const int64_t numbers[8] = { o->records + 1, r->month, change,
		r->basis == BASIS_PERSONS ? 2 : 1, r->units[0], r->units[1],
		r->persons, r->yen };
	static const int field[8] = { BU_NUMBER, BU_MONTH, BU_CHANGE, BU_BASIS,
		BU_CHECKS, BU_PROVISIONS, BU_PERSONS, BU_AMOUNT };
	struct record rec;

	record_init(&rec, &burden_format);
	record_set(&rec, BU_TYPE, SLICE("2"));
	for (int i = 0; i < 8; i++) {
		if (numbers[i] < 0)
			continue;
		snprintf(
		    text[i], sizeof(text[i]), "%lld", (long long)numbers[i]);
		record_set(&rec, field[i], slice_of(text[i]));
	}
	record_set(&rec, BU_INSURER, slice_of(r->insurer));
	record_set(&rec, BU_INSURER_NAME,
	    slice_of(strcmp(r->insurer, BURDEN_NOBODY) == 0 ?
		    "取りまとめ機関" :
		    o->name_of(o->arg, r->insurer)));
	record_set(&rec, BU_PRICES,
	    slice_of(prices_version(o->b->prices, r->version)));
	o->records++;
	o->yen += change == 2 ? -r->yen : r->yen;
	return record_write(o->w, &rec);
}

static bool
same(const struct row *a, const struct row *b)
{
	return a->basis == b->basis && a->units[0] == b->units[0] &&
	    a->units[1] == b->units[1] && a->persons == b->persons &&
	    a->yen == b->yen && a->version == b->version;
}

static int
write_month(struct out *o, int32_t month)
{
	const struct burden *b = o->b;
	bool again = burden_stated(b, month);
	struct rows rows = { 0 };
	int ok = sum_month(b, month, &rows);

	if (ok == -1)
		diag_file(o->sink, DIAG_PRICE_TABLE, o->name,
		    "price times units is beyond what can be computed");
	for (size_t i = 0; ok == 0 && i < rows.n; i++) {
		const struct row *old = stated_row(b, &rows.v[i]);

		if (old != NULL && same(old, &rows.v[i]))
			continue;
		if (old != NULL)
			ok = write_row(o, old, 2);
		if (ok == 0)
			ok = write_row(o, &rows.v[i], again ? 3 : 1);
	}
	free(rows.v);
	return ok;
}

/* Months of use there are units or persons of, oldest first. */
static int32_t
next_month(const struct burden *b, int32_t after)
{
	int32_t next = INT32_MAX;

	for (size_t i = 0; i < b->n; i++)
		if (b->unit[i].month > after && b->unit[i].month < next)
			next = b->unit[i].month;
	for (size_t i = 0; i < b->persons.n; i++)
		if (b->persons.v[i].month > after &&
		    b->persons.v[i].month < next)
			next = b->persons.v[i].month;
	return next;
}

int
burden_write(struct burden *b, int fd, const char *name, int32_t month,
    int sequence, burden_name_fn *name_of, void *arg, int64_t *records,
    int64_t *yen, struct diag_sink *sink)
{
	struct out o = { .b = b,
		.name_of = name_of,
		.arg = arg,
		.name = name,
		.sink = sink };
	struct record trailer;
	int ok;

	if (b->n > 0)
		qsort(b->unit, b->n, sizeof(*b->unit), by_units);
	o.w = record_create(
	    name, fd, &burden_layout, SYNTAX_CSV, CHARSET_UTF8, sink);
	if (o.w == NULL)
		return -1;
	ok = month_header(o.w, "futan", month, sequence);
	for (int32_t m = next_month(b, 0); ok == 0 && m <= month;
	     m = next_month(b, m))
		ok = write_month(&o, m);
	record_init(&trailer, &file_trailer);
	record_set(&trailer, FT_TYPE, SLICE("3"));
	if (ok == 0)
		ok = record_write_trailer(o.w, &trailer);
	if (record_finish(o.w) == -1)
		ok = -1;
	*records = o.records;
	*yen = o.yen;
	return ok;
}
