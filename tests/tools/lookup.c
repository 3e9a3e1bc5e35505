/*
 * tool-lookup SITE.yaml: warm lookups per second in process, over the
 * published snapshots, beside a bare prepared SQLite statement on the same
 * file (memory-mapped, immutable). Keys are taken from the file itself and
 * asked in a shuffled order with a fixed seed. Prints "name value".
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch/publish.h"
#include "formats/config.h"
#include "formats/exit.h"
#include "formats/snapshot.h"

#define KEYS_MAX 1000000

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct keys {
	char (*v)[96];
	size_t n;
};

/* Up to KEYS_MAX keys as text, evenly spread, then shuffled. */
static int
keys_read(sqlite3 *db, const char *sql, struct keys *k)
{
	sqlite3_stmt *st;
	uint64_t seed = 0x9e3779b97f4a7c15u;

	k->v = calloc(KEYS_MAX, sizeof(*k->v));
	k->n = 0;
	if (k->v == NULL ||
	    sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
		fprintf(stderr, "tool-lookup: %s\n", sqlite3_errmsg(db));
		return -1;
	}
	while (k->n < KEYS_MAX && sqlite3_step(st) == SQLITE_ROW) {
		int n = sqlite3_column_bytes(st, 0);
		if (n >= (int)sizeof(*k->v))
			continue;
		memcpy(k->v[k->n], sqlite3_column_blob(st, 0), (size_t)n);
		k->n++;
	}
	sqlite3_finalize(st);
	for (size_t i = k->n; i > 1; i--) {
		char t[96];
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size_t j = (size_t)((seed >> 33) % i);
		memcpy(t, k->v[i - 1], sizeof(t));
		memcpy(k->v[i - 1], k->v[j], sizeof(t));
		memcpy(k->v[j], t, sizeof(t));
	}
	return 0;
}

static int
one(void *arg, const struct typed_key *key, const struct record *rec)
{
	(void)key;
	*(size_t *)arg += rec->v[Q_BIRTHDATE].s.n;
	return 0;
}

static sqlite3 *
plain(const char *folder, const char *file)
{
	char uri[1024];
	sqlite3 *db = NULL;

	snprintf(
	    uri, sizeof(uri), "file:%s/%s?mode=ro&immutable=1", folder, file);
	if (sqlite3_open_v2(uri, &db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		return NULL;
	sqlite3_exec(db, "PRAGMA mmap_size=2147418112", NULL, NULL, NULL);
	return db;
}

/* The peer: the whole row by its key, one prepared statement, every column
 * touched. bind() puts key i into the statement. */
static double
peer(sqlite3 *db, const char *sql, const struct keys *k,
    void (*bind)(sqlite3_stmt *st, const char *key))
{
	sqlite3_stmt *st;
	size_t sum = 0;
	double t;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
		fprintf(stderr, "tool-lookup: %s\n", sqlite3_errmsg(db));
		return 0;
	}
	t = seconds();
	for (size_t i = 0; i < k->n; i++) {
		bind(st, k->v[i]);
		while (sqlite3_step(st) == SQLITE_ROW)
			for (int c = 0; c < sqlite3_column_count(st); c++)
				sum += (size_t)sqlite3_column_bytes(st, c);
		sqlite3_reset(st);
	}
	t = seconds() - t;
	sqlite3_finalize(st);
	if (sum == 0)
		fprintf(stderr, "tool-lookup: the peer found nothing\n");
	return (double)k->n / t;
}

static void
bind_text(sqlite3_stmt *st, const char *key)
{
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
}

/* "ID:SKI|SERIAL": the peer is given the numbers as the table has them. */
static void
bind_card(sqlite3_stmt *st, const char *key)
{
	sqlite3_bind_int64(st, 1, strtoll(key, NULL, 10));
	sqlite3_bind_int64(
	    st, 2, (sqlite3_int64)strtoull(strchr(key, '|') + 1, NULL, 16));
}

static int
typed(const char *folder, const struct snapshot_set *set, sqlite3 *db,
    struct diag_sink *sink)
{
	struct snapshot *s = snapshot_open(folder, SNAPSHOT_QUALIFICATION,
	    &set->kind[SNAPSHOT_QUALIFICATION], true, sink);
	struct keys k;
	size_t found = 0, bytes = 0;
	double t;

	if (s == NULL ||
	    keys_read(db, "SELECT DISTINCT key FROM period", &k) == -1)
		return -1;
	t = seconds();
	for (size_t i = 0; i < k.n; i++) {
		struct typed_key key;
		memset(&key, 0, sizeof(key));
		memcpy(key.b, k.v[i], strlen(k.v[i]));
		found += snapshot_periods(s, &key, one, &bytes) > 0;
	}
	t = seconds() - t;
	printf("typed_key %.0f\ntyped_key_found %zu\n", (double)k.n / t, found);
	printf("typed_key_peer %.0f\n",
	    peer(db, "SELECT * FROM period WHERE key = ?1", &k, bind_text));
	if (found != k.n)
		return -1;
	free(k.v);
	snapshot_close(s);
	return 0;
}

static int
card(const char *folder, const struct snapshot_set *set, struct diag_sink *sink)
{
	struct snapshot *s = snapshot_open(
	    folder, SNAPSHOT_CARDS, &set->kind[SNAPSHOT_CARDS], true, sink);
	sqlite3 *db = plain(folder, set->kind[SNAPSHOT_CARDS].file);
	struct snapshot_card out;
	struct keys k;
	size_t found = 0;
	double t;

	if (s == NULL || db == NULL ||
	    keys_read(db,
		"SELECT ca || ':' || ski || '|' || printf('%x', serial)"
		" FROM card JOIN ca ON ca.id = card.ca",
		&k) == -1)
		return -1;
	t = seconds();
	for (size_t i = 0; i < k.n; i++) {
		char ca[41];
		const char *ski = strchr(k.v[i], ':') + 1;
		memcpy(ca, ski, 40);
		ca[40] = '\0';
		found += snapshot_card(s, ca, ski + 41, &out) == 1;
	}
	t = seconds() - t;
	printf("card %.0f\ncard_found %zu\n", (double)k.n / t, found);
	printf("card_peer %.0f\n",
	    peer(db, "SELECT * FROM card WHERE ca = ?1 AND serial = ?2", &k,
		bind_card));
	if (found != k.n)
		return -1;
	free(k.v);
	sqlite3_close(db);
	snapshot_close(s);
	return 0;
}

int
main(int argc, char **argv)
{
	struct diag_log log;
	struct config *c;
	struct chain *trust = NULL;
	struct snapshot_set set;
	char digest[65], folder[1024], publisher[128];
	sqlite3 *db;

	if (argc != 2)
		return EXIT_BAD_USAGE;
	diag_log_init(&log, "lookup", stderr);
	if ((c = config_load(argv[1], &log.sink)) == NULL ||
	    (trust = chain_open(c->site_ca, NULL, &log.sink)) == NULL ||
	    seal_cert_name(c->publish_cert, publisher, &log.sink) == -1 ||
	    publish_current(c->qualification_root, trust, publisher,
		(int64_t)time(NULL) * 1000, &set, digest, &log.sink) != 1)
		return EXIT_CONFIG;
	snprintf(folder, sizeof(folder), "%s/snapshots", c->qualification_root);
	db = plain(folder, set.kind[SNAPSHOT_QUALIFICATION].file);
	if (db == NULL || typed(folder, &set, db, &log.sink) == -1 ||
	    card(folder, &set, &log.sink) == -1)
		return EXIT_INTEGRITY;
	sqlite3_close(db);
	chain_free(trust);
	config_free(c);
	return EXIT_OK;
}
