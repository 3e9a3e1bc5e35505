/*
 * Usage lines -> the detail records of one 利用実績 file (O3,
 * domain/insurer-and-nhi-files.md 8). For batch/collect.c.
 *
 * A card question whose certificate was asked about (one that is not proven,
 * "bad", asks nothing) gives one record of 利用
 * 種別 1 (失効確認), and one of 種別 2 where serial and 処理通番 were found.
 * Billing: one unit per successful check and provision (rule 1); the same
 * 取引ID again is a retry (2), also of one billed in an earlier file; a check
 * without a result is not billable (3), nor one that no list was asked for
 * (expired: the certificate itself says so).
 * Questions by number ask J-LIS for nothing and are not in this file.
 * Records come out by time of use; external sorts, flat memory.
 */
#ifndef BATCH_RIYO_H
#define BATCH_RIYO_H

#include "batch/prices.h"
#include "formats/usage.h"

enum riyo_billing { /* schemas/codes/billing.tsv */
	BILLING_DUE = 1,
	BILLING_RETRY = 2,
	BILLING_UNKNOWN = 9
};
struct riyo_counts {
	int64_t records, checks, provisions;
	int64_t due, retries, unknown;
};
struct riyo;
/* prices: borrowed; whose version each record names. NULL: errno */
struct riyo *riyo_new(const char *work_dir, const struct prices *prices);
/* How many records the line gave; -1 errno. */
int riyo_add(struct riyo *r, const struct record *line);
/* The earliest day of use of a record so far; DAY_NONE: none. */
int32_t riyo_first(const struct riyo *r);
/* A detail record of an earlier file: billed once is billed. -1 errno. */
int riyo_before(struct riyo *r, const struct record *detail);
/* Header, records, trailer into fd. -1: raised; PRICE_GAP: *gap. */
int riyo_write(struct riyo *r, int fd, const char *name, int32_t day,
    int sequence, struct riyo_counts *out, bool *gap, struct diag_sink *sink);
void riyo_free(struct riyo *r);

#endif
