/*
 * The same questions and answers in FHIR R4: the table of query.c says where
 * each element lies. Sources: hl7.org/fhir/R4 coverageeligibilityrequest,
 * coverageeligibilityresponse, operationoutcome; JP Core 1.1 JP_Coverage,
 * JP_Patient. What neither has (the certificates' days, the loss, the validity
 * 1-5) lies in extensions of ours, named as in the OQS message.
 */
#include "formats/query_table.h"

#include <jansson.h>
#include <string.h>

#include "formats/codec/day.h"
#include "formats/codec/json.h"

#define OURS "https://shikaku.example/fhir/"

/* ---- paths ---- */

enum step_kind { NAME, FIRST, TYPE, URL };
struct step {
	enum step_kind kind;
	struct slice name;
	struct slice base, value; /* of TYPE and URL, one after the other */
};

/* What jp: and our: before a URL stand for. */
static struct slice
base_of(const char **p)
{
	if (strncmp(*p, "jp:", 3) == 0) {
		*p += 3;
		return SLICE("http://jpfhir.jp/fhir/core/Extension/"
			     "StructureDefinition/");
	}
	if (strncmp(*p, "our:", 4) == 0) {
		*p += 4;
		return SLICE(OURS "StructureDefinition/");
	}
	return SLICE("");
}

/* The next step; false at the end. */
static bool
next_step(const char **path, struct step *s)
{
	const char *p = *path;
	size_t n = 0;

	while (p[n] != '\0' && p[n] != ' ' && p[n] != '[' && p[n] != ':' &&
	    p[n] != '=')
		n++;
	if (n == 0)
		return false;
	s->name = (struct slice) { p, n };
	s->kind = p[n] == '[' ? FIRST :
	    p[n] == ':'	      ? TYPE :
	    p[n] == '='	      ? URL :
				NAME;
	p += n + (s->kind == TYPE || s->kind == URL);
	s->base = s->kind == URL ? base_of(&p) : SLICE("");
	n = 0;
	while (p[n] != '\0' && p[n] != ' ')
		n++;
	s->value = (struct slice) { p, n };
	*path = p + n + (p[n] == ' ');
	return true;
}

/* Which of its keys tells one item of a list from another. */
static struct slice
key_of(const struct step *s)
{
	return s->kind == TYPE ? SLICE("resourceType") : SLICE("url");
}

static bool
names(const struct step *s, struct slice is)
{
	return is.n == s->base.n + s->value.n &&
	    memcmp(is.p, s->base.p, s->base.n) == 0 &&
	    memcmp(is.p + s->base.n, s->value.p, s->value.n) == 0;
}

static bool
is_step(json_t *item, const struct step *s)
{
	json_t *key = json_object_getn(item, key_of(s).p, key_of(s).n);

	return s->kind == FIRST ||
	    (json_is_string(key) &&
		names(s,
		    (struct slice) {
			json_string_value(key), json_string_length(key) }));
}

/* ---- reading ---- */

/* The item of a list a step means, NULL where there is none; *twice: which of
 * two cannot be told. */
static json_t *
find_item(json_t *list, const struct step *s, bool *twice)
{
	json_t *found = NULL, *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (!is_step(item, s))
			continue;
		if (found != NULL && s->kind != FIRST)
			*twice = true;
		if (found == NULL)
			found = item;
	}
	return found;
}

static json_t *
look_up(json_t *at, const char *path, bool *twice)
{
	struct step s;

	while (at != NULL && next_step(&path, &s)) {
		at = json_object_getn(at, s.name.p, s.name.n);
		if (s.kind != NAME)
			at = find_item(at, &s, twice);
	}
	return at;
}

/* 2019-04-15 as 20190415; anything else as it is, for the row to refuse. */
static struct slice
plain_date(struct slice s, char out[9])
{
	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-')
		return s;
	memcpy(out, s.p, 4);
	memcpy(out + 4, s.p + 5, 2);
	memcpy(out + 6, s.p + 8, 3);
	return (struct slice) { out, 8 };
}

static const char *
read_error(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_duplicate_key:
		return query_error("OE1005");
	case json_error_invalid_utf8:
		return query_error("OE1001");
	case json_error_stack_overflow:
		return query_error("OE1003");
	default:
		return query_error("OE1002");
	}
}

const char *
query_fhir_read(struct slice body,
    void (*put)(void *arg, int row, struct slice value), void *arg)
{
	const char *error = NULL, *type;
	json_error_t e;
	json_t *root = json_loadb(
	    body.n > 0 ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &e);

	if (root == NULL)
		return read_error(&e);
	type = json_string_value(json_object_get(root, "resourceType"));
	if (type == NULL || strcmp(type, "CoverageEligibilityRequest") != 0)
		error = query_error("OE1002");
	for (int i = 0; i < (int)QUERY_ROWS && error == NULL; i++) {
		const char *ask = query_rows[i].ask;
		bool twice = false;
		char day[12];
		json_t *v = ask == NULL ? NULL : look_up(root, ask + 2, &twice);
		struct slice s = { json_string_value(v),
			json_string_length(v) };
		if (twice)
			error = query_error("OE1005");
		else if (v != NULL && !json_is_string(v))
			error = query_error("OE1002");
		else if (v != NULL)
			put(arg, i, ask[0] == 'd' ? plain_date(s, day) : s);
	}
	json_decref(root);
	return error;
}

/* ---- writing ----
 *
 * A path may name a place inside what an earlier one began, so an answer is
 * put together before it is written: nodes in an array of the stack, their
 * texts borrowed from the tables and the values. No allocation, no hashing: an
 * object has a dozen members at the most.
 */

#define NODES_MAX 192 /* every row filled: 144 */
#define TOP 0 /* the resource; and, as nobody's child, "none" */

enum node_kind { OBJECT, ARRAY, TEXT, LITERAL };
struct node {
	enum node_kind kind;
	struct slice name; /* in an object */
	struct slice base, text; /* one after the other */
	int first, last, next; /* children; the next of the same parent */
};
struct tree {
	int n;
	bool broken; /* a value without a form, or too many nodes */
	struct node v[NODES_MAX];
	char store[512]; /* of the days and moments made here */
	struct buf made;
};

static int
add(struct tree *t, int parent, struct slice name, enum node_kind kind)
{
	struct node *up = &t->v[parent];
	int i = t->n;

	if (i == NODES_MAX) {
		t->broken = true;
		return parent;
	}
	t->v[i] = (struct node) { .kind = kind, .name = name };
	t->n++;
	if (up->first == TOP)
		up->first = i;
	else
		t->v[up->last].next = i;
	up->last = i;
	return i;
}

static int
child(const struct tree *t, int parent, struct slice name)
{
	int i = t->v[parent].first;

	while (i != TOP && !slice_eq(t->v[i].name, name))
		i = t->v[i].next;
	return i;
}

/* The item of a list a step means; its key is always its first member. */
static int
item_of(const struct tree *t, int list, const struct step *s)
{
	int i = t->v[list].first;

	for (; i != TOP && s->kind != FIRST; i = t->v[i].next) {
		const struct node *key = &t->v[t->v[i].first];
		if (slice_eq(key->name, key_of(s)) &&
		    slice_eq(key->base, s->base) &&
		    slice_eq(key->text, s->value))
			break;
	}
	return i;
}

/* The place a step leads to, made where it is not there yet. */
static int
descend(struct tree *t, int at, const struct step *s)
{
	int next = child(t, at, s->name), item, key;

	if (next == TOP)
		next = add(t, at, s->name, s->kind == NAME ? OBJECT : ARRAY);
	if (s->kind == NAME)
		return next;
	item = item_of(t, next, s);
	if (item != TOP)
		return item;
	item = add(t, next, SLICE(""), OBJECT);
	if (s->kind == FIRST)
		return item;
	key = add(t, item, key_of(s), TEXT);
	t->v[key].base = s->base;
	t->v[key].text = s->value;
	return item;
}

/* The value a path ends in; below `at`. */
static void
set(struct tree *t, int at, const char *path, enum node_kind kind,
    struct slice text)
{
	struct step s, last = { NAME, { "", 0 }, { "", 0 }, { "", 0 } };

	next_step(&path, &last);
	while (next_step(&path, &s)) {
		at = descend(t, at, &last);
		last = s;
	}
	if (last.kind != NAME) { /* a list of one: purpose[] */
		at = add(t, at, last.name, ARRAY);
		last.name = SLICE("");
	}
	at = add(t, at, last.name, kind);
	t->v[at].text = text;
}

static void
set_text(struct tree *t, const char *path, struct slice s)
{
	set(t, TOP, path, TEXT, s);
}

static struct slice
keep(struct tree *t, const char *s)
{
	struct slice made = { t->made.p + t->made.n, strlen(s) };

	buf_puts(&t->made, s);
	return made;
}

/* 20190415 as 2019-04-15 */
static struct slice
iso_of(struct tree *t, struct slice day)
{
	char iso[11];

	if (day_parse(day) == DAY_NONE) {
		t->broken = true;
		return SLICE("");
	}
	memcpy(iso, day.p, 4);
	memcpy(iso + 5, day.p + 4, 2);
	memcpy(iso + 8, day.p + 6, 2);
	iso[4] = iso[7] = '-';
	iso[10] = '\0';
	return keep(t, iso);
}

/* 性別 (OQSCD007): 1 男, 2 女, 3 未設定 */
static struct slice
gender_of(struct slice s)
{
	return slice_is(s, "1") ? SLICE("male") :
	    slice_is(s, "2")	? SLICE("female") :
				  SLICE("unknown");
}

static struct slice
made_of(struct tree *t, const struct answer *a, char form, struct slice s)
{
	char stamp[30];

	switch (form) {
	case 'd':
		return iso_of(t, s);
	case 'g':
		return gender_of(s);
	case 't':
		day_format_stamp(a->executed, stamp);
		return keep(t, stamp);
	default: /* never stored otherwise; and never sent */
		t->broken |= !text_utf8_ok(s);
		return s;
	}
}

/* By its path, or as an extension of ours of the Coverage. */
static void
set_row(struct tree *t, const struct answer *a, const struct element *e,
    struct slice s)
{
	struct step coverage = { TYPE, SLICE("contained"), { "", 0 },
		SLICE("Coverage") };
	struct step ours = { URL, SLICE("extension"),
		SLICE(OURS "StructureDefinition/"), slice_of(e->name) };
	bool day = e->source == RESULT &&
	    qualification_format.fields[e->arg].type == FIELD_DAY;
	int at;

	if (e->tell != NULL) {
		set_text(t, e->tell + 2, made_of(t, a, e->tell[0], s));
		return;
	}
	at = descend(t, descend(t, TOP, &coverage), &ours);
	set(t, at, day ? "valueDate" : "valueString", TEXT,
	    made_of(t, a, day ? 'd' : 's', s));
}

struct fixed {
	const char *path, *text;
};

static void
set_all(struct tree *t, const struct fixed *f)
{
	for (; f->path != NULL; f++)
		set_text(t, f->path, slice_of(f->text));
}

/* clang-format off */
#define SYSTEM(path, text) { path " system", text }
static const struct fixed response[] = {
	{ "resourceType", "CoverageEligibilityResponse" },
	{ "status", "active" },
	{ "purpose[]", "validation" },
	{ "outcome", "complete" },
	SYSTEM("requestor identifier", "http://jpfhir.jp/fhir/core/IdSystem/insurance-medical-institution-no"),
	{ "request type", "CoverageEligibilityRequest" },
	{ NULL, NULL },
};
/* contained resources in this order, each referred to (dom-3) */
static const struct fixed found[] = {
	{ "contained:Patient id", "patient" },
	{ "contained:Organization id", "insurer" },
	{ "contained:Coverage id", "coverage" },
	{ "contained:Coverage meta profile[]", "http://jpfhir.jp/fhir/core/StructureDefinition/JP_Coverage" },
	SYSTEM("contained:Organization identifier[]", "urn:oid:1.2.392.100495.20.3.61"),
	SYSTEM("contained:Organization type[] coding[]", "http://terminology.hl7.org/CodeSystem/organization-type"),
	{ "contained:Organization type[] coding[] code", "pay" },
	{ "contained:Coverage beneficiary reference", "#patient" },
	{ "contained:Coverage payor[] reference", "#insurer" },
	{ "patient reference", "#patient" },
	{ "insurer reference", "#insurer" },
	{ "insurance[] coverage reference", "#coverage" },
	{ NULL, NULL },
};
static const struct fixed outcome[] = {
	{ "resourceType", "OperationOutcome" },
	{ "issue[] severity", "error" },
	SYSTEM("issue[] details coding[]", OURS "CodeSystem/oqs-error"),
	{ NULL, NULL },
};
/* 資格有効性 (OQSCD006) */
static const char *const dispositions[] = { "", "有効", "無効", "無効（新しい資格あり）", "該当資格なし", "複数該当" };
/* issue-type; the longest prefix first */
static const struct fixed issues[] = {
	{ "OE1003", "too-long" }, { "OE1011", "not-found" }, { "OE1012", "not-supported" }, { "OE1013", "not-supported" },
	{ "OE1", "structure" }, { "OE2", "value" }, { "OE3", "security" },
	{ "OE4002", "business-rule" }, { "OE4003", "throttled" }, { "OE4", "transient" },
	{ "OE9001", "exception" }, { "OE", "transient" },
	{ NULL, NULL },
};
/* clang-format on */

/* 保険種別コード: 1 医保, 2 国保, 7 後期高齢 */
static const char *
type_of(const struct answer *a)
{
	switch (insurer_scheme(a->result.v[Q_INSURER_NUMBER].s)) {
	case SCHEME_NHI_CITY:
	case SCHEME_NHI_UNION:
		return "2";
	case SCHEME_ELDERLY:
		return "7";
	default:
		return "1";
	}
}

/* period is inclusive: its end is the eve of 資格喪失日. A cover that never
 * was in force has no such day (per-1), only the extension says. */
static void
set_end(struct tree *t, const struct answer *a)
{
	int32_t from = day_parse(a->result.v[Q_QUALIFIED_ON].s);
	int32_t lost = day_parse(a->result.v[Q_LOST_ON].s);
	char iso[11];

	if (from == DAY_NONE || lost == DAY_NONE || lost <= from)
		return;
	day_format_iso(lost - 1, iso);
	set_text(t, "contained:Coverage period end", keep(t, iso));
}

static void
set_found(struct tree *t, const struct answer *a)
{
	bool valid = a->validity == VALIDITY_VALID;
	struct record const *rec = &a->result;

	set_all(t, found);
	set_text(t, "contained:Coverage status",
	    valid ? SLICE("active") : SLICE("cancelled"));
	set(t, TOP, "insurance[] inforce", LITERAL,
	    valid ? SLICE("true") : SLICE("false"));
	set_text(t, "contained:Coverage type coding[] system",
	    SLICE("urn:oid:1.2.392.100495.20.2.61"));
	set_text(
	    t, "contained:Coverage type coding[] code", slice_of(type_of(a)));
	set_end(t, a);
	if (rec->v[Q_FAMILY].s.n > 0)
		set_text(t, "contained:Coverage relationship coding[] system",
		    SLICE("urn:oid:1.2.392.100495.20.2.62"));
	if (rec->v[Q_BRANCH].s.n > 0)
		set_text(t, "contained:Coverage dependent", rec->v[Q_BRANCH].s);
}

/* Nobody, or several: patient and insurer are those asked for. */
static void
set_asked(struct tree *t, const struct answer *a)
{
	struct slice insurer =
	    a->query == NULL ? SLICE("") : slice_of(a->query->insurer8);

	set_text(t, "patient display", slice_of(dispositions[a->validity % 6]));
	if (insurer.n == 0) {
		set_text(t, "insurer display", SLICE("-"));
		return;
	}
	set_text(t, "insurer identifier system",
	    SLICE("urn:oid:1.2.392.100495.20.3.61"));
	set_text(t, "insurer identifier value", insurer);
}

static void
set_outcome(struct tree *t, const struct answer *a)
{
	const struct fixed *f = issues;

	while (f->path != NULL &&
	    strncmp(f->path, a->error_code, strlen(f->path)) != 0)
		f++;
	set_all(t, outcome);
	set_text(t, "issue[] code",
	    f->path == NULL ? SLICE("processing") : slice_of(f->text));
}

static void
set_response(struct tree *t, const struct answer *a)
{
	set_all(t, response);
	if (a->has_result)
		set_found(t, a);
	else
		set_asked(t, a);
	if (a->validity != VALIDITY_NONE_YET)
		set_text(
		    t, "disposition", slice_of(dispositions[a->validity % 6]));
}

/* Errors have their two rows, answers all the others that have a place. */
static bool
is_told(const struct answer *a, const struct element *e)
{
	bool of_error = e->source == ERROR_CODE || e->source == ERROR_MESSAGE;

	if (a->error_code != NULL || of_error)
		return a->error_code != NULL && of_error;
	return e->tell != NULL || e->source == RESULT;
}

/* No deeper than the longest path has names. */
static void
put_node(const struct tree *t, int at, struct buf *out)
{
	const struct node *node = &t->v[at];
	bool array = node->kind == ARRAY;

	if (node->kind == TEXT && node->base.n == 0) {
		json_quote(node->text, out);
	} else if (node->kind == TEXT) { /* a URL of the table */
		buf_putc(out, '"');
		buf_put(out, node->base);
		buf_put(out, node->text);
		buf_putc(out, '"');
	} else if (node->kind == LITERAL) {
		buf_put(out, node->text);
	} else {
		buf_putc(out, array ? '[' : '{');
		for (int i = node->first; i != TOP; i = t->v[i].next) {
			if (i != node->first)
				buf_putc(out, ',');
			if (!array) {
				buf_putc(out, '"');
				buf_put(out, t->v[i].name);
				buf_put(out, SLICE("\":"));
			}
			put_node(t, i, out);
		}
		buf_putc(out, array ? ']' : '}');
	}
}

int
query_fhir_write(const struct answer *a, const struct slice values[QUERY_ROWS],
    struct buf *out)
{
	struct tree t;

	t.n = 1;
	t.broken = false;
	t.v[TOP] = (struct node) { .kind = OBJECT };
	buf_init(&t.made, t.store, sizeof(t.store));
	if (a->error_code != NULL)
		set_outcome(&t, a);
	else
		set_response(&t, a);
	for (int i = 0; i < (int)QUERY_ROWS; i++)
		if (values[i].n > 0 && is_told(a, &query_rows[i]))
			set_row(&t, a, &query_rows[i], values[i]);
	if (t.broken || t.made.full)
		out->full = true;
	else
		put_node(&t, TOP, out);
	return out->full ? -1 : 0;
}
