/*
 * tool-store [-n PERSONS] [-d FOLDER] [-s SENDERS] [-cpk]: how fast the
 * store is, on synthetic persons of one period and one pairing each: the
 * first load from segments, a night in which one person in a hundred changes,
 * cards, lookups by typed key and by card. -c: the persons' records also as
 * FOLDER/peer.csv, for the peers that read text; -k: keep the files, else each
 * goes as soon as it is not needed.
 *
 * -p: beside it, on the same rows in key order, two bare loads of key and
 * record as one value: SQLite by one prepared INSERT per row (journal and
 * synchronous off), LMDB by MDB_APPEND.
 *
 * Each phase is a process of its own, so that CPU time, peak memory and a
 * profile are the phase's; disk is what its files, the unlinked ones too,
 * came to at the most. Prints lines "name value unit".
 */
#include <dirent.h>
#include <errno.h>
#include <lmdb.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "batch/rebuild_build.h"
#include "formats/codec/day.h"
#include "formats/segment_make.h"
#include "formats/snapshot.h"

#define CA "0123456789abcdef0123456789abcdef01234567"

static double
now(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
	return now(CLOCK_PROCESS_CPUTIME_ID);
}
/* Of it, outside the kernel: what page cache and disk cost is not in it. */
static double
user(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6;
}
static double
wall(void)
{
	return now(CLOCK_MONOTONIC);
}

static void
say(const char *name, double value, const char *unit)
{
	printf("%s %.4g %s\n", name, value, unit);
	fflush(stdout);
}

static void
die(const char *what)
{
	fprintf(stderr, "tool-store: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long persons = 1000000, senders = 20;
static char folder[300] = "/tmp/shikaku-store";
static bool keep;
static struct diag_sink *quiet;
static struct snapshot_set_entry none;

static uint32_t
mix(uint32_t x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	x *= 0x846ca68bu;
	return x ^ x >> 16;
}

/* Person i belongs to sender i * senders / persons: keys ascend with i. */
static void
codes(long i, char code[24], char id[48])
{
	snprintf(code, 24, "%08ld", 1000000 + i * senders / persons * 7);
	snprintf(
	    id, 48, "%ld%06x", 1000000000 + i, mix((uint32_t)i) & 0xffffff);
}

static void
period(long i, int change, struct record *r, char t[9][48])
{
	uint32_t x = mix((uint32_t)i * 2 + 1);

	codes(i, t[0], t[1]);
	snprintf(t[2], 48, "P%015ld", i * 7919 % 1000000007);
	snprintf(t[3], 48, "%u", 1000 + x % 9000);
	snprintf(t[4], 48, "%07u", x / 7 % 10000000);
	snprintf(t[5], 48, "%04u%02u%02u", 1930 + x % 90, 1 + x / 90 % 12,
	    1 + x / 1080 % 28);
	snprintf(t[6], 48, "%04u0401", 2000 + x / 3 % 25);
	snprintf(t[7], 48, "%03u-%04u", x % 1000, x / 1000 % 10000);
	record_init(r, &qualification_format);
	record_set(r, Q_CHANGE, change == 2 ? SLICE("2") : SLICE("1"));
	record_set(r, Q_CHANGE_DATE, SLICE("20260801"));
	record_set(r, Q_INSURER_CODE, slice_of(t[0]));
	record_set(r, Q_PERSON_ID, slice_of(t[1]));
	record_set(r, Q_PROCESSING_NUMBER, slice_of(t[2]));
	record_set(r, Q_CARD_CLASS, SLICE("01"));
	record_set(r, Q_INSURER_NUMBER, slice_of(t[0]));
	record_set(r, Q_SYMBOL, slice_of(t[3]));
	record_set(r, Q_INSURED_NUMBER, slice_of(t[4]));
	record_set(r, Q_BRANCH, SLICE("01"));
	record_set(r, Q_FAMILY, SLICE("1"));
	record_set(r, Q_NAME,
	    change == 2 ? SLICE("変更　花子") : SLICE("見本　太郎左衛門"));
	record_set(r, Q_INSURED_NAME, SLICE("見本　太郎左衛門"));
	record_set(r, Q_KANA, SLICE("ﾐﾎﾝ ﾀﾛｳｻﾞｴﾓﾝ"));
	record_set(r, Q_SEX1, x & 1 ? SLICE("1") : SLICE("2"));
	record_set(r, Q_BIRTHDATE, slice_of(t[5]));
	r->v[Q_BIRTHDATE].n = day_parse(slice_of(t[5]));
	record_set(r, Q_POST_NUMBER, slice_of(t[7]));
	record_set(r, Q_ADDRESS,
	    SLICE("東京都千代田区霞が関１丁目２番２号　見本マンション３０４"));
	record_set(r, Q_QUALIFIED_ON, slice_of(t[6]));
	r->v[Q_QUALIFIED_ON].n = day_parse(slice_of(t[6]));
	record_set(r, Q_CARD_ISSUED_ON, slice_of(t[6]));
	record_set(r, Q_CARD_FROM, slice_of(t[6]));
	record_set(r, Q_CARD_UNTIL, SLICE("20270331"));
}

static void
put(struct segment_make *m, long i, int64_t number, int change,
    enum segment_kind kind)
{
	char t[9][48], packed[4096];
	struct record r;
	struct typed_key k;
	struct buf b;

	if (kind == SEGMENT_PAIR) {
		codes(i, t[0], t[1]);
		int n = snprintf(packed, sizeof(packed), "P%015ld\n%08x%024lx",
		    i * 7919 % 1000000007, mix((uint32_t)i), i);
		typed_key_make(&k, 'E', slice_of(t[0]), slice_of(t[1]));
		if (segment_add(m, k.b, number,
			(struct slice) { packed, (size_t)n }) == -1)
			die("pair");
		return;
	}
	buf_init(&b, packed, sizeof(packed));
	if (kind == SEGMENT_CARD) {
		char key[SEGMENT_KEY_SIZE] = { 0 };
		snprintf(t[0], 48, "%08x", mix((uint32_t)i));
		snprintf(t[2], 48, "P%015ld", i * 7919 % 1000000007);
		record_init(&r, &link_format);
		record_set(&r, L_CA, SLICE(CA));
		record_set(&r, L_SERIAL, slice_of(t[0]));
		record_set(&r, L_PROCESSING_NUMBER, slice_of(t[2]));
		record_set(&r, L_STATE, SLICE("1"));
		record_set(&r, L_VALID_FROM, SLICE("20240401"));
		record_set(&r, L_VALID_UNTIL, SLICE("20290401"));
		record_set(&r, L_PROVIDED_AT, SLICE("20260801000000"));
		for (int h = 0; h < 20; h++)
			key[h] = (char)strtol(
			    (char[3]) { CA[2 * h], CA[2 * h + 1], 0 }, NULL,
			    16);
		for (int h = 0; h < 4; h++)
			key[28 + h] = (char)(mix((uint32_t)i) >> (24 - 8 * h));
		if (record_pack(&r, &b) == -1 ||
		    segment_add(m, key, number, (struct slice) { b.p, b.n }) ==
			-1)
			die("card");
		return;
	}
	period(i, change, &r, t);
	typed_key_make(&k, 'E', slice_of(t[0]), slice_of(t[1]));
	if (record_pack(&r, &b) == -1 ||
	    segment_add(m, k.b, number, (struct slice) { b.p, b.n }) == -1)
		die("period");
}

/* A segment of the persons from..to by step; entered among the inputs. */
static void
segment(struct inputs *in, int day, int sequence, enum segment_kind kind,
    long from, long to, long step, int change)
{
	struct ledger_segment l = { .kind = kind };
	struct segment_head h = { .kind = kind, .scheme = 'E' };
	char path[400];
	int64_t number = 0;

	memcpy(h.id.sender, "06139992", 9);
	h.id.feed = kind == SEGMENT_PAIR ? FEED_CODES :
	    kind == SEGMENT_CARD	 ? FEED_LINK :
					   FEED_SHIKAKU;
	h.id.day = day_of(2026, 8, day);
	h.id.sequence = sequence;
	snprintf(l.name, sizeof(l.name), "%d-%d-%d.seg", day, sequence, kind);
	snprintf(path, sizeof(path), "%s/segments/%s", folder, l.name);
	if (in == NULL) {
		unlink(path);
		struct segment_make *m = segment_create(&h, folder);
		for (long i = from; i < to; i += step)
			put(m, i, ++number, change, kind);
		if (segment_finish(m, path, &h) == -1)
			die(path);
		return;
	}
	struct segment *s = segment_open(path, l.name, false, quiet);
	if (s == NULL)
		die(path);
	h = *segment_head(s);
	segment_close(s);
	l.id = h.id;
	l.rows = h.rows;
	memcpy(l.digest, h.digest, sizeof(l.digest));
	in->v = text_realloc(in->v, (in->n + 1) * sizeof(*in->v));
	in->file = text_realloc(in->file, (in->n + 1) * sizeof(*in->file));
	in->files = text_realloc(in->files, (in->n + 1) * sizeof(*in->files));
	in->v[in->n] = l;
	in->file[in->n] = (int)in->n;
	in->files[in->n] = h.id;
	in->n_files = ++in->n;
}

struct phase { /* what a child leaves for its parent */
	struct snapshot_set_entry entry;
	double cpu, user, reflect;
};

static void
build(struct run *run, const struct inputs *in, enum snapshot_kind kind,
    const struct snapshot_set_entry *old,
    const struct snapshot_set_entry *persons_in, struct phase *out)
{
	char snapshots[400], results[400];
	struct guard guard = { 0 };
	struct purged purged = { 0 };
	struct build b = { .run = run,
		.root = folder,
		.in = in,
		.guard = &guard,
		.purged = &purged };
	struct snapshot_set_entry *next = &out->entry;
	double c = cpu(), u = user();

	snprintf(snapshots, sizeof(snapshots), "%s/snapshots", folder);
	snprintf(results, sizeof(results), "%s/results", folder);
	b.work_dir = b.persons_dir = snapshots;
	b.persons = persons_in;
	b.reflect = reflect_new(in, folder);
	next->generation = old->generation + 1;
	next->day = day_of(2026, 8, 1);
	if (build_snapshot(&b, kind, old, next) == -1)
		die("build");
	guard_free(&guard);
	out->reflect = cpu();
	if (reflect_write(b.reflect, NULL, results, next->generation, 0,
		&run->log.sink) == -1)
		die("reflect");
	out->reflect = cpu() - out->reflect;
	out->cpu = cpu() - c;
	out->user = user() - u;
}

/* Bytes in the folder and in files a process has open that have no name. */
static int64_t
disk_of(pid_t pid)
{
	char path[400], one[700], target[8];
	int64_t sum = 0;
	struct stat st;

	for (int i = 0; i < 4; i++) {
		static const char *const names[] = { "snapshots", "results",
			"." };
		if (i < 3)
			snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		else
			snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
		DIR *d = opendir(path);
		for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
			snprintf(one, sizeof(one), "%s/%s", path, e->d_name);
			if (i == 3 && readlink(one, target, 8) < 1)
				continue;
			if (stat(one, &st) == 0 && S_ISREG(st.st_mode) &&
			    (i < 3 || st.st_nlink == 0))
				sum += (int64_t)st.st_size;
		}
		if (d != NULL)
			closedir(d);
	}
	return sum;
}

/* Waits for a child, measuring; ends with it if it failed. */
static void
phase_wait(pid_t pid, const char *name, double *rss, int64_t *disk)
{
	struct rusage u;
	int status = 0;

	while (wait4(pid, &status, WNOHANG, &u) == 0) {
		int64_t now_disk = disk_of(pid);
		*disk = now_disk > *disk ? now_disk : *disk;
		usleep(persons < 3000000 ? 20000 : 200000);
	}
	if (status != 0) {
		fprintf(stderr, "tool-store: %s failed\n", name);
		exit(1);
	}
	*rss = (double)u.ru_maxrss / 1024;
}

static pid_t
phase_begin(const char *name)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		prctl(PR_SET_NAME, name, 0, 0, 0);
	return pid;
}

/* One rebuild as a phase; its rows at persons/s, memory and disk. */
static void
build_phase(struct run *run, const char *name, const struct inputs *in,
    enum snapshot_kind kind, const struct snapshot_set_entry *old,
    const struct snapshot_set_entry *persons_in,
    struct snapshot_set_entry *next)
{
	struct phase *out = mmap(NULL, sizeof(*out), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[900], text[64];
	double w = wall(), rss = 0;
	int64_t before = disk_of(getpid()), most = 0;
	struct stat st;

	pid_t pid = phase_begin(name);
	if (pid == 0) {
		build(run, in, kind, old, persons_in, out);
		_exit(0);
	}
	phase_wait(pid, name, &rss, &most);
	w = wall() - w;
	*next = out->entry;
	snprintf(path, sizeof(path), "%s/snapshots/%s", folder, next->file);
	if (stat(path, &st) == -1)
		die(path);
	double n = (double)next->rows, size = (double)st.st_size;
	struct {
		const char *what;
		double value;
		const char *unit;
	} say_of[] = { { "rows_per_s", n / out->cpu, "1/s" },
		{ "us_per_row", out->cpu * 1e6 / n, "us" },
		{ "user_us_per_row", out->user * 1e6 / n, "us" },
		{ "reflect_us_per_row", out->reflect * 1e6 / n, "us" },
		{ "wall", w, "s" }, { "peak_rss", rss, "MiB" },
		{ "bytes_per_row", size / n, "B" },
		/* the snapshot in force counts: it stays until the end */
		{ "disk_peak",
		    ((double)(most - before) +
			(old->generation > 0 ? size : 0)) /
			size,
		    "snapshots" } };
	for (size_t i = 0; i < sizeof(say_of) / sizeof(say_of[0]); i++) {
		snprintf(text, sizeof(text), "%s.%s", name, say_of[i].what);
		say(text, say_of[i].value, say_of[i].unit);
	}
	munmap(out, sizeof(*out));
}

/* ---- the floor: key and value, one call per row, in key order ---- */

static size_t
peer_row(long i, struct typed_key *k, char packed[4096])
{
	char t[9][48];
	struct record r;
	struct buf b;

	period(i, 1, &r, t);
	buf_init(&b, packed, 4096);
	record_pack(&r, &b);
	typed_key_make(k, 'E', slice_of(t[0]), slice_of(t[1]));
	return b.n;
}

static void
peer_path(char path[400], const char *name)
{
	snprintf(path, 400, "%s/%s", folder, name);
	unlink(path);
}

static void
peer_sqlite(void)
{
	char path[400], packed[4096];
	struct typed_key k;
	sqlite3 *db;
	sqlite3_stmt *st;

	peer_path(path, "peer.sqlite");
	sqlite3_open(path, &db);
	sqlite3_exec(db,
	    "PRAGMA page_size=8192; PRAGMA journal_mode=OFF;"
	    "PRAGMA synchronous=OFF; PRAGMA cache_size=-262144;"
	    "CREATE TABLE t(k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID; BEGIN",
	    NULL, NULL, NULL);
	sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?1, ?2)", -1, &st, NULL);
	for (long i = 0; i < persons; i++) {
		size_t n = peer_row(i, &k, packed);
		sqlite3_bind_blob(st, 1, k.b, 24, SQLITE_STATIC);
		sqlite3_bind_blob(st, 2, packed, (int)n, SQLITE_STATIC);
		sqlite3_step(st);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		die("peer");
	sqlite3_close(db);
	unlink(path);
}

static void
peer_lmdb(void)
{
	char path[400], packed[4096];
	struct typed_key k;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *c;

	peer_path(path, "peer.mdb");
	if (mdb_env_create(&env) != 0 ||
	    mdb_env_set_mapsize(env, (size_t)persons * 700 + (64 << 20)) != 0 ||
	    mdb_env_open(env, path,
		MDB_NOSUBDIR | MDB_WRITEMAP | MDB_NOSYNC | MDB_NOLOCK,
		0640) != 0 ||
	    mdb_txn_begin(env, NULL, 0, &txn) != 0 ||
	    mdb_dbi_open(txn, NULL, 0, &dbi) != 0 ||
	    mdb_cursor_open(txn, dbi, &c) != 0)
		die("lmdb");
	for (long i = 0; i < persons; i++) {
		MDB_val value = { peer_row(i, &k, packed), packed };
		MDB_val key = { 32, k.b };
		if (mdb_cursor_put(c, &key, &value, MDB_APPEND) != 0)
			die("lmdb");
	}
	mdb_cursor_close(c);
	if (mdb_txn_commit(txn) != 0)
		die("lmdb");
	mdb_env_close(env);
	unlink(path);
}

static void
peer_rows(void)
{
	char packed[4096];
	struct typed_key k;

	for (long i = 0; i < persons; i++)
		peer_row(i, &k, packed);
}

/* CPU microseconds per row of fn, without the making of the rows. */
static void
peer_phase(const char *name, void (*fn)(void))
{
	double *c = mmap(NULL, 2 * sizeof(*c), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double rss;
	int64_t disk = 0;
	char text[64];

	pid_t pid = phase_begin(name);
	if (pid == 0) {
		c[0] = cpu();
		peer_rows();
		c[0] = cpu() - c[0];
		c[1] = cpu();
		fn();
		c[1] = cpu() - c[1];
		_exit(0);
	}
	phase_wait(pid, name, &rss, &disk);
	snprintf(text, sizeof(text), "%s.rows_per_s", name);
	say(text, (double)persons / (c[1] - c[0]), "1/s");
}

/* The records as text, for .import and COPY: no value has a comma. */
static void
peer_csv(void)
{
	unsigned char columns[RECORD_FIELDS_MAX];
	unsigned n = snapshot_columns(&qualification_format, columns);
	char path[400], t[9][48];
	struct typed_key k;
	struct record r;

	peer_path(path, "peer.csv");
	FILE *f = fopen(path, "w");
	if (f == NULL)
		die(path);
	for (long i = 0; i < persons; i++) {
		period(i, 1, &r, t);
		typed_key_make(&k, 'E', slice_of(t[0]), slice_of(t[1]));
		fprintf(f, "%.32s", k.b);
		for (unsigned j = 0; j < n; j++) {
			struct slice v = r.v[columns[j]].s;
			fprintf(f, ",%.*s", (int)v.n, v.n > 0 ? v.p : "");
		}
		fputc('\n', f);
	}
	if (fclose(f) != 0)
		die(path);
}

static int
on_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	(void)key;
	*(int64_t *)arg += (int64_t)rec->v[Q_ADDRESS].s.n;
	return 0;
}

/* The questions, before the clock starts: keys of persons drawn evenly. */
struct question {
	struct typed_key key;
	char serial[9];
};

static struct question *
questions(long n)
{
	struct question *v = text_alloc((size_t)n * sizeof(*v));
	char code[24], id[48];

	for (long q = 0; q < n; q++) {
		long i = (long)(((uint64_t)mix((uint32_t)q) << 16) %
		    (uint64_t)persons);
		codes(i, code, id);
		typed_key_make(&v[q].key, 'E', slice_of(code), slice_of(id));
		snprintf(
		    v[q].serial, sizeof(v[q].serial), "%08x", mix((uint32_t)i));
	}
	return v;
}

static int64_t
ask(struct snapshot *s, enum snapshot_kind kind, const struct question *v,
    long n)
{
	struct snapshot_card card;
	int64_t found = 0, sum = 0;

	for (long q = 0; q < n; q++)
		found += kind == SNAPSHOT_CARDS ?
		    snapshot_card(s, CA, v[q].serial, &card) :
		    snapshot_periods(s, &v[q].key, on_period, &sum);
	return found;
}

static void
lookups(struct run *run, enum snapshot_kind kind,
    const struct snapshot_set_entry *e, const char *name)
{
	long n = persons < 1000000 ? persons : 1000000;
	struct question *v = questions(n);
	char snapshots[400], text[64];
	double c = 0, o = wall();

	snprintf(snapshots, sizeof(snapshots), "%s/snapshots", folder);
	struct snapshot *s =
	    snapshot_open(snapshots, kind, e, true, &run->log.sink);
	if (s == NULL)
		die("open");
	o = wall() - o;
	for (int round = 0; round < 3; round++) { /* the first warms */
		double t = cpu();
		if (ask(s, kind, v, n) != n)
			die("not all were found");
		t = cpu() - t;
		c = round == 0 || (round == 2 && c < t) ? c : t;
	}
	snprintf(text, sizeof(text), "lookup.%s", name);
	say(text, (double)n / c, "1/s");
	snprintf(text, sizeof(text), "open.%s", name);
	say(text, o, "s");
	snapshot_close(s);
	free(v);
}

static void
folders(void)
{
	static const char *const names[] = { "", "/segments", "/snapshots",
		"/results" };
	char path[400];

	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", folder, names[i]);
		if (mkdir(path, 0750) == -1 && errno != EEXIST)
			die(path);
	}
}

static void
segments(struct inputs *periods, struct inputs *night, struct inputs *links)
{
	long most = persons;

	for (long s = 0; s < senders; s++)
		segment(periods, 1, (int)s + 1, SEGMENT_PERIOD,
		    s * persons / senders, (s + 1) * persons / senders, 1, 1);
	segment(periods, 2, 1, SEGMENT_PAIR, 0, most, 1, 1);
	segment(night, 3, 1, SEGMENT_PERIOD, 0, most, 100, 2);
	segment(links, 1, 1, SEGMENT_CARD, 0, most, 1, 1);
}

static void
lookup_phase(struct run *run, enum snapshot_kind kind,
    const struct snapshot_set_entry *e, const char *name)
{
	double rss;
	int64_t disk = 0;
	pid_t pid = phase_begin(name);

	if (pid == 0) {
		lookups(run, kind, e, name);
		fflush(stdout);
		_exit(0);
	}
	phase_wait(pid, name, &rss, &disk);
}

static void
spent(const char *what, const char *name)
{
	char command[700];

	snprintf(command, sizeof(command), "cd '%s/%s' && rm -f %s", folder,
	    what, name);
	if (!keep && system(command) != 0)
		die(name);
}

static void
measure(struct run *run)
{
	struct snapshot_set_entry first = { 0 }, second = { 0 }, cards = { 0 };
	struct inputs in = { 0 }, night = { 0 }, links = { 0 };
	double rss, w = wall();
	int64_t disk = 0;

	pid_t pid = phase_begin("segments");
	if (pid == 0) {
		segments(NULL, NULL, NULL);
		_exit(0);
	}
	phase_wait(pid, "segments", &rss, &disk);
	segments(&in, &night, &links);
	say("segments.wall", wall() - w, "s");
	build_phase(run, "first_load", &in, SNAPSHOT_QUALIFICATION, &none,
	    &none, &first);
	spent("segments", "1-*-0.seg 2-*");
	spent("results", "*");
	build_phase(run, "delta_1pct", &night, SNAPSHOT_QUALIFICATION, &first,
	    &none, &second);
	spent("snapshots", first.file);
	build_phase(
	    run, "cards", &links, SNAPSHOT_CARDS, &none, &second, &cards);
	lookup_phase(run, SNAPSHOT_QUALIFICATION, &second, "typed_key");
	lookup_phase(run, SNAPSHOT_CARDS, &cards, "card");
}

int
main(int argc, char **argv)
{
	/* retention as a site has it that sets nothing */
	struct config config = { .delete_days = 1827, .left_days = 1827 };
	struct run run = {
		.name = "store", .config = &config, .day = day_of(2026, 8, 1)
	};
	bool csv = false, peers = false;
	char command[1200];
	int c;

	while ((c = getopt(argc, argv, "n:d:s:cpk")) != -1) {
		if (c == 'n')
			persons = strtol(optarg, NULL, 10);
		else if (c == 's')
			senders = strtol(optarg, NULL, 10);
		else if (c == 'd')
			snprintf(folder, sizeof(folder), "%s", optarg);
		else if (c == 'c')
			csv = true;
		else if (c == 'p')
			peers = true;
		else if (c == 'k')
			keep = true;
		else
			return 32;
	}
	diag_log_init(&run.log, "tool-store", stderr);
	quiet = &run.log.sink;
	snprintf(command, sizeof(command),
	    "mkdir -p '%s' && cd '%s' && rm -rf segments snapshots results",
	    folder, folder);
	if (system(command) != 0)
		die(folder);
	folders();
	measure(&run);
	if (peers) {
		peer_phase("peer_sqlite", peer_sqlite);
		peer_phase("peer_lmdb", peer_lmdb);
	}
	if (csv)
		peer_csv();
	snprintf(command, sizeof(command),
	    "cd '%s' && rm -rf segments snapshots results", folder);
	return keep ? 0 : system(command) == 0 ? 0 : 1;
}
