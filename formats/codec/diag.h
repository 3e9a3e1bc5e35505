/*
 * The diagnostic: a value, not a string. What a check saw, where, and what
 * became of it; never the value of a field.
 *
 * The check raises code and field; the reader, which alone knows where it
 * is, adds file, record and line. All go to a sink the caller handed in.
 * diag.def is the catalogue: symbol, level, stable code, English, Japanese,
 * how to mend it (English, Japanese). First digit of a code is its class:
 * 1 field, 2 record, 3 file/archive/seal, 4 snapshot, 5 query, 6 across
 * records, 7 against what is stored, 9 environment.
 */
#ifndef FORMATS_CODEC_DIAG_H
#define FORMATS_CODEC_DIAG_H

#include <stdint.h>
#include <stdio.h>

#include "formats/codec/text.h"

enum diag_level { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR, DIAG_FATAL };

enum diag_code {
#define DIAG(symbol, level, code, en, ja, mend_en, mend_ja) DIAG_##symbol,
#include "formats/codec/diag.def"
#undef DIAG
	DIAG__MAX
};

struct diag_entry {
	const char *symbol;
	enum diag_level level;
	const char *code; /* "E1203": stable for ever */
	const char *en, *ja;
	const char *mend_en, *mend_ja;
};
extern const struct diag_entry diag_table[DIAG__MAX];
int diag_find(struct slice code); /* -1 where unknown */

struct diag {
	enum diag_code code;
	const char *file; /* borrowed; NULL where none */
	int64_t record; /* from 1; 0 where none */
	int64_t line; /* from 1; 0 where none */
	int column; /* from 1; 0 where none: logged as file:line:column */
	int64_t offset; /* byte offset of the record in the file; -1 */
	const char *field; /* the field's name; NULL where none */
	int item; /* its item number; 0 where none */
	const char *detail; /* what was expected; never a private value */
};

/* Where diagnostics go. put() copies what it keeps. */
struct diag_sink {
	void (*put)(struct diag_sink *sink, const struct diag *d);
	int64_t counts[DIAG__MAX]; /* all that were raised */
	int64_t levels[DIAG_FATAL + 1];
};

/* Counts it in the sink and hands it on. */
void diag_raise(struct diag_sink *sink, const struct diag *d);
/* Short cut for faults without a record: file and printf detail. */
void diag_file(struct diag_sink *sink, enum diag_code code, const char *file,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A sink that prints log lines:
 * shikaku-ingest: FILE:184: error E1203 InsurerNumber: text; record refused */
struct diag_log {
	struct diag_sink sink;
	const char *program;
	FILE *out;
};
void diag_log_init(struct diag_log *log, const char *program, FILE *out);

/* A sink that keeps up to `max` diagnostics (limits.h: DIAGS_PER_FILE_MAX)
 * in the order raised, counts the rest and hands everything on to `next`
 * (may be NULL) if its level is at least `pass`. */
struct diag_list {
	struct diag_sink sink;
	struct diag *v; /* file, field, detail are copies owned by the list */
	size_t n, max;
	int64_t dropped;
	struct diag_sink *next;
	enum diag_level pass;
};
void diag_list_init(struct diag_list *l, size_t max, struct diag_sink *next,
    enum diag_level pass);
void diag_list_clear(struct diag_list *l);
void diag_list_free(struct diag_list *l);

#endif
