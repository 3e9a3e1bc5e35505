/*
 * Programs of the site that hear of events: jobs.hooks is a folder, in it
 * arrival.d, refusal.d, publish.d, alarm.d. Every executable file there is
 * called in order of name, one after the other, with the event and KEY=VALUE
 * pairs as arguments; its output goes to our stderr. It tells (mail, pager,
 * chat), it decides nothing: what it does and whether it fails changes no
 * result of ours. Ten seconds at most each. No value of a record is handed on.
 */
#ifndef BATCH_HOOKS_H
#define BATCH_HOOKS_H

#include "batch/net.h"
#include "batch/run.h"

#define HOOK_PAIRS_MAX 12
enum hook { HOOK_ARRIVAL, HOOK_REFUSAL, HOOK_PUBLISH, HOOK_ALARM };
/* pairs: "key=value" strings, NULL-terminated; borrowed. */
void hooks_call(struct run *run, enum hook event, const char *const *pairs);
/* A job that did not do its work, where its alarm is not "none". */
void hooks_alarm(
    struct run *run, const struct job *job, const char *net, int status);

#endif
