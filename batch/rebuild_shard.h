/*
 * A generation made by several processes (--shard i/N) and joined by one more
 * (--join N): each merges a range of keys of the qualification snapshot and
 * leaves what it came to as a part, ROOT/work/rebuild-IofN/, that becomes
 * visible by one rename. A part belongs to a plan: the set in force, the
 * segments waiting, the day, the retention and the ranges. For rebuild.
 *
 * Files of a part: part.yaml (plan, books, size and digest of the others),
 * rows, printed, pseudonym, pairing (snapshot_finish_part()), results, held,
 * counts (rebuild_reflect.h), touched (rebuild_facts.h), scopes, purged.
 */
#ifndef BATCH_REBUILD_SHARD_H
#define BATCH_REBUILD_SHARD_H

#include "batch/rebuild_build.h"
#include "batch/spool.h"

#define SHARDS_MAX 64

struct shards { /* the plan */
	int n;
	struct key_range range[SHARDS_MAX];
	char digest[65];
};
/* "2/4" -> 2 of 4; -1: no such thing. */
int shard_parse(const char *text, int *i, int *n);
/* Ranges by the keys of what is in force and of what waits, about as many rows
 * in each; where keys change (SEGMENT_REKEY) the first has all. The same for
 * the same inputs. 0, -1 raised. */
int shards_plan(struct shards *s, const struct build *b,
    const struct snapshot_set_entry *in_force, int n);
/* The part's folder, and where it is being made. */
void shard_folder(
    char out[SPOOL_PATH_MAX], const char *root, int i, int n, bool done);
/* What b's run, guard and purged came to, and part.yaml, into the folder it is
 * made in; then it becomes visible. 0, -1 raised. */
int shard_publish(const struct shards *s, int i, const struct build *b);
/* Is the part there, whole and of this plan? 1; 0: no, *why; -1 raised. */
int shard_look(
    const struct shards *s, int i, const struct build *b, const char **why);
/* The books of a part that was looked at are added to b's. 0, -1 raised. */
int shard_take(const struct shards *s, int i, const struct build *b);
/* Parts of any plan go. */
void shards_clear(const char *root);

#endif
