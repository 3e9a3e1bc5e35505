/* error_list.h: rows by record, keys without private parts, three forms. */
#include <stdlib.h>
#include <string.h>

#include "formats/error_list.h"
#include "formats/qualification.h"
#include "tests/unit/suite.h"

static int
occurs(const char *s, const char *part)
{
	int n = 0;

	for (; (s = strstr(s, part)) != NULL; s++)
		n++;
	return n;
}

static void
raise(struct error_list *l, enum diag_code code, int64_t record, int64_t line,
    const char *field, int item)
{
	struct diag d = { .code = code,
		.file = "a.csv",
		.record = record,
		.line = line,
		.offset = line > 0 ? 99 : -1,
		.field = field,
		.item = item };

	diag_raise(&l->sink, &d);
}

/* The list as CSV; yours to free. */
static char *
write_list(struct error_list *l, int64_t max, bool cp932)
{
	struct error_paper p = {
		.receipt = "R-1", .temp_dir = "/tmp", .max = max
	};
	struct record_source src = { .layout = &qualification_layout,
		.fd = -1 };
	char *s = NULL;
	size_t n;
	FILE *out = open_memstream(&s, &n);

	if (cp932)
		p.cp932 = out;
	else
		p.csv = out;
	struct error_writer *w = error_writer_open(&p);
	CU_ASSERT_EQUAL(error_writer_add(w, l, &src), 0);
	CU_ASSERT_EQUAL(error_writer_close(w), 0);
	fclose(out);
	return s;
}

static void
row(void)
{
	struct error_list l;
	struct record rec;
	char *s;

	error_list_init(&l, "/tmp", 10, NULL, DIAG_FATAL);
	raise(&l, DIAG_CHECK_DIGIT, 3, 5, "InsurerNumber", 9);
	record_init(&rec, &qualification_format);
	rec.number = 3;
	record_set(&rec, Q_INSURER_CODE, SLICE("06139992"));
	record_set(&rec, Q_PERSON_ID, SLICE("P00003"));
	error_list_record(&l, &rec);
	s = write_list(&l, 10, false);
	CU_ASSERT_EQUAL(strncmp(s, "\xef\xbb\xbf\"ファイル\"", 15), 0);
	CU_ASSERT_EQUAL(occurs(s, "\r\n"), 2);
	/* the hundredth byte; 被保険者枝番 is private, the date was not given
	 */
	CU_ASSERT_EQUAL(
	    occurs(s,
		"\n\"a.csv\",\"5\",\"100\",\"3\",\"9\",\"InsurerNumber\","
		"\"E1203\",\"エラー\",\"加入者情報（Record）\","
		"\"保険者コード=06139992 / 被保険者枝番=*** / "
		"資格取得年月日=?\",\"保険者番号\",\"検証番号が一致しません。"
		"レコードを受け付けません\",\"番号の入力誤りを確認してくださ"
		"い\",\"check digit does not match; record refused\","
		"\"check the number for a typing error\",\"R-1\",\"\"\r\n"),
	    1);
	free(s);
	error_list_free(&l);
}

/* What the layout says of the item, so that nobody needs it beside the list;
 * the first record of a key and the number of items, in Japanese too. */
static void
expected(void)
{
	struct diag twice = { .code = DIAG_DUPLICATE,
		.file = "a.csv",
		.record = 9,
		.offset = -1,
		.detail = "same as record 4" };
	struct diag count = { .code = DIAG_FIELD_COUNT,
		.file = "a.csv",
		.record = 10,
		.line = 11,
		.detail = "36 expected, 35 found" };
	struct error_list l;
	char *s;

	error_list_init(&l, "/tmp", 10, NULL, DIAG_FATAL);
	raise(&l, DIAG_NOT_IN_CODES, 1, 2, "Sex1", 19);
	raise(&l, DIAG_BAD_PATTERN, 2, 3, "PostNumber", 22);
	raise(&l, DIAG_TOO_LONG, 3, 4, "NameKana", 17);
	raise(&l, DIAG_BAD_DATE, 4, 5, "Birthdate", 21);
	diag_raise(&l.sink, &twice);
	diag_raise(&l.sink, &count);
	s = write_list(&l, 10, false);
	CU_ASSERT_EQUAL(occurs(s, "（正しい値: 1 男、2 女"), 1);
	CU_ASSERT_EQUAL(occurs(s, "(expected: 1 male, 2 female"), 1);
	CU_ASSERT_EQUAL(
	    occurs(
		s, "（正しい値: 半角英数字、8字以内、ddd-dddd。例 100-0001）"),
	    1);
	CU_ASSERT_EQUAL(occurs(s, "（正しい値: 半角カナ、120字以内。例 "), 1);
	CU_ASSERT_EQUAL(
	    occurs(s, "（正しい値: 西暦年月日YYYYMMDD。例 19500415）"), 1);
	CU_ASSERT_EQUAL(occurs(s, "(same as record 4)"), 1);
	CU_ASSERT_EQUAL(
	    occurs(s, "レコード番号4と同じです。先のレコードを有効としました"),
	    1);
	CU_ASSERT_EQUAL(
	    occurs(s, "この行の項目数は35、レイアウトでは36です"), 1);
	free(s);
	error_list_free(&l);
}

/* One text for the clerk, with the mask for programs; the same in CP932, and
 * nothing of what was replaced. */
static void
substitutes(void)
{
	struct diag d = { .code = DIAG_REPLACED,
		.file = "a.csv",
		.record = 3,
		.line = 5,
		.field = "Name",
		.item = 15,
		.detail = "mask 01001" };
	char *s, all[64] = "mask ", *back;
	struct error_list l;
	struct buf b;

	error_list_init(&l, "/tmp", 10, NULL, DIAG_FATAL);
	diag_raise(&l.sink, &d);
	s = write_list(&l, 10, false);
	CU_ASSERT_EQUAL(
	    occurs(s, ",\"2・5文字目を代替文字に置き換えました（位置01001）\""),
	    1);
	free(s);
	error_list_free(&l);
	memset(all + 5, '1', 12);
	d.detail = all;
	error_list_init(&l, "/tmp", 10, NULL, DIAG_FATAL);
	diag_raise(&l.sink, &d);
	s = write_list(&l, 10, true);
	back = malloc(4 * strlen(s));
	buf_init(&b, back, 4 * strlen(s));
	CU_ASSERT_EQUAL(text_from_cp932(slice_of(s), &b), 0);
	CU_ASSERT_EQUAL(
	    occurs(back,
		",\"1・2・3・4・5・6・7・8・9・10文字目ほかを代替文字に置き"
		"換えました（位置111111111111）\""),
	    1);
	free(back);
	free(s);
	error_list_free(&l);
}

static void
order(void)
{
	struct error_list l;
	char *s;
	const char *two, *seven;

	error_list_init(&l, "/tmp", 10, NULL, DIAG_FATAL);
	raise(&l, DIAG_MISSING, 7, 9, "Name", 15);
	raise(&l, DIAG_TRAILER, 0, 0, NULL, 0);
	raise(&l, DIAG_DUPLICATE, 2, 0, NULL, 0);
	s = write_list(&l, 10, false);
	two = strstr(s, "E6001");
	seven = strstr(s, "E1101");
	CU_ASSERT_TRUE(two != NULL && seven != NULL && two < seven);
	CU_ASSERT_TRUE(strstr(s, "F3302") < two);
	free(s);
	error_list_free(&l);
}

static void
cut(void)
{
	struct error_list l;
	char *s;

	error_list_init(&l, "/tmp", 3, NULL, DIAG_FATAL);
	for (int i = 1; i <= 5; i++)
		raise(&l, DIAG_MISSING, i, i, "Name", 15);
	CU_ASSERT_EQUAL(l.sink.counts[DIAG_MISSING], 5);
	CU_ASSERT_EQUAL(l.dropped, 2);
	s = write_list(&l, 2, false); /* of three kept one more is left out */
	CU_ASSERT_EQUAL(occurs(s, "E1101"), 2);
	CU_ASSERT_EQUAL(occurs(s, "N3313"), 1);
	CU_ASSERT_EQUAL(occurs(s, "(3 more)"), 1);
	free(s);
	error_list_free(&l);
}

static void
many(void)
{
	struct error_list l;
	char *s;
	int rows = 0;

	/* more than fits into its memory */
	error_list_init(&l, "/tmp", 200000, NULL, DIAG_FATAL);
	for (int i = 150000; i > 0; i--)
		raise(&l, DIAG_MISSING, i, i, "Name", 15);
	s = write_list(&l, 200000, false);
	/* not strstr(): the sanitizers measure the whole string each time */
	for (const char *p = s; *p != '\0'; p++)
		rows += *p == '\n';
	CU_ASSERT_EQUAL(rows, 150001);
	CU_ASSERT_TRUE(strstr(s, "\"1\",\"100\",\"1\"") <
	    strstr(s, "\"150000\",\"100\",\"150000\""));
	free(s);
	error_list_free(&l);
}

static void
old_set(void)
{
	struct error_list l;
	struct diag d = { .code = DIAG_FILE_NAME,
		.file = "＝𠮷.csv",
		.offset = -1,
		.detail = "say \"no\"\t" };
	char *s;

	error_list_init(&l, "/tmp", 3, NULL, DIAG_FATAL);
	diag_raise(&l.sink, &d);
	s = write_list(&l, 3, false);
	CU_ASSERT_EQUAL(occurs(s, "\n\"'＝𠮷.csv\",\"\",\"\""), 1);
	CU_ASSERT_EQUAL(occurs(s, "(say \"\"no\"\" )"), 1);
	free(s);
	error_list_free(&l);
	error_list_init(&l, "/tmp", 3, NULL, DIAG_FATAL);
	diag_raise(&l.sink, &d);
	s = write_list(&l, 3, true);
	/* ' ＝ 〓 .csv, and （1字） in the note */
	CU_ASSERT_EQUAL(occurs(s, "\n\"'\x81\x81\x81\xac.csv\""), 1);
	CU_ASSERT_EQUAL(occurs(s, "\x81\x69\x31\x8e\x9a\x81\x6a\"\r\n"), 1);
	free(s);
	error_list_free(&l);
}

static void
no_disk(void)
{
	struct error_list l;
	struct error_paper p = { .receipt = "",
		.xlsx = "/nonexistent/x.xlsx",
		.temp_dir = "/tmp",
		.max = 3 };
	struct error_writer *w = error_writer_open(&p);

	error_list_init(&l, "/tmp", 3, NULL, DIAG_FATAL);
	error_writer_add(w, &l, NULL);
	CU_ASSERT_EQUAL(error_writer_close(w), -1);
	error_list_free(&l);
}

static CU_TestInfo tests[] = {
	{ "substitutes are told by their places", substitutes },
	{ "a row says where, what, why and how to mend it", row },
	{ "a row says what its item should look like", expected },
	{ "rows come by record, those of the file first", order },
	{ "a list that is cut says by how much", cut },
	{ "a list larger than its memory is whole and in order", many },
	{ "a cell is no formula, and CP932 says what it lacks", old_set },
	{ "a workbook that cannot be written is a failure", no_disk },
	CU_TEST_INFO_NULL,
};
SUITE(error_list, tests);
