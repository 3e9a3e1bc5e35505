/*
 * One upload: read, decide, publish. What is published comes in an order in
 * which every stop in between is made up by doing it all again: segments,
 * then the sender's results, then the ledger in one transaction, then
 * ready/STEM goes. All of it is named after the upload and holds no clock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/ingest.h"
#include "formats/codec/detail.h"
#include "formats/segment_make.h"
#include "batch/publish.h"
#include "batch/returns.h"

#define DATE_FIRST (-37255) /* 1868-01-01, as day_of() counts */
#define DATES 2970400 /* to 9999-12-31 */
#define NO_DATE SIZE_MAX /* of a row that only keeps its person */

static const char *const kind_names[SEGMENT__MAX] = {
	[SEGMENT_PERIOD] = "period",
	[SEGMENT_PAIR] = "pair",
	[SEGMENT_CARD] = "card",
	[SEGMENT_INSTITUTION] = "institution",
	[SEGMENT_REKEY] = "rekey",
};

void
ingest_segment_name(const struct segment_head *head, char out[80])
{
	char stem[64];

	filename_format(&head->id, "", stem);
	snprintf(out, 80, "%s.%s.seg", stem, kind_names[head->kind]);
}

void
ingest_segment(
    struct ingest_upload *u, const char *work, const struct segment_head *head)
{
	struct ingest_segment *s;

	u->segment = text_realloc(
	    u->segment, (size_t)(u->segments + 1) * sizeof(*u->segment));
	s = &u->segment[u->segments++];
	memset(s, 0, sizeof(*s));
	snprintf(s->work, sizeof(s->work), "%s", work);
	ingest_segment_name(head, s->row.name);
	s->row.kind = (int)head->kind;
	s->row.rows = head->rows;
	memcpy(s->row.digest, head->digest, sizeof(s->row.digest));
	s->row.id = head->id;
}

static int
io_failed(struct ingest_upload *u, const char *what)
{
	diag_file(&u->run->log.sink, DIAG_IO, u->stem, "%s: %s", what,
	    strerror(errno));
	return -1;
}

/* ---- the same key twice in one file ---- */

/* 資格取得年月日 of a row, counted from DATE_FIRST; of a kind without dates
 * always 0, so that every second row of a key is one too many. */
static size_t
date_of(const struct ingest_upload *u, struct slice payload)
{
	struct record rec;
	int64_t date;

	if (u->head.kind != SEGMENT_PERIOD ||
	    record_unpack(&qualification_format, payload, &rec) == -1)
		return 0;
	if (rec.v[Q_CHANGE].s.n == 1 &&
	    rec.v[Q_CHANGE].s.p[0] == '0' + CHANGE_KEEP)
		return NO_DATE;
	date = rec.v[Q_QUALIFIED_ON].n - DATE_FIRST;
	return date >= 0 && date < DATES ? (size_t)date : 0;
}

/* The record that had the date under this key before; 0: none had, this one
 * has it from now on; -1: one of many. A bit per day of history: no file
 * however made costs more than that. */
static int64_t
date_seen(struct ingest_upload *u, size_t date, int64_t record)
{
	uint8_t bit = (uint8_t)(1u << date % 8);

	if (date == NO_DATE)
		return 0;
	if (u->dates == NULL)
		u->dates = text_alloc(DATES / 8 + 1);
	if ((u->dates[date / 8] & bit) != 0) {
		for (size_t i = 0; i < u->ndates && i < INGEST_DATES; i++)
			if (u->date[i] == date)
				return u->date_record[i];
		return -1;
	}
	u->dates[date / 8] |= bit;
	if (u->ndates < INGEST_DATES) {
		u->date[u->ndates] = date;
		u->date_record[u->ndates] = record;
	}
	u->ndates++;
	return 0;
}

static void
forget_dates(struct ingest_upload *u)
{
	if (u->ndates > INGEST_DATES)
		memset(u->dates, 0, DATES / 8 + 1);
	for (size_t i = 0; i < u->ndates && i < INGEST_DATES; i++)
		u->dates[u->date[i] / 8] = 0;
	u->ndates = 0;
}

static void
duplicate(struct ingest_upload *u, const struct segment_row *row, int64_t first)
{
	/* the record member: of NHI the person file, which is the last */
	struct ingest_member *m = &u->member[u->members - 1];
	struct diag d = { .code = DIAG_DUPLICATE,
		.file = m->name,
		.record = row->record,
		.offset = -1 };
	struct record rec;
	char number8[9], same[40];

	if (first > 0) {
		snprintf(
		    same, sizeof(same), DETAIL_DUPLICATE, (long long)first);
		d.detail = same;
	}
	m->refused++;
	if (u->head.kind == SEGMENT_PERIOD &&
	    record_unpack(&qualification_format, row->payload, &rec) == 0 &&
	    insurer_number_8(rec.v[Q_INSURER_NUMBER].s, number8) == 0)
		ingest_count(u, number8, &rec, -1);
	u->unsure = true;
	diag_raise(&m->faults.sink, &d);
}

/* Rows come in order of key and record number: the first one stays. */
static bool
keep_row(void *arg, const struct segment_row *row)
{
	struct ingest_upload *u = arg;
	int64_t first;

	if (row == NULL) {
		u->last_n = 0;
		return true;
	}
	if (memcmp(u->last_key, row->key, SEGMENT_KEY_SIZE) != 0 ||
	    u->last_n == 0) {
		memcpy(u->last_key, row->key, SEGMENT_KEY_SIZE);
		memcpy(u->last_payload, row->payload.p, row->payload.n);
		u->last_n = row->payload.n;
		u->last_record = row->record;
		forget_dates(u);
		return true;
	}
	/* most keys come once: dates are looked at from the second row on */
	if (u->ndates == 0)
		date_seen(u,
		    date_of(u, (struct slice) { u->last_payload, u->last_n }),
		    u->last_record);
	first = date_seen(u, date_of(u, row->payload), row->record);
	if (first == 0)
		return true;
	duplicate(u, row, first);
	return false;
}

/* ---- read ---- */

static struct manifest *
read_manifest(struct ingest_upload *u)
{
	char path[SPOOL_PATH_MAX];
	struct diag_sink *sink = &u->member[0].faults.sink;
	struct manifest *m = NULL;
	size_t n;
	char *doc;

	spool_path(path, u->root, "ready/%s/manifest.yaml", u->stem);
	doc = spool_slurp(path, MANIFEST_BYTES_MAX, &n);
	if (doc == NULL)
		diag_file(sink, DIAG_MANIFEST, u->stem, "%s", strerror(errno));
	else
		m = manifest_read((struct slice) { doc, n }, u->stem, sink);
	free(doc);
	return m;
}

static int
finish_segment(struct ingest_upload *u)
{
	char work[SPOOL_PATH_MAX];
	struct segment_make *make = u->make;

	u->make = NULL;
	spool_temp(work, u->root);
	if (segment_finish(make, work, &u->head) == -1)
		return io_failed(u, "segment");
	ingest_segment(u, work, &u->head);
	return 0;
}

static void
count_member(struct ingest_member *m)
{
	if (m->reader == NULL)
		return; /* a package's counts are there already */
	m->counts = record_count(m->reader);
	m->counts.accepted -= m->refused;
	m->counts.refused += m->refused;
}

/* Reads everything; -1: the environment failed. */
static int
read_upload(struct ingest_upload *u)
{
	bool records = u->feed->layouts[0] != NULL;
	char dir[SPOOL_PATH_MAX];

	u->manifest = read_manifest(u);
	u->full = u->manifest != NULL && u->manifest->full &&
	    u->feed->kind == SEGMENT_PERIOD && records;
	u->members = 1;
	if (records) {
		u->head.kind = u->feed->kind;
		u->head.id = u->file.id;
		spool_path(dir, u->root, "work");
		u->make = segment_create(&u->head, dir);
		segment_filter(u->make, keep_row, u);
		ingest_open(u);
	}
	if (u->feed->read(u) == -1 || (records && finish_segment(u) == -1))
		return -1;
	for (int i = 0; i < u->members; i++)
		count_member(&u->member[i]);
	return 0;
}

/* ---- decide ---- */

static enum diag_code
first_fatal(const struct ingest_upload *u)
{
	for (int i = 0; i < u->members; i++)
		for (int c = 0; c < DIAG__MAX; c++)
			if (diag_table[c].level == DIAG_FATAL &&
			    u->member[i].faults.sink.counts[c] > 0)
				return (enum diag_code)c;
	return DIAG__MAX;
}

static void
add_up(struct ingest_upload *u)
{
	struct ledger_file *f = &u->file;

	f->read = f->accepted = f->refused = f->held = 0;
	f->reason[0] = '\0';
	f->unchanged = u->unchanged;
	for (int i = 0; i < u->members; i++) {
		f->read += u->member[i].counts.read;
		f->accepted += u->member[i].counts.accepted;
		f->refused += u->member[i].counts.refused;
	}
}

/* The file as a whole is refused, or held: no record is accepted. */
static void
take_none(struct ingest_upload *u, const char *code)
{
	struct ledger_file *f = &u->file;
	bool held = f->state == FILE_HELD;

	snprintf(f->reason, sizeof(f->reason), "%s", code);
	f->refused = held ? 0 : f->read;
	f->held = held ? f->read : 0;
	f->accepted = f->unchanged = 0;
	for (int i = 0; i < u->members; i++) {
		struct record_counts *c = &u->member[i].counts;

		c->refused = held ? 0 : c->read;
		c->accepted = 0;
	}
}

/* Fills the ledger's row: state, counts, reason. -1: the ledger failed. */
static int
decide(struct ingest_upload *u)
{
	struct ledger_file *f = &u->file;
	struct diag_sink *sink = &u->member[u->members - 1].faults.sink;
	int percent = u->run->config->refuse_percent;
	enum diag_code why;

	add_up(u);
	if (percent < 100 && f->refused * 100 > f->read * percent)
		diag_file(sink, DIAG_TOO_MANY_REFUSED, u->stem, DETAIL_SHARE,
		    (long long)f->refused, (long long)f->read, percent);
	if (u->full && u->unsure)
		diag_file(sink, DIAG_FULL_UNSURE, u->stem, "%s", "");
	if (ingest_hold_load(u) == -1)
		return -1;
	if (ingest_hold_verdict(u, HOLD_REFUSE))
		diag_file(sink, DIAG_HOLD_REFUSED, u->stem, "%s", "");
	else if (ingest_hold_verdict(u, HOLD_RELEASE) ||
	    ingest_hold_verdict(u, HOLD_ARRIVED))
		diag_file(sink, DIAG_HOLD_RELEASED, u->stem, "%s", "");
	why = first_fatal(u);
	f->state = FILE_REFUSED;
	if (why != DIAG__MAX) {
		take_none(u, diag_table[why].code);
		return 0;
	}
	if (ingest_hold_order(u) == -1 || ingest_guard(u) == -1)
		return -1;
	f->state = u->holds == 0 ? FILE_INGESTED : FILE_HELD;
	if (u->holds > 0)
		take_none(u, u->hold[0].code);
	return 0;
}

/* ---- publish ---- */

static int
publish_segments(struct ingest_upload *u)
{
	char dir[SPOOL_PATH_MAX];

	spool_path(dir, u->root, "segments");
	for (int i = 0; i < u->segments; i++) {
		struct ingest_segment *s = &u->segment[i];

		if (publish_rename(s->work, dir, s->row.name) == -1)
			return io_failed(u, s->row.name);
		unlink(s->work); /* still there where both were one file */
		s->work[0] = '\0';
	}
	return 0;
}

static void
write_check(void *arg, FILE *out)
{
	const struct ingest_upload *u = arg;
	struct receipt_check r[2];
	struct receipt_hold hold[INGEST_HOLDS];
	int holds = ingest_hold_receipt(u, hold);
	bool held = u->file.state == FILE_HELD;

	for (int i = 0; i < u->members; i++) {
		const struct ingest_member *m = &u->member[i];

		r[i] = (struct receipt_check) { .id = u->file.id,
			.sha256 = u->file.sha256,
			.kind =
			    m->src.layout != NULL ? m->src.layout->data : NULL,
			.member = m->said != NULL ? m->said->name : m->name,
			.counts = m->counts,
			.total = m->total,
			.held = held ? m->counts.read : 0,
			.accepted = u->file.state == FILE_INGESTED,
			.hold = hold,
			.holds = holds,
			.why = &m->faults.sink,
			.day = u->run->day };
	}
	receipt_check_write(r, u->members, out);
}

static int
fill_errors(void *arg, struct error_writer *w)
{
	struct ingest_upload *u = arg;
	int r = 0;

	for (int i = 0; r == 0 && i < u->members; i++) {
		struct ingest_member *m = &u->member[i];

		r = error_writer_add(
		    w, &m->faults, m->fd != -1 ? &m->src : NULL);
	}
	return r;
}

static int
publish_returns(struct ingest_upload *u)
{
	struct returns r = { .root = u->root,
		.id = u->file.id,
		.sha256 = u->file.sha256,
		.max = u->run->config->error_rows,
		.result = write_check };

	return returns_errors(&r, fill_errors, u) == -1 ?
	    io_failed(u, "check result") :
	    0;
}

static int
enter_problems(struct ingest_upload *u)
{
	const struct filename *id = &u->file.id;
	int ok = ledger_problems_drop(u->ledger, id);

	for (int i = 0; i < u->members; i++)
		for (int c = 0; c < DIAG__MAX && ok == 0; c++) {
			int64_t n = u->member[i].faults.sink.counts[c];

			if (n > 0)
				ok = ledger_problem_add(
				    u->ledger, id, diag_table[c].code, n);
		}
	return ok;
}

static int
enter_ledger(struct ingest_upload *u)
{
	bool accepted = u->file.state == FILE_INGESTED;

	if (ledger_begin(u->ledger) == -1)
		return -1;
	for (int i = 0; accepted && i < u->segments; i++)
		if (ledger_segment_put(u->ledger, &u->segment[i].row) == -1)
			goto back;
	if (ledger_file_put(u->ledger, &u->file) == -1 ||
	    enter_problems(u) == -1 ||
	    (u->holds > 0 && ingest_hold_enter(u) == -1) ||
	    (accepted && ingest_guard_enter(u) == -1))
		goto back;
	return ledger_commit(u->ledger);
back:
	ledger_rollback(u->ledger);
	return -1;
}

static int
leave_ready(struct ingest_upload *u)
{
	char dir[SPOOL_PATH_MAX];

	spool_path(dir, u->root, "ready/%s", u->stem);
	return spool_remove_tree(dir) == -1 ? io_failed(u, "ready") : 0;
}

static int
publish_upload(struct ingest_upload *u)
{
	if (u->file.state == FILE_INGESTED && publish_segments(u) == -1)
		return -1;
	if (publish_returns(u) == -1 || enter_ledger(u) == -1)
		return -1;
	return u->file.state == FILE_HELD ? 0 : leave_ready(u);
}

static void
count_run(struct ingest_upload *u)
{
	struct run *run = u->run;
	int64_t alarms = 0;

	run->files++;
	run->read += u->file.read;
	run->accepted += u->file.accepted;
	run->refused += u->file.refused;
	run->unchanged += u->file.unchanged;
	if (u->file.refused > 0)
		run_worst(run, EXIT_RECORDS);
	if (u->file.state == FILE_HELD)
		ingest_hold_count(u);
	if (u->file.state == FILE_REFUSED) {
		run->files_refused++;
		run_worst(run, EXIT_FILES);
	}
	for (int i = 0; i < u->members; i++)
		alarms += u->member[i].faults.sink.counts[DIAG_MY_NUMBER];
	run->alarms += alarms;
	if (alarms > 0)
		diag_file(&run->log.sink, DIAG_MY_NUMBER, u->stem,
		    "%lld records", (long long)alarms);
	if (run->verbose)
		fprintf(stderr,
		    "shikaku-%s: %s: read=%lld accepted=%lld refused=%lld %s\n",
		    run->name, u->stem, (long long)u->file.read,
		    (long long)u->file.accepted, (long long)u->file.refused,
		    file_state_names[u->file.state]);
}

static void
close_upload(struct ingest_upload *u)
{
	for (int i = 0; i < 2; i++) {
		struct ingest_member *m = &u->member[i];

		if (m->reader != NULL)
			record_close(m->reader);
		if (m->fd != -1)
			close(m->fd);
		error_list_free(&m->faults);
	}
	for (int i = 0; i < u->segments; i++)
		if (u->segment[i].work[0] != '\0')
			unlink(u->segment[i].work);
	segment_abandon(u->make);
	free(u->manifest);
	free(u->segment);
	free(u->dates);
	free(u->count);
	free(u);
}

static int
ingest_upload(const struct ingest_upload *model, const struct ledger_file *file)
{
	struct ingest_upload *u = text_alloc(sizeof(*u));
	char work[SPOOL_PATH_MAX];
	int r = -1;

	*u = *model;
	u->file = *file;
	spool_path(work, u->root, "work");
	filename_format(&file->id, "", u->stem);
	u->lenient = lenient_of(u->agreed, file->id.sender, u->run->day);
	for (int i = 0; i < 2; i++) {
		u->member[i].fd = -1;
		error_list_init(&u->member[i].faults, work,
		    u->run->config->error_rows, &u->run->log.sink, DIAG_FATAL);
	}
	if (read_upload(u) == -1)
		goto out;
	if (decide(u) == -1)
		goto out;
	if (!u->run->dry && publish_upload(u) == -1)
		goto out;
	count_run(u);
	r = 0;
out:
	if (r == -1)
		run_worst(u->run, EXIT_TEMPORARY);
	close_upload(u);
	return r;
}

/* ---- a side ---- */

struct waiting {
	struct filename id;
	const struct ingest_feed *feed;
};

static int
by_order(const void *a, const void *b)
{
	const struct filename *x = &((const struct waiting *)a)->id;
	const struct filename *y = &((const struct waiting *)b)->id;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	if (x->feed != y->feed)
		return x->feed < y->feed ? -1 : 1;
	return strcmp(x->sender, y->sender);
}

/* What lies in ready/ for these feeds, in order. Yours to free. */
static struct waiting *
list_ready(const char *root, const struct ingest_feed *feeds, size_t *n)
{
	char dir[SPOOL_PATH_MAX];
	struct spool_names names;
	struct waiting *v;

	spool_path(dir, root, "ready");
	*n = 0;
	if (spool_dirs(dir, &names) == -1)
		return NULL;
	v = text_alloc(names.n * sizeof(*v));
	for (size_t i = 0; i < names.n; i++) {
		struct waiting *w = &v[*n];

		if (filename_parse_stem(slice_of(names.v[i]), &w->id) == -1)
			continue;
		for (w->feed = feeds; w->feed->read != NULL; w->feed++)
			if (w->feed->feed == w->id.feed)
				break;
		*n += w->feed->read != NULL;
	}
	spool_free(&names);
	if (*n > 1)
		qsort(v, *n, sizeof(*v), by_order);
	return v;
}

/* Reads it, or only clears away what an earlier run has finished; one that
 * the ledger does not have ready yet is left to intake. */
static int
take_waiting(struct ingest_upload *model, const struct waiting *w)
{
	struct ledger_file file;
	int r = ledger_file_get(model->ledger, &w->id, &file);

	if (r != 1 || file.state == FILE_ARRIVED)
		return r == -1 ? -1 : 0;
	model->feed = w->feed;
	filename_format(&w->id, "", model->stem);
	if (file.state == FILE_HELD) {
		model->file = file;
		r = ingest_hold_waits(model);
		if (r != 0)
			return r == 1 ? 0 : -1;
	} else if (file.state != FILE_READY) {
		return model->run->dry ? 0 : leave_ready(model);
	}
	return ingest_upload(model, &file);
}

int
ingest_side(struct run *run, const char *root, const struct ingest_feed *feeds,
    const struct partners *partners, struct ingest_orders *orders, void *arg)
{
	struct ingest_upload *model;
	struct waiting *v = NULL;
	size_t n = 0;
	int r = -1;

	if (run_lock(run, root) == -1)
		return -1;
	model = text_alloc(sizeof(*model));
	model->run = run;
	model->root = root;
	model->partners = partners;
	model->arg = arg;
	model->agreed = lenient_load(run->config->leniencies, &run->log.sink);
	if (model->agreed == NULL) {
		run_worst(run, EXIT_CONFIG);
		goto out;
	}
	if ((model->ledger = ledger_open(root, &run->log.sink)) == NULL)
		goto out;
	if (orders != NULL && ingest_obey(model->ledger, run, orders) == -1)
		goto out;
	if ((v = list_ready(root, feeds, &n)) == NULL) {
		io_failed(model, root);
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		if (run_stopped()) {
			run_worst(run, EXIT_STOPPED);
			break;
		}
		if (take_waiting(model, &v[i]) == -1)
			goto out;
	}
	r = 0;
out:
	if (r == -1)
		run_worst(run, EXIT_TEMPORARY);
	lenient_free(model->agreed);
	ledger_close(model->ledger);
	free(v);
	free(model);
	return r;
}
