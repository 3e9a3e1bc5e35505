/* A cover as a record: what an insurer or a federation writes of it. */
#ifndef TESTS_SAMPLE_FILL_H
#define TESTS_SAMPLE_FILL_H

#include "tests/sample/upload.h"

/* Bytes of one record's values; cleared per record. */
struct scratch {
	struct buf b;
	char s[4096];
};
void scratch_init(struct scratch *t);

/* The person id a cover goes under at its office. */
struct slice fill_person_id(struct scratch *t, const struct cover *v);
/* What is printed on the certificate. */
struct slice fill_symbol(
    struct scratch *t, const struct sample *s, const struct cover *v);
struct slice fill_number(struct scratch *t, const struct cover *v);
struct slice fill_branch(struct scratch *t, const struct cover *v);

void fill_set_day(struct record *r, int field, struct scratch *t, int32_t day);
void fill_set_number(
    struct record *r, int field, struct scratch *t, int64_t n, int digits);

/* change as enum qualification_change; version: 1 after an amendment. */
void fill_qualification(struct record *r, struct scratch *t,
    const struct sample *s, const struct cover *v, int change, int version);
void fill_person(struct record *r, struct scratch *t, const struct sample *s,
    const struct cover *v, int change, int version);
void fill_household(struct record *r, struct scratch *t, const struct sample *s,
    const struct cover *v, int change, int version);

void fill_header(struct record *r, struct scratch *t, const struct filename *id,
    const char *municipality);
/* Charset and syntax of a sender, the same on every day. */
enum syntax fill_syntax(const struct sample *s, const struct office *o);
enum charset fill_charset(const struct sample *s, const struct office *o);

#endif
