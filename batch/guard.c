/* The bands, by whole numbers: no rounding decides. */
#include <stdlib.h>
#include <string.h>

#include "batch/guard.h"

static struct guard_scope *
scope_of(struct guard *g, const char *key)
{
	size_t i = g->n;

	while (i > 0) {
		int cmp = memcmp(g->v[i - 1].scope, key, SEGMENT_SCOPE_SIZE);
		if (cmp == 0)
			return &g->v[i - 1];
		if (cmp < 0)
			break;
		i--;
	}
	if (g->n == g->max) {
		g->max = 2 * g->max + 64;
		g->v = text_realloc(g->v, g->max * sizeof(*g->v));
	}
	memmove(&g->v[i + 1], &g->v[i], (g->n - i) * sizeof(*g->v));
	g->n++;
	g->v[i] = (struct guard_scope) { 0 };
	memcpy(g->v[i].scope, key, SEGMENT_SCOPE_SIZE);
	return &g->v[i];
}

void
guard_row(struct guard *g, const char *key, bool written)
{
	struct guard_scope *s = scope_of(g, key);

	if (written)
		s->after++;
	else
		s->before++;
}

/* Below nothing: what was new this night moves too. */
void
guard_move(struct guard *g, const char *key, int64_t n)
{
	struct guard_scope *s = scope_of(g, key);

	s->before = s->before + n > 0 ? s->before + n : 0;
}

void
guard_take(struct guard *g, const struct guard_scope *scope)
{
	struct guard_scope *s = scope_of(g, scope->scope);

	s->before += scope->before;
	s->after += scope->after;
}

/* Whether a change of n rows is more than so many percent of them. */
static bool
beyond(int64_t n, int64_t rows, int64_t percent)
{
	int64_t change = n < 0 ? -n : n;

	return percent > 0 &&
	    change > rows / 100 * percent + rows % 100 * percent / 100;
}

/* An insurer that is new has no band; one that is gone is outside it. */
static int
judge_insurers(const struct guard *g, const struct config *c, const char *file,
    struct diag_sink *sink)
{
	int n = 0;

	for (size_t i = 0; i < g->n; i++) {
		const struct guard_scope *s = &g->v[i];
		if (s->before < c->guard_records ||
		    !beyond(s->after - s->before, s->before,
			c->guard_insurer_percent))
			continue;
		/* E or C, then 保険者コード */
		diag_file(sink, DIAG_GUARD_INSURER, file,
		    "insurer %.*s: %lld periods after %lld",
		    SEGMENT_SCOPE_SIZE - 1, s->scope + 1, (long long)s->after,
		    (long long)s->before);
		n++;
	}
	return n;
}

int
guard_judge(const struct guard *g, const struct config *c,
    const struct snapshot_set_entry *before,
    const struct snapshot_set_entry *after, struct diag_sink *sink)
{
	int n = 0;

	if (before->rows == 0)
		return 0;
	if (beyond(after->rows - before->rows, before->rows,
		c->guard_rows_percent)) {
		diag_file(sink, DIAG_GUARD_ROWS, after->file,
		    "%lld rows after %lld", (long long)after->rows,
		    (long long)before->rows);
		n++;
	}
	if (g == NULL)
		return n;
	n += judge_insurers(g, c, after->file, sink);
	if (c->guard_night_losses > 0 && g->losses > c->guard_night_losses) {
		diag_file(sink, DIAG_GUARD_LOSSES, after->file,
		    "%lld losses, limit %d", (long long)g->losses,
		    c->guard_night_losses);
		n++;
	}
	return n;
}

void
guard_free(struct guard *g)
{
	free(g->v);
	*g = (struct guard) { 0 };
}
