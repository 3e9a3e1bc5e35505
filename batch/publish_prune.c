/* What no reader needs any more: old snapshots, and sets that name them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/publish.h"
#include "batch/spool.h"

/* KIND-NNNNNN.sqlite */
static bool
is_snapshot(const char *name, const char *kind)
{
	size_t n = strlen(name), stem = strlen(kind);

	return n >= stem + 8 && strncmp(name, kind, stem) == 0 &&
	    name[stem] == '-' && strcmp(name + n - 7, ".sqlite") == 0;
}

static void
prune_kind(const char *dir, const struct spool_names *files, const char *kind,
    const char *in_force, int keep)
{
	char path[SPOOL_PATH_MAX];
	int seen = 0;

	for (size_t i = files->n; i-- > 0;) { /* sorted: newest last */
		const char *name = files->v[i];

		if (!is_snapshot(name, kind))
			continue;
		if (++seen > keep && strcmp(name, in_force) != 0) {
			spool_path(path, dir, "%s", name);
			unlink(path);
		}
	}
}

/* Whether every snapshot a set names is there; what cannot be read is. Not
 * asked of revocation, as no order goes back to older revocations, but where
 * the set has nothing else: one of before the first rebuild. */
static bool
is_whole(const char *dir, const char *name)
{
	char path[SPOOL_PATH_MAX];
	struct diag_sink quiet = { 0 };
	struct snapshot_set set;
	bool whole = true, none = true;
	size_t n;

	spool_path(path, dir, "%s/manifest.yaml", name);
	char *doc = spool_slurp(path, MANIFEST_BYTES_MAX, &n);
	if (doc == NULL ||
	    snapshot_set_read((struct slice) { doc, n }, path, &set, &quiet) ==
		-1)
		goto out;
	for (int i = 0; i < PUBLISH_KINDS && whole; i++) {
		enum snapshot_kind k = publish_kinds[i];
		spool_path(path, dir, "%s", set.kind[k].file);
		none = none && set.kind[k].generation == 0;
		whole = set.kind[k].generation == 0 || access(path, F_OK) == 0;
	}
	if (none) {
		spool_path(path, dir, "%s", set.kind[SNAPSHOT_REVOCATION].file);
		whole = access(path, F_OK) == 0;
	}
out:
	free(doc);
	return whole;
}

static void
prune_sets(const char *dir, int64_t in_force)
{
	char path[SPOOL_PATH_MAX];
	struct spool_names sets;

	if (spool_dirs(dir, &sets) == -1)
		return;
	for (size_t i = 0; i < sets.n; i++) {
		if (strncmp(sets.v[i], "manifest-", 9) != 0 ||
		    slice_number(slice_of(sets.v[i] + 9)) >= in_force ||
		    is_whole(dir, sets.v[i]))
			continue;
		spool_path(path, dir, "%s", sets.v[i]);
		spool_remove_tree(path);
	}
	spool_free(&sets);
}

void
publish_prune(const char *root, const struct snapshot_set *set, int keep)
{
	char dir[SPOOL_PATH_MAX];
	struct spool_names files;

	spool_path(dir, root, "snapshots");
	if (keep <= 0 || spool_list(dir, &files) == -1)
		return;
	for (int k = 0; k < SNAPSHOT__MAX; k++)
		prune_kind(
		    dir, &files, snapshot_names[k], set->kind[k].file, keep);
	spool_free(&files);
	prune_sets(dir, set->serial);
}
