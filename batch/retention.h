/*
 * How long a period is kept once it has ended (保存期間; report 4章4-2 and
 * 5章4-2 leave it open, so both times are settings). One rule for the merge
 * and for shikaku-purge.
 *
 * A period is past its retention on a day that is more than
 * retention.delete_days after its 資格喪失年月日; where the person has died or
 * has no cover left anywhere, retention.left_days counts instead (医療等ID is
 * issued to them too). Who has cover is what the generation in force says.
 */
#ifndef BATCH_RETENTION_H
#define BATCH_RETENTION_H

#include "formats/config.h"
#include "formats/segment.h"
#include "formats/snapshot.h"

/* The sender in the name of an order to drop what is past; of no upload. */
#define RETENTION_SENDER "PURGE"

struct retention {
	int32_t day;
	int delete_days, left_days; /* 0: for ever */
	struct snapshot *base; /* the generation in force; NULL: none */
	/* inside: the person asked for last */
	char key[SEGMENT_KEY_SIZE];
	bool asked, left, broken;
	int64_t lookups;
};
void retention_begin(struct retention *r, const struct config *c, int32_t day,
    struct snapshot *base);
/* A stored period; until: 資格喪失年月日, INT32_MAX while it runs. Looks the
 * person up only where the two times differ about it. r->broken: the base is
 * damaged. */
bool retention_past(
    struct retention *r, const char key[SEGMENT_KEY_SIZE], int32_t until);
/* One that is not stored is not taken in: past the shorter of the two times,
 * whoever it is of. So what was dropped never comes back because the person
 * has left, or has cover again, since. */
bool retention_over(const struct retention *r, int32_t until);

#endif
