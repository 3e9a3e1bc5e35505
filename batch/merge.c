#include <stdlib.h>
#include <string.h>

#include "batch/merge.h"
#include "formats/codec/day.h"

#define PACKED_MAX 65536

void
merge_init(struct merge *m)
{
	memset(m, 0, sizeof(*m));
	m->packed = text_alloc(PACKED_MAX);
}

void
merge_free(struct merge *m)
{
	for (size_t i = 0; i < m->max; i++)
		free(m->v[i].payload);
	free(m->v);
	free(m->packed);
}

void
merge_begin(struct merge *m)
{
	m->n = 0;
}

/* A record as it is stored: what the change itself says is left out. */
static int
pack(struct merge *m, const struct record *rec, struct slice *out)
{
	const struct slice none = { NULL, 0 };
	struct record stored = *rec;
	struct buf b;

	record_set(&stored, Q_CHANGE, none);
	record_set(&stored, Q_CHANGE_DATE, none);
	buf_init(&b, m->packed, PACKED_MAX);
	if (record_pack(&stored, &b) == -1 || b.full)
		return -1;
	*out = (struct slice) { b.p, b.n };
	return 0;
}

static void
set_payload(struct merge_period *p, struct slice payload)
{
	if (payload.n > p->room) {
		p->room = payload.n + 64;
		p->payload = text_realloc(p->payload, p->room);
	}
	memcpy(p->payload, payload.p, payload.n);
	p->n = payload.n;
}

static int32_t
until_of(const struct record *rec)
{
	return rec->v[Q_LOST_ON].s.n == 0 ? INT32_MAX :
					    (int32_t)rec->v[Q_LOST_ON].n;
}

/* A place for a period of this day; the order is kept. */
static struct merge_period *
insert(struct merge *m, int32_t from)
{
	size_t at = m->n;

	if (m->n == m->max) {
		m->v = text_realloc(m->v, (2 * m->max + 4) * sizeof(*m->v));
		memset(m->v + m->max, 0, (m->max + 4) * sizeof(*m->v));
		m->max = 2 * m->max + 4;
	}
	while (at > 0 && m->v[at - 1].from > from)
		at--;
	struct merge_period spare = m->v[m->n];
	memmove(m->v + at + 1, m->v + at, (m->n - at) * sizeof(*m->v));
	m->v[at] = spare;
	m->v[at].from = from;
	m->n++;
	return &m->v[at];
}

static void
drop(struct merge *m, size_t at)
{
	struct merge_period spare = m->v[at];

	m->n--;
	memmove(m->v + at, m->v + at + 1, (m->n - at) * sizeof(*m->v));
	m->v[m->n] = spare;
}

static void
remember_person(struct merge *m, const struct record *rec)
{
	struct slice sex = rec->v[Q_SEX1].s;

	m->sex_n = sex.n < sizeof(m->sex) ? sex.n : sizeof(m->sex);
	if (m->sex_n > 0)
		memcpy(m->sex, sex.p, m->sex_n);
	m->birth = rec->v[Q_BIRTHDATE].n;
}

static int
add(struct merge *m, const struct record *rec)
{
	struct slice payload;

	if (pack(m, rec, &payload) == -1)
		return -1;
	if (m->n == 0)
		remember_person(m, rec);
	struct merge_period *p = insert(m, (int32_t)rec->v[Q_QUALIFIED_ON].n);
	p->until = until_of(rec);
	set_payload(p, payload);
	return 0;
}

int
merge_load(struct merge *m, const struct record *period)
{
	return add(m, period);
}

static bool
another_person(const struct merge *m, const struct record *rec)
{
	return m->n > 0 &&
	    (rec->v[Q_BIRTHDATE].n != m->birth ||
		!slice_eq(
		    rec->v[Q_SEX1].s, (struct slice) { m->sex, m->sex_n }));
}

/* [from, until) with any period but that at `but`; a period that ends on the
 * day it starts covers no day. */
static bool
overlaps(const struct merge *m, int32_t from, int32_t until, size_t but)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct merge_period *p = &m->v[i];
		int32_t a = p->from > from ? p->from : from;
		int32_t b = p->until < until ? p->until : until;
		if (i != but && a < b)
			return true;
	}
	return false;
}

static bool
same(struct slice a, const struct merge_period *p)
{
	return slice_eq(a, (struct slice) { p->payload, p->n });
}

static enum diag_code
apply_new(struct merge *m, const struct record *rec, size_t at)
{
	struct slice payload;

	if (at < m->n) {
		if (pack(m, rec, &payload) == -1)
			return DIAG_SEGMENT_BROKEN;
		return same(payload, &m->v[at]) ? DIAG_UNCHANGED :
						  DIAG_ALREADY_THERE;
	}
	if (overlaps(m, (int32_t)rec->v[Q_QUALIFIED_ON].n, until_of(rec), at))
		return DIAG_OVERLAP;
	return add(m, rec) == -1 ? DIAG_SEGMENT_BROKEN : DIAG__MAX;
}

static enum diag_code
replace(struct merge *m, const struct record *rec, size_t at)
{
	struct merge_period *p = &m->v[at];
	struct slice payload;

	if (pack(m, rec, &payload) == -1)
		return DIAG_SEGMENT_BROKEN;
	if (same(payload, p))
		return DIAG_UNCHANGED;
	if (overlaps(m, p->from, until_of(rec), at))
		return DIAG_OVERLAP;
	p->until = until_of(rec);
	set_payload(p, payload);
	return DIAG__MAX;
}

static enum diag_code
apply_loss(struct merge *m, const struct record *rec, size_t at)
{
	struct slice stored = { m->v[at].payload, m->v[at].n };
	struct record ended;

	if (record_unpack(&qualification_format, stored, &ended) == -1)
		return DIAG_SEGMENT_BROKEN;
	ended.v[Q_LOST_ON] = rec->v[Q_LOST_ON];
	ended.v[Q_LOSS_REASON] = rec->v[Q_LOSS_REASON];
	return replace(m, &ended, at);
}

/* 異動区分; -1: none, or the record names no period. */
static int
change_of(const struct record *rec)
{
	struct slice change = rec->v[Q_CHANGE].s;

	if (change.n != 1 || rec->v[Q_QUALIFIED_ON].s.n != 8 ||
	    rec->v[Q_QUALIFIED_ON].n == DAY_NONE)
		return -1;
	return change.p[0] - '0';
}

bool
merge_is_first(const struct record *change)
{
	return change_of(change) == CHANGE_NEW;
}

enum diag_code
merge_apply(struct merge *m, const struct record *rec)
{
	int32_t day = (int32_t)rec->v[Q_QUALIFIED_ON].n;
	int kind = change_of(rec);
	size_t at = 0;

	if (kind != CHANGE_NEW && kind != CHANGE_AMEND && kind != CHANGE_LOSS &&
	    kind != CHANGE_CANCEL)
		return DIAG_SEGMENT_BROKEN;
	if (another_person(m, rec))
		return DIAG_PERSON_CHANGED;
	while (at < m->n && m->v[at].from != day)
		at++;
	if (kind == CHANGE_NEW)
		return apply_new(m, rec, at);
	if (at == m->n)
		return DIAG_NOT_THERE;
	if (kind == CHANGE_AMEND)
		return replace(m, rec, at);
	if (kind == CHANGE_LOSS)
		return apply_loss(m, rec, at);
	drop(m, at);
	return DIAG__MAX;
}

const struct record *
merge_period(struct merge *m, size_t i)
{
	struct slice payload = { m->v[i].payload, m->v[i].n };

	if (record_unpack(&qualification_format, payload, &m->rec) == -1)
		return NULL;
	return &m->rec;
}
