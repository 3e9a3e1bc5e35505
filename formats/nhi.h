/*
 * Municipal NHI (市町村国保) files of a federation: 資格情報(世帯)ファイル and
 * 資格情報(個人)ファイル, fixed length, CP932, one header..trailer block per
 * municipality in ascending 市町村コード; inside a block both files ascend by
 * 世帯番号, so that ingest joins them in one pass. Domain: F2.
 */
#ifndef FORMATS_NHI_H
#define FORMATS_NHI_H

#include "formats/codec/record.h"

enum household_field {
	NH_TYPE,
	NH_NUMBER,
	NH_MUNICIPALITY,
	NH_HOUSEHOLD, /* 世帯番号 */
	NH_HEAD_NAME, /* 世帯主 */
	NH_HEAD_KIND, /* 擬制世帯主: 1 is */
	NH_INSURER_NUMBER,
	NH_CHANGE,
	NH_CHANGE_DATE,
	NH_POST_NUMBER,
	NH_ADDRESS,
	NH__MAX
};
enum person_field {
	NP_TYPE,
	NP_NUMBER,
	NP_MUNICIPALITY,
	NP_PERSON_ID, /* 市町村被保険者ID */
	NP_ADDRESSEE, /* 宛名番号 */
	NP_HOUSEHOLD,
	NP_CHANGE,
	NP_CHANGE_DATE,
	NP_PROCESSING_NUMBER,
	NP_CARD_CLASS,
	NP_SYMBOL,
	NP_INSURED_NUMBER,
	NP_BRANCH,
	NP_FAMILY,
	NP_NAME,
	NP_KANA,
	NP_SEX,
	NP_BIRTHDATE,
	NP_QUALIFIED_ON,
	NP_QUALIFIED_REASON,
	NP_LOST_ON,
	NP_LOSS_REASON,
	NP_APPLIED_FROM,
	NP_APPLIED_UNTIL, /* 適用開始/終了 in this municipality */
	NP_CARD_ISSUED_ON,
	NP_CARD_FROM,
	NP_CARD_UNTIL,
	NP_PRESCHOOL,
	NP_ELDERLY_ISSUED_ON,
	NP_ELDERLY_FROM,
	NP_ELDERLY_UNTIL,
	NP_ELDERLY_RATIO,
	NP__MAX
};
enum rekey_field { /* 対応表: whose key becomes which, once and for all */
	RK_TYPE,
	RK_NUMBER,
	RK_INSURER_NUMBER,
	RK_OLD_ID, /* 市町村被保険者ID */
	RK_INSURER_CODE,
	RK_PERSON_ID, /* 被保険者枝番 */
	RK__MAX
};
extern const struct format household_format, person_format, rekey_format;
extern const struct layout household_layout; /* "nhi_household" */
extern const struct layout person_layout; /* "nhi_person" */
extern const struct layout rekey_layout; /* "rekey" */

/*
 * A person record and its household as a qualification record. The period's
 * 資格取得/喪失 dates are the municipality's 適用開始/終了 where present (the
 * carried-over 取得年月日 stays with the federation; issue 3 keeps both).
 * Values point into the two records and *pad (for the padded number).
 */
void nhi_to_qualification(const struct record *person,
    const struct record *household, struct record *out, char pad[9]);

#endif
