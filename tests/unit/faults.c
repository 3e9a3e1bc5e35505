#include "tests/unit/faults.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "formats/codec/pages.h"
#include "formats/codec/sort.h"
#include "formats/codec/workbook.h"
#include "formats/snapshot.h"
#include "tests/unit/suite.h"

static int64_t left; /* 0: nothing fails */
static int error_;
static const char *only_, *struck;

void
faults_arm(const char *only, int64_t nth, int error)
{
	only_ = only;
	error_ = error;
	struck = NULL;
	left = nth;
}

const char *
faults_disarm(void)
{
	left = 0;
	return struck;
}

/* Calls take and give at most so many bytes at a time; 0: as many as asked. */
static size_t at_most;

void
faults_short(size_t most)
{
	at_most = most;
}

static size_t
some(size_t n)
{
	return at_most != 0 && n > at_most ? at_most : n;
}

static bool
strikes(const char *name)
{
	if (left == 0 || (only_ != NULL && strcmp(only_, name) != 0))
		return false;
	/* without memory for a digest the run ends (text_alloc()) */
	if (only_ == NULL && strcmp(name, "EVP_MD_CTX_new") == 0)
		return false;
	/* a real one would have said why: only for who asks for it by name */
	if (only_ == NULL && strncmp(name, "snapshot_", 9) == 0)
		return false;
	if (--left > 0)
		return false;
	struck = name;
	return true;
}

/* clang-format off */
#define FAULT(ret, name, params, args, first, failure)                         \
	ret __real_##name params;                                              \
	ret __wrap_##name params;                                              \
	ret __wrap_##name params                                               \
	{                                                                      \
		if (!strikes(#name))                                           \
			return __real_##name args;                             \
		first;                                                         \
		errno = error_;                                                \
		return failure;                                                \
	}
#include "tests/unit/faults.def"
#undef FAULT
/* clang-format on */

static void
put(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

int
faults_sweep(const struct faults_work *w, const char *only, int error)
{
	for (int n = 1;; n++) {
		struct diag_sink sink = { .put = put };
		const char *why = NULL;

		if (w->begin != NULL)
			w->begin();
		faults_arm(only, n, error);
		int r = w->work(&sink);
		const char *name = faults_disarm();
		int64_t fatal =
		    sink.levels[DIAG_FATAL] + sink.levels[DIAG_ERROR];
		if (r == 0 && w->right != NULL && !w->right())
			why = "says it is done, and the result is wrong";
		if (r == -1 && name == NULL)
			why = "failed without a fault";
		if (r == -1 && w->says && fatal == 0)
			why = "failed without a word";
		if (r == -1 && w->tidy != NULL && !w->tidy())
			why = "failed and left something behind";
		if (why != NULL) {
			fprintf(stderr, "%s, call %d, %s: %s\n", w->name, n,
			    name != NULL ? name : "none", why);
			CU_FAIL("a fault was not met as it should be");
		}
		if (name == NULL || n > 100000)
			return n - 1;
	}
}
