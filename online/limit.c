#include "online/limit.h"

#define PLACES 4 /* that one certificate may have */

static uint64_t
hash(struct slice s)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	h ^= h >> 32;
	return h | 1;
}

static struct share_limit *
find(struct share *s, struct slice serial)
{
	uint64_t key = hash(serial);
	struct share_limit *l = NULL;

	for (uint64_t i = 0; i < PLACES; i++) {
		uint64_t was = 0;
		l = &s->limit[((key >> 1) + i) % LIMIT_SLOTS];
		if (atomic_load(&l->key) == key ||
		    atomic_compare_exchange_strong(&l->key, &was, key) ||
		    was == key)
			return l;
	}
	atomic_store(&l->key, key); /* the last place changes hands */
	atomic_store(&l->second, 0);
	atomic_store(&l->nobody, 0);
	return l;
}

/* A span's number above, its count below; returns the count with this one. */
static uint32_t
count(_Atomic uint64_t *at, uint32_t span)
{
	uint64_t was = atomic_load(at), now;

	do
		now = was >> 32 == span ? was + 1 : (uint64_t)span << 32 | 1;
	while (!atomic_compare_exchange_weak(at, &was, now));
	return (uint32_t)now;
}

bool
limit_rate(struct share *s, struct slice serial, int64_t now, int most)
{
	return most > 0 &&
	    count(&find(s, serial)->second, (uint32_t)(now / 1000)) >
	    (uint32_t)most;
}

bool
limit_nobody(struct share *s, struct slice serial, int64_t now, int alarm)
{
	return alarm > 0 &&
	    count(&find(s, serial)->nobody, (uint32_t)(now / 600000)) ==
	    (uint32_t)alarm;
}

bool
limit_active(struct share *s, struct slice institution, int32_t day, int most)
{
	uint64_t today = (uint64_t)(uint32_t)day << 34;
	uint64_t mine = today | (uint64_t)slice_number(institution);

	for (int i = 0; i < most && i < ACTIVE_SLOTS; i++) {
		uint64_t was = atomic_load(&s->active[i]);
		if (was >> 34 != today >> 34 &&
		    atomic_compare_exchange_strong(&s->active[i], &was, mine))
			return true;
		if (was == mine)
			return true;
	}
	return false;
}
