/*
 * The table of prices (料金表, masters.prices), held to what a bill needs: a
 * use has one price a day or none, both uses of a day are of one version, a
 * version has one price per use. A day without a price is a gap: an error of
 * who asks, never guessed (O3 rule 7). For batch/bill.c and batch/collect.c.
 */
#ifndef BATCH_PRICES_H
#define BATCH_PRICES_H

#include "formats/burden.h"

#define PRICES_USES 2 /* 利用種別 1 and 2 */
#define PRICES_VERSIONS 255

struct prices;
/* path "": no levy, a table without rows. NULL: every fault was raised,
 * PRICE_TABLE last. */
struct prices *prices_load(const char *path, struct diag_sink *sink);
void prices_free(struct prices *p);
bool prices_none(const struct prices *p);
/* The version in force for a use (1, 2) on a day, as its place; -1 a gap. */
int prices_on(const struct prices *p, int use, int32_t day);
/* "" for -1: where there is no levy. */
const char *prices_version(const struct prices *p, int version);
int prices_find(const struct prices *p, struct slice version); /* -1 none */
/* Thousandths of a yen; -1 where the version has no such use. */
int64_t prices_of(const struct prices *p, int version, int use);

#endif
