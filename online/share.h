/*
 * What the processes of one responder share: memory made by the supervisor
 * before it forks, atomics only, no lock (a worker may be killed at any
 * instruction). It outlives every worker, so counters never go back and a
 * session ticket is good at any worker, also at one begun a moment ago.
 */
#ifndef ONLINE_SHARE_H
#define ONLINE_SHARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define WORKERS_MAX 64
#define SHARE_BUCKETS 12 /* of the latency histogram */
#define SHARE_KINDS 5 /* number printed card challenge other */
#define SHARE_CODES 8 /* OE1 OE2 OE3 OE4 OE9, and none */

struct share_worker { /* written by its worker only */
	_Atomic int64_t beat; /* monotonic ms; 0: not ready yet */
	_Atomic int64_t connections, accepted, full, resumed, failed, slow;
	_Atomic int64_t answers[SHARE_KINDS], validity[6], codes[10];
	_Atomic int64_t latency[SHARE_BUCKETS], latency_us;
	_Atomic int64_t commits, commit_lines, commit_us, commit_failures;
	_Atomic int64_t limited, enumerations;
	_Atomic int64_t generation[4], serial, cut_off, switches;
	_Atomic int64_t set_refused; /* candidates not believed */
	_Atomic int64_t crl_until, cert_until; /* ms; 0 unknown */
	_Atomic bool ready, clock_jumped;
};

/* Session ticket keys (RFC 5077 4): the newest encrypts, the one before it
 * still decrypts. Made by the supervisor, never on disk. */
#define TICKET_KEYS 4
struct ticket_key {
	_Atomic uint32_t serial; /* 0: being written */
	unsigned char name[16], aes[32], mac[32];
};

/* online/limit.h */
#define LIMIT_SLOTS 262144
#define ACTIVE_SLOTS 1024
struct share_limit {
	_Atomic uint64_t key, second, nobody;
};

struct share {
	_Atomic uint32_t ticket_serial; /* the newest */
	struct ticket_key ticket[TICKET_KEYS];
	_Atomic uint64_t verified[64]; /* snapshot files seen whole */
	struct share_worker worker[WORKERS_MAX];
	_Atomic uint64_t active[ACTIVE_SLOTS]; /* day, institution */
	struct share_limit limit[LIMIT_SLOTS]; /* 6 MiB, as far as used */
};

struct share *share_new(void); /* NULL: errno set */
void share_free(struct share *s);

/* A new key; the one before the last is forgotten. 0, -1. */
int share_ticket_rotate(struct share *s);
/* Copies the newest key, or the one of that name. 1 the newest, 2 the one
 * before (give a new ticket), 0 none. */
struct ticket_copy {
	unsigned char name[16], aes[32], mac[32];
};
int share_ticket_newest(const struct share *s, struct ticket_copy *out);
int share_ticket_find(const struct share *s, const unsigned char name[16],
    struct ticket_copy *out);

/* Has any worker already read this file (a digest of what identifies it)
 * from end to end and found it good? Says so afterwards with note. */
bool share_verified(const struct share *s, uint64_t tag);
void share_verified_note(struct share *s, uint64_t tag);

/* A counter of this worker goes up. */
static inline void
share_add(_Atomic int64_t *n, int64_t by)
{
	atomic_store_explicit(n,
	    atomic_load_explicit(n, memory_order_relaxed) + by,
	    memory_order_relaxed);
}
static inline void
share_set(_Atomic int64_t *n, int64_t to)
{
	atomic_store_explicit(n, to, memory_order_relaxed);
}

#endif
