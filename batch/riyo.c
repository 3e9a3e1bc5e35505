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
};

struct riyo *
riyo_new(const char *work_dir)
{
	struct riyo *r = text_alloc(sizeof(*r));

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

	if (result.n == 0)
		return 0; /* no certificate was asked about */
	if (add(r, line, '1') == -1)
		return -1;
	if (!slice_is(result, "valid"))
		return 1;
	return add(r, line, '2') == -1 ? -1 : 2;
}

/* First billable one of a 取引ID and 利用種別 is due, the others retries. */
static enum riyo_billing
bill(const struct by_request *now, const struct by_request *due,
    struct slice result)
{
	if (slice_is(result, "unknown"))
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
		enum riyo_billing how = bill(k, &due, card_result(payload));
		struct by_time t;
		struct buf b;

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

static int
write_one(struct record_writer *w, const struct by_time *k,
    struct slice payload, int64_t number)
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

int
riyo_write(struct riyo *r, int fd, const char *name, int32_t day, int sequence,
    struct riyo_counts *out, struct diag_sink *sink)
{
	struct record_writer *w;
	struct record trailer;
	const void *key;
	struct slice payload;
	int64_t number = 0;
	int more = 0, ok = -1;

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
	if (write_header(w, day, sequence) == 0)
		while ((more = sort_next(r->times, &key, &payload)) == 1)
			if (write_one(w, key, payload, ++number) == -1)
				break;
	if (more == 0)
		ok = record_write_trailer(w, &trailer);
	if (record_finish(w) == -1)
		ok = -1;
	return ok;
}
