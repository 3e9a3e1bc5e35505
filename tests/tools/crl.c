/*
 * tool-crl CA.pem FILE...: reads revocation lists with chain_crl_walk(), every
 * entry, signature and all; prints "entries N", "cpu_s S", "peak_mib M". For
 * tests/bench_crl.py.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "formats/codec/chain.h"

static int
each(void *arg, struct slice serial, int64_t at, int reason)
{
	int64_t *sum = arg;

	*sum += at + reason + (int64_t)serial.n;
	return 0;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
	struct diag_log log;
	struct chain_cards *cards;
	struct rusage before, after;
	int64_t entries = 0, sum = 0;

	if (argc < 3)
		return 32;
	diag_log_init(&log, "tool-crl", stderr);
	cards = chain_cards_open(argv[1], "2.999.1.3.30", &log.sink);
	if (cards == NULL)
		return 33;
	getrusage(RUSAGE_SELF, &before);
	for (int i = 2; i < argc; i++) {
		struct chain_crl crl;
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);

		if (fd == -1 ||
		    chain_crl_walk(
			argv[i], fd, cards, &crl, each, &sum, &log.sink) == -1)
			return 34;
		entries += crl.entries;
		close(fd);
	}
	getrusage(RUSAGE_SELF, &after);
	chain_cards_free(cards);
	printf("entries %lld\ncpu_s %.3f\npeak_mib %.1f\n", (long long)entries,
	    seconds(after.ru_utime) + seconds(after.ru_stime) -
		seconds(before.ru_utime) - seconds(before.ru_stime),
	    (double)after.ru_maxrss / 1024);
	return sum == 0 && entries > 0;
}
