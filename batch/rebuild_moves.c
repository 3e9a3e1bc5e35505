#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch/rebuild_moves.h"
#include "formats/codec/sort.h"
#include "formats/limits.h"

struct mover { /* a row of a SEGMENT_REKEY */
	int file;
	int64_t record;
};
struct moves {
	struct sort *sort; /* new key -> 'P' or 'R' and payload */
	struct mover *taken; /* by file and record: refused */
	size_t n, max;
	bool begun;
	const void *key; /* NULL: no more */
	struct slice row;
	char *scratch;
	size_t room;
};

static int
mover_cmp(const void *a, const void *b)
{
	const struct mover *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->record < y->record ? -1 : x->record > y->record;
}

bool
moves_new_key(struct slice payload, char out[SEGMENT_KEY_SIZE])
{
	memset(out, 0, SEGMENT_KEY_SIZE);
	if (payload.n <= SEGMENT_SCOPE_SIZE || payload.n > SEGMENT_KEY_SIZE ||
	    payload.p[0] != 'E' || memchr(payload.p, 0, payload.n) != NULL)
		return false;
	memcpy(out, payload.p, payload.n);
	return true;
}

static void
take(struct moves *m, const struct mover *who)
{
	if (m->n == m->max) {
		m->max = 2 * m->max + 64;
		m->taken = text_realloc(m->taken, m->max * sizeof(*m->taken));
	}
	m->taken[m->n++] = *who;
}

/* Every row by the key it wants. */
static int
read_wishes(const struct inputs *in, const char *root, struct sort *wishes,
    struct diag_sink *sink)
{
	struct changes *changes =
	    changes_open(in, 1u << SEGMENT_REKEY, NULL, root, sink);
	const struct change *c;
	char key[SEGMENT_KEY_SIZE];
	int r = changes == NULL ? -1 : 0;

	while (r == 0 && (c = changes_at(changes)) != NULL) {
		struct mover who = { .file = c->file, .record = c->record };
		if (moves_new_key(c->payload, key) &&
		    sort_add(wishes, key,
			(struct slice) { (const char *)&who, sizeof(who) }) ==
			-1) {
			diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
			r = -1;
			break;
		}
		r = changes_next(changes);
	}
	changes_close(changes);
	return r;
}

static int
any_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	(void)arg;
	(void)key;
	(void)rec;
	return 0;
}

/* 1: others have it; 0; -1 broken. */
static int
occupied(struct snapshot *base, const char *key)
{
	struct typed_key k;

	if (base == NULL)
		return 0;
	memcpy(k.b, key, sizeof(k.b));
	int n = snapshot_periods(base, &k, any_period, NULL);
	return n > 0 ? 1 : n;
}

static int
judge(struct moves *m, struct sort *wishes, struct snapshot *base,
    struct diag_sink *sink)
{
	struct mover first = { 0 }, who;
	char last[SEGMENT_KEY_SIZE] = { 0 };
	bool shared = false;
	const void *key;
	struct slice row;
	int got;

	while ((got = sort_next(wishes, &key, &row)) == 1) {
		memcpy(&who, row.p, sizeof(who));
		if (memcmp(last, key, sizeof(last)) != 0) {
			memcpy(last, key, sizeof(last));
			first = who;
			shared = false;
			int there = occupied(base, last);
			if (there == -1) {
				diag_file(sink, DIAG_SNAPSHOT_IDENTITY,
				    "snapshot in force", "%s", "period");
				return -1;
			}
			if (there == 1)
				take(m, &who);
			shared = there == 1;
			continue;
		}
		if (!shared)
			take(m, &first);
		shared = true;
		take(m, &who);
	}
	if (got == -1)
		diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
	if (m->n > 1)
		qsort(m->taken, m->n, sizeof(*m->taken), mover_cmp);
	return got;
}

struct moves *
moves_open(const struct inputs *in, const char *root, const char *work_dir,
    struct snapshot *base, struct diag_sink *sink)
{
	struct moves *m = text_alloc(sizeof(*m));
	struct sort *wishes =
	    sort_new(SEGMENT_KEY_SIZE, SORT_MEMORY / 4, work_dir);
	int r = read_wishes(in, root, wishes, sink);

	m->sort = sort_new(SEGMENT_KEY_SIZE, SORT_MEMORY / 4, work_dir);
	if (r == 0 && sort_finish(wishes) == -1) {
		diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
		r = -1;
	}
	if (r == 0)
		r = judge(m, wishes, base, sink);
	sort_free(wishes);
	if (r == 0)
		return m;
	moves_free(m);
	return NULL;
}

bool
moves_taken(const struct moves *m, int file, int64_t record)
{
	const struct mover who = { .file = file, .record = record };

	return m->n > 0 &&
	    bsearch(&who, m->taken, m->n, sizeof(*m->taken), mover_cmp) != NULL;
}

int
moves_add(struct moves *m, const char to[SEGMENT_KEY_SIZE], bool pair,
    struct slice payload)
{
	if (payload.n + 1 > m->room) {
		m->room = payload.n + 256;
		m->scratch = text_realloc(m->scratch, m->room);
	}
	m->scratch[0] = pair ? 'P' : 'R';
	if (payload.n > 0)
		memcpy(m->scratch + 1, payload.p, payload.n);
	return sort_add(
	    m->sort, to, (struct slice) { m->scratch, payload.n + 1 });
}

int
moves_begin(struct moves *m)
{
	m->begun = true;
	return sort_finish(m->sort) == -1 ? -1 : moves_next(m);
}

bool
moves_begun(const struct moves *m)
{
	return m->begun;
}

const char *
moves_key(const struct moves *m)
{
	return m->key;
}

struct slice
moves_row(const struct moves *m, bool *pair)
{
	*pair = m->row.p[0] == 'P';
	return (struct slice) { m->row.p + 1, m->row.n - 1 };
}

int
moves_next(struct moves *m)
{
	int got = sort_next(m->sort, &m->key, &m->row);

	if (got != 1)
		m->key = NULL;
	return got == -1 ? -1 : 0;
}

void
moves_free(struct moves *m)
{
	if (m == NULL)
		return;
	sort_free(m->sort);
	free(m->taken);
	free(m->scratch);
	free(m);
}
