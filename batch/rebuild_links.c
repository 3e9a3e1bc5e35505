#include "batch/rebuild_links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/sort.h"
#include "formats/limits.h"
#include "formats/snapshot_make.h"

#define NUMBER 64 /* 処理通番 */
#define PERSONS_AT_ONCE 65536 /* pages of so many lookups stay mapped */

struct card {
	char key[SEGMENT_KEY_SIZE];
	int32_t since;
	int file;
	int64_t record;
};
struct links {
	struct run *run;
	struct sort *by_number, *by_key;
	struct snapshot_rows *rows; /* that wait in the base */
	int have;
	char at[SEGMENT_KEY_SIZE]; /* the next of them */
	int32_t at_since;
	int32_t since; /* of the card last asked about; DAY_NONE: new */
	int64_t claims;
};

static int
io(struct links *l)
{
	diag_file(&l->run->log.sink, DIAG_IO, "sort", "%s", strerror(errno));
	return -1;
}

struct links *
links_new(struct run *run, const char *work_dir, struct snapshot *base)
{
	struct links *l = text_alloc(sizeof(*l));

	l->run = run;
	l->by_number = sort_new(NUMBER, SORT_MEMORY / 3, work_dir);
	l->by_key = sort_new(SEGMENT_KEY_SIZE, SORT_MEMORY / 3, work_dir);
	if (base == NULL || !snapshot_any_waiting(base))
		return l;
	l->rows = snapshot_rows_open(base, "waiting");
	l->have = l->rows == NULL ?
	    -1 :
	    snapshot_waiting(l->rows, l->at, &l->at_since);
	if (l->have != -1)
		return l;
	links_free(l);
	return NULL;
}

void
links_free(struct links *l)
{
	if (l == NULL)
		return;
	sort_free(l->by_number);
	sort_free(l->by_key);
	snapshot_rows_close(l->rows);
	free(l);
}

int
links_waits(struct links *l, const char key[SEGMENT_KEY_SIZE])
{
	int order = -1;

	l->since = DAY_NONE;
	while (
	    l->have == 1 && (order = memcmp(l->at, key, SEGMENT_KEY_SIZE)) < 0)
		l->have = snapshot_waiting(l->rows, l->at, &l->at_since);
	if (l->have != 1)
		return l->have;
	if (order == 0)
		l->since = l->at_since;
	return order == 0;
}

/* One that nobody asks with any more waits for nobody. */
static bool
is_of_use(const struct record *link, int32_t day)
{
	const struct value *until = &link->v[L_VALID_UNTIL];

	return (slice_is(link->v[L_STATE].s, LINK_IN_FORCE) ||
		   slice_is(link->v[L_STATE].s, LINK_DISPUTED)) &&
	    (until->s.n == 0 || day_parse(until->s) > day);
}

int
links_add(struct links *l, const char key[SEGMENT_KEY_SIZE],
    const struct record *link, int file, int64_t record)
{
	struct card c = { .file = file, .record = record };
	struct slice number = link->v[L_PROCESSING_NUMBER].s;
	char by_number[NUMBER] = { 0 };

	if (!is_of_use(link, l->run->day) || number.n > NUMBER)
		return 0;
	memcpy(by_number, number.p, number.n);
	memcpy(c.key, key, sizeof(c.key));
	c.since = l->since == DAY_NONE ? l->run->day : l->since;
	if (sort_add(l->by_number, by_number,
		(struct slice) { (const char *)&c, sizeof(c) }) == -1)
		return io(l);
	return 0;
}

void
links_count(struct links *l, enum diag_code code)
{
	l->claims += code == DIAG_CARD_TWO_PERSONS;
}

/* Those whose number nobody has: told, and aside in the order of the cards. */
static int
look_up(struct links *l, struct snapshot *persons, struct reflect *r)
{
	const void *key;
	struct slice row;
	struct card c;
	int64_t asked = 0;
	int got, known;

	if (sort_finish(l->by_number) == -1)
		return io(l);
	while ((got = sort_next(l->by_number, &key, &row)) == 1) {
		memcpy(&c, row.p, sizeof(c));
		known = snapshot_paired(
		    persons, (struct slice) { key, strnlen(key, NUMBER) });
		if (known == -1)
			return -1;
		if (++asked % PERSONS_AT_ONCE == 0)
			snapshot_forget(persons);
		if (known == 1)
			continue;
		if (sort_add(l->by_key, c.key, row) == -1 ||
		    (c.file != -1 &&
			reflect_note(r, c.file, c.record, DIAG_LINK_WAITS) ==
			    -1))
			return io(l);
	}
	return got == -1 ? io(l) : 0;
}

static int
list(struct links *l, struct snapshot_make *make)
{
	const void *key;
	struct slice row;
	struct card c;
	int got;

	if (sort_finish(l->by_key) == -1)
		return io(l);
	while ((got = sort_next(l->by_key, &key, &row)) == 1) {
		memcpy(&c, row.p, sizeof(c));
		if (snapshot_add_waiting(make, c.key, c.since) == -1)
			return -1;
	}
	return got == -1 ? io(l) : 0;
}

int
links_tell(struct links *l, const char *dir,
    const struct snapshot_set_entry *persons, struct snapshot_make *make,
    struct reflect *r)
{
	struct diag_sink *sink = &l->run->log.sink;
	struct snapshot *s =
	    snapshot_open(dir, SNAPSHOT_QUALIFICATION, persons, false, sink);
	int done = -1;

	if (s != NULL && look_up(l, s, r) == 0 && list(l, make) == 0) {
		run_note(l->run, "cards_waiting", sort_count(l->by_key));
		if (l->claims > 0)
			diag_file(sink, DIAG_CARD_DISPUTED, "card links",
			    "%lld claims", (long long)l->claims);
		done = 0;
	}
	snapshot_close(s);
	return done;
}
