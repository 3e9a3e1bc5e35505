#include <stdlib.h>
#include <string.h>

#include "formats/feeds.h"
#include "formats/codec/syntax.h"
#include "tests/unit/suite.h"

/* The site's table of senders shows how rows are cut. */
#define NAMES "Sender,Side,Feeds,SenderName,JoinsOn,LeavesOn\r\n"

static struct diag_list list;

/* Reads rows after the names; the 4th item of the last good one. */
static struct record_counts
cut(struct slice rows, char *name, size_t size)
{
	struct layout l = sender_layout;
	struct record_source src = {
		.name = "t", .fd = -1, .layout = &l, .sink = &list.sink
	};
	struct record_counts n;
	struct record_reader *r;
	struct record rec;
	enum record_result res;
	char *bytes = malloc(sizeof(NAMES) + rows.n);

	memcpy(bytes, NAMES, sizeof(NAMES) - 1);
	memcpy(bytes + sizeof(NAMES) - 1, rows.p, rows.n);
	src.bytes = (struct slice) { bytes, sizeof(NAMES) - 1 + rows.n };
	l.refuse_percent = 100;
	diag_list_init(&list, 100, NULL, DIAG_FATAL);
	name[0] = '\0';
	r = record_open(&src);
	while (
	    (res = record_next(r, &rec)) == RECORD_OK || res == RECORD_REFUSED)
		if (res == RECORD_OK)
			snprintf(name, size, "%.*s", (int)rec.v[S_NAME].s.n,
			    rec.v[S_NAME].s.p);
	n = record_count(r);
	record_close(r);
	free(bytes);
	return n;
}

static void
test_quotes(void)
{
	static const struct {
		const char *row, *name;
	} t[] = {
		{ "A,intermediate,nhi,plain,,\r\n", "plain" },
		{ "A,intermediate,nhi,\"a,b\",,\r\n", "a,b" },
		{ "A,intermediate,nhi,\"say \"\"hi\"\"\",,\r\n", "say \"hi\"" },
		{ "A,intermediate,nhi,\"\"\"\",,\r\n", "\"" },
		{ "A,intermediate,nhi,\"\",,\r\n", "" },
		{ "\"A\",\"intermediate\",\"nhi\",\"x\",\"\",\"\"\n", "x" },
		{ "A,intermediate,nhi,\"x\",,\"\"", "x" },
		{ "A,intermediate,nhi,見本,,\r", "見本" },
	};
	char name[400];

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct record_counts n =
		    cut(slice_of(t[i].row), name, sizeof(name));

		CU_ASSERT_EQUAL(n.accepted, 1);
		CU_ASSERT_STRING_EQUAL(name, t[i].name);
		diag_list_free(&list);
	}
}

static void
one_bad(const char *rows, enum diag_code code, int64_t read, int64_t good)
{
	char name[400];
	struct record_counts n = cut(slice_of(rows), name, sizeof(name));

	CU_ASSERT_EQUAL(n.read, read);
	CU_ASSERT_EQUAL(n.accepted, good);
	CU_ASSERT_EQUAL(list.sink.counts[code], read - good);
	if (n.accepted != good || list.sink.counts[code] != read - good)
		fprintf(stderr, "rows: %s\n", rows);
	diag_list_free(&list);
}

#define GOOD "B,intermediate,nhi,good,,\r\n"

static void
test_bad_quotes(void)
{
	one_bad("A,intermediate,nhi,\"x,,\r\n" GOOD, DIAG_QUOTING, 2, 1);
	one_bad("A,intermediate,nhi,\"x\"y,,\r\n" GOOD, DIAG_QUOTING, 2, 1);
	one_bad("A,intermediate,nhi,x\"y,,\r\n" GOOD, DIAG_QUOTING, 2, 1);
	one_bad("A,intermediate,nhi,x,,\"\r\n" GOOD, DIAG_QUOTING, 2, 1);
	one_bad("A,intermediate,nhi,x,,\"", DIAG_QUOTING, 1, 0);
	/* a newline inside quotes is one record, with a control character */
	one_bad("A,intermediate,nhi,\"x\r\ny\",,\r\n" GOOD,
	    DIAG_CONTROL_CHARACTER, 2, 1);
}

static void
test_counts(void)
{
	one_bad("A,intermediate,nhi,x,\r\n" GOOD, DIAG_FIELD_COUNT, 2, 1);
	one_bad("A,intermediate,nhi,x,,,\r\n" GOOD, DIAG_FIELD_COUNT, 2, 1);
	one_bad("\r\n" GOOD, DIAG_FIELD_COUNT, 2, 1);
	one_bad(",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"
		"\r\n" GOOD,
	    DIAG_FIELD_COUNT, 2, 1);
}

static void
test_long(void)
{
	char *rows = malloc(600000);
	char name[400];
	struct record_counts n;

	memset(rows, 'x', 600000);
	memcpy(rows + 500000, "\r\n" GOOD, sizeof("\r\n" GOOD) - 1);
	n = cut((struct slice) { rows, 500000 + sizeof("\r\n" GOOD) - 1 }, name,
	    sizeof(name));
	CU_ASSERT_EQUAL(n.read, 2);
	CU_ASSERT_EQUAL(n.accepted, 1);
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_RECORD_LENGTH], 1);
	CU_ASSERT_STRING_EQUAL(name, "good");
	diag_list_free(&list);
	free(rows);
}

/* Items of every length around the blocks of 64 the cutter looks at. */
static void
test_blocks(void)
{
	char row[400], name[400], want[200];

	for (int len = 0; len < 160; len++) {
		struct record_counts n;

		memset(want, 'n', (size_t)len);
		want[len] = '\0';
		snprintf(
		    row, sizeof(row), "A,intermediate,nhi,%s,,\n" GOOD, want);
		n = cut(slice_of(row), name, sizeof(name));
		CU_ASSERT_EQUAL(n.accepted, 2);
		diag_list_free(&list);
		snprintf(
		    row, sizeof(row), GOOD "A,intermediate,nhi,%s,,", want);
		n = cut(slice_of(row), name, sizeof(name));
		CU_ASSERT_EQUAL(n.accepted, 2);
		CU_ASSERT_STRING_EQUAL(name, want);
		diag_list_free(&list);
	}
}

/* Each way of looking against the definition, byte by byte. */
static void
looks(void)
{
	uint64_t seed = 1, wrong = 0;
	struct csv_block b;
	char p[64];
	int ways = 0;

	for (csv_look *look; (look = csv_look_at(ways)) != NULL; ways++)
		for (int n = 0; n < 20000; n++) {
			for (int i = 0; i < 64; i++) {
				seed = seed * UINT64_C(6364136223846793005) + 1;
				p[i] = seed >> 60 < 12 ?
				    ",\n\"\r,\x80\xff\xac\x8a\xa2;\x0b"[seed >>
					60] :
				    (char)(seed >> 50);
			}
			look(p, &b);
			for (int i = 0; i < 64; i++) {
				wrong += (b.commas >> i & 1) != (p[i] == ',');
				wrong +=
				    (b.newlines >> i & 1) != (p[i] == '\n');
				wrong += (b.quotes >> i & 1) != (p[i] == '"');
				wrong += (b.high >> i & 1) !=
				    ((unsigned char)p[i] > 0x7f);
			}
		}
	CU_ASSERT(ways >= 1);
	CU_ASSERT(wrong == 0);
}

static CU_TestInfo tests[] = {
	{ "quotes are taken off and doubled ones halved", test_quotes },
	{ "quotes that do not match spoil one record only", test_bad_quotes },
	{ "too few or too many items spoil one record only", test_counts },
	{ "a line longer than a record may be is left out", test_long },
	{ "items may lie across any block", test_blocks },
	{ "every way of looking at 64 bytes sees the same", looks },
	CU_TEST_INFO_NULL,
};
SUITE(csv, tests);
