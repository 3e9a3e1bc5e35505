#include "online/current.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/seal.h"
#include "online/share.h"

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
	struct share *share;
	struct held *in_force;
	char seen[128]; /* where the link pointed when last read */
	int64_t retry_at;
	/* the thread's, from begin to join; nothing else of it is touched */
	bool opening;
	atomic_bool opened;
	pthread_t thread;
	struct diag_log log;
	struct diag_sink *sink; /* of the log */
	int64_t now;
	const struct held *old; /* in_force: compared, never changed */
	struct held *candidate; /* NULL: not believed */
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
		    c->old == NULL ? "none" : "the one in force");
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

/* What identifies a file that some worker has read whole and found good. */
static uint64_t
file_tag(const struct current *c, const struct snapshot_set_entry *entry)
{
	char path[640];
	struct stat st;
	uint64_t h = UINT64_C(14695981039346656037);

	snprintf(path, sizeof(path), "%s/%s", c->dir, entry->file);
	if (stat(path, &st) == -1)
		return 0;
	const uint64_t of[] = { st.st_dev, st.st_ino, (uint64_t)st.st_size,
		(uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec,
		(uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec };
	for (size_t i = 0; i < sizeof(of); i++)
		h = (h ^ ((const unsigned char *)of)[i]) *
		    UINT64_C(1099511628211);
	for (const char *p = entry->sha256; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	return h;
}

/* One kind of the new set; nothing where the old one has the same. */
static int
open_kind(struct current *c, struct held *h, enum snapshot_kind kind)
{
	const struct snapshot_set_entry *entry = &h->set.set.kind[kind];
	struct shared *s;
	uint64_t tag;
	bool known;

	if (entry->generation == 0 ||
	    (c->old != NULL && c->old->of[kind] != NULL &&
		same_generation(entry, &c->old->set.set.kind[kind])))
		return 0;
	tag = file_tag(c, entry);
	known = c->share != NULL && tag != 0 && share_verified(c->share, tag);
	s = text_alloc(sizeof(*s));
	s->snapshot = snapshot_open(c->dir, kind, entry, !known, c->sink);
	if (s->snapshot == NULL) {
		free(s);
		return -1;
	}
	if (c->share != NULL && tag != 0 && tag == file_tag(c, entry))
		share_verified_note(c->share, tag);
	s->users++;
	h->of[kind] = s;
	return 0;
}

/* In the thread: reads, verifies and opens what `seen` names. */
static void *
open_set(void *arg)
{
	struct current *c = arg;
	struct held *h = text_alloc(sizeof(*h));

	h->set.users = 1;
	if (read_set(c, c->seen, c->now, &h->set.set) == -1)
		goto fail;
	if (c->old != NULL && h->set.set.serial <= c->old->set.set.serial) {
		diag_file(c->sink, DIAG_MANIFEST_OLDER, c->seen, "serial %lld",
		    (long long)h->set.set.serial);
		goto fail;
	}
	for (int i = 0; i < SNAPSHOT__MAX; i++)
		if (open_kind(c, h, (enum snapshot_kind)i) == -1)
			goto fail;
	c->candidate = h;
	atomic_store(&c->opened, true);
	return NULL;
fail:
	held_release(h);
	atomic_store(&c->opened, true);
	return NULL;
}

static int
begin_opening(struct current *c, int64_t now)
{
	sigset_t all, before;
	int r;

	c->now = now;
	c->old = c->in_force;
	c->candidate = NULL;
	atomic_store(&c->opened, false);
	sigfillset(&all); /* signals are the loop's business */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&c->thread, NULL, open_set, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	c->opening = r == 0;
	return r == 0 ? 0 : -1;
}

/* The thread has ended: what it found is put in force, or the set in force
 * stays and the link is tried again later. */
static int
end_opening(struct current *c)
{
	struct held *h, *old = c->in_force;

	pthread_join(c->thread, NULL);
	c->opening = false;
	h = c->candidate;
	c->candidate = NULL;
	c->retry_at = h == NULL ? c->now + RETRY_MS : INT64_MAX;
	if (h == NULL)
		return -1;
	for (int i = 0; i < SNAPSHOT__MAX; i++) {
		if (h->of[i] == NULL && h->set.set.kind[i].generation != 0) {
			h->of[i] = old->of[i];
			h->of[i]->users++;
		}
		h->set.kind[i] = h->of[i] == NULL ? NULL : h->of[i]->snapshot;
	}
	c->in_force = h;
	held_release(old);
	return 1;
}

int
current_look(struct current *c, int64_t now)
{
	char path[480], link[128];
	ssize_t n;

	if (c->opening)
		return atomic_load(&c->opened) ? end_opening(c) : 0;
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
	return begin_opening(c, now);
}

bool
current_behind(const struct current *c)
{
	char path[480], link[128];
	long long serial;

	snprintf(path, sizeof(path), "%s/awaited", c->dir);
	ssize_t n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	return strncmp(link, "manifest-", 9) == 0 &&
	    (serial = slice_number(slice_of(link + 9))) > 0 &&
	    (c->in_force == NULL || serial > c->in_force->set.set.serial);
}

struct current *
current_open(const char *root, const struct chain *trust, const char *publisher,
    struct share *share, int64_t now)
{
	struct current *c = text_alloc(sizeof(*c));

	snprintf(c->dir, sizeof(c->dir), "%s/snapshots", root);
	c->trust = trust;
	c->publisher = publisher;
	c->share = share;
	diag_log_init(&c->log, "responder", stderr);
	c->sink = &c->log.sink;
	c->retry_at = INT64_MAX;
	current_look(c, now);
	if (c->opening)
		end_opening(c);
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
	if (c->opening)
		end_opening(c);
	held_release(c->in_force);
	free(c);
}
