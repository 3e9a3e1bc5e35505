/* Uploads that wait for an operator's word, as status and the story of the
 * night name them. */
#include <stdio.h>
#include <string.h>

#include "batch/ledger.h"
#include "batch/status.h"
#include "formats/codec/day.h"

struct waiting {
	const char *config;
	void (*each)(void *arg, const char *text);
	void *arg;
	char last[64];
};

static int
name_upload(void *arg, const struct ledger_hold *h)
{
	struct waiting *w = arg;
	char stem[64], since[11], text[900];
	int code = diag_find(slice_of(h->code));

	filename_format(&h->id, "", stem);
	if (strcmp(stem, w->last) == 0 || code == -1)
		return 0; /* by its first reason */
	memcpy(w->last, stem, sizeof(stem));
	day_format_iso(h->since, since);
	snprintf(text, sizeof(text),
	    "held since %s: %s: %s %s (%s); ask its sender, then shikaku-ingest -c %s "
	    "--release %s --why TEXT, or --refuse / 保留中: %s",
	    since, stem, h->code, diag_table[code].en, h->detail, w->config,
	    stem, diag_table[code].ja);
	w->each(w->arg, text);
	return 0;
}

int
status_holds(struct ledger *l, const char *config,
    void (*each)(void *arg, const char *text), void *arg)
{
	struct waiting w = { .config = config, .each = each, .arg = arg };

	return ledger_holds(l, NULL, name_upload, &w);
}
