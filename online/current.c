#include "online/current.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/seal.h"

#define RETRY_MS INT64_C(30000) /* a set that could not be opened */

/* An open snapshot; sets that hold the same generation share it. */
struct shared {
	struct snapshot *snapshot;
	int users;
};
struct held { /* a set and what it shares */
	struct current_set set; /* first: callers see only this */
	struct shared *of[SNAPSHOT__MAX];
};
struct current {
	char dir[400]; /* ROOT/snapshots */
	const struct chain *trust;
	const char *publisher;
	struct diag_sink *sink;
	struct held *in_force;
	char seen[128]; /* where the link pointed when last read */
	int64_t retry_at;
};

static void
held_release(struct held *h)
{
	if (h == NULL || --h->set.users > 0)
		return;
	for (int i = 0; i < SNAPSHOT__MAX; i++) {
		struct shared *s = h->of[i];
		if (s == NULL || --s->users > 0)
			continue;
		snapshot_close(s->snapshot);
		free(s);
	}
	free(h);
}

/* A small whole file; yours to free. NULL: raised. */
static char *
slurp(struct current *c, const char *link, const char *name, size_t *n)
{
	char path[640];
	char *bytes = NULL;
	ssize_t r = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/%s/%s", c->dir, link, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		bytes = text_alloc(MANIFEST_BYTES_MAX + 2);
		r = read(fd, bytes, MANIFEST_BYTES_MAX + 1);
		close(fd);
	}
	if (r < 0 || r > MANIFEST_BYTES_MAX) {
		diag_file(c->sink, DIAG_IO, path, "%s",
		    r < 0 ? strerror(errno) : "too large");
		free(bytes);
		return NULL;
	}
	*n = (size_t)r;
	return bytes;
}

static int
read_set(
    struct current *c, const char *link, int64_t now, struct snapshot_set *out)
{
	struct seal_signer signer;
	size_t n = 0, n_sig = 0;
	char *doc = slurp(c, link, "manifest.yaml", &n);
	char *sig = slurp(c, link, "manifest.p7s", &n_sig);
	int r = -1;

	if (doc == NULL || sig == NULL)
		goto out;
	/* believed only as a whole, and only if signed by us */
	if (seal_verify_bytes("manifest.yaml", (struct slice) { doc, n },
		(struct slice) { sig, n_sig }, c->trust, now, &signer,
		c->sink) == -1 ||
	    strcmp(signer.subject_cn, c->publisher) != 0) {
		diag_file(c->sink, DIAG_MANIFEST_SIGNATURE, link, "kept: %s",
		    c->in_force == NULL ? "none" : "the one in force");
		goto out;
	}
	r = snapshot_set_read(
	    (struct slice) { doc, n }, "manifest.yaml", out, c->sink);
out:
	free(doc);
	free(sig);
	return r;
}

static bool
same_generation(
    const struct snapshot_set_entry *a, const struct snapshot_set_entry *b)
{
	return a->generation == b->generation &&
	    strcmp(a->sha256, b->sha256) == 0 && strcmp(a->file, b->file) == 0;
}

/* One kind of the new set: shared with the old one where it is the same. */
static int
open_kind(struct current *c, struct held *h, enum snapshot_kind kind)
{
	const struct snapshot_set_entry *entry = &h->set.set.kind[kind];
	struct held *old = c->in_force;
	struct shared *s;

	if (entry->generation == 0)
		return 0;
	if (old != NULL && old->of[kind] != NULL &&
	    same_generation(entry, &old->set.set.kind[kind])) {
		s = old->of[kind];
	} else {
		s = text_alloc(sizeof(*s));
		s->snapshot = snapshot_open(c->dir, kind, entry, true, c->sink);
		if (s->snapshot == NULL) {
			free(s);
			return -1;
		}
	}
	s->users++;
	h->of[kind] = s;
	h->set.kind[kind] = s->snapshot;
	return 0;
}

static int
open_set(struct current *c, const char *link, int64_t now)
{
	struct held *h = text_alloc(sizeof(*h));

	h->set.users = 1;
	if (read_set(c, link, now, &h->set.set) == -1)
		goto fail;
	if (c->in_force != NULL &&
	    h->set.set.serial <= c->in_force->set.set.serial) {
		diag_file(c->sink, DIAG_MANIFEST_OLDER, link, "serial %lld",
		    (long long)h->set.set.serial);
		goto fail;
	}
	for (int i = 0; i < SNAPSHOT__MAX; i++)
		if (open_kind(c, h, (enum snapshot_kind)i) == -1)
			goto fail;
	held_release(c->in_force);
	c->in_force = h;
	return 1;
fail:
	held_release(h);
	return -1;
}

int
current_look(struct current *c, int64_t now)
{
	char path[480], link[128];
	ssize_t n;
	int r;

	snprintf(path, sizeof(path), "%s/current", c->dir);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return 0; /* nothing is published yet */
	link[n] = '\0';
	if (strcmp(link, c->seen) == 0 && now < c->retry_at)
		return 0;
	if (strchr(link, '/') != NULL)
		return 0;
	memcpy(c->seen, link, (size_t)n + 1);
	r = open_set(c, link, now);
	c->retry_at = r == -1 ? now + RETRY_MS : INT64_MAX;
	return r;
}

struct current *
current_open(const char *root, const struct chain *trust, const char *publisher,
    int64_t now, struct diag_sink *sink)
{
	struct current *c = text_alloc(sizeof(*c));

	snprintf(c->dir, sizeof(c->dir), "%s/snapshots", root);
	c->trust = trust;
	c->publisher = publisher;
	c->sink = sink;
	c->retry_at = INT64_MAX;
	current_look(c, now);
	return c;
}

struct current_set *
current_take(struct current *c)
{
	if (c->in_force == NULL)
		return NULL;
	c->in_force->set.users++;
	return &c->in_force->set;
}

void
current_release(struct current *c, struct current_set *s)
{
	(void)c;
	held_release((struct held *)s);
}

void
current_close(struct current *c)
{
	if (c == NULL)
		return;
	held_release(c->in_force);
	free(c);
}
