/*
 * shikaku-hold: which records are on hold, and an operator's word on them.
 * The word is a segment (order release or drop) with the held rows again, in
 * segments/ and in the ledger like any other: the next rebuild carries it
 * out, and the archived segments alone still make every generation.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/holds.h"
#include "batch/publish.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/segment_make.h"

#define WORDS_MAX 1000

struct word { /* what the operator says: STEM or STEM:RECORD */
	enum segment_order order;
	char stem[64];
	int64_t record; /* -1: all of the upload */
	bool found;
};
struct held {
	struct hold hold;
	enum segment_order order; /* 0: nobody said anything yet */
	bool waits; /* said before; the next rebuild does it */
};
struct job {
	struct run run;
	struct diag_sink *sink;
	const char *root;
	struct ledger *ledger;
	struct word word[WORDS_MAX];
	int words;
	struct held *v; /* by upload and record */
	size_t n, max;
};

static int
option(void *arg, int letter, const char *value)
{
	struct job *j = arg;
	struct word *w = &j->word[j->words];
	const char *colon = strchr(value, ':');
	size_t n = colon == NULL ? strlen(value) : (size_t)(colon - value);
	struct filename id;

	if (j->words == WORDS_MAX)
		return -1;
	w->order = letter == 'r' ? SEGMENT_RELEASE : SEGMENT_DROP;
	w->record = -1;
	if (filename_parse_stem((struct slice) { value, n }, &id) == -1 ||
	    (colon != NULL &&
		(!slice_digits(slice_of(colon + 1)) || strlen(colon + 1) > 10)))
		return -1;
	filename_format(&id, "", w->stem);
	if (colon != NULL)
		w->record = slice_number(slice_of(colon + 1));
	j->words++;
	return 0;
}

static int
io(struct job *j, const char *path)
{
	diag_file(j->sink, DIAG_IO, path, "%s", strerror(errno));
	run_worst(&j->run, EXIT_TEMPORARY);
	return -1;
}

/* ---- the list ---- */

static int
load_hold(void *arg, const struct hold *h)
{
	struct job *j = arg;

	if (j->n == j->max) {
		j->max = 2 * j->max + 64;
		j->v = text_realloc(j->v, j->max * sizeof(*j->v));
	}
	j->v[j->n++] = (struct held) { .hold = *h };
	return 0;
}

static int
held_cmp(const void *a, const void *b)
{
	const struct hold *x = &((const struct held *)a)->hold;
	const struct hold *y = &((const struct held *)b)->hold;
	int c = strcmp(x->stem, y->stem);

	return c != 0 ? c : x->record < y->record ? -1 : x->record > y->record;
}

static struct held *
find(struct job *j, const char *stem, int64_t record)
{
	struct held key = { .hold.record = record };

	snprintf(key.hold.stem, sizeof(key.hold.stem), "%s", stem);
	return j->n == 0 ? NULL :
			   bsearch(&key, j->v, j->n, sizeof(*j->v), held_cmp);
}

/* What was said before and no rebuild has carried out yet. */
static int
mark_waiting(void *arg, const struct ledger_segment *l)
{
	struct job *j = arg;
	char path[SPOOL_PATH_MAX], stem[64];
	struct segment_row row;
	int got = 0;

	if (strstr(l->name, ".verdict-") == NULL)
		return 0;
	spool_path(path, j->root, "segments/%s", l->name);
	struct segment *s = segment_open(path, l->name, false, j->sink);
	if (s == NULL)
		return -1;
	filename_format(&l->id, "", stem);
	while ((got = segment_next(s, &row)) == 1) {
		struct held *h = find(j, stem, row.record);
		if (h != NULL) {
			h->order = segment_head(s)->order;
			h->waits = true;
		}
	}
	segment_close(s);
	return got;
}

static int
load(struct job *j)
{
	char dir[SPOOL_PATH_MAX];
	int found = holds_folder(j->root, INT64_MAX, dir);

	if (found == -1)
		return io(j, j->root);
	if (found == 1 && holds_read(dir, load_hold, j, j->sink) != 0) {
		run_worst(&j->run, EXIT_INTEGRITY);
		return -1;
	}
	if (j->n > 1)
		qsort(j->v, j->n, sizeof(*j->v), held_cmp);
	if (ledger_segments(j->ledger, 0, mark_waiting, j) != 0) {
		run_worst(&j->run, EXIT_INTEGRITY);
		return -1;
	}
	return 0;
}

static void
list(const struct job *j)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct held *h = &j->v[i];
		const char *said = h->order == SEGMENT_RELEASE ? "release" :
		    h->order == SEGMENT_DROP		       ? "drop" :
								 "-";
		printf("%s:%lld\t%s\t%lld\t%s\t%s\n", h->hold.stem,
		    (long long)h->hold.record, diag_table[h->hold.code].code,
		    (long long)h->hold.generation, said,
		    diag_table[h->hold.code].ja);
	}
}

/* ---- the word ---- */

static void
say(struct job *j, struct word *w)
{
	for (size_t i = 0; i < j->n; i++) {
		struct held *h = &j->v[i];
		if (strcmp(h->hold.stem, w->stem) != 0 ||
		    (w->record != -1 && h->hold.record != w->record))
			continue;
		w->found = true;
		j->run.read++;
		if (h->waits || h->order != SEGMENT_CHANGES) {
			j->run.unchanged++;
			continue;
		}
		h->order = w->order;
		j->run.accepted++;
	}
	if (w->found)
		return;
	j->run.read++;
	j->run.refused++;
	run_worst(&j->run, EXIT_RECORDS);
	struct diag d = { .code = DIAG_NOT_HELD,
		.file = w->stem,
		.record = w->record == -1 ? 0 : w->record,
		.offset = -1 };
	diag_raise(j->sink, &d);
}

/* The rows of one segment that go under one order, into a segment of it. */
static int
copy_rows(struct job *j, const char *name, enum segment_order order,
    const char *work, struct segment_head *head)
{
	char path[SPOOL_PATH_MAX], dir[SPOOL_PATH_MAX], stem[64];
	struct segment_row row;
	int got;

	spool_path(path, j->root, "segments/%s", name);
	spool_path(dir, j->root, "work");
	struct segment *s = segment_open(path, name, true, j->sink);
	if (s == NULL) {
		run_worst(&j->run, EXIT_INTEGRITY);
		return -1;
	}
	*head = *segment_head(s);
	head->order = order;
	filename_format(&head->id, "", stem);
	struct segment_make *m = segment_create(head, dir);
	while ((got = segment_next(s, &row)) == 1) {
		const struct held *h = find(j, stem, row.record);
		if (h != NULL && !h->waits && h->order == order &&
		    strcmp(h->hold.segment, name) == 0)
			segment_add(m, row.key, row.record, row.payload);
	}
	segment_close(s);
	if (segment_finish(m, work, head) == -1)
		return io(j, work);
	return 0;
}

/* A name the ledger does not have: SEGMENT without .seg, .verdict-NNNN.seg. */
static int
free_name(struct job *j, const char *name, char out[80])
{
	struct ledger_segment seen;
	int found = 1;

	for (int n = 1; found == 1 && n <= 9999; n++) {
		snprintf(out, 80, "%.*s.verdict-%04d.seg",
		    (int)(strlen(name) - 4), name, n);
		found = ledger_segment_get(j->ledger, out, &seen);
	}
	return found == 0 ? 0 : -1;
}

/* Segment first, then the ledger: a file the ledger does not know is written
 * over by whoever says the same again. */
static int
publish_word(struct job *j, const char *name, enum segment_order order)
{
	char work[SPOOL_PATH_MAX], dir[SPOOL_PATH_MAX];
	struct ledger_segment row = { .generation = 0 };
	struct segment_head head;

	if (free_name(j, name, row.name) == -1)
		return -1;
	spool_temp(work, j->root);
	if (copy_rows(j, name, order, work, &head) == -1)
		return -1;
	row.kind = (int)head.kind;
	row.rows = head.rows;
	row.id = head.id;
	memcpy(row.digest, head.digest, sizeof(row.digest));
	spool_path(dir, j->root, "segments");
	if (publish_rename(work, dir, row.name) == -1)
		return io(j, row.name);
	return ledger_segment_put(j->ledger, &row);
}

static int
publish_words(struct job *j)
{
	static const enum segment_order orders[] = { SEGMENT_RELEASE,
		SEGMENT_DROP };

	for (int o = 0; o < 2; o++) {
		const char *last = "";
		for (size_t i = 0; i < j->n; i++) {
			const struct held *h = &j->v[i];
			if (h->waits || h->order != orders[o] ||
			    strcmp(h->hold.segment, last) == 0)
				continue;
			last = h->hold.segment;
			if (publish_word(j, last, orders[o]) == -1)
				return -1;
		}
	}
	return 0;
}

static int
hold(struct job *j)
{
	const char *root = j->run.config->qualification_root;

	j->sink = &j->run.log.sink;
	j->root = root;
	if (root == NULL || root[0] == '\0') {
		diag_file(j->sink, DIAG_CONFIG, j->run.config_path, "%s",
		    "qualification.root is not set");
		run_worst(&j->run, EXIT_CONFIG);
		return -1;
	}
	if (run_lock(&j->run, root) == -1)
		return -1;
	j->ledger = ledger_open(root, j->sink);
	if (j->ledger == NULL) {
		run_worst(&j->run, EXIT_TEMPORARY);
		return -1;
	}
	if (load(j) == -1)
		return -1;
	if (j->words == 0) {
		list(j);
		if (j->n == 0)
			run_worst(&j->run, EXIT_NOTHING);
		return 0;
	}
	for (int i = 0; i < j->words; i++)
		say(j, &j->word[i]);
	return j->run.dry ? 0 : publish_words(j);
}

int
main(int argc, char **argv)
{
	struct job *j = text_alloc(sizeof(*j));
	const struct run_options options = {
		.letters = "r:d:",
		.option = option,
		.arg = j,
		.usage = "shikaku-hold -c SITE.yaml [-nv] [-D YYYY-MM-DD] "
			 "[-r UPLOAD[:RECORD] ...] [-d UPLOAD[:RECORD] ...]\n"
			 "  -c FILE  configuration of the site\n"
			 "  -r WHAT  release what is on hold\n"
			 "  -d WHAT  drop it\n",
	};
	int status;

	if (run_begin(&j->run, "hold", argc, argv, &options) == 0 &&
	    (hold(j) == -1)) {
		j->run.read = j->run.accepted = j->run.refused =
		    j->run.unchanged = 0;
		if (j->run.exit < EXIT_NOT_READY)
			run_worst(&j->run, EXIT_TEMPORARY);
	}
	ledger_close(j->ledger);
	free(j->v);
	status = run_end(&j->run);
	free(j);
	return status;
}
