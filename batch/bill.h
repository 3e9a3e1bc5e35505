/*
 * What the parts of shikaku-bill share: bill.c (which months, the files, the
 * head), bill_read.c (day files, files of earlier months, insured persons).
 */
#ifndef BATCH_BILL_H
#define BATCH_BILL_H

#include "batch/burden.h"
#include "batch/month.h"
#include "batch/run.h"
#include "batch/spool.h"

struct bill_day { /* a day file the month is made of */
	char name[24]; /* riyo-YYYYMMDD.yaml */
	char digest[65]; /* of this head */
};
struct bill_done { /* a month billed before */
	int32_t month;
	int sequence;
	char summary[65], burden[65]; /* digests; burden "": none was levied */
};
struct bill {
	struct run run;
	struct diag_sink *sink;
	const char *root;
	char dir[SPOOL_PATH_MAX]; /* out/usage */
	struct spool_names names; /* of it */
	struct prices *prices;
	char prices_digest[65];
	struct bill_done *done; /* by month */
	size_t ndone;
	char previous[65]; /* digest of the newest head; "" at the first */
	int newest; /* its sequence */
	/* of the month at hand */
	int32_t month;
	struct bill_day *days;
	size_t ndays;
	struct month *sum;
	struct burden *burden;
	int64_t generation; /* the insured persons were counted in; 0 */
};

/* All of bill_read.c: 0; -1 raised, the run's exit status set. */
int bill_months(struct bill *b); /* heads bill-YYYYMM.yaml: done, previous */
int32_t bill_first(const struct bill *b); /* of a day file; 0: none is there */
int bill_days(struct bill *b); /* the month's day files into b->sum */
int bill_burden(struct bill *b); /* b->sum and what was stated: b->burden */
int bill_digest(const char *dir, const char *name, char hex[65]); /* errno */

#endif
