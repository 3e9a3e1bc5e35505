/* A job net as a picture (SVG, no script): jobs in columns by what they wait
 * for, an arrow each; window, expected minutes. */
#ifndef BATCH_NET_GRAPH_H
#define BATCH_NET_GRAPH_H

#include "batch/net_export.h"

int write_svg(FILE *out, const struct net *net, const struct export_place *at);

#endif
