/* YAML by libyaml's events, cut down to maps, lists and scalars. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "formats/codec/yaml.h"
#include "formats/limits.h"

#define KEY_MAX 64
#define PATH_MAX_ (YAML_DEPTH_MAX * (KEY_MAX + 16))
#define FAULTS_MAX 100 /* a file this broken is not read on */
#define CHUNK (32 << 10)

/* Strings lie in chunks: they never move, and go all at once. */
struct chunk {
	struct chunk *next;
	size_t used, max;
	char b[];
};

struct level {
	bool list;
	bool key_next; /* of a map */
	size_t path; /* length of the path of the map or list itself */
	size_t item; /* of a list */
};

struct walk {
	const char *name;
	struct diag_sink *sink;
	int faults;
	bool stop;
	struct level level[YAML_DEPTH_MAX];
	int depth;
	int documents;
	char path[PATH_MAX_];
	size_t part; /* where the last part of path begins */
	int line, column; /* of the key the value belongs to */
	struct yaml *y;
	size_t room;
};

static void fault(struct walk *w, yaml_mark_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
fault(struct walk *w, yaml_mark_t at, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_raise(w->sink,
	    &(struct diag) { .code = DIAG_YAML_SYNTAX,
		.file = w->name,
		.line = (int64_t)at.line + 1,
		.column = (int)at.column + 1,
		.offset = -1,
		.detail = text });
	if (++w->faults >= FAULTS_MAX)
		w->stop = true;
}

static void
fault_stop(struct walk *w, yaml_mark_t at, const char *text)
{
	fault(w, at, "%s", text);
	w->stop = true;
}

static char *
keep(struct yaml *y, const char *p, size_t n)
{
	struct chunk *c = y->store;

	if (c == NULL || c->max - c->used < n + 1) {
		size_t max = n + 1 > CHUNK ? n + 1 : CHUNK;

		c = text_alloc(sizeof(*c) + max);
		c->max = max;
		c->next = y->store;
		y->store = c;
	}
	char *s = c->b + c->used;
	memcpy(s, p, n);
	s[n] = '\0';
	c->used += n + 1;
	return s;
}

/* The node of the value that begins here; NULL: no room, or the root. */
static struct yaml_node *
add_node(struct walk *w, enum yaml_kind kind, yaml_mark_t at)
{
	struct yaml *y = w->y;

	if (w->depth == 0)
		return NULL;
	if (y->n == YAML_NODES_MAX) {
		fault_stop(w, at, "more keys and values than the limit");
		return NULL;
	}
	if (y->n == w->room) {
		w->room = w->room == 0 ? 64 : w->room * 2;
		y->v = text_realloc(y->v, w->room * sizeof(*y->v));
	}
	struct yaml_node *n = &y->v[y->n++];
	const char *path = keep(y, w->path, strlen(w->path));
	*n = (struct yaml_node) { .path = path,
		.key = path + w->part,
		.kind = kind,
		.line = w->line,
		.column = w->column,
		.value_line = (int)at.line + 1,
		.value_column = (int)at.column + 1 };
	return n;
}

/* The path of the next item of a list; a map's was set by its key. */
static void
enter_item(struct walk *w, yaml_mark_t at)
{
	struct level *l = w->depth > 0 ? &w->level[w->depth - 1] : NULL;

	if (l == NULL || !l->list)
		return;
	w->part = l->path;
	snprintf(
	    w->path + l->path, sizeof(w->path) - l->path, "[%zu]", l->item++);
	w->line = (int)at.line + 1;
	w->column = (int)at.column + 1;
}

static void
leave_value(struct walk *w)
{
	if (w->depth > 0 && !w->level[w->depth - 1].list)
		w->level[w->depth - 1].key_next = true;
}

static bool
key_ok(const char *s, size_t n)
{
	return n >= 1 && n <= KEY_MAX &&
	    strspn(s,
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") ==
	    n;
}

static void
on_key(struct walk *w, const yaml_event_t *e)
{
	struct level *l = &w->level[w->depth - 1];
	const char *key = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;

	if (n == 2 && memcmp(key, "<<", 2) == 0)
		fault(w, e->start_mark, "merge keys are not allowed");
	else if (!key_ok(key, n))
		fault(w, e->start_mark,
		    "a key has 1 to %d letters, digits, _ and -", KEY_MAX);
	if (!key_ok(key, n)) {
		key = "-";
		n = 1;
	}
	w->part = l->path + (l->path > 0);
	snprintf(w->path + l->path, sizeof(w->path) - l->path, "%s%.*s",
	    l->path > 0 ? "." : "", (int)n, key);
	w->line = (int)e->start_mark.line + 1;
	w->column = (int)e->start_mark.column + 1;
	l->key_next = false;
}

static bool
has_control(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static void
on_scalar(struct walk *w, const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;

	if (e->data.scalar.anchor != NULL)
		fault(w, e->start_mark, "anchors are not allowed");
	if (e->data.scalar.tag != NULL)
		fault(w, e->start_mark, "tags are not allowed");
	if (w->depth == 0) {
		fault_stop(w, e->start_mark, "keys are expected here");
		return;
	}
	if (!w->level[w->depth - 1].list && w->level[w->depth - 1].key_next) {
		on_key(w, e);
		return;
	}
	if (n > YAML_VALUE_MAX)
		fault(w, e->start_mark, "value is longer than %d bytes",
		    YAML_VALUE_MAX);
	if (has_control(s, n))
		fault(w, e->start_mark, "value holds a control character");
	enter_item(w, e->start_mark);
	struct yaml_node *node = add_node(w, YAML_SCALAR, e->start_mark);
	if (node != NULL) {
		node->value = keep(w->y, s, n);
		node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	}
	leave_value(w);
}

static void
on_alias(struct walk *w, const yaml_event_t *e)
{
	fault(w, e->start_mark, "aliases are not allowed");
	if (w->depth == 0)
		return;
	struct level *l = &w->level[w->depth - 1];
	if (l->list)
		l->item++;
	else
		l->key_next = !l->key_next;
}

static void
on_open(struct walk *w, bool list, bool anchor, bool tag, yaml_mark_t at)
{
	if (anchor)
		fault(w, at, "anchors are not allowed");
	if (tag)
		fault(w, at, "tags are not allowed");
	if (w->depth > 0 && !w->level[w->depth - 1].list &&
	    w->level[w->depth - 1].key_next) {
		fault_stop(w, at, "a key must be a plain word");
		return;
	}
	if (w->depth == YAML_DEPTH_MAX) {
		fault_stop(w, at, "nested too deeply");
		return;
	}
	enter_item(w, at);
	add_node(w, list ? YAML_LIST : YAML_MAP, at);
	w->level[w->depth++] = (struct level) {
		.list = list, .key_next = true, .path = strlen(w->path)
	};
}

static void
on_close(struct walk *w)
{
	w->path[w->level[--w->depth].path] = '\0';
	leave_value(w);
}

static void
on_document(struct walk *w, const yaml_event_t *e)
{
	if (w->documents++ > 0)
		fault_stop(w, e->start_mark, "more than one document");
	if (e->data.document_start.version_directive != NULL ||
	    e->data.document_start.tag_directives.start !=
		e->data.document_start.tag_directives.end)
		fault(w, e->start_mark, "directives are not allowed");
}

static void
on_event(struct walk *w, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		on_document(w, e);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(w, e);
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(w, e);
		break;
	case YAML_MAPPING_START_EVENT:
		on_open(w, false, e->data.mapping_start.anchor != NULL,
		    e->data.mapping_start.tag != NULL, e->start_mark);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_open(w, true, e->data.sequence_start.anchor != NULL,
		    e->data.sequence_start.tag != NULL, e->start_mark);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		on_close(w);
		break;
	default:
		break;
	}
}

static void
walk(struct walk *w, struct slice doc)
{
	yaml_parser_t parser;
	yaml_event_t e;
	bool end = false;

	if (!yaml_parser_initialize(&parser)) {
		fault_stop(w, (yaml_mark_t) { 0 }, "no memory");
		return;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
	    &parser, (const unsigned char *)doc.p, doc.n);
	while (!end && !w->stop) {
		if (!yaml_parser_parse(&parser, &e)) {
			/* not well-formed UTF-8 is told by offset only */
			yaml_mark_t at = parser.problem_mark;

			if (parser.error == YAML_READER_ERROR)
				at = parser.mark;
			fault_stop(w, at,
			    parser.problem != NULL ? parser.problem : "?");
			break;
		}
		on_event(w, &e);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
}

static int
by_path(const void *pa, const void *pb)
{
	const struct yaml_node *a = *(const struct yaml_node *const *)pa;
	const struct yaml_node *b = *(const struct yaml_node *const *)pb;
	int d = strcmp(a->path, b->path);

	return d != 0 ? d : (a > b) - (a < b);
}

static void
twice(struct walk *w, const struct yaml_node *a, const struct yaml_node *b,
    const char **told)
{
	size_t n = *told == NULL ? 0 : strlen(*told);
	yaml_mark_t at = { .line = (size_t)b->line - 1,
		.column = (size_t)b->column - 1 };

	if (strcmp(a->path, b->path) != 0 || strcmp(b->key, "-") == 0)
		return;
	/* what stands under a doubled key is doubled too: said once */
	if (n > 0 && strncmp(b->path, *told, n) == 0 &&
	    (b->path[n] == '.' || b->path[n] == '['))
		return;
	fault(
	    w, at, "key %s is given twice, first on line %d", b->path, a->line);
	*told = b->path;
}

/* Sorted by path for yaml_find(); a key given twice lies beside itself. */
static void
sort_nodes(struct walk *w)
{
	struct yaml *y = w->y;
	const char *told = NULL;

	y->sorted = text_alloc((y->n + 1) * sizeof(*y->sorted));
	for (size_t i = 0; i < y->n; i++)
		y->sorted[i] = &y->v[i];
	qsort(y->sorted, y->n, sizeof(*y->sorted), by_path);
	for (size_t i = 1; i < y->n && w->faults < FAULTS_MAX; i++)
		twice(w, y->sorted[i - 1], y->sorted[i], &told);
}

struct yaml *
yaml_read(struct slice doc, const char *name, struct diag_sink *sink)
{
	struct walk w = { .name = name, .sink = sink };

	w.y = text_alloc(sizeof(*w.y));
	if (doc.n > CONFIG_BYTES_MAX)
		fault_stop(&w, (yaml_mark_t) { 0 }, "larger than the limit");
	else
		walk(&w, doc);
	sort_nodes(&w);
	if (w.faults == 0)
		return w.y;
	yaml_close(w.y);
	return NULL;
}

static int
path_is(const void *key, const void *node)
{
	return strcmp(key, (*(const struct yaml_node *const *)node)->path);
}

const struct yaml_node *
yaml_find(const struct yaml *y, const char *path)
{
	const struct yaml_node **n = NULL;

	if (y->n > 0)
		n = bsearch(path, y->sorted, y->n, sizeof(*y->sorted), path_is);
	return n == NULL ? NULL : *n;
}

void
yaml_close(struct yaml *y)
{
	if (y == NULL)
		return;
	for (struct chunk *c = y->store, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(y->v);
	free(y->sorted);
	free(y);
}

void
yaml_quote(struct slice s, struct buf *out)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02X", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '"');
}
