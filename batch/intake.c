/*
 * Takes uploads from the drop boxes of both sides. Each one ends, whole, in
 * ready/ (and done/) or in refused/, with a receipt either way; one bad file
 * never stops the others.
 *
 * Order of effects: ready/STEM, receipt, ledger, upload moved. What a kill
 * leaves undone the next run does again from the upload, which moves last.
 */
#include "batch/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/publish.h"
#include "formats/codec/day.h"
#include "formats/limits.h"
#include "formats/receipt.h"

#define WHY_MAX 1000 /* rows of one arrival receipt */
#define SEQUENCE_LAST 9999

static int
io(struct intake *in, const char *what)
{
	diag_file(&in->run.log.sink, DIAG_IO, what, "%s", strerror(errno));
	run_worst(&in->run, EXIT_TEMPORARY);
	return -1;
}

static void
refuse(struct upload *u, enum diag_code code, const char *detail)
{
	diag_file(&u->why.sink, code, u->name, "%s", detail);
}

static bool
is_refused(const struct upload *u)
{
	return u->why.sink.levels[DIAG_FATAL] > 0;
}

/* ---- the ladder: one rung per promise ---- */

static void
check_size(struct upload *u)
{
	if (u->bytes == 0)
		refuse(u, DIAG_EMPTY_FILE, "0 bytes");
	else if (u->bytes > UPLOAD_BYTES_MAX)
		refuse(u, DIAG_TOO_LARGE, "at most 2 GiB");
}

static void
check_name(struct upload *u)
{
	if (filename_parse(slice_of(u->name), &u->id) == -1) {
		refuse(u, DIAG_FILE_NAME, "SENDER_FEED_YYYYMMDD_NNNN.zip.p7m");
		return;
	}
	if (strcmp(u->id.sender, u->sender->id) != 0) {
		refuse(u, DIAG_WRONG_SENDER, "the name says another sender");
		return;
	}
	u->named = true;
	filename_format(&u->id, "", u->stem);
	if ((u->sender->feeds >> u->id.feed & 1) == 0)
		refuse(u, DIAG_WRONG_SENDER, "this sender has not this feed");
	if ((u->sender->joins_on != DAY_NONE &&
		u->id.day < u->sender->joins_on) ||
	    (u->sender->leaves_on != DAY_NONE &&
		u->id.day >= u->sender->leaves_on))
		refuse(u, DIAG_NOT_JOINED, "the day in the file name");
	/* a night's business day is the evening's: names of the small hours
	 * carry the day after */
	if (u->id.day > u->intake->run.day + 1)
		refuse(u, DIAG_FUTURE_DAY, "later than the business day");
}

/* How far b lies behind a on the ring 1..9999. */
static int
steps(int a, int b)
{
	return (b - a + SEQUENCE_LAST) % SEQUENCE_LAST;
}

static int
check_sequence(struct upload *u)
{
	struct ledger_file same;
	char detail[64];
	int32_t day = DAY_NONE;
	int last = 0, found, ahead;

	found = ledger_file_get(u->intake->ledger, &u->id, &same);
	if (found == -1)
		return -1;
	if (found == 1 && same.state != FILE_REFUSED &&
	    strcmp(same.sha256, u->sha256) != 0) {
		refuse(u, DIAG_SEQUENCE_REUSED, "sender, feed, day and number");
		return 0;
	}
	found = ledger_sequence(
	    u->intake->ledger, u->id.sender, u->id.feed, &day, &last);
	if (found != 1)
		return found;
	ahead = steps(last, u->id.sequence);
	snprintf(detail, sizeof(detail), "last accepted: %04d", last);
	if (ahead == 0 || ahead > SEQUENCE_LAST / 2 ||
	    (u->id.sequence < last && u->id.day <= day))
		refuse(u, DIAG_SEQUENCE_OLD, detail);
	else if (ahead > 1) {
		snprintf(detail, sizeof(detail), "missing: %04d to %04d",
		    last % SEQUENCE_LAST + 1,
		    (u->id.sequence + SEQUENCE_LAST - 2) % SEQUENCE_LAST + 1);
		refuse(u, DIAG_SEQUENCE_GAP, detail); /* a warning */
	}
	return 0;
}

/* ---- what becomes of it ---- */

/* A sender may not overwrite a result of its own by a bad name or a number
 * used before: such uploads are told apart by their digest. */
static int
own_name(struct upload *u, char out[96])
{
	struct ledger_file same;
	int found = 0;

	if (u->named)
		found = ledger_file_get(u->intake->ledger, &u->id, &same);
	if (found == -1)
		return -1;
	if (!u->named)
		snprintf(out, 96, "unnamed-%.12s", u->sha256);
	else if (found == 1 && strcmp(same.sha256, u->sha256) != 0)
		snprintf(out, 96, "%s-%.12s", u->stem, u->sha256);
	else
		snprintf(out, 96, "%s", u->stem);
	return 0;
}

static int
write_receipt(struct upload *u, const char *name, bool accepted)
{
	struct intake *in = u->intake;
	char dir[SPOOL_PATH_MAX], file[128];
	struct receipt_arrival r = { .file = u->name,
		.sender = u->sender->id,
		.bytes = u->bytes,
		.arrived = in->run.now,
		.accepted = accepted,
		.why = &u->why,
		.day = in->run.day };
	struct publish p;

	if (u->named)
		r.id = u->id;
	memcpy(r.sha256, u->sha256, sizeof(r.sha256));
	spool_path(dir, in->root, "box/%s/out", u->sender->id);
	snprintf(file, sizeof(file), "%s.receipt.yaml", name);
	if (publish_make_dir(dir) == -1 || publish_open(&p, in->root) == -1)
		return io(in, dir);
	receipt_arrival_write(&r, p.f);
	return publish_commit(&p, dir, file) == -1 ? io(in, dir) : 0;
}

static int
move_upload(struct upload *u, const char *state, const char *name)
{
	struct intake *in = u->intake;
	char from[SPOOL_PATH_MAX], dir[SPOOL_PATH_MAX], to[128];

	/* the only path made with a name from outside: a file that lies in
	 * this very folder, as readdir gave it */
	spool_path(from, in->root, "box/%s/in/%s", u->sender->id, u->name);
	spool_path(dir, in->root, "%s", state);
	snprintf(to, sizeof(to), "%s.zip.p7m", name);
	return publish_rename(from, dir, to) == -1 ? io(in, from) : 0;
}

static int
enter(struct upload *u, enum file_state state)
{
	struct ledger_file f = { .id = u->id,
		.bytes = u->bytes,
		.arrived = u->intake->run.now,
		.state = state };

	memcpy(f.sha256, u->sha256, sizeof(f.sha256));
	for (size_t i = 0; i < u->why.n && state == FILE_REFUSED; i++)
		if (diag_table[u->why.v[i].code].level == DIAG_FATAL) {
			snprintf(f.reason, sizeof(f.reason), "%s",
			    diag_table[u->why.v[i].code].code);
			break;
		}
	return ledger_file_put(u->intake->ledger, &f);
}

static int
accept_upload(struct upload *u)
{
	struct intake *in = u->intake;
	char ready[SPOOL_PATH_MAX], there[SPOOL_PATH_MAX];

	in->run.accepted++;
	if (in->run.dry)
		return 0;
	spool_path(ready, in->root, "ready");
	spool_path(there, in->root, "ready/%s", u->stem);
	/* left by a run that was killed before it told the ledger */
	if (access(there, F_OK) == 0 && spool_remove_tree(there) == -1)
		return io(in, there);
	if (publish_make_dir(ready) == -1 ||
	    publish_rename(u->work, ready, u->stem) == -1)
		return io(in, there);
	u->work[0] = '\0';
	if (write_receipt(u, u->stem, true) == -1 || enter(u, FILE_READY) == -1)
		return -1;
	return move_upload(u, "done", u->stem);
}

static int
refuse_upload(struct upload *u)
{
	struct intake *in = u->intake;
	struct ledger_file same;
	char name[96];
	int found = 0;

	in->run.refused++;
	in->run.files_refused++;
	run_worst(&in->run, EXIT_FILES);
	if (in->run.dry)
		return 0;
	if (own_name(u, name) == -1 || write_receipt(u, name, false) == -1)
		return -1;
	if (u->named)
		found = ledger_file_get(in->ledger, &u->id, &same);
	if (found == -1)
		return -1;
	/* a row that was accepted stands; a refused one is its latest try */
	if (u->named && (found == 0 || same.state == FILE_REFUSED) &&
	    enter(u, FILE_REFUSED) == -1)
		return -1;
	return move_upload(u, "refused", name);
}

/*
 * The same bytes again. The first result stands, unless it was refused for a
 * fault of ours (the signers' CRL): then it is looked at again. 1: it was a
 * replay and is dealt with; 0: go on; -1.
 */
static int
take_replay(struct upload *u)
{
	struct intake *in = u->intake;
	struct ledger_file first;
	char name[96];
	int found = ledger_file_by_digest(in->ledger, u->sha256, &first);

	if (found != 1)
		return found;
	if (first.state == FILE_REFUSED &&
	    strcmp(first.reason, diag_table[DIAG_SEAL_CRL].code) == 0)
		return 0;
	in->run.unchanged++;
	refuse(u, DIAG_REPLAY, "the first result stands"); /* a note */
	if (in->run.dry)
		return 1;
	filename_format(&first.id, "", name);
	if (!u->named || strcmp(name, u->stem) != 0) {
		/* under another name: it gets a receipt of its own */
		if (u->named)
			snprintf(name, sizeof(name), "%s-again", u->stem);
		else
			snprintf(
			    name, sizeof(name), "unnamed-%.12s", u->sha256);
		if (write_receipt(u, name, first.state != FILE_REFUSED) == -1)
			return -1;
	}
	return move_upload(u, first.state == FILE_REFUSED ? "refused" : "done",
		   name) == -1 ?
	    -1 :
	    1;
}

static int
judge(struct upload *u)
{
	int rc;

	check_size(u);
	check_name(u);
	if (u->bytes > 0 && (rc = take_replay(u)) != 0)
		return rc == 1 ? 0 : -1;
	if (!is_refused(u) && check_sequence(u) == -1)
		return -1;
	if (!is_refused(u) && intake_unpack(u) == -1)
		return -1;
	return is_refused(u) ? refuse_upload(u) : accept_upload(u);
}

static int
take_upload(struct intake *in, const struct sender *sender, const char *dir,
    const char *name)
{
	struct upload u = { .intake = in, .sender = sender, .name = name };
	char path[SPOOL_PATH_MAX];
	struct stat st;
	int rc = -1;

	diag_list_init(&u.why, WHY_MAX, &in->run.log.sink, DIAG_WARNING);
	spool_path(path, dir, "%s", name);
	u.fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (u.fd == -1 || fstat(u.fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    seal_digest_fd(u.fd, u.sha256) == -1) {
		io(in, path);
		goto out;
	}
	u.bytes = st.st_size;
	in->run.files++;
	in->run.read++;
	rc = judge(&u);
	if (rc == -1)
		run_worst(&in->run, EXIT_TEMPORARY);
out:
	if (u.fd != -1)
		close(u.fd);
	if (u.work[0] != '\0')
		spool_remove_tree(u.work);
	diag_list_free(&u.why);
	return rc;
}

/* ---- boxes ---- */

struct order { /* names in order of day and number, others first */
	struct filename id;
	const char *name;
};

static int
compare(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->id.day != y->id.day)
		return x->id.day < y->id.day ? -1 : 1;
	if (x->id.sequence != y->id.sequence)
		return x->id.sequence < y->id.sequence ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
take_box(struct intake *in, const struct sender *sender)
{
	char dir[SPOOL_PATH_MAX];
	struct spool_names names;
	struct order *v;

	spool_path(dir, in->root, "box/%s/in", sender->id);
	if (spool_list(dir, &names) == -1) {
		if (errno != ENOENT)
			io(in, dir);
		return;
	}
	v = text_alloc((names.n + 1) * sizeof(*v));
	for (size_t i = 0; i < names.n; i++) {
		v[i].name = names.v[i];
		if (filename_parse(slice_of(v[i].name), &v[i].id) == -1)
			v[i].id.day = DAY_NONE;
	}
	qsort(v, names.n, sizeof(*v), compare);
	for (size_t i = 0; i < names.n && !run_stopped(); i++)
		take_upload(in, sender, dir, v[i].name);
	free(v);
	spool_free(&names);
}

static void
take_side(struct intake *in, const char *root, bool qualification)
{
	const struct sender *v;
	size_t n = partners_senders(in->partners, &v);

	in->root = root;
	if (*root == '\0' || run_lock(&in->run, root) == -1)
		return;
	in->ledger = ledger_open(root, &in->run.log.sink);
	if (in->ledger == NULL) {
		run_worst(&in->run, EXIT_TEMPORARY);
		return;
	}
	for (size_t i = 0; i < n && !run_stopped(); i++) {
		if (v[i].qualification == qualification)
			take_box(in, &v[i]);
		run_progress(&in->run,
		    qualification ? "boxes, qualification" :
				    "boxes, intermediate",
		    (int64_t)i + 1, (int64_t)n);
	}
	ledger_close(in->ledger);
	in->ledger = NULL;
}

static int
open_trust(struct intake *in)
{
	const struct config *c = in->run.config;
	struct diag_sink *sink = &in->run.log.sink;

	in->partners = partners_load(c->senders, c->insurers, sink);
	in->insurers = chain_open(c->insurer_ca, c->insurer_crl, sink);
	in->site = chain_open(c->site_ca, c->site_crl, sink);
	if (in->partners == NULL || in->insurers == NULL || in->site == NULL)
		return -1;
	if (*c->open_key == '\0')
		return 0; /* a side that takes no enveloped uploads */
	in->key = seal_key_open(c->open_key, c->open_cert, sink);
	return in->key == NULL ? -1 : 0;
}

int
main(int argc, char **argv)
{
	struct intake in = { 0 };

	if (run_begin(&in.run, "intake", argc, argv, NULL) == -1)
		return run_end(&in.run);
	if (open_trust(&in) == -1)
		run_worst(&in.run, EXIT_CONFIG);
	else {
		take_side(&in, in.run.config->intermediate_root, false);
		take_side(&in, in.run.config->qualification_root, true);
		if (run_stopped())
			run_worst(&in.run, EXIT_STOPPED);
		else if (in.run.files == 0)
			run_worst(&in.run, EXIT_NOTHING);
	}
	seal_key_free(in.key);
	chain_free(in.site);
	chain_free(in.insurers);
	partners_free(in.partners);
	return run_end(&in.run);
}
