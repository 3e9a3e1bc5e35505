/* xml_plain.h: a record cut without libxml2 is what libxml2 would have made of
 * it, and everything else still is libxml2's. The same document is read twice:
 * as it is, and with an instruction behind each "<Record>", which no plain cut
 * takes. */
#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/xml_plain.h"
#include "formats/qualification.h"
#include "tests/tools/rows.h"
#include "tests/unit/suite.h"

#define ROOM ((size_t)64 << 10)

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* All a reader gave, in order, as one number; and what it raised, in any:
 * libxml2 reads ahead and may break off before earlier records are told. */
struct trace {
	struct diag_sink sink;
	uint64_t h, raised;
	int64_t records;
	enum record_result over;
};

static void
mix(struct trace *t, const void *p, size_t n)
{
	const unsigned char *q = p;

	for (size_t i = 0; i < n; i++)
		t->h = (t->h ^ q[i]) * UINT64_C(0x100000001b3);
	t->h = (t->h ^ n) * UINT64_C(0x100000001b3);
}

static void
mix_number(struct trace *t, int64_t n)
{
	mix(t, &n, sizeof(n));
}

static void
on_diag(struct diag_sink *sink, const struct diag *d)
{
	struct trace *t = (struct trace *)sink;
	uint64_t before = t->h;

	t->h = 0;
	mix_number(t, (int64_t)d->code);
	mix_number(t, d->line);
	mix_number(t, d->record);
	mix_number(t, d->item);
	if (d->detail != NULL)
		mix(t, d->detail, strlen(d->detail));
	t->raised += t->h;
	t->h = before;
}

static void
read_all(struct slice doc, int fd, enum charset cs, struct trace *t)
{
	struct record_source src = { .name = "x.xml",
		.fd = fd,
		.bytes = doc,
		.layout = &qualification_layout,
		.syntax = SYNTAX_XML,
		.charset = cs,
		.today = 20666,
		.sink = &t->sink };
	struct record_reader *r;
	struct record rec;
	enum record_result got;

	memset(t, 0, sizeof(*t));
	t->sink.put = on_diag;
	r = record_open(&src);
	while ((got = record_next(r, &rec)) <= RECORD_REFUSED) {
		t->records++;
		mix_number(t, (int64_t)got);
		mix_number(t, rec.line);
		mix_number(t, rec.number);
		for (unsigned i = 0; i < rec.format->nfields; i++) {
			mix(t, rec.v[i].s.p, rec.v[i].s.n);
			mix_number(t, rec.v[i].n);
		}
	}
	mix_number(t, (int64_t)got);
	t->over = got;
	record_close(r);
}

/* Bytes CP932 does not have refuse the file when their piece is decoded, which
 * may be before what stands in front of them in it: then only that counts. */
static bool
same_trace(const struct trace *a, const struct trace *b)
{
	if (a->sink.counts[DIAG_ENCODING] + b->sink.counts[DIAG_ENCODING] > 0)
		return a->over == RECORD_BROKEN && b->over == RECORD_BROKEN;
	return a->h == b->h && a->raised == b->raised;
}

/* Every `from` of doc as `to` in out. */
static struct slice
replaced(struct slice doc, const char *from, const char *to, char *out)
{
	const char *p = doc.p, *end = doc.p + doc.n, *q;
	size_t n = 0;

	while ((q = memmem(p, (size_t)(end - p), from, strlen(from))) != NULL) {
		memcpy(out + n, p, (size_t)(q - p));
		n += (size_t)(q - p);
		memcpy(out + n, to, strlen(to));
		n += strlen(to);
		p = q + strlen(from);
	}
	memcpy(out + n, p, (size_t)(end - p));
	return (struct slice) { out, n + (size_t)(end - p) };
}

static size_t
document(enum charset cs, long records, char *out, size_t room)
{
	struct diag_sink sink = { 0 };
	FILE *f = tmpfile();
	ssize_t n;

	CU_ASSERT_FATAL(f != NULL &&
	    rows_write(fileno(f), "x", &qualification_layout, SYNTAX_XML, cs,
		records, &sink) == 0);
	n = pread(fileno(f), out, room, 0);
	fclose(f);
	CU_ASSERT_FATAL(n > 0 && (size_t)n < room);
	return (size_t)n;
}

static const char *const bits[] = { "&amp;", "&#x41;", "&lt;", "&x;",
	"<!-- -->", "<!-->", "<![CDATA[a]]>", "]]>", "\n", "\r\n", "\t", "  ",
	"<x/>", "</Record>", "<Record>", "<Record a=\"1\">", "<Name>",
	"</Name>", "<Name/>", "<Name></Name>", "\x01", "\xff", "\x80",
	"\xef\xbf\xbf", "<?pi x?>", "<", ">", "&", "</", "<Header>",
	"</shikaku>", "<shikaku>", "　", "漢",
	"<Record>\n<Name> </Name></Record>", "<RecordType>1</RecordType>",
	"<RecordType>2</RecordType>", "<Record xmlns:a=\"b\">", "<a:Record>",
	"<PublicExpense1>1</PublicExpense1>", "\xed\xa0\x80", "\x1a", "Ω" };

static size_t
bend(uint64_t *seed, char *doc, size_t n)
{
	for (int times = (int)(next(seed) % 3); times >= 0; times--) {
		const char *bit =
		    bits[next(seed) % (sizeof(bits) / sizeof(*bits))];
		size_t m = strlen(bit), at = next(seed) % (n + 1);

		/* where tags and texts meet, mostly */
		for (size_t k = 0; k < 40 && at < n && next(seed) % 8 != 0; k++)
			if (doc[at++] == '>')
				break;
		if (next(seed) % 4 == 0 && at < n) {
			doc[at] = (char)next(seed);
		} else if (next(seed) % 4 == 0 && n - at > 8) {
			memmove(doc + at, doc + at + 8, n - at - 8);
			n -= 8;
		} else {
			memmove(doc + at + m, doc + at, n - at);
			memcpy(doc + at, bit, m);
			n += m;
		}
	}
	return n;
}

static void
bent(enum charset cs)
{
	static char good[ROOM], doc[ROOM], other[2 * ROOM];
	size_t n = document(cs, 4, good, sizeof(good)), m;
	/* the declaration is read before all else: left alone */
	size_t skip = (size_t)((char *)memchr(good, '\n', n) - good);
	uint64_t seed = 20260801 + (uint64_t)cs;
	struct trace plain, slow;
	int same = 0, some = 0, whole = 0;

	for (int i = 0; i < 6000; i++) {
		struct slice s, o;

		memcpy(doc, good, n);
		m = skip +
		    (i == 0 ? n - skip : bend(&seed, doc + skip, n - skip));
		s = (struct slice) { doc, m };
		o = replaced(s, "<Record>", "<Record><?x?>", other);
		read_all(s, -1, cs, &plain);
		read_all(o, -1, cs, &slow);
		same += same_trace(&plain, &slow);
		some += plain.records > 0;
		whole += plain.records == 4;
		if (!same_trace(&plain, &slow) && getenv("SHOW") != NULL)
			printf("---- %d\n%.*s\n", i, (int)m, doc);
	}
	CU_ASSERT(same == 6000);
	/* of each kind there are many */
	CU_ASSERT(some > 2000 && whole > 200 && whole < 5000);
}

static void
bent_utf8(void)
{
	bent(CHARSET_UTF8);
}

static void
bent_cp932(void)
{
	bent(CHARSET_CP932);
}

/* Records that end beyond the reader's buffer, in a file of many of them. */
static void
long_file(void)
{
	static const enum charset sets[] = { CHARSET_UTF8, CHARSET_CP932 };
	size_t room = (size_t)4 << 20, n;
	char *doc = malloc(room), *other = malloc(room);
	struct trace plain, slow;

	CU_ASSERT_FATAL(doc != NULL && other != NULL);
	for (int c = 0; c < 2; c++) {
		FILE *f = tmpfile();

		n = document(sets[c], 1500, doc, room);
		CU_ASSERT_FATAL(f != NULL && fwrite(doc, 1, n, f) == n);
		rewind(f);
		read_all(
		    (struct slice) { NULL, 0 }, fileno(f), sets[c], &plain);
		fclose(f);
		read_all(replaced((struct slice) { doc, n }, "<Record>",
			     "<Record><?x?>", other),
		    -1, sets[c], &slow);
		CU_ASSERT(plain.records == 1500);
		CU_ASSERT(same_trace(&plain, &slow));
	}
	free(doc);
	free(other);
}

static void
cuts(void)
{
	struct xml_plain x;
	struct xml_cut_record c;

	xml_plain_compile(&file_trailer, &x);
	CU_ASSERT(xml_plain_cut(&x,
		      SLICE(" \n<Trailer>\n <Total>7</Total><Count> </Count>"
			    "\n</Trailer>\n<"),
		      &c) == XML_CUT);
	CU_ASSERT(c.before == 1 && c.lines == 3);
	CU_ASSERT(c.seen == ((1u << FT_COUNT) | (1u << FT_TOTAL)));
	CU_ASSERT(slice_is(c.v[FT_TOTAL], "7") && c.v[FT_COUNT].n == 0);
	CU_ASSERT(c.taken == 56);
	CU_ASSERT(
	    xml_plain_cut(&x, SLICE("<Trailer><Total>7</To"), &c) == XML_MORE);
	CU_ASSERT(xml_plain_cut(&x, SLICE("<Trailer><To"), &c) == XML_MORE);
	CU_ASSERT(xml_plain_cut(&x, SLICE("<Tra"), &c) == XML_MORE);
	CU_ASSERT(xml_plain_cut(&x, SLICE("<Trailer/>"), &c) == XML_OTHER);
	CU_ASSERT(
	    xml_plain_cut(&x, SLICE("<Trailer><Total/>"), &c) == XML_OTHER);
	CU_ASSERT(
	    xml_plain_cut(&x, SLICE("<Trailer><Total>7</Count></Trailer>"),
		&c) == XML_OTHER);
}

static CU_TestInfo tests[] = {
	{ "a plain record is cut, with its lines; anything else is not", cuts },
	{ "6,000 bent documents: the same with and without libxml2",
	    bent_utf8 },
	{ "6,000 bent documents in CP932", bent_cp932 },
	{ "a file longer than the buffer", long_file },
	CU_TEST_INFO_NULL,
};
SUITE(xml_plain, tests);
