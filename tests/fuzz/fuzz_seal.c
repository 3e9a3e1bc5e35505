/* Seals. The keys behind tests/fuzz/pki are gone: whatever is accepted must
 * be the one content they ever sealed. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/codec/seal.h"

#define NOW INT64_C(1785553200000) /* 2026-08-01 12:00 JST */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const char content[] = "PK the content, not really a zip\n";

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct chain *trust;
	static int in, out;
	struct diag_sink sink = { .put = NULL };
	struct slice bytes = { (const char *)p, n };
	struct seal_signer signer;
	char got[sizeof(content)];

	if (trust == NULL) {
		trust = chain_open("tests/fuzz/pki/ca.pem", NULL, &sink);
		in = memfd_create("in", MFD_CLOEXEC);
		out = memfd_create("out", MFD_CLOEXEC);
	}
	if (trust == NULL || ftruncate(in, 0) == -1 ||
	    pwrite(in, p, n, 0) != (ssize_t)n)
		abort();
	if (seal_open("f", in, out, trust, NULL, NOW, &signer, &sink) == 0) {
		if (pread(out, got, sizeof(got), 0) != sizeof(content) - 1 ||
		    memcmp(got, content, sizeof(content) - 1) != 0)
			__builtin_trap();
	} else if (sink.levels[DIAG_FATAL] != 1 || lseek(out, 0, SEEK_END) != 0)
		__builtin_trap();
	memset(&sink, 0, sizeof(sink));
	if (seal_verify_bytes("f",
		(struct slice) { content, sizeof(content) - 1 }, bytes, trust,
		NOW, &signer, &sink) == -1 &&
	    sink.levels[DIAG_FATAL] != 1)
		__builtin_trap();
	return 0;
}
