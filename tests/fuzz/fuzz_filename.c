#include <string.h>

#include "formats/filename.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What parses is written back the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice name = { (const char *)p, n };
	struct filename f;
	char again[64];

	if (filename_parse(name, &f) != 0)
		return 0;
	filename_format(&f, ".zip.p7m", again);
	if (!slice_is(name, again))
		__builtin_trap();
	return 0;
}
