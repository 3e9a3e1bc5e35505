/*
 * shikaku-pack: record files -> the sealed package a sender uploads. Sender,
 * feed, day and sequence are what the files' own headers say; counts and
 * totals are what their trailers say, after a reading by the receiver's rules.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/identify.h"
#include "batch/lenient.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/codec/archive.h"
#include "formats/codec/seal.h"
#include "formats/limits.h"
#include "formats/manifest.h"
#include "formats/qualification.h"

#define TOTAL_MODULUS INT64_C(1000000000000000)
#define COPY_SIZE ((size_t)64 << 10)

enum { KEY = 256, CERT, RECEIVER, TO, AGREED, FULL };
static const struct run_long longs[] = {
	{ "key", KEY, true },
	{ "cert", CERT, true },
	{ "for", RECEIVER, true },
	{ "to", TO, true },
	{ "agreed", AGREED, true },
	{ "full", FULL, false },
	{ NULL, 0, false },
};

struct pack {
	struct run *run;
	struct diag_sink *sink;
	struct identify_options told;
	const char *key, *cert, *receiver, *to;
	bool full; /* 全件 */
	struct manifest *m;
	char stem[64], part[SPOOL_PATH_MAX + 8], path[SPOOL_PATH_MAX];
};

static int
option(void *arg, int letter, const char *value)
{
	struct pack *p = arg;

	switch (letter) {
	case 'f':
		p->told.layout = value;
		return 0;
	case 's':
		p->told.syntax = value;
		return 0;
	case 'e':
		p->told.charset = value;
		return 0;
	case KEY:
		p->key = value;
		return 0;
	case CERT:
		p->cert = value;
		return 0;
	case RECEIVER:
		p->receiver = value;
		return 0;
	case TO:
		p->to = value;
		return 0;
	case FULL:
		p->full = true;
		return 0;
	case AGREED:
		p->told.agreed |= lenient_named(value);
		return lenient_named(value) != 0 ? 0 : -1;
	}
	return -1;
}

static int
failed(struct pack *p, const char *what)
{
	diag_file(p->sink, DIAG_IO, what, "%s", strerror(errno));
	run_worst(p->run, EXIT_TEMPORARY);
	return -1;
}

/* What a header says of the upload; the same in every block of every file. */
static int
take_header(struct pack *p, const char *path, const struct record *h)
{
	struct filename id = { .day = (int32_t)h->v[FH_DAY].n,
		.sequence = (int)h->v[FH_SEQUENCE].n };
	int feed = feed_find(h->v[FH_FEED].s);

	snprintf(id.sender, sizeof(id.sender), "%.*s", (int)h->v[FH_SENDER].s.n,
	    h->v[FH_SENDER].s.p);
	if (feed < 0 || feed == FEED_CRL || feed == FEED_PACKAGE) {
		diag_file(
		    p->sink, DIAG_HEADER, path, "Feed is none of record files");
		return -1;
	}
	id.feed = (enum feed)feed;
	if (p->m->id.sequence == 0) {
		p->m->id = id;
		return 0;
	}
	if (strcmp(p->m->id.sender, id.sender) == 0 &&
	    p->m->id.feed == id.feed && p->m->id.day == id.day &&
	    p->m->id.sequence == id.sequence)
		return 0;
	diag_file(p->sink, DIAG_HEADER, path,
	    "sender, feed, day and sequence differ from the header before");
	return -1;
}

/* Reads the file to its end: counts and total into m. -1: the receiver would
 * refuse it as a whole. */
static int
read_records(struct pack *p, const char *path, struct record_source *src,
    struct manifest_member *m)
{
	struct record_reader *reader = record_open(src);
	enum record_result r = RECORD_OK;
	const struct record *h;
	int64_t header = 0, trailer = 0;
	struct record rec;
	int ok = 0;

	while (ok == 0 && r <= RECORD_REFUSED && !run_stopped()) {
		const struct record *t;

		r = record_next(reader, &rec);
		h = record_header(reader);
		t = record_trailer(reader);
		if (h != NULL && h->line != header) {
			header = h->line;
			ok = take_header(p, path, h);
		}
		if (t == NULL || t->line == trailer)
			continue;
		trailer = t->line;
		m->total = (m->total + t->v[FT_TOTAL].n) % TOTAL_MODULUS;
	}
	m->records = record_count(reader).read;
	p->run->read += m->records;
	p->run->accepted += record_count(reader).accepted;
	p->run->refused += m->records - record_count(reader).accepted;
	if (record_count(reader).refused > 0)
		run_worst(p->run, EXIT_RECORDS);
	record_close(reader);
	return ok == 0 && r == RECORD_END ? 0 : -1;
}

/* identify_records() leaves that open; a manifest is exact. */
static bool
has_bom(int fd)
{
	char b[3];

	return pread(fd, b, 3, 0) == 3 && memcmp(b, "\xef\xbb\xbf", 3) == 0;
}

static int
take_member(struct pack *p, const char *path, struct manifest_member *m)
{
	static const char *const ends[] = { "csv", "txt", "xml" };
	struct record_source src = { .today = p->run->day, .sink = p->sink };
	const char *slash = strrchr(path, '/');
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = -1;
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1) {
		diag_file(p->sink, DIAG_IO, path, "%s", strerror(errno));
		goto out;
	}
	src.name = slash == NULL ? path : slash + 1;
	src.fd = fd;
	if (identify_records(path, fd, &p->told, &src, p->sink) == -1)
		goto out;
	if (src.layout->bare) {
		diag_file(p->sink, DIAG_NOT_OURS, path,
		    "%s is no file to be uploaded", src.layout->name);
		goto out;
	}
	snprintf(m->name, sizeof(m->name), "%s.%s", src.layout->name,
	    ends[src.syntax]);
	snprintf(m->layout, sizeof(m->layout), "%s", src.layout->name);
	snprintf(m->syntax, sizeof(m->syntax), "%s", syntax_names[src.syntax]);
	if (src.charset == CHARSET_UTF8_BOM && !has_bom(fd))
		src.charset = CHARSET_UTF8;
	snprintf(
	    m->charset, sizeof(m->charset), "%s", charset_names[src.charset]);
	m->bytes = st.st_size;
	if (read_records(p, path, &src, m) == -1)
		goto out;
	if (lseek(fd, 0, SEEK_SET) == -1 || seal_digest_fd(fd, m->sha256) == -1)
		diag_file(p->sink, DIAG_IO, path, "%s", strerror(errno));
	else
		r = 0;
out:
	if (r == -1)
		run_worst(p->run, EXIT_INPUT);
	if (fd != -1)
		close(fd);
	return r;
}

static int
add_file(struct archive_out *a, const char *path)
{
	char block[COPY_SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = fd == -1 ? -1 : 0;
	ssize_t n = 0;

	while (r == 0 && (n = read(fd, block, sizeof(block))) > 0)
		r = archive_add(a, block, (size_t)n);
	if (fd != -1)
		close(fd);
	return r == 0 && n == 0 ? 0 : -1;
}

/* Manifest and members into fd. */
static int
make_zip(struct pack *p, int fd)
{
	struct archive_out *a = archive_create(fd, false);
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int r = -1;

	if (a == NULL || f == NULL)
		goto out;
	manifest_write(p->m, f);
	fclose(f);
	f = NULL;
	r = archive_begin(a, "manifest.yaml", (int64_t)n);
	if (r == 0)
		r = archive_add(a, text, n);
	for (int i = 0; r == 0 && i < p->m->members; i++) {
		r = archive_begin(
		    a, p->m->member[i].name, p->m->member[i].bytes);
		if (r == 0)
			r = add_file(a, p->run->argv[i]);
	}
out:
	if (f != NULL)
		fclose(f);
	if (a != NULL && archive_finish(a) == -1)
		r = -1;
	free(text);
	return r;
}

/* The zip, sealed, under its name by a rename. */
static int
make_package(struct pack *p, const struct seal_key *key)
{
	int zip = open(p->to, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int out = open(p->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	int r = -1;

	if (zip == -1 || out == -1 || make_zip(p, zip) == -1 ||
	    lseek(zip, 0, SEEK_SET) == -1) {
		failed(p, p->part);
		goto out;
	}
	if (seal_make(p->stem, zip, out, key, p->receiver, p->run->now,
		p->sink) == -1) {
		run_worst(p->run, EXIT_INPUT);
		goto out;
	}
	if (fsync(out) == -1 || rename(p->part, p->path) == -1)
		failed(p, p->path);
	else
		r = 0;
out:
	if (zip != -1)
		close(zip);
	if (out != -1) {
		close(out);
		if (r == -1)
			unlink(p->part);
	}
	return r;
}

/* What intake would refuse the seal for, as far as the certificate itself
 * tells it: whose it is, and when. */
static bool
may_sign(struct pack *p)
{
	int64_t from, until;
	char name[128];

	if (seal_cert_name(p->cert, name, p->sink) == -1)
		return false;
	if (strcmp(name, p->m->id.sender) != 0) {
		diag_file(p->sink, DIAG_SEAL_SIGNER, p->cert,
		    "the certificate is of %s, the header says %s", name,
		    p->m->id.sender);
		return false;
	}
	if (chain_period(p->cert, &from, &until) == 0 &&
	    (p->run->now < from || p->run->now > until)) {
		diag_file(p->sink, DIAG_SEAL_EXPIRED, p->cert, "%s", "");
		return false;
	}
	return true;
}

static void
pack(struct pack *p)
{
	struct seal_key *key = NULL;
	struct stat st;
	int r = 0;

	for (int i = 0; i < p->run->argc; i++)
		r |= take_member(p, p->run->argv[i], &p->m->member[i]);
	for (int i = 1; r == 0 && i < p->m->members; i++)
		for (int k = 0; k < i; k++)
			if (strcmp(p->m->member[i].name,
				p->m->member[k].name) == 0) {
				diag_file(p->sink, DIAG_MANIFEST,
				    p->run->argv[i], "a second %s",
				    p->m->member[i].name);
				run_worst(p->run, EXIT_INPUT);
				r = -1;
			}
	if (r != 0 || run_stopped())
		return;
	filename_format(&p->m->id, "", p->stem);
	snprintf(p->path, sizeof(p->path), "%s/%s.zip.p7m", p->to, p->stem);
	snprintf(p->part, sizeof(p->part), "%s.part", p->path);
	if (lstat(p->path, &st) == 0) { /* a sequence is used once */
		diag_file(p->sink, DIAG_TARGET_THERE, p->path, "%s", "");
		run_worst(p->run, EXIT_INPUT);
		return;
	}
	key = seal_key_open(p->key, p->cert, p->sink);
	if (key == NULL)
		run_worst(p->run, EXIT_CONFIG);
	else if (!may_sign(p))
		run_worst(p->run, EXIT_INPUT);
	else if (!p->run->dry && make_package(p, key) == 0)
		printf("%s\n", p->path);
	seal_key_free(key);
}

int
main(int argc, char **argv)
{
	struct pack p = { .to = "." };
	struct run_options extra = {
		.operands = true,
		.no_config = true,
		.letters = "f:s:e:",
		.longs = longs,
		.option = option,
		.arg = &p,
		.usage =
		    "shikaku-pack --key KEY.pem --cert CERT.pem [--for CERT.pem] "
		    "[--to FOLDER]\n"
		    "           [-n] [-D YYYY-MM-DD] [-f LAYOUT] [-s SYNTAX] "
		    "[-e CHARSET]\n"
		    "           [--full] [--agreed LENIENCY]... FILE...\n"
		    "  --key, --cert  the sender's own, to sign with\n"
		    "  --for     the receiver's certificate: encrypt for it\n"
		    "  --to      where the package goes; default: here\n"
		    "  --full    the files are all there is of each insurer in "
		    "them (全件)\n"
		    "  --agreed  what the receiver has agreed to overlook "
		    "(shikaku-ingest(8))\n"
		    "  -n        read and check, write nothing\n"
		    "  -f LAYOUT, -s csv|fixed|xml, -e utf8|utf8-bom|cp932\n"
		    "            where name and bytes of a file do not say\n",
	};
	struct run run;

	if (run_begin(&run, "pack", argc, argv, &extra) == -1)
		return run_end(&run);
	p.run = &run;
	p.sink = &run.log.sink;
	if (run.argc == 0 || run.argc > ARCHIVE_MEMBERS_MAX - 1 ||
	    p.key == NULL || p.cert == NULL) {
		fputs("shikaku-pack: name --key, --cert and at least one FILE "
		      "(-h: help)\n",
		    stderr);
		run.silent = true;
		run_worst(&run, EXIT_BAD_USAGE);
		return run_end(&run);
	}
	p.m = manifest_new(run.argc);
	p.m->full = p.full;
	pack(&p);
	free(p.m);
	if (run_stopped())
		run_worst(&run, EXIT_STOPPED);
	return run_end(&run);
}
