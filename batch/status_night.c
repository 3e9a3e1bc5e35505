/*
 * Last night in one word. What waits that the night should have taken, what
 * is held, and whether the set in force is whole and of that night.
 *
 *  CRITICAL  the responder has nothing to answer from, or nothing it may use
 *  WARNING   a step of the night is missing, or a person must decide
 *  UNKNOWN   it cannot be told: configuration, ledger
 *
 * A sender's refused file is no fault of the night: it is only counted, but
 * where more are refused than accepted.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/expected.h"
#include "batch/ledger.h"
#include "batch/publish.h"
#include "batch/spool.h"
#include "batch/status.h"
#include "formats/codec/day.h"

#define LINES 16
#define JOBS 64 /* of all nets of a night */
#define NAMED 4 /* held uploads of a side that are named */
#define MANY 5 /* refused uploads: a sender or two may err */

static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

struct night {
	struct run *run;
	int32_t day;
	int64_t ends; /* what came before it should be done */
	enum verdict worst;
	char line[LINES][1000];
	int lines;
	/* of one side */
	bool qualification;
	struct ledger *ledger;
	int64_t waiting, held, refused, accepted, undelivered, unmerged;
	int64_t lost; /* link packages that were refused */
	char package[64]; /* one of them */
	struct ledger_job job[JOBS]; /* last try of each */
	int jobs, named;
	struct snapshot_set set;
	bool set_there;
};

/* UNKNOWN does not hide what is known to be wrong. */
static void
raise_to(struct night *n, enum verdict v)
{
	static const int rank[] = { 0, 2, 3, 1 };

	if (rank[v] > rank[n->worst])
		n->worst = v;
}

static void __attribute__((format(printf, 3, 4)))
tell(struct night *n, enum verdict v, const char *fmt, ...)
{
	va_list ap;
	int at = n->lines;

	raise_to(n, v);
	if (at == LINES)
		return;
	at = snprintf(n->line[n->lines], sizeof(n->line[0]), "%s: ", words[v]);
	va_start(ap, fmt);
	vsnprintf(
	    n->line[n->lines] + at, sizeof(n->line[0]) - (size_t)at, fmt, ap);
	va_end(ap);
	n->lines++;
}

/* ---- the books of a side ---- */

static int
is_settled(void *arg, const struct ledger_hold *h)
{
	const struct ledger_file *f = arg;

	return h->verdict == HOLD_REFUSE && strcmp(h->sha256, f->sha256) == 0;
}

/* Has an operator said so (shikaku-ingest --refuse)? */
static bool
settled(struct night *n, const struct ledger_file *f)
{
	struct ledger_file file = *f;

	return ledger_holds(n->ledger, &f->id, is_settled, &file) == 1;
}

static int
count_file(void *arg, const struct ledger_file *f)
{
	struct night *n = arg;

	bool late = f->arrived >= n->ends; /* for the next night */

	if (f->id.day > n->day)
		return 0;
	/* ours, and no sender will send it again */
	if (f->id.feed == FEED_PACKAGE && f->state == FILE_REFUSED &&
	    !settled(n, f) && n->lost++ == 0)
		filename_format(&f->id, "", n->package);
	if (f->state == FILE_HELD)
		n->held += !late;
	else if (f->state == FILE_READY || f->state == FILE_ARRIVED)
		n->waiting +=
		    !late && (f->id.feed != FEED_PACKAGE || n->qualification);
	else if (f->id.day == n->day) {
		n->refused += f->state == FILE_REFUSED;
		n->accepted += f->state != FILE_REFUSED;
	}
	return 0;
}

/* One that came in time and is in no package, or in no generation. */
static int
count_segment(void *arg, const struct ledger_segment *s)
{
	struct night *n = arg;

	if (s->id.day > n->day)
		return 0;
	if (n->qualification)
		n->unmerged++;
	else
		n->undelivered++;
	return 0;
}

static void
count_upload(void *arg, const char *name, const struct stat *st)
{
	struct night *n = arg;
	struct filename id;

	if ((int64_t)st->st_mtime * 1000 < n->ends)
		n->waiting += filename_parse(slice_of(name), &id) == -1 ||
		    id.day <= n->day;
}

/* Refused uploads that have no row of their own, since another of their number
 * has it: they lie under its name and a piece of their digest. */
static void
count_refused_apart(struct night *n, const char *root)
{
	char path[SPOOL_PATH_MAX];
	struct spool_names files;
	struct filename id;

	spool_path(path, root, "refused");
	if (spool_list(path, &files) == -1)
		return;
	for (size_t i = 0; i < files.n; i++) {
		size_t k = strcspn(files.v[i], "-.");

		/* its own row; the same bytes once more */
		if (strcmp(files.v[i] + k, ".zip.p7m") == 0 ||
		    strcmp(files.v[i] + k, "-again.zip.p7m") == 0)
			continue;
		n->refused += filename_parse_stem(
				  (struct slice) { files.v[i], k }, &id) == 0 &&
		    id.day == n->day;
	}
	spool_free(&files);
}

/* ---- what the jobs of the night came to ---- */

static int
take_job(void *arg, const struct ledger_job *j)
{
	struct night *n = arg;
	int i = 0;

	while (i < n->jobs &&
	    (strcmp(n->job[i].net, j->net) != 0 ||
		strcmp(n->job[i].job, j->job) != 0))
		i++;
	if (i == JOBS)
		return 0;
	n->jobs += i == n->jobs;
	n->job[i] = *j;
	return 0;
}

/* A try without an end: its runner may be at work on this machine. */
static bool
runs_still(const struct ledger_job *j)
{
	char host[65], boot[37];
	int64_t own;

	run_holder(host, boot, &own);
	return strcmp(host, j->host) == 0 && strcmp(boot, j->boot) == 0 &&
	    (kill((pid_t)j->pid, 0) == 0 || errno == EPERM);
}

static void
tell_job(struct night *n, const struct ledger_job *j)
{
	const char *config = n->run->config_path;
	char day[11], end[40];

	if (j->ended == 0 ? runs_still(j) : j->exit < EXIT_NOT_READY)
		return;
	day_format_iso(n->day, day);
	snprintf(end, sizeof(end), "ended with %d", j->exit);
	tell(n, j->exit == EXIT_INTEGRITY ? NIGHT_CRITICAL : NIGHT_WARNING,
	    "%s/%s %s at try %d: shikaku-jobs show -c %s -D %s %s says why "
	    "and what to do, then shikaku-jobs run -c %s -D %s --resume %s / "
	    "ジョブが終わっていません。showで原因と対処を確認し、--resumeで再開"
	    "してください",
	    j->net, j->job, j->ended == 0 ? "was killed" : end, j->attempt,
	    config, day, j->net, config, day, j->net);
}

static void
tell_held(void *arg, const char *text)
{
	struct night *n = arg;

	if (n->named++ < NAMED)
		tell(n, NIGHT_WARNING, "%s", text);
}

/* Lost, or never made? */
static void
tell_missing(struct night *n, const char *root, const char *side)
{
	if (ledger_gone(root))
		tell(n, NIGHT_CRITICAL,
		    "%s: the ledger is gone, its files are there: put it back "
		    "from a backup (shikaku-backup), run nothing before / "
		    "台帳が失われています。控えから復元するまで何も実行しないで"
		    "ください",
		    side);
	else
		tell(n, NIGHT_WARNING,
		    "%s: no ledger: no night was ever run here; run it / "
		    "台帳がありません。夜間処理を実行してください",
		    side);
}

static void
look_side(struct night *n, const char *root, bool qualification)
{
	const char *side = qualification ? "qualification" : "intermediate";
	char path[SPOOL_PATH_MAX];
	struct ledger *l;
	int64_t waiting = n->waiting, held = n->held;

	n->qualification = qualification;
	spool_path(path, root, "ledger.sqlite");
	if (access(path, F_OK) == -1) {
		tell_missing(n, root, side);
		return;
	}
	if ((l = ledger_look(root, &n->run->log.sink)) == NULL) {
		tell(n, NIGHT_UNKNOWN,
		    "%s: the ledger cannot be read: look at disk and "
		    "permissions / 台帳を読めません",
		    side);
		return;
	}
	n->ledger = l;
	for (int i = 0; i < FILE__MAX; i++)
		ledger_each(l, (enum file_state)i, count_file, n);
	ledger_segments(l, 0, count_segment, n);
	n->jobs = n->named = 0;
	ledger_jobs(l, "", n->day, take_job, n);
	for (int i = 0; i < n->jobs; i++)
		tell_job(n, &n->job[i]);
	status_holds(l, n->run->config_path, tell_held, n);
	ledger_close(l);
	spool_uploads(root, count_upload, n);
	count_refused_apart(n, root);
	if (n->waiting > waiting)
		tell(n, NIGHT_WARNING,
		    "%s: uploads that wait and the night should have taken: "
		    "%lld; run intake and ingest again / "
		    "未処理の受信ファイルがあります。intake, ingestを再実行して"
		    "ください",
		    side, (long long)(n->waiting - waiting));
	if (n->held - held > NAMED)
		tell(n, NIGHT_WARNING,
		    "%s: uploads held: %lld; shikaku-ingest -n -c %s lists "
		    "them / 保留のファイルがあります。送信元に確認して"
		    "ください",
		    side, (long long)(n->held - held), n->run->config_path);
}

/* ---- the set in force ---- */

static int
read_set(struct night *n)
{
	const struct config *c = n->run->config;
	struct diag_sink *sink = &n->run->log.sink;
	char digest[65], publisher[128];
	struct chain *trust = chain_open(
	    c->site_ca, c->site_crl[0] == '\0' ? NULL : c->site_crl, sink);
	int found = -2;

	if (trust != NULL &&
	    seal_cert_name(c->publish_cert, publisher, sink) == 0)
		found = publish_current(c->qualification_root, trust, publisher,
		    n->run->now, &n->set, digest, sink);
	chain_free(trust);
	return found;
}

static void
judge_entry(struct night *n, enum snapshot_kind k)
{
	const struct config *c = n->run->config;
	const struct snapshot_set_entry *e = &n->set.kind[k];
	int64_t age = n->run->now - e->cut_off;
	char day[11], path[SPOOL_PATH_MAX];

	if (e->generation == 0) {
		tell(n,
		    k == SNAPSHOT_QUALIFICATION ? NIGHT_CRITICAL :
						  NIGHT_WARNING,
		    "no %s snapshot is in force: run rebuild and revoke / "
		    "スナップショットがありません",
		    snapshot_names[k]);
		return;
	}
	spool_path(path, c->qualification_root, "snapshots/%s", e->file);
	if (access(path, R_OK) == -1)
		tell(n, NIGHT_CRITICAL,
		    "%s cannot be read: questions are refused; "
		    "shikaku-rebuild --rollback an older generation, or put "
		    "it back from a backup / "
		    "公開中のファイルを読めません。旧世代に戻すか控えから復元して"
		    "ください",
		    path);
	day_format_iso(e->day, day);
	if (k == SNAPSHOT_INSTITUTIONS || /* comes once a month */
	    (n->run->day_given && e->day >= n->day) ||
	    age <= c->stale_hours * INT64_C(3600000))
		return;
	if (k == SNAPSHOT_REVOCATION) {
		/* the lists come from outside, whatever the night did */
		tell(n, NIGHT_WARNING,
		    "the revocation snapshot is of %s, older than "
		    "freshness.hours=%d: no newer lists have come, or none "
		    "were taken: ask J-LIS for the set, then run intake and "
		    "revoke, at any hour / 失効情報が古くなっています。J-LISに"
		    "確認し、届いたらintake, revokeを実行してください",
		    day, c->stale_hours);
		return;
	}
	tell(n,
	    k == SNAPSHOT_QUALIFICATION && c->stale_stops ? NIGHT_CRITICAL :
							    NIGHT_WARNING,
	    "the %s snapshot is of %s, older than freshness.hours=%d: run the "
	    "night of the days since / "
	    "スナップショットが古くなっています。未実行の夜間処理を実行してください",
	    snapshot_names[k], day, c->stale_hours);
}

static void
judge_set(struct night *n)
{
	switch (read_set(n)) {
	case 1:
		break;
	case 0:
		tell(n, NIGHT_CRITICAL,
		    "no snapshot set is in force: the responder cannot answer; "
		    "run rebuild and revoke / "
		    "公開中のスナップショットがありません");
		return;
	case -2:
		tell(n, NIGHT_UNKNOWN,
		    "trust.site_ca or keys.publish_cert cannot be read / "
		    "証明書を読めません");
		return;
	default:
		tell(n, NIGHT_CRITICAL,
		    "the snapshot set in force is not one we signed, or "
		    "broken: shikaku-check -c says what; name an older one / "
		    "公開中のスナップショットを検証できません");
		return;
	}
	n->set_there = true;
	for (int k = 0; k < SNAPSHOT__MAX; k++)
		judge_entry(n, (enum snapshot_kind)k);
}

/* A few refused files are their senders' business; most of them are ours. */
static void
judge_refused(struct night *n)
{
	if (n->lost > 0)
		tell(n, NIGHT_CRITICAL,
		    "%lld link packages were refused, their changes reach "
		    "nobody: mend what the log of intake says (keys, CRL), "
		    "move refused/%s... back to box/IM000001/in and run the "
		    "night again; where it is none of ours: shikaku-ingest "
		    "--refuse %s --why TEXT / "
		    "連携パッケージが拒否されました。原因を除き、refusedからbox/"
		    "IM000001/inへ戻して夜間処理を再実行してください。当方のもの"
		    "でなければ --refuse で処理済みとしてください",
		    (long long)n->lost, n->package, n->package);
	if (n->refused > n->accepted && n->refused >= MANY)
		tell(n, NIGHT_WARNING,
		    "%lld uploads of the night were refused, %lld accepted: "
		    "look whether the cause is here (trust.insurer_ca, "
		    "trust.insurer_crl, the clock, disk), then tell the "
		    "senders / "
		    "拒否が受付を上回っています。当方の証明書・失効リスト・時刻"
		    "を確認してください",
		    (long long)n->refused, (long long)n->accepted);
}

/* Whom the night goes on without. */
static void
judge_arrivals(struct night *n)
{
	struct expectations e;
	char text[160];

	if (expected_judge(n->run, n->day, n->run->now, &e) == -1) {
		tell(n, NIGHT_UNKNOWN,
		    "masters.arrivals or masters.holidays is wrong: see what "
		    "shikaku-arrivals says / 到着予定・祝日の一覧に誤りが"
		    "あります");
		return;
	}
	for (size_t i = 0; i < e.n; i++) {
		if (e.v[i].state < ARRIVAL_LATE)
			continue;
		expected_text(&e.v[i], n->day, text);
		tell(n,
		    e.v[i].state == ARRIVAL_CALL ? NIGHT_CRITICAL :
						   NIGHT_WARNING,
		    "%s: %s / 送信元に確認してください", text,
		    e.v[i].state == ARRIVAL_LATE ?
			"ask the sender; late.yaml still takes it tonight" :
			"call the sender");
	}
	expected_free(&e);
}

static void
judge_segments(struct night *n)
{
	if (n->undelivered > 0)
		tell(n, NIGHT_WARNING,
		    "%lld accepted uploads were not delivered: run deliver "
		    "again / 連携されていない受付分があります。deliverを再実行"
		    "してください",
		    (long long)n->undelivered);
	if (n->unmerged > 0)
		tell(n, NIGHT_WARNING,
		    "%lld segments are in no generation yet: run rebuild; exit "
		    "35 means outside the guard bands / "
		    "未反映の受付分があります。rebuildを再実行してください"
		    "（35は変動幅超過による公開保留）",
		    (long long)n->unmerged);
}

enum verdict
status_night(struct run *run, int32_t night)
{
	const struct config *c = run->config;
	struct night *n = text_alloc(sizeof(*n));
	char day[11];
	enum verdict v;

	n->run = run;
	n->day = night;
	/* of a night asked for by name everything: it may be run long after */
	n->ends =
	    run->day_given ? INT64_MAX : day_moment(night + 1, c->service_open);
	day_format_iso(night, day);
	if (c->intermediate_root[0] != '\0')
		look_side(n, c->intermediate_root, false);
	if (c->qualification_root[0] != '\0') {
		look_side(n, c->qualification_root, true);
		judge_set(n);
	}
	judge_refused(n);
	judge_arrivals(n);
	judge_segments(n);
	printf("%s: night of %s, files_accepted=%lld files_refused=%lld "
	       "files_waiting=%lld files_held=%lld",
	    words[n->worst], day, (long long)n->accepted, (long long)n->refused,
	    (long long)n->waiting, (long long)n->held);
	if (n->set_there)
		printf(" serial=%lld generation=%lld", (long long)n->set.serial,
		    (long long)n->set.kind[SNAPSHOT_QUALIFICATION].generation);
	putchar('\n');
	for (int i = 0; i < n->lines; i++)
		puts(n->line[i]);
	v = n->worst;
	free(n);
	return v;
}
