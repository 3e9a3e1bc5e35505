/*
 * What a diagnostic says more, its detail, is one English sentence made by
 * printf. Those that senders read have their form here, once, for who raises
 * them and for who says them in Japanese (理由の詳細): the two cannot differ.
 */
#ifndef FORMATS_CODEC_DETAIL_H
#define FORMATS_CODEC_DETAIL_H

#include "formats/codec/diag.h"

#define DETAIL_FIELDS "%u expected, %u found"
#define DETAIL_BYTES "%zu bytes expected, %zu found"
#define DETAIL_BYTES_MORE "%zu bytes expected, more than %zu found"
#define DETAIL_DUPLICATE "same as record %lld"
#define DETAIL_TRAILER_COUNT "%lld told, %lld read"
#define DETAIL_MANIFEST_COUNT "%lld records, manifest says %lld"
#define DETAIL_MANIFEST_TOTAL "trailer and manifest differ"
#define DETAIL_NO_HEADER "there is none"
#define DETAIL_HEADER "%s is not that of the file's name"
#define DETAIL_SHARE "%lld of %lld; at most %d percent"
#define DETAIL_LAST "last accepted: %04d"
#define DETAIL_MISSING "missing: %04d"
#define DETAIL_MISSING_MANY "missing: %04d to %04d"
#define DETAIL_LOST "insurer %s: %lld of %lld in a day; at most %d percent"
#define DETAIL_BLANKED                                                         \
	"insurer %s, %s: filled in %lld of %lld records before, in %lld of"    \
	" %lld now"

/* The same in Japanese, appended to out; false, and nothing appended, where
 * the detail has no form of its own. */
bool detail_ja(enum diag_code code, struct slice detail, struct buf *out);

#endif
