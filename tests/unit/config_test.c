#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/config.h"
#include "tests/unit/suite.h"

static struct diag_list list;
static char path[64];

static struct config *
get(const char *text)
{
	FILE *f;

	snprintf(
	    path, sizeof(path), "/tmp/shikaku-config-%ld.yaml", (long)getpid());
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	diag_list_free(&list);
	diag_list_init(&list, 100, NULL, DIAG_FATAL);
	struct config *c = config_load(path, &list.sink);
	unlink(path);
	return c;
}

static void
fault_is(size_t i, int line, int column, const char *field, const char *why)
{
	CU_ASSERT_TRUE_FATAL(i < list.n);
	const struct diag *d = &list.v[i];
	CU_ASSERT_EQUAL(d->code, DIAG_CONFIG);
	CU_ASSERT_STRING_EQUAL(d->file, path);
	CU_ASSERT_EQUAL(d->line, line);
	CU_ASSERT_EQUAL(d->column, column);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d->field);
	CU_ASSERT_STRING_EQUAL(d->field, field);
	CU_ASSERT_PTR_NOT_NULL(strstr(d->detail, why));
	if (strstr(d->detail, why) == NULL)
		fprintf(stderr, "%s\n", d->detail);
}

#define ROOT "qualification:\n  root: q\n"

static void
a_file_with_one_root_has_every_default(void)
{
	struct config *c = get(ROOT);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->site_name, "shikaku");
	CU_ASSERT_STRING_EQUAL(c->folder, "/tmp");
	CU_ASSERT_STRING_EQUAL(c->qualification_root, "/tmp/q");
	CU_ASSERT_STRING_EQUAL(c->intermediate_root, "");
	CU_ASSERT_STRING_EQUAL(c->insurer_ca, "/tmp/pki/insurer-ca.pem");
	CU_ASSERT_STRING_EQUAL(c->open_key, "");
	CU_ASSERT_EQUAL(c->phase, 1);
	CU_ASSERT_EQUAL(c->institutions_max, 100);
	CU_ASSERT_FALSE(c->number_inquiry);
	CU_ASSERT_EQUAL(c->number_key, 2);
	CU_ASSERT_EQUAL(c->city_key, 0);
	CU_ASSERT_EQUAL(c->service_open, 8 * 3600000);
	CU_ASSERT_EQUAL(c->service_close, 21 * 3600000);
	CU_ASSERT_EQUAL(c->refuse_percent, 100);
	CU_ASSERT_EQUAL(c->substitute, 0x25cf);
	CU_ASSERT_EQUAL(c->port, 8443);
	CU_ASSERT_FALSE(c->stale_stops);
	config_free(c);
}

static void
values_are_taken(void)
{
	struct config *c =
	    get("site: {name: 資格 北}\n"
		"intermediate:\n  root: /srv/i\n" ROOT "phase: 2\n"
		"number_inquiry: {enabled: true, key: report}\n"
		"person_key: {city: edaban}\n"
		"service: {open: 09:30, close: \"24:00\"}\n"
		"text: {substitute: \"〓\"}\n"
		"trust: {insurer_crl: \"\"}\n"
		"responder: {port: 0, listen: \"::1\"}\n");

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->site_name, "資格 北");
	CU_ASSERT_STRING_EQUAL(c->intermediate_root, "/srv/i");
	CU_ASSERT_STRING_EQUAL(c->insurer_crl, "");
	CU_ASSERT_EQUAL(c->phase, 2);
	CU_ASSERT_TRUE(c->number_inquiry);
	CU_ASSERT_EQUAL(c->number_key, 0);
	CU_ASSERT_EQUAL(c->city_key, 1);
	CU_ASSERT_EQUAL(c->service_open, 34200000);
	CU_ASSERT_EQUAL(c->service_close, 86400000);
	CU_ASSERT_EQUAL(c->substitute, 0x3013);
	CU_ASSERT_EQUAL(c->port, 0);
	CU_ASSERT_STRING_EQUAL(c->listen, "::1");
	config_free(c);
}

static void
all_faults_come_at_once_in_the_order_of_the_file(void)
{
	struct config *c = get(ROOT "responder:\n"
				    "  prot: 1\n"
				    "  port: 70000\n"
				    "  workers: two\n"
				    "servise:\n"
				    "  open: \"08:00\"\n"
				    "phase: \"1\"\n"
				    "service: 8\n"
				    "port: 8443\n"
				    "number_inquiry:\n"
				    "  enabled: yes\n"
				    "  key: none\n"
				    "snapshots: [1]\n"
				    "qqq: 1\n");

	CU_ASSERT_PTR_NULL(c);
	CU_ASSERT_EQUAL_FATAL(list.n, 11);
	fault_is(0, 4, 3, "responder.prot", "did you mean responder.port?");
	fault_is(1, 5, 9, "responder.port", "number 0 to 65535");
	fault_is(2, 6, 12, "responder.workers", "number 1 to 256");
	fault_is(3, 7, 1, "servise", "did you mean service?");
	fault_is(4, 9, 8, "phase", "number 1 to 2");
	fault_is(5, 10, 10, "service", "keys are expected");
	fault_is(6, 11, 1, "port", "did you mean responder.port?");
	fault_is(7, 13, 12, "number_inquiry.enabled", "true or false");
	fault_is(8, 14, 8, "number_inquiry.key", "report|card_face|both");
	fault_is(9, 15, 12, "snapshots", "keys are expected");
	fault_is(10, 16, 1, "qqq", "unknown key");
	CU_ASSERT_PTR_NULL(strstr(list.v[10].detail, "mean"));
}

static void
keys_that_do_not_go_together_are_refused(void)
{
	CU_ASSERT_PTR_NULL(get("site:\n  name: x\n"));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	fault_is(0, 1, 1, "intermediate.root", "needed");
	CU_ASSERT_PTR_NULL(get(ROOT "intermediate:\n  root: q\n"));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	fault_is(0, 2, 9, "qualification.root", "share no folder");
	CU_ASSERT_PTR_NULL(get(ROOT "service: {close: \"08:00\"}\n"));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	fault_is(0, 3, 18, "service.close", "after service.open");
	CU_ASSERT_PTR_NULL(get(ROOT "keys:\n  open_key: k\n"));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	fault_is(0, 4, 3, "keys.open_key", "go together");
}

static void
odd_values_are_refused(void)
{
	static const char *const odd[] = { "service: {open: \"8:00\"}\n",
		"service: {open: \"24:01\"}\n", "service: {open: \"0800\"}\n",
		"text: {substitute: \"\"}\n", "text: {substitute: ab}\n",
		"text: {substitute: \"\xf0\xa0\xae\xb7\"}\n", /* 𠮷 */
		"trust: {card_policy: \"1..2\"}\n",
		"trust: {card_policy: \"1.2.\"}\n",
		"trust: {card_policy: \"\"}\n", "phase: 01x\n", "phase: -1\n",
		"phase: 99999999999999999999\n", "phase: 1.0\n", "phase:\n",
		"responder: {listen: \"\"}\n", "phase: {a: 1}\n",
		"masters: {senders: [a]}\n", "service: {open: \"-1:00\"}\n",
		"service: {open: \"25:00\"}\n", "service: {open: \"07:60\"}\n",
		"service: {open: \"07:x0\"}\n",
		"institutions: {roles: \"ward\"}\n",
		"institutions: {roles: \"ward all\"}\n",
		"institutions: {roles: \"ward card+number\"}\n",
		"institutions: {roles: \"ward card,,\"}\n",
		"institutions: {roles: \" card\"}\n",
		"institutions: {roles: \"a2345678901234567 card\"}\n",
		"service: {exceptions: \"2026-12-31\"}\n",
		"service: {exceptions: \"2026/12/31 closed\"}\n",
		"service: {exceptions: \"2026-12/31 closed\"}\n",
		"service: {exceptions: \"2026-12-31_closed\"}\n",
		"service: {exceptions: \"2026-02-30 closed\"}\n",
		"service: {exceptions: \"2026-12-31 open!!\"}\n",
		"service: {exceptions: \"2026-12-31 08:00_12:00\"}\n",
		"service: {exceptions: \"2026-12-31 12:00-08:00\"}\n",
		"service: {exceptions: \"2026-12-31 0x:00-08:00\"}\n",
		"service: {exceptions: \"2026-12-31 closed,,\"}\n",
		"text: {substitute: \" \"}\n",
		"text: {substitute: \"\\x81\"}\n",
		"trust: {card_policy: \"1.2x\"}\n",
		"trust: {card_policy: \".1\"}\n",
		"trust: {card_policy: \"12\"}\n",
		"trust: {card_ca: \"a\\nb\"}\n",
		"number_inquiry: {enabled: \"true\"}\n",
		"number_inquiry: {enabled: True}\n" };

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), ROOT "%s", odd[i]);
		struct config *c = get(text);
		CU_ASSERT_PTR_NULL(c);
		CU_ASSERT_EQUAL(list.n, 1);
		if (c != NULL)
			fprintf(stderr, "accepted: %s", odd[i]);
		config_free(c);
	}
}

/* 2026-12-31 is a day of its own, 2026-12-30 is none. */
static void
days_have_hours_of_their_own(void)
{
	struct config *c =
	    get(ROOT "service: {exceptions: \"2026-12-31 08:00-12:00, "
		     "2027-01-01 closed,2027-01-02 00:00-24:00\"}\n");
	int64_t from, until;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	config_hours(c, day_of(2026, 12, 30), &from, &until);
	CU_ASSERT_EQUAL(from, INT64_C(8) * 3600000);
	CU_ASSERT_EQUAL(until, INT64_C(21) * 3600000);
	config_hours(c, day_of(2026, 12, 31), &from, &until);
	CU_ASSERT_EQUAL(from, INT64_C(8) * 3600000);
	CU_ASSERT_EQUAL(until, INT64_C(12) * 3600000);
	config_hours(c, day_of(2027, 1, 1), &from, &until);
	CU_ASSERT_EQUAL(from, 0);
	CU_ASSERT_EQUAL(until, 0);
	config_hours(c, day_of(2027, 1, 2), &from, &until);
	CU_ASSERT_EQUAL(from, 0);
	CU_ASSERT_EQUAL(until, INT64_C(24) * 3600000);
	config_free(c);
}

/* number and card are asked apart; who has no role has no right. */
static void
a_role_has_its_rights(void)
{
	static const struct {
		const char *role;
		bool number, card;
	} of[] = { { "reception", true, true }, { "ward", false, true },
		{ "desk", true, false }, { "Ward", false, false },
		{ "war", false, false }, { "", false, false } };
	struct config *c =
	    get(ROOT "institutions: {roles: \"reception number+card, ward "
		     "card,desk number\"}\n");

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	for (size_t i = 0; i < 6; i++) {
		struct slice role = slice_of(of[i].role);
		CU_ASSERT_EQUAL(config_may_ask(c, role, true), of[i].number);
		CU_ASSERT_EQUAL(config_may_ask(c, role, false), of[i].card);
	}
	config_free(c);
	c = get(ROOT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT(config_may_ask(c, SLICE(""), true));
	CU_ASSERT(config_may_ask(c, SLICE("ward"), true));
	config_free(c);
}

/* Where the key is not in the file at all, the fault has a place even so. */
static void
faults_of_defaults_have_a_place(void)
{
	CU_ASSERT_PTR_NULL(get(ROOT "service: {open: \"22:00\"}\n"));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	fault_is(0, 3, 17, "service.close", "after service.open");
	CU_ASSERT_PTR_NULL(get(ROOT "keys: {open_cert: c}\n"));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	fault_is(0, 3, 8, "keys.open_cert", "go together");
	CU_ASSERT_PTR_NULL(get(ROOT "a_key_longer_than_any_that_could_be_meant"
				    "_by_whoever_wrote_it_here_in_this_file_"
				    "of_ours: 1\n"));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	CU_ASSERT_PTR_NULL(strstr(list.v[0].detail, "mean"));
}

/* The folder of relative paths is that of the file. */
static void
paths_are_beside_the_file(void)
{
	static const struct {
		const char *folder, *path, *root;
	} v[] = { { "/tmp", "shikaku-here.yaml", "./q" },
		{ "/", "tmp/shikaku-here.yaml", "tmp/q" } };
	char *here = getcwd(NULL, 0);
	FILE *f = fopen("/tmp/shikaku-here.yaml", "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(ROOT, f);
	fclose(f);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL_FATAL(chdir(v[i].folder), 0);
		struct config *c = config_load(v[i].path, &list.sink);
		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		CU_ASSERT_STRING_EQUAL(c->qualification_root, v[i].root);
		config_free(c);
	}
	CU_ASSERT_EQUAL(chdir(here), 0);
	free(here);
	unlink("/tmp/shikaku-here.yaml");
}

static void
a_file_that_is_not_there_is_a_fault(void)
{
	diag_list_free(&list);
	diag_list_init(&list, 100, NULL, DIAG_FATAL);
	CU_ASSERT_PTR_NULL(config_load("/nonexistent/site.yaml", &list.sink));
	CU_ASSERT_EQUAL(list.sink.counts[DIAG_CONFIG], 1);
}

static void
the_example_is_the_table(void)
{
	char *table = NULL, file[65536];
	size_t n = 0;
	FILE *out = open_memstream(&table, &n);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	config_describe(out);
	fclose(out);
	FILE *f = fopen("schemas/site.yaml", "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	size_t got = fread(file, 1, sizeof(file) - 1, f);
	fclose(f);
	file[got] = '\0';
	CU_ASSERT_EQUAL(got, n);
	CU_ASSERT_STRING_EQUAL(file, table);
	free(table);
	/* and it is a configuration but for the root it must be given */
	CU_ASSERT_PTR_NULL(get(file));
	CU_ASSERT_EQUAL_FATAL(list.n, 1);
	fault_is(0, 1, 1, "intermediate.root", "needed");
	diag_list_free(&list);
}

static CU_TestInfo tests[] = {
	{ "a file with one root has every default",
	    a_file_with_one_root_has_every_default },
	{ "values are taken", values_are_taken },
	{ "a role has its rights", a_role_has_its_rights },
	{ "all faults come at once in the order of the file",
	    all_faults_come_at_once_in_the_order_of_the_file },
	{ "keys that do not go together are refused",
	    keys_that_do_not_go_together_are_refused },
	{ "odd values are refused", odd_values_are_refused },
	{ "days have hours of their own", days_have_hours_of_their_own },
	{ "faults of defaults have a place", faults_of_defaults_have_a_place },
	{ "paths are beside the file", paths_are_beside_the_file },
	{ "a file that is not there is a fault",
	    a_file_that_is_not_there_is_a_fault },
	{ "the example is the table", the_example_is_the_table },
	CU_TEST_INFO_NULL,
};
SUITE(config, tests);
