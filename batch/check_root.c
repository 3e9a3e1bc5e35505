/*
 * A root against its ledger (I2): every upload lies where its state says,
 * segments are whole and known, books balance, and the published set is signed
 * and what it says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/check.h"
#include "batch/ledger.h"
#include "batch/publish.h"
#include "batch/spool.h"
#include "formats/limits.h"
#include "formats/manifest.h"
#include "formats/segment.h"
#include "formats/snapshot.h"

struct rooted {
	struct run *run;
	const char *root;
	bool qualification;
	struct ledger *ledger;
	struct diag_sink *sink;
	int64_t problems;
	int64_t stopped; /* what the next run makes up */
};

static void
differs(struct rooted *r, const char *what, const char *why)
{
	r->problems++;
	diag_file(r->sink, DIAG_STATE_DIFFERS, what, "%s", why);
}

static bool
exists(const char *root, const char *folder, const char *name)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, root, "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

/* What a run that was killed left between two of its steps: the next one of
 * the program named makes it up, and nothing is lost (intake.h, ingest.h). */
static void
unfinished(struct rooted *r, const char *what, const char *program)
{
	r->stopped++;
	diag_file(r->sink, DIAG_UNFINISHED, what, "run shikaku-%s", program);
}

/* Still where its sender put it: intake takes it from there. */
static bool
in_box(const struct rooted *r, const struct filename *id)
{
	char folder[64], upload[64];

	snprintf(folder, sizeof(folder), "box/%s/in", id->sender);
	filename_format(id, ".zip.p7m", upload);
	return exists(r->root, folder, upload);
}

/* Who takes uploads of a feed out of ready/. */
static const char *
taker(enum feed feed)
{
	return feed == FEED_CODES ? "codes" :
	    feed == FEED_CRL	  ? "revoke" :
				    "ingest";
}

/* A package row on the intermediate side is our own work: nothing arrived. */
static bool
is_ours(const struct rooted *r, const struct filename *id)
{
	return !r->qualification && id->feed == FEED_PACKAGE;
}

static int
check_upload(void *arg, const struct ledger_file *f)
{
	struct rooted *r = arg;
	char stem[64], upload[80];

	filename_format(&f->id, "", stem);
	snprintf(upload, sizeof(upload), "%s.zip.p7m", stem);
	r->run->files++;
	r->run->files_refused += f->state == FILE_REFUSED;
	r->run->read += f->read;
	r->run->accepted += f->accepted;
	r->run->refused += f->refused;
	r->run->unchanged += f->unchanged;
	r->run->held += f->held;
	if (f->read != f->accepted + f->refused + f->unchanged + f->held) {
		r->problems++;
		diag_file(r->sink, DIAG_UNBALANCED, stem,
		    "read %lld, accepted %lld, refused %lld, unchanged %lld,"
		    " held %lld",
		    (long long)f->read, (long long)f->accepted,
		    (long long)f->refused, (long long)f->unchanged,
		    (long long)f->held);
	}
	if (f->state == FILE_ARRIVED || is_ours(r, &f->id))
		return 0;
	bool done = exists(r->root, "done", upload);
	if (f->state == FILE_REFUSED) {
		if (done || exists(r->root, "refused", upload))
			return 0;
		if (in_box(r, &f->id))
			unfinished(r, stem, "intake");
		else
			differs(r, stem,
			    "refused, but neither in done/ nor in refused/");
		return 0;
	}
	if (!done && in_box(r, &f->id))
		unfinished(r, stem, "intake");
	else if (!done)
		differs(r, stem, "accepted, but not in done/");
	if ((f->state == FILE_READY || f->state == FILE_HELD) &&
	    !exists(r->root, "ready", stem))
		differs(r, stem, "ready, but not in ready/");
	return 0;
}

/* What the ledger says of a name STEM or STEM.zip.p7m; 0: nothing. */
static int
find(struct rooted *r, const char *name, struct ledger_file *f)
{
	char upload[160];
	struct filename id;
	bool stem = strstr(name, ".zip.p7m") == NULL;

	snprintf(
	    upload, sizeof(upload), "%.140s%s", name, stem ? ".zip.p7m" : "");
	if (filename_parse(slice_of(upload), &id) == -1)
		return 0;
	return ledger_file_get(r->ledger, &id, f);
}

/* Made by the first run, which may have been killed there; what should be in
 * it is missed one by one. */
static void
no_folder(struct rooted *r, const char *path)
{
	if (errno != ENOENT)
		differs(r, path, strerror(errno));
}

static void
check_folder(struct rooted *r, const char *folder)
{
	bool ready = strcmp(folder, "ready") == 0;
	char path[SPOOL_PATH_MAX];
	struct spool_names names;
	struct ledger_file f;

	spool_path(path, r->root, "%s", folder);
	if ((ready ? spool_dirs(path, &names) : spool_list(path, &names)) ==
	    -1) {
		no_folder(r, path);
		return;
	}
	for (size_t i = 0; i < names.n; i++) {
		int known = find(r, names.v[i], &f);

		spool_path(path, r->root, "%s/%s", folder, names.v[i]);
		if (known == 0 && ready &&
		    filename_parse_stem(slice_of(names.v[i]), &f.id) == 0 &&
		    in_box(r, &f.id))
			unfinished(r, path, "intake");
		else if (known == 0)
			differs(r, path, "not in the ledger");
		/* revoke takes its feeds from ready/ when they are ingested */
		else if (known == 1 && ready && f.state != FILE_READY &&
		    f.state != FILE_HELD && f.state != FILE_INGESTED)
			unfinished(r, path, taker(f.id.feed));
	}
	spool_free(&names);
}

static int
check_segment(void *arg, const struct ledger_segment *l)
{
	struct rooted *r = arg;
	char path[SPOOL_PATH_MAX];
	const struct segment_head *h;
	struct segment_row row;
	struct segment *s;
	int64_t rows = 0;
	int got;

	spool_path(path, r->root, "segments/%s", l->name);
	if (access(path, F_OK) == -1) {
		differs(r, path, "in the ledger, but not there");
		return 0;
	}
	s = segment_open(path, l->name, false, r->sink);
	if (s == NULL) {
		r->problems++;
		return 0;
	}
	h = segment_head(s);
	if (h->rows != l->rows || strcmp(h->digest, l->digest) != 0)
		differs(r, path, "rows or digest are not those of the ledger");
	while ((got = segment_next(s, &row)) == 1 && !run_stopped())
		run_progress(r->run, l->name, ++rows, h->rows);
	r->problems += got == -1;
	segment_close(s);
	return run_stopped() ? 1 : 0;
}

struct search {
	const struct rooted *r;
	const char *name; /* of a segment */
	struct filename id; /* the upload it comes out of */
};

/* Whether it will come out of this upload (again). */
static int
gives_segment(void *arg, const struct ledger_file *f)
{
	struct search *s = arg;
	char stem[64], path[SPOOL_PATH_MAX];
	struct manifest *m;
	bool is = false;
	size_t n;

	filename_format(&f->id, "", stem);
	if (f->id.feed != FEED_PACKAGE) {
		n = strlen(stem);
		is = strncmp(s->name, stem, n) == 0 && s->name[n] == '.';
	} else if (s->r->qualification) {
		struct diag_sink quiet = { .put = NULL };
		char *doc;

		spool_path(path, s->r->root, "ready/%s/manifest.yaml", stem);
		doc = spool_slurp(path, MANIFEST_BYTES_MAX, &n);
		m = doc == NULL ?
		    NULL :
		    manifest_read((struct slice) { doc, n }, stem, &quiet);
		for (int i = 0; m != NULL && i < m->members; i++)
			is |= strcmp(m->member[i].name, s->name) == 0;
		free(m);
		free(doc);
	}
	if (is)
		s->id = f->id;
	return is;
}

/* Published before the books have it: a run killed in between begins the
 * upload anew and makes the same bytes. */
static bool
will_come(struct rooted *r, const char *path, const char *name)
{
	struct search s = { .r = r, .name = name };

	if (ledger_each(r->ledger, FILE_READY, gives_segment, &s) != 1 &&
	    ledger_each(r->ledger, FILE_HELD, gives_segment, &s) != 1)
		return false;
	unfinished(r, path, taker(s.id.feed));
	return true;
}

/* A segment nobody knows would never be merged, or be merged twice. */
static void
check_strangers(struct rooted *r)
{
	char path[SPOOL_PATH_MAX];
	struct spool_names names;

	spool_path(path, r->root, "segments");
	if (spool_list(path, &names) == -1) {
		no_folder(r, path);
		return;
	}
	for (size_t i = 0; i < names.n && !run_stopped(); i++) {
		struct ledger_segment l;

		spool_path(path, r->root, "segments/%s", names.v[i]);
		if (ledger_segment_get(r->ledger, names.v[i], &l) == 0 &&
		    !will_come(r, path, names.v[i]))
			differs(r, path, "not in the ledger");
	}
	spool_free(&names);
}

static void
check_set(struct rooted *r)
{
	const struct config *c = r->run->config;
	char digest[65], path[SPOOL_PATH_MAX], publisher[128];
	struct snapshot_set set;
	struct chain *trust = chain_open(
	    c->site_ca, c->site_crl[0] == '\0' ? NULL : c->site_crl, r->sink);

	if (trust == NULL ||
	    seal_cert_name(c->publish_cert, publisher, r->sink) == -1) {
		chain_free(trust);
		run_worst(r->run, EXIT_CONFIG);
		return;
	}
	int found = publish_current(
	    r->root, trust, publisher, r->run->now, &set, digest, r->sink);
	chain_free(trust);
	r->problems += found == -1;
	if (found != 1)
		return;
	run_note(r->run, "serial", set.serial);
	spool_path(path, r->root, "snapshots");
	for (int i = 0; i < SNAPSHOT__MAX && !run_stopped(); i++) {
		if (set.kind[i].generation == 0)
			continue;
		struct snapshot *s = snapshot_open(
		    path, (enum snapshot_kind)i, &set.kind[i], true, r->sink);
		r->problems += s == NULL;
		snapshot_close(s);
	}
}

static void
count_upload(void *arg, const char *name, const struct stat *st)
{
	int64_t *n = arg;

	(void)name;
	(void)st;
	++*n;
}

void
check_root(struct run *run, const char *root, bool qualification)
{
	struct rooted r = { .run = run,
		.root = root,
		.qualification = qualification,
		.sink = &run->log.sink };
	int64_t waiting = 0;

	if (!exists(root, "", "ledger.sqlite") && !ledger_gone(root))
		return; /* nothing was ever done here */
	r.ledger = ledger_open(root, r.sink);
	if (r.ledger == NULL) {
		run_worst(run, EXIT_INTEGRITY);
		return;
	}
	for (int i = 0; i < FILE__MAX; i++)
		ledger_each(r.ledger, (enum file_state)i, check_upload, &r);
	check_folder(&r, "ready");
	check_folder(&r, "done");
	ledger_segments(r.ledger, -1, check_segment, &r);
	check_strangers(&r);
	if (qualification)
		check_set(&r);
	spool_uploads(root, count_upload, &waiting);
	run_note(run,
	    qualification ? "waiting_qualification" : "waiting_intermediate",
	    waiting);
	ledger_close(r.ledger);
	run_note(run,
	    qualification ? "problems_qualification" : "problems_intermediate",
	    r.problems);
	run_note(run,
	    qualification ? "unfinished_qualification" :
			    "unfinished_intermediate",
	    r.stopped);
	if (r.problems > 0)
		run_worst(run, EXIT_INTEGRITY);
	else if (r.stopped > 0)
		run_worst(run, EXIT_NOT_READY);
}
