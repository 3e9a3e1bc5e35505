#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/sort.h"
#include "tests/unit/suite.h"

#define KEY 24

struct row {
	char key[KEY];
	int n; /* in the order added */
};

static uint32_t
dice(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static int
row_cmp(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = memcmp(x->key, y->key, KEY);

	return c != 0 ? c : x->n - y->n;
}

/* n rows whose keys share a beginning and repeat, against qsort. */
static void
against_qsort(
    int n, int64_t memory, unsigned alphabet, size_t same, size_t payload_max)
{
	struct row *v = calloc((size_t)n + 1, sizeof(*v));
	struct sort *s = sort_new(KEY, memory, "/tmp");
	char payload[600];
	uint32_t seed = (uint32_t)n + alphabet;
	int bad = 0;

	for (int i = 0; i < n; i++) {
		for (size_t k = 0; k < KEY; k++)
			v[i].key[k] = k < same ?
			    'E' :
			    (char)('0' + dice(&seed) % alphabet);
		v[i].n = i;
		memset(payload, 'a' + i % 26, sizeof(payload));
		memcpy(payload, &i, sizeof(i));
		struct slice p = { payload,
			sizeof(i) +
			    (payload_max ? dice(&seed) % payload_max : 0) };
		bad += sort_add(s, v[i].key, p) != 0;
	}
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_EQUAL(sort_count(s), n);
	qsort(v, (size_t)n, sizeof(*v), row_cmp);
	CU_ASSERT_EQUAL(sort_finish(s), 0);
	const void *key;
	struct slice p;
	for (int i = 0; i < n; i++) {
		int at;
		if (sort_next(s, &key, &p) != 1 || p.n < sizeof(at)) {
			bad++;
			break;
		}
		memcpy(&at, p.p, sizeof(at));
		bad += memcmp(key, v[i].key, KEY) != 0 || at != v[i].n;
		bad += p.n > sizeof(at) && p.p[p.n - 1] != 'a' + at % 26;
	}
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_EQUAL(sort_next(s, &key, &p), 0);
	CU_ASSERT_EQUAL(sort_next(s, &key, &p), 0);
	sort_free(s);
	free(v);
}

static void
in_memory(void)
{
	against_qsort(0, 1 << 20, 10, 0, 0);
	against_qsort(1, 1 << 20, 10, 0, 0);
	against_qsort(20, 1 << 20, 10, 0, 50);
	against_qsort(5000, 1 << 22, 200, 0, 50);
}

static void
long_common(void)
{
	against_qsort(5000, 1 << 22, 10, 9, 50);
	against_qsort(5000, 1 << 22, 10, 17, 50);
	against_qsort(5000, 1 << 22, 2, 22, 50);
	against_qsort(3000, 1 << 22, 1, 0, 50);
}

static void
two_halves(void)
{
	/* the first bytes differ in one bit only: groups of equal prefixes */
	against_qsort(20000, 1 << 23, 2, 14, 10);
	against_qsort(20000, 1 << 23, 2, 2, 10);
}

static void
spills(void)
{
	against_qsort(3000, 64 << 10, 10, 3, 100);
	against_qsort(3000, 4096, 10, 0, 100);
	against_qsort(3000, 4096, 1, 0, 100);
	against_qsort(20000, 1 << 20, 3, 6, 300);
}

static void
long_rows(void)
{
	against_qsort(300, 4096, 10, 0, 590);
	struct sort *s = sort_new(4, 4096, "/tmp");
	char *big = calloc(1, 100000);
	const void *key;
	struct slice p;
	for (int i = 0; i < 20; i++) {
		char k[4] = { 'k', 0, 0, (char)(20 - i) };
		big[99999] = (char)i;
		CU_ASSERT_EQUAL(
		    sort_add(s, k, (struct slice) { big, 100000 }), 0);
		CU_ASSERT_EQUAL(sort_add(s, k, (struct slice) { big, 0 }), 0);
	}
	CU_ASSERT_EQUAL(sort_finish(s), 0);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL_FATAL(sort_next(s, &key, &p), 1);
		CU_ASSERT_EQUAL_FATAL(p.n, 100000);
		CU_ASSERT_EQUAL(p.p[99999], 19 - i);
		CU_ASSERT_EQUAL_FATAL(sort_next(s, &key, &p), 1);
		CU_ASSERT_EQUAL(p.n, 0);
	}
	CU_ASSERT_EQUAL(sort_next(s, &key, &p), 0);
	sort_free(s);
	free(big);
}

static void
already_sorted(void)
{
	for (int64_t memory = 8192; memory <= 1 << 20; memory *= 128) {
		struct sort *s = sort_new(4, memory, "/tmp");
		const void *key;
		struct slice p;
		int bad = 0;
		for (int i = 0; i < 2000; i++) {
			unsigned char k[4] = { 0, 0, (unsigned char)(i >> 8),
				(unsigned char)i };
			bad += sort_add(s, k,
				   (struct slice) { (const char *)&i, 4 }) != 0;
		}
		CU_ASSERT_EQUAL(sort_finish(s), 0);
		for (int i = 0, v; i < 2000; i++) {
			bad += sort_next(s, &key, &p) != 1;
			memcpy(&v, p.p, 4);
			bad += v != i;
		}
		CU_ASSERT_EQUAL(bad, 0);
		sort_free(s);
	}
}

/* Two processes sort halves, a third goes on with both and adds a row: equal
 * keys come in the order of the halves, then what was added. */
static void
saved_and_taken(void)
{
	static const char *const want[] = { "aa=first", "aa=second", "aa=own",
		"bb=second", "cc=first" };
	static const char *const halves[2][2] = { { "cc=first", "aa=first" },
		{ "bb=second", "aa=second" } };
	char path[2][128], got[32];
	struct sort *all = sort_new(2, 4096, "/tmp");
	const void *key;
	struct slice payload;

	for (int h = 0; h < 2; h++) {
		struct sort *s = sort_new(2, 4096, "/tmp");
		snprintf(path[h], sizeof(path[h]), "/tmp/sort_test.%ld.%d",
		    (long)getpid(), h);
		for (int i = 0; i < 2; i++)
			CU_ASSERT_EQUAL(sort_add(s, halves[h][i],
					    slice_of(halves[h][i] + 3)),
			    0);
		CU_ASSERT_EQUAL(sort_finish(s), 0);
		CU_ASSERT_EQUAL(sort_save(s, path[h]), 0);
		/* never over a file that is there */
		CU_ASSERT_EQUAL(sort_save(s, path[h]), -1);
		sort_free(s);
		CU_ASSERT_EQUAL(sort_take(all, path[h]), 0);
		unlink(path[h]);
	}
	CU_ASSERT_EQUAL(sort_take(all, "/nonexistent/run"), -1);
	CU_ASSERT_EQUAL(sort_add(all, "aa", SLICE("own")), 0);
	CU_ASSERT_EQUAL(sort_finish(all), 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		CU_ASSERT_EQUAL_FATAL(sort_next(all, &key, &payload), 1);
		snprintf(got, sizeof(got), "%.2s=%.*s", (const char *)key,
		    (int)payload.n, payload.p);
		CU_ASSERT_STRING_EQUAL(got, want[i]);
	}
	CU_ASSERT_EQUAL(sort_next(all, &key, &payload), 0);
	sort_free(all);
}

static void
no_work_folder(void)
{
	struct sort *s = sort_new(4, 4096, "/nonexistent/folder");
	int r = 0;

	for (int i = 0; i < 1000 && r == 0; i++)
		r = sort_add(s, "abcd", SLICE("payload"));
	CU_ASSERT_EQUAL(r, -1);
	CU_ASSERT_EQUAL(sort_finish(s), -1);
	sort_free(s);
	sort_free(NULL);
}

static CU_TestInfo tests[] = {
	{ "rows that fit into memory come as qsort has them", in_memory },
	{ "keys with a long common beginning", long_common },
	{ "many keys with equal prefixes", two_halves },
	{ "a small cap spills runs, merged in several passes", spills },
	{ "a row longer than the cap", long_rows },
	{ "rows in order stay in order", already_sorted },
	{ "what others sorted is taken in, ranges in their order",
	    saved_and_taken },
	{ "without a work folder the add fails, not the program",
	    no_work_folder },
	CU_TEST_INFO_NULL,
};
SUITE(sort, tests);
