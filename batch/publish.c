/* What becomes visible becomes so by one rename, after it is on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/publish.h"
#include "batch/spool.h"

static int
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return -1;
	int r = fsync(fd);
	int error = errno;
	close(fd);
	errno = error;
	return r;
}

/* The folder a path is in; "" never. */
static void
parent_of(const char *path, char out[SPOOL_PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == path)
		n = 1;
	snprintf(out, SPOOL_PATH_MAX, "%.*s", (int)n, path);
	if (n == 0)
		memcpy(out, ".", 2);
}

int
publish_make_dir(const char *path)
{
	char parent[SPOOL_PATH_MAX];

	if (strlen(path) >= SPOOL_PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (mkdir(path, 0750) == -1) {
		struct stat st;

		if (errno == EEXIST && stat(path, &st) == 0 &&
		    S_ISDIR(st.st_mode))
			return 0;
		if (errno != ENOENT)
			return -1;
		parent_of(path, parent);
		if (strcmp(parent, path) == 0 || strcmp(parent, ".") == 0 ||
		    publish_make_dir(parent) == -1 ||
		    (mkdir(path, 0750) == -1 && errno != EEXIST))
			return -1;
	}
	parent_of(path, parent);
	return sync_dir(parent);
}

int
publish_open(struct publish *p, const char *root)
{
	*p = (struct publish) { 0 };
	spool_path(p->dir, root, "work");
	spool_temp(p->temp, root);
	int fd = open(
	    p->temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd == -1)
		return -1;
	p->f = fdopen(fd, "w+");
	if (p->f == NULL) {
		close(fd);
		unlink(p->temp);
		return -1;
	}
	return 0;
}

void
publish_abandon(struct publish *p)
{
	int error = errno;

	if (p->f != NULL)
		fclose(p->f);
	if (p->temp[0] != '\0')
		unlink(p->temp);
	p->f = NULL;
	p->temp[0] = '\0';
	errno = error;
}

/* A folder that hands its group on (setgid) does so to files made in it, not to
 * those renamed into it: without this a sender's account could not read its
 * receipt. Whoever runs us must be of that group. */
static int
take_group(const char *path, const char *dir)
{
	struct stat st, own;

	if (stat(dir, &st) == -1 || lstat(path, &own) == -1)
		return -1;
	if ((st.st_mode & S_ISGID) == 0 || st.st_gid == own.st_gid)
		return 0;
	return lchown(path, (uid_t)-1, st.st_gid);
}

/* The same for what is renamed whole: a file, or a folder of files. */
static int
take_group_all(const char *from, const char *dir)
{
	char path[SPOOL_PATH_MAX];
	struct spool_names files;
	struct stat st;
	int r = take_group(from, dir);

	if (r == -1 || lstat(from, &st) == -1 || !S_ISDIR(st.st_mode))
		return r;
	if (spool_list(from, &files) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < files.n; i++) {
		spool_path(path, from, "%s", files.v[i]);
		r = take_group(path, dir);
	}
	spool_free(&files);
	return r;
}

/* On the disk, not yet to be seen. */
static int
settle(struct publish *p, const char *dir)
{
	FILE *f = p->f;

	if (ferror(f) || fflush(f) != 0 || take_group(p->temp, dir) == -1 ||
	    fsync(fileno(f)) == -1)
		return -1;
	p->f = NULL;
	return fclose(f) == 0 ? 0 : -1;
}

int
publish_commit_all(
    struct publish *p, const char *const *names, int n, const char *dir)
{
	char path[SPOOL_PATH_MAX];
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++)
		r = settle(&p[i], dir);
	for (int i = 0; r == 0 && i < n; i++) {
		spool_path(path, dir, "%s", names[i]);
		r = rename(p[i].temp, path);
		if (r == 0)
			p[i].temp[0] = '\0';
	}
	if (r == 0)
		return sync_dir(dir);
	for (int i = 0; i < n; i++)
		publish_abandon(&p[i]);
	return -1;
}

int
publish_commit(struct publish *p, const char *dir, const char *name)
{
	return publish_commit_all(p, &name, 1, dir);
}

static bool
is_work(const char *dir)
{
	size_t n = strlen(dir);

	return n >= 5 && strcmp(dir + n - 5, "/work") == 0;
}

int
publish_rename(const char *from, const char *dir, const char *name)
{
	char path[SPOOL_PATH_MAX], parent[SPOOL_PATH_MAX];

	spool_path(path, dir, "%s", name);
	parent_of(from, parent);
	if (take_group_all(from, dir) == -1 || rename(from, path) == -1 ||
	    sync_dir(dir) == -1)
		return -1;
	return strcmp(parent, dir) == 0 || is_work(parent) ? 0 :
							     sync_dir(parent);
}
