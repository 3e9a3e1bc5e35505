/*
 * The closed code lists of schemas/codes/NAME.tsv, compiled in (codes.c):
 * code, English, Japanese, and "out" where the report excludes it.
 */
#ifndef FORMATS_CODES_H
#define FORMATS_CODES_H

#include "formats/codec/field.h"

extern const struct code codes_billing[], codes_burden_basis[],
    codes_burden_change[], codes_card_class[], codes_card_result[],
    codes_change[], codes_code_result[], codes_encoding[], codes_family[],
    codes_feed[], codes_flag[], codes_gain_reason[], codes_institution_kind[],
    codes_link_state[], codes_loss_reason[], codes_notice_change[],
    codes_notice_result[], codes_prefecture[], codes_preschool[],
    codes_question_kind[], codes_record_type[], codes_reflection[],
    codes_request_kind[], codes_scheme[], codes_sex[], codes_side[],
    codes_size_class[], codes_snapshot[], codes_use[], codes_validity[];

#endif
