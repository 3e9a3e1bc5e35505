/*
 * A value that a row takes, from the row alone: for the pages of the layouts
 * (shikaku-check --describe), and for tests that run over every format. Nobody
 * is meant: numbers are those of the reference tables, names are 資格　十能表.
 */
#ifndef FORMATS_EXAMPLE_H
#define FORMATS_EXAMPLE_H

#include "formats/codec/record.h"

/* Appended to out (width + 1 bytes of UTF-8 at three each are enough). Empty
 * where the row is better left empty beside the others' examples. */
struct slice example_value(const struct field *f, struct buf *out);
/* The same of the row by itself: never empty where it may be filled. */
struct slice example_alone(const struct field *f, struct buf *out);

#endif
