#include <string.h>

#include "batch/merge.h"
#include "formats/codec/day.h"
#include "tests/unit/suite.h"

/* A change or period: change, from, until, name; a woman born 1980-02-03. */
static struct record *
rec(struct record *r, const char *change, const char *from, const char *until,
    const char *name)
{
	const struct format *f = &qualification_format;

	record_init(r, f);
	record_set(r, Q_CHANGE, slice_of(change));
	record_set(r, Q_CHANGE_DATE, SLICE("20260801"));
	record_set(r, Q_INSURER_CODE, SLICE("06139992"));
	record_set(r, Q_PERSON_ID, SLICE("A1"));
	record_set(r, Q_NAME, slice_of(name));
	record_set(r, Q_SEX1, SLICE("2"));
	record_set(r, Q_BIRTHDATE, SLICE("19800203"));
	record_set(r, Q_QUALIFIED_ON, slice_of(from));
	record_set(r, Q_LOST_ON, slice_of(until));
	for (int i = 0; i < Q__MAX; i++)
		if (f->fields[i].type == FIELD_DAY && r->v[i].s.n > 0)
			r->v[i].n = day_parse(r->v[i].s);
	return r;
}

static enum diag_code
apply(struct merge *m, const char *change, const char *from, const char *until,
    const char *name)
{
	struct record r;

	return merge_apply(m, rec(&r, change, from, until, name));
}

/* Period i is from, until, name. */
static void
is(struct merge *m, size_t i, const char *from, const char *until,
    const char *name)
{
	const struct record *r = i < m->n ? merge_period(m, i) : NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	CU_ASSERT(slice_is(r->v[Q_QUALIFIED_ON].s, from));
	CU_ASSERT(slice_is(r->v[Q_LOST_ON].s, until));
	CU_ASSERT(slice_is(r->v[Q_NAME].s, name));
	CU_ASSERT_EQUAL(r->v[Q_CHANGE].s.n, 0);
	CU_ASSERT_EQUAL(r->v[Q_CHANGE_DATE].s.n, 0);
}

/* Stored: 2010-2015 closed, 2020 open. */
static void
begin(struct merge *m)
{
	struct record r;

	merge_init(m);
	merge_begin(m);
	CU_ASSERT_EQUAL(
	    merge_load(m, rec(&r, "", "20100401", "20150401", "甲")), 0);
	CU_ASSERT_EQUAL(merge_load(m, rec(&r, "", "20200401", "", "乙")), 0);
}

static void
new_absent(void)
{
	struct merge m;

	begin(&m);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20160101", "20180101", "丙"), DIAG__MAX);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20050101", "20100401", "丁"), DIAG__MAX);
	CU_ASSERT_EQUAL(m.n, 4);
	is(&m, 0, "20050101", "20100401", "丁");
	is(&m, 1, "20100401", "20150401", "甲");
	is(&m, 2, "20160101", "20180101", "丙");
	is(&m, 3, "20200401", "", "乙");
	merge_begin(&m);
	CU_ASSERT_EQUAL(apply(&m, "1", "20160101", "", "丙"), DIAG__MAX);
	CU_ASSERT_EQUAL(m.n, 1);
	merge_free(&m);
}

static void
new_there(void)
{
	struct merge m;

	begin(&m);
	CU_ASSERT_EQUAL(apply(&m, "1", "20200401", "", "乙"), DIAG_UNCHANGED);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20200401", "", "丙"), DIAG_ALREADY_THERE);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20100401", "20150402", "甲"), DIAG_ALREADY_THERE);
	CU_ASSERT_EQUAL(m.n, 2);
	is(&m, 1, "20200401", "", "乙");
	merge_free(&m);
}

static void
overlap(void)
{
	struct merge m;

	begin(&m);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20150331", "20160101", "丙"), DIAG_OVERLAP);
	CU_ASSERT_EQUAL(apply(&m, "1", "20160101", "", "丙"), DIAG_OVERLAP);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20160101", "20200402", "丙"), DIAG_OVERLAP);
	CU_ASSERT_EQUAL(apply(&m, "1", "20220101", "", "丙"), DIAG_OVERLAP);
	/* 喪失 is the first day without cover; ending as it starts: no day */
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20150401", "20200401", "丙"), DIAG__MAX);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20210101", "20210101", "丁"), DIAG__MAX);
	CU_ASSERT_EQUAL(
	    apply(&m, "2", "20100401", "20150402", "甲"), DIAG_OVERLAP);
	CU_ASSERT_EQUAL(
	    apply(&m, "3", "20100401", "20150402", "甲"), DIAG_OVERLAP);
	is(&m, 0, "20100401", "20150401", "甲");
	merge_free(&m);
}

static void
amend(void)
{
	struct merge m;

	begin(&m);
	CU_ASSERT_EQUAL(apply(&m, "2", "20200402", "", "乙"), DIAG_NOT_THERE);
	CU_ASSERT_EQUAL(apply(&m, "2", "20200401", "", "乙"), DIAG_UNCHANGED);
	CU_ASSERT_EQUAL(
	    apply(&m, "2", "20200401", "20300401", "乙改"), DIAG__MAX);
	is(&m, 1, "20200401", "20300401", "乙改");
	CU_ASSERT_EQUAL(m.n, 2);
	merge_free(&m);
}

static void
loss(void)
{
	struct merge m;
	struct record r;

	begin(&m);
	CU_ASSERT_EQUAL(
	    apply(&m, "3", "20200402", "20260801", "乙"), DIAG_NOT_THERE);
	/* only date and reason are taken */
	rec(&r, "3", "20200401", "20260801", "別名");
	record_set(&r, Q_LOSS_REASON, SLICE("03"));
	CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG__MAX);
	is(&m, 1, "20200401", "20260801", "乙");
	CU_ASSERT(slice_is(merge_period(&m, 1)->v[Q_LOSS_REASON].s, "03"));
	CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG_UNCHANGED);
	record_set(&r, Q_LOSS_REASON, SLICE("01"));
	CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG__MAX);
	/* the end is known now: room for the next period */
	CU_ASSERT_EQUAL(apply(&m, "1", "20260801", "", "丙"), DIAG__MAX);
	merge_free(&m);
}

static void
cancel(void)
{
	struct merge m;

	begin(&m);
	CU_ASSERT_EQUAL(apply(&m, "9", "20110401", "", ""), DIAG_NOT_THERE);
	CU_ASSERT_EQUAL(apply(&m, "9", "20100401", "", ""), DIAG__MAX);
	CU_ASSERT_EQUAL(apply(&m, "9", "20100401", "", ""), DIAG_NOT_THERE);
	CU_ASSERT_EQUAL(m.n, 1);
	is(&m, 0, "20200401", "", "乙");
	CU_ASSERT_EQUAL(apply(&m, "9", "20200401", "", ""), DIAG__MAX);
	CU_ASSERT_EQUAL(m.n, 0);
	merge_free(&m);
}

static void
held(void)
{
	static const char *const changes[] = { "1", "2", "3", "9" };
	struct merge m;
	struct record r;

	begin(&m);
	for (int i = 0; i < 4; i++) {
		rec(&r, changes[i], "20200401", "20260801", "乙");
		record_set(&r, Q_SEX1, SLICE("1"));
		CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG_PERSON_CHANGED);
		rec(&r, changes[i], "20200401", "20260801", "乙");
		record_set(&r, Q_BIRTHDATE, SLICE("19800204"));
		r.v[Q_BIRTHDATE].n = day_of(1980, 2, 4);
		CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG_PERSON_CHANGED);
	}
	is(&m, 1, "20200401", "", "乙");
	/* once nothing is stored the key is free for anybody */
	apply(&m, "9", "20200401", "", "");
	apply(&m, "9", "20100401", "", "");
	rec(&r, "1", "20200401", "", "乙");
	record_set(&r, Q_SEX1, SLICE("1"));
	CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG__MAX);
	CU_ASSERT_EQUAL(
	    apply(&m, "2", "20200401", "", "乙"), DIAG_PERSON_CHANGED);
	merge_free(&m);
}

static void
no_change(void)
{
	struct merge m;

	begin(&m);
	CU_ASSERT_EQUAL(
	    apply(&m, "4", "20200401", "", ""), DIAG_SEGMENT_BROKEN);
	CU_ASSERT_EQUAL(apply(&m, "", "20200401", "", ""), DIAG_SEGMENT_BROKEN);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20209901", "", ""), DIAG_SEGMENT_BROKEN);
	merge_free(&m);
}

static void
many(void)
{
	struct merge m;
	char from[9], until[9];

	merge_init(&m);
	merge_begin(&m);
	for (int i = 199; i >= 0; i--) { /* newest first */
		day_format(day_of(2000, 1, 1) + 10 * i, from);
		day_format(day_of(2000, 1, 1) + 10 * i + 10, until);
		CU_ASSERT_EQUAL(apply(&m, "1", from, until, "甲"), DIAG__MAX);
	}
	for (size_t i = 0; i < 200; i++) {
		day_format(day_of(2000, 1, 1) + 10 * (int)i, from);
		day_format(day_of(2000, 1, 1) + 10 * (int)i + 10, until);
		is(&m, i, from, until, "甲");
	}
	merge_free(&m);
}

static CU_TestInfo tests[] = {
	{ "a new period that is absent is added in its place", new_absent },
	{ "a new period that is there is unchanged or refused", new_there },
	{ "periods of a key never overlap", overlap },
	{ "an amendment replaces the whole period", amend },
	{ "a loss takes date and reason only", loss },
	{ "a cancellation removes the period", cancel },
	{ "another sex or birth date is held, whatever the change", held },
	{ "what is no change is a broken segment", no_change },
	{ "many periods of one key stay in order", many },
	CU_TEST_INFO_NULL,
};
SUITE(merge, tests);
