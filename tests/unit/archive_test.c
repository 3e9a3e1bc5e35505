/* Archives: what is walked, and the hostile set. */
#include "formats/codec/archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/limits.h"
#include "tests/unit/suite.h"

static struct diag_list said;

struct seen {
	char names[256];
	char bytes[4096];
	int64_t n;
	int members;
};

static int
see(void *arg, const struct archive_member *m, struct archive_stream *s)
{
	struct seen *v = arg;
	char p[4096];
	int64_t got;

	if (v->members++ < 8) {
		strncat(v->names, m->name.p, m->name.n);
		strcat(v->names, " ");
	}
	while ((got = archive_read(s, p, sizeof(p))) > 0) {
		if (v->n + got <= (int64_t)sizeof(v->bytes))
			memcpy(v->bytes + v->n, p, (size_t)got);
		v->n += got;
	}
	return got < 0;
}

static int
walk(const char *path, struct seen *v)
{
	int fd = open(path, O_RDONLY), rc;

	memset(v, 0, sizeof(*v));
	diag_list_free(&said);
	diag_list_init(&said, 100, NULL, DIAG_FATAL);
	rc = archive_each("a.zip", fd, see, v, &said.sink);
	close(fd);
	return rc;
}

/* A scratch folder; made once. */
static const char *
scratch(void)
{
	static char dir[64];

	if (dir[0] == '\0') {
		strcpy(dir, "/tmp/shikaku-archive-XXXXXX");
		if (mkdtemp(dir) == NULL)
			abort();
	}
	return dir;
}

/* Runs a shell line in the scratch folder; the archive is a.zip or a.tar. */
static void
shell(const char *line)
{
	char cmd[2048];

	snprintf(cmd, sizeof(cmd),
	    "cd %s && rm -rf ./* .[!.]* && (%s) >/dev/null 2>&1", scratch(),
	    line);
	CU_ASSERT_EQUAL_FATAL(system(cmd), 0);
}

static int
walk_made(const char *line, const char *file, struct seen *v)
{
	char path[256];

	shell(line);
	snprintf(path, sizeof(path), "%s/%s", scratch(), file);
	return walk(path, v);
}

static void
reads_zip_and_tar(void)
{
	static const char *const made[][2] = {
		{ "printf one >a.csv; printf two >b.csv; zip -0 a.zip a.csv b.csv",
		    "a.zip" },
		{ "printf one >a.csv; printf two >b.csv; zip -9 a.zip a.csv b.csv",
		    "a.zip" },
		{ "printf one >a.csv; printf two >b.csv; tar cf a.tar a.csv b.csv",
		    "a.tar" },
		{ "printf one >a.csv; printf two >b.csv; "
		  "tar c a.csv b.csv | zstd -o a.tar.zst",
		    "a.tar.zst" },
	};
	struct seen v;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		CU_ASSERT_EQUAL(walk_made(made[i][0], made[i][1], &v), 0);
		CU_ASSERT_STRING_EQUAL(v.names, "a.csv b.csv ");
		CU_ASSERT_EQUAL(v.n, 6);
		CU_ASSERT_EQUAL(memcmp(v.bytes, "onetwo", 6), 0);
	}
}

static void
refuses_what_is_no_plain_file(void)
{
	static const char *const made[][2] = {
		{ "ln -s /etc/passwd a.csv; zip -y a.zip a.csv", "a.zip" },
		{ "ln -s /etc/passwd a.csv; tar cf a.tar a.csv", "a.tar" },
		{ "echo x >a.csv; ln a.csv b.csv; tar cf a.tar a.csv b.csv",
		    "a.tar" },
		{ "mkdir d; echo x >d/a.csv; zip -r a.zip d", "a.zip" },
		{ "mkdir d; zip -r a.zip d", "a.zip" },
		{ "mkfifo a.csv; tar cf a.tar a.csv", "a.tar" },
		{ "echo x >a.csv; tar cPf a.tar $PWD/a.csv", "a.tar" },
		{ "echo x >a.csv; mkdir d; cd d; zip ../a.zip ../a.csv",
		    "a.zip" },
		{ "echo x >'a\\b.csv'; tar cf a.tar --no-unquote 'a\\b.csv'",
		    "a.tar" },
		{ "echo x >.hidden; zip a.zip .hidden", "a.zip" },
		{ "echo x >'a b.csv'; zip a.zip 'a b.csv'", "a.zip" },
		{ "echo x >a.csv; tar cf a.tar a.csv; echo y >a.csv; "
		  "tar rf a.tar a.csv",
		    "a.tar" },
		{ "echo x >a.csv; zip -P secret a.zip a.csv", "a.zip" },
	};
	struct seen v;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		CU_ASSERT_EQUAL(walk_made(made[i][0], made[i][1], &v), -1);
		CU_ASSERT_EQUAL(said.sink.counts[DIAG_ARCHIVE_MEMBER], 1);
		if (said.sink.counts[DIAG_ARCHIVE_MEMBER] != 1)
			fprintf(stderr, "made: %s\n", made[i][0]);
	}
}

static void
refuses_a_bomb(void)
{
	struct seen v;

	/* 40 MiB of zeros pack to about 40 KiB: a ratio of 1,000 */
	CU_ASSERT_EQUAL(walk_made("head -c 41943040 /dev/zero >z.csv; "
				  "zip -9 a.zip z.csv; rm z.csv",
			    "a.zip", &v),
	    -1);
	CU_ASSERT_EQUAL(said.sink.counts[DIAG_ARCHIVE_LIMIT], 1);
	CU_ASSERT(v.n < INT64_C(20) << 20);
	CU_ASSERT_EQUAL(
	    walk_made(
		"i=0; while [ $i -lt 2050 ]; do : >m$i; i=$((i+1)); done; "
		"zip -q a.zip m*; rm m*",
		"a.zip", &v),
	    -1);
	CU_ASSERT_EQUAL(said.sink.counts[DIAG_ARCHIVE_LIMIT], 1);
}

static void
refuses_other_formats(void)
{
	static const char *const made[] = {
		"echo x >a.csv; tar czf a.zip a.csv", /* gzip: not offered */
		"echo hello >a.zip",
		": >a.zip",
		"echo x >a.csv; zip a.zip a.csv; truncate -s 40 a.zip",
	};
	struct seen v;

	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		CU_ASSERT_EQUAL(walk_made(made[i], "a.zip", &v), -1);
		CU_ASSERT_EQUAL(said.sink.counts[DIAG_ARCHIVE_BROKEN], 1);
	}
}

/* Cut anywhere, a zip is never read as whole. */
static void
refuses_it_truncated_at_every_byte(void)
{
	char path[256], cut[256], p[4096];
	struct seen v;
	size_t n;
	FILE *f;

	shell("printf one >a.csv; printf two >b.csv; zip -X a.zip a.csv b.csv");
	snprintf(path, sizeof(path), "%s/a.zip", scratch());
	snprintf(cut, sizeof(cut), "%s/cut.zip", scratch());
	f = fopen(path, "rb");
	n = fread(p, 1, sizeof(p), f);
	fclose(f);
	CU_ASSERT(n > 100);
	for (size_t i = 0; i < n; i++) {
		f = fopen(cut, "wb");
		fwrite(p, 1, i, f);
		fclose(f);
		CU_ASSERT_EQUAL(walk(cut, &v), -1);
	}
}

static void
writes_the_same_bytes_again(void)
{
	char path[256], first[1024], second[1024];
	size_t n[2] = { 0, 0 };
	struct seen v;

	shell("true");
	snprintf(path, sizeof(path), "%s/o.zip", scratch());
	for (int i = 0; i < 2; i++) {
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		struct archive_out *o = archive_create(fd, i >= 0);
		FILE *f;
		CU_ASSERT_PTR_NOT_NULL_FATAL(o);
		CU_ASSERT_EQUAL(archive_begin(o, "a.csv", 3), 0);
		CU_ASSERT_EQUAL(archive_add(o, "one", 3), 0);
		CU_ASSERT_EQUAL(archive_begin(o, "b.csv", 3), 0);
		CU_ASSERT_EQUAL(archive_add(o, "two", 3), 0);
		CU_ASSERT_EQUAL(archive_finish(o), 0);
		close(fd);
		f = fopen(path, "rb");
		n[i] = fread(i == 0 ? first : second, 1, sizeof(first), f);
		fclose(f);
	}
	CU_ASSERT_EQUAL(n[0], n[1]);
	CU_ASSERT_EQUAL(memcmp(first, second, n[0]), 0);
	CU_ASSERT_EQUAL(walk(path, &v), 0);
	CU_ASSERT_EQUAL(memcmp(v.bytes, "onetwo", 6), 0);
	/* another program agrees */
	snprintf(first, sizeof(first),
	    "cd %s && unzip -p o.zip b.csv 2>/dev/null | grep -qx two "
	    "|| python3 -c \"import zipfile;assert "
	    "zipfile.ZipFile('o.zip').read('b.csv')==b'two'\"",
	    scratch());
	CU_ASSERT_EQUAL(system(first), 0);
	shell("true");
	rmdir(scratch());
}

static CU_TestInfo tests[] = { { "zip and tar are read member by member",
				   reads_zip_and_tar },
	{ "links, devices, folders, paths and doubles refuse the whole",
	    refuses_what_is_no_plain_file },
	{ "a bomb is stopped by ratio or by members", refuses_a_bomb },
	{ "other formats are not offered", refuses_other_formats },
	{ "a zip cut at any byte is refused",
	    refuses_it_truncated_at_every_byte },
	{ "the same members make the same bytes", writes_the_same_bytes_again },
	CU_TEST_INFO_NULL };
SUITE(archive, tests);
