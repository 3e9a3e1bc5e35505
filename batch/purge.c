/*
 * shikaku-purge: which periods of the generation in force are past their
 * retention, and the order to drop them: a segment of each kind in segments/
 * and in the ledger, as shikaku-hold's words are. Only rebuild publishes; it
 * carries the order out with the same rule (batch/retention.h), and the
 * archived segments alone still make every generation.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/ledger.h"
#include "batch/publish.h"
#include "batch/retention.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/feeds.h"
#include "formats/segment_make.h"

#define PAYLOAD_MAX 4096
#define LOOK_EVERY 4096

struct insurer {
	char scope[SEGMENT_SCOPE_SIZE]; /* as typed keys begin */
	int64_t periods, persons;
};
struct order { /* a segment being made */
	struct segment_make *m;
	struct segment_head head;
	char work[SPOOL_PATH_MAX], name[80];
	int64_t rows;
};
struct job {
	struct run run;
	struct diag_sink *sink;
	const char *root;
	struct chain *trust;
	struct ledger *ledger;
	struct snapshot_set set;
	struct retention retention;
	struct order periods, cards;
	struct insurer *v; /* by scope */
	size_t n, max;
	uint64_t *number; /* hashes of the 処理通番 of those who go whole */
	size_t numbers, max_numbers;
	/* the key at hand */
	char key[SEGMENT_KEY_SIZE], pair[128];
	size_t n_pair;
	int64_t stay, go;
	char payload[PAYLOAD_MAX];
};

static int
io(struct job *j, const char *path)
{
	diag_file(j->sink, DIAG_IO, path, "%s", strerror(errno));
	run_worst(&j->run, EXIT_TEMPORARY);
	return -1;
}

static int
broken(struct job *j, const char *what)
{
	diag_file(j->sink, DIAG_SNAPSHOT_IDENTITY, what, "%s",
	    "a row of it cannot be read");
	run_worst(&j->run, EXIT_INTEGRITY);
	return -1;
}

/* ---- rows of the order ---- */

static int
order_row(
    struct job *j, struct order *o, const char *key, const struct record *rec)
{
	struct buf b;

	j->run.accepted++;
	if (j->run.dry)
		return 0;
	buf_init(&b, j->payload, sizeof(j->payload));
	if (record_pack(rec, &b) == -1 || b.full)
		return broken(j, "payload");
	if (segment_add(o->m, key, ++o->rows, buf_slice(&b)) == -1)
		return io(j, j->root);
	return 0;
}

static int
drop_period(struct job *j, const struct record *period)
{
	struct record rec;

	record_init(&rec, &qualification_format);
	rec.v[Q_QUALIFIED_ON] = period->v[Q_QUALIFIED_ON];
	rec.v[Q_LOST_ON] = period->v[Q_LOST_ON];
	return order_row(j, &j->periods, j->key, &rec);
}

/* ---- whose cards go ---- */

static uint64_t
hash(struct slice s)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h;
}

static int
hash_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
remember_number(struct job *j)
{
	const char *end = memchr(j->pair, '\n', j->n_pair);

	if (end == NULL)
		return;
	if (j->numbers == j->max_numbers) {
		j->max_numbers = 2 * j->max_numbers + 1024;
		j->number = text_realloc(
		    j->number, j->max_numbers * sizeof(*j->number));
	}
	j->number[j->numbers++] =
	    hash((struct slice) { j->pair, (size_t)(end - j->pair) });
}

/* ---- the periods ---- */

static struct insurer *
insurer(struct job *j)
{
	if (j->n > 0 &&
	    memcmp(j->v[j->n - 1].scope, j->key, SEGMENT_SCOPE_SIZE) == 0)
		return &j->v[j->n - 1];
	if (j->n == j->max) {
		j->max = 2 * j->max + 64;
		j->v = text_realloc(j->v, j->max * sizeof(*j->v));
	}
	j->v[j->n] = (struct insurer) { .periods = 0 };
	memcpy(j->v[j->n].scope, j->key, SEGMENT_SCOPE_SIZE);
	return &j->v[j->n++];
}

static void
end_key(struct job *j)
{
	if (j->go > 0)
		insurer(j)->periods += j->go;
	if (j->go > 0 && j->stay == 0) {
		insurer(j)->persons++;
		remember_number(j);
	}
	j->go = j->stay = 0;
	j->n_pair = 0;
}

static int
look(struct job *j, const struct snapshot_walk_row *row)
{
	if (memcmp(j->key, row->key, sizeof(j->key)) != 0) {
		end_key(j);
		memcpy(j->key, row->key, sizeof(j->key));
	}
	if (row->pair) {
		j->n_pair =
		    row->payload.n < sizeof(j->pair) ? row->payload.n : 0;
		if (j->n_pair > 0)
			memcpy(j->pair, row->payload.p, j->n_pair);
		return 0;
	}
	const struct value *lost = &row->rec->v[Q_LOST_ON];
	j->run.read++;
	if (lost->s.n == 0 ||
	    !retention_past(&j->retention, j->key, (int32_t)lost->n)) {
		j->run.unchanged++;
		j->stay++;
		return 0;
	}
	j->go++;
	return drop_period(j, row->rec);
}

static int
look_card(struct job *j, const struct snapshot_walk_row *row)
{
	struct record rec;
	uint64_t h = hash(row->rec->v[L_PROCESSING_NUMBER].s);

	j->run.read++;
	if (bsearch(&h, j->number, j->numbers, sizeof(h), hash_cmp) == NULL) {
		j->run.unchanged++;
		return 0;
	}
	record_init(&rec, &link_format);
	rec.v[L_PROCESSING_NUMBER] = row->rec->v[L_PROCESSING_NUMBER];
	return order_row(j, &j->cards, row->key, &rec);
}

/* Every row of a snapshot of the set in force. */
static int
walk(struct job *j, enum snapshot_kind kind,
    int (*each)(struct job *j, const struct snapshot_walk_row *row))
{
	const struct snapshot_set_entry *e = &j->set.kind[kind];
	struct snapshot_walk *w = NULL;
	struct snapshot_walk_row row;
	char dir[SPOOL_PATH_MAX];
	int64_t rows = 0;
	int got = -1;

	if (e->generation == 0)
		return 0;
	spool_path(dir, j->root, "snapshots");
	struct snapshot *s = snapshot_open(dir, kind, e, true, j->sink);
	if (s == NULL || (w = snapshot_walk_open(s)) == NULL) {
		run_worst(&j->run, EXIT_INTEGRITY);
		goto out;
	}
	j->retention.base = s;
	while ((got = snapshot_walk_next(w, &row)) == 1) {
		if (++rows % LOOK_EVERY == 0) {
			run_progress(
			    &j->run, snapshot_names[kind], rows, e->rows);
			if (run_stopped()) {
				run_worst(&j->run, EXIT_STOPPED);
				got = -1;
				goto out;
			}
		}
		if (each(j, &row) == -1) {
			got = -1;
			goto out;
		}
	}
	end_key(j);
	if (got == -1)
		run_worst(&j->run, EXIT_INTEGRITY);
	else if (j->retention.broken)
		got = broken(j, e->file);
out:
	snapshot_walk_close(w);
	snapshot_close(s);
	j->retention.base = NULL;
	return got;
}

/* ---- the order ---- */

static int
pending(void *arg, const struct ledger_segment *s)
{
	(void)arg;
	return strcmp(s->id.sender, RETENTION_SENDER) == 0 ? 1 : 0;
}

/* What a run that was killed left: named, but in no ledger. */
static int
remove_strangers(struct job *j)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];
	const size_t n = sizeof(RETENTION_SENDER) - 1;
	struct ledger_segment l;
	struct spool_names names;
	int r = 0;

	spool_path(dir, j->root, "segments");
	if (spool_list(dir, &names) == -1)
		return errno == ENOENT ? 0 : io(j, dir);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		if (strncmp(names.v[i], RETENTION_SENDER "_", n + 1) != 0)
			continue;
		int found = ledger_segment_get(j->ledger, names.v[i], &l);
		spool_path(path, dir, "%s", names.v[i]);
		if (found == -1)
			r = -1;
		else if (found == 0 && unlink(path) == -1)
			r = io(j, path);
	}
	spool_free(&names);
	return r;
}

/* The first number of the day that the ledger does not have. */
static int
order_id(struct job *j, struct filename *id)
{
	struct ledger_segment l;
	char name[80];
	int found = 1;

	*id = (struct filename) { .sender = RETENTION_SENDER,
		.feed = FEED_PACKAGE,
		.day = j->run.day };
	while (found == 1 && id->sequence < 9999) {
		id->sequence++;
		found = 0;
		for (int k = 0; k < 2 && found == 0; k++) {
			filename_format(
			    id, k == 0 ? ".period.seg" : ".card.seg", name);
			found = ledger_segment_get(j->ledger, name, &l);
		}
	}
	return found == 0 ? 0 : -1;
}

static void
order_begin(struct job *j, struct order *o, enum segment_kind kind,
    const char *ext, const struct filename *id)
{
	char dir[SPOOL_PATH_MAX];

	o->head = (struct segment_head) {
		.kind = kind, .order = SEGMENT_PURGE, .id = *id
	};
	filename_format(id, ext, o->name);
	spool_path(dir, j->root, "work");
	spool_temp(o->work, j->root);
	o->m = segment_create(&o->head, dir);
}

/* Into segments/; a kind of which nothing goes has no segment. */
static int
order_place(struct job *j, struct order *o)
{
	char dir[SPOOL_PATH_MAX];
	struct segment_make *m = o->m;

	o->m = NULL;
	if (o->rows == 0) {
		segment_abandon(m);
		return 0;
	}
	if (segment_finish(m, o->work, &o->head) == -1)
		return io(j, o->work);
	spool_path(dir, j->root, "segments");
	return publish_rename(o->work, dir, o->name) == -1 ? io(j, o->name) : 0;
}

static int
order_enter(struct job *j, const struct order *o)
{
	struct ledger_segment row = { .kind = (int)o->head.kind,
		.rows = o->head.rows,
		.id = o->head.id };

	if (o->rows == 0)
		return 0;
	memcpy(row.name, o->name, sizeof(row.name));
	memcpy(row.digest, o->head.digest, sizeof(row.digest));
	return ledger_segment_put(j->ledger, &row);
}

/* Both files first, then the ledger: files it does not know are removed by the
 * next run, as if nothing had been said. */
static int
publish_order(struct job *j)
{
	if (order_place(j, &j->periods) == -1 ||
	    order_place(j, &j->cards) == -1 || ledger_begin(j->ledger) == -1)
		return -1;
	if (order_enter(j, &j->periods) == -1 ||
	    order_enter(j, &j->cards) == -1) {
		ledger_rollback(j->ledger);
		return -1;
	}
	return ledger_commit(j->ledger);
}

static void
say(const struct job *j)
{
	for (size_t i = 0; i < j->n; i++)
		printf("insurer %.*s\tperiods %lld\tpersons %lld\n",
		    SEGMENT_SCOPE_SIZE - 1, j->v[i].scope + 1,
		    (long long)j->v[i].periods, (long long)j->v[i].persons);
}

static int
purge(struct job *j)
{
	struct filename id;
	int waits = ledger_segments(j->ledger, 0, pending, NULL);

	if (waits != 0) {
		if (waits == 1)
			run_worst(&j->run, EXIT_NOTHING);
		return waits == 1 ? 0 : -1;
	}
	if (!j->run.dry) {
		if (remove_strangers(j) == -1 || order_id(j, &id) == -1)
			return -1;
		order_begin(j, &j->periods, SEGMENT_PERIOD, ".period.seg", &id);
		order_begin(j, &j->cards, SEGMENT_CARD, ".card.seg", &id);
	}
	retention_begin(&j->retention, j->run.config, j->run.day, NULL);
	if (walk(j, SNAPSHOT_QUALIFICATION, look) == -1)
		return -1;
	if (j->numbers > 0)
		qsort(j->number, j->numbers, sizeof(*j->number), hash_cmp);
	if (j->numbers > 0 && walk(j, SNAPSHOT_CARDS, look_card) == -1)
		return -1;
	say(j);
	run_note(&j->run, "cards", j->cards.rows);
	if (j->run.accepted == 0)
		run_worst(&j->run, EXIT_NOTHING);
	return j->run.dry ? 0 : publish_order(j);
}

static int
open_job(struct job *j)
{
	const struct config *c = j->run.config;
	char publisher[128], digest[65];

	j->sink = &j->run.log.sink;
	j->root = c->qualification_root;
	if (j->root == NULL || j->root[0] == '\0') {
		diag_file(j->sink, DIAG_CONFIG, j->run.config_path, "%s",
		    "qualification.root is not set");
		run_worst(&j->run, EXIT_CONFIG);
		return -1;
	}
	if (run_lock(&j->run, j->root) == -1)
		return -1;
	j->trust = chain_open(
	    c->site_ca, c->site_crl[0] == '\0' ? NULL : c->site_crl, j->sink);
	if (j->trust == NULL ||
	    seal_cert_name(c->publish_cert, publisher, j->sink) == -1) {
		run_worst(&j->run, EXIT_CONFIG);
		return -1;
	}
	j->ledger = ledger_open(j->root, j->sink);
	if (j->ledger == NULL)
		return -1;
	int found = publish_current(
	    j->root, j->trust, publisher, j->run.now, &j->set, digest, j->sink);
	if (found == -1)
		run_worst(&j->run, EXIT_INTEGRITY);
	return found == -1 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	struct job *j = text_alloc(sizeof(*j));
	int status;

	if (run_begin(&j->run, "purge", argc, argv, NULL) == 0 &&
	    (open_job(j) == -1 || purge(j) == -1)) {
		j->run.read = j->run.accepted = j->run.unchanged = 0;
		if (j->run.exit < EXIT_NOT_READY)
			run_worst(&j->run, EXIT_TEMPORARY);
	}
	if (j->periods.m != NULL)
		segment_abandon(j->periods.m);
	if (j->cards.m != NULL)
		segment_abandon(j->cards.m);
	ledger_close(j->ledger);
	chain_free(j->trust);
	free(j->v);
	free(j->number);
	status = run_end(&j->run);
	free(j);
	return status;
}
