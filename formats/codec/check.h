/*
 * Named checks of single values: check digits and the like
 * (domain/numbers-and-codes.md). Each returns DIAG__MAX when it is content.
 */
#ifndef FORMATS_CODEC_CHECK_H
#define FORMATS_CODEC_CHECK_H

#include "formats/codec/field.h"

/* 検証番号 over body digits: weights 2,1,2,.. from the right, folded. */
int check_digit_folded(struct slice body);
/* 個人番号: check digit over the first 11 digits (平成26年総務省令85号). */
int check_digit_my_number(struct slice body11);
/* True where v (UTF-8) holds exactly 12 digits in a row (half or full width)
 * with a right check digit, alone or in other text; field_check() raises
 * MY_NUMBER for FIELD_FREE fields by this. */
bool check_is_my_number(struct slice v);

enum diag_code check_insurer_number(const struct value *v); /* 6 or 8 digits */
enum diag_code check_institution_code(const struct value *v); /* 10 digits */
enum diag_code check_person_id(const struct value *v);
enum diag_code check_post_number(const struct value *v); /* ddd-dddd */
enum diag_code check_branch(const struct value *v); /* 枝番: 2 digits */
enum diag_code check_ratio(const struct value *v); /* 010 020 030 */
enum diag_code check_prefecture(const struct value *v); /* 01..47 */
enum diag_code check_serial(const struct value *v); /* hex, 1..20 octets */
enum diag_code check_sha256(const struct value *v); /* 64 hex digits */
enum diag_code check_municipality(const struct value *v); /* 5 or 6 digits */

#endif
