/*
 * Hiding small figures, and more until none can be computed back.
 *
 * Cells of a table that share a value of a key form a group; groups of one
 * family, key and value have the same sum, so they are linked. Three audits,
 * each hides further figures until it is content:
 *
 *  groups     where a sum is known: two hidden at least, and room for each
 *  ranges     bounds handed on from group to group
 *  equations  all of them at once: elimination modulo a prime; a hidden
 *             figure alone in its row would be determined
 */
#include <stdlib.h>
#include <string.h>

#include "batch/figures.h"
#include "formats/codec/text.h"

#define ANY DIM__MAX /* the total */
#define PRIME UINT64_C(2147483647)

struct member {
	enum statistics_family family;
	enum statistics_dim dim;
	char value[FIGURE_KEY];
	enum statistics_table table;
	size_t cell;
};
struct span {
	size_t from, to;
};
struct hide {
	struct figures *f;
	int64_t below;
	struct member *m;
	size_t n, max;
	struct span *link; /* in m: same family, dim, value */
	size_t links;
	struct span *group; /* in m: and same table */
	size_t groups;
	struct span *groups_of; /* of a link: in group */
	int64_t *low, *high; /* of a cell */
	size_t hidden;
};

static void
member_add(
    struct hide *h, size_t cell, enum statistics_dim dim, const char *value)
{
	struct member *m;

	if (h->n == h->max) {
		h->max = h->max == 0 ? 4096 : h->max * 2;
		h->m = text_realloc(h->m, h->max * sizeof(*h->m));
	}
	m = &h->m[h->n++];
	memset(m, 0, sizeof(*m));
	m->table = h->f->v[cell].table;
	m->family = statistics_tables[m->table].family;
	m->dim = dim;
	m->cell = cell;
	snprintf(m->value, sizeof(m->value), "%s", value);
}

static int
link_cmp(const struct member *x, const struct member *y)
{
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->dim != y->dim)
		return x->dim < y->dim ? -1 : 1;
	return strcmp(x->value, y->value);
}

static int
member_cmp(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int by = link_cmp(x, y);

	if (by != 0)
		return by;
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static void
make_members(struct hide *h, figures_follow_fn *follow, void *arg)
{
	char out[FIGURE_KEY];

	for (size_t i = 0; i < h->f->n; i++) {
		const struct figure *x = &h->f->v[i];

		member_add(h, i, ANY, "");
		for (int k = 0; k < 2; k++) {
			enum statistics_dim d =
			    statistics_tables[x->table].dim[k];

			if (d == DIM_NONE)
				continue;
			member_add(h, i, d, x->key[k]);
			for (const enum statistics_dim *w =
				 statistics_follows[d];
			     *w != DIM_NONE; w++) {
				follow(arg, d, x->key[k], *w, out);
				member_add(h, i, *w, out);
			}
		}
	}
	qsort(h->m, h->n, sizeof(*h->m), member_cmp);
}

static void
make_groups(struct hide *h)
{
	h->link = text_alloc((h->n + 1) * sizeof(*h->link));
	h->group = text_alloc((h->n + 1) * sizeof(*h->group));
	h->groups_of = text_alloc((h->n + 1) * sizeof(*h->groups_of));
	for (size_t i = 0; i < h->n; i++) {
		bool link = i == 0 || link_cmp(&h->m[i - 1], &h->m[i]) != 0;

		if (link) {
			h->link[h->links] = (struct span) { i, i };
			h->groups_of[h->links++] =
			    (struct span) { h->groups, h->groups };
		}
		if (link || h->m[i - 1].table != h->m[i].table) {
			h->group[h->groups++] = (struct span) { i, i };
			h->groups_of[h->links - 1].to = h->groups;
		}
		h->link[h->links - 1].to = h->group[h->groups - 1].to = i + 1;
	}
}

static struct figure *
cell(const struct hide *h, size_t member)
{
	return &h->f->v[h->m[member].cell];
}

/* Hidden ones of a group; their sum. */
static size_t
hidden_of(const struct hide *h, const struct span *g, int64_t *sum)
{
	size_t n = 0;

	*sum = 0;
	for (size_t i = g->from; i < g->to; i++)
		if (cell(h, i)->hidden) {
			*sum += cell(h, i)->value;
			n++;
		}
	return n;
}

/* A group without a hidden one tells the sum of all its link; NULL: none. */
static const struct span *
teller(const struct hide *h, size_t link)
{
	int64_t sum;

	for (size_t g = h->groups_of[link].from; g < h->groups_of[link].to; g++)
		if (hidden_of(h, &h->group[g], &sum) == 0)
			return &h->group[g];
	return NULL;
}

/* Hides the smallest one shown in a group; false: none is left. */
static bool
hide_smallest(struct hide *h, const struct span *g)
{
	struct figure *best = NULL;

	for (size_t i = g->from; i < g->to; i++) {
		struct figure *x = cell(h, i);

		if (!x->hidden && (best == NULL || x->value < best->value))
			best = x;
	}
	if (best == NULL)
		return false;
	best->hidden = true;
	h->hidden++;
	return true;
}

/* One more in the group, or in a group that tells its sum. */
static bool
hide_more(struct hide *h, size_t link, const struct span *g)
{
	const struct span *t;

	if (hide_smallest(h, g))
		return true;
	t = teller(h, link);
	return t != NULL && hide_smallest(h, t);
}

static bool
audit_groups(struct hide *h)
{
	bool content = true;
	int64_t sum;

	for (size_t l = 0; l < h->links; l++) {
		const struct span *of = &h->groups_of[l];

		for (size_t g = of->from; g < of->to; g++) {
			size_t n = hidden_of(h, &h->group[g], &sum);

			while (n > 0 && teller(h, l) != NULL &&
			    (n < 2 || sum < (int64_t)n + h->below - 1)) {
				if (!hide_more(h, l, &h->group[g]))
					break;
				content = false;
				n = hidden_of(h, &h->group[g], &sum);
			}
		}
	}
	return content;
}

/* Narrows the bounds of a group's hidden cells; sum lies in low..high. */
static bool
narrow(struct hide *h, const struct span *g, int64_t low, int64_t high)
{
	int64_t lows = 0, highs = 0;
	bool moved = false;

	for (size_t i = g->from; i < g->to; i++)
		if (cell(h, i)->hidden) {
			lows += h->low[h->m[i].cell];
			highs += h->high[h->m[i].cell];
		}
	for (size_t i = g->from; i < g->to; i++) {
		size_t c = h->m[i].cell;
		int64_t to = high - (lows - h->low[c]);
		int64_t from = low - (highs - h->high[c]);

		if (!h->f->v[c].hidden)
			continue;
		if (to < h->high[c]) {
			highs -= h->high[c] - to;
			h->high[c] = to;
			moved = true;
		}
		if (from > h->low[c]) {
			lows += from - h->low[c];
			h->low[c] = from;
			moved = true;
		}
	}
	return moved;
}

/* What the sum of a group lies between, by its own cells. */
static void
bounds(const struct hide *h, const struct span *g, int64_t *low, int64_t *high)
{
	*low = *high = 0;
	for (size_t i = g->from; i < g->to; i++) {
		const struct figure *x = cell(h, i);

		*low += x->hidden ? h->low[h->m[i].cell] : x->value;
		*high += x->hidden ? h->high[h->m[i].cell] : x->value;
	}
}

static bool
narrow_link(struct hide *h, size_t link)
{
	const struct span *of = &h->groups_of[link];
	int64_t low = 0, high = INT64_MAX / 4, a, b, shown;
	bool moved = false;

	for (size_t g = of->from; g < of->to; g++) {
		bounds(h, &h->group[g], &a, &b);
		if (a > low)
			low = a;
		if (b < high)
			high = b;
	}
	for (size_t g = of->from; g < of->to; g++) {
		shown = 0;
		for (size_t i = h->group[g].from; i < h->group[g].to; i++)
			if (!cell(h, i)->hidden)
				shown += cell(h, i)->value;
		if (narrow(h, &h->group[g], low - shown, high - shown))
			moved = true;
	}
	return moved;
}

#define HIGHEST (INT64_C(1) << 40) /* more than there are questions */
#define ROUNDS 200

/* Hides one more for every cell marked; false: nothing to mark. */
static bool
mend(struct hide *h, const bool *marked)
{
	bool any = false;

	for (size_t l = 0; l < h->links; l++)
		for (size_t g = h->groups_of[l].from; g < h->groups_of[l].to;
		     g++) {
			bool in = false;

			for (size_t i = h->group[g].from; i < h->group[g].to;
			     i++)
				in |= marked[h->m[i].cell];
			if (in && teller(h, l) != NULL)
				any |= hide_more(h, l, &h->group[g]);
		}
	/* no sum is told: a figure shown elsewhere in the link gives it away */
	for (size_t l = 0; l < h->links && !any; l++)
		for (size_t i = h->link[l].from; i < h->link[l].to && !any; i++)
			if (marked[h->m[i].cell])
				any |= hide_smallest(h, &h->link[l]);
	return any;
}

static bool
audit_ranges(struct hide *h)
{
	bool *marked = text_alloc(h->f->n), moved = true, content = true;

	for (size_t i = 0; i < h->f->n; i++) {
		h->low[i] = 1;
		h->high[i] = HIGHEST;
	}
	for (int round = 0; moved && round < ROUNDS; round++) {
		moved = false;
		for (size_t l = 0; l < h->links; l++)
			moved |= narrow_link(h, l);
	}
	for (size_t i = 0; i < h->f->n; i++)
		if (h->f->v[i].hidden &&
		    h->high[i] - h->low[i] < h->below - 1) {
			marked[i] = true;
			content = false;
		}
	if (!content)
		content = !mend(h, marked);
	free(marked);
	return content;
}

/* ---- equations ---- */

static uint64_t
power(uint64_t x, uint64_t e)
{
	uint64_t y = 1;

	for (; e > 0; e >>= 1, x = x * x % PRIME)
		if (e & 1)
			y = y * x % PRIME;
	return y;
}

struct matrix {
	uint32_t *v;
	size_t rows, columns;
};

/* Reduced row echelon form. */
static void
reduce(struct matrix *a)
{
	size_t done = 0, n = a->columns;

	for (size_t c = 0; c < n && done < a->rows; c++) {
		size_t p = done;
		uint64_t inverse;

		while (p < a->rows && a->v[p * n + c] == 0)
			p++;
		if (p == a->rows)
			continue;
		for (size_t k = 0; k < n && p != done; k++) {
			uint32_t swap = a->v[p * n + k];

			a->v[p * n + k] = a->v[done * n + k];
			a->v[done * n + k] = swap;
		}
		inverse = power(a->v[done * n + c], PRIME - 2);
		for (size_t k = c; k < n; k++)
			a->v[done * n + k] =
			    (uint32_t)(a->v[done * n + k] * inverse % PRIME);
		for (size_t r = 0; r < a->rows; r++) {
			uint64_t by = r == done ? 0 : a->v[r * n + c];

			for (size_t k = c; k < n && by != 0; k++)
				a->v[r * n + k] =
				    (uint32_t)((a->v[r * n + k] +
						   (PRIME - by) *
						       a->v[done * n + k]) %
					PRIME);
		}
		done++;
	}
	a->rows = done;
}

struct column {
	uint64_t name; /* of the groups it is in */
	size_t cell;
};

static int
column_cmp(const void *a, const void *b)
{
	const struct column *x = a, *y = b;

	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Hidden cells that are in the same groups cannot be told apart: one column
 * for all of them. place[cell]: its column; alone[column]: it is one cell, +1.
 */
static size_t
make_columns(const struct hide *h, size_t *place, size_t *alone)
{
	struct column *c = text_alloc((h->f->n + 1) * sizeof(*c));
	uint64_t *name = text_alloc((h->f->n + 1) * sizeof(*name));
	size_t n = 0, columns = 0;

	for (size_t g = 0; g < h->groups; g++)
		for (size_t i = h->group[g].from; i < h->group[g].to; i++)
			name[h->m[i].cell] += mix(g + 1);
	for (size_t i = 0; i < h->f->n; i++)
		if (h->f->v[i].hidden)
			c[n++] = (struct column) { name[i], i };
	if (n > 1)
		qsort(c, n, sizeof(*c), column_cmp);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && c[i].name == c[i - 1].name) {
			alone[columns - 1] = 0;
		} else {
			alone[columns++] = c[i].cell + 1;
		}
		place[c[i].cell] = columns - 1;
	}
	free(c);
	free(name);
	return columns;
}

static bool
put_group(const struct hide *h, const struct span *g, const size_t *place,
    uint32_t *row, uint32_t sign)
{
	bool any = false;

	for (size_t i = g->from; i < g->to; i++)
		if (cell(h, i)->hidden) {
			uint32_t *x = &row[place[h->m[i].cell]];

			*x = (uint32_t)((*x + (uint64_t)sign) % PRIME);
			any = true;
		}
	return any;
}

static void
make_rows(const struct hide *h, const size_t *place, struct matrix *a)
{
	for (size_t l = 0; l < h->links; l++) {
		const struct span *of = &h->groups_of[l];
		bool told = teller(h, l) != NULL;

		for (size_t g = told ? of->from : of->from + 1; g < of->to;
		     g++) {
			uint32_t *row = a->v + a->rows * a->columns;
			bool any = put_group(h, &h->group[g], place, row, 1);

			if (any && !told)
				put_group(h, &h->group[of->from], place, row,
				    (uint32_t)PRIME - 1);
			if (any)
				a->rows++;
		}
	}
}

static bool
audit_equations(struct hide *h)
{
	size_t *place = text_alloc((h->f->n + 1) * sizeof(*place));
	size_t *alone = text_alloc((h->f->n + 1) * sizeof(*alone));
	bool *marked = text_alloc(h->f->n + 1), content = true;
	struct matrix a = { .columns = make_columns(h, place, alone) };

	a.v = text_alloc((h->groups * a.columns + 1) * sizeof(*a.v));
	make_rows(h, place, &a);
	reduce(&a);
	for (size_t r = 0; r < a.rows; r++) {
		size_t others = 0, first = 0;

		for (size_t k = a.columns; k-- > 0;)
			if (a.v[r * a.columns + k] != 0) {
				others++;
				first = k;
			}
		if (others == 1 && alone[first] != 0) {
			marked[alone[first] - 1] = true;
			content = false;
		}
	}
	if (!content)
		content = !mend(h, marked);
	free(a.v);
	free(place);
	free(alone);
	free(marked);
	return content;
}

size_t
figures_hide(struct figures *f, int below, figures_follow_fn *follow, void *arg)
{
	struct hide h = { .f = f, .below = below };

	if (below <= 0 || f->n == 0)
		return 0;
	for (size_t i = 0; i < f->n; i++)
		if (statistics_tables[f->v[i].table].small &&
		    f->v[i].value < below) {
			f->v[i].hidden = true;
			h.hidden++;
		}
	make_members(&h, follow, arg);
	make_groups(&h);
	h.low = text_alloc(f->n * sizeof(*h.low));
	h.high = text_alloc(f->n * sizeof(*h.high));
	while (h.hidden > 0 &&
	    (!audit_groups(&h) || !audit_ranges(&h) || !audit_equations(&h)))
		;
	free(h.m);
	free(h.link);
	free(h.group);
	free(h.groups_of);
	free(h.low);
	free(h.high);
	return h.hidden;
}
