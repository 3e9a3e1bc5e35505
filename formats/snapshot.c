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
#include "formats/codec/seal.h"
#include "formats/snapshot.h"

#define CAS_MAX 64

enum statement {
	S_PERIODS,
	S_PRINTED,
	S_PERSON_KEYS,
	S_PSEUDONYM,
	S_PAIRING,
	S_INSURER,
	S_CARD,
	S_PARTITION,
	S_REVOKED,
	S_INSTITUTION,
	STATEMENT__MAX
};

/* clang-format off */
static const struct {
	enum snapshot_kind kind;
	const char *sql; /* %s: the columns of the main table */
} statements[STATEMENT__MAX] = {
	[S_PERIODS] = { SNAPSHOT_QUALIFICATION, "SELECT %s FROM period WHERE \"key\" = ?1" },
	[S_PRINTED] = { SNAPSHOT_QUALIFICATION, "SELECT \"key\" FROM printed WHERE hash = ?1" },
	[S_PERSON_KEYS] = { SNAPSHOT_QUALIFICATION, "SELECT \"key\" FROM pseudonym WHERE pseudonym = ?1" },
	[S_PSEUDONYM] = { SNAPSHOT_QUALIFICATION, "SELECT pseudonym FROM person WHERE \"key\" = ?1" },
	[S_PAIRING] = { SNAPSHOT_QUALIFICATION, "SELECT pseudonym FROM pairing WHERE processing_number = ?1" },
	[S_INSURER] = { SNAPSHOT_QUALIFICATION, "SELECT InsurerName FROM insurer WHERE \"number\" = ?1" },
	[S_CARD] = { SNAPSHOT_CARDS, "SELECT %s FROM card WHERE ca = ?1 AND serial = ?2" },
	[S_PARTITION] = { SNAPSHOT_REVOCATION, "SELECT this_update, next_update, \"number\" FROM \"partition\" WHERE ca = ?1 AND name = ?2" },
	[S_REVOKED] = { SNAPSHOT_REVOCATION, "SELECT revoked_at, reason FROM revoked WHERE ca = ?1 AND serial = ?2 ORDER BY revoked_at LIMIT 1" },
	[S_INSTITUTION] = { SNAPSHOT_INSTITUTIONS, "SELECT %s FROM institution WHERE InstitutionCode = ?1" },
};
static const struct format *const formats[SNAPSHOT__MAX] = {
	[SNAPSHOT_QUALIFICATION] = &qualification_format,
	[SNAPSHOT_CARDS] = &link_format,
	[SNAPSHOT_INSTITUTIONS] = &institution_format,
};
/* clang-format on */

struct snapshot {
	enum snapshot_kind kind;
	struct snapshot_set_entry entry;
	struct diag_sink *sink;
	char *path;
	const unsigned char *map;
	size_t size;
	sqlite3 *db;
	sqlite3_stmt *st[STATEMENT__MAX];
	unsigned char columns[RECORD_FIELDS_MAX];
	unsigned n_columns;
	struct record rec; /* the row at hand */
	char cas[CAS_MAX][41];
	int n_cas; /* ids are 1.. */
	char text[1024]; /* the last insurer's name */
	bool broken;
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
	size_t page = (size_t)h[16] << 8 | h[17];

	page = page == 1 ? 65536 : page;
	if (memcmp(h, "SQLite format 3", 16) != 0 || page < 512 ||
	    (page & (page - 1)) != 0 || h[18] != 1 || h[19] != 1 ||
	    s->size / page != be32(h + 28) || s->size % page != 0)
		return broken(s, "not a whole SQLite file");
	if (be32(h + 68) != (uint32_t)snapshot_application_id(s->kind) ||
	    be32(h + 60) != SNAPSHOT_VERSION)
		return broken(s, "another kind or version of file");
	return 0;
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
	if (check_file &&
	    (seal_digest_fd(fd, sha256) == -1 ||
		strcmp(sha256, s->entry.sha256) != 0)) {
		diag_file(s->sink, DIAG_SNAPSHOT_DIGEST, s->entry.file, "%s",
		    "sha256");
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
	madvise(map, s->size, MADV_RANDOM);
	r = check_header(s);
out:
	if (fd != -1)
		close(fd);
	return r;
}

static sqlite3_stmt *
prepare(struct snapshot *s, sqlite3 *db, const char *sql)
{
	char columns[2048] = "", text[2560];
	struct buf b;
	sqlite3_stmt *st = NULL;

	buf_init(&b, columns, sizeof(columns));
	for (unsigned i = 0; i < s->n_columns; i++)
		buf_printf(&b, "%s%s", i > 0 ? "," : "",
		    formats[s->kind]->fields[s->columns[i]].name);
	const char *mark = strstr(sql, "%s");
	if (mark == NULL)
		snprintf(text, sizeof(text), "%s", sql);
	else
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(mark - sql), sql,
		    columns, mark + 2);
	if (sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &st,
		NULL) != SQLITE_OK)
		broken(s, "tables are not as they should be");
	return st;
}

/* What the row of `generation` says of the file, into *e; -1: it says nothing,
 * or of another kind. */
static int
read_generation(struct snapshot *s, struct snapshot_set_entry *e)
{
	sqlite3_stmt *st = prepare(s, s->db,
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
	sqlite3_stmt *st =
	    prepare(s, s->db, "SELECT id, ski FROM ca ORDER BY id");
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
	if (check_generation(s) == -1 || load_cas(s) == -1)
		return -1;
	for (int i = 0; i < STATEMENT__MAX; i++)
		if (statements[i].kind == s->kind &&
		    (s->st[i] = prepare(s, s->db, statements[i].sql)) == NULL)
			return -1;
	return 0;
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
	if (formats[kind] != NULL) {
		s->n_columns = snapshot_columns(formats[kind], s->columns);
		record_init(&s->rec, formats[kind]);
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
	for (int i = 0; i < STATEMENT__MAX; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	if (s->map != NULL)
		munmap((void *)(uintptr_t)s->map, s->size);
	free(s->path);
	free(s);
}

const struct snapshot_set_entry *
snapshot_entry(const struct snapshot *s)
{
	return &s->entry;
}

/* ---- questions ---- */

static struct slice
column(sqlite3_stmt *st, int i)
{
	struct slice s;

	s.p = sqlite3_column_blob(st, i);
	s.n = (size_t)sqlite3_column_bytes(st, i);
	if (s.p == NULL)
		s.n = 0;
	return s;
}

/* The columns of the main table from column `at` on into rec. */
static void
fill(const unsigned char *columns, unsigned n, sqlite3_stmt *st, int at,
    struct record *rec)
{
	const struct field *fields = rec->format->fields;

	for (unsigned i = 0; i < n; i++) {
		struct value *v = &rec->v[columns[i]];
		v->s = column(st, at + (int)i);
		v->n = 0;
		if (v->s.n == 0)
			continue;
		if (fields[columns[i]].type == FIELD_DAY)
			v->n = day_parse(v->s);
		else if (fields[columns[i]].type == FIELD_NUM)
			v->n = slice_number(v->s);
	}
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

/* Ends a question: -1 where SQLite stopped for another reason than the end. */
static int
end(struct snapshot *s, sqlite3_stmt *st, int step, int r)
{
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		r = broken(s, sqlite3_errmsg(s->db));
	sqlite3_reset(st);
	return r;
}

static void
bind_text(sqlite3_stmt *st, int i, struct slice s)
{
	sqlite3_bind_text(
	    st, i, s.p == NULL ? "" : s.p, (int)s.n, SQLITE_STATIC);
}

int
snapshot_periods(struct snapshot *s, const struct typed_key *key,
    snapshot_period_fn *each, void *arg)
{
	sqlite3_stmt *st = s->st[S_PERIODS];
	int n = 0, step;

	bind_text(st, 1, typed_key_text(key));
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		fill(s->columns, s->n_columns, st, 0, &s->rec);
		n++;
		if (each(arg, key, &s->rec) != 0)
			break;
	}
	return end(s, st, step, n);
}

static int
each_key(struct snapshot *s, sqlite3_stmt *st, snapshot_key_fn *each, void *arg)
{
	struct typed_key key;
	int n = 0, step;

	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		if (!key_of(column(st, 0), &key)) {
			n = broken(s, "key");
			break;
		}
		n++;
		if (each(arg, &key) != 0)
			break;
	}
	return end(s, st, step, n);
}

int
snapshot_printed(
    struct snapshot *s, uint64_t hash, snapshot_key_fn *each, void *arg)
{
	sqlite3_bind_int64(s->st[S_PRINTED], 1, (sqlite3_int64)hash);
	return each_key(s, s->st[S_PRINTED], each, arg);
}

int
snapshot_person_keys(struct snapshot *s, const unsigned char pseudonym[16],
    snapshot_key_fn *each, void *arg)
{
	sqlite3_bind_blob(
	    s->st[S_PERSON_KEYS], 1, pseudonym, 16, SQLITE_STATIC);
	return each_key(s, s->st[S_PERSON_KEYS], each, arg);
}

static int
one_pseudonym(struct snapshot *s, sqlite3_stmt *st, unsigned char pseudonym[16])
{
	int r = 0, step = sqlite3_step(st);

	if (step == SQLITE_ROW) {
		struct slice v = column(st, 0);
		if (v.n != 16)
			r = broken(s, "pseudonym");
		else {
			memcpy(pseudonym, v.p, 16);
			r = 1;
			step = sqlite3_step(st);
			if (step == SQLITE_ROW) /* two persons: neither */
				r = 0;
		}
	}
	return end(s, st, step, r);
}

int
snapshot_pseudonym(struct snapshot *s, const struct typed_key *key,
    unsigned char pseudonym[16])
{
	bind_text(s->st[S_PSEUDONYM], 1, typed_key_text(key));
	return one_pseudonym(s, s->st[S_PSEUDONYM], pseudonym);
}

int
snapshot_pairing(struct snapshot *s, struct slice processing_number,
    unsigned char pseudonym[16])
{
	bind_text(s->st[S_PAIRING], 1, processing_number);
	return one_pseudonym(s, s->st[S_PAIRING], pseudonym);
}

struct slice
snapshot_insurer_name(struct snapshot *s, struct slice number8)
{
	sqlite3_stmt *st = s->st[S_INSURER];
	struct slice out = { s->text, 0 };

	bind_text(st, 1, number8);
	int step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		struct slice v = column(st, 0);
		if (v.n > 0 && v.n <= sizeof(s->text)) {
			memcpy(s->text, v.p, v.n);
			out.n = v.n;
		}
	}
	end(s, st, step, 0);
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

static void
bind_serial(
    sqlite3_stmt *st, int i, const char *serial, unsigned char store[20])
{
	int64_t n;

	if (snapshot_serial(serial, &n, store))
		sqlite3_bind_int64(st, i, n);
	else
		sqlite3_bind_blob(st, i, store, 20, SQLITE_STATIC);
}

int
snapshot_card(struct snapshot *s, const char *ca, const char *serial,
    struct snapshot_card *out)
{
	sqlite3_stmt *st = s->st[S_CARD];
	unsigned char store[20];
	int id = ca_id(s, ca), r = 0;

	if (id == 0 || serial[0] == '\0' || strnlen(serial, 41) > 40)
		return 0;
	sqlite3_bind_int(st, 1, id);
	bind_serial(st, 2, serial, store);
	int step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		const struct value *v = s->rec.v;
		fill(s->columns, s->n_columns, st, 0, &s->rec);
		struct slice number = v[L_PROCESSING_NUMBER].s;
		memset(out, 0, sizeof(*out));
		if (number.n >= sizeof(out->processing_number))
			return end(s, st, step, broken(s, "card"));
		if (number.n > 0)
			memcpy(out->processing_number, number.p, number.n);
		out->state = (int)slice_number(v[L_STATE].s);
		out->from =
		    v[L_VALID_FROM].s.n ? (int32_t)v[L_VALID_FROM].n : DAY_NONE;
		out->until = v[L_VALID_UNTIL].s.n ?
		    (int32_t)v[L_VALID_UNTIL].n :
		    DAY_NONE;
		r = 1;
	}
	return end(s, st, step, r);
}

int
snapshot_partition(struct snapshot *s, const char *ca, const char *partition,
    struct snapshot_partition *out)
{
	sqlite3_stmt *st = s->st[S_PARTITION];
	int id = ca_id(s, ca), r = 0;

	if (id == 0)
		return 0;
	sqlite3_bind_int(st, 1, id);
	bind_text(st, 2, slice_of(partition));
	int step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		struct slice number = column(st, 2);
		memset(out, 0, sizeof(*out));
		out->this_update = sqlite3_column_int64(st, 0);
		out->next_update = sqlite3_column_int64(st, 1);
		if (number.n >= sizeof(out->number))
			return end(s, st, step, broken(s, "partition"));
		if (number.n > 0)
			memcpy(out->number, number.p, number.n);
		r = 1;
	}
	return end(s, st, step, r);
}

int
snapshot_revoked(struct snapshot *s, const char *ca, const char *serial,
    int64_t *revoked_at, int *reason)
{
	sqlite3_stmt *st = s->st[S_REVOKED];
	unsigned char store[20];
	int id = ca_id(s, ca), r = 0;

	if (id == 0)
		return 0;
	sqlite3_bind_int(st, 1, id);
	bind_serial(st, 2, serial, store);
	int step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		*revoked_at = sqlite3_column_int64(st, 0);
		*reason = sqlite3_column_int(st, 1);
		r = 1;
	}
	return end(s, st, step, r);
}

static void
copy_text(char *out, size_t size, struct slice s)
{
	size_t n = s.n < size ? s.n : size - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

int
snapshot_institution(
    struct snapshot *s, struct slice code, struct snapshot_institution *out)
{
	sqlite3_stmt *st = s->st[S_INSTITUTION];
	const struct value *v = s->rec.v;
	int r = 0;

	bind_text(st, 1, code);
	int step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		fill(s->columns, s->n_columns, st, 0, &s->rec);
		memset(out, 0, sizeof(*out));
		copy_text(out->code, sizeof(out->code), v[I_CODE].s);
		copy_text(out->prefecture, sizeof(out->prefecture),
		    v[I_PREFECTURE].s);
		copy_text(out->size_class, sizeof(out->size_class),
		    v[I_SIZE_CLASS].s);
		copy_text(out->name, sizeof(out->name), v[I_NAME].s);
		out->from = v[I_FROM].s.n ? (int32_t)v[I_FROM].n : DAY_NONE;
		out->until = v[I_UNTIL].s.n ? (int32_t)v[I_UNTIL].n : DAY_NONE;
		out->pilot = slice_is(v[I_PILOT].s, "1");
		int cs = charset_find(v[I_ENCODING].s);
		out->encoding =
		    cs == CHARSET_CP932 ? CHARSET_CP932 : CHARSET_UTF8;
		r = 1;
	}
	return end(s, st, step, r);
}

int
snapshot_inputs(struct snapshot *s,
    int (*each)(void *arg, const char *name, const char *digest), void *arg)
{
	sqlite3_stmt *st = prepare(
	    s, s->db, "SELECT name, digest FROM input ORDER BY name, digest");
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
	r = end(s, st, step, r);
	sqlite3_finalize(st);
	return r;
}

/* ---- the walk ---- */

struct snapshot_walk {
	struct snapshot *s;
	sqlite3 *db;
	sqlite3_stmt *main, *person; /* person: partitions in REVOCATION */
	int main_step, person_step;
	struct record rec;
	char serial[41];
	char text[1024];
};

/* A file name as a URI. */
static void
uri_of(const char *path, struct buf *out)
{
	buf_printf(out, "file:");
	for (; *path != '\0'; path++) {
		unsigned char c = (unsigned char)*path;
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || strchr("/._-", c) != NULL)
			buf_printf(out, "%c", c);
		else
			buf_printf(out, "%%%02x", c);
	}
	buf_printf(out, "?mode=ro&immutable=1");
}

static int
walk_open_db(struct snapshot_walk *w)
{
	char uri[4096];
	struct buf b;

	buf_init(&b, uri, sizeof(uri));
	uri_of(w->s->path, &b);
	if (b.full ||
	    sqlite3_open_v2(uri, &w->db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
		NULL) != SQLITE_OK)
		return broken(w->s, "cannot be opened");
	harden(w->db);
	sqlite3_exec(w->db, "PRAGMA mmap_size=0; PRAGMA cache_size=-4096;",
	    NULL, NULL, NULL);
	return 0;
}

struct snapshot_walk *
snapshot_walk_open(struct snapshot *s)
{
	/* clang-format off */
	static const char *const mains[SNAPSHOT__MAX] = {
		[SNAPSHOT_QUALIFICATION] = "SELECT \"key\",%s FROM period ORDER BY \"key\", QualificationDate",
		[SNAPSHOT_CARDS] = "SELECT ca,serial,%s FROM card ORDER BY ca, serial",
		[SNAPSHOT_REVOCATION] = "SELECT \"partition\", serial, revoked_at, reason FROM revoked ORDER BY ca, serial, \"partition\"",
		[SNAPSHOT_INSTITUTIONS] = "SELECT InstitutionCode,%s FROM institution ORDER BY InstitutionCode",
	};
	static const char *const persons[SNAPSHOT__MAX] = {
		[SNAPSHOT_QUALIFICATION] = "SELECT \"key\", processing_number, pseudonym FROM person ORDER BY \"key\"",
		[SNAPSHOT_REVOCATION] = "SELECT ca, name, id, this_update, next_update, \"number\" FROM \"partition\" ORDER BY ca, name",
	};
	/* clang-format on */
	struct snapshot_walk *w = text_alloc(sizeof(*w));

	w->s = s;
	w->person_step = SQLITE_DONE;
	if (formats[s->kind] != NULL)
		record_init(&w->rec, formats[s->kind]);
	if (walk_open_db(w) == -1 ||
	    (w->main = prepare(s, w->db, mains[s->kind])) == NULL)
		goto bad;
	if (persons[s->kind] != NULL) {
		if ((w->person = prepare(s, w->db, persons[s->kind])) == NULL)
			goto bad;
		w->person_step = sqlite3_step(w->person);
	}
	w->main_step = sqlite3_step(w->main);
	return w;
bad:
	snapshot_walk_close(w);
	return NULL;
}

static void
hex_of(struct slice bytes, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.n; i++) {
		out[2 * i] = hex[(unsigned char)bytes.p[i] >> 4];
		out[2 * i + 1] = hex[bytes.p[i] & 15];
	}
}

/* Canonical hex of a serial column; 0: not one. */
static size_t
serial_hex(sqlite3_stmt *st, int i, char out[41])
{
	if (sqlite3_column_type(st, i) == SQLITE_INTEGER)
		return (size_t)snprintf(out, 41, "%llx",
		    (unsigned long long)sqlite3_column_int64(st, i));
	struct slice v = column(st, i);
	char hex[40];
	size_t zeros = 0;
	if (v.n != 20)
		return 0;
	hex_of(v, hex);
	while (zeros < 39 && hex[zeros] == '0')
		zeros++;
	memcpy(out, hex + zeros, 40 - zeros);
	out[40 - zeros] = '\0';
	return 40 - zeros;
}

static int
walk_pair(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	struct slice number = column(w->person, 1);
	struct slice pseudonym = column(w->person, 2);

	if (!key_of(column(w->person, 0), (struct typed_key *)(void *)r->key) ||
	    number.n == 0 || number.n > 64 || pseudonym.n != 16)
		return broken(w->s, "person");
	memcpy(w->text, number.p, number.n);
	w->text[number.n] = '\n';
	hex_of(pseudonym, w->text + number.n + 1);
	r->pair = true;
	r->payload = (struct slice) { w->text, number.n + 33 };
	return 1;
}

static int
walk_partition(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	struct slice name = column(w->person, 1), number = column(w->person, 5);
	int ca = sqlite3_column_int(w->person, 0);
	struct buf b;

	if (ca < 1 || ca > w->s->n_cas)
		return broken(w->s, "partition");
	buf_init(&b, w->text, sizeof(w->text));
	buf_printf(&b, "%s\n%.*s\n%.*s\n%lld\n%lld", w->s->cas[ca - 1],
	    (int)name.n, name.p, (int)number.n, number.p,
	    (long long)sqlite3_column_int64(w->person, 3),
	    (long long)sqlite3_column_int64(w->person, 4));
	r->pair = true;
	r->order = sqlite3_column_int64(w->person, 2);
	r->payload = (struct slice) { b.p, b.n };
	return b.full ? broken(w->s, "partition") : 1;
}

static int
walk_revoked(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	struct buf b;

	if (serial_hex(w->main, 1, w->serial) == 0)
		return broken(w->s, "serial");
	buf_init(&b, w->text, sizeof(w->text));
	buf_printf(&b, "%s\n%lld\n%d", w->serial,
	    (long long)sqlite3_column_int64(w->main, 2),
	    sqlite3_column_int(w->main, 3));
	r->order = sqlite3_column_int64(w->main, 0);
	r->payload = (struct slice) { b.p, b.n };
	return 1;
}

/* Card key: CA (20 bytes), serial right-aligned in 12. */
static int
walk_card(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	int ca = sqlite3_column_int(w->main, 0);
	size_t n = serial_hex(w->main, 1, w->serial);
	unsigned char store[20];
	int64_t small;

	if (ca < 1 || ca > w->s->n_cas || n == 0)
		return broken(w->s, "card");
	const char *hex = w->s->cas[ca - 1];
	snapshot_serial(hex, &small, store); /* 40 digits: 20 bytes */
	memcpy(r->key, store, 20);
	snapshot_serial(w->serial, &small, store);
	memcpy(r->key + 20, store + 8, 12);
	fill(w->s->columns, w->s->n_columns, w->main, 2, &w->rec);
	record_set(&w->rec, L_CA, (struct slice) { hex, 40 });
	record_set(&w->rec, L_SERIAL, (struct slice) { w->serial, n });
	r->rec = &w->rec;
	return 1;
}

static int
walk_main(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	if (w->s->kind == SNAPSHOT_REVOCATION)
		return walk_revoked(w, r);
	if (w->s->kind == SNAPSHOT_CARDS)
		return walk_card(w, r);
	if (!key_of(column(w->main, 0), (struct typed_key *)(void *)r->key))
		return broken(w->s, "key");
	fill(w->s->columns, w->s->n_columns, w->main, 1, &w->rec);
	r->rec = &w->rec;
	return 1;
}

/* Which of the two statements has the next row: the pair before the
 * periods of its key, all partitions before the entries. */
static bool
person_first(const struct snapshot_walk *w)
{
	if (w->person_step != SQLITE_ROW || w->main_step != SQLITE_ROW)
		return w->person_step == SQLITE_ROW;
	if (w->s->kind == SNAPSHOT_REVOCATION)
		return true;
	return slice_cmp(column(w->person, 0), column(w->main, 0)) <= 0;
}

int
snapshot_walk_next(struct snapshot_walk *w, struct snapshot_walk_row *r)
{
	/* the row handed out last is stepped over only now: it was borrowed */
	if (w->main_step == -1)
		w->main_step = sqlite3_step(w->main);
	if (w->person_step == -1)
		w->person_step = sqlite3_step(w->person);
	r->order = 0;
	r->pair = false;
	r->payload = (struct slice) { NULL, 0 };
	r->rec = NULL;
	if ((w->main_step != SQLITE_ROW && w->main_step != SQLITE_DONE) ||
	    (w->person_step != SQLITE_ROW && w->person_step != SQLITE_DONE))
		return broken(w->s, sqlite3_errmsg(w->db));
	if (person_first(w)) {
		w->person_step = -1;
		return w->s->kind == SNAPSHOT_REVOCATION ?
		    walk_partition(w, r) :
		    walk_pair(w, r);
	}
	if (w->main_step == SQLITE_DONE)
		return 0;
	w->main_step = -1;
	return walk_main(w, r);
}

void
snapshot_walk_close(struct snapshot_walk *w)
{
	if (w == NULL)
		return;
	sqlite3_finalize(w->main);
	sqlite3_finalize(w->person);
	sqlite3_close(w->db);
	free(w);
}
