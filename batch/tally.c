/* Counting questions by everything an analyst asks for. */
#include "batch/tally.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codes.h"

enum {
	KINDS = 8,
	REASONS = 256,
	RESULTS = 16,
	HOURS = 24,
	VALIDITIES = 10,
	PREFECTURES = 48,
	SIZES = 16
};

struct by_kind {
	int64_t n[KINDS]; /* as codes_question_kind stands; last: unknown */
};
struct reason {
	char code[8];
	struct by_kind count;
};
struct place {
	char code[12]; /* "" free */
	struct by_kind count;
};
struct named {
	char name[8];
	struct by_kind count;
};

struct tally {
	int64_t total, micros, longest;
	struct by_kind kind[2]; /* answered, refused */
	struct by_kind hour[HOURS], validity[VALIDITIES];
	struct reason reason[REASONS]; /* [0] none; last: all beyond */
	int reasons;
	int64_t card[RESULTS]; /* as codes_card_result stands; last: none */
	struct place *place; /* open addressing, a power of two */
	size_t places, used;
};

struct tally *
tally_new(void)
{
	struct tally *t = text_alloc(sizeof(*t));

	t->places = 1024;
	t->place = text_alloc(t->places * sizeof(*t->place));
	snprintf(t->reason[0].code, sizeof(t->reason[0].code), "none");
	t->reasons = 1;
	return t;
}

void
tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	free(t->place);
	free(t);
}

/* Place of a code in its list; max - 1 where it has none. */
static int
index_of(const struct code *codes, struct slice s, int max)
{
	int i;

	for (i = 0; i < max - 1 && codes[i].code != NULL; i++)
		if (slice_is(s, codes[i].code))
			return i;
	return max - 1;
}

static struct by_kind *
reason_of(struct tally *t, struct slice code)
{
	int i;

	if (code.n == 0)
		return &t->reason[0].count;
	for (i = 1; i < t->reasons; i++)
		if (slice_is(code, t->reason[i].code))
			return &t->reason[i].count;
	if (i == REASONS)
		return &t->reason[REASONS - 1].count;
	t->reasons++;
	snprintf(t->reason[i].code, sizeof(t->reason[i].code), "%.*s",
	    (int)(code.n < 7 ? code.n : 7), code.p);
	return &t->reason[i].count;
}

static size_t
place_hash(const char *code)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *code != '\0'; code++)
		h = (h ^ (unsigned char)*code) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 32);
}

static struct place *
place_at(struct place *v, size_t n, const char *code)
{
	size_t i = place_hash(code) & (n - 1);

	while (*v[i].code != '\0' && strcmp(v[i].code, code) != 0)
		i = (i + 1) & (n - 1);
	return &v[i];
}

static void
places_grow(struct tally *t)
{
	size_t n = t->places * 2;
	struct place *v = text_alloc(n * sizeof(*v));

	for (size_t i = 0; i < t->places; i++)
		if (*t->place[i].code != '\0')
			*place_at(v, n, t->place[i].code) = t->place[i];
	free(t->place);
	t->place = v;
	t->places = n;
}

static struct by_kind *
place_of(struct tally *t, struct slice code)
{
	char name[12] = "none";
	struct place *p;

	if (code.n > 0)
		snprintf(name, sizeof(name), "%.*s",
		    (int)(code.n < 11 ? code.n : 11), code.p);
	p = place_at(t->place, t->places, name);
	if (*p->code == '\0') {
		if (++t->used * 2 > t->places) {
			places_grow(t);
			p = place_at(t->place, t->places, name);
		}
		memcpy(p->code, name, sizeof(p->code));
	}
	return &p->count;
}

static int
hour_of(struct slice at)
{
	/* 2026-08-01T09:15:02.123+09:00 */
	int64_t h =
	    at.n >= 13 ? slice_number((struct slice) { at.p + 11, 2 }) : 0;

	return h >= 0 && h < HOURS ? (int)h : 0;
}

void
tally_add(struct tally *t, const struct record *line)
{
	const struct value *v = line->v;
	int kind = index_of(codes_question_kind, v[U_KIND].s, KINDS);
	int validity = v[U_VALIDITY].s.n == 1 ? v[U_VALIDITY].s.p[0] - '0' : 0;
	int64_t micros = slice_number(v[U_MICROS].s);

	if (validity < 0 || validity >= VALIDITIES)
		validity = 0;
	t->total++;
	t->kind[v[U_CODE].s.n > 0].n[kind]++;
	t->hour[hour_of(v[U_AT].s)].n[kind]++;
	t->validity[validity].n[kind]++;
	reason_of(t, v[U_CODE].s)->n[kind]++;
	t->card[index_of(codes_card_result, v[U_CARD_RESULT].s, RESULTS)]++;
	place_of(t, v[U_INSTITUTION].s)->n[kind]++;
	if (micros > 0)
		t->micros += micros;
	if (micros > t->longest)
		t->longest = micros;
}

int64_t
tally_total(const struct tally *t)
{
	return t->total;
}

int64_t
tally_kind(const struct tally *t, const char *kind)
{
	int i = index_of(codes_question_kind, slice_of(kind), KINDS);

	return t->kind[0].n[i] + t->kind[1].n[i];
}

/* ---- the figures ---- */

struct out {
	struct record_writer *w;
	int32_t day;
	int ok;
};

static void
put(struct out *o, enum statistics_theme theme, const char *key1,
    const char *key2, int64_t value)
{
	if (o->ok == 0)
		o->ok =
		    statistics_write(o->w, o->day, theme, key1, key2, value);
}

static const char *
kind_name(int i)
{
	for (int k = 0; k <= i; k++)
		if (codes_question_kind[k].code == NULL)
			return "none";
	return i == KINDS - 1 ? "none" : codes_question_kind[i].code;
}

/* One row per kind that asked. */
static void
put_kinds(struct out *o, enum statistics_theme theme, const char *key1,
    const struct by_kind *c)
{
	for (int k = 0; k < KINDS; k++)
		if (c->n[k] > 0)
			put(o, theme, key1, kind_name(k), c->n[k]);
}

static void
put_hours(struct tally *t, struct out *o)
{
	char key[12];

	for (int h = 0; h < HOURS; h++) {
		snprintf(key, sizeof(key), "%02d", h);
		put_kinds(o, THEME_HOUR, key, &t->hour[h]);
	}
}

static void
put_validities(struct tally *t, struct out *o)
{
	char key[8];

	for (int v = 0; v < VALIDITIES; v++) {
		snprintf(key, sizeof(key), "%d", v);
		put_kinds(
		    o, THEME_VALIDITY, v == 0 ? "none" : key, &t->validity[v]);
	}
}

static int
reason_cmp(const void *a, const void *b)
{
	return strcmp(
	    ((const struct reason *)a)->code, ((const struct reason *)b)->code);
}

static void
put_cards(struct tally *t, struct out *o)
{
	for (int i = 0; codes_card_result[i].code != NULL; i++)
		if (t->card[i] > 0)
			put(o, THEME_CARD, codes_card_result[i].code, "",
			    t->card[i]);
	if (t->card[RESULTS - 1] > 0)
		put(o, THEME_CARD, "none", "", t->card[RESULTS - 1]);
}

static void
named_add(struct named *v, size_t n, const char *name, const struct by_kind *c)
{
	for (size_t i = 0; i < n; i++) {
		if (*v[i].name == '\0')
			memcpy(v[i].name, name, sizeof(v[i].name));
		if (strcmp(v[i].name, name) != 0)
			continue;
		for (int k = 0; k < KINDS; k++)
			v[i].count.n[k] += c->n[k];
		return;
	}
}

static int
named_cmp(const void *a, const void *b)
{
	return strcmp(
	    ((const struct named *)a)->name, ((const struct named *)b)->name);
}

static void
put_named(struct out *o, enum statistics_theme theme, struct named *v, size_t n)
{
	qsort(v, n, sizeof(*v), named_cmp);
	for (size_t i = 0; i < n; i++)
		if (*v[i].name != '\0')
			put_kinds(o, theme, v[i].name, &v[i].count);
}

static void
put_places(struct tally *t, struct out *o, tally_where_fn *where, void *arg)
{
	struct named prefecture[PREFECTURES + 1] = { 0 };
	struct named size[SIZES] = { 0 };

	for (size_t i = 0; i < t->places; i++) {
		char p[8] = "none", s[8] = "none";

		if (*t->place[i].code == '\0')
			continue;
		if (strcmp(t->place[i].code, "none") != 0)
			where(arg, t->place[i].code, p, s);
		named_add(prefecture, PREFECTURES + 1, p, &t->place[i].count);
		named_add(size, SIZES, s, &t->place[i].count);
	}
	put_named(o, THEME_PREFECTURE, prefecture, PREFECTURES + 1);
	put_named(o, THEME_SIZE, size, SIZES);
}

int
tally_write(struct tally *t, struct record_writer *w, int32_t day,
    tally_where_fn *where, void *arg)
{
	struct out o = { .w = w, .day = day };

	put(&o, THEME_TOTAL, "", "", t->total);
	for (int k = 0; k < KINDS; k++) {
		if (t->kind[0].n[k] > 0)
			put(&o, THEME_KIND, kind_name(k), "answered",
			    t->kind[0].n[k]);
		if (t->kind[1].n[k] > 0)
			put(&o, THEME_KIND, kind_name(k), "refused",
			    t->kind[1].n[k]);
	}
	put_hours(t, &o);
	put_validities(t, &o);
	qsort(t->reason, (size_t)t->reasons, sizeof(t->reason[0]), reason_cmp);
	for (int i = 0; i < t->reasons; i++)
		put_kinds(
		    &o, THEME_REFUSAL, t->reason[i].code, &t->reason[i].count);
	put_cards(t, &o);
	put_places(t, &o, where, arg);
	if (t->total > 0) {
		put(&o, THEME_TIME, "mean", "", t->micros / t->total);
		put(&o, THEME_TIME, "max", "", t->longest);
	}
	return o.ok;
}
