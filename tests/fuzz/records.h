/* What the fuzz targets of the record engine share: first byte chooses the
 * layout and the charset, the rest is the file. */
#ifndef TESTS_FUZZ_RECORDS_H
#define TESTS_FUZZ_RECORDS_H

#include <stdlib.h>

#include "formats/registry.h"

static void
fuzz_ignore(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

static inline void
fuzz_records(const uint8_t *p, size_t n, enum syntax syntax)
{
	struct diag_sink sink = { .put = fuzz_ignore };
	struct record_source src = {
		.name = "f", .fd = -1, .today = 20666, .sink = &sink
	};
	struct record_reader *r;
	struct record_counts c;
	struct record rec;
	enum record_result res;
	int layouts = 0;

	if (n == 0)
		return;
	while (registry[layouts] != NULL)
		layouts++;
	src.layout = registry[(p[0] & 0x1f) % layouts];
	src.syntax = syntax;
	src.charset = syntax == SYNTAX_FIXED || (p[0] & 0x20) != 0 ?
	    CHARSET_CP932 :
	    CHARSET_UTF8;
	src.bytes = (struct slice) { (const char *)p + 1, n - 1 };
	r = record_open(&src);
	while (
	    (res = record_next(r, &rec)) == RECORD_OK || res == RECORD_REFUSED)
		;
	c = record_count(r);
	/* the books balance, and nothing is broken without a word */
	if (c.read < c.accepted + c.refused ||
	    (res == RECORD_BROKEN && sink.levels[DIAG_FATAL] == 0))
		abort();
	record_close(r);
}

#endif
