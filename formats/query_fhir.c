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

#define STEP_MAX 160 /* of a path, expanded */
#define OURS "https://shikaku.example/fhir/"

/* ---- paths ---- */

enum step_kind { NAME, FIRST, TYPE, URL };
struct step {
	enum step_kind kind;
	char name[64], value[STEP_MAX]; /* value: of TYPE and URL */
};

/* Cut to fit: no name or URL of the table is so long. */
static void
copy(char *out, size_t size, size_t from, const char *p, size_t n)
{
	size_t room = size - 1 - from;

	n = n < room ? n : room;
	memcpy(out + from, p, n);
	out[from + n] = '\0';
}

/* jp: and our: before a URL */
static size_t
expand(const char **v, size_t *n, char *out)
{
	static const char jp[] = "http://jpfhir.jp/fhir/core/Extension/"
				 "StructureDefinition/";
	static const char ours[] = OURS "StructureDefinition/";

	if (*n > 3 && memcmp(*v, "jp:", 3) == 0) {
		memcpy(out, jp, sizeof(jp));
		*v += 3;
		*n -= 3;
		return sizeof(jp) - 1;
	}
	if (*n > 4 && memcmp(*v, "our:", 4) == 0) {
		memcpy(out, ours, sizeof(ours));
		*v += 4;
		*n -= 4;
		return sizeof(ours) - 1;
	}
	return 0;
}

/* The next step; false at the end. */
static bool
next_step(const char **path, struct step *s)
{
	const char *p = *path, *v;
	size_t n = 0, name, rest;

	while (p[n] != '\0' && p[n] != ' ' && p[n] != '[' && p[n] != ':' &&
	    p[n] != '=')
		n++;
	if (n == 0)
		return false;
	name = n;
	s->kind = p[n] == '[' ? FIRST :
	    p[n] == ':'	      ? TYPE :
	    p[n] == '='	      ? URL :
				NAME;
	while (p[n] != '\0' && p[n] != ' ')
		n++;
	copy(s->name, sizeof(s->name), 0, p, name);
	*path = p + n + (p[n] == ' ');
	if (s->kind == NAME || s->kind == FIRST)
		return true;
	v = p + name + 1;
	rest = n - name - 1;
	name = s->kind == URL ? expand(&v, &rest, s->value) : 0;
	copy(s->value, sizeof(s->value), name, v, rest);
	return true;
}

static bool
is_step(json_t *item, const struct step *s)
{
	const char *is = json_string_value(
	    json_object_get(item, s->kind == TYPE ? "resourceType" : "url"));

	return s->kind == FIRST || (is != NULL && strcmp(is, s->value) == 0);
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
		at = json_object_get(at, s.name);
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

/* ---- writing ---- */

/* The place a path names, made where it is not there yet; NULL: no memory. */
static json_t *
descend(json_t *at, const struct step *s)
{
	json_t *next = json_object_get(at, s->name), *item;
	bool twice = false;

	if (next == NULL) {
		next = s->kind == NAME ? json_object() : json_array();
		if (json_object_set_new(at, s->name, next) == -1)
			return NULL;
	}
	if (s->kind == NAME)
		return next;
	item = find_item(next, s, &twice);
	if (item != NULL)
		return item;
	item = json_object();
	if (s->kind != FIRST &&
	    json_object_set_new(item, s->kind == TYPE ? "resourceType" : "url",
		json_string(s->value)) == -1)
		return NULL;
	return json_array_append_new(next, item) == -1 ? NULL : item;
}

/* Takes `value` over; 0, -1. */
static int
set(json_t *root, const char *path, json_t *value)
{
	struct step s, last = { NAME, "", "" };
	json_t *at = root, *list;
	bool begun = false;

	while (at != NULL && next_step(&path, &s)) {
		if (begun)
			at = descend(at, &last);
		last = s;
		begun = true;
	}
	if (at != NULL && last.kind == NAME)
		return json_object_set_new(at, last.name, value);
	list = json_pack("[o]", value); /* a list of one: purpose[] */
	return json_object_set_new(at, last.name, list);
}

static int
set_text(json_t *root, const char *path, struct slice s)
{
	return set(root, path, json_stringn(s.p, s.n));
}

static json_t *
date_of(struct slice s)
{
	char iso[11];
	int32_t day = day_parse(s);

	if (day == DAY_NONE)
		return NULL;
	day_format_iso(day, iso);
	return json_string(iso);
}

/* 性別 (OQSCD007): 1 男, 2 女, 3 未設定 */
static json_t *
gender_of(struct slice s)
{
	return json_string(slice_is(s, "1") ? "male" :
		slice_is(s, "2")	    ? "female" :
					      "unknown");
}

static json_t *
made_of(const struct answer *a, char form, struct slice s)
{
	char stamp[30];

	switch (form) {
	case 'd':
		return date_of(s);
	case 'g':
		return gender_of(s);
	case 't':
		day_format_stamp(a->executed, stamp);
		return json_string(stamp);
	default:
		return json_stringn(s.p, s.n);
	}
}

/* By its path, or as an extension of ours of the Coverage. */
static int
set_row(json_t *root, const struct answer *a, const struct element *e,
    struct slice s)
{
	char path[STEP_MAX];
	bool day = e->source == RESULT &&
	    qualification_format.fields[e->arg].type == FIELD_DAY;

	if (e->tell != NULL)
		return set(root, e->tell + 2, made_of(a, e->tell[0], s));
	snprintf(path, sizeof(path), "contained:Coverage extension=our:%s %s",
	    e->name, day ? "valueDate" : "valueString");
	return set(root, path, made_of(a, day ? 'd' : 's', s));
}

struct fixed {
	const char *path, *text;
};

static int
set_all(json_t *root, const struct fixed *f)
{
	int r = 0;

	for (; f->path != NULL && r == 0; f++)
		r = set_text(root, f->path, slice_of(f->text));
	return r;
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
static int
set_end(json_t *root, const struct answer *a)
{
	int32_t from = day_parse(a->result.v[Q_QUALIFIED_ON].s);
	int32_t lost = day_parse(a->result.v[Q_LOST_ON].s);
	char iso[11];

	if (from == DAY_NONE || lost == DAY_NONE || lost <= from)
		return 0;
	day_format_iso(lost - 1, iso);
	return set_text(root, "contained:Coverage period end", slice_of(iso));
}

static int
set_found(json_t *root, const struct answer *a)
{
	bool valid = a->validity == VALIDITY_VALID;
	struct record const *rec = &a->result;

	if (set_text(root, "contained:Coverage status",
		slice_of(valid ? "active" : "cancelled")) == -1 ||
	    set(root, "insurance[] inforce", json_boolean(valid)) == -1 ||
	    set_text(root, "contained:Coverage type coding[] system",
		SLICE("urn:oid:1.2.392.100495.20.2.61")) == -1 ||
	    set_text(root, "contained:Coverage type coding[] code",
		slice_of(type_of(a))) == -1 ||
	    set_end(root, a) == -1)
		return -1;
	if (rec->v[Q_FAMILY].s.n > 0 &&
	    set_text(root, "contained:Coverage relationship coding[] system",
		SLICE("urn:oid:1.2.392.100495.20.2.62")) == -1)
		return -1;
	if (rec->v[Q_BRANCH].s.n > 0 &&
	    set_text(
		root, "contained:Coverage dependent", rec->v[Q_BRANCH].s) == -1)
		return -1;
	return 0;
}

/* Nobody, or several: patient and insurer are those asked for. */
static int
set_asked(json_t *root, const struct answer *a)
{
	struct slice insurer =
	    a->query == NULL ? SLICE("") : slice_of(a->query->insurer8);

	if (set_text(root, "patient display",
		slice_of(dispositions[a->validity % 6])) == -1)
		return -1;
	if (insurer.n == 0)
		return set_text(root, "insurer display", SLICE("-"));
	return set_text(root, "insurer identifier system",
		   SLICE("urn:oid:1.2.392.100495.20.3.61")) == -1 ||
		set_text(root, "insurer identifier value", insurer) == -1 ?
	    -1 :
	    0;
}

static json_t *
outcome_of(const struct answer *a)
{
	json_t *root = json_object();
	const struct fixed *f = issues;

	while (f->path != NULL &&
	    strncmp(f->path, a->error_code, strlen(f->path)) != 0)
		f++;
	if (set_all(root, outcome) == -1 ||
	    set_text(root, "issue[] code",
		slice_of(f->path == NULL ? "processing" : f->text)) == -1) {
		json_decref(root);
		return NULL;
	}
	return root;
}

static json_t *
response_of(const struct answer *a)
{
	json_t *root = json_object();
	int r = set_all(root, response);

	if (r == 0 && a->has_result)
		r = set_all(root, found);
	if (r == 0)
		r = a->has_result ? set_found(root, a) : set_asked(root, a);
	if (r == 0 && a->validity != VALIDITY_NONE_YET)
		r = set_text(root, "disposition",
		    slice_of(dispositions[a->validity % 6]));
	if (r == -1) {
		json_decref(root);
		return NULL;
	}
	return root;
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

int
query_fhir_write(const struct answer *a, const struct slice values[QUERY_ROWS],
    struct buf *out)
{
	json_t *root = a->error_code != NULL ? outcome_of(a) : response_of(a);
	size_t n;
	int r = root == NULL ? -1 : 0;

	for (int i = 0; i < (int)QUERY_ROWS && r == 0; i++)
		if (values[i].n > 0 && is_told(a, &query_rows[i]))
			r = set_row(root, a, &query_rows[i], values[i]);
	n = r == -1 ?
	    0 :
	    json_dumpb(root, out->p + out->n, out->max - out->n, JSON_COMPACT);
	json_decref(root);
	if (n == 0 || n > out->max - out->n) {
		out->full = true;
		return -1;
	}
	out->n += n;
	out->p[out->n] = '\0';
	return 0;
}
