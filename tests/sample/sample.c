/*
 * shikaku-sample: a synthetic country and everything it sends. See
 * sample.8; the country is country.c, the files senders.c and feeds.c, the
 * TEST PKI pki.c, faults on purpose faults.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/exit.h"
#include "tests/sample/faults.h"

struct options {
	const char *config;
	int64_t people;
	uint64_t seed;
	double rate; /* < 0: no faults */
	int32_t day;
	int next;
	bool changes;
};

static int
usage(FILE *out, int status)
{
	fputs("usage: shikaku-sample -c SITE.yaml [--people N] [--seed S] "
	      "[-D YYYY-MM-DD]\n"
	      "                      [--faults RATE] [--next K]\n"
	      "       shikaku-sample -c SITE.yaml --changes -D YYYY-MM-DD\n",
	    out);
	return status;
}

static int
number(const char *text, int64_t low, int64_t high, int64_t *out)
{
	*out = slice_number(slice_of(text));
	return *out < low || *out > high ? -1 : 0;
}

static int
option(struct options *o, int letter, const char *value)
{
	int64_t n;
	char *end;

	switch (letter) {
	case 'c':
		o->config = value;
		return 0;
	case 'D':
		o->day = day_parse_iso(slice_of(value));
		return o->day == DAY_NONE ? -1 : 0;
	case 'p':
		return number(value, 1000, 134000000, &o->people);
	case 's':
		if (number(value, 0, INT64_MAX, &n) == -1)
			return -1;
		o->seed = (uint64_t)n;
		return 0;
	case 'f':
		o->rate = strtod(value, &end);
		return *end != '\0' || o->rate < 0 || o->rate > 0.5 ? -1 : 0;
	case 'k':
		if (number(value, 1, 600, &n) == -1)
			return -1;
		o->next = (int)n;
		return 0;
	case 'C':
		o->changes = true;
		return 0;
	default:
		return -1;
	}
}

static int
options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "people", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ "faults", required_argument, NULL, 'f' },
		{ "day", required_argument, NULL, 'D' },
		{ "next", required_argument, NULL, 'k' },
		{ "changes", no_argument, NULL, 'C' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	*o = (struct options) {
		.people = 10000, .seed = 1, .rate = -1, .day = DAY_NONE
	};
	while ((letter = getopt_long(argc, argv, "c:D:", longs, NULL)) != -1)
		if (option(o, letter, optarg) == -1)
			return -1;
	if (o->config == NULL || optind != argc ||
	    (o->changes && o->day == DAY_NONE))
		return -1;
	if (o->day == DAY_NONE)
		o->day = day_of_moment((int64_t)time(NULL) * 1000);
	return 0;
}

/* ---- what a later run needs to know of the first ---- */

static void
state_path(const struct sample *s, char out[512])
{
	struct buf b;

	buf_init(&b, out, 512);
	buf_printf(&b, "%s/sample.state", s->folder);
}

static int
state_write(const struct sample *s, const struct options *o)
{
	char path[512], day[11];
	FILE *f;

	state_path(s, path);
	day_format_iso(s->first, day);
	f = fopen(path, "we");
	if (f == NULL)
		return sample_failed("cannot write", path);
	fprintf(f, "people %lld\nseed %llu\nday %s\nfaults %d\n",
	    (long long)o->people, (unsigned long long)o->seed, day,
	    o->rate >= 0);
	return fclose(f) == 0 ? 0 : sample_failed("cannot write", path);
}

static int
state_read(struct sample *s, struct options *o)
{
	char path[512], day[16] = "";
	long long people = 0;
	unsigned long long seed = 0;
	int faults = 0;
	FILE *f;
	int n;

	state_path(s, path);
	f = fopen(path, "re");
	if (f == NULL)
		return sample_failed("no first delivery:", path);
	n = fscanf(f, "people %lld seed %llu day %15s faults %d", &people,
	    &seed, day, &faults);
	fclose(f);
	s->first = day_parse_iso(slice_of(day));
	if (n != 4 || s->first == DAY_NONE) {
		fprintf(stderr, "shikaku-sample: %s is damaged\n", path);
		return -1;
	}
	o->people = people;
	o->seed = seed;
	return 0;
}

/* ---- one delivery ---- */

static void
line(struct sample *s, const char *what, int64_t *records, double *began)
{
	struct timespec t;
	double now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	if (what != NULL)
		printf("  %-24s %10lld records %8.1f s\n", what,
		    (long long)(s->records - *records), now - *began);
	*records = s->records;
	*began = now;
}

struct step {
	const char *name;
	int (*run)(struct sample *s);
	bool first_only;
};

static int
keys_and_tables(struct sample *s)
{
	if (pki_site(s->pki) == -1 || senders_keys(s) == -1)
		return -1;
	return senders_tables(s);
}

static int
insured(struct sample *s)
{
	return s->k == 0 ? senders_full(s) : senders_changes(s);
}

static int
deliver(struct sample *s)
{
	static const struct step steps[] = {
		{ "keys and partner tables", keys_and_tables, true },
		{ "insurers, federations", insured, false },
		{ "codes", feeds_codes, false },
		{ "card links", feeds_link, false },
		{ "revocation lists", feeds_crl, false },
		{ "institutions", feeds_institutions, true },
		{ "test cards, questions", people_cards, true },
		{ "whole-file faults", faults_files, false },
	};
	int64_t records = s->records;
	double began;
	char day[11];

	s->day = s->first + s->k;
	s->now = day_moment(s->day, INT64_C(19) * 3600 * 1000);
	day_format_iso(s->day, day);
	printf("shikaku-sample: %s, %s, %lld people\n", day,
	    s->k == 0 ? "full delivery" : "changes", (long long)s->c->people);
	line(s, NULL, &records, &began);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if ((steps[i].first_only && s->k > 0) ||
		    (steps[i].run == faults_files && s->faults == NULL))
			continue;
		if (steps[i].run(s) == -1)
			return -1;
		line(s, steps[i].name, &records, &began);
		fflush(stdout);
	}
	return 0;
}

/* pki/ and sample.work/ beside site.yaml. */
static int
folders(struct sample *s)
{
	struct buf b;

	buf_init(&b, s->folder, sizeof(s->folder));
	buf_puts(&b, s->config->folder[0] ? s->config->folder : ".");
	buf_init(&b, s->pki_dir, sizeof(s->pki_dir));
	buf_printf(&b, "%s/pki", s->folder);
	buf_init(&b, s->work, sizeof(s->work));
	buf_printf(&b, "%s/sample.work", s->folder);
	if (s->config->intermediate_root[0] == '\0' ||
	    s->config->qualification_root[0] == '\0') {
		fprintf(stderr,
		    "shikaku-sample: the configuration must name "
		    "both roots\n");
		return -1;
	}
	return sample_make_dirs(s->work);
}

static int
work(struct sample *s, struct options *o)
{
	int r;

	if (o->changes && state_read(s, o) == -1)
		return -1;
	if (!o->changes)
		s->first = o->day;
	if (o->changes && o->day <= s->first) {
		fprintf(stderr,
		    "shikaku-sample: changes are of a day after "
		    "the first delivery\n");
		return -1;
	}
	s->c = country_new(o->seed, o->people, s->first);
	s->pki = pki_open(s->config, s->pki_dir, s->first, o->seed);
	if (s->pki == NULL)
		return -1;
	s->k = o->changes ? o->day - s->first : 0;
	if (o->rate >= 0)
		s->faults = faults_new(s, o->rate);
	r = deliver(s);
	if (r == 0 && o->next > 0 && !o->changes) {
		s->k = o->next;
		r = deliver(s);
	}
	if (s->faults != NULL && faults_free(s->faults) == -1)
		r = -1;
	if (r == 0 && !o->changes)
		r = state_write(s, o);
	rmdir(s->work);
	return r;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct sample s = { 0 };
	int r;

	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		return usage(stdout, EXIT_OK);
	if (options(&o, argc, argv) == -1)
		return usage(stderr, EXIT_BAD_USAGE);
	diag_log_init(&s.log, "shikaku-sample", stderr);
	s.config = config_load(o.config, &s.log.sink);
	if (s.config == NULL)
		return EXIT_CONFIG;
	r = folders(&s) == -1 ? EXIT_CONFIG : EXIT_OK;
	if (r == EXIT_OK && work(&s, &o) == -1)
		r = EXIT_TEMPORARY;
	if (r == EXIT_OK)
		printf("shikaku-sample: records=%lld uploads=%lld bytes=%lld "
		       "exit=0\n",
		    (long long)s.records, (long long)s.uploads,
		    (long long)s.bytes);
	pki_close(s.pki);
	country_free(s.c);
	config_free(s.config);
	return r;
}
