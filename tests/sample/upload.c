/* From members to a sealed file in a box. */
#include "tests/sample/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/archive.h"
#include "formats/codec/seal.h"

/* Sealed in memory by OpenSSL up to here, by seal_make() beyond: so the
 * product opens what others made, and its own. */
#define MEMORY_MAX (4 << 20)

int
sample_failed(const char *what, const char *path)
{
	fprintf(
	    stderr, "shikaku-sample: %s %s: %s\n", what, path, strerror(errno));
	return -1;
}

int
sample_make_dirs(const char *path)
{
	char part[512];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return -1;
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0750) == -1 && errno != EEXIST)
			return sample_failed("cannot make", part);
	}
	return 0;
}

static bool
receipt_accepts(const char *path)
{
	char line[256];
	bool yes = false;
	FILE *f = fopen(path, "re");

	while (f != NULL && !yes && fgets(line, sizeof(line), f) != NULL)
		yes = strncmp(line, "result: ", 8) == 0 &&
		    strstr(line, "accepted") != NULL;
	if (f != NULL)
		fclose(f);
	return yes;
}

/* Whether a file of another day came under the number: sent by hand between
 * two deliveries of ours. A refused one did not use it up. */
static bool
taken(const struct upload *u, const char *root)
{
	char pattern[600], own[64], stem[64];
	bool yes = false;
	struct buf b;
	glob_t g;

	filename_format(&u->id, "", own);
	buf_init(&b, pattern, sizeof(pattern));
	buf_printf(&b, "%s/box/%s/out/%s_%s_????????_%04d.receipt.yaml", root,
	    u->id.sender, u->id.sender, feed_names[u->id.feed], u->id.sequence);
	if (glob(pattern, 0, NULL, &g) != 0)
		return false;
	for (size_t i = 0; i < g.gl_pathc && !yes; i++) {
		snprintf(stem, sizeof(stem), "%.*s", (int)strlen(own),
		    strrchr(g.gl_pathv[i], '/') + 1);
		yes = strcmp(stem, own) != 0 && receipt_accepts(g.gl_pathv[i]);
	}
	globfree(&g);
	return yes;
}

void
upload_open(struct upload *u, struct sample *s, const char *sender,
    enum feed feed, int sequence, int members)
{
	struct buf b;
	uint64_t h;

	memset(u, 0, sizeof(*u));
	u->s = s;
	buf_init(&b, u->id.sender, sizeof(u->id.sender));
	buf_puts(&b, sender);
	u->id.feed = feed;
	u->id.day = s->day;
	u->id.sequence = sequence;
	u->qualification = feed == FEED_LINK || feed == FEED_CRL ||
	    feed == FEED_INSTITUTION || feed == FEED_PACKAGE;
	while (s->k > 0 &&
	    taken(u,
		u->qualification ? s->config->qualification_root :
				   s->config->intermediate_root))
		u->id.sequence++;
	u->manifest = manifest_new(members);
	u->manifest->id = u->id;
	u->members = members;
	buf_init(&b, u->key, sizeof(u->key));
	buf_printf(&b, "%s/senders/%s.key", s->pki_dir, sender);
	buf_init(&b, u->cert, sizeof(u->cert));
	buf_printf(&b, "%s/senders/%s.pem", s->pki_dir, sender);
	h = country_hash(s->c, 77, (uint64_t)sequence);
	for (const char *p = sender; *p != '\0'; p++)
		h = country_hash(s->c, h, (unsigned char)*p);
	u->form = h % 10 == 0 ? SEAL_ENVELOPED :
	    h % 10 == 1	      ? SEAL_STREAMED :
				SEAL_DER;
}

void
upload_path(const struct upload *u, int i, char out[512])
{
	struct buf b;
	char stem[64];

	filename_format(&u->id, "", stem);
	buf_init(&b, out, 512);
	buf_printf(&b, "%s/%s.%d", u->s->work, stem, i);
}

int
upload_create(const struct upload *u, int i)
{
	char path[512];
	int fd;

	upload_path(u, i, path);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd == -1)
		sample_failed("cannot write", path);
	return fd;
}

static void
name_of(char *out, size_t size, const char *s)
{
	struct buf b;

	buf_init(&b, out, size);
	buf_puts(&b, s);
}

int
upload_member(struct upload *u, int i, const char *name, const char *layout,
    const char *syntax, const char *charset, int64_t records, int64_t total)
{
	struct manifest_member *m = &u->manifest->member[i];
	char path[512];
	struct stat st;
	int fd, r = -1;

	name_of(m->name, sizeof(m->name), name);
	name_of(m->layout, sizeof(m->layout), layout);
	name_of(m->syntax, sizeof(m->syntax), syntax);
	name_of(m->charset, sizeof(m->charset), charset);
	m->records = records;
	m->total = total;
	upload_path(u, i, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1 && fstat(fd, &st) == 0 &&
	    seal_digest_fd(fd, m->sha256) == 0) {
		m->bytes = st.st_size;
		r = 0;
	}
	if (fd != -1)
		close(fd);
	return r == 0 ? 0 : sample_failed("cannot read", path);
}

static int
add_file(struct archive_out *a, const char *path)
{
	char block[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	int r = fd == -1 ? -1 : 0;

	while (r == 0 && (n = read(fd, block, sizeof(block))) > 0)
		r = archive_add(a, block, (size_t)n);
	if (n != 0)
		r = sample_failed("cannot pack", path);
	if (fd != -1)
		close(fd);
	return r;
}

int
upload_zip(struct upload *u, const char *path)
{
	char *text = NULL, part[512];
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	struct archive_out *a = NULL;
	int r = -1;

	if (fd == -1 || f == NULL)
		goto out;
	manifest_write(u->manifest, f);
	fclose(f);
	f = NULL;
	a = archive_create(fd, u->id.feed == FEED_CRL);
	if (a == NULL || archive_begin(a, "manifest.yaml", (int64_t)n) == -1 ||
	    archive_add(a, text, n) == -1)
		goto out;
	r = 0;
	for (int i = 0; i < u->members && r == 0; i++) {
		const struct manifest_member *m = &u->manifest->member[i];

		upload_path(u, i, part);
		r = archive_begin(a, m->name, m->bytes);
		if (r == 0)
			r = add_file(a, part);
	}
out:
	if (a != NULL && archive_finish(a) == -1)
		r = -1;
	if (f != NULL)
		fclose(f);
	if (fd != -1)
		close(fd);
	free(text);
	return r == 0 ? 0 : sample_failed("cannot pack", path);
}

int
upload_seal(struct upload *u, const char *zip, const char *path)
{
	struct sample *s = u->s;
	int in = open(zip, O_RDONLY | O_CLOEXEC);
	int out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	struct seal_key *key = NULL;
	struct stat st;
	int r = -1;

	if (in == -1 || out == -1 || fstat(in, &st) == -1)
		goto out;
	/* opened in memory by the receiver: only small ones */
	if (u->form == SEAL_ENVELOPED && st.st_size > ENVELOPE_BYTES_MAX / 2)
		u->form = SEAL_DER;
	if (st.st_size > MEMORY_MAX && u->form != SEAL_STREAMED) {
		key = seal_key_open(u->key, u->cert, &s->log.sink);
		if (key != NULL)
			r = seal_make(u->id.sender, in, out, key,
			    u->form == SEAL_ENVELOPED ? s->config->open_cert :
							NULL,
			    s->now, &s->log.sink);
	} else {
		r = pki_seal(u->key, u->cert,
		    u->form == SEAL_ENVELOPED ? s->config->open_cert : NULL,
		    u->form == SEAL_STREAMED, zip, out);
	}
out:
	seal_key_free(key);
	if (in != -1)
		close(in);
	if (out != -1)
		close(out);
	return r == 0 ? 0 : sample_failed("cannot seal", path);
}

int
upload_put(
    struct upload *u, const char *path, const char *box, const char *name)
{
	const struct config *c = u->s->config;
	const char *root =
	    u->qualification ? c->qualification_root : c->intermediate_root;
	char dir[512], part[640], whole[640];
	struct stat st;
	struct buf b;

	buf_init(&b, dir, sizeof(dir));
	buf_printf(&b, "%s/box/%s/in", root, box);
	if (sample_make_dirs(dir) == -1)
		return -1;
	buf_init(&b, part, sizeof(part));
	buf_printf(&b, "%s/%s.part", dir, name);
	buf_init(&b, whole, sizeof(whole));
	buf_printf(&b, "%s/%s", dir, name);
	if (stat(path, &st) == -1 || rename(path, part) == -1 ||
	    rename(part, whole) == -1)
		return sample_failed("cannot put", whole);
	u->s->uploads++;
	u->s->bytes += st.st_size;
	return 0;
}

void
upload_clear(struct upload *u)
{
	char path[512];

	for (int i = -2; i < u->members; i++) {
		upload_path(u, i, path);
		unlink(path);
	}
	free(u->manifest);
	u->manifest = NULL;
}

int
upload_close(struct upload *u)
{
	char zip[512], sealed[512], name[64];
	int r;

	upload_path(u, -1, zip);
	upload_path(u, -2, sealed);
	filename_format(&u->id, ".zip.p7m", name);
	r = upload_zip(u, zip);
	if (r == 0)
		r = upload_seal(u, zip, sealed);
	if (r == 0)
		r = upload_put(u, sealed, u->id.sender, name);
	upload_clear(u);
	return r;
}
