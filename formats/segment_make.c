#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/seal.h"
#include "formats/codec/sort.h"
#include "formats/limits.h"
#include "formats/segment_make.h"

#define BUFFER ((size_t)1 << 20)
#define SORT_KEY (SEGMENT_KEY_SIZE + 4) /* key, record number big endian */

struct segment_make {
	struct segment_head head;
	struct sort *sort;
	char *scope; /* head.scopes of them, as they came */
	bool failed; /* an add did; errno of it is kept */
	int error;
	bool (*keep)(void *arg, const struct segment_row *row);
	void *keep_arg;
};

struct out {
	int fd;
	struct seal_hash *hash;
	char *buf;
	size_t n;
};

static void
put16(char *p, unsigned v)
{
	p[0] = (char)(v & 255);
	p[1] = (char)(v >> 8 & 255);
}

static void
put32(char *p, uint32_t v)
{
	put16(p, v & 0xffff);
	put16(p + 2, v >> 16);
}

struct segment_make *
segment_create(const struct segment_head *head, const char *work_dir)
{
	struct segment_make *m = text_alloc(sizeof(*m));

	m->head = *head;
	m->head.scopes = 0;
	m->sort = sort_new(SORT_KEY, SORT_MEMORY, work_dir);
	return m;
}

int
segment_add(struct segment_make *m, const void *key, int64_t record,
    struct slice payload)
{
	unsigned char k[SORT_KEY];

	if (payload.n > UINT16_MAX || record < 0 || record > UINT32_MAX) {
		m->failed = true;
		m->error = errno = EMSGSIZE;
		return -1;
	}
	memcpy(k, key, SEGMENT_KEY_SIZE);
	for (int i = 0; i < 4; i++)
		k[SEGMENT_KEY_SIZE + i] =
		    (unsigned char)(record >> (24 - 8 * i) & 255);
	if (sort_add(m->sort, k, payload) == -1) {
		m->failed = true;
		m->error = errno;
		return -1;
	}
	return 0;
}

int
segment_add_scope(struct segment_make *m, const char scope[SEGMENT_SCOPE_SIZE])
{
	size_t n = (size_t)m->head.scopes * SEGMENT_SCOPE_SIZE;

	for (size_t i = 0; i < n; i += SEGMENT_SCOPE_SIZE)
		if (memcmp(m->scope + i, scope, SEGMENT_SCOPE_SIZE) == 0)
			return 0;
	if (m->head.scopes == UINT16_MAX) {
		m->failed = true;
		m->error = errno = EMSGSIZE;
		return -1;
	}
	m->scope = text_realloc(m->scope, n + SEGMENT_SCOPE_SIZE);
	memcpy(m->scope + n, scope, SEGMENT_SCOPE_SIZE);
	m->head.scopes++;
	return 0;
}

void
segment_filter(struct segment_make *m,
    bool (*keep)(void *arg, const struct segment_row *row), void *arg)
{
	m->keep = keep;
	m->keep_arg = arg;
}

static int
out_flush(struct out *o)
{
	seal_hash_add(o->hash, o->buf, o->n);
	for (size_t done = 0; done < o->n;) {
		ssize_t k = write(o->fd, o->buf + done, o->n - done);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		done += (size_t)k;
	}
	o->n = 0;
	return 0;
}

/* Space for n bytes at the end of the buffer; NULL: writing failed. */
static char *
out_room(struct out *o, size_t n)
{
	if (o->n + n > BUFFER && out_flush(o) == -1)
		return NULL;
	char *p = o->buf + o->n;
	o->n += n;
	return p;
}

static void
write_head(const struct segment_head *h, char *p)
{
	memset(p, 0, SEGMENT_HEAD_SIZE);
	memcpy(p, "SHIKSEG1", 8);
	put16(p + 8, (unsigned)h->kind);
	p[10] = (char)h->id.feed;
	p[11] = h->scheme;
	put32(p + 12, (uint32_t)h->id.day);
	put16(p + 16, (unsigned)h->id.sequence);
	put16(p + 18, h->scopes);
	p[29] = (char)h->order;
	memcpy(p + 20, h->id.sender, strlen(h->id.sender));
}

static int
scope_cmp(const void *a, const void *b)
{
	return memcmp(a, b, SEGMENT_SCOPE_SIZE);
}

static int
write_scopes(struct segment_make *m, struct out *o)
{
	if (m->head.scopes > 1)
		qsort(m->scope, m->head.scopes, SEGMENT_SCOPE_SIZE, scope_cmp);
	for (unsigned i = 0; i < m->head.scopes; i++) {
		char *p = out_room(o, SEGMENT_SCOPE_SIZE);
		if (p == NULL)
			return -1;
		memcpy(p, m->scope + (size_t)i * SEGMENT_SCOPE_SIZE,
		    SEGMENT_SCOPE_SIZE);
	}
	return 0;
}

static int
write_row(struct out *o, const struct segment_row *row)
{
	const char *k = row->key;
	size_t n = SEGMENT_KEY_SIZE;

	while (n > 0 && k[n - 1] == 0)
		n--;
	char *p = out_room(o, SEGMENT_ROW_SIZE + n + row->payload.n);
	if (p == NULL)
		return -1;
	put16(p, (unsigned)row->payload.n);
	p[2] = (char)n;
	p[3] = 0;
	put32(p + 4, (uint32_t)row->record);
	memcpy(p + SEGMENT_ROW_SIZE, k, n);
	if (row->payload.n > 0)
		memcpy(
		    p + SEGMENT_ROW_SIZE + n, row->payload.p, row->payload.n);
	return 0;
}

static int
write_rows(struct segment_make *m, struct out *o)
{
	const void *key;
	struct segment_row row;
	int r;

	m->head.rows = 0;
	while ((r = sort_next(m->sort, &key, &row.payload)) == 1) {
		const unsigned char *k = key;
		row.key = key;
		row.record = 0;
		for (int i = SEGMENT_KEY_SIZE; i < SORT_KEY; i++)
			row.record = row.record << 8 | k[i];
		if (m->keep != NULL && !m->keep(m->keep_arg, &row))
			continue;
		m->head.rows++;
		if (write_row(o, &row) == -1)
			return -1;
	}
	return r;
}

static int
write_tail(struct out *o, struct segment_head *head)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char digest[32];
	char tail[SEGMENT_TAIL_SIZE];

	if (out_flush(o) == -1)
		return -1;
	seal_hash_end(o->hash, digest);
	o->hash = NULL;
	memcpy(tail, "SHIKEND1", 8);
	put32(tail + 8, (uint32_t)(head->rows & 0xffffffff));
	put32(tail + 12, (uint32_t)(head->rows >> 32));
	memcpy(tail + 16, digest, 32);
	for (int i = 0; i < 32; i++) {
		head->digest[2 * i] = hex[digest[i] >> 4];
		head->digest[2 * i + 1] = hex[digest[i] & 15];
	}
	head->digest[64] = '\0';
	ssize_t k = write(o->fd, tail, sizeof(tail));
	if (k != (ssize_t)sizeof(tail)) {
		errno = k == -1 ? errno : ENOSPC;
		return -1;
	}
	return fsync(o->fd);
}

int
segment_finish(
    struct segment_make *m, const char *path, struct segment_head *head)
{
	struct out o = { -1, NULL, NULL, 0 };
	unsigned char unused[32];
	int r = -1, error = m->error;

	if (m->failed)
		goto out;
	o.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (o.fd == -1 || sort_finish(m->sort) == -1) {
		error = errno;
		goto out;
	}
	o.buf = text_alloc(BUFFER);
	o.hash = seal_hash_new();
	write_head(&m->head, out_room(&o, SEGMENT_HEAD_SIZE));
	if (write_scopes(m, &o) == -1 || write_rows(m, &o) == -1 ||
	    write_tail(&o, &m->head) == -1) {
		error = errno;
		goto out;
	}
	*head = m->head;
	r = 0;
out:
	if (o.hash != NULL)
		seal_hash_end(o.hash, unused);
	if (o.fd != -1) {
		if (close(o.fd) == -1 && r == 0) {
			error = errno;
			r = -1;
		}
		if (r == -1)
			unlink(path);
	}
	free(o.buf);
	segment_abandon(m);
	errno = error;
	return r;
}

void
segment_abandon(struct segment_make *m)
{
	if (m == NULL)
		return;
	sort_free(m->sort);
	free(m->scope);
	free(m);
}
