/* jansson behind one door: a document as the events of xml.h. */
#include "formats/codec/json.h"

#include <jansson.h>
#include <string.h>

#include "formats/limits.h"

struct walk {
	const struct xml_handler *h;
	const char *name;
	struct diag_sink *sink;
};

static int value(const struct walk *w, struct slice key, json_t *v, int depth);

static int
refuse(const struct walk *w, int64_t line, int column, const char *detail)
{
	struct diag d = { .code = DIAG_QUESTION,
		.file = w->name,
		.line = line,
		.column = column,
		.offset = -1,
		.detail = detail };

	diag_raise(w->sink, &d);
	return -1;
}

static int
object(const struct walk *w, json_t *o, int depth)
{
	const char *key;
	json_t *v;
	int r = 0;

	json_object_foreach(o, key, v)
	{
		if (r == 0)
			r = value(w, slice_of(key), v, depth);
	}
	return r;
}

/* One value under its key: an object, a string, or one item of an array. */
static int
item(const struct walk *w, struct slice key, json_t *v, int depth)
{
	struct slice text = SLICE("");

	if (depth == XML_DEPTH_MAX)
		return refuse(w, 0, 0, "too many objects in each other");
	if (!json_is_object(v) && !json_is_string(v))
		return refuse(w, 0, 0, "every value is a string");
	if (w->h->open(w->h->arg, key, depth, 0) != 0)
		return 1;
	if (json_is_string(v)) {
		text.p = json_string_value(v);
		text.n = json_string_length(v);
	} else {
		int r = object(w, v, depth + 1);

		if (r != 0)
			return r;
	}
	return w->h->close(w->h->arg, key, text, depth, 0) != 0;
}

static int
value(const struct walk *w, struct slice key, json_t *v, int depth)
{
	int r = 0;

	if (json_is_null(v))
		return 0;
	if (!json_is_array(v))
		return item(w, key, v, depth);
	for (size_t i = 0; r == 0 && i < json_array_size(v); i++)
		r = item(w, key, json_array_get(v, i), depth);
	return r;
}

int
json_walk(struct slice doc, const struct xml_handler *h, const char *name,
    struct diag_sink *sink)
{
	struct walk w = { h, name, sink };
	json_error_t error;
	json_t *root;
	int r;

	/* jansson's message quotes the document: only the place is told */
	root = json_loadb(
	    doc.n > 0 ? doc.p : "", doc.n, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL && json_error_code(&error) == json_error_duplicate_key)
		diag_file(sink, DIAG_ITEM_TWICE, name, "line %d", error.line);
	if (root == NULL)
		return refuse(
		    &w, error.line, error.column, "not JSON as agreed");
	if (json_is_object(root))
		r = object(&w, root, 0);
	else
		r = refuse(&w, 0, 0, "an object is expected");
	json_decref(root);
	return r;
}

void
json_quote(struct slice s, struct buf *out)
{
	size_t done = 0;

	buf_putc(out, '"');
	for (size_t i = 0; i <= s.n; i++) {
		unsigned char c = i < s.n ? (unsigned char)s.p[i] : 0;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_put(out, (struct slice) { s.p + done, i - done });
		done = i + 1;
		if (i == s.n)
			break;
		if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			buf_put(out,
			    (struct slice) { c == '"' ? "\\\"" : "\\\\", 2 });
	}
	buf_putc(out, '"');
}
