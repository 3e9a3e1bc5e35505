/* The table of prices, read once a run. */
#include "batch/prices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"

struct price {
	int version, use;
	int64_t milli;
	int32_t from, until; /* last day; INT32_MAX: open */
};
struct prices {
	struct price *v;
	size_t n;
	char (*version)[17];
	int versions;
};

static int
bad(const char *path, int64_t line, const char *why, struct diag_sink *sink)
{
	diag_raise(sink,
	    &(struct diag) { .code = DIAG_PRICE_TABLE,
		.file = path,
		.line = line,
		.offset = -1,
		.detail = why });
	return -1;
}

int
prices_find(const struct prices *p, struct slice version)
{
	for (int i = 0; i < p->versions; i++)
		if (slice_is(version, p->version[i]))
			return i;
	return -1;
}

static int
version_of(struct prices *p, struct slice s)
{
	int i = prices_find(p, s);

	if (i >= 0 || p->versions == PRICES_VERSIONS)
		return i;
	p->version = text_realloc(
	    p->version, ((size_t)p->versions + 1) * sizeof(*p->version));
	snprintf(p->version[p->versions], sizeof(*p->version), "%.*s", (int)s.n,
	    s.p);
	return p->versions++;
}

/* What a row says against those before it; NULL: nothing. */
static const char *
against(const struct prices *p, const struct price *a)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct price *b = &p->v[i];
		bool meet = a->from <= b->until && b->from <= a->until;

		if (meet && a->use == b->use)
			return "two prices of one use on one day";
		if (meet && a->version != b->version)
			return "two versions on one day";
		if (a->version == b->version && a->use == b->use &&
		    a->milli != b->milli)
			return "two prices of one use in one version: give "
			       "the new price a new version";
	}
	return NULL;
}

static const char *
add(struct prices *p, const struct record *r)
{
	struct price a = { .use = r->v[PR_USE].s.p[0] - '0',
		.milli = slice_number(r->v[PR_PRICE].s),
		.from = day_parse(r->v[PR_FROM].s),
		.until = r->v[PR_UNTIL].s.n == 0 ?
		    INT32_MAX :
		    day_parse(r->v[PR_UNTIL].s) };
	const char *why;

	a.version = version_of(p, r->v[PR_VERSION].s);
	if (a.version == -1)
		return "too many versions";
	why = against(p, &a);
	if (why != NULL)
		return why;
	p->v = text_realloc(p->v, (p->n + 1) * sizeof(*p->v));
	p->v[p->n++] = a;
	return NULL;
}

struct loading {
	struct prices *p;
	const char *path;
	struct diag_sink *sink;
};

static int
take(void *arg, const struct record *r)
{
	const struct loading *l = arg;
	const char *why = add(l->p, r);

	return why == NULL ? 0 : bad(l->path, r->line, why, l->sink);
}

static int
load(struct prices *p, const char *path, struct diag_sink *sink)
{
	struct loading l = { p, path, sink };
	int r = record_table(path, &price_layout, sink, take, &l);

	if (r != 0)
		return bad(
		    path, 0, r == -1 ? strerror(errno) : "see above", sink);
	return p->n > 0 ? 0 : bad(path, 0, "no price is in it", sink);
}

struct prices *
prices_load(const char *path, struct diag_sink *sink)
{
	struct prices *p = text_alloc(sizeof(*p));

	if (path[0] == '\0' || load(p, path, sink) == 0)
		return p;
	prices_free(p);
	return NULL;
}

void
prices_free(struct prices *p)
{
	if (p == NULL)
		return;
	free(p->v);
	free(p->version);
	free(p);
}

bool
prices_none(const struct prices *p)
{
	return p->n == 0;
}

int
prices_on(const struct prices *p, int use, int32_t day)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].use == use && p->v[i].from <= day &&
		    day <= p->v[i].until)
			return p->v[i].version;
	return -1;
}

const char *
prices_version(const struct prices *p, int version)
{
	return version < 0 ? "" : p->version[version];
}

int64_t
prices_of(const struct prices *p, int version, int use)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].version == version && p->v[i].use == use)
			return p->v[i].milli;
	return -1;
}
