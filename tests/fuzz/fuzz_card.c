/* Card certificates. Nobody has signed the empty challenge with these: none
 * is ever let in. */
#include <stdlib.h>
#include <string.h>

#include "formats/codec/chain.h"
#include "formats/codec/der.h"

#define NOW INT64_C(1785553200000) /* 2026-08-01 12:00 JST */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct chain_cards *cards;
	static char sig[256];
	struct diag_sink sink = { .put = NULL };
	struct slice der = { (const char *)p, n };
	struct chain_card card;
	char line[256];

	if (cards == NULL)
		cards = chain_cards_open(
		    "tests/fuzz/pki/cards.pem", "2.999.1.3.30", &sink);
	if (cards == NULL)
		abort();
	if (chain_card_check(cards, der, SLICE("x"),
		(struct slice) { sig, sizeof(sig) }, NOW, &card) == DIAG__MAX)
		__builtin_trap();
	if (der_name(der, line, sizeof(line)) == 0 &&
	    (strlen(line) < 3 || !text_utf8_ok(slice_of(line))))
		__builtin_trap();
	return 0;
}
