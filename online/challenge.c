#include "online/challenge.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "formats/codec/seal.h"
#include "formats/limits.h"

#define WINDOW 64 /* slots one id may lie in */
#define ID_BYTES 16 /* 5 seconds of issue, 5 random, 6 tag */
#define MARGIN_S 60 /* a slot is free again only well after its id expired */

struct challenges {
	unsigned char key[32];
	/* seconds of issue (28 bits) and 36 bits of the tag; 0: empty. Two
	 * ids of one second with the same 36 bits shut each other out:
	 * harmless, the terminal asks for another one. */
	_Atomic uint64_t used[CHALLENGES_MAX];
};

struct challenges *
challenges_new(void)
{
	struct challenges *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (c == MAP_FAILED)
		return NULL;
	madvise(c, sizeof(*c), MADV_DONTDUMP); /* the key */
	if (getrandom(c->key, sizeof(c->key), 0) != (ssize_t)sizeof(c->key)) {
		munmap(c, sizeof(*c));
		return NULL;
	}
	return c;
}

void
challenges_free(struct challenges *c)
{
	if (c != NULL)
		munmap(c, sizeof(*c));
}

/* HMAC(key, purpose, id, institution NUL terminal): lengths are fixed or
 * ended, so no two inputs run together. */
static void
mac(const struct challenges *c, char purpose, const unsigned char *id,
    size_t id_size, const char *institution, const char *terminal,
    unsigned char out[32])
{
	char text[256];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_putc(&b, purpose);
	buf_put(&b, (struct slice) { (const char *)id, id_size });
	buf_put(&b, (struct slice) { institution, strnlen(institution, 64) });
	buf_putc(&b, '\0');
	buf_put(&b, (struct slice) { terminal, strnlen(terminal, 64) });
	seal_hmac((struct slice) { (const char *)c->key, sizeof(c->key) },
	    buf_slice(&b), out);
}

static void
fill(const struct challenges *c, const unsigned char id[ID_BYTES],
    const char *institution, const char *terminal, struct challenge *out)
{
	int64_t seconds = 0;

	for (int i = 0; i < ID_BYTES; i++)
		snprintf(out->id + 2 * i, 3, "%02x", id[i]);
	for (int i = 0; i < 5; i++)
		seconds = seconds << 8 | id[i];
	out->issued = seconds * 1000;
	mac(c, 'C', id, ID_BYTES, institution, terminal, out->bytes);
}

static void
tag(const struct challenges *c, unsigned char id[ID_BYTES],
    const char *institution, const char *terminal, unsigned char out[6])
{
	unsigned char sum[32];

	mac(c, 'T', id, ID_BYTES - 6, institution, terminal, sum);
	memcpy(out, sum, 6);
}

int
challenge_issue(struct challenges *c, const char *institution,
    const char *terminal, int64_t now, struct challenge *out)
{
	unsigned char id[ID_BYTES];
	int64_t seconds = now / 1000;

	for (int i = 4; i >= 0; i--, seconds >>= 8)
		id[i] = (unsigned char)(seconds & 255);
	if (getrandom(id + 5, 5, 0) != 5)
		return -1;
	tag(c, id, institution, terminal, id + 10);
	fill(c, id, institution, terminal, out);
	return 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
parse_id(const char *text, unsigned char id[ID_BYTES])
{
	if (strnlen(text, 2 * ID_BYTES + 1) != 2 * ID_BYTES)
		return false;
	for (int i = 0; i < ID_BYTES; i++) {
		int a = hex_digit(text[2 * i]), b = hex_digit(text[2 * i + 1]);
		if (a < 0 || b < 0)
			return false;
		id[i] = (unsigned char)(a << 4 | b);
	}
	return true;
}

static uint64_t
slot_value(const unsigned char id[ID_BYTES])
{
	uint64_t v = 0;

	for (int i = 1; i < 5; i++) /* the first byte of the time changes */
		v = v << 8 | id[i]; /* every 136 years */
	v = (v & 0xfffffff) << 36;
	for (int i = 0; i < 4; i++)
		v |= (uint64_t)id[11 + i] << (8 * i);
	v |= (uint64_t)(id[15] & 15) << 32;
	return v == 0 ? 1 : v;
}

static bool
is_free(uint64_t v, int64_t now, int seconds)
{
	int64_t age = (now / 1000 - (int64_t)(v >> 36)) & 0xfffffff;

	return v == 0 || (age > seconds + MARGIN_S && age < 1 << 27);
}

/*
 * Workers that see the same slots free meet at the first of them: one has it,
 * the others find it there and give up. Where their clocks differ, so that
 * they see others free, they may insert the same id into two slots: so look
 * again; at least one sees the other, and whoever sees another one gives up.
 * There both may give up; both getting it cannot be.
 */
static bool
mark_used(struct challenges *c, const unsigned char id[ID_BYTES], int64_t now,
    int seconds)
{
	uint64_t v = slot_value(id);
	size_t first = (size_t)(v * UINT64_C(0x9e3779b97f4a7c15) >> 40);
	size_t mine = WINDOW;

	for (size_t i = 0; i < WINDOW; i++)
		if (atomic_load(&c->used[(first + i) % CHALLENGES_MAX]) == v)
			return false;
	for (size_t i = 0; i < WINDOW && mine == WINDOW; i++) {
		_Atomic uint64_t *slot = &c->used[(first + i) % CHALLENGES_MAX];
		uint64_t old = atomic_load(slot);
		if (is_free(old, now, seconds) &&
		    atomic_compare_exchange_strong(slot, &old, v))
			mine = i;
		else if (old == v) /* another worker, just now */
			return false;
	}
	for (size_t i = 0; i < WINDOW && mine < WINDOW; i++)
		if (i != mine &&
		    atomic_load(&c->used[(first + i) % CHALLENGES_MAX]) == v)
			return false;
	return mine < WINDOW; /* a full window refuses */
}

bool
challenge_take(struct challenges *c, const char *text, const char *institution,
    const char *terminal, int64_t now, int seconds, struct challenge *out)
{
	unsigned char id[ID_BYTES], want[6], differs = 0;

	if (!parse_id(text, id))
		return false;
	tag(c, id, institution, terminal, want);
	for (int i = 0; i < 6; i++)
		differs |= (unsigned char)(want[i] ^ id[10 + i]);
	if (differs != 0)
		return false;
	fill(c, id, institution, terminal, out);
	if (now < out->issued || now - out->issued > seconds * INT64_C(1000))
		return false;
	return mark_used(c, id, now, seconds);
}
