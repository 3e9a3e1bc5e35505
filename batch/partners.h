/*
 * The site's two partner tables, loaded whole (a few thousand rows): who may
 * upload what, and which 保険者番号 belongs to which 保険者コード and sender.
 */
#ifndef BATCH_PARTNERS_H
#define BATCH_PARTNERS_H

#include "formats/feeds.h"
#include "formats/filename.h"
#include "formats/qualification.h"

struct sender {
	char id[9];
	bool qualification; /* side */
	unsigned feeds; /* bit per enum feed */
	char name[301]; /* 200 bytes of CP932 */
	int32_t joins_on, leaves_on; /* DAY_NONE: open */
};
struct insurer {
	char number8[9], code[9], sender[9];
	enum scheme scheme;
	char name[301]; /* 200 bytes of CP932 */
};
struct partners;
/* Rows of both tables in order of id and number. Feeds must be of the sender's
 * side; an insurer's sender must be there. NULL: every fault was raised,
 * PARTNER_TABLE last. */
struct partners *partners_load(
    const char *senders_csv, const char *insurers_csv, struct diag_sink *sink);
void partners_free(struct partners *p);
const struct sender *partners_sender(
    const struct partners *p, const char *id); /* NULL unknown */
size_t partners_senders(const struct partners *p, const struct sender **v);
size_t partners_insurers(const struct partners *p, const struct insurer **v);
const struct insurer *partners_insurer(
    const struct partners *p, const char *number8);

#endif
