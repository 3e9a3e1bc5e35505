/*
 * A job net (ジョブネット): one file of jobs/, read into a table and held to
 * its rules. The file is the single definition; run, plan, graph and export
 * all read it here. Keys: net_keys[] and job_keys[] in net.c; shikaku-jobs(8)
 * is their page.
 *
 * Clock times are Japanese. A net belongs to a business day D: a time at or
 * after the net's `starts` is on D, an earlier one on the day after. So a
 * night that starts at 21:00 has its 07:00 on the next morning.
 */
#ifndef BATCH_NET_H
#define BATCH_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/holidays.h"
#include "formats/codec/diag.h"

#define NET_JOBS_MAX 64
#define NET_AFTER_MAX 16
#define NET_NAME_MAX 24 /* JP1/AJS3 allows 30 bytes with our prefix */

enum net_alarm { /* who hears of a job that did not do its work */
	ALARM_NONE,
	ALARM_MORNING, /* read it in the morning */
	ALARM_CALL, /* wake the operator */
};
extern const char *const net_alarm_names[]; /* "none|morning|call" */

struct job {
	char name[NET_NAME_MAX + 1];
	const char *program; /* shikaku-NAME */
	const char *args; /* $SITE and $DAY are put in */
	int after[NET_AFTER_MAX], n_after; /* places in net.job: all earlier */
	struct day_rule calendar; /* the net's where it names none */
	bool has_calendar;
	int64_t opens, closes; /* ms of the net: from midnight of its day */
	int64_t deadline;
	int retries, every_minutes; /* after an exit status of net.retry */
	int expected_minutes; /* on a normal night */
	int limit_minutes; /* longer is stopped; 0: by the window alone */
	bool alone; /* no other job runs beside it */
	bool always; /* also where what it comes after failed: it need only be
		      * over */
	enum net_alarm alarm;
	const char *reason, *reason_ja; /* what for */
	const char *by_hand, *by_hand_ja; /* what a person does when it fails */
	int line; /* in the file */
};

struct net {
	char name[NET_NAME_MAX + 1];
	const char *path;
	struct day_rule calendar;
	int64_t starts; /* clock, ms */
	int every_minutes; /* again all day long (intraday); 0: once */
	int at_once; /* jobs that may run beside each other */
	const char *title, *title_ja;
	/* exit status -> what then; by formats/exit.h */
	uint64_t go_on, retry, stop; /* bit n: status n */
	struct job job[NET_JOBS_MAX];
	int n;
	void *store; /* the texts */
};

/* NULL: raised JOB_NET for every fault, with line and column. programs: folder
 * of the programs; NULL: not asked whether they are there. */
struct net *net_read(
    const char *path, const char *programs, struct diag_sink *sink);
void net_free(struct net *net);
int net_find(const struct net *net, const char *name); /* -1 where unknown */
/* Moment of a time of the net (opens, closes, deadline) on business day d. */
int64_t net_moment(int32_t d, int64_t t);
bool net_has(uint64_t set, int status);
/* Earliest end of every job by the expected durations, in ms of the net, as if
 * nothing fails and jobs without upstream start when their window opens. */
void net_earliest(const struct net *net, int64_t ends[NET_JOBS_MAX]);
/* A job's arguments, cut at blanks, $SITE, $DAY and $MONTH_END (last day of
 * the month before) put in: argv of at most NET_ARGS_MAX, NULL-terminated, over
 * store. */
#define NET_MONTH_END "$MONTH_END"
#define NET_ARGS_MAX 32
void net_argv(const struct job *job, const char *site, int32_t day,
    char store[2048], char *argv[NET_ARGS_MAX + 1]);

#endif
