/*
 * XML as events, under limits: libxml2's SAX behind this one door.
 * No DTD (refused at its first declaration), no entities but the five, no
 * network, no "huge" mode, XML 1.0 only, depth and bytes bounded. Shift_JIS
 * and Windows-31J are decoded by our own CP932 table before libxml2 sees
 * them. Between two events lie at most XML_TEXT_MAX bytes, so a tag, an
 * attribute or a comment without end is refused.
 */
#ifndef FORMATS_CODEC_XML_H
#define FORMATS_CODEC_XML_H

#include "formats/codec/diag.h"
#include "formats/codec/text.h"

struct xml_handler {
	/* An element opens; name without prefix. Non-zero stops the walk. */
	int (*open)(void *arg, struct slice name, int depth, int64_t line);
	/* It closes; text is its direct character data, trimmed of blanks
	 * only where it is all blanks. Borrowed until the call returns. */
	int (*close)(void *arg, struct slice name, struct slice text, int depth,
	    int64_t line);
	void *arg;
};

/* A whole document in memory. 0; 1: the handler stopped it; -1: refused,
 * diagnostic raised (XML_SYNTAX, XML_DOCTYPE, XML_DEPTH, ENCODING). */
int xml_walk(struct slice doc, const struct xml_handler *h, const char *name,
    struct diag_sink *sink);
/* The same piece by piece; `last` with the last one. 0; 1: the handler
 * stopped it; -1: refused, diagnostic raised. After 1 or -1 nothing more may
 * be fed. x's charset: what the declaration says (UTF-8 where it is silent). */
struct xml_push;
struct xml_push *xml_push_open(
    const struct xml_handler *h, const char *name, struct diag_sink *sink);
int xml_push_feed(struct xml_push *x, const char *p, size_t n, bool last);
void xml_push_close(struct xml_push *x);
/* True where the declaration named CP932 by one of its names. */
bool xml_push_is_cp932(const struct xml_push *x);
/* Everything fed has been taken, the root element is open and nothing in it:
 * a whole element, or blanks, that come next need not be fed. */
bool xml_push_between(const struct xml_push *x);
int64_t xml_push_line(const struct xml_push *x); /* at this place */
void xml_push_skip_lines(struct xml_push *x, int64_t n); /* not fed */
#define XML_TEXT_MAX (64 << 10) /* text of the elements open at a time */

/* Text with & < > " ' escaped, nothing else changed (messages.md R1). */
void xml_escape(struct slice s, struct buf *out);

#endif
