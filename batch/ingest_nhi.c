/*
 * Municipal NHI: the household and the person file of a federation joined in
 * one pass. Both ascend by 市町村コード and 世帯番号; what does not is refused,
 * so one household at a time is enough.
 */
#include <string.h>

#include "batch/ingest.h"
#include "formats/nhi.h"

#define CITY 6
#define HOUSEHOLD 15
#define KEY (CITY + HOUSEHOLD)

struct join {
	struct ingest_upload *u;
	struct ingest_member *h, *p;
	struct record household, person;
	bool valid; /* household is one to join with */
	const struct insurer *insurer; /* its insurer */
	char household_key[KEY], person_key[KEY]; /* the last ones read */
	/* The city read last, and the one before: households are one ahead */
	struct city {
		char code[CITY];
		const struct insurer *insurer; /* NULL: none read yet */
		bool mixed; /* its households name two */
		bool kept; /* a refused person was kept by it */
	} city[2];
};

static void
make_key(char key[KEY], struct slice city, struct slice household)
{
	memset(key, ' ', KEY);
	memcpy(key, city.p, city.n < CITY ? city.n : CITY);
	memcpy(key + CITY, household.p,
	    household.n < HOUSEHOLD ? household.n : HOUSEHOLD);
}

/* The municipality of the block a record stands in, if the header says. */
static bool
in_block(const struct ingest_member *m, struct slice city)
{
	const struct record *h = record_header(m->reader);

	return h == NULL || h->v[FH_MUNICIPALITY].s.n == 0 ||
	    slice_eq(h->v[FH_MUNICIPALITY].s, city);
}

/* A city whose households name two insurers: then which of them a refused
 * person belongs to cannot be told. */
static void
look_insurer(struct join *j, const char key[KEY])
{
	struct city *c = &j->city[0];

	if (c->insurer == NULL || memcmp(c->code, key, CITY) != 0) {
		j->city[1] = *c;
		memcpy(c->code, key, CITY);
		c->insurer = j->insurer;
		c->mixed = c->kept = false;
	} else if (strcmp(c->insurer->number8, j->insurer->number8) != 0) {
		c->mixed = true;
		j->u->unsure = j->u->unsure || c->kept;
	}
}

/* NULL: its one insurer cannot be told. */
static struct city *
find_city(struct join *j, const char key[KEY])
{
	for (int i = 0; i < 2; i++)
		if (j->city[i].insurer != NULL && !j->city[i].mixed &&
		    memcmp(j->city[i].code, key, CITY) == 0)
			return &j->city[i];
	return NULL;
}

static bool
household_fits(struct join *j)
{
	const struct record *r = &j->household;
	char key[KEY];
	int order;

	make_key(key, r->v[NH_MUNICIPALITY].s, r->v[NH_HOUSEHOLD].s);
	order = memcmp(key, j->household_key, KEY);
	if (order < 0 || !in_block(j->h, r->v[NH_MUNICIPALITY].s)) {
		ingest_refuse(j->h, r, DIAG_NOT_ASCENDING, NH_HOUSEHOLD, NULL);
		return false;
	}
	if (order == 0) {
		ingest_refuse(j->h, r, DIAG_DUPLICATE, NH_HOUSEHOLD, NULL);
		return false;
	}
	memcpy(j->household_key, key, KEY);
	j->insurer = ingest_insurer(j->u, r->v[NH_INSURER_NUMBER].s);
	if (j->insurer == NULL) {
		ingest_refuse(
		    j->h, r, DIAG_UNKNOWN_INSURER, NH_INSURER_NUMBER, NULL);
		return false;
	}
	look_insurer(j, key);
	return true;
}

/* The next household that holds; none any more: valid is false. */
static void
household_next(struct join *j)
{
	enum record_result r;

	j->valid = false;
	while ((r = ingest_next(j->u, j->h, &j->household)) != RECORD_END &&
	    r != RECORD_BROKEN)
		if (r == RECORD_OK && household_fits(j)) {
			j->valid = true;
			return;
		}
}

static int
person_add(struct join *j)
{
	struct record q;
	struct typed_key key;
	char pad[9];

	nhi_to_qualification(&j->person, &j->household, &q, pad);
	if (j->u->head.scheme == 'E')
		record_set(&q, Q_INSURER_CODE, slice_of(j->insurer->code));
	typed_key_make(
	    &key, j->u->head.scheme, q.v[Q_INSURER_CODE].s, q.v[Q_PERSON_ID].s);
	return ingest_add_period(j->u, j->insurer->number8, key.b, &q);
}

/* A person of a full file whose record was refused stays as stored: who it is
 * needs the ID and the insurer, which is that of the city's households. The
 * household itself may be what is wrong, so only the city is gone forward to.
 */
static int
person_keep(struct join *j)
{
	static const char keep = '0' + CHANGE_KEEP;
	const struct record *r = &j->person;
	struct slice city = r->v[NP_MUNICIPALITY].s, id = r->v[NP_PERSON_ID].s;
	bool edaban = j->u->head.scheme == 'E';
	struct typed_key key;
	struct record q;
	struct city *c;
	char at[KEY];

	if (!j->u->full)
		return 0;
	if (id.n == 0 || city.n != CITY || !in_block(j->p, city))
		return ingest_keep(j->u, r);
	make_key(at, city, SLICE(""));
	while (j->valid && memcmp(j->household_key, at, CITY) < 0)
		household_next(j);
	c = find_city(j, at);
	if (c == NULL)
		return ingest_keep(j->u, r);
	record_init(&q, &qualification_format);
	q.number = r->number;
	q.v[Q_CHANGE].s = (struct slice) { &keep, 1 };
	record_set(&q, Q_INSURER_NUMBER, slice_of(c->insurer->number8));
	record_set(&q, Q_INSURER_CODE,
	    slice_of(edaban ? c->insurer->code : c->insurer->number8));
	record_set(&q, Q_PERSON_ID, id);
	typed_key_make(&key, j->u->head.scheme, q.v[Q_INSURER_CODE].s, id);
	c->kept = true;
	return ingest_add(j->u, key.b, &q);
}

static int
person_take(struct join *j)
{
	const struct record *r = &j->person;
	char key[KEY];

	make_key(key, r->v[NP_MUNICIPALITY].s, r->v[NP_HOUSEHOLD].s);
	if (memcmp(key, j->person_key, KEY) < 0 ||
	    !in_block(j->p, r->v[NP_MUNICIPALITY].s)) {
		ingest_refuse(j->p, r, DIAG_NOT_ASCENDING, NP_HOUSEHOLD, NULL);
		return person_keep(j);
	}
	memcpy(j->person_key, key, KEY);
	while (j->valid && memcmp(j->household_key, key, KEY) < 0)
		household_next(j);
	if (j->valid && memcmp(j->household_key, key, KEY) == 0)
		return person_add(j);
	/* A household file that broke off is refused as a whole: then this
	 * is no fault of the person. */
	if (!j->h->broken)
		ingest_refuse(
		    j->p, r, DIAG_HOUSEHOLD_MISSING, NP_HOUSEHOLD, NULL);
	return person_keep(j);
}

int
ingest_nhi_read(struct ingest_upload *u)
{
	struct join j = { .u = u, .h = &u->member[0], .p = &u->member[1] };
	enum record_result r;

	u->head.scheme = u->run->config->city_key == 0 ? 'C' : 'E';
	household_next(&j);
	while ((r = ingest_next(u, j.p, &j.person)) != RECORD_END &&
	    r != RECORD_BROKEN)
		if (r == RECORD_OK ? person_take(&j) == -1 :
				     person_keep(&j) == -1)
			return -1;
	while (j.valid) /* households after the last person */
		household_next(&j);
	return 0;
}
