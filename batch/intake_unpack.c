/*
 * From a sealed upload to a folder of members: signature, signer, archive,
 * manifest. Every path is of our own making (I19).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/intake.h"
#include "batch/publish.h"
#include "formats/codec/archive.h"
#include "formats/limits.h"

#define COPY_SIZE ((size_t)256 << 10)
#define MANIFEST_NAME "manifest.yaml"

static const struct allowed {
	enum feed feed;
	const char *name, *layout, *syntax;
} allowed[] = {
	{ FEED_SHIKAKU, "shikaku.csv", "shikaku", "csv" },
	{ FEED_SHIKAKU, "shikaku.xml", "shikaku", "xml" },
	{ FEED_SHIKAKU, "shikaku.txt", "shikaku", "fixed" },
	{ FEED_NHI, "nhi_household.txt", "nhi_household", "fixed" },
	{ FEED_NHI, "nhi_person.txt", "nhi_person", "fixed" },
	{ FEED_REKEY, "rekey.csv", "rekey", "csv" },
	{ FEED_CODES, "codes.csv", "codes", "csv" },
	{ FEED_LINK, "link.csv", "link", "csv" },
	{ FEED_INSTITUTION, "iryokikan.csv", "iryokikan", "csv" },
};

/* An upload taken apart: what the walks over its archive share. */
struct unpack {
	struct upload *u;
	char *doc; /* manifest.yaml as it came */
	size_t doc_n;
	struct manifest *m;
	bool *seen; /* per member */
	char *block;
	bool failed; /* the environment: disk full and the like */
};

/* ---- seal ---- */

/* The content, verified, in a file without a name; -1 refused, -2 failed. */
static int
open_seal(struct upload *u)
{
	struct intake *in = u->in;
	bool package = u->id.feed == FEED_PACKAGE;
	char path[SPOOL_PATH_MAX];
	struct seal_signer signer;
	int fd, r;

	spool_temp(path, in->root);
	fd = open(
	    path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || unlink(path) == -1) {
		intake_failed(u, "work");
		if (fd != -1)
			close(fd);
		return -2;
	}
	r = seal_open(u->name, u->fd, fd, package ? in->site : in->insurers,
	    in->open_key, in->run->now, &signer, &u->why.sink);
	if (r == 0 && strcmp(signer.subject_cn, u->sender->id) != 0)
		intake_fault(u, DIAG_SEAL_SIGNER, "");
	if (u->why.sink.counts[DIAG_IO] > 0)
		r = -2;
	else if (r == -1 || intake_refused(u))
		r = -1;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

/* ---- manifest ---- */

/* Reads the manifest and stops; drains what stands before it, so that the
 * limits of the archive count. */
static int
find_manifest(
    void *arg, const struct archive_member *m, struct archive_stream *s)
{
	struct unpack *p = arg;
	bool mine = slice_is(m->name, MANIFEST_NAME);
	int64_t n;

	while ((n = archive_read(s, p->block, COPY_SIZE)) > 0) {
		if (!mine)
			continue;
		if (p->doc_n + (size_t)n > MANIFEST_BYTES_MAX) {
			intake_fault(
			    p->u, DIAG_MANIFEST, "manifest.yaml is too large");
			return 1;
		}
		p->doc = text_realloc(p->doc, p->doc_n + (size_t)n + 1);
		memcpy(p->doc + p->doc_n, p->block, (size_t)n);
		p->doc_n += (size_t)n;
	}
	return mine;
}

static const struct allowed *
find_allowed(enum feed feed, const char *name)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (allowed[i].feed == feed &&
		    strcmp(allowed[i].name, name) == 0)
			return &allowed[i];
	return NULL;
}

static bool
ends_in(const char *name, const char *ext)
{
	size_t n = strlen(name), e = strlen(ext);

	return n > e && strcmp(name + n - e, ext) == 0;
}

/* STEM.KIND.seg of an upload of the intermediate side. */
static bool
is_segment(const char *name)
{
	const char *dot = strchr(name, '.');
	struct filename id;

	return dot != NULL &&
	    (strcmp(dot, ".period.seg") == 0 || strcmp(dot, ".pair.seg") == 0 ||
		strcmp(dot, ".rekey.seg") == 0) &&
	    filename_parse_stem(
		(struct slice) { name, (size_t)(dot - name) }, &id) == 0;
}

static bool
member_allowed(enum feed feed, const struct manifest_member *m)
{
	const struct allowed *a;

	if (feed == FEED_CRL)
		return ends_in(m->name, ".crl") &&
		    strcmp(m->layout, "crl") == 0 &&
		    strcmp(m->syntax, "der") == 0;
	if (feed == FEED_PACKAGE)
		return is_segment(m->name) && strcmp(m->syntax, "seg") == 0;
	a = find_allowed(feed, m->name);
	return a != NULL && strcmp(m->layout, a->layout) == 0 &&
	    strcmp(m->syntax, a->syntax) == 0;
}

/* What the manifest says may be in such an upload at all. */
static void
check_manifest(struct unpack *p)
{
	const struct filename *said = &p->m->id, *id = &p->u->id;
	bool many = id->feed == FEED_CRL || id->feed == FEED_PACKAGE;

	if (strcmp(said->sender, id->sender) != 0 || said->feed != id->feed ||
	    said->day != id->day || said->sequence != id->sequence)
		intake_fault(p->u, DIAG_MANIFEST,
		    "sender, feed, day and sequence are not those of the "
		    "file's name");
	if (!many && p->m->members > ARCHIVE_MEMBERS_MAX)
		intake_fault(p->u, DIAG_ARCHIVE_LIMIT, "too many members");
	else if (!many && p->m->members != (id->feed == FEED_NHI ? 2 : 1))
		intake_fault(p->u, DIAG_MANIFEST,
		    "not the number of members of this feed");
	for (int i = 0; i < p->m->members; i++)
		if (!member_allowed(id->feed, &p->m->member[i]))
			diag_file(&p->u->why.sink, DIAG_MANIFEST, p->u->name,
			    "members[%d] is not one of this feed (name, "
			    "layout, syntax)",
			    i);
}

static int
read_manifest(struct unpack *p, int fd)
{
	struct upload *u = p->u;
	int r = archive_each(u->name, fd, find_manifest, p, &u->why.sink);

	if (r == -1 || intake_refused(u))
		return -1;
	if (r == 0) {
		intake_fault(u, DIAG_MANIFEST, "there is no manifest.yaml");
		return -1;
	}
	p->m = manifest_read(
	    (struct slice) { p->doc, p->doc_n }, MANIFEST_NAME, &u->why.sink);
	if (p->m == NULL)
		return -1;
	check_manifest(p);
	p->seen = text_alloc((size_t)p->m->members * sizeof(*p->seen));
	return intake_refused(u) ? -1 : 0;
}

/* ---- members ---- */

/* The place of member i below the folder in work/. */
static void
member_path(const struct unpack *p, int i, char out[SPOOL_PATH_MAX])
{
	char path[SPOOL_PATH_MAX];

	spool_member(path, "", p->u->stem, i, p->m->member[i].syntax);
	spool_path(out, p->u->ready, "%s", strrchr(path, '/') + 1);
}

static int
create(const char *path)
{
	return open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
}

/* The member's bytes to fd, held to what the manifest says of them. 0; 1:
 * refused; -1 failed. */
static int
copy_member(struct unpack *p, const struct manifest_member *said,
    struct archive_stream *s, int fd)
{
	struct seal_hash *hash = seal_hash_new();
	unsigned char sum[32];
	char hex[65];
	int64_t n = 0, total = 0;
	int r = 0;

	while (r == 0 && (n = archive_read(s, p->block, COPY_SIZE)) != 0) {
		total += n > 0 ? n : 0;
		if (n == -1 || total > said->bytes) {
			r = 1;
		} else {
			seal_hash_add(hash, p->block, (size_t)n);
			r = text_write(
			    fd, (struct slice) { p->block, (size_t)n });
		}
	}
	seal_hash_end(hash, sum);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	if (r == -1)
		return intake_failed(p->u, "work");
	if (n == -1)
		return 1; /* said by the archive */
	if (total != said->bytes || (r == 0 && strcmp(hex, said->sha256) != 0))
		diag_file(&p->u->why.sink, DIAG_MANIFEST_DIFFERS, p->u->name,
		    "members[%d]: %s", (int)(said - p->m->member),
		    total != said->bytes ? "size" : "digest");
	return r;
}

static int
take_member(void *arg, const struct archive_member *m, struct archive_stream *s)
{
	struct unpack *p = arg;
	char path[SPOOL_PATH_MAX];
	int fd, i, r;

	if (slice_is(m->name, MANIFEST_NAME))
		return 0; /* read already; twice is a duplicate */
	for (i = 0; i < p->m->members; i++)
		if (slice_is(m->name, p->m->member[i].name))
			break;
	if (i == p->m->members) {
		intake_fault(p->u, DIAG_MANIFEST_DIFFERS,
		    "the archive holds what the manifest does not name");
		return 1;
	}
	if (p->seen[i]) {
		intake_fault(
		    p->u, DIAG_ARCHIVE_MEMBER, "a name is given twice");
		return 1;
	}
	p->seen[i] = true;
	member_path(p, i, path);
	fd = create(path);
	if (fd == -1) {
		intake_failed(p->u, "work");
		p->failed = true;
		return 1;
	}
	r = copy_member(p, &p->m->member[i], s, fd);
	if (r == 0 && fsync(fd) == -1)
		r = intake_failed(p->u, "work");
	if (close(fd) == -1 && r == 0)
		r = intake_failed(p->u, "work");
	p->failed = p->failed || r == -1;
	return r != 0;
}

static int
write_manifest(struct unpack *p)
{
	char path[SPOOL_PATH_MAX];
	int fd, r = -1;

	spool_path(path, p->u->ready, "%s", MANIFEST_NAME);
	fd = create(path);
	if (fd != -1 &&
	    text_write(fd, (struct slice) { p->doc, p->doc_n }) == 0 &&
	    fsync(fd) == 0)
		r = 0;
	if (fd != -1 && close(fd) == -1)
		r = -1;
	return r == 0 ? 0 : intake_failed(p->u, "work");
}

static int
sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd == -1 ? -1 : fsync(fd);

	if (fd != -1)
		close(fd);
	return r;
}

/* 1, 0, -1 as intake_unpack(). */
static int
unpack_members(struct unpack *p, int fd)
{
	struct upload *u = p->u;

	spool_temp(u->ready, u->in->root);
	if (mkdir(u->ready, 0750) == -1) {
		u->ready[0] = '\0';
		return intake_failed(u, "work");
	}
	if (lseek(fd, 0, SEEK_SET) == -1)
		return intake_failed(u, "work");
	archive_each(u->name, fd, take_member, p, &u->why.sink);
	if (p->failed)
		return -1;
	if (intake_refused(u))
		return 0;
	for (int i = 0; i < p->m->members; i++)
		if (!p->seen[i])
			diag_file(&u->why.sink, DIAG_MANIFEST_DIFFERS, u->name,
			    "members[%d] is not in the archive", i);
	if (intake_refused(u))
		return 0;
	if (write_manifest(p) == -1 || sync_folder(u->ready) == -1)
		return intake_failed(u, "work");
	return 1;
}

int
intake_unpack(struct upload *u)
{
	struct unpack p = { .u = u };
	int fd = open_seal(u), r;

	if (fd < 0)
		return fd == -2 ? -1 : 0;
	p.block = text_alloc(COPY_SIZE);
	if (lseek(fd, 0, SEEK_SET) == -1)
		r = intake_failed(u, "work");
	else if (read_manifest(&p, fd) == -1)
		r = 0;
	else
		r = unpack_members(&p, fd);
	close(fd);
	free(p.block);
	free(p.doc);
	free(p.m);
	free(p.seen);
	return r;
}
