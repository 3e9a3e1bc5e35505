/*
 * Every format that is exchanged, by name: for ingest, check, inspect, the
 * pages and the tests. What is added here is described, documented and tested
 * by that alone.
 *
 *  registry[]   record files: header, records, trailer
 *  exchanges[]  all there is: record files, messages (XML), papers (YAML),
 *               with who gives them to whom; in the order of their pages
 */
#ifndef FORMATS_REGISTRY_H
#define FORMATS_REGISTRY_H

#include "formats/codec/document.h"
#include "formats/codec/record.h"

extern const struct layout *const registry[]; /* ends with NULL */
const struct layout *registry_find(struct slice name);

struct exchange {
	const char *name; /* "shikaku"; its page is shikaku-NAME(5) */
	const char *en; /* a line for lists and NAME of the page */
	const char *from, *to; /* who writes it, who reads it */
	const char *file; /* what its files are called */
	const char *schema; /* in schemas/: NAME.xsd or layouts/NAME.yaml */
	const struct layout *layout; /* one of the two */
	const struct document *document;
};
extern const struct exchange exchanges[]; /* ends with name == NULL */
const struct exchange *exchange_find(struct slice name);
const char *exchange_ja(const struct exchange *e); /* its table's */

/* The rows of its table one after the other, the way every paper shows them:
 * begin with a zeroed row; false: no more. */
struct exchange_row {
	const struct format *part; /* record files: header, data, trailer */
	const char *kind; /* "header", "data", "trailer"; "" for documents */
	int item; /* from 1 within its part */
	int depth; /* documents: of the tree, else 0 */
	unsigned flags; /* enum document_flag; 0 for record files */
	const struct field *field;
};
bool exchange_next(const struct exchange *e, struct exchange_row *row);

#endif
