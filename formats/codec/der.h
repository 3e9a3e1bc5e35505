/*
 * Distinguished encoding (X.690) read as slices, and over a file of any size
 * through a window: what chain and seal look at themselves before, or
 * instead of, giving it to OpenSSL. Strict: definite, shortest lengths, one
 * byte of tag. Nothing here allocates but the window.
 */
#ifndef FORMATS_CODEC_DER_H
#define FORMATS_CODEC_DER_H

#include <stdbool.h>
#include <stdint.h>

#include "formats/codec/text.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTC_TIME = 0x17,
	DER_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT = 0x80 /* + n, + 0x20 where constructed */
};

struct der_item {
	unsigned char tag;
	struct slice v; /* the contents */
	struct slice all; /* with tag and length */
};
/* The item at the front of *in, which is moved past it. 0, -1. */
int der_next(struct slice *in, struct der_item *out);
/* The same, and it must have this tag. */
int der_expect(struct slice *in, unsigned char tag, struct der_item *out);
/* True where in begins with an item of this tag. */
bool der_peek(struct slice in, unsigned char tag);
/* Exactly one item, and everything nested in it well-formed as well. */
bool der_strict(struct slice in);
/* A positive INTEGER of at most 20 octets as lower-case hex, two digits a
 * byte, no leading 00. 0, -1. */
int der_serial(struct slice v, char hex[41]);
void der_hex(struct slice v, char *hex, size_t size); /* cut to fit */
/* UTCTime or GeneralizedTime as RFC 5280 wants them; ms. 0, -1. */
int der_time(const struct der_item *t, int64_t *ms);
/* A Name on one line, last part first: "CN=..,OU=..,C=JP"; , + " \ < > ; =
 * and a leading # by a backslash. -1: not such a name, or too long. */
int der_name(struct slice name, char *out, size_t size);
bool der_oid_is(struct slice v, const char *dotted);

/* A file seen through a window; or bytes (fd -1). */
#define DER_WINDOW ((size_t)256 << 10)
struct der_file {
	int fd;
	int64_t size;
	unsigned char *buf; /* window, or the bytes */
	int64_t at; /* of the window in the file */
	size_t have;
};
int der_file_open(struct der_file *f, int fd); /* 0, -1 errno */
void der_file_bytes(struct der_file *f, struct slice bytes);
void der_file_close(struct der_file *f);
/* n bytes (at most DER_WINDOW) at `at`, good until the next call; NULL where
 * the file has not got them. */
const unsigned char *der_file_at(struct der_file *f, int64_t at, size_t n);

struct der_head {
	unsigned char tag;
	int64_t from, end; /* of the contents; end -1: indefinite length */
};
/* The head at `at` of an item that must end by `limit`. `ber`: indefinite
 * and longer-than-needed lengths are let through. 0, -1. */
int der_file_head(struct der_file *f, int64_t at, int64_t limit, bool ber,
    struct der_head *out);

#endif
