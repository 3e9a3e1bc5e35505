/*
 * The runner of a job net: starts what is due, waits, tries again, stops at
 * the end of a window, and leaves in the ledger's table job what is done, so
 * that the next run of it goes on there. Programs are child processes; the
 * runner knows of them only their exit status and the KEY=VALUE of their
 * last line.
 */
#ifndef BATCH_NET_RUN_H
#define BATCH_NET_RUN_H

#include "batch/ledger.h"
#include "batch/net.h"
#include "batch/run.h"

enum task_state {
	TASK_WAITS, /* for what comes before, its window, or its next try */
	TASK_RUNS,
	TASK_DONE, /* now, or by an earlier run that this one resumes */
	TASK_FAILED, /* a person must look */
	TASK_LEFT, /* not started: something before it failed, or time is up */
	TASK_SKIPPED, /* not due today, or not asked for */
};
extern const char *const task_state_names[];
/* Begins each try in the log of a job, which is appended to: what stands
 * before the last one was said by an earlier try. */
#define NET_TRY_MARK "---- try "

struct task {
	enum task_state state;
	const struct job *job;
	struct ledger_job row; /* of the last try */
	int tries; /* of this run */
	int64_t not_before; /* moment of the next try; 0: at once */
	int64_t began; /* monotonic ms */
	int pidfd, out, progress;
	int64_t pid;
	char last[2048]; /* last whole line of its stdout */
	size_t n_last;
	char line[2048]; /* the line that is not whole yet */
	size_t n_line;
	char phase[32]; /* progress, as it last said */
	int64_t done, total;
	int64_t ask_at, kill_at; /* monotonic ms; 0: not asked to stop */
	bool too_long, time_up, late; /* said */
	char log[512];
};

struct net_order {
	const struct net *net;
	const char *programs; /* folder */
	uint64_t chosen; /* bit i: job i */
	bool resume; /* what is done, after what it comes after, stays done */
	bool now; /* whatever the hour: windows and deadlines do not count */
	bool quiet; /* nothing is said where nothing is to do */
	bool json; /* events as JSON lines, else a line or a table for people */
	struct holidays *holidays; /* may be NULL */
};

struct night {
	struct run *run;
	const struct net_order *order;
	struct ledger *ledger;
	const char *root; /* whose ledger and log folder */
	struct task task[NET_JOBS_MAX];
	int running;
	int64_t drawn; /* monotonic ms of the live table */
	int lines; /* of it on the screen */
};

/* 0; -1: raised, could not even begin. What came of it is in run->exit. */
int net_run(struct run *run, const struct net_order *order, const char *root);

/* ---- what is told of it: net_tell.c ---- */
enum night_event { NIGHT_BEGINS, JOB_BEGINS, JOB_ENDS, JOB_WAITS, NIGHT_ENDS };
void net_tell(struct night *night, enum night_event event, struct task *t);
/* The live table, at most five times a second; only on a terminal. */
void net_draw(struct night *night, bool last);
/* Last night's story from the ledger. */
int net_show(
    struct run *run, const struct net *net, const char *root, bool json);

#endif
