/* What is told of a net that runs, or ran: lines, JSON lines, a live table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/expected.h"
#include "batch/net_run.h"
#include "batch/spool.h"
#include "batch/status.h"
#include "formats/codec/day.h"
#include "formats/codec/json.h"

#define DRAW_EVERY 200

static const char *const event_names[] = { "night_begins", "job_begins",
	"job_ends", "job_waits", "night_ends" };

/* ---- JSON lines ---- */

static void
json_text(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, ",\"%s\":", key);
	json_quote(slice_of(value), b);
}

static void
json_number(struct buf *b, const char *key, int64_t value)
{
	buf_printf(b, ",\"%s\":%lld", key, (long long)value);
}

static void
json_row(struct buf *b, const struct ledger_job *row)
{
	char stamp[30];

	json_number(b, "attempt", row->attempt);
	day_format_stamp(row->began, stamp);
	json_text(b, "began", stamp);
	if (row->ended == 0)
		return;
	json_number(b, "ms", row->ms);
	json_number(b, "exit", row->exit);
	json_number(b, "read", row->read);
	json_number(b, "accepted", row->accepted);
	json_number(b, "refused", row->refused);
	json_number(b, "files", row->files);
}

static void
tell_json(struct night *night, enum night_event event, const struct task *t)
{
	char line[2048], stamp[30], iso[11];
	struct buf b;

	buf_init(&b, line, sizeof(line));
	day_format_stamp(run_moment(night->run), stamp);
	day_format_iso(night->run->day, iso);
	buf_printf(
	    &b, "{\"time\":\"%s\",\"event\":\"%s\"", stamp, event_names[event]);
	json_text(&b, "net", night->order->net->name);
	json_text(&b, "day", iso);
	if (t != NULL) {
		json_text(&b, "job", t->job->name);
		json_text(&b, "state", task_state_names[t->state]);
		json_text(&b, "log", t->log);
		if (t->tries > 0)
			json_row(&b, &t->row);
	} else if (event == NIGHT_ENDS)
		json_number(&b, "exit", night->run->exit);
	buf_putc(&b, '}');
	puts(line);
}

/* ---- lines for people ---- */

static void
head(void)
{
	printf("  %-14s %10s %10s %9s %6s %9s %5s  %s\n", "job", "read",
	    "accepted", "refused", "files", "seconds", "exit", "what for");
}

static void
line(const struct job *job, const struct ledger_job *row, const char *state)
{
	printf("  %-14s ", job->name);
	if (row != NULL && row->ended > 0)
		printf("%10lld %10lld %9lld %6lld %5lld.%03d %5d",
		    (long long)row->read, (long long)row->accepted,
		    (long long)row->refused, (long long)row->files,
		    (long long)(row->ms / 1000), (int)(row->ms % 1000),
		    row->exit);
	else
		printf("%54s", state);
	printf("  %s\n", job->reason_ja);
}

static void
tell_line(struct night *night, enum night_event event, const struct task *t)
{
	const struct net *net = night->order->net;

	if (event == NIGHT_BEGINS) {
		printf("  %s: %s / %s\n", net->name, net->title, net->title_ja);
		head();
	} else if (event == JOB_ENDS || event == JOB_WAITS)
		line(t->job, t->tries > 0 ? &t->row : NULL,
		    task_state_names[t->state]);
}

void
net_tell(struct night *night, enum night_event event, struct task *t)
{
	if (night->order->json)
		tell_json(night, event, t);
	else if (!night->run->tty)
		tell_line(night, event, t);
	fflush(stdout);
}

/* ---- the live table ---- */

static void
clock_text(int64_t moment, char out[24])
{
	int64_t c = day_clock(moment) / 60000;

	snprintf(out, 24, "%02d:%02d", (int)(c / 60), (int)(c % 60));
}

static void
draw_running(const struct night *night, const struct task *t)
{
	int64_t ms = run_monotonic() - t->began;
	int64_t rate = ms > 0 ? t->done * 1000 / ms : 0;
	char eta[24] = "";

	if (t->total > t->done && t->done > 0)
		clock_text(run_moment(night->run) +
			(t->total - t->done) * ms / t->done,
		    eta);
	fprintf(stderr, "%6lld s  %s %lld", (long long)(ms / 1000), t->phase,
	    (long long)t->done);
	if (t->total > 0)
		fprintf(stderr, " of %lld (%d%%)", (long long)t->total,
		    (int)(t->done * 100 / t->total));
	if (rate > 0)
		fprintf(stderr, "  %lld/s", (long long)rate);
	if (eta[0] != '\0')
		fprintf(stderr, "  until %s", eta);
}

static void
draw_task(const struct night *night, const struct task *t)
{
	char clock[24];

	fprintf(
	    stderr, "  %-14s %-8s", t->job->name, task_state_names[t->state]);
	switch (t->state) {
	case TASK_RUNS:
		draw_running(night, t);
		break;
	case TASK_DONE:
	case TASK_FAILED:
		if (t->row.ended > 0)
			fprintf(stderr,
			    "%6lld s  exit %d  read %lld  accepted %lld  "
			    "refused %lld",
			    (long long)(t->row.ms / 1000), t->row.exit,
			    (long long)t->row.read, (long long)t->row.accepted,
			    (long long)t->row.refused);
		break;
	case TASK_WAITS: {
		int64_t at = t->not_before;
		int64_t opens = net_moment(night->run->day, t->job->opens);

		if (!night->order->now && opens > at)
			at = opens;
		if (at > run_moment(night->run)) {
			clock_text(at, clock);
			fprintf(stderr, "          until %s", clock);
		}
		break;
	}
	default:
		break;
	}
	fputs("\033[K\n", stderr);
}

void
net_draw(struct night *night, bool last)
{
	int64_t now = run_monotonic();
	const struct net *net = night->order->net;
	char clock[24];

	if (!night->run->tty || night->order->json ||
	    (!last && now - night->drawn < DRAW_EVERY))
		return;
	night->drawn = now;
	if (night->lines > 0)
		fprintf(stderr, "\033[%dA", night->lines);
	clock_text(run_moment(night->run), clock);
	fprintf(stderr, "%s  %s / %s  %s\033[K\n", net->name, net->title,
	    net->title_ja, clock);
	for (int i = 0; i < net->n; i++)
		draw_task(night, &night->task[i]);
	night->lines = net->n + 1;
}

/* ---- last night's story ---- */

struct story {
	const struct net *net;
	struct ledger_job row[NET_JOBS_MAX];
	bool json;
};

static int
take_row(void *arg, const struct ledger_job *j)
{
	struct story *s = arg;
	int i = net_find(s->net, j->job);

	if (i != -1)
		s->row[i] = *j;
	return 0;
}

static const char *
verdict(const struct net *net, int i, const struct ledger_job *row)
{
	if (row->id == 0)
		return "not run / 未実行";
	if (row->ended == 0)
		return "no end: it runs, or was killed / 終了記録なし";
	if (net_has(net->go_on, row->exit))
		return "";
	if (!net_has(net->retry, row->exit))
		return "by hand / 要対応";
	return row->attempt > net->job[i].retries ?
	    "tries used up, by hand / 再試行終了・要対応" :
	    "again later / 再実行待ち";
}

static void
show_json(const struct net *net, const struct ledger_job *row, int i)
{
	char text[2048];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_puts(&b, "{\"net\":");
	json_quote(slice_of(net->name), &b);
	json_text(&b, "job", net->job[i].name);
	if (row->id != 0)
		json_row(&b, row);
	json_text(&b, "verdict", verdict(net, i, row));
	buf_putc(&b, '}');
	puts(text);
}

/* The advice of the catalogue for the code in a line of a log. */
static void
show_advice(const char *said)
{
	const char *at = strstr(said, ": fatal ");
	int code;

	if (at == NULL || strlen(at) < 13)
		return;
	code = diag_find((struct slice) { at + 8, 5 });
	if (code != -1)
		printf("    %s\n    %s\n", diag_table[code].mend_en,
		    diag_table[code].mend_ja);
}

/* What the last try itself said last, with its code, and where all of it is. */
static void
show_why(const char *root, const char *iso, const struct net *net, int i)
{
	char path[SPOOL_PATH_MAX], line[1024], said[1024] = "", more[1024] = "";
	FILE *f;

	spool_path(
	    path, root, "log/%s.%s.%s.log", iso, net->name, net->job[i].name);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, NET_TRY_MARK, strlen(NET_TRY_MARK)) == 0)
			said[0] = more[0] = '\0';
		else if (strstr(line, ": fatal ") != NULL)
			memcpy(said, line, sizeof(said));
		else if (said[0] != '\0' && strstr(line, ": warning ") != NULL)
			memcpy(more, line, sizeof(more)); /* as W4016's order */
	}
	if (f != NULL)
		fclose(f);
	said[strcspn(said, "\n")] = '\0';
	more[strcspn(more, "\n")] = '\0';
	printf(
	    "    %s%slog: %s\n", said, said[0] == '\0' ? "" : "\n    ", path);
	if (more[0] != '\0')
		printf("    %s\n", more);
	show_advice(said);
}

/* Whom the night went on without. */
static int
show_late(struct run *run)
{
	struct expectations e;
	char text[160];

	if (expected_judge(run, run->day, run_moment(run), &e) == -1)
		return -1;
	for (size_t i = 0; i < e.n; i++) {
		if (e.v[i].state < ARRIVAL_LATE)
			continue;
		expected_text(&e.v[i], run->day, text);
		printf("  without / 未着: %s\n", text);
	}
	expected_free(&e);
	return 0;
}

static void
show_held(void *arg, const char *text)
{
	(void)arg;
	printf("  %s\n", text);
}

/* Uploads of either side that wait for an operator's word. */
static int
show_holds(struct run *run)
{
	const char *roots[] = { run->config->intermediate_root,
		run->config->qualification_root };
	int r = 0;

	for (int i = 0; i < 2 && r == 0; i++) {
		char path[SPOOL_PATH_MAX];

		if (roots[i][0] == '\0')
			continue;
		spool_path(path, roots[i], "ledger.sqlite");
		if (access(path, F_OK) == -1)
			continue;
		struct ledger *l = ledger_look(roots[i], &run->log.sink);
		r = l == NULL ?
		    -1 :
		    status_holds(l, run->config_path, show_held, NULL);
		ledger_close(l);
	}
	return r;
}

/* What to type when the cause is gone. */
static void
show_resume(const struct run *run, const struct net *net)
{
	char iso[11];

	day_format_iso(run->day, iso);
	printf("  when the cause is gone / 対処後:\n    shikaku-jobs run -c %s "
	       "-D %s --resume %s\n    (outside its window --now as well / "
	       "時間帯の外では --now も付ける)\n",
	    run->config_path, iso, net->name);
}

int
net_show(struct run *run, const struct net *net, const char *root, bool json)
{
	struct story s = { .net = net, .json = json };
	struct ledger *l = ledger_look(root, &run->log.sink);
	char iso[11], from[24], to[24];
	bool failed = false;
	int r;

	if (l == NULL) {
		run_worst(run, EXIT_NOT_READY);
		return -1;
	}
	r = ledger_jobs(l, net->name, run->day, take_row, &s);
	ledger_close(l);
	if (r != 0)
		return -1;
	day_format_iso(run->day, iso);
	if (!json) {
		printf("%s %s: %s / %s\n", net->name, iso, net->title,
		    net->title_ja);
		printf("  %-14s %3s %5s %5s %8s %4s %10s %10s %9s\n", "job",
		    "try", "from", "to", "seconds", "exit", "read", "accepted",
		    "refused");
	}
	for (int i = 0; i < net->n; i++) {
		const struct ledger_job *row = &s.row[i];

		if (json) {
			show_json(net, row, i);
			continue;
		}
		from[0] = to[0] = '\0';
		if (row->id != 0)
			clock_text(row->began, from);
		if (row->ended != 0)
			clock_text(row->ended, to);
		printf("  %-14s %3d %5s %5s %8lld %4d %10lld %10lld %9lld  "
		       "%s\n",
		    net->job[i].name, row->attempt, from, to,
		    (long long)(row->ms / 1000), row->exit,
		    (long long)row->read, (long long)row->accepted,
		    (long long)row->refused, verdict(net, i, row));
		if (row->id == 0 || net_has(net->go_on, row->exit))
			continue;
		failed = true;
		show_why(root, iso, net, i);
		if (row->ended == 0)
			puts("    where nothing runs any more: shikaku-jobs "
			     "run --resume / 動いていなければ "
			     "shikaku-jobs run --resume");
		printf("    %s\n    %s\n", net->job[i].by_hand,
		    net->job[i].by_hand_ja);
	}
	if (json)
		return 0;
	if (failed)
		show_resume(run, net);
	return show_holds(run) == -1 ? -1 : show_late(run);
}
