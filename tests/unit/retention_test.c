#include "batch/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/snapshot_make.h"
#include "tests/unit/suite.h"

static void
put(struct diag_sink *s, const struct diag *d)
{
	(void)s;
	(void)d;
}

static struct diag_sink sink = { .put = put };

static void
key_of(char out[SEGMENT_KEY_SIZE], const char *text)
{
	memset(out, 0, SEGMENT_KEY_SIZE);
	memcpy(out, text, strlen(text));
}

static void
the_day_after_the_last(void)
{
	struct config c = { .delete_days = 10, .left_days = 10 };
	struct retention r;
	char key[SEGMENT_KEY_SIZE];
	int32_t ended = day_of(2026, 8, 1);

	key_of(key, "E06139992P1");
	retention_begin(&r, &c, day_of(2026, 8, 11), NULL);
	CU_ASSERT_FALSE(retention_past(&r, key, ended)); /* 10 days after */
	CU_ASSERT_FALSE(retention_over(&r, ended));
	retention_begin(&r, &c, day_of(2026, 8, 12), NULL);
	CU_ASSERT_TRUE(retention_past(&r, key, ended)); /* 11 */
	CU_ASSERT_TRUE(retention_over(&r, ended));
	CU_ASSERT_FALSE(retention_past(&r, key, INT32_MAX)); /* it runs */
	CU_ASSERT_FALSE(retention_over(&r, INT32_MAX));
}

static void
for_ever(void)
{
	struct config c = { .delete_days = 0, .left_days = 0 };
	struct retention r;
	char key[SEGMENT_KEY_SIZE];

	key_of(key, "E06139992P1");
	retention_begin(&r, &c, day_of(2199, 1, 1), NULL);
	CU_ASSERT_FALSE(retention_past(&r, key, day_of(1950, 1, 1)));
	CU_ASSERT_FALSE(retention_over(&r, day_of(1950, 1, 1)));
	/* of the two times one may be for ever */
	c.left_days = 5;
	retention_begin(&r, &c, day_of(2199, 1, 1), NULL);
	CU_ASSERT_TRUE(retention_over(&r, day_of(1950, 1, 1)));
	/* without a generation in force nobody has cover */
	CU_ASSERT_TRUE(retention_past(&r, key, day_of(1950, 1, 1)));
}

/* ---- people of a generation in force ---- */

static void
add_period(struct snapshot_make *m, const char *text, const char *from,
    const char *until, const char *reason)
{
	struct record rec;
	struct typed_key key;

	key_of(key.b, text);
	record_init(&rec, &qualification_format);
	record_set(&rec, Q_QUALIFIED_ON, slice_of(from));
	record_set(&rec, Q_LOST_ON, slice_of(until));
	record_set(&rec, Q_LOSS_REASON, slice_of(reason));
	CU_ASSERT_EQUAL_FATAL(snapshot_add_period(m, &key, &rec), 0);
}

static void
add_pair(struct snapshot_make *m, const char *text, char person)
{
	char payload[40] = "N1\n0000000000000000000000000000000";
	struct typed_key key;

	key_of(key.b, text);
	payload[34] = person;
	payload[1] = person;
	CU_ASSERT_EQUAL_FATAL(
	    snapshot_add_person(m, &key, slice_of(payload)), 0);
}

/* Day of the questions: 2026-08-20. delete_days 100, left_days 10; periods
 * ended on 2026-07-31, which is 20 days: past where the person has left. */
static void
who_has_left(void)
{
	static const struct {
		const char *key;
		bool past;
	} want[] = {
		{ "E06139991P1", true }, /* no cover anywhere, unpaired */
		{ "E06139991P2", false }, /* a second period runs */
		{ "E06139991P3", false }, /* cover at another insurer */
		{ "E06139991P4", true }, /* died, cover is still stored */
		{ "E06139991P5", false }, /* leaves tomorrow: covered */
		{ "E06139991P6", true }, /* left today */
	};
	struct config c = { .delete_days = 100, .left_days = 10 };
	struct snapshot_set_entry e = { .generation = 1,
		.day = day_of(2026, 8, 19) };
	struct retention r;
	char dir[64], path[128], key[SEGMENT_KEY_SIZE];
	int32_t ended = day_of(2026, 7, 31);

	snprintf(
	    dir, sizeof(dir), "/tmp/shikaku-retention-%ld", (long)getpid());
	mkdir(dir, 0700);
	struct snapshot_make *m =
	    snapshot_create(dir, SNAPSHOT_QUALIFICATION, &e, &sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	add_period(m, "E06139991P1", "20200401", "20260731", "");
	add_period(m, "E06139991P2", "20200401", "20260731", "");
	add_period(m, "E06139991P2", "20260801", "", "");
	add_pair(m, "E06139991P3", '3');
	add_period(m, "E06139991P3", "20200401", "20260731", "");
	add_pair(m, "E06139991P4", '4');
	add_period(m, "E06139991P4", "20200401", "20260731", "01");
	add_period(m, "E06139991P5", "20200401", "20260731", "");
	add_period(m, "E06139991P5", "20260801", "20260821", "");
	add_period(m, "E06139991P6", "20200401", "20260731", "");
	add_period(m, "E06139991P6", "20260801", "20260820", "");
	add_pair(m, "E06139992P3", '3');
	add_period(m, "E06139992P3", "20260801", "", "");
	add_pair(m, "E06139992P4", '4');
	add_period(m, "E06139992P4", "20260801", "", "");
	CU_ASSERT_EQUAL_FATAL(snapshot_finish(m, &e), 0);
	struct snapshot *base =
	    snapshot_open(dir, SNAPSHOT_QUALIFICATION, &e, true, &sink);
	CU_ASSERT_PTR_NOT_NULL_FATAL(base);
	retention_begin(&r, &c, day_of(2026, 8, 20), base);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		key_of(key, want[i].key);
		CU_ASSERT_EQUAL(retention_past(&r, key, ended), want[i].past);
	}
	CU_ASSERT_FALSE(r.broken);
	/* both times say the same: nobody need be looked up */
	int64_t lookups = r.lookups;
	CU_ASSERT_TRUE(retention_past(&r, key, day_of(2026, 1, 1)));
	CU_ASSERT_FALSE(retention_past(&r, key, day_of(2026, 8, 15)));
	CU_ASSERT_EQUAL(r.lookups, lookups);
	/* what is not stored is not taken in by the shorter time, whoever */
	CU_ASSERT_TRUE(retention_over(&r, ended));
	snapshot_close(base);
	snprintf(path, sizeof(path), "%s/%s", dir, e.file);
	unlink(path);
	rmdir(dir);
}

static CU_TestInfo tests[] = {
	{ "a period is past on the day after its last day of retention",
	    the_day_after_the_last },
	{ "zero days are for ever", for_ever },
	{ "who died or has no cover anywhere has the other time",
	    who_has_left },
	CU_TEST_INFO_NULL,
};
SUITE(retention, tests);
