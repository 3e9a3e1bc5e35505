/*
 * The generations in force: the signed set is looked at once per turn of the
 * loop (a stat of the link), a new one opened and checked beside, switched,
 * the old one closed when its last question is done. Never goes back.
 */
#ifndef ONLINE_CURRENT_H
#define ONLINE_CURRENT_H

#include "formats/codec/chain.h"
#include "formats/snapshot.h"

struct current;
/* publisher: who alone may sign a set (commonName of keys.publish_cert);
 * borrowed, as trust is. */
struct current *current_open(const char *root, const struct chain *trust,
    const char *publisher, int64_t now, struct diag_sink *sink);
int current_look(struct current *c, int64_t now); /* 1 switched, 0, -1 kept */
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
