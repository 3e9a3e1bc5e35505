#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/codec/pages.h"
#include "formats/codec/pages_read.h"
#include "formats/codec/seal.h"
#include "formats/snapshot.h"

#define CAS_MAX 64

/* clang-format off */
enum table {
	T_PERIOD, T_PERSON, T_PRINTED, T_PSEUDONYM, T_PAIRING, T_INSURER,
	T_CARD, T_WAITING, T_PARTITION, T_REVOKED, T_INSTITUTION, TABLE__MAX
};
static const struct {
	enum snapshot_kind kind;
	const char *name;
} tables[TABLE__MAX] = {
	[T_PERIOD] = { SNAPSHOT_QUALIFICATION, "period" },
	[T_PERSON] = { SNAPSHOT_QUALIFICATION, "person" },
	[T_PRINTED] = { SNAPSHOT_QUALIFICATION, "printed" },
	[T_PSEUDONYM] = { SNAPSHOT_QUALIFICATION, "pseudonym" },
	[T_PAIRING] = { SNAPSHOT_QUALIFICATION, "pairing" },
	[T_INSURER] = { SNAPSHOT_QUALIFICATION, "insurer" },
	[T_CARD] = { SNAPSHOT_CARDS, "card" },
	[T_WAITING] = { SNAPSHOT_CARDS, "waiting" },
	[T_PARTITION] = { SNAPSHOT_REVOCATION, "partition" },
	[T_REVOKED] = { SNAPSHOT_REVOCATION, "revoked" },
	[T_INSTITUTION] = { SNAPSHOT_INSTITUTIONS, "institution" },
};
/* Of the main table: its record, and columns of the key in front of it. */
static const struct {
	const struct format *format;
	enum table table;
	unsigned skip;
} mains[SNAPSHOT__MAX] = {
	[SNAPSHOT_QUALIFICATION] = { &qualification_format, T_PERIOD, 1 },
	[SNAPSHOT_CARDS] = { &link_format, T_CARD, 2 },
	[SNAPSHOT_REVOCATION] = { NULL, T_REVOKED, 0 },
	[SNAPSHOT_INSTITUTIONS] = { &institution_format, T_INSTITUTION, 0 },
};
/* clang-format on */

/* How a row of the main table becomes a record. */
struct shape {
	unsigned skip, n;
	unsigned char field[RECORD_FIELDS_MAX]; /* as the columns lie */
	enum field_type type[RECORD_FIELDS_MAX];
};

struct snapshot {
	enum snapshot_kind kind;
	struct snapshot_set_entry entry;
	struct diag_sink *sink;
	char *path;
	const unsigned char *map;
	size_t size;
	sqlite3 *db; /* for the small tables */
	struct pages_view view;
	struct cursor cursor[TABLE__MAX];
	struct cursor ascending; /* of snapshot_paired() */
	bool begun, ended; /* it stands on a row; it is past the last */
	uint32_t root[TABLE__MAX];
	struct shape shape;
	struct record rec; /* the row at hand */
	char cas[CAS_MAX][41];
	int n_cas; /* ids are 1.. */
	char text[1024]; /* the last insurer's name */
	bool broken;
	struct seal_digest_thread *check; /* under way */
};

static int
broken(struct snapshot *s, const char *what)
{
	if (!s->broken)
		diag_file(
		    s->sink, DIAG_SNAPSHOT_IDENTITY, s->entry.file, "%s", what);
	s->broken = true;
	return -1;
}

/* ---- what both halves agree on ---- */

unsigned
snapshot_columns(const struct format *f, unsigned char out[RECORD_FIELDS_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->nfields; i++) {
		if ((f->fields[i].flags & FIELD_STORED) == 0)
			continue;
		if (f == &qualification_format &&
		    (i == Q_CHANGE || i == Q_CHANGE_DATE))
			continue;
		if (f == &link_format && (i == L_CA || i == L_SERIAL))
			continue;
		out[n++] = (unsigned char)i;
	}
	return n;
}

int32_t
snapshot_application_id(enum snapshot_kind kind)
{
	return 0x53484b30 + (int32_t)kind; /* "SHK0" */
}

bool
snapshot_serial(const char *hex, int64_t *n, unsigned char out[20])
{
	uint64_t low = 0;
	bool small = true;
	size_t len = strnlen(hex, 41);

	memset(out, 0, 20);
	*n = 0;
	for (size_t i = 0; i < len && i < 40; i++) {
		char c = hex[len - 1 - i];
		unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') :
		    c >= 'a' && c <= 'f'	  ? (unsigned)(c - 'a' + 10) :
		    c >= 'A' && c <= 'F'	  ? (unsigned)(c - 'A' + 10) :
						    0;
		out[19 - i / 2] |= (unsigned char)(i & 1 ? d << 4 : d);
	}
	for (int i = 0; i < 20; i++) {
		if (i < 12)
			small = small && out[i] == 0;
		else
			low = low << 8 | out[i];
	}
	if (!small || low >> 63 != 0)
		return false;
	*n = (int64_t)low;
	return true;
}

/* ---- opening ---- */

static uint32_t
be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Before SQLite sees it: size, page count and identity in the header. */
static int
check_header(struct snapshot *s)
{
	const unsigned char *h = s->map;

	if (pages_view_init(&s->view, h, -1, h, s->size) == -1)
		return broken(s, "not a whole SQLite file");
	if (be32(h + 68) != (uint32_t)snapshot_application_id(s->kind) ||
	    be32(h + 60) < SNAPSHOT_OLDEST || be32(h + 60) > SNAPSHOT_VERSION)
		return broken(s, "another kind or version of file");
	return 0;
}

static int
same_digest(struct snapshot *s, const char sha256[65])
{
	if (strcmp(sha256, s->entry.sha256) == 0)
		return 0;
	diag_file(s->sink, DIAG_SNAPSHOT_DIGEST, s->entry.file, "%s", "sha256");
	return -1;
}

static int
map_file(struct snapshot *s, bool check_file)
{
	char sha256[65];
	struct stat st;
	int r = -1, fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_size < 512) {
		broken(s, "cannot be opened");
		goto out;
	}
	void *map =
	    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		broken(s, "mmap");
		goto out;
	}
	s->map = map;
	s->size = (size_t)st.st_size;
	if (check_file) {
		seal_digest_map(map, s->size, sha256);
		if (same_digest(s, sha256) == -1)
			goto out;
	}
	madvise(map, s->size, MADV_RANDOM);
	r = check_header(s);
out:
	if (fd != -1)
		close(fd);
	return r;
}

static sqlite3_stmt *
prepare(struct snapshot *s, const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) != SQLITE_OK)
		broken(s, "tables are not as they should be");
	return st;
}

/* What the row of `generation` says of the file, into *e; -1: it says nothing,
 * or of another kind. */
static int
read_generation(struct snapshot *s, struct snapshot_set_entry *e)
{
	sqlite3_stmt *st = prepare(s,
	    "SELECT kind, generation, \"rows\", digest, day, cut_off"
	    " FROM generation");
	int r = -1;

	if (st == NULL)
		return -1;
	if (sqlite3_step(st) == SQLITE_ROW) {
		const char *kind = (const char *)sqlite3_column_text(st, 0);
		const char *digest = (const char *)sqlite3_column_text(st, 3);
		const char *day = (const char *)sqlite3_column_text(st, 4);

		e->generation = sqlite3_column_int64(st, 1);
		e->rows = sqlite3_column_int64(st, 2);
		snprintf(e->digest, sizeof(e->digest), "%s",
		    digest == NULL ? "" : digest);
		e->day = day_parse(slice_of(day));
		e->cut_off = sqlite3_column_int64(st, 5);
		if (kind != NULL && strcmp(kind, snapshot_names[s->kind]) == 0)
			r = 0;
	}
	sqlite3_finalize(st);
	return r;
}

/* The one row of `generation` must say what the manifest says. */
static int
check_generation(struct snapshot *s)
{
	struct snapshot_set_entry e = s->entry;

	if (read_generation(s, &e) == -1)
		return broken(s, "another kind than the manifest's");
	if (s->entry.generation == 0) /* asked for without a manifest */
		s->entry = e;
	if (e.generation == s->entry.generation && e.rows == s->entry.rows &&
	    strcmp(e.digest, s->entry.digest) == 0)
		return 0;
	return broken(s, "another generation than the manifest's");
}

static int
load_cas(struct snapshot *s)
{
	if (s->kind != SNAPSHOT_CARDS && s->kind != SNAPSHOT_REVOCATION)
		return 0;
	sqlite3_stmt *st = prepare(s, "SELECT id, ski FROM ca ORDER BY id");
	if (st == NULL)
		return -1;
	while (sqlite3_step(st) == SQLITE_ROW && s->n_cas < CAS_MAX) {
		const char *ski = (const char *)sqlite3_column_text(st, 1);
		if (ski == NULL || strlen(ski) != 40 ||
		    sqlite3_column_int64(st, 0) != s->n_cas + 1)
			break;
		memcpy(s->cas[s->n_cas++], ski, 41);
	}
	sqlite3_finalize(st);
	return 0;
}

static int
load_roots(struct snapshot *s)
{
	sqlite3_stmt *st = prepare(
	    s, "SELECT name, rootpage FROM sqlite_schema WHERE type = 'table'");

	if (st == NULL)
		return -1;
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		sqlite3_int64 root = sqlite3_column_int64(st, 1);
		for (int i = 0; i < TABLE__MAX; i++)
			if (name != NULL && tables[i].kind == s->kind &&
			    strcmp(tables[i].name, name) == 0 && root > 1 &&
			    root <= UINT32_MAX)
				s->root[i] = (uint32_t)root;
	}
	sqlite3_finalize(st);
	for (int i = 0; i < TABLE__MAX; i++) {
		if (tables[i].kind != s->kind)
			continue;
		if (s->root[i] == 0 && i == T_WAITING)
			continue; /* a generation of before there was one */
		if (s->root[i] == 0)
			return broken(s, "tables are not as they should be");
		cursor_init(&s->cursor[i], &s->view, s->root[i]);
	}
	return 0;
}

static void
harden(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_exec(db,
	    "PRAGMA query_only=1; PRAGMA cell_size_check=1;"
	    "PRAGMA temp_store=MEMORY;",
	    NULL, NULL, NULL);
}

static int
open_db(struct snapshot *s)
{
	if (sqlite3_open_v2(":memory:", &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK ||
	    sqlite3_deserialize(s->db, "main", (unsigned char *)s->map,
		(sqlite3_int64)s->size, (sqlite3_int64)s->size,
		SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
		return broken(s, "sqlite");
	harden(s->db);
	if (check_generation(s) == -1 || load_cas(s) == -1 ||
	    load_roots(s) == -1)
		return -1;
	return 0;
}

/* The columns of the main table as they lie: primary key first. */
static void
make_shape(struct shape *h, enum snapshot_kind kind)
{
	const struct format *f = mains[kind].format;
	unsigned char v[RECORD_FIELDS_MAX];
	unsigned n = snapshot_columns(f, v);

	h->skip = mains[kind].skip;
	if (kind == SNAPSHOT_QUALIFICATION)
		h->field[h->n++] = Q_QUALIFIED_ON;
	for (unsigned i = 0; i < n; i++)
		if (kind != SNAPSHOT_QUALIFICATION || v[i] != Q_QUALIFIED_ON)
			h->field[h->n++] = v[i];
	for (unsigned i = 0; i < h->n; i++)
		h->type[i] = f->fields[h->field[i]].type;
}

struct snapshot *
snapshot_open(const char *dir, enum snapshot_kind kind,
    const struct snapshot_set_entry *entry, bool check_file,
    struct diag_sink *sink)
{
	struct snapshot *s = text_alloc(sizeof(*s));
	size_t n = strlen(dir) + sizeof(entry->file) + 2;

	s->kind = kind;
	s->entry = *entry;
	s->sink = sink;
	s->path = text_alloc(n);
	snprintf(s->path, n, "%s/%s", dir, entry->file);
	if (mains[kind].format != NULL) {
		make_shape(&s->shape, kind);
		record_init(&s->rec, mains[kind].format);
	}
	if (map_file(s, check_file) == -1 || open_db(s) == -1) {
		snapshot_close(s);
		return NULL;
	}
	return s;
}

void
snapshot_close(struct snapshot *s)
{
	if (s == NULL)
		return;
	char unused[65];
	if (s->check != NULL)
		seal_digest_end(s->check, unused);
	for (int i = 0; i < TABLE__MAX; i++)
		cursor_free(&s->cursor[i]);
	cursor_free(&s->ascending);
	sqlite3_close(s->db);
	if (s->map != NULL)
		munmap((void *)(uintptr_t)s->map, s->size);
	free(s->path);
	free(s);
}

void
snapshot_check_begin(struct snapshot *s)
{
	s->check = seal_digest_begin(s->map, s->size);
}

int
snapshot_check_end(struct snapshot *s)
{
	char sha256[65];

	if (s->check == NULL)
		return 0;
	seal_digest_end(s->check, sha256);
	s->check = NULL;
	return same_digest(s, sha256);
}

void
snapshot_forget(struct snapshot *s)
{
	madvise((void *)(uintptr_t)s->map, s->size, MADV_DONTNEED);
}

const struct snapshot_set_entry *
snapshot_entry(const struct snapshot *s)
{
	return &s->entry;
}

/* ---- questions ---- */

/* The row at hand into rec. */
static int
fill(const struct shape *h, const struct cursor *c, struct record *rec)
{
	struct column v[RECORD_FIELDS_MAX + 2];
	int n = cursor_columns(c, v, h->skip + h->n);

	if (n != (int)(h->skip + h->n))
		return -1;
	for (unsigned i = 0; i < h->n; i++) {
		struct value *to = &rec->v[h->field[i]];
		to->s = v[h->skip + i].s;
		to->n = 0;
		if (to->s.n == 0)
			continue;
		if (h->type[i] == FIELD_DAY)
			to->n = day_parse(to->s);
		else if (h->type[i] == FIELD_NUM)
			to->n = slice_number(to->s);
	}
	return 0;
}

static bool
key_of(struct slice text, struct typed_key *key)
{
	if (text.n == 0 || text.n > TYPED_KEY_SIZE)
		return false;
	memset(key->b, 0, TYPED_KEY_SIZE);
	memcpy(key->b, text.p, text.n);
	return true;
}

static struct column
text_key(struct slice s)
{
	return (struct column) { .type = COLUMN_TEXT, .s = s };
}

static struct column
blob_key(const void *p, size_t n)
{
	return (struct column) { .type = COLUMN_BLOB, .s = { p, n } };
}

static struct column
int_key(int64_t n)
{
	return (struct column) { .type = COLUMN_INTEGER, .n = n };
}

/* Is the cursor's row (r as seek or next said) one of this key? */
static int
matches(struct snapshot *s, const struct cursor *c, const struct column *key,
    unsigned n, int r)
{
	int order = 0;

	if (r == 1 && cursor_cmp(c, key, n, &order) == -1)
		r = -1;
	if (r == -1)
		return broken(s, "page");
	return r == 1 && order == 0;
}

static int
find(struct snapshot *s, enum table t, const struct column *key, unsigned n)
{
	struct cursor *c = &s->cursor[t];

	return matches(s, c, key, n, cursor_seek(c, key, n));
}

static int
again(struct snapshot *s, enum table t, const struct column *key, unsigned n)
{
	struct cursor *c = &s->cursor[t];

	return matches(s, c, key, n, cursor_next(c));
}

int
snapshot_periods(struct snapshot *s, const struct typed_key *key,
    snapshot_period_fn *each, void *arg)
{
	struct column k = text_key(typed_key_text(key));
	int n = 0, r;

	for (r = find(s, T_PERIOD, &k, 1); r == 1;
	     r = again(s, T_PERIOD, &k, 1)) {
		if (fill(&s->shape, &s->cursor[T_PERIOD], &s->rec) == -1)
			return broken(s, "period");
		n++;
		if (each(arg, key, &s->rec) != 0)
			break;
	}
	return r == -1 ? -1 : n;
}

/* Every typed key that stands beside k as the second column. */
static int
each_key(struct snapshot *s, enum table t, struct column k,
    snapshot_key_fn *each, void *arg)
{
	struct typed_key key;
	struct column v[2];
	int n = 0, r;

	for (r = find(s, t, &k, 1); r == 1; r = again(s, t, &k, 1)) {
		if (cursor_columns(&s->cursor[t], v, 2) != 2 ||
		    !key_of(v[1].s, &key))
			return broken(s, "key");
		n++;
		if (each(arg, &key) != 0)
			break;
	}
	return r == -1 ? -1 : n;
}

int
snapshot_printed(
    struct snapshot *s, uint64_t hash, snapshot_key_fn *each, void *arg)
{
	return each_key(s, T_PRINTED, int_key((int64_t)hash), each, arg);
}

int
snapshot_person_keys(struct snapshot *s, const unsigned char pseudonym[16],
    snapshot_key_fn *each, void *arg)
{
	return each_key(s, T_PSEUDONYM, blob_key(pseudonym, 16), each, arg);
}

/* The pseudonym that all rows of k have in this column; none where there are
 * two. */
static int
one_pseudonym(struct snapshot *s, enum table t, struct column k,
    unsigned column, unsigned char pseudonym[16])
{
	struct column v[3];
	bool found = false;
	int r;

	for (r = find(s, t, &k, 1); r == 1; r = again(s, t, &k, 1)) {
		if (cursor_columns(&s->cursor[t], v, 3) != 3 ||
		    v[column].s.n != 16)
			return broken(s, "pseudonym");
		if (found && memcmp(pseudonym, v[column].s.p, 16) != 0)
			return 0;
		memcpy(pseudonym, v[column].s.p, 16);
		found = true;
	}
	return r == -1 ? -1 : found;
}

int
snapshot_pseudonym(struct snapshot *s, const struct typed_key *key,
    unsigned char pseudonym[16])
{
	return one_pseudonym(
	    s, T_PERSON, text_key(typed_key_text(key)), 1, pseudonym);
}

int
snapshot_pairing(struct snapshot *s, struct slice processing_number,
    unsigned char pseudonym[16])
{
	return one_pseudonym(
	    s, T_PAIRING, text_key(processing_number), 2, pseudonym);
}

/* Stepping is worth it while the next number is near; else a seek. */
int
snapshot_paired(struct snapshot *s, struct slice processing_number)
{
	enum { STEPS = 16 };
	struct column k = text_key(processing_number);
	int order = 0, r = 1, steps = 0;

	if (!s->begun) {
		cursor_init(&s->ascending, &s->view, s->root[T_PAIRING]);
		r = cursor_seek(&s->ascending, &k, 1);
		s->begun = true;
	}
	while (r == 1 && !s->ended) {
		if (cursor_cmp(&s->ascending, &k, 1, &order) == -1)
			return broken(s, "pairing");
		if (order >= 0)
			return order == 0;
		r = steps++ < STEPS ? cursor_next(&s->ascending) :
				      cursor_seek(&s->ascending, &k, 1);
	}
	s->ended = true;
	return r == -1 ? broken(s, "pairing") : 0;
}

struct slice
snapshot_insurer_name(struct snapshot *s, struct slice number8)
{
	enum { NUMBER, INSURER_NUMBER, CODE, SCHEME, NAME, COLUMNS };
	struct slice out = { s->text, 0 };
	struct column v[COLUMNS], k = text_key(number8);

	if (find(s, T_INSURER, &k, 1) != 1 ||
	    cursor_columns(&s->cursor[T_INSURER], v, COLUMNS) != COLUMNS)
		return out;
	if (v[NAME].s.n > 0 && v[NAME].s.n <= sizeof(s->text)) {
		memcpy(s->text, v[NAME].s.p, v[NAME].s.n);
		out.n = v[NAME].s.n;
	}
	return out;
}

/* 0 where the CA is none of this file's. */
static int
ca_id(const struct snapshot *s, const char *ca)
{
	for (int i = 0; i < s->n_cas; i++)
		if (strcmp(s->cas[i], ca) == 0)
			return i + 1;
	return 0;
}

static struct column
serial_key(const char *serial, unsigned char store[20])
{
	int64_t n;

	return snapshot_serial(serial, &n, store) ? int_key(n) :
						    blob_key(store, 20);
}

static void
copy_text(char *out, size_t size, struct slice s)
{
	size_t n = s.n < size ? s.n : size - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

static int32_t
day_or_none(const struct value *v)
{
	return v->s.n > 0 ? (int32_t)v->n : DAY_NONE;
}

int
snapshot_card(struct snapshot *s, const char *ca, const char *serial,
    struct snapshot_card *out)
{
	const struct value *v = s->rec.v;
	unsigned char store[20];
	int id = ca_id(s, ca);

	if (id == 0 || serial[0] == '\0' || strnlen(serial, 41) > 40)
		return 0;
	struct column k[2] = { int_key(id), serial_key(serial, store) };
	int r = find(s, T_CARD, k, 2);
	if (r != 1)
		return r;
	if (fill(&s->shape, &s->cursor[T_CARD], &s->rec) == -1)
		return broken(s, "card");
	copy_text(out->processing_number, sizeof(out->processing_number),
	    v[L_PROCESSING_NUMBER].s);
	out->state = (int)slice_number(v[L_STATE].s);
	out->from = day_or_none(&v[L_VALID_FROM]);
	out->until = day_or_none(&v[L_VALID_UNTIL]);
	return 1;
}

enum partition_column { P_CA, P_NAME, P_ID, P_THIS, P_NEXT, P_NUMBER, P__MAX };

int
snapshot_partition(struct snapshot *s, const char *ca, const char *partition,
    struct snapshot_partition *out)
{
	struct column v[P__MAX];
	int id = ca_id(s, ca);

	if (id == 0)
		return 0;
	struct column k[2] = { int_key(id), text_key(slice_of(partition)) };
	int r = find(s, T_PARTITION, k, 2);
	if (r != 1)
		return r;
	if (cursor_columns(&s->cursor[T_PARTITION], v, P__MAX) != P__MAX)
		return broken(s, "partition");
	out->this_update = v[P_THIS].n;
	out->next_update = v[P_NEXT].n;
	copy_text(out->number, sizeof(out->number), v[P_NUMBER].s);
	return 1;
}

enum revoked_column { R_CA, R_SERIAL, R_PARTITION, R_AT, R_REASON, RC__MAX };

/* Listed by several partitions: the earliest. */
int
snapshot_revoked(struct snapshot *s, const char *ca, const char *serial,
    int64_t *revoked_at, int *reason)
{
	struct column v[RC__MAX];
	unsigned char store[20];
	int id = ca_id(s, ca), found = 0, r;

	if (id == 0)
		return 0;
	struct column k[2] = { int_key(id), serial_key(serial, store) };
	for (r = find(s, T_REVOKED, k, 2); r == 1;
	     r = again(s, T_REVOKED, k, 2)) {
		if (cursor_columns(&s->cursor[T_REVOKED], v, RC__MAX) !=
		    RC__MAX)
			return broken(s, "revoked");
		if (!found || v[R_AT].n < *revoked_at) {
			*revoked_at = v[R_AT].n;
			*reason = (int)v[R_REASON].n;
		}
		found = 1;
	}
	return r == -1 ? -1 : found;
}

int
snapshot_institution(
    struct snapshot *s, struct slice code, struct snapshot_institution *out)
{
	const struct value *v = s->rec.v;
	struct column k = text_key(code);
	int r = find(s, T_INSTITUTION, &k, 1);

	if (r != 1)
		return r;
	if (fill(&s->shape, &s->cursor[T_INSTITUTION], &s->rec) == -1)
		return broken(s, "institution");
	copy_text(out->code, sizeof(out->code), v[I_CODE].s);
	copy_text(out->prefecture, sizeof(out->prefecture), v[I_PREFECTURE].s);
	copy_text(out->size_class, sizeof(out->size_class), v[I_SIZE_CLASS].s);
	copy_text(out->name, sizeof(out->name), v[I_NAME].s);
	out->from = day_or_none(&v[I_FROM]);
	out->until = day_or_none(&v[I_UNTIL]);
	out->pilot = slice_is(v[I_PILOT].s, "1");
	out->encoding =
	    slice_is(v[I_ENCODING].s, "cp932") ? CHARSET_CP932 : CHARSET_UTF8;
	return 1;
}

int
snapshot_inputs(struct snapshot *s,
    int (*each)(void *arg, const char *name, const char *digest), void *arg)
{
	sqlite3_stmt *st =
	    prepare(s, "SELECT name, digest FROM input ORDER BY name, digest");
	int r = 0, step = SQLITE_DONE;

	if (st == NULL)
		return -1;
	while (r == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		const char *digest = (const char *)sqlite3_column_text(st, 1);
		if (name == NULL || digest == NULL)
			r = broken(s, "input");
		else
			r = each(arg, name, digest) == 0 ? 0 : -1;
	}
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		r = broken(s, sqlite3_errmsg(s->db));
	sqlite3_finalize(st);
	return r;
}

/* ---- the walk ---- */

struct walk_table { /* a cursor and whether it has a row */
	struct cursor cursor;
	int have; /* 1, 0, -1; 2: the row was handed out, step first */
	bool first; /* nothing was read yet */
	struct column from; /* first column of where to begin */
	struct column v[P__MAX];
};

struct snapshot_walk {
	struct snapshot *s;
	struct pages_view view;
	struct walk_table main, person; /* person: partitions in REVOCATION */
	struct record rec;
	char serial[41];
	char text[1024];
	char from[SEGMENT_KEY_SIZE];
};

static void
walk_begin(struct snapshot_walk *w, struct walk_table *t, enum table table)
{
	cursor_init(&t->cursor, &w->view, w->s->root[table]);
	/* as if the row before the first had been handed out */
	t->have = 2;
	t->first = true;
}

/* A mapping of its own, for whoever reads all of it in order. */
static int
map_again(struct snapshot *s, struct pages_view *view)
{
	int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd == -1 ? -1 : pages_view_map(view, fd);

	if (fd != -1)
		close(fd);
	return r == -1 ? broken(s, "cannot be opened") : 0;
}

struct snapshot_walk *
snapshot_walk_open(struct snapshot *s)
{
	struct snapshot_walk *w = text_alloc(sizeof(*w));

	w->s = s;
	if (map_again(s, &w->view) == -1) {
		snapshot_walk_close(w);
		return NULL;
	}
	if (mains[s->kind].format != NULL)
		record_init(&w->rec, mains[s->kind].format);
	walk_begin(w, &w->main, mains[s->kind].table);
	if (s->kind == SNAPSHOT_QUALIFICATION)
		walk_begin(w, &w->person, T_PERSON);
	if (s->kind == SNAPSHOT_REVOCATION)
		walk_begin(w, &w->person, T_PARTITION);
	return w;
}

void
snapshot_walk_from(struct snapshot_walk *w, const char key[SEGMENT_KEY_SIZE])
{
	memcpy(w->from, key, sizeof(w->from));
	w->main.from.type = COLUMN_TEXT;
	w->main.from.s =
	    (struct slice) { w->from, strnlen(w->from, sizeof(w->from)) };
	w->person.from = w->main.from;
}

/* Canonical hex of a serial column; 0: not one. */
static size_t
serial_hex(const struct column *v, char out[41])
{
	char hex[40];
	size_t zeros = 0;

	if (v->type == COLUMN_INTEGER)
		return (size_t)snprintf(
		    out, 41, "%llx", (unsigned long long)v->n);
	if (v->s.n != 20)
		return 0;
	text_hex(v->s.p, v->s.n, hex);
	while (zeros < 39 && hex[zeros] == '0')
		zeros++;
	memcpy(out, hex + zeros, 40 - zeros);
	out[40 - zeros] = '\0';
	return 40 - zeros;
}

static int
walk_pair(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	const struct column *v = w->person.v; /* key, pseudonym, number */
	struct slice number = v[2].s;

	if (number.n == 0 || number.n > 64 || v[1].s.n != 16)
		return broken(w->s, "person");
	memcpy(w->text, number.p, number.n);
	w->text[number.n] = '\n';
	text_hex(v[1].s.p, v[1].s.n, w->text + number.n + 1);
	r->payload = (struct slice) { w->text, number.n + 33 };
	return 0;
}

static int
walk_partition(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	const struct column *v = w->person.v;
	struct buf b;

	if (v[P_CA].n < 1 || v[P_CA].n > w->s->n_cas)
		return broken(w->s, "partition");
	buf_init(&b, w->text, sizeof(w->text));
	buf_printf(&b, "%s\n%.*s\n%.*s\n%lld\n%lld", w->s->cas[v[P_CA].n - 1],
	    (int)v[P_NAME].s.n, v[P_NAME].s.p, (int)v[P_NUMBER].s.n,
	    v[P_NUMBER].s.p, (long long)v[P_THIS].n, (long long)v[P_NEXT].n);
	r->order = v[P_ID].n;
	r->payload = (struct slice) { b.p, b.n };
	return b.full ? broken(w->s, "partition") : 0;
}

static int
walk_revoked(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	const struct column *v = w->main.v;
	struct buf b;

	if (serial_hex(&v[R_SERIAL], w->serial) == 0)
		return broken(w->s, "serial");
	buf_init(&b, w->text, sizeof(w->text));
	buf_printf(&b, "%s\n%lld\n%lld", w->serial, (long long)v[R_AT].n,
	    (long long)v[R_REASON].n);
	r->order = v[R_PARTITION].n;
	r->payload = (struct slice) { b.p, b.n };
	return 0;
}

/* Card key: CA (20 bytes), serial right-aligned in 12. */
static int
card_key(struct snapshot *s, const struct column *v, char key[SEGMENT_KEY_SIZE])
{
	unsigned char store[20];
	int64_t small;

	if (v[0].n < 1 || v[0].n > s->n_cas)
		return broken(s, "card");
	snapshot_serial(s->cas[v[0].n - 1], &small, store); /* 40 digits */
	memcpy(key, store, 20);
	memset(key + 20, 0, 12);
	if (v[1].type == COLUMN_INTEGER) {
		for (int i = 0; i < 8; i++)
			key[31 - i] = (char)((uint64_t)v[1].n >> (8 * i));
		return 0;
	}
	if (v[1].s.n != 20)
		return broken(s, "card");
	memcpy(key + 20, v[1].s.p + 8, 12);
	return 0;
}

static int
key_card(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	if (card_key(w->s, w->main.v, r->key) == -1)
		return -1;
	r->ca = (int)w->main.v[0].n;
	r->ski = w->s->cas[r->ca - 1];
	return 1;
}

static int
fill_card(struct snapshot_walk *w, const struct snapshot_walk_row *r)
{
	size_t n = serial_hex(&w->main.v[1], w->serial);

	if (n == 0)
		return broken(w->s, "card");
	record_set(&w->rec, L_CA, (struct slice) { r->ski, 40 });
	record_set(&w->rec, L_SERIAL, (struct slice) { w->serial, n });
	return 0;
}

/* A row that was handed out is stepped over only now: it was borrowed. */
static int
walk_step(struct snapshot_walk *w, struct walk_table *t, int columns)
{
	if (t->have != 2)
		return t->have == -1 ? broken(w->s, "page") : 0;
	t->have = !t->first	? cursor_next(&t->cursor) :
	    t->from.s.p != NULL ? cursor_seek(&t->cursor, &t->from, 1) :
				  cursor_seek(&t->cursor, NULL, 0);
	t->first = false;
	if (t->have == -1 ||
	    (t->have == 1 &&
		cursor_columns(&t->cursor, t->v, (unsigned)columns) != columns))
		return broken(w->s, "page");
	return 0;
}

/* Which of the two has the next row: the pair before the periods of its key,
 * all partitions before the entries. */
static bool
person_first(const struct snapshot_walk *w)
{
	if (w->person.have != 1 || w->main.have != 1)
		return w->person.have == 1;
	if (w->s->kind == SNAPSHOT_REVOCATION)
		return true;
	return slice_cmp(w->person.v[0].s, w->main.v[0].s) <= 0;
}

int
snapshot_walk_step(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	bool revocation = w->s->kind == SNAPSHOT_REVOCATION;
	/* what the key and walk_*() need; fill() takes the rest */
	int columns = revocation	 ? RC__MAX :
	    w->s->kind == SNAPSHOT_CARDS ? 2 :
					   1;

	r->order = 0;
	r->payload = (struct slice) { NULL, 0 };
	r->rec = NULL;
	if (walk_step(w, &w->main, columns) == -1 ||
	    walk_step(w, &w->person, revocation ? P__MAX : 3) == -1)
		return -1;
	r->pair = person_first(w);
	struct walk_table *t = r->pair ? &w->person : &w->main;
	if (t->have != 1)
		return 0;
	t->have = 2;
	r->record = t->cursor.record;
	if (revocation)
		return 1;
	if (w->s->kind == SNAPSHOT_CARDS)
		return key_card(w, r);
	if (!key_of(t->v[0].s, (struct typed_key *)(void *)r->key))
		return broken(w->s, "key");
	return 1;
}

int
snapshot_walk_fill(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	if (w->s->kind == SNAPSHOT_REVOCATION)
		return r->pair ? walk_partition(w, r) : walk_revoked(w, r);
	if (r->pair)
		return walk_pair(w, r);
	if (fill(&w->s->shape, &w->main.cursor, &w->rec) == -1)
		return broken(w->s, "row");
	r->rec = &w->rec;
	return w->s->kind == SNAPSHOT_CARDS ? fill_card(w, r) : 0;
}

int
snapshot_walk_next(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	int more = snapshot_walk_step(w, r);

	return more == 1 && snapshot_walk_fill(w, r) == -1 ? -1 : more;
}

void
snapshot_walk_close(struct snapshot_walk *w)
{
	if (w == NULL)
		return;
	cursor_free(&w->main.cursor);
	cursor_free(&w->person.cursor);
	pages_view_unmap(&w->view);
	free(w);
}

/* ---- the rows of one table ---- */

struct snapshot_rows {
	struct snapshot *s;
	struct pages_view view;
	struct cursor cursor;
	bool begun;
};

struct snapshot_rows *
snapshot_rows_open(struct snapshot *s, const char *table)
{
	struct snapshot_rows *r = text_alloc(sizeof(*r));
	uint32_t root = 0;

	for (int i = 0; i < TABLE__MAX; i++)
		if (tables[i].kind == s->kind &&
		    strcmp(tables[i].name, table) == 0)
			root = s->root[i];
	r->s = s;
	if (root == 0)
		broken(s, table);
	if (root == 0 || map_again(s, &r->view) == -1) {
		snapshot_rows_close(r);
		return NULL;
	}
	cursor_init(&r->cursor, &r->view, root);
	return r;
}

int
snapshot_rows_next(struct snapshot_rows *r, const struct cursor **at)
{
	int more = r->begun ? cursor_next(&r->cursor) :
			      cursor_seek(&r->cursor, NULL, 0);

	r->begun = true;
	*at = &r->cursor;
	return more == -1 ? broken(r->s, "page") : more;
}

int
snapshot_rows_copy(struct snapshot_rows *r, const struct column *below,
    unsigned n, struct pages_table *to)
{
	struct cursor_cells cells;
	int run = cursor_run(&r->cursor, below, n, &cells);

	if (run < 1)
		return run == -1 ? broken(r->s, "page") : 0;
	unsigned taken = pages_add_cells(to, &cells);
	cursor_skip(&r->cursor, taken);
	return (int)taken;
}

void
snapshot_rows_close(struct snapshot_rows *r)
{
	if (r == NULL)
		return;
	cursor_free(&r->cursor);
	pages_view_unmap(&r->view);
	free(r);
}

int
snapshot_part(
    struct snapshot *s, unsigned i, unsigned n, char key[SEGMENT_KEY_SIZE])
{
	struct cursor *c = &s->cursor[T_PERIOD];
	struct column v;
	int more = cursor_part(c, i, n);

	if (more == -1 ||
	    (more == 1 &&
		(cursor_columns(c, &v, 1) != 1 ||
		    !key_of(v.s, (struct typed_key *)(void *)key))))
		return broken(s, "page");
	return more;
}

bool
snapshot_any_waiting(struct snapshot *s)
{
	return s->root[T_WAITING] != 0 &&
	    cursor_seek(&s->cursor[T_WAITING], NULL, 0) == 1;
}

int
snapshot_waiting(
    struct snapshot_rows *r, char key[SEGMENT_KEY_SIZE], int32_t *since)
{
	const struct cursor *at;
	struct column v[3];
	int more = snapshot_rows_next(r, &at);

	if (more != 1)
		return more;
	if (cursor_columns(at, v, 3) != 3 || card_key(r->s, v, key) == -1)
		return broken(r->s, "waiting");
	*since = day_parse(v[2].s);
	return 1;
}
