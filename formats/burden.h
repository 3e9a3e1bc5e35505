/*
 * What the 利用実績 comes to (O3, domain/insurer-and-nhi-files.md 8): the table
 * of prices the 取りまとめ機関 gives us, the monthly summary of the daily
 * files, and the burden (負担額) per insurer. Money is whole yen; a price has
 * three decimals, because only the last total is rounded (rule 8). A closed
 * file is never edited: a burden is reversed and stated again (rule 9).
 */
#ifndef FORMATS_BURDEN_H
#define FORMATS_BURDEN_H

#include "formats/codec/record.h"

enum price_field { /* bare CSV, from the 取りまとめ機関 */
	PR_VERSION, /* 料金表版 */
	PR_USE, /* 利用種別 */
	PR_PRICE, /* 単価: thousandths of a yen */
	PR_FROM, /* by the day of use */
	PR_UNTIL, /* the last day */
	PR__MAX
};
extern const struct layout price_layout; /* "ryokin" */

enum month_field { /* a month by 利用種別 x 保険者 x 都道府県 x 機関種別 */
	M_TYPE,
	M_NUMBER,
	M_MONTH, /* YYYYMM of the day of use (rule 4) */
	M_USE,
	M_INSURER, /* empty: no insurer could be found */
	M_PREFECTURE,
	M_INSTITUTION_KIND,
	M_UNITS, /* billable units; the control total is their sum */
	M_RETRIES, /* rule 2: not billable */
	M_UNKNOWN, /* rule 3: without result, not billable */
	M_OTHER, /* tests and own operation: not billable */
	M_LATE, /* of the units: used in an earlier month (rule 6) */
	M_PRICES, /* 料金表版 in force (rule 7); empty: no levy */
	M__MAX
};
extern const struct format month_format;
extern const struct layout month_layout; /* "riyo_month" */

enum burden_field { /* 負担額 of an insurer and month */
	BU_TYPE,
	BU_NUMBER,
	BU_MONTH,
	BU_CHANGE, /* 1 as computed, 2 reversal, 3 restated */
	BU_INSURER, /* 00000000: units no insurer was found for */
	BU_INSURER_NAME,
	BU_BASIS, /* 1 by provisions, 2 by insured persons (rule 10) */
	BU_CHECKS, /* billable units of 利用種別 1 */
	BU_PROVISIONS, /* and of 利用種別 2 */
	BU_PERSONS, /* 被保険者数 on the last day of the month */
	BU_AMOUNT, /* yen; the control total is the sum of the digits sent */
	BU_PRICES, /* the last one, where it changed within the month */
	BU__MAX
};
extern const struct format burden_format;
extern const struct layout burden_layout; /* "futan" */

#endif
