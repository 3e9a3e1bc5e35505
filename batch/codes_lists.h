/*
 * The files shikaku-codes writes: requests to J-LIS (formats/code_request.5),
 * the notice list for マイナポータル (formats/notice.5), and what was odd about
 * an upload of results. A request or notice list is named in the pairing file
 * first and written from it, so that one that a kill has cut off is written
 * again, the same, by the next run.
 */
#ifndef BATCH_CODES_LISTS_H
#define BATCH_CODES_LISTS_H

#include "batch/pairing.h"
#include "batch/partners.h"
#include "batch/run.h"

#define CODES_SENDER "IM000001" /* 中間サーバー */

/* --correct LIST:RECORD, --withdraw LIST:RECORD, of notice */
extern const struct run_long codes_longs[];
int codes_option(void *arg, int letter, const char *value);

#define CODES_CORRECTIONS 1000
struct codes_corrections {
	int n;
	struct {
		char list[64], change; /* 2 corrected, 9 withdrawn */
		int64_t record;
	} v[CODES_CORRECTIONS];
};
/* A request (or notice list) of all it is due for. 0, -1 raised. */
int codes_list(struct run *run, struct pairing *p,
    const struct partners *partners, bool request,
    const struct codes_corrections *corrections);
/* pairing/STEM.odd.csv: records that are orphans, duplicates, or under another
 * 処理通番 than asked with; no value. 0, -1 raised. */
int codes_odd(struct run *run, struct pairing *p, const char *stem);

#endif
