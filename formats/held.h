/*
 * Small tables beside the reflection results of a generation: what every upload
 * came to, which records are on hold (保留), which periods of one person at two
 * insurers do not fit together. Bare CSV. Ours (OURS); domain:
 * insurer-and-nhi-files.md 10.
 */
#ifndef FORMATS_HELD_H
#define FORMATS_HELD_H

#include "formats/codec/record.h"

enum counts_field { /* one row per upload merged into the generation */
	K_FILE, /* stem of the upload */
	K_READ, /* change records = the seven below together */
	K_ADDED,
	K_AMENDED,
	K_LOST,
	K_CANCELLED,
	K_UNCHANGED,
	K_REFUSED,
	K_HELD,
	K_REMOVED, /* stored periods that a full file has not got */
	K__MAX
};
extern const struct layout counts_layout; /* "counts" */

enum held_field { /* one row per record on hold, by upload and record */
	HD_FILE,
	HD_RECORD,
	HD_CODE, /* why */
	HD_REASON_JA,
	HD_REASON_EN,
	HD_GENERATION, /* since which */
	HD_SEGMENT, /* in segments/: the record itself lies there */
	HD__MAX
};
extern const struct layout held_layout; /* "held" */

/* One row per period and fact, by typed key: each insurer is told of its own
 * period, never who the other insurer is. */
enum cover_field {
	CV_INSURER_CODE,
	CV_PERSON_ID,
	CV_QUALIFIED_ON,
	CV_CODE,
	CV_REASON_JA,
	CV_REASON_EN,
	CV__MAX
};
extern const struct layout cover_layout; /* "cover" */

#endif
