/*
 * A SignedData (RFC 5652) taken apart where it lies: everything but the
 * content comes into memory, the content stays on disk and is read range by
 * range. Also holds the frame to our profile, because much of it is covered
 * by no signature: exactly one signer, SHA-256 or better, signed attributes,
 * nothing unsigned, no bytes that could be otherwise. For seal*.c only.
 */
#ifndef FORMATS_CODEC_SEAL_WALK_H
#define FORMATS_CODEC_SEAL_WALK_H

#include "formats/codec/der.h"

#define SEAL_FRAME_MAX ((size_t)256 << 10) /* certificates and signer */

struct seal_parts {
	struct der_file *f;
	/* the content: between from and end (-1: up to the end mark), one
	 * piece or many */
	bool detached, chunked;
	int64_t from, end;
	/* pieces, pointing into store */
	struct slice version, digests, type, certificates, signer;
	char *store;
	size_t stored;
	/* what the profile found */
	struct slice issuer, serial; /* of the signer; n == 0: by key id */
	int64_t signing_time; /* 0: not told */
};
/* NULL, or what is wrong (English, for the diagnostic's detail). */
const char *seal_walk(struct der_file *f, struct seal_parts *p);
void seal_parts_free(struct seal_parts *p);
/* The same SignedData without its content, BER, for OpenSSL. Yours to free. */
char *seal_detached(const struct seal_parts *p, size_t *n);

/* The content, piece by piece: bytes good until the next call; 0 the end, -1
 * unreadable. */
struct seal_content {
	const struct seal_parts *parts;
	int64_t at, chunk_end;
};
void seal_content_begin(struct seal_content *c, const struct seal_parts *p);
int64_t seal_content_next(
    struct seal_content *c, size_t max, const unsigned char **p);

#endif
