#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/seal.h"
#include "formats/codec/sort.h"
#include "formats/limits.h"
#include "formats/segment_make.h"

#define BUFFER ((size_t)1 << 20)
#define SORT_KEY (SEGMENT_KEY_SIZE + 4) /* key, record number big endian */

struct out {
	int fd; /* -1: nothing but the buffer so far */
	struct seal_hash *hash; /* NULL: not asked */
	char *buf;
	size_t n;
};

/*
 * Insurers' files mostly come in order of their keys. A row that is not before
 * the last one streamed goes straight into the file that becomes the segment;
 * only the others are sorted, and merged with what was streamed in the end.
 */
struct segment_make {
	struct segment_head head;
	char *work_dir;
	struct sort *sort; /* rows that came late */
	struct out out; /* those that came in order */
	unsigned char last[SORT_KEY]; /* the last of them */
	int64_t streamed; /* how many */
	int64_t begin; /* of the rows in the streamed file */
	bool stays; /* in the buffer: there is no file to stream into */
	bool late_scope; /* one came when the head was written already */
	char *scope; /* head.scopes of them, as they came */
	bool failed; /* an add did; errno of it is kept */
	int error;
	bool (*keep)(void *arg, const struct segment_row *row);
	void *keep_arg;
};

/* Rows of the streamed file, read again. */
struct again {
	int fd; /* -1: all of it is in the buffer */
	int64_t at; /* in the file, of `end` */
	char *buf;
	const char *p, *end;
	struct segment_row row;
	char key[SEGMENT_KEY_SIZE];
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
	m->head.rows = 0;
	m->work_dir = text_dup(slice_of(work_dir));
	m->sort = sort_new(SORT_KEY, SORT_MEMORY, work_dir);
	m->out.fd = -1;
	return m;
}

static int
failed(struct segment_make *m, int error)
{
	m->failed = true;
	m->error = errno = error;
	return -1;
}

int
segment_add_scope(struct segment_make *m, const char scope[SEGMENT_SCOPE_SIZE])
{
	size_t n = (size_t)m->head.scopes * SEGMENT_SCOPE_SIZE;

	for (size_t i = 0; i < n; i += SEGMENT_SCOPE_SIZE)
		if (memcmp(m->scope + i, scope, SEGMENT_SCOPE_SIZE) == 0)
			return 0;
	if (m->head.scopes == UINT16_MAX)
		return failed(m, EMSGSIZE);
	m->late_scope = m->late_scope || m->out.fd != -1;
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
	if (o->hash != NULL)
		seal_hash_add(o->hash, o->buf, o->n);
	if (text_write(o->fd, (struct slice) { o->buf, o->n }) == -1)
		return -1;
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

/* Head and scopes, in front of whatever is in the buffer already. */
static int
out_begin(struct segment_make *m, struct out *o, int fd)
{
	size_t scopes = (size_t)m->head.scopes * SEGMENT_SCOPE_SIZE;
	char head[SEGMENT_HEAD_SIZE];

	o->fd = fd;
	o->hash = seal_hash_new();
	write_head(&m->head, head);
	if (m->head.scopes > 1)
		qsort(m->scope, m->head.scopes, SEGMENT_SCOPE_SIZE, scope_cmp);
	seal_hash_add(o->hash, head, sizeof(head));
	if (scopes > 0)
		seal_hash_add(o->hash, m->scope, scopes);
	if (text_write(fd, (struct slice) { head, sizeof(head) }) == -1 ||
	    (scopes > 0 &&
		text_write(fd, (struct slice) { m->scope, scopes }) == -1))
		return -1;
	m->begin = (int64_t)(sizeof(head) + scopes);
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

/* ---- rows in order, as they come ---- */

/* A file without a name, which gets one when it is whole: nothing is left of
 * it wherever we are stopped. -1: the file system has no such files; then all
 * rows are sorted. */
static int
nameless(const char *work_dir)
{
	if (access("/proc/self/fd", X_OK) == -1)
		return -1;
	return open(work_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
}

static int
stream(struct segment_make *m, const struct segment_row *row)
{
	if (m->out.buf == NULL)
		m->out.buf = text_alloc(BUFFER);
	if (m->keep != NULL && !m->keep(m->keep_arg, row))
		return 0;
	m->streamed++;
	return write_row(&m->out, row);
}

/* Whether this row can be streamed. The buffer is written out for the first
 * time when it cannot take it. */
static int
streams(struct segment_make *m, const unsigned char k[SORT_KEY], size_t n)
{
	int fd;

	if (memcmp(k, m->last, SORT_KEY) < 0)
		return 0;
	if (m->out.fd != -1 || m->out.n + n <= BUFFER)
		return 1;
	if (m->stays)
		return 0;
	if ((fd = nameless(m->work_dir)) == -1) {
		m->stays = true;
		return 0;
	}
	return out_begin(m, &m->out, fd) == -1 ? -1 : 1;
}

int
segment_add(struct segment_make *m, const void *key, int64_t record,
    struct slice payload)
{
	struct segment_row row = { key, record, payload };
	unsigned char k[SORT_KEY];
	uint32_t number;
	int r;

	if (m->failed)
		return failed(m, m->error);
	if (payload.n > UINT16_MAX || record < 0 || record > UINT32_MAX)
		return failed(m, EMSGSIZE);
	memcpy(k, key, SEGMENT_KEY_SIZE);
	number = htobe32((uint32_t)record);
	memcpy(k + SEGMENT_KEY_SIZE, &number, sizeof(number));
	r = streams(m, k, SEGMENT_ROW_SIZE + SEGMENT_KEY_SIZE + payload.n);
	if (r == 1)
		memcpy(m->last, k, SORT_KEY);
	if (r == -1 ||
	    (r == 1 ? stream(m, &row) : sort_add(m->sort, k, payload)) == -1)
		return failed(m, errno);
	return 0;
}

/* ---- what was streamed and what was sorted, into one ---- */

/* 1: a row; 0: no more; -1: errno set. */
static int
again_next(struct again *a)
{
	size_t need = SEGMENT_ROW_SIZE;

	for (;;) {
		const unsigned char *p = (const unsigned char *)a->p;
		size_t left = (size_t)(a->end - a->p);

		if (left >= SEGMENT_ROW_SIZE)
			need = SEGMENT_ROW_SIZE + p[2] + (p[0] | p[1] << 8);
		if (left >= need)
			break;
		if (a->fd == -1)
			return 0;
		memmove(a->buf, a->p, left);
		ssize_t k = pread(a->fd, a->buf + left, BUFFER - left, a->at);
		if (k == -1 && errno == EINTR)
			k = 0;
		else if (k == 0 && left == 0)
			return 0;
		else if (k <= 0) {
			errno = k == 0 ? EIO : errno;
			return -1;
		}
		a->p = a->buf;
		a->end = a->buf + left + (size_t)k;
		a->at += k;
	}
	const unsigned char *p = (const unsigned char *)a->p;
	size_t n = p[2];
	uint32_t record;

	memcpy(&record, p + 4, sizeof(record));
	memset(a->key, 0, sizeof(a->key));
	memcpy(a->key, p + SEGMENT_ROW_SIZE, n);
	a->row = (struct segment_row) { a->key, le32toh(record),
		{ a->p + SEGMENT_ROW_SIZE + n, need - SEGMENT_ROW_SIZE - n } };
	a->p += need;
	return 1;
}

static int
sorted_next(struct segment_make *m, struct segment_row *row)
{
	const void *key;
	uint32_t record;
	int r = sort_next(m->sort, &key, &row->payload);

	if (r != 1)
		return r;
	row->key = key;
	memcpy(&record, row->key + SEGMENT_KEY_SIZE, sizeof(record));
	row->record = be32toh(record);
	return 1;
}

/* Equal rows: the streamed one came first. */
static bool
streamed_first(const struct segment_row *a, const struct segment_row *b)
{
	int c = memcmp(a->key, b->key, SEGMENT_KEY_SIZE);

	return c != 0 ? c < 0 : a->record <= b->record;
}

static int
write_rows(struct segment_make *m, struct again *a, struct out *o)
{
	/* those streamed were asked for already */
	bool ask = m->keep != NULL && sort_count(m->sort) > 0;
	struct segment_row row;
	int x = again_next(a), y = sorted_next(m, &row);

	if (ask)
		m->keep(m->keep_arg, NULL);
	while (x == 1 || y == 1) {
		bool first =
		    y != 1 || (x == 1 && streamed_first(&a->row, &row));
		struct segment_row *r = first ? &a->row : &row;

		if (x == -1 || y == -1)
			return -1;
		if (!ask || m->keep(m->keep_arg, r)) {
			m->head.rows++;
			if (write_row(o, r) == -1)
				return -1;
		}
		if (first)
			x = again_next(a);
		else
			y = sorted_next(m, &row);
	}
	return x == -1 || y == -1 ? -1 : 0;
}

static int
write_tail(struct out *o, struct segment_head *head)
{
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
	text_hex(digest, 32, head->digest);
	head->digest[64] = '\0';
	ssize_t k = write(o->fd, tail, sizeof(tail));
	if (k != (ssize_t)sizeof(tail)) {
		errno = k == -1 ? errno : ENOSPC;
		return -1;
	}
	return fsync(o->fd);
}

/* Nothing came late: the streamed file is the segment and gets its name. */
static int
finish_streamed(struct segment_make *m, const char *path)
{
	char fd[32];

	snprintf(fd, sizeof(fd), "/proc/self/fd/%d", m->out.fd);
	m->head.rows = m->streamed;
	if (write_tail(&m->out, &m->head) == -1)
		return -1;
	return linkat(AT_FDCWD, fd, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static void
out_free(struct out *o)
{
	unsigned char unused[32];

	if (o->hash != NULL)
		seal_hash_end(o->hash, unused);
	if (o->fd != -1)
		close(o->fd);
	free(o->buf);
}

static int
finish_merged(struct segment_make *m, const char *path)
{
	struct again a = { .fd = m->out.fd, .at = m->begin };
	struct out o = { .fd = -1 };
	int error, fd, r = -1;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd == -1)
		return -1;
	if (a.fd == -1) {
		a.p = m->out.buf;
		a.end = a.p + m->out.n;
	} else if (out_flush(&m->out) == -1)
		goto out;
	else
		a.p = a.end = a.buf = m->out.buf;
	o.buf = text_alloc(BUFFER);
	if (sort_finish(m->sort) == -1 || out_begin(m, &o, fd) == -1 ||
	    write_rows(m, &a, &o) == -1 || write_tail(&o, &m->head) == -1)
		goto out;
	r = 0;
out:
	error = errno;
	o.fd = fd;
	out_free(&o);
	if (r == -1)
		unlink(path);
	errno = error;
	return r;
}

int
segment_finish(
    struct segment_make *m, const char *path, struct segment_head *head)
{
	bool as_it_is =
	    m->out.fd != -1 && !m->late_scope && sort_count(m->sort) == 0;
	int r = -1, error = m->error;

	if (!m->failed) {
		r = as_it_is ? finish_streamed(m, path) :
			       finish_merged(m, path);
		error = errno;
	}
	if (r == 0)
		*head = m->head;
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
	out_free(&m->out);
	free(m->work_dir);
	free(m->scope);
	free(m);
}
