#include <stdlib.h>
#include <string.h>

#include "batch/merge.h"
#include "formats/codec/day.h"
#include "formats/feeds.h"

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
	return add(m, rec) == -1 ? DIAG_SEGMENT_BROKEN : DIAG_ADDED;
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
	return DIAG_AMENDED;
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
	enum diag_code code = replace(m, &ended, at);
	return code == DIAG_AMENDED ? DIAG_LOST : code;
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

static size_t
find(const struct merge *m, int32_t day)
{
	size_t at = 0;

	while (at < m->n && m->v[at].from != day)
		at++;
	return at;
}

static bool
is_past(const struct merge *m, const struct record *rec, bool is_stored)
{
	return m->past != NULL && rec->v[Q_LOST_ON].s.n > 0 &&
	    m->past(m->past_arg, until_of(rec), is_stored);
}

bool
merge_over(const struct merge *m, const struct record *change)
{
	return find(m, (int32_t)change->v[Q_QUALIFIED_ON].n) == m->n &&
	    is_past(m, change, false);
}

enum diag_code
merge_purge(struct merge *m, const struct record *order)
{
	size_t at = find(m, (int32_t)order->v[Q_QUALIFIED_ON].n);

	if (at == m->n || m->v[at].until != until_of(order) ||
	    !is_past(m, order, true))
		return DIAG_UNCHANGED;
	drop(m, at);
	return DIAG_PURGED;
}

static enum diag_code
apply_kind(struct merge *m, const struct record *rec, int kind, size_t at)
{
	if (kind == CHANGE_NEW)
		return apply_new(m, rec, at);
	if (at == m->n)
		return DIAG_NOT_THERE;
	if (kind == CHANGE_AMEND)
		return replace(m, rec, at);
	if (kind == CHANGE_LOSS)
		return apply_loss(m, rec, at);
	drop(m, at);
	return DIAG_CANCELLED;
}

static bool
is_change(int kind)
{
	return kind == CHANGE_NEW || kind == CHANGE_AMEND ||
	    kind == CHANGE_LOSS || kind == CHANGE_CANCEL;
}

enum diag_code
merge_apply(struct merge *m, const struct record *rec)
{
	int kind = change_of(rec);

	if (!is_change(kind))
		return DIAG_SEGMENT_BROKEN;
	if (merge_over(m, rec))
		return DIAG_RETENTION_OVER;
	if (another_person(m, rec))
		return DIAG_PERSON_CHANGED;
	return apply_kind(
	    m, rec, kind, find(m, (int32_t)rec->v[Q_QUALIFIED_ON].n));
}

/* 性別1 and 生年月日 of every period. 1: some were others; 0; -1 broken. */
static int
correct_person(struct merge *m, const struct record *rec)
{
	struct slice payload;
	int corrected = 0;

	for (size_t i = 0; i < m->n; i++) {
		payload = (struct slice) { m->v[i].payload, m->v[i].n };
		if (record_unpack(&qualification_format, payload, &m->rec) ==
		    -1)
			return -1;
		m->rec.v[Q_SEX1] = rec->v[Q_SEX1];
		m->rec.v[Q_BIRTHDATE] = rec->v[Q_BIRTHDATE];
		if (pack(m, &m->rec, &payload) == -1)
			return -1;
		if (!same(payload, &m->v[i])) {
			set_payload(&m->v[i], payload);
			corrected = 1;
		}
	}
	return corrected;
}

enum diag_code
merge_release(struct merge *m, const struct record *rec)
{
	int kind = change_of(rec);
	size_t at = find(m, (int32_t)rec->v[Q_QUALIFIED_ON].n);

	if (!is_change(kind))
		return DIAG_SEGMENT_BROKEN;
	if (merge_over(m, rec))
		return DIAG_RETENTION_OVER;
	if (kind == CHANGE_NEW && at < m->n)
		kind = CHANGE_AMEND;
	enum diag_code code = apply_kind(m, rec, kind, at);
	if (merge_state(code) >= MERGE_REFUSED)
		return code;
	int corrected = correct_person(m, rec);
	if (corrected == -1)
		return DIAG_SEGMENT_BROKEN;
	remember_person(m, rec);
	return code == DIAG_UNCHANGED && corrected == 1 ? DIAG_AMENDED : code;
}

enum diag_code
merge_link(struct record *stored, struct record *change)
{
	bool disputed = slice_is(stored->v[L_STATE].s, LINK_DISPUTED);

	if (!slice_eq(stored->v[L_PROCESSING_NUMBER].s,
		change->v[L_PROCESSING_NUMBER].s)) {
		if (slice_is(stored->v[L_STATE].s, LINK_IN_FORCE))
			record_set(stored, L_STATE, slice_of(LINK_DISPUTED));
		return DIAG_CARD_TWO_PERSONS;
	}
	/* sent again it is no less disputed */
	if (disputed && slice_is(change->v[L_STATE].s, LINK_IN_FORCE))
		record_set(change, L_STATE, slice_of(LINK_DISPUTED));
	return DIAG_AMENDED;
}

void
merge_link_settle(struct record *stored)
{
	if (slice_is(stored->v[L_STATE].s, LINK_DISPUTED))
		record_set(stored, L_STATE, slice_of(LINK_IN_FORCE));
}

/* ---- full files ---- */

/* One record of a full file: into the new set beside the stored periods. */
static enum diag_code
state_row(struct merge *stored, struct merge *fresh, const struct record *rec)
{
	int32_t day = (int32_t)rec->v[Q_QUALIFIED_ON].n;
	int kind = change_of(rec);
	struct slice payload;

	if (!is_change(kind))
		return DIAG_SEGMENT_BROKEN;
	if (merge_over(stored, rec))
		return DIAG_RETENTION_OVER;
	if (another_person(stored, rec) || another_person(fresh, rec))
		return DIAG_PERSON_CHANGED;
	size_t at = find(stored, day);
	if (kind == CHANGE_CANCEL)
		return at < stored->n ? DIAG_CANCELLED : DIAG_NOT_THERE;
	enum diag_code code = apply_new(fresh, rec, find(fresh, day));
	if (code != DIAG_ADDED)
		return code == DIAG_UNCHANGED ? DIAG_ALREADY_THERE : code;
	if (at == stored->n)
		return DIAG_ADDED;
	if (pack(stored, rec, &payload) == -1)
		return DIAG_SEGMENT_BROKEN;
	return same(payload, &stored->v[at]) ? DIAG_UNCHANGED :
	    kind == CHANGE_LOSS		     ? DIAG_LOST :
					       DIAG_AMENDED;
}

/* Stored periods that have no record and no 取消 in the file. */
static int
unnamed(
    const struct merge *m, size_t kept, const struct merge_row *rows, size_t n)
{
	size_t said = kept;

	for (size_t i = 0; i < n; i++)
		said += rows[i].code == DIAG_CANCELLED;
	return (int)(m->n - said);
}

int
merge_full(struct merge *m, struct merge_row *rows, size_t n)
{
	struct merge fresh;
	size_t kept = 0;
	bool whole = true;
	int r = -1;

	merge_init(&fresh);
	fresh.past = m->past;
	fresh.past_arg = m->past_arg;
	for (size_t i = 0; i < n; i++) {
		struct slice payload = { rows[i].payload, rows[i].n };
		struct record *rec = &m->rec;
		if (record_unpack(&qualification_format, payload, rec) == -1)
			goto out;
		rows[i].code = DIAG__MAX;
		rows[i].from = (int32_t)rec->v[Q_QUALIFIED_ON].n;
		if (slice_is(rec->v[Q_CHANGE].s, "0")) {
			whole = false;
			continue;
		}
		rows[i].code = state_row(m, &fresh, rec);
		if (rows[i].code == DIAG_SEGMENT_BROKEN)
			goto out;
		whole = whole && merge_state(rows[i].code) < MERGE_REFUSED;
		kept += rows[i].code == DIAG_UNCHANGED ||
		    rows[i].code == DIAG_AMENDED || rows[i].code == DIAG_LOST;
	}
	if (whole) {
		r = unnamed(m, kept, rows, n);
		struct merge old = *m;
		*m = fresh;
		fresh = old;
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		if (rows[i].code != DIAG__MAX &&
		    merge_state(rows[i].code) < MERGE_UNCHANGED)
			rows[i].code = DIAG_FULL_KEPT;
	r = 0;
out:
	merge_free(&fresh);
	return r;
}

/* ---- results ---- */

const char *const merge_state_names[MERGE__MAX] = {
	[MERGE_ADDED] = "added",
	[MERGE_AMENDED] = "amended",
	[MERGE_LOST] = "lost",
	[MERGE_CANCELLED] = "cancelled",
	[MERGE_UNCHANGED] = "unchanged",
	[MERGE_REFUSED] = "refused",
	[MERGE_HELD] = "held",
};

enum merge_state
merge_state(enum diag_code code)
{
	switch (code) {
	case DIAG_ADDED:
		return MERGE_ADDED;
	case DIAG_AMENDED:
		return MERGE_AMENDED;
	case DIAG_LOST:
		return MERGE_LOST;
	case DIAG_CANCELLED:
		return MERGE_CANCELLED;
	case DIAG_UNCHANGED:
	case DIAG_RETENTION_OVER:
		return MERGE_UNCHANGED;
	case DIAG_PERSON_CHANGED:
	case DIAG_CARD_TWO_PERSONS:
		return MERGE_HELD;
	default:
		return MERGE_REFUSED;
	}
}

const struct record *
merge_period(struct merge *m, size_t i)
{
	struct slice payload = { m->v[i].payload, m->v[i].n };

	if (record_unpack(&qualification_format, payload, &m->rec) == -1)
		return NULL;
	return &m->rec;
}
