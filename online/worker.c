#include "online/worker.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "formats/codec/day.h"
#include "formats/codec/seal.h"
#include "formats/exit.h"
#include "formats/query.h"
#include "formats/usage.h"
#include "online/challenge.h"
#include "online/current.h"
#include "online/http.h"
#include "online/journal.h"
#include "online/respond.h"
#include "online/tls.h"

#define TICK_MS 250 /* how often a new set is looked for */
#define COMMIT_LINES 1024 /* as many waiting lines do not wait */
#define PEER_MS INT64_C(60000) /* a peer's path is built anew after this */
#define DRAIN_MS INT64_C(10000)
#define TLS_LINES 5 /* failed handshakes written down per tick */
#define ANSWER_BYTES 32768

struct peer_slot { /* http_slot(): what is known about a connection's peer */
	struct tls_peer peer;
	int64_t checked_at;
	unsigned epoch;
};
_Static_assert(sizeof(struct peer_slot) <= HTTP_SLOT_SIZE, "slot");

struct worker {
	const struct worker_start *start;
	const struct config *config;
	struct diag_log log;
	struct event_base *base;
	struct event *term, *tick, *commit;
	struct chain *site, *clients;
	char publisher[128]; /* who signs snapshot sets */
	struct chain_cards *cards;
	struct ssl_ctx_st *tls;
	struct http *http;
	struct current *current;
	struct journal *journal;
	char folder[400]; /* of the journal */
	unsigned char usage_key[32];
	struct stat crl; /* of the CRL in use */
	unsigned epoch; /* of the client trust */
	struct serving *idle; /* free list */
	unsigned char random[512]; /* for request ids; read in one go */
	size_t random_left;
	int64_t failures_seen; /* handshakes */
	bool commit_set;
	int64_t stop_at; /* monotonic ms; 0: not stopping */
};

/* One question on its way through. */
struct serving {
	struct serving *next;
	struct worker *w;
	struct http_request *r;
	struct current_set *set;
	int64_t now; /* accepted */
	struct timespec began;
	enum query_wire wire;
	enum charset charset;
	const char *kind; /* of the usage line */
	struct slice institution; /* certified */
	struct slice terminal;
	enum card_result card_result;
	struct chain_card card;
	struct snapshot_partition partition;
	int status, retry_after;
	struct query query;
	struct answer answer;
	struct buf out;
	char out_bytes[ANSWER_BYTES];
};

static int64_t
clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- a question's life ---- */

static struct serving *
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

static void
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
	if (strcmp(code, "OE3003") <= 0 || strcmp(code, "OE4002") == 0)
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
	if (query_write(s->wire, s->charset, a, &s->out) == 0)
		return;
	refuse(s, 0, "OE9001");
	a->query = NULL;
	buf_init(&s->out, s->out_bytes, sizeof(s->out_bytes));
	query_write(s->wire, s->charset, a, &s->out);
}

static void
send_answer(struct serving *s)
{
	static const char *const types[2][CHARSET__MAX] = {
		[QUERY_XML] = { "application/xml; charset=UTF-8",
		    "application/xml; charset=UTF-8",
		    "application/xml; charset=Shift_JIS" },
		[QUERY_JSON] = { "application/json; charset=utf-8",
		    "application/json; charset=utf-8",
		    "application/json; charset=utf-8" }
	};

	http_reply(s->r, s->status, types[s->wire][s->charset],
	    buf_slice(&s->out), s->retry_after, s->status == 403);
}

/* The line is durable, or will never be: only then does anything leave. */
static void
on_durable(void *arg, bool durable)
{
	struct serving *s = arg;

	if (!durable) {
		refuse(s, 503, "OE9001");
		encode(s);
	}
	send_answer(s);
	serving_give_back(s);
}

/* ---- the usage line ---- */

struct line { /* the texts a usage line points at */
	struct record rec;
	char at[30], day[9], request[17], status[16], validity[16];
	char generation[24], crl_update[30], serial_hash[17], micros[24];
};

static void
put_hex(const unsigned char *p, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex[p[i] >> 4];
		out[2 * i + 1] = hex[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static void
request_id(struct worker *w, char out[17])
{
	if (w->random_left < 8) {
		if (getrandom(w->random, sizeof(w->random), 0) !=
		    (ssize_t)sizeof(w->random))
			memset(w->random, 0, sizeof(w->random));
		w->random_left = sizeof(w->random);
	}
	w->random_left -= 8;
	put_hex(w->random + w->random_left, 8, out);
}

static void
put_card(struct serving *s, struct line *l)
{
	unsigned char sum[32];
	char text[128];
	int n;

	record_set(&l->rec, U_CARD_RESULT,
	    slice_of(card_result_names[s->card_result]));
	if (s->card.serial[0] == '\0')
		return;
	n = snprintf(text, sizeof(text), "%s:%s", s->card.ca, s->card.serial);
	seal_hmac((struct slice) { (const char *)s->w->usage_key,
		      sizeof(s->w->usage_key) },
	    (struct slice) { text, (size_t)n }, sum);
	put_hex(sum, 8, l->serial_hash);
	record_set(&l->rec, U_CA, slice_of(s->card.ca));
	record_set(&l->rec, U_SERIAL_HASH, slice_of(l->serial_hash));
	if (s->partition.this_update == 0)
		return;
	day_format_stamp(s->partition.this_update, l->crl_update);
	record_set(&l->rec, U_CRL_NUMBER, slice_of(s->partition.number));
	record_set(&l->rec, U_CRL_UPDATE, slice_of(l->crl_update));
}

static void
make_line(struct serving *s, struct line *l)
{
	const struct answer *a = &s->answer;
	struct timespec now;
	int64_t micros;

	record_init(&l->rec, &usage_format);
	day_format_stamp(s->now, l->at);
	record_set(&l->rec, U_AT, slice_of(l->at));
	request_id(s->w, l->request);
	record_set(&l->rec, U_REQUEST, slice_of(l->request));
	record_set(&l->rec, U_INSTITUTION, s->institution);
	record_set(&l->rec, U_TERMINAL, s->terminal);
	record_set(&l->rec, U_KIND, slice_of(s->kind));
	if (a->query != NULL && a->query->day != DAY_NONE) {
		day_format(a->query->day, l->day);
		record_set(&l->rec, U_DAY, slice_of(l->day));
	}
	snprintf(l->status, sizeof(l->status), "%03d", s->status % 1000);
	record_set(&l->rec, U_STATUS, slice_of(l->status));
	if (a->error_code != NULL)
		record_set(&l->rec, U_CODE, slice_of(a->error_code));
	if (a->validity != VALIDITY_NONE_YET) {
		snprintf(l->validity, sizeof(l->validity), "%d",
		    (int)a->validity % 10);
		record_set(&l->rec, U_VALIDITY, slice_of(l->validity));
	}
	record_set(&l->rec, U_INSURER, slice_of(a->insurer_code));
	if (s->set != NULL) {
		snprintf(l->generation, sizeof(l->generation), "%lld",
		    (long long)s->set->set.kind[SNAPSHOT_QUALIFICATION]
			.generation);
		record_set(&l->rec, U_GENERATION, slice_of(l->generation));
	}
	put_card(s, l);
	clock_gettime(CLOCK_MONOTONIC, &now);
	micros = (now.tv_sec - s->began.tv_sec) * INT64_C(1000000) +
	    (now.tv_nsec - s->began.tv_nsec) / 1000;
	snprintf(l->micros, sizeof(l->micros), "%lld", (long long)micros);
	record_set(&l->rec, U_MICROS, slice_of(l->micros));
}

/* The journal to write to now: of the day, and opened anew after a failure. */
static struct journal *
journal_now(struct worker *w, int32_t day)
{
	if (w->journal != NULL && journal_day(w->journal, day) == -1) {
		journal_close(w->journal);
		w->journal = NULL;
	}
	if (w->journal == NULL)
		w->journal = journal_open(
		    w->folder, w->start->number, day, &w->log.sink);
	return w->journal;
}

static void
commit(struct worker *w)
{
	w->commit_set = false;
	event_del(w->commit);
	if (w->journal != NULL && journal_commit(w->journal) == -1) {
		journal_close(w->journal); /* opened anew by the next line */
		w->journal = NULL;
	}
}

static void
commit_soon(struct worker *w)
{
	struct timeval wait = { 0,
		(suseconds_t)w->config->commit_ms * INT64_C(1000) };

	if (journal_waiting(w->journal) >= COMMIT_LINES) {
		commit(w);
	} else if (!w->commit_set) {
		w->commit_set = true;
		event_add(w->commit, &wait);
	}
}

static void
finish(struct serving *s)
{
	struct worker *w = s->w;
	struct line l;
	struct journal *j;

	encode(s);
	memset(&l, 0, sizeof(l));
	make_line(s, &l);
	j = journal_now(w, day_of_moment(s->now));
	if (j == NULL || journal_append(j, &l.rec, on_durable, s) == -1)
		on_durable(s, false);
	else
		commit_soon(w);
}

/* ---- the ladder ---- */

static struct tls_peer *
look_at_peer(struct serving *s)
{
	struct worker *w = s->w;
	struct peer_slot *slot = http_slot(s->r);
	struct x509_st *cert = http_peer(s->r);

	if (cert == NULL)
		return NULL;
	if (slot->checked_at == 0 || slot->epoch != w->epoch ||
	    s->now > slot->peer.not_after ||
	    s->now - slot->checked_at > PEER_MS || s->now < slot->checked_at) {
		tls_peer(cert, w->clients, s->now, &slot->peer);
		slot->checked_at = s->now;
		slot->epoch = w->epoch;
	}
	return &slot->peer;
}

static const struct {
	const char *path, *method;
	int action;
} paths[] = { { "/oqs-api/search", "POST", 'S' },
	{ "/oqs-api/challenge", "POST", 'C' }, { "/healthz", "GET", 'H' },
	{ "/readyz", "GET", 'R' } };

/* What is asked of us; 0: nothing we know, and *status says how. */
static int
find_action(const struct http_request *r, int *status)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!slice_is(http_path(r), paths[i].path))
			continue;
		if (slice_is(http_method(r), paths[i].method))
			return paths[i].action;
		*status = 405;
		return 0;
	}
	*status = 404;
	return 0;
}

/* XML or JSON by Content-Type; an empty body needs none. False: neither. */
static bool
find_wire(struct serving *s)
{
	struct slice type = http_header(s->r, "Content-Type");
	const char *end = type.n == 0 ? NULL : memchr(type.p, ';', type.n);

	if (end != NULL)
		type.n = (size_t)(end - type.p);
	type = slice_trim(type);
	s->wire = QUERY_JSON;
	if (slice_is(type, "application/xml") || slice_is(type, "text/xml"))
		s->wire = QUERY_XML;
	else if (!slice_is(type, "application/json") && http_body(s->r).n > 0)
		return false;
	return true;
}

static int
seconds_until_open(const struct config *c, int64_t now)
{
	int64_t clock = day_clock(now), wait = c->service_open - clock;

	if (wait <= 0)
		wait += DAY_MS;
	return (int)((wait + 999) / 1000);
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
	put_hex(ch.bytes, sizeof(ch.bytes), a->challenge_hex);
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

	if (s->wire == QUERY_XML && c->kind[SNAPSHOT_INSTITUTIONS] != NULL &&
	    snapshot_institution(
		c->kind[SNAPSHOT_INSTITUTIONS], s->institution, &of) == 1)
		s->charset = of.encoding;
}

/* One rung a line, in order; the first that refuses ends it. */
static void
climb(struct serving *s, int action, int status)
{
	const struct config *config = s->w->config;
	struct tls_peer *peer = look_at_peer(s);
	struct respond_context c = { .config = config };
	struct snapshot_institution of;
	const char *error;
	int64_t clock = day_clock(s->now);
	int fault = http_fault(s->r);

	if (peer != NULL) {
		s->institution = slice_of(peer->institution);
		s->terminal = slice_of(peer->serial);
	}
	if (fault != 0) {
		refuse(s, fault,
		    fault == 413 || fault == 431 ? "OE1003" : "OE1002");
		return;
	}
	if (!find_wire(s)) {
		refuse(s, 415, "OE1002");
		return;
	}
	if (peer == NULL || peer->fault != DIAG__MAX) {
		refuse(s, 0, "OE3003");
		return;
	}
	if (s->institution.n != 10) {
		refuse(s, 0, "OE3001");
		return;
	}
	if (action == 0) {
		refuse(s, status, "OE1002");
		return;
	}
	s->set = current_take(s->w->current);
	if (s->set != NULL)
		memcpy(c.kind, s->set->kind, sizeof(c.kind));
	find_charset(s, &c);
	error = decode(s, action);
	if (error != NULL) {
		refuse(s, 0, error);
		return;
	}
	if (clock < config->service_open || clock >= config->service_close) {
		s->retry_after = seconds_until_open(config, s->now);
		refuse(s, 0, "OE4001");
		return;
	}
	if (c.kind[SNAPSHOT_QUALIFICATION] == NULL || is_stale(s)) {
		s->retry_after = 60;
		refuse(s, 0, "OE9002");
		return;
	}
	error = respond_institution(&c, s->institution, s->query.institution,
	    day_of_moment(s->now), &of);
	if (error != NULL) {
		refuse(s, 0, error);
		return;
	}
	serve_question(s, action, &c);
}

/* ---- for operators ---- */

static void
put_generations(const struct current_set *set, struct buf *b)
{
	for (int i = 0; i < SNAPSHOT__MAX; i++)
		buf_printf(b, "%s\"%s\":%lld", i == 0 ? "" : ",",
		    snapshot_names[i], (long long)set->set.kind[i].generation);
}

static void
reply_state(struct worker *w, struct http_request *r, int action)
{
	struct current_set *set = current_take(w->current);
	bool ready = set != NULL && set->kind[SNAPSHOT_QUALIFICATION] != NULL &&
	    w->stop_at == 0;
	char text[512];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_printf(&b, "{\"worker\":%d,\"ready\":%s", w->start->number,
	    ready ? "true" : "false");
	buf_printf(&b, ",\"connections\":%lld",
	    (long long)http_counts(w->http)->connections);
	if (set != NULL) {
		buf_printf(&b, ",\"serial\":%lld,\"generations\":{",
		    (long long)set->set.serial);
		put_generations(set, &b);
		buf_putc(&b, '}');
		current_release(w->current, set);
	}
	buf_puts(&b, "}\n");
	http_reply(r, action == 'H' || ready ? 200 : 503, "application/json",
	    buf_slice(&b), 0, false);
}

static void
serve(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct serving *s;
	int status = 0, action = 0;

	if (http_fault(r) == 0)
		action = find_action(r, &status);
	if (action == 'H' || action == 'R') { /* no question, no line */
		reply_state(w, r, action);
		return;
	}
	s = serving_take(w, r);
	s->query.used = 0;
	s->query.day = DAY_NONE;
	s->now = http_accepted_at(r);
	climb(s, action, status);
	finish(s);
}

/* ---- the clockwork ---- */

static void
on_commit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	commit(arg);
}

static void
no_answer(void *arg, bool durable)
{
	(void)arg;
	(void)durable;
}

/* A handshake that failed asked nothing, but it is a refusal and has a line;
 * not more than a few a tick, so that a scanner cannot fill the disk. */
static void
write_tls_failures(struct worker *w)
{
	int64_t failed = http_counts(w->http)->failed;
	int64_t n = failed - w->failures_seen;
	int64_t now = clock_ms(CLOCK_REALTIME);

	w->failures_seen = failed;
	for (int64_t i = 0; i < n && i < TLS_LINES; i++) {
		struct serving *s = serving_take(w, NULL);
		struct line l;
		struct journal *j = journal_now(w, day_of_moment(now));
		s->now = now;
		s->answer.error_code = "OE3003";
		memset(&l, 0, sizeof(l));
		make_line(s, &l);
		if (j != NULL &&
		    journal_append(j, &l.rec, no_answer, NULL) == 0)
			commit_soon(w);
		serving_give_back(s);
	}
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A new CRL of the institutions' CA: trust and context are made anew, and
 * every open connection's peer is looked at again at its next question. */
static int
load_clients(struct worker *w)
{
	const struct config *c = w->config;
	const char *crl =
	    c->institution_crl != NULL && c->institution_crl[0] != '\0' ?
	    c->institution_crl :
	    NULL;
	struct stat st;
	struct chain *clients;
	struct ssl_ctx_st *tls;

	memset(&st, 0, sizeof(st));
	if (crl != NULL)
		stat(crl, &st);
	if (w->clients != NULL && (crl == NULL || same_file(&st, &w->crl)))
		return 0;
	w->crl = st;
	clients = chain_open(c->institution_ca, crl, &w->log.sink);
	tls = clients == NULL ? NULL : tls_new(c, clients, &w->log.sink);
	if (tls == NULL) {
		chain_free(clients);
		return -1; /* what was in force stays */
	}
	if (w->http != NULL)
		http_tls(w->http, tls);
	tls_free(w->tls);
	chain_free(w->clients);
	w->tls = tls;
	w->clients = clients;
	w->epoch++;
	return 0;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	current_look(w->current, clock_ms(CLOCK_REALTIME));
	load_clients(w);
	write_tls_failures(w);
	if (w->stop_at == 0)
		return;
	if (http_open_requests(w->http) == 0 ||
	    clock_ms(CLOCK_MONOTONIC) > w->stop_at)
		event_base_loopbreak(w->base);
}

static void
on_term(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	if (w->stop_at != 0)
		return;
	w->stop_at = clock_ms(CLOCK_MONOTONIC) + DRAIN_MS;
	http_stop_accepting(w->http);
}

/* ---- beginning and end ---- */

static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *p = c == '\0' ? NULL : strchr(digits, c);

	return p == NULL ? -1 : (int)((p - digits) % 16);
}

/* 64 hex digits, owner-only. */
static int
load_usage_key(struct worker *w)
{
	const char *path = w->config->usage_key;
	char text[64] = "";
	struct stat st;
	bool good = false;
	FILE *f = fopen(path, "re");

	if (f != NULL) {
		good = fstat(fileno(f), &st) == 0 && (st.st_mode & 077) == 0 &&
		    fread(text, 1, sizeof(text), f) == sizeof(text);
		fclose(f);
	}
	for (size_t i = 0; i < sizeof(w->usage_key); i++) {
		int high = hex_value(text[2 * i]);
		int low = hex_value(text[2 * i + 1]);
		good = good && high >= 0 && low >= 0;
		w->usage_key[i] =
		    (unsigned char)((high & 15) << 4 | (low & 15));
	}
	if (!good)
		diag_file(&w->log.sink, DIAG_KEY_UNREADABLE, path,
		    "missing, not 0600, or not 64 hex digits");
	return good ? 0 : -1;
}

static int
open_files(struct worker *w)
{
	const struct config *c = w->config;
	struct diag_sink *sink = &w->log.sink;
	const char *crl =
	    c->site_crl != NULL && c->site_crl[0] != '\0' ? c->site_crl : NULL;
	int64_t now = clock_ms(CLOCK_REALTIME);

	snprintf(
	    w->folder, sizeof(w->folder), "%s/journal", c->qualification_root);
	if (load_usage_key(w) == -1 || load_clients(w) == -1)
		return EXIT_CONFIG;
	w->site = chain_open(c->site_ca, crl, sink);
	w->cards = chain_cards_open(c->card_ca, c->card_policy, sink);
	if (w->site == NULL || w->cards == NULL ||
	    seal_cert_name(c->publish_cert, w->publisher, sink) == -1)
		return EXIT_CONFIG;
	w->journal =
	    journal_open(w->folder, w->start->number, day_of_moment(now), sink);
	if (w->journal == NULL)
		return EXIT_TEMPORARY;
	w->current = current_open(
	    c->qualification_root, w->site, w->publisher, now, sink);
	return EXIT_OK;
}

/* Handshakes come after questions: at most a few at a time, so that a storm of
 * them does not keep those waiting who are connected (G28). */
static struct event_base *
new_base(void)
{
	struct event_config *c = event_config_new();
	struct timeval most = { 0, 2000 };
	struct event_base *base = NULL;

	if (c == NULL)
		return NULL;
	if (event_config_set_max_dispatch_interval(c, &most, 4, 1) == 0)
		base = event_base_new_with_config(c);
	event_config_free(c);
	if (base != NULL && event_base_priority_init(base, 2) == -1) {
		event_base_free(base);
		base = NULL;
	}
	return base;
}

static int
open_loop(struct worker *w)
{
	struct timeval tick = { 0, TICK_MS * 1000 };

	w->base = new_base();
	if (w->base == NULL)
		return EXIT_BUG;
	w->term = evsignal_new(w->base, SIGTERM, on_term, w);
	w->tick = event_new(w->base, -1, EV_PERSIST, on_tick, w);
	w->commit = event_new(w->base, -1, 0, on_commit, w);
	w->http = http_new(w->base, w->tls, serve, w, w->config->idle_seconds);
	if (w->commit != NULL)
		event_priority_set(w->commit, 0);
	if (w->tick != NULL)
		event_priority_set(w->tick, 0);
	if (w->term == NULL || w->tick == NULL || w->commit == NULL ||
	    event_add(w->term, NULL) == -1 || event_add(w->tick, &tick) == -1 ||
	    http_accept(w->http, w->start->listen_fd) == -1)
		return EXIT_BUG;
	return EXIT_OK;
}

static void
worker_close(struct worker *w)
{
	if (w->journal != NULL && w->http != NULL)
		journal_commit(w->journal);
	http_free(w->http);
	journal_close(w->journal);
	current_close(w->current);
	while (w->idle != NULL) {
		struct serving *s = w->idle;
		w->idle = s->next;
		free(s);
	}
	struct event *events[] = { w->term, w->tick, w->commit };
	for (size_t i = 0; i < 3; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (w->base != NULL)
		event_base_free(w->base);
	tls_free(w->tls);
	chain_free(w->clients);
	chain_free(w->site);
	chain_cards_free(w->cards);
	free(w);
}

int
worker_run(const struct worker_start *start)
{
	struct worker *w = text_alloc(sizeof(*w));
	int status;

	w->start = start;
	w->config = start->config;
	diag_log_init(&w->log, "responder", stderr);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a full journal is an error, not a death */
	status = open_files(w);
	if (status == EXIT_OK)
		status = open_loop(w);
	if (status == EXIT_OK) {
		if (start->ready_fd != -1 &&
		    write(start->ready_fd, "r", 1) == 1)
			close(start->ready_fd);
		if (event_base_dispatch(w->base) == -1)
			status = EXIT_BUG;
	}
	worker_close(w);
	return status;
}
