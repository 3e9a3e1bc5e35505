/*
 * What CSV is cut by in 64 bytes, a bit for each of them: for readers of files
 * (csv.c) and of lines already proved (a usage journal).
 */
#ifndef FORMATS_CODEC_CSV_LOOK_H
#define FORMATS_CODEC_CSV_LOOK_H

#include <stdint.h>

/* One way is portable, the others are the processor's; they give the same
 * (tests/unit/csv_test.c). csv_look_best(): the fastest of this processor. */
struct csv_block {
	uint64_t commas, newlines, quotes, high; /* high: above 7F */
};
typedef void csv_look(const char *p, struct csv_block *b);
csv_look *csv_look_best(void);
csv_look *csv_look_at(int i); /* each this processor has; NULL: no more */

#endif
