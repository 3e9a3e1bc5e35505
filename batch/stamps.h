/*
 * Time stamps of the heads (riyo-YYYYMMDD.yaml, bill-YYYYMM.yaml) by an
 * authority of its own (RFC 3161), so that not even we can make a head of
 * yesterday anew. The exchange is by files: ROOT/tsa/STEM.tsq is the request;
 * whoever carries it (curl, a medium) puts the answer beside it as STEM.tsr;
 * the next run holds it to the head and keeps it in out/usage/STEM.tsr. For
 * batch/collect.c and batch/bill.c.
 */
#ifndef BATCH_STAMPS_H
#define BATCH_STAMPS_H

#include "formats/codec/diag.h"

struct stamps {
	int asked, kept, wait; /* made now; taken now; without an answer */
};
/* trust.tsa_ca "": nothing is done. 0; -1: IO raised, or KEY_UNREADABLE for the
 * anchors: the answers wait. A wrong answer is STAMP_BAD and asked for again.
 */
int stamps_run(const char *root, const char *usage, const char *tsa_ca,
    struct stamps *out, struct diag_sink *sink);

#endif
