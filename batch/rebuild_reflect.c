#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/holds.h"
#include "batch/rebuild_reflect.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/sort.h"
#include "formats/limits.h"
#include "formats/receipt.h"

#define KEY 9 /* upload, record number: big endian; what */

enum what { RESULT, NOTE };
#define VALUE 10 /* rank, last record: big endian; code */

/* Records one after the other that came to the same: what an insurer sends in
 * the order of its persons takes one row of the sort, not millions. */
struct stretch {
	bool any;
	uint32_t rank; /* of its segment */
	uint32_t first, last;
	enum diag_code code;
};

struct reflect {
	const struct inputs *in;
	struct sort *sort;
	struct stretch *open; /* per input */
	struct holds *holds;
	struct covers *covers;
	struct counts *counts; /* per upload */
};

struct reflect *
reflect_new(const struct inputs *in, const char *work_dir)
{
	struct reflect *r = text_alloc(sizeof(*r));

	r->in = in;
	r->sort = sort_new(KEY, SORT_MEMORY / 3, work_dir);
	r->open = text_alloc((in->n + 1) * sizeof(*r->open));
	r->holds = holds_new(work_dir);
	r->covers = covers_new(work_dir);
	r->counts = text_alloc((in->n_files + 1) * sizeof(*r->counts));
	return r;
}

static void
put_number(unsigned char *k, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		k[i] = (unsigned char)(v >> (24 - 8 * i));
}

static uint32_t
number_of(const unsigned char *k)
{
	return (uint32_t)k[0] << 24 | (uint32_t)k[1] << 16 |
	    (uint32_t)k[2] << 8 | k[3];
}

static int
keep(struct reflect *r, int file, const struct stretch *s, enum what what)
{
	unsigned char key[KEY], value[VALUE];

	_Static_assert(DIAG__MAX < 65536, "a code is two bytes here");
	put_number(key, (uint32_t)file);
	put_number(key + 4, s->first);
	key[8] = (unsigned char)what;
	put_number(value, s->rank);
	put_number(value + 4, s->last);
	value[8] = (unsigned char)((unsigned)s->code & 255);
	value[9] = (unsigned char)((unsigned)s->code >> 8);
	return sort_add(
	    r->sort, key, (struct slice) { (const char *)value, VALUE });
}

static int
close_stretch(struct reflect *r, int rank)
{
	struct stretch *s = &r->open[rank];
	int got = s->any ? keep(r, r->in->file[rank], s, RESULT) : 0;

	s->any = false;
	return got;
}

int
reflect_add(struct reflect *r, const struct change *c, int64_t record,
    enum diag_code code)
{
	enum merge_state state = merge_state(code);
	struct stretch *s = &r->open[c->rank];

	r->counts[c->file].read++;
	r->counts[c->file].state[state]++;
	if ((state == MERGE_HELD || c->order != SEGMENT_CHANGES) &&
	    holds_add(r->holds, &r->in->v[c->rank], record, code) == -1)
		return -1;
	if (s->any && s->code == code && (uint32_t)record == s->last + 1) {
		s->last++;
		return 0;
	}
	if (close_stretch(r, c->rank) == -1)
		return -1;
	*s = (struct stretch) { true, (uint32_t)c->rank, (uint32_t)record,
		(uint32_t)record, code };
	return 0;
}

int
reflect_note(struct reflect *r, int file, int64_t record, enum diag_code code)
{
	struct stretch s = { true, 0, (uint32_t)record, (uint32_t)record,
		code };

	return keep(r, file, &s, NOTE);
}

int
reflect_cover(struct reflect *r, const struct typed_key *key, int32_t from,
    enum diag_code code)
{
	return covers_add(r->covers, key, from, code);
}

void
reflect_removed(struct reflect *r, int file, int64_t n)
{
	r->counts[file].removed += n;
}

int
reflect_save(struct reflect *r, const char *dir)
{
	char path[SPOOL_PATH_MAX];
	int error = -1;

	for (size_t i = 0; i < r->in->n; i++)
		if (close_stretch(r, (int)i) == -1)
			return -1;
	spool_path(path, dir, "results");
	if (sort_finish(r->sort) == -1 || sort_save(r->sort, path) == -1 ||
	    holds_save(r->holds, dir) == -1)
		return -1;
	spool_path(path, dir, "counts");
	FILE *f = fopen(path, "wxe");
	if (f == NULL)
		return -1;
	fwrite(r->counts, sizeof(*r->counts), r->in->n_files, f);
	if (fflush(f) == 0 && !ferror(f))
		error = fsync(fileno(f));
	return fclose(f) != 0 ? -1 : error;
}

static void
add_counts(struct counts *to, const struct counts *c)
{
	to->read += c->read;
	to->removed += c->removed;
	for (int i = 0; i < MERGE__MAX; i++)
		to->state[i] += c->state[i];
}

int
reflect_take(struct reflect *r, const char *dir)
{
	char path[SPOOL_PATH_MAX];
	struct counts c;
	size_t n = 0;

	spool_path(path, dir, "results");
	if (sort_take(r->sort, path) == -1 || holds_take(r->holds, dir) == -1)
		return -1;
	spool_path(path, dir, "counts");
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return -1;
	for (; n < r->in->n_files && fread(&c, sizeof(c), 1, f) == 1; n++)
		add_counts(&r->counts[n], &c);
	fclose(f);
	if (n == r->in->n_files)
		return 0;
	errno = EIO;
	return -1;
}

void
reflect_free(struct reflect *r)
{
	if (r == NULL)
		return;
	sort_free(r->sort);
	holds_free(r->holds);
	covers_free(r->covers);
	free(r->counts);
	free(r->open);
	free(r);
}

struct out { /* the file being written */
	char path[SPOOL_PATH_MAX], stem[64];
	int fd;
	struct record_writer *writer;
	struct record rec;
	char generation[24], visible_at[15];
	size_t next; /* upload not yet begun */
	/* stretches of this file whose records are not all written yet; nearly
	 * always one */
	struct stretch *at;
	size_t n, max;
	uint32_t note_record; /* told of last, not yet written */
	enum diag_code note; /* of it; DIAG__MAX: none */
	bool written; /* a row of this file: what it said */
	enum merge_state last_state;
	enum diag_code last_say;
};

static int
out_open(struct out *o, const char *dir, const struct filename *id,
    struct diag_sink *sink)
{
	filename_format(id, "", o->stem);
	spool_path(o->path, dir, "%s.csv", o->stem);
	o->fd = open(o->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (o->fd == -1) {
		diag_file(sink, DIAG_IO, o->path, "%s", strerror(errno));
		return -1;
	}
	o->written = false;
	o->writer = record_create(o->stem, o->fd, &reflection_layout,
	    SYNTAX_CSV, CHARSET_UTF8_BOM, sink);
	return o->writer == NULL ? -1 : 0;
}

static int
out_close(struct out *o, struct diag_sink *sink)
{
	int r = 0;

	if (o->writer != NULL)
		r = record_finish(o->writer);
	o->writer = NULL;
	if (o->fd != -1) {
		if (fsync(o->fd) == -1 || close(o->fd) == -1) {
			diag_file(
			    sink, DIAG_IO, o->path, "%s", strerror(errno));
			r = -1;
		}
		o->fd = -1;
	}
	return r;
}

/* Digits at the end of out; returns where they begin. */
static size_t
number_text(uint32_t v, char out[10])
{
	size_t n = 10;

	do
		out[--n] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	return n;
}

static int
out_row(
    struct out *o, uint32_t record, enum diag_code code, enum diag_code note)
{
	const struct slice none = { NULL, 0 };
	enum merge_state state = merge_state(code);
	bool there = state < MERGE_REFUSED;
	enum diag_code say = note != DIAG__MAX ? note :
	    state < MERGE_UNCHANGED	       ? DIAG__MAX :
						 code;
	bool said = say != DIAG__MAX;
	char number[10];
	size_t n;

	n = number_text(record, number);
	record_set(&o->rec, R_RECORD, (struct slice) { number + n, 10 - n });
	/* thousands in a row came to the same: only the number differs */
	if (o->written && state == o->last_state && say == o->last_say)
		return record_write_again(o->writer, &o->rec, R_RECORD);
	o->written = true;
	o->last_state = state;
	o->last_say = say;
	record_set(&o->rec, R_STATE, slice_of(merge_state_names[state]));
	record_set(
	    &o->rec, R_CODE, said ? slice_of(diag_table[say].code) : none);
	record_set(
	    &o->rec, R_REASON_JA, said ? slice_of(diag_table[say].ja) : none);
	record_set(
	    &o->rec, R_REASON_EN, said ? slice_of(diag_table[say].en) : none);
	record_set(
	    &o->rec, R_VISIBLE_AT, there ? slice_of(o->visible_at) : none);
	return record_write(o->writer, &o->rec);
}

/* Is a's next record written before b's? */
static bool
sooner(const struct stretch *a, const struct stretch *b)
{
	return a->first != b->first ? a->first < b->first : a->rank < b->rank;
}

/* The rows of the records below `end`, in their order. A record of two
 * segments has two rows, and its note stands in the second. */
static int
out_rows(struct out *o, uint64_t end)
{
	while (o->n > 0) {
		struct stretch *s = &o->at[0];
		bool noted = o->note != DIAG__MAX;
		for (size_t i = 1; i < o->n; i++)
			if (sooner(&o->at[i], s))
				s = &o->at[i];
		if (s->first >= end)
			return 0;
		noted = noted && o->note_record == s->first;
		for (size_t i = 0; i < o->n && noted; i++)
			noted = &o->at[i] == s || o->at[i].first != s->first;
		if (out_row(o, s->first, s->code,
			noted ? o->note : DIAG__MAX) == -1)
			return -1;
		if (noted)
			o->note = DIAG__MAX;
		if (s->first++ == s->last) {
			o->n--;
			memmove(s, s + 1,
			    (o->n - (size_t)(s - o->at)) * sizeof(*s));
		}
	}
	return 0;
}

/* Ends the file at hand and begins that of the next upload, up to and with
 * `file`: those whose segments are empty have a result as well. */
static int
out_turn(struct out *o, const struct reflect *r, const char *dir, size_t file,
    struct diag_sink *sink)
{
	for (; o->next <= file; o->next++) {
		if (out_rows(o, UINT64_MAX) == -1 || out_close(o, sink) == -1 ||
		    out_open(o, dir, &r->in->files[o->next], sink) == -1)
			return -1;
		o->note = DIAG__MAX;
		record_set(&o->rec, R_FILE, slice_of(o->stem));
		record_set(&o->rec, R_GENERATION, slice_of(o->generation));
	}
	return 0;
}

static void
out_stretch(struct out *o, uint32_t first, const struct slice *value)
{
	const unsigned char *v = (const unsigned char *)value->p;

	if (o->n == o->max) {
		o->max = 2 * o->max + 4;
		o->at = text_realloc(o->at, o->max * sizeof(*o->at));
	}
	o->at[o->n++] =
	    (struct stretch) { true, number_of(v), first, number_of(v + 4),
		    (enum diag_code)(v[8] | (unsigned)v[9] << 8) };
}

static int
write_results(
    struct reflect *r, struct out *o, const char *dir, struct diag_sink *sink)
{
	const void *key;
	struct slice what;
	int got;

	while ((got = sort_next(r->sort, &key, &what)) == 1) {
		const unsigned char *k = key;
		uint32_t record = number_of(k + 4);
		if (out_turn(o, r, dir, number_of(k), sink) == -1 ||
		    out_rows(o, record) == -1)
			return -1;
		if (k[8] == RESULT) {
			out_stretch(o, record, &what);
			continue;
		}
		const unsigned char *v = (const unsigned char *)what.p;
		enum diag_code code =
		    (enum diag_code)(v[8] | (unsigned)v[9] << 8);
		if (o->note == DIAG__MAX || o->note_record != record ||
		    code < o->note) /* the first of the catalogue */
			o->note = code;
		o->note_record = record;
	}
	if (got == -1) {
		diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
		return -1;
	}
	if (r->in->n_uploads > 0 &&
	    out_turn(o, r, dir, r->in->n_uploads - 1, sink) == -1)
		return -1;
	return out_rows(o, UINT64_MAX) == -1 || out_close(o, sink) == -1 ? -1 :
									   0;
}

/* Nothing more comes: all results are in the sort. */
static int
end_results(struct reflect *r, struct diag_sink *sink)
{
	int got = 0;

	for (size_t i = 0; i < r->in->n && got == 0; i++)
		got = close_stretch(r, (int)i);
	if (got == 0)
		got = sort_finish(r->sort);
	if (got == -1)
		diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
	return got;
}

int
reflect_write(struct reflect *r, const char *before, const char *dir,
    int64_t generation, int64_t visible_at, struct diag_sink *sink)
{
	struct out *o = text_alloc(sizeof(*o));
	int result = -1;

	o->fd = -1;
	o->note = DIAG__MAX;
	snprintf(o->generation, sizeof(o->generation), "%lld",
	    (long long)generation);
	day_format_time(visible_at, o->visible_at);
	record_init(&o->rec, reflection_layout.data);
	if (end_results(r, sink) == -1 || write_results(r, o, dir, sink) == -1)
		goto out;
	if (counts_write(
		dir, r->in->files, r->counts, r->in->n_uploads, sink) == -1 ||
	    covers_write(r->covers, dir, sink) == -1 ||
	    holds_write(r->holds, before, dir, generation, sink) == -1)
		goto out;
	result = 0;
out:
	if (result == -1)
		out_close(o, sink);
	free(o->at);
	free(o);
	reflect_free(r);
	return result;
}
