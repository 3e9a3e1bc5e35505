/*
 * What has to hold across the fields of one period of cover, clause by
 * clause, for the two tables that hold one: the qualification record and the
 * person record of municipal NHI. For those two tables only.
 */
#ifndef FORMATS_PERIOD_H
#define FORMATS_PERIOD_H

#include "formats/codec/record.h"

extern const struct rule period_rules[];

#endif
