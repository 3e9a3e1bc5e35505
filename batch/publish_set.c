/* The snapshot set in force: manifest and signature, switched by one link. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "batch/publish.h"
#include "batch/spool.h"

#define SIGNATURE_MAX 16384

/* Both files of a folder of sets. 0, -1 raised; yours to free. */
static int
read_pair(const char *root, const char *folder, char **doc, size_t *n,
    char **sig, size_t *m, struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX];

	*sig = NULL;
	spool_path(path, root, "snapshots/%s/manifest.yaml", folder);
	*doc = spool_slurp(path, MANIFEST_BYTES_MAX, n);
	if (*doc != NULL) {
		spool_path(path, root, "snapshots/%s/manifest.p7s", folder);
		*sig = spool_slurp(path, SIGNATURE_MAX, m);
	}
	if (*sig != NULL)
		return 0;
	diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
	free(*doc);
	*doc = NULL;
	return -1;
}

int
publish_read(const char *root, const char *folder, const struct chain *trust,
    const char *publisher, int64_t now, struct snapshot_set *out,
    char digest[65], struct diag_sink *sink)
{
	char name[SPOOL_PATH_MAX];
	struct seal_signer signer;
	char *doc, *sig;
	size_t n, m;
	int r = -1;

	if (read_pair(root, folder, &doc, &n, &sig, &m, sink) == -1)
		return -1;
	struct slice content = { doc, n };
	snprintf(name, sizeof(name), "snapshots/%s/manifest.yaml", folder);
	if (seal_verify_bytes(name, content, (struct slice) { sig, m }, trust,
		now, &signer, sink) == -1) {
		diag_file(sink, DIAG_MANIFEST_SIGNATURE, name, NULL);
		goto out;
	}
	if (strcmp(signer.subject_cn, publisher) != 0) {
		diag_file(sink, DIAG_MANIFEST_SIGNATURE, name,
		    "signer is not the publisher");
		goto out;
	}
	if (snapshot_set_read(content, name, out, sink) == -1)
		goto out;
	seal_digest(content, digest);
	r = 0;
out:
	free(doc);
	free(sig);
	return r;
}

int
publish_current(const char *root, const struct chain *trust,
    const char *publisher, int64_t now, struct snapshot_set *out,
    char digest[65], struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX], link[128];

	spool_path(path, root, "snapshots/current");
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n == -1 && errno == ENOENT)
		return 0;
	if (n == -1) {
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
		return -1;
	}
	/* by the link's own words, so that both files are of one serial */
	link[n] = '\0';
	return publish_read(
		   root, link, trust, publisher, now, out, digest, sink) == -1 ?
	    -1 :
	    1;
}

/* The serial "current" names; 0: none. No more is believed of it here. */
static int64_t
serial_in_force(const char *root)
{
	char path[SPOOL_PATH_MAX], link[64];
	ssize_t n;

	spool_path(path, root, "snapshots/current");
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 10 || memcmp(link, "manifest-", 9) != 0)
		return 0;
	return slice_number((struct slice) { link + 9, (size_t)n - 9 });
}

static int
write_file(
    const char *root, const char *dir, const char *name, struct slice bytes)
{
	struct publish p;

	if (publish_open(&p, root) == -1)
		return -1;
	fwrite(bytes.p, 1, bytes.n, p.f);
	return publish_commit(&p, dir, name);
}

static int
write_pair(const char *root, const struct snapshot_set *set,
    const struct seal_key *key, int64_t now, const char *dir,
    struct diag_sink *sink)
{
	char store[SIGNATURE_MAX], *doc = NULL;
	struct buf sig;
	size_t n = 0;
	int r = -1;
	FILE *f = open_memstream(&doc, &n);

	if (f == NULL)
		return -1;
	snapshot_set_write(set, f);
	if (fclose(f) != 0)
		goto out;
	buf_init(&sig, store, sizeof(store));
	if (seal_sign_bytes("manifest.yaml", (struct slice) { doc, n }, key,
		now, &sig, sink) == -1)
		goto out;
	if (publish_make_dir(dir) == 0 &&
	    write_file(root, dir, "manifest.yaml", (struct slice) { doc, n }) ==
		0 &&
	    write_file(root, dir, "manifest.p7s", buf_slice(&sig)) == 0)
		r = 0;
	else
		diag_file(sink, DIAG_IO, dir, "%s", strerror(errno));
out:
	free(doc);
	return r;
}

/* dir becomes snapshots/manifest-SERIAL, then "current" names it. */
static int
switch_to(const char *root, const char *dir, int64_t serial)
{
	char name[40], path[SPOOL_PATH_MAX], link[SPOOL_PATH_MAX],
	    snapshots[SPOOL_PATH_MAX];

	snprintf(name, sizeof(name), "manifest-%06lld", (long long)serial);
	spool_path(snapshots, root, "snapshots");
	spool_path(path, root, "snapshots/%s", name);
	/* made by a run that ended before its link: nobody has read it */
	if (spool_remove_tree(path) == -1 ||
	    publish_rename(dir, snapshots, name) == -1)
		return -1;
	spool_temp(link, root);
	unlink(link);
	if (symlink(name, link) == -1)
		return -1;
	return publish_rename(link, snapshots, "current");
}

/* rebuild and revoke may end at the same moment: between looking at the set
 * in force and the switch there is only one of them. */
static int
lock_sets(const char *root, struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX];
	int fd = -1;

	spool_path(path, root, "run");
	if (publish_make_dir(path) == 0) {
		spool_path(path, root, "run/publish.lock");
		fd =
		    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	}
	if (fd != -1 && flock(fd, LOCK_EX) == 0)
		return fd;
	diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

/* Under the lock: the pair written, then the switch. */
static int
put_set(const char *root, const struct snapshot_set *set,
    const struct seal_key *key, int64_t now, struct diag_sink *sink)
{
	char dir[SPOOL_PATH_MAX];
	int64_t before = serial_in_force(root);
	int r;

	if (before < 0 || set->serial <= before) {
		diag_file(sink, DIAG_MANIFEST_OLDER, "snapshots/current",
		    "serial %lld after %lld", (long long)set->serial,
		    (long long)before);
		return -1;
	}
	spool_temp(dir, root);
	r = write_pair(root, set, key, now, dir, sink);
	if (r == 0 && (r = switch_to(root, dir, set->serial)) == -1)
		diag_file(sink, DIAG_IO, dir, "%s", strerror(errno));
	if (r == -1)
		spool_remove_tree(dir);
	return r;
}

int
publish_set(const char *root, const struct snapshot_set *set,
    const struct seal_key *key, int64_t now, struct diag_sink *sink)
{
	int lock = lock_sets(root, sink), r = -1;

	if (lock != -1) {
		r = put_set(root, set, key, now, sink);
		close(lock);
	}
	return r;
}

int
publish_next(const char *root, const struct chain *trust, const char *publisher,
    const struct seal_key *key, int64_t now, struct snapshot_set *set,
    const struct snapshot_set_entry made[SNAPSHOT__MAX], struct diag_sink *sink)
{
	struct snapshot_set next = { 0 };
	char digest[65] = "";
	int lock = lock_sets(root, sink), r = -1;

	if (lock == -1)
		return -1;
	if (publish_current(root, trust, publisher, now, &next, digest, sink) ==
	    -1)
		goto out;
	for (int k = 0; k < SNAPSHOT__MAX; k++)
		if (made[k].generation > 0)
			next.kind[k] = made[k];
	next.serial++;
	memcpy(next.previous, digest, sizeof(next.previous));
	if (put_set(root, &next, key, now, sink) == -1)
		goto out;
	*set = next;
	r = 0;
out:
	close(lock);
	return r;
}
