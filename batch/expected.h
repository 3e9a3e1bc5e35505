/*
 * What is expected of whom, and whether it has come (masters.arrivals,
 * shikaku-arrivals(5)): a transfer that stopped is noticed by somebody who
 * waits for it, or by nobody. An upload that was refused has not come.
 */
#ifndef BATCH_EXPECTED_H
#define BATCH_EXPECTED_H

#include "batch/holidays.h"
#include "batch/run.h"
#include "formats/filename.h"

enum arrival { /* each worse than the one before */
	ARRIVAL_NOT_DUE,
	ARRIVAL_CAME,
	ARRIVAL_AWAITED, /* its time has not passed */
	ARRIVAL_LATE, /* passed; the night may still take it */
	ARRIVAL_MISSED, /* a night ended without it */
	ARRIVAL_CALL, /* so many due days in a row that somebody is called */
	ARRIVAL__MAX
};
extern const char *const arrival_names[ARRIVAL__MAX];

struct expected {
	char sender[9];
	enum feed feed;
	struct day_rule calendar;
	int64_t by; /* ms from midnight of the business day */
	int call_after; /* 0: never */
	/* judged */
	enum arrival state;
	int missed; /* due days in a row without an upload, this one included
		     * once its time has passed */
	int32_t last; /* day of the last upload; DAY_NONE: never one */
};
struct expectations {
	struct expected *v;
	size_t n;
	size_t count[ARRIVAL__MAX];
};
/* Of a business day as things stand at the moment now: table, calendar, both
 * ledgers, boxes. Nothing is written. No table: none. -1 raised. */
int expected_judge(
    struct run *run, int32_t day, int64_t now, struct expectations *out);
void expected_free(struct expectations *e);
/* "06139992 shikaku: late, by 2026-11-20 21:00, last of 2026-11-19" */
void expected_text(const struct expected *e, int32_t day, char out[160]);

#endif
