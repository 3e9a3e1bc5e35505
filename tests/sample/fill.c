/* Covers become records. */
#include "tests/sample/fill.h"

#include <string.h>

#include "formats/codec/day.h"
#include "formats/nhi.h"
#include "tests/sample/words.h"

void
scratch_init(struct scratch *t)
{
	buf_init(&t->b, t->s, sizeof(t->s));
}

static struct slice
since(const struct scratch *t, size_t at)
{
	return (struct slice) { t->s + at, t->b.n - at };
}

static struct slice
keep(struct scratch *t, const char *a)
{
	size_t at = t->b.n;

	buf_puts(&t->b, a);
	return since(t, at);
}

static void
digits(struct scratch *t, int64_t n, int least, bool full)
{
	char d[24];
	int i = 0;

	do {
		d[i++] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0 || i < least);
	while (--i >= 0) {
		if (full)
			text_put(&t->b, 0xff10u + (uint32_t)(d[i] - '0'));
		else
			buf_putc(&t->b, d[i]);
	}
}

static struct slice
keep_digits(struct scratch *t, int64_t n, int least, bool full)
{
	size_t at = t->b.n;

	digits(t, n, least, full);
	return since(t, at);
}

void
fill_set_day(struct record *r, int field, struct scratch *t, int32_t day)
{
	char d[9];

	if (day == DAY_NONE)
		return;
	day_format(day, d);
	record_set(r, field, keep(t, d));
	r->v[field].n = day;
}

void
fill_set_number(
    struct record *r, int field, struct scratch *t, int64_t n, int least)
{
	record_set(r, field, keep_digits(t, n, least, false));
	r->v[field].n = n;
}

static uint64_t
sender_hash(const struct sample *s, const char *sender)
{
	uint64_t h = 0;

	for (; *sender != '\0'; sender++)
		h = h * 131 + (unsigned char)*sender;
	return country_hash(s->c, 501, h);
}

enum syntax
fill_syntax(const struct sample *s, const struct office *o)
{
	if (o->scheme == SCHEME_NHI_CITY)
		return SYNTAX_FIXED;
	return sender_hash(s, o->sender) % 100 < 25 ? SYNTAX_XML : SYNTAX_CSV;
}

enum charset
fill_charset(const struct sample *s, const struct office *o)
{
	if (o->scheme == SCHEME_NHI_CITY)
		return CHARSET_CP932;
	return sender_hash(s, o->sender) % 100 < 60 ? CHARSET_UTF8 :
						      CHARSET_CP932;
}

/* ---- names ---- */

static const struct word *
surname(const struct sample *s, const struct cover *v)
{
	unsigned i = v->hh->surname;
	const struct word *w;

	if (i < surnames_n)
		return &surnames[i];
	w = &rare_surnames[i - surnames_n];
	/* who cannot write the character writes a neighbour */
	if (!w->cp932 && fill_charset(s, v->office) == CHARSET_CP932)
		w = &rare_surnames[0];
	return w;
}

static const struct word *
given(const struct member *m)
{
	return m->sex == '1' ? &male_names[m->given] : &female_names[m->given];
}

static struct slice
kanji_name(struct scratch *t, const struct sample *s, const struct cover *v,
    const struct member *m)
{
	size_t at = t->b.n;

	buf_puts(&t->b, surname(s, v)->kanji);
	buf_puts(&t->b, "\xe3\x80\x80"); /* U+3000 */
	buf_puts(&t->b, given(m)->kanji);
	return since(t, at);
}

static struct slice
kana_name(struct scratch *t, const struct sample *s, const struct cover *v,
    const struct member *m)
{
	size_t at = t->b.n;

	buf_puts(&t->b, surname(s, v)->kana);
	buf_putc(&t->b, ' ');
	buf_puts(&t->b, given(m)->kana);
	return since(t, at);
}

/* Who is insured, or heads the household: alone at an earlier office. */
static const struct member *
head(const struct cover *v)
{
	return v->kind == 0 || v->kind == 6 ? &v->hh->m[0] : v->m;
}

static struct slice
address(struct scratch *t, const struct sample *s, const struct cover *v,
    int version)
{
	uint64_t h = country_hash(s->c, 601,
	    (uint64_t)(v->hh->office->first + v->hh->start) * 2 +
		(unsigned)version);
	unsigned town = (unsigned)v->hh->town;
	size_t at = t->b.n;

	buf_puts(&t->b, prefectures[v->hh->prefecture].name);
	buf_puts(&t->b, town_first[town % town_first_n]);
	buf_puts(&t->b, town_last[town / town_first_n % town_last_n]);
	buf_puts(&t->b, quarters[h % quarters_n]);
	if ((h >> 8) % 500 == 0) /* NEC row 13 */
		buf_puts(&t->b, "①");
	else
		digits(t, (int64_t)(1 + (h >> 16) % 6), 1, true);
	buf_puts(&t->b, "丁目");
	digits(t, (int64_t)(1 + (h >> 24) % 30), 1, true);
	buf_puts(&t->b, "番");
	digits(t, (int64_t)(1 + (h >> 32) % 20), 1, true);
	buf_puts(&t->b, "号");
	return since(t, at);
}

static struct slice
post_number(struct scratch *t, const struct cover *v)
{
	size_t at = t->b.n;

	digits(t, (v->hh->prefecture * 21 + v->hh->town / 9 % 21) % 1000, 3,
	    false);
	buf_putc(&t->b, '-');
	digits(t, v->hh->town * 37 % 10000, 4, false);
	return since(t, at);
}

/* ---- numbers ---- */

struct slice
fill_person_id(struct scratch *t, const struct cover *v)
{
	size_t at = t->b.n;

	/* one 保険者コード has 47 offices: their prefecture keeps ids apart */
	if (v->office->scheme != SCHEME_NHI_CITY) {
		buf_putc(&t->b, v->office->scheme == SCHEME_DAY ? 'D' : 'P');
		digits(t,
		    v->office->scheme == SCHEME_DAY ?
			v->office->number[1] - '0' :
			v->office->prefecture,
		    2, false);
	}
	digits(t, v->kind, 1, false);
	digits(t, v->ordinal, 9, false);
	return since(t, at);
}

static bool
wide(const struct cover *v)
{
	return v->office->scheme == SCHEME_KYOKAI ||
	    v->office->number[5] % 2 == 0;
}

struct slice
fill_symbol(struct scratch *t, const struct sample *s, const struct cover *v)
{
	uint64_t h = country_hash(s->c, 701, (uint64_t)v->office->first);
	uint64_t one = country_hash(
	    s->c, 702, (uint64_t)(v->office->first + v->house / 40));
	size_t at = t->b.n;

	switch (v->office->scheme) {
	case SCHEME_ELDERLY:
		break;
	case SCHEME_NHI_CITY:
		if (h % 3 == 0)
			buf_puts(&t->b, town_first[h / 3 % town_first_n]);
		break;
	case SCHEME_NHI_UNION:
		buf_puts(&t->b, "国組");
		break;
	case SCHEME_MUTUAL:
		buf_puts(&t->b, "共");
		digits(t, (int64_t)(h % 900 + 100), 3, wide(v));
		break;
	case SCHEME_SOCIETY:
		digits(t, (int64_t)(one % 900 + 100), 3, wide(v));
		break;
	default:
		digits(t, (int64_t)(one % 90000000 + 10000000), 8, wide(v));
		break;
	}
	return since(t, at);
}

struct slice
fill_number(struct scratch *t, const struct cover *v)
{
	size_t at = t->b.n;

	if (v->office->scheme == SCHEME_ELDERLY) {
		digits(t, v->ordinal + 1, 8, false);
	} else if (v->kind == 0 || v->kind == 6) {
		digits(t, v->house + 1, 1, wide(v));
	} else {
		digits(t, v->kind, 1, wide(v));
		digits(t, v->ordinal, 9, wide(v));
	}
	return since(t, at);
}

struct slice
fill_branch(struct scratch *t, const struct cover *v)
{
	if (v->office->scheme == SCHEME_ELDERLY)
		return SLICE("");
	if (v->kind == 6)
		return SLICE("09");
	return keep_digits(t, v->kind == 0 ? v->m->branch : 0, 2, false);
}

/* ---- certificates ---- */

static int32_t
august(int32_t day) /* the 1 August on or before */
{
	int y, m, d;

	day_civil(day, &y, &m, &d);
	return day_of(m < 8 ? y - 1 : y, 8, 1);
}

static int32_t
next_july(int32_t day)
{
	int y, m, d;

	day_civil(august(day), &y, &m, &d);
	return day_of(y + 1, 7, 31);
}

struct certificate {
	const char *class;
	int32_t issued, from, until;
	const char *ratio;
	int32_t elderly_issued, elderly_from, elderly_until;
	const char *elderly_ratio;
};

/* 70 to 74: reached on the eve of the birthday; ends before 75. */
static void
recipient(struct certificate *k, const struct sample *s, const struct cover *v)
{
	int32_t first = day_month_first(day_birthday(v->m->birth, 70) - 1, 1);
	int32_t eve = day_birthday(v->m->birth, 75) - 1;

	if (v->office->scheme == SCHEME_ELDERLY || first > s->first ||
	    eve < s->first)
		return;
	k->elderly_from = august(s->first) > first ? august(s->first) : first;
	if (v->from > k->elderly_from)
		k->elderly_from = v->from;
	k->elderly_until =
	    next_july(s->first) < eve ? next_july(s->first) : eve;
	k->elderly_issued = k->elderly_from - 10;
	k->elderly_ratio = v->m->hash % 7 == 0 ? "030" : "020";
	if (k->elderly_until < k->elderly_from)
		k->elderly_ratio = NULL;
}

static void
certificate(
    struct certificate *k, const struct sample *s, const struct cover *v)
{
	unsigned h = (unsigned)(v->m->hash >> 12) % 1000;
	int32_t start = v->applied_from != DAY_NONE ? v->applied_from : v->from;
	bool nhi = v->office->scheme == SCHEME_NHI_CITY;
	bool yearly = nhi || v->office->scheme == SCHEME_ELDERLY;

	memset(k, 0, sizeof(*k));
	k->class = "01";
	if (v->office->scheme == SCHEME_DAY)
		k->class = v->office->number[1] == '3' ? "D1" : "D2";
	else if (yearly && h < 25)
		k->class = "03";
	else if (nhi && h < 30)
		k->class = "05";
	else if (nhi && h < 33)
		k->class = "02";
	else if (nhi && h < 34)
		k->class = "04";
	else if (v->office->scheme == SCHEME_SOCIETY && h < 4)
		k->class = "06";
	k->issued = k->from = start;
	k->until = DAY_NONE;
	if (yearly && v->kind == 0) {
		if (august(s->first) > start)
			k->issued = k->from = august(s->first);
		k->until = next_july(s->first);
		if (nhi && day_birthday(v->m->birth, 75) - 1 < k->until &&
		    day_birthday(v->m->birth, 75) - 1 >= k->from)
			k->until = day_birthday(v->m->birth, 75) - 1;
	}
	if (k->class[1] == '3' || k->class[1] == '4') { /* short-term */
		k->until = k->until != DAY_NONE && k->until < s->first + 90 ?
		    k->until :
		    s->first + 90;
		if (k->until < k->from)
			k->until = k->from;
	}
	if (v->office->scheme == SCHEME_ELDERLY)
		k->ratio = h % 100 < 75 ? "010" : h % 100 < 93 ? "020" : "030";
	if (v->kind == 0)
		recipient(k, s, v);
}

static bool
preschool(const struct sample *s, const struct member *m)
{
	int y, mo, d;
	int32_t end;

	day_civil(day_birthday(m->birth, 6) - 1, &y, &mo, &d);
	end = day_of(mo < 4 ? y : y + 1, 3, 31);
	return s->first <= end;
}

static const char *const numerals = "0123456789";

static struct slice
one(int n)
{
	return (struct slice) { numerals + n, 1 };
}

static int32_t
change_day(const struct sample *s, const struct cover *v, int change)
{
	if (change == CHANGE_NEW)
		return v->applied_from != DAY_NONE ? v->applied_from : v->from;
	return change == CHANGE_LOSS ? v->until : s->day;
}

void
fill_qualification(struct record *r, struct scratch *t, const struct sample *s,
    const struct cover *v, int change, int version)
{
	const struct member *m = v->m;
	struct certificate k;
	char number[17];

	certificate(&k, s, v);
	record_init(r, &qualification_format);
	record_set(r, Q_TYPE, SLICE("2"));
	record_set(r, Q_CHANGE, one(change));
	fill_set_day(r, Q_CHANGE_DATE, t, change_day(s, v, change));
	record_set(r, Q_INSURER_CODE, slice_of(v->office->code));
	record_set(r, Q_PERSON_ID, fill_person_id(t, v));
	if (m->hash % 10 < 3) { /* acquired before */
		country_processing_number(s->c, m, number);
		record_set(r, Q_PROCESSING_NUMBER, keep(t, number));
	}
	record_set(r, Q_CARD_CLASS, slice_of(k.class));
	record_set(r, Q_INSURER_NUMBER, slice_of(v->office->number));
	record_set(r, Q_SYMBOL, fill_symbol(t, s, v));
	record_set(r, Q_INSURED_NUMBER, fill_number(t, v));
	record_set(r, Q_BRANCH, fill_branch(t, v));
	record_set(r, Q_FAMILY,
	    one(v->kind == 0	 ? m->family - '0' :
		    v->kind == 6 ? 2 :
				   1));
	record_set(r, Q_INSURED_NAME, kanji_name(t, s, v, head(v)));
	record_set(r, Q_NAME, kanji_name(t, s, v, m));
	record_set(r, Q_KANA, kana_name(t, s, v, m));
	if ((m->hash >> 24) % 250 == 0) { /* the name before marriage */
		struct household hh = *v->hh;
		struct cover other = *v;

		hh.surname = (unsigned)(m->hash >> 33) % surnames_n;
		other.hh = &hh;
		record_set(r, Q_NAME_OTHER, kanji_name(t, s, &other, m));
		record_set(r, Q_KANA_OTHER, kana_name(t, s, &other, m));
	}
	record_set(r, Q_SEX1, one(m->sex - '0'));
	if ((m->hash >> 24) % 1000 == 1)
		record_set(r, Q_SEX2, SLICE("3"));
	fill_set_day(r, Q_BIRTHDATE, t, m->birth);
	record_set(r, Q_POST_NUMBER, post_number(t, v));
	record_set(r, Q_ADDRESS, address(t, s, v, version));
	fill_set_day(r, Q_QUALIFIED_ON, t, v->from);
	fill_set_day(r, Q_LOST_ON, t, v->until);
	record_set(r, Q_LOSS_REASON, slice_of(v->loss));
	fill_set_day(r, Q_CARD_ISSUED_ON, t, k.issued);
	fill_set_day(r, Q_CARD_FROM, t, k.from);
	fill_set_day(r, Q_CARD_UNTIL, t, k.until);
	if (v->until != DAY_NONE && m->hash % 3 == 0)
		fill_set_day(r, Q_CARD_RETURNED_ON, t, v->until + 5);
	if (k.ratio != NULL)
		record_set(r, Q_RATIO, slice_of(k.ratio));
	if (preschool(s, m))
		record_set(r, Q_PRESCHOOL, SLICE("1"));
	if (k.elderly_ratio == NULL)
		return;
	fill_set_day(r, Q_ELDERLY_ISSUED_ON, t, k.elderly_issued);
	fill_set_day(r, Q_ELDERLY_FROM, t, k.elderly_from);
	fill_set_day(r, Q_ELDERLY_UNTIL, t, k.elderly_until);
	record_set(r, Q_ELDERLY_RATIO, slice_of(k.elderly_ratio));
}

static struct slice
house_number(struct scratch *t, const struct cover *v)
{
	size_t at = t->b.n;
	bool own = v->kind == 0 || v->kind == 6;

	digits(t, own ? 0 : v->kind, 1, false);
	digits(t, v->house, 9, false);
	return since(t, at);
}

void
fill_household(struct record *r, struct scratch *t, const struct sample *s,
    const struct cover *v, int change, int version)
{
	uint64_t h = head(v)->hash;

	record_init(r, &household_format);
	record_set(r, NH_TYPE, SLICE("2"));
	record_set(r, NH_MUNICIPALITY, slice_of(v->office->municipality));
	record_set(r, NH_HOUSEHOLD, house_number(t, v));
	record_set(r, NH_HEAD_NAME, kanji_name(t, s, v, head(v)));
	/* 擬制世帯主: the head is insured elsewhere */
	record_set(r, NH_HEAD_KIND, h % 20 == 0 ? SLICE("1") : SLICE("0"));
	record_set(r, NH_INSURER_NUMBER, slice_of(v->office->number));
	record_set(r, NH_CHANGE, one(change));
	fill_set_day(r, NH_CHANGE_DATE, t, change_day(s, v, change));
	record_set(r, NH_POST_NUMBER, post_number(t, v));
	record_set(r, NH_ADDRESS, address(t, s, v, version));
}

void
fill_person(struct record *r, struct scratch *t, const struct sample *s,
    const struct cover *v, int change, int version)
{
	const struct member *m = v->m;
	struct certificate k;
	char number[17];

	(void)version;
	certificate(&k, s, v);
	record_init(r, &person_format);
	record_set(r, NP_TYPE, SLICE("2"));
	record_set(r, NP_MUNICIPALITY, slice_of(v->office->municipality));
	record_set(r, NP_PERSON_ID, fill_person_id(t, v));
	fill_set_number(r, NP_ADDRESSEE, t, 1000000 + v->ordinal, 10);
	record_set(r, NP_HOUSEHOLD, house_number(t, v));
	record_set(r, NP_CHANGE, one(change));
	fill_set_day(r, NP_CHANGE_DATE, t, change_day(s, v, change));
	if (m->hash % 10 < 3) {
		country_processing_number(s->c, m, number);
		record_set(r, NP_PROCESSING_NUMBER, keep(t, number));
	}
	record_set(r, NP_CARD_CLASS, slice_of(k.class));
	record_set(r, NP_SYMBOL, fill_symbol(t, s, v));
	record_set(r, NP_INSURED_NUMBER, fill_number(t, v));
	record_set(r, NP_BRANCH, fill_branch(t, v));
	record_set(r, NP_FAMILY,
	    one(v->kind == 0	 ? m->family - '0' :
		    v->kind == 6 ? 2 :
				   1));
	record_set(r, NP_NAME, kanji_name(t, s, v, m));
	record_set(r, NP_KANA, kana_name(t, s, v, m));
	record_set(r, NP_SEX, one(m->sex - '0'));
	fill_set_day(r, NP_BIRTHDATE, t, m->birth);
	fill_set_day(r, NP_QUALIFIED_ON, t, v->from);
	record_set(r, NP_QUALIFIED_REASON,
	    v->from == m->birth	 ? SLICE("03") :
		m->hash % 3 == 0 ? SLICE("01") :
				   SLICE("02"));
	fill_set_day(r, NP_LOST_ON, t, v->until);
	record_set(r, NP_LOSS_REASON, slice_of(v->loss));
	fill_set_day(r, NP_APPLIED_FROM, t, v->applied_from);
	fill_set_day(r, NP_APPLIED_UNTIL, t, v->applied_until);
	fill_set_day(r, NP_CARD_ISSUED_ON, t, k.issued);
	fill_set_day(r, NP_CARD_FROM, t, k.from);
	fill_set_day(r, NP_CARD_UNTIL, t, k.until);
	if (preschool(s, m))
		record_set(r, NP_PRESCHOOL, SLICE("1"));
	if (k.elderly_ratio == NULL)
		return;
	fill_set_day(r, NP_ELDERLY_ISSUED_ON, t, k.elderly_issued);
	fill_set_day(r, NP_ELDERLY_FROM, t, k.elderly_from);
	fill_set_day(r, NP_ELDERLY_UNTIL, t, k.elderly_until);
	record_set(r, NP_ELDERLY_RATIO, slice_of(k.elderly_ratio));
}

void
fill_header(struct record *r, struct scratch *t, const struct filename *id,
    const char *municipality)
{
	record_init(r, &file_header);
	record_set(r, FH_TYPE, SLICE("1"));
	record_set(r, FH_VERSION, SLICE("1"));
	record_set(r, FH_SENDER, keep(t, id->sender));
	record_set(r, FH_FEED, slice_of(feed_names[id->feed]));
	fill_set_day(r, FH_DAY, t, id->day);
	fill_set_number(r, FH_SEQUENCE, t, id->sequence, 4);
	if (municipality != NULL)
		record_set(r, FH_MUNICIPALITY, slice_of(municipality));
}
