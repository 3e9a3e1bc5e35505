/* A row of the error list as it lies in the sort: for error_list.c, which
 * writes it, and error_writer.c, which reads it. */
#ifndef FORMATS_ERROR_ROW_H
#define FORMATS_ERROR_ROW_H

#include "formats/error_list.h"

#define ERROR_KEY_SIZE 8 /* record number, big endian */
#define ERROR_TEXT_MAX 1024 /* bytes of a text of a row; more is cut */

struct error_row {
	enum diag_code code;
	int item;
	int64_t record, line, offset;
	struct slice file, field, detail, key;
};
/* Bytes of r appended to out; the key comes last. */
void error_row_pack(const struct error_row *r, struct buf *out);
/* r points into in. */
void error_row_unpack(struct slice in, struct error_row *r);
/* The KEY fields of rec: "保険者コード=06139992 / 被保険者枝番=***". */
void error_row_key(const struct record *rec, bool whole, struct buf *out);

/* No more rows come: 1 there are some, 0 none, -1 errno. */
int error_rows_begin(struct error_list *l);

/* The member the rows are about, looked at again. src may be NULL. */
struct error_source;
struct error_source *error_source_open(const struct record_source *src);
/* Line, offset and key of a row that came without; rows come by record. The
 * key points into the source. */
void error_source_place(
    struct error_source *e, struct error_row *r, bool whole_key);
/* The row as it was sent, as UTF-8; what is no text becomes U+FFFD. */
void error_source_row(
    struct error_source *e, const struct error_row *r, struct buf *out);
void error_source_close(struct error_source *e);

#endif
