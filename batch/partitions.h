/*
 * The revocation partitions in force while a night is decided: those of
 * generation g, replaced one by one by what came in. For batch/revoke.c.
 *
 * domain/jpki-and-pinless.md 3.2: a partition is replaced whole, never added
 * to; cRLNumber and thisUpdate must both rise; the same again is a no-op; the
 * last good one stays.
 */
#ifndef BATCH_PARTITIONS_H
#define BATCH_PARTITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/codec/chain.h"

struct partition {
	struct chain_crl crl; /* ca, partition, number, updates, entries */
	int64_t old; /* number of the partition in generation g; -1: new */
	char *path; /* DER file it comes from; NULL: kept from g; owned */
};
struct partitions {
	struct partition *v;
	size_t n, max;
};

enum partition_verdict {
	PARTITION_NEW, /* taken: first of its name, or newer */
	PARTITION_SAME, /* number and updates as in force: nothing to do */
	PARTITION_OLDER /* goes back: refused, the one in force stays */
};

/* Generation g's row: "CA LF NAME LF NUMBER LF THIS LF NEXT". -1: broken. */
int partitions_keep(struct partitions *p, int64_t number, struct slice payload);
/* A CRL that walked well. */
enum partition_verdict partitions_offer(
    struct partitions *p, const struct chain_crl *crl, const char *path);
void partitions_order(struct partitions *p); /* by CA, then name */
void partitions_free(struct partitions *p);
/* Hexadecimal numbers of any length: <0, 0, >0. */
int partitions_number_cmp(const char *a, const char *b);

#endif
