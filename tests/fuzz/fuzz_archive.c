/* Archives: what is handed out has an allowed name, each but once, and stays
 * under the limits; what is refused is refused with a word. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/codec/archive.h"
#include "formats/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
drain(void *arg, const struct archive_member *m, struct archive_stream *s)
{
	char block[4096];
	int64_t n;

	if (m->name.n == 0 || m->name.n > ARCHIVE_NAME_MAX ||
	    memchr(m->name.p, '/', m->name.n) != NULL || m->name.p[0] == '.')
		__builtin_trap();
	while ((n = archive_read(s, block, sizeof(block))) > 0)
		*(int64_t *)arg += n;
	if (*(int64_t *)arg > ARCHIVE_BYTES_MAX)
		__builtin_trap();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static int fd = -1;
	struct diag_sink sink = { .put = NULL };
	int64_t bytes = 0;

	if (fd == -1)
		fd = memfd_create("archive", MFD_CLOEXEC);
	if (ftruncate(fd, 0) == -1 || pwrite(fd, p, n, 0) != (ssize_t)n ||
	    lseek(fd, 0, SEEK_SET) == -1)
		abort();
	if (archive_each("f", fd, drain, &bytes, &sink) == -1 &&
	    sink.levels[DIAG_FATAL] == 0)
		__builtin_trap();
	return 0;
}
