/*
 * What a sender gets back, all in its out box: arrival receipt (到達), check
 * result (受付結果), error list (エラーリスト: formats/error_list.h),
 * reflection result (反映状況). Receipts and results are YAML for people and
 * programs. All carry the receipt number. Never a value of a field.
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
	int64_t cut_off; /* moment: the next one, for what is sent next */
	int64_t opening; /* moment: when this night's work can be asked for */
	bool accepted;
	const struct diag_list *why; /* where refused, or warnings */
	int32_t day; /* business day */
};
/* 受付番号, "R-20260801-06139992-shikaku-0007-1a2b3c4d": what the file is
 * called and how its SHA-256 begins. Same file, same number, for ever; another
 * file, also of the same name after a refusal, has another. */
void receipt_number(
    const struct filename *id, const char *sha256, char out[64]);
/* Of a file without a proper name: "R-06139992-unnamed-1a2b3c4d5e6f". */
void receipt_number_unnamed(
    const char *sender, const char *sha256, char out[64]);
/* The stem of the number; *digest: what follows, 8 hex digits. -1: no such
 * number. */
int receipt_number_parse(
    struct slice number, struct filename *id, struct slice *digest);
/* The first moment after `moment` at which the clock in Japan shows
 * `clock_ms`. */
int64_t receipt_next(int64_t moment, int64_t clock_ms);
/* "エラー" and so on: what became of the record or file. */
const char *receipt_level_ja(enum diag_level level);
void receipt_arrival_write(const struct receipt_arrival *r, FILE *out);

/* Why the file as a whole is held. */
struct receipt_hold {
	enum diag_code code;
	const char *detail;
};
/* One member of an upload; read = accepted + refused + unchanged + held. */
struct receipt_check {
	struct filename id;
	const char *sha256; /* of the upload */
	const char *member;
	const struct format *kind; /* of its data records; NULL: none */
	struct record_counts counts;
	int64_t unchanged, held;
	int64_t total; /* control total as summed */
	bool accepted; /* false: the file as a whole is refused or held */
	const struct receipt_hold *hold; /* of the file: the first one's */
	int holds; /* 0: it is not held */
	const struct diag_sink *why; /* its counts */
	int32_t day;
};
void receipt_check_write(const struct receipt_check *r, int n, FILE *out);

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
