/* The heads of the days: signed, and each names the one before by digest. */
#include "batch/verify.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOC_MAX (1 << 24)

/* A whole file of at most DOC_MAX bytes; NULL where it cannot be read. */
static char *
slurp(const char *dir, const char *name, size_t *n)
{
	char path[1024], *p;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (f == NULL)
		return NULL;
	p = malloc(DOC_MAX);
	if (p == NULL)
		abort();
	*n = fread(p, 1, DOC_MAX - 1, f);
	if (ferror(f) || !feof(f)) {
		free(p);
		p = NULL;
	} else
		p[*n] = '\0';
	fclose(f);
	return p;
}

int64_t
verify_number(const char *s)
{
	int64_t n = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || n > INT64_MAX / 10 - 9)
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n;
}

/* "  key: value" or "key: \"value\"" cut in place; false: no such line. */
bool
verify_pair(char *line, const char **key, char **value)
{
	char *colon;
	size_t n;

	line += strspn(line, " -");
	colon = strstr(line, ": ");
	if (colon == NULL)
		return false;
	*colon = '\0';
	*key = line;
	*value = colon + 2;
	n = strlen(*value);
	if (n >= 2 && (*value)[0] == '"' && (*value)[n - 1] == '"') {
		(*value)[n - 1] = '\0';
		++*value;
	}
	return true;
}

/* Names and digests: nothing that could hurt a path or a log. */
bool
verify_copy(char *to, size_t size, const char *from)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	size_t n = strlen(from);

	if (n >= size || strspn(from, good) != n)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

static bool
set(struct verify_head *h, const char *key, const char *value)
{
	const struct {
		const char *key;
		int64_t *to;
	} numbers[] = { { "sequence", &h->sequence },
		{ "records", &h->records }, { "checks", &h->checks },
		{ "provisions", &h->provisions }, { "billable", &h->billable },
		{ "retries", &h->retries }, { "unknown", &h->unknown },
		{ "retry_days", &h->retry_days } };
	struct verify_taken *t = h->n > 0 ? &h->taken[h->n - 1] : NULL;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i].key) == 0)
			return (*numbers[i].to = verify_number(value)) >= 0;
	if (strcmp(key, "previous") == 0)
		return verify_copy(h->previous, sizeof(h->previous), value);
	if (strcmp(key, "file") == 0)
		return verify_copy(h->file, sizeof(h->file), value);
	if (strcmp(key, "sha256") == 0)
		return verify_copy(h->sha256, sizeof(h->sha256), value);
	if (strcmp(key, "name") == 0) {
		h->taken = realloc(h->taken, (h->n + 1) * sizeof(*h->taken));
		if (h->taken == NULL)
			abort();
		t = &h->taken[h->n++];
		*t = (struct verify_taken) { .from = -1, .lines = -1 };
		return verify_copy(t->name, sizeof(t->name), value);
	}
	if (strcmp(key, "from") == 0)
		return t != NULL && (t->from = verify_number(value)) >= 0;
	if (strcmp(key, "lines") == 0)
		return t != NULL && (t->lines = verify_number(value)) > t->from;
	if (strcmp(key, "chain") == 0)
		return t != NULL && strlen(value) == 16 &&
		    verify_copy(t->chain, sizeof(t->chain), value);
	return strcmp(key, "journals") == 0;
}

static int
read_lines(struct verify *v, struct verify_head *h, char *doc)
{
	char *save = NULL, *value;
	const char *key;
	int64_t n = 0;

	h->sequence = -1;
	for (char *line = strtok_r(doc, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		n++;
		if (*line == '#' || strcmp(line, "journals:") == 0)
			continue;
		if (!verify_pair(line, &key, &value) || !set(h, key, value))
			return verify_bad(v, DIAG_USAGE_HEAD, h->name, n,
			    "line is not as the manual describes it");
	}
	for (size_t i = 0; i < h->n; i++)
		if (h->taken[i].lines < 0 || h->taken[i].chain[0] == '\0')
			return verify_bad(v, DIAG_USAGE_HEAD, h->name, 0,
			    "a journal without lines or chain");
	if (h->sequence < 1 || strlen(h->sha256) != 64 || h->file[0] == '\0')
		return verify_bad(v, DIAG_USAGE_HEAD, h->name, 0,
		    "sequence, file or digest is missing");
	return 0;
}

/* True: there is one, and it is good; a wrong one is told. */
static bool
prove_stamp(struct verify *v, const char *stem, const char *doc, size_t n)
{
	char name[40], when[32];
	const char *wrong = NULL;
	size_t m;
	char *tsr;

	snprintf(name, sizeof(name), "%s.tsr", stem);
	tsr = v->tsa == NULL ? NULL : slurp(v->usage, name, &m);
	if (tsr == NULL)
		return false;
	wrong = verify_stamp(v->tsa, doc, n, tsr, m, when);
	free(tsr);
	if (wrong != NULL)
		verify_bad(v, DIAG_USAGE_HEAD, name, 0, wrong);
	v->stamps += wrong == NULL;
	return wrong == NULL;
}

char *
verify_signed(
    struct verify *v, const char *stem, char digest[65], bool *stamped)
{
	char name[40], sig_name[40], cn[128] = "";
	unsigned char sum[32];
	size_t n, m;
	char *doc, *sig;
	const char *wrong;

	snprintf(name, sizeof(name), "%s.yaml", stem);
	snprintf(sig_name, sizeof(sig_name), "%s.p7s", stem);
	doc = slurp(v->usage, name, &n);
	sig = slurp(v->usage, sig_name, &m);
	if (doc == NULL)
		verify_bad(v, DIAG_USAGE_HEAD, name, 0, "cannot be read");
	else if (sig == NULL)
		verify_bad(v, DIAG_USAGE_HEAD, sig_name, 0,
		    "the signature is missing");
	else if ((wrong = verify_signature(v->trust, doc, n, sig, m, cn)) !=
	    NULL)
		verify_bad(v, DIAG_USAGE_HEAD, sig_name, 0, wrong);
	else if (v->signer != NULL && strcmp(cn, v->signer) != 0)
		verify_bad(v, DIAG_USAGE_HEAD, sig_name, 0,
		    "signed by another of our keys than keys.publish_cert");
	if (doc != NULL) {
		verify_sha256(doc, n, "", 0, sum);
		for (int i = 0; i < 32; i++)
			snprintf(digest + 2 * i, 3, "%02x", sum[i]);
	}
	*stamped = doc != NULL && prove_stamp(v, stem, doc, n);
	free(sig);
	return doc;
}

/* A stamp that is missing between others was taken away: each head is asked
 * for until it has one, so only the last ones may wait. */
void
verify_stamps_stand(
    struct verify *v, const char *name, bool stamped, bool *one, char gap[32])
{
	if (stamped && *one && gap[0] != '\0')
		verify_bad(v, DIAG_USAGE_HEAD, gap, 0,
		    "its time stamp is missing, later heads have theirs");
	if (stamped) {
		*one = true;
		gap[0] = '\0';
	} else if (*one && gap[0] == '\0')
		snprintf(gap, 32, "%.31s", name);
}

static void
read_head(struct verify *v, struct verify_head *h)
{
	char stem[16];
	char *doc;

	snprintf(stem, sizeof(stem), "%.13s", h->name);
	doc = verify_signed(v, stem, h->digest, &h->stamped);
	if (doc != NULL)
		read_lines(v, h, doc);
	free(doc);
}

static int
by_sequence(const void *a, const void *b)
{
	const struct verify_head *x = a, *y = b;

	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Each follows the one before; the first here may follow archived ones. */
static void
prove_order(struct verify *v)
{
	char gap[32] = "";
	bool one = false;

	for (size_t i = 0; i < v->heads; i++) {
		const struct verify_head *h = &v->head[i];
		const struct verify_head *before = i > 0 ? h - 1 : NULL;

		verify_stamps_stand(v, h->name, h->stamped, &one, gap);
		if (before == NULL) {
			if ((h->sequence == 1) != (h->previous[0] == '\0'))
				verify_bad(v, DIAG_USAGE_HEAD, h->name, 0,
				    "the first names a head before it, or "
				    "a later one names none");
		} else if (h->sequence != before->sequence + 1)
			verify_bad(v, DIAG_USAGE_HEAD, h->name, 0,
			    "the head before it is missing, or stands twice");
		else if (strcmp(h->previous, before->digest) != 0)
			verify_bad(v, DIAG_USAGE_HEAD, h->name, 0,
			    "does not follow the head before it");
	}
}

int
verify_heads(struct verify *v)
{
	DIR *d = opendir(v->usage);
	const struct dirent *e;
	int64_t bad = v->bad;

	if (d == NULL)
		return verify_bad(
		    v, DIAG_USAGE_HEAD, v->usage, 0, "no such folder");
	while ((e = readdir(d)) != NULL) {
		if (strlen(e->d_name) != 18 ||
		    strncmp(e->d_name, "riyo-", 5) != 0 ||
		    strcmp(e->d_name + 13, ".yaml") != 0)
			continue;
		v->head = realloc(v->head, (v->heads + 1) * sizeof(*v->head));
		if (v->head == NULL)
			abort();
		v->head[v->heads] = (struct verify_head) { 0 };
		v->head[v->heads].retry_days = -1;
		memcpy(v->head[v->heads].name, e->d_name, 19);
		v->heads++;
	}
	closedir(d);
	for (size_t i = 0; i < v->heads; i++)
		read_head(v, &v->head[i]);
	if (v->heads > 1)
		qsort(v->head, v->heads, sizeof(*v->head), by_sequence);
	prove_order(v);
	return v->bad == bad ? 0 : -1;
}

void
verify_heads_free(struct verify *v)
{
	for (size_t i = 0; i < v->heads; i++)
		free(v->head[i].taken);
	free(v->head);
	free(v->journal);
}
