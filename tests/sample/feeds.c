/* The partner tables, and what J-LIS and 地方厚生局 send. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/crl_name.h"
#include "formats/feeds.h"
#include "tests/sample/faults.h"
#include "tests/sample/words.h"

#define ROWS_PER_FILE 5000000
#define INSTITUTIONS_WITH_KEYS 5

/* ---- masters.* ---- */

static struct record_writer *
table(struct sample *s, const char *path, const struct layout *l, int *fd)
{
	char dir[512];
	struct buf b;
	char *slash;

	buf_init(&b, dir, sizeof(dir));
	buf_puts(&b, path);
	slash = strrchr(dir, '/');
	if (slash != NULL) {
		*slash = '\0';
		if (sample_make_dirs(dir) == -1)
			return NULL;
	}
	*fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (*fd == -1) {
		sample_failed("cannot write", path);
		return NULL;
	}
	return record_create(
	    path, *fd, l, SYNTAX_CSV, CHARSET_UTF8, &s->log.sink);
}

static int
sender_row(struct record_writer *w, const char *id, const char *side,
    const char *feeds, const char *name, const char *leaves)
{
	struct record r;

	record_init(&r, &sender_format);
	record_set(&r, S_LEAVES_ON, slice_of(leaves));
	record_set(&r, S_ID, slice_of(id));
	record_set(&r, S_SIDE, slice_of(side));
	record_set(&r, S_FEEDS, slice_of(feeds));
	record_set(&r, S_NAME, slice_of(name));
	return record_write(w, &r);
}

static int
senders_table(struct sample *s)
{
	struct sender_files g = { 0 };
	int fd = -1, r = 0;
	struct record_writer *w =
	    table(s, s->config->senders, &sender_layout, &fd);

	if (w == NULL)
		return -1;
	while (r == 0 && senders_next(s, &g)) {
		const struct office *o = &s->c->office[g.first];
		char name[128];
		struct buf b;

		buf_init(&b, name, sizeof(name));
		if (o->scheme == SCHEME_NHI_CITY)
			buf_printf(&b, "%s国民健康保険団体連合会",
			    prefectures[o->prefecture - 1].name);
		else if (o->scheme == SCHEME_KYOKAI)
			buf_puts(&b, "全国健康保険協会");
		else
			buf_puts(&b, o->name);
		r = sender_row(w, o->sender, "intermediate",
		    o->scheme == SCHEME_NHI_CITY ? "nhi+rekey" : "shikaku",
		    name, "");
	}
	if (r == 0)
		r = sender_row(w, "JLIS0001", "intermediate", "codes",
		    "地方公共団体情報システム機構（機関別符号）", "");
	if (r == 0)
		r = sender_row(w, "JLIS0002", "qualification", "crl+link",
		    "地方公共団体情報システム機構（公的個人認証）", "");
	if (r == 0)
		r = sender_row(w, "KOSEI001", "qualification", "iryokikan",
		    "地方厚生局", "");
	if (r == 0)
		r = sender_row(w, "IM000001", "qualification", "package",
		    "中間サーバー", "");
	if (s->faults != NULL) {
		struct fault_sender f;
		char left[9];

		day_format(s->first - 30, left);
		for (int i = 0; r == 0 && faults_sender(i, &f); i++)
			r = sender_row(w, f.id, "intermediate", "shikaku",
			    f.name, f.left ? left : "");
	}
	if (record_finish(w) == -1)
		r = -1;
	close(fd);
	return r;
}

static int
insurers_table(struct sample *s)
{
	int fd = -1, r = 0;
	struct record_writer *w =
	    table(s, s->config->insurers, &insurer_layout, &fd);

	if (w == NULL)
		return -1;
	for (int i = 0; r == 0 && i < s->c->offices; i++) {
		const struct office *o = &s->c->office[i];
		struct scratch t;
		struct record rec;

		scratch_init(&t);
		record_init(&rec, &insurer_format);
		record_set(&rec, N_NUMBER, slice_of(o->number));
		record_set(&rec, N_CODE, slice_of(o->code));
		record_set(&rec, N_SCHEME, slice_of(scheme_names[o->scheme]));
		record_set(&rec, N_NAME, slice_of(o->name));
		fill_set_number(&rec, N_PREFECTURE, &t, o->prefecture, 2);
		record_set(&rec, N_SENDER, slice_of(o->sender));
		r = record_write(w, &rec);
	}
	if (s->faults != NULL) {
		struct fault_sender f;

		for (int i = 0; r == 0 && faults_sender(i, &f); i++) {
			struct record rec;

			record_init(&rec, &insurer_format);
			record_set(&rec, N_NUMBER, slice_of(f.id));
			record_set(&rec, N_CODE, slice_of(f.id));
			record_set(&rec, N_SCHEME, SLICE("society"));
			record_set(&rec, N_NAME, slice_of(f.name));
			record_set(&rec, N_PREFECTURE, SLICE("13"));
			record_set(&rec, N_SENDER, slice_of(f.id));
			r = record_write(w, &rec);
		}
	}
	if (record_finish(w) == -1)
		r = -1;
	close(fd);
	return r;
}

int
senders_tables(struct sample *s)
{
	if (senders_table(s) == -1)
		return -1;
	return insurers_table(s);
}

static int
sender_key(struct sample *s, const char *id, enum pki_fault fault)
{
	char stem[64];
	struct buf b;

	buf_init(&b, stem, sizeof(stem));
	buf_printf(&b, "senders/%s", id);
	return pki_leaf(
	    s->pki, PKI_INSURER, PKI_USE_SIGN, fault, id, NULL, stem);
}

static int
institution_keys(struct sample *s)
{
	char code[11], stem[64];
	struct buf b;
	int r = 0;

	for (int i = 0; r == 0 && i < INSTITUTIONS_WITH_KEYS; i++) {
		feeds_institution_code(s, i, code);
		buf_init(&b, stem, sizeof(stem));
		buf_printf(&b, "institutions/%s", code);
		r = pki_leaf(s->pki, PKI_INSTITUTION, PKI_USE_CLIENT, PKI_GOOD,
		    "T0001", code, stem);
	}
	/* wrong in every way, for the first of them */
	feeds_institution_code(s, 0, code);
	for (int f = PKI_EXPIRED; r == 0 && f < PKI_FAULT__MAX; f++) {
		buf_init(&b, stem, sizeof(stem));
		buf_printf(&b, "bad/client-%s", pki_fault_names[f]);
		r = pki_leaf(s->pki, PKI_INSTITUTION, PKI_USE_CLIENT,
		    (enum pki_fault)f, "T0001", code, stem);
	}
	return r;
}

int
senders_keys(struct sample *s)
{
	static const char *const others[] = { "JLIS0001", "JLIS0002",
		"KOSEI001" };
	struct sender_files g = { 0 };
	struct fault_sender who;
	int r = 0;

	while (r == 0 && senders_next(s, &g))
		r = sender_key(s, s->c->office[g.first].sender, PKI_GOOD);
	for (size_t i = 0; r == 0 && i < 3; i++)
		r = sender_key(s, others[i], PKI_GOOD);
	for (int i = 0; r == 0 && s->faults != NULL && faults_sender(i, &who);
	     i++)
		r = sender_key(s, who.id, who.key);
	for (int f = PKI_EXPIRED; r == 0 && f < PKI_FAULT__MAX; f++) {
		char stem[64];
		struct buf b;

		buf_init(&b, stem, sizeof(stem));
		buf_printf(&b, "bad/signer-%s", pki_fault_names[f]);
		r = pki_leaf(s->pki, PKI_INSURER, PKI_USE_SIGN,
		    (enum pki_fault)f, "KOSEI001", NULL, stem);
	}
	return r == 0 ? institution_keys(s) : -1;
}

/* ---- a feed of rows cut into files ---- */

struct feed_out {
	struct sample *s;
	struct upload u;
	struct stream f;
	const char *sender, *name;
	enum feed feed;
	const struct layout *layout;
	int sequence;
	bool open;
};

static int
feed_end(struct feed_out *o)
{
	if (!o->open)
		return 0;
	o->open = false;
	if (stream_trailer(&o->f) == -1 || stream_close(&o->f, o->name) == -1)
		return -1;
	return upload_close(&o->u);
}

static int
feed_begin(struct feed_out *o)
{
	upload_open(&o->u, o->s, o->sender, o->feed, o->sequence++, 1);
	o->open = true;
	if (stream_open(&o->f, &o->u, 0, o->layout, SYNTAX_CSV, CHARSET_UTF8) ==
	    -1)
		return -1;
	return stream_header(&o->f, NULL);
}

static int
feed_row(struct feed_out *o, struct record *r, struct scratch *t)
{
	return stream_write(&o->f, r, t);
}

/* Files of the full delivery: cut by people, so that the number is known on
 * every later day. */
static int
full_files(const struct sample *s)
{
	return (int)((s->c->people + ROWS_PER_FILE - 1) / ROWS_PER_FILE);
}

/* ---- 機関別符号 results ---- */

static int
code_row(struct feed_out *o, const struct cover *v)
{
	uint64_t h = country_hash(o->s->c, 1001, (uint64_t)v->m->index);
	struct scratch t;
	struct record r;
	char number[17], code[33];

	faults_may(o->s, !people_spared(v->m), false, 0);
	scratch_init(&t);
	record_init(&r, &codes_format);
	record_set(&r, C_TYPE, SLICE("2"));
	record_set(&r, C_INSURER_CODE, slice_of(v->office->code));
	record_set(&r, C_PERSON_ID, fill_person_id(&t, v));
	country_processing_number(o->s->c, v->m, number);
	record_set(&r, C_PROCESSING_NUMBER, slice_of(number));
	fill_set_day(&r, C_RESULT_DATE, &t, o->s->day - 1);
	if (h % 1000 < 985) {
		country_agency_code(o->s->c, v->m, code);
		record_set(&r, C_RESULT, SLICE("1"));
		record_set(&r, C_AGENCY_CODE, slice_of(code));
	} else {
		record_set(
		    &r, C_RESULT, h % 1000 < 995 ? SLICE("2") : SLICE("9"));
	}
	return feed_row(o, &r, &t);
}

static int
codes_office(struct feed_out *out, const struct office *o, int64_t at)
{
	const struct country *c = out->s->c;
	struct household hh;
	struct guests guests;
	struct cover v;

	for (int64_t pos = 0; pos < o->people; pos += hh.n) {
		if ((at + pos) / ROWS_PER_FILE >= out->sequence - 1 &&
		    (feed_end(out) == -1 || feed_begin(out) == -1))
			return -1;
		country_household(c, o, pos, &hh);
		for (int m = 0; m < hh.n; m++) {
			country_cover(&hh, &hh.m[m], &v);
			if (code_row(out, &v) == -1)
				return -1;
		}
	}
	guests_start(&guests, c, o);
	while (out->open && guests_next(&guests, &v))
		if (code_row(out, &v) == -1)
			return -1;
	return 0;
}

/* Codes of those who were gained or born on the day. */
static int
codes_changes(struct feed_out *out)
{
	const struct country *c = out->s->c;
	struct household hh;
	struct cover v;
	const struct office *to;

	for (int i = 0; i < c->offices; i++) {
		const struct office *o = &c->office[i];

		for (int64_t pos = 0; pos < o->people; pos += hh.n) {
			country_household(c, o, pos, &hh);
			for (int m = 0; m < hh.n; m++) {
				if (country_event(c, &hh, &hh.m[m], out->s->k,
					&to) != EVENT_MOVE)
					continue;
				country_cover(&hh, &hh.m[m], &v);
				v.office = to;
				v.kind = 5;
				v.ordinal = hh.m[m].index;
				if (code_row(out, &v) == -1)
					return -1;
			}
		}
	}
	return 0;
}

int
feeds_codes(struct sample *s)
{
	struct feed_out out = { .s = s,
		.sender = "JLIS0001",
		.name = "codes.csv",
		.feed = FEED_CODES,
		.layout = &codes_layout,
		.sequence = 1 };
	int r = 0;

	if (s->k > 0) {
		out.sequence = full_files(s) + s->k;
		r = feed_begin(&out);
		if (r == 0)
			r = codes_changes(&out);
		return r == 0 ? feed_end(&out) : -1;
	}
	for (int i = 0; r == 0 && i < s->c->offices; i++)
		r = codes_office(&out, &s->c->office[i], s->c->office[i].first);
	return r == 0 ? feed_end(&out) : -1;
}

/* ---- 紐付情報 ---- */

static int
link_row(struct feed_out *o, const struct member *m, const char *ca,
    uint32_t serial, int state, int32_t from, int32_t until)
{
	struct scratch t;
	struct record r;
	char number[17];
	struct buf b;
	char hex[9];

	faults_may(o->s,
	    !people_spared(m) && state == 1 && (serial >> 4) % 4 == 1, false,
	    0);
	scratch_init(&t);
	record_init(&r, &link_format);
	record_set(&r, L_TYPE, SLICE("2"));
	record_set(&r, L_CA, slice_of(ca));
	buf_init(&b, hex, sizeof(hex));
	buf_printf(&b, "%08x", serial);
	record_set(&r, L_SERIAL, slice_of(hex));
	country_processing_number(o->s->c, m, number);
	record_set(&r, L_PROCESSING_NUMBER, slice_of(number));
	fill_set_number(&r, L_STATE, &t, state, 1);
	fill_set_day(&r, L_VALID_FROM, &t, from);
	fill_set_day(&r, L_VALID_UNTIL, &t, until);
	{
		char at[15];
		size_t n = t.b.n;

		day_format_time(
		    day_moment(o->s->day - 1, 12 * 3600 * 1000), at);
		buf_puts(&t.b, at);
		record_set(
		    &r, L_PROVIDED_AT, (struct slice) { t.s + n, t.b.n - n });
	}
	return feed_row(o, &r, &t);
}

static int
link_member(
    struct feed_out *o, const struct household *hh, const struct member *m)
{
	struct sample *s = o->s;
	struct card card;

	country_card(s->c, hh, m, 0, &card);
	if (!card.has)
		return 0;
	if (s->k > 0) { /* lost since yesterday: the link ends */
		struct card now;

		country_card(s->c, hh, m, s->k, &now);
		if (now.revoked_on != s->day || card.revoked_on != DAY_NONE)
			return 0;
		return link_row(o, m, pki_card_ca(s->pki, now.generation),
		    now.serial, 9, now.from, s->day);
	}
	if (card.old_serial != 0 &&
	    link_row(o, m, pki_card_ca(s->pki, card.old_generation),
		card.old_serial, 2, card.from - 1500, card.from + 300) == -1)
		return -1;
	return link_row(o, m, pki_card_ca(s->pki, card.generation), card.serial,
	    1, card.from, card.until);
}

int
feeds_link(struct sample *s)
{
	struct feed_out out = { .s = s,
		.sender = "JLIS0002",
		.name = "link.csv",
		.feed = FEED_LINK,
		.layout = &link_layout,
		.sequence = s->k == 0 ? 1 : full_files(s) + s->k };
	struct household hh;

	if (s->k > 0 && feed_begin(&out) == -1)
		return -1;
	for (int i = 0; i < s->c->offices; i++) {
		const struct office *o = &s->c->office[i];

		for (int64_t pos = 0; pos < o->people; pos += hh.n) {
			if (s->k == 0 &&
			    (o->first + pos) / ROWS_PER_FILE >=
				out.sequence - 1 &&
			    (feed_end(&out) == -1 || feed_begin(&out) == -1))
				return -1;
			country_household(s->c, o, pos, &hh);
			for (int m = 0; m < hh.n; m++)
				if (link_member(&out, &hh, &hh.m[m]) == -1)
					return -1;
		}
	}
	return feed_end(&out);
}

/* ---- CRL delivery set ---- */

struct entry {
	struct pki_revoked r;
	int list; /* partition * 2 + generation */
};
struct entries {
	struct entry *v;
	size_t n, max;
};

static void
entries_add(struct entries *l, int partition, int generation, uint32_t serial,
    int32_t on, int reason)
{
	if (l->n == l->max) {
		l->max = l->max == 0 ? 4096 : l->max * 2;
		l->v = text_realloc(l->v, l->max * sizeof(*l->v));
	}
	l->v[l->n++] = (struct entry) { { serial, on, reason },
		partition * 2 + generation };
}

static int
entries_order(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return x->r.serial < y->r.serial ? -1 : x->r.serial > y->r.serial;
}

static void
entries_find(struct sample *s, struct entries *l)
{
	struct household hh;
	struct card card;

	for (int i = 0; i < s->c->offices; i++) {
		const struct office *o = &s->c->office[i];

		for (int64_t pos = 0; pos < o->people; pos += hh.n) {
			country_household(s->c, o, pos, &hh);
			for (int m = 0; m < hh.n; m++) {
				country_card(s->c, &hh, &hh.m[m], s->k, &card);
				if (card.revoked_on != DAY_NONE)
					entries_add(l, card.partition,
					    card.generation, card.serial,
					    card.revoked_on, card.reason);
				if (card.old_serial != 0)
					entries_add(l, card.partition,
					    card.old_generation,
					    card.old_serial, card.from, 4);
			}
		}
	}
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), entries_order);
}

/* One partition of one generation as member i. */
static int
partition(
    struct upload *u, int i, int list, const struct pki_revoked *v, size_t n)
{
	struct sample *s = u->s;
	char ou[32], cn[40], whole[256], name[129];
	int fd = upload_create(u, i), r = -1;
	int64_t at = day_moment(s->day, 18 * 3600 * 1000);

	if (fd == -1)
		return -1;
	country_partition(s->c, list / 2, ou, cn);
	pki_partition_name(ou, cn, whole);
	crl_name(pki_card_ca(s->pki, list % 2), whole, name);
	r = pki_crl(s->pki, list % 2, ou, cn, at, at + 3 * DAY_MS, 1000 + s->k,
	    v, n, fd);
	close(fd);
	if (r == 0)
		r = upload_member(u, i, name, "crl", "der", "", (int64_t)n, 0);
	u->s->records += (int64_t)n;
	return r;
}

int
feeds_crl(struct sample *s)
{
	int lists = country_partitions(s->c) * 2;
	int files = (lists + 1999) / 2000, per = (lists + files - 1) / files;
	struct entries l = { 0 };
	struct pki_revoked *v;
	size_t at = 0;
	int r = 0;

	entries_find(s, &l);
	v = text_alloc((l.n + 1) * sizeof(*v));
	for (size_t i = 0; i < l.n; i++)
		v[i] = l.v[i].r;
	for (int file = 0; r == 0 && file < files; file++) {
		int begin = file * per;
		int end = begin + per < lists ? begin + per : lists;
		struct upload u;

		upload_open(&u, s, "JLIS0002", FEED_CRL,
		    s->k * files + file + 1, end - begin);
		for (int i = begin; r == 0 && i < end; i++) {
			size_t n = at;

			while (n < l.n && l.v[n].list == i)
				n++;
			r = partition(&u, i - begin, i, v + at, n - at);
			at = n;
		}
		r = r == 0 ? upload_close(&u) : -1;
	}
	free(v);
	free(l.v);
	return r;
}

/* ---- 医療機関マスタ ---- */

int64_t
feeds_institution_count(const struct sample *s)
{
	int64_t n = s->c->people / 550;

	return n < 188 ? 188 : n; /* four kinds in every prefecture */
}

static const char kind_digits[] = "1346";

void
feeds_institution_code(const struct sample *s, int64_t i, char out[11])
{
	int p = i < 188 ?
	    (int)((i / 4 + 12) % 47) + 1 :
	    s->c->residence[country_hash(s->c, 1101, (uint64_t)i) % 1024] + 1;
	int digit;
	bool short_rule = p >= 11 && p <= 14;
	struct buf b;

	buf_init(&b, out, 11);
	/* in a prefecture the number of the institution is unique */
	buf_printf(&b, "%02d%c%02d%04d", p, kind_digits[i % 4],
	    (int)(i / 4 / 9999) % 99 + 1, (int)(i / 4 % 9999) + 1);
	/* the 6 digits only in 11-14, else all 9 (domain 3) */
	digit = check_digit_folded(short_rule ? (struct slice) { out + 3, 6 } :
						(struct slice) { out, 9 });
	buf_putc(&b, (char)('0' + digit));
}

static const char *const kind_names[] = { "医院", "歯科医院", "薬局",
	"訪問看護ステーション" };

static int
institution(struct feed_out *o, int64_t i)
{
	struct sample *s = o->s;
	uint64_t h = country_hash(s->c, 1102, (uint64_t)i);
	int kind = (int)(i % 4), p;
	bool hospital = kind == 0 && h % 10 == 0;
	int beds = hospital	    ? 20 + (int)((h >> 8) % 700) :
	    kind == 0 && h % 10 < 2 ? 1 + (int)((h >> 8) % 19) :
				      0;
	struct scratch t;
	struct record r;
	char code[11], name[128], address[128];
	struct buf b;

	faults_may(s, i >= 100, false, 0);
	feeds_institution_code(s, i, code);
	p = (code[0] - '0') * 10 + code[1] - '0';
	scratch_init(&t);
	record_init(&r, &institution_format);
	record_set(&r, I_TYPE, SLICE("2"));
	record_set(&r, I_CODE, slice_of(code));
	record_set(&r, I_PREFECTURE, (struct slice) { code, 2 });
	record_set(&r, I_SIZE_CLASS,
	    h % 50 == 7	   ? SLICE("0") :
		beds == 0  ? SLICE("1") :
		beds < 20  ? SLICE("2") :
		beds < 100 ? SLICE("3") :
		beds < 200 ? SLICE("4") :
		beds < 500 ? SLICE("5") :
			     SLICE("6"));
	fill_set_number(&r, I_BEDS, &t, beds, 1);
	buf_init(&b, name, sizeof(name));
	buf_printf(&b, "%s%s%s", town_first[(h >> 24) % town_first_n],
	    quarters[(h >> 32) % 16], hospital ? "病院" : kind_names[kind]);
	record_set(&r, I_NAME, slice_of(name));
	buf_init(&b, address, sizeof(address));
	buf_printf(&b, "%s%s%s%s", prefectures[p - 1].name,
	    town_first[(h >> 40) % town_first_n],
	    town_last[(h >> 48) % town_last_n],
	    quarters[(h >> 56) % quarters_n]);
	record_set(&r, I_ADDRESS, slice_of(address));
	fill_set_day(&r, I_FROM, &t, s->first - 400 - (int32_t)(h % 9000));
	if (i >= 188 && h % 300 == 5) /* closed */
		fill_set_day(&r, I_UNTIL, &t, s->first - 30);
	record_set(&r, I_PILOT, i < 100 ? SLICE("1") : SLICE("0"));
	record_set(
	    &r, I_ENCODING, h % 20 == 3 ? SLICE("cp932") : SLICE("utf8"));
	return feed_row(o, &r, &t);
}

/* A full file a month: not again among the daily changes. */
int
feeds_institutions(struct sample *s)
{
	struct feed_out out = { .s = s,
		.sender = "KOSEI001",
		.name = "iryokikan.csv",
		.feed = FEED_INSTITUTION,
		.layout = &institution_layout,
		.sequence = 1 };
	int64_t n = feeds_institution_count(s);

	if (s->k > 0)
		return 0;
	if (feed_begin(&out) == -1)
		return -1;
	for (int64_t i = 0; i < n; i++)
		if (institution(&out, i) == -1)
			return -1;
	return feed_end(&out);
}
