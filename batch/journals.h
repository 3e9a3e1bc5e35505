/*
 * The usage journals of a qualification root (ROOT/journal/usage-YYYYMMDD.
 * WORKER.log), read: proved line by line by their chain and running numbers,
 * then handed out as records. For batch/collect.c and batch/report.c.
 */
#ifndef BATCH_JOURNALS_H
#define BATCH_JOURNALS_H

#include "formats/usage.h"
#include "formats/usage_chain.h"

struct journal_file {
	char name[48];
	int32_t day;
	int worker;
	int64_t lines, bytes; /* whole lines; bytes they take */
	bool cut; /* a last line without its end: its answer never left */
	char chain[17]; /* of the last line; of the name where none */
	int64_t from; /* lines taken before (collect); 0 */
};
struct journals {
	struct journal_file *v; /* by day, then worker */
	size_t n, max;
};

/* Names and days only; those up to `until`. -1: IO raised. */
int journals_list(const char *root, int32_t until, struct journals *out,
    struct diag_sink *sink);
void journals_free(struct journals *j);

/* Walks the lines: chain, running number from 1, worker. Fills lines, bytes,
 * cut, chain; *at (may be NULL): the chain after line `line` (0: before the
 * first). -1: JOURNAL_CHAIN or IO raised. */
int journal_prove(const char *root, struct journal_file *f, int64_t line,
    char at[17], struct diag_sink *sink);

/* Proves, and hands out the lines after `from` in the same pass: those about a
 * card as records (good until each() returns), of the others only that they
 * are there (NULL). known (may be NULL): the chain after line `from` as an
 * earlier run had it; the journal must agree. each(): non-zero stops. Fills f
 * as journal_prove(). 0, -1 raised or stopped. */
int journal_each(const char *root, struct journal_file *f, const char *known,
    int (*each)(void *arg, const struct record *card), void *arg,
    struct diag_sink *sink);

/* Proves, and hands out the columns of each line as they lie, in the same
 * pass: for whoever counts millions. each(): non-zero stops. Fills f as
 * journal_prove(). 0, -1 raised or stopped. */
typedef int journal_line_fn(void *arg, const struct slice column[U__MAX]);
int journal_lines(const char *root, struct journal_file *f,
    journal_line_fn *each, void *arg, struct diag_sink *sink);

#endif
