/* Who was granted which leniency (masters.leniencies), read once a run. */
#ifndef BATCH_LENIENT_H
#define BATCH_LENIENT_H

#include "formats/leniency.h"

struct lenient;
/* path "" : nobody was granted any. NULL: every fault was raised,
 * PARTNER_TABLE last. */
struct lenient *lenient_load(const char *path, struct diag_sink *sink);
void lenient_free(struct lenient *l);
/* A bit per enum leniency, in force for the sender on the day. */
unsigned lenient_of(const struct lenient *l, const char *sender, int32_t day);
/* A leniency's name, as a sender gives it to its own check: its bit, or
 * 0. */
unsigned lenient_named(const char *name);
/* The reader's part of them, as record_source wants it. */
unsigned lenient_reader(unsigned bits);

#endif
