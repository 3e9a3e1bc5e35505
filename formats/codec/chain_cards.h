/*
 * What chain_card.c and chain_crl.c share: the pinned generations of the
 * cards' CA, and how a distribution point is written. For these two only.
 */
#ifndef FORMATS_CODEC_CHAIN_CARDS_H
#define FORMATS_CODEC_CHAIN_CARDS_H

#include "formats/codec/chain.h"
#include "formats/codec/der.h"

#define CHAIN_CARDS_MAX 16

struct chain_cards_ca {
	char ski[41];
	struct slice subject; /* DER, of cert */
	struct x509_st *cert;
	int64_t not_before, not_after;
};
/* By key identifier (20 bytes); NULL: not pinned. */
const struct chain_cards_ca *chain_cards_find(
    const struct chain_cards *c, struct slice key_id);
/* DistributionPointName ([0] and all) of one directoryName on one line. */
int chain_point_name(struct slice point_name, char *out, size_t size);

/* sha256WithRSAEncryption with NULL parameters, nothing else. */
#define CHAIN_SHA256_RSA                                                       \
	SLICE("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00")

struct chain_extension {
	struct slice oid; /* contents */
	bool critical;
	struct slice value; /* one strict item */
};
/* The extension at the front of *in, which is moved past it. 0, -1. */
int chain_extension_next(struct slice *in, struct chain_extension *e);

#endif
