/* Which set an order goes back to, and that numbers are given out once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/publish.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/snapshot_make.h"
#include "tests/pki/pki.h"

#define PUBLISHER "06139992" /* commonName of good.pem */

static char root[64];
static struct seal_key *signer;
static struct chain *trusted;
static struct pki_sink heard;

static struct seal_key *
key(void)
{
	struct seal_key *k =
	    seal_key_open(pki("good.key"), pki("good.pem"), &heard.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(k);
	return k;
}

static struct chain *
trust(void)
{
	struct chain *c = chain_open(pki("ca.pem"), NULL, &heard.sink);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	return c;
}

/* A generation of institutions on the disk, and the set that names it. */
static struct snapshot_set_entry
make(int64_t generation)
{
	struct snapshot_set_entry e = { .generation = generation,
		.day = day_of(2026, 8, (int)generation) };
	char dir[SPOOL_PATH_MAX];

	spool_path(dir, root, "snapshots");
	struct snapshot_make *m =
	    snapshot_create(dir, SNAPSHOT_INSTITUTIONS, &e, &heard.sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e), 0);
	return e;
}

static void
publish(int64_t serial, const struct snapshot_set_entry *e)
{
	struct snapshot_set set = { .serial = serial };

	set.kind[SNAPSHOT_INSTITUTIONS] = *e;
	CU_ASSERT_EQUAL_FATAL(
	    publish_set(root, &set, signer, PKI_NOW, &heard.sink), 0);
}

static int
older(int64_t generation, struct snapshot_set_entry made[SNAPSHOT__MAX])
{
	struct snapshot_set now;
	char digest[65];

	heard = pki_sink();
	memset(made, 0, SNAPSHOT__MAX * sizeof(*made));
	CU_ASSERT_EQUAL_FATAL(publish_current(root, trusted, PUBLISHER, PKI_NOW,
				  &now, digest, &heard.sink),
	    1);
	return publish_older(root, trusted, PUBLISHER, PKI_NOW, &now,
	    generation, made, &heard.sink);
}

static void
begin(void)
{
	heard = pki_sink();
	signer = key();
	trusted = trust();
	snprintf(root, sizeof(root), "/tmp/shikaku-older-%ld", (long)getpid());
	spool_remove_tree(root);
	CU_ASSERT_EQUAL_FATAL(spool_init(root), 0);
	char dir[SPOOL_PATH_MAX];
	spool_path(dir, root, "snapshots");
	CU_ASSERT_EQUAL_FATAL(publish_make_dir(dir), 0);
	for (int64_t g = 1; g <= 3; g++) {
		struct snapshot_set_entry e = make(g);
		publish(g, &e);
	}
}

static void
end(void)
{
	spool_remove_tree(root);
	seal_key_free(signer);
	chain_free(trusted);
}

static void
a_generation_that_is_kept(void)
{
	struct snapshot_set_entry made[SNAPSHOT__MAX];

	begin();
	CU_ASSERT_EQUAL(older(1, made), 0);
	CU_ASSERT_EQUAL(made[SNAPSHOT_INSTITUTIONS].generation, 1);
	CU_ASSERT_STRING_EQUAL(
	    made[SNAPSHOT_INSTITUTIONS].file, "institutions-000001.sqlite");
	CU_ASSERT_EQUAL(made[SNAPSHOT_QUALIFICATION].generation, 0);
	CU_ASSERT_EQUAL(heard.sink.levels[DIAG_FATAL], 0);
	end();
}

static void
one_that_never_was(void)
{
	struct snapshot_set_entry made[SNAPSHOT__MAX];

	begin();
	CU_ASSERT_EQUAL(older(7, made), -1);
	CU_ASSERT_EQUAL(heard.last, DIAG_ROLLBACK_NONE);
	CU_ASSERT_EQUAL(made[SNAPSHOT_INSTITUTIONS].generation, 0);
	end();
}

static void
one_whose_file_is_gone_or_changed(void)
{
	struct snapshot_set_entry made[SNAPSHOT__MAX];
	char path[SPOOL_PATH_MAX];

	begin();
	spool_path(path, root, "snapshots/institutions-000002.sqlite");
	FILE *f = fopen(path, "r+");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fseek(f, 5000, SEEK_SET), 0);
	fputc('x', f);
	fclose(f);
	CU_ASSERT_EQUAL(older(2, made), -1);
	CU_ASSERT_EQUAL(heard.last, DIAG_SNAPSHOT_DIGEST);
	unlink(path);
	CU_ASSERT_EQUAL(older(2, made), -1);
	CU_ASSERT_EQUAL(heard.last, DIAG_ROLLBACK_NONE);
	CU_ASSERT_EQUAL(older(1, made), 0);
	end();
}

static void
a_set_that_was_touched(void)
{
	struct snapshot_set_entry made[SNAPSHOT__MAX];
	char path[SPOOL_PATH_MAX];

	begin();
	spool_path(path, root, "snapshots/manifest-000001/manifest.yaml");
	FILE *f = fopen(path, "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("# who wrote this?\n", f);
	fclose(f);
	CU_ASSERT_EQUAL(older(1, made), -1);
	CU_ASSERT_EQUAL(heard.last, DIAG_MANIFEST_SIGNATURE);
	end();
}

/* 1, 2, 3, back to 1: the next one is 4, though 1 is in force; and of two sets
 * of one generation the newest is taken. */
static void
numbers_are_given_out_once(void)
{
	struct snapshot_set_entry made[SNAPSHOT__MAX];
	struct snapshot_set now = { .serial = 4 };

	begin();
	CU_ASSERT_EQUAL_FATAL(older(1, made), 0);
	publish(4, &made[SNAPSHOT_INSTITUTIONS]);
	now.kind[SNAPSHOT_INSTITUTIONS] = made[SNAPSHOT_INSTITUTIONS];
	CU_ASSERT_EQUAL(publish_generation(&now), 1);
	CU_ASSERT_EQUAL(publish_highest(root, &now), 3);
	/* a folder of a serial above the one in force was never published */
	now.serial = 2;
	CU_ASSERT_EQUAL(publish_highest(root, &now), 2);
	CU_ASSERT_EQUAL(older(3, made), 0);
	CU_ASSERT_EQUAL(made[SNAPSHOT_INSTITUTIONS].generation, 3);
	end();
}

static CU_TestInfo tests[] = {
	{ "an older generation's entries are found",
	    a_generation_that_is_kept },
	{ "one that never was is refused", one_that_never_was },
	{ "one whose file is gone or changed is refused",
	    one_whose_file_is_gone_or_changed },
	{ "a set that was touched is not gone back to",
	    a_set_that_was_touched },
	{ "numbers of generations are given out once",
	    numbers_are_given_out_once },
	CU_TEST_INFO_NULL,
};
SUITE(publish_older, tests);
