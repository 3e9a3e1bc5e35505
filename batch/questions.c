/* Counting usage lines, fast. */
#include "batch/questions.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codes.h"

enum {
	KINDS = 8, /* as codes_question_kind stands; last: unknown */
	HOURS = 24,
	ANSWERS = 7, /* 1..5; 0: no judgement; 6: refused */
	CODES = 10001, /* OE0000..OE9999; last: of another form */
	CARDS = 8, /* as codes_card_result stands; last: none */
	TIMES = 8,
	DAYS = 32
};
static const int64_t time_until[TIMES - 1] = { 100, 500, 1000, 5000, 50000,
	500000, 3000000 }; /* microseconds */

struct place {
	uint64_t code; /* number + 1; 0 free */
	int64_t n[KINDS];
};
struct places { /* open addressing, a power of two */
	struct place *v;
	size_t size, used;
	int64_t none_of[KINDS]; /* without a number */
	int digits;
};
struct questions {
	int32_t day[DAYS];
	int64_t by_day[DAYS][HOURS];
	int days; /* by_day[days - 1] is open */
	char stamp[11]; /* of that day, as lines begin */
	int64_t total, late, answered;
	int64_t hour[HOURS][KINDS], answer[ANSWERS][KINDS], time[TIMES][KINDS];
	int64_t code[CODES], card[CARDS];
	struct places institution, insurer;
};

struct questions *
questions_new(void)
{
	struct questions *c = text_alloc(sizeof(*c));

	c->institution.digits = 10;
	c->insurer.digits = 8;
	c->institution.size = c->insurer.size = 1024;
	c->institution.v = text_alloc(1024 * sizeof(struct place));
	c->insurer.v = text_alloc(1024 * sizeof(struct place));
	return c;
}

void
questions_free(struct questions *c)
{
	if (c == NULL)
		return;
	free(c->institution.v);
	free(c->insurer.v);
	free(c);
}

void
questions_day(struct questions *c, int32_t day)
{
	if (c->days > 0 && c->day[c->days - 1] == day)
		return;
	if (c->days == DAYS)
		abort(); /* more days than a month has */
	c->day[c->days++] = day;
	day_format_iso(day, c->stamp);
}

static struct place *
place_at(struct place *v, size_t size, uint64_t code)
{
	size_t i = (code * UINT64_C(0x9e3779b97f4a7c15)) >> 20 & (size - 1);

	while (v[i].code != 0 && v[i].code != code)
		i = (i + 1) & (size - 1);
	return &v[i];
}

static void
places_grow(struct places *p)
{
	struct place *v = text_alloc(p->size * 2 * sizeof(*v));

	for (size_t i = 0; i < p->size; i++)
		if (p->v[i].code != 0)
			*place_at(v, p->size * 2, p->v[i].code) = p->v[i];
	free(p->v);
	p->v = v;
	p->size *= 2;
}

static void
places_add(struct places *p, struct slice code, int kind)
{
	uint64_t n = 0;
	struct place *at;

	for (size_t i = 0; i < code.n; i++) {
		if (code.p[i] < '0' || code.p[i] > '9')
			code.n = 0;
		else
			n = n * 10 + (uint64_t)(code.p[i] - '0');
	}
	if (code.n != (size_t)p->digits) {
		p->none_of[kind]++;
		return;
	}
	at = place_at(p->v, p->size, n + 1);
	if (at->code == 0) {
		if (++p->used * 3 > p->size * 2) {
			places_grow(p);
			at = place_at(p->v, p->size, n + 1);
		}
		at->code = n + 1;
	}
	at->n[kind]++;
}

static int
index_of(const struct code *codes, struct slice s, int max)
{
	int i;

	for (i = 0; i < max - 1 && codes[i].code != NULL; i++)
		if (s.n > 0 && s.p[0] == codes[i].code[0] &&
		    slice_is(s, codes[i].code))
			return i;
	return max - 1;
}

static int
code_of(struct slice s)
{
	int n = 0;

	if (s.n != 6 || s.p[0] != 'O' || s.p[1] != 'E')
		return CODES - 1;
	for (int i = 2; i < 6; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return CODES - 1;
		n = n * 10 + s.p[i] - '0';
	}
	return n;
}

static int
time_of(struct slice s)
{
	int64_t n = 0;
	int i = 0;

	for (size_t k = 0; k < s.n && k < 18; k++)
		n = n * 10 + s.p[k] - '0';
	while (i < TIMES - 1 && n >= time_until[i])
		i++;
	return i;
}

void
questions_line(struct questions *c, const struct slice v[U__MAX])
{
	int kind, hour = 0, answer = 0;

	kind = index_of(codes_question_kind, v[U_KIND], KINDS);
	if (v[U_AT].n >= 13)
		hour = (v[U_AT].p[11] - '0') * 10 + v[U_AT].p[12] - '0';
	if (hour < 0 || hour >= HOURS)
		hour = 0;
	if (v[U_AT].n < 10 || memcmp(v[U_AT].p, c->stamp, 10) != 0)
		c->late++;
	if (v[U_VALIDITY].n == 1 && v[U_VALIDITY].p[0] >= '1' &&
	    v[U_VALIDITY].p[0] <= '5')
		answer = v[U_VALIDITY].p[0] - '0';
	if (v[U_CODE].n > 0) {
		answer = ANSWERS - 1;
		c->code[code_of(v[U_CODE])]++;
	} else {
		c->answered++;
	}
	c->total++;
	c->by_day[c->days - 1][hour]++;
	c->hour[hour][kind]++;
	c->answer[answer][kind]++;
	c->time[time_of(v[U_MICROS])][kind]++;
	c->card[index_of(codes_card_result, v[U_CARD_RESULT], CARDS)]++;
	places_add(&c->institution, v[U_INSTITUTION], kind);
	places_add(&c->insurer, v[U_INSURER], kind);
}

int64_t
questions_total(const struct questions *c)
{
	return c->total;
}

int64_t
questions_late(const struct questions *c)
{
	return c->late;
}

/* ---- the figures ---- */

static const char *
kind_name(int i)
{
	for (int k = 0; k <= i; k++)
		if (codes_question_kind[k].code == NULL)
			return "none";
	return i == KINDS - 1 ? "none" : codes_question_kind[i].code;
}

static void
put_kinds(struct figures *f, enum statistics_table table, const char *key,
    const int64_t n[KINDS])
{
	for (int k = 0; k < KINDS; k++)
		figures_add(f, table, key, kind_name(k), n[k]);
}

static void
put_days(const struct questions *c, struct figures *f)
{
	char day[9], weekday[8], hour[12];

	for (int d = 0; d < c->days; d++) {
		int64_t sum = 0;

		day_format(c->day[d], day);
		snprintf(
		    weekday, sizeof(weekday), "%d", day_weekday(c->day[d]));
		for (int h = 0; h < HOURS; h++) {
			snprintf(hour, sizeof(hour), "%02d", h);
			figures_add(f, TABLE_WEEKDAY_HOUR, weekday, hour,
			    c->by_day[d][h]);
			sum += c->by_day[d][h];
		}
		figures_add(f, TABLE_DAY, day, "", sum);
	}
}

static void
put_places(const struct questions *c, struct figures *f,
    questions_where_fn *where, void *arg)
{
	const struct places *p = &c->institution;
	char code[24], prefecture[8], size[8];

	put_kinds(f, TABLE_PREFECTURE_KIND, "none", p->none_of);
	put_kinds(f, TABLE_SIZE_KIND, "none", p->none_of);
	for (int k = 0; k < KINDS; k++) {
		figures_add(f, TABLE_INSTITUTION, "none", "", p->none_of[k]);
		figures_add(
		    f, TABLE_INSURER, "none", "", c->insurer.none_of[k]);
	}
	for (size_t i = 0; i < p->size; i++) {
		const struct place *x = &p->v[i];

		if (x->code == 0)
			continue;
		snprintf(code, sizeof(code), "%010llu",
		    (unsigned long long)x->code - 1);
		where(arg, code, prefecture, size);
		put_kinds(f, TABLE_PREFECTURE_KIND, prefecture, x->n);
		put_kinds(f, TABLE_SIZE_KIND, size, x->n);
		for (int k = 0; k < KINDS; k++)
			figures_add(f, TABLE_INSTITUTION, code, "", x->n[k]);
	}
	for (size_t i = 0; i < c->insurer.size; i++) {
		const struct place *x = &c->insurer.v[i];

		snprintf(code, sizeof(code), "%08llu",
		    (unsigned long long)x->code - 1);
		for (int k = 0; k < KINDS && x->code != 0; k++)
			figures_add(f, TABLE_INSURER, code, "", x->n[k]);
	}
}

void
questions_figures(const struct questions *c, struct figures *f,
    questions_where_fn *where, void *arg)
{
	char key[12];

	figures_add(f, TABLE_QUESTIONS, "", "", c->total);
	put_days(c, f);
	for (int h = 0; h < HOURS; h++) {
		snprintf(key, sizeof(key), "%02d", h);
		put_kinds(f, TABLE_HOUR_KIND, key, c->hour[h]);
	}
	for (int a = 0; a < ANSWERS; a++) {
		snprintf(key, sizeof(key), "%d", a);
		put_kinds(f, TABLE_ANSWER_KIND,
		    a == 0		? "none" :
			a < ANSWERS - 1 ? key :
					  "refused",
		    c->answer[a]);
	}
	for (int t = 0; t < TIMES; t++) {
		snprintf(key, sizeof(key), "%d", t);
		put_kinds(f, TABLE_TIME_KIND, key, c->time[t]);
	}
	figures_add(f, TABLE_CODE, "none", "", c->answered);
	for (int i = 0; i < CODES; i++) {
		snprintf(key, sizeof(key), "OE%04d", i);
		figures_add(f, TABLE_CODE, i < CODES - 1 ? key : "other", "",
		    c->code[i]);
	}
	for (int i = 0; codes_card_result[i].code != NULL; i++)
		figures_add(
		    f, TABLE_CARD, codes_card_result[i].code, "", c->card[i]);
	figures_add(f, TABLE_CARD, "none", "", c->card[CARDS - 1]);
	put_places(c, f, where, arg);
}
