/*
 * The day files of a month -> its summary, the burden per insurer, and a head
 * over both (report 課金管理; domain/insurer-and-nhi-files.md 8).
 *
 * A month is billed once its last day is collected; the one billed is the
 * last that ended by the business day, after every one before it that was
 * not. What was billed is closed: use that came late is in a later month's
 * files under its own month, and what was stated of that month is reversed
 * and stated anew. bill-YYYYMM.yaml, renamed last, holds digests of all that
 * went in and came out and of the head before; bill-YYYYMM.p7s signs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/bill.h"
#include "batch/partners.h"
#include "batch/publish.h"
#include "batch/stamps.h"
#include "formats/codec/day.h"
#include "formats/codec/seal.h"

#define SIGNATURE_MAX 16384
#define PRICES_MAX (1 << 20)

enum { SUMMARY, BURDEN, PRICES, SIGNATURE, HEAD, FILES };

struct work {
	struct bill b;
	struct seal_key *key;
	struct partners *partners;
	char *prices; /* the table as it was read */
	size_t nprices;
	char name[FILES][40];
	struct publish file[FILES];
	char digest[FILES][65];
	int64_t rows, lines, yen; /* of summary, of burden */
};

static bool
levied(const struct work *w)
{
	return !prices_none(w->b.prices);
}

static const char *
insurer_name(void *arg, const char *code)
{
	const struct work *w = arg;
	const struct insurer *v;
	size_t n = partners_insurers(w->partners, &v);

	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].code, code) == 0)
			return v[i].name;
	return "";
}

/* ---- the files ---- */

static const char *const basis_names[] = { "use", "insured" };
static const char *const rounding_names[] = { "down", "half", "up" };

static void
write_head(const struct work *w, FILE *f)
{
	const struct bill *b = &w->b;
	const struct config *c = b->run.config;
	struct month_counts n = month_counts(b->sum);
	bool fee = levied(w);

	fprintf(f, "# what shikaku-bill made of a month\n");
	fprintf(
	    f, "sequence: %d\nprevious: \"%s\"\n", b->newest + 1, b->previous);
	fprintf(f, "month: \"%d\"\n", b->month);
	fprintf(f, "records: %lld\nchecks: %lld\nprovisions: %lld\n",
	    (long long)n.records, (long long)n.checks, (long long)n.provisions);
	fprintf(f, "billable: %lld\nretries: %lld\nunknown: %lld\n",
	    (long long)n.units, (long long)n.retries, (long long)n.unknown);
	fprintf(f, "other: %lld\nlate: %lld\n", (long long)n.other,
	    (long long)n.late);
	fprintf(f, "summary: \"%s\"\nsummary_sha256: \"%s\"\n",
	    w->name[SUMMARY], w->digest[SUMMARY]);
	fprintf(f, "burden: \"%s\"\nburden_sha256: \"%s\"\n",
	    fee ? w->name[BURDEN] : "", fee ? w->digest[BURDEN] : "");
	fprintf(f, "prices: \"%s\"\nprices_sha256: \"%s\"\n",
	    fee ? w->name[PRICES] : "", fee ? b->prices_digest : "");
	fprintf(f, "basis: %s\nrounding: %s\n", basis_names[c->fees_basis],
	    rounding_names[c->fees_rounding]);
	fprintf(f, "generation: %lld\nyen: %lld\n", (long long)b->generation,
	    (long long)w->yen);
	fprintf(f, "days:\n");
	for (size_t i = 0; i < b->ndays; i++)
		fprintf(f, "  - name: \"%s\"\n    sha256: \"%s\"\n",
		    b->days[i].name, b->days[i].digest);
}

static int
digest_file(struct work *w, int i)
{
	int fd = fileno(w->file[i].f);

	return lseek(fd, 0, SEEK_SET) == -1 ||
		seal_digest_fd(fd, w->digest[i]) == -1 ?
	    -1 :
	    0;
}

static int
make_records(struct work *w)
{
	struct bill *b = &w->b;

	if (month_write(b->sum, fileno(w->file[SUMMARY].f), w->name[SUMMARY],
		b->newest + 1, b->sink) == -1 ||
	    digest_file(w, SUMMARY) == -1)
		return -1;
	if (!levied(w))
		return 0;
	if (bill_burden(b) == -1 ||
	    burden_write(b->burden, fileno(w->file[BURDEN].f), w->name[BURDEN],
		b->month, b->newest + 1, insurer_name, w, &w->lines, &w->yen,
		b->sink) == -1)
		return -1;
	fwrite(w->prices, 1, w->nprices, w->file[PRICES].f);
	return digest_file(w, BURDEN);
}

static int
make_head(struct work *w)
{
	char store[SIGNATURE_MAX], *doc = NULL;
	struct buf sig;
	size_t n = 0;
	FILE *f = open_memstream(&doc, &n);
	int ok = -1;

	if (f == NULL)
		return -1;
	write_head(w, f);
	if (fclose(f) == 0) {
		buf_init(&sig, store, sizeof(store));
		ok = seal_sign_bytes(w->name[HEAD], (struct slice) { doc, n },
		    w->key, w->b.run.now, &sig, w->b.sink);
	}
	if (ok == 0) {
		struct slice s = buf_slice(&sig);

		fwrite(s.p, 1, s.n, w->file[SIGNATURE].f);
		fwrite(doc, 1, n, w->file[HEAD].f);
		seal_digest((struct slice) { doc, n }, w->digest[HEAD]);
	}
	free(doc);
	return ok;
}

/* All become visible in this order: where the head stands, the month does. */
static int
publish_files(struct work *w)
{
	const char *names[FILES];
	struct publish files[FILES];
	int n = 0;

	for (int i = 0; i < FILES; i++) {
		if (!levied(w) && (i == BURDEN || i == PRICES)) {
			publish_abandon(&w->file[i]);
			continue;
		}
		names[n] = w->name[i];
		files[n++] = w->file[i];
		w->file[i] = (struct publish) { 0 };
	}
	return publish_commit_all(files, names, n, w->b.dir);
}

static void
name_files(struct work *w)
{
	static const char *const form[FILES] = { "riyo_month-%d.csv",
		"futan-%d.csv", "ryokin-%d.csv", "bill-%d.p7s",
		"bill-%d.yaml" };

	for (int i = 0; i < FILES; i++) {
		const char *percent = strchr(form[i], '%');

		snprintf(w->name[i], sizeof(w->name[i]), "%.*s%d%s",
		    (int)(percent - form[i]), form[i], w->b.month, percent + 2);
	}
}

static int
make_files(struct work *w)
{
	struct bill *b = &w->b;
	int ok = 0;

	name_files(w);
	for (int i = 0; ok == 0 && i < FILES; i++)
		ok = publish_open(&w->file[i], b->root);
	if (ok == 0) {
		errno = 0;
		ok = make_records(w) == 0 && make_head(w) == 0 ? 0 : -1;
	}
	if (ok == 0 && !b->run.dry)
		ok = publish_files(w);
	if (ok == -1 && b->run.exit < EXIT_NOT_READY) {
		diag_file(b->sink, DIAG_IO, w->name[HEAD], "%s",
		    errno == 0 ? "see above" : strerror(errno));
		run_worst(&b->run, EXIT_TEMPORARY);
	}
	for (int i = 0; i < FILES; i++)
		publish_abandon(&w->file[i]);
	return ok;
}

/* ---- months ---- */

static void
month_done(struct work *w)
{
	struct bill *b = &w->b;
	struct bill_done *d;

	b->done = text_realloc(b->done, (b->ndone + 1) * sizeof(*b->done));
	d = &b->done[b->ndone++];
	*d = (struct bill_done) { .month = b->month, .sequence = ++b->newest };
	memcpy(d->summary, w->digest[SUMMARY], sizeof(d->summary));
	if (levied(w))
		memcpy(d->burden, w->digest[BURDEN], sizeof(d->burden));
	memcpy(b->previous, w->digest[HEAD], sizeof(b->previous));
}

static int
bill_month(struct work *w, int32_t month)
{
	struct bill *b = &w->b;
	const struct config *c = b->run.config;
	struct month_counts n;
	int ok;

	b->month = month;
	b->ndays = 0;
	b->generation = 0;
	w->yen = 0;
	b->sum = month_new(month, b->prices);
	b->burden = burden_new(b->prices, (enum burden_basis)c->fees_basis,
	    (enum burden_rounding)c->fees_rounding);
	ok = bill_days(b);
	if (ok == 0)
		ok = make_files(w);
	if (ok == 0) {
		n = month_counts(b->sum);
		run_note(&b->run, "month", month);
		run_note(&b->run, "billable", n.units);
		run_note(&b->run, "late", n.late);
		run_note(&b->run, "yen", w->yen);
		month_done(w);
	}
	month_free(b->sum);
	burden_free(b->burden);
	return ok;
}

/* The last month that has ended with the business day. */
static int32_t
last_month(int32_t day)
{
	int32_t month = month_of(day);

	return day == month_last(month) ? month :
					  month_of(day_month_first(day, -1));
}

/* A dry run leaves no head for the next month to follow: one month only. */
static void
bill_all(struct work *w)
{
	struct bill *b = &w->b;
	int32_t last = last_month(b->run.day), month = bill_first(b);
	struct stamps stamps;
	int made = 0;

	if (b->ndone > 0)
		month = month_after(b->done[b->ndone - 1].month);
	for (; month > 0 && month <= last; month = month_after(month)) {
		if (bill_month(w, month) == -1)
			return;
		made++;
		if (b->run.dry)
			break;
	}
	if (made == 0)
		run_worst(&b->run, EXIT_NOTHING);
	else if (!b->run.dry &&
	    stamps_run(
		b->root, b->dir, b->run.config->tsa_ca, &stamps, b->sink) == -1)
		run_worst(&b->run, EXIT_TEMPORARY);
}

/* The table beside the bill is the one it was made by. */
static int
read_prices(struct work *w)
{
	struct bill *b = &w->b;
	const char *path = b->run.config->prices;

	b->prices = prices_load(path, b->sink);
	if (b->prices == NULL)
		return -1;
	if (*path == '\0')
		return 0;
	w->prices = spool_slurp(path, PRICES_MAX, &w->nprices);
	if (w->prices == NULL) {
		diag_file(
		    b->sink, DIAG_PRICE_TABLE, path, "%s", strerror(errno));
		return -1;
	}
	seal_digest((struct slice) { w->prices, w->nprices }, b->prices_digest);
	return 0;
}

static int
prepare(struct work *w)
{
	const struct config *c = w->b.run.config;

	if (*w->b.root == '\0') {
		diag_file(w->b.sink, DIAG_CONFIG, w->b.run.config_path,
		    "qualification.root is empty: bill works on that side");
		return -1;
	}
	w->key = seal_key_open(c->publish_key, c->publish_cert, w->b.sink);
	if (w->key == NULL || read_prices(w) == -1)
		return -1;
	w->partners = partners_load(c->senders, c->insurers, w->b.sink);
	return w->partners == NULL ? -1 : 0;
}

int
main(int argc, char **argv)
{
	static struct work w;
	struct bill *b = &w.b;

	if (run_begin(&b->run, "bill", argc, argv, NULL) == -1)
		return run_end(&b->run);
	b->sink = &b->run.log.sink;
	b->root = b->run.config->qualification_root;
	if (prepare(&w) == -1)
		run_worst(&b->run, EXIT_CONFIG);
	else if (run_lock(&b->run, b->root) == 0 && bill_months(b) == 0)
		bill_all(&w);
	seal_key_free(w.key);
	partners_free(w.partners);
	prices_free(b->prices);
	spool_free(&b->names);
	free(b->done);
	free(b->days);
	free(w.prices);
	return run_end(&b->run);
}
