/*
 * A small world of snapshots for the tests of online/: rows are added in any
 * order, sorted by key, and made into the four snapshots by snapshot_make.
 * Included by tests/unit/respond_test.c and tests/tools/tinyset.c.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/snapshot_make.h"

#define WORLD_MAX 5000

struct world_row {
	struct typed_key key;
	int32_t from;
	int pseudonym; /* 0: not paired */
	struct record rec;
};
struct world_fact { /* a card, a revocation, an institution, an insurer */
	enum snapshot_kind kind;
	bool insurer;
	char sort[41];
	struct record rec;
	char text[128];
};
struct world {
	struct world_row *row;
	size_t rows;
	struct world_fact *fact;
	size_t facts;
	const char *ca, *partition; /* of the CRL; NULL: none */
	int64_t this_update, next_update;
	const char *revoked[16];
	size_t n_revoked;
	struct snapshot_set set;
};

static void
world_set(struct record *rec, int field, const char *text)
{
	struct slice s = slice_of(text);

	record_set(rec, field, s);
	if (s.n > 0 && rec->format->fields[field].type == FIELD_DAY)
		rec->v[field].n = day_parse(s);
}

/* Fields and their texts (which must live on), ended by -1. */
static void
world_fill(struct record *rec, const struct format *f, va_list ap)
{
	record_init(rec, f);
	for (int i = va_arg(ap, int); i != -1; i = va_arg(ap, int)) {
		const char *text = va_arg(ap, const char *);
		if (text != NULL && text[0] != '\0')
			world_set(rec, i, text);
	}
}

static struct world *
world_new(void)
{
	struct world *w = text_alloc(sizeof(*w));

	w->row = text_alloc(WORLD_MAX * sizeof(*w->row));
	w->fact = text_alloc(WORLD_MAX * sizeof(*w->fact));
	return w;
}

static void
world_free(struct world *w)
{
	free(w->row);
	free(w->fact);
	free(w);
}

static void
world_period(struct world *w, char scheme, int pseudonym, ...)
{
	struct world_row *r = &w->row[w->rows++];
	struct slice code;
	va_list ap;

	va_start(ap, pseudonym);
	world_fill(&r->rec, &qualification_format, ap);
	va_end(ap);
	code = scheme == 'C' ? r->rec.v[Q_INSURER_NUMBER].s :
			       r->rec.v[Q_INSURER_CODE].s;
	typed_key_make(&r->key, scheme, code, r->rec.v[Q_PERSON_ID].s);
	r->from = (int32_t)r->rec.v[Q_QUALIFIED_ON].n;
	r->pseudonym = pseudonym;
}

static void
world_add(struct world *w, enum snapshot_kind kind, const struct format *f,
    int sort_field, ...)
{
	struct world_fact *r = &w->fact[w->facts++];
	va_list ap;

	va_start(ap, sort_field);
	world_fill(&r->rec, f, ap);
	va_end(ap);
	r->kind = kind;
	r->insurer = f == &insurer_format;
	/* serials of one length here: text order is number order */
	snprintf(r->sort, sizeof(r->sort), "%.*s",
	    (int)r->rec.v[sort_field].s.n, r->rec.v[sort_field].s.p);
}

static int
world_by_key(const void *a, const void *b)
{
	const struct world_row *x = a, *y = b;
	int c = memcmp(x->key.b, y->key.b, TYPED_KEY_SIZE);

	return c != 0 ? c : (x->from > y->from) - (x->from < y->from);
}

static int
world_by_sort(const void *a, const void *b)
{
	const struct world_fact *x = a, *y = b;

	return strcmp(x->sort, y->sort);
}

static int
world_put_periods(struct world *w, struct snapshot_make *m)
{
	int r = 0;

	for (size_t i = 0; i < w->rows && r == 0; i++) {
		const struct world_row *p = &w->row[i];
		char pair[64] = "";
		if (i == 0 ||
		    memcmp(p->key.b, w->row[i - 1].key.b, TYPED_KEY_SIZE) !=
			0) {
			if (p->pseudonym != 0)
				snprintf(pair, sizeof(pair), "P%d\n%032x",
				    p->pseudonym, (unsigned)p->pseudonym);
			r = snapshot_add_person(m, &p->key, slice_of(pair));
		}
		if (r == 0)
			r = snapshot_add_period(m, &p->key, &p->rec);
	}
	return r;
}

static int
world_put(struct world *w, enum snapshot_kind kind, struct snapshot_make *m)
{
	int r = 0;

	if (kind == SNAPSHOT_QUALIFICATION)
		r = world_put_periods(w, m);
	if (kind == SNAPSHOT_REVOCATION && w->partition != NULL)
		r = snapshot_add_partition(m, w->ca, w->partition,
		    w->this_update, w->next_update, "0a");
	for (size_t i = 0; i < w->n_revoked && r == 0; i++)
		if (kind == SNAPSHOT_REVOCATION)
			r = snapshot_add_revoked(
			    m, w->revoked[i], w->this_update, 1);
	for (size_t i = 0; i < w->facts && r == 0; i++) {
		const struct world_fact *f = &w->fact[i];
		if (f->kind != kind)
			continue;
		if (f->insurer)
			r = snapshot_add_insurer(m, &f->rec);
		else if (kind == SNAPSHOT_CARDS)
			r = snapshot_add_card(m, &f->rec);
		else
			r = snapshot_add_institution(m, &f->rec);
	}
	return r;
}

/* The four snapshots of generation g in dir; w->set says what they are. */
static int
world_make(struct world *w, const char *dir, int64_t g, int32_t day,
    struct diag_sink *sink)
{
	qsort(w->row, w->rows, sizeof(*w->row), world_by_key);
	qsort(w->fact, w->facts, sizeof(*w->fact), world_by_sort);
	w->set.serial = g;
	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		struct snapshot_set_entry *e = &w->set.kind[k];
		struct snapshot_make *m;
		memset(e, 0, sizeof(*e));
		e->generation = g;
		e->day = day;
		e->cut_off = day_moment(day, 21 * INT64_C(3600000));
		m = snapshot_create(dir, (enum snapshot_kind)k, e, sink);
		if (m == NULL)
			return -1;
		if (world_put(w, (enum snapshot_kind)k, m) == -1) {
			snapshot_abandon(m);
			return -1;
		}
		if (snapshot_finish(m, e) == -1)
			return -1;
	}
	return 0;
}

/* Made and opened, as a responder has them. */
static inline int
world_open(struct world *w, const char *dir, int32_t day,
    struct snapshot *kind[SNAPSHOT__MAX], struct diag_sink *sink)
{
	if (world_make(w, dir, 1, day, sink) == -1)
		return -1;
	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		kind[k] = snapshot_open(
		    dir, (enum snapshot_kind)k, &w->set.kind[k], true, sink);
		if (kind[k] == NULL)
			return -1;
	}
	return 0;
}

/* Closed, and the files removed. */
static inline void
world_close(const struct world *w, const char *dir,
    struct snapshot *kind[SNAPSHOT__MAX])
{
	char path[1024];

	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		snapshot_close(kind[k]);
		kind[k] = NULL;
		snprintf(path, sizeof(path), "%s/%s", dir, w->set.kind[k].file);
		unlink(path);
	}
}

#endif
