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

#include "batch/run.h"

struct job; /* batch/net.h */

/* An upload was taken (code NULL) or refused (its first fatal code), told once
 * at most: a run that ends just then leaves it to the receipt. stem: as its
 * receipt is called. */
void hooks_upload(struct run *run, const char *side, const char *sender,
    const char *stem, const char *code);
/* A generation is in force; rolled back: an older one is again. */
void hooks_publish(
    struct run *run, const char *kind, int64_t generation, bool back);
/* An expected upload has not come: the alarm of each stage, as it is reached.
 * id=arrival-STAGE names its paragraph in shikaku-night(7). */
void hooks_expected(struct run *run, const char *sender, const char *feed,
    const char *stage, const char *urgency, int missed);
/* A job that did not do its work, where its alarm is not "none". */
void hooks_alarm(
    struct run *run, const struct job *job, const char *net, int status);

#endif
