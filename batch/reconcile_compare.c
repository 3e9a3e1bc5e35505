/* The segment of the upload and the snapshot in force, side by side. */
#include <stdlib.h>
#include <string.h>

#include "batch/reconcile.h"
#include "batch/spool.h"

#define TOLD_MAX 20 /* records told of by number; the rest is counted */
#define LOOK_EVERY 4096

struct row { /* what the upload says of the key at hand */
	struct record rec; /* points into payload */
	char *payload;
	size_t room;
	int64_t record;
	bool found;
};
struct compare {
	struct reconcile *r;
	struct reconcile_scope *at;
	struct segment *s;
	struct segment_row next; /* read, not taken yet */
	int more; /* 1: next is one; 0: that was all; -1 raised */
	char key[SEGMENT_KEY_SIZE]; /* at hand */
	struct row *v;
	size_t n, max;
	bool keep; /* a record of the key was refused: it stays as stored */
	char person[SEGMENT_KEY_SIZE]; /* in force, counted last */
	int64_t walked;
	char (*later)[SEGMENT_KEY_SIZE]; /* keys of what came after it */
	size_t nlater, max_later;
};

static int
key_cmp(const void *a, const void *b)
{
	return memcmp(a, b, SEGMENT_KEY_SIZE);
}

static int
broken(struct compare *c)
{
	run_worst(c->r->run, EXIT_INTEGRITY);
	return -1;
}

static struct segment *
open_segment(struct compare *c, const char *name)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, c->r->root, "segments/%s", name);
	return segment_open(path, name, false, c->r->sink);
}

/* ---- the insurers of the upload ---- */

static struct reconcile_scope *
scope_of(struct reconcile *r, const char *key)
{
	struct reconcile_scope *last = r->n == 0 ? NULL : &r->v[r->n - 1];

	if (last != NULL && memcmp(last->scope, key, SEGMENT_SCOPE_SIZE) == 0)
		return last;
	if (r->n % 64 == 0)
		r->v = text_realloc(r->v, (r->n + 64) * sizeof(*r->v));
	last = &r->v[r->n++];
	memset(last, 0, sizeof(*last));
	memcpy(last->scope, key, SEGMENT_SCOPE_SIZE);
	return last;
}

static int
scope_cmp(const void *a, const void *b)
{
	return memcmp(a, b, SEGMENT_SCOPE_SIZE);
}

/* Those it says it is the whole set of, and those it has a record of. */
static int
load_scopes(struct compare *c)
{
	struct reconcile *r = c->r;
	struct segment *s = open_segment(c, r->segment.name);
	struct segment_row row;
	size_t n = 0;
	int got;

	if (s == NULL)
		return broken(c);
	r->full = segment_head(s)->scopes > 0;
	for (unsigned i = 0; i < segment_head(s)->scopes; i++)
		scope_of(r, segment_scope(s, i));
	while ((got = segment_next(s, &row)) == 1)
		scope_of(r, row.key);
	segment_close(s);
	if (got == -1)
		return broken(c);
	if (r->n > 1)
		qsort(r->v, r->n, sizeof(*r->v), scope_cmp);
	for (size_t i = 0; i < r->n; i++)
		if (n == 0 || scope_cmp(&r->v[n - 1], &r->v[i]) != 0)
			r->v[n++] = r->v[i];
	r->n = n;
	return 0;
}

/* ---- what came after it ---- */

static bool
is_ours(const struct reconcile *r, const char *key)
{
	return r->n > 0 &&
	    bsearch(key, r->v, r->n, sizeof(*r->v), scope_cmp) != NULL;
}

/* In one generation by day and number, as the merge goes; an operator's word
 * on the upload itself (shikaku-hold) comes after it. */
static bool
is_before(const struct ledger_segment *a, const struct ledger_segment *b)
{
	if (a->generation != b->generation)
		return a->generation < b->generation;
	if (a->id.day != b->id.day)
		return a->id.day < b->id.day;
	return a->id.sequence < b->id.sequence;
}

static int
load_later(void *arg, const struct ledger_segment *l)
{
	struct compare *c = arg;
	struct segment_row row;
	int got;

	if ((l->kind != SEGMENT_PERIOD && l->kind != SEGMENT_REKEY) ||
	    is_before(l, &c->r->segment) ||
	    strcmp(l->name, c->r->segment.name) == 0)
		return 0;
	struct segment *s = open_segment(c, l->name);
	if (s == NULL)
		return broken(c);
	while ((got = segment_next(s, &row)) == 1) {
		if (!is_ours(c->r, row.key))
			continue;
		if (c->nlater == c->max_later) {
			c->max_later = 2 * c->max_later + 1024;
			c->later = text_realloc(
			    c->later, c->max_later * sizeof(*c->later));
		}
		memcpy(c->later[c->nlater++], row.key, SEGMENT_KEY_SIZE);
	}
	segment_close(s);
	return got == -1 ? broken(c) : 0;
}

static bool
is_later(const struct compare *c, const char *key)
{
	return c->nlater > 0 &&
	    bsearch(key, c->later, c->nlater, sizeof(*c->later), key_cmp) !=
	    NULL;
}

/* ---- the key at hand ---- */

static int
change_of(const struct record *rec)
{
	const struct slice s = rec->v[Q_CHANGE].s;

	return s.n == 1 ? s.p[0] - '0' : CHANGE_KEEP;
}

static int
take_row(struct compare *c)
{
	const struct slice from = c->next.payload;
	struct row *row;

	if (c->n == c->max) {
		size_t max = 2 * c->max + 16;
		c->v = text_realloc(c->v, max * sizeof(*c->v));
		memset(c->v + c->max, 0, (max - c->max) * sizeof(*c->v));
		c->max = max;
	}
	row = &c->v[c->n++];
	if (row->room < from.n) {
		row->room = 2 * from.n;
		row->payload = text_realloc(row->payload, row->room);
	}
	memcpy(row->payload, from.p, from.n);
	row->record = c->next.record;
	row->found = false;
	if (record_unpack(&qualification_format,
		(struct slice) { row->payload, from.n }, &row->rec) == -1) {
		diag_file(c->r->sink, DIAG_SEGMENT_BROKEN, c->r->segment.name,
		    "%s", "a row of it cannot be read");
		return broken(c);
	}
	switch (change_of(&row->rec)) {
	case CHANGE_KEEP:
		c->keep = true;
		c->at->kept++;
		c->n--;
		break;
	case CHANGE_CANCEL: /* says that there is none */
		c->n--;
		break;
	default:
		c->at->records++;
	}
	return 0;
}

/* All the upload says of its next key. */
static int
take_key(struct compare *c)
{
	c->n = 0;
	c->keep = false;
	memcpy(c->key, c->next.key, SEGMENT_KEY_SIZE);
	while (c->more == 1 &&
	    memcmp(c->key, c->next.key, SEGMENT_KEY_SIZE) == 0) {
		if (take_row(c) == -1)
			return -1;
		c->more = segment_next(c->s, &c->next);
	}
	return c->more == -1 ? broken(c) : 0;
}

static void
tell(struct compare *c, int64_t record, const char *what)
{
	if (c->r->told++ >= TOLD_MAX)
		return;
	diag_raise(c->r->sink,
	    &(struct diag) { .code = DIAG_RECONCILE,
		.file = c->r->stem,
		.record = record,
		.offset = -1,
		.detail = what });
}

/* No more of it is in force: what was not found is missing. */
static void
end_key(struct compare *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct value *lost = &c->v[i].rec.v[Q_LOST_ON];

		if (c->v[i].found)
			continue;
		if (is_later(c, c->key)) {
			c->at->later++;
		} else if (lost->s.n > 0 &&
		    retention_over(&c->r->retention, (int32_t)lost->n)) {
			c->at->past++;
		} else {
			c->at->missing++;
			tell(c, c->v[i].record, "missing");
		}
	}
	c->n = 0;
}

/* ---- in force ---- */

/* Every STORED item but what the change itself was. */
static bool
is_same(const struct record *a, const struct record *b)
{
	for (int i = 0; i < Q__MAX; i++)
		if ((qualification_format.fields[i].flags & FIELD_STORED) !=
			0 &&
		    i != Q_CHANGE && i != Q_CHANGE_DATE &&
		    !slice_eq(a->v[i].s, b->v[i].s))
			return false;
	return true;
}

static struct row *
row_of(struct compare *c, const struct record *period)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->v[i].found &&
		    slice_eq(c->v[i].rec.v[Q_QUALIFIED_ON].s,
			period->v[Q_QUALIFIED_ON].s))
			return &c->v[i];
	return NULL;
}

static void
judge(struct compare *c, const struct snapshot_walk_row *w)
{
	bool here = memcmp(c->key, w->key, SEGMENT_KEY_SIZE) == 0;
	struct row *row = here ? row_of(c, w->rec) : NULL;

	c->at->periods++;
	c->at->covered += w->rec->v[Q_LOST_ON].s.n == 0;
	if (memcmp(c->person, w->key, SEGMENT_KEY_SIZE) != 0) {
		c->at->persons++;
		memcpy(c->person, w->key, SEGMENT_KEY_SIZE);
	}
	if (row != NULL)
		row->found = true;
	if (row != NULL ? is_same(&row->rec, w->rec) :
			  !c->r->full || (here && c->keep))
		return;
	if (is_later(c, w->key)) {
		c->at->later++;
	} else if (row == NULL) {
		c->at->extra++;
	} else {
		c->at->changed++;
		tell(c, row->record, "in force with other content");
	}
}

static bool
in_scope(const struct compare *c, const char *key)
{
	return memcmp(key, c->at->scope, SEGMENT_SCOPE_SIZE) == 0;
}

/* Goes on in the upload up to this key of the insurer; NULL: to its end. */
static int
follow(struct compare *c, const char *key)
{
	while (c->more == 1 && in_scope(c, c->next.key) &&
	    (key == NULL || memcmp(c->next.key, key, SEGMENT_KEY_SIZE) <= 0)) {
		end_key(c);
		if (take_key(c) == -1)
			return -1;
	}
	if (key == NULL || memcmp(c->key, key, SEGMENT_KEY_SIZE) != 0)
		end_key(c);
	return 0;
}

static int
stopped(struct compare *c)
{
	if (++c->walked % LOOK_EVERY != 0)
		return 0;
	run_progress(c->r->run, "compare", c->walked, c->r->segment.rows);
	if (!run_stopped())
		return 0;
	run_worst(c->r->run, EXIT_STOPPED);
	return -1;
}

static int
compare_scope(struct compare *c)
{
	char first[SEGMENT_KEY_SIZE] = { 0 };
	struct snapshot_walk_row w;
	struct snapshot_walk *walk = snapshot_walk_open(c->r->snapshot);
	int got;

	if (walk == NULL)
		return broken(c);
	memcpy(first, c->at->scope, SEGMENT_SCOPE_SIZE);
	snapshot_walk_from(walk, first);
	while (
	    (got = snapshot_walk_next(walk, &w)) == 1 && in_scope(c, w.key)) {
		if (w.pair)
			continue;
		if (stopped(c) == -1 || follow(c, w.key) == -1) {
			got = -2;
			break;
		}
		judge(c, &w);
	}
	snapshot_walk_close(walk);
	if (got == -1)
		return broken(c);
	return got == -2 ? -1 : follow(c, NULL);
}

int
reconcile_compare(struct reconcile *r)
{
	struct compare c = { .r = r };
	int result = -1;

	if (load_scopes(&c) == -1 ||
	    ledger_segments(r->ledger, -1, load_later, &c) == -1)
		goto out;
	if (c.nlater > 1)
		qsort(c.later, c.nlater, sizeof(*c.later), key_cmp);
	c.s = open_segment(&c, r->segment.name);
	if (c.s == NULL) {
		broken(&c);
		goto out;
	}
	c.more = segment_next(c.s, &c.next);
	for (size_t i = 0; i < r->n && c.more != -1; i++) {
		c.at = &r->v[i];
		if (compare_scope(&c) == -1)
			goto out;
	}
	result = c.more == -1 ? broken(&c) : 0;
out:
	segment_close(c.s);
	for (size_t i = 0; i < c.max; i++)
		free(c.v[i].payload);
	free(c.v);
	free(c.later);
	return result;
}

void
reconcile_free(struct reconcile *r)
{
	free(r->v);
	r->v = NULL;
	r->n = 0;
}
