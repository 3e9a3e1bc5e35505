/*
 * shikaku-rebuild: the newest snapshots and all new segments -> the next
 * generation; published whole, or not at all.
 *
 * Order of what a run leaves behind, so that the next run can tell at any
 * point what has been done: the snapshot files; the reflection results in a
 * hidden folder named after the generation; the manifest (now it is
 * published); the folder's own name and the senders' copies; the ledger. The
 * published snapshots name the segments they were made of, so what comes
 * after the manifest is done again by the next run if it has to be.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/holds.h"
#include "batch/hooks.h"
#include "batch/publish.h"
#include "batch/rebuild_build.h"
#include "batch/rebuild_shard.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/seal.h"
#include "formats/snapshot.h"

/* how far an old copy of the ledger may be behind: so many sets back */
#define SETS_BACK 100
#define CUT_OFF (INT64_C(21) * 3600000)

#define KINDS PUBLISH_KINDS

struct job {
	struct run *run;
	struct diag_sink *sink;
	const char *root;
	struct chain *trust;
	char publisher[128]; /* who signs sets */
	struct seal_key *key;
	struct ledger *ledger;
	struct snapshot_set set; /* in force; all zero before the first */
	struct inputs in;
	bool makes[SNAPSHOT__MAX];
	struct snapshot_set_entry made[SNAPSHOT__MAX];
	int64_t generation; /* of what this run makes */
	struct guard guard;
	struct purged purged;
	int64_t accept; /* --accept-guard, -1: no order */
	int64_t back_to; /* --rollback, 0: no order */
	int shard, shards; /* --shard i/N */
	int join; /* --join N; 0: it merges itself */
	char lease[32];
	char work[SPOOL_PATH_MAX], pending[SPOOL_PATH_MAX];
};

static int
io(struct job *j, const char *path)
{
	diag_file(j->sink, DIAG_IO, path, "%s", strerror(errno));
	return -1;
}

static void
pending_path(const struct job *j, int64_t generation, char *out)
{
	spool_path(out, j->root, "reflection/.g%06lld", (long long)generation);
}

/* ---- after the manifest: done by this run, or by the one after it ---- */

/* Senders of this side have their results in their own out box. */
static int
copy_result(
    struct job *j, const char *dir, const char *name, int64_t generation)
{
	char from[SPOOL_PATH_MAX], out[SPOOL_PATH_MAX], to[96];
	struct ledger_file row;
	struct filename id;
	struct publish p;
	char buf[8192];
	size_t n, len = strlen(name);
	int r = -1;

	if (len < 5 || len > 64 ||
	    filename_parse_stem((struct slice) { name, len - 4 }, &id) == -1 ||
	    (id.feed != FEED_LINK && id.feed != FEED_INSTITUTION))
		return 0;
	spool_path(from, dir, "%s", name);
	spool_path(out, j->root, "box/%s/out", id.sender);
	int found = ledger_file_get(j->ledger, &id, &row);
	if (found == -1)
		return -1;
	/* later: what became of records that were on hold */
	if (found == 1 && row.state == FILE_REFLECTED &&
	    row.generation != generation)
		snprintf(to, sizeof(to), "%.*s.reflection-g%06lld.csv",
		    (int)len - 4, name, (long long)generation);
	else
		snprintf(
		    to, sizeof(to), "%.*s.reflection.csv", (int)len - 4, name);
	FILE *f = fopen(from, "re");
	if (f == NULL)
		return io(j, from);
	if (publish_make_dir(out) == -1 || publish_open(&p, j->root) == -1) {
		io(j, out);
		goto out;
	}
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		fwrite(buf, 1, n, p.f);
	if (ferror(f)) {
		publish_abandon(&p);
		io(j, from);
		goto out;
	}
	r = publish_commit(&p, out, to) == -1 ? io(j, out) : 0;
out:
	fclose(f);
	return r;
}

/* A hidden folder of the published generation gets its name; one of a
 * generation that never was is removed. */
static int
settle_results(struct job *j)
{
	char dir[SPOOL_PATH_MAX], pending[SPOOL_PATH_MAX], name[32];
	struct spool_names files;
	struct dirent *e;
	int64_t g = publish_generation(&j->set);
	int r = 0;

	spool_path(dir, j->root, "reflection");
	pending_path(j, g, pending);
	snprintf(name, sizeof(name), ".g%06lld", (long long)g);
	DIR *d = opendir(dir);
	if (d == NULL)
		return errno == ENOENT ? 0 : io(j, dir);
	while ((e = readdir(d)) != NULL && r == 0) {
		char stale[SPOOL_PATH_MAX];
		if (strncmp(e->d_name, ".g", 2) != 0 ||
		    strcmp(e->d_name, name) == 0)
			continue;
		spool_path(stale, dir, "%s", e->d_name);
		r = spool_remove_tree(stale) == -1 ? io(j, stale) : 0;
	}
	closedir(d);
	if (r == -1 || access(pending, F_OK) == -1)
		return r;
	if (spool_list(pending, &files) == -1)
		return io(j, pending);
	for (size_t i = 0; i < files.n && r == 0; i++)
		r = copy_result(j, pending, files.v[i], g);
	spool_free(&files);
	if (r == 0)
		r = counts_enter(j->ledger, pending, g, false, j->sink);
	if (r == 0 && publish_rename(pending, dir, name + 1) == -1)
		r = io(j, pending);
	return r;
}

struct mark {
	struct job *j;
	const struct snapshot_set_entry *entry;
	struct inputs open; /* segments the ledger has as not merged, by name */
};

static int
segment_cmp(const void *a, const void *b)
{
	return strcmp(((const struct ledger_segment *)a)->name,
	    ((const struct ledger_segment *)b)->name);
}

/* An upload of this side's own senders is through. */
static int
mark_file(struct job *j, const struct filename *id, int64_t generation)
{
	struct ledger_file f;
	int r = ledger_file_get(j->ledger, id, &f);

	if (r != 1 || f.state == FILE_REFLECTED)
		return r == -1 ? -1 : 0;
	f.state = FILE_REFLECTED;
	f.generation = generation;
	return ledger_file_put(j->ledger, &f);
}

static int
mark_segment(void *arg, const char *name, const char *digest)
{
	struct mark *m = arg;
	struct ledger_segment key, *s;

	if (strlen(name) >= sizeof(key.name))
		return 0;
	memcpy(key.name, name, strlen(name) + 1);
	s = bsearch(&key, m->open.v, m->open.n, sizeof(key), segment_cmp);
	if (s == NULL || s->generation != 0 || strcmp(s->digest, digest) != 0)
		return 0;
	s->generation = m->entry->generation;
	if (ledger_segment_put(m->j->ledger, s) == -1)
		return -1;
	return mark_file(m->j, &s->id, s->generation);
}

/* The segments of the snapshots in a set, but for those in `newer`. */
static int
mark_set(struct mark *m, const struct snapshot_set *set,
    const struct snapshot_set *newer)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];
	int r = 0;

	spool_path(dir, m->j->root, "snapshots");
	for (size_t i = 0; i < KINDS && r == 0; i++) {
		m->entry = &set->kind[publish_kinds[i]];
		spool_path(path, dir, "%s", m->entry->file);
		/* one that an order went back from is in force no more */
		if (m->entry->generation == 0 ||
		    m->entry->generation >
			m->j->set.kind[publish_kinds[i]].generation ||
		    (newer != NULL &&
			(newer->kind[publish_kinds[i]].generation ==
				m->entry->generation ||
			    access(path, F_OK) == -1)))
			continue;
		struct snapshot *s = snapshot_open(
		    dir, publish_kinds[i], m->entry, false, m->j->sink);
		r = s == NULL ? -1 : snapshot_inputs(s, mark_segment, m);
		snapshot_close(s);
	}
	return r;
}

/* The set before, as the one after it names it by digest; 1, 0 there is none
 * or no more, -1 raised. */
static int
set_before(struct job *j, struct snapshot_set *set)
{
	struct snapshot_set newer = *set;
	char path[SPOOL_PATH_MAX], digest[65];
	size_t n;
	int r = 0;

	if (newer.serial <= 1)
		return 0;
	spool_path(path, j->root, "snapshots/manifest-%06lld/manifest.yaml",
	    (long long)newer.serial - 1);
	char *doc = spool_slurp(path, MANIFEST_BYTES_MAX, &n);
	if (doc == NULL)
		return 0;
	seal_digest((struct slice) { doc, n }, digest);
	if (strcmp(digest, newer.previous) == 0)
		r = snapshot_set_read(
			(struct slice) { doc, n }, path, set, j->sink) == -1 ?
		    -1 :
		    1;
	free(doc);
	return r;
}

/* What an order went back from (or a copy put back does not have) waits again:
 * no change that was received is lost with a generation. */
static int
unmark_segment(void *arg, const struct ledger_segment *segment)
{
	struct job *j = arg;
	struct ledger_segment s = *segment;
	struct ledger_file f;

	if (s.generation <= publish_generation(&j->set))
		return 0;
	int r = ledger_file_get(j->ledger, &s.id, &f);
	if (r == 1 && f.state == FILE_REFLECTED) {
		f.state = FILE_INGESTED;
		f.generation = 0;
		r = ledger_file_put(j->ledger, &f);
	}
	s.generation = 0;
	return r == -1 || ledger_segment_put(j->ledger, &s) == -1 ? -1 : 0;
}

static int
settle_order(struct job *j)
{
	int64_t highest = publish_highest(j->root, &j->set);

	if (highest <= publish_generation(&j->set))
		return 0;
	if (ledger_begin(j->ledger) == -1)
		return -1;
	for (int64_t g = publish_generation(&j->set) + 1; g <= highest; g++)
		if (ledger_segments(j->ledger, g, unmark_segment, j) != 0) {
			ledger_rollback(j->ledger);
			return -1;
		}
	return ledger_commit(j->ledger);
}

/* The ledger learns from the published snapshots which segments they have:
 * from all that are kept, for a ledger put back from a copy may be behind by
 * more than one generation. */
static int
settle_ledger(struct job *j)
{
	struct mark m = { .j = j };
	struct snapshot_set set = j->set, newer;
	int r = -1, got;

	if (inputs_load(&m.open, j->ledger) == -1)
		goto out;
	if (m.open.n == 0) {
		r = 0;
		goto out;
	}
	qsort(m.open.v, m.open.n, sizeof(*m.open.v), segment_cmp);
	if (ledger_begin(j->ledger) == -1)
		goto out;
	got = mark_set(&m, &set, NULL);
	for (int i = 0; got == 0 && i < SETS_BACK; i++) {
		newer = set;
		got = set_before(j, &set);
		if (got != 1)
			break;
		got = mark_set(&m, &set, &newer);
	}
	if (got == -1) {
		ledger_rollback(j->ledger);
		goto out;
	}
	r = ledger_commit(j->ledger);
out:
	inputs_free(&m.open);
	return r;
}

/* ---- before the manifest ---- */

static int
read_set(struct job *j)
{
	char digest[65];

	memset(&j->set, 0, sizeof(j->set));
	return publish_current(j->root, j->trust, j->publisher, j->run->now,
		   &j->set, digest, j->sink) == -1 ?
	    -1 :
	    0;
}

/* A generation's day and cut-off never go back (I11). */
static int
check_day(struct job *j)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct snapshot_set_entry *e =
		    &j->set.kind[publish_kinds[i]];
		char day[11];

		if (e->generation == 0 || e->day <= j->run->day)
			continue;
		day_format_iso(e->day, day);
		diag_file(
		    j->sink, DIAG_DAY_PAST, "-D", "%s is of %s", e->file, day);
		run_worst(j->run, EXIT_WINDOW);
		return -1;
	}
	return 0;
}

/* Cards wait for people, and people have come. */
static int
cards_wait(struct job *j)
{
	const struct snapshot_set_entry *e = &j->set.kind[SNAPSHOT_CARDS];
	char dir[SPOOL_PATH_MAX];

	if (e->generation == 0 ||
	    !inputs_any(&j->in, 1u << SEGMENT_PAIR | 1u << SEGMENT_REKEY))
		return 0;
	spool_path(dir, j->root, "snapshots");
	struct snapshot *s =
	    snapshot_open(dir, SNAPSHOT_CARDS, e, false, j->sink);
	int r = s == NULL ? -1 : snapshot_any_waiting(s);
	snapshot_close(s);
	return r;
}

/* Which snapshots are to be made: those with new segments, and at the first
 * run all, so that there is something to open. 1, 0 none, -1 raised. */
static int
decide(struct job *j)
{
	bool any = false;
	int wait = cards_wait(j);

	if (wait == -1)
		return -1;
	for (size_t i = 0; i < KINDS; i++) {
		enum snapshot_kind k = publish_kinds[i];
		j->makes[k] = j->set.kind[k].generation == 0 ||
		    inputs_any(&j->in, build_inputs(k)) ||
		    (k == SNAPSHOT_CARDS && wait == 1);
		any = any || j->makes[k];
	}
	j->generation = publish_highest(j->root, &j->set) + 1;
	return any;
}

/* The number of a withheld generation: of its rows, so that an order lets
 * through what was looked at and nothing else. */
static int64_t
guard_number(const struct job *j)
{
	char all[SNAPSHOT__MAX * 65 + 1] = "", digest[65];
	struct buf b;

	buf_init(&b, all, sizeof(all));
	for (size_t i = 0; i < KINDS; i++)
		buf_put(&b, slice_of(j->made[publish_kinds[i]].digest));
	seal_digest(buf_slice(&b), digest);
	digest[8] = '\0';
	return (int64_t)strtoul(digest, NULL, 16);
}

/* A change of more than the bands in one night waits for a person. */
static int
guard(struct job *j)
{
	int64_t number;
	int n = 0;

	for (size_t i = 0; i < KINDS; i++) {
		enum snapshot_kind k = publish_kinds[i];
		if (j->makes[k])
			n += guard_judge(
			    k == SNAPSHOT_QUALIFICATION ? &j->guard : NULL,
			    j->run->config, &j->set.kind[k], &j->made[k],
			    j->sink);
	}
	if (n == 0)
		return 0;
	number = guard_number(j);
	run_note(j->run, "outside", n);
	if (number == j->accept) {
		run_note(j->run, "accepted_guard", number);
		return 0;
	}
	diag_file(j->sink, DIAG_GUARD_ORDER, "publication",
	    "generation %lld: --accept-guard %lld", (long long)j->generation,
	    (long long)number);
	run_worst(j->run, EXIT_GUARD);
	return -1;
}

static struct build
build_of(struct job *j)
{
	const struct config *c = j->run->config;

	return (struct build) { .run = j->run,
		.root = j->root,
		.work_dir = j->work,
		.insurers = c->insurers,
		.senders = c->senders,
		.in = &j->in,
		.guard = &j->guard,
		.purged = &j->purged };
}

/* All parts are there, whole and of this very plan, or nothing is done: which
 * are not is told. Their books are ours then. */
static int
gather_parts(struct job *j, struct build *b, char parts[][SPOOL_PATH_MAX])
{
	struct shards plan;
	const char *why;
	int missing = 0;

	if (shards_plan(
		&plan, b, &j->set.kind[SNAPSHOT_QUALIFICATION], j->join) == -1)
		return -1;
	for (int i = 1; i <= j->join; i++) {
		int good = shard_look(&plan, i, b, &why);
		if (good == -1)
			return -1;
		shard_folder(parts[i - 1], j->root, i, j->join, true);
		if (good == 1)
			continue;
		diag_file(j->sink, DIAG_SHARD_MISSING, parts[i - 1],
		    "%s: run shikaku-rebuild --shard %d/%d", why, i, j->join);
		missing++;
	}
	if (missing > 0) {
		run_worst(j->run, EXIT_NOT_READY);
		return -1;
	}
	for (int i = 1; i <= j->join; i++)
		if (shard_take(&plan, i, b) == -1)
			return -1;
	b->parts = (const char(*)[SPOOL_PATH_MAX])parts;
	b->n_parts = j->join;
	run_note(j->run, "shards", j->join);
	return 0;
}

static int
empty_folder(struct job *j, const char *path)
{
	if (spool_remove_tree(path) == -1 || publish_make_dir(path) == -1)
		return io(j, path);
	return 0;
}

static int
build_all(struct job *j)
{
	const struct config *c = j->run->config;
	struct build b = build_of(j);
	char(*parts)[SPOOL_PATH_MAX] =
	    text_alloc((size_t)(j->join + 1) * sizeof(*parts));
	char before[SPOOL_PATH_MAX], snapshots[SPOOL_PATH_MAX];
	int r = -1;

	b.reflect = reflect_new(&j->in, j->work);
	spool_path(snapshots, j->root, "snapshots");
	if (j->join > 0 && j->makes[SNAPSHOT_QUALIFICATION] &&
	    gather_parts(j, &b, parts) == -1)
		goto out;
	for (size_t i = 0; i < KINDS; i++) {
		enum snapshot_kind k = publish_kinds[i];
		if (!j->makes[k])
			continue;
		j->made[k] =
		    (struct snapshot_set_entry) { .generation = j->generation,
			    .day = j->run->day,
			    .cut_off = day_moment(j->run->day, CUT_OFF) };
		bool fresh = j->makes[SNAPSHOT_QUALIFICATION];
		b.persons_dir = fresh ? j->work : snapshots;
		b.persons = fresh ? &j->made[SNAPSHOT_QUALIFICATION] :
				    &j->set.kind[SNAPSHOT_QUALIFICATION];
		if (build_snapshot(&b, k, &j->set.kind[k], &j->made[k]) == -1)
			goto out;
	}
	if (guard(j) == -1)
		goto out;
	pending_path(j, j->generation, j->pending);
	if (j->in.n == 0)
		r = 0;
	else if (empty_folder(j, j->pending) == 0) {
		/* visible from the next opening of the service on */
		int64_t visible = day_moment(j->run->day + 1, c->service_open);
		int list =
		    holds_folder(j->root, publish_generation(&j->set), before);
		r = list == -1 ?
		    io(j, j->root) :
		    reflect_write(b.reflect, list == 1 ? before : NULL,
			j->pending, j->generation, visible, j->sink);
		if (list != -1)
			b.reflect = NULL;
	}
out:
	reflect_free(b.reflect);
	free(parts);
	return r;
}

static int
sync_folder(struct job *j, const char *path)
{
	DIR *d = opendir(path);
	int r = d == NULL || fsync(dirfd(d)) == -1 ? io(j, path) : 0;

	if (d != NULL)
		closedir(d);
	return r;
}

static int
publish_all(struct job *j)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];

	spool_path(dir, j->root, "snapshots");
	if (j->in.n > 0 && sync_folder(j, j->pending) == -1)
		return -1;
	for (size_t i = 0; i < KINDS; i++) {
		enum snapshot_kind k = publish_kinds[i];
		if (!j->makes[k])
			continue;
		spool_path(path, j->work, "%s", j->made[k].file);
		if (publish_rename(path, dir, j->made[k].file) == -1)
			return io(j, path);
	}
	if (publish_next(j->root, j->trust, j->publisher, j->key, j->run->now,
		&j->set, j->made, j->sink) == -1)
		return -1;
	hooks_publish(j->run, "qualification", j->generation, false);
	return 0;
}

/* Shards begin side by side: one after the other does it. */
static int
settle(struct job *j)
{
	char path[SPOOL_PATH_MAX];
	int r = -1;

	spool_path(path, j->root, "run/settle.lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd == -1 || flock(fd, LOCK_EX) == -1)
		io(j, path);
	else if (settle_results(j) == 0 && settle_order(j) == 0 &&
	    settle_ledger(j) == 0)
		r = 0;
	if (fd != -1)
		close(fd);
	return r;
}

/* An older generation in force again, as the next set: by order only, signed
 * like every set, entered with the run (I11). */
static int
go_back(struct job *j)
{
	if (read_set(j) == -1)
		return -1;
	if (j->back_to == publish_generation(&j->set)) {
		run_worst(j->run, EXIT_NOTHING);
		return j->run->dry ? 0 : settle(j);
	}
	if (publish_older(j->root, j->trust, j->publisher, j->run->now, &j->set,
		j->back_to, j->made, j->sink) == -1) {
		if (j->sink->counts[DIAG_ROLLBACK_NONE] > 0)
			run_worst(j->run, EXIT_INPUT);
		return -1;
	}
	run_note(j->run, "rollback_from", publish_generation(&j->set));
	run_note(j->run, "rollback", j->back_to);
	if (j->run->dry)
		return 0;
	if (publish_next(j->root, j->trust, j->publisher, j->key, j->run->now,
		&j->set, j->made, j->sink) == -1)
		return -1;
	run_note(j->run, "serial", j->set.serial);
	diag_file(j->sink, DIAG_ROLLBACK_DONE, "snapshots/current",
	    "generation %lld by serial %lld", (long long)j->back_to,
	    (long long)j->set.serial);
	hooks_publish(j->run, "qualification", j->back_to, true);
	return settle(j);
}

static void
tell_purged(struct job *j)
{
	const struct purged *p = &j->purged;

	if (j->in.n_files == j->in.n_uploads)
		return;
	for (size_t i = 0; i < p->n; i++)
		diag_file(j->sink, DIAG_PURGED, "retention",
		    "insurer %.*s: %lld periods, %lld persons",
		    SEGMENT_SCOPE_SIZE - 1, p->v[i].scope + 1,
		    (long long)p->v[i].periods, (long long)p->v[i].persons);
	run_note(j->run, "purged", p->periods);
	run_note(j->run, "purged_cards", p->cards);
}

static int
rebuild(struct job *j)
{
	int r = -1;

	if (read_set(j) == -1 || check_day(j) == -1)
		return -1;
	if (!j->run->dry && settle(j) == -1)
		return -1;
	if (inputs_load(&j->in, j->ledger) == -1)
		goto out;
	int makes = decide(j);
	if (makes == -1)
		goto out;
	if (makes == 0) {
		run_worst(j->run, EXIT_NOTHING);
		if (!j->run->dry)
			shards_clear(j->root); /* of a run killed late */
		r = 0;
		goto out;
	}
	j->run->files = (int64_t)j->in.n_uploads;
	if (empty_folder(j, j->work) == -1 || build_all(j) == -1)
		goto out;
	run_note(j->run, "generation", j->generation);
	run_note(j->run, "periods",
	    j->makes[SNAPSHOT_QUALIFICATION] ?
		j->made[SNAPSHOT_QUALIFICATION].rows :
		j->set.kind[SNAPSHOT_QUALIFICATION].rows);
	run_note(j->run, "held", j->run->held);
	tell_purged(j);
	if (j->run->refused + j->run->held > 0)
		run_worst(j->run, EXIT_RECORDS);
	r = 0;
	if (!j->run->dry) {
		r = publish_all(j);
		/* It may be in force by now, whatever failed: the results are
		 * the next run's to name, or to remove. */
		j->pending[0] = '\0';
		if (r == 0)
			r = settle(j);
		if (r == 0) {
			publish_prune(
			    j->root, &j->set, j->run->config->keep_generations);
			shards_clear(j->root);
		}
	}
out:
	if (r == -1 || j->run->dry) {
		if (j->pending[0] != '\0')
			spool_remove_tree(j->pending);
	}
	spool_remove_tree(j->work);
	inputs_free(&j->in);
	guard_free(&j->guard);
	free(j->purged.v);
	return r;
}

/* One range of the next generation, for a later --join. */
static int
make_part(struct job *j)
{
	struct build b = build_of(j);
	struct shards plan;
	const char *why;
	int r = -1;

	if (shards_plan(&plan, &b, &j->set.kind[SNAPSHOT_QUALIFICATION],
		j->shards) == -1)
		return -1;
	int there = shard_look(&plan, j->shard, &b, &why);
	if (there == 1)
		run_worst(j->run, EXIT_NOTHING);
	if (there != 0)
		return there == 1 ? 0 : -1;
	shard_folder(j->work, j->root, j->shard, j->shards, false);
	if (empty_folder(j, j->work) == -1)
		return -1;
	b.range = &plan.range[j->shard - 1];
	b.reflect = reflect_new(&j->in, j->work);
	r = build_part(&b, &j->set.kind[SNAPSHOT_QUALIFICATION]);
	if (r == 0 && !j->run->dry)
		r = shard_publish(&plan, j->shard, &b);
	reflect_free(b.reflect);
	return r;
}

static int
shard(struct job *j)
{
	int r = -1;

	if (read_set(j) == -1 || check_day(j) == -1 ||
	    (!j->run->dry && settle(j) == -1) ||
	    inputs_load(&j->in, j->ledger) == -1)
		return -1;
	int makes = decide(j);
	run_note(j->run, "shard", j->shard);
	run_note(j->run, "shards", j->shards);
	if (makes == 1 && j->makes[SNAPSHOT_QUALIFICATION]) {
		r = make_part(j);
	} else if (makes != -1) {
		run_worst(j->run, EXIT_NOTHING);
		r = 0;
	}
	if (j->work[0] != '\0')
		spool_remove_tree(j->work);
	inputs_free(&j->in);
	guard_free(&j->guard);
	free(j->purged.v);
	return r;
}

/* What was raised says what a retry would be good for. */
static void
exit_by(struct job *j)
{
	static const enum diag_code lasting[] = { DIAG_SEGMENT_BROKEN,
		DIAG_SNAPSHOT_IDENTITY, DIAG_SNAPSHOT_DIGEST,
		DIAG_MANIFEST_SIGNATURE, DIAG_MANIFEST };

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (j->sink->counts[lasting[i]] > 0)
			run_worst(j->run, EXIT_INTEGRITY);
	if (j->run->exit < EXIT_NOT_READY)
		run_worst(j->run, EXIT_TEMPORARY);
}

static int
open_job(struct job *j)
{
	const struct config *c = j->run->config;

	j->root = c->qualification_root;
	if (j->root == NULL || j->root[0] == '\0') {
		diag_file(j->sink, DIAG_CONFIG, j->run->config_path, "%s",
		    "qualification.root is not set");
		run_worst(j->run, EXIT_CONFIG);
		return -1;
	}
	if (j->shards > 0) {
		snprintf(j->lease, sizeof(j->lease), "rebuild-%dof%d", j->shard,
		    j->shards);
		j->run->lease = j->lease;
		j->run->shared = true;
	}
	if (run_lock(j->run, j->root) == -1)
		return -1;
	if (j->shards == 0)
		spool_path(j->work, j->root, "work/shikaku-rebuild.build");
	j->trust = chain_open(
	    c->site_ca, c->site_crl[0] == '\0' ? NULL : c->site_crl, j->sink);
	j->key = seal_key_open(c->publish_key, c->publish_cert, j->sink);
	if (j->trust == NULL || j->key == NULL ||
	    seal_cert_name(c->publish_cert, j->publisher, j->sink) == -1) {
		run_worst(j->run, EXIT_CONFIG);
		return -1;
	}
	j->ledger = ledger_open(j->root, j->sink);
	if (j->ledger == NULL) {
		run_worst(j->run, EXIT_TEMPORARY);
		return -1;
	}
	return 0;
}

enum { ACCEPT_GUARD = 256, ROLLBACK, SHARD, JOIN };
static const struct run_long longs[] = {
	{ "accept-guard", ACCEPT_GUARD, true },
	{ "rollback", ROLLBACK, true },
	{ "shard", SHARD, true },
	{ "join", JOIN, true },
	{ NULL, 0, false },
};

static int
option(void *arg, int letter, const char *value)
{
	struct job *j = arg;
	int64_t n = slice_number(slice_of(value));

	if (letter == SHARD)
		return shard_parse(value, &j->shard, &j->shards);
	if (n < 0 || strlen(value) > 10)
		return -1;
	if (letter == ACCEPT_GUARD)
		j->accept = n;
	else if (letter == ROLLBACK && n > 0)
		j->back_to = n;
	else if (letter == JOIN && n > 0 && n <= SHARDS_MAX)
		j->join = (int)n;
	else
		return -1;
	return 0;
}

int
main(int argc, char **argv)
{
	struct run run;
	struct job job = { .run = &run, .accept = -1 };
	struct run_options extra = {
		.letters = "",
		.longs = longs,
		.option = option,
		.arg = &job,
		.usage =
		    "shikaku-rebuild -c SITE.yaml [-nv] [-D YYYY-MM-DD] "
		    "[--join N] [--accept-guard NUMBER]\n"
		    "       shikaku-rebuild -c SITE.yaml [-nv] [-D YYYY-MM-DD] "
		    "--shard I/N\n"
		    "       shikaku-rebuild -c SITE.yaml [-n] --rollback "
		    "GENERATION\n"
		    "  -c FILE  configuration of the site\n"
		    "  --accept-guard NUMBER  publish what was withheld under "
		    "this number\n"
		    "  --shard I/N  merge the I-th of N ranges of keys, for "
		    "--join\n"
		    "  --join N  publish what N shards have merged\n"
		    "  --rollback GENERATION  put an older generation in force "
		    "again\n",
	};

	if (run_begin(&run, "rebuild", argc, argv, &extra) == -1)
		return run_end(&run);
	job.sink = &run.log.sink;
	if ((job.back_to > 0) + (job.shards > 0) +
		(job.join > 0 || job.accept >= 0) >
	    1) {
		fputs("shikaku-rebuild: --rollback, --shard and --join or "
		      "--accept-guard are orders of their own\n",
		    stderr);
		run_worst(&run, EXIT_BAD_USAGE);
		return run_end(&run);
	}
	if (open_job(&job) == 0 &&
	    (job.back_to > 0	   ? go_back(&job) :
		    job.shards > 0 ? shard(&job) :
				     rebuild(&job)) == -1) {
		/* nothing was published: the books are of no run */
		run.read = run.accepted = run.refused = run.unchanged = 0;
		run.held = 0;
		exit_by(&job);
	}
	ledger_close(job.ledger);
	seal_key_free(job.key);
	chain_free(job.trust);
	return run_end(&run);
}
