/* A job net as SVG. */
#include "batch/net_graph.h"

#define BOX_W 168
#define BOX_H 62
#define GAP_X 48
#define GAP_Y 26
#define MARGIN 24
#define HEAD 54

struct place {
	int column, row;
};

/* Column: one more than the last of what it waits for. Row: that of its first
 * upstream where that is free, so that a chain stays a line. */
static void
lay_out(const struct net *net, struct place *at, int *columns, int *rows)
{
	bool taken[NET_JOBS_MAX][NET_JOBS_MAX] = { { false } };

	*columns = *rows = 0;
	for (int i = 0; i < net->n; i++) {
		const struct job *job = &net->job[i];
		int row = 0;

		at[i].column = 0;
		for (int k = 0; k < job->n_after; k++)
			if (at[job->after[k]].column >= at[i].column)
				at[i].column = at[job->after[k]].column + 1;
		if (job->n_after > 0)
			row = at[job->after[job->n_after - 1]].row;
		while (taken[at[i].column][row])
			row++;
		taken[at[i].column][row] = true;
		at[i].row = row;
		if (at[i].column >= *columns)
			*columns = at[i].column + 1;
		if (row >= *rows)
			*rows = row + 1;
	}
}

/* A long chain is folded: so many columns a line. */
#define FOLD 6

static int
x_of(const struct place *p)
{
	return MARGIN + p->column % FOLD * (BOX_W + GAP_X);
}

static int
y_of(const struct place *p, int rows)
{
	return HEAD + MARGIN +
	    (p->column / FOLD * rows + p->row) * (BOX_H + GAP_Y);
}

static void
arrow(FILE *out, const struct place *from, const struct place *to, int rows,
    bool dashed)
{
	int x1 = x_of(from) + BOX_W, y1 = y_of(from, rows) + BOX_H / 2;
	int x2 = x_of(to), y2 = y_of(to, rows) + BOX_H / 2;
	int mid = y2 > y1 ? y2 - BOX_H / 2 - GAP_Y / 2 : y1;

	fputs("<path class=\"a\" d=\"", out);
	if (from->column / FOLD == to->column / FOLD)
		fprintf(out, "M%d %dC%d %d %d %d %d %d", x1, y1, x1 + GAP_X / 2,
		    y1, x2 - GAP_X / 2, y2, x2, y2);
	else /* to the next line: out at the right, in at the left */
		fprintf(out, "M%d %dh%dV%dH%dV%dH%d", x1, y1, GAP_X / 3, mid,
		    x2 - GAP_X / 3, y2, x2);
	fprintf(out, "\"%s/>\n", dashed ? " stroke-dasharray=\"5 4\"" : "");
}

static void
text(FILE *out, const char *s)
{
	for (; *s != '\0'; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			putc(*s, out);
		}
}

static void
box(FILE *out, const struct job *job, const struct place *p, int rows)
{
	int x = x_of(p), y = y_of(p, rows);
	int64_t o = job->opens / 60000 % 1440, c = job->closes / 60000 % 1440;

	fputs("<g><title>", out);
	text(out, job->reason_ja);
	fputs(" / ", out);
	text(out, job->reason);
	fprintf(out,
	    "</title><rect class=\"b%s\" x=\"%d\" y=\"%d\" width=\"%d\" "
	    "height=\"%d\" rx=\"6\"/>\n<text class=\"n\" x=\"%d\" y=\"%d\">",
	    job->alarm == ALARM_CALL ? " c" : "", x, y, BOX_W, BOX_H, x + 10,
	    y + 20);
	text(out, job->name);
	fprintf(
	    out, "</text><text class=\"s\" x=\"%d\" y=\"%d\">", x + 10, y + 37);
	text(out, job->program);
	fprintf(out,
	    "</text><text class=\"s\" x=\"%d\" y=\"%d\">%02d:%02d-%02d:%02d  "
	    "%d min</text></g>\n",
	    x + 10, y + 53, (int)(o / 60), (int)(o % 60), (int)(c / 60),
	    (int)(c % 60), job->expected_minutes);
}

int
write_svg(FILE *out, const struct net *net, const struct export_place *at)
{
	struct place place[NET_JOBS_MAX];
	int columns, rows, w, h;

	(void)at;
	lay_out(net, place, &columns, &rows);
	w = 2 * MARGIN + (columns > FOLD ? FOLD : columns) * (BOX_W + GAP_X) -
	    GAP_X;
	h = HEAD + 2 * MARGIN +
	    (columns + FOLD - 1) / FOLD * rows * (BOX_H + GAP_Y) - GAP_Y;
	fprintf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
	    "width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"%s\">\n"
	    "<style>svg{font-family:\"Noto Sans CJK JP\",\"IPAexGothic\","
	    "\"IPAPGothic\",sans-serif;background:#fff}.b{fill:#f4f7fb;"
	    "stroke:#5b6b7f}.b.c{stroke-width:2.5}.a{fill:none;stroke:#5b6b7f;"
	    "stroke-width:1.5;marker-end:url(#m)}.t{font-size:18px}.n{font-size:"
	    "14px;font-weight:600}.s{font-size:11px;fill:#333}</style>\n"
	    "<defs><marker id=\"m\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" "
	    "markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path "
	    "d=\"M0 0L8 4L0 8z\" fill=\"#5b6b7f\"/></marker></defs>\n"
	    "<text class=\"t\" x=\"%d\" y=\"34\">",
	    w, h, w, h, net->name, MARGIN);
	text(out, net->title_ja);
	fputs("  /  ", out);
	text(out, net->title);
	fputs("</text>\n", out);
	for (int i = 0; i < net->n; i++)
		for (int k = 0; k < net->job[i].n_after; k++)
			arrow(out, &place[net->job[i].after[k]], &place[i],
			    rows, net->job[i].always);
	for (int i = 0; i < net->n; i++)
		box(out, &net->job[i], &place[i], rows);
	fputs("</svg>\n", out);
	return ferror(out) ? -1 : 0;
}
