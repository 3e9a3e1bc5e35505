#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "batch/publish.h"
#include "batch/spool.h"
#include "tests/pki/pki.h"

#define PUBLISHER "06139992" /* commonName of good.pem */

static char root[64];

static void
begin(void)
{
	snprintf(
	    root, sizeof(root), "/tmp/shikaku-publish-%ld", (long)getpid());
	spool_remove_tree(root);
	CU_ASSERT_EQUAL_FATAL(spool_init(root), 0);
}

static void
end(void)
{
	CU_ASSERT_EQUAL(spool_remove_tree(root), 0);
}

static size_t
count(const char *folder)
{
	char dir[SPOOL_PATH_MAX];
	struct spool_names l;

	spool_path(dir, root, "%s", folder);
	CU_ASSERT_EQUAL_FATAL(spool_list(dir, &l), 0);
	size_t n = l.n;
	spool_free(&l);
	return n;
}

static void
a_file_is_seen_when_it_is_whole_and_not_before(void)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];
	struct publish p;
	size_t n;

	begin();
	spool_path(dir, root, "out");
	spool_path(path, root, "out/a");
	CU_ASSERT_EQUAL_FATAL(publish_open(&p, root), 0);
	fputs("all of it", p.f);
	CU_ASSERT_EQUAL(count("out"), 0);
	CU_ASSERT_EQUAL(count("work"), 1);
	CU_ASSERT_EQUAL(publish_commit(&p, dir, "a"), 0);
	CU_ASSERT_EQUAL(count("work"), 0);
	char *b = spool_slurp(path, 100, &n);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_STRING_EQUAL(b, "all of it");
	free(b);
	struct stat st;
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07, 0);
	end();
}

static void
what_is_abandoned_or_cannot_be_placed_leaves_nothing(void)
{
	struct publish p;

	begin();
	CU_ASSERT_EQUAL_FATAL(publish_open(&p, root), 0);
	publish_abandon(&p);
	CU_ASSERT_EQUAL(count("work"), 0);
	CU_ASSERT_EQUAL_FATAL(publish_open(&p, root), 0);
	CU_ASSERT_EQUAL(publish_commit(&p, "/nonexistent", "a"), -1);
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_EQUAL(count("work"), 0);
	end();
	CU_ASSERT_EQUAL(publish_open(&p, root), -1);
}

static void
folders_are_made_with_all_above_them(void)
{
	char path[SPOOL_PATH_MAX];
	FILE *f;

	begin();
	spool_path(path, root, "a/b/c");
	CU_ASSERT_EQUAL(publish_make_dir(path), 0);
	CU_ASSERT_EQUAL(publish_make_dir(path), 0);
	spool_path(path, root, "a/f");
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fclose(f);
	CU_ASSERT_EQUAL(publish_make_dir(path), -1);
	end();
}

static struct snapshot_set
set_of(int64_t serial)
{
	struct snapshot_set s = { .serial = serial };
	struct snapshot_set_entry *e = &s.kind[SNAPSHOT_CARDS];

	for (int i = 0; i < SNAPSHOT__MAX; i++)
		s.kind[i].day = DAY_NONE;
	e->generation = serial;
	snprintf(
	    e->file, sizeof(e->file), "cards-%06lld.sqlite", (long long)serial);
	memset(e->sha256, 'a', 64);
	memset(e->digest, 'b', 64);
	e->rows = serial;
	e->day = day_of(2026, 8, 1);
	e->cut_off = day_moment(e->day, 21 * 3600000);
	return s;
}

static struct seal_key *
key(void)
{
	struct pki_sink s = pki_sink();
	struct seal_key *k =
	    seal_key_open(pki("good.key"), pki("good.pem"), &s.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	return k;
}

static struct chain *
trust(void)
{
	struct pki_sink s = pki_sink();
	struct chain *c = chain_open(pki("ca.pem"), NULL, &s.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

static void
a_set_is_in_force_from_one_rename_on(void)
{
	struct pki_sink s = pki_sink();
	struct seal_key *k = key();
	struct chain *c = trust();
	struct snapshot_set a = set_of(1), b = set_of(2), got;
	char digest[65], first[65];

	begin();
	CU_ASSERT_EQUAL(
	    publish_current(root, c, PUBLISHER, PKI_NOW, &got, digest, &s.sink),
	    0);
	CU_ASSERT_EQUAL(publish_set(root, &a, k, PKI_NOW, &s.sink), 0);
	CU_ASSERT_EQUAL(
	    publish_current(root, c, PUBLISHER, PKI_NOW, &got, first, &s.sink),
	    1);
	CU_ASSERT_EQUAL(got.serial, 1);
	CU_ASSERT_STRING_EQUAL(
	    got.kind[SNAPSHOT_CARDS].file, "cards-000001.sqlite");
	snprintf(b.previous, sizeof(b.previous), "%s", first);
	CU_ASSERT_EQUAL(publish_set(root, &b, k, PKI_NOW, &s.sink), 0);
	CU_ASSERT_EQUAL(
	    publish_current(root, c, PUBLISHER, PKI_NOW, &got, digest, &s.sink),
	    1);
	CU_ASSERT_EQUAL(got.serial, 2);
	CU_ASSERT_STRING_EQUAL(got.previous, first);
	CU_ASSERT_STRING_NOT_EQUAL(digest, first);
	CU_ASSERT_EQUAL(s.sink.levels[DIAG_FATAL], 0);
	/* never back, and never the same number again */
	CU_ASSERT_EQUAL(publish_set(root, &b, k, PKI_NOW, &s.sink), -1);
	CU_ASSERT_EQUAL(s.last, DIAG_MANIFEST_OLDER);
	CU_ASSERT_EQUAL(publish_set(root, &a, k, PKI_NOW, &s.sink), -1);
	CU_ASSERT_EQUAL(count("work"), 0);
	end();
	seal_key_free(k);
	chain_free(c);
}

static void
a_manifest_that_was_touched_is_not_believed(void)
{
	struct pki_sink s = pki_sink();
	struct seal_key *k = key();
	struct chain *c = trust();
	struct snapshot_set a = set_of(1), got;
	char path[SPOOL_PATH_MAX], digest[65];

	begin();
	CU_ASSERT_EQUAL(publish_set(root, &a, k, PKI_NOW, &s.sink), 0);
	spool_path(path, root, "snapshots/current/manifest.yaml");
	FILE *f = fopen(path, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("# more\n", f);
	fclose(f);
	CU_ASSERT_EQUAL(
	    publish_current(root, c, PUBLISHER, PKI_NOW, &got, digest, &s.sink),
	    -1);
	CU_ASSERT_EQUAL(s.last, DIAG_MANIFEST_SIGNATURE);
	spool_path(path, root, "snapshots/current/manifest.p7s");
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(
	    publish_current(root, c, PUBLISHER, PKI_NOW, &got, digest, &s.sink),
	    -1);
	CU_ASSERT_EQUAL(s.last, DIAG_IO);
	end();
	seal_key_free(k);
	chain_free(c);
}

/* Of the same CA, which is all that a chain says: a deliverer's key, say. */
static void
a_set_signed_by_another_of_our_own_is_not_believed(void)
{
	struct pki_sink s = pki_sink();
	struct seal_key *k = key(),
			*other = seal_key_open(
			    pki("second.key"), pki("second.pem"), &s.sink);
	struct chain *c = trust();
	struct snapshot_set got;
	struct snapshot_set_entry made[SNAPSHOT__MAX] = { 0 };
	char digest[65], cn[128];

	CU_ASSERT_PTR_NOT_NULL_FATAL(other);
	CU_ASSERT_EQUAL(seal_cert_name(pki("good.pem"), cn, &s.sink), 0);
	CU_ASSERT_STRING_EQUAL(cn, PUBLISHER);
	CU_ASSERT_EQUAL(seal_cert_name(pki("good.key"), cn, &s.sink), -1);
	CU_ASSERT_EQUAL(s.last, DIAG_KEY_UNREADABLE);
	CU_ASSERT_EQUAL(seal_cert_name(pki("second.pem"), cn, &s.sink), 0);
	CU_ASSERT_STRING_EQUAL(cn, "06010011");
	begin();
	made[SNAPSHOT_CARDS] = set_of(1).kind[SNAPSHOT_CARDS];
	CU_ASSERT_EQUAL(publish_next(root, c, PUBLISHER, other, PKI_NOW, &got,
			    made, &s.sink),
	    0);
	CU_ASSERT_EQUAL(got.serial, 1);
	/* in force under the other's name, not under the publisher's */
	CU_ASSERT_EQUAL(
	    publish_current(root, c, cn, PKI_NOW, &got, digest, &s.sink), 1);
	CU_ASSERT_EQUAL(
	    publish_current(root, c, PUBLISHER, PKI_NOW, &got, digest, &s.sink),
	    -1);
	CU_ASSERT_EQUAL(s.last, DIAG_MANIFEST_SIGNATURE);
	/* nor does the publisher put its own on top of it */
	CU_ASSERT_EQUAL(
	    publish_next(root, c, PUBLISHER, k, PKI_NOW, &got, made, &s.sink),
	    -1);
	end();
	seal_key_free(k);
	seal_key_free(other);
	chain_free(c);
}

/* I1: killed anywhere, a reader has one whole signed set or the other. */
static void
killed_at_any_moment_a_reader_has_a_whole_set(void)
{
	struct pki_sink s = pki_sink();
	struct seal_key *k = key();
	struct chain *c = trust();
	struct snapshot_set got;
	char digest[65];
	int64_t serial = 1;
	struct snapshot_set first = set_of(1);
	struct timespec from, to;
	double took; /* us: disks differ a hundredfold in fsync */

	begin();
	clock_gettime(CLOCK_MONOTONIC, &from);
	CU_ASSERT_EQUAL_FATAL(
	    publish_set(root, &first, k, PKI_NOW, &s.sink), 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	took = (double)(to.tv_sec - from.tv_sec) * 1e6 +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e3;
	/* on a busy machine none may get through in time: then longer ones */
	for (int round = 0; round < 25 || (serial == 1 && round < 200);
	     round++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (int64_t n = serial + 1;; n++) {
				struct snapshot_set next = set_of(n);

				if (publish_set(
					root, &next, k, PKI_NOW, &s.sink) == -1)
					_exit(1);
			}
		}
		/* from a fifth of a publication to more than two */
		usleep((useconds_t)(took * (0.2 + 0.1 * round)) + 500);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		int r = publish_current(
		    root, c, PUBLISHER, PKI_NOW, &got, digest, &s.sink);
		CU_ASSERT_EQUAL(r, 1);
		if (r == 1) {
			CU_ASSERT_TRUE(got.serial >= serial);
			CU_ASSERT_EQUAL(
			    got.kind[SNAPSHOT_CARDS].rows, got.serial);
			serial = got.serial;
		}
	}
	CU_ASSERT_TRUE(serial > 1);
	CU_ASSERT_EQUAL(s.sink.levels[DIAG_FATAL], 0);
	end();
	seal_key_free(k);
	chain_free(c);
}

static CU_TestInfo tests[] = {
	{ "a file is seen when it is whole, and not before",
	    a_file_is_seen_when_it_is_whole_and_not_before },
	{ "what is abandoned or cannot be placed leaves nothing",
	    what_is_abandoned_or_cannot_be_placed_leaves_nothing },
	{ "folders are made with all above them",
	    folders_are_made_with_all_above_them },
	{ "a set is in force from one rename on",
	    a_set_is_in_force_from_one_rename_on },
	{ "a manifest that was touched is not believed",
	    a_manifest_that_was_touched_is_not_believed },
	{ "a set signed by another of our own signers is not believed",
	    a_set_signed_by_another_of_our_own_is_not_believed },
	{ "killed at any moment, a reader has a whole set",
	    killed_at_any_moment_a_reader_has_a_whole_set },
	CU_TEST_INFO_NULL,
};
SUITE(publish, tests);
