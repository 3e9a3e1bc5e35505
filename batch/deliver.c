/*
 * The only program that touches both sides, and there only the two drop
 * boxes. Over: segments that wait on the intermediate side go, sealed, into
 * the qualification side's box as a link package. Back: reflection results go
 * into the out boxes of those who sent the records.
 *
 * A package is written as .part, entered in the books as READY together with
 * the segments it carries, renamed, and entered as DELIVERED. Whatever stops
 * the run in between, the next one goes on from what the books say.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/holds.h"
#include "batch/ledger.h"
#include "batch/publish.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/codec/archive.h"
#include "formats/codec/day.h"
#include "formats/limits.h"
#include "formats/manifest.h"
#include "formats/segment.h"

#define PACKAGE_SENDER "IM000001" /* 中間サーバー, in the table of senders */
#define PACKAGE_BYTES (INT64_C(1) << 30) /* half of UPLOAD_BYTES_MAX */
#define PACKAGE_SEGMENTS 2000 /* under PACKAGE_MEMBERS_MAX */

struct deliver {
	struct run run;
	struct diag_sink *sink;
	struct ledger *ledger; /* of the intermediate side */
	const char *from, *to; /* the two roots */
	struct seal_key *key;
	struct ledger_segment *waiting;
	size_t n;
	int64_t packages, results;
};

static int
io(struct deliver *d, const char *what)
{
	diag_file(d->sink, DIAG_IO, what, "%s", strerror(errno));
	run_worst(&d->run, EXIT_TEMPORARY);
	return -1;
}

static int
keep_waiting(void *arg, const struct ledger_segment *s)
{
	struct deliver *d = arg;

	if ((d->n & (d->n + 1)) == 0)
		d->waiting = text_realloc(
		    d->waiting, (2 * d->n + 2) * sizeof(*d->waiting));
	d->waiting[d->n++] = *s;
	return 0;
}

/* What a segment's row says as its package: the day and number of it. */
static int64_t
package_number(const struct filename *id)
{
	char day[9];

	day_format(id->day, day);
	return slice_number(slice_of(day)) * 10000 + id->sequence;
}

static void
box_path(const struct deliver *d, char out[SPOOL_PATH_MAX])
{
	spool_path(out, d->to, "box/%s/in", PACKAGE_SENDER);
}

/* ---- one package ---- */

static int
add_file(struct archive_out *zip, const char *name, int fd, int64_t size)
{
	char p[1 << 16];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) == -1 ||
	    archive_begin(zip, name, size) == -1)
		return -1;
	while ((n = read(fd, p, sizeof(p))) > 0)
		if (archive_add(zip, p, (size_t)n) == -1)
			return -1;
	return n == -1 ? -1 : 0;
}

/* What goes over is what the books know: a package refused on the other side
 * would hold up all after it. */
static int
prove_segment(struct deliver *d, const struct ledger_segment *s)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, d->from, "segments/%s", s->name);
	struct segment *seg = segment_open(path, s->name, true, d->sink);
	bool known =
	    seg != NULL && strcmp(segment_head(seg)->digest, s->digest) == 0;

	if (seg != NULL && !known)
		diag_file(d->sink, DIAG_SEGMENT_BROKEN, s->name, "%s",
		    "not the one the ledger knows");
	segment_close(seg);
	if (!known)
		run_worst(&d->run, EXIT_INTEGRITY);
	return known ? 0 : -1;
}

static int
add_segment(struct deliver *d, struct archive_out *zip,
    const struct ledger_segment *s, struct manifest_member *m)
{
	char path[SPOOL_PATH_MAX];
	struct stat st;
	int fd, rc = -1;

	spool_path(path, d->from, "segments/%s", s->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1 ||
	    seal_digest_fd(fd, m->sha256) == -1 ||
	    add_file(zip, s->name, fd, st.st_size) == -1)
		goto out;
	snprintf(m->name, sizeof(m->name), "%s", s->name);
	memcpy(m->layout, "segment", 8);
	memcpy(m->syntax, "seg", 4);
	m->bytes = st.st_size;
	m->records = s->rows;
	rc = 0;
out:
	if (rc == -1)
		io(d, path);
	if (fd != -1)
		close(fd);
	return rc;
}

static int
add_manifest(struct archive_out *zip, const struct manifest *m)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int rc;

	if (f == NULL)
		return -1;
	manifest_write(m, f);
	rc = fclose(f) == 0 &&
		archive_begin(zip, "manifest.yaml", (int64_t)n) == 0 &&
		archive_add(zip, text, n) == 0 ?
	    0 :
	    -1;
	free(text);
	return rc;
}

/* The zip of some segments at fd. */
static int
make_zip(struct deliver *d, const struct filename *id,
    const struct ledger_segment *s, size_t n, int fd)
{
	struct manifest *m = manifest_new((int)n);
	struct archive_out *zip = archive_create(fd, true);
	int rc = zip == NULL ? io(d, "package") : 0;

	m->id = *id;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_segment(d, zip, &s[i], &m->member[i]);
	if (rc == 0 && add_manifest(zip, m) == -1)
		rc = io(d, "package");
	if (zip != NULL && archive_finish(zip) == -1 && rc == 0)
		rc = io(d, "package");
	free(m);
	return rc;
}

/* The name is on the disk too: the books will say that it is there. */
static int
sync_box(const struct deliver *d)
{
	char box[SPOOL_PATH_MAX];
	int fd, r;

	box_path(d, box);
	fd = open(box, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd == -1 ? -1 : fsync(fd);
	if (fd != -1)
		close(fd);
	return r;
}

/* Sealed, as .part in the other side's box, on the disk. */
static int
make_part(struct deliver *d, const struct filename *id,
    const struct ledger_segment *s, size_t n, const char *part,
    struct ledger_file *row)
{
	struct publish zip;
	struct stat st;
	int out = -1, rc = -1;

	if (publish_open(&zip, d->from) == -1)
		return io(d, d->from);
	if (make_zip(d, id, s, n, fileno(zip.f)) == -1)
		goto out;
	out = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (out == -1 || lseek(fileno(zip.f), 0, SEEK_SET) == -1) {
		io(d, part);
		goto out;
	}
	/* the business day's evening, so that only the signature differs
	 * when the same package is made again */
	if (seal_make(part, fileno(zip.f), out, d->key, NULL,
		day_moment(id->day, INT64_C(21) * 3600 * 1000),
		d->sink) == -1) {
		run_worst(&d->run, EXIT_CONFIG);
		goto out;
	}
	if (fsync(out) == -1 || sync_box(d) == -1 || fstat(out, &st) == -1 ||
	    lseek(out, 0, SEEK_SET) == -1 ||
	    seal_digest_fd(out, row->sha256) == -1) {
		io(d, part);
		goto out;
	}
	row->bytes = st.st_size;
	rc = 0;
out:
	if (out != -1)
		close(out);
	publish_abandon(&zip);
	return rc;
}

/* The uploads whose segments left are a step further. */
static int
mark_upload(struct deliver *d, const struct filename *id)
{
	struct ledger_file f;
	int found = ledger_file_get(d->ledger, id, &f);

	if (found != 1 || f.state != FILE_INGESTED)
		return found == -1 ? -1 : 0;
	f.state = FILE_DELIVERED;
	return ledger_file_put(d->ledger, &f);
}

static int
enter(struct deliver *d, const struct ledger_file *row,
    struct ledger_segment *s, size_t n)
{
	if (ledger_begin(d->ledger) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		s[i].generation = package_number(&row->id);
		if (ledger_segment_put(d->ledger, &s[i]) == -1 ||
		    mark_upload(d, &s[i].id) == -1)
			goto fail;
	}
	if (ledger_file_put(d->ledger, row) == -1)
		goto fail;
	return ledger_commit(d->ledger);
fail:
	ledger_rollback(d->ledger);
	return -1;
}

/* READY -> handed over. The .part may have been renamed by a run that was
 * killed just then. */
static int
hand_over(struct deliver *d, const struct ledger_file *row)
{
	char box[SPOOL_PATH_MAX], part[SPOOL_PATH_MAX], name[64];
	struct ledger_file done = *row;

	filename_format(&row->id, ".zip.p7m", name);
	box_path(d, box);
	spool_path(part, box, "%s.part", name);
	if (access(part, F_OK) == 0 && publish_rename(part, box, name) == -1)
		return io(d, part);
	done.state = FILE_DELIVERED;
	d->packages++;
	return ledger_file_put(d->ledger, &done);
}

static int
hand_over_each(void *arg, const struct ledger_file *f)
{
	struct deliver *d = arg;

	return f->id.feed == FEED_PACKAGE ? hand_over(d, f) : 0;
}

/* Never of a day before the last package's: the other side would refuse it,
 * and with it changes that are entered here as gone. */
static int
next_name(struct deliver *d, struct filename *id)
{
	int32_t day = d->run.day;
	int sequence = 0;

	memset(id, 0, sizeof(*id));
	memcpy(id->sender, PACKAGE_SENDER, sizeof(PACKAGE_SENDER));
	id->feed = FEED_PACKAGE;
	if (ledger_sequence(
		d->ledger, PACKAGE_SENDER, FEED_PACKAGE, &day, &sequence) == -1)
		return -1;
	id->day = day > d->run.day ? day : d->run.day;
	id->sequence = sequence % 9999 + 1;
	return 0;
}

static int
deliver_package(struct deliver *d, struct ledger_segment *s, size_t n)
{
	struct ledger_file row = { .state = FILE_READY, .arrived = d->run.now };
	char box[SPOOL_PATH_MAX], part[SPOOL_PATH_MAX], name[64];

	if (next_name(d, &row.id) == -1)
		return -1;
	filename_format(&row.id, ".zip.p7m", name);
	box_path(d, box);
	spool_path(part, box, "%s.part", name);
	for (size_t i = 0; i < n; i++) {
		if (prove_segment(d, &s[i]) == -1)
			return -1;
		row.read += s[i].rows;
	}
	row.accepted = row.read;
	d->run.read += row.read;
	d->run.accepted += row.read;
	d->run.files += (int64_t)n;
	if (d->run.dry)
		return 0;
	if (publish_make_dir(box) == -1)
		return io(d, box);
	if (make_part(d, &row.id, s, n, part, &row) == -1 ||
	    enter(d, &row, s, n) == -1)
		return -1;
	return hand_over(d, &row);
}

static int64_t
segment_bytes(const struct deliver *d, const struct ledger_segment *s)
{
	char path[SPOOL_PATH_MAX];
	struct stat st;

	spool_path(path, d->from, "segments/%s", s->name);
	return stat(path, &st) == -1 ? 0 : st.st_size;
}

static int
deliver_segments(struct deliver *d)
{
	size_t at = 0;

	if ((!d->run.dry &&
		ledger_each(d->ledger, FILE_READY, hand_over_each, d) != 0) ||
	    ledger_segments(d->ledger, 0, keep_waiting, d) == -1)
		return -1;
	while (at < d->n && !run_stopped()) {
		int64_t bytes = 0;
		size_t n = 0;

		while (at + n < d->n && n < PACKAGE_SEGMENTS &&
		    (n == 0 || bytes < PACKAGE_BYTES))
			bytes += segment_bytes(d, &d->waiting[at + n++]);
		if (deliver_package(d, d->waiting + at, n) == -1)
			return -1;
		at += n;
		run_progress(&d->run, "packages", (int64_t)at, (int64_t)d->n);
	}
	if (at < d->n)
		run_worst(&d->run, EXIT_STOPPED);
	return 0;
}

/* ---- back ---- */

/* name: in the sender's out box */
static int
copy_result(
    struct deliver *d, const char *path, const char *sender, const char *name)
{
	char out[SPOOL_PATH_MAX], p[1 << 14];
	struct publish to;
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return io(d, path);
	spool_path(out, d->from, "box/%s/out", sender);
	if (publish_make_dir(out) == -1 || publish_open(&to, d->from) == -1) {
		fclose(f);
		return io(d, out);
	}
	while ((n = fread(p, 1, sizeof(p), f)) > 0)
		fwrite(p, 1, n, to.f);
	if (ferror(f)) {
		publish_abandon(&to);
		fclose(f);
		return io(d, path);
	}
	fclose(f);
	return publish_commit(&to, out, name) == -1 ? io(d, out) : 0;
}

/* STEM.csv of a generation to its sender, if it is one of this side. */
static int
take_result(
    struct deliver *d, const char *dir, const char *file, int64_t generation)
{
	struct slice stem = { file, strlen(file) };
	struct ledger_file row;
	struct filename id;
	char path[SPOOL_PATH_MAX], name[96];
	int found;

	if (stem.n <= 4)
		return 0;
	stem.n -= 4; /* .csv */
	if (filename_parse_stem(stem, &id) == -1)
		return 0;
	if ((found = ledger_file_get(d->ledger, &id, &row)) != 1)
		return found;
	/* later: what became of records that were on hold */
	bool later =
	    row.state == FILE_REFLECTED && row.generation != generation;
	if (later)
		snprintf(name, sizeof(name), "%.*s.reflection-g%06lld.csv",
		    (int)stem.n, stem.p, (long long)generation);
	else
		snprintf(name, sizeof(name), "%.*s.reflection.csv", (int)stem.n,
		    stem.p);
	d->results++;
	if (d->run.dry)
		return 0;
	spool_path(path, dir, "%s", file);
	if (copy_result(d, path, id.sender, name) == -1)
		return -1;
	row.state = FILE_REFLECTED;
	row.generation = generation;
	return ledger_file_put(d->ledger, &row);
}

/* gNNNNNN: a folder appears only once its generation is in force. */
static int
take_generation(struct deliver *d, const char *name)
{
	char dir[SPOOL_PATH_MAX], mark[64], seen[SPOOL_PATH_MAX];
	struct spool_names files;
	struct publish p;
	int64_t g = slice_number(slice_of(name + 1));
	int rc = 0;

	snprintf(mark, sizeof(mark), "reflection-%.40s.taken", name);
	spool_path(seen, d->from, "package/%s", mark);
	if (access(seen, F_OK) == 0)
		return 0;
	spool_path(dir, d->to, "reflection/%s", name);
	if (spool_list(dir, &files) == -1)
		return io(d, dir);
	for (size_t i = 0; i < files.n && rc == 0; i++)
		rc = take_result(d, dir, files.v[i], g);
	spool_free(&files);
	if (rc == 0 && !d->run.dry)
		rc = counts_enter(d->ledger, dir, g, true, d->sink);
	if (rc == -1 || d->run.dry)
		return rc;
	spool_path(dir, d->from, "package");
	if (publish_make_dir(dir) == -1 || publish_open(&p, d->from) == -1 ||
	    publish_commit(&p, dir, mark) == -1)
		return io(d, dir);
	return 0;
}

static int
take_results(struct deliver *d)
{
	char dir[SPOOL_PATH_MAX];
	struct spool_names names;
	int rc = 0;

	spool_path(dir, d->to, "reflection");
	if (spool_dirs(dir, &names) == -1)
		return errno == ENOENT ? 0 : io(d, dir);
	for (size_t i = 0; i < names.n && rc == 0; i++)
		if (names.v[i][0] == 'g')
			rc = take_generation(d, names.v[i]);
	spool_free(&names);
	return rc;
}

static void
deliver(struct deliver *d)
{
	const struct config *c = d->run.config;

	d->from = c->intermediate_root;
	d->to = c->qualification_root;
	if (*d->from == '\0' || *d->to == '\0') {
		diag_file(d->sink, DIAG_CONFIG, d->run.config_path,
		    "deliver needs intermediate.root and qualification.root");
		run_worst(&d->run, EXIT_CONFIG);
		return;
	}
	if (run_lock(&d->run, d->from) == -1)
		return;
	d->key = seal_key_open(c->deliver_key, c->deliver_cert, d->sink);
	if (d->key == NULL) {
		run_worst(&d->run, EXIT_CONFIG);
		return;
	}
	d->ledger = ledger_open(d->from, d->sink);
	if (d->ledger == NULL || deliver_segments(d) == -1 ||
	    take_results(d) == -1) {
		run_worst(&d->run, EXIT_TEMPORARY);
		return;
	}
	run_note(&d->run, "packages", d->packages);
	run_note(&d->run, "results", d->results);
	if (d->n == 0 && d->packages == 0 && d->results == 0)
		run_worst(&d->run, EXIT_NOTHING);
}

int
main(int argc, char **argv)
{
	struct deliver d = { 0 };

	if (run_begin(&d.run, "deliver", argc, argv, NULL) == -1)
		return run_end(&d.run);
	d.sink = &d.run.log.sink;
	deliver(&d);
	free(d.waiting);
	seal_key_free(d.key);
	ledger_close(d.ledger);
	return run_end(&d.run);
}
