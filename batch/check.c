/*
 * shikaku-check: says what is wrong before somebody else has to.
 *
 *  --config SITE.yaml   the configuration and the files it names
 *  FILE                 a record file, before it is sent
 *  -c SITE.yaml         the roots: does the ledger agree with the folders?
 *  --describe LAYOUT    what a file has to look like
 */
#include <string.h>

#include "batch/check.h"
#include "batch/lenient.h"

enum { WITH_ROWS = 256, TO_CSV, TO_CP932, TO_XLSX, DESCRIBE, AS, AGREED };
static const struct run_long longs[] = {
	{ "with-rows", WITH_ROWS, false },
	{ "csv", TO_CSV, true },
	{ "cp932", TO_CP932, true },
	{ "xlsx", TO_XLSX, true },
	{ "describe", DESCRIBE, false },
	{ "as", AS, true },
	{ "agreed", AGREED, true },
	{ NULL, 0, false },
};

static int
option(void *arg, int letter, const char *value)
{
	struct check_wish *w = arg;

	switch (letter) {
	case 'f':
		w->told.layout = value;
		return 0;
	case 's':
		w->told.syntax = value;
		return 0;
	case 'e':
		w->told.charset = value;
		return 0;
	case WITH_ROWS:
		w->with_rows = true;
		return 0;
	case TO_CSV:
		w->csv = value;
		return 0;
	case TO_CP932:
		w->cp932 = value;
		return 0;
	case TO_XLSX:
		w->xlsx = value;
		return 0;
	case DESCRIBE:
		w->describe = true;
		return 0;
	case AS:
		w->as = value;
		return 0;
	case AGREED:
		w->told.agreed |= lenient_named(value);
		return lenient_named(value) != 0 ? 0 : -1;
	}
	return -1;
}

static void
roots(struct run *run)
{
	const struct config *c = run->config;

	if (c->intermediate_root[0] != '\0')
		check_root(run, c->intermediate_root, false);
	if (c->qualification_root[0] != '\0')
		check_root(run, c->qualification_root, true);
}

static void
one_config(struct run *run, const char *path)
{
	int64_t n = 0;

	run->silent = true;
	if (check_config(path, run->now, &run->log.sink) == -1)
		run_worst(run, EXIT_CONFIG);
	for (int i = DIAG_WARNING; i <= DIAG_FATAL; i++)
		n += run->log.sink.levels[i];
	printf("shikaku-check: %s: problems=%lld exit=%d\n", path, (long long)n,
	    run->exit);
}

int
main(int argc, char **argv)
{
	struct check_wish wish = { .csv = NULL };
	struct run_options extra = {
		.operands = true,
		.no_config = true,
		.letters = "f:s:e:",
		.longs = longs,
		.option = option,
		.arg = &wish,
		.usage =
		    "shikaku-check --config SITE.yaml\n"
		    "       shikaku-check [-f LAYOUT] [-s SYNTAX] [-e CHARSET] "
		    "[-D YYYY-MM-DD]\n"
		    "           [--with-rows] [--csv OUT] [--cp932 OUT] "
		    "[--xlsx OUT]\n"
		    "           [--agreed LENIENCY]... FILE...\n"
		    "       shikaku-check -c SITE.yaml [-v]\n"
		    "       shikaku-check --describe [--as FORM] [LAYOUT...]\n"
		    "  --config what is wrong with a configuration\n"
		    "  FILE     what the receiver would say of a record file\n"
		    "  -c FILE  do the roots of a site keep their promises\n"
		    "  -f LAYOUT, -s csv|fixed|xml, -e utf8|utf8-bom|cp932\n"
		    "           where name and bytes of the file do not say\n"
		    "  --with-rows beside each problem its row as sent (for "
		    "yourself, not to pass on)\n"
		    "  --agreed   what the receiver has agreed to overlook "
		    "(shikaku-ingest(8))\n"
		    "  --describe the table of a layout; none named: the list "
		    "of all\n"
		    "  --as FORM  md (default), html, xlsx, yaml, xsd, man\n"
		    "  --csv, --cp932, --xlsx where the list goes; default: CSV "
		    "on stdout\n",
	};
	bool only_config = argc == 3 && strcmp(argv[1], "--config") == 0;
	struct run run;

	if (run_begin(&run, "check", only_config ? 1 : argc, argv, &extra) ==
	    -1)
		return run_end(&run);
	if (only_config)
		one_config(&run, argv[2]);
	else if (wish.describe)
		check_describe(&run, wish.as);
	else if (run.config == NULL && run.argc == 0) {
		fputs("shikaku-check: name a FILE, or a site by -c or --config "
		      "(-h: help)\n",
		    stderr);
		run.silent = true;
		run_worst(&run, EXIT_BAD_USAGE);
	} else if (run.argc > 0) {
		run.silent = true;
		check_files(&run, &wish);
	} else
		roots(&run);
	if (run_stopped())
		run_worst(&run, EXIT_STOPPED);
	return run_end(&run);
}
