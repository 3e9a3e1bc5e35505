#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/publish.h"
#include "batch/spool.h"
#include "tests/unit/suite.h"

static char root[64];

static void
begin(void)
{
	snprintf(
	    root, sizeof(root), "/tmp/shikaku-spool-%ld/a/b", (long)getpid());
	CU_ASSERT_EQUAL_FATAL(spool_init(root), 0);
	CU_ASSERT_EQUAL_FATAL(spool_init(root), 0);
}

static void
end(void)
{
	char top[64];

	snprintf(top, sizeof(top), "/tmp/shikaku-spool-%ld", (long)getpid());
	CU_ASSERT_EQUAL(spool_remove_tree(top), 0);
	CU_ASSERT_EQUAL(access(top, F_OK), -1);
	CU_ASSERT_EQUAL(spool_remove_tree(top), 0);
}

static void
put(const char *name, const char *text)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, root, "done/%s", name);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void
only_whole_regular_files_are_seen_in_byte_order(void)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];
	struct spool_names l;

	begin();
	put("b", "");
	put("a", "");
	put("A", "");
	put("x.part", "");
	put(".hidden", "");
	spool_path(dir, root, "done");
	spool_path(path, root, "done/link");
	CU_ASSERT_EQUAL(symlink("/etc/passwd", path), 0);
	spool_path(path, root, "done/folder");
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL_FATAL(spool_list(dir, &l), 0);
	CU_ASSERT_EQUAL_FATAL(l.n, 3);
	CU_ASSERT_STRING_EQUAL(l.v[0], "A");
	CU_ASSERT_STRING_EQUAL(l.v[1], "a");
	CU_ASSERT_STRING_EQUAL(l.v[2], "b");
	spool_free(&l);
	CU_ASSERT_EQUAL_FATAL(spool_dirs(dir, &l), 0);
	CU_ASSERT_EQUAL_FATAL(l.n, 1);
	CU_ASSERT_STRING_EQUAL(l.v[0], "folder");
	spool_free(&l);
	CU_ASSERT_EQUAL(spool_list("/nonexistent", &l), -1);
	end();
}

static void
a_tree_is_removed_without_following_links(void)
{
	char path[SPOOL_PATH_MAX], kept[SPOOL_PATH_MAX];

	begin();
	put("kept", "x");
	spool_path(kept, root, "done/kept");
	spool_path(path, root, "ready/one/two");
	CU_ASSERT_EQUAL(publish_make_dir(path), 0);
	spool_path(path, root, "ready/one/link");
	CU_ASSERT_EQUAL(symlink("../../done", path), 0);
	spool_path(path, root, "ready/one");
	CU_ASSERT_EQUAL(spool_remove_tree(path), 0);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(access(kept, F_OK), 0);
	end();
}

static void
a_small_file_is_read_whole_and_a_large_one_refused(void)
{
	char path[SPOOL_PATH_MAX];
	size_t n;

	begin();
	put("f", "12345");
	spool_path(path, root, "done/f");
	char *b = spool_slurp(path, 5, &n);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_STRING_EQUAL(b, "12345");
	free(b);
	CU_ASSERT_PTR_NULL(spool_slurp(path, 4, &n));
	CU_ASSERT_EQUAL(errno, EFBIG);
	CU_ASSERT_PTR_NULL(spool_slurp("/nonexistent", 4, &n));
	CU_ASSERT_EQUAL(errno, ENOENT);
	end();
}

static void
names_of_unfinished_things_differ(void)
{
	char a[SPOOL_PATH_MAX], b[SPOOL_PATH_MAX];

	spool_temp(a, "/r");
	spool_temp(b, "/r");
	CU_ASSERT_EQUAL(strncmp(a, "/r/work/", 8), 0);
	CU_ASSERT_STRING_NOT_EQUAL(a, b);
}

static CU_TestInfo tests[] = {
	{ "only whole regular files are seen, in byte order",
	    only_whole_regular_files_are_seen_in_byte_order },
	{ "a tree is removed without following links",
	    a_tree_is_removed_without_following_links },
	{ "a small file is read whole and a large one refused",
	    a_small_file_is_read_whole_and_a_large_one_refused },
	{ "names of unfinished things differ",
	    names_of_unfinished_things_differ },
	CU_TEST_INFO_NULL,
};
SUITE(spool, tests);
