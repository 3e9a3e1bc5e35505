/* SignedData, DER or streamed BER, without holding its content. */
#include <stdlib.h>
#include <string.h>

#include "formats/codec/seal_walk.h"

#define OID_SIGNED "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define OID_ENVELOPED "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
#define OID_DATA "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"

/* ---- taking apart ---- */

struct level { /* a constructed item we are inside of */
	int64_t limit; /* its end, or that of what holds it */
	bool open; /* indefinite: ends in 00 00 */
};

static int
enter(struct der_file *f, int64_t *at, int64_t limit, unsigned char tag,
    struct level *out)
{
	struct der_head h;

	if (der_file_head(f, *at, limit, true, &h) == -1 || h.tag != tag)
		return -1;
	*at = h.from;
	out->open = h.end == -1;
	out->limit = out->open ? limit : h.end;
	return 0;
}

static bool
at_end(struct der_file *f, int64_t at, const struct level *l)
{
	const unsigned char *p;

	if (!l->open)
		return at == l->limit;
	p = l->limit - at < 2 ? NULL : der_file_at(f, at, 2);
	return p == NULL || (p[0] == 0 && p[1] == 0);
}

static int
leave(struct der_file *f, int64_t *at, const struct level *l)
{
	const unsigned char *p;

	if (!l->open)
		return *at == l->limit ? 0 : -1;
	p = l->limit - *at < 2 ? NULL : der_file_at(f, *at, 2);
	if (p == NULL || p[0] != 0 || p[1] != 0)
		return -1;
	*at += 2;
	return 0;
}

/* Copies the strict DER item at *at into the store. */
static int
take(struct seal_parts *p, int64_t *at, int64_t limit, unsigned char tag,
    struct slice *out)
{
	struct der_head h;
	const unsigned char *bytes;
	size_t n;

	if (der_file_head(p->f, *at, limit, false, &h) == -1 || h.tag != tag ||
	    h.end - *at > (int64_t)(SEAL_FRAME_MAX - p->stored))
		return -1;
	n = (size_t)(h.end - *at);
	bytes = der_file_at(p->f, *at, n);
	if (bytes == NULL)
		return -1;
	*out = (struct slice) { p->store + p->stored, n };
	memcpy(p->store + p->stored, bytes, n);
	p->stored += n;
	*at = h.end;
	return der_strict(*out) ? 0 : -1;
}

/* All items inside a container, one after the other; how many, or -1. */
static int
take_all(struct seal_parts *p, int64_t *at, int64_t limit, unsigned char tag,
    struct slice *out)
{
	struct level l;
	struct slice one;
	int n = 0;

	*out = (struct slice) { p->store + p->stored, 0 };
	if (enter(p->f, at, limit, tag, &l) == -1)
		return -1;
	while (!at_end(p->f, *at, &l)) {
		if (take(p, at, l.limit, DER_SEQUENCE, &one) == -1)
			return -1;
		out->n += one.n;
		n++;
	}
	return leave(p->f, at, &l) == -1 ? -1 : n;
}

/* Past the pieces of a constructed OCTET STRING. */
static int
skip_chunks(struct seal_parts *p, int64_t *at, const struct level *l)
{
	struct der_head h;

	while (!at_end(p->f, *at, l)) {
		if (der_file_head(p->f, *at, l->limit, true, &h) == -1 ||
		    h.tag != DER_OCTETS || h.end == -1)
			return -1;
		*at = h.end;
	}
	return 0;
}

/* eContent: [0] EXPLICIT OCTET STRING. */
static int
walk_content(struct seal_parts *p, int64_t *at, int64_t limit)
{
	struct level outer, chunks;
	struct der_head h;

	if (enter(p->f, at, limit, 0xa0, &outer) == -1 ||
	    der_file_head(p->f, *at, outer.limit, true, &h) == -1)
		return -1;
	p->from = h.from;
	p->end = h.end;
	if (h.tag == DER_OCTETS) {
		*at = h.end;
	} else {
		p->chunked = true;
		if (enter(p->f, at, outer.limit, DER_OCTETS | 0x20, &chunks) ==
			-1 ||
		    skip_chunks(p, at, &chunks) == -1)
			return -1;
		p->end = *at;
		if (leave(p->f, at, &chunks) == -1)
			return -1;
	}
	return leave(p->f, at, &outer);
}

static int
walk_encapsulated(struct seal_parts *p, int64_t *at, int64_t limit)
{
	struct level l;

	if (enter(p->f, at, limit, DER_SEQUENCE, &l) == -1 ||
	    take(p, at, l.limit, DER_OID, &p->type) == -1)
		return -1;
	if (at_end(p->f, *at, &l))
		p->detached = true;
	else if (walk_content(p, at, l.limit) == -1)
		return -1;
	return leave(p->f, at, &l);
}

static const char *
walk_signed_data(struct seal_parts *p, int64_t *at, int64_t limit)
{
	struct level l;

	if (enter(p->f, at, limit, DER_SEQUENCE, &l) == -1 ||
	    take(p, at, l.limit, DER_INTEGER, &p->version) == -1 ||
	    take(p, at, l.limit, DER_SET, &p->digests) == -1)
		return "not a SignedData";
	if (walk_encapsulated(p, at, l.limit) == -1)
		return "content is cut or not an OCTET STRING";
	if (take_all(p, at, l.limit, 0xa0, &p->certificates) < 1)
		return "the signer's certificate must be in it";
	if (take_all(p, at, l.limit, DER_SET, &p->signer) != 1)
		return "exactly one signer is needed";
	return leave(p->f, at, &l) == -1 ? "bytes after the signer" : NULL;
}

/* ---- the profile of the frame ---- */

/* AlgorithmIdentifier with absent or NULL parameters; its OID. */
static int
algorithm(struct slice *in, struct slice *oid, bool *null)
{
	struct der_item it, part;

	if (der_expect(in, DER_SEQUENCE, &it) == -1 ||
	    der_expect(&it.v, DER_OID, &part) == -1)
		return -1;
	*oid = part.v;
	*null = it.v.n > 0;
	return it.v.n == 0 || slice_eq(it.v, SLICE("\x05\x00")) ? 0 : -1;
}

/* Signature algorithms by digest: SHA-256, -384, -512. */
static bool
goes_with(struct slice sig, bool null, struct slice digest)
{
	static const char sha2[] = "\x60\x86\x48\x01\x65\x03\x04\x02";
	static const char rsa[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01";
	static const char ecdsa[] = "\x2a\x86\x48\xce\x3d\x04\x03";
	int kind;

	if (digest.n != 9 || memcmp(digest.p, sha2, 8) != 0)
		return false;
	kind = digest.p[8]; /* 1, 2, 3 */
	if (kind < 1 || kind > 3)
		return false;
	if (sig.n == 9 && memcmp(sig.p, rsa, 8) == 0)
		return null && (sig.p[8] == 1 || sig.p[8] == 10 + kind);
	return sig.n == 8 && memcmp(sig.p, ecdsa, 7) == 0 && !null &&
	    sig.p[7] == 1 + kind;
}

/* One Attribute: contentType, messageDigest and signingTime once each with
 * one value; others are signed too and say nothing to us. */
static int
attribute(struct seal_parts *p, struct slice *in, unsigned *seen)
{
	static const char pkcs9[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x09";
	struct der_item it, oid, set, v;
	unsigned bit;

	if (der_expect(in, DER_SEQUENCE, &it) == -1 ||
	    der_expect(&it.v, DER_OID, &oid) == -1 ||
	    der_expect(&it.v, DER_SET, &set) == -1 || it.v.n != 0)
		return -1;
	if (oid.v.n != 9 || memcmp(oid.v.p, pkcs9, 8) != 0 || oid.v.p[8] < 3 ||
	    oid.v.p[8] > 5)
		return 0;
	bit = 1u << (oid.v.p[8] - 3);
	if ((*seen & bit) != 0 || der_next(&set.v, &v) == -1 || set.v.n != 0)
		return -1;
	*seen |= bit;
	if (bit == 1)
		return slice_eq(v.all, p->type) ? 0 : -1;
	if (bit == 2)
		return v.tag == DER_OCTETS ? 0 : -1;
	return der_time(&v, &p->signing_time);
}

static int
attributes(struct seal_parts *p, struct slice in)
{
	unsigned seen = 0;

	while (in.n > 0)
		if (attribute(p, &in, &seen) == -1)
			return -1;
	return (seen & 3) == 3 ? 0 : -1;
}

/* issuerAndSerialNumber (version 1) or subjectKeyIdentifier (version 3). */
static int
signer_id(struct seal_parts *p, struct slice *in, bool *v3)
{
	struct der_item it, part;

	if (der_next(in, &it) == -1)
		return -1;
	*v3 = it.tag == 0x80;
	if (*v3)
		return 0;
	if (it.tag != DER_SEQUENCE ||
	    der_expect(&it.v, DER_SEQUENCE, &part) == -1)
		return -1;
	p->issuer = part.all;
	if (der_expect(&it.v, DER_INTEGER, &part) == -1 || it.v.n != 0)
		return -1;
	p->serial = part.all;
	return 0;
}

static const char *
profile(struct seal_parts *p)
{
	struct slice in = p->signer, digest, listed, sig;
	struct der_item it, version, list;
	bool v3, null, data = slice_eq(p->type, SLICE(OID_DATA));

	if (!data && !slice_eq(p->type, SLICE(OID_ENVELOPED)))
		return "content type is neither data nor envelopedData";
	if (der_expect(&in, DER_SEQUENCE, &it) == -1)
		return "signer";
	in = it.v;
	if (der_expect(&in, DER_INTEGER, &version) == -1 ||
	    signer_id(p, &in, &v3) == -1 ||
	    !slice_is(version.v, v3 ? "\x03" : "\x01") ||
	    !slice_eq(p->version,
		data && !v3 ? SLICE("\x02\x01\x01") : SLICE("\x02\x01\x03")))
		return "version";
	listed = p->digests;
	if (algorithm(&in, &digest, &null) == -1 ||
	    der_expect(&listed, DER_SET, &list) == -1 ||
	    algorithm(&list.v, &listed, &null) == -1 || list.v.n != 0 ||
	    !slice_eq(listed, digest))
		return "digest algorithm";
	if (der_expect(&in, 0xa0, &it) == -1 || attributes(p, it.v) == -1)
		return "signed attributes";
	if (algorithm(&in, &sig, &null) == -1 || !goes_with(sig, null, digest))
		return "signature algorithm";
	if (der_expect(&in, DER_OCTETS, &it) == -1 || in.n != 0)
		return "unsigned attributes";
	return NULL;
}

const char *
seal_walk(struct der_file *f, struct seal_parts *p)
{
	struct level info, content;
	const char *why = "not a CMS SignedData";
	struct slice oid;
	int64_t at = 0;

	memset(p, 0, sizeof(*p));
	p->f = f;
	p->store = text_alloc(SEAL_FRAME_MAX);
	if (enter(f, &at, f->size, DER_SEQUENCE, &info) == -1 ||
	    take(p, &at, info.limit, DER_OID, &oid) == -1 ||
	    !slice_eq(oid, SLICE(OID_SIGNED)) ||
	    enter(f, &at, info.limit, 0xa0, &content) == -1)
		return why;
	why = walk_signed_data(p, &at, content.limit);
	if (why != NULL)
		return why;
	if (leave(f, &at, &content) == -1 || leave(f, &at, &info) == -1 ||
	    at != f->size)
		return "bytes after the SignedData";
	return profile(p);
}

void
seal_parts_free(struct seal_parts *p)
{
	free(p->store);
	p->store = NULL;
}

char *
seal_detached(const struct seal_parts *p, size_t *n)
{
	size_t size = p->stored + 128;
	char *out = text_alloc(size);
	struct buf b;

	buf_init(&b, out, size);
	buf_put(&b, SLICE("\x30\x80" OID_SIGNED "\xa0\x80\x30\x80"));
	buf_put(&b, p->version);
	buf_put(&b, p->digests);
	buf_put(&b, SLICE("\x30\x80"));
	buf_put(&b, p->type);
	buf_put(&b, SLICE("\x00\x00\xa0\x80"));
	buf_put(&b, p->certificates);
	buf_put(&b, SLICE("\x00\x00\x31\x80"));
	buf_put(&b, p->signer);
	buf_put(&b, SLICE("\x00\x00\x00\x00\x00\x00\x00\x00"));
	*n = b.n;
	return out;
}

/* ---- the content ---- */

void
seal_content_begin(struct seal_content *c, const struct seal_parts *p)
{
	*c = (struct seal_content) { .parts = p,
		.at = p->from,
		.chunk_end = p->chunked ? p->from : p->end };
}

int64_t
seal_content_next(struct seal_content *c, size_t max, const unsigned char **p)
{
	struct der_head h;
	int64_t n;

	if (c->parts->detached)
		return 0;
	while (c->at == c->chunk_end) {
		if (!c->parts->chunked || c->at == c->parts->end)
			return 0;
		if (der_file_head(
			c->parts->f, c->at, c->parts->end, true, &h) == -1 ||
		    h.end == -1)
			return -1;
		c->at = h.from;
		c->chunk_end = h.end;
	}
	n = c->chunk_end - c->at;
	if (n > (int64_t)max)
		n = (int64_t)max;
	*p = der_file_at(c->parts->f, c->at, (size_t)n);
	if (*p == NULL)
		return -1;
	c->at += n;
	return n;
}
