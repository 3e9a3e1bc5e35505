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

struct reflect {
	const struct inputs *in;
	struct sort *sort;
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
	r->holds = holds_new(work_dir);
	r->covers = covers_new(work_dir);
	r->counts = text_alloc((in->n_files + 1) * sizeof(*r->counts));
	return r;
}

static int
keep(struct reflect *r, int file, int64_t record, enum what what,
    enum diag_code code)
{
	unsigned char key[KEY];
	char value[2] = { (char)((unsigned)code & 255),
		(char)((unsigned)code >> 8) };

	for (int i = 0; i < 4; i++) {
		key[i] = (unsigned char)((uint32_t)file >> (24 - 8 * i));
		key[4 + i] = (unsigned char)((uint32_t)record >> (24 - 8 * i));
	}
	key[8] = (unsigned char)what;
	_Static_assert(DIAG__MAX < 65536, "a code is two bytes here");
	return sort_add(r->sort, key, (struct slice) { value, 2 });
}

int
reflect_add(struct reflect *r, const struct change *c, int64_t record,
    enum diag_code code)
{
	enum merge_state state = merge_state(code);

	r->counts[c->file].read++;
	r->counts[c->file].state[state]++;
	if ((state == MERGE_HELD || c->order != SEGMENT_CHANGES) &&
	    holds_add(r->holds, &r->in->v[c->rank], record, code) == -1)
		return -1;
	return keep(r, c->file, record, RESULT, code);
}

int
reflect_note(struct reflect *r, int file, int64_t record, enum diag_code code)
{
	return keep(r, file, record, NOTE, code);
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

void
reflect_free(struct reflect *r)
{
	if (r == NULL)
		return;
	sort_free(r->sort);
	holds_free(r->holds);
	covers_free(r->covers);
	free(r->counts);
	free(r);
}

struct out { /* the file being written */
	char path[SPOOL_PATH_MAX], stem[64];
	int fd;
	struct record_writer *writer;
	struct record rec;
	char generation[24], visible_at[15];
	size_t next; /* upload not yet begun */
	bool pending; /* a row is known but for its notes */
	uint32_t record;
	enum diag_code code, note;
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
out_row(struct out *o)
{
	const struct slice none = { NULL, 0 };
	enum merge_state state = merge_state(o->code);
	bool there = state < MERGE_REFUSED;
	enum diag_code say = o->note != DIAG__MAX ? o->note :
	    state < MERGE_UNCHANGED		  ? DIAG__MAX :
						    o->code;
	bool said = say != DIAG__MAX;
	char number[10];
	size_t n;

	if (!o->pending)
		return 0;
	o->pending = false;
	n = number_text(o->record, number);
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

/* Ends the file at hand and begins that of the next upload, up to and with
 * `file`: those whose segments are empty have a result as well. */
static int
out_turn(struct out *o, const struct reflect *r, const char *dir, size_t file,
    struct diag_sink *sink)
{
	for (; o->next <= file; o->next++) {
		if (out_row(o) == -1 || out_close(o, sink) == -1 ||
		    out_open(o, dir, &r->in->files[o->next], sink) == -1)
			return -1;
		record_set(&o->rec, R_FILE, slice_of(o->stem));
		record_set(&o->rec, R_GENERATION, slice_of(o->generation));
	}
	return 0;
}

static uint32_t
number_of(const unsigned char *k)
{
	return (uint32_t)k[0] << 24 | (uint32_t)k[1] << 16 |
	    (uint32_t)k[2] << 8 | k[3];
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
		size_t file = number_of(k);
		enum diag_code code =
		    (enum diag_code)((unsigned char)what.p[0] |
			(unsigned)(unsigned char)what.p[1] << 8);
		if (k[8] == NOTE) {
			if (code < o->note) /* the first of the catalogue */
				o->note = code;
			continue;
		}
		if (out_turn(o, r, dir, file, sink) == -1 || out_row(o) == -1)
			return -1;
		o->record = number_of(k + 4);
		o->code = code;
		o->note = DIAG__MAX;
		o->pending = true;
	}
	if (got == -1) {
		diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
		return -1;
	}
	if (r->in->n_uploads > 0 &&
	    out_turn(o, r, dir, r->in->n_uploads - 1, sink) == -1)
		return -1;
	return out_row(o) == -1 || out_close(o, sink) == -1 ? -1 : 0;
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
	if (sort_finish(r->sort) == -1) {
		diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
		goto out;
	}
	if (write_results(r, o, dir, sink) == -1)
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
	free(o);
	reflect_free(r);
	return result;
}
