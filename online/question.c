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

void
serving_refuse(struct serving *s, int status, const char *code)
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
	serving_refuse(s, 0, "OE9001");
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
		serving_refuse(s, 503, "OE9001");
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

/* ---- answers ---- */

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
		serving_refuse(s, 0, "OE3006");
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
		serving_refuse(s, 0, "OE3004");
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
		serving_refuse(s, 0, "OE9001");
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

void
question_serve(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct serving *s;
	const char *allow;
	int action = ladder_action(r, &allow);

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
	if (ladder_climb(s)) {
		serve_question(s, s->action, &s->snapshots);
		if (s->answer.validity == VALIDITY_NOBODY)
			tell_enumeration(s);
	}
	serving_finish(s);
}
