/*
 * tool-store [-n PERSONS] [-d FOLDER] [-s SENDERS] [-r REPEATS]: how fast the
 * store is, on synthetic persons of one period each: the segments, the first
 * load from them, a night of 0.5 % changes, lookups by typed key and by card.
 * Beside it the peer: SQLite filled by one prepared INSERT per row in key
 * order (key and record as one value, journal and synchronous off). Prints
 * lines "name value unit"; times are CPU time of this process unless said.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
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
static int64_t bytes; /* of payloads */

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
	bytes += (int64_t)b.n;
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
	unlink(path);
	struct segment_make *m = segment_create(&h, folder);
	for (long i = from; i < to; i += step)
		put(m, i, ++number, change, kind);
	if (segment_finish(m, path, &h) == -1)
		die(path);
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

static void
build(struct run *run, const struct inputs *in, enum snapshot_kind kind,
    const struct snapshot_set_entry *old, struct snapshot_set_entry *next,
    const char *name)
{
	char snapshots[400], results[400], text[64];
	struct build b = { .run = run, .root = folder, .in = in };
	double c = cpu(), w = wall();

	snprintf(snapshots, sizeof(snapshots), "%s/snapshots", folder);
	snprintf(results, sizeof(results), "%s/results", folder);
	b.work_dir = snapshots;
	b.reflect = reflect_new(in, folder);
	next->generation = old->generation + 1;
	next->day = day_of(2026, 8, 1);
	if (build_snapshot(&b, kind, old, next) == -1)
		die("build");
	double c1 = cpu();
	if (reflect_write(b.reflect, NULL, results, next->generation, 0,
		&run->log.sink) == -1)
		die("reflect");
	c1 = cpu() - c1;
	c = cpu() - c;
	w = wall() - w;
	snprintf(text, sizeof(text), "%s.us_per_row", name);
	say(text, c * 1e6 / (double)next->rows, "us");
	snprintf(text, sizeof(text), "%s.reflect_us_per_row", name);
	say(text, c1 * 1e6 / (double)next->rows, "us");
	snprintf(text, sizeof(text), "%s.rows_per_s", name);
	say(text, (double)next->rows / c, "1/s");
	snprintf(text, sizeof(text), "%s.wall", name);
	say(text, w, "s");
}

/* The floor: key and value, one INSERT per row, in key order. */
static double
peer(void)
{
	char path[400], t[9][48], packed[4096];
	struct record r;
	struct typed_key k;
	sqlite3 *db;
	sqlite3_stmt *st;

	snprintf(path, sizeof(path), "%s/peer.sqlite", folder);
	unlink(path);
	sqlite3_open(path, &db);
	sqlite3_exec(db,
	    "PRAGMA page_size=8192; PRAGMA journal_mode=OFF;"
	    "PRAGMA synchronous=OFF; PRAGMA cache_size=-262144;"
	    "CREATE TABLE t(k BLOB PRIMARY KEY, v BLOB) WITHOUT ROWID; BEGIN",
	    NULL, NULL, NULL);
	sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?1, ?2)", -1, &st, NULL);
	double c = cpu(), making = 0;
	for (long i = 0; i < persons; i++) {
		struct buf b;
		period(i, 1, &r, t);
		buf_init(&b, packed, sizeof(packed));
		record_pack(&r, &b);
		typed_key_make(&k, 'E', slice_of(t[0]), slice_of(t[1]));
		sqlite3_bind_blob(st, 1, k.b, 24, SQLITE_STATIC);
		sqlite3_bind_blob(st, 2, b.p, (int)b.n, SQLITE_STATIC);
		sqlite3_step(st);
		sqlite3_reset(st);
	}
	sqlite3_finalize(st);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
	c = cpu() - c;
	making = cpu();
	for (long i = 0; i < persons; i++) {
		struct buf b;
		period(i, 1, &r, t);
		buf_init(&b, packed, sizeof(packed));
		record_pack(&r, &b);
	}
	making = cpu() - making;
	unlink(path);
	return c - making;
}

static int
on_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	(void)key;
	*(int64_t *)arg += (int64_t)rec->v[Q_ADDRESS].s.n;
	return 0;
}

static void
lookups(struct run *run, enum snapshot_kind kind,
    const struct snapshot_set_entry *e, const char *name)
{
	char snapshots[400], code[24], id[48], text[64];
	long n = persons < 500000 ? persons : 500000;
	struct snapshot_card card;
	int64_t found = 0, sum = 0;

	snprintf(snapshots, sizeof(snapshots), "%s/snapshots", folder);
	double o = wall();
	struct snapshot *s =
	    snapshot_open(snapshots, kind, e, true, &run->log.sink);
	if (s == NULL)
		die("open");
	o = wall() - o;
	for (int round = 0; round < 2; round++) { /* the first warms */
		double c = cpu();
		found = 0;
		for (long q = 0; q < n; q++) {
			long i = (long)(((uint64_t)mix((uint32_t)q) << 16) %
			    (uint64_t)persons);
			struct typed_key k;
			if (kind == SNAPSHOT_CARDS) {
				snprintf(text, sizeof(text), "%08x",
				    mix((uint32_t)i));
				found += snapshot_card(s, CA, text, &card);
				continue;
			}
			codes(i, code, id);
			typed_key_make(&k, 'E', slice_of(code), slice_of(id));
			found += snapshot_periods(s, &k, on_period, &sum);
		}
		c = cpu() - c;
		if (round == 1) {
			snprintf(text, sizeof(text), "lookup.%s", name);
			say(text, (double)n / c, "1/s");
			snprintf(text, sizeof(text), "lookup.%s_us", name);
			say(text, c * 1e6 / (double)n, "us");
		}
	}
	if (found != n)
		fprintf(stderr, "tool-store: found %lld of %ld\n",
		    (long long)found, n);
	snprintf(text, sizeof(text), "open.%s", name);
	say(text, o, "s");
	snapshot_close(s);
}

static double
peak(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_maxrss / 1024;
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

int
main(int argc, char **argv)
{
	struct run run = { .name = "store" };
	struct snapshot_set_entry none = { 0 }, first = { 0 }, second = { 0 },
				  cards = { 0 };
	struct inputs in = { 0 }, night = { 0 }, links = { 0 };
	bool pairs = false;
	char path[400];
	struct stat st;
	int c;

	while ((c = getopt(argc, argv, "n:d:s:p")) != -1) {
		if (c == 'n')
			persons = strtol(optarg, NULL, 10);
		else if (c == 's')
			senders = strtol(optarg, NULL, 10);
		else if (c == 'd')
			snprintf(folder, sizeof(folder), "%s", optarg);
		else if (c == 'p')
			pairs = true;
		else
			return 32;
	}
	diag_log_init(&run.log, "tool-store", stderr);
	folders();
	double t = cpu();
	for (long s = 0; s < senders; s++)
		segment(&in, 1, (int)s + 1, SEGMENT_PERIOD,
		    s * persons / senders, (s + 1) * persons / senders, 1, 1);
	say("segment.rows_per_s", (double)persons / (cpu() - t), "1/s");
	say("payload.bytes_per_row", (double)bytes / (double)persons, "B");
	if (pairs)
		segment(&in, 2, 1, SEGMENT_PAIR, 0, persons, 1, 1);
	build(&run, &in, SNAPSHOT_QUALIFICATION, &none, &first, "first_load");
	say("peak_rss", peak(), "MiB");
	snprintf(path, sizeof(path), "%s/snapshots/%s", folder, first.file);
	stat(path, &st);
	say("file.bytes_per_row", (double)st.st_size / (double)persons, "B");
	segment(&night, 3, 1, SEGMENT_PERIOD, 0, persons, 200, 2);
	build(&run, &night, SNAPSHOT_QUALIFICATION, &first, &second, "night");
	segment(&links, 1, 1, SEGMENT_CARD, 0, persons, 1, 1);
	build(&run, &links, SNAPSHOT_CARDS, &none, &cards, "cards");
	say("peak_rss", peak(), "MiB");
	lookups(&run, SNAPSHOT_QUALIFICATION, &second, "typed_key");
	lookups(&run, SNAPSHOT_CARDS, &cards, "card");
	say("peer.insert_us_per_row", peer() * 1e6 / (double)persons, "us");
	return 0;
}
