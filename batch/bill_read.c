/* What a month's bill is made of. */
#include "batch/bill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/publish.h"
#include "formats/codec/day.h"
#include "formats/codec/pages_read.h"
#include "formats/codec/seal.h"
#include "formats/codec/yaml.h"
#include "formats/snapshot.h"

#define HEAD_MAX (1 << 24)

int
bill_digest(const char *dir, const char *name, char hex[65])
{
	char path[SPOOL_PATH_MAX];
	int fd, ok;

	spool_path(path, dir, "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	ok = seal_digest_fd(fd, hex);
	close(fd);
	return ok;
}

static int
broken(struct bill *b, enum diag_code code, const char *name, const char *why)
{
	diag_file(b->sink, code, name, "%s", why);
	run_worst(&b->run, EXIT_INTEGRITY);
	return -1;
}

/* Its bytes have the digest a head holds. */
static int
unchanged(struct bill *b, const char *name, const char *want)
{
	char hex[65];

	if (bill_digest(b->dir, name, hex) == -1)
		return broken(b, DIAG_USAGE_HEAD, name, strerror(errno));
	if (strcmp(hex, want) != 0)
		return broken(b, DIAG_USAGE_HEAD, name,
		    "not the bytes its head was made over");
	return 0;
}

/* ---- heads ---- */

struct head {
	struct yaml *y;
	char *doc;
	char digest[65];
};

static void
head_close(struct head *h)
{
	yaml_close(h->y);
	free(h->doc);
}

static int
head_open(struct bill *b, const char *name, struct head *h)
{
	char path[SPOOL_PATH_MAX];
	size_t n;

	*h = (struct head) { 0 };
	spool_path(path, b->dir, "%s", name);
	h->doc = spool_slurp(path, HEAD_MAX, &n);
	if (h->doc != NULL)
		h->y = yaml_read((struct slice) { h->doc, n }, name, b->sink);
	if (h->y == NULL) {
		head_close(h);
		return broken(b, DIAG_USAGE_HEAD, name, "cannot be read");
	}
	seal_digest((struct slice) { h->doc, n }, h->digest);
	return 0;
}

static const char *
text_of(const struct head *h, const char *path)
{
	const struct yaml_node *node = yaml_find(h->y, path);

	return node == NULL || node->value == NULL ? "" : node->value;
}

static int64_t
number_of(const struct head *h, const char *path)
{
	return slice_number(slice_of(text_of(h, path)));
}

/* "PREFIXdigitsSUFFIX" with so many digits; -1 where the name is another. */
static int64_t
name_number(
    const char *name, const char *prefix, size_t digits, const char *suffix)
{
	size_t n = strlen(prefix);

	if (strncmp(name, prefix, n) != 0 ||
	    strlen(name) != n + digits + strlen(suffix) ||
	    strcmp(name + n + digits, suffix) != 0)
		return -1;
	return slice_number((struct slice) { name + n, digits });
}

static int
take_month(struct bill *b, const char *name, int32_t month)
{
	struct bill_done *d;
	struct head h;
	int64_t sequence;

	if (head_open(b, name, &h) == -1)
		return -1;
	sequence = number_of(&h, "sequence");
	b->done = text_realloc(b->done, (b->ndone + 1) * sizeof(*b->done));
	d = &b->done[b->ndone++];
	*d = (struct bill_done) { .month = month, .sequence = (int)sequence };
	snprintf(d->summary, 65, "%s", text_of(&h, "summary_sha256"));
	snprintf(d->burden, 65, "%s", text_of(&h, "burden_sha256"));
	if (sequence == b->newest + 1) {
		b->newest = (int)sequence;
		memcpy(b->previous, h.digest, sizeof(b->previous));
	}
	head_close(&h);
	return sequence == b->newest ?
	    0 :
	    broken(b, DIAG_USAGE_HEAD, name,
		"the head of the month before it is missing");
}

/* Names are sorted, and months are billed in their order. */
int
bill_months(struct bill *b)
{
	spool_path(b->dir, b->root, "out/usage");
	if (publish_make_dir(b->dir) == -1 ||
	    spool_list(b->dir, &b->names) == -1) {
		diag_file(b->sink, DIAG_IO, "out/usage", "%s", strerror(errno));
		run_worst(&b->run, EXIT_TEMPORARY);
		return -1;
	}
	for (size_t i = 0; i < b->names.n; i++) {
		int64_t month = name_number(b->names.v[i], "bill-", 6, ".yaml");

		if (month > 0 &&
		    take_month(b, b->names.v[i], (int32_t)month) == -1)
			return -1;
	}
	return 0;
}

int32_t
bill_first(const struct bill *b)
{
	for (size_t i = 0; i < b->names.n; i++) {
		int64_t day = name_number(b->names.v[i], "riyo-", 8, ".yaml");

		if (day > 0)
			return (int32_t)(day / 100);
	}
	return 0;
}

/* ---- record files ---- */

typedef int each_fn(struct bill *b, const struct record *rec, const char *name);

static int
read_file(struct bill *b, const char *name, const struct layout *layout,
    each_fn *each)
{
	char path[SPOOL_PATH_MAX];
	struct record_source src = { .name = name,
		.layout = layout,
		.syntax = SYNTAX_CSV,
		.charset = CHARSET_UTF8,
		.today = DAY_NONE,
		.most = INT64_MAX,
		.sink = b->sink };
	struct record_reader *reader;
	struct record rec;
	enum record_result r;
	int ok = 0;

	spool_path(path, b->dir, "%s", name);
	src.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (src.fd == -1)
		return broken(b, DIAG_USAGE_HEAD, name, strerror(errno));
	reader = record_open(&src);
	while (ok == 0 && (r = record_next(reader, &rec)) == RECORD_OK) {
		ok = each(b, &rec, name);
		if (run_stopped()) {
			run_worst(&b->run, EXIT_STOPPED);
			ok = -1;
		}
	}
	record_close(reader);
	close(src.fd);
	if (ok == 0 && r != RECORD_END)
		return broken(b, DIAG_USAGE_BILL, name, "see above");
	return ok;
}

static int
on_detail(struct bill *b, const struct record *rec, const char *name)
{
	if (month_add(b->sum, rec, name, b->sink) == -1) {
		run_worst(&b->run, EXIT_CONFIG);
		return -1;
	}
	b->run.read++;
	b->run.accepted++;
	run_progress(&b->run, "bill", b->run.read, 0);
	return 0;
}

/* The day adds to the month what its head says, to the unit. */
static int
take_day(struct bill *b, const char *name)
{
	struct month_counts before = month_counts(b->sum), c;
	struct bill_day *d;
	struct head h;
	char csv[24];
	int ok;

	if (head_open(b, name, &h) == -1)
		return -1;
	b->days = text_realloc(b->days, (b->ndays + 1) * sizeof(*b->days));
	d = &b->days[b->ndays++];
	snprintf(d->name, sizeof(d->name), "%.18s", name);
	memcpy(d->digest, h.digest, sizeof(d->digest));
	snprintf(csv, sizeof(csv), "%.13s.csv", name);
	ok = unchanged(b, csv, text_of(&h, "sha256"));
	if (ok == 0)
		ok = read_file(b, csv, &usage_file_layout, on_detail);
	c = month_counts(b->sum);
	if (ok == 0 &&
	    (c.records - before.records != number_of(&h, "records") ||
		c.units - before.units != number_of(&h, "billable")))
		ok = broken(b, DIAG_USAGE_HEAD, name,
		    "its counts are not those of the file");
	head_close(&h);
	b->run.files++;
	return ok;
}

int
bill_days(struct bill *b)
{
	char last[24], d[9];
	int ok = 0;

	day_format(month_last(b->month), d);
	snprintf(last, sizeof(last), "riyo-%.8s.yaml", d);
	for (size_t i = 0; i < b->names.n && ok == 0; i++) {
		int64_t day = name_number(b->names.v[i], "riyo-", 8, ".yaml");

		if (day / 100 == b->month)
			ok = take_day(b, b->names.v[i]);
	}
	if (ok == 0 &&
	    (b->ndays == 0 || strcmp(b->days[b->ndays - 1].name, last) != 0)) {
		diag_file(b->sink, DIAG_BILL_WAITS, last,
		    "the last day of the month is not collected: run "
		    "shikaku-collect for it");
		run_worst(&b->run, EXIT_NOT_READY);
		ok = -1;
	}
	return ok;
}

/* ---- the burden ---- */

static int
on_summary(struct bill *b, const struct record *rec, const char *name)
{
	char insurer[9] = "";
	int version = prices_find(b->prices, rec->v[M_PRICES].s);

	if (rec->v[M_INSURER].s.n > 0)
		memcpy(insurer, rec->v[M_INSURER].s.p, rec->v[M_INSURER].s.n);
	if (rec->v[M_PRICES].s.n > 0 && version == -1) {
		diag_file(b->sink, DIAG_PRICE_TABLE, name,
		    "its 料金表版 is no longer in the table");
		run_worst(&b->run, EXIT_CONFIG);
		return -1;
	}
	burden_add(b->burden, (int32_t)slice_number(rec->v[M_MONTH].s),
	    rec->v[M_USE].s.p[0], insurer, version,
	    slice_number(rec->v[M_UNITS].s));
	return 0;
}

static int
on_burden(struct bill *b, const struct record *rec, const char *name)
{
	if (burden_before(b->burden, rec) == 0)
		return 0;
	diag_file(b->sink, DIAG_PRICE_TABLE, name,
	    "its 料金表版 is no longer in the table");
	run_worst(&b->run, EXIT_CONFIG);
	return -1;
}

/* What was said of months of which late use has come. */
static int
read_before(struct bill *b, int32_t from)
{
	char name[40];
	int ok = 0;

	for (size_t i = 0; ok == 0 && i < b->ndone; i++) {
		const struct bill_done *d = &b->done[i];

		if (d->month < from)
			continue;
		snprintf(name, sizeof(name), "riyo_month-%d.csv", d->month);
		ok = unchanged(b, name, d->summary);
		if (ok == 0)
			ok = read_file(b, name, &month_layout, on_summary);
		if (ok == -1 || d->burden[0] == '\0')
			continue;
		snprintf(name, sizeof(name), "futan-%d.csv", d->month);
		ok = unchanged(b, name, d->burden);
		if (ok == 0)
			ok = read_file(b, name, &burden_layout, on_burden);
	}
	return ok;
}

/* Of the table period, as its rows lie: the primary key first. */
enum { P_KEY, P_FROM, P_INSURER, P_UNTIL = 21, P__MAX };

static bool
covers(const struct column *v, const char last[9])
{
	return v[P_KEY].type == COLUMN_TEXT && v[P_INSURER].s.n == 8 &&
	    v[P_FROM].s.n == 8 && memcmp(v[P_FROM].s.p, last, 8) <= 0 &&
	    (v[P_UNTIL].type != COLUMN_TEXT || v[P_UNTIL].s.n != 8 ||
		memcmp(v[P_UNTIL].s.p, last, 8) > 0);
}

/* 0, 1 nobody was insured, -1 raised.
 * Rows stand by key, which begins with the insurer: one counter at a time. A
 * key is a person at an insurer: two periods of it that cover a day overlap,
 * and the merge lets none do so. */
static int
count_rows(struct bill *b, struct snapshot *s, int32_t month)
{
	struct snapshot_rows *rows = snapshot_rows_open(s, "period");
	const struct cursor *at;
	struct column v[P__MAX];
	char last[9], insurer[9] = "";
	int64_t n = 0, all = 0;
	int more = rows == NULL ? -1 : 0;

	day_format(month_last(month), last);
	while (rows != NULL && (more = snapshot_rows_next(rows, &at)) == 1) {
		if (cursor_columns(at, v, P__MAX) < P__MAX)
			continue;
		if (!covers(v, last))
			continue;
		if (memcmp(insurer, v[P_INSURER].s.p, 8) != 0) {
			if (n > 0)
				burden_persons(b->burden, month, insurer, n);
			memcpy(insurer, v[P_INSURER].s.p, 8);
			n = 0;
		}
		n++;
		all++;
	}
	if (n > 0)
		burden_persons(b->burden, month, insurer, n);
	snapshot_rows_close(rows);
	return more == 0 && all == 0 ? 1 : more;
}

static int
count_persons(struct bill *b, int32_t month)
{
	const struct config *c = b->run.config;
	struct chain *trust = chain_open(
	    c->site_ca, *c->site_crl == '\0' ? NULL : c->site_crl, b->sink);
	char dir[SPOOL_PATH_MAX], digest[65], publisher[128];
	struct snapshot_set set;
	struct snapshot *s = NULL;
	int found = -1;

	if (trust != NULL &&
	    seal_cert_name(c->publish_cert, publisher, b->sink) == 0)
		found = publish_current(b->root, trust, publisher, b->run.now,
		    &set, digest, b->sink);
	chain_free(trust);
	if (found == 1 && set.kind[SNAPSHOT_QUALIFICATION].generation > 0) {
		spool_path(dir, b->root, "snapshots");
		s = snapshot_open(dir, SNAPSHOT_QUALIFICATION,
		    &set.kind[SNAPSHOT_QUALIFICATION], false, b->sink);
		found = s == NULL ? -1 : count_rows(b, s, month);
		b->generation = set.kind[SNAPSHOT_QUALIFICATION].generation;
		snapshot_close(s);
	} else if (found != -1) {
		found = 1;
	}
	if (found == 1) {
		diag_file(b->sink, DIAG_BILL_WAITS, "snapshots",
		    "no generation is in force to count insured persons in, "
		    "or nobody is insured in it: run shikaku-rebuild");
		run_worst(&b->run, EXIT_NOT_READY);
	} else if (found == -1)
		run_worst(&b->run, EXIT_INTEGRITY);
	return found == 0 ? 0 : -1;
}

/* The last day of a month names the version where persons are the basis. */
static int
gap_at_end(struct bill *b)
{
	char d[9];

	if (b->run.config->fees_basis != BASIS_PERSONS ||
	    prices_on(b->prices, 1, month_last(b->month)) >= 0)
		return 0;
	day_format(month_last(b->month), d);
	diag_file(b->sink, DIAG_PRICE_GAP, b->run.config->prices,
	    "no price on %s", d);
	run_worst(&b->run, EXIT_CONFIG);
	return -1;
}

int
bill_burden(struct bill *b)
{
	const struct month_row *v;
	size_t n = month_rows(b->sum, &v);
	bool persons = b->run.config->fees_basis == BASIS_PERSONS;
	int ok = gap_at_end(b);

	for (size_t i = 0; i < n; i++)
		burden_add(b->burden, v[i].month, v[i].use, v[i].insurer,
		    v[i].version, v[i].units);
	if (ok == 0 && n > 0 && v[0].month < b->month)
		ok = read_before(b, v[0].month);
	if (ok == 0 && persons)
		ok = count_persons(b, b->month);
	for (size_t i = 0; ok == 0 && persons && i < n; i++)
		if (v[i].month < b->month &&
		    (i == 0 || v[i - 1].month != v[i].month) &&
		    !burden_stated(b->burden, v[i].month))
			ok = count_persons(b, v[i].month);
	return ok;
}
