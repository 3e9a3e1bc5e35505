/*
 * The error list into a sender's out box, in its three forms:
 * STEM.errors.csv, STEM.errors.cp932.csv, STEM.errors.xlsx; and with them, for
 * one sync of the folder, the check result.
 */
#ifndef BATCH_RETURNS_H
#define BATCH_RETURNS_H

#include "formats/error_list.h"
#include "formats/filename.h"

struct returns {
	const char *root;
	struct filename id;
	const char *sha256; /* of the upload */
	int64_t max; /* errors.max_rows */
	/* STEM.check.yaml, written and shown with the lists; NULL: none */
	void (*result)(void *arg, FILE *out);
};
/* fill() hands the rows over. -1: errno. */
int returns_errors(const struct returns *r,
    int (*fill)(void *arg, struct error_writer *w), void *arg);

#endif
