/*
 * The seal: CMS (RFC 5652) around an archive, and detached beside a
 * manifest. Memory does not grow with the content: an opaque SignedData is
 * walked on disk, its content hashed where it lies.
 *
 * Verification is one act: signature over all bytes, chain and revocation by
 * the store of chain.h, key usage digitalSignature, exactly one signer.
 */
#ifndef FORMATS_CODEC_SEAL_H
#define FORMATS_CODEC_SEAL_H

#include <stdint.h>

#include "formats/codec/chain.h"
#include "formats/codec/diag.h"

struct seal_signer {
	char
	    subject_cn[128]; /* UTF-8 commonName of the signer; empty: nobody */
	char serial[41]; /* upper-case hex */
	int64_t signing_time; /* ms; 0 where the attribute is absent */
};

/*
 * Verifies the SignedData in fd (DER or streamed BER) and writes its content
 * to out_fd. `key` (may be NULL) opens an EnvelopedData inside it. name is
 * for diagnostics. 0, or -1 with SEAL_* raised.
 */
struct seal_key;
struct seal_key *seal_key_open(const char *key_pem, const char *cert_pem,
    struct diag_sink *sink); /* NULL: KEY_UNREADABLE raised */
void seal_key_free(struct seal_key *key);
/* The one commonName of a certificate, to hold a seal_signer to: it outlives
 * renewal of the certificate. -1: KEY_UNREADABLE raised, or it has none. */
int seal_cert_name(
    const char *cert_pem, char subject_cn[128], struct diag_sink *sink);

int seal_open(const char *name, int fd, int out_fd, const struct chain *trust,
    const struct seal_key *key, int64_t now, struct seal_signer *signer,
    struct diag_sink *sink);

/* Signs in_fd as opaque DER SignedData into out_fd (flat memory);
 * `recipient_cert` (may be NULL): enveloped for it first. */
int seal_make(const char *name, int in_fd, int out_fd,
    const struct seal_key *signer, const char *recipient_cert, int64_t now,
    struct diag_sink *sink);

/* Detached, for small files of ours (manifests): DER in sig. */
int seal_sign_bytes(const char *name, struct slice content,
    const struct seal_key *signer, int64_t now, struct buf *sig,
    struct diag_sink *sink);
int seal_verify_bytes(const char *name, struct slice content, struct slice sig,
    const struct chain *trust, int64_t now, struct seal_signer *signer,
    struct diag_sink *sink);

/* RFC 3161: a request for a stamp over content (SHA-256, no nonce: the same
 * content asks the same); 0, -1. An answer held to content and to the anchors
 * of the authority, whose certificate must be for time stamping: 0; 1 it is
 * wrong, STAMP_BAD raised; -1 that cannot be told, KEY_UNREADABLE raised. */
int seal_stamp_request(struct slice content, struct buf *out);
int seal_stamp_check(const char *name, struct slice content,
    struct slice answer, const char *ca_pem, struct diag_sink *sink);

/* SHA-256 of the rest of fd / of bytes, as 64 lower-case hex digits. */
int seal_digest_fd(int fd, char hex[65]);
/* The same of a file mapped from its beginning; memory stays flat. */
void seal_digest_map(const void *map, size_t n, char hex[65]);
/* The same in a thread, while the caller goes on reading the map; begin
 * never fails, end waits for it and frees. */
struct seal_digest_thread;
struct seal_digest_thread *seal_digest_begin(const void *map, size_t n);
void seal_digest_end(struct seal_digest_thread *t, char hex[65]);
void seal_digest(struct slice bytes, char hex[65]);
/* Running SHA-256. */
struct seal_hash;
struct seal_hash *seal_hash_new(void);
void seal_hash_add(struct seal_hash *h, const void *p, size_t n);
void seal_hash_end(struct seal_hash *h, unsigned char out[32]); /* frees h */
/* The same, and h begins anew: for many short ones. */
void seal_hash_next(struct seal_hash *h, unsigned char out[32]);
void seal_hmac(struct slice key, struct slice data, unsigned char out[32]);
/* One small value under a key of ours (AES-256-GCM): nonce, ciphertext, tag:
 * SEAL_BOX_EXTRA bytes longer. about: what it belongs to; it opens for nothing
 * else. -1: does not fit, or does not open. */
#define SEAL_BOX_EXTRA 28
int seal_box(const unsigned char key[32], struct slice about,
    struct slice plain, struct buf *out);
int seal_unbox(const unsigned char key[32], struct slice about,
    struct slice box, struct buf *out);

#endif
