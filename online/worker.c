#include "online/worker.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "formats/codec/day.h"
#include "formats/codec/mapped.h"
#include "formats/codec/seal.h"
#include "formats/exit.h"
#include "online/confine.h"
#include "online/serving.h"

#define TRIM_CONNECTIONS 1000 /* fewer than the peak */
#define TICK_MS 100 /* the heartbeat; a new set is looked for */
#define DRAIN_MS INT64_C(10000)
#define TLS_LINES 5 /* failed handshakes written down per tick */
#define JUMP_MS 2000 /* the clock may not move against itself further */

int64_t
worker_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the clockwork ---- */

static void
on_commit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	usage_line_commit(arg);
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
	int64_t now = worker_clock(CLOCK_REALTIME);

	w->failures_seen = failed;
	for (int64_t i = 0; i < n && i < TLS_LINES; i++) {
		struct serving *s = serving_take(w, NULL);
		s->now = now;
		s->answer.error_code = "OE3003";
		usage_line_write(s, no_answer, NULL);
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

/* A new CRL of the institutions' CA: trust is made anew, and every open
 * connection's peer is looked at again at its next question. */
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
	int64_t from, until = 0;

	memset(&st, 0, sizeof(st));
	if (crl != NULL)
		stat(crl, &st);
	if (w->clients != NULL && (crl == NULL || same_file(&st, &w->crl)))
		return 0;
	w->crl = st;
	clients = chain_open(c->institution_ca, crl, &w->log.sink);
	if (clients == NULL)
		return -1; /* what was in force stays */
	chain_free(w->clients);
	w->clients = clients;
	w->trust.clients = clients;
	w->trust.epoch++;
	if (crl != NULL && chain_period(crl, &from, &until) == 0)
		share_set(&w->share->crl_until, until);
	return 0;
}

/* Key and certificate of the server; a pair that does not fit is refused and
 * the one in force stays. Open connections keep theirs. */
static int
load_tls(struct worker *w)
{
	struct ssl_ctx_st *tls =
	    tls_new(w->config, &w->trust, w->start->share, &w->log.sink);

	if (tls == NULL)
		return -1;
	if (w->http != NULL)
		http_tls(w->http, tls);
	tls_free(w->tls);
	w->tls = tls;
	share_set(&w->share->cert_until, tls_own_until(tls));
	return 0;
}

/* I9, F17: a clock that jumps can say neither the hour nor what is revoked.
 * Questions are refused until it is back, or an operator says reload. */
static void
watch_clock(struct worker *w)
{
	int64_t offset =
	    worker_clock(CLOCK_REALTIME) - worker_clock(CLOCK_MONOTONIC);
	int64_t moved = offset - w->clock_offset;
	bool jumped = moved > JUMP_MS || moved < -JUMP_MS;

	if (!jumped && !w->clock_jumped)
		w->clock_offset = offset; /* slewed: it may drift */
	if (jumped != w->clock_jumped)
		diag_file(&w->log.sink, DIAG_CLOCK_JUMPED, "clock",
		    jumped ? "moved by %lld ms; questions are refused" :
			     "back within %lld ms; questions are answered",
		    (long long)moved);
	w->clock_jumped = jumped;
	w->share->clock_jumped = jumped;
}

/* 21:00: who is connected and silent is let go; the rest is told at its next
 * question. */
static void
watch_hours(struct worker *w)
{
	int64_t now = worker_clock(CLOCK_REALTIME), from, until;
	bool open;

	config_hours(w->config, day_of_moment(now), &from, &until);
	open = from <= day_clock(now) && day_clock(now) < until;
	if (w->was_open && !open)
		http_close_idle(w->http);
	w->was_open = open;
}

static void
publish_counts(struct worker *w)
{
	const struct http_counts *c = http_counts(w->http);
	struct current_set *set = current_take(w->current);

	share_set(&w->share->connections, c->connections);
	share_set(&w->share->accepted, w->counted.accepted + c->accepted);
	share_set(&w->share->full, w->counted.full + c->full);
	share_set(&w->share->resumed, w->counted.resumed + c->resumed);
	share_set(&w->share->failed, w->counted.failed + c->failed);
	share_set(&w->share->slow, w->counted.slow + c->slow);
	w->share->ready = set != NULL &&
	    set->kind[SNAPSHOT_QUALIFICATION] != NULL && w->stop_at == 0;
	if (set == NULL)
		return;
	for (int i = 0; i < SNAPSHOT__MAX && i < 4; i++)
		share_set(
		    &w->share->generation[i], set->set.kind[i].generation);
	share_set(&w->share->serial, set->set.serial);
	share_set(
	    &w->share->cut_off, set->set.kind[SNAPSHOT_QUALIFICATION].cut_off);
	current_release(w->current, set);
}

/* After thousands have gone (a flood of slow ones, 21:00) their memory goes
 * back to the system; it would stay with us, for it is in small pieces. */
static void
give_back_memory(struct worker *w)
{
	int64_t now = http_counts(w->http)->connections;

	if (now > w->most_connections)
		w->most_connections = now;
	if (w->most_connections - now < TRIM_CONNECTIONS)
		return;
	w->most_connections = now;
	malloc_trim(0);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	share_set(&w->share->beat, worker_clock(CLOCK_MONOTONIC));
	watch_clock(w);
	watch_hours(w);
	switch (current_look(w->current, worker_clock(CLOCK_REALTIME))) {
	case 1:
		share_add(&w->share->switches, 1);
		break;
	case -1:
		share_add(&w->share->set_refused, 1);
		break;
	}
	load_clients(w);
	write_tls_failures(w);
	publish_counts(w);
	give_back_memory(w);
	if (w->stop_at == 0)
		return;
	if (http_open_requests(w->http) == 0 ||
	    worker_clock(CLOCK_MONOTONIC) > w->stop_at)
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
	w->stop_at = worker_clock(CLOCK_MONOTONIC) + DRAIN_MS;
	http_stop_accepting(w->http);
}

/* SIGHUP: look at every file again; the clock is believed as it is. */
static void
on_hup(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	memset(&w->crl, 0, sizeof(w->crl));
	load_clients(w);
	load_tls(w);
	w->clock_offset =
	    worker_clock(CLOCK_REALTIME) - worker_clock(CLOCK_MONOTONIC);
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
	int64_t now = worker_clock(CLOCK_REALTIME);

	snprintf(
	    w->folder, sizeof(w->folder), "%s/journal", c->qualification_root);
	if (load_usage_key(w) == -1 || load_clients(w) == -1 ||
	    load_tls(w) == -1)
		return EXIT_CONFIG;
	w->site = chain_open(c->site_ca, crl, sink);
	w->cards = chain_cards_open(c->card_ca, c->card_policy, sink);
	if (w->site == NULL || w->cards == NULL ||
	    seal_cert_name(c->publish_cert, w->publisher, sink) == -1)
		return EXIT_CONFIG;
	w->current = current_open(
	    c->qualification_root, w->site, w->publisher, w->start->share, now);
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
	w->hup = evsignal_new(w->base, SIGHUP, on_hup, w);
	w->http = http_new(
	    w->base, w->tls, question_serve, w, w->config->idle_seconds);
	if (w->commit != NULL)
		event_priority_set(w->commit, 0);
	if (w->tick != NULL)
		event_priority_set(w->tick, 0);
	if (usage_line_open(w, day_of_moment(worker_clock(CLOCK_REALTIME))) ==
	    -1)
		return EXIT_TEMPORARY;
	if (w->term == NULL || w->hup == NULL ||
	    event_add(w->hup, NULL) == -1 || w->tick == NULL ||
	    w->commit == NULL || event_add(w->term, NULL) == -1 ||
	    event_add(w->tick, &tick) == -1 ||
	    http_accept(w->http, w->start->listen_fd) == -1)
		return EXIT_BUG;
	return EXIT_OK;
}

static void
worker_close(struct worker *w)
{
	if (w->journal != NULL && w->http != NULL)
		journal_commit(w->journal); /* its answers still leave */
	http_free(w->http);
	journal_close(w->journal);
	current_close(w->current);
	while (w->idle != NULL) {
		struct serving *s = w->idle;
		w->idle = s->next;
		free(s);
	}
	struct event *events[] = { w->term, w->hup, w->tick, w->commit,
		w->durable };
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
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

	mapped_watch(EXIT_INTEGRITY);
	w->start = start;
	w->config = start->config;
	w->share = &start->share->worker[start->number];
	w->hours_day = DAY_NONE;
	w->clock_offset =
	    worker_clock(CLOCK_REALTIME) - worker_clock(CLOCK_MONOTONIC);
	w->counted.accepted = w->share->accepted; /* of those before us */
	w->counted.full = w->share->full;
	w->counted.resumed = w->share->resumed;
	w->counted.failed = w->share->failed;
	w->counted.slow = w->share->slow;
	diag_log_init(&w->log, "responder", stderr);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a full journal is an error, not a death */
	status = confine_account(w->config, &w->log.sink) == -1 ? EXIT_CONFIG :
								  EXIT_OK;
	if (status == EXIT_OK && confine_calls(&w->log.sink) == -1)
		status = EXIT_CONFIG;
	if (status == EXIT_OK)
		status = open_files(w);
	if (status == EXIT_OK)
		status = open_loop(w);
	if (status == EXIT_OK) {
		share_set(&w->share->beat, worker_clock(CLOCK_MONOTONIC));
		if (start->ready_fd != -1 &&
		    write(start->ready_fd, "r", 1) == 1)
			close(start->ready_fd);
		if (event_base_dispatch(w->base) == -1)
			status = EXIT_BUG;
	}
	worker_close(w);
	return status;
}
