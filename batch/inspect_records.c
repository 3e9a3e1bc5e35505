/* Record files, segments, snapshots: rows of our tables. */
#include <string.h>

#include "batch/inspect.h"
#include "formats/codec/day.h"
#include "formats/feeds.h"
#include "formats/qualification.h"
#include "formats/segment.h"
#include "formats/snapshot.h"

static bool
wanted(const struct inspect *i, int64_t n)
{
	return i->rows == 0 || n <= i->rows;
}

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static void
print(const struct inspect *i, const char *what, int64_t n,
    const struct record *r)
{
	printf("%s %lld\n", what, (long long)n);
	record_print(r, i->unmask, stdout);
}

int
inspect_records(const struct inspect *i, const char *path, int fd)
{
	struct diag_sink *sink = &i->run->log.sink;
	struct record_source src = { .name = base_of(path),
		.fd = fd,
		.today = i->run->day,
		.sink = sink };
	const struct record *head = NULL;
	struct record_reader *reader;
	enum record_result r;
	struct record rec;

	if (identify_records(path, fd, &i->told, &src, sink) == -1)
		return -1;
	printf("%s: %s (%s), %s, %s\n", path, src.layout->name, src.layout->ja,
	    syntax_names[src.syntax], charset_names[src.charset]);
	reader = record_open(&src);
	if (reader == NULL)
		return -1;
	while ((r = record_next(reader, &rec)) != RECORD_END &&
	    r != RECORD_BROKEN && !run_stopped()) {
		if (record_header(reader) != head) {
			head = record_header(reader);
			print(i, "header", 1, head);
		}
		if (r == RECORD_OK && wanted(i, rec.number))
			print(i, "record", rec.number, &rec);
	}
	if (record_trailer(reader) != NULL)
		print(i, "trailer", 1, record_trailer(reader));
	struct record_counts n = record_count(reader);
	record_close(reader);
	printf("read=%lld accepted=%lld refused=%lld replaced=%lld\n",
	    (long long)n.read, (long long)n.accepted, (long long)n.refused,
	    (long long)n.replaced);
	return r == RECORD_BROKEN ? -1 : 0;
}

static const char *const segment_kinds[SEGMENT__MAX] = {
	[SEGMENT_PERIOD] = "period",
	[SEGMENT_PAIR] = "pair",
	[SEGMENT_CARD] = "card",
	[SEGMENT_INSTITUTION] = "institution",
	[SEGMENT_REKEY] = "rekey",
};

static const struct format *const segment_formats[SEGMENT__MAX] = {
	[SEGMENT_PERIOD] = &qualification_format,
	[SEGMENT_CARD] = &link_format,
	[SEGMENT_INSTITUTION] = &institution_format,
};

/* A person's key is private; that of a card or institution is in the row. */
static void
print_key(const struct inspect *i, const char *key)
{
	size_t n = strnlen(key, SEGMENT_KEY_SIZE);

	if (i->unmask)
		printf("  key %.*s\n", (int)n, key);
	else
		printf("  key %.*s●×%zu\n", n > 9 ? 9 : (int)n, key,
		    n > 9 ? n - 9 : 0);
}

static void
print_pair(const struct inspect *i, const char *key, struct slice payload)
{
	const char *lf = memchr(payload.p, '\n', payload.n);

	print_key(i, key);
	if (i->unmask && payload.n > 0)
		printf("  pair %.*s %.*s\n",
		    lf == NULL ? 0 : (int)(lf - payload.p), payload.p,
		    lf == NULL ?
			0 :
			(int)(payload.n - 1 - (size_t)(lf - payload.p)),
		    lf == NULL ? "" : lf + 1);
	else if (payload.n > 0)
		printf("  pair ●×%zu\n", payload.n);
}

int
inspect_segment(const struct inspect *i, const char *path)
{
	struct segment *s =
	    segment_open(path, base_of(path), true, &i->run->log.sink);
	struct segment_row row;
	struct record rec;
	char stem[64];
	int64_t n = 0;
	int r;

	if (s == NULL)
		return -1;
	const struct segment_head *h = segment_head(s);
	filename_format(&h->id, "", stem);
	printf("%s: segment of %s, kind %s, scheme %c\n  rows=%lld\n"
	       "  digest %s\n",
	    path, stem, segment_kinds[h->kind],
	    h->scheme == 0 ? '-' : h->scheme, (long long)h->rows, h->digest);
	if (h->order != SEGMENT_CHANGES)
		printf("  order %s\n",
		    h->order == SEGMENT_DROP ? "drop" : "release");
	for (unsigned k = 0; k < h->scopes; k++)
		printf("  whole set of %.*s\n", SEGMENT_SCOPE_SIZE,
		    segment_scope(s, k));
	while ((r = segment_next(s, &row)) == 1 && wanted(i, ++n) &&
	    !run_stopped()) {
		const struct format *f = segment_formats[h->kind];

		printf("row %lld, record %lld of the file\n", (long long)n,
		    (long long)row.record);
		if (f == NULL)
			print_pair(i, row.key, row.payload);
		else if (record_unpack(f, row.payload, &rec) == 0)
			record_print(&rec, i->unmask, stdout);
	}
	segment_close(s);
	return r == -1 ? -1 : 0;
}

/* Whichever of the four kinds it is. */
static struct snapshot *
open_any(const struct inspect *i, const char *path, enum snapshot_kind *kind)
{
	struct snapshot_set_entry e = { .generation = 0 };
	struct diag_sink quiet = { .put = NULL };
	const char *base = base_of(path);
	char dir[512];
	struct snapshot *s = NULL;

	snprintf(dir, sizeof(dir), "%.*s", (int)(base - path), path);
	if (strlen(base) >= sizeof(e.file) ||
	    (size_t)(base - path) >= sizeof(dir)) {
		diag_file(&i->run->log.sink, DIAG_NOT_OURS, path, "name");
		return NULL;
	}
	snprintf(e.file, sizeof(e.file), "%s", base);
	for (int k = 0; s == NULL && k < SNAPSHOT__MAX; k++) {
		*kind = (enum snapshot_kind)k;
		s = snapshot_open(
		    dir[0] == '\0' ? "." : dir, *kind, &e, false, &quiet);
	}
	if (s == NULL)
		diag_file(&i->run->log.sink, DIAG_NOT_OURS, path,
		    "an SQLite file, but no snapshot: sqlite3 %s .dump", base);
	return s;
}

/* A revocation snapshot's rows are lines of words; nobody's name is there. */
static void
print_plain(struct slice payload)
{
	printf("  ");
	for (size_t k = 0; k < payload.n; k++)
		putchar(payload.p[k] == '\n' ? ' ' : payload.p[k]);
	printf("\n");
}

static int
print_rows(const struct inspect *i, struct snapshot *s, enum snapshot_kind kind)
{
	struct snapshot_walk *w = snapshot_walk_open(s);
	struct snapshot_walk_row row;
	int64_t n = 0;
	int r = 0;

	if (w == NULL)
		return -1;
	while ((r = snapshot_walk_next(w, &row)) == 1 && wanted(i, ++n) &&
	    !run_stopped()) {
		printf("row %lld\n", (long long)n);
		if (kind == SNAPSHOT_REVOCATION)
			print_plain(row.payload);
		else if (row.pair)
			print_pair(i, row.key, row.payload);
		else if (row.rec != NULL)
			record_print(row.rec, i->unmask, stdout);
	}
	snapshot_walk_close(w);
	return r == -1 ? -1 : 0;
}

int
inspect_snapshot(const struct inspect *i, const char *path)
{
	enum snapshot_kind kind;
	struct snapshot *s = open_any(i, path, &kind);
	char day[11] = "-", stamp[30];
	int r;

	if (s == NULL)
		return -1;
	const struct snapshot_set_entry *e = snapshot_entry(s);
	if (e->day != DAY_NONE)
		day_format_iso(e->day, day);
	day_format_stamp(e->cut_off, stamp);
	printf("%s: snapshot %s, generation %lld\n  rows=%lld\n  digest %s\n"
	       "  day %s, cut-off %s\n",
	    path, snapshot_names[kind], (long long)e->generation,
	    (long long)e->rows, e->digest, day, stamp);
	r = print_rows(i, s, kind);
	snapshot_close(s);
	return r;
}
