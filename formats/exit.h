/*
 * Exit status of every program, monotone so that thresholds and ranges of a
 * scheduler work (JP1 wth/tho, Hinemos ranges). The worst thing seen decides;
 * 0 only if every promise of the run is durable.
 */
#ifndef FORMATS_EXIT_H
#define FORMATS_EXIT_H

enum exit_code {
	EXIT_OK = 0,
	EXIT_NOTHING = 1, /* nothing to do */
	EXIT_RECORDS = 4, /* done; some records refused */
	EXIT_FILES = 5, /* done; some files refused or held */
	EXIT_NOT_READY = 8,
	EXIT_WINDOW = 9, /* outside the window */
	EXIT_LOCKED = 10, /* another run holds the lock */
	EXIT_TEMPORARY = 11, /* disk full, I/O: again later */
	EXIT_STOPPED = 12, /* asked to stop; restart point saved */
	EXIT_DEADLINE = 13,
	EXIT_BAD_USAGE = 32,
	EXIT_CONFIG = 33,
	EXIT_INPUT = 34, /* whole input refused */
	EXIT_GUARD = 35, /* outside guard bands; publish withheld */
	EXIT_INTEGRITY = 36,
	EXIT_BUG = 64
};

#endif
