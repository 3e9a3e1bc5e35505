/*
 * The hospital's question and our answer (domain/messages.md 4, 5, 11): one
 * table of elements, in order, drives the XML and JSON readers and writers.
 * Questions by number arrive as OQSsiquc01req; questions by card arrive in
 * the same envelope with CardSearchInfo (OURS: certificate, challenge id,
 * signature in base64).
 */
#ifndef FORMATS_QUERY_H
#define FORMATS_QUERY_H

#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/codec/record.h"
#include "formats/limits.h"
#include "formats/qualification.h"

enum query_kind { QUERY_NUMBER, QUERY_CARD };
enum query_wire { QUERY_XML, QUERY_JSON };

enum search_field { /* QualificationConfirmSearchInfo, as sent, echoed */
	SF_INSURER, SF_SYMBOL, SF_NUMBER, SF_BRANCH, SF_BIRTHDATE, SF_LIMIT_FLAG,
	SF_IDENTIFIER, SF__MAX
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
	char store[HTTP_BODY_MAX]; /* what the slices point into */
	size_t used;
};

/* The validity table (OQSCD006). */
enum validity {
	VALIDITY_NONE_YET, VALIDITY_VALID = 1, VALIDITY_INVALID = 2,
	VALIDITY_NEW_CARD = 3, VALIDITY_NOBODY = 4, VALIDITY_SEVERAL = 5
};

struct answer {
	const struct query *query; /* NULL: could not be read */
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
	char request_id[17];
	/* CardChallenge answers */
	char challenge_id[33], challenge_hex[65];
	int64_t challenge_until;
	char store[RECORD_BYTES_MAX];
};

/* 0, or -1 and *error is the OE code ("OE2055"; query_error_ja has the text).
 * What could be read is in out (file_identifier, institution) either way. */
int query_read(enum query_wire wire, struct slice body, struct query *out,
    const char **error);
const char *query_error_ja(const char *code); /* text of an OE code */
/* UTF-8 or CP932 (XML only); 0, or -1 where it does not fit. */
int query_write(enum query_wire wire, enum charset cs,
    const struct answer *a, struct buf *out);

#endif
