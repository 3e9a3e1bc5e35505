/*
 * A record of XML in its plainest form, cut without libxml2: tags without
 * attributes, each item at most once, text without references, CDATA,
 * comments or control characters. Anything else is libxml2's, which alone says
 * what is wrong. For xml_record.c only; see there how the two take turns.
 */
#ifndef FORMATS_CODEC_XML_PLAIN_H
#define FORMATS_CODEC_XML_PLAIN_H

#include "formats/codec/record.h"

struct xml_plain {
	const struct format *format;
	struct {
		const char *name;
		size_t n;
	} item[RECORD_FIELDS_MAX];
	char open[64]; /* "<Record>" */
	size_t nopen;
};
enum xml_cut {
	XML_CUT, /* v, seen, taken, lines are filled */
	XML_OTHER, /* not a plain record */
	XML_MORE /* may become one: its end is not there */
};
struct xml_cut_record {
	struct slice v[RECORD_FIELDS_MAX]; /* into the bytes cut */
	uint64_t seen; /* a bit for each item that stood there */
	size_t taken; /* bytes, blanks in front included */
	int64_t before, lines; /* newlines: in front; in all of taken */
};

void xml_plain_compile(const struct format *f, struct xml_plain *x);
/* One record at the front of in, which is UTF-8 and stands between two
 * elements of the root. */
enum xml_cut xml_plain_cut(
    const struct xml_plain *x, struct slice in, struct xml_cut_record *out);

#endif
