/*
 * tool-parse LAYOUT SYNTAX CHARSET FILE: reads a file with the record engine
 * and prints records and MB per second of processor time (other work on the
 * machine does not count), read, accepted, refused; for measuring. With a
 * fifth argument N it first writes FILE with N good records.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/limits.h"
#include "formats/registry.h"
#include "tests/tools/rows.h"

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	struct diag_log log;
	struct diag_list list; /* as ingest keeps them */
	struct record_source src = { .today = 20666, .sink = &list.sink };
	struct record_reader *r;
	struct record_counts n;
	struct record rec;
	enum record_result res;
	struct stat st;
	double t;

	if (argc < 5)
		return 32;
	diag_log_init(&log, "tool-parse", stderr);
	diag_list_init(&list, DIAGS_PER_FILE_MAX, &log.sink, DIAG_FATAL);
	src.name = argv[4];
	src.layout = registry_find(slice_of(argv[1]));
	src.syntax = (enum syntax)syntax_find(slice_of(argv[2]));
	src.charset = (enum charset)charset_find(slice_of(argv[3]));
	if (src.layout == NULL || (int)src.syntax < 0 || (int)src.charset < 0)
		return 32;
	if (argc > 5 &&
	    rows_file(argv[4], src.layout, src.syntax, src.charset,
		strtol(argv[5], NULL, 10), &log.sink) != 0)
		return 34;
	src.fd = open(argv[4], O_RDONLY | O_CLOEXEC);
	if (src.fd == -1 || fstat(src.fd, &st) != 0)
		return 34;
	t = now();
	r = record_open(&src);
	do
		res = record_next(r, &rec);
	while (res == RECORD_OK || res == RECORD_REFUSED);
	t = now() - t;
	n = record_count(r);
	record_close(r);
	diag_list_free(&list);
	close(src.fd);
	printf("%.0f records/s %.1f MB/s read %lld accepted %lld refused "
	       "%lld%s\n",
	    (double)n.read / t, (double)st.st_size / t / 1e6, (long long)n.read,
	    (long long)n.accepted, (long long)n.refused,
	    res == RECORD_END ? "" : " BROKEN");
	return res == RECORD_END ? 0 : 34;
}
