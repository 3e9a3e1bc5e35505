#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "batch/rebuild_input.h"
#include "batch/retention.h"
#include "batch/spool.h"

#define BUFFERS (INT64_C(32) << 20) /* of all segments together */

static int
collect(void *arg, const struct ledger_segment *s)
{
	struct inputs *in = arg;

	if (in->n == in->max) {
		in->max = in->max ? 2 * in->max : 64;
		in->v = text_realloc(in->v, in->max * sizeof(*in->v));
	}
	in->v[in->n++] = *s;
	return 0;
}

static bool
is_purge(const struct filename *id)
{
	return strcmp(id->sender, RETENTION_SENDER) == 0;
}

/* An order to purge comes after all changes: it speaks of what they leave. */
static int
id_cmp(const struct filename *a, const struct filename *b)
{
	if (is_purge(a) != is_purge(b))
		return is_purge(a) ? 1 : -1;
	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	int c = strcmp(a->sender, b->sender);
	return c != 0 ? c : (int)a->feed - (int)b->feed;
}

static int
segment_cmp(const void *a, const void *b)
{
	const struct ledger_segment *x = a, *y = b;
	int c = id_cmp(&x->id, &y->id);

	if (c != 0)
		return c;
	return x->kind != y->kind ? x->kind - y->kind :
				    strcmp(x->name, y->name);
}

int
inputs_load(struct inputs *in, struct ledger *ledger)
{
	memset(in, 0, sizeof(*in));
	if (ledger_segments(ledger, 0, collect, in) == -1)
		return -1;
	if (in->n > 0)
		qsort(in->v, in->n, sizeof(*in->v), segment_cmp);
	in->file = text_alloc((in->n + 1) * sizeof(*in->file));
	in->files = text_alloc((in->n + 1) * sizeof(*in->files));
	for (size_t i = 0; i < in->n; i++) {
		if (i == 0 || id_cmp(&in->v[i].id, &in->v[i - 1].id) != 0)
			in->files[in->n_files++] = in->v[i].id;
		if (!is_purge(&in->v[i].id))
			in->n_uploads = in->n_files;
		in->file[i] = (int)in->n_files - 1;
	}
	return 0;
}

bool
inputs_any(const struct inputs *in, unsigned kinds)
{
	for (size_t i = 0; i < in->n; i++)
		if (kinds >> in->v[i].kind & 1)
			return true;
	return false;
}

void
inputs_free(struct inputs *in)
{
	free(in->v);
	free(in->file);
	free(in->files);
}

struct stream {
	struct segment *segment;
	const struct key_range *range;
	bool begun;
	struct change at;
};

struct changes {
	struct stream *v;
	struct stream **heap; /* those with a row left, the first on top */
	size_t n, alive;
	struct change_scope *scopes; /* by scope and rank */
	size_t n_scopes;
	size_t from, count; /* those of the scope asked for last */
	char asked[SEGMENT_SCOPE_SIZE];
};

static bool
earlier(const struct stream *a, const struct stream *b)
{
	int c = memcmp(a->at.key, b->at.key, SEGMENT_KEY_SIZE);

	return c != 0 ? c < 0 : a->at.rank < b->at.rank;
}

static void
sift(struct changes *c, size_t i)
{
	struct stream *s = c->heap[i];

	for (size_t child; (child = 2 * i + 1) < c->alive; i = child) {
		if (child + 1 < c->alive &&
		    earlier(c->heap[child + 1], c->heap[child]))
			child++;
		if (!earlier(c->heap[child], s))
			break;
		c->heap[i] = c->heap[child];
	}
	c->heap[i] = s;
}

int
key_range_cmp(const struct key_range *range, const char *key)
{
	if (range == NULL)
		return 0;
	if (memcmp(key, range->from, SEGMENT_KEY_SIZE) < 0)
		return -1;
	return !range->open && memcmp(key, range->to, SEGMENT_KEY_SIZE) >= 0;
}

/* The next row of the range; behind it the rest is read for its digest. */
static int
step(struct stream *s)
{
	struct segment_row row;
	int r = segment_next(s->segment, &row);

	while (r == 1 && s->range != NULL) {
		int where = key_range_cmp(s->range, row.key);
		if (where > 0 && !s->begun)
			return 0;
		s->begun = true;
		if (where == 0)
			break;
		r = segment_next(s->segment, &row);
	}

	if (r == 1) {
		s->at.key = row.key;
		s->at.record = row.record;
		s->at.payload = row.payload;
	}
	return r;
}

/* The soft limit of open files may be below the number of senders. */
static void
more_files(size_t n)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur > n + 64)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static int
open_stream(struct stream *s, const struct ledger_segment *l, const char *root,
    struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, root, "segments/%s", l->name);
	s->segment = segment_open(path, l->name, false, sink);
	if (s->segment == NULL)
		return -1;
	const struct segment_head *h = segment_head(s->segment);
	if ((int)h->kind != l->kind || strcmp(h->digest, l->digest) != 0 ||
	    h->rows != l->rows || id_cmp(&h->id, &l->id) != 0 ||
	    is_purge(&h->id) != (h->order == SEGMENT_PURGE)) {
		diag_file(sink, DIAG_SEGMENT_BROKEN, l->name, "%s",
		    "not the one the ledger knows");
		return -1;
	}
	s->at.kind = h->kind;
	s->at.order = h->order;
	return 0;
}

static int
scope_cmp(const void *a, const void *b)
{
	const struct change_scope *x = a, *y = b;
	int c = memcmp(x->scope, y->scope, SEGMENT_SCOPE_SIZE);

	return c != 0 ? c : x->rank - y->rank;
}

static void
collect_scopes(struct changes *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += segment_head(c->v[i].segment)->scopes;
	if (n == 0)
		return;
	c->scopes = text_alloc(n * sizeof(*c->scopes));
	for (size_t i = 0; i < c->n; i++) {
		const struct stream *s = &c->v[i];
		unsigned k = segment_head(s->segment)->scopes;
		while (k-- > 0) {
			struct change_scope *to = &c->scopes[c->n_scopes++];
			memcpy(to->scope, segment_scope(s->segment, k),
			    SEGMENT_SCOPE_SIZE);
			to->rank = s->at.rank;
			to->file = s->at.file;
		}
	}
	qsort(c->scopes, c->n_scopes, sizeof(*c->scopes), scope_cmp);
}

/* Keys come in order: most often the scope is the one asked for last. */
const struct change_scope *
changes_scopes(struct changes *c, const char *key, size_t *n)
{
	*n = 0;
	if (c->n_scopes == 0)
		return NULL;
	if (memcmp(c->asked, key, SEGMENT_SCOPE_SIZE) != 0) {
		size_t i = 0, end;
		memcpy(c->asked, key, SEGMENT_SCOPE_SIZE);
		while (i < c->n_scopes &&
		    memcmp(c->scopes[i].scope, key, SEGMENT_SCOPE_SIZE) < 0)
			i++;
		for (end = i; end < c->n_scopes &&
		     memcmp(c->scopes[end].scope, key, SEGMENT_SCOPE_SIZE) ==
			 0;)
			end++;
		c->from = i;
		c->count = end - i;
	}
	*n = c->count;
	return c->count == 0 ? NULL : &c->scopes[c->from];
}

struct changes *
changes_open(const struct inputs *in, unsigned kinds,
    const struct key_range *range, const char *root, struct diag_sink *sink)
{
	struct changes *c = text_alloc(sizeof(*c));

	c->v = text_alloc((in->n + 1) * sizeof(*c->v));
	c->heap = text_alloc((in->n + 1) * sizeof(*c->heap));
	more_files(in->n);
	for (size_t i = 0; i < in->n; i++) {
		if ((kinds >> in->v[i].kind & 1) == 0)
			continue;
		struct stream *s = &c->v[c->n++];
		s->range = range;
		s->at.rank = (int)i;
		s->at.file = in->file[i];
		if (open_stream(s, &in->v[i], root, sink) == -1)
			goto bad;
	}
	collect_scopes(c);
	int64_t each = c->n > 0 ? BUFFERS / (int64_t)c->n : BUFFERS;
	each = each < 16384 ? 16384 : each > 1 << 20 ? 1 << 20 : each;
	for (size_t i = 0; i < c->n; i++) {
		segment_buffer(c->v[i].segment, (size_t)each);
		int r = step(&c->v[i]);
		if (r == -1)
			goto bad;
		if (r == 1)
			c->heap[c->alive++] = &c->v[i];
	}
	for (size_t i = c->alive / 2; i-- > 0;)
		sift(c, i);
	return c;
bad:
	changes_close(c);
	return NULL;
}

const struct change *
changes_at(const struct changes *c)
{
	return c->alive == 0 ? NULL : &c->heap[0]->at;
}

int
changes_next(struct changes *c)
{
	int r = step(c->heap[0]);

	if (r == -1)
		return -1;
	if (r == 0) {
		segment_close(c->heap[0]->segment);
		c->heap[0]->segment = NULL;
		c->heap[0] = c->heap[--c->alive];
	}
	if (c->alive > 0)
		sift(c, 0);
	return 0;
}

void
changes_close(struct changes *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++)
		segment_close(c->v[i].segment);
	free(c->v);
	free(c->heap);
	free(c->scopes);
	free(c);
}
