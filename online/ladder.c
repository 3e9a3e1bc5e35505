/*
 * What a question has to pass before it is answered, rung by rung: HTTP,
 * certificate, path and form, rate, text, hour, institution, account.
 */
#include "online/serving.h"

#include <string.h>

#include "formats/codec/day.h"
#include "online/limit.h"

static const struct {
	const char *path, *method;
	int action;
} paths[] = { { "/oqs-api/search", "POST", 'S' },
	{ "/oqs-api/challenge", "POST", 'C' }, { "/healthz", "GET", 'H' },
	{ "/readyz", "GET", 'R' } };

/* What is asked of us; 0: nothing we know. *allow: the path's method, NULL
 * where there is no such path. */
int
ladder_action(const struct http_request *r, const char **allow)
{
	*allow = NULL;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!slice_is(http_path(r), paths[i].path))
			continue;
		*allow = paths[i].method;
		return slice_is(http_method(r), paths[i].method) ?
		    paths[i].action :
		    0;
	}
	return 0;
}

/* What is wrong with a request as HTTP: who wrote the software must act. */
static const char *
http_code(int status)
{
	static const struct {
		int status;
		const char *code;
	} of[] = { { 404, "OE1011" }, { 405, "OE1012" }, { 415, "OE1013" },
		{ 411, "OE1015" }, { 413, "OE1003" }, { 431, "OE1016" },
		{ 417, "OE1017" } };

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (of[i].status == status)
			return of[i].code;
	return "OE1014"; /* 400 */
}

/* Of a media type, whatever its parameters; -1: not one of ours. */
static int
wire_of(struct slice type)
{
	static const struct {
		const char *type;
		enum query_wire wire;
	} of[] = { { "application/json", QUERY_JSON },
		{ "application/xml", QUERY_XML }, { "text/xml", QUERY_XML },
		{ "application/fhir+json", QUERY_FHIR } };
	const char *end = type.n == 0 ? NULL : memchr(type.p, ';', type.n);

	if (end != NULL)
		type.n = (size_t)(end - type.p);
	type = slice_trim(type);
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (slice_is(type, of[i].type))
			return (int)of[i].wire;
	return -1;
}

/* The first of ours in Accept (RFC 9110 12.5.1; weights are not looked at);
 * none: as the question. A challenge is none of FHIR's. */
static enum query_wire
find_reply(const struct serving *s)
{
	struct slice rest = http_header(s->r, "Accept");

	while (rest.n > 0) {
		const char *comma = memchr(rest.p, ',', rest.n);
		size_t n = comma == NULL ? rest.n : (size_t)(comma - rest.p);
		int wire = wire_of((struct slice) { rest.p, n });
		if (wire >= 0 && !(s->action == 'C' && wire == QUERY_FHIR))
			return (enum query_wire)wire;
		n += comma != NULL;
		rest = (struct slice) { rest.p + n, rest.n - n };
	}
	return s->wire;
}

/* How the question is written, by Content-Type (an empty body needs none),
 * and how its answer shall be. False: in none of our forms. */
static bool
find_wire(struct serving *s)
{
	int wire = wire_of(http_header(s->r, "Content-Type"));

	s->wire = wire < 0 ? QUERY_JSON : (enum query_wire)wire;
	s->reply = find_reply(s);
	return wire >= 0 || http_body(s->r).n == 0;
}

/* The first opening after now, at most a month ahead (service.exceptions). */
static int
seconds_until_open(const struct config *c, int64_t now)
{
	int32_t today = day_of_moment(now);
	int64_t clock = day_clock(now), from, until;

	for (int32_t ahead = 0; ahead < 31; ahead++) {
		config_hours(c, today + ahead, &from, &until);
		from += ahead * DAY_MS;
		until += ahead * DAY_MS;
		if (from < until && clock < from)
			return (int)((from - clock + 999) / 1000);
	}
	return 86400;
}

/* Exact to the millisecond: from <= t < until at acceptance (I9). */
static bool
is_open(struct worker *w, int64_t now)
{
	int32_t today = day_of_moment(now);
	int64_t clock = day_clock(now);

	if (today != w->hours_day) {
		config_hours(w->config, today, &w->from, &w->until);
		w->hours_day = today;
	}
	return w->from <= clock && clock < w->until;
}

static bool
is_stale(const struct serving *s)
{
	const struct config *c = s->w->config;
	const struct snapshot_set_entry *e =
	    &s->set->set.kind[SNAPSHOT_QUALIFICATION];

	return c->stale_stops &&
	    s->now > e->cut_off + c->stale_hours * INT64_C(3600000);
}

static const char *
decode(struct serving *s, int action)
{
	const char *error = NULL;
	struct query *q = &s->query;

	if (action == 'C')
		query_read_challenge(s->wire, http_body(s->r), q, &error);
	else
		query_read(s->wire, http_body(s->r), q, &error);
	s->kind = action == 'C'	  ? "challenge" :
	    q->kind == QUERY_CARD ? "card" :
	    error != NULL	  ? "other" :
	    q->search[SF_SYMBOL].n > 0 || q->search[SF_BRANCH].n > 0 ?
			    "printed" :
			    "number";
	return error;
}

/* Answers are in the institution's character set, refusals too. */
static void
find_charset(struct serving *s, const struct respond_context *c)
{
	struct snapshot_institution of;

	if (s->reply == QUERY_XML && c->kind[SNAPSHOT_INSTITUTIONS] != NULL &&
	    snapshot_institution(
		c->kind[SNAPSHOT_INSTITUTIONS], s->institution, &of) == 1)
		s->charset = of.encoding;
}

/* ---- one rung each; false: it has refused ---- */

/* A front end that ends TLS (responder.front) speaks for the client whose
 * certificate it names: looked at like any other, path, list and expiry. */
static struct tls_peer *
client_behind(struct serving *s, struct tls_peer *front)
{
	const char *name = s->w->config->front;

	if (name[0] == '\0' || front->fault != DIAG__MAX ||
	    front->institution[0] != '\0' || strcmp(front->name, name) != 0)
		return front;
	s->fronted = true;
	if (tls_peer_read(http_header(s->r, "X-Client-Cert"), &s->w->trust,
		s->now, &s->client) == -1)
		return NULL;
	return &s->client;
}

static bool
is_known(struct serving *s)
{
	struct x509_st *cert = http_peer(s->r);
	struct tls_peer *peer = cert == NULL ?
	    NULL :
	    tls_peer_now(http_slot(s->r), cert, &s->w->trust, s->now);

	if (peer != NULL)
		peer = client_behind(s, peer);
	if (peer != NULL) {
		s->institution = slice_of(peer->institution);
		s->terminal = slice_of(peer->serial);
		s->role = slice_of(peer->role);
	}
	s->peer_good = peer != NULL && peer->fault == DIAG__MAX;
	return true;
}

static bool
is_http(struct serving *s)
{
	int fault = http_fault(s->r);

	if (fault == 405 && s->allow == NULL)
		fault = 404; /* no method would do */
	if (fault != 0)
		serving_refuse(s, fault, http_code(fault));
	return fault == 0;
}

static bool
is_certified(struct serving *s)
{
	if (!s->peer_good)
		serving_refuse(s, 0, "OE3003");
	else if (s->institution.n != 10)
		serving_refuse(s, 0, "OE3001");
	else
		return true;
	return false;
}

static bool
is_ours(struct serving *s)
{
	int status = s->allow == NULL ? 404 : 405;

	if (s->action == 0)
		serving_refuse(s, status, http_code(status));
	else if (!s->typed || (s->action == 'C' && s->wire == QUERY_FHIR))
		serving_refuse(s, 415, http_code(415));
	else
		return true;
	return false;
}

static bool
is_slow_enough(struct serving *s)
{
	if (!limit_rate(
		s->w->start->share, s->terminal, s->now, s->w->config->rate))
		return true;
	share_add(&s->w->share->limited, 1);
	s->retry_after = 1;
	serving_refuse(s, 429, "OE4003");
	return false;
}

static bool
is_readable(struct serving *s)
{
	const char *error;

	s->set = current_take(s->w->current);
	if (s->set != NULL)
		memcpy(
		    s->snapshots.kind, s->set->kind, sizeof(s->snapshots.kind));
	find_charset(s, &s->snapshots);
	error = decode(s, s->action);
	if (error != NULL)
		serving_refuse(s, 0, error);
	return error == NULL;
}

static bool
is_time(struct serving *s)
{
	s->retry_after = 60;
	if (s->w->clock_jumped) {
		serving_refuse(s, 503, "OE9001");
	} else if (!is_open(s->w, s->now)) {
		s->retry_after = seconds_until_open(s->w->config, s->now);
		serving_refuse(s, 0, "OE4001");
	} else if (s->snapshots.kind[SNAPSHOT_QUALIFICATION] == NULL ||
	    is_stale(s)) {
		serving_refuse(s, 0, "OE9002");
	} else {
		s->retry_after = 0;
		return true;
	}
	return false;
}

static bool
is_admitted(struct serving *s)
{
	const struct config *config = s->w->config;
	int32_t today = day_of_moment(s->now);
	struct snapshot_institution of;
	const char *error = respond_institution(
	    &s->snapshots, s->institution, s->query.institution, today, &of);

	if (error == NULL && config->phase < 2 &&
	    config->institutions_max > 0 &&
	    !limit_active(s->w->start->share, s->institution, today,
		config->institutions_max))
		error = "OE3001";
	if (error != NULL)
		serving_refuse(s, 0, error);
	return error == NULL;
}

/* Roles of accounts (report 4章4-3): institutions.roles. */
static bool
is_allowed(struct serving *s)
{
	bool by_number = s->action != 'C' && s->query.kind == QUERY_NUMBER;

	if (config_may_ask(s->w->config, s->role, by_number))
		return true;
	serving_refuse(s, 0, "OE3007");
	return false;
}

/* From below: the first that refuses ends the climb. */
static bool (*const ladder[])(struct serving *) = { is_known, is_http,
	is_certified, is_ours, is_slow_enough, is_readable, is_time,
	is_admitted, is_allowed };

bool
ladder_climb(struct serving *s)
{
	s->typed = find_wire(s);
	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++)
		if (!ladder[i](s))
			return false;
	return true;
}
