/* Uploads of both sides: from the drop boxes to ready/, or refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/hooks.h"
#include "batch/intake.h"
#include "batch/publish.h"
#include "formats/codec/day.h"
#include "formats/codec/detail.h"
#include "formats/limits.h"
#include "formats/receipt.h"

#define SEQUENCES 9999
#define NO_DIGEST                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"

int
intake_failed(const struct upload *u, const char *what)
{
	diag_file(&u->in->run->log.sink, DIAG_IO, u->name, "%s/%s: %s",
	    u->in->root, what, strerror(errno));
	return -1;
}

void
intake_fault(struct upload *u, enum diag_code code, const char *detail)
{
	diag_file(&u->why.sink, code, u->name, "%s", detail);
}

bool
intake_refused(const struct upload *u)
{
	return u->why.sink.levels[DIAG_FATAL] > 0;
}

/* ---- the ladder, as far as name and books go ---- */

/* What is a change of what came before must wait for it. A CRL delivery and an
 * institution master are whole sets: they wait for nothing. */
static bool
in_order(enum feed feed)
{
	return feed != FEED_CRL && feed != FEED_INSTITUTION;
}

/* What follows from the number is true only of a file that is taken: one that
 * is refused holds nothing up and fills no gap. */
static void
say_if_taken(struct upload *u, enum diag_code code, const char *detail)
{
	u->of_number = code;
	snprintf(u->missing_text, sizeof(u->missing_text), "%s", detail);
}

/* A number that a held file waits for is no old one; its changes go before
 * those of that file, so its day must not come after. */
static bool
fills_gap(struct upload *u)
{
	char detail[64];

	if (ledger_missing_get(u->in->ledger, &u->id, &u->waits) != 1)
		return false;
	if (u->id.day > u->waits.day) {
		snprintf(detail, sizeof(detail),
		    "its day is after that of %04d, which waits for it",
		    u->waits.sequence);
		intake_fault(u, DIAG_SEQUENCE_OLD, detail);
		return true;
	}
	u->row.late = true;
	say_if_taken(u, DIAG_GAP_FILLED, "");
	return true;
}

/* Running numbers go 1..9999 and round again; a number is newer when it lies
 * less than half the circle ahead, and the day does not go back. A wrap takes
 * a newer day, so that a number of the same day never comes again. */
static void
check_sequence(struct upload *u)
{
	char detail[64];
	int32_t day;
	int last, ahead;

	if (fills_gap(u) ||
	    ledger_sequence(
		u->in->ledger, u->id.sender, u->id.feed, &day, &last) != 1)
		return;
	ahead = (u->id.sequence - last + SEQUENCES) % SEQUENCES;
	if (ahead == 0 || ahead > SEQUENCES / 2 || u->id.day < day ||
	    (u->id.sequence < last && u->id.day == day)) {
		snprintf(detail, sizeof(detail), DETAIL_LAST, last);
		intake_fault(u, DIAG_SEQUENCE_OLD, detail);
	} else if (ahead > 1) {
		int from = last % SEQUENCES + 1;
		int to = (u->id.sequence + SEQUENCES - 2) % SEQUENCES + 1;

		if (from == to)
			snprintf(detail, sizeof(detail), DETAIL_MISSING, from);
		else
			snprintf(detail, sizeof(detail), DETAIL_MISSING_MANY,
			    from, to);
		if (!in_order(u->id.feed) ||
		    (lenient_of(u->in->lenient, u->id.sender, u->in->run->day) &
			1u << LENIENT_GAP) != 0) {
			say_if_taken(u, DIAG_SEQUENCE_GAP, detail);
			return;
		}
		say_if_taken(u, DIAG_SEQUENCE_HELD, detail);
		u->missing[0] = from;
		u->missing[1] = to;
	}
}

/* The id was used before: by a file that was refused, the number is free. */
static void
check_number(struct upload *u)
{
	struct ledger_file before;

	if (ledger_file_get(u->in->ledger, &u->id, &before) == 1 &&
	    before.state != FILE_REFUSED)
		intake_fault(u, DIAG_SEQUENCE_REUSED, "");
	else
		check_sequence(u);
}

static void
parse_name(struct upload *u)
{
	if (filename_parse(slice_of(u->name), &u->id) == -1 ||
	    strcmp(u->id.sender, u->sender->id) != 0)
		return;
	u->named = true;
	filename_format(&u->id, "", u->stem);
}

static void
check_name(struct upload *u)
{
	const struct sender *s = u->sender;

	if (!u->named && u->id.sender[0] != '\0') {
		intake_fault(u, DIAG_WRONG_SENDER, "named after somebody else");
		return;
	}
	if (!u->named) {
		intake_fault(u, DIAG_FILE_NAME, "");
		return;
	}
	if ((s->feeds >> u->id.feed & 1) == 0)
		intake_fault(u, DIAG_WRONG_SENDER, feed_names[u->id.feed]);
	if ((s->joins_on != DAY_NONE && u->id.day < s->joins_on) ||
	    (s->leaves_on != DAY_NONE && u->id.day >= s->leaves_on))
		intake_fault(u, DIAG_NOT_JOINED, "");
	/* the business day is the evening's: names of the small hours carry
	 * the day after */
	if (u->id.day > u->in->run->day + 1)
		intake_fault(u, DIAG_FUTURE_DAY, "");
	check_number(u);
}

static void
check_size(struct upload *u)
{
	if (u->row.bytes == 0)
		intake_fault(u, DIAG_EMPTY_FILE, "");
	if (u->row.bytes > UPLOAD_BYTES_MAX)
		intake_fault(u, DIAG_TOO_LARGE, "");
}

/* ---- what the sender gets ---- */

static void
out_dir(const struct upload *u, char out[SPOOL_PATH_MAX])
{
	spool_path(out, u->in->root, "box/%s/out", u->sender->id);
}

/* Written, not yet to be seen. */
static int
write_receipt(const struct upload *u, const struct filename *id)
{
	struct receipt_arrival r = { .file = u->name,
		.sender = u->sender->id,
		.bytes = u->row.bytes,
		.arrived = u->row.arrived,
		.accepted = u->row.state != FILE_REFUSED,
		.cut_off = receipt_next(
		    u->row.arrived, u->in->run->config->service_close),
		.why = &u->why,
		.day = u->in->run->day };
	char dir[SPOOL_PATH_MAX], name[128];
	struct publish p;

	r.opening =
	    day_moment(u->in->run->day + 1, u->in->run->config->service_open);
	/* a night that is run long after its day */
	if (r.opening <= r.arrived)
		r.opening =
		    receipt_next(r.arrived, u->in->run->config->service_open);
	if (id != NULL)
		r.id = *id;
	memcpy(r.sha256, u->row.sha256, sizeof(r.sha256));
	out_dir(u, dir);
	snprintf(name, sizeof(name), ".%s.receipt.yaml", u->stem);
	if (publish_open(&p, u->in->root) == -1)
		return intake_failed(u, "receipt");
	receipt_arrival_write(&r, p.f);
	if (publish_commit(&p, dir, name) == -1)
		return intake_failed(u, "receipt");
	return 0;
}

/* 0 also where there is none (any more). */
static int
show_receipt(const struct upload *u)
{
	char dir[SPOOL_PATH_MAX], hidden[SPOOL_PATH_MAX], name[128];

	out_dir(u, dir);
	snprintf(name, sizeof(name), "%s.receipt.yaml", u->stem);
	spool_path(hidden, dir, ".%s", name);
	if (publish_rename(hidden, dir, name) == -1 && errno != ENOENT)
		return intake_failed(u, "receipt");
	return 0;
}

/* In sight; durable with the sync of the side. */
static int
show_receipt_later(const struct upload *u)
{
	char dir[SPOOL_PATH_MAX], hidden[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX];

	out_dir(u, dir);
	spool_path(hidden, dir, ".%s.receipt.yaml", u->stem);
	spool_path(path, dir, "%s.receipt.yaml", u->stem);
	return rename(hidden, path) == -1 ? intake_failed(u, "receipt") : 0;
}

static bool
exists(const char *dir, const char *name)
{
	char path[SPOOL_PATH_MAX];

	spool_path(path, dir, "%s", name);
	return access(path, F_OK) == 0;
}

static int
sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd == -1 ? -1 : fsync(fd);

	if (fd != -1)
		close(fd);
	return r;
}

/* Out of the box, to done/ or refused/, under a name of our own making;
 * beside a file of the same name with other content, not over it. */
static int
move_upload(struct upload *u, const char *where, bool same_bytes)
{
	char dir[SPOOL_PATH_MAX], path[SPOOL_PATH_MAX], name[128];

	spool_path(dir, u->in->root, "%s", where);
	snprintf(name, sizeof(name), "%s.zip.p7m", u->stem);
	if (!same_bytes && exists(dir, name))
		snprintf(name, sizeof(name), "%s.%.16s.zip.p7m", u->stem,
		    u->row.sha256);
	spool_path(path, dir, "%s", name);
	if (renameat(u->box, u->name, AT_FDCWD, path) == -1 ||
	    sync_path(dir) == -1 || fsync(u->box) == -1)
		return intake_failed(u, where);
	return 0;
}

static void
move_later(struct upload *u)
{
	struct intake *in = u->in;
	struct intake_move *m;
	struct stat st = { 0 };

	fstat(u->fd, &st);
	in->move = text_realloc(in->move, (in->moves + 1) * sizeof(*in->move));
	m = &in->move[in->moves++];
	spool_path(m->box, in->root, "box/%s/in", u->sender->id);
	spool_path(m->path, in->root, "done/%s.zip.p7m", u->stem);
	snprintf(m->name, sizeof(m->name), "%s", u->name);
	m->dev = st.st_dev;
	m->ino = st.st_ino;
}

/* Everything written on the side's file system so far. */
static int
sync_root(const struct intake *in)
{
	int fd = open(in->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd == -1 ? -1 : syncfs(fd);

	if (fd != -1)
		close(fd);
	return r;
}

/* Not what has been put in its place since: that is for the next run. */
static int
move_one(struct intake *in, const struct intake_move *m)
{
	char from[SPOOL_PATH_MAX + 256];
	struct stat st;

	snprintf(from, sizeof(from), "%s/%s", m->box, m->name);
	if (lstat(from, &st) == 0 && st.st_dev == m->dev && st.st_ino == m->ino)
		return rename(from, m->path);
	diag_file(&in->run->log.sink, DIAG_STATE_DIFFERS, m->path,
	    "the upload was replaced in its box while it was taken");
	run_worst(in->run, EXIT_INTEGRITY);
	return 0;
}

/* Step 5 of all that was accepted. */
static int
move_all(struct intake *in)
{
	int r;

	if (in->moves == 0)
		return 0;
	r = sync_root(in);
	for (size_t i = 0; r == 0 && i < in->moves; i++)
		r = move_one(in, &in->move[i]);
	if (r == 0 && sync_root(in) == 0)
		return 0;
	diag_file(&in->run->log.sink, DIAG_IO, "done", "%s", strerror(errno));
	return -1;
}

/* ---- accepted, refused, known ---- */

static void
call_hooks(const struct upload *u, const char *code)
{
	hooks_upload(u->in->run,
	    u->in->qualification ? "qualification" : "intermediate",
	    u->sender->id, u->stem, code);
}

static int
make_ready(struct upload *u)
{
	char dir[SPOOL_PATH_MAX], there[SPOOL_PATH_MAX];

	spool_path(dir, u->in->root, "ready");
	spool_path(there, dir, "%s", u->stem);
	/* left by a run killed before the ledger knew */
	if (spool_remove_tree(there) == -1 ||
	    publish_rename(u->ready, dir, u->stem) == -1)
		return intake_failed(u, "ready");
	u->ready[0] = '\0';
	return 0;
}

/* The upload, and what it waits for or lets go on, in one transaction; that
 * it is held is up to ingest, which reads it first. */
static int
enter(struct upload *u)
{
	struct ledger *l = u->in->ledger;
	struct ledger_hold h = { .id = u->id, .since = u->in->run->day };

	if (ledger_begin(l) == -1)
		return -1;
	if (ledger_file_put(l, &u->row) == -1)
		goto back;
	if (u->row.late &&
	    ledger_missing_arrived(l, &u->id, &u->waits, u->in->run->now) == -1)
		goto back;
	memcpy(h.sha256, u->row.sha256, sizeof(h.sha256));
	snprintf(
	    h.code, sizeof(h.code), "%s", diag_table[DIAG_SEQUENCE_HELD].code);
	snprintf(h.detail, sizeof(h.detail), "%s", u->missing_text);
	if (u->missing[0] != 0 &&
	    (ledger_hold_put(l, &h) == -1 ||
		ledger_missing_put(l, &u->id, u->missing[0], u->missing[1]) ==
		    -1))
		goto back;
	return ledger_commit(l);
back:
	ledger_rollback(l);
	return -1;
}

static int
accept(struct upload *u)
{
	u->row.state = FILE_READY;
	if (u->of_number != DIAG__MAX)
		intake_fault(u, u->of_number, u->missing_text);
	if (u->in->run->dry)
		return 0;
	if (make_ready(u) == -1 || write_receipt(u, &u->id) == -1 ||
	    enter(u) == -1 || show_receipt_later(u) == -1)
		return -1;
	move_later(u);
	call_hooks(u, NULL);
	return 0;
}

static enum diag_code
first_fatal(const struct upload *u)
{
	for (size_t i = 0; i < u->why.n; i++)
		if (diag_table[u->why.v[i].code].level == DIAG_FATAL)
			return u->why.v[i].code;
	return DIAG_FILE_NAME;
}

/* A name of our own for what has none, or whose name another file has: by
 * digest, or `mark`. */
static void
name_apart(struct upload *u, const char *mark)
{
	char stem[sizeof(u->stem)];
	struct buf b;

	buf_init(&b, stem, sizeof(stem));
	buf_puts(&b, u->named ? u->stem : "unnamed");
	buf_putc(&b, '-');
	if (u->named && mark != NULL)
		buf_puts(&b, mark);
	else
		buf_put(&b, (struct slice) { u->row.sha256, 12 });
	memcpy(u->stem, stem, sizeof(stem));
}

/* Whether an upload of this name was accepted here before. */
static bool
was_accepted(const struct upload *u)
{
	char dir[SPOOL_PATH_MAX], name[128];
	struct ledger_file before;

	spool_path(dir, u->in->root, "done");
	snprintf(name, sizeof(name), "%s.zip.p7m", u->stem);
	return exists(dir, name) ||
	    (ledger_file_get(u->in->ledger, &u->id, &before) == 1 &&
		before.state != FILE_REFUSED);
}

static int
refuse(struct upload *u)
{
	bool mine = u->named && !was_accepted(u);

	u->row.state = FILE_REFUSED;
	snprintf(u->row.reason, sizeof(u->row.reason), "%s",
	    diag_table[first_fatal(u)].code);
	if (u->in->run->dry)
		return 0;
	/* row and receipt of an accepted file are never touched by another of
	 * its name */
	if (!mine)
		name_apart(u, NULL);
	if (write_receipt(u, u->named ? &u->id : NULL) == -1 ||
	    (mine && ledger_file_put(u->in->ledger, &u->row) == -1) ||
	    show_receipt(u) == -1)
		return -1;
	if (move_upload(u, "refused", false) == -1)
		return -1;
	call_hooks(u, diag_table[first_fatal(u)].code);
	return 0;
}

/* Whether refusal may have become wrong although not a byte has changed. */
static bool
may_change(const char *reason)
{
	static const enum diag_code codes[] = { DIAG_SEAL_CRL,
		DIAG_SEAL_EXPIRED, DIAG_SEAL_DECRYPT, DIAG_NOT_JOINED,
		DIAG_FUTURE_DAY, DIAG_WRONG_SENDER };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(reason, diag_table[codes[i]].code) == 0)
			return true;
	return false;
}

/* Made up what a killed run left undone: the receipt may be hidden, in sight
 * or lost. */
static int
finish(struct upload *u, const struct ledger_file *f, const char *where)
{
	char dir[SPOOL_PATH_MAX], name[128];

	u->row = *f;
	out_dir(u, dir);
	if (show_receipt(u) == -1)
		return -1;
	snprintf(name, sizeof(name), "%s.receipt.yaml", u->stem);
	if (!exists(dir, name) &&
	    (write_receipt(u, &f->id) == -1 || show_receipt(u) == -1))
		return -1;
	return move_upload(u, where, true);
}

/* The same bytes under another name of the sender: a receipt of its own that
 * bears the first one's number. */
static int
known_otherwise(
    struct upload *u, const struct ledger_file *f, const char *where)
{
	char first[64], detail[96];

	filename_format(&f->id, "", first);
	snprintf(detail, sizeof(detail), "first received as %s", first);
	intake_fault(u, DIAG_REPLAY, detail);
	u->row.state = f->state;
	u->row.arrived = f->arrived;
	name_apart(u, "again");
	if (u->in->run->dry)
		return 0;
	if (write_receipt(u, &f->id) == -1 || show_receipt(u) == -1)
		return -1;
	return move_upload(u, where, true);
}

/* These bytes came before, under this name or another of the sender: the
 * first result stands. */
static int
known(struct upload *u, const struct ledger_file *f)
{
	const char *where = f->state == FILE_REFUSED ? "refused" : "done";
	char dir[SPOOL_PATH_MAX], name[64];

	filename_format(&f->id, ".zip.p7m", name);
	/* what ingest refused had been accepted here */
	spool_path(dir, u->in->root, "done");
	if (exists(dir, name))
		where = "done";
	if (strcmp(u->name, name) != 0)
		return known_otherwise(u, f, where);
	spool_path(dir, u->in->root, "%s", where);
	if (u->in->run->dry)
		return 0;
	if (!exists(dir, name))
		return finish(u, f, where);
	intake_fault(u, DIAG_REPLAY, "");
	if (show_receipt(u) == -1)
		return -1;
	return move_upload(u, where, strcmp(where, "done") == 0);
}

/* ---- one upload ---- */

/* Opens it and takes its size and digest. 0; 1: it is gone again; -1. */
static int
open_upload(struct upload *u)
{
	struct stat st;

	u->fd = openat(
	    u->box, u->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (u->fd == -1)
		return errno == ENOENT ? 1 : intake_failed(u, "open");
	if (fstat(u->fd, &st) == -1)
		return intake_failed(u, "open");
	if (!S_ISREG(st.st_mode))
		return 1;
	u->row.bytes = st.st_size;
	u->row.arrived = u->in->run->now;
	memcpy(u->row.sha256, NO_DIGEST, sizeof(u->row.sha256));
	if (u->row.bytes <= UPLOAD_BYTES_MAX &&
	    seal_digest_fd(u->fd, u->row.sha256) == -1)
		return intake_failed(u, "read");
	return 0;
}

/* 1 accepted, 0 refused, 2 known, -1 failed. */
static int
judge(struct upload *u)
{
	struct ledger_file before;
	int r = ledger_file_by_digest(u->in->ledger, u->row.sha256, &before);

	if (r == -1)
		return -1;
	parse_name(u);
	if (r == 1 && strcmp(before.id.sender, u->sender->id) == 0 &&
	    !(before.state == FILE_REFUSED && may_change(before.reason)))
		return known(u, &before) == -1 ? -1 : 2;
	check_name(u);
	check_size(u);
	u->row.id = u->id;
	r = intake_refused(u) ? 0 : intake_unpack(u);
	if (r == -1)
		return -1;
	if (r == 1)
		return accept(u) == -1 ? -1 : 1;
	return refuse(u) == -1 ? -1 : 0;
}

static void
count(struct run *run, const struct upload *u, int verdict)
{
	run->files++;
	run->read++;
	run->accepted += verdict == 1;
	run->refused += verdict == 0;
	run->unchanged += verdict == 2;
	if (verdict == 0) {
		run->files_refused++;
		run_worst(run, EXIT_FILES);
	}
	if (run->verbose)
		fprintf(stderr, "shikaku-%s: %s: %s\n", run->name, u->stem,
		    verdict == 1     ? "accepted" :
			verdict == 0 ? "refused" :
				       "received before");
}

/* Neither file nor wait: what a client made by mistake, or a sender who does
 * not know better. Told to the sender once, to the operator every night until
 * it is gone; never followed, opened or moved. */
static int
take_no_file(struct intake *in, const struct sender *s, const char *name)
{
	struct upload u = { .in = in, .sender = s, .name = name, .fd = -1 };
	char dir[SPOOL_PATH_MAX], receipt[128];
	int r = 0;

	diag_list_init(
	    &u.why, INTAKE_FAULTS_MAX, &in->run->log.sink, DIAG_WARNING);
	in->no_files++;
	parse_name(&u);
	u.row.arrived = in->run->now;
	u.row.state = FILE_REFUSED;
	snprintf(dir, sizeof(dir), "box/%s/in", s->id);
	intake_fault(&u, DIAG_NOT_A_FILE, dir);
	/* there are no bytes: told apart by the name */
	seal_digest(slice_of(name), u.row.sha256);
	name_apart(&u, NULL);
	out_dir(&u, dir);
	snprintf(receipt, sizeof(receipt), "%s.receipt.yaml", u.stem);
	if (!exists(dir, receipt)) {
		count(in->run, &u, 0);
		if (!in->run->dry &&
		    (write_receipt(&u, NULL) == -1 || show_receipt(&u) == -1))
			r = -1;
	}
	diag_list_free(&u.why);
	return r;
}

static int
take_no_files(struct intake *in, const struct sender *s, const char *dir)
{
	struct spool_names names;
	int r = 0;

	if (spool_others(dir, &names) == -1) {
		diag_file(
		    &in->run->log.sink, DIAG_IO, dir, "%s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = take_no_file(in, s, names.v[i]);
	spool_free(&names);
	return r;
}

static int
take(struct intake *in, const struct sender *s, int box, const char *name)
{
	struct upload u = { .in = in,
		.sender = s,
		.box = box,
		.name = name,
		.fd = -1,
		.of_number = DIAG__MAX };
	int r, verdict = -1;

	diag_list_init(&u.why, INTAKE_FAULTS_MAX, &in->run->log.sink,
	    in->run->verbose ? DIAG_NOTE : DIAG_WARNING);
	r = open_upload(&u);
	if (r == 0)
		verdict = judge(&u);
	if (verdict >= 0)
		count(in->run, &u, verdict);
	if (u.ready[0] != '\0')
		spool_remove_tree(u.ready);
	if (u.fd != -1)
		close(u.fd);
	diag_list_free(&u.why);
	return r == 1 || verdict >= 0 ? 0 : -1;
}

/* ---- boxes, sides ---- */

static int
make_box(const struct intake *in, const struct sender *s)
{
	char dir[SPOOL_PATH_MAX];

	spool_path(dir, in->root, "box/%s/in", s->id);
	if (publish_make_dir(dir) == -1)
		return -1;
	spool_path(dir, in->root, "box/%s/out", s->id);
	return publish_make_dir(dir);
}

/* A new row of the senders' table, and boxes belong to another account (each
 * is a chroot of sftp): nothing can have come, and the others must not wait. */
static bool
no_box(const struct intake *in, const char *dir)
{
	int why = errno;

	if ((why != EACCES && why != EPERM && why != EROFS) ||
	    access(dir, F_OK) == 0 || errno != ENOENT) {
		errno = why;
		return false;
	}
	diag_file(&in->run->log.sink, DIAG_NO_BOX, dir, "%s", strerror(why));
	return true;
}

/* Names sort by feed, day and running number. */
static int
take_box(struct intake *in, const struct sender *s)
{
	struct spool_names names;
	char dir[SPOOL_PATH_MAX];
	int box, r = 0;

	spool_path(dir, in->root, "box/%s/in", s->id);
	if (make_box(in, s) == -1 && no_box(in, dir))
		return 0;
	if (make_box(in, s) == -1 || spool_list(dir, &names) == -1) {
		diag_file(
		    &in->run->log.sink, DIAG_IO, dir, "%s", strerror(errno));
		return -1;
	}
	box = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (box == -1) {
		diag_file(
		    &in->run->log.sink, DIAG_IO, dir, "%s", strerror(errno));
		r = -1;
	}
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		if (run_stopped()) {
			run_worst(in->run, EXIT_STOPPED);
			break;
		}
		r = take(in, s, box, names.v[i]);
	}
	if (r == 0)
		r = take_no_files(in, s, dir);
	if (box != -1)
		close(box);
	spool_free(&names);
	return r;
}

static int
take_side(struct intake *in)
{
	const struct sender *v;
	size_t n = partners_senders(in->partners, &v);
	int r = -1;

	if (run_lock(in->run, in->root) == -1)
		return -1;
	in->ledger = ledger_open(in->root, &in->run->log.sink);
	if (in->ledger == NULL)
		goto out;
	r = 0;
	/* a box that fails is left as it is, so that its order holds; the
	 * others go on */
	for (size_t i = 0; i < n && !run_stopped(); i++)
		if (v[i].qualification == in->qualification &&
		    take_box(in, &v[i]) == -1)
			r = -1;
	if (move_all(in) == -1)
		r = -1;
out:
	free(in->move);
	in->move = NULL;
	in->moves = 0;
	if (r == -1)
		run_worst(in->run, EXIT_TEMPORARY);
	ledger_close(in->ledger);
	in->ledger = NULL;
	return r;
}

static const char *
path_or_null(const char *path)
{
	return path[0] == '\0' ? NULL : path;
}

/* Trust and keys, before the first upload is looked at. */
static int
open_trust(struct intake *in)
{
	const struct config *c = in->run->config;
	struct diag_sink *sink = &in->run->log.sink;

	in->insurers =
	    chain_open(c->insurer_ca, path_or_null(c->insurer_crl), sink);
	if (in->insurers == NULL)
		return -1;
	if (c->qualification_root[0] != '\0') {
		in->site =
		    chain_open(c->site_ca, path_or_null(c->site_crl), sink);
		if (in->site == NULL)
			return -1;
	}
	/* a site that gets no envelopes has no key for them */
	if (c->open_key[0] == '\0' || access(c->open_key, F_OK) == -1)
		return 0;
	in->open_key = seal_key_open(c->open_key, c->open_cert, sink);
	return in->open_key == NULL ? -1 : 0;
}

static void
intake(struct intake *in)
{
	const struct config *c = in->run->config;

	in->root = c->intermediate_root;
	if (in->root[0] != '\0' && take_side(in) == -1)
		return;
	in->root = c->qualification_root;
	in->qualification = true;
	if (in->root[0] != '\0')
		take_side(in);
}

int
main(int argc, char **argv)
{
	struct run run;
	struct intake in = { .run = &run };
	struct partners *partners;
	struct lenient *lenient;

	if (run_begin(&run, "intake", argc, argv, NULL) == -1)
		return run_end(&run);
	partners = partners_load(
	    run.config->senders, run.config->insurers, &run.log.sink);
	lenient = lenient_load(run.config->leniencies, &run.log.sink);
	in.partners = partners;
	in.lenient = lenient;
	if (partners == NULL || lenient == NULL || open_trust(&in) == -1)
		run_worst(&run, EXIT_CONFIG);
	else
		intake(&in);
	run_note(&run, "not_files", in.no_files);
	if (run.files == 0 && in.no_files == 0)
		run_worst(&run, EXIT_NOTHING);
	chain_free(in.insurers);
	chain_free(in.site);
	seal_key_free(in.open_key);
	lenient_free(lenient);
	partners_free(partners);
	return run_end(&run);
}
