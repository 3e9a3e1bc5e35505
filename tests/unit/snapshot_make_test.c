/*
 * snapshot_make.h told nonsense, and snapshot.h reading files whose bytes
 * were changed after they were made: refused with a word, never a crash.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/codec/pages_read.h"
#include "formats/snapshot_make.h"
#include "tests/unit/suite.h"

#define CA1 "0123456789abcdef0123456789abcdef01234567"
#define CA2 "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define P16 "00000000000000000000000000000001"

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
		snprintf(
		    own, sizeof(own), "/tmp/shikaku-made-%ld", (long)getpid());
		mkdir(own, 0700);
		atexit(folder_remove);
	}
	return own;
}

static struct diag_sink sink;

static void
put(struct diag_sink *s, const struct diag *d)
{
	(void)s;
	(void)d;
}

static void
fresh(void)
{
	memset(&sink, 0, sizeof(sink));
	sink.put = put;
}

static struct snapshot_make *
begin(enum snapshot_kind kind)
{
	struct snapshot_set_entry want = {
		.generation = 90000 + getpid() % 9999, .day = day_of(2026, 8, 1)
	};
	struct snapshot_make *m;

	fresh();
	m = snapshot_create(folder(), kind, &want, &sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	return m;
}

static void
person_key(struct typed_key *k, int n)
{
	char id[16];

	snprintf(id, sizeof(id), "A%06d", n);
	typed_key_make(k, 'E', SLICE("06139992"), slice_of(id));
}

/* After the first refusal nothing is taken, and no file comes of it; one
 * word, not one for each row. */
static void
no_file_comes(struct snapshot_make *m)
{
	struct snapshot_set_entry e;
	struct snapshot_walk_row row = { .pair = false };
	struct typed_key k;
	struct record r;

	person_key(&k, 9);
	record_init(&r, &qualification_format);
	CU_ASSERT_EQUAL(snapshot_add_person(m, &k, SLICE("P1\n" P16)), -1);
	CU_ASSERT_EQUAL(snapshot_drop_person(m, &k, SLICE("P1\n" P16)), -1);
	CU_ASSERT_EQUAL(snapshot_add_period(m, &k, &r), -1);
	CU_ASSERT_EQUAL(snapshot_drop_period(m, &k, &r), -1);
	CU_ASSERT_EQUAL(snapshot_keep(m, &row), -1);
	CU_ASSERT_EQUAL(snapshot_add_insurer(m, &r), -1);
	CU_ASSERT_EQUAL(snapshot_add_card(m, &r), -1);
	CU_ASSERT_EQUAL(snapshot_add_institution(m, &r), -1);
	CU_ASSERT_EQUAL(snapshot_add_partition(m, CA1, "x", 1, 2, "1"), -1);
	CU_ASSERT_EQUAL(snapshot_add_revoked(m, "1", 1, 1), -1);
	CU_ASSERT_EQUAL(snapshot_finish(m, &e), -1);
	CU_ASSERT_EQUAL(sink.counts[DIAG_SNAPSHOT_WRITE], 1);
}

static void
wrong_pairings(void)
{
	static const char *const wrong[] = { "P1", "\n" P16, "P1 " P16,
		"P1\n0000000000000000000000000000000g",
		"P1\n0000000000000000000000000000000 ",
		"P1\n000000000000000000000000000000g0",
		"PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPP"
		"\n" P16 };
	struct typed_key k;

	person_key(&k, 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct snapshot_make *m = begin(SNAPSHOT_QUALIFICATION);
		CU_ASSERT_EQUAL(
		    snapshot_add_person(m, &k, slice_of(wrong[i])), -1);
		no_file_comes(m);
	}
	struct snapshot_make *m = begin(SNAPSHOT_QUALIFICATION);
	CU_ASSERT_EQUAL(
	    snapshot_add_person(m, &k, (struct slice) { "P\0\n" P16, 35 }), -1);
	no_file_comes(m);
	/* upper case is the same pseudonym; no pairing is none */
	m = begin(SNAPSHOT_QUALIFICATION);
	CU_ASSERT_EQUAL(snapshot_add_person(m, &k,
			    SLICE("P1\nABCDEF00000000000000000000000001")),
	    0);
	CU_ASSERT_EQUAL(
	    snapshot_add_person(m, &k, (struct slice) { NULL, 0 }), 0);
	CU_ASSERT_EQUAL(snapshot_drop_person(m, &k, SLICE("P1\n" P16)), 0);
	snapshot_abandon(m);
}

static void
wrong_rows(void)
{
	char long_name[300] = "";
	struct snapshot_make *m = begin(SNAPSHOT_QUALIFICATION);
	struct record r;

	memset(long_name, 'x', sizeof(long_name) - 1);
	record_init(&r, &insurer_format);
	record_set(&r, N_NUMBER, SLICE("12345"));
	CU_ASSERT_EQUAL(snapshot_add_insurer(m, &r), -1);
	no_file_comes(m);
	for (int i = 0; i < 3; i++) {
		m = begin(SNAPSHOT_CARDS);
		record_init(&r, &link_format);
		record_set(&r, L_CA, i == 2 ? SLICE("12") : SLICE(CA1));
		record_set(&r, L_SERIAL,
		    i == 0     ? SLICE("") :
			i == 1 ? SLICE(CA1 "0123") :
				 SLICE("1"));
		CU_ASSERT_EQUAL(snapshot_add_card(m, &r), -1);
		no_file_comes(m);
	}
	for (int i = 0; i < 3; i++) {
		m = begin(SNAPSHOT_REVOCATION);
		CU_ASSERT_EQUAL(snapshot_add_partition(m, i == 0 ? "12" : CA1,
				    i == 1 ? long_name : "CN=1", 1, 2,
				    i == 2 ? CA1 "0" : "1"),
		    -1);
		no_file_comes(m);
	}
	for (int i = 0; i < 2; i++) {
		m = begin(SNAPSHOT_REVOCATION);
		CU_ASSERT_EQUAL(
		    snapshot_add_partition(m, CA1, "CN=1", 1, 2, "1"), 0);
		CU_ASSERT_EQUAL(
		    snapshot_add_revoked(m, i == 0 ? "" : CA1 "0", 1, 1), -1);
		no_file_comes(m);
	}
}

static void
no_folder(void)
{
	struct snapshot_set_entry want = { .generation = 1 };

	fresh();
	CU_ASSERT_PTR_NULL(
	    snapshot_create("/nonexistent", SNAPSHOT_CARDS, &want, &sink));
	CU_ASSERT_EQUAL(sink.counts[DIAG_SNAPSHOT_WRITE], 1);
	fresh();
	/* a folder stands where the file would */
	char path[100];
	snprintf(path, sizeof(path), "%s/cards-099999.sqlite", folder());
	mkdir(path, 0700);
	want.generation = 99999;
	CU_ASSERT_PTR_NULL(
	    snapshot_create(folder(), SNAPSHOT_CARDS, &want, &sink));
	CU_ASSERT_EQUAL(sink.counts[DIAG_SNAPSHOT_WRITE], 1);
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

/* ---- one of each, with a little of everything ---- */

static void
add_persons(struct snapshot_make *m)
{
	struct typed_key k;
	struct record r;
	char payload[80];

	for (int n = 0; n < 3; n++) {
		person_key(&k, n);
		snprintf(payload, sizeof(payload), "P%d\n%032x", n, n);
		snapshot_add_person(m, &k, slice_of(payload));
		record_init(&r, &qualification_format);
		record_set(&r, Q_INSURER_NUMBER,
		    n == 2 ? SLICE("") : SLICE("06139992"));
		record_set(&r, Q_INSURED_NUMBER, SLICE("1"));
		record_set(&r, Q_NAME, SLICE("見本　花子"));
		record_set(&r, Q_BIRTHDATE, SLICE("19800203"));
		r.v[Q_BIRTHDATE].n = day_of(1980, 2, 3);
		record_set(&r, Q_QUALIFIED_ON, SLICE("20200401"));
		snapshot_add_period(m, &k, &r);
	}
	record_init(&r, &insurer_format);
	record_set(&r, N_NUMBER, SLICE("06139992"));
	record_set(&r, N_NAME, SLICE("見本健康保険組合"));
	snapshot_add_insurer(m, &r);
}

static void
add_card_rows(struct snapshot_make *m)
{
	static const char *const serials[] = { "1",
		"ffeeddccbbaa99887766554433221100ffeeddcc" };
	struct record r;

	for (int i = 0; i < 4; i++) {
		record_init(&r, &link_format);
		record_set(&r, L_CA, i < 2 ? SLICE(CA1) : SLICE(CA2));
		record_set(&r, L_SERIAL, slice_of(serials[i % 2]));
		record_set(&r, L_PROCESSING_NUMBER, SLICE("N1"));
		record_set(&r, L_STATE, SLICE("1"));
		snapshot_add_card(m, &r);
	}
}

static void
add_lists(struct snapshot_make *m)
{
	/* 2 is in three partitions of one CA, in one of them twice */
	for (int p = 2; p >= 0; p--) {
		char name[16];

		snprintf(name, sizeof(name), "CN=%d", p);
		snapshot_add_partition(m, CA1, name, 1000, 2000, "0a");
		snapshot_add_revoked(m, "2", 50 + p, 3);
		snapshot_add_revoked(m, "2", 40 + p, p == 1 ? 1 : 5);
		snapshot_add_revoked(m, "2", 40 + p, 4);
	}
	snapshot_add_partition(m, CA2, "CN=none", 1000, 2000, "0b");
	snapshot_add_revoked(
	    m, "ffeeddccbbaa99887766554433221100ffeeddcc", 60, 0);
	snapshot_add_partition(m, "ffffffffffffffffffffffffffffffffffffffff",
	    "CN=empty", 1, 2, "0b");
}

static void
add_one(struct snapshot_make *m)
{
	struct record r;

	record_init(&r, &institution_format);
	record_set(&r, I_CODE, SLICE("1312345670"));
	record_set(&r, I_NAME, SLICE("見本病院"));
	record_set(&r, I_FROM, SLICE("20000401"));
	snapshot_add_institution(m, &r);
}

static struct snapshot_set_entry
make(enum snapshot_kind kind)
{
	struct snapshot_make *m = begin(kind);
	struct snapshot_set_entry e = { .generation = 0 };

	if (kind == SNAPSHOT_QUALIFICATION)
		add_persons(m);
	else if (kind == SNAPSHOT_CARDS)
		add_card_rows(m);
	else if (kind == SNAPSHOT_REVOCATION)
		add_lists(m);
	else
		add_one(m);
	snapshot_add_input(m, "a.seg", "00", 1);
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e), 0);
	return e;
}

static void
earliest_of_many(void)
{
	struct snapshot_set_entry e = make(SNAPSHOT_REVOCATION);
	struct snapshot *s =
	    snapshot_open(folder(), SNAPSHOT_REVOCATION, &e, true, &sink);
	struct snapshot_partition p;
	char path[200];
	int64_t at;
	int reason;

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	/* the earliest; of one moment the lower reason: CN=0 at 40, 4 of 5 */
	CU_ASSERT_EQUAL(snapshot_revoked(s, CA1, "2", &at, &reason), 1);
	CU_ASSERT_EQUAL(at, 40);
	CU_ASSERT_EQUAL(reason, 4);
	CU_ASSERT_EQUAL(e.rows, 4); /* one per partition, and the other CA's */
	CU_ASSERT_EQUAL(
	    snapshot_partition(
		s, "ffffffffffffffffffffffffffffffffffffffff", "CN=empty", &p),
	    1);
	CU_ASSERT_EQUAL(snapshot_partition(s, "ff", "CN=empty", &p), 0);
	snapshot_close(s);
	snprintf(path, sizeof(path), "%s/%s", folder(), e.file);
	unlink(path);
}

/* ---- every question ---- */

static int
on_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	(void)arg;
	(void)key;
	(void)rec;
	return 0;
}

static int
on_key(void *arg, const struct typed_key *key)
{
	(void)arg;
	(void)key;
	return 0;
}

static int
on_input(void *arg, const char *name, const char *digest)
{
	(void)arg;
	return name == NULL || digest == NULL;
}

static void
ask_persons(struct snapshot *s)
{
	unsigned char p[16] = { 0 };
	struct typed_key k;

	for (int n = 0; n < 3; n++) {
		person_key(&k, n);
		snapshot_periods(s, &k, on_period, NULL);
		snapshot_pseudonym(s, &k, p);
		snapshot_person_keys(s, p, on_key, NULL);
	}
	snapshot_printed(s,
	    printed_hash(
		SLICE("06139992"), SLICE(""), SLICE("1"), day_of(1980, 2, 3)),
	    on_key, NULL);
	snapshot_pairing(s, SLICE("P1"), p);
	snapshot_insurer_name(s, SLICE("06139992"));
}

static void
walk_it(struct snapshot *s)
{
	struct snapshot_walk *w = snapshot_walk_open(s);
	struct snapshot_walk_row row;
	int n = 0;

	while (w != NULL && n++ < 100 && snapshot_walk_next(w, &row) == 1)
		;
	snapshot_walk_close(w);
}

static void
rows_of(struct snapshot *s, const char *table)
{
	struct snapshot_rows *r = snapshot_rows_open(s, table);
	const struct cursor *at;
	int n = 0;

	while (r != NULL && n++ < 100 && snapshot_rows_next(r, &at) == 1)
		;
	snapshot_rows_close(r);
}

static void
ask_all(struct snapshot *s, enum snapshot_kind kind)
{
	struct snapshot_institution i;
	struct snapshot_partition p;
	struct snapshot_card c;
	int64_t at;
	int reason;

	if (kind == SNAPSHOT_QUALIFICATION) {
		ask_persons(s);
		rows_of(s, "printed");
		rows_of(s, "pseudonym");
		rows_of(s, "pairing");
	} else if (kind == SNAPSHOT_CARDS) {
		snapshot_card(s, CA1, "1", &c);
		snapshot_card(
		    s, CA2, "ffeeddccbbaa99887766554433221100ffeeddcc", &c);
	} else if (kind == SNAPSHOT_REVOCATION) {
		snapshot_partition(s, CA1, "CN=1", &p);
		snapshot_revoked(s, CA1, "2", &at, &reason);
		snapshot_revoked(s, CA2,
		    "ffeeddccbbaa99887766554433221100ffeeddcc", &at, &reason);
	} else {
		snapshot_institution(s, SLICE("1312345670"), &i);
	}
	snapshot_inputs(s, on_input, NULL);
	walk_it(s);
}

static void
change(int fd, off_t at, unsigned char byte)
{
	CU_ASSERT_FATAL(pwrite(fd, &byte, 1, at) == 1);
}

/* A stride that is prime to all sizes here; every kind gets its own bytes. */
static void
changed_bytes(void)
{
	static unsigned char file[1 << 20];
	static const unsigned char how[] = { 0x01, 0x80, 0xff };
	int opened = 0, refused = 0;

	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		enum snapshot_kind kind = (enum snapshot_kind)k;
		struct snapshot_set_entry e = make(kind);
		char path[200];
		size_t turn = 0;

		snprintf(path, sizeof(path), "%s/%s", folder(), e.file);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		ssize_t n = read(fd, file, sizeof(file));
		CU_ASSERT_FATAL(n > 0);
		for (ssize_t i = 0; i < n; i++) {
			/* unused space, and what SQLite keeps to itself */
			if (file[i] == 0 && (i < 1 || file[i - 1] == 0))
				continue;
			if (++turn % 3 != 0)
				continue;
			change(fd, i,
			    (unsigned char)(file[i] ^ how[turn / 3 % 3]));
			fresh();
			struct snapshot *s =
			    snapshot_open(folder(), kind, &e, false, &sink);
			if (s != NULL) {
				opened++;
				ask_all(s, kind);
			} else {
				refused++;
				CU_ASSERT(sink.levels[DIAG_FATAL] > 0);
			}
			snapshot_close(s);
			change(fd, i, file[i]);
		}
		/* and never where the whole file is looked at */
		change(fd, n - 1, (unsigned char)(file[n - 1] ^ 1));
		CU_ASSERT_PTR_NULL(
		    snapshot_open(folder(), kind, &e, true, &sink));
		close(fd);
		unlink(path);
	}
	CU_ASSERT(opened > 100 && refused > 100);
}

static CU_TestInfo tests[] = {
	{ "a pairing that is none makes no snapshot", wrong_pairings },
	{ "nor does a row that fits no table", wrong_rows },
	{ "a snapshot that has nowhere to lie says so", no_folder },
	{ "of many revocations the earliest holds", earliest_of_many },
	{ "no changed byte crashes who asks", changed_bytes },
	CU_TEST_INFO_NULL,
};
SUITE(snapshot_make, tests);
