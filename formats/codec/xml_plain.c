#include "formats/codec/xml_plain.h"

#include <string.h>

#include "formats/limits.h"

void
xml_plain_compile(const struct format *f, struct xml_plain *x)
{
	struct buf b;

	memset(x, 0, sizeof(*x));
	x->format = f;
	for (unsigned i = 0; i < f->nfields; i++) {
		x->item[i].name = f->fields[i].name;
		x->item[i].n = strlen(f->fields[i].name);
	}
	buf_init(&b, x->open, sizeof(x->open));
	buf_printf(&b, "<%s>", f->name);
	x->nopen = b.n;
}

/* Past blanks; *lines counts the newlines. */
static const char *
skip_blanks(const char *p, const char *end, int64_t *lines)
{
	for (; p < end; p++) {
		if (*p == '\n')
			++*lines;
		else if (*p != ' ' && *p != '\t' && *p != '\r')
			break;
	}
	return p;
}

static bool
is_name(const struct xml_plain *x, unsigned i, const char *p, const char *end)
{
	size_t n = x->item[i].n;

	return (size_t)(end - p) > n && p[n] == '>' &&
	    p[0] == *x->item[i].name && memcmp(p, x->item[i].name, n) == 0;
}

/* The item whose name and > begin at p, looked for behind the one before;
 * nfields: none. */
static unsigned
find(const struct xml_plain *x, unsigned after, const char *p, const char *end)
{
	unsigned n = x->format->nfields;

	for (unsigned i = after; i < n; i++)
		if (is_name(x, i, p, end))
			return i;
	for (unsigned i = 0; i < after; i++)
		if (is_name(x, i, p, end))
			return i;
	return n;
}

/* Well-formed UTF-8 of characters XML has: no U+FFFE, no U+FFFF. */
static bool
is_text(const char *p, const char *end)
{
	size_t run;
	uint32_t u;

	while (p < end) {
		if ((run = text_full_run(p, end)) > 0) {
			p += 3 * run;
			continue;
		}
		u = text_next(&p, end);
		if (u == TEXT_BAD || u == 0xfffe || u == 0xffff)
			return false;
	}
	return true;
}

/* Text up to the next tag. *p is moved there; false: not plain. */
static bool
cut_text(const char **p, const char *end, struct slice *out)
{
	const char *from = *p, *q = from;
	unsigned char high = 0;
	bool blank = true;

	for (; q < end && *q != '<'; q++) {
		unsigned char c = (unsigned char)*q;

		if (c < 0x20 || c == '&' || c == '>')
			return false;
		high |= c;
		blank = blank && c == ' ';
	}
	if (high >= 0x80 && q < end && !is_text(from, q))
		return false;
	*out = (struct slice) { from, blank ? 0 : (size_t)(q - from) };
	*p = q;
	return true;
}

/* At the end of what is there a record may be cut in two; where it could
 * have no more bytes than it has, it is another's. */
static enum xml_cut
unfinished(struct slice in)
{
	return in.n > 2 * RECORD_BYTES_MAX ? XML_OTHER : XML_MORE;
}

enum xml_cut
xml_plain_cut(
    const struct xml_plain *x, struct slice in, struct xml_cut_record *out)
{
	const char *p = in.p, *end = in.p + in.n;
	const unsigned nfields = x->format->nfields;
	unsigned i = 0, next = 0;
	size_t bytes = 0, n;

	out->before = out->seen = 0;
	p = skip_blanks(p, end, &out->before);
	out->lines = out->before;
	n = (size_t)(end - p);
	if (n < x->nopen)
		return memcmp(p, x->open, n) == 0 ? unfinished(in) : XML_OTHER;
	if (memcmp(p, x->open, x->nopen) != 0)
		return XML_OTHER;
	for (p += x->nopen;; next = i + 1) {
		p = skip_blanks(p, end, &out->lines);
		if (end - p < 2)
			return unfinished(in);
		if (p[0] != '<' || p[1] == '/')
			break;
		i = find(x, next, ++p, end);
		if (i == nfields)
			return memchr(p, '>', (size_t)(end - p)) == NULL ?
			    unfinished(in) :
			    XML_OTHER;
		if ((out->seen >> i & 1) != 0)
			return XML_OTHER;
		out->seen |= UINT64_C(1) << i;
		p += x->item[i].n + 1;
		if (!cut_text(&p, end, &out->v[i]))
			return XML_OTHER;
		bytes += out->v[i].n;
		if ((size_t)(end - p) < x->item[i].n + 3)
			return unfinished(in);
		if (p[1] != '/' || !is_name(x, i, p + 2, end))
			return XML_OTHER;
		p += x->item[i].n + 3;
	}
	if ((size_t)(end - p) <= x->nopen)
		return unfinished(in);
	if (p[0] != '<' || memcmp(p + 2, x->open + 1, x->nopen - 1) != 0 ||
	    bytes > RECORD_BYTES_MAX)
		return XML_OTHER;
	out->taken = (size_t)(p + x->nopen + 1 - in.p);
	return XML_CUT;
}
