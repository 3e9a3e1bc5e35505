/*
 * Faults at will: of the calls in faults.def the n-th from now fails, as on a
 * full disk, a broken disk or without memory. The linker puts them between
 * our code and the library (the Makefile's --wrap), so what runs is the code
 * that is shipped.
 */
#ifndef TESTS_UNIT_FAULTS_H
#define TESTS_UNIT_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/diag.h"

/* only: a function's name, or NULL for every one of them. */
void faults_arm(const char *only, int64_t nth, int error);
/* read(), write(), pread(), pwrite() take at most so many bytes a call, as
 * pipes and full disks do; 0: as many as asked. */
void faults_short(size_t most);
/* Whether it struck: the name of the function that failed, or NULL. */
const char *faults_disarm(void);

/*
 * One fault at a time, until the work is done without: work() returns 0 or
 * -1. Whatever failed, either it says so (-1, and with `says` a fatal
 * diagnostic) or right() still finds the result right. Returns how many calls
 * there were to fail.
 */
struct faults_work {
	const char *name;
	int (*work)(struct diag_sink *sink);
	bool (*right)(void); /* also cleans up; NULL: nothing to look at */
	bool (*tidy)(
	    void); /* after -1: nothing half made lies about; or NULL */
	bool says;
	void (*begin)(void); /* before each; or NULL */
};
int faults_sweep(const struct faults_work *w, const char *only, int error);

#endif
