/*
 * Any file of ours as readable text, private fields masked unless asked
 * otherwise. One function per kind of file; each prints what it can and
 * raises what it cannot.
 */
#ifndef BATCH_INSPECT_H
#define BATCH_INSPECT_H

#include "batch/identify.h"
#include "batch/run.h"

struct inspect {
	struct run *run;
	struct identify_options told;
	const char *table; /* -t */
	bool unmask; /* -u */
	int64_t rows; /* -l: rows shown; 0: all */
};

/* 0, or -1 raised. name: for diagnostics. */
int inspect_records(const struct inspect *i, const char *path, int fd);
int inspect_segment(const struct inspect *i, const char *path);
int inspect_snapshot(const struct inspect *i, const char *path);
int inspect_yaml(const struct inspect *i, const char *path);
int inspect_zip(const struct inspect *i, const char *path, int fd);
int inspect_sealed(const struct inspect *i, const char *path, int fd);

#endif
