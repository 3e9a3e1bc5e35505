/* Insurers and federations: the full delivery, and the changes of a day. */
#include "tests/sample/senders.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/feeds.h"
#include "formats/nhi.h"
#include "tests/sample/faults.h"

#define PEOPLE_PER_FILE 1000000
#define TOTAL_MODULUS INT64_C(1000000000000000)

/* ---- one member ---- */

int
stream_open(struct stream *f, struct upload *u, int member,
    const struct layout *l, enum syntax y, enum charset c)
{
	memset(f, 0, sizeof(*f));
	f->u = u;
	f->member = member;
	f->layout = l;
	f->syntax = y;
	f->charset = c;
	f->fd = upload_create(u, member);
	if (f->fd == -1)
		return -1;
	f->w = record_create(u->id.sender, f->fd, l, y, c, &u->s->log.sink);
	return f->w == NULL ? -1 : 0;
}

int
stream_header(struct stream *f, const char *municipality)
{
	struct scratch t;
	struct record r;

	scratch_init(&t);
	fill_header(&r, &t, &f->u->id, municipality);
	return record_write_header(f->w, &r);
}

int
stream_write(struct stream *f, struct record *r, struct scratch *t)
{
	const struct layout *l = f->layout;
	int y, m, d;

	f->n++;
	f->u->s->records++;
	fill_set_number(r, l->number_field, t, f->n, 1);
	if (l->total_field >= 0) {
		day_civil((int32_t)r->v[l->total_field].n, &y, &m, &d);
		f->total = (f->total + y * 10000 + m * 100 + d) % TOTAL_MODULUS;
	}
	if (f->u->s->faults != NULL)
		faults_seen(f, r);
	return record_write(f->w, r);
}

int
stream_trailer(struct stream *f)
{
	struct record r;

	record_init(&r, &file_trailer);
	record_set(&r, FT_TYPE, SLICE("3"));
	return record_write_trailer(f->w, &r);
}

int
stream_close(struct stream *f, const char *name)
{
	int r = record_finish(f->w);

	close(f->fd);
	if (r == 0 && f->u->s->faults != NULL)
		r = faults_apply(f, name);
	if (r == 0)
		r = upload_member(f->u, f->member, name, f->layout->name,
		    syntax_names[f->syntax], charset_names[f->charset], f->n,
		    f->total);
	return r;
}

/* ---- who sends what ---- */

bool
senders_next(const struct sample *s, struct sender_files *f)
{
	const struct country *c = s->c;
	int i;

	if (f->end >= c->offices)
		return false;
	f->first = f->end;
	f->people = 0;
	for (i = f->first; i < c->offices &&
	     strcmp(c->office[i].sender, c->office[f->first].sender) == 0;
	     i++)
		f->people += c->office[i].people;
	f->end = i;
	f->files = (int)((f->people + PEOPLE_PER_FILE - 1) / PEOPLE_PER_FILE);
	if (c->office[f->first].scheme == SCHEME_NHI_CITY)
		f->files = 1;
	else if (f->files == 1 && f->people > 60 &&
	    country_hash(c, 801, (uint64_t)f->first) % 5 == 0)
		f->files = 2; /* some send in two parts */
	if (f->people == 0)
		f->files = 0;
	f->each = f->files == 0 ? 0 : (f->people + f->files - 1) / f->files;
	return true;
}

static const char *
member_name(enum syntax y)
{
	return y == SYNTAX_XML ? "shikaku.xml" : "shikaku.csv";
}

/* Faults keep off people that are asked about, and off people whose next
 * change would be refused because their cover was. */
static void
may(struct sample *s, const struct cover *v)
{
	if (s->faults != NULL)
		faults_may(s,
		    v->kind == 0 && !people_spared(v->m) &&
			(v->m->hash >> 54 & 1) == 0 &&
			country_calm(s->c, v->m, 60),
		    v->kind == 0 && v->hh->n == 1, v->house);
}

static int
write_cover(struct stream *f, const struct cover *v, int change, int version)
{
	struct scratch t;
	struct record r;

	may(f->u->s, v);
	scratch_init(&t);
	fill_qualification(&r, &t, f->u->s, v, change, version);
	return stream_write(f, &r, &t);
}

static int
file_begin(struct sample *s, struct upload *u, struct stream *f,
    const struct office *o, int sequence)
{
	enum syntax y = fill_syntax(s, o);

	upload_open(u, s, o->sender, FEED_SHIKAKU, sequence, 1);
	if (stream_open(
		f, u, 0, &qualification_layout, y, fill_charset(s, o)) == -1)
		return -1;
	return stream_header(f, NULL);
}

static int
file_end(struct upload *u, struct stream *f)
{
	if (stream_trailer(f) == -1 ||
	    stream_close(f, member_name(f->syntax)) == -1)
		return -1;
	return upload_close(u);
}

static int
insurer(struct sample *s, const struct sender_files *g)
{
	const struct country *c = s->c;
	struct upload u;
	struct stream f;
	struct household hh;
	struct guests guests;
	struct cover v;
	int64_t at = 0;
	int file = 0;

	for (int i = g->first; i < g->end; i++) {
		const struct office *o = &c->office[i];

		for (int64_t pos = 0; pos < o->people; pos += hh.n) {
			if (at + pos >= file * g->each) {
				if (file > 0 && file_end(&u, &f) == -1)
					return -1;
				if (file_begin(s, &u, &f, o, ++file) == -1)
					return -1;
			}
			country_household(c, o, pos, &hh);
			for (int m = 0; m < hh.n; m++) {
				country_cover(&hh, &hh.m[m], &v);
				if (write_cover(&f, &v, CHANGE_NEW, 0) == -1)
					return -1;
			}
		}
		at += o->people;
		if (file == 0)
			continue; /* nobody before, nobody here */
		guests_start(&guests, c, o);
		while (guests_next(&guests, &v))
			if (write_cover(&f, &v, CHANGE_NEW, 0) == -1)
				return -1;
	}
	return file > 0 ? file_end(&u, &f) : 0;
}

/* ---- federations ---- */

struct federation {
	struct upload u;
	struct stream household, person;
};

static int
federation_begin(
    struct sample *s, struct federation *n, const char *sender, int sequence)
{
	upload_open(&n->u, s, sender, FEED_NHI, sequence, 2);
	if (stream_open(&n->household, &n->u, 0, &household_layout,
		SYNTAX_FIXED, CHARSET_CP932) == -1 ||
	    stream_open(&n->person, &n->u, 1, &person_layout, SYNTAX_FIXED,
		CHARSET_CP932) == -1)
		return -1;
	return 0;
}

static int
federation_block(struct federation *n, const struct office *o)
{
	if (stream_header(&n->household, o->municipality) == -1)
		return -1;
	return stream_header(&n->person, o->municipality);
}

static int
federation_block_end(struct federation *n)
{
	if (stream_trailer(&n->household) == -1)
		return -1;
	return stream_trailer(&n->person);
}

static int
federation_end(struct federation *n)
{
	if (stream_close(&n->household, "nhi_household.txt") == -1 ||
	    stream_close(&n->person, "nhi_person.txt") == -1)
		return -1;
	return upload_close(&n->u);
}

static int
write_house(
    struct federation *n, const struct cover *v, int change, int version)
{
	struct scratch t;
	struct record r;

	may(n->u.s, v);
	scratch_init(&t);
	fill_household(&r, &t, n->u.s, v, change, version);
	return stream_write(&n->household, &r, &t);
}

static int
write_insured(
    struct federation *n, const struct cover *v, int change, int version)
{
	struct scratch t;
	struct record r;

	may(n->u.s, v);
	scratch_init(&t);
	fill_person(&r, &t, n->u.s, v, change, version);
	return stream_write(&n->person, &r, &t);
}

static int
municipality(struct sample *s, struct federation *n, const struct office *o)
{
	struct household hh;
	struct guests guests;
	struct cover v;

	if (federation_block(n, o) == -1)
		return -1;
	for (int64_t pos = 0; pos < o->people; pos += hh.n) {
		country_household(s->c, o, pos, &hh);
		for (int m = 0; m < hh.n; m++) {
			country_cover(&hh, &hh.m[m], &v);
			if ((m == 0 &&
				write_house(n, &v, CHANGE_NEW, 0) == -1) ||
			    write_insured(n, &v, CHANGE_NEW, 0) == -1)
				return -1;
		}
	}
	guests_start(&guests, s->c, o);
	while (guests_next(&guests, &v))
		if (write_house(n, &v, CHANGE_NEW, 0) == -1 ||
		    write_insured(n, &v, CHANGE_NEW, 0) == -1)
			return -1;
	return federation_block_end(n);
}

static int
federation(struct sample *s, const struct sender_files *g)
{
	struct federation n;

	if (federation_begin(s, &n, s->c->office[g->first].sender, 1) == -1)
		return -1;
	for (int i = g->first; i < g->end; i++)
		if (s->c->office[i].people > 0 &&
		    municipality(s, &n, &s->c->office[i]) == -1)
			return -1;
	return federation_end(&n);
}

int
senders_full(struct sample *s)
{
	struct sender_files g = { 0 };
	int r = 0;

	while (r == 0 && senders_next(s, &g)) {
		if (g.files == 0)
			continue;
		r = s->c->office[g.first].scheme == SCHEME_NHI_CITY ?
		    federation(s, &g) :
		    insurer(s, &g);
	}
	return r;
}

/* ---- the changes of a day ---- */

struct change {
	int64_t index, house; /* person; household as it is ordered */
	int office;
	unsigned char kind, event;
};
/* Changes that do not fit what is stored (class 7), after enum event. */
enum {
	WRONG_NEW = 100,
	WRONG_AGAIN,
	WRONG_ABSENT,
	WRONG_OVERLAP,
	WRONG_PERSON,
	WRONG__MAX
};
static const struct {
	enum diag_code code;
	const char *what;
} wrongs[WRONG__MAX - WRONG_NEW] = {
	{ DIAG_ALREADY_THERE, "new, but there with other content" },
	{ DIAG_UNCHANGED, "new, and the same is there" },
	{ DIAG_NOT_THERE, "loss of a cover nobody has" },
	{ DIAG_OVERLAP, "new cover beside one that goes on" },
	{ DIAG_PERSON_CHANGED, "sex of another person" },
};

struct changes {
	struct change *v;
	size_t n, max;
};

static void
changes_add(struct changes *l, const struct sample *s, const struct office *o,
    int kind, int64_t house, int64_t index, int e)
{
	if (l->n == l->max) {
		l->max = l->max == 0 ? 1024 : l->max * 2;
		l->v = text_realloc(l->v, l->max * sizeof(*l->v));
	}
	l->v[l->n++] = (struct change) {
		.index = index,
		.house = house,
		.office = (int)(o - s->c->office),
		.kind = (unsigned char)kind,
		.event = (unsigned char)e,
	};
}

/* First digit of the 世帯番号. */
static int
last(int kind)
{
	return kind == 5 || kind == 7 ? kind : 0;
}

static int
changes_order(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (x->office != y->office)
		return x->office < y->office ? -1 : 1;
	if (last(x->kind) != last(y->kind)) /* 世帯番号 5..., 7... */
		return last(x->kind) < last(y->kind) ? -1 : 1;
	if (x->house != y->house)
		return x->house < y->house ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Never of those whose first record may have been refused. */
static int
wrong(
    const struct sample *s, const struct household *hh, const struct member *m)
{
	uint64_t h =
	    country_hash(s->c, 1301 + (uint64_t)s->k, (uint64_t)m->index);

	if (s->faults == NULL || people_spared(m) || hh->n > 1 ||
	    (m->hash >> 54 & 1) == 0 || !country_calm(s->c, m, 60) ||
	    m->until != DAY_NONE || m->moved != DAY_NONE ||
	    m->from > s->first - 300 || m->from < day_birthday(m->birth, 2) ||
	    hh->office->scheme == SCHEME_ELDERLY ||
	    h % 1000000 >= faults_rate(s->faults))
		return 0;
	return WRONG_NEW + (int)((h >> 32) % (WRONG__MAX - WRONG_NEW));
}

static void
changes_find(const struct sample *s, struct changes *l)
{
	struct household hh;
	const struct office *to;

	for (int i = 0; i < s->c->offices; i++) {
		const struct office *o = &s->c->office[i];

		for (int64_t pos = 0; pos < o->people; pos += hh.n) {
			country_household(s->c, o, pos, &hh);
			for (int m = 0; m < hh.n; m++) {
				int e = (int)country_event(
				    s->c, &hh, &hh.m[m], s->k, &to);

				if (e == EVENT_NONE)
					e = wrong(s, &hh, &hh.m[m]);
				if (e == EVENT_NONE)
					continue;
				changes_add(l, s, o,
				    e == EVENT_BIRTH	  ? 6 :
					e == WRONG_ABSENT ? 7 :
							    0,
				    hh.start, hh.m[m].index, e);
				if (e == EVENT_MOVE)
					changes_add(l, s, to, 5, hh.m[m].index,
					    hh.m[m].index, e);
			}
		}
	}
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), changes_order);
}

static void
newborn(const struct sample *s, struct member *m)
{
	m->index += INT64_C(1) << 40;
	m->hash = country_hash(s->c, 901, (uint64_t)m->index);
	m->sex = m->hash & 1 ? '1' : '2';
	m->family = '2';
	m->given = (unsigned char)(m->hash >> 8 & 3);
	m->birth = m->from = s->day - 3;
	m->until = m->moved = DAY_NONE;
	m->loss = "";
}

/* What the change says; the 異動区分. hh and *m hold who it is about. */
static int
changed(const struct sample *s, const struct change *x, struct household *hh,
    struct member *m, struct cover *v)
{
	const struct office *home = country_office(s->c, x->index);

	country_household(s->c, home, x->index - home->first, hh);
	*m = hh->m[x->index - home->first - hh->start];
	country_cover(hh, m, v);
	v->office = &s->c->office[x->office];
	v->kind = x->kind;
	v->house = x->house;
	if (x->kind == 5) {
		v->ordinal = x->index;
		v->from = s->day;
		v->applied_from = DAY_NONE;
		return CHANGE_NEW;
	}
	switch (x->event) {
	case EVENT_BIRTH:
		newborn(s, m);
		v->from = m->from;
		v->applied_from = DAY_NONE;
		return CHANGE_NEW;
	case EVENT_LOSS:
	case EVENT_MOVE:
		v->until = s->day;
		v->loss = x->event == EVENT_MOVE ? "03" :
		    m->hash % 4 == 0		 ? "01" :
						   "99";
		return CHANGE_LOSS;
	case EVENT_CANCEL:
		return CHANGE_CANCEL;
	case WRONG_ABSENT:
		v->ordinal = x->index;
		v->until = s->day;
		v->loss = "99";
		return CHANGE_LOSS;
	case WRONG_OVERLAP:
		v->from -= 100;
		return CHANGE_NEW;
	case WRONG_NEW:
	case WRONG_AGAIN:
		return CHANGE_NEW;
	case WRONG_PERSON:
		m->sex = m->sex == '1' ? '2' : '1';
		return CHANGE_AMEND;
	default:
		return CHANGE_AMEND;
	}
}

/* The address is the household's: whoever of it changes it. */
static int
version_of(const struct change *x)
{
	return x->event == EVENT_AMEND || x->event == WRONG_NEW ||
	    x->event == WRONG_PERSON;
}

static void
note_wrong(struct stream *f, const struct change *x)
{
	if (x->event >= WRONG_NEW)
		faults_note(f, wrongs[x->event - WRONG_NEW].code,
		    wrongs[x->event - WRONG_NEW].what);
}

static int
insurer_changes(struct sample *s, const struct sender_files *g,
    const struct change *x, size_t n)
{
	struct upload u;
	struct stream f;
	struct household hh;
	struct member m;
	struct cover v;

	if (file_begin(s, &u, &f, &s->c->office[g->first], g->files + s->k) ==
	    -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int change = changed(s, &x[i], &hh, &m, &v);

		if (write_cover(&f, &v, change, version_of(&x[i])) == -1)
			return -1;
		note_wrong(&f, &x[i]);
	}
	return file_end(&u, &f);
}

static int
federation_changes(struct sample *s, const struct sender_files *g,
    const struct change *x, size_t n)
{
	struct federation fed;
	struct household hh;
	struct member m;
	struct cover v;

	if (federation_begin(
		s, &fed, s->c->office[g->first].sender, g->files + s->k) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int change = changed(s, &x[i], &hh, &m, &v);
		bool block = i == 0 || x[i].office != x[i - 1].office;
		int version = 0;

		for (size_t k = i; k < n && x[k].office == x[i].office &&
		     x[k].house == x[i].house &&
		     last(x[k].kind) == last(x[i].kind);
		     k++)
			version |= version_of(&x[k]);
		if (block && i > 0 && federation_block_end(&fed) == -1)
			return -1;
		if (block && federation_block(&fed, v.office) == -1)
			return -1;
		if ((block || x[i].house != x[i - 1].house ||
			last(x[i].kind) != last(x[i - 1].kind)) &&
		    write_house(&fed, &v, CHANGE_AMEND, version) == -1)
			return -1;
		if (write_insured(&fed, &v, change, version) == -1)
			return -1;
		note_wrong(&fed.person, &x[i]);
	}
	if (n == 0 && federation_block(&fed, &s->c->office[g->first]) == -1)
		return -1;
	if (federation_block_end(&fed) == -1)
		return -1;
	return federation_end(&fed);
}

/* Every sender sends every day, if only to say that nothing changed. */
int
senders_changes(struct sample *s)
{
	struct changes l = { 0 };
	struct sender_files g = { 0 };
	size_t at = 0, n;
	int r = 0;

	changes_find(s, &l);
	while (r == 0 && senders_next(s, &g)) {
		for (n = at; n < l.n && l.v[n].office < g.end; n++)
			;
		if (g.files > 0)
			r = s->c->office[g.first].scheme == SCHEME_NHI_CITY ?
			    federation_changes(s, &g, l.v + at, n - at) :
			    insurer_changes(s, &g, l.v + at, n - at);
		at = n;
	}
	free(l.v);
	return r;
}
