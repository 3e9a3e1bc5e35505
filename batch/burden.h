/*
 * Billable units of months of use -> the burden (負担額) per insurer (O3 rules
 * 8-10). By use: an insurer's units at their prices. By insured persons
 * (被保険者数): the whole month's cost shared by their numbers. Only the last
 * total is rounded; the shares sum to the rounded total to the yen. A month
 * stated before is reversed and stated anew, never edited. For batch/bill.c.
 */
#ifndef BATCH_BURDEN_H
#define BATCH_BURDEN_H

#include "batch/prices.h"

enum burden_basis { BASIS_USE, BASIS_PERSONS }; /* fees.basis */
enum burden_rounding { ROUND_DOWN, ROUND_HALF, ROUND_UP }; /* fees.rounding */

/* Units of which no insurer was found: they stay with the 取りまとめ機関. */
#define BURDEN_NOBODY "00000000"

struct burden;
struct burden *burden_new(const struct prices *prices, enum burden_basis basis,
    enum burden_rounding rounding);
void burden_free(struct burden *b);
/* Units of a month of use; insurer "" : none. Any number of times. */
void burden_add(struct burden *b, int32_t month, char use, const char *insurer,
    int version, int64_t units);
/* Insured persons of an insurer on the month's last day. */
void burden_persons(
    struct burden *b, int32_t month, const char *insurer, int64_t n);
/* A record of an earlier file, in the order of the files. -1: its 料金表版 is
 * no longer in the table. */
int burden_before(struct burden *b, const struct record *rec);
bool burden_stated(const struct burden *b, int32_t month);

typedef const char *burden_name_fn(void *arg, const char *insurer);
/* The file of `month`: every month of use up to it that was not stated yet
 * is stated; what was stated otherwise is reversed and stated anew. -1:
 * raised. *records, *yen: out. */
int burden_write(struct burden *b, int fd, const char *name, int32_t month,
    int sequence, burden_name_fn *name_of, void *arg, int64_t *records,
    int64_t *yen, struct diag_sink *sink);

#endif
