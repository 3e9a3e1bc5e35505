/*
 * Archives by libarchive, read member by member under the limits of
 * formats/limits.h; zip and tar only, so that no other decoder is reachable.
 */
#include "formats/codec/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/limits.h"

#define ARCHIVE_BLOCK (64 << 10)
/* unpacked bytes before the ratio counts */
#define RATIO_FREE (INT64_C(16) << 20)
#define WALK_MEMBERS_MAX 2048 /* a CRL delivery set; intake narrows it */

struct archive_stream {
	struct archive *a;
	const char *name; /* of the archive, for diagnostics */
	struct diag_sink *sink;
	int64_t packed; /* size of the archive file */
	int64_t unpacked; /* over all members so far */
	bool broken;
};

static void
refuse(struct archive_stream *s, enum diag_code code, const char *detail)
{
	s->broken = true;
	diag_file(s->sink, code, s->name, "%s", detail);
}

/* Names are data, never paths; what cannot be one of ours is refused. */
static bool
is_allowed_name(struct slice n)
{
	if (n.n == 0 || n.n > ARCHIVE_NAME_MAX || n.p[0] == '.')
		return false;
	for (size_t i = 0; i < n.n; i++) {
		char c = n.p[i];
		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= 'a' && c <= 'z') && c != '_' && c != '-' && c != '.')
			return false;
	}
	return true;
}

int64_t
archive_read(struct archive_stream *s, void *p, size_t n)
{
	la_ssize_t got = archive_read_data(s->a, p, n);

	if (s->broken)
		return -1;
	if (got < 0) {
		refuse(s, DIAG_ARCHIVE_BROKEN, "a member cannot be unpacked");
		return -1;
	}
	s->unpacked += got;
	if (s->unpacked > ARCHIVE_BYTES_MAX) {
		refuse(s, DIAG_ARCHIVE_LIMIT, "members are too large together");
		return -1;
	}
	if (s->unpacked > RATIO_FREE &&
	    s->unpacked / ARCHIVE_RATIO_MAX > s->packed) {
		refuse(s, DIAG_ARCHIVE_LIMIT, "unpacks to too much");
		return -1;
	}
	return got;
}

/* Plain file, nothing else: no link, device, folder, sparse or sealed one. */
static bool
is_plain(struct archive_entry *e)
{
	return archive_entry_filetype(e) == AE_IFREG &&
	    archive_entry_hardlink(e) == NULL &&
	    archive_entry_symlink(e) == NULL &&
	    archive_entry_sparse_count(e) == 0 &&
	    !archive_entry_is_encrypted(e);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
has_duplicate(char **names, int n)
{
	qsort(names, (size_t)n, sizeof(*names), compare_names);
	for (int i = 1; i < n; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return true;
	return false;
}

static struct archive *
open_reader(int fd)
{
	struct archive *a = archive_read_new();

	if (a == NULL)
		return NULL;
	archive_read_support_format_zip_seekable(a);
	archive_read_support_format_tar(a);
	archive_read_support_filter_none(a);
	archive_read_support_filter_zstd(a);
	if (archive_read_open_fd(a, fd, ARCHIVE_BLOCK) != ARCHIVE_OK) {
		archive_read_free(a);
		return NULL;
	}
	return a;
}

/* One member: 0 go on, 1 each() stopped, -1 refused. */
static int
walk_member(struct archive_stream *s, struct archive_entry *e,
    int (*each)(
	void *arg, const struct archive_member *m, struct archive_stream *st),
    void *arg, char **name)
{
	const char *raw = archive_entry_pathname(e);
	struct archive_member m;
	int stopped;

	m.name = slice_of(raw == NULL ? "" : raw);
	m.size = archive_entry_size_is_set(e) ? archive_entry_size(e) : -1;
	if (!is_plain(e) || !is_allowed_name(m.name)) {
		refuse(s, DIAG_ARCHIVE_MEMBER,
		    "only plain files named with letters, digits, _ - .");
		return -1;
	}
	*name = text_dup(m.name);
	stopped = each(arg, &m, s);
	if (s->broken)
		return -1;
	return stopped != 0;
}

int
archive_each(const char *name, int fd,
    int (*each)(
	void *arg, const struct archive_member *m, struct archive_stream *s),
    void *arg, struct diag_sink *sink)
{
	struct archive_stream s = { .name = name, .sink = sink };
	struct archive_entry *e;
	struct stat st;
	char **names = text_alloc(WALK_MEMBERS_MAX * sizeof(*names));
	int n = 0, got, rc = -1;

	if (fstat(fd, &st) == -1 || (s.a = open_reader(fd)) == NULL) {
		refuse(&s, DIAG_ARCHIVE_BROKEN, "neither zip nor tar");
		goto out;
	}
	s.packed = st.st_size;
	while ((got = archive_read_next_header(s.a, &e)) == ARCHIVE_OK) {
		if (n == WALK_MEMBERS_MAX) {
			refuse(&s, DIAG_ARCHIVE_LIMIT, "too many members");
			rc = -1;
			goto out;
		}
		if ((rc = walk_member(&s, e, each, arg, &names[n])) != 0)
			goto out;
		n++;
	}
	rc = -1;
	if (got != ARCHIVE_EOF)
		refuse(&s, DIAG_ARCHIVE_BROKEN, "the list of members is cut");
	else if (n == 0)
		refuse(&s, DIAG_ARCHIVE_BROKEN, "it is empty");
	else if (has_duplicate(names, n))
		refuse(&s, DIAG_ARCHIVE_MEMBER, "a name is given twice");
	else
		rc = 0;
out:
	for (int i = 0; i < WALK_MEMBERS_MAX && names[i] != NULL; i++)
		free(names[i]);
	free(names);
	archive_read_free(s.a);
	return rc;
}

/* ---- writing ---- */

struct archive_out {
	struct archive *a;
	struct archive_entry *e;
	int fd;
};

struct archive_out *
archive_create(int fd, bool store)
{
	struct archive_out *o = text_alloc(sizeof(*o));

	o->fd = fd;
	o->a = archive_write_new();
	o->e = archive_entry_new();
	if (o->a == NULL || o->e == NULL ||
	    archive_write_set_format_zip(o->a) != ARCHIVE_OK ||
	    (store ? archive_write_zip_set_compression_store(o->a) :
		     archive_write_zip_set_compression_deflate(o->a)) !=
		ARCHIVE_OK ||
	    archive_write_open_fd(o->a, fd) != ARCHIVE_OK) {
		archive_entry_free(o->e);
		archive_write_free(o->a);
		free(o);
		return NULL;
	}
	return o;
}

int
archive_begin(struct archive_out *o, const char *name, int64_t size)
{
	archive_entry_clear(o->e);
	archive_entry_set_pathname(o->e, name);
	archive_entry_set_filetype(o->e, AE_IFREG);
	archive_entry_set_perm(o->e, 0640);
	archive_entry_set_size(o->e, size);
	/* 1980-01-01 00:00 UTC, the first a zip can hold: same input, same
	 * bytes, whatever the clock and the time zone */
	archive_entry_set_mtime(o->e, 315532800, 0);
	return archive_write_header(o->a, o->e) == ARCHIVE_OK ? 0 : -1;
}

int
archive_add(struct archive_out *o, const void *p, size_t n)
{
	return archive_write_data(o->a, p, n) == (la_ssize_t)n ? 0 : -1;
}

int
archive_finish(struct archive_out *o)
{
	int rc = archive_write_close(o->a) == ARCHIVE_OK ? 0 : -1;

	archive_entry_free(o->e);
	archive_write_free(o->a);
	free(o);
	return rc;
}
