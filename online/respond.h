/*
 * The decision: which qualification holds on the asked day
 * (domain/messages.md 9). Pure: question, institution, day and snapshots in,
 * answer out; no socket, no clock, no globals.
 */
#ifndef ONLINE_RESPOND_H
#define ONLINE_RESPOND_H

#include "formats/codec/chain.h"
#include "formats/config.h"
#include "formats/query.h"
#include "formats/snapshot.h"

struct respond_context {
	struct snapshot *kind[SNAPSHOT__MAX]; /* borrowed */
	const struct config *config; /* phase, number key, retention */
};

/* One period on one day: 取得日 <= day < 喪失日, 有効終了 >= day, 回収 > day,
 * 有効開始 <= day; from the 75th birthday on, 後期高齢 only. */
bool respond_in_force(const struct record *period, int32_t day);

/* A question by number. Fills validity, has_result, result, insurer_name,
 * insurer_code, or error_code with segment_of_result 9. today: the day the
 * question is asked on (retention). */
void respond_number(const struct respond_context *c, const struct query *q,
    int32_t today, struct answer *a);

/* A card whose certificate and signature are already good: revocation,
 * link, person, then the period in force over all insurers; where there are
 * several, the one acquired last, then the smaller typed key. A card that is
 * not linked, one of nobody and one of a person whose cover lies beyond the
 * retention all get OE3005: a terminal must not tell them apart (domain/
 * jpki-and-pinless.md 6.3 h). *why, for the usage line, does. */
enum card_result {
	CARD_NONE,
	CARD_VALID,
	CARD_IS_REVOKED,
	CARD_IS_EXPIRED,
	CARD_CANNOT_SAY,
	CARD_NOT_LINKED,
	CARD_BAD
};
extern const char *const card_result_names[];
void respond_card(const struct respond_context *c, const struct query *q,
    const struct chain_card *card, int64_t now, struct answer *a,
    enum card_result *why);

/* The institution behind a certificate: 0, or the OE code to refuse with. */
const char *respond_institution(const struct respond_context *c,
    struct slice certified, struct slice claimed, int32_t today,
    struct snapshot_institution *out);

#endif
