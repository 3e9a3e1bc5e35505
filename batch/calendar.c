/*
 * shikaku-calendar: business days. Takes the Cabinet Office's table of
 * holidays in, says what a day is, and whether a rule of a job net names it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/holidays.h"
#include "batch/publish.h"
#include "batch/run.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

enum { LIST = 256, RULE };

struct request {
	struct run run;
	const char *import, *rule;
	int year;
	struct holidays *holidays;
};

static int
option(void *arg, int letter, const char *value)
{
	struct request *q = arg;

	switch (letter) {
	case 'i':
		q->import = value;
		return 0;
	case RULE:
		q->rule = value;
		return 0;
	case LIST:
		q->year = strlen(value) == 4 ?
		    (int)slice_number(slice_of(value)) :
		    -1;
		return q->year > 0 ? 0 : -1;
	default:
		return -1;
	}
}

static int
io(struct request *q, const char *path)
{
	diag_file(&q->run.log.sink, DIAG_IO, path, "%s", strerror(errno));
	run_worst(&q->run, EXIT_TEMPORARY);
	return -1;
}

/* Only a table that is whole takes the place of the one in use. */
static int
import(struct request *q)
{
	const char *to = q->run.config->holidays, *slash = strrchr(to, '/');
	char dir[SPOOL_PATH_MAX], temp[SPOOL_PATH_MAX + 32], a[11], b[11];
	int32_t first, last;
	size_t n = 0;
	char *all;
	FILE *f;

	if (to[0] == '\0' || slash == NULL) {
		diag_file(&q->run.log.sink, DIAG_HOLIDAY_TABLE,
		    "masters.holidays", "is not set: nowhere to put it");
		run_worst(&q->run, EXIT_CONFIG);
		return -1;
	}
	q->holidays = holidays_read(q->import, &q->run.log.sink);
	if (q->holidays == NULL) {
		run_worst(&q->run, EXIT_INPUT);
		return -1;
	}
	holidays_span(q->holidays, &first, &last);
	day_format_iso(first, a);
	day_format_iso(last, b);
	printf("%s to %s / 収録期間\n", a, b);
	if (q->run.dry)
		return 0;
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - to), to);
	snprintf(temp, sizeof(temp), "%s/.holidays.%ld", dir, (long)getpid());
	if ((all = spool_slurp(q->import, (size_t)1 << 20, &n)) == NULL)
		return io(q, q->import);
	f = fopen(temp, "we");
	if (f == NULL || fwrite(all, 1, n, f) != n || fflush(f) != 0 ||
	    fsync(fileno(f)) == -1) {
		if (f != NULL)
			fclose(f);
		unlink(temp);
		free(all);
		return io(q, temp);
	}
	fclose(f);
	free(all);
	return publish_rename(temp, dir, slash + 1) == -1 ? io(q, to) : 0;
}

static int
open_table(struct request *q)
{
	const char *path = q->run.config->holidays;

	if (path[0] == '\0')
		return 0; /* rules that need none are answered */
	q->holidays = holidays_read(path, &q->run.log.sink);
	if (q->holidays != NULL)
		return 0;
	run_worst(&q->run, EXIT_CONFIG);
	return -1;
}

static int
list(struct request *q)
{
	char iso[11];
	const char *name;

	for (int32_t d = day_of(q->year, 1, 1); d <= day_of(q->year, 12, 31);
	     d++) {
		if (holidays_business(q->holidays, d, &q->run.log.sink) == -1) {
			run_worst(&q->run, EXIT_CONFIG);
			return -1;
		}
		name = holidays_name(q->holidays, d);
		day_format_iso(d, iso);
		if (name != NULL)
			printf("%s\t%s\n", iso, name);
	}
	return 0;
}

/* For ExecCondition= and its like: 0 due, 1 not. */
static int
judge(struct request *q)
{
	struct day_rule rule;
	int due;

	if (day_rule_parse(q->rule, &rule) == -1) {
		fprintf(stderr,
		    "shikaku-calendar: --rule %s: see "
		    "shikaku-jobs(8), CALENDARS\n",
		    q->rule);
		run_worst(&q->run, EXIT_BAD_USAGE);
		return -1;
	}
	due = day_rule_due(&rule, q->holidays, q->run.day, &q->run.log.sink);
	if (due == -1)
		run_worst(&q->run, EXIT_CONFIG);
	else if (due == 0)
		run_worst(&q->run, EXIT_NOTHING);
	return 0;
}

static int
say(struct request *q)
{
	static const char *const weekdays[] = { "日", "月", "火", "水", "木",
		"金", "土" };
	int b = holidays_business(q->holidays, q->run.day, &q->run.log.sink);
	const char *name;
	char iso[11];

	if (b == -1) {
		run_worst(&q->run, EXIT_CONFIG);
		return -1;
	}
	name = holidays_name(q->holidays, q->run.day);
	day_format_iso(q->run.day, iso);
	printf("%s (%s) %s%s%s\n", iso, weekdays[day_weekday(q->run.day)],
	    b == 1 ? "business day / 営業日" : "closed / 休業日",
	    name != NULL ? ": " : "", name != NULL ? name : "");
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct run_long longs[] = {
		{ "import", 'i', true },
		{ "list", LIST, true },
		{ "rule", RULE, true },
		{ NULL, 0, false },
	};
	static const char usage[] =
	    "shikaku-calendar -c SITE.yaml [-D YYYY-MM-DD]\n"
	    "       shikaku-calendar -c SITE.yaml --import syukujitsu.csv\n"
	    "       shikaku-calendar -c SITE.yaml --list YEAR\n"
	    "       shikaku-calendar -c SITE.yaml --rule RULE [-D "
	    "YYYY-MM-DD]\n"
	    "  nothing  is the day a business day?\n"
	    "  --rule   exit 0 if the rule of a job net names the day, else "
	    "1\n";
	struct request q = { .year = 0 };
	struct run_options extra = { .operands = true,
		.letters = "i:",
		.longs = longs,
		.option = option,
		.arg = &q,
		.usage = usage,
		.days_to_come = true };

	if (run_begin(&q.run, "calendar", argc, argv, &extra) == 0) {
		q.run.silent = true;
		if (q.run.argc > 0) {
			fprintf(stderr, "usage: %s", usage);
			run_worst(&q.run, EXIT_BAD_USAGE);
		} else if (q.import != NULL)
			import(&q);
		else if (open_table(&q) == 0) {
			if (q.rule != NULL)
				judge(&q);
			else if (q.year != 0)
				list(&q);
			else
				say(&q);
		}
	}
	holidays_free(q.holidays);
	return run_end(&q.run);
}
