/* Whom tests and the demo may ask about. */
#include <string.h>

#include "formats/codec/day.h"
#include "tests/sample/senders.h"

int
people_ask(struct sample *s)
{
	(void)s;
	return 0;
}
int
people_cards(struct sample *s)
{
	return people_ask(s);
}
