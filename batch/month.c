/* Day files of a month, added up. */
#include "batch/month.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/qualification.h"

struct month {
	int32_t month;
	const struct prices *prices;
	struct month_row *row; /* open addressing, use '\0': free */
	size_t size, used; /* size: a power of two */
	size_t sorted; /* > 0: row[] is dense and in order */
	struct month_counts counts;
	int32_t day; /* the day whose versions these are */
	int version[PRICES_USES];
};

int32_t
month_of(int32_t day)
{
	int y, m, d;

	day_civil(day, &y, &m, &d);
	return y * 100 + m;
}

int32_t
month_first(int32_t month)
{
	return day_of(month / 100, month % 100, 1);
}

int32_t
month_after(int32_t month)
{
	return month_of(day_month_first(month_first(month), 1));
}

int32_t
month_last(int32_t month)
{
	return day_month_first(month_first(month), 1) - 1;
}

struct month *
month_new(int32_t month, const struct prices *prices)
{
	struct month *m = text_alloc(sizeof(*m));

	m->month = month;
	m->prices = prices;
	m->size = 1 << 10;
	m->row = text_alloc(m->size * sizeof(*m->row));
	m->day = DAY_NONE;
	return m;
}

void
month_free(struct month *m)
{
	if (m == NULL)
		return;
	free(m->row);
	free(m);
}

struct month_counts
month_counts(const struct month *m)
{
	return m->counts;
}

static int
compare(const void *a, const void *b)
{
	const struct month_row *x = a, *y = b;
	int c;

	if (x->month != y->month)
		return x->month < y->month ? -1 : 1;
	if (x->use != y->use)
		return x->use < y->use ? -1 : 1;
	if ((c = strcmp(x->insurer, y->insurer)) != 0 ||
	    (c = strcmp(x->prefecture, y->prefecture)) != 0)
		return c;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->version < y->version ? -1 : x->version > y->version;
}

static size_t
home(const struct month *m, const struct month_row *key)
{
	uint64_t h = (uint64_t)key->month;

	for (const char *p = key->insurer; *p != '\0'; p++)
		h = h * 31 + (unsigned char)*p;
	h = h * 31 + (unsigned char)key->prefecture[0];
	h = h * 31 + (unsigned char)key->prefecture[1];
	h = h * 31 + (unsigned char)key->kind;
	h = h * 31 + (unsigned char)key->use;
	h = h * 31 + (uint64_t)(key->version + 1);
	return (size_t)(h * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (m->size - 1);
}

static struct month_row *
slot_of(struct month *m, const struct month_row *key)
{
	size_t i = home(m, key);

	while (m->row[i].use != '\0' && compare(&m->row[i], key) != 0)
		i = (i + 1) & (m->size - 1);
	return &m->row[i];
}

static void
grow(struct month *m)
{
	struct month_row *old = m->row;
	size_t n = m->size;

	m->size *= 2;
	m->row = text_alloc(m->size * sizeof(*m->row));
	for (size_t i = 0; i < n; i++)
		if (old[i].use != '\0')
			*slot_of(m, &old[i]) = old[i];
	free(old);
}

static struct month_row *
row_of(struct month *m, const struct month_row *key)
{
	struct month_row *r = slot_of(m, key);

	if (r->use != '\0')
		return r;
	if (m->used >= m->size / 2) {
		grow(m);
		r = slot_of(m, key);
	}
	m->used++;
	*r = *key;
	return r;
}

/* ---- one detail record ---- */

static int
wrong(enum diag_code code, const struct record *rec, const char *name,
    int field, const char *why, struct diag_sink *sink)
{
	diag_raise(sink,
	    &(struct diag) { .code = code,
		.file = name,
		.line = rec->line,
		.record = rec->number,
		.offset = -1,
		.field = rec->format->fields[field].name,
		.detail = why });
	return -1;
}

/* Records stand by time of use: the day seldom changes. */
static void
look_up(struct month *m, int32_t day)
{
	if (day == m->day)
		return;
	m->day = day;
	for (int use = 0; use < PRICES_USES; use++)
		m->version[use] = prices_on(m->prices, use + 1, day);
}

static int
key_of(struct month *m, const struct record *rec, struct month_row *key,
    const char *name, struct diag_sink *sink)
{
	struct slice at = rec->v[Y_AT].s, institution = rec->v[Y_INSTITUTION].s;
	int32_t day = day_parse_iso((struct slice) { at.p, 10 });

	*key =
	    (struct month_row) { .use = rec->v[Y_USE].s.p[0], .version = -1 };
	if (day == DAY_NONE || month_of(day) > m->month)
		return wrong(DIAG_USAGE_BILL, rec, name, Y_AT,
		    "used after the month of its file", sink);
	key->month = month_of(day);
	if (rec->v[Y_INSURER].s.n > 0) /* no person, no insurer */
		memcpy(
		    key->insurer, rec->v[Y_INSURER].s.p, rec->v[Y_INSURER].s.n);
	memcpy(key->prefecture, institution.p, 2);
	key->kind = institution.p[2];
	if (prices_none(m->prices))
		return 0;
	look_up(m, day);
	key->version = m->version[key->use - '1'];
	if (key->version == -1)
		return wrong(DIAG_PRICE_GAP, rec, name, Y_AT,
		    "no price of this 利用種別 on this day", sink);
	if (rec->v[Y_PRICES].s.n > 0 &&
	    !slice_is(
		rec->v[Y_PRICES].s, prices_version(m->prices, key->version)))
		return wrong(DIAG_PRICE_TABLE, rec, name, Y_PRICES,
		    "the table names another version for this day than it "
		    "did when the day was closed",
		    sink);
	return 0;
}

int
month_add(struct month *m, const struct record *rec, const char *name,
    struct diag_sink *sink)
{
	struct month_row key, *r;
	struct month_counts *c = &m->counts;

	if (key_of(m, rec, &key, name, sink) == -1)
		return -1;
	r = row_of(m, &key);
	c->records++;
	c->checks += key.use == '1';
	c->provisions += key.use == '2';
	switch (rec->v[Y_BILLING].s.p[0]) {
	case '1':
		r->units++;
		c->units++;
		c->late += key.month < m->month;
		break;
	case '2':
		r->retries++;
		c->retries++;
		break;
	case '9':
		r->unknown++;
		c->unknown++;
		break;
	default: /* tests, own operation */
		r->other++;
		c->other++;
		break;
	}
	return 0;
}

size_t
month_rows(struct month *m, const struct month_row **v)
{
	size_t n = 0;

	if (m->sorted == 0 && m->used > 0) {
		for (size_t i = 0; i < m->size; i++)
			if (m->row[i].use != '\0')
				m->row[n++] = m->row[i];
		qsort(m->row, n, sizeof(*m->row), compare);
		m->sorted = n;
	}
	*v = m->row;
	return m->sorted;
}

/* ---- the file ---- */

int
month_header(
    struct record_writer *w, const char *feed, int32_t month, int sequence)
{
	struct record rec;
	char d[9], n[12];

	day_format(month_last(month), d);
	snprintf(n, sizeof(n), "%d", sequence);
	record_init(&rec, &file_header);
	record_set(&rec, FH_TYPE, SLICE("1"));
	record_set(&rec, FH_VERSION, SLICE("1"));
	record_set(&rec, FH_SENDER, SLICE("SHIKAKU0"));
	record_set(&rec, FH_FEED, slice_of(feed));
	record_set(&rec, FH_DAY, slice_of(d));
	record_set(&rec, FH_SEQUENCE, slice_of(n));
	return record_write_header(w, &rec);
}

struct digits {
	char s[24];
};

static struct slice
digits(struct digits *d, int64_t n)
{
	snprintf(d->s, sizeof(d->s), "%lld", (long long)n);
	return slice_of(d->s);
}

static int
write_row(const struct month *m, struct record_writer *w,
    const struct month_row *r, int64_t number)
{
	struct record rec;
	struct digits d[7];

	record_init(&rec, &month_format);
	record_set(&rec, M_TYPE, SLICE("2"));
	record_set(&rec, M_NUMBER, digits(&d[0], number));
	record_set(&rec, M_MONTH, digits(&d[1], r->month));
	record_set(&rec, M_USE, (struct slice) { &r->use, 1 });
	record_set(&rec, M_INSURER, slice_of(r->insurer));
	record_set(&rec, M_PREFECTURE, slice_of(r->prefecture));
	record_set(&rec, M_INSTITUTION_KIND, (struct slice) { &r->kind, 1 });
	record_set(&rec, M_UNITS, digits(&d[2], r->units));
	record_set(&rec, M_RETRIES, digits(&d[3], r->retries));
	record_set(&rec, M_UNKNOWN, digits(&d[4], r->unknown));
	record_set(&rec, M_OTHER, digits(&d[5], r->other));
	record_set(
	    &rec, M_LATE, digits(&d[6], r->month < m->month ? r->units : 0));
	record_set(
	    &rec, M_PRICES, slice_of(prices_version(m->prices, r->version)));
	return record_write(w, &rec);
}

int
month_write(struct month *m, int fd, const char *name, int sequence,
    struct diag_sink *sink)
{
	struct record_writer *w = record_create(
	    name, fd, &month_layout, SYNTAX_CSV, CHARSET_UTF8, sink);
	const struct month_row *v;
	size_t n = month_rows(m, &v);
	struct record trailer;
	int ok;

	if (w == NULL)
		return -1;
	ok = month_header(w, "riyo_month", m->month, sequence);
	for (size_t i = 0; ok == 0 && i < n; i++)
		ok = write_row(m, w, &v[i], (int64_t)i + 1);
	record_init(&trailer, &file_trailer);
	record_set(&trailer, FT_TYPE, SLICE("3"));
	if (ok == 0)
		ok = record_write_trailer(w, &trailer);
	if (record_finish(w) == -1)
		ok = -1;
	return ok;
}
