/*
 * Where the TEST certificates of tests/pki/make.sh lie, for unit suites. The
 * first call makes them.
 */
#ifndef TESTS_PKI_PKI_H
#define TESTS_PKI_PKI_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/codec/diag.h"
#include "tests/unit/suite.h"

/* 2026-08-01 12:00 JST: 20666 days after 1970 (56 years of 365, 14 leap
 * days, 212 days of 2026 before August), 03:00 UTC. */
#define PKI_NOW (INT64_C(20666) * DAY_MS + INT64_C(3) * 3600000)

static inline const char *
pki(const char *name)
{
	static char paths[8][512];
	static int made, next;
	const char *b = getenv("B");
	char *out = paths[next++ % 8];

	if (!made) {
		made = 1;
		CU_ASSERT_FATAL(system("tests/pki/make.sh") == 0);
	}
	snprintf(out, 512, "%s/pki/%s", b != NULL ? b : "build/release", name);
	return out;
}

static inline int
pki_fd(const char *name)
{
	return open(pki(name), O_RDONLY | O_CLOEXEC);
}

/* A whole small file; yours to free. */
static inline struct slice
pki_bytes(const char *name)
{
	char *p = malloc(1 << 20);
	int fd = pki_fd(name);
	ssize_t n = fd == -1 || p == NULL ? -1 : read(fd, p, 1 << 20);

	CU_ASSERT_FATAL(n >= 0);
	close(fd);
	return (struct slice) { p, (size_t)n };
}

/* A sink that counts and keeps the last code. */
struct pki_sink {
	struct diag_sink sink;
	enum diag_code last;
};

static inline void
pki_put(struct diag_sink *s, const struct diag *d)
{
	((struct pki_sink *)s)->last = d->code;
}

static inline struct pki_sink
pki_sink(void)
{
	return (struct pki_sink) { { .put = pki_put }, DIAG__MAX };
}

#endif
