/*
 * The auditor's month: what verify_month.c (head, digests, summary) and
 * verify_burden.c (prices, burden) share. As batch/verify.h: no code of what
 * wrote them (batch/bill*.c, month.c, burden.c, prices.c).
 */
#ifndef BATCH_VERIFY_MONTH_H
#define BATCH_VERIFY_MONTH_H

#include "batch/verify.h"

#define MONTH_COUNTS 6

struct count_row { /* a key as text, and what was counted under it */
	char *key; /* NULL: free slot */
	int64_t n[MONTH_COUNTS];
	bool seen; /* by the file that must say the same */
};
struct count_table { /* open addressing, a power of two */
	struct count_row *v;
	size_t size, used;
};
/* The row of a key; made where it is absent and `make`; else NULL. */
struct count_row *count_row(struct count_table *t, const char *key, bool make);
void count_free(struct count_table *t);

#define CSV_COLUMNS 15
struct csv_line { /* cut and unquoted in place */
	char *v[CSV_COLUMNS];
	int n;
};
void csv_cut(char *line, struct csv_line *out);

struct month_head { /* bill-YYYYMM.yaml */
	char name[32];
	int month;
	int64_t sequence;
	bool stamped;
	char digest[65], previous[65];
	char file[3][40], sha256[3][65]; /* summary, burden, prices */
	int64_t n[10]; /* month_numbers[] */
	bool insured; /* basis */
	char rounding[8];
	struct {
		char name[32], digest[65];
	} * day;
	size_t days;
};
enum {
	N_RECORDS,
	N_CHECKS,
	N_PROVISIONS,
	N_BILLABLE,
	N_RETRIES,
	N_UNKNOWN,
	N_OTHER,
	N_LATE,
	N_GENERATION,
	N_YEN
};
enum { F_SUMMARY, F_BURDEN, F_PRICES };

struct month_price {
	char version[17];
	int use;
	int64_t milli;
	char from[9], until[9]; /* "99999999": open */
};
struct months {
	struct verify *v;
	struct month_head *head; /* by sequence */
	size_t heads;
	const struct month_head *h; /* at hand */
	struct month_price *price; /* of it */
	size_t prices;
	struct count_table sum; /* of the day files of the month */
	struct count_table units; /* "MONTH,INSURER,VERSION,USE", all months */
	struct count_table stated; /* "MONTH,INSURER", in force */
	int first; /* months before it are archived, in part or whole */
};

int month_bad(struct months *m, const char *file, int64_t line,
    const char *why); /* USAGE_BILL; -1 */
/* verify_burden.c */
int month_read_prices(struct months *m);
/* The version of a use on a day (YYYYMMDD); NULL a gap. */
const char *month_version(const struct months *m, int use, const char *day);
int month_burden(struct months *m);

#endif
