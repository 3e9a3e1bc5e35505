#include "online/share.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

struct share *
share_new(void)
{
	struct share *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return NULL;
	madvise(s, sizeof(*s), MADV_DONTDUMP); /* it holds keys */
	if (share_ticket_rotate(s) == -1) {
		munmap(s, sizeof(*s));
		return NULL;
	}
	return s;
}

void
share_free(struct share *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s->ticket, sizeof(s->ticket));
	munmap(s, sizeof(*s));
}

int
share_ticket_rotate(struct share *s)
{
	unsigned char fresh[80];
	uint32_t serial = atomic_load(&s->ticket_serial) + 1;
	struct ticket_key *k = &s->ticket[serial % TICKET_KEYS];
	struct ticket_key *old = &s->ticket[(serial + 2) % TICKET_KEYS];

	if (getrandom(fresh, sizeof(fresh), 0) != (ssize_t)sizeof(fresh))
		return -1;
	atomic_store(&k->serial, 0);
	memcpy(k->name, fresh, 16);
	memcpy(k->aes, fresh + 16, 32);
	memcpy(k->mac, fresh + 48, 32);
	atomic_store(&k->serial, serial);
	atomic_store(&s->ticket_serial, serial);
	atomic_store(&old->serial, 0);
	explicit_bzero(old->name, sizeof(old->name));
	explicit_bzero(old->aes, sizeof(old->aes));
	explicit_bzero(old->mac, sizeof(old->mac));
	explicit_bzero(fresh, sizeof(fresh));
	return 0;
}

/* False: it was written meanwhile; then there is no such key. */
static bool
copy_key(const struct ticket_key *k, struct ticket_copy *out)
{
	uint32_t serial = atomic_load(&k->serial);

	if (serial == 0)
		return false;
	memcpy(out->name, k->name, sizeof(out->name));
	memcpy(out->aes, k->aes, sizeof(out->aes));
	memcpy(out->mac, k->mac, sizeof(out->mac));
	atomic_thread_fence(memory_order_acquire);
	return atomic_load(&k->serial) == serial;
}

int
share_ticket_newest(const struct share *s, struct ticket_copy *out)
{
	uint32_t serial = atomic_load(&s->ticket_serial);

	return copy_key(&s->ticket[serial % TICKET_KEYS], out) ? 1 : 0;
}

int
share_ticket_find(const struct share *s, const unsigned char name[16],
    struct ticket_copy *out)
{
	uint32_t serial = atomic_load(&s->ticket_serial);

	for (uint32_t back = 0; back < 2; back++)
		if (copy_key(&s->ticket[(serial - back) % TICKET_KEYS], out) &&
		    memcmp(out->name, name, 16) == 0)
			return back == 0 ? 1 : 2;
	return 0;
}

#define NVERIFIED (sizeof(((struct share *)0)->verified) / sizeof(uint64_t))

bool
share_verified(const struct share *s, uint64_t tag)
{
	for (size_t i = 0; i < NVERIFIED; i++)
		if (atomic_load(&s->verified[i]) == tag)
			return true;
	return false;
}

void
share_verified_note(struct share *s, uint64_t tag)
{
	if (!share_verified(s, tag))
		atomic_store(&s->verified[tag % NVERIFIED], tag);
}
