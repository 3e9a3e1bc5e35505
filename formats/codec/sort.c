/*
 * External sort. Rows lie one after the other in one block of memory; a run
 * is sorted through an index of (8 key bytes, position). The 8 bytes are
 * taken after what all keys of the run have in common: typed keys of one
 * insurer agree in their first nine. Equal index words are sorted again by
 * the next 8 bytes. Rows that came in order already are not sorted at all.
 *
 * All runs lie one after the other in one unlinked file: one descriptor
 * however many there are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/codec/sort.h"

/* In front of a row: lengths of payload and key. A key lies without the NULs
 * at its end; compared as if it had them. */
#define HEAD (sizeof(uint32_t) + 1)
#define SPILL_BUFFER ((size_t)1 << 20)
#define MERGE_BUFFER ((size_t)64 << 10) /* least per run while merging */
#define SMALL 24 /* rows up to which insertion beats radix */

struct entry {
	uint64_t prefix; /* 8 key bytes at the present depth, big endian */
	uint64_t at; /* of the row in the block */
};

struct run { /* rows from `at` to `end` of the file, in order */
	int fd; /* -1: the spill file */
	int64_t at, end;
	char *buf;
	size_t have, pos, room;
	const char *row; /* the row at hand; NULL: no more */
};

struct sort {
	size_t key_size;
	int64_t memory;
	char *work_dir;
	int64_t count;
	char *block; /* of `memory` bytes */
	size_t used, last; /* bytes; where the last row begins */
	size_t rows; /* in the block */
	size_t common; /* key bytes all rows of the block agree in */
	bool ordered; /* so far the rows of the block came in order */
	bool failed;
	int fd; /* spill file; -1: none */
	int64_t spilled;
	struct run *runs;
	size_t nruns, runs_max;
	/* reading */
	bool finished, merging;
	const struct entry *index; /* one run in memory; NULL: ordered */
	size_t next, offset;
	size_t *tree, winner; /* losers of the merge */
	bool advance; /* the winner's row was handed out */
	char *key; /* handed out, with its NULs */
};

static uint32_t
get32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static size_t
key_length(const char *row)
{
	return (unsigned char)row[HEAD - 1];
}

static size_t
row_length(const char *row)
{
	return HEAD + key_length(row) + get32(row);
}

/* The keys of two rows from byte `depth` on. */
static int
key_cmp(const char *a, const char *b, size_t depth)
{
	size_t x = key_length(a), y = key_length(b), n = x < y ? x : y;
	int c = n <= depth ?
	    0 :
	    memcmp(a + HEAD + depth, b + HEAD + depth, n - depth);

	/* the longer one's last byte is not NUL */
	return c != 0 ? c : (x > y) - (x < y);
}

static uint64_t
prefix_at(const char *key, size_t depth, size_t key_size)
{
	uint64_t v = 0;

	if (depth + 8 <= key_size) {
		memcpy(&v, key + depth, 8);
		return __builtin_bswap64(v);
	}
	for (size_t i = 0; i < 8; i++)
		v = v << 8 |
		    (depth + i < key_size ? (unsigned char)key[depth + i] : 0);
	return v;
}

struct sort *
sort_new(size_t key_size, int64_t memory, const char *work_dir)
{
	struct sort *s = text_alloc(sizeof(*s));

	if (key_size > SORT_KEY_MAX)
		abort();
	s->key_size = key_size;
	s->key = text_alloc(key_size);
	s->memory = memory < 4096 ? 4096 : memory;
	s->work_dir = text_dup(slice_of(work_dir));
	s->fd = -1;
	s->ordered = true;
	return s;
}

int64_t
sort_count(const struct sort *s)
{
	return s->count;
}

/* ---- one run in memory ---- */

static void
insertion(const struct sort *s, struct entry *v, size_t n, size_t depth)
{
	for (size_t i = 1; i < n; i++) {
		struct entry e = v[i];
		size_t j = i;
		for (; j > 0; j--) {
			const struct entry *b = &v[j - 1];
			if (b->prefix < e.prefix)
				break;
			if (b->prefix == e.prefix &&
			    key_cmp(s->block + b->at, s->block + e.at, depth) <=
				0)
				break;
			v[j] = v[j - 1];
		}
		v[j] = e;
	}
}

/* How many of the leading bytes tell most rows apart: so many that they could
 * have twice as many values as there are rows. */
static unsigned
leading_bytes(size_t counts[8][256], size_t n)
{
	unsigned bytes = 0;
	size_t values = 1;

	while (bytes < 8 && values < 2 * n) {
		const size_t *c = counts[7 - bytes++];
		size_t different = 0;
		for (unsigned b = 0; b < 256; b++)
			different += c[b] > 0;
		values *= different;
	}
	return bytes;
}

/* By the leading bytes of the prefix, the last of them first; bytes that are
 * the same in every row cost nothing but the count. *bytes: how many. Returns
 * where the result lies. */
static struct entry *
radix(struct entry *v, struct entry *tmp, size_t n, unsigned *bytes)
{
	size_t counts[8][256];

	memset(counts, 0, sizeof(counts));
	for (size_t i = 0; i < n; i++)
		for (unsigned d = 0; d < 8; d++)
			counts[d][v[i].prefix >> (8 * d) & 255]++;
	*bytes = leading_bytes(counts, n);
	for (unsigned d = 8 - *bytes; d < 8; d++) {
		size_t *c = counts[d], sum = 0;
		if (c[v[0].prefix >> (8 * d) & 255] == n)
			continue;
		for (unsigned b = 0; b < 256; b++) {
			size_t k = c[b];
			c[b] = sum;
			sum += k;
		}
		for (size_t i = 0; i < n; i++)
			tmp[c[v[i].prefix >> (8 * d) & 255]++] = v[i];
		struct entry *swap = v;
		v = tmp;
		tmp = swap;
	}
	return v;
}

/* Rows that agree in the bytes sorted by are sorted by those that follow. The
 * recursion is at most as deep as the key is long. */
static void
sort_range(const struct sort *s, struct entry *v, struct entry *tmp, size_t n,
    size_t depth)
{
	unsigned bytes;

	for (size_t i = 0; i < n; i++) {
		const char *row = s->block + v[i].at;
		v[i].prefix = prefix_at(row + HEAD, depth, key_length(row));
	}
	if (n <= SMALL) {
		insertion(s, v, n, depth);
		return;
	}
	struct entry *sorted = radix(v, tmp, n, &bytes);
	if (sorted != v)
		memcpy(v, sorted, n * sizeof(*v));
	unsigned shift = 64 - 8 * bytes;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1;
		     j < n && (v[j].prefix ^ v[i].prefix) >> shift == 0;)
			j++;
		if (j - i == 1)
			continue;
		if (j - i <= SMALL)
			insertion(s, v + i, j - i, depth);
		else if (depth + bytes < s->key_size)
			sort_range(s, v + i, tmp, j - i, depth + bytes);
	}
}

/* The index stands behind the rows; sort_add() keeps that much free. NULL:
 * the rows lie in order already. */
static const struct entry *
sort_block(struct sort *s)
{
	if (s->ordered)
		return NULL;
	struct entry *v =
	    (struct entry *)(void *)(s->block + ((s->used + 15) & ~15UL));
	size_t at = 0;

	for (size_t i = 0; i < s->rows; i++) {
		v[i].at = at;
		at += row_length(s->block + at);
	}
	sort_range(s, v, v + s->rows, s->rows, s->common);
	return v;
}

/* ---- runs on disk ---- */

struct spill { /* a run being written */
	char *buf;
	size_t n;
	int64_t at; /* file offset of buf */
	int fd;
};

static int
spill_flush(struct spill *w)
{
	for (size_t done = 0; done < w->n;) {
		ssize_t k = pwrite(
		    w->fd, w->buf + done, w->n - done, w->at + (int64_t)done);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		done += (size_t)k;
	}
	w->at += (int64_t)w->n;
	w->n = 0;
	return 0;
}

static int
spill_put(struct spill *w, const char *p, size_t n)
{
	while (n > 0) {
		size_t k = SPILL_BUFFER - w->n;
		if (k > n)
			k = n;
		memcpy(w->buf + w->n, p, k);
		w->n += k;
		p += k;
		n -= k;
		if (w->n == SPILL_BUFFER && spill_flush(w) == -1)
			return -1;
	}
	return 0;
}

static int
spill_file(const char *work_dir)
{
	size_t n = strlen(work_dir) + sizeof("/sort-XXXXXX");
	char *path = text_alloc(n);

	memcpy(path, work_dir, strlen(work_dir));
	memcpy(path + strlen(work_dir), "/sort-XXXXXX", sizeof("/sort-XXXXXX"));
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd != -1)
		unlink(path);
	free(path);
	return fd;
}

static struct run *
run_add(struct sort *s, int64_t at, int64_t end)
{
	if (s->nruns == s->runs_max) {
		s->runs_max = s->runs_max ? 2 * s->runs_max : 16;
		s->runs = text_realloc(s->runs, s->runs_max * sizeof(*s->runs));
	}
	struct run *r = &s->runs[s->nruns++];
	memset(r, 0, sizeof(*r));
	r->fd = -1;
	r->at = at;
	r->end = end;
	return r;
}

/* The block goes to disk as one run. */
static int
spill_block(struct sort *s)
{
	int r = -1;
	struct spill w = { NULL, 0, s->spilled, -1 };

	if (s->fd == -1 && (s->fd = spill_file(s->work_dir)) == -1)
		goto out;
	w.fd = s->fd;
	w.buf = text_alloc(SPILL_BUFFER);
	const struct entry *v = sort_block(s);
	if (v == NULL) {
		if (spill_put(&w, s->block, s->used) == -1)
			goto out;
	} else
		for (size_t i = 0; i < s->rows; i++) {
			const char *row = s->block + v[i].at;
			if (i + 8 < s->rows)
				__builtin_prefetch(s->block + v[i + 8].at);
			if (spill_put(&w, row, row_length(row)) == -1)
				goto out;
		}
	if (spill_flush(&w) == -1)
		goto out;
	run_add(s, s->spilled, w.at);
	s->spilled = w.at;
	s->used = s->rows = s->last = 0;
	s->ordered = true;
	r = 0;
out:
	free(w.buf);
	return r;
}

/* In pages of 2 MiB where the kernel has them: rows are gathered from all over
 * the block, and each page is met once instead of every few rows. */
static void
block_new(struct sort *s)
{
	s->block = text_alloc((size_t)s->memory);
	uintptr_t at = ((uintptr_t)s->block + 4095) & ~(uintptr_t)4095;
	madvise((void *)at, (size_t)s->memory - (at - (uintptr_t)s->block),
	    MADV_HUGEPAGE); /* a wish: nothing is lost where it fails */
}

/* Without the NULs at the end, eight at a time: keys are up to 112 bytes long
 * and mostly NUL. */
static size_t
length_of(const char *key, size_t k)
{
	for (uint64_t v; k >= 8; k -= 8) {
		memcpy(&v, key + k - 8, sizeof(v));
		if (v != 0)
			break;
	}
	while (k > 0 && key[k - 1] == '\0')
		k--;
	return k;
}

int
sort_add(struct sort *s, const void *key, struct slice payload)
{
	size_t k = length_of(key, s->key_size);
	size_t n = HEAD + k + payload.n;
	/* rows, and for each an index entry and its twin for the radix */
	size_t index = 2 * (s->rows + 1) * sizeof(struct entry) + 32;

	if (s->failed || payload.n > UINT32_MAX) {
		errno = s->failed ? EIO : EMSGSIZE;
		return -1;
	}
	if (s->rows > 0 && s->used + n + index > (size_t)s->memory) {
		if (spill_block(s) == -1) {
			s->failed = true;
			return -1;
		}
		index = 2 * sizeof(struct entry) + 32;
	}
	if (n + index > (size_t)s->memory) { /* one row larger than the cap */
		s->memory = (int64_t)(n + index);
		s->block = text_realloc(s->block, (size_t)s->memory);
	}
	if (s->block == NULL)
		block_new(s);
	char *row = s->block + s->used;
	uint32_t len = (uint32_t)payload.n;
	memcpy(row, &len, sizeof(len));
	row[HEAD - 1] = (char)k;
	if (k > 0)
		memcpy(row + HEAD, key, k);
	if (payload.n > 0)
		memcpy(row + HEAD + k, payload.p, payload.n);
	if (s->rows == 0 || k < s->common)
		s->common = k;
	if (s->rows > 0) {
		const char *before = s->block + s->last;
		size_t c = 0;
		while (c < s->common && before[HEAD + c] == row[HEAD + c])
			c++;
		s->common = c;
		if (s->ordered && key_cmp(before, row, c) > 0)
			s->ordered = false;
	}
	s->last = s->used;
	s->used += n;
	s->rows++;
	s->count++;
	return 0;
}

/* ---- merging ---- */

/* The next row of a run into its buffer, which grows for a long row. */
static int
run_next(const struct sort *s, struct run *r)
{
	size_t need = HEAD;

	if (r->row != NULL)
		r->pos += row_length(r->row);
	r->row = NULL;
	for (;;) {
		size_t left = r->have - r->pos;
		if (left == 0 && r->at == r->end)
			return 0;
		if (left >= HEAD) {
			need = row_length(r->buf + r->pos);
			if (left >= need)
				break;
		}
		memmove(r->buf, r->buf + r->pos, left);
		r->pos = 0;
		r->have = left;
		if (need > r->room) {
			r->room = need;
			r->buf = text_realloc(r->buf, r->room);
		}
		size_t want = r->room - left;
		if ((int64_t)want > r->end - r->at)
			want = (size_t)(r->end - r->at);
		if (want == 0) {
			errno = EIO;
			return -1;
		}
		ssize_t k = pread(
		    r->fd != -1 ? r->fd : s->fd, r->buf + left, want, r->at);
		if (k == -1 && errno == EINTR)
			continue;
		if (k <= 0) {
			errno = k == 0 ? EIO : errno;
			return -1;
		}
		r->at += k;
		r->have += (size_t)k;
	}
	r->row = r->buf + r->pos;
	return 0;
}

/* Run a before run b? An ended run is behind all; equal keys by run. */
static bool
before(const struct run *runs, size_t a, size_t b)
{
	if (runs[a].row == NULL || runs[b].row == NULL)
		return runs[a].row != NULL || (runs[b].row == NULL && a < b);
	int c = key_cmp(runs[a].row, runs[b].row, 0);
	return c != 0 ? c < 0 : a < b;
}

/* A tree of losers: tree[i] lost at inner node i; returns the winner. */
static size_t
tree_play(const struct run *runs, size_t n, size_t *tree, size_t node)
{
	if (node >= n)
		return node - n;
	size_t a = tree_play(runs, n, tree, 2 * node);
	size_t b = tree_play(runs, n, tree, 2 * node + 1);
	bool first = before(runs, a, b);
	tree[node] = first ? b : a;
	return first ? a : b;
}

static size_t
tree_replay(const struct run *runs, size_t n, size_t *tree, size_t winner)
{
	for (size_t i = (winner + n) / 2; i > 0; i /= 2)
		if (before(runs, tree[i], winner)) {
			size_t swap = tree[i];
			tree[i] = winner;
			winner = swap;
		}
	return winner;
}

static int
merge_begin(
    struct sort *s, struct run *runs, size_t n, size_t *tree, size_t *winner)
{
	size_t room = (size_t)s->memory / (n + 1);

	if (room < 256)
		room = 256;
	if (room > SPILL_BUFFER)
		room = SPILL_BUFFER;
	for (size_t i = 0; i < n; i++) {
		runs[i].room = room;
		runs[i].buf = text_alloc(room);
		if (run_next(s, &runs[i]) == -1)
			return -1;
	}
	*winner = n == 1 ? 0 : tree_play(runs, n, tree, 1);
	return 0;
}

/* Runs from first, n of them, become one run of another file. */
static int
merge_some(struct sort *s, struct run *runs, size_t n, struct spill *w)
{
	size_t *tree = text_alloc((n + 1) * sizeof(*tree)), winner = 0;
	int r = -1;

	if (merge_begin(s, runs, n, tree, &winner) == -1)
		goto out;
	while (runs[winner].row != NULL) {
		if (spill_put(w, runs[winner].row,
			row_length(runs[winner].row)) == -1)
			goto out;
		if (run_next(s, &runs[winner]) == -1)
			goto out;
		winner = tree_replay(runs, n, tree, winner);
	}
	r = spill_flush(w);
out:
	for (size_t i = 0; i < n; i++) {
		free(runs[i].buf);
		runs[i].buf = NULL;
	}
	free(tree);
	return r;
}

/* While there are more runs than buffers fit into memory: fewer, longer. */
static int
merge_down(struct sort *s)
{
	size_t fan = (size_t)s->memory / MERGE_BUFFER;
	int r = -1, fd = -1;
	struct spill w = { NULL, 0, 0, -1 };

	if (fan < 8)
		fan = 8;
	while (s->nruns > fan) {
		struct run *old = s->runs;
		size_t n = s->nruns;
		s->runs = NULL;
		s->nruns = s->runs_max = 0;
		w.at = 0;
		w.buf = w.buf != NULL ? w.buf : text_alloc(SPILL_BUFFER);
		w.fd = fd = spill_file(s->work_dir);
		r = fd == -1 ? -1 : 0;
		for (size_t i = 0; r == 0 && i < n; i += fan) {
			int64_t at = w.at;
			r = merge_some(
			    s, old + i, n - i < fan ? n - i : fan, &w);
			run_add(s, at, w.at);
		}
		for (size_t i = 0; i < n; i++)
			if (old[i].fd != -1)
				close(old[i].fd);
		free(old);
		if (r == -1)
			goto out;
		if (s->fd != -1)
			close(s->fd);
		s->fd = fd;
		fd = -1;
	}
	r = 0;
out:
	if (fd != -1)
		close(fd);
	free(w.buf);
	return r;
}

int
sort_finish(struct sort *s)
{
	if (s->failed) {
		errno = EIO;
		return -1;
	}
	s->finished = true;
	if (s->nruns == 0) {
		s->index = s->rows > 0 ? sort_block(s) : NULL;
		return 0;
	}
	s->merging = true;
	if (s->rows > 0 && spill_block(s) == -1)
		return -1;
	free(s->block);
	s->block = NULL;
	if (merge_down(s) == -1)
		return -1;
	s->tree = text_alloc((s->nruns + 1) * sizeof(*s->tree));
	return merge_begin(s, s->runs, s->nruns, s->tree, &s->winner);
}

/* The next row as it lies, good until the call after it; *out NULL: the end. */
static inline int
next_row(struct sort *s, const char **out)
{
	const char *row;

	*out = NULL;

	if (s->merging) {
		struct run *r = &s->runs[s->winner];
		if (s->advance) {
			if (run_next(s, r) == -1)
				return -1;
			s->winner =
			    tree_replay(s->runs, s->nruns, s->tree, s->winner);
			r = &s->runs[s->winner];
		}
		s->advance = true;
		if ((row = r->row) == NULL)
			return 0;
	} else {
		if (s->next == s->rows)
			return 0;
		row = s->block +
		    (s->index != NULL ? s->index[s->next].at : s->offset);
		if (s->index != NULL && s->next + 8 < s->rows)
			__builtin_prefetch(s->block + s->index[s->next + 8].at);
		s->offset += row_length(row);
		s->next++;
	}
	*out = row;
	return 1;
}

int
sort_next(struct sort *s, const void **key, struct slice *payload)
{
	const char *row;
	int got = next_row(s, &row);

	if (got != 1)
		return got;
	size_t k = key_length(row);
	if (k > 0)
		memcpy(s->key, row + HEAD, k);
	if (k < s->key_size)
		memset(s->key + k, 0, s->key_size - k);
	*key = s->key;
	payload->p = row + HEAD + k;
	payload->n = get32(row);
	return 1;
}

/* ---- from one process to another ---- */

int
sort_save(struct sort *s, const char *path)
{
	struct spill w = { NULL, 0, 0, -1 };
	const char *row;
	int got, r = -1;

	w.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (w.fd == -1)
		return -1;
	w.buf = text_alloc(SPILL_BUFFER);
	while ((got = next_row(s, &row)) == 1)
		if (spill_put(&w, row, row_length(row)) == -1)
			goto out;
	if (got == 0 && spill_flush(&w) == 0)
		r = fsync(w.fd);
out:
	free(w.buf);
	return close(w.fd) == -1 ? -1 : r;
}

int
sort_take(struct sort *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t end = fd == -1 ? -1 : lseek(fd, 0, SEEK_END);

	if (end == -1) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	run_add(s, 0, end)->fd = fd;
	return 0;
}

void
sort_free(struct sort *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nruns; i++) {
		free(s->runs[i].buf);
		if (s->runs[i].fd != -1)
			close(s->runs[i].fd);
	}
	if (s->fd != -1)
		close(s->fd);
	free(s->key);
	free(s->runs);
	free(s->tree);
	free(s->block);
	free(s->work_dir);
	free(s);
}
