/* A record file, message or paper as its receiver reads it: same tables, same
 * rules, same error list. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/check.h"
#include "batch/spool.h"
#include "formats/codec/detail.h"
#include "formats/codec/sort.h"
#include "formats/error_list.h"
#include "formats/limits.h"

#define KEY_SIZE 96 /* the longest: 40 + 40 of a card link */
#define KEY_MEMORY (INT64_C(32) << 20)

struct checked {
	struct run *run;
	const char *temp_dir;
	bool with_rows;
	int64_t max;
	struct error_writer *writer;
	/* the file at hand */
	struct record_source src;
	struct error_list list;
	struct record_counts counts;
	struct sort *keys; /* of accepted records; NULL: not asked */
	bool broken, failed;
	/* a message or paper; NULL: records */
	const struct document *document;
	const char *path;
	unsigned unknown; /* elements passed over */
};

static void
verdict(const struct checked *c, const char *path)
{
	const struct record_counts *n = &c->counts;
	const char *syntax = c->document == NULL ? syntax_names[c->src.syntax] :
	    c->document->form == DOCUMENT_XML	 ? "xml" :
						   "yaml";

	fprintf(stderr, "shikaku-check: %s: layout=%s syntax=%s ", path,
	    c->src.layout->name, syntax);
	if (c->document == NULL)
		fprintf(stderr, "charset=%s ", charset_names[c->src.charset]);
	fprintf(stderr, "read=%lld accepted=%lld refused=%lld exit=%d\n",
	    (long long)n->read, (long long)n->accepted, (long long)n->refused,
	    c->run->exit);
	if (c->unknown > 0)
		fprintf(stderr,
		    "%u elements are of no item and would be passed over / "
		    "レイアウトにない要素が%u個あり、読み飛ばされます\n",
		    c->unknown, c->unknown);
	if (c->broken)
		fputs("the file as a whole would be refused / "
		      "このファイルは受け付けられません\n",
		    stderr);
	else if (n->refused > 0)
		fputs("the file would be taken, the records listed would not / "
		      "一覧のレコードは受け付けられません\n",
		    stderr);
	else
		fputs("the file would be taken / "
		      "このファイルは受け付けられます\n",
		    stderr);
}

/* ---- the same key twice ---- */

/* Files that become rows of a segment under their key. The joined key of
 * municipal NHI takes both of its files: there only the receiver can tell. */
static bool
has_keys(const struct layout *l)
{
	for (unsigned i = 0; l->header != NULL && i < l->data->nfields; i++) {
		unsigned f = l->data->fields[i].flags;

		if ((f & FIELD_KEY) != 0 && (f & FIELD_STORED) != 0)
			return true;
	}
	return false;
}

static void
note_key(struct checked *c, const struct record *rec)
{
	char key[KEY_SIZE + 1];
	struct buf b;

	memset(key, 0, sizeof(key));
	buf_init(&b, key, sizeof(key));
	for (unsigned i = 0; i < rec->format->nfields; i++)
		if ((rec->format->fields[i].flags & FIELD_KEY) != 0) {
			buf_put(&b, rec->v[i].s);
			buf_putc(&b, '\n');
		}
	if (sort_add(c->keys, key,
		(struct slice) {
		    (const char *)&rec->number, sizeof(rec->number) }) == -1)
		c->failed = true;
}

/* The first record of a key stays, as in ingest. */
static void
find_twice(struct checked *c)
{
	char last[KEY_SIZE] = "", same[40];
	int64_t record, first = 0;
	const void *key;
	struct slice number;
	int got = sort_finish(c->keys);

	while (got != -1 && (got = sort_next(c->keys, &key, &number)) == 1) {
		struct diag d = { .code = DIAG_DUPLICATE,
			.file = c->src.name,
			.offset = -1 };

		memcpy(&record, number.p, sizeof(record));
		if (memcmp(last, key, KEY_SIZE) == 0) {
			snprintf(same, sizeof(same), DETAIL_DUPLICATE,
			    (long long)first);
			d.record = record;
			d.detail = same;
			diag_raise(&c->list.sink, &d);
			c->counts.accepted--;
			c->counts.refused++;
		} else {
			first = record;
		}
		memcpy(last, key, KEY_SIZE);
	}
	if (got == -1)
		c->failed = true;
}

/* ---- one file ---- */

static void
read_all(struct checked *c)
{
	struct record_reader *reader = record_open(&c->src);
	enum record_result r;
	struct record rec;

	if (has_keys(c->src.layout))
		c->keys = sort_new(KEY_SIZE, KEY_MEMORY, c->temp_dir);
	while ((r = record_next(reader, &rec)) != RECORD_END &&
	    r != RECORD_BROKEN && !run_stopped()) {
		error_list_record(&c->list, &rec);
		if (r == RECORD_OK && c->keys != NULL)
			note_key(c, &rec);
		run_progress(c->run, "records", rec.number, 0);
	}
	c->counts = record_count(reader);
	c->broken = r == RECORD_BROKEN;
	record_close(reader);
	if (c->keys != NULL) {
		find_twice(c);
		sort_free(c->keys);
		c->keys = NULL;
	}
}

/* ---- one message or paper ---- */

/* Its table as the error list wants one, for names in Japanese: what is about
 * a unit has the unit's kind, all else the document's. */
struct as_layout {
	struct field field[DOCUMENT_ROWS_MAX];
	struct format whole, unit;
	struct layout layout;
};

static void
describe_document(const struct document *d, struct as_layout *out)
{
	int unit = document_unit(d);

	for (unsigned i = 0; i < d->nrows; i++) {
		out->field[i] = d->rows[i].field;
		out->field[i].item = (int)i + 1;
	}
	out->whole = (struct format) { .name = d->name,
		.ja = d->ja,
		.fields = out->field,
		.nfields = d->nrows };
	out->unit = out->whole;
	if (unit >= 0) {
		out->unit.name = d->rows[unit].field.name;
		out->unit.ja = d->rows[unit].field.ja;
	}
	out->layout = (struct layout) { .name = d->name,
		.ja = d->ja,
		.header = &out->whole,
		.data = &out->unit };
}

/* A question of many is asked person by person: what is wrong with one is an
 * error of its own. Of all other papers one fault spoils the whole. */
static void
count_units(struct checked *c, const struct document_tree *t)
{
	int unit = document_unit(c->document);
	struct record_counts n = { 0 };

	for (int i = 1; t != NULL && i < t->n; i++)
		if ((int)t->v[i].row == unit) {
			n.read++;
			n.refused += t->v[i].faulty;
		}
	if (unit < 0)
		n.read = 1;
	c->broken = t == NULL || t->outside > 0 ||
	    (n.refused > 0 && c->document->form != DOCUMENT_XML);
	if (c->broken)
		n.refused = n.read;
	n.accepted = n.read - n.refused;
	c->counts = n;
}

static void
read_document(struct checked *c)
{
	struct document_source src = { .name = c->src.name,
		.document = c->document,
		.sink = c->src.sink };
	struct document_tree *t = NULL;
	size_t n = 0;
	char *bytes = spool_slurp(c->path, DOCUMENT_BYTES_MAX, &n);

	if (bytes == NULL && errno == EFBIG)
		diag_file(src.sink, DIAG_TOO_LARGE, src.name,
		    "at most %d bytes", DOCUMENT_BYTES_MAX);
	else if (bytes == NULL)
		diag_file(src.sink, DIAG_IO, src.name, "%s", strerror(errno));
	else if (n == 0)
		diag_file(src.sink, DIAG_EMPTY_FILE, src.name, "%s", "");
	if (n > 0) {
		src.bytes = (struct slice) { bytes, n };
		t = document_read(&src);
	}
	if (t != NULL)
		c->unknown = t->unknown;
	count_units(c, t);
	document_free(t);
	free(bytes);
}

static void
check_file(struct checked *c, const char *path)
{
	struct run *run = c->run;

	error_list_init(&c->list, c->temp_dir, c->max, NULL, DIAG_FATAL);
	c->list.whole_keys = c->with_rows;
	c->src.sink = &c->list.sink;
	if (c->document != NULL)
		read_document(c);
	else
		read_all(c);
	run->read += c->counts.read;
	run->accepted += c->counts.accepted;
	run->refused += c->counts.read - c->counts.accepted;
	if (c->broken)
		run_worst(run, EXIT_INPUT);
	else if (c->counts.refused > 0)
		run_worst(run, EXIT_RECORDS);
	if (error_writer_add(c->writer, &c->list, &c->src) == -1)
		c->failed = true;
	verdict(c, path);
	error_list_free(&c->list);
}

static void
open_and_check(
    struct checked *c, const char *path, const struct identify_options *told)
{
	const char *slash = strrchr(path, '/');
	struct diag_sink *log = &c->run->log.sink;
	struct as_layout as;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1) {
		diag_file(log, DIAG_IO, path, "%s", strerror(errno));
		run_worst(c->run, EXIT_INPUT);
		return;
	}
	c->src = (struct record_source) { .today = c->run->day,
		.name = slash == NULL ? path : slash + 1,
		.fd = fd };
	c->path = path;
	c->unknown = 0;
	c->document = identify_document(path, told);
	if (c->document != NULL) {
		describe_document(c->document, &as);
		c->src.layout = &as.layout;
		if (c->document->form == DOCUMENT_XML)
			c->src.syntax = SYNTAX_XML;
		else
			c->src.fd = -1; /* rows of YAML are nobody's */
		check_file(c, path);
	} else if (identify_records(path, fd, told, &c->src, log) == -1)
		run_worst(c->run, EXIT_INPUT);
	else
		check_file(c, path);
	close(fd);
}

/* ---- the list ---- */

/* NULL where none is wanted or, failed, none could be made. */
static FILE *
list_file(struct checked *c, const char *path)
{
	FILE *f = path == NULL ? NULL : fopen(path, "we");

	if (path != NULL && f == NULL) {
		diag_file(
		    &c->run->log.sink, DIAG_IO, path, "%s", strerror(errno));
		c->failed = true;
	}
	return f;
}

static void
list_close(struct checked *c, FILE *f)
{
	if (f != NULL && (f == stdout ? fflush(f) : fclose(f)) != 0)
		c->failed = true;
}

void
check_files(struct run *run, const struct check_wish *wish)
{
	const char *temp = getenv("TMPDIR");
	struct checked *c = text_alloc(sizeof(*c));
	struct error_paper paper = { .receipt = "", /* not arrived yet */
		.xlsx = wish->xlsx,
		.with_rows = wish->with_rows };

	c->run = run;
	c->with_rows = wish->with_rows;
	c->max =
	    run->config != NULL ? run->config->error_rows : ERROR_ROWS_DEFAULT;
	c->temp_dir = temp != NULL && *temp != '\0' ? temp : "/tmp";
	paper.max = c->max;
	paper.temp_dir = c->temp_dir;
	paper.csv = list_file(c, wish->csv);
	paper.cp932 = list_file(c, wish->cp932);
	if (wish->csv == NULL && wish->cp932 == NULL && wish->xlsx == NULL)
		paper.csv = stdout;
	errno = 0;
	if (!c->failed) {
		c->writer = error_writer_open(&paper);
		for (int i = 0; i < run->argc && !run_stopped(); i++)
			open_and_check(c, run->argv[i], &wish->told);
		if (error_writer_close(c->writer) == -1)
			c->failed = true;
	}
	list_close(c, paper.csv);
	list_close(c, paper.cp932);
	if (c->failed) {
		diag_file(&run->log.sink, DIAG_IO, "error list", "%s",
		    strerror(errno != 0 ? errno : EIO));
		run_worst(run, EXIT_TEMPORARY);
	}
	free(c);
}
