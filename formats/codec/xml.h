/*
 * XML as events, under limits: libxml2's SAX behind this one door.
 * No DTD (refused at its first declaration), no entities but the five, no
 * network, no "huge" mode, XML 1.0 only, depth and bytes bounded. Shift_JIS
 * and Windows-31J are decoded by our own CP932 table before libxml2 sees
 * them.
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
	int (*close)(void *arg, struct slice name, struct slice text,
	    int depth, int64_t line);
	void *arg;
};

/* A whole document in memory. 0; 1: the handler stopped it; -1: refused,
 * diagnostic raised (XML_SYNTAX, XML_DOCTYPE, XML_DEPTH, ENCODING). */
int xml_walk(struct slice doc, const struct xml_handler *h, const char *name,
    struct diag_sink *sink);
/* Text with & < > " ' escaped, nothing else changed (messages.md R1). */
void xml_escape(struct slice s, struct buf *out);

#endif
