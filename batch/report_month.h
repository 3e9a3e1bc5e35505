/*
 * The month a business day lies in, up to that day: counted, joined, small
 * figures hidden, given out in every form under ROOT/out/statistics. A
 * month is closed once it is over and billed. While it is open its files are
 * named -open and are for the operator only. A closed one is written once: what
 * is counted otherwise later is named -revised, for the operator too.
 */
#ifndef BATCH_REPORT_MONTH_H
#define BATCH_REPORT_MONTH_H

#include "batch/run.h"
#include "formats/manifest.h"

/* set: in force (generation 0: none). *changed: something was written. What is
 * wrong with the inputs is raised, stands in the report, and makes the run end
 * with EXIT_RECORDS. -1: raised. */
int report_month(
    struct run *run, const struct snapshot_set *set, bool *changed);

/* Two files, byte for byte; false also where one is not there. */
bool report_same(const char *path, const char *other);

#endif
