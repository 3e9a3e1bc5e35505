/*
 * What writes or reads, with every call to the disk, to SQLite and to OpenSSL
 * failing in turn: it says so and leaves nothing half made, or its result is
 * right all the same.
 */
#include "tests/unit/faults.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "formats/codec/seal.h"
#include "formats/codec/sort.h"
#include "formats/segment_make.h"
#include "formats/snapshot_make.h"
#include "tests/pki/pki.h"

#define CA1 "0123456789abcdef0123456789abcdef01234567"
#define CA2 "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define PERSONS 6

/* A folder of this process; empty between the tests. */
static const char *
folder(void)
{
	static char path[64];

	if (path[0] == '\0')
		snprintf(path, sizeof(path), "/tmp/shikaku-faults-%ld",
		    (long)getpid());
	mkdir(path, 0700);
	return path;
}

static const char *
in_folder(const char *name)
{
	static char path[4][200];
	static int next;
	char *out = path[next++ % 4];

	snprintf(out, 200, "%s/%s", folder(), name);
	return out;
}

static bool
is_empty(void)
{
	DIR *d = opendir(folder());
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	closedir(d);
	return n == 2; /* . and .. */
}

static void
put(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

/* ---- snapshots ---- */

static struct snapshot_set_entry made;
static char good_digest[SNAPSHOT__MAX][65];

static struct snapshot_set_entry
entry_of(int64_t generation)
{
	struct snapshot_set_entry e = { .generation = generation,
		.day = day_of(2026, 8, 1) };

	e.cut_off = day_moment(e.day, 21 * INT64_C(3600000));
	return e;
}

static void
typed(struct typed_key *k, int person)
{
	char id[16];

	snprintf(id, sizeof(id), "A%06d", person);
	typed_key_make(k, 'E', SLICE("06139992"), slice_of(id));
}

static struct slice
pair_of(int person, char out[80])
{
	int n = snprintf(out, 80, "P%05d\n%032x", person, person);

	return (struct slice) { out, (size_t)n };
}

static void
period_of(struct record *r)
{
	record_init(r, &qualification_format);
	record_set(r, Q_INSURER_CODE, SLICE("06139992"));
	record_set(r, Q_INSURER_NUMBER, SLICE("06139992"));
	record_set(r, Q_INSURED_NUMBER, SLICE("1"));
	record_set(r, Q_NAME, SLICE("見本　花子"));
	record_set(r, Q_BIRTHDATE, SLICE("19800203"));
	r->v[Q_BIRTHDATE].n = day_of(1980, 2, 3);
	record_set(r, Q_QUALIFIED_ON, SLICE("20200401"));
}

static int
add_person(struct snapshot_make *m, int n)
{
	struct typed_key k;
	struct record r;
	char payload[80];

	typed(&k, n);
	period_of(&r);
	if (snapshot_add_person(m, &k, pair_of(n, payload)) == -1)
		return -1;
	return snapshot_add_period(m, &k, &r);
}

static int
add_qualification(struct snapshot_make *m)
{
	struct record r;
	int bad = 0;

	for (int n = 0; n < PERSONS; n++)
		bad |= add_person(m, n);
	record_init(&r, &insurer_format);
	record_set(&r, N_NUMBER, SLICE("06139992"));
	record_set(&r, N_NAME, SLICE("見本健康保険組合"));
	bad |= snapshot_add_insurer(m, &r);
	return bad;
}

static int
add_card(struct snapshot_make *m, const char *ca, const char *serial)
{
	struct record r;

	record_init(&r, &link_format);
	record_set(&r, L_CA, slice_of(ca));
	record_set(&r, L_SERIAL, slice_of(serial));
	record_set(&r, L_PROCESSING_NUMBER, SLICE("N1"));
	record_set(&r, L_STATE, SLICE("1"));
	return snapshot_add_card(m, &r);
}

static int
add_cards(struct snapshot_make *m)
{
	return add_card(m, CA1, "1") | add_card(m, CA1, "2a") |
	    add_card(m, CA2, "ff00000000000000ff");
}

static int
add_revocation(struct snapshot_make *m)
{
	int bad = snapshot_add_partition(m, CA1, "CN=1", 1000, 2000, "0a");

	bad |= snapshot_add_revoked(m, "ff", 77, 4);
	bad |= snapshot_add_revoked(m, "2", 44, 1);
	bad |= snapshot_add_partition(m, CA2, "CN=2", 1000, 2000, "0a");
	return bad | snapshot_add_revoked(m, "2", 44, 1);
}

static int
add_institutions(struct snapshot_make *m)
{
	struct record r;

	record_init(&r, &institution_format);
	record_set(&r, I_CODE, SLICE("1312345670"));
	record_set(&r, I_PREFECTURE, SLICE("13"));
	record_set(&r, I_NAME, SLICE("見本病院"));
	record_set(&r, I_FROM, SLICE("20000401"));
	return snapshot_add_institution(m, &r);
}

static int (*const add_rows[SNAPSHOT__MAX])(struct snapshot_make *) = {
	[SNAPSHOT_QUALIFICATION] = add_qualification,
	[SNAPSHOT_CARDS] = add_cards,
	[SNAPSHOT_REVOCATION] = add_revocation,
	[SNAPSHOT_INSTITUTIONS] = add_institutions,
};

static int
make(enum snapshot_kind kind, struct diag_sink *sink)
{
	struct snapshot_set_entry want = entry_of(7);
	struct snapshot_make *m = snapshot_create(folder(), kind, &want, sink);

	if (m == NULL)
		return -1;
	int bad = add_rows[kind](m);
	snapshot_add_input(m, "a.seg", "00", 1);
	/* a row refused means a snapshot refused */
	int r = snapshot_finish(m, &made);
	CU_ASSERT(bad == 0 || r == -1);
	return r;
}

static bool
made_right(enum snapshot_kind kind)
{
	bool right = strcmp(made.digest, good_digest[kind]) == 0;
	struct diag_sink sink = { .put = put };
	struct snapshot *s = snapshot_open(folder(), kind, &made, true, &sink);

	right = right && s != NULL;
	snapshot_close(s);
	unlink(in_folder(made.file));
	return right && is_empty();
}

/* clang-format off */
#define KIND(name, kind)                                                       \
	static int make_##name(struct diag_sink *s) { return make(kind, s); }  \
	static bool right_##name(void) { return made_right(kind); }
KIND(qualification, SNAPSHOT_QUALIFICATION)
KIND(cards, SNAPSHOT_CARDS)
KIND(revocation, SNAPSHOT_REVOCATION)
KIND(institutions, SNAPSHOT_INSTITUTIONS)
#undef KIND
/* clang-format on */

static void
snapshots_made(void)
{
	static const struct faults_work works[SNAPSHOT__MAX] = {
		[SNAPSHOT_QUALIFICATION] = { .name = "qualification",
		    .work = make_qualification,
		    .right = right_qualification,
		    .tidy = is_empty,
		    .says = true },
		[SNAPSHOT_CARDS] = { .name = "cards",
		    .work = make_cards,
		    .right = right_cards,
		    .tidy = is_empty,
		    .says = true },
		[SNAPSHOT_REVOCATION] = { .name = "revocation",
		    .work = make_revocation,
		    .right = right_revocation,
		    .tidy = is_empty,
		    .says = true },
		[SNAPSHOT_INSTITUTIONS] = { .name = "institutions",
		    .work = make_institutions,
		    .right = right_institutions,
		    .tidy = is_empty,
		    .says = true },
	};
	struct diag_sink sink = { .put = put };

	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		CU_ASSERT_EQUAL_FATAL(make((enum snapshot_kind)k, &sink), 0);
		memcpy(good_digest[k], made.digest, 65);
		CU_ASSERT(made_right((enum snapshot_kind)k));
		CU_ASSERT(faults_sweep(&works[k], NULL, ENOSPC) > 30);
		/* a signal in between is no fault at all */
		CU_ASSERT(faults_sweep(&works[k], "pwrite", EINTR) > 0);
	}
}

/* A generation that carries the one before: a person goes, one comes. */
static struct snapshot_set_entry base_entry;

static int
carry_rows(struct snapshot_make *m, struct snapshot *base)
{
	struct snapshot_walk *w = snapshot_walk_open(base);
	struct snapshot_walk_row row;
	struct typed_key gone;
	struct record r;
	char payload[80];
	int got, bad = w == NULL ? -1 : 0;

	typed(&gone, 2);
	period_of(&r);
	while (bad == 0 && (got = snapshot_walk_next(w, &row)) != 0) {
		if (got == -1)
			bad = -1;
		else if (memcmp(row.key, gone.b, TYPED_KEY_SIZE) != 0)
			bad = snapshot_keep(m, &row);
		else if (row.pair)
			bad =
			    snapshot_drop_person(m, &gone, pair_of(2, payload));
		else
			bad = snapshot_drop_period(m, &gone, &r);
	}
	snapshot_walk_close(w);
	return bad == 0 ? add_person(m, PERSONS) : -1;
}

static int
make_carried(struct diag_sink *sink)
{
	struct snapshot_set_entry want = entry_of(8);
	struct snapshot *base = snapshot_open(
	    folder(), SNAPSHOT_QUALIFICATION, &base_entry, true, sink);
	struct snapshot_make *m = NULL;
	int r = -1;

	if (base == NULL)
		return -1;
	if ((m = snapshot_create(
		 folder(), SNAPSHOT_QUALIFICATION, &want, sink)) == NULL)
		goto out;
	snapshot_carry(m, base);
	int bad = carry_rows(m, base);
	if (bad == -1)
		snapshot_abandon(m);
	else
		r = snapshot_finish(m, &made);
out:
	snapshot_close(base);
	return r;
}

static bool
only_base(void)
{
	return access(in_folder("qualification-000008.sqlite"), F_OK) == -1;
}

static int
count_key(void *arg, const struct typed_key *key)
{
	(void)key;
	return ++*(int *)arg < 0;
}

static bool
carried_right(void)
{
	struct diag_sink sink = { .put = put };
	struct snapshot *s =
	    snapshot_open(folder(), SNAPSHOT_QUALIFICATION, &made, true, &sink);
	unsigned char p[16];
	int n = 0;
	bool right = s != NULL &&
	    snapshot_printed(s,
		printed_hash(SLICE("06139992"), SLICE(""), SLICE("1"),
		    day_of(1980, 2, 3)),
		count_key, &n) == PERSONS &&
	    n == PERSONS && snapshot_pairing(s, SLICE("P00002"), p) == 0 &&
	    snapshot_pairing(s, SLICE("P00006"), p) == 1;

	snapshot_close(s);
	unlink(in_folder(made.file));
	return right;
}

static void
snapshots_carried(void)
{
	static const struct faults_work work = { .name = "carried",
		.work = make_carried,
		.right = carried_right,
		.tidy = only_base,
		.says = true };
	struct diag_sink sink = { .put = put };

	CU_ASSERT_EQUAL_FATAL(make(SNAPSHOT_QUALIFICATION, &sink), 0);
	base_entry = made;
	base_entry.generation = 7;
	CU_ASSERT(faults_sweep(&work, NULL, EIO) > 60);
	unlink(in_folder(base_entry.file));
	CU_ASSERT(is_empty());
}

static int periods;

static int
on_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	(void)arg;
	(void)key;
	periods += slice_is(rec->v[Q_NAME].s, "見本　花子");
	return 0;
}

static int
on_input(void *arg, const char *name, const char *digest)
{
	(void)digest;
	*(int *)arg += strcmp(name, "a.seg") == 0;
	return 0;
}

static int
ask_all(struct diag_sink *sink)
{
	struct snapshot *s = snapshot_open(
	    folder(), SNAPSHOT_QUALIFICATION, &base_entry, true, sink);
	struct snapshot_walk_row row;
	struct snapshot_walk *w = NULL;
	struct typed_key k;
	unsigned char p[16];
	int got, inputs = 0, r = -1;

	if (s == NULL)
		return -1;
	typed(&k, 1);
	periods = 0;
	if (snapshot_periods(s, &k, on_period, NULL) != 1 ||
	    snapshot_pseudonym(s, &k, p) != 1 ||
	    snapshot_inputs(s, on_input, &inputs) == -1 || inputs != 1)
		goto out;
	snapshot_forget(s);
	CU_ASSERT_EQUAL(snapshot_insurer_name(s, SLICE("06139992")).n, 24);
	if ((w = snapshot_walk_open(s)) == NULL)
		goto out;
	while ((got = snapshot_walk_next(w, &row)) == 1)
		periods += !row.pair;
	if (got == -1)
		goto out;
	r = 0;
out:
	snapshot_walk_close(w);
	snapshot_close(s);
	return r;
}

static bool
asked_right(void)
{
	return periods == 1 + PERSONS;
}

static void
snapshots_asked(void)
{
	static const struct faults_work work = { .name = "asked",
		.work = ask_all,
		.right = asked_right,
		.says = true };
	struct diag_sink sink = { .put = put };

	CU_ASSERT_EQUAL_FATAL(make(SNAPSHOT_QUALIFICATION, &sink), 0);
	base_entry = made;
	CU_ASSERT(faults_sweep(&work, NULL, EIO) > 10);
	faults_sweep(&work, "pread", EINTR);
	unlink(in_folder(base_entry.file));
	CU_ASSERT(is_empty());
}

/* ---- segments ---- */

static struct segment_head segment_head_;

static int
make_segment(struct diag_sink *sink)
{
	char key[SEGMENT_KEY_SIZE] = "E06139992A";
	struct segment_make *m;
	int bad = 0;

	(void)sink;
	memset(&segment_head_, 0, sizeof(segment_head_));
	segment_head_.kind = SEGMENT_PERIOD;
	segment_head_.scheme = 'E';
	memcpy(segment_head_.id.sender, "06139992", 9);
	segment_head_.id.feed = FEED_SHIKAKU;
	segment_head_.id.day = day_of(2026, 8, 1);
	segment_head_.id.sequence = 7;
	m = segment_create(&segment_head_, folder());
	for (int i = 0; i < 3; i++) {
		key[9] = (char)('C' - i);
		bad |= segment_add(m, key, i + 1, SLICE("payload"));
	}
	int r = segment_finish(m, in_folder("a.seg"), &segment_head_);
	CU_ASSERT(bad == 0 || r == -1);
	return r;
}

static bool
segment_right(void)
{
	struct diag_sink sink = { .put = put };
	struct segment *s =
	    segment_open(in_folder("a.seg"), "a.seg", true, &sink);
	struct segment_row row;
	int n = 0;
	bool right = s != NULL;

	while (right && segment_next(s, &row) == 1)
		right = row.key[9] == 'A' + n && row.record == 3 - n++ &&
		    slice_is(row.payload, "payload");
	segment_close(s);
	unlink(in_folder("a.seg"));
	return right && n == 3;
}

static int
read_segment(struct diag_sink *sink)
{
	struct segment *s =
	    segment_open(in_folder("a.seg"), "a.seg", true, sink);
	struct segment_row row;
	int r, n = 0;

	if (s == NULL)
		return -1;
	while ((r = segment_next(s, &row)) == 1)
		n++;
	segment_close(s);
	CU_ASSERT(r == -1 || n == 3);
	return r;
}

static void
segments(void)
{
	static const struct faults_work make_it = { .name = "segment",
		.work = make_segment,
		.right = segment_right,
		.tidy = is_empty };
	static const struct faults_work read_it = {
		.name = "segment read", .work = read_segment, .says = true
	};
	struct diag_sink sink = { .put = put };

	CU_ASSERT(faults_sweep(&make_it, NULL, ENOSPC) > 8);
	CU_ASSERT(faults_sweep(&make_it, "write", EINTR) > 0);
	CU_ASSERT_EQUAL(make_segment(&sink), 0);
	CU_ASSERT(faults_sweep(&read_it, NULL, EIO) > 2);
	faults_sweep(&read_it, "read", EINTR);
	unlink(in_folder("a.seg"));
	CU_ASSERT(is_empty());
}

/* ---- seals ---- */

static int
temp(void)
{
	char path[] = "/tmp/shikaku-faults-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd != -1);
	unlink(path);
	return fd;
}

static int sealed_fd = -1, opened_fd = -1;
static const char *recipient, *to_open;

static struct seal_key *
key_of(const char *name, struct diag_sink *sink)
{
	char k[64], c[64];

	snprintf(k, sizeof(k), "%s.key", name);
	snprintf(c, sizeof(c), "%s.pem", name);
	return seal_key_open(pki(k), pki(c), sink);
}

static void
empty_files(void)
{
	CU_ASSERT_FATAL(ftruncate(sealed_fd, 0) == 0 &&
	    lseek(sealed_fd, 0, SEEK_SET) == 0 &&
	    ftruncate(opened_fd, 0) == 0 && lseek(opened_fd, 0, SEEK_SET) == 0);
}

static int
seal_it(struct diag_sink *sink)
{
	struct seal_key *k = key_of("good", sink);
	int in = pki_fd("content"), r = -1;

	if (k != NULL)
		r = seal_make("x", in, sealed_fd, k, recipient, PKI_NOW, sink);
	seal_key_free(k);
	close(in);
	return r;
}

static int
open_fd(int fd, struct diag_sink *sink)
{
	struct chain *c = chain_open(pki("ca.pem"), pki("crl.pem"), sink);
	struct seal_key *k = key_of("open", sink);
	struct seal_signer who;
	int r = -1;

	if (c != NULL && k != NULL)
		r = seal_open("x", fd, opened_fd, c, k, PKI_NOW, &who, sink);
	seal_key_free(k);
	chain_free(c);
	return r;
}

static bool
opened_right(void)
{
	struct slice want = pki_bytes("content");
	char *p = malloc(want.n + 1);
	bool same = pread(opened_fd, p, want.n + 1, 0) == (ssize_t)want.n &&
	    memcmp(p, want.p, want.n) == 0;

	free(p);
	free((char *)want.p);
	return same;
}

static bool
sealed_right(void)
{
	struct diag_sink sink = { .put = put };

	return open_fd(sealed_fd, &sink) == 0 && opened_right();
}

static int
open_seal(struct diag_sink *sink)
{
	int fd = pki_fd(to_open), r = open_fd(fd, sink);

	close(fd);
	return r;
}

static int
sign_and_verify(struct diag_sink *sink)
{
	static char der[8192];
	struct chain *c = chain_open(pki("ca.pem"), pki("crl.pem"), sink);
	struct seal_key *k = key_of("good", sink);
	struct seal_signer who;
	struct buf sig;
	int r = -1;

	buf_init(&sig, der, sizeof(der));
	if (c != NULL && k != NULL)
		r = seal_sign_bytes(
		    "x", SLICE("manifest"), k, PKI_NOW, &sig, sink);
	if (r == 0)
		r = seal_verify_bytes("x", SLICE("manifest"), buf_slice(&sig),
		    c, PKI_NOW, &who, sink);
	seal_key_free(k);
	chain_free(c);
	return r;
}

static void
seals(void)
{
	static const struct faults_work make_it = { .name = "seal_make",
		.work = seal_it,
		.right = sealed_right,
		.says = true,
		.begin = empty_files };
	static const struct faults_work open_it = { .name = "seal_open",
		.work = open_seal,
		.right = opened_right,
		.says = true,
		.begin = empty_files };
	static const struct faults_work bytes = {
		.name = "seal_bytes", .work = sign_and_verify, .says = true
	};
	static const char *const files[] = { "sealed-good.p7m",
		"sealed-stream.p7m", "sealed-enveloped.p7m" };

	char cert[512];

	sealed_fd = temp();
	opened_fd = temp();
	for (int i = 0; i < 2; i++) {
		snprintf(cert, sizeof(cert), "%s", pki("open.pem"));
		recipient = i == 0 ? NULL : cert;
		CU_ASSERT(faults_sweep(&make_it, NULL, ENOSPC) > 10);
		CU_ASSERT(faults_sweep(&make_it, "write", EINTR) > 0);
	}
	for (int i = 0; i < 3; i++) {
		to_open = files[i];
		CU_ASSERT(faults_sweep(&open_it, NULL, EIO) > 10);
		faults_sweep(&open_it, "write", EINTR);
		CU_ASSERT(faults_sweep(&open_it, "pread", EINTR) > 0);
	}
	CU_ASSERT(faults_sweep(&bytes, NULL, ENOMEM) > 10);
	close(sealed_fd);
	close(opened_fd);
}

/* ---- card certificates and their revocation lists ---- */

static int
on_entry(void *arg, struct slice serial, int64_t at, int reason)
{
	(void)serial;
	(void)at;
	(void)reason;
	return ++*(int *)arg < 0;
}

static int
walk_crl(struct diag_sink *sink)
{
	struct chain_cards *c =
	    chain_cards_open(pki("cards.pem"), "2.999.1.3.30", sink);
	int fd = pki_fd("crl-good.der"), n = 0, r = -1;
	struct chain_crl crl;

	if (c != NULL)
		r = chain_crl_walk("x", fd, c, &crl, on_entry, &n, sink);
	CU_ASSERT(r == -1 || n == 3);
	close(fd);
	chain_cards_free(c);
	return r;
}

/* Certificate, challenge, signature: read before anything is made to fail. */
static char card_bytes[3][4096];
static struct slice card_slices[3];

static void
read_card(void)
{
	static const char *const names[] = { "card-good.der", "challenge",
		"challenge.sig" };

	for (int i = 0; i < 3; i++) {
		FILE *f = fopen(pki(names[i]), "re");

		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		card_slices[i] = (struct slice) { card_bytes[i],
			fread(card_bytes[i], 1, sizeof(card_bytes[i]), f) };
		CU_ASSERT(card_slices[i].n > 0);
		fclose(f);
	}
}

static int
check_card(struct diag_sink *sink)
{
	const struct slice *s = card_slices;
	struct chain_cards *c =
	    chain_cards_open(pki("cards.pem"), "2.999.1.3.30", sink);
	struct chain_card out;
	int r = -1;

	if (c == NULL)
		return -1;
	r = chain_card_check(c, s[0], s[1], s[2], PKI_NOW, &out) == DIAG__MAX ?
	    0 :
	    -1;
	if (r == -1) /* the code itself is the word */
		diag_file(sink, DIAG_CARD_PROFILE, "x", NULL);
	chain_cards_free(c);
	return r;
}

static void
cards(void)
{
	static const struct faults_work crl = {
		.name = "chain_crl_walk", .work = walk_crl, .says = true
	};
	static const struct faults_work card = {
		.name = "chain_card_check", .work = check_card, .says = true
	};

	read_card();
	CU_ASSERT(faults_sweep(&crl, NULL, EIO) > 5);
	CU_ASSERT(faults_sweep(&crl, "pread", EINTR) > 0);
	CU_ASSERT(faults_sweep(&card, NULL, ENOMEM) > 3);
}

/* ---- the sort ---- */

static char sorted[26];

static int
sort_spilled(struct diag_sink *sink)
{
	static char payload[4000];
	struct sort *s = sort_new(1, 100000, folder());
	const void *key;
	struct slice p;
	int r = 0, n = 0;

	(void)sink;
	for (int i = 25; r == 0 && i >= 0; i--)
		for (int j = 0; r == 0 && j < 20; j++) {
			char k = (char)('a' + i);
			r = sort_add(
			    s, &k, (struct slice) { payload, sizeof(payload) });
		}
	if (r == 0)
		r = sort_finish(s);
	memset(sorted, 0, sizeof(sorted));
	while (r == 0 && (r = sort_next(s, &key, &p)) == 1) {
		sorted[*(const char *)key - 'a'] += p.n == sizeof(payload);
		n++;
		r = 0;
	}
	CU_ASSERT(r == -1 || n == 26 * 20);
	sort_free(s);
	return r;
}

static bool
sort_right(void)
{
	for (int i = 0; i < 26; i++)
		if (sorted[i] != 20)
			return false;
	return is_empty();
}

static void
sorts(void)
{
	static const struct faults_work work = { .name = "sort",
		.work = sort_spilled,
		.right = sort_right,
		.tidy = is_empty };
	static const char *const calls[] = { "write", "pwrite", "read", "pread",
		"mkostemp", "lseek" };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		faults_sweep(&work, calls[i], ENOSPC);
		if (strstr(calls[i], "read") || strstr(calls[i], "write"))
			faults_sweep(&work, calls[i], EINTR);
	}
}

/* ---- sealed codes (pairing), requests for stamps, answers to them ---- */

static const unsigned char box_key[32] = { 7 };
static char opened[64];
static struct buf opened_buf;

static int
box_and_unbox(struct diag_sink *sink)
{
	static char sealed[64 + SEAL_BOX_EXTRA];
	struct buf box;

	(void)sink;
	buf_init(&box, sealed, sizeof(sealed));
	buf_init(&opened_buf, opened, sizeof(opened));
	return seal_box(box_key, SLICE("E0613999201"), SLICE("a code"), &box) ==
		    -1 ||
		seal_unbox(box_key, SLICE("E0613999201"), buf_slice(&box),
		    &opened_buf) == -1 ?
	    -1 :
	    0;
}

static bool
box_right(void)
{
	return slice_is(buf_slice(&opened_buf), "a code");
}

/* Nothing of a code where it could not be opened. */
static bool
box_empty(void)
{
	return opened_buf.n == 0;
}

static char request[512];
static struct buf request_buf;

static int
make_request(struct diag_sink *sink)
{
	(void)sink;
	buf_init(&request_buf, request, sizeof(request));
	return seal_stamp_request(SLICE("a head"), &request_buf);
}

/* RFC 3161 2.4.1: SEQUENCE, version 1, SHA-256 of the head, certReq TRUE. */
static bool
request_right(void)
{
	static const char front[] =
	    "\x30\x39\x02\x01\x01\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01"
	    "\x65\x03\x04\x02\x01\x05\x00\x04\x20";
	struct slice s = buf_slice(&request_buf);

	return s.n == 59 && memcmp(s.p, front, sizeof(front) - 1) == 0 &&
	    memcmp(s.p + 56, "\x01\x01\xff", 3) == 0;
}

static bool
request_empty(void)
{
	return request_buf.n == 0;
}

static int
check_stamp(struct diag_sink *sink)
{
	return seal_stamp_check("x", SLICE("a head"), SLICE("no answer"),
		   pki("ca.pem"), sink) == 1 ?
	    0 :
	    -1;
}

static void
boxes_and_stamps(void)
{
	static const struct faults_work box = { .name = "box",
		.work = box_and_unbox,
		.right = box_right,
		.tidy = box_empty };
	static const struct faults_work asks = { .name = "request",
		.work = make_request,
		.right = request_right,
		.tidy = request_empty };
	static const struct faults_work checks = {
		.name = "stamp", .work = check_stamp, .says = true
	};

	CU_ASSERT(faults_sweep(&box, NULL, EIO) >= 12);
	CU_ASSERT(faults_sweep(&asks, NULL, EIO) >= 9);
	CU_ASSERT(faults_sweep(&checks, NULL, EIO) >= 3);
}

static void
the_folder_goes(void)
{
	CU_ASSERT_EQUAL(rmdir(folder()), 0);
}

static CU_TestInfo tests[] = {
	{ "every kind of snapshot is made whole or not at all",
	    snapshots_made },
	{ "a generation carried over is whole or not at all",
	    snapshots_carried },
	{ "a snapshot asked on a failing disk says so", snapshots_asked },
	{ "a segment is written whole or not at all, and read so", segments },
	{ "a seal is made and opened whole or not at all", seals },
	{ "a card is let in, a revocation list taken, only when all is well",
	    cards },
	{ "a box, a request for a stamp, a stamp: right or not at all",
	    boxes_and_stamps },
	{ "a sort that spills loses no row on a failing disk", sorts },
	{ "nothing of all this is left", the_folder_goes },
	CU_TEST_INFO_NULL,
};
SUITE(faults, tests);
