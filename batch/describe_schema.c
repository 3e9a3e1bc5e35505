/* YAML layout, XSD, mdoc: a line per item, so that a new item of a table is a
 * new line here. */
#include "batch/describe_schema.h"

#include <string.h>

#include "formats/codec/check.h"
#include "formats/codec/xml.h"
#include "formats/codec/yaml.h"

static const char *const type_names[FIELD__MAX] = {
	[FIELD_NUM] = "digits",
	[FIELD_ANK] = "ank",
	[FIELD_KANA] = "kana",
	[FIELD_KANJI] = "kanji",
	[FIELD_TEXT] = "text",
	[FIELD_DAY] = "day",
	[FIELD_TIME] = "time",
	[FIELD_CODE] = "code",
};

static void
put_quoted(FILE *out, struct slice s)
{
	char text[4096];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	yaml_quote(s, &b);
	fputs(text, out);
}

static void
put_key(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s: ", key);
	put_quoted(out, slice_of(value));
	putc('\n', out);
}

/* ---- YAML ---- */

static void
yaml_codes(const struct field *f, FILE *out)
{
	const char *between = "";

	if (f->codes == NULL)
		return;
	fputs(", codes: { ", out);
	for (const struct code *c = f->codes; c->code != NULL; c++) {
		if (c->out_of_scope)
			continue;
		fprintf(out, "%s\"%s\": ", between, c->code);
		put_quoted(out, slice_of(c->ja));
		between = ", ";
	}
	fputs(" }", out);
}

static void
yaml_item(const struct exchange *e, const struct exchange_row *x, FILE *out)
{
	const struct field *f = x->field;
	struct describe_row row;

	describe_row(e, x, &row);
	fprintf(out, "      - { item: %d, name: ", x->item);
	put_quoted(out, slice_of(f->name));
	fputs(", ja: ", out);
	put_quoted(out, slice_of(f->ja));
	if (e->document != NULL)
		fprintf(out, ", depth: %d", x->depth);
	if ((x->flags & DOC_BOX) != 0)
		fprintf(out, ", type: container, repeated: %s",
		    (x->flags & DOC_MANY) != 0 ? "yes" : "no");
	else
		fprintf(out, ", type: %s, bytes: %u", type_names[f->type],
		    f->width);
	if ((f->flags & FIELD_EXACT) != 0)
		fputs(", exact: yes", out);
	fprintf(out, ", required: %s",
	    (f->flags & FIELD_REQUIRED) != 0 ? "yes" : "no");
	if ((f->flags & FIELD_KEY) != 0)
		fputs(", key: yes", out);
	if ((f->flags & FIELD_PRIVATE) != 0)
		fputs(", private: yes", out);
	yaml_codes(f, out);
	if (row.cell[D_EXAMPLE].n > 0) {
		fputs(", example: ", out);
		put_quoted(out, row.cell[D_EXAMPLE]);
	}
	fputs(" }\n", out);
}

void
describe_yaml(const struct exchange *e, FILE *out)
{
	const struct layout *l = e->layout;
	const struct format *part = NULL;
	struct exchange_row x = { 0 };

	fprintf(out,
	    "# made by shikaku-check --describe %s --as yaml (make layouts)\n",
	    e->name);
	put_key(out, "name", e->name);
	put_key(out, "ja", exchange_ja(e));
	put_key(out, "en", e->en);
	put_key(out, "from", e->from);
	put_key(out, "to", e->to);
	put_key(out, "files", e->file);
	if (l != NULL) {
		fprintf(out, "column_names: %s\n", l->bare ? "yes" : "no");
		fprintf(out, "blocks: %s\n", l->blocks ? "yes" : "no");
	}
	if (l != NULL && l->total_field >= 0)
		put_key(
		    out, "control_total", l->data->fields[l->total_field].name);
	fputs("records:\n", out);
	if (l == NULL)
		fputs("  - kind: document\n    items:\n", out);
	while (exchange_next(e, &x)) {
		if (x.part != part) {
			fprintf(out, "  - kind: %s\n    name: ", x.kind);
			put_quoted(out, slice_of(x.part->name));
			fputs("\n    ja: ", out);
			put_quoted(out, slice_of(x.part->ja));
			fputs("\n    items:\n", out);
		}
		part = x.part;
		yaml_item(e, &x, out);
	}
}

/* ---- XSD ---- */

static void
put_escaped(struct slice s, FILE *out)
{
	char text[4096];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	xml_escape(s, &b);
	fputs(text, out);
}

static void
xsd_facets(const struct field *f, FILE *out)
{
	unsigned least = (f->flags & FIELD_EXACT) != 0 ? f->width : 1;

	if (f->check == check_insurer_number) {
		/* shorter ones may be padded on the left (messages.md Q6) */
		fputs("<xs:pattern value=\" *([0-9]{6}|[0-9]{8})\"/>", out);
		return;
	}
	if (f->check == check_post_number) {
		fputs("<xs:pattern value=\"[0-9]{3}-[0-9]{4}\"/>", out);
		return;
	}
	switch (f->type) {
	case FIELD_NUM:
		fprintf(out, "<xs:pattern value=\"[0-9]{%u,%u}\"/>", least,
		    f->width);
		break;
	case FIELD_ANK:
		fprintf(out, "<xs:pattern value=\"[!-~]{%u,%u}\"/>", least,
		    f->width);
		break;
	case FIELD_DAY:
		fputs("<xs:pattern value=\"[0-9]{8}\"/>", out);
		break;
	case FIELD_TIME:
		fputs("<xs:pattern value=\"[0-9]{14}\"/>", out);
		break;
	case FIELD_CODE:
		for (const struct code *c = f->codes; c->code != NULL; c++)
			if (!c->out_of_scope)
				fprintf(out, "<xs:enumeration value=\"%s\"/>",
				    c->code);
		break;
	default:
		fprintf(out,
		    "<xs:minLength value=\"1\"/><xs:maxLength value=\"%zu\"/>",
		    field_chars(f));
		break;
	}
}

static void
xsd_leaf(const struct exchange_row *x, int depth, FILE *out)
{
	const struct field *f = x->field;

	fprintf(out, "%*s<xs:element name=\"%s\"%s>", depth, "", f->name,
	    (f->flags & FIELD_REQUIRED) != 0 ? "" : " minOccurs=\"0\"");
	fputs("<xs:simpleType><xs:restriction base=\"xs:string\">", out);
	xsd_facets(f, out);
	fprintf(out, "</xs:restriction></xs:simpleType></xs:element> <!-- %d ",
	    x->item);
	put_escaped(slice_of(f->ja), out);
	fputs(" -->\n", out);
}

/* The order is free where no child may be repeated: XSD 1.0 knows no better
 * than xs:all. */
static const char *
group_of(const struct document *d, unsigned row)
{
	for (unsigned i = row + 1;
	     i < d->nrows && d->rows[i].depth > d->rows[row].depth; i++)
		if (d->rows[i].depth == d->rows[row].depth + 1 &&
		    (d->rows[i].flags & DOC_MANY) != 0)
			return "sequence";
	return "all";
}

static unsigned
xsd_box(const struct exchange *e, unsigned row, FILE *out)
{
	const struct document *d = e->document;
	const struct document_row *x = &d->rows[row];
	const char *group = group_of(d, row);
	int at = 2 + 4 * x->depth;
	unsigned i = row + 1;

	fprintf(out, "%*s<xs:element name=\"%s\"%s%s> <!-- %u %s -->\n", at, "",
	    x->field.name,
	    x->depth == 0 || (x->field.flags & FIELD_REQUIRED) != 0 ?
		"" :
		" minOccurs=\"0\"",
	    (x->flags & DOC_MANY) != 0 ? " maxOccurs=\"unbounded\"" : "",
	    row + 1, x->field.ja);
	fprintf(out, "%*s<xs:complexType><xs:%s>\n", at + 2, "", group);
	while (i < d->nrows && d->rows[i].depth > x->depth) {
		struct exchange_row leaf = { .item = (int)i + 1,
			.field = &d->rows[i].field };

		if ((d->rows[i].flags & DOC_BOX) != 0) {
			i = xsd_box(e, i, out);
			continue;
		}
		xsd_leaf(&leaf, at + 4, out);
		i++;
	}
	fprintf(out, "%*s</xs:%s></xs:complexType>\n%*s</xs:element>\n", at + 2,
	    "", group, at, "");
	return i;
}

static void
xsd_records(const struct exchange *e, FILE *out)
{
	const struct layout *l = e->layout;
	const struct format *part = NULL;
	struct exchange_row x = { 0 };

	fprintf(out,
	    "  <xs:element name=\"%s\"> <!-- %s -->\n"
	    "    <xs:complexType><xs:sequence>\n"
	    "      <xs:element ref=\"%s\"/>\n"
	    "      <xs:element ref=\"%s\" minOccurs=\"0\" "
	    "maxOccurs=\"unbounded\"/>\n"
	    "      <xs:element ref=\"%s\"/>\n"
	    "    </xs:sequence></xs:complexType>\n  </xs:element>\n",
	    l->name, l->ja, l->header->name, l->data->name, l->trailer->name);
	while (exchange_next(e, &x)) {
		if (x.part != part) {
			if (part != NULL)
				fputs("    </xs:all></xs:complexType>\n"
				      "  </xs:element>\n",
				    out);
			fprintf(out,
			    "  <xs:element name=\"%s\"> <!-- %s -->\n"
			    "    <xs:complexType><xs:all>\n",
			    x.part->name, x.part->ja);
		}
		part = x.part;
		xsd_leaf(&x, 6, out);
	}
	fputs("    </xs:all></xs:complexType>\n  </xs:element>\n", out);
}

void
describe_xsd(const struct exchange *e, FILE *out)
{
	fprintf(out,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!--\n"
	    "  %s: %s\n"
	    "  made by shikaku-check (describe %s as xsd; make layouts).\n"
	    "  XSD cannot say check digits, the agreed repertoire or the rules "
	    "across\n  items: shikaku-check says those too.\n-->\n"
	    "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" "
	    "elementFormDefault=\"qualified\">\n",
	    exchange_ja(e), e->en, e->name);
	if (e->document != NULL)
		xsd_box(e, 0, out);
	else
		xsd_records(e, out);
	fputs("</xs:schema>\n", out);
}

/* ---- mdoc ---- */

static void
man_text(struct slice s, FILE *out)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\\')
			fputs("\\e", out);
		else
			putc(s.p[i], out);
}

static void
man_line(const char *name, struct slice s, FILE *out)
{
	if (s.n == 0)
		return;
	fprintf(out, ".br\n%s: ", name);
	man_text(s, out);
	putc('\n', out);
}

static void
man_item(const struct exchange *e, const struct exchange_row *x, FILE *out)
{
	struct describe_row row;

	describe_row(e, x, &row);
	fprintf(out, ".It \"%d %.*s ", x->item, (int)row.cell[D_NAME].n,
	    row.cell[D_NAME].p);
	man_text(row.cell[D_NAME_JA], out);
	fputs("\"\n\\&", out);
	man_text(row.cell[D_FORM], out);
	if (row.cell[D_WIDTH].n > 0)
		fprintf(out, ", %.*s bytes", (int)row.cell[D_WIDTH].n,
		    row.cell[D_WIDTH].p);
	if (row.cell[D_NEED].n > 0)
		fprintf(
		    out, "; %.*s", (int)row.cell[D_NEED].n, row.cell[D_NEED].p);
	else
		fputs("; optional", out);
	fputs(row.cell[D_PRIVATE].n > 0 ? ", private.\n" : ".\n", out);
	man_line("Codes", row.cell[D_CODES], out);
	man_line("Example", row.cell[D_EXAMPLE], out);
}

void
describe_man(const struct exchange *e, FILE *out)
{
	const struct format *part = NULL;
	struct exchange_row x = { 0 };
	bool first = true;

	fputs(".Sh ITEMS\n", out);
	while (exchange_next(e, &x)) {
		if (first || x.part != part) {
			if (!first)
				fputs(".El\n", out);
			if (x.part != NULL) {
				fprintf(out, ".Ss %s ", x.part->name);
				man_text(slice_of(x.part->ja), out);
				putc('\n', out);
			}
			fputs(".Bl -tag -width Ds\n", out);
		}
		first = false;
		part = x.part;
		man_item(e, &x, out);
	}
	fputs(".El\n", out);
}
