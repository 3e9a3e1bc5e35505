/*
 * The table behind query.h, for its three parts only: query.c (table and
 * codes), query_read.c, query_write.c.
 */
#ifndef FORMATS_QUERY_TABLE_H
#define FORMATS_QUERY_TABLE_H

#include "formats/query.h"

enum source { /* where the value of a row is found in an answer */
	BOX, /* holds the deeper rows below it */
	EXECUTED,
	DAY,
	INSTITUTION,
	FILE_IDENTIFIER,
	REFERENCE,
	SEGMENT,
	ERROR_CODE,
	ERROR_MESSAGE,
	CHARACTER_CODE,
	SEARCH,
	CARD,
	CHALLENGE,
	STATUS,
	VALIDITY,
	RESULT,
	INSURER_NUMBER,
	INSURER_NAME,
	CONSENT
};
enum card_arg { CARD_ID, CARD_DER, CARD_SIGNATURE };
enum challenge_arg { CH_ID, CH_CHALLENGE, CH_SIGNED, CH_UNTIL };
enum row_flag {
	READ = 1, /* taken from a question; otherwise ignored there */
	LIST = 2 /* in JSON an array of objects with one key each (11) */
};

struct element {
	int depth;
	const char *name, *ja;
	enum source source;
	int arg; /* search_field, qualification_field, ... */
	unsigned flags;
	unsigned chars; /* READ: longest value, in characters */
	int ff; /* field number of OE2FFK (10); 0: none */
	/* FHIR: where a request has it, where an answer has it; NULL: nowhere,
	 * but a RESULT without one goes into an extension of ours. A letter
	 * (s text, d date, t moment, g gender), then names from the resource
	 * down: name[] the first of a list, name:TYPE the resource of that
	 * type in a list, name=URL the extension of that URL. */
	const char *ask, *tell;
};

#define QUERY_ROWS 64
#define QUERY_DEPTH 8 /* deeper than any row */
#define NO_ROW (-1)

extern const struct element query_rows[];

/* query_fhir.c: a CoverageEligibilityRequest; put() is given what it has for
 * each row. An OE code, or NULL. */
const char *query_fhir_read(struct slice body,
    void (*put)(void *arg, int row, struct slice value), void *arg);
/* A CoverageEligibilityResponse with the values of the rows, or an
 * OperationOutcome; 0, or -1 where it does not fit. */
int query_fhir_write(const struct answer *a,
    const struct slice values[QUERY_ROWS], struct buf *out);

/* The constant of the table of codes, so that it may be kept for ever. */
const char *query_error(const char *code);
const char *query_field_error(const struct element *e, char kind);

#endif
