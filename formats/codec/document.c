/* One table for a tree: XML and YAML, in and out. */
#include "formats/codec/document.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codec/xml.h"
#include "formats/codec/yaml.h"
#include "formats/limits.h"

/* ---- the tree ---- */

static const struct document_row *
row_of(const struct document_tree *t, int node)
{
	return &t->document->rows[t->v[node].row];
}

int
document_parent(const struct document *d, unsigned row)
{
	int depth = d->rows[row].depth, i = (int)row - 1;

	while (i >= 0 && d->rows[i].depth >= depth)
		i--;
	return i;
}

int
document_unit(const struct document *d)
{
	int unit = -1;

	for (unsigned i = 0; i < d->nrows; i++) {
		if ((d->rows[i].flags & DOC_BOX) == 0 ||
		    (d->rows[i].flags & DOC_MANY) == 0)
			continue;
		if (unit >= 0 && d->rows[i].depth <= d->rows[unit].depth)
			return -1;
		unit = unit < 0 ? (int)i : unit;
	}
	return unit;
}

/* The row called `name` directly below the row of `node`; -1: none. */
static int
row_below(const struct document_tree *t, int node, struct slice name)
{
	const struct document *d = t->document;
	unsigned i = node == 0 ? 0 : t->v[node].row + 1;
	int depth = node == 0 ? 0 : row_of(t, node)->depth + 1;

	for (; i < d->nrows && d->rows[i].depth >= depth; i++)
		if (d->rows[i].depth == depth &&
		    slice_is(name, d->rows[i].field.name))
			return (int)i;
	return -1;
}

static int
add_node(struct document_tree *t, int parent, unsigned row, int64_t line)
{
	struct document_node *n;

	if (t->n == t->max) {
		t->max = t->max == 0 ? 64 : 2 * t->max;
		t->v = text_realloc(t->v, (size_t)t->max * sizeof(*t->v));
	}
	n = &t->v[t->n];
	memset(n, 0, sizeof(*n));
	n->row = row;
	n->parent = parent;
	n->next = n->first = n->last = -1;
	n->line = line;
	if (parent >= 0) {
		struct document_node *p = &t->v[parent];

		if (p->last >= 0)
			t->v[p->last].next = t->n;
		else
			p->first = t->n;
		if ((t->document->rows[row].flags & DOC_MANY) != 0)
			n->ordinal = ++p->items;
		p->last = t->n;
	}
	return t->n++;
}

void
document_free(struct document_tree *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < t->n; i++)
		free((char *)(uintptr_t)t->v[i].value.p);
	free(t->v);
	free(t);
}

int
document_child(const struct document_tree *t, int node, const char *name)
{
	int i = t->v[node].first;

	while (i >= 0 && strcmp(row_of(t, i)->field.name, name) != 0)
		i = t->v[i].next;
	return i;
}

int
document_next(const struct document_tree *t, int node)
{
	int i = t->v[node].next;

	while (i >= 0 && t->v[i].row != t->v[node].row)
		i = t->v[i].next;
	return i;
}

struct slice
document_value(const struct document_tree *t, const char *path)
{
	int node = 0;

	while (node >= 0 && *path != '\0') {
		size_t n = strcspn(path, "/");
		int row = row_below(t, node, (struct slice) { path, n });

		if (row < 0)
			return SLICE("");
		node =
		    document_child(t, node, t->document->rows[row].field.name);
		path += n + (path[n] == '/');
	}
	return node > 0 ? t->v[node].value : SLICE("");
}

/* ---- reading ---- */

struct reading {
	const struct document_source *src;
	struct document_tree *t;
	int at; /* node that is open */
	int unit; /* row of the units; -1: none */
	int skip; /* XML: depth inside an unknown element; 0: none */
};

/* The unit a node lies in, as a node; 0: in none. */
static int
unit_node(const struct reading *r, int node)
{
	while (node > 0 && (int)r->t->v[node].row != r->unit)
		node = r->t->v[node].parent;
	return node > 0 ? node : 0;
}

/* Its place in the list, from 1; 0: in none. */
static int64_t
unit_of(const struct reading *r, int node)
{
	int unit = unit_node(r, node);

	return unit > 0 ? r->t->v[unit].ordinal : 0;
}

static void
blame(struct reading *r, int node)
{
	int unit = unit_node(r, node);

	r->t->faults++;
	if (unit > 0)
		r->t->v[unit].faulty = true;
	else
		r->t->outside++;
}

static void
fault(struct reading *r, int node, enum diag_code code,
    const struct document_row *row, int64_t line, const char *detail)
{
	struct diag d = { .code = code,
		.file = r->src->name,
		.record = unit_of(r, node),
		.line = line,
		.offset = -1,
		.detail = detail };

	if (row != NULL) {
		d.field = row->field.name;
		d.item = (int)(row - r->src->document->rows) + 1;
	}
	blame(r, node);
	diag_raise(r->src->sink, &d);
}

/* Notes that the row came below `node`; false: it was there and must not. */
static bool
note_seen(struct reading *r, int node, int row, int64_t line)
{
	uint64_t *word = &r->t->v[node].seen[row / 64];
	uint64_t bit = UINT64_C(1) << (row % 64);
	const struct document_row *x = &r->src->document->rows[row];
	bool again = (*word & bit) != 0;

	*word |= bit;
	if (!again || (x->flags & DOC_MANY) != 0)
		return true;
	fault(r, node, DIAG_ITEM_TWICE, x, line, NULL);
	return false;
}

static void
take_value(struct reading *r, int node, struct slice s)
{
	const struct document_row *x = row_of(r->t, node);
	struct diag at = {
		.file = r->src->name, .line = r->t->v[node].line, .offset = -1
	};
	char scratch[4 * RECORD_BYTES_MAX];
	struct field f = x->field;
	struct value v;
	struct buf b;

	r->t->v[node].value = (struct slice) { text_dup(s), s.n };
	buf_init(&b, scratch, sizeof(scratch));
	f.item = (int)(x - r->src->document->rows) + 1;
	f.flags &= ~(unsigned)FIELD_REQUIRED; /* an empty leaf is as none */
	at.record = unit_of(r, node);
	if (field_check(&f, s, &v, &b, 0, &at, r->src->sink) != 0)
		blame(r, node);
	else if (v.s.n == 0 && (x->field.flags & FIELD_REQUIRED) != 0)
		fault(r, node, DIAG_MISSING, x, at.line, NULL);
}

/* What has to be there and is not, below every box. */
static void
ask_for_required(struct reading *r)
{
	const struct document *d = r->src->document;

	for (int i = 0; i < r->t->n; i++) {
		unsigned k = i == 0 ? 0 : r->t->v[i].row + 1;
		int depth = i == 0 ? 0 : row_of(r->t, i)->depth + 1;

		if (i > 0 && (row_of(r->t, i)->flags & DOC_BOX) == 0)
			continue;
		for (; k < d->nrows && d->rows[k].depth >= depth; k++)
			if (d->rows[k].depth == depth &&
			    (d->rows[k].field.flags & FIELD_REQUIRED) != 0 &&
			    (r->t->v[i].seen[k / 64] >> (k % 64) & 1) == 0)
				fault(r, i, DIAG_MISSING, &d->rows[k],
				    r->t->v[i].line, NULL);
	}
}

static int
xml_opens(void *arg, struct slice name, int depth, int64_t line)
{
	struct reading *r = arg;
	int row;

	(void)depth;
	if (r->skip > 0) {
		r->skip++;
		return 0;
	}
	row = row_below(r->t, r->at, name);
	if (row < 0 || !note_seen(r, r->at, row, line)) {
		r->t->unknown += row < 0;
		r->skip = 1;
		return 0;
	}
	r->at = add_node(r->t, r->at, (unsigned)row, line);
	return 0;
}

static int
xml_closes(
    void *arg, struct slice name, struct slice text, int depth, int64_t line)
{
	struct reading *r = arg;

	(void)name;
	(void)depth;
	(void)line;
	if (r->skip > 0) {
		r->skip--;
		return 0;
	}
	if ((row_of(r->t, r->at)->flags & DOC_BOX) == 0)
		take_value(r, r->at, text);
	r->at = r->t->v[r->at].parent;
	return 0;
}

/* Is node of path `path` below that of path `above`? */
static bool
is_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return n == 0 ||
	    (strncmp(path, above, n) == 0 &&
		(path[n] == '.' || path[n] == '['));
}

/* An open map or list of the file and the node it became; a list's items
 * are nodes of its row below the list's own parent. */
struct open_yaml {
	const char *path;
	int node, row; /* row >= 0: a list of that row */
};

static void
yaml_item(struct reading *r, const struct yaml_node *y, struct open_yaml *up,
    struct open_yaml *made)
{
	bool item = up->row >= 0; /* of a list */
	int row = item ? up->row : row_below(r->t, up->node, slice_of(y->key));
	const struct document_row *x;

	*made = (struct open_yaml) { NULL, up->node, -1 };
	if (row < 0) {
		fault(r, up->node, DIAG_UNKNOWN_ITEM, NULL, y->line, y->path);
		return;
	}
	x = &r->src->document->rows[row];
	if (!item)
		note_seen(r, up->node, row, y->line);
	if (!item && (x->flags & DOC_MANY) != 0) {
		if (y->kind != YAML_LIST)
			fault(r, up->node, DIAG_BAD_PATTERN, x, y->line,
			    "a list");
		else
			*made = (struct open_yaml) { y->path, up->node, row };
		return;
	}
	if ((x->flags & DOC_BOX) != 0 ? y->kind != YAML_MAP :
					y->kind != YAML_SCALAR) {
		fault(r, up->node, DIAG_BAD_PATTERN, x, y->line,
		    (x->flags & DOC_BOX) != 0 ? "a map" : "a value");
		return;
	}
	row = add_node(r->t, up->node, (unsigned)row, y->line);
	if ((x->flags & DOC_BOX) == 0)
		take_value(r, row, slice_of(y->value));
	*made = (struct open_yaml) { y->path, row, -1 };
}

static int
read_yaml(struct reading *r)
{
	struct yaml *y = yaml_read(r->src->bytes, r->src->name, r->src->sink);
	struct open_yaml open[YAML_DEPTH_MAX + 2] = { { "", 0, -1 } };
	int depth = 0;
	const char *skip = NULL; /* what could not be placed, with all below */

	if (y == NULL)
		return -1;
	for (size_t i = 0; i < y->n; i++) {
		const struct yaml_node *v = &y->v[i];

		if (skip != NULL && is_below(v->path, skip))
			continue;
		skip = NULL;
		while (depth > 0 && !is_below(v->path, open[depth].path))
			depth--;
		yaml_item(r, v, &open[depth], &open[depth + 1]);
		if (open[depth + 1].path == NULL)
			skip = v->path;
		else if (v->kind != YAML_SCALAR)
			depth++;
	}
	yaml_close(y);
	return 0;
}

struct document_tree *
document_read(const struct document_source *src)
{
	struct document_tree *t = text_alloc(sizeof(*t));
	struct reading r = {
		.src = src, .t = t, .unit = document_unit(src->document)
	};
	struct xml_handler h = { xml_opens, xml_closes, &r };
	int ok;

	t->document = src->document;
	add_node(t, -1, 0, 1);
	ok = src->document->form == DOCUMENT_YAML ?
	    read_yaml(&r) :
	    xml_walk(src->bytes, &h, src->name, src->sink);
	if (ok != 0) {
		document_free(t);
		return NULL;
	}
	ask_for_required(&r);
	if (src->document->check != NULL && t->faults == 0) {
		struct diag at = { .file = src->name, .offset = -1 };

		t->faults += (unsigned)src->document->check(t, &at, src->sink);
		t->outside = t->faults;
	}
	return t;
}

/* ---- writing ---- */

struct writing {
	const struct document_tree *t;
	struct buf *out;
	bool dash; /* YAML: the next line begins an item of a list */
};

static void
indent(struct writing *w, int n)
{
	for (int i = w->dash ? 2 : 0; i < n; i++)
		buf_putc(w->out, ' ');
	if (w->dash)
		buf_puts(w->out, "- ");
	w->dash = false;
}

static void
put_xml(struct writing *w, int node, int depth)
{
	const struct document_row *x = row_of(w->t, node);
	bool box = (x->flags & DOC_BOX) != 0;

	if (!box && w->t->v[node].value.n == 0)
		return;
	indent(w, 2 * depth);
	buf_printf(w->out, "<%s>", x->field.name);
	if (box) {
		buf_putc(w->out, '\n');
		for (unsigned k = w->t->v[node].row + 1;
		     k < w->t->document->nrows &&
		     w->t->document->rows[k].depth > x->depth;
		     k++)
			for (int c = w->t->v[node].first; c >= 0;
			     c = w->t->v[c].next)
				if (w->t->v[c].row == k)
					put_xml(w, c, depth + 1);
		indent(w, 2 * depth);
	} else {
		xml_escape(w->t->v[node].value, w->out);
	}
	buf_printf(w->out, "</%s>\n", x->field.name);
}

static void put_yaml(struct writing *w, int node, int at);

static void
put_yaml_row(struct writing *w, int node, unsigned row, int at)
{
	const struct document_row *x = &w->t->document->rows[row];
	bool many = (x->flags & DOC_MANY) != 0;
	bool seen = (w->t->v[node].seen[row / 64] >> (row % 64) & 1) != 0;
	int c = document_child(w->t, node, x->field.name);

	if (c < 0 && !(many && seen))
		return;
	indent(w, at);
	buf_printf(w->out, "%s:", x->field.name);
	if (c < 0) {
		buf_puts(w->out, " []\n");
		return;
	}
	if ((x->flags & DOC_BOX) == 0 && !many) {
		buf_putc(w->out, ' ');
		if ((x->flags & DOC_QUOTED) != 0)
			yaml_quote(w->t->v[c].value, w->out);
		else
			buf_put(w->out, w->t->v[c].value);
		buf_putc(w->out, '\n');
		return;
	}
	buf_putc(w->out, '\n');
	for (; c >= 0; c = document_next(w->t, c)) {
		w->dash = many;
		put_yaml(w, c, at + (many ? 4 : 2));
	}
}

static void
put_yaml(struct writing *w, int node, int at)
{
	const struct document *d = w->t->document;
	unsigned k = node == 0 ? 0 : w->t->v[node].row + 1;
	int depth = node == 0 ? 0 : row_of(w->t, node)->depth + 1;

	for (; k < d->nrows && d->rows[k].depth >= depth; k++)
		if (d->rows[k].depth == depth)
			put_yaml_row(w, node, k, at);
}

static int
to_cp932(const struct document *d, struct buf *out, size_t from,
    uint32_t substitute, struct diag_sink *sink)
{
	size_t n = out->n - from;
	char *copy = text_dup((struct slice) { out->p + from, n });
	unsigned lacks = 0;
	int r;

	out->n = from;
	r = text_to_cp932((struct slice) { copy, n },
	    substitute == 0 ? '?' : substitute, out, &lacks);
	free(copy);
	if (r == 0 && (lacks == 0 || substitute != 0))
		return 0;
	out->n = from;
	diag_file(sink, DIAG_BAD_BYTES, d->name, "CP932 lacks a character");
	return -1;
}

int
document_write(const struct document_tree *t, enum charset charset,
    uint32_t substitute, struct buf *out, struct diag_sink *sink)
{
	const struct document *d = t->document;
	struct writing w = { t, out, false };
	size_t from = out->n;

	if (d->form == DOCUMENT_YAML) {
		if (d->comment != NULL)
			buf_printf(out, "# %s\n", d->comment);
		put_yaml(&w, 0, 0);
	} else {
		if (charset == CHARSET_UTF8_BOM)
			buf_puts(out, "\xef\xbb\xbf");
		buf_printf(out,
		    "<?xml version=\"1.0\" encoding=\"%s\" "
		    "standalone=\"no\"?>\n",
		    charset == CHARSET_CP932 ? "Shift_JIS" : "UTF-8");
		for (int c = t->v[0].first; c >= 0; c = t->v[c].next)
			put_xml(&w, c, 0);
	}
	if (out->full) {
		diag_file(sink, DIAG_TOO_LARGE, d->name, "no room");
		return -1;
	}
	return charset == CHARSET_CP932 && d->form == DOCUMENT_XML ?
	    to_cp932(d, out, from, substitute, sink) :
	    0;
}
