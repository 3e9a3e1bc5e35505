/*
 * The three things shikaku-check looks at: a configuration, a record file
 * before it is sent, a root. Each says all it finds. And the tables it judges
 * by, to be read.
 */
#ifndef BATCH_CHECK_H
#define BATCH_CHECK_H

#include "batch/identify.h"
#include "batch/run.h"

/* The keys, then what they point at: files there, keys owner-only and fitting
 * their certificates, trust and tables readable. 0, -1 raised. */
int check_config(const char *path, int64_t now, struct diag_sink *sink);

/* Record files before they are sent. Where no list is asked for by name, it
 * goes to stdout as CSV in UTF-8. */
struct check_wish {
	struct identify_options told;
	const char *csv, *cp932, *xlsx; /* files to write; NULL: not wanted */
	bool with_rows; /* whole keys, and each row as sent */
	bool describe; /* --describe: no files are looked at */
	const char *as; /* --as; NULL: md */
};
/* What the receiver would say of run->argv. Raises the run's exit: 0, 4, 34;
 * 11 where a list could not be written. */
void check_files(struct run *run, const struct check_wish *wish);

/* Tables of the layouts run->argv names, to stdout in the form `as` (NULL:
 * Markdown); without a name the list of all, or all in one page or workbook.
 * Raises the run's exit: 0, 32. */
void check_describe(struct run *run, const char *as);

/* Ledger against folders, segments, published set. 36 where they differ. */
void check_root(struct run *run, const char *root, bool qualification);

#endif
