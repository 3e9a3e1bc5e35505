/* Figures, sorted. */
#include "batch/figures.h"

#include <stdlib.h>
#include <string.h>

#include "formats/codec/text.h"

void
figures_free(struct figures *f)
{
	free(f->v);
	*f = (struct figures) { 0 };
}

void
figures_add(struct figures *f, enum statistics_table table, const char *key1,
    const char *key2, int64_t value)
{
	struct figure *x;

	if (value == 0 && statistics_tables[table].dim[0] != DIM_NONE)
		return;
	if (f->n == f->max) {
		f->max = f->max == 0 ? 1024 : f->max * 2;
		f->v = text_realloc(f->v, f->max * sizeof(*f->v));
	}
	x = &f->v[f->n++];
	memset(x, 0, sizeof(*x));
	x->table = table;
	x->value = value;
	snprintf(x->key[0], FIGURE_KEY, "%s", key1);
	snprintf(x->key[1], FIGURE_KEY, "%s", key2);
}

static int
figure_cmp(const void *a, const void *b)
{
	const struct figure *x = a, *y = b;
	int by;

	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	by = strcmp(x->key[0], y->key[0]);
	return by != 0 ? by : strcmp(x->key[1], y->key[1]);
}

void
figures_settle(struct figures *f)
{
	size_t n = 0;

	if (f->n == 0)
		return;
	qsort(f->v, f->n, sizeof(*f->v), figure_cmp);
	for (size_t i = 1; i < f->n; i++)
		if (figure_cmp(&f->v[n], &f->v[i]) == 0)
			f->v[n].value += f->v[i].value;
		else
			f->v[++n] = f->v[i];
	f->n = n + 1;
}

const struct figure *
figures_find(const struct figures *f, enum statistics_table table,
    const char *key1, const char *key2)
{
	struct figure x = { .table = table };

	snprintf(x.key[0], FIGURE_KEY, "%s", key1);
	snprintf(x.key[1], FIGURE_KEY, "%s", key2);
	return f->n == 0 ? NULL :
			   bsearch(&x, f->v, f->n, sizeof(*f->v), figure_cmp);
}

size_t
figures_of(const struct figures *f, enum statistics_table table,
    const struct figure **v)
{
	size_t from = 0, n = 0;

	while (from < f->n && f->v[from].table < table)
		from++;
	while (from + n < f->n && f->v[from + n].table == table)
		n++;
	*v = f->v == NULL ? NULL : f->v + from;
	return n;
}
