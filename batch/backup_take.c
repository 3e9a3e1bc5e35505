/* Taking a backup generation. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/backup.h"
#include "batch/ledger.h"
#include "batch/publish.h"
#include "formats/codec/day.h"
#include "formats/codec/seal.h"

#define DEPTH_MAX 16

struct taking {
	struct run *run;
	char work[SPOOL_PATH_MAX]; /* the generation being made */
	char before[SPOOL_PATH_MAX]; /* the one before; "": none */
	struct backup_sums old, sums;
	struct backup_counts *counts;
};

static int
io(struct run *run, const char *path)
{
	diag_file(&run->log.sink, DIAG_IO, path, "%s", strerror(errno));
	run_worst(run, EXIT_TEMPORARY);
	return -1;
}

/* ---- sums ---- */

void
backup_sums_add(struct backup_sums *s, const char *path, const char sha256[65])
{
	if (s->n == s->max) {
		s->max = s->max == 0 ? 1024 : 2 * s->max;
		s->v = text_realloc(s->v, s->max * sizeof(*s->v));
	}
	s->v[s->n].path = text_dup(slice_of(path));
	memcpy(s->v[s->n].sha256, sha256, 65);
	s->n++;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct backup_sum *)a)->path,
	    ((const struct backup_sum *)b)->path);
}

void
backup_sums_sort(struct backup_sums *s)
{
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), by_path);
}

const struct backup_sum *
backup_sums_find(const struct backup_sums *s, const char *path)
{
	struct backup_sum key;

	key.path = (char *)(uintptr_t)path;
	return s->n == 0 ? NULL :
			   bsearch(&key, s->v, s->n, sizeof(*s->v), by_path);
}

void
backup_sums_free(struct backup_sums *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	memset(s, 0, sizeof(*s));
}

int
backup_sums_read(
    const char *folder, struct backup_sums *out, struct diag_sink *sink)
{
	char path[SPOOL_PATH_MAX], line[SPOOL_PATH_MAX + 80], sha256[65];
	int r = -1;
	FILE *f;

	memset(out, 0, sizeof(*out));
	spool_path(path, folder, BACKUP_SUMS);
	if ((f = fopen(path, "re")) == NULL) {
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
		return -1;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t n = strcspn(line, "\n");

		if (n < 67 || line[n] != '\n' || line[64] != ' ' ||
		    line[65] != ' ' || strstr(line, "/../") != NULL ||
		    line[66] == '/') {
			diag_file(sink, DIAG_BACKUP, path, "line %zu is no sum",
			    out->n + 1);
			goto out;
		}
		line[n] = '\0';
		memcpy(sha256, line, 64);
		sha256[64] = '\0';
		backup_sums_add(out, line + 66, sha256);
	}
	if (ferror(f)) {
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
		goto out;
	}
	backup_sums_sort(out);
	r = 0;
out:
	fclose(f);
	if (r == -1)
		backup_sums_free(out);
	return r;
}

static int
write_sums(struct taking *t)
{
	char path[SPOOL_PATH_MAX];
	FILE *f;

	spool_path(path, t->work, BACKUP_SUMS);
	if ((f = fopen(path, "we")) == NULL)
		return io(t->run, path);
	backup_sums_sort(&t->sums);
	for (size_t i = 0; i < t->sums.n; i++)
		fprintf(f, "%s  %s\n", t->sums.v[i].sha256, t->sums.v[i].path);
	if (fflush(f) != 0 || fsync(fileno(f)) == -1) {
		io(t->run, path);
		fclose(f);
		return -1;
	}
	if (fchmod(fileno(f), 0440) == -1) {
		io(t->run, path);
		fclose(f);
		return -1;
	}
	return fclose(f) == 0 ? 0 : io(t->run, path);
}

/* ---- one file ---- */

/* Up to `size` bytes, hashed as they go. */
static int
copy_bytes(struct taking *t, int in, int out, const char *path, int64_t size,
    char sha256[65])
{
	static char buffer[1 << 20];
	struct seal_hash *h = seal_hash_new();
	unsigned char sum[32];
	int r = 0;

	while (size > 0 && r == 0) {
		ssize_t n = read(in, buffer,
		    size < (int64_t)sizeof(buffer) ? (size_t)size :
						     sizeof(buffer));

		if (n <= 0 || write(out, buffer, (size_t)n) != n) {
			if (n == 0) /* shorter than it was: not ours to keep */
				errno = EIO;
			r = io(t->run, path);
			break;
		}
		seal_hash_add(h, buffer, (size_t)n);
		size -= n;
	}
	seal_hash_end(h, sum);
	for (int i = 0; i < 32; i++)
		snprintf(sha256 + 2 * (size_t)i, 3, "%02x", sum[i]);
	return r;
}

/* Of a journal that is written to: the lines that are whole. */
static int64_t
whole_lines(int fd, int64_t size)
{
	char b[4096];

	while (size > 0) {
		int64_t from =
		    size > (int64_t)sizeof(b) ? size - (int64_t)sizeof(b) : 0;
		ssize_t n = pread(fd, b, (size_t)(size - from), from);

		if (n != size - from)
			return 0;
		for (ssize_t i = n; i > 0; i--)
			if (b[i - 1] == '\n')
				return from + i;
		size = from;
	}
	return 0;
}

static int
link_old(struct taking *t, const char *rel, const char *to,
    const struct stat *st, char sha256[65])
{
	const struct backup_sum *old = backup_sums_find(&t->old, rel);
	char from[SPOOL_PATH_MAX];
	struct stat was;

	if (old == NULL)
		return 0;
	spool_path(from, t->before, "%s", rel);
	if (lstat(from, &was) == -1 || !S_ISREG(was.st_mode) ||
	    was.st_size != st->st_size ||
	    was.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    was.st_mtim.tv_nsec != st->st_mtim.tv_nsec || link(from, to) == -1)
		return 0;
	memcpy(sha256, old->sha256, 65);
	return 1;
}

static int
copy_file(struct taking *t, const char *from, const char *rel, bool journal)
{
	char to[SPOOL_PATH_MAX], sha256[65];
	struct stat st;
	int64_t size;
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1;
	int r = -1;

	spool_path(to, t->work, "%s", rel);
	if (in == -1 || fstat(in, &st) == -1) {
		io(t->run, from);
		goto out;
	}
	size = journal ? whole_lines(in, st.st_size) : st.st_size;
	t->counts->files++;
	t->counts->bytes += size;
	if (link_old(t, rel, to, &st, sha256) == 1) {
		r = 0;
		goto out;
	}
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out == -1) {
		io(t->run, to);
		goto out;
	}
	if (copy_bytes(t, in, out, from, size, sha256) == -1)
		goto out;
	if (size == st.st_size)
		futimens(out, (struct timespec[]) { st.st_mtim, st.st_mtim });
	if (fchmod(out, st.st_mode & 0440) == -1) {
		io(t->run, to);
		goto out;
	}
	t->counts->copied++;
	t->counts->copied_bytes += size;
	r = 0;
out:
	if (in != -1)
		close(in);
	if (out != -1)
		close(out);
	if (r == 0)
		backup_sums_add(&t->sums, rel, sha256);
	return r;
}

static int
copy_books(struct taking *t, const char *from, const char *rel)
{
	char to[SPOOL_PATH_MAX], sha256[65];
	struct stat st;
	int fd, r;

	spool_path(to, t->work, "%s", rel);
	if (ledger_copy(from, to, &t->run->log.sink) == -1) {
		run_worst(t->run, EXIT_TEMPORARY);
		return -1;
	}
	fd = open(to, O_RDONLY | O_CLOEXEC);
	r = fd == -1 ? -1 : seal_digest_fd(fd, sha256);
	if (r == -1 || stat(from, &st) == -1 ||
	    fchmod(fd, st.st_mode & 0440) == -1 || fstat(fd, &st) == -1)
		r = io(t->run, to);
	if (fd != -1)
		close(fd);
	if (r == -1)
		return -1;
	t->counts->files++;
	t->counts->copied++;
	t->counts->bytes += st.st_size;
	t->counts->copied_bytes += st.st_size;
	backup_sums_add(&t->sums, rel, sha256);
	return 0;
}

/* ---- folders ---- */

/* What a program makes anew, and what only its process needs. */
static bool
left_out(const char *name, int depth)
{
	static const char *const names[] = { "work", "run", "log" };
	size_t n = strlen(name);

	for (size_t i = 0; depth == 0 && i < sizeof(names) / sizeof(*names);
	     i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return (n > 4 && strcmp(name + n - 4, "-wal") == 0) ||
	    (n > 4 && strcmp(name + n - 4, "-shm") == 0);
}

/* The link "current" of snapshots/: as it is. */
static int
copy_link(struct taking *t, const char *from, const char *rel)
{
	char to[SPOOL_PATH_MAX], target[256];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	spool_path(to, t->work, "%s", rel);
	if (n == -1)
		return io(t->run, from);
	target[n] = '\0';
	return symlink(target, to) == -1 ? io(t->run, to) : 0;
}

static int copy_folder(
    struct taking *t, const char *from, const char *rel, int depth);

static int
copy_one(struct taking *t, const char *from, const char *rel, const char *name,
    int depth)
{
	size_t n = strlen(name);
	struct stat st;

	if (lstat(from, &st) == -1)
		/* taken by its sender meanwhile: it had its receipt */
		return errno == ENOENT ? 0 : io(t->run, from);
	if (S_ISDIR(st.st_mode))
		return copy_folder(t, from, rel, depth + 1);
	if (S_ISLNK(st.st_mode))
		return copy_link(t, from, rel);
	if (!S_ISREG(st.st_mode))
		return 0;
	/* written in place: the ledger, the pairing */
	if ((depth == 0 || strstr(rel, "/pairing/") != NULL) && n > 7 &&
	    strcmp(name + n - 7, ".sqlite") == 0)
		return copy_books(t, from, rel);
	return copy_file(t, from, rel, strstr(rel, "/journal/") != NULL);
}

static int
copy_folder(struct taking *t, const char *from, const char *rel, int depth)
{
	char to[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX], name[SPOOL_PATH_MAX];
	struct spool_names all;
	struct stat st;
	int r = 0;

	spool_path(to, t->work, "%s", rel);
	if (stat(from, &st) == -1 || mkdir(to, 0700) == -1)
		return io(t->run, to);
	if (depth > DEPTH_MAX || spool_all(from, &all) == -1)
		return io(t->run, from);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (left_out(all.v[i], depth))
			continue;
		spool_path(path, from, "%s", all.v[i]);
		spool_path(name, rel, "%s", all.v[i]);
		r = copy_one(t, path, name, all.v[i], depth);
		run_progress(t->run, "files", t->counts->files, 0);
		if (run_stopped()) {
			run_worst(t->run, EXIT_STOPPED);
			r = -1;
		}
	}
	spool_free(&all);
	/* finished: nobody writes in it; who might not look in, may not now */
	return r == 0 && chmod(to, st.st_mode & 0550) == -1 ? io(t->run, to) :
							      r;
}

static int
copy_masters(struct taking *t)
{
	const struct config *c = t->run->config;
	const char *const files[] = { c->senders, c->insurers, c->leniencies,
		c->prices, c->holidays, c->arrivals };
	char rel[SPOOL_PATH_MAX];

	spool_path(rel, t->work, "masters");
	if (mkdir(rel, 0700) == -1)
		return io(t->run, rel);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		const char *slash = strrchr(files[i], '/');

		if (slash == NULL)
			continue;
		spool_path(rel, "masters", "%s", slash + 1);
		if (copy_file(t, files[i], rel, false) == -1)
			return -1;
	}
	return copy_file(t, t->run->config_path, "site.yaml", false);
}

/* ---- the generation ---- */

int
backup_list(const char *folder, struct spool_names *out)
{
	size_t n = 0;

	if (spool_dirs(folder, out) == -1)
		return -1;
	for (size_t i = 0; i < out->n; i++) {
		if (strncmp(out->v[i], "backup-", 7) == 0)
			out->v[n++] = out->v[i];
		else
			free(out->v[i]);
	}
	out->n = n;
	return 0;
}

static int
next_name(struct run *run, const struct spool_names *all, char name[64])
{
	char iso[11];

	day_format_iso(run->day, iso);
	for (int i = 1; i < 1000; i++) {
		bool taken = false;

		snprintf(name, 64, "backup-%s.%03d", iso, i);
		for (size_t k = 0; k < all->n; k++)
			taken |= strcmp(all->v[k], name) == 0;
		if (!taken)
			return 0;
	}
	errno = EEXIST;
	return io(run, name);
}

static int
set_modes(const char *folder, mode_t mode)
{
	char path[SPOOL_PATH_MAX];
	struct spool_names all;
	int r = 0;

	if (spool_dirs(folder, &all) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		spool_path(path, folder, "%s", all.v[i]);
		r = set_modes(path, mode);
	}
	spool_free(&all);
	return r == -1 ? -1 : chmod(folder, mode);
}

static int
finish(struct taking *t, const char *folder, const char *name)
{
	char to[SPOOL_PATH_MAX];
	int fd;

	if (write_sums(t) == -1)
		return -1;
	/* one call for all files instead of an fsync each */
	fd = open(t->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || syncfs(fd) == -1) {
		io(t->run, t->work);
		if (fd != -1)
			close(fd);
		return -1;
	}
	close(fd);
	if (publish_rename(t->work, folder, name) == -1)
		return io(t->run, t->work);
	spool_path(to, folder, "%s/masters", name);
	if (chmod(to, 0500) == -1)
		return io(t->run, to);
	spool_path(to, folder, "%s", name);
	return chmod(to, 0500) == -1 ? io(t->run, to) : 0;
}

int
backup_take(struct run *run, const char *folder, char name[64],
    struct backup_counts *counts)
{
	const struct config *c = run->config;
	const char *const roots[] = { c->intermediate_root,
		c->qualification_root };
	static const char *const sides[] = { "intermediate", "qualification" };
	struct taking t = { .run = run, .counts = counts };
	struct spool_names all = { NULL, 0 };
	int r = -1;

	memset(counts, 0, sizeof(*counts));
	if (publish_make_dir(folder) == -1 || backup_list(folder, &all) == -1) {
		io(run, folder);
		goto out;
	}
	if (next_name(run, &all, name) == -1)
		goto out;
	if (all.n > 0) {
		spool_path(t.before, folder, "%s", all.v[all.n - 1]);
		if (backup_sums_read(t.before, &t.old, &run->log.sink) == -1)
			t.before[0] = '\0'; /* said; this one is whole */
	}
	spool_path(t.work, folder, ".unfinished");
	set_modes(t.work, 0700);
	spool_remove_tree(t.work); /* of a run that was killed */
	if (mkdir(t.work, 0700) == -1) {
		io(run, t.work);
		goto out;
	}
	for (int i = 0; i < 2; i++)
		if (roots[i][0] != '\0' &&
		    copy_folder(&t, roots[i], sides[i], 0) == -1)
			goto out;
	if (copy_masters(&t) == -1)
		goto out;
	r = finish(&t, folder, name);
out:
	if (r == -1 && t.work[0] != '\0') {
		set_modes(t.work, 0700);
		spool_remove_tree(t.work);
	}
	backup_sums_free(&t.old);
	backup_sums_free(&t.sums);
	spool_free(&all);
	return r;
}

int
backup_prune(struct run *run, const char *folder, int keep)
{
	char path[SPOOL_PATH_MAX], mark[SPOOL_PATH_MAX];
	struct spool_names all;
	int r = 0;

	if (backup_list(folder, &all) == -1)
		return io(run, folder);
	for (size_t i = 0; r == 0 && i + (size_t)keep < all.n; i++) {
		spool_path(path, folder, "%s", all.v[i]);
		spool_path(mark, path, BACKUP_KEPT);
		if (access(mark, F_OK) == 0)
			continue;
		if (set_modes(path, 0700) == -1 ||
		    spool_remove_tree(path) == -1)
			r = io(run, path);
	}
	spool_free(&all);
	return r;
}

int
backup_keys(struct run *run, const char *folder)
{
	const struct config *c = run->config;
	const char *const keys[] = { c->open_key, c->deliver_key,
		c->publish_key, c->pseudonym_key, c->pairing_key, c->usage_key,
		c->server_key };
	char to[SPOOL_PATH_MAX];

	if (publish_make_dir(folder) == -1 || chmod(folder, 0700) == -1)
		return io(run, folder);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *slash = strrchr(keys[i], '/');
		size_t n = 0;
		char *all;
		int fd;

		if (slash == NULL)
			continue;
		/* on a machine of one side the keys of the other are not */
		if ((all = spool_slurp(keys[i], 65536, &n)) == NULL) {
			if (errno == ENOENT)
				continue;
			return io(run, keys[i]);
		}
		spool_path(to, folder, "%s", slash + 1);
		unlink(to);
		fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
		if (fd == -1 || write(fd, all, n) != (ssize_t)n ||
		    fsync(fd) == -1) {
			io(run, to);
			free(all);
			if (fd != -1)
				close(fd);
			return -1;
		}
		close(fd);
		free(all);
	}
	return 0;
}
