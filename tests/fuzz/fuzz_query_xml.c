/* Any bytes as a question in XML. */
#include "tests/fuzz/query.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	return fuzz_query(QUERY_XML, p, n);
}
