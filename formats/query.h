/*
 * The hospital's question and our answer (domain/messages.md 4, 5, 11): one
 * table of elements, in order, drives the XML and JSON readers and writers.
 * Questions by number arrive as OQSsiquc01req; questions by card arrive in
 * the same envelope with CardSearchInfo (OURS: certificate, challenge id,
 * signature in base64).
 * The same table says where FHIR R4 has each element: a question may be a
 * CoverageEligibilityRequest, its answer is a CoverageEligibilityResponse with
 * a contained JP Core Coverage, or an OperationOutcome.
 */
#ifndef FORMATS_QUERY_H
#define FORMATS_QUERY_H

#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/codec/record.h"
#include "formats/limits.h"
#include "formats/qualification.h"

enum query_kind {
	QUERY_NUMBER,
	QUERY_CARD,
	QUERY_CHALLENGE /* asks for a challenge; query_read_challenge() */
};
enum query_wire { QUERY_XML, QUERY_JSON, QUERY_FHIR, QUERY_WIRE__MAX };

enum search_field { /* QualificationConfirmSearchInfo, as sent, echoed */
	SF_INSURER,
	SF_SYMBOL,
	SF_NUMBER,
	SF_BRANCH,
	SF_BIRTHDATE,
	SF_LIMIT_FLAG,
	SF_IDENTIFIER,
	SF__MAX
};

struct query {
	enum query_kind kind;
	int32_t day; /* 資格確認日 */
	struct slice institution; /* 医療機関コード as claimed */
	struct slice file_identifier; /* returned byte for byte */
	struct slice search[SF__MAX]; /* UTF-8, as sent */
	char insurer8[9];
	int32_t birth;
	struct slice card_der, card_signature; /* decoded */
	struct slice challenge; /* challenge id, 32 hex */
	unsigned unknown; /* elements we do not know: ignored, counted (Q4) */
	size_t used; /* of store */
	char store[16384]; /* what the slices point into; every value is bounded
			      by its row, so the sum is too */
};

/* The validity table (OQSCD006). */
enum validity {
	VALIDITY_NONE_YET,
	VALIDITY_VALID = 1,
	VALIDITY_INVALID = 2,
	VALIDITY_NEW_CARD = 3,
	VALIDITY_NOBODY = 4,
	VALIDITY_SEVERAL = 5
};

struct answer {
	const struct query *query; /* as far as it could be read; may be NULL */
	int64_t executed; /* ProcessExecutionTime */
	int segment_of_result; /* 1 normal, 9 error */
	enum validity validity;
	bool has_result;
	struct record result; /* qualification_format; slices into store */
	struct slice insurer_name;
	char insurer_code[9]; /* for the usage line */
	const char *error_code; /* "OE4001"; NULL where none */
	const char *error_ja;
	char institution[11];
	char request_id[17]; /* as in the usage line; "" none yet */
	/* CardChallenge answers */
	char challenge_id[33], challenge_hex[65];
	char challenge_signed[256]; /* base64 of the bytes the card signs */
	int64_t challenge_until;
	uint32_t substitute; /* for what CP932 lacks; 0: U+25CF */
	char store[RECORD_BYTES_MAX];
};

/* 0, or -1 and *error is the OE code ("OE2055"; query_error_ja has the text).
 * What could be read is in out (file_identifier, institution) either way. */
int query_read(enum query_wire wire, struct slice body, struct query *out,
    const char **error);
/* The same envelope with a header only; an empty body asks as well. */
int query_read_challenge(enum query_wire wire, struct slice body,
    struct query *out, const char **error);
const char *query_error_ja(const char *code); /* text of an OE code */
/* UTF-8 or CP932 (XML only); 0, or -1 where it does not fit. */
/* The bytes a card signs (RFC 4648 base64 of them goes into an answer): they
 * name protocol, challenge, institution, terminal and time, so that no other
 * signature of the same key can be taken for one of ours. */
void query_to_be_signed(const unsigned char challenge[32],
    const char *institution, const char *terminal, int64_t issued,
    struct buf *out);
void query_base64(struct slice bytes, struct buf *out);
int query_write(enum query_wire wire, enum charset cs, const struct answer *a,
    struct buf *out);

#endif
