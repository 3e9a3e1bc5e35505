/* Reading what the responder wrote: proved, then as records. */
#include "batch/journals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/spool.h"
#include "formats/codec/csv_look.h"
#include "formats/codec/seal.h"

static int
journal_cmp(const void *a, const void *b)
{
	const struct journal_file *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	return x->worker - y->worker;
}

static void
journals_add(struct journals *j, const char *name, int32_t day, int worker)
{
	if (j->n == j->max) {
		j->max = j->max == 0 ? 16 : j->max * 2;
		j->v = text_realloc(j->v, j->max * sizeof(*j->v));
	}
	j->v[j->n] = (struct journal_file) { .day = day, .worker = worker };
	snprintf(j->v[j->n].name, sizeof(j->v[j->n].name), "%s", name);
	j->n++;
}

int
journals_list(const char *root, int32_t until, struct journals *out,
    struct diag_sink *sink)
{
	char dir[SPOOL_PATH_MAX];
	struct spool_names names;
	int32_t day;
	int worker;

	*out = (struct journals) { 0 };
	spool_path(dir, root, "journal");
	if (access(dir, F_OK) == -1 && errno == ENOENT)
		return 0; /* no responder ran here yet */
	if (spool_list(dir, &names) == -1) {
		diag_file(sink, DIAG_IO, "journal", "%s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < names.n; i++)
		if (usage_journal_parse(slice_of(names.v[i]), &day, &worker) ==
			0 &&
		    day <= until)
			journals_add(out, names.v[i], day, worker);
	spool_free(&names);
	if (out->n > 1)
		qsort(out->v, out->n, sizeof(*out->v), journal_cmp);
	return 0;
}

void
journals_free(struct journals *j)
{
	free(j->v);
	*j = (struct journals) { 0 };
}

static int
journal_open(const char *root, const char *name, struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX];
	int fd;

	spool_path(path, root, "journal/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		diag_file(sink, DIAG_IO, name, "%s", strerror(errno));
	return fd;
}

/* The columns of a line: none of them can hold a comma or a quote. False: not
 * U__MAX of them. 64 bytes after the line may be read. */
static bool
cut(csv_look *look, struct slice line, struct slice v[U__MAX])
{
	const char *from = line.p, *end = line.p + line.n;
	struct csv_block b;
	int i = 0;

	for (const char *p = line.p; p < end; p += 64) {
		look(p, &b);
		if (end - p < 64)
			b.commas &= (UINT64_C(1) << (end - p)) - 1;
		for (; b.commas != 0; b.commas &= b.commas - 1) {
			const char *comma = p + __builtin_ctzll(b.commas);

			if (i == U__MAX - 1)
				return false;
			v[i++] =
			    (struct slice) { from, (size_t)(comma - from) };
			from = comma + 1;
		}
	}
	v[i++] = (struct slice) { from, (size_t)(end - from) };
	return i == U__MAX;
}

struct proving {
	struct seal_hash *hash;
	csv_look *look;
	struct slice column[U__MAX]; /* of the line in hand */
	int64_t stop; /* *at is wanted of this line */
	char *at;
	journal_line_fn *each;
	void *arg;
};

/* One line against the one before it; moves the file's chain on. */
static const char *
prove_line(struct journal_file *f, struct slice line, struct proving *p)
{
	const struct slice *v = p->column;

	if (!cut(p->look, line, p->column))
		return "columns";
	usage_chain_by(p->hash, f->chain,
	    (struct slice) { line.p, line.n - v[U_CHAIN].n - 1 }, f->chain);
	if (!slice_is(v[U_CHAIN], f->chain))
		return "chain";
	if (slice_number(v[U_SEQUENCE]) != f->lines + 1)
		return "running number";
	if (slice_number(v[U_WORKER]) != f->worker)
		return "worker";
	return NULL;
}

/* One line of the file, its LF taken off; the first names the columns. */
static int
take_line(struct journal_file *f, struct slice line, struct proving *p,
    struct diag_sink *sink)
{
	const char *wrong;
	bool names = f->bytes == 0;

	f->bytes += (int64_t)line.n + 1;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (names)
		return 0;
	wrong = prove_line(f, line, p);
	if (wrong != NULL) {
		diag_file(sink, DIAG_JOURNAL_CHAIN, f->name, "line %lld: %s",
		    (long long)f->lines + 2, wrong);
		return -1;
	}
	f->lines++;
	if (f->lines == p->stop && p->at != NULL)
		memcpy(p->at, f->chain, 17);
	return p->each == NULL ? 0 : p->each(p->arg, p->column);
}

static int
prove(const char *root, struct journal_file *f, struct proving *how,
    struct diag_sink *sink)
{
	static const size_t size = 1 << 16; /* > RECORD_BYTES_MAX */
	char *p = text_alloc(size + 64); /* cut() */
	size_t have = 0, used;
	ssize_t n = 0;
	const char *lf;
	unsigned char unused[32];
	int fd = journal_open(root, f->name, sink), ok = -1;

	how->hash = seal_hash_new();
	how->look = csv_look_best();
	f->lines = f->bytes = 0;
	usage_chain_first(f->day, f->worker, f->chain);
	if (how->at != NULL)
		memcpy(how->at, f->chain, 17);
	if (fd == -1)
		goto out;
	while ((n = read(fd, p + have, size - have)) > 0) {
		have += (size_t)n;
		used = 0;
		while ((lf = memchr(p + used, '\n', have - used)) != NULL) {
			struct slice s = { p + used, (size_t)(lf - p) - used };

			if (take_line(f, s, how, sink) != 0)
				goto out;
			used += s.n + 1;
		}
		have -= used;
		memmove(p, p + used, have);
		if (have == size) {
			diag_file(sink, DIAG_JOURNAL_CHAIN, f->name,
			    "line %lld: too long", (long long)f->lines + 2);
			goto out;
		}
	}
	f->cut = have > 0;
	if (n == 0)
		ok = 0;
	else
		diag_file(sink, DIAG_IO, f->name, "%s", strerror(errno));
out:
	if (fd != -1)
		close(fd);
	seal_hash_end(how->hash, unused);
	free(p);
	return ok;
}

int
journal_prove(const char *root, struct journal_file *f, int64_t line,
    char at[17], struct diag_sink *sink)
{
	struct proving how = { .stop = line, .at = at };

	return prove(root, f, &how, sink);
}

int
journal_lines(const char *root, struct journal_file *f, journal_line_fn *each,
    void *arg, struct diag_sink *sink)
{
	struct proving how = { .stop = -1, .each = each, .arg = arg };

	return prove(root, f, &how, sink);
}

struct taking {
	struct journal_file *f;
	const char *known;
	int (*each)(void *arg, const struct record *card);
	void *arg;
	struct diag_sink *sink;
	struct record rec;
	char scratch[RECORD_BYTES_MAX];
};

static int
not_known(const struct taking *t)
{
	diag_file(t->sink, DIAG_JOURNAL_CHAIN, t->f->name,
	    "its first %lld lines are not those collected before",
	    (long long)t->f->from);
	return -1;
}

/* The columns of a line into t->rec; how many of them are wrong. */
static int
read_line(struct taking *t, const struct slice v[U__MAX])
{
	struct diag at = { .file = t->f->name,
		.line = t->f->lines + 1,
		.offset = -1,
		.record = t->f->lines };
	struct buf scratch;
	int bad = 0;

	buf_init(&scratch, t->scratch, sizeof(t->scratch));
	for (int i = 0; i < U__MAX; i++)
		bad += field_check(&usage_format.fields[i], v[i], &t->rec.v[i],
		    &scratch, 0, &at, t->sink);
	return bad;
}

/* Most lines are questions by number: of them only that is looked at. */
static int
on_line(void *arg, const struct slice v[U__MAX])
{
	struct taking *t = arg;
	const struct journal_file *f = t->f;

	if (f->lines <= f->from)
		return f->lines == f->from && t->known != NULL &&
			strcmp(f->chain, t->known) != 0 ?
		    not_known(t) :
		    0;
	if (v[U_CARD_RESULT].n == 0)
		return t->each(t->arg, NULL);
	t->rec.number = f->lines;
	if (read_line(t, v) == 0)
		return t->each(t->arg, &t->rec);
	diag_file(t->sink, DIAG_JOURNAL_CHAIN, f->name,
	    "line %lld is no usage line", (long long)f->lines + 1);
	return -1;
}

int
journal_each(const char *root, struct journal_file *f, const char *known,
    int (*each)(void *arg, const struct record *card), void *arg,
    struct diag_sink *sink)
{
	struct taking *t = text_alloc(sizeof(*t));
	int ok;

	*t = (struct taking) {
		.f = f, .known = known, .each = each, .arg = arg, .sink = sink
	};
	record_init(&t->rec, &usage_format);
	ok = journal_lines(root, f, on_line, t, sink);
	if (ok == 0 && f->lines < f->from)
		ok = not_known(t);
	free(t);
	return ok;
}
