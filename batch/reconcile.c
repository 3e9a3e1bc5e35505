/*
 * shikaku-reconcile: is an upload in force as it was sent, insurer by insurer;
 * and the sign-off of it by an operator, who takes an insurer in with its first
 * load (初期移行). Without an upload: which insurers have been signed for.
 * Nothing published depends on it: a signature says who looked, and at what.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch/partners.h"
#include "batch/publish.h"
#include "batch/reconcile.h"
#include "batch/spool.h"
#include "formats/codec/day.h"

enum { SIGN = 256, WHY };

struct job {
	struct run run;
	struct diag_sink *sink;
	bool sign;
	const char *why;
	struct chain *trust;
	struct ledger *ledger;
	struct snapshot_set set;
	struct reconcile r;
	struct filename id;
	struct ledger_file file; /* as the intermediate side counted it */
	bool counted;
	int64_t difference;
	struct ledger_signoff *signed_; /* of all uploads, by scope */
	size_t n;
};

static const struct run_long longs[] = {
	{ "sign", SIGN, false },
	{ "why", WHY, true },
	{ NULL, 0, false },
};

static int
option(void *arg, int letter, const char *value)
{
	struct job *j = arg;

	if (letter == SIGN)
		j->sign = true;
	else
		j->why = value;
	return letter == WHY &&
		(value[0] == '\0' || strlen(value) >= LEDGER_WHY_MAX) ?
	    -1 :
	    0;
}

static int
load_signed(void *arg, const struct ledger_signoff *s)
{
	struct job *j = arg;

	if (j->n % 64 == 0)
		j->signed_ =
		    text_realloc(j->signed_, (j->n + 64) * sizeof(*j->signed_));
	j->signed_[j->n++] = *s;
	return 0;
}

/* ---- the board: who has been taken in ---- */

static const struct ledger_signoff *
signed_for(const struct job *j, const char *letters, const char *code)
{
	const struct ledger_signoff *found = NULL;

	for (size_t i = 0; i < j->n; i++)
		if (strchr(letters, j->signed_[i].scope[0]) != NULL &&
		    strcmp(j->signed_[i].scope + 1, code) == 0)
			found = &j->signed_[i];
	return found;
}

static void
board_row(struct job *j, const struct insurer *i)
{
	/* a municipality may have been signed for under either key */
	const struct ledger_signoff *s = i->scheme == SCHEME_NHI_CITY ?
	    signed_for(j, "C", i->number8) :
	    NULL;
	const struct ledger_signoff *e = signed_for(j, "E", i->code);
	char stem[64], at[30];

	if (e != NULL && (s == NULL || e->at > s->at))
		s = e;
	j->run.read++;
	if (s == NULL) {
		j->run.unchanged++;
		printf("%s\t%s\t-\t-\t-\t-\t-\t%s\n", i->number8, i->sender,
		    i->name);
		return;
	}
	j->run.accepted++;
	filename_format(&s->id, "", stem);
	day_format_stamp(s->at, at);
	printf("%s\t%s\t%s\t%lld\t%lld\t%s\t%s\t%s\n", i->number8, i->sender,
	    stem, (long long)s->records, (long long)s->difference, at, s->who,
	    i->name);
}

static int
board(struct job *j)
{
	const struct config *c = j->run.config;
	struct partners *p = partners_load(c->senders, c->insurers, j->sink);
	const struct insurer *v;
	size_t n;

	if (p == NULL) {
		run_worst(&j->run, EXIT_CONFIG);
		return -1;
	}
	n = partners_insurers(p, &v);
	puts("#insurer\tsender\tupload\trecords\tdifference\tsigned\tby\tname");
	for (size_t i = 0; i < n; i++)
		board_row(j, &v[i]);
	partners_free(p);
	return 0;
}

/* ---- an upload ---- */

static int
not_there(struct job *j, const char *why)
{
	diag_file(j->sink, DIAG_NOT_IN_FORCE, j->r.stem, "%s", why);
	run_worst(&j->run, EXIT_NOT_READY);
	return -1;
}

/* What the sender's file came to, where its side is this machine's too. */
static int
count_file(struct job *j)
{
	const char *root = j->run.config->intermediate_root;
	struct ledger *l;
	int found;

	if (root[0] == '\0')
		return 0;
	l = ledger_look(root, j->sink);
	if (l == NULL)
		return -1;
	found = ledger_file_get(l, &j->id, &j->file);
	ledger_close(l);
	j->counted = found == 1;
	return found == -1 ? -1 : 0;
}

static int
find_segment(struct job *j)
{
	const struct snapshot_set_entry *e =
	    &j->set.kind[SNAPSHOT_QUALIFICATION];
	char name[80];
	int found;

	filename_format(&j->id, "", j->r.stem);
	snprintf(name, sizeof(name), "%s.period.seg", j->r.stem);
	found = ledger_segment_get(j->ledger, name, &j->r.segment);
	if (found == -1)
		return -1;
	if (found == 0)
		return not_there(j, "no segment of it has come");
	if (j->r.segment.generation == 0 || e->generation == 0)
		return not_there(j, "it waits for the next rebuild");
	if (j->r.segment.generation > publish_generation(&j->set))
		return not_there(
		    j, "an older generation was put in force since");
	return 0;
}

static void
say_file(const struct job *j)
{
	const struct ledger_file *f = &j->file;

	printf("%s: %s, merged in generation %lld; compared with generation"
	       " %lld\n",
	    j->r.stem, j->r.full ? "whole (全件)" : "changes (異動分)",
	    (long long)j->r.segment.generation,
	    (long long)publish_generation(&j->set));
	if (j->counted)
		printf("file: read %lld, accepted %lld, refused %lld,"
		       " unchanged %lld\n",
		    (long long)f->read, (long long)f->accepted,
		    (long long)f->refused, (long long)f->unchanged);
}

/* Those of the upload that were signed before keep their signature. */
static const struct ledger_signoff *
signature(const struct job *j, const char *scope)
{
	char stem[64];

	for (size_t i = 0; i < j->n; i++) {
		filename_format(&j->signed_[i].id, "", stem);
		if (strcmp(j->signed_[i].scope, scope) == 0 &&
		    strcmp(stem, j->r.stem) == 0)
			return &j->signed_[i];
	}
	return NULL;
}

static void
say_scopes(struct job *j)
{
	int64_t sum[5] = { 0 };

	puts("#insurer\trecords\trefused\tpersons\tperiods\tcovered\tmissing"
	     "\tchanged\textra\tpast\tlater\tsigned");
	for (size_t i = 0; i < j->r.n; i++) {
		const struct reconcile_scope *s = &j->r.v[i];
		const struct ledger_signoff *by = signature(j, s->scope);

		printf("%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\t"
		       "%lld\t%lld\t%s\n",
		    s->scope, (long long)s->records, (long long)s->kept,
		    (long long)s->persons, (long long)s->periods,
		    (long long)s->covered, (long long)s->missing,
		    (long long)s->changed, (long long)s->extra,
		    (long long)s->past, (long long)s->later,
		    by == NULL ? "-" : by->who);
		sum[0] += s->records;
		sum[1] += s->missing;
		sum[2] += s->changed;
		sum[3] += s->extra;
		sum[4] += s->kept;
	}
	/* what ingest refused nobody is answered by either */
	j->difference =
	    sum[1] + sum[2] + sum[3] + (j->counted ? j->file.refused : sum[4]);
	run_note(&j->run, "records", sum[0]);
	run_note(&j->run, "missing", sum[1]);
	run_note(&j->run, "changed", sum[2]);
	run_note(&j->run, "extra", sum[3]);
	run_note(&j->run, "difference", j->difference);
}

static int
sign_scopes(struct job *j)
{
	struct ledger_signoff s = { .id = j->id,
		.generation = publish_generation(&j->set),
		.at = j->run.now };
	int signed_now = 0;

	run_account(s.who);
	snprintf(s.why, sizeof(s.why), "%s", j->why == NULL ? "" : j->why);
	if (ledger_begin(j->ledger) == -1)
		return -1;
	for (size_t i = 0; i < j->r.n; i++) {
		const struct reconcile_scope *v = &j->r.v[i];

		memcpy(s.scope, v->scope, sizeof(s.scope));
		s.records = v->records;
		s.refused = v->kept;
		s.persons = v->persons;
		s.periods = v->periods;
		s.difference = v->missing + v->changed + v->extra + v->kept;
		int r = ledger_signoff_put(j->ledger, &s);
		if (r == -1) {
			ledger_rollback(j->ledger);
			return -1;
		}
		signed_now += r;
	}
	run_note(&j->run, "signed", signed_now);
	if (signed_now == 0)
		run_worst(&j->run, EXIT_NOTHING);
	if (!j->run.dry)
		return ledger_commit(j->ledger);
	ledger_rollback(j->ledger);
	return 0;
}

static int
upload(struct job *j)
{
	char dir[SPOOL_PATH_MAX];

	if (find_segment(j) == -1 || count_file(j) == -1)
		return -1;
	spool_path(dir, j->r.root, "snapshots");
	j->r.snapshot = snapshot_open(dir, SNAPSHOT_QUALIFICATION,
	    &j->set.kind[SNAPSHOT_QUALIFICATION], true, j->sink);
	if (j->r.snapshot == NULL) {
		run_worst(&j->run, EXIT_INTEGRITY);
		return -1;
	}
	retention_begin(&j->r.retention, j->run.config,
	    j->set.kind[SNAPSHOT_QUALIFICATION].day, NULL);
	if (reconcile_compare(&j->r) == -1)
		return -1;
	say_file(j);
	say_scopes(j);
	if (j->difference > 0)
		run_worst(&j->run, EXIT_RECORDS);
	if (!j->sign)
		return 0;
	if (j->difference > 0 && j->why == NULL) {
		diag_file(j->sink, DIAG_SIGN_WHY, j->r.stem, "difference %lld",
		    (long long)j->difference);
		run_worst(&j->run, EXIT_INPUT);
		return -1;
	}
	return sign_scopes(j);
}

static int
open_job(struct job *j)
{
	const struct config *c = j->run.config;
	char publisher[128], digest[65];

	if (c->qualification_root[0] == '\0') {
		diag_file(j->sink, DIAG_CONFIG, j->run.config_path, "%s",
		    "qualification.root is not set");
		run_worst(&j->run, EXIT_CONFIG);
		return -1;
	}
	if (run_lock(&j->run, c->qualification_root) == -1)
		return -1;
	j->ledger = ledger_open(c->qualification_root, j->sink);
	if (j->ledger == NULL)
		return -1;
	if (ledger_signoffs(j->ledger, load_signed, j) == -1)
		return -1;
	if (j->run.argc == 0)
		return 0;
	j->trust = chain_open(
	    c->site_ca, c->site_crl[0] == '\0' ? NULL : c->site_crl, j->sink);
	if (j->trust == NULL ||
	    seal_cert_name(c->publish_cert, publisher, j->sink) == -1) {
		run_worst(&j->run, EXIT_CONFIG);
		return -1;
	}
	j->r = (struct reconcile) { .run = &j->run,
		.sink = j->sink,
		.root = c->qualification_root,
		.ledger = j->ledger };
	if (publish_current(j->r.root, j->trust, publisher, j->run.now, &j->set,
		digest, j->sink) != -1)
		return 0;
	run_worst(&j->run, EXIT_INTEGRITY);
	return -1;
}

static int
reconcile(struct job *j)
{
	const char *stem = j->run.argc == 0 ? NULL : j->run.argv[0];

	j->sink = &j->run.log.sink;
	j->run.countless = stem != NULL;
	if (j->run.argc > 1 || (stem == NULL && (j->sign || j->why != NULL)) ||
	    (j->why != NULL && !j->sign) ||
	    (stem != NULL &&
		filename_parse_stem(slice_of(stem), &j->id) == -1)) {
		fprintf(stderr,
		    "shikaku-reconcile: one upload, as"
		    " 06139992_shikaku_20260801_0002; --why goes"
		    " with --sign\n");
		run_worst(&j->run, EXIT_BAD_USAGE);
		return -1;
	}
	if (open_job(j) == -1)
		return -1;
	return stem == NULL ? board(j) : upload(j);
}

int
main(int argc, char **argv)
{
	struct job *j = text_alloc(sizeof(*j));
	const struct run_options options = {
		.operands = true,
		.letters = "",
		.longs = longs,
		.option = option,
		.arg = j,
		.usage =
		    "shikaku-reconcile -c SITE.yaml [-nv] [-D YYYY-MM-DD] "
		    "[[--sign [--why TEXT]] UPLOAD]\n"
		    "  -c FILE     configuration of the site\n"
		    "  --sign      sign for it, under the name of this account\n"
		    "  --why TEXT  ... though there is a difference\n",
	};
	int status;

	if (run_begin(&j->run, "reconcile", argc, argv, &options) == 0 &&
	    reconcile(j) == -1) {
		j->run.read = j->run.accepted = j->run.unchanged = 0;
		if (j->run.exit < EXIT_NOT_READY)
			run_worst(&j->run, EXIT_TEMPORARY);
	}
	snapshot_close(j->r.snapshot);
	reconcile_free(&j->r);
	ledger_close(j->ledger);
	chain_free(j->trust);
	free(j->signed_);
	status = run_end(&j->run);
	free(j);
	return status;
}
