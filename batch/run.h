/*
 * Begin and end of every batch run: options, configuration, lock, counts,
 * summary, exit status. Instead of a dozen copies of the same forty lines.
 *
 *	struct run run;
 *	if (run_begin(&run, "ingest", argc, argv) == -1) return run_end(&run);
 *	...
 *	return run_end(&run);
 *
 * Options of every program: -c SITE.yaml (required) -D YYYY-MM-DD (business
 * day; default: today in JST, before 08:00 yesterday: the night belongs to
 * the day before; a day to come is refused: exit 9) -n (do everything but
 * commit and publish) -v -h -V.
 */
#ifndef BATCH_RUN_H
#define BATCH_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/diag.h"
#include "formats/config.h"
#include "formats/exit.h"

struct ledger;
struct ledger_run;

#define RUN_VERSION "0.1"

struct run {
	const char *name; /* "ingest" */
	const char *config_path;
	struct config *config;
	struct diag_log log; /* stderr; &run.log.sink is the run's sink */
	int32_t day; /* business day */
	bool day_given; /* by -D */
	int64_t now; /* the clock, read once */
	bool dry; /* -n */
	bool verbose;
	bool silent; /* no summary line: stdout is the caller's */
	bool countless; /* reads no records: none in the summary, only notes */
	/* the books: read = accepted + refused + unchanged + held */
	int64_t read, accepted, refused, unchanged, held;
	int64_t files, files_refused, files_held;
	int64_t alarms; /* records that hold a 個人番号 */
	int exit; /* the worst so far; run_worst() raises it */
	int argc;
	char **argv; /* what follows the options */
	/* inside */
	const char *lease; /* name of its lock; NULL: that of the program */
	/* several at a time, each by its lease: the program's lock is shared,
	 * and what it finds in ROOT/work may be another one's */
	bool shared;
	int64_t began; /* monotonic ms */
	struct { /* per side: its lock and its books */
		int lock;
		int program_lock; /* shared; -1 */
		struct ledger *ledger;
		struct ledger_run *row;
	} side[2];
	int64_t progress_at;
	bool tty;
	int progress_fd; /* of the job net; -1 */
	char extra[1024]; /* KEY=VALUE pairs for the summary */
};

/* A long option; letter: that of its short form, or anything above 255. */
struct run_long {
	const char *name;
	int letter;
	bool value; /* takes one */
};
#define RUN_LONGS_MAX 16
/* Extra options beyond the common ones: letters as for getopt, handed to
 * option(); NULL where none. usage: lines after the common ones. */
struct run_options {
	bool no_config; /* -c may be left out: run.config is NULL then */
	bool operands; /* it takes words without an option: run.argv */
	bool days_to_come; /* it may be asked about one */
	const char *letters;
	const struct run_long *longs; /* ends with name == NULL; may be NULL */
	int (*option)(void *arg, int letter, const char *value); /* -1: usage */
	void *arg;
	const char *usage; /* instead of the synopsis: whole lines */
};
int run_begin(struct run *run, const char *name, int argc, char **argv,
    const struct run_options *extra);
/* Enters a side: one run of a program at a time per root (flock on
 * ROOT/run/NAME.lock, holder's pid in it); -1: LOCKED raised, exit 10. Makes
 * the folders of the root, enters the run in its ledger (not with -n; run_end()
 * completes the row, so one that was killed has no end; SHIKAKU_STEP in the
 * environment is the step of the job net that started it), and removes what a
 * run of the same program left in ROOT/work when it was killed: names that
 * begin with "shikaku-NAME.". */
int run_lock(struct run *run, const char *root);
void run_worst(struct run *run, enum exit_code code);
/* One line on a terminal at most every 200 ms after two seconds; nothing
 * elsewhere, but for a job net: SHIKAKU_PROGRESS in the environment is the pipe
 * it reads "PHASE DONE TOTAL" from. */
void run_progress(
    struct run *run, const char *phase, int64_t done, int64_t total);
/* Adds KEY=VALUE to the summary line. */
void run_note(struct run *run, const char *key, int64_t value);
/* SIGTERM or SIGINT came: finish the step, exit 12. */
bool run_stopped(void);
/* Balance, summary on stdout ("shikaku-ingest: read=.. accepted=.. ..
 * seconds=.. exit=0"), frees, returns the status. */
int run_end(struct run *run);
int64_t run_monotonic(void);
/* The moment now: run->now, and what went by since. A program that waits for
 * hours asks here; one that works asks run->now, the same all night. */
int64_t run_moment(const struct run *run);
/* The account this runs under; sudo tells whose hands they were. */
void run_account(char out[40]);
/* This machine, its start and this process, as the books name a holder. */
void run_holder(char host[65], char boot[37], int64_t *pid);

#endif
