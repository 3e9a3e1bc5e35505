#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/rebuild_reflect.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/sort.h"
#include "formats/limits.h"
#include "formats/receipt.h"

#define KEY 8 /* upload, record number: big endian */

struct reflect {
	struct sort *sort;
};

struct reflect *
reflect_new(const char *work_dir)
{
	struct reflect *r = text_alloc(sizeof(*r));

	r->sort = sort_new(KEY, SORT_MEMORY / 3, work_dir);
	return r;
}

int
reflect_add(struct reflect *r, int file, int64_t record, enum diag_code code)
{
	unsigned char key[KEY];
	unsigned char what = (unsigned char)code;

	for (int i = 0; i < 4; i++) {
		key[i] = (unsigned char)((uint32_t)file >> (24 - 8 * i));
		key[4 + i] = (unsigned char)((uint32_t)record >> (24 - 8 * i));
	}
	_Static_assert(DIAG__MAX < 256, "a code is one byte here");
	return sort_add(
	    r->sort, key, (struct slice) { (const char *)&what, 1 });
}

void
reflect_free(struct reflect *r)
{
	if (r == NULL)
		return;
	sort_free(r->sort);
	free(r);
}

struct out { /* the file being written */
	char path[SPOOL_PATH_MAX], stem[64];
	int fd;
	struct record_writer *writer;
	struct record rec;
	char generation[24], visible_at[15];
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

static int
out_row(struct out *o, uint32_t record, enum diag_code code)
{
	const struct slice none = { NULL, 0 };
	const char *state = code == DIAG__MAX ? "reflected" :
	    code == DIAG_UNCHANGED	      ? "unchanged" :
	    code == DIAG_PERSON_CHANGED	      ? "held" :
						"refused";
	bool there = code == DIAG__MAX || code == DIAG_UNCHANGED;
	bool said = code != DIAG__MAX;
	char number[16];
	int n = snprintf(number, sizeof(number), "%lu", (unsigned long)record);

	record_set(&o->rec, R_RECORD, (struct slice) { number, (size_t)n });
	record_set(&o->rec, R_STATE, slice_of(state));
	record_set(
	    &o->rec, R_CODE, said ? slice_of(diag_table[code].code) : none);
	record_set(
	    &o->rec, R_REASON_JA, said ? slice_of(diag_table[code].ja) : none);
	record_set(
	    &o->rec, R_REASON_EN, said ? slice_of(diag_table[code].en) : none);
	record_set(
	    &o->rec, R_VISIBLE_AT, there ? slice_of(o->visible_at) : none);
	return record_write(o->writer, &o->rec);
}

int
reflect_write(struct reflect *r, const struct inputs *in, const char *dir,
    int64_t generation, int64_t visible_at, struct diag_sink *sink)
{
	struct out *o = text_alloc(sizeof(*o));
	const void *key;
	struct slice what;
	size_t next = 0; /* upload not yet begun */
	int got = -1, result = -1;

	o->fd = -1;
	snprintf(o->generation, sizeof(o->generation), "%lld",
	    (long long)generation);
	day_format_time(visible_at, o->visible_at);
	record_init(&o->rec, reflection_layout.data);
	if (sort_finish(r->sort) == -1)
		goto io;
	while ((got = sort_next(r->sort, &key, &what)) == 1) {
		const unsigned char *k = key;
		size_t file = (size_t)k[0] << 24 | (size_t)k[1] << 16 |
		    (size_t)k[2] << 8 | k[3];
		uint32_t record = (uint32_t)k[4] << 24 | (uint32_t)k[5] << 16 |
		    (uint32_t)k[6] << 8 | k[7];
		/* uploads whose segments are empty have a result as well */
		for (; next <= file; next++) {
			if (out_close(o, sink) == -1 ||
			    out_open(o, dir, &in->files[next], sink) == -1)
				goto out;
			record_set(&o->rec, R_FILE, slice_of(o->stem));
			record_set(
			    &o->rec, R_GENERATION, slice_of(o->generation));
		}
		if (out_row(o, record,
			(enum diag_code)(unsigned char)what.p[0]) == -1)
			goto out;
	}
	for (; got == 0 && next < in->n_files; next++)
		if (out_close(o, sink) == -1 ||
		    out_open(o, dir, &in->files[next], sink) == -1)
			goto out;
	if (got == 0 && out_close(o, sink) == 0)
		result = 0;
io:
	if (got == -1)
		diag_file(sink, DIAG_IO, "sort", "%s", strerror(errno));
out:
	if (result == -1)
		out_close(o, sink);
	free(o);
	reflect_free(r);
	return result;
}
