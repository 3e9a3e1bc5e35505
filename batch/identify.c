/* Kinds by their first bytes, record files by name, manifest and bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/identify.h"
#include "batch/lenient.h"
#include "batch/spool.h"
#include "formats/filename.h"
#include "formats/manifest.h"
#include "formats/registry.h"

#define LOOK_AT 65536

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

int
identify(const char *path, int fd, enum file_kind *out, struct diag_sink *sink)
{
	unsigned char b[16] = { 0 };
	ssize_t n = pread(fd, b, sizeof(b), 0);

	if (n == -1) {
		diag_file(sink, DIAG_IO, path, "%s", strerror(errno));
		return -1;
	}
	if (memcmp(b, "SHIKSEG1", 8) == 0)
		*out = KIND_SEGMENT;
	else if (memcmp(b, "SQLite format 3", 16) == 0)
		*out = KIND_SQLITE;
	else if (memcmp(b, "PK\3\4", 4) == 0)
		*out = KIND_ZIP;
	else if (n > 2 && b[0] == 0x30 &&
	    (ends_in(path, ".p7m") || ends_in(path, ".p7s")))
		*out = KIND_SEALED;
	else if (n > 2 && b[0] == 0x30 && b[1] > 0x80 && b[1] < 0x85)
		*out = KIND_DER;
	else if (ends_in(path, ".yaml"))
		*out = KIND_YAML;
	else
		*out = KIND_RECORDS;
	return 0;
}

/* By the member of the manifest beside a file of ready/STEM/. */
static void
by_manifest(const char *path, struct identify_options *o, char store[3][32])
{
	char manifest[SPOOL_PATH_MAX], text[64];
	const char *base = base_of(path);
	struct diag_sink quiet = { .put = NULL };
	struct manifest *m = NULL;
	size_t n;

	if (strspn(base, "0123456789") != 4 || base[4] != '.' ||
	    strlen(path) >= SPOOL_PATH_MAX - 20)
		return;
	snprintf(manifest, sizeof(manifest), "%.*smanifest.yaml",
	    (int)(base - path), path);
	char *doc = spool_slurp(manifest, MANIFEST_BYTES_MAX, &n);
	if (doc != NULL)
		m = manifest_read((struct slice) { doc, n }, manifest, &quiet);
	free(doc);
	snprintf(text, sizeof(text), "%.4s", base);
	int64_t i = slice_number(slice_of(text)) - 1;
	if (m != NULL && i >= 0 && i < m->members) {
		const struct manifest_member *v = &m->member[i];

		snprintf(store[0], 32, "%s", v->layout);
		snprintf(store[1], 32, "%s", v->syntax);
		snprintf(store[2], 32, "%s", v->charset);
		o->layout = o->layout != NULL ? o->layout : store[0];
		o->syntax = o->syntax != NULL ? o->syntax : store[1];
		if (o->charset == NULL && store[2][0] != '\0')
			o->charset = store[2];
	}
	free(m);
}

/* A layout's name standing between the separators of a file's name. */
static const struct layout *
layout_by_name(const char *base)
{
	char part[64];

	for (const char *p = base; *p != '\0';) {
		size_t n = strcspn(p, ".-");
		const struct layout *l = registry_find((struct slice) { p, n });

		if (l != NULL)
			return l;
		p += n;
		p += *p != '\0';
	}
	/* SENDER_FEED_YYYYMMDD_NNNN: the second part */
	const char *second = strchr(base, '_');
	if (second == NULL)
		return NULL;
	snprintf(part, sizeof(part), "%.*s", (int)strcspn(second + 1, "_."),
	    second + 1);
	return registry_find(slice_of(part));
}

static int
syntax_by_name(const char *base)
{
	if (ends_in(base, ".csv") || ends_in(base, ".log"))
		return SYNTAX_CSV;
	if (ends_in(base, ".xml"))
		return SYNTAX_XML;
	return ends_in(base, ".txt") ? SYNTAX_FIXED : -1;
}

/* UTF-8, if the first bytes are: kana and kanji of CP932 never are. */
static enum charset
charset_by_bytes(int fd, enum syntax syntax)
{
	char *b;
	ssize_t n;
	bool utf8;

	if (syntax == SYNTAX_XML) /* it says so itself */
		return CHARSET_UTF8;
	b = text_alloc(LOOK_AT);
	n = pread(fd, b, LOOK_AT, 0);
	if (n == LOOK_AT) /* perhaps in the middle of a character */
		while (n > LOOK_AT - 4 && (b[n - 1] & 0x80) != 0)
			n--;
	utf8 = n <= 0 || text_utf8_ok((struct slice) { b, (size_t)n });
	free(b);
	return utf8 ? CHARSET_UTF8_BOM : CHARSET_CP932;
}

static int
say(struct diag_sink *sink, const char *path, const char *what)
{
	diag_file(sink, DIAG_NOT_OURS, path, "%s", what);
	return -1;
}

int
identify_records(const char *path, int fd, const struct identify_options *told,
    struct record_source *out, struct diag_sink *sink)
{
	struct identify_options o = *told;
	const char *base = base_of(path);
	char store[3][32];
	int n;

	out->lenient = lenient_reader(o.agreed);
	by_manifest(path, &o, store);
	out->layout = o.layout == NULL ? layout_by_name(base) :
					 registry_find(slice_of(o.layout));
	if (out->layout == NULL)
		return say(sink, path, "name its layout with -f");
	n = o.syntax == NULL ? syntax_by_name(base) :
			       syntax_find(slice_of(o.syntax));
	if (n < 0)
		return say(
		    sink, path, "name its syntax with -s: csv, fixed, xml");
	out->syntax = (enum syntax)n;
	n = o.charset == NULL ? (int)charset_by_bytes(fd, out->syntax) :
				charset_find(slice_of(o.charset));
	if (n < 0)
		return say(sink, path,
		    "name its character set with -e: utf8, utf8-bom, cp932");
	out->charset = (enum charset)n;
	out->declared = o.charset != NULL;
	return 0;
}

/* crl, package or records: what its line `feed:` says. */
static const struct document *
manifest_kind(const char *path)
{
	size_t n;
	char *doc = spool_slurp(path, MANIFEST_BYTES_MAX, &n);
	const char *name = "manifest";
	const char *feed = doc == NULL ? NULL : strstr(doc, "\nfeed:");

	if (feed != NULL) {
		feed += 6;
		feed += strspn(feed, " \"");
		size_t len = strcspn(feed, "\"\r\n ");
		if (slice_is(
			(struct slice) { feed, len }, feed_names[FEED_CRL]))
			name = "crl";
		else if (slice_is((struct slice) { feed, len },
			     feed_names[FEED_PACKAGE]))
			name = "package";
	}
	free(doc);
	return exchange_find(slice_of(name))->document;
}

/* NAME_TAIL.xml, STEM.NAME.yaml, NAME.yaml */
static bool
is_named(const char *base, const struct document *d)
{
	size_t n = strlen(d->name);
	const char *at = strstr(base, d->name);

	if (!ends_in(base, d->form == DOCUMENT_XML ? ".xml" : ".yaml"))
		return false;
	return at != NULL && (at == base || at[-1] == '.') &&
	    (at[n] == '.' || at[n] == '_');
}

const struct document *
identify_document(const char *path, const struct identify_options *told)
{
	const char *base = base_of(path);

	if (told->layout == NULL && strcmp(base, "manifest.yaml") == 0)
		return manifest_kind(path);
	for (const struct exchange *e = exchanges; e->name != NULL; e++)
		if (e->document != NULL &&
		    (told->layout != NULL ? strcmp(told->layout, e->name) == 0 :
					    is_named(base, e->document)))
			return e->document;
	return NULL;
}
