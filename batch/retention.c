#include <string.h>

#include "batch/retention.h"
#include "formats/codec/day.h"

#define LOOKUPS_AT_ONCE 16384 /* pages of so many stay mapped */
#define PERSON_KEYS 64 /* insurers of one person looked at */

void
retention_begin(struct retention *r, const struct config *c, int32_t day,
    struct snapshot *base)
{
	*r = (struct retention) { .day = day,
		.delete_days = c->delete_days,
		.left_days = c->left_days,
		.base = base };
}

struct person {
	const struct retention *r;
	struct typed_key key[PERSON_KEYS];
	int n;
	bool covered, dead;
};

static int
take_key(void *arg, const struct typed_key *key)
{
	struct person *p = arg;

	if (p->n < PERSON_KEYS)
		p->key[p->n++] = *key;
	return 0;
}

static int
take_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	struct person *p = arg;
	bool open = rec->v[Q_LOST_ON].s.n == 0;

	(void)key;
	p->covered = p->covered || open || rec->v[Q_LOST_ON].n > p->r->day;
	/* 資格喪失事由 01: 死亡 (schemas/codes/loss_reason.tsv) */
	p->dead = p->dead || slice_is(rec->v[Q_LOSS_REASON].s, "01");
	return 0;
}

/* Died, or has no cover at any insurer. */
static bool
has_left(struct retention *r, const struct typed_key *key)
{
	struct person p = { .r = r, .n = 0 };
	unsigned char pseudonym[16];

	if (r->base == NULL)
		return true;
	int found = snapshot_pseudonym(r->base, key, pseudonym);
	if (found == 1 &&
	    snapshot_person_keys(r->base, pseudonym, take_key, &p) == -1)
		found = -1;
	if (p.n == 0)
		take_key(&p, key);
	for (int i = 0; i < p.n && found != -1; i++)
		if (snapshot_periods(r->base, &p.key[i], take_period, &p) == -1)
			found = -1;
	r->broken = r->broken || found == -1;
	if (++r->lookups % LOOKUPS_AT_ONCE == 0)
		snapshot_forget(r->base);
	return p.dead || !p.covered;
}

static bool
is_past(const struct retention *r, int32_t until, int days)
{
	return days > 0 && until < INT32_MAX - days && r->day > until + days;
}

bool
retention_past(
    struct retention *r, const char key[SEGMENT_KEY_SIZE], int32_t until)
{
	bool past = is_past(r, until, r->delete_days);
	struct typed_key k;

	if (past == is_past(r, until, r->left_days))
		return past;
	if (!r->asked || memcmp(r->key, key, sizeof(r->key)) != 0) {
		memcpy(r->key, key, sizeof(r->key));
		memcpy(k.b, key, sizeof(k.b));
		r->asked = true;
		r->left = has_left(r, &k);
	}
	return is_past(r, until, r->left ? r->left_days : r->delete_days);
}

bool
retention_over(const struct retention *r, int32_t until)
{
	return is_past(r, until, r->delete_days) ||
	    is_past(r, until, r->left_days);
}
