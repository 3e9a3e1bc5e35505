/* CRL partitions: no entry is handed out of a list that is refused. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/codec/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static int
count(void *arg, struct slice serial, int64_t at, int reason)
{
	if (serial.n < 2 || serial.n > 40 || at <= 0 || reason < -1)
		__builtin_trap();
	++*(int64_t *)arg;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct chain_cards *cards;
	static int fd;
	struct diag_sink sink = { .put = NULL };
	struct chain_crl crl;
	int64_t entries = 0;

	if (cards == NULL) {
		cards = chain_cards_open(
		    "tests/fuzz/pki/cards.pem", "2.999.1.3.30", &sink);
		fd = memfd_create("crl", MFD_CLOEXEC);
	}
	if (cards == NULL || ftruncate(fd, 0) == -1 ||
	    pwrite(fd, p, n, 0) != (ssize_t)n)
		abort();
	if (chain_crl_walk("f", fd, cards, &crl, count, &entries, &sink) == 0) {
		if (entries != crl.entries || strlen(crl.ca) != 40 ||
		    crl.partition[0] == '\0' || crl.number[0] == '\0')
			__builtin_trap();
	} else if (entries != 0 || sink.levels[DIAG_FATAL] != 1)
		__builtin_trap();
	return 0;
}
