/*
 * What the month's use of the JPKI (公的個人認証) comes to: the bill's summary
 * of the month (shikaku-bill) at the unit prices (料金表). Nothing where the
 * month is not billed yet.
 */
#ifndef BATCH_FACTS_USAGE_H
#define BATCH_FACTS_USAGE_H

#include "batch/prices.h"
#include "batch/statistics.h"

/* Whether the month is billed: its summary is there. */
bool facts_billed(const struct statistics *s, const char *root);

/* -1 raised. prices: NULL: it cannot be read, no cost. */
int facts_usage(struct statistics *s, const char *root,
    const struct prices *prices, struct diag_sink *sink);

/* Days of the period for which the table has not both prices; each() gets the
 * first and last of each run of them. */
void facts_price_gaps(const struct statistics *s, const struct prices *prices,
    void (*each)(void *arg, int32_t from, int32_t to), void *arg);

#endif
