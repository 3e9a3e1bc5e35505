/* What each sender writes: the insurers, the federations, J-LIS, 厚生局. */
#ifndef TESTS_SAMPLE_SENDERS_H
#define TESTS_SAMPLE_SENDERS_H

#include "tests/sample/fill.h"

/* A record file being written as a member of an upload. */
struct stream {
	struct upload *u;
	int member, fd;
	const struct layout *layout;
	enum syntax syntax;
	enum charset charset;
	struct record_writer *w;
	int64_t n, total; /* of the file */
};
int stream_open(struct stream *f, struct upload *u, int member,
    const struct layout *l, enum syntax y, enum charset c);
int stream_header(struct stream *f, const char *municipality);
/* Numbers it (field 1 of every layout) and writes it. */
int stream_write(struct stream *f, struct record *r, struct scratch *t);
int stream_trailer(struct stream *f);
/* Finishes the member; faults planted in it are put in now. */
int stream_close(struct stream *f, const char *name);

/* Every sender once, in the order of the offices. */
struct sender_files {
	int first, end; /* offices */
	int files; /* of the full delivery: sequence numbers 1..files */
	int64_t people, each;
};
bool senders_next(const struct sample *s, struct sender_files *f);

int senders_tables(struct sample *s); /* masters.* */
int senders_keys(struct sample *s);
int senders_full(struct sample *s); /* insurers and federations */
int senders_changes(struct sample *s);

int feeds_codes(struct sample *s);
int feeds_link(struct sample *s);
int feeds_crl(struct sample *s);
int feeds_institutions(struct sample *s);
/* Code of institution i (from 0), with its check digit. */
void feeds_institution_code(const struct sample *s, int64_t i, char out[11]);
int64_t feeds_institution_count(const struct sample *s);

/* pki/cards.tsv and pki/ask.tsv: whom tests may ask about. */
int people_cards(struct sample *s);
int people_ask(struct sample *s);
/* Whom faults leave alone, so that the answers stay as listed. */
bool people_spared(const struct member *m);

#endif
