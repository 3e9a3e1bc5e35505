/*
 * One suite per module: tests/unit/MODULE_test.c ends with
 * SUITE(module, tests), where tests is a CU_TestInfo array; run.c finds it by
 * its file name (the Makefile lists them).
 */
#ifndef TESTS_UNIT_SUITE_H
#define TESTS_UNIT_SUITE_H

#include <CUnit/CUnit.h>
#include <CUnit/Basic.h>
#include <CUnit/TestDB.h>

#define SUITE(name, tests)                                                     \
	extern const CU_SuiteInfo suite_##name;                                \
	const CU_SuiteInfo suite_##name = { #name, NULL, NULL, NULL, NULL,     \
		tests }

#endif
