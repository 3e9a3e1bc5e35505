/*
 * The TEST PKI: three ordinary CAs (insurers, institutions, site), two
 * generations of a card CA shaped like JPKI's (domain/jpki-and-pinless.md),
 * leaves of every use, and wrong ones of every sort. A private key that lies
 * in its place already is used again: RSA keys are slow to make.
 */
#ifndef TESTS_SAMPLE_PKI_H
#define TESTS_SAMPLE_PKI_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/config.h"

struct pki;

enum pki_ca {
	PKI_INSURER,
	PKI_INSTITUTION,
	PKI_SITE,
	PKI_CARD_1,
	PKI_CARD_2,
	PKI_OTHER, /* a CA nobody trusts */
	PKI__MAX
};
enum pki_use { PKI_USE_SIGN, PKI_USE_CLIENT, PKI_USE_SERVER, PKI_USE_OPEN };
enum pki_fault {
	PKI_GOOD,
	PKI_EXPIRED,
	PKI_REVOKED,
	PKI_OTHER_CA,
	PKI_WEAK,
	PKI_SELF_SIGNED,
	PKI_WRONG_USE,
	PKI_FAULT__MAX
};
extern const char *const pki_fault_names[PKI_FAULT__MAX];

/* dir: where keys and certificates lie. NULL: said on stderr. */
struct pki *pki_open(
    const struct config *config, const char *dir, int32_t day, uint64_t seed);
void pki_close(struct pki *p);
/* CAs, CRLs and the site's own keys, as the configuration names them. */
int pki_site(struct pki *p);
/* STEM.key and STEM.pem under dir: ou may be NULL. */
int pki_leaf(struct pki *p, enum pki_ca ca, enum pki_use use,
    enum pki_fault fault, const char *cn, const char *ou, const char *stem);

/* Key id of a card CA generation, 40 hex; the same for the same seed. */
const char *pki_card_ca(const struct pki *p, int generation);
/* cards/NNN.key and .der; partition OU and CN as in the CRL. */
int pki_card(struct pki *p, int n, int generation, uint32_t serial,
    int32_t from, int32_t until, const char *ou, const char *cn);

struct pki_revoked {
	uint32_t serial;
	int32_t on;
	int reason; /* -1: none */
};
/* The DER CRL of one partition into fd. number: cRLNumber. */
int pki_crl(struct pki *p, int generation, const char *ou, const char *cn,
    int64_t this_update, int64_t next_update, int64_t number,
    const struct pki_revoked *v, size_t n, int fd);
/* "CN=..,OU=.." as struct chain_crl writes a partition. */
void pki_partition_name(const char *ou, const char *cn, char out[256]);

/* SignedData by OpenSSL alone, whatever the signer: as streamed BER
 * (indefinite lengths), or DER made in memory; recipient_pem (may be NULL):
 * enveloped first. */
int pki_seal(const char *key_pem, const char *cert_pem,
    const char *recipient_pem, bool streamed, const char *in_path, int out_fd);

/* 32 random bytes as hex into an owner-only file, from the seed. */
int pki_secret(const struct pki *p, const char *path, uint64_t salt);

#endif
