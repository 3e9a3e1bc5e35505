/* Digests, keyed digests, sealed values: SHA-256, HMAC-SHA-256 and AES-256-GCM
 * of OpenSSL. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "formats/codec/der.h"
#include "formats/codec/seal.h"

#define WINDOW ((size_t)8 << 20)
#define READ_SIZE ((size_t)256 << 10)

struct seal_hash {
	EVP_MD_CTX *ctx;
	EVP_MD_CTX *fresh; /* begun, nothing added; NULL until next() */
};

/* SHA-256 cannot fail but for want of memory: ends as text_alloc() does. */
static void
must(int ok)
{
	if (ok != 1)
		(void)text_alloc(SIZE_MAX / 2);
}

struct seal_hash *
seal_hash_new(void)
{
	struct seal_hash *h = text_alloc(sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	must(h->ctx != NULL && EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
	return h;
}

void
seal_hash_add(struct seal_hash *h, const void *p, size_t n)
{
	must(EVP_DigestUpdate(h->ctx, p, n));
}

void
seal_hash_next(struct seal_hash *h, unsigned char out[32])
{
	must(EVP_DigestFinal_ex(h->ctx, out, NULL));
	if (h->fresh == NULL) {
		h->fresh = EVP_MD_CTX_new();
		must(h->fresh != NULL &&
		    EVP_DigestInit_ex(h->fresh, EVP_sha256(), NULL));
	}
	/* a copy costs less than beginning anew (274 -> 222 ns for 146 bytes)
	 */
	must(EVP_MD_CTX_copy_ex(h->ctx, h->fresh));
}

void
seal_hash_end(struct seal_hash *h, unsigned char out[32])
{
	must(EVP_DigestFinal_ex(h->ctx, out, NULL));
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_CTX_free(h->fresh);
	free(h);
}

static void
hash_end_hex(struct seal_hash *h, char hex[65])
{
	unsigned char sum[32];

	seal_hash_end(h, sum);
	der_hex((struct slice) { (char *)sum, sizeof(sum) }, hex, 65);
}

void
seal_digest(struct slice bytes, char hex[65])
{
	struct seal_hash *h = seal_hash_new();

	seal_hash_add(h, bytes.p, bytes.n);
	hash_end_hex(h, hex);
}

int
seal_digest_fd(int fd, char hex[65])
{
	struct seal_hash *h = seal_hash_new();
	char *buf = text_alloc(READ_SIZE);
	ssize_t n;

	while ((n = read(fd, buf, READ_SIZE)) != 0) {
		if (n == -1 && errno != EINTR)
			break;
		if (n > 0)
			seal_hash_add(h, buf, (size_t)n);
	}
	free(buf);
	hash_end_hex(h, hex);
	return n == 0 ? 0 : -1;
}

void
seal_digest_map(const void *map, size_t n, char hex[65])
{
	struct seal_hash *h = seal_hash_new();
	const char *p = map;

	for (size_t k; n > 0; p += k, n -= k) {
		k = n < WINDOW ? n : WINDOW;
		seal_hash_add(h, p, k);
		madvise((void *)(uintptr_t)p, k, MADV_DONTNEED);
	}
	hash_end_hex(h, hex);
}

struct seal_digest_thread {
	pthread_t id;
	bool begun;
	const void *map;
	size_t n;
	char hex[65];
};

static void *
digest_thread(void *arg)
{
	struct seal_digest_thread *t = arg;

	seal_digest_map(t->map, t->n, t->hex);
	return NULL;
}

/* Signals are for the caller: its flags, its interrupted calls. */
struct seal_digest_thread *
seal_digest_begin(const void *map, size_t n)
{
	struct seal_digest_thread *t = text_alloc(sizeof(*t));
	sigset_t all, before;

	t->map = map;
	t->n = n;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	t->begun = pthread_create(&t->id, NULL, digest_thread, t) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return t;
}

void
seal_digest_end(struct seal_digest_thread *t, char hex[65])
{
	if (t->begun)
		pthread_join(t->id, NULL);
	else
		digest_thread(t);
	memcpy(hex, t->hex, sizeof(t->hex));
	free(t);
}

void
seal_hmac(struct slice key, struct slice data, unsigned char out[32])
{
	/* an empty key is no key at all: NULL would mean "the last one" */
	must(HMAC(EVP_sha256(), key.n > 0 ? key.p : "", (int)key.n,
		 (const unsigned char *)data.p, data.n, out, NULL) != NULL);
}

#define NONCE 12
#define TAG 16

int
seal_box(const unsigned char key[32], struct slice about, struct slice plain,
    struct buf *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char box[1024];
	int n = 0, r = -1;

	if (c == NULL || plain.n + SEAL_BOX_EXTRA > sizeof(box) ||
	    RAND_bytes(box, NONCE) != 1 ||
	    EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, box) != 1 ||
	    EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)about.p,
		(int)about.n) != 1 ||
	    EVP_EncryptUpdate(c, box + NONCE, &n,
		(const unsigned char *)plain.p, (int)plain.n) != 1 ||
	    EVP_EncryptFinal_ex(c, box + NONCE + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		c, EVP_CTRL_GCM_GET_TAG, TAG, box + NONCE + plain.n) != 1)
		goto out;
	buf_put(out,
	    (struct slice) { (const char *)box, plain.n + SEAL_BOX_EXTRA });
	r = out->full ? -1 : 0;
out:
	EVP_CIPHER_CTX_free(c);
	return r;
}

int
seal_unbox(const unsigned char key[32], struct slice about, struct slice box,
    struct buf *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const unsigned char *p = (const unsigned char *)box.p;
	unsigned char plain[1024];
	int n = 0, last = 0, r = -1;

	if (c == NULL || box.n < SEAL_BOX_EXTRA || box.n > sizeof(plain) ||
	    EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, p) != 1 ||
	    EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)about.p,
		(int)about.n) != 1 ||
	    EVP_DecryptUpdate(
		c, plain, &n, p + NONCE, (int)(box.n - SEAL_BOX_EXTRA)) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG,
		(void *)(uintptr_t)(p + box.n - TAG)) != 1 ||
	    EVP_DecryptFinal_ex(c, plain + n, &last) != 1)
		goto out;
	buf_put(out,
	    (struct slice) { (const char *)plain, box.n - SEAL_BOX_EXTRA });
	r = out->full ? -1 : 0;
out:
	explicit_bzero(plain, sizeof(plain));
	EVP_CIPHER_CTX_free(c);
	return r;
}
