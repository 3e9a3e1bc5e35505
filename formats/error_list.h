/*
 * The error list (エラーリスト): one row per problem of an upload, in three
 * forms made from one table: CSV in UTF-8 with BOM, CSV in CP932, XLSX.
 *
 * Diagnostics go into an error_list, one per member of the upload, which is
 * a sink; they lie on disk, sorted by record, so that a file with a million
 * faults needs no more memory than one with ten. Then a writer takes the
 * lists of all members:
 *
 *	error_list_init(&l, work_dir, max, next, DIAG_FATAL);
 *	...diagnostics go to &l.sink; error_list_record(&l, &rec) says which
 *	   record those just raised were about...
 *	w = error_writer_open(&paper);
 *	error_writer_add(w, &l, &source);
 *	error_writer_close(w);
 *
 * What the server writes holds no private value and no row of the file: of
 * the key, only fields of the table's KEY flag without its PRIVATE flag are
 * written, others as ***. The list lies in the sender's out box, is opened in
 * a spreadsheet, printed and mailed on; row and record number lead the sender
 * to everything else in its own file. Only the sender's own shikaku-check
 * --with-rows writes whole keys and rows.
 */
#ifndef FORMATS_ERROR_LIST_H
#define FORMATS_ERROR_LIST_H

#include <stdio.h>

#include "formats/codec/record.h"

struct sort;
struct error_list {
	struct diag_sink sink; /* counts everything that was raised */
	int64_t rows, max, dropped; /* kept; at most; raised after that */
	/* inside */
	struct diag_sink *next;
	enum diag_level pass;
	char *work_dir;
	struct sort *sort; /* NULL: nothing was raised yet */
	int failed; /* errno of the disk */
	bool whole_keys;
	struct { /* rows of the record that is being read */
		char *p;
		size_t n, max;
		int64_t record;
	} pending;
};
/* work_dir: for what does not fit into memory (8 MiB). Everything raised goes
 * on to next (may be NULL) if its level is at least pass. */
void error_list_init(struct error_list *l, const char *work_dir, int64_t max,
    struct diag_sink *next, enum diag_level pass);
/* After record_next(), and after what was found about rec later: gives its
 * rows their key. Costs a comparison where nothing was raised. */
void error_list_record(struct error_list *l, const struct record *rec);
void error_list_free(struct error_list *l);

/* The columns, in all three forms. The first seven are where they were in
 * the first version of the list. */
enum error_column {
	E_FILE,
	E_LINE, /* CSV, XML: line; fixed length: record of the file; from 1 */
	E_BYTE, /* where the record begins; from 1 */
	E_RECORD, /* data record, from 1 */
	E_ITEM,
	E_NAME, /* as in the layout and in XML */
	E_CODE,
	E_LEVEL,
	E_KIND,
	E_KEY,
	E_NAME_JA,
	E_REASON_JA,
	E_MEND_JA,
	E_REASON,
	E_MEND,
	E_RECEIPT,
	E_NOTE, /* what CP932 lacks, and other remarks on the row itself */
	E_ROW, /* the row as sent: --with-rows only */
	E__MAX
};

struct error_paper {
	const char *receipt; /* receipt number; "" where there is none */
	FILE *csv, *cp932; /* NULL: not wanted */
	const char *xlsx; /* path; NULL: not wanted */
	const char *temp_dir;
	int64_t max; /* rows; one more tells how many there would be */
	bool with_rows; /* for the sender's eyes */
	int64_t created; /* moment for the workbook's properties */
};
struct error_writer;
struct error_writer *error_writer_open(const struct error_paper *p);
/* All rows of l, by record. src: as the member was read, with fd or bytes
 * (NULL: there is none to look at): it is read again, up to the last of them,
 * where diagnostics came without a place in the file. */
int error_writer_add(struct error_writer *w, struct error_list *l,
    const struct record_source *src);
/* One that belongs to no record. */
int error_writer_diag(struct error_writer *w, const struct diag *d);
/* Last row, frees w. 0, or -1 with errno (also of what went wrong before);
 * the FILEs stay open. */
int error_writer_close(struct error_writer *w);

#endif
