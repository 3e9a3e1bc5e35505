/* A question of one wire, any bytes: what is read can be answered. */
#ifndef TESTS_FUZZ_QUERY_H
#define TESTS_FUZZ_QUERY_H

#include <string.h>

#include "formats/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static inline int
fuzz_query(enum query_wire from, const uint8_t *p, size_t n)
{
	static struct query q;
	static struct answer a;
	static char bytes[65536];
	const char *error = NULL;
	struct slice in = { (const char *)p, n };
	struct buf out;
	int r;

	r = query_read(from, in, &q, &error);
	if ((r == 0) != (error == NULL) || q.used > sizeof(q.store))
		__builtin_trap();
	memset(&a, 0, sizeof(a));
	a.query = &q;
	a.segment_of_result = r == 0 ? 1 : 9;
	a.error_code = error;
	for (int wire = QUERY_XML; wire < QUERY_WIRE__MAX; wire++)
		for (int cs = 0; cs < CHARSET__MAX; cs++) {
			buf_init(&out, bytes, sizeof(bytes));
			if (query_write((enum query_wire)wire, (enum charset)cs,
				&a, &out) == -1)
				__builtin_trap();
		}
	if (from != QUERY_FHIR) /* which asks for no challenge */
		query_read_challenge(from, in, &q, &error);
	return 0;
}

#endif
