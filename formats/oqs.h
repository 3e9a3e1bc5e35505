/*
 * Messages between institutions and us as documents (domain/messages.md 3-6):
 * the bulk inquiry 一括照会 in its four files, and the single question and
 * answer for their pages. The single ones are read and written by query.h;
 * tests/unit/oqs_test.c holds the two tables equal.
 *
 *  OQSmuquc01req  upload: whom to look up, one search info per person
 *  OQSmuquc01res  slip: 受付番号
 *  OQSmuquc02req  asks for the answer of a 受付番号
 *  OQSmuquc02res  the answer: one unit per person, in the order of the request
 *
 * Values of a request are checked, and what is wrong in one search info makes
 * its unit an error; what an answer echoes stands as it was sent.
 */
#ifndef FORMATS_OQS_H
#define FORMATS_OQS_H

#include "formats/codec/document.h"

extern const struct document oqs_single_request, oqs_single_answer;
extern const struct document oqs_bulk_request, oqs_bulk_slip, oqs_bulk_ask,
    oqs_bulk_answer;

#endif
