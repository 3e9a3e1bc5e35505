/*
 * A document: a tree of named items, described by one table of rows with their
 * depth, read and written as XML (messages) or YAML (receipts, manifests).
 * What record.h is for files of many records, this is for papers of one.
 *
 *	t = document_read(&source);
 *	v = document_value(t, "XmlMsg/MessageHeader/ErrorCode");
 *	document_write(t, charset, substitute, &out, sink);
 *	document_free(t);
 *
 * Reading goes by name, in any order; a required item must be there, none
 * twice but where the row says so, every value must pass its row. XML: unknown
 * elements are ignored and counted (messages.md Q4); YAML: unknown keys are
 * refused. A unit is an item of the outermost repeated box, one of many things
 * of the same kind; a diagnostic inside one has its place in the list as its
 * record number. Writing is in the order of the table; what was read is written
 *back byte for byte where it stood in that order.
 */
#ifndef FORMATS_CODEC_DOCUMENT_H
#define FORMATS_CODEC_DOCUMENT_H

#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/codec/field.h"
#include "formats/codec/text.h"

enum document_form { DOCUMENT_XML, DOCUMENT_YAML };

enum document_flag {
	DOC_BOX = 1, /* holds the deeper rows below it; no value */
	DOC_MANY = 2, /* may be repeated: a list */
	DOC_QUOTED = 4 /* YAML: written in quotes */
};
struct document_row {
	int depth; /* of the tree; XML: 0 is the root element */
	unsigned flags;
	struct field field; /* BOX: name, ja and REQUIRED only */
};

struct document_tree;
#define DOCUMENT_ROWS_MAX 128
struct document {
	const char *name, *ja;
	enum document_form form;
	const char *comment; /* YAML: first line without "# "; NULL: none */
	const struct document_row *rows;
	unsigned nrows;
	/* Rules across items, like struct rule; NULL: none. */
	int (*check)(const struct document_tree *t, const struct diag *at,
	    struct diag_sink *sink);
};

struct document_node {
	unsigned row;
	int parent, next; /* nodes; next: with the same parent; -1: none */
	int first, last; /* children */
	int64_t ordinal, items; /* of a repeated row: its place, from 1; such
				   rows below */
	bool faulty; /* a unit with a fault in it */
	struct slice value; /* as sent, UTF-8, not trimmed; the node's own */
	int64_t line;
	uint64_t seen[DOCUMENT_ROWS_MAX / 64]; /* rows below it that came */
};
struct document_tree {
	const struct document *document;
	struct document_node *v; /* v[0]: the top, of no row */
	int n;
	unsigned unknown; /* elements that were ignored */
	unsigned faults; /* raised */
	unsigned outside; /* of them: not inside a unit */
	int max; /* inside */
};

struct document_source {
	const char *name; /* for diagnostics */
	struct slice bytes;
	const struct document *document;
	struct diag_sink *sink;
};
/* The tree as far as it could be read, with its faults counted; NULL where the
 * bytes are not even XML or YAML. All faults are raised. */
struct document_tree *document_read(const struct document_source *src);
void document_free(struct document_tree *t);

/* First child of `node` with that row's name; then the next one. -1: none. */
int document_child(const struct document_tree *t, int node, const char *name);
int document_next(const struct document_tree *t, int node);
/* The value at a path of names from the top, "MessageHeader/ErrorCode"; the
 * first where there are several; empty where there is none. */
struct slice document_value(const struct document_tree *t, const char *path);
/* The outermost repeated box of a document that has one; else -1. */
int document_unit(const struct document *d);
/* The row that holds this one; -1 at the top. */
int document_parent(const struct document *d, unsigned row);

/* Appends to out. What CP932 lacks becomes `substitute`; 0: -1, BAD_BYTES
 * raised. -1 also where out is full (TOO_LARGE raised). */
int document_write(const struct document_tree *t, enum charset charset,
    uint32_t substitute, struct buf *out, struct diag_sink *sink);

#endif
