/* The books of one side, in SQLite. All SQL but the schema stands here. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "batch/ledger.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

#define VERSION 6
#define OLDEST 3 /* that is brought up to it */
#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)
#define BUSY_MS 10000

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char schema[] =
#include "ledger.sql.h"
    ;
#pragma GCC diagnostic pop

#define FILE_COLUMNS                                                           \
	"sender, feed, day, sequence, sha256, bytes, arrived, state, read,"    \
	" accepted, refused, unchanged, generation, reason, held"

enum statement {
	GET_FILE,
	GET_DIGEST,
	GET_SEQUENCE,
	PUT_FILE,
	EACH_FILE,
	HELD_BEFORE,
	PUT_HOLD,
	EACH_HOLD,
	DECIDE_HOLD,
	PUT_MISSING,
	GET_MISSING,
	DROP_MISSING,
	ARRIVED,
	GIVE_UP,
	GET_STOCK,
	PUT_STOCK,
	GET_FILL,
	PUT_FILL,
	PUT_SEGMENT,
	GET_SEGMENT,
	EACH_SEGMENT,
	BEGIN_RUN,
	END_RUN,
	EACH_RUN,
	BEGIN_JOB,
	END_JOB,
	EACH_JOB,
	PUT_REFLECTION,
	PUT_PROBLEM,
	DROP_PROBLEMS,
	PUT_SIGNOFF,
	EACH_SIGNOFF,
	BEGIN,
	COMMIT,
	ROLLBACK,
	STATEMENTS
};
static const char *const sql[STATEMENTS] = {
	[GET_FILE] = "SELECT " FILE_COLUMNS " FROM file"
		     " WHERE sender = ?1 AND feed = ?2 AND day = ?3"
		     " AND sequence = ?4",
	[GET_DIGEST] = "SELECT " FILE_COLUMNS " FROM file WHERE sha256 = ?1"
		       " ORDER BY arrived, day, sequence, sender LIMIT 1",
	[GET_SEQUENCE] = "SELECT day, sequence FROM file"
			 " WHERE sender = ?1 AND feed = ?2"
			 " AND turn IS NOT NULL ORDER BY turn DESC LIMIT 1",
	/* the turn is given once, when the file is first ready */
	[PUT_FILE] =
	    "INSERT INTO file (" FILE_COLUMNS ", turn) VALUES"
	    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
	    "  ?15, CASE WHEN ?8 = 'ready' AND NOT ?16 THEN"
	    "   (SELECT coalesce(max(turn), 0) + 1 FROM file"
	    "     WHERE sender = ?1 AND feed = ?2) END)"
	    " ON CONFLICT DO UPDATE SET sha256 = ?5, bytes = ?6, arrived = ?7,"
	    "  state = ?8, read = ?9, accepted = ?10, refused = ?11,"
	    "  unchanged = ?12, generation = ?13, reason = ?14, held = ?15,"
	    "  turn = coalesce(turn, excluded.turn)",
	[EACH_FILE] = "SELECT " FILE_COLUMNS " FROM file WHERE state = ?1"
		      " ORDER BY day, sequence, sender, feed",
	[HELD_BEFORE] = "SELECT sender, feed, day, sequence FROM file"
			" WHERE sender = ?1 AND feed = ?2 AND state = 'held'"
			" AND (day, sequence) < (?3, ?4)"
			" ORDER BY day, sequence LIMIT 1",
	[PUT_HOLD] = "INSERT INTO hold (sender, feed, day, sequence, code,"
		     " detail, since, sha256)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		     " ON CONFLICT DO UPDATE SET detail = ?6",
	[EACH_HOLD] =
	    "SELECT sender, feed, day, sequence, code, detail, since,"
	    " verdict, who, at, why, sha256 FROM hold WHERE CASE WHEN ?1 = ''"
	    " THEN verdict = '' ELSE sender = ?1 AND feed = ?2 AND"
	    " day = ?3 AND sequence = ?4 END"
	    " ORDER BY day, sequence, sender, feed, code",
	[DECIDE_HOLD] = "UPDATE hold SET verdict = ?5, who = ?6, at = ?7,"
			" why = ?8 WHERE sender = ?1 AND feed = ?2 AND day = ?3"
			" AND sequence = ?4 AND verdict = ''",
	[PUT_MISSING] = "INSERT OR REPLACE INTO missing (sender, feed, number,"
			" day, sequence) VALUES (?1, ?2, ?5, ?3, ?4)",
	[GET_MISSING] = "SELECT sender, feed, day, sequence FROM missing"
			" WHERE sender = ?1 AND feed = ?2 AND number = ?4"
			" AND ?3 <> ''",
	[DROP_MISSING] = "DELETE FROM missing WHERE sender = ?1 AND feed = ?2"
			 " AND number = ?4 AND ?3 <> ''",
	[ARRIVED] = "UPDATE hold SET verdict = 'arrived', who = 'intake',"
		    " at = ?6 WHERE sender = ?1 AND feed = ?2 AND day = ?3"
		    " AND sequence = ?4 AND code = ?5 AND verdict = '' AND NOT"
		    " EXISTS (SELECT 1 FROM missing WHERE sender = ?1 AND"
		    " feed = ?2 AND day = ?3 AND sequence = ?4)",
	[GIVE_UP] = "DELETE FROM missing WHERE sender = ?1 AND feed = ?2"
		    " AND day = ?3 AND sequence = ?4",
	[GET_STOCK] = "SELECT covered, lost, day FROM stock WHERE sender = ?1"
		      " AND feed = ?2 AND insurer = ?3",
	[PUT_STOCK] = "INSERT OR REPLACE INTO stock (sender, feed, insurer,"
		      " covered, lost, day) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[GET_FILL] = "SELECT records, filled, day FROM fill WHERE sender = ?1"
		     " AND feed = ?2 AND insurer = ?3 AND field = ?4",
	[PUT_FILL] = "INSERT OR REPLACE INTO fill (sender, feed, insurer,"
		     " field, records, filled, day)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[PUT_SEGMENT] = "INSERT OR REPLACE INTO segment (name, kind, rows,"
			" digest, generation, sender, feed, day, sequence)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[GET_SEGMENT] = "SELECT name, kind, rows, digest, generation, sender,"
			" feed, day, sequence FROM segment WHERE name = ?1",
	[EACH_SEGMENT] = "SELECT name, kind, rows, digest, generation, sender,"
			 " feed, day, sequence FROM segment"
			 " WHERE generation = ?1 OR ?1 = -1"
			 " ORDER BY day, sequence, sender, name",
	[BEGIN_RUN] = "INSERT INTO run (program, step, day, host, boot, pid,"
		      " began) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[END_RUN] = "UPDATE run SET ended = ?2, ms = ?3, exit = ?4, read = ?5,"
		    " accepted = ?6, refused = ?7, unchanged = ?8, files = ?9,"
		    " refused_files = ?10, notes = ?11 WHERE id = ?1",
	[EACH_RUN] = "SELECT id, program, step, day, host, boot, pid, began,"
		     " ended, ms, exit, read, accepted, refused, unchanged,"
		     " files, refused_files, notes FROM run WHERE day = ?1"
		     " ORDER BY id",
	[BEGIN_JOB] = "INSERT INTO job (net, job, day, attempt, host, boot,"
		      " pid, began) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[END_JOB] = "UPDATE job SET ended = ?2, ms = ?3, exit = ?4, read = ?5,"
		    " accepted = ?6, refused = ?7, files = ?8 WHERE id = ?1",
	[EACH_JOB] =
	    "SELECT id, net, job, day, attempt, host, boot, pid,"
	    " began, ended, ms, exit, read, accepted, refused, files"
	    " FROM job WHERE (net = ?1 OR ?1 = '') AND (day = ?2 OR ?2 = '')"
	    " ORDER BY id",
	[PUT_PROBLEM] =
	    "INSERT INTO problem (sender, feed, day, sequence, code,"
	    " count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
	    " ON CONFLICT DO UPDATE SET count = count + ?6",
	[DROP_PROBLEMS] = "DELETE FROM problem WHERE sender = ?1 AND feed = ?2"
			  " AND day = ?3 AND sequence = ?4",
	[PUT_REFLECTION] =
	    "INSERT OR REPLACE INTO reflection VALUES"
	    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	[PUT_SIGNOFF] =
	    "INSERT OR IGNORE INTO signoff (sender, feed, day, sequence,"
	    " insurer, generation, records, refused, persons, periods,"
	    " difference, who, at, why) VALUES"
	    " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	[EACH_SIGNOFF] =
	    "SELECT sender, feed, day, sequence, insurer, generation, records,"
	    " refused, persons, periods, difference, who, at, why FROM signoff"
	    " ORDER BY insurer, at, day, sequence",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

const char *const file_state_names[FILE__MAX] = {
	[FILE_ARRIVED] = "arrived",
	[FILE_READY] = "ready",
	[FILE_HELD] = "held",
	[FILE_REFUSED] = "refused",
	[FILE_INGESTED] = "ingested",
	[FILE_DELIVERED] = "delivered",
	[FILE_REFLECTED] = "reflected",
};

const char *const hold_verdict_names[HOLD__MAX] = {
	[HOLD_OPEN] = "",
	[HOLD_RELEASE] = "release",
	[HOLD_REFUSE] = "refuse",
	[HOLD_ARRIVED] = "arrived",
};

struct ledger {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
	char path[SPOOL_PATH_MAX];
	struct diag_sink *sink;
};

static int
fault(struct ledger *l)
{
	diag_file(l->sink, DIAG_LEDGER, l->path, "%s",
	    l->db == NULL ? "no memory" : sqlite3_errmsg(l->db));
	return -1;
}

/* Creates the tables in an empty file, and those that an older version lacks;
 * refuses one of a version to come. */
static int
make_schema(struct ledger *l)
{
	const char *now = "PRAGMA user_version = " TEXT_OF(VERSION);
	sqlite3_stmt *st = NULL;
	int version = -1;
	char mark[40];

	if (sqlite3_exec(l->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) !=
	    SQLITE_OK)
		return fault(l);
	if (sqlite3_prepare_v2(l->db, "PRAGMA user_version", -1, &st, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	if (version == 0 &&
	    sqlite3_exec(l->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		version = -1;
	/* what each version added stands at the end of the schema, in turn */
	if (version >= OLDEST && version < VERSION) {
		snprintf(mark, sizeof(mark), "-- From here on since version %d",
		    version + 1);
		if (sqlite3_exec(l->db, strstr(schema, mark), NULL, NULL,
			NULL) != SQLITE_OK ||
		    sqlite3_exec(l->db, now, NULL, NULL, NULL) != SQLITE_OK)
			version = -1;
		else
			version = VERSION;
	}
	if (version == -1)
		fault(l);
	else if (version != 0 && version != VERSION) {
		diag_file(l->sink, DIAG_LEDGER, l->path,
		    "version %d, expected %d", version, VERSION);
		version = -1;
	}
	if (sqlite3_exec(l->db, version == -1 ? "ROLLBACK" : "COMMIT", NULL,
		NULL, NULL) != SQLITE_OK &&
	    version != -1)
		return fault(l);
	return version == -1 ? -1 : 0;
}

static int
prepare(struct ledger *l)
{
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(l->db, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &l->st[i],
			NULL) != SQLITE_OK)
			return fault(l);
	return 0;
}

/* Books in WAL of an account whose folder we may not write in can be read
 * while nobody has them open: then they are one file that does not change. */
static int
open_to_look(struct ledger *l)
{
	char uri[SPOOL_PATH_MAX + 40];

	text_uri(l->path, "immutable=1", uri, sizeof(uri));
	for (int i = 0; i < 2; i++) {
		sqlite3_close(l->db);
		l->db = NULL;
		if (sqlite3_open_v2(i == 0 ? l->path : uri, &l->db,
			SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
			NULL) == SQLITE_OK &&
		    sqlite3_busy_timeout(l->db, BUSY_MS) == SQLITE_OK &&
		    sqlite3_exec(l->db, "SELECT count(*) FROM sqlite_schema",
			NULL, NULL, NULL) == SQLITE_OK)
			return 0;
	}
	return fault(l);
}

struct ledger *
ledger_look(const char *root, struct diag_sink *sink)
{
	struct ledger *l = text_alloc(sizeof(*l));

	l->sink = sink;
	spool_path(l->path, root, "ledger.sqlite");
	if (open_to_look(l) == -1 || prepare(l) == -1) {
		ledger_close(l);
		return NULL;
	}
	return l;
}

bool
ledger_gone(const char *root)
{
	static const char *const folders[] = { "done", "segments" };
	char path[SPOOL_PATH_MAX];
	struct spool_names names;
	bool used = false;

	spool_path(path, root, "ledger.sqlite");
	if (access(path, F_OK) == 0)
		return false;
	for (int i = 0; i < 2; i++) {
		spool_path(path, root, "%s", folders[i]);
		if (spool_list(path, &names) == -1)
			continue;
		used = used || names.n > 0;
		spool_free(&names);
	}
	return used;
}

struct ledger *
ledger_open(const char *root, struct diag_sink *sink)
{
	struct ledger *l = text_alloc(sizeof(*l));

	l->sink = sink;
	spool_path(l->path, root, "ledger.sqlite");
	if (ledger_gone(root)) {
		diag_file(sink, DIAG_LEDGER_GONE, l->path, "%s", "");
		goto fail;
	}
	if (sqlite3_open_v2(l->path, &l->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(l->db, BUSY_MS) != SQLITE_OK ||
	    /* WAL: one sync a commit instead of four, and no journal file made
	     * and removed each time; a clean close leaves one file */
	    sqlite3_exec(l->db,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"PRAGMA trusted_schema = OFF",
		NULL, NULL, NULL) != SQLITE_OK) {
		fault(l);
		goto fail;
	}
	if (make_schema(l) == -1 || prepare(l) == -1)
		goto fail;
	return l;
fail:
	ledger_close(l);
	return NULL;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(l->st[i]);
	sqlite3_close(l->db);
	free(l);
}

int
ledger_copy(const char *from, const char *to, struct diag_sink *sink)
{
	struct ledger l = { .sink = sink };
	sqlite3 *out = NULL;
	sqlite3_backup *b = NULL;
	int r = -1;

	snprintf(l.path, sizeof(l.path), "%s", from);
	if (sqlite3_open_v2(from, &l.db, SQLITE_OPEN_READONLY, NULL) !=
		SQLITE_OK ||
	    sqlite3_busy_timeout(l.db, BUSY_MS) != SQLITE_OK) {
		fault(&l);
		goto out;
	}
	if (sqlite3_open_v2(to, &out,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		NULL) != SQLITE_OK ||
	    (b = sqlite3_backup_init(out, "main", l.db, "main")) == NULL ||
	    sqlite3_backup_step(b, -1) != SQLITE_DONE ||
	    /* one file that stands alone: no WAL beside it */
	    sqlite3_backup_finish(b) != SQLITE_OK ||
	    (b = NULL,
		sqlite3_exec(out, "PRAGMA journal_mode = DELETE", NULL, NULL,
		    NULL) != SQLITE_OK)) {
		diag_file(sink, DIAG_LEDGER, to, "%s",
		    out == NULL ? "no memory" : sqlite3_errmsg(out));
		goto out;
	}
	r = 0;
out:
	sqlite3_backup_finish(b);
	sqlite3_close(out);
	sqlite3_close(l.db);
	return r;
}

int
ledger_whole(const char *path, struct diag_sink *sink)
{
	struct ledger l = { .sink = sink };
	sqlite3_stmt *st = NULL;
	int r = -1;

	snprintf(l.path, sizeof(l.path), "%s", path);
	if (sqlite3_open_v2(path, &l.db, SQLITE_OPEN_READONLY, NULL) !=
		SQLITE_OK ||
	    sqlite3_prepare_v2(l.db, "PRAGMA integrity_check", -1, &st, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW)
		fault(&l);
	else if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
		diag_file(sink, DIAG_LEDGER, path, "%s",
		    (const char *)sqlite3_column_text(st, 0));
	else
		r = 0;
	sqlite3_finalize(st);
	sqlite3_close(l.db);
	return r;
}

static void
text(sqlite3_stmt *st, int at, const char *s)
{
	sqlite3_bind_text(st, at, s, -1, SQLITE_TRANSIENT);
}

static void
day(sqlite3_stmt *st, int at, int32_t d)
{
	char iso[11] = "";

	if (d != DAY_NONE)
		day_format_iso(d, iso);
	text(st, at, iso);
}

/* sender, feed, day, sequence from parameter `at` on. */
static void
bind_id(sqlite3_stmt *st, int at, const struct filename *id)
{
	text(st, at, id->sender);
	text(st, at + 1, feed_names[id->feed]);
	day(st, at + 2, id->day);
	sqlite3_bind_int(st, at + 3, id->sequence);
}

static struct slice
column(sqlite3_stmt *st, int at)
{
	return slice_of((const char *)sqlite3_column_text(st, at));
}

static void
take(sqlite3_stmt *st, int at, char *out, size_t size)
{
	struct slice s = column(st, at);

	snprintf(out, size, "%.*s", (int)s.n, s.n > 0 ? s.p : "");
}

static void
take_id(sqlite3_stmt *st, int at, struct filename *id)
{
	int feed = feed_find(column(st, at + 1));

	take(st, at, id->sender, sizeof(id->sender));
	id->feed = feed < 0 ? FEED__MAX : (enum feed)feed;
	id->day = day_parse_iso(column(st, at + 2));
	id->sequence = sqlite3_column_int(st, at + 3);
}

static enum file_state
state_of(struct slice s)
{
	for (int i = 0; i < FILE__MAX; i++)
		if (slice_is(s, file_state_names[i]))
			return (enum file_state)i;
	return FILE__MAX;
}

static void
take_file(sqlite3_stmt *st, struct ledger_file *f)
{
	memset(f, 0, sizeof(*f));
	take_id(st, 0, &f->id);
	take(st, 4, f->sha256, sizeof(f->sha256));
	f->bytes = sqlite3_column_int64(st, 5);
	f->arrived = sqlite3_column_int64(st, 6);
	f->state = state_of(column(st, 7));
	f->read = sqlite3_column_int64(st, 8);
	f->accepted = sqlite3_column_int64(st, 9);
	f->refused = sqlite3_column_int64(st, 10);
	f->unchanged = sqlite3_column_int64(st, 11);
	f->generation = sqlite3_column_int64(st, 12);
	take(st, 13, f->reason, sizeof(f->reason));
	f->held = sqlite3_column_int64(st, 14);
}

static void
take_segment(sqlite3_stmt *st, struct ledger_segment *s)
{
	memset(s, 0, sizeof(*s));
	take(st, 0, s->name, sizeof(s->name));
	s->kind = sqlite3_column_int(st, 1);
	s->rows = sqlite3_column_int64(st, 2);
	take(st, 3, s->digest, sizeof(s->digest));
	s->generation = sqlite3_column_int64(st, 4);
	take_id(st, 5, &s->id);
}

/* A statement that gives no rows. */
static int
done(struct ledger *l, enum statement which)
{
	int r = sqlite3_step(l->st[which]);

	if (r != SQLITE_DONE)
		fault(l);
	sqlite3_reset(l->st[which]);
	sqlite3_clear_bindings(l->st[which]);
	return r == SQLITE_DONE ? 0 : -1;
}

/* One that gives one row or none: 1, 0, -1; reset it when the row is read. */
static int
row(struct ledger *l, enum statement which)
{
	int r = sqlite3_step(l->st[which]);

	if (r == SQLITE_ROW)
		return 1;
	if (r != SQLITE_DONE)
		fault(l);
	return r == SQLITE_DONE ? 0 : -1;
}

int
ledger_file_get(
    struct ledger *l, const struct filename *id, struct ledger_file *out)
{
	bind_id(l->st[GET_FILE], 1, id);
	int r = row(l, GET_FILE);
	if (r == 1)
		take_file(l->st[GET_FILE], out);
	sqlite3_reset(l->st[GET_FILE]);
	return r;
}

int
ledger_file_by_digest(
    struct ledger *l, const char *sha256, struct ledger_file *out)
{
	text(l->st[GET_DIGEST], 1, sha256);
	int r = row(l, GET_DIGEST);
	if (r == 1)
		take_file(l->st[GET_DIGEST], out);
	sqlite3_reset(l->st[GET_DIGEST]);
	return r;
}

int
ledger_sequence(struct ledger *l, const char *sender, enum feed feed,
    int32_t *last_day, int *sequence)
{
	sqlite3_stmt *st = l->st[GET_SEQUENCE];

	text(st, 1, sender);
	text(st, 2, feed_names[feed]);
	int r = row(l, GET_SEQUENCE);
	if (r == 1) {
		*last_day = day_parse_iso(column(st, 0));
		*sequence = sqlite3_column_int(st, 1);
	}
	sqlite3_reset(st);
	return r;
}

int
ledger_file_put(struct ledger *l, const struct ledger_file *f)
{
	sqlite3_stmt *st = l->st[PUT_FILE];

	bind_id(st, 1, &f->id);
	text(st, 5, f->sha256);
	sqlite3_bind_int64(st, 6, f->bytes);
	sqlite3_bind_int64(st, 7, f->arrived);
	text(st, 8, file_state_names[f->state]);
	sqlite3_bind_int64(st, 9, f->read);
	sqlite3_bind_int64(st, 10, f->accepted);
	sqlite3_bind_int64(st, 11, f->refused);
	sqlite3_bind_int64(st, 12, f->unchanged);
	sqlite3_bind_int64(st, 13, f->generation);
	text(st, 14, f->reason);
	sqlite3_bind_int64(st, 15, f->held);
	sqlite3_bind_int(st, 16, f->late);
	return done(l, PUT_FILE);
}

/* Rows are read whole before the first is handed out: each() may write. */
int
ledger_each(struct ledger *l, enum file_state state,
    int (*each)(void *arg, const struct ledger_file *f), void *arg)
{
	sqlite3_stmt *st = l->st[EACH_FILE];
	struct ledger_file *v = NULL;
	size_t n = 0, room = 0;
	int r;

	text(st, 1, file_state_names[state]);
	while ((r = row(l, EACH_FILE)) == 1) {
		if (n == room) {
			room = room == 0 ? 64 : room * 2;
			v = text_realloc(v, room * sizeof(*v));
		}
		take_file(st, &v[n++]);
	}
	sqlite3_reset(st);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = each(arg, &v[i]);
	free(v);
	return r;
}

/* ---- held uploads ---- */

/* A statement about an upload that gives another one, or none. */
static int
other_id(struct ledger *l, enum statement which, const struct filename *id,
    struct filename *out)
{
	bind_id(l->st[which], 1, id);
	int r = row(l, which);
	if (r == 1)
		take_id(l->st[which], 0, out);
	sqlite3_reset(l->st[which]);
	return r;
}

int
ledger_held_before(
    struct ledger *l, const struct filename *id, struct filename *first)
{
	return other_id(l, HELD_BEFORE, id, first);
}

int
ledger_hold_put(struct ledger *l, const struct ledger_hold *h)
{
	sqlite3_stmt *st = l->st[PUT_HOLD];

	bind_id(st, 1, &h->id);
	text(st, 5, h->code);
	text(st, 6, h->detail);
	day(st, 7, h->since);
	text(st, 8, h->sha256);
	return done(l, PUT_HOLD);
}

static void
take_hold(sqlite3_stmt *st, struct ledger_hold *h)
{
	memset(h, 0, sizeof(*h));
	take_id(st, 0, &h->id);
	take(st, 4, h->code, sizeof(h->code));
	take(st, 5, h->detail, sizeof(h->detail));
	h->since = day_parse_iso(column(st, 6));
	for (int i = 0; i < HOLD__MAX; i++)
		if (slice_is(column(st, 7), hold_verdict_names[i]))
			h->verdict = (enum hold_verdict)i;
	take(st, 8, h->who, sizeof(h->who));
	h->at = sqlite3_column_int64(st, 9);
	take(st, 10, h->why, sizeof(h->why));
	take(st, 11, h->sha256, sizeof(h->sha256));
}

int
ledger_holds(struct ledger *l, const struct filename *id,
    int (*each)(void *arg, const struct ledger_hold *h), void *arg)
{
	static const struct filename all = { .day = DAY_NONE };
	sqlite3_stmt *st = l->st[EACH_HOLD];
	struct ledger_hold *v = NULL;
	size_t n = 0, room = 0;
	int r;

	bind_id(st, 1, id == NULL ? &all : id);
	while ((r = row(l, EACH_HOLD)) == 1) {
		if (n == room) {
			room = room == 0 ? 16 : room * 2;
			v = text_realloc(v, room * sizeof(*v));
		}
		take_hold(st, &v[n++]);
	}
	sqlite3_reset(st);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = each(arg, &v[i]);
	free(v);
	return r;
}

int
ledger_hold_decide(struct ledger *l, const struct ledger_hold *h)
{
	sqlite3_stmt *st = l->st[DECIDE_HOLD];
	int n;

	bind_id(st, 1, &h->id);
	text(st, 5, hold_verdict_names[h->verdict]);
	text(st, 6, h->who);
	sqlite3_bind_int64(st, 7, h->at);
	text(st, 8, h->why);
	if (done(l, DECIDE_HOLD) == -1)
		return -1;
	n = sqlite3_changes(l->db);
	bind_id(l->st[GIVE_UP], 1, &h->id);
	return done(l, GIVE_UP) == -1 ? -1 : n;
}

int
ledger_missing_put(
    struct ledger *l, const struct filename *waits, int from, int to)
{
	sqlite3_stmt *st = l->st[PUT_MISSING];

	for (int n = from;; n = n % 9999 + 1) {
		bind_id(st, 1, waits);
		sqlite3_bind_int(st, 5, n);
		if (done(l, PUT_MISSING) == -1)
			return -1;
		if (n == to)
			return 0;
	}
}

int
ledger_missing_get(
    struct ledger *l, const struct filename *id, struct filename *waits)
{
	return other_id(l, GET_MISSING, id, waits);
}

int
ledger_missing_arrived(struct ledger *l, const struct filename *id,
    const struct filename *waits, int64_t at)
{
	bind_id(l->st[DROP_MISSING], 1, id);
	if (done(l, DROP_MISSING) == -1)
		return -1;
	bind_id(l->st[ARRIVED], 1, waits);
	text(l->st[ARRIVED], 5, diag_table[DIAG_SEQUENCE_HELD].code);
	sqlite3_bind_int64(l->st[ARRIVED], 6, at);
	return done(l, ARRIVED);
}

/* ---- counts ---- */

static void
bind_insurer(sqlite3_stmt *st, const struct filename *id, const char *insurer)
{
	text(st, 1, id->sender);
	text(st, 2, feed_names[id->feed]);
	text(st, 3, insurer);
}

/* Two numbers and a day. */
static int
get_counts(
    struct ledger *l, enum statement which, int64_t *a, int64_t *b, int32_t *on)
{
	int r = row(l, which);

	if (r == 1) {
		*a = sqlite3_column_int64(l->st[which], 0);
		*b = sqlite3_column_int64(l->st[which], 1);
		*on = day_parse_iso(column(l->st[which], 2));
	}
	sqlite3_reset(l->st[which]);
	return r;
}

int
ledger_stock_get(struct ledger *l, const struct filename *id,
    const char *insurer, struct ledger_stock *out)
{
	bind_insurer(l->st[GET_STOCK], id, insurer);
	return get_counts(l, GET_STOCK, &out->covered, &out->lost, &out->day);
}

int
ledger_stock_put(struct ledger *l, const struct filename *id,
    const char *insurer, const struct ledger_stock *s)
{
	sqlite3_stmt *st = l->st[PUT_STOCK];

	bind_insurer(st, id, insurer);
	sqlite3_bind_int64(st, 4, s->covered);
	sqlite3_bind_int64(st, 5, s->lost);
	day(st, 6, s->day);
	return done(l, PUT_STOCK);
}

int
ledger_fill_get(struct ledger *l, const struct filename *id,
    const char *insurer, const char *field, struct ledger_fill *out)
{
	bind_insurer(l->st[GET_FILL], id, insurer);
	text(l->st[GET_FILL], 4, field);
	return get_counts(l, GET_FILL, &out->records, &out->filled, &out->day);
}

int
ledger_fill_put(struct ledger *l, const struct filename *id,
    const char *insurer, const char *field, const struct ledger_fill *f)
{
	sqlite3_stmt *st = l->st[PUT_FILL];

	bind_insurer(st, id, insurer);
	text(st, 4, field);
	sqlite3_bind_int64(st, 5, f->records);
	sqlite3_bind_int64(st, 6, f->filled);
	day(st, 7, f->day);
	return done(l, PUT_FILL);
}

int
ledger_problems_drop(struct ledger *l, const struct filename *id)
{
	bind_id(l->st[DROP_PROBLEMS], 1, id);
	return done(l, DROP_PROBLEMS);
}

int
ledger_problem_add(struct ledger *l, const struct filename *id,
    const char *code, int64_t count)
{
	sqlite3_stmt *st = l->st[PUT_PROBLEM];

	bind_id(st, 1, id);
	text(st, 5, code);
	sqlite3_bind_int64(st, 6, count);
	return done(l, PUT_PROBLEM);
}

int
ledger_reflection_put(struct ledger *l, const struct ledger_reflection *r)
{
	sqlite3_stmt *st = l->st[PUT_REFLECTION];

	bind_id(st, 1, &r->id);
	sqlite3_bind_int64(st, 5, r->generation);
	sqlite3_bind_int64(st, 6, r->read);
	for (int i = 0; i < 7; i++)
		sqlite3_bind_int64(st, 7 + i, r->state[i]);
	sqlite3_bind_int64(st, 14, r->removed);
	return done(l, PUT_REFLECTION);
}

int
ledger_signoff_put(struct ledger *l, const struct ledger_signoff *s)
{
	sqlite3_stmt *st = l->st[PUT_SIGNOFF];
	const int64_t number[] = { s->generation, s->records, s->refused,
		s->persons, s->periods, s->difference };

	bind_id(st, 1, &s->id);
	text(st, 5, s->scope);
	for (int i = 0; i < 6; i++)
		sqlite3_bind_int64(st, 6 + i, number[i]);
	text(st, 12, s->who);
	sqlite3_bind_int64(st, 13, s->at);
	text(st, 14, s->why);
	return done(l, PUT_SIGNOFF) == -1 ? -1 : sqlite3_changes(l->db);
}

static void
take_signoff(sqlite3_stmt *st, struct ledger_signoff *s)
{
	memset(s, 0, sizeof(*s));
	take_id(st, 0, &s->id);
	take(st, 4, s->scope, sizeof(s->scope));
	s->generation = sqlite3_column_int64(st, 5);
	s->records = sqlite3_column_int64(st, 6);
	s->refused = sqlite3_column_int64(st, 7);
	s->persons = sqlite3_column_int64(st, 8);
	s->periods = sqlite3_column_int64(st, 9);
	s->difference = sqlite3_column_int64(st, 10);
	take(st, 11, s->who, sizeof(s->who));
	s->at = sqlite3_column_int64(st, 12);
	take(st, 13, s->why, sizeof(s->why));
}

int
ledger_signoffs(struct ledger *l,
    int (*each)(void *arg, const struct ledger_signoff *s), void *arg)
{
	sqlite3_stmt *st = l->st[EACH_SIGNOFF];
	struct ledger_signoff s;
	int r;

	while ((r = row(l, EACH_SIGNOFF)) == 1) {
		take_signoff(st, &s);
		r = each(arg, &s);
		if (r != 0)
			break;
	}
	sqlite3_reset(st);
	return r;
}

int
ledger_segment_put(struct ledger *l, const struct ledger_segment *s)
{
	sqlite3_stmt *st = l->st[PUT_SEGMENT];

	text(st, 1, s->name);
	sqlite3_bind_int(st, 2, s->kind);
	sqlite3_bind_int64(st, 3, s->rows);
	text(st, 4, s->digest);
	sqlite3_bind_int64(st, 5, s->generation);
	bind_id(st, 6, &s->id);
	return done(l, PUT_SEGMENT);
}

int
ledger_segment_get(
    struct ledger *l, const char *name, struct ledger_segment *out)
{
	text(l->st[GET_SEGMENT], 1, name);
	int r = row(l, GET_SEGMENT);
	if (r == 1)
		take_segment(l->st[GET_SEGMENT], out);
	sqlite3_reset(l->st[GET_SEGMENT]);
	return r;
}

int
ledger_segments(struct ledger *l, int64_t generation,
    int (*each)(void *arg, const struct ledger_segment *s), void *arg)
{
	sqlite3_stmt *st = l->st[EACH_SEGMENT];
	struct ledger_segment *v = NULL;
	size_t n = 0, room = 0;
	int r;

	sqlite3_bind_int64(st, 1, generation);
	while ((r = row(l, EACH_SEGMENT)) == 1) {
		if (n == room) {
			room = room == 0 ? 64 : room * 2;
			v = text_realloc(v, room * sizeof(*v));
		}
		take_segment(st, &v[n++]);
	}
	sqlite3_reset(st);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = each(arg, &v[i]);
	free(v);
	return r;
}

int
ledger_begin(struct ledger *l)
{
	return done(l, BEGIN);
}

int
ledger_commit(struct ledger *l)
{
	return done(l, COMMIT);
}

void
ledger_rollback(struct ledger *l)
{
	if (!sqlite3_get_autocommit(l->db))
		done(l, ROLLBACK);
}

int
ledger_run_begin(struct ledger *l, struct ledger_run *r)
{
	sqlite3_stmt *st = l->st[BEGIN_RUN];

	text(st, 1, r->program);
	text(st, 2, r->step);
	day(st, 3, r->day);
	text(st, 4, r->host);
	text(st, 5, r->boot);
	sqlite3_bind_int64(st, 6, r->pid);
	sqlite3_bind_int64(st, 7, r->began);
	if (done(l, BEGIN_RUN) == -1)
		return -1;
	r->id = sqlite3_last_insert_rowid(l->db);
	return 0;
}

int
ledger_run_end(struct ledger *l, const struct ledger_run *r)
{
	const int64_t v[] = { r->id, r->ended, r->ms, r->exit, r->read,
		r->accepted, r->refused, r->unchanged, r->files,
		r->files_refused };
	sqlite3_stmt *st = l->st[END_RUN];

	for (int i = 0; i < 10; i++)
		sqlite3_bind_int64(st, i + 1, v[i]);
	text(st, 11, r->notes);
	return done(l, END_RUN);
}

static void
take_run(sqlite3_stmt *st, struct ledger_run *r)
{
	int64_t *const v[] = { &r->read, &r->accepted, &r->refused,
		&r->unchanged, &r->files, &r->files_refused };

	memset(r, 0, sizeof(*r));
	r->id = sqlite3_column_int64(st, 0);
	take(st, 1, r->program, sizeof(r->program));
	take(st, 2, r->step, sizeof(r->step));
	r->day = day_parse_iso(column(st, 3));
	take(st, 4, r->host, sizeof(r->host));
	take(st, 5, r->boot, sizeof(r->boot));
	r->pid = sqlite3_column_int64(st, 6);
	r->began = sqlite3_column_int64(st, 7);
	r->ended = sqlite3_column_int64(st, 8); /* NULL is 0 */
	r->ms = sqlite3_column_int64(st, 9);
	r->exit = sqlite3_column_int(st, 10);
	for (int i = 0; i < 6; i++)
		*v[i] = sqlite3_column_int64(st, 11 + i);
	take(st, 17, r->notes, sizeof(r->notes));
}

int
ledger_runs(struct ledger *l, int32_t on,
    int (*each)(void *arg, const struct ledger_run *r), void *arg)
{
	sqlite3_stmt *st = l->st[EACH_RUN];
	struct ledger_run *v = NULL;
	size_t n = 0, room = 0;
	int r;

	day(st, 1, on);
	while ((r = row(l, EACH_RUN)) == 1) {
		if (n == room) {
			room = room == 0 ? 64 : room * 2;
			v = text_realloc(v, room * sizeof(*v));
		}
		take_run(st, &v[n++]);
	}
	sqlite3_reset(st);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = each(arg, &v[i]);
	free(v);
	return r;
}

int
ledger_job_begin(struct ledger *l, struct ledger_job *j)
{
	sqlite3_stmt *st = l->st[BEGIN_JOB];

	text(st, 1, j->net);
	text(st, 2, j->job);
	day(st, 3, j->day);
	sqlite3_bind_int(st, 4, j->attempt);
	text(st, 5, j->host);
	text(st, 6, j->boot);
	sqlite3_bind_int64(st, 7, j->pid);
	sqlite3_bind_int64(st, 8, j->began);
	if (done(l, BEGIN_JOB) == -1)
		return -1;
	j->id = sqlite3_last_insert_rowid(l->db);
	return 0;
}

int
ledger_job_end(struct ledger *l, const struct ledger_job *j)
{
	const int64_t v[] = { j->id, j->ended, j->ms, j->exit, j->read,
		j->accepted, j->refused, j->files };

	for (int i = 0; i < 8; i++)
		sqlite3_bind_int64(l->st[END_JOB], i + 1, v[i]);
	return done(l, END_JOB);
}

static void
take_job(sqlite3_stmt *st, struct ledger_job *j)
{
	int64_t *const v[] = { &j->read, &j->accepted, &j->refused, &j->files };

	memset(j, 0, sizeof(*j));
	j->id = sqlite3_column_int64(st, 0);
	take(st, 1, j->net, sizeof(j->net));
	take(st, 2, j->job, sizeof(j->job));
	j->day = day_parse_iso(column(st, 3));
	j->attempt = sqlite3_column_int(st, 4);
	take(st, 5, j->host, sizeof(j->host));
	take(st, 6, j->boot, sizeof(j->boot));
	j->pid = sqlite3_column_int64(st, 7);
	j->began = sqlite3_column_int64(st, 8);
	j->ended = sqlite3_column_int64(st, 9); /* NULL is 0 */
	j->ms = sqlite3_column_int64(st, 10);
	j->exit = sqlite3_column_int(st, 11);
	for (int i = 0; i < 4; i++)
		*v[i] = sqlite3_column_int64(st, 12 + i);
}

int
ledger_jobs(struct ledger *l, const char *net, int32_t on,
    int (*each)(void *arg, const struct ledger_job *j), void *arg)
{
	sqlite3_stmt *st = l->st[EACH_JOB];
	struct ledger_job j;
	int r;

	text(st, 1, net);
	day(st, 2, on);
	while ((r = row(l, EACH_JOB)) == 1) {
		take_job(st, &j);
		if ((r = each(arg, &j)) != 0)
			break;
	}
	sqlite3_reset(st);
	return r;
}
