#include <string.h>

#include "batch/merge.h"
#include "formats/codec/day.h"
#include "formats/feeds.h"
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
	    apply(&m, "1", "20160101", "20180101", "丙"), DIAG_ADDED);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20050101", "20100401", "丁"), DIAG_ADDED);
	CU_ASSERT_EQUAL(m.n, 4);
	is(&m, 0, "20050101", "20100401", "丁");
	is(&m, 1, "20100401", "20150401", "甲");
	is(&m, 2, "20160101", "20180101", "丙");
	is(&m, 3, "20200401", "", "乙");
	merge_begin(&m);
	CU_ASSERT_EQUAL(apply(&m, "1", "20160101", "", "丙"), DIAG_ADDED);
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
	    apply(&m, "1", "20150401", "20200401", "丙"), DIAG_ADDED);
	CU_ASSERT_EQUAL(
	    apply(&m, "1", "20210101", "20210101", "丁"), DIAG_ADDED);
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
	    apply(&m, "2", "20200401", "20300401", "乙改"), DIAG_AMENDED);
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
	CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG_LOST);
	is(&m, 1, "20200401", "20260801", "乙");
	CU_ASSERT(slice_is(merge_period(&m, 1)->v[Q_LOSS_REASON].s, "03"));
	CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG_UNCHANGED);
	record_set(&r, Q_LOSS_REASON, SLICE("01"));
	CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG_LOST);
	/* the end is known now: room for the next period */
	CU_ASSERT_EQUAL(apply(&m, "1", "20260801", "", "丙"), DIAG_ADDED);
	merge_free(&m);
}

static void
cancel(void)
{
	struct merge m;

	begin(&m);
	CU_ASSERT_EQUAL(apply(&m, "9", "20110401", "", ""), DIAG_NOT_THERE);
	CU_ASSERT_EQUAL(apply(&m, "9", "20100401", "", ""), DIAG_CANCELLED);
	CU_ASSERT_EQUAL(apply(&m, "9", "20100401", "", ""), DIAG_NOT_THERE);
	CU_ASSERT_EQUAL(m.n, 1);
	is(&m, 0, "20200401", "", "乙");
	CU_ASSERT_EQUAL(apply(&m, "9", "20200401", "", ""), DIAG_CANCELLED);
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
	CU_ASSERT_EQUAL(merge_apply(&m, &r), DIAG_ADDED);
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

/* ---- an operator lets a held change through ---- */

static void
released(void)
{
	struct merge m;
	struct record r;

	begin(&m);
	/* a man after all: every period of the key says so */
	rec(&r, "1", "20200401", "", "乙");
	record_set(&r, Q_SEX1, SLICE("1"));
	CU_ASSERT_EQUAL(merge_release(&m, &r), DIAG_AMENDED);
	CU_ASSERT_EQUAL(m.n, 2);
	CU_ASSERT(slice_is(merge_period(&m, 0)->v[Q_SEX1].s, "1"));
	CU_ASSERT(slice_is(merge_period(&m, 1)->v[Q_SEX1].s, "1"));
	CU_ASSERT_EQUAL(merge_release(&m, &r), DIAG_UNCHANGED);
	/* what was right before is held now */
	CU_ASSERT_EQUAL(
	    apply(&m, "2", "20200401", "", "乙改"), DIAG_PERSON_CHANGED);
	/* the other rules hold: refused, and nobody's sex is changed back */
	CU_ASSERT_EQUAL(merge_release(&m, rec(&r, "1", "20110401", "", "丙")),
	    DIAG_OVERLAP);
	CU_ASSERT_EQUAL(merge_release(&m, rec(&r, "9", "20110401", "", "丙")),
	    DIAG_NOT_THERE);
	CU_ASSERT(slice_is(merge_period(&m, 0)->v[Q_SEX1].s, "1"));
	CU_ASSERT_EQUAL(merge_release(&m, rec(&r, "9", "20200401", "", "乙")),
	    DIAG_CANCELLED);
	CU_ASSERT(slice_is(merge_period(&m, 0)->v[Q_SEX1].s, "2"));
	merge_free(&m);
}

/* ---- full files ---- */

static void
row(struct merge_row *to, const char *change, const char *from,
    const char *until, const char *name)
{
	static char bytes[4][1024];
	static int next;
	struct record r;
	struct buf b;

	memset(to, 0, sizeof(*to));
	to->payload = bytes[next++ % 4];
	buf_init(&b, to->payload, sizeof(bytes[0]));
	record_pack(rec(&r, change, from, until, name), &b);
	to->n = b.n;
}

static void
full(void)
{
	struct merge m;
	struct merge_row rows[3];

	/* 2010 is not in the file, 2020 ends, 2022 is new; in any order */
	begin(&m);
	row(&rows[0], "1", "20220401", "", "丙");
	row(&rows[1], "1", "20200401", "20220401", "乙");
	CU_ASSERT_EQUAL(merge_full(&m, rows, 2), 1);
	CU_ASSERT_EQUAL(rows[0].code, DIAG_ADDED);
	CU_ASSERT_EQUAL(rows[1].code, DIAG_AMENDED);
	CU_ASSERT_EQUAL(m.n, 2);
	is(&m, 0, "20200401", "20220401", "乙");
	is(&m, 1, "20220401", "", "丙");
	/* the same again, the second as a loss: nothing */
	row(&rows[0], "1", "20220401", "", "丙");
	row(&rows[1], "3", "20200401", "20220401", "乙");
	CU_ASSERT_EQUAL(merge_full(&m, rows, 2), 0);
	CU_ASSERT_EQUAL(rows[0].code, DIAG_UNCHANGED);
	CU_ASSERT_EQUAL(rows[1].code, DIAG_UNCHANGED);
	/* 取消 says that it is not */
	row(&rows[0], "9", "20220401", "", "丙");
	row(&rows[1], "3", "20200401", "20210401", "乙");
	CU_ASSERT_EQUAL(merge_full(&m, rows, 2), 0);
	CU_ASSERT_EQUAL(rows[0].code, DIAG_CANCELLED);
	CU_ASSERT_EQUAL(rows[1].code, DIAG_LOST);
	CU_ASSERT_EQUAL(m.n, 1);
	merge_free(&m);
}

static void
never_half(void)
{
	struct merge m;
	struct merge_row rows[3];

	begin(&m);
	row(&rows[0], "1", "20200401", "", "乙");
	row(&rows[1], "1", "20150401", "20200402", "丙"); /* a day too long */
	row(&rows[2], "1", "20010401", "20020401", "丁");
	CU_ASSERT_EQUAL(merge_full(&m, rows, 3), 0);
	CU_ASSERT_EQUAL(rows[0].code, DIAG_UNCHANGED);
	CU_ASSERT_EQUAL(rows[1].code, DIAG_OVERLAP);
	CU_ASSERT_EQUAL(rows[2].code, DIAG_FULL_KEPT);
	CU_ASSERT_EQUAL(m.n, 2);
	is(&m, 0, "20100401", "20150401", "甲");
	/* what ingest refused is not gone either */
	row(&rows[0], "0", "", "", "");
	row(&rows[1], "1", "20200401", "20260801", "乙");
	CU_ASSERT_EQUAL(merge_full(&m, rows, 2), 0);
	CU_ASSERT_EQUAL(rows[0].code, DIAG__MAX);
	CU_ASSERT_EQUAL(rows[1].code, DIAG_FULL_KEPT);
	is(&m, 1, "20200401", "", "乙");
	/* no change at all */
	row(&rows[0], "7", "20200401", "", "乙");
	CU_ASSERT_EQUAL(merge_full(&m, rows, 1), -1);
	merge_free(&m);
}

static void
link_of_another(void)
{
	struct record a, b;

	record_init(&a, &link_format);
	record_init(&b, &link_format);
	record_set(&a, L_PROCESSING_NUMBER, SLICE("N1"));
	record_set(&b, L_PROCESSING_NUMBER, SLICE("N1"));
	record_set(&b, L_STATE, SLICE("9"));
	CU_ASSERT_EQUAL(merge_link(&a, &b), DIAG_AMENDED);
	record_set(&b, L_PROCESSING_NUMBER, SLICE("N2"));
	record_set(&a, L_STATE, SLICE("1"));
	CU_ASSERT_EQUAL(merge_link(&a, &b), DIAG_CARD_TWO_PERSONS);
	CU_ASSERT(slice_is(a.v[L_STATE].s, LINK_DISPUTED));
	/* its own person's link again makes it no less disputed */
	record_set(&b, L_PROCESSING_NUMBER, SLICE("N1"));
	record_set(&b, L_STATE, SLICE("1"));
	CU_ASSERT_EQUAL(merge_link(&a, &b), DIAG_AMENDED);
	CU_ASSERT(slice_is(b.v[L_STATE].s, LINK_DISPUTED));
	record_set(&b, L_STATE, SLICE("9"));
	CU_ASSERT_EQUAL(merge_link(&a, &b), DIAG_AMENDED);
	CU_ASSERT(slice_is(b.v[L_STATE].s, "9"));
	merge_link_settle(&a);
	CU_ASSERT(slice_is(a.v[L_STATE].s, LINK_IN_FORCE));
	/* an ended one is answered for nobody anyway, and stays ended */
	merge_link_settle(&b);
	CU_ASSERT(slice_is(b.v[L_STATE].s, "9"));
	record_set(&a, L_PROCESSING_NUMBER, SLICE("N3"));
	CU_ASSERT_EQUAL(merge_link(&b, &a), DIAG_CARD_TWO_PERSONS);
	CU_ASSERT(slice_is(b.v[L_STATE].s, "9"));
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
		CU_ASSERT_EQUAL(apply(&m, "1", from, until, "甲"), DIAG_ADDED);
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
	{ "a released change corrects the person, or nothing", released },
	{ "a full file's periods replace the stored ones", full },
	{ "a full file replaces a person wholly or not at all", never_half },
	{ "a certificate is not linked to a second person", link_of_another },
	{ "many periods of one key stay in order", many },
	CU_TEST_INFO_NULL,
};
SUITE(merge, tests);
