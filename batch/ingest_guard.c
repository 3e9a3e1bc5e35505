/*
 * Checks against counts (domain/insurer-and-nhi-files.md 12): what the
 * accepted files of an insurer came to before, from the ledger, beside what
 * this one says. Mass loss (6) and an item blanked out (8) hold the file; so
 * does a full file that has far fewer periods than were there. Counted per
 * 保険者番号: one city's wrong export would not show among sixty others.
 */
#include <stdlib.h>
#include <string.h>

#include "batch/ingest.h"
#include "formats/codec/detail.h"

/* Items that are there or not by chance of the day's changes are left out. */
static bool
is_tracked(int i)
{
	const struct field *f = &qualification_format.fields[i];

	switch (i) {
	case Q_PROCESSING_NUMBER:
	case Q_LOST_ON:
	case Q_LOSS_REASON:
	case Q_CARD_RETURNED_ON:
		return false;
	default:
		return (f->flags & FIELD_STORED) != 0 &&
		    (f->flags & FIELD_REQUIRED) == 0;
	}
}

static struct ingest_count *
count_of(struct ingest_upload *u, const char *number8)
{
	struct ingest_count *c;

	if (u->count_at < u->counts &&
	    strcmp(u->count[u->count_at].insurer, number8) == 0)
		return &u->count[u->count_at];
	for (u->count_at = 0; u->count_at < u->counts; u->count_at++)
		if (strcmp(u->count[u->count_at].insurer, number8) == 0)
			return &u->count[u->count_at];
	u->count =
	    text_realloc(u->count, (size_t)(u->counts + 1) * sizeof(*u->count));
	c = &u->count[u->counts++];
	memset(c, 0, sizeof(*c));
	snprintf(c->insurer, sizeof(c->insurer), "%s", number8);
	return c;
}

void
ingest_count(struct ingest_upload *u, const char *number8,
    const struct record *r, int by)
{
	struct ingest_count *c = count_of(u, number8);

	switch (r->v[Q_CHANGE].s.n == 1 ? r->v[Q_CHANGE].s.p[0] - '0' : 0) {
	case CHANGE_NEW:
		c->gained += r->v[Q_LOST_ON].s.n == 0 ? by : 0;
		break;
	case CHANGE_AMEND:
		c->amended += r->v[Q_LOST_ON].s.n == 0 ? by : 0;
		break;
	case CHANGE_LOSS:
	case CHANGE_CANCEL:
		c->lost += by;
		return;
	default:
		return;
	}
	c->rows += by;
	for (int i = 0; i < Q__MAX; i++)
		c->filled[i] += r->v[i].s.n > 0 ? by : 0;
}

/* What is stored after this file, if it is accepted. */
static void
next_stock(const struct ingest_upload *u, const struct ingest_count *c,
    struct ledger_stock *s)
{
	if (s->day != u->file.id.day)
		s->lost = 0;
	s->day = u->file.id.day;
	if (u->full) {
		s->lost = 0;
		s->covered = c->gained + c->amended;
		return;
	}
	s->covered += c->gained - c->lost;
	if (s->covered < 0)
		s->covered = 0;
	/* what was released is known: only what comes after it counts again */
	s->lost =
	    ingest_hold_decided(u, DIAG_MASS_LOSS) ? 0 : s->lost + c->lost;
}

static int
guard_loss(struct ingest_upload *u, const struct ingest_count *c)
{
	const struct config *g = u->run->config;
	struct ledger_stock before = { 0 };
	int r = ledger_stock_get(u->ledger, &u->file.id, c->insurer, &before);
	int64_t there, lost;
	char detail[160];

	if (r != 1 || g->loss_percent == 0 || (!u->full && c->lost <= 0))
		return r == -1 ? -1 : 0;
	if (before.day != u->file.id.day)
		before.lost = 0;
	there = before.covered + (u->full ? 0 : before.lost);
	lost = u->full ? before.covered - c->gained - c->amended :
			 before.lost + c->lost;
	if (there < g->guard_records || lost * 100 <= there * g->loss_percent)
		return 0;
	snprintf(detail, sizeof(detail), DETAIL_LOST, c->insurer,
	    (long long)lost, (long long)there, g->loss_percent);
	ingest_hold(u, DIAG_MASS_LOSS, detail);
	return 0;
}

static int
guard_item(struct ingest_upload *u, const struct ingest_count *c, int i)
{
	const struct config *g = u->run->config;
	const char *name = qualification_format.fields[i].name;
	struct ledger_fill b;
	char detail[160];
	int r = ledger_fill_get(u->ledger, &u->file.id, c->insurer, name, &b);

	if (r != 1)
		return r;
	if (b.filled * 100 < b.records * g->blank_before ||
	    c->filled[i] * 100 > c->rows * g->blank_after)
		return 0;
	snprintf(detail, sizeof(detail), DETAIL_BLANKED, c->insurer, name,
	    (long long)b.filled, (long long)b.records, (long long)c->filled[i],
	    (long long)c->rows);
	ingest_hold(u, DIAG_ITEM_BLANKED, detail);
	return 0;
}

int
ingest_guard(struct ingest_upload *u)
{
	const struct config *g = u->run->config;

	for (int n = 0; n < u->counts; n++) {
		const struct ingest_count *c = &u->count[n];

		if (guard_loss(u, c) == -1)
			return -1;
		if (g->blank_before == 0 || c->rows < g->guard_records)
			continue;
		for (int i = 0; i < Q__MAX; i++)
			if (is_tracked(i) && guard_item(u, c, i) == -1)
				return -1;
	}
	return 0;
}

static int
enter_fill(struct ingest_upload *u, const struct ingest_count *c)
{
	struct ledger_fill f = { .records = c->rows, .day = u->file.id.day };

	if (c->rows < u->run->config->guard_records)
		return 0;
	for (int i = 0; i < Q__MAX; i++) {
		if (!is_tracked(i))
			continue;
		f.filled = c->filled[i];
		if (ledger_fill_put(u->ledger, &u->file.id, c->insurer,
			qualification_format.fields[i].name, &f) == -1)
			return -1;
	}
	return 0;
}

int
ingest_guard_enter(struct ingest_upload *u)
{
	for (int n = 0; n < u->counts; n++) {
		const struct ingest_count *c = &u->count[n];
		struct ledger_stock s = { .day = DAY_NONE };

		if (ledger_stock_get(u->ledger, &u->file.id, c->insurer, &s) ==
		    -1)
			return -1;
		next_stock(u, c, &s);
		if (ledger_stock_put(u->ledger, &u->file.id, c->insurer, &s) ==
			-1 ||
		    enter_fill(u, c) == -1)
			return -1;
	}
	return 0;
}
