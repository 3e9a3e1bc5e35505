/*
 * tool-chain CARDS.pem POLICY MOMENT challenge|card|crl FILE...: what our code
 * says of certificates of cards, of signatures and of revocation lists, a line
 * each, for tests/oracle.py, which asks openssl the same.
 *
 *	card FILE...            FILE CODE
 *	crl FILE...             FILE CODE PARTITION SERIAL...
 *	challenge CARD TEXT SIG...      SIG CODE
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/chain.h"

static struct slice
bytes(const char *path)
{
	static char store[8][1 << 16];
	static int at;
	char *p = store[at++ % 8];
	FILE *f = fopen(path, "rb");
	size_t n = f == NULL ? 0 : fread(p, 1, sizeof(store[0]), f);

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return (struct slice) { p, n };
}

static const char *
said(enum diag_code code)
{
	return code == DIAG__MAX ? "ok" : diag_table[code].code;
}

static int
on_entry(void *arg, struct slice serial, int64_t at, int reason)
{
	struct buf *b = arg;

	(void)at;
	(void)reason;
	buf_printf(b, " %.*s", (int)serial.n, serial.p);
	return 0;
}

/* The first code of the table that was raised. */
static enum diag_code
raised(const struct diag_sink *sink)
{
	int i = 0;

	while (i < DIAG__MAX && sink->counts[i] == 0)
		i++;
	return (enum diag_code)i;
}

static void
walk(const struct chain_cards *cards, const char *path)
{
	struct diag_sink sink = { .put = NULL };
	char text[4096];
	struct buf b;
	struct chain_crl crl;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	buf_init(&b, text, sizeof(text));
	if (chain_crl_walk(path, fd, cards, &crl, on_entry, &b, &sink) == 0)
		printf("%s\tok\t%s\t%s\n", path, crl.partition, text);
	else
		printf("%s\t%s\t\t\n", path, said(raised(&sink)));
	close(fd);
}

int
main(int argc, char **argv)
{
	enum diag_code code;
	struct diag_sink sink = { .put = NULL };
	struct chain_cards *cards =
	    argc < 6 ? NULL : chain_cards_open(argv[1], argv[2], &sink);
	int64_t now = argc < 6 ? 0 : strtoll(argv[3], NULL, 10);
	struct chain_card out;

	if (cards == NULL) {
		fprintf(stderr, "tool-chain: %s\n",
		    argc < 6 ? "usage" : said(raised(&sink)));
		return 1;
	}
	if (strcmp(argv[4], "crl") == 0)
		for (int i = 5; i < argc; i++)
			walk(cards, argv[i]);
	else if (strcmp(argv[4], "challenge") == 0 && argc > 7) {
		struct slice der = bytes(argv[5]), text = bytes(argv[6]);

		for (int i = 7; i < argc; i++)
			printf("%s\t%s\n", argv[i],
			    said(chain_card_check(
				cards, der, text, bytes(argv[i]), now, &out)));
	} else
		for (int i = 5; i < argc; i++) {
			code = chain_card_check(cards, bytes(argv[i]),
			    (struct slice) { "", 0 }, (struct slice) { "", 0 },
			    now, &out);
			/* the signature is looked at last: none is given */
			printf("%s\t%s\n", argv[i],
			    code == DIAG_CARD_SIGNATURE ? "ok" : said(code));
		}
	chain_cards_free(cards);
	return 0;
}
