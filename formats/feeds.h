/*
 * The smaller feeds: J-LIS card link (紐付情報, F4), 機関別符号 requests and
 * results (F6), institution master (医療機関マスタ, F5), and the two partner
 * tables a site keeps as CSV (senders, insurers).
 */
#ifndef FORMATS_FEEDS_H
#define FORMATS_FEEDS_H

#include "formats/codec/record.h"

enum link_field { /* CSV, from J-LIS; key: CA + serial */
	L_TYPE,
	L_NUMBER,
	L_CA, /* SKI of the issuing CA, 40 hex: the CA generation */
	L_SERIAL, /* hex, 1-20 octets */
	L_PROCESSING_NUMBER, /* 処理通番 */
	L_STATE, /* 新旧区分: 1 new, 2 replaced, 9 ended */
	L_VALID_FROM,
	L_VALID_UNTIL,
	L_PROVIDED_AT,
	L__MAX
};
extern const struct format link_format;
extern const struct layout link_layout; /* "link" */

enum codes_field { /* CSV, to the intermediate side only */
	C_TYPE,
	C_NUMBER,
	C_INSURER_CODE,
	C_PERSON_ID,
	C_PROCESSING_NUMBER,
	C_RESULT, /* 1 acquired, 2 not found, 9 error */
	C_RESULT_DATE,
	C_AGENCY_CODE, /* 機関別符号: PRIVATE, never STORED */
	C__MAX
};
extern const struct format codes_format;
extern const struct layout codes_layout; /* "codes" */

enum code_request_field { /* CSV, from the intermediate side to J-LIS */
	CR_TYPE,
	CR_NUMBER,
	CR_INSURER_CODE,
	CR_PERSON_ID,
	CR_PROCESSING_NUMBER, /* given at the request */
	CR_REQUESTED_ON,
	CR_KIND, /* 1 first, 2 asked again */
	CR__MAX
};
extern const struct format code_request_format;
extern const struct layout code_request_layout; /* "code_request" */

enum institution_field { /* CSV, full file a month; key: code */
	I_TYPE,
	I_NUMBER,
	I_CODE,
	I_PREFECTURE,
	I_SIZE_CLASS,
	I_BEDS,
	I_NAME,
	I_POST_NUMBER,
	I_ADDRESS,
	I_FROM,
	I_UNTIL,
	I_PILOT, /* phase-1 participant: 1 */
	I_ENCODING, /* of answers: utf8 or cp932; default utf8 */
	I__MAX
};
extern const struct format institution_format;
extern const struct layout institution_layout; /* "iryokikan" */

enum sender_field { /* site table: who may upload what */
	S_ID, /* [0-9A-Z]{1,8}: 保険者コード, KOKUHO13, JLIS0001, KOSEI001 */
	S_SIDE, /* intermediate, qualification */
	S_FEEDS, /* feeds it may send, '+' between: "shikaku", "crl+link" */
	S_NAME,
	S_JOINS_ON,
	S_LEAVES_ON,
	S__MAX
};
extern const struct format sender_format;
extern const struct layout sender_layout; /* "senders", bare */

enum insurer_field { /* site table: 保険者番号 -> 保険者コード, name */
	N_NUMBER,
	N_CODE,
	N_SCHEME,
	N_NAME,
	N_PREFECTURE,
	N_SENDER,
	N__MAX
};
extern const struct format insurer_format;
extern const struct layout insurer_layout; /* "insurers", bare */

enum arrival_field { /* site table: what is expected of whom, and by when */
	V_SENDER,
	V_FEED, /* one of feed_names[] */
	V_CALENDAR, /* days of the files: a rule of batch/holidays.h */
	V_BY, /* HH:MM of that day; before the service opens: next morning */
	V_CALL_AFTER, /* due days missed after which somebody is called */
	V__MAX
};
extern const struct format arrival_format;
extern const struct layout arrival_layout; /* "arrivals", bare */

#endif
