/*
 * What a sender gets back, all in its out box: arrival receipt (到達), check
 * result (受付結果), error list (エラーリスト), reflection result (反映状況).
 * Receipts and results are YAML for people and programs; lists are CSV,
 * UTF-8 with BOM, CRLF, all fields quoted. Never a value of a field.
 */
#ifndef FORMATS_RECEIPT_H
#define FORMATS_RECEIPT_H

#include <stdint.h>
#include <stdio.h>

#include "formats/codec/record.h"
#include "formats/filename.h"

struct receipt_arrival {
	const char *file; /* as uploaded */
	struct filename id; /* sender "" where the name did not parse */
	const char *sender;
	char sha256[65];
	int64_t bytes, arrived; /* moment */
	bool accepted;
	const struct diag_list *why; /* where refused, or warnings */
	int32_t day; /* business day */
};
/* "R-20260801-06139992-shikaku-0007": same file, same number, for ever. */
void receipt_number(const struct filename *id, char out[64]);
void receipt_arrival_write(const struct receipt_arrival *r, FILE *out);

struct receipt_check {
	struct filename id;
	const char *member;
	struct record_counts counts;
	int64_t total; /* control total as summed */
	bool accepted; /* false: the file as a whole is refused */
	const struct diag_list *why;
	int32_t day;
};
void receipt_check_write(const struct receipt_check *r, int n, FILE *out);

/* One row per problem: ファイル, 行番号, バイト位置, レコード番号, 項目番号,
 * 項目名, コード, 重要度, 理由, 直し方, reason, how to mend. */
void receipt_errors_head(FILE *out);
void receipt_errors_rows(const struct diag_list *l, FILE *out);

/* One row per accepted change record. */
extern const struct layout reflection_layout; /* "reflection", bare CSV */
enum reflection_field {
	R_FILE,
	R_RECORD,
	R_STATE, /* reflected unchanged refused held */
	R_CODE,
	R_REASON_JA,
	R_REASON_EN,
	R_GENERATION,
	R_VISIBLE_AT,
	R__MAX
};

#endif
