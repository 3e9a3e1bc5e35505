/* What a configuration points at: is it there, and as it must be? */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/check.h"
#include "batch/partners.h"
#include "batch/spool.h"
#include "formats/codec/chain.h"
#include "formats/codec/day.h"
#include "formats/codec/seal.h"
#include "formats/codec/yaml.h"
#include "formats/limits.h"

#define SECRET_BYTES_MAX 4096
#define SOON (30 * DAY_MS)

enum side { NEITHER = 0, INTERMEDIATE = 1, QUALIFICATION = 2, EITHER = 3 };
enum what { TABLE, CA, CRL, CERT, KEY, SECRET };

/* A path of the configuration: whose, what; `beside` is the CRL of a CA, the
 * certificate of a key. */
struct target {
	const char *key;
	enum what what;
	unsigned sides;
	size_t at, beside;
};
#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct target targets[] = {
	{ "masters.senders", TABLE, EITHER, AT(senders), 0 },
	{ "masters.insurers", TABLE, EITHER, AT(insurers), 0 },
	{ "trust.insurer_ca", CA, EITHER, AT(insurer_ca), AT(insurer_crl) },
	{ "trust.insurer_crl", CRL, EITHER, AT(insurer_crl), 0 },
	{ "trust.institution_ca", CA, QUALIFICATION, AT(institution_ca), AT(institution_crl) },
	{ "trust.institution_crl", CRL, QUALIFICATION, AT(institution_crl), 0 },
	{ "trust.card_ca", CERT, QUALIFICATION, AT(card_ca), 0 },
	{ "trust.site_ca", CA, QUALIFICATION, AT(site_ca), AT(site_crl) },
	{ "trust.site_crl", CRL, QUALIFICATION, AT(site_crl), 0 },
	{ "trust.tsa_ca", CERT, QUALIFICATION, AT(tsa_ca), 0 },
	{ "keys.open_cert", CERT, EITHER, AT(open_cert), 0 },
	{ "keys.open_key", KEY, EITHER, AT(open_key), AT(open_cert) },
	{ "keys.deliver_cert", CERT, INTERMEDIATE, AT(deliver_cert), 0 },
	{ "keys.deliver_key", KEY, INTERMEDIATE, AT(deliver_key), AT(deliver_cert) },
	{ "keys.publish_cert", CERT, QUALIFICATION, AT(publish_cert), 0 },
	{ "keys.publish_key", KEY, QUALIFICATION, AT(publish_key), AT(publish_cert) },
	{ "keys.pseudonym", SECRET, INTERMEDIATE, AT(pseudonym_key), 0 },
	{ "keys.pairing", SECRET, INTERMEDIATE, AT(pairing_key), 0 },
	{ "keys.usage", SECRET, QUALIFICATION, AT(usage_key), 0 },
	{ "responder.cert", CERT, QUALIFICATION, AT(server_cert), 0 },
	{ "responder.key", KEY, QUALIFICATION, AT(server_key), AT(server_cert) },
};
/* clang-format on */
#define NTARGETS (sizeof(targets) / sizeof(targets[0]))

struct checking {
	const struct config *c;
	const struct yaml *y; /* for the places of the keys */
	const char *name;
	int64_t now;
	struct diag_sink *sink;
	int faults;
	bool there[NTARGETS];
};

static const char *
path_at(const struct config *c, size_t at)
{
	return *(const char *const *)((const char *)c + at);
}

static void
fault(struct checking *k, const char *key, enum diag_code code,
    const char *path, const char *why)
{
	const struct yaml_node *n = yaml_find(k->y, key);
	char text[SPOOL_PATH_MAX + 100];

	snprintf(text, sizeof(text), "%s: %s", path, why);
	k->faults++;
	diag_raise(k->sink,
	    &(struct diag) { .code = code,
		.file = k->name,
		.line = n == NULL ? 0 : n->value_line,
		.column = n == NULL ? 0 : n->value_column,
		.offset = -1,
		.field = key,
		.detail = text });
}

/* 64 hex digits and perhaps a newline. */
static bool
secret_ok(const char *path)
{
	size_t n, hex;
	char *b = spool_slurp(path, SECRET_BYTES_MAX, &n);

	if (b == NULL)
		return false;
	hex = strspn(b, "0123456789abcdefABCDEF");
	bool ok = hex == 64 && strspn(b + hex, "\r\n") == n - hex;
	explicit_bzero(b, n);
	free(b);
	return ok;
}

static bool
is_private(enum what what)
{
	return what == KEY || what == SECRET;
}

/* There, readable, and nobody else's if it is a key. */
static bool
is_there(struct checking *k, const struct target *t, const char *path)
{
	enum diag_code code =
	    is_private(t->what) ? DIAG_KEY_UNREADABLE : DIAG_CONFIG;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok = false;

	if (fd == -1 || fstat(fd, &st) == -1)
		fault(k, t->key, code, path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		fault(k, t->key, code, path, "not a file");
	else if (st.st_size == 0)
		fault(k, t->key, code, path, "empty");
	else if (is_private(t->what) && (st.st_mode & 077) != 0)
		fault(k, t->key, code, path, "open to others: chmod 600");
	else
		ok = true;
	if (fd != -1)
		close(fd);
	return ok;
}

static bool
beside_is_there(const struct checking *k, const struct target *t)
{
	for (size_t i = 0; i < NTARGETS; i++)
		if (targets[i].at == t->beside)
			return k->there[i] ||
			    path_at(k->c, t->beside)[0] == '\0';
	return false;
}

/* A certificate that is not good now, or soon will not be; a CRL that is out of
 * date refuses everybody. */
static void
check_period(struct checking *k, const struct target *t, const char *path)
{
	int64_t from, until;
	char why[100], day[11];

	if (chain_period(path, &from, &until) == -1)
		return; /* told by those who read it */
	day_format_iso(day_of_moment(until), day);
	snprintf(why, sizeof(why), "ends on %s", day);
	if (k->now < from)
		fault(k, t->key, DIAG_CONFIG, path, "does not begin yet");
	else if (k->now > until)
		fault(k, t->key, DIAG_CONFIG, path, why);
	else if (t->what != CRL && until - k->now < SOON) {
		fault(k, t->key, DIAG_ENDS_SOON, path, why);
		k->faults--; /* a warning */
	}
}

/* What is in it, by those who will read it. */
static void
look_inside(struct checking *k, const struct target *t, const char *path)
{
	const char *beside;
	struct seal_key *key;
	struct chain *chain;

	if (!is_private(t->what) && t->what != TABLE)
		check_period(k, t, path);
	switch (t->what) {
	case SECRET:
		if (!secret_ok(path))
			fault(k, t->key, DIAG_KEY_UNREADABLE, path,
			    "64 hex digits are expected");
		break;
	case KEY:
		if (!beside_is_there(k, t))
			break;
		key = seal_key_open(path, path_at(k->c, t->beside), k->sink);
		k->faults += key == NULL;
		seal_key_free(key);
		break;
	case CA:
		if (!beside_is_there(k, t))
			break;
		beside = path_at(k->c, t->beside);
		chain = chain_open(
		    path, beside[0] == '\0' ? NULL : beside, k->sink);
		k->faults += chain == NULL;
		chain_free(chain);
		break;
	default:
		break;
	}
}

static void
check_cards(struct checking *k)
{
	struct chain_cards *cards =
	    chain_cards_open(k->c->card_ca, k->c->card_policy, k->sink);

	k->faults += cards == NULL;
	chain_cards_free(cards);
}

static void
check_targets(struct checking *k)
{
	unsigned sides =
	    (k->c->intermediate_root[0] != '\0' ? INTERMEDIATE : 0) |
	    (k->c->qualification_root[0] != '\0' ? QUALIFICATION : 0);
	struct partners *p;

	for (size_t i = 0; i < NTARGETS; i++) {
		const char *path = path_at(k->c, targets[i].at);

		if ((targets[i].sides & sides) != 0 && path[0] != '\0')
			k->there[i] = is_there(k, &targets[i], path);
	}
	for (size_t i = 0; i < NTARGETS; i++)
		if (k->there[i])
			look_inside(
			    k, &targets[i], path_at(k->c, targets[i].at));
	for (size_t i = 0; i < NTARGETS; i++)
		if (k->there[i] && targets[i].at == AT(card_ca))
			check_cards(k);
	if (k->there[0] && k->there[1]) { /* the two tables */
		p = partners_load(k->c->senders, k->c->insurers, k->sink);
		k->faults += p == NULL;
		partners_free(p);
	}
}

int
check_config(const char *path, int64_t now, struct diag_sink *sink)
{
	struct checking k = { .name = path, .now = now, .sink = sink };
	struct config *c = config_load(path, sink);
	struct yaml *y = NULL;
	char *text;
	size_t n;

	if (c == NULL)
		return -1;
	text = spool_slurp(path, CONFIG_BYTES_MAX, &n);
	if (text != NULL)
		y = yaml_read((struct slice) { text, n }, path, sink);
	free(text);
	if (y == NULL) {
		config_free(c);
		return -1;
	}
	k.c = c;
	k.y = y;
	check_targets(&k);
	yaml_close(y);
	config_free(c);
	return k.faults > 0 ? -1 : 0;
}
