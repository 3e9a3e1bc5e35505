/* Manifests, receipts, archives and sealed uploads. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/inspect.h"
#include "batch/spool.h"
#include "formats/codec/archive.h"
#include "formats/codec/day.h"
#include "formats/codec/seal.h"
#include "formats/limits.h"

/* Ours hold no private value: as they are, but for what a terminal obeys. */
static void
print_clean(const char *p, size_t n)
{
	const char *end = p + n;

	while (p < end) {
		const char *from = p;
		uint32_t u = text_next(&p, end);

		if (u == TEXT_BAD || (u < 0x20 && u != '\n') ||
		    (u >= 0x7f && u < 0xa0))
			putchar('?');
		else
			fwrite(from, 1, (size_t)(p - from), stdout);
	}
}

int
inspect_yaml(const struct inspect *i, const char *path)
{
	size_t n;
	char *doc = spool_slurp(path, CONFIG_BYTES_MAX, &n);

	if (doc == NULL) {
		diag_file(
		    &i->run->log.sink, DIAG_IO, path, "%s", strerror(errno));
		return -1;
	}
	printf("%s:\n", path);
	print_clean(doc, n);
	free(doc);
	return 0;
}

struct listing {
	int64_t members, bytes;
	bool broken;
};

static int
list_member(void *arg, const struct archive_member *m, struct archive_stream *s)
{
	struct listing *l = arg;
	struct seal_hash *h = seal_hash_new();
	unsigned char sha[32];
	char *b = text_alloc(65536), *doc = text_alloc(MANIFEST_BYTES_MAX + 1);
	int64_t n, total = 0;
	size_t kept = 0;
	bool manifest = slice_is(m->name, "manifest.yaml");

	while ((n = archive_read(s, b, 65536)) > 0) {
		seal_hash_add(h, b, (size_t)n);
		for (int64_t k = 0; manifest && k < n; k++)
			if (kept < MANIFEST_BYTES_MAX)
				doc[kept++] = b[k];
		total += n;
	}
	seal_hash_end(h, sha);
	l->members++;
	l->bytes += total;
	printf("  %.*s %lld bytes sha256 ", (int)m->name.n, m->name.p,
	    (long long)total);
	for (int k = 0; k < 32; k++)
		printf("%02x", sha[k]);
	printf("\n");
	print_clean(doc, kept);
	free(doc);
	free(b);
	l->broken = n < 0;
	return l->broken || run_stopped();
}

int
inspect_zip(const struct inspect *i, const char *path, int fd)
{
	struct listing l = { 0 };
	int r;

	printf("%s: archive\n", path);
	r = archive_each(path, fd, list_member, &l, &i->run->log.sink);
	printf("  members=%lld bytes=%lld\n", (long long)l.members,
	    (long long)l.bytes);
	return r == -1 || l.broken ? -1 : 0;
}

/* An unlinked file in $TMPDIR: what was sealed stays nowhere. */
static int
temp_file(const struct inspect *i)
{
	const char *dir = getenv("TMPDIR");
	int fd = open(
	    dir == NULL ? "/tmp" : dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd == -1)
		diag_file(&i->run->log.sink, DIAG_IO,
		    dir == NULL ? "/tmp" : dir, "%s", strerror(errno));
	return fd;
}

static bool
has_name(const char *path, const char *part)
{
	const char *slash = strrchr(path, '/');

	return strstr(slash == NULL ? path : slash, part) != NULL;
}

int
inspect_sealed(const struct inspect *i, const char *path, int fd)
{
	const struct config *c = i->run->config;
	struct diag_sink *sink = &i->run->log.sink;
	struct seal_signer signer;
	struct seal_key *key = NULL;
	struct chain *trust = NULL;
	char stamp[30] = "-";
	int out = -1, r = -1;

	if (c == NULL) {
		diag_file(sink, DIAG_NOT_OURS, path,
		    "sealed: name the site by -c, whose trust opens it");
		return -1;
	}
	/* link packages are signed by ourselves, uploads by their senders */
	bool ours = has_name(path, "_package_");
	const char *crl = ours ? c->site_crl : c->insurer_crl;
	trust = chain_open(ours ? c->site_ca : c->insurer_ca,
	    crl[0] == '\0' ? NULL : crl, sink);
	if (trust == NULL)
		goto out;
	if (c->open_key[0] != '\0' &&
	    (key = seal_key_open(c->open_key, c->open_cert, sink)) == NULL)
		goto out;
	out = temp_file(i);
	if (out == -1 ||
	    seal_open(path, fd, out, trust, key, i->run->now, &signer, sink) ==
		-1)
		goto out;
	if (signer.signing_time != 0)
		day_format_stamp(signer.signing_time, stamp);
	printf("%s: sealed\n  signer %s, certificate %s, signed %s\n", path,
	    signer.subject_cn, signer.serial, stamp);
	if (lseek(out, 0, SEEK_SET) == 0)
		r = inspect_zip(i, path, out);
out:
	if (out != -1)
		close(out);
	seal_key_free(key);
	chain_free(trust);
	return r;
}
