#include "online/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "formats/usage_chain.h"

#define LINES_MAX 2048 /* of one commit */
#define LINE_BYTES 512
#define LOCK_MS 5000
#define LOCK_STEP_MS 20
/* A crash can spoil what the last, unfinished commit wrote, and no more. */
#define TAIL_BYTES (LINES_MAX * LINE_BYTES)

struct waiting {
	void (*done)(void *arg, bool durable);
	void *arg;
};
struct batch { /* the lines of one commit */
	struct waiting waiting[LINES_MAX];
	size_t n;
	struct buf text;
	char store[TAIL_BYTES + 1];
};
struct journal {
	char folder[400], path[512];
	int fd, worker;
	int32_t day;
	struct diag_sink *sink;
	int64_t sequence, size; /* durable bytes */
	char chain[17];
	bool broken;
	struct batch two[2], *gather, *flight; /* flight: of the thread */
	/* between the loop and the thread */
	pthread_t thread;
	bool threaded;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum { RESTING, WRITING, WRITTEN, ENDING } phase;
	int error; /* errno of a failed commit; 0 */
	int64_t micros; /* what the last one took */
	int event_fd;
};

static int
fail(struct journal *j, const char *what)
{
	diag_file(j->sink, DIAG_IO, j->path, "%s: %s", what, strerror(errno));
	return -1;
}

static void
put_head(struct buf *b)
{
	for (unsigned i = 0; i < usage_format.nfields; i++) {
		if (i > 0)
			buf_putc(b, ',');
		buf_puts(b, usage_format.fields[i].name);
	}
	buf_putc(b, '\n');
}

/* A new file: the row of names, durable with its entry in the folder. */
static int
begin_file(struct journal *j)
{
	int folder;

	buf_clear(&j->gather->text);
	put_head(&j->gather->text);
	if (ftruncate(j->fd, 0) == -1 ||
	    text_write(j->fd, buf_slice(&j->gather->text)) == -1 ||
	    fsync(j->fd) == -1)
		return fail(j, "write");
	j->size = (int64_t)j->gather->text.n;
	buf_clear(&j->gather->text);
	folder = open(j->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder == -1 || fsync(folder) == -1) {
		if (folder != -1)
			close(folder);
		return fail(j, "sync of the folder");
	}
	close(folder);
	return 0;
}

/* The last two fields asked for of one line: its number, chain and what the
 * chain was made over. */
static bool
split_line(
    struct slice line, int64_t *sequence, struct slice *over, char chain[17])
{
	const char *p = line.p, *end = line.p + line.n, *comma = NULL;
	unsigned commas = 0;

	for (const char *c = p; c < end; c++) {
		if (*c != ',')
			continue;
		commas++;
		comma = c;
		if (commas == U_SEQUENCE)
			p = c + 1;
		else if (commas == U_SEQUENCE + 1)
			*sequence =
			    slice_number((struct slice) { p, (size_t)(c - p) });
	}
	if (commas != U__MAX - 1 || end - comma != 17 || *sequence < 1)
		return false;
	*over = (struct slice) { line.p, (size_t)(comma - line.p) };
	memcpy(chain, comma + 1, 16);
	chain[16] = '\0';
	return true;
}

/*
 * Walks the lines of [from, size) and returns how many bytes are good: up to
 * the first line that is cut, malformed or does not chain. The first line of
 * a window in the middle of the file is taken as it is.
 */
static size_t
walk_tail(struct journal *j, struct slice tail, bool whole)
{
	size_t good = 0;
	bool known = whole;
	bool head = whole;

	while (good < tail.n) {
		const char *p = tail.p + good;
		const char *eol = memchr(p, '\n', tail.n - good);
		struct slice over;
		char chain[17], want[17];
		int64_t sequence = 0;
		if (eol == NULL)
			break;
		if (head) {
			head = false;
			good += (size_t)(eol - p) + 1;
			continue;
		}
		if (!split_line((struct slice) { p, (size_t)(eol - p) },
			&sequence, &over, chain))
			break;
		usage_chain(j->chain, over, want);
		if (known &&
		    (strcmp(want, chain) != 0 || sequence != j->sequence + 1))
			break;
		known = true;
		j->sequence = sequence;
		memcpy(j->chain, chain, sizeof(chain));
		good += (size_t)(eol - p) + 1;
	}
	return good;
}

/* Finds the end of what is good, and cuts the rest away: its answers never
 * left, because no commit came back for it. */
static int
repair(struct journal *j, int64_t size)
{
	int64_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
	size_t n = 0, skip = 0, good;
	const char *eol;

	while (n < (size_t)(size - from)) {
		ssize_t r = pread(j->fd, j->gather->store + n,
		    (size_t)(size - from) - n, (off_t)(from + (int64_t)n));
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return fail(j, "read");
		n += (size_t)r;
	}
	if (from > 0) {
		eol = memchr(j->gather->store, '\n', n);
		skip = eol == NULL ? n : (size_t)(eol - j->gather->store) + 1;
	}
	good = skip +
	    walk_tail(j, (struct slice) { j->gather->store + skip, n - skip },
		from == 0);
	j->size = from + (int64_t)good;
	if (good == n)
		return 0;
	diag_file(j->sink, DIAG_JOURNAL_TAIL, j->path, "%zu bytes", n - good);
	if (ftruncate(j->fd, (off_t)j->size) == -1 || fsync(j->fd) == -1)
		return fail(j, "cut");
	return 0;
}

/* A worker whose parent was killed ends by itself, but not in no time: a line
 * may be on its way to a slow disk. */
static int
take_lock(int fd)
{
	for (int i = 0;; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK || i == LOCK_MS / LOCK_STEP_MS)
			return -1;
		poll(NULL, 0, LOCK_STEP_MS);
	}
}

static int
open_file(struct journal *j, int32_t day)
{
	char name[48];
	struct stat st;

	usage_journal_name(day, j->worker, name);
	snprintf(j->path, sizeof(j->path), "%s/%s", j->folder, name);
	j->day = day;
	j->sequence = 0;
	usage_chain_first(day, j->worker, j->chain);
	j->fd = open(j->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (j->fd == -1 || fstat(j->fd, &st) == -1)
		return fail(j, "open");
	if (take_lock(j->fd) == -1) {
		diag_file(j->sink, DIAG_LOCKED, j->path, "another responder");
		return -1;
	}
	if (st.st_size > 0 && repair(j, st.st_size) == -1)
		return -1;
	/* nothing good, or a row of names that was cut */
	return st.st_size == 0 || j->size == 0 ? begin_file(j) : 0;
}

/* ---- the thread ---- */

static int64_t
micros_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Writes and syncs, and nothing else: what came of it the loop decides. */
static void *
write_batches(void *arg)
{
	struct journal *j = arg;
	uint64_t one = 1;

	pthread_mutex_lock(&j->lock);
	for (;;) {
		while (j->phase != WRITING && j->phase != ENDING)
			pthread_cond_wait(&j->changed, &j->lock);
		if (j->phase == ENDING)
			break;
		pthread_mutex_unlock(&j->lock);
		int64_t from = micros_now();
		bool durable =
		    text_write(j->fd, buf_slice(&j->flight->text)) == 0 &&
		    fdatasync(j->fd) == 0;
		int error = durable ? 0 : errno;
		pthread_mutex_lock(&j->lock);
		j->error = error;
		j->micros = micros_now() - from;
		j->phase = WRITTEN;
		pthread_cond_broadcast(&j->changed);
		while (write(j->event_fd, &one, sizeof(one)) == -1 &&
		    errno == EINTR)
			;
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* Signals are the loop's business. */
static int
begin_thread(struct journal *j)
{
	sigset_t all, old;

	j->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->event_fd == -1)
		return fail(j, "eventfd");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&j->thread, NULL, write_batches, j);
	j->threaded = errno == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return j->threaded ? 0 : fail(j, "thread");
}

struct journal *
journal_open(
    const char *folder, int worker, int32_t day, struct diag_sink *sink)
{
	struct journal *j = text_alloc(sizeof(*j));

	j->worker = worker;
	j->sink = sink;
	j->fd = -1;
	snprintf(j->folder, sizeof(j->folder), "%s", folder);
	j->event_fd = -1;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->changed, NULL);
	for (int i = 0; i < 2; i++)
		buf_init(
		    &j->two[i].text, j->two[i].store, sizeof(j->two[i].store));
	j->gather = &j->two[0];
	j->flight = &j->two[1];
	if (open_file(j, day) == -1) {
		journal_close(j);
		return NULL;
	}
	buf_clear(&j->gather->text);
	if (begin_thread(j) == -1) {
		journal_close(j);
		return NULL;
	}
	return j;
}

/* No value of the table holds a comma, a quote or a line end; one that does
 * is a fault of ours and is not written. */
static bool
put_values(struct buf *b, const struct record *line)
{
	for (int i = 0; i < U_CHAIN; i++) {
		struct slice s = line->v[i].s;
		for (size_t k = 0; k < s.n; k++)
			if ((unsigned char)s.p[k] <= ' ' || s.p[k] == ',' ||
			    s.p[k] == '"')
				return false;
		if (i > 0)
			buf_putc(b, ',');
		buf_put(b, s);
	}
	return !b->full;
}

int
journal_append(struct journal *j, struct record *line,
    void (*done)(void *arg, bool durable), void *arg)
{
	char text[LINE_BYTES], worker[12], sequence[24], chain[17];
	struct buf b;

	if (j->broken || j->gather->n == LINES_MAX)
		return -1;
	snprintf(worker, sizeof(worker), "%d", j->worker);
	snprintf(
	    sequence, sizeof(sequence), "%lld", (long long)j->sequence + 1);
	record_set(line, U_WORKER, slice_of(worker));
	record_set(line, U_SEQUENCE, slice_of(sequence));
	buf_init(&b, text, sizeof(text) - 18);
	if (!put_values(&b, line))
		return -1;
	usage_chain(j->chain, buf_slice(&b), chain);
	buf_put(&j->gather->text, buf_slice(&b));
	buf_putc(&j->gather->text, ',');
	buf_puts(&j->gather->text, chain);
	buf_putc(&j->gather->text, '\n');
	memcpy(j->chain, chain, sizeof(chain));
	j->sequence++;
	j->gather->waiting[j->gather->n++] = (struct waiting) { done, arg };
	return 0;
}

void
journal_start(struct journal *j)
{
	struct batch *full = j->gather;

	pthread_mutex_lock(&j->lock);
	if (j->phase == RESTING && full->n > 0 && !j->broken) {
		j->gather = j->flight;
		j->flight = full;
		j->phase = WRITING;
		pthread_cond_broadcast(&j->changed);
	}
	pthread_mutex_unlock(&j->lock);
}

static void
tell(struct batch *b, bool durable)
{
	size_t n = b->n;

	b->n = 0;
	buf_clear(&b->text);
	for (size_t i = 0; i < n; i++)
		b->waiting[i].done(b->waiting[i].arg, durable);
}

/* A failed sync is never tried again: what the kernel still holds of it is
 * unknown. Cut it off; begin anew by open. What was gathered meanwhile is
 * chained to it. */
static void
give_up(struct journal *j)
{
	j->broken = true;
	errno = j->error;
	fail(j, "write or sync");
	if (ftruncate(j->fd, (off_t)j->size) == -1)
		fail(j, "cut");
	tell(j->flight, false);
	tell(j->gather, false);
}

bool
journal_finish(struct journal *j, size_t *lines, int64_t *micros)
{
	uint64_t ended;
	bool written;

	while (read(j->event_fd, &ended, sizeof(ended)) == -1 && errno == EINTR)
		;
	pthread_mutex_lock(&j->lock);
	written = j->phase == WRITTEN;
	if (written)
		j->phase = RESTING;
	*micros = j->micros;
	pthread_mutex_unlock(&j->lock);
	if (!written)
		return false;
	*lines = j->flight->n;
	if (j->error != 0) {
		give_up(j);
		return true;
	}
	j->size += (int64_t)j->flight->text.n;
	tell(j->flight, true);
	return true;
}

/* Until nothing is under way. */
static void
settle(struct journal *j)
{
	size_t lines;
	int64_t micros;

	pthread_mutex_lock(&j->lock);
	while (j->phase == WRITING)
		pthread_cond_wait(&j->changed, &j->lock);
	pthread_mutex_unlock(&j->lock);
	journal_finish(j, &lines, &micros);
}

int
journal_commit(struct journal *j)
{
	settle(j);
	journal_start(j);
	settle(j);
	if (j->broken)
		tell(j->gather, false);
	return j->broken ? -1 : 0;
}

int
journal_fd(const struct journal *j)
{
	return j->event_fd;
}

bool
journal_broken(const struct journal *j)
{
	return j->broken;
}

size_t
journal_waiting(const struct journal *j)
{
	return j->gather->n;
}

int
journal_day(struct journal *j, int32_t day)
{
	if (day == j->day)
		return 0;
	if (journal_commit(j) == -1)
		return -1;
	close(j->fd);
	if (open_file(j, day) == -1) {
		j->broken = true;
		return -1;
	}
	buf_clear(&j->gather->text);
	return 0;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->threaded) {
		journal_commit(j);
		pthread_mutex_lock(&j->lock);
		j->phase = ENDING;
		pthread_cond_broadcast(&j->changed);
		pthread_mutex_unlock(&j->lock);
		pthread_join(j->thread, NULL);
	}
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->changed);
	if (j->event_fd != -1)
		close(j->event_fd);
	if (j->fd != -1)
		close(j->fd);
	free(j);
}
