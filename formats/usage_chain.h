/*
 * What ties the lines of one usage journal together: each line ends in a
 * hash over the line before and itself, so that a line taken out, put in or
 * changed shows. Written by online/journal.c, checked by batch/collect.c.
 *
 * A journal line is U_AT,...,U_MICROS,U_CHAIN LF without quotes (no value
 * of the table can hold a comma); the first row names the columns and is no
 * part of the chain.
 */
#ifndef FORMATS_USAGE_CHAIN_H
#define FORMATS_USAGE_CHAIN_H

#include <stdint.h>

#include "formats/codec/text.h"

/* What stands for "the line before" at the first line of a journal file. */
void usage_chain_first(int32_t day, int worker, char out[17]);
/* line: everything before the comma of U_CHAIN. 16 lower-case hex digits;
 * out may be prev. */
void usage_chain(const char prev[17], struct slice line, char out[17]);

/* The same with a hash of the caller's, begun and begun again: for whoever
 * proves millions. */
struct seal_hash;
void usage_chain_by(
    struct seal_hash *h, const char prev[17], struct slice line, char out[17]);

/* "usage-20260801.3.log" of a day and a worker, and back (0, -1). */
void usage_journal_name(int32_t day, int worker, char out[48]);
int usage_journal_parse(struct slice name, int32_t *day, int *worker);

#endif
