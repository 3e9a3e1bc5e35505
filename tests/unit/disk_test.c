/*
 * Files of records, error lists, archives and configurations on a disk that
 * is slow (a byte at a time, a signal in between), full or broken: the same
 * as from memory, or refused with a word.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/archive.h"
#include "formats/codec/seal.h"
#include "formats/config.h"
#include "formats/error_list.h"
#include "formats/qualification.h"
#include "formats/registry.h"
#include "tests/tools/rows.h"
#include "tests/unit/faults.h"
#include "tests/unit/suite.h"

#define TODAY 20666 /* 2026-08-01 */

static void
put(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

static int
memory(void)
{
	int fd = memfd_create("t", MFD_CLOEXEC);

	CU_ASSERT_FATAL(fd != -1);
	return fd;
}

static struct slice
whole(int fd)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *p = malloc((size_t)n + 1);

	CU_ASSERT_FATAL(p != NULL && pread(fd, p, (size_t)n, 0) == n);
	return (struct slice) { p, (size_t)n };
}

/* ---- reading ---- */

/* All that a reader says of a file: places, values, counts, codes. */
static void
tell(const struct record_source *src, char digest[65], struct diag_sink *sink)
{
	struct record_source s = *src;
	struct seal_hash *h = seal_hash_new();
	struct record_reader *r;
	struct record rec;
	struct record_counts n;
	enum record_result res;
	unsigned char out[32];

	s.sink = sink;
	r = record_open(&s);
	while ((res = record_next(r, &rec)) == RECORD_OK ||
	    res == RECORD_REFUSED) {
		int64_t at[] = { res, rec.number, rec.line, rec.offset,
			(int64_t)rec.bad };
		seal_hash_add(h, at, sizeof(at));
		for (unsigned i = 0; i < s.layout->data->nfields; i++)
			seal_hash_add(h, rec.v[i].s.p, rec.v[i].s.n);
	}
	n = record_count(r);
	seal_hash_add(h, &n, sizeof(n));
	seal_hash_add(h, &res, sizeof(res));
	seal_hash_add(h, sink->counts, sizeof(sink->counts));
	record_close(r);
	seal_hash_end(h, out);
	for (int i = 0; i < 32; i++)
		snprintf(digest + 2 * i, 3, "%02x", out[i]);
}

/* How many bytes a call gives: all sizes a border can fall on. */
static bool
the_same_in_driblets(const struct record_source *src)
{
	static const size_t most[] = { 1, 2, 3, 7, 64 };
	struct diag_sink sink = { .put = put };
	struct record_source s = *src;
	char want[65], got[65];
	bool same = true;
	int fd = memory();

	tell(src, want, &sink);
	CU_ASSERT_FATAL(
	    write(fd, src->bytes.p, src->bytes.n) == (ssize_t)src->bytes.n);
	s.fd = fd;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		lseek(fd, 0, SEEK_SET);
		memset(&sink, 0, sizeof(sink));
		sink.put = put;
		faults_short(most[i]);
		tell(&s, got, &sink);
		faults_short(0);
		same = same && strcmp(want, got) == 0;
	}
	close(fd);
	return same;
}

static void
layouts_in_driblets(void)
{
	for (int i = 0; registry[i] != NULL; i++)
		for (int s = 0; s < SYNTAX__MAX; s++)
			for (int cs = 0; cs < CHARSET__MAX; cs++) {
				struct diag_sink sink = { .put = put };
				struct record_source src = { .name = "t",
					.fd = -1,
					.layout = registry[i],
					.syntax = (enum syntax)s,
					.charset = (enum charset)cs,
					.today = TODAY };
				int fd = memory();

				if (s == SYNTAX_FIXED && cs != CHARSET_CP932) {
					close(fd);
					continue;
				}
				rows_write(fd, "t", src.layout, src.syntax,
				    src.charset, 3, &sink);
				src.bytes = whole(fd);
				CU_ASSERT(the_same_in_driblets(&src));
				free((char *)src.bytes.p);
				close(fd);
			}
}

/* What the fuzzers found worth keeping. */
static void
corpus_in_driblets(const char *name, enum syntax syntax)
{
	char folder[64], path[400];
	struct dirent *e;
	int layouts = 0, n = 0;
	DIR *d;

	while (registry[layouts] != NULL)
		layouts++;
	snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", name);
	d = opendir(folder);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (e->d_name[0] == '.' || fd == -1)
			continue;
		struct slice b = whole(fd);
		close(fd);
		/* as tests/fuzz/records.h; long ones at their begin only */
		for (int k = 0; b.n > 1 && k < 2; k++) {
			size_t most = b.n - 1 > 20000 ? 20000 : b.n - 1;
			struct record_source src = { .name = "t",
				.fd = -1,
				.bytes = { b.p + 1, most },
				.layout = registry[(b.p[0] & 0x1f) % layouts],
				.syntax = syntax,
				.charset =
				    k == 1 ? CHARSET_CP932 : CHARSET_UTF8,
				.today = TODAY };
			if (syntax == SYNTAX_FIXED && k == 0)
				continue;
			if (!the_same_in_driblets(&src)) {
				fprintf(stderr, "%s\n", path);
				CU_FAIL("other from the disk than in memory");
			}
			n++;
		}
		free((char *)b.p);
	}
	closedir(d);
	CU_ASSERT(n > 5);
}

static void
odd_files_in_driblets(void)
{
	corpus_in_driblets("csv", SYNTAX_CSV);
	corpus_in_driblets("fixed", SYNTAX_FIXED);
	corpus_in_driblets("xml", SYNTAX_XML);
}

static enum syntax syntax;
static enum charset charset;
static int file = -1;

static int
read_records(struct diag_sink *sink)
{
	struct record_source src = { .name = "t",
		.fd = file,
		.layout = &qualification_layout,
		.syntax = syntax,
		.charset = charset,
		.today = TODAY,
		.sink = sink };
	struct record_reader *r = record_open(&src);
	struct record rec;
	enum record_result res;
	int n = 0;

	while ((res = record_next(r, &rec)) == RECORD_OK)
		n++;
	CU_ASSERT(res == RECORD_BROKEN || n == 40);
	record_close(r);
	return res == RECORD_END ? 0 : -1;
}

static void
rewind_file(void)
{
	CU_ASSERT_FATAL(lseek(file, 0, SEEK_SET) == 0);
}

static int
write_records(struct diag_sink *sink)
{
	return rows_write(
	    file, "t", &qualification_layout, syntax, charset, 40, sink);
}

static void
empty_file(void)
{
	CU_ASSERT_FATAL(ftruncate(file, 0) == 0);
	rewind_file();
}

static struct slice should_be;

static bool
written_right(void)
{
	struct slice s = whole(file);
	bool same = slice_eq(s, should_be);

	free((char *)s.p);
	return same;
}

static void
records_on_a_failing_disk(void)
{
	static const struct faults_work reads = { .name = "records read",
		.work = read_records,
		.begin = rewind_file,
		.says = true };
	static const struct faults_work writes = { .name = "records written",
		.work = write_records,
		.begin = empty_file,
		.right = written_right,
		.says = true };
	struct diag_sink sink = { .put = put };

	for (int i = 0; i < 6; i++) {
		syntax = (enum syntax)(i % 3);
		charset = i / 3 == 1 || syntax == SYNTAX_FIXED ? CHARSET_CP932 :
								 CHARSET_UTF8;
		file = memory();
		CU_ASSERT_EQUAL_FATAL(write_records(&sink), 0);
		should_be = whole(file);
		CU_ASSERT(faults_sweep(&reads, "read", EIO) > 1);
		CU_ASSERT(faults_sweep(&reads, "read", EINTR) > 1);
		CU_ASSERT(faults_sweep(&writes, "write", ENOSPC) > 0);
		CU_ASSERT(faults_sweep(&writes, "write", EINTR) > 0);
		faults_short(100);
		empty_file();
		CU_ASSERT_EQUAL(write_records(&sink), 0);
		faults_short(0);
		CU_ASSERT(written_right());
		free((char *)should_be.p);
		close(file);
	}
}

/* ---- error lists ---- */

static char xlsx[64];
static char *csv_text, *cp932_text;
static size_t csv_size, cp932_size;

static void
raise(struct error_list *l, enum diag_code code, int64_t record)
{
	struct diag d = { .code = code,
		.file = "a.csv",
		.record = record,
		.offset = -1,
		.field = "InsurerNumber",
		.item = 9 };
	struct record rec;

	diag_raise(&l->sink, &d);
	record_init(&rec, &qualification_format);
	rec.number = record;
	record_set(&rec, Q_INSURER_CODE, SLICE("06139992"));
	error_list_record(l, &rec);
}

static int
write_errors(struct diag_sink *sink)
{
	struct record_source src = { .name = "a.csv",
		.fd = file,
		.layout = &qualification_layout,
		.syntax = SYNTAX_CSV,
		.today = TODAY };
	struct error_paper p = { .receipt = "R-1",
		.temp_dir = "/tmp",
		.max = 100,
		.with_rows = true };
	struct error_list l;
	int r;

	(void)sink;
	free(csv_text);
	free(cp932_text);
	p.csv = open_memstream(&csv_text, &csv_size);
	p.cp932 = open_memstream(&cp932_text, &cp932_size);
	p.xlsx = xlsx;
	error_list_init(&l, "/tmp", 100, NULL, DIAG_FATAL);
	for (int i = 1; i <= 5; i++)
		raise(&l, DIAG_CHECK_DIGIT, i);
	struct error_writer *w = error_writer_open(&p);
	r = error_writer_add(w, &l, &src);
	r = error_writer_close(w) == -1 ? -1 : r;
	error_list_free(&l);
	fclose(p.csv);
	fclose(p.cp932);
	return r;
}

static int
lines(const char *s, size_t n)
{
	int lf = 0;

	for (size_t i = 0; i < n; i++)
		lf += s[i] == '\n';
	return lf;
}

static bool
errors_right(void)
{
	struct stat st;
	bool right = stat(xlsx, &st) == 0 && st.st_size > 4000 &&
	    lines(csv_text, csv_size) == 6 &&
	    lines(cp932_text, cp932_size) == 6;

	unlink(xlsx);
	return right;
}

static bool
no_workbook(void)
{
	return access(xlsx, F_OK) == -1;
}

static void
error_lists(void)
{
	static const struct faults_work work = { .name = "error list",
		.work = write_errors,
		.begin = rewind_file,
		.right = errors_right,
		.tidy = no_workbook };
	/* a list that lost the place of its rows is a list all the same */
	static const char *const calls[] = { "workbook_create",
		"workbook_sheet", "workbook_row", "workbook_new_opt",
		"workbook_add_worksheet", "workbook_add_format",
		"workbook_close", "sort_add", "sort_finish", "sort_next",
		"fflush", "read", "lseek", "pread" };
	struct diag_sink sink = { .put = put };

	snprintf(
	    xlsx, sizeof(xlsx), "/tmp/shikaku-disk-%ld.xlsx", (long)getpid());
	file = memory();
	CU_ASSERT_EQUAL_FATAL(rows_write(file, "a.csv", &qualification_layout,
				  SYNTAX_CSV, CHARSET_UTF8, 5, &sink),
	    0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		faults_sweep(&work, calls[i], ENOSPC);
	CU_ASSERT(faults_sweep(&work, NULL, EIO) > 20);
	free(csv_text);
	free(cp932_text);
	csv_text = cp932_text = NULL;
	close(file);
}

static void
error_list_on_a_full_disk(void)
{
	struct error_paper p = {
		.receipt = "R-1", .temp_dir = "/tmp", .max = 100000
	};
	struct error_list l;

	for (int i = 0; i < 2; i++) {
		FILE *full = fopen("/dev/full", "w");
		CU_ASSERT_PTR_NOT_NULL_FATAL(full);
		p.csv = i == 0 ? full : NULL;
		p.cp932 = i == 1 ? full : NULL;
		error_list_init(&l, "/tmp", 100000, NULL, DIAG_FATAL);
		for (int k = 1; k <= 1000; k++)
			raise(&l, DIAG_CHECK_DIGIT, k);
		struct error_writer *w = error_writer_open(&p);
		CU_ASSERT_EQUAL(error_writer_add(w, &l, NULL), -1);
		errno = 0;
		CU_ASSERT_EQUAL(error_writer_close(w), -1);
		CU_ASSERT_EQUAL(errno, ENOSPC);
		error_list_free(&l);
		fclose(full);
	}
}

/* ---- archives ---- */

static int
make_archive(struct diag_sink *sink)
{
	struct archive_out *a = archive_create(file, false);
	int bad;

	(void)sink;
	if (a == NULL)
		return -1;
	bad = archive_begin(a, "a.csv", 4);
	bad |= archive_add(a, "abcd", 4);
	return archive_finish(a) | bad;
}

static int
on_member(void *arg, const struct archive_member *m, struct archive_stream *s)
{
	char bytes[16];
	int64_t n;

	while ((n = archive_read(s, bytes, sizeof(bytes))) > 0)
		*(int64_t *)arg += n;
	return n == -1 || !slice_is(m->name, "a.csv");
}

static int
read_archive(struct diag_sink *sink)
{
	int64_t n = 0;
	int r = archive_each("a.zip", file, on_member, &n, sink);

	CU_ASSERT(r != 0 || n == 4);
	return r == 0 ? 0 : -1;
}

static bool
archive_right(void)
{
	struct diag_sink sink = { .put = put };

	rewind_file();
	return read_archive(&sink) == 0;
}

static void
archives(void)
{
	static const struct faults_work makes = { .name = "archive made",
		.work = make_archive,
		.begin = empty_file,
		.right = archive_right };
	static const struct faults_work reads = { .name = "archive read",
		.work = read_archive,
		.begin = rewind_file,
		.says = true };

	file = memory();
	CU_ASSERT(faults_sweep(&makes, NULL, ENOSPC) > 5);
	CU_ASSERT(faults_sweep(&reads, NULL, EIO) > 4);
	close(file);
}

/* ---- configuration ---- */

static char site[64];

static int
load(struct diag_sink *sink)
{
	struct config *c = config_load(site, sink);
	bool read = c != NULL;

	config_free(c);
	return read ? 0 : -1;
}

static void
configurations(void)
{
	static const struct faults_work work = {
		.name = "config", .work = load, .says = true
	};
	FILE *f;

	snprintf(
	    site, sizeof(site), "/tmp/shikaku-disk-%ld.yaml", (long)getpid());
	f = fopen(site, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("qualification:\n  root: q\n", f);
	fclose(f);
	CU_ASSERT(faults_sweep(&work, NULL, EIO) > 1);
	unlink(site);
}

static CU_TestInfo tests[] = {
	{ "every layout reads the same a byte at a time", layouts_in_driblets },
	{ "so does every odd file", odd_files_in_driblets },
	{ "records on a failing disk are whole or told of",
	    records_on_a_failing_disk },
	{ "an error list is whole or not there", error_lists },
	{ "an error list on a full disk says so", error_list_on_a_full_disk },
	{ "an archive is whole or told of", archives },
	{ "a configuration is read whole or not at all", configurations },
	CU_TEST_INFO_NULL,
};
SUITE(disk, tests);
