/*
 * How much one certificate may ask, over all workers together: questions a
 * second, answers "nobody" in ten minutes (somebody trying numbers), and how
 * many institutions take part at a time (phase 1). Counts are kept in shared
 * memory by a hash of the certificate's serial; when two share a place the
 * older one's count is lost, never mixed.
 */
#ifndef ONLINE_LIMIT_H
#define ONLINE_LIMIT_H

#include "formats/codec/text.h"
#include "online/share.h"

/* True: over `most` in this second (now: ms). most 0: never. */
bool limit_rate(struct share *s, struct slice serial, int64_t now, int most);
/* One more "nobody"; true when that makes it `alarm` in these ten minutes. */
bool limit_nobody(struct share *s, struct slice serial, int64_t now, int alarm);
/* True: among the first `most` institutions that asked on this day. */
bool limit_active(
    struct share *s, struct slice institution, int32_t day, int most);

#endif
