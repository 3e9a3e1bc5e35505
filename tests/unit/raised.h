/*
 * Which diagnostics the suites raise: diag_raise() and diag_file() are wrapped
 * by the linker in this one program (-Wl,--wrap), counted, and handed on.
 * run -r FILE writes "code<TAB>suite" of each; tests/codes.py reads it.
 */
#ifndef TESTS_UNIT_RAISED_H
#define TESTS_UNIT_RAISED_H

#include <stdio.h>

void raised_in(const char *suite); /* what is raised from now on */
void raised_write(FILE *out);

#endif
