/* The code lists, made from the .tsv files of schemas/codes by the Makefile. */
#include "formats/codes.h"

#include "codes.inc"
