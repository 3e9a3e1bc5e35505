/*
 * Names of exchanged files: SENDER_FEED_YYYYMMDD_NNNN.zip.p7m
 * (06139992_shikaku_20260801_0007.zip.p7m). SENDER [0-9A-Z]{1,8}; FEED one of
 * the table; NNNN running number of that sender and feed, 0001-9999, then
 * 0001 again (the ledger knows the wrap). Members inside: FEED.ext,
 * nhi: nhi_household.txt + nhi_person.txt; crl: PARTITION.crl; all:
 * manifest.yaml
 */
#ifndef FORMATS_FILENAME_H
#define FORMATS_FILENAME_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/text.h"

enum feed {
	FEED_SHIKAKU, /* 加入者情報 of an insurer -> intermediate side */
	FEED_NHI, /* federation's household + person -> intermediate side */
	FEED_CODES, /* 機関別符号 results of J-LIS -> intermediate side */
	FEED_LINK, /* 紐付情報 of J-LIS -> qualification side */
	FEED_CRL, /* CRL delivery set of J-LIS -> qualification side */
	FEED_INSTITUTION, /* 医療機関マスタ "iryokikan" -> qualification side */
	FEED_PACKAGE, /* link package of deliver "package" -> qualification */
	FEED_REKEY, /* federation: 市町村被保険者ID -> 枝番; intermediate */
	FEED__MAX
};
extern const char *const feed_names[FEED__MAX];
int feed_find(struct slice name); /* -1 where unknown */

struct filename {
	char sender[9];
	enum feed feed;
	int32_t day;
	int sequence; /* 1..9999 */
};
int filename_parse(struct slice name, struct filename *out); /* 0, -1 */
/* The same of the stem alone: folders and books are named by it. */
int filename_parse_stem(struct slice stem, struct filename *out);
/* The stem "06139992_shikaku_20260801_0007"; with ext (may be ""). */
void filename_format(const struct filename *f, const char *ext, char out[64]);

#endif
