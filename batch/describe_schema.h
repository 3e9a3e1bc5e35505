/* The papers for programs and for man(1): describe.c's other half. */
#ifndef BATCH_DESCRIBE_SCHEMA_H
#define BATCH_DESCRIBE_SCHEMA_H

#include "batch/describe.h"

void describe_yaml(const struct exchange *e, FILE *out);
void describe_xsd(const struct exchange *e, FILE *out);
void describe_man(const struct exchange *e, FILE *out);

#endif
