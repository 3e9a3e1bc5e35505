/* Accepted uploads of both sides -> segments, check results, error lists. */
#include <string.h>

#include "batch/ingest.h"
#include "formats/nhi.h"

#define CA_BYTES 20
#define SERIAL_BYTES (SEGMENT_KEY_SIZE - CA_BYTES)

static int
shikaku_take(
    struct ingest_upload *u, struct ingest_member *m, struct record *rec)
{
	const struct insurer *in =
	    ingest_insurer(u, rec->v[Q_INSURER_NUMBER].s);
	struct typed_key key;

	if (in == NULL) {
		ingest_refuse(
		    m, rec, DIAG_UNKNOWN_INSURER, Q_INSURER_NUMBER, NULL);
		return ingest_keep(u, rec);
	}
	if (!slice_is(rec->v[Q_INSURER_CODE].s, in->code)) {
		ingest_refuse(
		    m, rec, DIAG_INSURER_CODE_MISMATCH, Q_INSURER_CODE, NULL);
		u->unsure = true;
		return 0;
	}
	typed_key_make(
	    &key, 'E', rec->v[Q_INSURER_CODE].s, rec->v[Q_PERSON_ID].s);
	return ingest_add_period(u, in->number8, key.b, rec);
}

static int
shikaku_read(struct ingest_upload *u)
{
	u->head.scheme = 'E';
	return ingest_each(u, 0, shikaku_take);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) - 'a' + 10;
}

/* CA and serial as bytes, the serial right-aligned; false: it does not fit,
 * which no serial of at most 12 octets does. */
static bool
card_key(char key[SEGMENT_KEY_SIZE], struct slice ca, struct slice serial)
{
	char *p = key + SEGMENT_KEY_SIZE;

	while (serial.n > 2 && memcmp(serial.p, "00", 2) == 0) {
		serial.p += 2;
		serial.n -= 2;
	}
	if (ca.n != 2 * CA_BYTES || serial.n > 2 * SERIAL_BYTES)
		return false;
	memset(key, 0, SEGMENT_KEY_SIZE);
	for (size_t i = 0; i < CA_BYTES; i++)
		key[i] = (char)(hex_digit(ca.p[2 * i]) << 4 |
		    hex_digit(ca.p[2 * i + 1]));
	for (size_t i = serial.n; i >= 2; i -= 2)
		*--p = (char)(hex_digit(serial.p[i - 2]) << 4 |
		    hex_digit(serial.p[i - 1]));
	return true;
}

static int
link_take(struct ingest_upload *u, struct ingest_member *m, struct record *rec)
{
	char key[SEGMENT_KEY_SIZE];

	if (card_key(key, rec->v[L_CA].s, rec->v[L_SERIAL].s))
		return ingest_add(u, key, rec);
	ingest_refuse(m, rec, DIAG_BAD_PATTERN, L_SERIAL, "at most 12 octets");
	return 0;
}

static int
link_read(struct ingest_upload *u)
{
	return ingest_each(u, 0, link_take);
}

static int
institution_take(
    struct ingest_upload *u, struct ingest_member *m, struct record *rec)
{
	char key[SEGMENT_KEY_SIZE] = { 0 };

	(void)m;
	memcpy(key, rec->v[I_CODE].s.p, rec->v[I_CODE].s.n);
	return ingest_add(u, key, rec);
}

static int
institution_read(struct ingest_upload *u)
{
	return ingest_each(u, 0, institution_take);
}

/* Whose key becomes which: the row goes under the old key. Before the site
 * itself has gone over, what NHI sends would make everybody twice. */
static int
rekey_take(struct ingest_upload *u, struct ingest_member *m, struct record *rec)
{
	const struct insurer *in =
	    ingest_insurer(u, rec->v[RK_INSURER_NUMBER].s);
	struct typed_key from, to;

	if (in == NULL) {
		ingest_refuse(
		    m, rec, DIAG_UNKNOWN_INSURER, RK_INSURER_NUMBER, NULL);
		return 0;
	}
	if (!slice_is(rec->v[RK_INSURER_CODE].s, in->code)) {
		ingest_refuse(
		    m, rec, DIAG_INSURER_CODE_MISMATCH, RK_INSURER_CODE, NULL);
		return 0;
	}
	typed_key_make(&from, 'C', slice_of(in->number8), rec->v[RK_OLD_ID].s);
	typed_key_make(&to, 'E', slice_of(in->code), rec->v[RK_PERSON_ID].s);
	return ingest_add_bytes(u, from.b, rec->number, typed_key_text(&to));
}

static int
rekey_read(struct ingest_upload *u)
{
	if (u->run->config->city_key == 0)
		diag_file(&u->member[0].faults.sink, DIAG_REKEY_EARLY, u->stem,
		    "%s", "");
	u->head.scheme = 'C';
	return ingest_each(u, 0, rekey_take);
}

/* codes is taken by shikaku-codes, crl by shikaku-revoke. */
static const struct ingest_feed intermediate[] = {
	{ FEED_SHIKAKU, SEGMENT_PERIOD, { &qualification_layout, NULL },
	    shikaku_read },
	{ FEED_NHI, SEGMENT_PERIOD, { &household_layout, &person_layout },
	    ingest_nhi_read },
	{ FEED_REKEY, SEGMENT_REKEY, { &rekey_layout, NULL }, rekey_read },
	{ FEED__MAX, SEGMENT__MAX, { NULL, NULL }, NULL },
};
static const struct ingest_feed qualification[] = {
	{ FEED_PACKAGE, SEGMENT_PERIOD, { NULL, NULL }, ingest_package_read },
	{ FEED_LINK, SEGMENT_CARD, { &link_layout, NULL }, link_read },
	{ FEED_INSTITUTION, SEGMENT_INSTITUTION, { &institution_layout, NULL },
	    institution_read },
	{ FEED__MAX, SEGMENT__MAX, { NULL, NULL }, NULL },
};

enum { RELEASE = 256, REFUSE, WHY };
static const struct run_long longs[] = {
	{ "release", RELEASE, true },
	{ "refuse", REFUSE, true },
	{ "why", WHY, true },
	{ NULL, 0, false },
};

static int
option(void *arg, int letter, const char *value)
{
	struct ingest_orders *o = arg;

	if (letter == WHY) {
		o->why = value;
		return 0;
	}
	if ((letter != RELEASE && letter != REFUSE) ||
	    o->n == INGEST_ORDERS_MAX)
		return -1;
	o->v[o->n++] =
	    (struct ingest_order) { .stem = value, .refuse = letter == REFUSE };
	return 0;
}

/* One reason for all that is said in one call; nothing is decided without. */
static int
give_why(struct ingest_orders *o)
{
	if (o->n > 0 && (o->why == NULL || o->why[0] == '\0')) {
		fputs("shikaku-ingest: --why TEXT says why\n", stderr);
		return -1;
	}
	for (int i = 0; i < o->n; i++)
		o->v[i].why = o->why;
	return 0;
}

static void
name_unmet(struct run *run, const struct ingest_orders *o)
{
	for (int i = 0; i < o->n; i++)
		if (!o->v[i].done) {
			diag_file(&run->log.sink, DIAG_NOT_HELD, o->v[i].stem,
			    "the upload as a whole");
			run_worst(run, EXIT_BAD_USAGE);
		}
}

int
main(int argc, char **argv)
{
	struct ingest_orders orders = { .n = 0 };
	const struct run_options extra = { .letters = "",
		.longs = longs,
		.option = option,
		.arg = &orders,
		.usage = "shikaku-ingest -c SITE.yaml [-nv] [-D "
			 "YYYY-MM-DD]\n"
			 "                      [--release STEM]... [--refuse "
			 "STEM]... [--why TEXT]\n" };
	struct run run;
	struct partners *partners = NULL;
	const struct config *c;

	if (run_begin(&run, "ingest", argc, argv, &extra) == -1)
		return run_end(&run);
	if (give_why(&orders) == -1) {
		run_worst(&run, EXIT_BAD_USAGE);
		return run_end(&run);
	}
	c = run.config;
	partners = partners_load(c->senders, c->insurers, &run.log.sink);
	if (partners == NULL) {
		run_worst(&run, EXIT_CONFIG);
		return run_end(&run);
	}
	if (c->intermediate_root[0] == '\0' ||
	    ingest_side(&run, c->intermediate_root, intermediate, partners,
		&orders, NULL) == 0)
		if (c->qualification_root[0] != '\0')
			ingest_side(&run, c->qualification_root, qualification,
			    partners, &orders, NULL);
	name_unmet(&run, &orders);
	run_note(&run, "held", run.held);
	run_note(&run, "held_files", run.files_held);
	run_note(&run, "my_numbers", run.alarms);
	if (run.files == 0)
		run_worst(&run, EXIT_NOTHING);
	partners_free(partners);
	return run_end(&run);
}
