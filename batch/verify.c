/*
 * shikaku-verify: what an auditor asks of a usage folder, alone: is every
 * line of the journals the one that was written, and does the bill follow
 * from them (利用実績の検証).
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "batch/run.h"
#include "batch/verify.h"

struct audit {
	struct run run;
	struct verify v;
	bool snapshots; /* --snapshots: these, not the journals */
	const char *ca, *crl; /* -t, -r: instead of a site */
	const char *tsa; /* -s */
	char journals[512], usage[512], sets[512];
	char signer[128];
};

int
verify_bad(struct verify *v, enum diag_code code, const char *file,
    int64_t line, const char *why)
{
	struct diag d = { .code = code,
		.file = file,
		.line = line,
		.offset = -1,
		.detail = why };

	v->bad++;
	diag_raise(v->sink, &d);
	return -1;
}

enum { SNAPSHOTS = 256 };
static const struct run_long longs[] = {
	{ "snapshots", SNAPSHOTS, false },
	{ NULL, 0, false },
};

static int
option(void *arg, int letter, const char *value)
{
	struct audit *a = arg;

	if (letter == 't')
		a->ca = value;
	else if (letter == SNAPSHOTS)
		a->snapshots = true;
	else if (letter == 'r')
		a->crl = value;
	else if (letter == 's')
		a->tsa = value;
	else
		return -1;
	return 0;
}

static void
progress(void *arg, int64_t lines)
{
	run_progress(arg, "verify", lines, 0);
}

/* Where things are, by the site or by what was given. -1: raised. */
static int
place(struct audit *a)
{
	const struct config *c = a->run.config;
	const char *root;

	if (c != NULL) {
		root = c->qualification_root;
		a->ca = c->site_ca;
		a->crl = *c->site_crl == '\0' ? NULL : c->site_crl;
		a->tsa = *c->tsa_ca == '\0' ? a->tsa : c->tsa_ca;
		if (verify_name(c->publish_cert, a->signer) == 0)
			a->v.signer = a->signer;
		else {
			diag_file(a->v.sink, DIAG_KEY_UNREADABLE,
			    c->publish_cert, NULL);
			return -1;
		}
	} else
		root = a->run.argv[0];
	if (*root == '\0' || strlen(root) > sizeof(a->usage) - 16) {
		diag_file(a->v.sink, DIAG_CONFIG, a->run.config_path,
		    "qualification.root is empty or too long");
		return -1;
	}
	snprintf(a->journals, sizeof(a->journals), "%s/journal", root);
	snprintf(a->sets, sizeof(a->sets), "%s/snapshots", root);
	snprintf(a->usage, sizeof(a->usage), "%s/out/usage", root);
	a->v.journals = a->journals;
	a->v.usage = a->usage;
	a->v.tsa = a->tsa;
	a->v.trust = verify_trust_open(a->ca, a->crl, a->v.sink);
	return a->v.trust == NULL ? -1 : 0;
}

/* What no head has taken yet is proved as far as it can be: by its chain. */
static void
open_lines(struct verify *v)
{
	DIR *d = opendir(v->journals);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct verify_journal *j = verify_journal_of(v, e->d_name);
		int64_t before;

		if (j == NULL)
			continue;
		before = j->lines;
		verify_journal(v, j, -1, NULL, NULL);
		v->open += j->lines - before;
	}
	if (d != NULL)
		closedir(d);
}

static void
audit(struct audit *a)
{
	struct verify *v = &a->v;

	if (a->snapshots)
		verify_snapshots(v, a->sets);
	else
		verify_heads(v);
	for (size_t i = 0; i < v->heads && !run_stopped(); i++)
		verify_bill(v, &v->head[i]);
	if (!run_stopped() && !a->snapshots)
		verify_months(v);
	if (!run_stopped() && !a->snapshots)
		open_lines(v);
	if (run_stopped())
		run_worst(&a->run, EXIT_STOPPED);
	else if (v->bad > 0)
		run_worst(&a->run, EXIT_INTEGRITY);
	else if (v->heads == 0 && v->lines == 0)
		run_worst(&a->run, EXIT_NOTHING);
	a->run.read = a->run.accepted = v->lines;
	a->run.files = (int64_t)v->heads;
	run_note(&a->run, "records", v->records);
	run_note(&a->run, "months", v->months);
	if (v->tsa != NULL)
		run_note(&a->run, "stamps", v->stamps);
	run_note(&a->run, "open", v->open);
	run_note(&a->run, "faults", v->bad);
}

int
main(int argc, char **argv)
{
	static struct audit a;
	struct run_options extra = {
		.operands = true,
		.no_config = true,
		.letters = "t:r:s:",
		.longs = longs,
		.option = option,
		.arg = &a,
		.usage =
		    "shikaku-verify [--snapshots] -c SITE.yaml\n"
		    "       shikaku-verify [--snapshots] -t CA.pem [-r CRL.pem] "
		    "[-s TSA.pem] FOLDER\n"
		    "  --snapshots  prove the snapshot sets instead\n"
		    "  -c FILE  the site whose journals and usage files are "
		    "to be proved\n"
		    "  -t FILE  anchors of the signatures, for a copy in "
		    "FOLDER\n"
		    "  -r FILE  their revocation list\n"
		    "  -s FILE  anchors of the time stamps\n"
		    "  FOLDER   holds journal/ and out/usage/\n",
	};

	if (run_begin(&a.run, "verify", argc, argv, &extra) == -1)
		return run_end(&a.run);
	a.v.sink = &a.run.log.sink;
	a.v.stopped = run_stopped;
	a.v.progress = progress;
	a.v.arg = &a.run;
	if (a.run.config == NULL ? a.ca == NULL || a.run.argc != 1 :
				   a.ca != NULL || a.run.argc != 0) {
		fputs("shikaku-verify: name a site by -c, or -t CA.pem and a "
		      "FOLDER (-h: help)\n",
		    stderr);
		run_worst(&a.run, EXIT_BAD_USAGE);
	} else if (place(&a) == -1)
		run_worst(&a.run, EXIT_CONFIG);
	else
		audit(&a);
	verify_heads_free(&a.v);
	verify_trust_free(a.v.trust);
	return run_end(&a.run);
}
