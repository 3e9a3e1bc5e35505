#include "batch/figures.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/suite.h"

static void
nowhere(void *arg, enum statistics_dim dim, const char *value,
    enum statistics_dim what, char out[FIGURE_KEY])
{
	(void)arg;
	(void)dim;
	(void)value;
	(void)what;
	snprintf(out, FIGURE_KEY, "none");
}

static bool
hidden(const struct figures *f, enum statistics_table t, const char *a,
    const char *b)
{
	const struct figure *x = figures_find(f, t, a, b);

	return x != NULL && x->hidden;
}

static void
figures_under_the_same_keys_add_up_and_zeros_make_no_row(void)
{
	struct figures f = { 0 };

	figures_add(&f, TABLE_CLASS, "02", "", 4);
	figures_add(&f, TABLE_CLASS, "01", "", 1);
	figures_add(&f, TABLE_CLASS, "02", "", 3);
	figures_add(&f, TABLE_CLASS, "03", "", 0);
	figures_settle(&f);
	CU_ASSERT_EQUAL(f.n, 2);
	CU_ASSERT_EQUAL(figures_find(&f, TABLE_CLASS, "02", "")->value, 7);
	CU_ASSERT_PTR_NULL(figures_find(&f, TABLE_CLASS, "03", ""));
	figures_free(&f);
}

static void
one_small_figure_takes_the_next_smallest_with_it(void)
{
	struct figures f = { 0 };

	/* 3 = 153 - 50 - 100: the 50 must go too */
	figures_add(&f, TABLE_INSURED, "", "", 153);
	figures_add(&f, TABLE_CLASS, "01", "", 100);
	figures_add(&f, TABLE_CLASS, "02", "", 50);
	figures_add(&f, TABLE_CLASS, "03", "", 3);
	figures_settle(&f);
	CU_ASSERT_EQUAL(figures_hide(&f, 10, nowhere, NULL), 2);
	CU_ASSERT_TRUE(hidden(&f, TABLE_CLASS, "03", ""));
	CU_ASSERT_TRUE(hidden(&f, TABLE_CLASS, "02", ""));
	CU_ASSERT_FALSE(hidden(&f, TABLE_CLASS, "01", ""));
	CU_ASSERT_FALSE(hidden(&f, TABLE_INSURED, "", ""));
	figures_free(&f);
}

static void
nothing_is_hidden_where_the_setting_is_zero_or_all_are_large(void)
{
	struct figures f = { 0 };

	figures_add(&f, TABLE_INSURED, "", "", 13);
	figures_add(&f, TABLE_CLASS, "01", "", 10);
	figures_add(&f, TABLE_CLASS, "02", "", 3);
	figures_settle(&f);
	CU_ASSERT_EQUAL(figures_hide(&f, 0, nowhere, NULL), 0);
	CU_ASSERT_EQUAL(figures_hide(&f, 3, nowhere, NULL), 0);
	figures_free(&f);
}

static void
a_total_goes_where_its_only_part_is_small(void)
{
	struct figures f = { 0 };

	figures_add(&f, TABLE_INSURED, "", "", 3);
	figures_add(&f, TABLE_CLASS, "01", "", 3);
	figures_settle(&f);
	CU_ASSERT_EQUAL(figures_hide(&f, 10, nowhere, NULL), 2);
	CU_ASSERT_TRUE(hidden(&f, TABLE_INSURED, "", ""));
	figures_free(&f);
}

static CU_TestInfo tests[] = {
	{ "figures under the same keys add up and zeros make no row",
	    figures_under_the_same_keys_add_up_and_zeros_make_no_row },
	{ "one small figure takes the next smallest with it",
	    one_small_figure_takes_the_next_smallest_with_it },
	{ "nothing is hidden where the setting is zero or all are large",
	    nothing_is_hidden_where_the_setting_is_zero_or_all_are_large },
	{ "a total goes where its only part is small",
	    a_total_goes_where_its_only_part_is_small },
	CU_TEST_INFO_NULL
};
SUITE(figures, tests);
