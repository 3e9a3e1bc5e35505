/*
 * shikaku-status: what became of an upload, and of last night.
 *
 *  RECEIPT, STEM or FILE...   arrived, held, checked, delivered, reflected
 *  (nothing)                  one word and an exit status for a monitor
 */
#include "batch/status.h"
#include "formats/codec/day.h"

/* The night that should be over: of yesterday from 08:00 on. */
static int32_t
last_night(const struct run *run)
{
	return run->day_given ? run->day : run->day - 1;
}

int
main(int argc, char **argv)
{
	struct run_options extra = {
		.operands = true,
		.usage =
		    "shikaku-status -c SITE.yaml [-D YYYY-MM-DD]\n"
		    "       shikaku-status -c SITE.yaml RECEIPT|STEM...\n"
		    "  nothing  last night in one word; exit 0 OK, 1 WARNING, 2 "
		    "CRITICAL, 3 UNKNOWN\n"
		    "  RECEIPT  what became of an upload, by its receipt number "
		    "or name\n",
	};
	enum verdict v = NIGHT_UNKNOWN;
	struct run run;
	int exit;

	if (run_begin(&run, "status", argc, argv, &extra) == -1) {
		bool asked = run.argc > 0 || run.exit != EXIT_CONFIG;

		if (!asked)
			puts("UNKNOWN: the configuration is wrong: see "
			     "shikaku-check --config / "
			     "設定に誤りがあります");
		run.silent = true;
		exit = run_end(&run);
		return asked ? exit : NIGHT_UNKNOWN;
	}
	run.silent = true;
	if (run.argc == 0) {
		v = status_night(&run, last_night(&run));
		run_end(&run);
		return (int)v;
	}
	for (int i = 0; i < run.argc && !run_stopped(); i++)
		status_upload(&run, run.argv[i], i == 0);
	return run_end(&run);
}
