/*
 * Two small tables beside the reflection results of a generation: what every
 * upload came to, and which records are on hold (保留). Bare CSV; no private
 * value in them. Ours (OURS); domain: insurer-and-nhi-files.md 10.
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

#endif
