/* Which usage lines are billable, and the file that says so. */
#include "batch/riyo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/sort.h"
#include "formats/qualification.h"

#define REQUEST 16 /* 取引ID */
#define AT 29 /* 利用日時 */

/* By 取引ID and 利用種別 first, so that retries stand together; then by time.
 */
struct by_request {
	char request[REQUEST];
	char use;
	char at[AT];
	unsigned char place[12]; /* worker, running number: big endian */
};
struct by_time {
	char at[AT];
	unsigned char place[12];
	char use;
};

struct riyo {
	struct sort *requests, *times;
	const struct prices *prices;
	char first[AT]; /* earliest time of use; "" none */
	int32_t day; /* whose versions these are */
	const char *version[PRICES_USES];
};

struct riyo *
riyo_new(const char *work_dir, const struct prices *prices)
{
	struct riyo *r = text_alloc(sizeof(*r));

	r->prices = prices;
	r->day = DAY_NONE;
	r->requests =
	    sort_new(sizeof(struct by_request), SORT_MEMORY / 3, work_dir);
	r->times = sort_new(sizeof(struct by_time), SORT_MEMORY / 3, work_dir);
	if (r->requests != NULL && r->times != NULL)
		return r;
	riyo_free(r);
	return NULL;
}

void
riyo_free(struct riyo *r)
{
	if (r == NULL)
		return;
	sort_free(r->requests);
	sort_free(r->times);
	free(r);
}

static void
copy_fixed(char *out, size_t size, struct slice s)
{
	memset(out, 0, size);
	memcpy(out, s.p, s.n < size ? s.n : size);
}

static void
place(unsigned char out[12], int64_t worker, int64_t sequence)
{
	for (int i = 0; i < 4; i++)
		out[i] = (unsigned char)(worker >> (24 - 8 * i));
	for (int i = 0; i < 8; i++)
		out[4 + i] = (unsigned char)(sequence >> (56 - 8 * i));
}

/* The fields a detail record takes over from its line, TAB between. */
static const struct {
	int usage, riyo;
} taken[] = { { U_CA, Y_CA }, { U_SERIAL_HASH, Y_SERIAL_HASH },
	{ U_CARD_RESULT, Y_CARD_RESULT }, { U_CRL_NUMBER, Y_CRL_NUMBER },
	{ U_CRL_UPDATE, Y_CRL_UPDATE }, { U_INSTITUTION, Y_INSTITUTION },
	{ U_INSURER, Y_INSURER }, { U_REQUEST, Y_REQUEST } };
#define NTAKEN (sizeof(taken) / sizeof(taken[0]))

static int
add(struct riyo *r, const struct record *line, char use)
{
	struct by_request key;
	char text[RECORD_BYTES_MAX];
	struct buf b;

	copy_fixed(key.request, sizeof(key.request), line->v[U_REQUEST].s);
	key.use = use;
	copy_fixed(key.at, sizeof(key.at), line->v[U_AT].s);
	place(key.place, line->v[U_WORKER].n, line->v[U_SEQUENCE].n);
	if (r->first[0] == '\0' || memcmp(key.at, r->first, AT) < 0)
		memcpy(r->first, key.at, AT);
	buf_init(&b, text, sizeof(text));
	for (size_t i = 0; i < NTAKEN; i++) {
		struct slice s = line->v[taken[i].usage].s;

		if (taken[i].riyo == Y_CARD_RESULT && slice_is(s, "notlinked"))
			s = SLICE("valid"); /* what the CRL said of it */
		if (i > 0)
			buf_putc(&b, '\t');
		buf_put(&b, s);
	}
	return sort_add(r->requests, &key, buf_slice(&b));
}

int
riyo_add(struct riyo *r, const struct record *line)
{
	struct slice result = line->v[U_CARD_RESULT].s;

	if (result.n == 0 || slice_is(result, "bad"))
		return 0; /* no certificate was asked about */
	if (add(r, line, '1') == -1)
		return -1;
	if (!slice_is(result, "valid"))
		return 1;
	return add(r, line, '2') == -1 ? -1 : 2;
}

int32_t
riyo_first(const struct riyo *r)
{
	return r->first[0] == '\0' ?
	    DAY_NONE :
	    day_parse_iso((struct slice) { r->first, 10 });
}

/* Without a time it stands before every record of its 取引ID. */
int
riyo_before(struct riyo *r, const struct record *detail)
{
	struct by_request key = { .use = detail->v[Y_USE].s.p[0] };

	if (!slice_is(detail->v[Y_BILLING].s, "1"))
		return 0;
	copy_fixed(key.request, sizeof(key.request), detail->v[Y_REQUEST].s);
	return sort_add(r->requests, &key, (struct slice) { "", 0 });
}

/* First billable one of a 取引ID and 利用種別 is due, the others retries. */
static enum riyo_billing
bill(const struct by_request *now, const struct by_request *due,
    struct slice result)
{
	if (slice_is(result, "unknown") || slice_is(result, "expired"))
		return BILLING_UNKNOWN;
	if (memcmp(now, due, REQUEST + 1) == 0)
		return BILLING_RETRY;
	return BILLING_DUE;
}

static void
count(struct riyo_counts *c, char use, enum riyo_billing billing)
{
	c->records++;
	c->checks += use == '1';
	c->provisions += use == '2';
	c->due += billing == BILLING_DUE;
	c->retries += billing == BILLING_RETRY;
	c->unknown += billing == BILLING_UNKNOWN;
}

static struct slice
part(struct slice *rest)
{
	const char *tab = memchr(rest->p, '\t', rest->n);
	struct slice s = { rest->p,
		tab != NULL ? (size_t)(tab - rest->p) : rest->n };
	size_t step = s.n + (tab != NULL);

	rest->p += step;
	rest->n -= step;
	return s;
}

static struct slice
card_result(struct slice payload)
{
	struct slice s = { NULL, 0 };

	for (size_t i = 0; i < NTAKEN; i++) {
		s = part(&payload);
		if (taken[i].riyo == Y_CARD_RESULT)
			break;
	}
	return s;
}

static int
judge(struct riyo *r, struct riyo_counts *c)
{
	struct by_request due = { 0 };
	const void *key;
	struct slice payload;
	char text[RECORD_BYTES_MAX];
	int more;

	if (sort_finish(r->requests) == -1)
		return -1;
	while ((more = sort_next(r->requests, &key, &payload)) == 1) {
		const struct by_request *k = key;
		enum riyo_billing how;
		struct by_time t;
		struct buf b;

		if (k->at[0] == '\0') { /* of an earlier file */
			due = *k;
			continue;
		}
		how = bill(k, &due, card_result(payload));
		if (how == BILLING_DUE)
			due = *k;
		memcpy(t.at, k->at, sizeof(t.at));
		memcpy(t.place, k->place, sizeof(t.place));
		t.use = k->use;
		count(c, k->use, how);
		buf_init(&b, text, sizeof(text));
		buf_printf(&b, "%d\t", (int)how);
		buf_put(&b, payload);
		if (sort_add(r->times, &t, buf_slice(&b)) == -1)
			return -1;
	}
	return more == -1 ? -1 : sort_finish(r->times);
}

/* The versions in force on the day of use; -1 a gap. */
static int
look_up(struct riyo *r, const struct by_time *k)
{
	int32_t day = day_parse_iso((struct slice) { k->at, 10 });
	int version;

	if (prices_none(r->prices))
		return 0;
	if (day != r->day)
		for (int use = 0; use < PRICES_USES; use++) {
			version = prices_on(r->prices, use + 1, day);
			r->version[use] = version == -1 ?
			    NULL :
			    prices_version(r->prices, version);
		}
	r->day = day;
	return r->version[k->use - '1'] == NULL ? -1 : 0;
}

static int
write_one(const struct riyo *r, struct record_writer *w,
    const struct by_time *k, struct slice payload, int64_t number)
{
	struct record rec;
	char digits[24];

	snprintf(digits, sizeof(digits), "%lld", (long long)number);
	record_init(&rec, &riyo_format);
	record_set(&rec, Y_TYPE, SLICE("2"));
	record_set(&rec, Y_NUMBER, slice_of(digits));
	record_set(&rec, Y_AT, (struct slice) { k->at, strnlen(k->at, AT) });
	record_set(&rec, Y_USE, (struct slice) { &k->use, 1 });
	record_set(&rec, Y_UNITS, SLICE("1"));
	record_set(&rec, Y_BILLING, part(&payload));
	for (size_t i = 0; i < NTAKEN; i++)
		record_set(&rec, taken[i].riyo, part(&payload));
	if (!prices_none(r->prices))
		record_set(&rec, Y_PRICES, slice_of(r->version[k->use - '1']));
	return record_write(w, &rec);
}

static int
write_header(struct record_writer *w, int32_t day, int sequence)
{
	struct record rec;
	char d[9], n[8];

	day_format(day, d);
	snprintf(n, sizeof(n), "%d", sequence);
	record_init(&rec, &file_header);
	record_set(&rec, FH_TYPE, SLICE("1"));
	record_set(&rec, FH_VERSION, SLICE("1"));
	record_set(&rec, FH_SENDER, SLICE("SHIKAKU0"));
	record_set(&rec, FH_FEED, SLICE("riyo"));
	record_set(&rec, FH_DAY, slice_of(d));
	record_set(&rec, FH_SEQUENCE, slice_of(n));
	return record_write_header(w, &rec);
}

/* Records by time of use. 0, -1 raised. */
static int
write_all(struct riyo *r, struct record_writer *w, const char *name, bool *gap,
    struct diag_sink *sink)
{
	const void *key;
	struct slice payload;
	int64_t number = 0;
	int more;

	while ((more = sort_next(r->times, &key, &payload)) == 1) {
		const struct by_time *k = key;

		if (look_up(r, k) == -1) {
			diag_file(sink, DIAG_PRICE_GAP, name,
			    "利用種別 %c on %.10s", k->use, k->at);
			*gap = true;
			return -1;
		}
		if (write_one(r, w, k, payload, ++number) == -1)
			return -1;
	}
	if (more == -1)
		diag_file(sink, DIAG_IO, name, "%s", strerror(errno));
	return more;
}

int
riyo_write(struct riyo *r, int fd, const char *name, int32_t day, int sequence,
    struct riyo_counts *out, bool *gap, struct diag_sink *sink)
{
	struct record_writer *w;
	struct record trailer;
	int ok = -1;

	*gap = false;
	*out = (struct riyo_counts) { 0 };
	if (judge(r, out) == -1) {
		diag_file(sink, DIAG_IO, name, "%s", strerror(errno));
		return -1;
	}
	w = record_create(
	    name, fd, &usage_file_layout, SYNTAX_CSV, CHARSET_UTF8, sink);
	if (w == NULL)
		return -1;
	record_init(&trailer, &file_trailer);
	record_set(&trailer, FT_TYPE, SLICE("3"));
	if (write_header(w, day, sequence) == 0 &&
	    write_all(r, w, name, gap, sink) == 0)
		ok = record_write_trailer(w, &trailer);
	if (record_finish(w) == -1)
		ok = -1;
	return ok;
}
