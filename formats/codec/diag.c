/* The catalogue as a table, and three places diagnostics go to. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "formats/codec/diag.h"

/* clang-format off */
const struct diag_entry diag_table[DIAG__MAX] = {
#define DIAG(symbol, level, code, en, ja, mend_en, mend_ja) \
	[DIAG_##symbol] = { #symbol, DIAG_##level, code, en, ja, mend_en, mend_ja },
#include "formats/codec/diag.def"
#undef DIAG
};
/* clang-format on */

static const char *const level_names[] = {
	[DIAG_NOTE] = "note",
	[DIAG_WARNING] = "warning",
	[DIAG_ERROR] = "error",
	[DIAG_FATAL] = "fatal",
};

int
diag_find(struct slice code)
{
	for (int i = 0; i < DIAG__MAX; i++)
		if (slice_is(code, diag_table[i].code))
			return i;
	return -1;
}

void
diag_raise(struct diag_sink *sink, const struct diag *d)
{
	sink->counts[d->code]++;
	sink->levels[diag_table[d->code].level]++;
	if (sink->put != NULL)
		sink->put(sink, d);
}

void
diag_file(struct diag_sink *sink, enum diag_code code, const char *file,
    const char *fmt, ...)
{
	char detail[512] = "";
	struct diag d = { .code = code, .file = file, .offset = -1 };
	va_list ap;

	if (fmt != NULL) {
		va_start(ap, fmt);
		vsnprintf(detail, sizeof(detail), fmt, ap);
		va_end(ap);
		d.detail = detail;
	}
	diag_raise(sink, &d);
}

/* A name from outside must not draw on the operator's terminal. */
static void
put_clean(FILE *out, const char *s)
{
	for (; *s != '\0'; s++)
		putc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, out);
}

static void
log_put(struct diag_sink *sink, const struct diag *d)
{
	struct diag_log *log = (struct diag_log *)sink;
	const struct diag_entry *e = &diag_table[d->code];

	fprintf(log->out, "shikaku-%s: ", log->program);
	if (d->file != NULL) {
		put_clean(log->out, d->file);
		if (d->line > 0)
			fprintf(log->out, ":%lld", (long long)d->line);
		if (d->line > 0 && d->column > 0)
			fprintf(log->out, ":%d", d->column);
		if (d->line <= 0 && d->record > 0)
			fprintf(log->out, " record %lld", (long long)d->record);
		fputs(": ", log->out);
	}
	fprintf(log->out, "%s %s", level_names[e->level], e->code);
	if (d->field != NULL) {
		putc(' ', log->out);
		put_clean(log->out, d->field);
	}
	fprintf(log->out, ": %s", e->en);
	if (d->detail != NULL && d->detail[0] != '\0') {
		fputs(" (", log->out);
		put_clean(log->out, d->detail);
		putc(')', log->out);
	}
	putc('\n', log->out);
}

void
diag_log_init(struct diag_log *log, const char *program, FILE *out)
{
	memset(log, 0, sizeof(*log));
	log->sink.put = log_put;
	log->program = program;
	log->out = out;
}

/* A copy of s; that of the entry before where it is the same text, which
 * file and field mostly are. */
static const char *
keep(const char *s, const char *before)
{
	if (s == NULL)
		return NULL;
	if (before != NULL && strcmp(s, before) == 0)
		return before;
	return text_dup(slice_of(s));
}

static void
list_put(struct diag_sink *sink, const struct diag *d)
{
	static const struct diag none;
	struct diag_list *l = (struct diag_list *)sink;
	const struct diag *last = l->n > 0 ? &l->v[l->n - 1] : &none;
	struct diag copy = *d;

	if (l->next != NULL && diag_table[d->code].level >= l->pass)
		diag_raise(l->next, d);
	if (l->n == l->max) {
		l->dropped++;
		return;
	}
	copy.file = keep(d->file, last->file);
	copy.field = keep(d->field, last->field);
	copy.detail = keep(d->detail, last->detail);
	if ((l->n & (l->n - 1)) == 0) /* a power of two: twice the room */
		l->v = text_realloc(
		    l->v, (l->n > 0 ? 2 * l->n : 1) * sizeof(*l->v));
	l->v[l->n++] = copy;
}

void
diag_list_init(struct diag_list *l, size_t max, struct diag_sink *next,
    enum diag_level pass)
{
	memset(l, 0, sizeof(*l));
	l->sink.put = list_put;
	l->max = max;
	l->next = next;
	l->pass = pass;
}

static void
drop(const char *s, const char *after)
{
	union {
		const char *c;
		char *p;
	} u = { s };

	if (s != after)
		free(u.p);
}

void
diag_list_free(struct diag_list *l)
{
	static const struct diag none;

	for (size_t i = 0; i < l->n; i++) {
		const struct diag *after = i + 1 < l->n ? &l->v[i + 1] : &none;

		drop(l->v[i].file, after->file);
		drop(l->v[i].field, after->field);
		drop(l->v[i].detail, after->detail);
	}
	free(l->v);
	l->v = NULL;
	l->n = 0;
}

void
diag_list_clear(struct diag_list *l)
{
	diag_list_free(l);
	l->dropped = 0;
	memset(l->sink.counts, 0, sizeof(l->sink.counts));
	memset(l->sink.levels, 0, sizeof(l->sink.levels));
}
