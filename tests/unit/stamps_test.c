#include "batch/stamps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/spool.h"
#include "formats/codec/seal.h"
#include "tests/pki/pki.h"
#include "tests/unit/suite.h"

/* That a right answer is kept is shown with a real authority (openssl ts):
 * tests/bill.py. Here: what is asked, when, and what becomes of a wrong one. */

#define HEAD "kind: riyo\nday: 2026-08-01\n"

static struct diag_list said;
static char root[64], usage[SPOOL_PATH_MAX];

static void
put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void
begin(void)
{
	char path[SPOOL_PATH_MAX];

	diag_list_free(&said);
	diag_list_init(&said, 10, NULL, DIAG_FATAL);
	snprintf(root, sizeof(root), "/tmp/shikaku-stamps.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(root));
	spool_path(path, root, "work");
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	spool_path(usage, root, "out");
	CU_ASSERT_EQUAL(mkdir(usage, 0700), 0);
	spool_path(path, usage, "riyo-20260801.yaml");
	put(path, HEAD);
}

static void
end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	CU_ASSERT_EQUAL(system(command), 0);
}

static bool
there(const char *name)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, root, "tsa/%s", name);
	return access(path, F_OK) == 0;
}

static struct stamps
run(const char *ca)
{
	struct stamps n;

	CU_ASSERT_EQUAL(stamps_run(root, usage, ca, &n, &said.sink), 0);
	return n;
}

static void
without_an_authority_nothing_is_done(void)
{
	struct stamps n;

	begin();
	n = run("");
	CU_ASSERT_EQUAL(n.asked + n.kept + n.wait, 0);
	CU_ASSERT(!there("riyo-20260801.tsq"));
	end();
}

static void
a_head_is_asked_for_once_and_waited_for(void)
{
	char path[SPOOL_PATH_MAX], request[512], *got;
	struct stamps n;
	struct buf b;
	size_t len;

	begin();
	n = run(pki("ca.pem"));
	CU_ASSERT_EQUAL(n.asked, 1);
	CU_ASSERT_EQUAL(n.wait, 1);
	/* a request is a function of the head: RFC 3161 2.4.1, no nonce */
	buf_init(&b, request, sizeof(request));
	CU_ASSERT_EQUAL(seal_stamp_request(SLICE(HEAD), &b), 0);
	spool_path(path, root, "tsa/riyo-20260801.tsq");
	got = spool_slurp(path, 4096, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT(slice_eq((struct slice) { got, len }, buf_slice(&b)));
	free(got);
	n = run(pki("ca.pem"));
	CU_ASSERT_EQUAL(n.asked, 0);
	CU_ASSERT_EQUAL(n.wait, 1);
	end();
}

static void
only_heads_are_stamped(void)
{
	static const char *const names[] = { "riyo-20260801.csv",
		"riyo-20260801.p7s", "riyo-2026081.yaml", "bill-202608.csv",
		"bill-20260801.yaml", "notes.yaml" };
	char path[SPOOL_PATH_MAX];
	struct stamps n;

	begin();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		spool_path(path, usage, "%s", names[i]);
		put(path, "x");
	}
	spool_path(path, usage, "bill-202608.yaml");
	put(path, "kind: bill\n");
	n = run(pki("ca.pem"));
	CU_ASSERT_EQUAL(n.asked, 2); /* the day's and the month's */
	CU_ASSERT(there("riyo-20260801.tsq"));
	CU_ASSERT(there("bill-202608.tsq"));
	end();
}

static void
one_that_has_its_stamp_is_left_alone(void)
{
	char path[SPOOL_PATH_MAX];
	struct stamps n;

	begin();
	spool_path(path, usage, "riyo-20260801.tsr");
	put(path, "its stamp");
	n = run(pki("ca.pem"));
	CU_ASSERT_EQUAL(n.asked + n.kept + n.wait, 0);
	CU_ASSERT(!there("riyo-20260801.tsq"));
	end();
}

static void
a_wrong_answer_is_named_and_asked_for_again(void)
{
	char path[SPOOL_PATH_MAX];
	struct stamps n;

	begin();
	run(pki("ca.pem"));
	spool_path(path, root, "tsa/riyo-20260801.tsr");
	put(path, "no answer of RFC 3161");
	n = run(pki("ca.pem"));
	CU_ASSERT_EQUAL(n.kept, 0);
	CU_ASSERT_EQUAL(n.wait, 1);
	CU_ASSERT_EQUAL(said.sink.counts[DIAG_STAMP_BAD], 1);
	CU_ASSERT(!there("riyo-20260801.tsr"));
	CU_ASSERT(there("riyo-20260801.tsq"));
	spool_path(path, usage, "riyo-20260801.tsr");
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	end();
	diag_list_free(&said);
}

/* A later stamp would not be worth what this one is. */
static void
an_answer_is_kept_where_the_anchors_cannot_be_read(void)
{
	char path[SPOOL_PATH_MAX];
	struct stamps n;

	begin();
	run(pki("ca.pem"));
	spool_path(path, root, "tsa/riyo-20260801.tsr");
	put(path, "an answer");
	CU_ASSERT_EQUAL(
	    stamps_run(root, usage, "/nonexistent/tsa.pem", &n, &said.sink),
	    -1);
	CU_ASSERT_EQUAL(said.n, 1);
	CU_ASSERT_EQUAL(said.sink.counts[DIAG_KEY_UNREADABLE], 1);
	CU_ASSERT(there("riyo-20260801.tsr"));
	end();
	diag_list_free(&said);
}

static CU_TestInfo tests[] = { { "without an authority nothing is done",
				   without_an_authority_nothing_is_done },
	{ "a head is asked for once, and waited for",
	    a_head_is_asked_for_once_and_waited_for },
	{ "only heads are stamped", only_heads_are_stamped },
	{ "one that has its stamp is left alone",
	    one_that_has_its_stamp_is_left_alone },
	{ "a wrong answer is named, and asked for again",
	    a_wrong_answer_is_named_and_asked_for_again },
	{ "an answer is kept where the anchors cannot be read",
	    an_answer_is_kept_where_the_anchors_cannot_be_read },
	CU_TEST_INFO_NULL };
SUITE(stamps, tests);
