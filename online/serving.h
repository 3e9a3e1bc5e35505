/*
 * What the parts of one worker share: its state, and one question on its way
 * through. For worker.c, question.c, ladder.c, usage_line.c and state.c only.
 */
#ifndef ONLINE_SERVING_H
#define ONLINE_SERVING_H

#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

#include "formats/codec/chain.h"
#include "formats/query.h"
#include "formats/snapshot.h"
#include "online/current.h"
#include "online/http.h"
#include "online/journal.h"
#include "online/respond.h"
#include "online/share.h"
#include "online/tls.h"
#include "online/worker.h"

#define SERVING_BYTES 32768 /* of an answer */
_Static_assert(sizeof(struct tls_slot) <= HTTP_SLOT_SIZE, "slot");

struct event;
struct event_base;
struct worker {
	const struct worker_start *start;
	const struct config *config;
	struct share_worker *share;
	struct diag_log log;
	struct event_base *base;
	struct event *term, *hup, *tick, *commit, *durable;
	struct chain *site, *clients;
	struct tls_trust trust;
	struct chain_cards *cards;
	struct ssl_ctx_st *tls;
	struct http *http;
	struct current *current;
	struct journal *journal;
	char folder[400]; /* of the journal */
	char publisher[128]; /* who signs snapshot sets */
	unsigned char usage_key[32];
	struct stat crl; /* of the CRL in use */
	struct serving *idle; /* free list */
	unsigned char random[512]; /* for request ids; read in one go */
	size_t random_left;
	int64_t failures_seen; /* handshakes */
	struct http_counts counted; /* by workers before this one */
	int64_t most_connections; /* since memory was given back */
	bool commit_set;
	int64_t stop_at; /* monotonic ms; 0: not stopping */
	int32_t hours_day; /* the day `from` and `until` are of */
	int64_t from, until; /* ms of the day: questions are answered */
	bool was_open;
	int64_t clock_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, ms */
	bool clock_jumped;
};

/* One question on its way through. */
struct serving {
	struct serving *next;
	struct worker *w;
	struct http_request *r;
	struct current_set *set;
	int64_t now; /* accepted */
	struct timespec began;
	enum query_wire wire, reply; /* of the question, of the answer */
	enum charset charset;
	const char *kind; /* of the usage line */
	struct slice institution; /* certified */
	struct slice terminal, role;
	enum card_result card_result;
	struct chain_card card;
	struct snapshot_partition partition;
	int status, retry_after;
	int action; /* what the path asks for; 0: nothing we know */
	const char *allow; /* 405: the path's method */
	bool typed, peer_good; /* Content-Type, certificate */
	bool fronted; /* the client's certificate came in a header */
	struct tls_peer client; /* then: it */
	struct respond_context snapshots;
	struct query query;
	struct answer answer;
	struct buf out;
	char out_bytes[SERVING_BYTES];
};

int64_t worker_clock(clockid_t id); /* ms */

/* question.c: what http.c calls for each request. */
void question_serve(void *arg, struct http_request *r);
struct serving *serving_take(struct worker *w, struct http_request *r);
void serving_give_back(struct serving *s);
/* Encodes the answer, writes its usage line, sends it once that is durable. */
void serving_finish(struct serving *s);
/* The line is durable, or will never be: only then does anything leave. */
void serving_durable(void *arg, bool durable);

/* The answer is a refusal; status 0: the one that goes with the code. */
void serving_refuse(struct serving *s, int status, const char *code);

/* ladder.c: what the path asks for, 0: nothing we know; *allow: its method,
 * NULL where there is no such path. */
int ladder_action(const struct http_request *r, const char **allow);
/* False: a rung has refused it. */
bool ladder_climb(struct serving *s);

/* usage_line.c: queues the line of a question; done(arg, durable) follows. */
void usage_line_write(
    struct serving *s, void (*done)(void *arg, bool durable), void *arg);
void usage_line_commit(struct worker *w); /* begin what waits */
void usage_line_durable(struct worker *w); /* a commit has ended */
int usage_line_open(struct worker *w, int32_t day); /* 0, -1 */

/* state.c: /healthz and /readyz. */
void state_reply(struct worker *w, struct http_request *r, bool health);

#endif
