/*
 * The CRL delivery sets of J-LIS -> the next generation of the revocation
 * snapshot (domain/jpki-and-pinless.md 3.2). Partitions that came in are
 * replaced whole, the others are taken over from generation g.
 *
 * Every CRL is walked twice: once to know that signature and number are good,
 * once to write its entries. So nothing unproved ever reaches a snapshot and
 * memory does not grow with the entries.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/hooks.h"
#include "batch/ledger.h"
#include "batch/partitions.h"
#include "batch/publish.h"
#include "batch/returns.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/sort.h"
#include "formats/crl_name.h"
#include "formats/receipt.h"
#include "formats/snapshot_make.h"

#define CUT_OFF_MS (INT64_C(21) * 3600 * 1000) /* of the business day */

struct upload {
	struct ledger_file file;
	struct diag_list why;
	struct record_counts counts; /* of partitions */
};

struct revoke {
	struct run run;
	struct diag_sink *sink;
	const char *root;
	struct ledger *ledger;
	struct chain_cards *cards; /* pinned CA generations */
	struct chain *trust;
	char publisher[128]; /* who signs sets */
	struct seal_key *key;
	struct snapshot_set set; /* in force */
	struct snapshot *old; /* generation g; NULL at first */
	struct partitions parts;
	char work[SPOOL_PATH_MAX]; /* of this process */
	struct upload *v;
	size_t n;
	int64_t taken; /* partitions that changed */
};

/* ---- what is there ---- */

static int
upload_add(void *arg, const struct ledger_file *f)
{
	struct revoke *r = arg;
	struct upload *u;

	if (f->id.feed != FEED_CRL)
		return 0;
	r->v = text_realloc(r->v, (r->n + 1) * sizeof(*r->v));
	u = &r->v[r->n++];
	*u = (struct upload) { .file = *f };
	return 0;
}

/* By day, sequence, sender: as the ledger gives each state, but over two. */
static int
upload_cmp(const void *a, const void *b)
{
	const struct filename *x = &((const struct upload *)a)->file.id;
	const struct filename *y = &((const struct upload *)b)->file.id;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return strcmp(x->sender, y->sender);
}

static int
revoke_open(struct revoke *r)
{
	const struct config *c = r->run.config;
	char digest[65];

	r->root = c->qualification_root;
	if (*r->root == '\0') {
		diag_file(r->sink, DIAG_CONFIG, r->run.config_path,
		    "qualification.root is empty: revoke works on that side");
		run_worst(&r->run, EXIT_CONFIG);
		return -1;
	}
	if (run_lock(&r->run, r->root) == -1)
		return -1;
	if ((r->ledger = ledger_open(r->root, r->sink)) == NULL) {
		run_worst(&r->run, EXIT_TEMPORARY);
		return -1;
	}
	r->cards = chain_cards_open(c->card_ca, c->card_policy, r->sink);
	r->trust = chain_open(
	    c->site_ca, *c->site_crl == '\0' ? NULL : c->site_crl, r->sink);
	r->key = seal_key_open(c->publish_key, c->publish_cert, r->sink);
	if (r->cards == NULL || r->trust == NULL || r->key == NULL ||
	    seal_cert_name(c->publish_cert, r->publisher, r->sink) == -1) {
		run_worst(&r->run, EXIT_CONFIG);
		return -1;
	}
	if (publish_current(r->root, r->trust, r->publisher, r->run.now,
		&r->set, digest, r->sink) == -1) {
		run_worst(&r->run, EXIT_INTEGRITY);
		return -1;
	}
	return 0;
}

/* ---- generation g ---- */

static int
keep_partitions(struct revoke *r)
{
	struct snapshot_set_entry *e = &r->set.kind[SNAPSHOT_REVOCATION];
	struct snapshot_walk *w = NULL;
	struct snapshot_walk_row row;
	char dir[SPOOL_PATH_MAX];
	int more = 0;

	if (e->generation == 0)
		return 0;
	spool_path(dir, r->root, "snapshots");
	r->old = snapshot_open(dir, SNAPSHOT_REVOCATION, e, true, r->sink);
	if (r->old != NULL && (w = snapshot_walk_open(r->old)) != NULL)
		while ((more = snapshot_walk_next(w, &row)) == 1 && row.pair)
			if (partitions_keep(
				&r->parts, row.order, row.payload) == -1) {
				more = -1;
				break;
			}
	snapshot_walk_close(w);
	if (w != NULL && more != -1)
		return 0;
	if (w != NULL)
		diag_file(r->sink, DIAG_SNAPSHOT_IDENTITY, e->file,
		    "partitions cannot be walked");
	run_worst(&r->run, EXIT_INTEGRITY);
	return -1;
}

/* ---- one delivery ---- */

static int
entry_skip(void *arg, struct slice serial, int64_t at, int reason)
{
	(void)arg;
	(void)serial;
	(void)at;
	(void)reason;
	return 0;
}

/* A member against its name and against what is in force. */
static void
offer(struct revoke *r, struct upload *u, const struct manifest_member *m,
    const char *path)
{
	struct chain_crl crl;
	char name[129], t[30];
	int fd = open(path, O_RDONLY | O_CLOEXEC), walked = -1;

	u->counts.read++;
	if (fd == -1) {
		diag_file(&u->why.sink, DIAG_MANIFEST_DIFFERS, m->name,
		    "member is not in the spool");
	} else {
		walked = chain_crl_walk(m->name, fd, r->cards, &crl, entry_skip,
		    NULL, &u->why.sink);
		close(fd);
	}
	if (walked == -1) {
		u->counts.refused++;
		return;
	}
	crl_name(crl.ca, crl.partition, name);
	if (strcmp(name, m->name) != 0) {
		diag_file(&u->why.sink, DIAG_CRL_PARTITION, m->name,
		    "holds partition %s", name);
		u->counts.refused++;
		return;
	}
	/* one from the future would shut out those that come before it */
	if (crl.this_update >= day_moment(r->run.day, DAY_MS)) {
		day_format_stamp(crl.this_update, t);
		diag_file(&u->why.sink, DIAG_CRL_FUTURE, m->name,
		    "this update %s", t);
		u->counts.refused++;
		return;
	}
	switch (partitions_offer(&r->parts, &crl, path)) {
	case PARTITION_NEW:
		u->counts.accepted++;
		r->taken++;
		break;
	case PARTITION_SAME:
		r->run.unchanged++;
		break;
	case PARTITION_OLDER:
		day_format_stamp(crl.this_update, t);
		diag_file(&u->why.sink, DIAG_CRL_OLDER, m->name,
		    "number %s, this update %s", crl.number, t);
		u->counts.refused++;
		break;
	}
}

static struct manifest *
upload_manifest(struct revoke *r, struct upload *u, const char *stem)
{
	char path[SPOOL_PATH_MAX];
	struct manifest *m = NULL;
	char *doc;
	size_t n;

	spool_path(path, r->root, "ready/%s/manifest.yaml", stem);
	doc = spool_slurp(path, MANIFEST_BYTES_MAX, &n);
	if (doc == NULL)
		diag_file(
		    &u->why.sink, DIAG_MANIFEST, stem, "%s", strerror(errno));
	else
		m = manifest_read(
		    (struct slice) { doc, n }, stem, &u->why.sink);
	free(doc);
	return m;
}

static void
upload_offer(struct revoke *r, struct upload *u)
{
	char stem[64], path[SPOOL_PATH_MAX];
	struct manifest *m;

	filename_format(&u->file.id, "", stem);
	diag_list_init(&u->why, DIAGS_PER_FILE_MAX, r->sink, DIAG_WARNING);
	m = upload_manifest(r, u, stem);
	for (int i = 0; m != NULL && i < m->members; i++) {
		spool_member(path, r->root, stem, i, m->member[i].syntax);
		offer(r, u, &m->member[i], path);
		run_progress(&r->run, stem, i + 1, m->members);
	}
	free(m);
	u->file.read = u->counts.read;
	u->file.accepted = u->counts.accepted;
	u->file.refused = u->counts.refused;
	u->file.unchanged = u->file.read - u->file.accepted - u->file.refused;
	r->run.read += u->counts.read;
	r->run.accepted += u->counts.accepted;
	r->run.refused += u->counts.refused;
	r->run.files++;
	if (u->why.n > 0)
		snprintf(u->file.reason, sizeof(u->file.reason), "%s",
		    diag_table[u->why.v[0].code].code);
}

/* Nothing of it could be used. */
static bool
upload_refused(const struct upload *u)
{
	return u->counts.refused == u->counts.read;
}

/* ---- what the sender gets ---- */

static int
put_out(struct revoke *r, struct upload *u, const char *ext,
    void (*write)(const struct revoke *r, const struct upload *u, FILE *f))
{
	char dir[SPOOL_PATH_MAX], name[80], stem[64];
	struct publish p;

	filename_format(&u->file.id, "", stem);
	spool_path(dir, r->root, "box/%s/out", u->file.id.sender);
	snprintf(name, sizeof(name), "%s.%s", stem, ext);
	if (publish_make_dir(dir) == -1 || publish_open(&p, r->root) == -1)
		return -1;
	write(r, u, p.f);
	return publish_commit(&p, dir, name);
}

static void
write_check(const struct revoke *r, const struct upload *u, FILE *f)
{
	struct receipt_check c = { .id = u->file.id,
		.sha256 = u->file.sha256,
		.member = "crl",
		.counts = u->counts,
		.unchanged = u->file.unchanged,
		.accepted = !upload_refused(u),
		.why = &u->why.sink,
		.day = r->run.day };

	receipt_check_write(&c, 1, f);
}

static int
fill_errors(void *arg, struct error_writer *w)
{
	const struct diag_list *why = arg;

	for (size_t i = 0; i < why->n; i++)
		if (error_writer_diag(w, &why->v[i]) == -1)
			return -1;
	return 0;
}

static int
errors_out(struct revoke *r, struct upload *u)
{
	struct returns to = { .root = r->root,
		.id = u->file.id,
		.sha256 = u->file.sha256,
		.max = r->run.config->error_rows };

	return u->why.n == 0 ? 0 : returns_errors(&to, fill_errors, &u->why);
}

static int
results_out(struct revoke *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct upload *u = &r->v[i];

		if (put_out(r, u, "check.yaml", write_check) == -1 ||
		    errors_out(r, u) == -1) {
			diag_file(r->sink, DIAG_IO, u->file.id.sender,
			    "results: %s", strerror(errno));
			run_worst(&r->run, EXIT_TEMPORARY);
			return -1;
		}
	}
	return 0;
}

/* ---- generation g + 1 ---- */

static int
entry_write(void *arg, struct slice serial, int64_t at, int reason)
{
	char hex[41];

	if (serial.n >= sizeof(hex))
		return -1;
	memcpy(hex, serial.p, serial.n);
	hex[serial.n] = '\0';
	return snapshot_add_revoked(arg, hex, at, reason);
}

static int
write_new(struct revoke *r, struct snapshot_make *m, const struct partition *p)
{
	struct chain_crl crl;
	int fd = open(p->path, O_RDONLY | O_CLOEXEC), ok = -1;

	if (fd == -1)
		diag_file(
		    r->sink, DIAG_IO, p->crl.partition, "%s", strerror(errno));
	else
		ok = chain_crl_walk(p->crl.partition, fd, r->cards, &crl,
		    entry_write, m, r->sink);
	if (fd != -1)
		close(fd);
	return ok;
}

static void
rank_bytes(unsigned char key[4], size_t rank)
{
	for (int i = 0; i < 4; i++)
		key[i] = (unsigned char)(rank >> (24 - 8 * i));
}

/* Entries of the partitions that stay, by their place in the new order. */
static int
kept_entries(struct revoke *r, struct sort *kept)
{
	struct snapshot_walk *w = NULL;
	struct snapshot_walk_row row;
	size_t *rank, ranks = 1;
	unsigned char key[4];
	int more = 0;

	for (size_t i = 0; i < r->parts.n; i++)
		if (r->parts.v[i].old >= (int64_t)ranks)
			ranks = (size_t)r->parts.v[i].old + 1;
	rank = text_alloc(ranks * sizeof(*rank)); /* 0: replaced */
	for (size_t i = 0; i < r->parts.n; i++)
		if (r->parts.v[i].old >= 0)
			rank[r->parts.v[i].old] = i + 1;
	if (r->old != NULL && (w = snapshot_walk_open(r->old)) == NULL)
		more = -1;
	while (w != NULL && (more = snapshot_walk_next(w, &row)) == 1) {
		if (row.pair || row.order < 0 || row.order >= (int64_t)ranks ||
		    rank[row.order] == 0)
			continue;
		rank_bytes(key, rank[row.order] - 1);
		if (sort_add(kept, key, row.payload) == -1) {
			more = -1;
			break;
		}
	}
	snapshot_walk_close(w);
	free(rank);
	return more == -1 || sort_finish(kept) == -1 ? -1 : 0;
}

/* "SERIAL LF AT LF REASON" */
static int
write_kept(struct snapshot_make *m, struct slice row)
{
	const char *a = memchr(row.p, '\n', row.n), *b, *end = row.p + row.n;
	struct slice serial = { row.p, a != NULL ? (size_t)(a - row.p) : 0 };
	struct slice at, reason;
	int64_t n;

	if (a == NULL ||
	    (b = memchr(a + 1, '\n', (size_t)(end - a - 1))) == NULL)
		return -1;
	at = (struct slice) { a + 1, (size_t)(b - a - 1) };
	reason = (struct slice) { b + 1, (size_t)(end - b - 1) };
	n = slice_is(reason, "-1") ? -1 : slice_number(reason);
	return entry_write(m, serial, slice_number(at), (int)n);
}

static int
write_partitions(struct revoke *r, struct snapshot_make *m, struct sort *kept)
{
	const void *key = NULL;
	struct slice row;
	unsigned char mine[4];
	int more = sort_next(kept, &key, &row);

	for (size_t i = 0; i < r->parts.n && more != -1; i++) {
		const struct partition *p = &r->parts.v[i];

		if (run_stopped()) {
			run_worst(&r->run, EXIT_STOPPED);
			return -1;
		}
		if (snapshot_add_partition(m, p->crl.ca, p->crl.partition,
			p->crl.this_update, p->crl.next_update,
			p->crl.number) == -1)
			return -1;
		if (p->path != NULL && write_new(r, m, p) == -1)
			return -1;
		rank_bytes(mine, i);
		for (; more == 1 && memcmp(key, mine, 4) == 0;
		     more = sort_next(kept, &key, &row))
			if (write_kept(m, row) == -1)
				return -1;
		run_progress(
		    &r->run, "snapshot", (int64_t)i + 1, (int64_t)r->parts.n);
	}
	return more == -1 ? -1 : 0;
}

/* The deliveries something was taken from. */
static int
write_inputs(struct revoke *r, struct snapshot_make *m)
{
	char stem[64];
	int ok = 0;

	for (size_t i = 0; i < r->n && ok == 0; i++) {
		const struct ledger_file *f = &r->v[i].file;

		filename_format(&f->id, "", stem);
		if (f->accepted > 0)
			ok =
			    snapshot_add_input(m, stem, f->sha256, f->accepted);
	}
	return ok;
}

static int
snapshot_new(struct revoke *r, struct snapshot_set_entry *e)
{
	struct snapshot_make *m = NULL;
	struct sort *kept = NULL;
	int ok = -1;

	*e = (struct snapshot_set_entry) {
		.generation = r->set.kind[SNAPSHOT_REVOCATION].generation + 1,
		.day = r->run.day,
		.cut_off = day_moment(r->run.day, CUT_OFF_MS),
	};
	spool_path(r->work, r->root, "work/shikaku-revoke.%ld", (long)getpid());
	partitions_order(&r->parts);
	if (publish_make_dir(r->work) == 0)
		kept = sort_new(4, SORT_MEMORY / 6, r->work);
	if (kept != NULL && kept_entries(r, kept) == 0 &&
	    (m = snapshot_create(r->work, SNAPSHOT_REVOCATION, e, r->sink)) !=
		NULL &&
	    write_inputs(r, m) == 0)
		ok = write_partitions(r, m, kept);
	sort_free(kept);
	if (ok == 0)
		ok = snapshot_finish(m, e);
	else
		snapshot_abandon(m);
	if (ok == -1 && r->run.exit < EXIT_TEMPORARY) {
		diag_file(r->sink, DIAG_SNAPSHOT_WRITE, "revocation", "%s",
		    strerror(errno));
		run_worst(&r->run, EXIT_TEMPORARY);
	}
	return ok;
}

static int
publish_new(struct revoke *r, const struct snapshot_set_entry *e)
{
	char from[SPOOL_PATH_MAX], dir[SPOOL_PATH_MAX];
	struct snapshot_set_entry made[SNAPSHOT__MAX] = { 0 };

	spool_path(from, r->work, "%s", e->file);
	spool_path(dir, r->root, "snapshots");
	if (r->run.dry)
		return 0;
	made[SNAPSHOT_REVOCATION] = *e;
	if (publish_rename(from, dir, e->file) == -1) {
		diag_file(r->sink, DIAG_SNAPSHOT_WRITE, e->file, "%s",
		    strerror(errno));
		run_worst(&r->run, EXIT_TEMPORARY);
		return -1;
	}
	if (publish_next(r->root, r->trust, r->publisher, r->key, r->run.now,
		&r->set, made, r->sink) == -1) {
		run_worst(&r->run, EXIT_TEMPORARY);
		return -1;
	}
	hooks_publish(&r->run, "revocation", e->generation, false);
	return 0;
}

/* ---- the books ---- */

/* Before publishing INGESTED, with the generation that will hold it; after
 * it REFLECTED: a run that comes after a crash knows which of the two it is. */
static int
enter(struct revoke *r, enum file_state state, int64_t generation)
{
	int ok = ledger_begin(r->ledger);

	for (size_t i = 0; ok == 0 && i < r->n; i++) {
		struct ledger_file *f = &r->v[i].file;

		f->state = state == FILE_REFLECTED && upload_refused(&r->v[i]) ?
		    FILE_REFUSED :
		    state;
		f->generation = generation;
		ok = ledger_file_put(r->ledger, f);
	}
	if (ok == 0)
		ok = ledger_commit(r->ledger);
	else
		ledger_rollback(r->ledger);
	if (ok == -1)
		run_worst(&r->run, EXIT_TEMPORARY);
	return ok;
}

static void
clear_ready(struct revoke *r)
{
	char stem[64], path[SPOOL_PATH_MAX];

	for (size_t i = 0; i < r->n; i++) {
		filename_format(&r->v[i].file.id, "", stem);
		spool_path(path, r->root, "ready/%s", stem);
		spool_remove_tree(path);
	}
}

/* What a crash left between publishing and the books. */
static int
finish_last_run(struct revoke *r)
{
	int64_t g = r->set.kind[SNAPSHOT_REVOCATION].generation;
	size_t kept = 0;

	if (ledger_each(r->ledger, FILE_INGESTED, upload_add, r) == -1) {
		run_worst(&r->run, EXIT_TEMPORARY);
		return -1;
	}
	for (size_t i = 0; i < r->n; i++) {
		struct ledger_file *f = &r->v[i].file;
		char stem[64], path[SPOOL_PATH_MAX];

		if (f->generation > g) {
			r->v[kept++] = r->v[i];
			continue;
		}
		f->state =
		    f->refused == f->read ? FILE_REFUSED : FILE_REFLECTED;
		if (r->run.dry)
			continue;
		if (ledger_file_put(r->ledger, f) == -1) {
			run_worst(&r->run, EXIT_TEMPORARY);
			return -1;
		}
		filename_format(&f->id, "", stem);
		spool_path(path, r->root, "ready/%s", stem);
		spool_remove_tree(path);
	}
	r->n = kept; /* these go through the night again */
	return 0;
}

static void
warn_stale(struct revoke *r)
{
	int64_t at = day_moment(r->run.day, CUT_OFF_MS), stale = 0;
	char name[129], t[30];

	for (size_t i = 0; i < r->parts.n; i++) {
		const struct chain_crl *c = &r->parts.v[i].crl;

		if (c->next_update >= at)
			continue;
		crl_name(c->ca, c->partition, name);
		day_format_stamp(c->next_update, t);
		diag_file(
		    r->sink, DIAG_CRL_STALE, name, "next update was %s", t);
		stale++;
	}
	run_note(&r->run, "partitions", (int64_t)r->parts.n);
	run_note(&r->run, "stale", stale);
}

/* A generation's day and cut-off never go back (I11). */
static int
check_day(struct revoke *r)
{
	const struct snapshot_set_entry *e = &r->set.kind[SNAPSHOT_REVOCATION];
	char day[11];

	if (e->generation == 0 || e->day <= r->run.day)
		return 0;
	day_format_iso(e->day, day);
	diag_file(r->sink, DIAG_DAY_PAST, "-D", "%s is of %s", e->file, day);
	run_worst(&r->run, EXIT_WINDOW);
	return -1;
}

static int
revoke_night(struct revoke *r)
{
	struct snapshot_set_entry e = r->set.kind[SNAPSHOT_REVOCATION];

	for (size_t i = 0; i < r->n; i++) {
		upload_offer(r, &r->v[i]);
		if (r->v[i].counts.refused > 0)
			run_worst(&r->run, EXIT_RECORDS);
		if (upload_refused(&r->v[i])) {
			r->run.files_refused++;
			run_worst(&r->run, EXIT_FILES);
		}
	}
	warn_stale(r);
	if (r->taken > 0 && snapshot_new(r, &e) == -1)
		return -1;
	if (!r->run.dry &&
	    (results_out(r) == -1 ||
		enter(r, FILE_INGESTED, e.generation) == -1))
		return -1;
	if (r->taken > 0 && publish_new(r, &e) == -1)
		return -1;
	run_note(&r->run, "generation", e.generation);
	run_note(&r->run, "entries", e.rows);
	if (r->run.dry)
		return 0;
	if (enter(r, FILE_REFLECTED, e.generation) == -1)
		return -1;
	clear_ready(r);
	if (r->taken > 0)
		publish_prune(
		    r->root, &r->set, r->run.config->keep_generations);
	return 0;
}

static void
revoke_close(struct revoke *r)
{
	for (size_t i = 0; i < r->n; i++)
		diag_list_free(&r->v[i].why);
	free(r->v);
	partitions_free(&r->parts);
	snapshot_close(r->old);
	if (*r->work != '\0')
		spool_remove_tree(r->work);
	seal_key_free(r->key);
	chain_free(r->trust);
	chain_cards_free(r->cards);
	ledger_close(r->ledger);
}

int
main(int argc, char **argv)
{
	struct revoke r = { 0 };

	if (run_begin(&r.run, "revoke", argc, argv, NULL) == -1)
		return run_end(&r.run);
	r.sink = &r.run.log.sink;
	if (revoke_open(&r) == -1 || check_day(&r) == -1 ||
	    keep_partitions(&r) == -1 || finish_last_run(&r) == -1)
		goto out;
	if (ledger_each(r.ledger, FILE_READY, upload_add, &r) == -1) {
		run_worst(&r.run, EXIT_TEMPORARY);
		goto out;
	}
	if (r.n == 0) {
		warn_stale(&r);
		run_worst(&r.run, EXIT_NOTHING);
		goto out;
	}
	qsort(r.v, r.n, sizeof(*r.v), upload_cmp);
	revoke_night(&r);
out:
	revoke_close(&r);
	return run_end(&r.run);
}
