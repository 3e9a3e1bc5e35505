/*
 * Runs the CUnit suites: all, or those named by -s SUITE. -j FILE writes the
 * results as lines "suite<TAB>test<TAB>ok|FAILED" too, -r FILE the
 * diagnostics they raised. Ends non-zero on any failure (CU_basic_run_tests()
 * itself returns 0 after failures).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/raised.h"
#include "tests/unit/suite.h"

#define S(name) extern const CU_SuiteInfo suite_##name;
#include "suites.def"
#undef S

static const CU_SuiteInfo *const suites[] = {
#define S(name) &suite_##name,
#include "suites.def"
#undef S
	NULL
};

static FILE *list, *codes;
static unsigned passed, failed;

static void
on_start(const CU_pTest test, const CU_pSuite suite)
{
	(void)test;
	raised_in(suite->pName);
}

static void
on_done(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord f)
{
	if (f == NULL)
		passed++;
	else
		failed++;
	if (list != NULL)
		fprintf(list, "%s\t%s\t%s\n", suite->pName, test->pName,
		    f == NULL ? "ok" : "FAILED");
	for (CU_pFailureRecord r = f; r != NULL; r = r->pNext)
		fprintf(stderr, "%s:%u: %s: %s: %s\n", r->strFileName,
		    r->uiLineNumber, suite->pName, test->pName,
		    r->strCondition);
}

#ifdef COVERAGE
/* What children do counts too: they end here, without atexit(3). */
void __gcov_dump(void);

void
_exit(int status)
{
	__gcov_dump();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

void
_Exit(int status)
{
	_exit(status);
}
#endif

int
main(int argc, char **argv)
{
	const char *only[64];
	size_t n_only = 0;
	int c;

	while ((c = getopt(argc, argv, "s:j:r:")) != -1) {
		if (c == 's' && n_only < 64)
			only[n_only++] = optarg;
		else if (c == 'j')
			list = fopen(optarg, "w");
		else if (c == 'r')
			codes = fopen(optarg, "w");
		else
			return 32;
	}
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 64;
	for (size_t i = 0; suites[i] != NULL; i++) {
		bool wanted = n_only == 0;
		for (size_t j = 0; j < n_only; j++)
			wanted =
			    wanted || strcmp(only[j], suites[i]->pName) == 0;
		if (!wanted)
			continue;
		CU_pSuite s = CU_add_suite(suites[i]->pName,
		    suites[i]->pInitFunc, suites[i]->pCleanupFunc);
		for (CU_TestInfo *t = suites[i]->pTests; t->pName != NULL; t++)
			CU_add_test(s, t->pName, t->pTestFunc);
	}
	CU_set_test_start_handler(on_start);
	CU_set_test_complete_handler(on_done);
	CU_run_all_tests();
	/* suites' names go with the registry */
	if (codes != NULL) {
		raised_write(codes);
		fclose(codes);
	}
	CU_cleanup_registry();
	printf("unit: %u passed, %u failed\n", passed, failed);
	if (list != NULL)
		fclose(list);
	return failed != 0 || passed == 0;
}
