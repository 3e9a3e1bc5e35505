/*
 * A month's bill, proved from its day files: the head is signed and names the
 * one before and every day; the summary counts what the day files hold, row by
 * row; the burden follows from the summary (verify_burden.c).
 */
#include "batch/verify_month.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { /* of a detail record; see shikaku-collect(8) */
	R_AT = 2,
	R_USE = 3,
	R_INSTITUTION = 10,
	R_INSURER = 11,
	R_BILLING = 13,
	R_PRICES = 14,
	R__MAX
};
enum { C_UNITS, C_RETRIES, C_UNKNOWN, C_OTHER, C_LATE };

int
month_bad(struct months *m, const char *file, int64_t line, const char *why)
{
	return verify_bad(m->v, DIAG_USAGE_BILL, file, line, why);
}

/* ---- a table of counts ---- */

static size_t
slot(const struct count_table *t, const char *key)
{
	uint64_t x = UINT64_C(14695981039346656037);
	size_t i;

	for (const char *p = key; *p != '\0'; p++)
		x = (x ^ (unsigned char)*p) * UINT64_C(1099511628211);
	i = (size_t)(x ^ x >> 32) & (t->size - 1);
	while (t->v[i].key != NULL && strcmp(t->v[i].key, key) != 0)
		i = (i + 1) & (t->size - 1);
	return i;
}

static void
widen(struct count_table *t)
{
	struct count_table old = *t;

	t->size = old.size == 0 ? 256 : 2 * old.size;
	t->v = calloc(t->size, sizeof(*t->v));
	if (t->v == NULL)
		abort();
	for (size_t i = 0; i < old.size; i++)
		if (old.v[i].key != NULL)
			t->v[slot(t, old.v[i].key)] = old.v[i];
	free(old.v);
}

struct count_row *
count_row(struct count_table *t, const char *key, bool make)
{
	size_t i;

	if (t->used >= t->size / 2)
		widen(t);
	i = slot(t, key);
	if (t->v[i].key == NULL) {
		if (!make)
			return NULL;
		t->v[i] = (struct count_row) { .key = strdup(key) };
		if (t->v[i].key == NULL)
			abort();
		t->used++;
	}
	return &t->v[i];
}

void
count_free(struct count_table *t)
{
	for (size_t i = 0; i < t->size; i++)
		free(t->v[i].key);
	free(t->v);
	*t = (struct count_table) { 0 };
}

/* RFC 4180, one line of it. */
void
csv_cut(char *line, struct csv_line *out)
{
	char *p = line, *to;

	*out = (struct csv_line) { 0 };
	for (;;) {
		bool quoted = *p == '"';
		char *start = to = p += quoted;

		for (; *p != '\0' && *p != '\r' && *p != '\n'; p++) {
			if (quoted && *p == '"' && *++p != '"') {
				quoted = false;
				p--;
				continue;
			}
			if (!quoted && *p == ',')
				break;
			*to++ = *p;
		}
		if (out->n < CSV_COLUMNS)
			out->v[out->n] = start;
		out->n++;
		bool more = *p == ',';
		*to = '\0';
		if (!more)
			return;
		p++;
	}
}

/* ---- the head ---- */

static const char *const numbers[] = { "records", "checks", "provisions",
	"billable", "retries", "unknown", "other", "late", "generation",
	"yen" };
static const char *const files[] = { "summary", "burden", "prices" };

static bool
set(struct month_head *h, const char *key, const char *value)
{
	char name[24];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i]) == 0) {
			bool minus = i == N_YEN && *value == '-';

			h->n[i] = verify_number(value + minus);
			if (h->n[i] < 0)
				return false;
			h->n[i] = minus ? -h->n[i] : h->n[i];
			return true;
		}
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s_sha256", files[i]);
		if (strcmp(key, files[i]) == 0)
			return verify_copy(
			    h->file[i], sizeof(h->file[i]), value);
		if (strcmp(key, name) == 0)
			return verify_copy(
			    h->sha256[i], sizeof(h->sha256[i]), value);
	}
	if (strcmp(key, "sequence") == 0)
		return (h->sequence = verify_number(value)) > 0;
	if (strcmp(key, "month") == 0)
		return verify_number(value) == h->month;
	if (strcmp(key, "previous") == 0)
		return verify_copy(h->previous, sizeof(h->previous), value);
	if (strcmp(key, "basis") == 0) {
		h->insured = strcmp(value, "insured") == 0;
		return h->insured || strcmp(value, "use") == 0;
	}
	if (strcmp(key, "rounding") == 0)
		return verify_copy(h->rounding, sizeof(h->rounding), value);
	if (strcmp(key, "name") == 0) {
		h->day = realloc(h->day, (h->days + 1) * sizeof(*h->day));
		if (h->day == NULL)
			abort();
		memset(&h->day[h->days], 0, sizeof(*h->day));
		return verify_copy(h->day[h->days++].name, 32, value);
	}
	return strcmp(key, "sha256") == 0 && h->days > 0 &&
	    verify_copy(h->day[h->days - 1].digest, 65, value);
}

static void
read_head(struct months *m, struct month_head *h)
{
	char stem[16], want[40], *doc, *save = NULL, *value;
	const char *key;
	int64_t n = 0;

	snprintf(stem, sizeof(stem), "bill-%06d", h->month % 1000000);
	doc = verify_signed(m->v, stem, h->digest, &h->stamped);
	for (char *line = doc == NULL ? NULL : strtok_r(doc, "\n", &save);
	     line != NULL; line = strtok_r(NULL, "\n", &save)) {
		n++;
		if (*line == '#' || strcmp(line, "days:") == 0)
			continue;
		if (!verify_pair(line, &key, &value) || !set(h, key, value))
			verify_bad(m->v, DIAG_USAGE_HEAD, h->name, n,
			    "line is not as the manual describes it");
	}
	snprintf(want, sizeof(want), "riyo_month-%06d.csv", h->month % 1000000);
	if (doc != NULL && strcmp(h->file[F_SUMMARY], want) != 0)
		verify_bad(m->v, DIAG_USAGE_HEAD, h->name, 0,
		    "the summary is another month's");
	free(doc);
}

static int
by_sequence(const void *a, const void *b)
{
	const struct month_head *x = a, *y = b;

	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return x->month < y->month ? -1 : 1;
}

static void
read_heads(struct months *m)
{
	char gap[32] = "";
	bool one = false;
	DIR *d = opendir(m->v->usage);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strlen(e->d_name) != 16 ||
		    strncmp(e->d_name, "bill-", 5) != 0 ||
		    strspn(e->d_name + 5, "0123456789") != 6 ||
		    strcmp(e->d_name + 11, ".yaml") != 0)
			continue;
		m->head = realloc(m->head, (m->heads + 1) * sizeof(*m->head));
		if (m->head == NULL)
			abort();
		struct month_head *h = &m->head[m->heads++];
		*h = (struct month_head) { 0 };
		memcpy(h->name, e->d_name, 17);
		h->month = (int)strtol(e->d_name + 5, NULL, 10);
	}
	if (d != NULL)
		closedir(d);
	for (size_t i = 0; i < m->heads; i++)
		read_head(m, &m->head[i]);
	if (m->heads > 1)
		qsort(m->head, m->heads, sizeof(*m->head), by_sequence);
	for (size_t i = 0; i < m->heads; i++) {
		const struct month_head *h = &m->head[i];

		verify_stamps_stand(m->v, h->name, h->stamped, &one, gap);
		if (i == 0 ? (h->sequence == 1) != (h->previous[0] == '\0') :
			     h->sequence != h[-1].sequence + 1 ||
			    h->month <= h[-1].month ||
			    strcmp(h->previous, h[-1].digest) != 0)
			verify_bad(m->v, DIAG_USAGE_HEAD, h->name, 0,
			    "does not follow the month's head before it");
	}
}

/* ---- the day files ---- */

static const struct verify_head *
day_head(const struct months *m, const char *name)
{
	for (size_t i = 0; i < m->v->heads; i++)
		if (strcmp(m->v->head[i].name, name) == 0)
			return &m->v->head[i];
	return NULL;
}

static bool
is_of_month(const char *name, int month)
{
	char begin[16];

	snprintf(begin, sizeof(begin), "riyo-%06d", month % 1000000);
	return strncmp(name, begin, 11) == 0;
}

/* The days a head names are those there are. -1 told; 1: all are archived. */
static int
prove_days(struct months *m)
{
	size_t there = 0, named = 0;

	for (size_t i = 0; i < m->v->heads; i++)
		there += is_of_month(m->v->head[i].name, m->h->month);
	if (there == 0)
		return 1;
	for (size_t i = 0; i < m->h->days; i++) {
		const struct verify_head *d = day_head(m, m->h->day[i].name);

		if (d == NULL || !is_of_month(d->name, m->h->month) ||
		    strcmp(d->digest, m->h->day[i].digest) != 0)
			return verify_bad(m->v, DIAG_USAGE_HEAD, m->h->name, 0,
			    "names a day that is missing, or another head");
		named++;
	}
	if (named != there)
		return verify_bad(m->v, DIAG_USAGE_HEAD, m->h->name, 0,
		    "leaves out a day of the month");
	return 0;
}

static const char *
take_record(struct months *m, const struct csv_line *l)
{
	const char *version = "";
	char key[80], day[9];
	struct count_row *r;
	int use;

	if (l->n != R__MAX || strlen(l->v[R_AT]) != 29 ||
	    strlen(l->v[R_INSTITUTION]) != 10 || strlen(l->v[R_INSURER]) > 8)
		return "is not as the manual describes it";
	snprintf(day, sizeof(day), "%.4s%.2s%.2s", l->v[R_AT], l->v[R_AT] + 5,
	    l->v[R_AT] + 8);
	use = l->v[R_USE][0] == '2' ? 2 : 1;
	if (m->prices > 0) {
		version = month_version(m, use, day);
		if (version == NULL)
			return "no price in the table of the bill";
		if (*l->v[R_PRICES] != '\0' &&
		    strcmp(l->v[R_PRICES], version) != 0)
			return "its 料金表版 is not that of its day";
	}
	snprintf(key, sizeof(key), "%.6s,%d,%s,%.2s,%.1s,%s", day, use,
	    l->v[R_INSURER], l->v[R_INSTITUTION], l->v[R_INSTITUTION] + 2,
	    version);
	r = count_row(&m->sum, key, true);
	switch (l->v[R_BILLING][0]) {
	case '1':
		r->n[C_UNITS]++;
		r->n[C_LATE] += strtol(key, NULL, 10) < m->h->month;
		break;
	case '2':
		r->n[C_RETRIES]++;
		break;
	case '9':
		r->n[C_UNKNOWN]++;
		break;
	default:
		r->n[C_OTHER]++;
	}
	return NULL;
}

static void
add_day(struct months *m, const char *name)
{
	char path[1024], file[32], *text = NULL;
	const char *wrong = NULL;
	struct csv_line l;
	size_t size = 0;
	int64_t n = 0;
	FILE *f;

	snprintf(file, sizeof(file), "%.13s.csv", name);
	snprintf(path, sizeof(path), "%s/%s", m->v->usage, file);
	f = fopen(path, "rb");
	while (f != NULL && wrong == NULL && getline(&text, &size, f) > 0) {
		n++;
		if (text[0] != '2')
			continue;
		csv_cut(text, &l);
		wrong = take_record(m, &l);
	}
	if (wrong != NULL)
		month_bad(m, file, n, wrong);
	free(text);
	if (f != NULL)
		fclose(f);
}

/* ---- the summary ---- */

struct total {
	int64_t rows, n[MONTH_COUNTS];
};

static const char *
judge_row(
    struct months *m, const struct csv_line *l, bool archived, struct total *t)
{
	char key[80], unit[80];
	struct count_row *r;

	if (l->n != 13 || verify_number(l->v[1]) != t->rows + 1)
		return "record number, or not 13 columns";
	if (strlen(l->v[2]) != 6 || strlen(l->v[4]) > 8 ||
	    strlen(l->v[12]) > 16)
		return "is not as the manual describes it";
	snprintf(key, sizeof(key), "%s,%.1s,%s,%.2s,%.1s,%s", l->v[2], l->v[3],
	    l->v[4], l->v[5], l->v[6], l->v[12]);
	r = count_row(&m->sum, key, archived);
	if (r == NULL || r->seen)
		return "no record of the day files says so, or twice";
	r->seen = true;
	t->rows++;
	for (int i = 0; i < 5; i++) {
		int64_t n = verify_number(l->v[7 + i]);

		if (n < 0 || (!archived && n != r->n[i]))
			return "counts are not those of the day files";
		t->n[i] += n;
	}
	snprintf(unit, sizeof(unit), "%s,%s,%s,%.1s", l->v[2],
	    *l->v[4] == '\0' ? "00000000" : l->v[4], l->v[12], l->v[3]);
	if (*l->v[12] != '\0')
		count_row(&m->units, unit, true)->n[0] +=
		    verify_number(l->v[7]);
	return NULL;
}

static void
prove_total(struct months *m, const struct total *t)
{
	const struct month_head *h = m->h;

	if (h->n[N_BILLABLE] != t->n[C_UNITS] ||
	    h->n[N_RETRIES] != t->n[C_RETRIES] ||
	    h->n[N_UNKNOWN] != t->n[C_UNKNOWN] ||
	    h->n[N_OTHER] != t->n[C_OTHER] || h->n[N_LATE] != t->n[C_LATE] ||
	    h->n[N_RECORDS] !=
		t->n[C_UNITS] + t->n[C_RETRIES] + t->n[C_UNKNOWN] +
		    t->n[C_OTHER] ||
	    h->n[N_CHECKS] + h->n[N_PROVISIONS] != h->n[N_RECORDS])
		verify_bad(m->v, DIAG_USAGE_HEAD, h->name, 0,
		    "its counts are not those of the summary");
}

static void
prove_summary(struct months *m, bool archived)
{
	char path[1024], *text = NULL;
	const char *name = m->h->file[F_SUMMARY], *wrong = NULL;
	struct total t = { 0 };
	struct csv_line l;
	size_t size = 0;
	int64_t n = 0;
	bool ended = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", m->v->usage, name);
	f = fopen(path, "rb");
	while (f != NULL && wrong == NULL && getline(&text, &size, f) > 0) {
		n++;
		csv_cut(text, &l);
		if (ended)
			wrong = "a line behind the trailer";
		else if (strcmp(l.v[0], "2") == 0)
			wrong = judge_row(m, &l, archived, &t);
		else if (strcmp(l.v[0], "3") == 0 && l.n == 3) {
			ended = true;
			if (verify_number(l.v[1]) != t.rows ||
			    verify_number(l.v[2]) != t.n[C_UNITS])
				wrong = "count or control total of the trailer";
		} else if (n != 1)
			wrong = "neither header, record nor trailer";
	}
	if (wrong == NULL && !ended)
		wrong = f == NULL ? "the file is missing" :
				    "the trailer is missing";
	for (size_t i = 0; wrong == NULL && i < m->sum.size; i++)
		if (m->sum.v[i].key != NULL && !m->sum.v[i].seen)
			wrong = "records of the day files are left out";
	if (wrong != NULL)
		month_bad(m, name, n, wrong);
	else
		prove_total(m, &t);
	free(text);
	if (f != NULL)
		fclose(f);
}

/* ---- a month ---- */

static int
prove_digests(struct months *m)
{
	char path[1024], hex[65];
	int ok = 0;

	for (int i = 0; i < 3; i++) {
		if (i != F_SUMMARY && m->h->file[i][0] == '\0')
			continue;
		snprintf(
		    path, sizeof(path), "%s/%s", m->v->usage, m->h->file[i]);
		if (verify_sha256_file(path, hex, NULL, NULL) == -1 ||
		    strcmp(hex, m->h->sha256[i]) != 0)
			ok = month_bad(m, m->h->file[i], 0,
			    "missing, or not the bytes the head was made over");
	}
	return ok;
}

static void
prove_month(struct months *m)
{
	int days;

	prove_digests(m);
	m->prices = 0;
	if (m->h->file[F_PRICES][0] != '\0' && month_read_prices(m) == -1)
		return;
	days = prove_days(m);
	if (days == -1)
		return;
	for (size_t i = 0; days == 0 && i < m->h->days; i++)
		add_day(m, m->h->day[i].name);
	prove_summary(m, days == 1);
	count_free(&m->sum);
	if (m->h->file[F_BURDEN][0] != '\0')
		month_burden(m);
}

int
verify_months(struct verify *v)
{
	struct months m = { .v = v };
	int64_t before = v->bad;

	read_heads(&m);
	m.first = m.heads == 0 || m.head[0].sequence == 1 ? 0 : m.head[0].month;
	for (size_t i = 0; i < m.heads; i++) {
		m.h = &m.head[i];
		prove_month(&m);
	}
	v->months = (int64_t)m.heads;
	for (size_t i = 0; i < m.heads; i++)
		free(m.head[i].day);
	free(m.head);
	free(m.price);
	count_free(&m.sum);
	count_free(&m.units);
	count_free(&m.stated);
	return v->bad == before ? 0 : -1;
}
