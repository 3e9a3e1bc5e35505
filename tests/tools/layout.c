/*
 * Any layout's file, made and written back: tool-layout example NAME prints a
 * file of two records; tool-layout trip NAME FILE reads FILE and prints it as
 * our writers write it. Ends 1 where the file was not wholly accepted.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/qualification.h"
#include "formats/registry.h"
#include "tests/tools/rows.h"

static enum syntax
syntax_of(const char *name)
{
	if (strncmp(name, "nhi_", 4) == 0)
		return SYNTAX_FIXED;
	return strcmp(name, "shikaku") == 0 ? SYNTAX_XML : SYNTAX_CSV;
}

static enum charset
charset_of(enum syntax s, struct slice bytes)
{
	if (s == SYNTAX_FIXED)
		return CHARSET_CP932;
	return bytes.n > 2 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0 ?
	    CHARSET_UTF8_BOM :
	    CHARSET_UTF8;
}

static int
close_block(
    struct record_writer *w, const struct layout *l, const struct record *told)
{
	struct record rec;

	if (l->trailer == NULL)
		return 0;
	rec = *told;
	return record_write_trailer(w, &rec);
}

/* Records through reader and writer, block by block. */
static int
trip_records(const struct layout *l, enum syntax s, struct slice bytes,
    struct diag_sink *sink)
{
	struct record_source src = { .name = "t",
		.fd = -1,
		.bytes = bytes,
		.layout = l,
		.syntax = s,
		.charset = charset_of(s, bytes),
		.today = day_of(2026, 8, 1),
		.sink = sink };
	struct record_reader *r = record_open(&src);
	struct record_writer *w =
	    record_create("out", STDOUT_FILENO, l, s, src.charset, sink);
	struct record rec, type;
	enum record_result got;
	int64_t blocks = 0;
	int bad = 0;
	char block[16] = "";

	record_init(&type, l->trailer != NULL ? l->trailer : l->data);
	record_set(&type, 0, SLICE("3"));
	while ((got = record_next(r, &rec)) == RECORD_OK) {
		const struct record *h = record_header(r);

		if (h != NULL &&
		    (blocks == 0 ||
			!slice_is(h->v[FH_MUNICIPALITY].s, block))) {
			if (blocks++ > 0)
				bad |= close_block(w, l, &type);
			bad |= record_write_header(w, h);
			snprintf(block, sizeof(block), "%.*s",
			    (int)h->v[FH_MUNICIPALITY].s.n,
			    h->v[FH_MUNICIPALITY].s.p);
		}
		bad |= record_write(w, &rec);
	}
	bad |= close_block(w, l, &type);
	bad |= record_finish(w);
	record_close(r);
	return bad != 0 || got != RECORD_END ? 1 : 0;
}

static int
trip_document(
    const struct document *d, struct slice bytes, struct diag_sink *sink)
{
	struct document_source src = { "t", bytes, d, sink };
	struct document_tree *t = document_read(&src);
	size_t room = 2 * bytes.n + 65536;
	char *store = text_alloc(room);
	struct buf out;
	int bad = 1;

	buf_init(&out, store, room);
	if (t != NULL && t->faults == 0 && t->unknown == 0 &&
	    document_write(t, CHARSET_UTF8, 0, &out, sink) == 0)
		bad = fwrite(out.p, 1, out.n, stdout) != out.n;
	document_free(t);
	free(store);
	return bad;
}

static int
trip(const struct exchange *e, const char *path, struct diag_sink *sink)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd == -1 ? -1 : lseek(fd, 0, SEEK_END);
	char *p;
	struct slice bytes;
	int r;

	if (size < 0)
		return 1;
	p = text_alloc((size_t)size + 1);
	if (pread(fd, p, (size_t)size, 0) != size)
		return 1;
	close(fd);
	bytes = (struct slice) { p, (size_t)size };
	r = e->document != NULL ?
	    trip_document(e->document, bytes, sink) :
	    trip_records(e->layout, syntax_of(e->name), bytes, sink);
	free(p);
	return r;
}

int
main(int argc, char **argv)
{
	const struct exchange *e =
	    argc < 3 ? NULL : exchange_find(slice_of(argv[2]));
	struct diag_log log;

	diag_log_init(&log, "tool-layout", stderr);
	if (e == NULL)
		return 32;
	if (argc == 4 && strcmp(argv[1], "trip") == 0)
		return trip(e, argv[3], &log.sink);
	if (strcmp(argv[1], "example") != 0 || e->layout == NULL)
		return 32;
	return rows_write(STDOUT_FILENO, "stdout", e->layout,
		   syntax_of(e->name),
		   syntax_of(e->name) == SYNTAX_FIXED ? CHARSET_CP932 :
							CHARSET_UTF8,
		   2, &log.sink) == 0 ?
	    0 :
	    1;
}
