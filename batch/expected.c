/* Which uploads should be there, and which are not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/expected.h"
#include "batch/ledger.h"
#include "batch/spool.h"
#include "formats/codec/day.h"
#include "formats/feeds.h"

#define CALL_AFTER 2 /* where the table says nothing */
#define LOOK_BACK 92 /* days: a quarter without an upload is called anyway */

const char *const arrival_names[ARRIVAL__MAX] = { "not due", "came", "awaited",
	"late", "missed", "call" };

/* ---- the table ---- */

struct loading {
	struct run *run;
	struct expectations *out;
	const char *path;
	int faults;
};

static void
fault(struct loading *l, const struct record *r, int field, const char *why)
{
	l->faults++;
	diag_raise(&l->run->log.sink,
	    &(struct diag) { .code = DIAG_PARTNER_TABLE,
		.file = l->path,
		.line = r == NULL ? 0 : r->line,
		.record = r == NULL ? 0 : r->number,
		.offset = -1,
		.field = r == NULL ? NULL : r->format->fields[field].name,
		.detail = why });
}

static int
add(void *arg, const struct record *r)
{
	struct loading *l = arg;
	struct expectations *out = l->out;
	const struct slice *by = &r->v[V_BY].s;
	char rule[256];
	struct expected *e;
	int feed = feed_find(r->v[V_FEED].s);

	out->v = text_realloc(out->v, (out->n + 1) * sizeof(*out->v));
	e = &out->v[out->n++];
	memset(e, 0, sizeof(*e));
	e->last = DAY_NONE;
	snprintf(e->sender, sizeof(e->sender), "%.*s", (int)r->v[V_SENDER].s.n,
	    r->v[V_SENDER].s.p);
	e->feed = (enum feed)feed;
	if (feed < 0)
		fault(l, r, V_FEED, "no such feed");
	snprintf(rule, sizeof(rule), "%.*s", (int)r->v[V_CALENDAR].s.n,
	    r->v[V_CALENDAR].s.p);
	if (day_rule_parse(rule, &e->calendar) == -1)
		fault(l, r, V_CALENDAR,
		    "a rule of shikaku-jobs(8), CALENDARS: every day, business "
		    "days, monthly 10, after");
	e->by = (slice_number((struct slice) { by->p, 2 }) * 60 +
		    slice_number((struct slice) { by->p + 3, 2 })) *
	    60000;
	if (e->by < l->run->config->service_open)
		e->by += DAY_MS;
	e->call_after = r->v[V_CALL_AFTER].s.n == 0 ?
	    CALL_AFTER :
	    (int)slice_number(r->v[V_CALL_AFTER].s);
	return 0;
}

static int
load(struct run *run, struct expectations *out)
{
	const char *path = run->config->arrivals;
	struct loading l = { run, out, path, 0 };
	int r = path[0] == '\0' ?
	    0 :
	    record_table(path, &arrival_layout, &run->log.sink, add, &l);

	if (r != 0)
		fault(&l, NULL, 0, r == -1 ? strerror(errno) : "see above");
	if (l.faults == 0)
		return 0;
	run_worst(run, EXIT_CONFIG);
	return -1;
}

/* ---- what has come ---- */

struct looking {
	struct expectations *e;
	int32_t day;
};

static void
note(struct looking *l, const struct filename *id)
{
	for (size_t i = 0; i < l->e->n; i++) {
		struct expected *e = &l->e->v[i];

		if (e->feed == id->feed && strcmp(e->sender, id->sender) == 0 &&
		    id->day <= l->day &&
		    (e->last == DAY_NONE || id->day > e->last))
			e->last = id->day;
	}
}

static int
take_file(void *arg, const struct ledger_file *f)
{
	note(arg, &f->id);
	return 0;
}

/* Intake may not have come by yet. */
static void
look_box(struct looking *l, const char *root, const char *sender)
{
	char path[SPOOL_PATH_MAX];
	struct spool_names names;
	struct filename id;

	spool_path(path, root, "box/%s/in", sender);
	if (spool_list(path, &names) == -1)
		return;
	for (size_t i = 0; i < names.n; i++)
		if (filename_parse(slice_of(names.v[i]), &id) == 0 &&
		    strcmp(id.sender, sender) == 0)
			note(l, &id);
	spool_free(&names);
}

static int
look_side(struct run *run, const char *root, struct looking *l)
{
	char path[SPOOL_PATH_MAX];
	struct ledger *books;

	if (root[0] == '\0')
		return 0;
	spool_path(path, root, "ledger.sqlite");
	if (access(path, F_OK) == 0) {
		if ((books = ledger_look(root, &run->log.sink)) == NULL)
			return -1;
		for (int s = 0; s < FILE__MAX; s++)
			if (s != FILE_REFUSED)
				ledger_each(
				    books, (enum file_state)s, take_file, l);
		ledger_close(books);
	}
	for (size_t i = 0; i < l->e->n; i++)
		look_box(l, root, l->e->v[i].sender);
	return 0;
}

/* ---- the judgement ---- */

/* Due days after the last upload, `day` included; of a sender that never sent
 * anything only that day. -1 raised. */
static int
due_since(const struct expected *e, const struct holidays *h, int32_t day,
    struct diag_sink *sink)
{
	int32_t from = e->last == DAY_NONE ? day : e->last + 1;
	int n = 0;

	if (day - from > LOOK_BACK)
		from = day - LOOK_BACK;
	for (int32_t d = from; d <= day; d++) {
		int due = day_rule_due(&e->calendar, h, d, sink);

		if (due == -1)
			return -1;
		n += due;
	}
	return n;
}

static int
judge(struct run *run, const struct holidays *h, int32_t day, int64_t now,
    struct expected *e)
{
	struct diag_sink *sink = &run->log.sink;
	int today = day_rule_due(&e->calendar, h, day, sink);
	bool over;

	e->missed = due_since(e, h, day, sink);
	if (today == -1 || e->missed == -1)
		return -1;
	if (e->missed == 0) {
		e->state = today == 1 ? ARRIVAL_CAME : ARRIVAL_NOT_DUE;
		return 0;
	}
	if (today == 1 && now < day_moment(day, 0) + e->by &&
	    --e->missed == 0) {
		e->state = ARRIVAL_AWAITED;
		return 0;
	}
	/* one before this day was missed, or the night of this day is over */
	over = e->missed > 1 || today == 0 ||
	    now >= day_moment(day + 1, run->config->service_open) ||
	    now < day_moment(day, 0) + e->by;
	e->state = over ? ARRIVAL_MISSED : ARRIVAL_LATE;
	if (e->call_after > 0 && over && e->missed >= e->call_after)
		e->state = ARRIVAL_CALL;
	return 0;
}

int
expected_judge(
    struct run *run, int32_t day, int64_t now, struct expectations *out)
{
	const struct config *c = run->config;
	struct looking l = { out, day };
	struct holidays *h = NULL;
	int r = -1;

	memset(out, 0, sizeof(*out));
	if (load(run, out) == -1)
		goto out;
	if (out->n > 0 && c->holidays[0] != '\0' &&
	    (h = holidays_read(c->holidays, &run->log.sink)) == NULL) {
		run_worst(run, EXIT_CONFIG);
		goto out;
	}
	if (out->n > 0 &&
	    (look_side(run, c->intermediate_root, &l) == -1 ||
		look_side(run, c->qualification_root, &l) == -1)) {
		run_worst(run, EXIT_TEMPORARY);
		goto out;
	}
	for (size_t i = 0; i < out->n; i++) {
		if (judge(run, h, day, now, &out->v[i]) == -1) {
			run_worst(run, EXIT_CONFIG);
			goto out;
		}
		out->count[out->v[i].state]++;
	}
	r = 0;
out:
	holidays_free(h);
	if (r == -1)
		expected_free(out);
	return r;
}

void
expected_free(struct expectations *e)
{
	free(e->v);
	memset(e, 0, sizeof(*e));
}

void
expected_text(const struct expected *e, int32_t day, char out[160])
{
	char by[30], last[11] = "-";

	day_format_stamp(day_moment(day, 0) + e->by, by);
	if (e->last != DAY_NONE)
		day_format_iso(e->last, last);
	snprintf(out, 160, "%s %s: %s, by %.16s, last of %s, missed %d",
	    e->sender, feed_names[e->feed], arrival_names[e->state], by, last,
	    e->missed);
}
