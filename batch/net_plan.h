/*
 * What would run on a day, when it would end, and why not: from the net, the
 * calendar, the history in the ledger and what waits in the boxes.
 */
#ifndef BATCH_NET_PLAN_H
#define BATCH_NET_PLAN_H

#include "batch/net_run.h"

/* Prints the plan; W9038 for each job that would end after its deadline. root
 * NULL: no history. 0; -1 raised. */
int net_plan(struct run *run, const struct net_order *order, const char *root);

/* Middle one of n values (n > 0), which it sorts; of two the lower. */
int64_t net_median(int64_t *v, int n);

#endif
