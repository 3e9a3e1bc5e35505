/* An order to go back: which sets are kept, and whether one is still whole. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/publish.h"
#include "batch/spool.h"
#include "formats/snapshot.h"

const enum snapshot_kind publish_kinds[PUBLISH_KINDS] = {
	SNAPSHOT_QUALIFICATION, SNAPSHOT_CARDS, SNAPSHOT_INSTITUTIONS
};

int64_t
publish_generation(const struct snapshot_set *set)
{
	int64_t g = 0;

	for (size_t i = 0; i < PUBLISH_KINDS; i++)
		if (set->kind[publish_kinds[i]].generation > g)
			g = set->kind[publish_kinds[i]].generation;
	return g;
}

/* The folders of sets up to a serial, oldest first. -1 errno. */
static int
sets_kept(const char *root, struct spool_names *sets, char dir[SPOOL_PATH_MAX])
{
	spool_path(dir, root, "snapshots");
	return spool_dirs(dir, sets);
}

static bool
is_set(const char *name, int64_t serial_max)
{
	int64_t n;

	if (strncmp(name, "manifest-", 9) != 0)
		return false;
	n = slice_number(slice_of(name + 9));
	return n > 0 && n <= serial_max;
}

/* Its words alone, to look for a number; what is used is read again with its
 * signature. */
static bool
peek(const char *dir, const char *name, struct snapshot_set *set)
{
	char path[SPOOL_PATH_MAX];
	struct diag_sink quiet = { 0 };
	size_t n;

	spool_path(path, dir, "%s/manifest.yaml", name);
	char *doc = spool_slurp(path, MANIFEST_BYTES_MAX, &n);
	bool good = doc != NULL &&
	    snapshot_set_read((struct slice) { doc, n }, path, set, &quiet) !=
		-1;
	free(doc);
	return good;
}

int64_t
publish_highest(const char *root, const struct snapshot_set *in_force)
{
	char dir[SPOOL_PATH_MAX];
	int64_t highest = publish_generation(in_force);
	struct spool_names sets;
	struct snapshot_set set;

	if (sets_kept(root, &sets, dir) == -1)
		return highest;
	for (size_t i = 0; i < sets.n; i++)
		if (is_set(sets.v[i], in_force->serial) &&
		    peek(dir, sets.v[i], &set) &&
		    publish_generation(&set) > highest)
			highest = publish_generation(&set);
	spool_free(&sets);
	return highest;
}

/* The files are there and hold the bytes they were published with. */
static int
check_files(
    const char *dir, const struct snapshot_set *set, struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX];

	for (size_t i = 0; i < PUBLISH_KINDS; i++) {
		enum snapshot_kind k = publish_kinds[i];
		if (set->kind[k].generation == 0)
			continue;
		spool_path(path, dir, "%s", set->kind[k].file);
		if (access(path, R_OK) == -1) {
			diag_file(sink, DIAG_ROLLBACK_NONE, set->kind[k].file,
			    "the file is kept no more");
			return -1;
		}
		struct snapshot *s =
		    snapshot_open(dir, k, &set->kind[k], true, sink);
		if (s == NULL)
			return -1;
		snapshot_close(s);
	}
	return 0;
}

int
publish_older(const char *root, const struct chain *trust,
    const char *publisher, int64_t now, const struct snapshot_set *in_force,
    int64_t generation, struct snapshot_set_entry made[SNAPSHOT__MAX],
    struct diag_sink *sink)
{
	char dir[SPOOL_PATH_MAX], digest[65];
	struct spool_names sets;
	struct snapshot_set set;
	const char *name = NULL;
	int r = -1;

	if (sets_kept(root, &sets, dir) == -1) {
		diag_file(sink, DIAG_IO, dir, "cannot be listed");
		return -1;
	}
	for (size_t i = sets.n; i-- > 0 && name == NULL;)
		if (is_set(sets.v[i], in_force->serial) &&
		    peek(dir, sets.v[i], &set) &&
		    publish_generation(&set) == generation)
			name = sets.v[i];
	if (name == NULL) {
		diag_file(sink, DIAG_ROLLBACK_NONE, dir, "generation %lld",
		    (long long)generation);
		goto out;
	}
	if (publish_read(
		root, name, trust, publisher, now, &set, digest, sink) == -1 ||
	    check_files(dir, &set, sink) == -1)
		goto out;
	for (size_t i = 0; i < PUBLISH_KINDS; i++)
		made[publish_kinds[i]] = set.kind[publish_kinds[i]];
	r = 0;
out:
	spool_free(&sets);
	return r;
}
