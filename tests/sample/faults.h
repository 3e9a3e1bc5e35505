/*
 * Faults on purpose. Record faults are put into finished members: the writer
 * itself refuses wrong values. Each row of FOLDER/planted.tsv is one
 * diagnostic that the product must raise: stem, member, record number (0:
 * the file), item, code, what.
 */
#ifndef TESTS_SAMPLE_FAULTS_H
#define TESTS_SAMPLE_FAULTS_H

#include "tests/sample/senders.h"

struct faults;
struct faults *faults_new(struct sample *s, double rate);
int faults_free(struct faults *f); /* writes what is left; -1: I/O */

/* Whether what is written next may be chosen; alone: one person of a
 * household of one, the house-th of the office. */
void faults_may(struct sample *s, bool may, bool alone, int64_t house);
/* A record on its way out: lists what its characters will raise (W1109),
 * and may choose it for a fault. */
void faults_seen(struct stream *f, const struct record *r);
/* The record just written will raise this. */
void faults_note(struct stream *f, enum diag_code code, const char *what);
uint64_t faults_rate(const struct faults *x); /* per million records */
/* Puts the faults chosen in this member into its file. */
int faults_apply(struct stream *f, const char *name);
/* The i-th sender of a whole-file fault; false: no more. */
struct fault_sender {
	char id[9];
	const char *name;
	enum pki_fault key; /* what is wrong with its certificate */
	bool left; /* takes part no longer */
};
bool faults_sender(int i, struct fault_sender *out);
/* Uploads that are wrong as a whole, each from a sender of its own. */
int faults_files(struct sample *s);

#endif
