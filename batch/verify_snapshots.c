/*
 * Every snapshot set that is kept, and every file it names, by another way
 * than they were written: bytes of the manifest, OpenSSL, and the ordinary
 * SQLite library. Nothing here knows how pages are made.
 */
#include <dirent.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/verify.h"
#include "formats/codec/text.h"

#define DOC_MAX 65536
#define KINDS 4
#define EVERY 1000000 /* steps of SQLite: some milliseconds */

static const char *const names[KINDS] = { "qualification", "cards",
	"revocation", "institutions" };
static const char *const tables[KINDS] = { "period", "card", "revoked",
	"institution" };

struct entry {
	long long generation, rows;
	char file[96], sha256[65], digest[65], day[11];
};
struct set {
	long long serial;
	char previous[65];
	struct entry kind[KINDS];
};
struct done { /* a file of an older set that was judged already */
	char file[96], sha256[65];
	struct done *next;
};

/* What must select no row. */
struct rule {
	int kind;
	const char *sql, *why;
};
/* clang-format off */
static const struct rule rules[] = {
{ 0, "SELECT 1 FROM person AS a WHERE NOT EXISTS (SELECT 1 FROM pseudonym AS b"
     " WHERE b.pseudonym = a.pseudonym AND b.key = a.key)",
  "a person is not in pseudonym" },
{ 0, "SELECT 1 FROM pseudonym AS b WHERE NOT EXISTS (SELECT 1 FROM person AS a"
     " WHERE a.key = b.key AND a.pseudonym = b.pseudonym)",
  "pseudonym has a key that is no such person's" },
{ 0, "SELECT 1 FROM person AS a WHERE NOT EXISTS (SELECT 1 FROM pairing AS b"
     " WHERE b.processing_number = a.processing_number AND b.key = a.key"
     " AND b.pseudonym = a.pseudonym)",
  "a person is not in pairing" },
{ 0, "SELECT 1 FROM pairing AS b WHERE NOT EXISTS (SELECT 1 FROM person AS a"
     " WHERE a.key = b.key AND a.pseudonym = b.pseudonym"
     " AND a.processing_number = b.processing_number)",
  "pairing leads to nobody" },
{ 0, "SELECT 1 FROM printed AS b WHERE NOT EXISTS (SELECT 1 FROM period AS a"
     " WHERE a.key = b.key)",
  "printed leads to no period" },
{ 0, "SELECT 1 FROM period AS a WHERE InsuredIdentificationNumber IS NOT NULL"
     " AND Birthdate IS NOT NULL AND InsurerNumber IS NOT NULL"
     " AND key NOT IN (SELECT key FROM printed)",
  "a period cannot be found by what is printed" },
{ 0, "SELECT 1 FROM (SELECT key, QualificationDate AS f, lag(coalesce("
     "DisqualificationDate, '99999999')) OVER (PARTITION BY key ORDER BY"
     " QualificationDate) AS u FROM period WHERE DisqualificationDate IS NULL OR"
     " DisqualificationDate > QualificationDate) WHERE u > f",
  "two periods of a key overlap" },
{ 1, "SELECT 1 FROM card WHERE ca NOT IN (SELECT id FROM ca)",
  "a card is of no CA" },
{ 2, "SELECT 1 FROM revoked WHERE NOT EXISTS (SELECT 1 FROM \"partition\" AS p"
     " WHERE p.id = revoked.\"partition\" AND p.ca = revoked.ca)",
  "a revoked serial is of no partition" },
{ 2, "SELECT 1 FROM \"partition\" WHERE ca NOT IN (SELECT id FROM ca)",
  "a partition is of no CA" },
};
/* clang-format on */

static int
bad(struct verify *v, const char *file, const char *why)
{
	return verify_bad(v, DIAG_SNAPSHOT_AUDIT, file, 0, why);
}

/* A small file, with a NUL behind it; NULL: cannot be read or too large. */
static char *
slurp(const char *dir, const char *name, const char *file, size_t *n)
{
	char path[1024];
	char *p = malloc(DOC_MAX + 1);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file);
	f = fopen(path, "rb");
	*n = f == NULL || p == NULL ? 0 : fread(p, 1, DOC_MAX, f);
	if (f != NULL)
		fclose(f);
	if (*n == 0 || *n == DOC_MAX) {
		free(p);
		return NULL;
	}
	p[*n] = '\0';
	return p;
}

/* A name of ours and no path: KIND-NNNNNN.sqlite. */
static bool
is_name(const char *file, int kind, long long generation)
{
	char want[96];

	snprintf(
	    want, sizeof(want), "%s-%06lld.sqlite", names[kind], generation);
	return strcmp(file, want) == 0;
}

static void
take(struct entry *e, const char *key, const char *value)
{
	if (strcmp(key, "generation") == 0)
		e->generation = atoll(value);
	else if (strcmp(key, "rows") == 0)
		e->rows = atoll(value);
	else if (strcmp(key, "file") == 0)
		snprintf(e->file, sizeof(e->file), "%s", value);
	else if (strcmp(key, "sha256") == 0)
		snprintf(e->sha256, sizeof(e->sha256), "%s", value);
	else if (strcmp(key, "digest") == 0)
		snprintf(e->digest, sizeof(e->digest), "%s", value);
	else if (strcmp(key, "day") == 0)
		snprintf(e->day, sizeof(e->day), "%s", value);
}

/* "key: value" lines; a value may stand in quotes. */
static void
read_set(char *doc, struct set *s)
{
	char *save = NULL, key[32], value[96];
	int kind = -1;

	*s = (struct set) { 0 };
	for (char *line = strtok_r(doc, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		size_t indent = strspn(line, " ");
		value[0] = '\0';
		if (sscanf(line, " %31[a-z0-9_]: \"%95[^\"]", key, value) < 2 &&
		    sscanf(line, " %31[a-z0-9_]: %95[^\" ]", key, value) < 1)
			continue;
		if (indent == 0 && strcmp(key, "serial") == 0)
			s->serial = atoll(value);
		else if (indent == 0 && strcmp(key, "previous") == 0)
			snprintf(
			    s->previous, sizeof(s->previous), "%.64s", value);
		else if (indent == 2) {
			kind = -1;
			for (int k = 0; k < KINDS; k++)
				if (strcmp(key, names[k]) == 0)
					kind = k;
		} else if (indent == 4 && kind >= 0)
			take(&s->kind[kind], key, value);
	}
}

/* A file of gigabytes: it is seen to live, and told to stop it does. */
static int
living(void *arg)
{
	struct verify *v = arg;

	if (v->progress != NULL)
		v->progress(v->arg, ++v->steps);
	return v->stopped();
}

/* First column of the first row as text; "" where there is none. -1: the
 * file does not answer. */
static int
ask(sqlite3 *db, const char *sql, char out[160])
{
	sqlite3_stmt *q = NULL;
	int r = -1;

	out[0] = '\0';
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK) {
		int got = sqlite3_step(q);
		const unsigned char *t =
		    got == SQLITE_ROW ? sqlite3_column_text(q, 0) : NULL;
		if (t != NULL)
			snprintf(out, 160, "%s", (const char *)t);
		r = got == SQLITE_ROW || got == SQLITE_DONE ? 0 : -1;
	}
	sqlite3_finalize(q);
	return r;
}

static void
check_rows(struct verify *v, sqlite3 *db, int kind, const struct entry *e)
{
	char sql[96], got[160], want[160];

	if (ask(db, "PRAGMA integrity_check(1)", got) == -1 ||
	    strcmp(got, "ok") != 0) {
		if (!v->stopped())
			bad(v, e->file, "SQLite's integrity_check fails");
		return;
	}
	/* the manifest's YYYY-MM-DD is YYYYMMDD in the file */
	snprintf(want, sizeof(want), "%s %lld %.4s%.2s%.2s %lld %s",
	    names[kind], e->generation, e->day,
	    strlen(e->day) == 10 ? e->day + 5 : "",
	    strlen(e->day) == 10 ? e->day + 8 : "", e->rows, e->digest);
	if (v->stopped())
		return;
	if (ask(db,
		"SELECT kind || ' ' || generation || ' ' || day || ' ' || "
		"\"rows\" || ' ' || digest FROM generation",
		got) == -1 ||
	    strcmp(got, want) != 0)
		bad(v, e->file, "says another generation than the manifest");
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[kind]);
	if ((ask(db, sql, got) == -1 || atoll(got) != e->rows) && !v->stopped())
		bad(v, e->file, "has another number of rows");
	v->records += atoll(got);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].kind == kind && !v->stopped() &&
		    (ask(db, rules[i].sql, got) == -1 || got[0] != '\0') &&
		    !v->stopped())
			bad(v, e->file, rules[i].why);
}

static void
check_file(struct verify *v, const char *dir, int kind, const struct entry *e)
{
	char path[1024], uri[1100], hex[65];
	sqlite3 *db = NULL;
	int r;

	if (!is_name(e->file, kind, e->generation)) {
		bad(v, names[kind], "manifest names a file that is not ours");
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", dir, e->file);
	r = verify_sha256_file(path, hex, living, v);
	if (r == -1)
		bad(v, e->file, "cannot be read");
	if (r != 0)
		return;
	if (strcmp(hex, e->sha256) != 0) {
		bad(v, e->file, "has other bytes than the manifest says");
		return;
	}
	text_uri(path, "immutable=1&mode=ro", uri, sizeof(uri));
	if (sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
		NULL) != SQLITE_OK)
		bad(v, e->file, "SQLite cannot open it");
	else {
		sqlite3_progress_handler(db, EVERY, living, v);
		check_rows(v, db, kind, e);
	}
	sqlite3_close(db);
}

/* Each file once, whichever sets name it; another digest: again. */
static bool
seen(struct done **list, const struct entry *e)
{
	struct done *d;

	for (d = *list; d != NULL; d = d->next)
		if (strcmp(d->file, e->file) == 0 &&
		    strcmp(d->sha256, e->sha256) == 0)
			return true;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		abort();
	memcpy(d->file, e->file, sizeof(d->file));
	memcpy(d->sha256, e->sha256, sizeof(d->sha256));
	d->next = *list;
	*list = d;
	return false;
}

static bool
is_there(const char *dir, const char *file)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	FILE *f = fopen(path, "rb");
	if (f != NULL)
		fclose(f);
	return f != NULL;
}

/* One set: signed by whom, which serial, following whom. before: digest of
 * the set one serial below, "" where it is not kept. */
static void
check_set(struct verify *v, const char *dir, const char *name, bool in_force,
    char before[65], long long *serial, struct done **list)
{
	char want[64], cn[128], digest[65];
	unsigned char hash[32];
	struct set s = { 0 };
	size_t n, m;
	char *doc = slurp(dir, name, "manifest.yaml", &n);
	char *sig = slurp(dir, name, "manifest.p7s", &m);
	const char *wrong = doc == NULL || sig == NULL ?
	    "manifest or signature is missing" :
	    verify_signature(v->trust, doc, n, sig, m, cn);

	if (wrong == NULL && v->signer != NULL && strcmp(cn, v->signer) != 0)
		wrong = "signer is not the publisher";
	if (wrong != NULL) {
		bad(v, name, wrong);
		goto out;
	}
	verify_sha256(doc, n, NULL, 0, hash);
	for (int i = 0; i < 32; i++)
		snprintf(digest + 2 * i, 3, "%02x", hash[i]);
	read_set(doc, &s);
	snprintf(want, sizeof(want), "manifest-%06lld", s.serial);
	if (strcmp(name, want) != 0)
		bad(v, name, "is of another serial");
	if (s.serial == *serial + 1 && before[0] != '\0' &&
	    strcmp(before, s.previous) != 0)
		bad(v, name, "does not follow the set before it");
	for (int k = 0; k < KINDS; k++)
		/* pruned ones are missed in the set in force only */
		if (s.kind[k].generation > 0 &&
		    (in_force || is_there(dir, s.kind[k].file)) &&
		    !seen(list, &s.kind[k]))
			check_file(v, dir, k, &s.kind[k]);
	memcpy(before, digest, sizeof(digest));
	*serial = s.serial;
	v->lines++;
out:
	free(doc);
	free(sig);
}

static int
only_sets(const struct dirent *e)
{
	return strncmp(e->d_name, "manifest-", 9) == 0;
}

int
verify_snapshots(struct verify *v, const char *dir)
{
	char before[65] = "", link[64] = "", path[1024];
	struct dirent **list = NULL;
	struct done *done = NULL;
	long long serial = 0;
	bool found = false;
	int64_t bad_before = v->bad;
	int n = scandir(dir, &list, only_sets, alphasort);

	snprintf(path, sizeof(path), "%s/current", dir);
	ssize_t len = readlink(path, link, sizeof(link) - 1);
	link[len > 0 ? len : 0] = '\0';
	for (int i = 0; i < n && !v->stopped(); i++) {
		bool in_force = strcmp(list[i]->d_name, link) == 0;
		found = found || in_force;
		check_set(
		    v, dir, list[i]->d_name, in_force, before, &serial, &done);
	}
	if (n > 0 && !found && !v->stopped())
		bad(v, "current", "names no set");
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	while (done != NULL) {
		struct done *next = done->next;
		free(done);
		done = next;
	}
	return v->bad == bad_before ? 0 : -1;
}
