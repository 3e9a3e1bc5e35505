/*
 * Uploads that are held as a whole (保留): why, until when, and who said what.
 * A held upload has been read, its sender knows, and it stays in ready/ until
 * every reason has its verdict; then it is read again like any other, but for
 * what it was released from. Order is kept: nothing of the sender's feed goes
 * past it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch/ingest.h"

static int
take_hold(void *arg, const struct ledger_hold *h)
{
	struct ingest_upload *u = arg;

	if (strcmp(h->sha256, u->file.sha256) == 0 && u->said < INGEST_HOLDS)
		u->say[u->said++] = *h;
	return 0;
}

int
ingest_hold_load(struct ingest_upload *u)
{
	u->said = 0;
	return ledger_holds(u->ledger, &u->file.id, take_hold, u);
}

bool
ingest_hold_verdict(const struct ingest_upload *u, enum hold_verdict v)
{
	for (int i = 0; i < u->said; i++)
		if (u->say[i].verdict == v)
			return true;
	return false;
}

/* What was said of this reason before, if it has a verdict. */
bool
ingest_hold_decided(const struct ingest_upload *u, enum diag_code code)
{
	for (int i = 0; i < u->said; i++)
		if (u->say[i].verdict != HOLD_OPEN &&
		    strcmp(u->say[i].code, diag_table[code].code) == 0)
			return true;
	return false;
}

void
ingest_hold(struct ingest_upload *u, enum diag_code code, const char *detail)
{
	struct diag_sink *sink = &u->member[u->members - 1].faults.sink;
	struct ledger_hold *h;

	if (ingest_hold_decided(u, code))
		return;
	diag_file(sink, code, u->stem, "%s", detail);
	/* the first of a kind says what it is, the error list has them all */
	for (int i = 0; i < u->holds; i++)
		if (strcmp(u->hold[i].code, diag_table[code].code) == 0)
			return;
	if (u->holds == INGEST_HOLDS)
		return;
	h = &u->hold[u->holds++];
	memset(h, 0, sizeof(*h));
	h->id = u->file.id;
	h->since = u->run->day;
	memcpy(h->sha256, u->file.sha256, sizeof(h->sha256));
	snprintf(h->code, sizeof(h->code), "%s", diag_table[code].code);
	snprintf(h->detail, sizeof(h->detail), "%s", detail);
}

int
ingest_hold_order(struct ingest_upload *u)
{
	struct filename first;
	char stem[64];
	int r = ledger_held_before(u->ledger, &u->file.id, &first);

	for (int i = 0; i < u->said; i++)
		if (u->say[i].verdict == HOLD_OPEN &&
		    strcmp(u->say[i].code,
			diag_table[DIAG_SEQUENCE_HELD].code) == 0)
			ingest_hold(u, DIAG_SEQUENCE_HELD, u->say[i].detail);
	if (r != 1)
		return r;
	filename_format(&first, "", stem);
	ingest_hold(u, DIAG_HELD_BEHIND, stem);
	return 0;
}

/* That it stands behind another is for the next run to see again. */
int
ingest_hold_enter(struct ingest_upload *u)
{
	for (int i = 0; i < u->holds; i++)
		if (strcmp(u->hold[i].code,
			diag_table[DIAG_HELD_BEHIND].code) != 0 &&
		    ledger_hold_put(u->ledger, &u->hold[i]) == -1)
			return -1;
	return 0;
}

int
ingest_hold_receipt(
    const struct ingest_upload *u, struct receipt_hold out[INGEST_HOLDS])
{
	for (int i = 0; i < u->holds; i++) {
		int code = diag_find(slice_of(u->hold[i].code));

		out[i] = (struct receipt_hold) { (enum diag_code)code,
			u->hold[i].detail };
	}
	return u->holds;
}

/* One line an upload and reason, for the operator: stem, code, since, more. */
static void
print(struct run *run, const struct ledger_hold *h)
{
	char stem[64], since[11];

	filename_format(&h->id, "", stem);
	day_format_iso(h->since, since);
	if (!run->silent)
		printf(
		    "held\t%s\t%s\t%s\t%s\n", stem, h->code, since, h->detail);
}

void
ingest_hold_count(struct ingest_upload *u)
{
	u->run->held += u->file.held;
	u->run->files_held++;
	run_worst(u->run, EXIT_FILES);
	for (int i = 0; i < u->holds; i++)
		print(u->run, &u->hold[i]);
}

/* One that an earlier run has read, and that waits still: 1; else 0; -1. */
int
ingest_hold_waits(struct ingest_upload *u)
{
	struct ledger_hold behind = { .id = u->file.id, .since = u->run->day };
	struct filename first;
	int r;

	if (ingest_hold_load(u) == -1)
		return -1;
	if (ingest_hold_verdict(u, HOLD_REFUSE))
		return 0;
	r = ledger_held_before(u->ledger, &u->file.id, &first);
	if (r == -1 || (r == 0 && !ingest_hold_verdict(u, HOLD_OPEN)))
		return r;
	u->run->files_held++;
	run_worst(u->run, EXIT_FILES);
	for (int i = 0; i < u->said; i++)
		if (u->say[i].verdict == HOLD_OPEN)
			print(u->run, &u->say[i]);
	if (r == 1) {
		snprintf(behind.code, sizeof(behind.code), "%s",
		    diag_table[DIAG_HELD_BEHIND].code);
		filename_format(&first, "", behind.detail);
		print(u->run, &behind);
	}
	return 1;
}

/* ---- what an operator says ---- */

static int
obey(struct ledger *l, struct run *run, struct ingest_order *o)
{
	struct ledger_hold h = { .verdict =
				     o->refuse ? HOLD_REFUSE : HOLD_RELEASE,
		.at = run->now };
	struct ledger_file f;
	bool lost;
	int r;

	if (filename_parse_stem(slice_of(o->stem), &h.id) == -1)
		return 0;
	r = ledger_file_get(l, &h.id, &f);
	if (r == -1)
		return -1;
	/* a link package that intake refused: nobody will send it again, and
	 * shikaku-status asks for it until somebody says it is settled */
	lost = r == 1 && f.state == FILE_REFUSED && o->refuse &&
	    f.id.feed == FEED_PACKAGE;
	if (r == 0 || (f.state != FILE_HELD && f.state != FILE_READY && !lost))
		return 0;
	memcpy(h.sha256, f.sha256, sizeof(h.sha256));
	memcpy(h.code, f.reason, sizeof(h.code));
	h.since = run->day;
	snprintf(h.why, sizeof(h.why), "%s", o->why);
	run_account(h.who);
	if (ledger_begin(l) == -1)
		return -1;
	r = lost && ledger_hold_put(l, &h) == -1 ? -1 :
						   ledger_hold_decide(l, &h);
	if (run->dry || r == -1)
		ledger_rollback(l);
	else if (ledger_commit(l) == -1)
		return -1;
	o->done = o->done || r > 0;
	return r == -1 ? -1 : 0;
}

int
ingest_obey(struct ledger *l, struct run *run, struct ingest_orders *orders)
{
	for (int i = 0; i < orders->n; i++)
		if (obey(l, run, &orders->v[i]) == -1)
			return -1;
	return 0;
}
