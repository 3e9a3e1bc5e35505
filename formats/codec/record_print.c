/* Records for people. */
#include "formats/codec/record.h"

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
