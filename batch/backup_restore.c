/* Restoring a backup generation, and proving what was restored. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/backup.h"
#include "batch/ledger.h"
#include "batch/publish.h"
#include "formats/codec/seal.h"
#include "formats/codec/yaml.h"
#include "formats/snapshot.h"

#define ASKED 1000 /* persons looked up in what was restored */

static int
io(struct run *run, const char *path)
{
	diag_file(&run->log.sink, DIAG_IO, path, "%s", strerror(errno));
	run_worst(run, EXIT_TEMPORARY);
	return -1;
}

static int
bad(struct run *run, const char *path, const char *why)
{
	diag_file(&run->log.sink, DIAG_BACKUP, path, "%s", why);
	run_worst(run, EXIT_INTEGRITY);
	return -1;
}

/* ---- files ---- */

/* mkdir -p of what stands before the last slash. */
static int
make_parents(const char *path)
{
	char dir[SPOOL_PATH_MAX];

	for (const char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(p - path), path);
		if (mkdir(dir, 0750) == -1 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static int
restore_file(struct run *run, const char *from, const char *to,
    const char *sha256, struct backup_counts *counts)
{
	static char buffer[1 << 20];
	struct seal_hash *h = seal_hash_new();
	unsigned char sum[32];
	char hex[65];
	struct stat st;
	ssize_t n = 0;
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1;
	int r = 0;

	if (in == -1 || fstat(in, &st) == -1 || make_parents(to) == -1 ||
	    (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) ==
		-1 ||
	    fchmod(out, (st.st_mode & 0440) | 0200) == -1)
		r = io(run, in == -1 ? from : to);
	while (r == 0 && (n = read(in, buffer, sizeof(buffer))) > 0) {
		seal_hash_add(h, buffer, (size_t)n);
		counts->bytes += n;
		if (write(out, buffer, (size_t)n) != n)
			r = io(run, to);
	}
	if (n == -1)
		r = io(run, from);
	seal_hash_end(h, sum);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", sum[i]);
	if (r == 0 && strcmp(hex, sha256) != 0)
		r = bad(run, from, "not the bytes of its sum");
	/* the next backup knows unchanged files by their moment */
	if (r == 0)
		futimens(out, (struct timespec[]) { st.st_mtim, st.st_mtim });
	if (in != -1)
		close(in);
	if (out != -1)
		close(out);
	counts->files++;
	return r;
}

/* Links and empty folders have no sum. */
static int
restore_frame(struct run *run, const char *from, const char *to, int depth)
{
	char a[SPOOL_PATH_MAX], b[SPOOL_PATH_MAX], target[256];
	struct spool_names all;
	struct stat st;
	int r = 0;

	/* a folder that was for its owner alone is so again */
	if (stat(from, &st) == -1 ||
	    (mkdir(to, 0700) == -1 && errno != EEXIST) ||
	    chmod(to, (st.st_mode & 0550) | 0200) == -1)
		return io(run, to);
	if (depth > 16 || spool_all(from, &all) == -1)
		return io(run, from);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		spool_path(a, from, "%s", all.v[i]);
		spool_path(b, to, "%s", all.v[i]);
		if (lstat(a, &st) == -1)
			r = io(run, a);
		else if (S_ISDIR(st.st_mode))
			r = restore_frame(run, a, b, depth + 1);
		else if (S_ISLNK(st.st_mode)) {
			ssize_t n = readlink(a, target, sizeof(target) - 1);

			target[n > 0 ? n : 0] = '\0';
			/* one of ours points into its own folder */
			if (strchr(target, '/') != NULL)
				r = bad(run, a, "a link that leads away");
			else if (symlink(target, b) == -1)
				r = io(run, b);
		}
	}
	spool_free(&all);
	return r;
}

/* ---- site.yaml, for the new place ---- */

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Where a path of the old site is in the restored one: the two roots and the
 * tables are inside, all else stays where it was. */
static void
put_value(FILE *f, const char *key, const char *value, const char *folder)
{
	const char *slash = strrchr(value, '/');
	char text[1024], quoted[1100];
	struct buf b, q;

	buf_init(&b, text, sizeof(text));
	buf_init(&q, quoted, sizeof(quoted));
	if (strcmp(key, "intermediate.root") == 0)
		buf_puts(&b, "intermediate");
	else if (strcmp(key, "qualification.root") == 0)
		buf_puts(&b, "qualification");
	else if (begins(key, "masters."))
		buf_printf(&b, "masters/%s", slash == NULL ? value : slash + 1);
	else if (value[0] == '/')
		buf_puts(&b, value);
	else
		buf_printf(&b, "%s/%s", folder, value);
	yaml_quote(buf_slice(&b), &q);
	fprintf(f, "%s\n", q.p);
}

/* Paths that site.yaml leaves to their defaults are relative to its folder,
 * which is another one now: of the section (NULL: of those it has not got). */
static void
put_presets(
    FILE *f, const struct yaml *y, const char *section, const char *folder)
{
	const char *key, *preset, *last = "";
	char name[80];

	for (size_t i = 0; (key = config_path_key(i, &preset)) != NULL; i++) {
		size_t n = strcspn(key, ".");

		snprintf(name, sizeof(name), "%.*s", (int)n, key);
		if (yaml_find(y, key) != NULL || preset[0] == '/' ||
		    (section != NULL ? strcmp(section, name) != 0 :
				       yaml_find(y, name) != NULL))
			continue;
		if (section == NULL &&
		    (strncmp(last, key, n) != 0 || last[n] != '.'))
			fprintf(f, "%s:\n", name);
		last = key;
		fprintf(f, "  %s: ", key + n + 1);
		put_value(f, key, preset, folder);
	}
}

/* The text as it was, comments and all, but for the values that are paths; what
 * a section leaves to its presets follows its head. */
static void
copy_lines(FILE *f, const struct yaml *y, struct slice all, const char *folder)
{
	const char *p = all.p, *stop = all.p + all.n;

	for (int line = 1; p < stop; line++) {
		const char *end = memchr(p, '\n', (size_t)(stop - p));
		int len = (int)((end == NULL ? stop : end) - p);
		const struct yaml_node *v = NULL, *section = NULL;

		for (size_t i = 0; i < y->n; i++) {
			const struct yaml_node *at = &y->v[i];

			if (at->kind == YAML_SCALAR && at->value_line == line &&
			    at->value[0] != '\0' && config_is_path(at->path))
				v = at;
			if (at->kind == YAML_MAP && at->line == line &&
			    strchr(at->path, '.') == NULL)
				section = at;
		}
		if (v == NULL)
			fprintf(f, "%.*s\n", len, p);
		else {
			fprintf(f, "%.*s", v->value_column - 1, p);
			put_value(f, v->path, v->value, folder);
		}
		if (section != NULL)
			put_presets(f, y, section->path, folder);
		p = end == NULL ? stop : end + 1;
	}
	put_presets(f, y, NULL, folder);
}

static int
write_site(struct run *run, const char *generation, const char *into)
{
	char path[SPOOL_PATH_MAX];
	struct yaml *y = NULL;
	size_t n = 0;
	FILE *f = NULL;
	int r = -1;
	char *all, *folder = NULL;

	spool_path(path, generation, "site.yaml");
	if ((all = spool_slurp(path, (size_t)1 << 20, &n)) == NULL)
		return io(run, path);
	if ((y = yaml_read((struct slice) { all, n }, path, &run->log.sink)) ==
	    NULL) {
		bad(run, path, "site.yaml cannot be read");
		goto out;
	}
	if ((folder = realpath(run->config_path, NULL)) == NULL) {
		io(run, run->config_path);
		goto out;
	}
	*strrchr(folder, '/') = '\0';
	spool_path(path, into, "site.yaml");
	unlink(path);
	if ((f = fopen(path, "we")) == NULL) {
		io(run, path);
		goto out;
	}
	copy_lines(f, y, (struct slice) { all, n }, folder);
	r = fclose(f) == 0 ? 0 : io(run, path);
	f = NULL;
out:
	if (f != NULL)
		fclose(f);
	yaml_close(y);
	free(folder);
	free(all);
	return r;
}

/* ---- a generation ---- */

int
backup_restore(struct run *run, const char *generation, const char *into,
    struct backup_counts *counts)
{
	static const char *const sides[] = { "intermediate", "qualification" };
	char from[SPOOL_PATH_MAX], to[SPOOL_PATH_MAX];
	struct backup_sums sums = { NULL, 0, 0 };
	struct spool_names there = { NULL, 0 };
	int r = -1;

	memset(counts, 0, sizeof(*counts));
	if (publish_make_dir(into) == -1 || spool_all(into, &there) == -1) {
		io(run, into);
		goto out;
	}
	if (there.n > 0) {
		errno = ENOTEMPTY;
		io(run, into);
		goto out;
	}
	if (backup_sums_read(generation, &sums, &run->log.sink) == -1) {
		run_worst(run, EXIT_INTEGRITY);
		goto out;
	}
	for (int i = 0; i < 2; i++) {
		spool_path(from, generation, "%s", sides[i]);
		spool_path(to, into, "%s", sides[i]);
		if (access(from, F_OK) == 0 &&
		    restore_frame(run, from, to, 0) == -1)
			goto out;
	}
	for (size_t i = 0; i < sums.n; i++) {
		spool_path(from, generation, "%s", sums.v[i].path);
		spool_path(to, into, "%s", sums.v[i].path);
		if (restore_file(run, from, to, sums.v[i].sha256, counts) == -1)
			goto out;
		run_progress(run, "files", (int64_t)i, (int64_t)sums.n);
		if (run_stopped()) {
			run_worst(run, EXIT_STOPPED);
			goto out;
		}
	}
	r = write_site(run, generation, into);
	sync();
out:
	backup_sums_free(&sums);
	spool_free(&there);
	return r;
}

/* ---- proof ---- */

struct asking {
	int64_t periods;
};

static int
count_period(void *arg, const struct typed_key *key, const struct record *rec)
{
	struct asking *a = arg;

	(void)key;
	(void)rec;
	a->periods++;
	return 0;
}

/* Persons at even distances are found again by their keys. */
static int
ask(struct run *run, const char *path, struct snapshot *s, int64_t *found)
{
	struct snapshot_walk *w = snapshot_walk_open(s);
	struct snapshot_walk_row row;
	struct asking a = { 0 };
	char last[SEGMENT_KEY_SIZE] = "";
	int64_t n = 0;
	int r = 0;

	*found = 0;
	while (w != NULL && *found < ASKED &&
	    (r = snapshot_walk_step(w, &row)) == 1) {
		struct typed_key key;

		if (row.pair || memcmp(last, row.key, sizeof(last)) == 0)
			continue;
		memcpy(last, row.key, sizeof(last));
		if (n++ % 7 != 0)
			continue;
		memcpy(key.b, row.key, sizeof(key.b));
		if (snapshot_periods(s, &key, count_period, &a) < 1) {
			r = bad(run, path, "a person is not found by its key");
			break;
		}
		++*found;
	}
	if (w == NULL || r == -1)
		return -1;
	snapshot_walk_close(w);
	return 0;
}

static int
prove_set(struct run *run, const char *root)
{
	const struct config *c = run->config;
	struct diag_sink *sink = &run->log.sink;
	char digest[65], publisher[128], dir[SPOOL_PATH_MAX];
	struct snapshot_set set;
	struct snapshot *s = NULL;
	int64_t found = 0;
	int r = -1, there = -1;
	struct chain *trust = chain_open(
	    c->site_ca, c->site_crl[0] == '\0' ? NULL : c->site_crl, sink);

	if (trust != NULL &&
	    seal_cert_name(c->publish_cert, publisher, sink) == 0)
		there = publish_current(
		    root, trust, publisher, run->now, &set, digest, sink);
	chain_free(trust);
	if (there == 0) {
		puts("  no snapshot set was in force");
		return 0;
	}
	if (there == -1)
		return bad(run, root, "the set in force is not proved");
	spool_path(dir, root, "snapshots");
	for (int k = 0; k < SNAPSHOT__MAX; k++) {
		if (set.kind[k].generation == 0)
			continue;
		s = snapshot_open(
		    dir, (enum snapshot_kind)k, &set.kind[k], true, sink);
		if (s == NULL)
			return bad(run, dir, "a snapshot is not as signed");
		r = k == SNAPSHOT_QUALIFICATION ? ask(run, dir, s, &found) : 0;
		snapshot_close(s);
		if (r == -1)
			return -1;
	}
	printf("  generation %lld answers: %lld persons asked, all found\n",
	    (long long)set.kind[SNAPSHOT_QUALIFICATION].generation,
	    (long long)found);
	return 0;
}

int
backup_prove(struct run *run, const char *into)
{
	static const char *const sides[] = { "intermediate", "qualification" };
	char root[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];

	for (int i = 0; i < 2; i++) {
		spool_path(root, into, "%s", sides[i]);
		spool_path(path, root, "ledger.sqlite");
		if (access(path, F_OK) == -1)
			continue;
		if (ledger_whole(path, &run->log.sink) == -1) {
			run_worst(run, EXIT_INTEGRITY);
			return -1;
		}
		if (i == 1 && prove_set(run, root) == -1)
			return -1;
	}
	return 0;
}
