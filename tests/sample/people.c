/* Whom tests and the demo may ask about, and with which cards. */
#include <stdio.h>
#include <string.h>

#include "formats/codec/day.h"
#include "tests/sample/senders.h"

/* Whom faults leave alone. */
bool
people_spared(const struct member *m)
{
	return (m->hash >> 52) % 4 == 0;
}

static bool
acquired(const struct sample *s, const struct member *m)
{
	return country_hash(s->c, 1001, (uint64_t)m->index) % 1000 < 985;
}

/* key, insurer, symbol, number, branch, birth date: as printed. */
static void
printed(FILE *f, const struct sample *s, const struct cover *v, bool key,
    bool branch)
{
	struct scratch t;
	char day[9];
	struct slice a;

	scratch_init(&t);
	if (key) {
		a = fill_person_id(&t, v);
		fprintf(f, "%c%s%.*s",
		    v->office->scheme == SCHEME_NHI_CITY ? 'C' : 'E',
		    v->office->code, (int)a.n, a.p);
	}
	a = fill_symbol(&t, s, v);
	fprintf(f, "\t%s\t%.*s", v->office->number, (int)a.n, a.p);
	a = fill_number(&t, v);
	fprintf(f, "\t%.*s", (int)a.n, a.p);
	a = branch ? fill_branch(&t, v) : SLICE("");
	day_format(v->m->birth, day);
	fprintf(f, "\t%.*s\t%s", (int)a.n, a.p, day);
}

/* A way through the country that meets everybody once, in an order that
 * mixes the schemes. */
struct walk {
	const struct sample *s;
	int64_t i, step, tried;
	struct household hh;
	const struct member *m;
	struct cover v;
};

static int64_t
common(int64_t a, int64_t b) /* greatest divisor */
{
	return b == 0 ? a : common(b, a % b);
}

static void
walk_start(struct walk *w, const struct sample *s)
{
	memset(w, 0, sizeof(*w));
	w->s = s;
	w->step = s->c->people * 618 / 1000 | 1;
	while (common(w->step, s->c->people) != 1)
		w->step += 2;
}

static bool
walk_next(struct walk *w)
{
	const struct country *c = w->s->c;
	const struct office *o;

	while (w->tried++ < c->people) {
		w->i = (w->i + w->step) % c->people;
		o = country_office(c, w->i);
		country_household(c, o, w->i - o->first, &w->hh);
		w->m = &w->hh.m[w->i - o->first - w->hh.start];
		if (!people_spared(w->m))
			continue;
		country_cover(&w->hh, w->m, &w->v);
		return true;
	}
	return false;
}

static bool
valid(const struct walk *w)
{
	/* not of today or tomorrow, whenever the tests ask */
	return w->m->until == DAY_NONE && acquired(w->s, w->m) &&
	    w->m->from < w->s->first - 5 &&
	    (w->m->moved == DAY_NONE || w->m->moved < w->s->first - 5);
}

static void
ask(FILE *f, const struct walk *w, const struct cover *v, int validity,
    const char *what)
{
	printed(f, w->s, v, validity != 5, validity != 5);
	fprintf(f, "\t%d\t%s\n", validity, what);
}

static bool
twins(const struct walk *w)
{
	const struct member *m = w->hh.m;

	for (int i = 1; i < w->hh.n; i++)
		if (m[i].birth == m[i - 1].birth && &m[i] == w->m &&
		    people_spared(&m[i - 1]) && m[i - 1].until == DAY_NONE)
			return true;
	return false;
}

int
people_ask(struct sample *s)
{
	int left[6] = { 0, 24, 6, 12, 3, 4 };
	struct walk w;
	struct cover was;
	char path[512];
	struct buf b;
	FILE *f;

	buf_init(&b, path, sizeof(path));
	buf_printf(&b, "%s/ask.tsv", s->pki_dir);
	f = fopen(path, "we");
	if (f == NULL)
		return sample_failed("cannot write", path);
	fputs("# typed key\tinsurer number\tsymbol\tnumber\tbranch\tbirthdate"
	      "\tvalidity\twhat\n",
	    f);
	walk_start(&w, s);
	while (left[1] + left[2] + left[3] + left[4] + left[5] > 0 &&
	    walk_next(&w)) {
		if (w.m->until != DAY_NONE) {
			if (left[2] > 0 && w.m->until < s->first - 1 &&
			    !country_earlier(s->c, &w.hh, w.m, &was)) {
				left[2]--;
				ask(f, &w, &w.v, 2, "lost");
			}
		} else if (!valid(&w)) {
			continue;
		} else if (left[5] > 0 && twins(&w)) {
			left[5]--;
			ask(f, &w, &w.v, 5, "several");
		} else if (left[3] > 0 &&
		    country_earlier(s->c, &w.hh, w.m, &was) &&
		    (was.until == DAY_NONE ? was.applied_until : was.until) >
			s->first - 1500) {
			left[3]--;
			ask(f, &w, &was, 3, "moved");
		} else if (left[4] > 0 &&
		    w.v.office->scheme !=
			SCHEME_ELDERLY) { /* nobody has such a number */
			left[4]--;
			w.v.kind = 8;
			ask(f, &w, &w.v, 4, "unknown");
		} else if (left[1] > 0) {
			left[1]--;
			ask(f, &w, &w.v, 1, "valid");
		}
	}
	return fclose(f) == 0 ? 0 : sample_failed("cannot write", path);
}

/* ---- cards ---- */

enum state { VALID, REVOKED, EXPIRED, NOT_LINKED, LOST, STATE__MAX };
static const char *const states[] = { "valid", "revoked", "expired",
	"notlinked", "lost" };

static int
card(struct sample *s, FILE *f, const struct walk *w, struct card *k, int n,
    enum state state)
{
	char ou[32], cn[40];

	if (state == EXPIRED) {
		k->until = s->first - 10;
		k->from = k->until - 1800;
		k->generation = 0;
	}
	if (state == NOT_LINKED)
		k->serial = 0x20000000u + (uint32_t)n;
	country_partition(s->c, k->partition, ou, cn);
	if (pki_card(s->pki, n, k->generation, k->serial, k->from, k->until, ou,
		cn) == -1)
		return -1;
	printed(f, s, &w->v, true, true);
	fprintf(f, "\t%s\t%08x\t%s\t%03d\n", pki_card_ca(s->pki, k->generation),
	    k->serial, states[state], n + 1);
	return 0;
}

static enum state
state_of(const struct walk *w, const struct card *k, const int left[])
{
	if (!k->has || k->from >= w->s->first - 5)
		return STATE__MAX;
	if (w->m->until != DAY_NONE) {
		struct cover was;

		return k->revoked_on == DAY_NONE && acquired(w->s, w->m) &&
			w->m->until < w->s->first - 1 &&
			!country_earlier(w->s->c, &w->hh, w->m, &was) ?
		    LOST :
		    STATE__MAX;
	}
	if (!valid(w))
		return STATE__MAX;
	if (k->revoked_on != DAY_NONE)
		return k->revoked_on < w->s->first ? REVOKED : STATE__MAX;
	return left[VALID] > 0 ? VALID :
	    left[EXPIRED] > 0  ? EXPIRED :
				 NOT_LINKED;
}

int
people_cards(struct sample *s)
{
	int left[STATE__MAX + 1] = { [VALID] = 11,
		[REVOKED] = 3,
		[EXPIRED] = 2,
		[NOT_LINKED] = 2,
		[LOST] = 2 };
	int n = 0, r = 0;
	struct walk w;
	char path[512];
	struct buf b;
	FILE *f;

	buf_init(&b, path, sizeof(path));
	buf_printf(&b, "%s/cards.tsv", s->pki_dir);
	f = fopen(path, "we");
	if (f == NULL)
		return sample_failed("cannot write", path);
	fputs("# typed key\tinsurer number\tsymbol\tnumber\tbranch\tbirthdate"
	      "\tca\tserial\tstate\tfile\n",
	    f);
	walk_start(&w, s);
	while (n < 20 && r == 0 && walk_next(&w)) {
		struct card k;
		enum state state;

		country_card(s->c, &w.hh, w.m, 0, &k);
		state = state_of(&w, &k, left);
		if (left[state] == 0)
			continue;
		left[state]--;
		r = card(s, f, &w, &k, n++, state);
	}
	if (fclose(f) != 0)
		r = sample_failed("cannot write", path);
	return r == 0 ? people_ask(s) : -1;
}
