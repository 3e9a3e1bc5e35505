/*
 * Certificate paths and revocation: trust stores from PEM files, a leaf
 * checked against a profile of ours after path building, CRLs walked as a
 * stream. For seal.c, batch/revoke.c and online/.
 */
#ifndef FORMATS_CODEC_CHAIN_H
#define FORMATS_CODEC_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/codec/text.h"

struct x509_store_st;
struct x509_st;
struct chain;

/* Anchors (PEM, one or more) and CRLs (PEM, may be NULL: then revocation is
 * not asked, which only the tests and a first installation do). NULL:
 * diagnostic raised. */
struct chain *chain_open(
    const char *ca_pem, const char *crl_pem, struct diag_sink *sink);
void chain_free(struct chain *c);

/* When all certificates (or CRLs) of a PEM file are good: the latest begin,
 * the earliest end, ms. -1: the file holds neither. */
int chain_period(const char *pem, int64_t *from, int64_t *until);

enum chain_use { CHAIN_SIGN, CHAIN_CLIENT, CHAIN_SERVER, CHAIN_CARD };

/* Path, validity at `now`, revocation, then the profile: v3, no CA bit, RSA
 * >= 2048 with e >= 65537 or P-256/P-384, SHA-256 or better, key usage and
 * extended key usage by `use`. DIAG__MAX: good; else the code. */
enum diag_code chain_check(const struct chain *c, struct x509_st *leaf,
    enum chain_use use, int64_t now);

/*
 * The card's certificate (利用者証明用電子証明書, domain/jpki-and-pinless.md
 * 2, 6.3 c-d): strict DER, profile, pinned CA generation by AKI.
 */
struct chain_card {
	char ca[41]; /* issuing CA's SKI, lower-case hex: the CA generation */
	char serial[41]; /* canonical unsigned, lower-case hex, no leading 00 */
	char partition[256]; /* CRLDP directoryName, one line, "CN=..,OU=.." */
	int64_t not_before, not_after;
};
struct chain_cards; /* the pinned CA generations */
struct chain_cards *chain_cards_open(
    const char *ca_pem, const char *policy_oid, struct diag_sink *sink);
void chain_cards_free(struct chain_cards *c);
/* Also checks `sig` (256 bytes, RSASSA-PKCS1-v1_5, SHA-256) over `signed_`.
 * DIAG__MAX, or CARD_PROFILE, CARD_CHAIN, CARD_EXPIRED, CARD_SIGNATURE. */
enum diag_code chain_card_check(const struct chain_cards *c, struct slice der,
    struct slice signed_, struct slice sig, int64_t now,
    struct chain_card *out);

/*
 * One CRL partition as a stream over a file: no object per entry. entry() is
 * called per revoked serial before the signature is known to be good: keep
 * what it gives apart until chain_crl_walk() has returned 0.
 */
struct chain_crl {
	char ca[41]; /* AKI, lower-case hex */
	char partition[256]; /* IDP directoryName, written as in chain_card */
	int64_t this_update, next_update; /* ms */
	char number[41]; /* cRLNumber, hex */
	int64_t entries;
};
int chain_crl_walk(const char *name, int fd, const struct chain_cards *c,
    struct chain_crl *out,
    int (*entry)(void *arg, struct slice serial_hex, int64_t revoked_at,
	int reason), /* reason -1: none given */
    void *arg, struct diag_sink *sink);

#endif
