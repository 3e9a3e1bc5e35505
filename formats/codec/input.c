/* A file through one fixed buffer, and the small things all syntaxes share. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/codec/syntax.h"

#define INPUT_SIZE ((size_t)256 << 10)
#define EOF_MARK '\x1a'

static int
start(struct input *in, const struct record_source *src)
{
	size_t n;
	int r = 1;

	while (in->end - in->p < 3 && r == 1)
		r = input_more(in);
	if (r < 0)
		return -1;
	n = (size_t)(in->end - in->p);
	if (n == 0) {
		diag_file(in->sink, DIAG_EMPTY_FILE, in->name, "no bytes");
		return -1;
	}
	if (n >= 3 && memcmp(in->p, "\xef\xbb\xbf", 3) == 0) {
		if (src->charset != CHARSET_CP932) {
			input_take(in, 3);
			return 0;
		}
		diag_file(in->sink, DIAG_ENCODING, in->name,
		    "declared CP932, begins like UTF-8");
		return -1;
	}
	if (src->declared && src->charset == CHARSET_UTF8_BOM) {
		diag_file(in->sink, DIAG_ENCODING, in->name,
		    "declared utf8-bom, has no byte order mark");
		return -1;
	}
	if (n >= 2 &&
	    (memcmp(in->p, "\xff\xfe", 2) == 0 ||
		memcmp(in->p, "\xfe\xff", 2) == 0)) {
		diag_file(
		    in->sink, DIAG_ENCODING, in->name, "begins like UTF-16");
		return -1;
	}
	return 0;
}

int
input_open(struct input *in, const struct record_source *src)
{
	memset(in, 0, sizeof(*in));
	in->name = src->name;
	in->sink = src->sink;
	in->fd = src->fd;
	if (src->fd == -1) {
		in->p = src->bytes.p;
		in->end = src->bytes.p + src->bytes.n;
		in->eof = true;
	} else {
		in->storage = text_alloc(INPUT_SIZE);
		in->p = in->end = in->storage;
	}
	return start(in, src);
}

int
input_more(struct input *in)
{
	size_t have = (size_t)(in->end - in->p);
	ssize_t n;

	if (in->eof || have == INPUT_SIZE)
		return 0;
	if (in->p != in->storage) {
		memmove(in->storage, in->p, have);
		in->p = in->storage;
		in->end = in->storage + have;
	}
	do
		n = read(in->fd, in->storage + have, INPUT_SIZE - have);
	while (n == -1 && errno == EINTR);
	if (n == -1) {
		diag_file(in->sink, DIAG_IO, in->name, "read: errno %d", errno);
		return -1;
	}
	in->eof = n == 0;
	in->end += n;
	return n > 0;
}

void
input_take(struct input *in, size_t n)
{
	in->p += n;
	in->offset += (int64_t)n;
}

void
input_close(struct input *in)
{
	free(in->storage);
	in->storage = NULL;
}

int
input_skip_line(struct input *in)
{
	const char *lf;
	int r;

	for (;;) {
		lf = memchr(in->p, '\n', (size_t)(in->end - in->p));
		if (lf != NULL) {
			input_take(in, (size_t)(lf + 1 - in->p));
			return 0;
		}
		input_take(in, (size_t)(in->end - in->p));
		if ((r = input_more(in)) != 1)
			return r;
	}
}

bool
input_at_mark(struct input *in)
{
	size_t n;

	if (in->p == in->end || *in->p != EOF_MARK)
		return false;
	while (in->end - in->p < 4 && input_more(in) == 1)
		;
	n = (size_t)(in->end - in->p);
	return n == 1 || (n == 2 && in->p[1] == '\n') ||
	    (n == 3 && in->p[1] == '\r' && in->p[2] == '\n');
}

void
input_note_end(struct input *in, int64_t line)
{
	struct diag d = { .code = DIAG_END_OF_FILE_MARK,
		.file = in->name,
		.line = line,
		.offset = in->offset };

	diag_raise(in->sink, &d);
}

void
syntax_fault(struct syntax_raw *raw, enum diag_code code, int field,
    const char *fmt, ...)
{
	struct syntax_fault *f;
	va_list ap;

	if (raw->nfaults == SYNTAX_FAULTS)
		return;
	f = &raw->fault[raw->nfaults++];
	f->code = code;
	f->field = field;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
}

const struct format *
syntax_kind(const struct layout *l, struct slice type)
{
	if (l->header == NULL && l->trailer == NULL)
		return l->data;
	if (type.n != 1)
		return NULL;
	switch (type.p[0]) {
	case '1':
		return l->header;
	case '2':
		return l->data;
	case '3':
		return l->trailer;
	default:
		return NULL;
	}
}

static bool
is_ascii(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	return true;
}

int
syntax_put(struct buf *out, const struct field *f, struct slice s,
    enum charset cs, const struct diag *at, struct diag_sink *sink)
{
	unsigned substituted = 0;
	struct diag d;

	if (cs != CHARSET_CP932 || is_ascii(s)) {
		buf_put(out, s);
		return 0;
	}
	d = *at;
	if (text_to_cp932(s, '?', out, &substituted) == 0 && substituted == 0)
		return 0;
	d.code = DIAG_BAD_BYTES;
	d.field = f->name;
	d.item = f->item;
	diag_raise(sink, &d);
	return -1;
}
