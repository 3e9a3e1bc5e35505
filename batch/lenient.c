/* The site's table of leniencies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch/lenient.h"
#include "formats/codec/day.h"

struct grant {
	char sender[9];
	unsigned bit;
	int32_t until; /* DAY_NONE: no end */
};
struct lenient {
	struct grant *v;
	size_t n;
};

static void
bad(const char *path, struct diag_sink *sink, const char *why)
{
	diag_file(sink, DIAG_PARTNER_TABLE, path, "%s", why);
}

static int
add(void *arg, const struct record *r)
{
	struct lenient *l = arg;
	struct slice s = r->v[LN_SENDER].s;
	struct grant *g;

	l->v = text_realloc(l->v, (l->n + 1) * sizeof(*l->v));
	g = &l->v[l->n++];
	memset(g, 0, sizeof(*g));
	snprintf(g->sender, sizeof(g->sender), "%.*s", (int)s.n, s.p);
	g->until =
	    r->v[LN_UNTIL].s.n == 0 ? DAY_NONE : (int32_t)r->v[LN_UNTIL].n;
	for (int i = 0; i < LENIENT__MAX; i++)
		if (slice_is(r->v[LN_NAME].s, leniency_table[i].name))
			g->bit = 1u << i;
	return 0;
}

struct lenient *
lenient_load(const char *path, struct diag_sink *sink)
{
	struct lenient *l = text_alloc(sizeof(*l));
	int r = path[0] == '\0' ?
	    0 :
	    record_table(path, &leniency_layout, sink, add, l);

	if (r == 0)
		return l;
	bad(path, sink, r == -1 ? strerror(errno) : "see above");
	lenient_free(l);
	return NULL;
}

void
lenient_free(struct lenient *l)
{
	if (l == NULL)
		return;
	free(l->v);
	free(l);
}

unsigned
lenient_of(const struct lenient *l, const char *sender, int32_t day)
{
	unsigned bits = 0;

	for (size_t i = 0; l != NULL && i < l->n; i++)
		if (strcmp(l->v[i].sender, sender) == 0 &&
		    (l->v[i].until == DAY_NONE || day <= l->v[i].until))
			bits |= l->v[i].bit;
	return bits;
}

unsigned
lenient_named(const char *name)
{
	for (int i = 0; i < LENIENT__MAX; i++)
		if (strcmp(name, leniency_table[i].name) == 0)
			return 1u << i;
	return 0;
}

unsigned
lenient_reader(unsigned bits)
{
	unsigned out = 0;

	for (int i = 0; i < LENIENT__MAX; i++)
		if ((bits >> i & 1) != 0)
			out |= leniency_table[i].reader;
	return out;
}
