/*
 * Atomic publishing: work file on the same file system, fsync, rename, fsync
 * folder. Never edits in place, never reuses a name. A failed fsync is never
 * tried again: the file is made anew by the next run.
 */
#ifndef BATCH_PUBLISH_H
#define BATCH_PUBLISH_H

#include <stdio.h>

#include "formats/codec/chain.h"
#include "formats/codec/seal.h"
#include "formats/manifest.h"

/* A new file in dir/work named after name and pid; *fp or fd to write. */
struct publish {
	char temp[512];
	char dir[512];
	FILE *f;
};
int publish_open(struct publish *p, const char *root); /* 0, -1 errno */
/* fsync, rename to dir/name, fsync dir. -1: errno set, temp removed. */
int publish_commit(struct publish *p, const char *dir, const char *name);
void publish_abandon(struct publish *p);
/* A finished file (already fsynced) from -> dir/name by rename + fsync. */
int publish_rename(const char *from, const char *dir, const char *name);
int publish_make_dir(const char *path); /* mkdir -p 0750, fsyncs parents */

/* The snapshot set in force of a qualification root: ROOT/snapshots/
 * current/manifest.yaml + manifest.p7s. 1 found, 0 none yet, -1 raised.
 * Verifies the signature. digest: SHA-256 of manifest.yaml, the next set's
 * `previous`. */
int publish_current(const char *root, const struct chain *trust, int64_t now,
    struct snapshot_set *out, char digest[65], struct diag_sink *sink);
/* Signs and publishes the set: manifest and signature become visible together
 * by way of a folder manifest-SERIAL/ and one rename of the link "current".
 * A serial not above the one in force is refused (MANIFEST_OLDER). Folders of
 * older serials stay. */
int publish_set(const char *root, const struct snapshot_set *set,
    const struct seal_key *key, int64_t now, struct diag_sink *sink);

#endif
