/*
 * Good records of any layout of the registry, made from its rows alone: the
 * round trip, the mutation test and tool-parse use them.
 */
#ifndef TESTS_TOOLS_ROWS_H
#define TESTS_TOOLS_ROWS_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/check.h"
#include "formats/codec/record.h"
#include "formats/example.h"

struct rows {
	char text[RECORD_FIELDS_MAX][400];
};

static inline struct slice
rows_text(struct rows *r, unsigned i, const struct field *f)
{
	struct buf b;

	buf_init(&b, r->text[i], sizeof(r->text[i]));
	return example_value(f, &b);
}

static inline void
rows_record(struct rows *r, const struct layout *l, const struct format *f,
    struct record *rec, long number)
{
	record_init(rec, f);
	for (unsigned i = 0; i < f->nfields; i++)
		record_set(rec, (int)i, rows_text(r, i, &f->fields[i]));
	if (l->header != NULL) {
		snprintf(r->text[0], 2, "%d",
		    f == l->header   ? 1 :
			f == l->data ? 2 :
				       3);
		record_set(rec, 0, slice_of(r->text[0]));
	}
	if (f == l->data && l->number_field >= 0) {
		snprintf(r->text[l->number_field], 20, "%ld", number);
		record_set(
		    rec, l->number_field, slice_of(r->text[l->number_field]));
	}
}

static inline int
rows_write(int fd, const char *name, const struct layout *l, enum syntax s,
    enum charset cs, long n, struct diag_sink *sink)
{
	struct record_writer *w = record_create(name, fd, l, s, cs, sink);
	struct rows rows;
	struct record rec;
	int bad = 0;

	if (w == NULL)
		return -1;
	if (l->header != NULL) {
		rows_record(&rows, l, l->header, &rec, 0);
		bad |= record_write_header(w, &rec);
	}
	for (long i = 1; i <= n; i++) {
		rows_record(&rows, l, l->data, &rec, i);
		bad |= record_write(w, &rec);
	}
	if (l->trailer != NULL) {
		rows_record(&rows, l, l->trailer, &rec, 0);
		bad |= record_write_trailer(w, &rec);
	}
	return record_finish(w) | bad;
}

static inline int
rows_file(const char *path, const struct layout *l, enum syntax s,
    enum charset cs, long n, struct diag_sink *sink)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd == -1)
		return -1;
	r = rows_write(fd, path, l, s, cs, n, sink);
	close(fd);
	return r;
}

#endif
