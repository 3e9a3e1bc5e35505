/*
 * Charts of a table of figures as SVG inside a page: line, bars, stacked bars,
 * heat map, tile map of the prefectures. Colours by the page's variables
 * (--c0.., --low, --high: Okabe and Ito's, told apart by the colour-blind);
 * every chart has a title and a description in words. Hidden figures are left
 * out and said to be.
 */
#ifndef BATCH_STATISTICS_CHART_H
#define BATCH_STATISTICS_CHART_H

#include <stdio.h>

#include "batch/figures.h"

#define CHART_KEYS_MAX 64
/* The values that occur of a table's key, in the order of its code list, else
 * of the text; "none" last. */
struct chart_keys {
	const char *v[CHART_KEYS_MAX];
	size_t n;
};
void chart_keys(const struct figures *all, enum statistics_table table, int key,
    struct chart_keys *out);
void chart_draw(
    FILE *f, const struct figures *all, enum statistics_table table);

/* Every figure of it is hidden: no chart is drawn. */
bool chart_nothing_shown(
    const struct figures *all, enum statistics_table table);

/* statistics_html.c: text between tags; 1,234. */
void html_text(FILE *f, const char *s);
void html_number(FILE *f, int64_t n);

#endif
