#include "batch/pairing.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/codec/seal.h"

#define MARK 16 /* bytes of the hash that are kept */
#define CODE_MAX 64 /* 機関別符号 */
#define VERSION 1

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char schema[] =
#include "pairing.sql.h"
    ;
#pragma GCC diagnostic pop

enum {
	SEEN,
	SAW,
	REGISTER,
	WISH,
	REKEY,
	FORGET_WISHES,
	UNSTAGE,
	MARK_OF,
	STAGE,
	STAGED,
	SETTLE,
	STATEMENTS
};
static const char *const sql[STATEMENTS] = {
	[SEEN] = "SELECT 1 FROM seen WHERE segment = ?1",
	[SAW] = "INSERT OR IGNORE INTO seen VALUES (?1)",
	[REGISTER] = "INSERT INTO person (\"key\", registered, state)"
		     " VALUES (?1, 1, 0)"
		     " ON CONFLICT DO UPDATE SET registered = 1"
		     " WHERE registered = 0",
	[WISH] = "INSERT OR IGNORE INTO temp.wish VALUES (?1, ?2)",
	/* what the other side refuses (E7016) must not be done here */
	[REKEY] = "UPDATE OR IGNORE person SET \"key\" ="
		  " (SELECT \"to\" FROM temp.wish w WHERE w.\"from\" ="
		  " person.\"key\") WHERE \"key\" IN (SELECT \"from\""
		  " FROM temp.wish w WHERE NOT EXISTS (SELECT 1 FROM person p"
		  " WHERE p.\"key\" = w.\"to\" AND p.registered = 1)"
		  " AND NOT EXISTS (SELECT 1 FROM temp.wish x WHERE x.\"to\""
		  " = w.\"to\" AND x.\"from\" <> w.\"from\"))",
	[FORGET_WISHES] = "DELETE FROM temp.wish",
	[UNSTAGE] = "DELETE FROM staged WHERE file = ?1",
	[MARK_OF] = "SELECT mark FROM person WHERE \"key\" = ?1 AND state = 1"
		    " UNION ALL SELECT mark FROM staged WHERE \"key\" = ?1"
		    " AND state = 1 AND file <> ?2",
	[STAGE] = "INSERT OR REPLACE INTO staged VALUES"
		  " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[STAGED] = "SELECT file FROM staged LIMIT 1",
	/* an acquired code is never lost to a later "not found" */
	[SETTLE] = "INSERT INTO person (\"key\", registered, number, state,"
		   " answered_on, file, mark, code)"
		   " SELECT \"key\", 0, number, state, day, file, mark, code"
		   " FROM staged WHERE file = ?1"
		   " ON CONFLICT DO UPDATE SET number = excluded.number,"
		   " state = excluded.state, answered_on ="
		   " excluded.answered_on, file = excluded.file,"
		   " mark = excluded.mark, code = excluded.code"
		   " WHERE person.state <> 1 OR (excluded.state = 1"
		   " AND person.number <> excluded.number)",
};
const char *const pairing_notes[PAIRING_NOTE__MAX] = {
	[PAIRING_ORPHAN] = "orphan",
	[PAIRING_DUPLICATE] = "duplicate",
	[PAIRING_NUMBER] = "number",
};

struct pairing {
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENTS];
	struct diag_sink *sink;
	unsigned char key[PAIRING_KEY];
	pairing_scheme_fn *scheme_of; /* of the notice being made */
	void *scheme_arg;
	char path[SPOOL_PATH_MAX];
};

/* Never the library's words on a value: they may name one. */
static int
fault(struct pairing *p)
{
	diag_file(p->sink, DIAG_LEDGER, p->path, "%s",
	    p->db == NULL ? "no memory" :
			    sqlite3_errstr(sqlite3_errcode(p->db)));
	return -1;
}

static int
run(struct pairing *p, const char *text)
{
	return sqlite3_exec(p->db, text, NULL, NULL, NULL) == SQLITE_OK ?
	    0 :
	    fault(p);
}

/* ---- functions of ours inside SQL ---- */

/* The 処理通番 a key is asked for with: opaque, and the same if asked again. */
static void
number_of(sqlite3_context *c, int n, sqlite3_value **v)
{
	static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	struct pairing *p = sqlite3_user_data(c);
	unsigned char in[7 + TYPED_KEY_SIZE] = "number:", sum[32];
	const char *key = (const char *)sqlite3_value_text(v[0]);
	char out[25];

	(void)n;
	if (key == NULL)
		return;
	memcpy(in + 7, key, strnlen(key, TYPED_KEY_SIZE));
	seal_hmac((struct slice) { (const char *)p->key, PAIRING_KEY },
	    (struct slice) { (const char *)in, sizeof(in) }, sum);
	for (int i = 0; i < 24; i++)
		out[i] = letters[sum[i] & 31];
	sqlite3_result_text(c, out, 24, SQLITE_TRANSIENT);
}

static void
scheme_name(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct pairing *p = sqlite3_user_data(c);
	const char *key = (const char *)sqlite3_value_text(v[0]);
	int scheme = -1;

	(void)n;
	if (key != NULL && p->scheme_of != NULL)
		scheme = p->scheme_of(p->scheme_arg, key);
	if (scheme >= 0)
		sqlite3_result_text(c, scheme_names[scheme], -1, SQLITE_STATIC);
}

/* ---- opening ---- */

static int
open_db(struct pairing *p)
{
	sqlite3_stmt *st = NULL;
	int version = -1, r = -1;

	if (sqlite3_open_v2(p->path, &p->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK ||
	    run(p,
		"PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"
		"PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
		"PRAGMA locking_mode=EXCLUSIVE;"
		"CREATE TEMP TABLE wish (\"from\" TEXT NOT NULL PRIMARY KEY,"
		" \"to\" TEXT NOT NULL) WITHOUT ROWID;"
		"CREATE INDEX temp.wish_to ON wish (\"to\")") == -1)
		return fault(p);
	if (sqlite3_create_function(p->db, "number_of", 1,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC, p, number_of, NULL,
		NULL) != SQLITE_OK ||
	    sqlite3_create_function(p->db, "scheme_of", 1, SQLITE_UTF8, p,
		scheme_name, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(p->db, "PRAGMA user_version", -1, &st, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW)
		fault(p);
	else
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	if (version == 0) {
		char text[64];

		snprintf(text, sizeof(text), "PRAGMA user_version=%d; COMMIT",
		    VERSION);
		r = run(p, "BEGIN IMMEDIATE") == -1 || run(p, schema) == -1 ||
			run(p, text) == -1 ?
		    -1 :
		    0;
	} else if (version == VERSION)
		r = 0;
	else if (version != -1)
		diag_file(p->sink, DIAG_LEDGER, p->path,
		    "is of version %d, this program's is %d", version, VERSION);
	return r;
}

/* Made by us alone, readable by us alone; SQLite gives its journal the same
 * permission. */
static int
make_file(struct pairing *p, const char *root)
{
	char dir[SPOOL_PATH_MAX];
	struct stat st;
	int fd;

	spool_path(dir, root, "pairing");
	spool_path(p->path, dir, "pairing.sqlite");
	if ((mkdir(dir, 0700) == -1 && errno != EEXIST) ||
	    (fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		 0600)) == -1) {
		diag_file(p->sink, DIAG_IO, p->path, "%s", strerror(errno));
		return -1;
	}
	int r = fstat(fd, &st);
	close(fd);
	if (r == 0 && (st.st_mode & 077) == 0)
		return 0;
	diag_file(
	    p->sink, DIAG_KEY_UNREADABLE, p->path, "%s", "others may read it");
	return -1;
}

struct pairing *
pairing_open(const char *root, const unsigned char key[PAIRING_KEY],
    struct diag_sink *sink)
{
	struct pairing *p = text_alloc(sizeof(*p));

	p->sink = sink;
	memcpy(p->key, key, PAIRING_KEY);
	if (make_file(p, root) == 0 && open_db(p) == 0)
		return p;
	pairing_close(p);
	return NULL;
}

void
pairing_close(struct pairing *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(p->st[i]);
	sqlite3_close(p->db);
	explicit_bzero(p->key, sizeof(p->key));
	free(p);
}

int
pairing_begin(struct pairing *p)
{
	return run(p, "BEGIN IMMEDIATE");
}

int
pairing_commit(struct pairing *p)
{
	return run(p, "COMMIT");
}

void
pairing_rollback(struct pairing *p)
{
	if (!sqlite3_get_autocommit(p->db))
		run(p, "ROLLBACK");
}

/* ---- statements ---- */

static sqlite3_stmt *
statement(struct pairing *p, int which)
{
	if (p->st[which] == NULL &&
	    sqlite3_prepare_v3(p->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
		&p->st[which], NULL) != SQLITE_OK)
		fault(p);
	return p->st[which];
}

static void
bind(sqlite3_stmt *st, int i, struct slice s)
{
	sqlite3_bind_text(st, i, s.p, (int)s.n, SQLITE_TRANSIENT);
}

static void
bind_blob(sqlite3_stmt *st, int i, const void *b, size_t n)
{
	sqlite3_bind_blob(st, i, b, (int)n, SQLITE_TRANSIENT);
}

/* One that gives a row at most: 1 there is one (not reset yet), 0, -1. */
static int
step(struct pairing *p, sqlite3_stmt *st)
{
	int r = sqlite3_step(st);

	if (r == SQLITE_ROW)
		return 1;
	sqlite3_reset(st);
	return r == SQLITE_DONE ? 0 : fault(p);
}

static int
one(struct pairing *p, int which, struct slice a, struct slice b)
{
	sqlite3_stmt *st = statement(p, which);

	if (st == NULL)
		return -1;
	bind(st, 1, a);
	if (b.p != NULL)
		bind(st, 2, b);
	int r = step(p, st);
	sqlite3_reset(st);
	return r;
}

static const struct slice nothing = { NULL, 0 };

int
pairing_seen(struct pairing *p, const char *segment)
{
	return one(p, SEEN, slice_of(segment), nothing);
}

int
pairing_saw(struct pairing *p, const char *segment)
{
	return one(p, SAW, slice_of(segment), nothing);
}

int
pairing_register(struct pairing *p, const struct typed_key *key)
{
	return one(p, REGISTER, typed_key_text(key), nothing);
}

int
pairing_wish(
    struct pairing *p, const struct typed_key *from, const struct typed_key *to)
{
	return one(p, WISH, typed_key_text(from), typed_key_text(to));
}

int
pairing_rekey(struct pairing *p)
{
	return one(p, REKEY, nothing, nothing) == -1 ?
	    -1 :
	    one(p, FORGET_WISHES, nothing, nothing);
}

/* ---- results ---- */

int
pairing_unstage(struct pairing *p, const char *file)
{
	return one(p, UNSTAGE, slice_of(file), nothing);
}

/* 1: the person has a code already, and it is another one. */
static int
has_another(struct pairing *p, const struct pairing_result *result,
    const unsigned char *mark)
{
	sqlite3_stmt *st = statement(p, MARK_OF);

	if (st == NULL)
		return -1;
	bind(st, 1, typed_key_text(&result->key));
	bind(st, 2, slice_of(result->file));
	int r = step(p, st);
	if (r == 1)
		r = sqlite3_column_bytes(st, 0) != MARK ||
		    memcmp(sqlite3_column_blob(st, 0), mark, MARK) != 0;
	sqlite3_reset(st);
	return r;
}

int
pairing_stage(struct pairing *p, const struct pairing_result *r)
{
	sqlite3_stmt *st = statement(p, STAGE);
	struct slice key = typed_key_text(&r->key);
	char storage[CODE_MAX + SEAL_BOX_EXTRA + 1];
	unsigned char mark[32];
	struct buf box;

	if (st == NULL)
		return -1;
	buf_init(&box, storage, sizeof(storage));
	sqlite3_clear_bindings(st);
	if (r->state == 1) {
		seal_hmac((struct slice) { (const char *)p->key, PAIRING_KEY },
		    r->code, mark);
		int other = has_another(p, r, mark);
		if (other != 0)
			return other;
		if (seal_box(p->key, key, r->code, &box) == -1) {
			diag_file(p->sink, DIAG_IO, p->path, "%s", "seal");
			return -1;
		}
		bind_blob(st, 7, mark, MARK);
		bind_blob(st, 8, box.p, box.n);
	}
	bind(st, 1, slice_of(r->file));
	bind(st, 2, key);
	sqlite3_bind_int64(st, 3, r->record);
	bind(st, 4, r->number);
	sqlite3_bind_int(st, 5, r->state);
	sqlite3_bind_int(st, 6, r->day);
	return step(p, st);
}

int
pairing_staged(struct pairing *p, char out[64])
{
	sqlite3_stmt *st = statement(p, STAGED);
	int r = st == NULL ? -1 : step(p, st);

	if (r == 1)
		snprintf(out, 64, "%s", sqlite3_column_text(st, 0));
	sqlite3_reset(st);
	return r;
}

static sqlite3_stmt *
ask(struct pairing *p, const char *text, const char *a)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(p->db, text, -1, &st, NULL) != SQLITE_OK) {
		fault(p);
		return NULL;
	}
	bind(st, 1, slice_of(a));
	return st;
}

int
pairing_odd(struct pairing *p, const char *file,
    int (*each)(void *arg, int64_t record, enum pairing_note what), void *arg)
{
	sqlite3_stmt *st = ask(p,
	    "SELECT s.record, coalesce(p.registered, 0) = 0,"
	    " p.state = 1 AND s.state = 1 AND p.mark = s.mark"
	    " AND p.file <> s.file,"
	    " p.asked IS NOT NULL AND p.number <> s.number"
	    " FROM staged s LEFT JOIN person p USING (\"key\")"
	    " WHERE s.file = ?1 ORDER BY s.record",
	    file);
	int more = 0, r = st == NULL ? -1 : 0;

	while (r == 0 && (more = step(p, st)) == 1)
		for (int i = 0; i < PAIRING_NOTE__MAX && r == 0; i++)
			if (sqlite3_column_int(st, 1 + i) == 1)
				r = each(arg, sqlite3_column_int64(st, 0),
				    (enum pairing_note)i);
	sqlite3_finalize(st);
	return more == -1 ? -1 : r;
}

int
pairing_settle(struct pairing *p, const char *file, bool taken)
{
	if (taken && one(p, SETTLE, slice_of(file), nothing) == -1)
		return -1;
	return pairing_unstage(p, file);
}

int
pairing_codes(struct pairing *p,
    int (*each)(void *arg, const struct typed_key *key, struct slice number,
	struct slice code),
    void *arg)
{
	sqlite3_stmt *st = ask(p,
	    "SELECT \"key\", number, code FROM person WHERE state = 1"
	    " ORDER BY \"key\"",
	    "");
	char storage[CODE_MAX + 1];
	struct typed_key key;
	struct buf code;
	int more = 0, r = st == NULL ? -1 : 0;

	while (r == 0 && (more = step(p, st)) == 1) {
		struct slice text = { (const char *)sqlite3_column_text(st, 0),
			(size_t)sqlite3_column_bytes(st, 0) };
		struct slice box = { sqlite3_column_blob(st, 2),
			(size_t)sqlite3_column_bytes(st, 2) };
		buf_init(&code, storage, sizeof(storage));
		memset(&key, 0, sizeof(key));
		memcpy(key.b, text.p,
		    text.n < sizeof(key.b) ? text.n : sizeof(key.b));
		if (seal_unbox(p->key, text, box, &code) == -1) {
			diag_file(p->sink, DIAG_KEY_UNREADABLE, p->path, "%s",
			    "keys.pairing does not open it");
			r = -1;
			break;
		}
		r = each(arg, &key,
		    slice_of((const char *)sqlite3_column_text(st, 1)),
		    buf_slice(&code));
		explicit_bzero(storage, sizeof(storage));
	}
	sqlite3_finalize(st);
	return more == -1 ? -1 : r;
}

/* ---- lists ---- */

int
pairing_list_new(
    struct pairing *p, const char *what, int32_t day, struct pairing_list *list)
{
	sqlite3_stmt *st = ask(p,
	    "SELECT coalesce(max(sequence), 0) + 1 FROM list"
	    " WHERE what = ?1 AND day = ?2",
	    what);
	char text[9];

	if (st == NULL)
		return -1;
	sqlite3_bind_int(st, 2, day);
	int r = step(p, st);
	list->day = day;
	list->sequence = r == 1 ? sqlite3_column_int(st, 0) : 0;
	sqlite3_finalize(st);
	if (r != 1)
		return -1;
	day_format(day, text);
	snprintf(list->name, sizeof(list->name), "IM000001_%s_%s_%04d", what,
	    text, list->sequence);
	st = ask(p, "INSERT INTO list VALUES (?1, ?2, ?3, ?4, 0)", list->name);
	if (st == NULL)
		return -1;
	bind(st, 2, slice_of(what));
	sqlite3_bind_int(st, 3, day);
	sqlite3_bind_int(st, 4, list->sequence);
	r = step(p, st);
	sqlite3_finalize(st);
	return r;
}

int
pairing_list_drop(struct pairing *p, const struct pairing_list *list)
{
	sqlite3_stmt *st =
	    ask(p, "DELETE FROM list WHERE name = ?1", list->name);
	int r = st == NULL ? -1 : step(p, st);

	sqlite3_finalize(st);
	return r;
}

/* The rows a statement changed; none: the list is not there after all. */
static int64_t
changed(struct pairing *p, sqlite3_stmt *st, const struct pairing_list *list)
{
	int r = step(p, st);
	int64_t n = sqlite3_changes64(p->db);

	sqlite3_finalize(st);
	if (r == -1)
		return -1;
	return n == 0 ? pairing_list_drop(p, list) : n;
}

int64_t
pairing_request(
    struct pairing *p, int32_t day, int again_days, struct pairing_list *list)
{
	if (pairing_list_new(p, "code_request", day, list) == -1)
		return -1;
	sqlite3_stmt *st = ask(p,
	    "UPDATE person SET asked = ?1, asked_on = ?2, times = times + 1,"
	    " number = coalesce(number, number_of(\"key\"))"
	    " WHERE registered = 1 AND state <> 1 AND ("
	    "(asked_on IS NULL AND answered_on IS NULL) OR (?3 > 0 AND"
	    " max(coalesce(asked_on, 0), coalesce(answered_on, 0)) + ?3"
	    " <= ?2))",
	    list->name);
	if (st == NULL)
		return -1;
	sqlite3_bind_int(st, 2, day);
	sqlite3_bind_int(st, 3, again_days);
	return changed(p, st, list);
}

int64_t
pairing_notice(struct pairing *p, int32_t day, const char *text,
    unsigned schemes, pairing_scheme_fn *scheme_of, void *arg,
    struct pairing_list *list)
{
	char names[200] = "+";
	struct buf b;

	buf_init(&b, names, sizeof(names));
	buf_putc(&b, '+');
	for (int i = 0; i < SCHEME__MAX; i++)
		if (schemes >> i & 1)
			buf_printf(&b, "%s+", scheme_names[i]);
	p->scheme_of = scheme_of;
	p->scheme_arg = arg;
	if (pairing_list_new(p, "notice", day, list) == -1)
		return -1;
	/* by scheme; of one person's keys in a scheme the first */
	sqlite3_stmt *st = ask(p,
	    "INSERT OR IGNORE INTO notice"
	    " SELECT mark, scheme, ?2, \"key\", ?1,"
	    " row_number() OVER (ORDER BY scheme, \"key\") FROM ("
	    " SELECT mark, scheme, min(\"key\") AS \"key\" FROM ("
	    "  SELECT mark, scheme_of(\"key\") AS scheme, \"key\" FROM person"
	    "  WHERE state = 1 AND registered = 1)"
	    " WHERE scheme IS NOT NULL AND instr(?3, '+' || scheme || '+') > 0"
	    " GROUP BY mark, scheme) AS a"
	    " WHERE NOT EXISTS (SELECT 1 FROM notice AS n WHERE"
	    "  n.mark = a.mark AND n.scheme = a.scheme AND n.\"text\" = ?2)",
	    list->name);
	if (st == NULL)
		return -1;
	bind(st, 2, slice_of(text));
	bind(st, 3, buf_slice(&b));
	int64_t n = changed(p, st, list);
	p->scheme_of = NULL;
	return n;
}

int
pairing_correct(struct pairing *p, const struct pairing_list *list,
    int64_t record, const char *of_list, int64_t of_record, char change)
{
	char what[2] = { change, '\0' };
	sqlite3_stmt *st = ask(p,
	    "INSERT INTO correction SELECT ?1, ?2, list, record, ?5"
	    " FROM notice WHERE list = ?3 AND record = ?4",
	    list->name);

	if (st == NULL)
		return -1;
	sqlite3_bind_int64(st, 2, record);
	bind(st, 3, slice_of(of_list));
	sqlite3_bind_int64(st, 4, of_record);
	bind(st, 5, slice_of(what));
	int r = step(p, st);
	sqlite3_finalize(st);
	return r == -1 ? -1 : sqlite3_changes(p->db) == 1;
}

int
pairing_unpublished(struct pairing *p, struct pairing_list *list, bool *request)
{
	sqlite3_stmt *st = ask(p,
	    "SELECT name, day, sequence, what = 'code_request' FROM list"
	    " WHERE published = 0 AND ?1 = '' ORDER BY day, name",
	    "");
	int r = st == NULL ? -1 : step(p, st);

	if (r == 1) {
		snprintf(list->name, sizeof(list->name), "%s",
		    sqlite3_column_text(st, 0));
		list->day = sqlite3_column_int(st, 1);
		list->sequence = sqlite3_column_int(st, 2);
		*request = sqlite3_column_int(st, 3) == 1;
	}
	sqlite3_finalize(st);
	return r;
}

int
pairing_published(struct pairing *p, const char *name)
{
	sqlite3_stmt *st =
	    ask(p, "UPDATE list SET published = 1 WHERE name = ?1", name);
	int r = st == NULL ? -1 : step(p, st);

	sqlite3_finalize(st);
	return r;
}

int
pairing_rows(struct pairing *p, const char *name, bool request,
    int (*each)(void *arg, const struct pairing_row *row), void *arg)
{
	sqlite3_stmt *st = ask(p,
	    request ? "SELECT \"key\", number, times, '', '', '1', '', 0"
		      " FROM person WHERE asked = ?1 ORDER BY \"key\"" :
		      "SELECT p.\"key\", p.number, 0, n.scheme, n.\"text\","
		      " coalesce(c.\"change\", '1'), coalesce(c.of_list, ''),"
		      " coalesce(c.of_record, 0)"
		      " FROM notice AS n JOIN person AS p USING (\"key\")"
		      " LEFT JOIN correction AS c ON c.of_list = n.list"
		      "  AND c.of_record = n.record AND c.list = ?1"
		      " WHERE n.list = ?1 OR c.list = ?1"
		      " ORDER BY coalesce(c.record, n.record)",
	    name);
	int more = 0, r = st == NULL ? -1 : 0;

	while (r == 0 && (more = step(p, st)) == 1) {
		struct pairing_row row = {
			.key = (const char *)sqlite3_column_text(st, 0),
			.number = (const char *)sqlite3_column_text(st, 1),
			.times = sqlite3_column_int64(st, 2),
			.scheme = (const char *)sqlite3_column_text(st, 3),
			.text = (const char *)sqlite3_column_text(st, 4),
			.change = (char)sqlite3_column_text(st, 5)[0],
			.of_list = (const char *)sqlite3_column_text(st, 6),
			.of_record = sqlite3_column_int64(st, 7),
		};
		r = each(arg, &row);
	}
	sqlite3_finalize(st);
	return more == -1 ? -1 : r;
}
