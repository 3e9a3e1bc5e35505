/*
 * The auditor's reading of a usage folder: the heads of the days, the chains
 * of the journals, the bill. Shares no code with what wrote them
 * (online/journal.c, batch/collect.c, batch/riyo.c, formats/usage*.c,
 * formats/codec/seal*.c): it reads the bytes as the manual page describes
 * them, with libc and OpenSSL only, so that a fault of the writer does not
 * hide itself.
 */
#ifndef BATCH_VERIFY_H
#define BATCH_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/codec/diag.h"

struct verify_taken { /* what a head took of one journal */
	char name[48];
	int64_t from, lines;
	char chain[17]; /* after line `lines` */
};

struct verify_head { /* out/usage/riyo-YYYYMMDD.yaml */
	char name[32]; /* with .yaml */
	int64_t sequence;
	char digest[65], previous[65];
	char file[32], sha256[65]; /* the detail file */
	int64_t records, checks, provisions, billable, retries, unknown;
	bool stamped;
	int64_t retry_days; /* -1: an old head: this file alone */
	struct verify_taken *taken;
	size_t n;
};

struct verify_journal {
	char name[48];
	int64_t lines, offset; /* proved so far */
	char chain[17];
};

struct verify {
	const char *journals, *usage; /* folders */
	struct verify_trust *trust;
	struct diag_sink *sink;
	struct verify_head *head; /* by sequence */
	size_t heads;
	struct verify_journal *journal; /* by name */
	size_t files;
	int64_t lines, open, records; /* proved; of them in no file yet */
	int64_t months; /* billed */
	int64_t bad; /* faults raised */
	const char *tsa; /* anchors of the time stamps; NULL: not asked */
	int64_t stamps; /* proved */
	const char *signer; /* commonName every head must be signed by */
	bool (*stopped)(void);
	void (*progress)(void *arg, int64_t lines);
	int64_t steps; /* of a snapshot, for progress() */
	void *arg;
};

/* One fault: counted, with file and line (0: none). Returns -1. */
int verify_bad(struct verify *v, enum diag_code code, const char *file,
    int64_t line, const char *why);

/* verify_trust.c: anchors and CRL (NULL: not asked); NULL: raised. */
struct verify_trust *verify_trust_open(
    const char *ca_pem, const char *crl_pem, struct diag_sink *sink);
void verify_trust_free(struct verify_trust *t);
/* Detached CMS in sig over doc. NULL: good and *cn is the signer's; else what
 * is wrong, in words. */
int verify_name(const char *cert_pem, char cn[128]); /* 0, -1 */
const char *verify_signature(struct verify_trust *t, const void *doc, size_t n,
    const void *sig, size_t m, char cn[128]);
/* An RFC 3161 answer over doc; NULL: good, and *when says YYYYMMDDHHMMSSZ. */
const char *verify_stamp(const char *ca_pem, const void *doc, size_t n,
    const void *tsr, size_t m, char when[32]);
/* SHA-256 over up to two pieces; fast for short ones. */
void verify_sha256(
    const void *a, size_t n, const void *b, size_t m, unsigned char out[32]);
/* each (may be NULL): after every block of 1 MiB; not 0 stops. 0; -1 cannot be
 * read; 1 stopped. */
int verify_sha256_file(
    const char *path, char hex[65], int (*each)(void *arg), void *arg);

/* verify_heads.c: reads all heads, proves signatures and their order. */
int verify_heads(struct verify *v);
void verify_heads_free(struct verify *v);
/* A head and its signature by stem ("riyo-20260801"): the text, yours to free;
 * NULL: it cannot be read. Whatever is wrong with either, or with a time stamp
 * beside them, is told. */
char *verify_signed(
    struct verify *v, const char *stem, char digest[65], bool *stamped);
/* Heads in their order: none without a stamp between two that have one. */
void verify_stamps_stand(
    struct verify *v, const char *name, bool stamped, bool *one, char gap[32]);
/* "  key: value" cut in place; false: no such line. Digits; -1 no number. A
 * name or digest: nothing that could hurt a path or a log. */
bool verify_pair(char *line, const char **key, char **value);
int64_t verify_number(const char *s);
bool verify_copy(char *to, size_t size, const char *from);

/* verify_journal.c: walks the lines of a journal from where it was left to
 * line `until` (-1: its end), proves each; each(): the columns of a line.
 * 0, -1 raised. */
struct verify_line {
	const char *p; /* the line without its end */
	size_t n;
	int64_t number; /* line of the file, from 1; the names are line 1 */
	struct {
		const char *p;
		size_t n;
	} v[20];
};
int verify_journal(struct verify *v, struct verify_journal *j, int64_t until,
    int (*each)(void *arg, const struct verify_line *line), void *arg);
/* The journal of a name, nothing proved of it yet; NULL where the name is not
 * usage-YYYYMMDD.WORKER.log. Good until the next call. */
struct verify_journal *verify_journal_of(struct verify *v, const char *name);
int verify_split(struct verify_line *line, int columns); /* how many */
/* Is the column this number (0 and up), without zeros in front? */
bool verify_is(const struct verify_line *line, int column, int64_t want);

/* verify_bill.c: the detail file of a head against the journal lines it
 * took. */
int verify_bill(struct verify *v, const struct verify_head *h);

/* verify_month.c: every head bill-YYYYMM.yaml, the summary and the burden it
 * is of. 0, -1 raised. */
int verify_months(struct verify *v);

/* verify_snapshots.c: every set kept in a folder snapshots/ and every file it
 * names; counts sets in v->lines, rows in v->records. 0, -1 raised. */
int verify_snapshots(struct verify *v, const char *dir);

#endif
