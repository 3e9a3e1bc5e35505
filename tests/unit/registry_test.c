#include <string.h>

#include "formats/registry.h"
#include "tests/unit/suite.h"

static void
test_find(void)
{
	for (int i = 0; registry[i] != NULL; i++)
		CU_ASSERT_PTR_EQUAL(
		    registry_find(slice_of(registry[i]->name)), registry[i]);
	CU_ASSERT_PTR_NULL(registry_find(SLICE("nothing")));
	CU_ASSERT_PTR_NULL(registry_find(SLICE("")));
}

static void
check_format(const struct format *f)
{
	size_t bytes = 0;

	if (f == NULL)
		return;
	CU_ASSERT(f->nfields > 0 && f->nfields <= RECORD_FIELDS_MAX);
	for (unsigned i = 0; i < f->nfields; i++) {
		const struct field *x = &f->fields[i];

		CU_ASSERT_EQUAL(x->item, (int)i + 1);
		CU_ASSERT(x->name[0] >= 'A' && x->name[0] <= 'Z');
		CU_ASSERT(x->ja[0] != '\0' && x->width > 0);
		CU_ASSERT_EQUAL(x->type == FIELD_CODE, x->codes != NULL);
		if (x->type == FIELD_DAY)
			CU_ASSERT_EQUAL(x->width, 8);
		if (x->type == FIELD_TIME)
			CU_ASSERT_EQUAL(x->width, 14);
		for (const struct code *c = x->codes;
		     c != NULL && c->code != NULL; c++)
			CU_ASSERT(strlen(c->code) <= x->width);
		for (unsigned k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(f->fields[k].name, x->name);
		bytes += x->width;
	}
	CU_ASSERT(bytes + 2 <= RECORD_BYTES_MAX);
}

static void
test_tables(void)
{
	for (int i = 0; registry[i] != NULL; i++) {
		const struct layout *l = registry[i];

		check_format(l->header);
		check_format(l->data);
		check_format(l->trailer);
		CU_ASSERT(l->total_field < (int)l->data->nfields);
		CU_ASSERT(l->number_field < (int)l->data->nfields);
		CU_ASSERT_EQUAL(l->bare, l->header == NULL);
		CU_ASSERT(l->refuse_percent <= 100);
	}
}

/* Every record file is exchanged, everything exchanged has one table, and its
 * rows come whole and in order. */
static void
test_exchanges(void)
{
	int layouts = 0;

	for (const struct exchange *e = exchanges; e->name != NULL; e++) {
		struct exchange_row x = { 0 };
		unsigned rows = 0, want;

		CU_ASSERT_PTR_EQUAL(exchange_find(slice_of(e->name)), e);
		CU_ASSERT(exchange_ja(e)[0] != '\0' && e->en[0] != '\0');
		CU_ASSERT((e->layout == NULL) != (e->document == NULL));
		while (exchange_next(e, &x)) {
			CU_ASSERT(x.field->name[0] != '\0');
			CU_ASSERT(x.item > 0);
			rows++;
		}
		if (e->document != NULL) {
			CU_ASSERT_EQUAL(rows, e->document->nrows);
			CU_ASSERT(rows <= DOCUMENT_ROWS_MAX);
			continue;
		}
		want = e->layout->data->nfields;
		if (e->layout->header != NULL)
			want += e->layout->header->nfields;
		if (e->layout->trailer != NULL)
			want += e->layout->trailer->nfields;
		CU_ASSERT_EQUAL(rows, want);
		layouts += registry_find(slice_of(e->name)) == e->layout;
	}
	for (int i = 0; registry[i] != NULL; i++)
		layouts--;
	CU_ASSERT_EQUAL(layouts, 0);
	CU_ASSERT_PTR_NULL(exchange_find(SLICE("nothing")));
}

static CU_TestInfo tests[] = {
	{ "every layout is found by its name", test_find },
	{ "every table is whole: items in order, names once, codes that fit",
	    test_tables },
	{ "everything exchanged has one table, walked whole", test_exchanges },
	CU_TEST_INFO_NULL,
};
SUITE(registry, tests);
