/*
 * The event loop of one worker process: a ladder of refusals, then respond,
 * journal, send. Returns the exit status of the process.
 */
#ifndef ONLINE_WORKER_H
#define ONLINE_WORKER_H

#include "formats/config.h"

int worker_run(const struct config *c, int number, int listen_fd);

#endif
