/*
 * The table of an exchange as papers: for shikaku-check --describe and
 * shikaku-inspect -t. Everything is taken from the table, nothing is said
 * twice; tests/part-schema.sh holds schemas/ and the pages equal to it.
 */
#ifndef BATCH_DESCRIBE_H
#define BATCH_DESCRIBE_H

#include <stdio.h>

#include "formats/registry.h"

enum describe_as {
	DESCRIBE_MD, /* Markdown */
	DESCRIBE_HTML,
	DESCRIBE_XLSX, /* a workbook, a sheet per layout */
	DESCRIBE_YAML, /* schemas/layouts/NAME.yaml: a line per item */
	DESCRIBE_XSD, /* schemas/NAME.xsd: a line per item */
	DESCRIBE_MAN, /* the ITEMS section of formats/NAME.5 */
	DESCRIBE__MAX
};
extern const char *const describe_names[DESCRIBE__MAX];

/* One cell of a row after the other, as UTF-8; empty where there is nothing
 * to say. Good until the next describe_row(). */
enum describe_cell {
	D_ITEM,
	D_NAME, /* documents: with a dot per step of the tree before it */
	D_NAME_JA,
	D_WIDTH,
	D_FORM,
	D_FORM_JA,
	D_NEED, /* "required", "required, key"; "" */
	D_PRIVATE,
	D_CODES, /* "1 new 新規; 2 ..." */
	D_EXAMPLE,
	D__MAX
};
struct describe_row {
	struct slice cell[D__MAX];
	char text[16384];
};
extern const char *const describe_titles[D__MAX];
void describe_row(const struct exchange *e, const struct exchange_row *x,
    struct describe_row *out);

/* List of all, as Markdown. */
void describe_list(FILE *out);
/* One of them, in any form but XLSX. -1: this form does not go with it (XSD
 * of a layout without XML). */
int describe(const struct exchange *e, enum describe_as as, FILE *out);
/* One (or all: NULL) as a workbook; -1: errno. */
int describe_workbook(
    const struct exchange *e, const char *path, const char *temp_dir);
/* All on one HTML page. */
void describe_html_all(FILE *out);

#endif
