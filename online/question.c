#include "online/serving.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "online/challenge.h"
#include "online/limit.h"

/* ---- a question's life ---- */

struct serving *
serving_take(struct worker *w, struct http_request *r)
{
	struct serving *s = w->idle;

	if (s != NULL)
		w->idle = s->next;
	else
		s = text_alloc(sizeof(*s));
	memset(s, 0, offsetof(struct serving, query));
	memset(&s->answer, 0, offsetof(struct answer, store));
	s->w = w;
	s->r = r;
	s->kind = "other";
	s->answer.substitute = w->config->substitute;
	clock_gettime(CLOCK_MONOTONIC, &s->began);
	return s;
}

void
serving_give_back(struct serving *s)
{
	struct worker *w = s->w;

	if (s->set != NULL)
		current_release(w->current, s->set);
	s->set = NULL;
	s->next = w->idle;
	w->idle = s;
}

/* Who must act decides the status (messages.md 10; responder.8). A card that
 * is refused is a question answered: 200. */
static int
status_of(const char *code)
{
	if (code == NULL)
		return 200;
	if (strncmp(code, "OE1", 3) == 0 || strncmp(code, "OE2", 3) == 0)
		return 400;
	if (strcmp(code, "OE3003") <= 0 || strcmp(code, "OE3007") == 0 ||
	    strcmp(code, "OE4002") == 0)
		return 403;
	if (strncmp(code, "OE3", 3) == 0)
		return 200;
	return strcmp(code, "OE9001") == 0 ? 500 : 503;
}

static void
refuse(struct serving *s, int status, const char *code)
{
	s->status = status != 0 ? status : status_of(code);
	s->answer.segment_of_result = 9;
	s->answer.error_code = code;
	s->answer.error_ja = query_error_ja(code);
	s->answer.has_result = false;
	s->answer.validity = VALIDITY_NONE_YET;
}

static void
encode(struct serving *s)
{
	struct answer *a = &s->answer;

	a->executed = s->now;
	a->query =
	    s->query.used > 0 || a->segment_of_result == 1 ? &s->query : NULL;
	if (s->institution.n == 10)
		memcpy(a->institution, s->institution.p, 11);
	buf_init(&s->out, s->out_bytes, sizeof(s->out_bytes));
	if (query_write(s->reply, s->charset, a, &s->out) == 0)
		return;
	refuse(s, 0, "OE9001");
	a->query = NULL;
	buf_init(&s->out, s->out_bytes, sizeof(s->out_bytes));
	query_write(s->reply, s->charset, a, &s->out);
}

static void
send_answer(struct serving *s)
{
	static const char *const types[QUERY_WIRE__MAX][CHARSET__MAX] = {
		[QUERY_XML] = { "application/xml; charset=UTF-8",
		    "application/xml; charset=UTF-8",
		    "application/xml; charset=Shift_JIS" },
		[QUERY_JSON] = { "application/json; charset=utf-8",
		    "application/json; charset=utf-8",
		    "application/json; charset=utf-8" },
		[QUERY_FHIR] = { "application/fhir+json; charset=utf-8",
		    "application/fhir+json; charset=utf-8",
		    "application/fhir+json; charset=utf-8" }
	};

	http_reply(s->r,
	    &(struct http_answer) { .status = s->status,
		.content_type = types[s->reply][s->charset],
		.retry_after = s->retry_after,
		.close = s->status == 403 && !s->fronted,
		.allow = s->allow,
		.request_id = s->answer.request_id },
	    buf_slice(&s->out));
}

/* What the operators see of it. */
static void
count_answer(struct serving *s)
{
	static const char *const kinds[SHARE_KINDS] = { "number", "printed",
		"card", "challenge", "other" };
	static const int bounds[SHARE_BUCKETS - 1] = { 500, 1000, 2000, 5000,
		10000, 25000, 50000, 100000, 250000, 500000, 1000000 };
	struct share_worker *w = s->w->share;
	struct timespec now;
	int64_t us;
	int i = 0;

	while (i < SHARE_KINDS - 1 && strcmp(kinds[i], s->kind) != 0)
		i++;
	share_add(&w->answers[i], 1);
	share_add(&w->validity[s->answer.validity % 6], 1);
	clock_gettime(CLOCK_MONOTONIC, &now);
	us = (now.tv_sec - s->began.tv_sec) * INT64_C(1000000) +
	    (now.tv_nsec - s->began.tv_nsec) / 1000;
	for (i = 0; i < SHARE_BUCKETS - 1 && us > bounds[i]; i++)
		;
	share_add(&w->latency[i], 1);
	share_add(&w->latency_us, us);
}

void
serving_durable(void *arg, bool durable)
{
	struct serving *s = arg;

	if (!durable) {
		refuse(s, 503, "OE9001");
		encode(s);
	}
	count_answer(s);
	send_answer(s);
	serving_give_back(s);
}

void
serving_finish(struct serving *s)
{
	encode(s);
	usage_line_write(s, serving_durable, s);
}

/* ---- the ladder ---- */

static const struct {
	const char *path, *method;
	int action;
} paths[] = { { "/oqs-api/search", "POST", 'S' },
	{ "/oqs-api/challenge", "POST", 'C' }, { "/healthz", "GET", 'H' },
	{ "/readyz", "GET", 'R' } };

/* What is asked of us; 0: nothing we know. *allow: the path's method, NULL
 * where there is no such path. */
static int
find_action(const struct http_request *r, const char **allow)
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

static enum card_result
card_fault(enum diag_code code)
{
	return code == DIAG_CARD_EXPIRED ? CARD_IS_EXPIRED : CARD_BAD;
}

/* jpki-and-pinless.md 6.3: the challenge is gone before anything signed is
 * looked at; then certificate and signature; then what respond.c knows. */
static void
serve_card(struct serving *s, const struct respond_context *c)
{
	struct worker *w = s->w;
	struct challenge ch;
	char id[64], bytes[256];
	struct buf b;
	enum diag_code fault;
	const struct query *q = &s->query;

	buf_init(&b, id, sizeof(id));
	buf_put(&b, q->challenge);
	if (!challenge_take(w->start->challenges, id, s->institution.p,
		s->terminal.p, s->now, w->config->challenge_seconds, &ch)) {
		s->card_result = CARD_BAD;
		refuse(s, 0, "OE3006");
		return;
	}
	buf_init(&b, bytes, sizeof(bytes));
	query_to_be_signed(
	    ch.bytes, s->institution.p, s->terminal.p, ch.issued, &b);
	fault = chain_card_check(w->cards, q->card_der, buf_slice(&b),
	    q->card_signature, s->now, &s->card);
	if (fault != DIAG__MAX) {
		memset(&s->card, 0, sizeof(s->card)); /* not proven: unknown */
		s->card_result = card_fault(fault);
		refuse(s, 0, "OE3004");
		return;
	}
	respond_card(c, q, &s->card, s->now, &s->answer, &s->card_result);
	s->status = status_of(s->answer.error_code);
	if (c->kind[SNAPSHOT_REVOCATION] != NULL)
		snapshot_partition(c->kind[SNAPSHOT_REVOCATION], s->card.ca,
		    s->card.partition, &s->partition);
}

static void
serve_challenge(struct serving *s)
{
	struct worker *w = s->w;
	struct answer *a = &s->answer;
	struct challenge ch;
	char bytes[256];
	struct buf b, text;

	if (challenge_issue(w->start->challenges, s->institution.p,
		s->terminal.p, s->now, &ch) == -1) {
		refuse(s, 0, "OE9001");
		return;
	}
	memcpy(a->challenge_id, ch.id, sizeof(a->challenge_id));
	text_hex(ch.bytes, sizeof(ch.bytes), a->challenge_hex);
	a->challenge_hex[2 * sizeof(ch.bytes)] = '\0';
	a->challenge_until =
	    ch.issued + w->config->challenge_seconds * INT64_C(1000);
	buf_init(&b, bytes, sizeof(bytes));
	query_to_be_signed(
	    ch.bytes, s->institution.p, s->terminal.p, ch.issued, &b);
	buf_init(&text, a->challenge_signed, sizeof(a->challenge_signed));
	query_base64(buf_slice(&b), &text);
	a->segment_of_result = 1;
	s->status = 200;
}

static void
serve_question(struct serving *s, int action, const struct respond_context *c)
{
	if (action == 'C') {
		serve_challenge(s);
	} else if (s->query.kind == QUERY_CARD) {
		serve_card(s, c);
	} else {
		respond_number(c, &s->query, day_of_moment(s->now), &s->answer);
		s->status = status_of(s->answer.error_code);
	}
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

/* Somebody tries numbers (reliability F29): said, not refused. */
static void
tell_enumeration(struct serving *s)
{
	struct worker *w = s->w;

	if (!limit_nobody(
		w->start->share, s->terminal, s->now, w->config->nobody_alarm))
		return;
	share_add(&w->share->enumerations, 1);
	diag_file(&w->log.sink, DIAG_ENUMERATION, s->terminal.p,
	    "institution %.10s: %d in ten minutes", s->institution.p,
	    w->config->nobody_alarm);
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
		refuse(s, fault, http_code(fault));
	return fault == 0;
}

static bool
is_certified(struct serving *s)
{
	if (!s->peer_good)
		refuse(s, 0, "OE3003");
	else if (s->institution.n != 10)
		refuse(s, 0, "OE3001");
	else
		return true;
	return false;
}

static bool
is_ours(struct serving *s)
{
	int status = s->allow == NULL ? 404 : 405;

	if (s->action == 0)
		refuse(s, status, http_code(status));
	else if (!s->typed || (s->action == 'C' && s->wire == QUERY_FHIR))
		refuse(s, 415, http_code(415));
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
	refuse(s, 429, "OE4003");
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
		refuse(s, 0, error);
	return error == NULL;
}

static bool
is_time(struct serving *s)
{
	s->retry_after = 60;
	if (s->w->clock_jumped) {
		refuse(s, 503, "OE9001");
	} else if (!is_open(s->w, s->now)) {
		s->retry_after = seconds_until_open(s->w->config, s->now);
		refuse(s, 0, "OE4001");
	} else if (s->snapshots.kind[SNAPSHOT_QUALIFICATION] == NULL ||
	    is_stale(s)) {
		refuse(s, 0, "OE9002");
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
		refuse(s, 0, error);
	return error == NULL;
}

/* Roles of accounts (report 4章4-3): institutions.roles. */
static bool
is_allowed(struct serving *s)
{
	bool by_number = s->action != 'C' && s->query.kind == QUERY_NUMBER;

	if (config_may_ask(s->w->config, s->role, by_number))
		return true;
	refuse(s, 0, "OE3007");
	return false;
}

/* From below: the first that refuses ends the climb. */
static bool (*const ladder[])(struct serving *) = { is_known, is_http,
	is_certified, is_ours, is_slow_enough, is_readable, is_time,
	is_admitted, is_allowed };

static void
climb(struct serving *s)
{
	for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]); i++)
		if (!ladder[i](s))
			return;
	serve_question(s, s->action, &s->snapshots);
	if (s->answer.validity == VALIDITY_NOBODY)
		tell_enumeration(s);
}

void
question_serve(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct serving *s;
	const char *allow;
	int action = find_action(r, &allow);

	if (action == 'H' || action == 'R') { /* no question, no line */
		state_reply(w, r, action == 'H');
		return;
	}
	s = serving_take(w, r);
	s->query.used = 0;
	s->query.day = DAY_NONE;
	s->now = http_accepted_at(r);
	s->snapshots.config = w->config;
	s->action = action;
	s->allow = action == 0 ? allow : NULL; /* only in a refusal */
	s->typed = find_wire(s);
	climb(s);
	serving_finish(s);
}
