/*
 * The qualification record (加入者情報 / 資格記録): one period of cover of one
 * person at one insurer. Items: domain/insurer-and-nhi-files.md 3 (F1).
 * The same table reads what insurers send (CSV, XML, fixed length), makes
 * segment rows, snapshot columns and answers. NHI files (formats/nhi.h) are
 * turned into it by ingest.
 */
#ifndef FORMATS_QUALIFICATION_H
#define FORMATS_QUALIFICATION_H

#include "formats/codec/record.h"

enum qualification_field {
	Q_TYPE, /* レコード区分: "2" */
	Q_NUMBER, /* レコード識別番号: running number in the file */
	Q_CHANGE, /* 異動区分: enum below */
	Q_CHANGE_DATE, /* 異動年月日 */
	Q_INSURER_CODE, /* 保険者コード, 8 */
	Q_PERSON_ID, /* 被保険者枝番 (or 市町村被保険者ID), 1-20 ASCII */
	Q_PROCESSING_NUMBER, /* 処理通番, 1-64 ASCII */
	Q_CARD_CLASS, /* 被保険者証区分 InsuredCardClassification */
	Q_INSURER_NUMBER, /* 保険者番号 6 or 8 */
	Q_SYMBOL, /* 被保険者証記号 */
	Q_INSURED_NUMBER, /* 被保険者証番号 */
	Q_BRANCH, /* 枝番, 2 digits */
	Q_FAMILY, /* 本人・家族の別 1 2 */
	Q_INSURED_NAME, /* 被保険者氏名(世帯主氏名) */
	Q_NAME,
	Q_NAME_OTHER,
	Q_KANA,
	Q_KANA_OTHER,
	Q_SEX1,
	Q_SEX2,
	Q_BIRTHDATE,
	Q_POST_NUMBER,
	Q_ADDRESS,
	Q_QUALIFIED_ON, /* 資格取得年月日 */
	Q_LOST_ON, /* 資格喪失年月日: the first day without cover */
	Q_LOSS_REASON,
	Q_CARD_ISSUED_ON,
	Q_CARD_FROM, /* 有効開始 */
	Q_CARD_UNTIL, /* 有効終了: the last day in force */
	Q_CARD_RETURNED_ON, /* 回収: not in force from this day */
	Q_RATIO, /* 一部負担金割合 010 020 030 */
	Q_PRESCHOOL,
	Q_ELDERLY_ISSUED_ON, /* 高齢受給者証 */
	Q_ELDERLY_FROM,
	Q_ELDERLY_UNTIL,
	Q_ELDERLY_RATIO,
	Q__MAX
};

/* 異動区分 (OURS). A period is named by key + 資格取得年月日. */
enum qualification_change {
	CHANGE_KEEP = 0, /* segments only: a refused record of a full file; what
			    is stored under the key stays */
	CHANGE_NEW = 1, /* 新規: must not be there (same again: unchanged) */
	CHANGE_AMEND = 2, /* 変更: must be there; replaces it whole */
	CHANGE_LOSS = 3, /* 喪失: must be there; sets 喪失 date and reason */
	CHANGE_CANCEL = 9 /* 取消: must be there; removes it */
};

/* H: type, layout version, sender, feed, day, sequence. T: type, count,
 * control total (sum of Birthdate as YYYYMMDD, modulo 10^15). */
enum file_header_field {
	FH_TYPE,
	FH_VERSION,
	FH_SENDER,
	FH_FEED,
	FH_DAY,
	FH_SEQUENCE,
	FH_MUNICIPALITY, /* blocks of a federation only; else absent */
	FH__MAX
};
enum file_trailer_field { FT_TYPE, FT_COUNT, FT_TOTAL, FT__MAX };
extern const struct format file_header, file_trailer; /* every feed's */

extern const struct format qualification_format;
extern const struct layout qualification_layout; /* "shikaku" */

/*
 * The typed key: who a period belongs to, across the whole system.
 * scheme letter: 'E' 保険者コード + 被保険者枝番, 'C' 市町村被保険者ID (under
 * the insurer number padded to 8). Compared as bytes; zero-padded.
 */
#define TYPED_KEY_SIZE 32
struct typed_key {
	char b[TYPED_KEY_SIZE]; /* letter, 8 code bytes, id, NULs */
};
void typed_key_make(struct typed_key *k, char scheme, struct slice code8,
    struct slice person_id);
struct slice typed_key_text(const struct typed_key *k); /* no NULs */

/* 保険者番号 as 8 digits: stripped, zero-padded; 0, or -1 (not 6 or 8). */
int insurer_number_8(struct slice s, char out[9]);
enum scheme { /* by 法別番号; the report's six kinds and what is near them */
	SCHEME_NHI_CITY,
	SCHEME_NHI_UNION,
	SCHEME_KYOKAI,
	SCHEME_SOCIETY,
	SCHEME_MUTUAL,
	SCHEME_ELDERLY,
	SCHEME_DAY,
	SCHEME_OUT_OF_SCOPE,
	SCHEME__MAX
};
enum scheme insurer_scheme(struct slice number); /* 6 or 8 digits */
extern const char *const scheme_names[SCHEME__MAX];
extern const char *const scheme_names_ja[SCHEME__MAX];

/* Hash of what is printed on a card: 保険者番号(8) + folded 記号 + folded 番号
 * + 生年月日; the 枝番 is compared afterwards. 64 bits of SipHash-free FNV-like
 * mixing are not secret: matches are always compared in full. */
uint64_t printed_hash(struct slice insurer_number8, struct slice symbol,
    struct slice number, int32_t birth);

#endif
