/*
 * The error list (formats/error_list.h) as a table of its own: what its page
 * says, and how a program of the sender reads it. Its columns have Japanese
 * names, so it is no entry of registry[]; bare CSV, UTF-8 with byte order mark.
 */
#ifndef FORMATS_ERROR_TABLE_H
#define FORMATS_ERROR_TABLE_H

#include "formats/codec/record.h"

extern const struct layout error_layout; /* "errors" */

#endif
