#include <stdlib.h>
#include <string.h>

#include "formats/codec/yaml.h"
#include "formats/limits.h"
#include "formats/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What was read can be found by its path; what was written reads back. */
static void
check_nodes(const struct yaml *y)
{
	for (size_t i = 0; i < y->n; i++)
		if (yaml_find(y, y->v[i].path) != &y->v[i] ||
		    (y->v[i].kind == YAML_SCALAR) != (y->v[i].value != NULL) ||
		    y->v[i].line < 1 || y->v[i].column < 1)
			__builtin_trap();
}

static void
check_manifest(struct manifest *m)
{
	struct diag_sink sink = { .put = NULL };
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	manifest_write(m, f);
	fclose(f);
	struct manifest *back =
	    manifest_read((struct slice) { text, n }, "f", &sink);
	if (back == NULL || back->members != m->members ||
	    memcmp(back->member, m->member,
		(size_t)m->members * sizeof(m->member[0])) != 0)
		__builtin_trap();
	free(back);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice doc = { (const char *)p, n };
	struct diag_sink sink = { .put = NULL };
	struct snapshot_set set;
	struct yaml *y = yaml_read(doc, "f", &sink);
	struct manifest *m = manifest_read(doc, "f", &sink);

	if (y != NULL)
		check_nodes(y);
	else if (sink.counts[DIAG_YAML_SYNTAX] == 0)
		__builtin_trap();
	if (m != NULL)
		check_manifest(m);
	snapshot_set_read(doc, "f", &set, &sink);
	free(m);
	yaml_close(y);
	return 0;
}
