/*
 * The detail records of a month's day files -> its summary (利用実績月次集計,
 * O3): counts by month of use, 利用種別, 保険者, 都道府県, 機関種別 and
 * 料金表版. Memory: one row per such combination that occurs, nothing per
 * record. For batch/bill.c.
 */
#ifndef BATCH_MONTH_H
#define BATCH_MONTH_H

#include "batch/prices.h"
#include "formats/usage.h"

struct month_counts {
	int64_t records, checks, provisions; /* of the day files */
	int64_t units, retries, unknown, other, late; /* units: billable */
};
struct month_row {
	int32_t month; /* YYYYMM of the day of use (rule 4, 6) */
	char use; /* '1', '2' */
	char insurer[9]; /* "" where none was found */
	char prefecture[3], kind;
	int version; /* of the price table; -1: no levy */
	int64_t units, retries, unknown, other;
};

struct month;
/* month: YYYYMM of the file; prices: borrowed. */
struct month *month_new(int32_t month, const struct prices *prices);
void month_free(struct month *m);
/* One detail record; -1: PRICE_GAP, PRICE_TABLE or USAGE_BILL raised. name:
 * of the day file. */
int month_add(struct month *m, const struct record *rec, const char *name,
    struct diag_sink *sink);
struct month_counts month_counts(const struct month *m);
/* Rows in order of their key; sorts once, nothing is added after. */
size_t month_rows(struct month *m, const struct month_row **v);
/* Header, rows, trailer into fd. -1: raised. */
int month_write(struct month *m, int fd, const char *name, int sequence,
    struct diag_sink *sink);

int32_t month_of(int32_t day); /* YYYYMM */
int32_t month_first(int32_t month); /* its days */
int32_t month_last(int32_t month);
int32_t month_after(int32_t month);
/* Header of a file of ours about a month; day: its last one. */
int month_header(
    struct record_writer *w, const char *feed, int32_t month, int sequence);

#endif
