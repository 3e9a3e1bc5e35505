#include "tests/fuzz/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	fuzz_records(p, n, SYNTAX_FIXED);
	return 0;
}
