/*
 * A backup (控え): one folder per generation, BACKUPS/backup-YYYY-MM-DD.N/
 *
 *   intermediate/..., qualification/...   the roots without work/ run/ log/
 *   masters/NAME                          the tables site.yaml names
 *   site.yaml                             as it was
 *   SHA256SUMS                            of all of these, written last, so
 *                                         that `sha256sum -c` proves it alone
 *
 * A file that is the same as in the generation before (name, size, moment of
 * change: nothing of ours is edited in place) is the same file on disk, by a
 * hard link. Books (*.sqlite at the top of a root) are copied by SQLite's
 * backup call; a usage journal up to its last whole line. Finished, a
 * generation is read-only. Keys are never in it: they go to a folder of their
 * own, or nowhere.
 */
#ifndef BATCH_BACKUP_H
#define BATCH_BACKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/run.h"
#include "batch/spool.h"

#define BACKUP_SUMS "SHA256SUMS"
#define BACKUP_KEPT "KEPT" /* a generation with it is never pruned */

struct backup_sum {
	char *path; /* relative to the generation */
	char sha256[65];
};
struct backup_sums {
	struct backup_sum *v; /* by path */
	size_t n, max;
};
int backup_sums_read(
    const char *folder, struct backup_sums *out, struct diag_sink *sink);
void backup_sums_add(
    struct backup_sums *s, const char *path, const char sha256[65]);
void backup_sums_sort(struct backup_sums *s);
const struct backup_sum *backup_sums_find(
    const struct backup_sums *s, const char *path);
void backup_sums_free(struct backup_sums *s);

/* Finished generations in a folder, oldest first. -1 errno. */
int backup_list(const char *folder, struct spool_names *out);

struct backup_counts {
	int64_t files, bytes; /* all */
	int64_t copied, copied_bytes; /* not linked */
};
/* Takes a generation into folder; its name in name. 0, -1 raised. */
int backup_take(struct run *run, const char *folder, char name[64],
    struct backup_counts *counts);
/* All but the newest `keep` go; one that is kept by mark stays. */
int backup_prune(struct run *run, const char *folder, int keep);
/* Copies of the keys site.yaml names, 0600, in folder (0700). */
int backup_keys(struct run *run, const char *folder);

/* Restores a generation into a folder that is empty or not there, every file
 * against its sum; site.yaml gets the restored roots and tables, keys and
 * certificates stay where they are. 0, -1 raised. */
int backup_restore(struct run *run, const char *generation, const char *into,
    struct backup_counts *counts);
/* Is what was restored whole: sums aside, the books' integrity, the set in
 * force, and some of its persons found again by their keys? 0, -1 raised. */
int backup_prove(struct run *run, const char *into);

#endif
