/*
 * The event loop of one worker process: a ladder of refusals, then respond,
 * journal, send. Returns the exit status of the process.
 */
#ifndef ONLINE_WORKER_H
#define ONLINE_WORKER_H

#include "formats/config.h"

struct challenges;
struct share;
struct worker_start {
	const struct config *config;
	int number;
	int listen_fd; /* bound and listening */
	int ready_fd; /* gets one byte once questions are taken; -1 none */
	struct share *share;
	struct challenges *challenges; /* shared by all workers */
};
int worker_run(const struct worker_start *start);

#endif
