/*
 * Two manifests, both YAML records of ours.
 *
 * A package's manifest.yaml: what the sender says is inside: sender, feed,
 * day, sequence, whether it is the whole set (full: true), and per member name,
 * layout, syntax, charset, bytes, sha256, records, control total. Intake holds
 * the archive to it.
 *
 * A snapshot set's manifest: the generation of each snapshot in force, file,
 * sha256, rows, inputs and the previous manifest's digest; signed (detached
 * .p7s beside it) and renamed last. Readers believe this and nothing else.
 */
#ifndef FORMATS_MANIFEST_H
#define FORMATS_MANIFEST_H

#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/codec/record.h"
#include "formats/filename.h"
#include "formats/limits.h"

struct manifest_member {
	char name[ARCHIVE_NAME_MAX + 1];
	char layout[32]; /* registry name; "crl" for a DER CRL */
	char syntax[8]; /* csv fixed xml der seg */
	char charset[12];
	int64_t bytes, records, total;
	char sha256[65];
};
struct manifest {
	struct filename id;
	bool full; /* 全件: all of each insurer named in it; else changes */
	int members; /* 1..PACKAGE_MEMBERS_MAX */
	struct manifest_member member[]; /* members of them */
};
/* One block of memory; ends with free(). new: all zero, members set. read:
 * NULL where a diagnostic was raised. */
struct manifest *manifest_new(int members);
struct manifest *manifest_read(
    struct slice doc, const char *name, struct diag_sink *sink);
void manifest_write(const struct manifest *m, FILE *out);

enum snapshot_kind {
	SNAPSHOT_QUALIFICATION,
	SNAPSHOT_CARDS,
	SNAPSHOT_REVOCATION,
	SNAPSHOT_INSTITUTIONS,
	SNAPSHOT__MAX
};
extern const char *const snapshot_names[SNAPSHOT__MAX];

struct snapshot_set_entry {
	int64_t generation; /* 0: none yet */
	char file[80]; /* "qualification-000012.sqlite" */
	char sha256[65]; /* of the file's bytes */
	char digest[65]; /* of the rows, as walked */
	int64_t rows;
	int32_t day; /* business day it was made for */
	int64_t cut_off; /* moment up to which inputs were taken */
};
struct snapshot_set {
	int64_t serial; /* of the manifest itself, +1 each publish */
	char previous[65]; /* sha256 of the manifest before; "" at first */
	struct snapshot_set_entry kind[SNAPSHOT__MAX];
};
int snapshot_set_read(struct slice doc, const char *name,
    struct snapshot_set *out, struct diag_sink *sink);
void snapshot_set_write(const struct snapshot_set *s, FILE *out);

#endif
