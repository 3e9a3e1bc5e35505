/*
 * The generations in force: the signed set is looked for once per turn of the
 * loop (a readlink). A new one is opened and checked beside, by a thread, so
 * that reading gigabytes stalls no answer; then switched, the old one closed
 * when its last question is done. Never goes back.
 */
#ifndef ONLINE_CURRENT_H
#define ONLINE_CURRENT_H

#include "formats/codec/chain.h"
#include "formats/snapshot.h"

struct current;
struct share;
/* publisher: who alone may sign a set (commonName of keys.publish_cert);
 * borrowed, as trust is. share: which files another worker has read whole
 * already. Waits for the first set. Diagnostics go to the log. */
struct current *current_open(const char *root, const struct chain *trust,
    const char *publisher, struct share *share, int64_t now);
int current_look(struct current *c, int64_t now); /* 1 switched, 0, -1 kept */
/* The host has been told of a newer set than it answers from: the link
 * snapshots/awaited, see jobs/replicate.sh. */
bool current_behind(const struct current *c);
/* The set to answer from; NULL: none. Hold it while a question lasts. */
struct current_set {
	struct snapshot *kind[SNAPSHOT__MAX];
	struct snapshot_set set;
	int users;
};
struct current_set *current_take(struct current *c);
void current_release(struct current *c, struct current_set *s);
void current_close(struct current *c);

#endif
