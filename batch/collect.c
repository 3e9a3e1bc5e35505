/*
 * The usage journals of the responder -> one 利用実績 file of the day
 * (report 課金管理; domain/insurer-and-nhi-files.md 8).
 *
 * A file once written is closed: journal lines that come later, of that day
 * or an older one, go into the next file with their own time of use. What was
 * taken stands beside the file in riyo-YYYYMMDD.yaml, renamed last: a day that
 * has it is done. This list is the head of the day: it holds the ends of the
 * journals' chains and the digest of the list before, and riyo-YYYYMMDD.p7s
 * is our signature over it, so that nothing behind it can be made again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/journals.h"
#include "batch/publish.h"
#include "batch/riyo.h"
#include "batch/run.h"
#include "batch/stamps.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/seal.h"
#include "formats/codec/yaml.h"

#define SIGNATURE_MAX 16384

struct taken { /* of one journal, by the newest file that took from it */
	char name[48];
	int64_t lines;
	char chain[17];
};

struct collect {
	struct run run;
	struct diag_sink *sink;
	const char *root;
	char dir[SPOOL_PATH_MAX]; /* out/usage */
	struct taken *taken;
	size_t n;
	int files; /* written before */
	char previous[65]; /* digest of the newest list; "" at the first */
	int newest; /* its sequence */
	struct seal_key *key;
	bool done; /* the day has its file */
	struct spool_names names; /* of out/usage */
	struct journals journals;
	struct prices *prices;
	struct riyo *riyo;
	struct riyo_counts counts;
	int64_t late;
};

/* ---- what earlier files took ---- */

static struct taken *
taken_of(struct collect *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->taken[i].name, name) == 0)
			return &c->taken[i];
	return NULL;
}

static int
take_row(struct collect *c, const struct yaml *y, int i)
{
	const struct yaml_node *name, *lines, *chain;
	struct taken *t;
	char path[64];
	int64_t n;

	snprintf(path, sizeof(path), "journals[%d].name", i);
	name = yaml_find(y, path);
	if (name == NULL)
		return 0;
	snprintf(path, sizeof(path), "journals[%d].lines", i);
	lines = yaml_find(y, path);
	snprintf(path, sizeof(path), "journals[%d].chain", i);
	chain = yaml_find(y, path);
	if (name->value == NULL || strlen(name->value) >= sizeof(t->name) ||
	    lines == NULL || lines->value == NULL || chain == NULL ||
	    chain->value == NULL || strlen(chain->value) != 16)
		return -1;
	n = slice_number(slice_of(lines->value));
	t = taken_of(c, name->value);
	if (t == NULL) {
		c->taken =
		    text_realloc(c->taken, (c->n + 1) * sizeof(*c->taken));
		t = &c->taken[c->n++];
		*t = (struct taken) { 0 };
		snprintf(t->name, sizeof(t->name), "%s", name->value);
	}
	if (n >= t->lines) {
		t->lines = n;
		memcpy(t->chain, chain->value, sizeof(t->chain));
	}
	return 1;
}

/* The list with the highest sequence is the one the next follows. */
static int
take_sequence(struct collect *c, const struct yaml *y, struct slice doc)
{
	const struct yaml_node *node = yaml_find(y, "sequence");
	int64_t n = node != NULL && node->value != NULL ?
	    slice_number(slice_of(node->value)) :
	    -1;

	if (n < 1 || n > INT32_MAX)
		return -1;
	if (n > c->newest) {
		c->newest = (int)n;
		seal_digest(doc, c->previous);
	}
	return 1;
}

static int
take_file(struct collect *c, const char *name)
{
	char path[SPOOL_PATH_MAX], today[9];
	struct yaml *y = NULL;
	char *doc;
	size_t n;
	int row = 1;

	spool_path(path, c->dir, "%s", name);
	doc = spool_slurp(path, 1 << 24, &n);
	if (doc != NULL)
		y = yaml_read((struct slice) { doc, n }, name, c->sink);
	if (y != NULL)
		row = take_sequence(c, y, (struct slice) { doc, n });
	for (int i = 0; y != NULL && row == 1; i++)
		row = take_row(c, y, i);
	if (doc == NULL || y == NULL || row == -1)
		diag_file(c->sink, DIAG_JOURNAL_CHAIN, name,
		    "list of what was collected cannot be read");
	day_format(c->run.day, today);
	c->files++;
	if (strncmp(name + 5, today, 8) == 0)
		c->done = true;
	n = doc != NULL && y != NULL && row != -1;
	yaml_close(y);
	free(doc);
	return n ? 0 : -1;
}

/* riyo-YYYYMMDD.suffix */
static bool
is_day(const char *name, const char *suffix)
{
	return strlen(name) == 13 + strlen(suffix) &&
	    strncmp(name, "riyo-", 5) == 0 && strcmp(name + 13, suffix) == 0;
}

static int
take_all(struct collect *c)
{
	int ok = 0;

	spool_path(c->dir, c->root, "out/usage");
	if (publish_make_dir(c->dir) == -1 ||
	    spool_list(c->dir, &c->names) == -1) {
		diag_file(c->sink, DIAG_IO, "out/usage", "%s", strerror(errno));
		run_worst(&c->run, EXIT_TEMPORARY);
		return -1;
	}
	for (size_t i = 0; i < c->names.n && ok == 0; i++)
		if (is_day(c->names.v[i], ".yaml"))
			ok = take_file(c, c->names.v[i]);
	if (ok == -1)
		run_worst(&c->run, EXIT_INTEGRITY);
	return ok;
}

/* ---- the journals ---- */

static int
on_line(void *arg, const struct record *card)
{
	struct collect *c = arg;

	if (card != NULL && riyo_add(c->riyo, card) == -1) {
		diag_file(c->sink, DIAG_IO, c->root, "%s", strerror(errno));
		run_worst(&c->run, EXIT_TEMPORARY);
		return -1;
	}
	c->run.read++;
	c->run.accepted++;
	run_progress(&c->run, "collect", c->run.read, 0);
	if (run_stopped()) {
		run_worst(&c->run, EXIT_STOPPED);
		return -1;
	}
	return 0;
}

/* Chain and numbers from the first line on, and that what was taken before
 * is still the same. */
static int
read_journals(struct collect *c)
{
	for (size_t i = 0; i < c->journals.n; i++) {
		struct journal_file *f = &c->journals.v[i];
		const struct taken *t = taken_of(c, f->name);

		f->from = t != NULL ? t->lines : 0;
		if (journal_each(c->root, f, t != NULL ? t->chain : NULL,
			on_line, c, c->sink) == -1) {
			if (c->run.exit < EXIT_TEMPORARY)
				run_worst(&c->run, EXIT_INTEGRITY);
			return -1;
		}
		if (f->day < c->run.day)
			c->late += f->lines - f->from;
		c->run.files += f->lines > f->from;
	}
	return 0;
}

/* ---- what earlier files billed ---- */

static int
before_file(struct collect *c, const char *name)
{
	char path[SPOOL_PATH_MAX];
	struct record_source src = { .name = name,
		.layout = &usage_file_layout,
		.syntax = SYNTAX_CSV,
		.charset = CHARSET_UTF8,
		.today = DAY_NONE,
		.most = INT64_MAX,
		.sink = c->sink };
	struct record_reader *reader;
	struct record rec;
	enum record_result r = RECORD_OK;
	int ok = 0;

	spool_path(path, c->dir, "%s", name);
	src.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (src.fd == -1)
		return -1;
	reader = record_open(&src);
	while (ok == 0 && (r = record_next(reader, &rec)) == RECORD_OK)
		ok = riyo_before(c->riyo, &rec);
	record_close(reader);
	close(src.fd);
	if (ok == 0 && r != RECORD_END) {
		run_worst(&c->run, EXIT_INTEGRITY); /* raised */
		return -1;
	}
	return ok;
}

/* A 取引ID is billed once, also where a retry came after midnight or its
 * line late: files from fees.retry_days before the first day of use on. A
 * record is never in a file older than its day, so none is overlooked. */
static int
read_before(struct collect *c)
{
	int32_t first = riyo_first(c->riyo), day;
	char name[32];

	for (size_t i = 0; first != DAY_NONE && i < c->names.n; i++) {
		if (!is_day(c->names.v[i], ".yaml"))
			continue;
		day = day_parse((struct slice) { c->names.v[i] + 5, 8 });
		if (day == DAY_NONE ||
		    day < first - c->run.config->fees_retry_days)
			continue;
		snprintf(name, sizeof(name), "%.13s.csv", c->names.v[i]);
		if (before_file(c, name) == -1) {
			if (c->run.exit < EXIT_TEMPORARY) {
				diag_file(c->sink, DIAG_IO, name, "%s",
				    strerror(errno));
				run_worst(&c->run, EXIT_TEMPORARY);
			}
			return -1;
		}
	}
	return 0;
}

/* ---- the file and the list beside it ---- */

static void
list_write(
    const struct collect *c, const char *csv, const char *sha256, FILE *f)
{
	fprintf(f, "# what shikaku-collect took into this file\n");
	fprintf(
	    f, "sequence: %d\nprevious: \"%s\"\n", c->newest + 1, c->previous);
	fprintf(f, "file: \"%s\"\nsha256: \"%s\"\n", csv, sha256);
	fprintf(f, "records: %lld\nchecks: %lld\nprovisions: %lld\n",
	    (long long)c->counts.records, (long long)c->counts.checks,
	    (long long)c->counts.provisions);
	fprintf(f, "billable: %lld\nretries: %lld\nunknown: %lld\n",
	    (long long)c->counts.due, (long long)c->counts.retries,
	    (long long)c->counts.unknown);
	fprintf(f, "retry_days: %d\n", c->run.config->fees_retry_days);
	fprintf(f, "journals:%s\n", c->journals.n == 0 ? " []" : "");
	for (size_t i = 0; i < c->journals.n; i++) {
		const struct journal_file *j = &c->journals.v[i];

		fprintf(f,
		    "  - name: \"%s\"\n    from: %lld\n    lines: %lld\n"
		    "    chain: \"%s\"\n",
		    j->name, (long long)j->from, (long long)j->lines, j->chain);
	}
}

static int
digest_of(const char *dir, const char *name, char sha256[65])
{
	char path[SPOOL_PATH_MAX];
	int fd, ok;

	spool_path(path, dir, "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	ok = seal_digest_fd(fd, sha256);
	close(fd);
	return ok;
}

static int
publish_file(struct collect *c, const char *csv)
{
	struct publish p;
	bool gap;

	if (publish_open(&p, c->root) == -1)
		return -1;
	if (riyo_write(c->riyo, fileno(p.f), csv, c->run.day,
		c->files % 9999 + 1, &c->counts, &gap, c->sink) == -1) {
		publish_abandon(&p);
		run_worst(&c->run, gap ? EXIT_CONFIG : EXIT_TEMPORARY);
		return -1;
	}
	if (c->run.dry) {
		publish_abandon(&p);
		return 0;
	}
	return publish_commit(&p, c->dir, csv);
}

static int
publish_bytes(const struct collect *c, const char *suffix, struct slice bytes)
{
	char name[32], d[9];
	struct publish p;

	day_format(c->run.day, d);
	snprintf(name, sizeof(name), "riyo-%s.%s", d, suffix);
	if (publish_open(&p, c->root) == -1)
		return -1;
	fwrite(bytes.p, 1, bytes.n, p.f);
	return publish_commit(&p, c->dir, name);
}

/* The signature first: where the list stands, all of the day stands. */
static int
publish_list(struct collect *c, const char *csv)
{
	char sha256[65], store[SIGNATURE_MAX], *doc = NULL;
	struct buf sig;
	size_t n = 0;
	FILE *f;
	int ok = -1;

	if (c->run.dry)
		return 0;
	if (digest_of(c->dir, csv, sha256) == -1 ||
	    (f = open_memstream(&doc, &n)) == NULL)
		return -1;
	list_write(c, csv, sha256, f);
	if (fclose(f) != 0)
		goto out;
	struct slice list = { doc, n };
	buf_init(&sig, store, sizeof(store));
	if (seal_sign_bytes(csv, list, c->key, c->run.now, &sig, c->sink) ==
		0 &&
	    publish_bytes(c, "p7s", buf_slice(&sig)) == 0)
		ok = publish_bytes(c, "yaml", list);
out:
	free(doc);
	return ok;
}

/* Journals with nothing new need no row: the row before holds. */
static void
drop_unchanged(struct collect *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->journals.n; i++)
		if (c->journals.v[i].lines > c->journals.v[i].from)
			c->journals.v[n++] = c->journals.v[i];
	c->journals.n = n;
}

static void
collect_day(struct collect *c)
{
	char csv[32], d[9], work[SPOOL_PATH_MAX];

	day_format(c->run.day, d);
	snprintf(csv, sizeof(csv), "riyo-%s.csv", d);
	spool_path(work, c->root, "work");
	if (journals_list(c->root, c->run.day, &c->journals, c->sink) == -1 ||
	    (c->riyo = riyo_new(work, c->prices)) == NULL) {
		run_worst(&c->run, EXIT_TEMPORARY);
		return;
	}
	if (read_journals(c) == -1 || read_before(c) == -1)
		return;
	drop_unchanged(c);
	if (publish_file(c, csv) == -1 || publish_list(c, csv) == -1) {
		if (c->run.exit >= EXIT_TEMPORARY)
			return; /* told */
		diag_file(c->sink, DIAG_IO, csv, "%s", strerror(errno));
		run_worst(&c->run, EXIT_TEMPORARY);
		return;
	}
	run_note(&c->run, "records", c->counts.records);
	run_note(&c->run, "billable", c->counts.due);
	run_note(&c->run, "late", c->late);
}

/* Of all heads there are: an answer may come a day later. */
static void
stamp_heads(struct collect *c)
{
	struct stamps n;

	if (c->run.dry || c->run.exit >= EXIT_TEMPORARY ||
	    *c->run.config->tsa_ca == '\0')
		return;
	if (stamps_run(c->root, c->dir, c->run.config->tsa_ca, &n, c->sink) ==
	    -1)
		run_worst(&c->run, EXIT_TEMPORARY);
	run_note(&c->run, "stamped", n.kept);
	run_note(&c->run, "unstamped", n.wait);
}

int
main(int argc, char **argv)
{
	struct collect c = { 0 };

	if (run_begin(&c.run, "collect", argc, argv, NULL) == -1)
		return run_end(&c.run);
	const struct config *k = c.run.config;
	c.sink = &c.run.log.sink;
	c.root = k->qualification_root;
	if (*c.root == '\0') {
		diag_file(c.sink, DIAG_CONFIG, c.run.config_path,
		    "qualification.root is empty: collect works on that side");
		run_worst(&c.run, EXIT_CONFIG);
	} else if ((c.key = seal_key_open(
			k->publish_key, k->publish_cert, c.sink)) == NULL ||
	    (c.prices = prices_load(k->prices, c.sink)) == NULL) {
		run_worst(&c.run, EXIT_CONFIG);
	} else if (run_lock(&c.run, c.root) == 0 && take_all(&c) == 0) {
		if (c.done)
			run_worst(&c.run, EXIT_NOTHING);
		else
			collect_day(&c);
		stamp_heads(&c);
	}
	seal_key_free(c.key);
	riyo_free(c.riyo);
	prices_free(c.prices);
	spool_free(&c.names);
	journals_free(&c.journals);
	free(c.taken);
	return run_end(&c.run);
}
