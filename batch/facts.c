/* Counting by SQL what lies in SQLite files anyway. */
#include "batch/facts.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/spool.h"
#include "formats/codec/day.h"

/* Each gives key1, key2, count, sender ("" where it is nobody's). :first,
 * :last: days, YYYY-MM-DD or as the file has them; :own: 1 on the qualification
 * side. A package is counted where it arrives. */
struct fact {
	enum statistics_table table;
	const char *sql;
};
#define HERE                                                                   \
	" WHERE day BETWEEN :first AND :last AND "                             \
	"(feed <> 'package' OR :own) "
#define FILES " FROM file" HERE
#define RESULT(name)                                                           \
	"SELECT feed, '" #name "', sum(" #name "), sender" FILES "GROUP BY 1, 4"
#define CHANGE(name)                                                           \
	"SELECT replace(day, '-', ''), '" #name "', sum(" #name "), sender "   \
	"FROM reflection WHERE day BETWEEN :first AND :last AND :own "         \
	"GROUP BY 1, 4"
/* The report's own would change it, and so would a program that ran again and
 * found nothing to do. */
#define RUNS                                                                    \
	" FROM run WHERE day BETWEEN :first AND :last AND program <> 'report' " \
	"AND exit IS NOT 1 "
static const struct fact of_ledger[] = {
	{ TABLE_FEED_STATE,
	    "SELECT feed, state, count(*), sender" FILES "GROUP BY 1, 2, 4" },
	{ TABLE_REASON,
	    "SELECT CASE reason WHEN '' THEN 'none' ELSE reason END, '', "
	    "count(*), sender" FILES "GROUP BY 1, 4" },
	/* arrived: moment; the JST day it lies in against the day in the name
	 */
	{ TABLE_LATE,
	    "SELECT CASE WHEN late < 0 THEN 'early' WHEN late < 2 THEN late "
	    "WHEN late <= 7 THEN 2 ELSE 3 END, '', count(*), sender FROM "
	    "(SELECT CAST(julianday(date(arrived / 1000, 'unixepoch', "
	    "'+9 hours')) - julianday(day) AS INTEGER) AS late, sender" FILES
	    ") GROUP BY 1, 4" },
	{ TABLE_RECORDS, RESULT(accepted) },
	{ TABLE_RECORDS, RESULT(refused) },
	{ TABLE_RECORDS, RESULT(unchanged) },
	{ TABLE_RECORDS, RESULT(held) },
	{ TABLE_PROBLEM,
	    "SELECT code, feed, sum(count), sender FROM problem" HERE
	    "GROUP BY 1, 2, 4" },
	{ TABLE_RUNS,
	    "SELECT program, ifnull(exit, 'none'), count(*), ''" RUNS
	    "GROUP BY 1, 2" },
	{ TABLE_RUN_TIME,
	    "SELECT program, '', sum(ifnull(ms, 0)), ''" RUNS "GROUP BY 1" },
	{ TABLE_CHANGE, CHANGE(added) },
	{ TABLE_CHANGE, CHANGE(amended) },
	{ TABLE_CHANGE, CHANGE(lost) },
	{ TABLE_CHANGE, CHANGE(cancelled) },
	{ TABLE_CHANGE, CHANGE(unchanged) },
	{ TABLE_CHANGE, CHANGE(refused) },
	{ TABLE_CHANGE, CHANGE(held) },
	{ TABLE_CHANGE, CHANGE(removed) },
};
/* A generation is visible from the opening after its business day, or when its
 * rebuild ended where that was later; a file by the first generation that says
 * what became of it. Both ledgers: an upload arrives on its sender's side. */
static const struct fact of_both[] = {
	{ TABLE_DELAY,
	    "WITH made AS (SELECT CAST(substr(notes, instr(notes, "
	    "'generation=') + 11) AS INTEGER) AS generation, min(max(ended, "
	    "CAST(strftime('%s', day, '+1 day') AS INTEGER) * 1000 - 32400000 "
	    "+ :open)) AS visible FROM run WHERE program = 'rebuild' AND exit "
	    "IN (0, 4, 5) AND instr(notes, 'generation=') > 0 GROUP BY 1), "
	    "shown AS (SELECT sender, feed, day, sequence, min(generation) AS "
	    "generation FROM reflection WHERE day BETWEEN :first AND :last "
	    "GROUP BY 1, 2, 3, 4), came AS (SELECT sender, feed, day, "
	    "sequence, arrived FROM other.file UNION SELECT sender, feed, "
	    "day, sequence, arrived FROM main.file) "
	    "SELECT CASE WHEN h < 6 THEN 0 WHEN h < 12 THEN 1 WHEN h < 24 "
	    "THEN 2 WHEN h < 48 THEN 3 WHEN h < 168 THEN 4 ELSE 5 END, '', "
	    "count(*), sender FROM (SELECT (visible - arrived) / 3600000.0 "
	    "AS h, sender FROM shown JOIN made USING (generation) JOIN came "
	    "USING (sender, feed, day, sequence)) GROUP BY 1, 4" },
};
static const char of_master[] =
    "SELECT DISTINCT code FROM problem WHERE feed = 'iryokikan' AND day "
    "BETWEEN :first AND :last AND substr(code, 1, 1) IN ('E', 'F') ORDER BY 1";
/* One pass: by everything at once, which is some thousand groups. */
static const char of_persons[] =
    "SELECT ifnull(i.Scheme, 'none'), min(100, 5 * CAST((:last - "
    "CAST(p.Birthdate AS INTEGER)) / 50000 AS INTEGER)), "
    "ifnull(p.Sex1, 'none'), ifnull(i.Prefecture, 'none'), "
    "ifnull(p.InsuredCardClassification, 'none'), count(*) FROM period p "
    "LEFT JOIN insurer i ON i.number = substr('00' || p.InsurerNumber, -8) "
    "WHERE p.QualificationDate <= :last AND (p.DisqualificationDate IS NULL "
    "OR p.DisqualificationDate > :last) GROUP BY 1, 2, 3, 4, 5";
static const char of_institutions[] =
    "SELECT InstitutionCode, ifnull(Prefecture, 'none'), "
    "ifnull(SizeClass, 'none'), "
    "DesignatedUntil IS NOT NULL AND DesignatedUntil < :first FROM "
    "institution ORDER BY 1";

static sqlite3 *
open_file(const char *path, bool immutable, struct diag_sink *sink)
{
	sqlite3 *db = NULL;
	char uri[SPOOL_PATH_MAX + 64];

	text_uri(path, immutable ? "mode=ro&immutable=1" : "mode=ro", uri,
	    sizeof(uri));
	if (sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
		NULL) == SQLITE_OK)
		return db;
	diag_file(sink, DIAG_IO, path, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return NULL;
}

static sqlite3_stmt *
query(sqlite3 *db, const char *sql, const char *first, const char *last,
    bool own, const char *path, struct diag_sink *sink)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK) {
		diag_file(sink, DIAG_IO, path, "%s", sqlite3_errmsg(db));
		return NULL;
	}
	sqlite3_bind_text(st, sqlite3_bind_parameter_index(st, ":first"), first,
	    -1, SQLITE_STATIC);
	sqlite3_bind_text(st, sqlite3_bind_parameter_index(st, ":last"), last,
	    -1, SQLITE_STATIC);
	sqlite3_bind_int(st, sqlite3_bind_parameter_index(st, ":own"), own);
	return st;
}

static const char *
text(sqlite3_stmt *st, int column)
{
	const unsigned char *s = sqlite3_column_text(st, column);

	return s == NULL ? "none" : (const char *)s;
}

static int
done(sqlite3_stmt *st, int rc, const char *path, struct diag_sink *sink)
{
	if (rc != SQLITE_DONE)
		diag_file(sink, DIAG_IO, path, "%s",
		    sqlite3_errmsg(sqlite3_db_handle(st)));
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : -1;
}

/* Of all, and of the sender's own. */
static void
add_fact(struct statistics *s, enum statistics_table table, sqlite3_stmt *st,
    bool own)
{
	int64_t n = sqlite3_column_int64(st, 2);
	const char *sender = text(st, 3);
	struct own *o;

	figures_add(&s->figures, table, text(st, 0), text(st, 1), n);
	if (*sender == '\0' || n == 0)
		return;
	o = statistics_own(s, sender);
	o->intermediate |= !own;
	figures_add(&o->figures, table, text(st, 0), text(st, 1), n);
}

static int
count_facts(struct statistics *s, sqlite3 *db, const struct fact *f, size_t n,
    bool own, const char *path, struct diag_sink *sink)
{
	char first[11], last[11];
	sqlite3_stmt *st;
	int rc, ok = 0;

	day_format_iso(s->first, first);
	day_format_iso(s->last, last);
	for (size_t i = 0; i < n && ok == 0; i++) {
		st = query(db, f[i].sql, first, last, own, path, sink);
		if (st == NULL)
			return -1;
		sqlite3_bind_int64(
		    st, sqlite3_bind_parameter_index(st, ":open"), s->open);
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			add_fact(s, f[i].table, st, own);
		ok = done(st, rc, path, sink);
	}
	return ok;
}

/* other: root of the other side; "": there is none. */
static int
attach(sqlite3 *db, const char *other, const char *path, struct diag_sink *sink)
{
	char uri[SPOOL_PATH_MAX + 64], of[SPOOL_PATH_MAX];
	sqlite3_stmt *st;

	spool_path(of, other, "ledger.sqlite");
	text_uri(*other != '\0' && access(of, F_OK) == 0 ? of : path, "mode=ro",
	    uri, sizeof(uri));
	st = query(db, "ATTACH :first AS other", uri, "", false, path, sink);
	return st == NULL ? -1 : done(st, sqlite3_step(st), path, sink);
}

static int
count_ledger(struct statistics *s, const char *root, const char *other,
    bool own, struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX];
	sqlite3 *db;
	int ok;

	if (*root == '\0')
		return 0;
	spool_path(path, root, "ledger.sqlite");
	if (access(path, F_OK) == -1)
		return 0; /* nothing has come in yet */
	if ((db = open_file(path, false, sink)) == NULL)
		return -1;
	ok = count_facts(s, db, of_ledger,
	    sizeof(of_ledger) / sizeof(of_ledger[0]), own, path, sink);
	if (ok == 0 && own)
		ok = attach(db, other, path, sink);
	if (ok == 0 && own)
		ok = count_facts(s, db, of_both,
		    sizeof(of_both) / sizeof(of_both[0]), own, path, sink);
	sqlite3_close(db);
	return ok;
}

int
facts_ledgers(struct statistics *s, const char *intermediate,
    const char *qualification, struct diag_sink *sink)
{
	return count_ledger(s, intermediate, "", false, sink) == -1 ?
	    -1 :
	    count_ledger(s, qualification, intermediate, true, sink);
}

/* The file of a kind in force; NULL: none, *ok says whether that is wrong. */
static sqlite3 *
open_kind(const struct statistics *s, const char *root, enum snapshot_kind kind,
    char path[SPOOL_PATH_MAX], int *ok, struct diag_sink *sink)
{
	const struct snapshot_set_entry *e = &s->set.kind[kind];
	sqlite3 *db;

	*ok = 0;
	if (e->generation == 0)
		return NULL;
	spool_path(path, root, "snapshots/%s", e->file);
	db = open_file(path, true, sink);
	if (db == NULL)
		*ok = -1;
	return db;
}

int
facts_master(struct statistics *s, const char *root,
    void (*each)(void *arg, const char *code), void *arg,
    struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX], first[11], last[11];
	sqlite3_stmt *st;
	sqlite3 *db;
	int rc, ok;

	spool_path(path, root, "ledger.sqlite");
	if (access(path, F_OK) == -1)
		return 0;
	if ((db = open_file(path, false, sink)) == NULL)
		return -1;
	day_format_iso(s->first, first);
	day_format_iso(s->last, last);
	st = query(db, of_master, first, last, true, path, sink);
	while (
	    (rc = st == NULL ? SQLITE_ERROR : sqlite3_step(st)) == SQLITE_ROW)
		each(arg, text(st, 0));
	ok = st == NULL ? -1 : done(st, rc, path, sink);
	sqlite3_close(db);
	return ok;
}

int
facts_snapshots(struct statistics *s, const char *root, struct diag_sink *sink)
{
	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		const struct snapshot_set_entry *e = &s->set.kind[k];
		char path[SPOOL_PATH_MAX];
		struct stat st;

		figures_add(
		    &s->figures, TABLE_ROWS, snapshot_names[k], "", e->rows);
		if (e->generation == 0)
			continue;
		spool_path(path, root, "snapshots/%s", e->file);
		if (stat(path, &st) == -1) {
			diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
			return -1;
		}
		figures_add(&s->figures, TABLE_BYTES, snapshot_names[k], "",
		    st.st_size);
	}
	return 0;
}

static void
add_persons(struct statistics *s, sqlite3_stmt *st)
{
	int64_t n = sqlite3_column_int64(st, 5);
	char age[12]; /* of one width: their order is that of the text */

	snprintf(age, sizeof(age), "%03d", sqlite3_column_int(st, 1));
	figures_add(&s->figures, TABLE_INSURED, "", "", n);
	figures_add(&s->figures, TABLE_SCHEME_SEX, text(st, 0), text(st, 2), n);
	figures_add(&s->figures, TABLE_AGE_SEX, age, text(st, 2), n);
	figures_add(&s->figures, TABLE_INSURED_PREFECTURE, text(st, 3), "", n);
	figures_add(&s->figures, TABLE_CLASS, text(st, 4), "", n);
}

int
facts_persons(struct statistics *s, const char *root, struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX], first[9], last[9];
	sqlite3_stmt *st;
	int ok, rc;
	sqlite3 *db =
	    open_kind(s, root, SNAPSHOT_QUALIFICATION, path, &ok, sink);

	if (db == NULL)
		return ok;
	day_format(s->first, first);
	day_format(s->last, last);
	st = query(db, of_persons, first, last, true, path, sink);
	if (st == NULL) {
		sqlite3_close(db);
		return -1;
	}
	figures_add(&s->figures, TABLE_INSURED, "", "", 0);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		add_persons(s, st);
	ok = done(st, rc, path, sink);
	sqlite3_close(db);
	return ok;
}

static void
add_institution(struct statistics *s, sqlite3_stmt *st)
{
	struct where *w;

	if (s->wheres == s->where_max) {
		s->where_max = s->where_max == 0 ? 256 : s->where_max * 2;
		s->where =
		    text_realloc(s->where, s->where_max * sizeof(*s->where));
	}
	w = &s->where[s->wheres++];
	memset(w, 0, sizeof(*w));
	snprintf(w->code, sizeof(w->code), "%s", text(st, 0));
	snprintf(w->prefecture, sizeof(w->prefecture), "%s", text(st, 1));
	snprintf(w->size_class, sizeof(w->size_class), "%s", text(st, 2));
	w->closed = sqlite3_column_int(st, 3) != 0;
}

int
facts_institutions(
    struct statistics *s, const char *root, struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX], first[9];
	sqlite3_stmt *st;
	int ok, rc;
	sqlite3 *db =
	    open_kind(s, root, SNAPSHOT_INSTITUTIONS, path, &ok, sink);

	if (db == NULL)
		return ok;
	day_format(s->first, first);
	st = query(db, of_institutions, first, first, true, path, sink);
	if (st == NULL) {
		sqlite3_close(db);
		return -1;
	}
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		add_institution(s, st);
	ok = done(st, rc, path, sink);
	sqlite3_close(db);
	return ok;
}
