#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/codec/day.h"
#include "formats/codec/seal.h"
#include "formats/segment.h"

#define BUFFER ((size_t)1 << 20)

struct segment {
	struct segment_head head;
	char *name;
	struct diag_sink *sink;
	int fd;
	int64_t at, end; /* not yet read: from at to end of the rows */
	char *buf;
	size_t room, have, pos;
	char *scope; /* head.scopes of them */
	int64_t seen; /* rows so far */
	char key[2][SEGMENT_KEY_SIZE]; /* of this row and the one before */
	int64_t record;
	struct seal_hash *hash; /* NULL: checked at open, or done */
	unsigned char digest[32];
	bool over, broken;
};

static unsigned
get16(const char *p)
{
	return (unsigned)(unsigned char)p[0] |
	    (unsigned)(unsigned char)p[1] << 8;
}

static uint32_t
get32(const char *p)
{
	return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

static int
broken(struct segment *s, const char *what)
{
	if (!s->broken)
		diag_file(s->sink, DIAG_SEGMENT_BROKEN, s->name, "%s", what);
	s->broken = true;
	return -1;
}

/* All of n bytes at offset; -1: cut or unreadable. */
static int
read_at(int fd, char *p, size_t n, int64_t at)
{
	while (n > 0) {
		ssize_t k = pread(fd, p, n, at);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
		at += k;
	}
	return 0;
}

/* Paths are made of the upload's name later: nothing but its own shape. */
static bool
id_ok(const struct filename *id)
{
	size_t n = strnlen(id->sender, sizeof(id->sender));

	for (size_t i = 0; i < n; i++)
		if (!((id->sender[i] >= '0' && id->sender[i] <= '9') ||
			(id->sender[i] >= 'A' && id->sender[i] <= 'Z')))
			return false;
	return n >= 1 && n <= 8 && id->feed < FEED__MAX && id->sequence >= 1 &&
	    id->sequence <= 9999 && id->day > day_of(2000, 1, 1) &&
	    id->day < day_of(2200, 1, 1);
}

static int
read_head(struct segment *s, const char *p)
{
	struct segment_head *h = &s->head;

	if (memcmp(p, "SHIKSEG1", 8) != 0)
		return broken(s, "not a segment of version 1");
	h->kind = (enum segment_kind)get16(p + 8);
	h->id.feed = (enum feed)(unsigned char)p[10];
	h->scheme = p[11];
	h->id.day = (int32_t)get32(p + 12);
	h->id.sequence = (int)get16(p + 16);
	memcpy(h->id.sender, p + 20, sizeof(h->id.sender));
	h->scopes = get16(p + 18);
	h->order = (enum segment_order)(unsigned char)p[29];
	bool zeros = true;
	for (size_t i = 20 + strnlen(p + 20, 9); i < SEGMENT_HEAD_SIZE; i++)
		zeros = zeros && (p[i] == 0 || i == 29);
	if (get16(p + 8) >= SEGMENT__MAX || !id_ok(&h->id) || !zeros ||
	    (h->order != SEGMENT_CHANGES && h->order != SEGMENT_RELEASE &&
		h->order != SEGMENT_DROP && h->order != SEGMENT_PURGE) ||
	    (h->scopes > 0 &&
		(h->kind != SEGMENT_PERIOD || h->order != SEGMENT_CHANGES)))
		return broken(s, "head");
	return 0;
}

static int
read_scopes(struct segment *s)
{
	size_t n = (size_t)s->head.scopes * SEGMENT_SCOPE_SIZE;

	s->scope = text_alloc(n + 1);
	if (s->at + (int64_t)n > s->end ||
	    read_at(s->fd, s->scope, n, s->at) == -1)
		return broken(s, "cut scopes");
	for (size_t i = SEGMENT_SCOPE_SIZE; i < n; i += SEGMENT_SCOPE_SIZE)
		if (memcmp(s->scope + i - SEGMENT_SCOPE_SIZE, s->scope + i,
			SEGMENT_SCOPE_SIZE) >= 0)
			return broken(s, "order of scopes");
	s->at += (int64_t)n;
	return 0;
}

static int
read_tail(struct segment *s, const char *p)
{
	uint64_t rows = get32(p + 8) | (uint64_t)get32(p + 12) << 32;

	if (memcmp(p, "SHIKEND1", 8) != 0)
		return broken(s, "no tail: the file is cut");
	if (rows > (uint64_t)s->end / SEGMENT_ROW_SIZE)
		return broken(s, "more rows than bytes");
	s->head.rows = (int64_t)rows;
	memcpy(s->digest, p + 16, 32);
	text_hex(s->digest, 32, s->head.digest);
	return 0;
}

static int
check_digest(struct segment *s)
{
	unsigned char have[32];
	struct seal_hash *h = s->hash;

	s->hash = NULL;
	seal_hash_end(h, have);
	if (memcmp(have, s->digest, 32) != 0)
		return broken(s, "digest");
	return 0;
}

/* The digest over everything before the tail, ahead of the first row. */
static int
check_whole(struct segment *s, const char *head)
{
	char *buf = text_alloc(BUFFER);
	int r = -1;

	s->hash = seal_hash_new();
	seal_hash_add(s->hash, head, SEGMENT_HEAD_SIZE);
	for (int64_t at = SEGMENT_HEAD_SIZE; at < s->end;) {
		size_t n = s->end - at < (int64_t)BUFFER ?
		    (size_t)(s->end - at) :
		    BUFFER;
		if (read_at(s->fd, buf, n, at) == -1) {
			broken(s, "cannot be read");
			goto out;
		}
		seal_hash_add(s->hash, buf, n);
		at += (int64_t)n;
	}
	r = check_digest(s);
out:
	free(buf);
	return r;
}

struct segment *
segment_open(
    const char *path, const char *name, bool whole, struct diag_sink *sink)
{
	struct segment *s = text_alloc(sizeof(*s));
	char head[SEGMENT_HEAD_SIZE], tail[SEGMENT_TAIL_SIZE];
	struct stat st;

	s->name = text_dup(slice_of(name));
	s->sink = sink;
	s->room = BUFFER;
	s->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->fd == -1 || fstat(s->fd, &st) == -1) {
		broken(s, "cannot be opened");
		goto bad;
	}
	s->at = SEGMENT_HEAD_SIZE;
	s->end = st.st_size - SEGMENT_TAIL_SIZE;
	if (!S_ISREG(st.st_mode) || s->end < SEGMENT_HEAD_SIZE ||
	    read_at(s->fd, head, sizeof(head), 0) == -1 ||
	    read_at(s->fd, tail, sizeof(tail), s->end) == -1) {
		broken(s, "too short");
		goto bad;
	}
	if (read_head(s, head) == -1 || read_tail(s, tail) == -1 ||
	    read_scopes(s) == -1)
		goto bad;
	posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (whole) {
		if (check_whole(s, head) == -1)
			goto bad;
	} else {
		s->hash = seal_hash_new();
		seal_hash_add(s->hash, head, sizeof(head));
		seal_hash_add(s->hash, s->scope,
		    (size_t)s->head.scopes * SEGMENT_SCOPE_SIZE);
	}
	return s;
bad:
	segment_close(s);
	return NULL;
}

const struct segment_head *
segment_head(const struct segment *s)
{
	return &s->head;
}

const char *
segment_scope(const struct segment *s, unsigned i)
{
	return s->scope + (size_t)i * SEGMENT_SCOPE_SIZE;
}

void
segment_buffer(struct segment *s, size_t bytes)
{
	if (s->buf == NULL)
		s->room = bytes;
}

/* At least `need` bytes from pos on. 0, or -1: there are no more. */
static int
fill(struct segment *s, size_t need)
{
	size_t left = s->have - s->pos;

	if (s->buf == NULL && (int64_t)s->room > s->end - s->at)
		s->room = (size_t)(s->end - s->at);
	if (s->buf == NULL || need > s->room) {
		s->room = need > s->room ? need : s->room;
		s->buf = text_realloc(s->buf, s->room);
	}
	memmove(s->buf, s->buf + s->pos, left);
	s->pos = 0;
	s->have = left;
	size_t want = s->room - left;
	if ((int64_t)want > s->end - s->at)
		want = (size_t)(s->end - s->at);
	if (left + want < need)
		return -1;
	if (read_at(s->fd, s->buf + left, want, s->at) == -1)
		return -1;
	if (s->hash != NULL)
		seal_hash_add(s->hash, s->buf + left, want);
	s->at += (int64_t)want;
	s->have += want;
	return 0;
}

static int
end_of_rows(struct segment *s)
{
	s->over = true;
	if (s->seen != s->head.rows)
		return broken(s, "count of rows");
	if (s->hash != NULL && check_digest(s) == -1)
		return -1;
	return 0;
}

int
segment_next(struct segment *s, struct segment_row *row)
{
	if (s->broken)
		return -1;
	if (s->over || (s->pos == s->have && s->at == s->end))
		return s->over ? 0 : end_of_rows(s);
	if (s->have - s->pos < SEGMENT_ROW_SIZE &&
	    fill(s, SEGMENT_ROW_SIZE) == -1)
		return broken(s, "cut row");
	const char *p = s->buf + s->pos;
	size_t payload = get16(p), n = (unsigned char)p[2];
	size_t size = SEGMENT_ROW_SIZE + n + payload;
	if (n > SEGMENT_KEY_SIZE || p[3] != 0)
		return broken(s, "row");
	if (s->have - s->pos < size) {
		if (fill(s, size) == -1)
			return broken(s, "cut row");
		p = s->buf + s->pos;
	}
	char *key = s->key[s->seen & 1], *before = s->key[~s->seen & 1];
	int64_t record = get32(p + 4);
	memcpy(key, p + SEGMENT_ROW_SIZE, n);
	memset(key + n, 0, SEGMENT_KEY_SIZE - n);
	if (s->seen > 0) {
		int c = memcmp(before, key, SEGMENT_KEY_SIZE);
		if (c > 0 || (c == 0 && s->record > record))
			return broken(s, "order of rows");
	}
	s->record = record;
	s->seen++;
	s->pos += size;
	row->key = key;
	row->record = record;
	row->payload.p = p + SEGMENT_ROW_SIZE + n;
	row->payload.n = payload;
	return 1;
}

#define GUESS_BYTES 65536
#define GUESS_ROWS 4 /* so many in a row and in order are no accident */

/* Length of what may be a row; 0: it cannot be one. */
static size_t
guess_row(const char *p, size_t left)
{
	size_t n;

	if (left < SEGMENT_ROW_SIZE)
		return 0;
	n = (unsigned char)p[2];
	if (n == 0 || n > SEGMENT_KEY_SIZE || p[3] != 0)
		return 0;
	n += SEGMENT_ROW_SIZE + get16(p);
	return n <= left ? n : 0;
}

static int
guess_cmp(const char *a, const char *b)
{
	size_t x = (unsigned char)a[2], y = (unsigned char)b[2];
	int c =
	    memcmp(a + SEGMENT_ROW_SIZE, b + SEGMENT_ROW_SIZE, x < y ? x : y);

	return c != 0 ? c : (x > y) - (x < y);
}

/* Do rows begin here? Up to the end of the buffer, at most GUESS_ROWS. */
static bool
guess(const char *p, size_t left, bool end)
{
	const char *before = NULL;

	for (int i = 0; i < GUESS_ROWS; i++) {
		size_t n = guess_row(p, left);
		if (n == 0)
			return i > 0 && end && left == 0;
		if (before != NULL && guess_cmp(before, p) > 0)
			return false;
		before = p;
		p += n;
		left -= n;
	}
	return true;
}

int
segment_part(
    struct segment *s, unsigned i, unsigned n, char key[SEGMENT_KEY_SIZE])
{
	int64_t from =
	    SEGMENT_HEAD_SIZE + (int64_t)s->head.scopes * SEGMENT_SCOPE_SIZE;
	int64_t at = from + (s->end - from) / n * i;
	size_t left =
	    s->end - at < GUESS_BYTES ? (size_t)(s->end - at) : GUESS_BYTES;
	char *buf = text_alloc(left + 1);
	int r = 0;

	if (read_at(s->fd, buf, left, at) == -1)
		r = broken(s, "cannot be read");
	for (size_t k = 0; r == 0 && k < left; k++) {
		if (!guess(buf + k, left - k, at + (int64_t)left == s->end))
			continue;
		memset(key, 0, SEGMENT_KEY_SIZE);
		memcpy(
		    key, buf + k + SEGMENT_ROW_SIZE, (unsigned char)buf[k + 2]);
		r = 1;
	}
	free(buf);
	return r;
}

void
segment_close(struct segment *s)
{
	unsigned char unused[32];

	if (s == NULL)
		return;
	if (s->hash != NULL)
		seal_hash_end(s->hash, unused);
	if (s->fd != -1)
		close(s->fd);
	free(s->buf);
	free(s->scope);
	free(s->name);
	free(s);
}
