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
/* Several into one folder, in this order, with one fsync of it for all: all
 * are durable when it returns, and each is whole whenever it is seen. -1:
 * errno set; those not renamed yet are removed. */
int publish_commit_all(
    struct publish *p, const char *const *names, int n, const char *dir);
void publish_abandon(struct publish *p);
/* A finished file (already fsynced) from -> dir/name by rename + fsync, and
 * of the folder it leaves, unless that is work/: a name left there after a
 * crash goes with the rest of work/. Like publish_commit it gives the file, or
 * a folder and the files in it, the group of a setgid dir. */
int publish_rename(const char *from, const char *dir, const char *name);
int publish_make_dir(const char *path); /* mkdir -p 0750, fsyncs parents */

/* The snapshot set in force of a qualification root: ROOT/snapshots/
 * current/manifest.yaml + manifest.p7s. 1 found, 0 none yet, -1 raised.
 * Verifies the signature and that it is the publisher's: another signer of
 * the same CA (who delivers packages) may not say what is in force.
 * publisher: commonName of keys.publish_cert. digest: SHA-256 of manifest.yaml,
 * the next set's `previous`. */
int publish_current(const char *root, const struct chain *trust,
    const char *publisher, int64_t now, struct snapshot_set *out,
    char digest[65], struct diag_sink *sink);
/* The same of the set in a folder of snapshots/ ("manifest-000012"); 0, -1. */
int publish_read(const char *root, const char *folder,
    const struct chain *trust, const char *publisher, int64_t now,
    struct snapshot_set *out, char digest[65], struct diag_sink *sink);
/* Signs and publishes the set: manifest and signature become visible together
 * by way of a folder manifest-SERIAL/ and one rename of the link "current".
 * A serial not above the one in force is refused (MANIFEST_OLDER). Folders of
 * older serials stay. One publisher at a time (ROOT/run/publish.lock). */
int publish_set(const char *root, const struct snapshot_set *set,
    const struct seal_key *key, int64_t now, struct diag_sink *sink);
/* The set in force with the entries made (generation 0: not made) in their
 * places, as the next serial: read, made and switched under one lock, so that
 * rebuild and revoke never undo each other's. set: what is in force now. */
int publish_next(const char *root, const struct chain *trust,
    const char *publisher, const struct seal_key *key, int64_t now,
    struct snapshot_set *set,
    const struct snapshot_set_entry made[SNAPSHOT__MAX],
    struct diag_sink *sink);
/* Snapshots older than the newest `keep` of each kind go, but for those in
 * force; and sets of which a snapshot is gone. keep <= 0: all stay. */
void publish_prune(const char *root, const struct snapshot_set *set, int keep);

/* ---- publish_older.c: going back ---- */

/* Of what rebuild makes; revocation has generations of its own. */
#define PUBLISH_KINDS 3
extern const enum snapshot_kind publish_kinds[PUBLISH_KINDS];
/* The generation of a set: the newest of these kinds' in it. */
int64_t publish_generation(const struct snapshot_set *set);
/* The highest that any set kept here has had: numbers are given out once,
 * also where an order went back. */
int64_t publish_highest(const char *root, const struct snapshot_set *in_force);
/* The newest set of this generation, signed by the publisher, with all files
 * of these kinds still there and as the set says: their entries in `made`, the
 * rest untouched. -1 raised. */
int publish_older(const char *root, const struct chain *trust,
    const char *publisher, int64_t now, const struct snapshot_set *in_force,
    int64_t generation, struct snapshot_set_entry made[SNAPSHOT__MAX],
    struct diag_sink *sink);

#endif
