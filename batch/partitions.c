/* Which CRL of each partition is in force after this night. */
#include "batch/partitions.h"

#include <stdlib.h>
#include <string.h>

static struct partition *
partition_find(const struct partitions *p, const struct chain_crl *crl)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].crl.partition, crl->partition) == 0 &&
		    strcmp(p->v[i].crl.ca, crl->ca) == 0)
			return &p->v[i];
	return NULL;
}

static struct partition *
partition_new(struct partitions *p)
{
	if (p->n == p->max) {
		p->max = p->max == 0 ? 64 : p->max * 2;
		p->v = text_realloc(p->v, p->max * sizeof(*p->v));
	}
	p->v[p->n] = (struct partition) { .old = -1 };
	return &p->v[p->n++];
}

static struct slice
line_next(struct slice *rest)
{
	const char *lf = memchr(rest->p, '\n', rest->n);
	size_t n = lf != NULL ? (size_t)(lf - rest->p) : rest->n;
	struct slice line = { rest->p, n };

	rest->p += lf != NULL ? n + 1 : n;
	rest->n -= lf != NULL ? n + 1 : n;
	return line;
}

static int
copy(char *out, size_t size, struct slice s)
{
	if (s.n == 0 || s.n >= size)
		return -1;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

int
partitions_keep(struct partitions *p, int64_t number, struct slice payload)
{
	struct partition *new = partition_new(p);
	struct chain_crl *crl = &new->crl;
	int bad = 0;

	new->old = number;
	bad |= copy(crl->ca, sizeof(crl->ca), line_next(&payload));
	bad |=
	    copy(crl->partition, sizeof(crl->partition), line_next(&payload));
	bad |= copy(crl->number, sizeof(crl->number), line_next(&payload));
	crl->this_update = slice_number(line_next(&payload));
	crl->next_update = slice_number(line_next(&payload));
	if (bad == 0 && crl->this_update >= 0 && crl->next_update >= 0)
		return 0;
	p->n--;
	return -1;
}

int
partitions_number_cmp(const char *a, const char *b)
{
	size_t na, nb;

	a += strspn(a, "0");
	b += strspn(b, "0");
	na = strlen(a);
	nb = strlen(b);
	if (na != nb)
		return na < nb ? -1 : 1;
	return strcasecmp(a, b);
}

enum partition_verdict
partitions_offer(
    struct partitions *p, const struct chain_crl *crl, const char *path)
{
	struct partition *old = partition_find(p, crl);
	int number;

	if (old == NULL) {
		old = partition_new(p);
	} else {
		number = partitions_number_cmp(crl->number, old->crl.number);
		if (number == 0 && crl->this_update == old->crl.this_update &&
		    crl->next_update == old->crl.next_update)
			return PARTITION_SAME;
		if (number <= 0 || crl->this_update <= old->crl.this_update)
			return PARTITION_OLDER;
	}
	free(old->path);
	old->crl = *crl;
	old->old = -1;
	old->path = text_dup(slice_of(path));
	return PARTITION_NEW;
}

static int
partition_cmp(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;
	int c = strcmp(x->crl.ca, y->crl.ca);

	return c != 0 ? c : strcmp(x->crl.partition, y->crl.partition);
}

void
partitions_order(struct partitions *p)
{
	if (p->n > 1)
		qsort(p->v, p->n, sizeof(*p->v), partition_cmp);
}

void
partitions_free(struct partitions *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].path);
	free(p->v);
	*p = (struct partitions) { 0 };
}
