/*
 * The pairing file of the intermediate side (schemas/pairing.sql): for every
 * person key whether its 機関別符号 was asked for and came. The only place that
 * keeps a code, sealed under keys.pairing; folder 0700, file 0600. For
 * shikaku-codes alone.
 *
 * What an upload says is staged and counts once the ledger says that the
 * upload was taken: a run killed anywhere is made up by the next one.
 */
#ifndef BATCH_PAIRING_H
#define BATCH_PAIRING_H

#include "batch/ledger.h"
#include "formats/qualification.h"

#define PAIRING_KEY 32

struct pairing;
/* Opens or makes ROOT/pairing/pairing.sqlite. NULL: raised (also where others
 * may read it). */
struct pairing *pairing_open(const char *root,
    const unsigned char key[PAIRING_KEY], struct diag_sink *sink);
void pairing_close(struct pairing *p);
int pairing_begin(struct pairing *p); /* these three: 0, -1 raised */
int pairing_commit(struct pairing *p);
void pairing_rollback(struct pairing *p);

/* ---- who is registered ---- */

/* 1: the segment was looked at before. */
int pairing_seen(struct pairing *p, const char *segment);
int pairing_saw(struct pairing *p, const char *segment);
int pairing_register(struct pairing *p, const struct typed_key *key);
/* The person is to have another key; all wishes of a run are judged together,
 * before the run registers anybody: a new key that has records from before,
 * or that two want, is no one's, as in the merge (E7016). */
int pairing_wish(struct pairing *p, const struct typed_key *from,
    const struct typed_key *to);
int pairing_rekey(struct pairing *p);

/* ---- results ---- */

struct pairing_result {
	const char *file; /* stem of the upload */
	int64_t record;
	struct typed_key key;
	struct slice number; /* 処理通番 */
	int state; /* 1 acquired, 2 not found, 9 error */
	int32_t day;
	struct slice code; /* 機関別符号; sealed here, kept nowhere else */
};
int pairing_unstage(struct pairing *p, const char *file);
/* 1: another code than the one acquired before: not staged. 0, -1 raised. */
int pairing_stage(struct pairing *p, const struct pairing_result *r);
enum pairing_note {
	PAIRING_ORPHAN, /* no insurer has sent a record of the person */
	PAIRING_DUPLICATE, /* the same code had come before */
	PAIRING_NUMBER, /* answered under another 処理通番 than asked with */
	PAIRING_NOTE__MAX
};
extern const char *const pairing_notes[PAIRING_NOTE__MAX];
/* Staged uploads, one after the other: NULL or its stem in out[64]. 1, 0. */
int pairing_staged(struct pairing *p, char out[64]);
/* What is odd about the results of an upload; before pairing_settle(). */
int pairing_odd(struct pairing *p, const char *file,
    int (*each)(void *arg, int64_t record, enum pairing_note what), void *arg);
/* Takes what is staged of an upload (taken) or forgets it. */
int pairing_settle(struct pairing *p, const char *file, bool taken);

/* Everybody's 処理通番 and code, by key: for a new pseudonym key. The code is
 * overwritten after each(). */
int pairing_codes(struct pairing *p,
    int (*each)(void *arg, const struct typed_key *key, struct slice number,
	struct slice code),
    void *arg);

/* ---- requests and notices: lists that are written once ---- */

struct pairing_list {
	char name[64]; /* stem */
	int32_t day;
	int sequence;
};
/* Names a new request of all that have no code and are to be asked, on this
 * day, again after so many days. How many people; 0: none, no list; -1. */
int64_t pairing_request(
    struct pairing *p, int32_t day, int again_days, struct pairing_list *list);
/* A new list of all acquired, of this scheme's insurers (scheme_of says which
 * scheme a key is of), who were not told in this 文面版. */
typedef int pairing_scheme_fn(void *arg, const char *key); /* -1: none */
int64_t pairing_notice(struct pairing *p, int32_t day, const char *text,
    unsigned schemes, pairing_scheme_fn *scheme_of, void *arg,
    struct pairing_list *list);
/* A correction of record `of_record` of a notice list. 1: done; 0: there is no
 * such record; -1 raised. */
int pairing_correct(struct pairing *p, const struct pairing_list *list,
    int64_t record, const char *of_list, int64_t of_record, char change);
/* A list's name for the day, entered as not published. */
int pairing_list_new(struct pairing *p, const char *what, int32_t day,
    struct pairing_list *list);
int pairing_list_drop(struct pairing *p, const struct pairing_list *list);
/* The first list that is not published yet: 1 and *list, *request. 0, -1. */
int pairing_unpublished(
    struct pairing *p, struct pairing_list *list, bool *request);
int pairing_published(struct pairing *p, const char *name);

struct pairing_row {
	const char *key; /* typed key as text */
	const char *number;
	int64_t times; /* requests: how often asked */
	const char *scheme, *text; /* notices */
	char change; /* notices: 1 2 9 */
	const char *of_list;
	int64_t of_record;
};
int pairing_rows(struct pairing *p, const char *name, bool request,
    int (*each)(void *arg, const struct pairing_row *row), void *arg);

#endif
