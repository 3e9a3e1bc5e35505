#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/rebuild_reflect.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "tests/unit/suite.h"

/* Two uploads; the second has two segments, as a record that gives a pair and
 * a new key has. */
static struct reflect *
begin(struct inputs *in, const char *dir)
{
	static const int file[] = { 0, 1, 1 };

	memset(in, 0, sizeof(*in));
	in->v = text_alloc(3 * sizeof(*in->v));
	in->file = text_alloc(3 * sizeof(*in->file));
	in->files = text_alloc(2 * sizeof(*in->files));
	in->n = 3;
	in->n_files = in->n_uploads = 2;
	memcpy(in->file, file, sizeof(file));
	for (int i = 0; i < 2; i++) {
		memcpy(in->files[i].sender, "06139992", 9);
		in->files[i].feed = FEED_SHIKAKU;
		in->files[i].day = day_of(2026, 8, 1);
		in->files[i].sequence = i + 1;
	}
	return reflect_new(in, dir);
}

static void
add(struct reflect *r, const struct inputs *in, int rank, int64_t record,
    enum diag_code code)
{
	struct change c = {
		.kind = SEGMENT_PERIOD, .file = in->file[rank], .rank = rank
	};

	CU_ASSERT_EQUAL(reflect_add(r, &c, record, code), 0);
}

/* "RECORD STATE CODE;" of each row of the upload's file. */
static void
rows(const char *dir, int upload, char *out, size_t max)
{
	char path[300], line[1000], *v[6];
	size_t n = 0;

	out[0] = '\0';
	snprintf(path, sizeof(path), "%s/06139992_shikaku_20260801_%04d.csv",
	    dir, upload);
	FILE *f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; fgets(line, sizeof(line), f) != NULL; i++) {
		char *p = line;
		for (int k = 0; k < 6; k++)
			v[k] = strsep(&p, ",");
		if (i > 0 && v[3] != NULL)
			n += (size_t)snprintf(
			    out + n, max - n, "%s %s %s;", v[1], v[2], v[3]);
	}
	fclose(f);
}

static void
every_record_has_its_row_in_the_files_order(void)
{
	char dir[] = "/tmp/shikaku-reflect-XXXXXX", text[1000];
	struct diag_log log;
	struct inputs in;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	diag_log_init(&log, "reflect_test", stderr);
	struct reflect *r = begin(&in, dir);
	for (int i = 1; i <= 4; i++) /* in order: one stretch */
		add(r, &in, 0, i, DIAG_ADDED);
	add(r, &in, 0, 7, DIAG_ADDED); /* 5 and 6 were refused by ingest */
	add(r, &in, 0, 8, DIAG_UNCHANGED);
	add(r, &in, 1, 5, DIAG_ADDED); /* the same number in another upload */
	CU_ASSERT_EQUAL(reflect_note(r, 0, 5, DIAG_LINK_WAITS), 0);
	CU_ASSERT_EQUAL(reflect_note(r, 0, 3, DIAG_LINK_WAITS), 0);
	for (int i = 3; i >= 1; i--) /* in none */
		add(r, &in, 1, i, DIAG_ADDED);
	add(r, &in, 2, 2, DIAG_AMENDED);
	add(r, &in, 2, 3, DIAG_AMENDED);
	CU_ASSERT_EQUAL(reflect_note(r, 1, 2, DIAG_LINK_WAITS), 0);
	CU_ASSERT_EQUAL(reflect_write(r, NULL, dir, 1, 0, &log.sink), 0);
	rows(dir, 1, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text,
	    "1 added ;2 added ;3 added W7017;4 added ;7 added ;"
	    "8 unchanged N7005;");
	rows(dir, 2, text, sizeof(text));
	CU_ASSERT_STRING_EQUAL(text,
	    "1 added ;2 added ;2 amended W7017;3 added ;3 amended ;5 added ;");
	CU_ASSERT_EQUAL(spool_remove_tree(dir), 0);
	inputs_free(&in);
}

static CU_TestInfo tests[] = {
	{ "every record has its row, in the file's order, with its note",
	    every_record_has_its_row_in_the_files_order },
	CU_TEST_INFO_NULL,
};

SUITE(rebuild_reflect, tests);
