/* The two manifests over yaml_read(): every key known, every value held to its
 * form; each fault told with its line and column. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/yaml.h"
#include "formats/manifest.h"

const char *const snapshot_names[SNAPSHOT__MAX] = {
	[SNAPSHOT_QUALIFICATION] = "qualification",
	[SNAPSHOT_CARDS] = "cards",
	[SNAPSHOT_REVOCATION] = "revocation",
	[SNAPSHOT_INSTITUTIONS] = "institutions",
};

/* A scalar of a manifest: how it is called and what it may hold. */
enum form {
	WORD, /* [0-9A-Za-z_.-]+, not beginning with a dot */
	SENDER,
	FEED,
	DAY, /* YYYY-MM-DD */
	SEQUENCE, /* 1..9999 */
	COUNT, /* 0..10^15 */
	SHA256, /* 64 lower-case hex digits */
	SHA256_OR_NOTHING,
	ROWS, /* digest of rows: 32 lower-case hex digits; older sets: 64 */
	MOMENT, /* YYYYMMDDHHmmss, JST */
	FLAG /* true, false */
};
struct item {
	const char *key;
	enum form form;
	size_t at, size; /* where it goes */
	bool optional;
};

#define TO(type, member)                                                       \
	offsetof(struct type, member), sizeof(((struct type *)0)->member)

static const struct item head_items[] = {
	{ "sender", SENDER, TO(manifest, id.sender), false },
	{ "feed", FEED, TO(manifest, id.feed), false },
	{ "day", DAY, TO(manifest, id.day), false },
	{ "sequence", SEQUENCE, TO(manifest, id.sequence), false },
	{ "full", FLAG, TO(manifest, full), true },
	{ NULL, WORD, 0, 0, false },
};
static const struct item member_items[] = {
	{ "name", WORD, TO(manifest_member, name), false },
	{ "layout", WORD, TO(manifest_member, layout), false },
	{ "syntax", WORD, TO(manifest_member, syntax), false },
	{ "charset", WORD, TO(manifest_member, charset), true },
	{ "bytes", COUNT, TO(manifest_member, bytes), false },
	{ "sha256", SHA256, TO(manifest_member, sha256), false },
	{ "records", COUNT, TO(manifest_member, records), false },
	{ "total", COUNT, TO(manifest_member, total), true },
	{ NULL, WORD, 0, 0, false },
};
static const struct item set_items[] = {
	{ "serial", COUNT, TO(snapshot_set, serial), false },
	{ "previous", SHA256_OR_NOTHING, TO(snapshot_set, previous), false },
	{ NULL, WORD, 0, 0, false },
};
static const struct item entry_items[] = {
	{ "generation", COUNT, TO(snapshot_set_entry, generation), false },
	{ "file", WORD, TO(snapshot_set_entry, file), false },
	{ "sha256", SHA256, TO(snapshot_set_entry, sha256), false },
	{ "digest", ROWS, TO(snapshot_set_entry, digest), false },
	{ "rows", COUNT, TO(snapshot_set_entry, rows), false },
	{ "day", DAY, TO(snapshot_set_entry, day), false },
	{ "cut_off", MOMENT, TO(snapshot_set_entry, cut_off), false },
	{ NULL, WORD, 0, 0, false },
};

struct reading {
	const struct yaml *y;
	const char *name;
	struct diag_sink *sink;
	int faults;
};

static void fault(struct reading *r, const struct yaml_node *n, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

static void
fault(struct reading *r, const struct yaml_node *n, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->faults++;
	diag_raise(r->sink,
	    &(struct diag) { .code = DIAG_MANIFEST,
		.file = r->name,
		.line = n == NULL ? 0 : n->line,
		.column = n == NULL ? 0 : n->column,
		.offset = -1,
		.detail = text });
}

static bool
all_of(struct slice s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(set, s.p[i]) == NULL)
			return false;
	return s.n > 0;
}

static bool
is_word(struct slice s)
{
	return s.n > 0 && s.p[0] != '.' &&
	    all_of(s,
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz_.-");
}

static int64_t
moment_of(struct slice s)
{
	if (s.n != 14 || !slice_digits(s))
		return -1;
	int32_t day = day_parse((struct slice) { s.p, 8 });
	int64_t h = slice_number((struct slice) { s.p + 8, 2 });
	int64_t m = slice_number((struct slice) { s.p + 10, 2 });
	int64_t sec = slice_number((struct slice) { s.p + 12, 2 });
	if (day == DAY_NONE || h > 23 || m > 59 || sec > 59)
		return -1;
	return day_moment(day, ((h * 60 + m) * 60 + sec) * 1000);
}

static bool
put_text(void *to, size_t size, struct slice s, bool ok)
{
	if (!ok || s.n >= size)
		return false;
	memcpy(to, s.p, s.n);
	((char *)to)[s.n] = '\0';
	return true;
}

static bool
put_number(void *to, size_t size, int64_t n, bool ok)
{
	int small = (int)n;

	if (!ok)
		return false;
	if (size == sizeof(n))
		memcpy(to, &n, sizeof(n));
	else
		memcpy(to, &small, sizeof(small));
	return true;
}

static bool
put(void *base, const struct item *i, struct slice s)
{
	static const char hex[] = "0123456789abcdef";
	static const char upper[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *to = (char *)base + i->at;
	int64_t n = slice_number(s);

	switch (i->form) {
	case WORD:
		return put_text(to, i->size, s, is_word(s));
	case SENDER:
		return put_text(to, i->size, s, all_of(s, upper));
	case FEED:
		n = feed_find(s);
		return put_number(to, i->size, n, n >= 0);
	case DAY:
		n = day_parse_iso(s);
		return put_number(to, i->size, n, n != DAY_NONE);
	case SEQUENCE:
		return put_number(to, i->size, n, n >= 1 && n <= 9999);
	case COUNT:
		return put_number(
		    to, i->size, n, n >= 0 && n <= INT64_C(1000000000000000));
	case SHA256:
		return put_text(to, i->size, s, s.n == 64 && all_of(s, hex));
	case SHA256_OR_NOTHING:
		return put_text(
		    to, i->size, s, s.n == 0 || (s.n == 64 && all_of(s, hex)));
	case ROWS:
		return put_text(
		    to, i->size, s, (s.n == 32 || s.n == 64) && all_of(s, hex));
	case MOMENT:
		n = moment_of(s);
		return put_number(to, i->size, n, n >= 0);
	case FLAG:
		*(bool *)to = slice_is(s, "true");
		return *(bool *)to || slice_is(s, "false");
	}
	return false;
}

static const struct item *
find_item(const struct item *items, const char *key)
{
	for (; items->key != NULL; items++)
		if (strcmp(items->key, key) == 0)
			return items;
	return NULL;
}

/* True where path is `under` + one more part ("" : the top). */
static bool
is_child(const char *path, const char *under)
{
	size_t n = strlen(under);

	if (strncmp(path, under, n) != 0)
		return false;
	path += n;
	if (n > 0 && *path++ != '.')
		return false;
	return *path != '\0' && strpbrk(path, ".[") == NULL;
}

/*
 * The scalars directly under `under` into base; `other` is the one child that
 * may be a list or map. Nodes stand in the order of the file: reading begins at
 * *at and ends at the first node that is not below `under`.
 */
static void
take(struct reading *r, const char *under, size_t *at, const struct item *items,
    void *base, const char *other)
{
	const struct yaml_node *parent = yaml_find(r->y, under);
	size_t n = strlen(under);
	unsigned seen = 0;

	for (; *at < r->y->n && strncmp(r->y->v[*at].path, under, n) == 0 &&
	     (n == 0 || r->y->v[*at].path[n] == '.');
	     ++*at) {
		const struct yaml_node *v = &r->y->v[*at];

		if (!is_child(v->path, under)) {
			if (other == NULL)
				fault(r, v, "%s is not expected", v->path);
			continue;
		}
		const struct item *i = find_item(items, v->key);
		if (i == NULL) {
			if (other == NULL || strcmp(v->key, other) != 0)
				fault(r, v, "unknown key %s", v->path);
			continue;
		}
		seen |= 1u << (i - items);
		if (v->kind != YAML_SCALAR || !put(base, i, slice_of(v->value)))
			fault(r, v, "%s is not of the agreed form", v->path);
	}
	for (const struct item *i = items; i->key != NULL; i++)
		if (!i->optional && !(seen & 1u << (i - items)))
			fault(r, parent, "%s%s%s is missing", under,
			    n > 0 ? "." : "", i->key);
}

struct manifest *
manifest_new(int members)
{
	struct manifest *m =
	    text_alloc(sizeof(*m) + (size_t)members * sizeof(m->member[0]));

	m->members = members;
	return m;
}

static int
count_members(const struct yaml *y)
{
	int n = 0;
	char path[32];

	do
		snprintf(path, sizeof(path), "members[%d]", n++);
	while (n <= PACKAGE_MEMBERS_MAX + 1 && yaml_find(y, path) != NULL);
	return n - 1;
}

static void
take_members(struct reading *r, struct manifest *m)
{
	char path[32];
	size_t at = 0;

	for (int i = 0; i < m->members; i++) {
		snprintf(path, sizeof(path), "members[%d]", i);
		while (strcmp(r->y->v[at].path, path) != 0)
			at++;
		if (r->y->v[at].kind != YAML_MAP) {
			fault(r, &r->y->v[at], "%s is not a map", path);
			continue;
		}
		at++;
		take(r, path, &at, member_items, &m->member[i], NULL);
	}
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One name, one member: else which digest would hold? */
static void
no_name_twice(struct reading *r, const struct manifest *m)
{
	size_t n = (size_t)m->members;
	const char **v = text_alloc((n + 1) * sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = m->member[i].name;
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 1; i < n; i++)
		if (v[i][0] != '\0' && strcmp(v[i - 1], v[i]) == 0)
			fault(r, yaml_find(r->y, "members"),
			    "member %s is named twice", v[i]);
	free(v);
}

struct manifest *
manifest_read(struct slice doc, const char *name, struct diag_sink *sink)
{
	struct reading r = { .name = name, .sink = sink };
	struct yaml *y =
	    doc.n > MANIFEST_BYTES_MAX ? NULL : yaml_read(doc, name, sink);
	struct manifest *m = NULL;
	const struct yaml_node *list;
	size_t at = 0;

	r.y = y;
	if (y == NULL) {
		if (doc.n > MANIFEST_BYTES_MAX)
			fault(&r, NULL, "larger than the limit");
		return NULL;
	}
	m = manifest_new(count_members(y));
	take(&r, "", &at, head_items, &m->id, "members");
	list = yaml_find(y, "members");
	if (list == NULL || list->kind != YAML_LIST || m->members == 0)
		fault(&r, list, "members: a list is expected");
	else if (m->members > PACKAGE_MEMBERS_MAX)
		fault(&r, list, "more than %d members", PACKAGE_MEMBERS_MAX);
	else {
		take_members(&r, m);
		no_name_twice(&r, m);
	}
	yaml_close(y);
	if (r.faults > 0) {
		free(m);
		return NULL;
	}
	return m;
}

void
manifest_write(const struct manifest *m, FILE *out)
{
	char day[11];

	day_format_iso(m->id.day, day);
	fprintf(out, "sender: \"%s\"\nfeed: %s\nday: %s\nsequence: %d\n",
	    m->id.sender, feed_names[m->id.feed], day, m->id.sequence);
	if (m->full)
		fputs("full: true\n", out);
	fputs("members:\n", out);
	for (int i = 0; i < m->members; i++) {
		const struct manifest_member *v = &m->member[i];

		fprintf(out,
		    "  - name: \"%s\"\n    layout: %s\n    syntax: %s\n",
		    v->name, v->layout, v->syntax);
		if (v->charset[0] != '\0')
			fprintf(out, "    charset: %s\n", v->charset);
		fprintf(out,
		    "    bytes: %lld\n    sha256: \"%s\"\n    records: %lld\n"
		    "    total: %lld\n",
		    (long long)v->bytes, v->sha256, (long long)v->records,
		    (long long)v->total);
	}
}

static void
take_entries(struct reading *r, struct snapshot_set *out)
{
	for (size_t at = 0; at < r->y->n; at++) {
		const struct yaml_node *v = &r->y->v[at];
		size_t below = at + 1;
		int kind = 0;

		if (!is_child(v->path, "snapshots"))
			continue;
		while (kind < SNAPSHOT__MAX &&
		    strcmp(v->key, snapshot_names[kind]) != 0)
			kind++;
		if (kind < SNAPSHOT__MAX && v->kind == YAML_MAP)
			take(r, v->path, &below, entry_items, &out->kind[kind],
			    NULL);
		else
			fault(r, v, "unknown snapshot %s", v->path);
	}
}

int
snapshot_set_read(struct slice doc, const char *name, struct snapshot_set *out,
    struct diag_sink *sink)
{
	struct reading r = { .name = name, .sink = sink };
	struct yaml *y = yaml_read(doc, name, sink);
	const struct yaml_node *top;
	size_t at = 0;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < SNAPSHOT__MAX; i++)
		out->kind[i].day = DAY_NONE;
	if (y == NULL)
		return -1;
	r.y = y;
	take(&r, "", &at, set_items, out, "snapshots");
	top = yaml_find(y, "snapshots");
	if (top == NULL || top->kind == YAML_LIST ||
	    (top->kind == YAML_SCALAR && top->value[0] != '\0'))
		fault(&r, top, "snapshots: a map is expected");
	take_entries(&r, out);
	yaml_close(y);
	return r.faults > 0 ? -1 : 0;
}

void
snapshot_set_write(const struct snapshot_set *s, FILE *out)
{
	char day[11], time[15];

	fprintf(out, "serial: %lld\nprevious: \"%s\"\nsnapshots:\n",
	    (long long)s->serial, s->previous);
	for (int i = 0; i < SNAPSHOT__MAX; i++) {
		const struct snapshot_set_entry *e = &s->kind[i];

		if (e->generation == 0)
			continue;
		day_format_iso(e->day, day);
		day_format_time(e->cut_off, time);
		fprintf(out,
		    "  %s:\n    generation: %lld\n    file: \"%s\"\n"
		    "    sha256: \"%s\"\n    digest: \"%s\"\n    rows: %lld\n"
		    "    day: %s\n    cut_off: \"%s\"\n",
		    snapshot_names[i], (long long)e->generation, e->file,
		    e->sha256, e->digest, (long long)e->rows, day, time);
	}
}
