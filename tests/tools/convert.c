/*
 * tool-convert LAYOUT SYNTAX CHARSET IN SYNTAX CHARSET OUT: reads a record
 * file with the engine and writes the same records in another syntax, so that
 * the benchmark compares the same data. Prints "records bytes total".
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/codec/record.h"
#include "formats/exit.h"
#include "formats/registry.h"

static int
convert(const struct record_source *src, enum syntax syntax, enum charset cs,
    int out, struct diag_sink *sink)
{
	struct record_reader *r = record_open(src);
	struct record_writer *w = NULL;
	struct record rec, trailer;
	enum record_result got;
	int rc = -1;

	if (r == NULL)
		return -1;
	w = record_create("out", out, src->layout, syntax, cs, sink);
	if (w == NULL)
		goto out;
	while ((got = record_next(r, &rec)) == RECORD_OK) {
		if (record_count(r).read == 1 &&
		    record_write_header(w, record_header(r)) == -1)
			goto out;
		if (record_write(w, &rec) == -1)
			goto out;
	}
	if (got != RECORD_END)
		goto out;
	record_init(&trailer, src->layout->trailer);
	record_set(&trailer, 0, SLICE("3"));
	if (record_write_trailer(w, &trailer) == -1)
		goto out;
	printf("%" PRId64 " %.*s\n", record_count(r).accepted,
	    (int)trailer.v[src->layout->trailer_total].s.n,
	    trailer.v[src->layout->trailer_total].s.p);
	rc = 0;
out:
	if (w != NULL && record_finish(w) == -1)
		rc = -1;
	record_close(r);
	return rc;
}

int
main(int argc, char **argv)
{
	struct diag_log log;
	struct diag_list list; /* what was replaced is no news here */
	struct record_source src = { 0 };
	int out, syntax, cs;

	if (argc != 8)
		return EXIT_BAD_USAGE;
	diag_log_init(&log, "convert", stderr);
	src.layout = registry_find(slice_of(argv[1]));
	src.syntax = (enum syntax)syntax_find(slice_of(argv[2]));
	src.charset = (enum charset)charset_find(slice_of(argv[3]));
	src.name = argv[4];
	src.fd = open(argv[4], O_RDONLY | O_CLOEXEC);
	src.today = day_parse(SLICE("20990101"));
	diag_list_init(&list, 1, &log.sink, DIAG_ERROR);
	src.sink = &list.sink;
	syntax = syntax_find(slice_of(argv[5]));
	cs = charset_find(slice_of(argv[6]));
	out = open(argv[7], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (src.layout == NULL || src.fd == -1 || out == -1 || syntax == -1 ||
	    cs == -1)
		return EXIT_BAD_USAGE;
	return convert(&src, (enum syntax)syntax, (enum charset)cs, out,
		   &list.sink) == 0 ?
	    EXIT_OK :
	    EXIT_INPUT;
}
