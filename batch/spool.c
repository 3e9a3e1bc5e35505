/* Folders with states. Only folders and names; what is in them is others'. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/spool.h"
#include "formats/exit.h"

#define TREE_DEPTH_MAX 8

void
spool_path(char out[SPOOL_PATH_MAX], const char *root, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(out, SPOOL_PATH_MAX, "%s/", root), m = 0;

	va_start(ap, fmt);
	if (n > 0 && n < SPOOL_PATH_MAX)
		m = vsnprintf(out + n, (size_t)(SPOOL_PATH_MAX - n), fmt, ap);
	va_end(ap);
	if (n < 0 || m < 0 || n + m >= SPOOL_PATH_MAX) {
		fprintf(
		    stderr, "shikaku: path under %.80s... is too long\n", root);
		exit(EXIT_BUG);
	}
}

void
spool_temp(char out[SPOOL_PATH_MAX], const char *root)
{
	static unsigned number; /* of this process, for the name only */

	spool_path(out, root, "work/%s.%ld.%u", program_invocation_short_name,
	    (long)getpid(), ++number);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
hidden(const char *name)
{
	size_t n = strlen(name);

	return name[0] == '.' || (n > 5 && strcmp(name + n - 5, ".part") == 0);
}

enum want { FILES, FOLDERS, ALL, NO_FILES };

static bool
wanted(enum want want, mode_t mode)
{
	switch (want) {
	case FILES:
		return S_ISREG(mode);
	case FOLDERS:
		return S_ISDIR(mode);
	case NO_FILES:
		return !S_ISREG(mode);
	case ALL:
		break;
	}
	return true;
}

/* The names in dir of what is wanted; links are never followed. */
static int
list(const char *dir, enum want want, struct spool_names *out)
{
	struct stat st;
	struct dirent *e;
	size_t room = 0;
	DIR *d = opendir(dir);

	*out = (struct spool_names) { 0 };
	if (d == NULL)
		return -1;
	while (errno = 0, (e = readdir(d)) != NULL) {
		if (hidden(e->d_name) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			-1 ||
		    !wanted(want, st.st_mode))
			continue;
		if (out->n == room) {
			room = room == 0 ? 32 : room * 2;
			out->v = text_realloc(out->v, room * sizeof(*out->v));
		}
		out->v[out->n++] = text_dup(slice_of(e->d_name));
	}
	int error = errno;
	closedir(d);
	if (error != 0) {
		spool_free(out);
		errno = error;
		return -1;
	}
	if (out->n > 1)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

int
spool_list(const char *dir, struct spool_names *out)
{
	return list(dir, FILES, out);
}

int
spool_all(const char *dir, struct spool_names *out)
{
	return list(dir, ALL, out);
}

int
spool_dirs(const char *dir, struct spool_names *out)
{
	return list(dir, FOLDERS, out);
}

int
spool_others(const char *dir, struct spool_names *out)
{
	return list(dir, NO_FILES, out);
}

void
spool_free(struct spool_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct spool_names) { 0 };
}

void
spool_uploads(const char *root,
    void (*each)(void *arg, const char *name, const struct stat *st), void *arg)
{
	char path[SPOOL_PATH_MAX];
	struct spool_names boxes, files;
	struct stat st;

	spool_path(path, root, "box");
	if (spool_dirs(path, &boxes) == -1)
		return;
	for (size_t i = 0; i < boxes.n; i++) {
		spool_path(path, root, "box/%s/in", boxes.v[i]);
		if (spool_list(path, &files) == -1)
			continue;
		for (size_t k = 0; k < files.n; k++) {
			spool_path(
			    path, root, "box/%s/in/%s", boxes.v[i], files.v[k]);
			if (lstat(path, &st) == 0)
				each(arg, files.v[k], &st);
		}
		spool_free(&files);
	}
	spool_free(&boxes);
}

static int
remove_in(int parent, const char *name, int depth)
{
	struct dirent *e;
	int fd, r = 0;
	DIR *d;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (depth == TREE_DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	fd = openat(
	    parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return -1;
	}
	while (r == 0 && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = remove_in(fd, e->d_name, depth + 1);
	closedir(d);
	return r == 0 ? unlinkat(parent, name, AT_REMOVEDIR) : -1;
}

int
spool_remove_tree(const char *path)
{
	return remove_in(AT_FDCWD, path, 0);
}

char *
spool_slurp(const char *path, size_t max, size_t *n)
{
	char *b = NULL;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*n = 0;
	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == -1)
		goto out;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		goto out;
	}
	size_t size = (size_t)st.st_size;
	b = text_alloc(size + 1);
	while (*n < size && (got = read(fd, b + *n, size - *n)) > 0)
		*n += (size_t)got;
	if (got == -1) {
		free(b);
		b = NULL;
	}
out:
	close(fd);
	return b;
}
