#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch/rebuild_facts.h"
#include "batch/spool.h"
#include "formats/codec/sort.h"
#include "formats/limits.h"

#define PSEUDONYM 16
#define PERSONS_AT_ONCE 16384 /* pages of so many lookups stay mapped */

struct touched {
	int file;
	int64_t record;
	int32_t from;
	char key[SEGMENT_KEY_SIZE];
};
struct cover { /* one period of a person */
	struct typed_key key;
	int32_t from, until;
	bool moved; /* 適用終了 of a municipality, the 資格 goes on */
	char prefecture[2]; /* of municipal NHI; else NULs */
};
struct facts {
	struct sort *sort;
	struct typed_key *key;
	size_t n_keys, max_keys;
	struct cover *v;
	size_t n, max;
};

struct facts *
facts_new(const char *work_dir)
{
	struct facts *f = text_alloc(sizeof(*f));

	f->sort = sort_new(PSEUDONYM, SORT_MEMORY / 4, work_dir);
	return f;
}

void
facts_free(struct facts *f)
{
	if (f == NULL)
		return;
	sort_free(f->sort);
	free(f->key);
	free(f->v);
	free(f);
}

int
facts_save(struct facts *f, const char *dir)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, dir, "touched");
	return sort_finish(f->sort) == -1 ? -1 : sort_save(f->sort, path);
}

int
facts_take(struct facts *f, const char *dir)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, dir, "touched");
	return sort_take(f->sort, path);
}

static int
hex(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

int
facts_touch(struct facts *f, struct slice pair,
    const char key[SEGMENT_KEY_SIZE], int file, int64_t record, int32_t from)
{
	struct touched t = { .file = file, .record = record, .from = from };
	unsigned char pseudonym[PSEUDONYM];
	const char *p = pair.p + pair.n - 2 * PSEUDONYM;

	memcpy(t.key, key, sizeof(t.key));
	for (int i = 0; i < PSEUDONYM; i++)
		pseudonym[i] =
		    (unsigned char)(hex(p[2 * i]) << 4 | hex(p[2 * i + 1]));
	return sort_add(
	    f->sort, pseudonym, (struct slice) { (const char *)&t, sizeof(t) });
}

static int
take_key(void *arg, const struct typed_key *key)
{
	struct facts *f = arg;

	if (f->n_keys == f->max_keys) {
		f->max_keys = 2 * f->max_keys + 8;
		f->key = text_realloc(f->key, f->max_keys * sizeof(*f->key));
	}
	f->key[f->n_keys++] = *key;
	return 0;
}

static int
take_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	struct facts *f = arg;
	bool open = rec->v[Q_LOST_ON].s.n == 0;
	struct slice number = rec->v[Q_INSURER_NUMBER].s;
	char eight[9];

	if (f->n == f->max) {
		f->max = 2 * f->max + 8;
		f->v = text_realloc(f->v, f->max * sizeof(*f->v));
	}
	struct cover *c = &f->v[f->n++];
	memset(c, 0, sizeof(*c));
	c->key = *key;
	c->from = (int32_t)rec->v[Q_QUALIFIED_ON].n;
	c->until = open ? INT32_MAX : (int32_t)rec->v[Q_LOST_ON].n;
	if (insurer_scheme(number) != SCHEME_NHI_CITY ||
	    insurer_number_8(number, eight) == -1)
		return 0;
	memcpy(c->prefecture, eight + 2, 2);
	c->moved = !open && rec->v[Q_LOSS_REASON].s.n == 0;
	return 0;
}

static int
load_person(struct facts *f, struct snapshot *s, const void *pseudonym)
{
	f->n = f->n_keys = 0;
	if (snapshot_person_keys(s, pseudonym, take_key, f) == -1)
		return -1;
	if (f->n_keys < 2)
		return 0;
	for (size_t i = 0; i < f->n_keys; i++)
		if (snapshot_periods(s, &f->key[i], take_period, f) == -1)
			return -1;
	return 0;
}

static bool
elsewhere(const struct cover *a, const struct cover *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key)) != 0;
}

static bool
overlap(const struct cover *a, const struct cover *b)
{
	int32_t from = a->from > b->from ? a->from : b->from;
	int32_t until = a->until < b->until ? a->until : b->until;

	return elsewhere(a, b) && from < until;
}

/* b is the first cover in a's prefecture after a ended by a move. */
static bool
gap(const struct facts *f, const struct cover *a, const struct cover *b)
{
	if (!a->moved || !elsewhere(a, b) ||
	    memcmp(a->prefecture, b->prefecture, 2) != 0 || b->from <= a->until)
		return false;
	for (size_t i = 0; i < f->n; i++) {
		const struct cover *c = &f->v[i];
		if (memcmp(c->prefecture, a->prefecture, 2) == 0 &&
		    c->until > a->until && c->from < b->from)
			return false;
	}
	return true;
}

static int
tell_pair(const struct touched *t, const struct cover *a, const struct cover *b,
    enum diag_code code, struct reflect *r)
{
	if (reflect_cover(r, &a->key, a->from, code) == -1 ||
	    reflect_cover(r, &b->key, b->from, code) == -1)
		return -1;
	return t->record < 0 ? 0 : reflect_note(r, t->file, t->record, code);
}

static int
tell(struct facts *f, const struct touched *t, struct reflect *r)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct cover *a = &f->v[i];
		if (memcmp(&a->key, t->key, sizeof(a->key)) != 0 ||
		    (t->record >= 0 && a->from != t->from))
			continue;
		for (size_t k = 0; k < f->n; k++) {
			const struct cover *b = &f->v[k];
			if (overlap(a, b) &&
			    tell_pair(t, a, b, DIAG_COVER_ELSEWHERE, r) == -1)
				return -1;
			if ((gap(f, a, b) || gap(f, b, a)) &&
			    tell_pair(t, a, b, DIAG_MOVE_GAP, r) == -1)
				return -1;
		}
	}
	return 0;
}

int
facts_tell(struct facts *f, struct snapshot *s, struct reflect *r,
    struct diag_sink *sink)
{
	unsigned char last[PSEUDONYM];
	bool any = false;
	int64_t asked = 0;
	const void *pseudonym;
	struct slice row;
	struct touched t;
	int got = -1;

	if (sort_finish(f->sort) == -1)
		goto io;
	while ((got = sort_next(f->sort, &pseudonym, &row)) == 1) {
		memcpy(&t, row.p, sizeof(t));
		if (!any || memcmp(last, pseudonym, PSEUDONYM) != 0) {
			memcpy(last, pseudonym, PSEUDONYM);
			if (load_person(f, s, last) == -1) {
				diag_file(sink, DIAG_SNAPSHOT_IDENTITY,
				    "the new generation", "%s", "person");
				return -1;
			}
			any = true;
			if (++asked % PERSONS_AT_ONCE == 0)
				snapshot_forget(s);
		}
		if (tell(f, &t, r) == -1)
			goto io;
	}
	if (got == 0)
		return 0;
io:
	diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
	return -1;
}
