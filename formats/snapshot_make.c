/*
 * SQLite makes the empty file from schemas/snapshot.sql, pages.c fills the
 * large tables as a stream of pages, SQLite enters the small ones and closes.
 * Then the file is read again: the large tables by pages_check(), which asks
 * what integrity_check asks at a quarter of its cost, the small ones by
 * integrity_check itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "formats/codec/day.h"
#include "formats/codec/der.h"
#include "formats/codec/pages.h"
#include "formats/codec/pages_read.h"
#include "formats/codec/seal.h"
#include "formats/codec/sort.h"
#include "formats/limits.h"
#include "formats/snapshot_make.h"

#define PAGE_SIZE 16384 /* engineering/performance.md 1 */
#define PSEUDONYM 16
#define PROCESSING_NUMBER 64
#define SERIAL 20
#define SKI 40
/* CA's key id, bytes of the serial, the serial without leading zeros: by
 * number, and short; NULs at the end take no room while sorting */
#define REVOKED_KEY (SKI / 2 + 1 + SERIAL)
#define DIGEST_BUFFER ((size_t)32 << 10)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverlength-strings"
static const char schema[] =
#include "snapshot.sql.h"
    ;
#pragma GCC diagnostic pop

struct partition {
	char ca[SKI + 1], name[256], number[41];
	unsigned char ski[SKI / 2]; /* ca in bytes */
	int64_t this_update, next_update;
	int id;
};

struct input {
	char name[80], digest[65];
	int64_t rows;
};

/* An order other than that of the rows: sorted aside, written at the end. */
enum order {
	ORDER_PRINTED, /* hash, key */
	ORDER_PSEUDONYM, /* pseudonym, key */
	ORDER_PAIRING, /* processing number, NUL, key: pseudonym */
	ORDER_REVOKED, /* ca, serial: partition, moment, reason */
	ORDER__MAX
};
#define ORDER_KEY_MAX 112
static const size_t order_keys[ORDER__MAX] = {
	[ORDER_PRINTED] = 8 + TYPED_KEY_SIZE,
	[ORDER_PSEUDONYM] = PSEUDONYM + TYPED_KEY_SIZE,
	[ORDER_PAIRING] = PROCESSING_NUMBER + 1 + TYPED_KEY_SIZE,
	[ORDER_REVOKED] = REVOKED_KEY,
};
static const char *const order_tables[ORDER__MAX] = {
	[ORDER_PRINTED] = "printed",
	[ORDER_PSEUDONYM] = "pseudonym",
	[ORDER_PAIRING] = "pairing",
	[ORDER_REVOKED] = "revoked",
};

/* The tables that pages.c fills. */
enum filled {
	FILLED_MAIN, /* of the kind; REVOCATION's is by ORDER_REVOKED */
	FILLED_PERSON,
	FILLED_INSURER,
	FILLED_WAITING,
	FILLED_ORDER,
	FILLED__MAX = FILLED_ORDER + ORDER__MAX
};
static const unsigned filled_keys[FILLED__MAX] = { /* columns of the key */
	[FILLED_PERSON] = 1,
	[FILLED_INSURER] = 1,
	[FILLED_WAITING] = 2,
	[FILLED_ORDER + ORDER_PRINTED] = 2,
	[FILLED_ORDER + ORDER_PSEUDONYM] = 2,
	[FILLED_ORDER + ORDER_PAIRING] = 2,
	[FILLED_ORDER + ORDER_REVOKED] = 3
};
struct filling {
	struct pages_table *pages;
	uint32_t root; /* 0: not in this kind */
	unsigned key;
	int64_t rows;
};

struct snapshot_make {
	enum snapshot_kind kind;
	struct snapshot_set_entry entry;
	struct diag_sink *sink;
	char *work_dir, *path;
	bool failed;
	int64_t rows;
	sqlite3 *db;
	struct pages *pages;
	struct filling filled[FILLED__MAX];
	int64_t pages_before, pages_filled; /* in the file */
	struct sort *sort[ORDER__MAX];
	struct snapshot *base; /* whose orders are carried over; or NULL */
	struct page_row row;
	FILE *part; /* its rows; NULL: the file is made whole */
	const struct format *format; /* of main */
	unsigned char columns[RECORD_FIELDS_MAX];
	unsigned n_columns;
	/* running digest */
	XXH3_state_t *hash;
	char *fresh; /* rows not yet in it: it takes many at once faster */
	size_t n_fresh;
	/* card CAs in order of appearance */
	char (*ca)[SKI + 1];
	int n_ca;
	struct partition *partitions;
	int n_partitions;
	struct input *inputs;
	int n_inputs;
};

static int
fail(struct snapshot_make *m, const char *what, const char *why)
{
	if (!m->failed)
		/* with its folder: which disk is full, where there are two */
		diag_file(m->sink, DIAG_SNAPSHOT_WRITE,
		    m->path != NULL ? m->path : m->entry.file, "%s: %s", what,
		    why);
	m->failed = true;
	return -1;
}

/* ---- the empty file ---- */

static int
run_sql(struct snapshot_make *m, const char *sql)
{
	if (sqlite3_exec(m->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(m, "sqlite", sqlite3_errmsg(m->db));
	return 0;
}

/* The part of the schema between "-- kind: NAME" and the next. */
static int
run_schema(struct snapshot_make *m, const char *name)
{
	char mark[64];

	snprintf(mark, sizeof(mark), "\n-- kind: %s\n", name);
	const char *from = strstr(schema, mark);
	if (from == NULL)
		return fail(m, "schema", name);
	from += strlen(mark);
	const char *end = strstr(from, "\n-- kind: ");
	size_t n = end == NULL ? strlen(from) : (size_t)(end - from);
	char *sql = text_dup((struct slice) { from, n });
	int r = run_sql(m, sql);
	free(sql);
	return r;
}

static int
open_db(struct snapshot_make *m, int flags)
{
	if (sqlite3_open_v2(m->path, &m->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | flags,
		NULL) != SQLITE_OK)
		return fail(m, "open", sqlite3_errmsg(m->db));
	return run_sql(m,
	    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
	    "PRAGMA cache_size=-16384; PRAGMA locking_mode=EXCLUSIVE;");
}

static int
close_db(struct snapshot_make *m)
{
	int r = sqlite3_close(m->db);

	m->db = NULL;
	return r == SQLITE_OK ? 0 : fail(m, "sqlite", "close");
}

static uint32_t
root_of(struct snapshot_make *m, const char *table)
{
	sqlite3_stmt *st = NULL;
	uint32_t root = 0;

	if (sqlite3_prepare_v2(m->db,
		"SELECT rootpage FROM sqlite_schema WHERE name = ?1", -1, &st,
		NULL) == SQLITE_OK &&
	    sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		root = (uint32_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return root;
}

static void
fill_table(struct snapshot_make *m, enum filled f, const char *table)
{
	m->filled[f].root = root_of(m, table);
	m->filled[f].key = filled_keys[f];
	if (m->filled[f].root == 0)
		fail(m, "schema", table);
}

static void
want_order(struct snapshot_make *m, enum order o, int64_t memory)
{
	m->sort[o] = sort_new(order_keys[o], memory, m->work_dir);
	fill_table(m, (enum filled)(FILLED_ORDER + (int)o), order_tables[o]);
}

static int64_t
count_pages(const struct snapshot_make *m)
{
	struct stat st;

	return stat(m->path, &st) == -1 ? -1 : st.st_size / PAGE_SIZE;
}

static int
make_empty(struct snapshot_make *m)
{
	static const struct {
		const char *table;
		unsigned key;
	} mains[SNAPSHOT__MAX] = {
		[SNAPSHOT_QUALIFICATION] = { "period", 2 },
		[SNAPSHOT_CARDS] = { "card", 2 },
		[SNAPSHOT_INSTITUTIONS] = { "institution", 1 },
	};
	char pragma[128];

	snprintf(pragma, sizeof(pragma),
	    "PRAGMA page_size=%d; PRAGMA application_id=%d;"
	    "PRAGMA user_version=%d; BEGIN;",
	    PAGE_SIZE, (int)snapshot_application_id(m->kind), SNAPSHOT_VERSION);
	if (open_db(m, SQLITE_OPEN_CREATE) == -1 || run_sql(m, pragma) == -1 ||
	    run_schema(m, "all") == -1 ||
	    run_schema(m, snapshot_names[m->kind]) == -1 ||
	    run_sql(m, "COMMIT") == -1)
		return -1;
	if (mains[m->kind].table != NULL) {
		fill_table(m, FILLED_MAIN, mains[m->kind].table);
		m->filled[FILLED_MAIN].key = mains[m->kind].key;
	}
	if (m->kind == SNAPSHOT_QUALIFICATION) {
		want_order(m, ORDER_PRINTED, SORT_MEMORY / 3);
		want_order(m, ORDER_PSEUDONYM, SORT_MEMORY / 3);
		want_order(m, ORDER_PAIRING, SORT_MEMORY / 3);
		fill_table(m, FILLED_PERSON, "person");
		fill_table(m, FILLED_INSURER, "insurer");
	}
	if (m->kind == SNAPSHOT_CARDS)
		fill_table(m, FILLED_WAITING, "waiting");
	if (m->kind == SNAPSHOT_REVOCATION)
		want_order(m, ORDER_REVOKED, SORT_MEMORY / 4);
	if (close_db(m) == -1)
		return -1;
	m->pages_before = count_pages(m);
	if (m->failed || m->pages_before == -1)
		return fail(m, "schema", "not read");
	if ((m->pages = pages_open(m->path)) == NULL)
		return fail(m, "open", strerror(errno));
	for (int f = 0; f < FILLED__MAX; f++)
		if (m->filled[f].root != 0)
			m->filled[f].pages =
			    pages_table(m->pages, m->filled[f].root);
	return 0;
}

/* Those behind the primary key, which has one of a period's already. */
static void
set_columns(struct snapshot_make *m)
{
	unsigned n = snapshot_columns(m->format, m->columns);

	for (unsigned i = 0; i < n; i++)
		if (m->kind != SNAPSHOT_QUALIFICATION ||
		    m->columns[i] != Q_QUALIFIED_ON)
			m->columns[m->n_columns++] = m->columns[i];
}

static struct snapshot_make *
make_new(const char *work_dir, enum snapshot_kind kind, const char *file,
    struct diag_sink *sink)
{
	static const struct format *const formats[SNAPSHOT__MAX] = {
		[SNAPSHOT_QUALIFICATION] = &qualification_format,
		[SNAPSHOT_CARDS] = &link_format,
		[SNAPSHOT_INSTITUTIONS] = &institution_format,
	};
	struct snapshot_make *m = text_alloc(sizeof(*m));
	size_t n = strlen(work_dir) + strlen(file) + 2;

	m->kind = kind;
	m->sink = sink;
	m->work_dir = text_dup(slice_of(work_dir));
	m->path = text_alloc(n);
	snprintf(m->path, n, "%s/%s", work_dir, file);
	m->fresh = text_alloc(DIGEST_BUFFER);
	m->hash = XXH3_createState();
	if (m->hash == NULL || XXH3_128bits_reset(m->hash) != XXH_OK)
		(void)text_alloc(SIZE_MAX / 2); /* ends as for want of memory */
	row_init(&m->row);
	if ((m->format = formats[kind]) != NULL)
		set_columns(m);
	return m;
}

struct snapshot_make *
snapshot_create(const char *work_dir, enum snapshot_kind kind,
    const struct snapshot_set_entry *entry, struct diag_sink *sink)
{
	struct snapshot_set_entry e = *entry;

	snprintf(e.file, sizeof(e.file), "%s-%06lld.sqlite",
	    snapshot_names[kind], (long long)e.generation);
	struct snapshot_make *m = make_new(work_dir, kind, e.file, sink);
	m->entry = e;
	if (unlink(m->path) == -1 && errno != ENOENT) {
		fail(m, "unlink", strerror(errno));
		goto bad;
	}
	if (make_empty(m) == -1)
		goto bad;
	return m;
bad:
	snapshot_abandon(m);
	return NULL;
}

/* ---- rows ---- */

static void
digest_flush(struct snapshot_make *m)
{
	XXH3_128bits_update(m->hash, m->fresh, m->n_fresh);
	m->n_fresh = 0;
}

static void
digest(struct snapshot_make *m, struct slice s)
{
	if (m->n_fresh + s.n > DIGEST_BUFFER)
		digest_flush(m);
	if (s.n > DIGEST_BUFFER) {
		XXH3_128bits_update(m->hash, s.p, s.n);
		return;
	}
	if (s.n > 0)
		memcpy(m->fresh + m->n_fresh, s.p, s.n);
	m->n_fresh += s.n;
}

/* In front of a row of a part: its length, its table. */
#define PART_HEAD (sizeof(uint32_t) + 1)
#define PART_ROW_MAX ((uint32_t)1 << 24)

static int
part_row(struct snapshot_make *m, enum filled f, struct slice a, struct slice b)
{
	uint32_t n = (uint32_t)(a.n + b.n);
	char head[PART_HEAD];

	memcpy(head, &n, sizeof(n));
	head[PART_HEAD - 1] = (char)f;
	fwrite(head, 1, sizeof(head), m->part);
	fwrite(a.p, 1, a.n, m->part);
	if (b.n > 0)
		fwrite(b.p, 1, b.n, m->part);
	return ferror(m->part) ? fail(m, "write", strerror(errno)) : 0;
}

static int
add_row(struct snapshot_make *m, enum filled f)
{
	m->filled[f].rows++;
	if (pages_add(m->filled[f].pages, &m->row) == -1)
		return fail(m, "write", strerror(errno));
	return 0;
}

/* A row that counts for the digest: the record as it lies in the file. */
static int
add_digested(struct snapshot_make *m, enum filled f)
{
	if (m->part != NULL)
		return part_row(m, f, row_header(&m->row),
		    (struct slice) { m->row.body, m->row.n });
	digest(m, row_header(&m->row));
	digest(m, (struct slice) { m->row.body, m->row.n });
	return add_row(m, f);
}

static int
add_order(struct snapshot_make *m, enum order o, const void *key,
    struct slice payload)
{
	if (sort_add(m->sort[o], key, payload) == -1)
		return fail(m, "sort", strerror(errno));
	return 0;
}

#define HEX 16 /* is a digit; its value is below */
/* clang-format off */
static const unsigned char hex_digits[256] = {
	['0'] = HEX | 0, ['1'] = HEX | 1, ['2'] = HEX | 2, ['3'] = HEX | 3,
	['4'] = HEX | 4, ['5'] = HEX | 5, ['6'] = HEX | 6, ['7'] = HEX | 7,
	['8'] = HEX | 8, ['9'] = HEX | 9,
	['a'] = HEX | 10, ['b'] = HEX | 11, ['c'] = HEX | 12, ['d'] = HEX | 13, ['e'] = HEX | 14, ['f'] = HEX | 15,
	['A'] = HEX | 10, ['B'] = HEX | 11, ['C'] = HEX | 12, ['D'] = HEX | 13, ['E'] = HEX | 14, ['F'] = HEX | 15,
};
/* clang-format on */

/* "処理通番 LF pseudonym" into its two parts; -1: not such text. */
static int
pair_split(struct slice payload, struct slice *number,
    unsigned char pseudonym[PSEUDONYM])
{
	if (payload.n < 2 * PSEUDONYM + 2 ||
	    payload.n > 2 * PSEUDONYM + 1 + PROCESSING_NUMBER)
		return -1;
	const char *hex = payload.p + payload.n - 2 * PSEUDONYM;
	if (hex[-1] != '\n' || memchr(payload.p, '\0', payload.n) != NULL)
		return -1;
	unsigned all = HEX;
	for (size_t i = 0; i < PSEUDONYM; i++) {
		unsigned a = hex_digits[(unsigned char)hex[2 * i]];
		unsigned b = hex_digits[(unsigned char)hex[2 * i + 1]];
		all &= a & b;
		pseudonym[i] = (unsigned char)(a << 4 | (b & 15));
	}
	if (all == 0)
		return -1;
	number->p = payload.p;
	number->n = payload.n - 2 * PSEUDONYM - 1;
	return 0;
}

/* payload of what an order takes away from the base's rows */
static const struct slice gone = { "-", 1 }, none = { NULL, 0 };

/* The rows of a person in the orders; drop: that they go. */
static int
order_person(struct snapshot_make *m, const struct typed_key *key,
    struct slice number, const unsigned char pseudonym[PSEUDONYM], bool drop)
{
	unsigned char by_number[PROCESSING_NUMBER + 1 + TYPED_KEY_SIZE] = { 0 };
	unsigned char by_person[PSEUDONYM + TYPED_KEY_SIZE];

	memcpy(by_number, number.p, number.n);
	memcpy(by_number + number.n + 1, key->b, TYPED_KEY_SIZE);
	memcpy(by_person, pseudonym, PSEUDONYM);
	memcpy(by_person + PSEUDONYM, key->b, TYPED_KEY_SIZE);
	if (add_order(m, ORDER_PSEUDONYM, by_person, drop ? gone : none) == -1)
		return -1;
	return add_order(m, ORDER_PAIRING, by_number,
	    drop ? gone : (struct slice) { (char *)by_person, PSEUDONYM });
}

int
snapshot_add_person(struct snapshot_make *m, const struct typed_key *key,
    struct slice pair_payload)
{
	unsigned char pseudonym[PSEUDONYM];
	struct slice number;

	if (m->failed || pair_payload.n == 0)
		return m->failed ? -1 : 0;
	if (pair_split(pair_payload, &number, pseudonym) == -1)
		return fail(m, "pairing", "payload");
	row_begin(&m->row);
	row_text(&m->row, typed_key_text(key));
	row_blob(&m->row, pseudonym, PSEUDONYM);
	row_text(&m->row, number);
	if (add_digested(m, FILLED_PERSON) == -1)
		return -1;
	return order_person(m, key, number, pseudonym, false);
}

int
snapshot_drop_person(struct snapshot_make *m, const struct typed_key *key,
    struct slice pair_payload)
{
	unsigned char pseudonym[PSEUDONYM];
	struct slice number;

	if (m->failed || m->base == NULL)
		return m->failed ? -1 : 0;
	if (pair_split(pair_payload, &number, pseudonym) == -1)
		return fail(m, "pairing", "payload");
	return order_person(m, key, number, pseudonym, true);
}

/* hash as SQLite orders integers: signed. */
static void
put_hash(unsigned char out[8], uint64_t hash)
{
	hash ^= UINT64_C(1) << 63;
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)(hash >> (56 - 8 * i));
}

static void
row_record(struct snapshot_make *m, const struct record *rec)
{
	row_values(&m->row, rec->v, m->columns, m->n_columns);
}

static int
order_period(struct snapshot_make *m, const struct typed_key *key,
    const struct record *rec, bool drop)
{
	unsigned char by_printed[8 + TYPED_KEY_SIZE];
	char number8[9];

	if (insurer_number_8(rec->v[Q_INSURER_NUMBER].s, number8) == -1)
		return 0;
	put_hash(by_printed,
	    printed_hash((struct slice) { number8, 8 }, rec->v[Q_SYMBOL].s,
		rec->v[Q_INSURED_NUMBER].s, (int32_t)rec->v[Q_BIRTHDATE].n));
	memcpy(by_printed + 8, key->b, TYPED_KEY_SIZE);
	return add_order(m, ORDER_PRINTED, by_printed, drop ? gone : none);
}

int
snapshot_add_period(struct snapshot_make *m, const struct typed_key *key,
    const struct record *rec)
{
	if (m->failed)
		return -1;
	row_begin(&m->row);
	row_text(&m->row, typed_key_text(key));
	row_text(&m->row, rec->v[Q_QUALIFIED_ON].s);
	row_record(m, rec);
	m->rows++;
	if (add_digested(m, FILLED_MAIN) == -1)
		return -1;
	return order_period(m, key, rec, false);
}

int
snapshot_drop_period(struct snapshot_make *m, const struct typed_key *key,
    const struct record *rec)
{
	if (m->failed || m->base == NULL)
		return m->failed ? -1 : 0;
	return order_period(m, key, rec, true);
}

void
snapshot_carry(struct snapshot_make *m, struct snapshot *base)
{
	if (m->kind == SNAPSHOT_QUALIFICATION)
		m->base = base;
}

static int ca_id(struct snapshot_make *m, struct slice ski);

static int
keep_record(struct snapshot_make *m, enum filled f, struct slice record)
{
	digest(m, record);
	m->filled[f].rows++;
	m->rows += f == FILLED_MAIN;
	if (pages_add_record(m->filled[f].pages, record) == -1)
		return fail(m, "write", strerror(errno));
	return 0;
}

int
snapshot_keep(struct snapshot_make *m, const struct snapshot_walk_row *row)
{
	enum filled f = row->pair ? FILLED_PERSON : FILLED_MAIN;

	if (m->failed)
		return -1;
	if (m->kind == SNAPSHOT_CARDS) {
		int ca = ca_id(m, (struct slice) { row->ski, SKI });
		if (ca != row->ca)
			return ca == -1 ? -1 : 1;
	}
	if (m->part != NULL)
		return part_row(m, f, row->record, none);
	return keep_record(m, f, row->record);
}

int
snapshot_add_insurer(struct snapshot_make *m, const struct record *rec)
{
	char number8[9];

	if (m->failed)
		return -1;
	if (insurer_number_8(rec->v[N_NUMBER].s, number8) == -1)
		return fail(m, "insurer", "number");
	row_begin(&m->row);
	row_text(&m->row, (struct slice) { number8, 8 });
	for (int i = 0; i < N__MAX; i++)
		if (rec->format->fields[i].flags & FIELD_STORED)
			row_text(&m->row, rec->v[i].s);
	return add_row(m, FILLED_INSURER);
}

/* The CA's number in this file: cards come in order of CA. */
static int
ca_id(struct snapshot_make *m, struct slice ski)
{
	if (ski.n != SKI)
		return fail(m, "ca", "key identifier");
	if (m->n_ca == 0 || memcmp(m->ca[m->n_ca - 1], ski.p, SKI) != 0) {
		m->ca =
		    text_realloc(m->ca, (size_t)(m->n_ca + 1) * sizeof(*m->ca));
		memcpy(m->ca[m->n_ca], ski.p, SKI);
		m->ca[m->n_ca++][SKI] = '\0';
	}
	return m->n_ca;
}

static void
row_serial(struct snapshot_make *m, bool small, int64_t n,
    const unsigned char big[SERIAL])
{
	if (small)
		row_int(&m->row, n);
	else
		row_blob(&m->row, big, SERIAL);
}

int
snapshot_add_card(struct snapshot_make *m, const struct record *rec)
{
	char hex[2 * SERIAL + 1] = "";
	unsigned char big[SERIAL];
	int64_t n = 0;
	struct slice s = rec->v[L_SERIAL].s;

	if (m->failed)
		return -1;
	if (s.n == 0 || s.n >= sizeof(hex))
		return fail(m, "card", "serial");
	memcpy(hex, s.p, s.n);
	bool small = snapshot_serial(hex, &n, big);
	int ca = ca_id(m, rec->v[L_CA].s);
	if (ca == -1)
		return -1;
	row_begin(&m->row);
	row_int(&m->row, ca);
	row_serial(m, small, n, big);
	row_record(m, rec);
	m->rows++;
	return add_digested(m, FILLED_MAIN);
}

int
snapshot_add_waiting(
    struct snapshot_make *m, const char key[SEGMENT_KEY_SIZE], int32_t since)
{
	char hex[2 * SEGMENT_KEY_SIZE + 1] = "", day[9];
	unsigned char big[SERIAL];
	int64_t n = 0;
	int ca = 1;

	if (m->failed)
		return -1;
	text_hex(key, SEGMENT_KEY_SIZE, hex);
	while (ca <= m->n_ca && memcmp(m->ca[ca - 1], hex, SKI) != 0)
		ca++;
	if (ca > m->n_ca)
		return fail(m, "waiting", "ca");
	bool small = snapshot_serial(hex + SKI, &n, big);
	day_format(since, day);
	row_begin(&m->row);
	row_int(&m->row, ca);
	row_serial(m, small, n, big);
	row_text(&m->row, (struct slice) { day, 8 });
	return add_row(m, FILLED_WAITING);
}

int
snapshot_add_institution(struct snapshot_make *m, const struct record *rec)
{
	if (m->failed)
		return -1;
	row_begin(&m->row);
	row_record(m, rec);
	m->rows++;
	return add_digested(m, FILLED_MAIN);
}

/* -1: not the digits of a key id. */
static int
ski_bytes(const char hex[SKI], unsigned char out[SKI / 2])
{
	for (int i = 0; i < SKI; i++) {
		unsigned char d = hex_digits[(unsigned char)hex[i]];

		if (d == 0)
			return -1;
		out[i / 2] = (unsigned char)(out[i / 2] << 4 | (d & 15));
	}
	return 0;
}

int
snapshot_add_partition(struct snapshot_make *m, const char *ca,
    const char *name, int64_t this_update, int64_t next_update,
    const char *number)
{
	if (m->failed)
		return -1;
	if (strlen(ca) != SKI || strlen(name) > 255 || strlen(number) > 40)
		return fail(m, "partition", "name");
	m->partitions = text_realloc(m->partitions,
	    (size_t)(m->n_partitions + 1) * sizeof(*m->partitions));
	struct partition *p = &m->partitions[m->n_partitions];
	memset(p, 0, sizeof(*p));
	if (ski_bytes(ca, p->ski) == -1)
		return fail(m, "partition", "key identifier");
	memcpy(p->ca, ca, strlen(ca));
	memcpy(p->name, name, strlen(name));
	memcpy(p->number, number, strlen(number));
	p->this_update = this_update;
	p->next_update = next_update;
	p->id = m->n_partitions++;
	return 0;
}

struct revoked {
	int64_t at;
	int partition, reason;
};

static void
revoked_key(const unsigned char ski[SKI / 2], const char *serial,
    unsigned char key[REVOKED_KEY])
{
	unsigned char whole[SERIAL];
	int64_t n;
	int zeros = 0;

	memcpy(key, ski, SKI / 2);
	memset(key + SKI / 2, 0, 1 + SERIAL);
	if (snapshot_serial(serial, &n, whole))
		for (int i = 0; i < 8; i++)
			whole[SERIAL - 1 - i] =
			    (unsigned char)((uint64_t)n >> (8 * i));
	while (zeros < SERIAL && whole[zeros] == 0)
		zeros++;
	key[SKI / 2] = (unsigned char)(SERIAL - zeros);
	memcpy(key + SKI / 2 + 1, whole + zeros, (size_t)(SERIAL - zeros));
}

int
snapshot_add_revoked(
    struct snapshot_make *m, const char *serial, int64_t at, int reason)
{
	unsigned char key[REVOKED_KEY];
	struct revoked r = { at, m->n_partitions - 1, reason };

	if (m->failed)
		return -1;
	if (m->n_partitions == 0 || serial[0] == '\0' ||
	    strlen(serial) > 2 * SERIAL)
		return fail(m, "revoked", "serial");
	revoked_key(m->partitions[r.partition].ski, serial, key);
	return add_order(m, ORDER_REVOKED, key,
	    (struct slice) { (const char *)&r, sizeof(r) });
}

int
snapshot_add_input(struct snapshot_make *m, const char *name,
    const char *digest_hex, int64_t rows)
{
	m->inputs = text_realloc(
	    m->inputs, (size_t)(m->n_inputs + 1) * sizeof(*m->inputs));
	struct input *in = &m->inputs[m->n_inputs++];
	snprintf(in->name, sizeof(in->name), "%s", name);
	snprintf(in->digest, sizeof(in->digest), "%s", digest_hex);
	in->rows = rows;
	return 0;
}

/* ---- the other orders ---- */

static void
row_order(struct snapshot_make *m, enum order o, const unsigned char *key,
    struct slice payload)
{
	struct typed_key k;
	uint64_t hash = 0;
	size_t n;

	row_begin(&m->row);
	switch (o) {
	case ORDER_PRINTED:
		for (int i = 0; i < 8; i++)
			hash = hash << 8 | key[i];
		row_int(&m->row, (int64_t)(hash ^ UINT64_C(1) << 63));
		memcpy(k.b, key + 8, TYPED_KEY_SIZE);
		row_text(&m->row, typed_key_text(&k));
		break;
	case ORDER_PSEUDONYM:
		row_blob(&m->row, key, PSEUDONYM);
		memcpy(k.b, key + PSEUDONYM, TYPED_KEY_SIZE);
		row_text(&m->row, typed_key_text(&k));
		break;
	default:
		n = strnlen((const char *)key, PROCESSING_NUMBER);
		memcpy(k.b, key + n + 1, TYPED_KEY_SIZE);
		row_text(&m->row, (struct slice) { (const char *)key, n });
		row_text(&m->row, typed_key_text(&k));
		row_blob(&m->row, payload.p, PSEUDONYM);
	}
}

/* The key by which the sort has a row of the base: the other way. */
static int
order_key(enum order o, const struct cursor *at, unsigned char *out)
{
	struct column v[2];
	size_t n = 8;

	if (cursor_columns(at, v, 2) != 2 || v[1].s.n > TYPED_KEY_SIZE ||
	    v[0].s.n > PROCESSING_NUMBER)
		return -1;
	if (o == ORDER_PRINTED) {
		put_hash(out, (uint64_t)v[0].n);
	} else {
		n = v[0].s.n;
		memcpy(out, v[0].s.p, n);
		if (o == ORDER_PAIRING)
			out[n++] = '\0';
	}
	memcpy(out + n, v[1].s.p, v[1].s.n);
	n += v[1].s.n;
	memset(out + n, 0, order_keys[o] - n);
	return 0;
}

/* Two streams in one order: the base's rows and what the sort says goes or
 * comes, all entries of one key taken together. */
struct carry {
	enum order o;
	struct snapshot_rows *rows;
	const struct cursor *at; /* the base's row */
	int more; /* 1: there is one */
	unsigned char base[ORDER_KEY_MAX];
	const void *next; /* not yet taken from the sort */
	struct slice next_payload;
	int entry; /* 1: there is one in next */
	bool any, comes, goes; /* key and pseudonym are good; what they say */
	unsigned char key[ORDER_KEY_MAX], pseudonym[PSEUDONYM];
};

static int
carry_base(struct snapshot_make *m, struct carry *c)
{
	if (c->rows == NULL)
		return 0;
	c->more = snapshot_rows_next(c->rows, &c->at);
	if (c->more == 1 && order_key(c->o, c->at, c->base) == -1)
		return fail(m, "carry", order_tables[c->o]);
	return c->more == -1 ? fail(m, "carry", order_tables[c->o]) : 0;
}

static int
carry_sort(struct snapshot_make *m, struct carry *c)
{
	struct sort *s = m->sort[c->o];
	size_t n = order_keys[c->o];

	c->any = c->comes = c->goes = false;
	while (c->entry == 1) {
		if (!c->any)
			memcpy(c->key, c->next, n);
		else if (memcmp(c->key, c->next, n) != 0)
			return 0;
		c->any = true;
		bool goes = slice_eq(c->next_payload, gone);
		c->goes = c->goes || goes;
		c->comes = c->comes || !goes;
		if (!goes && c->next_payload.n == PSEUDONYM)
			memcpy(c->pseudonym, c->next_payload.p, PSEUDONYM);
		c->entry = sort_next(s, &c->next, &c->next_payload);
	}
	return c->entry == -1 ? fail(m, "sort", strerror(errno)) : 0;
}

/* The columns of the key at hand, as the rows of the table have them. */
static void
carry_columns(const struct carry *c, struct column v[2])
{
	const char *key = (const char *)c->key;
	size_t n = 8;
	uint64_t hash = 0;

	memset(v, 0, 2 * sizeof(*v));
	if (c->o == ORDER_PRINTED) {
		for (int i = 0; i < 8; i++)
			hash = hash << 8 | c->key[i];
		v[0].type = COLUMN_INTEGER;
		v[0].n = (int64_t)(hash ^ UINT64_C(1) << 63);
	} else {
		n = c->o == ORDER_PSEUDONYM ? PSEUDONYM :
					      strnlen(key, PROCESSING_NUMBER);
		v[0].type = c->o == ORDER_PSEUDONYM ? COLUMN_BLOB : COLUMN_TEXT;
		v[0].s = (struct slice) { key, n };
		n += c->o == ORDER_PAIRING;
	}
	v[1].type = COLUMN_TEXT;
	v[1].s = (struct slice) { key + n, strnlen(key + n, TYPED_KEY_SIZE) };
}

/* Most rows of the base lie between two of the sort: many in one step. */
static int
carry_many(struct snapshot_make *m, struct carry *c)
{
	enum filled f = (enum filled)(FILLED_ORDER + (int)c->o);
	struct column below[2];

	if (c->any)
		carry_columns(c, below);
	int n = snapshot_rows_copy(
	    c->rows, c->any ? below : NULL, 2, m->filled[f].pages);
	if (n > 0)
		m->filled[f].rows += n;
	return n == -1 ? fail(m, "carry", order_tables[c->o]) : n;
}

/* One step: the lower of the two, or both where they are of one key. */
static int
carry_step(struct snapshot_make *m, struct carry *c)
{
	enum filled f = (enum filled)(FILLED_ORDER + (int)c->o);
	int order = c->more != 1 ? 1 :
	    !c->any		 ? -1 :
				   memcmp(c->base, c->key, order_keys[c->o]);

	if (order < 0) {
		int many = carry_many(m, c);
		if (many != 0)
			return many == -1 ? -1 : carry_base(m, c);
		m->filled[f].rows++;
		if (pages_add_record(m->filled[f].pages, c->at->record) == -1)
			return fail(m, "write", strerror(errno));
		return carry_base(m, c);
	}
	if (c->goes && order != 0)
		return fail(m, "carry", "what goes was not there");
	if (c->comes || !c->goes) {
		row_order(m, c->o, c->key,
		    (struct slice) { (char *)c->pseudonym, PSEUDONYM });
		if (add_row(m, f) == -1)
			return -1;
	}
	if (order == 0 && carry_base(m, c) == -1)
		return -1;
	return carry_sort(m, c);
}

static int
write_order(struct snapshot_make *m, enum order o)
{
	struct carry c = { .o = o };
	int r = -1;

	if (m->base != NULL &&
	    (c.rows = snapshot_rows_open(m->base, order_tables[o])) == NULL)
		return fail(m, "carry", order_tables[o]);
	if (sort_finish(m->sort[o]) == -1) {
		fail(m, "sort", strerror(errno));
		goto out;
	}
	c.entry = sort_next(m->sort[o], &c.next, &c.next_payload);
	if (carry_sort(m, &c) == -1 || carry_base(m, &c) == -1)
		goto out;
	while (c.more == 1 || c.any)
		if (carry_step(m, &c) == -1)
			goto out;
	r = 0;
out:
	snapshot_rows_close(c.rows);
	sort_free(m->sort[o]);
	m->sort[o] = NULL;
	return r;
}

/* By CA and name, so that the order they came in leaves no trace. */
static int
partition_cmp(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;
	int c = strcmp(x->ca, y->ca);

	return c != 0 ? c : strcmp(x->name, y->name);
}

static int
write_revoked(struct snapshot_make *m, const unsigned char key[REVOKED_KEY],
    const struct revoked *r, const int *ids)
{
	unsigned char big[SERIAL] = { 0 };
	const unsigned char *serial = key + SKI / 2 + 1;
	int bytes = key[SKI / 2];
	bool small = bytes < 8 || (bytes == 8 && (serial[0] & 128) == 0);
	uint64_t n = 0;

	for (int i = small ? 0 : bytes; i < bytes; i++)
		n = n << 8 | serial[i];
	memcpy(big + SERIAL - bytes, serial, (size_t)bytes);
	int ca = ca_id(m, slice_of(m->partitions[ids[r->partition] - 1].ca));
	row_begin(&m->row);
	row_int(&m->row, ca);
	row_serial(m, small, (int64_t)n, big);
	row_int(&m->row, ids[r->partition]);
	row_int(&m->row, r->at);
	row_int(&m->row, r->reason);
	m->rows++;
	return add_digested(
	    m, (enum filled)(FILLED_ORDER + (int)ORDER_REVOKED));
}

/* The entries of one certificate, one per partition: the earliest. */
struct group {
	struct revoked *v;
	int n, max;
};

static void
group_add(struct group *g, const struct revoked *r)
{
	for (int i = 0; i < g->n; i++) {
		struct revoked *o = &g->v[i];
		if (o->partition != r->partition)
			continue;
		if (r->at < o->at || (r->at == o->at && r->reason < o->reason))
			*o = *r;
		return;
	}
	if (g->n == g->max) {
		g->max = g->max ? 2 * g->max : 4;
		g->v = text_realloc(g->v, (size_t)g->max * sizeof(*g->v));
	}
	g->v[g->n++] = *r;
}

static int
write_group(struct snapshot_make *m, const unsigned char key[REVOKED_KEY],
    struct group *g, const int *ids)
{
	while (g->n > 0) {
		int first = 0;
		for (int i = 1; i < g->n; i++)
			if (ids[g->v[i].partition] < ids[g->v[first].partition])
				first = i;
		if (write_revoked(m, key, &g->v[first], ids) == -1)
			return -1;
		g->v[first] = g->v[--g->n];
	}
	return 0;
}

static int
write_revocation(struct snapshot_make *m)
{
	unsigned char last[REVOKED_KEY] = { 0 };
	const void *key;
	struct slice payload;
	struct revoked r;
	struct group group = { NULL, 0, 0 };
	int *ids = text_alloc((size_t)(m->n_partitions + 1) * sizeof(*ids));
	int got, result = -1;

	if (m->n_partitions > 0)
		qsort(m->partitions, (size_t)m->n_partitions,
		    sizeof(*m->partitions), partition_cmp);
	for (int i = 0; i < m->n_partitions; i++)
		ids[m->partitions[i].id] = i + 1;
	if (sort_finish(m->sort[ORDER_REVOKED]) == -1) {
		fail(m, "sort", strerror(errno));
		goto out;
	}
	while ((got = sort_next(m->sort[ORDER_REVOKED], &key, &payload)) == 1) {
		if (memcmp(last, key, sizeof(last)) != 0 &&
		    write_group(m, last, &group, ids) == -1)
			goto out;
		memcpy(&r, payload.p, sizeof(r));
		memcpy(last, key, sizeof(last));
		group_add(&group, &r);
	}
	if (got == -1) {
		fail(m, "sort", strerror(errno));
		goto out;
	}
	if (write_group(m, last, &group, ids) == -1)
		goto out;
	/* a CA whose partitions list nobody has a number too */
	for (int i = 0; i < m->n_partitions; i++) {
		bool known = false;
		for (int c = 0; c < m->n_ca; c++)
			known =
			    known || strcmp(m->ca[c], m->partitions[i].ca) == 0;
		if (!known)
			ca_id(m, slice_of(m->partitions[i].ca));
	}
	result = 0;
out:
	free(group.v);
	free(ids);
	return result;
}

/* ---- the end ---- */

/* One row by a statement; args: "t" text, "i" integer. */
static int
insert(struct snapshot_make *m, const char *sql, const char *types,
    const char *const *texts, const int64_t *numbers)
{
	sqlite3_stmt *st = NULL;
	int r = -1;

	if (sqlite3_prepare_v2(m->db, sql, -1, &st, NULL) == SQLITE_OK) {
		for (int i = 0; types[i] != '\0'; i++)
			if (types[i] == 't')
				sqlite3_bind_text(
				    st, i + 1, *texts++, -1, SQLITE_STATIC);
			else
				sqlite3_bind_int64(st, i + 1, *numbers++);
		r = sqlite3_step(st) == SQLITE_DONE ? 0 : -1;
	}
	if (r == -1)
		fail(m, "sqlite", sqlite3_errmsg(m->db));
	sqlite3_finalize(st);
	return r;
}

static int
insert_small(struct snapshot_make *m)
{
	char day[9];

	day_format(m->entry.day, day);
	const char *const gt[] = { snapshot_names[m->kind], day,
		m->entry.digest };
	const int64_t gn[] = { m->entry.generation, m->entry.cut_off, m->rows };
	if (run_sql(m, "BEGIN") == -1 ||
	    insert(m, "INSERT INTO generation VALUES (?1,?2,?3,?4,?5,?6)",
		"titiit", gt, gn) == -1)
		return -1;
	for (int i = 0; i < m->n_inputs; i++) {
		const char *const t[] = { m->inputs[i].name,
			m->inputs[i].digest };
		if (insert(m, "INSERT OR REPLACE INTO input VALUES (?1,?2,?3)",
			"tti", t, &m->inputs[i].rows) == -1)
			return -1;
	}
	for (int i = 0; i < m->n_ca; i++) {
		const char *const t[] = { m->ca[i] };
		const int64_t n[] = { i + 1 };
		if (insert(m, "INSERT INTO ca VALUES (?1,?2)", "it", t, n) ==
		    -1)
			return -1;
	}
	for (int i = 0; i < m->n_partitions; i++) {
		const struct partition *p = &m->partitions[i];
		int64_t n[] = { 0, i + 1, p->this_update, p->next_update };
		const char *const t[] = { p->name, p->number };
		for (int c = 0; c < m->n_ca; c++)
			if (strcmp(m->ca[c], p->ca) == 0)
				n[0] = c + 1;
		if (insert(m,
			"INSERT INTO \"partition\" VALUES (?1,?2,?3,?4,?5,?6)",
			"itiiit", t, n) == -1)
			return -1;
	}
	return run_sql(m, "COMMIT");
}

/* SQLite's word on a table it has filled itself. */
static int
check_small(struct snapshot_make *m, const char *table)
{
	sqlite3_stmt *st = NULL;
	char sql[80];
	int r = -1;

	snprintf(sql, sizeof(sql), "PRAGMA integrity_check('%s')", table);
	if (sqlite3_prepare_v2(m->db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		const char *said = (const char *)sqlite3_column_text(st, 0);
		r = said != NULL && strcmp(said, "ok") == 0 ? 0 : -1;
	}
	sqlite3_finalize(st);
	return r == 0 ? 0 : fail(m, "integrity_check", table);
}

/* The large tables, read from the file; and every other page is one of those
 * that were there before or that SQLite has added. */
static int
check_filled(struct snapshot_make *m, const struct pages_view *view)
{
	struct pages_check_table t[FILLED__MAX];
	int64_t pages = view->pages;
	bool lock = pages > 0x40000000 / PAGE_SIZE;
	uint32_t others;
	unsigned n = 0;

	for (int f = 0; f < FILLED__MAX; f++)
		if (m->filled[f].root != 0)
			t[n++] = (struct pages_check_table) { m->filled[f].root,
				m->filled[f].key, 0 };
	if (pages_check(view, t, n, &others) == -1 ||
	    others != m->pages_before - n + (pages - m->pages_filled) + lock)
		return fail(m, "check", "the file is not as it should be");
	n = 0;
	for (int f = 0; f < FILLED__MAX; f++)
		if (m->filled[f].root != 0 && m->filled[f].rows != t[n++].rows)
			return fail(m, "check", "the file lacks rows");
	return 0;
}

static void
end_digest(struct snapshot_make *m)
{
	XXH128_canonical_t out;

	digest_flush(m);
	XXH128_canonicalFromHash(&out, XXH3_128bits_digest(m->hash));
	der_hex((struct slice) { (char *)out.digest, sizeof(out.digest) },
	    m->entry.digest, sizeof(m->entry.digest));
}

static int
check_and_sync(struct snapshot_make *m)
{
	int fd = open(m->path, O_RDONLY | O_CLOEXEC), r = -1;
	struct seal_digest_thread *digest = NULL;
	struct pages_view view = { 0 };

	if (fd == -1)
		fail(m, "open", strerror(errno));
	else if (pages_view_map(&view, fd) == -1)
		fail(m, "check", "the file is not as it should be");
	else {
		digest = seal_digest_begin(
		    view.map, (size_t)view.pages * view.page_size);
		r = check_filled(m, &view);
		if (r == 0 && fsync(fd) == -1)
			r = fail(m, "sync", strerror(errno));
		seal_digest_end(digest, m->entry.sha256);
	}
	pages_view_unmap(&view);
	if (fd != -1)
		close(fd);
	return r;
}

/* What SQLite writes: the small tables. */
static int
finish_small(struct snapshot_make *m)
{
	bool by_ca =
	    m->kind == SNAPSHOT_CARDS || m->kind == SNAPSHOT_REVOCATION;

	if (open_db(m, 0) == -1 || insert_small(m) == -1 ||
	    check_small(m, "sqlite_schema") == -1 ||
	    check_small(m, "readme") == -1 ||
	    check_small(m, "generation") == -1 ||
	    check_small(m, "input") == -1 ||
	    (by_ca && check_small(m, "ca") == -1) ||
	    (m->kind == SNAPSHOT_REVOCATION &&
		check_small(m, "partition") == -1))
		return -1;
	return close_db(m);
}

int
snapshot_finish(struct snapshot_make *m, struct snapshot_set_entry *entry)
{
	int r = -1;

	if (m->failed)
		goto out;
	if (m->kind == SNAPSHOT_QUALIFICATION &&
	    (write_order(m, ORDER_PRINTED) == -1 ||
		write_order(m, ORDER_PSEUDONYM) == -1 ||
		write_order(m, ORDER_PAIRING) == -1))
		goto out;
	if (m->kind == SNAPSHOT_REVOCATION && write_revocation(m) == -1)
		goto out;
	end_digest(m);
	m->entry.rows = m->rows;
	struct pages *pages = m->pages;
	m->pages = NULL;
	if (pages_close(pages) == -1) {
		fail(m, "write", strerror(errno));
		goto out;
	}
	m->pages_filled = count_pages(m);
	if (finish_small(m) == -1 || check_and_sync(m) == -1)
		goto out;
	*entry = m->entry;
	free(m->path);
	m->path = NULL; /* the file stays */
	r = 0;
out:
	snapshot_abandon(m);
	return r;
}

void
snapshot_abandon(struct snapshot_make *m)
{
	if (m == NULL)
		return;
	if (m->pages != NULL)
		pages_close(m->pages);
	if (m->part != NULL)
		fclose(m->part);
	sqlite3_close(m->db);
	XXH3_freeState(m->hash);
	free(m->fresh);
	for (int o = 0; o < ORDER__MAX; o++)
		sort_free(m->sort[o]);
	if (m->path != NULL)
		unlink(m->path);
	row_free(&m->row);
	free(m->ca);
	free(m->partitions);
	free(m->inputs);
	free(m->path);
	free(m->work_dir);
	free(m);
}

/* ---- parts ---- */

static const enum order part_orders[] = { ORDER_PRINTED, ORDER_PSEUDONYM,
	ORDER_PAIRING };
#define PART_ORDERS (sizeof(part_orders) / sizeof(part_orders[0]))
#define PART_BUFFER ((size_t)1 << 20)

struct snapshot_make *
snapshot_create_part(const char *dir, struct diag_sink *sink)
{
	struct snapshot_make *m =
	    make_new(dir, SNAPSHOT_QUALIFICATION, "rows", sink);

	snprintf(m->entry.file, sizeof(m->entry.file), "rows");
	for (size_t i = 0; i < PART_ORDERS; i++)
		m->sort[part_orders[i]] =
		    sort_new(order_keys[part_orders[i]], SORT_MEMORY / 3, dir);
	m->part = fopen(m->path, "wxe");
	if (m->part == NULL) {
		fail(m, "open", strerror(errno));
		snapshot_abandon(m);
		return NULL;
	}
	setvbuf(m->part, NULL, _IOFBF, PART_BUFFER);
	return m;
}

int
snapshot_finish_part(struct snapshot_make *m)
{
	int r = -1;

	if (m->failed)
		goto out;
	for (size_t i = 0; i < PART_ORDERS; i++) {
		enum order o = part_orders[i];
		size_t n = strlen(m->work_dir) + strlen(order_tables[o]) + 2;
		char *path = text_alloc(n);
		snprintf(path, n, "%s/%s", m->work_dir, order_tables[o]);
		r = sort_finish(m->sort[o]) == -1 ? -1 :
						    sort_save(m->sort[o], path);
		free(path);
		if (r == -1) {
			fail(m, "sort", strerror(errno));
			goto out;
		}
	}
	if (fflush(m->part) != 0 || fsync(fileno(m->part)) == -1) {
		r = fail(m, "sync", strerror(errno));
		goto out;
	}
	free(m->path);
	m->path = NULL; /* the file stays */
out:
	snapshot_abandon(m);
	return r;
}

static int
join_rows(struct snapshot_make *m, FILE *f)
{
	char head[PART_HEAD], *buf = NULL;
	size_t room = 0, got;
	uint32_t n;
	int r = -1;

	while ((got = fread(head, 1, sizeof(head), f)) == sizeof(head)) {
		memcpy(&n, head, sizeof(n));
		unsigned char table = (unsigned char)head[PART_HEAD - 1];
		if (n > PART_ROW_MAX ||
		    (table != FILLED_MAIN && table != FILLED_PERSON))
			goto bad;
		if (n > room) {
			room = 2 * (size_t)n;
			buf = text_realloc(buf, room);
		}
		if (fread(buf, 1, n, f) != n)
			goto bad;
		if (keep_record(
			m, (enum filled)table, (struct slice) { buf, n }) == -1)
			goto out;
	}
	if (got == 0 && !ferror(f))
		r = 0;
bad:
	if (r == -1)
		fail(m, "join", "rows");
out:
	free(buf);
	return r;
}

int
snapshot_join(struct snapshot_make *m, const char *dir)
{
	size_t n = strlen(dir) + 16;
	char *path = text_alloc(n);
	int r = -1;

	if (m->failed)
		goto out;
	for (size_t i = 0; i < PART_ORDERS; i++) {
		snprintf(path, n, "%s/%s", dir, order_tables[part_orders[i]]);
		if (sort_take(m->sort[part_orders[i]], path) == -1) {
			fail(m, "join", strerror(errno));
			goto out;
		}
	}
	snprintf(path, n, "%s/rows", dir);
	FILE *f = fopen(path, "re");
	if (f == NULL) {
		fail(m, "join", strerror(errno));
		goto out;
	}
	setvbuf(f, NULL, _IOFBF, PART_BUFFER);
	r = join_rows(m, f);
	fclose(f);
out:
	free(path);
	return r;
}
