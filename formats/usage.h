/*
 * The usage line (利用実績の素): who asked, when, against which generation,
 * what came of it. Written by the responder before the answer leaves, read
 * by collect. CSV, one line per question or refusal; no name, no number of a
 * person. usage_file_layout is the daily file for the 取りまとめ機関 (O3).
 */
#ifndef FORMATS_USAGE_H
#define FORMATS_USAGE_H

#include "formats/codec/record.h"

enum usage_field {
	U_AT, /* 利用日時: JST stamp with milliseconds */
	U_WORKER,
	U_SEQUENCE, /* running number of this journal file */
	U_REQUEST, /* 取引ID: 16 hex */
	U_INSTITUTION, /* 医療機関コード; empty where unknown */
	U_TERMINAL, /* certificate serial, hex */
	U_KIND, /* number printed card challenge other */
	U_DAY, /* 資格確認日 */
	U_STATUS, /* HTTP status */
	U_CODE, /* OE.... or empty */
	U_VALIDITY, /* 1..5 or empty */
	U_INSURER, /* 保険者コード of the answer (payer candidate) */
	U_GENERATION, /* of the qualification snapshot */
	U_CRL_NUMBER,
	U_CRL_UPDATE,
	U_CARD_RESULT, /* valid revoked expired
unknown notlinked; empty for questions by number */
	U_CA,
	U_SERIAL_HASH, /* 16 hex of HMAC, never the serial */
	U_MICROS, /* time taken until the answer was ready */
	U_CHAIN, /* 16 hex: hash over previous line's chain + this line */
	U__MAX
};
extern const struct format usage_format;
extern const struct layout usage_layout; /* "usage", bare CSV */

enum riyo_field { /* one detail record of the daily file (O3) */
	Y_TYPE,
	Y_NUMBER,
	Y_AT, /* 利用日時, as U_AT */
	Y_USE, /* 利用種別: 1 失効確認, 2 シリアル番号・処理通番提供 */
	Y_UNITS, /* 提供単位: 1; the control total is its sum */
	Y_CA,
	Y_SERIAL_HASH,
	Y_CARD_RESULT,
	Y_CRL_NUMBER,
	Y_CRL_UPDATE,
	Y_INSTITUTION,
	Y_INSURER,
	Y_REQUEST, /* 取引ID */
	Y_BILLING, /* 課金対象区分 */
	Y_PRICES, /* 料金表版 */
	Y__MAX
};
extern const struct format riyo_format;
extern const struct layout
    usage_file_layout; /* "riyo": header, data, trailer */

#endif
