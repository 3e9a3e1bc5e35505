/* Name of a format -> its table: for ingest, inspect, check and the tests. */
#ifndef FORMATS_REGISTRY_H
#define FORMATS_REGISTRY_H

#include "formats/codec/record.h"

extern const struct layout *const registry[]; /* ends with NULL */
const struct layout *registry_find(struct slice name);

#endif
