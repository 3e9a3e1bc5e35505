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

/* Where a line stands in the file: by time of use. */
struct by_time {
	char at[AT];
	unsigned char place[12]; /* worker, running number: big endian */
};
/* By 取引ID first, so that retries stand together; then by time. */
struct by_request {
	char request[REQUEST];
	struct by_time time; /* all NUL: of an earlier file */
};
/* What J-LIS was asked, by the digit of its 利用種別 where billed before. */
enum asked {
	ASKED_IN_VAIN = 'v',
	ASKED_CHECK = 'c', /* 1 */
	ASKED_BOTH = 'b' /* 1 and 2 */
};

struct riyo {
	struct sort *requests; /* by_request -> enum asked or '1', '2' */
	struct sort *times; /* by_time -> enum asked, texts */
	struct sort *other; /* by_time -> enum riyo_billing of 1 and 2: those
			       lines of which not all is due */
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
	    sort_new(sizeof(struct by_request), SORT_MEMORY / 4, work_dir);
	r->times = sort_new(sizeof(struct by_time), SORT_MEMORY / 2, work_dir);
	r->other = sort_new(sizeof(struct by_time), SORT_MEMORY / 8, work_dir);
	if (r->requests != NULL && r->times != NULL && r->other != NULL)
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
	sort_free(r->other);
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

/* The first letter, then what the records take over, TAB between. */
static int
add(struct riyo *r, const struct record *line, char asked)
{
	struct by_request key;
	char text[RECORD_BYTES_MAX];
	struct buf b;

	copy_fixed(key.request, sizeof(key.request), line->v[U_REQUEST].s);
	copy_fixed(key.time.at, sizeof(key.time.at), line->v[U_AT].s);
	place(key.time.place, line->v[U_WORKER].n, line->v[U_SEQUENCE].n);
	if (r->first[0] == '\0' || memcmp(key.time.at, r->first, AT) < 0)
		memcpy(r->first, key.time.at, AT);
	buf_init(&b, text, sizeof(text));
	buf_putc(&b, asked);
	for (size_t i = 0; i < NTAKEN; i++) {
		struct slice s = line->v[taken[i].usage].s;

		if (taken[i].riyo == Y_CARD_RESULT && slice_is(s, "notlinked"))
			s = SLICE("valid"); /* what the CRL said of it */
		if (i > 0)
			buf_putc(&b, '\t');
		buf_put(&b, s);
	}
	if (sort_add(r->times, &key.time, buf_slice(&b)) == -1)
		return -1;
	return sort_add(r->requests, &key, (struct slice) { &asked, 1 });
}

int
riyo_add(struct riyo *r, const struct record *line)
{
	struct slice result = line->v[U_CARD_RESULT].s;
	char asked = ASKED_CHECK;

	if (result.n == 0 || slice_is(result, "bad"))
		return 0; /* no certificate was asked about */
	if (slice_is(result, "valid"))
		asked = ASKED_BOTH;
	else if (slice_is(result, "unknown") || slice_is(result, "expired"))
		asked = ASKED_IN_VAIN;
	if (add(r, line, asked) == -1)
		return -1;
	return asked == ASKED_BOTH ? 2 : 1;
}

int32_t
riyo_first(const struct riyo *r)
{
	return r->first[0] == '\0' ?
	    DAY_NONE :
	    day_parse_iso((struct slice) { r->first, 10 });
}

/* Without a time it stands before every line of its 取引ID. */
int
riyo_before(struct riyo *r, const struct record *detail)
{
	struct by_request key = { .request = "" };

	if (!slice_is(detail->v[Y_BILLING].s, "1"))
		return 0;
	copy_fixed(key.request, sizeof(key.request), detail->v[Y_REQUEST].s);
	return sort_add(
	    r->requests, &key, (struct slice) { detail->v[Y_USE].s.p, 1 });
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

/* First billable one of a 取引ID and 利用種別 is due, the others retries. */
static enum riyo_billing
bill(bool *billed)
{
	enum riyo_billing how = *billed ? BILLING_RETRY : BILLING_DUE;

	*billed = true;
	return how;
}

/* One line's uses; aside where not all of it is due. */
static int
judge_line(struct riyo *r, struct riyo_counts *c, const struct by_time *t,
    char asked, bool billed[2])
{
	char how[2] = { BILLING_UNKNOWN, BILLING_DUE };

	if (asked != ASKED_IN_VAIN)
		how[0] = (char)bill(&billed[0]);
	count(c, '1', (enum riyo_billing)how[0]);
	if (asked == ASKED_BOTH) {
		how[1] = (char)bill(&billed[1]);
		count(c, '2', (enum riyo_billing)how[1]);
	}
	if (how[0] == BILLING_DUE && how[1] == BILLING_DUE)
		return 0;
	return sort_add(r->other, t, (struct slice) { how, 2 });
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

static int
judge(struct riyo *r, struct riyo_counts *c)
{
	char request[REQUEST] = "";
	bool billed[2] = { false, false };
	const void *key;
	struct slice asked;
	int more;

	if (sort_finish(r->requests) == -1)
		return -1;
	while ((more = sort_next(r->requests, &key, &asked)) == 1) {
		const struct by_request *k = key;

		if (memcmp(request, k->request, REQUEST) != 0) {
			memcpy(request, k->request, REQUEST);
			billed[0] = billed[1] = false;
		}
		if (k->time.at[0] == '\0')
			billed[asked.p[0] - '1'] = true;
		else if (judge_line(r, c, &k->time, asked.p[0], billed) == -1)
			return -1;
	}
	return more == -1 || sort_finish(r->times) == -1 ||
		sort_finish(r->other) == -1 ?
	    -1 :
	    0;
}

/* The versions in force on the day of use; -1 a gap. */
static int
look_up(struct riyo *r, const struct by_time *k, char use)
{
	int32_t day = day_parse_iso((struct slice) { k->at, 10 });
	int version;

	if (prices_none(r->prices))
		return 0;
	if (day != r->day)
		for (int i = 0; i < PRICES_USES; i++) {
			version = prices_on(r->prices, i + 1, day);
			r->version[i] = version == -1 ?
			    NULL :
			    prices_version(r->prices, version);
		}
	r->day = day;
	return r->version[use - '1'] == NULL ? -1 : 0;
}

struct writing {
	struct record_writer *w;
	const char *name;
	struct diag_sink *sink;
	int64_t number;
	bool gap;
};

static int
write_one(struct riyo *r, struct writing *w, const struct by_time *k, char use,
    char billing, struct slice texts)
{
	struct record rec;
	char digits[24];

	if (look_up(r, k, use) == -1) {
		diag_file(w->sink, DIAG_PRICE_GAP, w->name,
		    "利用種別 %c on %.10s", use, k->at);
		w->gap = true;
		return -1;
	}
	snprintf(digits, sizeof(digits), "%lld", (long long)++w->number);
	billing = (char)(billing + '0');
	record_init(&rec, &riyo_format);
	record_set(&rec, Y_TYPE, SLICE("2"));
	record_set(&rec, Y_NUMBER, slice_of(digits));
	record_set(&rec, Y_AT, (struct slice) { k->at, strnlen(k->at, AT) });
	record_set(&rec, Y_USE, (struct slice) { &use, 1 });
	record_set(&rec, Y_UNITS, SLICE("1"));
	record_set(&rec, Y_BILLING, (struct slice) { &billing, 1 });
	for (size_t i = 0; i < NTAKEN; i++)
		record_set(&rec, taken[i].riyo, part(&texts));
	if (!prices_none(r->prices))
		record_set(&rec, Y_PRICES, slice_of(r->version[use - '1']));
	return record_write(w->w, &rec);
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

static int
sort_broken(const struct writing *w)
{
	diag_file(w->sink, DIAG_IO, w->name, "%s", strerror(errno));
	return -1;
}

/* Records by time of use. 0, -1 raised. */
static int
write_all(struct riyo *r, struct writing *w)
{
	const void *key, *other_key = NULL;
	struct slice texts, how;
	int more, other = sort_next(r->other, &other_key, &how);

	while (other != -1 && (more = sort_next(r->times, &key, &texts)) == 1) {
		static const char due[2] = { BILLING_DUE, BILLING_DUE };
		const char *billing = due, asked = texts.p[0];
		bool aside = other == 1 &&
		    memcmp(key, other_key, sizeof(struct by_time)) == 0;

		texts.p++;
		texts.n--;
		if (aside)
			billing = how.p;
		if (write_one(r, w, key, '1', billing[0], texts) == -1 ||
		    (asked == ASKED_BOTH &&
			write_one(r, w, key, '2', billing[1], texts) == -1))
			return -1;
		if (aside)
			other = sort_next(r->other, &other_key, &how);
	}
	return other == -1 || more == -1 ? sort_broken(w) : 0;
}

int
riyo_write(struct riyo *r, int fd, const char *name, int32_t day, int sequence,
    struct riyo_counts *out, bool *gap, struct diag_sink *sink)
{
	struct writing w = { .name = name, .sink = sink };
	struct record trailer;
	int ok = -1;

	*gap = false;
	*out = (struct riyo_counts) { 0 };
	if (judge(r, out) == -1)
		return sort_broken(&w);
	w.w = record_create(
	    name, fd, &usage_file_layout, SYNTAX_CSV, CHARSET_UTF8, sink);
	if (w.w == NULL)
		return -1;
	record_init(&trailer, &file_trailer);
	record_set(&trailer, FT_TYPE, SLICE("3"));
	if (write_header(w.w, day, sequence) == 0 && write_all(r, &w) == 0)
		ok = record_write_trailer(w.w, &trailer);
	if (record_finish(w.w) == -1)
		ok = -1;
	*gap = w.gap;
	return ok;
}
