/* Tables and records for people. */
#include "formats/codec/record.h"

static const char *const type_names[FIELD__MAX] = {
	[FIELD_NUM] = "digits",
	[FIELD_ANK] = "half-width letters and digits",
	[FIELD_KANA] = "half-width katakana",
	[FIELD_KANJI] = "full width",
	[FIELD_TEXT] = "text",
	[FIELD_DAY] = "YYYYMMDD",
	[FIELD_TIME] = "YYYYMMDDHHmmss",
	[FIELD_CODE] = "code",
};

static void
describe_codes(const struct field *f, FILE *out)
{
	const char *between = " ";

	for (const struct code *c = f->codes; c != NULL && c->code != NULL;
	     c++) {
		if (c->out_of_scope)
			continue;
		fprintf(out, "%s%s %s", between, c->code, c->ja);
		between = ", ";
	}
}

static void
describe(const struct format *f, FILE *out)
{
	if (f == NULL)
		return;
	fprintf(out,
	    "\n## %s (%s)\n\n| Item | Name | 項目名 | Bytes | Form | Need |\n"
	    "|---|---|---|---|---|---|\n",
	    f->name, f->ja);
	for (unsigned i = 0; i < f->nfields; i++) {
		const struct field *x = &f->fields[i];

		fprintf(out, "| %d | %s | %s | %u | %s", x->item, x->name,
		    x->ja, x->width, type_names[x->type]);
		if ((x->flags & FIELD_EXACT) != 0)
			fprintf(out, ", exactly");
		describe_codes(x, out);
		fprintf(out, " | %s%s%s |\n",
		    (x->flags & FIELD_REQUIRED) != 0 ? "required" : "",
		    (x->flags & FIELD_KEY) != 0 ? ", key" : "",
		    (x->flags & FIELD_PRIVATE) != 0 ? ", private" : "");
	}
	if (f->rules == NULL)
		return;
	fprintf(out, "\nRules across items:");
	for (const struct rule *r = f->rules; r->check != NULL; r++)
		fprintf(out, "%s %s", r == f->rules ? "" : ";", r->clause);
	fprintf(out, "\n");
}

void
record_describe(const struct layout *l, FILE *out)
{
	fprintf(out, "# %s (%s)\n", l->name, l->ja);
	describe(l->header, out);
	describe(l->data, out);
	describe(l->trailer, out);
}

void
record_print(const struct record *rec, bool unmask, FILE *out)
{
	char text[RECORD_BYTES_MAX];
	struct buf b;

	for (unsigned i = 0; i < rec->format->nfields; i++) {
		const struct field *f = &rec->format->fields[i];
		struct slice s = rec->v[i].s;
		const struct code *c;

		if (s.n == 0)
			continue;
		buf_init(&b, text, sizeof(text));
		if (unmask)
			buf_put(&b, s);
		else
			field_mask(f, s, &b);
		fprintf(
		    out, "  %2d %s (%s): %s", f->item, f->name, f->ja, text);
		c = f->codes == NULL ? NULL : field_code(f, s);
		if (c != NULL && (unmask || (f->flags & FIELD_PRIVATE) == 0))
			fprintf(out, " %s", c->ja);
		fprintf(out, "\n");
	}
}
