/* Questions by the table of query.c: rules Q1-Q10 of messages.md 2.2. */
#include "formats/query_table.h"

#include <stddef.h>
#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/day.h"
#include "formats/codec/json.h"
#include "formats/codec/xml.h"

/* RFC 4648 4 */
static int
b64_value(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' :
	    c >= 'a' && c <= 'z'    ? c - 'a' + 26 :
	    c >= '0' && c <= '9'    ? c - '0' + 52 :
	    c == '+'		    ? 62 :
	    c == '/'		    ? 63 :
				      -1;
}

/* Strict: no blanks, padded, no bits left over. In place: bytes are fewer. */
static int
b64_decode(char *p, size_t n, struct slice *out)
{
	size_t w = 0, pad = 0;

	if (n == 0 || n % 4 != 0)
		return -1;
	if (p[n - 1] == '=')
		pad = p[n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t v = 0;
		size_t keep = i + 4 == n ? 3 - pad : 3;
		for (size_t j = 0; j < 4; j++) {
			int d = b64_value(p[i + j]);
			if (d < 0 && j > keep && p[i + j] == '=')
				d = 0;
			if (d < 0)
				return -1;
			v = v << 6 | (uint32_t)d;
		}
		for (size_t j = 0; j < keep; j++)
			p[w++] = (char)(v >> (16 - 8 * j) & 255);
		if ((keep < 3 && (v >> (16 - 8 * keep) & 255) != 0))
			return -1;
	}
	*out = (struct slice) { p, w };
	return 0;
}

/* ---- reading ---- */

struct reading {
	struct query *q;
	struct slice raw[QUERY_ROWS];
	bool seen[QUERY_ROWS], is_long[QUERY_ROWS];
	int stack[QUERY_DEPTH]; /* rows open; NO_ROW: not ours */
	int depth;
	const char *error;
};

static int
row_find(int parent, int depth, struct slice name)
{
	for (int i = parent + 1; i < (int)QUERY_ROWS; i++) {
		if (query_rows[i].depth < depth)
			break;
		if (query_rows[i].depth == depth &&
		    slice_is(name, query_rows[i].name))
			return i;
	}
	return NO_ROW;
}

/* Depth is our own count: the walkers may differ about it. */
static int
on_open(void *arg, struct slice name, int depth, int64_t line)
{
	struct reading *r = arg;
	int parent = NO_ROW, row = NO_ROW;

	(void)depth;
	(void)line;
	if (r->depth == 0)
		row = row_find(-1, 0, name);
	else if (r->depth <= QUERY_DEPTH)
		parent = r->stack[r->depth - 1];
	if (parent != NO_ROW)
		row = row_find(parent, r->depth, name);
	if (r->depth == 0 && row == NO_ROW)
		r->error = query_error("OE1002");
	if (row != NO_ROW && r->seen[row])
		r->error = query_error("OE1005");
	if (row != NO_ROW)
		r->seen[row] = true;
	else
		r->q->unknown++;
	if (r->depth < QUERY_DEPTH)
		r->stack[r->depth] = row;
	r->depth++;
	return r->error != NULL;
}

static void
put_value(struct reading *r, int row, struct slice text)
{
	struct query *q = r->q;

	if (text.n > (size_t)query_rows[row].chars * 4 ||
	    text.n > sizeof(q->store) - q->used) {
		r->is_long[row] = true;
		return;
	}
	memcpy(q->store + q->used, text.p, text.n);
	r->raw[row] = (struct slice) { q->store + q->used, text.n };
	q->used += text.n;
}

/* FHIR has no boxes of ours: those are there that hold something. */
static void
on_fhir(void *arg, int row, struct slice text)
{
	struct reading *r = arg;
	int depth = query_rows[row].depth;

	r->seen[row] = true;
	for (int i = row - 1; i >= 0 && depth > 0; i--)
		if (query_rows[i].depth < depth) {
			depth = query_rows[i].depth;
			r->seen[i] = true;
		}
	if (text.n > 0)
		put_value(r, row, text);
}

static int
on_close(
    void *arg, struct slice name, struct slice text, int depth, int64_t line)
{
	struct reading *r = arg;
	int row = NO_ROW;

	(void)name;
	(void)depth;
	(void)line;
	r->depth--;
	if (r->depth < QUERY_DEPTH && r->depth >= 0)
		row = r->stack[r->depth];
	if (row != NO_ROW && (query_rows[row].flags & READ) != 0 && text.n > 0)
		put_value(r, row, text);
	return 0;
}

/* Of a whole text that could not be walked: the first thing that counts. */
static const char *
walk_error(const struct diag_sink *sink)
{
	static const struct {
		enum diag_code diag;
		const char *code;
	} map[] = { { DIAG_XML_DOCTYPE, "OE1006" }, { DIAG_ENCODING, "OE1001" },
		{ DIAG_BAD_BYTES, "OE1001" }, { DIAG_XML_DEPTH, "OE1003" },
		{ DIAG_ITEM_TWICE, "OE1005" } };
	const char *code = "OE1002";

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (sink->counts[map[i].diag] > 0) {
			code = map[i].code;
			break;
		}
	return query_error(code);
}

static void
put_nothing(struct diag_sink *sink, const struct diag *d)
{
	(void)sink;
	(void)d;
}

static const char *
read_tree(enum query_wire wire, struct slice body, struct reading *r)
{
	struct diag_sink sink = { .put = put_nothing };
	struct xml_handler h = { on_open, on_close, r };
	int walked;

	if (body.n > HTTP_BODY_MAX)
		return query_error("OE1003");
	if (wire == QUERY_FHIR)
		return query_fhir_read(body, on_fhir, r);
	if (wire == QUERY_JSON)
		walked = json_walk(body, &h, "question", &sink);
	else
		walked = xml_walk(body, &h, "question", &sink);
	if (r->error != NULL)
		return r->error;
	if (walked == -1)
		return walk_error(&sink);
	return r->seen[0] ? NULL : query_error("OE1002");
}

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* Digits of a number or date typed half or full width, folded. */
static struct slice
folded(struct slice s, char *p, size_t n)
{
	struct buf b;

	buf_init(&b, p, n);
	text_fold(s, &b);
	return buf_slice(&b);
}

/* A 保険者コード (report form, messages.md 4.3) need not have the check digit
 * of a 保険者番号; with 記号 or 枝番 beside it, it is the latter. */
static const char *
take_insurer(const struct element *e, struct slice s, struct query *q)
{
	struct slice t = slice_trim(s);
	bool card = q->search[SF_SYMBOL].n > 0 || q->search[SF_BRANCH].n > 0;
	struct value v = { t, 0 };

	if (t.n != 6 && t.n != 8)
		return query_field_error(e, '2');
	if (!slice_digits(t))
		return query_field_error(e, '3');
	if (t.n == 8 && memcmp(t.p, "00", 2) == 0)
		v.s = (struct slice) { t.p + 2, 6 };
	if (card && check_insurer_number(&v) != DIAG__MAX)
		return query_field_error(e, '4');
	memcpy(q->insurer8, "00000000", 9);
	memcpy(q->insurer8 + 8 - t.n, t.p, t.n);
	return NULL;
}

static const char *
take_branch(const struct element *e, struct slice s)
{
	char p[16];
	struct slice f = folded(s, p, sizeof(p));

	if (f.n != 2)
		return query_field_error(e, '2');
	return slice_digits(f) ? NULL : query_field_error(e, '3');
}

static const char *
take_day(const struct element *e, struct slice s, int32_t *out)
{
	if (s.n != 8)
		return query_field_error(e, '2');
	if (!slice_digits(s))
		return query_field_error(e, '3');
	*out = day_parse(s);
	return *out != DAY_NONE ? NULL : query_field_error(e, '5');
}

static const char *
take_institution(const struct element *e, struct slice s, struct query *q)
{
	struct value v = { s, 0 };

	if (s.n != 10)
		return query_field_error(e, '2');
	if (!slice_digits(s))
		return query_field_error(e, '3');
	q->institution = s;
	return check_institution_code(&v) == DIAG__MAX ?
	    NULL :
	    query_field_error(e, '4');
}

/* A value is bounded and holds no control characters; then by its row. */
static const char *
take_value(const struct element *e, struct slice s, struct query *q)
{
	const char *bad = NULL;

	if (text_chars(s) > e->chars)
		return query_field_error(e, '2');
	if (has_control(s))
		return query_field_error(e, '3');
	if (e->source == DAY)
		bad = take_day(e, s, &q->day);
	else if (e->source == INSTITUTION)
		bad = take_institution(e, s, q);
	else if (e->source == FILE_IDENTIFIER)
		q->file_identifier = s;
	else if (e->arg == SF_BRANCH)
		bad = take_branch(e, s);
	else if (e->arg == SF_BIRTHDATE)
		bad = take_day(e, s, &q->birth);
	else if (e->arg == SF_LIMIT_FLAG && !slice_is(s, "0") &&
	    !slice_is(s, "1"))
		bad = query_field_error(e, '6');
	if (e->source == SEARCH && bad == NULL)
		q->search[e->arg] = s;
	return bad;
}

static bool
is_required(const struct element *e, enum query_kind kind)
{
	if (e->source == DAY || e->source == INSTITUTION)
		return kind != QUERY_CHALLENGE;
	return e->source == SEARCH && kind == QUERY_NUMBER &&
	    (e->arg == SF_INSURER || e->arg == SF_NUMBER ||
		e->arg == SF_BIRTHDATE);
}

/* Header and search fields in the order of the table; the first fault is
 * told, the rest is read all the same (an answer echoes what it can). */
static const char *
read_fields(struct reading *r)
{
	struct query *q = r->q;
	const char *error = NULL;
	int insurer = NO_ROW;

	for (int i = 0; i < (int)QUERY_ROWS; i++) {
		const struct element *e = &query_rows[i];
		const char *bad = NULL;
		if ((e->flags & READ) == 0 || e->source == CARD)
			continue;
		if (r->is_long[i])
			bad = query_field_error(e, '2');
		else if (r->raw[i].n == 0)
			bad = is_required(e, q->kind) ?
			    query_field_error(e, '1') :
			    NULL;
		else
			bad = take_value(e, r->raw[i], q);
		if (e->source == SEARCH && e->arg == SF_INSURER && bad == NULL)
			insurer = i;
		if (error == NULL)
			error = bad;
	}
	if (insurer != NO_ROW && r->raw[insurer].n > 0) {
		const char *bad =
		    take_insurer(&query_rows[insurer], r->raw[insurer], q);
		if (bad != NULL && (error == NULL || strcmp(bad, error) < 0))
			error = bad;
	}
	return error;
}

static bool
is_hex(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
			(s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return true;
}

static const char *
read_card(struct reading *r)
{
	struct query *q = r->q;
	const char *error = NULL;

	for (int i = 0; i < (int)QUERY_ROWS; i++) {
		struct slice s = r->raw[i];
		if (query_rows[i].source != CARD)
			continue;
		/* s lies in our own store, so it may be decoded in place */
		char *p = q->store + (s.n > 0 ? s.p - q->store : 0);
		if (query_rows[i].arg == CARD_ID) {
			q->challenge = s;
			if (s.n != 32 || !is_hex(s))
				error = query_error("OE3006");
		} else if (b64_decode(p, s.n,
			       query_rows[i].arg == CARD_DER ?
				   &q->card_der :
				   &q->card_signature) == -1) {
			error = query_error("OE3004");
		}
	}
	return error;
}

static void
query_clear(struct query *q)
{
	memset(q, 0, offsetof(struct query, store));
	q->day = q->birth = DAY_NONE;
}

static bool
seen(const struct reading *r, const char *name)
{
	for (size_t i = 0; i < QUERY_ROWS; i++)
		if (query_rows[i].depth == 2 &&
		    strcmp(query_rows[i].name, name) == 0)
			return r->seen[i];
	return false;
}

int
query_read(enum query_wire wire, struct slice body, struct query *out,
    const char **error)
{
	struct reading r = { .q = out };
	const char *whole, *fields, *card = NULL;

	query_clear(out);
	whole = read_tree(wire, body, &r);
	if (seen(&r, "CardSearchInfo")) {
		out->kind = QUERY_CARD;
		card = read_card(&r);
		if (whole == NULL && seen(&r, "QualificationConfirmSearchInfo"))
			whole =
			    query_error("OE1002"); /* one question at a time */
	}
	fields = read_fields(&r);
	*error = whole != NULL ? whole : fields != NULL ? fields : card;
	return *error == NULL ? 0 : -1;
}

int
query_read_challenge(enum query_wire wire, struct slice body, struct query *out,
    const char **error)
{
	struct reading r = { .q = out };
	const char *whole = NULL, *fields;

	query_clear(out);
	out->kind = QUERY_CHALLENGE;
	if (body.n > 0)
		whole = read_tree(wire, body, &r);
	fields = read_fields(&r);
	*error = whole != NULL ? whole : fields;
	return *error == NULL ? 0 : -1;
}
