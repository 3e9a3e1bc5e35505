/*
 * Challenges for cards (domain/jpki-and-pinless.md 6.3 b): issued by any
 * worker, good once, at any worker. The id carries its time of issue and a
 * tag; the 32 challenge bytes are a MAC over id, institution and terminal, so
 * nothing is kept until one is used. What was used is kept in a table that
 * all workers share: made by the parent before it forks, atomics, no lock
 * (a worker may be killed at any instruction).
 */
#ifndef ONLINE_CHALLENGE_H
#define ONLINE_CHALLENGE_H

#include <stdbool.h>
#include <stdint.h>

struct challenges; /* shared memory; one per responder */
struct challenges *challenges_new(void); /* NULL: errno set */
void challenges_free(struct challenges *c);

struct challenge {
	char id[33]; /* 32 lower-case hex digits */
	unsigned char bytes[32];
	int64_t issued; /* moment, to the second */
};
int challenge_issue(struct challenges *c, const char *institution,
    const char *terminal, int64_t now, struct challenge *out); /* 0, -1 */
/*
 * Takes it out of the world before anything signed is looked at. True: ours,
 * for this institution and terminal, not older than `seconds`, never used
 * before; *out is filled. Two at once at two workers: at most one gets it.
 */
bool challenge_take(struct challenges *c, const char *id,
    const char *institution, const char *terminal, int64_t now, int seconds,
    struct challenge *out);

#endif
