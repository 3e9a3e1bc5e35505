/* Answers by the table of query.c: rules R1-R12 of messages.md 2.1. */
#include "formats/query_table.h"

#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/json.h"
#include "formats/codec/xml.h"

/* ---- writing ---- */

struct writing {
	const struct answer *a;
	enum query_wire wire;
	enum charset cs;
	struct slice v[QUERY_ROWS];
	bool filled[QUERY_ROWS];
	char store[512]; /* values made here */
	struct buf made;
	struct buf *out;
	unsigned substitutes;
};

static struct slice
make(struct writing *w, const char *s, size_t n)
{
	struct slice made = { w->made.p + w->made.n, n };

	buf_put(&w->made, (struct slice) { s, n });
	return made;
}

static struct slice
make_time(struct writing *w, int64_t ms)
{
	char t[15];

	day_format_time(ms, t);
	return make(w, t, 14);
}

static struct slice
make_digit(struct writing *w, int digit)
{
	char c = (char)('0' + digit);

	return make(w, &c, 1);
}

static struct slice
header_value(struct writing *w, enum source source)
{
	const struct answer *a = w->a;
	const struct query *q = a->query;
	char day[9];

	switch (source) {
	case EXECUTED:
		return make_time(w, a->executed);
	case DAY: /* always there (R5): the day of asking where none was read */
		day_format(q != NULL && q->day != DAY_NONE ?
			q->day :
			day_of_moment(a->executed),
		    day);
		return make(w, day, 8);
	case INSTITUTION:
		return q != NULL && q->institution.n == 10 ?
		    q->institution :
		    slice_of(a->institution);
	case FILE_IDENTIFIER:
		return q != NULL ? q->file_identifier : SLICE("");
	case REFERENCE:
		return q == NULL || q->kind == QUERY_NUMBER ? SLICE("2") :
							      SLICE("1");
	case SEGMENT:
		return make_digit(w, a->segment_of_result);
	case ERROR_CODE:
		return a->error_code == NULL ? SLICE("") :
					       slice_of(a->error_code);
	case ERROR_MESSAGE:
		return a->error_code == NULL ?
		    SLICE("") :
		    slice_of(a->error_ja != NULL ?
			    a->error_ja :
			    query_error_ja(a->error_code));
	default: /* CHARACTER_CODE */
		return w->wire == QUERY_XML && w->cs == CHARSET_CP932 ?
		    SLICE("1") :
		    SLICE("0");
	}
}

static struct slice
challenge_value(struct writing *w, int arg)
{
	const struct answer *a = w->a;

	if (a->challenge_id[0] == '\0')
		return SLICE("");
	switch (arg) {
	case CH_ID:
		return slice_of(a->challenge_id);
	case CH_CHALLENGE:
		return slice_of(a->challenge_hex);
	case CH_SIGNED:
		return slice_of(a->challenge_signed);
	default:
		return make_time(w, a->challenge_until);
	}
}

/* NHI numbers have 6 digits: two blanks before them in XML, zeros in JSON. */
static struct slice
insurer_value(struct writing *w)
{
	struct slice s = w->a->result.v[Q_INSURER_NUMBER].s;
	char n8[9];

	if (insurer_number_8(s, n8) == -1)
		return s;
	if (w->wire == QUERY_XML && memcmp(n8, "00", 2) == 0)
		memcpy(n8, "  ", 2);
	return make(w, n8, 8);
}

static struct slice
result_value(struct writing *w, const struct element *e)
{
	const struct answer *a = w->a;

	if (!a->has_result)
		return SLICE("");
	if (e->source == INSURER_NUMBER)
		return insurer_value(w);
	if (e->source == INSURER_NAME)
		return a->insurer_name;
	if (e->source == CONSENT) /* 5.4: there in the face form; never given */
		return a->query != NULL && a->query->kind == QUERY_CARD ?
		    SLICE("0") :
		    SLICE("");
	return a->result.v[e->arg].s;
}

static struct slice
value_of(struct writing *w, const struct element *e)
{
	const struct answer *a = w->a;
	bool normal = a->segment_of_result == 1;

	switch (e->source) {
	case BOX:
	case CARD:
		return SLICE("");
	case SEARCH: /* the echo: number questions with a normal end only */
		return normal && a->query != NULL &&
			a->query->kind == QUERY_NUMBER ?
		    a->query->search[e->arg] :
		    SLICE("");
	case CHALLENGE:
		return normal ? challenge_value(w, e->arg) : SLICE("");
	case STATUS:
		return normal ? SLICE("1") : SLICE("2");
	case VALIDITY:
		return normal && a->validity != VALIDITY_NONE_YET ?
		    make_digit(w, (int)a->validity) :
		    SLICE("");
	case RESULT:
	case INSURER_NUMBER:
	case INSURER_NAME:
	case CONSENT:
		return normal ? result_value(w, e) : SLICE("");
	default:
		return header_value(w, e->source);
	}
}

/* R4: neither an empty leaf nor an empty container is written. */
static void
fill(struct writing *w)
{
	int open[QUERY_DEPTH] = { 0 };

	for (int i = 0; i < (int)QUERY_ROWS; i++) {
		open[query_rows[i].depth] = i;
		w->v[i] = value_of(w, &query_rows[i]);
		if (w->v[i].n == 0)
			continue;
		for (int d = 0; d <= query_rows[i].depth; d++)
			w->filled[open[d]] = true;
	}
}

static void
put_xml_value(struct writing *w, struct slice s)
{
	char escaped[4096];
	struct buf b;
	unsigned n = 0;
	uint32_t instead = w->a->substitute != 0 ? w->a->substitute : 0x25cf;

	if (w->cs != CHARSET_CP932) {
		xml_escape(s, w->out);
		return;
	}
	/* R1, R3: convert and substitute ourselves; never &#...; */
	buf_init(&b, escaped, sizeof(escaped));
	xml_escape(s, &b);
	if (b.full || text_to_cp932(buf_slice(&b), instead, w->out, &n) == -1)
		w->out->full = true;
	w->substitutes += n;
}

static void
put_tag(struct writing *w, const char *before, int row, const char *after)
{
	for (int d = 0; d < query_rows[row].depth; d++)
		buf_puts(w->out, "  ");
	buf_puts(w->out, before);
	buf_puts(w->out, query_rows[row].name);
	buf_puts(w->out, after);
}

static void
close_xml(struct writing *w, const int *open, int from, int to)
{
	for (int d = from; d >= to; d--)
		if (query_rows[open[d]].source == BOX)
			put_tag(w, "</", open[d], ">\n");
}

static void
put_xml(struct writing *w)
{
	int open[QUERY_DEPTH] = { 0 }, depth = -1;

	buf_puts(w->out, "<?xml version=\"1.0\" encoding=\"");
	buf_puts(w->out, w->cs == CHARSET_CP932 ? "Shift_JIS" : "UTF-8");
	buf_puts(w->out, "\" standalone=\"no\"?>\n");
	for (int i = 0; i < (int)QUERY_ROWS; i++) {
		if (!w->filled[i])
			continue;
		close_xml(w, open, depth, query_rows[i].depth);
		depth = query_rows[i].depth;
		open[depth] = i;
		if (query_rows[i].source == BOX) {
			put_tag(w, "<", i, ">\n");
			continue;
		}
		put_tag(w, "<", i, ">");
		put_xml_value(w, w->v[i]);
		buf_puts(w->out, "</");
		buf_puts(w->out, query_rows[i].name);
		buf_puts(w->out, ">\n");
	}
	close_xml(w, open, depth, 0);
}

static void
close_json(struct writing *w, const int *open, int from, int to)
{
	for (int d = from; d >= to; d--) {
		if (query_rows[open[d]].source != BOX)
			continue;
		if ((query_rows[open[d]].flags & LIST) != 0)
			buf_putc(w->out, ']');
		else
			buf_putc(w->out, '}');
		if (d > 0 && (query_rows[open[d - 1]].flags & LIST) != 0)
			buf_putc(w->out, '}');
	}
}

static void
put_json(struct writing *w)
{
	int open[QUERY_DEPTH] = { 0 }, depth = -1;

	for (int i = 0; i < (int)QUERY_ROWS; i++) {
		if (!w->filled[i])
			continue;
		int d = query_rows[i].depth;
		bool in_list =
		    d > 0 && (query_rows[open[d - 1]].flags & LIST) != 0;
		close_json(w, open, depth, d);
		if (depth >= d)
			buf_putc(w->out, ',');
		if (d == 0 || in_list)
			buf_putc(w->out, '{');
		json_quote(slice_of(query_rows[i].name), w->out);
		buf_putc(w->out, ':');
		depth = d;
		open[d] = i;
		if (query_rows[i].source != BOX)
			json_quote(w->v[i], w->out);
		else
			buf_putc(
			    w->out, query_rows[i].flags & LIST ? '[' : '{');
	}
	close_json(w, open, depth, 0);
	buf_puts(w->out, "}\n");
}

int
query_write(enum query_wire wire, enum charset cs, const struct answer *a,
    struct buf *out)
{
	struct writing w = { .a = a, .wire = wire, .cs = cs, .out = out };

	buf_init(&w.made, w.store, sizeof(w.store));
	fill(&w);
	if (wire == QUERY_FHIR)
		return query_fhir_write(a, w.v, out);
	if (wire == QUERY_JSON)
		put_json(&w);
	else
		put_xml(&w);
	return out->full || w.made.full ? -1 : 0;
}

void
query_to_be_signed(const unsigned char challenge[32], const char *institution,
    const char *terminal, int64_t issued, struct buf *out)
{
	char time[15];

	day_format_time(issued, time);
	buf_put(out, SLICE("OQS-PINLESS-AUTH-V1\0"));
	buf_put(out, (struct slice) { (const char *)challenge, 32 });
	buf_puts(out, institution);
	buf_puts(out, terminal);
	buf_puts(out, time);
}

/* RFC 4648 4 */
static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
			  "wxyz0123456789+/";

void
query_base64(struct slice bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		uint32_t v = (uint32_t)(unsigned char)bytes.p[i] << 16;
		if (left > 1)
			v |= (uint32_t)(unsigned char)bytes.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)bytes.p[i + 2];
		buf_putc(out, b64[v >> 18]);
		buf_putc(out, b64[v >> 12 & 63]);
		buf_putc(out, left > 1 ? b64[v >> 6 & 63] : '=');
		buf_putc(out, left > 2 ? b64[v & 63] : '=');
	}
}
