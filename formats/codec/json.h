/*
 * JSON as events, under limits: jansson behind this door (FHIR, a tree of its
 * own, has another: formats/query_fhir.c). Objects give
 * open/close by key; an array gives one open/close per item under the
 * array's key. Duplicate keys, numbers, true/false are refused where a
 * string is due (messages.md 11: every value is a string); null = absent.
 */
#ifndef FORMATS_CODEC_JSON_H
#define FORMATS_CODEC_JSON_H

#include "formats/codec/xml.h"

int json_walk(struct slice doc, const struct xml_handler *h, const char *name,
    struct diag_sink *sink);
/* A quoted JSON string, non-ASCII raw. */
void json_quote(struct slice s, struct buf *out);

#endif
