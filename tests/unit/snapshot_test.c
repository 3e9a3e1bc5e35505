#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/snapshot_make.h"
#include "tests/unit/suite.h"

#define CA1 "0123456789abcdef0123456789abcdef01234567"
#define CA2 "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define BIG "ffeeddccbbaa99887766554433221100ffeeddcc"

/* A folder of this process: two runs of the tests may go side by side. */
static char own[64];

static void
folder_remove(void)
{
	rmdir(own);
}

static const char *
folder(void)
{
	if (own[0] == '\0') {
		snprintf(own, sizeof(own), "/tmp/shikaku-snapshots-%ld",
		    (long)getpid());
		mkdir(own, 0700);
		atexit(folder_remove);
	}
	return own;
}

static void
put(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}
static struct diag_sink sink = { .put = put };

static struct snapshot_set_entry
entry_of(int64_t generation)
{
	struct snapshot_set_entry e = { .generation = generation };

	e.day = day_of(2026, 8, 1);
	e.cut_off = day_moment(e.day, 21 * INT64_C(3600000));
	return e;
}

static void
path_of(const struct snapshot_set_entry *e, char out[200])
{
	snprintf(out, 200, "%s/%s", folder(), e->file);
}

static struct snapshot *
open_it(enum snapshot_kind kind, const struct snapshot_set_entry *e)
{
	struct snapshot *s = snapshot_open(folder(), kind, e, true, &sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

static void
remove_it(const struct snapshot_set_entry *e)
{
	char path[200];

	path_of(e, path);
	unlink(path);
}

static void
typed(struct typed_key *k, int person)
{
	char id[16];

	snprintf(id, sizeof(id), "A%06d", person);
	typed_key_make(k, 'E', SLICE("06139992"), slice_of(id));
}

/* Person n: a period from 2000 + i for i below periods; odd and next even
 * persons have the same card number and birth date. */
static void
period(struct record *r, int n, int i, char text[3][24])
{
	record_init(r, &qualification_format);
	snprintf(text[0], 24, "%d0401", 2000 + i);
	snprintf(text[1], 24, "%d0401", 2001 + i);
	snprintf(text[2], 24, "%06d", n / 2);
	record_set(r, Q_INSURER_CODE, SLICE("06139992"));
	record_set(r, Q_INSURER_NUMBER, SLICE("06139992"));
	record_set(r, Q_SYMBOL, SLICE("１２"));
	record_set(r, Q_INSURED_NUMBER, slice_of(text[2]));
	record_set(r, Q_NAME, SLICE("見本　花子"));
	record_set(r, Q_BIRTHDATE, SLICE("19800203"));
	r->v[Q_BIRTHDATE].n = day_of(1980, 2, 3);
	record_set(r, Q_QUALIFIED_ON, slice_of(text[0]));
	if (i == 0)
		record_set(r, Q_LOST_ON, slice_of(text[1]));
}

static struct slice
pair(int n, int person, char out[80])
{
	int len = snprintf(out, 80, "P%05d\n%032x", n, person);

	return (struct slice) { out, (size_t)len };
}

/* persons: each fourth has two periods; persons 3 and 5 are one human being,
 * 8 and 9 claim one processing number; 10 has a pairing and no period. */
static void
make(int persons, struct snapshot_set_entry *e)
{
	struct snapshot_set_entry want = entry_of(12);
	struct snapshot_make *m =
	    snapshot_create(folder(), SNAPSHOT_QUALIFICATION, &want, &sink);
	struct typed_key k;
	struct record r;
	char text[3][24], payload[80];

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	for (int n = 0; n < persons; n++) {
		typed(&k, n);
		struct slice p = n % 3 == 2 ? (struct slice) { NULL, 0 } :
		    n == 9		    ? pair(8, 9, payload) :
					      pair(n, n == 5 ? 3 : n, payload);
		if (n == 8)
			p = pair(8, 8, payload);
		if (n == 5)
			p = pair(5, 3, payload);
		CU_ASSERT_EQUAL(snapshot_add_person(m, &k, p), 0);
		for (int i = 0; n != 10 && i < (n % 4 == 0 ? 2 : 1); i++) {
			period(&r, n, i, text);
			CU_ASSERT_EQUAL(snapshot_add_period(m, &k, &r), 0);
		}
	}
	record_init(&r, &insurer_format);
	record_set(&r, N_NUMBER, SLICE("138057"));
	record_set(&r, N_NAME, SLICE("世田谷区"));
	CU_ASSERT_EQUAL(snapshot_add_insurer(m, &r), 0);
	record_set(&r, N_NUMBER, SLICE("06139992"));
	record_set(&r, N_NAME, SLICE("見本健康保険組合"));
	CU_ASSERT_EQUAL(snapshot_add_insurer(m, &r), 0);
	snapshot_add_input(m, "a.seg", "00", 1);
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, e), 0);
}

struct seen {
	int n;
	char keys[10][TYPED_KEY_SIZE + 1];
	char from[10][9];
	int stop;
};

static int
on_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	struct seen *s = arg;

	(void)key;
	memcpy(s->from[s->n], rec->v[Q_QUALIFIED_ON].s.p, 8);
	CU_ASSERT_EQUAL(
	    rec->v[Q_QUALIFIED_ON].n, day_parse(rec->v[Q_QUALIFIED_ON].s));
	CU_ASSERT_EQUAL(rec->v[Q_BIRTHDATE].n, day_of(1980, 2, 3));
	CU_ASSERT(slice_is(rec->v[Q_NAME].s, "見本　花子"));
	CU_ASSERT_EQUAL(rec->v[Q_ADDRESS].s.n, 0);
	return ++s->n == s->stop;
}

static int
on_key(void *arg, const struct typed_key *key)
{
	struct seen *s = arg;
	struct slice text = typed_key_text(key);

	memcpy(s->keys[s->n], text.p, text.n);
	s->n++;
	return 0;
}

static void
by_key(void)
{
	struct snapshot_set_entry e;
	struct typed_key k;

	make(2000, &e);
	CU_ASSERT_STRING_EQUAL(e.file, "qualification-000012.sqlite");
	CU_ASSERT_EQUAL(e.rows, 2000 + 500 - 1);
	struct snapshot *s = open_it(SNAPSHOT_QUALIFICATION, &e);
	CU_ASSERT_EQUAL(snapshot_entry(s)->generation, 12);
	for (int n = 0; n < 2000; n += 7) {
		struct seen seen = { 0 };
		typed(&k, n);
		int want = n == 10 ? 0 : n % 4 == 0 ? 2 : 1;
		CU_ASSERT_EQUAL(
		    snapshot_periods(s, &k, on_period, &seen), want);
		CU_ASSERT_EQUAL(seen.n, want);
		if (want > 0)
			CU_ASSERT_STRING_EQUAL(seen.from[0], "20000401");
		if (want == 2)
			CU_ASSERT_STRING_EQUAL(seen.from[1], "20010401");
	}
	struct seen one = { .stop = 1 };
	typed(&k, 4);
	CU_ASSERT_EQUAL(snapshot_periods(s, &k, on_period, &one), 1);
	typed(&k, 2000);
	CU_ASSERT_EQUAL(snapshot_periods(s, &k, on_period, &one), 0);
	snapshot_close(s);
	remove_it(&e);
}

static void
by_card_face(void)
{
	struct snapshot_set_entry e;
	struct seen seen = { 0 };

	make(100, &e);
	struct snapshot *s = open_it(SNAPSHOT_QUALIFICATION, &e);
	uint64_t h = printed_hash(SLICE("06139992"), SLICE("12"),
	    SLICE("000010"), day_of(1980, 2, 3));
	CU_ASSERT_EQUAL(snapshot_printed(s, h, on_key, &seen), 2);
	CU_ASSERT_STRING_EQUAL(seen.keys[0], "E06139992A000020");
	CU_ASSERT_STRING_EQUAL(seen.keys[1], "E06139992A000021");
	CU_ASSERT_EQUAL(snapshot_printed(s, h + 1, on_key, &seen), 0);
	int all = 0;
	for (int n = 0; n < 50; n++) {
		char number[16];
		seen.n = 0;
		snprintf(number, sizeof(number), "%06d", n);
		all += snapshot_printed(s,
		    printed_hash(SLICE("06139992"), SLICE("１２"),
			slice_of(number), day_of(1980, 2, 3)),
		    on_key, &seen);
	}
	CU_ASSERT_EQUAL(all, 99); /* person 10 has no period */
	snapshot_close(s);
	remove_it(&e);
}

static void
by_person(void)
{
	struct snapshot_set_entry e;
	struct seen seen = { 0 };
	struct typed_key k;
	unsigned char p[16], want[16] = { [15] = 3 };

	make(30, &e);
	struct snapshot *s = open_it(SNAPSHOT_QUALIFICATION, &e);
	typed(&k, 5);
	CU_ASSERT_EQUAL(snapshot_pseudonym(s, &k, p), 1);
	CU_ASSERT_EQUAL(memcmp(p, want, 16), 0);
	CU_ASSERT_EQUAL(snapshot_person_keys(s, p, on_key, &seen), 2);
	CU_ASSERT_STRING_EQUAL(seen.keys[0], "E06139992A000003");
	CU_ASSERT_STRING_EQUAL(seen.keys[1], "E06139992A000005");
	typed(&k, 2);
	CU_ASSERT_EQUAL(snapshot_pseudonym(s, &k, p), 0);
	CU_ASSERT_EQUAL(snapshot_pairing(s, SLICE("P00005"), p), 1);
	CU_ASSERT_EQUAL(memcmp(p, want, 16), 0);
	CU_ASSERT_EQUAL(snapshot_pairing(s, SLICE("P99999"), p), 0);
	CU_ASSERT_EQUAL(snapshot_pairing(s, SLICE(""), p), 0);
	/* two persons, one number: neither */
	CU_ASSERT_EQUAL(snapshot_pairing(s, SLICE("P00008"), p), 0);
	CU_ASSERT(
	    slice_is(snapshot_insurer_name(s, SLICE("00138057")), "世田谷区"));
	CU_ASSERT_EQUAL(snapshot_insurer_name(s, SLICE("99999999")).n, 0);
	snapshot_close(s);
	remove_it(&e);
}

static void
walk_all(void)
{
	struct snapshot_set_entry e;
	struct snapshot_walk_row row;
	struct typed_key k;
	char payload[80];
	int pairs = 0, periods = 0, r;

	make(100, &e);
	struct snapshot *s = open_it(SNAPSHOT_QUALIFICATION, &e);
	struct snapshot_walk *w = snapshot_walk_open(s);
	char last[SEGMENT_KEY_SIZE] = "";
	bool last_pair = false;
	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	while ((r = snapshot_walk_next(w, &row)) == 1) {
		int c = memcmp(last, row.key, SEGMENT_KEY_SIZE);
		CU_ASSERT(c < 0 || (c == 0 && !row.pair));
		memcpy(last, row.key, SEGMENT_KEY_SIZE);
		last_pair = row.pair;
		if (row.pair) {
			typed(&k, 6);
			if (memcmp(k.b, row.key, SEGMENT_KEY_SIZE) == 0)
				CU_ASSERT(
				    slice_eq(row.payload, pair(6, 6, payload)));
			pairs++;
		} else {
			CU_ASSERT_PTR_NOT_NULL_FATAL(row.rec);
			CU_ASSERT(slice_is(row.rec->v[Q_NAME].s, "見本　花子"));
			periods++;
		}
	}
	(void)last_pair;
	CU_ASSERT_EQUAL(r, 0);
	CU_ASSERT_EQUAL(periods, 100 + 25 - 1);
	CU_ASSERT_EQUAL(pairs, 67 + 2); /* 5 and 8 besides n % 3 != 2 */
	snapshot_walk_close(w);
	snapshot_close(s);
	remove_it(&e);
}

static int
on_input(void *arg, const char *name, const char *digest)
{
	*(int *)arg += strcmp(name, "a.seg") == 0 && strcmp(digest, "00") == 0;
	return 0;
}

static void
same_bytes(void)
{
	struct snapshot_set_entry a, b;
	int inputs = 0;

	make(500, &a);
	struct snapshot *s = open_it(SNAPSHOT_QUALIFICATION, &a);
	CU_ASSERT_EQUAL(snapshot_inputs(s, on_input, &inputs), 0);
	CU_ASSERT_EQUAL(inputs, 1);
	snapshot_close(s);
	make(500, &b);
	CU_ASSERT_STRING_EQUAL(a.sha256, b.sha256);
	CU_ASSERT_STRING_EQUAL(a.digest, b.digest);
	CU_ASSERT_EQUAL(strlen(a.digest), 32);
	remove_it(&b);
	make(501, &b);
	CU_ASSERT_STRING_NOT_EQUAL(a.digest, b.digest);
	remove_it(&b);
}

/* Asked in ascending order, near and far, past the last. */
static void
paired(void)
{
	struct snapshot_set_entry e = entry_of(1);
	struct snapshot_make *m =
	    snapshot_create(folder(), SNAPSHOT_QUALIFICATION, &e, &sink);
	struct typed_key k;
	char text[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	for (int i = 0; i < 4000; i++) { /* numbers N00000, N00010, ... */
		snprintf(text, sizeof(text), "P%05d", i);
		typed_key_make(&k, 'E', SLICE("06139992"), slice_of(text));
		snprintf(text, sizeof(text), "N%05d\n%032d", 10 * i, i);
		CU_ASSERT_EQUAL(snapshot_add_person(m, &k, slice_of(text)), 0);
	}
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e), 0);
	struct snapshot *s = open_it(SNAPSHOT_QUALIFICATION, &e);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("A")), 0);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N00000")), 1);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N00000")), 1);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N00005")), 0);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N00020")), 1);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N20000")), 1);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N20001")), 0);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N39990")), 1);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N39991")), 0);
	CU_ASSERT_EQUAL(snapshot_paired(s, SLICE("N4")), 0);
	snapshot_close(s);
	remove_it(&e);
}

static void
cards(void)
{
	static const char *const serials[] = { "1", "2a", "10000000",
		"7fffffffffffffff", "8000000000000000", "ff00000000000000ff" };
	struct snapshot_set_entry want = entry_of(1), e;
	struct snapshot_make *m =
	    snapshot_create(folder(), SNAPSHOT_CARDS, &want, &sink);
	struct snapshot_walk_row row;
	struct snapshot_card c;
	struct record r;
	int n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	for (int ca = 0; ca < 2; ca++)
		for (int i = 0; i < 6; i++) {
			char number[32];
			record_init(&r, &link_format);
			snprintf(number, sizeof(number), "N%d%d", ca, i);
			record_set(&r, L_CA, slice_of(ca ? CA2 : CA1));
			record_set(&r, L_SERIAL, slice_of(serials[i]));
			record_set(&r, L_PROCESSING_NUMBER, slice_of(number));
			record_set(&r, L_STATE, SLICE("1"));
			record_set(&r, L_VALID_FROM, SLICE("20200401"));
			CU_ASSERT_EQUAL(snapshot_add_card(m, &r), 0);
		}
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e), 0);
	CU_ASSERT_EQUAL(e.rows, 12);
	struct snapshot *s = open_it(SNAPSHOT_CARDS, &e);
	for (int i = 0; i < 6; i++) {
		char number[16];
		CU_ASSERT_EQUAL(snapshot_card(s, CA2, serials[i], &c), 1);
		snprintf(number, sizeof(number), "N1%d", i);
		CU_ASSERT_STRING_EQUAL(c.processing_number, number);
		CU_ASSERT_EQUAL(c.state, 1);
		CU_ASSERT_EQUAL(c.from, day_of(2020, 4, 1));
		CU_ASSERT_EQUAL(c.until, DAY_NONE);
	}
	CU_ASSERT_EQUAL(snapshot_card(s, CA1, "2A", &c), 1);
	CU_ASSERT_EQUAL(snapshot_card(s, CA1, "002a", &c), 1);
	CU_ASSERT_EQUAL(snapshot_card(s, CA1, "2b", &c), 0);
	CU_ASSERT_EQUAL(snapshot_card(s, CA1, "", &c), 0);
	CU_ASSERT_EQUAL(snapshot_card(s, "ff", "2a", &c), 0);
	struct snapshot_walk *w = snapshot_walk_open(s);
	char last[SEGMENT_KEY_SIZE] = "";
	while (snapshot_walk_next(w, &row) == 1) {
		CU_ASSERT(memcmp(last, row.key, SEGMENT_KEY_SIZE) < 0);
		memcpy(last, row.key, SEGMENT_KEY_SIZE);
		CU_ASSERT(slice_is(row.rec->v[L_CA].s, n < 6 ? CA1 : CA2));
		CU_ASSERT(slice_is(row.rec->v[L_SERIAL].s, serials[n % 6]));
		n++;
	}
	CU_ASSERT_EQUAL(n, 12);
	snapshot_walk_close(w);
	snapshot_close(s);
	remove_it(&e);
}

static void
make_revocation(bool turned, struct snapshot_set_entry *e)
{
	struct snapshot_set_entry want = entry_of(3);
	struct snapshot_make *m =
	    snapshot_create(folder(), SNAPSHOT_REVOCATION, &want, &sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(snapshot_add_revoked(NULL == m ? m : m, "1", 1, 0),
	    -1); /* before any partition */
	snapshot_abandon(m);
	m = snapshot_create(folder(), SNAPSHOT_REVOCATION, &want, &sink);
	for (int i = 0; i < 3; i++) {
		int p = turned ? 2 - i : i;
		char name[32];
		snprintf(name, sizeof(name), "CN=%d", p);
		CU_ASSERT_EQUAL(snapshot_add_partition(m, p == 2 ? CA2 : CA1,
				    name, 1000 + p, 2000 + p, "0a"),
		    0);
		if (p == 1)
			continue; /* lists nobody */
		CU_ASSERT_EQUAL(snapshot_add_revoked(m, "ff", 77, 4), 0);
		CU_ASSERT_EQUAL(snapshot_add_revoked(m, "2", 55, -1), 0);
		CU_ASSERT_EQUAL(snapshot_add_revoked(m, "2", 44, 1), 0);
		CU_ASSERT_EQUAL(snapshot_add_revoked(m, BIG, 66, 0), 0);
	}
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, e), 0);
}

static void
revocation(void)
{
	struct snapshot_set_entry e, turned;
	struct snapshot_partition p;
	struct snapshot_walk_row row;
	int64_t at;
	int reason, partitions = 0, entries = 0;

	make_revocation(true, &turned);
	make_revocation(false, &e);
	CU_ASSERT_STRING_EQUAL(e.sha256, turned.sha256);
	CU_ASSERT_EQUAL(e.rows, 6);
	struct snapshot *s = open_it(SNAPSHOT_REVOCATION, &e);
	CU_ASSERT_EQUAL(snapshot_partition(s, CA1, "CN=1", &p), 1);
	CU_ASSERT_EQUAL(p.this_update, 1001);
	CU_ASSERT_EQUAL(p.next_update, 2001);
	CU_ASSERT_STRING_EQUAL(p.number, "0a");
	CU_ASSERT_EQUAL(snapshot_partition(s, CA2, "CN=1", &p), 0);
	CU_ASSERT_EQUAL(snapshot_revoked(s, CA1, "02", &at, &reason), 1);
	CU_ASSERT_EQUAL(at, 44);
	CU_ASSERT_EQUAL(reason, 1);
	CU_ASSERT_EQUAL(snapshot_revoked(s, CA2, BIG, &at, &reason), 1);
	CU_ASSERT_EQUAL(at, 66);
	CU_ASSERT_EQUAL(snapshot_revoked(s, CA2, "3", &at, &reason), 0);
	CU_ASSERT_EQUAL(snapshot_revoked(s, "none", "2", &at, &reason), 0);
	struct snapshot_walk *w = snapshot_walk_open(s);
	while (snapshot_walk_next(w, &row) == 1) {
		CU_ASSERT(row.pair ? entries == 0 : partitions == 3);
		if (row.pair && row.order == 2)
			CU_ASSERT(slice_is(
			    row.payload, CA1 "\nCN=1\n0a\n1001\n2001"));
		if (!row.pair && entries == 2) {
			CU_ASSERT(slice_is(row.payload, BIG "\n66\n0"));
			CU_ASSERT_EQUAL(row.order, 1);
		}
		*(row.pair ? &partitions : &entries) += 1;
	}
	CU_ASSERT_EQUAL(partitions, 3);
	CU_ASSERT_EQUAL(entries, 6);
	snapshot_walk_close(w);
	snapshot_close(s);
	remove_it(&e);
}

static void
institutions(void)
{
	struct snapshot_set_entry want = entry_of(1), e;
	struct snapshot_make *m =
	    snapshot_create(folder(), SNAPSHOT_INSTITUTIONS, &want, &sink);
	struct snapshot_institution i;
	struct record r;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	record_init(&r, &institution_format);
	record_set(&r, I_CODE, SLICE("1312345670"));
	record_set(&r, I_PREFECTURE, SLICE("13"));
	record_set(&r, I_SIZE_CLASS, SLICE("2"));
	record_set(&r, I_NAME, SLICE("見本病院"));
	record_set(&r, I_FROM, SLICE("20000401"));
	record_set(&r, I_PILOT, SLICE("1"));
	record_set(&r, I_ENCODING, SLICE("cp932"));
	CU_ASSERT_EQUAL(snapshot_add_institution(m, &r), 0);
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e), 0);
	struct snapshot *s = open_it(SNAPSHOT_INSTITUTIONS, &e);
	CU_ASSERT_EQUAL(snapshot_institution(s, SLICE("1312345670"), &i), 1);
	CU_ASSERT_STRING_EQUAL(i.name, "見本病院");
	CU_ASSERT_STRING_EQUAL(i.prefecture, "13");
	CU_ASSERT_EQUAL(i.from, day_of(2000, 4, 1));
	CU_ASSERT_EQUAL(i.until, DAY_NONE);
	CU_ASSERT(i.pilot);
	CU_ASSERT_EQUAL(i.encoding, CHARSET_CP932);
	CU_ASSERT_EQUAL(snapshot_institution(s, SLICE("1312345671"), &i), 0);
	snapshot_close(s);
	remove_it(&e);
}

static void
empty_ones(void)
{
	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		struct snapshot_set_entry want = entry_of(1), e;
		struct snapshot_walk_row row;
		struct snapshot_make *m = snapshot_create(
		    folder(), (enum snapshot_kind)k, &want, &sink);
		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e), 0);
		CU_ASSERT_EQUAL(e.rows, 0);
		struct snapshot *s = open_it((enum snapshot_kind)k, &e);
		struct snapshot_walk *w = snapshot_walk_open(s);
		CU_ASSERT_EQUAL(snapshot_walk_next(w, &row), 0);
		snapshot_walk_close(w);
		snapshot_close(s);
		remove_it(&e);
	}
}

/* The columns of a table of the file, from the `skip`th on. */
static void
columns_are(sqlite3 *db, const char *table, int skip, const struct format *f)
{
	unsigned char columns[RECORD_FIELDS_MAX];
	unsigned n = snapshot_columns(f, columns), i = 0;
	char sql[100];
	sqlite3_stmt *st;

	snprintf(sql, sizeof(sql), "PRAGMA table_info(%s)", table);
	CU_ASSERT_EQUAL_FATAL(
	    sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 1);
		if (skip-- > 0)
			continue;
		CU_ASSERT_FATAL(i < n);
		CU_ASSERT_STRING_EQUAL(name, f->fields[columns[i]].name);
		i++;
	}
	CU_ASSERT_EQUAL(i, n);
	sqlite3_finalize(st);
}

static void
schema(void)
{
	static const struct {
		enum snapshot_kind kind;
		const char *table;
		int skip;
		const struct format *format;
	} v[] = {
		{ SNAPSHOT_QUALIFICATION, "period", 1, &qualification_format },
		{ SNAPSHOT_QUALIFICATION, "insurer", 1, &insurer_format },
		{ SNAPSHOT_CARDS, "card", 2, &link_format },
		{ SNAPSHOT_INSTITUTIONS, "institution", 0, &institution_format }
	};

	for (int i = 0; i < 4; i++) {
		struct snapshot_set_entry want = entry_of(1), e;
		struct snapshot_make *m =
		    snapshot_create(folder(), v[i].kind, &want, &sink);
		char path[200];
		sqlite3 *db;
		CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e), 0);
		path_of(&e, path);
		sqlite3_open(path, &db);
		columns_are(db, v[i].table, v[i].skip, v[i].format);
		sqlite3_close(db);
		remove_it(&e);
	}
}

static void
not_this_one(void)
{
	struct snapshot_set_entry e, other;
	char path[200];

	make(50, &e);
	path_of(&e, path);
	sink.counts[DIAG_SNAPSHOT_DIGEST] = 0;
	sink.counts[DIAG_SNAPSHOT_IDENTITY] = 0;
	other = e;
	other.sha256[0] ^= 1;
	CU_ASSERT_PTR_NULL(snapshot_open(
	    folder(), SNAPSHOT_QUALIFICATION, &other, true, &sink));
	CU_ASSERT_EQUAL(sink.counts[DIAG_SNAPSHOT_DIGEST], 1);
	other = e;
	other.generation++;
	CU_ASSERT_PTR_NULL(snapshot_open(
	    folder(), SNAPSHOT_QUALIFICATION, &other, true, &sink));
	other = e;
	other.digest[0] ^= 1;
	CU_ASSERT_PTR_NULL(snapshot_open(
	    folder(), SNAPSHOT_QUALIFICATION, &other, true, &sink));
	CU_ASSERT_PTR_NULL(
	    snapshot_open(folder(), SNAPSHOT_CARDS, &e, true, &sink));
	CU_ASSERT_EQUAL(sink.counts[DIAG_SNAPSHOT_IDENTITY], 3);
	CU_ASSERT_EQUAL(truncate(path, 20000), 0);
	CU_ASSERT_PTR_NULL(
	    snapshot_open(folder(), SNAPSHOT_QUALIFICATION, &e, false, &sink));
	CU_ASSERT_EQUAL(truncate(path, 0), 0);
	CU_ASSERT_PTR_NULL(
	    snapshot_open(folder(), SNAPSHOT_QUALIFICATION, &e, false, &sink));
	unlink(path);
	CU_ASSERT_PTR_NULL(
	    snapshot_open(folder(), SNAPSHOT_QUALIFICATION, &e, false, &sink));
	CU_ASSERT_EQUAL(sink.counts[DIAG_SNAPSHOT_IDENTITY], 6);
}

/* Bytes changed anywhere, digest not asked: an answer or a diagnostic. */
static void
damaged(void)
{
	struct snapshot_set_entry e;
	char path[200], *good = malloc(1 << 21), *bad = malloc(1 << 21);
	uint32_t dice = 1;

	make(300, &e);
	path_of(&e, path);
	FILE *f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t n = fread(good, 1, 1 << 21, f);
	fclose(f);
	for (int i = 0; i < 300; i++) {
		memcpy(bad, good, n);
		for (int k = 0; k < 20; k++) {
			dice = dice * 1664525u + 1013904223u;
			bad[(dice >> 4) % n] = (char)(dice >> 20);
		}
		f = fopen(path, "w");
		fwrite(bad, 1, n, f);
		fclose(f);
		struct snapshot *s = snapshot_open(
		    folder(), SNAPSHOT_QUALIFICATION, &e, false, &sink);
		if (s == NULL)
			continue;
		struct snapshot_walk *w = snapshot_walk_open(s);
		struct snapshot_walk_row row;
		while (w != NULL && snapshot_walk_next(w, &row) == 1)
			continue;
		snapshot_walk_close(w);
		snapshot_close(s);
	}
	CU_PASS("alive");
	unlink(path);
	free(good);
	free(bad);
}

static int64_t
bytes_of(const struct snapshot_set_entry *e, char **out)
{
	char path[200];

	path_of(e, path);
	FILE *f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fseek(f, 0, SEEK_END);
	long n = ftell(f);
	*out = malloc((size_t)n + 1);
	rewind(f);
	CU_ASSERT_EQUAL(fread(*out, 1, (size_t)n, f), (size_t)n);
	fclose(f);
	return n;
}

/* Person n of the changed night: 1 in 3 is touched; of these 1 in 3 goes,
 * 1 in 3 has another number, pseudonym and card, the others stay as they
 * are. 500 new ones come. */
static int
changed(int n, int persons)
{
	return n >= persons ? 2 : n % 3 == 1 ? n / 3 % 3 : 3;
}

static void
add_changed(struct snapshot_make *m, int n, int state)
{
	char text[3][24], payload[80];
	struct typed_key k;
	struct record r;

	typed(&k, n);
	struct slice p = pair(n, state == 2 ? n / 2 : n, payload);
	if (state == 2 && n % 5 == 0)
		p = pair(n - n % 10, n, payload);
	CU_ASSERT_EQUAL(snapshot_add_person(m, &k, p), 0);
	for (int i = 0; i < 1 + n % 2; i++) {
		period(&r, state == 2 ? n + 7 : n, i, text);
		CU_ASSERT_EQUAL(snapshot_add_period(m, &k, &r), 0);
	}
}

/* From the rows of base, as a rebuild does. */
static void
carry_over(struct snapshot_make *m, struct snapshot *base, int persons)
{
	struct snapshot_walk *w = snapshot_walk_open(base);
	struct snapshot_walk_row row;
	struct typed_key k;
	int n = -1, state = 3;

	CU_ASSERT_PTR_NOT_NULL_FATAL(w);
	snapshot_carry(m, base);
	while (snapshot_walk_step(w, &row) == 1) {
		if (row.pair) { /* everybody has a pairing, in front */
			if (state == 1 || state == 2)
				add_changed(m, n, state);
			state = changed(++n, persons);
		}
		memcpy(k.b, row.key, sizeof(k.b));
		if (state == 3) {
			CU_ASSERT_EQUAL(snapshot_keep(m, &row), 0);
			continue;
		}
		CU_ASSERT_EQUAL_FATAL(snapshot_walk_fill(w, &row), 0);
		CU_ASSERT_EQUAL(row.pair ?
			snapshot_drop_person(m, &k, row.payload) :
			snapshot_drop_period(m, &k, row.rec),
		    0);
	}
	if (state == 1 || state == 2)
		add_changed(m, n, state);
	CU_ASSERT_EQUAL(n + 1, persons);
	snapshot_walk_close(w);
}

/* A night on top of a generation and the same people at once: one file. */
static void
same_bytes_carried(void)
{
	struct snapshot_set_entry first = entry_of(6), e[2];
	const int persons = 3000;
	char *bytes[2];
	int64_t n[2];
	struct snapshot_make *m =
	    snapshot_create(folder(), SNAPSHOT_QUALIFICATION, &first, &sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	for (int i = 0; i < persons; i++)
		add_changed(m, i, 3);
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &first), 0);
	for (int way = 0; way < 2; way++) {
		struct snapshot_set_entry want = entry_of(7);
		struct snapshot *base = open_it(SNAPSHOT_QUALIFICATION, &first);
		m = snapshot_create(
		    folder(), SNAPSHOT_QUALIFICATION, &want, &sink);
		if (way == 0)
			carry_over(m, base, persons);
		for (int i = 0; way == 1 && i < persons; i++)
			if (changed(i, persons) != 0)
				add_changed(m, i, changed(i, persons));
		for (int i = persons; i < persons + 500; i++)
			add_changed(m, i, 2);
		CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e[way]), 0);
		n[way] = bytes_of(&e[way], &bytes[way]);
		remove_it(&e[way]);
		snapshot_close(base);
	}
	CU_ASSERT_EQUAL(n[0], n[1]);
	CU_ASSERT(n[0] == n[1] && memcmp(bytes[0], bytes[1], n[0]) == 0);
	CU_ASSERT_STRING_EQUAL(e[0].digest, e[1].digest);
	CU_ASSERT_STRING_NOT_EQUAL(e[0].digest, first.digest);
	free(bytes[0]);
	free(bytes[1]);
	remove_it(&first);
}

/* A row said to go that is not there: base and caller do not agree. */
static void
dropped_and_never_there(void)
{
	struct snapshot_set_entry first, want = entry_of(13);
	char payload[80];
	struct typed_key k;

	make(20, &first);
	struct snapshot *base = open_it(SNAPSHOT_QUALIFICATION, &first);
	struct snapshot_make *m =
	    snapshot_create(folder(), SNAPSHOT_QUALIFICATION, &want, &sink);
	snapshot_carry(m, base);
	typed(&k, 77);
	CU_ASSERT_EQUAL(snapshot_drop_person(m, &k, pair(77, 77, payload)), 0);
	CU_ASSERT_EQUAL(snapshot_finish(m, &want), -1);
	snapshot_close(base);
	remove_it(&first);
}

static CU_TestInfo tests[] = {
	{ "a night carried over has the bytes of a first load",
	    same_bytes_carried },
	{ "what goes and was not there is refused", dropped_and_never_there },
	{ "periods are found by typed key, oldest first", by_key },
	{ "all keys of what is printed on a card", by_card_face },
	{ "from processing number to person to keys", by_person },
	{ "the walk has every row in key order", walk_all },
	{ "the same rows give the same bytes", same_bytes },
	{ "cards by CA and serial of any size", cards },
	{ "processing numbers in ascending order", paired },
	{ "revocations and partitions, in any order", revocation },
	{ "institutions", institutions },
	{ "every kind may be empty", empty_ones },
	{ "the columns are those of the tables", schema },
	{ "another file than the manifest's is not opened", not_this_one },
	{ "damage is no crash", damaged },
	CU_TEST_INFO_NULL,
};
SUITE(snapshot, tests);
