/*
 * What became of one upload, and of last night: read from ledgers, out boxes
 * and the set in force, of the sides that are there. Writes nothing.
 */
#ifndef BATCH_STATUS_H
#define BATCH_STATUS_H

#include "batch/run.h"

struct ledger;

/* A receipt number, a stem or a file's name: one YAML document to stdout.
 * Raises the run's exit: 0 reflected; 4 and some records were not; 5 refused;
 * 8 under way, or held; 34 not known. */
void status_upload(struct run *run, const char *what, bool first);

/* As monitoring systems (Nagios and its kin) want it. */
enum verdict { NIGHT_OK, NIGHT_WARNING, NIGHT_CRITICAL, NIGHT_UNKNOWN };
/* Of the night of run->day: one word, then what to do, to stdout. */
enum verdict status_night(struct run *run, int32_t night);
/* A line for each upload that waits for an operator's word: since when, why,
 * what to type; config: path of the site's. -1 raised. */
int status_holds(struct ledger *l, const char *config,
    void (*each)(void *arg, const char *text), void *arg);

#endif
