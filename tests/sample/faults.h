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
/* Puts the faults chosen in this member into its file. */
int faults_apply(struct stream *f, const char *name);
/* Senders of the whole-file faults: id, name; NULL at the end. */
const char *faults_sender(int i, const char **name);
/* Uploads that are wrong as a whole, each from a sender of its own. */
int faults_files(struct sample *s);

#endif
