/*
 * What a file is, by what it begins with and how it is called; and as what a
 * record file is to be read. For check and inspect, which are given any file.
 */
#ifndef BATCH_IDENTIFY_H
#define BATCH_IDENTIFY_H

#include "formats/codec/document.h"
#include "formats/codec/record.h"

enum file_kind {
	KIND_RECORDS, /* or nothing else we know */
	KIND_SEGMENT,
	KIND_SQLITE, /* snapshot or ledger */
	KIND_YAML,
	KIND_ZIP,
	KIND_SEALED, /* CMS */
	KIND_DER /* CRL, certificate */
};
/* -1: IO raised. The offset of fd is left at 0. */
int identify(
    const char *path, int fd, enum file_kind *out, struct diag_sink *sink);

/* What the caller was told by -f, -s, -e; NULL: find out. */
struct identify_options {
	const char *layout, *syntax, *charset;
	unsigned agreed; /* --agreed: a bit per enum leniency */
};
/*
 * Layout, syntax and charset of a record file: as told; else by the
 * manifest.yaml beside it (ready/STEM/NNNN.csv), its name (shikaku.csv,
 * nhi_person.txt, usage-20260801.0.log, STEM.reflection.csv,
 * 06139992_shikaku_20260801_0007.xml) and its first bytes. Fills those three
 * of *out, and what is overlooked. -1: NOT_OURS raised.
 */
int identify_records(const char *path, int fd,
    const struct identify_options *told, struct record_source *out,
    struct diag_sink *sink);
/*
 * A message or paper (registry's documents): as told by -f; else by its name
 * (OQSmuquc01req_1.xml, STEM.receipt.yaml) and, of the three kinds of
 * manifest.yaml, by the feed inside. NULL: it is none.
 */
const struct document *identify_document(
    const char *path, const struct identify_options *told);

#endif
