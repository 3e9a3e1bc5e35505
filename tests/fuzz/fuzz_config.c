#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A configuration is good, or a fault says why not. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct diag_sink sink = { .put = NULL };
	char path[64];
	int fd = memfd_create("site.yaml", MFD_CLOEXEC);

	if (fd == -1 || write(fd, p, n) != (ssize_t)n)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct config *c = config_load(path, &sink);
	if ((c == NULL) != (sink.levels[DIAG_FATAL] > 0))
		__builtin_trap();
	config_free(c);
	close(fd);
	return 0;
}
