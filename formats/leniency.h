/*
 * Named leniencies (緩和措置): what a site has agreed to overlook in the files
 * of one sender until a day, in a table of its own (masters.leniencies) and
 * nowhere else. One table says their names, what they mean and which check
 * they soften; each use is counted in the check result under a code of its
 * own.
 */
#ifndef FORMATS_LENIENCY_H
#define FORMATS_LENIENCY_H

#include "formats/codec/record.h"

enum leniency {
	LENIENT_GAP, /* sequence_gap */
	LENIENT_TOTAL, /* no_total */
	LENIENT_NUMBER, /* running_number */
	LENIENT_WIDTH, /* half_width */
	LENIENT_LINES, /* lf */
	LENIENT_BLANKS, /* blanks */
	LENIENT__MAX
};
struct leniency_row {
	const char *name, *en, *ja;
	enum diag_code softens, used; /* raised without it; with it */
	unsigned reader; /* enum record_lenient, or 0: not the reader's */
};
extern const struct leniency_row leniency_table[LENIENT__MAX];

enum leniency_field { /* of masters.leniencies, bare CSV */
	LN_SENDER,
	LN_NAME,
	LN_UNTIL, /* last day; empty: until the row goes */
	LN_AGREED, /* with whom, when: for people */
	LN__MAX
};
extern const struct layout leniency_layout; /* "leniencies" */

#endif
