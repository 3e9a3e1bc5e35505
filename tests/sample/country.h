/*
 * The synthetic country. Everything about a person is a pure function of
 * (seed, index): no list of people exists, any of them can be asked for at
 * random, and memory does not grow with the country.
 *
 * People are numbered 0..people-1. An office (an insurer's number) owns a
 * range of them; ranges of offices stand in the order municipal NHI by
 * prefecture, employees' schemes, late-stage elderly. Twelve people are a
 * block, cut into households by the hash of the block.
 *
 * Somebody's earlier cover at another office ("guest" there) is found from
 * both ends: the slots that movers come from and go to are tied by an affine
 * permutation, which has an inverse.
 */
#ifndef TESTS_SAMPLE_COUNTRY_H
#define TESTS_SAMPLE_COUNTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/qualification.h"

#define HOUSEHOLD_MAX 6

struct office { /* a 保険者番号 */
	enum scheme scheme;
	char number[9]; /* as printed: 6 or 8 digits */
	char code[9]; /* 保険者コード */
	char sender[9];
	char name[96];
	int prefecture; /* 1..47 */
	int town; /* NHI: which municipality of its prefecture */
	char municipality[6]; /* NHI: 市町村コード */
	int64_t first, people;
};

/* Where movers of one sort go and come from. */
struct movers {
	int64_t to, to_end, from, from_end; /* ranges of people */
	int step, residue; /* slots: every step-th person */
	uint64_t n, a, inverse, b; /* s' = a s + b mod n */
};
enum { MOVERS_JOB, MOVERS_OLD, MOVERS_CITY, MOVERS__MAX };

struct country {
	uint64_t seed;
	int64_t people;
	int32_t day; /* of the first delivery */
	struct office *office;
	int offices;
	int cities; /* office[0..cities-1] are municipal NHI */
	int city_of[48]; /* first office of prefecture p - 1; [47] the end */
	int elderly; /* first office of the late-stage elderly */
	int parts[47], part_of[48]; /* CRL partitions of a prefecture */
	struct movers job, old, city[47];
	unsigned char residence[1024]; /* prefectures by weight */
};

struct member {
	int64_t index;
	uint64_t hash;
	char sex, family; /* codes */
	unsigned char branch, given;
	int32_t birth;
	int32_t from, until; /* 資格取得, 喪失 (DAY_NONE) of the own cover */
	const char *loss; /* reason; "" */
	int32_t moved; /* 適用開始 here after a move in the prefecture */
};
struct household {
	const struct office *office;
	int64_t start; /* position of the first member in the office */
	int prefecture, town; /* of residence, town from 0 */
	unsigned surname; /* rare ones follow the common ones */
	int n;
	struct member m[HOUSEHOLD_MAX];
};

/* A period of cover as a record tells it. */
struct cover {
	const struct office *office;
	int kind; /* 0: own; 1 + MOVERS_*: guest; 5: gained later; 6: born */
	int64_t ordinal; /* position in the office, or of the slot */
	int64_t house; /* ordinal of the household, for 番号 and 世帯番号 */
	const struct household *hh;
	const struct member *m;
	int32_t from, until, applied_from, applied_until;
	const char *loss;
};

struct card {
	bool has;
	int generation; /* 0, 1 */
	uint32_t serial;
	int32_t from, until;
	int32_t revoked_on; /* DAY_NONE */
	int reason; /* of the CRL entry */
	uint32_t old_serial; /* superseded; 0: none */
	int old_generation;
	int partition;
};

struct country *country_new(uint64_t seed, int64_t people, int32_t day);
void country_free(struct country *c);
/* The sender's share of the senders' seeds: syntax and charset, files. */
uint64_t country_hash(const struct country *c, uint64_t a, uint64_t b);

/* The household around position pos of o; its size. */
int country_household(const struct country *c, const struct office *o,
    int64_t pos, struct household *hh);
const struct office *country_office(const struct country *c, int64_t index);
void country_cover(
    const struct household *hh, const struct member *m, struct cover *out);

/* Earlier covers at o of people who are elsewhere now. */
struct guests {
	const struct country *c;
	const struct office *o;
	int kind;
	int64_t slot;
	struct household hh;
};
void guests_start(
    struct guests *g, const struct country *c, const struct office *o);
bool guests_next(struct guests *g, struct cover *out);
/* The earlier cover of somebody, from the other end; false: none. */
bool country_earlier(const struct country *c, const struct household *hh,
    const struct member *m, struct cover *out);

/* day: index of the day since the first delivery, for cards lost since. */
void country_card(const struct country *c, const struct household *hh,
    const struct member *m, int day, struct card *out);
int country_partitions(const struct country *c);
/* "Tokyo-to", "Town0012-shi CRLDP" of a partition. */
void country_partition(
    const struct country *c, int partition, char ou[32], char cn[40]);

/* What happens to somebody on a later day (index from 1). */
enum event {
	EVENT_NONE,
	EVENT_AMEND,
	EVENT_LOSS,
	EVENT_MOVE,
	EVENT_BIRTH,
	EVENT_CANCEL
};
enum event country_event(const struct country *c, const struct household *hh,
    const struct member *m, int day, const struct office **to);

/* Nothing happens to m on any of the first `days` later days. */
bool country_calm(const struct country *c, const struct member *m, int days);

/* 処理通番 (17 bytes with NUL) and 機関別符号 (33). */
void country_processing_number(
    const struct country *c, const struct member *m, char out[17]);
void country_agency_code(
    const struct country *c, const struct member *m, char out[33]);
int country_age(const struct member *m, int32_t day);

#endif
