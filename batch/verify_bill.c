/*
 * The bill: every record of a detail file stands for a journal line, every
 * line that must be billed has its record, and of one 取引ID and 利用種別
 * only the first with a result is billable (domain, billing rules 1-4), also
 * over the files of retry_days before the first day of use.
 *
 * Lines and records are compared as sets of digests in one table, so that
 * their order does not matter; the first that has no partner is named.
 */
#include "batch/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* of a journal line; see shikaku-responder(8) */
enum {
	L_AT = 0,
	L_REQUEST = 3,
	L_INSTITUTION = 4,
	L_INSURER = 11,
	L_CRL_NUMBER = 13,
	L_CRL_UPDATE,
	L_RESULT,
	L_CA,
	L_SERIAL
};
/* of a record of the detail file; see shikaku-collect(8) */
enum {
	R_TYPE,
	R_NUMBER,
	R_AT,
	R_USE,
	R_UNITS,
	R_CA,
	R_SERIAL,
	R_RESULT,
	R_CRL_NUMBER,
	R_CRL_UPDATE,
	R_INSTITUTION,
	R_INSURER,
	R_REQUEST,
	R_BILLING,
	R_PRICES,
	R__MAX
};
#define TEXT_MAX 4096
#define JOURNALS_MAX 0x7fff

struct slot { /* one line and the records it must have */
	unsigned char digest[16];
	uint64_t where; /* journal << 44 | line, and the bits below; 0: free */
};
/* by 利用種別, from 0: a record is wanted, and was found */
#define WANTED(use) ((uint64_t)1 << (60 + (use)))
#define FOUND(use) ((uint64_t)1 << (62 + (use)))
#define LINE_OF(where) ((int64_t)((where) & (((uint64_t)1 << 44) - 1)))
#define PLACE_OF(where) ((where) & (((uint64_t)1 << 60) - 1))
#define JOURNAL_OF(where) ((size_t)((where) >> 44 & JOURNALS_MAX))

struct due { /* a 取引ID and what was billed of it: a bit by 利用種別 */
	uint64_t request;
	unsigned uses; /* 0: free */
};

struct bill {
	struct verify *v;
	const struct verify_head *h;
	struct slot *slot;
	size_t size, used;
	struct due *due;
	size_t due_size, due_used;
	size_t place; /* journal being read, from 1 */
	int64_t from;
	int64_t first; /* day of use of the first record; -1 none */
	int64_t room[2]; /* of the tables, for what earlier files billed */
	bool older; /* files that may have billed a retry are archived */
	/* of the records of the file */
	int64_t records, checks, provisions, billable, retries, unknown;
	char at[32];
	/* what digest_of() was asked last */
	char last[TEXT_MAX];
	size_t last_n;
	unsigned char last_digest[16];
};

static int
bad(struct bill *b, int64_t line, const char *why)
{
	return verify_bad(b->v, DIAG_USAGE_BILL, b->h->file, line, why);
}

/* ---- the table ---- */

static size_t
home(const struct bill *b, const unsigned char digest[16])
{
	uint64_t x;

	memcpy(&x, digest, sizeof(x));
	return (size_t)(x & (b->size - 1));
}

static void
expect(struct bill *b, const unsigned char digest[16], uint64_t where)
{
	size_t i = home(b, digest);

	while (b->slot[i].where != 0)
		i = (i + 1) & (b->size - 1);
	memcpy(b->slot[i].digest, digest, 16);
	b->slot[i].where = where;
	b->used++;
}

static bool
match(struct bill *b, const unsigned char digest[16], int use)
{
	for (size_t i = home(b, digest); b->slot[i].where != 0;
	     i = (i + 1) & (b->size - 1))
		if ((b->slot[i].where & (WANTED(use) | FOUND(use))) ==
			WANTED(use) &&
		    memcmp(b->slot[i].digest, digest, 16) == 0) {
			b->slot[i].where |= FOUND(use);
			return true;
		}
	return false;
}

/* The same of a line and of its one or two records, which stand together:
 * the second asks for what the first had. */
static void
digest_of(struct bill *b, const struct verify_line *line, const int *columns,
    size_t n, bool unlinked, unsigned char out[16])
{
	char text[TEXT_MAX];
	unsigned char sum[32];
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		const char *p = line->v[columns[i]].p;
		size_t len = line->v[columns[i]].n;

		if (unlinked && columns[i] == L_RESULT) {
			p = "valid"; /* the serial was, its person was not */
			len = 5;
		}
		if (len > sizeof(text) - at - 1)
			len = sizeof(text) - at - 1;
		text[at++] = ',';
		memcpy(text + at, p, len);
		at += len;
	}
	if (at != b->last_n || memcmp(b->last, text, at) != 0) {
		verify_sha256(text, at, "", 0, sum);
		memcpy(b->last_digest, sum, 16);
		memcpy(b->last, text, at);
		b->last_n = at;
	}
	memcpy(out, b->last_digest, 16);
}

static const int of_line[] = { L_AT, L_CA, L_SERIAL, L_RESULT, L_CRL_NUMBER,
	L_CRL_UPDATE, L_INSTITUTION, L_INSURER, L_REQUEST };
static const int of_record[] = { R_AT, R_CA, R_SERIAL, R_RESULT, R_CRL_NUMBER,
	R_CRL_UPDATE, R_INSTITUTION, R_INSURER, R_REQUEST };
#define OF (sizeof(of_line) / sizeof(of_line[0]))

static bool
column_is(const struct verify_line *line, int column, const char *s)
{
	size_t n = strlen(s);

	return line->v[column].n == n && memcmp(line->v[column].p, s, n) == 0;
}

/* A certificate asked about is one check; a valid one one provision more. */
static int
on_line(void *arg, const struct verify_line *line)
{
	struct bill *b = arg;
	bool unlinked = column_is(line, L_RESULT, "notlinked");
	unsigned char digest[16];
	uint64_t where = (uint64_t)b->place << 44 | (uint64_t)line->number;

	if (line->number - 1 <= b->from || line->v[L_RESULT].n == 0 ||
	    column_is(line, L_RESULT, "bad"))
		return 0;
	if (b->used + 1 > b->size / 4 * 3) {
		verify_bad(b->v, DIAG_USAGE_BILL, b->h->file, 0,
		    "the journals hold more than the head says");
		return -1;
	}
	digest_of(b, line, of_line, OF, unlinked, digest);
	where |= WANTED(0);
	if (column_is(line, L_RESULT, "valid"))
		where |= WANTED(1);
	expect(b, digest, where);
	return 0;
}

static int
read_journals(struct bill *b)
{
	int r = 0;

	for (size_t i = 0; i < b->h->n; i++) {
		const struct verify_taken *t = &b->h->taken[i];
		struct verify_journal *j;

		j = verify_journal_of(b->v, t->name);
		if (j == NULL)
			return verify_bad(b->v, DIAG_USAGE_HEAD, b->h->name, 0,
			    "a journal with another name");
		b->place = i + 1;
		b->from = t->from;
		if (j->lines > t->from ||
		    (j->lines < t->from && b->h != b->v->head))
			r = verify_bad(b->v, DIAG_USAGE_HEAD, b->h->name, 0,
			    "does not go on where the head before it ended");
		else if (verify_journal(b->v, j, t->lines, on_line, b) == -1)
			r = -1;
		else if (j->lines < t->lines)
			r = verify_bad(b->v, DIAG_JOURNAL_CHAIN, j->name,
			    j->lines + 2, "cut: a head knows more lines");
		else if (strcmp(j->chain, t->chain) != 0)
			r = verify_bad(b->v, DIAG_JOURNAL_CHAIN, j->name,
			    j->lines + 1,
			    "not the line the head was made over");
	}
	return r;
}

/* ---- the records ---- */

static bool
request_of(const struct verify_line *line, uint64_t *out)
{
	*out = 0;
	if (line->v[R_REQUEST].n != 16)
		return false;
	for (int i = 0; i < 16; i++) {
		char c = line->v[R_REQUEST].p[i];
		int d = c >= '0' && c <= '9' ? c - '0' :
		    c >= 'a' && c <= 'f'     ? c - 'a' + 10 :
					       -1;

		if (d == -1)
			return false;
		*out = *out << 4 | (uint64_t)d;
	}
	return true;
}

static struct due *
due_find(struct due *t, size_t size, uint64_t request)
{
	size_t i = (size_t)((request * 0x9e3779b97f4a7c15U) >> 20) & (size - 1);

	while (t[i].uses != 0 && t[i].request != request)
		i = (i + 1) & (size - 1);
	return &t[i];
}

static void
due_grow(struct bill *b)
{
	size_t size = b->due_size * 2;
	struct due *t = calloc(size, sizeof(*t));

	if (t == NULL)
		abort();
	for (size_t i = 0; i < b->due_size; i++)
		if (b->due[i].uses != 0)
			*due_find(t, size, b->due[i].request) = b->due[i];
	free(b->due);
	b->due = t;
	b->due_size = size;
}

/* True where it was there already. */
static bool
billed(struct bill *b, int use, uint64_t request)
{
	struct due *d;

	if (b->due_used >= b->due_size / 4 * 3)
		due_grow(b);
	d = due_find(b->due, b->due_size, request);
	if ((d->uses & 1u << use) != 0)
		return true;
	b->due_used += d->uses == 0;
	d->request = request;
	d->uses |= 1u << use;
	return false;
}

static const char *
judge_billing(struct bill *b, const struct verify_line *line, int use)
{
	uint64_t request;

	if (!request_of(line, &request))
		return "取引ID is not 16 hexadecimal digits";
	if (column_is(line, R_RESULT, "unknown") ||
	    column_is(line, R_RESULT, "expired")) {
		b->unknown++;
		return column_is(line, R_BILLING, "9") ?
		    NULL :
		    "no list gave this result: not billable (9)";
	}
	if (billed(b, use, request) ||
	    (b->older && column_is(line, R_BILLING, "2"))) {
		b->retries++;
		return column_is(line, R_BILLING, "2") ?
		    NULL :
		    "the same 取引ID again is a retry (2)";
	}
	b->billable++;
	return column_is(line, R_BILLING, "1") ? NULL : "is billable (1)";
}

static const char *
judge_record(struct bill *b, const struct verify_line *line)
{
	unsigned char digest[16];
	int use = column_is(line, R_USE, "2") ? 1 : 0;

	if (!verify_is(line, R_NUMBER, b->records + 1))
		return "record number";
	if (!column_is(line, R_USE, "1") && use == 0)
		return "利用種別 is 1 or 2";
	if (!column_is(line, R_UNITS, "1"))
		return "one unit a record";
	if (line->v[R_AT].n != 29 || memcmp(b->at, line->v[R_AT].p, 29) > 0)
		return "records stand by time of use";
	memcpy(b->at, line->v[R_AT].p, 29);
	b->records++;
	b->checks += use == 0;
	b->provisions += use == 1;
	if (b->checks > b->h->checks || b->provisions > b->h->provisions)
		return "more records than the head says";
	digest_of(b, line, of_record, OF, false, digest);
	if (!match(b, digest, use))
		return "no journal line says so";
	return judge_billing(b, line, use);
}

static const char *
judge_trailer(const struct bill *b, const struct verify_line *line)
{
	return verify_is(line, 1, b->records) &&
		verify_is(line, 2, b->records) ?
	    NULL :
	    "count or control total of the trailer";
}

static int
read_file(struct bill *b)
{
	char path[1024], *text = NULL;
	const char *wrong = NULL;
	int64_t n = 0;
	size_t size = 0;
	ssize_t len;
	bool ended = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", b->v->usage, b->h->file);
	f = fopen(path, "rb");
	if (f == NULL)
		return bad(b, 0, "the file is missing");
	while (wrong == NULL && (len = getline(&text, &size, f)) > 0) {
		struct verify_line line = { .p = text, .n = (size_t)len };
		int columns;

		n++;
		while (line.n > 0 &&
		    (text[line.n - 1] == '\n' || text[line.n - 1] == '\r'))
			line.n--;
		columns = verify_split(&line, R__MAX);
		if (ended)
			wrong = "a line behind the trailer";
		else if (column_is(&line, 0, "2"))
			wrong = columns != R__MAX ? "not 15 columns" :
						    judge_record(b, &line);
		else if (column_is(&line, 0, "3") && columns == 3) {
			wrong = judge_trailer(b, &line);
			ended = true;
		} else if (!column_is(&line, 0, "1") || n != 1)
			wrong = "neither header, record nor trailer";
	}
	free(text);
	fclose(f);
	if (wrong != NULL)
		return bad(b, n, wrong);
	return ended ? 0 : bad(b, n, "the trailer is missing");
}

/* ---- what earlier files billed ---- */

/* Days since 1970 of YYYYMMDD, with dashes or without; -1: no number. */
static int64_t
day_number(const char *p, bool dashes)
{
	int64_t n[3] = { 0 }, era;
	static const int width[3] = { 4, 2, 2 };

	for (int i = 0; i < 3; i++) {
		for (int k = 0; k < width[i]; k++, p++) {
			if (*p < '0' || *p > '9')
				return -1;
			n[i] = n[i] * 10 + (*p - '0');
		}
		p += dashes && i < 2;
	}
	/* civil to days, with years that begin in March */
	n[0] -= n[1] <= 2;
	era = n[0] / 400;
	return era * 146097 + (n[0] - era * 400) * 365 +
	    (n[0] - era * 400) / 4 - (n[0] - era * 400) / 100 +
	    (153 * (n[1] + (n[1] > 2 ? -3 : 9)) + 2) / 5 + n[2] - 1 - 719468;
}

typedef void each_record_fn(struct bill *b, const struct verify_line *line);

/* The detail records of a file until `one` (only the first). */
static void
each_record(
    struct bill *b, const struct verify_head *h, bool one, each_record_fn *each)
{
	char path[1024], *text = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", b->v->usage, h->file);
	f = fopen(path, "rb");
	while (f != NULL && (len = getline(&text, &size, f)) > 0) {
		struct verify_line line = { .p = text, .n = (size_t)len };

		if (line.p[0] != '2')
			continue;
		if (verify_split(&line, R__MAX) == R__MAX)
			each(b, &line);
		if (one)
			break;
	}
	free(text);
	if (f != NULL)
		fclose(f);
}

static void
take_first(struct bill *b, const struct verify_line *line)
{
	b->first =
	    line->v[R_AT].n == 29 ? day_number(line->v[R_AT].p, true) : -1;
}

static void
take_billed(struct bill *b, const struct verify_line *line)
{
	uint64_t request;
	int use = column_is(line, R_USE, "2") ? 1 : 0;

	if (column_is(line, R_BILLING, "1") && b->room[use] > 0 &&
	    request_of(line, &request)) {
		b->room[use]--; /* no more than its head says */
		billed(b, use, request);
	}
}

static bool
within(const struct bill *b, const struct verify_head *g)
{
	return g->records <= INT32_MAX && g->checks <= g->records &&
	    g->provisions <= g->records &&
	    day_number(g->name + 5, false) >= b->first - b->h->retry_days;
}

/* Also where the oldest head here is not the first there was. */
static void
read_before(struct bill *b)
{
	const struct verify_head *h = b->h, *v = b->v->head;

	for (const struct verify_head *g = v; g < h; g++) {
		if (!within(b, g))
			continue;
		b->room[0] = g->checks;
		b->room[1] = g->provisions;
		each_record(b, g, false, take_billed);
	}
	b->older = v->sequence > 1 &&
	    day_number(v->name + 5, false) >= b->first - h->retry_days;
}

/* The day of use the file begins with. */
static void
find_first(struct bill *b)
{
	b->first = -1;
	if (b->h->retry_days >= 0)
		each_record(b, b->h, true, take_first);
}

/* ---- one head ---- */

static int
prove_counts(struct bill *b)
{
	const struct verify_head *h = b->h;

	if (h->records == b->records && h->checks == b->checks &&
	    h->provisions == b->provisions && h->billable == b->billable &&
	    h->retries == b->retries && h->unknown == b->unknown)
		return 0;
	return verify_bad(b->v, DIAG_USAGE_HEAD, h->name, 0,
	    "its counts are not those of the file");
}

/* A free slot lacks nothing. */
static bool
lacks(uint64_t where)
{
	uint64_t found = FOUND(0) | FOUND(1);

	return ((where & (WANTED(0) | WANTED(1))) << 2 & ~(where & found)) != 0;
}

/* The first line of the journals that no record stands for. */
static int
prove_all_matched(struct bill *b)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < b->size; i++)
		if (lacks(b->slot[i].where) &&
		    PLACE_OF(b->slot[i].where) < first)
			first = PLACE_OF(b->slot[i].where);
	if (first == UINT64_MAX)
		return 0;
	return verify_bad(b->v, DIAG_USAGE_BILL,
	    b->h->taken[JOURNAL_OF(first) - 1].name, LINE_OF(first),
	    "this line has no record in the file of its day");
}

/* A power of two with a quarter free at least, all zero. */
static void *
table(int64_t n, size_t width, size_t *size)
{
	void *p;

	*size = 64;
	while (*size / 4 * 3 < (size_t)n + 4)
		*size *= 2;
	p = calloc(*size, width);
	if (p == NULL)
		abort();
	return p;
}

int
verify_bill(struct verify *v, const struct verify_head *h)
{
	struct bill b = { .v = v, .h = h };
	char path[1024], sha256[65];
	int64_t before = v->bad;

	if (h->records > INT32_MAX || h->n > JOURNALS_MAX ||
	    h->checks > h->records || h->provisions > h->records)
		return bad(&b, 0, "more records than a day can have");
	b.slot = table(h->checks, sizeof(*b.slot), &b.size);
	b.due = table(h->checks, sizeof(*b.due), &b.due_size);
	find_first(&b);
	if (h->retry_days >= 0 && b.first >= 0)
		read_before(&b);
	snprintf(path, sizeof(path), "%s/%s", v->usage, h->file);
	if (verify_sha256_file(path, sha256, NULL, NULL) == 0 &&
	    strcmp(sha256, h->sha256) != 0)
		bad(&b, 0, "not the bytes the head was made over");
	if (read_journals(&b) == 0 && read_file(&b) == 0 &&
	    prove_all_matched(&b) == 0)
		prove_counts(&b);
	v->records += b.records;
	free(b.slot);
	free(b.due);
	return v->bad == before ? 0 : -1;
}
