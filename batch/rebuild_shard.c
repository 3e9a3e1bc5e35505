#include "batch/rebuild_shard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "batch/publish.h"
#include "batch/run.h"
#include "formats/codec/seal.h"
#include "formats/codec/yaml.h"
#include "formats/snapshot.h"

#define SAMPLES 64 /* keys looked at per shard in one file */
#define PREFIX "rebuild-"
#define PART_YAML_MAX 65536

int
shard_parse(const char *text, int *i, int *n)
{
	const char *slash = strchr(text, '/');

	if (slash == NULL)
		return -1;
	int64_t a =
	    slice_number((struct slice) { text, (size_t)(slash - text) });
	int64_t b = slice_number(slice_of(slash + 1));
	if (a < 1 || b < a || b > SHARDS_MAX)
		return -1;
	*i = (int)a;
	*n = (int)b;
	return 0;
}

void
shard_folder(
    char out[SPOOL_PATH_MAX], const char *root, int i, int n, bool done)
{
	spool_path(
	    out, root, "work/" PREFIX "%dof%d%s", i, n, done ? "" : ".build");
}

static int
io(const struct build *b, const char *path)
{
	diag_file(&b->run->log.sink, DIAG_IO, path, "%s", strerror(errno));
	return -1;
}

/* ---- the plan ---- */

struct sample {
	char key[SEGMENT_KEY_SIZE];
	int64_t rows; /* that it stands for */
};
struct samples {
	struct sample *v;
	size_t n, max;
	int64_t rows;
};

static void
add_sample(struct samples *s, const char key[SEGMENT_KEY_SIZE], int64_t rows)
{
	if (s->n == s->max) {
		s->max = 2 * s->max + 256;
		s->v = text_realloc(s->v, s->max * sizeof(*s->v));
	}
	memcpy(s->v[s->n].key, key, SEGMENT_KEY_SIZE);
	s->v[s->n++].rows = rows;
	s->rows += rows;
}

static int
sample_cmp(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int c = memcmp(x->key, y->key, SEGMENT_KEY_SIZE);

	return c != 0 ? c : (x->rows > y->rows) - (x->rows < y->rows);
}

/* So many of a file of so many rows: small ones have few. */
static unsigned
how_many(int64_t rows, int n)
{
	int64_t most = (int64_t)SAMPLES * n;

	return rows < 1 ? 0 : (unsigned)(rows < most ? rows : most);
}

static int
sample_base(struct samples *s, const struct build *b,
    const struct snapshot_set_entry *base, int n)
{
	char dir[SPOOL_PATH_MAX], key[SEGMENT_KEY_SIZE];
	unsigned k = how_many(base->rows, n);
	int r = 0;

	if (base->generation == 0)
		return 0;
	spool_path(dir, b->root, "snapshots");
	struct snapshot *f = snapshot_open(
	    dir, SNAPSHOT_QUALIFICATION, base, false, &b->run->log.sink);
	if (f == NULL)
		return -1;
	for (unsigned i = 0; i < k && r != -1; i++)
		if ((r = snapshot_part(f, i, k, key)) == 1)
			add_sample(s, key, base->rows / k + 1);
	snapshot_close(f);
	return r == -1 ? -1 : 0;
}

static int
sample_segment(struct samples *s, const struct build *b,
    const struct ledger_segment *l, int n)
{
	char path[SPOOL_PATH_MAX], key[SEGMENT_KEY_SIZE];
	unsigned k = how_many(l->rows, n);
	int r = 0;

	spool_path(path, b->root, "segments/%s", l->name);
	struct segment *f =
	    segment_open(path, l->name, false, &b->run->log.sink);
	if (f == NULL)
		return -1;
	for (unsigned i = 0; i < k && r != -1; i++)
		if ((r = segment_part(f, i, k, key)) == 1)
			add_sample(s, key, l->rows / k + 1);
	segment_close(f);
	return r == -1 ? -1 : 0;
}

/* Cuts at the keys behind which another n-th of the rows begins. */
static void
cut(struct shards *plan, const struct samples *s)
{
	int64_t sum = 0;
	size_t at = 0;

	for (int i = 0; i + 1 < plan->n; i++) {
		int64_t until = s->rows / plan->n * (i + 1);
		while (at < s->n && sum < until)
			sum += s->v[at++].rows;
		if (at < s->n)
			memcpy(
			    plan->range[i].to, s->v[at].key, SEGMENT_KEY_SIZE);
		else
			memset(plan->range[i].to, 0xff, SEGMENT_KEY_SIZE);
		memcpy(plan->range[i + 1].from, plan->range[i].to,
		    SEGMENT_KEY_SIZE);
	}
}

/* Everything a part depends on; of the same, the same parts. */
static int
plan_digest(struct shards *plan, const struct build *b,
    const struct snapshot_set_entry *base)
{
	const struct config *c = b->run->config;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return io(b, "plan");
	fprintf(f, "%s %d %d %d %d %lld %s\n", RUN_VERSION, plan->n,
	    (int)b->run->day, c->delete_days, c->left_days,
	    (long long)base->generation, base->sha256);
	for (size_t i = 0; i < b->in->n; i++)
		fprintf(f, "%s %lld %s\n", b->in->v[i].name,
		    (long long)b->in->v[i].rows, b->in->v[i].digest);
	for (int i = 0; i < plan->n; i++)
		fwrite(plan->range[i].from, 1, SEGMENT_KEY_SIZE, f);
	if (fclose(f) != 0) {
		free(text);
		return io(b, "plan");
	}
	seal_digest((struct slice) { text, size }, plan->digest);
	free(text);
	return 0;
}

int
shards_plan(struct shards *s, const struct build *b,
    const struct snapshot_set_entry *in_force, int n)
{
	const unsigned kinds = 1u << SEGMENT_PERIOD | 1u << SEGMENT_PAIR;
	struct samples all = { 0 };
	int r = 0;

	memset(s, 0, sizeof(*s));
	s->n = n;
	s->range[n - 1].open = true;
	if (n > 1 && !inputs_any(b->in, 1u << SEGMENT_REKEY)) {
		r = sample_base(&all, b, in_force, n);
		for (size_t i = 0; i < b->in->n && r == 0; i++)
			if (kinds >> b->in->v[i].kind & 1)
				r = sample_segment(&all, b, &b->in->v[i], n);
		if (all.n > 0)
			qsort(all.v, all.n, sizeof(*all.v), sample_cmp);
	}
	if (r == 0) {
		cut(s, &all);
		r = plan_digest(s, b, in_force);
	}
	free(all.v);
	return r;
}

/* ---- a part is written ---- */

static int
write_array(const struct build *b, const char *dir, const char *name,
    const void *v, size_t size, size_t n)
{
	char path[SPOOL_PATH_MAX];
	int r = -1;

	spool_path(path, dir, "%s", name);
	FILE *f = fopen(path, "wxe");
	if (f == NULL)
		return io(b, path);
	if (n > 0)
		fwrite(v, size, n, f);
	if (fflush(f) == 0 && !ferror(f) && fsync(fileno(f)) == 0)
		r = 0;
	return fclose(f) != 0 || r == -1 ? io(b, path) : 0;
}

/* Size and XXH3-128 of a file: against damage on the way, not against
 * anybody's ill will; the folder is ours alone. */
static int
look_file(const char *path, int64_t *bytes, char hex[33])
{
	static const size_t room = 1 << 20;
	char *buf = text_alloc(room);
	XXH3_state_t *h = XXH3_createState();
	XXH128_canonical_t out;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (h == NULL || fd == -1 || XXH3_128bits_reset(h) != XXH_OK)
		goto out;
	*bytes = 0;
	while ((n = read(fd, buf, room)) > 0) {
		XXH3_128bits_update(h, buf, (size_t)n);
		*bytes += n;
	}
	XXH128_canonicalFromHash(&out, XXH3_128bits_digest(h));
	for (size_t i = 0; i < sizeof(out.digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", out.digest[i]);
out:
	if (fd != -1)
		close(fd);
	XXH3_freeState(h);
	free(buf);
	return n == 0 ? 0 : -1;
}

/* The books of a run, as part.yaml has them. */
struct book {
	const char *key;
	int64_t *n;
};
#define BOOKS 8
static void
books_of(const struct build *b, struct book out[BOOKS])
{
	struct run *r = b->run;
	const struct book all[BOOKS] = { { "read", &r->read },
		{ "accepted", &r->accepted }, { "refused", &r->refused },
		{ "unchanged", &r->unchanged }, { "held", &r->held },
		{ "losses", &b->guard->losses },
		{ "purged", &b->purged->periods },
		{ "purged_cards", &b->purged->cards } };

	memcpy(out, all, sizeof(all));
}

static int
write_yaml(
    const struct shards *s, int i, const struct build *b, const char *dir)
{
	char path[SPOOL_PATH_MAX], hex[33];
	struct spool_names files;
	struct book books[BOOKS];
	int64_t bytes;
	char *text = NULL;
	size_t size = 0;
	int r = 0;

	if (spool_list(dir, &files) == -1)
		return io(b, dir);
	FILE *f = open_memstream(&text, &size);
	if (f == NULL) {
		spool_free(&files);
		return io(b, dir);
	}
	fprintf(f, "shard: %d\nshards: %d\nplan: \"%s\"\nbooks:\n", i, s->n,
	    s->digest);
	books_of(b, books);
	for (int k = 0; k < BOOKS; k++)
		fprintf(
		    f, "  %s: %lld\n", books[k].key, (long long)*books[k].n);
	fputs("files:\n", f);
	for (size_t k = 0; k < files.n && r == 0; k++) {
		spool_path(path, dir, "%s", files.v[k]);
		r = look_file(path, &bytes, hex) == -1 ? io(b, path) : 0;
		fprintf(f, "  - name: %s\n    bytes: %lld\n    xxh3: \"%s\"\n",
		    files.v[k], (long long)bytes, hex);
	}
	spool_free(&files);
	if (fclose(f) != 0)
		r = io(b, dir);
	if (r == 0)
		r = write_array(b, dir, "part.yaml", text, 1, size);
	free(text);
	return r;
}

int
shard_publish(const struct shards *s, int i, const struct build *b)
{
	char dir[SPOOL_PATH_MAX], part[SPOOL_PATH_MAX], work[SPOOL_PATH_MAX],
	    name[32];

	shard_folder(dir, b->root, i, s->n, false);
	shard_folder(part, b->root, i, s->n, true);
	spool_path(work, b->root, "work");
	snprintf(name, sizeof(name), PREFIX "%dof%d", i, s->n);
	if (write_array(b, dir, "scopes", b->guard->v, sizeof(*b->guard->v),
		b->guard->n) == -1 ||
	    write_array(b, dir, "purged", b->purged->v, sizeof(*b->purged->v),
		b->purged->n) == -1 ||
	    write_yaml(s, i, b, dir) == -1)
		return -1;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd == -1 || fsync(fd) == -1 ? -1 : 0;
	if (fd != -1)
		close(fd);
	if (r == -1 || spool_remove_tree(part) == -1 ||
	    publish_rename(dir, work, name) == -1)
		return io(b, dir);
	return 0;
}

/* ---- and read ---- */

static int64_t
number_at(const struct yaml *y, const char *path)
{
	const struct yaml_node *v = yaml_find(y, path);

	return v == NULL || v->value == NULL ? -1 :
					       slice_number(slice_of(v->value));
}

static const char *
text_at(const struct yaml *y, const char *path)
{
	const struct yaml_node *v = yaml_find(y, path);

	return v == NULL || v->value == NULL ? "" : v->value;
}

/* Every file it names, as it says. */
static bool
files_whole(const struct yaml *y, const char *dir)
{
	char path[SPOOL_PATH_MAX], at[40], hex[33];
	int64_t bytes;
	int k;

	for (k = 0;; k++) {
		snprintf(at, sizeof(at), "files[%d].name", k);
		const char *name = text_at(y, at);
		if (name[0] == '\0')
			break;
		if (strlen(name) > 32 || strchr(name, '/') != NULL)
			return false;
		spool_path(path, dir, "%s", name);
		snprintf(at, sizeof(at), "files[%d].bytes", k);
		if (look_file(path, &bytes, hex) == -1 ||
		    bytes != number_at(y, at))
			return false;
		snprintf(at, sizeof(at), "files[%d].xxh3", k);
		if (strcmp(hex, text_at(y, at)) != 0)
			return false;
	}
	return k >= 9;
}

/* part.yaml; NULL: not there or not readable. */
static struct yaml *
read_yaml(const struct shards *s, int i, const struct build *b,
    char dir[SPOOL_PATH_MAX])
{
	char path[SPOOL_PATH_MAX];
	size_t n;

	shard_folder(dir, b->root, i, s->n, true);
	spool_path(path, dir, "part.yaml");
	char *doc = spool_slurp(path, PART_YAML_MAX, &n);
	if (doc == NULL)
		return NULL;
	struct yaml *y =
	    yaml_read((struct slice) { doc, n }, path, &b->run->log.sink);
	free(doc);
	return y;
}

int
shard_look(
    const struct shards *s, int i, const struct build *b, const char **why)
{
	char dir[SPOOL_PATH_MAX];

	shard_folder(dir, b->root, i, s->n, true);
	*why = "it is not there";
	if (access(dir, F_OK) == -1)
		return errno == ENOENT ? 0 : io(b, dir);
	*why = "its part.yaml cannot be read";
	struct yaml *y = read_yaml(s, i, b, dir);
	if (y == NULL)
		return 0;
	*why = NULL;
	if (number_at(y, "shard") != i || number_at(y, "shards") != s->n ||
	    strcmp(text_at(y, "plan"), s->digest) != 0)
		*why = "it is of other segments, another generation in force, "
		       "another day or other settings";
	else if (!files_whole(y, dir))
		*why = "it is damaged";
	yaml_close(y);
	return *why == NULL;
}

/* An array file, each item through take(). */
static int
read_array(const struct build *b, const char *dir, const char *name, void *item,
    size_t size, void (*take)(const struct build *b, const void *item))
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, dir, "%s", name);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return io(b, path);
	while (fread(item, size, 1, f) == 1)
		take(b, item);
	int r = ferror(f) ? io(b, path) : 0;
	fclose(f);
	return r;
}

static void
take_scope(const struct build *b, const void *item)
{
	guard_take(b->guard, item);
}

static void
take_purged(const struct build *b, const void *item)
{
	const struct purged_scope *from = item;
	struct purged_scope *to = purged_scope(b->purged, from->scope);

	to->periods += from->periods;
	to->persons += from->persons;
}

int
shard_take(const struct shards *s, int i, const struct build *b)
{
	char dir[SPOOL_PATH_MAX], at[40];
	struct guard_scope scope;
	struct purged_scope purged;
	struct book books[BOOKS];
	struct yaml *y = read_yaml(s, i, b, dir);

	if (y == NULL)
		return io(b, dir);
	books_of(b, books);
	for (int k = 0; k < BOOKS; k++) {
		snprintf(at, sizeof(at), "books.%s", books[k].key);
		*books[k].n += number_at(y, at);
	}
	yaml_close(y);
	return read_array(
		   b, dir, "scopes", &scope, sizeof(scope), take_scope) == -1 ?
	    -1 :
	    read_array(b, dir, "purged", &purged, sizeof(purged), take_purged);
}

void
shards_clear(const char *root)
{
	char work[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];
	struct spool_names dirs;

	spool_path(work, root, "work");
	if (spool_dirs(work, &dirs) == -1)
		return;
	for (size_t i = 0; i < dirs.n; i++) {
		if (strncmp(dirs.v[i], PREFIX, strlen(PREFIX)) != 0)
			continue;
		spool_path(path, work, "%s", dirs.v[i]);
		spool_remove_tree(path);
	}
	spool_free(&dirs);
}
