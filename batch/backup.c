/*
 * shikaku-backup: takes generations of all that must survive, restores one,
 * and drills the restoring of the newest three.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/backup.h"

#define LOCKS_MAX 64
#define DRILLS 3

enum { TO = 256, RESTORE, INTO, DRILL, LIST, KEEP, KEYS, MARK };

struct request {
	struct run run;
	const char *to, *restore, *into, *keys, *mark;
	bool drill, list;
	int keep;
	int lock[LOCKS_MAX], locks;
};

static int
option(void *arg, int letter, const char *value)
{
	struct request *q = arg;

	switch (letter) {
	case TO:
		q->to = value;
		return 0;
	case RESTORE:
		q->restore = value;
		return 0;
	case INTO:
		q->into = value;
		return 0;
	case DRILL:
		q->drill = true;
		return 0;
	case LIST:
		q->list = true;
		return 0;
	case KEYS:
		q->keys = value;
		return 0;
	case MARK:
		q->mark = value;
		return 0;
	case KEEP:
		q->keep = (int)slice_number(slice_of(value));
		return q->keep >= 1 && q->keep <= 10000 ? 0 : -1;
	default:
		return -1;
	}
}

static int
io(struct request *q, const char *path)
{
	diag_file(&q->run.log.sink, DIAG_IO, path, "%s", strerror(errno));
	run_worst(&q->run, EXIT_TEMPORARY);
	return -1;
}

/* Ledger and folders of a root must be of one moment: no program that writes
 * there runs meanwhile. The responder's journal may grow. */
static int
hold_still(struct request *q, const char *root)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];
	struct spool_names all;
	int r = 0;

	if (root[0] == '\0')
		return 0;
	spool_path(dir, root, "run");
	if (spool_list(dir, &all) == -1)
		return 0; /* nothing ever ran here */
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		size_t n = strlen(all.v[i]);
		int fd;

		if (n < 5 || strcmp(all.v[i] + n - 5, ".lock") != 0 ||
		    strncmp(all.v[i], "jobs-", 5) == 0 ||
		    strcmp(all.v[i], "backup.lock") == 0)
			continue;
		spool_path(path, dir, "%s", all.v[i]);
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd == -1 || q->locks == LOCKS_MAX)
			r = io(q, path);
		else if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
			diag_file(&q->run.log.sink, DIAG_LOCKED, path,
			    "a backup is taken while nothing else runs");
			run_worst(&q->run, EXIT_LOCKED);
			close(fd);
			r = -1;
		} else
			q->lock[q->locks++] = fd;
	}
	spool_free(&all);
	return r;
}

static int
take(struct request *q)
{
	struct run *run = &q->run;
	const struct config *c = run->config;
	const char *const roots[] = { c->intermediate_root,
		c->qualification_root };
	struct backup_counts counts;
	char name[64];

	for (int i = 0; i < 2; i++)
		if (roots[i][0] != '\0' &&
		    (run_lock(run, roots[i]) == -1 ||
			hold_still(q, roots[i]) == -1))
			return -1;
	if (run->dry)
		return 0;
	if (backup_take(run, q->to, name, &counts) == -1)
		return -1;
	printf("%s/%s: %lld files, %lld bytes; %lld of them new, %lld bytes\n",
	    q->to, name, (long long)counts.files, (long long)counts.bytes,
	    (long long)counts.copied, (long long)counts.copied_bytes);
	run->files = counts.files;
	run_note(run, "bytes", counts.bytes);
	run_note(run, "new_bytes", counts.copied_bytes);
	if (q->keep > 0 && backup_prune(run, q->to, q->keep) == -1)
		return -1;
	return q->keys != NULL ? backup_keys(run, q->keys) : 0;
}

static int
restore(struct request *q, const char *generation, const char *into)
{
	struct backup_counts counts;
	int64_t began = run_monotonic(), ms;

	if (backup_restore(&q->run, generation, into, &counts) == -1 ||
	    backup_prove(&q->run, into) == -1)
		return -1;
	ms = run_monotonic() - began;
	printf("%s: %lld files, %lld bytes restored and proved in %lld.%03d "
	       "s\n",
	    generation, (long long)counts.files, (long long)counts.bytes,
	    (long long)(ms / 1000), (int)(ms % 1000));
	q->run.files += counts.files;
	return 0;
}

/* The newest, the one before, and the one before that. */
static int
drill(struct request *q)
{
	char generation[SPOOL_PATH_MAX], into[SPOOL_PATH_MAX];
	struct spool_names all;
	int r = 0;

	if (q->into == NULL || backup_list(q->to, &all) == -1)
		return io(q, q->to);
	if (all.n == 0)
		run_worst(&q->run, EXIT_NOT_READY);
	for (size_t i = 0; r == 0 && i < DRILLS && i < all.n; i++) {
		spool_path(generation, q->to, "%s", all.v[all.n - 1 - i]);
		spool_path(into, q->into, "%s", all.v[all.n - 1 - i]);
		r = restore(q, generation, into);
	}
	spool_free(&all);
	return r;
}

static int
list(struct request *q)
{
	char path[SPOOL_PATH_MAX];
	struct spool_names all;

	q->run.silent = true;
	if (backup_list(q->to, &all) == -1)
		return io(q, q->to);
	for (size_t i = 0; i < all.n; i++) {
		spool_path(path, q->to, "%s/" BACKUP_KEPT, all.v[i]);
		printf("%s%s\n", all.v[i],
		    access(path, F_OK) == 0 ? "  kept" : "");
	}
	spool_free(&all);
	return 0;
}

static int
mark(struct request *q)
{
	char path[SPOOL_PATH_MAX], dir[SPOOL_PATH_MAX];
	int fd;

	spool_path(dir, q->to, "%s", q->mark);
	spool_path(path, dir, BACKUP_SUMS);
	if (access(path, F_OK) == -1)
		return io(q, path);
	spool_path(path, dir, BACKUP_KEPT);
	if (chmod(dir, 0700) == -1 ||
	    (fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400)) == -1)
		return io(q, path);
	close(fd);
	return chmod(dir, 0500) == -1 ? io(q, dir) : 0;
}

static int
act(struct request *q)
{
	const struct config *c = q->run.config;

	if (q->restore != NULL && q->into != NULL && q->to == NULL)
		return restore(q, q->restore, q->into);
	if (q->to == NULL && c->backup_folder[0] != '\0') {
		q->to = c->backup_folder;
		if (q->keep == 0)
			q->keep = c->backup_keep;
	} else if (q->to == NULL && !q->drill && !q->list && q->mark == NULL) {
		/* the site has other means */
		run_worst(&q->run, EXIT_NOTHING);
		return 0;
	}
	if (q->to == NULL || q->restore != NULL ||
	    (q->drill != (q->into != NULL))) {
		fputs("shikaku-backup: --to FOLDER; --to FOLDER --drill --into "
		      "SCRATCH; or --restore GENERATION --into FOLDER\n",
		    stderr);
		run_worst(&q->run, EXIT_BAD_USAGE);
		return -1;
	}
	if (q->drill)
		return drill(q);
	if (q->list)
		return list(q);
	return q->mark != NULL ? mark(q) : take(q);
}

int
main(int argc, char **argv)
{
	static const struct run_long longs[] = {
		{ "to", TO, true },
		{ "keys", KEYS, true },
		{ "keep", KEEP, true },
		{ "restore", RESTORE, true },
		{ "into", INTO, true },
		{ "drill", DRILL, false },
		{ "list", LIST, false },
		{ "mark", MARK, true },
		{ NULL, 0, false },
	};
	struct request q = { .keep = 0 };
	struct run_options extra = { .longs = longs,
		.option = option,
		.arg = &q,
		.usage =
		    "shikaku-backup -c SITE.yaml [-n] [-D DAY] --to FOLDER "
		    "[--keep N] [--keys FOLDER]\n"
		    "       shikaku-backup -c SITE.yaml --to FOLDER --list\n"
		    "       shikaku-backup -c SITE.yaml --to FOLDER --mark "
		    "GENERATION\n"
		    "       shikaku-backup -c SITE.yaml --to FOLDER --drill "
		    "--into SCRATCH\n"
		    "       shikaku-backup -c SITE.yaml --restore GENERATION "
		    "--into FOLDER\n" };

	if (run_begin(&q.run, "backup", argc, argv, &extra) == 0)
		act(&q);
	for (int i = 0; i < q.locks; i++)
		close(q.lock[i]);
	return run_end(&q.run);
}
