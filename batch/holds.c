#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/holds.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/sort.h"
#include "formats/held.h"
#include "formats/limits.h"
#include "formats/qualification.h"

/* ---- a bare CSV written whole ---- */

struct table {
	char path[SPOOL_PATH_MAX];
	int fd;
	struct record_writer *writer;
	struct record rec;
	char number[K__MAX][24];
	struct diag_sink *sink;
};

static int
io(struct diag_sink *sink, const char *path)
{
	diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
	return -1;
}

static int
table_open(struct table *t, const char *dir, const char *name,
    const struct layout *layout, struct diag_sink *sink)
{
	memset(t, 0, sizeof(*t));
	t->sink = sink;
	spool_path(t->path, dir, "%s", name);
	t->fd = open(t->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (t->fd == -1)
		return io(sink, t->path);
	record_init(&t->rec, layout->data);
	t->writer = record_create(
	    name, t->fd, layout, SYNTAX_CSV, CHARSET_UTF8_BOM, sink);
	return t->writer == NULL ? -1 : 0;
}

static void
table_number(struct table *t, int field, int64_t n)
{
	snprintf(t->number[field], sizeof(t->number[0]), "%lld", (long long)n);
	record_set(&t->rec, field, slice_of(t->number[field]));
}

static int
table_close(struct table *t, int r)
{
	if (t->writer != NULL && record_finish(t->writer) == -1)
		r = -1;
	if (t->fd != -1 && (fsync(t->fd) == -1 || close(t->fd) == -1))
		r = io(t->sink, t->path);
	return r;
}

/* Every row of dir/name through take(); a file that is not there has none. */
static int
table_read(const char *dir, const char *name, const struct layout *layout,
    int (*take)(void *arg, const struct record *rec), void *arg,
    struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX];
	int r;

	spool_path(path, dir, "%s", name);
	r = record_table(path, layout, sink, take, arg);
	if (r == -1)
		return errno == ENOENT ? 0 : io(sink, path);
	return r == 0 ? 0 : -1;
}

/* ---- counts ---- */

int
counts_write(const char *dir, const struct filename *files,
    const struct counts *counts, size_t n, struct diag_sink *sink)
{
	struct table t;
	char stem[64];
	int r = table_open(&t, dir, "counts.csv", &counts_layout, sink);

	for (size_t i = 0; i < n && r == 0; i++) {
		filename_format(&files[i], "", stem);
		record_set(&t.rec, K_FILE, slice_of(stem));
		table_number(&t, K_READ, counts[i].read);
		for (int s = 0; s < MERGE__MAX; s++)
			table_number(&t, K_ADDED + s, counts[i].state[s]);
		table_number(&t, K_REMOVED, counts[i].removed);
		r = record_write(t.writer, &t.rec);
	}
	return table_close(&t, r);
}

struct counts_each {
	int (*each)(void *arg, const char *stem, const struct counts *c);
	void *arg;
};

static void
copy(char *out, size_t max, struct slice s)
{
	size_t n = s.n < max ? s.n : max - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

static int
take_counts(void *arg, const struct record *rec)
{
	const struct counts_each *e = arg;
	struct counts c;
	char stem[64];

	copy(stem, sizeof(stem), rec->v[K_FILE].s);
	c.read = slice_number(rec->v[K_READ].s);
	for (int s = 0; s < MERGE__MAX; s++)
		c.state[s] = slice_number(rec->v[K_ADDED + s].s);
	c.removed = slice_number(rec->v[K_REMOVED].s);
	return e->each(e->arg, stem, &c);
}

int
counts_read(const char *dir,
    int (*each)(void *arg, const char *stem, const struct counts *c), void *arg,
    struct diag_sink *sink)
{
	struct counts_each e = { each, arg };

	return table_read(
	    dir, "counts.csv", &counts_layout, take_counts, &e, sink);
}

struct enter {
	struct ledger *ledger;
	int64_t generation;
	bool ours;
};

static int
enter_counts(void *arg, const char *stem, const struct counts *c)
{
	const struct enter *e = arg;
	struct ledger_reflection r = { .generation = e->generation,
		.read = c->read,
		.removed = c->removed };
	struct ledger_file file;

	_Static_assert(MERGE__MAX == 7, "states of a reflection");
	memcpy(r.state, c->state, sizeof(r.state));
	if (filename_parse_stem(slice_of(stem), &r.id) == -1)
		return -1;
	if (e->ours) {
		int found = ledger_file_get(e->ledger, &r.id, &file);
		if (found != 1)
			return found;
	}
	return ledger_reflection_put(e->ledger, &r);
}

int
counts_enter(struct ledger *l, const char *dir, int64_t generation, bool ours,
    struct diag_sink *sink)
{
	struct enter e = { l, generation, ours };

	if (ledger_begin(l) == -1)
		return -1;
	if (counts_read(dir, enter_counts, &e, sink) != 0) {
		ledger_rollback(l);
		return -1;
	}
	return ledger_commit(l);
}

/* ---- holds ---- */

struct holds_each {
	int (*each)(void *arg, const struct hold *h);
	void *arg;
};

static int
take_hold(void *arg, const struct record *rec)
{
	const struct holds_each *e = arg;
	struct hold h = { .code = DIAG__MAX };

	copy(h.stem, sizeof(h.stem), rec->v[HD_FILE].s);
	copy(h.segment, sizeof(h.segment), rec->v[HD_SEGMENT].s);
	h.record = slice_number(rec->v[HD_RECORD].s);
	h.generation = slice_number(rec->v[HD_GENERATION].s);
	int code = diag_find(rec->v[HD_CODE].s);
	h.code = code < 0 ? DIAG__MAX : (enum diag_code)code;
	return h.code == DIAG__MAX ? -1 : e->each(e->arg, &h);
}

int
holds_read(const char *dir, int (*each)(void *arg, const struct hold *h),
    void *arg, struct diag_sink *sink)
{
	struct holds_each e = { each, arg };

	return table_read(dir, "held.csv", &held_layout, take_hold, &e, sink);
}

int
holds_folder(const char *root, int64_t generation, char *out)
{
	char dir[SPOOL_PATH_MAX], list[SPOOL_PATH_MAX];
	struct spool_names names;
	int found = 0;

	spool_path(dir, root, "reflection");
	if (spool_dirs(dir, &names) == -1)
		return errno == ENOENT ? 0 : -1;
	for (size_t i = names.n; i-- > 0 && found == 0;) {
		if (names.v[i][0] != 'g' ||
		    slice_number(slice_of(names.v[i] + 1)) > generation)
			continue;
		spool_path(list, dir, "%s/held.csv", names.v[i]);
		if (access(list, F_OK) == 0) {
			spool_path(out, dir, "%s", names.v[i]);
			found = 1;
		}
	}
	spool_free(&names);
	return found;
}

#define STEM 60
#define KEY (STEM + 4) /* upload's stem, record number: big endian */

struct holds {
	struct sort *sort;
};

struct holds *
holds_new(const char *work_dir)
{
	struct holds *h = text_alloc(sizeof(*h));

	h->sort = sort_new(KEY, SORT_MEMORY / 8, work_dir);
	return h;
}

/* generation 0: the one that is being made; code DIAG__MAX: on hold no more */
static int
put(struct holds *h, const struct hold *hold)
{
	char key[KEY] = { 0 };

	memcpy(key, hold->stem, strnlen(hold->stem, STEM));
	for (int i = 0; i < 4; i++)
		key[STEM + i] =
		    (char)((uint32_t)hold->record >> (24 - 8 * i) & 255);
	return sort_add(
	    h->sort, key, (struct slice) { (const char *)hold, sizeof(*hold) });
}

int
holds_add(struct holds *h, const struct ledger_segment *s, int64_t record,
    enum diag_code code)
{
	struct hold hold = { .record = record,
		.code = merge_state(code) == MERGE_HELD ? code : DIAG__MAX };

	filename_format(&s->id, "", hold.stem);
	snprintf(hold.segment, sizeof(hold.segment), "%s", s->name);
	return put(h, &hold);
}

int
holds_save(struct holds *h, const char *dir)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, dir, "held");
	return sort_finish(h->sort) == -1 ? -1 : sort_save(h->sort, path);
}

int
holds_take(struct holds *h, const char *dir)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, dir, "held");
	return sort_take(h->sort, path);
}

static int
put_before(void *arg, const struct hold *hold)
{
	return put(arg, hold);
}

static int
write_hold(struct table *t, const struct hold *h, int64_t generation)
{
	record_set(&t->rec, HD_FILE, slice_of(h->stem));
	table_number(t, HD_RECORD, h->record);
	record_set(&t->rec, HD_CODE, slice_of(diag_table[h->code].code));
	record_set(&t->rec, HD_REASON_JA, slice_of(diag_table[h->code].ja));
	record_set(&t->rec, HD_REASON_EN, slice_of(diag_table[h->code].en));
	table_number(
	    t, HD_GENERATION, h->generation > 0 ? h->generation : generation);
	record_set(&t->rec, HD_SEGMENT, slice_of(h->segment));
	return record_write(t->writer, &t->rec);
}

/* Of all that is said about one record: on hold, unless it is no more. */
static int
write_list(struct holds *h, struct table *t, int64_t generation)
{
	struct hold now = { .code = DIAG__MAX }, next;
	bool any = false, over = false;
	const void *key;
	struct slice row;
	int got;

	do {
		got = sort_next(h->sort, &key, &row);
		if (got == -1)
			return io(t->sink, "sort");
		if (got == 1)
			memcpy(&next, row.p, sizeof(next));
		if (got == 1 && any && next.record == now.record &&
		    strcmp(next.stem, now.stem) == 0) {
			over = over || next.code == DIAG__MAX;
			if (next.generation > 0 || now.code == DIAG__MAX)
				now = next;
			continue;
		}
		if (any && !over && write_hold(t, &now, generation) == -1)
			return -1;
		now = next;
		over = got == 1 && next.code == DIAG__MAX;
		any = true;
	} while (got == 1);
	return 0;
}

int
holds_write(struct holds *h, const char *before, const char *dir,
    int64_t generation, struct diag_sink *sink)
{
	struct table t;
	int r;

	if (before != NULL && holds_read(before, put_before, h, sink) != 0) {
		if (sink->counts[DIAG_IO] == 0)
			io(sink, before);
		return -1;
	}
	if (sort_finish(h->sort) == -1)
		return io(sink, "sort");
	r = table_open(&t, dir, "held.csv", &held_layout, sink);
	if (r == 0)
		r = write_list(h, &t, generation);
	return table_close(&t, r);
}

void
holds_free(struct holds *h)
{
	if (h == NULL)
		return;
	sort_free(h->sort);
	free(h);
}

/* ---- cover elsewhere ---- */

#define COVER_KEY (TYPED_KEY_SIZE + 8 + 2) /* key, YYYYMMDD, code */

struct covers {
	struct sort *sort;
};

struct covers *
covers_new(const char *work_dir)
{
	struct covers *c = text_alloc(sizeof(*c));

	c->sort = sort_new(COVER_KEY, SORT_MEMORY / 8, work_dir);
	return c;
}

int
covers_add(struct covers *c, const struct typed_key *key, int32_t from,
    enum diag_code code)
{
	char row[COVER_KEY + 1];

	memcpy(row, key->b, TYPED_KEY_SIZE);
	day_format(from, row + TYPED_KEY_SIZE);
	row[COVER_KEY - 2] = (char)((unsigned)code >> 8);
	row[COVER_KEY - 1] = (char)((unsigned)code & 255);
	return sort_add(c->sort, row, (struct slice) { "", 0 });
}

static int
write_cover(struct table *t, const char *row)
{
	struct typed_key key;
	unsigned code = (unsigned)(unsigned char)row[COVER_KEY - 2] << 8 |
	    (unsigned char)row[COVER_KEY - 1];

	memcpy(key.b, row, sizeof(key.b));
	struct slice id = typed_key_text(&key);
	record_set(&t->rec, CV_INSURER_CODE, (struct slice) { id.p + 1, 8 });
	record_set(
	    &t->rec, CV_PERSON_ID, (struct slice) { id.p + 9, id.n - 9 });
	record_set(&t->rec, CV_QUALIFIED_ON,
	    (struct slice) { row + TYPED_KEY_SIZE, 8 });
	record_set(&t->rec, CV_CODE, slice_of(diag_table[code].code));
	record_set(&t->rec, CV_REASON_JA, slice_of(diag_table[code].ja));
	record_set(&t->rec, CV_REASON_EN, slice_of(diag_table[code].en));
	return record_write(t->writer, &t->rec);
}

int
covers_write(struct covers *c, const char *dir, struct diag_sink *sink)
{
	char last[COVER_KEY] = { 0 };
	struct slice none;
	const void *key;
	struct table t;
	int got = 0, r;

	if (sort_finish(c->sort) == -1)
		return io(sink, "sort");
	r = table_open(&t, dir, "cover.csv", &cover_layout, sink);
	while (r == 0 && (got = sort_next(c->sort, &key, &none)) == 1) {
		if (memcmp(last, key, COVER_KEY) == 0)
			continue;
		memcpy(last, key, COVER_KEY);
		r = write_cover(&t, last);
	}
	if (got == -1)
		r = io(sink, "sort");
	return table_close(&t, r);
}

void
covers_free(struct covers *c)
{
	if (c == NULL)
		return;
	sort_free(c->sort);
	free(c);
}
