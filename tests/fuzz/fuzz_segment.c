/* Segments: rows ascend, a diagnostic for every refusal, and what is whole
 * when opened whole is whole when read on the way. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

#include "formats/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
walk(const char *path, bool whole, struct diag_sink *sink)
{
	struct segment *s = segment_open(path, "f", whole, sink);
	char last[SEGMENT_KEY_SIZE] = { 0 };
	struct segment_row row;
	int r = -1;

	if (s == NULL)
		return -1;
	segment_buffer(s, 64);
	while ((r = segment_next(s, &row)) == 1) {
		if (memcmp(last, row.key, sizeof(last)) > 0)
			__builtin_trap();
		memcpy(last, row.key, sizeof(last));
	}
	segment_close(s);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int fd = -1;
	static char path[64];
	struct diag_sink sink = { .put = NULL };

	if (fd == -1) {
		fd = memfd_create("segment", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) == -1 || pwrite(fd, p, n, 0) != (ssize_t)n)
		abort();
	int on_the_way = walk(path, false, &sink);
	if ((on_the_way == -1) != (sink.counts[DIAG_SEGMENT_BROKEN] > 0))
		__builtin_trap();
	int whole = walk(path, true, &sink);
	if (whole == 0 && on_the_way != 0)
		__builtin_trap();
	return 0;
}
