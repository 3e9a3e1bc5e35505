#include "online/serving.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <event2/event.h>

#include "formats/codec/day.h"
#include "formats/codec/seal.h"
#include "formats/usage.h"

#define COMMIT_LINES 1024 /* as many waiting lines do not wait */

struct line { /* the texts a usage line points at */
	struct record rec;
	char at[30], day[9], request[17], status[16], validity[16];
	char generation[24], crl_update[30], serial_hash[17], micros[24];
};

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
	text_hex(w->random + w->random_left, 8, out);
	out[16] = '\0';
}

/*
 * 取引ID. A hospital that got no answer asks again with a new challenge but the
 * ArbitraryFileIdentifier it had: the same institution, identifier and
 * certificate are one transaction, billed once (domain, billing rule 2).
 * Keyed, so that neither identifier nor serial can be guessed from it.
 */
static void
transaction_id(struct serving *s, char out[17])
{
	const struct query *q = s->answer.query;
	unsigned char sum[32];
	char text[512];
	struct buf b;

	if (q == NULL || q->file_identifier.n == 0 ||
	    s->card.serial[0] == '\0') {
		request_id(s->w, out);
		return;
	}
	buf_init(&b, text, sizeof(text));
	buf_printf(&b, "transaction:%s:%s:", s->card.ca, s->card.serial);
	buf_put(&b, s->institution);
	buf_putc(&b, ':');
	buf_put(&b, q->file_identifier);
	seal_hmac((struct slice) { (const char *)s->w->usage_key,
		      sizeof(s->w->usage_key) },
	    buf_slice(&b), sum);
	text_hex(sum, 8, out);
	out[16] = '\0';
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
	text_hex(sum, 8, l->serial_hash);
	l->serial_hash[16] = '\0';
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
	transaction_id(s, l->request);
	memcpy(s->answer.request_id, l->request, sizeof(l->request));
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

static void
on_durable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	usage_line_durable(arg);
}

static void
close_journal(struct worker *w)
{
	if (w->durable != NULL)
		event_free(w->durable);
	w->durable = NULL;
	journal_close(w->journal);
	w->journal = NULL;
}

int
usage_line_open(struct worker *w, int32_t day)
{
	w->journal =
	    journal_open(w->folder, w->start->number, day, &w->log.sink);
	if (w->journal == NULL)
		return -1;
	w->durable = event_new(w->base, journal_fd(w->journal),
	    EV_READ | EV_PERSIST, on_durable, w);
	if (w->durable == NULL || event_add(w->durable, NULL) == -1) {
		close_journal(w);
		return -1;
	}
	event_priority_set(w->durable, 0);
	return 0;
}

/* The journal to write to now: of the day, and opened anew after a failure. */
static struct journal *
journal_now(struct worker *w, int32_t day)
{
	if (w->journal != NULL && journal_day(w->journal, day) == -1)
		close_journal(w);
	if (w->journal == NULL)
		usage_line_open(w, day);
	return w->journal;
}

/* What is being written goes its way; the rest goes when it is back. */
void
usage_line_commit(struct worker *w)
{
	w->commit_set = false;
	event_del(w->commit);
	if (w->journal != NULL)
		journal_start(w->journal);
}

void
usage_line_durable(struct worker *w)
{
	int64_t us = 0;
	size_t lines = 0;

	if (w->journal == NULL || !journal_finish(w->journal, &lines, &us))
		return;
	share_add(&w->share->commits, 1);
	share_add(&w->share->commit_lines, (int64_t)lines);
	share_add(&w->share->commit_us, us);
	if (journal_broken(w->journal)) {
		share_add(&w->share->commit_failures, 1);
		close_journal(w); /* opened anew by the next line */
	} else if (journal_waiting(w->journal) > 0 && !w->commit_set) {
		usage_line_commit(w); /* they have waited long enough */
	}
}

static void
commit_soon(struct worker *w)
{
	struct timeval wait = { 0,
		(suseconds_t)w->config->commit_ms * INT64_C(1000) };

	if (journal_waiting(w->journal) >= COMMIT_LINES) {
		usage_line_commit(w);
	} else if (!w->commit_set) {
		w->commit_set = true;
		event_add(w->commit, &wait);
	}
}

void
usage_line_write(
    struct serving *s, void (*done)(void *arg, bool durable), void *arg)
{
	struct worker *w = s->w;
	struct line l;
	struct journal *j;

	memset(&l, 0, sizeof(l));
	make_line(s, &l);
	j = journal_now(w, day_of_moment(s->now));
	if (j == NULL || journal_append(j, &l.rec, done, arg) == -1)
		done(arg, false);
	else
		commit_soon(w);
}
