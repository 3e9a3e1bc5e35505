/* The two partner tables, read once, held sorted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch/partners.h"
#include "formats/codec/day.h"

struct partners {
	struct sender *senders;
	struct insurer *insurers;
	size_t nsenders, ninsurers;
};

struct loading {
	struct partners *p;
	const char *name;
	struct diag_sink *sink;
	int faults;
};

static const unsigned side_feeds[2] = {
	1u << FEED_SHIKAKU | 1u << FEED_NHI | 1u << FEED_CODES |
	    1u << FEED_REKEY,
	1u << FEED_LINK | 1u << FEED_CRL | 1u << FEED_INSTITUTION |
	    1u << FEED_PACKAGE,
};

static void
fault(struct loading *l, const struct record *r, int field, const char *why)
{
	l->faults++;
	diag_raise(l->sink,
	    &(struct diag) { .code = DIAG_PARTNER_TABLE,
		.file = l->name,
		.line = r == NULL ? 0 : r->line,
		.record = r == NULL ? 0 : r->number,
		.offset = -1,
		.field = r == NULL ? NULL : r->format->fields[field].name,
		.detail = why });
}

static void
copy(char *out, size_t size, struct slice s)
{
	snprintf(out, size, "%.*s", (int)s.n, s.n > 0 ? s.p : "");
}

/* "crl+link" as bits; 0 where a part of it is no feed. */
static unsigned
feeds_of(struct slice s)
{
	unsigned feeds = 0;

	while (s.n > 0) {
		const char *plus = memchr(s.p, '+', s.n);
		size_t n = plus == NULL ? s.n : (size_t)(plus - s.p);
		int feed = feed_find((struct slice) { s.p, n });

		if (feed < 0)
			return 0;
		feeds |= 1u << feed;
		n += plus != NULL;
		s.p += n;
		s.n -= n;
	}
	return feeds;
}

static int
add_sender(void *arg, const struct record *r)
{
	struct loading *l = arg;
	struct partners *p = l->p;
	struct sender *s;

	if ((p->nsenders & (p->nsenders - 1)) == 0)
		p->senders = text_realloc(p->senders,
		    (p->nsenders == 0 ? 1 : 2 * p->nsenders) * sizeof(*s));
	s = &p->senders[p->nsenders++];
	memset(s, 0, sizeof(*s));
	copy(s->id, sizeof(s->id), r->v[S_ID].s);
	s->qualification = slice_is(r->v[S_SIDE].s, "qualification");
	s->feeds = feeds_of(r->v[S_FEEDS].s);
	copy(s->name, sizeof(s->name), r->v[S_NAME].s);
	s->joins_on =
	    r->v[S_JOINS_ON].s.n == 0 ? DAY_NONE : (int32_t)r->v[S_JOINS_ON].n;
	s->leaves_on = r->v[S_LEAVES_ON].s.n == 0 ?
	    DAY_NONE :
	    (int32_t)r->v[S_LEAVES_ON].n;
	if (s->feeds == 0)
		fault(l, r, S_FEEDS, "feeds of the table, + between them");
	else if ((s->feeds & ~side_feeds[s->qualification]) != 0)
		fault(l, r, S_FEEDS, "a feed of the other side");
	return 0;
}

static enum scheme
scheme_find(struct slice s)
{
	int i = 0;

	while (i < SCHEME__MAX && !slice_is(s, scheme_names[i]))
		i++;
	return (enum scheme)i;
}

static int
add_insurer(void *arg, const struct record *r)
{
	struct loading *l = arg;
	struct partners *p = l->p;
	struct insurer *i;

	if ((p->ninsurers & (p->ninsurers - 1)) == 0)
		p->insurers = text_realloc(p->insurers,
		    (p->ninsurers == 0 ? 1 : 2 * p->ninsurers) * sizeof(*i));
	i = &p->insurers[p->ninsurers++];
	memset(i, 0, sizeof(*i));
	if (insurer_number_8(r->v[N_NUMBER].s, i->number8) == -1)
		fault(l, r, N_NUMBER, "6 or 8 digits");
	copy(i->code, sizeof(i->code), r->v[N_CODE].s);
	copy(i->sender, sizeof(i->sender), r->v[N_SENDER].s);
	copy(i->name, sizeof(i->name), r->v[N_NAME].s);
	i->scheme = scheme_find(r->v[N_SCHEME].s);
	return 0;
}

static void
load(struct loading *l, const char *path, const struct layout *layout,
    int (*add)(void *arg, const struct record *r))
{
	int r;

	l->name = path;
	r = record_table(path, layout, l->sink, add, l);
	if (r == -1)
		fault(l, NULL, 0, strerror(errno));
	else if (r == 1 || l->faults > 0)
		fault(l, NULL, 0, "see above");
}

/* Both begin with their key, a string. */
static int
by_key(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
sort(struct loading *l, const char *name, void *v, size_t n, size_t size)
{
	const char *p = v;

	l->name = name;
	if (n > 0)
		qsort(v, n, size, by_key);
	for (size_t i = 1; i < n; i++)
		if (strcmp(p + (i - 1) * size, p + i * size) == 0)
			fault(l, NULL, 0, "an id or number is there twice");
}

/* A sender nobody knows could never send what it is said to. */
static void
check_senders(struct loading *l)
{
	char why[64];

	for (size_t i = 0; i < l->p->ninsurers; i++) {
		const char *id = l->p->insurers[i].sender;

		if (partners_sender(l->p, id) != NULL)
			continue;
		snprintf(why, sizeof(why), "sender %s is not in the table", id);
		fault(l, NULL, 0, why);
	}
}

struct partners *
partners_load(
    const char *senders_csv, const char *insurers_csv, struct diag_sink *sink)
{
	struct loading l = { .sink = sink };
	struct partners *p = text_alloc(sizeof(*p));

	l.p = p;
	load(&l, senders_csv, &sender_layout, add_sender);
	sort(&l, senders_csv, p->senders, p->nsenders, sizeof(*p->senders));
	load(&l, insurers_csv, &insurer_layout, add_insurer);
	sort(&l, insurers_csv, p->insurers, p->ninsurers, sizeof(*p->insurers));
	if (l.faults == 0)
		check_senders(&l);
	if (l.faults == 0)
		return p;
	partners_free(p);
	return NULL;
}

void
partners_free(struct partners *p)
{
	if (p == NULL)
		return;
	free(p->senders);
	free(p->insurers);
	free(p);
}

const struct sender *
partners_sender(const struct partners *p, const char *id)
{
	return p->nsenders == 0 ?
	    NULL :
	    bsearch(id, p->senders, p->nsenders, sizeof(*p->senders), by_key);
}

const struct insurer *
partners_insurer(const struct partners *p, const char *number8)
{
	return p->ninsurers == 0 ? NULL :
				   bsearch(number8, p->insurers, p->ninsurers,
				       sizeof(*p->insurers), by_key);
}

size_t
partners_senders(const struct partners *p, const struct sender **v)
{
	*v = p->senders;
	return p->nsenders;
}

size_t
partners_insurers(const struct partners *p, const struct insurer **v)
{
	*v = p->insurers;
	return p->ninsurers;
}
