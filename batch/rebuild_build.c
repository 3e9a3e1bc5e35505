#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch/merge.h"
#include "batch/partners.h"
#include "batch/rebuild_build.h"
#include "batch/rebuild_facts.h"
#include "batch/rebuild_links.h"
#include "batch/rebuild_moves.h"
#include "batch/retention.h"
#include "batch/spool.h"
#include "formats/snapshot_make.h"

#define PAYLOAD_MAX 65536
#define LOOK_EVERY 4096 /* keys between looks at signals and progress */

struct said {
	int file;
	int64_t record;
	int32_t from;
};
struct pass { /* one snapshot being built */
	const struct build *b;
	enum snapshot_kind kind;
	struct snapshot *base;
	struct snapshot_walk *walk;
	struct snapshot_walk_row row;
	int have_row;
	struct changes *changes;
	struct snapshot_make *make;
	struct merge merge;
	struct record rec; /* of the change at hand */
	char key[SEGMENT_KEY_SIZE]; /* being merged */
	/* what is stored under the key: pair payload, or card, institution */
	char *stored, *fresh;
	size_t stored_n;
	bool has_stored;
	struct moves *moves; /* NULL: no key changes */
	struct facts *facts; /* NULL: a first load */
	struct links *links; /* CARDS */
	int link_file; /* whose record says how the link is now; -1: none */
	int64_t link_record;
	struct said *said; /* records that say how a period of the key is */
	size_t n_said, max_said;
	struct retention retention;
	struct snapshot *people; /* CARDS, once asked for */
	bool purged; /* a period of the key was dropped by an order */
	bool paired; /* the key's pair is new or another one */
	struct merge_row *full; /* records of the key in a full file */
	size_t n_full, max_full;
	bool first; /* rec is the key's only period, new in this run */
	int64_t keys, done, total;
};

unsigned
build_inputs(enum snapshot_kind kind)
{
	switch (kind) {
	case SNAPSHOT_QUALIFICATION:
		return 1u << SEGMENT_PERIOD | 1u << SEGMENT_PAIR |
		    1u << SEGMENT_REKEY;
	case SNAPSHOT_CARDS:
		return 1u << SEGMENT_CARD;
	case SNAPSHOT_INSTITUTIONS:
		return 1u << SEGMENT_INSTITUTION;
	default:
		return 0;
	}
}

static const struct format *
format_of(enum snapshot_kind kind)
{
	return kind == SNAPSHOT_CARDS	  ? &link_format :
	    kind == SNAPSHOT_INSTITUTIONS ? &institution_format :
					    &qualification_format;
}

static int
next_row(struct pass *p)
{
	p->have_row =
	    p->walk == NULL ? 0 : snapshot_walk_step(p->walk, &p->row);
	if (p->have_row == 1 && key_range_cmp(p->b->range, p->row.key) > 0)
		p->have_row = 0;
	p->done += p->have_row == 1;
	if (p->have_row == 1 && !p->row.pair &&
	    p->kind == SNAPSHOT_QUALIFICATION)
		guard_row(p->b->guard, p->row.key, false);
	return p->have_row == -1 ? -1 : 0;
}

static int
damaged(struct pass *p, const char *what)
{
	const struct change *c = changes_at(p->changes);
	char stem[64] = "";

	if (c != NULL)
		filename_format(&p->b->in->files[c->file], "", stem);
	diag_file(&p->b->run->log.sink, DIAG_SEGMENT_BROKEN, stem, "%s", what);
	return -1;
}

static int
add_row(struct pass *p, const char *key, const struct record *rec)
{
	struct typed_key k;

	if (p->kind == SNAPSHOT_CARDS)
		return snapshot_add_card(p->make, rec);
	if (p->kind == SNAPSHOT_INSTITUTIONS)
		return snapshot_add_institution(p->make, rec);
	guard_row(p->b->guard, key, true);
	memcpy(k.b, key, sizeof(k.b));
	return snapshot_add_period(p->make, &k, rec);
}

static int
add_pair(struct pass *p, const char *key, struct slice payload)
{
	struct typed_key k;

	memcpy(k.b, key, sizeof(k.b));
	return snapshot_add_person(p->make, &k, payload);
}

static int
fill_row(struct pass *p)
{
	return snapshot_walk_fill(p->walk, &p->row);
}

/* The row at hand goes; it may be added again. */
static int
drop_row(struct pass *p)
{
	struct typed_key k;

	if (p->kind != SNAPSHOT_QUALIFICATION)
		return 0;
	memcpy(k.b, p->row.key, sizeof(k.b));
	return p->row.pair ? snapshot_drop_person(p->make, &k, p->row.payload) :
			     snapshot_drop_period(p->make, &k, p->row.rec);
}

/* Stored periods a full file has not got. */
static void
removed(struct pass *p, int file, int64_t n)
{
	reflect_removed(p->b->reflect, file, n);
	p->b->guard->losses += n;
}

/* A row no change speaks of: it stays, unless a full file has not got it. */
static int
keep_row(struct pass *p)
{
	size_t n;

	if (!p->row.pair && p->kind == SNAPSHOT_QUALIFICATION) {
		const struct change_scope *scope =
		    changes_scopes(p->changes, p->row.key, &n);
		if (scope != NULL) {
			removed(p, scope->file, 1);
			if (fill_row(p) == -1 || drop_row(p) == -1)
				return -1;
			return next_row(p);
		}
	}
	if (p->links != NULL && links_waits(p->links, p->row.key) &&
	    (fill_row(p) == -1 ||
		links_add(p->links, p->row.key, p->row.rec, -1, 0) == -1))
		return -1;
	int r = snapshot_keep(p->make, &p->row);
	if (r == 0 && !p->row.pair && p->kind == SNAPSHOT_QUALIFICATION)
		guard_row(p->b->guard, p->row.key, true);
	if (r == 1)
		r = fill_row(p) == -1 ? -1 : add_row(p, p->row.key, p->row.rec);
	return r == -1 ? -1 : next_row(p);
}

static void
store(struct pass *p, struct slice payload)
{
	memcpy(p->stored, payload.p, payload.n);
	p->stored_n = payload.n;
	p->has_stored = true;
}

static struct slice
stored(const struct pass *p)
{
	return (struct slice) { p->stored, p->stored_n };
}

/* A change that says the whole: the same, or the newer of two. */
static enum diag_code
replace(struct pass *p, struct slice payload)
{
	bool had = p->has_stored;

	if (had && slice_eq(stored(p), payload))
		return DIAG_UNCHANGED;
	store(p, payload);
	return had ? DIAG_AMENDED : DIAG_ADDED;
}

static bool
is_pair(struct slice s)
{
	if (s.n < 34 || s.n > 64 + 33 || s.p[s.n - 33] != '\n')
		return false;
	bool hex = true;
	for (size_t i = s.n - 32; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i];
		hex &= c - '0' < 10 || c - 'a' < 6;
	}
	return hex && memchr(s.p, '\n', s.n - 33) == NULL &&
	    memchr(s.p, '\0', s.n - 33) == NULL;
}

/* CA and serial as the key has them: one spelling for one certificate. */
static void
canonical(struct record *rec, const char *key, char hex[64])
{
	size_t zeros = 40;

	text_hex(key, SEGMENT_KEY_SIZE, hex);
	while (zeros < 63 && hex[zeros] == '0')
		zeros++;
	record_set(rec, L_CA, (struct slice) { hex, 40 });
	record_set(rec, L_SERIAL, (struct slice) { hex + zeros, 64 - zeros });
}

static int
pack(struct pass *p, const struct record *rec, struct slice *out)
{
	struct buf b;

	buf_init(&b, p->fresh, PAYLOAD_MAX);
	if (record_pack(rec, &b) == -1 || b.full)
		return -1;
	*out = (struct slice) { b.p, b.n };
	return 0;
}

/* The stored link as it is now; it may be told of in other words only. */
static enum diag_code
put_link(struct pass *p, const struct record *link, enum diag_code code)
{
	struct slice packed;

	if (pack(p, link, &packed) == -1)
		return DIAG_SEGMENT_BROKEN;
	if (code != DIAG_AMENDED) {
		store(p, packed);
		return code;
	}
	return replace(p, packed);
}

/* A certificate of somebody else's is not taken over: held, disputed. */
static enum diag_code
apply_link(struct pass *p, const struct change *c)
{
	struct record before;
	char hex[64];

	if (p->has_stored &&
	    record_unpack(&link_format, stored(p), &before) == -1)
		return DIAG_SEGMENT_BROKEN;
	if (c->order == SEGMENT_DROP) {
		if (!p->has_stored)
			return DIAG_HOLD_DROPPED;
		merge_link_settle(&before);
		return put_link(p, &before, DIAG_HOLD_DROPPED);
	}
	if (record_unpack(&link_format, c->payload, &p->rec) == -1)
		return DIAG_SEGMENT_BROKEN;
	canonical(&p->rec, c->key, hex);
	if (p->has_stored && c->order != SEGMENT_RELEASE &&
	    merge_link(&before, &p->rec) == DIAG_CARD_TWO_PERSONS)
		return put_link(p, &before, DIAG_CARD_TWO_PERSONS);
	return put_link(p, &p->rec, DIAG_AMENDED);
}

/* What is stored under the key: of the base, before the changes. */
static int
load_key(struct pass *p)
{
	struct slice packed;

	p->has_stored = p->first = p->paired = p->purged = false;
	p->link_file = -1;
	p->n_said = 0;
	p->stored_n = 0;
	merge_begin(&p->merge);
	while (p->have_row == 1 &&
	    memcmp(p->row.key, p->key, SEGMENT_KEY_SIZE) == 0) {
		if (fill_row(p) == -1 || drop_row(p) == -1)
			return -1;
		if (p->row.pair)
			store(p, p->row.payload);
		else if (p->kind == SNAPSHOT_QUALIFICATION) {
			if (merge_load(&p->merge, p->row.rec) == -1)
				return damaged(p, "period");
		} else {
			if (pack(p, p->row.rec, &packed) == -1)
				return damaged(p, "row");
			store(p, packed);
		}
		if (next_row(p) == -1)
			return -1;
	}
	return 0;
}

static int
sort_failed(struct pass *p)
{
	diag_file(&p->b->run->log.sink, DIAG_IO, "sort", "%s", strerror(errno));
	return -1;
}

/* What has come from an old key, ahead of the changes of the new one. */
static int
load_moved(struct pass *p)
{
	struct record rec;
	bool pair;

	while (p->moves != NULL && moves_key(p->moves) != NULL &&
	    memcmp(moves_key(p->moves), p->key, SEGMENT_KEY_SIZE) == 0) {
		struct slice row = moves_row(p->moves, &pair);
		if (pair && !p->has_stored)
			store(p, row);
		if (!pair &&
		    (record_unpack(&qualification_format, row, &rec) == -1 ||
			merge_load(&p->merge, &rec) == -1))
			return damaged(p, "moved period");
		if (!pair)
			guard_move(p->b->guard, p->key, 1);
		if (moves_next(p->moves) == -1)
			return sort_failed(p);
	}
	return 0;
}

/* What was kept in fresh only goes into the merge. */
static int
settle_first(struct pass *p)
{
	if (!p->first)
		return 0;
	p->first = false;
	return merge_load(&p->merge, &p->rec);
}

/* Most keys of a first load: a 新規 where nothing is. It is kept as it came
 * (in fresh) and taken into the merge only if another change follows. */
static enum diag_code
apply_period(struct pass *p, const struct change *c)
{
	if (settle_first(p) == -1)
		return DIAG_SEGMENT_BROKEN;
	struct slice payload = c->payload;
	if (p->merge.n == 0 && payload.n <= PAYLOAD_MAX) {
		memcpy(p->fresh, payload.p, payload.n);
		payload.p = p->fresh;
	}
	if (record_unpack(&qualification_format, payload, &p->rec) == -1)
		return DIAG_SEGMENT_BROKEN;
	if (c->order == SEGMENT_RELEASE)
		return merge_release(&p->merge, &p->rec);
	p->first = p->merge.n == 0 && merge_is_first(&p->rec) &&
	    !merge_over(&p->merge, &p->rec);
	return p->first ? DIAG_ADDED : merge_apply(&p->merge, &p->rec);
}

/* All that lies under the key goes to another one, further on. */
static enum diag_code
move_key(struct pass *p, const struct change *c)
{
	char to[SEGMENT_KEY_SIZE];
	struct slice packed;

	if (p->key[0] != 'C' || !moves_new_key(c->payload, to) ||
	    settle_first(p) == -1)
		return DIAG_SEGMENT_BROKEN;
	if (moves_taken(p->moves, c->file, c->record))
		return DIAG_KEY_TAKEN;
	if (p->merge.n == 0 && !p->has_stored)
		return DIAG_NOT_THERE;
	if (p->has_stored && moves_add(p->moves, to, true, stored(p)) == -1)
		return DIAG_IO;
	for (size_t i = 0; i < p->merge.n; i++) {
		const struct record *was = merge_period(&p->merge, i);
		if (was == NULL)
			return DIAG_SEGMENT_BROKEN;
		p->rec = *was;
		record_set(&p->rec, Q_INSURER_CODE,
		    (struct slice) { to + 1, SEGMENT_SCOPE_SIZE - 1 });
		record_set(&p->rec, Q_PERSON_ID,
		    (struct slice) { c->payload.p + SEGMENT_SCOPE_SIZE,
			c->payload.n - SEGMENT_SCOPE_SIZE });
		if (pack(p, &p->rec, &packed) == -1)
			return DIAG_SEGMENT_BROKEN;
		if (moves_add(p->moves, to, false, packed) == -1)
			return DIAG_IO;
	}
	guard_move(p->b->guard, p->key, -(int64_t)p->merge.n);
	merge_begin(&p->merge);
	p->has_stored = false;
	return DIAG_AMENDED;
}

static enum diag_code
apply(struct pass *p, const struct change *c)
{
	struct slice packed;

	if (c->kind == SEGMENT_CARD)
		return apply_link(p, c);
	if (c->order == SEGMENT_DROP)
		return DIAG_HOLD_DROPPED;
	if (c->kind == SEGMENT_REKEY)
		return move_key(p, c);
	if (c->kind == SEGMENT_PAIR)
		return is_pair(c->payload) ? replace(p, c->payload) :
					     DIAG_SEGMENT_BROKEN;
	if (c->kind == SEGMENT_PERIOD)
		return apply_period(p, c);
	if (record_unpack(format_of(p->kind), c->payload, &p->rec) == -1)
		return DIAG_SEGMENT_BROKEN;
	if (pack(p, &p->rec, &packed) == -1)
		return DIAG_SEGMENT_BROKEN;
	return replace(p, packed);
}

static void
count(struct run *run, enum diag_code code)
{
	enum merge_state state = merge_state(code);

	run->read++;
	if (state < MERGE_UNCHANGED)
		run->accepted++;
	else if (state == MERGE_UNCHANGED)
		run->unchanged++;
	else if (state == MERGE_HELD)
		run->held++;
	else
		run->refused++;
}

static void
remember_said(
    struct pass *p, const struct change *c, int64_t record, int32_t from)
{
	if (p->n_said == p->max_said) {
		p->max_said = 2 * p->max_said + 8;
		p->said = text_realloc(p->said, p->max_said * sizeof(*p->said));
	}
	p->said[p->n_said++] =
	    (struct said) { .file = c->file, .record = record, .from = from };
}

/* What became of one record; from: of a period's record, its day. */
static int
result(struct pass *p, const struct change *c, int64_t record, int32_t from,
    enum diag_code code)
{
	enum merge_state state = merge_state(code);

	count(p->b->run, code);
	if (c->kind == SEGMENT_PERIOD &&
	    (state == MERGE_LOST || state == MERGE_CANCELLED))
		p->b->guard->losses++;
	if (p->facts != NULL && state < MERGE_CANCELLED) {
		if (c->kind == SEGMENT_PERIOD)
			remember_said(p, c, record, from);
		p->paired = p->paired || c->kind == SEGMENT_PAIR;
	}
	if (p->links != NULL) {
		links_count(p->links, code);
		if (state < MERGE_UNCHANGED) {
			p->link_file = c->file;
			p->link_record = record;
		}
	}
	if (reflect_add(p->b->reflect, c, record, code) == 0)
		return 0;
	diag_file(&p->b->run->log.sink, DIAG_IO, "sort", "%s", strerror(errno));
	return -1;
}

/* A full file that has no record of the key. */
static int
clear_key(struct pass *p, const struct change_scope *scope)
{
	if (settle_first(p) == -1)
		return damaged(p, "payload");
	removed(p, scope->file, (int64_t)p->merge.n);
	merge_begin(&p->merge);
	return 0;
}

static void
remember_row(struct pass *p, const struct change *c)
{
	struct merge_row *row;

	if (p->n_full == p->max_full) {
		size_t max = 2 * p->max_full + 4;
		p->full = text_realloc(p->full, max * sizeof(*p->full));
		memset(p->full + p->max_full, 0,
		    (max - p->max_full) * sizeof(*p->full));
		p->max_full = max;
	}
	row = &p->full[p->n_full++];
	if (c->payload.n > row->room) {
		row->room = c->payload.n + 64;
		row->payload = text_realloc(row->payload, row->room);
	}
	memcpy(row->payload, c->payload.p, c->payload.n);
	row->n = c->payload.n;
	row->record = c->record;
}

/* All records of the key in the full file the next change is of. */
static int
apply_full(struct pass *p)
{
	const struct change *c = changes_at(p->changes);
	struct change of = *c; /* the file; its row is not good for long */
	int gone;

	if (settle_first(p) == -1)
		return damaged(p, "payload");
	p->n_full = 0;
	do {
		remember_row(p, c);
		p->done++;
		if (changes_next(p->changes) == -1)
			return -1;
		c = changes_at(p->changes);
	} while (c != NULL && c->rank == of.rank &&
	    memcmp(c->key, p->key, SEGMENT_KEY_SIZE) == 0);
	gone = merge_full(&p->merge, p->full, p->n_full);
	if (gone == -1)
		return damaged(p, "payload");
	removed(p, of.file, gone);
	for (size_t i = 0; i < p->n_full; i++)
		if (p->full[i].code != DIAG__MAX &&
		    result(p, &of, p->full[i].record, p->full[i].from,
			p->full[i].code) == -1)
			return -1;
	return 0;
}

/* ---- orders to drop what is past its retention ---- */

struct purged_scope *
purged_scope(struct purged *t, const char *key)
{
	if (t->n > 0 &&
	    memcmp(t->v[t->n - 1].scope, key, SEGMENT_SCOPE_SIZE) == 0)
		return &t->v[t->n - 1];
	if (t->n == t->max) {
		t->max = 2 * t->max + 64;
		t->v = text_realloc(t->v, t->max * sizeof(*t->v));
	}
	t->v[t->n] = (struct purged_scope) { .periods = 0 };
	memcpy(t->v[t->n].scope, key, SEGMENT_SCOPE_SIZE);
	return &t->v[t->n++];
}

/* 1: nobody has this 処理通番 any more; 0; -1 raised. */
static int
is_nobodys(struct pass *p, struct slice number)
{
	const struct build *b = p->b;
	unsigned char pseudonym[16];

	if (b->persons->generation == 0)
		return 1;
	if (p->people == NULL)
		p->people =
		    snapshot_open(b->persons_dir, SNAPSHOT_QUALIFICATION,
			b->persons, false, &b->run->log.sink);
	int found = p->people == NULL ?
	    -1 :
	    snapshot_pairing(p->people, number, pseudonym);
	if (p->people != NULL && ++p->retention.lookups % LOOK_EVERY == 0)
		snapshot_forget(p->people);
	return found == -1 ? -1 : found == 0;
}

static int
purge_card(struct pass *p)
{
	struct slice number = p->rec.v[L_PROCESSING_NUMBER].s;
	struct record before;

	if (!p->has_stored)
		return 0;
	if (record_unpack(&link_format, stored(p), &before) == -1)
		return damaged(p, "row");
	if (!slice_eq(before.v[L_PROCESSING_NUMBER].s, number))
		return 0;
	int gone = is_nobodys(p, number);
	if (gone == 1) {
		p->has_stored = false;
		p->b->purged->cards++;
	}
	return gone == -1 ? -1 : 0;
}

static int
purge_row(struct pass *p, const struct change *c)
{
	if (c->kind == SEGMENT_PERIOD && settle_first(p) == -1)
		return damaged(p, "payload");
	if ((c->kind != SEGMENT_PERIOD && c->kind != SEGMENT_CARD) ||
	    record_unpack(format_of(p->kind), c->payload, &p->rec) == -1)
		return damaged(p, "payload");
	if (c->kind == SEGMENT_CARD) {
		if (purge_card(p) == -1)
			return -1;
	} else if (merge_purge(&p->merge, &p->rec) == DIAG_PURGED) {
		p->purged = true;
		p->b->purged->periods++;
		purged_scope(p->b->purged, p->key)->periods++;
	}
	p->done++;
	return changes_next(p->changes);
}

/* Nothing is left of a person whose last period went. */
static void
purge_person(struct pass *p)
{
	if (!p->purged || p->merge.n > 0)
		return;
	p->has_stored = false;
	purged_scope(p->b->purged, p->key)->persons++;
}

static bool
is_past(void *arg, int32_t until, bool is_stored)
{
	struct pass *p = arg;

	return !is_stored ? retention_over(&p->retention, until) :
			    retention_past(&p->retention, p->key, until);
}

static int
apply_change(struct pass *p, const struct change *c)
{
	if (c->order == SEGMENT_PURGE)
		return purge_row(p, c);
	enum diag_code code = apply(p, c);

	if (code == DIAG_SEGMENT_BROKEN)
		return damaged(p, "payload");
	if (code == DIAG_IO)
		return sort_failed(p);
	int32_t from =
	    c->kind == SEGMENT_PERIOD ? (int32_t)p->rec.v[Q_QUALIFIED_ON].n : 0;
	if (result(p, c, c->record, from, code) == -1)
		return -1;
	p->done++;
	return changes_next(p->changes);
}

/* All changes of the key in their order, full files among them. */
static int
apply_key(struct pass *p)
{
	const struct change *c;
	size_t n, next = 0;
	const struct change_scope *scope =
	    changes_scopes(p->changes, p->key, &n);

	while ((c = changes_at(p->changes)) != NULL &&
	    memcmp(c->key, p->key, SEGMENT_KEY_SIZE) == 0) {
		bool full = false;
		for (; next < n && scope[next].rank <= c->rank; next++) {
			full = scope[next].rank == c->rank;
			if (!full && clear_key(p, &scope[next]) == -1)
				return -1;
		}
		if ((full ? apply_full(p) : apply_change(p, c)) == -1)
			return -1;
	}
	for (; next < n; next++)
		if (clear_key(p, &scope[next]) == -1)
			return -1;
	return 0;
}

/* Persons to be looked at once the generation is there. */
static int
touch_key(struct pass *p)
{
	int r = 0;

	if (p->facts == NULL || !p->has_stored)
		return 0;
	if (p->paired)
		r = facts_touch(p->facts, stored(p), p->key, 0, -1, 0);
	for (size_t i = 0; i < p->n_said && r == 0; i++)
		r = facts_touch(p->facts, stored(p), p->key, p->said[i].file,
		    p->said[i].record, p->said[i].from);
	if (r == -1)
		diag_file(&p->b->run->log.sink, DIAG_IO, "sort", "%s",
		    strerror(errno));
	return r;
}

static int
tell_facts(struct pass *p, const struct snapshot_set_entry *made)
{
	struct diag_sink *sink = &p->b->run->log.sink;
	int r = -1;

	if (p->facts == NULL)
		return 0;
	struct snapshot *s =
	    snapshot_open(p->b->work_dir, p->kind, made, false, sink);
	if (s != NULL)
		r = facts_tell(p->facts, s, p->b->reflect, sink);
	snapshot_close(s);
	return r;
}

static int
write_key(struct pass *p)
{
	const struct record *rec;

	if (p->kind == SNAPSHOT_QUALIFICATION) {
		if (p->has_stored && add_pair(p, p->key, stored(p)) == -1)
			return -1;
		if (p->first)
			return add_row(p, p->key, &p->rec);
		for (size_t i = 0; i < p->merge.n; i++) {
			if ((rec = merge_period(&p->merge, i)) == NULL)
				return damaged(p, "period");
			if (add_row(p, p->key, rec) == -1)
				return -1;
		}
		return 0;
	}
	if (!p->has_stored)
		return 0;
	if (record_unpack(format_of(p->kind), stored(p), &p->rec) == -1)
		return damaged(p, "row");
	if (p->links != NULL &&
	    (links_waits(p->links, p->key) == -1 ||
		links_add(p->links, p->key, &p->rec, p->link_file,
		    p->link_record) == -1))
		return -1;
	return add_row(p, p->key, &p->rec);
}

/* The lowest key of those that come next; NULL: the end. -> *touched: more
 * than keeping its rows is to be done. */
static const char *
next_key(const struct pass *p, bool *touched)
{
	const struct change *c = changes_at(p->changes);
	const char *row = p->have_row == 1 ? p->row.key : NULL;
	const char *moved = p->moves == NULL ? NULL : moves_key(p->moves);
	const char *key = c == NULL ? NULL : c->key;

	if (moved != NULL &&
	    (key == NULL || memcmp(moved, key, SEGMENT_KEY_SIZE) < 0))
		key = moved;
	*touched = key != NULL &&
	    (row == NULL || memcmp(row, key, SEGMENT_KEY_SIZE) >= 0);
	return *touched ? key : row;
}

/* What has been taken along is there once no old key is left. */
static int
turn_to_new_keys(struct pass *p, const char *key)
{
	if (p->moves == NULL || moves_begun(p->moves) ||
	    (key != NULL && key[0] < 'E'))
		return 0;
	return moves_begin(p->moves) == -1 ? sort_failed(p) : 1;
}

static int
merge_all(struct pass *p)
{
	const char *key;
	bool touched;
	int turn;

	while ((key = next_key(p, &touched)) != NULL || p->moves != NULL) {
		if ((turn = turn_to_new_keys(p, key)) == -1)
			return -1;
		if (turn == 1)
			continue;
		if (key == NULL)
			break;
		if (++p->keys % LOOK_EVERY == 0) {
			if (run_stopped()) {
				run_worst(p->b->run, EXIT_STOPPED);
				return -1;
			}
			run_progress(p->b->run, snapshot_names[p->kind],
			    p->done, p->total);
		}
		if (!touched) {
			if (keep_row(p) == -1)
				return -1;
			continue;
		}
		memcpy(p->key, key, SEGMENT_KEY_SIZE);
		if (load_key(p) == -1 || load_moved(p) == -1 ||
		    apply_key(p) == -1)
			return -1;
		purge_person(p);
		if (touch_key(p) == -1 || write_key(p) == -1)
			return -1;
	}
	return 0;
}

static int
insurer_cmp(const void *a, const void *b)
{
	return strcmp(((const struct insurer *)a)->number8,
	    ((const struct insurer *)b)->number8);
}

/* The site's table of insurers, for names in answers. */
static int
add_insurers(struct pass *p)
{
	const struct build *b = p->b;
	const struct insurer *table;
	struct insurer *v = NULL;
	struct record rec;
	int r = -1;

	if (b->insurers == NULL || b->insurers[0] == '\0')
		return 0;
	struct partners *partners =
	    partners_load(b->senders, b->insurers, &b->run->log.sink);
	if (partners == NULL) {
		run_worst(b->run, EXIT_CONFIG);
		return -1;
	}
	size_t n = partners_insurers(partners, &table);
	v = text_alloc((n + 1) * sizeof(*v));
	if (n > 0)
		memcpy(v, table, n * sizeof(*v));
	qsort(v, n, sizeof(*v), insurer_cmp);
	record_init(&rec, &insurer_format);
	for (size_t i = 0; i < n; i++) {
		const char *number = v[i].number8;
		if (i > 0 && insurer_cmp(&v[i - 1], &v[i]) == 0)
			continue;
		/* two leading zeros are not part of the number of an NHI */
		record_set(&rec, N_NUMBER,
		    slice_of(number + (memcmp(number, "00", 2) == 0 ? 2 : 0)));
		record_set(&rec, N_CODE, slice_of(v[i].code));
		record_set(&rec, N_SCHEME, slice_of(scheme_names[v[i].scheme]));
		record_set(&rec, N_NAME, slice_of(v[i].name));
		record_set(
		    &rec, N_PREFECTURE, (struct slice) { number + 2, 2 });
		if (snapshot_add_insurer(p->make, &rec) == -1)
			goto out;
	}
	r = 0;
out:
	free(v);
	partners_free(partners);
	return r;
}

static int
add_inputs(struct pass *p, unsigned kinds)
{
	const struct inputs *in = p->b->in;

	for (size_t i = 0; i < in->n; i++)
		if ((kinds >> in->v[i].kind & 1) &&
		    snapshot_add_input(p->make, in->v[i].name, in->v[i].digest,
			in->v[i].rows) == -1)
			return -1;
	return 0;
}

/* A part of several: made by others, joined here. */
static bool
joins(const struct pass *p)
{
	return p->kind == SNAPSHOT_QUALIFICATION && p->b->n_parts > 0;
}

/* What is merged: the generation in force, what moves, the changes. */
static int
open_streams(struct pass *p, unsigned kinds)
{
	const struct build *b = p->b;
	struct diag_sink *sink = &b->run->log.sink;

	if (p->base != NULL) {
		if ((p->walk = snapshot_walk_open(p->base)) == NULL)
			return -1;
		if (b->range != NULL)
			snapshot_walk_from(p->walk, b->range->from);
	}
	if ((kinds >> SEGMENT_REKEY & 1) &&
	    inputs_any(b->in, 1u << SEGMENT_REKEY)) {
		p->moves =
		    moves_open(b->in, b->root, b->work_dir, p->base, sink);
		if (p->moves == NULL)
			return -1;
	}
	retention_begin(&p->retention, b->run->config, b->run->day, p->base);
	p->merge.past = is_past;
	p->merge.past_arg = p;
	p->changes = changes_open(b->in, kinds, b->range, b->root, sink);
	return p->changes == NULL ? -1 : 0;
}

static int
open_pass(struct pass *p, const struct snapshot_set_entry *old,
    const struct snapshot_set_entry *next)
{
	const struct build *b = p->b;
	struct diag_sink *sink = &b->run->log.sink;
	unsigned kinds = build_inputs(p->kind);
	char dir[SPOOL_PATH_MAX];

	spool_path(dir, b->root, "snapshots");
	if (old->generation > 0) {
		p->base = snapshot_open(dir, p->kind, old, false, sink);
		if (p->base == NULL)
			return -1;
		if (b->range == NULL) /* else by whoever joins the parts */
			snapshot_check_begin(p->base);
		p->total += old->rows;
		if (p->kind == SNAPSHOT_QUALIFICATION)
			p->facts = facts_new(b->work_dir);
	}
	for (size_t i = 0; i < b->in->n; i++)
		if (kinds >> b->in->v[i].kind & 1)
			p->total += b->in->v[i].rows;
	if (!joins(p) && open_streams(p, kinds) == -1)
		return -1;
	if (p->kind == SNAPSHOT_CARDS &&
	    (p->links = links_new(b->run, b->work_dir, p->base)) == NULL)
		return -1;
	p->make = b->range != NULL ?
	    snapshot_create_part(b->work_dir, sink) :
	    snapshot_create(b->work_dir, p->kind, next, sink);
	if (p->make != NULL && p->base != NULL)
		snapshot_carry(p->make, p->base);
	return p->make == NULL ? -1 : 0;
}
static int
merge_rows(struct pass *p)
{
	if (next_row(p) == -1 || merge_all(p) == -1)
		return -1;
	return p->retention.broken ?
	    damaged(p, "person of the generation in force") :
	    0;
}

static int
join_failed(struct pass *p, const char *dir)
{
	diag_file(&p->b->run->log.sink, DIAG_IO, dir, "%s", strerror(errno));
	return -1;
}

/* What several processes have merged, one range of keys after the other. */
static int
join_all(struct pass *p)
{
	for (int i = 0; i < p->b->n_parts; i++) {
		const char *dir = p->b->parts[i];
		if (run_stopped()) {
			run_worst(p->b->run, EXIT_STOPPED);
			return -1;
		}
		if (snapshot_join(p->make, dir) == -1)
			return -1;
		if ((p->facts != NULL && facts_take(p->facts, dir) == -1) ||
		    reflect_take(p->b->reflect, dir) == -1)
			return join_failed(p, dir);
		run_progress(p->b->run, "parts", i + 1, p->b->n_parts);
	}
	return 0;
}

static void
close_pass(struct pass *p)
{
	snapshot_abandon(p->make);
	changes_close(p->changes);
	snapshot_walk_close(p->walk);
	snapshot_close(p->people);
	snapshot_close(p->base);
	free(p->stored);
	free(p->fresh);
	for (size_t i = 0; i < p->max_full; i++)
		free(p->full[i].payload);
	free(p->full);
	free(p->said);
	facts_free(p->facts);
	links_free(p->links);
	moves_free(p->moves);
	merge_free(&p->merge);
}

int
build_snapshot(const struct build *b, enum snapshot_kind kind,
    const struct snapshot_set_entry *old, struct snapshot_set_entry *next)
{
	struct pass p = { .b = b, .kind = kind };
	int r = -1;

	merge_init(&p.merge);
	p.stored = text_alloc(PAYLOAD_MAX);
	p.fresh = text_alloc(PAYLOAD_MAX);
	if (open_pass(&p, old, next) == -1 ||
	    (joins(&p) ? join_all(&p) : merge_rows(&p)) == -1)
		goto out;
	if (kind == SNAPSHOT_QUALIFICATION && add_insurers(&p) == -1)
		goto out;
	if (p.links != NULL &&
	    links_tell(
		p.links, b->persons_dir, b->persons, p.make, b->reflect) == -1)
		goto out;
	if (add_inputs(&p, build_inputs(kind)) == -1)
		goto out;
	if (p.base != NULL && snapshot_check_end(p.base) == -1)
		goto out;
	r = snapshot_finish(p.make, next);
	p.make = NULL;
	if (r == 0)
		r = tell_facts(&p, next);
out:
	/* a base that is damaged is the reason, whatever failed first */
	if (p.base != NULL)
		snapshot_check_end(p.base);
	close_pass(&p);
	return r;
}

int
build_part(const struct build *b, const struct snapshot_set_entry *old)
{
	struct pass p = { .b = b, .kind = SNAPSHOT_QUALIFICATION };
	int r = -1;

	merge_init(&p.merge);
	p.stored = text_alloc(PAYLOAD_MAX);
	p.fresh = text_alloc(PAYLOAD_MAX);
	if (open_pass(&p, old, NULL) == -1 || merge_rows(&p) == -1)
		goto out;
	r = snapshot_finish_part(p.make);
	p.make = NULL;
	if (r == 0 &&
	    ((p.facts != NULL && facts_save(p.facts, b->work_dir) == -1) ||
		reflect_save(b->reflect, b->work_dir) == -1))
		r = join_failed(&p, b->work_dir);
out:
	close_pass(&p);
	return r;
}
