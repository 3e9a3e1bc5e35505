#include "batch/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/archive.h"
#include "formats/limits.h"
#include "formats/manifest.h"

#define MANIFEST "manifest.yaml"

/* What a feed may bring: the layout of a member, its name, its syntax. */
struct allowed {
	enum feed feed;
	const char *layout, *name, *syntax; /* name NULL: any */
};
static const struct allowed allowed[] = {
	{ FEED_SHIKAKU, "shikaku", "shikaku.csv", "csv" },
	{ FEED_SHIKAKU, "shikaku", "shikaku.xml", "xml" },
	{ FEED_SHIKAKU, "shikaku", "shikaku.txt", "fixed" },
	{ FEED_NHI, "nhi_household", "nhi_household.txt", "fixed" },
	{ FEED_NHI, "nhi_person", "nhi_person.txt", "fixed" },
	{ FEED_CODES, "codes", "codes.csv", "csv" },
	{ FEED_LINK, "link", "link.csv", "csv" },
	{ FEED_INSTITUTION, "iryokikan", "iryokikan.csv", "csv" },
	{ FEED_CRL, "crl", NULL, "der" },
	{ FEED_PACKAGE, "segment", NULL, "seg" },
};
/* How many members: exactly, or at most. */
static const struct {
	int least, most;
} members[FEED__MAX] = {
	[FEED_SHIKAKU] = { 1, 1 },
	[FEED_NHI] = { 2, 2 },
	[FEED_CODES] = { 1, 1 },
	[FEED_LINK] = { 1, 1 },
	[FEED_INSTITUTION] = { 1, 1 },
	[FEED_CRL] = { 1, PACKAGE_MEMBERS_MAX },
	[FEED_PACKAGE] = { 1, PACKAGE_MEMBERS_MAX },
};

struct unpack {
	struct upload *u;
	int zip; /* the opened seal's content */
	struct manifest *m;
	bool *seen;
	char *text; /* of the manifest */
	size_t n;
	bool failed; /* the environment */
};

static int
io(struct unpack *p, const char *what)
{
	p->failed = true;
	diag_file(
	    &p->u->intake->run.log.sink, DIAG_IO, what, "%s", strerror(errno));
	run_worst(&p->u->intake->run, EXIT_TEMPORARY);
	return -1;
}

static void
refuse(struct unpack *p, enum diag_code code, const char *detail)
{
	diag_file(&p->u->why.sink, code, p->u->name, "%s", detail);
}

/* ---- the seal ---- */

static int
open_seal(struct unpack *p)
{
	struct upload *u = p->u;
	const struct chain *trust =
	    u->id.feed == FEED_PACKAGE ? u->intake->site : u->intake->insurers;
	struct seal_signer signer;
	char path[SPOOL_PATH_MAX];

	spool_temp(path, u->intake->root);
	p->zip = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (p->zip == -1 || unlink(path) == -1 ||
	    lseek(u->fd, 0, SEEK_SET) == -1)
		return io(p, path);
	if (seal_open(u->name, u->fd, p->zip, trust, u->intake->key,
		u->intake->run.now, &signer, &u->why.sink) == -1)
		return 1;
	if (strcmp(signer.subject_cn, u->id.sender) != 0) {
		refuse(p, DIAG_SEAL_SIGNER,
		    "commonName of the signer's certificate");
		return 1;
	}
	return 0;
}

/* ---- the manifest ---- */

static int
find_manifest(
    void *arg, const struct archive_member *m, struct archive_stream *s)
{
	struct unpack *p = arg;
	int64_t got;

	if (!slice_is(m->name, MANIFEST))
		return 0;
	p->text = text_realloc(p->text, MANIFEST_BYTES_MAX + 1);
	p->n = 0;
	while ((got = archive_read(
		    s, p->text + p->n, MANIFEST_BYTES_MAX + 1 - p->n)) > 0)
		p->n += (size_t)got;
	return got < 0 || p->n > MANIFEST_BYTES_MAX;
}

static bool
is_allowed(enum feed feed, const struct manifest_member *m)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].feed == feed &&
		    strcmp(allowed[i].layout, m->layout) == 0 &&
		    strcmp(allowed[i].syntax, m->syntax) == 0 &&
		    (allowed[i].name == NULL ||
			strcmp(allowed[i].name, m->name) == 0))
			return true;
	return false;
}

static bool
manifest_fits(struct unpack *p)
{
	const struct manifest *m = p->m;
	const struct filename *id = &p->u->id;

	if (strcmp(m->id.sender, id->sender) != 0 || m->id.feed != id->feed ||
	    m->id.day != id->day || m->id.sequence != id->sequence) {
		refuse(p, DIAG_MANIFEST,
		    "sender, feed, day or sequence differ from the file name");
		return false;
	}
	if (m->members < members[id->feed].least ||
	    m->members > members[id->feed].most) {
		refuse(p, DIAG_MANIFEST, "number of members for this feed");
		return false;
	}
	for (int i = 0; i < m->members; i++)
		if (!is_allowed(id->feed, &m->member[i])) {
			refuse(p, DIAG_MANIFEST,
			    "a member's name, layout or syntax is not of "
			    "this feed");
			return false;
		}
	return true;
}

static int
read_manifest(struct unpack *p)
{
	if (lseek(p->zip, 0, SEEK_SET) == -1)
		return io(p, "work");
	if (archive_each(
		p->u->name, p->zip, find_manifest, p, &p->u->why.sink) == -1)
		return 1;
	if (p->n == 0 || p->n > MANIFEST_BYTES_MAX) {
		refuse(p, DIAG_MANIFEST,
		    p->n == 0 ? "there is none" : "it is too large");
		return 1;
	}
	p->m = manifest_read(
	    (struct slice) { p->text, p->n }, p->u->name, &p->u->why.sink);
	if (p->m == NULL || !manifest_fits(p))
		return 1;
	p->seen = text_alloc((size_t)p->m->members * sizeof(*p->seen));
	return 0;
}

/* ---- the members ---- */

/* Where member i lies: as spool_member() has it, but in the work folder. */
static void
work_path(const struct unpack *p, int i, char out[SPOOL_PATH_MAX])
{
	char there[SPOOL_PATH_MAX];

	spool_member(
	    there, p->u->intake->root, p->u->stem, i, p->m->member[i].syntax);
	spool_path(out, p->u->work, "%s", strrchr(there, '/') + 1);
}

/* Copies a member to fd. 0; 1: refused; -1. */
static int
copy_member(struct unpack *p, struct archive_stream *s, int fd, int64_t *bytes,
    char sha256[65])
{
	struct seal_hash *h = seal_hash_new();
	unsigned char sum[32];
	char b[1 << 16];
	int64_t got;
	int rc = 0;

	*bytes = 0;
	while (rc == 0 && (got = archive_read(s, b, sizeof(b))) != 0) {
		if (got < 0) {
			rc = 1;
			break;
		}
		seal_hash_add(h, b, (size_t)got);
		*bytes += got;
		for (int64_t at = 0; at < got && rc == 0;) {
			ssize_t n = write(fd, b + at, (size_t)(got - at));
			if (n <= 0)
				rc = io(p, "work");
			else
				at += n;
		}
	}
	seal_hash_end(h, sum);
	for (int i = 0; i < 32; i++)
		snprintf(sha256 + 2 * i, 3, "%02x", sum[i]);
	return rc;
}

static int
take_member(void *arg, const struct archive_member *m, struct archive_stream *s)
{
	struct unpack *p = arg;
	char path[SPOOL_PATH_MAX], sha256[65];
	int64_t bytes;
	int i = 0, fd, rc;

	if (slice_is(m->name, MANIFEST))
		return 0;
	while (i < p->m->members && !slice_is(m->name, p->m->member[i].name))
		i++;
	if (i == p->m->members) {
		refuse(p, DIAG_MANIFEST_DIFFERS,
		    "a member is not in the manifest");
		return 1;
	}
	work_path(p, i, path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd == -1)
		return io(p, path);
	rc = copy_member(p, s, fd, &bytes, sha256);
	if (rc == 0 && fsync(fd) == -1)
		rc = io(p, path);
	close(fd);
	if (rc == 0 &&
	    (bytes != p->m->member[i].bytes ||
		strcmp(sha256, p->m->member[i].sha256) != 0)) {
		refuse(p, DIAG_MANIFEST_DIFFERS,
		    bytes != p->m->member[i].bytes ? "size of a member" :
						     "digest of a member");
		rc = 1;
	}
	p->seen[i] = true;
	return rc;
}

static int
save_manifest(struct unpack *p)
{
	char path[SPOOL_PATH_MAX];
	int fd, dir;

	spool_path(path, p->u->work, "%s", MANIFEST);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd == -1)
		return io(p, path);
	if (write(fd, p->text, p->n) != (ssize_t)p->n || fsync(fd) == -1) {
		close(fd);
		return io(p, path);
	}
	close(fd);
	dir = open(p->u->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1 || fsync(dir) == -1) {
		if (dir != -1)
			close(dir);
		return io(p, p->u->work);
	}
	close(dir);
	return 0;
}

static int
take_members(struct unpack *p)
{
	int rc;

	spool_temp(p->u->work, p->u->intake->root);
	if (mkdir(p->u->work, 0750) == -1 || lseek(p->zip, 0, SEEK_SET) == -1)
		return io(p, p->u->work);
	rc = archive_each(p->u->name, p->zip, take_member, p, &p->u->why.sink);
	if (p->failed)
		return -1;
	if (rc != 0)
		return 1;
	for (int i = 0; i < p->m->members; i++)
		if (!p->seen[i]) {
			refuse(p, DIAG_MANIFEST_DIFFERS,
			    "a member of the manifest is missing");
			return 1;
		}
	return save_manifest(p);
}

int
intake_unpack(struct upload *u)
{
	struct unpack p = { .u = u, .zip = -1 };
	int rc = open_seal(&p);

	if (rc == 0)
		rc = read_manifest(&p);
	if (rc == 0)
		rc = take_members(&p);
	if (p.zip != -1)
		close(p.zip);
	free(p.m);
	free(p.seen);
	free(p.text);
	return p.failed ? -1 : rc;
}
