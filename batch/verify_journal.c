/* The chain of a journal, line by line. */
#include "batch/verify.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (1 << 20)
#define COLUMNS 20
enum { AT_WORKER = 1, AT_SEQUENCE = 2 };

static const char hex[] = "0123456789abcdef";

static void
chain_of(const unsigned char sum[32], char out[17])
{
	for (int i = 0; i < 8; i++) {
		out[2 * i] = hex[sum[i] >> 4];
		out[2 * i + 1] = hex[sum[i] & 15];
	}
	out[16] = '\0';
}

/* A bit, 0x80, in every byte of x that is a comma. */
static uint64_t
commas(uint64_t x)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;

	x ^= 0x2c2c2c2c2c2c2c2c;
	return ~(((x & low) + low) | x | low);
}

static void
put_column(struct verify_line *line, int columns, int n, size_t from, size_t to)
{
	if (n < columns) {
		line->v[n].p = line->p + from;
		line->v[n].n = to - from;
	}
}

/* Eight bytes at a time: columns are short, a call for each costs more. */
int
verify_split(struct verify_line *line, int columns)
{
	size_t from = 0, at = 0;
	int n = 0;
	uint64_t x;

	for (; at + 8 <= line->n; at += 8) {
		memcpy(&x, line->p + at, 8);
		for (x = commas(le64toh(x)); x != 0; x &= x - 1) {
			size_t comma = at + (size_t)__builtin_ctzll(x) / 8;

			put_column(line, columns, n++, from, comma);
			from = comma + 1;
		}
	}
	for (; at < line->n; at++)
		if (line->p[at] == ',') {
			put_column(line, columns, n++, from, at);
			from = at + 1;
		}
	put_column(line, columns, n++, from, line->n);
	return n;
}

bool
verify_is(const struct verify_line *line, int column, int64_t want)
{
	size_t n = line->v[column].n;

	if (want == 0)
		return n == 1 && line->v[column].p[0] == '0';
	while (n > 0 && want > 0) {
		if (line->v[column].p[--n] != '0' + (char)(want % 10))
			return false;
		want /= 10;
	}
	return n == 0 && want == 0;
}

/* usage-YYYYMMDD.WORKER.log */
static long
worker_of(const char *name)
{
	return strtol(name + 15, NULL, 10);
}

static const char *
prove(const struct verify_journal *j, const struct verify_line *line, int n,
    char chain[17])
{
	unsigned char sum[32];
	size_t body = line->n - line->v[COLUMNS - 1].n - 1;

	if (n != COLUMNS || line->v[COLUMNS - 1].n != 16)
		return "not 20 columns with a chain at the end";
	verify_sha256(chain, 16, line->p, body, sum);
	chain_of(sum, chain);
	if (memcmp(line->v[COLUMNS - 1].p, chain, 16) != 0)
		return "does not follow the line before it";
	if (!verify_is(line, AT_SEQUENCE, j->lines + 1))
		return "running number";
	if (!verify_is(line, AT_WORKER, worker_of(j->name)))
		return "worker is not the file's";
	return NULL;
}

static int
take(struct verify *v, struct verify_journal *j, struct verify_line *line,
    int (*each)(void *arg, const struct verify_line *line), void *arg)
{
	unsigned char sum[32];
	const char *wrong;

	if (j->offset == 0) {
		verify_sha256(j->name, strlen(j->name), "", 0, sum);
		chain_of(sum, j->chain);
		j->offset = (int64_t)line->n + 1;
		return 0;
	}
	line->number = j->lines + 2;
	wrong = prove(j, line, verify_split(line, COLUMNS), j->chain);
	if (wrong != NULL)
		return verify_bad(
		    v, DIAG_JOURNAL_CHAIN, j->name, line->number, wrong);
	j->lines++;
	j->offset += (int64_t)line->n + 1;
	v->lines++;
	if ((v->lines & 0xfff) == 0 && v->progress != NULL)
		v->progress(v->arg, v->lines);
	return each == NULL ? 0 : each(arg, line);
}

int
verify_journal(struct verify *v, struct verify_journal *j, int64_t until,
    int (*each)(void *arg, const struct verify_line *line), void *arg)
{
	char path[1024], *block = malloc(BLOCK), *lf;
	size_t have = 0, used, n;
	int r = 0;
	FILE *f;

	if (block == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/%s", v->journals, j->name);
	f = fopen(path, "rb");
	if (f == NULL || fseeko(f, (off_t)j->offset, SEEK_SET) == -1) {
		r = verify_bad(v, DIAG_JOURNAL_CHAIN, j->name, 0,
		    f == NULL && errno == ENOENT ? "the journal is missing" :
						   "cannot be read");
		goto out;
	}
	while (r == 0 && (until < 0 || j->lines < until) &&
	    (n = fread(block + have, 1, BLOCK - have, f)) > 0) {
		have += n;
		used = 0;
		while (r == 0 && (until < 0 || j->lines < until) &&
		    (lf = memchr(block + used, '\n', have - used)) != NULL) {
			struct verify_line line = { .p = block + used,
				.n = (size_t)(lf - block) - used };

			r = take(v, j, &line, each, arg);
			used += line.n + 1;
		}
		have -= used;
		memmove(block, block + used, have);
		if (have == BLOCK)
			r = verify_bad(v, DIAG_JOURNAL_CHAIN, j->name,
			    j->lines + 2, "line too long");
		if (v->stopped != NULL && v->stopped())
			r = -1;
	}
out:
	if (f != NULL)
		fclose(f);
	free(block);
	return r;
}

static bool
good_name(const char *name)
{
	size_t n = strlen(name);

	return n >= 20 && n <= 24 && strncmp(name, "usage-", 6) == 0 &&
	    strspn(name + 6, "0123456789") == 8 && name[14] == '.' &&
	    strspn(name + 15, "0123456789") == n - 19 &&
	    strcmp(name + n - 4, ".log") == 0;
}

struct verify_journal *
verify_journal_of(struct verify *v, const char *name)
{
	struct verify_journal *j;

	if (!good_name(name))
		return NULL;
	for (size_t i = 0; i < v->files; i++)
		if (strcmp(v->journal[i].name, name) == 0)
			return &v->journal[i];
	v->journal = realloc(v->journal, (v->files + 1) * sizeof(*j));
	if (v->journal == NULL)
		abort();
	j = &v->journal[v->files++];
	*j = (struct verify_journal) { 0 };
	memcpy(j->name, name, strlen(name) + 1);
	return j;
}
