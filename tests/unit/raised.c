#include "tests/unit/raised.h"

#include <stdarg.h>

#include "formats/codec/diag.h"

static const char *suite, *raised[DIAG__MAX];

void __real_diag_raise(struct diag_sink *sink, const struct diag *d);
void __wrap_diag_raise(struct diag_sink *sink, const struct diag *d);
void __real_diag_file(struct diag_sink *sink, enum diag_code code,
    const char *file, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void __wrap_diag_file(struct diag_sink *sink, enum diag_code code,
    const char *file, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void
raised_in(const char *name)
{
	suite = name;
}

void
raised_write(FILE *out)
{
	for (int i = 0; i < DIAG__MAX; i++)
		if (raised[i] != NULL)
			fprintf(out, "%s\t%s\n", diag_table[i].code, raised[i]);
}

void
__wrap_diag_raise(struct diag_sink *sink, const struct diag *d)
{
	if (raised[d->code] == NULL)
		raised[d->code] = suite;
	__real_diag_raise(sink, d);
}

void
__wrap_diag_file(struct diag_sink *sink, enum diag_code code, const char *file,
    const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	if (raised[code] == NULL)
		raised[code] = suite;
	if (fmt == NULL) {
		__real_diag_file(sink, code, file, NULL);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	__real_diag_file(sink, code, file, "%s", text);
}
