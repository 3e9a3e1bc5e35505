/* libxml2's SAX2 push parser under our limits. The only file that knows it. */
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/xml.h"
#include "formats/limits.h"

#define HEAD_MAX 1024 /* the XML declaration has to end within these */
#define PIECE 16384 /* bytes decoded in one step */

struct xml_push {
	const struct xml_handler *h;
	const char *name;
	struct diag_sink *sink;
	xmlSAXHandler sax;
	xmlParserCtxtPtr ctxt;
	/* elements open: where the text of each begins */
	int depth; /* of the next element to open */
	size_t start[XML_DEPTH_MAX + 1];
	char text[XML_TEXT_MAX + 1];
	size_t used;
	/* until the declaration is read */
	char head[HEAD_MAX];
	size_t nhead;
	bool begun;
	bool cp932;
	char lead; /* first byte of a character cut in two; 0: none */
	int64_t skipped; /* lines that were not fed */
	size_t since; /* bytes fed since the last event */
	int result; /* 0; 1 stopped by the handler; -1 refused */
};

static int
refuse(struct xml_push *x, enum diag_code code, const char *detail)
{
	struct diag d = { .code = code, .file = x->name, .offset = -1 };

	if (x->result != 0)
		return -1;
	x->result = -1;
	if (x->ctxt != NULL && x->ctxt->input != NULL)
		d.line = xml_push_line(x);
	d.detail = detail;
	diag_raise(x->sink, &d);
	if (x->ctxt != NULL)
		xmlStopParser(x->ctxt);
	return -1;
}

static bool
all_blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\n' && p[i] != '\t' && p[i] != '\r')
			return false;
	return true;
}

static struct slice
name_of(const xmlChar *name)
{
	return (
	    struct slice) { (const char *)name, strlen((const char *)name) };
}

static void
stop(struct xml_push *x)
{
	if (x->result == 0)
		x->result = 1;
	xmlStopParser(x->ctxt);
}

static void
on_open(void *arg, const xmlChar *local, const xmlChar *prefix,
    const xmlChar *uri, int nspaces, const xmlChar **spaces, int nattributes,
    int ndefaulted, const xmlChar **attributes)
{
	struct xml_push *x = arg;
	size_t parent = x->depth > 0 ? x->start[x->depth - 1] : 0;

	(void)prefix, (void)uri, (void)nspaces, (void)spaces;
	(void)nattributes, (void)ndefaulted, (void)attributes;
	x->since = 0;
	if (x->result != 0)
		return;
	if (x->depth == XML_DEPTH_MAX) {
		refuse(x, DIAG_XML_DEPTH, "too many elements in each other");
		return;
	}
	/* indentation between the children is no text */
	if (all_blank(x->text + parent, x->used - parent))
		x->used = parent;
	x->start[x->depth] = x->used;
	if (x->h->open(
		x->h->arg, name_of(local), x->depth++, xml_push_line(x)) != 0)
		stop(x);
}

static void
on_close(
    void *arg, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
	struct xml_push *x = arg;
	struct slice text;

	(void)prefix, (void)uri;
	x->since = 0;
	if (x->result != 0 || x->depth == 0)
		return;
	x->depth--;
	text.p = x->text + x->start[x->depth];
	text.n = x->used - x->start[x->depth];
	if (all_blank(text.p, text.n))
		text.n = 0;
	x->used = x->start[x->depth];
	if (x->h->close(x->h->arg, name_of(local), text, x->depth,
		xml_push_line(x)) != 0)
		stop(x);
}

static void
on_text(void *arg, const xmlChar *p, int n)
{
	struct xml_push *x = arg;

	x->since = 0;
	if (x->result != 0 || n <= 0 || x->depth == 0)
		return;
	if ((size_t)n > XML_TEXT_MAX - x->used) {
		refuse(x, DIAG_XML_DEPTH, "text too long");
		return;
	}
	memcpy(x->text + x->used, p, (size_t)n);
	x->used += (size_t)n;
}

/* A DOCTYPE is refused before anything in it is read. */
static void
on_doctype(void *arg, const xmlChar *name, const xmlChar *external,
    const xmlChar *system)
{
	(void)name, (void)external, (void)system;
	refuse(arg, DIAG_XML_DOCTYPE, NULL);
}

static void
on_comment(void *arg, const xmlChar *text)
{
	struct xml_push *x = arg;

	(void)text;
	x->since = 0;
}

static void
on_instruction(void *arg, const xmlChar *target, const xmlChar *data)
{
	struct xml_push *x = arg;

	(void)target, (void)data;
	x->since = 0;
}

/* An entity nobody declared: there are only the five. */
static void
on_reference(void *arg, const xmlChar *name)
{
	(void)name;
	refuse(arg, DIAG_XML_SYNTAX, "unknown entity");
}

/* libxml2's message may hold text of the file: only its number is told. */
static void
on_error(void *arg, xmlErrorPtr e)
{
	struct xml_push *x = arg;
	char detail[40];

	if (e == NULL || e->level < XML_ERR_ERROR)
		return;
	switch (e->code) {
	case XML_ERR_INVALID_ENCODING:
	case XML_ERR_INVALID_CHAR:
	case XML_ERR_UNKNOWN_ENCODING:
	case XML_ERR_UNSUPPORTED_ENCODING:
		refuse(x, DIAG_ENCODING, "bytes that are no text");
		break;
	case XML_NS_ERR_UNDEFINED_NAMESPACE:
	case XML_NS_ERR_XML_NAMESPACE:
		break; /* prefixes are not looked at */
	default:
		snprintf(detail, sizeof(detail), "parser code %d", e->code);
		refuse(x, DIAG_XML_SYNTAX, detail);
	}
}

struct xml_push *
xml_push_open(
    const struct xml_handler *h, const char *name, struct diag_sink *sink)
{
	struct xml_push *x = text_alloc(sizeof(*x));

	x->h = h;
	x->name = name;
	x->sink = sink;
	x->sax.initialized = XML_SAX2_MAGIC;
	x->sax.startElementNs = on_open;
	x->sax.endElementNs = on_close;
	x->sax.characters = on_text;
	x->sax.ignorableWhitespace = on_text;
	x->sax.cdataBlock = on_text;
	x->sax.internalSubset = on_doctype;
	x->sax.comment = on_comment;
	x->sax.processingInstruction = on_instruction;
	x->sax.reference = on_reference;
	x->sax.serror = on_error;
	return x;
}

/* CONTENT is also where a tag or comment not yet whole waits: then not all of
 * it has been taken. */
bool
xml_push_between(const struct xml_push *x)
{
	return x->result == 0 && x->ctxt != NULL && x->depth == 1 &&
	    x->lead == 0 && x->ctxt->instate == XML_PARSER_CONTENT &&
	    x->ctxt->input->cur == x->ctxt->input->end;
}

int64_t
xml_push_line(const struct xml_push *x)
{
	return x->skipped + x->ctxt->input->line;
}

void
xml_push_skip_lines(struct xml_push *x, int64_t n)
{
	x->skipped += n;
}

bool
xml_push_is_cp932(const struct xml_push *x)
{
	return x->cp932;
}

void
xml_push_close(struct xml_push *x)
{
	if (x == NULL)
		return;
	if (x->ctxt != NULL) {
		xmlFreeDoc(x->ctxt->myDoc);
		x->ctxt->myDoc = NULL;
		xmlFreeParserCtxt(x->ctxt);
	}
	free(x);
}

/* The value of a pseudo-attribute in the declaration; n == 0: not there. */
static struct slice
declared(struct slice decl, const char *key)
{
	struct slice out = { NULL, 0 };
	size_t n = strlen(key);
	const char *end = decl.p + decl.n, *p;

	for (p = decl.p; p + n < end; p++) {
		if (memcmp(p, key, n) != 0 || !all_blank(p - 1, 1))
			continue;
		p += n;
		while (p < end && (all_blank(p, 1) || *p == '='))
			p++;
		if (p == end || (*p != '"' && *p != '\''))
			return out;
		out.p = p + 1;
		p = memchr(out.p, *p, (size_t)(end - out.p));
		out.n = p == NULL ? 0 : (size_t)(p - out.p);
		return out;
	}
	return out;
}

static bool
same_name(struct slice a, const char *b)
{
	size_t i;

	for (i = 0; i < a.n && b[i] != '\0'; i++) {
		char c = a.p[i] >= 'A' && a.p[i] <= 'Z' ? a.p[i] - 'A' + 'a' :
							  a.p[i];
		if (c != b[i])
			return false;
	}
	return i == a.n && b[i] == '\0';
}

/* The charset of the declaration; whatever calls itself Shift_JIS is CP932
 * (domain/character-encoding.md 3.1). */
static int
set_charset(struct xml_push *x, struct slice name)
{
	static const char *const cp932[] = { "shift_jis", "shift-jis", "sjis",
		"x-sjis", "windows-31j", "cp932", "ms932", NULL };

	if (name.n == 0 || same_name(name, "utf-8") ||
	    same_name(name, "utf8") || same_name(name, "us-ascii"))
		return 0;
	for (int i = 0; cp932[i] != NULL; i++)
		x->cp932 = x->cp932 || same_name(name, cp932[i]);
	return x->cp932 ? 0 :
			  refuse(x, DIAG_ENCODING,
			      "UTF-8, Shift_JIS or Windows-31J is expected");
}

/*
 * Reads the declaration out of x->head and leaves it out of what libxml2
 * sees, so that it has no say in the charset. Returns the bytes left out; -1
 * refused.
 */
static int
declaration(struct xml_push *x)
{
	const char *end;
	struct slice decl, version;

	if (x->nhead < 6 || memcmp(x->head, "<?xml", 5) != 0 ||
	    !all_blank(x->head + 5, 1))
		return 0;
	end = memmem(x->head, x->nhead, "?>", 2);
	if (end == NULL)
		return refuse(x, DIAG_XML_SYNTAX, "declaration has no end");
	decl = (struct slice) { x->head + 5, (size_t)(end - x->head) - 5 };
	version = declared(decl, "version");
	if (!slice_is(version, "1.0"))
		return refuse(x, DIAG_XML_SYNTAX, "XML 1.0 is expected");
	if (set_charset(x, declared(decl, "encoding")) != 0)
		return -1;
	for (const char *p = x->head; p < end; p++)
		x->skipped += *p == '\n';
	return (int)(end + 2 - x->head);
}

static int
parse(struct xml_push *x, const char *p, size_t n, bool last)
{
	if (x->ctxt == NULL) {
		x->ctxt = xmlCreatePushParserCtxt(&x->sax, x, NULL, 0, NULL);
		if (x->ctxt == NULL)
			return refuse(x, DIAG_XML_SYNTAX, "no parser");
		xmlCtxtUseOptions(x->ctxt, XML_PARSE_NONET);
		xmlSwitchEncoding(x->ctxt, XML_CHAR_ENCODING_UTF8);
	}
	x->since += n;
	if (x->since > XML_TEXT_MAX)
		return refuse(x, DIAG_XML_DEPTH, "tag or comment too long");
	if (xmlParseChunk(x->ctxt, p, (int)n, last) != 0 && x->result == 0 &&
	    x->ctxt->wellFormed == 0)
		return refuse(x, DIAG_XML_SYNTAX, "not well-formed");
	return x->result;
}

static bool
is_lead(unsigned char c)
{
	return (c >= 0x81 && c <= 0x9f) || (c >= 0xe0 && c <= 0xfc);
}

/* How many of n bytes are whole characters of CP932: read on from behind
 * the last byte that cannot be a lead. */
static size_t
whole(const char *p, size_t n)
{
	size_t i = n;

	while (i > 0 && is_lead((unsigned char)p[i - 1]))
		i--;
	return (n - i) % 2 == 0 ? n : n - 1;
}

static int
decode(struct xml_push *x, const char *p, size_t n, bool last)
{
	char piece[PIECE + 1], utf8[3 * (PIECE + 1) + 1];
	struct buf out;

	do {
		size_t have = 0, take = n < PIECE ? n : PIECE, use;

		if (x->lead != 0)
			piece[have++] = x->lead;
		if (take > 0)
			memcpy(piece + have, p, take);
		have += take;
		p += take;
		n -= take;
		use = whole(piece, have);
		x->lead = use < have ? piece[use] : 0;
		buf_init(&out, utf8, sizeof(utf8));
		if (text_from_cp932((struct slice) { piece, use }, &out) != 0 ||
		    (last && n == 0 && x->lead != 0))
			return refuse(
			    x, DIAG_ENCODING, "bytes CP932 does not have");
		if (parse(x, out.p, out.n, last && n == 0) != 0)
			return x->result;
	} while (n > 0);
	return x->result;
}

static int
feed(struct xml_push *x, const char *p, size_t n, bool last)
{
	if (x->cp932)
		return decode(x, p, n, last);
	do {
		size_t take = n < PIECE ? n : PIECE;

		if (parse(x, p, take, last && take == n) != 0)
			break;
		p += take;
		n -= take;
	} while (n > 0);
	return x->result;
}

int
xml_push_feed(struct xml_push *x, const char *p, size_t n, bool last)
{
	size_t take = 0;
	int skip;

	if (x->result != 0)
		return x->result;
	if (!x->begun) {
		take = HEAD_MAX - x->nhead < n ? HEAD_MAX - x->nhead : n;
		if (take > 0)
			memcpy(x->head + x->nhead, p, take);
		x->nhead += take;
		if (x->nhead < HEAD_MAX && !last)
			return 0;
		x->begun = true;
		if ((skip = declaration(x)) == -1)
			return -1;
		if (feed(x, x->head + skip, x->nhead - (size_t)skip,
			last && take == n) != 0)
			return x->result;
		if (take == n)
			return x->result;
	}
	return feed(x, p + take, n - take, last);
}

int
xml_walk(struct slice doc, const struct xml_handler *h, const char *name,
    struct diag_sink *sink)
{
	struct xml_push *x = xml_push_open(h, name, sink);
	size_t bom =
	    doc.n >= 3 && memcmp(doc.p, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	int r = xml_push_feed(x, doc.p + bom, doc.n - bom, true);

	xml_push_close(x);
	return r;
}

void
xml_escape(struct slice s, struct buf *out)
{
	const char *from = s.p, *end = s.p + s.n;

	for (const char *p = s.p; p < end; p++) {
		const char *as = *p == '&' ? "&amp;" :
		    *p == '<'		   ? "&lt;" :
		    *p == '>'		   ? "&gt;" :
		    *p == '"'		   ? "&quot;" :
		    *p == '\''		   ? "&apos;" :
					     NULL;

		if (as == NULL)
			continue;
		buf_put(out, (struct slice) { from, (size_t)(p - from) });
		buf_puts(out, as);
		from = p + 1;
	}
	if (from < end)
		buf_put(out, (struct slice) { from, (size_t)(end - from) });
}
